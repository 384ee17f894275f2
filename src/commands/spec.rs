//! `spec`: what the source is, and how it is configured. It must not need a configuration or the network.

use serde_json::Value;

use super::Context;
use crate::airbyte::message::{Message, Spec};
use crate::config::{advanced_auth, connection_specification};
use crate::error::Result;

/// The version of the protocol that the messages follow.
const PROTOCOL_VERSION: &str = "0.18.0";
/// The description of the data; the connector's own documentation travels with its sources.
const DOCUMENTATION: &str = "https://developer.zendesk.com/api-reference/ticketing/account-configuration/audit_logs/";

/// The SPEC message; the committed `spec.json` is its content.
#[must_use]
pub fn spec() -> Spec {
    Spec {
        documentation_url: DOCUMENTATION,
        connection_specification: connection_specification(),
        advanced_auth: advanced_auth(),
        supports_incremental: true,
        protocol_version: PROTOCOL_VERSION,
    }
}

/// The content of `spec.json`.
///
/// # Errors
/// Never for what [`spec`] gives; the serializer's signature has one.
pub fn spec_json() -> serde_json::Result<Value> {
    serde_json::to_value(spec())
}

/// Runs the command.
///
/// # Errors
/// If stdout cannot be written.
pub async fn run(context: &Context) -> Result<()> {
    Ok(context.output.send(&Message::Spec { spec: spec() }).await?)
}
