//! Tests the stream `access_logs` with whole commands: each record is emitted once, and the stream has its
//! own limits, state and errors, alone and together with `audit_logs`.

mod harness;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use harness::{Connection, NOON, Run, Stdout, sandbox, sorted};
use serde_json::{Value, json};
use zendesk_sandbox::{
    AccessLogs, AccessScope, AddOn, CursorName, Fault, Faults, LinkCursorName, MockResponse, Options, ResponseHook,
    Rule, Sandbox, When, credentials,
};

const BOTH: [&str; 2] = ["audit_logs", "access_logs"];
const ACCESS: [&str; 1] = ["access_logs"];
const PATH: &str = "/api/v2/access_logs";

/// Returns an account with this number of audit logs, and with access log records of the last 60 days. The endpoint has no limit: the clock of
/// the connector is not that of the sandbox.
fn account(events: u64, access: AccessLogs) -> Sandbox {
    sandbox(Options { events, access_logs: access, ..Options::default() })
}

fn history(events: u64) -> AccessLogs {
    AccessLogs { events, to: Some(NOON.parse().expect("a time")), rate_limit: 0, ..AccessLogs::default() }
}

fn times(run: &Run) -> Vec<String> {
    let time = |record: &String| {
        let record: Value = serde_json::from_str(record).expect("JSON");
        record["timestamp"].as_str().map(str::to_owned)
    };
    run.records_of("access_logs").iter().filter_map(time).collect()
}

/// The queries of the requests for access logs.
fn queries(sandbox: &Sandbox) -> Vec<Vec<(String, String)>> {
    sandbox.requests().into_iter().filter(|request| request.path == PATH).map(|request| request.params).collect()
}

fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[track_caller]
fn assert_whole(run: &Run, sandbox: &Sandbox) {
    assert_eq!(run.code, 0, "{}", run.stdout.lines().last().unwrap_or_default());
    let (read, there) = (sorted(run.records_of("access_logs")), sorted(sandbox.access_records()));
    assert_eq!(read.len(), there.len());
    assert!(read == there, "a record is altered, lost or repeated");
}

#[test]
fn every_record_is_emitted_once_unaltered_and_in_order() {
    let sandbox = account(0, history(20_000));
    let run = Connection::to(&sandbox).read_streams(&ACCESS, &[]).succeeded();
    assert_whole(&run, &sandbox);
    let times = times(&run);
    assert!(times.is_sorted(), "not in order");
    let state = run.state_of("access_logs")["stream"]["stream_state"].clone();
    assert_eq!(state["timestamp"].as_str(), times.last().map(String::as_str));
    assert!(state["seen_since"].is_string() && state["created_at"].is_null());
    assert_eq!(run.statuses_of("access_logs"), ["STARTED", "RUNNING", "COMPLETE"]);
    assert!(run.states().len() >= 4, "a STATE follows after 5,000 records at the latest");
    let queries = queries(&sandbox);
    // One to learn the server's time, and 8 full pages; windows end with pages that are not full.
    assert!((9..20).contains(&queries.len()), "{} requests", queries.len());
    for query in &queries[1..] {
        assert_eq!(parameter(query, "page[size]"), Some("2500"));
        assert!(parameter(query, "filter[start]") >= Some("2026-08-24T11:59:59Z"), "{query:?}");
        assert!(parameter(query, "filter[end]").is_some() && parameter(query, "page").is_none());
    }
    let others = sandbox.requests().iter().filter(|request| request.path != PATH).count();
    assert_eq!(others, 0, "nothing else is requested");
}

