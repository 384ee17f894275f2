//! The access log: its endpoint, and the documented fields of a record for the stream's JSON schema.
//!
//! Records are passed through as the API sent them; these types must not be used to serialize one.

use schemars::JsonSchema;

use super::schema::json_schema_of;
use super::{Counts, NextPage, Refusal, Sort, Stream, TimeFilter};

/// The access log of the account: one record for each request of an agent or admin.
///
/// Source: <https://developer.zendesk.com/api-reference/ticketing/account-configuration/access_logs/>
pub static ACCESS_LOGS: Stream = Stream {
    name: "access_logs",
    title: "access log",
    primary_key: "id",
    cursor_field: "timestamp",
    user_field: Some("user_id"),
    json_schema: || json_schema_of::<AccessLog>(),
    path: "/api/v2/access_logs",
    records_field: "access_logs",
    page_size: 2_500,
    sort: Sort { ascending: None, descending: Some("-created_at") },
    time_filter: TimeFilter { start: "filter[start]", end: "filter[end]" },
    // The reference documents `filter[after]`, and the links in its example have `page[after]`.
    next_page: NextPage { from_link: &["page[after]", "filter[after]"], parameter: "filter[after]" },
    retention_days: Some(90),
    requests_per_minute: Some(50),
    counts: Counts::Unavailable,
    refusal: Refusal {
        remedy: "The access log needs the add-on Advanced Data Privacy and Protection, and the Access Log API must be turned on in Admin Center (Account > Audit log > Audit log > Manage settings). The user behind the credentials must be an admin. If all of this is the case, select the scope \"read\" in the configuration, or use an OAuth access token with this scope: Zendesk does not document that \"auditlogs:read\" is sufficient.",
        scope_remedy: "Select the scope \"read\" in the configuration, or use an OAuth access token with this scope: Zendesk does not document that \"auditlogs:read\" is sufficient for access logs.",
    },
};

/// The fields of an access log record. Each can be missing or null, and there can be more fields.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct AccessLog {
    /// The id of the access log record, a ULID
    pub id: Option<String>,
    /// When the request was made, in UTC
    #[schemars(extend("format" = "date-time", "airbyte_type" = "timestamp_with_timezone"))]
    pub timestamp: Option<String>,
    /// The id of the agent or admin who made the request
    pub user_id: Option<i64>,
    /// The IP address of the user
    pub ip_address: Option<String>,
    /// The HTTP method: GET, POST, PUT, DELETE and others
    pub method: Option<String>,
    /// The path and the query of the request
    pub url: Option<String>,
    /// The HTTP status of the response
    pub status: Option<i64>,
    /// How the request was authenticated: basic, session, digest or bearer; null for GraphQL requests
    pub authorization_type: Option<String>,
    /// The user agent
    pub client: Option<String>,
    /// The GraphQL request; null for a REST request
    pub graphql: Option<GraphQl>,
    /// The page that the request came from
    pub referer: Option<String>,
    /// The size of the response, in bytes
    pub bytes_sent: Option<i64>,
    /// The kind of request, in the account's language
    pub category: Option<String>,
    /// A description of the request, in the account's language
    pub summary: Option<String>,
    /// The service of Zendesk that recorded the request
    pub origin_service: Option<String>,
}

/// The details of a GraphQL request.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct GraphQl {
    /// The name of the operation
    pub operation_name: Option<String>,
    /// The type of the operation: query or mutation
    pub operation_type: Option<String>,
    /// The query
    pub query: Option<String>,
    /// The variables, as a string of JSON
    pub variables: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_fields_are_nullable_and_the_schema_has_no_references() {
        let schema = (ACCESS_LOGS.json_schema)();
        assert_eq!(schema["properties"]["id"]["type"], serde_json::json!(["null", "string"]));
        assert_eq!(schema["properties"]["graphql"]["type"], serde_json::json!(["null", "object"]));
        let query = &schema["properties"]["graphql"]["properties"]["query"]["type"];
        assert_eq!(*query, serde_json::json!(["null", "string"]));
        assert!(!schema.to_string().contains("$ref") && !schema.to_string().contains("anyOf"), "{schema}");
    }
}
