//! An Airbyte source for the Zendesk Audit Logs API: one stream, `audit_logs`, complete, exactly
//! once, unaltered, as fast as the account's share of the rate limit allows.
//!
//! # A tour
//! [`run`] takes a command line, an [`Environment`] and a stdout, and returns an exit code; the
//! binary does nothing else. Each command is a file in [`commands`]. A `read` goes like this:
//!
//! ```text
//! config, catalog, state files                    config, airbyte
//!   -> where to begin, what has been seen         sync/ledger
//!   -> windows of time, requests for pages        sync/plan, sync/walk
//!   -> attempts, tokens, the rate limit              zendesk/client, auth, retry_loop, retry, rate_limiter
//!   -> pages: where records begin and end         zendesk/page
//!   -> in order, each once, with STATE behind     sync/engine
//!   -> how far it is, in words                    sync/progress, sync/estimate
//!   -> stdout                                     airbyte/output
//! ```
//!
//! # Floors
//! A module imports only from floors below its own; the two wings on one floor never import each
//! other.
//!
//! ```text
//! cli                       the command line, the exit code
//! commands                  spec, check, discover, read; the reporter
//! sync                      what to fetch, what has been seen
//! error                     the failures of the floors below, mapped to the protocol
//! airbyte   |   zendesk     the protocol, stdout   |   the API
//! config                    config.json into types; spec.json out of them
//! panics, failure           a panic as an error; a failure in words
//! humanize                  counts and spans of time in words
//! secret                    what must never be shown
//! stream                    what is known about each stream
//! clock, second, shutdown, stdio
//! ```
//!
//! # Invariants
//! 1. A STATE claims only records that stand before it on the same stdout, and the pipe has one
//!    writer ([`airbyte::Output`]).
//! 2. Records leave in ascending `created_at`, so what a STATE claims has no holes. What a later
//!    page may bring of an earlier time lies within the look-back, and is read again.
//! 3. A record's bytes are never parsed and written again; only white space between tokens changes.
//! 4. The end of a window is `has_more: false` in a well-formed page, or a record past its end in
//!    pages that came in ascending order. Nothing else ends one.
//! 5. A request carries credentials to the account's host only; no URL is ever made from an answer.
//! 6. One loop tries again ([`zendesk`]'s retry loop), by a pure decision; nothing does on top of it.
//! 7. Nothing reads a clock or sleeps but [`clock`]. What bounds a real socket is real time: a request's
//!    timeouts, of which the one for a request that uses up a refresh token is the longest, and the end of a check.
//! 8. No error, log line or `Debug` form contains a secret; the CONTROL message must.
//!
//! # Words
//! - *cursor*: Airbyte's, the `created_at` in the STATE. Zendesk's is the `after_cursor`.
//! - *window*: a half-open span of time; *walk*: its pages, one after the other; *head*: the earliest
//!   window that has not gone out yet.
//! - *look-back*: how far each sync reads again behind the cursor, for events that came late.

pub mod airbyte;
mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod error;
pub mod failure;
pub mod humanize;
pub mod panics;
pub mod second;
pub mod secret;
pub mod shutdown;
pub mod stdio;
pub mod stream;
pub mod sync;
pub mod zendesk;

pub use cli::{Environment, Signals, run};
