//! Reads one stream: from its state to its summary.
//!
//! It must not decide how an error is reported (`read.rs`), and must not emit records or states; `sync` does.

use std::sync::Arc;

use super::Context;
use super::stream_messages::{DAY, findings, lost_days_warning, opening_message, reconcile, start_date_message};
use super::warnings::{warn_of_unknown_actions, warnings_message};
use crate::airbyte::SelectedStream;
use crate::airbyte::message::Level;
use crate::config::Config;
use crate::error::Result;
use crate::second::Second;
use crate::stream::Stream;
use crate::sync::{End, Engine, Ledger, Reading, Summary, SyncState};
use crate::zendesk::{Client, PageRequest, Query};

/// How much earlier than the retention a read starts, in seconds: the endpoint may keep records for longer
/// than documented, and its `Date` may be wrong.
const RETENTION_MARGIN: i64 = DAY;

/// A stream to read.
pub struct StreamRead {
    /// The client of the account.
    pub client: Arc<Client>,
    /// The stream's state.
    pub state: SyncState,
    /// The stream.
    pub selected: SelectedStream,
    /// `true` if other streams are read at the same time.
    pub several: bool,
}

/// Reads the stream, and returns how it ended.
///
/// # Errors
/// Returns the failure of a request or of stdout.
pub async fn run(context: &Context, config: &Config, read: StreamRead) -> Result<End> {
    let (client, stream) = (Arc::clone(&read.client), read.selected.stream);
    let end = read_stream(context, config, read).await;
    client.stream_ends(stream).await;
    end
}

async fn read_stream(context: &Context, config: &Config, read: StreamRead) -> Result<End> {
    let StreamRead { client, mut state, selected, several } = read;
    let stream = selected.stream;
    let started = context.clock.instant();
    let output = &context.output;
    client.limit_endpoint(stream);
    let resumed = state.created_at;
    for warning in reconcile(config, &mut state, stream) {
        output.warn(warning).await?;
    }
    let lookback = config.lookback_seconds();
    let mut ledger = Ledger::open(state.clone(), config.start_date, lookback);
    let reading = Reading {
        stream,
        most_in_flight: config.most_in_flight(),
        page_size: context.page_size.unwrap_or(stream.page_size),
        tolerance: lookback,
        label: several.then_some(stream.name),
    };
    let continues = resumed.is_some() || state.seen_since.is_some();
    let wanted = ledger.begin();
    let now = Second::containing(context.clock.now());
    let (oldest, ended) = tokio::select! {
        biased;
        signal = context.shutdown.recv() => (None, Some(Ok(End::Stopped(signal)))),
        oldest = oldest_if_later(&client, stream, wanted, now) => match oldest {
            Ok(oldest) => (oldest, None),
            Err(error) => (None, Some(Err(error))),
        },
    };
    if let Some(oldest) = oldest {
        let start = wanted.max(oldest.minus(RETENTION_MARGIN));
        ledger = Ledger::open(state, Some(start), lookback);
        if continues && let Some(warning) = lost_days_warning(stream, wanted, oldest) {
            output.warn(warning).await?;
        } else if let Some(message) = config.start_date.and_then(|date| start_date_message(stream, date, start)) {
            output.log(Level::Info, reading.labelled(message)).await?;
        }
    }
    let begin = ledger.begin();
    output.log(Level::Info, reading.labelled(opening_message(config, selected, resumed, begin))).await?;
    warn_of_unknown_actions(context, &config.filters.of(stream)).await?;
    let engine = Engine::new(Arc::clone(&client), output.clone(), context.clock.clone(), ledger, reading);
    let (metrics, end) = match ended {
        None => engine.run(&context.shutdown).await,
        Some(end) => engine.end(end).await,
    };
    // The summary repeats the warnings.
    client.stream_ends(stream).await;
    let of_stream = client.metrics_of(stream);
    let requests = if several { &of_stream } else { client.metrics() };
    let summary = Summary {
        events: metrics.records,
        skipped: metrics.skipped,
        of_other_users: metrics.of_other_users,
        requests: requests.requests(),
        retries: requests.retries(),
        waits: client.waits(stream),
        backoff: requests.backoff(),
        bytes: requests.bytes(),
        duration: context.clock.instant().saturating_duration_since(started),
        newest: metrics.newest,
        now: Second::containing(context.clock.now()),
    };
    for warning in findings(stream, metrics, begin, client.server_time()) {
        output.warn(warning).await?;
    }
    let mut message = summary.line();
    if !several && let warnings @ [_, ..] = output.warnings().as_slice() {
        message = format!("{message} {}", warnings_message(warnings));
    }
    output.log(Level::Info, reading.labelled(message)).await?;
    end
}

/// Returns the time of the oldest record that the endpoint still keeps, if that is later than the start of
/// the read.
///
/// It requests the server's time, because a wrong local clock would skip records. Without a `Date` in the
/// response, it returns `None`.
async fn oldest_if_later(
    client: &Client,
    stream: &'static Stream,
    begin: Second,
    now: Second,
) -> Result<Option<Second>> {
    let Some(days) = stream.retention_days else {
        return Ok(None);
    };
    let kept = i64::from(days) * DAY;
    if begin >= now.minus(kept - DAY) {
        return Ok(None);
    }
    client.page(&PageRequest::retried(Query::newest(stream))).await?;
    let server_time = client.server_clock_offset().map(|_| client.server_time());
    let oldest = server_time.map(|time| time.minus(kept));
    Ok(oldest.filter(|oldest| begin < *oldest))
}
