//! The records of a page as the sync emits them: in ascending order, each with a classification of its date.
//!
//! It must not skip a record: only an id that has been emitted before does that (`ledger.rs`).

use super::window::Window;
use crate::second::Second;
use crate::zendesk::{Damaged, Failure, Page, Record, Result};

/// The difference from the requested span, in seconds, from which a date is not an error of a time zone.
const FAR: i64 = 86_400;
/// If this many records of a page, and at least half of them, are far outside the requested span, the server
/// ignores the filter.
const FAR_RECORDS: usize = 5;

/// The classification of a record's `created_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dating {
    /// In the window. Only such a date advances the cursor.
    InWindow,
    /// In the second before or after the window, which the filter also requests.
    AtEdge,
    /// Outside of the span that was requested.
    Contradicting,
    /// Missing or invalid.
    Missing,
}

/// A record of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The index in the page.
    record: u32,
    /// The classification of the date.
    pub dating: Dating,
    /// The time by which the record is sorted: its own time, or that of the record listed before it.
    position: Second,
    /// The latest time of a window in which the server may return the record again.
    pub until: Second,
}

/// The records of one page, in the order of emission.
#[derive(Debug)]
pub struct Batch {
    page: Page,
    entries: Vec<Entry>,
    window: Window,
    /// All records up to this time that are listed within the tolerance of their position have been received.
    pub settled: Option<Second>,
    /// `true` if a date contradicts the filter by more than the tolerance, in this page or before.
    pub breaks_trust: bool,
}

/// The state of a listing before a page, for [`Batch::new`].
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The requested window.
    pub window: Window,
    /// The largest displacement of a record in the server's listing, in seconds.
    pub tolerance: i64,
    /// The trust in the dates.
    pub trust: Trust,
    /// See [`Listing`].
    pub listing: Listing,
}

/// The evidence that the server filters and sorts by the dates that its records show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// No evidence yet.
    Unknown,
    /// A whole window between two others contained the expected records.
    Confirmed,
    /// A date contradicted the filter by more than the tolerance.
    Broken,
}

/// The order of a listing so far, and the time up to which it is settled.
///
/// The server displaces a record by at most the tolerance, in either direction. So a listed record shows that
/// all records have been listed whose time is earlier by more than twice the tolerance: the listed record may
/// be early, and a missing one late. A record settles its time minus the tolerance. A restart or a resumed
/// sync goes back by the tolerance once more.
///
/// It settles that time only if the next listed record is not earlier by more than the tolerance. So a single
/// record with a wrong date settles nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listing {
    /// The newest settled time.
    pub settled: Option<Second>,
    /// The time of the last listed record.
    last: Option<Second>,
    /// The newest time.
    newest: Option<Second>,
}

impl Listing {
    /// Processes the time of the next record in the listing.
    fn next(&mut self, time: Second, tolerance: i64) {
        if let Some(last) = self.last.filter(|last| *last <= time.plus(tolerance)) {
            self.settled = self.settled.max(Some(last.minus(tolerance)));
        }
        self.last = Some(time);
        self.newest = self.newest.max(self.last);
    }

    /// Processes the end of the listing: everything in the window has been listed.
    pub fn end(&mut self) {
        self.settled = self.settled.max(self.newest);
    }
}

impl Batch {
    /// Sorts and classifies the records of a page. Also returns the listing after it.
    ///
    /// # Errors
    /// If the records show that the server ignores the filter.
    pub fn new(page: Page, place: Place) -> Result<(Self, Listing)> {
        let Place { window, tolerance, trust, mut listing } = place;
        let filter = window.filter();
        let newest = page.records.iter().filter_map(|record| record.created_at).max();
        let mut entries = Vec::with_capacity(page.records.len());
        let mut position = listing.last.unwrap_or(window.start);
        let (mut sorted, mut far, mut breaks_trust) = (true, 0, trust == Trust::Broken);
        for (index, record) in page.records.iter().enumerate() {
            let dating = match record.created_at {
                None => Dating::Missing,
                Some(at) if window.contains(at) => Dating::InWindow,
                Some(at) if filter.start <= at && at <= filter.end => Dating::AtEdge,
                Some(at) => {
                    let off = filter.start.since(at).max(at.since(filter.end));
                    far += usize::from(off > FAR);
                    breaks_trust |= off > tolerance;
                    Dating::Contradicting
                }
            };
            let until = match (dating, record.created_at) {
                (Dating::InWindow | Dating::AtEdge, Some(at)) => {
                    sorted &= position <= at;
                    position = at;
                    // Much earlier than the record before it: the server lists it by another time.
                    let listed = listing.last.filter(|last| at.plus(tolerance) < *last);
                    if dating == Dating::InWindow {
                        listing.next(at, tolerance);
                    }
                    listed.map_or(at, |listed| listed.plus(tolerance))
                }
                // The time by which the server lists it is unknown: it may return it anywhere in the filter's
                // span.
                (Dating::Contradicting, _) => filter.end,
                _ => {
                    let followed = page.records[index..].iter().any(|record| record.created_at.is_some());
                    let latest = newest.filter(|_| followed).map_or(filter.end, |newest| newest.plus(tolerance));
                    latest.min(filter.end).max(position)
                }
            };
            entries.push(Entry { record: u32::try_from(index).unwrap_or(u32::MAX), dating, position, until });
        }
        if far >= FAR_RECORDS && far * 2 >= page.records.len() {
            return Err(Failure::Pagination { what: "pages that ignore the time filter" }.into());
        }
        if breaks_trust {
            // The server lists all of them by an unknown time.
            for entry in &mut entries {
                entry.until = entry.until.max(filter.end);
            }
        }
        if !sorted {
            // The sort is stable: records of one second, and those without a date, keep the order of the
            // page.
            entries.sort_by_key(|entry| entry.position);
        }
        Ok((Self { page, entries, window, settled: listing.settled, breaks_trust }, listing))
    }

    /// Returns the records in the order of emission.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (&Record, Entry)> {
        self.entries.iter().map(|entry| (&self.page.records[entry.record as usize], *entry))
    }

    /// Removes the records for which `is_new` returns `false`.
    pub fn retain(&mut self, mut is_new: impl FnMut(&Record) -> bool) {
        let records = &self.page.records;
        self.entries.retain(|entry| is_new(&records[entry.record as usize]));
    }

    /// Returns the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the window for which the page was requested.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Returns the time of the first record that has one.
    #[must_use]
    pub fn first(&self) -> Option<Second> {
        self.records().find_map(|(record, _)| record.created_at)
    }

    /// Compresses the records' JSON, for a batch that waits to be emitted.
    pub fn compress(&mut self) {
        self.page.compress();
    }

    /// Restores the records' JSON.
    ///
    /// # Errors
    /// If the compressed bytes are damaged.
    pub fn decompress(&mut self) -> std::result::Result<(), Damaged> {
        self.page.decompress()
    }

    /// Returns the record's JSON as the API wrote it. The batch must not be compressed.
    #[must_use]
    pub fn json(&self, record: &Record) -> &[u8] {
        self.page.text(record)
    }

    /// Returns the memory that the batch holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.page.size() + self.entries.capacity() * size_of::<Entry>()
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
