//! Tests that the documents agree with the code: each error message and each warning, the columns, the
//! durations of a first sync, the examples of files.
//!
//! It must not run the documents' commands: `conformance/test_documents.py` does, and
//! `analytics/tests/test_documents.py` runs their SQL.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use harness::{Connection, sandbox};
use serde_json::{Value, json};
use source_zendesk_audit_logs::airbyte::message::FailureType;
use source_zendesk_audit_logs::airbyte::{CatalogError, OutputError};
use source_zendesk_audit_logs::clock::ManualClock;
use source_zendesk_audit_logs::config::{AuthMethod, Config, InputError, InputFile, connection_specification};
use source_zendesk_audit_logs::error::Error;
use source_zendesk_audit_logs::stream::AUDIT_LOGS;
use source_zendesk_audit_logs::stream::STREAMS;
use source_zendesk_audit_logs::zendesk::{self, Failure, RefusedLimit};
use zendesk_sandbox::{Options, Shape, credentials};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

// ---- error messages ------------------------------------------------------------------------------

/// Numbers in messages, and their placeholders in the document.
const NUMBERS: [(&str, &str); 5] =
    [("{megabytes}", "19"), ("{status}", "599"), ("{line}", "13"), ("{column}", "17"), ("{minutes}", "30")];

/// Returns some values of each variant. The match has no default arm: a new variant does not compile until it
/// has a row here, and then the test fails until docs/troubleshooting.md contains its message.
macro_rules! every {
    ($type:ty: $($pattern:pat => $values:expr),+ $(,)?) => {{
        let known = |value: &$type| match value { $($pattern => ()),+ };
        let mut all: Vec<$type> = Vec::new();
        $({
            let values: Vec<$type> = $values;
            assert!(!values.is_empty() && values.iter().all(|value| matches!(value, $pattern)), "{}", stringify!($pattern));
            values.iter().for_each(&known);
            all.extend(values);
        })+
        all
    }};
}

fn files() -> Vec<InputFile> {
    every!(InputFile:
        InputFile::Config => vec![InputFile::Config],
        InputFile::Catalog => vec![InputFile::Catalog],
        InputFile::State => vec![InputFile::State],
    )
}

fn methods() -> Vec<AuthMethod> {
    every!(AuthMethod:
        AuthMethod::ClientCredentials => vec![AuthMethod::ClientCredentials],
        AuthMethod::RefreshToken => vec![AuthMethod::RefreshToken],
        AuthMethod::AccessToken => vec![AuthMethod::AccessToken],
        AuthMethod::ApiToken => vec![AuthMethod::ApiToken],
    )
}

fn input_errors() -> Vec<InputError> {
    let of_files = |error: fn(InputFile) -> InputError| files().into_iter().map(error).collect::<Vec<_>>();
    every!(InputError:
        InputError::FileMissing { .. } => of_files(|file| InputError::FileMissing { file, path: "{path}".into() }),
        InputError::FileUnreadable { .. } =>
            of_files(|file| InputError::FileUnreadable { file, path: "{path}".into(), why: "{why}".into(), remedy: "{remedy}" }),
        InputError::FileTooLarge { .. } =>
            of_files(|file| InputError::FileTooLarge { file, path: "{path}".into(), megabytes: 19 }),
        InputError::FileEmpty { .. } => of_files(|file| InputError::FileEmpty { file, path: "{path}".into() }),
        InputError::FileNotJson { .. } =>
            of_files(|file| InputError::FileNotJson { file, path: "{path}".into(), line: 13, column: 17 }),
        InputError::Field { .. } => of_files(|file| InputError::Field {
            file, field: "{field}".into(), problem: "{problem}".into(), remedy: Some("{remedy}".into())
        }),
    )
}

