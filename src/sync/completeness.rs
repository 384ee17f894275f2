//! Compares the API's count of the events of a span with the number of emitted events.
//!
//! It searches only for events that the server counts and did not return: if the server counts fewer events
//! than were read, some may have been deleted. This file must not send requests: it determines what to count
//! and what to read again.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::FixedState;

use super::batch::{Dating, Entry};
use super::window::Window;
use crate::second::Second;
use crate::zendesk::Identity;

/// The number of records after which a part of a long history is compared separately. A fingerprint of each
/// record is kept until then.
const PART: u64 = 200_000;
/// The largest number of slices that are read again in one comparison: a server whose counts mean something
/// else must not make the connector read everything twice.
const MOST_SUSPECTS: usize = 8;
/// The largest number of requests for a count in one comparison.
const MOST_COUNTS: usize = 40;

/// The records that were read of one window.
#[derive(Debug)]
struct Slice {
    window: Window,
    /// The newest record, or the start.
    newest: Second,
    /// The number of records whose date is in the window.
    dated: u64,
    /// The number of those in its first second.
    at_start: u64,
    /// The number of records without a date, or with one that contradicts the filter.
    loose: u64,
    /// A fingerprint of each record's identity.
    fingerprints: Vec<u32>,
}

impl Slice {
    fn new(window: Window) -> Self {
        Self { window, newest: window.start, dated: 0, at_start: 0, loose: 0, fingerprints: Vec::new() }
    }

    fn dated(&mut self, at: Second, fingerprint: u32) {
        self.dated += 1;
        self.newest = self.newest.max(at);
        self.at_start += u64::from(at == self.window.start);
        self.fingerprints.push(fingerprint);
    }

    fn read(&self) -> u64 {
        self.dated + self.loose
    }
}

/// A slice of which the server counts more events than it returned.
#[derive(Debug)]
pub struct Suspect {
    /// The span.
    pub window: Window,
    /// The number of events that the server counts.
    pub counted: u64,
    /// The number of events that were read.
    pub read: u64,
    /// The number of events in the second after the span, which the server may count as well.
    at_end: u64,
    fingerprints: HashSet<u32>,
}

/// The comparison of one sync.
#[derive(Debug)]
pub struct Completeness {
    /// The span whose events are counted: they are new to this sync, and old enough to have appeared.
    span: Window,
    slices: Vec<Slice>,
    /// The number of records of the slices.
    records: u64,
    /// The number of events of the span that have been compared and removed.
    compared: u64,
    suspects: Vec<Suspect>,
    /// Records that have already been emitted and are in the first second of the next slice.
    ahead: Vec<u32>,
    hasher: FixedState,
}

/// A binary search for the slices that lack events.
#[derive(Debug)]
pub struct Search {
    /// Ranges of slices to count.
    open: Vec<Open>,
    counts: usize,
    found: Vec<(usize, u64)>,
}

/// A range of slices to count, and the range that it is half of, with the count of that.
#[derive(Clone, Debug)]
struct Open {
    slices: Range<usize>,
    whole: Option<(Range<usize>, u64)>,
}

impl Search {
    /// Ends the search without a result.
    pub fn give_up(&mut self) {
        self.open.clear();
    }
}

impl Completeness {
    /// Creates the comparison for a span.
    #[must_use]
    pub fn new(span: Window) -> Self {
        Self {
            span,
            slices: Vec::new(),
            records: 0,
            compared: 0,
            suspects: Vec::new(),
            ahead: Vec::new(),
            hasher: FixedState::with_seed(0),
        }
    }

    /// Returns the span whose events are counted.
    #[must_use]
    pub fn span(&self) -> Window {
        self.span
    }

    /// Starts the slice of a window for the records that follow.
    pub fn enter_window(&mut self, window: Window) {
        let window = Window { start: window.start.max(self.span.start), end: window.end.min(self.span.end) };
        if window.is_empty() {
            return;
        }
        match self.slices.last_mut() {
            // The same window, which may have been split in the meantime.
            // Records that have been read stay in their slice, also if a restart reads them again in another
            // window.
            Some(last) if window.start < last.window.end => last.window.end = window.end.max(last.newest.plus(1)),
            last => {
                let start = last.map_or(window.start, |last| last.window.end);
                let mut slice = Slice::new(Window { start, end: window.end.max(start.plus(1)) });
                for fingerprint in self.ahead.drain(..) {
                    slice.dated(start, fingerprint);
                }
                self.slices.push(slice);
            }
        }
    }

    /// Adds an emitted record.
    pub fn record(&mut self, identity: &Identity, created_at: Option<Second>, entry: &Entry) {
        let fingerprint = self.fingerprint(identity);
        let Some((slice, before)) = self.slices.split_last_mut() else {
            return;
        };
        match created_at.filter(|_| matches!(entry.dating, Dating::InWindow | Dating::AtEdge)) {
            Some(at) if !self.span.contains(at) => return,
            Some(at) if slice.window.contains(at) => slice.dated(at, fingerprint),
            // It is in the second after or before the window.
            Some(at) if at == slice.window.end => self.ahead.push(fingerprint),
            Some(at) if before.last().is_some_and(|slice| slice.window.contains(at)) => {
                if let Some(before) = before.last_mut() {
                    before.dated(at, fingerprint);
                }
            }
            _ => {
                slice.loose += 1;
                slice.fingerprints.push(fingerprint);
            }
        }
        self.records += 1;
    }

