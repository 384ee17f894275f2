//! Runs whole commands of the connector against a sandbox in this process: takes arguments and files, returns
//! messages and an exit code. The clock is manual, so backoff takes no time.
//!
//! It must not know what is correct; the tests do.

#![allow(dead_code, reason = "each test binary uses a part of it")]

mod server_thread;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::{Clock, ManualClock};
use source_zendesk_audit_logs::shutdown::Shutdown;
use source_zendesk_audit_logs::zendesk::{ProxyVariables, Timeouts};
use source_zendesk_audit_logs::{Environment, Signals, run};
use zendesk_sandbox::{Options, Sandbox, ServerClock, compact, credentials};

#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use self::server_thread::ServerThread;

/// A connection: a configuration, a folder for its files, and the environment of its commands.
pub struct Connection {
    folder: tempfile::TempDir,
    pub config: Value,
    pub base_url: Option<String>,
    pub certificates: Option<PathBuf>,
    pub clock: ManualClock,
    pub timeouts: Option<Timeouts>,
    pub signals: Option<Shutdown>,
    /// `ZENDESK_LOG`
    pub log: Option<String>,
    /// The user's terminal.
    pub terminal: Option<Stdout>,
}

/// The result of a command.
#[derive(Debug)]
pub struct Run {
    pub code: u8,
    pub stdout: String,
}

/// The initial time of a connection's clock.
pub const NOON: &str = "2026-11-23T12:00:00Z";

/// Starts a sandbox with these options. If it uses this machine's clock, its `Date` is the time of a
/// connection's clock.
pub fn sandbox(mut options: Options) -> Sandbox {
    if options.clock == ServerClock::Machine && options.clock_offset.is_zero() {
        let noon: jiff::Timestamp = NOON.parse().expect("a time");
        options.clock_offset = noon.duration_since(jiff::Timestamp::now());
    }
    Sandbox::start(options).expect("the sandbox starts")
}

impl Connection {
    /// Connects to a sandbox, with a pasted access token, at noon of 2026-11-23.
    pub fn to(sandbox: &Sandbox) -> Self {
        Self::with(
            Some(sandbox.base_url()),
            json!({ "auth_type": "access_token", "access_token": credentials::ACCESS_TOKEN }),
        )
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers write json!(…)")]
    pub fn with(base_url: Option<String>, credentials: Value) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            config: json!({ "subdomain": "sandbox", "credentials": credentials }),
            base_url,
            certificates: None,
            clock: ManualClock::new(NOON.parse().expect("a time")),
            timeouts: None,
            signals: None,
            log: None,
            terminal: None,
        }
    }

    /// Sets a field of the configuration.
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.config[field] = value;
        self
    }

    /// Writes a file into the connection's folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("the file is written");
        path
    }

    pub fn check(&self) -> Run {
        let config = self.file("config.json", self.config.to_string());
        self.command(&["check", "--config", text(&config)])
    }

    pub fn discover(&self) -> Run {
        let config = self.file("config.json", self.config.to_string());
        self.command(&["discover", "--config", text(&config)])
    }

    /// Reads incrementally; the state is the `state` of a STATE message.
    pub fn read(&self, state: Option<&Value>) -> Run {
        self.read_as("incremental", state)
    }

    pub fn read_as(&self, sync_mode: &str, state: Option<&Value>) -> Run {
        let arguments = self.arguments_as(sync_mode, state);
        self.command(&arguments)
    }

    /// Reads these streams incrementally; the states are the `state` of STATE messages.
    pub fn read_streams(&self, streams: &[&str], states: &[Value]) -> Run {
        self.command(&self.arguments_of(streams, states))
    }

    /// Writes the files of an incremental read of these streams and returns its command line.
    pub fn arguments_of(&self, streams: &[&str], states: &[Value]) -> Vec<String> {
        let config = self.file("config.json", self.config.to_string());
        let catalog = self.file("catalog.json", catalog_of(streams, "incremental").to_string());
        let state = self.file("state.json", json!(states).to_string());
        let arguments = ["read", "--config", text(&config), "--catalog", text(&catalog), "--state", text(&state)];
        arguments.map(str::to_owned).to_vec()
    }

    /// Writes the files of an incremental read and returns its command line.
    pub fn arguments(&self, state: Option<&Value>) -> Vec<String> {
        self.arguments_as("incremental", state)
    }

    fn arguments_as(&self, sync_mode: &str, state: Option<&Value>) -> Vec<String> {
        let config = self.file("config.json", self.config.to_string());
        let catalog = self.file("catalog.json", catalog(sync_mode).to_string());
        let mut arguments = vec!["read", "--config", text(&config), "--catalog", text(&catalog)];
        let state = state.map(|state| self.file("state.json", json!([state]).to_string()));
        if let Some(state) = &state {
            arguments.extend(["--state", text(state)]);
        }
        arguments.into_iter().map(str::to_owned).collect()
    }

    /// Runs any command line.
    pub fn command(&self, arguments: &[impl AsRef<str>]) -> Run {
        let stdout = Stdout::default();
        let code = self.command_into(arguments, Box::new(stdout.clone()));
        Run { code, stdout: stdout.text() }
    }

    /// Runs any command line with another stdout.
    pub fn command_into(&self, arguments: &[impl AsRef<str>], stdout: Box<dyn Write + Send>) -> u8 {
        let environment = Environment {
            base_url: self.base_url.clone(),
            certificates: self.certificates.clone(),
            proxies: ProxyVariables::default(),
            clock: Clock::Manual(self.clock.clone()),
            seed: 7,
            timeouts: self.timeouts,
            signals: Signals::Manual(self.signals.clone().unwrap_or_default()),
            log: self.log.clone(),
            terminal: self.terminal.clone().map(|terminal| Box::new(terminal) as _),
        };
        let arguments = arguments.iter().map(|argument| OsString::from(argument.as_ref()));
        run(std::iter::once("source-zendesk-audit-logs".into()).chain(arguments), environment, stdout)
    }
}

