//! One request into one answer: which path, who may, what comes. Knows nothing of
//! connections, headers' encoding or time passing.

use std::{
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use crate::{
    auth,
    interfere::SeenRequest,
    oauth::OAuth,
    options::{Account, Options},
    page::{self, Asked},
    query::{self, Ends},
    rate_limit::RateLimit,
    record::World,
    reply::Reply,
    store::Store,
    timeline::Timeline,
};

/// The state of a sandbox.
#[derive(Debug)]
pub(crate) struct Zendesk {
    pub(crate) options: Options,
    /// Scheme, host and port.
    pub(crate) base_url: String,
    pub(crate) store: RwLock<Store>,
    pub(crate) account: Mutex<Account>,
    pub(crate) oauth: Mutex<OAuth>,
    rate_limit: Mutex<RateLimit>,
}

impl Zendesk {
    /// An account as the options describe it. Its span must hold at least a second.
    pub(crate) fn new(options: Options, base_url: String) -> Self {
        let from = options.from.as_second();
        let span = (options.to.as_second() - from).max(1) as u64;
        let timeline = Timeline { seed: options.seed, from, span, events: options.events, shape: options.shape };
        let world =
            World { seed: options.seed, subdomain: options.subdomain.clone(), old_before: from + (span / 5) as i64 };
        Self {
            base_url,
            store: RwLock::new(Store::new(world, &timeline)),
            account: Mutex::new(options.account),
            oauth: Mutex::new(OAuth::new(options.seed, options.token_lifetime)),
            rate_limit: Mutex::new(RateLimit::new(options.rate_limit, options.minute)),
            options,
        }
    }

    /// The answer to a request that is answered `now`.
    pub(crate) fn answer(&self, request: &SeenRequest, now: Instant) -> Reply {
        if *locked(&self.account) == Account::Missing {
            return Reply::no_help_desk(&self.options.subdomain);
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/oauth/tokens" | "/oauth/tokens.json") => locked(&self.oauth).answer(&request.body, now),
            (_, path) if path.starts_with("/api/") => self.limited(request, now),
            _ => Reply::invalid_endpoint(),
        }
    }

    /// The API's answer, counted against the rate limit and with its headers.
    fn limited(&self, request: &SeenRequest, now: Instant) -> Reply {
        let standing = locked(&self.rate_limit).take(now);
        let mut reply = if standing.allowed {
            self.api(request, now).unwrap_or_else(|refusal| refusal)
        } else {
            standing.refusal(self.options.retry_after)
        };
        reply.headers.extend(standing.headers(self.options.rate_headers));
        reply
    }

    fn api(&self, request: &SeenRequest, now: Instant) -> Result<Reply, Reply> {
        let caller = || auth::identify(request.authorization.as_deref(), &locked(&self.oauth), now);
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "/api/v2/audit_logs" | "/api/v2/audit_logs.json") => self.audit_logs(request, caller()?),
            ("GET" | "HEAD", "/api/v2/users/me" | "/api/v2/users/me.json") => Ok(me(caller().ok())),
            _ => Err(Reply::invalid_endpoint()),
        }
    }

    fn audit_logs(&self, request: &SeenRequest, caller: auth::Caller) -> Result<Reply, Reply> {
        if *locked(&self.account) == Account::Professional {
            return Err(Reply::forbidden());
        }
        if !caller.in_scope {
            return Err(Reply::missing_scope());
        }
        if !caller.admin {
            return Err(Reply::forbidden());
        }
        let ends = Ends { start_inclusive: self.options.start_inclusive, end_inclusive: self.options.end_inclusive };
        let query = query::parse(&request.params, ends)?;
        let url = format!("{}{}", self.base_url, request.path);
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        Ok(page::answer(&store, &query, Asked { url: &url, params: &request.params }))
    }
}

/// The guard of a lock whose holder may have panicked: all changes under these
/// locks are complete at every point.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The caller as a user; without good credentials it is a 200 all the same.
fn me(caller: Option<auth::Caller>) -> Reply {
    Reply::json(
        200,
        match caller {
            Some(auth::Caller { admin: true, .. }) => {
                r#"{"user":{"id":370000000000,"name":"Jane Admin","email":"sandbox.admin@fake-mail.example","role":"admin","active":true}}"#
            }
            Some(_) => {
                r#"{"user":{"id":370000104729,"name":"Bob Cat","email":"sandbox.agent@fake-mail.example","role":"agent","active":true}}"#
            }
            None => {
                r#"{"user":{"id":null,"name":"Anonymous user","email":"invalid@example.com","role":"end-user","active":false}}"#
            }
        },
    )
}
