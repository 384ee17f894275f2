//! Counts what was sent and received.
//!
//! It must not decide anything by these figures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The figures of all requests, and those of each endpoint.
#[derive(Debug, Default)]
pub struct AllMetrics {
    all: Metrics,
    endpoints: Mutex<Vec<(String, Arc<Metrics>)>>,
}

impl AllMetrics {
    /// Returns the figures of all requests.
    #[must_use]
    pub fn all(&self) -> &Metrics {
        &self.all
    }

    /// Returns the figures of the requests to an endpoint.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> Arc<Metrics> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, metrics)) = endpoints.iter().find(|(known, _)| known == path) {
            return Arc::clone(metrics);
        }
        let metrics = Arc::<Metrics>::default();
        endpoints.push((path.to_owned(), Arc::clone(&metrics)));
        metrics
    }

    /// Adds to one figure of an endpoint, and to that of all.
    pub(super) fn add(&self, path: &str, figure: fn(&Metrics) -> &AtomicU64, amount: u64) {
        figure(&self.all).fetch_add(amount, Ordering::Relaxed);
        figure(&self.endpoint(path)).fetch_add(amount, Ordering::Relaxed);
    }
}

/// Figures of requests so far.
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
