//! Seeded faults: the effect of each kind, and the requests that it applies to.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use zendesk_sandbox::{Fault, Faults, Options, Rule, Sandbox, ServerClock, Shape, When, credentials::ACCESS_TOKEN};

use crate::http::{Got, encoded, logs, parse, raw, request, sandbox};

const PAGE: &str = "page[size]=50&sort=created_at";

fn rule(text: &str) -> Rule {
    text.parse().expect("a rule")
}

fn with(rules: &[&str]) -> Sandbox {
    let faults = Faults {
        rules: rules.iter().map(|text| rule(text)).collect(),
        drip: Duration::from_millis(1),
        ..Faults::default()
    };
    let clock = ServerClock::Requests(60);
    sandbox(Options { events: 200, shape: Shape::Even, clock, faults, ..Options::default() })
}

fn after(got: &Got) -> String {
    let cursor = got.json()["meta"]["after_cursor"].as_str().expect("a cursor").to_owned();
    format!("{PAGE}&page[after]={}", encoded(&cursor))
}

fn gzipped(sandbox: &Sandbox) -> Got {
    let headers = format!("Authorization: Bearer {ACCESS_TOKEN}\r\nAccept-Encoding: gzip\r\nConnection: close");
    let text = format!("GET /api/v2/audit_logs?{PAGE} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n");
    parse(&raw(&sandbox.base_url(), text.as_bytes()).expect("a response"))
}

fn struck(sandbox: &Sandbox, kind: Fault) -> u64 {
    sandbox.faults_injected().get(&kind).copied().unwrap_or(0)
}

#[test]
fn error_faults_have_their_status_content_type_and_retry_after() {
    for (kind, status, content_type, retry_after) in [
        ("429", 429, "text/plain", false),
        ("429-after", 429, "text/plain", true),
        ("429-json", 429, "application/json", false),
        ("429-json-after", 429, "application/json", true),
        ("500", 500, "application/json", false),
        ("502", 502, "text/html", false),
        ("503", 503, "text/html", false),
        ("503-after", 503, "application/json", true),
        ("504", 504, "text/html", false),
        ("409", 409, "application/json", false),
        ("html", 200, "text/html", false),
        ("empty", 200, "application/json", false),
        ("broken-json", 200, "application/json", false),
        ("other-json", 200, "application/json", false),
    ] {
        let sandbox = with(&[&format!("{kind}@1")]);
        let got = logs(&sandbox, PAGE);
        assert_eq!((got.status, got.header("content-type")), (status, Some(content_type)), "{kind}");
        let asked = got.header("retry-after").map(|seconds| seconds.parse::<u64>().expect("seconds"));
        assert_eq!(asked.is_some_and(|seconds| (1..=5).contains(&seconds)), retry_after, "{kind}: {asked:?}");
        let is_json = serde_json::from_slice::<serde_json::Value>(&got.body).is_ok();
        assert_eq!(is_json, content_type == "application/json" && !["empty", "broken-json"].contains(&kind), "{kind}");
        assert_eq!(logs(&sandbox, PAGE).texts().len(), 50, "only the first is struck");
        assert_eq!(sandbox.faults_injected(), [(rule(&format!("{kind}@1")).kind, 1)].into());
    }
}

#[test]
fn drop_faults_close_the_connection_before_or_in_the_body() {
    let text =
        format!("GET /api/v2/audit_logs?{PAGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ACCESS_TOKEN}\r\n\r\n");
    let response = raw(&with(&["drop@1"]).base_url(), text.as_bytes()).unwrap_or_default();
    assert_eq!(response, b"");
    let got = parse(&raw(&with(&["drop-in-body@1"]).base_url(), text.as_bytes()).expect("a part"));
    assert_eq!(got.status, 200);
    let length: usize = got.header("content-length").and_then(|length| length.parse().ok()).expect("a length");
    assert!(got.body.len() < length);
}

#[test]
fn half_a_body_has_a_matching_length() {
    let sandbox = with(&["half-body@1"]);
    let (half, whole) = (logs(&sandbox, PAGE), logs(&sandbox, PAGE));
    assert!(half.body == whole.body[..whole.body.len() / 2]);
    assert_eq!(half.header("content-length"), Some(half.body.len().to_string().as_str()));
}

