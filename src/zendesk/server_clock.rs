//! The start of the sync by the server's clock: one point in time, determined once.
//!
//! It must not be updated later: if the end of a sync moved during the sync, the sync would never end.

use crate::second::Second;

/// The clock difference from which a warning is reported, in seconds.
const MOST_OFF: u64 = 300;

/// The clocks at the first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerClock {
    /// The server's time, or this machine's if the response did not contain it.
    pub began: Second,
    /// The offset of the server's clock from this machine's, in seconds, if it is known.
    pub offset: Option<i64>,
}

impl ServerClock {
    /// Compares the `Date` of a response with this machine's time at its arrival.
    #[must_use]
    pub fn new(date: Option<Second>, machine: Second) -> Self {
        Self { began: date.unwrap_or(machine), offset: date.map(|date| date.since(machine)) }
    }

    /// Returns the offset if it is large enough for a warning.
    #[must_use]
    pub fn reported_offset(self) -> Option<i64> {
        self.offset.filter(|offset| offset.unsigned_abs() > MOST_OFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_time_is_used_and_the_machines_only_without_it() {
        let (server, machine) = (Second::from_unix(1_000), Second::from_unix(1_600));
        assert_eq!(ServerClock::new(Some(server), machine), ServerClock { began: server, offset: Some(-600) });
        assert_eq!(ServerClock::new(None, machine), ServerClock { began: machine, offset: None });
    }

    #[test]
    fn clocks_that_differ_by_more_than_five_minutes_are_reported() {
        let machine = Second::from_unix(1_000_000);
        let reported = |offset| ServerClock::new(Some(machine.plus(offset)), machine).reported_offset();
        assert_eq!([-301, -300, 0, 300, 301].map(reported), [Some(-301), None, None, None, Some(301)]);
        assert_eq!(ServerClock::new(None, machine).reported_offset(), None);
    }
}
