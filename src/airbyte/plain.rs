//! Formats messages as plain text, for a user at a terminal.
//!
//! It must not add anything that the message does not contain, and must not show a configuration.

use super::message::{Level, Message, Status, StreamStatus, TraceKind};

/// Returns lines of text, or `None` for a message that only programs read.
#[must_use]
pub fn plain(message: &Message) -> Option<String> {
    let lines = match message {
        Message::Log { log } => vec![(tag(log.level), log.message.clone())],
        Message::ConnectionStatus { connection_status } => {
            let result = match connection_status.status {
                Status::Succeeded => "succeeded",
                Status::Failed => "failed",
            };
            let more = connection_status.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            vec![("check", format!("{result}{more}"))]
        }
        Message::Trace { trace } => {
            if let TraceKind::Error { error } = &trace.kind {
                let details = error.internal_message.iter().map(|details| ("details", details.clone()));
                std::iter::once(("error", error.message.clone())).chain(details).collect()
            } else if let TraceKind::StreamStatus { stream_status } = &trace.kind {
                let stream = stream_status.stream_descriptor.name;
                let how = match stream_status.status {
                    StreamStatus::Started => "started",
                    StreamStatus::Running if stream_status.reasons.is_empty() => "running",
                    StreamStatus::Running => "waiting for the rate limit",
                    StreamStatus::Complete => "complete",
                    StreamStatus::Incomplete => "incomplete",
                };
                vec![("status", format!("{stream}: {how}"))]
            } else {
                return None;
            }
        }
        Message::Control { .. } => vec![(
            "warning",
            "The refresh token in the configuration has been used. The new one is in the CONTROL message on stdout: save the configuration that it contains.".to_owned(),
        )],
        Message::Spec { .. } | Message::Catalog { .. } | Message::State { .. } => return None,
    };
    let lines: Vec<String> =
        lines.into_iter().map(|(tag, message)| format!("{tag}: {}\n", without_control_characters(&message))).collect();
    Some(lines.concat())
}

fn tag(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}

/// Replaces control characters, which a terminal interprets: the text can contain input from a server or a
/// file.
fn without_control_characters(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::message::{ConnectorConfig, Control, ControlKind, FailureType, Log, Trace, TraceError};
    use super::*;

    #[test]
    fn a_failure_is_shown_with_its_remedy_and_its_details() {
        let error = TraceError {
            message: "It failed. Do this.".to_owned(),
            internal_message: Some("GET /x -> 500".to_owned()),
            failure_type: FailureType::TransientError,
            stream_descriptor: None,
        };
        let trace = Trace { kind: TraceKind::Error { error }, emitted_at: 0 };
        let message = plain(&Message::Trace { trace });
        assert_eq!(message.as_deref(), Some("error: It failed. Do this.\ndetails: GET /x -> 500\n"));
    }

    #[test]
    fn a_message_cannot_control_the_terminal() {
        let log = Log { level: Level::Warn, message: "a\u{1b}[2Jb\nc\u{9b}31m\u{7}é".to_owned() };
        let message = plain(&Message::Log { log });
        assert_eq!(message.as_deref(), Some("warning: a\u{fffd}[2Jb\u{fffd}c\u{fffd}31m\u{fffd}é\n"));
    }

    #[test]
    fn a_changed_configuration_is_announced_and_not_shown() {
        let connector_config = ConnectorConfig { config: json!({ "refresh_token": "s3cr3t" }) };
        let control = Control { kind: ControlKind::ConnectorConfig { connector_config }, emitted_at: 0 };
        let message = plain(&Message::Control { control }).expect("message");
        assert!(message.contains("refresh token") && !message.contains("s3cr3t"), "{message}");
    }
}
