//! Tests walks over a small listing, with all kinds of cursor failures. Times are seconds of one hour.

use proptest::prelude::*;

use super::*;
use crate::stream::AUDIT_LOGS;

const HOUR: i64 = 3_600;
const TOLERANCE: i64 = 600;
const PAGE: usize = 5;

fn at(second: i64) -> Second {
    Second::from_unix(1_700_000_000).plus(second)
}

/// An event: its time, the time by which the server lists it, and its displayed date.
#[derive(Clone, Copy, Debug)]
struct Event {
    time: i64,
    listed: i64,
    shown: i64,
}

/// A listing of events. It filters by their time.
struct Server(Vec<Event>);

impl Server {
    fn page(&self, query: &Query) -> Page {
        let between = query.between.expect("a filter");
        let mut found: Vec<(usize, &Event)> = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, event)| (between.start..=between.end).contains(&at(event.time)))
            .collect();
        found.sort_by_key(|(_, event)| event.listed);
        let from: usize = query.after.as_ref().map_or(0, |after| after.value.parse().expect("a cursor of this server"));
        let to = (from + PAGE).min(found.len());
        let records: Vec<String> = found[from.min(to)..to]
            .iter()
            .map(|(id, event)| format!(r#"{{"id":{id},"created_at":"{}"}}"#, at(event.shown)))
            .collect();
        let (records, more) = (records.join(","), to < found.len());
        page(&format!(r#"{{"audit_logs":[{records}],"meta":{{"has_more":{more},"after_cursor":"{to}"}}}}"#))
    }
}

fn page(body: &str) -> Page {
    Page::parse(&mut body.as_bytes().to_vec(), &AUDIT_LOGS).expect("a page")
}

fn window(start: i64, end: i64) -> Window {
    Window { start: at(start), end: at(end) }
}

/// A failure instead of the next page, or a change of the walk before it.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    CursorRefused,
    NoCursor,
    /// The rest is split off to another walk, from this second on.
    Split(i64),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        6 => Just(Trouble::None),
        1 => Just(Trouble::CursorRefused),
        1 => Just(Trouble::NoCursor),
        1 => (0..HOUR).prop_map(Trouble::Split),
    ]
}

/// Walks the hour to its end; returns the ids in the order of their arrival.
fn walk_all(server: &Server, trust: Trust, troubles: &[Trouble]) -> Vec<Identity> {
    let mut troubles = troubles.iter().copied();
    let mut waiting = vec![Walk::new(window(0, HOUR), TOLERANCE)];
    let mut ids = Vec::new();
    let mut requests = 0;
    while let Some(mut walk) = waiting.pop() {
        while !walk.is_done() {
            requests += 1;
            assert!(requests < 2_000, "the walk does not come to an end");
            let query = walk.query(&AUDIT_LOGS, 5);
            let step = match troubles.next().unwrap_or(Trouble::None) {
                Trouble::CursorRefused if query.after.is_some() => walk.cursor_refused(),
                Trouble::NoCursor => {
                    let mut page = server.page(&query);
                    (page.has_more, page.next) = (true, None);
                    walk.page(page, trust)
                }
                Trouble::Split(second) if at(second) > walk.window().start && at(second) < walk.window().end => {
                    waiting.push(walk.split_off(at(second)));
                    continue;
                }
                _ => walk.page(server.page(&query), trust),
            };
            let batch = match step.expect("the walk continues") {
                Step::Batch(batch) | Step::Restarted { batch: Some(batch), .. } => batch,
                Step::Again | Step::Restarted { batch: None, .. } => continue,
            };
            ids.extend(batch.records().map(|(record, _)| record.identity.clone()));
        }
    }
    ids
}

fn all_of(server: &Server) -> HashSet<Identity> {
    (0..).take(server.0.len()).map(Identity::Id).collect()
}

