//! The plan of a sync: splits its span into time windows, creates requests for several windows at a time, and
//! returns the records in the order of the windows.
//!
//! Each new window is split off the start of the remaining span, with the longest length that memory allows:
//! the last page of a window is half empty on average, so short windows cost requests. The lengths of the
//! last windows are chosen so that all requests in flight end together. Lengths are estimates: a wrong one
//! costs a request, never a record.
//!
//! This file must not send requests, wait, or know which records have been emitted. docs/decisions/plan.md
//! has the measurements behind the constants.

mod lengths;
mod reading;
mod reductions;

use std::collections::VecDeque;

use self::lengths::SHORTEST_WINDOW;
use self::reading::Reading;
use super::batch::{Batch, Trust};
use super::pace::{Pace, whole_seconds};
use super::sizing::{RequestSize, Sizing};
use super::walk::{Step, Walk};
use super::window::Window;
use crate::second::Second;
use crate::stream::Stream;
use crate::zendesk::{OnTooMuch, PageOutcome, PageRequest, Result};

/// The largest number of pages to count that a split would read again.
const MOST_READ_AGAIN: usize = 256;
/// If a window has less than this part of the expected pages, the estimate is unreliable.
const SURPRISING: f64 = 0.25;
/// The number of consecutive failures after which the plan no longer reduces the request of a window, and the
/// retry policy decides: ten steps reduce a span to a second, seven reduce a page to one record, and each
/// step may need two failures.
const MOST_REDUCTIONS: u32 = 40;
/// The largest number of windows without a page while the estimate is unreliable.
const CAUTIOUS_WINDOWS: usize = 2;
/// The number of windows with far fewer records than expected after which the plan ignores how many records the
/// server has counted: the count may be far too high.
const MOST_SURPRISES: u32 = 16;
/// The number of pages of a window that confirm that the server filters by the dates of its records.
const PAGES_THAT_CONFIRM: f64 = 2.0;
/// The weight that a page keeps when the next one is received.
const MEMORY: f64 = 0.9;
/// The assumed memory of a page, and of one that waits, before the first ones are received, in bytes.
const USUAL_PAGE: usize = 60 << 10;
const USUAL_WAITING_PAGE: usize = 24 << 10;

/// Identifies a window in [`Plan::process_response`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowId(u64);

/// Why a window is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The sync has not read it yet.
    First,
    /// The server counts more events than it has returned.
    Verify,
}

/// The plan of one sync.
#[derive(Debug)]
pub struct Plan {
    stream: &'static Stream,
    /// The windows, in order of time. The first one is the head.
    windows: VecDeque<Reading>,
    /// The start of the span of the sync.
    begin: Second,
    /// The number of requests to keep in flight.
    concurrency: usize,
    /// The server's time. Windows are assumed to have no records after it.
    present: Second,
    tolerance: i64,
    pace: Pace,
    sizing: Sizing,
    /// The mean memory of a page, and of one that waits to be emitted, in bytes.
    page_bytes: usize,
    waiting_page_bytes: usize,
    /// The memory of the batches that wait to be emitted, in bytes.
    held: usize,
    /// `true` if the last window had far fewer pages than expected.
    cautious: bool,
    /// The number of windows with far fewer records than expected since the server has counted the records.
    surprises: u32,
    /// The number of all windows with far fewer records than expected, and of all received pages.
    wasted: usize,
    pages: usize,
    trust: Trust,
    made: u64,
    /// The first time of the first page.
    earliest: Option<Second>,
    /// The number of records of the whole sync, if the server has counted them.
    counted: Option<usize>,
    /// The number of received records that the server counts.
    records: usize,
    /// The start of the span that the server counts.
    counted_from: Second,
}

