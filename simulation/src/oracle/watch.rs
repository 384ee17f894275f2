//! The observations of a running sync from outside: its requests, and the received data that has not been
//! emitted yet.

use std::collections::BTreeMap;

use super::{Kind, Violation};
use crate::chain::Alarm;
use crate::coverage::Coverage;
use crate::scenario::Fault;
use crate::world::{Query, Records};

/// The observations of one sync.
#[derive(Debug, Default)]
pub struct Watch {
    /// The time of each attempt, in milliseconds.
    pub attempts: Vec<i64>,
    /// `true` for each attempt for the audit log.
    pub on_endpoint: Vec<bool>,
    /// The account's limit at each attempt that arrived.
    pub limits: Vec<(u32, u32)>,
    /// The number of sent attempts at each response that reported the limits.
    pub learned: Vec<usize>,
    /// The same for the limit of the endpoint.
    pub learned_endpoint: Vec<usize>,
    /// The injected faults.
    pub faults: Vec<Fault>,
    /// The number of attempts that failed for any reason.
    pub failures: u32,
    /// The number of attempts that were refused because a limit was used up.
    pub refused: u32,
    /// The number of requests that were too heavy for the server, plus the number of expired cursors.
    pub turned_down: u32,
    /// The number of served pages, and of the records in them.
    pub pages: u32,
    /// The largest size of received records that were not written yet, in bytes.
    pub most_held: usize,
    /// `true` if a refresh token was used and its response did not arrive, or was refused.
    pub pair_lost: bool,
    /// Violations, at the time of their occurrence.
    pub violations: Vec<Violation>,
    /// Also counts the requests.
    pub alarm: Option<Alarm>,
    /// The total duration of all attempts, in milliseconds.
    pub on_the_way: i64,
    /// The events that a response contained.
    returned: Vec<bool>,
    /// When the attempts in flight were sent.
    in_flight: BTreeMap<u32, i64>,
    held: usize,
    fetched: Vec<bool>,
    emitted: Vec<bool>,
    windows: Vec<(i64, i64)>,
    largest_page: usize,
}

impl Watch {
    /// Creates the observations of a sync whose state covers these delivered events.
    #[must_use]
    pub fn new(delivered: &[bool]) -> Self {
        Self {
            fetched: delivered.to_vec(),
            emitted: vec![false; delivered.len()],
            returned: vec![false; delivered.len()],
            ..Self::default()
        }
    }

    /// Records an attempt; returns its number.
    pub fn sent(&mut self, at: i64, on_endpoint: bool) -> u32 {
        self.attempts.push(at);
        self.on_endpoint.push(on_endpoint);
        if let Some(alarm) = &self.alarm {
            alarm.requests(self.attempts.len());
        }
        let number = u32::try_from(self.attempts.len() - 1).unwrap_or(u32::MAX);
        self.in_flight.insert(number, at);
        number
    }

    /// Records the account's limit at an attempt.
    pub fn limit(&mut self, number: u32, limit: u32) {
        self.limits.push((number, limit));
    }

    /// Records an injected fault.
    pub fn fault(&mut self, fault: Fault) {
        self.failures += u32::from(fault.fails());
        self.refused += u32::from(matches!(fault, Fault::Refused(_)));
        self.faults.push(fault);
    }

    /// Records a received response.
    pub fn received(&mut self, number: u32, reported: bool, events: &[usize], records: &Records) {
        if reported {
            self.learned.push(self.attempts.len());
            if usize::try_from(number).is_ok_and(|number| self.on_endpoint[number]) {
                self.learned_endpoint.push(self.attempts.len());
            }
        }
        for index in events {
            self.returned[*index] = true;
            if !std::mem::replace(&mut self.fetched[*index], true) {
                self.held += records.served(*index).len();
            }
        }
        self.most_held = self.most_held.max(self.held);
    }

    /// Records an attempt that failed without a fault: it took too long.
    pub fn failed(&mut self) {
        self.failures += 1;
    }

    /// Records an attempt that failed because the quota was used up.
    pub fn refused(&mut self) {
        self.failures += 1;
        self.refused += 1;
    }

    /// Records a request that is too heavy for the server, or whose cursor has expired.
    pub fn turned_down(&mut self) {
        self.turned_down += 1;
    }

    /// Returns the number of failures after which the connector had to repeat a request or to restart a
    /// window.
    #[must_use]
    pub fn setbacks(&self) -> usize {
        let misled = self.faults.iter().filter(|fault| fault.misleads()).count();
        let failed = usize::try_from(self.failures.saturating_add(self.turned_down)).unwrap_or(usize::MAX);
        failed.saturating_add(misled)
    }

    /// Records a record on stdout.
    pub fn emitted(&mut self, index: usize, records: &Records) {
        if !std::mem::replace(&mut self.emitted[index], true) {
            self.held = self.held.saturating_sub(records.served(index).len());
        }
    }

    /// Records a response of the token endpoint with a fault.
    pub fn granted(&mut self, status: u16, fault: Option<Fault>) {
        self.pair_lost |= status != 201 || fault.is_some_and(Fault::fails);
    }

    /// Records the use of a pair that is not on stdout.
    pub fn pair_used_early(&mut self) {
        self.violations.push(Violation::new(Kind::PairUsedEarly, "a rotated pair is used before it is on stdout"));
    }

    /// Records a request that the API rejects.
    pub fn bad_request(&mut self, description: String) {
        self.violations.push(Violation::new(Kind::BadRequest, description));
    }

    /// Records a query, for its information about the plan.
    pub fn asked(&mut self, query: &Query, coverage: &mut Coverage) {
        let Some((start, end)) = query.between else { return };
        if query.size < self.largest_page {
            coverage.hit("a smaller page is requested");
        }
        self.largest_page = self.largest_page.max(query.size);
        if query.after.is_some() {
            return;
        }
        if self.windows.contains(&(start, end)) {
            coverage.hit("a window is requested again");
        } else if self.windows.iter().any(|(first, last)| *first <= start && end < *last) {
            coverage.hit("a window is cut");
        } else if self.windows.iter().any(|(first, last)| *first < start && end <= *last) {
            coverage.hit("a window continues without its cursor");
        } else if !self.windows.is_empty() {
            coverage.hit("there is another window");
        }
        self.windows.push((start, end));
    }

    /// Records the end of an attempt.
    pub fn ended(&mut self, number: u32, at: i64) {
        if let Some(sent) = self.in_flight.remove(&number) {
            self.on_the_way += at - sent;
        }
    }

    /// Records the end of the sync, which ends the attempts that are still in flight.
    pub fn sync_ended(&mut self, at: i64) {
        self.on_the_way += std::mem::take(&mut self.in_flight).into_values().map(|sent| at - sent).sum::<i64>();
    }

    /// Returns the number of events that responses contained.
    #[must_use]
    pub fn returned(&self) -> usize {
        self.returned.iter().filter(|returned| **returned).count()
    }

    /// Records a served page.
    pub fn serves_page(&mut self) {
        self.pages += 1;
    }
}
