//! Runs the connector's binary as a separate process against a sandbox in this process, and measures it.
//!
//! It must not judge the figures. The processes get a clean environment, because a proxy or `SSL_CERT_FILE`
//! would affect the measurement.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::error::Error;
use std::ffi::OsString;
use std::fs::read_to_string;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::{Value, json};
use zendesk_sandbox::{Sandbox, credentials};

/// The result of every bench.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// The name of the binary.
const NAME: &str = env!("CARGO_PKG_NAME");
/// The number of records between two reads of a process's memory.
const SAMPLE_INTERVAL: u64 = 1_000;

/// How the binary is linked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Linking {
    /// As `cargo build --release` links it.
    Dynamic,
    /// As in the image.
    Static,
}

/// Builds the release binary. This takes no time if it exists.
///
/// It does not use the binary that cargo builds for a bench: that one has the features that the dependencies
/// of the bench enable in the connector's dependencies, and with `--profile dev` it is a debug build.
pub fn build(linking: Linking) -> Outcome<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--release", "--package", NAME, "--bin", NAME]);
    cargo.arg("--message-format=json-render-diagnostics").current_dir(env!("CARGO_MANIFEST_DIR"));
    if linking == Linking::Static {
        // With --target, the flag does not apply to build scripts.
        cargo.args(["--target", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)]);
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    // The variables about the package that cargo sets for a bench would make the build scripts of
    // dependencies run again.
    for (name, _) in std::env::vars_os() {
        let of_the_package = ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| is_from(&name, start));
        if of_the_package {
            cargo.env_remove(name);
        }
    }
    let done = cargo.stderr(Stdio::inherit()).output()?;
    if !done.status.success() {
        return Err(format!("cargo build: {}", done.status).into());
    }
    let artifacts = String::from_utf8(done.stdout)?;
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    artifacts.lines().find_map(executable).ok_or_else(|| "cargo build made no binary".into())
}

fn is_from(name: &OsString, start: &str) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(start))
}

/// A read of all events of a sandbox, or of all its access log records.
pub struct Reading<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// A program with its arguments that runs the binary.
    pub under: Vec<OsString>,
    /// `num_workers`; `None` for the default.
    pub workers: Option<u32>,
    /// `rate_limit_percentage`
    pub percentage: u32,
    /// The STATE to start from; nothing is new after it.
    pub state: Option<&'a Value>,
    /// Reads `access_logs` instead of `audit_logs`, and expects this number of records.
    pub access_records: Option<u64>,
    /// Stops reading stdout for the given time after the given number of records.
    pub pause: Option<(u64, Duration)>,
}

/// The measurements of a read.
pub struct Run {
    /// The time from the start of the process to its end.
    pub took: Duration,
    /// The user and system time of the process.
    pub cpu: Duration,
    /// `VmHWM`, the largest resident memory, in KiB.
    pub peak_kib: u32,
    /// The requests that the sandbox received.
    pub requests: u32,
    /// The number of messages about a used-up rate limit.
    pub limited: usize,
    /// The number of repeated requests in the last message of the sync.
    pub repeated: String,
    /// The state of the last STATE message.
    pub state: Value,
}

impl Run {
    /// Returns `VmHWM` in MiB.
    pub fn peak_mib(&self) -> f64 {
        mib(self.peak_kib)
    }
}

/// Converts KiB to MiB.
pub fn mib(kib: u32) -> f64 {
    f64::from(kib) / 1024.0
}

impl<'a> Reading<'a> {
    /// Creates a read with one worker and no waits.
    pub fn new(binary: &'a Path) -> Self {
        Self {
            binary,
            under: Vec::new(),
            workers: Some(1),
            percentage: 100,
            state: None,
            access_records: None,
            pause: None,
        }
    }

