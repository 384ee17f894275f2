//! A chain of syncs with faults and kills, drawn from a seed, and its result. Half of the chains read both streams.
//! The soak (`examples/soak.rs`) runs thousands of chains, the test (`tests/soak.rs`) some.
//!
//! In this process the clock is manual, so that backoff takes no time. The program that is killed by SIGKILL has a real
//! clock.

#![allow(dead_code, reason = "the test and the example each use a part of it")]

mod consumer;
mod interrupted;
mod mixture;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use source_zendesk_audit_logs::clock::ManualClock;
use source_zendesk_audit_logs::zendesk::Timeouts;
use zendesk_sandbox::{Fault, Faults, Sandbox, credentials};

use crate::harness::{Connection, sandbox};
use consumer::{Consumed, Consumer};
pub use interrupted::{Ended, Kill};
use mixture::{Mixture, Sync};

/// The upper bound of a sync's duration, by its own clock.
const LONGEST: Duration = Duration::from_hours(24);
/// Long enough for a machine under load.
const PATIENT: Timeouts =
    Timeouts { connect: Duration::from_secs(20), read: Duration::from_secs(20), total: Duration::from_secs(40) };
/// The server's wrong times differ by less than this, so it is uncertain which records its endpoint still
/// keeps.
const RETENTION_MARGIN: SignedDuration = SignedDuration::from_hours(2);
/// Changes the seed for the parameters of access logs.
const ACCESS_SALT: u64 = 0xacce_5510_6500_0000;
/// The timeouts for requests that may get no response.
const HASTY: Timeouts = Timeouts { read: Duration::from_millis(400), ..PATIENT };

/// The figures of one or more runs.
#[derive(Debug, Default)]
pub struct Report {
    pub runs: u64,
    pub syncs: u64,
    pub requests: u64,
    pub faults: BTreeMap<Fault, u64>,
    /// The number of kills before the end of a sync.
    pub kills: BTreeMap<Kill, u64>,
    pub events: u64,
    /// The number of runs that read both streams.
    pub access_records: u64,
    pub unavoidable: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub altered: u64,
    /// All violations, with the run's seed.
    pub violations: Vec<String>,
}

impl Report {
    pub fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.syncs += other.syncs;
        self.requests += other.requests;
        self.events += other.events;
        self.access_records += other.access_records;
        self.unavoidable += other.unavoidable;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.altered += other.altered;
        self.violations.extend(other.violations);
        for (fault, number) in other.faults {
            *self.faults.entry(fault).or_default() += number;
        }
        for (kill, number) in other.kills {
            *self.kills.entry(kill).or_default() += number;
        }
    }
}

/// One run: some syncs that are killed, some that are not, and a last one without faults.
/// `program` is the connector's binary.
pub fn run(seed: u64, program: &Path) -> Report {
    let mut rng = Rng::with_seed(seed);
    let mut access_rng = Rng::with_seed(seed ^ ACCESS_SALT);
    let mut mixture = Mixture::draw(&mut rng);
    mixture.draw_access_logs(&mut access_rng);
    let sandbox = sandbox(mixture.options.clone());
    let mut consumers = vec![Consumer::of(Consumed { stream: "audit_logs", disorder: mixture.disorder })];
    if let Some(disorder) = mixture.access_disorder {
        consumers.push(Consumer::of(Consumed { stream: "access_logs", disorder }));
    }
    let mut chain = Chain {
        connection: connection(&sandbox, &mut rng),
        sandbox,
        mixture,
        consumers,
        access_rng,
        report: Report { runs: 1, ..Report::default() },
    };
    for _ in 0..rng.u8(..6) {
        let kill = match rng.u8(..3) {
            0 if chain.mixture.program => Kill::Sigkill,
            0 | 1 => Kill::ClosedStdout,
            _ => Kill::Stop,
        };
        let after = chain.moment(&mut rng);
        let sync = chain.mixture.sync(&mut rng, kill == Kill::Sigkill);
        chain.sync(&sync, Some((kill, after)), program);
        chain.let_events_arrive(&mut rng);
    }
    for _ in 0..rng.u8(1..3) {
        let sync = chain.mixture.sync(&mut rng, false);
        chain.sync(&sync, None, program);
        chain.let_events_arrive(&mut rng);
    }
    let last = Sync { faults: Faults::default(), ..chain.mixture.sync(&mut rng, false) };
    chain.sync(&last, None, program);
    chain.close(seed)
}

