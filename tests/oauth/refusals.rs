//! Tests the refusals and failures of the token endpoint, and their messages for the user.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use source_zendesk_audit_logs::stream::AUDIT_LOGS;
use source_zendesk_audit_logs::zendesk::Failure;
use zendesk_sandbox::{Account, MockResponse, Options, ResponseHook, SeenRequest, credentials};

use crate::harness::sandbox;
use crate::{
    Swept, TOKENS, WRONG_SECRET, api_token, assert_all_read, assert_reports, client, client_credentials, connect,
    failure_type, refresh_token, sandbox_with, token_endpoint, token_requests,
};

#[test]
fn each_refusal_has_its_remedy_and_is_not_retried() {
    for (credentials, kind, text) in [
        (client("nobody", credentials::CLIENT_SECRET), Failure::OauthClientUnknown, "Check the client ID"),
        (client(credentials::CLIENT_ID, WRONG_SECRET), Failure::OauthSecret, "client secret"),
        (
            client(credentials::PUBLIC_CLIENT_ID, credentials::CLIENT_SECRET),
            Failure::OauthClientKind,
            "\"Confidential\"",
        ),
        (client(credentials::LIMITED_CLIENT_ID, credentials::CLIENT_SECRET), Failure::OauthScope, "allowed scopes"),
        (
            client(credentials::AGENT_CLIENT_ID, credentials::CLIENT_SECRET),
            Failure::Forbidden { stream: &AUDIT_LOGS },
            "not an admin",
        ),
        (refresh_token(credentials::USED_REFRESH_TOKEN), Failure::RefreshTokenInvalid, "OAuth client credentials"),
    ] {
        let sandbox = sandbox(Options::default());
        assert!(kind.to_string().contains(text), "{kind}");
        assert_eq!(assert_reports(&sandbox, &connect(&sandbox, credentials), &kind), [1, 1], "{kind}");
    }
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        let sandbox = sandbox(Options { account: Account::Missing, ..Options::default() });
        assert!(Failure::UnknownSubdomain.to_string().contains("Check the subdomain"));
        assert_eq!(assert_reports(&sandbox, &connect(&sandbox, credentials), &Failure::UnknownSubdomain), [1, 1]);
    }
}

