//! Comparisons with a server that counts all events and returns some of them. Times are seconds of one hour.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::stream::AUDIT_LOGS;
use crate::sync::batch::{Batch, Listing, Place, Trust};
use crate::zendesk::Page;

const HOUR: i64 = 3_600;

fn at(second: i64) -> Second {
    Second::from_unix(1_700_000_000).plus(second)
}

fn window(start: i64, end: i64) -> Window {
    Window { start: at(start), end: at(end) }
}

/// The events that a filter returns for the last second of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Inclusive,
    Exclusive,
}

/// A server. The ids of its events are their indexes.
struct Server {
    times: Vec<i64>,
    omitted: BTreeSet<usize>,
    end: End,
}

impl Server {
    fn count(&self, span: Window) -> u64 {
        let of = |time: &&i64| span.contains(at(**time)) || self.end == End::Inclusive && at(**time) == span.end;
        self.times.iter().filter(of).count() as u64
    }

    /// Returns the batch of a window without the omitted events.
    fn batch(&self, window: Window) -> Batch {
        let filter = window.filter();
        let mut found: Vec<_> = self.times.iter().enumerate().collect();
        found.retain(|(id, time)| !self.omitted.contains(id) && filter.start <= at(**time) && at(**time) <= filter.end);
        found.sort_by_key(|(_, time)| **time);
        let records: Vec<_> =
            found.iter().map(|(id, time)| format!(r#"{{"id":{id},"created_at":"{}"}}"#, at(**time))).collect();
        let body = format!(r#"{{"audit_logs":[{}],"meta":{{"has_more":false}}}}"#, records.join(","));
        let page = Page::parse(&mut body.into_bytes(), &AUDIT_LOGS).expect("a page");
        let place = Place { window, tolerance: 600, trust: Trust::Confirmed, listing: Listing::default() };
        Batch::new(page, place).expect("a batch").0
    }
}

/// Reads the hour in windows with these start times, as a sync does.
fn read(server: &Server, starts: &BTreeSet<i64>) -> Completeness {
    let mut completeness = Completeness::new(window(0, HOUR));
    let mut emitted = HashSet::new();
    let mut starts: Vec<i64> = starts.iter().copied().chain([0, HOUR]).collect();
    starts.sort_unstable();
    starts.dedup();
    for pair in starts.windows(2) {
        let batch = server.batch(window(pair[0], pair[1]));
        completeness.enter_window(batch.window());
        for (record, entry) in batch.records() {
            if emitted.insert(record.identity.clone()) {
                completeness.record(&record.identity, record.created_at, &entry);
            }
        }
    }
    completeness
}

/// Compares all ranges; returns the windows to read again and the number of count requests.
fn compare(completeness: &mut Completeness, count: impl Fn(Window) -> u64) -> (Vec<Window>, usize) {
    let mut search = completeness.search(true);
    let mut counts = 0;
    while let Some(span) = completeness.next_count(&search) {
        counts += 1;
        completeness.counted(&mut search, count(span));
    }
    (completeness.end_search(&search, true), counts)
}

proptest! {
    #[test]
    fn a_server_that_returns_everything_is_not_suspected(
        times in prop::collection::vec(0..HOUR, 0..80),
        starts in prop::collection::btree_set(1..HOUR, 0..30),
        end in prop_oneof![Just(End::Inclusive), Just(End::Exclusive)],
    ) {
        let server = Server { times, omitted: BTreeSet::new(), end };
        let mut completeness = read(&server, &starts);
        prop_assert!(completeness.agrees(server.count(completeness.span())));
        let (again, counts) = compare(&mut completeness, |span| server.count(span));
        prop_assert_eq!((again, counts.min(2)), (Vec::new(), 1));
        prop_assert!(completeness.still_missing().is_empty());
    }

    #[test]
    fn omitted_events_are_in_the_windows_to_read_again_and_each_is_emitted_once(
        times in prop::collection::vec(0..HOUR, 1..80),
        starts in prop::collection::btree_set(1..HOUR, 0..7),
        omitted in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        end in prop_oneof![Just(End::Inclusive), Just(End::Exclusive)],
    ) {
        // An event at the border of two windows may be counted in both, and then hides an omitted event.
        prop_assume!(!times.iter().any(|time| starts.contains(time)));
        let omitted = omitted.iter().map(|index| index.index(times.len())).collect();
        let mut server = Server { times, omitted, end };
        let mut completeness = read(&server, &starts);
        prop_assert!(!completeness.agrees(server.count(completeness.span())));
        let (again, _) = compare(&mut completeness, |span| server.count(span));
        let omitted = std::mem::take(&mut server.omitted);
        let mut recovered = BTreeSet::new();
        prop_assert_eq!(completeness.still_missing().len(), again.len());
        for window in again {
            for (record, _) in server.batch(window).records() {
                if completeness.recover(&record.identity, record.created_at) {
                    let Identity::Id(id) = record.identity else { unreachable!("the ids are integers") };
                    prop_assert!(recovered.insert(usize::try_from(id).expect("an index")), "{} comes twice", id);
                }
            }
        }
        prop_assert_eq!(recovered, omitted);
        prop_assert!(completeness.still_missing().is_empty());
    }
}

/// A regression test: the search ended because a part had the same count as the whole range.
#[test]
fn an_omitted_event_next_to_windows_without_events_is_found() {
    let server = Server { times: vec![0, 2_000], omitted: [1].into(), end: End::Inclusive };
    let mut completeness = read(&server, &[500, 1_000].into());
    let (again, _) = compare(&mut completeness, |span| server.count(span));
    assert_eq!(again, [window(1_000, HOUR)]);
}

#[test]
fn an_event_that_is_counted_in_two_windows_is_not_reported_as_missing() {
    let mut server = Server { times: vec![10, 20, 100], omitted: [0].into(), end: End::Inclusive };
    let mut completeness = read(&server, &[100].into());
    let (again, _) = compare(&mut completeness, |span| server.count(span));
    assert_eq!(again, [window(0, 100)]);
    assert_eq!(completeness.still_missing().len(), 1, "until it is read again");
    server.omitted.clear();
    for (record, _) in server.batch(again[0]).records() {
        completeness.recover(&record.identity, record.created_at);
    }
    assert!(completeness.still_missing().is_empty());
}

fn hours(omitted: BTreeSet<usize>) -> (Server, Completeness) {
    let server = Server { times: (0..360).map(|number| 10 * number + 5).collect(), omitted, end: End::Exclusive };
    let starts = (0..60).map(|minute| 60 * minute).collect();
    let completeness = read(&server, &starts);
    (server, completeness)
}

#[test]
fn a_server_whose_counts_do_not_depend_on_the_span_costs_two_counts() {
    let (_, mut completeness) = hours(BTreeSet::new());
    assert_eq!(compare(&mut completeness, |_| 1_000), (Vec::new(), 2));
}

#[test]
fn a_missing_event_is_found_by_bisection() {
    let (server, mut completeness) = hours([100].into());
    let (again, counts) = compare(&mut completeness, |span| server.count(span));
    assert_eq!(again, [window(960, 1_020)]);
    assert!(counts <= 13, "{counts} counts");
}

#[test]
fn a_comparison_reads_at_most_8_windows_again_and_requests_at_most_40_counts() {
    let (server, mut completeness) = hours((0..360).step_by(6).collect());
    let (again, counts) = compare(&mut completeness, |span| server.count(span));
    assert_eq!(again.len(), 8);
    assert!(counts <= 40, "{counts} counts");
    let (server, mut completeness) = hours([0, 90, 180, 270, 359, 45, 135].into());
    let (_, counts) = compare(&mut completeness, |span| server.count(span));
    assert_eq!(counts, 40, "seven windows take more");
}

#[test]
fn events_too_recent_to_be_counted_are_not_compared() {
    let mut completeness = Completeness::new(window(0, 100));
    let server = Server { times: vec![50, 150], omitted: BTreeSet::new(), end: End::Exclusive };
    let batch = server.batch(window(0, HOUR));
    completeness.enter_window(batch.window());
    for (record, entry) in batch.records() {
        completeness.record(&record.identity, record.created_at, &entry);
    }
    assert!(completeness.agrees(1));
    assert!(!completeness.agrees(2), "the server counts one more before that time than was read");
}

#[test]
fn a_long_history_is_compared_in_parts_of_200_000_records() {
    let mut completeness = Completeness::new(window(0, HOUR));
    let server = Server { times: vec![5; 1_000], omitted: BTreeSet::new(), end: End::Exclusive };
    let batch = server.batch(window(0, 10));
    completeness.enter_window(window(0, 10));
    for part in 0..200 {
        assert!(!completeness.is_part_full(), "after {part},000 records");
        for (record, entry) in batch.records() {
            completeness.record(&record.identity, record.created_at, &entry);
        }
    }
    assert!(!completeness.is_part_full(), "the only window may not be complete");
    completeness.enter_window(window(10, 20));
    assert!(completeness.is_part_full());
    let search = completeness.search(false);
    assert_eq!(completeness.next_count(&search), Some(window(0, 10)), "the last window may not be complete");
    completeness.end_search(&search, false);
    assert!(!completeness.is_part_full());
    assert!(completeness.agrees(200_000) && !completeness.agrees(200_001), "what was compared still counts");
}

#[test]
fn records_without_a_date_count_as_read() {
    let body =
        format!(r#"{{"audit_logs":[{{"id":1,"created_at":"{}"}},{{"id":2}}],"meta":{{"has_more":false}}}}"#, at(5));
    let page = Page::parse(&mut body.into_bytes(), &AUDIT_LOGS).expect("a page");
    let window = window(0, HOUR);
    let place = Place { window, tolerance: 600, trust: Trust::Confirmed, listing: Listing::default() };
    let (batch, _) = Batch::new(page, place).expect("a batch");
    let mut completeness = Completeness::new(window);
    completeness.enter_window(window);
    for (record, entry) in batch.records() {
        completeness.record(&record.identity, record.created_at, &entry);
    }
    assert!(completeness.agrees(2) && !completeness.agrees(3));
}
