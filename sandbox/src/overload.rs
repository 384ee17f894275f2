//! Which audit log requests are too heavy, and how they fail. Pure functions of the
//! options and the query.

use std::time::Duration;

use crate::{
    options::{Load, Overload},
    query::{Paging, Query, Side},
    reply::{Delay, Reply},
    store::{Store, Way},
};

const DAY: i64 = 86_400;

/// Returns `true` if the server cannot answer this query in time.
pub(crate) fn is_too_heavy(load: &Load, query: &Query, store: &Store, from: i64) -> bool {
    let newest = matches!(query.paging, Paging::Cursor { sort: Way::Down, from: Side::First, .. });
    let span = || match query.filter.seconds {
        Some((first, last)) => last - first,
        None if newest => 0,
        None => store.keys().last().map_or(0, |key| key.second() - from),
    };
    let matches = || match query.filter.seconds {
        None if newest => 0,
        _ => store.count(&query.filter) as u64,
    };
    let (size, pages) = match query.paging {
        Paging::Cursor { size, from, .. } => {
            let pages = match from {
                Side::First => 0,
                Side::After(cursor) | Side::Before(cursor) => cursor.pages,
            };
            (size, pages)
        }
        Paging::Offset { per_page, .. } => (per_page as usize, 0),
    };
    load.max_span_days.is_some_and(|days| span() > i64::from(days) * DAY)
        || load.max_matches.is_some_and(|most| matches() > most)
        || load.max_depth.is_some_and(|most| pages >= most)
        || load.max_page_size.is_some_and(|most| size > most)
}

/// The answer to a request that is too heavy.
pub(crate) fn failure(load: &Load) -> Reply {
    let mut reply = match load.overload {
        Overload::BadGateway => Reply::gateway(502, "502 Bad Gateway"),
        Overload::GatewayTimeout | Overload::Stall => Reply::gateway(504, "504 Gateway Time-out"),
    };
    reply.delay = match (load.overload, load.overload_seconds) {
        (Overload::Stall, _) => Delay::Forever,
        (_, 0) => Delay::None,
        (_, seconds) => Delay::For(Duration::from_secs(seconds.into())),
    };
    reply
}
