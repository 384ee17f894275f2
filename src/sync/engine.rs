//! The sync itself: fetches what the plan asks for, emits what the ledger lets through, and claims it
//! with STATE messages.
//!
//! Requests run as tasks of their own, so that a consumer that stops reading stops the sync without
//! holding up what is in flight. Everything else happens on one task, in one loop, in order.
//!
//! It must not decide what to fetch (`plan.rs`), what has been emitted (`ledger.rs`) or if a request is
//! retried (`zendesk`), and must not write a STATE for a record that has not been written before it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use super::batch::{Batch, Dating};
use super::completeness::Completeness;
use super::estimate::{Answer, RowEstimate};
use super::ledger::Ledger;
use super::metrics::SyncMetrics;
use super::plan::{Plan, Reason, WindowId};
use super::progress::{Progress, ProgressFigures};
use super::window::Window;
use crate::airbyte::message::{self, Level, Message, SourceStats, State, StreamState, stream_status};
use crate::airbyte::{Output, RecordLines};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::panics::of_task;
use crate::second::Second;
use crate::shutdown::{Shutdown, Signal};
use crate::stream::{Counts, Stream};
use crate::zendesk::{self, Between, Client, PageOutcome, Query};

/// Records between two STATE messages, at most.
const RECORDS_PER_STATE: u64 = 5_000;
/// Time between two STATE messages, at most, if records were emitted; and between two lines of progress.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// How far beyond the clocks is read, in seconds: an event can be ahead of its time.
const BEYOND_NOW: i64 = 86_400;
/// Events later than the server's date that show that the date is wrong, and not a few events.
const LATER_THAN_NOW: usize = 20;
/// How much later they are, in seconds.
const CLEARLY_LATER: i64 = 300;
/// Events younger than this may still appear, whatever the look-back, in seconds: they are not counted.
const TOO_YOUNG_TO_COUNT: i64 = 600;
/// RECORD messages that are handed to the writer together, in bytes: the copies of a large page must not take up
/// the memory of several.
const MOST_TOGETHER: usize = 512 << 10;
/// The wait for the turn of a count in a comparison; a count that comes later than this is left out.
const LONGEST_WAIT_FOR_A_COUNT: Duration = Duration::from_mins(5);

/// How a sync ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything there is has been emitted.
    Complete,
    /// A signal asked to stop; what was emitted is claimed.
    Stopped(Signal),
}

/// What a sync is to read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The stream.
    pub stream: &'static Stream,
    /// Requests in flight, at most.
    pub most_in_flight: usize,
    /// The most records of a page.
    pub page_size: u32,
    /// How far out of order the server may list a record, in seconds: the look-back.
    pub tolerance: i64,
    /// What lines of progress begin with, if several streams are read at once.
    pub label: Option<&'static str>,
}

impl Reading {
    /// Puts the label before words for the log.
    #[must_use]
    pub fn labelled(&self, words: String) -> String {
        match self.label {
            Some(label) => format!("{label}: {words}"),
            None => words,
        }
    }
}

/// A sync of the stream.
pub struct Engine {
    client: Arc<Client>,
    output: Output,
    clock: Clock,
    plan: Plan,
    ledger: Ledger,
    reading: Reading,
    requests: JoinSet<(WindowId, zendesk::Result<PageOutcome>)>,
    metrics: SyncMetrics,
    began: Instant,
    /// This machine's time when the sync began.
    machine_time: Second,
    /// The newest events that are dated clearly after the server's time.
    later_than_now: BinaryHeap<Reverse<Second>>,
    progress: Progress,
    estimate: RowEstimate,
    completeness: Completeness,
    unclaimed: u64,
    claimed_once: bool,
    running: bool,
    warned_of_truncation: bool,
}

impl Engine {
    /// Prepares a sync from where the ledger stands.
    #[must_use]
    pub fn new(client: Arc<Client>, output: Output, clock: Clock, ledger: Ledger, reading: Reading) -> Self {
        let start = ledger.begin();
        let now = Second::containing(clock.now());
        let window = Window { start, end: now.max(start).plus(BEYOND_NOW) };
        Self {
            began: clock.instant(),
            machine_time: now,
            client,
            output,
            clock,
            plan: Plan::new(reading.stream, window, reading.page_size, reading.tolerance),
            reading,
            requests: JoinSet::new(),
            metrics: SyncMetrics { newest: ledger.cursor(), ..SyncMetrics::default() },
            later_than_now: BinaryHeap::new(),
            progress: Progress::new(start),
            estimate: RowEstimate::new(reading.stream),
            completeness: Completeness::new(Window { start, end: start }),
            ledger,
            unclaimed: 0,
            claimed_once: false,
            running: false,
            warned_of_truncation: false,
        }
    }

