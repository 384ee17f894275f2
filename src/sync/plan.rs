//! What to fetch: cuts the span of a sync into time windows, hands out requests for several of them at a
//! time, and gives the records back in the order of the windows.
//!
//! Windows are cut from the front of what is left, as long as memory allows: each ends with a page that
//! is half empty on average, so short ones cost requests. The last ones are cut so that all requests in
//! flight end together. No guess is trusted: a wrong one costs a request, never a record.
//!
//! This file must not fetch, wait, or know what has been emitted. docs/decisions/plan.md has the
//! measurements behind the constants.

use std::collections::VecDeque;

use super::batch::{Batch, Trust};
use super::pace::{Pace, seconds_between, whole_seconds};
use super::sizing::{Asked, Sizing};
use super::walk::{Step, Walk};
use super::window::Window;
use crate::second::Second;
use crate::stream::Stream;
use crate::zendesk::{OnTooMuch, PageOutcome, PageRequest, Result, TooMuchReason};

/// The longest window, in pages: longer ones save less than a request in a hundred, and deep cursors are
/// what servers answer slowest.
const LONGEST_WINDOW: f64 = 64.0;
/// The shortest window that is worth a request of its own, in pages.
const SHORTEST_WINDOW: f64 = 2.0;
/// What the windows up to one that is read ahead may hold, in bytes: pages that have arrived and those in
/// flight. Earlier windows can add to it later, so the total can be larger. The head is always read.
const HELD: usize = 15 << 20;
/// A window in progress is cut only if this many pages are left.
const WORTH_CUTTING: f64 = 24.0;
/// A cut reads up to the tolerance again. What is left must be this many times as much.
const CUT_COST_FACTOR: f64 = 12.0;
/// Pages that a cut would read again are counted up to here.
const MOST_READ_AGAIN: usize = 256;
/// A window that brought less than this part of what was expected shows that the guess is worth little.
const SURPRISING: f64 = 0.25;
/// Windows without a page yet, while the guess is worth little.
const CAUTIOUS_WINDOWS: usize = 2;
/// Pages of a window that confirm that the server filters by the dates that it shows.
const PAGES_THAT_CONFIRM: f64 = 2.0;
/// What a page still counts after the next one, for the guess of the whole sync and that of a window.
const MEMORY: f64 = 0.9;
const MEMORY_OF_A_WINDOW: f64 = 0.7;
/// A page's memory before the first one has arrived, in bytes.
const USUAL_PAGE: usize = 60 << 10;

/// Names a window in [`Plan::arrived`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowId(u64);

/// Why a window is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is its turn.
    First,
    /// The server counts more events than it returned.
    Verify,
}

/// The plan of one sync.
#[derive(Debug)]
pub struct Plan {
    stream: &'static Stream,
    /// In order of time; the first one is the head.
    windows: VecDeque<Reading>,
    /// Where the sync begins to read.
    begin: Second,
    /// Requests to keep in flight.
    concurrency: usize,
    /// The server's time: what lies after it is taken for empty.
    present: Second,
    tolerance: i64,
    pace: Pace,
    sizing: Sizing,
    /// The mean memory of a page, in bytes.
    page_bytes: usize,
    /// The last window brought far less than expected.
    cautious: bool,
    trust: Trust,
    made: u64,
}

/// A window that is or will be read.
#[derive(Debug)]
struct Reading {
    id: WindowId,
    walk: Walk,
    reason: Reason,
    /// Which windows come before it: those with a lower one, and of its own those that start earlier.
    turn: u32,
    /// A request is in flight.
    busy: bool,
    /// A request has been made.
    begun: bool,
    /// The request in flight, for when it turns out to be too heavy.
    asked: Option<Asked>,
    /// Failures in a row that a smaller request may avoid.
    failed: u32,
    /// Batches that wait for their turn to be emitted.
    ready: VecDeque<Batch>,
    pace: Pace,
    /// Pages that have arrived.
    pages: f64,
    /// The newest times of the last pages: those that a cut would read again.
    page_ends: VecDeque<Second>,
    /// Pages that the window seemed to have when it was begun.
    expected: Option<f64>,
}

impl Reading {
    fn held(&self) -> usize {
        self.ready.iter().map(Batch::size).sum()
    }

