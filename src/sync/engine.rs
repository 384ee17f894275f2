//! The loop of a sync: sends the requests of the plan, passes on the responses, compares the result with the
//! server's counts, and reports the progress.
//!
//! Requests run in separate tasks, so that a consumer that stops reading stops the sync without delaying the
//! requests in flight. All other work is done in one task, in one loop, in order.
//!
//! It must not decide what to fetch (`plan`), what is emitted (`emitter.rs`) or if a request is retried
//! (`zendesk`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use super::batch::Batch;
use super::completeness::Completeness;
use super::emitter::Emitter;
use super::estimate::{CountStatus, RowEstimate};
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
use crate::zendesk::{self, Between, Client, Damaged, PageOutcome, Query};

/// The longest time between two STATE messages if records were emitted, and between two progress messages.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// The time after the clocks up to which the sync reads, in seconds: an event can be dated ahead of its time.
const BEYOND_NOW: i64 = 86_400;
/// The age of the youngest events that are counted, in seconds, for any look-back: younger events may still
/// be missing.
const TOO_YOUNG_TO_COUNT: i64 = 600;
/// The longest wait of a count in a comparison for the rate limiter; a later count is omitted.
const LONGEST_WAIT_FOR_A_COUNT: Duration = Duration::from_mins(5);

/// How a sync ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything has been emitted.
    Complete,
    /// A signal requested the shutdown; a STATE covers the emitted records.
    Stopped(Signal),
}

/// The parameters of a sync.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The stream.
    pub stream: &'static Stream,
    /// The largest number of requests in flight.
    pub most_in_flight: usize,
    /// The largest number of records of a page.
    pub page_size: u32,
    /// The largest displacement of a record in the server's listing, in seconds: the look-back.
    pub tolerance: i64,
    /// The prefix of log messages, if several streams are read at the same time.
    pub label: Option<&'static str>,
}

