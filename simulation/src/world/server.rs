//! The responses of the API: its endpoints, its refusals, and the faults of a response.

use std::fmt::Write as _;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use source_zendesk_audit_logs::zendesk::{Outgoing, Response};

use super::State;
use super::account::Admission;
use super::listing::{Cursor, Page, Query};
use crate::scenario::{Fault, mix};

/// A response, and its content.
pub struct Served {
    /// The response.
    pub response: Response,
    /// The events of its records.
    pub events: Vec<usize>,
    /// The reported limits, if any.
    pub admission: Option<Admission>,
    /// The text for the timeline.
    pub text: String,
}

const NO_PAGE: &str = r#"{"audit_logs":[]}"#;

impl State {
    /// Responds to a request.
    pub(super) fn serve(&mut self, request: &Outgoing, number: u32, fault: Option<Fault>) -> Served {
        let mut headers = HeaderMap::new();
        if let Some(ahead) = self.scenario.server.date_ahead {
            headers.insert(DATE, date(self.now() + ahead));
        }
        let mut served = Served {
            response: Response { status: 200, headers, body: Vec::new() },
            events: Vec::new(),
            admission: None,
            text: String::new(),
        };
        self.respond(request, number, fault, &mut served);
        served
    }

    fn respond(&mut self, request: &Outgoing, number: u32, fault: Option<Fault>, served: &mut Served) {
        let at = self.elapsed();
        let admission = self.account.request(at);
        self.account.add_headers(admission, &mut served.response.headers);
        self.watch.limit(number, admission.limit);
        if self.scenario.server.limits.reported {
            served.admission = Some(admission);
        }
        let mut status = |status: u16, body: &str| {
            served.response.status = status;
            served.response.body = body.as_bytes().to_vec();
        };
        if !admission.admitted {
            self.coverage.hit("the rate limit is used up");
            self.watch.refused();
            return status(429, "Number of allowed API requests per minute exceeded");
        }
        match fault {
            Some(Fault::Refused(after)) => {
                status(429, "Number of allowed API requests per minute exceeded");
                return retry_after(after, &mut served.response.headers);
            }
            Some(Fault::Status(code, after)) => {
                status(code, "<html>trouble</html>");
                return retry_after(after, &mut served.response.headers);
            }
            Some(Fault::Refusing(code)) => self.refusing = Some(code),
            _ => {}
        }
        if let Some(code) = self.refusing {
            let body = if code == 401 {
                r#"{"error":"Couldn't authenticate you"}"#
            } else {
                r#"{"error":{"title":"Forbidden","message":"You do not have access to this page."}}"#
            };
            return status(code, body);
        }
        if let Some(body) = request.secret_body() {
            let now = self.now();
            let granted = self.tokens.grant(&serde_json::from_slice(body).unwrap_or_default(), now);
            status(granted.status, &granted.body.to_string());
            self.coverage.hit("a token is issued");
            // A request with a used refresh token is refused.
            self.watch.granted(granted.status, fault);
        } else {
            self.serve_get(request, number, fault, served);
        }
        match fault {
            Some(Fault::HalfBody) => served.response.body.truncate(served.response.body.len() / 2),
            Some(Fault::Html) => served.response.body = b"<!doctype html><title>Maintenance</title>".to_vec(),
            Some(Fault::Empty) => served.response.body.clear(),
            Some(Fault::OtherJson) => served.response.body = NO_PAGE.as_bytes().to_vec(),
            _ => return,
        }
        served.events.clear();
    }

