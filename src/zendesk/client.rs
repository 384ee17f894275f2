//! The audit log as the rest of the connector sees it: ask for a page, get a page.
//!
//! It must not decide which page comes next; that is `sync`.

use std::sync::Arc;

use super::auth::Auth;
use super::base_url::BaseUrl;
use super::page::Page;
use super::query::Query;
use super::rate_limiter::Waits;
use super::response::{Failure, Response};
use super::retry_loop::{RetryLoop, Setup, Stats};
use super::transport::Outgoing;
use crate::config::Credentials;
use crate::error::{AuthMethod, ErrorKind, Result};
use crate::second::Second;

/// A client of one account.
pub struct Client {
    pub(super) base: BaseUrl,
    pub(super) retry_loop: Arc<RetryLoop>,
    pub(super) auth: Auth,
}

/// What a request for a page brought.
#[derive(Debug)]
pub enum PageOutcome {
    /// The page.
    Page(Page),
    /// 400 for a request with a cursor: it is no longer known.
    CursorRefused,
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
        Ok(Self { base, retry_loop, auth })
    }

    /// Fetches a page, with as many attempts and new tokens as it takes.
    ///
    /// # Errors
    /// If it cannot be had: the account refuses it, or the retry policy gives up.
    pub async fn page(&self, query: &Query) -> Result<PageOutcome> {
        let url = query.url(&self.base);
        let mut token = self.auth.token(&self.retry_loop).await?;
        loop {
            let request = Outgoing::get(url.clone(), token.header());
            let outcome = self.retry_loop.run(&request, |response| self.read(response, query)).await;
            match outcome {
                Ok(fetched) => {
                    token.accepted();
                    return Ok(fetched);
                }
                Err(error) if matches!(error.kind, ErrorKind::TokenExpired { .. }) => {
                    match self.auth.after_refusal(&token, &self.retry_loop).await? {
                        Some(renewed) => token = renewed,
                        None => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&self, response: &mut Response, query: &Query) -> std::result::Result<PageOutcome, Failure> {
        match response.status {
            200 => match Page::parse(&mut response.body) {
                Ok(page) => Ok(PageOutcome::Page(page)),
                Err(what) => Err(Failure::transient(ErrorKind::NotThePage { what })),
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

    /// Figures of all requests so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.retry_loop.stats
    }

    /// The server's time of the first answer; this machine's until then.
    #[must_use]
    pub fn server_time(&self) -> Second {
        self.retry_loop.server_time()
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
