//! Offset pagination: responses without `page[size]`, and their limit.

use serde_json::Value;
use zendesk_sandbox::{Options, compact};

use crate::http::{get, logs, sandbox};

#[test]
fn an_offset_page_has_a_count_and_no_meta() {
    let sandbox = sandbox(Options { events: 250, ..Options::default() });
    let got = logs(&sandbox, "");
    let json = got.json();
    assert_eq!(json["count"], 250);
    assert_eq!(json["previous_page"], Value::Null);
    assert!(json.get("meta").is_none() && json.get("links").is_none());
    let mut newest: Vec<String> = sandbox.records().split_off(150);
    newest.reverse();
    let texts: Vec<String> = got.texts().iter().map(|text| compact(text)).collect();
    assert_eq!(texts, newest);
}

#[test]
fn page_per_page_and_sort_order_are_applied_and_kept_in_links() {
    let sandbox = sandbox(Options { events: 25, ..Options::default() });
    let second = logs(&sandbox, "page=2&per_page=10&sort_by=created_at&sort_order=asc");
    let texts: Vec<String> = second.texts().iter().map(|text| compact(text)).collect();
    assert_eq!(texts, sandbox.records()[10..20]);
    let json = second.json();
    let follow = |name: &str| {
        let link = json[name].as_str().expect("a link");
        get(&sandbox, link.strip_prefix(&sandbox.base_url()).expect("its own host"))
    };
    assert_eq!(follow("next_page").texts().len(), 5);
    assert_eq!(follow("next_page").json()["next_page"], Value::Null);
    assert_eq!(follow("previous_page").texts().len(), 10);
}

#[test]
fn per_page_is_capped_at_a_hundred() {
    let sandbox = sandbox(Options { events: 150, ..Options::default() });
    assert_eq!(logs(&sandbox, "per_page=1000").texts().len(), 100);
}

#[test]
fn offset_pagination_ends_after_100_pages() {
    let sandbox = sandbox(Options { events: 10_050, ..Options::default() });
    let last = logs(&sandbox, "page=100");
    assert_eq!(last.texts().len(), 100);
    assert!(last.json()["next_page"].is_string(), "it does not say that it ends");
    for query in ["page=101", "page=101&per_page=1", "page=18446744073709551615"] {
        let got = logs(&sandbox, query);
        let expected = r#"{"errors":[{"code":"InvalidPaginationDepth","title":"Pagination requests using Offset Pagination are limited"}]}"#;
        assert_eq!((got.status, got.text()), (400, expected), "{query}");
    }
}

#[test]
fn a_page_after_the_last_one_is_empty() {
    let sandbox = sandbox(Options { events: 5, ..Options::default() });
    let got = logs(&sandbox, "page=2");
    assert_eq!((got.status, got.texts().len()), (200, 0));
    assert_eq!(got.json()["count"], 5);
}

#[test]
fn invalid_parameters_are_400() {
    let sandbox = sandbox(Options { events: 5, ..Options::default() });
    for query in ["page=0", "page=x", "per_page=0", "per_page=-1", "sort_by=id", "sort_order=up"] {
        assert_eq!(logs(&sandbox, query).status, 400, "{query}");
    }
}

#[test]
fn the_count_includes_matching_records_only() {
    let sandbox = sandbox(Options { events: 400, ..Options::default() });
    let logins = sandbox.records().iter().filter(|r| r.contains(r#""action":"login""#)).count();
    assert!(logins > 10);
    assert_eq!(logs(&sandbox, "filter[action]=login&per_page=1").json()["count"], logins);
}
