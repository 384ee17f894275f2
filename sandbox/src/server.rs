//! The network: connections on loopback, latency, compression, and interference
//! with answers. What an answer says is decided elsewhere.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::value::RawValue;
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    dice::Dice,
    fault::{Fault, Faults, Injector, OddDate, Strike},
    interfere::{Answer, SeenRequest},
    options::{RetryAfterFormat, ServerClock},
    payload::{Closed, Payload},
    query,
    reply::{Delay, Reply},
    routes::{Moment, Zendesk, locked},
};

const REQUEST_ID: u64 = 41;
/// Most bytes of a request's body; a token request has a few hundred.
const MAX_BODY: usize = 1 << 20;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) zendesk: Zendesk,
    pub(crate) seen: Mutex<Vec<SeenRequest>>,
    count: AtomicU64,
    faults: Mutex<Arc<Injector>>,
    /// What the clock was moved on by.
    advanced: Mutex<SignedDuration>,
}

impl Server {
    /// A server of this account that has seen nothing yet.
    pub(crate) fn new(zendesk: Zendesk) -> Self {
        let faults = Injector::new(zendesk.options.faults.clone(), Arc::default());
        Self {
            zendesk,
            seen: Mutex::default(),
            count: AtomicU64::new(0),
            faults: Mutex::new(Arc::new(faults)),
            advanced: Mutex::default(),
        }
    }

    /// Other faults; what has struck so far stays counted.
    pub(crate) fn set_faults(&self, faults: Faults) {
        let mut current = locked(&self.faults);
        *current = Arc::new(Injector::new(faults, current.struck()));
    }

    /// How often each kind of fault has struck.
    pub(crate) fn faults_struck(&self) -> BTreeMap<Fault, u64> {
        locked(&locked(&self.faults).struck()).clone()
    }

