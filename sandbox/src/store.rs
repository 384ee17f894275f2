//! All audit log events in the order in which they are listed, 16 bytes each. Their JSON is
//! computed on demand. Must not depend on requests.

use std::{collections::HashMap, net::IpAddr, ops::Range};

use crate::{
    event::Event,
    record::{Context, Layout},
    rng::Rng,
    scenario::Scenario,
    special::Special,
    timeline::Timeline,
};

const TIE: u64 = 21;
const ARRIVAL: u64 = 22;
const SHUFFLE: u64 = 23;
const INDEX_BITS: u32 = 40;
const TIE_BITS: u32 = 48;
/// Makes the earliest second of a timestamp positive.
const BIAS: i64 = 1 << 39;

/// The sort key of an event: its second, a hash that orders the events of a second, and its
/// number, which makes the key unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u128);

impl Key {
    fn new(seed: u64, second: i64, index: u64) -> Self {
        let tie = Rng::new(seed, index, TIE).next() >> (64 - TIE_BITS);
        let place = u128::from((second + BIAS) as u64) << (TIE_BITS + INDEX_BITS);
        Self(place | u128::from(tie) << INDEX_BITS | u128::from(index))
    }

    /// Returns the second since 1970.
    pub(crate) const fn second(self) -> i64 {
        (self.0 >> (TIE_BITS + INDEX_BITS)) as i64 - BIAS
    }

    const fn index(self) -> u64 {
        self.0 as u64 & ((1 << INDEX_BITS) - 1)
    }

    /// Creates the position after `number` events of this second. It is not the key of an
    /// event.
    pub(crate) const fn counted(second: i64, number: u64) -> Self {
        Self(((second + BIAS) as u128) << (TIE_BITS + INDEX_BITS) | number as u128)
    }

    /// Returns the last position of this second in this direction.
    pub(crate) const fn end_of_second(self, direction: Direction) -> Self {
        const WITHIN: u128 = (1 << (TIE_BITS + INDEX_BITS)) - 1;
        match direction {
            Direction::Ascending => Self(self.0 | WITHIN),
            Direction::Descending => Self(self.0 & !WITHIN),
        }
    }

    /// Returns a number that orders the events of a second differently for each salt.
    pub(crate) fn shuffled(self, salt: u64) -> u64 {
        Rng::new(salt, self.index(), SHUFFLE).next()
    }

    /// Returns the number of events of [`Key::counted`].
    pub(crate) const fn number(self) -> u64 {
        self.index()
    }

    /// Returns the bytes of the key, for cursors.
    pub(crate) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Creates a key from the bytes of [`Key::to_bytes`]. All bytes are valid.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// The filter of a request. An empty array matches every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// First and last matching second.
    pub(crate) seconds: Option<(i64, i64)>,
    pub(crate) actions: Vec<String>,
    pub(crate) actor_ids: Vec<i64>,
    /// `None` is an invalid address, which matches nothing.
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

/// The direction of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From old to new.
    Ascending,
    /// From new to old.
    Descending,
}

/// The events of a sandbox.
#[derive(Debug)]
pub(crate) struct Store {
    context: Context,
    /// Keys in the order of the list, ascending.
    keys: Vec<Key>,
    /// Keys by true time, ascending; `None` if they are the same as `keys`.
    truth: Option<Vec<Key>>,
    /// The true second, since 1970, of each displaced event, by its number.
    moved: HashMap<u64, i64>,
    /// Maximum distance of a displaced event in seconds.
    reach: i64,
    misdated: Option<(u64, i64)>,
}

