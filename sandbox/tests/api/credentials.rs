//! Which callers can read audit logs, and the errors of the others.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use zendesk_sandbox::{Account, Options, credentials};

use crate::http::{get, get_as, request, sandbox};

const AUTHENTICATE: &str = r#"{"error":"Couldn't authenticate you"}"#;
const INVALID_TOKEN: &str = r#"{"error":"invalid_token","error_description":"The access token provided is expired, revoked, malformed or invalid for other reasons."}"#;
const FORBIDDEN: &str = r#"{"error":{"title":"Forbidden","message":"You do not have access to this page. Please contact the account owner of this help desk for further help."}}"#;
const SCOPE: &str = r#"{"error":"Forbidden","description":"You are missing the following required scopes: read"}"#;
const LOGS: &str = "/api/v2/audit_logs?page[size]=1";

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{secret}")))
}

#[test]
fn each_kind_of_caller_gets_its_status_and_body() {
    let sandbox = sandbox(Options::default());
    let bearer = |token: &str| format!("Bearer {token}");
    let admin = format!("{}/token", credentials::ADMIN_EMAIL);
    let agent = format!("{}/token", credentials::AGENT_EMAIL);
    let good = None;
    for (authorization, refusal) in [
        (bearer(credentials::ACCESS_TOKEN), good),
        (format!("bearer  {}", credentials::ACCESS_TOKEN), good),
        (basic(&admin, credentials::API_TOKEN), good),
        (basic(&agent, credentials::API_TOKEN), Some((403, FORBIDDEN))),
        (basic(&admin, "wrong"), Some((401, AUTHENTICATE))),
        (basic("who@mail.example/token", credentials::API_TOKEN), Some((401, AUTHENTICATE))),
        (basic(credentials::ADMIN_EMAIL, credentials::API_TOKEN), Some((401, AUTHENTICATE))),
        (basic(credentials::ADMIN_EMAIL, "password"), Some((401, AUTHENTICATE))),
        ("Basic %%%".to_owned(), Some((401, AUTHENTICATE))),
        ("Basic".to_owned(), Some((401, AUTHENTICATE))),
        ("Digest x".to_owned(), Some((401, AUTHENTICATE))),
        (bearer("nonsense"), Some((401, INVALID_TOKEN))),
        (bearer(credentials::EXPIRED_ACCESS_TOKEN), Some((401, INVALID_TOKEN))),
        (bearer(credentials::API_TOKEN), Some((401, INVALID_TOKEN))),
        (bearer(credentials::AGENT_ACCESS_TOKEN), Some((403, FORBIDDEN))),
        (bearer(credentials::NO_SCOPE_ACCESS_TOKEN), Some((403, SCOPE))),
        (bearer(credentials::IP_RESTRICTED_ACCESS_TOKEN), Some((403, ""))),
    ] {
        let got = get_as(&sandbox, &authorization, LOGS);
        match refusal {
            None => assert_eq!((got.status, got.texts().len()), (200, 1), "{authorization}"),
            Some(expected) => assert_eq!((got.status, got.text()), expected, "{authorization}"),
        }
    }
}

#[test]
fn without_credentials_it_is_a_401() {
    let sandbox = sandbox(Options::default());
    let got = request(&sandbox, "GET", LOGS, &[], "");
    assert_eq!((got.status, got.text()), (401, AUTHENTICATE));
}

#[test]
fn a_blocked_caller_gets_html() {
    let sandbox = sandbox(Options::default());
    let got = get_as(&sandbox, &format!("Bearer {}", credentials::EDGE_BLOCKED_ACCESS_TOKEN), LOGS);
    assert_eq!(got.status, 403);
    assert!(got.header("content-type").is_some_and(|value| value.starts_with("text/html")));
    assert!(got.text().starts_with("<!DOCTYPE html>"));
}

#[test]
fn users_me_returns_200_to_every_caller() {
    let sandbox = sandbox(Options::default());
    let anonymous = request(&sandbox, "GET", "/api/v2/users/me", &[], "");
    assert_eq!((anonymous.status, anonymous.json()["user"]["name"].as_str()), (200, Some("Anonymous user")));
    let wrong = get_as(&sandbox, "Bearer nonsense", "/api/v2/users/me.json");
    assert_eq!(wrong.json()["user"]["name"], "Anonymous user");
    assert_eq!(get(&sandbox, "/api/v2/users/me").json()["user"]["role"], "admin");
}

#[test]
fn a_plan_without_audit_logs_is_403_for_every_authenticated_caller() {
    let sandbox = sandbox(Options { account: Account::Professional, ..Options::default() });
    let got = get(&sandbox, LOGS);
    assert_eq!((got.status, got.text()), (403, FORBIDDEN));
    assert_eq!(get_as(&sandbox, "Bearer nonsense", LOGS).status, 401);
    sandbox.set_account(Account::Enterprise);
    assert_eq!(get(&sandbox, LOGS).status, 200);
}

#[test]
fn a_missing_account_is_404_json_sent_as_html_on_every_path() {
    let options = Options { account: Account::Missing, subdomain: "gone".to_owned(), ..Options::default() };
    let sandbox = sandbox(options);
    let expected = r#"{"error":{"title":"No help desk at gone.zendesk.com","message":"There is no help desk configured at this address. This means that the address is available and that you can claim it at http://www.zendesk.com/signup"}}"#;
    for (method, path) in [("GET", LOGS), ("GET", "/"), ("POST", "/oauth/tokens"), ("GET", "/api/v2/users/me")] {
        let got = request(&sandbox, method, path, &[], "{}");
        assert_eq!((got.status, got.text()), (404, expected), "{path}");
        assert!(got.header("content-type").is_some_and(|value| value.starts_with("text/html")));
    }
}

#[test]
fn other_paths_and_methods_are_404() {
    let sandbox = sandbox(Options::default());
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/v2/tickets"),
        ("GET", "/api/v2/audit_logs/"),
        ("GET", "/api/v2/audit_logs/498483.json"),
        ("GET", "//api/v2/audit_logs"),
        ("POST", "/api/v2/audit_logs"),
        ("GET", "/oauth/tokens"),
    ] {
        let got = request(&sandbox, method, path, &[], "");
        let expected = r#"{"error":"InvalidEndpoint","description":"Not found"}"#;
        assert_eq!((got.status, got.text()), (404, expected), "{method} {path}");
    }
}

#[test]
fn the_fixed_secrets_are_distinct() {
    let distinct: std::collections::HashSet<_> = credentials::SECRETS.iter().collect();
    assert_eq!(distinct.len(), credentials::SECRETS.len());
}
