//! The sync: what to fetch (`plan`, `walk`, `sizing`), what has been emitted (`ledger`, `state`), the loop
//! between them (`engine`), records and STATE messages (`emitter`), completeness (`completeness`), and
//! progress (`estimate`, `progress`).
//!
//! This module must not know HTTP, tokens or how a STATE is written. It imports the Airbyte side and the
//! Zendesk side; neither imports it.

mod batch;
mod completeness;
mod cursor_parameter;
mod emitter;
mod engine;
mod estimate;
mod ledger;
mod metrics;
mod pace;
mod plan;
mod progress;
mod sizing;
mod state;
mod walk;
mod window;

pub use engine::{End, Engine, Reading};
pub use ledger::Ledger;
pub use metrics::SyncMetrics;
pub use progress::Summary;
pub use state::SyncState;
