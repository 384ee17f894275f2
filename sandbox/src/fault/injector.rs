//! Decides which faults apply to a request, and what each does to its response. Counts them.
//! Must not access the network or the store.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use jiff::SignedDuration;

use super::{Fault, Faults, Rule, When, page};
use crate::{
    lock::lock,
    response_hook::{MockResponse, SeenRequest},
    rng::Rng,
};

const APPLIES: u64 = 51;
const EXTENT: u64 = 52;
/// Maximum number of events that arrive at once.
const ARRIVALS: u64 = 3;
/// Number of pieces of a slow body.
const PIECES: usize = 64;
const TEXT: &str = "text/plain";
const JSON: &str = "application/json";
const HTML: &str = "text/html";

/// How often each kind of fault has been injected.
pub(crate) type InjectedCounts = Arc<Mutex<BTreeMap<Fault, u64>>>;

/// The faults of a sandbox and their counters.
#[derive(Debug)]
pub(crate) struct Injector {
    faults: Faults,
    requests: AtomicU64,
    injected: InjectedCounts,
}

/// The faults of one request.
#[derive(Debug, Default)]
pub(crate) struct Injection {
    /// Replaces the response.
    pub(crate) response: Option<MockResponse>,
    /// Offset of the response's `Date`.
    pub(crate) skew: SignedDuration,
    /// The response's `Date` is missing or malformed.
    pub(crate) date: Option<OddDate>,
    /// The response's headers say that the account's limit is 1.
    pub(crate) limit_one: bool,
    /// Events that arrive, each with its age by the server's clock.
    pub(crate) arrivals: Vec<SignedDuration>,
}

/// A `Date` header without a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OddDate {
    Missing,
    Malformed,
}

impl Injector {
    /// Creates an injector. `injected` holds the counters.
    pub(crate) fn new(faults: Faults, injected: InjectedCounts) -> Self {
        Self { faults, requests: AtomicU64::new(0), injected }
    }

    /// Returns the counters.
    pub(crate) fn injected(&self) -> InjectedCounts {
        Arc::clone(&self.injected)
    }

