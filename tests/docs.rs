//! The documents say what the code says: each error message and each warning, the columns, the durations of a first
//! sync, the examples of files.
//!
//! It must not run the documents' commands: `conformance/test_documents.py` does, and
//! `conformance/test_queries.py` runs their SQL.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use harness::{Connection, sandbox};
use serde_json::{Value, json};
use source_zendesk_audit_logs::config::{Config, connection_specification};
use source_zendesk_audit_logs::error::{AuthMethod, ErrorKind, FailureType, InputFile};
use source_zendesk_audit_logs::zendesk::json_schema;
use zendesk_sandbox::{Options, Shape, credentials};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

// ---- error messages ------------------------------------------------------------------------------

/// Stand-ins for the numbers of messages, and the names that the document has for them.
const NUMBERS: [(&str, &str); 4] = [("{status}", "599"), ("{line}", "13"), ("{column}", "17"), ("{minutes}", "30")];

/// For each variant some values of it. The match has no other arm: a new variant does not compile until it has
/// a row here, and then the test fails until docs/troubleshooting.md has its message.
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

fn causes() -> Vec<ErrorKind> {
    let of_files = |kind: fn(InputFile) -> ErrorKind| files().into_iter().map(kind).collect::<Vec<_>>();
    let of_methods = |kind: fn(AuthMethod) -> ErrorKind| methods().into_iter().map(kind).collect::<Vec<_>>();
    let path = || PathBuf::from("{path}");
    let why = || "{why}".to_owned();
    every!(ErrorKind:
        ErrorKind::FileMissing { .. } => of_files(|file| ErrorKind::FileMissing { file, path: "{path}".into() }),
        ErrorKind::FileUnreadable { .. } =>
            of_files(|file| ErrorKind::FileUnreadable { file, path: "{path}".into(), why: "{why}".into() }),
        ErrorKind::FileEmpty { .. } => of_files(|file| ErrorKind::FileEmpty { file, path: "{path}".into() }),
        ErrorKind::FileNotJson { .. } =>
            of_files(|file| ErrorKind::FileNotJson { file, path: "{path}".into(), line: 13, column: 17 }),
        ErrorKind::Field { .. } =>
            of_files(|file| ErrorKind::Field { file, field: "{field}".into(), problem: "{problem}".into() }),
        ErrorKind::UnknownStream { .. } => vec![ErrorKind::UnknownStream { name: "{name}".into() }],
        ErrorKind::UnknownSyncMode { .. } => vec![ErrorKind::UnknownSyncMode { mode: "{mode}".into() }],
        ErrorKind::LogLevel => vec![ErrorKind::LogLevel],
        ErrorKind::BaseUrl { .. } => vec![ErrorKind::BaseUrl { problem: "{problem}" }],
        ErrorKind::Certificates { .. } => vec![ErrorKind::Certificates { path: path(), why: why() }],
        ErrorKind::Startup { .. } => vec![ErrorKind::Startup { why: why() }],
        ErrorKind::Credentials { .. } => of_methods(|method| ErrorKind::Credentials { method }),
        ErrorKind::ApiTokenRetired => vec![ErrorKind::ApiTokenRetired],
        ErrorKind::TokenExpired { .. } => of_methods(|method| ErrorKind::TokenExpired { method }),
        ErrorKind::PlanOrRole => vec![ErrorKind::PlanOrRole],
        ErrorKind::MissingScope => vec![ErrorKind::MissingScope],
        ErrorKind::IpRestricted => vec![ErrorKind::IpRestricted],
        ErrorKind::UnknownSubdomain => vec![ErrorKind::UnknownSubdomain],
        ErrorKind::NoEndpoint => vec![ErrorKind::NoEndpoint],
        ErrorKind::Redirect { .. } => vec![
            ErrorKind::Redirect { status: 599, to: Some("{host}".into()) },
            ErrorKind::Redirect { status: 599, to: None },
        ],
        ErrorKind::Unprocessable => vec![ErrorKind::Unprocessable],
        ErrorKind::Certificate => vec![ErrorKind::Certificate],
        ErrorKind::Refused { .. } => vec![ErrorKind::Refused { status: 599 }],
        ErrorKind::OauthClient => vec![ErrorKind::OauthClient],
        ErrorKind::OauthClientUnknown => vec![ErrorKind::OauthClientUnknown],
        ErrorKind::OauthSecret => vec![ErrorKind::OauthSecret],
        ErrorKind::OauthClientKind => vec![ErrorKind::OauthClientKind],
        ErrorKind::OauthScope => vec![ErrorKind::OauthScope],
        ErrorKind::RefreshTokenDead => vec![ErrorKind::RefreshTokenDead],
        ErrorKind::OauthRefused { .. } => vec![ErrorKind::OauthRefused { status: 599 }],
        ErrorKind::NoToken => vec![ErrorKind::NoToken],
        ErrorKind::NoConnection { .. } => vec![ErrorKind::NoConnection { why: "{why}" }],
        ErrorKind::Timeout => vec![ErrorKind::Timeout],
        ErrorKind::Broken => vec![ErrorKind::Broken],
        ErrorKind::Trouble { .. } => vec![ErrorKind::Trouble { status: 599 }],
        ErrorKind::NotThePage { .. } => vec![ErrorKind::NotThePage { what: "{what}".into() }],
        ErrorKind::Pagination { .. } => vec![ErrorKind::Pagination { what: "{what}" }],
        ErrorKind::RateLimited { .. } => vec![ErrorKind::RateLimited { minutes: 30 }, ErrorKind::RateLimited { minutes: 0 }],
        ErrorKind::OutputClosed => vec![ErrorKind::OutputClosed],
        ErrorKind::OutputFailed { .. } => vec![ErrorKind::OutputFailed { why: why() }],
        ErrorKind::Defect => vec![ErrorKind::Defect],
    )
}