    /// The server's time.
    pub(crate) fn now(&self) -> Timestamp {
        let options = &self.zendesk.options;
        let advanced = *locked(&self.advanced);
        let (now, passed) = match options.clock {
            ServerClock::Machine => (Timestamp::now(), SignedDuration::ZERO),
            ServerClock::Requests(seconds) => {
                let requests = i64::try_from(self.count.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
                (options.to, SignedDuration::from_secs(requests.saturating_mul(seconds.into())))
            }
        };
        now.saturating_add(advanced.saturating_add(passed)).unwrap_or(now)
    }

    /// Moves the clock on.
    pub(crate) fn advance_clock(&self, time: SignedDuration) {
        let mut advanced = locked(&self.advanced);
        *advanced = advanced.saturating_add(time);
    }

    /// What a fault does to this request; events that it lets arrive are there afterwards.
    fn strike(&self, request: &SeenRequest) -> Strike {
        let injector = Arc::clone(&locked(&self.faults));
        let strike = injector.strike(request);
        for late in &strike.arrivals {
            let at = self.now().saturating_sub(*late).unwrap_or_default();
            self.zendesk.add_events(1, at, at);
        }
        strike
    }
}

/// Serves until `stop` is sent or dropped.
pub(crate) async fn serve(server: Arc<Server>, listener: TcpListener, mut stop: oneshot::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, or the client is gone: others may do better.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(|request| respond(&server, request));
            // An error here is a client that went away, or one of the faults.
            let _ = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(server: &Server, request: Request<Incoming>) -> Result<Response<Payload>, Closed> {
    let gzip = server.zendesk.options.gzip && accepts_gzip(request.headers());
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let (body, too_large) = match body {
        Ok(body) => (body.to_bytes().to_vec(), false),
        Err(_) => (Vec::new(), true),
    };
    let text = |name| parts.headers.get(name).map(|v: &HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let raw_query = parts.uri.query().unwrap_or_default();
    let seen = SeenRequest {
        number: server.count.fetch_add(1, Ordering::Relaxed) + 1,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: raw_query.to_owned(),
        params: query::params(raw_query),
        authorization: text(header::AUTHORIZATION),
        user_agent: text(header::USER_AGENT),
        at: Instant::now(),
        body,
    };
    locked(&server.seen).push(seen.clone());
    locked(&server.zendesk.traffic).request(&seen);
    let latency = server.zendesk.options.latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let hooked = server.zendesk.options.interfere.as_ref().and_then(|hook| hook.ask(&seen));
    let strike = if hooked.is_some() { Strike::default() } else { server.strike(&seen) };
    let exchange = Exchange { server, request: &seen, strike: &strike, gzip, too_large };
    let response = match (hooked, &strike.answer) {
        (Some(Answer::Reply { status, headers, body }), _) => {
            replaced(Exchange { gzip: false, ..exchange }.response(Reply::new(status, None, body)), headers)
        }
        (None, Some(Answer::Reply { status, headers, body })) => exchange.faulty(*status, headers, body),
        (Some(answer), _) => exchange.answer(Some(&answer)).await?,
        (None, answer) => exchange.answer(answer.as_ref()).await?,
    };
    if !seen.path.starts_with("/sandbox/") {
        locked(&server.zendesk.traffic).answer(response.status().as_u16());
    }
    Ok(response)
}

/// A request that is being answered.
struct Exchange<'a> {
    server: &'a Server,
    request: &'a SeenRequest,
    strike: &'a Strike,
    gzip: bool,
    /// The request's body was.
    too_large: bool,
}

impl Exchange<'_> {
    /// Answers as the hook or the fault wants, which is not [`Answer::Reply`].
    async fn answer(&self, wish: Option<&Answer>) -> Result<Response<Payload>, Closed> {
        match wish {
            Some(Answer::Stall) => return std::future::pending().await,
            Some(Answer::DropConnection) => return Err(Closed),
            Some(Answer::Delay(time)) => tokio::time::sleep(*time).await,
            _ => {}
        }
        let mut reply = self.real();
        match reply.delay {
            Delay::None => {}
            Delay::For(time) => tokio::time::sleep(time).await,
            Delay::Forever => return std::future::pending().await,
        }
        self.echo(&mut reply);
        self.format_retry_after(&mut reply);
        Ok(match wish {
            Some(Answer::Edit(editor)) => {
                if let Some(body) = edited(&reply.body, &**editor) {
                    reply.body = body;
                }
                self.response(reply)
            }
            Some(Answer::EditText(editor)) => {
                reply.body = editor(reply.body);
                self.response(reply)
            }
            Some(Answer::EditGzip(editor)) => {
                let mut response = Self { gzip: true, ..*self }.response(reply);
                let body = response.body_mut().take();
                *response.body_mut() = Payload::of(Bytes::from(editor(body.to_vec())));
                response
            }
            Some(Answer::Drip { pieces, pause }) => {
                let mut response = self.response(reply);
                response.body_mut().drip(*pieces, *pause);
                response
            }
            Some(Answer::DropInBody { sent }) => cut(self.response(reply), *sent),
            _ => self.response(reply),
        })
    }

    /// The answer of a fault that gives one of its own.
    fn faulty(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> Response<Payload> {
        let mut reply = Reply::new(status, None, body);
        reply.headers = headers.iter().map(|(name, value)| (name.clone().into(), value.clone())).collect();
        self.echo(&mut reply);
        self.format_retry_after(&mut reply);
        Self { gzip: false, ..*self }.response(reply)
    }

    fn real(&self) -> Reply {
        if self.too_large {
            return Reply::too_large();
        }
        let moment = Moment { instant: Instant::now(), now: self.server.now(), date: self.date() };
        self.server.zendesk.answer(self.request, &moment)
    }

    /// Replaces the body of an error by one that repeats the request's secrets.
    fn echo(&self, reply: &mut Reply) {
        if reply.status >= 400
            && let Some(echo) = &self.server.zendesk.options.echo
            && let Some((content_type, body)) = echo.body(self.request)
        {
            reply.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            reply.content_type = Some(content_type);
            reply.body = body;
        }
    }

    /// Writes `Retry-After` as the options say.
    fn format_retry_after(&self, reply: &mut Reply) {
        let format = self.server.zendesk.options.limits.retry_after_format;
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

    /// The time in this answer's `Date`.
    fn date(&self) -> Timestamp {
        let now = self.server.now();
        let offset = self.server.zendesk.options.clock_offset.saturating_add(self.strike.skew);
        now.checked_add(offset).unwrap_or(now)
    }

    /// The reply as a response, with the headers that every answer has.
    fn response(&self, reply: Reply) -> Response<Payload> {
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.append(name, value);
            }
        };
        let date = match self.strike.date {
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
        let mut dice = Dice::new(self.server.zendesk.options.seed, self.request.number, REQUEST_ID);
        let id = format!("{:016x}{:016x}", dice.next(), dice.next());
        put(HeaderName::from_static("x-zendesk-request-id"), &id);
        for (name, value) in &reply.headers {
            let limit = matches!(
                &**name,
                "X-Rate-Limit" | "X-Rate-Limit-Remaining" | "ratelimit-limit" | "ratelimit-remaining"
            );
            if let Ok(name) = name.parse() {
                put(name, if self.strike.limit_one && limit { "1" } else { value });
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

/// The response of a hook, with its own headers.
fn replaced(mut response: Response<Payload>, headers: Vec<(String, String)>) -> Response<Payload> {
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

/// The response with its whole length announced, but only `sent` bytes of it.
fn cut(mut response: Response<Payload>, sent: usize) -> Response<Payload> {
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

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}

/// The JSON body after the editor; records that it left alone keep their text.
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
