//! The audit log: its endpoint, and the documented fields of a record for the stream's JSON schema.
//!
//! Records are passed through as the API sent them; these types must not be used to serialize one.

use schemars::JsonSchema;

use super::schema::json_schema_of;
use super::{Counts, NextPage, Refusal, Sort, Stream, TimeFilter};

/// The audit log of the account.
///
/// Source: <https://developer.zendesk.com/api-reference/ticketing/account-configuration/audit_logs/>
pub static AUDIT_LOGS: Stream = Stream {
    name: "audit_logs",
    title: "audit log",
    primary_key: "id",
    cursor_field: "created_at",
    user_field: None,
    json_schema: || json_schema_of::<AuditLog>(),
    path: "/api/v2/audit_logs",
    records_field: "audit_logs",
    page_size: 100,
    sort: Sort { ascending: Some("created_at"), descending: None },
    time_filter: TimeFilter { start: "filter[created_at][]", end: "filter[created_at][]" },
    next_page: NextPage { from_link: &[], parameter: "page[after]" },
    retention_days: None,
    requests_per_minute: None,
    counts: Counts::ByOffset,
    refusal: Refusal {
        remedy: "Either the account is not on an Enterprise plan, or the user behind the credentials is not an admin with access to the audit log. Check the plan, and use an admin's credentials.",
        scope_remedy: "Issue it with the scope \"auditlogs:read\" (or \"read\").",
    },
};

/// The fields of an audit log record. Each can be missing or null, and there can be more fields.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct AuditLog {
    /// The id of the audit log entry
    pub id: Option<i64>,
    /// When the event happened, in UTC
    #[schemars(extend("format" = "date-time", "airbyte_type" = "timestamp_with_timezone"))]
    pub created_at: Option<String>,
    /// The action: create, destroy, exported, login, update and others
    pub action: Option<String>,
    /// The action as a label, in the account's language
    pub action_label: Option<String>,
    /// The id of the user who caused the event; -1 is the system
    pub actor_id: Option<i64>,
    /// The name of the user who caused the event
    pub actor_name: Option<String>,
    /// The type of the object that was changed, such as user, rule, ticket or `account_setting`
    pub source_type: Option<String>,
    /// The id of the object that was changed
    pub source_id: Option<i64>,
    /// The name of the object that was changed
    pub source_label: Option<String>,
    /// A description of the change; may have several lines
    pub change_description: Option<String>,
    /// The IP address of the user; null for the system
    pub ip_address: Option<String>,
    /// The API URL of the audit log entry
    pub url: Option<String>,
}
