//! Measures the speed, the requests and the memory of a sync: the release binary against a sandbox with a
//! latency of 300 ms per page.
//!
//! `cargo bench --locked --bench extraction -- [ideal] [large] [workers] [share] [memory] [stall]
//! [first-sync] [another-integration]`; without a name, all of them. They wait for the sandbox's latency and
//! its rate limit, so the machine hardly affects the result; figures that depend on the machine are ratios
//! within one run. All but the last scenario check that each record is emitted once. The last two write the
//! data of docs/plots. It must not judge the figures: the targets are in docs/performance.md.

mod connector;
mod plots;

use std::path::Path;
use std::time::{Duration, Instant};

use connector::{Linking, Outcome, Reading, build};
use zendesk_sandbox::{Displaced, Options, Sandbox, Shape};

type Scenario = fn(&Path) -> Outcome<()>;

/// The response time of Zendesk for a page.
const LATENCY: Duration = Duration::from_millis(300);
const EVENTS: u64 = 40_000;

fn main() -> Outcome<()> {
    // cargo passes --bench.
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with("--")).collect();
    let scenarios: [(&str, Scenario); 8] = [
        ("ideal", ideal),
        ("large", large),
        ("workers", workers),
        ("share", share),
        ("memory", memory),
        ("stall", stall),
        ("first-sync", plots::first_sync),
        ("another-integration", plots::another_integration),
    ];
    let binary = build(Linking::Dynamic)?;
    for (name, scenario) in scenarios {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            scenario(&binary)?;
        }
    }
    Ok(())
}

/// Returns options without a rate limit, with events of the last year.
fn unlimited(events: u64, shape: Shape, latency: Duration) -> Options {
    let to = jiff::Timestamp::now();
    let from = to - jiff::SignedDuration::from_hours(365 * 24);
    Options { events, shape, latency, from, to, rate_limit: Some(10_000_000), gzip: false, ..Options::default() }
}

/// 1,000 pages at each limit: at most three minutes.
fn ideal(binary: &Path) -> Outcome<()> {
    against_the_ideal(binary, 1_000)
}

/// 10,000 pages at each limit: a quarter of an hour.
fn large(binary: &Path) -> Outcome<()> {
    against_the_ideal(binary, 10_000)
}

/// Uses the default number of requests in flight and the whole limit. All runs are concurrent, because they
/// spend nearly all of their time waiting for their limits. The ideal is one full page per request, at the
/// limit.
fn against_the_ideal(binary: &Path, pages: u32) -> Outcome<()> {
    let mut runs = Vec::new();
    for limit in [700, 2_500] {
        for (name, shape) in
            [("even", Shape::Even), ("skewed", Shape::Skewed), ("tied", Shape::Tied), ("displaced", Shape::Even)]
        {
            let mut options = unlimited(u64::from(pages) * 100, shape, LATENCY);
            options.rate_limit = Some(limit);
            if name == "displaced" {
                options.order.displaced = Some(Displaced { count: u64::from(pages), seconds: 540 });
            }
            let sandbox = Sandbox::start(options)?;
            let binary = binary.to_owned();
            let run = std::thread::spawn(move || {
                let run = Reading { workers: None, ..Reading::new(&binary) }.run(&sandbox);
                run.map(|run| (run, sandbox.traffic())).map_err(|error| error.to_string())
            });
            runs.push((limit, name, run));
        }
    }
    println!(
        "\n{pages} pages, 300 ms a page, the whole limit, default settings:\n| limit a minute | history | requests a page | time against the ideal | most in memory | 429 |\n|---|---|---|---|---|---|"
    );
    for (limit, name, run) in runs {
        let (run, traffic) = run.join().map_err(|_| "a run panicked")??;
        let ideal = f64::from(pages) / f64::from(limit) * 60.0;
        println!(
            "| {limit} | {name} | {:.3} | {:.3} | {:.1} MiB | {} |",
            f64::from(run.requests) / f64::from(pages),
            run.took.as_secs_f64() / ideal,
            run.peak_mib(),
            traffic.rate_limited
        );
    }
    Ok(())
}

/// `num_workers` caps the requests in flight.
fn workers(binary: &Path) -> Outcome<()> {
    println!(
        "\n{EVENTS} events, even, 300 ms a page, a limit that is never reached:\n| num_workers | requests | seconds | times as fast as 1 |\n|---|---|---|---|"
    );
    let mut one = None;
    for workers in [Some(1), Some(2), Some(4), Some(8), Some(16), None] {
        let sandbox = Sandbox::start(unlimited(EVENTS, Shape::Even, LATENCY))?;
        let run = Reading { workers, ..Reading::new(binary) }.run(&sandbox)?;
        let seconds = run.took.as_secs_f64();
        let base = *one.get_or_insert(seconds);
        let name = workers.map_or("none".to_owned(), |workers| workers.to_string());
        println!("| {name} | {} | {seconds:.1} | {:.2} |", run.requests, base / seconds);
    }
    Ok(())
}

/// Three minutes each, in real time: the limit counts by the minute.
fn share(binary: &Path) -> Outcome<()> {
    println!(
        "\nLimit 700 a minute, 300 ms a page, default settings:\n| share | requests a minute | of the share | most in any minute | 429 |\n|---|---|---|---|---|"
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
        let run = Reading { workers: None, percentage, ..Reading::new(binary) }.run(&sandbox)?;
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
