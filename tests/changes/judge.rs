//! Compares the output of a sync with the oracle's result, and derives the meaning of its states.
//!
//! It must not run anything.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::interrupted::Ended;
use super::oracle::{Event, Expectation, Known, Setting, Texts, is_listed, settled};
use super::received::Received;

/// The largest number of ids in a state.
const MOST_IDS: usize = 10_000;
/// The start of the warning about ids that do not fit.
const TRUNCATED: &str = "The look-back window has more events";
/// The number of records that a state may keep longer than needed, because they are listed away from their
/// time.
const SPARE_IDS: usize = 150;

/// A finished sync.
pub struct Judged<'a> {
    pub setting: &'a Setting,
    pub expectation: &'a Expectation,
    pub received: &'a Received,
    pub ended: Ended,
    /// The events at the end of the sync. The events at its beginning are among them, in any position.
    pub events: &'a [Event],
}

impl Judged<'_> {
    /// Returns the meaning of each state, and the violations.
    pub fn judge(&self) -> (Vec<Known>, Vec<String>) {
        let mut wrong = self.received.broken.clone();
        self.records(&mut wrong);
        self.warnings(&mut wrong);
        self.end(&mut wrong);
        let mut before = 0;
        let mut meanings = Vec::new();
        for (state, records) in &self.received.states {
            let claimed = state["sourceStats"]["recordCount"].as_f64();
            if claimed != u32::try_from(records - before).ok().map(f64::from) {
                wrong.push(format!("a STATE claims {claimed:?} records, not {}", records - before));
            }
            before = *records;
            meanings.push(self.state(&state["stream"]["stream_state"], *records, &mut wrong));
        }
        if let (Some(last), Some((state, _)), Ended::Orderly(0)) =
            (meanings.last(), self.received.states.last(), self.ended)
        {
            self.last_state(&state["stream"]["stream_state"], last, &mut wrong);
        }
        (meanings, wrong)
    }

    /// Checks that each due record was emitted once, and no other.
    fn records(&self, wrong: &mut Vec<String>) {
        let Expectation { due, possible, span, .. } = self.expectation;
        let listed =
            |text: &str| self.events.iter().any(|event| *event.text == *text && is_listed(event, self.setting, *span));
        let known = &self.expectation.opened.emitted;
        let mut emitted = HashSet::new();
        for text in &self.received.records {
            let text = text.as_str();
            if !emitted.insert(text) {
                wrong.push(format!("twice in a sync: {text}"));
            } else if !due.contains(text) && !possible.contains(text) && (known.contains(text) || !listed(text)) {
                let what = if known.contains(text) { "repeated" } else { "altered or unexpected" };
                wrong.push(format!("{what}: {text}"));
            }
        }
        if self.ended == Ended::Orderly(0) {
            let lost: Vec<_> = due.iter().filter(|text| !emitted.contains(&***text)).collect();
            if let Some(text) = lost.first() {
                let (lost, of) = (lost.len(), due.len());
                wrong.push(format!("{lost} of {of} lost between {span:?}, such as {text}, by {:?}", self.setting));
            }
        }
    }

    /// Checks that each due warning was emitted once, and no other.
    fn warnings(&self, wrong: &mut Vec<String>) {
        let mut due = self.expectation.warnings.clone();
        let mut possible = self.expectation.possible_warnings.clone();
        if self.ended == Ended::Orderly(143) {
            // The sync may have stopped before the server reported its time.
            let clocks = ["This machine's clock is", "The sync begins at"];
            due.retain(|start| !clocks.contains(start));
            possible.extend(clocks);
        }
        if self.dropped_ids() {
            possible.push(TRUNCATED);
        }
        let emitted: HashSet<&str> = self.received.records.iter().map(String::as_str).collect();
        let undated =
            self.events.iter().filter(|event| event.dated.is_none() && emitted.contains(&*event.text)).count();
        let of_undated =
            if undated == 1 { "1 record without".to_owned() } else { format!("{undated} records without") };
        if undated > 0 {
            due.push(&of_undated);
        }
        for text in &self.received.warnings {
            let find = |starts: &[&str]| starts.iter().position(|start| text.starts_with(start));
            if let Some(at) = find(&due) {
                due.remove(at);
            } else if let Some(at) = find(&possible) {
                possible.remove(at);
            } else {
                wrong.push(format!("an unexpected warning: {text}"));
            }
        }
        if self.ended != Ended::Killed {
            wrong.extend(due.iter().map(|start| format!("no warning \"{start} …\"")));
            let warned = self.received.last_message.contains("warning");
            if self.ended == Ended::Orderly(0) && warned == self.received.warnings.is_empty() {
                wrong.push(format!("the last line does not repeat the warnings: {}", self.received.last_message));
            }
        }
    }

    fn end(&self, wrong: &mut Vec<String>) {
        let expected = match self.ended {
            Ended::Killed => return,
            Ended::Orderly(0) => "COMPLETE",
            Ended::Orderly(143) => "INCOMPLETE",
            Ended::Orderly(code) => return wrong.push(format!("exit code {code}")),
        };
        if self.received.status != expected {
            wrong.push(format!("{} after {:?}", self.received.status, self.ended));
        }
        // A sync that is stopped before its first request writes no STATE.
        if self.received.states.last().map_or(0, |(_, records)| *records) != self.received.records.len() {
            wrong.push("records after the last STATE".to_owned());
        }
    }

    /// Returns the meaning of a STATE after this number of records. It must not cover a record that was not
    /// emitted, and must be small.
    fn state(&self, state: &Value, records: usize, wrong: &mut Vec<String>) -> Known {
        let mut known = self.expectation.opened.clone();
        known.emitted.extend(self.received.records[..records].iter().map(|text| text.as_str().into()));
        known.since = date(&state["seen_since"]).or(known.since);
        let account = state["account"].as_str();
        if account.is_some_and(|account| account != self.setting.account) || account.is_none() != known.since.is_none()
        {
            wrong.push(format!("the account of a state: {state}"));
        }
        known.account = account.map(str::to_owned);
        if state["filters"] != self.setting.filters {
            wrong.push(format!("the filters of a state: {state}"));
        }
        let newest = self.newest(&known.emitted).max(known.cursor);
        known.cursor = date(&state["created_at"]);
        if known.cursor > newest {
            wrong.push(format!("a cursor of {:?} after records up to {newest:?}", known.cursor));
        }
        let since = known.since.unwrap_or(i64::MIN);
        let claimed = self.events.iter().filter(|event| event.place.1 < since);
        let claimed = claimed.filter(|event| self.expectation.due.contains(&event.text));
        let missing = claimed.filter(|event| !known.emitted.contains(&event.text)).count();
        if missing > 0 {
            wrong.push(format!("a STATE claims {missing} records that were not emitted: {state}"));
        }
        self.ids(state, since, &mut known, wrong);
        known
    }

    /// Checks that the ids in a state are those of emitted records since its start, if they fit.
    fn ids(&self, state: &Value, since: i64, known: &mut Known, wrong: &mut Vec<String>) {
        let seen = state["seen"].as_object();
        let ids = seen.into_iter().flat_map(|seen| seen.values()).filter_map(Value::as_array).flatten();
        let (mut numbers, mut digests) = (HashSet::new(), 0);
        for id in ids {
            match id.as_i64() {
                Some(id) => drop(numbers.insert(id)),
                None => digests += 1,
            }
        }
        let emitted = |event: &&Event| known.emitted.contains(&event.text);
        let of_emitted: HashSet<i64> = self.events.iter().filter(emitted).filter_map(Event::id).collect();
        if let Some(id) = numbers.iter().find(|id| !of_emitted.contains(*id)) {
            wrong.push(format!("a STATE holds the id {id}, which was not emitted"));
        }
        let kept = numbers.len() + digests;
        // The connector keeps ids for another look-back: the server may filter by a later time than it shows.
        let oldest = known.cursor.map_or(since, |cursor| cursor.min(since)).saturating_sub(1 + self.setting.lookback);
        let needed = self.events.iter().filter(emitted).filter(|event| event.place.1 >= oldest);
        let needed: Vec<&Event> = needed.collect();
        if kept > MOST_IDS || kept > needed.len() + SPARE_IDS && !self.setting.disordered {
            wrong.push(format!("a STATE holds {kept} ids and needs {}", needed.len()));
        }
        if kept == MOST_IDS {
            let with_id = needed.iter().filter_map(|event| event.id().map(|id| (*event, id)));
            let (retained, dropped): (Vec<_>, Vec<_>) = with_id.partition(|(_, id)| numbers.contains(id));
            let oldest = retained.iter().filter_map(|(event, _)| event.dated).min();
            if dropped.iter().filter_map(|(event, _)| event.dated).max() > oldest && !self.setting.disordered {
                wrong.push("the ids that a STATE omits are not the oldest".to_owned());
            }
            let again = dropped.iter().any(|(event, _)| event.place.0 >= since);
            if again && !self.received.warnings.iter().any(|message| message.starts_with(TRUNCATED)) {
                wrong.push("no warning about ids that do not fit".to_owned());
            }
            let odd = needed.iter().filter(|event| event.id().is_none()).map(|event| event.text.clone());
            let odd: Texts = odd.collect();
            for text in dropped.iter().map(|(event, _)| &event.text).chain(&odd) {
                known.emitted.remove(text);
            }
            known.dropped.extend(odd);
        }
    }

    /// Checks that the state of a COMPLETE starts at the time that the rules define.
    fn last_state(&self, state: &Value, last: &Known, wrong: &mut Vec<String>) {
        let opened = &self.expectation.opened;
        let in_state = date(&state["seen_since"]);
        let emitted: HashSet<&str> = self.received.records.iter().map(String::as_str).collect();
        let there = |event: &&Event| {
            is_listed(event, self.setting, self.expectation.span)
                && (emitted.contains(&*event.text) || opened.emitted.contains(&event.text))
        };
        let listed: Vec<&Event> = self.events.iter().filter(there).collect();
        let new: Vec<&Event> = listed.iter().copied().filter(|event| emitted.contains(&*event.text)).collect();
        if last.cursor != self.newest(&last.emitted).max(opened.cursor) {
            wrong.push(format!("the cursor of the last state: {}", state["created_at"]));
        }
        let Some((earliest, latest)) = settled(self.setting, self.expectation, &listed, &new) else {
            return;
        };
        let (earliest, latest) = (opened.since.max(Some(earliest)), opened.since.max(Some(latest)));
        if in_state > latest || (in_state < earliest && !self.setting.disordered) {
            wrong.push(format!("the next sync begins at {in_state:?}, not from {earliest:?} to {latest:?}"));
        }
    }

    /// Returns the newest date of these records within the span.
    fn newest(&self, emitted: &Texts) -> Option<i64> {
        let (first, last) = self.expectation.span;
        let (first, last) = (first + i64::from(self.setting.inclusive.0), last - i64::from(self.setting.inclusive.1));
        let emitted = self.events.iter().filter(|event| emitted.contains(&event.text));
        emitted.filter_map(|event| event.dated).filter(|at| (first..=last).contains(at)).max()
    }

    fn dropped_ids(&self) -> bool {
        self.received.states.iter().any(|(state, _)| {
            let seen = state["stream"]["stream_state"]["seen"].as_object();
            seen.is_some_and(|seen| seen.values().filter_map(Value::as_array).map(Vec::len).sum::<usize>() >= MOST_IDS)
        })
    }
}

fn date(value: &Value) -> Option<i64> {
    value.as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(Timestamp::as_second)
}
