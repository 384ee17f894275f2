//! Whether to try again after a failure, and when: a pure decision.
//!
//! This file must not sleep, read a clock or draw a random number; the one loop that does is in
//! `retry_loop.rs`, and nothing tries again on top of it.

use std::time::Duration;

use jiff::Timestamp;

/// What a failure says about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retryability {
    /// It would fail again.
    Permanent,
    /// It may pass; `after` is what the server asked for.
    Transient {
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// The account's rate limit is used up (429); `after` is when it is not.
    RateLimited {
        /// `Retry-After`, or what is left of the limit's minute.
        after: Option<Duration>,
    },
}

/// How patient a command is.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Tries of one request that fail for other reasons than the rate limit, at most.
    pub max_attempts: u32,
    /// How long nothing but refusals for the rate limit is borne.
    pub rate_limited: Duration,
    /// The longest wait that a server may ask for with a 5xx; more counts as this.
    pub longest_wait: Duration,
    /// Whether to leave what others of the account need to them; a check asks for too little.
    pub yields: bool,
}

impl RetryPolicy {
    /// For `read`: an hour-long sync should not end because of two bad minutes.
    pub const READ: Self = Self {
        max_attempts: 10,
        rate_limited: Duration::from_mins(30),
        longest_wait: Duration::from_mins(10),
        yields: true,
    };

    /// For `check`: a person waits for the answer.
    pub const CHECK: Self = Self {
        max_attempts: 3,
        rate_limited: Duration::from_secs(20),
        longest_wait: Duration::from_secs(10),
        yields: false,
    };
}

/// The attempts of one request so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Failures that count.
    pub failed: u32,
    /// How long it has been nothing but refused for the rate limit.
    pub refused_for: Option<Duration>,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then try again.
    Wait(Duration),
    /// Report the failure.
    GiveUp,
}

const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// Zendesk's limit counts by the minute.
const RATE_LIMIT_WAIT: Duration = Duration::from_mins(1);

/// Decides after the failure that `attempts` already counts. `jitter` is a random number from 0 to 1:
/// it takes off up to half of a backoff, and adds up to a second to a wait that the server asked
/// for, so that requests that failed together do not come back together.
#[must_use]
pub fn decide(retryability: Retryability, attempts: Attempts, retry_policy: RetryPolicy, jitter: f64) -> Decision {
    match retryability {
        Retryability::Permanent => Decision::GiveUp,
        Retryability::RateLimited { after } => {
            let wait = after.unwrap_or(RATE_LIMIT_WAIT) + Duration::from_secs(1).mul_f64(jitter);
            let refused_for = attempts.refused_for.unwrap_or_default();
            if refused_for.saturating_add(wait) > retry_policy.rate_limited {
                Decision::GiveUp
            } else {
                Decision::Wait(wait)
            }
        }
        Retryability::Transient { .. } if attempts.failed >= retry_policy.max_attempts => Decision::GiveUp,
        Retryability::Transient { .. } => Decision::Wait(backoff(retryability, attempts.failed, retry_policy, jitter)),
    }
}

/// Returns the wait after so many failures, without regard to how many are allowed.
#[must_use]
pub fn backoff(retryability: Retryability, failed: u32, retry_policy: RetryPolicy, jitter: f64) -> Duration {
    if let Retryability::Transient { after: Some(after) } = retryability {
        return after.min(retry_policy.longest_wait) + Duration::from_secs(1).mul_f64(jitter);
    }
    let doublings = failed.saturating_sub(1).min(16);
    let backoff = FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF);
    backoff.mul_f64(1.0 - jitter / 2.0)
}

/// Reads a `Retry-After` header: seconds (also with a fraction), or an HTTP date.
#[must_use]
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.ceil()).ok();
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(failed: u32) -> Attempts {
        Attempts { failed, refused_for: None }
    }

    #[test]
    fn backoff_doubles_up_to_a_minute_and_jitter_takes_off_at_most_half() {
        let transient = Retryability::Transient { after: None };
        let wait = |attempts, jitter| match decide(transient, failed(attempts), RetryPolicy::READ, jitter) {
            Decision::Wait(wait) => wait.as_millis(),
            Decision::GiveUp => panic!("gave up after {attempts}"),
        };
        let least: Vec<_> = (1..10).map(|attempts| wait(attempts, 1.0)).collect();
        let most: Vec<_> = (1..10).map(|attempts| wait(attempts, 0.0)).collect();
        assert_eq!(most, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(least, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(decide(transient, failed(10), RetryPolicy::READ, 0.5), Decision::GiveUp);
    }

    #[test]
    fn a_wait_that_the_server_asks_for_is_kept_up_to_a_bound() {
        let asked = |seconds| Retryability::Transient { after: Some(Duration::from_secs(seconds)) };
        assert_eq!(decide(asked(7), failed(1), RetryPolicy::READ, 0.0), Decision::Wait(Duration::from_secs(7)));
        assert_eq!(decide(asked(7), failed(1), RetryPolicy::READ, 1.0), Decision::Wait(Duration::from_secs(8)));
        assert_eq!(decide(asked(86_400), failed(1), RetryPolicy::READ, 0.0), Decision::Wait(Duration::from_mins(10)));
        assert_eq!(decide(asked(7), failed(10), RetryPolicy::READ, 0.0), Decision::GiveUp);
    }

    #[test]
    fn refusals_for_the_rate_limit_do_not_count_as_tries_and_end_after_half_an_hour() {
        let refused = Retryability::RateLimited { after: None };
        let attempts = |minutes| Attempts { failed: 9, refused_for: Some(Duration::from_mins(minutes)) };
        assert_eq!(decide(refused, attempts(0), RetryPolicy::READ, 0.0), Decision::Wait(Duration::from_mins(1)));
        assert_eq!(decide(refused, attempts(29), RetryPolicy::READ, 0.0), Decision::Wait(Duration::from_mins(1)));
        assert_eq!(decide(refused, attempts(30), RetryPolicy::READ, 0.0), Decision::GiveUp);
        let tomorrow = Retryability::RateLimited { after: Some(Duration::from_hours(24)) };
        assert_eq!(decide(tomorrow, failed(0), RetryPolicy::READ, 0.0), Decision::GiveUp);
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        for (value, seconds) in [
            ("0", Some(0)),
            ("30", Some(30)),
            (" 30 ", Some(30)),
            ("1.2", Some(2)),
            ("Mon, 23 Nov 2026 12:00:45 GMT", Some(45)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", Some(0)),
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
}
