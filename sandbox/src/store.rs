//! All events in their order, 16 bytes each; their texts are computed when asked
//! for. Knows ranges and walks, but no request.

use std::{net::IpAddr, ops::Range};

use crate::{
    dice::Dice,
    event::Event,
    record::{Layout, World},
    scenario::Scenario,
    timeline::Timeline,
};

const TIE: u64 = 21;
const ARRIVAL: u64 = 22;
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
    /// Ascending.
    keys: Vec<Key>,
}

impl Store {
    /// The events of the timeline, and those of the scenario.
    pub(crate) fn new(world: World, timeline: &Timeline, scenario: Option<Scenario>) -> Self {
        let key = |index| Key::new(world.seed, timeline.second(index), index);
        let mut keys: Vec<Key> = (0..timeline.events).map(key).collect();
        let fixed = scenario.into_iter().flat_map(Scenario::events);
        keys.extend(fixed.map(|(index, second)| Key::new(world.seed, second, index)));
        keys.sort_unstable();
        Self { world, keys }
    }

    /// Number of events.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// All places, ascending.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Adds events somewhere in the seconds `from..to`, and says where.
    pub(crate) fn add(&mut self, count: u64, from: i64, to: i64) -> Vec<Key> {
        let first = self.keys.len() as u64;
        let span = (to - from).max(1) as u64;
        let seed = self.world.seed;
        let mut new: Vec<Key> = (first..first + count)
            .map(|index| {
                let offset = Dice::new(seed, index, ARRIVAL).below(span);
                Key::new(seed, from + offset as i64, index)
            })
            .collect();
        new.sort_unstable();
        self.keys.extend_from_slice(&new);
        // Two sorted runs: the stable sort merges them in one pass.
        self.keys.sort();
        new
    }

    /// Appends the JSON text of the event at `key`.
    pub(crate) fn write(&self, out: &mut Vec<u8>, key: Key, layout: Layout) {
        Event::draw(self.world.seed, key.index()).write(out, &self.world, key.second(), layout);
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

    /// Number of wanted events.
    pub(crate) fn count(&self, filter: &Filter) -> usize {
        let range = self.range(filter);
        if filter.looks_at_facts() {
            self.keys[range].iter().filter(|&&key| self.wanted(filter, key)).count()
        } else {
            range.len()
        }
    }

    /// Positions of the events in the filter's seconds.
    fn range(&self, filter: &Filter) -> Range<usize> {
        let Some((first, last)) = filter.seconds else {
            return 0..self.keys.len();
        };
        let start = self.keys.partition_point(|k| k.second() < first);
        let end = self.keys.partition_point(|k| k.second() <= last);
        start..end.max(start)
    }

    fn take(&self, filter: &Filter, range: Range<usize>, way: Way, skip: usize, limit: usize) -> Vec<Key> {
        let keys = self.keys.get(range).unwrap_or_default().iter().copied();
        let all = !filter.looks_at_facts();
        let wanted = |&key: &Key| all || self.wanted(filter, key);
        match way {
            Way::Up => keys.filter(wanted).skip(skip).take(limit).collect(),
            Way::Down => keys.rev().filter(wanted).skip(skip).take(limit).collect(),
        }
    }

    fn wanted(&self, filter: &Filter, key: Key) -> bool {
        filter.wants(&Event::draw(self.world.seed, key.index()))
    }
}
