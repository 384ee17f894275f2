//! State files: finds a stream's state in a file from the platform, a user or another tool.
//!
//! `sync/state.rs` parses the state itself; this file must not.

use serde_json::Value;

use crate::config::{Fields, InputFile, Result};
use crate::stream::Stream;

/// Returns the `stream_state` of a stream, or `None` if the file has no state for it.
///
/// The file may contain `null`, `{}`, `[]`, a STREAM state, an array of them, or a whole STATE message with
/// one of these under `state`.
///
/// # Errors
/// If the file has another shape. A state that cannot be parsed must not silently start a sync from the beginning.
pub fn stream_state<'v>(file: &'v Value, stream: &Stream) -> Result<Option<&'v Value>> {
    match file {
        Value::Null => Ok(None),
        Value::Array(states) => {
            let mut found = None;
            for (index, state) in states.iter().enumerate() {
                if let Some(state) = of_message(state, &format!("[{index}]"), stream)? {
                    // The last state is the newest.
                    found = Some(state);
                }
            }
            Ok(found)
        }
        state => of_message(state, "", stream),
    }
}

fn of_message<'v>(value: &'v Value, path: &str, wanted: &Stream) -> Result<Option<&'v Value>> {
    let message = Fields::new(InputFile::State, path, value)?;
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(None);
    }
    if let Some(inner) = message.get("state") {
        return of_message(inner, &message.path("state"), wanted);
    }
    match message.string("type")? {
        Some("STREAM") | None => {}
        Some("GLOBAL" | "LEGACY") => {
            return Err(message.error(
                "type",
                "is not STREAM, the only type of state that this source writes",
                "Reset the connection, or omit the state.",
            ));
        }
        Some(_) => {
            return Err(message.error("type", "is unknown", "A state of this source has the type STREAM."));
        }
    }
    let stream = message.required_object(
        "stream",
        &format!("A state looks like {{\"type\":\"STREAM\",\"stream\":{{\"stream_descriptor\":{{\"name\":\"{}\"}},\"stream_state\":{{…}}}}}}.", wanted.name),
    )?;
    let descriptor = stream
        .required_object("stream_descriptor", &format!("It names the stream: {{\"name\":\"{}\"}}.", wanted.name))?;
    let name = descriptor.required_string("name", &format!("It is the name of a stream, such as {}.", wanted.name))?;
    if name != wanted.name {
        return Ok(None);
    }
    match stream.get("stream_state") {
        None => Ok(None),
        Some(Value::Object(state)) if state.is_empty() => Ok(None),
        Some(state @ Value::Object(_)) => Ok(Some(state)),
        Some(other) => Err(stream.type_error("stream_state", "a JSON object", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::stream::AUDIT_LOGS;

    fn message(name: &str, state: &Value) -> Value {
        json!({ "type": "STREAM", "stream": { "stream_descriptor": { "name": name, "namespace": null }, "stream_state": state }, "data": null, "global": null })
    }

    #[test]
    fn every_form_of_an_empty_state_is_accepted() {
        for file in [
            json!(null),
            json!([]),
            json!({}),
            json!([{}]),
            json!([message("audit_logs", &json!(null))]),
            json!([message("audit_logs", &json!({}))]),
            json!([message("tickets", &json!({ "updated_at": "x" }))]),
        ] {
            assert_eq!(stream_state(&file, &AUDIT_LOGS).expect("understood"), None, "{file}");
        }
    }

    #[test]
    fn the_state_of_this_stream_is_found() {
        let state = json!({ "created_at": "2026-01-01T00:00:00Z" });
        let ours = message("audit_logs", &state);
        let older = message("audit_logs", &json!({ "created_at": "2025-01-01T00:00:00Z" }));
        let untyped = json!({ "stream": { "stream_descriptor": { "name": "audit_logs" }, "stream_state": state } });
        for file in [
            ours.clone(),
            json!([ours]),
            json!([message("tickets", &json!({})), ours]),
            json!([older, ours, message("tickets", &json!({ "x": 1 }))]),
            untyped,
            json!([{ "type": "STATE", "state": ours }]),
        ] {
            assert_eq!(stream_state(&file, &AUDIT_LOGS).expect("understood"), Some(&state), "{file}");
        }
    }

    #[test]
    fn repeated_keys_are_accepted() {
        let text = r#"[{"type":"STREAM","global_":null,"global_":null,"stream":{"stream_descriptor":{"name":"audit_logs"},"stream_state":{"created_at":"2026-01-01T00:00:00Z"}}}]"#;
        let file: Value = serde_json::from_str(text).expect("JSON");
        assert!(stream_state(&file, &AUDIT_LOGS).expect("understood").is_some());
    }

    #[test]
    fn a_state_of_another_shape_is_rejected_with_the_field() {
        for (file, start) in [
            (json!(7), "In the state, the top level must be a JSON object, not a number."),
            (json!([7]), "In the state, [0] must be a JSON object, not a number."),
            (json!({ "created_at": "2026-01-01T00:00:00Z" }), "In the state, stream is missing."),
            (json!({ "type": "GLOBAL", "global": {} }), "In the state, type is not STREAM"),
            (json!([{ "type": "X" }]), "In the state, [0].type is unknown."),
            (json!([{ "type": "STREAM", "stream": {} }]), "In the state, [0].stream.stream_descriptor is missing."),
            (
                json!([message("audit_logs", &json!("x"))]),
                "In the state, [0].stream.stream_state must be a JSON object, not a string.",
            ),
        ] {
            let error = stream_state(&file, &AUDIT_LOGS).expect_err("refused").to_string();
            assert!(error.starts_with(start), "{file}: {error}");
        }
    }
}
