//! The oracle: it knows the true history, observes a sync from outside, and reports violations.
//!
//! It must not depend on the product's internals.

mod cursor;
mod due;
mod effort;
mod judge;
mod output;
mod platform;
mod quota;
mod watch;

use std::fmt;

pub use due::{Passed, is_due, must_be_known};
pub use effort::Effort;
pub use judge::{Ended, Judge};
pub use output::{Line, lines};
pub use platform::{Checkpoint, Platform};
pub use watch::Watch;

/// A kind of violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An event is missing after a COMPLETE.
    Lost,
    /// An event is emitted again although a STATE covers it.
    Twice,
    /// A record does not belong to an event.
    Altered,
    /// Records are not emitted in ascending order.
    Unordered,
    /// A line that is not a message, or a STATE with wrong figures.
    BadOutput,
    /// A request that the API rejects.
    BadRequest,
    /// More requests than the history needs.
    TooManyRequests,
    /// More requests in a minute than the share allows.
    QuotaExceeded,
    /// The sync does not end.
    Hangs,
    /// The sync takes too long.
    TooSlow,
    /// The sync fails although it could continue.
    FailsForNothing,
    /// The sync fails with the wrong error.
    WrongFailure,
    /// The sync ends in an unexpected way.
    WrongEnd,
    /// A rotated pair is used before it is on stdout.
    PairUsedEarly,
    /// More memory is held than the bound allows.
    HoldsTooMuch,
    /// The cursor of the last STATE is earlier than the newest event that it covers.
    CursorBehind,
    /// Emitted records are not covered by a STATE at an orderly end.
    Unclaimed,
}

/// A violation of a guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The kind.
    pub kind: Kind,
    /// The description.
    pub description: String,
}

impl Violation {
    /// Creates a violation.
    #[must_use]
    pub fn new(kind: Kind, description: impl Into<String>) -> Self {
        Self { kind, description: description.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.description)
    }
}
