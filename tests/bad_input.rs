//! Tests hundreds of arbitrary files and API responses. For every input, a command ends with a defined exit
//! code, shows no secret, and is COMPLETE only with every record.
//!
//! It must not test particular inputs; `files.rs`, `check.rs` and `limits.rs` do.

mod harness;

use std::collections::BTreeSet;

use harness::{Connection, NOON, Run, catalog, catalog_of, sandbox, sorted};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use zendesk_sandbox::{AccessLogs, MockResponse, Options, ResponseHook, Sandbox};

/// A marker in every string of a configuration. It must not appear in any output.
const SENTINEL: &str = "s3nt1n3l-0123456789";

/// Returns a configuration with this number of cases, unless `PROPTEST_CASES` overrides it.
fn cases(number: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: number, ..config } }
}

fn leaf() -> impl Strategy<Value = Value> {
    let texts = [
        SENTINEL,
        "",
        " ",
        "acme",
        "audit_logs",
        "incremental",
        "STREAM",
        "LEGACY",
        "2024-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "-009999-01-01T00:00:00Z",
        "2024-02-30",
        "\u{0}\u{1f511}\u{feff}",
    ];
    let numbers = ["0", "-0", "7", "-1", "1.5", "1e2", "1e308", "18446744073709551616", "-9223372036854775809"];
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(numbers.map(|number| serde_json::from_str::<Value>(number).expect("a number")).to_vec()),
        select(texts.map(Value::from).to_vec()),
        ".*".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let names = select(vec!["a", "name", "stream", "state", "type", "created_at", "seen", "2024-01-01", "id", "meta"]);
    leaf().prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..4)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// A change of a document: the position, and the new value, or `None` to remove it.
type Change = (Index, Option<Value>);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((any::<Index>(), prop::option::weighted(0.8, value())), 0..4)
}

fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                places(inner, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                places(inner, &format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn changed(mut document: Value, changes: &[Change]) -> Value {
    for (index, change) in changes {
        let mut found = Vec::new();
        places(&document, "", &mut found);
        let place = index.get(&found);
        match (change, place.rsplit_once('/')) {
            (None, Some((parent, name))) => {
                if let Some(Value::Object(object)) = document.pointer_mut(parent) {
                    object.remove(name);
                }
            }
            (change, _) => *document.pointer_mut(place).expect("a place of it") = change.clone().unwrap_or_default(),
        }
    }
    document
}

/// Returns a document with some of its bytes replaced, truncated.
fn damaged(text: &str, damage: &[(Index, u8)], end: Option<Index>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (index, byte) in damage {
        let at = index.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes.truncate(end.map_or(bytes.len(), |end| end.index(bytes.len())));
    bytes
}

fn damage() -> impl Strategy<Value = (Vec<(Index, u8)>, Option<Index>)> {
    (prop::collection::vec((any::<Index>(), any::<u8>()), 0..4), prop::option::of(any::<Index>()))
}

fn configurations() -> impl Strategy<Value = Value> {
    let credentials = [
        json!({ "auth_type": "client_credentials", "client_id": SENTINEL, "client_secret": SENTINEL }),
        json!({
            "auth_type": "refresh_token", "client_id": SENTINEL, "client_secret": SENTINEL, "refresh_token": SENTINEL,
            "access_token": SENTINEL, "token_expiry_date": "2026-01-01T00:00:00Z"
        }),
        json!({ "auth_type": "access_token", "access_token": SENTINEL }),
        json!({ "auth_type": "api_token", "email": "jane@acme.example", "api_token": SENTINEL }),
    ];
    let whole = |credentials| {
        json!({
            "subdomain": "acme", "credentials": credentials, "start_date": "2024-01-01T00:00:00Z",
            "lookback_window_minutes": 10, "num_workers": 4, "rate_limit_percentage": 50
        })
    };
    (select(credentials.map(whole).to_vec()), changes()).prop_map(|(config, changes)| changed(config, &changes))
}

/// Returns a stream, and values of a strategy for it.
fn with_stream<S: Strategy>(of: impl Fn(&'static str) -> S + Clone) -> impl Strategy<Value = (&'static str, S::Value)> {
    select(vec!["audit_logs", "access_logs"]).prop_flat_map(move |stream| (Just(stream), of(stream)))
}

/// Returns the options of an account with this number of records of each stream.
fn records(number: u64) -> Options {
    let to = Some(NOON.parse().expect("a time"));
    let access_logs = AccessLogs { events: number, to, rate_limit: 0, ..AccessLogs::default() };
    Options { events: number, access_logs, ..Options::default() }
}

/// Returns the sandbox's records of a stream.
fn all_of(sandbox: &Sandbox, stream: &str) -> Vec<String> {
    if stream == "audit_logs" { sandbox.records() } else { sandbox.access_records() }
}

fn states(stream: &'static str) -> impl Strategy<Value = Value> {
    let (cursor, ids) = match stream {
        "audit_logs" => ("created_at", json!([35436, "\"7\""])),
        _ => ("timestamp", json!(["01KAQC2F*", "\"7\""])),
    };
    let state = json!([{
        "type": "STREAM",
        "stream": {
            "stream_descriptor": { "name": stream, "namespace": null },
            "stream_state": {
                cursor: "2026-11-23T06:50:00Z",
                "seen_since": "2026-11-23T06:40:00Z",
                "seen": { "2026-11-23T06:45:10Z": ids }
            }
        }
    }]);
    changes().prop_map(move |changes| changed(state.clone(), &changes))
}

/// Asserts that a file was rejected: with one message, before any request.
#[track_caller]
fn assert_rejected(run: &Run, requests: usize) {
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert_eq!(run.error()["failure_type"], "config_error", "{}", run.stdout);
    assert_eq!(run.messages().len(), 1, "{}", run.stdout);
    assert_eq!(requests, 0, "a request was sent");
    let message = run.error()["message"].as_str().expect("a message").to_owned();
    assert!(message.ends_with('.'), "{message}");
    assert!(!run.stdout.contains("s3nt1n3l"), "{}", run.stdout);
}

/// Runs `read` with these files.
fn read(connection: &Connection, catalog: &[u8], state: &[u8]) -> Run {
    let config = connection.file("config.json", connection.config.to_string());
    let catalog = connection.file("catalog.json", catalog);
    let state = connection.file("state.json", state);
    let text = |path: &std::path::Path| path.to_str().expect("Unicode").to_owned();
    connection.command(&[
        "read".to_owned(),
        "--config".to_owned(),
        text(&config),
        "--catalog".to_owned(),
        text(&catalog),
        "--state".to_owned(),
        text(&state),
    ])
}

/// Asserts that a read of a sandbox either rejects a file or succeeds completely.
#[track_caller]
fn assert_reads_or_rejects(run: &Run, sandbox: &Sandbox) {
    if run.code == 0 {
        let statuses = run.statuses();
        assert!(statuses.is_empty() || statuses.last().is_some_and(|last| last == "COMPLETE"), "{}", run.stdout);
        for stream in ["audit_logs", "access_logs"] {
            let all: BTreeSet<String> = all_of(sandbox, stream).into_iter().collect();
            assert!(run.records_of(stream).iter().all(|record| all.contains(record)));
        }
    } else {
        assert_rejected(run, sandbox.requests().len());
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn any_configuration_is_accepted_or_rejected_without_showing_its_values((config, damage) in (configurations(), damage())) {
        let connection = Connection::with(None, json!({}));
        for content in [config.to_string().into_bytes(), damaged(&config.to_string(), &damage.0, damage.1)] {
            let path = connection.file("config.json", &content);
            let run = connection.command(&["discover", "--config", path.to_str().expect("Unicode")]);
            if run.code == 0 {
                prop_assert_eq!(run.messages().len(), 1);
                prop_assert_eq!(run.of_type("CATALOG").len(), 1);
            } else {
                assert_rejected(&run, 0);
            }
        }
    }

    #[test]
    fn no_json_makes_a_parser_panic(value in value()) {
        let sandbox = sandbox(Options { events: 3, ..Options::default() });
        let connection = Connection::to(&sandbox);
        let path = connection.file("any.json", value.to_string());
        let run = connection.command(&["discover", "--config", path.to_str().expect("Unicode")]);
        assert_rejected(&run, 0);
        let catalog = catalog("incremental").to_string();
        for (catalog, state) in [(catalog.as_str(), value.to_string()), (value.to_string().as_str(), "[]".to_owned())] {
            sandbox.clear_requests();
            let run = read(&connection, catalog.as_bytes(), state.as_bytes());
            // Names in the catalog and dates in the state are not secret, and are shown.
            if !run.stdout.contains("s3nt1n3l") {
                assert_reads_or_rejects(&run, &sandbox);
            }
        }
    }

    #[test]
    fn any_state_is_resumed_or_rejected(((stream, state), damage) in (with_stream(states), damage())) {
        let sandbox = sandbox(records(20));
        let connection = Connection::to(&sandbox);
        for content in [state.to_string().into_bytes(), damaged(&state.to_string(), &damage.0, damage.1)] {
            sandbox.clear_requests();
            let catalog = catalog_of(&[stream], "incremental").to_string();
            let run = read(&connection, catalog.as_bytes(), &content);
            if !run.stdout.contains("s3nt1n3l") {
                assert_reads_or_rejects(&run, &sandbox);
            }
            // The connector accepts its own state.
            if let Some(state) = run.states().pop() {
                connection.read_streams(&[stream], &[state]).succeeded();
            }
        }
    }

    #[test]
    fn any_catalog_is_accepted_or_rejected((changes, damage) in (changes(), damage())) {
        let sandbox = sandbox(records(3));
        let connection = Connection::to(&sandbox);
        let catalog = changed(catalog_of(&["audit_logs", "access_logs"], "incremental"), &changes).to_string();
        for content in [catalog.clone().into_bytes(), damaged(&catalog, &damage.0, damage.1)] {
            sandbox.clear_requests();
            let run = read(&connection, &content, b"[]");
            if !run.stdout.contains("s3nt1n3l") {
                assert_reads_or_rejects(&run, &sandbox);
            }
        }
    }
}

/// A response that is not a page.
#[derive(Clone, Debug)]
enum Garbage {
    Reply { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    Drop,
    DropInBody(usize),
}

impl Garbage {
    fn response(&self) -> MockResponse {
        match self.clone() {
            Self::Reply { status, headers, body } => MockResponse::Reply { status, headers, body },
            Self::Drop => MockResponse::DropConnection,
            Self::DropInBody(sent) => MockResponse::DropInBody { sent },
        }
    }
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = select(vec![
        "Retry-After",
        "X-Rate-Limit",
        "X-Rate-Limit-Remaining",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "Date",
        "Location",
        "Content-Type",
        "Content-Encoding",
        "X-Zendesk-Request-Id",
        "Set-Cookie",
    ]);
    let odd = select(vec![
        "0",
        "1",
        "-1",
        "60",
        "1e19",
        "1e400",
        "18446744073709551615",
        "NaN",
        "Mon, 23 Nov 2026 12:00:45 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 0001 00:00:00 GMT",
        "https://evil.example/x",
        "//[::1",
        "gzip",
        "br",
    ]);
    let value = prop_oneof![3 => odd.prop_map(str::to_owned), 1 => "[ -~]{0,40}"];
    prop::collection::vec((names.prop_map(str::to_owned), value), 0..4)
}

/// Returns `true` if an independent parser accepts a page. It accepts more than the connector does.
fn is_page(body: &[u8]) -> bool {
    let Ok(page) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let records = page["audit_logs"].as_array().or_else(|| page["access_logs"].as_array());
    let cursor = &page["meta"]["after_cursor"];
    records.is_some_and(|records| records.iter().all(Value::is_object))
        && page["meta"]["has_more"].is_boolean()
        && (cursor.is_null() || cursor.is_string())
}

fn page(stream: &str) -> Value {
    json!({
        stream: [{ "id": 1, "created_at": "2026-11-01T00:00:00Z" }, {}],
        "meta": { "has_more": false, "after_cursor": "abc" },
        "links": { "next": null }
    })
}

/// Returns pages with a part removed or replaced, which makes them invalid.
fn near_pages(stream: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let other = prop_oneof![value(), prop::collection::vec(leaf(), 0..3).prop_map(Value::from)];
    let changes = prop::collection::vec((any::<Index>(), prop::option::of(other)), 1..3);
    let reshaped = changes.prop_map(move |changes| changed(page(stream), &changes).to_string().into_bytes());
    let damaged = (any::<Index>(), any::<Index>(), any::<u8>()).prop_map(move |(at, end, byte)| {
        let text = page(stream).to_string();
        // Truncated near the end, where the page is nearly complete.
        let end = (byte % 2 == 0).then_some(end).map(|end| text.len() - 1 - end.index(4));
        let mut bytes = damaged(&text, &[(at, byte)], None);
        bytes.truncate(end.unwrap_or(bytes.len()));
        bytes
    });
    prop_oneof![3 => reshaped, 1 => damaged].prop_filter("it is a page", |body| !is_page(body))
}

fn bodies(stream: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let errors = [
        r#"{"error":"invalid_token"}"#,
        r#"{"error":{"title":"No help desk at x"}}"#,
        r#"{"error":{"title":7}}"#,
        r#"{"error":"Forbidden","description":["scope"]}"#,
        "<html></html>",
    ];
    prop_oneof![
        4 => near_pages(stream),
        1 => select(errors.map(|error| error.as_bytes().to_vec()).to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => value().prop_map(|value| value.to_string().into_bytes()),
    ]
}

fn garbage(stream: &'static str) -> impl Strategy<Value = Garbage> {
    let status = prop_oneof![4 => Just(200_u16), 2 => select(vec![429, 500, 503, 409]), 1 => 200_u16..600];
    prop_oneof![
        8 => (status, headers(), bodies(stream))
            .prop_filter("it is a page", |(status, _, body)| *status != 200 || !is_page(body))
            .prop_map(|(status, headers, body)| Garbage::Reply { status, headers, body }),
        1 => Just(Garbage::Drop),
        1 => (0_usize..500).prop_map(Garbage::DropInBody),
    ]
}

/// Starts a sandbox that returns these responses in a cycle; `None` is the real response.
fn responding(responses: Vec<Option<Garbage>>) -> Sandbox {
    sandbox(Options {
        response_hook: Some(ResponseHook::new(move |request| {
            let at = usize::try_from(request.number).expect("few") % responses.len();
            responses[at].as_ref().map(Garbage::response)
        })),
        ..records(700)
    })
}

/// Asserts what holds for every read, with any end.
#[track_caller]
fn assert_records_match_the_status(run: &Run, sandbox: &Sandbox, stream: &str) {
    let complete = run.statuses().last().is_some_and(|last| last == "COMPLETE");
    assert_eq!(run.code == 0, complete, "{}", run.stdout);
    let read = run.records_of(stream);
    let all = sorted(all_of(sandbox, stream));
    if complete {
        assert_eq!(sorted(read), all, "not everything was read");
    } else {
        assert_eq!(run.code, 1);
        assert_eq!(run.statuses().last().map(String::as_str), Some("INCOMPLETE"));
        assert_ne!(run.error()["message"], Value::Null);
        let all: BTreeSet<String> = all.into_iter().collect();
        let distinct: BTreeSet<&String> = read.iter().collect();
        assert_eq!(distinct.len(), read.len(), "a record was emitted twice");
        assert!(read.iter().all(|record| all.contains(record)), "a record is not the sandbox's");
        let error = run.error();
        assert_ne!(
            error["internal_message"].as_str().map(|message| message.starts_with("panic")),
            Some(true),
            "{error}"
        );
    }
}

/// The response names a page of one record too large, and another fault interrupts the retries.
#[test]
fn a_page_that_stays_too_large_with_one_record_ends_the_sync() {
    let reply =
        |status, body: &str| Some(Garbage::Reply { status, headers: Vec::new(), body: body.as_bytes().to_vec() });
    for responses in
        [vec![reply(413, "")], vec![reply(413, ""), reply(200, "[]")], vec![reply(504, ""), reply(200, "[]")]]
    {
        let sandbox = responding(responses);
        let run = Connection::to(&sandbox).read(None);
        assert_records_match_the_status(&run, &sandbox, "audit_logs");
        assert_eq!(run.records().len(), 0);
        let requests = sandbox.traffic().pages;
        assert!(requests <= 120, "{requests} requests");
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn occasional_arbitrary_responses_never_lose_a_record_silently(
        (stream, responses) in
            with_stream(|stream| prop::collection::vec(prop::option::weighted(0.5, garbage(stream)), 2..8))
    ) {
        let sandbox = responding(responses);
        let run = Connection::to(&sandbox).read_streams(&[stream], &[]);
        assert_records_match_the_status(&run, &sandbox, stream);
    }

    #[test]
    fn constant_arbitrary_responses_never_complete_a_read(
        (stream, responses) in with_stream(|stream| prop::collection::vec(garbage(stream).prop_map(Some), 1..4))
    ) {
        let sandbox = responding(responses);
        let connection = Connection::to(&sandbox);
        let run = connection.read_streams(&[stream], &[]);
        assert_records_match_the_status(&run, &sandbox, stream);
        prop_assert_eq!(run.code, 1);
        prop_assert_eq!(run.records_of(stream).len(), 0);
        connection.check().failed_check();
    }

    #[test]
    fn a_damaged_page_never_ends_the_data(
        (stream, body) in with_stream(near_pages),
        real in 0_usize..3
    ) {
        // All access logs are on one page, after a request for the newest record.
        let real = if stream == "audit_logs" { real } else { real.min(1) };
        let nearly = Garbage::Reply { status: 200, headers: Vec::new(), body };
        // Page by page, from the first page or a later one on.
        let sandbox = sandbox(Options {
            response_hook: Some(ResponseHook::new(move |request| {
                (request.number > real as u64).then(|| nearly.response())
            })),
            ..records(700)
        });
        let run = Connection::to(&sandbox).set("num_workers", json!(1)).read_streams(&[stream], &[]);
        assert_records_match_the_status(&run, &sandbox, stream);
        prop_assert_eq!(run.code, 1, "{}", run.stdout);
    }
}
