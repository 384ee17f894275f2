//! OAuth tokens given out by `POST /oauth/tokens`, with both grants. Decides who a
//! token is; never what it may read.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use crate::{
    credentials,
    dice::Dice,
    options::{Options, RefreshAnswer, Tokens},
    reply::{Delay, Reply},
};

const ACCESS: u64 = 31;
const REFRESH: u64 = 32;
/// `expires_in`, in seconds (documented).
const LIFETIME: (u64, u64) = (300, 172_800);
/// `refresh_token_expires_in`, in seconds (documented).
const REFRESH_LIFETIME: (u64, u64) = (604_800, 7_776_000);
/// What clients made after 30 April 2026 give when nothing is requested (documented).
const DEFAULT_LIFETIME: Duration = Duration::from_mins(30);
const DEFAULT_REFRESH_LIFETIME: Duration = Duration::from_hours(24 * 30);
const DEAD_GRANT: &str = "The provided authorization grant is invalid, expired, revoked, \
    does not match the redirection URI used in the authorization request, \
    or was issued to another client.";

/// How many token requests came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenRequests {
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
    /// One space-separated string.
    pub(crate) scope: String,
    pub(crate) admin: bool,
    pub(crate) dies: Instant,
    /// How often it is still refused, as a token that has not reached every server.
    refusals: u32,
}

#[derive(Clone, Debug)]
struct Refresh {
    client: &'static str,
    scope: String,
    access: Option<String>,
    dies: Option<Instant>,
}

/// A client as registered.
struct Client {
    id: &'static str,
    admin: bool,
    confidential: bool,
    /// Allowed scopes; `None` is all.
    scopes: Option<&'static [&'static str]>,
}

const CLIENTS: [Client; 4] = [
    Client { id: credentials::CLIENT_ID, admin: true, confidential: true, scopes: None },
    Client { id: credentials::AGENT_CLIENT_ID, admin: false, confidential: true, scopes: None },
    Client { id: credentials::PUBLIC_CLIENT_ID, admin: true, confidential: false, scopes: None },
    Client {
        id: credentials::LIMITED_CLIENT_ID,
        admin: true,
        confidential: true,
        scopes: Some(&["tickets:read", "users:read"]),
    },
];

/// The tokens of a sandbox.
#[derive(Debug)]
pub(crate) struct OAuth {
    seed: u64,
    lifetime: Option<Duration>,
    behaviour: Tokens,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    /// Every token issued, dead or alive.
    pub(crate) secrets: Vec<String>,
    pub(crate) requests: TokenRequests,
}

/// What a grant comes to.
struct Grant {
    client: &'static Client,
    scope: String,
    /// The refresh token to use up, in that grant.
    used: Option<String>,
}

impl OAuth {
    /// The tokens of a sandbox with these options.
    pub(crate) fn new(options: &Options) -> Self {
        let first =
            Refresh { client: credentials::CLIENT_ID, scope: "auditlogs:read".to_owned(), access: None, dies: None };
        Self {
            seed: options.seed,
            lifetime: options.token_lifetime,
            behaviour: options.tokens.clone(),
            access: HashMap::new(),
            refresh: HashMap::from([(credentials::REFRESH_TOKEN.to_owned(), first)]),
            secrets: Vec::new(),
            requests: TokenRequests::default(),
        }
    }

    /// The access token, if it was issued and lives.
    pub(crate) fn find(&self, token: &str, now: Instant) -> Option<&Access> {
        self.access.get(token).filter(|access| now < access.dies)
    }

    /// The access token of a request, if it was issued, lives, and has reached every server.
    pub(crate) fn admit(&mut self, token: &str, now: Instant) -> Option<&Access> {
        let access = self.access.get_mut(token).filter(|access| now < access.dies)?;
        if access.refusals > 0 {
            access.refusals -= 1;
            return None;
        }
        Some(access)
    }

    /// All access tokens die.
    pub(crate) fn revoke(&mut self) {
        self.access.clear();
    }

    /// Answers a token request with this body.
    pub(crate) fn answer(&mut self, body: &[u8], now: Instant) -> Reply {
        let mut reply = self.try_answer(body, now).unwrap_or_else(|refusal| {
            self.requests.refused += 1;
            refusal
        });
        if self.behaviour.delay_seconds > 0 {
            reply.delay = Delay::For(Duration::from_secs(self.behaviour.delay_seconds.into()));
        }
        reply
    }

