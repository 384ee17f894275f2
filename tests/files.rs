//! Tests input files: configurations, catalogs and states in every condition, and the two documents that
//! describe them, the catalog of `discover` and the specification of `spec`.
//!
//! It must not test failures of the server. An invalid file must not cause a request.

mod harness;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use harness::{Connection, Run, catalog, sandbox, sorted};
use serde_json::{Value, json};
use zendesk_sandbox::credentials::{ACCESS_TOKEN, ADMIN_EMAIL, API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN};
use zendesk_sandbox::{Options, Sandbox, Shape};

/// More levels than any parser's stack allows.
const LEVELS: usize = 80_000;

/// The files of a command line, valid until one of them is replaced.
struct Files {
    config: PathBuf,
    catalog: PathBuf,
    state: PathBuf,
}

impl Files {
    fn of(connection: &Connection) -> Self {
        Self {
            config: connection.file("config.json", connection.config.to_string()),
            catalog: connection.file("catalog.json", catalog("incremental").to_string()),
            state: connection.file("state.json", "[]"),
        }
    }

    fn run(&self, connection: &Connection, command: &str) -> Run {
        let mut arguments = vec![command, "--config", text(&self.config)];
        if command == "read" {
            arguments.extend(["--catalog", text(&self.catalog)]);
            arguments.extend(["--state", text(&self.state)]);
        }
        connection.command(&arguments)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test is Unicode")
}

/// Asserts that a file was rejected with this message before any request.
#[track_caller]
fn assert_rejected(run: &Run, sandbox: &Sandbox, begin: &str) {
    assert_eq!(run.code, 1, "{begin}: {}", run.stdout);
    let error = run.error();
    let message = error["message"].as_str().expect("a message");
    assert!(message.starts_with(begin), "{begin}: {message}");
    // The fact is one sentence, and the remedy is the next.
    assert!(message.ends_with('.'), "{message}");
    assert_eq!(error["failure_type"], "config_error");
    assert_eq!(run.messages().len(), 1, "{}", run.stdout);
    assert_eq!(sandbox.requests().len(), 0, "{begin}: a request was sent");
}

fn small() -> Sandbox {
    sandbox(Options { events: 20, ..Options::default() })
}

#[test]
fn an_unreadable_file_is_named_with_the_reason() {
    let sandbox = small();
    let connection = Connection::to(&sandbox);
    let deep_list = "[".repeat(LEVELS) + &"]".repeat(LEVELS);
    let deep_object = "{\"streams\":".repeat(LEVELS) + "1" + &"}".repeat(LEVELS);
    let not_utf8 = "cannot be read: it is not UTF-8 text. Save it in the encoding UTF-8.";
    let not_json = "is not valid JSON (line ";
    let contents: Vec<(&[u8], &str)> = vec![
        (b"", "is empty."),
        (b" \r\n\t ", "is empty."),
        (b"\xef\xbb\xbf\n", "is empty."),
        (b"\xff\xfe{\x00}\x00", not_utf8),
        (b"{\"subdomain\":\"\xe9\"}", not_utf8),
        (b"{\"a\":\"\xed\xa0\x80\"}", not_utf8),
        (b"{", not_json),
        (b"subdomain: acme", not_json),
        (b"{'subdomain':'acme'}", not_json),
        (b"{\"a\":1}\n{\"a\":2}", "is not valid JSON (line 2, column "),
        (b"{\"a\":1,}", not_json),
        (b"NaN", not_json),
        (b"\"\x00\"", not_json),
        (b"\0", not_json),
        (deep_list.as_bytes(), not_json),
        (deep_object.as_bytes(), not_json),
        (&deep_object.as_bytes()[..LEVELS], not_json),
    ];
    for (command, file) in
        [("read", "config"), ("read", "catalog"), ("read", "state"), ("discover", "config"), ("check", "config")]
    {
        let refused = |path: &Path, problem: &str| {
            let mut files = Files::of(&connection);
            *match file {
                "config" => &mut files.config,
                "catalog" => &mut files.catalog,
                _ => &mut files.state,
            } = path.to_owned();
            let begin = format!("The {file} file {} {problem}", path.display());
            assert_rejected(&files.run(&connection, command), &sandbox, &begin);
        };
        for (content, problem) in &contents {
            refused(&connection.file("broken.json", content), problem);
        }
        let megabytes = match file {
            "config" => 1,
            "catalog" => 4,
            _ => 16,
        };
        let huge = connection.file("broken.json", "");
        let room = std::fs::File::options().write(true).open(&huge).expect("the file");
        room.set_len((megabytes << 20) + 1).expect("room");
        refused(&huge, &format!("is larger than {megabytes} MiB. Check that --{file} names the right file: "));
        room.set_len(megabytes << 20).expect("room");
        refused(&huge, "is not valid JSON (line 1, column 1).");
        let file_path = connection.file("broken.json", "{}");
        let folder = file_path.parent().expect("a folder");
        refused(folder, "cannot be read: it is a directory. Pass the path of a JSON file.");
        refused(&file_path.join("below"), "cannot be read: ");
        if file != "state" {
            refused(&folder.join("absent.json"), "does not exist.");
        }
    }
}

#[test]
fn a_wrong_top_level_type_is_named() {
    let sandbox = small();
    let connection = Connection::to(&sandbox);
    for (value, kind) in [
        (json!(7), "a number"),
        (json!("audit_logs"), "a string"),
        (json!(true), "true or false"),
        (json!([]), "an array"),
        (json!(null), "null"),
    ] {
        let wrong = connection.file("wrong.json", value.to_string());
        for (command, file) in [("read", "config"), ("discover", "config"), ("read", "catalog"), ("read", "state")] {
            if file == "state" && (value.is_array() || value.is_null()) {
                continue;
            }
            let mut files = Files::of(&connection);
            *match file {
                "config" => &mut files.config,
                "catalog" => &mut files.catalog,
                _ => &mut files.state,
            } = wrong.clone();
            let begin = format!("In the {file}, the top level must be a JSON object, not {kind}.");
            assert_rejected(&files.run(&connection, command), &sandbox, &begin);
        }
    }
}

#[test]
fn files_written_by_other_tools_are_accepted() {
    let sandbox = small();
    let connection = Connection::to(&sandbox).set("num_workers", json!(1));
    let cursor = sandbox.records()[9].clone();
    let cursor: Value = serde_json::from_str(&cursor).expect("a record is JSON");
    let cursor = cursor["created_at"].as_str().expect("a date").to_owned();
    let state = format!(
        r#"[{{"type":"STREAM","global_":null,"global_":null,"data":null,"data":{{}},"id":{huge},"stream":{{"stream_descriptor":{{"name":"audit_logs","namespace":null}},"stream_state":{{"created_at":"2001-01-01T00:00:00Z","created_at":"{cursor}","other":{huge}}}}}}}]"#,
        huge = "1234567890".repeat(20)
    );
    let catalog = format!(
        r#"{{"streams":[{{"stream":{{"name":"nobody","name":"audit_logs","json_schema":null,"supported_sync_modes":null,"source_defined_cursor":null,"default_cursor_field":null,"namespace":null,"is_resumable":null}},"sync_mode":"incremental","destination_sync_mode":null,"cursor_field":null,"primary_key":null,"generation_id":{huge},"minimum_generation_id":-{huge},"sync_id":null,"destination_object_name":null,"include_files":null}}],"more":{{}}}}"#,
        huge = "9".repeat(200)
    );
    let mut config = connection.config.clone();
    config["start_date"] = json!(null);
    config["lookback_window_minutes"] = json!("0");
    config["unknown"] = json!({ "deep": [[[]]] });
    let config = config.to_string().replacen('{', "{\"subdomain\":7,\"subdomain\":null,", 1);
    for begin in ["", "\u{feff}", "\r\n\t "] {
        let files = Files {
            config: connection.file("config.json", format!("{begin}{config}\r\n")),
            catalog: connection.file("catalog.json", format!("{begin}{catalog}\n\n")),
            state: connection.file("state.json", format!("{begin}{state}")),
        };
        let run = files.run(&connection, "read").succeeded();
        let read: Vec<String> = run.records();
        assert!(!read.is_empty() && read.len() < 20, "{}", read.len());
        for record in read {
            let record: Value = serde_json::from_str(&record).expect("a record is JSON");
            assert!(record["created_at"].as_str() >= Some(cursor.as_str()));
        }
        for command in ["check", "discover"] {
            let run = files.run(&connection, command).succeeded();
            assert!(!run.stdout.contains("FAILED"), "{}", run.stdout);
        }
    }
}

#[test]
fn an_unknown_selection_in_the_catalog_is_named() {
    let sandbox = small();
    let connection = Connection::to(&sandbox);
    let entry = |name: Value, mode: Value| json!({ "stream": { "name": name }, "sync_mode": mode });
    let good = || entry(json!("audit_logs"), json!("incremental"));
    let unknown = "The catalog selects the stream \"tickets\"";
    let mode = "The catalog selects the sync mode ";
    for (catalog, begin) in [
        (json!({}), "In the catalog, streams is missing."),
        (json!({ "streams": null }), "In the catalog, streams is missing."),
        (json!({ "streams": {} }), "In the catalog, streams must be an array"),
        (json!({ "streams": [null] }), "In the catalog, streams[0] must be a JSON object"),
        (json!({ "streams": [good(), 7] }), "In the catalog, streams[1] must be a JSON object"),
        (json!({ "streams": [{ "sync_mode": "incremental" }] }), "In the catalog, streams[0].stream is missing."),
        (json!({ "streams": [{ "stream": null }] }), "In the catalog, streams[0].stream is missing."),
        (json!({ "streams": [{ "stream": "audit_logs" }] }), "In the catalog, streams[0].stream must be a JSON object"),
        (
            json!({ "streams": [entry(json!(null), json!("incremental"))] }),
            "In the catalog, streams[0].stream.name is missing.",
        ),
        (
            json!({ "streams": [entry(json!(7), json!("incremental"))] }),
            "In the catalog, streams[0].stream.name must be a string",
        ),
        (
            json!({ "streams": [entry(json!("audit_logs"), json!(null))] }),
            "In the catalog, streams[0].sync_mode is missing.",
        ),
        (
            json!({ "streams": [entry(json!("audit_logs"), json!(["incremental"]))] }),
            "In the catalog, streams[0].sync_mode must be a string",
        ),
        (json!({ "streams": [entry(json!("tickets"), json!("incremental"))] }), unknown),
        (json!({ "streams": [good(), entry(json!("tickets"), json!("incremental"))] }), unknown),
        (
            json!({ "streams": [entry(json!("Audit_Logs"), json!("incremental"))] }),
            "The catalog selects the stream \"Audit_Logs\"",
        ),
        (json!({ "streams": [entry(json!("audit_logs"), json!("INCREMENTAL"))] }), mode),
        (json!({ "streams": [entry(json!("audit_logs"), json!(""))] }), mode),
        (json!({ "streams": [good(), good()] }), "In the catalog, streams[1].stream selects audit_logs again."),
        // A catalog of `discover`, which is not a configured catalog.
        (
            json!({ "streams": [{ "name": "audit_logs", "json_schema": {} }] }),
            "In the catalog, streams[0].stream is missing.",
        ),
    ] {
        let mut files = Files::of(&connection);
        files.catalog = connection.file("catalog.json", catalog.to_string());
        assert_rejected(&files.run(&connection, "read"), &sandbox, begin);
    }
}

fn state_of(name: &str, stream_state: &Value) -> Value {
    json!({
        "type": "STREAM",
        "stream": { "stream_descriptor": { "name": name, "namespace": null }, "stream_state": stream_state }
    })
}

#[test]
fn every_form_of_an_empty_state_reads_from_the_beginning() {
    let sandbox = small();
    let connection = Connection::to(&sandbox);
    let others = state_of("tickets", &json!({ "created_at": "2999-01-01T00:00:00Z" }));
    let states = [
        json!([]),
        json!({}),
        json!(null),
        json!([{}]),
        json!([others]),
        others.clone(),
        json!([state_of("audit_logs", &json!(null)), others]),
        json!([state_of("audit_logs", &json!({}))]),
        json!([state_of("audit_logs", &json!({ "created_at": null, "seen": null }))]),
        json!([{ "type": "STREAM", "stream": { "stream_descriptor": { "name": "audit_logs" } } }]),
        json!([{ "type": "STATE", "state": state_of("audit_logs", &json!({})) }]),
    ];
    let everything = sorted(sandbox.records());
    let mut files = Files::of(&connection);
    let mut assert_whole = |state: &Path, form: &str| {
        files.state = state.to_owned();
        let run = files.run(&connection, "read").succeeded();
        assert_eq!(sorted(run.records()), everything, "{form}");
    };
    for state in states {
        let path = connection.file("state.json", state.to_string());
        assert_whole(&path, &state.to_string());
    }
    let absent = connection.file("state.json", "");
    std::fs::remove_file(&absent).expect("the file was there");
    assert_whole(&absent, "an absent file");
    assert_whole(&absent.with_file_name("absent/state.json"), "no folder");
    let without_the_flag = connection.read(None).succeeded();
    assert_eq!(sorted(without_the_flag.records()), everything);
}

#[test]
fn an_invalid_state_is_rejected_and_not_treated_as_empty() {
    let sandbox = small();
    let connection = Connection::to(&sandbox);
    let ours = |stream_state: Value| json!([state_of("audit_logs", &stream_state)]);
    let seen = |seen: Value| ours(json!({ "created_at": "2024-01-01T00:00:00Z", "seen": seen }));
    let huge: Value = serde_json::from_str(&"9".repeat(40)).expect("a number");
    for (state, begin) in [
        (ours(json!({ "created_at": "soon" })), "stream_state.created_at is not a date"),
        (ours(json!({ "created_at": "" })), "stream_state.created_at is not a date"),
        (ours(json!({ "created_at": "2024-02-30T00:00:00Z" })), "stream_state.created_at is not a date"),
        (ours(json!({ "created_at": 1_704_067_200 })), "stream_state.created_at must be a string"),
        (ours(json!({ "created_at": ["2024-01-01T00:00:00Z"] })), "stream_state.created_at must be a string"),
        (
            ours(json!({ "created_at": "2024-01-01T00:00:00Z", "seen_since": "x" })),
            "stream_state.seen_since is not a date",
        ),
        (seen(json!([1])), "stream_state.seen must be a JSON object, not an array."),
        (seen(json!({ "soon": [1] })), "stream_state.seen.soon is not a date."),
        (seen(json!({ "2024-01-01T00:00:00Z": 7 })), "stream_state.seen.2024-01-01T00:00:00Z must be an array"),
        (seen(json!({ "2024-01-01T00:00:00Z": [true] })), "stream_state.seen.2024-01-01T00:00:00Z must contain ids"),
        (seen(json!({ "2024-01-01T00:00:00Z": [1.5] })), "stream_state.seen.2024-01-01T00:00:00Z must contain ids"),
        (seen(json!({ "2024-01-01T00:00:00Z": [huge] })), "stream_state.seen.2024-01-01T00:00:00Z must contain ids"),
        (ours(json!("x")), "[0].stream.stream_state must be a JSON object"),
        (ours(json!([])), "[0].stream.stream_state must be a JSON object"),
        (json!([7]), "[0] must be a JSON object"),
        (json!([null]), "[0] must be a JSON object"),
        (json!([{ "type": "X" }]), "[0].type is unknown."),
        (json!([{ "type": 7 }]), "[0].type must be a string"),
        (json!([{ "type": "GLOBAL", "global": {} }]), "[0].type is not STREAM"),
        (json!([{ "type": "LEGACY", "data": {} }]), "[0].type is not STREAM"),
        (json!([{ "type": "STREAM" }]), "[0].stream is missing."),
        (json!([{ "type": "STREAM", "stream": { "stream_state": {} } }]), "[0].stream.stream_descriptor is missing."),
        (
            json!([{ "stream": { "stream_descriptor": { "name": 7 } } }]),
            "[0].stream.stream_descriptor.name must be a string",
        ),
        // A state of the first generation of connectors.
        (json!({ "audit_logs": { "created_at": "2024-01-01T00:00:00Z" } }), "stream is missing."),
    ] {
        let mut files = Files::of(&connection);
        files.state = connection.file("state.json", state.to_string());
        let run = files.run(&connection, "read");
        assert_rejected(&run, &sandbox, &format!("In the state, {begin}"));
    }
}

#[test]
fn an_unused_state_is_validated_before_any_request() {
    // The config and the catalog are valid, the state is not: no request may have been sent.
    let sandbox = small();
    let connection = Connection::to(&sandbox);
    let mut files = Files::of(&connection);
    files.catalog = connection.file("catalog.json", catalog("full_refresh").to_string());
    files.state = connection.file("state.json", "");
    let path = text(&files.state).to_owned();
    let begin = format!("The state file {path} is empty.");
    let run = files.run(&connection, "read");
    assert_rejected(&run, &sandbox, &begin);
    assert!(run.error()["message"].to_string().contains("[]"));
    files.catalog = connection.file("catalog.json", r#"{"streams":[]}"#);
    assert_rejected(&files.run(&connection, "read"), &sandbox, &begin);
}

fn closed_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// A connection to a closed port: a command that works with it needs no network.
fn offline() -> Connection {
    let credentials = json!({ "auth_type": "access_token", "access_token": ACCESS_TOKEN });
    Connection::with(Some(closed_port()), credentials)
}

#[test]
fn discover_needs_no_network_and_describes_the_streams_exactly() {
    let run = offline().discover().succeeded();
    assert_eq!(run.messages().len(), 1, "{}", run.stdout);
    let mut catalog = run.messages()[0]["catalog"].clone();
    let mut schema = catalog["streams"][0]["json_schema"].take();
    let access_logs = catalog["streams"].as_array_mut().expect("streams").split_off(1);
    let [access_logs] = access_logs.as_slice() else { panic!("{} more streams", access_logs.len()) };
    for (field, value) in [
        ("name", json!("access_logs")),
        ("supported_sync_modes", json!(["full_refresh", "incremental"])),
        ("source_defined_cursor", json!(true)),
        ("default_cursor_field", json!(["timestamp"])),
        ("source_defined_primary_key", json!([["id"]])),
        ("is_resumable", json!(true)),
    ] {
        assert_eq!(access_logs[field], value, "{field}");
    }
    assert_eq!(
        catalog,
        json!({ "streams": [{
            "name": "audit_logs",
            "json_schema": null,
            "supported_sync_modes": ["full_refresh", "incremental"],
            "source_defined_cursor": true,
            "default_cursor_field": ["created_at"],
            "source_defined_primary_key": [["id"]],
            "is_resumable": true
        }] })
    );
    for property in schema["properties"].as_object_mut().expect("properties").values_mut() {
        let description = property.as_object_mut().and_then(|property| property.remove("description"));
        assert!(description.is_some_and(|text| text.as_str().is_some_and(|w| w.len() > 10)));
    }
    let integer = json!({ "type": ["null", "integer"] });
    let string = json!({ "type": ["null", "string"] });
    assert_eq!(
        schema,
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "additionalProperties": true,
            "properties": {
                "id": integer,
                "created_at": {
                    "type": ["null", "string"],
                    "format": "date-time",
                    "airbyte_type": "timestamp_with_timezone"
                },
                "action": string,
                "action_label": string,
                "actor_id": integer,
                "actor_name": string,
                "source_type": string,
                "source_id": integer,
                "source_label": string,
                "change_description": string,
                "ip_address": string,
                "url": string
            }
        })
    );
}

