//! `read`: parses the files, runs the sync and reports how it ended.
//!
//! It must not emit records or states; `sync` does.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::reporter::Profile;
use super::warnings::{API_TOKEN_WARNING, warn_of_unknown_actions};
use super::{About, Context};
use crate::airbyte::message::{Level, StreamStatus, SyncMode, stream_status};
use crate::airbyte::{SelectedStream, selected_streams, stream_state};
use crate::config::{AuthMethod, Config, InputError, InputFile};
use crate::error::{Error, Result};
use crate::humanize::counted;
use crate::panics::caught_async;
use crate::second::Second;
use crate::shutdown::Signal;
use crate::stream::{AUDIT_LOGS, STREAMS, Stream};
use crate::sync::{End, Engine, Ledger, Reading, Summary, SyncMetrics, SyncState};

/// How a read ended. It has already emitted everything about its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All records were emitted.
    Complete,
    /// The read failed and emitted a TRACE ERROR.
    Failed,
    /// A signal requested the shutdown.
    Stopped(Signal),
}

/// The contents of a read's files.
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
/// If a file is invalid, before anything is read, or if stdout cannot be written.
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
/// If a file is invalid, before anything is read, or if stdout cannot be written.
pub async fn run_on(context: &Context, contents: Contents) -> Result<Outcome> {
    let Contents { config: file, catalog, state } = contents;
    let config = context.parse_config(&file)?;
    let selected = selected_stream(&catalog)?;
    let state = parse_state(&state, selected)?;
    read(context, Files { file, config, selected, state }).await
}

async fn read(context: &Context, files: Files) -> Result<Outcome> {
    let Files { file, config, selected, state } = files;
    let Some(selected) = selected else {
        context.output.log(Level::Warn, "The catalog selects no stream. Nothing is read.").await?;
        return Ok(Outcome::Complete);
    };
    with_status(context, selected.stream, sync(context, &config, &file, state, selected)).await
}

