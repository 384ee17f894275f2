//! Options of the access log endpoint. Plain data: nothing here acts.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::Displaced;

/// The access log: its history, its limits, and what Zendesk does not document.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access logs")]
pub struct AccessLogs {
    /// Number of access log records
    #[arg(id = "access_events", long = "access-events", value_name = "COUNT", default_value_t = 0)]
    pub events: u64,
    /// End of their span, exclusive; if omitted, the time when the sandbox starts
    #[arg(id = "access_to", long = "access-to", value_name = "TIME")]
    pub to: Option<Timestamp>,
    /// Length of their span
    #[arg(id = "access_days", long = "access-days", value_name = "DAYS", default_value_t = 60)]
    pub days: u32,
    /// Records older than DAYS are no longer served
    #[arg(id = "access_retention_days", long = "access-retention-days", value_name = "DAYS", default_value_t = 90)]
    pub retention_days: u32,
    /// Requests a minute of the endpoint's own limit; 0 enforces none
    #[arg(id = "access_rate_limit", long = "access-rate-limit", value_name = "COUNT", default_value_t = 50)]
    pub rate_limit: u32,
    /// If `present`, the account has the add-on that the endpoint needs
    #[arg(id = "access_add_on", long = "access-add-on", value_enum, default_value_t)]
    pub add_on: AddOn,
    /// Which OAuth scopes are sufficient
    #[arg(id = "access_scope", long = "access-scope", value_enum, default_value_t)]
    pub scope: AccessScope,
    /// Which cursor parameter is accepted; the other one is ignored
    #[arg(id = "access_cursor", long = "access-cursor", value_enum, default_value_t)]
    pub cursor: CursorName,
    /// Which cursor parameter `links.next` carries
    #[arg(id = "access_link_cursor", long = "access-link-cursor", value_enum, default_value_t)]
    pub link_cursor: LinkCursorName,
    /// List COUNT records up to SECONDS before or after their place in the order
    #[arg(id = "access_displaced", long = "access-displaced", value_name = "COUNT:SECONDS")]
    pub displaced: Option<Displaced>,
    /// Make every record at least BYTES long
    #[arg(id = "access_record_bytes", long = "access-record-bytes", value_name = "BYTES")]
    pub record_bytes: Option<usize>,
}

impl Default for AccessLogs {
    fn default() -> Self {
        Self {
            events: 0,
            to: None,
            days: 60,
            retention_days: 90,
            rate_limit: 50,
            add_on: AddOn::Present,
            scope: AccessScope::Any,
            cursor: CursorName::Either,
            link_cursor: LinkCursorName::Page,
            displaced: None,
            record_bytes: None,
        }
    }
}

/// The add-on Advanced Data Privacy and Protection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AddOn {
    /// The account has it
    #[default]
    Present,
    /// 403 for every caller
    Missing,
}

/// Which OAuth scopes open the access log. Zendesk does not document it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AccessScope {
    /// `read` or `auditlogs:read`
    #[default]
    Any,
    /// `read` only
    Read,
}

/// Which cursor parameter is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CursorName {
    /// `filter[after]` and `page[after]`
    #[default]
    Either,
    /// `filter[after]`, as documented
    Filter,
    /// `page[after]`, as in the documentation's example
    Page,
}

/// Which cursor parameter `links.next` carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LinkCursorName {
    /// `page[after]`
    #[default]
    Page,
    /// `filter[after]`
    Filter,
}
