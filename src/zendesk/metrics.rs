//! Counts requests and received bytes.
//!
//! No decision may depend on these metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The metrics of all requests, and those of each endpoint.
#[derive(Debug, Default)]
pub struct AllMetrics {
    all: Metrics,
    endpoints: Mutex<Vec<(String, Arc<Metrics>)>>,
}

impl AllMetrics {
    /// Returns the metrics of all requests.
    #[must_use]
    pub fn all(&self) -> &Metrics {
        &self.all
    }

    /// Returns the metrics of the requests to an endpoint.
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

    /// Adds to one metric of an endpoint, and to that of all endpoints.
    pub(super) fn add(&self, path: &str, figure: fn(&Metrics) -> &AtomicU64, amount: u64) {
        figure(&self.all).fetch_add(amount, Ordering::Relaxed);
        figure(&self.endpoint(path)).fetch_add(amount, Ordering::Relaxed);
    }
}

/// The metrics of requests so far.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) backoff_ms: AtomicU64,
}

impl Metrics {
    /// Returns the number of sent requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that were sent again after a failure.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Returns the number of received bytes of bodies, after decompression.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the total backoff before repeated requests, without waits for the rate limit.
    #[must_use]
    pub fn backoff(&self) -> Duration {
        Duration::from_millis(self.backoff_ms.load(Ordering::Relaxed))
    }
}