impl Store {
    /// Creates the events of the timeline and of the scenario.
    pub(crate) fn new(context: Context, timeline: &Timeline, special: &Special, scenario: Option<Scenario>) -> Self {
        let seed = context.seed;
        let second = |index| special.dated.get(&index).copied().unwrap_or_else(|| timeline.second(index));
        let mut keys: Vec<Key> = (0..timeline.events).map(|index| Key::new(seed, second(index), index)).collect();
        let fixed = scenario.into_iter().flat_map(Scenario::events);
        keys.extend(fixed.map(|(index, second)| Key::new(seed, second, index)));
        keys.sort_unstable();
        let mut store =
            Self { context, keys, truth: None, moved: HashMap::new(), reach: 0, misdated: special.misdated };
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

    /// Returns the number of events.
    pub(crate) fn len(&self) -> usize {
        self.keys().len()
    }

    /// Returns the keys of all events by true time, ascending.
    pub(crate) fn keys(&self) -> &[Key] {
        self.truth.as_deref().unwrap_or(&self.keys)
    }

    /// Returns the true second of an event, which differs from its key if it is displaced.
    fn second(&self, key: Key) -> i64 {
        self.moved.get(&key.index()).copied().unwrap_or_else(|| key.second())
    }

    /// Adds events at random seconds in `from..to`, and returns their keys.
    pub(crate) fn add(&mut self, count: u64, from: i64, to: i64) -> Vec<Key> {
        let first = self.len() as u64;
        let span = (to - from).max(1) as u64;
        let seed = self.context.seed;
        let mut new: Vec<Key> = (first..first + count)
            .map(|index| {
                let offset = Rng::new(seed, index, ARRIVAL).below(span);
                Key::new(seed, from + offset as i64, index)
            })
            .collect();
        new.sort_unstable();
        for keys in [Some(&mut self.keys), self.truth.as_mut()].into_iter().flatten() {
            keys.extend_from_slice(&new);
            // The stable sort merges two sorted runs in one pass.
            keys.sort();
        }
        new
    }

    /// Appends the JSON of an event.
    pub(crate) fn write(&self, out: &mut Vec<u8>, key: Key, layout: Layout) {
        let second = self.second(key);
        let off = self.misdated.filter(|(index, _)| *index == key.index()).map_or(0, |(_, seconds)| seconds);
        Event::draw(self.context.seed, key.index()).write(out, &self.context, (second, off), layout);
    }

    /// Returns the JSON of an event without white space between tokens.
    pub(crate) fn text(&self, key: Key) -> String {
        let mut out = Vec::with_capacity(512);
        self.write(&mut out, key, Layout::Compact);
        String::from_utf8(out).expect("records are put together from UTF-8 texts")
    }

    /// Returns the first `limit` matching events strictly after `past` in this direction.
    pub(crate) fn walk(&self, filter: &Filter, direction: Direction, past: Option<Key>, limit: usize) -> Vec<Key> {
        let mut range = self.range(filter);
        match (past, direction) {
            (Some(past), Direction::Ascending) => {
                range.start = range.start.max(self.keys.partition_point(|&k| k <= past));
            }
            (Some(past), Direction::Descending) => {
                range.end = range.end.min(self.keys.partition_point(|&k| k < past));
            }
            (None, _) => {}
        }
        self.take(filter, range, direction, 0, limit)
    }

    /// Returns the matching events `skip..skip + limit` in this direction.
    pub(crate) fn skip(&self, filter: &Filter, direction: Direction, skip: usize, limit: usize) -> Vec<Key> {
        self.take(filter, self.range(filter), direction, skip, limit)
    }

    /// Walks like [`Store::walk`], but orders the events of each second by `salt`. `past`
    /// is a position of [`Key::counted`]. Returns each event with the position after it.
    pub(crate) fn walk_unstable(
        &self,
        filter: &Filter,
        direction: Direction,
        past: Option<Key>,
        (limit, salt): (usize, u64),
    ) -> Vec<(Key, Key)> {
        let mut range = self.range(filter);
        if let Some(past) = past {
            let (start, end) = (past.end_of_second(Direction::Descending), past.end_of_second(Direction::Ascending));
            match direction {
                Direction::Ascending => range.start = range.start.max(self.keys.partition_point(|&k| k < start)),
                Direction::Descending => range.end = range.end.min(self.keys.partition_point(|&k| k <= end)),
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
        match direction {
            Direction::Ascending => seconds.any(&mut add),
            Direction::Descending => seconds.rev().any(&mut add),
        };
        found.truncate(limit);
        found
    }

    /// Returns the number of matching events.
    pub(crate) fn count(&self, filter: &Filter) -> usize {
        let keys = self.keys();
        let keys = filter.seconds.map_or(keys, |seconds| &keys[within(keys, seconds)]);
        if filter.looks_at_facts() {
            keys.iter().filter(|&&key| filter.wants(&Event::draw(self.context.seed, key.index()))).count()
        } else {
            keys.len()
        }
    }

    /// Returns the range of `keys` that contains the matching seconds. If events are
    /// displaced, it contains others as well.
    fn range(&self, filter: &Filter) -> Range<usize> {
        filter.seconds.map_or(0..self.keys.len(), |(first, last)| {
            within(&self.keys, (first.saturating_sub(self.reach), last.saturating_add(self.reach)))
        })
    }

    fn take(&self, filter: &Filter, range: Range<usize>, direction: Direction, skip: usize, limit: usize) -> Vec<Key> {
        let keys = self.keys.get(range).unwrap_or_default().iter().copied();
        let all = !filter.looks_at_facts() && (self.moved.is_empty() || filter.seconds.is_none());
        let wanted = |&key: &Key| all || self.wanted(filter, key);
        match direction {
            Direction::Ascending => keys.filter(wanted).skip(skip).take(limit).collect(),
            Direction::Descending => keys.rev().filter(wanted).skip(skip).take(limit).collect(),
        }
    }

    fn wanted(&self, filter: &Filter, key: Key) -> bool {
        let second = self.second(key);
        filter.seconds.is_none_or(|(first, last)| (first..=last).contains(&second))
            && (!filter.looks_at_facts() || filter.wants(&Event::draw(self.context.seed, key.index())))
    }
}

/// Returns the range of the keys in these seconds, both inclusive.
fn within(keys: &[Key], (first, last): (i64, i64)) -> Range<usize> {
    let start = keys.partition_point(|k| k.second() < first);
    let end = keys.partition_point(|k| k.second() <= last);
    start..end.max(start)
}
