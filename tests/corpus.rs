//! Runs the fuzz targets on their committed inputs, `fuzz/seeds`, as regression tests. docs/fuzzing.md
//! describes how to fuzz.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

/// The name of the target, which is also that of its folder, and its function.
type Target = (&'static str, fn(&[u8]));

#[test]
fn every_fuzz_target_holds_on_its_committed_inputs() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let targets: [Target; 5] = [
        ("config", targets::config),
        ("catalog", targets::catalog),
        ("state", targets::state),
        ("page", targets::page),
        ("headers", targets::headers),
    ];
    let folders = std::fs::read_dir(&seeds).expect("the seeds").count();
    assert_eq!(folders, targets.len(), "a folder has no target");
    for (name, target) in targets {
        let mut inputs = 0;
        for entry in std::fs::read_dir(seeds.join(name)).expect("a folder of inputs") {
            let path = entry.expect("an input").path();
            let input = std::fs::read(&path).expect("an input");
            // Also truncated and with a byte changed, as a fuzzer begins.
            for end in 0..=input.len() {
                target(&input[..end]);
            }
            for at in 0..input.len() {
                for byte in [0, b'"', b'{', b'}', 0xff] {
                    let mut changed = input.clone();
                    changed[at] = byte;
                    target(&changed);
                }
            }
            inputs += 1;
        }
        assert!(inputs > 3, "{name} has too few inputs");
    }
}
