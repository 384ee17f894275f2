//! One limit, and the requests that were sent under it: a leaky bucket whose size is told by responses.
//!
//! It must not sleep, read a clock or know which requests count for it. Everything is computed from the time
//! that it is given, so a limit that changes is in force at once, also for requests that wait already.

use std::time::{Duration, Instant};

use super::rate_limit_headers::LimitStatus;

/// Requests a minute if no header tells: the Enterprise plan's limit.
const DEFAULT_TOTAL: u32 = 700;
/// Zendesk counts by the minute, unless a limit turns out to be reset at longer or shorter intervals.
const MINUTE: Duration = Duration::from_mins(1);
/// How long to leave the limit alone if others need it and no header says until when.
const YIELD: Duration = Duration::from_secs(15);
/// The same after the first response that says so: a single odd one must not stop a sync.
const FIRST_YIELD: Duration = Duration::from_secs(1);
/// The largest number of requests that may go at once.
const LARGEST_BURST: f64 = 20.0;
/// Times are told in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);
/// A wait that is shorter is a rounding error.
const NO_WAIT: Duration = Duration::from_micros(1);

/// How the size of a bucket is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The account's limit: counted by the minute, and assumed until it is told.
    Account,
    /// A limit that responses name. It is in force once two of them have named it, until none does any more.
    Named,
    /// A limit of so many requests a minute that no response tells.
    Fixed(u32),
}

/// A limit, and what was sent under it.
#[derive(Clone, Debug)]
pub struct Bucket {
    kind: Kind,
    /// The totals of the last two responses that told one; the larger counts, so that a single odd one is
    /// without effect and a rise is in force at once.
    told: [Option<u32>; 2],
    window: Duration,
    /// Requests that were sent and have not leaked out by `at`.
    level: f64,
    at: Instant,
    /// What the last response told.
    last: LimitStatus,
    heard: Instant,
    /// Whether a response has come since then that does not tell about it.
    unnamed: bool,
    /// Whether the last response told that others need what is left.
    scarce: bool,
}

impl Bucket {
    /// Creates an empty bucket.
    #[must_use]
    pub fn new(kind: Kind, now: Instant) -> Self {
        Self {
            kind,
            told: [None; 2],
            window: MINUTE,
            level: 0.0,
            at: now,
            last: LimitStatus::default(),
            heard: now,
            unnamed: false,
            scarce: false,
        }
    }

    /// Returns the requests in a window that responses have told, for whoever wants to show it.
    #[must_use]
    pub fn told(&self) -> Option<u32> {
        self.told.into_iter().flatten().max()
    }

