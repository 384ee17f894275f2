//! Hooks that replace responses, recorded requests, and malformed requests.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::json;
use zendesk_sandbox::{
    MockResponse, Options, ResponseHook, Sandbox, SeenRequest,
    credentials::{ACCESS_TOKEN, CLIENT_ID},
};

use crate::http::{logs, parse, raw, request, sandbox};

/// Starts a sandbox that gives this response to its first request only.
fn first(response: impl Fn() -> MockResponse + Send + Sync + 'static) -> Sandbox {
    let hook = move |seen: &SeenRequest| (seen.number == 1).then(&response);
    sandbox(Options { response_hook: Some(ResponseHook::new(hook)), ..Options::default() })
}

fn get_text(sandbox: &Sandbox) -> Vec<u8> {
    let text = format!(
        "GET /api/v2/audit_logs?page[size]=50 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ACCESS_TOKEN}\r\n\r\n"
    );
    raw(&sandbox.base_url(), text.as_bytes()).unwrap_or_default()
}

#[test]
fn a_hook_replaces_the_response() {
    let sandbox = first(|| MockResponse::Reply {
        status: 503,
        headers: vec![
            ("Retry-After".to_owned(), "7".to_owned()),
            ("Content-Type".to_owned(), "text/html".to_owned()),
            ("not a\nheader".to_owned(), "x".to_owned()),
        ],
        body: b"<html><body><h1>Service Unavailable</h1></body></html>".to_vec(),
    });
    let got = logs(&sandbox, "page[size]=1");
    assert_eq!((got.status, got.header("retry-after")), (503, Some("7")));
    assert_eq!(got.header("content-type"), Some("text/html"));
    assert!(got.header("date").is_some() && got.header("x-zendesk-request-id").is_some());
    assert_eq!(got.header("x-rate-limit"), None);
    assert!(got.text().contains("Service Unavailable"));
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
}

#[test]
fn a_hook_can_set_the_date_and_any_status() {
    let date = "Tue, 01 Jan 2030 00:00:00 GMT";
    let sandbox = first(move || MockResponse::Reply {
        status: 9_999,
        headers: vec![("date".to_owned(), date.to_owned())],
        body: Vec::new(),
    });
    let got = logs(&sandbox, "");
    assert_eq!((got.status, got.header("date")), (500, Some(date)));
    assert_eq!(got.headers.iter().filter(|(name, _)| name == "date").count(), 1);
}

#[test]
fn a_dropped_connection_sends_no_byte() {
    let sandbox = first(|| MockResponse::DropConnection);
    assert_eq!(get_text(&sandbox), b"");
    assert_eq!(sandbox.requests().len(), 1);
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
}

#[test]
fn a_truncated_body_announces_its_full_length() {
    for (sent, arrives) in [(0, Some(0)), (1_000, Some(1_000)), (usize::MAX, None)] {
        let sandbox = first(move || MockResponse::DropInBody { sent });
        let got = parse(&get_text(&sandbox));
        let whole = logs(&sandbox, "page[size]=50").body;
        assert_eq!(got.status, 200);
        assert_eq!(got.header("content-length"), Some(whole.len().to_string().as_str()));
        let arrives = arrives.unwrap_or(whole.len() - 1);
        assert_eq!(got.body.len(), arrives);
        assert!(got.body == whole[..arrives]);
    }
}

#[test]
fn a_stalled_request_gets_no_response_until_the_sandbox_is_dropped() {
    let sandbox = first(|| MockResponse::Stall);
    let base = sandbox.base_url();
    let (sent, received) = mpsc::channel();
    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(base.strip_prefix("http://").expect("http")).expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        sent.send(()).expect("the receiver exists");
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        response
    });
    received.recv().expect("sent");
    while sandbox.requests().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200, "others are served");
    drop(sandbox);
    assert_eq!(client.join().expect("no panic"), b"");
}

#[test]
fn a_delayed_response_is_the_regular_one() {
    let time = Duration::from_millis(40);
    let sandbox = first(move || MockResponse::Delay(time));
    let start = Instant::now();
    let late = logs(&sandbox, "page[size]=5").texts();
    assert!(start.elapsed() >= time);
    assert_eq!(late, logs(&sandbox, "page[size]=5").texts());
}

