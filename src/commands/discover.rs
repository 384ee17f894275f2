//! `discover`: returns the catalog. It validates the configuration, so that errors are reported early. It
//! must not send a request.

use std::path::Path;

use super::Context;
use crate::airbyte::catalog;
use crate::airbyte::message::Message;
use crate::error::Result;
use crate::stream::STREAMS;

/// Runs the command.
///
/// # Errors
/// If the configuration is invalid, or stdout cannot be written.
pub async fn run(context: &Context, config: &Path) -> Result<()> {
    context.configuration(config).await?.1?;
    let catalog = catalog(&STREAMS);
    Ok(context.output.send(&Message::Catalog { catalog }).await?)
}
