//! An audit log record: its documented fields, for the stream's schema, and its identity.
//!
//! Records are passed through as the API wrote them; nothing here is ever used to write one.

use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The fields of a record. Every one may be missing or null, and unknown ones may come along.
///
/// Source: <https://developer.zendesk.com/api-reference/ticketing/account-configuration/audit_logs/>
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct AuditLog {
    /// The id of the audit log entry, given when it is made
    pub id: Option<i64>,
    /// When the event happened, in UTC
    #[schemars(extend("format" = "date-time", "airbyte_type" = "timestamp_with_timezone"))]
    pub created_at: Option<String>,
    /// What was done: create, destroy, exported, login, update and others
    pub action: Option<String>,
    /// The action in words, in the account's language
    pub action_label: Option<String>,
    /// The id of the user who did it; -1 is the system
    pub actor_id: Option<i64>,
    /// The name of the user who did it
    pub actor_name: Option<String>,
    /// The kind of thing that was changed, such as user, rule, ticket or `account_setting`
    pub source_type: Option<String>,
    /// The id of the thing that was changed
    pub source_id: Option<i64>,
    /// The name of the thing that was changed
    pub source_label: Option<String>,
    /// The change in words; may have several lines
    pub change_description: Option<String>,
    /// The IP address from which it was done; null for the system
    pub ip_address: Option<String>,
    /// The API's address of this audit log entry
    pub url: Option<String>,
}

/// The JSON schema of the stream: draft 7, nothing required, unknown fields allowed.
#[must_use]
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<AuditLog>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
        schema.remove("description");
        for property in schema["properties"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            // Airbyte's convention: null first; and a Rust integer's width is no JSON schema format.
            if property["type"][1] == "null" {
                property["type"] = json!(["null", property["type"][0]]);
            }
            if property["format"] == "int64"
                && let Some(property) = property.as_object_mut()
            {
                property.remove("format");
            }
        }
    }
    schema
}

/// What tells a record apart from every other one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Identity {
    /// The record's `id`, as it should be.
    Id(i64),
    /// For an `id` that is no 64-bit integer its JSON text; for a record without one, `sha256:` and
    /// a digest of the whole record without white space.
    Other(Box<str>),
}

/// Texts of ids longer than this are remembered by their digest.
const LONGEST_ID: usize = 64;

impl Identity {
    /// Of a record with an `id` that is no 64-bit integer, from the JSON text of that.
    #[must_use]
    pub fn of_odd_id(id: &str) -> Self {
        if id.len() <= LONGEST_ID { Self::Other(id.into()) } else { Self::digest_of(id) }
    }

    /// Of a record without an `id`, from its text.
    #[must_use]
    pub fn of_record(record: &str) -> Self {
        Self::digest_of(record)
    }

    fn digest_of(json: &str) -> Self {
        use std::fmt::Write;
        let mut text = String::from("sha256:");
        for byte in &digest(&SHA256, &without_white_space(json)).as_ref()[..16] {
            let _ = write!(text, "{byte:02x}");
        }
        Self::Other(text.into())
    }
}

/// The same JSON without white space between its tokens.
fn without_white_space(json: &str) -> Vec<u8> {
    let mut compact = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_text = byte == b'"';
        }
        compact.push(byte);
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_without_an_id_are_told_apart_by_their_content_but_not_by_white_space() {
        let digest = Identity::of_record;
        assert_eq!(digest("{\"a\": 1,\r\n\t\"b\": \"x  \\\" y\"}"), digest("{\"a\":1,\"b\":\"x  \\\" y\"}"));
        assert_ne!(digest("{\"a\":\"x y\"}"), digest("{\"a\":\"xy\"}"));
        assert_ne!(digest("{\"a\":\"\\\\\" }"), digest("{\"a\":\"\\\\ \"}"));
    }

    #[test]
    fn an_identity_survives_a_state_file() {
        for identity in [Identity::Id(-1), Identity::Id(i64::MAX), Identity::Other("\"7\"".into())] {
            let json = serde_json::to_string(&identity).expect("writes");
            assert_eq!(serde_json::from_str::<Identity>(&json).expect("reads"), identity, "{json}");
        }
    }
}
