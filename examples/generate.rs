//! Writes the generated files, `spec.json` and `schemas/audit_logs.json`, from the types.
//!
//! `cargo run --locked --example generate`; `tests/generated.rs` checks that they are committed.

use std::path::Path;

use source_zendesk_audit_logs::commands::spec::spec_json;
use source_zendesk_audit_logs::stream::AUDIT_LOGS;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(root.join("schemas"))?;
    for (path, content) in [("spec.json", spec_json()?), ("schemas/audit_logs.json", (AUDIT_LOGS.json_schema)())] {
        std::fs::write(root.join(path), serde_json::to_string_pretty(&content)? + "\n")?;
        println!("{path}");
    }
    Ok(())
}
