//! The four commands, one file each. No command imports another.
//!
//! This file has the shared parts: the context, the client and the TRACE ERROR of a failure.

pub mod check;
mod diagnosis;
pub mod discover;
pub mod read;
mod reporter;
pub mod spec;
mod stream_messages;
mod stream_read;
#[cfg(test)]
pub(crate) mod test_harness;
mod warnings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::airbyte::Output;
use crate::airbyte::message::{Level, Message, Trace, TraceError, TraceKind};
use crate::clock::Clock;
use crate::config::{self, Config, InputFile, SECRET_FIELDS, read_json};
use crate::error::{Error, Result};
use crate::panics::of_task;
use crate::secret::Redactor;
use crate::shutdown::Shutdown;
use crate::stream::Stream;
use crate::zendesk::{BaseUrl, Client, ProxyVariables, RetryPolicy, Setup, Timeouts, Transport};
use reporter::{Profile, Reporter};

/// The dependencies of a command.
pub struct Context {
    /// stdout.
    pub output: Output,
    /// The clock.
    pub clock: Clock,
    /// `ZENDESK_BASE_URL`
    pub base_url: Option<String>,
    /// `SSL_CERT_FILE`
    pub certificates: Option<PathBuf>,
    /// The proxy variables of the environment.
    pub proxies: ProxyVariables,
    /// The seed of the jitter.
    pub seed: u64,
    /// Replaces the command's own timeouts, if set.
    pub timeouts: Option<Timeouts>,
    /// The largest page size, if not the stream's own: a simulated server has small pages.
    pub page_size: Option<u32>,
    /// Replaces the HTTP client, if set.
    pub transport: Option<Arc<dyn Transport>>,
    /// The shutdown request of SIGTERM and SIGINT.
    pub shutdown: Shutdown,
    /// Redacts secrets in error messages and logs.
    pub secrets: Redactor,
}

/// The subject of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The command, before it read a stream.
    Command,
    /// A stream.
    Stream(&'static Stream),
}

impl Context {
    /// Reads the configuration file and returns its content, for the CONTROL message, and the parsed
    /// configuration. Registers its secrets for redaction.
    ///
    /// # Errors
    /// If the file cannot be read. The inner result is an error if the content is invalid.
    async fn configuration(&self, path: &Path) -> Result<(Value, config::Result<Config>)> {
        let file = self.file(InputFile::Config, path).await?;
        let config = self.parse_config(&file);
        Ok((file, config))
    }

    /// Parses the content of the configuration file and registers its secrets for redaction.
    ///
    /// # Errors
    /// If a field is invalid.
    fn parse_config(&self, file: &Value) -> config::Result<Config> {
        for secret in SECRET_FIELDS.iter().filter_map(|name| file["credentials"][name].as_str()) {
            self.secrets.add(secret.trim());
        }
        Config::parse(file)
    }

    /// Reads a file on a separate thread: a pipe may never end, and signals must still be processed.
    ///
    /// # Errors
    /// See [`read_json`].
    async fn file(&self, file: InputFile, path: &Path) -> Result<Value> {
        let path = path.to_owned();
        Ok(tokio::task::spawn_blocking(move || read_json(file, &path)).await.map_err(of_task)??)
    }

    /// Emits the TRACE ERROR of a failure and flushes stdout.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub async fn trace_error(&self, error: &Error, about: About) -> Result<()> {
        self.output.send(&error_message(error, about, &self.secrets, self.clock.now())).await?;
        Ok(self.output.flush().await?)
    }

    /// Creates a client and the reporter of its notices. `file` is the content of the configuration file.
    ///
    /// # Errors
    /// If the environment or a credential cannot be used.
    fn connect(&self, config: &Config, file: &Value, profile: Profile) -> Result<(Arc<Client>, Reporter)> {
        let (retry_policy, timeouts) = match profile {
            Profile::Check => (RetryPolicy::CHECK, Timeouts::CHECK),
            Profile::Read(_) => (RetryPolicy::READ, Timeouts::READ),
        };
        let (notices, receiver) = mpsc::unbounded_channel();
        let setup = Setup {
            base: BaseUrl::new(&config.subdomain, self.base_url.as_deref())?,
            certificates: self.certificates.clone(),
            proxies: self.proxies.clone(),
            timeouts: self.timeouts.unwrap_or(timeouts),
            transport: self.transport.clone(),
            retry_policy,
            rate_limit_percentage: config.rate_limit_percentage,
            clock: self.clock.clone(),
            seed: self.seed,
            notices,
            report_attempts: self.output.logs(Level::Debug),
            secrets: self.secrets.clone(),
        };
        let client = Client::new(setup, &config.credentials)?;
        let reporter = Reporter::start(receiver, self.output.clone(), self.clock.clone(), file.clone(), profile);
        Ok((Arc::new(client), reporter))
    }
}

/// Returns the TRACE ERROR of a failure.
#[must_use]
pub fn error_message(error: &Error, about: About, secrets: &Redactor, now: Timestamp) -> Message {
    let error = TraceError {
        message: error.to_string(),
        internal_message: error.details().map(|details| {
            if error.is_defect() {
                // A panic's message may contain part of a secret.
                secrets.redact_parts(details)
            } else {
                secrets.redact(details).into_owned()
            }
        }),
        failure_type: error.failure_type(),
        stream_descriptor: match about {
            About::Command => None,
            About::Stream(stream) => Some(stream.into()),
        },
    };
    let trace = Trace { kind: TraceKind::Error { error }, emitted_at: now.as_millisecond() };
    Message::Trace { trace }
}
