//! Catalogs: the one that `discover` answers with, and the configured one that `read` gets.
//!
//! Fields that this source has no use for must not be looked at, whatever they contain.

use serde_json::Value;

use super::failure::CatalogError;
use super::message::{Catalog, STREAM, Stream, SyncMode};
use crate::config::{Fields, InputFile};

/// The catalog of this source, with the JSON schema of its only stream.
#[must_use]
pub fn catalog(json_schema: Value) -> Catalog {
    Catalog {
        streams: vec![Stream {
            name: STREAM,
            json_schema,
            supported_sync_modes: [SyncMode::FullRefresh, SyncMode::Incremental],
            source_defined_cursor: true,
            default_cursor_field: ["created_at"],
            source_defined_primary_key: [["id"]],
            is_resumable: true,
        }],
    }
}

/// Reads a configured catalog: in which mode the stream is asked for, or none if it is not.
///
/// # Errors
/// If it has another shape, asks for an unknown stream or sync mode, or for the stream twice.
pub fn selected_sync_mode(catalog: &Value) -> Result<Option<SyncMode>, CatalogError> {
    let top = Fields::new(InputFile::Catalog, "", catalog)?;
    let streams = top.required("streams", "A configured catalog contains an array of streams.")?;
    let Value::Array(streams) = streams else {
        return Err(top.type_error("streams", "an array", streams).into());
    };
    let mut selected = None;
    for (index, configured) in streams.iter().enumerate() {
        let configured = Fields::new(InputFile::Catalog, format!("streams[{index}]"), configured)?;
        let hint = "An entry of a configured catalog looks like this: {\"stream\":{\"name\":\"audit_logs\",…},\"sync_mode\":\"incremental\",\"destination_sync_mode\":\"append\"}.";
        let stream = configured.required_object("stream", hint)?;
        let name = stream.required_string("name", hint)?;
        if name != STREAM {
            return Err(CatalogError::UnknownStream { name: name.to_owned(), known: STREAM.to_owned() });
        }
        let mode = match configured.required_string("sync_mode", hint)? {
            "full_refresh" => SyncMode::FullRefresh,
            "incremental" => SyncMode::Incremental,
            mode => {
                return Err(CatalogError::UnknownSyncMode { stream: STREAM.to_owned(), mode: mode.to_owned() });
            }
        };
        if selected.replace(mode).is_some() {
            return Err(configured.error("stream", "selects audit_logs again", "Select each stream once.").into());
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn configured(name: &str, mode: &str) -> Value {
        json!({
            "stream": { "name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"] },
            "sync_mode": mode,
            "destination_sync_mode": "append",
            "cursor_field": null, "primary_key": null, "generation_id": null, "sync_id": 7, "new": {}
        })
    }

    #[test]
    fn the_mode_of_the_stream_is_found() {
        for (streams, mode) in [
            (json!([]), None),
            (json!([configured("audit_logs", "full_refresh")]), Some(SyncMode::FullRefresh)),
            (json!([configured("audit_logs", "incremental")]), Some(SyncMode::Incremental)),
        ] {
            assert_eq!(selected_sync_mode(&json!({ "streams": streams })).expect("understood"), mode);
        }
    }

    #[test]
    fn what_does_not_do_is_named() {
        let twice = configured("audit_logs", "incremental");
        for (catalog, start) in [
            (json!(null), "In the catalog, the top level must be a JSON object, not null."),
            (json!({}), "In the catalog, streams is missing."),
            (json!({ "streams": {} }), "In the catalog, streams must be an array, not an object."),
            (json!({ "streams": [7] }), "In the catalog, streams[0] must be a JSON object, not a number."),
            (json!({ "streams": [{ "name": "audit_logs" }] }), "In the catalog, streams[0].stream is missing."),
            (
                json!({ "streams": [{ "stream": { "name": null } }] }),
                "In the catalog, streams[0].stream.name is missing.",
            ),
            (
                json!({ "streams": [{ "stream": { "name": "audit_logs" } }] }),
                "In the catalog, streams[0].sync_mode is missing.",
            ),
            (
                json!({ "streams": [configured("tickets", "incremental")] }),
                "The catalog selects the stream \"tickets\"",
            ),
            (json!({ "streams": [configured("audit_logs", "cdc")] }), "The catalog selects the sync mode \"cdc\""),
            (json!({ "streams": [twice, twice] }), "In the catalog, streams[1].stream selects audit_logs again."),
        ] {
            let error = selected_sync_mode(&catalog).expect_err("refused").to_string();
            assert!(error.starts_with(start), "{catalog}: {error}");
        }
    }
}
