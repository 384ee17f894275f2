//! Tests the rules of Airbyte's connector acceptance tests (3.x, strictness high) for the specification, the
//! catalog, records, states and statuses. Airbyte's tests need a container engine; these do not. The name of
//! a test starts with the section of acceptance-test-config.yml, followed by the name of the rule; some rules
//! share a test. The tests use the files that this configuration names.
//!
//! The tests run the program; `CONNECTOR` may name another program. A few rules are stricter (counts, orders,
//! equal records), because the data of the sandbox is known. conformance/ tests the labels and the
//! environment of the image, and backward compatibility.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use harness::{Run, sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};
use zendesk_sandbox::{Options, Sandbox, credentials};

const STREAM: &str = "audit_logs";

/// The content of `secrets/config.json`, without the credentials.
fn configs() -> [Value; 4] {
    [
        json!({ "auth_type": "client_credentials", "client_id": credentials::CLIENT_ID, "client_secret": credentials::CLIENT_SECRET }),
        json!({ "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN }),
        json!({ "auth_type": "api_token", "email": credentials::ADMIN_EMAIL, "api_token": credentials::API_TOKEN }),
        json!({ "auth_type": "refresh_token", "client_id": credentials::CLIENT_ID, "client_secret": credentials::CLIENT_SECRET, "refresh_token": credentials::REFRESH_TOKEN }),
    ]
    .map(|credentials| json!({ "subdomain": "sandbox", "credentials": credentials }))
}

/// The program, the sandbox that the expected files were made with, and a folder for files.
struct Acceptance {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Acceptance {
    fn new() -> Self {
        let sandbox = sandbox(Options { events: 20, seed: 1, ..Options::default() });
        Self { sandbox, folder: tempfile::tempdir().expect("a folder") }
    }

    fn run(&self, arguments: &[&Path]) -> Run {
        let program = std::env::var_os("CONNECTOR");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_source-zendesk-audit-logs").into());
        let mut command = Command::new(program);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name);
        }
        let output = command
            .args(arguments)
            .env("ZENDESK_BASE_URL", self.sandbox.base_url())
            .env_remove("SSL_CERT_FILE")
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let stdout = String::from_utf8(output.stdout).expect("messages are UTF-8");
        let code = output.status.code().and_then(|code| u8::try_from(code).ok()).expect("an exit code");
        Run { code, stdout }
    }

    fn file(&self, name: &str, content: &Value) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content.to_string()).expect("the file is written");
        path
    }

    fn config(&self) -> PathBuf {
        self.file("config.json", &configs()[0])
    }

    fn with_config(&self, command: &str, config: &Path) -> Run {
        self.run(&[Path::new(command), Path::new("--config"), config])
    }

    fn read(&self, catalog: &Path, state: Option<&Path>) -> Run {
        let config = self.config();
        let mut arguments = vec![Path::new("read"), Path::new("--config"), &config, Path::new("--catalog"), catalog];
        if let Some(state) = state {
            arguments.extend([Path::new("--state"), state]);
        }
        self.run(&arguments)
    }

    fn read_in(&self, sync_mode: &str) -> Run {
        let mut catalog = committed("configured_catalog.json");
        catalog["streams"][0]["sync_mode"] = json!(sync_mode);
        self.read(&self.file("catalog.json", &catalog), None).succeeded()
    }

    fn read_from(&self, state: &Value) -> Run {
        self.read(&files().join("configured_catalog.json"), Some(&self.file("state.json", &json!([state])))).succeeded()
    }
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests")
}

fn committed(name: &str) -> Value {
    let text = std::fs::read_to_string(files().join(name)).expect("the file is there");
    serde_json::from_str(&text).expect("JSON")
}

static SPEC: LazyLock<Value> = LazyLock::new(|| {
    let run = Acceptance::new().run(&[Path::new("spec")]).succeeded();
    let [message] = run.of_type("SPEC").try_into().expect("exactly one SPEC");
    message["spec"].clone()
});

static CATALOG: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let acceptance = Acceptance::new();
    let run = acceptance.with_config("discover", &acceptance.config()).succeeded();
    let [message] = run.of_type("CATALOG").try_into().expect("exactly one CATALOG");
    message["catalog"]["streams"].as_array().expect("streams").clone()
});

/// Calls `visit` with each object in the value and its path.
fn walk(value: &Value, path: &str, visit: &mut impl FnMut(&str, &serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(path, object);
            for (name, inner) in object {
                walk(inner, &format!("{path}/{name}"), visit);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                walk(inner, &format!("{path}/{index}"), visit);
            }
        }
        _ => {}
    }
}

