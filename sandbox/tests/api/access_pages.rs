//! Pages of access logs: walks, cursors of both names, filters, retention.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use zendesk_sandbox::{AccessLogs, CursorName, Displaced, LinkCursorName, Options, Sandbox, ServerClock, compact};

use crate::http::{Got, access, access_walk, encoded, get, next, sandbox};

const TO: Timestamp = Timestamp::constant(1_764_072_000, 0);

#[expect(clippy::needless_pass_by_value, reason = "callers write a struct expression")]
fn with(access_logs: AccessLogs) -> Sandbox {
    let access_logs = AccessLogs { to: Some(TO), rate_limit: 0, ..access_logs };
    sandbox(Options { access_logs, to: TO, clock: ServerClock::Requests(0), ..Options::default() })
}

fn many(events: u64) -> Sandbox {
    with(AccessLogs { events, ..AccessLogs::default() })
}

fn texts(pages: &[Got]) -> Vec<String> {
    pages.iter().flat_map(Got::texts).map(|text| compact(&text)).collect()
}

#[test]
fn a_walk_returns_every_record_once_ascending_by_default() {
    let sandbox = many(2_600);
    let pages = access_walk(&sandbox, "");
    assert_eq!(pages.iter().map(|page| page.texts().len()).collect::<Vec<_>>(), [1_000, 1_000, 600]);
    assert_eq!(texts(&pages), sandbox.access_records());
    let largest = access(&sandbox, "page[size]=2500");
    assert_eq!(largest.texts().len(), 2_500);
    assert_eq!(sandbox.traffic().access_pages, 4);
}

#[test]
fn descending_order_and_pages_before_are_served() {
    let sandbox = many(50);
    let pages = access_walk(&sandbox, "sort=-created_at&page[size]=20");
    let mut expected = sandbox.access_records();
    expected.reverse();
    assert_eq!(texts(&pages), expected);
    let second = pages[1].json();
    assert_eq!((&second["meta"]["has_more"], &second["meta"]["has_before"]), (&true.into(), &true.into()));
    let link = second["links"]["prev"].as_str().expect("a link").replace(&sandbox.base_url(), "");
    let back = get(&sandbox, &link);
    assert_eq!(texts(&[back]), texts(&pages[..1]));
    assert_eq!(pages[0].json()["meta"]["has_before"], false);
    assert_eq!(pages[2].json()["links"]["next"], Value::Null);
}

#[test]
fn the_accepted_and_the_linked_cursor_parameter_are_configurable() {
    for (cursor, link_cursor) in [
        (CursorName::Either, LinkCursorName::Page),
        (CursorName::Either, LinkCursorName::Filter),
        (CursorName::Filter, LinkCursorName::Filter),
        (CursorName::Page, LinkCursorName::Page),
    ] {
        let sandbox = with(AccessLogs { events: 50, cursor, link_cursor, ..AccessLogs::default() });
        let first = access(&sandbox, "page[size]=20");
        let link = next(&sandbox, &first).expect("a link");
        let carried = if link_cursor == LinkCursorName::Page { "page%5Bafter%5D=" } else { "filter%5Bafter%5D=" };
        assert!(link.contains(carried), "{link}");
        assert_eq!(texts(&access_walk(&sandbox, "page[size]=20")), sandbox.access_records());
        let json = first.json();
        let after = encoded(json["meta"]["after_cursor"].as_str().expect("a cursor"));
        for (name, accepted) in [("filter", CursorName::Filter), ("page", CursorName::Page)] {
            let got = access(&sandbox, &format!("page[size]=20&{name}[after]={after}"));
            let advanced = got.texts() != first.texts();
            assert_eq!(advanced, cursor == CursorName::Either || cursor == accepted, "{cursor:?} {name}");
        }
    }
}

#[test]
fn the_bounds_of_a_time_filter_are_inclusive_or_exclusive() {
    for inclusive in [true, false] {
        let access_logs = AccessLogs { to: Some(TO), days: 1, events: 8_640, rate_limit: 0, ..AccessLogs::default() };
        let options = Options {
            access_logs,
            to: TO,
            clock: ServerClock::Requests(0),
            shape: zendesk_sandbox::Shape::Even,
            start_inclusive: inclusive,
            end_inclusive: inclusive,
            ..Options::default()
        };
        let sandbox = sandbox(options);
        let second = |n: i64| TO - SignedDuration::from_hours(24) + SignedDuration::from_secs(n * 10);
        let query = format!("filter[start]={}&filter[end]={}", second(10), second(20));
        let expected = if inclusive { 10..21 } else { 11..20 };
        assert_eq!(texts(&access_walk(&sandbox, &query)), sandbox.access_records()[expected]);
        let open = format!("filter[start]={}&page[size]=2500", second(8_630));
        assert_eq!(access(&sandbox, &open).texts().len(), if inclusive { 10 } else { 9 });
    }
}

type Wanted<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

