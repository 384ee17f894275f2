//! Tests that `read` is complete, emits each record once, unaltered and in order, for every history and every
//! behavior of the server.

mod harness;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use harness::{Connection, Run, Stdout, record, sandbox, sorted};
use serde_json::{Value, json};
use source_zendesk_audit_logs::shutdown::{Shutdown, Signal};
use zendesk_sandbox::{MockResponse, Options, ResponseHook, Shape};

#[track_caller]
fn assert_same(read: Vec<String>, there: Vec<String>) {
    let (read, there) = (sorted(read), sorted(there));
    let lost: Vec<_> = there.iter().filter(|record| read.binary_search(record).is_err()).collect();
    let strange: Vec<_> = read.iter().filter(|record| there.binary_search(record).is_err()).collect();
    assert!(lost.is_empty() && strange.is_empty(), "lost {lost:?}, altered {strange:?}");
    assert_eq!(read.len(), there.len(), "records were repeated");
}

fn created_at(record: &str) -> Option<String> {
    let record: Value = serde_json::from_str(record).expect("a record is JSON");
    record["created_at"].as_str().map(str::to_owned)
}

#[track_caller]
fn assert_in_order(run: &Run) {
    let times: Vec<String> = run.records().iter().filter_map(|record| created_at(record)).collect();
    assert!(times.is_sorted(), "out of order");
}

#[test]
fn a_first_sync_reads_everything_and_the_next_one_nothing() {
    let sandbox = sandbox(Options { events: 7_000, ..Options::default() });
    for workers in [1, 4, 16] {
        let connection = Connection::to(&sandbox).set("num_workers", json!(workers));
        let first = connection.read(None).succeeded();
        assert_same(first.records(), sandbox.records());
        assert_in_order(&first);
        assert_eq!(first.statuses(), ["STARTED", "RUNNING", "COMPLETE"]);
        let next = connection.read(Some(&first.state())).succeeded();
        assert_eq!(next.records(), [] as [String; 0]);
        assert_eq!(next.statuses(), ["STARTED", "RUNNING", "COMPLETE"]);
        assert_eq!(next.stream_state(), first.stream_state());
    }
}

#[test]
fn every_history_is_read_with_inclusive_and_exclusive_filters() {
    for shape in [Shape::Even, Shape::Mixed, Shape::Skewed, Shape::Tied, Shape::OneSecond] {
        for inclusive in [[true, true], [true, false], [false, true], [false, false]] {
            let sandbox = sandbox(Options {
                events: 3_000,
                shape,
                start_inclusive: inclusive[0],
                end_inclusive: inclusive[1],
                ..Options::default()
            });
            let run = Connection::to(&sandbox).set("num_workers", json!(8)).read(None).succeeded();
            assert_same(run.records(), sandbox.records());
            assert_in_order(&run);
        }
    }
}

#[test]
fn states_are_frequent_and_their_counts_add_up() {
    let sandbox = sandbox(Options { events: 12_345, shape: Shape::Even, ..Options::default() });
    let run = Connection::to(&sandbox).read(None).succeeded();
    let mut counted = 0;
    let mut since = 0;
    for message in run.messages() {
        match message["type"].as_str() {
            Some("RECORD") => since += 1,
            Some("STATE") => {
                assert_eq!(message["state"]["sourceStats"]["recordCount"].as_f64(), Some(f64::from(since)));
                assert!(since <= 5_000, "{since} records without a STATE");
                counted += since;
                since = 0;
            }
            _ => {}
        }
    }
    assert_eq!((counted, since), (12_345, 0));
}

#[test]
fn a_stop_at_any_page_and_a_resume_from_any_state_lose_nothing() {
    let sandbox = sandbox(Options { events: 1_500, shape: Shape::Tied, ..Options::default() });
    let whole = sandbox.records();
    for workers in [1, 4] {
        for lookback in [0, 10] {
            let mut connection = Connection::to(&sandbox)
                .set("num_workers", json!(workers))
                .set("lookback_window_minutes", json!(lookback));
            let mut stops = 0;
            for page in 1..=20 {
                // The consumer requests a shutdown after this number of pages.
                let shutdown = Shutdown::default();
                connection.signals = Some(shutdown.clone());
                let stdout = Stdout::default();
                let consumer = StopAfter { stdout: stdout.clone(), pages: page, shutdown };
                let code = connection.command_into(&connection.arguments(None), Box::new(consumer));
                let first = Run { code, stdout: stdout.text() };
                connection.signals = None;
                if first.code == 143 {
                    stops += 1;
                    assert_eq!(first.statuses().last().map(String::as_str), Some("INCOMPLETE"));
                } else {
                    assert_eq!(first.code, 0);
                }
                let second = connection.read(Some(&first.state())).succeeded();
                assert_same([first.records(), second.records()].concat(), whole.clone());
            }
            assert!(stops >= 14, "{stops} stops");
        }
    }
}

