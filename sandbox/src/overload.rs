//! Which requests are too heavy, and how they fail. Pure functions of the options and the
//! query.

use std::time::Duration;

use crate::{
    options::{Load, Overload},
    query::{Paging, Query, Start},
    reply::{Delay, Reply},
    store::{Direction, Store},
};

const DAY: i64 = 86_400;

/// What a request costs the server, apart from the number of matching events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    /// Seconds that the filter spans; 0 for the newest page without a filter.
    pub(crate) span: i64,
    /// The `page[size]`; 0 for offset pagination.
    pub(crate) size: usize,
    /// Pages of the walk before this one.
    pub(crate) pages: u32,
}

impl Weight {
    /// The weight of an audit log query. `from` is the beginning of the history.
    pub(crate) fn of(query: &Query, store: &Store, from: i64) -> Self {
        let span = match query.filter.seconds {
            Some((first, last)) => last - first,
            None if is_newest(query) => 0,
            None => store.keys().last().map_or(0, |key| key.second() - from),
        };
        let (size, pages) = match query.paging {
            Paging::Cursor { size, from: Start::First, .. } => (size, 0),
            Paging::Cursor { size, from: Start::After(cursor) | Start::Before(cursor), .. } => (size, cursor.pages),
            Paging::Offset { .. } => (0, 0),
        };
        Self { span, size, pages }
    }
}

/// Returns `true` for the newest page without a time filter, which is cheap.
pub(crate) fn is_newest(query: &Query) -> bool {
    query.filter.seconds.is_none()
        && matches!(query.paging, Paging::Cursor { sort: Direction::Descending, from: Start::First, .. })
}

/// Returns `true` if the server cannot process this request in time. `matches` counts the
/// events that match its filter.
pub(crate) fn is_too_heavy(load: &Load, weight: Weight, matches: impl FnOnce() -> u64) -> bool {
    load.max_span_days.is_some_and(|days| weight.span > i64::from(days) * DAY)
        || load.max_depth.is_some_and(|most| weight.pages >= most)
        || load.max_page_size.is_some_and(|most| weight.size > most)
        || load.max_matches.is_some_and(|most| matches() > most)
}

/// The response to a request that is too heavy.
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
