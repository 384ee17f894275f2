//! The connection to the account's host: sends a request once, and records the rate limits, the server's
//! clock and the latency from responses.
//!
//! It must not retry (`retry_loop.rs`), and must not send a request before the rate limiter allows it
//! (`gate.rs`).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::attempt::Attempt;
use super::base_url::BaseUrl;
use super::failure::Result;
use super::gate::Gate;
use super::latency::PageLatency;
use super::metrics::AllMetrics;
use super::notice::{Notice, Notices};
use super::pauses::Waits;
use super::proxy::ProxyVariables;
use super::rate_limit_headers::RateLimitHeaders;
use super::rate_limiter::RateLimiter;
use super::response::Response;
use super::retry::RetryPolicy;
use super::server_clock::ServerClock;
use super::transport::{Fetched, HttpTransport, Outgoing, Timeouts, Transport};
use crate::clock::Clock;
use crate::second::Second;
use crate::secret::Redactor;

/// The dependencies of the connection and the retry loop.
pub struct Setup {
    /// The base URL of requests.
    pub base: BaseUrl,
    /// `SSL_CERT_FILE`
    pub certificates: Option<PathBuf>,
    /// The proxy variables of the environment.
    pub proxies: ProxyVariables,
    /// The timeouts of an attempt.
    pub timeouts: Timeouts,
    /// Replaces HTTP, if set. It has its own certificates and timeouts.
    pub transport: Option<Arc<dyn Transport>>,
    /// The retry policy of a request.
    pub retry_policy: RetryPolicy,
    /// The share of the account's rate limit to use, in percent.
    pub rate_limit_percentage: u32,
    /// Time and sleep.
    pub clock: Clock,
    /// The seed of the jitter.
    pub seed: u64,
    /// The receiver of reports about waits and retries.
    pub notices: Notices,
    /// `true` to report each attempt as well.
    pub report_attempts: bool,
    /// Redacts secrets. Tokens that the server issues are added.
    pub secrets: Redactor,
}

/// The connection to the account's host.
pub struct Connection {
    transport: Arc<dyn Transport>,
    clock: Clock,
    notices: Notices,
    report_attempts: bool,
    /// `true` if other integrations of the account have priority.
    yields: bool,
    gate: Gate,
    in_flight: AtomicU32,
    server_clock: OnceLock<ServerClock>,
    pages: Mutex<PageLatency>,
    /// Redacts secrets.
    pub secrets: Redactor,
    /// The metrics of all requests.
    pub metrics: AllMetrics,
}

impl Connection {
    /// Sets up the HTTP client without sending a request.
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
            notices: setup.notices,
            report_attempts: setup.report_attempts,
            yields: setup.retry_policy.yields,
            gate: Gate::new(limiter),
            in_flight: AtomicU32::new(0),
            server_clock: OnceLock::new(),
            pages: Mutex::default(),
            secrets: setup.secrets,
            metrics: AllMetrics::default(),
        })
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Redacts this text in everything that is shown from now on.
    pub fn keep_secret(&self, secret: &str) {
        self.secrets.add(secret);
    }

    /// Reports an event.
    pub fn notify(&self, notice: Notice) {
        // If the receiver has been dropped, the command has ended.
        let _ = self.notices.send(notice);
    }

    /// Returns the time of the first page, by the server's clock if the response contained its time. Before
    /// the first page it is this machine's time.
    #[must_use]
    pub fn server_time(&self) -> Second {
        self.server_clock.get().map_or_else(|| Second::containing(self.clock.now()), |clock| clock.began)
    }

    /// Returns the offset of the server's clock from this machine's at the first page, in seconds.
    #[must_use]
    pub fn server_clock_offset(&self) -> Option<i64> {
        self.server_clock.get()?.offset
    }

    /// Returns the number of requests to keep in flight to an endpoint: see
    /// [`Latency::concurrency`](super::latency::Latency::concurrency).
    #[must_use]
    pub fn concurrency(&self, path: &str, most: usize) -> usize {
        let latency = locked(&self.pages).latency(path);
        let per_second = self.limiter().per_second(path, self.clock.instant());
        latency.concurrency(per_second, most)
    }

    /// Records the latency of a page.
    pub fn observe_page(&self, path: &str, took: Duration) {
        locked(&self.pages).observe(path, took);
    }

    /// Returns the rate limiter, locked.
    pub fn limiter(&self) -> MutexGuard<'_, RateLimiter> {
        self.gate.limiter()
    }

    /// Adds a limit, in requests per minute, that no header reports.
    pub fn limit_endpoint(&self, path: &str, per_minute: u32) {
        self.limiter().limit_endpoint(path, per_minute, self.clock.instant());
    }

    /// Returns the requests per minute that the rate limiter allows to an endpoint.
    #[must_use]
    pub fn quota(&self, path: &str) -> f64 {
        self.limiter().quota(path, self.clock.instant())
    }

    /// Returns the requests per minute of the whole account, if a header has reported them.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.limiter().limit()
    }

    /// Returns how long rate limits have blocked requests to an endpoint.
    #[must_use]
    pub fn waits(&self, path: &str) -> Waits {
        self.limiter().waits(path, self.clock.instant())
    }

    /// Sends an optional request once. Every failure results in `None`. The request respects the rate limit,
    /// and is not sent if it would have to wait longer than `longest_wait`.
    pub async fn try_once<T>(
        &self,
        request: &Outgoing,
        longest_wait: Duration,
        read: impl FnOnce(&mut Response) -> Option<T>,
    ) -> Option<T> {
        let path = request.url.path();
        if self.gate.expected_wait(path, self.clock.instant()) > longest_wait {
            return None;
        }
        self.wait_for_rate_limit(path).await;
        let mut response = self.send(request).await.ok()?;
        read(&mut response)
    }

    /// Waits until the rate limiter allows a request.
    pub async fn wait_for_rate_limit(&self, path: &str) {
        self.gate.pass(path, &self.clock).await;
        self.metrics.add(path, |metrics| &metrics.requests, 1);
    }

    /// Sends a request once and processes the headers of its response. The request must have waited for the
    /// rate limiter.
    pub async fn send(&self, request: &Outgoing) -> Fetched {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let sent = self.clock.instant();
        let response = self.transport.fetch(request).await;
        if let Ok(response) = &response {
            self.metrics.add(request.url.path(), |metrics| &metrics.bytes, response.body.len() as u64);
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let took = self.clock.instant().saturating_duration_since(sent);
        if self.report_attempts {
            let seen = response.as_ref().map_err(|(_, message)| message.as_str());
            let attempt = Attempt::new(request, seen, took, &self.secrets);
            self.notify(Notice::Attempt(attempt));
        }
        if let Ok(response) = &response {
            self.learn(request, response, took);
        }
        response
    }

    fn learn(&self, request: &Outgoing, response: &Response, took: Duration) {
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
            let mut headers = RateLimitHeaders::of(response);
            headers.set_age(took);
            if !self.yields {
                headers.forget_remaining();
            }
            self.gate.learn(request.url.path(), &headers, in_flight, self.clock.instant());
        }
    }
}

/// Locks a mutex. A poisoned lock still guards valid numbers.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