impl Plan {
    /// Plans to read a window in pages of at most `page_size` records. `tolerance` is that of [`Walk::new`].
    #[must_use]
    pub fn new(stream: &'static Stream, window: Window, page_size: u32, tolerance: i64) -> Self {
        let mut plan = Self {
            stream,
            windows: VecDeque::new(),
            begin: window.start,
            concurrency: 1,
            present: window.end,
            tolerance,
            pace: Pace::new(MEMORY),
            sizing: Sizing::new(page_size),
            page_bytes: USUAL_PAGE,
            waiting_page_bytes: USUAL_WAITING_PAGE,
            held: 0,
            cautious: false,
            surprises: 0,
            wasted: 0,
            pages: 0,
            trust: Trust::Unknown,
            made: 0,
            earliest: None,
            counted: None,
            records: 0,
            counted_from: window.start,
        };
        plan.append(window, Reason::First);
        plan
    }

    /// Sets the server's time, and the end of the span. If `end` is later than the current end, the plan is
    /// extended.
    pub fn set_present(&mut self, present: Second, end: Second) {
        self.present = present;
        let so_far = self.windows.back().map(|reading| reading.walk.window().end);
        if let Some(so_far) = so_far.filter(|so_far| *so_far < end) {
            self.append(Window { start: so_far, end }, Reason::First);
        }
    }

    /// Sets the number of requests to keep in flight.
    pub fn set_concurrency(&mut self, requests: usize) {
        self.concurrency = requests.max(1);
    }

    /// Sets the start of the span that the server counts: earlier records have been emitted by an earlier sync.
    pub fn set_counted_from(&mut self, start: Second) {
        self.counted_from = start;
    }

    /// Sets the number of records that the server counts, which is used as an estimate; `None` once it is known to be
    /// wrong.
    pub fn set_count(&mut self, records: Option<u64>) {
        let records = records.filter(|_| self.surprises <= MOST_SURPRISES);
        self.counted = records.and_then(|records| usize::try_from(records).ok());
    }

    /// Plans to read a window again, because the server counts more events in it.
    pub fn read_again(&mut self, window: Window) {
        self.append(window, Reason::Verify);
    }

