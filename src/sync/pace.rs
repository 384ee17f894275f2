//! The time that a page covers, estimated from the most recent pages.
//!
//! A wrong estimate costs requests, never records. It must not read a clock.

use crate::second::Second;

/// The largest factor by which time without records may increase the estimate of a window.
const STRETCH: f64 = 8.0;
/// The factor by which a page is far denser than the estimate.
const DENSER: f64 = 16.0;

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
    /// The last page, in seconds and records, if it was far denser than the estimate.
    denser: Option<(f64, f64)>,
}

impl Pace {
    /// Creates an estimate without pages. `memory` is the weight that a page keeps when the next one is
    /// received: 0 to 1.
    #[must_use]
    pub fn new(memory: f64) -> Self {
        Self { covered: 0.0, records: 0.0, memory, pending: 0, denser: None }
    }

    /// Creates an estimate from an assumed page with this number of records, which covers this number of
    /// seconds.
    #[must_use]
    pub fn assume(memory: f64, seconds: f64, records: u32) -> Self {
        Self { covered: seconds, records: f64::from(records), memory, pending: 0, denser: None }
    }

    /// Adds a page that covers this number of seconds and has this number of records.
    pub fn learn(&mut self, covered: i64, records: usize) {
        self.pending += records;
        if covered == 0 {
            return;
        }
        let records = u32::try_from(std::mem::take(&mut self.pending)).map_or(0.0, f64::from);
        let covered = seconds(covered);
        if covered * DENSER * self.records < self.covered * records {
            match self.denser.take() {
                // One such page may be a coincidence.
                None => self.denser = Some((covered, records)),
                Some((before, of_records)) => {
                    (self.covered, self.records) = (before, of_records);
                    self.add(covered, records);
                }
            }
        } else {
            if let Some((covered, records)) = self.denser.take() {
                self.add(covered, records);
            }
            self.add(covered, records);
        }
    }

    fn add(&mut self, covered: f64, records: f64) {
        self.covered = self.covered * self.memory + covered;
        self.records = self.records * self.memory + records;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(pages: &[(i64, usize)]) -> f64 {
        let mut pace = Pace::new(0.9);
        for (covered, records) in pages {
            pace.learn(*covered, *records);
        }
        pace.seconds_a_page(100).expect("a page")
    }

    #[test]
    fn two_far_denser_pages_replace_the_estimate_at_once() {
        let sparse = [(600_000, 100); 10];
        let before = pace(&sparse);
        assert!(pace(&[&sparse[..], &[(300, 100)]].concat()) > before / 2.0, "one page may be a coincidence");
        let dense = pace(&[&sparse[..], &[(300, 100), (340, 100)]].concat());
        assert!((300.0..=340.0).contains(&dense), "{dense}");
    }

    #[test]
    fn a_far_sparser_page_changes_the_estimate_at_once() {
        let after = pace(&[&[(300, 100); 10][..], &[(600_000, 100)]].concat());
        assert!(after > 60_000.0, "{after}");
    }

    #[test]
    fn pages_of_one_second_count_for_the_time_until_the_next_page() {
        assert!((pace(&[(1_000, 100), (0, 100), (0, 100), (2_700, 100)]) - 920.0).abs() < 10.0);
    }
}
