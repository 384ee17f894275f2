//! Options for rate limits beyond the account's own. Plain data: nothing here acts.

use std::{str::FromStr, time::Duration};

use clap::{Args, ValueEnum};

/// Rate limits in addition to the account's, and how `Retry-After` is written.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Further rate limits")]
pub struct Limits {
    /// Limit the audit log endpoint to TOTAL requests each SECONDS (default: the minute); repeatable
    ///
    /// Its responses carry `Zendesk-RateLimit-NAME: total=…; remaining=…; resets=…`.
    #[arg(long = "endpoint-limit", value_name = "NAME=TOTAL[/SECONDS]")]
    pub endpoint: Vec<EndpointLimit>,
    /// Other integrations use this many requests of the account's limit each minute, evenly
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub other_requests: u32,
    /// How `Retry-After` is written, also by the faults that send it
    #[arg(long, value_enum, default_value_t)]
    pub retry_after_format: RetryAfterFormat,
}

/// A rate limit of the audit log endpoint. Written `NAME=TOTAL[/SECONDS]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointLimit {
    /// The end of the header's name. ASCII letters, digits and `-`.
    pub name: String,
    /// Requests in a window.
    pub total: u32,
    /// Length of the window; `None` is the account's minute.
    pub window: Option<Duration>,
}

impl FromStr for EndpointLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (name, limit) = text.split_once('=')?;
            let (total, seconds) = limit.split_once('/').map_or((limit, None), |(total, s)| (total, Some(s)));
            let window = match seconds {
                Some(seconds) => Some(Duration::from_secs(seconds.parse().ok().filter(|s| *s > 0)?)),
                None => None,
            };
            let valid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            valid.then_some(Self { name: name.to_owned(), total: total.parse().ok()?, window })
        };
        parse().ok_or("expected NAME=TOTAL or NAME=TOTAL/SECONDS, such as audit-logs-index=100")
    }
}

/// How `Retry-After` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RetryAfterFormat {
    /// Seconds
    #[default]
    Seconds,
    /// `0`, however long the wait is
    Zero,
    /// An HTTP date, by the response's `Date`
    Date,
    /// An HTTP date in the past
    PastDate,
}
