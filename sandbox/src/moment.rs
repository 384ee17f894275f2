//! Points and spans of time that several endpoints need. Reads no clock.

use std::time::Instant;

use jiff::Timestamp;

/// The time of the response to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// By the clock that rate limits and token lifetimes use.
    pub(crate) instant: Instant,
    /// By the server's clock.
    pub(crate) now: Timestamp,
    /// As the response's `Date` shows it.
    pub(crate) date: Timestamp,
}

/// Returns the first second and the end of the whole seconds in `from..to`. If there are
/// none, the first second is that of `from`, and the end is not after it.
pub(crate) fn whole_seconds(from: Timestamp, to: Timestamp) -> (i64, i64) {
    let second = |time: Timestamp| time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    let (first, end) = (second(from), second(to));
    (if first < end { first } else { from.as_second() }, end)
}
