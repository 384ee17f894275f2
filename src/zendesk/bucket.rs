//! A rate limit and the requests that were sent under it: a leaky bucket whose size comes from responses.
//!
//! It must not sleep, read a clock or know which requests count against it. All results are computed from the
//! given time, so a changed limit applies at once, also to waiting requests.

use std::time::{Duration, Instant};

use super::rate_limit_headers::LimitStatus;

/// The assumed limit in requests per minute if no header reports it: that of the Enterprise plan.
const DEFAULT_TOTAL: u32 = 700;
/// The window of Zendesk's limits, unless a limit turns out to have another one.
const MINUTE: Duration = Duration::from_mins(1);
/// The pause for other integrations if no header reports the reset.
const YIELD: Duration = Duration::from_secs(15);
/// The same pause after the first such response: a single outlier must not stop a sync.
const FIRST_YIELD: Duration = Duration::from_secs(1);
/// The largest number of requests that may be sent at once.
const LARGEST_BURST: f64 = 20.0;
/// Headers have whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);
/// A shorter wait is a rounding error.
const NO_WAIT: Duration = Duration::from_micros(1);

/// The source of a bucket's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The account's limit, per minute. A default is assumed until a response reports it.
    Account,
    /// A limit that responses report. It applies after two of them have reported it, until none does any
    /// more.
    Reported,
    /// A limit in requests per minute that no response reports.
    Fixed(u32),
}

/// A limit, and the requests that were sent under it.
#[derive(Clone, Debug)]
pub struct Bucket {
    kind: Kind,
    /// The totals of the last two responses that reported one. The larger one applies, so that a single
    /// outlier has no effect and an increase applies at once.
    reported: [Option<u32>; 2],
    window: Duration,
    /// The requests that were sent and have not leaked out by `at`.
    level: f64,
    at: Instant,
    /// The last reported status.
    last: LimitStatus,
    reported_at: Instant,
    /// `true` if a response without this limit has been received since then.
    missing: bool,
    /// `true` if the last response showed that others need the remaining quota.
    scarce: bool,
}

impl Bucket {
    /// Creates an empty bucket.
    #[must_use]
    pub fn new(kind: Kind, now: Instant) -> Self {
        Self {
            kind,
            reported: [None; 2],
            window: MINUTE,
            level: 0.0,
            at: now,
            last: LimitStatus::default(),
            reported_at: now,
            missing: false,
            scarce: false,
        }
    }

    /// Returns the reported number of requests per window, for display.
    #[must_use]
    pub fn reported_total(&self) -> Option<u32> {
        self.reported.into_iter().flatten().max()
    }

