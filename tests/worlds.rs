//! Tests whole syncs against servers that do not behave as documented: displaced records, wrong dates,
//! requests that are too heavy, limits of a single endpoint, wrong clocks, states of another account. Each
//! test is named after its symptom.
//!
//! Every sync must emit each record once, unaltered, within a number of requests.

mod harness;

use std::time::Duration;

use harness::{Connection, Run, sandbox, sorted};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zendesk_sandbox::{
    Count, CursorKind, DateFormat, Dates, Displaced, EndpointLimit, FutureEvents, Limits, Load, Options, Order,
    Sandbox, ServerClock, Shape,
};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Returns options with a day of events that ends an hour before a connection's clock.
fn day(events: u64, seed: u64) -> Options {
    let (from, to) = (time("2026-11-22T11:00:00Z"), time("2026-11-23T11:00:00Z"));
    Options { events, seed, from, to, shape: Shape::Even, latency: Duration::from_millis(2), ..Options::default() }
}

/// Returns options with a year of events.
fn year(events: u64, shape: Shape) -> Options {
    let (from, to) = (time("2025-11-23T00:00:00Z"), time("2026-11-23T00:00:00Z"));
    Options { events, from, to, shape, latency: Duration::from_millis(2), ..Options::default() }
}

/// Returns a connection that uses the whole rate limit.
fn connect(sandbox: &Sandbox) -> Connection {
    Connection::to(sandbox).set("rate_limit_percentage", json!(100))
}

#[track_caller]
fn assert_everything_once(run: &Run, sandbox: &Sandbox) {
    assert_eq!(sorted(run.records()).len(), sandbox.records().len(), "records");
    assert_eq!(sorted(run.records()), sorted(sandbox.records()), "each record once, unaltered");
}

/// Asserts the number of requests per full page.
#[track_caller]
fn assert_requests(sandbox: &Sandbox, most_a_page: f64) {
    let full = f64::from(u32::try_from(sandbox.event_count().div_ceil(100)).expect("few"));
    let pages = f64::from(u32::try_from(sandbox.traffic().pages).expect("few"));
    assert!(pages <= full * most_a_page, "{pages} requests for {full} full pages");
}

#[test]
fn events_listed_minutes_after_their_time_on_a_later_page_are_emitted() {
    for seed in 1..=8 {
        let displaced = Some(Displaced { count: 12, seconds: 540 });
        let sandbox = sandbox(Options { order: Order { displaced, ..Order::default() }, ..day(8_000, seed) });
        let run = connect(&sandbox).read(None).succeeded();
        assert_everything_once(&run, &sandbox);
        assert_requests(&sandbox, 1.25);
    }
}

#[test]
fn a_displaced_event_is_emitted_by_the_next_sync_after_a_kill_at_any_state() {
    let displaced = Some(Displaced { count: 40, seconds: 540 });
    let sandbox = sandbox(Options { order: Order { displaced, ..Order::default() }, ..day(8_000, 3) });
    let run = connect(&sandbox).read(None).succeeded();
    let messages = run.messages();
    let states = messages.iter().enumerate().filter(|(_, message)| message["type"] == "STATE");
    for (at, state) in states {
        let before = messages[..at].iter().filter(|message| message["type"] == "RECORD").count();
        let next = connect(&sandbox).read(Some(&state["state"])).succeeded();
        let mut all = run.records()[..before].to_vec();
        all.extend(next.records());
        assert_eq!(sorted(all), sorted(sandbox.records()), "after the STATE at message {at}");
    }
}

#[test]
fn dates_that_are_five_hours_off_lose_no_event() {
    for (offset, format) in [(-5, DateFormat::Local), (5, DateFormat::Local), (-5, DateFormat::Utc)] {
        let dates = Dates { created_at_offset: offset * 3_600, created_at_format: format, ..Dates::default() };
        let sandbox = sandbox(Options { dates, ..day(8_000, 1) });
        let run = connect(&sandbox).read(None).succeeded();
        assert_everything_once(&run, &sandbox);
        // Records that contradict the requested time are reported.
        let warnings = run.logs("WARN");
        assert!(warnings.iter().any(|message| message.contains("outside of the requested time")), "{warnings:?}");
    }
}

