//! A chain of syncs of one connection: each one runs on its own runtime, in virtual time, and is judged.
//!
//! It must not decide what happens (`scenario`) or what must happen (`oracle`).

mod alarm;
mod stdout;

pub use alarm::Alarm;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use source_zendesk_audit_logs::airbyte::message::Level;
use source_zendesk_audit_logs::airbyte::{Output, OutputError};
use source_zendesk_audit_logs::clock::{Clock, RuntimeClock};
use source_zendesk_audit_logs::commands::Context;
use source_zendesk_audit_logs::commands::read::{Contents, Outcome, run_on};
use source_zendesk_audit_logs::error::Error;
use source_zendesk_audit_logs::second::Second;
use source_zendesk_audit_logs::secret::Redactor;
use source_zendesk_audit_logs::shutdown::{Shutdown, Signal};
use source_zendesk_audit_logs::zendesk::ProxyVariables;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, sleep_until};

use crate::coverage::Coverage;
use crate::oracle::{Checkpoint, Effort, Ended, Judge, Passed, Platform, Violation, Watch};
use crate::plants::Plant;
use crate::scenario::{Ending, HandBack, Lost, Mode, Scenario, Sync};
use crate::timeline::Timeline;
use crate::world::{Network, Pipe, World, machine_clock};

/// The upper bound of a sync's duration, in virtual time.
const LONGEST: Duration = Duration::from_hours(24);

/// The result of a chain.
#[derive(Debug)]
pub struct Report {
    /// The violations, with the index of the sync.
    pub violations: Vec<(usize, Violation)>,
    /// The reached kinds of events.
    pub coverage: Coverage,
    /// The timeline of the run.
    pub timeline: Timeline,
    /// The number of syncs.
    pub syncs: u64,
    /// The number of requests.
    pub requests: u64,
    /// The number of served pages.
    pub pages: u64,
    /// The largest shares of the allowed cost: see [`Effort::shares`].
    pub shares: [f64; 2],
    /// The largest size of records that were received and not yet written, in bytes.
    pub most_held: usize,
}

/// Runs a scenario, with or without a planted defect.
///
/// # Panics
/// If no runtime can be created.
#[must_use]
pub fn run(scenario: &Scenario, plant: Option<Plant>, timeline: Timeline) -> Report {
    let scenario = Arc::new(scenario.clone());
    let world = World::new(Arc::clone(&scenario), timeline);
    let mut platform = Platform::new(world.lock().tokens.configuration(), scenario.events.len());
    let mut violations = Vec::new();
    let (mut syncs, mut requests, mut pages) = (0, 0, 0);
    let (mut shares, mut most_held) = ([0.0; 2], 0);
    let mut checkpoint = platform.hand_back(HandBack::Last);
    for (index, sync) in scenario.syncs.iter().enumerate() {
        authorize(&world, &mut platform);
        let run = one(&world, index, sync, &checkpoint, &platform, plant);
        let mut state = world.lock();
        state.coverage.ended(run.ended);
        syncs += 1;
        requests += state.watch.attempts.len() as u64;
        pages += u64::from(state.watch.pages);
        let passed = Passed::sync(sync, run.began, checkpoint.passed);
        let effort = Effort::of(&scenario, sync, &state.watch, run.took, run.blocked);
        shares = larger(shares, effort.shares());
        most_held = state.watch.most_held.max(most_held);
        let judge = Judge {
            scenario: &scenario,
            sync,
            records: &state.records,
            watch: &state.watch,
            begun_from: &checkpoint,
            passed,
            ended: run.ended,
            took: run.took,
            effort,
        };
        let found = judge.judge(&run.received, &mut platform);
        for violation in found {
            state.note("VIOLATION", 0, || violation.to_string());
            violations.push((index, violation));
        }
        if !violations.is_empty() {
            break;
        }
        if let Some(next) = scenario.syncs.get(index + 1) {
            cover(&mut state.coverage, sync, next);
        }
        checkpoint = platform.hand_back(sync.hand_back);
        if scenario.mode == Mode::FullRefresh && run.ended == Ended::Complete {
            state.coverage.hit("a full refresh starts over");
            checkpoint = platform.start_over(scenario.events.len());
        }
        state.pass_gap();
    }
    let mut state = world.lock();
    let coverage = std::mem::take(&mut state.coverage);
    let timeline = std::mem::take(&mut state.timeline);
    Report { violations, coverage, timeline, syncs, requests, pages, shares, most_held }
}

/// Returns the element-wise maximum of two pairs.
#[must_use]
pub fn larger(one: [f64; 2], other: [f64; 2]) -> [f64; 2] {
    [one[0].max(other[0]), one[1].max(other[1])]
}

/// Counts the settings that differ in the next sync.
fn cover(coverage: &mut Coverage, sync: &Sync, next: &Sync) {
    for (differs, kind) in [
        (sync.hand_back != HandBack::Last, "an older STATE is restored"),
        (next.start_date != sync.start_date, "the start date changes"),
        (next.lookback < sync.lookback, "the look-back becomes shorter"),
        (next.lookback > sync.lookback, "the look-back becomes longer"),
        (next.page_size != sync.page_size, "the page size changes"),
    ] {
        if differs {
            coverage.hit(kind);
        }
    }
}

/// A customer whose refresh token is lost authorizes the client again.
fn authorize(world: &World, platform: &mut Platform) {
    let mut world = world.lock();
    if world.watch.pair_lost || !world.tokens.is_current(&platform.credentials) || world.tokens.is_revoked() {
        world.tokens.authorize_again();
        platform.credentials = world.tokens.configuration();
        world.coverage.hit("the customer authorizes again");
    }
}

