//! Shrinks a scenario while it shows a violation of the same kind.
//!
//! It must not know the meaning of a violation.

use crate::chain;
use crate::oracle::Kind;
use crate::plants::Plant;
use crate::scenario::{Consumer, HandBack, MachineClock, Scenario};
use crate::timeline::Timeline;

/// The largest number of runs for shrinking.
const MOST_RUNS: u32 = 4_000;

/// Returns the smallest scenario that it finds.
#[must_use]
pub fn shrink(scenario: &Scenario, plant: Option<Plant>, kind: Kind) -> Scenario {
    let mut shrinker = Shrinker { best: scenario.clone(), plant, kind, runs: 0 };
    loop {
        let before = shrinker.best.clone();
        shrinker.drop_syncs();
        shrinker.drop_events();
        shrinker.drop_faults();
        shrinker.calm();
        if shrinker.best == before || shrinker.runs >= MOST_RUNS {
            return shrinker.best;
        }
    }
}

struct Shrinker {
    best: Scenario,
    plant: Option<Plant>,
    kind: Kind,
    runs: u32,
}

impl Shrinker {
    /// Keeps a change if the violation still occurs.
    fn try_change(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        if self.runs >= MOST_RUNS {
            return false;
        }
        let mut changed = self.best.clone();
        change(&mut changed);
        if changed == self.best {
            return false;
        }
        self.runs += 1;
        let report = chain::run(&changed, self.plant, Timeline::new(false));
        let shows = report.violations.iter().any(|(_, violation)| violation.kind == self.kind);
        if shows {
            self.best = changed;
        }
        shows
    }

    fn drop_syncs(&mut self) {
        let mut index = 0;
        while index < self.best.syncs.len() {
            if self.best.syncs.len() == 1 || !self.try_change(|scenario| drop(scenario.syncs.remove(index))) {
                index += 1;
            }
        }
    }

    /// Removes halves, then quarters, and so on.
    fn drop_events(&mut self) {
        let mut size = self.best.events.len();
        while size > 0 {
            let mut first = 0;
            while first < self.best.events.len() {
                let last = (first + size).min(self.best.events.len());
                if !self.try_change(|scenario| drop(scenario.events.drain(first..last))) {
                    first = last;
                }
            }
            size /= 2;
        }
    }

    fn drop_faults(&mut self) {
        for sync in 0..self.best.syncs.len() {
            let mut index = 0;
            while index < self.best.syncs[sync].faults.len() {
                if !self.try_change(|scenario| {
                    scenario.syncs[sync].faults.remove(index);
                }) {
                    index += 1;
                }
            }
        }
    }

    /// Removes every peculiarity that is not needed.
    fn calm(&mut self) {
        for sync in 0..self.best.syncs.len() {
            self.try_change(|scenario| scenario.syncs[sync].ending = None);
            self.try_change(|scenario| scenario.syncs[sync].consumer = Consumer::Quick);
            self.try_change(|scenario| scenario.syncs[sync].pipe = 65_536);
            self.try_change(|scenario| scenario.syncs[sync].clock = MachineClock::default());
            self.try_change(|scenario| scenario.syncs[sync].hand_back = HandBack::Last);
            self.try_change(|scenario| scenario.syncs[sync].tail = 0);
            self.try_change(|scenario| scenario.syncs[sync].latency = 1);
            self.try_change(|scenario| scenario.syncs[sync].gap = 0);
            self.try_change(|scenario| scenario.syncs[sync].start_date = None);
            self.try_change(|scenario| scenario.syncs[sync].page_size = None);
            self.try_change(|scenario| scenario.syncs[sync].workers = Some(1));
            self.try_change(|scenario| scenario.syncs[sync].percentage = 100);
        }
        let calm = crate::scenario::Server::calm();
        self.try_change(|scenario| scenario.server.limits = calm.limits);
        self.try_change(|scenario| scenario.server.empty_pages = 0);
        self.try_change(|scenario| scenario.server.heavy_days = None);
        self.try_change(|scenario| scenario.server.heavy_depth = None);
        self.try_change(|scenario| scenario.server.cursor_life = None);
        self.try_change(|scenario| scenario.server.ties = calm.ties);
        self.try_change(|scenario| scenario.server.cursors = calm.cursors);
        self.try_change(|scenario| scenario.server.filtering = calm.filtering);
        self.try_change(|scenario| scenario.server.start = calm.start);
        self.try_change(|scenario| scenario.server.end = calm.end);
        self.try_change(|scenario| scenario.server.date_ahead = Some(0));
        self.try_change(|scenario| scenario.server.token_life = calm.token_life);
        self.try_change(|scenario| scenario.mode = crate::scenario::Mode::Incremental);
        self.try_change(|scenario| scenario.payload = 0);
        self.try_change(|scenario| scenario.credentials = crate::scenario::Credentials::Pasted);
        for event in 0..self.best.events.len() {
            self.try_change(|scenario| scenario.events[event].listed = scenario.events[event].shown);
            self.try_change(|scenario| scenario.events[event].visible = scenario.events[event].shown);
        }
    }
}
