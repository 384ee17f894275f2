//! A Zendesk of one's own: the Audit Logs API on loopback, with its data, its
//! credentials, its limits and its faults, for tests, benches, the demo and people.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! use zendesk_sandbox::{Options, Sandbox};
//! let sandbox = Sandbox::start(Options { events: 5_000, ..Options::default() })?;
//! println!("{} serves {} events", sandbox.base_url(), sandbox.event_count());
//! # Ok(()) }
//! ```
//!
//! How an answer comes about, one line a module, from the floor up:
//!
//! - `dice`: seeded chance as a pure function; nothing here is random
//! - `timeline`: when event number n happened (the shapes)
//! - `vocabulary`: the words that events are made of
//! - `scenario`: fixed events beside the seeded ones, for the detections in `analytics/`
//! - `event`: event number n as facts
//! - `special`: which events are displaced, listed twice, or dated oddly
//! - `record`: an event as the JSON text that is served
//! - `store`: all events in order, 16 bytes each; ranges, walks, arrivals
//! - `reply`: an answer as plain data, and the wording of every error
//! - `cursor`, `query`: the request's parameters into a checked question
//! - `overload`: which queries are too heavy for the server
//! - `page`: a question into the JSON of a page
//! - `oauth`, `auth`, `token_info`: tokens given out; who is calling; when a token ends
//! - `rate_limit`: fixed windows and their headers
//! - `access`: the access log endpoint: its records, store, query, page and errors
//! - `traffic`: counters of requests and answers
//! - `routes`: one request into one answer, without any network; `/sandbox/records`,
//!   `/sandbox/events` and `/sandbox/traffic`, for tests of the running program
//! - `echo`: error bodies that repeat the request's secrets
//! - `fault`: seeded faults: when they strike, what they do to an answer
//! - `payload`: a body on its way: at once, piece by piece, broken off
//! - `server`: the network: connections, latency, compression, interference
//! - `options`, `interfere`, [`credentials`]: what a test switches and knows
//!
//! What holds, and is tested:
//!
//! - Event number n is the same in every run of the same options.
//! - [`Sandbox::records`] is what the pages serve, byte for byte, but for white
//!   space between tokens.
//! - A walk by cursor neither skips nor repeats when events arrive meanwhile.
//! - No request makes the sandbox panic, and it never connects to anything.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "hashes are cut and sorting keys are packed on purpose; ranges are checked on start"
)]

mod access;
mod auth;
pub mod credentials;
mod cursor;
mod dice;
mod echo;
mod event;
mod fault;
mod interfere;
mod oauth;
mod options;
mod overload;
mod page;
mod payload;
mod query;
mod rate_limit;
mod record;
mod reply;
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
pub use interfere::{Answer, Interfere, SeenRequest};
pub use oauth::TokenRequests;
pub use options::{
    AccessLogs, AccessScope, Account, AddOn, Count, CursorKind, CursorName, DateFormat, Dates, Displaced,
    EndpointLimit, FutureEvents, Limits, LinkCursorName, Load, Options, Order, Overload, RateHeaders, RefreshAnswer,
    RetryAfterFormat, ServerClock, Shape, Ties, Tokens,
};
pub use record::compact;
pub use sandbox::Sandbox;
pub use scenario::Scenario;
pub use traffic::Traffic;
