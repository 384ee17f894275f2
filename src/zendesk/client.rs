//! The audit log as the rest of the connector sees it: ask for a page, get a page.
//!
//! It must not decide which page comes next; that is `sync`.

use std::sync::Arc;

use super::auth::Auth;
use super::base_url::BaseUrl;
use super::body_room::BodyRoom;
use super::failure::{Failure, Result};
use super::metrics::Metrics;
use super::page::Page;
use super::pauses::Waits;
use super::query::Query;
use super::response::{FailedAttempt, Response};
use super::retry_loop::{AttemptsSoFar, Outcome, RetryLoop, Setup};
use super::too_much::{OnTooMuch, TooMuch};
use super::transport::Outgoing;
use crate::config::{AuthMethod, Credentials};
use crate::second::Second;

/// A client of one account.
pub struct Client {
    pub(super) base: BaseUrl,
    pub(super) retry_loop: Arc<RetryLoop>,
    pub(super) auth: Auth,
    room: Arc<BodyRoom>,
}

/// A request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Which page.
    pub query: Query,
    /// What to do with a failure that a smaller request can avoid.
    pub on_too_much: OnTooMuch,
    /// Failures of larger requests for the same records: the backoff goes on from there.
    pub failed: u32,
    /// Which pages are emitted before this one: those with a lower number, and of the same number those whose filter
    /// starts earlier. The first of all pages that are alive never waits for memory.
    pub turn: u32,
}

impl PageRequest {
    /// A request that is retried whatever its failure means.
    #[must_use]
    pub fn retried(query: Query) -> Self {
        Self { query, on_too_much: OnTooMuch::Retry, failed: 0, turn: 0 }
    }
}

/// What a request for a page brought.
#[derive(Debug)]
pub enum PageOutcome {
    /// The page.
    Page(Page),
    /// 400 for a request with a cursor: it is no longer known.
    CursorRefused,
    /// The server cannot send so much, or the connector cannot take it; the backoff is over. Only for
    /// [`OnTooMuch::Report`].
    TooMuch(TooMuch),
}

impl Client {
    /// Sets up the client; nothing is sent yet.
    ///
    /// # Errors
    /// If the certificates of the environment or a credential cannot be used.
    pub fn new(setup: Setup, credentials: &Credentials) -> Result<Self> {
        let base = setup.base.clone();
        let retry_loop = Arc::new(RetryLoop::new(setup)?);
        let auth = Auth::new(credentials, &base, &retry_loop)?;
        Ok(Self { base, retry_loop, auth, room: Arc::default() })
    }

    /// Fetches a page, with as many attempts and new tokens as it takes.
    ///
    /// # Errors
    /// If it cannot be had: the account refuses it, or the retry policy gives up.
    pub async fn page(&self, request: &PageRequest) -> Result<PageOutcome> {
        let PageRequest { query, on_too_much, failed, turn } = request;
        let url = query.url(&self.base);
        let mut attempts = AttemptsSoFar::after(self.retry_loop.clock().instant(), *failed);
        let start = query.between.map_or(i64::MIN, |between| between.start.as_unix());
        let place = Arc::new(self.room.place((*turn, start)));
        let mut token = self.auth.token(&self.retry_loop).await?;
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
                    match self.auth.after_refusal(&token, &self.retry_loop).await? {
                        Some(renewed) => token = renewed,
                        None => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&self, response: &mut Response, query: &Query) -> std::result::Result<PageOutcome, FailedAttempt> {
        match response.status {
            200 => match Page::parse(&mut response.body, query.stream) {
                Ok(page) => Ok(PageOutcome::Page(page)),
                Err(what) => Err(FailedAttempt::transient(Failure::NotAPage { what })),
            },
            400 if query.after.is_some() => Ok(PageOutcome::CursorRefused),
            _ => Err(response.api_failure(self.auth.method(), self.retry_loop.clock().now())),
        }
    }

    /// Which way to sign in is used.
    #[must_use]
    pub fn method(&self) -> AuthMethod {
        self.auth.method()
    }

    /// Returns figures of all requests so far.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.retry_loop.metrics
    }

    /// Returns when the sync began: the server's time at the first page, once and for all. It is this machine's
    /// time if that response did not tell the server's, and until there is a response.
    #[must_use]
    pub fn server_time(&self) -> Second {
        self.retry_loop.server_time()
    }

    /// Returns how far the server's clock was ahead of this machine's at the first page, in seconds.
    #[must_use]
    pub fn server_clock_offset(&self) -> Option<i64> {
        self.retry_loop.server_clock_offset()
    }

    /// Adds a limit, in requests a minute, that holds for one endpoint beside the account's and that no header
    /// tells. A 429 of this endpoint then pauses its requests only.
    pub fn limit_endpoint(&self, path: &str, per_minute: u32) {
        self.retry_loop.limit_endpoint(path, per_minute);
    }

    /// Returns the number of requests to keep in flight: as many as the share of the rate limit and the latency
    /// of page requests need (Little's law) and one that waits for its turn, at most `most`. It is one before
    /// the first page.
    #[must_use]
    pub fn concurrency(&self, most: usize) -> usize {
        self.retry_loop.concurrency(most)
    }

    /// Requests a minute that the rate limiter allows.
    #[must_use]
    pub fn quota(&self) -> f64 {
        self.retry_loop.quota()
    }

    /// Requests a minute of the whole account, if a header has told.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.retry_loop.limit()
    }

    /// How long nothing has gone because of the rate limit.
    #[must_use]
    pub fn waits(&self) -> Waits {
        self.retry_loop.waits()
    }
}
