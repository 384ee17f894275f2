//! The OAuth server: issues tokens for three grants at `POST /oauth/tokens`. Decides which
//! user a token acts for. Must not decide what it can read.

mod authorization;
mod client;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use self::{
    authorization::Code,
    client::{Client, Proof},
};
use crate::{
    credentials,
    options::{Options, RefreshResponse, Tokens},
    query,
    reply::{Delay, Reply},
    rng::Rng,
};

const ACCESS: u64 = 31;
const REFRESH: u64 = 32;
/// Range of `expires_in` in seconds (documented).
const LIFETIME: (u64, u64) = (300, 172_800);
/// Range of `refresh_token_expires_in` in seconds (documented).
const REFRESH_LIFETIME: (u64, u64) = (604_800, 7_776_000);
/// Lifetime of tokens if none is requested, for clients created after 30 April 2026
/// (documented).
const DEFAULT_LIFETIME: Duration = Duration::from_mins(30);
const DEFAULT_REFRESH_LIFETIME: Duration = Duration::from_hours(24 * 30);
const INVALID_GRANT: &str = "The provided authorization grant is invalid, expired, revoked, \
    does not match the redirection URI used in the authorization request, \
    or was issued to another client.";

/// Token requests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenRequests {
    /// Tokens issued by the authorization code grant.
    pub authorization_code: usize,
    /// Tokens issued by the client credentials grant.
    pub client_credentials: usize,
    /// Pairs issued by the refresh token grant.
    pub refresh_token: usize,
    /// Requests that were refused.
    pub refused: usize,
}

/// An issued access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// Scopes, separated by spaces.
    pub(crate) scope: String,
    pub(crate) admin: bool,
    pub(crate) expires: Instant,
    /// How often it will be refused, because it has not reached every server.
    refusals: u32,
}

#[derive(Clone, Debug)]
struct Refresh {
    client: &'static str,
    scope: String,
    admin: bool,
    access: Option<String>,
    expires: Option<Instant>,
}

/// The tokens of a sandbox.
#[derive(Debug)]
pub(crate) struct OAuth {
    seed: u64,
    lifetime: Option<Duration>,
    behavior: Tokens,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    codes: HashMap<String, Code>,
    /// Every issued token and code, valid or not.
    pub(crate) secrets: Vec<String>,
    pub(crate) requests: TokenRequests,
}

/// A granted token request.
struct Grant {
    client: &'static Client,
    scope: String,
    admin: bool,
    kind: Kind,
}

/// The grant type.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    ClientCredentials,
    /// Uses up this code.
    AuthorizationCode(String),
    /// Uses up this refresh token.
    Refresh(String),
}

impl OAuth {
    /// Creates the OAuth server of a sandbox with these options.
    pub(crate) fn new(options: &Options) -> Self {
        let first = Refresh {
            client: credentials::CLIENT_ID,
            scope: "auditlogs:read".to_owned(),
            admin: true,
            access: None,
            expires: None,
        };
        Self {
            seed: options.seed,
            lifetime: options.token_lifetime,
            behavior: options.tokens.clone(),
            access: HashMap::new(),
            refresh: HashMap::from([(credentials::REFRESH_TOKEN.to_owned(), first)]),
            codes: HashMap::new(),
            secrets: Vec::new(),
            requests: TokenRequests::default(),
        }
    }

    /// Returns the access token if it is valid.
    pub(crate) fn find(&self, token: &str, now: Instant) -> Option<&Access> {
        self.access.get(token).filter(|access| now < access.expires)
    }

    /// Returns the access token of a request if it is valid and has reached every server.
    pub(crate) fn admit(&mut self, token: &str, now: Instant) -> Option<&Access> {
        let access = self.access.get_mut(token).filter(|access| now < access.expires)?;
        if access.refusals > 0 {
            access.refusals -= 1;
            return None;
        }
        Some(access)
    }

    /// Revokes all access tokens.
    pub(crate) fn revoke(&mut self) {
        self.access.clear();
    }

