//! Tests chains of syncs with faults and kills: nothing is lost, altered or duplicated. This test runs a few
//! dozen chains; `examples/soak.rs` runs any number.

mod chain;
mod harness;

use std::path::Path;

use chain::Report;

/// Seeds 63 and 171 once emitted a record without a date twice.
#[test]
fn chains_of_killed_syncs_read_every_event_once_and_unaltered() {
    let mut report = Report::default();
    for seed in (1..=24).chain([63, 171]) {
        report.add(chain::run(seed, Path::new(env!("CARGO_BIN_EXE_source-zendesk-audit-logs"))));
    }
    assert!(report.violations.is_empty(), "cargo run --example soak -- --runs 1 {}", report.violations.join("\n"));
    assert_eq!((report.lost, report.duplicated, report.altered), (0, 0, 0));
    assert_eq!(report.kills.len(), 3, "{:?}", report.kills);
    assert!(report.faults.len() > 25, "{:?}", report.faults);
}
