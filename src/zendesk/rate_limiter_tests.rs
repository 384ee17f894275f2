//! Tests long runs of the rate limiter in computed time, against servers with fixed windows.

use proptest::prelude::*;

use super::*;
use crate::zendesk::rate_limit_headers::LimitStatus;

const PATH: &str = "/api/v2/audit_logs";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A limit of a server: this number of requests in each window.
#[derive(Clone)]
struct Server {
    start: Instant,
    window: Duration,
    total: u32,
    taken: Vec<u32>,
    refused: u32,
    /// The requests of others in each second.
    others: u32,
}

impl Server {
    fn new(start: Instant, total: u32, window: Duration) -> Self {
        Self { start, window, total, taken: Vec::new(), refused: 0, others: 0 }
    }

    /// Counts a request; returns the reported status of the limit.
    fn respond(&mut self, now: Instant) -> LimitStatus {
        let since = now.duration_since(self.start);
        let window = usize::try_from(since.as_nanos() / self.window.as_nanos()).expect("few windows");
        self.taken.resize(self.taken.len().max(window + 1), 0);
        let into = since.saturating_sub(self.window * u32::try_from(window).expect("few windows"));
        let taken = self.taken[window] + self.others * u32::try_from(into.as_secs()).expect("short");
        if taken >= self.total {
            self.refused += 1;
        } else {
            self.taken[window] += 1;
        }
        LimitStatus {
            total: Some(self.total),
            remaining: Some(self.total.saturating_sub(taken + 1)),
            resets: Some(Duration::from_secs(
                self.window.saturating_sub(into).as_millis().div_ceil(1_000).try_into().expect("short"),
            )),
            age: Duration::ZERO,
        }
    }
}

