//! Tests that the files that describe the image agree: Dockerfile, metadata.yaml, Cargo.toml, the acceptance
//! tests' configuration, README.md and docs/airbyte.md.
//!
//! It must not run the image: `python3 .ci/container` does.

use std::collections::BTreeMap;
use std::path::Path;

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there")
}

/// Returns the Dockerfile's instructions, each on one line, without comments.
fn instructions() -> Vec<String> {
    let lines: Vec<String> =
        file("Dockerfile").lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect();
    lines.join("\n").replace("\\\n", " ").lines().map(|line| line.trim().to_owned()).collect()
}

/// Returns the arguments of an instruction in the last stage, which is the image.
fn of_the_image(name: &str) -> Vec<String> {
    let instructions = instructions();
    let last = instructions.iter().rposition(|line| line.starts_with("FROM ")).expect("a stage");
    let stage = instructions[last..].iter();
    stage.filter_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.trim().to_owned())).collect()
}

/// Parses `key="value"` pairs, separated by spaces.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    let mut rest = text.trim();
    while let Some((key, value)) = rest.split_once("=\"") {
        let (value, more) = value.split_once('"').expect("the value ends with a quote");
        pairs.insert(key.to_owned(), value.to_owned());
        rest = more.trim_start();
    }
    assert!(rest.is_empty(), "{rest} is not a key=\"value\" pair");
    pairs
}

/// Returns the scalar of a key of `data` in metadata.yaml.
fn metadata(key: &str) -> String {
    let text = file("metadata.yaml");
    let start = format!("  {key}: ");
    let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&start)).collect();
    assert_eq!(found.len(), 1, "metadata.yaml has {key} once");
    found[0].to_owned()
}

#[test]
fn the_heartbeat_is_the_longest_silence_of_the_retry_policy() {
    use source_zendesk_audit_logs::zendesk::{RetryPolicy, Timeouts};
    let silence = RetryPolicy::READ.longest_silence(Timeouts::READ);
    assert_eq!(metadata("maxSecondsBetweenMessages"), silence.as_secs().to_string());
}

