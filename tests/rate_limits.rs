//! Tests rate limits and waits of whole commands: their duration by the connector's clock, and their reports.

mod harness;

use std::time::Duration;

use harness::{Connection, Run, sandbox, sorted};
use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::ManualClock;
use zendesk_sandbox::{
    EndpointLimit, Fault, Faults, Limits, MockResponse, Options, ResponseHook, RetryAfterFormat, Rule, When,
};

/// The server enforces no limit, so that only the connector's own pace takes time.
const NO_MINUTE: Duration = Duration::from_nanos(1);

fn clock() -> ManualClock {
    ManualClock::new(harness::NOON.parse().expect("a time"))
}

fn refusal(headers: &[(&str, &str)]) -> MockResponse {
    MockResponse::Reply {
        status: 429,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: b"Number of allowed API requests per minute exceeded".to_vec(),
    }
}

fn rate_limited_statuses(run: &Run) -> Vec<Value> {
    let reasons =
        run.of_type("TRACE").into_iter().map(|message| message["trace"]["stream_status"]["reasons"][0].clone());
    reasons.filter(|reason| reason["type"] == "RATE_LIMITED").collect()
}

#[test]
fn the_tightest_limit_of_the_endpoint_sets_the_pace() {
    let limit = |name: &str, total| EndpointLimit { name: name.to_owned(), total, window: None };
    for (endpoint, seconds) in [
        (vec![], 0..20),
        (vec![limit("audit-logs-index", 60)], 45..90),
        (vec![limit("audit-logs-index", 400), limit("deep-pagination", 60)], 45..90),
    ] {
        let limits = Limits { endpoint: endpoint.clone(), ..Limits::default() };
        let options = Options { events: 3_000, rate_limit: Some(700), minute: NO_MINUTE, limits, ..Options::default() };
        let sandbox = sandbox(options);
        let connection = Connection::to(&sandbox);
        let run = connection.read(None).succeeded();
        assert_eq!(sorted(run.records()), sorted(sandbox.records()));
        let took = connection.clock.elapsed().as_secs();
        let requests = sandbox.requests().len();
        assert!(seconds.contains(&took), "{endpoint:?}: {requests} requests in {took} s");
        assert!(requests < 45, "{endpoint:?}: {requests} requests");
    }
}

#[test]
fn a_pause_is_reported_once_for_all_requests_that_it_stops() {
    let clock = clock();
    let seen = clock.clone();
    let busy = ResponseHook::new(move |request| {
        let is_over = seen.elapsed() >= Duration::from_secs(25);
        (request.number > 4 && !is_over).then(|| refusal(&[("retry-after", "30")]))
    });
    let options =
        Options { events: 3_000, rate_limit: Some(1_000_000), response_hook: Some(busy), ..Options::default() };
    let sandbox = sandbox(options);
    let mut connection = Connection::to(&sandbox).set("num_workers", json!(8));
    connection.clock = clock;
    let run = connection.read(None).succeeded();
    assert_eq!(sorted(run.records()), sorted(sandbox.records()));
    // A response that was in flight when the manual clock jumped over the pause may start a second one.
    let reasons = rate_limited_statuses(&run);
    assert!((1..=2).contains(&reasons.len()), "one status a pause: {reasons:?}");
    let reason = &reasons[0];
    let noon: jiff::Timestamp = harness::NOON.parse().expect("a time");
    let reset = reason["rate_limited"]["quota_reset"].as_i64().expect("milliseconds") - noon.as_millisecond();
    assert!((30_000..33_000).contains(&reset), "{reset} ms after noon");
}

#[test]
fn a_date_to_retry_after_is_measured_by_the_date_of_the_response() {
    // This machine's clock is a day behind, and then a day ahead.
    for date in ["Tue, 24 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT"] {
        let later = date.replace("12:00:00", "12:00:20");
        let busy = ResponseHook::new(move |request| {
            (request.number == 2).then(|| refusal(&[("date", date), ("retry-after", &later)]))
        });
        let sandbox = sandbox(Options { events: 200, response_hook: Some(busy), ..Options::default() });
        let connection = Connection::to(&sandbox);
        connection.read(None).succeeded();
        let took = connection.clock.elapsed().as_secs();
        assert!((20..25).contains(&took), "{date}: {took} s");
    }
}

#[test]
fn a_reset_as_a_date_time_is_waited_for() {
    let busy = ResponseHook::new(|request| {
        let headers = [("date", "Mon, 23 Nov 2026 12:00:00 GMT"), ("ratelimit-reset", "2026-11-23T12:00:37Z")];
        (request.number == 2).then(|| refusal(&headers))
    });
    let sandbox = sandbox(Options { events: 200, response_hook: Some(busy), ..Options::default() });
    let connection = Connection::to(&sandbox);
    connection.read(None).succeeded();
    let took = connection.clock.elapsed().as_secs();
    assert!((37..42).contains(&took), "{took} s");
}

/// Earlier, `Retry-After: 0` ended a sync after five seconds, and `Retry-After: 600` after an hour and a
/// half.
#[test]
fn a_server_that_is_never_available_ends_a_sync_after_minutes_and_within_an_hour() {
    for format in
        [RetryAfterFormat::Seconds, RetryAfterFormat::Zero, RetryAfterFormat::Date, RetryAfterFormat::PastDate]
    {
        let faults =
            Faults { rules: vec![Rule { kind: Fault::UnavailableAfter, when: When::From(1) }], ..Faults::default() };
        let limits = Limits { retry_after_format: format, ..Limits::default() };
        let sandbox = sandbox(Options { events: 200, faults, limits, ..Options::default() });
        let connection = Connection::to(&sandbox);
        let run = connection.read(None);
        assert_eq!(run.code, 1);
        let took = connection.clock.elapsed().as_secs();
        assert!((80..3_600).contains(&took), "{format:?}: {took} s");
    }
    let maintenance = ResponseHook::new(|_| {
        let headers = vec![("retry-after".to_owned(), "600".to_owned())];
        Some(MockResponse::Reply { status: 503, headers, body: Vec::new() })
    });
    let sandbox = sandbox(Options { events: 200, response_hook: Some(maintenance), ..Options::default() });
    let connection = Connection::to(&sandbox);
    assert_eq!(connection.read(None).error()["failure_type"], "transient_error");
    let took = connection.clock.elapsed().as_secs();
    assert!((2_400..3_600).contains(&took), "{took} s");
}
