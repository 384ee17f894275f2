//! The oracle: the records that a sync must emit, those that it must emit a second time, and the warnings.
//!
//! It is a second implementation of the rules in docs/incremental.md and docs/reliability.md. It must not use
//! the connector's code, and must not read a STATE except to compare it with its own result.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The time after the present that the connector reads, in seconds.
pub const BEYOND_NOW: i64 = 86_400;
/// Clocks that differ by more than this are reported, in seconds.
const MOST_OFF: i64 = 300;
/// This number of new events that are later than the server's time by more than [`MOST_OFF`] shows that this
/// time is wrong.
const LATER_THAN_NOW: usize = 20;

/// An event of the server.
#[derive(Clone, Debug)]
pub struct Event {
    /// The JSON of its record.
    pub text: Arc<str>,
    /// The `created_at` of the event.
    pub dated: Option<i64>,
    /// The first and the last second in which the server may list the event. They are equal for an event with
    /// a date.
    pub place: (i64, i64),
    facts: Arc<Facts>,
}

/// The fields of a record that the oracle needs.
#[derive(Debug, Deserialize)]
struct Facts {
    id: Option<i64>,
    created_at: Option<String>,
    #[serde(default)]
    action: Value,
    #[serde(default)]
    source_type: Value,
    #[serde(default)]
    actor_id: Value,
}

/// Reads the events of an account; each record is parsed once.
#[derive(Default)]
pub struct Reader {
    parsed: HashMap<String, Event>,
}

impl Reader {
    /// Returns the events of these records, which the server lists in ascending order.
    pub fn read(&mut self, records: Vec<String>, present: i64) -> Vec<Event> {
        let mut events: Vec<Event> = records.into_iter().map(|record| self.event(record)).collect();
        let mut before = 0;
        for event in &mut events {
            event.place.0 = event.place.0.max(before);
            before = event.place.0;
        }
        let mut after = present + BEYOND_NOW;
        for event in events.iter_mut().rev() {
            event.place.1 = event.place.1.min(after);
            after = event.place.1;
        }
        events
    }

    fn event(&mut self, record: String) -> Event {
        if let Some(event) = self.parsed.get(&record) {
            return event.clone();
        }
        let facts: Facts = serde_json::from_str(&record).expect("a record is JSON");
        let date = facts.created_at.as_ref();
        let dated = date.map(|date| date.parse::<Timestamp>().expect("a date").as_second());
        let place = (dated.unwrap_or(i64::MIN), dated.unwrap_or(i64::MAX));
        let event = Event { text: record.as_str().into(), dated, place, facts: Arc::new(facts) };
        self.parsed.insert(record, event.clone());
        event
    }
}

impl Event {
    /// Returns the `id`, unless it is missing.
    pub fn id(&self) -> Option<i64> {
        self.facts.id
    }

    fn matches(&self, filters: &Value) -> bool {
        let Facts { action, source_type, actor_id, .. } = &*self.facts;
        [("actions", action), ("source_types", source_type), ("actor_ids", actor_id)]
            .iter()
            .all(|(filter, value)| filters[*filter].as_array().is_none_or(|values| values.contains(value)))
    }
}

/// A set of records, by their JSON.
pub type Texts = HashSet<Arc<str>>;

/// The meaning of a state.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The time from which the next sync reads.
    pub since: Option<i64>,
    /// The newest emitted `created_at`.
    pub cursor: Option<i64>,
    /// The account; `None` in states that do not name it.
    pub account: Option<String>,
    /// The filters; `null` for none.
    pub filters: Value,
    /// The emitted records of this account, if the state can hold their ids.
    pub emitted: Texts,
    /// Records without an id that may be emitted again: the state does not show if it holds them.
    pub dropped: Texts,
}

/// The settings of a sync.
#[derive(Clone, Debug)]
pub struct Setting {
    pub account: String,
    pub start: Option<i64>,
    /// In seconds.
    pub lookback: i64,
    /// `null` for none.
    pub filters: Value,
    pub machine: i64,
    /// The server's time, as in its `Date`.
    pub server: i64,
    /// `true` if the bounds of the server's time filter are inclusive.
    pub inclusive: (bool, bool),
    /// `true` if pages are out of order, so that the position of a record without a date is unknown.
    pub disordered: bool,
    /// `true` if faults delay the first page.
    pub delayed: bool,
}

