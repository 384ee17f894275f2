//! The committed `spec.json` and `schemas/audit_logs.json` are what the types give, byte for byte.

use std::path::Path;

use serde_json::Value;
use source_zendesk_audit_logs::commands::spec::spec_json;
use source_zendesk_audit_logs::zendesk::json_schema;

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