/// A sync that has ended.
struct Run {
    ended: Ended,
    received: Vec<u8>,
    began: i64,
    took: i64,
    blocked: i64,
}

fn one(
    world: &World,
    index: usize,
    sync: &Sync,
    checkpoint: &Checkpoint,
    platform: &Platform,
    plant: Option<Plant>,
) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O can be created");
    let pipe = Pipe::new(sync.pipe, sync.consumer);
    let (began, ended, took, blocked) = runtime.block_on(async {
        let (began, started) = {
            let mut state = world.lock();
            state.begin(index);
            state.watch = Watch::new(&checkpoint.delivered);
            state.note("sync", index as u64, || format!("{index} begins: {sync:?}"));
            (state.now(), state.elapsed())
        };
        let contents = Contents {
            config: config(sync, &platform.credentials),
            catalog: catalog(world.lock().scenario.mode),
            state: plant.map_or_else(|| checkpoint.file(), |plant| plant.state(checkpoint.file())),
        };
        let ended = command(world, sync, contents, &pipe, plant).await;
        let mut state = world.lock();
        let took = state.elapsed() - started;
        state.note("end", index as u64, || format!("{index}: {ended:?}"));
        let ended_at = state.elapsed();
        state.watch.sync_ended(ended_at);
        state.end();
        (began, ended, took, i64::try_from(pipe.blocked().as_millis()).unwrap_or(i64::MAX))
    });
    // A killed process does nothing more.
    drop(runtime);
    let lost = match (ended, sync.ending) {
        (Ended::Killed, Some((_, Ending::Kill(lost)))) => lost,
        _ => Lost::Nothing,
    };
    Run { ended, received: pipe.drain(lost), began, took, blocked }
}

/// Runs the command until it ends or is killed.
async fn command(world: &World, sync: &Sync, contents: Contents, pipe: &Pipe, plant: Option<Plant>) -> Ended {
    let alarm = Alarm::new(sync.ending.map(|(trigger, _)| trigger));
    world.lock().watch.alarm = Some(alarm.clone());
    let (output, jobs) = Output::on_a_task(Level::Info);
    let stdout = stdout::Stdout::new(pipe.clone(), world.clone(), alarm.clone());
    let mut stdout: Pin<Box<dyn AsyncWrite + Send>> = match plant {
        Some(plant) => plant.stdout(Box::pin(stdout)),
        None => Box::pin(stdout),
    };
    let writer = tokio::spawn(async move { jobs.run(&mut stdout).await });
    tokio::spawn(pipe.clone().consume());
    let shutdown = Shutdown::default();
    let scenario = Arc::clone(&world.lock().scenario);
    let network = Arc::new(Network::of(world.clone()));
    let context = Context {
        output,
        clock: Clock::Runtime(RuntimeClock::new(machine_clock(world))),
        base_url: None,
        certificates: None,
        proxies: ProxyVariables::default(),
        seed: scenario.seed,
        timeouts: None,
        page_size: Some(scenario.page_size(sync)),
        transport: Some(match plant {
            Some(plant) => plant.transport(network),
            None => network,
        }),
        shutdown: shutdown.clone(),
        secrets: Redactor::default(),
    };
    let mut process = Box::pin(async move {
        let outcome = run_on(&context, contents).await;
        drop(context);
        let written = writer.await;
        match (outcome, written) {
            (Ok(outcome), Ok(Ok(()))) => match outcome {
                Outcome::Complete => Ended::Complete,
                Outcome::Failed => Ended::Failed,
                Outcome::Stopped(_) => Ended::Stopped,
            },
            (Err(Error::Output(OutputError::Closed)), _) | (Ok(_), Ok(Err(_))) => Ended::OutputClosed,
            _ => Ended::Silent,
        }
    });
    tokio::select! {
        biased;
        () = alarm.fired() => {
            world.lock().note("ending", 0, || format!("{:?}", sync.ending));
            match sync.ending {
                Some((_, Ending::Term)) => { shutdown.request(Signal::Terminate); }
                Some((_, Ending::Close)) => pipe.close(),
                _ => return Ended::Killed,
            }
        }
        ended = &mut process => return ended,
        () = longest(pipe) => return Ended::Hung,
    }
    tokio::select! {
        biased;
        ended = &mut process => ended,
        () = longest(pipe) => Ended::Hung,
    }
}

/// Waits for the largest allowed duration of a sync, plus the time in which the sync waits for its consumer.
async fn longest(pipe: &Pipe) {
    let began = Instant::now();
    loop {
        let end = began + LONGEST + pipe.blocked();
        if Instant::now() >= end {
            return;
        }
        sleep_until(end).await;
    }
}

fn config(sync: &Sync, credentials: &Value) -> Value {
    let mut config = json!({
        "subdomain": "simulated",
        "credentials": credentials,
        "lookback_window_minutes": sync.lookback,
        "rate_limit_percentage": sync.percentage,
    });
    if let Some(workers) = sync.workers {
        config["num_workers"] = workers.into();
    }
    if let Some(start) = sync.start_date {
        config["start_date"] = Second::from_unix(start).to_string().into();
    }
    config
}

fn catalog(mode: Mode) -> Value {
    let mode = match mode {
        Mode::Incremental => "incremental",
        Mode::FullRefresh => "full_refresh",
    };
    json!({ "streams": [{
        "stream": { "name": "audit_logs", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"] },
        "sync_mode": mode,
        "destination_sync_mode": "append",
    }] })
}
