//! How fast a sync is, and in how much memory: the release binary against a sandbox.
//!
//! `cargo bench --locked --bench extraction -- [speedup] [shapes] [limit] [memory] [stall]`; all of
//! them without a name, about a quarter of an hour. Most scenarios wait for a server that takes
//! 300 ms a page, so they measure the engine and hardly the machine; figures that depend on the
//! machine are given as ratios within one run. Every run is checked: each record once.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zendesk_sandbox::{Options, Sandbox, Shape, credentials};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Scenario = fn() -> Outcome<()>;

/// A page of Zendesk's.
const LATENCY: Duration = Duration::from_millis(300);
const EVENTS: u64 = 40_000;

fn main() -> Outcome<()> {
    // cargo passes --bench.
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with("--")).collect();
    let scenarios: [(&str, Scenario); 5] =
        [("speedup", speedup), ("shapes", shapes), ("limit", limit), ("memory", memory), ("stall", stall)];
    for (name, scenario) in scenarios {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            scenario()?;
        }
    }
    Ok(())
}

/// A sandbox on which nothing waits for the rate limit, with the events of the last year.
fn unlimited(events: u64, shape: Shape, latency: Duration) -> Options {
    let to = jiff::Timestamp::now();
    let from = to - jiff::SignedDuration::from_hours(365 * 24);
    Options { events, shape, latency, from, to, rate_limit: Some(10_000_000), gzip: false, ..Options::default() }
}

fn speedup() -> Outcome<()> {
    println!(
        "\n{EVENTS} events, even, 300 ms a page:\n| workers | requests | seconds | times as fast as 1 |\n|---|---|---|---|"
    );
    let sandbox = Sandbox::start(unlimited(EVENTS, Shape::Even, LATENCY))?;
    let mut one = None;
    for workers in [1, 2, 4, 8, 16] {
        let run = read(&sandbox, workers, 100, None)?;
        let seconds = run.took.as_secs_f64();
        let base = *one.get_or_insert(seconds);
        println!("| {workers} | {} | {seconds:.1} | {:.2} |", run.requests, base / seconds);
    }
    Ok(())
}

fn shapes() -> Outcome<()> {
    println!(
        "\n{EVENTS} events, 8 workers, 300 ms a page:\n| history | requests | seconds | of the even one |\n|---|---|---|---|"
    );
    let mut even = None;
    for shape in [Shape::Even, Shape::Mixed, Shape::Skewed, Shape::Tied] {
        let sandbox = Sandbox::start(unlimited(EVENTS, shape, LATENCY))?;
        let run = read(&sandbox, 8, 100, None)?;
        let seconds = run.took.as_secs_f64();
        let base = *even.get_or_insert(seconds);
        println!("| {shape:?} | {} | {seconds:.1} | {:.2} |", run.requests, seconds / base);
    }
    Ok(())
}

/// Three minutes each, in real time: the limit counts by the minute.
fn limit() -> Outcome<()> {
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
        let run = read(&sandbox, 4, percentage, None)?;
        let at: Vec<Instant> = sandbox.requests().iter().map(|request| request.at).collect();
        let most = at
            .iter()
            .map(|from| at.iter().filter(|time| **time >= *from && **time < *from + Duration::from_mins(1)).count())
            .max()
            .unwrap_or(0);
        let share = 7.0 * f64::from(percentage);
        let rate = run.requests_f64() / run.took.as_secs_f64() * 60.0;
        println!("| {percentage} % | {rate:.0} | {:.1} % | {most} | {} |", rate / share * 100.0, run.limited);
    }
    Ok(())
}

fn memory() -> Outcome<()> {
    println!("\n1,000,000 events, no latency:\n| workers | shape | peak memory (VmHWM) | seconds |\n|---|---|---|---|");
    for (workers, shape) in [(1, Shape::Mixed), (8, Shape::Even), (8, Shape::Mixed), (8, Shape::Skewed)] {
        let sandbox = Sandbox::start(unlimited(1_000_000, shape, Duration::ZERO))?;
        let run = read(&sandbox, workers, 100, None)?;
        println!("| {workers} | {shape:?} | {:.1} MiB | {:.1} |", run.peak_mib(), run.took.as_secs_f64());
    }
    Ok(())
}

fn stall() -> Outcome<()> {
    println!("\n1,000,000 events, 8 workers, a consumer that stops reading for a minute after 100,000 records:");
    let sandbox = Sandbox::start(unlimited(1_000_000, Shape::Mixed, Duration::ZERO))?;
    let run = read(&sandbox, 8, 100, Some((100_000, Duration::from_mins(1))))?;
    println!("peak memory (VmHWM) {:.1} MiB, {} requests repeated", run.peak_mib(), run.repeated);
    Ok(())
}

struct Run {
    took: Duration,
    requests: usize,
    limited: usize,
    repeated: String,
    peak_kib: u32,
}

impl Run {
    fn peak_mib(&self) -> f64 {
        f64::from(self.peak_kib) / 1024.0
    }

    fn requests_f64(&self) -> f64 {
        u32::try_from(self.requests).map_or(0.0, f64::from)
    }
}

/// A whole read with the binary; `pause` stops reading its stdout for a while after so many records.
fn read(sandbox: &Sandbox, workers: u32, percentage: u32, pause: Option<(usize, Duration)>) -> Outcome<Run> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, content: Value| -> std::io::Result<std::path::PathBuf> {
        let path = folder.path().join(name);
        std::fs::write(&path, content.to_string())?;
        Ok(path)
    };
    let config = json!({
        "subdomain": "sandbox",
        "credentials": { "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN },
        "num_workers": workers,
        "rate_limit_percentage": percentage
    });
    let stream = json!({ "name": "audit_logs", "json_schema": {}, "supported_sync_modes": ["incremental"] });
    let catalog =
        json!({ "streams": [{ "stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append" }] });
    sandbox.clear_requests();
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_source-zendesk-audit-logs"))
        .args(["read", "--config"])
        .arg(file("config.json", config)?)
        .arg("--catalog")
        .arg(file("catalog.json", catalog)?)
        .env("ZENDESK_BASE_URL", sandbox.base_url())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdout = BufReader::with_capacity(1 << 16, child.stdout.take().ok_or("no stdout")?);
    let status = format!("/proc/{}/status", child.id());
    let (mut records, mut limited, mut repeated, mut peak_kib) = (0_usize, 0, String::new(), 0);
    let mut line = Vec::new();
    while stdout.read_until(b'\n', &mut line)? > 0 {
        if line.starts_with(br#"{"type":"RECORD""#) {
            records += 1;
        } else {
            let text = String::from_utf8_lossy(&line);
            limited += usize::from(text.contains("RATE_LIMITED"));
            if let Some((_, rest)) = text.split_once(" requests, ")
                && let Some((number, _)) = rest.split_once(' ')
            {
                number.clone_into(&mut repeated);
            }
        }
        if let Some((after, pause)) = pause
            && records == after
        {
            std::thread::sleep(pause);
        }
        if records.is_multiple_of(500) || !line.starts_with(br#"{"type":"RECORD""#) {
            peak_kib = peak(&status).unwrap_or(0).max(peak_kib);
        }
        line.clear();
    }
    let code = child.wait()?;
    let took = began.elapsed();
    let there = sandbox.event_count();
    if !code.success() || records as u64 != there {
        return Err(format!("{code}, {records} records of {there}").into());
    }
    Ok(Run { took, requests: sandbox.requests().len(), limited, repeated, peak_kib })
}

/// The largest memory of a process so far. (`ru_maxrss` would inherit that of its parent.)
fn peak(status: &str) -> Option<u32> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
