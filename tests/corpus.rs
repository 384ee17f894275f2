//! Runs the fuzz targets on their committed inputs, `fuzz/seeds`, so that what fuzzing found stays fixed.
//! docs/fuzzing.md says how to fuzz.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

/// Its name, which is that of its folder, and what it does.
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
    assert_eq!(folders, targets.len(), "a folder has no target here");
    for (name, target) in targets {
        let mut inputs = 0;
        for entry in std::fs::read_dir(seeds.join(name)).expect("a folder of inputs") {
            let path = entry.expect("an input").path();
            let input = std::fs::read(&path).expect("an input");
            // Also cut off and with a byte changed, as a fuzzer begins.
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
        assert!(inputs > 3, "{name} has hardly any inputs");
    }
}
