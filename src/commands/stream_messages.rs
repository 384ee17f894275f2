//! The messages of a read about a stream before and after its sync: differences from the previous sync, and
//! findings.
//!
//! It must not emit messages or send requests.

use std::sync::Arc;

use crate::airbyte::SelectedStream;
use crate::config::Config;
use crate::humanize::counted;
use crate::second::Second;
use crate::stream::Stream;
use crate::sync::{SyncMetrics, SyncState};

/// A day, in seconds.
pub const DAY: i64 = 86_400;

/// Compares the state with the configuration, and updates the account and the filters of the state. Returns
/// warnings about the differences.
pub fn reconcile(config: &Config, state: &mut SyncState, stream: &Stream) -> Vec<String> {
    let mut warnings = Vec::new();
    let resumed = state.created_at;
    let continues = resumed.is_some() || state.seen_since.is_some();
    let from = |state: &SyncState| state.seen_since.or(state.created_at).map_or_else(String::new, |at| at.to_string());
    let account = config.subdomain.to_string();
    let before = state.account.replace(account.clone());
    if let Some(before) = before.filter(|before| *before != account) {
        // The ids of another account are meaningless here.
        state.seen.clear();
        warnings.push(format!(
            "The state belongs to the account {before:?}, but this sync reads the account {account:?}. Events of {account} before {} are not read: to read them, clear the stream's data (reset its state). If the account was only renamed, no event is missing, and some events of the last minutes before that time may be emitted twice.",
            from(state)
        ));
    }
    let filters = std::mem::replace(&mut state.filters, Arc::new(config.filters.of(stream)));
    if continues && filters != state.filters {
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

/// Returns the warnings about a finished sync.
pub fn findings(stream: &Stream, metrics: SyncMetrics, begin: Second, now: Second) -> Vec<String> {
    let Stream { cursor_field, title, .. } = stream;
    let mut warnings = Vec::new();
    if begin > now {
        warnings.push(format!(
            "The sync begins at {begin}, which is in the future: no event is read until then. If the state is wrong, clear the stream's data (reset its state) or correct its {cursor_field}; if the start date is wrong, correct it."
        ));
    }
    if metrics.undated > 0 {
        warnings.push(format!(
            "{} without a usable {cursor_field}. They were emitted without advancing the cursor.",
            counted(metrics.undated, "record")
        ));
    }
    if metrics.contradicting > 0 {
        warnings.push(format!(
            "{} with a {cursor_field} outside of the requested time. They were emitted without advancing the cursor. Compare their {cursor_field} with the {title} in the Admin Center.",
            counted(metrics.contradicting, "record")
        ));
    }
    if metrics.recovered > 0 {
        warnings.push(format!(
            "Zendesk omitted {} from its pages and returned them only when the same time window was read again. They were emitted late.",
            counted(metrics.recovered, "event")
        ));
    }
    warnings
}

/// Returns a warning if records were deleted at Zendesk before a sync read them: the stream was last read up
/// to `since`, and the endpoint has no records before `oldest`.
pub fn lost_days_warning(stream: &Stream, since: Second, oldest: Second) -> Option<String> {
    let days = stream.retention_days?;
    let lost = u64::try_from(oldest.since(since)).ok().filter(|lost| *lost > 0)?.div_ceil(DAY.unsigned_abs());
    Some(format!(
        "Zendesk keeps the {} for {days} days, and the stream {} was last read up to {since}. The records from then to {oldest} ({}) are lost. Sync more often than every {days} days.",
        stream.title,
        stream.name,
        counted(lost, "day")
    ))
}

/// Returns the message that the sync starts at `start` instead of an earlier start date, because the endpoint has
/// no earlier records.
pub fn start_date_message(stream: &Stream, start_date: Second, start: Second) -> Option<String> {
    let days = stream.retention_days?;
    (start_date < start).then(|| {
        format!(
            "Zendesk keeps the {} for {days} days: the sync begins at {start} instead of the start date, {start_date}.",
            stream.title
        )
    })
}

pub fn opening_message(config: &Config, selected: SelectedStream, resumed: Option<Second>, begin: Second) -> String {
    let how = match (selected.sync_mode, resumed) {
        (_, Some(cursor)) => format!("after {cursor} (again from {begin}, for late events)"),
        (_, None) if begin > Second::EPOCH => format!("from {begin}"),
        (_, None) => "from the beginning".to_owned(),
    };
    let part = if config.filters.of(selected.stream).is_empty() { "" } else { ", with filters" };
    let most = match config.num_workers {
        Some(most) => format!(", {} in flight", counted(most.into(), "request")),
        None => String::new(),
    };
    let limit = if selected.stream.requests_per_minute.is_some() { "endpoint" } else { "account" };
    format!(
        "Reading the {}s of {} {how}{part}, with at most {} % of the {limit}'s rate limit{most}.",
        selected.stream.title, config.subdomain, config.rate_limit_percentage
    )
}
