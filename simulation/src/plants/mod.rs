//! Planted defects: decorators of the replaced parts, which simulate a defect of the connector.
//!
//! The product's code does not contain them. A defect of a request or a response is planted between the
//! connector and the network (`requests.rs`), a defect of the output between the connector and the pipe
//! (`output.rs`).

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
    /// See [`Plant::description`]; this applies to all of them.
    WindowEndsEarly,
    /// An exclusive bound is treated as inclusive.
    BoundTreatedAsInclusive,
    /// A window is never requested.
    WindowNeverRequested,
    /// A cursor is used in a window that was split off.
    CursorReusedAfterSplit,
    /// A restart begins at the newest record.
    RestartWithoutTolerance,
    /// The records of a retry are dropped.
    PageDroppedAfterRetry,
    /// A record that is earlier than a previous one is skipped.
    LateRecordWithheld,
    /// The response to one window is used for another.
    AnswerToWrongWindow,
    /// A window ends at the first record past its end.
    EndsAtRecordPastEnd,
    /// A record that is dated outside of its window is dropped.
    DatedOutsideDropped,
    /// An empty page ends a window.
    EmptyPageEnds,
    /// A refused cursor ends a window.
    RefusedCursorEnds,
    /// An invalid page ends a window.
    BrokenPageEnds,
    /// A false end is accepted.
    FalseEndBelieved,
    /// The limit is doubled.
    QuotaCountedTwice,
    /// A refusal is retried at once.
    RefusalRetried,
    /// An id is removed.
    IdRemoved,
    /// The look-back is not read again.
    LookBackRemoved,
    /// A STATE is written before its records.
    StateBeforeRecords,
    /// A STATE covers a record that is not written.
    StateCoversMore,
    /// A pair is used before it is emitted.
    PairEmittedLate,
    /// A record is parsed and serialized again.
    RecordRewritten,
    /// Lines that wait for a slow consumer are dropped.
    LineDropped,
    /// Each page is requested twice.
    RequestedTwice,
    /// Each request waits ten seconds without a reason.
    UselessWait,
    /// Records are kept in memory until the STATE that covers them.
    RecordsKept,
}

impl Plant {
    /// All plants.
    pub const ALL: [Self; 26] = [
        Self::WindowEndsEarly,
        Self::BoundTreatedAsInclusive,
        Self::WindowNeverRequested,
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
        Self::RefusalRetried,
        Self::IdRemoved,
        Self::LookBackRemoved,
        Self::StateBeforeRecords,
        Self::StateCoversMore,
        Self::PairEmittedLate,
        Self::RecordRewritten,
        Self::LineDropped,
        Self::RequestedTwice,
        Self::UselessWait,
        Self::RecordsKept,
    ];

    /// Returns the plant with this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plant| plant.name() == name)
    }

    /// Returns the name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.describe().0
    }

    /// Returns the description of the defect.
    #[must_use]
    pub fn description(self) -> &'static str {
        self.describe().1
    }

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::WindowEndsEarly => ("window-ends-early", "the filter of each window ends a second too early"),
            Self::BoundTreatedAsInclusive => {
                ("bound-inclusive", "the first bound of the filter is treated as inclusive")
            }
            Self::WindowNeverRequested => ("window-never-requested", "the second window of a sync is never requested"),
            Self::CursorReusedAfterSplit => {
                ("cursor-after-split", "a window that is split off continues with the cursor of the previous one")
            }
            Self::RestartWithoutTolerance => {
                ("restart-without-tolerance", "a walk without its cursor continues at the newest record")
            }
            Self::PageDroppedAfterRetry => {
                ("page-dropped-after-retry", "the records of a page that took two attempts are dropped")
            }
            Self::LateRecordWithheld => {
                ("late-record-withheld", "a record earlier than one of a previous page is skipped")
            }
            Self::AnswerToWrongWindow => {
                ("response-to-wrong-window", "a window gets the first page of the previous window")
            }
            Self::EndsAtRecordPastEnd => {
                ("ends-at-record-past-end", "a window ends with the first page that has a record past its end")
            }
            Self::DatedOutsideDropped => ("dated-outside-dropped", "a record dated outside of its window is dropped"),
            Self::EmptyPageEnds => ("empty-page-ends", "an empty page is treated as the end of a window"),
            Self::RefusedCursorEnds => ("refused-cursor-ends", "a refused cursor is treated as the end of a window"),
            Self::BrokenPageEnds => ("broken-page-ends", "a 200 that is not a page is treated as the end of a window"),
            Self::FalseEndBelieved => ("false-end-believed", "`has_more: false` with a link is treated as the end"),
            Self::QuotaCountedTwice => ("quota-counted-twice", "the account's limit is doubled"),
            Self::RefusalRetried => ("refusal-retried", "a 429 is retried at once, below the retry loop"),
            Self::IdRemoved => ("id-removed", "the ids of the oldest second of a state are removed"),
            Self::LookBackRemoved => ("look-back-removed", "a STATE starts the next sync at its cursor"),
            Self::StateBeforeRecords => {
                ("state-before-records", "a STATE is written before the records that it covers")
            }
            Self::StateCoversMore => ("state-covers-more", "the last record before a STATE is not written"),
            Self::PairEmittedLate => ("pair-emitted-late", "a rotated pair is used before it is on stdout"),
            Self::RecordRewritten => ("record-rewritten", "a record's numbers are written in another form"),
            Self::LineDropped => ("line-dropped", "every 50th record is not written"),
            Self::RequestedTwice => ("requested-twice", "each page is requested twice"),
            Self::UselessWait => ("useless-wait", "each request is delayed by ten seconds"),
            Self::RecordsKept => ("records-kept", "records are kept in memory until the STATE that covers them"),
        }
    }

    /// Returns the kinds of violations that must reveal the defect.
    #[must_use]
    pub fn shows_as(self) -> &'static [Kind] {
        match self {
            Self::CursorReusedAfterSplit | Self::AnswerToWrongWindow => &[Kind::Lost, Kind::BadRequest],
            Self::QuotaCountedTwice | Self::RefusalRetried => &[Kind::QuotaExceeded],
            Self::IdRemoved => &[Kind::Twice],
            Self::StateBeforeRecords | Self::StateCoversMore | Self::LineDropped => &[Kind::Lost, Kind::BadOutput],
            Self::PairEmittedLate => &[Kind::PairUsedEarly],
            Self::RecordRewritten => &[Kind::Altered],
            Self::RequestedTwice => &[Kind::TooManyRequests],
            Self::UselessWait => &[Kind::TooSlow],
            Self::RecordsKept => &[Kind::HoldsTooMuch],
            _ => &[Kind::Lost],
        }
    }

    /// Plants the defect in the requests and responses.
    #[must_use]
    pub fn transport(self, network: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(requests::Planted::new(self, network))
    }

    /// Plants the defect in stdout.
    #[must_use]
    pub fn stdout(self, stdout: Pin<Box<dyn AsyncWrite + Send>>) -> Pin<Box<dyn AsyncWrite + Send>> {
        Box::pin(output::Planted::new(self, stdout))
    }

    /// Plants the defect in the state for a sync.
    #[must_use]
    pub fn state(self, mut file: Value) -> Value {
        if self == Self::IdRemoved
            && let Some(seen) = file.pointer_mut("/0/stream/stream_state/seen").and_then(Value::as_object_mut)
            && let Some(oldest) = seen.keys().min().cloned()
        {
            seen.remove(&oldest);
        }
        file
    }
}
