//! Parses the parameters of an access log request, or answers the 400 that Zendesk gives.
//! Never looks at a record.

use super::{
    error,
    store::{Filter, GraphQl},
    ulid::Ulid,
};
use crate::{
    cursor::{self, Cursor},
    options::CursorName,
    query::{self, Ends, Params},
    reply::Reply,
    store::Way,
};

const MAX_SIZE: usize = 2_500;
const DEFAULT_SIZE: usize = 1_000;
/// The last second of the year 9999.
const END_OF_TIME: i64 = 253_402_300_799;

/// A checked query.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) filter: Filter,
    pub(super) size: usize,
    pub(super) sort: Way,
    pub(super) from: Side,
}

/// Where a page lies in its walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    First,
    After(Cursor),
    Before(Cursor),
}

/// Parses the parameters. Unknown parameters are ignored, and so is a cursor parameter of
/// the name that is not accepted.
pub(super) fn parse(params: &Params, ends: Ends, accepted: CursorName) -> Result<Query, Reply> {
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
        None | Some("created_at") => Way::Up,
        Some("-created_at") => Way::Down,
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
        (None, None) => Side::First,
        (Some(after), None) => Side::After(after),
        (None, Some(before)) => Side::Before(before),
        (Some(_), Some(_)) => return Err(error::malformed("two cursors")),
    };
    Ok(Query { filter: filter(params, ends)?, size, sort, from })
}

fn filter(params: &Params, ends: Ends) -> Result<Filter, Reply> {
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
    let first = start.map_or(0, |start| if ends.start_inclusive { start } else { start + 1 });
    let last = end.map_or(END_OF_TIME, |end| if ends.end_inclusive { end } else { end - 1 });
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
    /// The direction of the walk, the place where the page begins, and the pages before it.
    pub(super) fn walk(&self) -> (Way, Option<Ulid>, u32) {
        let ulid = |cursor: Cursor| Ulid(u128::from_be_bytes(cursor.key.to_bytes()));
        match (self.from, self.sort) {
            (Side::First, sort) => (sort, None, 0),
            (Side::After(cursor), sort) => (sort, Some(ulid(cursor)), cursor.pages),
            (Side::Before(cursor), Way::Up) => (Way::Down, Some(ulid(cursor)), cursor.pages),
            (Side::Before(cursor), Way::Down) => (Way::Up, Some(ulid(cursor)), cursor.pages),
        }
    }
}
