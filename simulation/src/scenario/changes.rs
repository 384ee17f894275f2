//! Draws the sync mode, the size of records, and settings that change between two syncs.
//!
//! It uses a separate random number generator, so that the rest of a seed's scenario does not change.

use fastrand::Rng;

use super::draw::{chance, pick};
use super::{Mode, PRESENT, Scenario, mix};

/// Changes the seed for the generator of this file.
const STREAM: u64 = 0x6368_616e_6765;
/// The largest number of records in a scenario with large records: the simulation copies each of them several
/// times.
const MOST_LARGE_RECORDS: usize = 400;

impl Scenario {
    /// Draws the changes.
    pub(super) fn change(&mut self) {
        let mut rng = Rng::with_seed(mix(self.seed, STREAM));
        let rng = &mut rng;
        if chance(rng, 60) {
            self.mode = Mode::FullRefresh;
        }
        if chance(rng, 5) && self.events.len() <= MOST_LARGE_RECORDS {
            self.payload = rng.usize(20_000..150_000);
        }
        if chance(rng, 150) {
            let first = self.events.iter().map(|event| event.shown).min().unwrap_or(PRESENT);
            // With smaller pages, a cursor of the same depth reaches fewer records.
            let any_page = self.server.heavy_depth.is_none();
            let most_records = self.server.most_records;
            for sync in self.syncs.iter_mut().skip(1) {
                if rng.bool() {
                    sync.lookback = pick(rng, &[0, 1, 5, 10, 30, 60]);
                }
                if rng.bool() {
                    sync.start_date = rng.bool().then(|| rng.i64(first..=PRESENT.max(first)));
                }
                if rng.bool() {
                    sync.workers = rng.bool().then(|| rng.u32(1..=16));
                }
                if rng.bool() && any_page {
                    sync.page_size = Some(rng.u32(most_records.div_ceil(4)..=most_records));
                }
            }
        }
    }
}
