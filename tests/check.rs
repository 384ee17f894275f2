//! Tests `check`: each way in which a connection can fail has its own message with the remedy, is reported
//! soon, and shows no secret.
//!
//! It must not test how a read handles the same failures, except for the targets of its requests.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use harness::{Connection, Run, ServerThread, sandbox};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::ManualClock;
use source_zendesk_audit_logs::config::AuthMethod;
use source_zendesk_audit_logs::stream::AUDIT_LOGS;
use source_zendesk_audit_logs::zendesk::Timeouts;
use source_zendesk_audit_logs::zendesk::{Failure, RefusedLimit};
use zendesk_sandbox::credentials::{
    ACCESS_TOKEN, ADMIN_EMAIL, AGENT_ACCESS_TOKEN, AGENT_CLIENT_ID, AGENT_EMAIL, API_TOKEN, CLIENT_ID, CLIENT_SECRET,
    EDGE_BLOCKED_ACCESS_TOKEN, EXPIRED_ACCESS_TOKEN, IP_RESTRICTED_ACCESS_TOKEN, LIMITED_CLIENT_ID,
    NO_SCOPE_ACCESS_TOKEN, PUBLIC_CLIENT_ID, REFRESH_TOKEN, SECRETS, USED_REFRESH_TOKEN,
};
use zendesk_sandbox::{Account, MockResponse, Options, ResponseHook, Sandbox};

/// The longest duration of a check by its own clock, for every behavior of the server. A longer check would
/// reach its limit in real time, whose message does not name the cause.
const BOUND: Duration = Duration::from_secs(50);

fn access_token(token: &str) -> Value {
    json!({ "auth_type": "access_token", "access_token": token })
}

fn api_token(email: &str, token: &str) -> Value {
    json!({ "auth_type": "api_token", "email": email, "api_token": token })
}

fn client(id: &str, secret: &str) -> Value {
    json!({ "auth_type": "client_credentials", "client_id": id, "client_secret": secret })
}

fn refresh_token(token: &str) -> Value {
    json!({
        "auth_type": "refresh_token",
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": token
    })
}

fn good_credentials() -> [Value; 4] {
    [
        access_token(ACCESS_TOKEN),
        api_token(ADMIN_EMAIL, API_TOKEN),
        client(CLIENT_ID, CLIENT_SECRET),
        refresh_token(REFRESH_TOKEN),
    ]
}

fn connect(sandbox: &Sandbox, credentials: Value) -> Connection {
    Connection::with(Some(sandbox.base_url()), credentials)
}

/// Runs a check that ends with a result: in time, with exit code 0, one `CONNECTION_STATUS` on the last line,
/// no TRACE ERROR, no secret. The error is the message of a failed check.
#[track_caller]
fn check_result(connection: &Connection) -> (Run, Result<(), String>) {
    let before = connection.clock.elapsed();
    let run = connection.check();
    let took = connection.clock.elapsed().saturating_sub(before);
    assert!(took <= BOUND, "it took {took:?}: {}", run.stdout);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(!run.stdout.contains("\"trace\""), "{}", run.stdout);
    assert_no_secret(&run);
    let statuses = run.of_type("CONNECTION_STATUS");
    assert_eq!(statuses.len(), 1, "{}", run.stdout);
    assert_eq!(run.messages().last(), statuses.first(), "{}", run.stdout);
    let status = &statuses[0]["connectionStatus"];
    let message = status["message"].as_str().map(str::to_owned);
    let verdict = match (status["status"].as_str(), message) {
        (Some("SUCCEEDED"), Some(message)) if message.starts_with("Connected. ") => Ok(()),
        (Some("FAILED"), Some(message)) => Err(message),
        _ => panic!("{status}"),
    };
    (run, verdict)
}

#[track_caller]
fn assert_fails(connection: &Connection, kind: &Failure) -> Run {
    let (run, verdict) = check_result(connection);
    assert_eq!(verdict, Err(kind.to_string()), "{}", run.stdout);
    run
}

