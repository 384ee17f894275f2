//! Seeded faults on the access log endpoint.

use std::collections::HashSet;

use serde_json::Value;
use zendesk_sandbox::{AccessLogs, Fault, Faults, Options, Sandbox};

use crate::http::{access, get, next, sandbox};

fn faulty(rule: &str) -> Sandbox {
    let faults = Faults { rules: vec![rule.parse().expect("a rule")], ..Faults::default() };
    let access_logs = AccessLogs { events: 60, ..AccessLogs::default() };
    sandbox(Options { access_logs, faults, ..Options::default() })
}

#[test]
fn a_repeated_cursor_is_in_the_link_as_well() {
    let sandbox = faulty("cursor-repeated@2");
    let first = access(&sandbox, "page[size]=20");
    let target = next(&sandbox, &first).expect("a link");
    let second = get(&sandbox, &target);
    let third = get(&sandbox, &next(&sandbox, &second).expect("a link"));
    assert_eq!(second.texts(), third.texts());
    assert_eq!(sandbox.faults_injected()[&Fault::CursorRepeated], 1);
}

#[test]
fn a_missing_cursor_leaves_no_link() {
    let sandbox = faulty("cursor-missing@1");
    let json = access(&sandbox, "page[size]=20").json();
    assert_eq!((&json["meta"]["has_more"], &json["meta"]["after_cursor"]), (&true.into(), &Value::Null));
    assert_eq!(json["links"]["next"], Value::Null);
}

#[test]
fn faults_lose_no_record_if_links_are_followed() {
    for rule in ["empty-page@2", "event-repeated@2", "swap@2", "504@2", "cursor-expired@2"] {
        let sandbox = faulty(rule);
        let mut seen: HashSet<String> = HashSet::new();
        let mut target = Some("/api/v2/access_logs?page[size]=20".to_owned());
        while let Some(at) = target.take() {
            let got = get(&sandbox, &at);
            if got.status == 200 {
                seen.extend(got.texts().iter().map(|text| zendesk_sandbox::compact(text)));
                target = next(&sandbox, &got);
            } else {
                target = Some(at);
            }
        }
        assert_eq!(seen, sandbox.access_records().into_iter().collect(), "{rule}");
        assert_eq!(sandbox.faults_injected().values().sum::<u64>(), 1, "{rule}");
    }
}

#[test]
fn fault_bodies_have_the_endpoints_own_form() {
    let sandbox = faulty("cursor-expired=1");
    let first = access(&sandbox, "page[size]=20");
    let expired = get(&sandbox, &next(&sandbox, &first).expect("a link"));
    assert_eq!((expired.status, &expired.json()["errors"][0]["title"]), (400, &"Malformed query params".into()));
    assert!(access(&faulty("other-json@1"), "").json()["access_logs"].is_object());
}

#[test]
fn an_early_end_keeps_its_link() {
    let json = access(&faulty("early-end@1"), "page[size]=20").json();
    assert!(json["meta"]["has_more"] == false && json["links"]["next"].is_string());
}
