//! Routes a request to its endpoint and checks who may call it. Must not access the
//! network, or read a clock except for the time when the sandbox starts.
//!
//! Paths under `/sandbox/` do not exist at Zendesk. Tests of the running program use them
//! to read and change its data, without credentials and outside the rate limits.

use std::{
    sync::{Mutex, PoisonError, RwLock},
    time::Instant,
};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    access::Access,
    auth,
    lock::lock,
    moment::{Moment, whole_seconds},
    oauth::OAuth,
    options::{Account, Options, ServerClock},
    overload::{self, Weight},
    page::{self, Listing, RequestUrl},
    query::{self, Bounds},
    rate_limit::RateLimit,
    record::Context,
    reply::Reply,
    response_hook::SeenRequest,
    special::Special,
    store::Store,
    timeline::Timeline,
    token_info,
    traffic::Traffic,
};

/// Maximum number of events that one request to `/sandbox/events` adds.
const MAX_ARRIVALS: u64 = 1_000_000;

/// The body of `POST /sandbox/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrivals {
    count: u64,
    from: String,
    to: String,
}

/// The state of a sandbox.
#[derive(Debug)]
pub(crate) struct Zendesk {
    pub(crate) options: Options,
    /// Scheme, host and port.
    pub(crate) base_url: String,
    pub(crate) store: RwLock<Store>,
    pub(crate) access: Access,
    pub(crate) account: Mutex<Account>,
    pub(crate) oauth: Mutex<OAuth>,
    pub(crate) traffic: Mutex<Traffic>,
    rate_limit: Mutex<RateLimit>,
    /// The audit log endpoint's own limits, in the order of the options.
    endpoint_limits: Mutex<Vec<RateLimit>>,
}

impl Zendesk {
    /// Creates the account that the options describe. Its history must span at least a
    /// second.
    pub(crate) fn new(options: Options, base_url: String) -> Self {
        let from = options.from.as_second();
        let span = (options.to.as_second() - from).max(1) as u64;
        let timeline = Timeline { seed: options.seed, from, span, events: options.events, shape: options.shape };
        let context = Context {
            seed: options.seed,
            subdomain: options.subdomain.clone(),
            old_before: from + (span / 5) as i64,
            dates: options.dates.clone(),
            record_bytes: options.load.record_bytes.unwrap_or(0),
        };
        let end = options.to.as_second();
        let special = Special::choose(options.seed, options.events, end, &options.order, &options.dates);
        let limits = options.limits.endpoint.iter();
        let limits = limits.map(|it| RateLimit::new(Some(it.total), it.window.unwrap_or(options.minute))).collect();
        let account_limit =
            RateLimit::new(options.rate_limit, options.minute).shared_with(options.limits.other_requests);
        let now = match options.clock {
            ServerClock::Machine => Timestamp::now(),
            ServerClock::Requests(_) => options.to,
        };
        Self {
            base_url,
            store: RwLock::new(Store::new(context, &timeline, &special, options.scenario)),
            access: Access::new(&options, now),
            account: Mutex::new(options.account),
            oauth: Mutex::new(OAuth::new(&options)),
            traffic: Mutex::default(),
            rate_limit: Mutex::new(account_limit),
            endpoint_limits: Mutex::new(limits),
            options,
        }
    }