#[test]
fn a_second_sync_emits_new_and_late_records_once() {
    let sandbox = account(0, history(3_000));
    let connection = Connection::to(&sandbox);
    let first = connection.read_streams(&ACCESS, &[]).succeeded();
    assert_whole(&first, &sandbox);
    let last: jiff::Timestamp = times(&first).pop().expect("a record").parse().expect("a time");
    let minutes = jiff::SignedDuration::from_mins;
    let added = sandbox.add_access_events(400, last - minutes(5), last + minutes(5));
    sandbox.clear_requests();
    let second = connection.read_streams(&ACCESS, &[first.state_of("access_logs")]).succeeded();
    assert_eq!(sorted(second.records_of("access_logs")), sorted(added));
    assert_eq!(queries(&sandbox).len(), 1, "one page is enough");
    let third = connection.read_streams(&ACCESS, &[second.state_of("access_logs")]).succeeded();
    assert_eq!(third.records_of("access_logs").len(), 0);
    assert_eq!(third.state_of("access_logs")["sourceStats"]["recordCount"], json!(0.0));
}

#[test]
fn both_streams_are_read_in_one_sync_each_with_its_own_state() {
    let sandbox = account(3_000, history(12_000));
    let connection = Connection::to(&sandbox);
    let run = connection.read_streams(&BOTH, &[]).succeeded();
    assert_whole(&run, &sandbox);
    assert_eq!(sorted(run.records_of("audit_logs")), sorted(sandbox.records()));
    for stream in BOTH {
        assert_eq!(run.statuses_of(stream), ["STARTED", "RUNNING", "COMPLETE"], "{stream}");
    }
    let states = BOTH.map(|stream| run.state_of(stream));
    assert!(states[0]["stream"]["stream_state"]["created_at"].is_string());
    assert!(states[1]["stream"]["stream_state"]["timestamp"].is_string());
    let claimed: f64 = run.states().iter().filter_map(|state| state["sourceStats"]["recordCount"].as_f64()).sum();
    assert!((claimed - 15_000.0).abs() < 0.1, "{claimed}");
    let again = connection.read_streams(&BOTH, &states).succeeded();
    assert!(BOTH.iter().all(|stream| again.records_of(stream).is_empty()));
    assert_eq!(again.state_of("audit_logs")["stream"], states[0]["stream"]);
    let logs = run.logs("INFO");
    assert!(logs.iter().any(|line| line.starts_with("access_logs: 12,000 events in ")), "{logs:?}");
    assert!(logs.iter().any(|line| line.starts_with("audit_logs: 3,000 events in ")), "{logs:?}");
}

#[test]
fn a_refused_stream_ends_incomplete_and_the_other_completes() {
    for (access, remedy) in [
        (AccessLogs { add_on: AddOn::Missing, ..history(100) }, "Advanced Data Privacy and Protection"),
        (AccessLogs { scope: AccessScope::Read, ..history(100) }, "\"read\""),
    ] {
        let sandbox = account(1_000, access);
        let token = json!({
            "auth_type": "client_credentials",
            "client_id": credentials::CLIENT_ID,
            "client_secret": credentials::CLIENT_SECRET
        });
        let connection = Connection::with(Some(sandbox.base_url()), token);
        for streams in [["audit_logs", "access_logs"], ["access_logs", "audit_logs"]] {
            let run = connection.read_streams(&streams, &[]);
            assert_eq!(run.code, 1, "{}", run.stdout);
            assert_eq!(sorted(run.records_of("audit_logs")), sorted(sandbox.records()));
            assert_eq!(run.statuses_of("audit_logs"), ["STARTED", "RUNNING", "COMPLETE"]);
            assert!(run.state_of("audit_logs")["stream"]["stream_state"]["created_at"].is_string());
            assert_eq!(run.statuses_of("access_logs"), ["STARTED", "INCOMPLETE"]);
            assert_eq!(run.state_of("access_logs")["sourceStats"]["recordCount"], json!(0.0));
            let next = connection.read_streams(&streams, &[run.state_of("access_logs")]);
            assert_eq!(next.state_of("access_logs"), run.state_of("access_logs"), "the next sync starts there again");
            let error = run.error();
            assert_eq!(error["stream_descriptor"]["name"], "access_logs");
            assert_eq!(error["failure_type"], "config_error");
            assert!(error["message"].as_str().is_some_and(|message| message.contains(remedy)), "{error}");
        }
    }
}

