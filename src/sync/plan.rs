//! What to fetch: cuts the span of a sync into windows, hands out requests for several of them at
//! a time, and gives the records back in order.
//!
//! A window is read by one walk, page after page; the walks of adjacent windows overlap. Windows
//! are cut from the front of what is left, about `TARGET` pages long by the density of what has
//! arrived lately. When there is no other window to read, the one with the most left is split. No
//! guess is ever trusted: a wrong one costs a request, not a record.
//!
//! Memory is bounded page by page: what is read lies within `AHEAD` pages a worker, counted from
//! the head, wherever the borders of the windows are.
//!
//! This file must not fetch, wait, or know what has gone out.

use std::collections::VecDeque;

use super::walk::{Portion, Walk, Window};
use crate::error::Result;
use crate::second::Second;
use crate::stream::AUDIT_LOGS;
use crate::zendesk::{PageOutcome, Query};

/// The length of a window, in pages, that windows are cut to. Each window ends with a page that is
/// half empty on average, so shorter ones cost requests; longer ones cost memory.
const TARGET: f64 = 14.0;
/// Pages a worker that may lie ready, or be under way, from the head to a window that is read. With
/// fewer, workers have to wait where the density changes.
const AHEAD: usize = 12;
/// A page of records that are so long counts as several, in bytes.
const PAGE_BYTES: usize = 96 << 10;
/// A window with less than this many pages left is not worth splitting.
const WORTH_SPLITTING: f64 = 3.0;
/// Of all windows together: what arrived ten pages ago still counts a third. Bursts and pauses
/// that alternate within a few pages must not set the length of windows.
const MEMORY: f64 = 0.9;
/// Of a single window, which is split where it is, so the last pages count.
const MEMORY_OF_A_WINDOW: f64 = 0.5;
/// How much time without records may stretch the guess of how much time a page covers, at most, for
/// each window.
const STRETCH: f64 = 8.0;

/// Names a window in [`Plan::arrived`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowId(u64);

/// The plan of one sync.
#[derive(Debug)]
pub struct Plan {
    /// In order of time; the first one is the head.
    windows: VecDeque<Reading>,
    workers: usize,
    /// The server's time: what lies after it is taken for empty.
    present: Second,
    tolerance: i64,
    /// Of what has arrived lately.
    density: Density,
    made: u64,
}

/// A window that is or will be read.
#[derive(Debug)]
struct Reading {
    id: WindowId,
    walk: Walk,
    /// Whether a request is under way.
    busy: bool,
    /// Whether a request has been made.
    begun: bool,
    /// Pages that wait for their turn to go out.
    ready: VecDeque<Portion>,
    /// Of what has arrived lately of this window.
    density: Density,
}

impl Reading {
    /// What lies ready, in pages of usual size.
    fn held(&self) -> usize {
        self.ready.iter().map(|portion| portion.size().div_ceil(PAGE_BYTES)).sum()
    }
}

impl Plan {
    /// A plan for a window, to be read by several workers. `tolerance` is that of [`Walk::new`].
    #[must_use]
    pub fn new(window: Window, workers: usize, tolerance: i64) -> Self {
        let mut plan = Self {
            windows: VecDeque::new(),
            workers: workers.max(1),
            present: window.end,
            tolerance,
            density: Density::default(),
            made: 0,
        };
        let first = plan.reading(window);
        plan.windows.push_back(first);
        plan
    }

    /// Tells the server's time.
    pub fn set_present(&mut self, present: Second) {
        self.present = present;
    }