    /// Returns `true` if all windows are read and all batches have been taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.windows.is_empty()
    }

    /// Returns the memory of the batches that wait to be emitted, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Returns the next request, if one is useful now.
    pub fn next(&mut self) -> Option<(WindowId, PageRequest)> {
        let index = self.find_waiting()?;
        if !self.windows[index].begun {
            self.begin(index);
        }
        let reading = &mut self.windows[index];
        let walk = &mut reading.walk;
        let mut page_size = self.sizing.page_size();
        if reading.reason == Reason::Verify {
            // Uses other page borders than the first read, to find records that were omitted between two
            // pages.
            page_size = (page_size - page_size / 5).max(1);
        }
        let query = walk.query(self.stream, page_size);
        let asked = RequestSize { span: walk.window().seconds(), depth: walk.depth(), page_size: query.size };
        reading.asked = Some(asked);
        reading.busy = true;
        reading.begun = true;
        let last_resort = asked.is_smallest() || reading.at_smallest_page || reading.failed >= MOST_REDUCTIONS;
        let on_too_much = if last_resort { OnTooMuch::Retry } else { OnTooMuch::Report };
        Some((reading.id, PageRequest { query, on_too_much, failed: reading.failed, turn: reading.turn }))
    }

    /// Processes the response to a request.
    ///
    /// # Errors
    /// If the pages of a window do not advance; see [`Walk::page`].
    pub fn process_response(&mut self, id: WindowId, outcome: PageOutcome) -> Result<()> {
        let Some(index) = self.windows.iter().position(|reading| reading.id == id) else {
            return Ok(());
        };
        let reading = &mut self.windows[index];
        reading.busy = false;
        let before = reading.walk.position();
        let step = match outcome {
            PageOutcome::Page(page) => reading.walk.page(page, self.trust)?,
            PageOutcome::CursorRefused => reading.walk.cursor_refused()?,
            PageOutcome::TooMuch(too_much) => {
                self.too_much(index, too_much.reason);
                return Ok(());
            }
        };
        match step {
            Step::Again => {}
            Step::Batch(batch) => {
                self.add_page(index, before, batch);
                self.cut_if_too_long(index);
            }
            Step::Restarted { batch, depth, fruitless } => {
                if let Some(batch) = batch {
                    self.add_page(index, before, batch);
                }
                self.after_restart(index, depth, fruitless);
            }
        }
        Ok(())
    }

    /// Returns the next batch to emit, if it has been received, and the reason why its window was read.
    pub fn take(&mut self) -> Option<(Batch, Reason)> {
        while let Some(head) = self.windows.front_mut() {
            if let Some(batch) = head.ready.pop_front() {
                self.held -= batch.size();
                return Some((batch, head.reason));
            }
            if !head.walk.is_done() {
                return None;
            }
            self.windows.pop_front();
        }
        None
    }

    /// Returns the window of the next request, if concurrency and memory allow another request.
    fn find_waiting(&self) -> Option<usize> {
        self.find_longest().or_else(|| self.find_earliest())
    }

    /// Returns the window in progress with the most remaining pages, if everything that remains fits into the memory:
    /// then all windows end together.
    fn find_longest(&self) -> Option<usize> {
        let begun = |index: &usize| self.windows[*index].begun && !self.windows[*index].walk.is_done();
        let in_progress: Vec<usize> = (0..self.windows.len()).filter(begun).collect();
        if in_progress.len() < self.concurrency || !self.has_room_for_all() || !self.has_room(self.concurrency) {
            return None;
        }
        let waiting = in_progress.into_iter().filter(|index| !self.windows[*index].busy);
        waiting.max_by(|a, b| self.pages_at_pace(*a).total_cmp(&self.pages_at_pace(*b)))
    }

    /// Returns the earliest window without a request in flight.
    fn find_earliest(&self) -> Option<usize> {
        let mut unproven = 0;
        let open = self.windows.iter().enumerate().filter(|(_, reading)| !reading.walk.is_done());
        for (before, (index, candidate)) in open.enumerate().take(self.concurrency) {
            unproven += usize::from(candidate.begun && candidate.pages == 0.0);
            if candidate.busy {
                continue;
            }
            let is_unsure = !candidate.begun && self.cautious && unproven >= CAUTIOUS_WINDOWS;
            let may_go = before == 0 || (self.has_room(before) && !is_unsure);
            return may_go.then_some(index);
        }
        None
    }

    /// Reduces a window without requests to its planned length.
    fn begin(&mut self, index: usize) {
        let left = self.pages_left(index);
        if let (Some(left), Some(pace)) = (left, self.pace_ahead(index)) {
            let target = self.target(index);
            self.windows[index].pace = Pace::assume(MEMORY, pace, self.sizing.page_size());
            // A remainder that is too short for a separate window is read with this one.
            if left > target + SHORTEST_WINDOW {
                self.split(index, self.next_record(index).plus(whole_seconds(target * pace)));
            }
        }
        self.cap_span(index);
        self.windows[index].expected = self.pages_left(index);
    }

    /// Splits a window in progress that has far more pages than planned, so that other requests can read the
    /// rest.
    fn cut_if_too_long(&mut self, index: usize) {
        let reading = &self.windows[index];
        // Without a record dated after the start, the progress in the window is unknown.
        if reading.walk.is_done() || reading.walk.position() <= reading.walk.window().start {
            return;
        }
        if let (Some(pages), Some(pace)) = (self.pages_to_keep(index), self.pace_ahead(index)) {
            self.split(index, self.next_record(index).plus(whole_seconds(pages * pace)));
        }
    }

    /// Splits a window at this time, unless the second part would be empty or after the server's time.
    fn split(&mut self, index: usize, at: Second) {
        let Window { end, .. } = self.windows[index].walk.window();
        let at = at.max(self.windows[index].walk.position().plus(1));
        if at < end.min(self.present) {
            self.split_anywhere(index, at);
        }
    }

    fn split_anywhere(&mut self, index: usize, at: Second) {
        let Window { start, end } = self.windows[index].walk.window();
        let at = at.max(start.plus(1));
        if at < end {
            let reason = self.windows[index].reason;
            let walk = self.windows[index].walk.split_off(at);
            let mut rest = Reading::new(self.new_id(), walk, reason);
            rest.pace = self.windows[index].pace;
            rest.turn = self.windows[index].turn;
            self.windows.insert(index + 1, rest);
        }
    }

    /// Adds a received page to a window, and updates the estimates.
    fn add_page(&mut self, index: usize, before: Second, batch: Batch) {
        let reading = &mut self.windows[index];
        if let Some(asked) = reading.asked {
            self.sizing.succeeded(asked, batch.len());
        }
        let walk = &reading.walk;
        // The window tests both ends of the filter.
        let is_between = walk.window().start > self.begin && walk.window().end <= self.present;
        let reached = if walk.is_done() { walk.window().end.min(self.present).max(before) } else { walk.position() };
        // The span of a sync may start with years without records, which must not affect the estimate.
        self.earliest = self.earliest.or(batch.first());
        let from = self.earliest.map_or(before, |earliest| earliest.max(before));
        let new = batch.records().filter(|(record, _)| record.created_at.is_none_or(|at| at >= from)).count();
        let covered = reached.since(from).max(0);
        reading.pace.learn(covered, new);
        self.pace.learn(covered, new);
        let is_counted = |at: Second| at >= from.max(self.counted_from);
        self.records += batch.records().filter(|(record, _)| record.created_at.is_none_or(is_counted)).count();
        reading.pages += 1.0;
        self.pages += 1;
        reading.records += batch.len();
        // After a restart, the page may end before the time that the walk had reached.
        let newest = batch.records().filter_map(|(record, _)| record.created_at).max();
        reading.page_ends.push_back(newest.map_or(reached, |newest| newest.min(reached)));
        if reading.page_ends.len() > MOST_READ_AGAIN {
            reading.page_ends.pop_front();
        }
        reading.failed = 0;
        reading.at_smallest_page = false;
        if !batch.is_empty() {
            self.page_bytes = (self.page_bytes * 7 + batch.size()) / 8;
        }
        if batch.breaks_trust {
            self.trust = Trust::Broken;
        } else if self.trust == Trust::Unknown && is_between && walk.is_done() && reading.pages >= PAGES_THAT_CONFIRM {
            self.trust = Trust::Confirmed;
        }
        if walk.is_done() {
            self.end_window(index);
        } else {
            self.cautious = false;
        }
        // An empty batch may settle earlier times.
        if !batch.is_empty() || batch.settled.is_some() {
            self.hold(index, batch);
        }
    }

    /// Compares a window that has been read with its estimate, for the windows after it.
    fn end_window(&mut self, index: usize) {
        let reading = &self.windows[index];
        self.cautious = reading.expected.is_some_and(|pages| reading.pages < pages * SURPRISING);
        let expected = reading.expected.unwrap_or(0.0) * f64::from(self.sizing.page_size());
        let is_surprise = lengths::number(reading.records) < expected * SURPRISING;
        self.wasted += usize::from(is_surprise);
        self.surprises += u32::from(is_surprise && self.counted.is_some());
        if self.surprises > MOST_SURPRISES {
            self.counted = None;
        }
        // The next window continues at the pace of the last one before it that has been read.
        let pace = reading.pace;
        let after = self.windows.iter_mut().skip(index + 1);
        if let Some(next) = after.take_while(|other| !other.walk.is_done()).find(|other| !other.begun) {
            next.pace = pace;
        }
    }

    /// Holds a batch until it can be emitted. Those of the head are emitted at once.
    fn hold(&mut self, index: usize, mut batch: Batch) {
        if index > 0 {
            batch.compress();
            self.waiting_page_bytes = (self.waiting_page_bytes * 7 + batch.size()) / 8;
        }
        self.held += batch.size();
        self.windows[index].ready.push_back(batch);
    }

    fn append(&mut self, window: Window, reason: Reason) {
        let mut reading = Reading::new(self.new_id(), Walk::new(window, self.tolerance), reason);
        let last = self.windows.back().map_or(0, |last| last.turn);
        reading.turn = last + u32::from(reason == Reason::Verify);
        self.windows.push_back(reading);
    }

    fn new_id(&mut self) -> WindowId {
        self.made += 1;
        WindowId(self.made)
    }
}