#[test]
fn broken_gzip_does_not_decompress_to_the_original() {
    let sandbox = with(&["gzip@2.."]);
    let unpacked = |got: &Got| {
        assert_eq!(got.header("content-encoding"), Some("gzip"));
        let mut text = Vec::new();
        GzDecoder::new(&got.body[..]).read_to_end(&mut text).map(|_| text)
    };
    // Links contain the port, so the length differs between sandboxes.
    let whole = gzipped(&sandbox);
    let text = unpacked(&whole).expect("it is struck from the second request on");
    let mut shorter = 0;
    for _ in 0..30 {
        let got = gzipped(&sandbox);
        // A wrong bit in the padding at the end has no effect.
        assert!(unpacked(&got).map_or(true, |unpacked| unpacked == text));
        shorter += usize::from(got.body.len() < whole.body.len());
    }
    assert!((5..25).contains(&shorter), "{shorter} of 30 broke off, the others have a wrong bit");
}

#[test]
fn a_slow_body_is_complete() {
    let sandbox = with(&["drip@1"]);
    assert!(logs(&sandbox, PAGE).body == logs(&sandbox, PAGE).body);
    assert_eq!(struck(&sandbox, Fault::Drip), 1);
}

#[test]
fn a_stall_affects_one_request() {
    let sandbox = with(&["stall@1"]);
    let stalled = std::net::TcpStream::connect(sandbox.base_url().strip_prefix("http://").expect("http"));
    let mut stalled = stalled.expect("a connection");
    let text =
        format!("GET /api/v2/audit_logs?{PAGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ACCESS_TOKEN}\r\n\r\n");
    std::io::Write::write_all(&mut stalled, text.as_bytes()).expect("sent");
    while struck(&sandbox, Fault::Stall) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(logs(&sandbox, PAGE).status, 200);
    drop(sandbox);
    let mut response = Vec::new();
    let _ = stalled.read_to_end(&mut response);
    assert_eq!(response, b"");
}

#[test]
fn cursor_faults_apply_to_pages_with_a_cursor() {
    let sandbox = with(&["cursor-expired=1"]);
    let first = logs(&sandbox, PAGE);
    assert_eq!((first.status, struck(&sandbox, Fault::CursorExpired)), (200, 0));
    let second = logs(&sandbox, &after(&first));
    assert_eq!((second.status, struck(&sandbox, Fault::CursorExpired)), (400, 1));
    assert_eq!(second.json()["errors"][0]["code"], "InvalidPaginationParameter");

    let sandbox = with(&["cursor-repeated=1"]);
    let first = logs(&sandbox, PAGE);
    let second = logs(&sandbox, &after(&first));
    assert_eq!(second.json()["meta"]["after_cursor"], first.json()["meta"]["after_cursor"]);
    assert_ne!(second.texts(), first.texts());

    let sandbox = with(&["cursor-missing=1"]);
    let first = logs(&sandbox, PAGE).json();
    assert_eq!((&first["meta"]["has_more"], first["meta"]["after_cursor"].is_null()), (&true.into(), true));
    assert_eq!(logs(&sandbox, "page[size]=100&sort=created_at&page[after]=").status, 400);
    assert_eq!(struck(&sandbox, Fault::CursorMissing), 1);
}

#[test]
fn an_empty_page_leads_to_the_missing_records() {
    let sandbox = with(&["empty-page@1", "empty-page@3"]);
    let whole = logs(&with(&[]), "page[size]=100&sort=created_at").texts();
    let mut query = PAGE.to_owned();
    let mut texts = Vec::new();
    for records in [0, 50, 0, 50] {
        let got = logs(&sandbox, &query);
        assert_eq!(got.texts().len(), records);
        assert_eq!(got.json()["meta"]["has_more"], true);
        texts.extend(got.texts());
        query = after(&got);
    }
    assert_eq!(texts, whole);
}

#[test]
fn a_repeated_event_is_at_the_end_of_a_page_and_the_start_of_the_next() {
    let sandbox = with(&["event-repeated@1"]);
    let first = logs(&sandbox, PAGE);
    let second = logs(&sandbox, &after(&first));
    assert_eq!(first.texts().len(), 51);
    assert_eq!(first.texts()[49], first.texts()[50]);
    assert_eq!(second.texts()[0], first.texts()[50]);
    assert_eq!(logs(&with(&[]), PAGE).texts()[..], first.texts()[..50]);
}

