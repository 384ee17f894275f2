//! Access log errors: refused callers, invalid parameters, and the endpoint's own limit.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use zendesk_sandbox::{
    AccessLogs, AccessScope, Account, AddOn, Options, Sandbox,
    credentials::{
        ACCESS_TOKEN, AGENT_ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, EDGE_BLOCKED_ACCESS_TOKEN, EXPIRED_ACCESS_TOKEN,
        NO_SCOPE_ACCESS_TOKEN,
    },
};

use crate::http::{access, get, get_as, logs, request, sandbox};

#[expect(clippy::needless_pass_by_value, reason = "callers write a struct expression")]
fn with(access_logs: AccessLogs) -> Sandbox {
    sandbox(Options { access_logs: AccessLogs { events: 20, ..access_logs }, ..Options::default() })
}

fn error(sandbox: &Sandbox, token: &str) -> (u16, Value) {
    let got = get_as(sandbox, &format!("Bearer {token}"), "/api/v2/access_logs");
    (got.status, if got.header("content-type") == Some("application/json") { got.json() } else { Value::Null })
}

fn own(title: &str, detail: &str) -> Value {
    json!({"errors": [{"title": title, "detail": detail}]})
}

#[test]
fn callers_are_refused_with_the_endpoints_own_errors() {
    let sandbox = with(AccessLogs::default());
    assert_eq!(error(&sandbox, ACCESS_TOKEN).0, 200);
    let unauthenticated = own("Authentication failed", "Authentication failed");
    assert_eq!(error(&sandbox, "x"), (401, unauthenticated.clone()));
    assert_eq!(error(&sandbox, EXPIRED_ACCESS_TOKEN), (401, unauthenticated));
    let role = own("Authorization failed", "You must have administrator privileges");
    assert_eq!(error(&sandbox, AGENT_ACCESS_TOKEN), (403, role));
    let (status, scope) = error(&sandbox, NO_SCOPE_ACCESS_TOKEN);
    assert!(status == 403 && scope["description"].as_str().is_some_and(|text| text.contains("scopes")));
    assert_eq!(error(&sandbox, EDGE_BLOCKED_ACCESS_TOKEN), (403, Value::Null));
}

#[test]
fn without_the_add_on_only_the_access_log_is_refused() {
    let sandbox = with(AccessLogs { add_on: AddOn::Missing, ..AccessLogs::default() });
    assert_eq!(error(&sandbox, ACCESS_TOKEN), (403, own("Authorization failed", "Authorization failed")));
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
    sandbox.set_account(Account::Missing);
    assert_eq!(access(&sandbox, "").status, 404);
}

#[test]
fn the_scope_read_can_be_required() {
    let sandbox = with(AccessLogs { scope: AccessScope::Read, ..AccessLogs::default() });
    assert_eq!(error(&sandbox, ACCESS_TOKEN).0, 403, "its scope is auditlogs:read");
    let body = json!({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
                      "scope": "read"});
    let token = request(&sandbox, "POST", "/oauth/tokens", &[], &body.to_string()).json();
    assert_eq!(error(&sandbox, token["access_token"].as_str().expect("a token")).0, 200);
}

#[test]
fn bad_parameters_are_named() {
    let sandbox = with(AccessLogs::default());
    for (query, detail) in [
        ("page[size]=2501", "max allowed page size is 2500"),
        ("page[size]=0", "min allowed page size is 1"),
        ("page[size]=many", "page size must be a number"),
        ("filter[start]=yesterday", "invalid time stamp"),
        ("filter[end]=2025-01-01T00:00:00.0Z", "invalid time stamp"),
        ("filter[start]=2025-01-02T00:00:00Z&filter[end]=2025-01-01T00:00:00Z", "filter[start] is after filter[end]"),
        ("filter[user_id]=bob", "invalid user id"),
        ("filter[graphql]=maybe", "filter[graphql] must be a boolean"),
        ("sort=id", "invalid sort"),
        ("page[after]=abc", "invalid cursor"),
        ("filter[after]=abc", "invalid cursor"),
    ] {
        let got = access(&sandbox, query);
        assert_eq!((got.status, got.json()), (400, own("Malformed query params", detail)), "{query}");
    }
}

#[test]
fn the_endpoints_own_limit_resets_at_a_date_time() {
    let clock_offset = SignedDuration::from_hours(-3);
    let access_logs = AccessLogs { events: 20, ..AccessLogs::default() };
    let options = Options { access_logs, rate_limit: Some(1), clock_offset, ..Options::default() };
    let sandbox = sandbox(options);
    for _ in 0..50 {
        let got = access(&sandbox, "page[size]=1");
        assert_eq!(got.status, 200);
        assert!(got.headers.iter().all(|(name, _)| !name.to_lowercase().contains("rate")), "{:?}", got.headers);
    }
    let refused = access(&sandbox, "page[size]=1");
    assert_eq!((refused.status, refused.json()), (429, own("Too many requests", "Too many requests")));
    assert_eq!((refused.header("retry-after"), refused.header("x-rate-limit")), (None, None));
    let reset: Timestamp = refused.header("ratelimit-reset").and_then(|text| text.parse().ok()).expect("a date-time");
    let wait = reset.duration_since(Timestamp::now()) - clock_offset;
    assert!((SignedDuration::ZERO..=SignedDuration::from_secs(61)).contains(&wait), "{wait}");
    // The account's limit is another one.
    assert_eq!(logs(&sandbox, "page[size]=1").status, 200);
    assert_eq!(sandbox.traffic().rate_limited, 1);
}

#[test]
fn the_limits_minute_can_be_shortened() {
    let access_logs = AccessLogs { events: 20, rate_limit: 1, ..AccessLogs::default() };
    let sandbox = sandbox(Options { access_logs, minute: Duration::from_nanos(1), ..Options::default() });
    assert!((0..5).all(|_| access(&sandbox, "page[size]=1").status == 200));
}

#[test]
fn other_paths_are_404() {
    let sandbox = with(AccessLogs::default());
    assert_eq!(get(&sandbox, "/api/v2/access_logs/01ARYZ6S41").status, 404);
    assert_eq!(get(&sandbox, "/api/v2/access_logs.json").status, 200);
}