fn connection_specification() -> &'static Value {
    &SPEC["connectionSpecification"]
}

/// Returns the fields of the specification, each with its path and schema.
fn fields() -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    walk(connection_specification(), "", &mut |path, object| {
        if let Some(properties) = object.get("properties").and_then(Value::as_object) {
            fields.extend(properties.iter().map(|(name, schema)| (format!("{path}/{name}"), schema.clone())));
        }
    });
    fields
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn types(schema: &Value) -> BTreeSet<&str> {
    schema["type"].as_str().map_or_else(|| names(&schema["type"]), |one| BTreeSet::from([one]))
}

#[test]
fn the_configuration_names_existing_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("acceptance-test-config.yml")).expect("the file is there");
    assert!(text.contains("\ntest_strictness_level: high\n"));
    let paths: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("path: ")?.1.trim())).collect();
    assert!(paths.len() > 10);
    for path in paths {
        assert!(path.starts_with("secrets/") || root.join(path).is_file(), "{path}");
    }
}

// Specification

#[test]
fn spec_match_expected() {
    let committed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("spec.json")).expect("there");
    assert_eq!(*SPEC, serde_json::from_str::<Value>(&committed).expect("JSON"));
}

#[test]
fn spec_config_match_spec() {
    for config in configs() {
        assert!(jsonschema::is_valid(connection_specification(), &config), "{}", config["credentials"]["auth_type"]);
    }
}

#[test]
fn spec_enum_usage_and_additional_properties() {
    walk(connection_specification(), "", &mut |path, object| {
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            let distinct: BTreeSet<String> = values.iter().map(Value::to_string).collect();
            assert_eq!(distinct.len(), values.len(), "{path}");
        }
        if let Some(additional) = object.get("additionalProperties") {
            assert_eq!(*additional, json!(true), "{path}");
        }
    });
}

#[test]
fn spec_oneof_usage() {
    let mut found = 0;
    walk(connection_specification(), "", &mut |path, object| {
        let Some(options) = object.get("oneOf").and_then(Value::as_array) else { return };
        found += 1;
        assert_eq!(object["type"], "object", "{path}");
        let properties = |option: &Value| -> BTreeSet<String> {
            let properties = option["properties"].as_object().expect("each option has properties");
            properties.keys().cloned().collect()
        };
        assert!(options.iter().all(|option| option["type"] == "object"), "{path}");
        let common = options.iter().map(properties).reduce(|all, one| &all & &one).expect("options");
        let constant = |name: &&String| options.iter().all(|option| option["properties"][*name]["const"].is_string());
        let [discriminator]: [&String; 1] =
            common.iter().filter(constant).collect::<Vec<_>>().try_into().expect("one constant in all options");
        let values: BTreeSet<&str> = options
            .iter()
            .map(|option| {
                let property = &option["properties"][discriminator];
                assert_eq!(property["type"], "string", "{path}");
                assert!(property.get("enum").is_none() && property.get("default").is_none(), "{path}");
                property["const"].as_str().expect("a text")
            })
            .collect();
        assert_eq!(values.len(), options.len(), "{path}: the constants are unique");
    });
    assert_eq!(found, 1);
}

#[test]
fn spec_forbidden_complex_types_and_refs() {
    let forbidden = [
        "not",
        "anyOf",
        "allOf",
        "patternProperties",
        "prefixItems",
        "if",
        "then",
        "else",
        "dependentSchemas",
        "dependentRequired",
        "$ref",
    ];
    walk(connection_specification(), "", &mut |path, object| {
        for name in forbidden {
            assert!(path.ends_with("/properties") || !object.contains_key(name), "{path}/{name}");
        }
    });
}

#[test]
fn spec_object_not_empty_and_array_type() {
    for (path, schema) in fields() {
        let types = types(&schema);
        if types.contains("object") {
            let whole = schema.get("oneOf").is_some()
                || schema["properties"].as_object().is_some_and(|properties| !properties.is_empty());
            assert!(whole, "{path}: an empty object");
        }
        assert!(!types.contains("array") || schema.get("items").is_some(), "{path}");
        assert_eq!(types.len(), 1, "{path}: one type");
    }
}

#[test]
fn spec_duplicate_order() {
    walk(connection_specification(), "", &mut |path, object| {
        let Some(properties) = object.get("properties").and_then(Value::as_object) else { return };
        let mut seen = BTreeSet::new();
        for (name, schema) in properties {
            let order = schema["order"].as_i64().unwrap_or_else(|| panic!("{path}/{name}: no order"));
            assert!(seen.insert(order), "{path}/{name}: order {order} twice");
        }
    });
}

