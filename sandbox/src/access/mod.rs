//! The access log endpoint, `GET /api/v2/access_logs`: authorization, rate limit,
//! retention, pages and errors. Must not depend on audit log events.

mod error;
mod page;
mod query;
mod record;
mod store;
mod ulid;
mod vocabulary;

use std::sync::{Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::{
    auth::Caller,
    lock::lock,
    moment::{Moment, whole_seconds},
    options::{AccessLogs, AccessScope, AddOn, Options},
    overload::{self, Weight},
    query::Bounds,
    rate_limit::RateLimit,
    reply::Reply,
    response_hook::SeenRequest,
    store::Direction,
    timeline::Timeline,
    traffic::PageFacts,
};

use self::{query::Start, record::Context, store::AccessStore};

const DAY: i64 = 86_400;

/// The access log of an account.
#[derive(Debug)]
pub(crate) struct Access {
    options: AccessLogs,
    store: RwLock<AccessStore>,
    limit: Mutex<RateLimit>,
}

impl Access {
    /// Creates the access log of an account that starts `now`.
    pub(crate) fn new(options: &Options, now: Timestamp) -> Self {
        let access = options.access_logs.clone();
        let span = i64::from(access.days.max(1)) * DAY;
        let timeline = Timeline {
            seed: options.seed,
            from: access.to.unwrap_or(now).as_second() - span,
            span: span as u64,
            events: access.events,
            shape: options.shape,
        };
        let context = Context {
            seed: options.seed,
            subdomain: options.subdomain.clone(),
            record_bytes: access.record_bytes.unwrap_or(0),
        };
        let limit = (access.rate_limit > 0).then_some(access.rate_limit);
        Self {
            store: RwLock::new(AccessStore::new(context, &timeline, access.displaced)),
            limit: Mutex::new(RateLimit::new(limit, options.minute)),
            options: access,
        }
    }

    /// Returns the JSON of all records, ascending by id, including those past retention.
    pub(crate) fn records(&self) -> Vec<String> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.ids().into_iter().map(|id| store.text(id)).collect()
    }

    /// Adds records in the whole seconds of `from..to`, and returns their JSON.
    pub(crate) fn add(&self, count: u64, from: Timestamp, to: Timestamp) -> Vec<String> {
        let (from, to) = whole_seconds(from, to);
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        store.add(count, from, to).into_iter().map(|id| store.text(id)).collect()
    }

    /// Responds to a request. The error is the response to a refused one.
    pub(crate) fn respond(
        &self,
        request: &SeenRequest,
        caller: impl FnOnce() -> Result<Caller, Reply>,
        (options, base_url): (&Options, &str),
        moment: &Moment,
    ) -> Result<(Reply, PageFacts), Reply> {
        let quota = lock(&self.limit).take(moment.instant);
        if !quota.allowed {
            let wait = SignedDuration::from_secs(quota.reset.cast_signed());
            return Err(error::too_many_requests(moment.date.saturating_add(wait).unwrap_or_default()));
        }
        let caller = caller().map_err(|refusal| match refusal.status {
            401 => error::not_authenticated(),
            _ => refusal,
        })?;
        if self.options.add_on == AddOn::Missing {
            return Err(error::no_add_on());
        }
        if !caller.in_scope || (self.options.scope == AccessScope::Read && !caller.reads_all) {
            return Err(Reply::missing_scope());
        }
        if !caller.admin {
            return Err(error::not_admin());
        }
        let bounds = Bounds { start_inclusive: options.start_inclusive, end_inclusive: options.end_inclusive };
        let mut query = query::parse(&request.params, bounds, self.options.cursor)?;
        let asked = query.filter.seconds;
        let oldest = moment.now.as_second() - i64::from(self.options.retention_days) * DAY;
        query.filter.seconds.0 = query.filter.seconds.0.max(oldest);
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let newest = query.sort == Direction::Descending && matches!(query.from, Start::First) && asked == (0, asked.1);
        let (first, last) = store.span();
        let span = asked.1.min(last) - asked.0.max(first).max(oldest);
        let weight = Weight { span: if newest { 0 } else { span }, size: query.size, pages: query.walk().2 };
        if overload::is_too_heavy(&options.load, weight, || store.count(&query.filter) as u64) {
            return Err(overload::failure(&options.load));
        }
        let url = format!("{base_url}{}", request.path);
        let (reply, facts) = page::respond(&store, &query, self.options.link_cursor, (&url, &request.params));
        if options.load.max_body_bytes.is_some_and(|most| reply.body.len() > most) {
            return Err(overload::failure(&options.load));
        }
        Ok((reply, facts))
    }
}
