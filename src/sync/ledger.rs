//! What has been seen: which records have gone out, and the state that follows from it.
//!
//! It must not know what is fetched next or in which order pages arrive; it only sees records in
//! the order in which they go out.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use super::state::SyncState;
use crate::config::Filters;
use crate::second::Second;
use crate::zendesk::Identity;

/// Ids that a state holds at most. Past that, records may come twice, none is lost.
pub const MOST_SEEN: usize = 10_000;
/// Ids that are kept in memory, so that the ones of a state that was read survive until the sync
/// has passed them.
const MOST_IN_MEMORY: usize = 2 * MOST_SEEN;

/// The account of what has gone out.
#[derive(Debug)]
pub struct Ledger {
    /// In seconds.
    lookback: i64,
    created_at: Option<Second>,
    seen_since: Second,
    /// What has gone out and how long its id is of use, ascending.
    seen: VecDeque<(Second, Identity)>,
    /// The same, for looking up. The hasher is quick, and seeded at random like the usual one.
    known: HashSet<Identity, foldhash::fast::RandomState>,
    filters: Arc<Filters>,
}

/// The state as it now is, and whether it had to leave ids out.
pub struct Snapshot {
    /// For the STATE message.
    pub state: SyncState,
    /// More than [`MOST_SEEN`] ids lie within the look-back.
    pub truncated: bool,
}

impl Ledger {
    /// Opens the account where a state left it, or at the start date, or at the beginning.
    /// `lookback` is in seconds.
    #[must_use]
    pub fn open(state: SyncState, start_date: Option<Second>, lookback: i64) -> Self {
        let begin = start_date.unwrap_or(Second::BEFORE_ZENDESK);
        let seen_since = match (state.seen_since, state.created_at) {
            (Some(since), Some(created_at)) => since.min(created_at),
            (Some(since), None) => since,
            (None, Some(created_at)) => created_at.minus(lookback),
            (None, None) => begin,
        };
        Self {
            lookback,
            created_at: state.created_at,
            seen_since: seen_since.max(begin),
            known: state.seen.values().flatten().cloned().collect(),
            seen: state.seen.into_iter().flat_map(|(at, ids)| ids.into_iter().map(move |id| (at, id))).collect(),
            filters: state.filters,
        }
    }

    /// Which events are read: those of the state that it was opened with.
    #[must_use]
    pub fn filters(&self) -> Arc<Filters> {
        Arc::clone(&self.filters)
    }

    /// Where to begin to read.
    #[must_use]
    pub fn begin(&self) -> Second {
        self.seen_since
    }

    /// The newest `created_at` that has gone out.
    #[must_use]
    pub fn cursor(&self) -> Option<Second> {
        self.created_at
    }

    /// How many records it knows by their ids; at the beginning, those that a sync reads again.
    #[must_use]
    pub fn known(&self) -> u64 {
        self.known.len() as u64
    }

    /// Enters a record; false if it has gone out before. `until` is how long its id is of use: its
    /// `created_at`, or for a record without one the latest that it can be. `now` is the server's
    /// time when the sync began: what is older can hardly appear any more after a look-back, what
    /// is younger can, however late the sync comes to it.
    pub fn enter(&mut self, identity: &Identity, created_at: Option<Second>, until: Second, now: Second) -> bool {
        if !self.known.insert(identity.clone()) {
            return false;
        }
        self.remember(until, identity.clone());
        if created_at > self.created_at {
            self.created_at = created_at;
            self.forget(now);
        }
        if self.seen.len() > MOST_IN_MEMORY {
            self.forget_oldest();
        }
        true
    }

    fn remember(&mut self, until: Second, identity: Identity) {
        if self.seen.back().is_none_or(|(newest, _)| *newest <= until) {
            self.seen.push_back((until, identity));
        } else {
            let place = self.seen.partition_point(|(at, _)| *at <= until);
            self.seen.insert(place, (until, identity));
        }
    }

    fn forget(&mut self, now: Second) {
        let Some(created_at) = self.created_at else {
            return;
        };
        self.seen_since = self.seen_since.max(created_at.min(now).minus(self.lookback));
        // The API may also give the second before, in which records without a date are not told from
        // those after it.
        let of_use = self.seen_since.minus(1);
        while self.seen.front().is_some_and(|(at, _)| *at < of_use) {
            self.forget_first();
        }
    }

