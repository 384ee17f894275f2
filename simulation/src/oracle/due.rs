//! The events that a sync must have emitted: the guarantees of docs/reliability.md as a function of the
//! history.

use crate::scenario::{Event, Filtering, Form, Scenario, Sync};

const DAY: i64 = 86_400;

/// The state of the chain at a sync, since its last sync without a state.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// The true time at which the sync without a state began, in seconds since 1970.
    pub first_began: i64,
    /// The true time at which this sync began.
    pub began: i64,
    /// The offset of the machine's clock, ahead of true time, in seconds.
    pub clock_ahead: i64,
    /// The latest start date so far.
    pub start_date: Option<i64>,
    /// The shortest look-back of the syncs before this one, in seconds.
    pub lookback_before: Option<i64>,
    /// The look-back of this sync, in seconds.
    pub lookback_now: i64,
}

impl Passed {
    /// Creates the values for a sync that began at this time. `before` has those of the previous sync; `None`
    /// if this one has no state.
    #[must_use]
    pub fn sync(sync: &Sync, began: i64, before: Option<Self>) -> Self {
        Self {
            first_began: before.map_or(began, |before| before.first_began),
            began,
            clock_ahead: sync.clock.ahead,
            start_date: sync.start_date.max(before.and_then(|before| before.start_date)),
            lookback_before: before.map(|before| before.lookback()),
            lookback_now: sync.lookback_seconds(),
        }
    }

    /// Returns the shortest look-back so far, in seconds.
    #[must_use]
    pub fn lookback(&self) -> i64 {
        self.lookback_before.map_or(self.lookback_now, |before| before.min(self.lookback_now))
    }
}

/// Returns `true` if a sync that began then and ended COMPLETE must have emitted the event.
#[must_use]
pub fn is_due(scenario: &Scenario, event: &Event, passed: Passed) -> bool {
    if event.visible > passed.began {
        return false;
    }
    if let Some(start) = passed.start_date
        && (event.shown < start || scenario.server.filtering == Filtering::Listed && event.listed < start)
    {
        return false;
    }
    // Without a `Date`, only the machine's clock is known: events more than a day after it are not requested.
    let clock = passed.clock_ahead;
    if scenario.server.date_ahead.is_none() && event.listed.max(event.shown) > passed.began + clock + DAY {
        return false;
    }
    // An event that was visible from the beginning only needs to be listed at its position.
    let late = if event.visible <= passed.first_began { 0 } else { event.lateness() };
    let ahead = if late > 0 { scenario.server.date_ahead.unwrap_or(0).max(0) } else { 0 };
    // Two seconds for rounding.
    let out_of_order = out_of_order(scenario, event) + late + ahead;
    out_of_order == 0 || out_of_order + 2 <= passed.lookback()
}

/// Returns by how much an event is listed after one with a later time, or before one with an earlier time.
fn out_of_order(scenario: &Scenario, event: &Event) -> i64 {
    let other = |other: &Event| {
        let inverted = (other.listed - event.listed).signum() * (other.shown - event.shown).signum() < 0;
        if inverted { (other.shown - event.shown).abs() } else { 0 }
    };
    let among_others = scenario.events.iter().map(other).max().unwrap_or(0);
    among_others.max(event.displacement())
}

/// Returns `true` if the connector must not emit the record again. If `claimed`, a STATE of an earlier sync
/// covers it; otherwise this sync has already emitted it.
///
/// The ids of records are kept for as long as the server may return them again if it lists no record out of order by
/// more than the look-back: see the exceptions in docs/reliability.md. A sync recognizes the ids of its state until it
/// ends.
#[must_use]
pub fn must_be_known(scenario: &Scenario, event: &Event, claimed: bool, passed: Passed) -> bool {
    let disorder = scenario.events.iter().any(|event| event.displacement() > 0);
    if event.form == Form::Undated && disorder {
        // The position of a record without a date is only estimated.
        return false;
    }
    let lookback = if claimed { passed.lookback_before.unwrap_or(i64::MAX) } else { passed.lookback() };
    out_of_order(scenario, event) <= lookback
}
