//! Decides after a failure if and when to retry: a pure function.
//!
//! This file must not sleep, read a clock or draw a random number. The only loop that retries is in
//! `retry_loop.rs`, and nothing may retry on top of it.

use std::time::Duration;

use jiff::Timestamp;

use super::transport::Timeouts;

/// The retryability of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retryability {
    /// It would fail again.
    Permanent,
    /// It may succeed later; `after` is the wait that the server requested.
    Transient {
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// A rate limit is used up (429); `after` is the time until its reset.
    RateLimited {
        /// `Retry-After`, or the rest of the limit's window.
        after: Option<Duration>,
    },
}

/// The number and the duration of the retries of a request.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The largest number of attempts of one request that fail for other reasons than a rate limit.
    pub max_attempts: u32,
    /// The longest uninterrupted series of 429 responses.
    pub rate_limited: Duration,
    /// The longest wait that is accepted with a 5xx; a longer one is shortened to this.
    pub longest_wait: Duration,
    /// The longest time from the first attempt of a request to the start of the last one, for all failures.
    pub elapsed: Duration,
    /// `true` to leave quota to other integrations; a check needs too few requests for that.
    pub yields: bool,
}

impl RetryPolicy {
    /// For `read`: a short outage must not end a sync of hours. Including the last attempt, a request fails
    /// within an hour.
    pub const READ: Self = Self {
        max_attempts: 10,
        rate_limited: Duration::from_mins(30),
        longest_wait: Duration::from_mins(10),
        elapsed: Duration::from_mins(58),
        yields: true,
    };

    /// For `check`: a user waits for the result.
    pub const CHECK: Self = Self {
        max_attempts: 3,
        rate_limited: Duration::from_secs(20),
        longest_wait: Duration::from_secs(10),
        elapsed: Duration::from_secs(40),
        yields: false,
    };

    /// Returns the longest time from the first attempt of a request to its failure.
    #[must_use]
    pub const fn longest_request(self, timeouts: Timeouts) -> Duration {
        self.elapsed.saturating_add(timeouts.total)
    }

    /// Returns the longest time without a page in a sync that does not fail: a page can need a new token when
    /// its own attempts are almost used up.
    #[must_use]
    pub const fn longest_silence(self, timeouts: Timeouts) -> Duration {
        self.longest_request(timeouts).saturating_mul(2)
    }
}

/// The attempts of one request so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// The number of attempts that failed for other reasons than a rate limit.
    pub failed: u32,
    /// The number of 429 responses.
    pub refused: u32,
    /// The duration of the uninterrupted series of 429 responses under that rate limit, for this request or
    /// others.
    pub refused_for: Option<Duration>,
    /// The time since the request was ready to be sent.
    pub elapsed: Duration,
}

/// The decision after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then retry.
    Wait(Duration),
    /// Report the failure.
    GiveUp,
}

const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// The window of Zendesk's limits.
const RATE_LIMIT_WAIT: Duration = Duration::from_mins(1);
/// The largest jitter that is added to a wait that the server requested.
const LATER: Duration = Duration::from_secs(1);

/// Returns the decision after a failure, which `attempts` already counts. `jitter` is a random number from 0
/// to 1.
#[must_use]
pub fn decide(retryability: Retryability, attempts: Attempts, policy: RetryPolicy, jitter: f64) -> Decision {
    let failed = match retryability {
        Retryability::Permanent => return Decision::GiveUp,
        Retryability::Transient { .. } if attempts.failed >= policy.max_attempts => return Decision::GiveUp,
        Retryability::Transient { .. } => attempts.failed,
        Retryability::RateLimited { .. } => attempts.refused,
    };
    let wait = backoff(retryability, failed, policy, jitter);
    let refused_for = attempts.refused_for.unwrap_or_default();
    let is_refused = matches!(retryability, Retryability::RateLimited { .. });
    let too_late = attempts.elapsed.saturating_add(wait) > policy.elapsed
        || is_refused && refused_for.saturating_add(wait) > policy.rate_limited;
    if too_late { Decision::GiveUp } else { Decision::Wait(wait) }
}

/// Returns the wait after this number of failures of this kind, without a limit of their number.
///
/// The backoff doubles, and jitter subtracts up to half of it. A wait that the server requested is respected,
/// and never shortens the backoff; jitter adds up to a second to it. So requests that failed at the same time
/// are not repeated at the same time.
#[must_use]
pub fn backoff(retryability: Retryability, failed: u32, policy: RetryPolicy, jitter: f64) -> Duration {
    let doublings = failed.saturating_sub(1).min(16);
    let backoff = FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF).mul_f64(1.0 - jitter / 2.0);
    let asked = match retryability {
        Retryability::Permanent | Retryability::Transient { after: None } => return backoff,
        Retryability::Transient { after: Some(after) } => after.min(policy.longest_wait),
        Retryability::RateLimited { after } => after.unwrap_or(RATE_LIMIT_WAIT),
    };
    backoff.max(asked.saturating_add(LATER.mul_f64(jitter)))
}

