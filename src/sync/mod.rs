//! The extraction: what to fetch (`plan`, `walk`, `sizing`), what has been emitted (`ledger`, `state`), the loop
//! between them (`engine`), records and STATE messages (`emitter`), if that is everything (`completeness`), and how
//! far it is (`estimate`, `progress`).
//!
//! Nothing here knows HTTP, tokens or how a STATE is written; it imports both wings, and neither
//! imports it.

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
