//! The extraction: what to fetch (`plan`, `walk`), what has been seen (`ledger`, `state`),
//! the loop between them (`engine`), and how far it is (`estimate`, `progress`).
//!
//! Nothing here knows HTTP, tokens or how a STATE is written; it imports both wings, and neither
//! imports it.

mod engine;
mod estimate;
#[cfg(test)]
mod fake_api;
mod ledger;
mod plan;
#[cfg(test)]
mod plan_tests;
mod progress;
mod state;
mod walk;

pub use engine::{End, Engine, Tally};
pub use ledger::Ledger;
pub use progress::Summary;
pub use state::SyncState;
