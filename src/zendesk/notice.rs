//! Notices: events between the connector and the API that are reported to the user, as data.
//!
//! `commands/reporter.rs` makes messages from them. This file must not contain any text for users.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::attempt::Attempt;
use super::failure::Failure;
use super::rate_limiter::RefusedLimit;
use crate::second::Second;
use crate::secret::Secret;

/// An event to report.
#[derive(Debug)]
pub enum Notice {
    /// An attempt of a request ended; only if the setup asks for it.
    Attempt(Attempt),
    /// An attempt failed and will be retried.
    Retrying {
        /// Why it failed.
        failure: Failure,
        /// How long the retry is delayed.
        wait: Duration,
    },
    /// A rate limit is used up (429); all requests that it rules wait.
    RateLimited {
        /// The endpoint that refused a request.
        path: String,
        /// Which limit is used up.
        limit: RefusedLimit,
        /// When requests continue.
        until: Timestamp,
        /// How long that takes.
        wait: Duration,
    },
    /// Nothing happened. It is answered when all notices before it have been reported.
    Barrier {
        /// Must be answered.
        reached: oneshot::Sender<()>,
    },
    /// The server's clock and this machine's differ.
    ClocksDiffer {
        /// How far the server's clock is ahead of this machine's, in seconds.
        offset: i64,
    },
    /// A refresh token was used. The tokens in the configuration are no longer valid.
    Rotated {
        /// The new access token; absent if the response had none that can be used.
        access_token: Option<Secret>,
        /// When it expires.
        expires_at: Second,
        /// The refresh token to use next.
        refresh_token: Secret,
        /// Must be answered when the new tokens are saved, and dropped if they could not be saved.
        kept: oneshot::Sender<()>,
    },
}

/// The sender of notices. The client waits for a receiver only where a notice says so.
pub type Notices = mpsc::UnboundedSender<Notice>;
