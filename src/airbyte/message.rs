//! The messages of the Airbyte protocol, exactly as they stand on a line of stdout.
//!
//! Source: <https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol> (0.18). The
//! protocol mixes `camelCase` and `snake_case`; a test holds the bytes of each kind. Nothing here
//! writes anything; RECORD lines, of which there are millions, are put together by `record_lines.rs`.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::stream::Stream;

/// A message other than RECORD.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Message {
    /// Answer to `spec`.
    Spec {
        /// Its content.
        spec: Spec,
    },
    /// Answer to `check`.
    ConnectionStatus {
        /// Its content.
        #[serde(rename = "connectionStatus")]
        connection_status: ConnectionStatus,
    },
    /// Answer to `discover`.
    Catalog {
        /// Its content.
        catalog: Catalog,
    },
    /// Claims that everything up to here has been put out.
    State {
        /// Its content.
        state: State,
    },
    /// For people.
    Log {
        /// Its content.
        log: Log,
    },
    /// For the platform.
    Trace {
        /// Its content.
        trace: Trace,
    },
    /// A change of the configuration.
    Control {
        /// Its content.
        control: Control,
    },
}

/// What the source is and how it is configured.
#[derive(Clone, Debug, Serialize)]
pub struct Spec {
    /// Where people read about it.
    #[serde(rename = "documentationUrl")]
    pub documentation_url: &'static str,
    /// JSON schema of the configuration.
    #[serde(rename = "connectionSpecification")]
    pub connection_specification: Value,
    /// Deprecated, and still read by some platforms.
    #[serde(rename = "supportsIncremental")]
    pub supports_incremental: bool,
    /// The version that the messages follow.
    pub protocol_version: &'static str,
}

/// Whether the configuration works.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionStatus {
    /// Whether.
    pub status: Status,
    /// Why not, or what can be expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The outcome of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It works.
    Succeeded,
    /// It does not.
    Failed,
}

/// What can be read.
#[derive(Clone, Debug, Serialize)]
pub struct Catalog {
    /// The streams.
    pub streams: Vec<CatalogStream>,
}

/// A stream that can be read.
#[derive(Clone, Debug, Serialize)]
pub struct CatalogStream {
    /// Its name.
    pub name: &'static str,
    /// JSON schema of its records.
    pub json_schema: Value,
    /// How it can be read.
    pub supported_sync_modes: [SyncMode; 2],
    /// Whether the source knows what is new.
    pub source_defined_cursor: bool,
    /// By which field.
    pub default_cursor_field: [&'static str; 1],
    /// What tells records apart: a list of paths.
    pub source_defined_primary_key: [[&'static str; 1]; 1],
    /// Whether a full refresh can go on where it was interrupted.
    pub is_resumable: bool,
}

/// How a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Everything, each time.
    FullRefresh,
    /// What is new.
    Incremental,
}

/// Names a stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamDescriptor {
    /// Its name.
    pub name: &'static str,
}

impl From<&'static Stream> for StreamDescriptor {
    fn from(stream: &'static Stream) -> Self {
        Self { name: stream.name }
    }
}

/// State of a stream.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// The only type that this source writes.
    Stream {
        /// Its content.
        stream: StreamState,
        /// What it claims.
        #[serde(rename = "sourceStats")]
        source_stats: SourceStats,
    },
}

/// The state proper.
#[derive(Clone, Debug, Serialize)]
pub struct StreamState {
    /// Which stream.
    pub stream_descriptor: StreamDescriptor,
    /// What the next sync gets; only this source reads it.
    pub stream_state: Value,
}

/// How much a state claims.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SourceStats {
    /// Records since the state before; the protocol writes it with a decimal point.
    #[serde(rename = "recordCount")]
    pub record_count: f64,
}

/// A line for people.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// How much it matters.
    pub level: Level,
    /// The words.
    pub message: String,
}

/// How much a log line matters; the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Nothing is logged at it, since a failure is a TRACE: whoever asks for it gets no LOG messages.
    Error,
    /// Look at it.
    Warn,
    /// Good to know.
    Info,
    /// Each request.
    Debug,
}

/// A message for the platform.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// What it is about.
    #[serde(flatten)]
    pub kind: TraceKind,
    /// Milliseconds since 1970; integral, although the protocol's type is a number.
    pub emitted_at: i64,
}