/// Requests a shutdown after this number of pages of records has been written.
struct StopAfter {
    stdout: Stdout,
    pages: usize,
    shutdown: Shutdown,
}

impl std::io::Write for StopAfter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stdout.write_all(bytes)?;
        if bytes.starts_with(b"{\"type\":\"RECORD\"") {
            self.pages = self.pages.saturating_sub(1);
            if self.pages == 0 {
                self.shutdown.request(Signal::Terminate);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_chain_of_kills_at_any_state_loses_nothing_and_repeats_nothing() {
    // After a kill, the destination keeps a prefix of stdout that ends with a STATE. For every possible last
    // STATE, the next sync reads the rest.
    let sandbox = sandbox(Options { events: 9_000, shape: Shape::Mixed, ..Options::default() });
    let connection = Connection::to(&sandbox).set("num_workers", json!(8));
    let lines: Vec<String> = connection.read(None).succeeded().stdout.lines().map(str::to_owned).collect();
    let whole = sandbox.records();
    let mut kept = Vec::new();
    for line in &lines {
        if let Some(record) = record(line) {
            kept.push(record);
        } else if line.contains("\"type\":\"STATE\"") {
            let message: Value = serde_json::from_str(line).expect("a STATE is JSON");
            let rest = connection.read(Some(&message["state"])).succeeded();
            assert_same([kept.clone(), rest.records()].concat(), whole.clone());
        }
    }
}

#[test]
fn late_events_are_read_and_nothing_is_duplicated() {
    let options = Options { events: 500, ..Options::default() };
    let end = options.to;
    let sandbox = sandbox(options);
    let connection = Connection::to(&sandbox);
    // The newest event is at the very end of the range, so that the look-back includes earlier ones.
    sandbox.add_events(1, end, end + jiff::SignedDuration::from_secs(1));
    let first = connection.read(None).succeeded();
    let late = sandbox.add_events(3, end - jiff::SignedDuration::from_mins(9), end);
    let new = sandbox.add_events(3, end + jiff::SignedDuration::from_mins(5), end + jiff::SignedDuration::from_mins(6));
    let second = connection.read(Some(&first.state())).succeeded();
    assert_same(second.records(), [late, new].concat());
    let third = connection.read(Some(&second.state())).succeeded();
    assert_eq!(third.records(), [] as [String; 0]);
}

#[test]
fn a_start_date_excludes_older_events() {
    let sandbox = sandbox(Options { events: 2_000, ..Options::default() });
    let start = "2024-06-01T00:00:00Z";
    let run = Connection::to(&sandbox).set("start_date", json!(start)).read(None).succeeded();
    let dated: Vec<String> = run.records().into_iter().filter(|record| created_at(record).is_some()).collect();
    let expected: Vec<String> = sandbox
        .records()
        .into_iter()
        .filter(|record| created_at(record).is_some_and(|at| at.as_str() >= start))
        .collect();
    assert!(expected.len() > 100);
    assert_same(dated, expected);
}

#[test]
fn a_full_refresh_starts_over_without_a_state_and_resumes_with_one() {
    let sandbox = sandbox(Options { events: 600, ..Options::default() });
    let connection = Connection::to(&sandbox);
    let first = connection.read_as("full_refresh", None).succeeded();
    assert_same(first.records(), sandbox.records());
    assert_same(connection.read_as("full_refresh", None).succeeded().records(), sandbox.records());
    let resumed = connection.read_as("full_refresh", Some(&first.state())).succeeded();
    assert_eq!(resumed.records(), [] as [String; 0]);
}

#[test]
fn a_state_in_the_future_reads_nothing_and_is_kept() {
    let sandbox = sandbox(Options::default());
    let future = json!({
        "type": "STREAM",
        "stream": { "stream_descriptor": { "name": "audit_logs" }, "stream_state": { "created_at": "2999-12-31T00:00:00Z" } }
    });
    let run = Connection::to(&sandbox).read(Some(&future)).succeeded();
    assert_eq!(run.records(), [] as [String; 0]);
    assert_eq!(run.stream_state()["created_at"], "2999-12-31T00:00:00Z");
    assert_eq!(run.statuses().last().map(String::as_str), Some("COMPLETE"));
}

#[test]
fn a_sync_of_one_page_makes_one_request() {
    let options = Options { events: 2_000, ..Options::default() };
    let end = options.to;
    let sandbox = sandbox(options);
    let connection = Connection::to(&sandbox).set("num_workers", json!(8));
    let first = connection.read(None).succeeded();
    for news in [0, 50] {
        sandbox.add_events(news, end, end + jiff::SignedDuration::from_mins(30));
        sandbox.clear_requests();
        let run = connection.read(Some(&first.state())).succeeded();
        assert_eq!(run.records().len() as u64, news);
        assert_eq!(sandbox.requests().len(), 1);
    }
}

#[test]
fn requests_have_the_form_that_the_api_requires() {
    // The number of pages is too small for a request for the number of events.
    let sandbox = sandbox(Options { events: 500, ..Options::default() });
    Connection::to(&sandbox).set("num_workers", json!(2)).read(None).succeeded();
    let requests = sandbox.requests();
    assert!(requests.iter().any(|request| request.query.contains("page%5Bafter%5D=")));
    for request in requests {
        assert_eq!(request.path, "/api/v2/audit_logs");
        assert_eq!(request.param("page[size]"), Some("100"));
        assert_eq!(request.param("sort"), Some("created_at"));
        let spans: Vec<_> = request.params.iter().filter(|(name, _)| name == "filter[created_at][]").collect();
        assert_eq!(spans.len(), 2, "{}", request.query);
        assert!(request.user_agent.is_some_and(|agent| agent.starts_with("source-zendesk-audit-logs/")));
    }
}

#[test]
fn nothing_to_read_is_a_success_with_a_state() {
    let sandbox = sandbox(Options { events: 0, ..Options::default() });
    let run = Connection::to(&sandbox).read(None).succeeded();
    assert_eq!(run.stream_state(), json!({}));
    assert!(run.stdout.contains("\"recordCount\":0.0"));
    assert_eq!(run.statuses(), ["STARTED", "RUNNING", "COMPLETE"]);
}

#[test]
fn pages_with_repeated_or_shuffled_events_change_nothing() {
    let number = Arc::new(AtomicU64::new(0));
    let repeated = ResponseHook::new(move |_| {
        let page = number.fetch_add(1, Ordering::Relaxed);
        Some(MockResponse::edit(move |mut response| {
            if let Some(records) = response["audit_logs"].as_array_mut().filter(|records| records.len() > 2) {
                match page % 3 {
                    0 => records.insert(0, records[0].clone()),
                    1 => records.swap(0, 1),
                    _ => {}
                }
            }
            response
        }))
    });
    let sandbox = sandbox(Options { events: 2_000, response_hook: Some(repeated), ..Options::default() });
    let run = Connection::to(&sandbox).read(None).succeeded();
    assert_same(run.records(), sandbox.records());
}

#[test]
fn expired_repeated_and_missing_cursors_lose_nothing() {
    for fault in ["expired", "repeated", "missing", "empty page"] {
        let broken = ResponseHook::new(move |request| {
            if request.number % 5 != 3 {
                return None;
            }
            let edit = |edit: fn(&mut Value)| {
                Some(MockResponse::edit(move |mut response| {
                    if response["meta"]["has_more"] == true {
                        edit(&mut response);
                    }
                    response
                }))
            };
            match fault {
                "expired" if request.param("page[after]").is_some() => Some(MockResponse::json(
                    400,
                    r#"{"errors":[{"code":"InvalidPaginationParameter","title":"Invalid pagination parameter"}]}"#,
                )),
                "repeated" => {
                    let cursor = request.param("page[after]")?.to_owned();
                    Some(MockResponse::edit(move |mut response| {
                        if response["meta"]["has_more"] == true {
                            response["meta"]["after_cursor"] = json!(cursor);
                        }
                        response
                    }))
                }
                "missing" => edit(|response| response["meta"]["after_cursor"] = Value::Null),
                "empty page" => {
                    // The same cursor continues the walk: the page before the next one is empty.
                    let cursor = request.param("page[after]")?.to_owned();
                    Some(MockResponse::edit(move |mut response| {
                        response["audit_logs"] = json!([]);
                        response["meta"] = json!({ "has_more": true, "after_cursor": cursor });
                        response
                    }))
                }
                _ => None,
            }
        });
        for workers in [1, 4] {
            let sandbox = sandbox(Options { events: 3_000, response_hook: Some(broken.clone()), ..Options::default() });
            let run = Connection::to(&sandbox).set("num_workers", json!(workers)).read(None).succeeded();
            assert_same(run.records(), sandbox.records());
        }
    }
}

#[test]
fn an_endlessly_repeated_cursor_is_an_error() {
    let stuck = ResponseHook::new(|_| {
        Some(MockResponse::edit(|mut response| {
            response["meta"] = json!({ "has_more": true, "after_cursor": "stuck" });
            response
        }))
    });
    let sandbox = sandbox(Options { events: 50, response_hook: Some(stuck), ..Options::default() });
    let run = Connection::to(&sandbox).read(None);
    assert_eq!(run.code, 1);
    assert_eq!(run.error()["failure_type"], "transient_error");
    assert_same(run.records(), sandbox.records());
    assert_eq!(run.stream_state()["created_at"].as_str().map(str::len), Some(20));
    assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
}

#[test]
fn transient_failures_are_retried_and_lose_nothing() {
    let flaky = ResponseHook::new(|request| {
        let reply = |status, headers: &[(&str, &str)], body: &str| {
            Some(MockResponse::Reply {
                status,
                headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
                body: body.as_bytes().to_vec(),
            })
        };
        match request.number % 24 {
            1 => reply(500, &[], ""),
            3 => reply(502, &[], "<html>Bad gateway</html>"),
            5 => reply(503, &[("retry-after", "3")], ""),
            7 => reply(504, &[], ""),
            9 => reply(409, &[], "{}"),
            11 => reply(429, &[], "Number of allowed API requests per minute exceeded"),
            13 => reply(429, &[("retry-after", "7")], "Number of allowed API requests per minute exceeded"),
            15 => reply(200, &[("content-type", "text/html")], "<html>Maintenance</html>"),
            17 => reply(200, &[], ""),
            19 => reply(200, &[], "{\"audit_logs\":[],\"meta\":"),
            21 => Some(MockResponse::DropConnection),
            23 => Some(MockResponse::DropInBody { sent: 100 }),
            _ => None,
        }
    });
    for workers in [1, 8] {
        let sandbox = sandbox(Options { events: 4_000, response_hook: Some(flaky.clone()), ..Options::default() });
        let run = Connection::to(&sandbox).set("num_workers", json!(workers)).read(None).succeeded();
        assert_same(run.records(), sandbox.records());
        assert_in_order(&run);
        let limited: Vec<Value> = run
            .of_type("TRACE")
            .into_iter()
            .filter(|message| message["trace"]["stream_status"]["reasons"][0]["type"] == "RATE_LIMITED")
            .collect();
        assert!(
            limited
                .iter()
                .all(|message| message["trace"]["stream_status"]["reasons"][0]["rate_limited"]["quota_reset"].is_i64())
        );
        assert!(!limited.is_empty());
    }
}

#[test]
fn a_200_without_a_page_is_never_the_end_of_the_data() {
    for body in [
        "<html>Maintenance</html>",
        "",
        "{",
        "{}",
        "[]",
        "{\"audit_logs\":[]}",
        "{\"audit_logs\":[7],\"meta\":{\"has_more\":false}}",
        "{\"audit_logs\":[],\"meta\":[false]}",
    ] {
        let broken = ResponseHook::new(move |request| {
            (request.number > 3).then(|| MockResponse::Reply {
                status: 200,
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            })
        });
        let sandbox = sandbox(Options { events: 2_000, response_hook: Some(broken), ..Options::default() });
        let run = Connection::to(&sandbox).set("num_workers", json!(1)).read(None);
        assert_eq!(run.code, 1, "{body}");
        assert_eq!(run.error()["failure_type"], "transient_error", "{body}");
        assert_eq!(run.records().len(), 300);
        assert_eq!(run.state()["sourceStats"]["recordCount"], json!(300.0));
        assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
    }
}

#[test]
fn permanent_failures_are_not_retried() {
    for (status, body) in [
        (401, "{\"error\":\"Couldn't authenticate you\"}"),
        (403, ""),
        (404, "{\"error\":\"InvalidEndpoint\"}"),
        (422, "{}"),
        (302, ""),
    ] {
        let refused = ResponseHook::new(move |request| {
            (request.number > 1).then(|| MockResponse::Reply {
                status,
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            })
        });
        let sandbox = sandbox(Options { events: 500, response_hook: Some(refused), ..Options::default() });
        let run = Connection::to(&sandbox).set("num_workers", json!(1)).read(None);
        assert_eq!(run.code, 1);
        assert_eq!(run.error()["failure_type"], "config_error", "{status}");
        assert_eq!(run.error()["stream_descriptor"]["name"], "audit_logs");
        assert_eq!(sandbox.requests().len(), 2, "{status} was retried");
        assert_eq!(run.records().len(), 100);
        assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
    }
}

#[test]
fn constant_rate_limiting_ends_the_sync_after_half_an_hour() {
    let refused = ResponseHook::new(|_| {
        Some(MockResponse::Reply {
            status: 429,
            headers: vec![("retry-after".to_owned(), "60".to_owned())],
            body: Vec::new(),
        })
    });
    let sandbox = sandbox(Options { response_hook: Some(refused), ..Options::default() });
    let connection = Connection::to(&sandbox);
    let run = connection.read(None);
    assert_eq!(run.code, 1);
    assert_eq!(run.error()["failure_type"], "transient_error");
    let minutes = connection.clock.elapsed().as_secs() / 60;
    assert!((28..=31).contains(&minutes), "{minutes} minutes");
    assert!((28..=31).contains(&sandbox.requests().len()), "{} requests", sandbox.requests().len());
}

#[test]
fn the_reserved_share_of_the_rate_limit_is_left_to_others_until_the_reset() {
    // The connector's share is half of 700; 100 left means that others have used most of the minute.
    for (remaining, waits) in [(100, true), (600, false)] {
        let busy = ResponseHook::new(move |request| {
            let header = |name: &str, value: u32| (name.to_owned(), value.to_string());
            // A single response may be an outlier; the second one is used.
            (request.number <= 2).then(|| MockResponse::Reply {
                status: 200,
                headers: vec![
                    header("ratelimit-limit", 700),
                    header("ratelimit-remaining", remaining),
                    header("ratelimit-reset", 40),
                ],
                body: format!(
                    r#"{{"audit_logs":[],"meta":{{"has_more":true,"after_cursor":"unknown{}"}}}}"#,
                    request.number
                )
                .into_bytes(),
            })
        });
        let sandbox = sandbox(Options { events: 100, response_hook: Some(busy), ..Options::default() });
        let connection = Connection::to(&sandbox).set("num_workers", json!(1));
        assert_same(connection.read(None).succeeded().records(), sandbox.records());
        let waited = connection.clock.elapsed().as_secs();
        assert!(if waits { (41..46).contains(&waited) } else { waited < 5 }, "{remaining} left: waited {waited} s");
    }
}

#[test]
fn a_closed_stdout_ends_quietly() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sandbox = sandbox(Options::default());
    let connection = Connection::to(&sandbox);
    assert_eq!(connection.command_into(&connection.arguments(None), Box::new(Closed)), 141);
}

#[test]
fn a_full_disk_is_a_failure() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sandbox = sandbox(Options::default());
    let connection = Connection::to(&sandbox);
    assert_eq!(connection.command_into(&connection.arguments(None), Box::new(Full)), 1);
}

#[test]
fn a_catalog_without_streams_reads_nothing_and_warns() {
    let sandbox = sandbox(Options::default());
    let connection = Connection::to(&sandbox);
    let config = connection.file("config.json", connection.config.to_string());
    let catalog = connection.file("catalog.json", "{\"streams\":[]}");
    let run = connection
        .command(&["read", "--config", config.to_str().expect("text"), "--catalog", catalog.to_str().expect("text")])
        .succeeded();
    assert_eq!(run.logs("WARN").len(), 1);
    assert_eq!(sandbox.requests().len(), 0);
}
