//! A page for planted defects: records as raw JSON, so that none is changed by accident.

use std::ops::RangeInclusive;

use serde_json::Value;
use serde_json::value::RawValue;
use source_zendesk_audit_logs::second::Second;

/// A page.
pub struct Body {
    /// The JSON of each record.
    pub records: Vec<Box<RawValue>>,
    /// `meta.has_more`
    pub has_more: bool,
    /// `meta.after_cursor`
    pub after: Option<String>,
    /// `true` if there is a link to the next page.
    pub link: bool,
}

impl Body {
    /// Parses a page; `None` for anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let page: Value = serde_json::from_slice(bytes).ok()?;
        let text = std::str::from_utf8(bytes).ok()?;
        let end = text.rfind("],\"meta\"")?;
        let records = serde_json::from_str(text.get(14..=end)?).ok()?;
        Some(Self {
            records,
            has_more: page["meta"]["has_more"].as_bool()?,
            after: page["meta"]["after_cursor"].as_str().map(str::to_owned),
            link: page["links"]["next"].is_string(),
        })
    }

    /// Serializes the page.
    pub fn write(&self) -> Vec<u8> {
        let records: Vec<&str> = self.records.iter().map(|record| record.get()).collect();
        let cursor = Value::from(self.after.clone());
        let link = if self.link { "\"https://simulated.zendesk.com/\"" } else { "null" };
        let (records, has_more) = (records.join(","), self.has_more);
        format!(
            r#"{{"audit_logs":[{records}],"meta":{{"has_more":{has_more},"after_cursor":{cursor}}},"links":{{"next":{link}}}}}"#
        )
        .into_bytes()
    }

    /// Returns a page without records that is the last one.
    pub fn end() -> Self {
        Self { records: Vec::new(), has_more: false, after: None, link: false }
    }

    /// Removes the records that are dated outside of a span.
    pub fn keep_dated(&mut self, span: RangeInclusive<i64>) {
        self.records.retain(|record| created_at(record).is_none_or(|at| span.contains(&at)));
    }

    /// Returns the newest `created_at`.
    pub fn newest(&self) -> Option<i64> {
        self.records.iter().filter_map(|record| created_at(record)).max()
    }
}

/// Returns a record's `created_at`.
fn created_at(record: &RawValue) -> Option<i64> {
    let record: Value = serde_json::from_str(record.get()).ok()?;
    record["created_at"].as_str()?.parse::<Second>().ok().map(Second::as_unix)
}
