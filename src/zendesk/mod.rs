//! The API side: requests for records, and the meaning of the responses.
//!
//! It must not know in which protocol records are emitted, and must not write to stdout. It reports events as
//! [`Notice`]s.

mod attempt;
mod auth;
mod base_url;
mod body;
mod body_room;
mod bucket;
mod client;
mod connection;
mod error_body;
mod failure;
mod gate;
mod latency;
mod lenient;
mod lookups;
mod metrics;
mod notice;
mod page;
mod pauses;
mod proxy;
mod query;
mod rate_limit_headers;
mod rate_limiter;
mod record;
mod record_keys;
mod response;
mod retry;
mod retry_loop;
mod scan;
mod server_clock;
mod tls;
mod too_much;
mod transport;
mod ulid;

pub use attempt::{Attempt, AttemptResponse};
pub use base_url::BaseUrl;
pub use body::Damaged;
pub use client::{Client, PageOutcome, PageRequest};
pub use connection::Setup;
pub use failure::{Error, Failure, Result};
pub use lookups::TokenEnd;
pub use metrics::Metrics;
pub use notice::{Notice, Notices};
pub use page::{Page, PageCursor, Record};
pub use pauses::Waits;
pub use proxy::ProxyVariables;
pub use query::{Between, Query};
pub use rate_limit_headers::{LimitStatus, RateLimitHeaders};
pub use rate_limiter::RefusedLimit;
pub use record::Identity;
pub use response::{FailedAttempt, Response};
pub use retry::{Attempts, Decision, RetryPolicy, Retryability, decide};
pub use too_much::{OnTooMuch, TooMuch, TooMuchReason};
pub use transport::{Fetched, Outgoing, SINGLE_USE, Timeouts, Transport};
pub use ulid::{DIGITS as ULID_DIGITS, Ulid};
