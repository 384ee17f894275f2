//! All access log records in the order in which they are listed, 16 bytes each. Their JSON
//! is computed on demand. Must not depend on requests.

use std::{collections::HashMap, ops::Range};

use super::{
    record::{Context, Facts},
    ulid::Ulid,
};
use crate::{options::Displaced, record::Layout, rng::Rng, store::Direction, timeline::Timeline};

const MILLISECOND: u64 = 74;
const ARRIVAL: u64 = 75;
const CHOICE: u64 = 76;
const DISTANCE: u64 = 77;

/// The filter of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// First and last matching second.
    pub(super) seconds: (i64, i64),
    pub(super) path: Option<String>,
    pub(super) user_id: Option<u64>,
    pub(super) browser_url: Option<String>,
    pub(super) graphql: GraphQl,
}

/// Whether records of GraphQL requests match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum GraphQl {
    #[default]
    Included,
    Excluded,
}

impl Filter {
    fn looks_at_facts(&self) -> bool {
        self.path.is_some() || self.user_id.is_some() || self.browser_url.is_some() || self.graphql == GraphQl::Excluded
    }

    fn wants(&self, facts: &Facts, context: &Context) -> bool {
        self.path.as_ref().is_none_or(|path| *path == facts.path)
            && self.user_id.is_none_or(|id| id == facts.user_id)
            && self.browser_url.as_ref().is_none_or(|url| facts.browser_url(context).as_ref() == Some(url))
            && (self.graphql == GraphQl::Included || !facts.is_graphql())
    }
}

/// The access log records of a sandbox.
#[derive(Debug)]
pub(crate) struct AccessStore {
    context: Context,
    /// Positions of the records in the list, ascending.
    places: Vec<Ulid>,
    /// The id of each displaced record, by its number.
    displaced: HashMap<u64, Ulid>,
    /// Maximum distance of a displaced record in seconds.
    reach: i64,
}

impl AccessStore {
    /// Creates the records of the timeline.
    pub(crate) fn new(context: Context, timeline: &Timeline, displaced: Option<Displaced>) -> Self {
        let id = |index| {
            let millisecond = Rng::new(context.seed, index, MILLISECOND).below(1_000) as i64;
            Ulid::new(context.seed, timeline.second(index) * 1_000 + millisecond, index)
        };
        let mut places: Vec<Ulid> = (0..timeline.events).map(id).collect();
        let mut store = Self { context, places: Vec::new(), displaced: HashMap::new(), reach: 0 };
        if let Some(Displaced { count, seconds }) = displaced {
            let seed = store.context.seed;
            places.sort_unstable_by_key(|id| Rng::new(seed, id.index(seed), CHOICE).next());
            for place in places.iter_mut().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let mut rng = Rng::new(seed, place.index(seed), DISTANCE);
                let distance = 1_000 * (1 + rng.below(seconds.into()) as i64);
                store.displaced.insert(place.index(seed), *place);
                *place = place.moved(if rng.one_in(2) { -distance } else { distance });
            }
            store.reach = seconds.into();
        }
        places.sort_unstable();
        store.places = places;
        store
    }

    /// Returns the ids of all records, ascending.
    pub(crate) fn ids(&self) -> Vec<Ulid> {
        let mut ids: Vec<Ulid> = self.places.iter().map(|&place| self.id(place)).collect();
        if !self.displaced.is_empty() {
            ids.sort_unstable();
        }
        ids
    }

    /// Returns the seconds of the first and the last record, or 0 if there are none.
    pub(super) fn span(&self) -> (i64, i64) {
        let second = |place: Option<&Ulid>| place.map_or(0, |place| place.second());
        (second(self.places.first()), second(self.places.last()))
    }

    /// Adds records at random times in the seconds `from..to`, and returns their ids,
    /// ascending.
    pub(crate) fn add(&mut self, count: u64, from: i64, to: i64) -> Vec<Ulid> {
        let first = self.places.len() as u64;
        let span = (to - from).max(1) as u64 * 1_000;
        let seed = self.context.seed;
        let id = |index| {
            let offset = Rng::new(seed, index, ARRIVAL).below(span) as i64;
            Ulid::new(seed, from * 1_000 + offset, index)
        };
        let mut added: Vec<Ulid> = (first..first + count).map(id).collect();
        added.sort_unstable();
        self.places.extend_from_slice(&added);
        self.places.sort();
        added
    }

    /// Appends the JSON of a record.
    pub(super) fn write(&self, out: &mut Vec<u8>, id: Ulid, layout: Layout) {
        Facts::draw(self.context.seed, id.index(self.context.seed)).write(out, &self.context, id, layout);
    }

    /// Returns the JSON of a record without white space between tokens.
    pub(crate) fn text(&self, id: Ulid) -> String {
        let mut out = Vec::with_capacity(1_024);
        self.write(&mut out, id, Layout::Compact);
        String::from_utf8(out).expect("records are put together from UTF-8 texts")
    }

    /// Returns position and id of the first `limit` matching records strictly after `past`.
    pub(super) fn walk(
        &self,
        filter: &Filter,
        direction: Direction,
        past: Option<Ulid>,
        limit: usize,
    ) -> Vec<(Ulid, Ulid)> {
        let mut range = self.range(filter);
        match (past, direction) {
            (Some(past), Direction::Ascending) => {
                range.start = range.start.max(self.places.partition_point(|&p| p <= past));
            }
            (Some(past), Direction::Descending) => {
                range.end = range.end.min(self.places.partition_point(|&p| p < past));
            }
            (None, _) => {}
        }
        let places = self.places.get(range).unwrap_or_default().iter();
        let found = |&place: &Ulid| self.wanted(filter, place).map(|id| (place, id));
        match direction {
            Direction::Ascending => places.filter_map(found).take(limit).collect(),
            Direction::Descending => places.rev().filter_map(found).take(limit).collect(),
        }
    }

    /// Returns the number of matching records.
    pub(super) fn count(&self, filter: &Filter) -> usize {
        let places = self.places.get(self.range(filter)).unwrap_or_default();
        if filter.looks_at_facts() || !self.displaced.is_empty() {
            places.iter().filter(|&&place| self.wanted(filter, place).is_some()).count()
        } else {
            places.len()
        }
    }

    fn id(&self, place: Ulid) -> Ulid {
        if self.displaced.is_empty() {
            return place;
        }
        self.displaced.get(&place.index(self.context.seed)).copied().unwrap_or(place)
    }

    fn wanted(&self, filter: &Filter, place: Ulid) -> Option<Ulid> {
        let id = self.id(place);
        let (first, last) = filter.seconds;
        let facts = || Facts::draw(self.context.seed, id.index(self.context.seed));
        let wanted = (first..=last).contains(&id.second())
            && (!filter.looks_at_facts() || filter.wants(&facts(), &self.context));
        wanted.then_some(id)
    }

    fn range(&self, filter: &Filter) -> Range<usize> {
        let (first, last) = filter.seconds;
        let first = Ulid::first_in(first.saturating_sub(self.reach));
        let end = Ulid::first_in(last.saturating_add(self.reach).saturating_add(1));
        let start = self.places.partition_point(|&place| place < first);
        let end = self.places.partition_point(|&place| place < end);
        start..end.max(start)
    }
}