/// What a trace is about.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TraceKind {
    /// The command failed.
    Error {
        /// Its content.
        error: TraceError,
    },
    /// How far a stream is.
    StreamStatus {
        /// Its content.
        stream_status: StreamStatusTrace,
    },
    /// How much a stream will bring.
    Estimate {
        /// Its content.
        estimate: EstimateTrace,
    },
}

/// Who has to act on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureType {
    /// The user: the configuration, the account or its permissions.
    ConfigError,
    /// Nobody: the next sync may succeed.
    TransientError,
    /// The operator of the machine, or the maintainers of the connector.
    SystemError,
}

/// Why the command failed.
#[derive(Clone, Debug, Serialize)]
pub struct TraceError {
    /// For the user.
    pub message: String,
    /// For whoever looks into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_message: Option<String>,
    /// Who has to act.
    pub failure_type: FailureType,
    /// Which stream failed, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_descriptor: Option<StreamDescriptor>,
}

/// How far a stream is.
#[derive(Clone, Debug, Serialize)]
pub struct StreamStatusTrace {
    /// Which stream.
    pub stream_descriptor: StreamDescriptor,
    /// How far.
    pub status: StreamStatus,
    /// Why it is not further.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// How much a stream will bring in this sync, about.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EstimateTrace {
    /// Which stream.
    pub name: &'static str,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: EstimateKind,
    /// Records.
    pub row_estimate: u64,
    /// Bytes of the records' data.
    pub byte_estimate: u64,
}

/// What an estimate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EstimateKind {
    /// A stream.
    Stream,
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamStatus {
    /// It will be read.
    Started,
    /// The API has answered.
    Running,
    /// Everything has been put out.
    Complete,
    /// Not everything has been put out.
    Incomplete,
}

/// Why a stream is not further.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// The account's rate limit is used up.
    RateLimited {
        /// Its content.
        rate_limited: RateLimited,
    },
}

/// Until when the account's rate limit is used up.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RateLimited {
    /// Milliseconds since 1970.
    pub quota_reset: i64,
}

/// A change of the configuration.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ControlKind {
    /// The platform saves it.
    ConnectorConfig {
        /// Its content.
        #[serde(rename = "connectorConfig")]
        connector_config: ConnectorConfig,
    },
}

/// A control message.
#[derive(Clone, Debug, Serialize)]
pub struct Control {
    /// What it changes.
    #[serde(flatten)]
    pub kind: ControlKind,
    /// Milliseconds since 1970.
    pub emitted_at: i64,
}

/// The whole configuration from now on.
#[derive(Clone, Serialize)]
pub struct ConnectorConfig {
    /// Valid against the specification; contains secrets.
    pub config: Value,
}

impl std::fmt::Debug for ConnectorConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectorConfig { config: (redacted) }")
    }
}

