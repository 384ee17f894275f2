//! The simulated world of one chain of syncs: true time, the API, the account, the tokens.
//!
//! It must not know what the connector has to do; the oracle does.

mod account;
mod listing;
mod network;
mod pipe;
mod records;
mod server;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use source_zendesk_audit_logs::zendesk::Outgoing;
use tokio::time::Instant;

pub use listing::{Cursor, Query};
pub use network::Network;
pub use pipe::Pipe;
pub use records::Records;
pub use server::Served;
pub use tokens::Tokens;

use crate::coverage::Coverage;
use crate::oracle::{Line, Watch};
use crate::scenario::{Fault, PRESENT, Scenario, Sync, mix};
use crate::timeline::Timeline;
use account::Account;
use listing::Listing;

/// A world; clones share it.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

/// The state of a world.
pub struct State {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The records of all events.
    pub records: Records,
    /// The access tokens.
    pub tokens: Tokens,
    /// The observations of the running sync.
    pub watch: Watch,
    /// The reached kinds of events.
    pub coverage: Coverage,
    /// The timeline.
    pub timeline: Timeline,
    listing: Listing,
    account: Account,
    /// The time from the start of the first sync to that of the current one, in milliseconds.
    before: i64,
    /// The start of the current sync, by the runtime's time.
    began: Option<Instant>,
    /// The index of the current sync.
    sync: usize,
    /// The status of all requests of this sync, if set.
    refusing: Option<u16>,
}

impl World {
    /// Creates the world of a scenario.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, timeline: Timeline) -> Self {
        let records = Records::of(&scenario.events, scenario.payload);
        let listing = Listing::of(&scenario.events);
        let account = Account::new(scenario.server.limits);
        let tokens = Tokens::new(scenario.credentials, scenario.server.token_life);
        Self(Arc::new(Mutex::new(State {
            scenario,
            records,
            tokens,
            watch: Watch::default(),
            coverage: Coverage::default(),
            timeline,
            listing,
            account,
            before: 0,
            began: None,
            sync: 0,
            refusing: None,
        })))
    }

    /// Locks the world; nothing may wait while it is locked.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Begins a sync; must be called on its runtime.
    pub fn begin(&mut self, sync: usize) {
        self.sync = sync;
        self.began = Some(Instant::now());
        self.refusing = None;
    }

    /// Ends a sync; must be called on its runtime. The next one begins after its gap.
    pub fn end(&mut self) {
        self.before = self.elapsed();
        self.began = None;
    }

    /// Advances the time to the next sync.
    pub fn pass_gap(&mut self) {
        self.before += self.sync().gap * 1_000;
    }

    /// Returns the running sync.
    #[must_use]
    pub fn sync(&self) -> &Sync {
        &self.scenario.syncs[self.sync]
    }

    /// Returns the milliseconds since the first sync began.
    #[must_use]
    pub fn elapsed(&self) -> i64 {
        let running = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        self.before + i64::try_from(running.as_millis()).unwrap_or(i64::MAX)
    }

    /// Returns the true time, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        PRESENT + self.elapsed().div_euclid(1_000)
    }

    /// Records an event of the current time.
    pub fn note(&mut self, what: &str, figure: u64, text: impl FnOnce() -> String) {
        let at = self.elapsed();
        self.timeline.note(at, what, figure, text);
    }

    /// Records a sent request; returns its number.
    fn sent(&mut self, request: &Outgoing) -> u32 {
        let at = self.elapsed();
        let url = &request.url;
        let number = self.watch.sent(at, !request.is_secret());
        self.note("request", u64::from(number), || {
            let query: Vec<String> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
            format!("#{number} {} {}?{}", request.method(), url.path(), query.join("&"))
        });
        number
    }

    /// Records a line on stdout.
    pub fn written(&mut self, line: &[u8]) {
        if !line.starts_with(br#"{"type":"RECORD""#) && !line.starts_with(br#"{"type":"CONTROL""#) {
            return self.note("stdout", line.len() as u64, || String::from_utf8_lossy(line).into_owned());
        }
        match Line::of(line) {
            Line::Record(data) => {
                let index = self.records.find(data);
                if let Some(index) = index {
                    self.watch.emitted(index, &self.records);
                }
                self.note("record", index.map_or(u64::MAX, |index| index as u64), || {
                    String::from_utf8_lossy(data).into_owned()
                });
            }
            Line::Message(message) => {
                self.tokens.handed_over(&message["control"]["connectorConfig"]["config"]);
                let text = message.to_string();
                self.note("stdout", text.len() as u64, || text);
            }
            Line::Log => {}
            Line::Broken(line) => self.note("stdout", line.len() as u64, || String::from_utf8_lossy(line).into_owned()),
        }
    }

    /// Returns the fault of an attempt.
    fn strike(&mut self, number: u32) -> Option<Fault> {
        let faults = &self.sync().faults;
        let fault = faults.iter().find(|(attempt, _)| *attempt == number).map(|(_, fault)| *fault)?;
        self.coverage.fault(fault);
        self.watch.fault(fault);
        Some(fault)
    }

    fn latency(&self, number: u32) -> Duration {
        let sync = self.sync();
        let seed = mix(self.scenario.seed ^ (self.sync as u64) << 32, number.into());
        network::latency(seed, sync.latency, sync.tail)
    }

    fn received(&mut self, number: u32, served: &Served) {
        let status = served.response.status;
        let reported = served.admission.is_some() && status != 429;
        self.watch.received(number, reported, &served.events, &self.records);
        let events = served.events.len();
        self.note("response", u64::from(number) ^ (u64::from(status) << 20), || {
            format!("#{number} {status}, {events} records{}", served.text)
        });
    }
}

/// Returns the function of a wrong clock, for [`source_zendesk_audit_logs::clock::RuntimeClock`].
#[must_use]
pub fn machine_clock(world: &World) -> Arc<dyn Fn(Duration) -> Timestamp + Send + std::marker::Sync> {
    let world = world.lock();
    let clock = world.sync().clock;
    let begins = PRESENT * 1_000 + world.elapsed() + clock.ahead * 1_000;
    Arc::new(move |elapsed| {
        let elapsed = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX / 2);
        let drift = elapsed.saturating_mul(clock.drift) / 1_000_000;
        let jump = clock.jump.filter(|(at, _)| elapsed >= at.cast_signed()).map_or(0, |(_, by)| by * 1_000);
        Timestamp::from_millisecond(begins + elapsed + drift + jump).unwrap_or_default()
    })
}
