//! `spec`: returns the specification. It must not need a configuration or the network.

use serde_json::Value;

use super::Context;
use crate::airbyte::message::{Message, Spec};
use crate::config::{advanced_auth, connection_specification};
use crate::error::Result;

/// The version of the Airbyte protocol.
const PROTOCOL_VERSION: &str = "0.18.0";
/// The page that Airbyte links to. `OWNER` is a placeholder until the first release.
const DOCUMENTATION: &str =
    "https://github.com/OWNER/source-zendesk-audit-logs/blob/main/docs/airbyte/source-zendesk-audit-logs.md";

/// Returns the specification; `spec.json` contains it.
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

/// Returns the content of `spec.json`.
///
/// # Errors
/// Never for the result of [`spec`]; the serializer's signature requires it.
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