    fn is_reading(&self) -> bool {
        self.begun && !self.walk.is_done()
    }
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
            cautious: false,
            trust: Trust::Unknown,
            made: 0,
        };
        plan.append(window, Reason::First);
        plan
    }

    /// Sets the server's time. Reading ends at `end`: if that lies beyond the end so far, the plan is extended.
    pub fn set_present(&mut self, present: Second, end: Second) {
        self.present = present;
        let so_far = self.windows.back().map(|reading| reading.walk.window().end);
        if let Some(so_far) = so_far.filter(|so_far| *so_far < end) {
            self.append(Window { start: so_far, end }, Reason::First);
        }
    }

    /// Sets how many requests to keep in flight.
    pub fn set_concurrency(&mut self, requests: usize) {
        self.concurrency = requests.max(1);
    }

    /// Plans to read a window again, because the server counts more events in it.
    pub fn read_again(&mut self, window: Window) {
        self.append(window, Reason::Verify);
    }

    /// Returns `true` if everything has arrived and been taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.windows.is_empty()
    }

    /// Returns the memory of what has arrived and waits for its turn, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.windows.iter().map(Reading::held).sum()
    }

    /// Returns the next request, if there is one worth making now.
    pub fn next(&mut self) -> Option<(WindowId, PageRequest)> {
        let index = self.find_waiting()?;
        if !self.windows[index].begun {
            self.begin(index);
        }
        let reading = &mut self.windows[index];
        let walk = &mut reading.walk;
        let mut page_size = self.sizing.page_size();
        if reading.reason == Reason::Verify {
            // Other borders between pages than the first time: what fell between two of them is found.
            page_size = (page_size - page_size / 5).max(1);
        }
        let query = walk.query(self.stream, page_size);
        let asked = Asked { span: walk.window().seconds(), depth: walk.depth(), page_size: query.size };
        reading.asked = Some(asked);
        reading.busy = true;
        reading.begun = true;
        let on_too_much = if asked.is_smallest() { OnTooMuch::Retry } else { OnTooMuch::Report };
        Some((reading.id, PageRequest { query, on_too_much, failed: reading.failed, turn: reading.turn }))
    }

    /// Takes the answer to a request.
    ///
    /// # Errors
    /// If the pages of a window lead nowhere; see [`Walk::page`].
    pub fn arrived(&mut self, id: WindowId, outcome: PageOutcome) -> Result<()> {
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
                self.took(index, before, batch);
                self.cut_if_too_long(index);
            }
            Step::Restarted { batch, depth, fruitless } => {
                if let Some(batch) = batch {
                    self.took(index, before, batch);
                }
                self.after_restart(index, depth, fruitless);
            }
        }
        Ok(())
    }

    /// Returns the next batch to emit, if it has arrived, and why it was read.
    pub fn take(&mut self) -> Option<(Batch, Reason)> {
        while let Some(head) = self.windows.front_mut() {
            if let Some(batch) = head.ready.pop_front() {
                return Some((batch, head.reason));
            }
            if !head.walk.is_done() {
                return None;
            }
            self.windows.pop_front();
        }
        None
    }

    /// The earliest window that waits for a request, as far as concurrency and memory allow.
    fn find_waiting(&self) -> Option<usize> {
        let mut reading = 0;
        let mut unproven = 0;
        let mut held = 0;
        for (index, candidate) in self.windows.iter().enumerate() {
            held += candidate.held();
            if candidate.walk.is_done() {
                continue;
            }
            let is_head = reading == 0;
            reading += 1;
            let in_flight = usize::from(candidate.busy);
            held += in_flight * self.page_bytes;
            unproven += usize::from(candidate.begun && candidate.pages == 0.0);
            if candidate.busy {
                continue;
            }
            if is_head {
                return Some(index);
            }
            if reading > self.concurrency || held + self.page_bytes > HELD {
                return None;
            }
            if !candidate.begun && self.cautious && unproven >= CAUTIOUS_WINDOWS {
                return None;
            }
            return Some(index);
        }
        None
    }

    /// Cuts a window that has not begun to its length.
    fn begin(&mut self, index: usize) {
        let left = self.pages_left(index);
        let Window { start, .. } = self.windows[index].walk.window();
        if let (Some(left), Some(pace)) = (left, self.pace_of(index)) {
            let target = self.target(index);
            // A rest that is too short for a window of its own is taken as well.
            if left > target + SHORTEST_WINDOW {
                self.split(index, start.plus(whole_seconds(target * pace)));
            }
        }
        self.cap_span(index);
        self.windows[index].expected = self.pages_left(index);
    }

    /// No filter covers a longer span than the server has answered in time.
    fn cap_span(&mut self, index: usize) {
        let Window { start, .. } = self.windows[index].walk.window();
        let span = self.sizing.span();
        if self.windows[index].walk.window().seconds() > span {
            self.split_anywhere(index, start.plus(span));
        }
    }

    /// How many pages a window is to have.
    fn target(&self, index: usize) -> f64 {
        let requests = number(self.concurrency);
        let depth = number(usize::try_from(self.sizing.depth()).unwrap_or(usize::MAX));
        let longest = LONGEST_WINDOW.min(depth);
        if self.concurrency == 1 {
            return longest;
        }
        // Windows that end one after the other hold half of what lies behind the head on average.
        let fits = number(HELD / self.page_bytes.max(1)) * 2.0 / (requests - 1.0);
        let longest = longest.min(fits);
        let others = self.windows.iter().enumerate().filter(|(other, _)| *other != index);
        let (mut reading, mut left) = (0, self.pages_left(index).unwrap_or(0.0));
        for (other, candidate) in others {
            if candidate.is_reading() {
                reading += 1;
            }
            if !candidate.walk.is_done() {
                left += self.pages_left(other).unwrap_or(0.0);
            }
        }
        // They begin together, so the first ones are shorter: else all would end together, and all but
        // the head would wait for memory.
        let staggered = longest * (number(reading) + 1.0).min(requests) / requests;
        // Near the end, what is left is shared out evenly.
        staggered.min(left / requests).max(SHORTEST_WINDOW)
    }

    /// Cuts a window in progress that has far more pages than it should, so that others can read the rest.
    fn cut_if_too_long(&mut self, index: usize) {
        let reading = &self.windows[index];
        // Without a record dated after the start, nothing shows how far the window has come.
        if reading.walk.is_done() || reading.walk.position() <= reading.walk.window().start {
            return;
        }
        let (Some(left), Some(pace)) = (self.pages_left(index), self.pace_of(index)) else {
            return;
        };
        let from = reading.walk.restart_position();
        let cost = number(reading.page_ends.iter().filter(|end| **end >= from).count()) + 1.0;
        let target = self.target(index);
        if left > WORTH_CUTTING.max(2.0 * target).max(CUT_COST_FACTOR * cost) {
            let at = reading.walk.position().plus(whole_seconds(target * pace));
            self.split(index, at);
        }
    }

    /// Leaves what lies at `at` or later to a new window, unless nothing is known to lie there.
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
            let mut rest = self.reading(walk, reason);
            rest.pace = self.windows[index].pace;
            rest.turn = self.windows[index].turn;
            self.windows.insert(index + 1, rest);
        }
    }

    /// A page has arrived: what it says about the pace, and its records.
    fn took(&mut self, index: usize, before: Second, batch: Batch) {
        let reading = &mut self.windows[index];
        if let Some(asked) = reading.asked {
            self.sizing.succeeded(asked, batch.len());
        }
        let walk = &reading.walk;
        // Both ends of its filter have been put to the test.
        let is_between = walk.window().start > self.begin && walk.window().end <= self.present;
        let reached = if walk.is_done() { walk.window().end.min(self.present).max(before) } else { walk.position() };
        // The first page of a sync may come after years of nothing, which say nothing of what follows.
        let from = if self.pace.has_begun() { before } else { batch.first().unwrap_or(before) };
        let new = batch.records().filter(|(record, _)| record.created_at.is_none_or(|at| at >= from)).count();
        let covered = reached.since(from).max(0);
        reading.pace.learn(covered, new);
        self.pace.learn(covered, new);
        reading.pages += 1.0;
        // After a restart, what the walk had reached before says nothing of where this page ends.
        let newest = batch.records().filter_map(|(record, _)| record.created_at).max();
        reading.page_ends.push_back(newest.map_or(reached, |newest| newest.min(reached)));
        if reading.page_ends.len() > MOST_READ_AGAIN {
            reading.page_ends.pop_front();
        }
        reading.failed = 0;
        if !batch.is_empty() {
            self.page_bytes = (self.page_bytes * 7 + batch.size()) / 8;
        }
        if batch.breaks_trust {
            self.trust = Trust::Broken;
        } else if self.trust == Trust::Unknown && is_between && walk.is_done() && reading.pages >= PAGES_THAT_CONFIRM {
            self.trust = Trust::Confirmed;
        }
        if walk.is_done() {
            self.cautious = reading.expected.is_some_and(|pages| reading.pages < pages * SURPRISING);
        } else {
            self.cautious = false;
        }
        // An empty batch may still say that everything before it is settled.
        if !batch.is_empty() || batch.settled.is_some() {
            reading.ready.push_back(batch);
        }
    }

    /// A cursor was lost. If that happens again before a later record comes, the cursor does not live
    /// long enough for the window: a shorter one ends before.
    fn after_restart(&mut self, index: usize, depth: u32, fruitless: u32) {
        let ends = std::mem::take(&mut self.windows[index].page_ends);
        if fruitless > 0 {
            self.split_at_page(index, &ends, depth >> fruitless.min(31));
        }
    }

    /// A request was too heavy for the server: the next one is smaller.
    fn too_much(&mut self, index: usize, reason: TooMuchReason) {
        let reading = &mut self.windows[index];
        reading.failed += 1;
        let Some(asked) = reading.asked else {
            return;
        };
        match reason {
            // It may have been a passing fault: the same once more.
            TooMuchReason::Slow if reading.failed == 1 => return,
            TooMuchReason::Slow => self.sizing.too_slow(asked),
            TooMuchReason::Large => self.sizing.too_large(asked),
        }
        let reading = &mut self.windows[index];
        reading.walk.restart();
        let ends = std::mem::take(&mut reading.page_ends);
        if asked.depth > 0 {
            self.split_at_page(index, &ends, asked.depth / 2);
        }
        self.cap_span(index);
    }

    /// Cuts a window that has started again where it had come after so many pages.
    fn split_at_page(&mut self, index: usize, ends: &VecDeque<Second>, pages: u32) {
        let Window { start, end } = self.windows[index].walk.window();
        let after = usize::try_from(pages).unwrap_or(usize::MAX).saturating_sub(1);
        let middle = Window { start, end: ends.get(after).copied().unwrap_or(end).min(end) };
        // Within a page, halfway; also where the pages end in the second after the window, which the filter asks for.
        let within = pages == 0 || middle.end >= end || middle.end <= start;
        let at = if within { start.plus((middle.seconds() / 2).max(1)) } else { middle.end };
        self.split_anywhere(index, at);
    }

    fn append(&mut self, window: Window, reason: Reason) {
        let mut reading = self.reading(Walk::new(window, self.tolerance), reason);
        let last = self.windows.back().map_or(0, |last| last.turn);
        reading.turn = last + u32::from(reason == Reason::Verify);
        self.windows.push_back(reading);
    }

    fn reading(&mut self, walk: Walk, reason: Reason) -> Reading {
        self.made += 1;
        Reading {
            id: WindowId(self.made),
            walk,
            reason,
            turn: 0,
            busy: false,
            begun: false,
            asked: None,
            failed: 0,
            ready: VecDeque::new(),
            pace: Pace::new(MEMORY_OF_A_WINDOW),
            pages: 0.0,
            page_ends: VecDeque::new(),
            expected: None,
        }
    }

    /// Seconds that a page of a window covers; `None` before the first page of the sync.
    fn pace_of(&self, index: usize) -> Option<f64> {
        let size = self.sizing.page_size();
        let reading = &self.windows[index];
        let own = if reading.begun { reading.pace.seconds_a_page(size) } else { None };
        own.or_else(|| self.pace.seconds_a_page(size))
    }

    /// A guess; `None` before the first page of the sync.
    fn pages_left(&self, index: usize) -> Option<f64> {
        let walk = &self.windows[index].walk;
        let end = walk.window().end.min(self.present);
        Some(seconds_between(walk.position(), end) / self.pace_of(index)?)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a guess")]
fn number(count: usize) -> f64 {
    count as f64
}