impl Message {
    /// The message on a line of its own.
    ///
    /// # Errors
    /// Never for the types above; the serializer's signature has one.
    pub fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// How far the stream is, at a point in time.
#[must_use]
pub fn stream_status(stream: &'static Stream, status: StreamStatus, reasons: Vec<Reason>, now: Timestamp) -> Message {
    let stream_status = StreamStatusTrace { stream_descriptor: stream.into(), status, reasons };
    Message::Trace {
        trace: Trace { kind: TraceKind::StreamStatus { stream_status }, emitted_at: now.as_millisecond() },
    }
}

/// How much the stream will bring, as it seems at a point in time.
#[must_use]
pub fn estimate(stream: &'static Stream, row_estimate: u64, byte_estimate: u64, now: Timestamp) -> Message {
    let estimate = EstimateTrace { name: stream.name, kind: EstimateKind::Stream, row_estimate, byte_estimate };
    Message::Trace { trace: Trace { kind: TraceKind::Estimate { estimate }, emitted_at: now.as_millisecond() } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::stream::AUDIT_LOGS;

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table")]
    fn each_kind_of_message_has_its_exact_bytes() {
        let now = Timestamp::from_millisecond(1_767_225_600_123).expect("a time");
        let status = |status, reasons| stream_status(&AUDIT_LOGS, status, reasons, now);
        let cases = [
            (
                Message::Spec {
                    spec: Spec {
                        documentation_url: "https://d.example",
                        connection_specification: json!({ "type": "object" }),
                        supports_incremental: true,
                        protocol_version: "0.18.0",
                    },
                },
                r#"{"type":"SPEC","spec":{"documentationUrl":"https://d.example","connectionSpecification":{"type":"object"},"supportsIncremental":true,"protocol_version":"0.18.0"}}"#,
            ),
            (
                Message::ConnectionStatus {
                    connection_status: ConnectionStatus { status: Status::Succeeded, message: None },
                },
                r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}"#,
            ),
            (
                Message::ConnectionStatus {
                    connection_status: ConnectionStatus { status: Status::Failed, message: Some("No.".to_owned()) },
                },
                r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"No."}}"#,
            ),
            (
                Message::Catalog {
                    catalog: Catalog {
                        streams: vec![CatalogStream {
                            name: AUDIT_LOGS.name,
                            json_schema: json!({}),
                            supported_sync_modes: [SyncMode::FullRefresh, SyncMode::Incremental],
                            source_defined_cursor: true,
                            default_cursor_field: ["created_at"],
                            source_defined_primary_key: [["id"]],
                            is_resumable: true,
                        }],
                    },
                },
                r#"{"type":"CATALOG","catalog":{"streams":[{"name":"audit_logs","json_schema":{},"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"default_cursor_field":["created_at"],"source_defined_primary_key":[["id"]],"is_resumable":true}]}}"#,
            ),
            (
                Message::State {
                    state: State::Stream {
                        stream: StreamState {
                            stream_descriptor: (&AUDIT_LOGS).into(),
                            stream_state: json!({ "created_at": "2026-01-01T00:00:00Z" }),
                        },
                        source_stats: SourceStats { record_count: 10.0 },
                    },
                },
                r#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"audit_logs"},"stream_state":{"created_at":"2026-01-01T00:00:00Z"}},"sourceStats":{"recordCount":10.0}}}"#,
            ),
            (
                Message::Log { log: Log { level: Level::Warn, message: "Two\nlines".to_owned() } },
                r#"{"type":"LOG","log":{"level":"WARN","message":"Two\nlines"}}"#,
            ),
            (
                Message::Trace {
                    trace: Trace {
                        kind: TraceKind::Error {
                            error: TraceError {
                                message: "No.".to_owned(),
                                internal_message: Some("GET".to_owned()),
                                failure_type: FailureType::ConfigError,
                                stream_descriptor: Some((&AUDIT_LOGS).into()),
                            },
                        },
                        emitted_at: 1_767_225_600_123,
                    },
                },
                r#"{"type":"TRACE","trace":{"type":"ERROR","error":{"message":"No.","internal_message":"GET","failure_type":"config_error","stream_descriptor":{"name":"audit_logs"}},"emitted_at":1767225600123}}"#,
            ),
            (
                status(StreamStatus::Started, vec![]),
                r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"audit_logs"},"status":"STARTED"},"emitted_at":1767225600123}}"#,
            ),
            (
                status(
                    StreamStatus::Running,
                    vec![Reason::RateLimited { rate_limited: RateLimited { quota_reset: 5 } }],
                ),
                r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"audit_logs"},"status":"RUNNING","reasons":[{"type":"RATE_LIMITED","rate_limited":{"quota_reset":5}}]},"emitted_at":1767225600123}}"#,
            ),
            (
                Message::Control {
                    control: Control {
                        kind: ControlKind::ConnectorConfig {
                            connector_config: ConnectorConfig { config: json!({ "subdomain": "acme" }) },
                        },
                        emitted_at: 1_767_225_600_123,
                    },
                },
                r#"{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","connectorConfig":{"config":{"subdomain":"acme"}},"emitted_at":1767225600123}}"#,
            ),
        ];
        for (message, bytes) in cases {
            let line = message.to_line().expect("serializes");
            assert_eq!(String::from_utf8(line).expect("UTF-8"), format!("{bytes}\n"));
        }
    }
    #[test]
    fn an_estimate_has_its_exact_bytes() {
        let now = Timestamp::from_millisecond(1_767_225_600_123).expect("a time");
        let line = estimate(&AUDIT_LOGS, 120_000, 72_000_000, now).to_line().expect("serializes");
        let bytes = r#"{"type":"TRACE","trace":{"type":"ESTIMATE","estimate":{"name":"audit_logs","type":"STREAM","row_estimate":120000,"byte_estimate":72000000},"emitted_at":1767225600123}}"#;
        assert_eq!(String::from_utf8(line).expect("UTF-8"), format!("{bytes}\n"));
    }
}
