//! The CATALOG message: the streams that can be read.

use serde::Serialize;
use serde_json::Value;

/// The streams that can be read.
#[derive(Clone, Debug, Serialize)]
pub struct Catalog {
    /// The streams.
    pub streams: Vec<CatalogStream>,
}

/// A stream that can be read.
#[derive(Clone, Debug, Serialize)]
pub struct CatalogStream {
    /// The name.
    pub name: &'static str,
    /// The JSON schema of the records.
    pub json_schema: Value,
    /// The supported sync modes.
    pub supported_sync_modes: [SyncMode; 2],
    /// `true` if the source defines the cursor.
    pub source_defined_cursor: bool,
    /// The path of the cursor field.
    pub default_cursor_field: [&'static str; 1],
    /// The paths of the fields of the primary key.
    pub source_defined_primary_key: [[&'static str; 1]; 1],
    /// `true` if an interrupted full refresh can resume.
    pub is_resumable: bool,
}

/// How to read a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Reads all records each time.
    FullRefresh,
    /// Reads the records that are new since the previous sync.
    Incremental,
}