fn zendesk_failures() -> Vec<Failure> {
    let of_methods = |failure: fn(AuthMethod) -> Failure| methods().into_iter().map(failure).collect::<Vec<_>>();
    let path = || PathBuf::from("{path}");
    let why = || "{why}".to_owned();
    every!(Failure:
        Failure::Setup { .. } => vec![Failure::Setup { why: why() }],
        Failure::BaseUrl { .. } => vec![Failure::BaseUrl { problem: "{problem}" }],
        Failure::Certificates { .. } => vec![Failure::Certificates { path: path(), why: why() }],
        Failure::Proxy { .. } => vec![Failure::Proxy { variable: "{variable}", problem: "{problem}" }],
        Failure::Credentials { .. } => of_methods(|method| Failure::Credentials { method }),
        Failure::ApiTokenRetired => vec![Failure::ApiTokenRetired],
        Failure::TokenExpired { .. } => of_methods(|method| Failure::TokenExpired { method }),
        Failure::Forbidden { .. } => STREAMS.map(|stream| Failure::Forbidden { stream }).to_vec(),
        Failure::MissingScope { .. } => STREAMS.map(|stream| Failure::MissingScope { stream }).to_vec(),
        Failure::IpRestricted => vec![Failure::IpRestricted],
        Failure::UnknownSubdomain => vec![Failure::UnknownSubdomain],
        Failure::EndpointNotFound => vec![Failure::EndpointNotFound],
        Failure::Redirect { .. } => vec![
            Failure::Redirect { status: 599, to: Some("{host}".into()) },
            Failure::Redirect { status: 599, to: None },
        ],
        Failure::Unprocessable => vec![Failure::Unprocessable],
        Failure::InvalidCertificate => vec![Failure::InvalidCertificate],
        Failure::UnexpectedStatus { .. } => vec![Failure::UnexpectedStatus { status: 599 }],
        Failure::OauthClient => vec![Failure::OauthClient],
        Failure::OauthClientUnknown => vec![Failure::OauthClientUnknown],
        Failure::OauthSecret => vec![Failure::OauthSecret],
        Failure::OauthClientKind => vec![Failure::OauthClientKind],
        Failure::OauthScope => vec![Failure::OauthScope],
        Failure::RefreshTokenInvalid => vec![Failure::RefreshTokenInvalid],
        Failure::RefreshResponseLost => vec![Failure::RefreshResponseLost],
        Failure::OauthRefused { .. } => vec![Failure::OauthRefused { status: 599 }],
        Failure::NotAToken => vec![Failure::NotAToken],
        Failure::NoConnection { .. } => vec![Failure::NoConnection { why: "{why}" }],
        Failure::Timeout => vec![Failure::Timeout],
        Failure::ConnectionLost => vec![Failure::ConnectionLost],
        Failure::ServerError { .. } => vec![Failure::ServerError { status: 599 }],
        Failure::NotAPage { .. } =>
            STREAMS.map(|stream| Failure::NotAPage { stream, what: "{what}".into() }).to_vec(),
        Failure::TooLarge { .. } => vec![Failure::TooLarge { what: "{what}".into() }],
        Failure::Pagination { .. } => vec![Failure::Pagination { what: "{what}" }],
        Failure::RateLimited { .. } => [RefusedLimit::Account, RefusedLimit::Endpoint]
            .into_iter()
            .flat_map(|limit| [30, 0].map(|minutes| Failure::RateLimited { minutes, limit }))
            .collect(),
        Failure::Defect => vec![Failure::Defect],
    )
}

/// Returns every error that a command can end with.
fn errors() -> Vec<Error> {
    let why = || "{why}".to_owned();
    every!(Error:
        Error::Input(_) => input_errors().into_iter().map(Error::from).collect(),
        Error::Catalog(_) => every!(CatalogError:
            CatalogError::Input(_) => input_errors().into_iter().map(CatalogError::from).collect(),
            CatalogError::UnknownStream { .. } =>
                vec![CatalogError::UnknownStream { name: "{name}".into(), known: "{streams}".into() }],
            CatalogError::UnknownSyncMode { .. } =>
                vec![CatalogError::UnknownSyncMode { stream: "{stream}".into(), mode: "{mode}".into() }],
        ).into_iter().map(Error::from).collect(),
        Error::Output(_) => every!(OutputError:
            OutputError::Closed => vec![OutputError::Closed],
            OutputError::Failed { .. } => vec![OutputError::Failed { why: why() }],
            OutputError::Defect => vec![OutputError::Defect],
        ).into_iter().map(Error::from).collect(),
        Error::Zendesk(_) =>
            zendesk_failures().into_iter().map(|failure| zendesk::Error::from(failure).into()).collect(),
        Error::LogLevel => vec![Error::LogLevel],
        Error::Startup { .. } => vec![Error::Startup { why: why() }],
        Error::Defect { .. } => vec![Error::defect("")],
    )
}

