//! The oracle: it knows the true history, sees what a sync does from outside, and says what must not be.
//!
//! It must not look into the product.

mod cursor;
mod due;
mod judge;
mod output;
mod platform;
mod quota;
mod watch;

use std::fmt;

pub use due::{Passed, is_due};
pub use judge::{Ended, Judge};
pub use output::{Line, lines};
pub use platform::{Checkpoint, Platform};
pub use watch::Watch;

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An event is missing after a COMPLETE.
    Lost,
    /// An event comes again although a STATE claims it.
    Twice,
    /// A record is no event's.
    Altered,
    /// Records do not leave in ascending order.
    Unordered,
    /// A line that is no message, or a STATE whose figures are wrong.
    BadOutput,
    /// A request that the API cannot answer.
    BadRequest,
    /// More requests than the history needs.
    TooManyRequests,
    /// More requests in a minute than the share allows.
    QuotaExceeded,
    /// It does not come to an end.
    Hangs,
    /// It takes too long.
    TooSlow,
    /// It fails although it could go on.
    FailsForNothing,
    /// It fails, and says so in the wrong way.
    WrongFailure,
    /// It ends in a way that nobody asked for.
    WrongEnd,
    /// A rotated pair is used before it is on stdout.
    PairUsedEarly,
    /// More is held than the bound.
    HoldsTooMuch,
    /// The cursor of the last STATE is earlier than the newest event that it covers.
    CursorBehind,
    /// What is out is not claimed at an orderly end.
    Unclaimed,
}

/// A violation of the promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What it is.
    pub kind: Kind,
    /// In words.
    pub words: String,
}

impl Violation {
    /// A violation in words.
    #[must_use]
    pub fn new(kind: Kind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.words)
    }
}
