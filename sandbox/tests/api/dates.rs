//! Dates that are shown with an offset, and events that are dated outside the history.

use serde_json::Value;
use zendesk_sandbox::{DateFormat, Dates, FutureEvents, Options, Sandbox, Shape, compact};

use crate::http::{logs, sandbox};

/// One event a second from 2024-01-01T00:00:00Z on.
fn a_second_each(events: u64, dates: Dates) -> Sandbox {
    let to = Options::default().from + jiff::SignedDuration::from_secs(events.cast_signed());
    sandbox(Options { events, to, shape: Shape::Even, dates, ..Options::default() })
}

fn between(sandbox: &Sandbox, start: &str, end: &str) -> Vec<String> {
    let query = format!("page[size]=100&sort=created_at&filter[created_at][]={start}&filter[created_at][]={end}");
    logs(sandbox, &query).texts().iter().map(|text| compact(text)).collect()
}

fn created_at(record: &str) -> String {
    serde_json::from_str::<Value>(record).expect(record)["created_at"].as_str().expect("a date").to_owned()
}

#[test]
fn a_shown_offset_does_not_affect_filters_and_order() {
    for (format, offset, shown) in [
        (DateFormat::Utc, 0, "2024-01-01T00:00:10Z"),
        (DateFormat::Utc, -18_000, "2023-12-31T19:00:10Z"),
        (DateFormat::Local, -18_000, "2023-12-31T19:00:10"),
        (DateFormat::Offset, -18_000, "2023-12-31T19:00:10-05:00"),
        (DateFormat::Offset, 19_800, "2024-01-01T05:30:10+05:30"),
    ] {
        let dates = Dates { created_at_offset: offset, created_at_format: format, ..Dates::default() };
        let sandbox = a_second_each(20, dates);
        let found = between(&sandbox, "2024-01-01T00:00:10Z", "2024-01-01T00:00:11Z");
        assert_eq!(found.iter().map(|record| created_at(record)).next().as_deref(), Some(shown));
        assert_eq!(found, sandbox.records()[10..12]);
    }
}

#[test]
fn a_misdated_record_keeps_its_position() {
    let dates = Dates { misdated: Some(-2), ..Dates::default() };
    let sandbox = a_second_each(20, dates);
    let expected = a_second_each(20, Dates::default()).records();
    let found = between(&sandbox, "2024-01-01T00:00:00Z", "2024-01-01T00:00:19Z");
    let odd: Vec<usize> = (0..20).filter(|&n| found[n] != expected[n]).collect();
    assert_eq!(odd.len(), 1);
    let (shown, truth) = (created_at(&found[odd[0]]), created_at(&expected[odd[0]]));
    assert_eq!(shown, truth.replace("2024-01-01", "2023-12-30"));
    assert_eq!(found, sandbox.records());
}

#[test]
fn filters_find_epoch_and_future_events_at_their_dates() {
    let future_events = Some(FutureEvents { count: 2, hours: 20 });
    let sandbox = a_second_each(60, Dates { epoch_events: 3, future_events, ..Dates::default() });
    let records = sandbox.records();
    let dates: Vec<String> = records.iter().map(|record| created_at(record)).collect();
    assert_eq!(dates[..3], ["1970-01-01T00:00:00Z"; 3]);
    assert_eq!(dates[58..], ["2024-01-01T20:01:00Z"; 2]);
    assert_eq!(between(&sandbox, "1960-01-01T00:00:00Z", "1999-12-31T23:59:59Z"), records[..3]);
    assert_eq!(between(&sandbox, "2024-01-01T00:02:00Z", "2024-01-02T00:00:00Z"), records[58..]);
    assert_eq!(records.len(), 60);
}
