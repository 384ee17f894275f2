//! The share of the account's requests that this connector takes: a pure account of time.
//!
//! Zendesk counts the requests of all integrations together, by the minute. This file must not
//! sleep or read a clock: it says when the next request may go, `retry_loop.rs` waits.

use std::time::{Duration, Instant};

use super::response::Response;

/// Requests a minute if no header tells: the Enterprise plan's limit.
const DEFAULT_LIMIT: u32 = 700;
/// Zendesk's limit counts by the minute.
const MINUTE: Duration = Duration::from_mins(1);
/// How long to leave the account alone if it is used hard and no header says until when.
const YIELD: Duration = Duration::from_secs(15);
/// The largest number of requests that may go at once, so that a short sync never waits.
const LARGEST_BURST: f64 = 20.0;

/// The rate limiter of one connector process.
#[derive(Debug)]
pub struct RateLimiter {
    /// 0 to 1
    share: f64,
    /// Requests a minute of the whole account.
    limit: u32,
    /// Whether a header told that.
    told: bool,
    /// When the requests that have been let through would have been used up at an even pace (the
    /// "theoretical arrival time" of the generic cell rate algorithm).
    used_until: Option<Instant>,
    paused_until: Option<Instant>,
    refused_since: Option<Instant>,
    waits: Waits,
    /// What the last pause is for.
    paused_by: Pause,
}

/// Why nothing goes for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    Refused,
    Yielding,
}

/// How long nothing has gone, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// The account's limit was used up (429).
    pub refused: Duration,
    /// What was left of it was left to others.
    pub yielding: Duration,
}

impl Waits {
    fn of(&mut self, pause: Pause) -> &mut Duration {
        match pause {
            Pause::Refused => &mut self.refused,
            Pause::Yielding => &mut self.yielding,
        }
    }
}

/// What the headers of an answer say about the account's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// Requests a minute.
    pub requests: Option<u32>,
    /// What is left of them.
    pub remaining: Option<u32>,
    /// When they are whole again.
    pub reset: Option<Duration>,
}

impl RateLimitHeaders {
    /// Reads both kinds of headers; of two, the smaller counts.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let number = |name| response.header(name)?.trim().parse::<u32>().ok();
        let smaller = |a: Option<u32>, b: Option<u32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self {
            requests: smaller(number("x-rate-limit"), number("ratelimit-limit")).filter(|limit| *limit > 0),
            remaining: smaller(number("x-rate-limit-remaining"), number("ratelimit-remaining")),
            reset: number("ratelimit-reset")
                .map(|seconds| Duration::from_secs(seconds.into()))
                .filter(|reset| *reset <= MINUTE),
        }
    }
}

impl RateLimiter {
    /// A rate limiter of this share of the account's limit, in percent (1 to 100).
    #[must_use]
    pub fn new(percentage: u32) -> Self {
        Self {
            share: f64::from(percentage.clamp(1, 100)) / 100.0,
            limit: DEFAULT_LIMIT,
            told: false,
            used_until: None,
            paused_until: None,
            refused_since: None,
            waits: Waits::default(),
            paused_by: Pause::Yielding,
        }
    }

    /// Requests a minute that this connector may send.
    #[must_use]
    pub fn quota(&self) -> f64 {
        (f64::from(self.limit) * self.share).max(1.0)
    }