#[test]
fn spec_secret_is_properly_marked() {
    let secret = |name: &str| {
        ["token", "secret", "password", "api_key", "private_key"].iter().any(|word| name.ends_with(word))
            || name == "client_id"
    };
    let mut found = 0;
    for (path, schema) in fields() {
        let name = path.rsplit('/').next().unwrap_or_default();
        if secret(name) {
            assert_eq!(schema["airbyte_secret"], true, "{path}");
            assert_eq!(schema["type"], "string", "{path}");
            found += 1;
        } else {
            assert_ne!(schema["airbyte_secret"], true, "{path}");
        }
        assert!(schema.get("const").is_none() || schema.get("airbyte_secret").is_none(), "{path}");
    }
    assert!(found > 0);
}

#[test]
fn spec_required_always_show_groups_display_types_and_patterns() {
    let required = |path: &str, object: &serde_json::Map<String, Value>| {
        let required = object.get("required").map(names).unwrap_or_default();
        for (name, schema) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            assert!(!(required.contains(name.as_str()) && schema["always_show"] == true), "{path}/{name}");
            assert!(path.is_empty() || schema.get("group").is_none(), "{path}/{name}: groups are for the top level");
        }
    };
    walk(connection_specification(), "", &mut |path, object| required(path, object));
    for (path, schema) in fields() {
        if let Some(display) = schema.get("display_type") {
            assert!(
                schema.get("oneOf").is_some() && ["dropdown", "radio"].contains(&display.as_str().unwrap_or("")),
                "{path}"
            );
        }
        assert!(
            schema["pattern"].as_str().is_none_or(|pattern| pattern.starts_with('^') && pattern.ends_with('$')),
            "{path}"
        );
    }
}

/// Returns the schema of the field at a `path_in_connector_config`, in the selected option.
fn field_at<'s>(path: &Value, option: &'s Value) -> Option<&'s Value> {
    let path: Vec<&str> = path.as_array()?.iter().filter_map(Value::as_str).collect();
    match path.as_slice() {
        ["credentials", name] => option["properties"].get(name),
        [name] => connection_specification()["properties"].get(name),
        _ => None,
    }
}

#[test]
fn spec_oauth_flow_parameters() {
    let auth = &SPEC["advanced_auth"];
    assert_eq!(auth["auth_flow_type"], "oauth2.0");
    assert_eq!(auth["predicate_key"], json!(["credentials", "auth_type"]));
    let options = connection_specification()["properties"]["credentials"]["oneOf"].as_array().expect("options");
    let selected = |option: &&Value| option["properties"]["auth_type"]["const"] == auth["predicate_value"];
    let [option] = options.iter().filter(selected).collect::<Vec<_>>().try_into().expect("one option is selected");
    let flow = &auth["oauth_config_specification"];
    let mut paths = 0;
    for part in [
        "oauth_user_input_from_connector_config_specification",
        "complete_oauth_output_specification",
        "complete_oauth_server_output_specification",
    ] {
        for (name, property) in flow[part]["properties"].as_object().expect("properties") {
            let field = field_at(&property["path_in_connector_config"], option);
            assert_eq!(field.unwrap_or_else(|| panic!("{part}: {name} is not a field"))["type"], "string");
            paths += 1;
        }
    }
    assert_eq!(paths, 6);
    // Values that the flow fills in are hidden from users; the refresh token can be entered without the flow.
    for (name, hidden) in
        [("access_token", json!(true)), ("token_expiry_date", json!(true)), ("refresh_token", json!(null))]
    {
        assert_eq!(option["properties"][name]["airbyte_hidden"], hidden, "{name}");
        assert!(flow["complete_oauth_output_specification"]["properties"].get(name).is_some(), "{name}");
    }
}

#[test]
fn spec_oauth_is_default_method() {
    let first = &connection_specification()["properties"]["credentials"]["oneOf"][0]["properties"]["auth_type"];
    assert_ne!(first["const"], SPEC["advanced_auth"]["predicate_value"]);
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance-test-config.yml");
    let config = std::fs::read_to_string(config).expect("the file is there");
    let tests = config.matches("- spec_path: spec.json").count();
    assert_eq!(config.matches("auth_default_method:").count(), tests, "each test says why OAuth is not the default");
}

// Connection

