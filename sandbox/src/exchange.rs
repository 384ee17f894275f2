//! Responds to one request: applies hooks and faults to the regular response, and adds the headers
//! and compression that every response has. Must not accept connections.

use std::{io, time::Instant};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::value::RawValue;

use crate::{
    fault::{Injection, OddDate},
    moment::Moment,
    options::RetryAfterFormat,
    payload::{Closed, Payload},
    reply::{Delay, Reply},
    response_hook::{MockResponse, SeenRequest},
    rng::Rng,
    routes::Zendesk,
};

const REQUEST_ID: u64 = 41;

/// A request that is being processed.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) zendesk: &'a Zendesk,
    /// Returns the server's time.
    pub(crate) now: &'a (dyn Fn() -> Timestamp + Sync),
    pub(crate) request: &'a SeenRequest,
    pub(crate) injection: &'a Injection,
    /// The client accepts gzip.
    pub(crate) gzip: bool,
    /// The body of the request is over the limit.
    pub(crate) too_large: bool,
}

impl Exchange<'_> {
    /// Responds to the request: with the response of the hook, with that of the fault, or with the
    /// regular one.
    pub(crate) async fn run(self, hooked: Option<MockResponse>) -> Result<Response<Payload>, Closed> {
        match (hooked, &self.injection.response) {
            (Some(MockResponse::Reply { status, headers, body }), _) => {
                let plain = Self { gzip: false, ..self };
                Ok(with_headers(plain.response(Reply::new(status, None, body)), headers))
            }
            (None, Some(MockResponse::Reply { status, headers, body })) => Ok(self.fault_reply(*status, headers, body)),
            (Some(response), _) => self.respond(Some(&response)).await,
            (None, response) => self.respond(response.as_ref()).await,
        }
    }

    /// Sends the regular response, changed as requested. [`MockResponse::Reply`] changes nothing here.
    async fn respond(&self, change: Option<&MockResponse>) -> Result<Response<Payload>, Closed> {
        match change {
            Some(MockResponse::Stall) => return std::future::pending().await,
            Some(MockResponse::DropConnection) => return Err(Closed),
            Some(MockResponse::Delay(time)) => tokio::time::sleep(*time).await,
            _ => {}
        }
        let mut reply = self.regular();
        match reply.delay {
            Delay::None => {}
            Delay::For(time) => tokio::time::sleep(time).await,
            Delay::Forever => return std::future::pending().await,
        }
        self.echo(&mut reply);
        self.format_retry_after(&mut reply);
        Ok(match change {
            Some(MockResponse::Edit(editor)) => {
                if let Some(body) = edited(&reply.body, &**editor) {
                    reply.body = body;
                }
                self.response(reply)
            }
            Some(MockResponse::EditText(editor)) => {
                reply.body = editor(reply.body);
                self.response(reply)
            }
            Some(MockResponse::EditGzip(editor)) => {
                let mut response = Self { gzip: true, ..*self }.response(reply);
                let body = response.body_mut().take();
                *response.body_mut() = Payload::of(Bytes::from(editor(body.to_vec())));
                response
            }
            Some(MockResponse::Drip { pieces, pause }) => {
                let mut response = self.response(reply);
                response.body_mut().drip(*pieces, *pause);
                response
            }
            Some(MockResponse::DropInBody { sent }) => truncated(self.response(reply), *sent),
            _ => self.response(reply),
        })
    }

    /// Returns the response of a fault with its own status and body.
    fn fault_reply(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> Response<Payload> {
        let mut reply = Reply::new(status, None, body);
        reply.headers = headers.iter().map(|(name, value)| (name.clone().into(), value.clone())).collect();
        self.echo(&mut reply);
        self.format_retry_after(&mut reply);
        Self { gzip: false, ..*self }.response(reply)
    }

    fn regular(&self) -> Reply {
        if self.too_large {
            return Reply::too_large();
        }
        let moment = Moment { instant: Instant::now(), now: (self.now)(), date: self.date() };
        self.zendesk.respond(self.request, &moment)
    }

    /// Replaces the body of an error with one that repeats the request's secrets.
    fn echo(&self, reply: &mut Reply) {
        if reply.status >= 400
            && let Some(echo) = &self.zendesk.options.echo
            && let Some((content_type, body)) = echo.body(self.request)
        {
            reply.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            reply.content_type = Some(content_type);
            reply.body = body;
        }
    }

    /// Writes `Retry-After` in the format of the options.
    fn format_retry_after(&self, reply: &mut Reply) {
        let format = self.zendesk.options.limits.retry_after_format;
        for (_, value) in reply.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("retry-after")) {
            let Ok(seconds) = value.parse() else { continue };
            let date = |seconds| {
                let time = self.date().saturating_add(SignedDuration::from_secs(seconds)).unwrap_or_default();
                http_date(time).unwrap_or_default()
            };
            match format {
                RetryAfterFormat::Seconds => {}
                RetryAfterFormat::Zero => "0".clone_into(value),
                RetryAfterFormat::Date => *value = date(seconds),
                RetryAfterFormat::PastDate => *value = date(-3_600),
            }
        }
    }

    /// Returns the time for the `Date` of this response.
    fn date(&self) -> Timestamp {
        let now = (self.now)();
        let offset = self.zendesk.options.clock_offset.saturating_add(self.injection.skew);
        now.checked_add(offset).unwrap_or(now)
    }

    /// Creates the HTTP response, with the headers that every response has.
    fn response(&self, reply: Reply) -> Response<Payload> {
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.append(name, value);
            }
        };
        let date = match self.injection.date {
            None => http_date(self.date()),
            Some(OddDate::Missing) => None,
            Some(OddDate::Malformed) => Some("Someday, 32 Nov 2026 25:61:61".to_owned()),
        };
        if let Some(date) = date {
            put(header::DATE, &date);
        }
        if let Some(content_type) = reply.content_type {
            put(header::CONTENT_TYPE, content_type);
        }
        let mut rng = Rng::new(self.zendesk.options.seed, self.request.number, REQUEST_ID);
        let id = format!("{:016x}{:016x}", rng.next(), rng.next());
        put(HeaderName::from_static("x-zendesk-request-id"), &id);
        for (name, value) in &reply.headers {
            let limit = matches!(
                &**name,
                "X-Rate-Limit" | "X-Rate-Limit-Remaining" | "ratelimit-limit" | "ratelimit-remaining"
            );
            if let Ok(name) = name.parse() {
                put(name, if self.injection.limit_one && limit { "1" } else { value });
            }
        }
        let mut body = reply.body;
        if self.gzip
            && !body.is_empty()
            && let Ok(small) = compressed(&body)
        {
            put(header::CONTENT_ENCODING, "gzip");
            body = small;
        }
        let mut response = Response::new(Payload::of(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(reply.status)
            .ok()
            .filter(|status| (100..600).contains(&status.as_u16()))
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = headers;
        response
    }
}