    /// Responds to a request.
    pub(crate) fn respond(&self, request: &SeenRequest, moment: &Moment) -> Reply {
        let now = moment.instant;
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/sandbox/events") => return arrive(&request.body, |n, from, to| self.add_events(n, from, to)),
            ("POST", "/sandbox/access_events") => {
                return arrive(&request.body, |n, from, to| self.access.add(n, from, to));
            }
            ("GET", "/sandbox/access_records") => return Reply::json_lines(&self.access.records()),
            ("GET", "/sandbox/traffic") => {
                return Reply::json(200, serde_json::to_vec(&*lock(&self.traffic)).unwrap_or_default());
            }
            ("GET", "/sandbox/records") => return Reply::json_lines(&self.records()),
            _ => {}
        }
        if *lock(&self.account) == Account::Missing {
            return Reply::no_help_desk(&self.options.subdomain);
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/oauth/tokens" | "/oauth/tokens.json") => lock(&self.oauth).respond(&request.body, now),
            ("GET" | "HEAD", "/oauth/authorizations/new") => OAuth::consent_page(&request.params),
            ("POST", "/oauth/authorizations") => lock(&self.oauth).decide(&request.body, now),
            ("GET" | "HEAD", "/api/v2/access_logs" | "/api/v2/access_logs.json") => {
                self.access_logs(request, moment).unwrap_or_else(|refusal| refusal)
            }
            (_, path) if path.starts_with("/api/") => self.limited(request, now),
            _ => Reply::invalid_endpoint(),
        }
    }

    /// Returns the JSON of every event, ascending by time.
    pub(crate) fn records(&self) -> Vec<String> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.keys().iter().map(|&key| store.text(key)).collect()
    }

    /// Adds events in the whole seconds of `from..to`, or in the second of `from` if there
    /// are none. Returns their JSON, ascending by time.
    pub(crate) fn add_events(&self, count: u64, from: Timestamp, to: Timestamp) -> Vec<String> {
        let (first, end) = whole_seconds(from, to);
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let added = store.add(count, first, end);
        added.into_iter().map(|key| store.text(key)).collect()
    }

    /// Responds to an API request, counts it against the rate limits, and adds their headers.
    fn limited(&self, request: &SeenRequest, now: Instant) -> Reply {
        let quota = lock(&self.rate_limit).take(now);
        let mut headers = quota.headers(self.options.rate_headers);
        let mut refusal = (!quota.allowed).then_some(quota);
        if refusal.is_none() && matches!(request.path.as_str(), "/api/v2/audit_logs" | "/api/v2/audit_logs.json") {
            for (limit, option) in lock(&self.endpoint_limits).iter_mut().zip(&self.options.limits.endpoint) {
                let quota = limit.take(now);
                headers.push(quota.endpoint_header(&option.name));
                refusal = refusal.or((!quota.allowed).then_some(quota));
            }
        }
        let mut reply = match refusal {
            None => self.api(request, now).unwrap_or_else(|refusal| refusal),
            Some(quota) => quota.refusal(self.options.retry_after),
        };
        reply.headers.extend(headers);
        reply
    }

    fn api(&self, request: &SeenRequest, now: Instant) -> Result<Reply, Reply> {
        let caller = || auth::identify(request.authorization.as_deref(), &mut lock(&self.oauth), now);
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "/api/v2/audit_logs" | "/api/v2/audit_logs.json") => self.audit_logs(request, caller()?),
            ("GET" | "HEAD", "/api/v2/oauth/tokens/current" | "/api/v2/oauth/tokens/current.json") => {
                caller()?;
                if !self.options.token_info {
                    return Err(Reply::forbidden());
                }
                let wall = Timestamp::now().saturating_add(self.options.clock_offset).unwrap_or_default();
                let authorization = request.authorization.as_deref().unwrap_or_default();
                Ok(token_info::respond(authorization, &lock(&self.oauth), now, wall))
            }
            ("GET" | "HEAD", "/api/v2/users/me" | "/api/v2/users/me.json") => Ok(me(caller().ok())),
            _ => Err(Reply::invalid_endpoint()),
        }
    }

    /// Responds to an access log request, which does not count against the account's rate
    /// limit.
    fn access_logs(&self, request: &SeenRequest, moment: &Moment) -> Result<Reply, Reply> {
        if *lock(&self.account) == Account::Professional {
            return Err(Reply::forbidden());
        }
        let authorization = request.authorization.as_deref();
        let caller = || auth::identify(authorization, &mut lock(&self.oauth), moment.instant);
        let (reply, facts) = self.access.respond(request, caller, (&self.options, &self.base_url), moment)?;
        lock(&self.traffic).page(facts);
        Ok(reply)
    }

    fn audit_logs(&self, request: &SeenRequest, caller: auth::Caller) -> Result<Reply, Reply> {
        if *lock(&self.account) == Account::Professional {
            return Err(Reply::forbidden());
        }
        if !caller.in_scope {
            return Err(Reply::missing_scope());
        }
        if !caller.admin {
            return Err(Reply::forbidden());
        }
        let bounds =
            Bounds { start_inclusive: self.options.start_inclusive, end_inclusive: self.options.end_inclusive };
        let query = query::parse(&request.params, bounds)?;
        let url = format!("{}{}", self.base_url, request.path);
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let load = &self.options.load;
        let weight = Weight::of(&query, &store, self.options.from.as_second());
        let matches = || if overload::is_newest(&query) { 0 } else { store.count(&query.filter) as u64 };
        if overload::is_too_heavy(load, weight, matches) {
            return Err(overload::failure(load));
        }
        let order = &self.options.order;
        let (ties, cursor, count) = (order.ties, order.cursor, self.options.count);
        let listing = Listing { ties, cursor, count, salt: self.options.seed ^ request.number };
        let requested = RequestUrl { url: &url, params: &request.params };
        let (reply, facts) = page::respond(&store, &query, listing, requested);
        if load.max_body_bytes.is_some_and(|most| reply.body.len() > most) {
            return Err(overload::failure(load));
        }
        if let Some(facts) = facts {
            lock(&self.traffic).page(facts);
        }
        Ok(reply)
    }
}

/// Adds the events that the body describes, and returns their JSON.
fn arrive(body: &[u8], add: impl FnOnce(u64, Timestamp, Timestamp) -> Vec<String>) -> Reply {
    let arrivals: Arrivals = match serde_json::from_slice(body) {
        Ok(arrivals) => arrivals,
        Err(error) => return Reply::not_understood(&error.to_string()),
    };
    if arrivals.count > MAX_ARRIVALS {
        return Reply::not_understood(&format!("`count` is more than {MAX_ARRIVALS}"));
    }
    match (arrivals.from.parse(), arrivals.to.parse()) {
        (Ok(from), Ok(to)) => Reply::json_lines(&add(arrivals.count, from, to)),
        _ => Reply::not_understood("`from` and `to` are timestamps such as 2025-01-01T00:00:00Z"),
    }
}

/// Returns the caller as a user. Without valid credentials the response is a 200 as well.
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