#[test]
fn an_account_that_requires_the_scope_read_is_read_if_the_configuration_selects_it() {
    let sandbox = account(100, AccessLogs { scope: AccessScope::Read, ..history(100) });
    for (scope, code) in [(json!(null), 1), (json!("auditlogs:read"), 1), (json!("read"), 0)] {
        let client = json!({
            "auth_type": "client_credentials",
            "client_id": credentials::CLIENT_ID,
            "client_secret": credentials::CLIENT_SECRET,
            "scope": scope
        });
        sandbox.clear_requests();
        let run = Connection::with(Some(sandbox.base_url()), client).read_streams(&BOTH, &[]);
        assert_eq!((run.code, run.records_of("audit_logs").len()), (code, 100), "{scope}");
        assert_eq!(run.records_of("access_logs").len(), if code == 0 { 100 } else { 0 });
        let token_request: Value = serde_json::from_slice(&sandbox.requests()[0].body).expect("JSON");
        assert_eq!(token_request["scope"], if code == 0 { "read" } else { "auditlogs:read" });
    }
}

#[test]
fn an_endpoint_that_allows_no_request_fails_its_stream_and_names_its_own_limit() {
    let hook = ResponseHook::new(|request| (request.path == PATH).then(|| too_many_requests(7)));
    let options = Options { events: 100, access_logs: history(100), response_hook: Some(hook), ..Options::default() };
    let sandbox = sandbox(options);
    let run = Connection::to(&sandbox).read_streams(&BOTH, &[]);
    assert_eq!((run.code, run.records_of("audit_logs").len()), (1, 100));
    assert_eq!(run.statuses_of("audit_logs").last().map(String::as_str), Some("COMPLETE"));
    let message = run.error()["message"].as_str().expect("a string").to_owned();
    assert!(message.starts_with("The endpoint's own rate limit allowed no request for "), "{message}");
    let logs = run.logs("INFO");
    let of = |stream: &str| logs.iter().find(|line| line.starts_with(stream) && line.contains(" events in ")).cloned();
    let (audit, access) = (of("audit_logs: ").expect("a summary"), of("access_logs: ").expect("a summary"));
    assert!(access.contains("because the endpoint's own rate limit was used up (429)"), "{access}");
    assert!(!audit.contains("used up"), "{audit}");
}

#[test]
fn access_logs_are_requested_only_if_the_catalog_selects_them() {
    let sandbox = account(500, AccessLogs { add_on: AddOn::Missing, ..history(500) });
    let connection = Connection::to(&sandbox);
    let first = connection.read(None).succeeded();
    let old = json!({ "type": "STREAM", "stream": {
        "stream_descriptor": { "name": "audit_logs" },
        "stream_state": { "created_at": "2026-11-23T11:00:00Z" }
    } });
    connection.read(Some(&old)).succeeded();
    assert_eq!(sorted(first.records()), sorted(sandbox.records()));
    assert_eq!(queries(&sandbox), Vec::<Vec<_>>::new());
}

#[test]
fn a_check_reports_access_to_the_access_log_and_does_not_fail_without_it() {
    let missing = AccessLogs { add_on: AddOn::Missing, ..history(1) };
    for (access, text) in [
        (history(1), "The access log can also be read (stream access_logs)."),
        (missing, "The access log cannot be read (stream access_logs): Zendesk denied access to the access log (403)."),
    ] {
        let sandbox = account(10, access);
        let run = Connection::to(&sandbox).check();
        assert_eq!(run.code, 0);
        let status = run.of_type("CONNECTION_STATUS").remove(0)["connectionStatus"].clone();
        assert_eq!(status["status"], "SUCCEEDED");
        assert!(status["message"].as_str().is_some_and(|message| message.contains(text)), "{status}");
        assert_eq!(queries(&sandbox).len(), 1);
        assert_eq!(parameter(&queries(&sandbox)[0], "sort"), Some("-created_at"));
    }
}