    /// Reads, and fails if the number of records is wrong.
    pub fn run(&self, sandbox: &Sandbox) -> Outcome<Run> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(sandbox, folder.path())?;
        sandbox.clear_requests();
        let (began, cpu) = (Instant::now(), children_cpu()?);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut run = Run {
            took: Duration::ZERO,
            cpu,
            peak_kib: 0,
            requests: 0,
            limited: 0,
            repeated: "0".to_owned(),
            state: Value::Null,
        };
        let records = self.drain(&mut child, &mut run)?;
        let code = child.wait()?;
        run.took = began.elapsed();
        run.cpu = children_cpu()?.saturating_sub(cpu);
        run.requests = u32::try_from(sandbox.requests().len())?;
        let new = if self.state.is_some() { 0 } else { self.access_records.unwrap_or_else(|| sandbox.event_count()) };
        if !code.success() || records != new {
            return Err(format!("{code}, {records} records of {new}").into());
        }
        Ok(run)
    }

    /// Returns the CPU and wall time of a read into `/dev/null`: without a pipe, and without a consumer that
    /// needs a core. Fails unless the read succeeds with one request for each page.
    pub fn run_unread(&self, sandbox: &Sandbox) -> Outcome<(Duration, Duration)> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(sandbox, folder.path())?;
        sandbox.clear_requests();
        let (began, cpu) = (Instant::now(), children_cpu()?);
        let code = command.stdout(Stdio::null()).status()?;
        let took = began.elapsed();
        let cpu = children_cpu()?.saturating_sub(cpu);
        let (asked, pages) = (sandbox.requests().len(), sandbox.event_count().div_ceil(100));
        if !code.success() || u64::try_from(asked)? < pages {
            return Err(format!("{code}, {asked} requests for {pages} pages").into());
        }
        Ok((cpu, took))
    }

    /// Reads into `/dev/null` for this duration, and then stops the read. Fails if the read ends earlier.
    pub fn run_for(&self, sandbox: &Sandbox, time: Duration) -> Outcome<()> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(sandbox, folder.path())?;
        sandbox.clear_requests();
        let mut child = command.stdout(Stdio::null()).spawn()?;
        std::thread::sleep(time);
        let ended = child.try_wait()?;
        child.kill()?;
        child.wait()?;
        ended.map_or(Ok(()), |code| Err(format!("the read ended too early: {code}").into()))
    }

    fn command(&self, sandbox: &Sandbox, folder: &Path) -> Outcome<Command> {
        let file = |name: &str, content: &Value| -> std::io::Result<PathBuf> {
            let path = folder.join(name);
            std::fs::write(&path, content.to_string())?;
            Ok(path)
        };
        let mut config = json!({
            "subdomain": "sandbox",
            "credentials": { "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN },
            "rate_limit_percentage": self.percentage
        });
        if let Some(workers) = self.workers {
            config["num_workers"] = workers.into();
        }
        let name = if self.access_records.is_some() { "access_logs" } else { "audit_logs" };
        let stream = json!({ "name": name, "json_schema": {}, "supported_sync_modes": ["incremental"] });
        let catalog =
            json!({ "streams": [{ "stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append" }] });
        let mut command = clean(self.under.iter().cloned().chain([self.binary.into(), "read".into()]))?;
        command.env("ZENDESK_BASE_URL", sandbox.base_url());
        command.arg("--config").arg(file("config.json", &config)?);
        command.arg("--catalog").arg(file("catalog.json", &catalog)?);
        if let Some(state) = self.state {
            command.arg("--state").arg(file("state.json", &json!([state]))?);
        }
        Ok(command)
    }

    /// Reads all lines, and counts the records.
    fn drain(&self, child: &mut Child, run: &mut Run) -> Outcome<u64> {
        let mut stdout = BufReader::with_capacity(1 << 16, child.stdout.take().ok_or("no stdout")?);
        let mut records = 0_u64;
        let mut line = Vec::new();
        while stdout.read_until(b'\n', &mut line)? > 0 {
            let is_record = line.starts_with(br#"{"type":"RECORD""#);
            if is_record {
                records += 1;
            } else {
                run.other_message(&line);
            }
            if !is_record || records.is_multiple_of(SAMPLE_INTERVAL) {
                run.peak_kib = peak(child.id()).unwrap_or(0).max(run.peak_kib);
            }
            if let Some((after, pause)) = self.pause
                && is_record
                && records == after
            {
                std::thread::sleep(pause);
            }
            line.clear();
        }
        Ok(records)
    }
}

impl Run {
    /// Processes a message other than RECORD.
    fn other_message(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        self.limited += usize::from(text.contains("RATE_LIMITED"));
        if let Some((before, _)) = text.split_once(" repeated)")
            && let Some((_, number)) = before.rsplit_once('(')
        {
            number.clone_into(&mut self.repeated);
        }
        if line.starts_with(br#"{"type":"STATE""#)
            && let Ok(mut message) = serde_json::from_slice::<Value>(line)
        {
            self.state = message["state"].take();
        }
    }
}

/// Returns a command with these arguments that inherits only `PATH`.
pub fn clean(line: impl IntoIterator<Item = OsString>) -> Outcome<Command> {
    let mut line = line.into_iter();
    let mut command = Command::new(line.next().ok_or("no program")?);
    command.args(line).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    Ok(command)
}

/// Returns the largest memory of a short command, in KiB. Its last write blocks on a full pipe, so that its
/// memory can be read.
pub fn peak_of_short(mut command: Command) -> Outcome<u32> {
    let (mut reader, mut writer) = std::io::pipe()?;
    let end = writer.try_clone()?;
    let filler = std::thread::spawn(move || writer.write_all(&vec![0; 1 << 20]));
    std::thread::sleep(Duration::from_millis(50));
    let mut child = command.stdout(end).spawn()?;
    // The process still holds the other end of the pipe.
    drop(command);
    std::thread::sleep(Duration::from_millis(100));
    let peak = peak(child.id());
    reader.read_to_end(&mut Vec::new())?;
    filler.join().map_err(|_| "the pipe was not filled")??;
    let code = child.wait()?;
    if !code.success() {
        return Err(code.to_string().into());
    }
    peak.ok_or_else(|| "it ended before its memory could be read".into())
}

/// Returns the largest memory of a process so far, in KiB. (`ru_maxrss` would inherit that of its parent.)
fn peak(process: u32) -> Option<u32> {
    let status = read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the user and system time of all processes that have been waited for.
pub fn children_cpu() -> Outcome<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(duration(usage.user_time())? + duration(usage.system_time())?)
}

fn duration(time: TimeVal) -> Outcome<Duration> {
    Ok(Duration::from_secs(time.tv_sec().try_into()?) + Duration::from_micros(time.tv_usec().try_into()?))
}
