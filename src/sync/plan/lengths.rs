//! The lengths of a plan's windows, from estimates of the remaining pages and from the available memory.
//!
//! A wrong estimate costs a request or some time, never a record. This file must not change the plan.
//! docs/decisions/plan.md has the measurements behind the constants.

use super::Plan;
use crate::second::Second;
use crate::sync::pace::seconds_between;

/// The longest window, in pages: longer ones save less than 1% of the requests, and servers respond slowest
/// to deep cursors.
const LONGEST_WINDOW: f64 = 64.0;
/// The shortest window that is worth a request, in pages.
pub(super) const SHORTEST_WINDOW: f64 = 2.0;
/// The largest memory of all pages in flight and of those that wait to be emitted, in bytes. Pages of the
/// head are requested in any case, because they do not wait.
const HELD: usize = 12 << 20;
/// The part of `HELD` that is reserved for windows near the head, as a divisor: later windows must not block
/// them.
const RESERVED_FOR_NEAR: usize = 8;
/// The part of `HELD` that the planned lengths use, in percent, because the sizes of pages and windows vary.
const PLANNED_PERCENT: usize = 70;
/// A window in progress is split only if more pages than this remain.
const WORTH_CUTTING: f64 = 24.0;
/// A split requests the pages within the tolerance again. The number of remaining pages must be this multiple
/// of theirs.
const CUT_COST_FACTOR: f64 = 6.0;
/// A window in progress keeps this multiple of the pages that its split requests again.
const CUT_KEEPS: f64 = 4.0;
/// The limits for the head while all other windows wait for it, and for all windows while other requests have nothing
/// to read.
const WORTH_CUTTING_HEAD: f64 = 12.0;
const CUT_COST_FACTOR_HEAD: f64 = 3.0;
const WORTH_CUTTING_LAST: f64 = 6.0;
/// Windows in progress are split only while not more than this number of windows had far fewer records than expected,
/// and one more for this number of pages: the events may be in one second, and splits then find empty windows.
const MOST_WASTED: usize = 16;
const PAGES_PER_WASTED: usize = 8;
/// The factor by which the counted records exceed the expected ones if some windows become denser later.
const UNEXPECTED: f64 = 4.0;

impl Plan {
    /// Returns the longest window, in pages.
    fn longest(&self) -> f64 {
        let longest = LONGEST_WINDOW.min(number(usize::try_from(self.sizing.depth()).unwrap_or(usize::MAX)));
        if self.concurrency == 1 {
            return longest;
        }
        // Windows that end one after the other hold half of their pages on average, except for the head.
        let fits = number(HELD / 100 * PLANNED_PERCENT / self.waiting_page_bytes.max(1));
        longest.min(fits * 2.0 / number(self.concurrency - 1))
    }

    /// Returns the number of pages that a window should have.
    pub(super) fn target(&self, index: usize) -> f64 {
        let longest = self.longest();
        if self.concurrency == 1 {
            return longest;
        }
        let requests = number(self.concurrency);
        let others = (0..self.windows.len()).filter(|other| *other != index && self.windows[*other].begun);
        let readers: Vec<f64> = others.map(|other| self.pages_at_pace(other)).filter(|left| *left > 0.0).collect();
        // Windows that begin together must not end together: all but the head would wait for memory.
        let ahead = (0..index).filter(|other| self.windows[*other].begun && self.pages_at_pace(*other) >= 1.0).count();
        let staggered = longest * (number(ahead) + 1.0).min(requests) / requests;
        // Near the end of the sync, the remaining pages are distributed so that all requests end together.
        let unread = self.unread() - readers.iter().sum::<f64>();
        staggered.min(level(readers, unread, self.concurrency)).max(SHORTEST_WINDOW)
    }

    /// Returns the number of pages that a window in progress should keep if it is so long that other requests
    /// should read the rest.
    pub(super) fn pages_to_keep(&self, index: usize) -> Option<f64> {
        if self.concurrency == 1 && self.windows[index].pages > 1.0 {
            // No other request can read the rest: a later split would only read pages again.
            return None;
        }
        if self.wasted > MOST_WASTED + self.pages / PAGES_PER_WASTED {
            return None;
        }
        let left = self.pages_left(index)?;
        let cost = self.cost_of_split(index);
        let pages = self.target(index).max(self.longest().min(CUT_KEEPS * cost));
        if left > WORTH_CUTTING.max(2.0 * pages).max(CUT_COST_FACTOR * cost) {
            return Some(pages);
        }
        if self.is_head(index) && !self.has_room(self.concurrency) {
            let is_worth = left > WORTH_CUTTING_HEAD.max(CUT_COST_FACTOR_HEAD * cost);
            return is_worth.then_some(left / 2.0);
        }
        let open = self.windows.iter().filter(|reading| !reading.walk.is_done()).count();
        if open >= self.concurrency {
            return None;
        }
        // Other requests have nothing to read.
        let is_worth = if self.has_unexpected_records() {
            left > SHORTEST_WINDOW && self.pages_unread() > CUT_COST_FACTOR_HEAD * cost
        } else {
            left > WORTH_CUTTING_LAST.max(CUT_COST_FACTOR_HEAD * cost)
        };
        is_worth.then_some(left / 2.0)
    }

