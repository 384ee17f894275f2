//! Tests chains of syncs with the changes between them that users and platforms make: each sync emits the
//! records that are due, and no others. This test runs some dozens of chains; `examples/changes.rs` runs any
//! number.

mod changes;
mod harness;

use changes::Report;

#[test]
fn chains_of_changed_syncs_emit_what_is_due_once_and_warn_of_what_is_skipped() {
    let mut report = Report::default();
    for seed in 1..=30 {
        report.add(changes::run(seed));
    }
    assert!(report.violations.is_empty(), "cargo run --example changes -- --runs 1 {}", report.violations.join("\n"));
    assert_eq!(report.changes.len(), 11, "{:?}", report.changes);
}