    /// Counts the request and decides which faults apply.
    pub(crate) fn inject(&self, request: &SeenRequest) -> Injection {
        let mut injection = Injection::default();
        if self.faults.rules.is_empty() || !request.path.starts_with("/api/") {
            return injection;
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        for (index, rule) in self.faults.rules.iter().enumerate() {
            let rng = |salt| Rng::new(self.faults.seed ^ (index as u64) << 32, number, salt);
            if !applies(*rule, number, rng(APPLIES)) {
                continue;
            }
            self.act(rule.kind, request, rng(EXTENT), &mut injection);
        }
        injection
    }

    fn act(&self, kind: Fault, request: &SeenRequest, mut rng: Rng, injection: &mut Injection) {
        match kind {
            Fault::ClockAhead => injection.skew = seconds(1 + rng.below(self.faults.skew.as_secs())),
            Fault::ClockBehind => injection.skew = -seconds(1 + rng.below(self.faults.skew.as_secs())),
            Fault::DateMissing => injection.date = Some(OddDate::Missing),
            Fault::DateMalformed => injection.date = Some(OddDate::Malformed),
            Fault::LimitOne => injection.limit_one = true,
            Fault::Arrival => {
                let number = 1 + rng.below(ARRIVALS);
                injection.arrivals.extend((0..number).map(|_| SignedDuration::ZERO));
            }
            Fault::Late => {
                let number = 1 + rng.below(ARRIVALS);
                let late = self.faults.late.as_secs();
                injection.arrivals.extend((0..number).map(|_| seconds(rng.below(late + 1))));
            }
            _ if injection.response.is_none() => {
                injection.response = self.response(kind, request, rng);
                if injection.response.as_ref().is_none_or(|response| matches!(response, MockResponse::EditText(_))) {
                    // The editor counts the fault if it applies.
                    return;
                }
            }
            _ => return,
        }
        count(&self.injected, kind);
    }

    /// Returns the response of a fault, or `None` if the fault does not apply.
    fn response(&self, kind: Fault, request: &SeenRequest, mut rng: Rng) -> Option<MockResponse> {
        let mut after = || Some(1 + rng.below(self.faults.retry_after.max(1)));
        let limited = "Number of allowed API requests per minute exceeded";
        let limited_json =
            r#"{"error":"APIRateLimitExceeded","description":"Number of allowed API requests per minute exceeded"}"#;
        let access = request.path.starts_with("/api/v2/access_logs");
        let list = if access { "access_logs" } else { "audit_logs" };
        let cursor = || ["page[after]", "filter[after]"].into_iter().find_map(|name| request.param(name));
        let html = |title: &str| format!("<html><head><title>{title}</title></head><body>{title}</body></html>");
        Some(match kind {
            Fault::Limited => reply(429, TEXT, None, limited),
            Fault::LimitedAfter => reply(429, TEXT, after(), limited),
            Fault::LimitedJson => reply(429, JSON, None, limited_json),
            Fault::LimitedJsonAfter => reply(429, JSON, after(), limited_json),
            Fault::Internal => reply(500, JSON, None, r#"{"error":"InternalServerError"}"#),
            Fault::BadGateway => reply(502, HTML, None, &html("502 Bad Gateway")),
            Fault::Unavailable => reply(503, HTML, None, &html("Down for maintenance")),
            Fault::UnavailableAfter => reply(503, JSON, after(), r#"{"error":"DatabaseTimeout"}"#),
            Fault::GatewayTimeout => reply(504, HTML, None, &html("504 Gateway Time-out")),
            Fault::Conflict => reply(409, JSON, None, r#"{"error":"DatabaseConflict"}"#),
            Fault::Drop => MockResponse::DropConnection,
            Fault::DropInBody => MockResponse::DropInBody { sent: rng.below(4_000) as usize },
            Fault::HalfBody => self.edit_text(kind, |body| Some(body[..body.len() / 2].to_vec())),
            Fault::Gzip => MockResponse::edit_gzip(move |body| broken(body, rng.clone())),
            Fault::Drip => MockResponse::Drip { pieces: PIECES, pause: self.faults.drip },
            Fault::Stall => MockResponse::Stall,
            Fault::Html => reply(200, HTML, None, &html("Sign in")),
            Fault::Empty => reply(200, JSON, None, ""),
            Fault::BrokenJson => reply(200, JSON, None, &format!(r#"{{"{list}":[],"meta":{{"has_more":false}}"#)),
            Fault::OtherJson => reply(200, JSON, None, &format!(r#"{{"{list}":{{}},"meta":{{"has_more":false}}}}"#)),
            Fault::CursorExpired => {
                cursor()?;
                let audit = r#"{"errors":[{"code":"InvalidPaginationParameter","title":"Invalid pagination parameter","detail":"page[after] is not valid"}]}"#;
                let own = r#"{"errors":[{"detail":"invalid cursor","title":"Malformed query params"}]}"#;
                reply(400, JSON, None, if access { own } else { audit })
            }
            Fault::CursorRepeated => {
                let asked = cursor()?.to_owned();
                self.edit_text(kind, move |body| page::cursor_repeated(body, &asked))
            }
            Fault::CursorMissing => self.edit_text(kind, page::cursor_missing),
            Fault::EarlyEnd => self.edit_text(kind, page::early_end),
            Fault::EmptyPage => self.edit_text(kind, page::empty),
            Fault::EventRepeated => self.edit_text(kind, page::event_repeated),
            Fault::Swap => self.edit_text(kind, move |body| page::swap(body, rng.clone())),
            Fault::Arrival
            | Fault::Late
            | Fault::ClockAhead
            | Fault::ClockBehind
            | Fault::DateMissing
            | Fault::DateMalformed
            | Fault::LimitOne => return None,
        })
    }

    /// Edits the regular response. The editor returns `None` if the fault does not apply.
    fn edit_text(
        &self,
        kind: Fault,
        editor: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> MockResponse {
        let injected = self.injected();
        MockResponse::edit_text(move |body| match editor(&body) {
            Some(edited) => {
                count(&injected, kind);
                edited
            }
            None => body,
        })
    }
}

fn applies(rule: Rule, number: u64, mut rng: Rng) -> bool {
    match rule.when {
        // A float holds 53 bits.
        #[expect(clippy::cast_precision_loss, reason = "they fit")]
        When::Chance(chance) => ((rng.next() >> 11) as f64) < chance * (1_u64 << 53) as f64,
        When::At(at) => number == at,
        When::From(first) => number >= first,
    }
}

fn count(injected: &InjectedCounts, kind: Fault) {
    *lock(injected).entry(kind).or_default() += 1;
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::try_from(Duration::from_secs(seconds)).unwrap_or_default()
}

fn reply(status: u16, content_type: &str, retry_after: Option<u64>, body: &str) -> MockResponse {
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    MockResponse::Reply { status, headers, body: body.as_bytes().to_vec() }
}

/// Truncates gzip data, or changes one bit of it.
fn broken(mut body: Vec<u8>, mut rng: Rng) -> Vec<u8> {
    if body.is_empty() {
        return body;
    }
    let place = rng.below(body.len() as u64) as usize;
    if rng.one_in(2) {
        body.truncate(place);
    } else {
        // After the header of ten bytes, some of which can have any value.
        let place = place.max(10).min(body.len() - 1);
        body[place] ^= 1 << rng.below(8);
    }
    body
}
