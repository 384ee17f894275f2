//! The Airbyte side: the protocol's messages and files, and the only writer of stdout.
//!
//! It must not know which API the records come from.

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