    /// Reads until everything has been emitted, a signal comes or something fails. What has been emitted is
    /// claimed by a STATE in each case, unless stdout is what failed.
    ///
    /// # Errors
    /// The failure of a request, or of stdout.
    pub async fn run(mut self, shutdown: &Shutdown) -> (SyncMetrics, Result<End>) {
        let end = self.read(shutdown).await;
        self.requests.abort_all();
        let claimed = match &end {
            Ok(End::Complete) => self.claim().await,
            Ok(End::Stopped(_)) | Err(_) if self.unclaimed > 0 || !self.claimed_once => self.claim().await,
            _ => Ok(()),
        };
        let end = end.and_then(|end| claimed.map(|()| end));
        self.metrics.newest = self.ledger.cursor();
        (self.metrics, end)
    }

    async fn read(&mut self, shutdown: &Shutdown) -> Result<End> {
        let mut report_at = self.clock.instant() + REPORT_INTERVAL;
        let mut compared = false;
        loop {
            // In flight before what has just arrived is emitted: the server works meanwhile.
            self.request();
            tokio::task::yield_now().await;
            while let Some((batch, reason)) = self.plan.take() {
                match reason {
                    Reason::First => self.emit(&batch).await?,
                    Reason::Verify => self.emit_recovered(&batch).await?,
                }
                self.report(&mut report_at).await?;
                if let Some(signal) = shutdown.signal() {
                    return Ok(End::Stopped(signal));
                }
            }
            let finished = self.plan.is_finished();
            if (finished && !compared) || self.completeness.is_part_full() {
                compared |= finished;
                tokio::select! {
                    biased;
                    signal = shutdown.recv() => return Ok(End::Stopped(signal)),
                    () = self.compare(finished) => {}
                }
                continue;
            }
            if finished {
                self.warn_of_missing().await?;
                let estimate = self.estimate.exceeded(self.metrics, self.clock.now());
                self.tell(estimate).await?;
                return Ok(End::Complete);
            }
            self.request();
            self.ask_for_count();
            tokio::select! {
                biased;
                signal = shutdown.recv() => return Ok(End::Stopped(signal)),
                () = self.clock.reached(report_at) => self.report(&mut report_at).await?,
                answer = self.requests.join_next() => self.arrived(answer).await?,
            }
        }
    }

    /// Starts as many requests as are worth keeping in flight, if the plan has so many.
    fn request(&mut self) {
        let concurrency = self.client.concurrency(self.reading.stream, self.reading.most_in_flight);
        self.plan.set_concurrency(concurrency);
        while self.requests.len() < concurrency {
            let Some((window, mut request)) = self.plan.next() else {
                return;
            };
            request.query.filters = Some(self.ledger.filters());
            let client = Arc::clone(&self.client);
            self.requests.spawn(async move { (window, client.page(&request).await) });
        }
    }

    async fn arrived(
        &mut self,
        answer: Option<std::result::Result<(WindowId, zendesk::Result<PageOutcome>), JoinError>>,
    ) -> Result<()> {
        let (window, outcome) = match answer {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return Err(of_task(error).into()),
            None => {
                return Err(Error::defect("the plan neither ends nor goes on"));
            }
        };
        let outcome = outcome?;
        // A failure says nothing about the server's time, by which the end of what is read goes.
        if !self.running && matches!(outcome, PageOutcome::Page(_)) {
            self.running = true;
            self.first_answer();
            let running = message::StreamStatus::Running;
            self.output.send(&stream_status(self.reading.stream, running, Vec::new(), self.clock.now())).await?;
        }
        self.plan.arrived(window, outcome)?;
        self.metrics.held_peak = self.metrics.held_peak.max(self.plan.held());
        Ok(())
    }

