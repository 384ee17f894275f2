//! Emits batches: the records that the ledger accepts, and the STATE messages that cover them.
//!
//! It must not write a STATE for a record that has not been written before it. It must not decide what is
//! fetched (`plan`) or what has been emitted before (`ledger.rs`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use super::batch::{Batch, Dating};
use super::completeness::Completeness;
use super::ledger::Ledger;
use super::metrics::SyncMetrics;
use super::window::Window;
use crate::airbyte::message::{Message, SourceStats, State, StreamState};
use crate::airbyte::{Output, RecordLines};
use crate::clock::Clock;
use crate::error::Result;
use crate::second::Second;
use crate::stream::Stream;
use crate::zendesk::Client;

/// The largest number of records between two STATE messages.
const RECORDS_PER_STATE: u64 = 5_000;
/// The number of events later than the server's date that show that the date is wrong.
const LATER_THAN_NOW: usize = 20;
/// The difference of such an event from the server's date, in seconds.
const CLEARLY_LATER: i64 = 300;
/// The size of RECORD messages that are passed to the writer together, in bytes: the copies of a large page
/// must not use the memory of several pages.
const MOST_TOGETHER: usize = 512 << 10;

/// The emitted records of a sync, and their output.
pub struct Emitter {
    client: Arc<Client>,
    output: Output,
    clock: Clock,
    stream: &'static Stream,
    /// This machine's time at the start of the sync.
    machine_time: Second,
    began: Instant,
    /// The newest events that are dated clearly after the server's time.
    later_than_now: BinaryHeap<Reverse<Second>>,
    unclaimed: u64,
    claimed_once: bool,
    warned_of_truncation: bool,
    /// The emitted records.
    pub ledger: Ledger,
    /// The comparison of the emitted records with the server's count.
    pub completeness: Completeness,
    /// The metrics of the sync so far.
    pub metrics: SyncMetrics,
}

impl Emitter {
    /// Starts from the state of the ledger.
    pub fn new(client: Arc<Client>, output: Output, clock: Clock, ledger: Ledger, stream: &'static Stream) -> Self {
        let start = ledger.begin();
        Self {
            machine_time: Second::containing(clock.now()),
            began: clock.instant(),
            client,
            output,
            clock,
            stream,
            later_than_now: BinaryHeap::new(),
            unclaimed: 0,
            claimed_once: false,
            warned_of_truncation: false,
            completeness: Completeness::new(Window { start, end: start }),
            metrics: SyncMetrics { newest: ledger.cursor(), ..SyncMetrics::default() },
            ledger,
        }
    }

    /// Returns `true` if records have been emitted that no STATE covers.
    pub fn has_uncovered_records(&self) -> bool {
        self.unclaimed > 0
    }

    /// Returns `true` if a STATE has been emitted.
    pub fn has_emitted_state(&self) -> bool {
        self.claimed_once
    }

    /// Returns the time at which the sync began, by the server's clock. If many events are later, they show
    /// the error of that clock, limited by this machine's clock.
    pub fn now(&self) -> Second {
        let server = self.client.server_time();
        match self.later_than_now.peek() {
            Some(Reverse(event)) if self.later_than_now.len() == LATER_THAN_NOW => {
                server.max((*event).min(self.machine_time))
            }
            _ => server,
        }
    }

    fn record_late_event(&mut self, event: Second) {
        self.later_than_now.push(Reverse(event));
        if self.later_than_now.len() > LATER_THAN_NOW {
            self.later_than_now.pop();
        }
    }

