//! Judges a sync by the output that the platform received, by its end, and by the observations during the
//! sync.

use std::rc::Rc;

use serde_json::Value;

use super::due::{Passed, is_due, must_be_known};
use super::output::{Line, lines};
use super::platform::{Checkpoint, Platform};
use super::{Effort, Kind, Violation, Watch, cursor, quota};
use crate::scenario::{Ending, Fault, Form, HandBack, Scenario, Sync};
use crate::world::Records;

/// How a sync ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything was read.
    Complete,
    /// It failed and reported why.
    Failed,
    /// It was stopped by a signal.
    Stopped,
    /// stdout was closed.
    OutputClosed,
    /// It was killed.
    Killed,
    /// It failed without a message on stdout.
    Silent,
    /// It did not end.
    Hung,
}

/// The largest size of received bytes that are not written yet.
const MOST_HELD: usize = 24 << 20;

/// The total wait in seconds that a server may request before a sync may fail.
const MOST_PATIENCE: u32 = 1_200;

/// The known facts about a finished sync.
pub struct Judge<'j> {
    /// The scenario.
    pub scenario: &'j Scenario,
    /// The sync.
    pub sync: &'j Sync,
    /// The records of all events.
    pub records: &'j Records,
    /// The observations during the sync.
    pub watch: &'j Watch,
    /// The state for the sync.
    pub begun_from: &'j Checkpoint,
    /// The start of the sync.
    pub passed: Passed,
    /// The end of the sync.
    pub ended: Ended,
    /// The duration of the sync, in milliseconds.
    pub took: i64,
    /// The cost of the sync.
    pub effort: Effort,
}

/// The content of the output.
#[derive(Default)]
struct Output {
    errors: Vec<(String, String)>,
    statuses: Vec<String>,
    unclaimed: u64,
    states: u32,
}

