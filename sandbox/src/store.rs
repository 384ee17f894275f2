//! All events in the order in which they are listed, 16 bytes each; their texts are
//! computed on demand. Knows ranges and walks, but no request.

use std::{collections::HashMap, net::IpAddr, ops::Range};

use crate::{
    dice::Dice,
    event::Event,
    record::{Layout, World},
    scenario::Scenario,
    special::Special,
    timeline::Timeline,
};

const TIE: u64 = 21;
const ARRIVAL: u64 = 22;
const SHUFFLE: u64 = 23;
const INDEX_BITS: u32 = 40;
const TIE_BITS: u32 = 48;
/// Brings the earliest second that a timestamp can have above zero.
const BIAS: i64 = 1 << 39;

/// The place of an event: its second, a hash that orders events inside a second,
/// and its number, so that all places differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u128);

impl Key {
    fn new(seed: u64, second: i64, index: u64) -> Self {
        let tie = Dice::new(seed, index, TIE).next() >> (64 - TIE_BITS);
        let place = u128::from((second + BIAS) as u64) << (TIE_BITS + INDEX_BITS);
        Self(place | u128::from(tie) << INDEX_BITS | u128::from(index))
    }

    /// The second since 1970.
    pub(crate) const fn second(self) -> i64 {
        (self.0 >> (TIE_BITS + INDEX_BITS)) as i64 - BIAS
    }

    const fn index(self) -> u64 {
        self.0 as u64 & ((1 << INDEX_BITS) - 1)
    }

    /// A place in this second after `number` of its events. Not the place of an event.
    pub(crate) const fn counted(second: i64, number: u64) -> Self {
        Self(((second + BIAS) as u128) << (TIE_BITS + INDEX_BITS) | number as u128)
    }

    /// The last place on the way in the second of this one.
    pub(crate) const fn end_of_second(self, way: Way) -> Self {
        const WITHIN: u128 = (1 << (TIE_BITS + INDEX_BITS)) - 1;
        match way {
            Way::Up => Self(self.0 | WITHIN),
            Way::Down => Self(self.0 & !WITHIN),
        }
    }

    /// A number that orders the events of a second differently for each salt.
    pub(crate) fn shuffled(self, salt: u64) -> u64 {
        Dice::new(salt, self.index(), SHUFFLE).next()
    }

    /// The number of events in [`Key::counted`].
    pub(crate) const fn number(self) -> u64 {
        self.index()
    }

    /// The key as bytes, for cursors.
    pub(crate) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The reverse of [`Key::to_bytes`]; any bytes make some key.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// Which events a request wants. An empty list wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// First and last second, both inside.
    pub(crate) seconds: Option<(i64, i64)>,
    pub(crate) actions: Vec<String>,
    pub(crate) actor_ids: Vec<i64>,
    /// `None` is a text that is no address: nothing matches it.
    pub(crate) ip_addresses: Vec<Option<IpAddr>>,
    pub(crate) source_types: Vec<String>,
    pub(crate) source_ids: Vec<i64>,
}

impl Filter {
    fn looks_at_facts(&self) -> bool {
        !(self.actions.is_empty()
            && self.actor_ids.is_empty()
            && self.ip_addresses.is_empty()
            && self.source_types.is_empty()
            && self.source_ids.is_empty())
    }

    fn wants(&self, event: &Event) -> bool {
        fn among<T: PartialEq<U>, U>(wanted: &[T], fact: Option<U>) -> bool {
            wanted.is_empty() || fact.is_some_and(|fact| wanted.iter().any(|w| *w == fact))
        }
        among(&self.actions, event.action())
            && among(&self.actor_ids, event.actor_id())
            && among(&self.ip_addresses, event.ip_address().map(Some))
            && among(&self.source_types, event.source_type())
            && among(&self.source_ids, event.source_id())
    }
}

/// Which way a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From old to new.
    Up,
    /// From new to old.
    Down,
}

