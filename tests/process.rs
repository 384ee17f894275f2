//! Tests the program as the platform and users run it: arguments, environment, exit codes, signals and pipes.
//! The emitted records and the last STATE agree after every kind of end. Other tests check the records.
//!
//! No test sleeps: a test waits for an observable event, and fails after [`TIMEOUT`].

mod harness;

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::{Connection, Run, record, sandbox, sorted};
use serde_json::{Value, json};
use zendesk_sandbox::credentials::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SECRETS};
use zendesk_sandbox::{MockResponse, Options, ResponseHook, Sandbox, Shape};

const PROGRAM: &str = env!("CARGO_BIN_EXE_source-zendesk-audit-logs");

/// The longest wait of a test for an event that takes milliseconds.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Returns a command in an environment that contains only this base URL.
fn program(base_url: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "ZENDESK_LOG",
    ] {
        command.env_remove(name);
    }
    command.env("ZENDESK_BASE_URL", base_url);
    command
}

/// An account with a rate limit that is never reached.
fn generous(events: u64, response_hook: Option<ResponseHook>) -> Sandbox {
    sandbox(Options { events, shape: Shape::Even, rate_limit: Some(1_000_000), response_hook, ..Options::default() })
}

/// A server that does not respond to this request, and responds to later ones.
fn stalling(events: u64, number: u64) -> Sandbox {
    let hook = ResponseHook::new(move |request| (request.number == number).then_some(MockResponse::Stall));
    generous(events, Some(hook))
}

fn connect(sandbox: &Sandbox) -> Connection {
    Connection::to(sandbox).set("rate_limit_percentage", json!(100)).set("num_workers", json!(1))
}

fn config(connection: &Connection) -> PathBuf {
    connection.file("config.json", connection.config.to_string())
}

/// Returns the output as a run. Asserts that stdout consists of whole lines and that stderr is empty.
#[track_caller]
fn quiet(output: Output) -> Run {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "", "on stderr");
    let stdout = String::from_utf8(output.stdout).expect("messages are UTF-8");
    assert!(stdout.is_empty() || stdout.ends_with('\n'), "{stdout}");
    let code = output.status.code().expect("an exit code");
    let run = Run { code: u8::try_from(code).expect("a small code"), stdout };
    run.messages();
    run
}

#[track_caller]
fn output(command: &mut Command) -> Run {
    quiet(command.output().expect("the program starts"))
}

