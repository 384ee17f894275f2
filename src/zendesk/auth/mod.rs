//! Signing in: which `Authorization` header a request carries, and what to do when it is refused.
//!
//! Where renewed tokens come from is `renewal.rs`, the language of the token endpoint is `grant.rs`. Nothing here
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
/// Tokens in a row that may end unused: enough for a few waits in the queue, and no endless loop.
const MOST_ENDED_UNUSED: u32 = 5;
/// How long a new token that was refused is given to become known to all of Zendesk's servers.
const PROPAGATION: Duration = Duration::from_secs(2);

/// How one command signs in.
pub struct Auth {
    method: AuthMethod,
    tokens: Tokens,
}

enum Tokens {
    /// Every request has the same header.
    Fixed(HeaderValue),
    /// Tokens end and are renewed.
    Renewed { endpoint: Arc<TokenEndpoint>, slot: Arc<Mutex<Slot>> },
}

impl Auth {
    /// Prepares the method that the configuration asks for.
    ///
    /// # Errors
    /// Fails if a credential cannot stand in a header; the configuration refuses those before.
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
                        // A token without a date is tried: a 401 tells.
                        let renew_at = config.granted.token_expiry_date.map(|ends| ends.minus(60));
                        Some(Token::new(bearer(access_token, retry_loop)?, renew_at))
                    }
                };
                // A token of the configuration is not new: if it is refused, it has ended.
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

    /// Returns the token for the next request. Fetches one if there is none that is still alive.
    ///
    /// # Errors
    /// Fails if the token endpoint gives none.
    pub async fn token(&self, retry_loop: &Arc<RetryLoop>) -> Result<Token> {
        match &self.tokens {
            Tokens::Fixed(header) => Ok(Token::new(header.clone(), None)),
            Tokens::Renewed { endpoint, slot } => {
                let mut slot = Arc::clone(slot).lock_owned().await;
                match &slot.token {
                    Some(token) if token.is_alive(retry_loop.connection.clock()) => return Ok(token.clone()),
                    // It was used, so those that ended unused before are not in a row with the next ones.
                    Some(token) if token.is_proven() => slot.ended_unused = 0,
                    _ => {}
                }
                renew(slot, endpoint, retry_loop).await
            }
        }
    }

    /// Returns a token that is at hand and still alive. Never fetches one.
    #[must_use]
    pub fn token_at_hand(&self, clock: &Clock) -> Option<Token> {
        match &self.tokens {
            Tokens::Fixed(header) => Some(Token::new(header.clone(), None)),
            Tokens::Renewed { slot, .. } => slot.try_lock().ok()?.token.clone().filter(|token| token.is_alive(clock)),
        }
    }

    /// Decides what to do after a 401 for this token. Returns the token to try again with, or `None` if that would
    /// not help.
    ///
    /// # Errors
    /// Fails if a renewal fails.
    pub async fn after_refusal(&self, refused: &Token, retry_loop: &Arc<RetryLoop>) -> Result<Option<Token>> {
        let Tokens::Renewed { endpoint, slot } = &self.tokens else {
            return Ok(None);
        };
        let mut slot = Arc::clone(slot).lock_owned().await;
        match &slot.token {
            // Another request has renewed it meanwhile.
            Some(current) if !current.is_same(refused) => Ok(Some(current.clone())),
            // The token is new and was never accepted.
            Some(current) if !current.is_proven() => {
                let ended = !current.is_alive(retry_loop.connection.clock());
                if ended && slot.ended_unused < MOST_ENDED_UNUSED {
                    // It ended while the request waited for its turn. This can happen again, but not for ever.
                    slot.ended_unused += 1;
                    renew(slot, endpoint, retry_loop).await.map(Some)
                } else if ended || refused.is_last_try() {
                    // The next new token would be refused as well.
                    Ok(None)
                } else {
                    // Not every server of Zendesk may know it yet.
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