    fn try_answer(&mut self, body: &[u8], now: Instant) -> Result<Reply, Reply> {
        let request: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| invalid_request("The request body is not a JSON object."))?;
        let grant = match text(&request, "grant_type") {
            Some("client_credentials") => client_credentials(&request)?,
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

    fn refresh_grant(&self, request: &Map<String, Value>, now: Instant) -> Result<Grant, Reply> {
        let client = client(request)?;
        let token = text(request, "refresh_token")
            .ok_or_else(|| invalid_request("Missing required parameter: refresh_token."))?;
        let known = self
            .refresh
            .get(token)
            .filter(|known| known.client == client.id && known.dies.is_none_or(|dies| now < dies))
            .ok_or_else(|| Reply::oauth(400, "invalid_grant", DEAD_GRANT))?;
        let scope = match text(request, "scope") {
            Some(_) => scope(request, client)?,
            None => known.scope.clone(),
        };
        Ok(Grant { client, scope, used: Some(token.to_owned()) })
    }

    fn issue(&mut self, grant: Grant, expires_in: Option<u64>, refresh_in: Option<u64>, now: Instant) -> Reply {
        let requested = expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs);
        let lifetime = self.lifetime.unwrap_or(requested);
        let access = self.new_secret("zdsb-at-", ACCESS);
        let mut answer = Map::new();
        answer.insert("access_token".to_owned(), access.clone().into());
        answer.insert("token_type".to_owned(), "bearer".into());
        answer.insert("scope".to_owned(), grant.scope.clone().into());
        if let Some(value) = &self.behaviour.expires_in {
            answer.insert("expires_in".to_owned(), value.clone());
        } else if expires_in.is_some() {
            answer.insert("expires_in".to_owned(), whole_seconds(lifetime).into());
        }
        if let (Some(used), RefreshAnswer::AccessOnly) = (&grant.used, self.behaviour.refresh_answer) {
            if let Some(known) = self.refresh.get_mut(used) {
                known.access = Some(access.clone());
            }
            self.requests.refresh_token += 1;
        } else if let Some(used) = grant.used {
            if let Some(old) = self.refresh.remove(&used).and_then(|old| old.access) {
                self.access.remove(&old);
            }
            let token = self.new_secret("zdsb-rt-", REFRESH);
            answer.insert("refresh_token".to_owned(), token.clone().into());
            if let Some(seconds) = refresh_in {
                answer.insert("refresh_token_expires_in".to_owned(), seconds.into());
            }
            let lives = refresh_in.map_or(DEFAULT_REFRESH_LIFETIME, Duration::from_secs);
            let refresh = Refresh {
                client: grant.client.id,
                scope: grant.scope.clone(),
                access: Some(access.clone()),
                dies: now.checked_add(lives),
            };
            self.refresh.insert(token, refresh);
            self.requests.refresh_token += 1;
        } else {
            self.requests.client_credentials += 1;
        }
        // A lifetime beyond what the clock can count is as good as a month.
        let dies = now.checked_add(lifetime).unwrap_or(now + DEFAULT_REFRESH_LIFETIME);
        let refusals = self.behaviour.propagation;
        self.access.insert(access, Access { scope: grant.scope, admin: grant.client.admin, dies, refusals });
        Reply::json(201, Value::Object(answer).to_string())
    }

    fn new_secret(&mut self, prefix: &str, salt: u64) -> String {
        let mut dice = Dice::new(self.seed, self.secrets.len() as u64, salt);
        let secret = format!("{prefix}{:016x}{:016x}", dice.next(), dice.next());
        self.secrets.push(secret.clone());
        secret
    }
}

fn client_credentials(request: &Map<String, Value>) -> Result<Grant, Reply> {
    let client = client(request)?;
    Ok(Grant { client, scope: scope(request, client)?, used: None })
}

/// The client, if it is known, confidential, and its secret is right.
fn client(request: &Map<String, Value>) -> Result<&'static Client, Reply> {
    let invalid = |status, why| Reply::oauth(status, "invalid_client", why);
    let id = text(request, "client_id").unwrap_or_default();
    let client = CLIENTS.iter().find(|client| client.id == id).ok_or_else(|| {
        invalid(401, "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.")
    })?;
    if !client.confidential {
        return Err(invalid(400, "The client is not confidential and cannot use this grant type."));
    }
    if text(request, "client_secret") != Some(credentials::CLIENT_SECRET) {
        return Err(invalid(401, "Client authentication failed: the client secret is incorrect."));
    }
    Ok(client)
}

/// The requested scopes, if each has the form of one and the client is allowed it.
fn scope(request: &Map<String, Value>, client: &Client) -> Result<String, Reply> {
    let asked = text(request, "scope").unwrap_or_default();
    let known = |scope: &str| match scope.split_once(':') {
        Some((resource, access)) => {
            !resource.is_empty()
                && resource.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                && matches!(access, "read" | "write")
        }
        None => matches!(scope, "read" | "write" | "impersonate"),
    };
    let allowed = |scope: &str| client.scopes.is_none_or(|allowed| allowed.contains(&scope));
    let mut scopes = asked.split(' ').filter(|scope| !scope.is_empty()).peekable();
    if scopes.peek().is_some() && scopes.all(|scope| known(scope) && allowed(scope)) {
        return Ok(asked.to_owned());
    }
    Err(Reply::oauth(400, "invalid_scope", "The requested scope is invalid, unknown, or malformed."))
}

/// A number of seconds, if named and in range.
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
