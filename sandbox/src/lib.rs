//! A mock Zendesk API on loopback: audit logs, access logs and OAuth, with seeded data,
//! rate limits and faults. For tests, benchmarks, the demo, and manual use.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! use zendesk_sandbox::{Options, Sandbox};
//! let sandbox = Sandbox::start(Options { events: 5_000, ..Options::default() })?;
//! println!("{} serves {} events", sandbox.base_url(), sandbox.event_count());
//! # Ok(()) }
//! ```
//!
//! The modules, from the lowest layer up. A module imports from modules above it in this
//! list, except that `vocabulary`, `scenario` and `event` import each other. `options` and
//! [`credentials`] are plain data for all of them:
//!
//! - `rng`, `lock`, `moment`: seeded random numbers, locks, and points in time
//! - `timeline`: the time of event n
//! - `vocabulary`: the strings of audit log events
//! - `scenario`: fixed events for the detections in `analytics/`
//! - `event`: the facts of event n
//! - `special`: which events are displaced, listed twice, or misdated
//! - `record`: the JSON of an event
//! - `store`: all events in order, 16 bytes each
//! - `reply`: responses as plain data, and the body of every error
//! - `cursor`, `query`: parse the parameters of a request
//! - `response_hook`: requests as tests see them, and responses that they substitute
//! - `traffic`: counters of requests and responses
//! - `overload`: which requests are too heavy for the server
//! - `page`: the JSON of an audit log page
//! - `oauth`, `auth`, `token_info`: issue tokens, identify callers, show a token's expiry
//! - `rate_limit`: fixed windows and their headers
//! - `access`: the access log endpoint, with its own records, store, query, page and errors
//! - `routes`: routes a request to its endpoint; `/sandbox/records`, `/sandbox/events`,
//!   `/sandbox/access_records`, `/sandbox/access_events` and `/sandbox/traffic` are for tests
//!   of the running program
//! - `echo`: error bodies that repeat the request's secrets
//! - `fault`: seeded faults
//! - `payload`: bodies on the network: at once, in pieces, or truncated
//! - `exchange`: responds to one request, with faults, hooks, headers and compression
//! - `server`: connections, latency, and the server's clock
//! - `sandbox`: the public handle
//!
//! Invariants, each with a test:
//!
//! - Event n is the same in every run with the same options.
//! - [`Sandbox::records`] has the bytes that the pages serve, except for white space between
//!   tokens.
//! - By default, a walk by cursor neither skips nor repeats events while others arrive.
//! - No request makes the sandbox panic. It never opens a connection.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "hashes are truncated and sort keys are packed on purpose; ranges are checked at the start"
)]

mod access;
mod auth;
pub mod credentials;
mod cursor;
mod echo;
mod event;
mod exchange;
mod fault;
mod lock;
mod moment;
mod oauth;
mod options;
mod overload;
mod page;
mod payload;
mod query;
mod rate_limit;
mod record;
mod reply;
mod response_hook;
mod rng;
mod routes;
mod sandbox;
mod scenario;
mod server;
mod special;
mod store;
mod timeline;
mod token_info;
mod traffic;
mod vocabulary;

pub use echo::{Echo, EchoPlace, Encoder};
pub use fault::{Fault, Faults, Rule, When};
pub use oauth::TokenRequests;
pub use options::{
    AccessLogs, AccessScope, Account, AddOn, Count, CursorKind, CursorName, DateFormat, Dates, Displaced,
    EndpointLimit, FutureEvents, Limits, LinkCursorName, Load, Options, Order, Overload, RateHeaders, RefreshResponse,
    RetryAfterFormat, ServerClock, Shape, Ties, Tokens,
};
pub use record::compact;
pub use response_hook::{MockResponse, ResponseHook, SeenRequest};
pub use sandbox::Sandbox;
pub use scenario::Scenario;
pub use traffic::Traffic;
