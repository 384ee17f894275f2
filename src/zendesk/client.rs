//! The API for the rest of the connector: request a page, get a page.
//!
//! It must not decide which page comes next; that is `sync`.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::auth::Auth;
use super::base_url::BaseUrl;
use super::body_room::BodyRoom;
use super::connection::Setup;
use super::failure::{Failure, Result};
use super::metrics::Metrics;
use super::notice::Notice;
use super::page::Page;
use super::pauses::Waits;
use super::query::Query;
use super::response::{FailedAttempt, Response};
use super::retry_loop::{AttemptsSoFar, Outcome, RetryLoop};
use super::too_much::{OnTooMuch, TooMuch};
use super::transport::Outgoing;
use crate::config::{AuthMethod, Credentials};
use crate::second::Second;
use crate::stream::Stream;

/// A client of one account.
pub struct Client {
    pub(super) base: BaseUrl,
    pub(super) retry_loop: Arc<RetryLoop>,
    pub(super) auth: Auth,
    rooms: Mutex<Vec<(&'static str, Arc<BodyRoom>)>>,
}

/// A request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The query.
    pub query: Query,
    /// The handling of a failure that a smaller request can avoid.
    pub on_too_much: OnTooMuch,
    /// The number of failures of larger requests for the same records: the backoff continues from there.
    pub failed: u32,
    /// The position in the order of emission: pages with a lower number are emitted first, and among equal
    /// numbers those whose filter starts earlier. The first of all existing pages never waits for memory.
    pub turn: u32,
}

impl PageRequest {
    /// Creates a request that is retried after every transient failure.
    #[must_use]
    pub fn retried(query: Query) -> Self {
        Self { query, on_too_much: OnTooMuch::Retry, failed: 0, turn: 0 }
    }
}

/// The result of a request for a page.
#[derive(Debug)]
pub enum PageOutcome {
    /// The page.
    Page(Page),
    /// 400 for a request with a cursor: the cursor has expired.
    CursorRefused,
    /// The server cannot send a response of this size, or the connector cannot accept it. The backoff has
    /// passed. Only for [`OnTooMuch::Report`].
    TooMuch(TooMuch),
}

impl Client {
    /// Sets up the client without sending a request.
    ///
    /// # Errors
    /// If the certificates of the environment or a credential cannot be used.
    pub fn new(setup: Setup, credentials: &Credentials) -> Result<Self> {
        let base = setup.base.clone();
        let retry_loop = Arc::new(RetryLoop::new(setup)?);
        let auth = Auth::new(credentials, &base, &retry_loop)?;
        Ok(Self { base, retry_loop, auth, rooms: Mutex::default() })
    }