#[test]
fn refusals_in_other_forms_are_recognized() {
    let location = [("location", "https://elsewhere.example/login?token=x")];
    for (status, headers, body, kind) in [
        (400, &[][..], r#"{"error":"invalid_client"}"#, Failure::OauthClient),
        (401, &[], r#"{"error":"invalid_client","error_description":7}"#, Failure::OauthClient),
        (400, &[], r#"{"error":"invalid_grant"}"#, Failure::OauthClient),
        (401, &[], "", Failure::OauthClient),
        (400, &[], r#"{"error":"unauthorized_client"}"#, Failure::OauthClientKind),
        (403, &[], r#"{"error":"invalid_scope"}"#, Failure::OauthScope),
        (400, &[], r#"{"error":"invalid_request"}"#, Failure::OauthRefused { status: 400 }),
        (422, &[], "[]", Failure::OauthRefused { status: 422 }),
        (403, &[], r#"{"error":"Forbidden"}"#, Failure::OauthRefused { status: 403 }),
        (403, &[], "<html>Access denied</html>", Failure::IpRestricted),
        (403, &[], "", Failure::IpRestricted),
        (404, &[], "<html>Not found</html>", Failure::EndpointNotFound),
        (302, &location, "", Failure::Redirect { status: 302, to: Some("elsewhere.example".to_owned()) }),
    ] {
        let sandbox =
            sandbox(Options { response_hook: Some(token_endpoint(status, headers, body)), ..Options::default() });
        let tries = assert_reports(&sandbox, &connect(&sandbox, client_credentials()), &kind);
        assert_eq!(tries, [1, 1], "{status} {body}");
    }
    let refused = token_endpoint(401, &[], r#"{"error":"invalid_grant"}"#);
    let sandbox = sandbox(Options { response_hook: Some(refused), ..Options::default() });
    let connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    assert_eq!(assert_reports(&sandbox, &connection, &Failure::RefreshTokenInvalid), [1, 1]);
}

#[test]
fn transient_failures_are_retried_and_reported_as_transient() {
    for (status, body, kind) in [
        (500, "", Failure::ServerError { status: 500 }),
        (503, "<html>Maintenance</html>", Failure::ServerError { status: 503 }),
        (200, "<html>Maintenance</html>", Failure::NotAToken),
        (201, "", Failure::NotAToken),
        (201, "{}", Failure::NotAToken),
        (201, r#"{"access_token":""}"#, Failure::NotAToken),
        (201, r#"{"access_token":7}"#, Failure::NotAToken),
        (201, r#"{"access_token":"two\nlines"}"#, Failure::NotAToken),
        (200, "[]", Failure::NotAToken),
        (200, r#"["list","of",3600]"#, Failure::NotAToken),
    ] {
        let sandbox = sandbox(Options { response_hook: Some(token_endpoint(status, &[], body)), ..Options::default() });
        let tries = assert_reports(&sandbox, &connect(&sandbox, client_credentials()), &kind);
        assert_eq!(json!(failure_type(&kind)), "transient_error");
        assert_eq!(tries, [3, 10], "{status} {body}");
    }
}

#[test]
fn a_token_endpoint_that_drops_connections_is_retried_and_reported_as_transient() {
    let drop = ResponseHook::new(|request| (request.path == TOKENS).then_some(MockResponse::DropConnection));
    let sandbox = sandbox(Options { response_hook: Some(drop), ..Options::default() });
    assert_eq!(assert_reports(&sandbox, &connect(&sandbox, client_credentials()), &Failure::ConnectionLost), [3, 10]);
}

#[test]
fn a_rate_limit_of_the_token_endpoint_is_waited_for() {
    let refused = token_endpoint(429, &[("retry-after", "60")], "Too many requests");
    let sandbox = sandbox(Options { response_hook: Some(refused), ..Options::default() });
    let connection = connect(&sandbox, client_credentials());
    assert!(connection.check().swept(&sandbox).failed_check().contains("rate limit"));
    let run = connection.read(None).swept(&sandbox);
    assert_eq!(run.code, 1);
    assert_eq!(run.error()["failure_type"], "transient_error");
    assert!(run.error()["message"].as_str().expect("a string").starts_with("Zendesk's rate limit allowed no request"));
}

#[test]
fn a_sync_succeeds_when_the_token_endpoint_recovers() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        let tries = AtomicUsize::new(0);
        let sandbox = sandbox_with(Options { events: 700, ..Options::default() }, move |_, request| {
            if request.path != TOKENS {
                return None;
            }
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Some(MockResponse::json(429, "{}")),
                1 => Some(MockResponse::json(503, "")),
                2 => Some(MockResponse::json(200, "<html>Maintenance</html>")),
                3 => Some(MockResponse::DropConnection),
                _ => None,
            }
        });
        let run = connect(&sandbox, credentials).read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        assert_eq!(token_requests(&sandbox), 5);
    }
}

#[test]
fn a_server_that_echoes_requests_leaks_no_secret() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN), api_token()] {
        for (everywhere, status) in [(true, 400), (true, 500), (false, 400), (false, 403), (false, 500)] {
            let echo = ResponseHook::new(move |request: &SeenRequest| {
                if request.path == TOKENS && !everywhere {
                    return None;
                }
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let header = request.authorization.clone().unwrap_or_default();
                let description = format!("unknown secret: {body} {header}");
                Some(MockResponse::Reply {
                    status,
                    headers: vec![
                        ("X-Zendesk-Request-Id".to_owned(), format!("{body} {header}")),
                        ("X-Echo".to_owned(), header),
                    ],
                    body: json!({ "error": "invalid_client", "error_description": description })
                        .to_string()
                        .into_bytes(),
                })
            });
            let sandbox = sandbox(Options { response_hook: Some(echo), ..Options::default() });
            let connection = connect(&sandbox, credentials.clone());
            connection.check().swept(&sandbox).failed_check();
            assert_eq!(connection.read(None).swept(&sandbox).code, 1);
        }
    }
}