fn failure_type(name: &str) -> FailureType {
    let known = [FailureType::ConfigError, FailureType::TransientError, FailureType::SystemError];
    let named = |kind: &FailureType| serde_json::to_value(kind).expect("serializes") == *name;
    known.into_iter().find(named).unwrap_or_else(|| panic!("{name} is not a failure type"))
}

/// Returns the quoted messages of the page, with the failure type at the beginning of the paragraph after
/// each. A message with `{file}` represents three messages.
fn documented_messages(page: &str) -> BTreeMap<String, FailureType> {
    let mut messages = BTreeMap::new();
    let mut quoted = Vec::new();
    for line in page.lines().filter(|line| !line.is_empty()) {
        if let Some(message) = line.strip_prefix("> ") {
            quoted.push(message);
            continue;
        }
        for message in quoted.drain(..) {
            let kind = line.strip_prefix('`').and_then(|rest| rest.split_once("`. "));
            let (kind, explanation) =
                kind.unwrap_or_else(|| panic!("{message} is not followed by a failure type: {line}"));
            assert!(explanation.len() > 20, "{message} has no explanation");
            let names = if message.contains("{file}") { files() } else { vec![InputFile::Config] };
            for file in names {
                let mut message = message.replace("{file}", &file.to_string());
                for (name, number) in NUMBERS {
                    message = message.replace(name, number);
                }
                let twice = messages.insert(message.clone(), failure_type(kind));
                assert_eq!(twice, None, "twice: {message}");
            }
        }
    }
    assert!(quoted.is_empty(), "{quoted:?}");
    messages
}

#[test]
fn each_error_message_is_documented_verbatim_and_no_other() {
    let documented = documented_messages(&page("docs/troubleshooting.md"));
    let emitted: BTreeMap<String, FailureType> =
        errors().iter().map(|error| (error.to_string(), error.failure_type())).collect();
    for (message, kind) in &emitted {
        assert_eq!(
            documented.get(message),
            Some(kind),
            "docs/troubleshooting.md has no such message, or another failure type: {message}"
        );
    }
    for message in documented.keys() {
        assert!(
            emitted.contains_key(message),
            "docs/troubleshooting.md has a message that the connector never emits: {message}"
        );
    }
}

// ---- warnings ------------------------------------------------------------------------------------

#[track_caller]
fn assert_warning_documented(warnings: &[String], stand_ins: &[(&str, &str)]) {
    let [warning] = warnings else { panic!("not one warning: {warnings:?}") };
    let general = stand_ins.iter().fold(warning.clone(), |text, (value, name)| text.replace(value, name));
    let page = page("docs/troubleshooting.md");
    assert!(page.contains(&format!("| `{general}` |")), "docs/troubleshooting.md lacks the warning: {general}");
}

#[test]
fn the_warning_about_api_tokens_is_documented() {
    let sandbox = sandbox(Options { events: 1, ..Options::default() });
    let credentials = json!({
        "auth_type": "api_token", "email": credentials::ADMIN_EMAIL, "api_token": credentials::API_TOKEN
    });
    let run = Connection::with(Some(sandbox.base_url()), credentials).check();
    assert_warning_documented(&run.logs("WARN"), &[]);
}

