//! When the sync began by the server's clock: one instant, taken once.
//!
//! It must not be asked again later: a sync whose end moves while it runs reads for ever.

use crate::second::Second;

/// Clocks that differ by more than this are reported, in seconds.
const MOST_OFF: u64 = 300;

/// The clocks at the first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerClock {
    /// The server's time, or this machine's if the response did not tell it.
    pub began: Second,
    /// How far the server's clock is ahead of this machine's, in seconds, if it is known.
    pub offset: Option<i64>,
}

impl ServerClock {
    /// Compares the `Date` of a response with this machine's time of its arrival.
    #[must_use]
    pub fn new(date: Option<Second>, machine: Second) -> Self {
        Self { began: date.unwrap_or(machine), offset: date.map(|date| date.since(machine)) }
    }

    /// Returns the offset if it is so large that somebody should hear of it.
    #[must_use]
    pub fn reported_offset(self) -> Option<i64> {
        self.offset.filter(|offset| offset.unsigned_abs() > MOST_OFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_time_counts_and_the_machines_only_without_it() {
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