#[test]
fn records_match_the_schema() {
    let run = offline().discover().succeeded();
    let schema = run.messages()[0]["catalog"]["streams"][0]["json_schema"].clone();
    assert!(jsonschema::draft7::meta::is_valid(&schema), "{schema}");
    let validator = jsonschema::draft7::options().should_validate_formats(true).build(&schema).expect("a schema");
    let sandbox = sandbox(Options { events: 20_000, shape: Shape::Mixed, ..Options::default() });
    let (mut fitting, mut odd) = (0, 0);
    for record in sandbox.records() {
        let record: Value = serde_json::from_str(&record).expect("a record is JSON");
        let has_plain_id = record.get("id").is_none_or(|id| id.is_i64() || id.is_null());
        if has_plain_id {
            let errors: Vec<String> = validator.iter_errors(&record).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}: {record}");
            fitting += 1;
        } else {
            odd += 1;
        }
    }
    assert!(fitting > 19_000, "{fitting} fit, {odd} are odd");
    // The schema rejects invalid records.
    for record in [json!([]), json!({ "id": "x" }), json!({ "created_at": 7 })] {
        assert!(!validator.is_valid(&record), "{record}");
    }
    for record in [json!({}), json!({ "new_field": { "x": [1] } })] {
        assert!(validator.is_valid(&record), "{record}");
    }
}