fn http_date(time: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
}

/// Adds the headers of a hook's response.
fn with_headers(mut response: Response<Payload>, headers: Vec<(String, String)>) -> Response<Payload> {
    for (name, value) in headers {
        let name = name.parse::<HeaderName>();
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            if matches!(name, header::DATE) || name == "x-zendesk-request-id" {
                response.headers_mut().remove(&name);
            }
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Truncates the body to `sent` bytes, but announces its full length.
fn truncated(mut response: Response<Payload>, sent: usize) -> Response<Payload> {
    let body = response.body_mut().take();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let sent = sent.min(body.len().saturating_sub(1));
    *response.body_mut() = Payload::cut_off(body.slice(..sent));
    response
}

fn compressed(body: &[u8]) -> io::Result<Vec<u8>> {
    use io::Write as _;
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 6), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// Applies the editor to a JSON body. Records that it does not change keep their bytes.
fn edited(body: &[u8], editor: &dyn Fn(serde_json::Value) -> serde_json::Value) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Raw<'a> {
        #[serde(borrow, default)]
        audit_logs: Vec<&'a RawValue>,
    }
    let texts = serde_json::from_slice(body).map(|raw: Raw<'_>| raw.audit_logs).unwrap_or_default();
    let before: serde_json::Value = serde_json::from_slice(body).ok()?;
    let originals: Vec<serde_json::Value> = before["audit_logs"].as_array().cloned().unwrap_or_default();
    let after = editor(before);
    let (Some(object), Some(records)) = (after.as_object(), after["audit_logs"].as_array()) else {
        return serde_json::to_vec(&after).ok();
    };
    let record = |value: &serde_json::Value| {
        originals
            .iter()
            .position(|original| original == value)
            .map_or_else(|| value.to_string(), |at| texts[at].get().to_owned())
    };
    let records: Vec<String> = records.iter().map(record).collect();
    let mut fields = vec![format!(r#""audit_logs":[{}]"#, records.join(","))];
    for (name, value) in object.iter().filter(|(name, _)| *name != "audit_logs") {
        fields.push(format!("{}:{value}", serde_json::Value::from(name.as_str())));
    }
    Some(format!("{{{}}}", fields.join(",")).into_bytes())
}
