//! The behavior of the simulated API: everything that Zendesk does not document, with all possible meanings.

/// The time of an event that the filter uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtering {
    /// `created_at`, while the order is that of the listing.
    Shown,
    /// The time of the listing.
    Listed,
}

/// The meaning of a bound of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The bound is part of the span.
    Inclusive,
    /// The bound is not part of the span.
    Exclusive,
}

/// The order of records that share a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The same in all responses.
    Stable,
    /// A new order after each request without a cursor.
    Unstable,
}

/// The position of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursors {
    /// After a record.
    Record,
    /// After a number of records, so that arrivals shift pages.
    Offset,
}

/// The limits of requests per minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The limit of the account.
    pub account: u32,
    /// The limit of the endpoint, reported in a separate header.
    pub endpoint: Option<u32>,
    /// The account's limit from a certain request on.
    pub changes: Option<(u32, u32)>,
    /// `true` if responses contain `X-Rate-Limit` and similar headers.
    pub reported: bool,
    /// `true` if a 429 contains `Retry-After`.
    pub retry_after: bool,
    /// The requests of other integrations.
    pub others: Others,
}

/// Requests of other integrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// None.
    Idle,
    /// This number per minute.
    Steady(u32),
    /// This number at once, at this interval in minutes.
    Bursts(u32, i64),
}

/// The behavior of the API.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Server {
    /// The meaning of the first bound of the filter.
    pub start: Bound,
    /// The meaning of the second bound of the filter.
    pub end: Bound,
    /// The time that the filter uses.
    pub filtering: Filtering,
    /// The order of records of one second.
    pub ties: Ties,
    /// The position of cursors.
    pub cursors: Cursors,
    /// The lifetime of a cursor, in seconds.
    pub cursor_life: Option<i64>,
    /// `true` if a page with `has_more: false` has a cursor nevertheless.
    pub last_cursor: bool,
    /// The largest number of records of a page, for any requested size.
    pub most_records: u32,
    /// The number of empty pages before the end, per thousand pages.
    pub empty_pages: u32,
    /// The longest span of a filter without a 504, in days.
    pub heavy_days: Option<i64>,
    /// The number of pages of one cursor before a 504.
    pub heavy_depth: Option<u32>,
    /// The offset of `Date`, ahead of true time, in seconds; `None` for no `Date`.
    pub date_ahead: Option<i64>,
    /// `true` if offset pagination returns the number of events.
    pub counts: bool,
    /// The limits of requests.
    pub limits: Limits,
    /// The lifetime of access tokens, in seconds.
    pub token_life: i64,
}

impl Server {
    /// Returns a server without peculiarities.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            start: Bound::Inclusive,
            end: Bound::Inclusive,
            filtering: Filtering::Shown,
            ties: Ties::Stable,
            cursors: Cursors::Record,
            cursor_life: None,
            last_cursor: true,
            most_records: 10,
            empty_pages: 0,
            heavy_days: None,
            heavy_depth: None,
            date_ahead: Some(0),
            counts: true,
            limits: Limits {
                account: 700,
                endpoint: None,
                changes: None,
                reported: true,
                retry_after: true,
                others: Others::Idle,
            },
            token_life: 172_800,
        }
    }
}
