//! The sync itself: fetches what the plan asks for, puts out what the ledger lets through, and
//! claims it with STATE messages.
//!
//! Requests run as tasks of their own, so that a consumer that stops reading stops the sync without
//! holding up what is under way. Everything else happens on one task, in one loop, in order.
//!
//! It must not decide what to fetch (`plan.rs`), what has been seen (`ledger.rs`) or whether to try
//! again (`zendesk`), and must not write a STATE for a record that has not been written before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::estimate::Estimate;
use super::ledger::Ledger;
use super::plan::{Plan, WindowId};
use super::progress::{Figures, Progress};
use super::walk::{Portion, Window};
use crate::airbyte::message::{self, Level, Message, SourceStats, State, StreamState, stream_status};
use crate::airbyte::{Output, RecordLines};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::panics::of_task;
use crate::second::Second;
use crate::shutdown::{Shutdown, Signal};
use crate::stream::AUDIT_LOGS;
use crate::zendesk::{self, Client, PageOutcome, PageRequest};

/// Records between two STATE messages, at most.
const RECORDS_PER_STATE: u64 = 5_000;
/// Time between two STATE messages, at most, if records went out; and between two lines of progress.
const BEAT: Duration = Duration::from_mins(1);
/// How far beyond this machine's clock is read, in seconds: it may be wrong, and there is nothing
/// beyond the server's.
const BEYOND_NOW: i64 = 86_400;

/// How a sync ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything there is has gone out.
    Complete,
    /// A signal asked to stop; what went out is claimed.
    Stopped(Signal),
}

/// Figures of a sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// RECORD messages.
    pub records: u64,
    /// Records that had gone out before and were left out.
    pub repeated: u64,
    /// RECORD messages for records without a usable `created_at`.
    pub undated: u64,
    /// Bytes of the records that have gone out.
    pub bytes: u64,
    /// The newest `created_at` that has gone out, in this sync or one before.
    pub newest: Option<Second>,
}

/// A sync of the stream.
pub struct Engine {
    client: Arc<Client>,
    output: Output,
    clock: Clock,
    plan: Plan,
    ledger: Ledger,
    workers: usize,
    requests: JoinSet<(WindowId, zendesk::Result<PageOutcome>)>,
    tally: Tally,
    began: Instant,
    progress: Progress,
    estimate: Estimate,
    unclaimed: u64,
    claimed_once: bool,
    running: bool,
    warned: bool,
}

impl Engine {
    /// Prepares a sync from where the ledger stands. `tolerance` is the look-back, in seconds.
    #[must_use]
    pub fn new(
        client: Arc<Client>,
        output: Output,
        clock: Clock,
        ledger: Ledger,
        workers: usize,
        tolerance: i64,
    ) -> Self {
        let start = ledger.begin();
        let now = Second::containing(clock.now());
        let window = Window { start, end: now.max(start).plus(BEYOND_NOW) };
        Self {
            began: clock.instant(),
            client,
            output,
            clock,
            plan: Plan::new(window, workers, tolerance),
            workers,
            requests: JoinSet::new(),
            tally: Tally { newest: ledger.cursor(), ..Tally::default() },
            progress: Progress::new(start),
            estimate: Estimate::new(window, ledger.filters(), ledger.known()),
            ledger,
            unclaimed: 0,
            claimed_once: false,
            running: false,
            warned: false,
        }
    }

    /// Reads until everything has gone out, a signal comes or something fails. What has gone out is
    /// claimed by a STATE in each case, unless stdout is what failed.
    ///
    /// # Errors
    /// The failure of a request, or of stdout.
    pub async fn run(mut self, shutdown: &Shutdown) -> (Tally, Result<End>) {
        let end = self.read(shutdown).await;
        self.requests.abort_all();
        let claimed = match &end {
            Ok(End::Complete) => self.claim().await,
            Ok(End::Stopped(_)) | Err(_) if self.unclaimed > 0 || !self.claimed_once => self.claim().await,
            _ => Ok(()),
        };
        let end = end.and_then(|end| claimed.map(|()| end));
        self.tally.newest = self.ledger.cursor();
        (self.tally, end)
    }

    async fn read(&mut self, shutdown: &Shutdown) -> Result<End> {
        let mut beat = self.clock.instant() + BEAT;
        loop {
            // On its way before what has just come goes out: the server works meanwhile.
            self.request();
            tokio::task::yield_now().await;
            while let Some(portion) = self.plan.take() {
                self.emit(&portion).await?;
                self.keep_up(&mut beat).await?;
                if let Some(signal) = shutdown.signal() {
                    return Ok(End::Stopped(signal));
                }
            }
            if self.plan.is_finished() {
                let estimate = self.estimate.exceeded(self.tally, self.clock.now());
                self.tell(estimate).await?;
                return Ok(End::Complete);
            }
            self.request();
            self.estimate.goes_on(&self.client);
            tokio::select! {
                biased;
                signal = shutdown.recv() => return Ok(End::Stopped(signal)),
                () = self.clock.reached(beat) => self.keep_up(&mut beat).await?,
                answer = self.requests.join_next() => self.arrived(answer).await?,
            }
        }
    }