    /// Responds to a token request.
    pub(crate) fn respond(&mut self, body: &[u8], now: Instant) -> Reply {
        let mut reply = self.try_respond(body, now).unwrap_or_else(|refusal| {
            self.requests.refused += 1;
            refusal
        });
        if self.behavior.delay_seconds > 0 {
            reply.delay = Delay::For(Duration::from_secs(self.behavior.delay_seconds.into()));
        }
        reply
    }

    fn try_respond(&mut self, body: &[u8], now: Instant) -> Result<Reply, Reply> {
        let request = parse(body)?;
        let grant = match text(&request, "grant_type") {
            Some("client_credentials") => client_credentials(&request)?,
            Some("authorization_code") => self.code_grant(&request, now)?,
            Some("refresh_token") => self.refresh_grant(&request, now)?,
            Some(_) => {
                return Err(Reply::oauth(
                    400,
                    "unsupported_grant_type",
                    "The authorization grant type is not supported by the authorization server.",
                ));
            }
            None => return Err(invalid_request("Missing required parameter: grant_type.")),
        };
        let expires_in = seconds(&request, "expires_in", LIFETIME)?;
        let refresh_in = seconds(&request, "refresh_token_expires_in", REFRESH_LIFETIME)?;
        Ok(self.issue(grant, expires_in, refresh_in, now))
    }

    fn code_grant(&self, request: &Map<String, Value>, now: Instant) -> Result<Grant, Reply> {
        let invalid = || Reply::oauth(400, "invalid_grant", INVALID_GRANT);
        let code = text(request, "code").ok_or_else(|| invalid_request("Missing required parameter: code."))?;
        let known = self.codes.get(code).filter(|known| known.is_valid(now));
        let proof = if known.is_some_and(Code::has_challenge) { Proof::Pkce } else { Proof::Secret };
        let client = client::authenticate(request, proof)?;
        let known = known.filter(|known| known.client == client.id).ok_or_else(invalid)?;
        if text(request, "redirect_uri") != Some(&known.redirect_uri) || !known.verifies(text(request, "code_verifier"))
        {
            return Err(invalid());
        }
        let kind = Kind::AuthorizationCode(code.to_owned());
        Ok(Grant { client, scope: known.scope.clone(), admin: known.admin, kind })
    }

    fn refresh_grant(&self, request: &Map<String, Value>, now: Instant) -> Result<Grant, Reply> {
        let client = client::authenticate(request, Proof::Secret)?;
        let token = text(request, "refresh_token")
            .ok_or_else(|| invalid_request("Missing required parameter: refresh_token."))?;
        let known = self
            .refresh
            .get(token)
            .filter(|known| known.client == client.id && known.expires.is_none_or(|expires| now < expires))
            .ok_or_else(|| Reply::oauth(400, "invalid_grant", INVALID_GRANT))?;
        let scope = match text(request, "scope") {
            Some(requested) => client.scope(requested).ok_or_else(invalid_scope)?,
            None => known.scope.clone(),
        };
        Ok(Grant { client, scope, admin: known.admin, kind: Kind::Refresh(token.to_owned()) })
    }