#[test]
fn filters_match_the_fields_of_records() {
    let sandbox = many(1_500);
    let records = sandbox.access_records();
    let values: Vec<Value> = records.iter().map(|text| serde_json::from_str(text).expect(text)).collect();
    let referer = values.iter().find_map(|v| v["referer"].as_str()).expect("a referer").to_owned();
    let user = &values[7]["user_id"];
    let cases: [(String, Wanted<'_>); 5] = [
        (format!("filter[user_id]={user}"), Box::new(|v| v["user_id"] == *user)),
        (
            "filter[path]=/api/v2/users/search.json".to_owned(),
            Box::new(|v| v["url"].as_str().is_some_and(|url| url.starts_with("/api/v2/users/search.json?"))),
        ),
        ("filter[graphql]=true".to_owned(), Box::new(|v| v["url"] != "/graphql")),
        ("filter[graphql]=false".to_owned(), Box::new(|_| true)),
        ("filter[path]=/graphql&filter[graphql]=true".to_owned(), Box::new(|_| false)),
    ];
    for (query, wanted) in &cases {
        let expected: Vec<&String> = records.iter().zip(&values).filter(|(_, v)| wanted(v)).map(|(r, _)| r).collect();
        assert_eq!(expected.is_empty(), query.contains("graphql&"), "{query}");
        assert_eq!(texts(&access_walk(&sandbox, query)).iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let query = format!("filter[browser_url]={}", encoded(&referer));
    let found = access_walk(&sandbox, &query).iter().map(|page| page.texts().len()).sum::<usize>();
    assert!(found > 0 && found < 1_500, "{found}");
}

#[test]
fn records_past_retention_are_not_served() {
    let sandbox = with(AccessLogs { events: 1_000, days: 180, ..AccessLogs::default() });
    let served = texts(&access_walk(&sandbox, "filter[start]=2020-01-01T00:00:00Z"));
    let records = sandbox.access_records();
    assert!((300..700).contains(&served.len()), "{}", served.len());
    assert_eq!(served, records[records.len() - served.len()..]);
    let oldest = TO - SignedDuration::from_hours(90 * 24);
    assert!(served.iter().all(|text| timestamp(text) >= oldest));
    assert!(timestamp(&records[records.len() - served.len() - 1]) < oldest);
    sandbox.advance_clock(SignedDuration::from_hours(365 * 24));
    assert!(access(&sandbox, "").texts().is_empty());
}

fn timestamp(text: &str) -> Timestamp {
    let value: Value = serde_json::from_str(text).expect(text);
    value["timestamp"].as_str().expect("a time").parse().expect("a time")
}

#[test]
fn displaced_records_are_listed_once_within_the_filters_result() {
    let displaced = Some(Displaced { count: 300, seconds: 20_000 });
    let sandbox = with(AccessLogs { events: 1_000, displaced, ..AccessLogs::default() });
    let records = sandbox.access_records();
    let listed = texts(&access_walk(&sandbox, "page[size]=100"));
    assert!(listed != records);
    assert_eq!(listed.iter().collect::<HashSet<_>>(), records.iter().collect::<HashSet<_>>());
    assert_eq!(listed.len(), 1_000);
    let (start, end) = (timestamp(&records[400]), timestamp(&records[600]));
    let window = texts(&access_walk(&sandbox, &format!("page[size]=50&filter[start]={start}&filter[end]={end}")));
    let within: HashSet<&String> = records.iter().filter(|text| (start..=end).contains(&timestamp(text))).collect();
    assert_eq!(window.iter().collect::<HashSet<_>>(), within);
}

#[test]
fn records_are_added_by_the_library_and_over_http() {
    let sandbox = many(10);
    let added = sandbox.add_access_events(5, TO - SignedDuration::from_secs(60), TO);
    assert_eq!(added.len(), 5);
    let body = r#"{"count":3,"from":"2025-11-20T00:00:00Z","to":"2025-11-21T00:00:00Z"}"#;
    let posted = crate::http::request(&sandbox, "POST", "/sandbox/access_events", &[], body);
    assert_eq!((posted.status, posted.text().lines().count()), (200, 3));
    let all = get(&sandbox, "/sandbox/access_records");
    assert_eq!(all.text().lines().collect::<Vec<_>>(), sandbox.access_records());
    let served: HashSet<String> = texts(&access_walk(&sandbox, "")).into_iter().collect();
    assert!(added.iter().all(|text| served.contains(text)) && served.len() == 18);
}

#[test]
fn heavy_requests_fail_like_those_for_audit_logs() {
    let load = zendesk_sandbox::Load {
        max_depth: Some(2),
        max_page_size: Some(100),
        max_span_days: Some(7),
        ..zendesk_sandbox::Load::default()
    };
    let access_logs = AccessLogs { events: 3_000, to: Some(TO), rate_limit: 0, ..AccessLogs::default() };
    let clock = ServerClock::Requests(0);
    let sandbox = sandbox(Options { access_logs, load, to: TO, clock, ..Options::default() });
    let day = "filter[start]=2025-11-18T12:00:00Z";
    assert_eq!(access(&sandbox, day).status, 504, "1,000 records by default");
    assert_eq!(access(&sandbox, "page[size]=100").status, 504, "60 days");
    let pages = access_walk(&sandbox, &format!("page[size]=20&{day}"));
    assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [200, 200, 504]);
}