fn failure_type(name: &str) -> FailureType {
    let known = [FailureType::ConfigError, FailureType::TransientError, FailureType::SystemError];
    let named = |kind: &FailureType| serde_json::to_value(kind).expect("serializes") == *name;
    known.into_iter().find(named).unwrap_or_else(|| panic!("{name} is no failure type"))
}

/// The quoted messages of the page, with the failure type at the beginning of the paragraph behind each.
/// A message with `{file}` in it stands for three.
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
            let (kind, explanation) = kind.unwrap_or_else(|| panic!("behind {message} stands no failure type: {line}"));
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
    let told: BTreeMap<String, FailureType> =
        causes().iter().map(|kind| (kind.to_string(), kind.failure_type())).collect();
    for (message, kind) in &told {
        assert_eq!(documented.get(message), Some(kind), "docs/troubleshooting.md lacks, or types otherwise: {message}");
    }
    for message in documented.keys() {
        assert!(told.contains_key(message), "docs/troubleshooting.md has what the connector never says: {message}");
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
    warnings.retain(|warning| !warning.contains("no usable created_at"));
    assert_warning_documented(&warnings, &[]);
}

// ---- columns, durations --------------------------------------------------------------------------

/// The cells of the page's table rows that begin with a code span.
fn rows(page: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    page.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_columns_are_those_of_the_schema() {
    let schema = json_schema();
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
        assert!(documented.insert(name.to_owned()), "{name} stands there twice");
    }
    assert_eq!(documented, properties.keys().cloned().collect());
}

/// Minutes, rounded up, in the form of the page.
fn in_words(minutes: f64) -> String {
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
            [700.0 * 0.5, 700.0, 2_500.0 * 0.5, 2_500.0].iter().map(|speed| in_words(pages / speed)).collect();
        assert_eq!(row[2..], durations, "{} events", row[0]);
    }
}

// ---- examples ------------------------------------------------------------------------------------

fn json_blocks(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(block, _)| serde_json::from_str(block).expect(block)).collect()
}

#[test]
fn the_configuration_of_the_setup_is_understood() {
    let blocks = json_blocks(&page("docs/README.md"));
    let [config] = blocks.as_slice() else { panic!("{blocks:?}") };
    Config::parse(config).expect("an example is understood");
    assert!(jsonschema::is_valid(&connection_specification(), config));
}

#[test]
fn the_states_of_the_page_about_incremental_syncs_are_understood() {
    let sandbox = sandbox(Options { events: 20, ..Options::default() });
    let connection = Connection::to(&sandbox);
    let blocks = json_blocks(&page("docs/incremental.md"));
    let [whole, by_hand] = blocks.as_slice() else { panic!("{blocks:?}") };
    let wrapped = |state: &Value| json!({ "type": "STREAM", "stream": { "stream_descriptor": { "name": "audit_logs" }, "stream_state": state } });
    let run = connection.read(Some(&wrapped(whole))).succeeded();
    assert_eq!((run.records().len(), &run.stream_state()), (0, whole));
    let run = connection.read(Some(&by_hand[0])).succeeded();
    assert_eq!(run.stream_state()["created_at"], by_hand[0]["stream"]["stream_state"]["created_at"]);
}