    /// The server has told its time: what is read ends beyond both clocks, and what is counted before it.
    fn first_answer(&mut self) {
        let server = self.client.server_time();
        // Where the clocks differ by less, the end lies beyond the server's time as it is.
        let end = if server.since(self.machine_time) > BEYOND_NOW / 2 { server } else { self.machine_time };
        self.plan.set_present(server, end.plus(BEYOND_NOW));
        if self.reading.stream.counts == Counts::Unavailable {
            return;
        }
        let begin = self.ledger.begin();
        let start = self.ledger.cursor().map_or(begin, |cursor| begin.max(cursor.plus(1)));
        let end = server.minus(self.reading.tolerance.max(TOO_YOUNG_TO_COUNT));
        self.completeness = Completeness::new(Window { start, end: end.max(start) });
    }

    /// Returns when the sync began: the server's time. If that lies before many events, they show how wrong
    /// it is, as far as this machine's clock agrees.
    fn now(&self) -> Second {
        let server = self.client.server_time();
        match self.later_than_now.peek() {
            Some(Reverse(event)) if self.later_than_now.len() == LATER_THAN_NOW => {
                server.max((*event).min(self.machine_time))
            }
            _ => server,
        }
    }

    fn note_time(&mut self, event: Second) {
        self.later_than_now.push(Reverse(event));
        if self.later_than_now.len() > LATER_THAN_NOW {
            self.later_than_now.pop();
        }
    }