/// The account's limit and those of the endpoint.
struct Servers {
    account: Server,
    endpoint: Vec<(&'static str, Server)>,
}

impl Servers {
    fn respond(&mut self, now: Instant) -> RateLimitHeaders {
        RateLimitHeaders {
            account: self.account.respond(now),
            endpoint: self
                .endpoint
                .iter_mut()
                .map(|(name, server)| ((*name).to_owned(), server.respond(now)))
                .collect(),
        }
    }
}

/// Sends requests as fast as the limiter allows, for this duration, and returns their times. Each response
/// arrives after `latency`; at most forty requests are in flight.
fn run(limiter: &mut RateLimiter, servers: &mut Servers, latency: Duration, long: Duration) -> Vec<f64> {
    let start = servers.account.start;
    let mut sent = Vec::new();
    let mut in_flight: std::collections::VecDeque<Instant> = std::collections::VecDeque::new();
    let mut now = start;
    while now < start + long {
        while in_flight.front().is_some_and(|sent| *sent + latency <= now) {
            let at = in_flight.pop_front().expect("there is one");
            // The server receives the request after half of the latency.
            let headers = servers.respond(at + latency / 2);
            limiter.learn(PATH, &headers, u32::try_from(in_flight.len()).expect("few"), now);
        }
        let response_at = in_flight.front().map(|sent| *sent + latency);
        if in_flight.len() >= 40 {
            now = response_at.expect("some are in flight");
            continue;
        }
        match limiter.take(PATH, now) {
            Ok(()) => {
                sent.push(now.duration_since(start).as_secs_f64());
                in_flight.push_back(now);
            }
            Err(wait) => {
                let later = now + wait.max(Duration::from_millis(1));
                now = response_at.map_or(later, |response_at| response_at.min(later));
            }
        }
    }
    sent
}

fn most_in(window: f64, sent: &[f64]) -> usize {
    let mut most = 0;
    let mut first = 0;
    for (last, at) in sent.iter().enumerate() {
        // Times are rounded to microseconds.
        while sent[first] <= at - window + 1e-4 {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn per_minute(sent: &[f64], long: Duration) -> f64 {
    sent.len() as f64 / (long.as_secs_f64() / 60.0)
}

fn account_only(start: Instant, total: u32) -> Servers {
    Servers { account: Server::new(start, total, MINUTE), endpoint: Vec::new() }
}

#[test]
fn a_long_run_uses_the_share_and_no_minute_exceeds_it() {
    let start = Instant::now();
    let long = Duration::from_mins(20);
    for (total, percentage) in [(700, 100), (700, 90), (700, 50), (2_500, 100), (2_500, 50), (2_500, 10)] {
        for latency in [50, 300, 700] {
            let mut limiter = RateLimiter::new(percentage, start);
            let mut servers = account_only(start, total);
            let sent = run(&mut limiter, &mut servers, Duration::from_millis(latency), long);
            let quota = total * percentage / 100;
            let reached = per_minute(&sent, long) / f64::from(quota);
            let case = format!("{percentage} % of {total} at {latency} ms");
            assert!(reached >= 0.985, "{case}: {reached}");
            assert!(most_in(60.0, &sent) <= quota as usize, "{case}: {} in a minute", most_in(60.0, &sent));
            assert_eq!(servers.account.refused, 0, "{case}");
        }
    }
}

#[test]
fn a_small_share_is_not_exceeded() {
    let start = Instant::now();
    for (total, percentage, quota) in [(700, 1, 7), (200, 10, 20), (10, 50, 5), (1, 100, 1), (3, 50, 1)] {
        let mut limiter = RateLimiter::new(percentage, start);
        // The first two responses report the limit.
        let headers = account_only(start, total).respond(start);
        limiter.learn(PATH, &headers, 0, start);
        limiter.learn(PATH, &headers, 0, start);
        let long = Duration::from_mins(20);
        let mut servers = account_only(start, total);
        let sent = run(&mut limiter, &mut servers, Duration::from_millis(300), long);
        assert!(most_in(60.0, &sent) <= quota, "{percentage} % of {total}: {}", most_in(60.0, &sent));
        assert!(sent.len() >= 19, "{percentage} % of {total}: {}", sent.len());
    }
}

#[test]
fn the_lowest_of_all_limits_applies() {
    let start = Instant::now();
    let long = Duration::from_mins(30);
    for (limits, quota) in [
        (vec![("index", 100, 60)], 50.0),
        (vec![("index", 400, 60), ("deep", 100, 60)], 50.0),
        (vec![("index", 5_000, 60)], 350.0),
        // Limits with a longer or shorter window than a minute.
        (vec![("hourly", 1_200, 3_600)], 10.0),
        (vec![("ten", 600, 600)], 30.0),
        (vec![("short", 40, 10)], 120.0),
    ] {
        let endpoint = limits
            .iter()
            .map(|(name, total, window)| (*name, Server::new(start, *total, Duration::from_secs(*window))));
        let mut servers = Servers { account: Server::new(start, 700, MINUTE), endpoint: endpoint.collect() };
        let mut limiter = RateLimiter::new(50, start);
        let sent = run(&mut limiter, &mut servers, Duration::from_millis(300), long);
        let reached = per_minute(&sent, long) / quota;
        assert!((0.8..=1.03).contains(&reached), "{limits:?}: {reached}");
        assert_eq!(servers.endpoint.iter().map(|(_, server)| server.refused).sum::<u32>(), 0, "{limits:?}");
    }
}

#[test]
fn a_limit_of_an_endpoint_applies_to_its_requests_only_and_until_it_is_no_longer_reported() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(100, start);
    let account = LimitStatus { total: Some(700), ..LimitStatus::default() };
    let index = LimitStatus { total: Some(10), remaining: Some(9), resets: Some(30 * SECOND), age: Duration::ZERO };
    let named = RateLimitHeaders { account, endpoint: vec![("index".to_owned(), index)] };
    limiter.learn(PATH, &named, 0, start);
    assert!(limiter.per_second(PATH, start) > 11.0, "a single response may be an outlier");
    limiter.learn(PATH, &named, 0, start);
    assert!(limiter.per_second(PATH, start) < 0.17);
    assert!(limiter.per_second("/oauth/tokens", start) > 11.0);
    let without_limits = RateLimitHeaders { account, endpoint: Vec::new() };
    limiter.learn(PATH, &without_limits, 0, start + 60 * SECOND);
    assert!(limiter.per_second(PATH, start + 60 * SECOND) < 0.17, "another response may report it again");
    assert!(limiter.per_second(PATH, start + 121 * SECOND) > 11.0);
}

#[test]
fn one_of_two_limits_of_an_endpoint_expires_while_the_other_is_still_reported() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(100, start);
    let limit = |name: &str, total| (name.to_owned(), LimitStatus { total: Some(total), ..LimitStatus::default() });
    let both =
        RateLimitHeaders { endpoint: vec![limit("tight", 10), limit("wide", 60)], ..RateLimitHeaders::default() };
    let wide = RateLimitHeaders { endpoint: vec![limit("wide", 60)], ..RateLimitHeaders::default() };
    limiter.learn(PATH, &both, 0, start);
    limiter.learn(PATH, &both, 0, start);
    assert!(limiter.per_second(PATH, start) < 0.17);
    for minute in 1..4 {
        limiter.learn(PATH, &wide, 0, start + minute * MINUTE);
    }
    let pace = limiter.per_second(PATH, start + 4 * MINUTE);
    assert!((0.9..1.0).contains(&pace), "{pace} requests a second");
}

/// Returns the requests a second after responses that report a limit of the endpoint. Each has the time at which it was
/// received in milliseconds, the remaining requests, the seconds until the reset, and its age in milliseconds.
fn pace_after(total: u32, responses: &[(u64, u32, u64, u64)]) -> f64 {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(100, start);
    let mut now = start;
    for (received, remaining, resets, age) in responses {
        let status = LimitStatus {
            total: Some(total),
            remaining: Some(*remaining),
            resets: Some(Duration::from_secs(*resets)),
            age: Duration::from_millis(*age),
        };
        let headers = RateLimitHeaders { endpoint: vec![("index".to_owned(), status)], ..RateLimitHeaders::default() };
        now = start + Duration::from_millis(*received);
        limiter.learn(PATH, &headers, 0, now);
    }
    limiter.per_second(PATH, now)
}

/// Earlier, the window of the limit counted as six seconds until the next response.
#[test]
fn an_overtaken_response_does_not_shorten_the_window_of_a_limit() {
    let pace = pace_after(22, &[(0, 12, 10, 100), (7_000, 8, 3, 100), (9_300, 9, 6, 5_300)]);
    assert!(pace <= 22.0 / 60.0, "{pace} requests a second");
}

/// Earlier, the window of the limit counted as 45 seconds. The first response was 29 seconds on its way, so what it
/// reports about the reset may be as old.
#[test]
fn a_reset_reported_by_a_slow_response_does_not_shorten_the_window_of_a_limit() {
    let pace = pace_after(21, &[(56_566, 12, 22, 29_289), (89_356, 20, 33, 2_419)]);
    assert!(pace <= 21.0 / 60.0, "{pace} requests a second");
}

#[test]
fn an_endpoint_with_a_limit_that_no_header_reports_is_paced_and_paused_separately() {
    let start = Instant::now();
    let logs = "/api/v2/access_logs";
    let mut limiter = RateLimiter::new(50, start);
    limiter.limit_endpoint(logs, 50, start);
    assert!((limiter.quota(logs, start) - 25.0).abs() < 1e-9);
    assert!((limiter.quota(PATH, start) - 350.0).abs() < 1e-9);
    assert!(limiter.refuse(logs, start, start + 40 * SECOND));
    assert!(limiter.take(logs, start + 39 * SECOND).is_err());
    assert_eq!(limiter.take(PATH, start), Ok(()));
    assert_eq!(limiter.refused_for(logs, start + SECOND), Some(SECOND));
    assert_eq!(limiter.refused_for(PATH, start + SECOND), None);
    assert!(limiter.refuse(PATH, start, start + 60 * SECOND));
    assert!(limiter.take(logs, start + 50 * SECOND).is_err(), "the account's pause applies to all endpoints");
}

#[test]
fn a_single_outlier_delays_requests_by_at_most_a_second() {
    let start = Instant::now();
    let usual = LimitStatus { total: Some(700), remaining: Some(600), resets: Some(30 * SECOND), age: Duration::ZERO };
    let odd = LimitStatus { total: Some(1), remaining: Some(0), resets: Some(60 * SECOND), age: Duration::ZERO };
    let account = |account| RateLimitHeaders { account, endpoint: Vec::new() };
    let endpoint = |status| RateLimitHeaders { account: usual, endpoint: vec![("x".to_owned(), status)] };
    for (usual, odd) in
        [(account(usual), account(odd)), (endpoint(usual), endpoint(odd)), (account(usual), endpoint(odd))]
    {
        let mut limiter = RateLimiter::new(50, start);
        limiter.learn(PATH, &usual, 0, start);
        limiter.learn(PATH, &usual, 0, start);
        limiter.learn(PATH, &odd, 0, start);
        assert!(limiter.wait(PATH, start) <= SECOND, "{odd:?}: {:?}", limiter.wait(PATH, start));
        let reported_again = odd.endpoint.len() == usual.endpoint.len();
        assert_eq!(limiter.learn(PATH, &usual, 0, start), reported_again, "waiting requests check again");
        let now = if reported_again { start } else { start + SECOND };
        assert_eq!(limiter.wait(PATH, now), Duration::ZERO, "{odd:?}");
    }
}

/// Earlier, one response with `X-Rate-Limit: 1` among normal ones stalled 16 workers for 16 minutes.
#[test]
fn a_limit_that_rises_again_is_used_at_once() {
    let start = Instant::now();
    let limit = |total| RateLimitHeaders {
        account: LimitStatus { total: Some(total), ..LimitStatus::default() },
        endpoint: Vec::new(),
    };
    let mut limiter = RateLimiter::new(50, start);
    for _ in 0..2 {
        limiter.learn(PATH, &limit(1), 0, start);
    }
    let mut now = start;
    for _ in 0..3 {
        now += limiter.wait(PATH, now);
        assert_eq!(limiter.take(PATH, now), Ok(()));
    }
    assert_eq!(limiter.wait(PATH, now), MINUTE);
    assert!(limiter.learn(PATH, &limit(700), 0, now));
    assert!(limiter.wait(PATH, now) < SECOND, "{:?}", limiter.wait(PATH, now));
}

#[test]
fn a_lower_limit_applies_from_the_second_response_on() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(100, start);
    let limit = |total| RateLimitHeaders {
        account: LimitStatus { total: Some(total), ..LimitStatus::default() },
        endpoint: Vec::new(),
    };
    limiter.learn(PATH, &limit(700), 0, start);
    limiter.learn(PATH, &limit(60), 0, start);
    assert!(limiter.per_second(PATH, start) > 11.0);
    limiter.learn(PATH, &limit(60), 0, start);
    assert!(limiter.per_second(PATH, start) < 1.0);
    assert_eq!(limiter.limit(), Some(60));
}

#[test]
fn the_limit_is_known_when_a_header_has_reported_it() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(50, start);
    assert_eq!(limiter.limit(), None);
    let account = LimitStatus { total: Some(400), ..LimitStatus::default() };
    limiter.learn(PATH, &RateLimitHeaders { account, endpoint: Vec::new() }, 0, start);
    assert_eq!(limiter.limit(), Some(400));
    assert!((limiter.quota(PATH, start) - 200.0).abs() < 1e-9);
}

