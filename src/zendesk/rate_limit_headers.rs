//! Parses the rate limits in the headers of a response.
//!
//! Zendesk's limits are layered: the account's limit has its own headers, and an endpoint can have further
//! limits, each in a header `Zendesk-RateLimit-<name>: total=…; remaining=…; resets=…`. This file must not
//! draw conclusions from them. Unknown values count as missing.

use std::time::Duration;

use super::response::Response;

/// The prefix of the headers of an endpoint's limits.
const ENDPOINT_PREFIX: &str = "zendesk-ratelimit-";
/// The longest reset time that is accepted: a sync cannot wait longer.
const LONGEST_WINDOW: Duration = Duration::from_hours(1);
/// The window of the account's limit.
const ACCOUNT_WINDOW: Duration = Duration::from_mins(1);
/// The value for larger totals, which do not limit the connector.
const LARGEST_TOTAL: u32 = 1_000_000;
/// The largest number of an endpoint's limits that are read; a response with more is invalid.
const MOST_LIMITS: usize = 16;

/// The reported status of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitStatus {
    /// The requests per window.
    pub total: Option<u32>,
    /// The remaining requests.
    pub remaining: Option<u32>,
    /// The time until the reset.
    pub resets: Option<Duration>,
    /// The age of this status, at most: the duration of the request.
    pub age: Duration,
}

/// The rate limits in the headers of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// The account's limit, in requests per minute.
    pub account: LimitStatus,
    /// The endpoint's limits, by their names.
    pub endpoint: Vec<(String, LimitStatus)>,
}

impl RateLimitHeaders {
    /// Parses the headers of a response. If several headers report the same limit, the lower values apply.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let mut headers = Self { account: account(response), endpoint: Vec::new() };
        for (name, value) in &response.headers {
            let Some(name) = name.as_str().strip_prefix(ENDPOINT_PREFIX) else {
                continue;
            };
            let status = value.to_str().map(parse_status).unwrap_or_default();
            if status.total.is_none() {
                continue;
            }
            if let Some((_, known)) = headers.endpoint.iter_mut().find(|(known, _)| known == name) {
                *known = tighter(*known, status);
            } else if headers.endpoint.len() < MOST_LIMITS {
                headers.endpoint.push((name.to_owned(), status));
            }
        }
        headers
    }
}

impl RateLimitHeaders {
    /// Drops the remaining quotas, for a command that does not leave them to others.
    pub fn forget_remaining(&mut self) {
        self.account.remaining = None;
        self.endpoint.iter_mut().for_each(|(_, status)| status.remaining = None);
    }

    /// Sets the duration of the request: the status in a slow response may be outdated.
    pub fn set_age(&mut self, took: Duration) {
        self.account.age = took;
        self.endpoint.iter_mut().for_each(|(_, status)| status.age = took);
    }
}

/// Parses both kinds of headers of the account's limit.
fn account(response: &Response) -> LimitStatus {
    let number = |name| response.header(name)?.trim().parse::<u32>().ok();
    let status = |total, remaining| LimitStatus {
        total: number(total).and_then(in_range),
        remaining: number(remaining),
        ..LimitStatus::default()
    };
    let both =
        tighter(status("x-rate-limit", "x-rate-limit-remaining"), status("ratelimit-limit", "ratelimit-remaining"));
    let resets = number("ratelimit-reset").map(|seconds| Duration::from_secs(seconds.into()));
    LimitStatus { resets: resets.filter(|resets| *resets <= ACCOUNT_WINDOW), ..both }
}

/// Parses `total=100; remaining=99; resets=41`, in any order.
fn parse_status(value: &str) -> LimitStatus {
    let mut status = LimitStatus::default();
    for part in value.split([';', ',']) {
        let Some((key, value)) = part.split_once('=') else {
            continue;
        };
        let Ok(number) = value.trim().trim_matches('"').parse::<u32>() else {
            continue;
        };
        let key = key.trim();
        if key.eq_ignore_ascii_case("total") {
            status.total = in_range(number);
        } else if key.eq_ignore_ascii_case("remaining") {
            status.remaining = Some(number);
        } else if key.eq_ignore_ascii_case("resets") {
            status.resets = Some(Duration::from_secs(number.into()));
        }
    }
    if status.resets.is_some_and(|resets| resets > LONGEST_WINDOW) {
        return LimitStatus::default();
    }
    status
}

