//! Turns the client's notices into messages of the protocol.
//!
//! It runs concurrently with the command, so that a wait is reported while it lasts. It must not change what
//! it reports.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::airbyte::Output;
use crate::airbyte::message::{
    ConnectorConfig, Control, ControlKind, Level, Message, RateLimited, Reason, StreamStatus, stream_status,
};
use crate::clock::Clock;
use crate::error::Result;
use crate::humanize::rough;
use crate::panics::of_task;
use crate::secret::Secret;
use crate::stream::{STREAMS, Stream};
use crate::zendesk::{Attempt, Notice, RefusedLimit};

/// The command that uses the client. It selects timeouts and the retry policy; only `read` has a stream status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `check`
    Check,
    /// `read`; waits for requests that belong to no stream are reported for this stream
    Read(&'static Stream),
}

/// The task that reports notices.
pub struct Reporter(JoinHandle<Result<()>>);

impl Reporter {
    /// Starts the task. `config` is the content of the configuration file.
    pub fn start(
        notices: mpsc::UnboundedReceiver<Notice>,
        output: Output,
        clock: Clock,
        config: Value,
        profile: Profile,
    ) -> Self {
        Self(tokio::spawn(report(notices, output, clock, config, profile)))
    }

    /// Waits until all notices are reported. The client must have been dropped.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub async fn finish(self) -> Result<()> {
        self.0.await.unwrap_or_else(|error| Err(of_task(error).into()))
    }
}

async fn report(
    mut notices: mpsc::UnboundedReceiver<Notice>,
    output: Output,
    clock: Clock,
    mut config: Value,
    profile: Profile,
) -> Result<()> {
    // No status may follow the last status of a stream.
    let mut ended = Vec::new();
    while let Some(notice) = notices.recv().await {
        match notice {
            Notice::Attempt(attempt) => output.log(Level::Debug, attempt_message(&attempt)).await?,
            Notice::Retrying { failure, wait } => {
                // The remedy is shown to the user only when all attempts have failed.
                let fact = failure.explain().fact;
                output.log(Level::Info, format!("{fact} Retrying in {:.1} s.", wait.as_secs_f64())).await?;
            }
            Notice::RateLimited { path, limit, until, wait } => {
                let requested = STREAMS.into_iter().find(|stream| stream.path == path);
                if let Profile::Read(first) = profile
                    && let stream = requested.unwrap_or(first)
                    && !ended.contains(&stream.name)
                {
                    let quota_reset = until.as_millisecond();
                    let reason = Reason::RateLimited { rate_limited: RateLimited { quota_reset } };
                    output.send(&stream_status(stream, StreamStatus::Running, vec![reason], clock.now())).await?;
                }
                output.log(Level::Info, rate_limit_message(limit, requested, wait)).await?;
            }
            Notice::StreamEnds { stream, reported } => {
                ended.push(stream.name);
                // The receiver may have been dropped.
                let _ = reported.send(());
            }
            // A check reads no events, so an inaccurate clock does not matter.
            Notice::ClocksDiffer { .. } if profile == Profile::Check => {}
            Notice::ClocksDiffer { offset } => output.warn(clock_warning(offset)).await?,
            Notice::Rotated { access_token, expires_at, refresh_token, kept } => {
                let credentials = &mut config["credentials"];
                // An empty access token makes the next command request one.
                credentials["access_token"] = json!(access_token.as_ref().map_or("", Secret::expose));
                credentials["token_expiry_date"] = json!(expires_at.to_string());
                credentials["refresh_token"] = json!(refresh_token.expose());
                let connector_config = ConnectorConfig { config: config.clone() };
                let control = Control {
                    kind: ControlKind::ConnectorConfig { connector_config },
                    emitted_at: clock.now().as_millisecond(),
                };
                output.send(&Message::Control { control }).await?;
                output.flush().await?;
                // The caller may have been cancelled.
                let _ = kept.send(());
            }
        }
    }
    Ok(())
}

/// Describes a wait for a rate limit.
fn rate_limit_message(limit: RefusedLimit, requested: Option<&Stream>, wait: Duration) -> String {
    let seconds = wait.as_secs_f64().ceil();
    match (limit, requested) {
        (RefusedLimit::Endpoint, Some(stream)) => format!(
            "The rate limit of the {} is used up (429): waiting {seconds:.0} s. It is the endpoint's own limit; requests for other streams continue.",
            stream.title
        ),
        _ => format!(
            "The account's rate limit is used up (429): waiting {seconds:.0} s. Other integrations share it; rate_limit_percentage sets this connector's part."
        ),
    }
}

/// Formats an attempt on one line: `GET /path?query -> 200, 5120 bytes in 310 ms, …`.
fn attempt_message(attempt: &Attempt) -> String {
    let Attempt { method, target, outcome, took } = attempt;
    let took = took.as_millis();
    match outcome {
        Err(error) => format!("{method} {target} -> no response after {took} ms: {error}"),
        Ok(response) => {
            let id = response.request_id.as_ref().map(|id| format!(", X-Zendesk-Request-Id: {id}")).unwrap_or_default();
            let left = match (response.remaining, response.limit) {
                (Some(remaining), Some(limit)) => format!(", rate limit: {remaining} of {limit} left"),
                (Some(remaining), None) => format!(", rate limit: {remaining} left"),
                (None, _) => String::new(),
            };
            format!("{method} {target} -> {}, {} bytes in {took} ms{id}{left}", response.status, response.bytes)
        }
    }
}

/// Formats the warning about this machine's clock. `offset`: seconds by which Zendesk's clock is ahead.
fn clock_warning(offset: i64) -> String {
    let by = rough(Duration::from_secs(offset.unsigned_abs()));
    let direction = if offset < 0 { "ahead of" } else { "behind" };
    format!(
        "This machine's clock is {by} {direction} Zendesk's. The sync uses Zendesk's time. Synchronize this machine's clock (NTP)."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_warning_describes_this_machines_clock() {
        assert!(clock_warning(1_800).starts_with("This machine's clock is 30 minutes behind Zendesk's."));
        assert!(clock_warning(-2_592_000).starts_with("This machine's clock is 30 days ahead of Zendesk's."));
    }
}
