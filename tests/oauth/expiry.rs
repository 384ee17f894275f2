//! Tests access tokens that expire before a sync, during it, and while a request waits for the rate limiter.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use crate::harness::sandbox;
use crate::{
    Swept, TOKENS, assert_all_read, assert_same, bearer, claimed, client_credentials, connect, locked, refresh_token,
    revoking, sandbox_with, token_requests,
};
use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::{Clock, ManualClock};
use source_zendesk_audit_logs::config::AuthMethod;
use source_zendesk_audit_logs::zendesk::Failure;
use zendesk_sandbox::{MockResponse, Options, credentials};

#[test]
fn a_sync_renews_each_token_once_when_eight_requests_are_rejected_at_once() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        let sandbox = sandbox_with(Options { events: 12_000, ..Options::default() }, revoking(6));
        let connection = connect(&sandbox, credentials).set("num_workers", json!(8));
        let run = connection.read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        let issued = sandbox.token_requests();
        assert_eq!((issued.client_credentials + issued.refresh_token, issued.refused), (7, 0));
        assert_eq!(run.configs().len(), issued.refresh_token);
        // A rejected request is sent again.
        let pages: Vec<String> =
            sandbox.requests().into_iter().filter(|request| request.path != TOKENS).map(|page| page.query).collect();
        let repeated = pages.len() - pages.iter().collect::<BTreeSet<_>>().len();
        assert!(repeated >= 6, "{repeated} requests were sent again for 6 revocations");
    }
}

/// Advances a manual clock.
fn advance(clock: &ManualClock, seconds: u64) {
    let clock = Clock::Manual(clock.clone());
    let mut context = std::task::Context::from_waker(Waker::noop());
    // The first poll advances it.
    let _ = pin!(clock.sleep(Duration::from_secs(seconds))).poll(&mut context);
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    // Each request takes a second of the manual clock, and the 35th with the same token 200 more, so that a
    // token of 300 seconds expires after a hundred requests: it is renewed 30 requests before.
    let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().expect("a time"));
    let issued: Arc<Mutex<HashMap<String, (Duration, usize)>>> = Arc::default();
    let refused = Arc::new(AtomicUsize::new(0));
    let sandbox = sandbox_with(
        Options {
            events: 40_000,
            token_lifetime: Some(Duration::from_mins(5)),
            rate_limit: Some(1_000_000),
            ..Options::default()
        },
        {
            let (clock, issued, refused) = (clock.clone(), Arc::clone(&issued), Arc::clone(&refused));
            move |_, request| {
                let now = clock.elapsed();
                let Some(token) = bearer(request) else {
                    let issued = Arc::clone(&issued);
                    return Some(MockResponse::edit(move |response| {
                        let token = response["access_token"].as_str().expect("a token").to_owned();
                        locked(&issued).insert(token, (now, 0));
                        response
                    }));
                };
                let mut issued = locked(&issued);
                let (since, uses) = issued.get_mut(&token).expect("an issued token");
                *uses += 1;
                advance(&clock, if *uses == 35 { 200 } else { 1 });
                (now >= *since + Duration::from_mins(5)).then(|| {
                    refused.fetch_add(1, Ordering::Relaxed);
                    MockResponse::json(401, r#"{"error":"invalid_token"}"#)
                })
            }
        },
    );
    let mut connection =
        connect(&sandbox, client_credentials()).set("num_workers", json!(8)).set("rate_limit_percentage", json!(100));
    connection.clock = clock.clone();
    let run = connection.read(None).swept(&sandbox);
    assert_all_read(&run, &sandbox);
    assert_eq!(refused.load(Ordering::Relaxed), 0);
    let tokens = sandbox.token_requests().client_credentials;
    assert!(tokens > 5, "{tokens} tokens");
    let mut uses: Vec<usize> = locked(&issued).values().map(|(_, uses)| *uses).collect();
    uses.sort_unstable();
    // Each token except the last one was used until shortly before its expiry.
    assert!(uses[1..].iter().all(|uses| (60..=100).contains(uses)), "{uses:?}");
    assert_eq!(uses.len(), tokens);
}

#[test]
fn the_token_request_has_the_smallest_scope_and_a_lifetime() {
    for (credentials, grant) in
        [(client_credentials(), "client_credentials"), (refresh_token(credentials::REFRESH_TOKEN), "refresh_token")]
    {
        let sandbox = sandbox(Options { events: 10, ..Options::default() });
        let run = connect(&sandbox, credentials).check().swept(&sandbox).succeeded();
        assert_eq!(run.of_type("CONNECTION_STATUS")[0]["connectionStatus"]["status"], "SUCCEEDED");
        let request = &sandbox.requests()[0];
        assert_eq!((request.method.as_str(), request.path.as_str(), request.query.as_str()), ("POST", TOKENS, ""));
        assert_eq!(request.authorization, None);
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["grant_type"], grant);
        assert_eq!(body["scope"], "auditlogs:read");
        assert!((300..=172_800).contains(&body["expires_in"].as_i64().expect("seconds")));
        if grant == "refresh_token" {
            let seconds = body["refresh_token_expires_in"].as_i64().expect("seconds");
            assert!((604_800..=7_776_000).contains(&seconds));
        }
    }
}

