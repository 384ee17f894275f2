//! An Airbyte source for the Zendesk Audit Logs API and the Access Logs API.
//!
//! It emits each event of a log exactly once and unaltered, as fast as its share of the
//! account's rate limit allows.
//!
//! # Tour
//! [`run`] takes a command line, an [`Environment`] and a stdout, and returns an exit code. The
//! binary does nothing else. Each command is a file in [`commands`]. A `read` takes these steps:
//!
//! ```text
//! config, catalog and state files                  config, airbyte
//!   -> where to start, what was emitted before     sync/ledger
//!   -> time windows, requests for pages            sync/plan, sync/walk, sync/sizing
//!   -> attempts, tokens, the rate limit            zendesk/client, auth, retry_loop, retry, rate_limiter
//!   -> pages: where each record begins and ends    zendesk/page
//!   -> records in order and once, then a STATE     sync/engine, sync/ledger
//!   -> as many events as the API counts            sync/completeness
//!   -> progress in words                           sync/progress, sync/estimate
//!   -> stdout                                      airbyte/output
//! ```
//!
//! # Layers
//! A module imports only from layers below its own. Two modules in one layer never import each
//! other. `tests/layers.rs` checks this.
//!
//! ```text
//! cli                                                the command line, the exit code
//! commands                                           spec, check, discover, read; the reporter
//! sync                                               what to fetch, what was emitted before
//! error                                              the failures of the layers below, mapped to the protocol
//! airbyte | zendesk                                  the protocol and stdout | the API
//! config                                             config.json parsed into types; spec.json generated from them
//! panics, failure, humanize, secret, stream          panics as errors, failures and numbers in words, streams
//! clock, decoding, masking, second, shutdown, stdio  time, signals, what may be shown of a text, stdout
//! ```
//!
//! # Invariants
//! 1. A STATE covers only records that are before it on the same stdout. stdout has one writer
//!    ([`airbyte::Output`]).
//! 2. Records of a stream are emitted in ascending time (the stream's cursor field), so a STATE covers a span without holes. An
//!    earlier record in a later page lies within the look-back, which the next sync reads again.
//! 3. A record's bytes are never parsed and serialized again. Only line breaks between tokens change.
//! 4. A window ends with `has_more: false` in a well-formed page. Nothing else ends it: no date, no error.
//! 5. A request sends credentials to the account's host only. No URL is made from a response.
//! 6. One loop retries ([`zendesk`]'s retry loop), by a pure decision. No caller retries on top of it.
//! 7. Only [`clock`] reads a clock or sleeps. Limits on a real socket are in real time: the timeouts of a
//!    request, of which the one for a request that uses up a refresh token is the longest, and the limit of a check.
//! 8. No error, log line or `Debug` form contains a secret. The CONTROL message does: it must.
//!
//! # Glossary
//! - *stream*: what is described in [`stream`]. Several are read at the same time, each with its own engine, ledger,
//!   states, statuses and errors, on one client. Code outside of [`stream`] goes by the description.
//! - *cursor*: the time in the STATE, such as `created_at`. Zendesk's own cursor is called `after_cursor`.
//! - *window*: a half-open span of time. *walk*: the pages of a window, one after the other. *head*: the earliest
//!   window that has not been emitted completely.
//! - *look-back*: how much of the time before the cursor each sync reads again, for events that appear late.

pub mod airbyte;
mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod decoding;
pub mod error;
pub mod failure;
pub mod humanize;
pub mod masking;
pub mod panics;
pub mod second;
pub mod secret;
pub mod shutdown;
pub mod stdio;
pub mod stream;
pub mod sync;
pub mod zendesk;

pub use cli::{Environment, Signals, run};
