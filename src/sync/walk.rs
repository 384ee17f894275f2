//! The pages of one time window, one after the other: which request comes next, and when the server has
//! said that there is no more.
//!
//! It must not fetch anything. Nothing but `has_more: false` in a well-formed page ends it: dates never
//! do. When the cursor is lost or the window is cut, it starts again: from the last settled time minus
//! the tolerance, so that a record that is listed out of its place by up to the tolerance is not missed, or
//! from the beginning of the window as long as nothing has shown that the dates can be trusted. What comes
//! twice is recognised by its id.

use std::collections::HashSet;
use std::sync::Arc;

use super::batch::{Batch, Listing, Place, Trust};
use super::cursor_parameter::CursorParameter;
use super::window::Window;
use crate::second::Second;
use crate::stream::Stream;
use crate::zendesk::{Failure, Identity, Page, PageCursor, Query, Result};

/// How often a page that leads nowhere is requested again. A passing fault is over then, and within a
/// second that fills many pages, what follows a restart is the same again.
const SAME_PAGE_AGAIN: u32 = 2;
/// How often a walk restarts without a record later than all before.
const FRUITLESS_RESTARTS: u32 = 20;
/// Pages without a record later than all before: a million events of one second, or a server that makes
/// up cursors for ever.
const FRUITLESS_PAGES: u32 = 10_000;

type Identities = HashSet<Identity, foldhash::fast::RandomState>;

/// A walk through the pages of a window.
#[derive(Debug)]
pub struct Walk {
    window: Window,
    /// How far out of order the server may list a record, in seconds.
    tolerance: i64,
    /// `page[size]`, the same for all pages that one cursor leads through.
    page_size: u32,
    /// The cursor of the last page.
    after: Option<PageCursor>,
    /// The parameter that it goes in.
    parameter: CursorParameter,
    listing: Listing,
    trust: Trust,
    /// What has arrived since the last start while the dates were not known to be right: a restart reads
    /// all of it again.
    arrived: Vec<Identity>,
    /// What had arrived before the last start, here or in the walk that this one was split off.
    known: Option<Arc<Identities>>,
    /// The newest `created_at` of the window so far.
    reached: Option<Second>,
    cycle: Cycle,
    /// Pages since the walk began without a cursor.
    depth: u32,
    same_page_again: u32,
    fruitless_restarts: u32,
    fruitless_pages: u32,
    done: bool,
}

/// What an answer brought.
#[derive(Debug)]
pub enum Step {
    /// Records; the walk goes on, or is done.
    Batch(Batch),
    /// The same request is to be sent again.
    Again,
    /// The cursor leads nowhere. The walk has started again without one; before that, it came this many
    /// pages far with it, `fruitless` times without a later record than all before.
    Restarted {
        /// The records of the page, if there was one.
        batch: Option<Batch>,
        /// Pages that the lost cursor led through.
        depth: u32,
        /// Restarts without a later record.
        fruitless: u32,
    },
}

/// Where a page leads.
enum Leads {
    End,
    To(PageCursor),
    Nowhere(&'static str),
}

impl Walk {
    /// Starts a walk through a window. The server may list a record up to `tolerance` seconds out of its
    /// place.
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
            arrived: Vec::new(),
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

    /// Returns the window that is left to this walk.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Returns `true` if the server has said that there is no more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Returns the newest `created_at` so far, or where the walk begins.
    #[must_use]
    pub fn position(&self) -> Second {
        match self.reached {
            Some(reached) if self.depth > 0 => reached.max(self.window.start),
            _ => self.window.start,
        }
    }

    /// Returns how many pages the current cursor has led through.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Returns where a restart would begin.
    #[must_use]
    pub fn restart_position(&self) -> Second {
        if self.trust != Trust::Confirmed {
            return self.window.start;
        }
        let settled = self.listing.settled.map(|settled| settled.minus(self.tolerance));
        settled.map_or(self.window.start, |settled| settled.max(self.window.start))
    }

