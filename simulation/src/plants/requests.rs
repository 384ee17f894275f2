//! Defects of requests, and of the handling of responses.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName};
use source_zendesk_audit_logs::second::Second;
use source_zendesk_audit_logs::zendesk::{Fetched, Outgoing, Response, Transport};

use super::Plant;
use super::body::Body;
use crate::world::Query;

/// The extension of a filter by a defect that removes records by date, in seconds.
const WIDER: i64 = 86_400;

/// The wait of the defect that delays each request.
const USELESS_WAIT: Duration = Duration::from_secs(10);

/// A transport with a defect.
pub struct Planted {
    plant: Plant,
    inner: Arc<dyn Transport>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// The filters of requests without a cursor, in order.
    windows: Vec<(i64, i64)>,
    /// The newest record and the last cursor of each filter.
    walks: HashMap<(i64, i64), Walk>,
    /// The replacements of filters, for all pages of their walks.
    replaced: HashMap<(i64, i64), (i64, i64)>,
    failed: HashSet<Url>,
    /// The last first page of a window.
    first_page: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
struct Walk {
    newest: Option<i64>,
    after: Option<String>,
}

/// The result of a request.
enum Sent {
    As(Outgoing),
    Never,
}

impl Planted {
    /// Plants a defect before a transport.
    pub fn new(plant: Plant, inner: Arc<dyn Transport>) -> Self {
        Self { plant, inner, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn attempt(&self, request: &Outgoing) -> Fetched {
        let asked = Query::of(&request.url).filter(|query| !query.counts && request.authorization().is_some());
        let Some((query, between)) = asked.and_then(|query| Some((query.clone(), query.between?))) else {
            return self.inner.fetch(request).await;
        };
        let sent = match self.before(request, &query, between) {
            Sent::As(request) => request,
            Sent::Never => return Ok(response(&Body::end())),
        };
        match self.plant {
            Plant::RequestedTwice => drop(self.inner.fetch(&sent).await),
            Plant::UselessWait => tokio::time::sleep(USELESS_WAIT).await,
            _ => {}
        }
        let mut fetched = self.inner.fetch(&sent).await;
        let mut again = 0;
        while self.plant == Plant::RefusalRetried && status(&fetched) == 429 && again < 5 {
            again += 1;
            fetched = self.inner.fetch(&sent).await;
        }
        self.after(request, &query, between, fetched)
    }

    fn before(&self, request: &Outgoing, query: &Query, (start, end): (i64, i64)) -> Sent {
        let mut memory = self.memory();
        let first = query.after.is_none();
        let earlier = memory.windows.iter().rev().find(|(from, to)| *from < start && end <= *to).copied();
        let place = memory.windows.iter().position(|window| *window == (start, end));
        let place = place.unwrap_or(memory.windows.len());
        if first && place == memory.windows.len() {
            memory.windows.push((start, end));
        }
        let walk = earlier.and_then(|window| memory.walks.get(&window).cloned()).unwrap_or_default();
        let with = |between, after: Option<&str>| Sent::As(changed(request, query, between, after));
        let after = query.after.as_deref();
        match self.plant {
            Plant::WindowEndsEarly => with((start, (end - 1).max(start)), after),
            Plant::BoundTreatedAsInclusive => with(((start + 1).min(end), end), after),
            Plant::WindowNeverRequested if first && place == 1 => Sent::Never,
            Plant::CursorReusedAfterSplit if first && walk.after.is_some() => {
                with(earlier.unwrap_or((start, end)), walk.after.as_deref())
            }
            Plant::RestartWithoutTolerance if first => {
                let replaced = (walk.newest.unwrap_or(start).clamp(start, end), end);
                memory.replaced.insert((start, end), replaced);
                with(replaced, None)
            }
            Plant::RestartWithoutTolerance => {
                with(memory.replaced.get(&(start, end)).copied().unwrap_or((start, end)), after)
            }
            Plant::EndsAtRecordPastEnd => with((start, end + WIDER), after),
            _ => Sent::As(request.clone()),
        }
    }

    fn after(&self, request: &Outgoing, query: &Query, between: (i64, i64), fetched: Fetched) -> Fetched {
        let (start, end) = between;
        let mut memory = self.memory();
        let retried = memory.failed.contains(&request.url);
        let Ok(mut response) = fetched else {
            memory.failed.insert(request.url.clone());
            return fetched;
        };
        let body = Body::read(&response.body).filter(|_| response.status == 200);
        match (self.plant, &body) {
            (Plant::RefusedCursorEnds, None) if response.status == 400 => return Ok(self::response(&Body::end())),
            (Plant::BrokenPageEnds, None) if response.status == 200 => return Ok(self::response(&Body::end())),
            (Plant::QuotaCountedTwice, _) => double(&mut response.headers),
            _ => {}
        }
        let Some(mut body) = body else {
            memory.failed.insert(request.url.clone());
            return Ok(response);
        };
        let walk = memory.walks.entry(between).or_default();
        let before = walk.newest.filter(|_| query.after.is_some());
        walk.newest = before.max(body.newest());
        walk.after.clone_from(&body.after);
        match self.plant {
            Plant::PageDroppedAfterRetry if retried => body.records.clear(),
            Plant::LateRecordWithheld => body.keep_dated(before.unwrap_or(i64::MIN)..=i64::MAX),
            Plant::EndsAtRecordPastEnd => {
                body.has_more &= body.newest().is_none_or(|newest| newest < end);
                body.link &= body.has_more;
                body.keep_dated(i64::MIN..=end - 1);
            }
            Plant::DatedOutsideDropped => body.keep_dated(start..=end),
            Plant::EmptyPageEnds if body.records.is_empty() => body = Body::end(),
            Plant::FalseEndBelieved if !body.has_more => body.link = false,
            Plant::AnswerToWrongWindow if query.after.is_none() => {
                let whole = body.write();
                let before = memory.first_page.replace(whole);
                if let Some(before) = before {
                    response.body = before;
                }
                return Ok(response);
            }
            _ => return Ok(response),
        }
        response.body = body.write();
        Ok(response)
    }
}

impl Transport for Planted {
    fn fetch<'t>(&'t self, request: &'t Outgoing) -> Pin<Box<dyn Future<Output = Fetched> + Send + 't>> {
        Box::pin(self.attempt(request))
    }
}

fn status(fetched: &Fetched) -> u16 {
    fetched.as_ref().map_or(0, |response| response.status)
}

fn response(body: &Body) -> Response {
    Response { status: 200, headers: HeaderMap::new(), body: body.write() }
}

/// Returns the same request with another filter and cursor.
fn changed(request: &Outgoing, query: &Query, (start, end): (i64, i64), after: Option<&str>) -> Outgoing {
    let mut url = request.url.clone();
    url.query_pairs_mut()
        .clear()
        .append_pair("page[size]", &query.size.to_string())
        .append_pair("sort", if query.ascending { "created_at" } else { "-created_at" })
        .append_pair("filter[created_at][]", &Second::from_unix(start).to_string())
        .append_pair("filter[created_at][]", &Second::from_unix(end).to_string())
        .extend_pairs(after.map(|after| ("page[after]", after)));
    match request.authorization() {
        Some(authorization) => Outgoing::get(url, authorization.clone()),
        None => request.clone(),
    }
}

fn double(headers: &mut HeaderMap) {
    for name in ["x-rate-limit", "x-rate-limit-remaining"] {
        let number = headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u32>().ok());
        if let Some(number) = number {
            headers.insert(HeaderName::from_static(name), (number * 2).into());
        }
    }
}
