//! Determines when the next request may be sent: the connector's share of all limits, as a pure computation.
//!
//! Limits are layered: the account's limit counts the requests of all integrations together, and an endpoint
//! can have its own limits. The lowest one applies. This file must not sleep or read a clock: it returns the
//! wait, and `gate.rs` waits.

use std::time::{Duration, Instant};

use super::bucket::{Bucket, Kind};
use super::pauses::{Pauses, Reason, Waits};
use super::rate_limit_headers::{LimitStatus, RateLimitHeaders};

/// A pause is reported again if it becomes longer by more than this.
const SAME_PAUSE: Duration = Duration::from_secs(10);

/// The limit that a 429 applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedLimit {
    /// The account's limit, for all requests.
    Account,
    /// The endpoint's own limit.
    Endpoint,
}

/// The rate limiter of one connector process.
#[derive(Debug)]
pub struct RateLimiter {
    /// 0 to 1
    share: f64,
    /// The limits of all requests.
    account: Scope,
    /// The limits of the requests to an endpoint, by its path.
    endpoints: Vec<(String, Scope)>,
}

/// The context in which a response is evaluated.
#[derive(Clone, Copy)]
struct Context {
    share: f64,
    in_flight: u32,
    now: Instant,
}

/// Limits for the same requests, and their pauses.
#[derive(Debug, Default)]
struct Scope {
    /// The limits, with their names in headers.
    buckets: Vec<(String, Bucket)>,
    pauses: Pauses,
    /// The start of an uninterrupted series of 429 responses.
    refused_since: Option<Instant>,
    /// The end of the last reported pause.
    reported_until: Option<Instant>,
}

impl Scope {
    fn of(kind: Kind, now: Instant) -> Self {
        Self { buckets: vec![(String::new(), Bucket::new(kind, now))], ..Self::default() }
    }

    /// Returns `true` if a limit that no header reports applies here.
    fn has_own_limit(&self) -> bool {
        self.buckets.iter().any(|(_, bucket)| bucket.is_fixed())
    }

    /// Processes the reported status of a limit.
    fn learn(&mut self, bucket: usize, status: LimitStatus, context: Context) {
        let Context { share, in_flight, now } = context;
        if let Some(leave) = self.buckets[bucket].1.learn(status, share, in_flight, now) {
            self.pauses.add(now, now + leave, Reason::Yielding);
        }
        if self.buckets.iter().all(|(_, bucket)| !bucket.is_scarce()) {
            self.pauses.stop_yielding(now);
        }
    }
}

impl RateLimiter {
    /// Creates a rate limiter for this share of all limits, in percent (1 to 100).
    #[must_use]
    pub fn new(percentage: u32, now: Instant) -> Self {
        let share = f64::from(percentage.clamp(1, 100)) / 100.0;
        Self { share, account: Scope::of(Kind::Account, now), endpoints: Vec::new() }
    }

    /// Adds a limit of one endpoint that no header reports, in requests per minute, in addition to the
    /// account's. A 429 of this endpoint then does not affect the account's limit.
    pub fn limit_endpoint(&mut self, path: &str, per_minute: u32, now: Instant) {
        let bucket = Bucket::new(Kind::Fixed(per_minute), now);
        self.endpoint(path).buckets.push((String::new(), bucket));
    }

    fn endpoint(&mut self, path: &str) -> &mut Scope {
        let index = self.endpoints.iter().position(|(known, _)| known == path).unwrap_or_else(|| {
            self.endpoints.push((path.to_owned(), Scope::default()));
            self.endpoints.len() - 1
        });
        &mut self.endpoints[index].1
    }

    /// Returns the scopes of a request.
    fn scopes(&self, path: &str) -> impl Iterator<Item = &Scope> {
        let endpoint = self.endpoints.iter().find(|(known, _)| known == path).map(|(_, scope)| scope);
        std::iter::once(&self.account).chain(endpoint)
    }

    fn buckets(&self, path: &str) -> impl Iterator<Item = &Bucket> {
        self.scopes(path).flat_map(|scope| scope.buckets.iter().map(|(_, bucket)| bucket))
    }

    /// Returns the wait of the next request.
    #[must_use]
    pub fn wait(&self, path: &str, now: Instant) -> Duration {
        let buckets = self.buckets(path).map(|bucket| bucket.wait(self.share, now));
        let pauses = self.scopes(path).map(|scope| scope.pauses.left(now));
        buckets.chain(pauses).max().unwrap_or_default()
    }

