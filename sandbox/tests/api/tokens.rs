//! OAuth tokens: the client credentials and refresh grants, expiry, revocation, and every
//! refusal.

use std::time::Duration;

use serde_json::{Value, json};
use zendesk_sandbox::{
    Options, Sandbox, TokenRequests,
    credentials::{
        AGENT_CLIENT_ID, CLIENT_ID, CLIENT_SECRET, LIMITED_CLIENT_ID, PUBLIC_CLIENT_ID, REFRESH_TOKEN,
        USED_REFRESH_TOKEN,
    },
};

use crate::http::{Got, get_as, request, sandbox};

fn post(sandbox: &Sandbox, body: &Value) -> Got {
    let headers = [("Content-Type", "application/json")];
    request(sandbox, "POST", "/oauth/tokens", &headers, &body.to_string())
}

fn client_credentials() -> Value {
    json!({"grant_type": "client_credentials", "client_id": CLIENT_ID,
           "client_secret": CLIENT_SECRET, "scope": "auditlogs:read"})
}

fn refresh(token: &str) -> Value {
    json!({"grant_type": "refresh_token", "client_id": CLIENT_ID,
           "client_secret": CLIENT_SECRET, "scope": "auditlogs:read", "refresh_token": token})
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn field(got: &Got, name: &str) -> String {
    got.json()[name].as_str().unwrap_or_else(|| panic!("{name} in {}", got.text())).to_owned()
}

fn reads(sandbox: &Sandbox, token: &str) -> u16 {
    get_as(sandbox, &format!("Bearer {token}"), "/api/v2/audit_logs?page[size]=1").status
}

#[test]
fn client_credentials_return_an_access_token_only() {
    let sandbox = sandbox(Options::default());
    let got = post(&sandbox, &client_credentials());
    assert_eq!(got.status, 201);
    let token = field(&got, "access_token");
    assert!(token.starts_with("zdsb-at-"));
    assert_eq!(reads(&sandbox, &token), 200);
    let json = got.json();
    assert_eq!((&json["token_type"], &json["scope"]), (&json!("bearer"), &json!("auditlogs:read")));
    assert!(json.get("refresh_token").is_none());
    assert!(json.get("expires_in").is_none(), "named only if the request did");
    assert_ne!(field(&post(&sandbox, &client_credentials()), "access_token"), token);
    assert_eq!(reads(&sandbox, &token), 200, "another token does not end the first");
}

#[test]
fn the_lifetime_is_validated_and_returned_if_requested() {
    let sandbox = sandbox(Options::default());
    for seconds in [300, 172_800] {
        let got = post(&sandbox, &with(client_credentials(), "expires_in", seconds));
        assert_eq!((got.status, &got.json()["expires_in"]), (201, &json!(seconds)));
    }
    for wrong in [json!(299), json!(172_801), json!(-1), json!("600"), json!(600.5), json!([])] {
        let got = post(&sandbox, &with(client_credentials(), "expires_in", wrong));
        assert_eq!((got.status, &got.json()["error"]), (400, &json!("invalid_request")));
    }
    for wrong in [604_799, 7_776_001] {
        let body = with(refresh(REFRESH_TOKEN), "refresh_token_expires_in", wrong);
        assert_eq!(post(&sandbox, &body).status, 400);
    }
    let body = with(refresh(REFRESH_TOKEN), "refresh_token_expires_in", 604_800);
    let got = post(&sandbox, &body);
    assert_eq!((got.status, &got.json()["refresh_token_expires_in"]), (201, &json!(604_800)));
}

#[test]
fn the_lifetime_can_differ_from_the_requested_one() {
    let lifetime = |token_lifetime| {
        let sandbox = sandbox(Options { token_lifetime, ..Options::default() });
        let got = post(&sandbox, &with(client_credentials(), "expires_in", 1_800));
        (got.json()["expires_in"].as_u64(), reads(&sandbox, &field(&got, "access_token")))
    };
    assert_eq!(lifetime(None), (Some(1_800), 200));
    assert_eq!(lifetime(Some(Duration::ZERO)), (Some(1), 401));
    assert_eq!(lifetime(Some(Duration::from_millis(100_500))), (Some(101), 200));
    assert_eq!(lifetime(Some(Duration::MAX)).1, 200);
}

#[test]
fn a_refresh_returns_a_new_pair_and_revokes_the_old_one() {
    let sandbox = sandbox(Options::default());
    let first = post(&sandbox, &refresh(REFRESH_TOKEN));
    assert_eq!(first.status, 201);
    let (access, token) = (field(&first, "access_token"), field(&first, "refresh_token"));
    assert!(token.starts_with("zdsb-rt-"));
    assert_eq!(reads(&sandbox, &access), 200);
    let second = post(&sandbox, &refresh(&token));
    assert_eq!(second.status, 201);
    assert_eq!(reads(&sandbox, &access), 401);
    assert_eq!(reads(&sandbox, &field(&second, "access_token")), 200);
    for used in [REFRESH_TOKEN, &token, USED_REFRESH_TOKEN, "nonsense"] {
        let got = post(&sandbox, &refresh(used));
        assert_eq!((got.status, &got.json()["error"]), (400, &json!("invalid_grant")), "{used}");
    }
    assert_eq!(reads(&sandbox, &field(&second, "access_token")), 200);
}

#[test]
fn a_refused_refresh_keeps_the_pair_valid() {
    let sandbox = sandbox(Options::default());
    for refused in [
        with(refresh(REFRESH_TOKEN), "client_secret", "wrong"),
        with(refresh(REFRESH_TOKEN), "scope", "nonsense"),
        with(refresh(REFRESH_TOKEN), "expires_in", 1),
        with(refresh(REFRESH_TOKEN), "client_id", AGENT_CLIENT_ID),
    ] {
        assert_ne!(post(&sandbox, &refused).status, 201);
    }
    assert_eq!(post(&sandbox, &refresh(REFRESH_TOKEN)).status, 201);
}

#[test]
fn a_token_reads_only_what_its_scopes_allow() {
    let sandbox = sandbox(Options::default());
    for (scope, status) in [
        ("auditlogs:read", 200),
        ("read", 200),
        ("tickets:read read", 200),
        ("tickets:read", 403),
        ("write", 403),
        ("auditlogs:write", 403),
    ] {
        let got = post(&sandbox, &with(client_credentials(), "scope", scope));
        assert_eq!((got.status, &got.json()["scope"]), (201, &json!(scope)));
        assert_eq!(reads(&sandbox, &field(&got, "access_token")), status, "{scope}");
    }
}

#[test]
fn the_token_of_an_agents_client_is_403_on_audit_logs() {
    let sandbox = sandbox(Options::default());
    let got = post(&sandbox, &with(client_credentials(), "client_id", AGENT_CLIENT_ID));
    assert_eq!(got.status, 201);
    assert_eq!(reads(&sandbox, &field(&got, "access_token")), 403);
}

#[test]
fn each_refusal_has_its_error_and_description() {
    let sandbox = sandbox(Options::default());
    let good = client_credentials;
    let mut descriptions = std::collections::HashSet::new();
    for (body, status, error) in [
        (with(good(), "client_id", "nobody"), 401, "invalid_client"),
        (with(good(), "client_secret", "wrong"), 401, "invalid_client"),
        (with(good(), "client_id", PUBLIC_CLIENT_ID), 400, "invalid_client"),
        (with(good(), "client_id", LIMITED_CLIENT_ID), 400, "invalid_scope"),
        (with(good(), "grant_type", "password"), 400, "unsupported_grant_type"),
        (with(refresh("x"), "refresh_token", "x"), 400, "invalid_grant"),
        (with(good(), "grant_type", 7), 400, "invalid_request"),
    ] {
        let got = post(&sandbox, &body);
        assert_eq!((got.status, field(&got, "error").as_str()), (status, error), "{body}");
        assert!(descriptions.insert(field(&got, "error_description")), "{body}");
    }
    for scope in [json!("everything"), json!(""), json!("auditlogs:read,read"), json!(["read"])] {
        assert_eq!(field(&post(&sandbox, &with(good(), "scope", scope)), "error"), "invalid_scope");
    }
    let limited = with(good(), "client_id", LIMITED_CLIENT_ID);
    assert_eq!(post(&sandbox, &with(limited, "scope", "tickets:read")).status, 201);
    for body in [json!([]), json!(null), json!("x"), json!({})] {
        assert_eq!(post(&sandbox, &body).status, 400, "{body}");
    }
    assert_eq!(request(&sandbox, "POST", "/oauth/tokens", &[], "\u{0}{").status, 400);
}

#[test]
fn token_requests_are_counted_and_tokens_listed_and_revoked() {
    let sandbox = sandbox(Options::default());
    let first = field(&post(&sandbox, &client_credentials()), "access_token");
    let pair = post(&sandbox, &refresh(REFRESH_TOKEN));
    post(&sandbox, &refresh(REFRESH_TOKEN));
    let expected = TokenRequests { client_credentials: 1, refresh_token: 1, refused: 1, ..TokenRequests::default() };
    assert_eq!(sandbox.token_requests(), expected);
    let (access, token) = (field(&pair, "access_token"), field(&pair, "refresh_token"));
    assert_eq!(sandbox.issued_secrets(), [first.clone(), access.clone(), token.clone()]);
    sandbox.revoke_tokens();
    assert_eq!((reads(&sandbox, &first), reads(&sandbox, &access)), (401, 401));
    assert_eq!(post(&sandbox, &refresh(&token)).status, 201, "refresh tokens stay valid");
}

#[test]
fn token_requests_do_not_use_the_rate_limit() {
    let sandbox = sandbox(Options { rate_limit: Some(1), ..Options::default() });
    for _ in 0..3 {
        assert_eq!(post(&sandbox, &client_credentials()).status, 201);
    }
    let token = field(&post(&sandbox, &client_credentials()), "access_token");
    assert_eq!((reads(&sandbox, &token), reads(&sandbox, &token)), (200, 429));
}
