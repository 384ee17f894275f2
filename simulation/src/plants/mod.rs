//! Planted defects: decorators around the seams, that make the connector look as if it had one.
//!
//! The product's code carries no trace of them. A defect of a request or a response is planted between the
//! connector and the network (`requests.rs`), one of the output between it and the pipe (`output.rs`).

mod body;
mod output;
mod requests;

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use source_zendesk_audit_logs::zendesk::Transport;
use tokio::io::AsyncWrite;

use crate::oracle::Kind;

/// A planted defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// See [`Plant::words`]; so for all of them.
    WindowEndsEarly,
    /// A bound that is exclusive is taken as inclusive.
    BoundTakenAsInclusive,
    /// A window is never asked for.
    WindowNeverAsked,
    /// A cursor goes on in a window that was split off.
    CursorReusedAfterSplit,
    /// A restart begins at the newest record.
    RestartWithoutTolerance,
    /// What a retry brings is dropped.
    PageDroppedAfterRetry,
    /// A record that is earlier than one before is withheld.
    LateRecordWithheld,
    /// The response to one window is taken for another.
    AnswerToWrongWindow,
    /// A window ends at the first record past its end.
    EndsAtRecordPastEnd,
    /// A record that is dated outside of its window is dropped.
    DatedOutsideDropped,
    /// An empty page ends a window.
    EmptyPageEnds,
    /// A refused cursor ends a window.
    RefusedCursorEnds,
    /// A page that is none ends a window.
    BrokenPageEnds,
    /// An end that is none is believed.
    FalseEndBelieved,
    /// The limit is taken for twice what it is.
    QuotaCountedTwice,
    /// A refusal is tried again at once.
    RefusalTriedAgain,
    /// An id is forgotten.
    IdForgotten,
    /// The look-back is not read again.
    LookBackForgotten,
    /// A STATE is written before its records.
    StateBeforeRecords,
    /// A STATE claims a record that is not written.
    StateClaimsMore,
    /// A pair is used before it is handed over.
    PairHandedOverLate,
    /// A record is parsed and written again.
    RecordRewritten,
    /// What waits for a slow consumer is dropped.
    LineDropped,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::WindowEndsEarly,
        Self::BoundTakenAsInclusive,
        Self::WindowNeverAsked,
        Self::CursorReusedAfterSplit,
        Self::RestartWithoutTolerance,
        Self::PageDroppedAfterRetry,
        Self::LateRecordWithheld,
        Self::AnswerToWrongWindow,
        Self::EndsAtRecordPastEnd,
        Self::DatedOutsideDropped,
        Self::EmptyPageEnds,
        Self::RefusedCursorEnds,
        Self::BrokenPageEnds,
        Self::FalseEndBelieved,
        Self::QuotaCountedTwice,
        Self::RefusalTriedAgain,
        Self::IdForgotten,
        Self::LookBackForgotten,
        Self::StateBeforeRecords,
        Self::StateClaimsMore,
        Self::PairHandedOverLate,
        Self::RecordRewritten,
        Self::LineDropped,
    ];

    /// Returns the plant with this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plant| plant.name() == name)
    }

    /// Returns its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.describe().0
    }

    /// Returns what is wrong, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.describe().1
    }

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::WindowEndsEarly => ("window-ends-early", "the filter of each window ends a second too early"),
            Self::BoundTakenAsInclusive => ("bound-inclusive", "the first bound of the filter is taken as inclusive"),
            Self::WindowNeverAsked => ("window-never-asked", "the second window of a sync is never asked for"),
            Self::CursorReusedAfterSplit => {
                ("cursor-after-split", "a window that is split off goes on with the cursor of the one before")
            }
            Self::RestartWithoutTolerance => {
                ("restart-without-tolerance", "a walk without its cursor goes on at the newest record")
            }
            Self::PageDroppedAfterRetry => {
                ("page-dropped-after-retry", "the records of a page that took two attempts are dropped")
            }
            Self::LateRecordWithheld => {
                ("late-record-withheld", "a record earlier than one of a page before is withheld")
            }
            Self::AnswerToWrongWindow => {
                ("answer-to-wrong-window", "a window gets the first page of the window before")
            }
            Self::EndsAtRecordPastEnd => {
                ("ends-at-record-past-end", "a window ends with the first page that has a record past its end")
            }
            Self::DatedOutsideDropped => ("dated-outside-dropped", "a record dated outside of its window is dropped"),
            Self::EmptyPageEnds => ("empty-page-ends", "an empty page is taken for the end of a window"),
            Self::RefusedCursorEnds => ("refused-cursor-ends", "a refused cursor is taken for the end of a window"),
            Self::BrokenPageEnds => ("broken-page-ends", "a 200 that is no page is taken for the end of a window"),
            Self::FalseEndBelieved => ("false-end-believed", "`has_more: false` beside a link is taken for the end"),
            Self::QuotaCountedTwice => ("quota-counted-twice", "the account's limit is taken for twice what it is"),
            Self::RefusalTriedAgain => ("refusal-tried-again", "a 429 is tried again at once, below the retry loop"),
            Self::IdForgotten => ("id-forgotten", "the ids of the oldest second of a state are forgotten"),
            Self::LookBackForgotten => ("look-back-forgotten", "a STATE says that only what is newer is read again"),
            Self::StateBeforeRecords => {
                ("state-before-records", "a STATE is written before the records that it claims")
            }
            Self::StateClaimsMore => ("state-claims-more", "the last record before a STATE is not written"),
            Self::PairHandedOverLate => ("pair-handed-over-late", "a rotated pair is used before it is on stdout"),
            Self::RecordRewritten => ("record-rewritten", "a record's numbers are written in another form"),
            Self::LineDropped => ("line-dropped", "every 50th record is not written"),
        }
    }

    /// Returns the violations that it must be found as.
    #[must_use]
    pub fn shows_as(self) -> &'static [Kind] {
        match self {
            Self::CursorReusedAfterSplit | Self::AnswerToWrongWindow => &[Kind::Lost, Kind::BadRequest],
            Self::QuotaCountedTwice | Self::RefusalTriedAgain => &[Kind::QuotaExceeded],
            Self::IdForgotten => &[Kind::Twice],
            Self::StateBeforeRecords | Self::StateClaimsMore | Self::LineDropped => &[Kind::Lost, Kind::BadOutput],
            Self::PairHandedOverLate => &[Kind::PairUsedEarly],
            Self::RecordRewritten => &[Kind::Altered],
            _ => &[Kind::Lost],
        }
    }

    /// Plants into the requests and responses.
    #[must_use]
    pub fn transport(self, network: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(requests::Planted::new(self, network))
    }

    /// Plants into stdout.
    #[must_use]
    pub fn stdout(self, stdout: Pin<Box<dyn AsyncWrite + Send>>) -> Pin<Box<dyn AsyncWrite + Send>> {
        Box::pin(output::Planted::new(self, stdout))
    }

    /// Plants into the state that a sync is handed.
    #[must_use]
    pub fn state(self, mut file: Value) -> Value {
        if self == Self::IdForgotten
            && let Some(seen) = file.pointer_mut("/0/stream/stream_state/seen").and_then(Value::as_object_mut)
            && let Some(oldest) = seen.keys().min().cloned()
        {
            seen.remove(&oldest);
        }
        file
    }
}
