//! How the simulated API behaves: everything that Zendesk does not document, under each reading.

/// By which of an event's times the filter selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtering {
    /// By `created_at`, while the order is that of the listing.
    Shown,
    /// By the time of the listing.
    Listed,
}

/// If a bound of the filter belongs to the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It does.
    Inclusive,
    /// It does not.
    Exclusive,
}

/// The order of records that share a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The same in all responses.
    Stable,
    /// Another one after each request without a cursor.
    Unstable,
}

/// What a cursor points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursors {
    /// Behind a record.
    Record,
    /// Behind a number of records, so that arrivals shift pages.
    Offset,
}

/// The limits on requests a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Of the account.
    pub account: u32,
    /// Of the endpoint itself, told by a header of its own.
    pub endpoint: Option<u32>,
    /// The account's limit from some request on.
    pub changes: Option<(u32, u32)>,
    /// If responses carry `X-Rate-Limit` and its like.
    pub told: bool,
    /// If a 429 carries `Retry-After`.
    pub retry_after: bool,
    /// What other integrations use.
    pub others: Others,
}

/// Requests of other integrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// None.
    Idle,
    /// So many a minute.
    Steady(u32),
    /// So many at once, in every so many minutes.
    Bursts(u32, i64),
}

/// How the API behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Server {
    /// If events at the first bound of the filter match.
    pub start: Bound,
    /// If events at the second bound of the filter match.
    pub end: Bound,
    /// By what it selects.
    pub filtering: Filtering,
    /// In which order records of one second come.
    pub ties: Ties,
    /// What cursors point to.
    pub cursors: Cursors,
    /// Seconds after which a cursor is refused.
    pub cursor_life: Option<i64>,
    /// A page with `has_more: false` carries a cursor all the same.
    pub last_cursor: bool,
    /// The most records of a page, whatever is asked for.
    pub most_records: u32,
    /// Of a thousand pages, how many are empty although there are more.
    pub empty_pages: u32,
    /// Filters that span more days than this get a 504.
    pub heavy_days: Option<i64>,
    /// Pages that one cursor leads through before a 504.
    pub heavy_depth: Option<u32>,
    /// Seconds by which `Date` is ahead of the true time; `None` for no `Date`.
    pub date_ahead: Option<i64>,
    /// Offset pagination tells the number of events.
    pub counts: bool,
    /// The limits on requests.
    pub limits: Limits,
    /// Lifetime of access tokens, in seconds.
    pub token_life: i64,
}

impl Server {
    /// A server without peculiarities.
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
                told: true,
                retry_after: true,
                others: Others::Idle,
            },
            token_life: 172_800,
        }
    }
}
