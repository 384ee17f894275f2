//! The audit log as the rest of the connector sees it: ask for a page, get a page.
//!
//! It must not decide which page comes next; that is `sync`.

use std::sync::Arc;

use super::answer::{Answer, Failure};
use super::auth::Auth;
use super::base_url::BaseUrl;
use super::budget::Waits;
use super::exchange::{Exchange, Setup, Stats};
use super::page::Page;
use super::query::Query;
use super::transport::Outgoing;
use crate::config::Credentials;
use crate::error::{Cause, Method, Result};
use crate::second::Second;

/// A client of one account.
pub struct Client {
    pub(super) base: BaseUrl,
    pub(super) exchange: Arc<Exchange>,
    pub(super) auth: Auth,
}

/// What a request for a page brought.
#[derive(Debug)]
pub enum Fetched {
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
        let exchange = Arc::new(Exchange::new(setup)?);
        let auth = Auth::new(credentials, &base, &exchange)?;
        Ok(Self { base, exchange, auth })
    }

    /// Fetches a page, with as many tries and new tokens as it takes.
    ///
    /// # Errors
    /// If it cannot be had: the account refuses it, or the patience ends.
    pub async fn page(&self, query: &Query) -> Result<Fetched> {
        let url = query.url(&self.base);
        let mut token = self.auth.token(&self.exchange).await?;
        loop {
            let request = Outgoing::get(url.clone(), token.header());
            let outcome = self.exchange.run(&request, |answer| self.read(answer, query)).await;
            match outcome {
                Ok(fetched) => {
                    token.accepted();
                    return Ok(fetched);
                }
                Err(error) if matches!(error.cause, Cause::TokenExpired { .. }) => {
                    match self.auth.after_refusal(&token, &self.exchange).await? {
                        Some(renewed) => token = renewed,
                        None => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&self, answer: &mut Answer, query: &Query) -> std::result::Result<Fetched, Failure> {
        match answer.status {
            200 => match Page::parse(&mut answer.body) {
                Ok(page) => Ok(Fetched::Page(page)),
                Err(what) => Err(Failure::passing(Cause::NotThePage { what })),
            },
            400 if query.after.is_some() => Ok(Fetched::CursorRefused),
            _ => Err(answer.api_failure(self.auth.method(), self.exchange.clock().now())),
        }
    }

    /// Which way to sign in is used.
    #[must_use]
    pub fn method(&self) -> Method {
        self.auth.method()
    }

    /// Figures of all requests so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.exchange.stats
    }

    /// The server's time of the first answer; this machine's until then.
    #[must_use]
    pub fn server_time(&self) -> Second {
        self.exchange.server_time()
    }

    /// Requests a minute that the budget allows.
    #[must_use]
    pub fn quota(&self) -> f64 {
        self.exchange.quota()
    }

    /// Requests a minute of the whole account, if a header has told.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.exchange.limit()
    }

    /// How long nothing has gone because of the rate limit.
    #[must_use]
    pub fn waits(&self) -> Waits {
        self.exchange.waits()
    }
}
