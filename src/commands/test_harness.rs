//! A command context for tests, with a stdout that the test can read.
//!
//! It must not run a command.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::Context;
use crate::airbyte::message::Level;
use crate::airbyte::{Output, Writer};
use crate::clock::Clock;
use crate::secret::Redactor;
use crate::shutdown::Shutdown;
use crate::zendesk::ProxyVariables;

/// A context and its stdout.
pub struct TestHarness {
    /// The context of a command.
    pub context: Context,
    writer: Writer,
    stdout: Stdout,
}

#[derive(Clone, Default)]
struct Stdout(Arc<Mutex<Vec<u8>>>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl TestHarness {
    /// Creates a context with an empty stdout.
    pub fn start() -> Self {
        let stdout = Stdout::default();
        let (output, writer) = Output::start(Box::new(stdout.clone()), Level::Info, None).expect("a thread");
        let context = Context {
            output,
            clock: Clock::System,
            base_url: None,
            certificates: None,
            proxies: ProxyVariables::default(),
            seed: 7,
            timeouts: None,
            page_size: None,
            transport: None,
            shutdown: Shutdown::default(),
            secrets: Redactor::default(),
        };
        Self { context, writer, stdout }
    }

    /// Returns all messages. A line that is not a message fails the test.
    pub async fn messages(self) -> Vec<Value> {
        drop(self.context);
        tokio::task::spawn_blocking(|| self.writer.finish()).await.expect("it ends").expect("it is written");
        let stdout = self.stdout.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stdout = String::from_utf8(stdout).expect("UTF-8");
        assert!(stdout.ends_with('\n'), "{stdout}");
        stdout.lines().map(|line| serde_json::from_str(line).expect("a message")).collect()
    }
}
