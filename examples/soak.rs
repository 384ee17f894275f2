//! The soak test: runs thousands of chains of syncs against a sandbox with seeded faults, kills syncs at
//! random moments, and prints a report.
//!
//! `cargo run --locked --release --example soak -- --runs 1000 --seed 1`. Run number n has the seed `--seed` + n - 1, so
//! `--runs 1 --seed N` repeats run N. It fails if an event is lost, duplicated or altered, except for duplicates that a
//! kill between records and their STATE makes unavoidable.

#[path = "../tests/chain/mod.rs"]
mod chain;
#[path = "../tests/harness/mod.rs"]
mod harness;

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use chain::Report;

/// The time after which a run counts as hung.
const RUN_TIMEOUT: Duration = Duration::from_mins(10);

struct Arguments {
    runs: u64,
    seed: u64,
    jobs: usize,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = arguments()?;
    let program = program()?;
    let began = Instant::now();
    let (sender, reports) = channel();
    let next = std::sync::Arc::new(AtomicU64::new(0));
    for _ in 0..arguments.jobs {
        let (sender, next, program) = (sender.clone(), next.clone(), program.clone());
        let (runs, seed) = (arguments.runs, arguments.seed);
        std::thread::spawn(move || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= runs || sender.send(Err(seed + number)).is_err() {
                    return;
                }
                if sender.send(Ok((seed + number, chain::run(seed + number, &program)))).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut total = Report::default();
    let mut running = Vec::new();
    loop {
        match reports.recv_timeout(RUN_TIMEOUT) {
            Ok(Err(seed)) => running.push(seed),
            Ok(Ok((seed, report))) => {
                running.retain(|other| *other != seed);
                for violation in &report.violations {
                    eprintln!("{violation}");
                }
                total.add(report);
                if total.runs % 100 == 0 {
                    eprintln!("{} runs in {:.0} s", total.runs, began.elapsed().as_secs_f64());
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => return Err(format!("hangs: --seed {running:?}").into()),
        }
    }
    show(&total, began.elapsed());
    // A run that panicked sends no report.
    let fine = total.violations.is_empty() && total.runs == arguments.runs;
    if !running.is_empty() {
        eprintln!("did not end: --seed {running:?}");
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parsed = Arguments { runs: 100, seed: 1, jobs: cores };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("usage: soak [--runs N] [--seed N] [--jobs N]")?;
        match name.as_str() {
            "--runs" => parsed.runs = value.parse()?,
            "--seed" => parsed.seed = value.parse()?,
            "--jobs" => parsed.jobs = value.parse::<usize>()?.max(1),
            _ => return Err(format!("unknown: {name}").into()),
        }
    }
    Ok(parsed)
}

/// The connector's binary, of the profile that this example was built with.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--locked", "--bin", "source-zendesk-audit-logs"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    if !build.status()?.success() {
        return Err("the connector cannot be built".into());
    }
    let example = std::env::current_exe()?;
    let folder =
        example.parent().and_then(|examples| examples.parent()).ok_or("the example is not in cargo's target folder")?;
    Ok(folder.join("source-zendesk-audit-logs"))
}

fn show(total: &Report, took: Duration) {
    let row = |name: &str, number: u64| println!("{name:<36} {number:>12}");
    println!("{:.0} s", took.as_secs_f64());
    row("runs", total.runs);
    row("syncs", total.syncs);
    row("requests", total.requests);
    row("events", total.events);
    row("access log records", total.access_records);
    row("faults", total.faults.values().sum());
    for (fault, number) in &total.faults {
        row(&format!("  {fault}"), *number);
    }
    row("kills", total.kills.values().sum());
    for (kill, number) in &total.kills {
        row(&format!("  {kill:?}"), *number);
    }
    row("lost", total.lost);
    row("duplicated", total.duplicated);
    row("altered", total.altered);
    row("unavoidable repeats", total.unavoidable);
    row("other violations", total.violations.len() as u64);
}
