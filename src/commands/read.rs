//! `read`: parses the files, reads the selected streams at the same time, and reports how each ended.
//!
//! `stream_read.rs` reads one stream. This file must not emit records or states; `sync` does.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use serde_json::Value;

use super::reporter::Profile;
use super::stream_read::{self, StreamRead};
use super::warnings::{API_TOKEN_WARNING, warnings_message};
use super::{About, Context};
use crate::airbyte::message::{Level, StreamStatus, stream_status};
use crate::airbyte::{SelectedStream, selected_streams, stream_state};
use crate::config::{AuthMethod, Config, InputError, InputFile};
use crate::error::{Error, Result};
use crate::panics::caught_async;
use crate::shutdown::Signal;
use crate::stream::{AUDIT_LOGS, STREAMS, Stream};
use crate::sync::{End, SyncState};

/// How a read ended. All messages about the end have already been emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All records were emitted.
    Complete,
    /// The read failed and emitted a TRACE ERROR.
    Failed,
    /// A signal requested the shutdown.
    Stopped(Signal),
}

/// The contents of the input files of a read.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The configuration.
    pub config: Value,
    /// The configured catalog.
    pub catalog: Value,
    /// The state; `null` for none.
    pub state: Value,
}

/// Runs the command.
///
/// # Errors
/// If a file is invalid, before any request, or if stdout cannot be written.
pub async fn run(context: &Context, config: &Path, catalog: &Path, state: Option<&Path>) -> Result<Outcome> {
    let files = tokio::select! {
        biased;
        files = files(context, config, catalog, state) => files?,
        signal = context.shutdown.recv() => return Ok(Outcome::Stopped(signal)),
    };
    read(context, files).await
}

/// Runs the command on the contents of its files.
///
/// # Errors
/// If a file is invalid, before any request, or if stdout cannot be written.
pub async fn run_on(context: &Context, contents: Contents) -> Result<Outcome> {
    let Contents { config: file, catalog, state } = contents;
    let config = context.parse_config(&file)?;
    let selected = parse_states(&state, selected_streams(&catalog, &STREAMS)?)?;
    read(context, Files { file, config, selected }).await
}

async fn read(context: &Context, files: Files) -> Result<Outcome> {
    let Files { file, config, selected } = files;
    let Some((first, _)) = selected.first() else {
        context.output.log(Level::Warn, "The catalog selects no stream. Nothing is read.").await?;
        return Ok(Outcome::Complete);
    };
    let profile = Profile::Read(first.stream);
    let (client, reporter) = match context.connect(&config, &file, profile) {
        Ok(connected) => connected,
        Err(error) => return refuse_all(context, &selected, &error).await,
    };
    if client.method() == AuthMethod::ApiToken {
        context.output.log(Level::Warn, API_TOKEN_WARNING).await?;
    }
    let several = selected.len() > 1;
    let reads = selected.into_iter().map(|(selected, state)| {
        let read = StreamRead { client: Arc::clone(&client), state, selected, several };
        let stream = selected.stream;
        boxed(with_status(context, stream, stream_read::run(context, &config, read)))
    });
    let outcomes = all(reads.collect()).await;
    drop(client);
    reporter.finish().await?;
    if several {
        let message = warnings_message(&context.output.warnings());
        if !message.is_empty() {
            context.output.log(Level::Info, message).await?;
        }
    }
    outcomes.into_iter().collect::<Result<Vec<_>>>().map(|outcomes| together(&outcomes))
}

/// Ends all streams with the same error, before any request.
async fn refuse_all(context: &Context, selected: &[(SelectedStream, SyncState)], error: &Error) -> Result<Outcome> {
    for (selected, _) in selected {
        with_status(context, selected.stream, async { Err(error.clone()) }).await?;
    }
    Ok(Outcome::Failed)
}

/// Returns the outcome of a read from the outcomes of its streams: if one failed, the read failed.
fn together(outcomes: &[Outcome]) -> Outcome {
    let stopped = outcomes.iter().find(|outcome| matches!(outcome, Outcome::Stopped(_)));
    if outcomes.contains(&Outcome::Failed) { Outcome::Failed } else { *stopped.unwrap_or(&Outcome::Complete) }
}

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

fn boxed<'f, T>(future: impl Future<Output = T> + 'f) -> Boxed<'f, T> {
    Box::pin(future)
}

