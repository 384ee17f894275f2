//! The counters of requests and responses.

use zendesk_sandbox::{Faults, Options, Sandbox, Traffic};

use crate::http::{get, logs, request, sandbox, walk_up};

fn faulty(rules: &[&str]) -> Sandbox {
    let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
    sandbox(Options { events: 250, faults: Faults { rules, ..Faults::default() }, ..Options::default() })
}

#[test]
fn requests_are_counted_by_kind_and_responses_by_outcome() {
    let sandbox = faulty(&["429@4", "503@5"]);
    walk_up(&sandbox, "page[size]=100");
    logs(&sandbox, "page[size]=1");
    logs(&sandbox, "per_page=1");
    logs(&sandbox, "page[size]=1");
    request(&sandbox, "POST", "/oauth/tokens", &[], "{}");
    get(&sandbox, "/api/v2/users/me");
    get(&sandbox, "/sandbox/records");
    let expected = Traffic {
        pages: 3,
        counts: 1,
        probes: 2,
        tokens: 1,
        others: 1,
        records: 251,
        rate_limited: 1,
        server_errors: 1,
        ..Traffic::default()
    };
    assert_eq!(sandbox.traffic(), expected);
    assert_eq!(get(&sandbox, "/sandbox/traffic").json()["pages"], 3);
    sandbox.clear_requests();
    assert_eq!(sandbox.traffic(), expected, "the log is not the counters");
    sandbox.reset_traffic();
    assert_eq!(sandbox.traffic(), Traffic::default());
}

#[test]
fn the_last_page_of_a_walk_is_not_a_short_page() {
    let sandbox = faulty(&[]);
    walk_up(&sandbox, "page[size]=100");
    assert_eq!((sandbox.traffic().pages, sandbox.traffic().short_pages), (3, 0));
}