    /// Returns whether no response tells about it.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self.kind, Kind::Fixed(_))
    }

    /// Returns whether responses have stopped to name it.
    #[must_use]
    pub fn is_forgotten(&self, now: Instant) -> bool {
        // A pause without responses says nothing.
        self.kind == Kind::Named && self.unnamed && now.saturating_duration_since(self.heard) > 2 * self.window
    }

    /// Takes a response into account that does not tell about it.
    pub fn unnamed(&mut self) {
        self.unnamed = true;
    }

    /// Returns the requests in a window that are allowed for all; none if the limit is not in force.
    fn total(&self, now: Instant) -> Option<u32> {
        let [last, before] = self.told;
        match self.kind {
            Kind::Account => Some(last.unwrap_or(DEFAULT_TOTAL).max(before.unwrap_or(DEFAULT_TOTAL))),
            Kind::Fixed(total) => Some(total.max(1)),
            Kind::Named if self.is_forgotten(now) => None,
            Kind::Named => Some(last?.max(before?)),
        }
    }

    /// Returns the requests a minute that a share of the limit allows; none if the limit is not in force.
    #[must_use]
    pub fn quota(&self, share: f64, now: Instant) -> Option<f64> {
        let total = match self.kind {
            // To be shown, the first word counts.
            Kind::Account => self.told().unwrap_or(DEFAULT_TOTAL),
            _ => self.total(now)?,
        };
        Some((f64::from(total) * share).max(1.0) * MINUTE.as_secs_f64() / self.window.as_secs_f64())
    }

    /// Returns the pace: requests a second, and how many may go at once after a rest.
    ///
    /// Both together stay below the quota in any window, by a hundredth: requests that were sent evenly do not
    /// arrive evenly.
    fn pace(&self, share: f64, now: Instant) -> Option<(f64, f64)> {
        let quota = (f64::from(self.total(now)?) * share).floor().max(1.0);
        let burst = (quota / 100.0).clamp(1.0, LARGEST_BURST).floor();
        Some(((quota - burst).max(1.0) / self.window.as_secs_f64(), burst))
    }

    /// Returns the requests a second that it lets through in the long run; none if the limit is not in force.
    #[must_use]
    pub fn per_second(&self, share: f64, now: Instant) -> Option<f64> {
        self.pace(share, now).map(|(per_second, _)| per_second)
    }

    fn level(&self, per_second: f64, burst: f64, now: Instant) -> f64 {
        let leaked = now.saturating_duration_since(self.at).as_secs_f64() * per_second;
        // What was sent under a larger limit is past.
        (self.level.min(burst) - leaked).max(0.0)
    }

    /// Returns how long the next request has to wait.
    #[must_use]
    pub fn wait(&self, share: f64, now: Instant) -> Duration {
        let Some((per_second, burst)) = self.pace(share, now) else {
            return Duration::ZERO;
        };
        let over = self.level(per_second, burst, now) - (burst - 1.0);
        let wait = Duration::from_secs_f64(over.max(0.0) / per_second);
        if wait < NO_WAIT { Duration::ZERO } else { wait }
    }

    /// Counts a request that is sent now.
    pub fn take(&mut self, share: f64, now: Instant) {
        if let Some((per_second, burst)) = self.pace(share, now) {
            self.level = self.level(per_second, burst, now) + 1.0;
            self.at = now;
        }
    }

    /// Fills the bucket: what goes next, goes evenly.
    pub fn fill(&mut self, share: f64, now: Instant) {
        if let Some((_, burst)) = self.pace(share, now) {
            self.level = burst;
            self.at = now;
        }
    }

    /// Takes a response into account that is not a refusal. Returns how long to leave the limit to others, if
    /// they need what is left of it. `in_flight` requests are under way and not counted in what is left yet.
    pub fn learn(&mut self, status: LimitStatus, share: f64, in_flight: u32, now: Instant) -> Option<Duration> {
        if let (Kind::Named, Some(resets)) = (self.kind, status.resets) {
            self.learn_window(status, resets, in_flight, now);
        }
        if status.total.is_some() {
            self.told = [status.total, self.told[0]];
        }
        let total = f64::from(status.total.or(self.told[0]).unwrap_or(DEFAULT_TOTAL));
        self.last = status;
        self.heard = now;
        self.unnamed = false;
        let remaining = status.remaining?;
        // Left alone, the connector stays above what is reserved for others; below it others are at work, and
        // what is left is theirs.
        let reserved = (total * (1.0 - share)).min(total - 1.0);
        let was_scarce = self.scarce;
        self.scarce = f64::from(remaining) < reserved || remaining <= in_flight;
        match (self.scarce, was_scarce) {
            (false, _) => None,
            (true, false) => Some(FIRST_YIELD),
            (true, true) => Some(status.resets.unwrap_or(YIELD)),
        }
    }

    /// Returns whether the last response told that others need what is left.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.scarce
    }

    /// Finds out how long a window is: at least as long as what is left of it, and as long as the time between
    /// two resets. Responses that overtake each other look like a reset, but bring little back, and tell of the same
    /// reset.
    fn learn_window(&mut self, status: LimitStatus, resets: Duration, in_flight: u32, now: Instant) {
        if let (Some(left), Some(remaining), Some(remained)) = (self.last.resets, status.remaining, self.last.remaining)
            && remaining > remained.saturating_add(in_flight)
            // A response that was overtaken tells of the window before, however much it says is left.
            && now + resets > self.heard + left + status.age + ROUNDING
        {
            let between = (now + resets).saturating_duration_since(self.heard + left) + ROUNDING;
            // Rounding alone does not make a window shorter.
            if between > resets.max(2 * ROUNDING) && 4 * between < 3 * self.window {
                self.window = between;
            }
        }
        self.window = self.window.max(resets);
    }
}
