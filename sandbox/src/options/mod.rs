//! Everything that can be switched. Plain data: nothing here acts. Groups of options
//! that belong together are structs, which the command line uses as they are.

mod access;
mod count;
mod dates;
mod limits;
mod load;
mod order;
mod tokens;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{echo::Echo, fault::Faults, interfere::Interfere, scenario::Scenario};

pub use access::{AccessLogs, AccessScope, AddOn, CursorName, LinkCursorName};
pub use count::Count;
pub use dates::{DateFormat, Dates, FutureEvents};
pub use limits::{EndpointLimit, Limits, RetryAfterFormat};
pub use load::{Load, Overload};
pub use order::{CursorKind, Displaced, Order, Ties};
pub use tokens::{RefreshAnswer, Tokens};

/// Everything one can switch. `Options::default()` is an Enterprise account with
/// 1,000 events in the year 2024.
#[derive(Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each one is a switch of its own; the builder of this struct names them"
)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes any free one. Default 0.
    pub port: u16,
    /// Number of events at the start. Default 1,000; at most 2^39.
    pub events: u64,
    /// Two sandboxes with the same seed and options hold the same events. Default 1.
    pub seed: u64,
    /// The first second in which an event can lie (fractions are cut). Default
    /// 2024-01-01T00:00:00Z.
    pub from: Timestamp,
    /// The end of the span, itself outside it. Default 2025-01-01T00:00:00Z.
    pub to: Timestamp,
    /// How the events lie in `from..to`. Default [`Shape::Mixed`].
    pub shape: Shape,
    /// Fixed events beside the seeded ones; they are not counted in `events`. Default none.
    pub scenario: Option<Scenario>,
    /// Time before each answer. Default none.
    pub latency: Duration,
    /// Requests a "minute" for all callers together; `None`, the default, enforces
    /// none, and the headers then speak of 700.
    pub rate_limit: Option<u32>,
    /// Length of the rate limit's minute. Default 60 s.
    pub minute: Duration,
    /// Which kinds of rate limit headers are sent. Default both.
    pub rate_headers: RateHeaders,
    /// Whether the sandbox's 429s carry `Retry-After`. Default true ("usually, not always").
    pub retry_after: bool,
    /// Whether an event in the very second of the filter's start matches. Zendesk
    /// does not say. Default true.
    pub start_inclusive: bool,
    /// Whether an event in the very second of the filter's end matches. Zendesk
    /// does not say. Default true.
    pub end_inclusive: bool,
    /// Whether answers are compressed for clients that accept gzip. Default true.
    pub gzip: bool,
    /// What the subdomain is. Default [`Account::Enterprise`].
    pub account: Account,
    /// Appears in the records' `url` and in the 404 of a missing account. Default "sandbox".
    pub subdomain: String,
    /// What the server takes for the present. Default [`ServerClock::Machine`].
    pub clock: ServerClock,
    /// The `Date` header is the present plus this. Default zero.
    pub clock_offset: SignedDuration,
    /// Real lifetime of issued OAuth access tokens, whatever the request's
    /// `expires_in` says. Default `None`: as requested, else 30 minutes.
    pub token_lifetime: Option<Duration>,
    /// Whether a token may ask when it ends; 403 if not. Default true.
    pub token_info: bool,
    /// The order in which records are listed.
    pub order: Order,
    /// The dates of records.
    pub dates: Dates,
    /// Requests that are too heavy for the server.
    pub load: Load,
    /// Rate limits beside the account's.
    pub limits: Limits,
    /// The token endpoint.
    pub tokens: Tokens,
    /// The `count` of offset pagination. Default right.
    pub count: Count,
    /// Error bodies that repeat the request's secrets, encoded. Default none.
    pub echo: Option<Echo>,
    /// The access log endpoint. Default no records.
    pub access_logs: AccessLogs,
    /// A hook that may replace any answer. Default none.
    pub interfere: Option<Interfere>,
    /// Faults by chance and by number. Default none.
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
            interfere: None,
            faults: Faults::default(),
        }
    }
}

/// What the server takes for the present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerClock {
    /// This machine's clock.
    #[default]
    Machine,
    /// `to` of [`Options`], and this many seconds more for each request so far. Moved on
    /// by [`Sandbox::advance_clock`](crate::Sandbox::advance_clock).
    Requests(u32),
}

/// How events lie in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// At equal distances.
    Even,
    /// Quiet times, busy days, and seconds with hundreds of events.
    #[default]
    Mixed,
    /// 95 % of the events in 1 % of the span.
    Skewed,
    /// All in clusters of some hundreds of events a second.
    Tied,
    /// All in the one second in the middle of the span.
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

/// What the subdomain is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Account {
    /// An account with audit logs.
    #[default]
    Enterprise,
    /// An account whose plan has no audit logs: 403 for every caller.
    Professional,
    /// No account at all: every path answers the 404 "No help desk at ...".
    Missing,
}