    /// Whether everything has arrived and gone out.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.windows.is_empty()
    }

    /// The next request to make, if there is one worth making now.
    pub fn next(&mut self) -> Option<(WindowId, Query)> {
        let index = match self.find_waiting() {
            Search::Found(index) => index,
            Search::Busy(reach) => self.split_longest(reach)?,
        };
        if !self.windows[index].begun {
            self.cut_to_target(index);
        }
        let reading = &mut self.windows[index];
        reading.busy = true;
        reading.begun = true;
        Some((reading.id, reading.walk.query()))
    }

    /// Takes the answer to a request.
    ///
    /// # Errors
    /// If the walk cannot go on; see [`Walk::arrived`].
    pub fn arrived(&mut self, id: WindowId, fetched: PageOutcome) -> Result<()> {
        let Some(reading) = self.windows.iter_mut().find(|reading| reading.id == id) else {
            return Ok(());
        };
        reading.busy = false;
        let before = reading.walk.position();
        let Some(portion) = reading.walk.arrived(fetched)? else {
            return Ok(());
        };
        // The first page of a sync may come after years of nothing, which say nothing of what follows.
        let from = if self.density.is_known() { before } else { portion.first().unwrap_or(before) };
        let until =
            if reading.walk.is_done() { reading.walk.window().end.min(self.present) } else { reading.walk.position() };
        let (covered, records) = (seconds(until.since(from)), portion.records().len());
        reading.density.learn(covered, records, MEMORY_OF_A_WINDOW);
        self.density.learn(covered, records, MEMORY);
        if portion.records().len() > 0 {
            reading.ready.push_back(portion);
        }
        Ok(())
    }

    /// The next page to go out, if it has arrived.
    pub fn take(&mut self) -> Option<Portion> {
        while let Some(head) = self.windows.front_mut() {
            if let Some(portion) = head.ready.pop_front() {
                return Some(portion);
            }
            if !head.walk.is_done() {
                return None;
            }
            self.windows.pop_front();
        }
        None
    }

    /// Pages that have arrived and wait for their turn to go out.
    #[must_use]
    pub fn held(&self) -> usize {
        self.windows.iter().map(Reading::held).sum()
    }

    /// The earliest window that waits for a request; if there is none, up to where windows may be read.
    fn find_waiting(&self) -> Search {
        let usual = AHEAD * self.workers;
        // Windows that were within reach once hold their pages until the head comes to them, and
        // count no more when nearer ones are split. The more they hold, the less may be added.
        let reach = match self.held() / usual {
            0 | 1 => usual,
            2 => 2 * self.workers,
            _ => 0,
        };
        let mut ahead = 0;
        for (index, reading) in self.windows.iter().enumerate() {
            ahead += reading.held();
            if reading.walk.is_done() {
                continue;
            }
            ahead += 1;
            // The head is always read: all the others wait for it.
            if index > 0 && ahead > reach {
                return Search::Busy(index);
            }
            if !reading.busy {
                return Search::Found(index);
            }
        }
        Search::Busy(self.windows.len())
    }

    /// Splits the window with the most left among the first `reach`; returns the new one.
    fn split_longest(&mut self, reach: usize) -> Option<usize> {
        let (index, left) = self
            .windows
            .iter()
            .enumerate()
            .take(reach)
            .filter(|(_, reading)| !reading.walk.is_done())
            .filter_map(|(index, reading)| Some((index, self.pages_left(reading)?)))
            .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        if left < WORTH_SPLITTING {
            return None;
        }
        let reading = &self.windows[index];
        let pace = reading.density.pace().or(self.density.pace())?;
        // The page under way, and then half of the rest or a whole window's length.
        let keep = 1.0 + ((left - 1.0) / 2.0).min(TARGET);
        let at = reading.walk.position().plus(whole_seconds(keep * pace));
        self.split(index, at).then_some(index + 1)
    }

    /// Cuts a window that has not begun to the target's length, if it seems to be much longer.
    fn cut_to_target(&mut self, index: usize) {
        let reading = &self.windows[index];
        if let (Some(left), Some(pace)) = (self.pages_left(reading), self.density.pace())
            && left > 1.5 * TARGET
        {
            let at = reading.walk.position().plus(whole_seconds(TARGET * pace));
            self.split(index, at);
        }
    }

    /// Leaves what lies at `at` or later to a new window behind; false if there is nothing to leave.
    fn split(&mut self, index: usize, at: Second) -> bool {
        let Window { end, .. } = self.windows[index].walk.window();
        let at = at.max(self.windows[index].walk.position().plus(1));
        if at >= end.min(self.present) {
            return false;
        }
        self.windows[index].walk.cut(at);
        let rest = self.reading(Window { start: at, end });
        self.windows.insert(index + 1, rest);
        true
    }

    fn reading(&mut self, window: Window) -> Reading {
        self.made += 1;
        Reading {
            id: WindowId(self.made),
            walk: Walk::new(window, self.tolerance),
            busy: false,
            begun: false,
            ready: VecDeque::new(),
            density: Density::default(),
        }
    }

    /// A guess; none before the first page of the sync.
    fn pages_left(&self, reading: &Reading) -> Option<f64> {
        let pace = reading.density.pace().or(self.density.pace())?;
        let end = reading.walk.window().end.min(self.present);
        Some(seconds(end.since(reading.walk.position()).max(0)) / pace)
    }
}

enum Search {
    Found(usize),
    Busy(usize),
}

/// How much time pages have covered lately: what is older counts less and less.
#[derive(Clone, Copy, Debug, Default)]
struct Density {
    /// In seconds.
    covered: f64,
    records: f64,
}

impl Density {
    fn learn(&mut self, covered: f64, records: usize, memory: f64) {
        self.covered = self.covered * memory + covered;
        self.records = self.records * memory + u32::try_from(records).map_or(0.0, f64::from);
    }

    fn is_known(&self) -> bool {
        self.covered > 0.0 || self.records > 0.0
    }

    /// The guess of how many seconds a page covers; none before the first page.
    fn pace(&self) -> Option<f64> {
        let full = f64::from(AUDIT_LOGS.page_size);
        let records = self.records.max(full / STRETCH);
        self.is_known().then(|| (self.covered * full / records).max(1.0))
    }
}

/// Spans of centuries fit exactly.
#[expect(clippy::cast_precision_loss, reason = "a span of time is far below 2^52 seconds")]
fn seconds(seconds: i64) -> f64 {
    seconds as f64
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn whole_seconds(seconds: f64) -> i64 {
    seconds.ceil() as i64
}