impl Judge<'_> {
    /// Judges the sync, and passes the received output to the platform.
    pub fn judge(&self, received: &[u8], platform: &mut Platform) -> Vec<Violation> {
        let mut violations = self.watch.violations.clone();
        let mut delivered: Vec<bool> = (*self.begun_from.delivered).clone();
        let output = self.read(received, &mut delivered, platform, &mut violations);
        self.judge_end(&output, &mut violations);
        // The content of a pipe that the consumer has closed was written, but not received.
        let closed = matches!(self.sync.ending, Some((_, Ending::Close)));
        if self.ended == Ended::Complete && !closed {
            self.judge_completeness(&delivered, &mut violations);
            if self.is_in_order() {
                violations.extend(cursor::behind(self.scenario, &platform.hand_back(HandBack::Last), self.passed));
            }
        }
        violations.extend(quota::exceeded(self.watch, &self.scenario.server.limits, self.sync));
        if self.ended != Ended::Hung {
            violations.extend(self.effort.violations());
        }
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
    ) -> Output {
        let mut output = Output::default();
        let mut newest = i64::MIN;
        let in_order = self.is_in_order();
        for line in lines(received) {
            match line {
                Line::Record(data) => {
                    output.unclaimed += 1;
                    let Some(index) = self.records.find(data) else {
                        let description = String::from_utf8_lossy(data).into_owned();
                        violations.push(Violation::new(Kind::Altered, description));
                        continue;
                    };
                    let event = &self.scenario.events[index];
                    let claimed = self.begun_from.delivered[index];
                    if std::mem::replace(&mut delivered[index], true)
                        && must_be_known(self.scenario, event, claimed, self.passed)
                    {
                        violations.push(Violation::new(Kind::Twice, format!("{event:?}")));
                    }
                    if in_order && event.shown < newest && event.visible <= self.passed.first_began {
                        violations.push(Violation::new(Kind::Unordered, format!("{event:?} after {newest}")));
                    }
                    if in_order && event.form != Form::Undated {
                        newest = newest.max(event.shown);
                    }
                }
                Line::Message(message) => output.read_message(&message, self.passed, delivered, platform, violations),
                Line::Log => {}
                Line::Broken(line) => {
                    let description = String::from_utf8_lossy(line).into_owned();
                    violations.push(Violation::new(Kind::BadOutput, description));
                }
            }
        }
        output
    }

    /// Returns `true` if records must be emitted in ascending order: no event of the history is displaced.
    fn is_in_order(&self) -> bool {
        self.scenario.events.iter().all(|event| event.displacement() == 0 && event.form != Form::Undated)
            && !self
                .watch
                .faults
                .iter()
                .any(|fault| matches!(fault, Fault::Swapped | Fault::RecordTwice | Fault::Omitted))
    }

    fn judge_end(&self, output: &Output, violations: &mut Vec<Violation>) {
        let mut wrong = |kind, description: String| violations.push(Violation::new(kind, description));
        let ending = self.sync.ending.map(|(_, ending)| ending);
        let last = output.statuses.last().map(String::as_str);
        match self.ended {
            Ended::Hung => wrong(Kind::Hangs, format!("it still runs after {} s", self.took / 1_000)),
            Ended::Silent => wrong(Kind::WrongEnd, "it failed without a message".to_owned()),
            Ended::OutputClosed if ending != Some(Ending::Close) => {
                wrong(Kind::WrongEnd, "it reports that stdout is closed".to_owned());
            }
            Ended::Stopped if ending != Some(Ending::Term) => {
                wrong(Kind::WrongEnd, "it reports a signal".to_owned());
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
            self.judge_failure(output, violations);
        } else if let Some((_, description)) = output.errors.first()
            && matches!(self.ended, Ended::Complete | Ended::Stopped)
        {
            violations
                .push(Violation::new(Kind::WrongFailure, format!("{:?} with an error: {description}", self.ended)));
        }
        // The records that a consumer did not read before it closed the pipe were written nevertheless.
        let orderly =
            ending != Some(Ending::Close) && matches!(self.ended, Ended::Complete | Ended::Failed | Ended::Stopped);
        // A sync that is stopped before its first request needs no STATE.
        let began = !self.watch.attempts.is_empty();
        if orderly && (output.unclaimed > 0 || began && output.states == 0) {
            let description = format!("{} records after the last of {} STATEs", output.unclaimed, output.states);
            violations.push(Violation::new(Kind::Unclaimed, description));
        }
    }

    fn judge_failure(&self, output: &Output, violations: &mut Vec<Violation>) {
        if output.errors.is_empty() && self.sync.ending.is_some_and(|(_, ending)| ending == Ending::Close) {
            // The consumer closed the pipe before it read the error.
            return;
        }
        let [(failure_type, description)] = &output.errors[..] else {
            let description = format!("{} errors", output.errors.len());
            return violations.push(Violation::new(Kind::WrongFailure, description));
        };
        let faults = &self.watch.faults;
        let refusing = faults.iter().any(|fault| matches!(fault, Fault::Refusing(_)));
        let revoked = faults.contains(&Fault::TokenRevoked);
        if failure_type == "config_error" {
            if !(refusing || revoked || self.watch.pair_lost) {
                violations
                    .push(Violation::new(Kind::WrongFailure, format!("a config_error for no reason: {description}")));
            }
            return;
        }
        if failure_type != "transient_error" {
            violations.push(Violation::new(Kind::WrongFailure, format!("{failure_type}: {description}")));
        }
        // A server that requests long waits uses up the time limit of a request.
        let asked: u32 = faults.iter().map(|fault| fault.retry_after()).sum();
        let misled = faults.iter().filter(|fault| fault.misleads()).count();
        if self.watch.failures < 10 && misled < 20 && asked < MOST_PATIENCE {
            let description = format!(
                "after {} failures and {misled} pages with a broken cursor: {description}",
                self.watch.failures
            );
            violations.push(Violation::new(Kind::FailsForNothing, description));
        }
    }

    fn judge_completeness(&self, delivered: &[bool], violations: &mut Vec<Violation>) {
        let events = self.scenario.events.iter().enumerate();
        let missing: Vec<_> = events
            .filter(|(index, event)| !delivered[*index] && is_due(self.scenario, event, self.passed))
            .map(|(_, event)| event)
            .collect();
        if let Some(first) = missing.first() {
            let description = format!("{} events are missing after a COMPLETE, the first is {first:?}", missing.len());
            violations.push(Violation::new(Kind::Lost, description));
        }
    }
}

impl Output {
    fn read_message(
        &mut self,
        message: &Value,
        passed: Passed,
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
                    let description = format!("a STATE counts {count:?} records, there were {}", self.unclaimed);
                    violations.push(Violation::new(Kind::BadOutput, description));
                }
                self.unclaimed = 0;
                self.states += 1;
                let delivered = Rc::new(delivered.to_vec());
                platform.take(Checkpoint { state, delivered, passed: Some(passed) });
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
