//! What happens between the connector and the API that somebody should hear of, as data.
//!
//! The words for it, and the protocol's messages, are made by `commands/reporter.rs`; there must be none here.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::attempt::Attempt;
use super::failure::Failure;
use crate::second::Second;
use crate::secret::Secret;

/// Something that happened.
#[derive(Debug)]
pub enum Notice {
    /// A request was answered, or not; only if the setup asks for it.
    Attempt(Attempt),
    /// A try failed; there will be another one.
    Retrying {
        /// Why it failed.
        failure: Failure,
        /// When the next try comes.
        wait: Duration,
    },
    /// The account's rate limit is used up (429); all requests wait.
    RateLimited {
        /// Until when.
        until: Timestamp,
        /// How long that is.
        wait: Duration,
    },
    /// A refresh token was used, and the pair in the configuration is dead from now on.
    Rotated {
        /// The new access token; absent if the response had none that can be used.
        access_token: Option<Secret>,
        /// When it ends.
        expires_at: Second,
        /// The refresh token to use next.
        refresh_token: Secret,
        /// To be answered when the new pair is safe; dropped if it could not be kept.
        kept: oneshot::Sender<()>,
    },
}

/// Where notices go. Nobody waits for them to be heard but where a notice says so.
pub type Notices = mpsc::UnboundedSender<Notice>;