    async fn emit(&mut self, batch: &Batch) -> Result<()> {
        if self.unclaimed + batch.len() as u64 > RECORDS_PER_STATE {
            self.claim().await?;
        }
        self.completeness.enter_window(batch.window());
        let clearly_later = self.client.server_time().plus(CLEARLY_LATER);
        let filters = self.ledger.filters();
        let room = (batch.size() + batch.len() * 100).min(MOST_TOGETHER);
        let mut lines = RecordLines::new(self.reading.stream, self.clock.now(), room);
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
                let next = RecordLines::new(self.reading.stream, self.clock.now(), room);
                self.output.lines(std::mem::replace(&mut lines, next).into_bytes()).await?;
            }
            lines.push(json);
            self.metrics.records += 1;
            self.metrics.bytes += json.len() as u64;
            self.unclaimed += 1;
            self.metrics.undated += u64::from(entry.dating == Dating::Missing);
            self.metrics.contradicting += u64::from(entry.dating == Dating::Contradicting);
            if let Some(at) = cursor.filter(|at| *at > clearly_later) {
                self.note_time(at);
            }
        }
        self.output.lines(lines.into_bytes()).await?;
        let now = self.now();
        if !batch.is_empty() {
            // The server says that these records are not before the window, whatever their dates are.
            self.ledger.settle(batch.window().start, now);
        }
        if let Some(settled) = batch.settled.filter(|_| !batch.breaks_trust) {
            self.ledger.settle(settled, now);
        }
        self.progress.came(batch.first());
        self.estimate.page_emitted();
        let estimate = self.estimate.answered(self.metrics, self.clock.now());
        self.tell(estimate).await
    }

    /// Emits what a window brought that was read again and had not been emitted. It claims nothing new.
    async fn emit_recovered(&mut self, batch: &Batch) -> Result<()> {
        let mut lines = RecordLines::new(self.reading.stream, self.clock.now(), 0);
        for (record, entry) in batch.records() {
            let dated = record.created_at.filter(|_| entry.dating == Dating::InWindow);
            let is_new = self.completeness.recover(&record.identity, dated);
            // The clock by which it is old enough to be counted may be wrong: the next sync may read it again.
            if is_new && self.ledger.enter(&record.identity, None, entry.until) {
                let json = batch.json(record);
                lines.push(json);
                self.metrics.records += 1;
                self.metrics.recovered += 1;
                self.metrics.bytes += json.len() as u64;
                self.unclaimed += 1;
            }
        }
        Ok(self.output.lines(lines.into_bytes()).await?)
    }

    /// Asks for the number of events once the sync has proved long. Nothing waits for the answer.
    fn ask_for_count(&mut self) {
        if self.reading.stream.counts != Counts::Unavailable && self.estimate.is_due() {
            let span = self.completeness.span();
            let span = if span.is_empty() { Window { start: span.start, end: self.now() } } else { span };
            let (client, query) = (Arc::clone(&self.client), self.count_query(span));
            self.estimate.ask(async move { client.count(&query, Duration::MAX).await });
        }
    }

    fn count_query(&self, span: Window) -> Query {
        // The last second of the span is the one before its end.
        let between = Some(Between { start: span.start, end: span.end });
        Query { between, filters: Some(self.ledger.filters()), ..Query::newest(self.reading.stream) }
    }

    /// Compares what was emitted with what the server counts. What lacks events is read again.
    async fn compare(&mut self, finished: bool) {
        let mut search = self.completeness.search(finished);
        match self.estimate.answer() {
            // A short sync; and where one count cannot be had, others are not asked for.
            Answer::NotAsked | Answer::Failed => search.give_up(),
            // The end of a sync does not wait for it.
            Answer::Pending if finished => search.give_up(),
            Answer::Count(count) if finished && self.completeness.agrees(count) => return,
            Answer::Pending | Answer::Count(_) => {}
        }
        while let Some(span) = self.completeness.next_count(&search) {
            let Some(count) = self.client.count(&self.count_query(span), LONGEST_WAIT_FOR_A_COUNT).await else {
                break;
            };
            self.completeness.counted(&mut search, count);
        }
        for window in self.completeness.end_search(&search, finished) {
            self.plan.read_again(window);
        }
    }

    async fn warn_of_missing(&self) -> Result<()> {
        for suspect in self.completeness.still_missing() {
            let words = format!(
                "Zendesk counts {} events from {} to {} and returned {} of them, also when they were read again. Compare the audit log of that time in the Admin Center; if events are missing in it as well, report it to Zendesk.",
                suspect.counted, suspect.window.start, suspect.window.end, suspect.read
            );
            self.output.warn(words).await?;
        }
        Ok(())
    }

    /// Emits an ESTIMATE, if there is one.
    async fn tell(&self, estimate: Option<Message>) -> Result<()> {
        match estimate {
            Some(estimate) => Ok(self.output.send(&estimate).await?),
            None => Ok(()),
        }
    }

    /// Claims what was emitted since the last STATE, behind it on the same pipe.
    async fn claim(&mut self) -> Result<()> {
        let snapshot = self.ledger.snapshot();
        if snapshot.truncated && !self.warned_of_truncation {
            self.warned_of_truncation = true;
            let words = "The look-back window has more events than the state can hold ids for: the next sync may emit some of them twice, and no event is lost. A shorter lookback_window_minutes avoids this.";
            self.output.warn(words).await?;
        }
        let state = State::Stream {
            stream: StreamState {
                stream_descriptor: self.reading.stream.into(),
                stream_state: snapshot.state.to_value(self.reading.stream),
            },
            source_stats: SourceStats { record_count: count(self.unclaimed) },
        };
        self.output.send(&Message::State { state }).await?;
        self.unclaimed = 0;
        self.claimed_once = true;
        Ok(self.output.flush().await?)
    }

    /// Does what is due once a minute.
    async fn report(&mut self, report_at: &mut Instant) -> Result<()> {
        let now = self.clock.instant();
        if now < *report_at {
            return Ok(());
        }
        *report_at = now + REPORT_INTERVAL;
        if self.unclaimed > 0 {
            self.claim().await?;
        }
        let now_of_day = self.clock.now();
        let estimate = self.estimate.answered(self.metrics, now_of_day);
        let estimate = estimate.or_else(|| self.estimate.exceeded(self.metrics, now_of_day));
        self.tell(estimate).await?;
        let words = self.progress.line(ProgressFigures {
            elapsed: now.saturating_duration_since(self.began),
            events: self.metrics.records,
            expected: self.estimate.records(self.metrics),
            reached: self.ledger.cursor(),
            present: self.client.server_time(),
            requests: self.client.metrics_of(self.reading.stream).requests(),
            limit: if self.reading.stream.requests_per_minute.is_none() { self.client.limit() } else { None },
        });
        Ok(self.output.log(Level::Info, self.reading.labelled(words)).await?)
    }
}

/// The protocol writes counts as numbers with a decimal point.
#[expect(clippy::cast_precision_loss, reason = "a state claims some thousands of records")]
fn count(records: u64) -> f64 {
    records as f64
}
