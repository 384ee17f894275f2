//! Airbyte's side: the protocol's messages, files, and the only writer of stdout.
//!
//! Nothing here knows Zendesk: it imports nothing from `zendesk`.

mod catalog;
mod failure;
pub mod message;
mod output;
mod plain;
mod record_lines;
mod state_file;

pub use catalog::{SelectedStream, catalog, selected_streams};
pub use failure::{CatalogError, OutputError};
pub use output::{Jobs, Output, Writer};
pub use record_lines::RecordLines;
pub use state_file::stream_state;
