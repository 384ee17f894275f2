//! The limits of requests: what an account and the endpoint allow per minute, and what others have used.
//!
//! It counts per minute like Zendesk, and must not know the purpose of a request.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::scenario::{Limits, Others};

const MINUTE: i64 = 60_000;

/// The account's requests.
#[derive(Debug)]
pub struct Account {
    limits: Limits,
    /// The current minute.
    minute: i64,
    used: u32,
    requests: u32,
}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// `true` if the request is allowed.
    pub admitted: bool,
    /// The account's limit.
    pub limit: u32,
    remaining: u32,
    /// The remaining requests of the endpoint's own limit.
    endpoint: Option<(u32, u32)>,
    /// The seconds until both limits reset.
    reset: u32,
}

impl Account {
    /// Creates an account without requests.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, minute: i64::MIN, used: 0, requests: 0 }
    }

    /// Counts a request at a time, in milliseconds since 1970.
    pub fn request(&mut self, now: i64) -> Admission {
        let minute = now.div_euclid(MINUTE);
        if minute != self.minute {
            self.minute = minute;
            self.used = 0;
        }
        self.requests += 1;
        let limit = self.limit();
        let into = u32::try_from(now.rem_euclid(MINUTE)).unwrap_or(0);
        let others = match self.limits.others {
            Others::Idle => 0,
            Others::Steady(rate) => rate * into / 60_000,
            Others::Bursts(requests, every) => {
                if minute.rem_euclid(every) == 0 {
                    requests
                } else {
                    0
                }
            }
        };
        let endpoint_left = self.limits.endpoint.map(|total| (total, total.saturating_sub(self.used)));
        let left = limit.saturating_sub(self.used + others);
        let admitted = left > 0 && endpoint_left.is_none_or(|(_, left)| left > 0);
        self.used += u32::from(admitted);
        Admission {
            admitted,
            limit,
            remaining: left.saturating_sub(u32::from(admitted)),
            endpoint: endpoint_left.map(|(total, left)| (total, left.saturating_sub(u32::from(admitted)))),
            reset: (60_000 - into).div_ceil(1_000),
        }
    }

    fn limit(&self) -> u32 {
        match self.limits.changes {
            Some((from, limit)) if self.requests >= from => limit,
            _ => self.limits.account,
        }
    }

    /// Adds the headers of a response about the limits.
    pub fn add_headers(&self, admission: Admission, headers: &mut HeaderMap) {
        if self.limits.reported {
            headers.insert(HeaderName::from_static("x-rate-limit"), admission.limit.into());
            headers.insert(HeaderName::from_static("x-rate-limit-remaining"), admission.remaining.into());
            headers.insert(HeaderName::from_static("ratelimit-reset"), admission.reset.into());
            if let Some((total, left)) = admission.endpoint {
                let value = format!("total={total}; remaining={left}; resets={}", admission.reset);
                if let Ok(value) = HeaderValue::from_str(&value) {
                    headers.insert(HeaderName::from_static("zendesk-ratelimit-audit-logs-index"), value);
                }
            }
        }
        if !admission.admitted && self.limits.retry_after {
            headers.insert(reqwest::header::RETRY_AFTER, admission.reset.into());
        }
    }
}
