//! Tests the memory of large syncs, and of a sync if the server sends the largest allowed pages.

mod harness;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Connection, sandbox};
use serde_json::json;
use zendesk_sandbox::{MockResponse, Options, ResponseHook, Shape};

/// Returns the peak of the resident memory of a process so far, in MiB.
fn peak_mib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? >> 10)
}

/// Before a limit existed, sixteen requests in flight with pages of 16 MB each took 304 MiB.
#[test]
fn sixteen_requests_for_pages_of_15_mib_take_less_than_100_mib() {
    const EVENTS: u64 = 3_000;
    let pad = format!(r#"{{"pad":"{}","#, "x".repeat(15 << 20));
    let padded = ResponseHook::new(move |request| {
        let pad = pad.clone();
        (request.number > 2 && request.param("page[size]").is_some()).then(|| {
            MockResponse::edit_text(move |body| {
                let first = br#"{"audit_logs":[{"#;
                match body.strip_prefix(first) {
                    Some(rest) => [br#"{"audit_logs":["#.as_slice(), pad.as_bytes(), rest].concat(),
                    None => body,
                }
            })
        })
    });
    let sandbox = sandbox(Options {
        events: EVENTS,
        shape: Shape::Even,
        rate_limit: Some(1_000_000),
        latency: Duration::from_millis(100),
        gzip: false,
        response_hook: Some(padded),
        ..Options::default()
    });
    let run = read(&Connection::to(&sandbox).set("num_workers", json!(16)), sandbox.base_url());
    assert_eq!(run.records, EVENTS);
    assert!(run.peak > 16, "{} MiB: the pages were not large", run.peak);
    assert!(run.peak < 100, "{} MiB", run.peak);
}

/// More events than the connector compares with the server's count at a time were still to be compared at the end:
/// the sync did not end.
#[test]
fn a_sync_of_200_100_events_ends_in_bounded_memory() {
    const EVENTS: u64 = 200_100;
    let rate_limit = Some(1_000_000_000);
    let sandbox =
        sandbox(Options { events: EVENTS, shape: Shape::Even, rate_limit, gzip: false, ..Options::default() });
    let run = read(&Connection::to(&sandbox).set("num_workers", json!(8)), sandbox.base_url());
    assert_eq!(run.records, EVENTS);
    assert!(run.peak < 48, "{} MiB", run.peak);
    let requests = sandbox.traffic().pages + sandbox.traffic().counts;
    assert!(requests < EVENTS / 100 * 11 / 10, "{requests} requests");
}

/// The figures of a read.
struct Figures {
    records: u64,
    /// The peak of the resident memory, in MiB.
    peak: u64,
}

/// Reads everything in a separate process, which must succeed.
fn read(connection: &Connection, base_url: String) -> Figures {
    let mut child = Command::new(env!("CARGO_BIN_EXE_source-zendesk-audit-logs"))
        .args(connection.arguments(None))
        .env("ZENDESK_BASE_URL", base_url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let (mut records, mut peak, mut last) = (0, 0, String::new());
    for line in stdout.split(b'\n') {
        let line = line.expect("stdout can be read");
        if records % 100 == 0 {
            peak = peak.max(peak_mib(child.id()).unwrap_or(0));
        }
        records += u64::from(line.starts_with(br#"{"type":"RECORD""#));
        last = String::from_utf8_lossy(&line[..line.len().min(1_000)]).into_owned();
    }
    assert!(child.wait().expect("it ends").success(), "{last}");
    Figures { records, peak }
}
