//! The meaning of a seed: the history, the server, and the syncs with all their events.
//!
//! A scenario is plain data, so that it can be shrunk and printed. It must not run anything.

mod changes;
mod draw;
mod history;
mod server;
mod syncs;

pub use history::{Event, Form};
pub use server::{Bound, Cursors, Filtering, Limits, Others, Server, Ties};
pub use syncs::{Consumer, Credentials, Ending, Fault, HandBack, Lost, MachineClock, Mode, Sync, Trigger};

/// The true time when the first sync begins, in seconds since 1970: 2024-06-01T12:00:00Z.
pub const PRESENT: i64 = 1_717_243_200;

/// The complete input of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The seed that it was drawn from; it also determines random choices during the run.
    pub seed: u64,
    /// The events of the account, and how the API shows them.
    pub events: Vec<Event>,
    /// The behavior of the API.
    pub server: Server,
    /// The sync mode of the connection.
    pub mode: Mode,
    /// The size of the payload of each record, in bytes.
    pub payload: usize,
    /// The authentication of the connector.
    pub credentials: Credentials,
    /// The syncs in order; the last one is neither disturbed nor killed.
    pub syncs: Vec<Sync>,
}

impl Scenario {
    /// Returns a scenario without failures, with these events and this number of syncs.
    #[must_use]
    pub fn calm(events: Vec<Event>, syncs: usize) -> Self {
        Self {
            seed: 0,
            events,
            server: Server::calm(),
            mode: Mode::Incremental,
            payload: 0,
            credentials: Credentials::Pasted,
            syncs: vec![Sync::calm(); syncs],
        }
    }

    /// Returns the largest number of records of a page in a sync.
    #[must_use]
    pub fn page_size(&self, sync: &Sync) -> u32 {
        sync.page_size.unwrap_or(self.server.most_records).min(self.server.most_records)
    }
}

/// Returns a pseudorandom number that depends only on these two numbers.
#[must_use]
pub fn mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