/// Returns a configured catalog.
pub fn catalog(sync_mode: &str) -> Value {
    catalog_of(&["audit_logs"], sync_mode)
}

/// Returns a configured catalog of these streams.
pub fn catalog_of(streams: &[&str], sync_mode: &str) -> Value {
    let entry = |name: &&str| {
        json!({
            "stream": { "name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"] },
            "sync_mode": sync_mode,
            "destination_sync_mode": "append"
        })
    };
    json!({ "streams": streams.iter().map(entry).collect::<Vec<_>>() })
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test is Unicode")
}

impl Run {
    /// Returns all messages. A line that is not a message fails the test.
    pub fn messages(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// Returns the JSON of the records, without white space between tokens, in the order of emission.
    pub fn records(&self) -> Vec<String> {
        self.stdout.lines().filter_map(record).collect()
    }

    /// Returns the JSON of the records of a stream, without white space between tokens, in the order of emission.
    pub fn records_of(&self, stream: &str) -> Vec<String> {
        self.stdout.lines().filter_map(|line| record_of(stream, line)).collect()
    }

    /// Returns the last `state` of a stream's STATE messages.
    pub fn state_of(&self, stream: &str) -> Value {
        let of_stream = |state: &Value| state["stream"]["stream_descriptor"]["name"] == stream;
        self.states().into_iter().rfind(of_stream).unwrap_or_else(|| panic!("no STATE of {stream}: {self:?}"))
    }

    /// Returns the statuses of a stream.
    pub fn statuses_of(&self, stream: &str) -> Vec<String> {
        let status = |message: &Value| {
            let status = &message["trace"]["stream_status"];
            (status["stream_descriptor"]["name"] == stream).then(|| status["status"].as_str().map(str::to_owned))?
        };
        self.of_type("TRACE").iter().filter_map(status).collect()
    }

    /// Returns the state of each STATE message.
    pub fn states(&self) -> Vec<Value> {
        self.of_type("STATE").into_iter().map(|message| message["state"].clone()).collect()
    }

    /// Returns the state of the last STATE message.
    pub fn state(&self) -> Value {
        self.states().pop().unwrap_or_else(|| panic!("no STATE: {self:?}"))
    }

    /// Returns the `stream_state` of the last STATE message.
    pub fn stream_state(&self) -> Value {
        self.state()["stream"]["stream_state"].clone()
    }

    /// Returns the stream statuses, such as `STARTED`.
    pub fn statuses(&self) -> Vec<String> {
        self.of_type("TRACE")
            .iter()
            .filter_map(|message| message["trace"]["stream_status"]["status"].as_str().map(str::to_owned))
            .collect()
    }

    /// Returns the error of the only TRACE ERROR.
    pub fn error(&self) -> Value {
        let errors: Vec<Value> = self
            .of_type("TRACE")
            .into_iter()
            .filter(|message| message["trace"]["type"] == "ERROR")
            .map(|message| message["trace"]["error"].clone())
            .collect();
        match errors.as_slice() {
            [error] => error.clone(),
            errors => panic!("{} TRACE ERROR messages: {}", errors.len(), self.stdout),
        }
    }

    /// Returns the log messages at this level.
    pub fn logs(&self, level: &str) -> Vec<String> {
        self.of_type("LOG")
            .iter()
            .filter(|message| message["log"]["level"] == level)
            .filter_map(|message| message["log"]["message"].as_str().map(str::to_owned))
            .collect()
    }

    /// Asserts that a check failed, and returns the message.
    pub fn failed_check(&self) -> String {
        assert_eq!(self.code, 0, "{}", self.stdout);
        let status =
            self.of_type("CONNECTION_STATUS").pop().unwrap_or_else(|| panic!("no CONNECTION_STATUS: {self:?}"));
        assert_eq!(status["connectionStatus"]["status"], "FAILED", "{}", self.stdout);
        status["connectionStatus"]["message"].as_str().expect("a message").to_owned()
    }

    /// Asserts a success; the panic message shows the output.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stdout);
        self
    }

    pub fn of_type(&self, kind: &str) -> Vec<Value> {
        self.messages().into_iter().filter(|message| message["type"] == kind).collect()
    }
}

/// Returns the record in a RECORD line.
pub fn record(line: &str) -> Option<String> {
    record_of("audit_logs", line)
}

/// Returns the record in a RECORD line of a stream.
pub fn record_of(stream: &str, line: &str) -> Option<String> {
    let rest = line.strip_prefix(r#"{"type":"RECORD","record":{"stream":""#)?.strip_prefix(stream)?;
    let (data, _) = rest.strip_prefix(r#"","data":"#)?.rsplit_once(",\"emitted_at\":")?;
    Some(compact(data))
}

/// Sorts the records, to compare the read records with the sandbox's.
pub fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}

/// A stdout that a test can read.
#[derive(Clone, Default)]
pub struct Stdout(Arc<Mutex<Vec<u8>>>);

impl Stdout {
    /// Returns the text of a stdout that may have been closed in the middle of a character.
    pub fn text_lossy(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).expect("messages are UTF-8")
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