#[test]
fn the_share_of_others_is_left_to_them_until_the_reset() {
    let now = Instant::now();
    for (percentage, remaining, in_flight, yields) in [
        (50, 350, 5, false),
        (50, 349, 0, true),
        (100, 5, 4, false),
        (100, 3, 4, true),
        (100, 0, 0, true),
        (1, 698, 0, false),
        (1, 600, 0, true),
    ] {
        let mut limiter = RateLimiter::new(percentage, now);
        let account = LimitStatus {
            total: Some(700),
            remaining: Some(remaining),
            resets: Some(40 * SECOND),
            age: Duration::ZERO,
        };
        let headers = RateLimitHeaders { account, endpoint: Vec::new() };
        let case = format!("{percentage} % with {remaining} left and {in_flight} in flight");
        limiter.learn(PATH, &headers, in_flight, now);
        assert_eq!(limiter.wait(PATH, now) == SECOND, yields, "{case}: the first response causes a short pause");
        limiter.learn(PATH, &headers, in_flight, now + SECOND);
        assert_eq!(limiter.wait(PATH, now + SECOND) == 40 * SECOND, yields, "{case}");
    }
}

#[test]
fn a_small_share_of_a_small_limit_does_not_yield_to_its_own_requests() {
    for total in [2, 20, 60, 99] {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(1, now);
        let own = LimitStatus { total: Some(total), remaining: Some(total - 1), ..LimitStatus::default() };
        let headers = RateLimitHeaders { account: own, ..RateLimitHeaders::default() };
        limiter.learn(PATH, &headers, 0, now);
        assert_eq!(limiter.waits(PATH, now + 60 * SECOND), Waits::default(), "one of {total} requests is its own");
    }
}

