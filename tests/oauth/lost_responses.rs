//! Tests responses of the token endpoint that are late, incomplete or lost, and tokens that some servers do
//! not know yet: a rotated pair is never discarded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use source_zendesk_audit_logs::config::AuthMethod;
use source_zendesk_audit_logs::shutdown::{Shutdown, Signal};
use source_zendesk_audit_logs::zendesk::Failure;
use source_zendesk_audit_logs::zendesk::Timeouts;
use zendesk_sandbox::{MockResponse, Options, RefreshResponse, Tokens, credentials};

use crate::harness::{Connection, Run, sandbox};
use crate::{
    Swept, TOKENS, assert_all_read, assert_valid, client_credentials, connect, refresh_token, sandbox_with,
    token_requests,
};

fn run(connection: &Connection, command: &str) -> Run {
    if command == "check" { connection.check() } else { connection.read(None) }
}

#[test]
fn a_pair_that_rotates_before_a_late_response_is_not_discarded() {
    // Every other request times out after half a second.
    let limit = Duration::from_millis(500);
    for command in ["check", "read"] {
        let tokens = Tokens { delay_seconds: 2, ..Tokens::default() };
        let sandbox = sandbox(Options { events: 10, tokens, ..Options::default() });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
        connection.timeouts = Some(Timeouts { connect: Duration::from_secs(20), read: limit, total: limit });
        let run = run(&connection, command).swept(&sandbox).succeeded();
        assert_eq!(token_requests(&sandbox), 1, "{command} repeated the request");
        let [config] = run.configs().try_into().expect("one CONTROL message");
        assert_valid(&config);
        if command == "check" {
            assert_eq!(run.of_type("CONNECTION_STATUS")[0]["connectionStatus"]["status"], "SUCCEEDED");
        }
        connection.config = config;
        connection.timeouts = None;
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(sandbox.token_requests().refresh_token, 1);
    }
}

#[test]
fn a_token_request_of_client_credentials_has_the_limit_of_every_other_request() {
    let limit = Duration::from_millis(300);
    let tokens = Tokens { delay_seconds: 60, ..Tokens::default() };
    let sandbox = sandbox(Options { tokens, ..Options::default() });
    let mut connection = connect(&sandbox, client_credentials());
    connection.timeouts = Some(Timeouts { connect: Duration::from_secs(20), read: limit, total: limit });
    assert_eq!(connection.check().swept(&sandbox).failed_check(), Failure::Timeout.to_string());
    assert_eq!(token_requests(&sandbox), 3);
}

#[test]
fn invalid_grant_after_a_lost_response_has_its_own_message() {
    type Loss = fn() -> MockResponse;
    let losses: [(&str, Loss); 4] = [
        ("dropped", || MockResponse::DropInBody { sent: 10 }),
        ("cut", || MockResponse::edit_text(|body| body[..body.len() / 2].to_vec())),
        ("replaced", || MockResponse::edit_text(|_| b"<html>Bad gateway</html>".to_vec())),
        ("emptied", || MockResponse::edit_text(|_| Vec::new())),
    ];
    for (name, loss) in losses {
        for command in ["check", "read"] {
            let requests = AtomicUsize::new(0);
            let sandbox = sandbox_with(Options { events: 10, ..Options::default() }, move |_, request| {
                (request.path == TOKENS && requests.fetch_add(1, Ordering::Relaxed) == 0).then(loss)
            });
            let run = run(&connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)), command).swept(&sandbox);
            let message = Failure::RefreshResponseLost.to_string();
            if command == "check" {
                assert_eq!(run.failed_check(), message, "{name}");
            } else {
                assert_eq!((run.code, &run.error()["message"]), (1, &json!(message)), "{name}");
                assert_eq!(run.error()["failure_type"], "config_error", "{name}");
            }
            let issued = sandbox.token_requests();
            assert_eq!((issued.refresh_token, issued.refused), (1, 1), "{name}: the request was not retried");
        }
    }
}

#[test]
fn a_rejected_refresh_token_is_not_reported_as_lost_if_no_request_can_have_used_it() {
    let requests = AtomicUsize::new(0);
    let sandbox = sandbox_with(Options { events: 10, ..Options::default() }, move |_, request| {
        (request.path == TOKENS && requests.fetch_add(1, Ordering::Relaxed) == 0).then(|| MockResponse::json(429, "{}"))
    });
    let connection = connect(&sandbox, refresh_token(credentials::USED_REFRESH_TOKEN));
    let run = connection.read(None).swept(&sandbox);
    assert_eq!(run.error()["message"], Failure::RefreshTokenInvalid.to_string());
    assert_eq!(token_requests(&sandbox), 2);
}

#[test]
fn a_refresh_response_without_a_new_refresh_token_keeps_the_old_one() {
    let tokens = Tokens { refresh_response: RefreshResponse::AccessOnly, ..Tokens::default() };
    let sandbox = sandbox(Options { events: 300, tokens, ..Options::default() });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    for renewals in 1..=3 {
        let run = connection.read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        let [config] = run.configs().try_into().expect("one CONTROL message");
        assert_valid(&config);
        assert_eq!(config["credentials"]["refresh_token"], credentials::REFRESH_TOKEN);
        assert_eq!(config["credentials"]["access_token"], *sandbox.issued_secrets().last().expect("an access token"));
        connection.config = config;
        // The saved access token is used until it expires.
        assert_eq!(connection.check().swept(&sandbox).succeeded().configs(), [] as [Value; 0]);
        assert_eq!(token_requests(&sandbox), renewals);
        sandbox.revoke_tokens();
    }
}