#[test]
fn the_cursor_is_sent_in_the_parameter_that_the_server_accepts() {
    for cursor in [CursorName::Either, CursorName::Filter, CursorName::Page] {
        for link_cursor in [LinkCursorName::Page, LinkCursorName::Filter] {
            let sandbox = account(0, AccessLogs { cursor, link_cursor, ..history(20_000) });
            let run = Connection::to(&sandbox).set("num_workers", json!(1)).read_streams(&ACCESS, &[]).succeeded();
            assert_whole(&run, &sandbox);
            let queries = queries(&sandbox).len();
            assert!(queries < 20, "{cursor:?} {link_cursor:?}: {queries} requests");
        }
    }
}

#[test]
fn a_fault_deep_in_a_walk_repeats_no_record_although_the_server_ignores_the_parameter_of_its_link() {
    for (number, kind) in (4..8).flat_map(|number| [(number, Fault::CursorRepeated), (number, Fault::CursorExpired)]) {
        for (cursor, link_cursor) in
            [(CursorName::Filter, LinkCursorName::Page), (CursorName::Page, LinkCursorName::Filter)]
        {
            let sandbox = account(0, AccessLogs { cursor, link_cursor, ..history(9_000) });
            let rules = vec![Rule { kind, when: When::At(number) }];
            sandbox.set_faults(Faults { rules, ..Faults::default() });
            let run = Connection::to(&sandbox).set("num_workers", json!(1)).read_streams(&ACCESS, &[]).succeeded();
            assert_whole(&run, &sandbox);
        }
    }
}

#[test]
fn a_start_date_before_the_retention_is_moved_and_all_retained_records_are_read() {
    let sandbox = account(0, AccessLogs { days: 120, ..history(5_000) });
    let run = Connection::to(&sandbox).set("start_date", json!("2025-01-01")).read_streams(&ACCESS, &[]).succeeded();
    // The sandbox applies the retention by this machine's clock.
    let cut = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(90 * 24) + jiff::SignedDuration::from_mins(1);
    let cut = format!("{cut:.0}").max("2026-08-25T12:01:00Z".to_owned());
    let kept = |record: &&String| {
        let record: Value = serde_json::from_str(record).expect("JSON");
        record["timestamp"].as_str() > Some(&cut)
    };
    let there = sandbox.access_records();
    let there: BTreeSet<&String> = there.iter().filter(kept).collect();
    let read = run.records_of("access_logs");
    let read: BTreeSet<&String> = read.iter().filter(kept).collect();
    assert!(there.len() > 3_000 && there == read, "{} of {}", read.len(), there.len());
    let logs = run.logs("INFO");
    let moved = "Zendesk keeps the access log for 90 days: the sync begins at 2026-08-24T12:00:";
    assert!(logs.iter().any(|line| line.starts_with(moved) && line.ends_with("2025-01-01T00:00:00Z.")), "{logs:?}");
    for query in &queries(&sandbox)[1..] {
        assert!(parameter(query, "filter[start]") >= Some("2026-08-24T11:59:59Z"), "{query:?}");
    }
}

#[test]
fn a_local_clock_two_years_ahead_skips_no_record_if_responses_have_no_usable_date() {
    let sandbox = account(0, history(1_000));
    for kind in [Fault::DateMissing, Fault::DateMalformed] {
        sandbox.set_faults(Faults { rules: vec![Rule { kind, when: When::Chance(1.0) }], ..Faults::default() });
        let mut connection = Connection::to(&sandbox);
        let noon: jiff::Timestamp = NOON.parse().expect("a time");
        connection.clock =
            source_zendesk_audit_logs::clock::ManualClock::new(noon + jiff::SignedDuration::from_hours(2 * 365 * 24));
        assert_whole(&connection.read_streams(&ACCESS, &[]).succeeded(), &sandbox);
    }
}

#[test]
fn a_wrong_local_clock_skips_no_retained_record() {
    for days in [-40, 40] {
        let sandbox = account(0, history(3_000));
        let mut connection = Connection::to(&sandbox);
        let noon: jiff::Timestamp = NOON.parse().expect("a time");
        connection.clock =
            source_zendesk_audit_logs::clock::ManualClock::new(noon + jiff::SignedDuration::from_hours(days * 24));
        assert_whole(&connection.read_streams(&ACCESS, &[]).succeeded(), &sandbox);
    }
}

