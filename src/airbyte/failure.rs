//! The failures of the Airbyte side: an invalid selection in a catalog, and a failed write to stdout.

use crate::config::InputError;
use crate::failure::{Category, Explanation};

/// Why a configured catalog cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The file has another shape.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The catalog selects a stream that this source does not have.
    #[error("{}", self.explain())]
    UnknownStream {
        /// The name in the catalog.
        name: String,
        /// The names of the streams that this source has, separated by commas.
        known: String,
    },
    /// The catalog selects a sync mode that the stream does not support.
    #[error("{}", self.explain())]
    UnknownSyncMode {
        /// The name of the stream.
        stream: String,
        /// The sync mode in the catalog.
        mode: String,
    },
}

impl CatalogError {
    /// Explains the failure to the user.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let explain = |fact: String| Explanation::new(Category::Configuration, fact);
        match self {
            Self::Input(error) => error.explain(),
            Self::UnknownStream { name, known } => explain(format!(
                "The catalog selects the stream \"{name}\", which this source does not have. It has: {known}."
            ))
            .remedy("Refresh the connection's schema."),
            Self::UnknownSyncMode { stream, mode } => explain(format!(
                "The catalog selects the sync mode \"{mode}\" for the stream {stream}, which supports \"full_refresh\" and \"incremental\"."
            ))
            .remedy("Select one of these."),
        }
    }
}

/// Why stdout cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explain())]
pub enum OutputError {
    /// The reader has closed stdout, so no message about it can be written there.
    Closed,
    /// A write failed, or the writer's thread could not be started.
    Failed {
        /// The system's error message.
        why: String,
    },
    /// A message could not be serialized, or the writer's thread panicked.
    Defect,
}

impl OutputError {
    /// Explains the failure to the user.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        match self {
            Self::Closed => Explanation::new(Category::System, "The reader of the output has closed it."),
            Self::Failed { why } => Explanation::new(Category::System, format!("The output cannot be written: {why}.")),
            Self::Defect => Explanation::defect(),
        }
    }
}
