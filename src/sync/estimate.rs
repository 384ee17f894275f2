//! How many events a long sync will bring: asks once, beside the pages, and never waits for the answer.
//!
//! Nothing depends on it. It must not ask while a sync may be short, hold up its end, or believe a
//! number that what has been read shows to be wrong.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::engine::Tally;
use super::walk::Window;
use crate::airbyte::message::{Message, estimate};
use crate::config::Filters;
use crate::stream::AUDIT_LOGS;
use crate::zendesk::{Between, Client, Query};

/// Pages that have gone out without an end: the sync proves long, and one request more is little.
const PROVES_LONG: u32 = 10;
/// The turn of the question comes among those of the pages, however slow they are.
const ANY_WAIT: Duration = Duration::MAX;

/// The number of events of a sync, as far as it is known.
#[derive(Debug)]
pub struct Estimate {
    /// What is counted.
    query: Query,
    /// Events of the span that went out in an earlier sync.
    known: u64,
    pages: u32,
    asked: bool,
    /// Ends with the sync, answered or not.
    question: JoinSet<Option<u64>>,
    /// Events of the whole span, with those that are known.
    count: Option<u64>,
    /// The number of records that was told last.
    told: Option<u64>,
}

impl Estimate {
    /// Of a sync of this window with these filters, of which so many events are known to have gone out before.
    #[must_use]
    pub fn new(window: Window, filters: Arc<Filters>, known: u64) -> Self {
        let between = Some(Between { start: window.start, end: window.end });
        Self {
            query: Query { between, filters: Some(filters), ..Query::newest(&AUDIT_LOGS) },
            known,
            pages: 0,
            asked: false,
            question: JoinSet::new(),
            count: None,
            told: None,
        }
    }

    /// A page has gone out.
    pub fn page_went_out(&mut self) {
        self.pages = self.pages.saturating_add(1);
    }

    /// There are more pages to fetch: asks, if the sync has proved long.
    pub fn goes_on(&mut self, client: &Arc<Client>) {
        if self.asked || self.pages < PROVES_LONG {
            return;
        }
        self.asked = true;
        let (client, query) = (Arc::clone(client), self.query.clone());
        self.question.spawn(async move { client.count(&query, ANY_WAIT).await });
    }

    /// RECORD messages that the sync will have brought, about; none once there are more.
    #[must_use]
    pub fn records(&self, tally: Tally) -> Option<u64> {
        self.count?.checked_sub(self.known).filter(|records| *records >= tally.records)
    }

    /// The ESTIMATE, if the answer has just come.
    pub fn answered(&mut self, tally: Tally, now: Timestamp) -> Option<Message> {
        let Some(Ok(count)) = self.question.try_join_next() else {
            return None;
        };
        self.count = count;
        self.told = self.records(tally);
        self.told.map(|records| message(records, tally, now))
    }

    /// The ESTIMATE, if more records have gone out than the last one told.
    pub fn exceeded(&mut self, tally: Tally, now: Timestamp) -> Option<Message> {
        if self.told? >= tally.records {
            return None;
        }
        self.told = Some(tally.records);
        Some(message(tally.records, tally, now))
    }
}

/// The bytes are by the average of the records so far.
fn message(records: u64, tally: Tally, now: Timestamp) -> Message {
    let bytes = u128::from(tally.bytes) * u128::from(records) / u128::from(tally.records.max(1));
    estimate(&AUDIT_LOGS, records, u64::try_from(bytes).unwrap_or(u64::MAX), now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::second::Second;

    async fn estimate_of(count: Option<u64>) -> Estimate {
        let (start, end) = (Second::from_unix(0), Second::from_unix(1));
        let mut estimate = Estimate::new(Window { start, end }, Arc::default(), 5);
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
        let tally = |records| Tally { records, bytes: records * 600, ..Tally::default() };
        let mut estimate = estimate_of(Some(2_005)).await;
        assert_eq!(told(estimate.exceeded(tally(1_000), now)), None, "nothing has been told yet");
        assert_eq!(told(estimate.answered(tally(1_000), now)), Some((2_000, 1_200_000)));
        assert_eq!(told(estimate.answered(tally(1_100), now)), None);
        assert_eq!(told(estimate.exceeded(tally(2_000), now)), None);
        assert_eq!(estimate.records(tally(2_000)), Some(2_000));
        assert_eq!(told(estimate.exceeded(tally(2_100), now)), Some((2_100, 1_260_000)));
        assert_eq!(told(estimate.exceeded(tally(2_100), now)), None);
        assert_eq!(estimate.records(tally(2_100)), None, "how many there will be is not known any more");
    }

    #[tokio::test]
    async fn no_answer_and_one_that_is_too_small_are_told_nobody() {
        let now = Timestamp::UNIX_EPOCH;
        let tally = Tally { records: 1_000, bytes: 1, ..Tally::default() };
        for count in [None, Some(0), Some(4), Some(1_004)] {
            let mut estimate = estimate_of(count).await;
            assert_eq!(told(estimate.answered(tally, now)), None, "{count:?}");
            assert_eq!(told(estimate.exceeded(tally, now)), None, "{count:?}");
            assert_eq!(estimate.records(tally), None, "{count:?}");
        }
    }
}
