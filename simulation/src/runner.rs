//! Runs many seeds on several threads: progress, figures and violations.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crate::chain;
use crate::coverage::Coverage;
use crate::oracle::{Kind, Violation};
use crate::plants::Plant;
use crate::scenario::Scenario;
use crate::timeline::Timeline;

/// The number of seeds that a thread runs before it reports.
const BATCH: u64 = 64;

/// The seeds to run.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// The number of seeds.
    pub seeds: u64,
    /// The first seed.
    pub first: u64,
    /// The number of threads.
    pub threads: usize,
    /// A planted defect.
    pub plant: Option<Plant>,
    /// The condition for an early end.
    pub stop: Stop,
}

/// The condition for an early end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Never.
    Never,
    /// With the first violation.
    AtFirst,
}

/// The result of many seeds.
#[derive(Debug, Default)]
pub struct Total {
    /// The number of seeds.
    pub seeds: u64,
    /// The number of syncs.
    pub syncs: u64,
    /// The number of requests.
    pub requests: u64,
    /// The number of served pages.
    pub pages: u64,
    /// The largest shares of the allowed requests and of the allowed duration that a sync has used.
    pub shares: [f64; 2],
    /// The largest size of records that a sync had received and not yet written, in bytes.
    pub most_held: usize,
    /// The reached kinds of events.
    pub coverage: Coverage,
    /// The seeds with a violation, the lowest first.
    pub found: BTreeMap<u64, Violation>,
    /// The number of violations of each kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// The elapsed real time.
    pub took: Duration,
}

impl Total {
    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.syncs += other.syncs;
        self.requests += other.requests;
        self.pages += other.pages;
        self.shares = chain::larger(self.shares, other.shares);
        self.most_held = self.most_held.max(other.most_held);
        self.coverage.add(&other.coverage);
        self.found.extend(other.found);
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
    }

    /// Returns the seeds per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn pace(&self) -> f64 {
        self.seeds as f64 / self.took.as_secs_f64().max(0.001)
    }
}

/// Runs the seeds of a task, and calls `progress` repeatedly with the result so far.
pub fn run(task: Task, mut progress: impl FnMut(&Total)) -> Total {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let mut total = Total::default();
    std::thread::scope(|scope| {
        let (sender, totals) = channel();
        for _ in 0..task.threads.max(1) {
            let sender = sender.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || work(task, next, stop, &sender));
        }
        drop(sender);
        for part in totals {
            total.add(part);
            total.took = began.elapsed();
            progress(&total);
        }
    });
    total.took = began.elapsed();
    total
}

fn work(task: Task, next: &AtomicU64, stop: &AtomicBool, sender: &Sender<Total>) {
    loop {
        let first = next.fetch_add(BATCH, Ordering::Relaxed);
        if first >= task.seeds || stop.load(Ordering::Relaxed) {
            return;
        }
        let mut part = Total::default();
        for number in first..(first + BATCH).min(task.seeds) {
            let seed = task.first + number;
            let scenario = Scenario::draw(seed);
            let report = chain::run(&scenario, task.plant, Timeline::new(false));
            part.seeds += 1;
            part.syncs += report.syncs;
            part.requests += report.requests;
            part.pages += report.pages;
            part.shares = chain::larger(part.shares, report.shares);
            part.most_held = part.most_held.max(report.most_held);
            part.coverage.add(&report.coverage);
            let counts = |kind| task.plant.is_none_or(|plant| plant.shows_as().contains(&kind));
            if let Some((_, violation)) = report.violations.into_iter().find(|(_, violation)| counts(violation.kind)) {
                // A violation that the seed also shows without the plant does not count.
                if task.plant.is_some() && !chain::run(&scenario, None, Timeline::new(false)).violations.is_empty() {
                    continue;
                }
                *part.kinds.entry(violation.kind).or_default() += 1;
                part.found.insert(seed, violation);
                if task.stop == Stop::AtFirst {
                    stop.store(true, Ordering::Relaxed);
                    break;
                }
            }
        }
        if sender.send(part).is_err() {
            return;
        }
    }
}