    /// Forgets what is older than the newest; of one second everything is kept.
    fn forget_oldest(&mut self) {
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

    /// The state that claims what has gone out, with the newest ids if they are too many.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut seen: BTreeMap<Second, Vec<Identity>> = BTreeMap::new();
        for (at, identity) in self.seen.iter().skip(self.seen.len().saturating_sub(MOST_SEEN)) {
            seen.entry(*at).or_default().push(identity.clone());
        }
        let nothing_yet = self.created_at.is_none() && seen.is_empty();
        Snapshot {
            truncated: self.seen.len() > MOST_SEEN,
            state: SyncState {
                created_at: self.created_at,
                seen_since: (!nothing_yet).then_some(self.seen_since),
                seen,
                filters: self.filters(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Second = Second::BEFORE_ZENDESK;

    fn at(second: i64) -> Second {
        FAR.plus(second)
    }

    fn enter(ledger: &mut Ledger, id: i64, second: i64) -> bool {
        ledger.enter(&Identity::Id(id), Some(at(second)), at(second), at(1_000_000))
    }

    fn reopen(ledger: &Ledger, lookback: i64) -> Ledger {
        Ledger::open(ledger.snapshot().state, None, lookback)
    }

    #[test]
    fn nothing_goes_out_twice_and_what_comes_late_does_go_out() {
        let mut ledger = Ledger::open(SyncState::default(), None, 600);
        assert_eq!(ledger.begin(), FAR);
        for (id, second) in [(1, 0), (2, 500), (3, 1000), (4, 1000)] {
            assert!(enter(&mut ledger, id, second));
            assert!(!enter(&mut ledger, id, second));
        }
        let mut next = reopen(&ledger, 600);
        assert_eq!(next.begin(), at(400));
        assert_eq!(next.cursor(), Some(at(1000)));
        for (id, second) in [(2, 500), (3, 1000), (4, 1000)] {
            assert!(!enter(&mut next, id, second), "{id} came twice");
        }
        assert!(enter(&mut next, 5, 450));
        assert_eq!(next.cursor(), Some(at(1000)), "a late record does not move the cursor back");
        assert!(!enter(&mut reopen(&next, 600), 5, 450));
    }

    #[test]
    fn without_a_look_back_the_ties_of_the_last_second_are_kept() {
        let mut ledger = Ledger::open(SyncState::default(), None, 0);
        for (id, second) in [(1, 1000), (2, 1000)] {
            enter(&mut ledger, id, second);
        }
        let mut next = reopen(&ledger, 0);
        assert_eq!(next.begin(), at(1000));
        assert!(!enter(&mut next, 2, 1000));
        assert!(enter(&mut next, 3, 1000));
    }

    #[test]
    fn a_longer_look_back_takes_effect_without_repeating_what_it_now_covers() {
        let mut ledger = Ledger::open(SyncState::default(), None, 60);
        enter(&mut ledger, 1, 0);
        enter(&mut ledger, 2, 1000);
        let mut next = reopen(&ledger, 600);
        assert_eq!(next.begin(), at(940));
        enter(&mut next, 3, 2000);
        assert_eq!(reopen(&next, 600).begin(), at(1400));
    }

    #[test]
    fn a_sync_that_runs_past_the_present_reads_again_from_where_it_began() {
        let mut ledger = Ledger::open(SyncState::default(), None, 600);
        let began = at(10_000);
        ledger.enter(&Identity::Id(1), Some(at(20_000)), at(20_000), began);
        assert_eq!(reopen(&ledger, 600).begin(), at(9_400));
    }

    #[test]
    fn a_state_that_holds_only_the_cursor_is_read_again_by_the_look_back() {
        let state = |created_at| SyncState { created_at: Some(at(created_at)), ..SyncState::default() };
        assert_eq!(Ledger::open(state(1000), None, 600).begin(), at(400));
        assert_eq!(Ledger::open(state(1000), Some(at(700)), 600).begin(), at(700));
        assert_eq!(Ledger::open(state(1000), Some(at(5000)), 600).begin(), at(5000));
    }

    #[test]
    fn a_record_without_a_date_never_moves_the_cursor() {
        let mut ledger = Ledger::open(SyncState::default(), None, 600);
        assert!(ledger.enter(&Identity::Id(1), None, at(50), at(1_000_000)));
        assert_eq!(ledger.cursor(), None);
        assert!(!ledger.enter(&Identity::Id(1), None, at(50), at(1_000_000)));
        let mut next = reopen(&ledger, 600);
        assert_eq!(next.begin(), FAR);
        assert!(!next.enter(&Identity::Id(1), None, at(60), at(1_000_000)));
    }

    #[test]
    fn a_state_is_bounded_and_keeps_the_newest() {
        let mut ledger = Ledger::open(SyncState::default(), None, 86_400);
        for id in 0..10_001 {
            enter(&mut ledger, id, id);
        }
        let snapshot = ledger.snapshot();
        assert!(snapshot.truncated);
        assert_eq!(snapshot.state.seen.values().map(Vec::len).sum::<usize>(), MOST_SEEN);
        assert!(!enter(&mut reopen(&ledger, 86_400), 10_000, 10_000));
        assert!(enter(&mut reopen(&ledger, 86_400), 0, 0), "the oldest may come twice");
        for id in 10_001..50_000 {
            enter(&mut ledger, id, id);
        }
        assert!(ledger.known.len() <= MOST_IN_MEMORY);
    }

    #[test]
    fn a_second_with_more_records_than_a_state_holds_is_remembered_while_the_sync_lasts() {
        let mut ledger = Ledger::open(SyncState::default(), None, 0);
        for id in 0..30_000 {
            enter(&mut ledger, id, 7);
        }
        assert!((0..30_000).all(|id| !enter(&mut ledger, id, 7)));
    }
}