#[test]
fn a_swap_changes_only_the_order() {
    let sandbox = with(&["swap@2"]);
    let (real, swapped) = (logs(&sandbox, PAGE).texts(), logs(&sandbox, PAGE).texts());
    let moved: Vec<usize> = (0..50).filter(|&place| real[place] != swapped[place]).collect();
    let [one, other] = moved[..] else { panic!("{moved:?} changed") };
    assert_eq!((&swapped[one], &swapped[other]), (&real[other], &real[one]));
}

#[test]
fn arriving_events_are_dated_now_and_late_ones_earlier() {
    for (name, kind, latest) in [("arrival", Fault::Arrival, 0), ("late", Fault::Late, 300)] {
        let sandbox = with(&[&format!("{name}=1")]);
        for _ in 0..10 {
            let before = sandbox.records();
            let last = "page[size]=10&sort=-created_at";
            let returned: Vec<String> =
                logs(&sandbox, last).texts().iter().map(|text| zendesk_sandbox::compact(text)).collect();
            let new: Vec<String> = sandbox.records().into_iter().filter(|text| !before.contains(text)).collect();
            assert!((1..=3).contains(&new.len()), "{name}: {new:?}");
            for text in new {
                let record: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let Some(at) = record["created_at"].as_str() else { continue };
                let at: Timestamp = at.parse().expect("a time");
                let age = sandbox.now().duration_since(at).as_secs();
                assert!((0..=latest).contains(&age), "{name}: {age} s old");
                assert!(latest > 0 || returned.contains(&text), "it is in the response");
            }
        }
        assert_eq!(struck(&sandbox, kind), 10);
    }
}

#[test]
fn clock_faults_shift_the_date_by_up_to_minutes() {
    for (name, sign) in [("clock-ahead", 1), ("clock-behind", -1)] {
        let sandbox = with(&[&format!("{name}@2")]);
        let off = |got: &Got| {
            let date = got.header("date").and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
            date.expect("a date").duration_since(sandbox.now()).as_secs()
        };
        assert_eq!(off(&logs(&sandbox, PAGE)), 0);
        assert!((1..=300).contains(&(sign * off(&logs(&sandbox, PAGE)))), "{name}");
        assert_eq!(off(&logs(&sandbox, PAGE)), 0);
    }
}

#[test]
fn the_servers_clock_advances_by_requests_and_on_demand() {
    let sandbox = with(&[]);
    let start = sandbox.now();
    logs(&sandbox, PAGE);
    logs(&sandbox, PAGE);
    assert_eq!(sandbox.now().duration_since(start), SignedDuration::from_mins(2));
    sandbox.advance_clock(SignedDuration::from_hours(1));
    assert_eq!(sandbox.now().duration_since(start), SignedDuration::from_mins(62));
}

#[test]
fn faults_depend_on_the_seed_and_match_their_probability() {
    let statuses = |seed| -> Vec<u16> {
        let rules = vec![rule("503=0.25"), rule("500@3"), rule("409@90..")];
        let sandbox = sandbox(Options { faults: Faults { seed, rules, ..Faults::default() }, ..Options::default() });
        // Faults neither apply to the sandbox's own paths nor count them.
        request(&sandbox, "GET", "/sandbox/records", &[], "");
        (0..100).map(|_| logs(&sandbox, "page[size]=1").status).collect()
    };
    let one = statuses(1);
    assert_eq!(one, statuses(1));
    assert_ne!(one, statuses(2));
    assert!([500, 503].contains(&one[2]));
    assert!(one[89..].iter().all(|status| [409, 503].contains(status)));
    let chance = one[..89].iter().filter(|status| **status == 503).count();
    assert!((12..35).contains(&chance), "{chance} of 89");
}

#[test]
fn faults_can_be_replaced_at_run_time() {
    let sandbox = with(&["500=1"]);
    assert_eq!(logs(&sandbox, PAGE).status, 500);
    let rules = vec![Rule { kind: Fault::Conflict, when: When::At(2) }];
    sandbox.set_faults(Faults { rules, ..Faults::default() });
    assert_eq!([logs(&sandbox, PAGE).status, logs(&sandbox, PAGE).status], [200, 409]);
    assert_eq!(sandbox.faults_injected(), [(Fault::Internal, 1), (Fault::Conflict, 1)].into());
}
