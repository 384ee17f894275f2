//! The current access token and its renewal, one at a time.
//!
//! A rotated refresh token is saved before it is used. A request that consumes one is never cancelled while
//! it is in flight. `grant.rs` defines the content of requests and responses; `retry_loop.rs` retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::{OwnedMutexGuard, oneshot, watch};

use super::bearer;
use super::grant::{Earlier, Grant, Granted, issued_secrets};
use crate::clock::Clock;
use crate::config::OauthClient;
use crate::panics::of_task;
use crate::second::Second;
use crate::zendesk::failure::{Error, Failure, Result};
use crate::zendesk::notice::Notice;
use crate::zendesk::retry_loop::{Progress, RetryLoop};
use crate::zendesk::transport::Outgoing;

/// An `Authorization` header and the state of its token.
#[derive(Clone)]
pub struct Token {
    header: HeaderValue,
    /// When to renew the token, by this machine's date.
    renew_at: Option<Second>,
    /// The same limit as a monotonic time, for a token that this command requested: the date may be set back
    /// in the meantime.
    renew_after: Option<Instant>,
    /// `true` after the API has accepted the token. Clones share it.
    proven: Arc<AtomicBool>,
    /// `true` on a clone for a request that is retried with the same token.
    last_try: bool,
}

impl Token {
    pub(super) fn new(header: HeaderValue, renew_at: Option<Second>) -> Self {
        Self { header, renew_at, renew_after: None, proven: Arc::default(), last_try: false }
    }

    /// Creates a token that was requested now and is valid for this number of seconds.
    fn issued(header: HeaderValue, requested: (Second, Instant), seconds: i64) -> Self {
        let (date, instant) = requested;
        let life = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Self { renew_after: instant.checked_add(life), ..Self::new(header, Some(date.plus(seconds))) }
    }

    /// Returns the value of the `Authorization` header, marked as sensitive.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// Records that the API has accepted the token: a later 401 means that it has expired.
    pub fn accepted(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Returns the same token for a second and last attempt.
    pub(super) fn for_last_try(&self) -> Self {
        Self { last_try: true, ..self.clone() }
    }

    pub(super) fn is_last_try(&self) -> bool {
        self.last_try
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(super) fn is_alive(&self, clock: &Clock) -> bool {
        self.renew_at.is_none_or(|at| Second::containing(clock.now()) < at)
            && self.renew_after.is_none_or(|after| clock.instant() < after)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

/// The tokens of one command, behind a lock: requests that need a new token wait for the same renewal.
pub struct Slot {
    /// How the next token is requested.
    pub(super) grant: Grant,
    pub(super) token: Option<Token>,
    /// The failure after which no more tokens are requested. Every request that waited for the renewal gets
    /// this error, so that none repeats the failed renewal.
    failed: Option<Error>,
    /// The number of tokens in a row that expired before the API accepted them.
    pub(super) ended_unused: u32,
}

/// The token endpoint.
pub struct TokenEndpoint {
    pub(super) url: Url,
    pub(super) client: OauthClient,
}

impl Slot {
    pub(super) fn new(grant: Grant, token: Option<Token>) -> Self {
        Self { grant, token, failed: None, ended_unused: 0 }
    }
}

/// Requests the next token in a separate task. The request that needs the token may be cancelled in the
/// meantime, by a shutdown or by the failure of another request, and a pair in flight must not be lost. The
/// task holds the retry loop, the reporter waits until the retry loop is dropped, and the command waits for
/// the reporter.
pub async fn renew(
    slot: OwnedMutexGuard<Slot>,
    endpoint: &Arc<TokenEndpoint>,
    retry_loop: &Arc<RetryLoop>,
) -> Result<Token> {
    if let Some(error) = &slot.failed {
        return Err(error.clone());
    }
    let (mut asked, renewed) = oneshot::channel();
    let (endpoint, retry_loop) = (Arc::clone(endpoint), Arc::clone(retry_loop));
    let task = tokio::spawn(async move {
        let mut slot = slot;
        let (in_flight, mut watched) = watch::channel(false);
        let renewed = tokio::select! {
            biased;
            renewed = slot.renew(&endpoint, &retry_loop, &in_flight) => renewed,
            () = async {
                asked.closed().await;
                // The sender outlives this future.
                let _ = watched.wait_for(|in_flight| !in_flight).await;
            } => return,
        };
        // The request that needed the token may have been cancelled.
        let _ = asked.send(renewed);
    });
    match renewed.await {
        Ok(renewed) => renewed,
        Err(_) => Err(task.await.err().map_or_else(|| Failure::Defect.into(), |error| of_task(error).into())),
    }
}

impl Slot {
    async fn renew(
        &mut self,
        endpoint: &TokenEndpoint,
        retry_loop: &RetryLoop,
        in_flight: &watch::Sender<bool>,
    ) -> Result<Token> {
        let renewed = self.fetch(endpoint, retry_loop, in_flight).await;
        self.failed = renewed.as_ref().err().cloned();
        renewed
    }

    /// `in_flight` is true from the sending of a request that consumes the refresh token until it has failed
    /// or the new pair is saved.
    async fn fetch(
        &mut self,
        endpoint: &TokenEndpoint,
        retry_loop: &RetryLoop,
        in_flight: &watch::Sender<bool>,
    ) -> Result<Token> {
        let body = self.grant.body(&endpoint.client);
        let rotates = self.grant.rotates();
        let request = if rotates {
            Outgoing::post_once(endpoint.url.clone(), body)
        } else {
            Outgoing::post_secret(endpoint.url.clone(), body)
        };
        let now = Second::containing(retry_loop.connection.clock().now());
        let requested = (now, retry_loop.connection.clock().instant());
        let unclear = AtomicBool::new(false);
        let watch = |progress: Progress<'_>| match progress {
            Progress::Sending => {
                in_flight.send_replace(rotates);
            }
            Progress::Failed(failure) => {
                in_flight.send_replace(false);
                if Earlier::after(failure) == Earlier::Unclear {
                    unclear.store(true, Ordering::Relaxed);
                }
            }
        };
        let read = |response: &mut _| {
            for secret in issued_secrets(response) {
                retry_loop.connection.keep_secret(&secret);
            }
            let earlier = if unclear.load(Ordering::Relaxed) { Earlier::Unclear } else { Earlier::NotProcessed };
            self.grant.read(response, earlier, retry_loop.connection.clock().now())
        };
        let Granted { access_token, refresh_token, seconds } = retry_loop.run(&request, read, watch).await?;
        if let Grant::RefreshToken(current) = &mut self.grant {
            if let Some(refresh_token) = refresh_token {
                *current = refresh_token;
            }
            let (kept, answer) = oneshot::channel();
            retry_loop.connection.notify(Notice::Rotated {
                access_token: access_token.clone(),
                expires_at: now.plus(seconds),
                refresh_token: current.clone(),
                kept,
            });
            // A pair that is used before it is saved could be lost permanently.
            answer.await.map_err(|_| Failure::Defect)?;
        }
        let access_token = access_token.ok_or(Failure::NotAToken)?;
        // The last tenth of its lifetime, at most a minute, is reserved for requests in flight.
        let header = bearer(&access_token, retry_loop)?;
        let token = Token::issued(header, requested, seconds - (seconds / 10).min(60));
        self.token = Some(token.clone());
        Ok(token)
    }
}