    /// Returns `true` if enough records have been read to compare them before the end.
    #[must_use]
    pub fn is_part_full(&self) -> bool {
        // The last slice may be incomplete.
        self.slices.len() > 1 && self.records >= PART
    }

    /// Returns `true` if the number of events of the whole span equals the number of read events.
    #[must_use]
    pub fn agrees(&self, counted: u64) -> bool {
        counted <= self.compared + self.most_of(0, self.slices.len())
    }

    /// Starts a search in the records since the last comparison. `whole` includes the last slice.
    #[must_use]
    pub fn search(&self, whole: bool) -> Search {
        let slices = self.slices.len().saturating_sub(usize::from(!whole));
        let open = if slices == 0 { Vec::new() } else { vec![Open { slices: 0..slices, whole: None }] };
        Search { open, counts: 0, found: Vec::new() }
    }

    /// Returns the span whose count the search needs next; `None` at its end.
    #[must_use]
    pub fn next_count(&self, search: &Search) -> Option<Window> {
        let slices = &search.open.last()?.slices;
        (search.counts < MOST_COUNTS && search.found.len() < MOST_SUSPECTS)
            .then(|| self.window_of(slices.start, slices.end))
    }

    /// Processes the number of events of [`Completeness::next_count`].
    pub fn counted(&self, search: &mut Search, counted: u64) {
        let Some(Open { slices, whole }) = search.open.pop() else {
            return;
        };
        let (from, to) = (slices.start, slices.end);
        search.counts += 1;
        if search.found.is_empty()
            && let Some((whole, count)) = whole
            && counted >= count
            && self.read_in(whole) > self.most_of(from, to)
        {
            // A part has the same count as the whole: the counts do not depend on the span.
            search.open.clear();
            return;
        }
        if counted <= self.most_of(from, to) {
            return;
        }
        if to - from == 1 {
            search.found.push((from, counted));
        } else {
            let middle = from.midpoint(to);
            let whole = Some((slices, counted));
            let half = |slices| Open { slices, whole: whole.clone() };
            search.open.extend([half(middle..to), half(from..middle)]);
        }
    }

    /// Ends a search: removes the slices that agree, and returns the windows to read again.
    pub fn end_search(&mut self, search: &Search, whole: bool) -> Vec<Window> {
        let slices = self.slices.len().saturating_sub(usize::from(!whole));
        self.compared += self.most_of(0, slices);
        let mut windows = Vec::new();
        let at_ends: Vec<u64> = (0..slices).map(|index| self.at_start_of(index + 1)).collect();
        for ((index, slice), at_end) in self.slices.drain(..slices).enumerate().zip(at_ends) {
            self.records = self.records.saturating_sub(slice.read());
            if let Some((_, counted)) = search.found.iter().find(|(found, _)| *found == index) {
                windows.push(slice.window);
                self.suspects.push(Suspect {
                    window: slice.window,
                    counted: *counted,
                    read: slice.read(),
                    at_end,
                    fingerprints: slice.fingerprints.into_iter().collect(),
                });
            }
        }
        windows
    }

    /// Processes a record of a window that is read again. Returns `true` if it must be emitted: it is in the
    /// window, and has not been emitted before.
    pub fn recover(&mut self, identity: &Identity, created_at: Option<Second>) -> bool {
        let fingerprint = self.fingerprint(identity);
        let of = |suspect: &&mut Suspect| created_at.is_some_and(|at| suspect.window.contains(at));
        let Some(suspect) = self.suspects.iter_mut().find(of) else {
            return false;
        };
        let new = suspect.fingerprints.insert(fingerprint);
        suspect.read += u64::from(new);
        new
    }

    /// Returns the windows that still lack events after the second read.
    #[must_use]
    pub fn still_missing(&self) -> Vec<&Suspect> {
        self.suspects.iter().filter(|suspect| suspect.counted > suspect.read + suspect.at_end).collect()
    }

    /// Returns the largest count of these slices if no event is missing. The API does not document if the
    /// bounds of its filter are inclusive.
    fn most_of(&self, from: usize, to: usize) -> u64 {
        self.read_in(from..to) + self.at_start_of(to)
    }

    /// Returns the number of records in the first second of a slice; 0 if there is no such slice.
    fn at_start_of(&self, index: usize) -> u64 {
        self.slices.get(index).map_or(0, |slice| slice.at_start)
    }

    /// Returns the number of records of these slices.
    fn read_in(&self, slices: Range<usize>) -> u64 {
        self.slices[slices].iter().map(Slice::read).sum()
    }

    /// Half of a hash is sufficient: of the records that a window of 6,400 records lacks, one in 600,000
    /// collides with another record of the window. The end of the comparison still reports it as missing.
    #[expect(clippy::cast_possible_truncation, reason = "only half of the hash is used")]
    fn fingerprint(&self, identity: &Identity) -> u32 {
        let hash = match identity {
            // Fibonacci hashing, which needs one multiplication.
            Identity::Id(id) => id.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32,
            Identity::Ulid(_) | Identity::Other(_) => self.hasher.hash_one(identity),
        };
        hash as u32
    }

    fn window_of(&self, from: usize, to: usize) -> Window {
        Window { start: self.slices[from].window.start, end: self.slices[to - 1].window.end }
    }
}

#[cfg(test)]
#[path = "completeness_tests.rs"]
mod tests;