/// Runs a sync and emits the stream's statuses: STARTED, and how it ended.
async fn with_status(
    context: &Context,
    stream: &'static Stream,
    sync: impl Future<Output = Result<End>>,
) -> Result<Outcome> {
    let status = |status| stream_status(stream, status, Vec::new(), context.clock.now());
    context.output.send(&status(StreamStatus::Started)).await?;
    // After a panic it is unknown whether the records in the ledger have been emitted, so no STATE is written.
    let (last, outcome) = match caught_async(sync).await {
        Ok(End::Complete) => (StreamStatus::Complete, Outcome::Complete),
        Ok(End::Stopped(signal)) => {
            let words = format!("Stopped by {}. The next sync continues from here.", signal.name());
            context.output.log(Level::Info, words).await?;
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
    selected: Option<SelectedStream>,
    state: SyncState,
}

async fn files(context: &Context, config: &Path, catalog: &Path, state: Option<&Path>) -> Result<Files> {
    let (file, config) = context.configuration(config).await?;
    let config = config?;
    let selected = selected_stream(&context.file(InputFile::Catalog, catalog).await?)?;
    let state = match state {
        Some(path) => read_state(context, path, selected).await?,
        None => SyncState::default(),
    };
    Ok(Files { file, config, selected, state })
}

/// Returns the selected stream. There is at most one, since a catalog cannot select a stream twice.
fn selected_stream(catalog: &Value) -> Result<Option<SelectedStream>> {
    Ok(selected_streams(catalog, &STREAMS)?.into_iter().next())
}

/// Reads the state. A file that does not exist counts as no state, as it does for the platform's tools.
async fn read_state(context: &Context, path: &Path, selected: Option<SelectedStream>) -> Result<SyncState> {
    let file = match context.file(InputFile::State, path).await {
        Ok(file) => file,
        Err(Error::Input(InputError::FileMissing { .. })) => Value::Null,
        Err(error) => return Err(error),
    };
    parse_state(&file, selected)
}

fn parse_state(file: &Value, selected: Option<SelectedStream>) -> Result<SyncState> {
    let stream = selected.map_or(&AUDIT_LOGS, |selected| selected.stream);
    match stream_state(file, stream)? {
        Some(state) => Ok(SyncState::parse(state)?),
        None => Ok(SyncState::default()),
    }
}

async fn sync(
    context: &Context,
    config: &Config,
    file: &Value,
    mut state: SyncState,
    selected: SelectedStream,
) -> Result<End> {
    let SelectedStream { stream, sync_mode } = selected;
    let started = context.clock.instant();
    let output = &context.output;
    let (client, reporter) = context.connect(config, file, Profile::Read(stream))?;
    if client.method() == AuthMethod::ApiToken {
        output.log(Level::Warn, API_TOKEN_WARNING).await?;
    }
    let resumed = state.created_at;
    for warning in reconcile(config, &mut state) {
        output.warn(warning).await?;
    }
    let ledger = Ledger::open(state, config.start_date, config.lookback_seconds());
    let begin = ledger.begin();
    output.log(Level::Info, opening(config, sync_mode, resumed, begin)).await?;
    warn_of_unknown_actions(context, &config.filters).await?;
    let reading = Reading {
        stream,
        most_in_flight: config.most_in_flight(),
        page_size: context.page_size.unwrap_or(stream.page_size),
        tolerance: config.lookback_seconds(),
    };
    let engine = Engine::new(Arc::clone(&client), output.clone(), context.clock.clone(), ledger, reading);
    let (metrics, end) = engine.run(&context.shutdown).await;
    let summary = Summary {
        events: metrics.records,
        skipped: metrics.skipped,
        requests: client.metrics().requests(),
        retries: client.metrics().retries(),
        waits: client.waits(),
        backoff: client.metrics().backoff(),
        bytes: client.metrics().bytes(),
        took: context.clock.instant().saturating_duration_since(started),
        newest: metrics.newest,
        now: Second::containing(context.clock.now()),
    };
    let now = client.server_time();
    drop(client);
    reporter.finish().await?;
    for warning in found(metrics, begin, now) {
        output.warn(warning).await?;
    }
    // A warning hours before the end of a log would be overlooked.
    let warnings = match output.warnings() {
        warnings if warnings.is_empty() => String::new(),
        warnings => format!(" {}: {}", counted(warnings.len() as u64, "warning"), warnings.join(" ")),
    };
    output.log(Level::Info, format!("{}{warnings}", summary.line())).await?;
    end
}

/// Compares what the state was made with to what the configuration says now, and takes over the latter.
/// Returns what people have to know about the differences.
fn reconcile(config: &Config, state: &mut SyncState) -> Vec<String> {
    let mut warnings = Vec::new();
    let resumed = state.created_at;
    let goes_on = resumed.is_some() || state.seen_since.is_some();
    let from = |state: &SyncState| state.seen_since.or(state.created_at).map_or_else(String::new, |at| at.to_string());
    let account = config.subdomain.to_string();
    let before = state.account.replace(account.clone());
    if let Some(before) = before.filter(|before| *before != account) {
        // Its ids mean nothing here.
        state.seen.clear();
        warnings.push(format!(
            "The state is of the account {before:?}, and this sync reads the account {account:?}. Events of {account} before {} are not read: to read them, clear the stream's data (reset its state). If the account was only renamed, nothing is missing, and some events of the last minutes before that time may come twice.",
            from(state)
        ));
    }
    let filters = std::mem::replace(&mut state.filters, Arc::clone(&config.filters));
    if goes_on && filters != config.filters {
        warnings.push(format!(
            "The filters have changed since the previous sync. Events before {} that the previous filters excluded are not read: to read them, clear the stream's data (reset its state). Events that the new filters exclude are no longer read.",
            from(state)
        ));
    }
    if let (Some(start), Some(cursor)) = (config.start_date, resumed)
        && start > cursor
    {
        warnings.push(format!(
            "The start date {start} is after {cursor}, the cursor of the state. Events between the two are skipped."
        ));
    }
    warnings
}

/// Returns what people have to know about what a sync found.
fn found(metrics: SyncMetrics, begin: Second, now: Second) -> Vec<String> {
    let mut warnings = Vec::new();
    if begin > now {
        warnings.push(format!(
            "The sync begins at {begin}, which lies in the future: no event is read until then. If the state is wrong, clear the stream's data (reset its state) or correct its created_at; if the start date is wrong, correct it."
        ));
    }
    if metrics.undated > 0 {
        warnings.push(format!(
            "{} without a usable created_at. They were emitted without advancing the cursor.",
            counted(metrics.undated, "record")
        ));
    }
    if metrics.contradicting > 0 {
        warnings.push(format!(
            "{} with a created_at outside of the time that was asked for. They were emitted without advancing the cursor. Compare their created_at with the audit log in the Admin Center.",
            counted(metrics.contradicting, "record")
        ));
    }
    if metrics.recovered > 0 {
        warnings.push(format!(
            "Zendesk left {} out of its pages and returned them only when the same time was read again. They were emitted late.",
            counted(metrics.recovered, "event")
        ));
    }
    warnings
}

fn opening(config: &Config, mode: SyncMode, resumed: Option<Second>, begin: Second) -> String {
    let how = match (mode, resumed) {
        (_, Some(cursor)) => format!("after {cursor} (again from {begin}, for late events)"),
        (_, None) if begin > Second::EPOCH => format!("from {begin}"),
        (_, None) => "from the beginning".to_owned(),
    };
    let part = if config.filters.is_empty() { "" } else { ", with filters" };
    let most = match config.num_workers {
        Some(most) => format!(", {} in flight", counted(most.into(), "request")),
        None => String::new(),
    };
    format!(
        "Reading the audit logs of {} {how}{part}, with at most {} % of the account's rate limit{most}.",
        config.subdomain, config.rate_limit_percentage
    )
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
        assert!(error["internal_message"].as_str().is_some_and(|words| words.ends_with("the plan is wrong")));
        assert_eq!(messages[3]["trace"]["stream_status"]["status"], "INCOMPLETE");
    }
}
