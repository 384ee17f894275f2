//! The documented fields of an audit log record, for the stream's JSON schema.
//!
//! Records are passed through as the API sent them; these types must not be used to write one.

use schemars::JsonSchema;
use serde_json::Value;

use super::schema::json_schema_of;

/// The fields of an audit log record. Each can be missing or null, and there can be more fields.
///
/// Source: <https://developer.zendesk.com/api-reference/ticketing/account-configuration/audit_logs/>
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

/// Generates the JSON schema of the stream.
pub(super) fn json_schema() -> Value {
    json_schema_of::<AuditLog>()
}