#[test]
fn one_record_dated_two_days_off_does_not_fail_the_sync_and_is_not_lost_by_the_next_one() {
    for days in [-2, 2] {
        let dates = Dates { misdated: Some(days), ..Dates::default() };
        let sandbox = sandbox(Options { dates, ..year(6_000, Shape::Even) });
        let run = connect(&sandbox).read(None).succeeded();
        assert_everything_once(&run, &sandbox);
        let next = connect(&sandbox).read(Some(&run.state())).succeeded();
        assert_eq!(next.records(), [] as [String; 0]);
    }
}

#[test]
fn spans_that_are_too_heavy_for_the_server_shrink() {
    for workers in [None, Some(1)] {
        let load = Load { max_span_days: Some(90), ..Load::default() };
        let sandbox = sandbox(Options { load, ..year(3_000, Shape::Even) });
        let mut connection = connect(&sandbox);
        if let Some(workers) = workers {
            connection = connection.set("num_workers", json!(workers));
        }
        let run = connection.read(None).succeeded();
        assert_everything_once(&run, &sandbox);
        // Years before the first event are read in the same short spans: 223 windows of 90 days. On a busy machine,
        // more requests are in flight when a longer span is tried, and all of them fail.
        assert!(sandbox.traffic().pages < 1_500, "{:?}", sandbox.traffic());
    }
}

#[test]
fn spans_with_too_many_events_shrink() {
    let load = Load { max_matches: Some(700), ..Load::default() };
    let sandbox = sandbox(Options { load, ..year(5_000, Shape::Mixed) });
    let run = connect(&sandbox).read(None).succeeded();
    assert_everything_once(&run, &sandbox);
}

#[test]
fn a_walk_that_is_too_deep_for_the_server_is_replaced_by_shorter_windows() {
    for workers in [1, 4] {
        let load = Load { max_depth: Some(20), ..Load::default() };
        let sandbox = sandbox(Options { load, ..year(6_000, Shape::Even) });
        let run = connect(&sandbox).set("num_workers", json!(workers)).read(None).succeeded();
        assert_everything_once(&run, &sandbox);
        // The walk is abandoned where it fails, and half of it is read again.
        assert_requests(&sandbox, 2.0);
    }
}

#[test]
fn the_page_size_shrinks_after_a_page_that_is_too_large_or_too_slow() {
    let large = Load { record_bytes: Some(200_000), ..Load::default() };
    let slow = Load { max_page_size: Some(30), ..Load::default() };
    for (load, events) in [(large, 300), (slow, 2_000)] {
        let sandbox = sandbox(Options { load, ..year(events, Shape::Even) });
        let run = connect(&sandbox).read(None).succeeded();
        assert_everything_once(&run, &sandbox);
    }
}

#[test]
fn a_smallest_request_that_is_too_heavy_fails_the_sync_after_a_state_for_all_emitted_records() {
    let load = Load { max_page_size: Some(0), ..Load::default() };
    let sandbox = sandbox(Options { load, ..year(200, Shape::Even) });
    let run = connect(&sandbox).read(None);
    assert_eq!(run.code, 1);
    assert_eq!(run.error()["failure_type"], "transient_error");
    assert!(sandbox.traffic().pages < 60, "{:?}", sandbox.traffic());
}

#[test]
fn an_endpoints_own_limit_is_respected_although_the_accounts_is_higher() {
    let limits = Limits {
        endpoint: vec!["audit-logs-index=60/10".parse::<EndpointLimit>().expect("a limit")],
        ..Limits::default()
    };
    let options = Options { limits, clock: ServerClock::Machine, rate_limit: Some(2_500), ..year(2_000, Shape::Even) };
    let sandbox = sandbox(options);
    let run = connect(&sandbox).set("rate_limit_percentage", json!(50)).read(None).succeeded();
    assert_everything_once(&run, &sandbox);
    assert_requests(&sandbox, 1.4);
}

