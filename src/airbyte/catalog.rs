//! Catalogs: the catalog that `discover` returns, and the configured catalog that `read` receives.
//!
//! Fields that this source does not use must not be read, whatever they contain.

use serde_json::Value;

use super::failure::CatalogError;
use super::message::{Catalog, CatalogStream, SyncMode};
use crate::config::{Fields, InputFile};
use crate::stream::Stream;

/// Returns the catalog of these streams.
#[must_use]
pub fn catalog(streams: &[&'static Stream]) -> Catalog {
    let entry = |stream: &&'static Stream| CatalogStream {
        name: stream.name,
        json_schema: (stream.json_schema)(),
        supported_sync_modes: [SyncMode::FullRefresh, SyncMode::Incremental],
        source_defined_cursor: true,
        default_cursor_field: [stream.cursor_field],
        source_defined_primary_key: [[stream.primary_key]],
        is_resumable: true,
    };
    Catalog { streams: streams.iter().map(entry).collect() }
}

/// A stream that a configured catalog selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedStream {
    /// The stream.
    pub stream: &'static Stream,
    /// The sync mode.
    pub sync_mode: SyncMode,
}

/// Parses a configured catalog and returns the selected streams in its order. `known` are the streams of this
/// source.
///
/// # Errors
/// If the catalog has another shape, or selects an unknown stream, an unknown sync mode, or a stream twice.
pub fn selected_streams(catalog: &Value, known: &[&'static Stream]) -> Result<Vec<SelectedStream>, CatalogError> {
    let top = Fields::new(InputFile::Catalog, "", catalog)?;
    let streams = top.required("streams", "A configured catalog contains an array of streams.")?;
    let Value::Array(streams) = streams else {
        return Err(top.type_error("streams", "an array", streams).into());
    };
    let names = known.iter().map(|stream| stream.name).collect::<Vec<_>>().join(", ");
    let hint = format!(
        "An entry of a configured catalog looks like this: {{\"stream\":{{\"name\":\"{}\",…}},\"sync_mode\":\"incremental\",\"destination_sync_mode\":\"append\"}}.",
        known.first().map_or("name", |stream| stream.name)
    );
    let mut selected: Vec<SelectedStream> = Vec::new();
    for (index, configured) in streams.iter().enumerate() {
        let configured = Fields::new(InputFile::Catalog, format!("streams[{index}]"), configured)?;
        let entry = configured.required_object("stream", &hint)?;
        let name = entry.required_string("name", &hint)?;
        let Some(&stream) = known.iter().find(|stream| stream.name == name) else {
            return Err(CatalogError::UnknownStream { name: name.to_owned(), known: names });
        };
        let sync_mode = match configured.required_string("sync_mode", &hint)? {
            "full_refresh" => SyncMode::FullRefresh,
            "incremental" => SyncMode::Incremental,
            mode => {
                return Err(CatalogError::UnknownSyncMode { stream: name.to_owned(), mode: mode.to_owned() });
            }
        };
        if selected.iter().any(|earlier| earlier.stream == stream) {
            let problem = format!("selects {name} again");
            return Err(configured.error("stream", problem, "Select each stream once.").into());
        }
        selected.push(SelectedStream { stream, sync_mode });
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::stream::{AUDIT_LOGS, STREAMS};

    fn configured(name: &str, mode: &str) -> Value {
        json!({
            "stream": { "name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"] },
            "sync_mode": mode,
            "destination_sync_mode": "append",
            "cursor_field": null, "primary_key": null, "generation_id": null, "sync_id": 7, "new": {}
        })
    }

    #[test]
    fn the_selected_streams_are_returned_with_their_sync_modes() {
        for (streams, mode) in [
            (json!([]), None),
            (json!([configured("audit_logs", "full_refresh")]), Some(SyncMode::FullRefresh)),
            (json!([configured("audit_logs", "incremental")]), Some(SyncMode::Incremental)),
        ] {
            let selected = selected_streams(&json!({ "streams": streams }), &STREAMS).expect("understood");
            let expected = mode.map(|sync_mode| SelectedStream { stream: &AUDIT_LOGS, sync_mode });
            assert_eq!(selected, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_names_the_invalid_entry() {
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
            let error = selected_streams(&catalog, &STREAMS).expect_err("refused").to_string();
            assert!(error.starts_with(start), "{catalog}: {error}");
        }
    }
}
