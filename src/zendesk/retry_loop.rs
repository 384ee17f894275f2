//! The one loop that sends a request, waits and retries.
//!
//! It must not know what responses mean (`response.rs`, `page.rs`), how to authenticate (`auth`) or when the
//! rate limiter allows a request (`gate.rs`), and nothing may retry on top of it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::attempt::{REQUEST_ID, target};
use super::connection::{Connection, Setup};
use super::error_body;
use super::failure::{Error, Failure, Result};
use super::notice::Notice;
use super::response::{FailedAttempt, Response};
use super::retry::{Attempts, Decision, RetryPolicy, Retryability, backoff, decide};
use super::too_much::{OnTooMuch, TooMuch, too_much};
use super::transport::Outgoing;

/// The result of a request.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The content of the response.
    Value(T),
    /// A failure that a smaller request can avoid.
    TooMuch(TooMuch),
}

/// The progress of the attempts of a request.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'f> {
    /// An attempt is sent now.
    Sending,
    /// The attempt has failed. Another one may follow.
    Failed(&'f Failure),
}

/// The attempts of a request so far.
#[derive(Clone, Copy, Debug)]
pub struct AttemptsSoFar {
    since: Instant,
    sent: u32,
    /// The failures for other reasons than a rate limit.
    failed: u32,
    refused: u32,
    /// The failures of larger requests for the same records.
    earlier: u32,
}

impl AttemptsSoFar {
    /// Starts to count attempts.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { since: now, sent: 0, failed: 0, refused: 0, earlier: 0 }
    }

    /// Starts to count attempts after this number of failures of larger requests for the same records.
    #[must_use]
    pub fn after(now: Instant, earlier: u32) -> Self {
        Self { earlier, ..Self::new(now) }
    }

    /// Removes the last failure from the count, because a new token replaces the rejected one. Also excludes
    /// the duration of the renewal, which includes the wait until the consumer has read the rotated tokens.
    pub fn token_renewed(&mut self, took: Duration) {
        self.failed = self.failed.saturating_sub(1);
        self.since += took;
    }
}

/// The only loop that retries, on a connection.
pub struct RetryLoop {
    /// Sends each attempt.
    pub connection: Connection,
    retry_policy: RetryPolicy,
    jitter: Mutex<fastrand::Rng>,
}

impl RetryLoop {
    /// Sets up the connection without sending a request.
    ///
    /// # Errors
    /// If `SSL_CERT_FILE` cannot be used.
    pub fn new(setup: Setup) -> Result<Self> {
        Ok(Self {
            retry_policy: setup.retry_policy,
            jitter: Mutex::new(fastrand::Rng::with_seed(setup.seed)),
            connection: Connection::new(setup)?,
        })
    }

