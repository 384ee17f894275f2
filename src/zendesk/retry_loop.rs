//! The one loop that sends a request, waits and retries.
//!
//! It must not know what responses mean (`response.rs`, `page.rs`), how to authenticate (`auth`) or when
//! the rate limiter lets a request through (`gate.rs`), and nothing may retry on top of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::attempt::{Attempt, REQUEST_ID, target};
use super::base_url::BaseUrl;
use super::error_body;
use super::failure::{Error, Failure, Result};
use super::gate::Gate;
use super::latency::PageLatency;
use super::metrics::AllMetrics;
use super::notice::{Notice, Notices};
use super::pauses::Waits;
use super::proxy::ProxyVariables;
use super::rate_limit_headers::RateLimitHeaders;
use super::rate_limiter::RateLimiter;
use super::response::{FailedAttempt, Response};
use super::retry::{Attempts, Decision, RetryPolicy, Retryability, backoff, decide};
use super::server_clock::ServerClock;
use super::too_much::{OnTooMuch, TooMuch, too_much};
use super::transport::{Fetched, HttpTransport, Outgoing, Timeouts, Transport};
use crate::clock::Clock;
use crate::second::Second;
use crate::secret::Redactor;

/// What the retry loop needs from outside.
pub struct Setup {
    /// Where requests go.
    pub base: BaseUrl,
    /// `SSL_CERT_FILE`
    pub certificates: Option<PathBuf>,
    /// The proxy variables of the environment.
    pub proxies: ProxyVariables,
    /// Of a single try.
    pub timeouts: Timeouts,
    /// Takes the place of HTTP, if set; then certificates and timeouts are its own.
    pub transport: Option<Arc<dyn Transport>>,
    /// Of a request with all its attempts.
    pub retry_policy: RetryPolicy,
    /// The share of the account's rate limit to take, in percent.
    pub rate_limit_percentage: u32,
    /// Time and sleep.
    pub clock: Clock,
    /// The seed of the jitter.
    pub seed: u64,
    /// Who hears of waits and retries.
    pub notices: Notices,
    /// Whether they hear of each single try as well.
    pub report_attempts: bool,
    /// What must not be shown; what the server issues is added.
    pub secrets: Redactor,
}

/// What a request brought.
#[derive(Debug)]
pub enum Outcome<T> {
    /// What its response contains.
    Value(T),
    /// A failure that a smaller request can avoid.
    TooMuch(TooMuch),
}

/// Where the attempts of a request stand.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'f> {
    /// An attempt is sent now.
    Sending,
    /// The attempt has failed. The next one comes later, if there is one.
    Failed(&'f Failure),
}

/// The attempts of a request so far.
#[derive(Clone, Copy, Debug)]
pub struct AttemptsSoFar {
    since: Instant,
    sent: u32,
    /// For other reasons than a rate limit.
    failed: u32,
    refused: u32,
    /// Failures of larger requests for the same records.
    earlier: u32,
}

impl AttemptsSoFar {
    /// Starts to count attempts.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { since: now, sent: 0, failed: 0, refused: 0, earlier: 0 }
    }

    /// Starts to count attempts after so many failures of larger requests for the same records.
    #[must_use]
    pub fn after(now: Instant, earlier: u32) -> Self {
        Self { earlier, ..Self::new(now) }
    }

    /// Takes back the last failure: a new token takes the place of the one that was refused.
    pub fn token_renewed(&mut self) {
        self.failed = self.failed.saturating_sub(1);
    }
}

/// The connection to the account's host.
pub struct RetryLoop {
    transport: Arc<dyn Transport>,
    clock: Clock,
    retry_policy: RetryPolicy,
    notices: Notices,
    report_attempts: bool,
    gate: Gate,
    in_flight: AtomicU32,
    jitter: Mutex<fastrand::Rng>,
    secrets: Redactor,
    server_clock: OnceLock<ServerClock>,
    pages: Mutex<PageLatency>,
    /// Figures of all requests so far.
    pub metrics: AllMetrics,
}

impl RetryLoop {
    /// Sets up the HTTP client; nothing is sent yet.
    ///
    /// # Errors
    /// If `SSL_CERT_FILE` cannot be used.
    pub fn new(setup: Setup) -> Result<Self> {
        let transport = if let Some(transport) = setup.transport {
            transport
        } else {
            let proxy = setup.proxies.proxy(&setup.secrets)?;
            Arc::new(HttpTransport::new(&setup.base, setup.certificates.as_deref(), proxy.as_ref(), setup.timeouts)?)
        };
        let limiter = RateLimiter::new(setup.rate_limit_percentage, setup.clock.instant());
        Ok(Self {
            transport,
            clock: setup.clock,
            retry_policy: setup.retry_policy,
            notices: setup.notices,
            report_attempts: setup.report_attempts,
            gate: Gate::new(limiter),
            in_flight: AtomicU32::new(0),
            jitter: Mutex::new(fastrand::Rng::with_seed(setup.seed)),
            secrets: setup.secrets,
            server_clock: OnceLock::new(),
            pages: Mutex::default(),
            metrics: AllMetrics::default(),
        })
    }

    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Cuts this text out of everything that is shown from now on.
    pub fn keep_secret(&self, secret: &str) {
        self.secrets.add(secret);
    }