#[test]
fn discover_rejects_an_invalid_configuration() {
    let sandbox = small();
    let mut connection = Connection::to(&sandbox);
    for (config, begin) in [
        (json!({}), "In the config, subdomain is missing."),
        (json!({ "subdomain": "acme" }), "In the config, credentials is missing."),
    ] {
        connection.config = config;
        assert_rejected(&connection.discover(), &sandbox, begin);
    }
}

/// Returns the `connectionSpecification` of the only message of `spec`.
fn specification() -> Value {
    let run = offline().command(&["spec"]).succeeded();
    assert_eq!(run.messages().len(), 1, "{}", run.stdout);
    run.messages()[0]["spec"]["connectionSpecification"].clone()
}

#[test]
fn the_specification_follows_the_rules_of_the_platform() {
    let message = offline().command(&["spec"]).succeeded().messages()[0].clone();
    assert_eq!(message["type"], "SPEC");
    let url = message["spec"]["documentationUrl"].as_str();
    assert!(url.is_some_and(|url| url.starts_with("https://")));
    assert!(message["spec"]["protocol_version"].is_string());
    let specification = specification();
    assert!(jsonschema::draft7::meta::is_valid(&specification));
    assert_eq!(specification["type"], "object");
    assert_eq!(specification["required"], json!(["subdomain", "credentials"]));
    assert_follows_the_rules("connectionSpecification", &specification);
}

