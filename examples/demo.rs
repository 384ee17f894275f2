//! Runs the main job from end to end, against a sandbox in this process: check, discover, a full sync, then
//! an incremental sync. Prints the messages and short comments.
//!
//! `cargo run --locked --example demo`, or with more events `--release … -- --events 100000`. It compares the
//! records with the events of the sandbox, and fails if a record is lost, altered or repeated.

use std::collections::HashMap;
use std::error::Error;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::Clock;
use source_zendesk_audit_logs::zendesk::ProxyVariables;
use source_zendesk_audit_logs::{Environment, Signals, run};
use zendesk_sandbox::{Options, Sandbox, compact, credentials};

/// RECORD messages of each sync that are shown; the others are counted.
const SHOWN: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let events = events()?;
    let options = Options { events, rate_limit: Some(1_000_000), ..Options::default() };
    let end = options.to;
    let sandbox = Sandbox::start(options)?;
    let folder = tempfile::tempdir()?;
    println!("# A mock Zendesk API with {events} audit log events listens on {}.", sandbox.base_url());

    let config = json!({
        "subdomain": "sandbox",
        "credentials": {
            "auth_type": "client_credentials",
            "client_id": credentials::CLIENT_ID,
            "client_secret": credentials::CLIENT_SECRET
        },
        "rate_limit_percentage": 100
    });
    let catalog = json!({
        "streams": [{
            "stream": { "name": "audit_logs", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"] },
            "sync_mode": "incremental",
            "destination_sync_mode": "append"
        }]
    });
    let config = write(folder.path(), "config.json", &config)?;
    let catalog = write(folder.path(), "catalog.json", &catalog)?;

    println!("\n# 1. check: does the configuration work?");
    command(&sandbox, &["check", "--config", &config])?;
    println!("\n# 2. discover: what can be read?");
    command(&sandbox, &["discover", "--config", &config])?;

    println!("\n# 3. read: the whole history, in order of time.");
    let first = command(&sandbox, &["read", "--config", &config, "--catalog", &catalog])?;
    compare(&first.records, &sandbox.records())?;

    println!("\n# Meanwhile, 25 new events happen, and one appears late: it is two minutes older than the newest.");
    let mut new = sandbox.add_events(25, end, end + jiff::SignedDuration::from_mins(5));
    if let Some(cursor) = first.cursor() {
        let late: jiff::Timestamp = cursor.parse()?;
        let late = late - jiff::SignedDuration::from_mins(2);
        new.extend(sandbox.add_events(1, late, late + jiff::SignedDuration::from_secs(1)));
    }
    println!("\n# 4. read again, with the last STATE: only what is new, and what appeared late.");
    let state = write(folder.path(), "state.json", &json!([first.state]))?;
    let second = command(&sandbox, &["read", "--config", &config, "--catalog", &catalog, "--state", &state])?;
    compare(&second.records, &new)
}

fn events() -> Result<u64, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(2_000),
        (Some("--events"), Some(events)) => Ok(events.parse()?),
        _ => Err("usage: demo [--events N]".into()),
    }
}

fn write(folder: &Path, name: &str, content: &Value) -> Result<String, Box<dyn Error>> {
    let path = folder.join(name);
    std::fs::write(&path, content.to_string())?;
    Ok(path.to_str().ok_or("the path is not Unicode")?.to_owned())
}

/// The output of a command.
#[derive(Default)]
struct Seen {
    /// An incomplete line at the end of a chunk.
    partial: Vec<u8>,
    /// The records, without white space between tokens.
    records: Vec<String>,
    /// The state of the last STATE message.
    state: Value,
}

impl Seen {
    fn cursor(&self) -> Option<&str> {
        self.state["stream"]["stream_state"]["created_at"].as_str()
    }
}

/// Runs a command line of the connector, shows its messages and keeps its output.
fn command(sandbox: &Sandbox, arguments: &[&str]) -> Result<Seen, Box<dyn Error>> {
    println!("$ source-zendesk-audit-logs {}", arguments.join(" "));
    let seen = Arc::new(Mutex::new(Seen::default()));
    let environment = Environment {
        base_url: Some(sandbox.base_url()),
        certificates: None,
        proxies: ProxyVariables::default(),
        clock: Clock::System,
        seed: 1,
        timeouts: None,
        signals: Signals::OfProcess,
        log: None,
        terminal: None,
    };
    let arguments = std::iter::once("source-zendesk-audit-logs").chain(arguments.iter().copied());
    let began = Instant::now();
    let code = run(arguments.map(OsString::from), environment, Box::new(Shown(Arc::clone(&seen))));
    let took = began.elapsed();
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    if seen.records.len() > SHOWN {
        println!("# … and {} more records.", seen.records.len() - SHOWN);
    }
    println!("# Exit code {code} after {:.2} s.", took.as_secs_f64());
    if code == 0 { Ok(seen) } else { Err(format!("the command ended with {code}").into()) }
}

/// A stdout that prints all messages except most of the records.
struct Shown(Arc<Mutex<Seen>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.partial.extend_from_slice(bytes);
        while let Some(end) = seen.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = seen.partial.drain(..=end).collect();
            seen.line(String::from_utf8_lossy(&line).trim_end());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seen {
    fn line(&mut self, line: &str) {
        let record = line
            .strip_prefix(r#"{"type":"RECORD","record":{"stream":"audit_logs","data":"#)
            .and_then(|rest| rest.rsplit_once(",\"emitted_at\":"));
        if let Some((data, _)) = record {
            self.records.push(compact(data));
        } else if line.starts_with(r#"{"type":"STATE""#) {
            self.state =
                serde_json::from_str::<Value>(line).map(|mut message| message["state"].take()).unwrap_or_default();
        }
        if record.is_none() || self.records.len() <= SHOWN {
            println!("{line}");
        }
    }
}

/// Fails unless the records equal the events of the sandbox.
fn compare(emitted: &[String], there: &[String]) -> Result<(), Box<dyn Error>> {
    let mut balance: HashMap<&str, i64> = HashMap::new();
    for record in there {
        *balance.entry(record).or_default() -= 1;
    }
    for record in emitted {
        *balance.entry(record).or_default() += 1;
    }
    let wrong = balance.values().filter(|balance| **balance != 0).count();
    if wrong > 0 {
        return Err(format!("{wrong} records were lost, altered or repeated").into());
    }
    println!("# All {} events were emitted, each once and unaltered.", there.len());
    Ok(())
}
