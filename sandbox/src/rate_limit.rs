//! Rate limits, of the account and of an endpoint: fixed windows from the first request
//! on, and the headers that describe them. Takes the time as an argument; never sleeps.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use crate::{options::RateHeaders, reply::Reply};

/// What an Enterprise account may ask a minute (documented).
const ENTERPRISE: u32 = 700;

/// Counts requests.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limit: Option<u32>,
    minute: Duration,
    /// Requests of other integrations a minute.
    others: u32,
    first: Option<Instant>,
    window: u128,
    used: u32,
}

/// Where a request left the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) allowed: bool,
    limit: u32,
    remaining: u32,
    /// Whole seconds until the next window, rounded up, at least 1.
    pub(crate) reset: u64,
}

impl RateLimit {
    /// A limit of so many requests a `minute`; `None` allows all.
    pub(crate) fn new(limit: Option<u32>, minute: Duration) -> Self {
        Self { limit, minute: minute.max(Duration::from_nanos(1)), others: 0, first: None, window: 0, used: 0 }
    }

    /// The same limit, of which other integrations use so many requests a minute, evenly.
    pub(crate) fn shared_with(self, others: u32) -> Self {
        Self { others, ..self }
    }

    /// Counts a request at `now`.
    pub(crate) fn take(&mut self, now: Instant) -> Standing {
        let first = *self.first.get_or_insert(now);
        let since = now.saturating_duration_since(first).as_nanos();
        let minute = self.minute.as_nanos();
        let window = since / minute;
        if window != self.window {
            self.window = window;
            self.used = 0;
        }
        let left = (window + 1) * minute - since;
        let reset = u64::try_from(left.div_ceil(1_000_000_000)).unwrap_or(u64::MAX).max(1);
        let others = u128::from(self.others) * (since % minute) / minute;
        let used = self.used.saturating_add(others as u32);
        self.used = self.used.saturating_add(1);
        match self.limit {
            Some(limit) => Standing {
                allowed: used < limit,
                limit,
                remaining: limit.saturating_sub(used.saturating_add(1)),
                reset,
            },
            // Nothing is enforced, so nobody should be told to slow down.
            None => Standing { allowed: true, limit: ENTERPRISE, remaining: ENTERPRISE - 1 - used % 100, reset },
        }
    }
}

impl Standing {
    /// The 429 of a request that was not allowed.
    pub(crate) fn refusal(self, retry_after: bool) -> Reply {
        let mut reply = Reply::rate_limited();
        if retry_after {
            reply.headers.push(("Retry-After".into(), self.reset.to_string()));
        }
        reply
    }

    /// The headers of these kinds.
    pub(crate) fn headers(self, kinds: RateHeaders) -> Vec<(Cow<'static, str>, String)> {
        let mut headers = Vec::with_capacity(5);
        if matches!(kinds, RateHeaders::Both | RateHeaders::XRateLimit) {
            headers.push(("X-Rate-Limit".into(), self.limit.to_string()));
            headers.push(("X-Rate-Limit-Remaining".into(), self.remaining.to_string()));
        }
        if matches!(kinds, RateHeaders::Both | RateHeaders::RateLimit) {
            headers.push(("ratelimit-limit".into(), self.limit.to_string()));
            headers.push(("ratelimit-remaining".into(), self.remaining.to_string()));
            headers.push(("ratelimit-reset".into(), self.reset.to_string()));
        }
        headers
    }

    /// The header of an endpoint's own limit.
    pub(crate) fn endpoint_header(self, name: &str) -> (Cow<'static, str>, String) {
        let Self { limit, remaining, reset, .. } = self;
        let value = format!("total={limit}; remaining={remaining}; resets={reset}");
        (format!("Zendesk-RateLimit-{name}").into(), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_window_lasts_a_minute_from_the_first_request_on() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Some(2), MINUTE);
        let standings: Vec<_> = [0, 10, 59, 60, 119, 120, 121]
            .map(|s| limit.take(start + Duration::from_secs(s)))
            .iter()
            .map(|s| (s.allowed, s.remaining, s.reset))
            .collect();
        let expected =
            [(true, 1, 60), (true, 0, 50), (false, 0, 1), (true, 1, 60), (true, 0, 1), (true, 1, 60), (true, 0, 59)];
        assert_eq!(standings, expected);
    }

    #[test]
    fn retry_after_is_rounded_up_and_can_be_left_out() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Some(0), Duration::from_millis(2_500));
        let standing = limit.take(start + Duration::ZERO);
        assert_eq!(standing.refusal(true).headers, [("Retry-After".into(), "3".to_owned())]);
        assert_eq!(standing.refusal(false).headers, []);
        let standing = limit.take(start + Duration::from_millis(2_499));
        assert_eq!(standing.refusal(true).headers, [("Retry-After".into(), "1".to_owned())]);
    }

    #[test]
    fn without_a_limit_all_pass_and_much_remains() {
        let mut limit = RateLimit::new(None, MINUTE);
        for _ in 0..2_000 {
            let standing = limit.take(Instant::now());
            assert!(standing.allowed && standing.limit == 700);
            assert!((600..700).contains(&standing.remaining));
        }
    }

    #[test]
    fn requests_of_other_integrations_use_the_quota_evenly() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Some(10), MINUTE).shared_with(6);
        let standings = [0, 30, 59, 60].map(|s| limit.take(start + Duration::from_secs(s)));
        assert_eq!(standings.map(|s| s.remaining), [9, 5, 2, 9]);
    }

    #[test]
    fn an_endpoints_header_names_total_remaining_and_reset() {
        let standing = RateLimit::new(Some(9), MINUTE).take(Instant::now());
        let (name, value) = standing.endpoint_header("audit-logs-index");
        assert_eq!(name, "Zendesk-RateLimit-audit-logs-index");
        assert_eq!(value, "total=9; remaining=8; resets=60");
    }

    #[test]
    fn the_kinds_of_headers_are_told_apart() {
        let standing = RateLimit::new(Some(9), MINUTE).take(Instant::now());
        let names = |kinds| standing.headers(kinds).iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>();
        let x = ["X-Rate-Limit", "X-Rate-Limit-Remaining"];
        let plain = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
        assert_eq!(names(RateHeaders::Both), [&x[..], &plain[..]].concat());
        assert_eq!(names(RateHeaders::XRateLimit), x);
        assert_eq!(names(RateHeaders::RateLimit), plain);
        assert!(names(RateHeaders::None).is_empty());
    }
}
