//! Options for requests that are too heavy for the server. Plain data: nothing here acts.

use clap::{Args, ValueEnum};

/// Requests that the server cannot process in time. Every limit is off by default.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Heavy requests")]
pub struct Load {
    /// Fail requests whose filter spans more than DAYS
    ///
    /// A request without a time filter spans the whole history, unless it asks for the newest
    /// page by cursor pagination.
    #[arg(long, value_name = "DAYS")]
    pub max_span_days: Option<u32>,
    /// Fail requests whose filter matches more than COUNT events
    #[arg(long, value_name = "COUNT")]
    pub max_matches: Option<u64>,
    /// Fail cursor pages after the first PAGES pages of a walk
    #[arg(long, value_name = "PAGES")]
    pub max_depth: Option<u32>,
    /// Fail requests with a `page[size]` above SIZE
    #[arg(long, value_name = "SIZE")]
    pub max_page_size: Option<usize>,
    /// Fail requests whose response has a body of more than BYTES
    #[arg(long, value_name = "BYTES")]
    pub max_body_bytes: Option<usize>,
    /// How these requests fail
    #[arg(long, value_enum, default_value_t)]
    pub overload: Overload,
    /// Seconds until they fail
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub overload_seconds: u32,
    /// Make every audit log record at least BYTES long
    #[arg(long, value_name = "BYTES")]
    pub record_bytes: Option<usize>,
}

/// How a request that is too heavy fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Overload {
    /// 504 in HTML
    #[default]
    #[value(name = "504")]
    GatewayTimeout,
    /// 502 in HTML
    #[value(name = "502")]
    BadGateway,
    /// No response
    Stall,
}
