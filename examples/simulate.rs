//! Runs a million simulated syncs, or the given number: see docs/simulation.md.
//!
//! `cargo run --locked --release --example simulate -- --seeds 1000000`

use std::process::ExitCode;

fn main() -> ExitCode {
    zendesk_simulation::command::run(std::env::args().skip(1))
}
