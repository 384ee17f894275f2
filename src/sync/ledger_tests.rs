//! Tests which records the ledger accepts, and which ids it keeps.

use super::*;
use crate::stream::ACCESS_LOGS;
use crate::zendesk::Ulid;

const FAR: Second = Second::EPOCH;
/// A time after all settled times.
const NOW: i64 = 1_000_000;

fn at(second: i64) -> Second {
    FAR.plus(second)
}

/// Adds a record that is listed at its position, and settles its time.
fn enter(ledger: &mut Ledger, id: i64, second: i64) -> bool {
    let new = ledger.enter(&Identity::Id(id), Some(at(second)), at(second));
    ledger.settle(at(second), at(NOW));
    new
}

fn reopen(ledger: &Ledger, lookback: i64) -> Ledger {
    Ledger::open(ledger.snapshot().state, None, lookback)
}

#[test]
fn no_record_is_emitted_twice_and_late_records_are_emitted() {
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
        assert!(!enter(&mut next, id, second), "{id} is emitted twice");
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
fn an_event_ahead_of_its_time_does_not_move_the_start_of_the_next_sync_beyond_now() {
    let mut ledger = Ledger::open(SyncState::default(), None, 600);
    ledger.enter(&Identity::Id(1), Some(at(20_000)), at(20_000));
    ledger.settle(at(20_000), at(10_000));
    assert_eq!(reopen(&ledger, 600).begin(), at(9_400));
}

#[test]
fn one_event_20_hours_ahead_does_not_stop_the_removal_of_ids() {
    let hour = 3_600;
    let mut ledger = Ledger::open(SyncState::default(), None, 600);
    ledger.enter(&Identity::Id(-1), Some(at(20 * hour)), at(20 * hour));
    for sync in 0..8 {
        let now = at((sync + 1) * hour);
        for n in 0..2_000 {
            let time = at(sync * hour + n);
            ledger.enter(&Identity::Id(sync * 2_000 + n), Some(time), time);
            ledger.settle(time, now);
        }
        let snapshot = ledger.snapshot();
        assert!(!snapshot.truncated);
        let remembered: usize = snapshot.state.seen.values().map(Vec::len).sum();
        // Twice the look-back: a server may filter by a later time than the displayed one.
        assert!(remembered < 1_300, "sync {sync}: {remembered}");
        ledger = Ledger::open(snapshot.state, None, 600);
    }
}

#[test]
fn a_record_that_settles_nothing_does_not_move_the_start_of_the_next_sync() {
    let mut ledger = Ledger::open(SyncState::default(), Some(at(500)), 600);
    ledger.enter(&Identity::Id(1), Some(at(5_000)), at(5_000));
    let next = reopen(&ledger, 600);
    assert_eq!((next.begin(), next.cursor()), (at(500), Some(at(5_000))));
}

#[test]
fn a_start_date_that_was_once_too_late_does_not_change_the_look_back() {
    let mut ledger = Ledger::open(SyncState::default(), None, 600);
    enter(&mut ledger, 1, 1_000);
    let late = Ledger::open(ledger.snapshot().state, Some(at(500_000)), 600);
    assert_eq!(late.begin(), at(500_000));
    let mut corrected = Ledger::open(late.snapshot().state, None, 600);
    assert_eq!(corrected.begin(), at(400));
    assert!(enter(&mut corrected, 2, 700), "five minutes late");
    assert!(!enter(&mut corrected, 1, 1_000));
}

#[test]
fn a_state_with_only_a_cursor_starts_a_look_back_before_it() {
    let state = |created_at| SyncState { created_at: Some(at(created_at)), ..SyncState::default() };
    assert_eq!(Ledger::open(state(1000), None, 600).begin(), at(400));
    assert_eq!(Ledger::open(state(1000), Some(at(700)), 600).begin(), at(700));
    assert_eq!(Ledger::open(state(1000), Some(at(5000)), 600).begin(), at(5000));
}

#[test]
fn a_record_without_a_date_never_moves_the_cursor() {
    let mut ledger = Ledger::open(SyncState::default(), None, 600);
    assert!(ledger.enter(&Identity::Id(1), None, at(50)));
    assert_eq!(ledger.cursor(), None);
    assert!(!ledger.enter(&Identity::Id(1), None, at(50)));
    let mut next = reopen(&ledger, 600);
    assert_eq!(next.begin(), FAR);
    assert!(!next.enter(&Identity::Id(1), None, at(60)));
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
    assert!(enter(&mut reopen(&ledger, 86_400), 0, 0), "the oldest may be emitted twice");
    for id in 10_001..80_000 {
        enter(&mut ledger, id, id);
    }
    assert!(ledger.known.len() <= MOST_IN_MEMORY);
}

#[test]
fn all_ids_of_a_second_are_kept_during_the_sync() {
    let mut ledger = Ledger::open(SyncState::default(), None, 0);
    for id in 0..60_000 {
        enter(&mut ledger, id, 7);
    }
    assert!((0..60_000).all(|id| !enter(&mut ledger, id, 7)));
}

/// Returns the size of the state after a number of ULIDs with a number in each second, and the number of ids that it holds.
fn state_of_ulids(number: i64, in_a_second: i64) -> (usize, usize, bool) {
    let mut ledger = Ledger::open(SyncState::default(), None, 86_400);
    for id in 0..number {
        let ulid = Ulid::parse(&format!("01KAQC2F00{id:016}")).expect("a ULID");
        let time = at(id / in_a_second);
        assert!(ledger.enter(&Identity::Ulid(ulid), Some(time), time));
        ledger.settle(time, at(NOW));
    }
    let snapshot = ledger.snapshot();
    let held = snapshot.state.seen.values().map(Vec::len).sum();
    (snapshot.state.to_value(&ACCESS_LOGS).to_string().len(), held, snapshot.truncated)
}

#[test]
fn a_state_of_ulids_stays_below_100_kb_and_uses_most_of_it() {
    for in_a_second in [1, 7, 20_000] {
        let (size, held, truncated) = state_of_ulids(20_000, in_a_second);
        assert!((70_000..100_000).contains(&size), "{size} bytes for {held} ids, {in_a_second} in a second");
        assert!(truncated);
    }
    let (_, held, truncated) = state_of_ulids(1_000, 1);
    assert_eq!((held, truncated), (1_000, false));
}

#[test]
fn a_sync_of_records_without_dates_does_not_move_the_start_of_the_next_sync() {
    let mut ledger = Ledger::open(SyncState::default(), Some(at(1_000)), 600);
    assert_eq!(ledger.snapshot().state.seen_since, None, "nothing has been emitted");
    assert!(ledger.enter(&Identity::Id(1), None, at(5_000)));
    let snapshot = ledger.snapshot();
    assert_eq!((snapshot.state.seen_since, snapshot.truncated), (Some(at(1_000)), false));
}
