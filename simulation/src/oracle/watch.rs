//! What is seen of a sync from outside while it runs: its requests, what it has received and not emitted yet.

use super::{Kind, Violation};
use crate::chain::Alarm;
use crate::coverage::Coverage;
use crate::scenario::Fault;
use crate::world::{Query, Records};

/// The account of one sync.
#[derive(Debug, Default)]
pub struct Watch {
    /// When each attempt was sent, in milliseconds.
    pub attempts: Vec<i64>,
    /// If it was for the audit log.
    pub on_endpoint: Vec<bool>,
    /// The account's limit at each attempt that arrived.
    pub limits: Vec<(u32, u32)>,
    /// How many attempts had been sent when a response told of the limits, for each that did.
    pub learned: Vec<usize>,
    /// The same for the limit of the endpoint.
    pub learned_endpoint: Vec<usize>,
    /// What struck.
    pub faults: Vec<Fault>,
    /// Attempts that failed for any reason.
    pub failures: u32,
    /// Pages that were served, and the records in them.
    pub pages: u32,
    /// The most bytes of records that were received and not written yet.
    pub most_held: usize,
    /// A refresh token was used and its response did not arrive, or was refused.
    pub pair_lost: bool,
    /// What must not have happened, as it happened.
    pub violations: Vec<Violation>,
    /// Counts the requests as well.
    pub alarm: Option<Alarm>,
    held: usize,
    fetched: Vec<bool>,
    emitted: Vec<bool>,
    windows: Vec<(i64, i64)>,
    largest_page: usize,
}

impl Watch {
    /// The account of a sync that is handed a state with which these events have been delivered.
    #[must_use]
    pub fn new(delivered: &[bool]) -> Self {
        Self { fetched: delivered.to_vec(), emitted: vec![false; delivered.len()], ..Self::default() }
    }

    /// Takes an attempt; returns its number.
    pub fn sent(&mut self, at: i64, on_endpoint: bool) -> u32 {
        self.attempts.push(at);
        self.on_endpoint.push(on_endpoint);
        if let Some(alarm) = &self.alarm {
            alarm.requests(self.attempts.len());
        }
        u32::try_from(self.attempts.len() - 1).unwrap_or(u32::MAX)
    }

    /// Takes the account's limit at an attempt.
    pub fn limit(&mut self, number: u32, limit: u32) {
        self.limits.push((number, limit));
    }

    /// Takes a fault that strikes.
    pub fn fault(&mut self, fault: Fault) {
        self.failures += u32::from(fault.fails());
        self.faults.push(fault);
    }

    /// Takes a response that has arrived.
    pub fn received(&mut self, number: u32, told: bool, events: &[usize], records: &Records) {
        if told {
            self.learned.push(self.attempts.len());
            if usize::try_from(number).is_ok_and(|number| self.on_endpoint[number]) {
                self.learned_endpoint.push(self.attempts.len());
            }
        }
        for index in events {
            if !std::mem::replace(&mut self.fetched[*index], true) {
                self.held += records.served(*index).len();
            }
        }
        self.most_held = self.most_held.max(self.held);
    }

    /// Takes an attempt that failed without a fault of its own: it took too long, or the quota was used up.
    pub fn failed(&mut self) {
        self.failures += 1;
    }

    /// Takes a record that stands on stdout.
    pub fn emitted(&mut self, index: usize, records: &Records) {
        if !std::mem::replace(&mut self.emitted[index], true) {
            self.held = self.held.saturating_sub(records.served(index).len());
        }
    }

    /// Takes a response of the token endpoint that the fault strikes.
    pub fn granted(&mut self, status: u16, fault: Option<Fault>) {
        self.pair_lost |= status != 201 || fault.is_some_and(Fault::fails);
    }

    /// Takes the use of a pair that is not on stdout.
    pub fn pair_used_early(&mut self) {
        self.violations.push(Violation::new(Kind::PairUsedEarly, "a rotated pair is used before it is on stdout"));
    }

    /// Takes a request that the API cannot answer.
    pub fn bad_request(&mut self, words: String) {
        self.violations.push(Violation::new(Kind::BadRequest, words));
    }

    /// Takes a query, for what it says about the plan.
    pub fn asked(&mut self, query: &Query, coverage: &mut Coverage) {
        let Some((start, end)) = query.between else { return };
        if query.size < self.largest_page {
            coverage.hit("a smaller page is asked for");
        }
        self.largest_page = self.largest_page.max(query.size);
        if query.after.is_some() {
            return;
        }
        if self.windows.contains(&(start, end)) {
            coverage.hit("a window is asked for again");
        } else if self.windows.iter().any(|(first, last)| *first <= start && end < *last) {
            coverage.hit("a window is cut");
        } else if self.windows.iter().any(|(first, last)| *first < start && end <= *last) {
            coverage.hit("a window goes on without its cursor");
        } else if !self.windows.is_empty() {
            coverage.hit("there is another window");
        }
        self.windows.push((start, end));
    }

    /// Takes a page that is served.
    pub fn serves_page(&mut self) {
        self.pages += 1;
    }
}