    /// Returns `true` if no response reports the limit.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self.kind, Kind::Fixed(_))
    }

    /// Returns `true` if responses no longer report the limit.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        // A pause without responses is not evidence.
        self.kind == Kind::Reported && self.missing && now.saturating_duration_since(self.reported_at) > 2 * self.window
    }

    /// Processes a response that does not report the limit.
    pub fn observe_missing(&mut self) {
        self.missing = true;
    }

    /// Returns the total number of allowed requests per window; `None` if the limit does not apply.
    fn total(&self, now: Instant) -> Option<u32> {
        let [last, before] = self.reported;
        match self.kind {
            Kind::Account => Some(last.unwrap_or(DEFAULT_TOTAL).max(before.unwrap_or(DEFAULT_TOTAL))),
            Kind::Fixed(total) => Some(total.max(1)),
            Kind::Reported if self.is_expired(now) => None,
            Kind::Reported => Some(last?.max(before?)),
        }
    }

    /// Returns the requests per minute that a share of the limit allows; `None` if the limit does not apply.
    #[must_use]
    pub fn quota(&self, share: f64, now: Instant) -> Option<f64> {
        let total = match self.kind {
            // For display, the first report is sufficient.
            Kind::Account => self.reported_total().unwrap_or(DEFAULT_TOTAL),
            _ => self.total(now)?,
        };
        Some((f64::from(total) * share).max(1.0) * MINUTE.as_secs_f64() / self.window.as_secs_f64())
    }

    /// Returns the pace: requests per second, and the number that may be sent at once after a pause.
    ///
    /// Both together stay below the quota in any window, by one percent: requests that are sent evenly do not
    /// arrive evenly.
    fn pace(&self, share: f64, now: Instant) -> Option<(f64, f64)> {
        let quota = (f64::from(self.total(now)?) * share).floor().max(1.0);
        let burst = (quota / 100.0).clamp(1.0, LARGEST_BURST).floor();
        Some(((quota - burst).max(1.0) / self.window.as_secs_f64(), burst))
    }

    /// Returns the sustained requests per second; `None` if the limit does not apply.
    #[must_use]
    pub fn per_second(&self, share: f64, now: Instant) -> Option<f64> {
        self.pace(share, now).map(|(per_second, _)| per_second)
    }

    fn level(&self, per_second: f64, burst: f64, now: Instant) -> f64 {
        let leaked = now.saturating_duration_since(self.at).as_secs_f64() * per_second;
        // Requests that were sent under a larger limit no longer count.
        (self.level.min(burst) - leaked).max(0.0)
    }

    /// Returns the wait before the next request.
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

    /// Fills the bucket, so that the next requests are sent evenly.
    pub fn fill(&mut self, share: f64, now: Instant) {
        if let Some((_, burst)) = self.pace(share, now) {
            self.level = burst;
            self.at = now;
        }
    }

    /// Processes a response other than a 429. Returns the length of a pause for other integrations, if they
    /// need the remaining quota. `in_flight` requests are not yet counted in the remaining quota.
    pub fn learn(&mut self, status: LimitStatus, share: f64, in_flight: u32, now: Instant) -> Option<Duration> {
        if let (Kind::Reported, Some(resets)) = (self.kind, status.resets) {
            self.learn_window(status, resets, in_flight, now);
        }
        if status.total.is_some() {
            self.reported = [status.total, self.reported[0]];
        }
        let total = f64::from(status.total.or(self.reported[0]).unwrap_or(DEFAULT_TOTAL));
        self.last = status;
        self.reported_at = now;
        self.missing = false;
        let remaining = status.remaining?;
        // Without other integrations, the remaining quota stays above their share. If it is below, they are
        // active, and the rest is left to them.
        let reserved = (total * (1.0 - share)).min(total - 1.0);
        let was_scarce = self.scarce;
        self.scarce = f64::from(remaining) < reserved || remaining <= in_flight;
        match (self.scarce, was_scarce) {
            (false, _) => None,
            (true, false) => Some(FIRST_YIELD),
            (true, true) => Some(status.resets.unwrap_or(YIELD)),
        }
    }

    /// Returns `true` if the last response showed that others need the remaining quota.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.scarce
    }

    /// Estimates the length of a window: at least the time until the reset, and the time between two resets.
    /// Responses that overtake each other look like a reset, but they restore little quota and report the
    /// same reset time.
    fn learn_window(&mut self, status: LimitStatus, resets: Duration, in_flight: u32, now: Instant) {
        if let (Some(left), Some(remaining), Some(remained)) = (self.last.resets, status.remaining, self.last.remaining)
            && remaining > remained.saturating_add(in_flight)
            // An overtaken response reports the previous window, whatever quota it shows.
            && now + resets > self.reported_at + left + status.age + ROUNDING
        {
            // Both times start when a response is received, so the previous reset may have been earlier by
            // the age of the response.
            let between = (now + resets + self.last.age).saturating_duration_since(self.reported_at + left) + ROUNDING;
            // Rounding alone does not shorten a window.
            if between > resets.max(2 * ROUNDING) && 4 * between < 3 * self.window {
                self.window = between;
            }
        }
        self.window = self.window.max(resets);
    }
}
