//! Notices: events between the connector and the API that are reported to the user, as data.
//!
//! `commands/reporter.rs` formats them as messages. This file must not contain any text for users.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::attempt::Attempt;
use super::failure::Failure;
use super::rate_limiter::RefusedLimit;
use crate::second::Second;
use crate::secret::Secret;
use crate::stream::Stream;

/// An event to report.
#[derive(Debug)]
pub enum Notice {
    /// An attempt of a request ended; only if the setup enables it.
    Attempt(Attempt),
    /// An attempt failed and will be retried.
    Retrying {
        /// Why it failed.
        failure: Failure,
        /// The delay of the retry.
        wait: Duration,
    },
    /// A rate limit is used up (429); all requests under it wait.
    RateLimited {
        /// The endpoint that refused a request.
        path: String,
        /// Which limit is used up.
        limit: RefusedLimit,
        /// The time at which requests continue.
        until: Timestamp,
        /// The length of the wait.
        wait: Duration,
    },
    /// The stream ends: its last status follows. A token request in flight may be refused after it.
    StreamEnds {
        /// The stream. No later notice may give it a status.
        stream: &'static Stream,
        /// Acknowledged when all notices before this one have been reported.
        reported: oneshot::Sender<()>,
    },
    /// The server's clock and this machine's differ.
    ClocksDiffer {
        /// The offset of the server's clock from this machine's, in seconds.
        offset: i64,
    },
    /// A refresh token was used. The tokens in the configuration are no longer valid.
    Rotated {
        /// The new access token; absent if the response had no usable one.
        access_token: Option<Secret>,
        /// When it expires.
        expires_at: Second,
        /// The refresh token to use next.
        refresh_token: Secret,
        /// Acknowledges that the new tokens are saved; dropped if they could not be saved.
        kept: oneshot::Sender<()>,
    },
}

/// The sender of notices. The client waits for a receiver only if the notice requires it.
pub type Notices = mpsc::UnboundedSender<Notice>;