#[test]
fn connection_check() {
    let acceptance = Acceptance::new();
    let check = |config: &Path| {
        let run = acceptance.with_config("check", config).succeeded();
        let [message] = run.of_type("CONNECTION_STATUS").try_into().expect("exactly one CONNECTION_STATUS");
        message["connectionStatus"]["status"].clone()
    };
    for config in configs() {
        assert_eq!(
            check(&acceptance.file("config.json", &config)),
            "SUCCEEDED",
            "{}",
            config["credentials"]["auth_type"]
        );
    }
    for name in ["", "_api_token", "_client_credentials", "_refresh_token"] {
        assert_eq!(check(&files().join(format!("invalid_config{name}.json"))), "FAILED", "{name}");
    }
}

// Discovery

#[test]
fn discovery_streams_are_named_once_and_have_sync_modes() {
    let streams: BTreeSet<&str> = CATALOG.iter().filter_map(|stream| stream["name"].as_str()).collect();
    assert_eq!(streams.len(), CATALOG.len());
    assert_eq!(streams, BTreeSet::from([STREAM, "access_logs"]));
    assert!(CATALOG.iter().all(|stream| !names(&stream["supported_sync_modes"]).is_empty()));
}

#[test]
fn discovery_streams_have_valid_json_schemas() {
    for stream in CATALOG.iter() {
        let schema = &stream["json_schema"];
        assert!(jsonschema::draft7::meta::is_valid(schema));
        assert_eq!(types(schema), BTreeSet::from(["object"]));
        walk(schema, "", &mut |path, object| {
            for name in ["$ref", "allOf", "not"] {
                assert!(path.ends_with("/properties") || !object.contains_key(name), "{path}/{name}");
            }
            assert!(object.get("additionalProperties").is_none_or(|additional| *additional == true), "{path}");
        });
    }
}

#[test]
fn discovery_cursors_and_primary_keys_exist_in_schema() {
    for stream in CATALOG.iter() {
        let properties = &stream["json_schema"]["properties"];
        let cursor = names(&stream["default_cursor_field"]);
        assert_eq!(cursor.len(), 1, "a path of one name");
        assert!(cursor.iter().all(|name| properties.get(name).is_some()));
        let keys = stream["source_defined_primary_key"].as_array().expect("streams_define_primary_key");
        assert!(!keys.is_empty());
        for key in keys {
            let [name]: [&str; 1] = names(key).into_iter().collect::<Vec<_>>().try_into().expect("a path of one name");
            let types = types(&properties[name]);
            assert!(!types.is_empty() && types.is_disjoint(&BTreeSet::from(["object", "array"])), "{name}");
        }
    }
}

#[test]
fn discovery_catalog_has_supported_data_types() {
    for stream in CATALOG.iter() {
        for (name, schema) in stream["json_schema"]["properties"].as_object().expect("properties") {
            let mut types = types(schema);
            types.remove("null");
            let format = (schema["format"].as_str(), schema["airbyte_type"].as_str());
            let supported = match types.into_iter().collect::<Vec<_>>()[..] {
                ["string"] => match format {
                    (None | Some("date"), None) => true,
                    (Some("date-time"), kind) => {
                        [None, Some("timestamp_with_timezone"), Some("timestamp_without_timezone")].contains(&kind)
                    }
                    _ => false,
                },
                ["integer" | "number" | "boolean" | "object" | "array"] => format == (None, None),
                _ => false,
            };
            assert!(supported, "{name}: {schema}");
        }
    }
}

// Records, states, statuses

/// Asserts that a record matches the schema; an integer is written without a decimal point.
fn assert_valid(record: &Value, schema: &Value) {
    for (name, value) in record.as_object().expect("a record is an object") {
        let Some(property) = schema["properties"].get(name) else { continue };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(types(property).contains(kind), "{name}: {value} is not {}", property["type"]);
        if property["format"] == "date-time"
            && let Some(text) = value.as_str()
        {
            assert!(text.parse::<Timestamp>().is_ok(), "{name}: {text}");
        }
    }
}

fn data(run: &Run) -> Vec<Value> {
    run.of_type("RECORD").iter().map(|message| message["record"]["data"].clone()).collect()
}

#[test]
fn basic_read_records_fit_their_schema_and_have_their_primary_key() {
    let run = Acceptance::new().read_in("full_refresh");
    let schema = &CATALOG[0]["json_schema"];
    let records = run.of_type("RECORD");
    assert!(!records.is_empty(), "no stream is empty");
    for message in records {
        assert_eq!(message["record"]["stream"], STREAM);
        assert!(message["record"]["emitted_at"].as_i64().is_some_and(|at| at > 1_600_000_000_000), "{message}");
        let record = &message["record"]["data"];
        assert_valid(record, schema);
        assert!(jsonschema::is_valid(schema, record), "{record}");
        assert!(!record["id"].is_null(), "the primary key is missing: {record}");
    }
}