    /// Requests a page, with retries and token renewals.
    ///
    /// # Errors
    /// If the account refuses it, or the retry policy ends the attempts.
    pub async fn page(&self, request: &PageRequest) -> Result<PageOutcome> {
        let PageRequest { query, on_too_much, failed, turn } = request;
        let url = query.url(&self.base);
        let start = query.between.map_or(i64::MIN, |between| between.start.as_unix());
        let place = Arc::new(self.room(query.stream).place((*turn, start)));
        let mut token = self.auth.token(&self.retry_loop).await?;
        let clock = self.retry_loop.connection.clock();
        let mut attempts = AttemptsSoFar::after(clock.instant(), *failed);
        loop {
            let request = Outgoing::get(url.clone(), token.header()).with_place(Arc::clone(&place));
            let read = |response: &mut Response| self.read(response, query);
            let outcome = self.retry_loop.run_or_report(&request, &mut attempts, *on_too_much, read).await;
            match outcome {
                Ok(Outcome::Value(mut outcome)) => {
                    token.accepted();
                    if let PageOutcome::Page(page) = &mut outcome {
                        page.hold(place);
                    }
                    return Ok(outcome);
                }
                Ok(Outcome::TooMuch(too_much)) => return Ok(PageOutcome::TooMuch(too_much)),
                Err(error) if matches!(error.failure, Failure::TokenExpired { .. }) => {
                    let refused = clock.instant();
                    match self.auth.after_refusal(&token, &self.retry_loop).await? {
                        Some(renewed) => {
                            attempts.token_renewed(clock.instant().saturating_duration_since(refused));
                            token = renewed;
                        }
                        None => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the memory for large bodies of a stream. The pages of different streams have no common order:
    /// with shared memory, a page of one stream could wait forever because another stream always has an
    /// earlier one.
    fn room(&self, stream: &Stream) -> Arc<BodyRoom> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, room)) = rooms.iter().find(|(known, _)| *known == stream.name) {
            return Arc::clone(room);
        }
        let room = Arc::<BodyRoom>::default();
        rooms.push((stream.name, Arc::clone(&room)));
        room
    }

    fn read(&self, response: &mut Response, query: &Query) -> std::result::Result<PageOutcome, FailedAttempt> {
        match response.status {
            200 => match Page::parse(&mut response.body, query.stream) {
                Ok(page) => Ok(PageOutcome::Page(page)),
                Err(what) => Err(FailedAttempt::transient(Failure::NotAPage { stream: query.stream, what })),
            },
            400 if query.after.is_some() => Ok(PageOutcome::CursorRefused),
            _ => Err(response.api_failure(query.stream, self.auth.method(), self.retry_loop.connection.clock().now())),
        }
    }

    /// Returns the authentication method.
    #[must_use]
    pub fn method(&self) -> AuthMethod {
        self.auth.method()
    }

    /// Returns the metrics of all requests.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        self.retry_loop.connection.metrics.all()
    }

    /// Returns the metrics of the requests to the endpoint of a stream.
    #[must_use]
    pub fn metrics_of(&self, stream: &Stream) -> Arc<Metrics> {
        self.retry_loop.connection.metrics.endpoint(stream.path)
    }

    /// Waits until all notices so far have been reported, so that the last status of this stream can follow.
    pub async fn stream_ends(&self, stream: &'static Stream) {
        let (reported, all) = oneshot::channel();
        self.retry_loop.connection.notify(Notice::StreamEnds { stream, reported });
        // If the reporter has ended, there is nothing to wait for.
        let _ = all.await;
    }

    /// Returns the time at which the sync began: the server's time at the first page, fixed for the whole
    /// sync. It is this machine's time until the first response, or if that response does not contain the
    /// server's time.
    #[must_use]
    pub fn server_time(&self) -> Second {
        self.retry_loop.connection.server_time()
    }

    /// Returns the offset of the server's clock from this machine's at the first page, in seconds.
    #[must_use]
    pub fn server_clock_offset(&self) -> Option<i64> {
        self.retry_loop.connection.server_clock_offset()
    }

    /// Adds the limit of a stream's endpoint that no header reports, if it has one, in addition to the
    /// account's. A 429 of this endpoint then pauses only its requests.
    pub fn limit_endpoint(&self, stream: &Stream) {
        if let Some(per_minute) = stream.requests_per_minute {
            self.retry_loop.connection.limit_endpoint(stream.path, per_minute);
        }
    }

    /// Returns the number of requests to keep in flight to the endpoint of a stream: the number that the
    /// share of the rate limit and the latency of page requests require (Little's law), plus one that waits,
    /// at most `most`. Before the first page it is one.
    #[must_use]
    pub fn concurrency(&self, stream: &Stream, most: usize) -> usize {
        self.retry_loop.connection.concurrency(stream.path, most)
    }

    /// Returns the requests per minute that the rate limiter allows to the endpoint of a stream.
    #[must_use]
    pub fn quota(&self, stream: &Stream) -> f64 {
        self.retry_loop.connection.quota(stream.path)
    }

    /// Returns the requests per minute of the whole account, if a header has reported them.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.retry_loop.connection.limit()
    }

    /// Returns how long rate limits have blocked requests to the endpoint of a stream.
    #[must_use]
    pub fn waits(&self, stream: &Stream) -> Waits {
        self.retry_loop.connection.waits(stream.path)
    }
}
