//! Judges a sync by what the platform received, how it ended, and what was seen of it meanwhile.

use std::rc::Rc;

use serde_json::Value;

use super::due::{Passed, is_due};
use super::output::{Line, lines};
use super::platform::{Checkpoint, Platform};
use super::{Kind, Violation, Watch, cursor, quota};
use crate::scenario::{Ending, Fault, Form, HandBack, Scenario, Sync};
use crate::world::Records;

/// How a sync ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything was read.
    Complete,
    /// It failed and said why.
    Failed,
    /// It was asked to stop.
    Stopped,
    /// stdout was closed.
    OutputClosed,
    /// It was killed.
    Killed,
    /// It failed without a word on stdout.
    Silent,
    /// It did not end.
    Hung,
}

/// The most bytes that may be received and not written yet.
const MOST_HELD: usize = 24 << 20;

/// Seconds that a server may ask a sync to wait, all together, before it may give up.
const MOST_PATIENCE: u32 = 1_200;

/// What is known of a sync that has ended.
pub struct Judge<'j> {
    /// The history and everything else.
    pub scenario: &'j Scenario,
    /// The sync.
    pub sync: &'j Sync,
    /// The records of all events.
    pub records: &'j Records,
    /// What was seen meanwhile.
    pub watch: &'j Watch,
    /// What the sync was handed.
    pub begun_from: &'j Checkpoint,
    /// When it began.
    pub passed: Passed,
    /// How it ended.
    pub ended: Ended,
    /// How long it took, in milliseconds.
    pub took: i64,
}

/// What stood in the output.
#[derive(Default)]
struct Told {
    errors: Vec<(String, String)>,
    statuses: Vec<String>,
    unclaimed: u64,
    states: u32,
}