    /// Leaves everything at `at` and later to the walk that is returned. One that has begun starts again
    /// without a cursor: a request's filter is always that of its window.
    #[must_use]
    pub fn split_off(&mut self, at: Second) -> Self {
        let mut rest = Self::new(Window { start: at, end: self.window.end }, self.tolerance);
        let reads_again = self.reached.is_some_and(|reached| reached >= at) || self.trust == Trust::Broken;
        self.restart();
        rest.trust = self.trust;
        if reads_again {
            rest.reached = self.reached;
            rest.known.clone_from(&self.known);
        }
        self.window.end = self.window.end.min(at);
        self.done = self.window.is_empty();
        rest
    }

    /// Starts again without a cursor, from [`Walk::restart_position`].
    pub fn restart(&mut self) {
        self.window.start = self.restart_position();
        if !self.arrived.is_empty() {
            let before = self.known.iter().flat_map(|known| known.iter().cloned());
            self.known = Some(Arc::new(before.chain(self.arrived.drain(..)).collect()));
        }
        self.after = None;
        self.depth = 0;
        self.same_page_again = 0;
        self.parameter.restart();
        self.listing = Listing::default();
        self.cycle = Cycle::default();
    }

    /// Returns the request for the next page. `page_size` counts only where no cursor goes on: all pages
    /// that a cursor leads through have the size of the first.
    pub fn query(&mut self, stream: &'static Stream, page_size: u32) -> Query {
        if self.after.is_none() {
            self.page_size = page_size;
        }
        let between = Some(self.window.filter());
        let mut after = self.after.clone();
        self.parameter.set(after.as_mut(), stream);
        Query { stream, between, filters: None, after, size: self.page_size }
    }

    /// Takes the page that [`Walk::query`] asked for.
    ///
    /// # Errors
    /// If the pages never come to an end, or the server ignores the filter.
    pub fn page(&mut self, mut page: Page, trust: Trust) -> Result<Step> {
        self.trust = trust;
        let ignored = self.parameter.is_ignored(&page, self.after.is_some());
        let leads = self.leads(&mut page);
        if (ignored || matches!(leads, Leads::Nowhere(_))) && self.may_ask_again() {
            return Ok(Step::Again);
        }
        if ignored {
            // Its records were emitted long ago, and their ids may be forgotten.
            return self.restarted(None, "its cursor is ignored");
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
            // Once they are confirmed, a restart reads no more again than the ledger remembers.
            self.arrived.extend(batch.records().map(|(record, _)| record.identity.clone()));
        }
        if newest > self.reached {
            self.reached = newest;
            self.fruitless_restarts = 0;
            self.fruitless_pages = 0;
        }
        self.fruitless_pages += 1;
        if self.fruitless_pages > FRUITLESS_PAGES {
            return Err(Failure::Pagination { what: "its pages bring nothing new" }.into());
        }
        match leads {
            Leads::End => {
                self.done = true;
                self.listing.end();
                batch.settled = self.listing.settled;
            }
            Leads::To(next) => self.after = Some(next),
            Leads::Nowhere(what) => return self.restarted(Some(batch), what),
        }
        Ok(Step::Batch(batch))
    }

    /// Takes the refusal of a cursor: the server no longer knows it.
    ///
    /// # Errors
    /// If the walk has restarted too often without a later record.
    pub fn cursor_refused(&mut self) -> Result<Step> {
        if self.may_ask_again() { Ok(Step::Again) } else { self.restarted(None, "its cursor is refused") }
    }

    fn leads(&mut self, page: &mut Page) -> Leads {
        // A link beside `has_more: false` contradicts it. Behind an empty page there is nothing either way.
        let more = page.has_more || (page.has_next_link && !page.records.is_empty());
        match page.next.take() {
            _ if !more => Leads::End,
            None => Leads::Nowhere("more is announced without a cursor"),
            Some(next)
                if self.after.as_ref().is_some_and(|after| after.value == next.value)
                    || self.cycle.repeats(&next.value) =>
            {
                // The link has been followed, and the server still says that there is no more.
                if page.has_more { Leads::Nowhere("the same cursor comes again") } else { Leads::End }
            }
            Some(next) => Leads::To(next),
        }
    }

    /// Counts that a page led nowhere. Returns `true` if it is to be requested again before it is taken
    /// as it is. Then the cursor goes in the other parameter: a server may ignore the one of its own link.
    fn may_ask_again(&mut self) -> bool {
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

/// Notices that cursors repeat, in a cycle of any length, by remembering one at a time (Brent).
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
