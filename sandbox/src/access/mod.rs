//! The access log endpoint, `GET /api/v2/access_logs`: who may read it, its own rate
//! limit, its retention, its pages and its errors. Knows nothing of the audit log.

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
    interfere::SeenRequest,
    options::{AccessLogs, AccessScope, AddOn, Options},
    overload::{self, Weight},
    query::Ends,
    rate_limit::RateLimit,
    reply::Reply,
    routes::{Moment, locked, whole_seconds},
    store::Way,
    timeline::Timeline,
    traffic::PageFacts,
};

use self::{query::Side, record::World, store::AccessStore};

const DAY: i64 = 86_400;

/// The access log of an account.
#[derive(Debug)]
pub(crate) struct Access {
    options: AccessLogs,
    store: RwLock<AccessStore>,
    limit: Mutex<RateLimit>,
}

impl Access {
    /// The access log of an account with these options that starts `now`.
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
        let world = World {
            seed: options.seed,
            subdomain: options.subdomain.clone(),
            record_bytes: access.record_bytes.unwrap_or(0),
        };
        let limit = (access.rate_limit > 0).then_some(access.rate_limit);
        Self {
            store: RwLock::new(AccessStore::new(world, &timeline, access.displaced)),
            limit: Mutex::new(RateLimit::new(limit, options.minute)),
            options: access,
        }
    }

    /// The JSON texts of all records, ascending by id, whether they are still served or not.
    pub(crate) fn records(&self) -> Vec<String> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.ids().into_iter().map(|id| store.text(id)).collect()
    }

    /// Adds records in the whole seconds of `from..to`, and returns their texts.
    pub(crate) fn add(&self, count: u64, from: Timestamp, to: Timestamp) -> Vec<String> {
        let (from, to) = whole_seconds(from, to);
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        store.add(count, from, to).into_iter().map(|id| store.text(id)).collect()
    }

    /// Answers a request, or refuses it.
    pub(crate) fn answer(
        &self,
        request: &SeenRequest,
        caller: impl FnOnce() -> Result<Caller, Reply>,
        (options, base_url): (&Options, &str),
        moment: &Moment,
    ) -> Result<(Reply, PageFacts), Reply> {
        let standing = locked(&self.limit).take(moment.instant);
        if !standing.allowed {
            let wait = SignedDuration::from_secs(standing.reset.cast_signed());
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
        let ends = Ends { start_inclusive: options.start_inclusive, end_inclusive: options.end_inclusive };
        let mut query = query::parse(&request.params, ends, self.options.cursor)?;
        let asked = query.filter.seconds;
        let oldest = moment.now.as_second() - i64::from(self.options.retention_days) * DAY;
        query.filter.seconds.0 = query.filter.seconds.0.max(oldest);
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let newest = query.sort == Way::Down && matches!(query.from, Side::First) && asked == (0, asked.1);
        let (first, last) = store.span();
        let span = asked.1.min(last) - asked.0.max(first).max(oldest);
        let weight = Weight { span: if newest { 0 } else { span }, size: query.size, pages: query.walk().2 };
        if overload::is_too_heavy(&options.load, weight, || store.count(&query.filter) as u64) {
            return Err(overload::failure(&options.load));
        }
        let url = format!("{base_url}{}", request.path);
        let (reply, facts) = page::answer(&store, &query, self.options.link_cursor, (&url, &request.params));
        if options.load.max_body_bytes.is_some_and(|most| reply.body.len() > most) {
            return Err(overload::failure(&options.load));
        }
        Ok((reply, facts))
    }
}
