//! The pages of one time window, one after the other: the next request, and the end of the window.
//!
//! It must not fetch anything. Only `has_more: false` in a well-formed page ends it, never a date. When the
//! cursor is lost or the window is split, it starts again: from the last settled time minus the tolerance, so
//! that a record that is displaced by up to the tolerance is not missed, or from the beginning of the window
//! if nothing has confirmed the dates. Records that are received twice are recognized by their ids.

use std::collections::HashSet;
use std::sync::Arc;

use super::batch::{Batch, Listing, Place, Trust};
use super::cursor_parameter::CursorParameter;
use super::window::Window;
use crate::second::Second;
use crate::stream::Stream;
use crate::zendesk::{Failure, Identity, Page, PageCursor, Query, Result};

/// The number of times that a page with a broken cursor is requested again. A transient fault is over then.
/// Within a second that fills many pages, a restart would return the same pages again.
const SAME_PAGE_AGAIN: u32 = 2;
/// The largest number of restarts without a record later than all before.
const FRUITLESS_RESTARTS: u32 = 20;
/// The largest number of pages without a record later than all before: a million events of one second, or a
/// server that invents cursors forever.
const FRUITLESS_PAGES: u32 = 10_000;

type Identities = HashSet<Identity, foldhash::fast::RandomState>;

/// A walk through the pages of a window.
#[derive(Debug)]
pub struct Walk {
    window: Window,
    /// The largest displacement of a record in the server's listing, in seconds.
    tolerance: i64,
    /// `page[size]`, the same for all pages of one cursor.
    page_size: u32,
    /// The cursor of the last page.
    after: Option<PageCursor>,
    /// The parameter of the cursor.
    parameter: CursorParameter,
    listing: Listing,
    trust: Trust,
    /// The records since the last start while the dates were not confirmed: a restart reads all of them
    /// again.
    received: Vec<Identity>,
    /// The records before the last start, of this walk or the one that it was split off from.
    known: Option<Arc<Identities>>,
    /// The newest `created_at` of the window so far.
    reached: Option<Second>,
    cycle: Cycle,
    /// The number of pages since the walk began without a cursor.
    depth: u32,
    same_page_again: u32,
    fruitless_restarts: u32,
    fruitless_pages: u32,
    done: bool,
}

/// The result of a response.
#[derive(Debug)]
pub enum Step {
    /// Records; the walk continues, or is complete.
    Batch(Batch),
    /// The same request must be sent again.
    Again,
    /// The cursor does not advance. The walk has restarted without it, after this number of pages;
    /// `fruitless` restarts had no later record than all before.
    Restarted {
        /// The records of the page, if there was one.
        batch: Option<Batch>,
        /// The number of pages of the lost cursor.
        depth: u32,
        /// The number of restarts without a later record.
        fruitless: u32,
    },
}

/// The continuation after a page.
enum Continuation {
    End,
    Cursor(PageCursor),
    Broken(&'static str),
}

impl Walk {
    /// Starts a walk through a window. The server may displace a record by up to `tolerance` seconds.
    #[must_use]
    pub fn new(window: Window, tolerance: i64) -> Self {
        Self {
            window,
            tolerance,
            page_size: 0,
            after: None,
            parameter: CursorParameter::default(),
            listing: Listing::default(),
            trust: Trust::Unknown,
            received: Vec::new(),
            known: None,
            reached: None,
            cycle: Cycle::default(),
            depth: 0,
            same_page_again: 0,
            fruitless_restarts: 0,
            fruitless_pages: 0,
            done: window.is_empty(),
        }
    }

    /// Returns the remaining window of this walk.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Returns `true` if the server has reported the end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Returns the newest `created_at` so far, or the start of the walk.
    #[must_use]
    pub fn position(&self) -> Second {
        match self.reached {
            Some(reached) if self.depth > 0 => reached.max(self.window.start),
            _ => self.window.start,
        }
    }

    /// Returns the number of pages of the current cursor.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Returns the start of a restart.
    #[must_use]
    pub fn restart_position(&self) -> Second {
        if self.trust != Trust::Confirmed {
            return self.window.start;
        }
        let settled = self.listing.settled.map(|settled| settled.minus(self.tolerance));
        settled.map_or(self.window.start, |settled| settled.max(self.window.start))
    }

    /// Moves everything at `at` and later to the returned walk. A walk that has begun starts again without a
    /// cursor, because a request's filter is always that of its window.
    #[must_use]
    pub fn split_off(&mut self, at: Second) -> Self {
        let mut rest = Self::new(Window { start: at, end: self.window.end }, self.tolerance);
        let reads_again = self.reached.is_some_and(|reached| reached >= at) || self.trust == Trust::Broken;
        self.restart();
        rest.trust = self.trust;
        if reads_again {
            rest.reached = self.reached;
        }
        if reads_again || self.trust != Trust::Confirmed {
            // The dates may not be those by which the server filters: what was received may belong to the rest.
            rest.known.clone_from(&self.known);
        }
        self.window.end = self.window.end.min(at);
        self.done = self.window.is_empty();
        rest
    }

