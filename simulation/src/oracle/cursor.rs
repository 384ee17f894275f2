//! Judges the cursor of the last STATE. If the cursor does not advance, no record is lost, but every sync
//! reads the same records again.
//!
//! It must not judge a history in which records are out of order: there, the cursor may be earlier than the
//! newest record.

use source_zendesk_audit_logs::second::Second;

use super::platform::Checkpoint;
use super::{Kind, Passed, Violation};
use crate::scenario::Scenario;

/// Returns the violation of the last STATE of a complete sync, if any. The history must be in order. The
/// filter also returns events of the second before the start date, which do not advance the cursor.
pub fn behind(scenario: &Scenario, last: &Checkpoint, passed: Passed) -> Option<Violation> {
    let start = passed.start_date.unwrap_or(i64::MIN);
    let cursor = last.state["stream"]["stream_state"]["created_at"].as_str();
    let cursor = cursor.and_then(|cursor| cursor.parse::<Second>().ok()).map(Second::as_unix);
    let emitted = scenario.events.iter().zip(&*last.delivered).filter(|(_, emitted)| **emitted);
    let times = emitted.map(|(event, _)| event.shown);
    let newest = times.filter(|shown| (start..=passed.began).contains(shown)).max();
    (cursor < newest).then(|| {
        let description = format!("the cursor is {cursor:?}, the newest event that was emitted has {newest:?}");
        Violation::new(Kind::CursorBehind, description)
    })
}
