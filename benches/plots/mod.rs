//! Measures the data of the plots in docs/plots, and writes it to docs/plots/data as CSV.
//!
//! It must not draw: `docs/pictures/generator` does. Both scenarios run in real time against a sandbox that enforces
//! the account's limit, with the default configuration.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use zendesk_sandbox::{Options, Sandbox, Shape, credentials};

use crate::connector::{Outcome, Reading};

/// The plans that have an audit log, and their requests a minute.
const PLANS: [(&str, u32); 2] = [("Enterprise", 700), ("Enterprise Plus", 2_500)];
/// Events of the first syncs. A hundred thousand take three minutes on the smaller plan.
const SIZES: [u64; 3] = [10_000, 30_000, 100_000];
/// The default of `rate_limit_percentage`.
const SHARE: u32 = 50;
const LATENCY: Duration = Duration::from_millis(300);

/// The duration of the sync with another integration, and the times at which the other one starts and stops.
const WATCHED: Duration = Duration::from_mins(6);
const JOINS: Duration = Duration::from_mins(2);
const LEAVES: Duration = Duration::from_mins(4);
/// Requests a minute that the other integration sends.
const OTHER: u32 = 500;
const OTHER_NAME: &str = "another-integration";
/// Length of a row of the data.
const BUCKET: u64 = 5;

fn save(name: &str, command: &str, content: &str) -> Outcome<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plots/data").join(name);
    std::fs::write(&path, format!("# {command}\n{content}"))?;
    println!("{}", path.display());
    Ok(())
}

fn limited(limit: u32, events: u64) -> Options {
    Options { events, shape: Shape::Even, latency: LATENCY, rate_limit: Some(limit), ..Options::default() }
}

/// The duration of a first sync by the number of events and the plan. All of them run at the same time, since the
/// rate limit makes them wait.
pub fn first_sync(binary: &Path) -> Outcome<()> {
    let runs = PLANS.iter().flat_map(|&plan| SIZES.map(|events| (plan, events)));
    let measure = |((plan, limit), events): ((&str, u32), u64)| -> Result<String, String> {
        let sandbox = Sandbox::start(limited(limit, events)).map_err(|error| error.to_string())?;
        let reading = Reading { workers: None, percentage: SHARE, ..Reading::new(binary) };
        let run = reading.run(&sandbox).map_err(|error| error.to_string())?;
        Ok(format!("{plan},{limit},{SHARE},{events},{},{:.1}\n", run.requests, run.took.as_secs_f64()))
    };
    let rows: Result<Vec<String>, String> = std::thread::scope(|scope| {
        let threads: Vec<_> = runs.map(|run| scope.spawn(move || measure(run))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a run panicked".into()))).collect()
    });
    let content = format!("plan,requests_per_minute,share_percent,events,requests,seconds\n{}", rows?.concat());
    save("first-sync.csv", "cargo bench --locked --profile dev --bench extraction -- first-sync", &content)
}

/// Requests in time, of a first sync and of another integration that joins and leaves.
pub fn another_integration(binary: &Path) -> Outcome<()> {
    let (_, limit) = PLANS[0];
    let sandbox = Sandbox::start(limited(limit, 400_000))?;
    let reading = Reading { workers: None, percentage: SHARE, ..Reading::new(binary) };
    let began = Instant::now();
    let base_url = sandbox.base_url();
    let other = std::thread::spawn(move || integration(&base_url, began));
    reading.run_for(&sandbox, WATCHED)?;
    let refused = other.join().map_err(|_| "the other integration panicked")?.map_err(|error| error.to_string())?;
    let requests = sandbox.requests();
    let mut content = String::from("second,connector,other\n");
    for start in (0..WATCHED.as_secs()).step_by(usize::try_from(BUCKET)?) {
        let within = |at: Instant| {
            let second = at.saturating_duration_since(began).as_secs();
            (start..start + BUCKET).contains(&second)
        };
        let seen = requests.iter().filter(|request| within(request.at));
        let (other, own): (Vec<_>, Vec<_>) =
            seen.partition(|request| request.user_agent.as_deref() == Some(OTHER_NAME));
        writeln!(content, "{start},{},{}", own.len(), other.len())?;
    }
    println!("{refused} requests of the other integration were refused (429)");
    save(
        "another-integration.csv",
        "cargo bench --locked --profile dev --bench extraction -- another-integration",
        &content,
    )
}

/// Sends requests evenly from `JOINS` to `LEAVES` after `began`. Returns the number of 429 responses.
fn integration(base_url: &str, began: Instant) -> std::io::Result<u32> {
    let address = base_url.trim_start_matches("http://");
    let request = format!(
        "GET /api/v2/audit_logs?page[size]=1 HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {OTHER_NAME}\r\n\
         Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
        credentials::ACCESS_TOKEN
    );
    let send = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request.as_bytes())?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response.starts_with("HTTP/1.1 429"))
    };
    // Each request has its own thread, because a response takes longer than the time to the next request.
    std::thread::scope(|scope| {
        let mut requests = Vec::new();
        let mut next = JOINS;
        while next < LEAVES {
            std::thread::sleep(next.saturating_sub(began.elapsed()));
            requests.push(scope.spawn(send));
            next += Duration::from_mins(1) / OTHER;
        }
        let refused = requests.into_iter().map(|request| request.join().unwrap_or(Ok(false)));
        refused.map(|refused| refused.map(u32::from)).sum()
    })
}
