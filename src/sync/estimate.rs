//! How many events a long sync will bring: asked once, beside the pages. Nothing waits for the answer.
//!
//! It must not ask while a sync may be short, hold up its end, or believe a number that what has been
//! read shows to be wrong.

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::metrics::SyncMetrics;
use crate::airbyte::message::{Message, estimate};
use crate::stream::Stream;

/// Pages that have been emitted without an end: the sync proves long, and one request more is little.
const PROVES_LONG: u32 = 10;

/// What is known of the number of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The sync has been short so far.
    NotAsked,
    /// The answer has not arrived.
    Pending,
    /// The number cannot be told.
    Failed,
    /// The number.
    Count(u64),
}

/// The number of events of a sync, as far as it is known.
#[derive(Debug)]
pub struct RowEstimate {
    stream: &'static Stream,
    pages: u32,
    asked: bool,
    /// Ends with the sync, answered or not.
    question: JoinSet<Option<u64>>,
    /// Events of the span that was asked about.
    count: Option<u64>,
    /// The number of records that was told last.
    told: Option<u64>,
}

impl RowEstimate {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new(stream: &'static Stream) -> Self {
        Self { stream, pages: 0, asked: false, question: JoinSet::new(), count: None, told: None }
    }

    /// A page has been emitted.
    pub fn page_emitted(&mut self) {
        self.pages = self.pages.saturating_add(1);
    }

    /// Returns `true` if the sync has proved long and nothing has been asked yet.
    #[must_use]
    pub fn is_due(&self) -> bool {
        !self.asked && self.pages >= PROVES_LONG
    }

    /// Asks.
    pub fn ask(&mut self, question: impl Future<Output = Option<u64>> + Send + 'static) {
        self.asked = true;
        self.question.spawn(question);
    }

    /// Returns what is known of the number of events of the span that was asked about.
    #[must_use]
    pub fn answer(&mut self) -> Answer {
        self.take_answer();
        match self.count {
            _ if !self.asked => Answer::NotAsked,
            Some(count) => Answer::Count(count),
            None if self.question.is_empty() => Answer::Failed,
            None => Answer::Pending,
        }
    }

    /// Returns about how many RECORD messages the sync will have brought; `None` once there are more.
    #[must_use]
    pub fn records(&self, metrics: SyncMetrics) -> Option<u64> {
        self.count.filter(|records| *records > 0 && *records >= metrics.records)
    }

    /// Returns the ESTIMATE, if the answer has just arrived.
    pub fn answered(&mut self, metrics: SyncMetrics, now: Timestamp) -> Option<Message> {
        if !self.take_answer() {
            return None;
        }
        self.told = self.records(metrics);
        self.told.map(|records| self.message(records, metrics, now))
    }

    /// Returns the ESTIMATE, if more records have been emitted than the last one told.
    pub fn exceeded(&mut self, metrics: SyncMetrics, now: Timestamp) -> Option<Message> {
        if self.told? >= metrics.records {
            return None;
        }
        self.told = Some(metrics.records);
        Some(self.message(metrics.records, metrics, now))
    }

    fn take_answer(&mut self) -> bool {
        let Some(Ok(count)) = self.question.try_join_next() else {
            return false;
        };
        self.count = count;
        true
    }

    /// The bytes are by the average of the records so far.
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
        let answer = estimate.question.spawn(async move { count });
        while !answer.is_finished() {
            tokio::task::yield_now().await;
        }
        estimate
    }

    fn told(message: Option<Message>) -> Option<(u64, u64)> {
        let line = message?.to_line().expect("serializes");
        let message: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        let estimate = &message["trace"]["estimate"];
        Some((estimate["row_estimate"].as_u64()?, estimate["byte_estimate"].as_u64()?))
    }

    #[tokio::test]
    async fn an_estimate_is_told_once_and_again_when_it_is_exceeded() {
        let now = Timestamp::UNIX_EPOCH;
        let metrics = |records| SyncMetrics { records, bytes: records * 600, ..SyncMetrics::default() };
        let mut estimate = estimate_of(Some(2_000)).await;
        assert_eq!(told(estimate.exceeded(metrics(1_000), now)), None, "nothing has been told yet");
        assert_eq!(told(estimate.answered(metrics(1_000), now)), Some((2_000, 1_200_000)));
        assert_eq!(told(estimate.answered(metrics(1_100), now)), None);
        assert_eq!(told(estimate.exceeded(metrics(2_000), now)), None);
        assert_eq!(estimate.records(metrics(2_000)), Some(2_000));
        assert_eq!(told(estimate.exceeded(metrics(2_100), now)), Some((2_100, 1_260_000)));
        assert_eq!(told(estimate.exceeded(metrics(2_100), now)), None);
        assert_eq!(estimate.records(metrics(2_100)), None, "how many there will be is not known any more");
    }

    #[tokio::test]
    async fn no_answer_and_one_that_is_too_small_are_told_nobody() {
        let now = Timestamp::UNIX_EPOCH;
        let metrics = SyncMetrics { records: 1_000, bytes: 1, ..SyncMetrics::default() };
        for count in [None, Some(0), Some(4), Some(999)] {
            let mut estimate = estimate_of(count).await;
            assert_eq!(told(estimate.answered(metrics, now)), None, "{count:?}");
            assert_eq!(told(estimate.exceeded(metrics, now)), None, "{count:?}");
            assert_eq!(estimate.records(metrics), None, "{count:?}");
        }
    }
}
