//! A page of the audit log: finds the records in the bytes of an answer, without changing them.
//!
//! It must not take anything but a well-formed page for one: what it refuses is never the end of
//! the data.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::Identity;
use crate::second::Second;

/// Cursors of the API have some dozens of characters; one beyond this is no cursor.
const LONGEST_CURSOR: usize = 8 << 10;

/// A page: the bytes of the answer, and where in them the records stand.
#[derive(Debug)]
pub struct Page {
    body: Vec<u8>,
    /// In the order of the answer.
    pub records: Vec<Record>,
    /// Whether the API says that there are more.
    pub has_more: bool,
    /// Where they go on.
    pub after_cursor: Option<String>,
}

/// A record of a page.
#[derive(Clone, Debug)]
pub struct Record {
    range: Range<usize>,
    /// What tells it apart.
    pub identity: Identity,
    /// Its `created_at`, if that is a date.
    pub created_at: Option<Second>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    audit_logs: Vec<&'a RawValue>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    #[serde(default)]
    after_cursor: Option<String>,
}

#[derive(Default, Deserialize)]
struct Keys<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    created_at: Option<&'a RawValue>,
}

impl Page {
    /// Reads the body of a 200 and takes it over.
    ///
    /// # Errors
    /// What the body is instead, in words that contain nothing of it; then it is left where it was.
    pub fn parse(body: &mut Vec<u8>) -> Result<Self, String> {
        let start = body.trim_ascii_start();
        if start.is_empty() {
            return Err("an empty body".to_owned());
        }
        if start[0] == b'<' {
            return Err("an HTML page".to_owned());
        }
        let Answer { audit_logs, meta } = serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                "JSON of another shape".to_owned()
            } else {
                format!("broken JSON, {} bytes", body.len())
            }
        })?;
        if let Some(cursor) = meta.after_cursor.as_ref().filter(|cursor| cursor.len() > LONGEST_CURSOR) {
            return Err(format!("a cursor of {} bytes", cursor.len()));
        }
        let origin = body.as_ptr().addr();
        let records = audit_logs
            .into_iter()
            .map(|raw| {
                let text = raw.get();
                if !text.starts_with('{') {
                    return Err("a record that is no object".to_owned());
                }
                let start = text.as_ptr().addr() - origin;
                Ok(Record::new(text, start..start + text.len()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { records, has_more: meta.has_more, after_cursor: meta.after_cursor, body: std::mem::take(body) })
    }

    /// The record's JSON, as the API wrote it.
    #[must_use]
    pub fn text(&self, record: &Record) -> &[u8] {
        &self.body[record.range.clone()]
    }

    /// The memory that it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.capacity() + self.records.capacity() * size_of::<Record>()
    }
}

impl Record {
    fn new(text: &str, range: Range<usize>) -> Self {
        // Keys that stand twice in a record make it one without usable keys, not a broken page.
        let keys: Keys<'_> = serde_json::from_str(text).unwrap_or_default();
        Self {
            range,
            identity: Identity::new(keys.id.map(RawValue::get), text),
            created_at: keys.created_at.and_then(date),
        }
    }
}

fn date(raw: &RawValue) -> Option<Second> {
    let text = raw.get();
    if text.contains('\\') {
        return serde_json::from_str::<String>(text).ok()?.parse().ok();
    }
    text.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Page, String> {
        Page::parse(&mut body.as_bytes().to_vec())
    }

    #[test]
    fn records_are_found_where_they_stand() {
        let page = parse(
            " {\"links\":{\"next\":null},\"audit_logs\":[ {\"id\":1,\"x\":1.10,\"created_at\":\"2024-01-01T00:00:00Z\"} ,\n{}],\"meta\":{\"has_more\":true,\"after_cursor\":\"a+b\"}}",
        )
        .expect("a page");
        let texts: Vec<_> = page.records.iter().map(|record| page.text(record)).collect();
        assert_eq!(texts, [&b"{\"id\":1,\"x\":1.10,\"created_at\":\"2024-01-01T00:00:00Z\"}"[..], b"{}"]);
        assert_eq!(page.records[0].identity, Identity::Id(1));
        assert_eq!(page.records[0].created_at.map(Second::as_unix), Some(1_704_067_200));
        assert_eq!(page.records[1].created_at, None);
        assert!(page.has_more);
        assert_eq!(page.after_cursor.as_deref(), Some("a+b"));
    }

    #[test]
    fn odd_records_are_no_reason_to_refuse_a_page() {
        for (record, dated) in [
            (r#"{"created_at":"2024-01-01T00:00:00\u005a"}"#, true),
            (r#"{"created_at":"2024-01-01T01:00:00.5+01:00"}"#, true),
            (r#"{"\u0063reated_at":"2024-01-01T00:00:00Z"}"#, true),
            (r#"{"created_at":1704067200}"#, false),
            (r#"{"created_at":"\ud800"}"#, false),
            (r#"{"created_at":"soon"}"#, false),
            (r#"{"id":1,"id":2}"#, false),
            (r#"{"x":1e400,"y":"\ud800","z":{"created_at":"2024-01-01T00:00:00Z"}}"#, false),
        ] {
            let page = parse(&format!(r#"{{"audit_logs":[{record}],"meta":{{"has_more":false}}}}"#)).expect(record);
            assert_eq!(page.text(&page.records[0]), record.as_bytes());
            assert_eq!(page.records[0].created_at.is_some(), dated, "{record}");
        }
    }

    #[test]
    fn nothing_but_a_page_is_a_page() {
        let long = format!(r#"{{"audit_logs":[],"meta":{{"has_more":true,"after_cursor":"{}"}}}}"#, "x".repeat(9000));
        let deep = format!(r#"{{"audit_logs":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        for (body, what) in [
            ("", "an empty body"),
            (" \r\n", "an empty body"),
            ("\n<!DOCTYPE html><html></html>", "an HTML page"),
            ("{\"audit_logs\":[{\"id\":1", "broken JSON, 22 bytes"),
            ("ok", "broken JSON, 2 bytes"),
            ("{\"audit_logs\":[],\"meta\":{\"has_more\":false}}x", "broken JSON, 44 bytes"),
            ("null", "JSON of another shape"),
            ("[]", "JSON of another shape"),
            ("{}", "JSON of another shape"),
            ("{\"audit_logs\":[]}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"meta\":{}}", "JSON of another shape"),
            ("{\"audit_logs\":null,\"meta\":{\"has_more\":false}}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"meta\":{\"has_more\":\"false\"}}", "JSON of another shape"),
            ("{\"audit_logs\":[],\"audit_logs\":[],\"meta\":{\"has_more\":false}}", "JSON of another shape"),
            ("{\"error\":\"x\"}", "JSON of another shape"),
            ("{\"audit_logs\":[7],\"meta\":{\"has_more\":false}}", "a record that is no object"),
            ("{\"audit_logs\":[null],\"meta\":{\"has_more\":false}}", "a record that is no object"),
            (&long, "a cursor of 9000 bytes"),
        ] {
            assert_eq!(parse(body).map(|_| ()), Err(what.to_owned()), "{body}");
        }
        assert!(parse(&deep).is_err());
        let no_utf8 = b"{\"audit_logs\":[{\"x\":\"\xff\"}],\"meta\":{\"has_more\":false}}";
        assert!(Page::parse(&mut no_utf8.to_vec()).is_err());
    }
}
