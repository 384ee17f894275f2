//! RECORD messages, of which there are millions: assembled as bytes around records that are never parsed
//! and serialized again.
//!
//! This file must not change a record, except that it removes line breaks between tokens. All other
//! messages are in `message`.

use jiff::Timestamp;

use crate::stream::Stream;

/// RECORD messages that are emitted together.
pub struct RecordLines {
    lines: Vec<u8>,
    /// The beginning of each line, before the record.
    head: String,
    /// The end of each line, after the record.
    tail: String,
}

impl RecordLines {
    /// Creates an empty batch with this capacity, in bytes.
    #[must_use]
    pub fn new(stream: &Stream, now: Timestamp, room: usize) -> Self {
        let head = format!(r#"{{"type":"RECORD","record":{{"stream":"{}","data":"#, stream.name);
        let tail = format!(",\"emitted_at\":{}}}}}\n", now.as_millisecond());
        Self { lines: Vec::with_capacity(room), head, tail }
    }

    /// Adds a record as the API sent it. Line breaks between tokens are removed, because a message is one line.
    /// (Inside a JSON string a line break is always escaped.)
    pub fn push(&mut self, record: &[u8]) {
        self.lines.extend_from_slice(self.head.as_bytes());
        let mut rest = record;
        while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
            self.lines.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
        }
        self.lines.extend_from_slice(rest);
        self.lines.extend_from_slice(self.tail.as_bytes());
    }

    /// Returns the size of the lines so far, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns `true` if there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the lines.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::AUDIT_LOGS;

    #[test]
    fn a_record_is_passed_through_on_one_line() {
        let now = Timestamp::from_millisecond(1_767_225_600_123).expect("a time");
        let mut lines = RecordLines::new(&AUDIT_LOGS, now, 0);
        lines.push(b"{\r\n\t\"id\": 9007199254740993,\n \"x\": 1.10, \"y\": \"a\\nb\"}");
        lines.push(b"{}");
        assert_eq!(
            String::from_utf8(lines.into_bytes()).expect("UTF-8"),
            "{\"type\":\"RECORD\",\"record\":{\"stream\":\"audit_logs\",\"data\":{\t\"id\": 9007199254740993, \"x\": 1.10, \"y\": \"a\\nb\"},\"emitted_at\":1767225600123}}\n\
             {\"type\":\"RECORD\",\"record\":{\"stream\":\"audit_logs\",\"data\":{},\"emitted_at\":1767225600123}}\n"
        );
    }
}
