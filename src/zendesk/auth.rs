//! Signing in: which `Authorization` header a request carries, and where renewed tokens come from.
//!
//! Nothing here is ever shown: neither the requests to the token endpoint nor their answers. A
//! rotated refresh token is handed out to be kept before anything is done with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::base_url::BaseUrl;
use super::failure::{Error, Failure, Result};
use super::notice::Notice;
use super::response::{FailedAttempt, Response};
use super::retry_loop::RetryLoop;
use super::transport::Outgoing;
use crate::config::{AuthMethod, Credentials, OauthClient};
use crate::panics::of_task;
use crate::second::Second;
use crate::secret::Secret;

/// The token endpoint.
const PATH: &str = "/oauth/tokens";
/// The least that reading the audit log needs.
const SCOPE: &str = "auditlogs:read";
/// Lifetime asked for with client credentials, in seconds: renewal costs nothing, so no longer than a day's work needs.
const TOKEN_SECONDS: i64 = 3_600;
/// Lifetime asked for with a refresh token, in seconds, the longest there is: each renewal uses up a pair.
const ROTATED_TOKEN_SECONDS: i64 = 172_800;
/// Lifetime asked for the refresh token itself, in seconds, the longest there is: a connection may pause.
const REFRESH_TOKEN_SECONDS: i64 = 7_776_000;
/// How long a new pair is waited for when the request that needed it is gone; always real time.
const GRACE: Duration = Duration::from_secs(20);
/// Tokens in a row that may run out unused: a few waits in the queue, no endless loop.
const MOST_RUN_OUT: u32 = 5;

/// The way in which one command signs in.
pub struct Auth {
    method: AuthMethod,
    way: Way,
}

enum Way {
    /// The same header for ever.
    Fixed(HeaderValue),
    /// Tokens that end.
    Renewed {
        endpoint: Url,
        client: OauthClient,
        /// One renewal at a time: whoever comes meanwhile waits here and finds its result.
        slot: Arc<Mutex<Slot>>,
    },
}

struct Slot {
    /// The refresh token to use next, if that is the grant.
    refresh_token: Option<Secret>,
    token: Option<Token>,
    /// Why there will be none any more. Whoever waited for the same renewal gets this as well,
    /// instead of trying again what has just been tried.
    failed: Option<Error>,
    /// Tokens in a row that ran out before the API had taken them once.
    run_out: u32,
}

/// A header, and how it has fared so far.
#[derive(Clone)]
pub struct Token {
    header: HeaderValue,
    /// When to fetch the next one.
    renew_at: Option<Second>,
    /// Whether the API has taken it at least once.
    proven: Arc<AtomicBool>,
}

impl Token {
    /// The value of the `Authorization` header; marked as sensitive.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// The API has taken it: if it is refused later, it has ended.
    pub fn accepted(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    fn lives(&self, now: Second) -> bool {
        self.renew_at.is_none_or(|at| now < at)
    }

    fn new(header: HeaderValue, renew_at: Option<Second>) -> Self {
        Self { header, renew_at, proven: Arc::default() }
    }
}

impl Auth {
    /// Prepares the way that the configuration asks for.
    ///
    /// # Errors
    /// If a credential cannot stand in a header.
    pub fn new(credentials: &Credentials, base: &BaseUrl, retry_loop: &RetryLoop) -> Result<Self> {
        let renewed = |client: &OauthClient, slot| {
            retry_loop.keep_secret(client.client_secret.expose());
            retry_loop.keep_secret(client.client_id.expose());
            Way::Renewed { endpoint: base.join(PATH), client: client.clone(), slot: Arc::new(Mutex::new(slot)) }
        };
        let way = match credentials {
            Credentials::AccessToken { access_token } => Way::Fixed(bearer(access_token, retry_loop)?),
            Credentials::ApiToken { email, api_token } => {
                retry_loop.keep_secret(api_token.expose());
                Way::Fixed(basic(email, api_token, retry_loop)?)
            }
            Credentials::ClientCredentials(client) => {
                renewed(client, Slot { refresh_token: None, token: None, failed: None, run_out: 0 })
            }
            Credentials::RefreshToken(config) => {
                retry_loop.keep_secret(config.refresh_token.expose());
                let token = match &config.granted.access_token {
                    None => None,
                    Some(access_token) => {
                        // Without a date it is tried: a 401 tells.
                        let renew_at = config.granted.token_expiry_date.map(|ends| ends.minus(60));
                        Some(Token::new(bearer(access_token, retry_loop)?, renew_at))
                    }
                };
                // A token from the configuration has been used before: if it is refused, it has ended.
                token.iter().for_each(Token::accepted);
                renewed(
                    &config.client,
                    Slot { refresh_token: Some(config.refresh_token.clone()), token, failed: None, run_out: 0 },
                )
            }
        };
        Ok(Self { method: credentials.method(), way })
    }

    /// Which way it is.
    #[must_use]
    pub fn method(&self) -> AuthMethod {
        self.method
    }

