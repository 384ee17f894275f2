//! The lines of a sync that the consumer received.

use serde_json::Value;

const RECORD: &[u8] = br#"{"type":"RECORD","record":{"stream":"audit_logs","data":"#;
const LOG: &[u8] = br#"{"type":"LOG""#;
const EMITTED_AT: &[u8] = br#","emitted_at":"#;

/// A line of stdout.
#[derive(Debug)]
pub enum Line<'l> {
    /// A RECORD's `data`.
    Record(&'l [u8]),
    /// Another message; LOG messages are not parsed.
    Message(Value),
    /// A LOG message.
    Log,
    /// Not a message of the protocol.
    Broken(&'l [u8]),
}

impl<'l> Line<'l> {
    /// Parses a line without its line break.
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

/// Returns the complete lines; an incomplete last line is ignored.
pub fn lines(output: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let whole = output.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    output[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(Line::of)
}
