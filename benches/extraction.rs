//! The speed and the memory of a sync: the release binary against a sandbox.
//!
//! `cargo bench --locked --bench extraction -- [speedup] [shapes] [limit] [memory] [stall]`; without a name, all of them,
//! about a quarter of an hour. Most scenarios wait for a server that takes 300 ms per page, so they measure the engine and
//! hardly the machine. Figures that depend on the machine are ratios within one run. Every run checks that each record was
//! read once.

mod connector;

use std::path::Path;
use std::time::{Duration, Instant};

use connector::{Linking, Outcome, Reading, build};
use zendesk_sandbox::{Options, Sandbox, Shape};

type Scenario = fn(&Path) -> Outcome<()>;

/// The response time of Zendesk for a page.
const LATENCY: Duration = Duration::from_millis(300);
const EVENTS: u64 = 40_000;

fn main() -> Outcome<()> {
    // cargo passes --bench.
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with("--")).collect();
    let scenarios: [(&str, Scenario); 5] =
        [("speedup", speedup), ("shapes", shapes), ("limit", limit), ("memory", memory), ("stall", stall)];
    let binary = build(Linking::Dynamic)?;
    for (name, scenario) in scenarios {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            scenario(&binary)?;
        }
    }
    Ok(())
}

/// A sandbox without a rate limit, with the events of the last year.
fn unlimited(events: u64, shape: Shape, latency: Duration) -> Options {
    let to = jiff::Timestamp::now();
    let from = to - jiff::SignedDuration::from_hours(365 * 24);
    Options { events, shape, latency, from, to, rate_limit: Some(10_000_000), gzip: false, ..Options::default() }
}

fn speedup(binary: &Path) -> Outcome<()> {
    println!(
        "\n{EVENTS} events, even, 300 ms a page:\n| workers | requests | seconds | times as fast as 1 |\n|---|---|---|---|"
    );
    let sandbox = Sandbox::start(unlimited(EVENTS, Shape::Even, LATENCY))?;
    let mut one = None;
    for workers in [1, 2, 4, 8, 16] {
        let run = Reading { workers: Some(workers), ..Reading::new(binary) }.run(&sandbox)?;
        let seconds = run.took.as_secs_f64();
        let base = *one.get_or_insert(seconds);
        println!("| {workers} | {} | {seconds:.1} | {:.2} |", run.requests, base / seconds);
    }
    Ok(())
}

fn shapes(binary: &Path) -> Outcome<()> {
    println!(
        "\n{EVENTS} events, 8 workers, 300 ms a page:\n| history | requests | seconds | of the even one |\n|---|---|---|---|"
    );
    let mut even = None;
    for shape in [Shape::Even, Shape::Mixed, Shape::Skewed, Shape::Tied] {
        let sandbox = Sandbox::start(unlimited(EVENTS, shape, LATENCY))?;
        let run = Reading { workers: Some(8), ..Reading::new(binary) }.run(&sandbox)?;
        let seconds = run.took.as_secs_f64();
        let base = *even.get_or_insert(seconds);
        println!("| {shape:?} | {} | {seconds:.1} | {:.2} |", run.requests, seconds / base);
    }
    Ok(())
}

/// Three minutes each, in real time: the limit counts by the minute.
fn limit(binary: &Path) -> Outcome<()> {
    println!(
        "\nLimit 700 a minute, 300 ms a page, 4 workers:\n| share | requests a minute | of the share | most in any minute | 429 |\n|---|---|---|---|---|"
    );
    for percentage in [100, 50] {
        let pages = 7 * u64::from(percentage) * 3;
        let options = Options {
            events: pages * 93,
            shape: Shape::Even,
            latency: LATENCY,
            rate_limit: Some(700),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options)?;
        let run = Reading { workers: Some(4), percentage, ..Reading::new(binary) }.run(&sandbox)?;
        let at: Vec<Instant> = sandbox.requests().iter().map(|request| request.at).collect();
        let most = at
            .iter()
            .map(|from| at.iter().filter(|time| **time >= *from && **time < *from + Duration::from_mins(1)).count())
            .max()
            .unwrap_or(0);
        let share = 7.0 * f64::from(percentage);
        let rate = f64::from(run.requests) / run.took.as_secs_f64() * 60.0;
        println!("| {percentage} % | {rate:.0} | {:.1} % | {most} | {} |", rate / share * 100.0, run.limited);
    }
    Ok(())
}

fn memory(binary: &Path) -> Outcome<()> {
    println!("\n1,000,000 events, no latency:\n| workers | shape | peak memory (VmHWM) | seconds |\n|---|---|---|---|");
    for (workers, shape) in [(1, Shape::Mixed), (8, Shape::Even), (8, Shape::Mixed), (8, Shape::Skewed)] {
        let sandbox = Sandbox::start(unlimited(1_000_000, shape, Duration::ZERO))?;
        let run = Reading { workers: Some(workers), ..Reading::new(binary) }.run(&sandbox)?;
        println!("| {workers} | {shape:?} | {:.1} MiB | {:.1} |", run.peak_mib(), run.took.as_secs_f64());
    }
    Ok(())
}

fn stall(binary: &Path) -> Outcome<()> {
    println!("\n1,000,000 events, 8 workers, a consumer that stops reading for a minute after 100,000 records:");
    let sandbox = Sandbox::start(unlimited(1_000_000, Shape::Mixed, Duration::ZERO))?;
    let pause = Some((100_000, Duration::from_mins(1)));
    let run = Reading { workers: Some(8), pause, ..Reading::new(binary) }.run(&sandbox)?;
    println!("peak memory (VmHWM) {:.1} MiB, {} requests repeated", run.peak_mib(), run.repeated);
    Ok(())
}