    fn issue(&mut self, grant: Grant, expires_in: Option<u64>, refresh_in: Option<u64>, now: Instant) -> Reply {
        let requested = expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs);
        let lifetime = self.lifetime.unwrap_or(requested);
        let access = self.new_secret("zdsb-at-", ACCESS);
        let mut response = Map::new();
        response.insert("access_token".to_owned(), access.clone().into());
        response.insert("token_type".to_owned(), "bearer".into());
        response.insert("scope".to_owned(), grant.scope.clone().into());
        if let Some(value) = &self.behavior.expires_in {
            response.insert("expires_in".to_owned(), value.clone());
        } else if expires_in.is_some() {
            response.insert("expires_in".to_owned(), whole_seconds(lifetime).into());
        }
        let counter = match grant.kind {
            Kind::ClientCredentials => &mut self.requests.client_credentials,
            Kind::AuthorizationCode(_) => &mut self.requests.authorization_code,
            Kind::Refresh(_) => &mut self.requests.refresh_token,
        };
        *counter += 1;
        match &grant.kind {
            Kind::Refresh(used) if self.behavior.refresh_response == RefreshResponse::AccessOnly => {
                if let Some(known) = self.refresh.get_mut(used) {
                    known.access = Some(access.clone());
                }
            }
            Kind::Refresh(used) => {
                if let Some(old) = self.refresh.remove(used).and_then(|old| old.access) {
                    self.access.remove(&old);
                }
                self.add_refresh_token(&mut response, &grant, &access, refresh_in, now);
            }
            Kind::AuthorizationCode(code) => {
                self.codes.remove(code);
                if grant.client.confidential {
                    self.add_refresh_token(&mut response, &grant, &access, refresh_in, now);
                }
            }
            Kind::ClientCredentials => {}
        }
        // A lifetime that the clock cannot represent becomes a month.
        let expires = now.checked_add(lifetime).unwrap_or(now + DEFAULT_REFRESH_LIFETIME);
        let refusals = self.behavior.propagation;
        self.access.insert(access, Access { scope: grant.scope, admin: grant.admin, expires, refusals });
        Reply::json(201, Value::Object(response).to_string())
    }

    /// Issues the refresh token of a pair and puts it into the response.
    fn add_refresh_token(
        &mut self,
        response: &mut Map<String, Value>,
        grant: &Grant,
        access: &str,
        refresh_in: Option<u64>,
        now: Instant,
    ) {
        let token = self.new_secret("zdsb-rt-", REFRESH);
        response.insert("refresh_token".to_owned(), token.clone().into());
        if let Some(seconds) = refresh_in {
            response.insert("refresh_token_expires_in".to_owned(), seconds.into());
        }
        let lifetime = refresh_in.map_or(DEFAULT_REFRESH_LIFETIME, Duration::from_secs);
        let refresh = Refresh {
            client: grant.client.id,
            scope: grant.scope.clone(),
            admin: grant.admin,
            access: Some(access.to_owned()),
            expires: now.checked_add(lifetime),
        };
        self.refresh.insert(token, refresh);
    }

    fn new_secret(&mut self, prefix: &str, salt: u64) -> String {
        let mut rng = Rng::new(self.seed, self.secrets.len() as u64, salt);
        let secret = format!("{prefix}{:016x}{:016x}", rng.next(), rng.next());
        self.secrets.push(secret.clone());
        secret
    }
}

/// Parses a token request: a JSON object, or a form as OAuth libraries send it.
fn parse(body: &[u8]) -> Result<Map<String, Value>, Reply> {
    if let Ok(request) = serde_json::from_slice(body) {
        return Ok(request);
    }
    let form = query::params(&String::from_utf8_lossy(body));
    if !form.iter().any(|(name, _)| name == "grant_type") {
        return Err(invalid_request("The request body is neither a JSON object nor a form."));
    }
    // Numbers are written as strings in a form.
    let value = |name: &str, text: String| match text.parse::<u64>() {
        Ok(number) if name.ends_with("expires_in") => number.into(),
        _ => Value::String(text),
    };
    Ok(form.into_iter().map(|(name, text)| (name.clone(), value(&name, text))).collect())
}

fn client_credentials(request: &Map<String, Value>) -> Result<Grant, Reply> {
    let client = client::authenticate(request, Proof::Secret)?;
    let scope = client.scope(text(request, "scope").unwrap_or_default()).ok_or_else(invalid_scope)?;
    Ok(Grant { client, scope, admin: client.admin, kind: Kind::ClientCredentials })
}

fn invalid_scope() -> Reply {
    Reply::oauth(400, "invalid_scope", "The requested scope is invalid, unknown, or malformed.")
}

/// Returns a number of seconds, if it is present and in range.
fn seconds(request: &Map<String, Value>, name: &str, (least, most): (u64, u64)) -> Result<Option<u64>, Reply> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|n| (least..=most).contains(n)) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(invalid_request(&format!("Invalid {name}: must be an integer between {least} and {most}."))),
        },
    }
}

fn invalid_request(description: &str) -> Reply {
    Reply::oauth(400, "invalid_request", description)
}

fn text<'a>(request: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    request.get(name).and_then(Value::as_str)
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1)
}
