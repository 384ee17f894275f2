//! Selects the events that are displaced, duplicated, misdated, or dated outside the
//! history. A pure function of the options. An event has at most one of these properties.

use std::collections::HashMap;

use crate::{
    event::{Absence, Event, Field},
    options::{Dates, Displaced, Order},
    rng::Rng,
};

const CHOICE: u64 = 61;
const DISTANCE: u64 = 62;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// The selected events, by event number.
#[derive(Debug, Default)]
pub(crate) struct Special {
    /// Seconds since 1970 of events dated outside the history.
    pub(crate) dated: HashMap<u64, i64>,
    /// Seconds between the event's time and its position in the list.
    pub(crate) displaced: HashMap<u64, i64>,
    /// The same for the second listing of a duplicated event.
    pub(crate) duplicates: HashMap<u64, i64>,
    /// The event with a wrong `created_at`, and by how many seconds it is off.
    pub(crate) misdated: Option<(u64, i64)>,
}

impl Special {
    /// Returns the number of events that the options select.
    pub(crate) fn count(order: &Order, dates: &Dates) -> u64 {
        let listed = |option: Option<Displaced>| option.map_or(0, |displaced| displaced.count);
        [
            dates.epoch_events,
            dates.future_events.map_or(0, |events| events.count),
            u64::from(dates.misdated.is_some()),
            listed(order.displaced),
            listed(order.duplicates),
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Selects among the first `events` events with an id and a date. `end` is the end of
    /// the history in seconds since 1970.
    pub(crate) fn choose(seed: u64, events: u64, end: i64, order: &Order, dates: &Dates) -> Self {
        let mut special = Self::default();
        let wanted = Self::count(order, dates);
        if wanted == 0 {
            return special;
        }
        let mut chosen: Vec<u64> = (0..events).filter(|&index| is_ordinary(&Event::draw(seed, index))).collect();
        chosen.sort_unstable_by_key(|&index| Rng::new(seed, index, CHOICE).next());
        let mut chosen = chosen.into_iter();
        let mut take = |count: u64| chosen.by_ref().take(usize::try_from(count).unwrap_or(usize::MAX)).collect();
        let epoch: Vec<u64> = take(dates.epoch_events);
        special.dated.extend(epoch.into_iter().map(|index| (index, 0)));
        if let Some(future) = dates.future_events {
            let indexes: Vec<u64> = take(future.count);
            special.dated.extend(indexes.into_iter().map(|index| (index, end + i64::from(future.hours) * HOUR)));
        }
        if let Some(days) = dates.misdated {
            let indexes: Vec<u64> = take(1);
            special.misdated = indexes.first().map(|&index| (index, i64::from(days) * DAY));
        }
        let mut away = |option: Option<Displaced>| -> HashMap<u64, i64> {
            let Some(displaced) = option else { return HashMap::new() };
            let indexes: Vec<u64> = take(displaced.count);
            indexes.into_iter().map(|index| (index, distance(seed, index, displaced.seconds))).collect()
        };
        special.displaced = away(order.displaced);
        special.duplicates = away(order.duplicates);
        special
    }
}

fn is_ordinary(event: &Event) -> bool {
    !matches!(event.absent, Some((Field::Id | Field::CreatedAt, Absence::Null | Absence::Omitted)))
}

/// Returns a number of seconds from 1 to `most`, with a random sign.
fn distance(seed: u64, index: u64, most: u32) -> i64 {
    let mut rng = Rng::new(seed, index, DISTANCE);
    let distance = 1 + rng.below(most.into()) as i64;
    if rng.one_in(2) { -distance } else { distance }
}
