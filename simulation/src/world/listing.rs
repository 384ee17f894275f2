//! The listing of the API for a query: the events, their order, their pages and cursors.
//!
//! It must not know HTTP or faults.

use reqwest::Url;
use source_zendesk_audit_logs::second::Second;

use crate::scenario::{Bound, Cursors, Event, Filtering, Server, Ties, mix};

/// A query for a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// `page[size]`
    pub size: usize,
    /// `filter[created_at][]`, both.
    pub between: Option<(i64, i64)>,
    /// `page[after]`
    pub after: Option<String>,
    /// `sort=created_at`
    pub ascending: bool,
    /// Offset pagination: only the number of events matters.
    pub counts: bool,
}

impl Query {
    /// Parses a query; `None` for one that the API rejects with a 400.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let mut query = Self::default();
        let mut bounds = Vec::new();
        for (name, value) in url.query_pairs() {
            match &*name {
                "page[size]" => query.size = value.parse().ok().filter(|size| (1..=100).contains(size))?,
                "page[after]" => query.after = Some(value.into_owned()),
                "sort" => query.ascending = value == "created_at",
                "filter[created_at][]" => bounds.push(value.parse::<Second>().ok()?.as_unix()),
                "page" | "per_page" => query.counts = true,
                _ => return None,
            }
        }
        query.between = match bounds[..] {
            [] => None,
            [start, end] if start <= end => Some((start, end)),
            _ => return None,
        };
        Some(query)
    }
}

/// The content of a cursor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// The order of ties.
    walk: u64,
    /// The position of the last record: its listed time and tie-breaker.
    last: (i64, u64),
    /// The number of records before it.
    offset: usize,
    /// The number of pages so far.
    pub depth: u32,
    /// The time of its creation, in seconds since 1970.
    pub made: i64,
    /// A digest of its filter.
    filter: u64,
}

impl Cursor {
    fn write(self) -> String {
        let Self { walk, last: (listed, tie), offset, depth, made, filter } = self;
        // Characters that must be percent-encoded.
        format!("{walk:x}.{listed}.{tie:x}.{offset}.{depth}.{made}.{filter:x}+/==")
    }

    /// Parses a cursor of this API.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix("+/==")?.split('.');
        let hexadecimal = |part: &str| u64::from_str_radix(part, 16).ok();
        Some(Self {
            walk: hexadecimal(parts.next()?)?,
            last: (parts.next()?.parse().ok()?, hexadecimal(parts.next()?)?),
            offset: parts.next()?.parse().ok()?,
            depth: parts.next()?.parse().ok()?,
            made: parts.next()?.parse().ok()?,
            filter: hexadecimal(parts.next()?)?,
        })
    }

    /// Returns `true` if it was created for this filter.
    #[must_use]
    pub fn belongs_to(&self, query: &Query) -> bool {
        self.filter == digest(query)
    }
}

fn digest(query: &Query) -> u64 {
    let (start, end) = query.between.unwrap_or_default();
    mix(start.cast_unsigned(), end.cast_unsigned()) | 1
}

/// A page, as indices of events.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The records.
    pub events: Vec<usize>,
    /// `true` if there are more.
    pub has_more: bool,
    /// The cursor of the next page.
    pub after: Option<String>,
}

/// The events in the order of the listing.
#[derive(Debug)]
pub struct Listing {
    order: Vec<usize>,
}

impl Listing {
    /// Sorts the events.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut order: Vec<usize> = (0..events.len()).collect();
        order.sort_by_key(|index| (events[*index].listed, events[*index].id));
        Self { order }
    }

    /// Returns the number of events that match at a time.
    #[must_use]
    pub fn count(&self, events: &[Event], server: &Server, query: &Query, now: i64) -> usize {
        self.matching(events, server, query, now).count()
    }

    fn matching(&self, events: &[Event], server: &Server, query: &Query, now: i64) -> impl Iterator<Item = usize> {
        let (start, end) = query.between.unwrap_or((i64::MIN, i64::MAX));
        let bounded = query.between.is_some();
        let start = if bounded && server.start == Bound::Exclusive { start + 1 } else { start };
        let end = if bounded && server.end == Bound::Exclusive { end - 1 } else { end };
        let filtering = server.filtering;
        let by = move |event: &Event| match filtering {
            Filtering::Shown => event.shown,
            Filtering::Listed => event.listed,
        };
        self.order.iter().copied().filter(move |index| {
            let event = &events[*index];
            event.visible <= now && (start..=end).contains(&by(event))
        })
    }

    /// Returns the page for a query. `walk` determines the order of ties if it is not stable.
    #[must_use]
    pub fn page(&self, events: &[Event], server: &Server, query: &Query, walk: u64, now: i64) -> Page {
        let cursor = query.after.as_deref().and_then(Cursor::read);
        let walk = cursor.map_or(if server.ties == Ties::Unstable { walk } else { 0 }, |cursor| cursor.walk);
        let place = |index: usize| {
            let Event { listed, id, .. } = events[index];
            (listed, if walk == 0 { id.cast_unsigned() } else { mix(walk, id.cast_unsigned()) })
        };
        let mut matching: Vec<usize> = self.matching(events, server, query, now).collect();
        if walk != 0 {
            matching.sort_by_key(|index| place(*index));
        }
        if !query.ascending {
            matching.reverse();
        }
        let first = match (cursor, server.cursors) {
            (None, _) => 0,
            (Some(cursor), Cursors::Offset) => cursor.offset.min(matching.len()),
            (Some(cursor), Cursors::Record) => matching.partition_point(|index| place(*index) <= cursor.last),
        };
        let size = query.size.min(usize::try_from(server.most_records).unwrap_or(1)).max(1);
        let depth = cursor.map_or(0, |cursor| cursor.depth) + 1;
        let empty = mix(!walk, first as u64 ^ (u64::from(depth) << 32)) % 1_000 < u64::from(server.empty_pages);
        let last = if empty && first < matching.len() { first } else { (first + size).min(matching.len()) };
        let has_more = last < matching.len();
        let after = (has_more || server.last_cursor).then(|| {
            let last_place = match last.checked_sub(1) {
                Some(place_of_last) => place(matching[place_of_last]),
                None => cursor.map_or((i64::MIN, 0), |cursor| cursor.last),
            };
            Cursor { walk, last: last_place, offset: last, depth, made: now, filter: digest(query) }.write()
        });
        Page { events: matching[first..last].to_vec(), has_more, after }
    }
}
