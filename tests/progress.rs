//! Tests what a read reports about its progress and at its end, and that these reports do not affect the
//! records.

mod harness;

use std::collections::BTreeSet;
use std::time::Duration;

use harness::{Connection, Run, Stdout, sandbox, sorted};
use serde_json::{Value, json};
use source_zendesk_audit_logs::shutdown::{Shutdown, Signal};
use zendesk_sandbox::{MockResponse, Options, ResponseHook, Sandbox, SeenRequest, Shape};

fn options(events: u64) -> Options {
    Options { events, shape: Shape::Even, ..Options::default() }
}

fn is_count(request: &SeenRequest) -> bool {
    request.param("per_page").is_some()
}

fn counts(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| is_count(request)).count()
}

/// Returns the rows and bytes of each ESTIMATE.
fn estimates(run: &Run) -> Vec<(u64, u64)> {
    let estimates = run.of_type("TRACE").into_iter().filter(|message| message["trace"]["type"] == "ESTIMATE");
    estimates
        .map(|message| {
            let estimate = &message["trace"]["estimate"];
            assert_eq!((&estimate["name"], &estimate["type"]), (&json!("audit_logs"), &json!("STREAM")));
            assert!(message["trace"]["emitted_at"].is_u64(), "{message}");
            let number = |field: &str| estimate[field].as_u64().expect("a number");
            (number("row_estimate"), number("byte_estimate"))
        })
        .collect()
}

fn lines_of_progress(run: &Run) -> Vec<String> {
    run.logs("INFO").into_iter().filter(|line| line.contains(" so far")).collect()
}

fn summary(run: &Run) -> String {
    let lines = run.logs("INFO");
    let summaries: Vec<_> = lines.iter().filter(|line| line.contains(", with ")).collect();
    assert_eq!(summaries.len(), 1 + summaries.iter().filter(|line| line.starts_with("Reading")).count(), "{lines:?}");
    (*summaries.last().expect("a summary")).clone()
}

/// Returns the messages for the destination: records, states and statuses, in order.
fn destination_messages(run: &Run) -> Vec<String> {
    let substantial = |line: &&str| !line.contains("\"type\":\"LOG\"") && !line.contains("\"ESTIMATE\"");
    let without_time = |line: &str| line.split("\"emitted_at\"").next().unwrap_or_default().to_owned();
    run.stdout.lines().filter(substantial).map(without_time).collect()
}

#[test]
fn an_hour_long_sync_reports_progress_every_minute() {
    // Each request sees an unused rate limit, so that none is reserved for others.
    let sandbox = sandbox(Options { rate_limit: Some(700), minute: Duration::from_nanos(1), ..options(36_000) });
    let connection = Connection::to(&sandbox).set("rate_limit_percentage", json!(1)).set("num_workers", json!(1));
    let run = connection.read(None).succeeded();
    assert_eq!(sorted(run.records()), sorted(sandbox.records()));
    let minutes = connection.clock.elapsed().as_secs() / 60;
    assert!(minutes >= 60, "{minutes} minutes");
    let lines = lines_of_progress(&run);
    // A request takes ten seconds here, and the clock does not advance in between.
    let apart = u64::try_from(lines.len()).expect("few") * 70 / 60;
    assert!(apart + 2 >= minutes, "{} lines in {minutes} minutes", lines.len());
    assert!(lines[0].contains(" events so far, up to 2024-01-"), "{}", lines[0]);
    let later = &lines[lines.len() / 2];
    for text in [
        " of about 36,000 events so far (",
        ", up to 2024-",
        "Recent rate: ",
        " events and ",
        " requests a minute, ",
        "1 % of the account's 700. About ",
        " minutes left.",
    ] {
        assert!(later.contains(text), "{text}: {later}");
    }
    // Six intervals per minute, of which one may end just after it.
    let paces = lines.iter().filter_map(|line| line.split(" events and ").nth(1)?.split(' ').next()?.parse().ok());
    let paces: Vec<u32> = paces.collect();
    assert_eq!(paces.len(), lines.len());
    assert!(paces.iter().all(|pace| (5..=7).contains(pace)), "{paces:?}");
    let days: Vec<_> =
        lines.iter().filter_map(|line| Some(line.split(", up to ").nth(1)?.get(..10)?.to_owned())).collect();
    assert_eq!(days.len(), lines.len());
    assert!(days.is_sorted() && days.iter().collect::<BTreeSet<_>>().len() > 20, "{days:?}");

    let [(rows, bytes)] = estimates(&run).try_into().expect("one estimate");
    assert_eq!(rows, 36_000);
    let real: usize = run.records().iter().map(String::len).sum();
    let part = f64::from(u32::try_from(bytes).expect("some MB")) / f64::from(u32::try_from(real).expect("some MB"));
    assert!((0.9..1.1).contains(&part), "{bytes} bytes of {real}");
    assert_eq!(counts(&sandbox), 1);
}

