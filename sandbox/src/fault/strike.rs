//! When a fault strikes and what it does: a request in, what is to happen out. Throws
//! seeded dice and counts; the network is `server`, the events are in the store.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use jiff::SignedDuration;

use super::{Fault, Faults, Rule, When, page};
use crate::{
    dice::Dice,
    interfere::{Answer, SeenRequest},
    routes::locked,
};

const STRIKE: u64 = 51;
const EXTENT: u64 = 52;
/// Most events that arrive at once.
const ARRIVALS: u64 = 3;
/// Pieces of a dripping body.
const PIECES: usize = 64;
const TEXT: &str = "text/plain";
const JSON: &str = "application/json";
const HTML: &str = "text/html";

/// How often each kind has struck, in this sandbox.
pub(crate) type Struck = Arc<Mutex<BTreeMap<Fault, u64>>>;

/// Faults that are at work.
#[derive(Debug)]
pub(crate) struct Injector {
    faults: Faults,
    requests: AtomicU64,
    struck: Struck,
}

/// What is to happen to a request.
#[derive(Debug, Default)]
pub(crate) struct Strike {
    /// In the place of the answer.
    pub(crate) answer: Option<Answer>,
    /// How wrong the answer's `Date` is.
    pub(crate) skew: SignedDuration,
    /// The answer's `Date` is missing or malformed.
    pub(crate) date: Option<OddDate>,
    /// The answer's headers say that the account's limit is 1.
    pub(crate) limit_one: bool,
    /// Events that arrive: for each, how far behind the server's time it lies.
    pub(crate) arrivals: Vec<SignedDuration>,
}

/// A `Date` header that tells no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OddDate {
    Missing,
    Malformed,
}

impl Injector {
    /// Faults that have struck nothing yet.
    pub(crate) fn new(faults: Faults, struck: Struck) -> Self {
        Self { faults, requests: AtomicU64::new(0), struck }
    }

    /// Where the strikes are counted.
    pub(crate) fn struck(&self) -> Struck {
        Arc::clone(&self.struck)
    }

    /// Counts the request and decides.
    pub(crate) fn strike(&self, request: &SeenRequest) -> Strike {
        let mut strike = Strike::default();
        if self.faults.rules.is_empty() || !request.path.starts_with("/api/") {
            return strike;
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        for (index, rule) in self.faults.rules.iter().enumerate() {
            let dice = |salt| Dice::new(self.faults.seed ^ (index as u64) << 32, number, salt);
            if !strikes(*rule, number, dice(STRIKE)) {
                continue;
            }
            self.act(rule.kind, request, dice(EXTENT), &mut strike);
        }
        strike
    }

    fn act(&self, kind: Fault, request: &SeenRequest, mut dice: Dice, strike: &mut Strike) {
        match kind {
            Fault::ClockAhead => strike.skew = seconds(1 + dice.below(self.faults.skew.as_secs())),
            Fault::ClockBehind => strike.skew = -seconds(1 + dice.below(self.faults.skew.as_secs())),
            Fault::DateMissing => strike.date = Some(OddDate::Missing),
            Fault::DateMalformed => strike.date = Some(OddDate::Malformed),
            Fault::LimitOne => strike.limit_one = true,
            Fault::Arrival => {
                let number = 1 + dice.below(ARRIVALS);
                strike.arrivals.extend((0..number).map(|_| SignedDuration::ZERO));
            }
            Fault::Late => {
                let number = 1 + dice.below(ARRIVALS);
                let late = self.faults.late.as_secs();
                strike.arrivals.extend((0..number).map(|_| seconds(dice.below(late + 1))));
            }
            _ if strike.answer.is_none() => {
                strike.answer = self.answer(kind, request, dice);
                if strike.answer.as_ref().is_none_or(|answer| matches!(answer, Answer::EditText(_))) {
                    // Whoever edits knows whether there was anything to spoil.
                    return;
                }
            }
            _ => return,
        }
        count(&self.struck, kind);
    }

    /// The answer of a fault that gives one of its own; none if it does not apply.
    fn answer(&self, kind: Fault, request: &SeenRequest, mut dice: Dice) -> Option<Answer> {
        let mut after = || Some(1 + dice.below(self.faults.retry_after.max(1)));
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
            Fault::Drop => Answer::DropConnection,
            Fault::DropInBody => Answer::DropInBody { sent: dice.below(4_000) as usize },
            Fault::HalfBody => self.edit_text(kind, |body| Some(body[..body.len() / 2].to_vec())),
            Fault::Gzip => Answer::edit_gzip(move |body| broken(body, dice.clone())),
            Fault::Drip => Answer::Drip { pieces: PIECES, pause: self.faults.drip },
            Fault::Stall => Answer::Stall,
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
            Fault::Swap => self.edit_text(kind, move |body| page::swap(body, dice.clone())),
            Fault::Arrival
            | Fault::Late
            | Fault::ClockAhead
            | Fault::ClockBehind
            | Fault::DateMissing
            | Fault::DateMalformed
            | Fault::LimitOne => return None,
        })
    }

    /// The real answer's text after the editor, which says whether it has done anything.
    fn edit_text(&self, kind: Fault, editor: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> Answer {
        let struck = self.struck();
        Answer::edit_text(move |body| match editor(&body) {
            Some(edited) => {
                count(&struck, kind);
                edited
            }
            None => body,
        })
    }
}

fn strikes(rule: Rule, number: u64, mut dice: Dice) -> bool {
    match rule.when {
        // 53 bits are what a float holds.
        #[expect(clippy::cast_precision_loss, reason = "they fit")]
        When::Chance(chance) => ((dice.next() >> 11) as f64) < chance * (1_u64 << 53) as f64,
        When::At(at) => number == at,
        When::From(first) => number >= first,
    }
}

fn count(struck: &Struck, kind: Fault) {
    *locked(struck).entry(kind).or_default() += 1;
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::try_from(Duration::from_secs(seconds)).unwrap_or_default()
}

fn reply(status: u16, content_type: &str, retry_after: Option<u64>, body: &str) -> Answer {
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    Answer::Reply { status, headers, body: body.as_bytes().to_vec() }
}

/// gzip that breaks off somewhere, or one bit of which is wrong.
fn broken(mut body: Vec<u8>, mut dice: Dice) -> Vec<u8> {
    if body.is_empty() {
        return body;
    }
    let place = dice.below(body.len() as u64) as usize;
    if dice.one_in(2) {
        body.truncate(place);
    } else {
        // Behind the ten bytes of the header, of which some may be anything.
        let place = place.max(10).min(body.len() - 1);
        body[place] ^= 1 << dice.below(8);
    }
    body
}
