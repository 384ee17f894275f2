//! The events: reproducible, distinct, as varied as real ones, and served as `records()`
//! returns them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use zendesk_sandbox::{Options, Sandbox, Scenario, Shape, compact};

use crate::http::{logs, sandbox};

fn many(events: u64) -> Sandbox {
    sandbox(Options { events, ..Options::default() })
}

#[test]
fn events_depend_on_options_and_seed_only() {
    let one = many(2_000).records();
    assert_eq!(one, many(2_000).records());
    let other = sandbox(Options { events: 2_000, seed: 2, ..Options::default() }).records();
    assert!(one.iter().all(|record| !other.contains(record)));
}

#[test]
fn all_records_are_distinct_json_objects_on_one_line() {
    let records = many(20_000).records();
    assert_eq!(records.iter().collect::<HashSet<_>>().len(), 20_000);
    for record in &records {
        let value: Value = serde_json::from_str(record).expect(record);
        assert!(value.is_object() && !record.contains(['\n', '\r']));
        assert_eq!(*record, compact(record));
    }
}

#[test]
fn ids_are_distinct_some_exceed_a_float_and_none_follow_time() {
    let records = many(20_000).records();
    let ids: Vec<i64> =
        records.iter().filter_map(|r| serde_json::from_str::<Value>(r).expect(r)["id"].as_i64()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    assert!((19_900..20_000).contains(&ids.len()), "some, but few, lack an id: {}", ids.len());
    let big = ids.iter().filter(|&&id| id > 1 << 53).count();
    assert!((300..800).contains(&big), "{big}");
    let usual = ids.iter().filter(|&&id| (13..=14).contains(&id.to_string().len())).count();
    assert_eq!(usual + big, ids.len());
    let rising = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((9_000..11_000).contains(&rising), "{rising}");
}

#[test]
fn records_ascend_by_time_inside_the_span() {
    for shape in [Shape::Even, Shape::Mixed, Shape::Skewed, Shape::Tied, Shape::OneSecond] {
        let sandbox = sandbox(Options { events: 3_000, shape, ..Options::default() });
        let times: Vec<String> = sandbox.records().iter().filter_map(|r| created_at(r)).collect();
        assert!(times.is_sorted(), "{shape:?}");
        assert!(times.iter().all(|t| t.starts_with("2024-") && t.len() == 20), "{shape:?}");
        assert_eq!(times[0] == times[times.len() - 1], shape == Shape::OneSecond);
    }
}

fn created_at(record: &str) -> Option<String> {
    let value: Value = serde_json::from_str(record).expect(record);
    value["created_at"].as_str().map(str::to_owned)
}

/// Each of these texts must occur in some record.
#[test]
fn records_vary_like_real_ones() {
    let sandbox = many(20_000);
    let all = sandbox.records().join("\n");
    for part in [
        r#""actor_id":-1,"#,
        r#""actor_name":"Zendesk""#,
        r#""actor_name":null"#,
        r#""ip_address":null"#,
        r#""ip_address":"2001:db8:"#,
        r#""ip_address":"203.0.113."#,
        r#""source_id":0,"#,
        r#""source_id":-1,"#,
        r#""source_id":null"#,
        r#""change_description":"""#,
        r#""created_at":null"#,
        r"\n",
        r"\r\n\r\n",
        r"\u00e9",
        r#"\""#,
        r"\/",
        r"\\Users",
        r"\ud83d\ude",
        "🚀",
        "山田",
        "\u{2028}",
        "<a href=",
        "https://sandbox.zendesk.com/access/login",
        r#""via":{"channel":"web","source":{"#,
        r":1.10",
        r":1e2",
        r":-0.0",
        r":123456789012345678901234567890",
        r":9007199254740993",
        "zendesk/app_market/app",
        r#"{"url":"https://sandbox.zendesk.com/api/v2/audit_logs/"#,
        r#"{"action":""#,
        r#"{"created_at":""#,
    ] {
        assert!(all.contains(part), "{part}");
    }
}

#[test]
fn few_fields_are_omitted_or_null() {
    let records = many(20_000).records();
    let values: Vec<Value> = records.iter().map(|r| serde_json::from_str(r).expect(r)).collect();
    let lacking = |field: &str| values.iter().filter(|v| v.get(field).is_none()).count();
    let null = |field: &str| values.iter().filter(|v| v.get(field) == Some(&Value::Null)).count();
    let untimed = lacking("created_at") + null("created_at");
    assert!((15..80).contains(&untimed), "created_at: {untimed}");
    assert!(lacking("created_at") > 0 && null("created_at") > 0);
    assert!((15..80).contains(&lacking("id")), "id: {}", lacking("id"));
    assert_eq!(null("id"), 0);
    for field in [
        "url",
        "action",
        "action_label",
        "actor_id",
        "source_id",
        "source_type",
        "source_label",
        "change_description",
        "ip_address",
    ] {
        assert!(lacking(field) > 5 && null(field) > 5, "{field}");
    }
}

#[test]
fn older_records_have_no_actor_name() {
    let lacking =
        |records: &[String]| records.iter().filter(|r| !r.contains(r#""actor_name""#)).count() * 100 / records.len();
    let sandbox = sandbox(Options { events: 5_000, shape: Shape::Even, ..Options::default() });
    let records = sandbox.records();
    assert!(lacking(&records[..1_000]) > 85);
    assert!(lacking(&records[1_000..]) < 5);
}

#[test]
fn the_first_twenty_events_are_regular() {
    for seed in 0..50 {
        let sandbox = sandbox(Options { events: 20, seed, ..Options::default() });
        for text in logs(&sandbox, "page[size]=100").texts() {
            let value: Value = serde_json::from_str(&text).expect(&text);
            assert!(value["id"].is_i64() && value["created_at"].is_string(), "{text}");
            assert_eq!(text, compact(&text));
        }
    }
}

#[test]
fn a_record_has_some_500_bytes_and_a_few_have_kilobytes() {
    let records = many(20_000).records();
    let mean = records.iter().map(String::len).sum::<usize>() / records.len();
    assert!((400..600).contains(&mean), "{mean}");
    let long = records.iter().filter(|record| record.len() > 2_000).count();
    assert!((10..200).contains(&long), "{long}");
    assert!(records.iter().map(String::len).max() > Some(4_000));
}

#[test]
fn pages_contain_the_bytes_of_records_except_white_space() {
    let sandbox = many(3_000);
    let mut served = Vec::new();
    for page in 1..=30 {
        served.extend(logs(&sandbox, &format!("page={page}&sort_order=asc")).texts());
    }
    let compacted: Vec<String> = served.iter().map(|text| compact(text)).collect();
    assert_eq!(compacted, sandbox.records());
    let odd: Vec<&String> = served.iter().filter(|text| **text != compact(text)).collect();
    assert!((2..30).contains(&odd.len()), "{}", odd.len());
    assert!(odd.iter().all(|text| text.contains('\n')));
    assert!(odd.iter().any(|text| text.contains('\r')));
}

#[test]
fn the_order_within_a_second_is_fixed_but_follows_no_field() {
    let sandbox = sandbox(Options { shape: Shape::OneSecond, ..Options::default() });
    let ascending = logs(&sandbox, "page[size]=100&sort=created_at").texts();
    assert_eq!(ascending, logs(&sandbox, "page[size]=100&sort=created_at").texts());
    let ids: Vec<i64> =
        ascending.iter().filter_map(|t| serde_json::from_str::<Value>(t).expect(t)["id"].as_i64()).collect();
    assert!(!ids.is_sorted());
}

#[test]
fn added_events_are_in_their_span_and_change_no_other_event() {
    let sandbox = many(500);
    let before = sandbox.records();
    let added = sandbox.add_events(
        300,
        "2023-06-01T00:00:00Z".parse().expect("a time"),
        "2023-06-01T00:00:02Z".parse().expect("a time"),
    );
    let mut seconds: HashMap<String, u32> = HashMap::new();
    for time in added.iter().filter_map(|record| created_at(record)) {
        *seconds.entry(time).or_default() += 1;
    }
    let mut names: Vec<&String> = seconds.keys().collect();
    names.sort();
    assert_eq!(names, ["2023-06-01T00:00:00Z", "2023-06-01T00:00:01Z"]);
    assert_eq!(sandbox.event_count(), 800);
    assert_eq!(sandbox.records(), [added, before].concat());
}

#[test]
fn zero_events_are_allowed_and_an_empty_span_is_not() {
    assert!(many(0).records().is_empty());
    let backwards = Options { to: Options::default().from, ..Options::default() };
    let error = Sandbox::start(backwards).expect_err("an empty span");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_scenario_is_added_to_the_seeded_events_and_changes_none_of_them() {
    let plain = many(500).records();
    let with = sandbox(Options { events: 500, scenario: Some(Scenario::Security), ..Options::default() });
    let (fixed, seeded): (Vec<_>, Vec<_>) = with.records().into_iter().partition(|record| !plain.contains(record));
    assert_eq!(seeded, plain);
    assert!(fixed.len() > 80, "{}", fixed.len());
    let source_ids: HashSet<i64> =
        fixed.iter().filter_map(|r| serde_json::from_str::<Value>(r).expect(r)["source_id"].as_i64()).collect();
    assert_eq!(source_ids.len(), fixed.len(), "a test can name each of them");
    assert_eq!(with.event_count(), 500 + fixed.len() as u64);
}

#[test]
fn a_scenario_is_served_and_filtered_as_other_events_are() {
    let sandbox = sandbox(Options { events: 100, scenario: Some(Scenario::Security), ..Options::default() });
    let query = "filter[source_type]=apitoken&filter[created_at][]=2025-01-06T00:00:00Z&filter[created_at][]=2025-01-07T00:00:00Z&page[size]=100";
    let found = logs(&sandbox, query).json();
    let [record] = found["audit_logs"].as_array().expect("records").as_slice() else { panic!("{found}") };
    assert_eq!(
        (&record["source_label"], &record["actor_name"], &record["ip_address"]),
        (&"API token: import".into(), &"Ada Admin".into(), &"198.51.100.1".into())
    );
}
