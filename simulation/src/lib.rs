//! Runs the connector's own code in a simulated world: the clock, the network, the server, the consumer and
//! the killing of processes are derived from one seed, in one thread, in virtual time. A failing seed replays
//! exactly.
//!
//! # A tour
//! ```text
//! seed -> what happens                      scenario
//! the API, the account, the pipe            world
//! one sync after the other, kills, states   chain
//! the violations                            oracle
//! defects that it must find                 plants
//! the shortest history that shows it        shrink
//! what has been reached, what has happened  coverage, timeline
//! many seeds                                runner
//! ```
//! Only the socket ([`source_zendesk_audit_logs::zendesk::Transport`]), the clock and stdout's file
//! descriptor are replaced; the rest is the product. docs/simulation.md describes how to run it.

pub mod chain;
pub mod command;
pub mod coverage;
pub mod oracle;
pub mod plants;
pub mod runner;
pub mod scenario;
pub mod shrink;
pub mod timeline;
pub mod world;