#[test]
fn an_edit_keeps_the_bytes_of_unchanged_records() {
    let sandbox = first(|| {
        MockResponse::edit(|mut page| {
            page["meta"]["after_cursor"] = json!("the same again");
            page["audit_logs"][1] = json!({"id": "1"});
            page["audit_logs"].as_array_mut().expect("records").remove(0);
            page
        })
    });
    let edited = logs(&sandbox, "page[size]=100");
    let real = logs(&sandbox, "page[size]=100");
    assert_eq!(edited.json()["meta"]["after_cursor"], "the same again");
    assert_eq!(edited.json()["meta"]["has_more"], true);
    assert_eq!(edited.texts()[0], r#"{"id":"1"}"#);
    assert_eq!(edited.texts()[1..], real.texts()[2..]);
    assert_eq!(edited.header("x-rate-limit"), Some("700"));
}

#[test]
fn an_edit_can_return_any_json() {
    let sandbox = first(|| MockResponse::edit(|_| json!(["no", "object"])));
    assert_eq!(logs(&sandbox, "page[size]=1").text(), r#"["no","object"]"#);
}

#[test]
fn requests_are_recorded_as_received() {
    let sandbox = sandbox(Options::default());
    let headers = [("User-Agent", "tester/1"), ("Authorization", "Bearer x")];
    let body = format!(r#"{{"client_id":"{CLIENT_ID}"}}"#);
    request(&sandbox, "POST", "/oauth/tokens?a%5B%5D=1+2&a[]=%C3%A9&b", &headers, &body);
    logs(&sandbox, "page[size]=3&page[size]=4");
    let seen = sandbox.requests();
    assert_eq!((seen[0].number, seen[0].method.as_str(), seen[0].path.as_str()), (1, "POST", "/oauth/tokens"));
    assert_eq!(seen[0].query, "a%5B%5D=1+2&a[]=%C3%A9&b");
    let params = [("a[]", "1 2"), ("a[]", "é"), ("b", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(seen[0].params, params);
    assert_eq!(seen[0].user_agent.as_deref(), Some("tester/1"));
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer x"));
    assert_eq!(seen[0].body, body.as_bytes());
    assert_eq!(seen[1].param("page[size]"), Some("4"));
    assert!(seen[0].at <= seen[1].at);
    sandbox.clear_requests();
    assert!(sandbox.requests().is_empty());
    logs(&sandbox, "");
    assert_eq!(sandbox.requests()[0].number, 3);
}

#[test]
fn a_port_can_be_chosen_and_is_released() {
    let first = sandbox(Options::default());
    let port: u16 = first.base_url().rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port");
    assert!(first.base_url().starts_with("http://127.0.0.1:"));
    assert!(Sandbox::start(Options { port, ..Options::default() }).is_err());
    drop(first);
    let again = sandbox(Options { port, ..Options::default() });
    assert_eq!(logs(&again, "page[size]=1").status, 200);
}

/// Each request gets an HTTP response or a closed connection, and the server keeps running.
#[test]
fn malformed_requests_do_not_stop_the_server() {
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let auth = format!("Host: x\r\nConnection: close\r\nAuthorization: Bearer {ACCESS_TOKEN}\r\n\r\n");
    let values = [
        "",
        "%",
        "%zz",
        "%00",
        "%ff%fe",
        "-1",
        "0",
        "18446744073709551616",
        "1e9",
        "+",
        "%2B",
        "[]",
        "9999-12-31T23:59:59Z",
        "0000-00-00T00:00:00Z",
        "%F0%9F%92%A9",
        "\u{e9}",
        "null",
        "'",
        "%22%0d%0a",
    ];
    let names = [
        "page",
        "per_page",
        "page[size]",
        "page[after]",
        "page[before]",
        "sort",
        "sort_by",
        "sort_order",
        "filter[created_at][]",
        "filter[created_at]",
        "filter[action]",
        "filter[actor_id]",
        "filter[ip_address]",
        "filter[source_type]",
        "filter[source_id]",
        "filter[",
        "=",
        "&&",
    ];
    for name in names {
        for value in values {
            for query in [format!("{name}={value}"), format!("page[size]=2&{name}={value}&{name}={value}")] {
                let text = format!("GET /api/v2/audit_logs?{query} HTTP/1.1\r\n{auth}");
                let response = raw(&sandbox.base_url(), text.as_bytes()).unwrap_or_default();
                let status = if response.is_empty() { 400 } else { parse(&response).status };
                assert!(matches!(status, 200 | 400), "{query}: {status}");
            }
        }
    }
    for bytes in [
        &b"\r\n\r\n"[..],
        b"\x00\xff\xfe\x16\x03\x01",
        b"GET\r\n\r\n",
        b"GET http://other.example/api/v2/audit_logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /oauth/tokens HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \xff\xfe\r\nConnection: close\r\n\r\n",
    ] {
        let base = sandbox.base_url();
        let mut stream = TcpStream::connect(base.strip_prefix("http://").expect("http")).expect("a connection");
        stream.write_all(bytes).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("shut");
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let large = "x".repeat(2 << 20);
    let text = format!(
        "POST /oauth/tokens HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{large}",
        large.len()
    );
    let _ = raw(&sandbox.base_url(), text.as_bytes());
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
}

#[test]
fn a_panic_in_a_hook_closes_one_connection() {
    let hook = |seen: &SeenRequest| {
        assert!(seen.number > 1, "on purpose, for request 1");
        None
    };
    let sandbox = sandbox(Options { response_hook: Some(ResponseHook::new(hook)), ..Options::default() });
    assert_eq!(get_text(&sandbox), b"");
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
}

#[test]
fn the_sandbox_works_inside_an_asynchronous_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let sandbox = sandbox(Options::default());
        assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
    });
}