/// All events of a sandbox.
#[derive(Debug)]
pub(crate) struct Store {
    world: World,
    /// Where events are listed, ascending.
    keys: Vec<Key>,
    /// Where events belong by their own time, ascending; `None` if that is where they are listed.
    truth: Option<Vec<Key>>,
    /// The second, since 1970, of each event that is listed in another one.
    moved: HashMap<u64, i64>,
    /// Seconds between the two, at most.
    reach: i64,
    misdated: Option<(u64, i64)>,
}

impl Store {
    /// The events of the timeline, and those of the scenario.
    pub(crate) fn new(world: World, timeline: &Timeline, special: &Special, scenario: Option<Scenario>) -> Self {
        let seed = world.seed;
        let second = |index| special.dated.get(&index).copied().unwrap_or_else(|| timeline.second(index));
        let mut keys: Vec<Key> = (0..timeline.events).map(|index| Key::new(seed, second(index), index)).collect();
        let fixed = scenario.into_iter().flat_map(Scenario::events);
        keys.extend(fixed.map(|(index, second)| Key::new(seed, second, index)));
        keys.sort_unstable();
        let mut store = Self { world, keys, truth: None, moved: HashMap::new(), reach: 0, misdated: special.misdated };
        let away: Vec<(u64, i64)> =
            special.displaced.iter().chain(&special.duplicates).map(|(&index, &distance)| (index, distance)).collect();
        if !away.is_empty() {
            store.truth = Some(store.keys.clone());
            store.reach = away.iter().map(|(_, distance)| distance.abs()).max().unwrap_or(0);
            store.moved = away.iter().map(|&(index, _)| (index, second(index))).collect();
            store.keys.retain(|key| !special.displaced.contains_key(&key.index()));
            store.keys.extend(away.iter().map(|&(index, distance)| Key::new(seed, second(index) + distance, index)));
            store.keys.sort_unstable();
        }
        store
    }

    /// Number of events.
    pub(crate) fn len(&self) -> usize {
        self.keys().len()
    }

    /// The places of all events by their own time, ascending.
    pub(crate) fn keys(&self) -> &[Key] {
        self.truth.as_deref().unwrap_or(&self.keys)
    }

    /// The time of an event, which is not always the second where it is listed.
    fn second(&self, key: Key) -> i64 {
        self.moved.get(&key.index()).copied().unwrap_or_else(|| key.second())
    }

    /// Adds events somewhere in the seconds `from..to`, and says where.
    pub(crate) fn add(&mut self, count: u64, from: i64, to: i64) -> Vec<Key> {
        let first = self.len() as u64;
        let span = (to - from).max(1) as u64;
        let seed = self.world.seed;
        let mut new: Vec<Key> = (first..first + count)
            .map(|index| {
                let offset = Dice::new(seed, index, ARRIVAL).below(span);
                Key::new(seed, from + offset as i64, index)
            })
            .collect();
        new.sort_unstable();
        for keys in [Some(&mut self.keys), self.truth.as_mut()].into_iter().flatten() {
            keys.extend_from_slice(&new);
            // Two sorted runs: the stable sort merges them in one pass.
            keys.sort();
        }
        new
    }

    /// Appends the JSON text of the event at `key`.
    pub(crate) fn write(&self, out: &mut Vec<u8>, key: Key, layout: Layout) {
        let second = self.second(key);
        let off = self.misdated.filter(|(index, _)| *index == key.index()).map_or(0, |(_, seconds)| seconds);
        Event::draw(self.world.seed, key.index()).write(out, &self.world, (second, off), layout);
    }

    /// The JSON text of the event at `key`, without white space between tokens.
    pub(crate) fn text(&self, key: Key) -> String {
        let mut out = Vec::with_capacity(512);
        self.write(&mut out, key, Layout::Compact);
        String::from_utf8(out).expect("records are put together from UTF-8 texts")
    }

    /// The first `limit` wanted events strictly beyond `past` on the way.
    pub(crate) fn walk(&self, filter: &Filter, way: Way, past: Option<Key>, limit: usize) -> Vec<Key> {
        let mut range = self.range(filter);
        match (past, way) {
            (Some(past), Way::Up) => {
                range.start = range.start.max(self.keys.partition_point(|&k| k <= past));
            }
            (Some(past), Way::Down) => {
                range.end = range.end.min(self.keys.partition_point(|&k| k < past));
            }
            (None, _) => {}
        }
        self.take(filter, range, way, 0, limit)
    }