/// Runs all futures at the same time, on this task.
async fn all<T>(mut futures: Vec<Boxed<'_, T>>) -> Vec<T> {
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |task| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(task)
            {
                *result = Some(value);
            }
        }
        if results.iter().all(Option::is_some) {
            return Poll::Ready(results.drain(..).flatten().collect());
        }
        Poll::Pending
    })
    .await
}

/// Runs a sync and emits the stream's statuses: STARTED, and how it ended.
async fn with_status(
    context: &Context,
    stream: &'static Stream,
    sync: impl Future<Output = Result<End>>,
) -> Result<Outcome> {
    let status = |status| stream_status(stream, status, Vec::new(), context.clock.now());
    context.output.send(&status(StreamStatus::Started)).await?;
    // After a panic, the ledger may contain records that were not emitted, so no STATE is written.
    let (last, outcome) = match caught_async(sync).await {
        Ok(End::Complete) => (StreamStatus::Complete, Outcome::Complete),
        Ok(End::Stopped(signal)) => {
            let message = format!("Stopped by {}. The next sync continues from here.", signal.name());
            context.output.log(Level::Info, message).await?;
            (StreamStatus::Incomplete, Outcome::Stopped(signal))
        }
        Err(error) => {
            context.trace_error(&error, About::Stream(stream)).await?;
            (StreamStatus::Incomplete, Outcome::Failed)
        }
    };
    context.output.send(&status(last)).await?;
    Ok(outcome)
}

/// The parsed files of a read.
struct Files {
    /// The content of the configuration file.
    file: Value,
    config: Config,
    /// The selected streams and their states.
    selected: Vec<(SelectedStream, SyncState)>,
}

async fn files(context: &Context, config: &Path, catalog: &Path, state: Option<&Path>) -> Result<Files> {
    let (file, config) = context.configuration(config).await?;
    let config = config?;
    let selected = selected_streams(&context.file(InputFile::Catalog, catalog).await?, &STREAMS)?;
    let state = match state {
        Some(path) => state_file(context, path).await?,
        None => Value::Null,
    };
    Ok(Files { file, config, selected: parse_states(&state, selected)? })
}

/// Reads the state file. A file that does not exist counts as no state, as it does for the platform's tools.
async fn state_file(context: &Context, path: &Path) -> Result<Value> {
    match context.file(InputFile::State, path).await {
        Err(Error::Input(InputError::FileMissing { .. })) => Ok(Value::Null),
        file => file,
    }
}

/// Finds the state of each selected stream.
fn parse_states(file: &Value, selected: Vec<SelectedStream>) -> Result<Vec<(SelectedStream, SyncState)>> {
    if selected.is_empty() {
        parse_state(file, &AUDIT_LOGS)?;
    }
    selected.into_iter().map(|selected| Ok((selected, parse_state(file, selected.stream)?))).collect()
}

fn parse_state(file: &Value, stream: &Stream) -> Result<SyncState> {
    match stream_state(file, stream)? {
        Some(state) => Ok(SyncState::parse(state, stream)?),
        None => Ok(SyncState::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::airbyte::RecordLines;
    use crate::commands::test_harness::TestHarness;

    #[tokio::test]
    async fn a_panic_in_a_sync_leaves_whole_lines_no_state_and_incomplete() {
        let harness = TestHarness::start();
        let output = harness.context.output.clone();
        let outcome = with_status(&harness.context, &AUDIT_LOGS, async {
            let mut lines = RecordLines::new(&AUDIT_LOGS, harness.context.clock.now(), 0);
            lines.push(br#"{"id":1}"#);
            output.lines(lines.into_bytes()).await?;
            panic!("the plan is wrong")
        });
        assert_eq!(outcome.await.ok(), Some(Outcome::Failed));
        drop(output);
        let messages = harness.messages().await;
        let kinds: Vec<_> = messages.iter().filter_map(|message| message["type"].as_str()).collect();
        assert_eq!(kinds, ["TRACE", "RECORD", "TRACE", "TRACE"]);
        assert_eq!(messages[0]["trace"]["stream_status"]["status"], "STARTED");
        let error = &messages[2]["trace"]["error"];
        assert_eq!(error["failure_type"], "system_error");
        assert_eq!(error["stream_descriptor"]["name"], "audit_logs");
        assert!(error["internal_message"].as_str().is_some_and(|message| message.ends_with("the plan is wrong")));
        assert_eq!(messages[3]["trace"]["stream_status"]["status"], "INCOMPLETE");
    }
}