#[test]
fn a_gap_longer_than_the_retention_is_a_warning_with_the_lost_days() {
    let sandbox = account(0, history(1_000));
    let state = json!({ "type": "STREAM", "stream": {
        "stream_descriptor": { "name": "access_logs" },
        "stream_state": { "timestamp": "2026-08-01T12:00:00Z", "seen_since": "2026-08-01T12:00:00Z" }
    } });
    let run = Connection::to(&sandbox).read_streams(&ACCESS, &[state]).succeeded();
    assert_whole(&run, &sandbox);
    let warnings = run.logs("WARN");
    let lost = "was last read up to 2026-08-01T12:00:00Z. The records from then to 2026-08-25T12:00:";
    assert!(warnings.iter().any(|line| line.contains(lost) && line.contains("days) are lost.")), "{warnings:?}");
    // A gap within the retention causes no warning.
    let recent = json!({ "type": "STREAM", "stream": {
        "stream_descriptor": { "name": "access_logs" }, "stream_state": { "timestamp": "2026-09-01T12:00:00Z" }
    } });
    let run = Connection::to(&sandbox).read_streams(&ACCESS, &[recent]).succeeded();
    assert_eq!(run.logs("WARN"), Vec::<String>::new());
}

#[test]
fn filters_exclude_graphql_requests_and_other_users() {
    let sandbox = account(300, history(6_000));
    let field = |record: &str, name: &str| serde_json::from_str::<Value>(record).expect("JSON")[name].clone();
    let there = sandbox.access_records();
    let users: BTreeSet<i64> = there.iter().filter_map(|record| field(record, "user_id").as_i64()).collect();
    let users: Vec<i64> = users.into_iter().take(2).collect();
    let of = |users: &[i64]| {
        let one = |record: &&String| field(record, "user_id").as_i64().is_some_and(|user| users.contains(&user));
        sorted(there.iter().filter(one).cloned().collect())
    };
    for wanted in [&users[..1], &users[..]] {
        let filters = json!({ "access_logs": { "user_ids": wanted }, "actions": ["login"] });
        let connection = Connection::to(&sandbox).set("filters", filters);
        let run = connection.read_streams(&BOTH, &[]).succeeded();
        assert_eq!(sorted(run.records_of("access_logs")), of(wanted));
        assert!(run.records_of("audit_logs").iter().all(|record| field(record, "action") == "login"));
        let others = run.logs("INFO").iter().any(|line| line.contains("skipped: not of the users in the filters."));
        assert_eq!(others, wanted.len() > 1, "Zendesk filters by one user, the connector by several");
        let state = run.state_of("access_logs")["stream"]["stream_state"].clone();
        assert_eq!(state["filters"], json!({ "access_logs": { "user_ids": wanted } }));
        assert_eq!(run.state_of("audit_logs")["stream"]["stream_state"]["filters"], json!({ "actions": ["login"] }));
        let states = BOTH.map(|stream| run.state_of(stream));
        assert_eq!(connection.read_streams(&BOTH, &states).succeeded().logs("WARN"), Vec::<String>::new());
        let changed = Connection::to(&sandbox).read_streams(&BOTH, &states).succeeded().logs("WARN");
        assert!(changed.iter().all(|line| line.starts_with("The filters have changed")) && !changed.is_empty());
    }
    let rest = json!({ "access_logs": { "exclude_graphql": true } });
    let run = Connection::to(&sandbox).set("filters", rest).read_streams(&ACCESS, &[]).succeeded();
    let expected: Vec<String> = there.iter().filter(|record| field(record, "graphql").is_null()).cloned().collect();
    assert_eq!(sorted(run.records_of("access_logs")), sorted(expected));
}

