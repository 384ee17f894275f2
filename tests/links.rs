//! Tests that the links of the documents have targets, and that each block of commands states where it is
//! run, or why it is not run.
//!
//! It must not run the commands: `conformance/test_documents.py` and `.ci/container` do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the files of the documentation, by their paths from the root.
fn documents() -> BTreeMap<String, String> {
    let mut paths: Vec<PathBuf> =
        ["", "docs", "docs/airbyte", "docs/decisions", "conformance/last_release", "sandbox", ".github"]
            .iter()
            .filter_map(|folder| std::fs::read_dir(root().join(folder)).ok())
            .flat_map(|entries| entries.map(|entry| entry.expect("an entry").path()))
            .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let name = |path: &Path| path.strip_prefix(root()).expect("below the root").to_str().expect("Unicode").to_owned();
    let documents: BTreeMap<_, _> = paths.iter().map(|path| (name(path), page(&name(path)))).collect();
    assert!(documents.contains_key("README.md") && documents.contains_key("docs/README.md"), "{paths:?}");
    documents
}

/// Returns the lines outside of code fences.
fn prose(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push(line);
        }
    }
    lines
}

/// Returns the anchors of the headings, as GitHub generates them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter_map(|line| line.strip_prefix('#'));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|heading| heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect::<String>())
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

fn links(text: &str) -> Vec<String> {
    let prose = prose(text).join("\n");
    let between = |start: &str, end: char| {
        let rests = prose.match_indices(start).map(|(at, _)| &prose[at + start.len()..]);
        rests.filter_map(|rest| Some(rest.split_once(end)?.0.to_owned())).collect::<Vec<_>>()
    };
    [between("](", ')'), between(" src=\"", '"'), between(" srcset=\"", '"')].concat()
}

#[test]
fn every_link_has_a_target() {
    let mut followed = 0;
    for (name, text) in documents() {
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let folder = root().join(&name).parent().expect("a folder").to_owned();
            let target = if path.is_empty() { root().join(&name) } else { folder.join(path) };
            assert!(target.exists(), "{name} links to {link}, which does not exist");
            if let Some(anchor) = anchor {
                let there = anchors(&std::fs::read_to_string(&target).expect("a page"));
                assert!(there.contains(anchor), "{name} links to {link}, which has only {there:?}");
            }
            followed += 1;
        }
    }
    assert!(followed > 30, "{followed}");
}

/// Returns each block of shell commands with the comment before it.
fn blocks(text: &str) -> Vec<(Option<&str>, Vec<&str>)> {
    let mut blocks: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
    let mut before = "";
    let mut inside: Option<&str> = None;
    for line in text.lines().map(str::trim_start) {
        match inside {
            Some("```sh") if line != "```" => blocks.last_mut().expect("a block").1.push(line),
            None if line == "```sh" => {
                let comment = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                blocks.push((comment, Vec::new()));
            }
            Some(_) | None => {}
        }
        if line.starts_with("```") {
            inside = if inside.is_some() { None } else { Some(line) };
        }
        if !line.is_empty() {
            before = line;
        }
    }
    blocks
}

#[test]
fn every_command_is_run_or_states_why_not() {
    let steps = page(".ci/run");
    for (name, text) in documents() {
        for (comment, commands) in blocks(&text) {
            let first = commands.first().expect("a command");
            let comment = comment.unwrap_or_else(|| {
                panic!("{name}: the block of \"{first}\" must be preceded by <!-- run by conformance/test_documents.py -->, <!-- run by conformance/test_authentication.py -->, <!-- run by .ci/run -->, <!-- tried by .ci/container --> or <!-- not run: … -->")
            });
            match comment {
                "run by conformance/test_documents.py" | "run by conformance/test_authentication.py" => {}
                "run by .ci/run" => {
                    for command in commands {
                        let command = command.split(" #").next().unwrap_or_default().trim_end();
                        assert!(steps.lines().any(|step| step == command), "{name}: .ci/run does not run {command}");
                    }
                }
                other => assert!(
                    other.starts_with("tried by .ci/container") || other.starts_with("not run: "),
                    "{name}: unknown comment \"{other}\""
                ),
            }
        }
    }
}