/// Parses a `Retry-After` header: seconds (also with a fraction), or an HTTP date after `now`, the server's
/// time.
#[must_use]
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.ceil()).ok();
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Duration::try_from(date.duration_since(now)).ok()
}

/// Parses a `ratelimit-reset` header: seconds, or a date-time after `now`, the server's time.
#[must_use]
pub fn parse_rate_limit_reset(value: &str, now: Timestamp) -> Option<Duration> {
    let date_time = || Duration::try_from(value.trim().parse::<Timestamp>().ok()?.duration_since(now)).ok();
    // A much later reset cannot belong to a limit per minute.
    parse_retry_after(value, now).or_else(date_time).filter(|reset| *reset <= LONGEST_RESET)
}

/// The latest reset of a rate limit that is accepted.
const LONGEST_RESET: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICIES: [(RetryPolicy, Timeouts); 2] =
        [(RetryPolicy::READ, Timeouts::READ), (RetryPolicy::CHECK, Timeouts::CHECK)];

    fn failed(failed: u32) -> Attempts {
        Attempts { failed, ..Attempts::default() }
    }

    fn milliseconds(decision: Decision) -> u128 {
        match decision {
            Decision::Wait(wait) => wait.as_millis(),
            Decision::GiveUp => panic!("gave up"),
        }
    }

    #[test]
    fn backoff_doubles_up_to_a_minute_and_jitter_subtracts_at_most_half() {
        let transient = Retryability::Transient { after: None };
        let wait = |attempts, jitter| milliseconds(decide(transient, failed(attempts), RetryPolicy::READ, jitter));
        let most: Vec<_> = (1..10).map(|attempts| wait(attempts, 0.0)).collect();
        let least: Vec<_> = (1..10).map(|attempts| wait(attempts, 1.0)).collect();
        assert_eq!(most, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(least, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(decide(transient, failed(10), RetryPolicy::READ, 0.5), Decision::GiveUp);
    }

    /// Earlier, 503 with `Retry-After: 0` failed after five seconds of waiting.
    #[test]
    fn a_retry_after_is_respected_up_to_a_bound_and_never_shortens_the_backoff() {
        for (asked, attempts, jitter, wait) in [
            (7, 1, 0.0, 7.0),
            (7, 1, 1.0, 8.0),
            (86_400, 1, 0.0, 600.0),
            (0, 1, 0.0, 0.5),
            (0, 9, 0.0, 60.0),
            (0, 9, 1.0, 30.0),
            (7, 9, 0.0, 60.0),
            (90, 9, 0.0, 90.0),
        ] {
            let retryability = Retryability::Transient { after: Some(Duration::from_secs(asked)) };
            let decision = decide(retryability, failed(attempts), RetryPolicy::READ, jitter);
            assert_eq!(decision, Decision::Wait(Duration::from_secs_f64(wait)), "{asked} s after {attempts}");
        }
        let asked = Retryability::Transient { after: Some(Duration::from_secs(7)) };
        assert_eq!(decide(asked, failed(10), RetryPolicy::READ, 0.0), Decision::GiveUp);
    }

    #[test]
    fn refusals_for_a_rate_limit_do_not_count_as_attempts_and_end_after_half_an_hour() {
        let refused = Retryability::RateLimited { after: None };
        let attempts =
            |minutes| Attempts { failed: 9, refused_for: Some(Duration::from_mins(minutes)), ..Attempts::default() };
        let minute = Decision::Wait(Duration::from_mins(1));
        assert_eq!(decide(refused, attempts(0), RetryPolicy::READ, 0.0), minute);
        assert_eq!(decide(refused, attempts(29), RetryPolicy::READ, 0.0), minute);
        assert_eq!(decide(refused, attempts(30), RetryPolicy::READ, 0.0), Decision::GiveUp);
        let last =
            Attempts { elapsed: RetryPolicy::READ.elapsed.saturating_sub(Duration::from_mins(1)), ..attempts(0) };
        assert_eq!(decide(refused, last, RetryPolicy::READ, 0.0), minute, "the last attempt begins at the limit");
        let late = Attempts { elapsed: last.elapsed + Duration::from_millis(1), ..last };
        assert_eq!(decide(refused, late, RetryPolicy::READ, 0.0), Decision::GiveUp);
        let tomorrow = Retryability::RateLimited { after: Some(Duration::from_hours(24)) };
        assert_eq!(decide(tomorrow, failed(0), RetryPolicy::READ, 0.0), Decision::GiveUp);
    }

    #[test]
    fn the_wait_grows_after_429s_without_a_requested_wait() {
        let at_once = Retryability::RateLimited { after: Some(Duration::ZERO) };
        let wait = |refused| {
            milliseconds(decide(at_once, Attempts { refused, ..Attempts::default() }, RetryPolicy::READ, 0.0))
        };
        assert_eq!([1, 2, 3, 9].map(wait), [500, 1_000, 2_000, 60_000]);
    }

    /// Earlier, a continuous 503 with `Retry-After: 600` took an hour and a half.
    #[test]
    fn a_request_ends_within_the_limit_after_any_failures() {
        let mut longest = Duration::ZERO;
        for (policy, timeouts) in POLICIES {
            for after in [None, Some(0), Some(1), Some(60), Some(300), Some(600), Some(3_600)] {
                let after = after.map(Duration::from_secs);
                for retryability in [Retryability::Transient { after }, Retryability::RateLimited { after }] {
                    for took in [Duration::ZERO, timeouts.total] {
                        let took = ends_after(policy, took, 0.5, || retryability);
                        assert!(took <= policy.longest_request(timeouts), "{retryability:?}: {took:?}");
                        longest = longest.max(took);
                    }
                }
            }
        }
        assert!(longest > Duration::from_mins(30) && longest <= Duration::from_hours(1), "{longest:?}");
    }

    /// Returns the duration of a request whose attempts all take this long and fail.
    fn ends_after(
        policy: RetryPolicy,
        took: Duration,
        jitter: f64,
        mut failure: impl FnMut() -> Retryability,
    ) -> Duration {
        let mut attempts = Attempts::default();
        let mut refused_since = None;
        loop {
            attempts.elapsed += took;
            let retryability = failure();
            if matches!(retryability, Retryability::RateLimited { .. }) {
                attempts.refused += 1;
                attempts.refused_for =
                    Some(attempts.elapsed.saturating_sub(*refused_since.get_or_insert(attempts.elapsed)));
            } else {
                attempts.failed += 1;
                refused_since = None;
            }
            match decide(retryability, attempts, policy, jitter) {
                Decision::Wait(wait) => attempts.elapsed += wait,
                Decision::GiveUp => return attempts.elapsed,
            }
        }
    }

    proptest! {
        #[test]
        fn any_mixture_of_failures_ends_within_the_limit(
            failures in proptest::collection::vec((any::<bool>(), proptest::option::of(0_u64..2_000)), 1..50),
            took in 0_u64..=120,
            jitter in 0.0..=1.0,
        ) {
            let mut failures = failures.into_iter().cycle();
            let took = ends_after(RetryPolicy::READ, Duration::from_secs(took), jitter, || {
                let (refused, after) = failures.next().expect("endless");
                let after = after.map(Duration::from_secs);
                if refused { Retryability::RateLimited { after } } else { Retryability::Transient { after } }
            });
            prop_assert!(took <= RetryPolicy::READ.longest_request(Timeouts::READ), "{:?}", took);
        }
    }

    #[test]
    fn both_forms_of_retry_after_are_parsed() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        for (value, seconds) in [
            ("0", Some(0)),
            ("30", Some(30)),
            (" 30 ", Some(30)),
            ("1.2", Some(2)),
            ("Mon, 23 Nov 2026 12:00:45 GMT", Some(45)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("NaN", None),
            ("inf", None),
            ("1e999", None),
        ] {
            assert_eq!(parse_retry_after(value, now).map(|wait| wait.as_secs()), seconds, "{value:?}");
        }
    }

    #[test]
    fn a_reset_of_a_rate_limit_is_in_seconds_or_a_date_time() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        for (value, seconds) in [
            ("41", Some(41)),
            ("2026-11-23T12:00:37Z", Some(37)),
            ("2026-11-23 12:00:37.000+00:00", Some(37)),
            ("2026-11-23T14:00:37+02:00", Some(37)),
            ("Mon, 23 Nov 2026 12:00:45 GMT", Some(45)),
            ("2026-11-23T11:59:00Z", None),
            ("2026-11-24T12:00:00Z", None),
            ("1795435237", None),
            ("soon", None),
        ] {
            assert_eq!(parse_rate_limit_reset(value, now).map(|wait| wait.as_secs()), seconds, "{value:?}");
        }
    }
}