    /// Tells whoever listens.
    pub fn notify(&self, notice: Notice) {
        // If nobody listens any more, the command is over.
        let _ = self.notices.send(notice);
    }

    /// Returns the time of the first page, by the server's clock if it has told its time then. Until there
    /// is a page it is this machine's time.
    #[must_use]
    pub fn server_time(&self) -> Second {
        self.server_clock.get().map_or_else(|| Second::containing(self.clock.now()), |clock| clock.began)
    }

    /// Returns how far the server's clock was ahead of this machine's at the first page, in seconds.
    #[must_use]
    pub fn server_clock_offset(&self) -> Option<i64> {
        self.server_clock.get()?.offset
    }

    /// Returns the number of requests to keep in flight to an endpoint: see
    /// [`Latency::concurrency`](super::latency::Latency::concurrency).
    #[must_use]
    pub fn concurrency(&self, path: &str, most: usize) -> usize {
        let latency = locked(&self.pages).latency(path);
        let per_second = self.gate.limiter().per_second(path, self.clock.instant());
        latency.concurrency(per_second, most)
    }

    /// Adds a limit, in requests a minute, that no header tells.
    pub fn limit_endpoint(&self, path: &str, per_minute: u32) {
        self.gate.limiter().limit_endpoint(path, per_minute, self.clock.instant());
    }

    /// Returns the requests a minute that the rate limiter allows to an endpoint.
    #[must_use]
    pub fn quota(&self, path: &str) -> f64 {
        self.gate.limiter().quota(path, self.clock.instant())
    }

