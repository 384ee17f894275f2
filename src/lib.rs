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
//!   -> the start time, ids of emitted records      sync/ledger
//!   -> time windows, requests for pages            sync/plan, sync/walk, sync/sizing
//!   -> attempts, tokens, the rate limit            zendesk/client, auth, retry_loop, connection, rate_limiter
//!   -> pages: the byte range of each record        zendesk/page, record_keys
//!   -> records, ordered and deduplicated; a STATE  sync/engine, sync/emitter, sync/ledger
//!   -> a comparison with the API's count           sync/completeness
//!   -> progress messages                           sync/progress, sync/estimate
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
//! sync                                               what to fetch, which records were emitted before
//! error                                              the failures of the layers below, mapped to the protocol
//! airbyte | zendesk                                  the protocol and stdout | the API
//! config                                             config.json parsed into types; spec.json generated from them
//! panics, failure, humanize, secret, stream          panics as errors, failures, formatted numbers, streams
//! clock, decoding, masking, second, shutdown, stdio  time, signals, masking of text from outside, stdout
//! ```
//!
//! # Invariants
//! 1. A STATE covers only records that are before it on the same stdout. stdout has one writer
//!    ([`airbyte::Output`]).
//! 2. Records of a stream are emitted in ascending order of the cursor field, so the time span that a STATE
//!    covers has no gaps. The exception is a record in a later page that is earlier than the records before it:
//!    it is within the look-back, which the next sync reads again.
//! 3. A record's bytes are never parsed and serialized again. Only line breaks between tokens change.
//! 4. A window is complete after a well-formed page with `has_more: false`. No date and no error completes a
//!    window.
//! 5. A request sends credentials to the account's host only. No URL is made from a response.
//! 6. One loop retries ([`zendesk`]'s retry loop), and a pure function decides. No caller retries on top of it.
//! 7. Only [`clock`] reads a clock or sleeps. Limits on a real socket are in real time: the timeouts of a
//!    request, and the limit of a check. A request that uses a refresh token has the longest timeout.
//! 8. No error, log line or `Debug` form contains a secret. Only the CONTROL message contains secrets,
//!    because it must.
//!
//! # Glossary
//! - *stream*: a log that is described in [`stream`]. Streams are read at the same time with one client. Each
//!   has its own engine, ledger, states, statuses and errors. Code outside of [`stream`] uses the description.
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