    /// The wanted events number `skip..skip + limit` on the way.
    pub(crate) fn skip(&self, filter: &Filter, way: Way, skip: usize, limit: usize) -> Vec<Key> {
        self.take(filter, self.range(filter), way, skip, limit)
    }

    /// Walks like [`Store::walk`], but orders each second anew by `salt`. `past` is a place
    /// by [`Key::counted`]. Returns the events and the place after each.
    pub(crate) fn walk_unstable(
        &self,
        filter: &Filter,
        way: Way,
        past: Option<Key>,
        (limit, salt): (usize, u64),
    ) -> Vec<(Key, Key)> {
        let mut range = self.range(filter);
        if let Some(past) = past {
            let (start, end) = (past.end_of_second(Way::Down), past.end_of_second(Way::Up));
            match way {
                Way::Up => range.start = range.start.max(self.keys.partition_point(|&k| k < start)),
                Way::Down => range.end = range.end.min(self.keys.partition_point(|&k| k <= end)),
            }
        }
        let mut found = Vec::with_capacity(limit);
        let mut add = |second: &[Key]| {
            let mut second: Vec<Key> = second.iter().copied().filter(|&key| self.wanted(filter, key)).collect();
            second.sort_unstable_by_key(|key| key.shuffled(salt));
            let past = past.filter(|past| second.first().is_some_and(|key| key.second() == past.second()));
            let skip = past.map_or(0, Key::number) as usize;
            let places = second.into_iter().enumerate().skip(skip);
            found.extend(places.map(|(n, key)| (key, Key::counted(key.second(), n as u64 + 1))));
            found.len() >= limit
        };
        let keys = self.keys.get(range).unwrap_or_default();
        let mut seconds = keys.chunk_by(|one, other| one.second() == other.second());
        match way {
            Way::Up => seconds.any(&mut add),
            Way::Down => seconds.rev().any(&mut add),
        };
        found.truncate(limit);
        found
    }

    /// Number of wanted events.
    pub(crate) fn count(&self, filter: &Filter) -> usize {
        let keys = self.keys();
        let keys = filter.seconds.map_or(keys, |seconds| &keys[within(keys, seconds)]);
        if filter.looks_at_facts() {
            keys.iter().filter(|&&key| filter.wants(&Event::draw(self.world.seed, key.index()))).count()
        } else {
            keys.len()
        }
    }

    /// Positions where the events in the filter's seconds are listed, with some others if
    /// events are displaced.
    fn range(&self, filter: &Filter) -> Range<usize> {
        filter.seconds.map_or(0..self.keys.len(), |(first, last)| {
            within(&self.keys, (first.saturating_sub(self.reach), last.saturating_add(self.reach)))
        })
    }

    fn take(&self, filter: &Filter, range: Range<usize>, way: Way, skip: usize, limit: usize) -> Vec<Key> {
        let keys = self.keys.get(range).unwrap_or_default().iter().copied();
        let all = !filter.looks_at_facts() && (self.moved.is_empty() || filter.seconds.is_none());
        let wanted = |&key: &Key| all || self.wanted(filter, key);
        match way {
            Way::Up => keys.filter(wanted).skip(skip).take(limit).collect(),
            Way::Down => keys.rev().filter(wanted).skip(skip).take(limit).collect(),
        }
    }

    fn wanted(&self, filter: &Filter, key: Key) -> bool {
        let second = self.second(key);
        filter.seconds.is_none_or(|(first, last)| (first..=last).contains(&second))
            && (!filter.looks_at_facts() || filter.wants(&Event::draw(self.world.seed, key.index())))
    }
}

/// Positions of the keys in these seconds, both inside.
fn within(keys: &[Key], (first, last): (i64, i64)) -> Range<usize> {
    let start = keys.partition_point(|k| k.second() < first);
    let end = keys.partition_point(|k| k.second() <= last);
    start..end.max(start)
}