    fn serve_get(&mut self, request: &Outgoing, number: u32, fault: Option<Fault>, served: &mut Served) {
        let mut status = |status: u16, body: &str| {
            served.response.status = status;
            served.response.body = body.as_bytes().to_vec();
        };
        let now = self.now();
        if fault == Some(Fault::TokenRevoked) {
            self.tokens.revoke();
        }
        let header = request.authorization().and_then(|header| header.to_str().ok()).unwrap_or_default();
        if self.tokens.is_used_early(header) {
            self.watch.pair_used_early();
        }
        if !self.tokens.accepts(header, now) {
            self.coverage.hit("an access token has expired");
            return status(
                401,
                r#"{"error":"invalid_token","error_description":"The access token provided is expired, revoked, malformed or invalid for other reasons."}"#,
            );
        }
        let Some(query) = Query::of(&request.url).filter(|_| request.url.path() == "/api/v2/audit_logs") else {
            self.watch.bad_request(format!("#{number} {}", request.url));
            return status(400, r#"{"error":"InvalidValue","description":"Invalid parameter"}"#);
        };
        let scenario = std::sync::Arc::clone(&self.scenario);
        let (history, api) = (&scenario.events, &scenario.server);
        if query.counts {
            self.coverage.hit("events are counted");
            let count = self.listing.count(history, api, &query, now);
            return if api.counts {
                status(200, &format!(r#"{{"audit_logs":[],"count":{count},"next_page":null}}"#));
            } else {
                status(400, r#"{"error":"InvalidValue","description":"Invalid parameter"}"#);
            };
        }
        let invalid_cursor = r#"{"errors":[{"code":"InvalidPaginationParameter","title":"Invalid page[after]"}]}"#;
        let mut depth = 0;
        if let Some(after) = &query.after {
            let Some(cursor) = Cursor::read(after) else {
                self.watch.bad_request(format!("#{number} a cursor that was never given: {after}"));
                return status(400, invalid_cursor);
            };
            if !cursor.belongs_to(&query) {
                self.watch.bad_request(format!("#{number} a cursor with another filter than it was given for"));
            }
            depth = cursor.depth;
            let expired = api.cursor_life.is_some_and(|life| now - cursor.made > life);
            if expired || fault == Some(Fault::CursorRefused) {
                self.coverage.hit("a cursor is refused");
                if expired {
                    self.watch.turned_down();
                }
                return status(400, invalid_cursor);
            }
        }
        self.watch.asked(&query, &mut self.coverage);
        let heavy =
            |(start, end): (i64, i64)| api.heavy_days.is_some_and(|days| (end.min(now) - start) > days * 86_400);
        if query.between.is_none_or(heavy) && api.heavy_days.is_some()
            || api.heavy_depth.is_some_and(|most| depth >= most)
        {
            self.coverage.hit("a request is too heavy");
            self.watch.turned_down();
            return status(504, "<html>Gateway Timeout</html>");
        }
        let walk = mix(scenario.seed, u64::from(number) << 8) | 1;
        let mut page = self.listing.page(history, api, &query, walk, now);
        let mut link = page.has_more;
        match fault {
            Some(Fault::CursorMissing) if page.has_more => page.after = None,
            Some(Fault::CursorRepeated) if page.has_more && query.after.is_some() => {
                page.after.clone_from(&query.after);
            }
            Some(Fault::EmptyPage) if page.has_more && query.after.is_some() => {
                page.after.clone_from(&query.after);
                page.events.clear();
            }
            // After an empty page, this would be undetectable.
            Some(Fault::FalseEnd) if !page.events.is_empty() => {
                link = page.has_more;
                page.has_more = false;
            }
            Some(Fault::RecordTwice) => page.events.extend(page.events.first().copied()),
            Some(Fault::Omitted) if !page.events.is_empty() => {
                page.events.remove(0);
            }
            Some(Fault::Swapped) if page.events.len() > 1 => {
                let first = usize::try_from(mix(walk, 3)).unwrap_or(0) % (page.events.len() - 1);
                page.events.swap(first, first + 1);
            }
            _ => {}
        }
        self.watch.serves_page();
        served.response.body = self.render(&page, link);
        let has_more = page.has_more;
        served.text = format!(", has_more: {has_more}");
        served.events = page.events;
        served.response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }

    fn render(&self, page: &Page, link: bool) -> Vec<u8> {
        let mut body = br#"{"audit_logs":["#.to_vec();
        for (place, index) in page.events.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            body.extend_from_slice(self.records.served(*index));
        }
        let cursor = page.after.as_ref().map_or("null".to_owned(), |after| format!("\"{after}\""));
        let next = if link { r#""https://simulated.zendesk.com/api/v2/audit_logs?page""# } else { "null" };
        let mut rest = String::new();
        let _ = write!(
            rest,
            r#"],"meta":{{"has_more":{},"after_cursor":{cursor},"before_cursor":null}},"links":{{"next":{next},"prev":null}}}}"#,
            page.has_more
        );
        body.extend_from_slice(rest.as_bytes());
        body
    }
}

fn retry_after(after: Option<u32>, headers: &mut HeaderMap) {
    headers.remove(reqwest::header::RETRY_AFTER);
    if let Some(seconds) = after {
        headers.insert(reqwest::header::RETRY_AFTER, seconds.into());
    }
}

fn date(second: i64) -> HeaderValue {
    let time = Timestamp::from_second(second).unwrap_or_default();
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default();
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}
