//! Events, with everything about them that the API may show in its own way.
//!
//! It must not know which of them a sync has to bring; that is the oracle's.

use super::PRESENT;

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `id`, `created_at` and a payload.
    Plain,
    /// Without `created_at`.
    Undated,
    /// Without `id`.
    Anonymous,
    /// With an `id` that is no 64-bit integer.
    OddId,
    /// With line ends and blanks between tokens.
    Spaced,
}

/// An event. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: i64,
    /// Its `created_at`.
    pub shown: i64,
    /// The time by which the API lists it.
    pub listed: i64,
    /// The true time from which the API returns it.
    pub visible: i64,
    /// How its record is written.
    pub form: Form,
}

impl Event {
    /// An event that is listed in its place at once, so many seconds before the first sync begins.
    #[must_use]
    pub fn before_the_first_sync(id: i64, seconds: i64) -> Self {
        let at = PRESENT - seconds;
        Self { id, shown: at, listed: at, visible: at, form: Form::Plain }
    }

    /// How far out of its place it is listed, in seconds.
    #[must_use]
    pub fn displacement(&self) -> i64 {
        (self.shown - self.listed).abs()
    }

    /// How late it became visible after its own time, in seconds.
    #[must_use]
    pub fn lateness(&self) -> i64 {
        (self.visible - self.shown).max(0)
    }
}