    /// Sends a request until `read` accepts the response, the failure is permanent, or the retry policy ends
    /// the attempts. Calls `watch` with the progress of the attempts.
    ///
    /// # Errors
    /// The last failure, with the technical details of its attempt.
    pub async fn run<T>(
        &self,
        request: &Outgoing,
        read: impl Fn(&mut Response) -> std::result::Result<T, FailedAttempt>,
        watch: impl Fn(Progress<'_>),
    ) -> Result<T> {
        let mut attempts = AttemptsSoFar::new(self.connection.clock().instant());
        match self.send_until(request, &mut attempts, OnTooMuch::Retry, read, watch).await? {
            Outcome::Value(value) => Ok(value),
            Outcome::TooMuch(too_much) => Err(too_much.error),
        }
    }

    /// Sends a request like [`RetryLoop::run`]. If `on_too_much` requests it, a failure that a smaller
    /// request can avoid is returned after its backoff. `so_far` counts the attempts.
    ///
    /// # Errors
    /// See [`RetryLoop::run`].
    pub async fn run_or_report<T>(
        &self,
        request: &Outgoing,
        so_far: &mut AttemptsSoFar,
        on_too_much: OnTooMuch,
        read: impl Fn(&mut Response) -> std::result::Result<T, FailedAttempt>,
    ) -> Result<Outcome<T>> {
        self.send_until(request, so_far, on_too_much, read, |_| ()).await
    }

    async fn send_until<T>(
        &self,
        request: &Outgoing,
        so_far: &mut AttemptsSoFar,
        on_too_much: OnTooMuch,
        read: impl Fn(&mut Response) -> std::result::Result<T, FailedAttempt>,
        watch: impl Fn(Progress<'_>),
    ) -> Result<Outcome<T>> {
        let (path, clock) = (request.url.path(), self.connection.clock());
        loop {
            self.connection.wait_for_rate_limit(path).await;
            self.connection.metrics.add(path, |metrics| &metrics.retries, u64::from(so_far.sent > 0));
            so_far.sent += 1;
            let sent = clock.instant();
            watch(Progress::Sending);
            let response = self.connection.send(request).await;
            let now = clock.instant();
            let took = now.saturating_duration_since(sent);
            let (failure, response) = match response {
                Ok(mut response) => match read(&mut response) {
                    Ok(value) => {
                        if !request.is_secret() {
                            self.connection.observe_page(path, took);
                        }
                        return Ok(Outcome::Value(value));
                    }
                    Err(failure) => (failure, Ok(response)),
                },
                Err((failure, why)) => (failure, Err(why)),
            };
            watch(Progress::Failed(&failure.failure));
            let refused = matches!(failure.retryability, Retryability::RateLimited { .. });
            so_far.failed += u32::from(!refused);
            so_far.refused += u32::from(refused);
            let refused_for = if refused { self.connection.limiter().refused_for(path, now) } else { None };
            let elapsed = now.saturating_duration_since(so_far.since);
            let jitter = self.jitter();
            let error = |failure: Failure| {
                let details = self.details(request, &response, so_far.sent, elapsed);
                Error { failure: self.final_failure(failure, refused_for, path), details: Some(details) }
            };
            if on_too_much == OnTooMuch::Report
                && let Some(reason) = too_much(&failure.failure, took)
            {
                let error = error(failure.failure.clone());
                drop(response);
                request.drop_response();
                let wait = backoff(failure.retryability, so_far.earlier + so_far.failed, self.retry_policy, jitter);
                self.pause(path, failure, wait, now).await;
                return Ok(Outcome::TooMuch(TooMuch { reason, error }));
            }
            let attempts = Attempts { failed: so_far.failed, refused: so_far.refused, refused_for, elapsed };
            match decide(failure.retryability, attempts, self.retry_policy, jitter) {
                Decision::Wait(wait) => {
                    // A large body is not held during the wait.
                    drop(response);
                    request.drop_response();
                    self.pause(path, failure, wait, now).await;
                }
                Decision::GiveUp => return Err(error(failure.failure)),
            }
        }
    }

    /// Returns a number from 0 to 1.
    fn jitter(&self) -> f64 {
        // A poisoned lock still guards valid numbers.
        self.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    async fn pause(&self, path: &str, failed: FailedAttempt, wait: Duration, now: Instant) {
        if matches!(failed.retryability, Retryability::RateLimited { .. }) {
            // The next attempt follows after the pause; all other requests wait as well.
            let (is_new, limit) = {
                let mut limiter = self.connection.limiter();
                (limiter.refuse(path, now, now + wait), limiter.refused_limit(path))
            };
            if is_new {
                let signed = SignedDuration::try_from(wait).unwrap_or_default();
                let until = self.connection.clock().now().saturating_add(signed).unwrap_or_default();
                self.connection.notify(Notice::RateLimited { path: path.to_owned(), limit, until, wait });
            }
        } else {
            self.connection.notify(Notice::Retrying { failure: failed.failure, wait });
            self.connection.clock().sleep(wait).await;
            let waited = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.connection.metrics.add(path, |metrics| &metrics.backoff_ms, waited);
        }
    }

    /// Returns the technical details of the last attempt, for the error.
    fn details(
        &self,
        request: &Outgoing,
        response: &std::result::Result<Response, String>,
        attempts: u32,
        took: Duration,
    ) -> String {
        let method = request.method();
        let target = target(&request.url);
        let outcome = match response {
            Err(why) => format!(": {}", self.connection.secrets.library_message(why)),
            Ok(response) => {
                let id = response.header(REQUEST_ID).map_or("none", |id| self.connection.secrets.request_id(id));
                let body = if request.is_secret() {
                    "not shown".to_owned()
                } else {
                    error_body::describe(&response.body, &self.connection.secrets)
                };
                format!(" -> {}; X-Zendesk-Request-Id: {id}; body: {body}", response.status)
            }
        };
        let details = format!("{method} {target}{outcome}; attempts: {attempts} in {:.1} s", took.as_secs_f64());
        self.connection.secrets.redact(&details).into_owned()
    }

    /// Adds the details that are known only at the end: the duration of a rate limit and which it is, and the host of a
    /// redirect if it may be shown.
    fn final_failure(&self, failure: Failure, refused_for: Option<Duration>, path: &str) -> Failure {
        match failure {
            Failure::RateLimited { .. } => Failure::RateLimited {
                minutes: refused_for.unwrap_or_default().as_secs() / 60,
                limit: self.connection.limiter().refused_limit(path),
            },
            Failure::Redirect { status, to } => {
                Failure::Redirect { status, to: to.and_then(|host| self.connection.secrets.host(&host)) }
            }
            failure => failure,
        }
    }
}
