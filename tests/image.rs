//! The files around the image say the same: Dockerfile, metadata.yaml, Cargo.toml, the acceptance
//! tests' configuration and docs/airbyte.md. What the image does is for `.ci/container` to show.

use std::collections::BTreeMap;
use std::path::Path;

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there")
}

/// The Dockerfile's instructions, each on one line, without comments.
fn instructions() -> Vec<String> {
    let lines: Vec<String> =
        file("Dockerfile").lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect();
    lines.join("\n").replace("\\\n", " ").lines().map(|line| line.trim().to_owned()).collect()
}

/// What follows the instruction's name, in the last stage: it is the image.
fn of_the_image(name: &str) -> Vec<String> {
    let instructions = instructions();
    let last = instructions.iter().rposition(|line| line.starts_with("FROM ")).expect("a stage");
    let stage = instructions[last..].iter();
    stage.filter_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.trim().to_owned())).collect()
}

/// `key="value"` pairs, separated by blanks.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    let mut rest = text.trim();
    while let Some((key, value)) = rest.split_once("=\"") {
        let (value, more) = value.split_once('"').expect("the value ends with a quote");
        pairs.insert(key.to_owned(), value.to_owned());
        rest = more.trim_start();
    }
    assert!(rest.is_empty(), "{rest} is no key=\"value\"");
    pairs
}

/// The scalar of a key of `data` in metadata.yaml.
fn metadata(key: &str) -> String {
    let text = file("metadata.yaml");
    let start = format!("  {key}: ");
    let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&start)).collect();
    assert_eq!(found.len(), 1, "{key} stands in metadata.yaml once");
    found[0].to_owned()
}

#[test]
fn the_labels_are_those_of_the_metadata_and_the_manifest() {
    let labels = pairs(&of_the_image("LABEL").join(" "));
    let label = |name: &str| labels.get(name).map(String::as_str);
    assert_eq!(label("io.airbyte.name"), Some(metadata("dockerRepository").as_str()));
    assert_eq!(label("io.airbyte.version"), Some(metadata("dockerImageTag").as_str()));
    assert_eq!(label("org.opencontainers.image.title"), Some(NAME));
    assert_eq!(label("org.opencontainers.image.version"), Some(VERSION));
    assert_eq!(label("org.opencontainers.image.description"), Some(env!("CARGO_PKG_DESCRIPTION")));
    assert_eq!(label("org.opencontainers.image.licenses"), Some(metadata("license").as_str()));
}

#[test]
fn the_metadata_is_that_of_the_manifest() {
    assert_eq!(metadata("dockerRepository"), NAME);
    assert_eq!(metadata("dockerImageTag"), VERSION);
    assert_eq!(
        metadata("license"),
        file("Cargo.toml")
            .lines()
            .find_map(|line| line.strip_prefix("license = "))
            .expect("a license")
            .trim_matches('"')
    );
    assert_eq!(metadata("connectorType"), "source");
    assert_eq!(metadata("connectorSubtype"), "api");
    assert_eq!(metadata("supportLevel"), "community");
    assert!(file("metadata.yaml").contains("    hosts:\n      - ${subdomain}.zendesk.com\n"));
    assert!(file(&metadata("icon")).contains("<svg "));
    let id = metadata("definitionId");
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert!(parts == [8, 4, 4, 4, 12] && id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{id} is no UUID");
}

#[test]
fn the_specification_and_the_metadata_point_to_the_same_documentation() {
    let spec: serde_json::Value = serde_json::from_str(&file("spec.json")).expect("JSON");
    assert_eq!(spec["documentationUrl"], metadata("documentationUrl"));
}

/// Airbyte runs `sh -c` with `eval "$AIRBYTE_ENTRYPOINT read …"`, in another directory.
#[test]
fn the_entrypoint_is_in_the_environment_with_an_absolute_path() {
    let entrypoint: Vec<String> =
        serde_json::from_str(&of_the_image("ENTRYPOINT").concat()).expect("ENTRYPOINT is a list");
    let environment = pairs(&of_the_image("ENV").join(" "));
    assert_eq!(environment["AIRBYTE_ENTRYPOINT"], entrypoint.join(" "));
    assert!(entrypoint[0].starts_with('/'));
    assert_eq!(of_the_image("CMD"), [] as [&str; 0]);
}

#[test]
fn the_user_is_airbytes_by_number() {
    assert_eq!(of_the_image("USER"), ["1000:1000"]);
    assert_eq!(of_the_image("WORKDIR"), ["/airbyte"]);
}

/// Emulation would be needed for a RUN in the image's own stage, and its base must have a shell.
#[test]
fn the_bases_are_pinned_and_the_image_is_put_together_without_running_anything() {
    assert_eq!(of_the_image("RUN"), [] as [&str; 0]);
    assert_eq!(of_the_image("FROM"), ["${BUSYBOX_IMAGE}"]);
    let bases: Vec<String> =
        instructions().iter().filter_map(|line| Some(line.strip_prefix("ARG ")?.to_owned())).collect();
    for base in bases.iter().filter_map(|line| Some(line.split_once("_IMAGE=")?.1)) {
        let version = base.split_once(':').expect("a tag").1;
        let numbers = version.split('-').next().expect("a version").split('.');
        assert!(
            numbers.clone().count() == 3 && numbers.clone().all(|n| n.parse::<u32>().is_ok()),
            "{base} is not pinned"
        );
    }
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(bases.iter().any(|base| base.starts_with(&format!("RUST_IMAGE=rust:{rust}."))), "Rust {rust}: {bases:?}");
}

#[test]
fn the_acceptance_tests_and_the_document_name_this_image() {
    assert!(file("acceptance-test-config.yml").contains(&format!("connector_image: {NAME}:dev\n")));
    let document = file("docs/airbyte.md");
    let start = format!("{NAME}:");
    let tags: Vec<&str> = document.match_indices(&start).map(|(at, _)| &document[at + start.len()..]).collect();
    assert!(!tags.is_empty());
    for tag in tags {
        let numbered = tag.starts_with(|c: char| c.is_ascii_digit());
        assert!(!numbered || tag.starts_with(VERSION), "docs/airbyte.md names another version: {tag:.20}");
    }
}

/// Cargo refuses a manifest that names a file that is not there, also one that it does not build.
#[test]
fn the_layer_of_the_dependencies_has_a_stand_in_for_every_bench() {
    let manifest = file("Cargo.toml");
    let benches: Vec<&str> =
        manifest.split("[[bench]]\nname = \"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    assert!(benches.len() >= 3, "{benches:?}");
    let instructions = instructions();
    let layer = instructions.iter().find(|line| line.contains("fn main() {}")).expect("the layer");
    for bench in benches {
        assert!(layer.contains(&format!(" benches/{bench}.rs ")), "{bench} is not in: {layer}");
    }
}
