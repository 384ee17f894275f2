//! `check`: whether the configuration works, in words that name the remedy if not.
//!
//! It answers within a minute whatever the server does, and changes nothing at Zendesk (but for a
//! refresh token whose access token has ended).

use std::path::Path;
use std::time::Duration;

use super::reporter::Command;
use super::{Context, warn_of_unknown_actions};
use crate::airbyte::message::{ConnectionStatus, Level, Message, Status};
use crate::config::Config;
use crate::error::{Cause, Error, Method, Result};
use crate::zendesk::{Fetched, Query};

/// The longest that it takes; real time.
const LIMIT: Duration = Duration::from_secs(50);

/// What an API token's owner must know.
pub const API_TOKEN_WARNING: &str = "API tokens end soon: Zendesk deactivates unused ones and turns all of them off on 30 April 2027. Create a confidential OAuth client in the Admin Center (Apps and integrations > APIs > OAuth clients) and choose \"OAuth client credentials\" as the authentication.";

/// Runs the command. A configuration that does not work is an answer, not a failure.
///
/// # Errors
/// If the file cannot be read, for a defect, or if stdout cannot be written.
pub async fn run(context: &Context, path: &Path) -> Result<()> {
    let (file, config) = context.configuration(path).await?;
    let verdict = match config {
        Ok(config) => match tokio::time::timeout(LIMIT, probe(context, &config, &file)).await {
            Ok(verdict) => verdict,
            Err(_) => Err(Cause::Timeout.into()),
        },
        Err(error) => Err(error),
    };
    let connection_status = match verdict {
        Ok(()) => ConnectionStatus { status: Status::Succeeded, message: None },
        Err(error) if matches!(error.cause, Cause::OutputClosed | Cause::OutputFailed { .. } | Cause::Defect) => {
            return Err(error);
        }
        Err(error) => {
            explain(context, &error).await?;
            ConnectionStatus { status: Status::Failed, message: Some(error.to_string()) }
        }
    };
    context.output.send(&Message::ConnectionStatus { connection_status }).await
}

/// Asks for the newest audit log. `/users/me` would not do: it answers 200 to anybody.
async fn probe(context: &Context, config: &Config, file: &serde_json::Value) -> Result<()> {
    let (client, reporter) = context.connect(config, file, Command::Check)?;
    if client.method() == Method::ApiToken {
        context.output.log(Level::Warn, API_TOKEN_WARNING).await?;
    }
    warn_of_unknown_actions(context, &config.filters).await?;
    let fetched = client.page(&Query::PROBE).await;
    drop(client);
    reporter.finish().await?;
    match fetched? {
        Fetched::Page(_) => Ok(()),
        Fetched::CursorRefused => Err(Cause::Defect.into()),
    }
}

/// The technical details, for whoever looks into a FAILED.
async fn explain(context: &Context, error: &Error) -> Result<()> {
    match &error.internal {
        Some(internal) => context.output.log(Level::Info, format!("Technical details: {internal}")).await,
        None => Ok(()),
    }
}
