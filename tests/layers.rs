//! Tests the layers that `src/lib.rs` describes: a module imports only from layers below its own.
//!
//! It reads the sources. It must not know anything about a module except its name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the layer of each module, 0 for the top, from the block in the docs of `src/lib.rs`.
fn layers() -> BTreeMap<String, usize> {
    let tour = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let section = tour.split_once("//! # Layers").expect("the section about layers").1;
    let block = section.split("//! ```").nth(1).expect("the block of layers");
    let lines = block.lines().filter_map(|line| line.strip_prefix("//! ")).filter(|line| !line.is_empty());
    let mut layers = BTreeMap::new();
    for (layer, line) in lines.enumerate() {
        // The names are in the first column.
        let names = line.split("  ").next().expect("a column");
        for name in names.split(['|', ',']).map(str::trim).filter(|name| !name.is_empty()) {
            assert_eq!(layers.insert(name.to_owned(), layer), None, "{name} is in two layers");
        }
    }
    layers
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let nested = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.flat_map(nested).collect()
}

/// Returns the modules that a source file names as `crate::module`.
fn imports(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    named.map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()).collect()
}

#[test]
fn a_module_imports_only_from_layers_below_its_own() {
    let layers = layers();
    let src = root().join("src");
    let mut checked = 0;
    for path in sources(&src) {
        let relative = path.strip_prefix(&src).expect("below src").to_str().expect("Unicode");
        let module = relative.split(['/', '.']).next().expect("a name");
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let own = layers.get(module).unwrap_or_else(|| panic!("src/lib.rs has no layer for {module}"));
        for import in imports(&std::fs::read_to_string(&path).expect("a source file")) {
            let Some(layer) = layers.get(&import) else { continue };
            assert!(import == module || layer > own, "{relative} imports {import}, which is not below {module}");
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} imports were found");
}

#[test]
fn no_command_imports_another() {
    let commands = ["check", "discover", "read", "spec"];
    for command in commands {
        let path = root().join("src/commands").join(format!("{command}.rs"));
        let source = std::fs::read_to_string(path).expect("a command");
        for other in commands.into_iter().filter(|other| *other != command) {
            for path in [format!("super::{other}"), format!("commands::{other}")] {
                assert!(!source.contains(&path), "{command} imports {other}");
            }
        }
    }
}

#[test]
fn the_airbyte_side_and_the_zendesk_side_do_not_mention_each_other() {
    for (folder, word) in [("airbyte", "zendesk"), ("zendesk", "airbyte")] {
        for path in sources(&root().join("src").join(folder)) {
            let source = std::fs::read_to_string(&path).expect("a source file").to_lowercase();
            assert!(!source.contains(word), "{} contains the word {word}", path.display());
        }
    }
}
