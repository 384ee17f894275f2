//! A span of time that is read separately, and its filter.
//!
//! It must not know the content of a window or its reader.

use crate::second::Second;
use crate::zendesk::Between;

/// A half-open span of time: it includes `start` but not `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first second.
    pub start: Second,
    /// The first second after it.
    pub end: Second,
}

impl Window {
    /// Returns a filter for every event of the window, and at most one additional second at either end: the
    /// API does not document if the bounds of its filter are inclusive.
    #[must_use]
    pub fn filter(self) -> Between {
        Between { start: self.start.minus(1), end: self.end.max(self.start) }
    }

    /// Returns `true` if a time is in the window.
    #[must_use]
    pub fn contains(self, time: Second) -> bool {
        self.start <= time && time < self.end
    }

    /// Returns the length in seconds; 0 for an empty window.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.end.since(self.start).max(0)
    }

    /// Returns `true` if the window has no second.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}
