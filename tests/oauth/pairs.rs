//! Tests rotated pairs: when they are renewed, and that they are saved before they are used.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use source_zendesk_audit_logs::shutdown::{Shutdown, Signal};
use source_zendesk_audit_logs::zendesk::Failure;
use zendesk_sandbox::{MockResponse, Options, credentials};

use crate::harness::{Run, Stdout, sandbox};
use crate::{
    Swept, TOKENS, assert_all_read, assert_no_secret, assert_valid, bearer, connect, locked, refresh_token, revoking,
    sandbox_with, token_requests,
};

/// A stdout whose readers see only flushed bytes.
#[derive(Clone, Default)]
struct Flushed {
    waiting: Arc<Mutex<Vec<u8>>>,
    seen: Stdout,
}

impl Write for Flushed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        locked(&self.waiting).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        self.seen.write_all(&waiting)
    }
}

#[test]
fn a_new_pair_is_on_stdout_before_it_is_used() {
    for command in ["check", "read"] {
        let stdout = Flushed::default();
        let early: Arc<Mutex<Vec<String>>> = Arc::default();
        let sandbox = sandbox_with(Options { events: 4_000, ..Options::default() }, {
            let (seen, early, revoke) = (stdout.seen.clone(), Arc::clone(&early), revoking(2));
            move |sandbox, request| {
                if let Some(token) = bearer(request) {
                    let kept = format!(r#""access_token":"{token}""#);
                    let controls =
                        |text: String| text.lines().any(|line| line.contains("CONTROL") && line.contains(&kept));
                    if !controls(seen.text()) {
                        locked(&early).push(token);
                    }
                }
                revoke(sandbox, request)
            }
        });
        let connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).set("num_workers", json!(8));
        let mut arguments = connection.arguments(None);
        if command == "check" {
            arguments.truncate(3);
            arguments[0] = command.to_owned();
        }
        let code = connection.command_into(&arguments, Box::new(stdout.clone()));
        stdout.clone().flush().expect("a buffer");
        let run = Run { code, stdout: stdout.seen.text() }.swept(&sandbox).succeeded();
        assert_eq!(run.configs().len(), if command == "check" { 1 } else { 3 });
        assert_eq!(*locked(&early), [] as [String; 0], "used before it was saved");
    }
}

#[test]
fn the_control_message_holds_the_whole_configuration() {
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN))
        .set("subdomain", json!(" https://Sandbox.zendesk.com/agent "))
        .set("start_date", json!("2024-01-01T00:00:00Z"))
        .set("num_workers", json!(2))
        .set("__injected_declarative_manifest", json!({ "kept": [1, 2.5, null, "ä"] }));
    connection.config["credentials"]["note"] = json!("kept as well");
    let run = connection.check().swept(&sandbox).succeeded();
    let [config] = run.configs().try_into().expect("one CONTROL message");
    assert_valid(&config);
    let mut expected = connection.config.clone();
    let [access_token, refresh_token] = sandbox.issued_secrets().try_into().expect("one pair");
    expected["credentials"]["access_token"] = json!(access_token);
    expected["credentials"]["refresh_token"] = json!(refresh_token);
    // 172,800 seconds after noon of the 23rd.
    expected["credentials"]["token_expiry_date"] = json!("2026-11-25T12:00:00Z");
    assert_eq!(config, expected);
    // The next command needs the emitted configuration.
    connection.config = config;
    assert_eq!(connection.read(None).swept(&sandbox).succeeded().records().len(), 100);
    assert_eq!(sandbox.token_requests().refresh_token, 1);
}

#[test]
fn an_access_token_that_is_still_valid_is_used_without_a_refresh() {
    let sandbox = sandbox(Options { events: 300, ..Options::default() });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    for (date, renewals) in [
        (json!("2026-11-25T12:00:00Z"), 0),
        (json!("2026-11-23T13:00:00+00:30"), 0),
        // The clock runs during the command.
        (json!("2026-11-23T12:01:45Z"), 0),
        // Within a minute it would expire during the command.
        (json!("2026-11-23T12:01:00Z"), 1),
        (json!("2026-11-23T11:59:59Z"), 1),
        (json!("2020-01-01T00:00:00Z"), 1),
    ] {
        for command in ["check", "discover", "read"] {
            if connection.config["credentials"]["access_token"].is_null() {
                let first = connection.check().swept(&sandbox).succeeded();
                connection.config = first.configs().pop().expect("a CONTROL message");
            }
            connection.config["credentials"]["token_expiry_date"] = date.clone();
            sandbox.clear_requests();
            let run = match command {
                "check" => connection.check(),
                "discover" => connection.discover(),
                _ => connection.read(None),
            }
            .swept(&sandbox)
            .succeeded();
            let expected = if command == "discover" { 0 } else { renewals };
            assert_eq!(token_requests(&sandbox), expected, "{command}, {date}");
            assert_eq!(run.configs().len(), expected, "{command}, {date}");
            if let Some(config) = run.configs().pop() {
                assert_eq!(sandbox.requests()[0].path, TOKENS, "before it expires");
                connection.config = config;
            }
        }
    }
}

