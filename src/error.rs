//! The error that a command ends with: a failure of one of the modules below, mapped to the protocol's
//! `failure_type`.
//!
//! Each module defines and explains its own failures; this file only collects them. It must not decide
//! whether to retry (`zendesk/retry.rs`) or how an error is written (`commands`).

use crate::airbyte::message::FailureType;
use crate::airbyte::{CatalogError, OutputError};
use crate::config::InputError;
use crate::failure::{Category, Explanation};
use crate::panics::Panicked;
use crate::zendesk;

/// Why a command failed. The `Display` form is the message for the user.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// An input file cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The configured catalog cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// stdout cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A request to Zendesk failed.
    #[error(transparent)]
    Zendesk(#[from] zendesk::Error),
    /// `ZENDESK_LOG` is invalid.
    #[error("{}", self.explain())]
    LogLevel,
    /// The runtime or the signal handlers could not be set up.
    #[error("{}", self.explain())]
    Startup {
        /// The system's error message.
        why: String,
    },
    /// A defect of this connector.
    #[error("{}", self.explain())]
    Defect {
        /// The known details; may contain secrets.
        details: String,
    },
}

impl Error {
    /// A defect of this connector.
    #[must_use]
    pub fn defect(details: impl Into<String>) -> Self {
        Self::Defect { details: details.into() }
    }

    /// Explains the failure to the user.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        match self {
            Self::Input(error) => error.explain(),
            Self::Catalog(error) => error.explain(),
            Self::Output(error) => error.explain(),
            Self::Zendesk(error) => error.failure.explain(),
            Self::LogLevel => Explanation::new(
                Category::Configuration,
                "The environment variable ZENDESK_LOG is not one of error, warn, info, debug.",
            )
            .remedy("Correct it, or unset it to log at info."),
            Self::Startup { why } => Explanation::new(
                Category::System,
                format!("The connector could not start: {why}."),
            )
            .remedy(
                "Raise the limits on open files, threads and memory (ulimit -n, ulimit -u), or stop other programs.",
            ),
            Self::Defect { .. } => Explanation::defect(),
        }
    }

    /// Maps the failure to the protocol's `failure_type`.
    #[must_use]
    pub fn failure_type(&self) -> FailureType {
        match self.explain().category {
            Category::Configuration => FailureType::ConfigError,
            Category::Transient => FailureType::TransientError,
            Category::System => FailureType::SystemError,
        }
    }

    /// Returns the technical details: the last request and its response, or the panic.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        match self {
            Self::Zendesk(error) => error.details.as_deref(),
            Self::Defect { details } => Some(details),
            _ => None,
        }
    }

    /// Returns `true` for a defect. Its details may contain truncated secrets.
    #[must_use]
    pub fn is_defect(&self) -> bool {
        match self {
            Self::Defect { .. } | Self::Output(OutputError::Defect) => true,
            Self::Zendesk(error) => error.failure == zendesk::Failure::Defect,
            _ => false,
        }
    }
}

impl From<Panicked> for Error {
    fn from(panicked: Panicked) -> Self {
        Self::defect(panicked.details)
    }
}

/// The result of a command, or of a part of one.
pub type Result<T> = std::result::Result<T, Error>;