/// Asserts the rules for an object and everything below it.
fn assert_follows_the_rules(path: &str, schema: &Value) {
    let object = schema.as_object().expect("a schema is an object");
    assert!(!object.is_empty(), "{path} is empty");
    for refused in ["anyOf", "allOf", "not", "if", "then", "else", "$ref", "$defs", "definitions", "patternProperties"]
    {
        assert!(!object.contains_key(refused), "{path} has {refused}");
    }
    assert_ne!(object.get("additionalProperties"), Some(&json!(false)), "{path}");
    assert!(schema["type"].is_string(), "{path} has the type {}", schema["type"]);
    for name in ["title", "description"] {
        let missing = schema[name].as_str().is_none_or(|text| text.trim().is_empty());
        assert!(!missing || schema.get("const").is_some(), "{path} has no {name}");
    }
    // The values that a form offers must be valid.
    let offered = schema["examples"].as_array().into_iter().flatten();
    for value in offered.chain(object.get("default")) {
        assert!(jsonschema::draft7::is_valid(schema, value), "{path}: {value}");
    }
    if let Some(options) = schema["oneOf"].as_array() {
        assert_eq!(schema["type"], "object", "{path}");
        let mut told_apart_by = BTreeSet::new();
        let mut values = BTreeSet::new();
        for (number, option) in options.iter().enumerate() {
            let path = format!("{path}.oneOf[{number}]");
            assert_follows_the_rules(&path, option);
            let constants: Vec<_> = option["properties"]
                .as_object()
                .expect("properties")
                .iter()
                .filter(|(_, property)| property.get("const").is_some())
                .collect();
            let [(name, property)] = constants[..] else {
                panic!("{path} has {} constants", constants.len());
            };
            assert_eq!(property["type"], "string", "{path}");
            assert!(property.get("enum").is_none() && property.get("default").is_none());
            let required = option["required"].as_array().expect("required fields");
            assert!(required.contains(&json!(name)), "{path}");
            told_apart_by.insert(name.clone());
            values.insert(property["const"].as_str().expect("a string").to_owned());
        }
        assert_eq!(told_apart_by.len(), 1, "{path}: {told_apart_by:?}");
        assert_eq!(values.len(), options.len(), "{path}: {values:?}");
    } else if schema["type"] == "object" {
        let properties = schema["properties"].as_object().expect("properties");
        assert!(!properties.is_empty(), "{path}");
        let orders: BTreeSet<_> = properties.values().map(|p| p["order"].as_u64()).collect();
        assert!(!orders.contains(&None), "{path} has a field without order");
        assert_eq!(orders.len(), properties.len(), "{path}: {orders:?}");
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name");
            assert!(properties.contains_key(name), "{path} requires {name}");
        }
        for (name, property) in properties {
            let secret = ["client_id", "password", "api_key"].contains(&&**name)
                || name.ends_with("_token")
                || name.ends_with("_secret");
            assert_eq!(property["airbyte_secret"] == true, secret, "{path}.{name}");
            assert_follows_the_rules(&format!("{path}.{name}"), property);
        }
    }
}