#[test]
fn the_labels_agree_with_metadata_yaml_and_cargo_toml() {
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
fn metadata_yaml_agrees_with_cargo_toml() {
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
    assert!(parts == [8, 4, 4, 4, 12] && id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{id} is not a UUID");
}

#[test]
fn spec_json_and_metadata_yaml_lead_to_the_connectors_own_page() {
    let spec: serde_json::Value = serde_json::from_str(&file("spec.json")).expect("JSON");
    let url = metadata("documentationUrl");
    assert_eq!(spec["documentationUrl"], url);
    // The owner is the placeholder that README.md explains.
    let page =
        url.strip_prefix(&format!("https://github.com/OWNER/{NAME}/blob/main/")).expect("a page of the repository");
    assert_eq!(page, format!("docs/airbyte/{NAME}.md"));
    assert!(file("README.md").contains("`OWNER` below is a placeholder"));
    assert!(file("docs/airbyte.md").contains(&format!("documentation_url = \"{url}\"")));
    let page = file(page);
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected = [
        "Prerequisites",
        "Setup guide",
        "Supported sync modes",
        "Supported streams",
        "Limitations and troubleshooting",
        "IP allow list",
        "Changelog",
    ];
    assert_eq!(headings, expected);
    assert!(page.contains(&format!("\n| {VERSION} | ")), "the Changelog table has no row for {VERSION}");
}

/// Airbyte runs `sh -c` with `eval "$AIRBYTE_ENTRYPOINT read …"`, in another working directory.
#[test]
fn airbyte_entrypoint_equals_the_entrypoint_and_is_absolute() {
    let entrypoint: Vec<String> =
        serde_json::from_str(&of_the_image("ENTRYPOINT").concat()).expect("ENTRYPOINT is an array");
    let environment = pairs(&of_the_image("ENV").join(" "));
    assert_eq!(environment["AIRBYTE_ENTRYPOINT"], entrypoint.join(" "));
    assert!(entrypoint[0].starts_with('/'));
    assert_eq!(of_the_image("CMD"), [] as [&str; 0]);
}

#[test]
fn the_user_is_numeric_and_equals_airbytes() {
    assert_eq!(of_the_image("USER"), ["1000:1000"]);
    assert_eq!(of_the_image("WORKDIR"), ["/airbyte"]);
}

/// Returns the base image of each stage.
fn bases() -> Vec<String> {
    let stages = instructions().into_iter().filter_map(|line| Some(line.strip_prefix("FROM ")?.to_owned()));
    stages.map(|stage| stage.split(' ').find(|word| !word.starts_with("--")).expect("an image").to_owned()).collect()
}

/// A RUN in the last stage would need emulation on another architecture.
#[test]
fn the_last_stage_has_no_run_instruction() {
    assert_eq!(of_the_image("RUN"), [] as [&str; 0]);
}

#[test]
fn base_images_are_pinned_by_version_and_the_toolchain_is_that_of_cargo_toml() {
    let bases = bases();
    assert_eq!(bases.len(), 3);
    for base in &bases {
        let version = base.split_once(':').expect("a tag").1;
        let numbers: Vec<&str> = version.split('-').next().expect("a version").split('.').collect();
        assert!(numbers.len() == 3 && numbers.iter().all(|n| n.parse::<u32>().is_ok()), "{base} is not pinned");
    }
    assert_eq!(bases[1], bases[2], "the user accounts are from another image");
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(bases[0].starts_with(&format!("rust:{rust}.")), "Cargo.toml has Rust {rust}, the Dockerfile {}", bases[0]);
}

#[test]
fn the_acceptance_tests_and_the_documents_name_this_image_and_version() {
    assert!(file("acceptance-test-config.yml").contains(&format!("connector_image: {NAME}:dev\n")));
    for name in ["README.md", "docs/airbyte.md"] {
        let document = file(name);
        let start = format!("{NAME}:");
        let tags: Vec<&str> = document.match_indices(&start).map(|(at, _)| &document[at + start.len()..]).collect();
        assert!(!tags.is_empty(), "{name} does not name the image");
        for tag in tags {
            let is_version = tag.starts_with(|c: char| c.is_ascii_digit());
            assert!(!is_version || tag.starts_with(VERSION), "{name} names another version: {tag:.20}");
        }
    }
}

/// The release pushes the image that README.md names.
#[test]
fn readme_and_the_release_workflow_name_the_same_registry() {
    assert!(file("README.md").contains(&format!("IMAGE=ghcr.io/OWNER/{NAME}:{VERSION}\n")));
    assert!(file(".github/workflows/release.yml").contains(&format!("image=ghcr.io/${{OWNER,,}}/{NAME}\"")));
}

/// Returns the names of the targets of a kind that the manifest declares.
fn declared(kind: &str) -> Vec<String> {
    let start = format!("[[{kind}]]\nname = \"");
    let manifest = file("Cargo.toml");
    manifest.split(start.as_str()).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// Cargo rejects a manifest that names a missing file, even if it does not build that file.
#[test]
fn the_dependency_layer_has_a_placeholder_for_every_declared_target() {
    assert!(declared("bench").len() >= 3);
    let instructions = instructions();
    let layer = instructions.iter().find(|line| line.contains("fn main() {}")).expect("the layer");
    for (kind, folder) in [("bench", "benches"), ("example", "examples"), ("test", "tests")] {
        for name in declared(kind) {
            assert!(layer.contains(&format!(" {folder}/{name}.rs ")), "{folder}/{name}.rs is not in: {layer}");
        }
    }
}

#[test]
fn the_dockerfile_copies_every_member_of_the_workspace() {
    let manifest = file("Cargo.toml");
    let members = manifest.split_once("members = [").and_then(|(_, rest)| rest.split_once(']')).expect("members").0;
    for member in members.split(',').map(|member| member.trim().trim_matches('"')).filter(|member| !member.is_empty()) {
        for wanted in [format!("COPY {member}/Cargo.toml {member}/"), format!("COPY {member} {member}")] {
            assert!(instructions().contains(&wanted), "the Dockerfile has no {wanted}");
        }
        assert!(file(".dockerignore").lines().any(|line| line == format!("!{member}")), ".dockerignore hides {member}");
    }
}