#[test]
fn records_that_the_server_skips_between_pages_are_read_again() {
    let order = Order { cursor: CursorKind::SecondOnly, ..Order::default() };
    let sandbox = sandbox(Options { order, ..year(3_000, Shape::Mixed) });
    let run = connect(&sandbox).read(None).succeeded();
    let (mut read, all) = (sorted(run.records()), sandbox.records().len());
    let emitted = read.len();
    read.dedup();
    assert_eq!(read.len(), emitted, "nothing twice");
    // Records that a cursor of whole seconds skips cannot always be recovered; missing records are reported.
    let reported = run.logs("WARN").iter().any(|message| message.starts_with("Zendesk counts "));
    assert!(emitted == all || reported, "{emitted} of {all} without a warning");
    assert!(run.stdout.contains("COMPLETE"));
}

#[test]
fn an_equal_count_costs_one_request_and_a_failed_count_no_more() {
    for (count, counts) in [(Count::default(), 1), (Count::Absent, 1)] {
        let sandbox = sandbox(Options { count, ..year(5_000, Shape::Even) });
        let run = connect(&sandbox).read(None).succeeded();
        assert_everything_once(&run, &sandbox);
        assert_eq!(sandbox.traffic().counts, counts);
        let warnings = run.logs("WARN");
        assert!(!warnings.iter().any(|message| message.contains("Zendesk ")), "{warnings:?}");
    }
}

#[test]
fn one_event_20_hours_ahead_of_its_time_repeats_nothing_in_later_syncs() {
    let to = time("2026-11-23T00:00:00Z");
    let future = Some(FutureEvents { count: 1, hours: 20 });
    let dates = Dates { future_events: future, ..Dates::default() };
    let sandbox = sandbox(Options {
        events: 2_000,
        from: time("2026-11-22T23:00:00Z"),
        to,
        shape: Shape::Even,
        dates,
        clock: ServerClock::Requests(0),
        ..Options::default()
    });
    let mut emitted = Vec::new();
    let mut state = None;
    for hour in 0..8 {
        let from = to + SignedDuration::from_hours(hour);
        if hour > 0 {
            sandbox.add_events(2_000, from - SignedDuration::from_hours(1), from);
            sandbox.advance_clock(SignedDuration::from_hours(1));
        }
        let run = connect(&sandbox).read(state.as_ref()).succeeded();
        emitted.extend(run.records());
        assert!(run.state().to_string().len() < 40_000, "the state must not grow");
        state = Some(run.state());
    }
    assert_eq!(emitted.len(), sandbox.records().len(), "each event once over all syncs");
    assert_eq!(sorted(emitted), sorted(sandbox.records()));
}

#[test]
fn a_start_date_that_was_once_too_late_does_not_lose_a_late_event() {
    let sandbox = sandbox(day(500, 1));
    let first = connect(&sandbox).read(None).succeeded();
    let late = connect(&sandbox).set("start_date", json!("2026-11-23T11:59:00Z"));
    let late = late.read(Some(&first.state())).succeeded();
    let added = sandbox.add_events(1, time("2026-11-23T10:54:00Z"), time("2026-11-23T10:54:01Z"));
    let corrected = connect(&sandbox).read(Some(&late.state())).succeeded();
    assert_eq!(corrected.records(), added);
}

#[test]
fn a_machine_clock_thirty_days_behind_is_reported_and_loses_nothing() {
    let sandbox = sandbox(Options { clock_offset: SignedDuration::from_secs(1), ..day(500, 1) });
    let from = Timestamp::now() - SignedDuration::from_hours(2);
    sandbox.add_events(50, from, from + SignedDuration::from_hours(1));
    // The connection's clock is at noon of 2026-11-23; the server's clock is at the present.
    let mut connection = connect(&sandbox);
    connection.clock =
        source_zendesk_audit_logs::clock::ManualClock::new(Timestamp::now() - SignedDuration::from_hours(30 * 24));
    let run = connection.read(None).succeeded();
    assert_everything_once(&run, &sandbox);
    let warnings = run.logs("WARN");
    assert!(warnings.iter().any(|message| message.contains("clock")), "{warnings:?}");
}

