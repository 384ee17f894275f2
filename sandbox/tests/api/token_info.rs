//! The response to a token's request for its own expiry and scopes: it shows no more of the token than
//! Zendesk does.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use zendesk_sandbox::{Options, credentials};

use crate::http::{get_as, request, sandbox};

const CURRENT: &str = "/api/v2/oauth/tokens/current.json";

#[test]
fn an_issued_token_shows_its_expiry_by_the_servers_clock() {
    let ahead = SignedDuration::from_hours(5);
    let sandbox = sandbox(Options { clock_offset: ahead, ..Options::default() });
    let body = json!({"grant_type": "client_credentials", "client_id": credentials::CLIENT_ID,
                      "client_secret": credentials::CLIENT_SECRET, "scope": "auditlogs:read", "expires_in": 3600});
    let issued = request(&sandbox, "POST", "/oauth/tokens", &[("Content-Type", "application/json")], &body.to_string());
    let token = issued.json()["access_token"].as_str().expect("a token").to_owned();
    let before = Timestamp::now() + ahead;
    let got = get_as(&sandbox, &format!("Bearer {token}"), CURRENT);
    assert_eq!(got.status, 200, "{}", got.text());
    assert!(!got.text().contains(&token));
    let shown = &got.json()["token"];
    assert_eq!(shown["scopes"], json!(["auditlogs:read"]));
    let end: Timestamp = shown["expires_at"].as_str().expect("an end").parse().expect("a time");
    let left = end.duration_since(before).as_secs();
    assert!((3_500..=3_600).contains(&left), "{left} s");
}

#[test]
fn a_token_that_does_not_expire_shows_no_expiry() {
    let sandbox = sandbox(Options::default());
    let got = get_as(&sandbox, &format!("Bearer {}", credentials::ACCESS_TOKEN), CURRENT);
    assert_eq!((got.status, &got.json()["token"]["expires_at"]), (200, &Value::Null));
    assert!(!got.text().contains(credentials::ACCESS_TOKEN));
}

#[test]
fn invalid_tokens_and_disallowed_requests_are_refused() {
    let open = sandbox(Options::default());
    let closed = sandbox(Options { token_info: false, ..Options::default() });
    let pair = BASE64_STANDARD.encode(format!("{}/token:{}", credentials::ADMIN_EMAIL, credentials::API_TOKEN));
    for (sandbox, authorization, status) in [
        (&open, format!("Basic {pair}"), 403),
        (&open, "Bearer nonsense".to_owned(), 401),
        (&open, format!("Bearer {}", credentials::EXPIRED_ACCESS_TOKEN), 401),
        (&closed, format!("Bearer {}", credentials::ACCESS_TOKEN), 403),
    ] {
        assert_eq!(get_as(sandbox, &authorization, CURRENT).status, status, "{authorization}");
    }
}
