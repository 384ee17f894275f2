//! Parses the parameters of an access log request, or returns Zendesk's 400. Must not
//! access records.

use super::{
    error,
    store::{Filter, GraphQl},
    ulid::Ulid,
};
use crate::{
    cursor::{self, Cursor},
    options::CursorName,
    query::{self, Bounds, Params},
    reply::Reply,
    store::Direction,
};

const MAX_SIZE: usize = 2_500;
const DEFAULT_SIZE: usize = 1_000;
/// The last second of the year 9999.
const END_OF_TIME: i64 = 253_402_300_799;

/// A parsed query.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) filter: Filter,
    pub(super) size: usize,
    pub(super) sort: Direction,
    pub(super) from: Start,
}

/// Where a page starts in its walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    First,
    After(Cursor),
    Before(Cursor),
}

/// Parses the parameters. Unknown parameters are ignored, and so is a cursor parameter of
/// the name that is not accepted.
pub(super) fn parse(params: &Params, bounds: Bounds, accepted: CursorName) -> Result<Query, Reply> {
    let size = match query::last(params, "page[size]") {
        None => DEFAULT_SIZE,
        Some(text) => text.parse().map_err(|_| error::malformed("page size must be a number"))?,
    };
    if size > MAX_SIZE {
        return Err(error::malformed("max allowed page size is 2500"));
    }
    if size == 0 {
        return Err(error::malformed("min allowed page size is 1"));
    }
    let sort = match query::last(params, "sort") {
        None | Some("created_at") => Direction::Ascending,
        Some("-created_at") => Direction::Descending,
        Some(_) => return Err(error::malformed("invalid sort")),
    };
    let cursor = |direction: &str| {
        let names: &[&str] = match accepted {
            CursorName::Either => &["filter", "page"],
            CursorName::Filter => &["filter"],
            CursorName::Page => &["page"],
        };
        let text = names.iter().find_map(|name| query::last(params, &format!("{name}[{direction}]")));
        text.map(|text| cursor::decode(text, sort).ok_or_else(|| error::malformed("invalid cursor"))).transpose()
    };
    let from = match (cursor("after")?, cursor("before")?) {
        (None, None) => Start::First,
        (Some(after), None) => Start::After(after),
        (None, Some(before)) => Start::Before(before),
        (Some(_), Some(_)) => return Err(error::malformed("two cursors")),
    };
    Ok(Query { filter: filter(params, bounds)?, size, sort, from })
}

fn filter(params: &Params, bounds: Bounds) -> Result<Filter, Reply> {
    let time = |name: &str| {
        let text = query::last(params, name);
        let second = |text| query::instant(text).ok_or_else(|| error::malformed("invalid time stamp"));
        text.map(second).transpose()
    };
    let (start, end) = (time("filter[start]")?, time("filter[end]")?);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(error::malformed("filter[start] is after filter[end]"));
    }
    let first = start.map_or(0, |start| if bounds.start_inclusive { start } else { start + 1 });
    let last = end.map_or(END_OF_TIME, |end| if bounds.end_inclusive { end } else { end - 1 });
    let user_id = query::last(params, "filter[user_id]");
    let graphql = match query::last(params, "filter[graphql]") {
        None | Some("false") => GraphQl::Included,
        Some("true") => GraphQl::Excluded,
        Some(_) => return Err(error::malformed("filter[graphql] must be a boolean")),
    };
    Ok(Filter {
        seconds: (first, last),
        path: query::last(params, "filter[path]").map(str::to_owned),
        user_id: user_id.map(|id| id.parse().map_err(|_| error::malformed("invalid user id"))).transpose()?,
        browser_url: query::last(params, "filter[browser_url]").map(str::to_owned),
        graphql,
    })
}

impl Query {
    /// Returns the direction of the walk, the position where the page starts, and the
    /// number of pages before it.
    pub(super) fn walk(&self) -> (Direction, Option<Ulid>, u32) {
        let ulid = |cursor: Cursor| Ulid(u128::from_be_bytes(cursor.key.to_bytes()));
        match (self.from, self.sort) {
            (Start::First, sort) => (sort, None, 0),
            (Start::After(cursor), sort) => (sort, Some(ulid(cursor)), cursor.pages),
            (Start::Before(cursor), Direction::Ascending) => (Direction::Descending, Some(ulid(cursor)), cursor.pages),
            (Start::Before(cursor), Direction::Descending) => (Direction::Ascending, Some(ulid(cursor)), cursor.pages),
        }
    }
}
