//! Rate limits of the account and of an endpoint: fixed windows from the first request on,
//! and their headers. Takes the time as an argument. Must not sleep.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use crate::{options::RateHeaders, reply::Reply};

/// Requests a minute of an Enterprise account (documented).
const ENTERPRISE: u32 = 700;

/// A rate limit with its current window.
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

/// The quota after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) allowed: bool,
    limit: u32,
    remaining: u32,
    /// Seconds until the next window, rounded up, at least 1.
    pub(crate) reset: u64,
}

impl RateLimit {
    /// Creates a limit of requests a `minute`; `None` allows all requests.
    pub(crate) fn new(limit: Option<u32>, minute: Duration) -> Self {
        Self { limit, minute: minute.max(Duration::from_nanos(1)), others: 0, first: None, window: 0, used: 0 }
    }

    /// Lets other integrations use this many requests a minute, evenly.
    pub(crate) fn shared_with(self, others: u32) -> Self {
        Self { others, ..self }
    }

    /// Counts a request and returns the quota that is left.
    pub(crate) fn take(&mut self, now: Instant) -> Quota {
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
            Some(limit) => {
                Quota { allowed: used < limit, limit, remaining: limit.saturating_sub(used.saturating_add(1)), reset }
            }
            // No limit is enforced, so the headers must not slow a client down.
            None => Quota { allowed: true, limit: ENTERPRISE, remaining: ENTERPRISE - 1 - used % 100, reset },
        }
    }
}

impl Quota {
    /// Returns the 429 for a request over the limit.
    pub(crate) fn refusal(self, retry_after: bool) -> Reply {
        let mut reply = Reply::rate_limited();
        if retry_after {
            reply.headers.push(("Retry-After".into(), self.reset.to_string()));
        }
        reply
    }

    /// Returns the headers of these kinds.
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

    /// Returns the header of an endpoint's own limit.
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
    fn a_window_starts_with_the_first_request() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Some(2), MINUTE);
        let quotas: Vec<_> = [0, 10, 59, 60, 119, 120, 121]
            .map(|s| limit.take(start + Duration::from_secs(s)))
            .iter()
            .map(|s| (s.allowed, s.remaining, s.reset))
            .collect();
        let expected =
            [(true, 1, 60), (true, 0, 50), (false, 0, 1), (true, 1, 60), (true, 0, 1), (true, 1, 60), (true, 0, 59)];
        assert_eq!(quotas, expected);
    }

    #[test]
    fn retry_after_is_rounded_up_and_optional() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Some(0), Duration::from_millis(2_500));
        let quota = limit.take(start + Duration::ZERO);
        assert_eq!(quota.refusal(true).headers, [("Retry-After".into(), "3".to_owned())]);
        assert_eq!(quota.refusal(false).headers, []);
        let quota = limit.take(start + Duration::from_millis(2_499));
        assert_eq!(quota.refusal(true).headers, [("Retry-After".into(), "1".to_owned())]);
    }

    #[test]
    fn without_a_limit_every_request_is_allowed() {
        let mut limit = RateLimit::new(None, MINUTE);
        for _ in 0..2_000 {
            let quota = limit.take(Instant::now());
            assert!(quota.allowed && quota.limit == 700);
            assert!((600..700).contains(&quota.remaining));
        }
    }

    #[test]
    fn requests_of_other_integrations_use_the_quota_evenly() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Some(10), MINUTE).shared_with(6);
        let quotas = [0, 30, 59, 60].map(|s| limit.take(start + Duration::from_secs(s)));
        assert_eq!(quotas.map(|s| s.remaining), [9, 5, 2, 9]);
    }

    #[test]
    fn an_endpoints_header_names_total_remaining_and_reset() {
        let quota = RateLimit::new(Some(9), MINUTE).take(Instant::now());
        let (name, value) = quota.endpoint_header("audit-logs-index");
        assert_eq!(name, "Zendesk-RateLimit-audit-logs-index");
        assert_eq!(value, "total=9; remaining=8; resets=60");
    }

    #[test]
    fn each_kind_of_header_is_optional() {
        let quota = RateLimit::new(Some(9), MINUTE).take(Instant::now());
        let names = |kinds| quota.headers(kinds).iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>();
        let x = ["X-Rate-Limit", "X-Rate-Limit-Remaining"];
        let plain = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
        assert_eq!(names(RateHeaders::Both), [&x[..], &plain[..]].concat());
        assert_eq!(names(RateHeaders::XRateLimit), x);
        assert_eq!(names(RateHeaders::RateLimit), plain);
        assert!(names(RateHeaders::None).is_empty());
    }
}