/// A program whose stdout a test reads while it runs. It is killed when the test ends.
struct Running {
    child: Child,
    lines: Receiver<String>,
    stdout: String,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let (mut running, stdout) = Self::unread(command);
        running.read(stdout);
        running
    }

    /// Starts the program without reading its output.
    fn unread(command: &mut Command) -> (Self, ChildStdout) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let running = Self { child, lines: channel().1, stdout: String::new() };
        (running, stdout)
    }

    /// Starts to read, on a separate thread.
    fn read(&mut self, stdout: ChildStdout) {
        let (sender, lines) = channel();
        self.lines = lines;
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
    }

    /// Returns the next line, or `None` at the end.
    #[track_caller]
    fn line(&mut self) -> Option<&str> {
        match self.lines.recv_timeout(TIMEOUT) {
            Ok(line) => {
                let start = self.stdout.len();
                self.stdout.push_str(&line);
                Some(&self.stdout[start..])
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line for too long: {}", self.stdout),
        }
    }

    #[track_caller]
    fn wait_for_records(&mut self, mut number: usize) {
        while number > 0 {
            let line = self.line().expect("more records");
            number -= usize::from(line.starts_with("{\"type\":\"RECORD\""));
        }
    }

    fn signal(&self, name: &str) {
        // A shell's built-in `kill` exists wherever a shell exists.
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name])
            .arg(self.child.id().to_string())
            .output()
            .expect("a shell");
        assert!(sent.status.success(), "{sent:?}");
    }

    /// Reads to the end. Returns the exit status, stdout and stderr.
    #[track_caller]
    fn finish(mut self) -> (ExitStatus, String, String) {
        while self.line().is_some() {}
        let status = self.child.wait().expect("it has ended");
        let mut stderr = String::new();
        let pipe = self.child.stderr.as_mut().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("UTF-8");
        (status, std::mem::take(&mut self.stdout), stderr)
    }

    /// Reads to the end of a program that ends by itself.
    #[track_caller]
    fn ended(self) -> Run {
        let (status, stdout, stderr) = self.finish();
        quiet(Output { status, stdout: stdout.into_bytes(), stderr: stderr.into_bytes() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the condition holds.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < TIMEOUT, "the condition did not hold in time");
        // Yields the processor to the program; nothing depends on the duration.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Waits until no more requests arrive, for the duration of many requests, and returns the number of
/// requests.
fn settled_requests(sandbox: &Sandbox) -> usize {
    let mut last = (0, Instant::now());
    until(|| {
        let number = sandbox.requests().len();
        if number != last.0 {
            last = (number, Instant::now());
        }
        number > 0 && last.1.elapsed() > Duration::from_millis(500)
    });
    last.0
}

/// Asserts that every STATE counts the records since the previous one.
#[track_caller]
fn assert_states_add_up(run: &Run) {
    let mut since = 0_u32;
    for message in run.messages() {
        if message["type"] == "RECORD" {
            since += 1;
        } else if message["type"] == "STATE" {
            let claimed = &message["state"]["sourceStats"]["recordCount"];
            assert_eq!(claimed.as_f64(), Some(f64::from(since)));
            since = 0;
        }
    }
    assert_eq!(since, 0, "records without a STATE");
}

/// Resumes from a state, and asserts that the records before and after together are complete, each record
/// once.
#[track_caller]
fn assert_resume_completes(sandbox: &Sandbox, connection: &Connection, read: Vec<String>, state: &Value) {
    let arguments = connection.arguments(Some(state));
    let rest = output(program(&sandbox.base_url()).args(arguments)).succeeded();
    assert!(!rest.records().is_empty(), "nothing was left");
    assert_everything(sandbox, [read, rest.records()].concat());
}

/// Asserts that nothing is lost, altered or repeated.
#[track_caller]
fn assert_everything(sandbox: &Sandbox, read: Vec<String>) {
    assert!(sorted(read) == sorted(sandbox.records()), "lost, altered or repeated");
}

#[test]
fn every_command_succeeds_and_writes_nothing_to_stderr() {
    let began = SystemTime::now();
    let sandbox = generous(1_000, None);
    let connection = connect(&sandbox);
    let config = config(&connection);
    let one = |command: &str| {
        let mut program = program(&sandbox.base_url());
        program.arg(command);
        if command != "spec" {
            program.arg("--config").arg(&config);
        }
        let run = output(&mut program).succeeded();
        assert_eq!(run.messages().len(), 1, "{}", run.stdout);
        run.messages().remove(0)
    };
    assert_eq!(one("spec")["type"], "SPEC");
    assert_eq!(one("check")["connectionStatus"]["status"], "SUCCEEDED");
    assert_eq!(one("discover")["catalog"]["streams"][0]["name"], "audit_logs");
    let read = output(program(&sandbox.base_url()).args(connection.arguments(None))).succeeded();
    assert_everything(&sandbox, read.records());
    assert_eq!(read.statuses(), ["STARTED", "RUNNING", "COMPLETE"]);
    assert_states_add_up(&read);
    for secret in SECRETS {
        assert!(!read.stdout.contains(secret));
    }

    // The protocol counts milliseconds.
    let milliseconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let span = milliseconds(began)..=milliseconds(SystemTime::now());
    for message in read.messages() {
        for kind in ["record", "trace"] {
            if let Some(message) = message.get(kind) {
                let emitted_at = message["emitted_at"].as_u64().expect("an integer");
                assert!(span.contains(&u128::from(emitted_at)), "{message}");
            }
        }
    }
}

#[test]
fn failures_have_their_exit_codes() {
    let sandbox = generous(10, None);
    let mut connection = connect(&sandbox);
    let absent = Path::new("/absent/config.json");
    for command in ["check", "discover"] {
        let run = output(program(&sandbox.base_url()).arg(command).arg("--config").arg(absent));
        assert_eq!(run.code, 1);
        assert_eq!(run.error()["failure_type"], "config_error");
    }
    connection.config["credentials"]["access_token"] = json!("wrong");
    let check = |base_url: &str, certificates: &str| {
        let mut program = program(base_url);
        program.env("SSL_CERT_FILE", certificates);
        output(program.arg("check").arg("--config").arg(config(&connection))).failed_check()
    };
    let good_url = sandbox.base_url();
    assert!(check(&good_url, "").contains("access token"));
    assert!(check(&good_url, "/absent.pem").contains("SSL_CERT_FILE"));
    assert!(check("http://zendesk.example", "").contains("ZENDESK_BASE_URL"));
    let read = output(program(&good_url).args(connection.arguments(None)));
    assert_eq!(read.code, 1);
    assert_eq!(read.statuses(), ["STARTED", "INCOMPLETE"]);
    assert_eq!(read.error()["failure_type"], "config_error");
}

#[test]
fn wrong_usage_is_explained_on_stderr_with_exit_code_2() {
    for arguments in [
        &[][..],
        &["write"],
        &["spec", "extra"],
        &["spec", "--config", "x"],
        &["check"],
        &["check", "--config"],
        &["check", "--config", "x", "--config", "y"],
        &["discover"],
        &["read", "--config", "x"],
        &["read", "--catalog", "x"],
        &["read", "--config", "x", "--catalog", "x", "--stat", "x"],
        &["--config", "x"],
        &["SPEC"],
        &[""],
        &["--log-level", "debug"],
        &["spec", "--log-level"],
        &["spec", "--log-level", "trace"],
        &["spec", "--log-level="],
        &["spec", "--log-level", "info", "--log-level", "info"],
    ] {
        let output = program("").args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        let usage = String::from_utf8_lossy(&output.stderr);
        assert!(
            usage.contains("Usage: source-zendesk-audit-logs") || usage.contains("try '--help'"),
            "{arguments:?}: {usage}"
        );
    }
}

#[test]
fn help_and_version_are_a_success() {
    let version = format!("source-zendesk-audit-logs {}\n", env!("CARGO_PKG_VERSION"));
    for (arguments, text) in [
        (&["--help"][..], &["Usage:", "spec", "check", "discover", "read"][..]),
        (&["-h"], &["Usage:"]),
        (&["help"], &["Usage:"]),
        (&["--help"], &["Example:\n  source-zendesk-audit-logs check --config", "ZENDESK_LOG", "--log-level"]),
        (&["spec", "--help"], &["Example:\n  source-zendesk-audit-logs spec"]),
        (&["check", "--help"], &["--config", "Example:", "\n  source-zendesk-audit-logs check --config config.json"]),
        (&["discover", "-h"], &["Example:\n  source-zendesk-audit-logs discover --config config.json"]),
        (
            &["read", "--help"],
            &["--config", "--catalog", "--state", "Example:", "\n  source-zendesk-audit-logs read --config", "debug"],
        ),
        (&["--version"], &[&version]),
        (&["-V"], &[&version]),
    ] {
        let output = program("").args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(output.stderr, b"", "{arguments:?}");
        let help = String::from_utf8_lossy(&output.stdout);
        for word in text {
            assert!(help.contains(word), "{arguments:?}: {help}");
        }
    }
}

#[test]
fn a_missing_argument_is_explained_with_an_example() {
    for (arguments, example) in [
        (&["check"][..], "check --config config.json"),
        (&["--log-level", "debug", "discover"], "discover --config config.json"),
        (&["read", "--config", "check"], "read --config config.json --catalog catalog.json"),
    ] {
        let output = program("").args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        let example = format!("\nExample: source-zendesk-audit-logs {example}\n");
        assert!(text.ends_with(&example), "{arguments:?}: {text}");
    }
    let output = program("").output().expect("it starts");
    let help = String::from_utf8_lossy(&output.stderr);
    for word in ["Commands:", "spec", "check", "discover", "read", "Example:"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn the_log_level_variable_is_read_from_the_environment() {
    let sandbox = generous(10, None);
    let connection = connect(&sandbox);
    let debug = |value: &str| {
        let mut program = program(&sandbox.base_url());
        let run = output(program.args(connection.arguments(None)).env("ZENDESK_LOG", value)).succeeded();
        run.logs("DEBUG").len()
    };
    assert_eq!((debug("debug"), debug("warn"), debug("")), (1, 0, 0));
}

#[test]
fn a_signal_while_the_server_is_silent_acknowledges_all_emitted_records() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let sandbox = stalling(1_000, 4);
        let connection = connect(&sandbox);
        let mut running = Running::start(program(&sandbox.base_url()).args(connection.arguments(None)));
        until(|| sandbox.requests().len() == 4);
        running.wait_for_records(150);
        running.signal(signal);
        let run = running.ended();
        assert_eq!(run.code, code);
        assert_states_add_up(&run);
        assert_eq!(run.statuses(), ["STARTED", "RUNNING", "INCOMPLETE"]);
        let last = run.messages().pop().expect("messages");
        assert_eq!(last["trace"]["stream_status"]["status"], "INCOMPLETE");
        assert!(run.logs("INFO").iter().any(|line| line.contains(signal)));
        assert_resume_completes(&sandbox, &connection, run.records(), &run.state());
    }
}

#[test]
fn a_signal_before_the_first_response_ends_each_command() {
    for command in ["check", "read"] {
        let sandbox = stalling(10, 1);
        let connection = connect(&sandbox);
        let mut program = program(&sandbox.base_url());
        if command == "read" {
            program.args(connection.arguments(None));
        } else {
            program.arg("check").arg("--config").arg(config(&connection));
        }
        let running = Running::start(&mut program);
        until(|| sandbox.requests().len() == 1);
        running.signal("TERM");
        let run = running.ended();
        assert_eq!(run.code, 143);
        assert_eq!(run.records(), [] as [String; 0]);
        assert_eq!(run.of_type("CONNECTION_STATUS"), [] as [Value; 0]);
        if command == "read" {
            assert_eq!(run.statuses(), ["STARTED", "INCOMPLETE"]);
            assert_eq!(run.stream_state(), json!({}));
        }
    }
}

#[test]
fn a_signal_ends_a_command_whose_file_never_ends() {
    let sandbox = generous(10, None);
    let connection = connect(&sandbox);
    let pipe = connection.file("pipe", "");
    std::fs::remove_file(&pipe).expect("the file was there");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts");
    assert!(made.success());
    let read = connection.arguments(None);
    let good = config(&connection);
    for (command, file) in [("check", 0), ("discover", 0), ("read", 0), ("read", 1), ("read", 2)] {
        let files: Vec<&Path> = [good.as_path(), Path::new(&read[4]), &good]
            .iter()
            .enumerate()
            .map(|(at, path)| if at == file { &pipe } else { *path })
            .collect();
        let mut program = program(&sandbox.base_url());
        program.arg(command).arg("--config").arg(files[0]);
        if command == "read" {
            program.arg("--catalog").arg(files[1]).arg("--state").arg(files[2]);
        }
        let running = Running::start(&mut program);
        // It can be opened for writing once the program waits for data.
        let writer = std::fs::File::options().write(true).open(&pipe).expect("there is a reader");
        running.signal("TERM");
        let run = running.ended();
        drop(writer);
        assert_eq!(run.code, 143, "{command} {file}: {}", run.stdout);
        assert_eq!(run.stdout, "", "{command} {file}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn a_signal_during_a_renewal_does_not_lose_the_new_tokens() {
    for command in ["read", "check"] {
        // The first response of the token endpoint is delayed, after the old tokens have become invalid.
        let (rotated, arrived) = channel();
        let (release, released) = channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let hook = ResponseHook::new(move |request| {
            let (rotated, released) = (rotated.clone(), Arc::clone(&released));
            (request.number == 1).then(|| {
                MockResponse::edit(move |response| {
                    let _ = rotated.send(());
                    let _ = released.lock().map(|released| released.recv_timeout(TIMEOUT));
                    response
                })
            })
        });
        let sandbox = generous(1_000, Some(hook));
        let mut connection = connect(&sandbox).set(
            "credentials",
            json!({
                "auth_type": "refresh_token",
                "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN
            }),
        );
        let mut program = program(&sandbox.base_url());
        if command == "read" {
            program.args(connection.arguments(None));
        } else {
            program.arg("check").arg("--config").arg(config(&connection));
        }
        let mut running = Running::start(&mut program);
        arrived.recv_timeout(TIMEOUT).expect("a request for a token");
        running.signal("TERM");
        // A process that does not wait for the response has ended by now.
        let began = Instant::now();
        until(|| {
            let gone = running.child.try_wait().is_ok_and(|status| status.is_some());
            gone || began.elapsed() > Duration::from_millis(300)
        });
        release.send(()).expect("the program waits for the response");
        let run = running.ended();
        assert_eq!(run.code, 143, "{command}: {}", run.stdout);
        let controls = run.of_type("CONTROL");
        assert_eq!(controls.len(), 1, "{command}: the new pair is lost");
        connection.config = controls[0]["control"]["connectorConfig"]["config"].clone();
        let mut check = self::program(&sandbox.base_url());
        let run = output(check.arg("check").arg("--config").arg(config(&connection)));
        assert!(run.stdout.contains("SUCCEEDED"), "{}", run.stdout);
    }
}

#[test]
fn a_consumer_that_pauses_delays_the_read_and_gets_everything() {
    for workers in [1, 4] {
        let sandbox = generous(12_000, None);
        let connection = connect(&sandbox).set("num_workers", json!(workers));
        let (mut running, stdout) = Running::unread(program(&sandbox.base_url()).args(connection.arguments(None)));
        let requests = settled_requests(&sandbox);
        assert!(requests < 40 + 14 * workers, "{requests} of 120 pages are kept in memory");
        running.read(stdout);
        let run = running.ended().succeeded();
        assert_everything(&sandbox, run.records());
        assert_states_add_up(&run);
    }
}

#[test]
fn a_non_blocking_pipe_gets_every_line_whole() {
    // As ssh, node and asyncio pass it.
    let sandbox = generous(12_000, None);
    let connection = connect(&sandbox);
    let (mut stdout, writer) = std::io::pipe().expect("a pipe");
    let flags = rustix::fs::fcntl_getfl(&writer).expect("flags");
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).expect("the flag is set");
    let mut command = program(&sandbox.base_url());
    command.args(connection.arguments(None)).stdout(writer).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    drop(command);
    // The pipe is full by now.
    settled_requests(&sandbox);
    let mut read = Vec::new();
    stdout.read_to_end(&mut read).expect("it can be read");
    let run = quiet(Output { stdout: read, ..child.wait_with_output().expect("it ends") }).succeeded();
    assert_everything(&sandbox, run.records());
    assert_states_add_up(&run);
    assert_eq!(run.statuses().last().map(String::as_str), Some("COMPLETE"));
}

#[test]
fn a_closed_non_blocking_pipe_ends_the_read_quietly() {
    let sandbox = generous(12_000, None);
    let connection = connect(&sandbox);
    let (stdout, writer) = std::io::pipe().expect("a pipe");
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).expect("the flag is set");
    let mut command = program(&sandbox.base_url());
    command.args(connection.arguments(None)).stdout(writer).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    drop(command);
    settled_requests(&sandbox);
    drop(stdout);
    assert_eq!(quiet(child.wait_with_output().expect("it ends")).code, 141);
}

#[test]
fn a_signal_while_the_consumer_pauses_loses_nothing() {
    let sandbox = generous(12_000, None);
    let connection = connect(&sandbox);
    let (mut running, stdout) = Running::unread(program(&sandbox.base_url()).args(connection.arguments(None)));
    settled_requests(&sandbox);
    running.signal("TERM");
    running.read(stdout);
    let run = running.ended();
    assert_eq!(run.code, 143);
    assert_states_add_up(&run);
    assert_eq!(run.statuses().last().map(String::as_str), Some("INCOMPLETE"));
    assert_resume_completes(&sandbox, &connection, run.records(), &run.state());
}

#[test]
fn a_second_signal_ends_the_process_even_if_stdout_is_blocked() {
    let sandbox = generous(12_000, None);
    let connection = connect(&sandbox);
    let (mut running, stdout) = Running::unread(program(&sandbox.base_url()).args(connection.arguments(None)));
    settled_requests(&sandbox);
    let mut status = None;
    until(|| {
        running.signal("TERM");
        status = running.child.try_wait().expect("a status");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(143));
    drop(stdout);
}

#[test]
fn a_killed_read_resumes_from_its_last_state() {
    // A STATE and some more records have been emitted; the size of the pages depends on the time of day.
    let sandbox = stalling(12_000, 70);
    let connection = connect(&sandbox);
    let mut running = Running::start(program(&sandbox.base_url()).args(connection.arguments(None)));
    until(|| sandbox.requests().len() == 70);
    running.wait_for_records(5_500);
    running.child.kill().expect("it runs");
    let (status, stdout, _) = running.finish();
    assert_eq!(status.code(), None, "it was killed");

    // A consumer keeps only whole lines.
    let whole = stdout.rfind('\n').map_or(0, |end| end + 1);
    let run = Run { code: 0, stdout: stdout[..whole].to_owned() };
    assert!(!run.states().is_empty());
    let (mut claimed, mut unclaimed) = (Vec::new(), Vec::new());
    for line in run.stdout.lines() {
        unclaimed.extend(record(line));
        if line.starts_with("{\"type\":\"STATE\"") {
            claimed.append(&mut unclaimed);
        }
    }
    assert!((1..=5_000).contains(&unclaimed.len()), "{}", unclaimed.len());
    // Only records without a STATE are emitted again.
    assert_resume_completes(&sandbox, &connection, claimed, &run.state());
}

#[test]
fn a_closed_stdout_ends_the_process_quietly() {
    let sandbox = generous(12_000, None);
    let connection = connect(&sandbox);
    let mut child = program(&sandbox.base_url())
        .args(connection.arguments(None))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    for _ in 0..3 {
        stdout.read_line(&mut String::new()).expect("a line");
    }
    drop(stdout);
    let run = quiet(child.wait_with_output().expect("it ends"));
    assert_eq!(run.code, 141);
    assert!(sandbox.requests().len() < 60, "it continued to read");

    for command in ["spec", "check", "discover"] {
        let (reader, stdout) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut program = program(&sandbox.base_url());
        program.arg(command).stdout(stdout).stderr(Stdio::piped());
        if command != "spec" {
            program.arg("--config").arg(config(&connection));
        }
        let child = program.spawn().expect("the program starts");
        let run = quiet(child.wait_with_output().expect("it ends"));
        assert_eq!(run.code, 141, "{command}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_on_stderr() {
    let sandbox = generous(100, None);
    let connection = connect(&sandbox);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("the device");
    let output = program(&sandbox.base_url())
        .args(connection.arguments(None))
        .stdout(full)
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("The output cannot be written: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    for arguments in [&["--help"][..], &["--version"], &["read", "--help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("the device");
        let output = program("").args(arguments).stdout(full).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with("The output cannot be written: "), "{text}");

        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = program("").args(arguments).stdout(writer).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(141), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn too_few_file_descriptors_are_reported_in_a_trace() {
    let sandbox = generous(100, None);
    let connection = connect(&sandbox);
    let read = connection.arguments(None);
    let check: Vec<String> = ["check", "--config", &read[2]].map(str::to_owned).to_vec();
    for arguments in [&read, &check] {
        // The process that runs the tests may pass its own descriptors, so the exact sufficient limit is
        // not known. The minimum is stdin, stdout, stderr and the 16 descriptors that the connector checks.
        for limit in (3..=18).chain([256]) {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("ulimit -n {limit} && exec \"$0\" \"$@\"")).arg(PROGRAM).args(arguments);
            shell.env("ZENDESK_BASE_URL", sandbox.base_url());
            let output = shell.output().expect("a shell");
            if limit > 18 {
                assert_eq!(output.status.code(), Some(0), "{limit}: {output:?}");
                continue;
            }
            let stderr = String::from_utf8_lossy(&output.stderr);
            if stderr.contains("error while loading") || output.status.code() == Some(127) {
                continue;
            }
            let run = quiet(output);
            assert_eq!(run.code, 1, "{limit}");
            assert_eq!(run.error()["failure_type"], "system_error");
            let message = run.error()["message"].as_str().expect("a message").to_owned();
            assert!(message.contains("file descriptors") && message.contains("ulimit -n"), "{limit}: {message}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_too_large_does_not_fill_the_memory() {
    let sandbox = generous(1, None);
    let connection = connect(&sandbox);
    for (megabytes, most) in [(63_usize, 64 << 10), (1, 128 << 10)] {
        // The content with the highest cost: each empty array takes three bytes of the file.
        let arrays = vec!["[]"; (megabytes << 20) / 3 - 20].join(",");
        let config = connection.file("large.json", format!("{{\"x\":[{arrays}]}}"));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -v {} && exec \"$0\" \"$@\"", most + (256 << 10))).arg(PROGRAM);
        let run = output(shell.arg("check").arg("--config").arg(&config));
        let message = run.of_type("TRACE").first().map(|_| run.error()["message"].to_string()).unwrap_or_default();
        assert_eq!(message.contains("is larger than 1 MiB"), megabytes > 1, "{}", run.stdout);
    }
}

#[test]
fn requests_to_this_machine_bypass_the_proxy() {
    let sandbox = generous(100, None);
    let trap = generous(1, None);
    let connection = connect(&sandbox);
    let by_name = sandbox.base_url().replace("127.0.0.1", "localhost");
    for base_url in [sandbox.base_url(), by_name] {
        let mut program = program(&base_url);
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            program.env(name, trap.base_url());
        }
        let run = output(program.args(connection.arguments(None))).succeeded();
        assert_eq!(run.records().len(), 100);
    }
    assert_eq!(trap.requests().len(), 0, "the proxy saw the credentials");
}

#[test]
fn neither_stdin_nor_a_working_directory_is_needed() {
    let sandbox = generous(100, None);
    let connection = connect(&sandbox);
    let arguments = connection.arguments(None);
    let gone = tempfile::tempdir().expect("a folder");
    for script in ["exec \"$@\" <&-", "cd / && exec \"$@\"", "cd \"$0\" && rmdir \"$0\" && exec \"$@\""] {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).arg(gone.path());
        shell.arg(PROGRAM).args(&arguments);
        shell.env("ZENDESK_BASE_URL", sandbox.base_url());
        let run = output(&mut shell).succeeded();
        assert_eq!(run.records().len(), 100, "{script}");
    }
}

#[test]
fn paths_are_used_unchanged() {
    let sandbox = generous(10, None);
    let connection = connect(&sandbox);
    let plain = config(&connection);
    let folder = plain.parent().expect("a folder");
    for name in [
        "my config.json".into(),
        "Ko\u{308}nfig \u{1f511} \u{e9}.json".into(),
        "it's \"quoted\" $HOME `x` *.json".into(),
        "--help".into(),
        "line\nbreak".into(),
        OsStr::from_bytes(b"not-utf-8-\xff.json").to_owned(),
    ] as [OsString; 6]
    {
        let path = folder.join(&name);
        std::fs::copy(&plain, &path).expect("a copy");
        let mut with_equals = OsString::from("--config=");
        with_equals.push(&name);
        for (arguments, known) in [
            (vec!["--config".into(), path.clone().into_os_string()], true),
            (vec![with_equals], true),
            (vec!["--config".into(), folder.join("no").join(&name).into()], false),
        ] as [(Vec<OsString>, bool); 3]
        {
            let mut program = program(&sandbox.base_url());
            let run = output(program.current_dir(folder).arg("check").args(&arguments));
            if known {
                let status = &run.of_type("CONNECTION_STATUS")[0]["connectionStatus"];
                assert_eq!(status["status"], "SUCCEEDED", "{name:?}");
            } else {
                assert_eq!(run.code, 1);
                let message = run.error()["message"].to_string();
                assert!(message.contains("does not exist"), "{message}");
            }
        }
    }
}
