//! The options of a sandbox. Plain data. Related options are grouped in structs, which the
//! command line uses directly.

mod access;
mod count;
mod dates;
mod limits;
mod load;
mod order;
mod tokens;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{echo::Echo, fault::Faults, response_hook::ResponseHook, scenario::Scenario};

pub use access::{AccessLogs, AccessScope, AddOn, CursorName, LinkCursorName};
pub use count::Count;
pub use dates::{DateFormat, Dates, FutureEvents};
pub use limits::{EndpointLimit, Limits, RetryAfterFormat};
pub use load::{Load, Overload};
pub use order::{CursorKind, Displaced, Order, Ties};
pub use tokens::{RefreshResponse, Tokens};

/// The options of a sandbox. `Options::default()` is an Enterprise account with 1,000
/// events in 2024.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each one is an independent switch, and callers name it")]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes any free one. Default 0.
    pub port: u16,
    /// Number of events at the start. Default 1,000; at most 2^39.
    pub events: u64,
    /// The same seed and options give the same events. Default 1.
    pub seed: u64,
    /// First second of the history; fractions are ignored. Default 2024-01-01T00:00:00Z.
    pub from: Timestamp,
    /// End of the history, exclusive. Default 2025-01-01T00:00:00Z.
    pub to: Timestamp,
    /// Distribution of the events in `from..to`. Default [`Shape::Mixed`].
    pub shape: Shape,
    /// Fixed events in addition to `events`. Default none.
    pub scenario: Option<Scenario>,
    /// Time before each response. Default none.
    pub latency: Duration,
    /// Requests a `minute` for all callers together. `None`, the default, enforces no
    /// limit; the headers then show 700.
    pub rate_limit: Option<u32>,
    /// Length of the rate limit's minute. Default 60 s.
    pub minute: Duration,
    /// Which kinds of rate limit headers are sent. Default both.
    pub rate_headers: RateHeaders,
    /// Send `Retry-After` with a 429. Default true.
    pub retry_after: bool,
    /// The start of a time filter is inclusive. Zendesk does not document it. Default true.
    pub start_inclusive: bool,
    /// The end of a time filter is inclusive. Zendesk does not document it. Default true.
    pub end_inclusive: bool,
    /// Compress responses for clients that accept gzip. Default true.
    pub gzip: bool,
    /// The kind of account. Default [`Account::Enterprise`].
    pub account: Account,
    /// The subdomain in the `url` of records and in the 404 of a missing account. Default
    /// "sandbox".
    pub subdomain: String,
    /// The server's clock. Default [`ServerClock::Machine`].
    pub clock: ServerClock,
    /// Offset of the `Date` header from the server's clock. Default zero.
    pub clock_offset: SignedDuration,
    /// Lifetime of issued access tokens, independent of the requested `expires_in`. Default
    /// `None`: as requested, otherwise 30 minutes.
    pub token_lifetime: Option<Duration>,
    /// A token can request its own expiry; if not, the response is a 403. Default true.
    pub token_info: bool,
    /// The order in which records are listed.
    pub order: Order,
    /// The dates of records.
    pub dates: Dates,
    /// Requests that are too heavy for the server.
    pub load: Load,
    /// Rate limits in addition to the account's.
    pub limits: Limits,
    /// The token endpoint.
    pub tokens: Tokens,
    /// The `count` of offset pagination. Default right.
    pub count: Count,
    /// Error bodies that repeat the request's secrets, encoded. Default none.
    pub echo: Option<Echo>,
    /// The access log endpoint. Default no records.
    pub access_logs: AccessLogs,
    /// A hook that may replace any response. Default none.
    pub response_hook: Option<ResponseHook>,
    /// Seeded faults. Default none.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            events: 1_000,
            seed: 1,
            from: Timestamp::constant(1_704_067_200, 0),
            to: Timestamp::constant(1_735_689_600, 0),
            shape: Shape::Mixed,
            scenario: None,
            latency: Duration::ZERO,
            rate_limit: None,
            minute: Duration::from_mins(1),
            rate_headers: RateHeaders::Both,
            retry_after: true,
            start_inclusive: true,
            end_inclusive: true,
            gzip: true,
            account: Account::Enterprise,
            subdomain: "sandbox".to_owned(),
            clock: ServerClock::default(),
            clock_offset: SignedDuration::ZERO,
            token_lifetime: None,
            token_info: true,
            order: Order::default(),
            dates: Dates::default(),
            load: Load::default(),
            limits: Limits::default(),
            tokens: Tokens::default(),
            count: Count::default(),
            echo: None,
            access_logs: AccessLogs::default(),
            response_hook: None,
            faults: Faults::default(),
        }
    }
}

/// The server's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerClock {
    /// This machine's clock.
    #[default]
    Machine,
    /// `to` of [`Options`], plus this number of seconds for each request.
    /// [`Sandbox::advance_clock`](crate::Sandbox::advance_clock) advances it.
    Requests(u32),
}

/// The distribution of events in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// At equal intervals.
    Even,
    /// Quiet periods, busy days, and seconds with hundreds of events.
    #[default]
    Mixed,
    /// 95 % of the events in 1 % of the span.
    Skewed,
    /// All in seconds with several hundred events each.
    Tied,
    /// All in the second in the middle of the span.
    OneSecond,
}

/// Which kinds of rate limit headers are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RateHeaders {
    /// Both kinds.
    #[default]
    Both,
    /// `X-Rate-Limit` and `X-Rate-Limit-Remaining` only.
    XRateLimit,
    /// `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` (seconds) only.
    RateLimit,
    /// No such header.
    None,
}

/// The kind of account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Account {
    /// An account with audit logs.
    #[default]
    Enterprise,
    /// An account whose plan has no audit logs: 403 for every caller.
    Professional,
    /// No account: every path returns 404 "No help desk at ...".
    Missing,
}
