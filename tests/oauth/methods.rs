//! Tests the four methods: which one is recommended, which ones are retired, and their documentation.

use crate::harness::sandbox;
use crate::{
    Swept, api_token, assert_all_read, assert_reports, assert_valid, claimed, client_credentials, connect,
    token_requests,
};
use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::ManualClock;
use source_zendesk_audit_logs::config::AuthMethod;
use source_zendesk_audit_logs::config::{Config, connection_specification};
use source_zendesk_audit_logs::stream::AUDIT_LOGS;
use source_zendesk_audit_logs::zendesk::Failure;
use zendesk_sandbox::{MockResponse, Options, ResponseHook, credentials};

#[test]
fn client_credentials_are_the_first_option_and_emit_no_control_message() {
    let specification = connection_specification();
    let first = &specification["properties"]["credentials"]["oneOf"][0]["properties"];
    assert_eq!(first["auth_type"]["const"], "client_credentials");
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let connection = connect(&sandbox, client_credentials());
    assert_valid(&connection.config);
    let runs = [connection.check(), connection.discover(), connection.read(None)];
    for run in runs.map(|run| run.swept(&sandbox).succeeded()) {
        assert_eq!(run.configs(), [] as [Value; 0]);
    }
    // A token exists only in memory: one for the check, none for discover, one for the read.
    assert_eq!(sandbox.token_requests().client_credentials, 2);
}

#[test]
fn an_api_token_warns_of_its_retirement_and_names_the_alternative() {
    let sandbox = sandbox(Options { events: 100, ..Options::default() });
    let connection = connect(&sandbox, api_token());
    for run in [connection.check(), connection.read(None)] {
        let run = run.swept(&sandbox).succeeded();
        let [warning] = run.logs("WARN").try_into().expect("one warning");
        for text in ["30 April 2027", "confidential OAuth client", "OAuth client credentials"] {
            assert!(warning.contains(text), "{warning}");
        }
    }
    for credentials in
        [client_credentials(), json!({ "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN })]
    {
        let run = connect(&sandbox, credentials).read(None).swept(&sandbox).succeeded();
        assert_eq!(run.logs("WARN"), [] as [String; 0]);
    }
}

#[test]
fn an_api_token_rejected_after_the_retirement_date_is_reported_as_retired() {
    let method = AuthMethod::ApiToken;
    for (now, kind) in [
        ("2026-11-23T12:00:00Z", Failure::Credentials { method }),
        ("2027-04-29T23:59:59Z", Failure::Credentials { method }),
        ("2027-05-01T00:00:00Z", Failure::ApiTokenRetired),
        ("2028-01-01T00:00:00Z", Failure::ApiTokenRetired),
    ] {
        let refused = ResponseHook::new(|_| Some(MockResponse::json(401, r#"{"error":"Couldn't authenticate you"}"#)));
        let sandbox = sandbox(Options { response_hook: Some(refused), ..Options::default() });
        let mut connection = connect(&sandbox, api_token());
        connection.clock = ManualClock::new(now.parse().expect("a time"));
        assert_eq!(assert_reports(&sandbox, &connection, &kind), [0, 0]);
        assert!(kind.to_string().contains("30 April 2027") && kind.to_string().contains("OAuth client credentials"));
    }
}

#[test]
fn a_pasted_token_that_expires_during_a_sync_names_the_alternative() {
    let dying = ResponseHook::new(|request| {
        (request.number > 12).then(|| MockResponse::json(401, r#"{"error":"invalid_token"}"#))
    });
    let sandbox = sandbox(Options { events: 3_000, response_hook: Some(dying), ..Options::default() });
    let pasted = json!({ "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN });
    let run = connect(&sandbox, pasted).set("num_workers", json!(8)).read(None).swept(&sandbox);
    assert_eq!(run.code, 1);
    let kind = Failure::TokenExpired { method: AuthMethod::AccessToken };
    assert_eq!(run.error()["message"], kind.to_string());
    assert!(kind.to_string().contains("OAuth client credentials"));
    assert_eq!(run.error()["failure_type"], "config_error");
    assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
    assert_eq!(claimed(&run), run.records().len());
    assert_eq!(token_requests(&sandbox), 0);
}

#[test]
fn a_connection_that_changes_its_method_continues_from_its_state() {
    let sandbox = sandbox(Options { events: 1_200, ..Options::default() });
    let before = connect(&sandbox, api_token()).read(None).swept(&sandbox);
    assert_all_read(&before, &sandbox);
    let connection = connect(&sandbox, client_credentials());
    let after = connection.read(Some(&before.state())).swept(&sandbox).succeeded();
    assert_eq!(after.records(), [] as [String; 0]);
    assert_eq!(after.stream_state(), before.stream_state());
}

#[test]
fn the_documentation_has_the_messages_of_the_connector() {
    let page = include_str!("../../docs/authentication.md");
    let mut ways = Vec::new();
    for example in page.split("```json\n").skip(1).filter_map(|rest| rest.split_once("```")) {
        let config: Value = serde_json::from_str(example.0).expect("an example is JSON");
        assert_valid(&config);
        Config::parse(&config).expect("the example is valid");
        ways.push(config["credentials"]["auth_type"].as_str().expect("a text").to_owned());
    }
    assert_eq!(ways, ["client_credentials", "refresh_token", "access_token", "api_token"]);
    let method = AuthMethod::AccessToken;
    let causes = [
        Failure::OauthClientUnknown,
        Failure::OauthSecret,
        Failure::OauthClient,
        Failure::OauthClientKind,
        Failure::OauthScope,
        Failure::RefreshTokenInvalid,
        Failure::RefreshResponseLost,
        Failure::TokenExpired { method },
        Failure::MissingScope { stream: &AUDIT_LOGS },
        Failure::Forbidden { stream: &AUDIT_LOGS },
        Failure::Credentials { method },
        Failure::ApiTokenRetired,
        Failure::UnknownSubdomain,
        Failure::IpRestricted,
        Failure::NotAToken,
        Failure::OauthRefused { status: 400 },
    ];
    let table = page.split_once("| Message | Remedy |").expect("the table of messages").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let quoted: Vec<&str> = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    assert_eq!(quoted.len(), causes.len());
    for (quoted, kind) in quoted.iter().zip(causes) {
        assert!(kind.to_string().starts_with(quoted), "{quoted}: {kind}");
    }
}