impl Judge<'_> {
    /// Judges, and gives the platform what it received.
    pub fn judge(&self, received: &[u8], platform: &mut Platform) -> Vec<Violation> {
        let mut violations = self.watch.violations.clone();
        let mut delivered: Vec<bool> = (*self.begun_from.delivered).clone();
        let told = self.read(received, &mut delivered, platform, &mut violations);
        self.judge_end(&told, &mut violations);
        // What stood in a pipe that the consumer has closed was written, and is nobody's.
        let closed = matches!(self.sync.ending, Some((_, Ending::Close)));
        if self.ended == Ended::Complete && !closed {
            self.judge_completeness(&delivered, &mut violations);
            if self.is_in_order() {
                violations.extend(cursor::behind(
                    self.scenario,
                    &platform.hand_back(HandBack::Last),
                    self.passed.began,
                ));
            }
        }
        violations.extend(quota::exceeded(self.watch, &self.scenario.server.limits, self.sync));
        if self.watch.most_held > MOST_HELD {
            violations.push(Violation::new(Kind::HoldsTooMuch, format!("{} bytes", self.watch.most_held)));
        }
        violations
    }

    fn read(
        &self,
        received: &[u8],
        delivered: &mut [bool],
        platform: &mut Platform,
        violations: &mut Vec<Violation>,
    ) -> Told {
        let mut told = Told::default();
        let mut newest = i64::MIN;
        let in_order = self.is_in_order();
        for line in lines(received) {
            match line {
                Line::Record(data) => {
                    told.unclaimed += 1;
                    let Some(index) = self.records.find(data) else {
                        let words = String::from_utf8_lossy(data).into_owned();
                        violations.push(Violation::new(Kind::Altered, words));
                        continue;
                    };
                    let event = &self.scenario.events[index];
                    if std::mem::replace(&mut delivered[index], true) && self.must_be_known(index) {
                        violations.push(Violation::new(Kind::Twice, format!("{event:?}")));
                    }
                    if in_order && event.shown < newest && event.visible <= self.passed.first_began {
                        violations.push(Violation::new(Kind::Unordered, format!("{event:?} after {newest}")));
                    }
                    if in_order && event.form != Form::Undated {
                        newest = newest.max(event.shown);
                    }
                }
                Line::Message(message) => told.read_message(&message, delivered, platform, violations),
                Line::Log => {}
                Line::Broken(line) => {
                    let words = String::from_utf8_lossy(line).into_owned();
                    violations.push(Violation::new(Kind::BadOutput, words));
                }
            }
        }
        told
    }

    /// If records must leave in ascending order: nothing in the history is out of its place.
    fn is_in_order(&self) -> bool {
        self.scenario.events.iter().all(|event| event.displacement() == 0 && event.form != Form::Undated)
            && !self
                .watch
                .faults
                .iter()
                .any(|fault| matches!(fault, Fault::Swapped | Fault::RecordTwice | Fault::Omitted))
    }

    /// If a record that has been claimed may not come again. Where a record without a date belongs is a guess.
    fn must_be_known(&self, index: usize) -> bool {
        let event = &self.scenario.events[index];
        let disorder = self.scenario.events.iter().any(|event| event.displacement() > 0);
        !(event.form == Form::Undated && disorder)
    }

    fn judge_end(&self, told: &Told, violations: &mut Vec<Violation>) {
        let mut wrong = |kind, words: String| violations.push(Violation::new(kind, words));
        let ending = self.sync.ending.map(|(_, ending)| ending);
        let last = told.statuses.last().map(String::as_str);
        match self.ended {
            Ended::Hung => wrong(Kind::Hangs, format!("it runs after {} s", self.took / 1_000)),
            Ended::Silent => wrong(Kind::WrongEnd, "it failed without a message".to_owned()),
            Ended::OutputClosed if ending != Some(Ending::Close) => {
                wrong(Kind::WrongEnd, "it says that stdout is closed".to_owned());
            }
            Ended::Stopped if ending != Some(Ending::Term) => {
                wrong(Kind::WrongEnd, "it says that it was asked to stop".to_owned());
            }
            _ if ending == Some(Ending::Close) => {}
            Ended::Complete if last != Some("COMPLETE") => {
                wrong(Kind::BadOutput, format!("the last status is {last:?}"));
            }
            Ended::Failed | Ended::Stopped if last != Some("INCOMPLETE") => {
                wrong(Kind::BadOutput, format!("the last status is {last:?}"));
            }
            _ => {}
        }
        if self.ended == Ended::Failed {
            self.judge_failure(told, violations);
        } else if let Some((_, words)) = told.errors.first()
            && matches!(self.ended, Ended::Complete | Ended::Stopped)
        {
            violations.push(Violation::new(Kind::WrongFailure, format!("{:?} with an error: {words}", self.ended)));
        }
        // What a consumer that has closed the pipe did not take was written all the same.
        let orderly =
            ending != Some(Ending::Close) && matches!(self.ended, Ended::Complete | Ended::Failed | Ended::Stopped);
        if orderly && (told.unclaimed > 0 || told.states == 0) {
            let words = format!("{} records behind the last of {} STATEs", told.unclaimed, told.states);
            violations.push(Violation::new(Kind::Unclaimed, words));
        }
    }

    fn judge_failure(&self, told: &Told, violations: &mut Vec<Violation>) {
        let [(failure_type, words)] = &told.errors[..] else {
            let words = format!("{} errors", told.errors.len());
            return violations.push(Violation::new(Kind::WrongFailure, words));
        };
        let faults = &self.watch.faults;
        let refusing = faults.iter().any(|fault| matches!(fault, Fault::Refusing(_)));
        let revoked = faults.contains(&Fault::TokenRevoked);
        if failure_type == "config_error" {
            if !(refusing || revoked || self.watch.pair_lost) {
                violations.push(Violation::new(Kind::WrongFailure, format!("a config_error for no reason: {words}")));
            }
            return;
        }
        if failure_type != "transient_error" {
            violations.push(Violation::new(Kind::WrongFailure, format!("{failure_type}: {words}")));
        }
        // A server that asks for long waits uses up the time that a request may take.
        let asked: u32 = faults.iter().map(|fault| fault.retry_after()).sum();
        let misled = faults.iter().filter(|fault| fault.misleads()).count();
        if self.watch.failures < 10 && misled < 20 && asked < MOST_PATIENCE {
            let words = format!("after {} failures and {misled} pages that lead nowhere: {words}", self.watch.failures);
            violations.push(Violation::new(Kind::FailsForNothing, words));
        }
    }

    fn judge_completeness(&self, delivered: &[bool], violations: &mut Vec<Violation>) {
        let events = self.scenario.events.iter().enumerate();
        let missing: Vec<_> = events
            .filter(|(index, event)| !delivered[*index] && is_due(self.scenario, event, self.passed))
            .map(|(_, event)| event)
            .collect();
        if let Some(first) = missing.first() {
            let words = format!("{} events are missing after a COMPLETE, the first is {first:?}", missing.len());
            violations.push(Violation::new(Kind::Lost, words));
        }
    }
}

impl Told {
    fn read_message(
        &mut self,
        message: &Value,
        delivered: &[bool],
        platform: &mut Platform,
        violations: &mut Vec<Violation>,
    ) {
        let trace = &message["trace"];
        match (message["type"].as_str(), trace["type"].as_str()) {
            (Some("STATE"), _) => {
                let state = message["state"].clone();
                let count = state["sourceStats"]["recordCount"].as_f64();
                #[expect(clippy::cast_precision_loss, reason = "some thousands")]
                if count != Some(self.unclaimed as f64) {
                    let words = format!("a STATE counts {count:?} records, there were {}", self.unclaimed);
                    violations.push(Violation::new(Kind::BadOutput, words));
                }
                self.unclaimed = 0;
                self.states += 1;
                platform.take(Checkpoint { state, delivered: Rc::new(delivered.to_vec()) });
            }
            (Some("CONTROL"), _) => {
                platform.credentials = message["control"]["connectorConfig"]["config"]["credentials"].clone();
            }
            (_, Some("STREAM_STATUS")) => {
                self.statuses.extend(trace["stream_status"]["status"].as_str().map(str::to_owned));
            }
            (_, Some("ERROR")) => {
                let text = |name: &str| trace["error"][name].as_str().unwrap_or_default().to_owned();
                self.errors.push((text("failure_type"), format!("{} ({})", text("message"), text("internal_message"))));
            }
            _ => {}
        }
    }
}
