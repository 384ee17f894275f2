//! Tests that the committed `spec.json` and `schemas/` equal what the types generate, byte for byte. The
//! expected records of the acceptance tests must equal those that a read of the sandbox emits. The tables of
//! docs/configuration.md must list the fields of the types and the options of the help.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use harness::{Connection, record, sandbox};
use serde_json::{Value, json};
use source_zendesk_audit_logs::commands::spec::spec_json;
use source_zendesk_audit_logs::config::{Config, connection_specification};
use source_zendesk_audit_logs::stream::STREAMS;
use zendesk_sandbox::Options;

#[track_caller]
fn assert_committed(path: &str, content: &Value) {
    let committed =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there");
    let generated = serde_json::to_string_pretty(content).expect("serializes") + "\n";
    assert!(committed == generated, "{path} is outdated: run cargo run --locked --example generate");
}

#[test]
fn the_specification_is_committed() {
    assert_committed("spec.json", &spec_json().expect("serializes"));
}

#[test]
fn the_schemas_are_committed() {
    for stream in STREAMS {
        assert_committed(&format!("schemas/{}.json", stream.name), &(stream.json_schema)());
    }
}

/// For `zendesk-sandbox --events 20`, as in acceptance-test-config.yml.
#[test]
fn the_expected_records_are_committed() {
    let sandbox = sandbox(Options { events: 20, ..Options::default() });
    let run = Connection::to(&sandbox).read(None).succeeded();
    let lines: Vec<String> = run
        .stdout
        .lines()
        .filter_map(record)
        .map(|data| format!(r#"{{"stream":"audit_logs","data":{data},"emitted_at":1767225600000}}"#))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/expected_records.jsonl");
    let committed = std::fs::read_to_string(path).expect("the file is there");
    assert_eq!(committed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn the_files_of_the_acceptance_tests_are_valid() {
    let sandbox = sandbox(Options { events: 20, ..Options::default() });
    let connection = Connection::to(&sandbox);
    let config = connection.file("config.json", connection.config.to_string());
    let config = config.to_str().expect("Unicode");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests");
    let file = |name: &str| files.join(name).to_str().expect("Unicode").to_owned();
    let read = |state: &str| {
        connection.command(&[
            "read",
            "--config",
            config,
            "--catalog",
            &file("configured_catalog.json"),
            "--state",
            &file(state),
        ])
    };
    assert_eq!(read("abnormal_state.json").succeeded().records().len(), 0);
    assert!(!read("sample_state.json").succeeded().records().is_empty());
    assert!(connection.command(&["check", "--config", &file("invalid_config.json")]).failed_check().contains("401"));
    let sample = std::fs::read_to_string(file("sample_config.json")).expect("the file is there");
    let sample: Value = serde_json::from_str(&sample).expect("JSON");
    let specification = connection_specification();
    assert!(jsonschema::is_valid(&specification, &sample));
    assert!(!jsonschema::is_valid(&specification, &json!({})));
}

fn configuration_page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    std::fs::read_to_string(path).expect("the file is there")
}

/// Returns the cells of the table under this heading, without its two header rows.
fn table<'p>(page: &'p str, heading: &str) -> Vec<Vec<&'p str>> {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).expect(heading);
    let lines = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    lines.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Returns the words in backquotes.
fn quoted(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Returns the default and the values of a field, in the form of the page.
fn described(name: &str, schema: &Value, required: &Value) -> (String, String) {
    let is_required = required.as_array().is_some_and(|required| required.contains(&json!(name)));
    let default = match schema.get("default") {
        Some(default) => default.to_string(),
        None if is_required => "required".to_owned(),
        None => "none".to_owned(),
    };
    let values = match (schema["type"].as_str(), schema["items"]["type"].as_str(), schema["format"].as_str()) {
        (Some("integer"), ..) => format!("{} to {}", schema["minimum"], schema["maximum"]),
        (Some("array"), Some("string"), _) => format!("array of strings, at most {}", schema["maxItems"]),
        (Some("array"), Some("integer"), _) => format!("array of integers, at most {}", schema["maxItems"]),
        (Some("boolean"), ..) => "true or false".to_owned(),
        (Some("string"), _, Some(format)) => format.to_owned(),
        (Some("string"), ..) => "string".to_owned(),
        (Some(other), ..) => other.to_owned(),
        (None, ..) => panic!("{name} has no type"),
    };
    (default, values)
}

#[test]
fn the_configuration_page_has_every_field_with_its_default_and_its_values() {
    let page = configuration_page();
    let specification = connection_specification();
    let filters = &specification["properties"]["filters"];
    let access_logs = &filters["properties"]["access_logs"];
    for (heading, object, prefix) in [
        ("## Fields", &specification, ""),
        ("### Filters", filters, "filters."),
        ("### Filters of access logs", access_logs, "filters.access_logs."),
    ] {
        let properties = object["properties"].as_object().expect("properties");
        let fields: BTreeMap<String, (String, String)> = properties
            .iter()
            .map(|(name, schema)| (format!("`{prefix}{name}`"), described(name, schema, &object["required"])))
            .collect();
        let rows = table(&page, heading);
        let documented: BTreeMap<String, (String, String)> =
            rows.iter().map(|row| (row[0].to_owned(), (row[1].to_owned(), row[2].to_owned()))).collect();
        assert_eq!(documented, fields);
        assert_eq!(rows.len(), fields.len(), "{heading}: a field is listed twice");
        assert!(rows.iter().all(|row| row.len() == 4 && row[3].len() > 20), "{heading}");
    }
    let ways: BTreeMap<&str, BTreeSet<&str>> =
        table(&page, "### Credentials").into_iter().map(|row| (row[0].trim_matches('`'), quoted(row[1]))).collect();
    let options = specification["properties"]["credentials"]["oneOf"].as_array().expect("authentication methods");
    let specified: BTreeMap<&str, BTreeSet<&str>> = options
        .iter()
        .map(|option| {
            let properties = option["properties"].as_object().expect("properties");
            let fields = properties.keys().map(String::as_str).filter(|name| *name != "auth_type").collect();
            (properties["auth_type"]["const"].as_str().expect("a constant"), fields)
        })
        .collect();
    assert_eq!(ways, specified);
}

#[test]
fn the_configuration_page_has_every_variable_and_command_of_the_help_and_a_valid_example() {
    let page = configuration_page();
    let help = Command::new(env!("CARGO_BIN_EXE_source-zendesk-audit-logs")).arg("--help").output().expect("it starts");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let section = |name: &str| -> BTreeSet<String> {
        let (_, rest) = help.split_once(&format!("\n{name}:\n")).expect(name);
        let lines = rest.lines().take_while(|line| !line.is_empty());
        let first = |line: &str| line.trim().split("  ").next().unwrap_or_default().to_owned();
        lines.map(first).flat_map(|names| names.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let owned = |words: BTreeSet<&str>| words.into_iter().map(str::to_owned).collect::<BTreeSet<String>>();
    let variables: BTreeSet<String> =
        table(&page, "## Environment variables").into_iter().flat_map(|row| owned(quoted(row[0]))).collect();
    // The page also has the lower-case names of the proxy variables.
    let variables: BTreeSet<String> = variables.into_iter().map(|name| name.to_uppercase()).collect();
    assert_eq!(variables, section("Environment"));
    let mut commands = section("Commands");
    commands.remove("help");
    let documented: BTreeSet<String> = table(&page, "## Command line")
        .into_iter()
        .filter_map(|row| row[0].trim_matches('`').split(' ').next().map(str::to_owned))
        .collect();
    assert_eq!(documented, commands);

    let (_, example) = page.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let example: Value = serde_json::from_str(&example.replace('…', "s3cr3t")).expect("JSON");
    assert!(!Config::parse(&example).expect("understood").filters.is_empty());
    assert!(jsonschema::is_valid(&connection_specification(), &example));
}
