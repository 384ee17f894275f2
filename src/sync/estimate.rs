//! The number of events of a long sync: requested once, concurrently with the pages. Nothing waits for the
//! response.
//!
//! It must not send a request while a sync may be short, delay its end, or use a number that the emitted
//! records contradict.

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::metrics::SyncMetrics;
use crate::airbyte::message::{Message, estimate};
use crate::stream::Stream;

/// The number of pages after which a sync counts as long: the cost of one more request is then negligible.
const PROVES_LONG: u32 = 10;

/// The known number of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountStatus {
    /// The sync has been short so far.
    NotRequested,
    /// The response has not arrived.
    Pending,
    /// The number is not available.
    Failed,
    /// The number.
    Count(u64),
}

/// The estimated number of events of a sync.
#[derive(Debug)]
pub struct RowEstimate {
    stream: &'static Stream,
    pages: u32,
    requested: bool,
    /// The request; it is cancelled at the end of the sync.
    request: JoinSet<Option<u64>>,
    /// The number of events of the counted span.
    count: Option<u64>,
    /// The number of records that was reported last.
    reported: Option<u64>,
}

impl RowEstimate {
    /// Creates an estimate without a request.
    #[must_use]
    pub fn new(stream: &'static Stream) -> Self {
        Self { stream, pages: 0, requested: false, request: JoinSet::new(), count: None, reported: None }
    }

    /// Counts a received page.
    pub fn page_received(&mut self) {
        self.pages = self.pages.saturating_add(1);
    }

    /// Returns `true` if the sync has proved to be long and nothing has been requested yet.
    #[must_use]
    pub fn is_due(&self) -> bool {
        !self.requested && self.pages >= PROVES_LONG
    }

    /// Starts the request.
    pub fn request(&mut self, request: impl Future<Output = Option<u64>> + Send + 'static) {
        self.requested = true;
        self.request.spawn(request);
    }

    /// Returns the known number of events of the counted span.
    #[must_use]
    pub fn count(&mut self) -> CountStatus {
        self.take_count();
        match self.count {
            _ if !self.requested => CountStatus::NotRequested,
            Some(count) => CountStatus::Count(count),
            None if self.request.is_empty() => CountStatus::Failed,
            None => CountStatus::Pending,
        }
    }

    /// Returns the estimated total number of RECORD messages of the sync; `None` once there are more.
    #[must_use]
    pub fn records(&self, metrics: SyncMetrics) -> Option<u64> {
        self.count.filter(|records| *records > 0 && *records >= metrics.records)
    }

    /// Returns the ESTIMATE, if the response has just arrived.
    pub fn on_count(&mut self, metrics: SyncMetrics, now: Timestamp) -> Option<Message> {
        if !self.take_count() {
            return None;
        }
        self.reported = self.records(metrics);
        self.reported.map(|records| self.message(records, metrics, now))
    }

    /// Returns the ESTIMATE, if more records have been emitted than the last one reported.
    pub fn on_exceeded(&mut self, metrics: SyncMetrics, now: Timestamp) -> Option<Message> {
        if self.reported? >= metrics.records {
            return None;
        }
        self.reported = Some(metrics.records);
        Some(self.message(metrics.records, metrics, now))
    }

    fn take_count(&mut self) -> bool {
        let Some(Ok(count)) = self.request.try_join_next() else {
            return false;
        };
        self.count = count;
        true
    }

    /// The bytes are computed from the average of the records so far.
    fn message(&self, records: u64, metrics: SyncMetrics, now: Timestamp) -> Message {
        let bytes = u128::from(metrics.bytes) * u128::from(records) / u128::from(metrics.records.max(1));
        estimate(self.stream, records, u64::try_from(bytes).unwrap_or(u64::MAX), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::AUDIT_LOGS;

    async fn estimate_of(count: Option<u64>) -> RowEstimate {
        let mut estimate = RowEstimate::new(&AUDIT_LOGS);
        let request = estimate.request.spawn(async move { count });
        while !request.is_finished() {
            tokio::task::yield_now().await;
        }
        estimate
    }

    fn reported(message: Option<Message>) -> Option<(u64, u64)> {
        let line = message?.to_line().expect("serializes");
        let message: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        let estimate = &message["trace"]["estimate"];
        Some((estimate["row_estimate"].as_u64()?, estimate["byte_estimate"].as_u64()?))
    }

    #[tokio::test]
    async fn an_estimate_is_emitted_once_and_again_when_it_is_exceeded() {
        let now = Timestamp::UNIX_EPOCH;
        let metrics = |records| SyncMetrics { records, bytes: records * 600, ..SyncMetrics::default() };
        let mut estimate = estimate_of(Some(2_000)).await;
        assert_eq!(reported(estimate.on_exceeded(metrics(1_000), now)), None, "nothing has been emitted yet");
        assert_eq!(reported(estimate.on_count(metrics(1_000), now)), Some((2_000, 1_200_000)));
        assert_eq!(reported(estimate.on_count(metrics(1_100), now)), None);
        assert_eq!(reported(estimate.on_exceeded(metrics(2_000), now)), None);
        assert_eq!(estimate.records(metrics(2_000)), Some(2_000));
        assert_eq!(reported(estimate.on_exceeded(metrics(2_100), now)), Some((2_100, 1_260_000)));
        assert_eq!(reported(estimate.on_exceeded(metrics(2_100), now)), None);
        assert_eq!(estimate.records(metrics(2_100)), None, "the total is no longer known");
    }

    #[tokio::test]
    async fn no_estimate_is_emitted_without_a_count_or_with_one_that_is_too_small() {
        let now = Timestamp::UNIX_EPOCH;
        let metrics = SyncMetrics { records: 1_000, bytes: 1, ..SyncMetrics::default() };
        for count in [None, Some(0), Some(4), Some(999)] {
            let mut estimate = estimate_of(count).await;
            assert_eq!(reported(estimate.on_count(metrics, now)), None, "{count:?}");
            assert_eq!(reported(estimate.on_exceeded(metrics, now)), None, "{count:?}");
            assert_eq!(estimate.records(metrics), None, "{count:?}");
        }
    }
}
