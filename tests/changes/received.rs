//! The output of one sync, as a consumer receives it.
//!
//! It must not know what the output should be.

use serde_json::Value;

use crate::harness::record;

/// Everything that a sync wrote until it ended or its pipe was closed.
#[derive(Debug, Default)]
pub struct Received {
    /// The records in the order of emission.
    pub records: Vec<String>,
    /// Each STATE's `state`, and how many records stand before it.
    pub states: Vec<(Value, usize)>,
    pub warnings: Vec<String>,
    /// The last LOG.
    pub last_words: String,
    /// The last stream status.
    pub status: String,
    /// What cannot be read.
    pub broken: Vec<String>,
}

impl Received {
    /// Reads whole lines. A last one without an end is ignored.
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
            if let Some(words) = message["log"]["message"].as_str() {
                words.clone_into(&mut received.last_words);
                if message["log"]["level"] == "WARN" {
                    received.warnings.push(words.to_owned());
                }
            }
            if let Some(status) = message["trace"]["stream_status"]["status"].as_str() {
                status.clone_into(&mut received.status);
            }
        }
        received
    }
}
