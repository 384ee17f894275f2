//! Counts what was sent and received.
//!
//! It must not decide anything by these figures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Figures of all requests so far.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) backoff_ms: AtomicU64,
}

impl Metrics {
    /// Requests sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Those of them that were sent again after a failure.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Bytes of bodies received, after decompression.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How long was waited before requests that were sent again, the rate limit left aside.
    #[must_use]
    pub fn backoff(&self) -> Duration {
        Duration::from_millis(self.backoff_ms.load(Ordering::Relaxed))
    }
}
