//! An endpoint's own rate limits, and other integrations that use the account's.

use std::time::Duration;

use zendesk_sandbox::{EndpointLimit, Limits, Options};

use crate::http::{get, logs, sandbox};

fn limit(name: &str, total: u32) -> EndpointLimit {
    EndpointLimit { name: name.to_owned(), total, window: Some(Duration::from_hours(1)) }
}

#[test]
fn an_endpoints_limit_is_a_429_although_the_account_has_quota_left() {
    let endpoint = vec![limit("audit-logs-index", 2), limit("audit-logs-index-pagination", 9)];
    let limits = Limits { endpoint, ..Limits::default() };
    let sandbox = sandbox(Options { rate_limit: Some(700), limits, ..Options::default() });
    for (status, left, other_left) in [(200, 1, 8), (200, 0, 7), (429, 0, 6)] {
        let got = logs(&sandbox, "page[size]=1");
        assert_eq!(got.status, status);
        let own = got.header("zendesk-ratelimit-audit-logs-index").expect("a header");
        assert!(own.starts_with(&format!("total=2; remaining={left}; resets=3")), "{own}");
        let other = got.header("zendesk-ratelimit-audit-logs-index-pagination").expect("a header");
        assert!(other.starts_with(&format!("total=9; remaining={other_left}; resets=")), "{other}");
        let account: u32 = got.header("x-rate-limit-remaining").and_then(|v| v.parse().ok()).expect("a number");
        assert!(account > 690);
        assert_eq!(got.header("retry-after").is_some(), status == 429);
    }
    let other = get(&sandbox, "/api/v2/users/me");
    assert_eq!((other.status, other.header("zendesk-ratelimit-audit-logs-index")), (200, None));
}

#[test]
fn a_429_of_the_account_does_not_count_against_the_endpoint() {
    let limits = Limits { endpoint: vec![limit("x", 5)], ..Limits::default() };
    let sandbox = sandbox(Options { rate_limit: Some(1), limits, ..Options::default() });
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
    let refused = logs(&sandbox, "page[size]=1");
    assert_eq!((refused.status, refused.header("zendesk-ratelimit-x")), (429, None));
}

#[test]
fn other_integrations_use_the_accounts_quota() {
    let limits = Limits { other_requests: 1_000_000_000, ..Limits::default() };
    let sandbox = sandbox(Options { rate_limit: Some(700), limits, ..Options::default() });
    let statuses: Vec<u16> = (0..2).map(|_| logs(&sandbox, "page[size]=1").status).collect();
    assert_eq!(statuses, [200, 429], "a billion requests a minute use 700 in no time");
}