proptest! {
    /// Records are displaced by up to the tolerance, in either direction, with ties.
    #[test]
    fn displaced_records_are_read_with_any_failures_of_cursors_and_splits_of_windows(
        events in prop::collection::vec((0..HOUR, -TOLERANCE..=TOLERANCE), 0..60),
        troubles in prop::collection::vec(trouble(), 0..40),
        confirmed in any::<bool>(),
    ) {
        let event = |(time, off)| Event { time, listed: time + off, shown: time };
        let server = Server(events.into_iter().map(event).collect());
        let trust = if confirmed { Trust::Confirmed } else { Trust::Unknown };
        let read: HashSet<_> = walk_all(&server, trust, &troubles).into_iter().collect();
        prop_assert_eq!(read, all_of(&server));
    }

    /// If the dates are not confirmed, nothing depends on them, and no record is returned twice.
    #[test]
    fn shown_dates_that_are_hours_off_lose_and_repeat_nothing(
        times in prop::collection::vec(0..HOUR, 0..60),
        troubles in prop::collection::vec(trouble(), 0..40),
        off in prop_oneof![Just(-5 * HOUR), Just(5 * HOUR), -HOUR..HOUR],
    ) {
        let event = |time| Event { time, listed: time, shown: time + off };
        let server = Server(times.into_iter().map(event).collect());
        let read = walk_all(&server, Trust::Unknown, &troubles);
        // A window reads an additional second at its end: there, records are compared by their ids.
        let once: HashSet<_> = read.iter().cloned().collect();
        prop_assert_eq!(once, all_of(&server));
    }
}

proptest! {
    /// A restart repeats no record because of the memory of received records, not because of their dates.
    #[test]
    fn until_dates_are_confirmed_a_restart_repeats_no_record(
        times in prop::collection::vec(0..HOUR, 0..60),
        troubles in prop::collection::vec(trouble(), 0..40),
    ) {
        let server = Server(times.iter().map(|time| Event { time: *time, listed: *time, shown: *time }).collect());
        let read = walk_all(&server, Trust::Unknown, &troubles);
        let mut once = HashSet::new();
        let repeated: Vec<_> = read.into_iter().filter(|id| !once.insert(id.clone())).collect();
        // Each of two windows reads the seconds at their common border.
        let at_border = |id: &Identity| {
            let borders = troubles.iter().filter_map(|trouble| match trouble {
                Trouble::Split(second) => Some(*second),
                _ => None,
            });
            let time = (0..).zip(&times).find(|(index, _)| Identity::Id(*index) == *id).map(|(_, time)| *time);
            borders.into_iter().any(|border| time.is_some_and(|time| (border - 1..=border).contains(&time)))
        };
        prop_assert!(repeated.iter().all(at_border), "{:?}", repeated);
    }
}

