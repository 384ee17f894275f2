//! Checks the exact bytes of each kind of message.

use super::*;
use jiff::Timestamp;
use serde_json::json;

use crate::stream::AUDIT_LOGS;

#[test]
fn each_kind_of_message_has_its_exact_bytes() {
    let now = Timestamp::from_millisecond(1_767_225_600_123).expect("a time");
    let status = |status, reasons| stream_status(&AUDIT_LOGS, status, reasons, now);
    let cases = [
        (
            Message::Spec {
                spec: Spec {
                    documentation_url: "https://d.example",
                    connection_specification: json!({ "type": "object" }),
                    advanced_auth: json!({ "auth_flow_type": "oauth2.0" }),
                    supports_incremental: true,
                    protocol_version: "0.18.0",
                },
            },
            r#"{"type":"SPEC","spec":{"documentationUrl":"https://d.example","connectionSpecification":{"type":"object"},"advanced_auth":{"auth_flow_type":"oauth2.0"},"supportsIncremental":true,"protocol_version":"0.18.0"}}"#,
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
            status(StreamStatus::Running, vec![Reason::RateLimited { rate_limited: RateLimited { quota_reset: 5 } }]),
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