#[test]
fn the_warning_about_an_empty_catalog_is_documented() {
    let sandbox = sandbox(Options { events: 1, ..Options::default() });
    let connection = Connection::to(&sandbox);
    let config = connection.file("config.json", connection.config.to_string());
    let catalog = connection.file("catalog.json", r#"{"streams":[]}"#);
    let [config, catalog] = [&config, &catalog].map(|path| path.to_str().expect("Unicode"));
    let run = connection.command(&["read", "--config", config, "--catalog", catalog]).succeeded();
    assert_warning_documented(&run.logs("WARN"), &[]);
}

#[test]
fn the_warning_about_a_later_start_date_is_documented() {
    let sandbox = sandbox(Options { events: 20, ..Options::default() });
    let connection = Connection::to(&sandbox);
    let state = connection.read(None).succeeded().state();
    let cursor = state["stream"]["stream_state"]["created_at"].as_str().expect("a cursor").to_owned();
    let run = connection.set("start_date", json!("2025-01-01T00:00:00Z")).read(Some(&state)).succeeded();
    let dates = [("2025-01-01T00:00:00Z", "{start}"), (cursor.as_str(), "{cursor}")];
    assert_warning_documented(&run.logs("WARN"), &dates);
}

#[test]
fn the_warnings_about_filters_are_documented() {
    let sandbox = sandbox(Options { events: 20, ..Options::default() });
    let connection = Connection::to(&sandbox);
    let state = connection.read(None).succeeded().state();
    let since = state["stream"]["stream_state"]["seen_since"].as_str().expect("a time").to_owned();
    let connection = connection.set("filters", json!({ "actions": ["update"] }));
    let run = connection.read(Some(&state)).succeeded();
    assert_warning_documented(&run.logs("WARN"), &[(&since, "{time}")]);
    let run = connection.set("filters", json!({ "actions": ["upgrade"] })).read(None).succeeded();
    assert_warning_documented(&run.logs("WARN"), &[("\"upgrade\"", "{actions}")]);
}

#[test]
fn the_warning_about_a_clock_that_is_wrong_is_documented() {
    let ahead = jiff::SignedDuration::from_secs(1);
    let sandbox = sandbox(Options { events: 20, clock_offset: ahead, ..Options::default() });
    let mut connection = Connection::to(&sandbox);
    connection.clock = ManualClock::new(jiff::Timestamp::now() - jiff::SignedDuration::from_mins(30));
    let run = connection.read(None).succeeded();
    assert_warning_documented(&run.logs("WARN"), &[("30 minutes", "{time}")]);
}

#[test]
fn the_warning_about_records_without_a_time_is_documented() {
    let sandbox = sandbox(Options { events: 2_000, ..Options::default() });
    let run = Connection::to(&sandbox).read(None).succeeded();
    let undated = sandbox.records().iter().filter(|record| lacks_a_time(record)).count();
    assert!(undated > 0);
    assert_warning_documented(&run.logs("WARN"), &[(&format!("{undated} records"), "{n} records")]);
}

fn lacks_a_time(record: &str) -> bool {
    serde_json::from_str::<Value>(record).expect("JSON")["created_at"].is_null()
}

#[test]
fn the_warning_about_a_full_state_is_documented() {
    let sandbox = sandbox(Options { events: 10_200, shape: Shape::OneSecond, ..Options::default() });
    let run = Connection::to(&sandbox).set("rate_limit_percentage", json!(100)).read(None).succeeded();
    let mut warnings = run.logs("WARN");
    warnings.retain(|warning| !warning.contains("a usable created_at"));
    assert_warning_documented(&warnings, &[]);
}

// ---- columns, durations --------------------------------------------------------------------------

/// Returns the cells of the page's table rows that begin with a code span.
fn rows(page: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    page.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_columns_are_those_of_the_schema() {
    let schema = (AUDIT_LOGS.json_schema)();
    let properties = schema["properties"].as_object().expect("properties");
    let mut documented = BTreeSet::new();
    for row in rows(&page("docs/columns.md")) {
        let [name, kind, nulls, meaning, example] = row.as_slice() else { panic!("not five cells: {row:?}") };
        let name = name.trim_matches('`');
        let property = properties.get(name).unwrap_or_else(|| panic!("the schema has no {name}"));
        let expected = match (property["type"][1].as_str(), property["airbyte_type"].as_str()) {
            (_, Some("timestamp_with_timezone")) => "timestamp",
            (Some(kind), None) => kind,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(kind, expected, "{name}");
        assert_eq!(property["type"][0], "null", "{name}");
        assert!(!nulls.is_empty() && !meaning.is_empty(), "{name}");
        let example: Value = serde_json::from_str(example.trim_matches('`')).expect(name);
        assert!(jsonschema::is_valid(property, &example), "{name}: {example}");
        assert!(documented.insert(name.to_owned()), "{name} is listed twice");
    }
    assert_eq!(documented, properties.keys().cloned().collect());
}

/// Formats minutes, rounded up, in the form of the page.
fn formatted_minutes(minutes: f64) -> String {
    match minutes {
        ..1.0 => "under 1 min".to_owned(),
        ..120.0 => format!("{:.0} min", minutes.ceil()),
        ..2_880.0 => format!("{:.0} h", (minutes / 60.0).ceil()),
        _ => format!("{:.0} days", (minutes / 1_440.0).ceil()),
    }
}

#[test]
fn the_durations_of_a_first_sync_follow_from_pages_and_limits() {
    let page = page("docs/backfill.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with(" |"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .filter(|row: &Vec<&str>| row.len() == 6 && row[0].starts_with(char::is_numeric))
        .collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        let number = |text: &str| text.replace(',', "").parse::<f64>().expect("a number");
        let (events, pages) = (number(row[0]), number(row[1]));
        assert!((pages - (events / 100.0).ceil()).abs() < 0.5, "{row:?}");
        let durations: Vec<String> =
            [700.0 * 0.5, 700.0, 2_500.0 * 0.5, 2_500.0].iter().map(|speed| formatted_minutes(pages / speed)).collect();
        assert_eq!(row[2..], durations, "{} events", row[0]);
    }
}

// ---- examples ------------------------------------------------------------------------------------

fn json_blocks(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| serde_json::from_str(block).expect(block)).collect()
}

/// README.md shows what the demo prints. `docs/pictures/generator --check` compares the capture with a run of the demo.
#[test]
fn the_record_and_the_check_in_the_readme_are_from_the_demo() {
    let readme = page("README.md");
    let capture = page("docs/pictures/demo.txt");
    let messages = || capture.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let [record, config] = json_blocks(&readme).try_into().expect("a record and a configuration");
    assert!(messages().any(|message| message["record"]["data"] == record), "{record}");
    Config::parse(&config).expect("the configuration is valid");
    let quoted: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("> ")).collect();
    let expected = Value::from(quoted.join(" "));
    assert!(messages().any(|message| message["connectionStatus"]["message"] == expected), "{expected}");
}

#[test]
fn the_configuration_in_the_setup_is_valid() {
    let blocks = json_blocks(&page("docs/README.md"));
    let [config] = blocks.as_slice() else { panic!("{blocks:?}") };
    Config::parse(config).expect("the example is valid");
    assert!(jsonschema::is_valid(&connection_specification(), config));
}

#[test]
fn the_states_in_the_incremental_page_are_valid() {
    let sandbox = sandbox(Options { events: 20, ..Options::default() });
    let connection = Connection::to(&sandbox).set("subdomain", json!("acme"));
    let blocks = json_blocks(&page("docs/incremental.md"));
    let [whole, by_hand] = blocks.as_slice() else { panic!("{blocks:?}") };
    let wrapped = |state: &Value| json!({ "type": "STREAM", "stream": { "stream_descriptor": { "name": "audit_logs" }, "stream_state": state } });
    let run = connection.read(Some(&wrapped(whole))).succeeded();
    assert_eq!((run.records().len(), &run.stream_state()), (0, whole));
    let run = connection.read(Some(&by_hand[0])).succeeded();
    assert_eq!(run.stream_state()["created_at"], by_hand[0]["stream"]["stream_state"]["created_at"]);
}
