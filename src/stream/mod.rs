//! The streams of this source: everything that the protocol and the API have to know about each.
//!
//! A stream is a value. The Airbyte side, the Zendesk side and the sync take it as an argument, so that
//! none of them names a particular stream. This file must not know how a stream is requested or emitted.

mod audit_logs;
mod schema;

use serde_json::Value;

pub use audit_logs::AuditLog;

/// What is known about a stream.
#[derive(Debug)]
pub struct Stream {
    /// The name in catalogs, states and messages.
    pub name: &'static str,
    /// The field that identifies a record.
    pub primary_key: &'static str,
    /// The field that holds the time of the event.
    pub cursor_field: &'static str,
    /// Generates the JSON schema of the records.
    pub json_schema: fn() -> Value,
    /// The path of the API endpoint.
    pub path: &'static str,
    /// The field of a page that holds the array of records.
    pub records_field: &'static str,
    /// The largest number of records in a page.
    pub page_size: u32,
}

/// The audit log of the account.
pub static AUDIT_LOGS: Stream = Stream {
    name: "audit_logs",
    primary_key: "id",
    cursor_field: "created_at",
    json_schema: audit_logs::json_schema,
    path: "/api/v2/audit_logs",
    records_field: "audit_logs",
    page_size: 100,
};

/// All streams, in the order in which `discover` lists them.
pub static STREAMS: [&Stream; 1] = [&AUDIT_LOGS];

impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Stream {}
