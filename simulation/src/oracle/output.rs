//! What the consumer received of a sync, line by line.

use serde_json::Value;

const RECORD: &[u8] = br#"{"type":"RECORD","record":{"stream":"audit_logs","data":"#;
const LOG: &[u8] = br#"{"type":"LOG""#;
const EMITTED_AT: &[u8] = br#","emitted_at":"#;

/// A line of stdout.
#[derive(Debug)]
pub enum Line<'l> {
    /// A RECORD's `data`.
    Record(&'l [u8]),
    /// Another message; LOG messages are not looked into.
    Message(Value),
    /// For people.
    Log,
    /// No message of the protocol.
    Broken(&'l [u8]),
}

impl<'l> Line<'l> {
    /// Reads a line, without its end.
    #[must_use]
    pub fn of(line: &'l [u8]) -> Self {
        if let Some(rest) = line.strip_prefix(RECORD) {
            let end = rest.windows(EMITTED_AT.len()).rposition(|part| part == EMITTED_AT);
            return end.map_or(Self::Broken(line), |end| Self::Record(&rest[..end]));
        }
        if line.starts_with(LOG) {
            return Self::Log;
        }
        match serde_json::from_slice::<Value>(line) {
            Ok(message) if message["type"].is_string() => Self::Message(message),
            _ => Self::Broken(line),
        }
    }
}

/// Returns the whole lines; what stands behind the last line end is no line.
pub fn lines(output: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let whole = output.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    output[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(Line::of)
}
