//! The committed `spec.json` and `schemas/audit_logs.json` are what the types give, byte for byte, and
//! the records that the acceptance tests expect are what a read of the sandbox puts out.

mod harness;

use std::path::Path;

use harness::{Connection, record, sandbox};
use serde_json::{Value, json};
use source_zendesk_audit_logs::commands::spec::spec_json;
use source_zendesk_audit_logs::zendesk::json_schema;
use zendesk_sandbox::Options;

#[track_caller]
fn assert_committed(path: &str, content: &Value) {
    let committed =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there");
    let generated = serde_json::to_string_pretty(content).expect("serializes") + "\n";
    assert!(committed == generated, "{path} is not what the types give: run cargo run --locked --example generate");
}

#[test]
fn the_specification_is_committed() {
    assert_committed("spec.json", &spec_json().expect("serializes"));
}

#[test]
fn the_schema_is_committed() {
    assert_committed("schemas/audit_logs.json", &json_schema());
}

/// For `zendesk-sandbox --events 20`, as acceptance-test-config.yml says.
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
fn the_files_of_the_acceptance_tests_are_understood() {
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
    let specification = source_zendesk_audit_logs::config::connection_specification();
    assert!(jsonschema::is_valid(&specification, &sample));
    assert!(!jsonschema::is_valid(&specification, &json!({})));
}
