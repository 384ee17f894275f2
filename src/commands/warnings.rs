//! Warnings that more than one command logs. They never end a command.

use super::Context;
use crate::config::Filters;
use crate::error::Result;
use crate::humanize::counted;

/// Warns users of API tokens that Zendesk will turn the tokens off.
pub const API_TOKEN_WARNING: &str = "API tokens are being retired: Zendesk deactivates unused tokens and turns off all of them on 30 April 2027. Create a confidential OAuth client in Admin Center (Apps and integrations > APIs > OAuth clients) and select \"OAuth client credentials\" as the authentication.";

/// Warns of actions in the filters that this connector does not know. They are sent unchanged, because Zendesk
/// may know them; a misspelled action would match no event.
///
/// # Errors
/// If stdout cannot be written.
pub async fn warn_of_unknown_actions(context: &Context, filters: &Filters) -> Result<()> {
    // Shows the first few actions, and only the beginning of a long value.
    let unknown: Vec<_> = filters.unknown_actions().take(5).map(|action| format!("\"{action:.40}\"")).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let message = format!(
        "filters.actions names {}, which this connector does not know. It is sent unchanged. If the sync reads no events, compare it with the column action of events that were read without filters.",
        unknown.join(", ")
    );
    Ok(context.output.warn(message).await?)
}

/// Formats all warnings for the end of a log: a user would miss a warning from hours before.
pub fn warnings_message(warnings: &[String]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    format!("{}: {}", counted(warnings.len() as u64, "warning"), warnings.join(" "))
}
