//! Authentication: the `Authorization` header of each request, and the handling of a 401.
//!
//! `renewal.rs` requests new tokens; `grant.rs` implements the protocol of the token endpoint. Nothing here
//! shows a token.

mod grant;
mod renewal;

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use super::base_url::BaseUrl;
use super::failure::{Failure, Result};
use super::retry_loop::RetryLoop;
use crate::clock::Clock;
use crate::config::{AuthMethod, Credentials, OauthClient};
use crate::secret::Secret;
use grant::Grant;
use renewal::{Slot, Token, TokenEndpoint, renew};

/// The path of the token endpoint.
const PATH: &str = "/oauth/tokens";
/// The largest number of tokens in a row that may expire unused: enough for a few waits for the rate limiter,
/// without an endless loop.
const MOST_ENDED_UNUSED: u32 = 5;
/// The wait after a new token was rejected, for it to reach all of Zendesk's servers.
const PROPAGATION: Duration = Duration::from_secs(2);

/// The authentication of one command.
pub struct Auth {
    method: AuthMethod,
    tokens: Tokens,
}

enum Tokens {
    /// Every request has the same header.
    Fixed(HeaderValue),
    /// Tokens expire and are renewed.
    Renewed { endpoint: Arc<TokenEndpoint>, slot: Arc<Mutex<Slot>> },
}

impl Auth {
    /// Prepares the configured authentication method.
    ///
    /// # Errors
    /// Fails if a credential is not valid in a header; the configuration rejects those earlier.
    pub fn new(credentials: &Credentials, base: &BaseUrl, retry_loop: &RetryLoop) -> Result<Self> {
        let tokens = match credentials {
            Credentials::AccessToken { access_token } => Tokens::Fixed(bearer(access_token, retry_loop)?),
            Credentials::ApiToken { email, api_token } => {
                retry_loop.connection.keep_secret(api_token.expose());
                Tokens::Fixed(basic(email, api_token, retry_loop)?)
            }
            Credentials::ClientCredentials(client) => {
                Tokens::renewed(client, base, retry_loop, Slot::new(Grant::ClientCredentials, None))
            }
            Credentials::RefreshToken(config) => {
                retry_loop.connection.keep_secret(config.refresh_token.expose());
                let token = match &config.granted.access_token {
                    None => None,
                    Some(access_token) => {
                        // The expiry of a token without a date is unknown: it is used until a 401.
                        let renew_at = config.granted.token_expiry_date.map(|ends| ends.minus(60));
                        Some(Token::new(bearer(access_token, retry_loop)?, renew_at))
                    }
                };
                // A token from the configuration is not new: a 401 means that it has expired.
                token.iter().for_each(Token::accepted);
                let grant = Grant::RefreshToken(config.refresh_token.clone());
                Tokens::renewed(&config.client, base, retry_loop, Slot::new(grant, token))
            }
        };
        Ok(Self { method: credentials.method(), tokens })
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> AuthMethod {
        self.method
    }

    /// Returns the token for the next request. Requests a new one if the current one has expired.
    ///
    /// # Errors
    /// Fails if the token endpoint issues no token.
    pub async fn token(&self, retry_loop: &Arc<RetryLoop>) -> Result<Token> {
        match &self.tokens {
            Tokens::Fixed(header) => Ok(Token::new(header.clone(), None)),
            Tokens::Renewed { endpoint, slot } => {
                let mut slot = Arc::clone(slot).lock_owned().await;
                match &slot.token {
                    Some(token) if token.is_alive(retry_loop.connection.clock()) => return Ok(token.clone()),
                    // The token was used, so the sequence of unused tokens has ended.
                    Some(token) if token.is_proven() => slot.ended_unused = 0,
                    _ => {}
                }
                renew(slot, endpoint, retry_loop).await
            }
        }
    }

    /// Returns the current token if it has not expired. Never requests a new one.
    #[must_use]
    pub fn token_at_hand(&self, clock: &Clock) -> Option<Token> {
        match &self.tokens {
            Tokens::Fixed(header) => Some(Token::new(header.clone(), None)),
            Tokens::Renewed { slot, .. } => slot.try_lock().ok()?.token.clone().filter(|token| token.is_alive(clock)),
        }
    }

    /// Handles a 401 for this token. Returns the token for the next attempt, or `None` if another attempt
    /// would not help.
    ///
    /// # Errors
    /// Fails if a renewal fails.
    pub async fn after_refusal(&self, refused: &Token, retry_loop: &Arc<RetryLoop>) -> Result<Option<Token>> {
        let Tokens::Renewed { endpoint, slot } = &self.tokens else {
            return Ok(None);
        };
        let mut slot = Arc::clone(slot).lock_owned().await;
        match &slot.token {
            // Another request has renewed it in the meantime.
            Some(current) if !current.is_same(refused) => Ok(Some(current.clone())),
            // The token is new and was never accepted.
            Some(current) if !current.is_proven() => {
                let ended = !current.is_alive(retry_loop.connection.clock());
                if ended && slot.ended_unused < MOST_ENDED_UNUSED {
                    // It expired while the request waited for the rate limiter. The number of repetitions is
                    // limited.
                    slot.ended_unused += 1;
                    renew(slot, endpoint, retry_loop).await.map(Some)
                } else if ended || refused.is_last_try() {
                    // The next new token would be rejected as well.
                    Ok(None)
                } else {
                    // Some servers of Zendesk may not know it yet.
                    let again = current.for_last_try();
                    drop(slot);
                    retry_loop.connection.clock().sleep(PROPAGATION).await;
                    Ok(Some(again))
                }
            }
            _ => {
                slot.ended_unused = 0;
                renew(slot, endpoint, retry_loop).await.map(Some)
            }
        }
    }
}

impl Tokens {
    fn renewed(client: &OauthClient, base: &BaseUrl, retry_loop: &RetryLoop, slot: Slot) -> Self {
        retry_loop.connection.keep_secret(client.client_secret.expose());
        retry_loop.connection.keep_secret(client.client_id.expose());
        let endpoint = TokenEndpoint { url: base.join(PATH), client: client.clone() };
        Self::Renewed { endpoint: Arc::new(endpoint), slot: Arc::new(Mutex::new(slot)) }
    }
}

fn bearer(token: &Secret, retry_loop: &RetryLoop) -> Result<HeaderValue> {
    retry_loop.connection.keep_secret(token.expose());
    sensitive(&format!("Bearer {}", token.expose()))
}

fn basic(email: &str, token: &Secret, retry_loop: &RetryLoop) -> Result<HeaderValue> {
    let pair = BASE64_STANDARD.encode(format!("{email}/token:{}", token.expose()));
    retry_loop.connection.keep_secret(&pair);
    sensitive(&format!("Basic {pair}"))
}

fn sensitive(value: &str) -> Result<HeaderValue> {
    let mut header = HeaderValue::from_str(value).map_err(|_| Failure::Defect)?;
    header.set_sensitive(true);
    Ok(header)
}
