//! Cursor pagination: walks, cursors, links, and invalid parameters.

use serde_json::Value;
use zendesk_sandbox::{Options, Sandbox, Shape, compact};

use crate::http::{Got, encoded, get, logs, sandbox};

fn meta(got: &Got, name: &str) -> Option<String> {
    got.json()["meta"][name].as_str().map(str::to_owned)
}

fn has_more(got: &Got) -> bool {
    got.json()["meta"]["has_more"].as_bool().expect("a bool")
}

/// Returns the records of each page of a walk, in compact form.
fn walk(sandbox: &Sandbox, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let got = logs(sandbox, &format!("{query}{after}"));
        assert_eq!(got.status, 200, "{}", got.text());
        pages.push(got.texts().iter().map(|text| compact(text)).collect());
        if !has_more(&got) {
            return pages;
        }
        let cursor = meta(&got, "after_cursor").expect("a cursor");
        after = format!("&page[after]={}", encoded(&cursor));
    }
}

#[test]
fn an_ascending_walk_returns_every_record_once_in_order() {
    for shape in [Shape::Mixed, Shape::Tied, Shape::OneSecond] {
        let sandbox = sandbox(Options { events: 950, shape, ..Options::default() });
        let pages = walk(&sandbox, "page[size]=100&sort=created_at");
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 100, 100, 100, 100, 100, 100, 100, 50]);
        assert_eq!(pages.concat(), sandbox.records());
    }
}

#[test]
fn the_default_sort_is_newest_first() {
    let sandbox = sandbox(Options { events: 50, ..Options::default() });
    let mut expected = sandbox.records();
    expected.reverse();
    assert_eq!(walk(&sandbox, "page[size]=7").concat(), expected);
    assert_eq!(walk(&sandbox, "page[size]=7&sort=-created_at").concat(), expected);
}

#[test]
fn the_path_with_json_suffix_is_the_same_endpoint() {
    let sandbox = sandbox(Options::default());
    let plain = get(&sandbox, "/api/v2/audit_logs?page[size]=5");
    let json = get(&sandbox, "/api/v2/audit_logs.json?page[size]=5");
    let encoded_brackets = get(&sandbox, "/api/v2/audit_logs?page%5Bsize%5D=5");
    assert_eq!(plain.texts(), json.texts());
    assert_eq!(plain.texts(), encoded_brackets.texts());
    assert_eq!(plain.texts().len(), 5);
}

#[test]
fn the_last_page_has_a_cursor_that_leads_to_an_empty_page() {
    let sandbox = sandbox(Options { events: 10, ..Options::default() });
    let last = logs(&sandbox, "page[size]=10");
    assert!(!has_more(&last));
    assert_eq!(last.json()["links"]["next"], Value::Null);
    let cursor = encoded(&meta(&last, "after_cursor").expect("a cursor on the last page"));
    let beyond = logs(&sandbox, &format!("page[size]=10&page[after]={cursor}"));
    let expected = r#"{"audit_logs":[],"meta":{"has_more":false,"after_cursor":null,"before_cursor":null},"links":{"next":null,"prev":null}}"#;
    assert_eq!((beyond.status, beyond.text()), (200, expected));
}

#[test]
fn has_more_is_false_when_the_last_page_is_full() {
    let sandbox = sandbox(Options { events: 20, ..Options::default() });
    assert_eq!(walk(&sandbox, "page[size]=10").len(), 2);
}

#[test]
fn events_that_arrive_do_not_shift_a_walk() {
    let sandbox = sandbox(Options { events: 200, ..Options::default() });
    let before = sandbox.records();
    let first = logs(&sandbox, "page[size]=100&sort=created_at");
    let options = Options::default();
    let day = jiff::SignedDuration::from_hours(24);
    sandbox.add_events(60, options.from - day, options.from);
    sandbox.add_events(5, options.to, options.to + day);
    let cursor = encoded(&meta(&first, "after_cursor").expect("a cursor"));
    let second = logs(&sandbox, &format!("page[size]=100&sort=created_at&page[after]={cursor}"));
    let texts: Vec<String> = second.texts().iter().map(|text| compact(text)).collect();
    assert_eq!(texts, before[100..]);
    assert!(has_more(&second), "the newer arrivals are still to come");
}