/// Asserts that no secret of the sandbox is in the output, except in the CONTROL message.
#[track_caller]
fn assert_no_secret(run: &Run) {
    let pairs = [ADMIN_EMAIL, AGENT_EMAIL].map(|email| BASE64_STANDARD.encode(format!("{email}/token:{API_TOKEN}")));
    for line in run.stdout.lines() {
        if line.starts_with("{\"type\":\"CONTROL\"") {
            continue;
        }
        for secret in SECRETS.iter().copied().chain(pairs.iter().map(|p| &**p)) {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

/// A sandbox with a hook that can replace its responses.
fn with_hook(hook: impl Fn(&zendesk_sandbox::SeenRequest) -> Option<MockResponse> + Send + Sync + 'static) -> Sandbox {
    sandbox(Options { events: 10, response_hook: Some(ResponseHook::new(hook)), ..Options::default() })
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> MockResponse {
    MockResponse::Reply {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn good_credentials_succeed_after_a_request_for_the_newest_record() {
    for credentials in good_credentials() {
        let method = credentials["auth_type"].clone();
        let sandbox = sandbox(Options::default());
        let (run, verdict) = check_result(&connect(&sandbox, credentials));
        assert_eq!(verdict, Ok(()), "{method}");
        let requests = sandbox.requests();
        let (tokens, asked): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.path == "/oauth/tokens");
        let fetches_a_token = method == "client_credentials" || method == "refresh_token";
        assert_eq!(tokens.len(), usize::from(fetches_a_token), "{method}");
        // The other requests are for the diagnosis: the number of records, access to the access logs, and the
        // expiry of a pasted token.
        assert_eq!(asked.len(), if method == "access_token" { 4 } else { 3 }, "{method}");
        assert!(asked.iter().all(|request| request.method == "GET"), "{method}");
        assert_eq!(asked[0].path, "/api/v2/audit_logs");
        assert_eq!(asked[0].params, [("page[size]".to_owned(), "1".to_owned())]);
        let warnings = run.logs("WARN");
        assert_eq!(warnings.len(), usize::from(method == "api_token"));
        assert!(
            warnings.iter().all(|warning| warning.contains("30 April 2027") && warning.contains("OAuth")),
            "{warnings:?}"
        );
        for secret in sandbox.issued_secrets() {
            let shown = run.stdout.lines().any(|line| line.contains(&secret) && !line.contains("\"CONTROL\""));
            assert!(!shown, "{method}: {}", run.stdout);
        }
    }
}

#[test]
fn an_account_without_events_is_a_success() {
    let sandbox = sandbox(Options { events: 0, ..Options::default() });
    assert_eq!(check_result(&Connection::to(&sandbox)).1, Ok(()));
}

#[test]
fn a_check_that_uses_a_refresh_token_emits_the_new_tokens() {
    let sandbox = sandbox(Options::default());
    let mut connection = connect(&sandbox, refresh_token(REFRESH_TOKEN)).set("extra", json!([7]));
    let (run, verdict) = check_result(&connection);
    assert_eq!(verdict, Ok(()));
    let controls = run.of_type("CONTROL");
    assert_eq!(controls.len(), 1);
    let updated = controls[0]["control"]["connectorConfig"]["config"].clone();
    assert_eq!(updated["extra"], json!([7]));
    assert_ne!(updated["credentials"]["refresh_token"], REFRESH_TOKEN);
    // The emitted pair works, and is not renewed while it is valid; the old pair is invalid.
    let old = std::mem::replace(&mut connection.config, updated);
    let (run, verdict) = check_result(&connection);
    assert_eq!((verdict, run.of_type("CONTROL").len()), (Ok(()), 0));
    connection.config = old;
    assert_fails(&connection, &Failure::RefreshTokenInvalid);
}

#[test]
fn each_rejection_has_its_own_message_and_is_not_retried() {
    let professional = Account::Professional;
    let enterprise = Account::Enterprise;
    let missing = Account::Missing;
    let credentials = |method| Failure::Credentials { method };
    let expired = Failure::TokenExpired { method: AuthMethod::AccessToken };
    for (account, signing_in, kind) in [
        (enterprise, access_token("wrong-token"), expired.clone()),
        (enterprise, access_token(EXPIRED_ACCESS_TOKEN), expired),
        (enterprise, api_token(ADMIN_EMAIL, "wrong-token"), credentials(AuthMethod::ApiToken)),
        (enterprise, api_token("nobody@fake-mail.example", API_TOKEN), credentials(AuthMethod::ApiToken)),
        (enterprise, access_token(AGENT_ACCESS_TOKEN), Failure::Forbidden { stream: &AUDIT_LOGS }),
        (enterprise, api_token(AGENT_EMAIL, API_TOKEN), Failure::Forbidden { stream: &AUDIT_LOGS }),
        (enterprise, client(AGENT_CLIENT_ID, CLIENT_SECRET), Failure::Forbidden { stream: &AUDIT_LOGS }),
        (professional, access_token(ACCESS_TOKEN), Failure::Forbidden { stream: &AUDIT_LOGS }),
        (professional, api_token(ADMIN_EMAIL, API_TOKEN), Failure::Forbidden { stream: &AUDIT_LOGS }),
        (professional, client(CLIENT_ID, CLIENT_SECRET), Failure::Forbidden { stream: &AUDIT_LOGS }),
        (professional, refresh_token(REFRESH_TOKEN), Failure::Forbidden { stream: &AUDIT_LOGS }),
        (enterprise, access_token(NO_SCOPE_ACCESS_TOKEN), Failure::MissingScope { stream: &AUDIT_LOGS }),
        (enterprise, access_token(IP_RESTRICTED_ACCESS_TOKEN), Failure::IpRestricted),
        (enterprise, access_token(EDGE_BLOCKED_ACCESS_TOKEN), Failure::IpRestricted),
        (missing, access_token(ACCESS_TOKEN), Failure::UnknownSubdomain),
        (missing, api_token(ADMIN_EMAIL, API_TOKEN), Failure::UnknownSubdomain),
        (missing, client(CLIENT_ID, CLIENT_SECRET), Failure::UnknownSubdomain),
        (missing, refresh_token(REFRESH_TOKEN), Failure::UnknownSubdomain),
        (enterprise, client("nobody", CLIENT_SECRET), Failure::OauthClientUnknown),
        (enterprise, client(CLIENT_ID, "wrong-secret"), Failure::OauthSecret),
        (enterprise, client(PUBLIC_CLIENT_ID, CLIENT_SECRET), Failure::OauthClientKind),
        (enterprise, client(LIMITED_CLIENT_ID, CLIENT_SECRET), Failure::OauthScope),
        (enterprise, refresh_token(USED_REFRESH_TOKEN), Failure::RefreshTokenInvalid),
    ] {
        let sandbox = sandbox(Options { account, ..Options::default() });
        let run = assert_fails(&connect(&sandbox, signing_in.clone()), &kind);
        let mut asked: Vec<_> = sandbox.requests().into_iter().map(|r| r.path).collect();
        asked.dedup();
        assert_eq!(asked.len(), sandbox.requests().len(), "{signing_in}: a retry");
        // The technical details contain the request and the response.
        let details = run.logs("INFO");
        assert!(
            details.iter().any(|line| line.contains("X-Zendesk-Request-Id: ") && line.contains(" -> 4")),
            "{details:?}"
        );
    }
}

#[test]
fn a_401_of_any_form_is_a_credential_failure() {
    for body in [
        r#"{"error":"Couldn't authenticate you"}"#,
        r#"{"error":{"title":"Unauthorized"}}"#,
        "",
        "Unauthorized",
        "<html></html>",
    ] {
        let sandbox = with_hook(move |_| Some(reply(401, &[], body)));
        for (signing_in, method) in [
            (access_token(ACCESS_TOKEN), AuthMethod::AccessToken),
            (api_token(ADMIN_EMAIL, API_TOKEN), AuthMethod::ApiToken),
        ] {
            assert_fails(&connect(&sandbox, signing_in), &Failure::Credentials { method });
        }
    }
}

#[test]
fn a_rejected_api_token_is_reported_as_retired_after_zendesk_turned_them_off() {
    let sandbox = with_hook(|_| Some(MockResponse::json(401, r#"{"error":"Couldn't authenticate you"}"#)));
    for (day, kind) in [
        ("2027-04-29T23:59:59Z", Failure::Credentials { method: AuthMethod::ApiToken }),
        ("2027-04-30T00:00:00Z", Failure::ApiTokenRetired),
    ] {
        let mut connection = connect(&sandbox, api_token(ADMIN_EMAIL, API_TOKEN));
        connection.clock = ManualClock::new(day.parse().expect("a time"));
        assert_fails(&connection, &kind);
    }
}

#[test]
fn other_rejections_are_distinguished() {
    for (status, body, kind) in [
        (400, r#"{"error":"InvalidValue"}"#, Failure::UnexpectedStatus { status: 400 }),
        (404, r#"{"error":"InvalidEndpoint","description":"Not found"}"#, Failure::EndpointNotFound),
        (404, "", Failure::EndpointNotFound),
        (422, "{}", Failure::Unprocessable),
        (418, "", Failure::UnexpectedStatus { status: 418 }),
    ] {
        let sandbox = with_hook(move |_| Some(reply(status, &[], body)));
        assert_fails(&Connection::to(&sandbox), &kind);
        assert_eq!(sandbox.requests().len(), 1, "{status}");
    }
}

#[test]
fn a_password_is_not_an_authentication_method() {
    let connection = Connection::with(None, json!(null));
    let spec = connection.command(&["spec"]).succeeded();
    let ways = &spec.messages()[0]["spec"]["connectionSpecification"]["properties"]["credentials"]["oneOf"];
    let ways: Vec<&Value> =
        ways.as_array().expect("a choice").iter().map(|way| &way["properties"]["auth_type"]["const"]).collect();
    assert_eq!(ways, ["client_credentials", "refresh_token", "access_token", "api_token"]);
    let sandbox = sandbox(Options::default());
    for auth_type in ["password", "basic"] {
        let credentials = json!({
            "auth_type": auth_type, "email": ADMIN_EMAIL, "username": ADMIN_EMAIL, "password": API_TOKEN
        });
        let message = check_result(&connect(&sandbox, credentials)).1.expect_err("refused");
        assert!(message.starts_with("In the config, credentials.auth_type selects a password"), "{message}");
    }
    // An e-mail address that is copied from curl examples still works.
    let copied = format!("{ADMIN_EMAIL}/token");
    assert_eq!(check_result(&connect(&sandbox, api_token(&copied, API_TOKEN))).1, Ok(()));
}

#[test]
fn a_redirect_is_reported_and_not_followed() {
    let trap = sandbox(Options::default());
    let target = format!("{}/api/v2/audit_logs?token={ACCESS_TOKEN}", trap.base_url());
    for status in [300, 301, 302, 303, 307, 308] {
        for (location, to) in [
            (Some(target.clone()), Some("127.0.0.1")),
            (Some("https://acme.example/expired?x=1".to_owned()), Some("acme.example")),
            (Some("/api/v2/elsewhere".to_owned()), None),
            (None, None),
        ] {
            let sandbox = with_hook(move |_| {
                let headers: Vec<_> = location.iter().map(|location| ("Location", location.as_str())).collect();
                Some(reply(status, &headers, ""))
            });
            let kind = Failure::Redirect { status, to: to.map(str::to_owned) };
            for signing_in in
                [access_token(ACCESS_TOKEN), client(CLIENT_ID, CLIENT_SECRET), refresh_token(REFRESH_TOKEN)]
            {
                sandbox.clear_requests();
                assert_fails(&connect(&sandbox, signing_in), &kind);
                assert_eq!(sandbox.requests().len(), 1);
            }
        }
    }
    assert_eq!(trap.requests().len(), 0, "credentials were sent elsewhere");
}

#[test]
fn no_url_in_a_response_is_ever_requested() {
    let trap = sandbox(Options::default());
    let elsewhere = format!("{}/api/v2/audit_logs", trap.base_url());
    let sandbox = sandbox(Options {
        events: 1_000,
        response_hook: Some(ResponseHook::new(move |_| {
            let elsewhere = elsewhere.clone();
            Some(MockResponse::edit(move |mut page| {
                page["links"] = json!({ "next": elsewhere, "prev": elsewhere });
                page["next_page"] = json!(elsewhere);
                for record in page["audit_logs"].as_array_mut().into_iter().flatten() {
                    record["url"] = json!(elsewhere);
                }
                page
            }))
        })),
        ..Options::default()
    });
    let connection = Connection::to(&sandbox);
    assert_eq!(check_result(&connection).1, Ok(()));
    let run = connection.read(None).succeeded();
    assert_eq!(run.records().len(), 1_000);
    assert!(run.records().iter().all(|record| record.contains(&trap.base_url())));
    assert_no_secret(&run);
    assert_eq!(trap.requests().len(), 0, "credentials were sent elsewhere");
}

#[test]
fn transient_failures_are_attempted_three_times_and_then_reported() {
    let trouble = |status| Failure::ServerError { status };
    let page = |what: &str| Failure::NotAPage { stream: &AUDIT_LOGS, what: what.to_owned() };
    let html = "<!DOCTYPE html><html><body>Maintenance</body></html>";
    let cut = MockResponse::DropInBody { sent: 20 };
    for (failure, kind) in [
        (reply(500, &[], ""), trouble(500)),
        (reply(502, &[], html), trouble(502)),
        (reply(503, &[("Retry-After", "2")], ""), trouble(503)),
        (reply(503, &[("Retry-After", "86400")], ""), trouble(503)),
        (reply(504, &[], ""), trouble(504)),
        (reply(524, &[], html), trouble(524)),
        (reply(409, &[], "{}"), trouble(409)),
        (reply(200, &[("Content-Type", "text/html")], html), page("an HTML page")),
        (reply(200, &[], ""), page("an empty body")),
        (reply(200, &[], "{}"), page("JSON of another shape")),
        (reply(200, &[], r#"{"audit_logs":[]"#), page("broken JSON, 16 bytes")),
        (reply(204, &[], ""), page("status 204")),
        (MockResponse::DropConnection, Failure::ConnectionLost),
        (cut, Failure::ConnectionLost),
    ] {
        let again = failure.clone();
        let sandbox = with_hook(move |_| Some(again.clone()));
        assert_fails(&Connection::to(&sandbox), &kind);
        assert_eq!(sandbox.requests().len(), 3, "{failure:?}");

        // A single failure is retried.
        let sandbox = with_hook(move |request| (request.number == 1).then(|| failure.clone()));
        assert_eq!(check_result(&Connection::to(&sandbox)).1, Ok(()), "{kind}");
    }
}

#[test]
fn an_exhausted_rate_limit_is_waited_for_only_if_it_resets_soon() {
    let limited = |headers: &'static [(&'static str, &'static str)]| {
        reply(429, headers, "Number of allowed API requests per minute exceeded")
    };
    for (headers, soon) in [
        (&[("Retry-After", "5")][..], true),
        (&[("ratelimit-reset", "5")], true),
        (&[("Retry-After", "59")], false),
        (&[("Retry-After", "86400")], false),
        (&[], false),
    ] {
        // Refused forever.
        let sandbox = with_hook(move |_| Some(limited(headers)));
        let connection = Connection::to(&sandbox);
        let run = assert_fails(&connection, &Failure::RateLimited { minutes: 0, limit: RefusedLimit::Account });
        assert!(!run.stdout.contains("0 minutes"), "{}", run.stdout);
        assert_eq!(sandbox.requests().len() > 1, soon, "{headers:?}");
        assert!(connection.clock.elapsed() <= Duration::from_secs(21));
        // Refused once.
        let sandbox = with_hook(move |request| (request.number == 1).then(|| limited(headers)));
        let connection = Connection::to(&sandbox);
        assert_eq!(check_result(&connection).1.is_ok(), soon, "{headers:?}");
        if soon {
            let waited = connection.clock.elapsed().as_secs();
            assert!((5..=6).contains(&waited), "{waited} s");
        }
    }
}

#[test]
fn heavy_use_of_the_account_does_not_fail_a_check() {
    // The first response leaves few requests of the minute, with each reason for a second request.
    let busy = [
        ("X-Rate-Limit", "700"),
        ("X-Rate-Limit-Remaining", "3"),
        ("ratelimit-limit", "700"),
        ("ratelimit-remaining", "3"),
        ("ratelimit-reset", "59"),
    ];
    let sandbox = with_hook(move |request| (request.number == 1).then(|| reply(500, &busy, "")));
    assert_eq!(check_result(&Connection::to(&sandbox)).1, Ok(()));
    let refused = r#"{"error":"invalid_token"}"#;
    let sandbox = with_hook(move |request| (request.number == 1).then(|| reply(401, &busy, refused)));
    let mut credentials = refresh_token(REFRESH_TOKEN);
    credentials["access_token"] = json!(EXPIRED_ACCESS_TOKEN);
    assert_eq!(check_result(&connect(&sandbox, credentials)).1, Ok(()));
}

#[test]
fn a_response_that_never_starts_or_never_ends_times_out() {
    let timeouts = Timeouts {
        connect: Duration::from_secs(10),
        read: Duration::from_millis(200),
        total: Duration::from_millis(400),
    };
    let silent = with_hook(|_| Some(MockResponse::Stall));
    let mut connection = Connection::to(&silent);
    connection.timeouts = Some(timeouts);
    assert_fails(&connection, &Failure::Timeout);
    assert_eq!(silent.requests().len(), 3);

    // One byte at a time: no pause is long enough for the read timeout.
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"] {
        let dripping = Server::start(move |mut stream| {
            let mut received = [0; 1024];
            let _ = stream.read(&mut received);
            let pace = Duration::from_millis(10);
            let _ = stream.set_read_timeout(Some(pace));
            let _ = stream.write_all(head.as_bytes());
            let drip = if head.is_empty() { "HTTP/1.1 200 OK\r\nX: " } else { "{" };
            let mut bytes = drip.bytes().chain(std::iter::repeat(b' '));
            // Ends when the client disconnects.
            while !matches!(stream.read(&mut received), Ok(0)) {
                let byte = bytes.next().unwrap_or(b' ');
                if stream.write_all(&[byte]).is_err() {
                    break;
                }
            }
        });
        let mut connection = Connection::with(Some(dripping.http()), access_token(ACCESS_TOKEN));
        connection.timeouts = Some(timeouts);
        assert_fails(&connection, &Failure::Timeout);
        assert_eq!(dripping.connections(), 3);
    }
}

#[test]
fn a_server_that_does_not_speak_http_fails_the_check() {
    for greeting in [&b""[..], b"SSH-2.0-OpenSSH_9.6\r\n", b"\x15\x03\x01\x00\x02\x02\x50"] {
        let server = Server::start(move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(greeting);
        });
        let connection = Connection::with(Some(server.http()), access_token(ACCESS_TOKEN));
        assert_fails(&connection, &Failure::ConnectionLost);
    }
}

#[test]
fn a_closed_port_is_reported_as_no_connection() {
    let mut messages = Vec::new();
    for signing_in in good_credentials() {
        let connection = Connection::with(Some(closed_port()), signing_in);
        messages.push(check_result(&connection).1.expect_err("no connection"));
    }
    let refused = Failure::NoConnection { why: "connection refused" };
    assert_eq!(messages, vec![refused.to_string(); 4]);
}

#[test]
fn an_untrusted_certificate_is_rejected_unless_the_operator_trusts_it() {
    let day = |year| rcgen::date_time_ymd(year, 1, 1);
    for (name, years, trusted, accepted) in [
        ("localhost", 2020..2100, true, true),
        ("localhost", 2020..2100, false, false),
        ("elsewhere.example", 2020..2100, true, false),
        // The certificate of a suspended account.
        ("localhost", 2020..2021, true, false),
        ("localhost", 2099..2100, true, false),
    ] {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).expect("parameters");
        params.not_before = day(years.start);
        params.not_after = day(years.end);
        let certificate = params.self_signed(&key).expect("a certificate");
        let (seen, server) = tls_server(certificate.der().clone(), key.serialize_der());

        let base_url = format!("https://localhost:{}", server.thread.address.port());
        let mut connection = Connection::with(Some(base_url), access_token(ACCESS_TOKEN));
        if trusted {
            connection.certificates = Some(connection.file("trusted.pem", certificate.pem()));
        }
        let case = format!("{name} {years:?} {trusted}");
        if accepted {
            assert_eq!(check_result(&connection).1, Ok(()), "{case}");
            assert_eq!(connection.read(None).succeeded().records().len(), 1);
            let all = "the record, its number, the access log, the token's end; the read";
            assert_eq!(seen.load(Ordering::Relaxed), 5, "{all}");
        } else {
            assert_fails(&connection, &Failure::InvalidCertificate);
            assert_eq!(server.connections(), 1, "{case}: a second attempt would fail, too");
            let run = connection.read(None);
            assert_eq!(run.code, 1);
            assert_eq!(run.error()["failure_type"], "config_error");
            assert_eq!(run.error()["message"], Failure::InvalidCertificate.to_string());
            assert_eq!(seen.load(Ordering::Relaxed), 0, "{case}: a request was sent");
        }
    }
}

#[test]
fn https_to_a_server_without_tls_fails_the_check() {
    let sandbox = sandbox(Options::default());
    let https = sandbox.base_url().replace("http://", "https://");
    let connection = Connection::with(Some(https), access_token(ACCESS_TOKEN));
    let why = "no connection";
    assert_fails(&connection, &Failure::NoConnection { why });
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let sandbox = sandbox(Options::default());
    let mut connection = Connection::to(&sandbox);
    let folder = connection.file("here", "");
    let folder = folder.parent().expect("a folder");
    let broken = "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    for path in [
        folder.join("absent.pem"),
        folder.to_owned(),
        connection.file("empty.pem", ""),
        connection.file("text.pem", "no certificate at all"),
        connection.file("binary.pem", [0xff, 0x00, 0x30, 0x82]),
        connection.file("key.pem", &key),
        connection.file("broken.pem", broken),
        connection.file("other.pem", no_certificate),
        connection.file("cut.pem", &broken[..40]),
    ] {
        connection.certificates = Some(path.clone());
        let begin =
            format!("The certificates in {} (environment variable SSL_CERT_FILE) cannot be used: ", path.display());
        let message = check_result(&connection).1.expect_err("refused");
        assert!(message.starts_with(&begin), "{message}");
        let run = connection.read(None);
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert_eq!(run.error()["failure_type"], "config_error");
        assert_eq!(run.error()["message"], message);
        assert!(!run.stdout.contains(&key[40..60]), "{}", run.stdout);
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn a_base_url_that_would_send_credentials_elsewhere_is_rejected() {
    let trap = sandbox(Options::default());
    let port = trap.base_url().rsplit(':').next().map(str::to_owned);
    let port = port.expect("a port");
    for (base_url, problem) in [
        ("http://zendesk.example".to_owned(), "must start with https://"),
        ("http://10.0.0.1".to_owned(), "must start with https://"),
        (format!("http://0.0.0.0:{port}"), "must start with https://"),
        (format!("http://127.0.0.1.example:{port}"), "must start with https://"),
        ("ftp://127.0.0.1".to_owned(), "must start with https://"),
        ("file:///etc/hosts".to_owned(), "must start with https://"),
        (format!("http://user:{ACCESS_TOKEN}@127.0.0.1:{port}"), "must consist of a scheme, a host"),
        (format!("http://user@localhost:{port}"), "must consist of a scheme, a host"),
        (format!("http://127.0.0.1:{port}/path"), "must end after the host"),
        (format!("http://127.0.0.1:{port}/?x=1"), "must end after the host"),
        (format!("http://127.0.0.1:{port}/#x"), "must end after the host"),
        ("zendesk".to_owned(), "is not a URL."),
        ("https://".to_owned(), "is not a URL."),
        ("http://127.0.0.1:99999".to_owned(), "is not a URL."),
    ] {
        let connection = Connection::with(Some(base_url.clone()), access_token(ACCESS_TOKEN));
        let message = check_result(&connection).1.expect_err("refused");
        let begin = format!("The environment variable ZENDESK_BASE_URL {problem}");
        assert!(message.starts_with(&begin), "{base_url}: {message}");
        let run = connection.read(None);
        assert_eq!((run.code, run.records().len()), (1, 0));
        assert_eq!(run.error()["failure_type"], "config_error");
        assert_eq!(run.error()["message"], message);
        assert_no_secret(&run);
    }
    assert_eq!(trap.requests().len(), 0);
}

#[test]
fn an_invalid_field_is_named_and_its_value_is_not_shown() {
    let sandbox = sandbox(Options::default());
    let secret = ACCESS_TOKEN;
    let at = |field: &str, value: Value| {
        let mut config = json!({ "subdomain": "sandbox", "credentials": access_token(ACCESS_TOKEN) });
        config[field] = value;
        config
    };
    let signing_in = |credentials: Value| at("credentials", credentials);
    for (config, begin) in [
        (json!([]), "the top level must be a JSON object"),
        (json!(null), "the top level must be a JSON object"),
        (json!({}), "subdomain is missing."),
        (at("subdomain", json!(null)), "subdomain is missing."),
        (at("subdomain", json!(7)), "subdomain must be a string"),
        (at("subdomain", json!(" ")), "subdomain is empty."),
        (at("subdomain", json!("a.example")), "subdomain is not a Zendesk subdomain."),
        (at("subdomain", json!(format!("{secret}@x"))), "subdomain is not a Zendesk subdomain."),
        (at("subdomain", json!("127.0.0.1")), "subdomain is not a Zendesk subdomain."),
        (signing_in(json!(null)), "credentials is missing."),
        (signing_in(json!(secret)), "credentials must be a JSON object"),
        (signing_in(json!({})), "credentials.auth_type is missing."),
        (signing_in(json!({ "auth_type": secret })), "credentials.auth_type is unknown."),
        (signing_in(json!({ "auth_type": 7 })), "credentials.auth_type must be a string"),
        (signing_in(access_token("")), "credentials.access_token is empty."),
        (signing_in(access_token("two words")), "credentials.access_token contains spaces"),
        (signing_in(access_token("line\r\nX: y")), "credentials.access_token contains spaces"),
        (signing_in(access_token("*****")), "credentials.access_token is a masked display"),
        (signing_in(json!({ "auth_type": "access_token" })), "credentials.access_token is missing."),
        (signing_in(api_token(secret, "t0ken")), "credentials.email is not an e-mail address."),
        (signing_in(api_token(ADMIN_EMAIL, "")), "credentials.api_token is empty."),
        (signing_in(json!({ "auth_type": "api_token", "api_token": secret })), "credentials.email is missing."),
        (signing_in(client("", secret)), "credentials.client_id is empty."),
        (signing_in(client(CLIENT_ID, "")), "credentials.client_secret is empty."),
        (signing_in(refresh_token("")), "credentials.refresh_token is empty."),
        (at("start_date", json!(secret)), "start_date is not a date."),
        (at("start_date", json!(2024)), "start_date must be a string"),
        (at("lookback_window_minutes", json!(-1)), "lookback_window_minutes must be an integer"),
        (at("lookback_window_minutes", json!(1441)), "lookback_window_minutes must be an integer"),
        (at("num_workers", json!(0)), "num_workers must be an integer"),
        (at("num_workers", json!(17)), "num_workers must be an integer"),
        (at("num_workers", json!(secret)), "num_workers must be an integer"),
        (at("rate_limit_percentage", json!(0)), "rate_limit_percentage must be an integer"),
        (at("rate_limit_percentage", json!(100.5)), "rate_limit_percentage must be an integer"),
    ] {
        let mut connection = Connection::to(&sandbox);
        connection.config = config.clone();
        let message = check_result(&connection).1.expect_err("refused");
        assert!(message.starts_with(&format!("In the config, {begin}")), "{config}: {message}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn an_unreadable_config_file_fails_the_command() {
    let sandbox = sandbox(Options::default());
    let connection = Connection::to(&sandbox);
    let absent = PathBuf::from("/absent/config.json");
    let broken = connection.file("broken.json", format!("{{\"access_token\": {ACCESS_TOKEN}"));
    for path in [absent, broken] {
        let path = path.to_str().expect("Unicode");
        let run = connection.command(&["check", "--config", path]);
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert_eq!(run.error()["failure_type"], "config_error");
        assert_eq!(run.messages().len(), 1);
        assert!(run.stdout.contains(path), "{}", run.stdout);
        assert_no_secret(&run);
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn a_token_that_a_response_echoes_is_redacted() {
    // A token with all characters that an encoding may change.
    let token = r#"s3cr3t-A+/b="c&d\<e>???"#;
    let core = "s3cr3t-A";
    let pair = BASE64_STANDARD.encode(format!("{ADMIN_EMAIL}/token:{token}"));
    assert!(pair.ends_with('='), "{pair}: its padding is encoded");
    for (signing_in, sent, tell_tales) in [
        (access_token(token), token.to_owned(), vec![core.to_owned()]),
        (api_token(ADMIN_EMAIL, token), pair.clone(), vec![core.to_owned(), pair.trim_end_matches('=').to_owned()]),
    ] {
        let json = json!(sent).to_string();
        for (form, echo) in [
            ("raw", sent.clone()),
            ("JSON", json.clone()),
            ("JSON with escaped slashes", json.replace('/', "\\/")),
            ("percent-encoded", percent_encoded(&sent, "{:02X}")),
            ("percent-encoded in lower case", percent_encoded(&sent, "{:02x}")),
            ("the configured token", token.to_owned()),
        ] {
            for status in [400, 401, 403, 500] {
                let long = format!("{}{echo}", "x".repeat(280));
                for text in [echo.clone(), long] {
                    let body = format!("{{\"error\":\"Bad header: {text}\"}}");
                    let header = text.clone();
                    let sandbox = with_hook(move |_| Some(reply(status, &[("X-Zendesk-Request-Id", &header)], &body)));
                    let (run, verdict) = check_result(&connect(&sandbox, signing_in.clone()));
                    let message = verdict.expect_err("refused");
                    for tell_tale in &tell_tales {
                        assert!(!run.stdout.contains(tell_tale.as_str()), "{form}, {status}: {}", run.stdout);
                    }
                    assert!(!message.contains("Bad header"), "{message}");
                    assert!(run.stdout.contains("(redacted)"), "{form}: {}", run.stdout);
                }
            }
        }
    }
}

/// Encodes each byte that is not a letter or digit as `%` and two hexadecimal digits.
fn percent_encoded(text: &str, digits: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => char::from(byte).to_string(),
            byte if digits == "{:02X}" => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

/// Returns a base URL with a closed port.
fn closed_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// A server without HTTP: each connection is passed to a closure, one after the other.
struct Server {
    connections: Arc<AtomicUsize>,
    thread: ServerThread,
}

impl Server {
    fn start(serve: impl Fn(TcpStream) + Send + 'static) -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let thread = ServerThread::start(move |streams| {
            for stream in streams {
                counter.fetch_add(1, Ordering::SeqCst);
                serve(stream);
            }
        });
        Self { connections, thread }
    }

    fn http(&self) -> String {
        format!("http://{}", self.thread.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Responds to every request over TLS with a page of one record, and counts the requests.
fn tls_server(certificate: CertificateDer<'static>, key: Vec<u8>) -> (Arc<AtomicUsize>, Server) {
    const PAGE: &str = r#"{"audit_logs":[{"id":1,"created_at":"2024-01-01T00:00:00Z"}],"meta":{"has_more":false,"after_cursor":null},"links":{"next":null}}"#;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate with its key");
    let config = Arc::new(config);
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let server = Server::start(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut stream = StreamOwned::new(connection, stream);
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut part) {
                // The client does not trust the certificate, or has disconnected.
                Ok(0) | Err(_) => return,
                Ok(length) => request.extend_from_slice(&part[..length]),
            }
        }
        counter.fetch_add(1, Ordering::Relaxed);
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
            PAGE.len()
        );
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    (seen, server)
}
