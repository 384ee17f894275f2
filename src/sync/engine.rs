//! The loop of a sync: sends the requests that the plan asks for, passes on what arrives, compares it with the
//! server's counts, and reports the progress.
//!
//! Requests run as tasks of their own, so that a consumer that stops reading stops the sync without
//! holding up what is in flight. Everything else happens on one task, in one loop, in order.
//!
//! It must not decide what to fetch (`plan.rs`), what is emitted (`emitter.rs`) or if a request is retried
//! (`zendesk`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use super::batch::Batch;
use super::completeness::Completeness;
use super::emitter::Emitter;
use super::estimate::{Answer, RowEstimate};
use super::ledger::Ledger;
use super::metrics::SyncMetrics;
use super::plan::{Plan, Reason, WindowId};
use super::progress::{Progress, ProgressFigures};
use super::window::Window;
use crate::airbyte::Output;
use crate::airbyte::message::{self, Level, Message, stream_status};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::panics::of_task;
use crate::second::Second;
use crate::shutdown::{Shutdown, Signal};
use crate::stream::{Counts, Stream};
use crate::zendesk::{self, Between, Client, PageOutcome, Query};

/// Time between two STATE messages, at most, if records were emitted; and between two lines of progress.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// How far beyond the clocks is read, in seconds: an event can be ahead of its time.
const BEYOND_NOW: i64 = 86_400;
/// Events younger than this may still appear, whatever the look-back, in seconds: they are not counted.
const TOO_YOUNG_TO_COUNT: i64 = 600;
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
    emitter: Emitter,
    reading: Reading,
    requests: JoinSet<(WindowId, zendesk::Result<PageOutcome>)>,
    began: Instant,
    /// This machine's time when the sync began.
    machine_time: Second,
    progress: Progress,
    estimate: RowEstimate,
    running: bool,
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
            emitter: Emitter::new(Arc::clone(&client), output.clone(), clock.clone(), ledger, reading.stream),
            client,
            output,
            clock,
            plan: Plan::new(reading.stream, window, reading.page_size, reading.tolerance),
            reading,
            requests: JoinSet::new(),
            progress: Progress::new(start),
            estimate: RowEstimate::new(reading.stream),
            running: false,
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
            Ok(End::Complete) => self.emitter.claim().await,
            Ok(End::Stopped(_)) | Err(_) if self.emitter.has_unclaimed() || !self.emitter.has_claimed() => {
                self.emitter.claim().await
            }
            _ => Ok(()),
        };
        let end = end.and_then(|end| claimed.map(|()| end));
        self.emitter.metrics.newest = self.emitter.ledger.cursor();
        (self.emitter.metrics, end)
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
                    Reason::First => {
                        self.emitter.emit(&batch).await?;
                        self.emitted(&batch).await?;
                    }
                    Reason::Verify => self.emitter.emit_recovered(&batch).await?,
                }
                self.report(&mut report_at).await?;
                if let Some(signal) = shutdown.signal() {
                    return Ok(End::Stopped(signal));
                }
            }
            let finished = self.plan.is_finished();
            if (finished && !compared) || self.emitter.completeness.is_part_full() {
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
                let estimate = self.estimate.exceeded(self.emitter.metrics, self.clock.now());
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
            request.query.filters = Some(self.emitter.ledger.filters());
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
        self.emitter.metrics.held_peak = self.emitter.metrics.held_peak.max(self.plan.held());
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
        let begin = self.emitter.ledger.begin();
        let start = self.emitter.ledger.cursor().map_or(begin, |cursor| begin.max(cursor.plus(1)));
        let end = server.minus(self.reading.tolerance.max(TOO_YOUNG_TO_COUNT));
        self.emitter.completeness = Completeness::new(Window { start, end: end.max(start) });
    }

    async fn emitted(&mut self, batch: &Batch) -> Result<()> {
        self.progress.came(batch.first());
        self.estimate.page_emitted();
        let estimate = self.estimate.answered(self.emitter.metrics, self.clock.now());
        self.tell(estimate).await
    }

    /// Asks for the number of events once the sync has proved long. Nothing waits for the answer.
    fn ask_for_count(&mut self) {
        if self.reading.stream.counts != Counts::Unavailable && self.estimate.is_due() {
            let span = self.emitter.completeness.span();
            let span = if span.is_empty() { Window { start: span.start, end: self.emitter.now() } } else { span };
            let (client, query) = (Arc::clone(&self.client), self.count_query(span));
            self.estimate.ask(async move { client.count(&query, Duration::MAX).await });
        }
    }

    fn count_query(&self, span: Window) -> Query {
        // The last second of the span is the one before its end.
        let between = Some(Between { start: span.start, end: span.end });
        Query { between, filters: Some(self.emitter.ledger.filters()), ..Query::newest(self.reading.stream) }
    }

    /// Compares what was emitted with what the server counts. What lacks events is read again.
    async fn compare(&mut self, finished: bool) {
        let mut search = self.emitter.completeness.search(finished);
        match self.estimate.answer() {
            // A short sync; and where one count cannot be had, others are not asked for.
            Answer::NotAsked | Answer::Failed => search.give_up(),
            // The end of a sync does not wait for it.
            Answer::Pending if finished => search.give_up(),
            Answer::Count(count) if finished && self.emitter.completeness.agrees(count) => return,
            Answer::Pending | Answer::Count(_) => {}
        }
        while let Some(span) = self.emitter.completeness.next_count(&search) {
            let Some(count) = self.client.count(&self.count_query(span), LONGEST_WAIT_FOR_A_COUNT).await else {
                break;
            };
            self.emitter.completeness.counted(&mut search, count);
        }
        for window in self.emitter.completeness.end_search(&search, finished) {
            self.plan.read_again(window);
        }
    }

    async fn warn_of_missing(&self) -> Result<()> {
        for suspect in self.emitter.completeness.still_missing() {
            let words = format!(
                "Zendesk counts {} events from {} to {} but returned only {} of them, also when they were read again. Compare the audit log of that time in the Admin Center; if events are missing in it as well, report it to Zendesk.",
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

    /// Does what is due once a minute.
    async fn report(&mut self, report_at: &mut Instant) -> Result<()> {
        let now = self.clock.instant();
        if now < *report_at {
            return Ok(());
        }
        *report_at = now + REPORT_INTERVAL;
        if self.emitter.has_unclaimed() {
            self.emitter.claim().await?;
        }
        let now_of_day = self.clock.now();
        let estimate = self.estimate.answered(self.emitter.metrics, now_of_day);
        let estimate = estimate.or_else(|| self.estimate.exceeded(self.emitter.metrics, now_of_day));
        self.tell(estimate).await?;
        let words = self.progress.line(ProgressFigures {
            elapsed: now.saturating_duration_since(self.began),
            events: self.emitter.metrics.records,
            expected: self.estimate.records(self.emitter.metrics),
            reached: self.emitter.ledger.cursor(),
            present: self.client.server_time(),
            requests: self.client.metrics_of(self.reading.stream).requests(),
            limit: if self.reading.stream.requests_per_minute.is_none() { self.client.limit() } else { None },
        });
        Ok(self.output.log(Level::Info, self.reading.labelled(words)).await?)
    }
}
