//! The commands and arguments, with their help and examples.
//!
//! This file must not run a command.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};

use crate::airbyte::message::Level;

/// The shortest valid command line of each command.
const EXAMPLES: [(&str, &str); 4] = [
    ("spec", "source-zendesk-audit-logs spec"),
    ("check", "source-zendesk-audit-logs check --config config.json"),
    ("discover", "source-zendesk-audit-logs discover --config config.json"),
    ("read", "source-zendesk-audit-logs read --config config.json --catalog catalog.json"),
];

const ABOUT_ALL: &str = "\
Example:
  source-zendesk-audit-logs check --config config.json

Environment:
  ZENDESK_LOG                          the same as --log-level, which takes precedence
  SSL_CERT_FILE                        certificates (PEM) to trust in addition to the built-in ones
  HTTPS_PROXY, ALL_PROXY, NO_PROXY     the proxy to use (http:// or https://), and the hosts that need none
  ZENDESK_BASE_URL                     replaces https://{subdomain}.zendesk.com, for test servers

Exit codes: 0 success, also for a check with the result FAILED; 1 failure; 2 wrong usage; 130 and 143 stopped by a
signal; 141 stdout was closed.";

const ABOUT_SPEC: &str = "\
Example:
  source-zendesk-audit-logs spec > spec.json";

const ABOUT_CHECK: &str = "\
Requests one event from Zendesk and writes the result to stdout: SUCCEEDED, or FAILED with the remedy.

Example:
  echo '{\"subdomain\": \"acme\", \"credentials\": {\"auth_type\": \"client_credentials\",
    \"client_id\": \"…\", \"client_secret\": \"…\"}}' > config.json
  source-zendesk-audit-logs check --config config.json";

const ABOUT_DISCOVER: &str = "\
Validates the configuration. Does not use the network.

Example:
  source-zendesk-audit-logs discover --config config.json";

const ABOUT_READ: &str = "\
Writes records and states to stdout. To continue later, save the last STATE message and pass it as the state file.

Example:
  echo '{\"streams\": [{\"stream\": {\"name\": \"audit_logs\", \"json_schema\": {},
    \"supported_sync_modes\": [\"full_refresh\", \"incremental\"]},
    \"sync_mode\": \"incremental\", \"destination_sync_mode\": \"append\"}]}' > catalog.json
  source-zendesk-audit-logs read --config config.json --catalog catalog.json > messages.jsonl
  source-zendesk-audit-logs read --config config.json --catalog catalog.json --state state.json";

/// Airbyte source for the Zendesk Audit Logs API. Writes messages to stdout, one JSON object per line.
#[derive(Debug, Parser)]
#[command(name = "source-zendesk-audit-logs", version, after_help = ABOUT_ALL)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,

    /// The level of LOG messages to write; debug shows each request, without secrets [default: info]
    #[arg(long, global = true, value_name = "LEVEL", ignore_case = true)]
    pub log_level: Option<LogLevel>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the specification of the configuration
    #[command(after_help = ABOUT_SPEC)]
    Spec,
    /// Check whether the configuration works
    #[command(after_help = ABOUT_CHECK)]
    Check {
        /// The configuration, a JSON file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the streams that can be read
    #[command(after_help = ABOUT_DISCOVER)]
    Discover {
        /// The configuration, a JSON file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Read the records
    #[command(after_help = ABOUT_READ)]
    Read {
        /// The configuration, a JSON file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The configured catalog, a JSON file
        #[arg(long, value_name = "FILE")]
        catalog: PathBuf,
        /// The state of the previous sync, a JSON file; if omitted, the whole history is read
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
    },
}

/// A value of `--log-level` and of `ZENDESK_LOG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    /// Parses a name in any case, with or without white space around it.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::from_str(name.trim(), true).ok()
    }
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
        }
    }
}

/// Returns an example of the given command if an argument is missing.
pub fn example(usage: &clap::Error, arguments: &[OsString]) -> Option<&'static str> {
    if usage.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let mut given = arguments.iter().skip(1);
    given.find_map(|argument| EXAMPLES.iter().find(|(name, _)| argument == name)).map(|(_, example)| *example)
}