#[test]
fn basic_read_expected_records_in_exact_order() {
    let text = std::fs::read_to_string(files().join("expected_records.jsonl")).expect("the file is there");
    let expected: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(expected.iter().all(|line| line["stream"] == STREAM && line["emitted_at"].is_i64()));
    let expected: Vec<Value> = expected.into_iter().map(|line| line["data"].clone()).collect();
    assert_eq!(data(&Acceptance::new().read_in("full_refresh")), expected);
}

#[test]
fn basic_read_state_messages() {
    for mode in ["full_refresh", "incremental"] {
        let run = Acceptance::new().read_in(mode);
        let mut since: u32 = 0;
        for message in run.messages() {
            if message["type"] == "RECORD" {
                since += 1;
            } else if message["type"] == "STATE" {
                let state = &message["state"];
                assert_eq!(state["type"], "STREAM");
                assert_eq!(state["stream"]["stream_descriptor"]["name"], STREAM);
                assert!(state["sourceStats"].is_object(), "source stats should be in the state: {message}");
                assert_eq!(state["sourceStats"]["recordCount"], json!(f64::from(since)));
                since = 0;
            }
        }
        assert!(!run.states().is_empty(), "at least one STATE for each stream");
        assert_eq!(since, 0, "records after the last STATE");
    }
}

#[test]
fn basic_read_stream_statuses() {
    for mode in ["full_refresh", "incremental"] {
        assert_eq!(Acceptance::new().read_in(mode).statuses(), ["STARTED", "RUNNING", "COMPLETE"]);
    }
}

#[test]
fn basic_read_airbyte_trace_message_on_failure() {
    let acceptance = Acceptance::new();
    let mut catalog = committed("configured_catalog.json");
    catalog["streams"][0]["stream"]["name"] = json!("__AIRBYTE__stream_that_does_not_exist");
    let run = acceptance.read(&acceptance.file("catalog.json", &catalog), None);
    assert_eq!(run.code, 1);
    assert!(run.error()["message"].as_str().is_some_and(|message| !message.is_empty()));
}

#[test]
fn full_refresh_sequential_reads() {
    let acceptance = Acceptance::new();
    let emitted = |run: &Run| -> Vec<i64> {
        run.of_type("RECORD").iter().filter_map(|message| message["record"]["emitted_at"].as_i64()).collect()
    };
    let first = acceptance.read_in("full_refresh");
    let second = acceptance.read_in("full_refresh");
    assert!(emitted(&first).into_iter().max() < emitted(&second).into_iter().min());
    assert_eq!(data(&first), data(&second));
}

#[test]
fn incremental_two_sequential_reads() {
    let acceptance = Acceptance::new();
    let first = acceptance.read_in("incremental");
    assert!(!first.records().is_empty());
    let second = acceptance.read_from(&first.state());
    assert_ne!(data(&second), data(&first), "records should change between reads");
    assert!(!second.states().is_empty());
}

#[test]
fn incremental_read_sequential_slices() {
    let acceptance = Acceptance::new();
    let run = acceptance.read_in("incremental");
    let mut emitted = BTreeMap::new();
    let whole: BTreeSet<String> = run.records().into_iter().collect();
    let mut before: BTreeSet<String> = BTreeSet::new();
    for line in run.stdout.lines() {
        if let Some(record) = harness::record(line) {
            before.insert(record);
        } else if line.contains(r#""type":"STATE""#) {
            let message: Value = serde_json::from_str(line).expect("JSON");
            emitted.insert(message["state"].to_string(), before.clone());
        }
    }
    assert!(!emitted.is_empty());
    for (state, before) in emitted {
        let state: Value = serde_json::from_str(&state).expect("JSON");
        let after: BTreeSet<String> = acceptance.read_from(&state).records().into_iter().collect();
        let due: BTreeSet<String> = whole.difference(&before).cloned().collect();
        assert!(after.is_superset(&due), "records are missing after {state}");
    }
}

#[test]
fn incremental_state_with_abnormally_large_values() {
    let acceptance = Acceptance::new();
    let run = acceptance
        .read(&files().join("configured_catalog.json"), Some(&files().join("abnormal_state.json")))
        .succeeded();
    assert_eq!(run.of_type("RECORD").len(), 0);
    assert!(!run.states().is_empty());
    // The abnormal cursor has the length and the kinds of characters of a real one.
    let shape = |cursor: &Value| -> String {
        let text = cursor.as_str().expect("a text");
        text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
    };
    let abnormal = &committed("abnormal_state.json")[0]["stream"]["stream_state"]["created_at"];
    assert_eq!(shape(&acceptance.read_in("incremental").stream_state()["created_at"]), shape(abnormal));
}
