//! Records that are displaced, listed twice, or skipped.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;
use zendesk_sandbox::{CursorKind, Displaced, Options, Order, Sandbox, Shape, Ties, compact};

use crate::http::{Got, ids, logs, sandbox, walk_up};

/// One event every 10 seconds.
fn even(events: u64, order: Order) -> Sandbox {
    let from = Options::default().from;
    let to = from + jiff::SignedDuration::from_secs(events.cast_signed() * 10);
    sandbox(Options { events, to, shape: Shape::Even, order, ..Options::default() })
}

fn displaced(count: u64, seconds: u32) -> Order {
    Order { displaced: Some(Displaced { count, seconds }), ..Order::default() }
}

fn texts(pages: &[Got]) -> Vec<String> {
    pages.iter().flat_map(Got::texts).map(|text| compact(&text)).collect()
}

fn second(record: &str) -> Option<i64> {
    let value: Value = serde_json::from_str(record).expect(record);
    Some(value["created_at"].as_str()?.parse::<Timestamp>().expect("a date").as_second())
}

#[test]
fn displaced_records_are_listed_once_within_the_distance_in_both_directions() {
    let sandbox = even(2_000, displaced(40, 540));
    let listed = texts(&walk_up(&sandbox, "page[size]=100"));
    let truth = sandbox.records();
    assert!(listed != truth);
    assert_eq!(listed.iter().collect::<HashSet<_>>(), truth.iter().collect::<HashSet<_>>());
    assert_eq!(listed.len(), 2_000);
    let place: HashMap<&String, i64> = truth.iter().zip(0..).collect();
    let moved: Vec<i64> = listed.iter().zip(0..).map(|(record, n): (_, i64)| n - place[record]).collect();
    // A distance of 540 seconds is 54 events; each of the other 39 records can add one.
    assert!(moved.iter().all(|by| by.abs() <= 54 + 39), "{moved:?}");
    assert!(moved.iter().any(|&by| by > 20) && moved.iter().any(|&by| by < -20));
    assert_eq!(moved.iter().filter(|by| by.abs() > 8).count(), 40 - 6, "few are displaced by less");
}

#[test]
fn displacement_depends_on_the_seed_only() {
    let listed = |seed| {
        let from = Options::default().from;
        let to = from + jiff::SignedDuration::from_secs(1_000);
        let order = displaced(5, 300);
        let options = Options { events: 100, to, shape: Shape::Even, order, seed, ..Options::default() };
        let sandbox = sandbox(options);
        ids(&logs(&sandbox, "page[size]=100&sort=created_at"))
    };
    assert_eq!(listed(3), listed(3));
    assert_ne!(listed(3), listed(4));
}

#[test]
fn filters_use_the_true_time_and_keep_the_displaced_order() {
    let sandbox = even(1_000, displaced(400, 300));
    let (start, end) = ("2024-01-01T01:00:00Z", "2024-01-01T01:16:35Z");
    let query = format!("page[size]=25&filter[created_at][]={start}&filter[created_at][]={end}");
    let expected: Vec<String> = sandbox.records().into_iter().skip(360).take(100).collect();
    let listed = texts(&walk_up(&sandbox, &query));
    assert!(listed != expected);
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts
    };
    assert!(sorted(listed.clone()) == sorted(expected.clone()));
    // Displaced records are near both bounds of the window.
    assert!(listed[..25] != expected[..25] && listed[75..] != expected[75..]);
    let count = query.replace("page[size]=25&", "per_page=1&");
    assert_eq!(logs(&sandbox, &count).json()["count"], 100);
}

#[test]
fn events_can_be_added_to_a_displaced_history() {
    let sandbox = even(100, displaced(10, 300));
    let end = Options::default().from + jiff::SignedDuration::from_secs(1_000);
    let added = sandbox.add_events(3, end, end);
    let listed = texts(&walk_up(&sandbox, "page[size]=100"));
    assert_eq!((listed.len(), sandbox.event_count()), (103, 103));
    assert!(added.iter().all(|record| listed.contains(record)));
}

#[test]
fn a_duplicate_is_listed_twice_and_counted_once() {
    let order = Order { duplicates: Some(Displaced { count: 7, seconds: 900 }), ..Order::default() };
    let sandbox = even(500, order);
    let listed = texts(&walk_up(&sandbox, "page[size]=100"));
    let mut times: HashMap<String, u32> = HashMap::new();
    for record in listed {
        *times.entry(record).or_default() += 1;
    }
    assert_eq!((times.len(), times.values().filter(|&&n| n == 2).count()), (500, 7));
    assert_eq!(logs(&sandbox, "per_page=1").json()["count"], 500);
    assert_eq!(sandbox.event_count(), 500);
}

#[test]
fn shuffled_ties_change_only_the_order_within_a_second() {
    let order = Order { ties: Ties::Shuffled, ..Order::default() };
    let sandbox = sandbox(Options { events: 950, shape: Shape::Tied, order, ..Options::default() });
    let first = texts(&walk_up(&sandbox, "page[size]=100"));
    let second_walk = texts(&walk_up(&sandbox, "page[size]=100"));
    assert!(first != second_walk);
    let truth = sandbox.records();
    for page in 0..9 {
        let rows = page * 100..page * 100 + 100;
        let set = |texts: &[String]| texts[rows.clone()].iter().cloned().collect::<HashSet<_>>();
        assert_eq!((set(&first), set(&second_walk)), (set(&truth), set(&truth)), "page {page}");
    }
    let dates: Vec<i64> = first.iter().filter_map(|record| second(record)).collect();
    assert!(dates.is_sorted());
}

#[test]
fn unstable_ties_skip_and_repeat_records_where_a_second_spans_pages() {
    let order = Order { ties: Ties::Unstable, ..Order::default() };
    let sandbox = sandbox(Options { events: 300, shape: Shape::OneSecond, order, ..Options::default() });
    for sort in ["sort=created_at", "sort=-created_at"] {
        // The last value of a parameter counts.
        let pages = walk_up(&sandbox, &format!("{sort}&page[size]=100"));
        assert_eq!(pages.iter().map(|page| page.texts().len()).collect::<Vec<_>>(), [100, 100, 100]);
        let distinct: HashSet<String> = texts(&pages).into_iter().collect();
        assert!((200..280).contains(&distinct.len()), "{}", distinct.len());
    }
    // A second within one page is complete.
    assert_eq!(logs(&even(90, Order::default()), "page[size]=100").texts().len(), 90);
}

#[test]
fn a_cursor_with_only_the_second_skips_the_rest_of_it() {
    let order = Order { cursor: CursorKind::SecondOnly, ..Order::default() };
    let tied = sandbox(Options { events: 900, shape: Shape::Tied, order: order.clone(), ..Options::default() });
    let pages = walk_up(&tied, "page[size]=100");
    let listed = texts(&pages);
    assert!(listed.len() < 900);
    assert_eq!(listed.iter().collect::<HashSet<_>>().len(), listed.len());
    assert_eq!(logs(&tied, "per_page=1").json()["count"], 900);
    assert_eq!(texts(&walk_up(&even(950, order), "page[size]=100")).len(), 950, "nothing is lost without ties");
}

#[test]
fn more_special_events_than_events_are_refused() {
    let error = Sandbox::start(Options { events: 5, order: displaced(6, 1), ..Options::default() });
    assert!(error.is_err_and(|error| error.kind() == std::io::ErrorKind::InvalidInput));
}
