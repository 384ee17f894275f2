//! The consumer of a stream in a chain of syncs: keeps the received records and the last whole STATE line, and checks the
//! connector's guarantees while it reads.
//!
//! It must not know how a sync was run, or which faults occurred.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::interrupted::Ended;
use crate::harness::record_of;

/// The description of a stream for its consumer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consumed {
    /// The name of the stream in messages.
    pub stream: &'static str,
    /// How far out of order the server lists records, in seconds.
    pub disorder: i64,
}

/// All received output of one stream, over all syncs.
#[derive(Default)]
pub struct Consumer {
    pub consumed: Consumed,
    /// The last status of the last sync.
    pub status: Option<String>,
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
    #[serde(alias = "timestamp")]
    created_at: Option<String>,
}

impl Consumer {
    /// Creates the consumer of a stream.
    pub fn of(consumed: Consumed) -> Self {
        Self { consumed, ..Self::default() }
    }

    /// Returns the number of received records, each counted once.
    pub fn number(&self) -> usize {
        self.received.len()
    }

    /// Reads the output of a sync, and skips the messages of other streams.
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
        let stream = self.consumed.stream;
        self.status = None;
        let mut newest = String::new();
        for line in whole.lines() {
            if let Some(text) = record_of(stream, line) {
                self.record(&text, &mut this_sync, &mut newest);
                pending.push(text);
                continue;
            }
            if line.starts_with(r#"{"type":"RECORD""#) {
                continue;
            }
            let message: Value = match serde_json::from_str(line) {
                Ok(message) => message,
                Err(error) => return self.broken.push(format!("{error}: {line}")),
            };
            if message["type"] == "STATE" && message["state"]["stream"]["stream_descriptor"]["name"] == stream {
                self.state(&message["state"], &mut pending);
            }
            let status = &message["trace"]["stream_status"];
            if status["stream_descriptor"]["name"] == stream {
                self.status = status["status"].as_str().map(str::to_owned);
            }
        }
        if let Ended::Orderly(code) = ended {
            // A stream that ended before the other one was stopped is complete.
            let expected: &[_] = if code == 0 { &["COMPLETE"] } else { &["COMPLETE", "INCOMPLETE"] };
            if !self.status.as_deref().is_some_and(|status| expected.contains(&status)) {
                self.broken.push(format!("exit code {code} and status {:?} of {stream}", self.status));
            }
            if !pending.is_empty() {
                self.broken
                    .push(format!("{} records of {stream} behind its last STATE, and not killed", pending.len()));
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
            if at < *newest && seconds(newest) - seconds(&at) > self.consumed.disorder {
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

    /// Compares the received records with the server's, which no longer has those before `kept_since`.
    pub fn balance(&self, there: &[String], kept_since: Option<Timestamp>) -> Balance {
        let known: HashSet<&str> = there.iter().map(String::as_str).collect();
        let kept_since = kept_since.map(Timestamp::as_second);
        let is_kept = |text: &str| match (kept_since, serde_json::from_str(text)) {
            (Some(since), Ok(Dated { created_at: Some(at) })) => seconds(&at) >= since,
            _ => true,
        };
        let is_lost = |text: &&String| !self.received.contains_key(*text) && is_kept(text);
        Balance {
            lost: there.iter().filter(is_lost).cloned().collect(),
            altered: self.received.keys().filter(|text| !known.contains(text.as_str())).cloned().collect(),
        }
    }
}
