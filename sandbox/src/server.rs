//! The network: connections, latency, and the server's clock. Must not decide the content of a response.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    HeaderMap, Request, Response,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    exchange::Exchange,
    fault::{Fault, Faults, Injection, Injector},
    lock::lock,
    options::ServerClock,
    payload::{Closed, Payload},
    query,
    response_hook::SeenRequest,
    routes::Zendesk,
};

/// Maximum number of bytes in the body of a request.
const MAX_BODY: usize = 1 << 20;

/// The state that all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) zendesk: Zendesk,
    pub(crate) seen: Mutex<Vec<SeenRequest>>,
    count: AtomicU64,
    faults: Mutex<Arc<Injector>>,
    /// The time by which the clock has been advanced.
    advanced: Mutex<SignedDuration>,
}

impl Server {
    /// Creates the server of an account.
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

    /// Replaces the faults. Their counters continue.
    pub(crate) fn set_faults(&self, faults: Faults) {
        let mut current = lock(&self.faults);
        *current = Arc::new(Injector::new(faults, current.injected()));
    }

    /// Returns how often each kind of fault has been injected.
    pub(crate) fn faults_injected(&self) -> BTreeMap<Fault, u64> {
        lock(&lock(&self.faults).injected()).clone()
    }

    /// Returns the server's time.
    pub(crate) fn now(&self) -> Timestamp {
        let options = &self.zendesk.options;
        let advanced = *lock(&self.advanced);
        let (now, passed) = match options.clock {
            ServerClock::Machine => (Timestamp::now(), SignedDuration::ZERO),
            ServerClock::Requests(seconds) => {
                let requests = i64::try_from(self.count.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
                (options.to, SignedDuration::from_secs(requests.saturating_mul(seconds.into())))
            }
        };
        now.saturating_add(advanced.saturating_add(passed)).unwrap_or(now)
    }

    /// Advances the clock.
    pub(crate) fn advance_clock(&self, time: SignedDuration) {
        let mut advanced = lock(&self.advanced);
        *advanced = advanced.saturating_add(time);
    }

    /// Decides which faults apply to this request, and adds the events that arrive with
    /// them: to the log that the request is for.
    fn inject(&self, request: &SeenRequest) -> Injection {
        let injector = Arc::clone(&lock(&self.faults));
        let injection = injector.inject(request);
        for late in &injection.arrivals {
            let at = self.now().saturating_sub(*late).unwrap_or_default();
            if request.path.starts_with("/api/v2/access_logs") {
                self.zendesk.access.add(1, at, at);
            } else {
                self.zendesk.add_events(1, at, at);
            }
        }
        injection
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
            // No file descriptor is left, or the client has disconnected. Later connections
            // can succeed.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(|request| respond(&server, request));
            // An error here is a client that has disconnected, or a fault.
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
    lock(&server.seen).push(seen.clone());
    lock(&server.zendesk.traffic).request(&seen);
    let latency = server.zendesk.options.latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let hooked = server.zendesk.options.response_hook.as_ref().and_then(|hook| hook.call(&seen));
    let injection = if hooked.is_some() { Injection::default() } else { server.inject(&seen) };
    let now = || server.now();
    let exchange =
        Exchange { zendesk: &server.zendesk, now: &now, request: &seen, injection: &injection, gzip, too_large };
    let response = exchange.run(hooked).await?;
    if !seen.path.starts_with("/sandbox/") {
        lock(&server.zendesk.traffic).response(response.status().as_u16());
    }
    Ok(response)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}
