//! Access log records: every documented member, ids that match their times, odd texts.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;
use zendesk_sandbox::{AccessLogs, Options, Sandbox, ServerClock, compact};

use crate::http::{access, sandbox};

fn many(events: u64, seed: u64) -> Sandbox {
    let to = Timestamp::constant(1_764_072_000, 0);
    let access_logs = AccessLogs { events, to: Some(to), ..AccessLogs::default() };
    sandbox(Options { access_logs, seed, to, clock: ServerClock::Requests(0), ..Options::default() })
}

fn values(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.access_records().iter().map(|text| serde_json::from_str(text).expect(text)).collect()
}

#[test]
fn records_depend_on_options_and_seed_only() {
    let one = many(500, 1).access_records();
    assert_eq!(one, many(500, 1).access_records());
    let other: HashSet<String> = many(500, 2).access_records().into_iter().collect();
    assert!(one.iter().all(|text| !other.contains(text)));
}

/// Decodes the milliseconds of a ULID without code of the sandbox.
fn milliseconds(id: &str) -> i64 {
    let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    id[..10].chars().fold(0, |sum, c| sum * 32 + i64::try_from(alphabet.find(c).expect("a digit")).expect("small"))
}

#[test]
fn ids_are_distinct_ulids_of_their_timestamp() {
    let values = values(&many(5_000, 1));
    let ids: Vec<&str> = values.iter().map(|v| v["id"].as_str().expect("an id")).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 5_000);
    assert!(ids.is_sorted());
    for value in &values {
        let id = value["id"].as_str().expect("an id");
        assert_eq!(id.len(), 26);
        let time: Timestamp = value["timestamp"].as_str().expect("a time").parse().expect("a time");
        assert_eq!(milliseconds(id) / 1_000, time.as_second(), "{value}");
    }
}

#[test]
fn every_documented_member_occurs_and_mandatory_ones_always_do() {
    let values = values(&many(5_000, 1));
    for name in ["authorization_type", "client", "id", "ip_address", "method", "status", "timestamp", "url", "user_id"]
    {
        assert!(values.iter().all(|v| v.get(name).is_some()), "{name}");
    }
    for name in ["graphql", "referer", "bytes_sent", "category", "summary"] {
        assert!(values.iter().any(|v| !v[name].is_null()), "{name}");
        assert!(values.iter().any(|v| v.get(name).is_none()), "{name} is never missing");
        assert!(values.iter().any(|v| v.get(name).is_some_and(Value::is_null)), "{name} is never null");
    }
    let words = |name: &str| values.iter().filter_map(|v| v[name].as_str()).collect::<HashSet<_>>();
    assert_eq!(words("method"), HashSet::from(["GET", "POST", "PUT", "DELETE"]));
    assert_eq!(words("authorization_type"), HashSet::from(["basic", "session", "digest", "bearer"]));
    let graphql: Vec<&Value> = values.iter().map(|v| &v["graphql"]).filter(|v| v.is_object()).collect();
    for value in &graphql {
        assert!(value["query"].is_string() && value["variables"].is_string() && value["operation_type"].is_string());
        let variables: Value = serde_json::from_str(value["variables"].as_str().expect("a string")).expect("JSON");
        assert!(variables.is_object());
    }
    assert!(graphql.iter().any(|v| v["operation_name"].is_null()));
    assert!(values.iter().all(|v| (v["url"] == "/graphql") == v["graphql"].is_object()));
}

#[test]
fn some_records_have_several_kilobytes_and_some_line_breaks() {
    let sandbox = many(5_000, 1);
    let large = sandbox.access_records().iter().filter(|text| text.len() > 3_000).count();
    assert!((30..200).contains(&large), "{large}");
    let served = access(&sandbox, "page[size]=2500").texts();
    assert!(served.iter().any(|text| text.contains('\n')));
    let records = sandbox.access_records();
    assert!(served.iter().zip(&records).all(|(served, record)| compact(served) == *record));
}

#[test]
fn records_can_be_padded() {
    let access_logs = AccessLogs { events: 20, record_bytes: Some(9_000), ..AccessLogs::default() };
    let sandbox = sandbox(Options { access_logs, ..Options::default() });
    assert!(sandbox.access_records().iter().all(|text| (9_000..9_100).contains(&text.len())));
    assert_eq!(access(&sandbox, "").texts().len(), 20, "by default the records are recent");
}