    /// Emits the records of a batch that have not been emitted before, with STATE messages between them.
    ///
    /// # Errors
    /// The failure of stdout.
    pub async fn emit(&mut self, batch: &Batch) -> Result<()> {
        if self.unclaimed + batch.len() as u64 > RECORDS_PER_STATE {
            self.emit_state().await?;
        }
        self.completeness.enter_window(batch.window());
        // Events that occur during the sync are later than its start by as much as it takes.
        let elapsed = self.clock.instant().saturating_duration_since(self.began).as_secs();
        let clearly_later =
            self.client.server_time().plus(CLEARLY_LATER).plus(i64::try_from(elapsed).unwrap_or(i64::MAX));
        let filters = self.ledger.filters();
        let room = (batch.size() + batch.len() * 100).min(MOST_TOGETHER);
        let mut lines = RecordLines::new(self.stream, self.clock.now(), room);
        for (record, entry) in batch.records() {
            if !filters.access_logs.matches(record.user) {
                self.metrics.of_other_users += 1;
                continue;
            }
            let cursor = record.created_at.filter(|_| entry.dating == Dating::InWindow);
            if !self.ledger.enter(&record.identity, cursor, entry.until) {
                self.metrics.skipped += 1;
                continue;
            }
            self.completeness.record(&record.identity, record.created_at, &entry);
            let json = batch.json(record);
            if !lines.is_empty() && lines.len() + json.len() > MOST_TOGETHER {
                let next = RecordLines::new(self.stream, self.clock.now(), room);
                self.output.lines(std::mem::replace(&mut lines, next).into_bytes()).await?;
            }
            lines.push(json);
            self.emitted(json);
            self.metrics.undated += u64::from(entry.dating == Dating::Missing);
            self.metrics.contradicting += u64::from(entry.dating == Dating::Contradicting);
            if let Some(at) = cursor.filter(|at| *at > clearly_later) {
                self.record_late_event(at);
            }
        }
        self.output.lines(lines.into_bytes()).await?;
        let now = self.now();
        if !batch.is_empty() {
            // The server lists these records after the start of the window, whatever their dates are.
            self.ledger.settle(batch.window().start, now);
        }
        if let Some(settled) = batch.settled.filter(|_| !batch.breaks_trust) {
            self.ledger.settle(settled, now);
        }
        Ok(())
    }

    /// Emits the records of a window that is read again, if they have not been emitted. The ledger's settled
    /// time does not change.
    ///
    /// # Errors
    /// The failure of stdout.
    pub async fn emit_recovered(&mut self, batch: &Batch) -> Result<()> {
        let mut lines = RecordLines::new(self.stream, self.clock.now(), 0);
        for (record, entry) in batch.records() {
            let dated = record.created_at.filter(|_| entry.dating == Dating::InWindow);
            let is_new = self.completeness.recover(&record.identity, dated);
            // The clock by which the record is old enough to be counted may be wrong: the next sync may read
            // it again.
            if is_new && self.ledger.enter(&record.identity, None, entry.until) {
                let json = batch.json(record);
                lines.push(json);
                self.emitted(json);
                self.metrics.recovered += 1;
            }
        }
        Ok(self.output.lines(lines.into_bytes()).await?)
    }

    fn emitted(&mut self, json: &[u8]) {
        self.metrics.records += 1;
        self.metrics.bytes += json.len() as u64;
        self.unclaimed += 1;
    }

    /// Emits a STATE for the records since the last one, after them on the same pipe.
    ///
    /// # Errors
    /// The failure of stdout.
    pub async fn emit_state(&mut self) -> Result<()> {
        let snapshot = self.ledger.snapshot();
        if snapshot.truncated && !self.warned_of_truncation {
            self.warned_of_truncation = true;
            let message = "The look-back window has more events than the state can hold ids for: the next sync may emit some of them twice, and no event is lost. A shorter lookback_window_minutes avoids this.";
            self.output.warn(message).await?;
        }
        let state = State::Stream {
            stream: StreamState {
                stream_descriptor: self.stream.into(),
                stream_state: snapshot.state.to_value(self.stream),
            },
            source_stats: SourceStats { record_count: count(self.unclaimed) },
        };
        self.output.send(&Message::State { state }).await?;
        self.unclaimed = 0;
        self.claimed_once = true;
        Ok(self.output.flush().await?)
    }
}

/// The protocol writes counts as numbers with a decimal point.
#[expect(clippy::cast_precision_loss, reason = "a state covers some thousands of records")]
fn count(records: u64) -> f64 {
    records as f64
}
