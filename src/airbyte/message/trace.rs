//! TRACE messages: errors, stream statuses and estimates.

use jiff::Timestamp;
use serde::Serialize;

use super::{Message, StreamDescriptor};
use crate::stream::Stream;

/// A TRACE message.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// The kind of trace with its data.
    #[serde(flatten)]
    pub kind: TraceKind,
    /// Milliseconds since 1970. The protocol's type is a number; the value is always an integer.
    pub emitted_at: i64,
}

/// The kind of a TRACE message.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TraceKind {
    /// The command failed.
    Error {
        /// The error.
        error: TraceError,
    },
    /// The status of a stream changed.
    StreamStatus {
        /// The stream and its status.
        stream_status: StreamStatusTrace,
    },
    /// The estimated size of a stream.
    Estimate {
        /// The stream and its size.
        estimate: EstimateTrace,
    },
}

/// Who can act on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureType {
    /// The user: the configuration, the account or its permissions.
    ConfigError,
    /// No action is needed: the next sync may succeed.
    TransientError,
    /// The operator of the machine, or the maintainers of the connector.
    SystemError,
}

/// Why the command failed.
#[derive(Clone, Debug, Serialize)]
pub struct TraceError {
    /// The message for the user.
    pub message: String,
    /// Technical details, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_message: Option<String>,
    /// Who has to act.
    pub failure_type: FailureType,
    /// The stream that failed; absent if the command failed before it read one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_descriptor: Option<StreamDescriptor>,
}

/// The status of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamStatusTrace {
    /// The stream.
    pub stream_descriptor: StreamDescriptor,
    /// The status.
    pub status: StreamStatus,
    /// The reasons for the status.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// The estimated size of a stream in this sync.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EstimateTrace {
    /// The stream.
    pub name: &'static str,
    /// The scope of the estimate.
    #[serde(rename = "type")]
    pub kind: EstimateKind,
    /// The number of records.
    pub row_estimate: u64,
    /// The size of the records' data, in bytes.
    pub byte_estimate: u64,
}

/// The scope of an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EstimateKind {
    /// One stream.
    Stream,
}

/// The status of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamStatus {
    /// The sync of the stream starts.
    Started,
    /// The API has responded.
    Running,
    /// All records have been emitted.
    Complete,
    /// Not all records have been emitted.
    Incomplete,
}

/// The reason for a stream status.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// The account's rate limit is used up.
    RateLimited {
        /// When the rate limit resets.
        rate_limited: RateLimited,
    },
}

/// The time at which the rate limit resets.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RateLimited {
    /// Milliseconds since 1970.
    pub quota_reset: i64,
}

/// Creates a TRACE message with the status of a stream.
#[must_use]
pub fn stream_status(stream: &'static Stream, status: StreamStatus, reasons: Vec<Reason>, now: Timestamp) -> Message {
    let stream_status = StreamStatusTrace { stream_descriptor: stream.into(), status, reasons };
    Message::Trace {
        trace: Trace { kind: TraceKind::StreamStatus { stream_status }, emitted_at: now.as_millisecond() },
    }
}

/// Creates a TRACE message with the estimated size of a stream.
#[must_use]
pub fn estimate(stream: &'static Stream, row_estimate: u64, byte_estimate: u64, now: Timestamp) -> Message {
    let estimate = EstimateTrace { name: stream.name, kind: EstimateKind::Stream, row_estimate, byte_estimate };
    Message::Trace { trace: Trace { kind: TraceKind::Estimate { estimate }, emitted_at: now.as_millisecond() } }
}