#[test]
fn heavy_users_of_the_account_keep_their_share() {
    let start = Instant::now();
    let mut limiter = RateLimiter::new(50, start);
    let mut servers = account_only(start, 700);
    // 480 requests per minute of others leave 220, less than the connector's share of 350.
    servers.account.others = 8;
    let long = Duration::from_mins(10);
    let sent = run(&mut limiter, &mut servers, Duration::from_millis(300), long);
    assert_eq!(servers.account.refused, 0);
    let reached = per_minute(&sent, long);
    assert!((130.0..=220.0).contains(&reached), "{reached}");
    assert!(limiter.waits(PATH, start + long).yielding > Duration::from_mins(4));
}

#[test]
fn a_429_pauses_all_endpoints_and_a_series_is_measured_from_the_first() {
    let mut limiter = RateLimiter::new(50, Instant::now());
    let now = Instant::now();
    assert!(limiter.refuse(PATH, now, now + 30 * SECOND));
    assert!(limiter.refuse(PATH, now + 31 * SECOND, now + 60 * SECOND));
    assert_eq!(limiter.wait("/oauth/tokens", now + 32 * SECOND), 28 * SECOND);
    assert_eq!(limiter.refused_for(PATH, now + 62 * SECOND), Some(62 * SECOND));
    limiter.learn(PATH, &RateLimitHeaders::default(), 0, now + 62 * SECOND);
    assert_eq!(limiter.refused_for(PATH, now + 63 * SECOND), None);
}