/// Selects one of two authentication methods.
fn connection(sandbox: &Sandbox, rng: &mut Rng) -> Connection {
    if rng.bool() {
        return Connection::to(sandbox);
    }
    let client = json!({
        "auth_type": "client_credentials",
        "client_id": credentials::CLIENT_ID,
        "client_secret": credentials::CLIENT_SECRET
    });
    Connection::with(Some(sandbox.base_url()), client)
}

struct Chain {
    sandbox: Sandbox,
    mixture: Mixture,
    connection: Connection,
    /// One consumer for each stream that is read.
    consumers: Vec<Consumer>,
    access_rng: Rng,
    report: Report,
}

impl Chain {
    /// Returns all current and past records of a stream on the server.
    fn there(&self, stream: &str) -> Vec<String> {
        if stream == "audit_logs" { self.sandbox.records() } else { self.sandbox.access_records() }
    }

    /// Returns the time before which records may no longer be served.
    fn kept_since(&self, stream: &str) -> Option<Timestamp> {
        let days = i64::from(self.mixture.options.access_logs.retention_days);
        let oldest = self.sandbox.now() - SignedDuration::from_hours(24 * days) + RETENTION_MARGIN;
        (stream == "access_logs").then_some(oldest)
    }

    /// The byte of the output after which a sync is killed.
    fn moment(&self, rng: &mut Rng) -> usize {
        let left = |consumer: &Consumer| self.there(consumer.consumed.stream).len().saturating_sub(consumer.number());
        let left: usize = self.consumers.iter().map(left).sum();
        match rng.u8(..10) {
            0 => rng.usize(..3_000),
            1 => left * 600 + rng.usize(..100_000),
            _ => rng.usize(..left * 650 + 2_000),
        }
    }

    fn let_events_arrive(&mut self, rng: &mut Rng) {
        self.sandbox.advance_clock(SignedDuration::from_secs(rng.i64(0..3_600)));
        let now = self.sandbox.now();
        let count = if rng.bool() { rng.u64(..60) } else { 0 };
        self.sandbox.add_events(count, now - self.mixture.late(), now + SignedDuration::from_secs(1));
        if self.consumers.len() > 1 {
            let rng = &mut self.access_rng;
            let count = if rng.bool() { rng.u64(..60) } else { 0 };
            self.sandbox.add_access_events(count, now - self.mixture.late(), now + SignedDuration::from_secs(1));
        }
    }

