//! The endpoints under `/sandbox/`, which return all records and add events.

use zendesk_sandbox::{Account, Options};

use crate::http::{Got, parse, raw, sandbox};

fn get(base_url: &str, path: &str) -> Got {
    let text = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    parse(&raw(base_url, text.as_bytes()).expect("a response"))
}

fn post(base_url: &str, body: &str) -> Got {
    let length = body.len();
    let text = format!(
        "POST /sandbox/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    parse(&raw(base_url, text.as_bytes()).expect("a response"))
}

fn lines(got: &Got) -> Vec<String> {
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(got.header("content-type"), Some("application/x-ndjson"));
    got.text().lines().map(str::to_owned).collect()
}

#[test]
fn records_are_returned_one_a_line() {
    let sandbox = sandbox(Options { events: 321, ..Options::default() });
    assert_eq!(lines(&get(&sandbox.base_url(), "/sandbox/records")), sandbox.records());
}

#[test]
fn events_are_added_in_the_requested_span() {
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let before = sandbox.records();
    let body = r#"{"count":25,"from":"2025-01-01T00:00:00Z","to":"2025-01-02T00:00:00Z"}"#;
    let added = lines(&post(&sandbox.base_url(), body));
    assert_eq!(added.len(), 25);
    assert!(added.iter().all(|record| record.contains("2025-01-01T")));
    assert_eq!(sandbox.records(), [before, added].concat());
}

#[test]
fn own_endpoints_need_no_account_and_use_no_quota() {
    let options = Options { events: 3, rate_limit: Some(1), account: Account::Missing, ..Options::default() };
    let sandbox = sandbox(options);
    for _ in 0..3 {
        let got = get(&sandbox.base_url(), "/sandbox/records");
        assert_eq!(lines(&got).len(), 3);
        assert_eq!(got.header("x-rate-limit"), None);
    }
}

#[test]
fn invalid_requests_change_nothing() {
    let sandbox = sandbox(Options { events: 3, ..Options::default() });
    for body in [
        "",
        "[]",
        "{}",
        r#"{"count":-1,"from":"2025-01-01T00:00:00Z","to":"2025-01-02T00:00:00Z"}"#,
        r#"{"count":1000001,"from":"2025-01-01T00:00:00Z","to":"2025-01-02T00:00:00Z"}"#,
        r#"{"count":1,"from":"yesterday","to":"2025-01-02T00:00:00Z"}"#,
        r#"{"count":1,"from":"2025-01-01T00:00:00Z","to":"2025-01-02T00:00:00Z","seed":1}"#,
    ] {
        let got = post(&sandbox.base_url(), body);
        assert_eq!(got.status, 400, "{body}");
        assert!(got.json()["error"].is_string());
    }
    assert_eq!(get(&sandbox.base_url(), "/sandbox/events").status, 404);
    assert_eq!(sandbox.event_count(), 3);
}