    /// Returns the requests a minute of the whole account, if a header has told.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.gate.limiter().limit()
    }

    /// Returns how long nothing has gone to an endpoint because of rate limits.
    #[must_use]
    pub fn waits(&self, path: &str) -> Waits {
        self.gate.limiter().waits(path, self.clock.instant())
    }

    /// Sends a request once, for a response that nothing depends on: whatever fails, there is none.
    /// It is sent within the rate limit, and not at all if its turn comes later than `longest_wait`.
    pub async fn ask<T>(
        &self,
        request: &Outgoing,
        longest_wait: Duration,
        read: impl FnOnce(&mut Response) -> Option<T>,
    ) -> Option<T> {
        let path = request.url.path();
        if self.gate.expected_wait(path, self.clock.instant()) > longest_wait {
            return None;
        }
        self.gate.pass(path, &self.clock).await;
        self.metrics.add(path, |metrics| &metrics.requests, 1);
        let sent = self.clock.instant();
        let mut response = self.send(request).await.ok()?;
        self.learn(request, &response, sent);
        read(&mut response)
    }

    /// Sends a request until `read` makes something of the response, its failure is permanent, or the retry
    /// policy gives up. Tells `watch` where the attempts stand.
    ///
    /// # Errors
    /// The last failure, with the technical details of its attempt.
    pub async fn run<T>(
        &self,
        request: &Outgoing,
        read: impl Fn(&mut Response) -> std::result::Result<T, FailedAttempt>,
        watch: impl Fn(Progress<'_>),
    ) -> Result<T> {
        let mut attempts = AttemptsSoFar::new(self.clock.instant());
        match self.send_until(request, &mut attempts, OnTooMuch::Retry, read, watch).await? {
            Outcome::Value(value) => Ok(value),
            Outcome::TooMuch(too_much) => Err(too_much.error),
        }
    }

    /// Sends a request like [`RetryLoop::run`], and returns a failure that a smaller request can avoid, after the
    /// backoff for it, if `on_too_much` asks for that. `so_far` counts the attempts.
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
        let path = request.url.path();
        loop {
            self.gate.pass(path, &self.clock).await;
            self.metrics.add(path, |metrics| &metrics.requests, 1);
            self.metrics.add(path, |metrics| &metrics.retries, u64::from(so_far.sent > 0));
            so_far.sent += 1;
            let sent = self.clock.instant();
            watch(Progress::Sending);
            let response = self.send(request).await;
            let now = self.clock.instant();
            let took = now.saturating_duration_since(sent);
            let (failure, response) = match response {
                Ok(mut response) => {
                    self.learn(request, &response, sent);
                    match read(&mut response) {
                        Ok(value) => {
                            if !request.is_secret() {
                                locked(&self.pages).observe(path, took);
                            }
                            return Ok(Outcome::Value(value));
                        }
                        Err(failure) => (failure, Ok(response)),
                    }
                }
                Err((failure, why)) => (failure, Err(why)),
            };
            watch(Progress::Failed(&failure.failure));
            let refused = matches!(failure.retryability, Retryability::RateLimited { .. });
            so_far.failed += u32::from(!refused);
            so_far.refused += u32::from(refused);
            let refused_for = if refused { self.gate.limiter().refused_for(path, now) } else { None };
            let elapsed = now.saturating_duration_since(so_far.since);
            let jitter = locked(&self.jitter).f64();
            let error = |failure: Failure| {
                let details = self.details(request, &response, so_far.sent, elapsed);
                Error { failure: self.given_up(failure, refused_for), details: Some(details) }
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
                    // A large body is not held while nothing happens.
                    drop(response);
                    request.drop_response();
                    self.pause(path, failure, wait, now).await;
                }
                Decision::GiveUp => return Err(error(failure.failure)),
            }
        }
    }

    async fn pause(&self, path: &str, failed: FailedAttempt, wait: Duration, now: Instant) {
        if matches!(failed.retryability, Retryability::RateLimited { .. }) {
            // The next turn comes after the pause; every other request waits as well.
            let (is_new, limit) = {
                let mut limiter = self.gate.limiter();
                (limiter.refuse(path, now, now + wait), limiter.refused_limit(path))
            };
            if is_new {
                let until = self.clock.now().saturating_add(SignedDuration::try_from(wait).unwrap_or_default());
                let until = until.unwrap_or_default();
                self.notify(Notice::RateLimited { path: path.to_owned(), limit, until, wait });
            }
        } else {
            self.notify(Notice::Retrying { failure: failed.failure, wait });
            self.clock.sleep(wait).await;
            let waited = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.metrics.add(path, |metrics| &metrics.backoff_ms, waited);
        }
    }

    fn learn(&self, request: &Outgoing, response: &Response, sent: Instant) {
        if response.status == 200 && !request.is_secret() {
            self.server_clock.get_or_init(|| {
                let clock = ServerClock::new(response.date(), Second::containing(self.clock.now()));
                if let Some(offset) = clock.reported_offset() {
                    self.notify(Notice::ClocksDiffer { offset });
                }
                clock
            });
        }
        if response.status != 429 {
            let in_flight = self.in_flight.load(Ordering::Relaxed);
            let now = self.clock.instant();
            let mut headers = RateLimitHeaders::of(response);
            headers.told_within(now.saturating_duration_since(sent));
            if !self.retry_policy.yields {
                headers.forget_remaining();
            }
            self.gate.learn(request.url.path(), &headers, in_flight, now);
        }
    }

    async fn send(&self, request: &Outgoing) -> Fetched {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let began = self.clock.instant();
        let response = self.transport.fetch(request).await;
        if let Ok(response) = &response {
            self.metrics.add(request.url.path(), |metrics| &metrics.bytes, response.body.len() as u64);
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.report_attempts {
            let took = self.clock.instant().saturating_duration_since(began);
            let seen = response.as_ref().map_err(|(_, words)| words.as_str());
            let attempt = Attempt::new(request, seen, took, &self.secrets);
            self.notify(Notice::Attempt(attempt));
        }
        response
    }

    /// What whoever looks into a failure wants to see of the last try.
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
            Err(why) => format!(": {}", self.secrets.library_message(why)),
            Ok(response) => {
                let id = response.header(REQUEST_ID).map_or("none", |id| self.secrets.request_id(id));
                let body = if request.is_secret() {
                    "not shown".to_owned()
                } else {
                    error_body::describe(&response.body, &self.secrets)
                };
                format!(" -> {}; X-Zendesk-Request-Id: {id}; body: {body}", response.status)
            }
        };
        let details = format!("{method} {target}{outcome}; attempts: {attempts} in {:.1} s", took.as_secs_f64());
        self.secrets.redact(&details).into_owned()
    }

    /// What is known only at the end: how long a rate limit was borne, and whether the host of a
    /// redirect may be named.
    fn given_up(&self, failure: Failure, refused_for: Option<Duration>) -> Failure {
        match failure {
            Failure::RateLimited { .. } => {
                Failure::RateLimited { minutes: refused_for.unwrap_or_default().as_secs() / 60 }
            }
            Failure::Redirect { status, to } => {
                Failure::Redirect { status, to: to.and_then(|host| self.secrets.host(&host)) }
            }
            failure => failure,
        }
    }
}

/// A lock whose holder panicked still guards plain figures.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
