//! The ids of emitted records, and the state that is derived from them.
//!
//! It must not know what is fetched next or in which order pages arrive; it receives records in the order of
//! emission. A record is skipped only because of a known id, never because of its date.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use super::state::{SyncState, size_in_state};
use crate::config::Filters;
use crate::second::Second;
use crate::zendesk::Identity;

/// The largest number of ids in a state. Records beyond it may be emitted twice; none is lost.
pub const MOST_SEEN: usize = 10_000;
/// The largest size of the ids in a state, in bytes: with its other fields, a state of ULIDs stays below 100
/// kB.
const MOST_SEEN_BYTES: usize = 90_000;
/// The size of an entry of the ids of one time, in bytes: `"2026-11-23T06:45:10Z":["01KAQC2F*"],`.
const ENTRY_BYTES: usize = 37;
/// The largest number of ids in memory. A restart within a sync reads up to a look-back again.
const MOST_IN_MEMORY: usize = 50_000;

/// The record of emitted ids.
#[derive(Debug)]
pub struct Ledger {
    /// In seconds.
    lookback: i64,
    created_at: Option<Second>,
    /// The start of the next sync; not bounded by a start date, which may change.
    seen_since: Option<Second>,
    /// The start of this sync.
    begin: Second,
    /// The emitted ids, and the latest times at which the server may return them again, ascending.
    seen: VecDeque<(Second, Identity)>,
    /// The same ids, for lookups. The hasher is fast, and seeded at random like the default one.
    known: HashSet<Identity, foldhash::fast::RandomState>,
    /// The ids of the initial state: they are recognized until the end, also outside of a look-back that is
    /// shorter now.
    initial: HashSet<Identity, foldhash::fast::RandomState>,
    filters: Arc<Filters>,
    account: Option<String>,
}

/// The current state, and if ids had to be omitted.
pub struct Snapshot {
    /// The state for the STATE message.
    pub state: SyncState,
    /// `true` if not all ids within the look-back fit into the state.
    pub truncated: bool,
}

impl Ledger {
    /// Opens the ledger with a state, or at the start date, or at the beginning. `lookback` is in seconds.
    #[must_use]
    pub fn open(state: SyncState, start_date: Option<Second>, lookback: i64) -> Self {
        let seen_since = match (state.seen_since, state.created_at) {
            (Some(since), Some(created_at)) => Some(since.min(created_at)),
            (Some(since), None) => Some(since),
            (None, Some(created_at)) => Some(created_at.minus(lookback)),
            (None, None) => None,
        };
        let start = start_date.unwrap_or(Second::EPOCH);
        Self {
            lookback,
            created_at: state.created_at,
            seen_since,
            begin: seen_since.map_or(start, |since| since.max(start)),
            known: state.seen.values().flatten().cloned().collect(),
            initial: state.seen.values().flatten().cloned().collect(),
            seen: state.seen.into_iter().flat_map(|(at, ids)| ids.into_iter().map(move |id| (at, id))).collect(),
            filters: state.filters,
            account: state.account,
        }
    }

    /// Returns the filters of the initial state, which select the events.
    #[must_use]
    pub fn filters(&self) -> Arc<Filters> {
        Arc::clone(&self.filters)
    }

    /// Returns the start of this sync.
    #[must_use]
    pub fn begin(&self) -> Second {
        self.begin
    }

    /// Returns the newest emitted `created_at`.
    #[must_use]
    pub fn cursor(&self) -> Option<Second> {
        self.created_at
    }

    /// Returns the number of known ids; at the beginning, of those that the sync reads again.
    #[must_use]
    pub fn known(&self) -> u64 {
        self.known.len() as u64
    }

    /// Adds a record that is about to be emitted. Returns `false` if its id is known: it must not be emitted
    /// again. `cursor` is its `created_at` if that may advance the cursor, `until` the latest time of a
    /// window in which the server may return it again.
    pub fn enter(&mut self, identity: &Identity, cursor: Option<Second>, until: Second) -> bool {
        let new = self.known.insert(identity.clone());
        if new {
            self.remember(until, identity.clone());
        }
        self.created_at = self.created_at.max(cursor);
        new && !self.initial.contains(identity)
    }

    /// Records that all records before this time have been emitted, if the server lists them within the
    /// look-back of their position. `now` is the start of the sync: older events are unlikely to appear after
    /// a look-back; younger events can still appear, no matter when the sync reads them.
    pub fn settle(&mut self, time: Second, now: Second) {
        let since = time.min(now).minus(self.lookback);
        if self.seen_since.is_none_or(|so_far| so_far < since) {
            self.seen_since = Some(since);
        }
        self.forget();
    }

    fn remember(&mut self, until: Second, identity: Identity) {
        if self.seen.back().is_none_or(|(newest, _)| *newest <= until) {
            self.seen.push_back((until, identity));
        } else {
            let place = self.seen.partition_point(|(at, _)| *at <= until);
            self.seen.insert(place, (until, identity));
        }
    }

    /// Removes the ids of records that no sync reads again, and the oldest ids if there are too many.
    fn forget(&mut self) {
        // The filter requests an additional second. A server may filter by another time than the displayed
        // one, up to a look-back later.
        let begins = self.seen_since.map(|since| self.created_at.map_or(since, |cursor| cursor.min(since)));
        if let Some(of_use) = begins.map(|begins| begins.minus(1).minus(self.lookback)) {
            while self.seen.front().is_some_and(|(at, _)| *at < of_use) {
                self.forget_first();
            }
        }
        // All ids of one second are kept, because a second can only be read as a whole.
        let newest = self.seen.back().map(|(at, _)| *at);
        while self.seen.len() > MOST_IN_MEMORY && self.seen.front().map(|(at, _)| *at) < newest {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, identity)) = self.seen.pop_front() {
            self.known.remove(&identity);
        }
    }

    /// Returns how many of the newest ids fit into a state.
    fn kept(&self) -> usize {
        let newest = self.seen.iter().rev().take(MOST_SEEN);
        if !self.seen.iter().any(|(_, identity)| matches!(identity, Identity::Ulid(_))) {
            return newest.len();
        }
        let (mut bytes, mut time) = (0, None);
        newest
            .take_while(|(at, identity)| {
                bytes += size_in_state(identity) + if time == Some(*at) { 0 } else { ENTRY_BYTES };
                time = Some(*at);
                bytes <= MOST_SEEN_BYTES
            })
            .count()
    }

    /// Returns the state that covers the emitted records, with the newest ids if there are too many.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut seen: BTreeMap<Second, Vec<Identity>> = BTreeMap::new();
        let too_many = self.seen.len() - self.kept();
        let left_out = too_many.checked_sub(1).map(|last| self.seen[last].0);
        for (at, identity) in self.seen.iter().skip(too_many) {
            seen.entry(*at).or_default().push(identity.clone());
        }
        // Records that settle nothing are read again from the start of this sync.
        let since = self.seen_since.or_else(|| (self.created_at.is_some() || !seen.is_empty()).then_some(self.begin));
        Snapshot {
            truncated: left_out.is_some_and(|at| since.is_none_or(|since| since <= at)),
            state: SyncState {
                created_at: self.created_at,
                seen_since: since,
                seen,
                filters: self.filters(),
                account: self.account.clone(),
            },
        }
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