fn listed(seconds: &[i64], has_more: bool) -> Page {
    let record = |(id, second): (usize, &i64)| format!(r#"{{"id":{id},"created_at":"{}"}}"#, at(*second));
    let records: Vec<String> = seconds.iter().enumerate().map(record).collect();
    let (records, first) = (records.join(","), seconds.first().copied().unwrap_or_default());
    page(&format!(r#"{{"audit_logs":[{records}],"meta":{{"has_more":{has_more},"after_cursor":"{first}"}}}}"#))
}

fn settled(step: Result<Step>) -> Option<i64> {
    match step {
        Ok(Step::Batch(batch)) => batch.settled.map(|settled| settled.since(at(0))),
        other => panic!("no batch: {other:?}"),
    }
}

#[test]
fn one_record_with_a_wrong_date_settles_nothing() {
    let mut walk = Walk::new(window(0, HOUR), TOLERANCE);
    assert_eq!(settled(walk.page(listed(&[1_000, 1_020, 3_000], true), Trust::Confirmed)), Some(420));
    assert_eq!(settled(walk.page(listed(&[1_030, 1_040], true), Trust::Confirmed)), Some(430), "3,000 settled nothing");
    assert_eq!(
        settled(walk.page(listed(&[1_041, 1_050], false), Trust::Confirmed)),
        Some(3_000),
        "the end settles all"
    );
}

#[test]
fn a_page_past_the_end_of_the_window_does_not_end_it() {
    let mut walk = Walk::new(window(0, 100), TOLERANCE);
    let step = walk.page(listed(&[90, 100, 150], true), Trust::Unknown);
    assert!(matches!(step, Ok(Step::Batch(ref batch)) if batch.len() == 3));
    assert!(!walk.is_done());
}

#[test]
fn has_more_false_with_a_next_link_is_no_end_until_the_link_has_been_followed() {
    let link = |id: u32, after: &str| {
        page(&format!(
            r#"{{"audit_logs":[{{"id":{id},"created_at":"{}"}}],"meta":{{"has_more":false,"after_cursor":"{after}"}},
                "links":{{"next":"https://elsewhere.example/"}}}}"#,
            at(1)
        ))
    };
    let mut walk = Walk::new(window(0, HOUR), TOLERANCE);
    assert!(walk.page(link(1, "a"), Trust::Unknown).is_ok());
    assert!(!walk.is_done());
    assert_eq!(walk.query(&AUDIT_LOGS, 5).after.map(|after| after.value).as_deref(), Some("a"));
    assert!(walk.page(link(2, "a"), Trust::Unknown).is_ok());
    assert!(walk.is_done(), "the server reports it twice");
}

#[test]
fn cursors_that_do_not_advance_end_in_an_error() {
    let mut walk = Walk::new(window(0, HOUR), TOLERANCE);
    let error =
        (0..200).find_map(|_| walk.page(page(r#"{"audit_logs":[],"meta":{"has_more":true}}"#), Trust::Unknown).err());
    assert!(matches!(error.expect("an end").failure, Failure::Pagination { .. }));
}

#[test]
fn cursors_that_never_end_and_bring_nothing_later_end_in_an_error() {
    let pages = |second: fn(i64) -> i64| {
        let mut walk = Walk::new(window(0, 100 * HOUR), TOLERANCE);
        let mut page = |number: i64| {
            let body = format!(
                r#"{{"audit_logs":[{{"id":{number},"created_at":"{}"}}],"meta":{{"has_more":true,"after_cursor":"{number}"}}}}"#,
                at(second(number))
            );
            walk.page(page(&body), Trust::Confirmed)
        };
        (0..30_000).position(|number| page(number).is_err())
    };
    assert_eq!(pages(|_| 7), Some(10_000), "10,000 pages after the first record");
    assert_eq!(pages(|number| number), None);
}

#[test]
fn a_page_with_an_unusable_cursor_is_requested_three_times_before_the_walk_restarts() {
    let mut walk = Walk::new(window(0, HOUR), TOLERANCE);
    assert!(matches!(walk.page(listed(&[10], true), Trust::Unknown), Ok(Step::Batch(_))));
    for _ in 0..2 {
        assert!(matches!(walk.cursor_refused(), Ok(Step::Again)));
        assert_eq!(walk.query(&AUDIT_LOGS, 5).after.map(|after| after.value).as_deref(), Some("10"));
    }
    assert_eq!((walk.position(), walk.depth()), (at(10), 1));
    assert!(matches!(walk.cursor_refused(), Ok(Step::Restarted { batch: None, depth: 1, .. })));
    assert_eq!(walk.query(&AUDIT_LOGS, 5).after, None);
    assert_eq!((walk.position(), walk.depth()), (at(0), 0), "it goes back to the beginning of its window");
}

#[test]
fn a_server_that_ignores_the_filter_ends_in_an_error() {
    let mut walk = Walk::new(window(0, HOUR), TOLERANCE);
    let years: Vec<i64> = (1..=10).map(|year| -year * 365 * 86_400).collect();
    let error = walk.page(listed(&years, true), Trust::Unknown).expect_err("refused");
    assert!(matches!(error.failure, Failure::Pagination { .. }));
}
