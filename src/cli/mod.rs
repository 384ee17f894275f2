//! Runs a command line and returns an exit code.
//!
//! The command line, stdout, the environment and the clock are arguments, so a test can run whole commands.
//! Only [`Environment::of_process`] may read those of the process.

mod arguments;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use clap::Parser as _;
use tokio::runtime::Runtime;

use arguments::{Arguments, Command, LogLevel, example};

use crate::airbyte::message::Level;
use crate::airbyte::{Output, OutputError};
use crate::clock::Clock;
use crate::commands::read::Outcome;
use crate::commands::{About, Context, check, discover, error_message, read, spec};
use crate::error::{Error, Result};
use crate::panics::{caught, caught_async, of_task};
use crate::secret::Redactor;
use crate::shutdown::Shutdown;
use crate::stdio::Inherited;
use crate::zendesk::{ProxyVariables, Timeouts};

/// The dependencies of a command.
pub struct Environment {
    /// `ZENDESK_BASE_URL`: replaces the account's URL, for test servers.
    pub base_url: Option<String>,
    /// `SSL_CERT_FILE`: certificates to trust in addition to the built-in ones.
    pub certificates: Option<PathBuf>,
    /// The proxy variables.
    pub proxies: ProxyVariables,
    /// `ZENDESK_LOG`: the level of LOG messages; `--log-level` takes precedence.
    pub log: Option<String>,
    /// The clock.
    pub clock: Clock,
    /// The seed of the jitter of retries.
    pub seed: u64,
    /// Replaces the timeouts of a request, if set.
    pub timeouts: Option<Timeouts>,
    /// The source of shutdown requests.
    pub signals: Signals,
    /// The user's terminal, which receives the important messages as plain text.
    pub terminal: Option<Box<dyn Write + Send>>,
}

/// The source of shutdown requests.
#[derive(Debug)]
pub enum Signals {
    /// From the process's SIGTERM and SIGINT.
    OfProcess,
    /// Only from code that holds a clone of the request.
    Manual(Shutdown),
}

impl Environment {
    /// Returns the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let variable = |name: &'static str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            // A value that is not Unicode is not a URL either, and is rejected as an invalid URL.
            base_url: variable("ZENDESK_BASE_URL").map(|value| value.to_string_lossy().into_owned()),
            certificates: variable("SSL_CERT_FILE").map(PathBuf::from),
            proxies: ProxyVariables::read(variable),
            log: variable("ZENDESK_LOG").map(|value| value.to_string_lossy().into_owned()),
            clock: Clock::System,
            seed: fastrand::u64(..),
            timeouts: None,
            signals: Signals::OfProcess,
            terminal: std::io::stderr().is_terminal().then(|| Box::new(Inherited::new(std::io::stderr())) as _),
        }
    }
}

/// Runs a command line that starts with the program's name, and returns the exit code: 0 for success (also
/// for a check with the result FAILED), 1 for a failure, 2 for wrong usage, 130 and 143 for a signal, 141 if
/// stdout is closed.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    stdout: Box<dyn Write + Send>,
) -> u8 {
    let given: Vec<OsString> = arguments.into_iter().collect();
    let result = caught(|| match Arguments::try_parse_from(&given) {
        Ok(arguments) => start(arguments, environment, stdout),
        Err(usage) => explain_usage(&usage, &given, stdout),
    });
    match result {
        Ok(code) => code,
        Err(Error::Output(OutputError::Closed)) => 141,
        Err(error) => {
            // stdout cannot be written, so stderr is the last place for the message.
            write_stderr(&format!("{error}\n"));
            1
        }
    }
}

/// Writes help and the version to stdout, and usage errors to stderr.
///
/// # Errors
/// If stdout cannot be written.
fn explain_usage(usage: &clap::Error, given: &[OsString], mut stdout: Box<dyn Write + Send>) -> Result<u8> {
    let text = usage.render().to_string();
    if usage.use_stderr() {
        let example = example(usage, given).map(|example| format!("\nExample: {example}\n"));
        write_stderr(&format!("{text}{}", example.unwrap_or_default()));
    } else {
        write_all(&mut stdout, text.as_bytes())?;
    }
    Ok(u8::try_from(usage.exit_code()).unwrap_or(2))
}

/// Writes to stderr. If that fails, only the exit code reports the failure.
fn write_stderr(text: &str) {
    let _ = Inherited::new(std::io::stderr()).write_all(text.as_bytes());
}

/// Writes to stdout before its writer has started.
fn write_all(stdout: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    Ok(written.map_err(|error| OutputError::from(&error))?)
}