    /// Starts as many requests as there are workers, if the plan has so many.
    fn request(&mut self) {
        while self.requests.len() < self.workers {
            let Some((window, mut query)) = self.plan.next() else {
                return;
            };
            query.filters = Some(self.ledger.filters());
            let client = Arc::clone(&self.client);
            self.requests.spawn(async move { (window, client.page(&PageRequest::retried(query)).await) });
        }
    }

    async fn arrived(
        &mut self,
        answer: Option<std::result::Result<(WindowId, zendesk::Result<PageOutcome>), tokio::task::JoinError>>,
    ) -> Result<()> {
        let (window, fetched) = match answer {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return Err(of_task(error).into()),
            None => {
                return Err(Error::defect("the plan neither ends nor goes on"));
            }
        };
        let fetched = fetched?;
        if !self.running {
            self.running = true;
            self.plan.set_present(self.client.server_time());
            self.output
                .send(&stream_status(&AUDIT_LOGS, message::StreamStatus::Running, Vec::new(), self.clock.now()))
                .await?;
        }
        self.plan.arrived(window, fetched)
    }

    async fn emit(&mut self, portion: &Portion) -> Result<()> {
        let records = portion.records();
        if self.unclaimed + records.len() as u64 > RECORDS_PER_STATE {
            self.claim().await?;
        }
        let began = self.client.server_time();
        let mut lines = RecordLines::new(&AUDIT_LOGS, self.clock.now(), portion.size() + records.len() * 100);
        for (record, until) in records {
            if !self.ledger.enter(&record.identity, record.created_at, until, began) {
                self.tally.repeated += 1;
                continue;
            }
            let text = portion.text(record);
            lines.push(text);
            self.tally.records += 1;
            self.tally.bytes += text.len() as u64;
            self.unclaimed += 1;
            self.tally.undated += u64::from(record.created_at.is_none());
        }
        self.output.lines(lines.into_bytes()).await?;
        self.progress.came(portion.first());
        self.estimate.page_went_out();
        let estimate = self.estimate.answered(self.tally, self.clock.now());
        self.tell(estimate).await
    }

    /// Puts out an ESTIMATE, if there is one to put out.
    async fn tell(&self, estimate: Option<Message>) -> Result<()> {
        match estimate {
            Some(estimate) => Ok(self.output.send(&estimate).await?),
            None => Ok(()),
        }
    }

    /// Claims what has gone out since the last STATE, behind it on the same pipe.
    async fn claim(&mut self) -> Result<()> {
        let snapshot = self.ledger.snapshot();
        if snapshot.truncated && !self.warned {
            self.warned = true;
            let words = "So many events lie within the look-back window that not all of their ids fit into the state: some may come twice in the next sync, none is lost. A shorter lookback_window_minutes avoids it.";
            self.output.log(Level::Warn, words).await?;
        }
        let state = State::Stream {
            stream: StreamState { stream_descriptor: (&AUDIT_LOGS).into(), stream_state: snapshot.state.to_value() },
            source_stats: SourceStats { record_count: count(self.unclaimed) },
        };
        self.output.send(&Message::State { state }).await?;
        self.unclaimed = 0;
        self.claimed_once = true;
        Ok(self.output.flush().await?)
    }

    /// What is due once a minute.
    async fn keep_up(&mut self, beat: &mut Instant) -> Result<()> {
        let now = self.clock.instant();
        if now < *beat {
            return Ok(());
        }
        *beat = now + BEAT;
        if self.unclaimed > 0 {
            self.claim().await?;
        }
        let now_of_day = self.clock.now();
        let estimate = self.estimate.answered(self.tally, now_of_day);
        let estimate = estimate.or_else(|| self.estimate.exceeded(self.tally, now_of_day));
        self.tell(estimate).await?;
        let words = self.progress.line(Figures {
            elapsed: now.saturating_duration_since(self.began),
            events: self.tally.records,
            expected: self.estimate.records(self.tally),
            reached: self.ledger.cursor(),
            present: self.client.server_time(),
            requests: self.client.metrics().requests(),
            limit: self.client.limit(),
        });
        Ok(self.output.log(Level::Info, words).await?)
    }
}

/// The protocol writes counts as numbers with a decimal point.
#[expect(clippy::cast_precision_loss, reason = "a state claims some thousands of records")]
fn count(records: u64) -> f64 {
    records as f64
}