impl Reading {
    /// Adds the label to a log message.
    #[must_use]
    pub fn labelled(&self, message: String) -> String {
        match self.label {
            Some(label) => format!("{label}: {message}"),
            None => message,
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
    /// This machine's time at the start of the sync.
    machine_time: Second,
    progress: Progress,
    estimate: RowEstimate,
    running: bool,
}

impl Engine {
    /// Prepares a sync from the state of the ledger.
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

    /// Reads until everything has been emitted, a signal is received or a failure occurs. In each case, a
    /// STATE covers the emitted records, unless stdout failed.
    ///
    /// # Errors
    /// The failure of a request, or of stdout.
    pub async fn run(mut self, shutdown: &Shutdown) -> (SyncMetrics, Result<End>) {
        let end = self.read(shutdown).await;
        self.end(end).await
    }

    /// Ends the sync like this, with a STATE for what has been emitted; the first STATE is emitted in any case.
    pub async fn end(mut self, end: Result<End>) -> (SyncMetrics, Result<End>) {
        self.requests.abort_all();
        let claimed = match &end {
            Ok(End::Complete) => self.emitter.emit_state().await,
            Ok(End::Stopped(_)) | Err(_)
                if self.emitter.has_uncovered_records() || !self.emitter.has_emitted_state() =>
            {
                self.emitter.emit_state().await
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
            // Requests are sent before the received records are emitted, so that the server works in the
            // meantime.
            self.request();
            tokio::task::yield_now().await;
            while let Some((mut batch, reason)) = self.plan.take() {
                batch.decompress().map_err(|Damaged| Error::defect("a page in memory is damaged"))?;
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
            let is_due = if finished { !compared } else { self.emitter.completeness.is_part_full() };
            if is_due {
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
                let estimate = self.estimate.on_exceeded(self.emitter.metrics, self.clock.now());
                self.emit_estimate(estimate).await?;
                return Ok(End::Complete);
            }
            self.request();
            self.request_count();
            tokio::select! {
                biased;
                signal = shutdown.recv() => return Ok(End::Stopped(signal)),
                () = self.clock.reached(report_at) => self.report(&mut report_at).await?,
                result = self.requests.join_next() => self.process(result).await?,
            }
        }
    }

    /// Starts as many requests as should be in flight, if the plan has enough.
    fn request(&mut self) {
        let concurrency = self.set_concurrency();
        while self.requests.len() < concurrency {
            let Some((window, mut request)) = self.plan.next() else {
                return;
            };
            request.query.filters = Some(self.emitter.ledger.filters());
            let client = Arc::clone(&self.client);
            self.requests.spawn(async move { (window, client.page(&request).await) });
        }
    }

    /// Sets the number of requests to keep in flight, and returns it.
    fn set_concurrency(&mut self) -> usize {
        let concurrency = self.client.concurrency(self.reading.stream, self.reading.most_in_flight);
        self.plan.set_concurrency(concurrency);
        concurrency
    }

    async fn process(
        &mut self,
        result: Option<std::result::Result<(WindowId, zendesk::Result<PageOutcome>), JoinError>>,
    ) -> Result<()> {
        let (window, outcome) = match result {
            Some(Ok(result)) => result,
            Some(Err(error)) => return Err(of_task(error).into()),
            None => {
                return Err(Error::defect("the plan neither ends nor continues"));
            }
        };
        let outcome = outcome?;
        let is_page = matches!(outcome, PageOutcome::Page(_));
        if is_page {
            self.estimate.page_received();
        }
        // A failure is no evidence of the server's time, which determines the end of the sync.
        if !self.running && is_page {
            self.running = true;
            self.learn_server_time();
            let running = message::StreamStatus::Running;
            self.output.send(&stream_status(self.reading.stream, running, Vec::new(), self.clock.now())).await?;
        }
        // The first response contains the limit and shows the latency, which determine the length of its
        // window.
        self.set_concurrency();
        self.plan.process_response(window, outcome)?;
        self.emitter.metrics.held_peak = self.emitter.metrics.held_peak.max(self.plan.held());
        Ok(())
    }

    /// Processes the server's time from the first response: the sync reads up to a day after both clocks, and
    /// counts events up to before them.
    fn learn_server_time(&mut self) {
        let server = self.client.server_time();
        // If the clocks differ by less, the end is already after the server's time.
        let end = if server.since(self.machine_time) > BEYOND_NOW / 2 { server } else { self.machine_time };
        self.plan.set_present(server, end.plus(BEYOND_NOW));
        if self.reading.stream.counts == Counts::Unavailable {
            return;
        }
        let begin = self.emitter.ledger.begin();
        let start = self.emitter.ledger.cursor().map_or(begin, |cursor| begin.max(cursor.plus(1)));
        let end = server.minus(self.reading.tolerance.max(TOO_YOUNG_TO_COUNT));
        self.plan.set_counted_from(start);
        self.emitter.completeness = Completeness::new(Window { start, end: end.max(start) });
    }

    async fn emitted(&mut self, batch: &Batch) -> Result<()> {
        self.progress.record_first_event(batch.first());
        let estimate = self.estimate.on_count(self.emitter.metrics, self.clock.now());
        self.plan.set_count(self.estimate.records(self.emitter.metrics));
        self.emit_estimate(estimate).await
    }

    /// Requests the number of events once the sync has proved to be long. Nothing waits for the response.
    fn request_count(&mut self) {
        if self.reading.stream.counts != Counts::Unavailable && self.estimate.is_due() {
            let span = self.emitter.completeness.span();
            let span = if span.is_empty() { Window { start: span.start, end: self.emitter.now() } } else { span };
            let (client, query) = (Arc::clone(&self.client), self.count_query(span));
            self.estimate.request(async move { client.count(&query, Duration::MAX).await });
        }
    }

    fn count_query(&self, span: Window) -> Query {
        // The last second of the span is the one before its end.
        let between = Some(Between { start: span.start, end: span.end });
        Query { between, filters: Some(self.emitter.ledger.filters()), ..Query::newest(self.reading.stream) }
    }

    /// Compares the emitted records with the server's count. Windows that lack events are read again.
    async fn compare(&mut self, finished: bool) {
        let mut search = self.emitter.completeness.search(finished);
        if self.emitter.metrics.contradicting > 0 {
            // The server filters by a time that it does not display: a count belongs to no known records.
            search.give_up();
        }
        match self.estimate.count() {
            // The sync is short, or the first count failed: then no other counts are requested.
            CountStatus::NotRequested | CountStatus::Failed => search.give_up(),
            // The end of a sync does not wait for the count.
            CountStatus::Pending if finished => search.give_up(),
            CountStatus::Count(count) if finished && self.emitter.completeness.agrees(count) => return,
            CountStatus::Pending | CountStatus::Count(_) => {}
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
            let message = format!(
                "Zendesk counts {} events from {} to {} but returned only {} of them, also when they were read again. Compare the audit log of that time in the Admin Center; if events are missing in it as well, report it to Zendesk.",
                suspect.counted, suspect.window.start, suspect.window.end, suspect.read
            );
            self.output.warn(message).await?;
        }
        Ok(())
    }

    /// Emits the ESTIMATE, if there is one.
    async fn emit_estimate(&self, estimate: Option<Message>) -> Result<()> {
        match estimate {
            Some(estimate) => Ok(self.output.send(&estimate).await?),
            None => Ok(()),
        }
    }

    /// Emits the reports that are due once a minute.
    async fn report(&mut self, report_at: &mut Instant) -> Result<()> {
        let now = self.clock.instant();
        if now < *report_at {
            return Ok(());
        }
        *report_at = now + REPORT_INTERVAL;
        if self.emitter.has_uncovered_records() {
            self.emitter.emit_state().await?;
        }
        let now_of_day = self.clock.now();
        let estimate = self.estimate.on_count(self.emitter.metrics, now_of_day);
        let estimate = estimate.or_else(|| self.estimate.on_exceeded(self.emitter.metrics, now_of_day));
        self.emit_estimate(estimate).await?;
        let message = self.progress.line(ProgressFigures {
            elapsed: now.saturating_duration_since(self.began),
            events: self.emitter.metrics.records,
            expected: self.estimate.records(self.emitter.metrics),
            reached: self.emitter.ledger.cursor(),
            present: self.client.server_time(),
            requests: self.client.metrics_of(self.reading.stream).requests(),
            limit: if self.reading.stream.requests_per_minute.is_none() { self.client.limit() } else { None },
        });
        Ok(self.output.log(Level::Info, self.reading.labelled(message)).await?)
    }
}