    fn sync(&mut self, sync: &Sync, kill: Option<(Kill, usize)>, program: &Path) {
        let before: Vec<_> = self.consumers.iter().map(|consumer| self.there(consumer.consumed.stream)).collect();
        self.sandbox.set_faults(sync.faults.clone());
        let connection = &mut self.connection;
        for (field, value) in [
            ("num_workers", sync.workers),
            ("lookback_window_minutes", sync.lookback),
            ("rate_limit_percentage", sync.percentage),
        ] {
            connection.config[field] = json!(value);
        }
        connection.clock = ManualClock::new(self.sandbox.now() + sync.skew);
        connection.timeouts = Some(if sync.hasty { HASTY } else { PATIENT });
        let streams: Vec<_> = self.consumers.iter().map(|consumer| consumer.consumed.stream).collect();
        let states: Vec<_> = self.consumers.iter().filter_map(|consumer| consumer.state.clone()).collect();
        let arguments = connection.arguments_of(&streams, &states);
        let (stdout, ended) = match kill {
            Some((Kill::Sigkill, after)) => run_and_kill(program, connection, &arguments, after),
            kill => interrupted::run(connection, &arguments, kill),
        };
        self.report.syncs += 1;
        for (index, before) in before.iter().enumerate() {
            let kept_since = self.kept_since(self.consumers[index].consumed.stream);
            let consumer = &mut self.consumers[index];
            consumer.take(&stdout, ended);
            if consumer.status.as_deref() == Some("COMPLETE") {
                let lost = consumer.balance(before, kept_since).lost.len();
                if lost > 0 {
                    let stream = consumer.consumed.stream;
                    consumer.broken.push(format!("{lost} records of {stream} are missing after a COMPLETE"));
                }
            }
        }
        let incomplete = self.consumers.iter().any(|consumer| consumer.status.as_deref() == Some("INCOMPLETE"));
        match (kill, ended) {
            (_, Ended::Orderly(0)) => {}
            (_, Ended::Orderly(code)) if !incomplete => {
                self.consumers[0].broken.push(format!("exit code {code}, and no stream is INCOMPLETE"));
            }
            (Some((kill @ Kill::Stop, _)), Ended::Orderly(143)) | (Some((kill, _)), Ended::Killed) => {
                *self.report.kills.entry(kill).or_default() += 1;
            }
            (_, ended) => {
                let stdout = String::from_utf8_lossy(&stdout).into_owned();
                let error = stdout.lines().find(|line| line.contains("\"ERROR\"")).unwrap_or_default();
                self.consumers[0].broken.push(format!("{ended:?} with {kill:?}: {error}"));
            }
        }
        let took = self.connection.clock.elapsed();
        if took > LONGEST {
            self.consumers[0].broken.push(format!("a sync took {} hours", took.as_secs() / 3_600));
        }
    }

    fn close(mut self, seed: u64) -> Report {
        self.report.requests = self.sandbox.requests().len() as u64;
        self.report.faults = self.sandbox.faults_injected();
        for consumer in std::mem::take(&mut self.consumers) {
            let stream = consumer.consumed.stream;
            let there = self.there(stream);
            let balance = consumer.balance(&there, self.kept_since(stream));
            let report = &mut self.report;
            *(if stream == "audit_logs" { &mut report.events } else { &mut report.access_records }) +=
                there.len() as u64;
            report.unavoidable += consumer.unavoidable;
            report.lost += balance.lost.len() as u64;
            report.altered += balance.altered.len() as u64;
            report.duplicated += consumer.duplicated.len() as u64;
            for (what, texts) in
                [("lost", balance.lost), ("altered", balance.altered), ("duplicated", consumer.duplicated)]
            {
                if let Some(first) = texts.first() {
                    report.violations.push(format!("--seed {seed}: {} {what}, such as {first}", texts.len()));
                }
            }
            report.violations.extend(consumer.broken.into_iter().map(|what| format!("--seed {seed}: {what}")));
        }
        self.report
    }
}

/// Runs the program and kills it after this number of bytes of output. The bytes that it had written are
/// still received.
fn run_and_kill(program: &Path, connection: &Connection, arguments: &[String], after: usize) -> (Vec<u8>, Ended) {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(connection.base_url.iter().map(|url| ("ZENDESK_BASE_URL", url)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdout.take().expect("a pipe");
    let mut stdout = Vec::new();
    let limit = u64::try_from(after).expect("some bytes");
    pipe.by_ref().take(limit).read_to_end(&mut stdout).expect("the pipe is read");
    // If the program has already ended, its exit code is returned.
    let _ = child.kill();
    pipe.read_to_end(&mut stdout).expect("the pipe is read");
    let status = child.wait().expect("the program ends");
    let ended = match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => Ended::Orderly(code),
        None => Ended::Killed,
    };
    (stdout, ended)
}