#[test]
fn a_state_stays_below_100_kb_with_any_number_of_records_in_the_look_back() {
    let sandbox = account(0, AccessLogs { events: 0, ..history(0) });
    let noon: jiff::Timestamp = NOON.parse().expect("a time");
    sandbox.add_access_events(15_000, noon - jiff::SignedDuration::from_mins(9), noon);
    let connection = Connection::to(&sandbox);
    let run = connection.read_streams(&ACCESS, &[]).succeeded();
    assert_whole(&run, &sandbox);
    let largest = run.states().iter().map(|state| state.to_string().len()).max().expect("a STATE");
    assert!((60_000..100_000).contains(&largest), "{largest} bytes");
    assert!(run.logs("WARN").iter().any(|line| line.contains("no event is lost")), "{:?}", run.logs("WARN"));
    // Records whose ids do not fit are emitted twice; the others are not.
    let again = connection.read_streams(&ACCESS, &[run.state_of("access_logs")]).succeeded();
    let twice = again.records_of("access_logs").len();
    assert!((1..12_000).contains(&twice), "{twice}");
}

/// Returns the endpoint's 429, with a reset this many seconds after noon.
fn too_many_requests(seconds: i64) -> MockResponse {
    let reset = NOON.parse::<jiff::Timestamp>().expect("a time") + jiff::SignedDuration::from_secs(seconds);
    MockResponse::Reply {
        status: 429,
        headers: vec![("ratelimit-reset".to_owned(), format!("{reset:.0}"))],
        body: br#"{"errors":[{"detail":"Too many requests","title":"Too many requests"}]}"#.to_vec(),
    }
}

#[test]
fn a_limit_of_the_endpoint_pauses_access_logs_only() {
    let refused = Arc::new(AtomicU32::new(0));
    let hook = ResponseHook::new(move |request| {
        let again = request.path == PATH && refused.fetch_add(1, Ordering::Relaxed) % 3 == 2;
        again.then(|| too_many_requests(7))
    });
    let options =
        Options { events: 2_000, access_logs: history(9_000), response_hook: Some(hook), ..Options::default() };
    let sandbox = sandbox(options);
    let run = Connection::to(&sandbox).read_streams(&BOTH, &[]).succeeded();
    assert_whole(&run, &sandbox);
    let limited = |stream: &str| {
        let statuses = run.of_type("TRACE").into_iter().map(|message| message["trace"]["stream_status"].clone());
        let of_stream = statuses.filter(|status| status["stream_descriptor"]["name"] == stream);
        of_stream.filter(|status| status["reasons"][0]["type"] == "RATE_LIMITED").count()
    };
    assert!(limited("access_logs") > 0 && limited("audit_logs") == 0, "{}", limited("access_logs"));
    let logs = run.logs("INFO");
    assert!(logs.iter().any(|line| line.starts_with("The rate limit of the access log is used up (429)")), "{logs:?}");
    for stream in BOTH {
        assert_eq!(run.statuses_of(stream).last().map(String::as_str), Some("COMPLETE"));
    }
}

#[test]
fn the_endpoint_gets_its_share_of_50_requests_a_minute() {
    let sandbox = account(2_000, history(30_000));
    let connection = Connection::to(&sandbox);
    let run = connection.read_streams(&BOTH, &[]).succeeded();
    assert_whole(&run, &sandbox);
    let requests = queries(&sandbox).len();
    let took = connection.clock.elapsed().as_secs_f64();
    // 25 per minute, of which one may be sent at once.
    let fastest = (f64::from(u32::try_from(requests).expect("few")) - 2.0) * 60.0 / 25.0;
    assert!(took >= fastest && requests < 22, "{requests} requests in {took} s");
}

/// A stdout that is closed after a number of bytes.
struct Closing {
    left: usize,
    stdout: Stdout,
}

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let written = self.stdout.write(&bytes[..bytes.len().min(self.left)])?;
        self.left -= written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The records of a stream that a destination has received, and its last STATE.
#[derive(Default)]
struct Received {
    claimed: BTreeSet<String>,
    pending: Vec<String>,
    state: Option<Value>,
}

