//! The rate limit and the headers that every response has.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use zendesk_sandbox::{Options, RateHeaders, credentials::ACCESS_TOKEN};

use crate::http::{get, get_as, logs, parse, request, sandbox};

const X: [&str; 2] = ["x-rate-limit", "x-rate-limit-remaining"];
const PLAIN: [&str; 3] = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];

#[test]
fn requests_over_the_limit_are_a_429_in_plain_text() {
    for (retry_after, limit) in [(true, 2), (false, 1)] {
        let options = Options { rate_limit: Some(limit), retry_after, ..Options::default() };
        let sandbox = sandbox(options);
        for left in (0..limit).rev() {
            let got = logs(&sandbox, "page[size]=1");
            assert_eq!(got.status, 200);
            assert_eq!(got.header("x-rate-limit"), Some(limit.to_string().as_str()));
            assert_eq!(got.header("x-rate-limit-remaining"), Some(left.to_string().as_str()));
            assert_eq!(got.header("ratelimit-remaining"), Some(left.to_string().as_str()));
        }
        // The limit applies to the whole account, so other callers are refused as well.
        for got in [logs(&sandbox, "page[size]=1"), get_as(&sandbox, "Bearer x", "/api/v2/users/me")] {
            let expected = "Number of allowed API requests per minute exceeded";
            assert_eq!((got.status, got.text()), (429, expected));
            assert!(got.header("content-type").is_some_and(|value| value.starts_with("text/plain")));
            let wait = got.header("retry-after").map(|value| value.parse::<u64>().expect("seconds"));
            assert_eq!(wait.is_some(), retry_after);
            assert!(wait.is_none_or(|seconds| (1..=60).contains(&seconds)));
        }
    }
}

#[test]
fn retry_after_is_at_least_a_second() {
    let minute = Duration::from_hours(1) / 4_000;
    let sandbox = sandbox(Options { rate_limit: Some(0), minute, ..Options::default() });
    assert_eq!(logs(&sandbox, "").header("retry-after"), Some("1"));
}

#[test]
fn rate_limit_headers_are_sent_as_configured_with_every_status() {
    for (rate_headers, x, plain) in [
        (RateHeaders::Both, true, true),
        (RateHeaders::XRateLimit, true, false),
        (RateHeaders::RateLimit, false, true),
        (RateHeaders::None, false, false),
    ] {
        let sandbox = sandbox(Options { rate_headers, ..Options::default() });
        for got in [logs(&sandbox, ""), logs(&sandbox, "page[size]=0"), get(&sandbox, "/api/v2/x")] {
            assert!(X.iter().all(|name| got.header(name).is_some() == x), "{rate_headers:?}");
            assert!(PLAIN.iter().all(|name| got.header(name).is_some() == plain), "{rate_headers:?}");
        }
    }
}

#[test]
fn without_a_limit_the_headers_show_700() {
    let sandbox = sandbox(Options::default());
    let got = logs(&sandbox, "");
    assert_eq!((got.header("x-rate-limit"), got.header("ratelimit-limit")), (Some("700"), Some("700")));
    let remaining: u32 = got.header("x-rate-limit-remaining").and_then(|v| v.parse().ok()).expect("a number");
    assert!((600..700).contains(&remaining));
}

#[test]
fn every_response_has_a_unique_request_id_and_a_date() {
    let sandbox = sandbox(Options::default());
    let responses = [
        logs(&sandbox, ""),
        get(&sandbox, "/nowhere"),
        get_as(&sandbox, "Bearer x", "/api/v2/audit_logs"),
        request(&sandbox, "POST", "/oauth/tokens", &[], "{}"),
    ];
    let ids: Vec<_> = responses.iter().map(|got| got.header("x-zendesk-request-id").expect("an id")).collect();
    assert!((1..ids.len()).all(|n| !ids[..n].contains(&ids[n])), "{ids:?}");
    assert!(responses.iter().all(|got| got.header("date").is_some()));
}

#[test]
fn the_date_is_now_plus_the_offset() {
    for hours in [0, -30, 500] {
        let clock_offset = SignedDuration::from_hours(hours);
        let sandbox = sandbox(Options { clock_offset, ..Options::default() });
        let got = logs(&sandbox, "page[size]=1");
        let date = got.header("date").expect("a date");
        assert!(date.ends_with(" GMT"), "{date}");
        let date = DateTimeParser::new().parse_timestamp(date).expect("a date");
        let off = date.duration_since(Timestamp::now()) - clock_offset;
        assert!(off.abs() < SignedDuration::from_mins(1), "{off}");
    }
}

#[test]
fn responses_are_compressed_if_the_client_accepts_gzip() {
    let get_with = |gzip: bool, accept: &str| {
        let sandbox = sandbox(Options { gzip, ..Options::default() });
        let authorization = format!("Bearer {ACCESS_TOKEN}");
        let headers = [("Authorization", authorization.as_str()), ("Accept-Encoding", accept)];
        request(&sandbox, "GET", "/api/v2/audit_logs?page[size]=100", &headers, "")
    };
    let plain = get_with(false, "gzip");
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.texts().len(), 100);
    for refused in ["", "br", "identity", "gzip;q=0", "gzip; q=0.0"] {
        assert_eq!(get_with(true, refused).body.len(), plain.body.len(), "{refused}");
    }
    for accepted in ["gzip", "br, gzip", "deflate, gzip;q=0.5", "*"] {
        let small = get_with(true, accepted);
        assert_eq!(small.header("content-encoding"), Some("gzip"), "{accepted}");
        assert!(small.body.len() < plain.body.len() / 3);
        let mut body = String::new();
        flate2::read::GzDecoder::new(&small.body[..]).read_to_string(&mut body).expect("gzip");
        assert_eq!(body.len(), plain.body.len());
    }
}

#[test]
fn a_response_takes_at_least_the_latency() {
    let latency = Duration::from_millis(40);
    let sandbox = sandbox(Options { latency, ..Options::default() });
    let start = Instant::now();
    logs(&sandbox, "page[size]=1");
    assert!(start.elapsed() >= latency);
}

#[test]
fn connections_are_kept_alive() {
    let sandbox = sandbox(Options::default());
    let base = sandbox.base_url();
    let mut stream = TcpStream::connect(base.strip_prefix("http://").expect("http")).expect("a connection");
    for _ in 0..3 {
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        let mut response = Vec::new();
        let mut byte = [0];
        while !response.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a response");
            response.push(byte[0]);
        }
        let head = parse(&response);
        let length = head.header("content-length").and_then(|v| v.parse().ok()).expect("a length");
        stream.read_exact(&mut vec![0; length]).expect("a body");
        assert_eq!(head.status, 404);
    }
    assert_eq!(sandbox.requests().len(), 3);
}
