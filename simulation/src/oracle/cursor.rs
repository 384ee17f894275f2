//! Judges the cursor of the last STATE. If the cursor does not advance, no record is lost, but every sync
//! reads the same records again.
//!
//! It must not judge a history in which records are out of order: there, the cursor may be earlier than the
//! newest record.

use source_zendesk_audit_logs::second::Second;

use super::platform::Checkpoint;
use super::{Kind, Violation};
use crate::scenario::Scenario;

/// Returns the violation of the last STATE of a complete sync that began at this time, if any. The history
/// must be in order.
pub fn behind(scenario: &Scenario, last: &Checkpoint, began: i64) -> Option<Violation> {
    let cursor = last.state["stream"]["stream_state"]["created_at"].as_str();
    let cursor = cursor.and_then(|cursor| cursor.parse::<Second>().ok()).map(Second::as_unix);
    let emitted =
        scenario.events.iter().zip(&*last.delivered).filter(|(event, emitted)| **emitted && event.shown <= began);
    let newest = emitted.map(|(event, _)| event.shown).max();
    (cursor < newest).then(|| {
        let description = format!("the cursor is {cursor:?}, the newest event that was emitted has {newest:?}");
        Violation::new(Kind::CursorBehind, description)
    })
}
