//! The consumer of a chain of syncs: keeps the received records and the last whole STATE line, and checks the connector's
//! guarantees while it reads.
//!
//! It must not know how a sync was run, or which faults occurred.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::interrupted::Ended;
use crate::harness::record;

/// All received output, over all syncs.
#[derive(Default)]
pub struct Consumer {
    /// The `state` of the last STATE message.
    pub state: Option<Value>,
    /// Each record, with `true` if a received STATE covers it.
    received: HashMap<String, bool>,
    /// Emitted again although a STATE covers it, or twice in one sync.
    pub duplicated: Vec<String>,
    /// Emitted again because the previous sync was killed between the record and its STATE.
    pub unavoidable: u64,
    /// Other violations.
    pub broken: Vec<String>,
    /// How far out of order the server lists records, in seconds.
    disorder: i64,
}

/// The differences between the server's records and the received ones.
pub struct Balance {
    pub lost: Vec<String>,
    pub altered: Vec<String>,
}

fn seconds(date: &str) -> i64 {
    date.parse::<Timestamp>().expect("a date").as_second()
}

#[derive(Deserialize)]
struct Dated {
    created_at: Option<String>,
}

impl Consumer {
    /// Creates the consumer of a server that lists records up to `disorder` seconds out of order.
    pub fn of(disorder: i64) -> Self {
        Self { disorder, ..Self::default() }
    }

    /// Returns the number of received records, each counted once.
    pub fn number(&self) -> usize {
        self.received.len()
    }

    /// Reads the output of a sync.
    pub fn take(&mut self, stdout: &[u8], ended: Ended) {
        let (whole, rest) = match memchr::memrchr(b'\n', stdout) {
            Some(end) => stdout.split_at(end + 1),
            None => (&[][..], stdout),
        };
        if !rest.is_empty() && ended != Ended::Killed {
            self.broken.push("the last line is cut".to_owned());
        }
        let Ok(whole) = std::str::from_utf8(whole) else {
            return self.broken.push("the output is not UTF-8".to_owned());
        };
        let mut this_sync = HashSet::new();
        let mut pending = Vec::new();
        let mut status = None;
        let mut newest = String::new();
        for line in whole.lines() {
            if let Some(text) = record(line) {
                self.record(&text, &mut this_sync, &mut newest);
                pending.push(text);
                continue;
            }
            let message: Value = match serde_json::from_str(line) {
                Ok(message) => message,
                Err(error) => return self.broken.push(format!("{error}: {line}")),
            };
            if message["type"] == "STATE" {
                self.state(&message["state"], &mut pending);
            }
            if let Some(text) = message["trace"]["stream_status"]["status"].as_str() {
                status = Some(text.to_owned());
            }
        }
        if let Ended::Orderly(code) = ended {
            let expected = if code == 0 { "COMPLETE" } else { "INCOMPLETE" };
            if status.as_deref() != Some(expected) {
                self.broken.push(format!("exit code {code} and status {status:?}"));
            }
            if !pending.is_empty() {
                self.broken
                    .push(format!("{} records behind the last STATE of a sync that was not killed", pending.len()));
            }
        }
    }

    fn record(&mut self, text: &str, this_sync: &mut HashSet<String>, newest: &mut String) {
        let again = !this_sync.insert(text.to_owned());
        match self.received.get(text) {
            Some(false) if !again => self.unavoidable += 1,
            Some(_) => self.duplicated.push(text.to_owned()),
            None => drop(self.received.insert(text.to_owned(), false)),
        }
        if let Ok(Dated { created_at: Some(at) }) = serde_json::from_str(text) {
            if at < *newest && seconds(newest) - seconds(&at) > self.disorder {
                self.broken.push(format!("{at} was emitted after {newest}"));
            }
            if at > *newest {
                *newest = at;
            }
        }
    }

    fn state(&mut self, state: &Value, pending: &mut Vec<String>) {
        let claimed = state["sourceStats"]["recordCount"].as_f64();
        if claimed != u32::try_from(pending.len()).ok().map(f64::from) {
            self.broken.push(format!("a STATE claims {claimed:?} records and not {}", pending.len()));
        }
        for text in pending.drain(..) {
            self.received.insert(text, true);
        }
        self.state = Some(state.clone());
    }

    /// Compares the received records with the server's.
    pub fn balance(&self, there: &[String]) -> Balance {
        let known: HashSet<&str> = there.iter().map(String::as_str).collect();
        Balance {
            lost: there.iter().filter(|text| !self.received.contains_key(*text)).cloned().collect(),
            altered: self.received.keys().filter(|text| !known.contains(text.as_str())).cloned().collect(),
        }
    }
}