#[test]
fn the_before_cursor_returns_the_previous_page() {
    let sandbox = sandbox(Options { events: 50, ..Options::default() });
    for sort in ["created_at", "-created_at"] {
        let query = format!("page[size]=20&sort={sort}");
        let first = logs(&sandbox, &query);
        let after = encoded(&meta(&first, "after_cursor").expect("a cursor"));
        let second = logs(&sandbox, &format!("{query}&page[after]={after}"));
        let before = encoded(&meta(&second, "before_cursor").expect("a cursor"));
        let back = logs(&sandbox, &format!("{query}&page[before]={before}"));
        assert_eq!(back.texts(), first.texts());
        assert!(!has_more(&back), "nothing before the first page");
        assert!(back.json()["links"]["next"].is_string());
    }
}

#[test]
fn links_keep_the_parameters_of_the_request() {
    let sandbox = sandbox(Options { events: 500, ..Options::default() });
    let question = "sort=created_at&filter[action][]=login&filter[action][]=exported";
    let all = logs(&sandbox, &format!("page[size]=50&{question}")).texts();
    let follow = |got: &Got, name: &str| {
        let json = got.json();
        let link = json["links"][name].as_str().expect("a link").to_owned();
        get(&sandbox, link.strip_prefix(&sandbox.base_url()).expect("its own host"))
    };
    let first = logs(&sandbox, &format!("page[size]=20&{question}"));
    let second = follow(&first, "next");
    assert_eq!(first.texts(), all[..20]);
    assert_eq!(second.texts(), all[20..40]);
    assert_eq!(follow(&second, "prev").texts(), all[..20]);
}

#[test]
fn a_cursor_needs_percent_encoding() {
    let sandbox = sandbox(Options::default());
    let cursor = meta(&logs(&sandbox, "page[size]=5"), "after_cursor").expect("a cursor");
    assert!(['+', '/', '='].iter().all(|&c| cursor.contains(c)), "{cursor}");
    let raw = logs(&sandbox, &format!("page[size]=5&page[after]={cursor}"));
    assert_eq!(raw.status, 400);
    assert_eq!(raw.json()["errors"][0]["code"], "InvalidPaginationParameter");
    assert_eq!(logs(&sandbox, &format!("page[size]=5&page[after]={}", encoded(&cursor))).status, 200);
}

#[test]
fn a_cursor_belongs_to_its_sort() {
    let sandbox = sandbox(Options::default());
    let cursor = encoded(&meta(&logs(&sandbox, "page[size]=5"), "after_cursor").expect("a cursor"));
    let other = logs(&sandbox, &format!("page[size]=5&sort=created_at&page[after]={cursor}"));
    assert_eq!(other.status, 400);
    assert_eq!(other.json()["errors"][0]["detail"], "page[after] is not valid");
}

#[test]
fn errors_name_the_invalid_parameter() {
    let sandbox = sandbox(Options::default());
    for (query, detail) in [
        ("page[size]=0", "page[size] is not valid"),
        ("page[size]=101", "page[size] is not valid"),
        ("page[size]=-1", "page[size] is not valid"),
        ("page[size]=", "page[size] is not valid"),
        ("page[size]=ten", "page[size] is not valid"),
        ("page[size]=99999999999999999999999", "page[size] is not valid"),
        ("page[size]=5&sort=id", "sort is not valid"),
        ("page[size]=5&sort=", "sort is not valid"),
        ("page[size]=5&page[after]=", "page[after] is not valid"),
        ("page[size]=5&page[after]=abc", "page[after] is not valid"),
        ("page[size]=5&page[before]=abc", "page[before] is not valid"),
    ] {
        let got = logs(&sandbox, query);
        let expected = format!(
            r#"{{"errors":[{{"code":"InvalidPaginationParameter","title":"Invalid pagination parameter","detail":"{detail}"}}]}}"#
        );
        assert_eq!((got.status, got.text()), (400, expected.as_str()), "{query}");
    }
    for size in [1, 100] {
        assert_eq!(logs(&sandbox, &format!("page[size]={size}")).texts().len(), size);
    }
}
