//! The streams of this source, with everything that the protocol and the API need to know about each.
//!
//! A stream is a value. The Airbyte side, the Zendesk side and the sync take it as an argument, so none of
//! them names a particular stream. This file must not know how a stream is requested or emitted.

mod access_logs;
mod audit_logs;
mod schema;

use serde_json::Value;

pub use access_logs::{ACCESS_LOGS, AccessLog};
pub use audit_logs::{AUDIT_LOGS, AuditLog};

/// The description of a stream.
#[derive(Debug)]
pub struct Stream {
    /// The name in catalogs, states and messages.
    pub name: &'static str,
    /// The name in sentences, in the singular.
    pub title: &'static str,
    /// The field that identifies a record.
    pub primary_key: &'static str,
    /// The field that holds the time of the event.
    pub cursor_field: &'static str,
    /// The field that holds the user's id, if the connector filters by it.
    pub user_field: Option<&'static str>,
    /// Generates the JSON schema of the records.
    pub json_schema: fn() -> Value,
    /// The path of the API endpoint.
    pub path: &'static str,
    /// The field of a page that holds the array of records.
    pub records_field: &'static str,
    /// The largest number of records in a page.
    pub page_size: u32,
    /// The values of the parameter `sort`.
    pub sort: Sort,
    /// The parameters of the filter by time.
    pub time_filter: TimeFilter,
    /// How the next page is requested.
    pub next_page: NextPage,
    /// The age at which Zendesk deletes a record, in days; `None` if it keeps records forever.
    pub retention_days: Option<u32>,
    /// The endpoint's own limit, which no response header reports, in requests per minute.
    pub requests_per_minute: Option<u32>,
    /// How the number of records can be requested.
    pub counts: Counts,
    /// The meaning of a 403 of the endpoint.
    pub refusal: Refusal,
}

/// The values of `sort` for both orders; `None` for the default order of the endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// From the oldest to the newest record.
    pub ascending: Option<&'static str>,
    /// From the newest to the oldest record.
    pub descending: Option<&'static str>,
}

/// The names of the parameters of the filter by time.
#[derive(Clone, Copy, Debug)]
pub struct TimeFilter {
    /// For the start of the span.
    pub start: &'static str,
    /// For the end of the span.
    pub end: &'static str,
}

/// How the next page is requested.
#[derive(Clone, Copy, Debug)]
pub struct NextPage {
    /// The parameters that are copied with their values from the query of `links.next`. The rest of the link
    /// is ignored.
    pub from_link: &'static [&'static str],
    /// The parameter for `meta.after_cursor`, if the link has none of the parameters above.
    pub parameter: &'static str,
}

impl NextPage {
    /// Returns the other parameter, if there are two, for a server that ignores the given one.
    #[must_use]
    pub fn other(self, parameter: &'static str) -> &'static str {
        self.from_link.iter().find(|name| **name != parameter).copied().unwrap_or(parameter)
    }
}

/// How the number of records in a span can be requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// A page with offset pagination contains it.
    ByOffset,
    /// The API does not report it.
    Unavailable,
}

/// The remedies for a 403 of the endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// If the account or the user has no access.
    pub remedy: &'static str,
    /// If the OAuth token lacks a scope.
    pub scope_remedy: &'static str,
}

/// All streams, in the order in which `discover` lists them.
pub static STREAMS: [&Stream; 2] = [&AUDIT_LOGS, &ACCESS_LOGS];

impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Stream {}