    /// Counts a request that is sent now.
    ///
    /// # Errors
    /// The remaining wait, if the request is not allowed yet.
    pub fn take(&mut self, path: &str, now: Instant) -> Result<(), Duration> {
        let wait = self.wait(path, now);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        let share = self.share;
        let endpoint = self.endpoints.iter_mut().filter(|(known, _)| known == path).map(|(_, scope)| scope);
        for scope in std::iter::once(&mut self.account).chain(endpoint) {
            scope.buckets.iter_mut().for_each(|(_, bucket)| bucket.take(share, now));
        }
        Ok(())
    }

    /// Processes a response other than a 429. `in_flight` requests may not be counted in the remaining quota.
    /// Returns `true` if waiting requests have to check again.
    pub fn learn(&mut self, path: &str, headers: &RateLimitHeaders, in_flight: u32, now: Instant) -> bool {
        let before = self.wait(path, now);
        let context = Context { share: self.share, in_flight, now };
        self.account.refused_since = None;
        self.account.learn(0, headers.account, context);
        if !headers.endpoint.is_empty() || self.endpoints.iter().any(|(known, _)| known == path) {
            let scope = self.endpoint(path);
            scope.refused_since = None;
            for (name, bucket) in &mut scope.buckets {
                if !headers.endpoint.iter().any(|(named, _)| named == name) {
                    bucket.observe_missing();
                }
            }
            scope.buckets.retain(|(_, bucket)| !bucket.is_expired(now));
            for (name, status) in &headers.endpoint {
                let index = scope.buckets.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                    scope.buckets.push((name.clone(), Bucket::new(Kind::Reported, now)));
                    scope.buckets.len() - 1
                });
                scope.learn(index, *status, context);
            }
        }
        self.wait(path, now) < before
    }

    /// Processes a 429: no request under the same limit is sent before `until`. Returns `true` for a new
    /// pause, which must be reported.
    pub fn refuse(&mut self, path: &str, now: Instant, until: Instant) -> bool {
        let share = self.share;
        let scope = self.refused_scope(path);
        scope.pauses.add(now, until, Reason::Refused);
        scope.refused_since.get_or_insert(now);
        scope.buckets.iter_mut().for_each(|(_, bucket)| bucket.fill(share, until));
        let known = scope.reported_until.filter(|reported| *reported > now);
        let is_new = known.is_none_or(|reported| until > reported + SAME_PAUSE);
        if is_new {
            scope.reported_until = Some(until);
        }
        is_new
    }

    /// Returns the duration of an uninterrupted series of 429 responses.
    #[must_use]
    pub fn refused_for(&mut self, path: &str, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.refused_scope(path).refused_since?))
    }

    /// A 429 of an endpoint with a limit that no header reports applies to that limit; all others apply to
    /// the account's.
    fn refused_scope(&mut self, path: &str) -> &mut Scope {
        let own = self.endpoints.iter().position(|(known, scope)| known == path && scope.has_own_limit());
        match own {
            Some(index) => &mut self.endpoints[index].1,
            None => &mut self.account,
        }
    }

    /// Returns the requests per minute that this connector may send to an endpoint.
    #[must_use]
    pub fn quota(&self, path: &str, now: Instant) -> f64 {
        let quotas = self.buckets(path).filter_map(|bucket| bucket.quota(self.share, now));
        quotas.min_by(f64::total_cmp).unwrap_or(1.0)
    }

    /// Returns the sustained requests per second to an endpoint.
    #[must_use]
    pub fn per_second(&self, path: &str, now: Instant) -> f64 {
        let paces = self.buckets(path).filter_map(|bucket| bucket.per_second(self.share, now));
        paces.min_by(f64::total_cmp).unwrap_or(1.0)
    }

    /// Returns the requests per minute of the whole account, if a header has reported them.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.account.buckets.iter().find_map(|(_, bucket)| bucket.reported_total())
    }

    /// Returns how long rate limits have blocked requests to an endpoint so far.
    #[must_use]
    pub fn waits(&self, path: &str, now: Instant) -> Waits {
        let endpoint = self.endpoints.iter().find(|(known, _)| known == path);
        let endpoint = endpoint.map_or_else(Waits::default, |(_, scope)| scope.pauses.waits(now).of_endpoint());
        self.account.pauses.waits(now).plus(endpoint)
    }

    /// Returns the limit that a 429 of an endpoint applies to.
    #[must_use]
    pub fn refused_limit(&self, path: &str) -> RefusedLimit {
        let own = self.endpoints.iter().any(|(known, scope)| known == path && scope.has_own_limit());
        if own { RefusedLimit::Endpoint } else { RefusedLimit::Account }
    }
}

#[cfg(test)]
#[path = "rate_limiter_tests.rs"]
mod tests;