/// A complete configuration for each authentication method.
fn configurations() -> [Value; 4] {
    [
        json!({ "auth_type": "access_token", "access_token": ACCESS_TOKEN }),
        json!({ "auth_type": "api_token", "email": ADMIN_EMAIL, "api_token": API_TOKEN }),
        json!({ "auth_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET }),
        json!({
            "auth_type": "refresh_token",
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN
        }),
    ]
    .map(|credentials| json!({ "subdomain": "sandbox", "credentials": credentials }))
}

#[test]
fn the_specification_and_the_parser_require_the_same_fields() {
    let validator = jsonschema::draft7::new(&specification()).expect("a schema");
    let mut connection = offline();
    let mut agree = |config: &Value, good: bool| {
        assert_eq!(validator.is_valid(config), good, "{config}");
        connection.config = config.clone();
        assert_eq!(connection.discover().code == 0, good, "{config}");
    };
    for config in configurations() {
        agree(&config, true);
        for field in ["subdomain", "credentials"] {
            let mut config = config.clone();
            config.as_object_mut().expect("an object").remove(field);
            agree(&config, false);
        }
        let fields = config["credentials"].as_object().expect("an object").clone();
        for field in fields.keys() {
            let mut config = config.clone();
            let credentials = config["credentials"].as_object_mut().expect("an object");
            credentials.remove(field);
            agree(&config, false);
        }
    }
}

#[test]
fn the_specification_and_the_parser_accept_the_same_values() {
    let validator =
        jsonschema::draft7::options().should_validate_formats(true).build(&specification()).expect("a schema");
    let mut connection = offline();
    let good = configurations()[0].clone();
    for (field, value, fits) in [
        ("subdomain", json!("acme"), true),
        ("subdomain", json!("ACME-2"), true),
        ("subdomain", json!(" https://acme.zendesk.com/agent/ "), true),
        ("subdomain", json!("acme.zendesk.com"), true),
        ("subdomain", json!(""), false),
        ("subdomain", json!("acme.example"), false),
        ("subdomain", json!("a@b"), false),
        ("subdomain", json!("https://user:pw@acme.zendesk.com"), false),
        ("subdomain", json!("127.0.0.1"), false),
        ("subdomain", json!(7), false),
        ("credentials", json!({ "auth_type": "password" }), false),
        ("credentials", json!("x"), false),
        ("start_date", json!("2024-01-01T00:00:00Z"), true),
        ("start_date", json!("soon"), false),
        ("start_date", json!(2024), false),
        ("lookback_window_minutes", json!(0), true),
        ("lookback_window_minutes", json!(1440), true),
        ("lookback_window_minutes", json!(-1), false),
        ("lookback_window_minutes", json!(1441), false),
        ("lookback_window_minutes", json!(1.5), false),
        ("num_workers", json!(1), true),
        ("num_workers", json!(16), true),
        ("num_workers", json!(0), false),
        ("num_workers", json!(17), false),
        ("rate_limit_percentage", json!(1), true),
        ("rate_limit_percentage", json!(100), true),
        ("rate_limit_percentage", json!(0), false),
        ("rate_limit_percentage", json!(101), false),
        ("filters", json!({}), true),
        ("filters", json!({ "actions": [], "source_types": [], "actor_ids": [], "ip_addresses": [] }), true),
        ("filters", json!({ "actions": ["login"], "source_types": ["zendesk/app_market/app"] }), true),
        ("filters", json!({ "actor_ids": [-1, 9_007_199_254_740_993_i64], "ip_addresses": ["2001:db8::1"] }), true),
        ("filters", json!({ "actor_ids": (0..100).collect::<Vec<_>>() }), true),
        ("filters", json!({ "actor_ids": (0..101).collect::<Vec<_>>() }), false),
        ("filters", json!({ "actor_ids": ["bob"] }), false),
        ("filters", json!({ "actor_ids": [1.5] }), false),
        ("filters", json!({ "actions": "login" }), false),
        ("filters", json!({ "actions": [7] }), false),
        ("filters", json!({ "source_types": [null] }), false),
        ("filters", json!({ "ip_addresses": [["::1"]] }), false),
        ("filters", json!([]), false),
        ("whatever_else", json!({}), true),
    ] {
        let mut config = good.clone();
        config[field] = value;
        assert_eq!(validator.is_valid(&config), fits, "{config}");
        connection.config = config.clone();
        let run = connection.discover();
        assert_eq!(run.code == 0, fits, "{config}: {}", run.stdout);
        if !fits {
            let message = run.error()["message"].to_string();
            assert!(message.contains(field), "{message}");
        }
    }
}

#[test]
fn the_examples_and_defaults_of_the_specification_match_the_parser() {
    let specification = specification();
    let properties = specification["properties"].as_object().expect("properties");
    let sandbox = small();
    for (name, property) in properties {
        let offered = property["examples"].as_array().into_iter().flatten();
        for value in offered.chain(property.get("default")) {
            let mut connection = Connection::to(&sandbox);
            connection.config[name] = value.clone();
            connection.discover().succeeded();
        }
    }
    // The defaults are visible in the first log message of a read, and in its windows.
    let opening = |connection: &Connection| connection.read(None).succeeded().logs("INFO")[0].clone();
    let mut explicit = Connection::to(&sandbox);
    for (name, property) in properties {
        if let Some(default) = property.get("default") {
            explicit.config[name] = default.clone();
        }
    }
    let (implicit, explicit) = (opening(&Connection::to(&sandbox)), opening(&explicit));
    assert_eq!(implicit, explicit);
    let default = &properties["rate_limit_percentage"]["default"];
    assert!(explicit.contains(&format!(" {default} % of")), "{explicit}");
}