    /// Starts again without a cursor, from [`Walk::restart_position`].
    pub fn restart(&mut self) {
        self.window.start = self.restart_position();
        if !self.received.is_empty() {
            let before = self.known.iter().flat_map(|known| known.iter().cloned());
            self.known = Some(Arc::new(before.chain(self.received.drain(..)).collect()));
        }
        self.after = None;
        self.depth = 0;
        self.same_page_again = 0;
        self.parameter.restart();
        self.listing = Listing::default();
        self.cycle = Cycle::default();
    }

    /// Returns the request for the next page. `page_size` applies only without a cursor: all pages of a
    /// cursor have the size of the first.
    pub fn query(&mut self, stream: &'static Stream, page_size: u32) -> Query {
        if self.after.is_none() {
            self.page_size = page_size;
        }
        let between = Some(self.window.filter());
        let mut after = self.after.clone();
        self.parameter.set(after.as_mut(), stream);
        Query { stream, between, filters: None, after, size: self.page_size }
    }

    /// Processes the page of [`Walk::query`].
    ///
    /// # Errors
    /// If the pages do not end, or the server ignores the filter.
    pub fn page(&mut self, mut page: Page, trust: Trust) -> Result<Step> {
        self.trust = trust;
        let ignored = self.parameter.is_ignored(&page, self.after.is_some());
        let continuation = self.continuation(&mut page);
        if (ignored || matches!(continuation, Continuation::Broken(_))) && self.may_request_again() {
            return Ok(Step::Again);
        }
        if ignored {
            // Its records were emitted long ago, and their ids may have been removed from the ledger.
            return self.restarted(None, "an ignored cursor");
        }
        self.same_page_again = 0;
        self.depth += 1;
        let newest = page.records.iter().filter_map(|record| record.created_at);
        let newest = newest.filter(|at| self.window.contains(*at)).max();
        let place = Place { window: self.window, tolerance: self.tolerance, trust, listing: self.listing };
        let (mut batch, listing) = Batch::new(page, place)?;
        self.listing = listing;
        if let Some(known) = &self.known {
            batch.retain(|record| !known.contains(&record.identity));
        }
        if trust != Trust::Confirmed {
            // Once the dates are confirmed, a restart reads no more records again than the ledger holds.
            self.received.extend(batch.records().map(|(record, _)| record.identity.clone()));
        }
        if newest > self.reached {
            self.reached = newest;
            self.fruitless_restarts = 0;
            self.fruitless_pages = 0;
        }
        self.fruitless_pages += 1;
        if self.fruitless_pages > FRUITLESS_PAGES {
            return Err(Failure::Pagination { what: "pages without new records" }.into());
        }
        match continuation {
            Continuation::End => {
                self.done = true;
                self.listing.end();
                batch.settled = self.listing.settled;
            }
            Continuation::Cursor(next) => self.after = Some(next),
            Continuation::Broken(what) => return self.restarted(Some(batch), what),
        }
        Ok(Step::Batch(batch))
    }

    /// Processes the refusal of a cursor: the server no longer knows it.
    ///
    /// # Errors
    /// If the walk has restarted too often without a later record.
    pub fn cursor_refused(&mut self) -> Result<Step> {
        if self.may_request_again() { Ok(Step::Again) } else { self.restarted(None, "a refused cursor") }
    }

    fn continuation(&mut self, page: &mut Page) -> Continuation {
        // A link with `has_more: false` contradicts it. After an empty page there is nothing in either case.
        let more = page.has_more || (page.has_next_link && !page.records.is_empty());
        match page.next.take() {
            _ if !more => Continuation::End,
            None => Continuation::Broken("has_more without a cursor"),
            Some(next)
                if self.after.as_ref().is_some_and(|after| after.value == next.value)
                    || self.cycle.repeats(&next.value) =>
            {
                // The link has been followed, and the server reports the end again.
                if page.has_more { Continuation::Broken("a repeated cursor") } else { Continuation::End }
            }
            Some(next) => Continuation::Cursor(next),
        }
    }

    /// Counts a page with a broken cursor. Returns `true` if the page must be requested again before it is
    /// accepted. The cursor is then sent in the other parameter: a server may ignore the one of its own link.
    fn may_request_again(&mut self) -> bool {
        self.parameter.switch();
        let again = self.same_page_again < SAME_PAGE_AGAIN;
        self.same_page_again = if again { self.same_page_again + 1 } else { 0 };
        again
    }

    fn restarted(&mut self, batch: Option<Batch>, what: &'static str) -> Result<Step> {
        let (depth, fruitless) = (self.depth, self.fruitless_restarts);
        if fruitless >= FRUITLESS_RESTARTS {
            return Err(Failure::Pagination { what }.into());
        }
        self.fruitless_restarts += 1;
        self.restart();
        Ok(Step::Restarted { batch, depth, fruitless })
    }
}

/// Detects that cursors repeat, in a cycle of any length, by storing one at a time (Brent).
#[derive(Debug, Default)]
struct Cycle {
    remembered: Option<String>,
    steps: u64,
    renew_at: u64,
}

impl Cycle {
    fn repeats(&mut self, cursor: &str) -> bool {
        if self.remembered.as_deref() == Some(cursor) {
            return true;
        }
        if self.steps == self.renew_at {
            self.remembered = Some(cursor.to_owned());
            self.renew_at = (self.renew_at * 2).max(1);
            self.steps = 0;
        }
        self.steps += 1;
        false
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