    /// Returns the number of pages that a split of a window reads again, and one that ends half empty.
    fn cost_of_split(&self, index: usize) -> f64 {
        let reading = &self.windows[index];
        let from = reading.walk.restart_position();
        number(reading.page_ends.iter().filter(|end| **end >= from).count()) + 1.0
    }

    fn is_head(&self, index: usize) -> bool {
        self.windows.iter().position(|reading| !reading.walk.is_done()) == Some(index)
    }

    /// Returns `true` if the server counts far more records than all windows seem to have: some windows become denser
    /// later.
    fn has_unexpected_records(&self) -> bool {
        self.pages_unread() > UNEXPECTED * self.all_pages_at_pace().max(number(self.concurrency))
    }

    /// Returns `true` if there is memory for one more page of a window with this many windows before it.
    pub(super) fn has_room(&self, before: usize) -> bool {
        let in_flight = self.windows.iter().filter(|reading| reading.busy).count();
        let needed = self.held() + (in_flight + 1) * self.page_bytes;
        needed <= HELD - HELD / RESERVED_FOR_NEAR * before / self.concurrency
    }

    /// Returns `true` if there is memory for all remaining pages.
    pub(super) fn has_room_for_all(&self) -> bool {
        self.unread() * number(self.waiting_page_bytes) + number(self.held) <= number(HELD - HELD / RESERVED_FOR_NEAR)
    }

    /// Returns the number of remaining pages of a window; `None` before the first page of the sync.
    pub(super) fn pages_left(&self, index: usize) -> Option<f64> {
        self.pace_of(index)?;
        let left = self.pages_at_pace(index);
        if self.counted.is_none() {
            return Some(left);
        }
        let mut unread = self.pages_unread();
        if !self.windows[index].begun {
            // Its pace is that of another window.
            let begun = |other: &usize| self.windows[*other].begun;
            unread -= (0..self.windows.len()).filter(begun).map(|other| self.pages_at_pace(other)).sum::<f64>();
        }
        Some(left.min(unread.max(1.0)))
    }

    /// Returns the number of seconds that a page covers in the rest of a window; `None` before the first page
    /// of the sync.
    pub(super) fn pace_ahead(&self, index: usize) -> Option<f64> {
        let left = self.pages_left(index)?;
        Some(self.pace_of(index)?.min((self.seconds_left(index) / left).max(1.0)))
    }

    fn pace_of(&self, index: usize) -> Option<f64> {
        let size = self.sizing.page_size();
        let reading = &self.windows[index];
        reading.pace.seconds_a_page(size).or_else(|| self.pace.seconds_a_page(size))
    }

    /// Returns the number of remaining pages of a window according to its pace; 0 if the pace is unknown.
    pub(super) fn pages_at_pace(&self, index: usize) -> f64 {
        if self.windows[index].walk.is_done() {
            return 0.0;
        }
        self.pace_of(index).map_or(0.0, |pace| self.seconds_left(index) / pace)
    }

    /// Returns the number of pages that have not been received.
    fn unread(&self) -> f64 {
        if self.counted.is_some() { self.pages_unread() } else { self.all_pages_at_pace() }
    }

    fn all_pages_at_pace(&self) -> f64 {
        (0..self.windows.len()).map(|index| self.pages_at_pace(index)).sum()
    }

    /// Returns the earliest time at which a window may have another record: the span of a sync may start with years
    /// without records.
    pub(super) fn next_record(&self, index: usize) -> Second {
        let position = self.windows[index].walk.position();
        self.earliest.map_or(position, |earliest| earliest.max(position))
    }

    fn seconds_left(&self, index: usize) -> f64 {
        seconds_between(self.next_record(index), self.windows[index].walk.window().end.min(self.present))
    }

    /// Returns the number of pages that have not been received, if the server has counted the records; else
    /// 0.
    fn pages_unread(&self) -> f64 {
        let records = self.counted.map_or(0, |counted| counted.saturating_sub(self.records));
        number(records) / f64::from(self.sizing.page_size())
    }
}

/// Returns the number of pages that each request in flight must read if `unread` pages are distributed so
/// that all end together. `readers` are the remaining pages of the windows in progress.
fn level(mut readers: Vec<f64>, unread: f64, requests: usize) -> f64 {
    readers.resize(readers.len().max(requests), 0.0);
    readers.sort_by(f64::total_cmp);
    let (mut sum, mut level) = (unread, unread);
    for (before, left) in readers.iter().enumerate() {
        if before > 0 && level <= *left {
            break;
        }
        sum += left;
        level = sum / number(before + 1);
    }
    level
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_pages_are_distributed_so_that_all_requests_end_together() {
        for (readers, unread, requests, pages) in [
            (vec![], 100.0, 4, 25.0),
            (vec![10.0, 10.0, 10.0], 30.0, 4, 15.0),
            (vec![1.0, 2.0, 50.0], 9.0, 4, 4.0),
            (vec![50.0, 60.0, 70.0], 9.0, 4, 9.0),
            (vec![8.0], 0.0, 1, 8.0),
        ] {
            let level = level(readers.clone(), unread, requests);
            assert!((level - pages).abs() < 1e-9, "{readers:?} {unread}: {level}");
        }
    }
}
