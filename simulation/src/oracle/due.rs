//! The events that a sync must have emitted: the guarantees of docs/reliability.md as a function of the
//! history.

use crate::scenario::{Event, Filtering, Scenario};

const DAY: i64 = 86_400;

/// The state of a chain at a sync.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// The true time at which the first sync began, in seconds since 1970.
    pub first_began: i64,
    /// The true time at which this sync began.
    pub began: i64,
    /// The offset of the machine's clock, ahead of true time, in seconds.
    pub clock_ahead: i64,
}

/// Returns `true` if a sync that began then and ended COMPLETE must have emitted the event.
#[must_use]
pub fn is_due(scenario: &Scenario, event: &Event, passed: Passed) -> bool {
    if event.visible > passed.began {
        return false;
    }
    if let Some(start) = scenario.start_date
        && (event.shown < start || scenario.server.filtering == Filtering::Listed && event.listed < start)
    {
        return false;
    }
    // Without a `Date`, only the machine's clock is known: events more than a day after it are not requested.
    let clock = passed.clock_ahead;
    if scenario.server.date_ahead.is_none() && event.listed.max(event.shown) > passed.began + clock + DAY {
        return false;
    }
    let lookback = scenario.lookback();
    // An event that was visible from the beginning only needs to be listed at its position.
    let late = if event.visible <= passed.first_began { 0 } else { event.lateness() };
    let ahead = if late > 0 { scenario.server.date_ahead.unwrap_or(0).max(0) } else { 0 };
    // Two seconds for rounding.
    let out_of_order = out_of_order(scenario, event) + late + ahead;
    out_of_order == 0 || out_of_order + 2 <= lookback
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
