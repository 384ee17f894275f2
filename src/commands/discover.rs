//! `discover`: what can be read. It needs no network; the configuration is looked at all the same,
//! so that a mistake in it shows early. It must not ask the API for anything.

use std::path::Path;

use super::Context;
use crate::airbyte::catalog;
use crate::airbyte::message::Message;
use crate::error::Result;
use crate::stream::STREAMS;

/// Runs the command.
///
/// # Errors
/// If the configuration does not do, or stdout cannot be written.
pub async fn run(context: &Context, config: &Path) -> Result<()> {
    context.configuration(config).await?.1?;
    let catalog = catalog(&STREAMS);
    Ok(context.output.send(&Message::Catalog { catalog }).await?)
}