impl Received {
    fn take(&mut self, stream: &str, whole_lines: &str) {
        for line in whole_lines.lines() {
            if let Some(record) = harness::record_of(stream, line) {
                assert!(!self.claimed.contains(&record), "emitted again although a STATE covers it: {record}");
                self.pending.push(record);
                continue;
            }
            let message: Value = serde_json::from_str(line).expect("a message");
            if message["type"] == "STATE" && message["state"]["stream"]["stream_descriptor"]["name"] == stream {
                let count = u32::try_from(self.pending.len()).expect("thousands");
                assert_eq!(message["state"]["sourceStats"]["recordCount"].as_f64(), Some(f64::from(count)));
                self.claimed.extend(self.pending.drain(..));
                self.state = Some(message["state"].clone());
            }
        }
        // Records that no STATE covers are emitted again.
        self.pending.clear();
    }
}

#[test]
fn chains_of_interrupted_syncs_with_faults_lose_and_repeat_no_record_of_either_stream() {
    let kinds = [Fault::Drop, Fault::DropInBody, Fault::Html, Fault::HalfBody, Fault::Internal, Fault::CursorExpired];
    let misleading = [Fault::CursorRepeated, Fault::CursorMissing, Fault::EmptyPage];
    for seed in 0..3 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let sandbox = account(2_000, history(8_000));
        let rules = kinds.into_iter().chain(misleading);
        let rules = rules.map(|kind| Rule { kind, when: When::Chance(0.02) }).collect();
        sandbox.set_faults(Faults { seed, rules, ..Faults::default() });
        let connection = Connection::to(&sandbox).set("num_workers", json!(rng.u64(1..=8)));
        let mut received = BOTH.map(|_| Received::default());
        for is_last in [false, false, false, true] {
            let states: Vec<Value> = received.iter().filter_map(|received| received.state.clone()).collect();
            let stdout = Stdout::default();
            let left = if is_last { usize::MAX } else { rng.usize(1_000..4_000_000) };
            let closing = Closing { left, stdout: stdout.clone() };
            let code = connection.command_into(&connection.arguments_of(&BOTH, &states), Box::new(closing));
            let text = stdout.text_lossy();
            assert!(!is_last || code == 0, "seed {seed}: exit code {code}: {:?}", text.lines().last());
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            for (stream, received) in BOTH.iter().zip(&mut received) {
                received.take(stream, whole);
            }
        }
        let there = [sandbox.records(), sandbox.access_records()];
        for ((stream, received), there) in BOTH.iter().zip(received).zip(there) {
            assert!(received.claimed == there.into_iter().collect(), "seed {seed}: {stream} is not complete");
        }
    }
}

#[test]
fn the_page_size_shrinks_if_pages_are_too_large_for_the_server() {
    let mut options = Options { events: 0, access_logs: history(6_000), ..Options::default() };
    options.load.max_body_bytes = Some(600_000);
    let sandbox = sandbox(options);
    let run = Connection::to(&sandbox).read_streams(&ACCESS, &[]).succeeded();
    assert_whole(&run, &sandbox);
    let requests = queries(&sandbox).len();
    // About 700 records fit into a page.
    assert!(requests < 40, "{requests} requests");
}

#[test]
fn a_full_refresh_reads_everything_and_can_be_resumed() {
    let sandbox = account(0, history(8_000));
    let connection = Connection::to(&sandbox);
    let config = connection.file("config.json", connection.config.to_string());
    let catalog = connection.file("catalog.json", harness::catalog_of(&ACCESS, "full_refresh").to_string());
    let path = |path: &std::path::Path| path.to_str().expect("Unicode").to_owned();
    let mut arguments = vec!["read".to_owned(), "--config".into(), path(&config), "--catalog".into(), path(&catalog)];
    let whole = connection.command(&arguments).succeeded();
    assert_whole(&whole, &sandbox);
    let before = whole.stdout.split_inclusive('\n').take_while(|line| !line.contains("\"STATE\"")).collect::<String>();
    let before = before.lines().filter_map(|line| harness::record_of("access_logs", line)).count();
    let state = connection.file("state.json", json!([whole.states()[0]]).to_string());
    arguments.extend(["--state".into(), path(&state)]);
    let rest = connection.command(&arguments).succeeded();
    assert_eq!(before + rest.records_of("access_logs").len(), 8_000);
}