#[test]
fn a_short_sync_requests_only_its_pages() {
    for (events, asks) in [(50, 0), (900, 0), (3_000, 1)] {
        let sandbox = sandbox(options(events));
        let run = Connection::to(&sandbox).set("num_workers", json!(1)).read(None).succeeded();
        assert_eq!(counts(&sandbox), asks, "{events}");
        assert_eq!(estimates(&run).len(), asks, "{events}");
    }
}

#[test]
fn the_count_covers_the_span_of_this_sync() {
    let sandbox = sandbox(options(10_000));
    let connection = Connection::to(&sandbox).set("start_date", json!("2024-07-01")).set("num_workers", json!(1));
    let run = connection.read(None).succeeded();
    let [(rows, _)] = estimates(&run).try_into().expect("one estimate");
    assert_eq!(rows, u64::try_from(run.records().len()).expect("few"));
    let seen = sandbox.requests();
    let count = seen.iter().find(|request| is_count(request)).expect("a count");
    let spans = |request: &SeenRequest| -> Vec<String> {
        let values = request.params.iter().filter(|(name, _)| name == "filter[created_at][]");
        values.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(
        spans(count),
        ["2024-07-01T00:00:00Z", "2026-11-23T11:50:00Z"],
        "events that are old enough to have appeared"
    );
    assert_eq!((count.param("page"), count.param("per_page"), count.param("sort")), (Some("1"), Some("1"), None));
}

#[test]
fn the_estimate_excludes_events_of_earlier_syncs() {
    let time = |text: &str| text.parse().expect("a time");
    let (from, to) = (time("2026-11-23T00:00:00Z"), time("2026-11-23T01:00:00Z"));
    let sandbox = sandbox(Options { from, to, ..options(2_000) });
    let connection = Connection::to(&sandbox).set("lookback_window_minutes", json!(1_440)).set("num_workers", json!(1));
    let first = connection.read(None).succeeded();
    sandbox.add_events(500, time("2026-11-23T02:00:00Z"), time("2026-11-23T03:00:00Z"));
    let next = connection.read(Some(&first.state())).succeeded();
    assert_eq!(next.records().len(), 500);
    assert_eq!(estimates(&next).into_iter().map(|(rows, _)| rows).collect::<Vec<_>>(), [500]);
    assert!(summary(&next).starts_with("500 events in "), "{}", summary(&next));
    assert!(summary(&next).contains(" 2,000 events skipped: emitted before."), "{}", summary(&next));
}

#[test]
fn a_failed_count_affects_only_the_estimate() {
    let read = |response: Option<MockResponse>| {
        let hook = move |request: &SeenRequest| response.clone().filter(|_| is_count(request));
        let sandbox = sandbox(Options { response_hook: Some(ResponseHook::new(hook)), ..options(3_000) });
        // With one worker, each run sends the same requests.
        let connection = Connection::to(&sandbox).set("num_workers", json!(1));
        let run = connection.read(None).succeeded();
        assert_eq!(sorted(run.records()), sorted(sandbox.records()));
        assert_eq!(counts(&sandbox), 1, "the count was requested again");
        (run, connection.clock.elapsed(), sandbox.requests().len())
    };
    let (good, took, requests) = read(None);
    assert_eq!(estimates(&good).len(), 1);
    let reply = |status, headers: &[(&str, &str)], body: &str| MockResponse::Reply {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    };
    for failure in [
        reply(429, &[("Retry-After", "600")], ""),
        reply(429, &[], "Number of allowed API requests per minute exceeded"),
        reply(500, &[], ""),
        reply(503, &[("Retry-After", "600")], ""),
        reply(400, &[], r#"{"error":"InvalidValue"}"#),
        reply(401, &[], r#"{"error":"invalid_token"}"#),
        reply(403, &[], ""),
        reply(404, &[], r#"{"error":{"title":"No help desk at x.zendesk.com"}}"#),
        reply(302, &[("Location", "https://elsewhere.example/")], ""),
        reply(200, &[("Content-Type", "text/html")], "<html><body>Maintenance</body></html>"),
        reply(200, &[], ""),
        reply(200, &[], r#"{"audit_logs":[],"count":"many"}"#),
        reply(200, &[], r#"{"audit_logs":[],"count":7}"#),
        reply(200, &[], r#"{"audit_logs":[],"count":18446744073709551615}"#),
        MockResponse::DropConnection,
        MockResponse::DropInBody { sent: 20 },
        MockResponse::Stall,
    ] {
        let text = format!("{failure:?}");
        let (run, took_so, requests_so) = read(Some(failure));
        assert_eq!(estimates(&run), [], "{text}");
        assert_eq!(destination_messages(&run), destination_messages(&good), "{text}");
        assert_eq!(run.logs("WARN"), good.logs("WARN"), "{text}");
        assert_eq!((took_so, requests_so), (took, requests), "{text}");
    }
}

#[test]
fn an_estimate_that_is_too_low_is_corrected() {
    let few = |request: &SeenRequest| {
        is_count(request).then(|| {
            MockResponse::edit(|mut response| {
                response["count"] = json!(1_500);
                response
            })
        })
    };
    let sandbox = sandbox(Options { response_hook: Some(ResponseHook::new(few)), ..options(3_000) });
    let run = Connection::to(&sandbox).set("num_workers", json!(1)).read(None).succeeded();
    let rows: Vec<u64> = estimates(&run).into_iter().map(|(rows, _)| rows).collect();
    assert_eq!(rows, [1_500, 3_000]);
}

#[test]
fn the_summary_names_waits_retries_and_the_age_of_the_newest_event() {
    let hook = |request: &SeenRequest| match request.number {
        2 => Some(MockResponse::Reply {
            status: 429,
            headers: vec![("Retry-After".to_owned(), "30".to_owned())],
            body: Vec::new(),
        }),
        4 => Some(MockResponse::json(500, "{}")),
        _ => None,
    };
    let to = "2026-11-23T11:57:01Z".parse().expect("a time");
    let from = "2026-11-23T11:57:00Z".parse().expect("a time");
    let shape = Shape::OneSecond;
    let sandbox = sandbox(Options { from, to, shape, response_hook: Some(ResponseHook::new(hook)), ..options(600) });
    let run = Connection::to(&sandbox).set("num_workers", json!(1)).read(None).succeeded();
    let summary = summary(&run);
    assert!(summary.starts_with("600 events in 3"), "{summary}");
    assert!(summary.contains(" requests (2 repeated) and "), "{summary}");
    assert!(summary.contains(" Waited 30."), "{summary}");
    assert!(summary.contains(" s because the account's rate limit was used up (429), 0."), "{summary}");
    assert!(summary.contains(" s before repeated requests. The newest event is 4 minutes old."), "{summary}");
    let warning = " 1 warning: 2 records without a usable created_at. They were emitted without advancing the cursor.";
    assert!(summary.ends_with(warning), "a warning is repeated at the end: {summary}");
}

#[test]
fn a_stopped_or_failed_sync_has_a_summary_too() {
    let shutdown = Shutdown::default();
    let signals = shutdown.clone();
    let after = move |request: &SeenRequest| {
        if request.number == 5 {
            shutdown.request(Signal::Terminate);
        }
        None
    };
    let failing = |request: &SeenRequest| (request.number > 5).then(|| MockResponse::json(403, "{}"));
    for (hook, signals_of_run, code) in
        [(ResponseHook::new(after), Some(signals), 143), (ResponseHook::new(failing), None, 1)]
    {
        let sandbox = sandbox(Options { response_hook: Some(hook), ..options(3_000) });
        let mut connection = Connection::to(&sandbox).set("num_workers", json!(1));
        connection.signals = signals_of_run;
        let stdout = Stdout::default();
        let arguments = connection.arguments(None);
        assert_eq!(connection.command_into(&arguments, Box::new(stdout.clone())), code);
        let run = Run { code, stdout: stdout.text() };
        let summary = summary(&run);
        assert!(summary.starts_with(&format!("{} events in ", run.records().len())), "{summary}");
        assert!(summary.contains(" The newest event is ") && summary.contains(" old."), "{summary}");
    }
}

#[test]
fn a_long_wait_is_not_used_for_the_remaining_time() {
    let hook = |request: &SeenRequest| {
        (request.number == 8).then(|| MockResponse::Reply {
            status: 429,
            headers: vec![("Retry-After".to_owned(), "1500".to_owned())],
            body: Vec::new(),
        })
    };
    let sandbox = sandbox(Options { response_hook: Some(ResponseHook::new(hook)), ..options(3_000) });
    let connection = Connection::to(&sandbox).set("num_workers", json!(1));
    let run = connection.read(None).succeeded();
    assert!(connection.clock.elapsed() >= Duration::from_mins(25));
    let lines = lines_of_progress(&run);
    assert!(lines.iter().any(|line| line.contains("Recent rate: ") && line.contains(" a minute")), "{lines:?}");
    assert!(summary(&run).contains(" Waited 25 min "), "{}", summary(&run));
    let _: Vec<Value> = run.messages();
}