/// The required behavior of a sync.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The meaning of the state for this sync.
    pub opened: Known,
    /// The first and the last second that are read.
    pub span: (i64, i64),
    /// Records that must be emitted.
    pub due: Texts,
    /// Records that may be emitted: those that appear during the sync, and those without a date at the edge
    /// of the span.
    pub possible: Texts,
    /// The starts of the warnings before the first request.
    pub warnings: Vec<&'static str>,
    /// Warnings that may be written.
    pub possible_warnings: Vec<&'static str>,
}

/// Returns what a sync must do with the events at its start.
pub fn expect(state: Option<&Known>, setting: &Setting, events: &[Event]) -> Expectation {
    let mut opened = state.cloned().unwrap_or_default();
    let mut warnings = Vec::new();
    let mut possible_warnings = Vec::new();
    let goes_on = opened.since.is_some() || opened.cursor.is_some();
    if opened.account.as_ref().is_some_and(|before| *before != setting.account) {
        warnings.push("The state belongs to the account");
        opened.emitted.clear();
        opened.dropped.clear();
    }
    if goes_on && opened.filters != setting.filters {
        warnings.push("The filters have changed");
    }
    if let (Some(start), Some(cursor)) = (setting.start, opened.cursor)
        && start > cursor
    {
        warnings.push("The start date");
    }
    opened.account = Some(setting.account.clone());
    opened.filters = setting.filters.clone();
    opened.since = match (opened.since, opened.cursor) {
        (Some(since), Some(cursor)) => Some(since.min(cursor)),
        (None, Some(cursor)) => Some(cursor - setting.lookback),
        (since, None) => since,
    };
    let start = setting.start.unwrap_or(0);
    let begin = opened.since.map_or(start, |since| since.max(start));
    if begin > setting.server {
        warnings.push("The sync begins at");
    }
    let off = (setting.server - setting.machine).abs() > MOST_OFF;
    if setting.delayed {
        possible_warnings.push("This machine's clock is");
    } else if off {
        warnings.push("This machine's clock is");
    }
    let ahead = setting.server - setting.machine > BEYOND_NOW / 2;
    let end = setting.machine.max(begin).max(if ahead { setting.server } else { setting.machine }) + BEYOND_NOW;
    let span = (begin - i64::from(setting.inclusive.0), end - i64::from(!setting.inclusive.1));
    let (mut due, mut possible) = (HashSet::new(), HashSet::new());
    for event in events.iter().filter(|event| event.matches(&setting.filters)) {
        let (first, last) = event.place;
        let certain = span.0 <= first && last <= span.1;
        let never = last < span.0 || first > span.1;
        let known = opened.emitted.contains(&event.text);
        let may_be_unknown = opened.dropped.contains(&event.text) || (setting.disordered && event.dated.is_none());
        if never || (known && !may_be_unknown) {
            continue;
        }
        let group = if certain && !known && !opened.dropped.contains(&event.text) { &mut due } else { &mut possible };
        group.insert(event.text.clone());
    }
    Expectation { opened, span, due, possible, warnings, possible_warnings }
}

/// Returns the time at which the next sync starts after this sync has emitted everything: the earliest and
/// the latest valid second; `None` if it does not move.
pub fn settled(setting: &Setting, expectation: &Expectation, listed: &[&Event], new: &[&Event]) -> Option<(i64, i64)> {
    let (begin, end) = (expectation.span.0 + i64::from(setting.inclusive.0), expectation.span.1);
    let dated = listed.iter().filter_map(|event| event.dated).filter(|at| (begin..=end).contains(at)).max()?;
    let latest =
        listed.iter().map(|event| event.place.1).filter(|at| *at <= end).max().map_or(dated, |at| at.max(dated));
    let mut later: Vec<i64> = new.iter().filter_map(|event| event.dated).collect();
    later.retain(|at| *at > setting.server + MOST_OFF && (begin..=end).contains(at));
    later.sort_unstable();
    let shown = later.len().checked_sub(LATER_THAN_NOW).map(|nth| later[nth].min(setting.machine));
    let now = shown.map_or(setting.server, |shown| shown.max(setting.server));
    Some((dated.min(now) - setting.lookback, (latest + 1).min(now) - setting.lookback))
}

/// Returns `true` if a record of the span matches the filters.
pub fn is_listed(event: &Event, setting: &Setting, span: (i64, i64)) -> bool {
    event.matches(&setting.filters) && span.0 <= event.place.1 && event.place.0 <= span.1
}