#[test]
fn events_with_a_zero_timestamp_are_part_of_the_whole_history() {
    let dates = Dates { epoch_events: 3, ..Dates::default() };
    let sandbox = sandbox(Options { dates, ..year(500, Shape::Even) });
    let run = connect(&sandbox).read(None).succeeded();
    assert_everything_once(&run, &sandbox);
}

#[test]
fn the_state_of_another_account_is_reported_and_its_ids_skip_nothing() {
    let (one, other) = (sandbox(day(300, 1)), sandbox(day(300, 1)));
    let first = connect(&one).set("subdomain", json!("one")).read(None).succeeded();
    let second = connect(&other).set("subdomain", json!("other")).read(Some(&first.state())).succeeded();
    let warnings = second.logs("WARN");
    assert!(
        warnings.iter().any(|message| message.contains("\"one\"") && message.contains("\"other\"")),
        "{warnings:?}"
    );
    assert!(!second.records().is_empty(), "the ids of the look-back are equal, but belong to other events");
    assert_eq!(second.stream_state()["account"], "other");
    // The warning is emitted once, and not for the account of the previous sync.
    let third = connect(&other).set("subdomain", json!("OTHER")).read(Some(&second.state())).succeeded();
    assert_eq!((third.records().len(), third.logs("WARN").len()), (0, 0));
}

#[test]
fn a_cursor_of_the_year_2099_is_reported() {
    let sandbox = sandbox(day(300, 1));
    let state = json!({
        "type": "STREAM",
        "stream": {
            "stream_descriptor": { "name": "audit_logs" }, "stream_state": { "created_at": "2099-01-01T00:00:00Z" }
        }
    });
    let run = connect(&sandbox).read(Some(&state)).succeeded();
    assert_eq!(run.records().len(), 0);
    assert!(run.logs("WARN")[0].contains("is in the future"), "{:?}", run.logs("WARN"));
}

#[test]
fn a_state_of_airbytes_own_zendesk_connector_is_resumed() {
    let sandbox = sandbox(day(500, 1));
    let stream = |state| {
        let descriptor = json!({ "name": "audit_logs" });
        json!({ "type": "STREAM", "stream": { "stream_descriptor": descriptor, "stream_state": state } })
    };
    // The state of source-zendesk-support 5.1.1.
    let theirs = stream(json!({ "created_at": "2026-11-23T10:00:00Z" }));
    let run = connect(&sandbox).read(Some(&theirs)).succeeded();
    let due = sandbox.records().into_iter().filter(|record| {
        let record: serde_json::Value = serde_json::from_str(record).expect("JSON");
        record["created_at"].as_str().is_some_and(|at| at >= "2026-11-23T09:50:00Z")
    });
    let (read, mut due) = (sorted(run.records()), due.peekable());
    assert!(due.peek().is_some() && due.all(|record| read.contains(&record)));
    // Other forms of a state are not states of this connector.
    for other in [
        json!({ "cursor": "2026-11-23T10:00:00Z" }),
        json!({ "states": [{ "partition": {}, "cursor": { "created_at": "2026" } }], "use_global_cursor": false }),
        json!({ "Created_At": "2026-11-23T10:00:00Z" }),
    ] {
        let run = connect(&sandbox).read(Some(&stream(other)));
        assert_eq!((run.code, run.records().len()), (1, 0));
        assert_eq!(run.error()["failure_type"], "config_error");
        assert!(run.error()["message"].as_str().is_some_and(|message| message.contains("none of the fields")));
    }
}

#[test]
fn warnings_about_a_wrong_clock_and_unknown_actions_are_repeated_in_the_last_message() {
    let sandbox = sandbox(Options { clock_offset: SignedDuration::from_hours(1), ..day(50, 1) });
    let run = connect(&sandbox).set("filters", json!({ "actions": ["logni"] })).read(None).succeeded();
    let warnings = run.logs("WARN");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let last = run.logs("INFO").pop().expect("a last line");
    assert!(warnings.iter().all(|warning| last.contains(warning)), "{last}");
}
