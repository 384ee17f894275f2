//! Tests `check` with a working connection: the content of its message, and that a failed lookup never fails
//! the check.

mod harness;

use std::time::Duration;

use harness::{Connection, Run, sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::ManualClock;
use source_zendesk_audit_logs::zendesk::Timeouts;
use zendesk_sandbox::credentials::{
    ACCESS_TOKEN, ADMIN_EMAIL, API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SECRETS,
};
use zendesk_sandbox::{MockResponse, Options, RateHeaders, ResponseHook, Sandbox, SeenRequest, Shape};

const TOKEN: &str = "/api/v2/oauth/tokens/current.json";
/// A year of even traffic that ends at the noon of the tests' clock.
const YEAR: &str = "2025-11-23T12:00:00Z";
const EVENTS: u64 = 1_000;

fn options() -> Options {
    let time = |text: &str| text.parse::<Timestamp>().expect("a time");
    let (from, to) = (time(YEAR), time("2026-11-23T12:00:00Z"));
    Options { events: EVENTS, from, to, shape: Shape::Even, ..Options::default() }
}

fn with_hook(hook: impl Fn(&SeenRequest) -> Option<MockResponse> + Send + Sync + 'static) -> Sandbox {
    sandbox(Options { response_hook: Some(ResponseHook::new(hook)), ..options() })
}

fn is_count(request: &SeenRequest) -> bool {
    request.param("per_page").is_some()
}

fn ends(expires_at: &Value) -> MockResponse {
    MockResponse::json(
        200,
        &json!({ "token": { "id": 7, "token": "zdsb-fake-", "expires_at": expires_at } }).to_string(),
    )
}

/// Returns the message of a check that succeeds, after checking that it contains no secret.
#[track_caller]
fn message(run: &Run, sandbox: &Sandbox) -> String {
    assert_eq!(run.code, 0, "{}", run.stdout);
    let [status] = run.of_type("CONNECTION_STATUS").try_into().expect("one CONNECTION_STATUS");
    assert_eq!(status["connectionStatus"]["status"], "SUCCEEDED", "{}", run.stdout);
    for line in run.stdout.lines().filter(|line| !line.contains("\"CONTROL\"")) {
        for secret in SECRETS.iter().map(|secret| (*secret).to_owned()).chain(sandbox.issued_secrets()) {
            assert!(!line.contains(&secret), "{secret}: {line}");
        }
    }
    status["connectionStatus"]["message"].as_str().expect("a message").to_owned()
}

#[track_caller]
fn check(connection: &Connection, sandbox: &Sandbox) -> String {
    message(&connection.check(), sandbox)
}

const VOLUME: &str =
    "A first sync reads about 1,000 events in less than a minute, at 50 % of 700 requests per minute (Enterprise).";

/// The end of the message if the access log can be read.
const ACCESS: &str = " The access log can also be read (stream access_logs).";

#[test]
fn each_authentication_method_has_its_message() {
    for (credentials, token) in [
        (json!({ "auth_type": "access_token", "access_token": ACCESS_TOKEN }), " The access token does not expire."),
        (json!({ "auth_type": "api_token", "email": ADMIN_EMAIL, "api_token": API_TOKEN }), ""),
        (
            json!({ "auth_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET }),
            " The connector renews its access token.",
        ),
        (
            json!({
                "auth_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
                "refresh_token": REFRESH_TOKEN
            }),
            " The connector renews its access token.",
        ),
    ] {
        let sandbox = sandbox(options());
        let message = check(&Connection::with(Some(sandbox.base_url()), credentials), &sandbox);
        assert_eq!(message, format!("Connected. The newest event is 9 hours old. {VOLUME}{token}{ACCESS}"));
    }
}

#[test]
fn the_remedy_is_shown_only_for_a_pasted_token_that_expires_soon() {
    for (end, text) in [
        (
            json!("2026-11-23T12:29:00Z"),
            " The access token expires in 29 minutes, and later syncs fail: select \"OAuth client credentials\", which renews its tokens.",
        ),
        (json!("2026-12-23T12:00:00Z"), " The access token expires in 30 days."),
        (json!(null), " The access token does not expire."),
        (json!("soon"), ""),
        (json!([1]), ""),
    ] {
        let sandbox = with_hook(move |request| (request.path == TOKEN).then(|| ends(&end)));
        let message = check(&Connection::to(&sandbox), &sandbox);
        assert_eq!(message, format!("Connected. The newest event is 9 hours old. {VOLUME}{text}{ACCESS}"));
    }
}

#[test]
fn the_lifetime_of_a_pasted_token_is_looked_up() {
    let sandbox = sandbox(Options { token_lifetime: Some(Duration::from_hours(2)), ..options() });
    let credentials =
        json!({ "auth_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET });
    let _ = Connection::with(Some(sandbox.base_url()), credentials).check().succeeded();
    let token = sandbox.issued_secrets().pop().expect("a token");
    let mut connection =
        Connection::with(Some(sandbox.base_url()), json!({ "auth_type": "access_token", "access_token": token }));
    connection.clock = ManualClock::new(Timestamp::now());
    let message = check(&connection, &sandbox);
    assert!(
        message.contains(" The access token expires in ") && message.contains(" and later syncs fail"),
        "{message}"
    );
}

#[test]
fn the_first_sync_is_counted_from_the_start_date() {
    let sandbox = sandbox(options());
    for (start, text) in [
        ("2026-05-25", "A first sync from 2026-05-25T00:00:00Z reads about 500 events in less than a minute"),
        ("2026-12-01", "A first sync from 2026-12-01T00:00:00Z reads no events."),
    ] {
        let message = check(&Connection::to(&sandbox).set("start_date", json!(start)), &sandbox);
        assert!(message.contains(text), "{message}");
    }
    let counts = sandbox.requests().iter().filter(|request| is_count(request)).count();
    assert_eq!(counts, 2);
}

#[test]
fn an_account_without_events_is_reported_and_not_counted() {
    let sandbox = sandbox(Options { events: 0, ..options() });
    let message = check(&Connection::to(&sandbox), &sandbox);
    assert_eq!(
        message,
        format!(
            "Connected. The audit log has no events yet. The connector may use 50 % of 700 requests per minute (Enterprise). The access token does not expire.{ACCESS}"
        )
    );
    assert!(!sandbox.requests().iter().any(is_count));
}

#[test]
fn the_rate_limit_comes_from_the_headers_and_is_omitted_without_them() {
    for (limit, headers, text) in [
        (Some(2_500), RateHeaders::Both, "in less than a minute, at 50 % of 2,500 requests per minute."),
        (Some(400), RateHeaders::XRateLimit, "in less than a minute, at 50 % of 400 requests per minute."),
        (None, RateHeaders::RateLimit, "in less than a minute, at 50 % of 700 requests per minute (Enterprise)."),
        (None, RateHeaders::None, "A first sync reads about 1,000 events."),
    ] {
        let sandbox = sandbox(Options { rate_limit: limit, rate_headers: headers, ..options() });
        let message = check(&Connection::to(&sandbox), &sandbox);
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn a_failed_lookup_is_omitted_and_not_retried() {
    let reply =
        |status, body: &str| MockResponse::Reply { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
    let limited = MockResponse::Reply {
        status: 429,
        headers: vec![("Retry-After".to_owned(), "50".to_owned())],
        body: Vec::new(),
    };
    for failure in [
        reply(401, r#"{"error":"invalid_token"}"#),
        reply(403, r#"{"error":"Forbidden"}"#),
        reply(404, r#"{"error":"InvalidEndpoint"}"#),
        reply(400, ""),
        limited,
        reply(500, ""),
        reply(302, ""),
        reply(200, "<html></html>"),
        reply(200, "{}"),
        reply(200, r#"{"count":-1,"token":null}"#),
        reply(201, r#"{"count":5,"token":{"expires_at":null}}"#),
        MockResponse::DropConnection,
        MockResponse::DropInBody { sent: 10 },
    ] {
        let text = format!("{failure:?}");
        let sandbox = with_hook(move |request| (is_count(request) || request.path == TOKEN).then(|| failure.clone()));
        let connection = Connection::to(&sandbox);
        let message = check(&connection, &sandbox);
        assert_eq!(
            message,
            format!(
                "Connected. The newest event is 9 hours old. The connector may use 50 % of 700 requests per minute (Enterprise).{ACCESS}"
            ),
            "{text}"
        );
        assert_eq!(sandbox.requests().len(), 4, "{text}");
        let waited = connection.clock.elapsed();
        assert!(waited < Duration::from_secs(1), "{text}: it waited too long, {waited:?}");
    }
}

#[test]
fn a_forbidden_token_lookup_does_not_affect_the_rest() {
    let sandbox = sandbox(Options { token_info: false, ..options() });
    let message = check(&Connection::to(&sandbox), &sandbox);
    assert_eq!(message, format!("Connected. The newest event is 9 hours old. {VOLUME}{ACCESS}"));
}

#[test]
fn lookups_without_a_response_do_not_delay_a_check_beyond_its_limit() {
    let sandbox = with_hook(|request| (request.number > 1).then_some(MockResponse::Stall));
    let mut connection = Connection::to(&sandbox);
    let short = Duration::from_millis(300);
    connection.timeouts = Some(Timeouts { connect: Duration::from_secs(10), read: short, total: short });
    assert!(check(&connection, &sandbox).starts_with("Connected. The newest event"));
}

#[test]
fn a_small_share_of_the_rate_limit_does_not_delay_a_check() {
    let sandbox = sandbox(options());
    let connection = Connection::to(&sandbox).set("rate_limit_percentage", json!(1));
    let message = check(&connection, &sandbox);
    assert!(message.contains("The connector may use 1 % of 700 requests per minute (Enterprise)."), "{message}");
    assert_eq!(connection.clock.elapsed(), Duration::ZERO);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_slow_machine_clock_is_mentioned_in_the_message() {
    let sandbox = sandbox(options());
    let mut connection = Connection::to(&sandbox);
    connection.clock = ManualClock::new("2026-11-01T00:00:00Z".parse().expect("a time"));
    let message = check(&connection, &sandbox);
    assert!(message.contains("is ahead of this machine's clock."), "{message}");
}