    /// The token for the next request; fetched, if there is none that still lives.
    ///
    /// # Errors
    /// If none can be had.
    pub async fn token(&self, retry_loop: &Arc<RetryLoop>) -> Result<Token> {
        match &self.way {
            Way::Fixed(header) => Ok(Token::new(header.clone(), None)),
            Way::Renewed { endpoint, client, slot } => {
                let slot = Arc::clone(slot).lock_owned().await;
                let now = Second::containing(retry_loop.clock().now());
                match &slot.token {
                    Some(token) if token.lives(now) => Ok(token.clone()),
                    _ => renew(slot, endpoint, client, retry_loop).await,
                }
            }
        }
    }

    /// A token that is at hand and still lives; none is fetched for it.
    #[must_use]
    pub fn token_at_hand(&self, now: Second) -> Option<Token> {
        match &self.way {
            Way::Fixed(header) => Some(Token::new(header.clone(), None)),
            Way::Renewed { slot, .. } => slot.try_lock().ok()?.token.clone().filter(|token| token.lives(now)),
        }
    }

    /// What to do after a 401 for this token: another token to try with, or none if that is no use.
    ///
    /// # Errors
    /// If a renewal fails.
    pub async fn after_refusal(&self, refused: &Token, retry_loop: &Arc<RetryLoop>) -> Result<Option<Token>> {
        let Way::Renewed { endpoint, client, slot } = &self.way else {
            return Ok(None);
        };
        let mut slot = Arc::clone(slot).lock_owned().await;
        match &slot.token {
            // Somebody else has renewed it meanwhile.
            Some(current) if current.header != refused.header => Ok(Some(current.clone())),
            // Fresh from the endpoint, and never accepted: the next one would not be either. Unless it
            // ran out before its turn came, which can happen again, but not for ever.
            Some(current) if !current.proven.load(Ordering::Relaxed) => {
                let ran_out = !current.lives(Second::containing(retry_loop.clock().now()));
                if !ran_out || slot.run_out >= MOST_RUN_OUT {
                    return Ok(None);
                }
                slot.run_out += 1;
                renew(slot, endpoint, client, retry_loop).await.map(Some)
            }
            _ => {
                slot.run_out = 0;
                renew(slot, endpoint, client, retry_loop).await.map(Some)
            }
        }
    }
}

/// The answer of the token endpoint.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    /// Whatever stands here, the tokens beside it are good: a pair that is not read is lost.
    #[serde(default)]
    expires_in: Value,
}

impl Granted {
    /// The lifetime that it names, in seconds; also as `1800.0` or `"1800"`.
    fn seconds(&self) -> Option<i64> {
        let number: f64 = match &self.expires_in {
            Value::String(text) => text.trim().parse().ok()?,
            value => value.as_f64()?,
        };
        #[expect(clippy::cast_possible_truncation, reason = "a float beyond the range becomes its end")]
        let seconds = number as i64;
        Some(seconds.max(0))
    }
}

/// Fetches the next token, in a task of its own: whoever asked may be stopped meanwhile, and a pair
/// that is on its way would be lost with the request. The task keeps the retry loop, for whose end the
/// reporter waits, and for the reporter the command.
async fn renew(
    slot: OwnedMutexGuard<Slot>,
    endpoint: &Url,
    client: &OauthClient,
    retry_loop: &Arc<RetryLoop>,
) -> Result<Token> {
    if let Some(error) = &slot.failed {
        return Err(error.clone());
    }
    let (mut asked, renewed) = oneshot::channel();
    let (endpoint, client, retry_loop) = (endpoint.clone(), client.clone(), Arc::clone(retry_loop));
    let task = tokio::spawn(async move {
        let mut slot = slot;
        let grace = if slot.refresh_token.is_some() { GRACE } else { Duration::ZERO };
        let renewed = tokio::select! {
            biased;
            renewed = slot.renew(&endpoint, &client, &retry_loop) => renewed,
            () = async {
                asked.closed().await;
                tokio::time::sleep(grace).await;
            } => return,
        };
        // Whoever asked may be gone.
        let _ = asked.send(renewed);
    });
    match renewed.await {
        Ok(renewed) => renewed,
        Err(_) => Err(task.await.err().map_or_else(|| Failure::Defect.into(), |error| of_task(error).into())),
    }
}

impl Slot {
    async fn renew(&mut self, endpoint: &Url, client: &OauthClient, retry_loop: &RetryLoop) -> Result<Token> {
        let renewed = self.fetch(endpoint, client, retry_loop).await;
        self.failed = renewed.as_ref().err().cloned();
        renewed
    }