#[test]
fn a_new_refresh_token_is_kept_if_its_access_token_is_unusable() {
    for unusable in [json!(7), json!(null), json!("two\nlines"), json!("")] {
        let requests = AtomicUsize::new(0);
        let sandbox = sandbox_with(Options { events: 300, ..Options::default() }, {
            let unusable = unusable.clone();
            move |_, request| {
                let unusable = unusable.clone();
                (request.path == TOKENS && requests.fetch_add(1, Ordering::Relaxed) == 0).then(|| {
                    MockResponse::edit(move |mut response| {
                        response["access_token"] = unusable.clone();
                        response
                    })
                })
            }
        });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
        let run = connection.read(None).swept(&sandbox);
        assert_eq!(run.error()["message"], Failure::NotAToken.to_string(), "{unusable}");
        assert_eq!(run.error()["failure_type"], "transient_error", "{unusable}");
        connection.config = run.configs().pop().expect("the new refresh token");
        assert_valid(&connection.config);
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(sandbox.token_requests().refresh_token, 2, "{unusable}");
    }
}

#[test]
fn an_invalid_lifetime_does_not_discard_the_pair() {
    for lifetime in ["1e400", "-1e400", "1e18", "\"\\ud800\"", "[[]]", "\"9\", \"expires_in\": {}"] {
        let sandbox = sandbox_with(Options { events: 300, ..Options::default() }, move |_, request| {
            (request.path == TOKENS).then(|| {
                MockResponse::edit_text(move |body| {
                    let body = String::from_utf8(body).expect("UTF-8");
                    assert!(body.contains(r#""expires_in":172800"#), "{body}");
                    body.replace(r#""expires_in":172800"#, &format!(r#""expires_in":{lifetime}"#)).into_bytes()
                })
            })
        });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
        let run = connection.read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        connection.config = run.configs().pop().expect("the new pair");
        // The requested lifetime applies: 172,800 seconds after noon of the 23rd.
        assert_eq!(connection.config["credentials"]["token_expiry_date"], "2026-11-25T12:00:00Z", "{lifetime}");
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(token_requests(&sandbox), 1, "{lifetime}: the pair was renewed again");
    }
}

#[test]
fn a_lifetime_of_zero_or_less_does_not_use_up_a_pair_for_each_request() {
    for lifetime in [json!(0), json!(-1), json!(0.2)] {
        let tokens = Tokens { expires_in: Some(lifetime.clone()), ..Tokens::default() };
        let sandbox = sandbox(Options { events: 1_000, tokens, ..Options::default() });
        let run = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        assert_eq!(token_requests(&sandbox), 1, "{lifetime}");
    }
}

#[test]
fn a_new_access_token_that_is_rejected_once_is_retried_once() {
    for (credentials, method) in [
        (client_credentials(), AuthMethod::ClientCredentials),
        (refresh_token(credentials::REFRESH_TOKEN), AuthMethod::RefreshToken),
    ] {
        for (propagation, works) in [(1, true), (2, false)] {
            let tokens = Tokens { propagation, ..Tokens::default() };
            let sandbox = sandbox(Options { events: 300, tokens, ..Options::default() });
            let connection = connect(&sandbox, credentials.clone()).set("num_workers", json!(1));
            let run = connection.read(None).swept(&sandbox);
            if works {
                assert_all_read(&run, &sandbox);
            } else {
                assert_eq!(run.error()["message"], Failure::TokenExpired { method }.to_string());
            }
            assert_eq!(token_requests(&sandbox), 1, "{method:?}: another token would not help");
        }
    }
}

#[test]
fn an_unusable_access_token_with_a_valid_refresh_token_is_ignored() {
    for token in
        [json!("**********"), json!("two\nlines"), json!("a b"), json!("ä"), json!(7), json!(["at"]), json!({})]
    {
        let sandbox = sandbox(Options { events: 300, ..Options::default() });
        let mut credentials = refresh_token(credentials::REFRESH_TOKEN);
        credentials["access_token"] = token.clone();
        credentials["token_expiry_date"] = json!("2026-11-25T12:00:00Z");
        let run = connect(&sandbox, credentials).read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        assert_eq!(run.configs().len(), 1, "{token}");
    }
}

#[test]
fn a_shutdown_ends_the_retries_of_a_refresh_but_not_the_attempt_in_flight() {
    for command in ["check", "read"] {
        let shutdown = Shutdown::default();
        let trigger = shutdown.clone();
        let requests = AtomicUsize::new(0);
        let sandbox = sandbox_with(Options { events: 300, ..Options::default() }, move |_, request| {
            (request.path == TOKENS).then(|| {
                if requests.fetch_add(1, Ordering::Relaxed) == 1 {
                    trigger.request(Signal::Terminate);
                }
                MockResponse::json(503, "")
            })
        });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
        connection.signals = Some(shutdown);
        assert_eq!(run(&connection, command).swept(&sandbox).code, 143);
        // Without the shutdown, a check would make three attempts and a read ten.
        assert_eq!(token_requests(&sandbox), 2, "{command}");
    }
}
