//! Runs thousands of chains of syncs, with changes of accounts, clocks, settings and states between the
//! syncs. An oracle computes what each sync must emit. Prints a report.
//!
//! `cargo run --locked --release --example changes -- --runs 500 --seed 1`. Chain number n has the seed
//! `--seed` + n - 1, so `--runs 1 --seed N` repeats chain N. It fails if a sync differs from the oracle's
//! result.

#[path = "../tests/changes/mod.rs"]
mod changes;
#[path = "../tests/harness/mod.rs"]
mod harness;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use changes::Report;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (mut runs, mut first) = (100, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("usage: changes [--runs N] [--seed N]")?.parse::<u64>()?;
        match name.as_str() {
            "--runs" => runs = value,
            "--seed" => first = value,
            _ => return Err(format!("unknown: {name}").into()),
        }
    }
    let began = Instant::now();
    let (next, total) = (AtomicU64::new(0), Mutex::new(Report::default()));
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    // A chain that panics ends the program.
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        return;
                    }
                    let report = changes::run(first + number);
                    for violation in &report.violations {
                        eprintln!("{violation}");
                    }
                    total.lock().expect("no chain panicked").add(report);
                }
            });
        }
    });
    let total = total.into_inner()?;
    println!("{:.0} s", began.elapsed().as_secs_f64());
    show(&total);
    Ok(if total.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(total: &Report) {
    let row = |name: &str, number: u64| println!("{name:<36} {number:>12}");
    row("chains", total.chains);
    row("syncs", total.syncs);
    row("  stopped or killed", total.killed);
    row("requests for pages", total.requests);
    row("faults", total.faults);
    row("changes", total.changes.values().sum());
    for (change, number) in &total.changes {
        row(&format!("  {change}"), *number);
    }
    row("records emitted", total.emitted);
    row("  a second time, as the state says", total.again);
    row("warnings", total.warnings);
    row("bytes of the largest state", total.largest_state as u64);
    row("violations", total.violations.len() as u64);
}
