//! The messages of the Airbyte protocol, as types that serialize to a line of stdout.
//!
//! Source: <https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol> (0.18). The
//! protocol mixes `camelCase` and `snake_case`; a test checks the bytes of each kind. This module must not
//! write anything. RECORD messages, of which there are millions, are assembled in `record_lines.rs`.

mod catalog;
mod trace;

use serde::Serialize;
use serde_json::Value;

pub use catalog::{Catalog, CatalogStream, SyncMode};
pub use trace::{
    EstimateKind, EstimateTrace, FailureType, RateLimited, Reason, StreamStatus, StreamStatusTrace, Trace, TraceError,
    TraceKind, estimate, stream_status,
};

use crate::stream::Stream;

/// A message other than RECORD.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Message {
    /// The response to `spec`.
    Spec {
        /// The specification.
        spec: Spec,
    },
    /// The response to `check`.
    ConnectionStatus {
        /// The result of the check.
        #[serde(rename = "connectionStatus")]
        connection_status: ConnectionStatus,
    },
    /// The response to `discover`.
    Catalog {
        /// The catalog.
        catalog: Catalog,
    },
    /// A checkpoint: all records before it have been emitted.
    State {
        /// The state.
        state: State,
    },
    /// A log line.
    Log {
        /// The log line.
        log: Log,
    },
    /// An error, a stream status or an estimate.
    Trace {
        /// The trace.
        trace: Trace,
    },
    /// A change of the configuration.
    Control {
        /// The change.
        control: Control,
    },
}

/// The specification of the source.
#[derive(Clone, Debug, Serialize)]
pub struct Spec {
    /// The URL of the documentation.
    #[serde(rename = "documentationUrl")]
    pub documentation_url: &'static str,
    /// The JSON schema of the configuration.
    #[serde(rename = "connectionSpecification")]
    pub connection_specification: Value,
    /// How the platform gets tokens when a user selects "Authenticate your account".
    pub advanced_auth: Value,
    /// Deprecated; some platforms still read it.
    #[serde(rename = "supportsIncremental")]
    pub supports_incremental: bool,
    /// The version of the protocol.
    pub protocol_version: &'static str,
}

/// The result of `check`.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionStatus {
    /// The result of the check.
    pub status: Status,
    /// Why the check failed, or the diagnosis of a successful check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The configuration works.
    Succeeded,
    /// The configuration does not work.
    Failed,
}

/// Identifies a stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamDescriptor {
    /// The name.
    pub name: &'static str,
}

impl From<&'static Stream> for StreamDescriptor {
    fn from(stream: &'static Stream) -> Self {
        Self { name: stream.name }
    }
}

/// A state.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// The state of one stream, the only type that this source writes.
    Stream {
        /// The state.
        stream: StreamState,
        /// The number of records that the state acknowledges.
        #[serde(rename = "sourceStats")]
        source_stats: SourceStats,
    },
}

/// The state of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamState {
    /// The stream.
    pub stream_descriptor: StreamDescriptor,
    /// The data for the next sync. Only this source reads it.
    pub stream_state: Value,
}

/// Statistics of a state.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SourceStats {
    /// The number of records since the previous state. The protocol's type is a float.
    #[serde(rename = "recordCount")]
    pub record_count: f64,
}

/// A log line.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// The level.
    pub level: Level,
    /// The message.
    pub message: String,
}

/// The level of a log line, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Not used for log lines, because failures are TRACE messages.
    Error,
    /// A condition that requires the user's attention.
    Warn,
    /// Progress of the command.
    Info,
    /// Each request and response.
    Debug,
}

/// The kind of a CONTROL message.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ControlKind {
    /// The platform must save the new configuration.
    ConnectorConfig {
        /// The new configuration.
        #[serde(rename = "connectorConfig")]
        connector_config: ConnectorConfig,
    },
}

/// A CONTROL message.
#[derive(Clone, Debug, Serialize)]
pub struct Control {
    /// The kind of change with its data.
    #[serde(flatten)]
    pub kind: ControlKind,
    /// Milliseconds since 1970.
    pub emitted_at: i64,
}

/// The complete new configuration.
#[derive(Clone, Serialize)]
pub struct ConnectorConfig {
    /// The configuration, valid against the specification. Contains secrets.
    pub config: Value,
}

impl std::fmt::Debug for ConnectorConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectorConfig { config: (redacted) }")
    }
}

impl Message {
    /// Serializes the message to one line, with a line break at the end.
    ///
    /// # Errors
    /// Never for the types above; the serializer's signature requires it.
    pub fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
