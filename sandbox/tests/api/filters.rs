//! Filters: which events match, and the errors of invalid values.

use serde_json::Value;
use zendesk_sandbox::{Options, Sandbox, Shape, compact};

use crate::http::{logs, sandbox};

const FORMAT: &str = r#"{"error":"InvalidValue","description":"Invalid filter[created_at] specified; format is ?filter[created_at][]=YYYY-MM-DDTHH:MM:SSZ&filter[created_at][]=YYYY-MM-DDTHH:MM:SSZ"}"#;

/// Starts a sandbox with one event in each of 100 seconds.
fn a_second_each(options: Options) -> Sandbox {
    let to = options.from + jiff::SignedDuration::from_secs(100);
    sandbox(Options { events: 100, to, shape: Shape::Even, ..options })
}

fn between(sandbox: &Sandbox, start: &str, end: &str) -> Vec<String> {
    let query = format!("page[size]=100&sort=created_at&filter[created_at][]={start}&filter[created_at][]={end}");
    let got = logs(sandbox, &query);
    assert_eq!(got.status, 200, "{}", got.text());
    got.texts().iter().map(|text| compact(text)).collect()
}

#[test]
fn the_bounds_of_a_window_are_inclusive_or_exclusive() {
    for (start_inclusive, end_inclusive) in [(true, true), (true, false), (false, true), (false, false)] {
        let sandbox = a_second_each(Options { start_inclusive, end_inclusive, ..Options::default() });
        let found = between(&sandbox, "2024-01-01T00:00:10Z", "2024-01-01T00:00:20Z");
        let first = if start_inclusive { 10 } else { 11 };
        let end = if end_inclusive { 21 } else { 20 };
        assert_eq!(found, sandbox.records()[first..end], "{start_inclusive} {end_inclusive}");
        let one = between(&sandbox, "2024-01-01T00:00:10Z", "2024-01-01T00:00:10Z");
        assert_eq!(one.len(), usize::from(start_inclusive && end_inclusive));
    }
}

#[test]
fn a_window_without_events_is_an_empty_page() {
    let sandbox = a_second_each(Options::default());
    assert!(between(&sandbox, "2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z").is_empty());
    assert!(between(&sandbox, "2030-01-01T00:00:00Z", "9999-12-31T23:59:59Z").is_empty());
    assert_eq!(between(&sandbox, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z").len(), 100);
}

#[test]
fn created_at_needs_two_values_in_one_format() {
    let sandbox = sandbox(Options::default());
    let good = "2024-01-01T00:00:00Z";
    let two = |start: &str, end: &str| format!("filter[created_at][]={start}&filter[created_at][]={end}");
    let mut queries = vec![
        format!("filter[created_at][]={good}"),
        format!("{}&filter[created_at][]={good}", two(good, good)),
        format!("filter[created_at]={good}"),
        format!("filter[created_at]={good}&filter[created_at]={good}"),
        format!("filter[created_at][0]={good}&filter[created_at][1]={good}"),
        two("2024-06-01T00:00:00Z", "2024-05-31T23:59:59Z"),
    ];
    for bad in [
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.000Z",
        "2024-01-01T00:00:00%2B00:00",
        "2024-01-01T00:00:00-01:00",
        "2024-01-01%2000:00:00Z",
        "2024-01-01t00:00:00z",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "1704067200",
    ] {
        queries.push(two(bad, good));
        queries.push(two("2000-01-01T00:00:00Z", bad));
    }
    for query in queries {
        for mode in ["page[size]=5&", ""] {
            let got = logs(&sandbox, &format!("{mode}{query}"));
            assert_eq!((got.status, got.text()), (400, FORMAT), "{query}");
        }
    }
}

type Wanted = Box<dyn Fn(&Value) -> bool>;

/// A filter returns the records whose fields match.
#[test]
fn filters_match_the_fields_of_records() {
    let sandbox = sandbox(Options { events: 2_000, ..Options::default() });
    let records = sandbox.records();
    let values: Vec<Value> = records.iter().map(|r| serde_json::from_str(r).expect(r)).collect();
    let a_source = values.iter().find(|v| v["source_type"] == "group" && v["source_id"].is_i64());
    let source_id = &a_source.expect("a group")["source_id"];
    let among = |field: &'static str, wanted: Vec<Value>| {
        move |record: &Value| record.get(field).is_some_and(|value| wanted.contains(value))
    };
    let cases: Vec<(String, Wanted)> = vec![
        ("filter[action]=login".into(), Box::new(among("action", vec!["login".into()]))),
        (
            "filter[action][]=login&filter[action][]=exported".into(),
            Box::new(among("action", vec!["login".into(), "exported".into()])),
        ),
        (
            "filter[action]=login&filter[action][]=exported".into(),
            Box::new(among("action", vec!["login".into(), "exported".into()])),
        ),
        ("filter[actor_id]=-1".into(), Box::new(among("actor_id", vec![(-1).into()]))),
        (
            "filter[actor_id][]=-1&filter[actor_id][]=370000000000".into(),
            Box::new(among("actor_id", vec![(-1).into(), 370_000_000_000_i64.into()])),
        ),
        ("filter[ip_address]=2001:db8:0:3::1".into(), Box::new(among("ip_address", vec!["2001:db8:0:3::1".into()]))),
        (
            "filter[source_type]=zendesk/app_market/app".into(),
            Box::new(among("source_type", vec!["zendesk/app_market/app".into()])),
        ),
        (
            format!("filter[source_type]=group&filter[source_id]={source_id}"),
            Box::new({
                let source_id = source_id.clone();
                move |r| r["source_type"] == "group" && r["source_id"] == source_id
            }),
        ),
        (
            "filter[source_type]=user&filter[action]=destroy".into(),
            Box::new(|r| r["source_type"] == "user" && r["action"] == "destroy"),
        ),
    ];
    for (query, wanted) in cases {
        let expected: Vec<&String> = records.iter().zip(&values).filter(|(_, v)| wanted(v)).map(|(r, _)| r).collect();
        assert!(!expected.is_empty(), "{query}");
        let got = logs(&sandbox, &format!("page[size]=100&sort=created_at&{query}"));
        assert_eq!(got.status, 200, "{query}: {}", got.text());
        let found: Vec<String> = got.texts().iter().map(|text| compact(text)).collect();
        let first: Vec<&String> = expected.iter().copied().take(100).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), first, "{query}");
        assert_eq!(logs(&sandbox, &query).json()["count"], expected.len(), "{query}");
    }
}

#[test]
fn filters_without_matches_return_an_empty_page() {
    let sandbox = sandbox(Options::default());
    for query in ["filter[action]=dance", "filter[ip_address]=nowhere", "filter[actor_id]=7"] {
        let got = logs(&sandbox, &format!("page[size]=5&{query}"));
        assert_eq!((got.status, got.texts().len()), (200, 0), "{query}");
    }
}

#[test]
fn ids_must_be_numbers_and_a_source_id_needs_its_type() {
    let sandbox = sandbox(Options::default());
    for query in [
        "filter[actor_id]=bob",
        "filter[actor_id][]=1.5",
        "filter[actor_id]=",
        "filter[source_type]=user&filter[source_id]=x",
        "filter[source_id]=1",
    ] {
        let got = logs(&sandbox, &format!("page[size]=5&{query}"));
        assert_eq!((got.status, &got.json()["error"]), (400, &Value::from("InvalidValue")), "{query}");
    }
}