/// Sets up the runtime and stdout, and runs the command. Fails only if stdout or the system fails.
fn start(arguments: Arguments, environment: Environment, mut stdout: Box<dyn Write + Send>) -> Result<u8> {
    let (runtime, shutdown) = match set_up(environment.signals) {
        Ok(set_up) => set_up,
        Err(error) => {
            // The writer of stdout has not started yet.
            let now = environment.clock.now();
            let message = error_message(&error, About::Command, &Redactor::default(), now);
            let line = message.to_line().map_err(|error| Error::defect(error.to_string()))?;
            return write_all(&mut stdout, &line).map(|()| 1);
        }
    };
    let level = match (arguments.log_level, environment.log) {
        (Some(level), _) => Ok(level.into()),
        (None, None) => Ok(Level::Info),
        (None, Some(name)) => LogLevel::of_name(&name).map(Level::from).ok_or(Error::LogLevel),
    };
    let (output, writer) = Output::start(stdout, level.clone().unwrap_or(Level::Info), environment.terminal)?;
    let code = runtime.block_on(async {
        let context = Context {
            output,
            clock: environment.clock,
            base_url: environment.base_url,
            certificates: environment.certificates,
            proxies: environment.proxies,
            seed: environment.seed,
            timeouts: environment.timeouts,
            page_size: None,
            transport: None,
            shutdown,
            secrets: Redactor::default(),
        };
        let command = async {
            match level {
                Ok(_) => perform(&context, arguments.command).await,
                Err(error) => Err(error),
            }
        };
        let code = Box::pin(report_failure(&context, command)).await;
        drop(context);
        // A consumer that does not read blocks this call; signals are still handled.
        match tokio::task::spawn_blocking(|| writer.finish()).await {
            Ok(written) => code.and_then(|code| Ok(written.map(|()| code)?)),
            Err(error) => Err(of_task(error).into()),
        }
    });
    // Another thread may still be reading a pipe that never ends.
    runtime.shutdown_background();
    code
}

/// File descriptors that a command needs at the same time: for the runtime, signals, name resolution, a file
/// and a few connections.
const DESCRIPTORS: usize = 16;

/// Sets up the runtime and the signal handlers.
///
/// # Errors
/// If the system refuses them.
fn set_up(signals: Signals) -> Result<(Runtime, Shutdown)> {
    let refused = |why: String| Error::Startup { why };
    // The runtime panics without them, and every later failure would be reported as something else.
    let pipes: io::Result<Vec<_>> = (0..DESCRIPTORS / 2).map(|_| io::pipe()).collect();
    drop(pipes.map_err(|error| refused(format!("it needs {DESCRIPTORS} more file descriptors: {error}")))?);
    // One thread is enough: the work is waiting for responses.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| refused(error.to_string()))?;
    let shutdown = match signals {
        Signals::Manual(shutdown) => shutdown,
        Signals::OfProcess => {
            let shutdown = Shutdown::default();
            let _within = runtime.enter();
            shutdown.clone().on_signals().map_err(|error| refused(error.to_string()))?;
            shutdown
        }
    };
    Ok((runtime, shutdown))
}

/// Emits the TRACE ERROR of a command that failed or panicked. A command that emits its own error returns an
/// exit code.
async fn report_failure(context: &Context, command: impl Future<Output = Result<u8>>) -> Result<u8> {
    match caught_async(command).await {
        Ok(code) => Ok(code),
        Err(error @ Error::Output(_)) => Err(error),
        Err(error) => context.trace_error(&error, About::Command).await.map(|()| 1),
    }
}

async fn perform(context: &Context, command: Command) -> Result<u8> {
    match command {
        Command::Spec => spec::run(context).await.map(|()| 0),
        Command::Check { config } => unless_stopped(context, check::run(context, &config)).await,
        Command::Discover { config } => unless_stopped(context, discover::run(context, &config)).await,
        Command::Read { config, catalog, state } => {
            Ok(match read::run(context, &config, &catalog, state.as_deref()).await? {
                Outcome::Complete => 0,
                Outcome::Failed => 1,
                Outcome::Stopped(signal) => signal.exit_code(),
            })
        }
    }
}

/// Runs a command that has nothing to clean up when a signal arrives.
async fn unless_stopped(context: &Context, command: impl Future<Output = Result<()>>) -> Result<u8> {
    tokio::select! {
        biased;
        done = command => done.map(|()| 0),
        signal = context.shutdown.recv() => Ok(signal.exit_code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::test_harness::TestHarness;

    #[tokio::test]
    async fn a_panic_of_a_command_is_reported_and_exits_1() {
        let harness = TestHarness::start();
        harness.context.secrets.add("s3cr3t-0123456789");
        let code = report_failure(&harness.context, async { panic!("index 7, in s3cr3t-0123456789, s3cr3t-01") }).await;
        assert_eq!(code.ok(), Some(1));
        let [trace] = harness.messages().await.try_into().expect("one message");
        let error = &trace["trace"]["error"];
        assert_eq!(error["failure_type"], "system_error");
        assert_eq!(error["message"], Error::defect("").to_string());
        assert_eq!(error["stream_descriptor"], serde_json::Value::Null);
        let internal = error["internal_message"].as_str().expect("details");
        assert!(internal.starts_with("panic") && internal.contains("index 7, in ("), "{internal}");
        assert!(!internal.contains("s3cr3t") && !internal.contains("0123"), "{internal}");
    }

    #[test]
    fn a_panic_of_the_writer_exits_1() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                panic!("stdout is broken")
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let environment = Environment { signals: Signals::Manual(Shutdown::default()), ..Environment::of_process() };
        let arguments = ["source-zendesk-audit-logs", "spec"].map(OsString::from);
        assert_eq!(run(arguments, environment, Box::new(Broken)), 1);
    }
}