#[test]
fn a_new_token_that_is_rejected_ends_the_sync_without_more_token_requests() {
    // From the start, and after the first pages.
    for accepted in [0, 10] {
        for (credentials, method) in [
            (client_credentials(), AuthMethod::ClientCredentials),
            (refresh_token(credentials::REFRESH_TOKEN), AuthMethod::RefreshToken),
        ] {
            let pages = AtomicUsize::new(0);
            let sandbox = sandbox_with(Options { events: 3_000, ..Options::default() }, move |_, request| {
                (request.path != TOKENS && pages.fetch_add(1, Ordering::Relaxed) >= accepted)
                    .then(|| MockResponse::json(401, r#"{"error":"invalid_token"}"#))
            });
            let run = connect(&sandbox, credentials).set("num_workers", json!(8)).read(None).swept(&sandbox);
            assert_eq!(run.code, 1);
            assert_eq!(run.error()["message"], Failure::TokenExpired { method }.to_string());
            assert_eq!(run.error()["failure_type"], "config_error");
            assert_eq!(token_requests(&sandbox), if accepted == 0 { 1 } else { 2 });
        }
    }
}

#[test]
fn a_token_that_expired_while_a_request_waited_is_renewed() {
    // The server requests a wait that is longer than the token's lifetime, once or repeatedly.
    for waits in [1, usize::MAX] {
        let pages = AtomicUsize::new(0);
        let options = Options { events: 300, token_lifetime: Some(Duration::from_mins(5)), ..Options::default() };
        let sandbox = sandbox_with(options, move |_, request| {
            bearer(request)?;
            let page = pages.fetch_add(1, Ordering::Relaxed);
            match page % 2 {
                _ if page / 2 >= waits => None,
                0 => Some(MockResponse::Reply {
                    status: 503,
                    headers: vec![("retry-after".to_owned(), "600".to_owned())],
                    body: Vec::new(),
                }),
                _ => Some(MockResponse::json(401, r#"{"error":"invalid_token"}"#)),
            }
        });
        let run = connect(&sandbox, client_credentials()).read(None).swept(&sandbox);
        let tokens = sandbox.token_requests().client_credentials;
        if waits == 1 {
            assert_all_read(&run, &sandbox);
            assert_eq!(tokens, 2);
        } else {
            assert_eq!(run.code, 1);
            assert!((2..=6).contains(&tokens), "{tokens} tokens");
        }
    }
}

#[test]
fn a_renewal_that_fails_during_a_sync_loses_no_event() {
    for credentials in [client_credentials(), refresh_token(credentials::REFRESH_TOKEN)] {
        for (status, body, failure_type, tries) in [
            (401, r#"{"error":"invalid_client"}"#, "config_error", 1),
            (400, r#"{"error":"invalid_grant"}"#, "config_error", 1),
            (503, "", "transient_error", 10),
        ] {
            let broken = Arc::new(AtomicBool::new(false));
            let pages = Arc::new(AtomicUsize::new(0));
            let sandbox = sandbox_with(Options { events: 4_000, ..Options::default() }, {
                let (broken, pages) = (Arc::clone(&broken), Arc::clone(&pages));
                move |sandbox, request| {
                    if request.path == TOKENS {
                        return broken.load(Ordering::Relaxed).then(|| MockResponse::json(status, body));
                    }
                    // The endpoint fails at the revocation, when at least four pages have been received.
                    pages.fetch_add(1, Ordering::Relaxed);
                    if pages.load(Ordering::Relaxed) == 12 {
                        broken.store(true, Ordering::Relaxed);
                        sandbox.revoke_tokens();
                    }
                    None
                }
            });
            let mut connection = connect(&sandbox, credentials.clone()).set("num_workers", json!(8));
            let checked = connection.check().swept(&sandbox).succeeded();
            if let Some(config) = checked.configs().pop() {
                connection.config = config;
            } else {
                // The first token of the sync is issued before the endpoint fails.
                assert_eq!(sandbox.token_requests().client_credentials, 1);
            }
            sandbox.clear_requests();
            pages.store(0, Ordering::Relaxed);
            let run = connection.read(None).swept(&sandbox);
            assert_eq!(run.code, 1, "{}", run.stdout);
            assert_eq!(run.error()["failure_type"], failure_type);
            assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
            let read = run.records();
            assert!(!read.is_empty() && read.len() < 4_000, "{} records", read.len());
            assert_eq!(claimed(&run), read.len(), "the STATE covers the emitted records");
            let first = usize::from(credentials["auth_type"] == "client_credentials");
            assert_eq!(token_requests(&sandbox), first + tries, "one renewal for all requests");

            broken.store(false, Ordering::Relaxed);
            let rest = connection.read(Some(&run.state())).swept(&sandbox).succeeded();
            assert_same([read, rest.records()].concat(), sandbox.records());
        }
    }
}
