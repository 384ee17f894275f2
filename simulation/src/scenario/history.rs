//! Events, with all properties that the API may show.
//!
//! It must not know which events a sync has to emit; the oracle does.

use super::PRESENT;

/// The form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `id`, `created_at` and a payload.
    Plain,
    /// Without `created_at`.
    Undated,
    /// Without `id`.
    Anonymous,
    /// With an `id` that is not a 64-bit integer.
    OddId,
    /// With line breaks and spaces between tokens.
    Spaced,
}

/// An event. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id.
    pub id: i64,
    /// The `created_at`.
    pub shown: i64,
    /// The time by which the API lists it.
    pub listed: i64,
    /// The true time from which the API returns it.
    pub visible: i64,
    /// The form of the record.
    pub form: Form,
}

impl Event {
    /// Creates an event that is listed at its position at once, this number of seconds before the first sync
    /// begins.
    #[must_use]
    pub fn before_the_first_sync(id: i64, seconds: i64) -> Self {
        let at = PRESENT - seconds;
        Self { id, shown: at, listed: at, visible: at, form: Form::Plain }
    }

    /// Returns the displacement in the listing, in seconds.
    #[must_use]
    pub fn displacement(&self) -> i64 {
        (self.shown - self.listed).abs()
    }

    /// Returns the delay of its visibility after its own time, in seconds.
    #[must_use]
    pub fn lateness(&self) -> i64 {
        (self.visible - self.shown).max(0)
    }
}
