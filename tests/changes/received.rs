//! The output of one sync, as received by a consumer.
//!
//! It must not know what the output should be.

use serde_json::Value;

use crate::harness::record;

/// The output that a sync wrote until it ended or its pipe was closed.
#[derive(Debug, Default)]
pub struct Received {
    /// The records in the order of emission.
    pub records: Vec<String>,
    /// The state of each STATE message, and the number of records before it.
    pub states: Vec<(Value, usize)>,
    pub warnings: Vec<String>,
    /// The last LOG message.
    pub last_message: String,
    /// The last stream status.
    pub status: String,
    /// Lines that cannot be parsed.
    pub broken: Vec<String>,
}

impl Received {
    /// Parses whole lines. An incomplete last line is ignored.
    pub fn read(stdout: &[u8]) -> Self {
        let mut received = Self::default();
        let whole = memchr::memrchr(b'\n', stdout).map_or(&[][..], |end| &stdout[..end]);
        for line in String::from_utf8_lossy(whole).split('\n').filter(|line| !line.is_empty()) {
            if let Some(text) = record(line) {
                received.records.push(text);
                continue;
            }
            let Ok(message) = serde_json::from_str::<Value>(line) else {
                received.broken.push(format!("not a message: {line}"));
                continue;
            };
            if message["type"] == "STATE" {
                received.states.push((message["state"].clone(), received.records.len()));
            }
            if let Some(text) = message["log"]["message"].as_str() {
                text.clone_into(&mut received.last_message);
                if message["log"]["level"] == "WARN" {
                    received.warnings.push(text.to_owned());
                }
            }
            if let Some(status) = message["trace"]["stream_status"]["status"].as_str() {
                status.clone_into(&mut received.status);
            }
        }
        received
    }
}
