//! Writes the generated files, `spec.json` and the schemas of the streams in `schemas/`, from the types.
//!
//! `cargo run --locked --example generate`; `tests/generated.rs` checks that they are committed.

use std::path::Path;

use source_zendesk_audit_logs::commands::spec::spec_json;
use source_zendesk_audit_logs::stream::STREAMS;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(root.join("schemas"))?;
    let schemas = STREAMS.map(|stream| (format!("schemas/{}.json", stream.name), (stream.json_schema)()));
    for (path, content) in [("spec.json".to_owned(), spec_json()?)].into_iter().chain(schemas) {
        std::fs::write(root.join(&path), serde_json::to_string_pretty(&content)? + "\n")?;
        println!("{path}");
    }
    Ok(())
}