/// A limit of 0 is ignored.
fn in_range(total: u32) -> Option<u32> {
    (total > 0).then_some(total.min(LARGEST_TOTAL))
}

/// Merges the values of two headers for the same limit.
fn tighter(one: LimitStatus, other: LimitStatus) -> LimitStatus {
    fn both<T: Ord>(one: Option<T>, other: Option<T>, choose: fn(T, T) -> T) -> Option<T> {
        match (one, other) {
            (Some(one), Some(other)) => Some(choose(one, other)),
            (one, other) => one.or(other),
        }
    }
    LimitStatus {
        total: both(one.total, other.total, Ord::min),
        remaining: both(one.remaining, other.remaining, Ord::min),
        resets: both(one.resets, other.resets, Ord::max),
        age: one.age.max(other.age),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    fn read(headers: &[(&str, &str)]) -> RateLimitHeaders {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            map.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        RateLimitHeaders::of(&Response { status: 200, headers: map, body: Vec::new() })
    }

    fn status(total: impl Into<Option<u32>>, remaining: impl Into<Option<u32>>, resets: Option<u64>) -> LimitStatus {
        LimitStatus {
            total: total.into(),
            remaining: remaining.into(),
            resets: resets.map(Duration::from_secs),
            age: Duration::ZERO,
        }
    }

    #[test]
    fn both_kinds_of_headers_of_the_account_are_parsed() {
        for (headers, expected) in [
            (&[][..], status(None, None, None)),
            (&[("x-rate-limit", "400"), ("x-rate-limit-remaining", "7")], status(400, 7, None)),
            (
                &[("ratelimit-limit", "2500"), ("ratelimit-remaining", "9"), ("ratelimit-reset", "12")],
                status(2500, 9, Some(12)),
            ),
            (&[("x-rate-limit", "700"), ("ratelimit-limit", "400")], status(400, None, None)),
            (&[("x-rate-limit", "4294967295")], status(LARGEST_TOTAL, None, None)),
            (
                &[("x-rate-limit", "0"), ("ratelimit-reset", "86400"), ("ratelimit-remaining", "x")],
                status(None, None, None),
            ),
        ] {
            assert_eq!(read(headers).account, expected, "{headers:?}");
        }
    }

    #[test]
    fn limits_of_the_endpoint_are_parsed_with_any_name_and_in_any_order() {
        let headers = read(&[
            ("Zendesk-RateLimit-incremental-exports", "total=10; remaining=9; resets=2"),
            ("zendesk-ratelimit-audit-logs-index", "resets=41;REMAINING=99 ,total=100;policy=\"x\""),
            ("X-Rate-Limit", "400"),
        ]);
        assert_eq!(headers.account, status(400, None, None));
        let expected = [
            ("incremental-exports".to_owned(), status(10, 9, Some(2))),
            ("audit-logs-index".to_owned(), status(100, 99, Some(41))),
        ];
        assert_eq!(headers.endpoint, expected);
    }

    #[test]
    fn the_lower_values_of_two_headers_for_the_same_limit_apply() {
        let name = "Zendesk-RateLimit-x";
        let headers = read(&[(name, "total=10; remaining=9; resets=2"), (name, "total=20; remaining=3; resets=9")]);
        assert_eq!(headers.endpoint, [("x".to_owned(), status(10, 3, Some(9)))]);
    }

    #[test]
    fn invalid_values_are_ignored() {
        for value in [
            "",
            "total",
            "total=",
            "total=0; remaining=0",
            "total=-1",
            "total=1e9",
            "total=99999999999",
            "remaining=5; resets=3",
            "total:100",
            "100",
            "total=1; remaining=0; resets=3601",
            "total=1; remaining=0; resets=86400",
        ] {
            assert_eq!(read(&[("Zendesk-RateLimit-x", value)]).endpoint, [], "{value:?}");
        }
        let value = "total=50; remaining=soon; resets=; resets=-2; =; ;;";
        assert_eq!(read(&[("Zendesk-RateLimit-x", value)]).endpoint, [("x".to_owned(), status(50, None, None))]);
    }

    #[test]
    fn the_number_of_limits_is_bounded() {
        let names: Vec<String> = (0..100).map(|number| format!("Zendesk-RateLimit-{number}")).collect();
        let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "total=1; remaining=1; resets=1")).collect();
        assert_eq!(read(&headers).endpoint.len(), MOST_LIMITS);
    }
}
