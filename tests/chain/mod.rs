//! A chain of syncs with faults and kills, drawn from a seed, and its result. The soak (`examples/soak.rs`)
//! runs thousands of chains, the test (`tests/soak.rs`) some.
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
use jiff::SignedDuration;
use serde_json::json;
use source_zendesk_audit_logs::clock::ManualClock;
use source_zendesk_audit_logs::zendesk::Timeouts;
use zendesk_sandbox::{Fault, Faults, Sandbox, credentials};

use crate::harness::{Connection, sandbox};
use consumer::Consumer;
pub use interrupted::{Ended, Kill};
use mixture::{Mixture, Sync};

/// The upper bound of a sync's duration, by its own clock.
const LONGEST: Duration = Duration::from_hours(24);
/// Long enough for a machine under load.
const PATIENT: Timeouts =
    Timeouts { connect: Duration::from_secs(20), read: Duration::from_secs(20), total: Duration::from_secs(40) };
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
    let mixture = Mixture::draw(&mut rng);
    let sandbox = sandbox(mixture.options.clone());
    let disorder = mixture.disorder;
    let mut chain = Chain {
        connection: connection(&sandbox, &mut rng),
        sandbox,
        mixture,
        consumer: Consumer::of(disorder),
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
    consumer: Consumer,
    report: Report,
}

impl Chain {
    /// The byte of the output after which a sync is killed.
    fn moment(&self, rng: &mut Rng) -> usize {
        let left = self.sandbox.records().len().saturating_sub(self.consumer.number());
        match rng.u8(..10) {
            0 => rng.usize(..3_000),
            1 => left * 600 + rng.usize(..100_000),
            _ => rng.usize(..left * 650 + 2_000),
        }
    }

    fn let_events_arrive(&self, rng: &mut Rng) {
        self.sandbox.advance_clock(SignedDuration::from_secs(rng.i64(0..3_600)));
        let now = self.sandbox.now();
        let count = if rng.bool() { rng.u64(..60) } else { 0 };
        self.sandbox.add_events(count, now - self.mixture.late(), now + SignedDuration::from_secs(1));
    }

    fn sync(&mut self, sync: &Sync, kill: Option<(Kill, usize)>, program: &Path) {
        let before = self.sandbox.records();
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
        let arguments = connection.arguments(self.consumer.state.as_ref());
        let (stdout, ended) = match kill {
            Some((Kill::Sigkill, after)) => run_and_kill(program, connection, &arguments, after),
            kill => interrupted::run(connection, &arguments, kill),
        };
        self.report.syncs += 1;
        self.consumer.take(&stdout, ended);
        match (kill, ended) {
            (_, Ended::Orderly(0)) => {
                let lost = self.consumer.balance(&before).lost.len();
                if lost > 0 {
                    self.consumer.broken.push(format!("{lost} records are missing after a COMPLETE"));
                }
            }
            (Some((kill @ Kill::Stop, _)), Ended::Orderly(143)) | (Some((kill, _)), Ended::Killed) => {
                *self.report.kills.entry(kill).or_default() += 1;
            }
            (_, ended) => {
                let stdout = String::from_utf8_lossy(&stdout).into_owned();
                let error = stdout.lines().find(|line| line.contains("\"ERROR\"")).unwrap_or_default();
                self.consumer.broken.push(format!("{ended:?} with {kill:?}: {error}"));
            }
        }
        let took = self.connection.clock.elapsed();
        if took > LONGEST {
            self.consumer.broken.push(format!("a sync took {} hours", took.as_secs() / 3_600));
        }
    }

    fn close(mut self, seed: u64) -> Report {
        let there = self.sandbox.records();
        let balance = self.consumer.balance(&there);
        let report = &mut self.report;
        report.requests = self.sandbox.requests().len() as u64;
        report.faults = self.sandbox.faults_injected();
        report.events = there.len() as u64;
        report.unavoidable = self.consumer.unavoidable;
        report.lost = balance.lost.len() as u64;
        report.altered = balance.altered.len() as u64;
        report.duplicated = self.consumer.duplicated.len() as u64;
        for (what, texts) in
            [("lost", balance.lost), ("altered", balance.altered), ("duplicated", self.consumer.duplicated)]
        {
            if let Some(first) = texts.first() {
                report.violations.push(format!("--seed {seed}: {} {what}, such as {first}", texts.len()));
            }
        }
        report.violations.extend(self.consumer.broken.into_iter().map(|what| format!("--seed {seed}: {what}")));
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