/// A 429 response does not name the limit that was exceeded.
#[test]
fn a_429_of_an_endpoint_whose_limit_responses_report_pauses_the_account() {
    let now = Instant::now();
    let mut limiter = RateLimiter::new(50, now);
    let index = LimitStatus { total: Some(10), ..LimitStatus::default() };
    let named = RateLimitHeaders { endpoint: vec![("index".to_owned(), index)], ..RateLimitHeaders::default() };
    limiter.learn(PATH, &named, 0, now);
    limiter.learn(PATH, &named, 0, now);
    assert_eq!(limiter.refused_limit(PATH), RefusedLimit::Account);
    limiter.refuse(PATH, now, now + 30 * SECOND);
    assert_eq!(limiter.wait("/oauth/tokens", now), 30 * SECOND);
    limiter.limit_endpoint("/api/v2/access_logs", 50, now);
    assert_eq!(limiter.refused_limit("/api/v2/access_logs"), RefusedLimit::Endpoint);
}

#[test]
fn a_pause_is_reported_once_for_all_requests_that_it_stops() {
    let now = Instant::now();
    let mut limiter = RateLimiter::new(50, now);
    let ms = Duration::from_millis;
    assert!(limiter.refuse(PATH, now, now + 30 * SECOND));
    for worker in 1..16_u32 {
        assert!(!limiter.refuse(PATH, now + ms(20) * worker, now + 30 * SECOND + ms(60) * worker));
    }
    assert!(limiter.refuse(PATH, now + SECOND, now + 90 * SECOND), "it has become much longer");
    assert!(limiter.refuse(PATH, now + 91 * SECOND, now + 100 * SECOND), "another one");
}

#[test]
fn requests_are_not_sent_all_at_once_after_a_pause() {
    let now = Instant::now();
    let mut limiter = RateLimiter::new(50, now);
    limiter.refuse(PATH, now, now + 60 * SECOND);
    let after = now + 60 * SECOND;
    let at_once = (0..16).take_while(|_| limiter.take(PATH, after).is_ok()).count();
    assert!(at_once <= 1, "{at_once}");
}

fn some_status() -> impl Strategy<Value = LimitStatus> {
    let figure = || prop_oneof![Just(None), (0_u32..=3_000).prop_map(Some), (0_u32..=1_000_000).prop_map(Some)];
    (figure(), figure(), prop_oneof![Just(None), (0_u64..=3_600).prop_map(Some)]).prop_map(
        |(total, remaining, resets)| LimitStatus {
            total: total.filter(|total| *total > 0),
            remaining,
            resets: resets.map(Duration::from_secs),
            age: Duration::ZERO,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// For any sequence of responses, no minute exceeds the largest reported share, a request waits at most
    /// an hour, and all numbers stay finite.
    #[test]
    fn no_sequence_of_responses_breaks_the_limiter(
        percentage in 1_u32..=100,
        responses in proptest::collection::vec((some_status(), some_status(), 0_u64..20_000, 0_u32..16), 1..200),
    ) {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(percentage, start);
        let mut now = start;
        let mut sent = Vec::new();
        let mut largest = 700;
        for (account, named, later, in_flight) in responses {
            now += Duration::from_millis(later);
            let at_once = (0..100).take_while(|_| limiter.take(PATH, now).is_ok()).count();
            prop_assert!(at_once <= 20, "{} at once", at_once);
            sent.resize(sent.len() + at_once, now.duration_since(start).as_secs_f64());
            let wait = limiter.wait(PATH, now);
            prop_assert!(wait <= Duration::from_hours(1) + SECOND, "{:?}", wait);
            largest = largest.max(account.total.unwrap_or(0));
            let headers = RateLimitHeaders { account, endpoint: vec![("x".to_owned(), named)] };
            limiter.learn(PATH, &headers, in_flight, now);
            prop_assert!(limiter.quota(PATH, now).is_finite() && limiter.per_second(PATH, now) > 0.0);
        }
        let quota = u64::from(largest) * u64::from(percentage) / 100;
        prop_assert!(most_in(60.0, &sent) as u64 <= quota.max(1));
    }
}