#[test]
fn an_access_token_of_unknown_age_is_tried_first() {
    for date in [Value::Null, json!("soon"), json!("")] {
        let sandbox = sandbox(Options { events: 2_000, ..Options::default() });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).set("num_workers", json!(8));
        connection.config = connection.check().swept(&sandbox).configs().pop().expect("a CONTROL message");
        connection.config["credentials"]["token_expiry_date"] = date;
        sandbox.clear_requests();
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(token_requests(&sandbox), 0);

        sandbox.revoke_tokens();
        sandbox.clear_requests();
        let run = connection.read(None).swept(&sandbox);
        assert_all_read(&run, &sandbox);
        assert_eq!(token_requests(&sandbox), 1);
        assert_ne!(sandbox.requests()[0].path, TOKENS);
        assert_eq!(run.configs().len(), 1);
    }
}

#[test]
fn frequent_syncs_share_a_pair() {
    let sandbox = sandbox(Options { events: 500, ..Options::default() });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    let mut state = None;
    for _ in 0..10 {
        assert_eq!(connection.check().swept(&sandbox).succeeded().configs().len(), usize::from(state.is_none()));
        if state.is_none() {
            // The platform saves the configuration that the check has emitted.
            let pair = sandbox.issued_secrets();
            connection.config["credentials"]["access_token"] = json!(pair[0]);
            connection.config["credentials"]["refresh_token"] = json!(pair[1]);
            connection.config["credentials"]["token_expiry_date"] = json!("2026-11-25T12:00:00Z");
        }
        state = Some(connection.read(state.as_ref()).swept(&sandbox).succeeded().state());
    }
    assert_eq!(sandbox.token_requests().refresh_token, 1);
}

#[test]
fn a_pair_that_cannot_be_written_is_not_used() {
    struct Closing(Stdout);
    impl Write for Closing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if bytes.starts_with(br#"{"type":"CONTROL""#) {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sandbox = sandbox(Options::default());
    let connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
    let stdout = Stdout::default();
    let code = connection.command_into(&connection.arguments(None), Box::new(Closing(stdout.clone())));
    assert_eq!(code, 141);
    assert_no_secret(&stdout.text(), &sandbox);
    assert!(sandbox.requests().iter().all(|request| request.path == TOKENS));
}

#[test]
fn a_pair_in_flight_is_saved_when_the_sync_stops() {
    // The shutdown is requested when the token request has arrived; the response is still sent.
    for command in ["check", "read"] {
        let shutdown = Shutdown::default();
        let trigger = shutdown.clone();
        let sandbox = sandbox_with(Options { events: 300, ..Options::default() }, move |_, request| {
            (request.path == TOKENS).then(|| {
                trigger.request(Signal::Terminate);
                MockResponse::Delay(Duration::from_millis(50))
            })
        });
        let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN));
        connection.signals = Some(shutdown);
        let run = if command == "check" { connection.check() } else { connection.read(None) }.swept(&sandbox);
        assert_eq!(run.code, 143);
        connection.signals = None;
        connection.config = run.configs().pop().expect("the new pair");
        assert_all_read(&connection.read(None).swept(&sandbox), &sandbox);
        assert_eq!(sandbox.token_requests().refresh_token, 1);
    }
    // Another request fails while the pair is renewed.
    let pages = AtomicUsize::new(0);
    let sandbox = sandbox_with(Options { events: 3_000, ..Options::default() }, move |_, request| {
        if request.path == TOKENS {
            return Some(MockResponse::Delay(Duration::from_millis(100)));
        }
        // The result must not depend on the request for the number of events.
        if request.param("per_page").is_some() {
            return None;
        }
        match pages.fetch_add(1, Ordering::Relaxed) {
            12 => Some(MockResponse::json(401, r#"{"error":"invalid_token"}"#)),
            13.. => Some(MockResponse::json(403, "")),
            _ => None,
        }
    });
    let mut connection = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).set("num_workers", json!(8));
    let run = connection.read(None).swept(&sandbox);
    assert_eq!((run.code, run.error()["message"].clone()), (1, json!(Failure::IpRestricted.to_string())));
    assert_eq!(run.configs().len(), sandbox.token_requests().refresh_token, "a pair was lost");
    connection.config = run.configs().pop().expect("the new pair");
    assert_eq!(connection.config["credentials"]["access_token"], json!(sandbox.issued_secrets()[2]));
}

#[test]
fn a_lifetime_in_any_form_does_not_discard_the_pair() {
    for lifetime in [json!(1800.0), json!("1800"), json!("soon"), json!(null), json!(0), json!(-5), json!([])] {
        let sandbox = sandbox_with(Options { events: 300, ..Options::default() }, {
            let lifetime = lifetime.clone();
            move |_, request| {
                let lifetime = lifetime.clone();
                (request.path == TOKENS).then(|| {
                    MockResponse::edit(move |mut response| {
                        response["expires_in"] = lifetime.clone();
                        response
                    })
                })
            }
        });
        let run = connect(&sandbox, refresh_token(credentials::REFRESH_TOKEN)).check().swept(&sandbox).succeeded();
        let [config] = run.configs().try_into().expect("one CONTROL message");
        assert_valid(&config);
        let ends = &config["credentials"]["token_expiry_date"];
        match lifetime {
            Value::Number(seconds) if seconds.as_f64() > Some(0.0) => assert_eq!(ends, "2026-11-23T12:30:00Z"),
            Value::String(text) if text == "1800" => assert_eq!(ends, "2026-11-23T12:30:00Z"),
            _ => assert_eq!(ends, "2026-11-25T12:00:00Z"),
        }
    }
}
