//! The time that a page covers, estimated from the most recent pages.
//!
//! A wrong estimate costs requests, never records. It must not read a clock.

use crate::second::Second;

/// The largest factor by which time without records may increase the estimate of a window.
const STRETCH: f64 = 8.0;

/// The time that recent pages have covered; the weight of older pages decreases exponentially.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// In seconds.
    covered: f64,
    records: f64,
    /// The weight that a page keeps when the next one is received: 0 to 1.
    memory: f64,
    /// The number of records in pages of a single second, which count for the time until the next page.
    pending: usize,
}

impl Pace {
    /// Creates an estimate without pages. `memory` is the weight that a page keeps when the next one is
    /// received: 0 to 1.
    #[must_use]
    pub fn new(memory: f64) -> Self {
        Self { covered: 0.0, records: 0.0, memory, pending: 0 }
    }

    /// Creates an estimate from an assumed page with this number of records, which covers this number of
    /// seconds.
    #[must_use]
    pub fn assume(memory: f64, seconds: f64, records: u32) -> Self {
        Self { covered: seconds, records: f64::from(records), memory, pending: 0 }
    }

    /// Adds a page that covers this number of seconds and has this number of records.
    pub fn learn(&mut self, covered: i64, records: usize) {
        self.pending += records;
        if covered == 0 {
            return;
        }
        let records = std::mem::take(&mut self.pending);
        self.covered = self.covered * self.memory + seconds(covered);
        self.records = self.records * self.memory + u32::try_from(records).map_or(0.0, f64::from);
    }

    /// Returns `true` if a page has been added or assumed.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.covered > 0.0 || self.records > 0.0
    }

    /// Returns the number of seconds that a page of `page_size` records covers; `None` before the first page.
    #[must_use]
    pub fn seconds_a_page(&self, page_size: u32) -> Option<f64> {
        let full = f64::from(page_size);
        let records = self.records.max(full / STRETCH);
        self.is_known().then(|| (self.covered * full / records).max(1.0))
    }
}

/// Returns the number of seconds between two times; 0 if `to` is earlier than `from`.
#[must_use]
pub fn seconds_between(from: Second, to: Second) -> f64 {
    seconds(to.since(from).max(0))
}

/// Spans of centuries fit exactly.
#[expect(clippy::cast_precision_loss, reason = "a span of time is far below 2^52 seconds")]
fn seconds(seconds: i64) -> f64 {
    seconds as f64
}

/// Rounds up to whole seconds.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
pub fn whole_seconds(seconds: f64) -> i64 {
    seconds.ceil() as i64
}