    async fn fetch(&mut self, endpoint: &Url, client: &OauthClient, retry_loop: &RetryLoop) -> Result<Token> {
        let rotating = self.refresh_token.is_some();
        let seconds = if rotating { ROTATED_TOKEN_SECONDS } else { TOKEN_SECONDS };
        let mut body = json!({
            "grant_type": if rotating { "refresh_token" } else { "client_credentials" },
            "client_id": client.client_id.expose(),
            "client_secret": client.client_secret.expose(),
            "scope": SCOPE,
            "expires_in": seconds,
        });
        if let Some(refresh_token) = &self.refresh_token {
            body["refresh_token"] = Value::from(refresh_token.expose());
            body["refresh_token_expires_in"] = Value::from(REFRESH_TOKEN_SECONDS);
        }
        let request = Outgoing::post_secret(endpoint.clone(), body.to_string().into_bytes());
        let now = Second::containing(retry_loop.clock().now());
        let granted = retry_loop.run(&request, |response| read_grant(response, rotating, retry_loop)).await?;
        let seconds = granted.seconds().unwrap_or(seconds);
        let access_token = Secret::new(granted.access_token);
        retry_loop.keep_secret(access_token.expose());
        if let Some(refresh_token) = granted.refresh_token.filter(|_| rotating) {
            retry_loop.keep_secret(&refresh_token);
            let refresh_token = Secret::new(refresh_token);
            let (kept, response) = oneshot::channel();
            retry_loop.notify(Notice::Rotated {
                access_token: access_token.clone(),
                expires_at: now.plus(seconds),
                refresh_token: refresh_token.clone(),
                kept,
            });
            self.refresh_token = Some(refresh_token);
            // Used before it is kept, a pair could be lost for good.
            response.await.map_err(|_| Failure::Defect)?;
        }
        // A tenth of its life, a minute at most, is left for requests under way.
        let header = bearer(&access_token, retry_loop)?;
        let token = Token::new(header, Some(now.plus(seconds - (seconds / 10).min(60))));
        self.token = Some(token.clone());
        Ok(token)
    }
}

/// Reads an answer of the token endpoint.
fn read_grant(
    response: &mut Response,
    rotating: bool,
    retry_loop: &RetryLoop,
) -> std::result::Result<Granted, FailedAttempt> {
    if let Some(failure) = response.common_failure(retry_loop.clock().now()) {
        return Err(failure);
    }
    if matches!(response.status, 200 | 201) {
        // A list would be read as the fields in their order.
        let is_object = response.body.trim_ascii_start().starts_with(b"{");
        let granted = serde_json::from_slice::<Granted>(&response.body).ok();
        let granted = granted.filter(|granted| is_object && !granted.access_token.is_empty());
        return granted
            // A refresh grant that brings no new refresh token would be the last one.
            .filter(|granted| !rotating || granted.refresh_token.as_ref().is_some_and(|token| !token.is_empty()))
            .ok_or(FailedAttempt::transient(Failure::NotAToken));
    }
    Err(FailedAttempt::permanent(refusal(response, rotating)))
}

/// The reasons for which the token endpoint says no. Which words go with which reason is not
/// documented beyond the codes, so the words only make the message sharper.
fn refusal(response: &Response, rotating: bool) -> Failure {
    let json = response.json().unwrap_or_default();
    let words = json["error_description"].as_str().unwrap_or_default().to_ascii_lowercase();
    let about = |any: &[&str]| any.iter().any(|word| words.contains(word));
    match json["error"].as_str() {
        Some("invalid_scope") => Failure::OauthScope,
        Some("unauthorized_client") => Failure::OauthClientKind,
        Some("invalid_grant") if rotating => Failure::RefreshTokenInvalid,
        Some("invalid_client") if about(&["confidential", "public"]) => Failure::OauthClientKind,
        Some("invalid_client") if about(&["secret"]) => Failure::OauthSecret,
        Some("invalid_client") if about(&["unknown", "no such", "not found", "not exist"]) => {
            Failure::OauthClientUnknown
        }
        // There is no grant but the client itself where nothing rotates.
        Some("invalid_client" | "invalid_grant") => Failure::OauthClient,
        _ if response.status == 401 => Failure::OauthClient,
        // The API always says why; what says nothing stands before it.
        _ if response.status == 403 && !json.is_object() => Failure::IpRestricted,
        _ if response.status == 404 => Failure::EndpointNotFound,
        _ => Failure::OauthRefused { status: response.status },
    }
}

fn bearer(token: &Secret, retry_loop: &RetryLoop) -> Result<HeaderValue> {
    retry_loop.keep_secret(token.expose());
    sensitive(&format!("Bearer {}", token.expose()))
}

fn basic(email: &str, token: &Secret, retry_loop: &RetryLoop) -> Result<HeaderValue> {
    let pair = BASE64_STANDARD.encode(format!("{email}/token:{}", token.expose()));
    retry_loop.keep_secret(&pair);
    sensitive(&format!("Basic {pair}"))
}

fn sensitive(value: &str) -> Result<HeaderValue> {
    let mut header = HeaderValue::from_str(value).map_err(|_| Failure::Defect)?;
    header.set_sensitive(true);
    Ok(header)
}