    /// Requests a minute of the whole account, if a header has told.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.told.then_some(self.limit)
    }

    /// How long nothing has gone until now.
    #[must_use]
    pub fn waits(&self, now: Instant) -> Waits {
        let mut waits = self.waits;
        let ahead = self.paused_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let last = waits.of(self.paused_by);
        *last = last.saturating_sub(ahead);
        waits
    }

    /// Takes the next turn: the moment at which the request may go.
    pub fn take_turn(&mut self, now: Instant) -> Instant {
        let quota = self.quota();
        let burst = (quota / 70.0).clamp(1.0, LARGEST_BURST).floor();
        // What may go at once and what may go evenly together stay below the quota in any minute.
        let interval = MINUTE.div_f64((quota - burst - 1.0).max(1.0));
        let tolerance = interval.mul_f64(burst - 1.0);
        let due = self.used_until.unwrap_or(now).max(now);
        self.used_until = Some(due + interval);
        let turn = due.checked_sub(tolerance).unwrap_or(now).max(now);
        match self.paused_until {
            Some(paused) if paused > turn => paused,
            _ => turn,
        }
    }

    /// Whether a request that was given this turn must wait longer, because of a pause since then.
    #[must_use]
    pub fn pause_after(&self, turn: Instant) -> Option<Instant> {
        self.paused_until.filter(|paused| *paused > turn)
    }

    /// Learns from an answer that is no refusal. `in_flight` requests are still under way; what they
    /// take is not in `remaining` yet.
    pub fn learn(&mut self, limit: RateLimitHeaders, in_flight: u32, now: Instant) {
        self.refused_since = None;
        if let Some(limit) = limit.requests {
            self.limit = limit;
            self.told = true;
        }
        let reserved = f64::from(self.limit) * (1.0 - self.share);
        let left = limit.remaining.map(|remaining| f64::from(remaining) - f64::from(in_flight));
        // Left alone, the connector stays above what is reserved for others; below it others are
        // at work, and what is left is theirs.
        if left.is_some_and(|left| left < reserved.min(f64::from(self.limit) - 1.0)) {
            self.pause(now, now + limit.reset.unwrap_or(YIELD), Pause::Yielding);
        }
    }

    /// A request was refused (429); nothing goes before `until`. Returns since when there has been
    /// nothing but refusals.
    pub fn refused(&mut self, now: Instant, until: Instant) -> Instant {
        self.pause(now, until, Pause::Refused);
        *self.refused_since.get_or_insert(now)
    }

    /// How long there has been nothing but refusals.
    #[must_use]
    pub fn refused_for(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.refused_since?))
    }

    /// Pauses that overlap count once, each second for the one that came first.
    fn pause(&mut self, now: Instant, until: Instant, why: Pause) {
        let from = self.paused_until.map_or(now, |paused| paused.max(now));
        if until > from {
            *self.waits.of(why) += until - from;
            self.paused_until = Some(until);
            self.paused_by = why;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderValue};

    /// The turns of this many requests that are always ready, in seconds.
    fn turns(rate_limiter: &mut RateLimiter, requests: usize) -> Vec<f64> {
        let start = Instant::now();
        let mut now = start;
        (0..requests)
            .map(|_| {
                now = rate_limiter.take_turn(now);
                now.duration_since(start).as_secs_f64()
            })
            .collect()
    }

    fn most_in_a_minute(turns: &[f64]) -> usize {
        turns.iter().map(|from| turns.iter().filter(|at| (*from..from + 60.0).contains(*at)).count()).max().unwrap_or(0)
    }

    #[test]
    fn every_minute_stays_within_the_share_and_uses_it_up() {
        for (limit, percentage, quota) in
            [(700, 100, 700), (700, 50, 350), (2500, 50, 1250), (200, 10, 20), (700, 1, 7)]
        {
            let mut rate_limiter = RateLimiter::new(percentage);
            rate_limiter.limit = limit;
            let turns = turns(&mut rate_limiter, quota * 3);
            let most = most_in_a_minute(&turns);
            assert!(most < quota, "{limit}/{percentage}: {most}");
            let rate = f64::from(u32::try_from(turns.len()).expect("few")) / turns.last().expect("some") * 60.0;
            let reached = rate / f64::from(u32::try_from(quota).expect("small"));
            assert!(reached > 0.97 || quota < 100, "{limit}/{percentage}: {reached}");
        }
    }

    #[test]
    fn a_short_sync_never_waits() {
        let mut rate_limiter = RateLimiter::new(50);
        assert_eq!(turns(&mut rate_limiter, 5), [0.0; 5]);
    }

    #[test]
    fn a_refusal_pauses_everybody_and_is_counted_from_the_first() {
        let mut rate_limiter = RateLimiter::new(50);
        let now = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(rate_limiter.refused(now, now + 30 * second), now);
        assert_eq!(rate_limiter.refused(now + 31 * second, now + 60 * second), now);
        assert_eq!(rate_limiter.take_turn(now + 32 * second), now + 60 * second);
        assert_eq!(rate_limiter.pause_after(now), Some(now + 60 * second));
        assert_eq!(rate_limiter.refused_for(now + 62 * second), Some(62 * second));
        rate_limiter.learn(RateLimitHeaders::default(), 0, now + 62 * second);
        assert_eq!(rate_limiter.refused_for(now + 63 * second), None);
    }

    #[test]
    fn what_is_reserved_for_others_is_left_to_them_until_the_reset() {
        let now = Instant::now();
        let reset = Duration::from_secs(40);
        for (percentage, remaining, in_flight, yields) in [
            (50, 350, 0, false),
            (50, 349, 0, true),
            (50, 354, 5, true),
            (100, 5, 4, false),
            (100, 3, 4, true),
            (1, 698, 0, false),
            (1, 600, 0, true),
        ] {
            let mut rate_limiter = RateLimiter::new(percentage);
            let limit = RateLimitHeaders { requests: Some(700), remaining: Some(remaining), reset: Some(reset) };
            rate_limiter.learn(limit, in_flight, now);
            let paused = rate_limiter.take_turn(now) == now + reset;
            assert_eq!(paused, yields, "{percentage} % with {remaining} left and {in_flight} under way");
        }
    }

    #[test]
    fn waits_are_told_apart_and_counted_once_as_far_as_they_have_passed() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let waits = |refused, yielding| Waits { refused: refused * second, yielding: yielding * second };
        let mut rate_limiter = RateLimiter::new(50);
        let others = RateLimitHeaders { requests: Some(700), remaining: Some(3), reset: Some(30 * second) };
        rate_limiter.learn(others, 0, now);
        rate_limiter.learn(others, 0, now);
        assert_eq!(rate_limiter.waits(now), waits(0, 0), "all of it lies ahead");
        assert_eq!(rate_limiter.waits(now + 10 * second), waits(0, 10));
        assert_eq!(rate_limiter.refused(now + 20 * second, now + 50 * second), now + 20 * second);
        assert_eq!(rate_limiter.waits(now + 40 * second), waits(10, 30));
        assert_eq!(rate_limiter.waits(now + 90 * second), waits(20, 30));
        rate_limiter.refused(now + 100 * second, now + 105 * second);
        assert_eq!(rate_limiter.waits(now + 200 * second), waits(25, 30));
    }

    #[test]
    fn the_limit_is_known_when_a_header_has_told_it() {
        let mut rate_limiter = RateLimiter::new(50);
        assert_eq!(rate_limiter.limit(), None);
        rate_limiter.learn(RateLimitHeaders { requests: Some(400), ..RateLimitHeaders::default() }, 0, Instant::now());
        assert_eq!(rate_limiter.limit(), Some(400));
    }

    #[test]
    fn both_kinds_of_headers_are_read() {
        let limit = |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            RateLimitHeaders::of(&Response { status: 200, headers: map, body: Vec::new() })
        };
        let read = |requests, remaining, reset: Option<u64>| RateLimitHeaders {
            requests,
            remaining,
            reset: reset.map(Duration::from_secs),
        };
        assert_eq!(limit(&[]), read(None, None, None));
        assert_eq!(limit(&[("x-rate-limit", "400"), ("x-rate-limit-remaining", "7")]), read(Some(400), Some(7), None));
        assert_eq!(
            limit(&[("ratelimit-limit", "2500"), ("ratelimit-remaining", "9"), ("ratelimit-reset", "12")]),
            read(Some(2500), Some(9), Some(12))
        );
        assert_eq!(limit(&[("x-rate-limit", "700"), ("ratelimit-limit", "400")]), read(Some(400), None, None));
        assert_eq!(
            limit(&[("x-rate-limit", "0"), ("ratelimit-reset", "86400"), ("ratelimit-remaining", "x")]),
            read(None, None, None)
        );
    }
}
