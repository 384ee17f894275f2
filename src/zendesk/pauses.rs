//! Times in which no request is sent, and their reasons: pure bookkeeping.
//!
//! It must not determine the length of a pause.

use std::time::{Duration, Instant};

/// The reason for a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A request was refused (429).
    Refused,
    /// The remaining quota is left to others.
    Yielding,
}

/// The length of the pauses so far, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// The limit was used up (429): that of the account, unless `refused_by_endpoint` counts it.
    pub refused: Duration,
    /// The endpoint's own limit was used up (429).
    pub refused_by_endpoint: Duration,
    /// The remaining quota was left to others.
    pub yielding: Duration,
}

impl Waits {
    /// Returns the sum of two values.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            refused: self.refused + other.refused,
            refused_by_endpoint: self.refused_by_endpoint + other.refused_by_endpoint,
            yielding: self.yielding + other.yielding,
        }
    }

    /// Returns the same pauses for a limit that is an endpoint's own.
    #[must_use]
    pub fn of_endpoint(self) -> Self {
        Self { refused: Duration::ZERO, refused_by_endpoint: self.refused, ..self }
    }
}

/// The pauses of a rate limit. A second with both reasons counts as refused.
#[derive(Debug, Default)]
pub struct Pauses {
    refused_until: Option<Instant>,
    yielding_until: Option<Instant>,
    /// The pauses up to the last change, and the time of that change.
    before: Waits,
    changed: Option<Instant>,
}

impl Pauses {
    /// Pauses until this time, or until the end of an earlier pause for the same reason if that is later.
    pub fn add(&mut self, now: Instant, until: Instant, reason: Reason) {
        self.settle(now);
        let end = match reason {
            Reason::Refused => &mut self.refused_until,
            Reason::Yielding => &mut self.yielding_until,
        };
        *end = Some(end.map_or(until, |end| end.max(until)));
    }

    /// Ends the pause for other integrations.
    pub fn stop_yielding(&mut self, now: Instant) {
        self.settle(now);
        self.yielding_until = None;
    }

    /// Returns the remaining length of the pause.
    #[must_use]
    pub fn left(&self, now: Instant) -> Duration {
        let until = self.refused_until.max(self.yielding_until);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Returns the length of the pauses so far.
    #[must_use]
    pub fn waits(&self, now: Instant) -> Waits {
        let Some(from) = self.changed else {
            return self.before;
        };
        let passed = |until: Option<Instant>| until.map_or(from, |until| until.min(now)).max(from);
        let refused = passed(self.refused_until);
        let yielding = passed(self.yielding_until).saturating_duration_since(refused);
        self.before.plus(Waits { refused: refused - from, yielding, ..Waits::default() })
    }

    fn settle(&mut self, now: Instant) {
        self.before = self.waits(now);
        self.changed = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(refused: u32, yielding: u32) -> Waits {
        Waits { refused: refused * SECOND, yielding: yielding * SECOND, ..Waits::default() }
    }

    #[test]
    fn pauses_are_counted_once_by_reason_up_to_now() {
        let start = Instant::now();
        let at = |seconds: u32| start + seconds * SECOND;
        let mut pauses = Pauses::default();
        assert_eq!(pauses.waits(at(0)), waits(0, 0));
        pauses.add(at(0), at(30), Reason::Yielding);
        pauses.add(at(0), at(30), Reason::Yielding);
        assert_eq!(pauses.waits(at(0)), waits(0, 0), "the pause has not started");
        assert_eq!(pauses.waits(at(10)), waits(0, 10));
        pauses.add(at(20), at(50), Reason::Refused);
        assert_eq!(pauses.left(at(20)), 30 * SECOND);
        assert_eq!(pauses.waits(at(40)), waits(20, 20));
        assert_eq!(pauses.waits(at(90)), waits(30, 20));
        pauses.add(at(100), at(105), Reason::Refused);
        assert_eq!(pauses.waits(at(200)), waits(35, 20));
    }

    #[test]
    fn a_pause_for_others_can_end_early_but_not_one_after_a_refusal() {
        let start = Instant::now();
        let at = |seconds: u32| start + seconds * SECOND;
        let mut pauses = Pauses::default();
        pauses.add(at(0), at(60), Reason::Yielding);
        pauses.add(at(5), at(20), Reason::Refused);
        pauses.stop_yielding(at(10));
        assert_eq!(pauses.left(at(10)), 10 * SECOND);
        assert_eq!(pauses.left(at(20)), Duration::ZERO);
        assert_eq!(pauses.waits(at(60)), waits(15, 5));
    }

    #[test]
    fn a_shorter_pause_does_not_end_a_longer_one() {
        let now = Instant::now();
        let mut pauses = Pauses::default();
        pauses.add(now, now + 60 * SECOND, Reason::Refused);
        pauses.add(now + SECOND, now + 2 * SECOND, Reason::Refused);
        assert_eq!(pauses.left(now + 2 * SECOND), 58 * SECOND);
    }
}
