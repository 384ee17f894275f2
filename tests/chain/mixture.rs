//! The parameters of a run: its history, its configuration and the faults of each sync, all drawn from one
//! seed. With every mixture, requests can succeed.
//!
//! It must not run anything.

use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use zendesk_sandbox::{
    AccessLogs, Count, CursorName, DateFormat, Dates, Displaced, Fault, Faults, FutureEvents, Limits, LinkCursorName,
    Load, Options, Order, RateHeaders, RetryAfterFormat, Rule, ServerClock, Shape, Ties, When,
};

/// The largest total probability of faults that fail an attempt. Ten of them in a row end a sync, and that
/// must not happen in thousands of syncs.
const FAILING: f64 = 0.22;
/// The largest probability of a page with a wrong cursor. Three in a row restart a walk.
const MISLEADING: f64 = 0.12;
/// The time at which a run begins.
const PRESENT: Timestamp = Timestamp::constant(1_717_243_200, 0);

/// The parameters of a run.
pub struct Mixture {
    /// The options without faults: each sync has its own faults.
    pub options: Options,
    /// `true` to also run and kill the program itself. Its clock is real, so waits must be short.
    pub program: bool,
    /// How far out of order the server lists audit logs, in seconds.
    pub disorder: i64,
    /// How far out of order the server lists access logs, in seconds; `None` if the syncs do not read them.
    pub access_disorder: Option<i64>,
    /// The shortest look-back of the syncs, in minutes.
    pub lookback: u64,
    late: Duration,
    skew: Duration,
}

/// The configuration and the faults of one sync.
pub struct Sync {
    pub faults: Faults,
    pub workers: u64,
    pub lookback: u64,
    pub percentage: u64,
    /// The offset of the connector's clock, ahead of the server's.
    pub skew: SignedDuration,
    /// `true` to use a short timeout, because an attempt may get no response.
    pub hasty: bool,
}

impl Mixture {
    pub fn draw(rng: &mut Rng) -> Self {
        let program = rng.u8(..5) == 0;
        // At most some thousands of events are within a look-back: a state holds 10,000 ids.
        let events = match rng.u8(..20) {
            0 => rng.u64(..120),
            1..13 => rng.u64(120..1_500),
            13..18 => rng.u64(1_500..4_000),
            _ => rng.u64(4_000..9_000),
        };
        let events = if program && rng.bool() { rng.u64(5_000..9_000) } else { events };
        let span = match rng.u8(..4) {
            0 => rng.i64(1..3_600),
            1 => rng.i64(3_600..86_400),
            2 => rng.i64(86_400..30 * 86_400),
            _ => rng.i64(30 * 86_400..3_000 * 86_400),
        };
        let shapes = [Shape::Even, Shape::Mixed, Shape::Mixed, Shape::Skewed, Shape::Tied, Shape::OneSecond];
        let headers = [RateHeaders::Both, RateHeaders::XRateLimit, RateHeaders::RateLimit, RateHeaders::None];
        // The delay of events and the error of the clock together are within the look-back.
        let lookback = [0, 1, 5, 10, 10, 60][rng.usize(..6)];
        let skew = rng.u64(..=lookback * 30);
        let (order, disorder) = order(rng, events, lookback * 60);
        Self {
            options: Options {
                events,
                seed: rng.u64(..),
                from: PRESENT - SignedDuration::from_secs(span),
                to: PRESENT,
                shape: shapes[rng.usize(..shapes.len())],
                rate_limit: program.then_some(1_000_000),
                rate_headers: headers[rng.usize(..headers.len())],
                retry_after: rng.bool(),
                start_inclusive: rng.bool(),
                end_inclusive: rng.bool(),
                gzip: rng.u8(..4) > 0,
                clock: ServerClock::Requests(rng.u32(1..20)),
                order,
                dates: dates(rng, events),
                load: if program { Load::default() } else { load(rng) },
                limits: Limits { retry_after_format: retry_after_format(rng), ..Limits::default() },
                count: [Count::Right, Count::Right, Count::Absent, Count::Refused][rng.usize(..4)],
                ..Options::default()
            },
            program,
            // An event that appears late, in a window that is read again, follows newer events.
            disorder: disorder + i64::try_from(lookback * 60).unwrap_or(i64::MAX),
            access_disorder: None,
            lookback,
            late: Duration::from_secs(lookback * 60 - skew),
            skew: Duration::from_secs(skew),
        }
    }

    /// Makes half of the runs read access logs as well. It needs a separate `rng`, so that the rest of a run
    /// still depends only on its seed.
    pub fn draw_access_logs(&mut self, rng: &mut Rng) {
        if rng.bool() {
            return;
        }
        // A state holds at most 4,500 ids, and the program itself must wait for the endpoint's limit before
        // each request.
        let few = self.program || self.options.shape == Shape::OneSecond;
        let events = if few { rng.u64(..2_500) } else { rng.u64(..9_000) };
        let seconds = u32::try_from(self.lookback * 30).unwrap_or(0);
        let away = (events > 120 && seconds > 0 && rng.u8(..3) == 0).then(|| rng.u32(1..=seconds));
        self.options.access_logs = AccessLogs {
            events,
            // The records of the longest history are older than the retention.
            days: if few { rng.u32(1..80) } else { [rng.u32(30..80), 120][rng.usize(..2)] },
            rate_limit: 0,
            cursor: [CursorName::Either, CursorName::Filter, CursorName::Page][rng.usize(..3)],
            link_cursor: if rng.bool() { LinkCursorName::Page } else { LinkCursorName::Filter },
            displaced: away.map(|seconds| Displaced { count: rng.u64(1..30), seconds }),
            ..AccessLogs::default()
        };
        if !self.program && rng.u8(..4) == 0 {
            // Makes pages smaller and more numerous.
            self.options.load.max_body_bytes = Some(rng.usize(300_000..900_000));
        }
        let late = i64::try_from(self.lookback * 60).unwrap_or(i64::MAX);
        self.access_disorder = Some(late + away.map_or(0, |seconds| 2 * i64::from(seconds)));
    }

    /// Draws the next sync, for the program itself or in this process.
    pub fn sync(&self, rng: &mut Rng, of_program: bool) -> Sync {
        let rules = if of_program { self.quick_rules(rng) } else { self.rules(rng) };
        Sync {
            hasty: rules.iter().any(|rule| rule.kind == Fault::Stall),
            faults: Faults {
                seed: rng.u64(..),
                rules,
                retry_after: rng.u64(1..90),
                skew: self.skew,
                late: self.late,
                drip: Duration::from_micros(200),
            },
            workers: rng.u64(1..=16),
            lookback: self.lookback + [0, 0, 1, 30][rng.usize(..4)],
            percentage: if of_program { 100 } else { [1, 2, 5, 20, 50, 100][rng.usize(..6)] },
            skew: SignedDuration::from_secs(rng.i64(-900..900)),
        }
    }

    /// Returns the largest delay with which events can appear.
    pub fn late(&self) -> SignedDuration {
        SignedDuration::try_from(self.late).unwrap_or_default()
    }

    fn rules(&self, rng: &mut Rng) -> Vec<Rule> {
        let mut rules = self.harmless(rng);
        rules.extend(share(rng, MISLEADING, MISLEADERS));
        let kinds: Vec<Fault> = Fault::all().iter().copied().filter(|kind| fails(*kind)).collect();
        rules.extend(share(rng, FAILING, &kinds));
        // Responses that take real time must be rare.
        rules.retain(|rule| rule.kind != Fault::Stall);
        if rng.u8(..10) == 0 {
            rules.push(Rule { kind: Fault::Stall, when: When::At(rng.u64(1..40)) });
        }
        if rng.u8(..4) == 0 {
            rules.push(Rule { kind: Fault::Drip, when: When::At(rng.u64(1..40)) });
        }
        for _ in 0..rng.u8(..4) {
            let kind = kinds[rng.usize(..kinds.len())];
            if kind != Fault::Stall {
                rules.push(Rule { kind, when: When::At(rng.u64(1..30)) });
            }
        }
        if rng.bool() {
            // Each one costs a minute of the connector's clock at most.
            rules.push(Rule { kind: Fault::LimitOne, when: When::Chance(0.05) });
        }
        rng.shuffle(&mut rules);
        rules
    }

    /// Faults that cause waits of at most some hundreds of milliseconds.
    fn quick_rules(&self, rng: &mut Rng) -> Vec<Rule> {
        let mut rules = self.harmless(rng);
        rules.extend(share(rng, MISLEADING, MISLEADERS));
        let kinds = [Fault::Drop, Fault::DropInBody, Fault::HalfBody, Fault::Gzip, Fault::Html, Fault::Internal];
        if rng.bool() {
            let kind = kinds[rng.usize(..kinds.len())];
            rules.push(Rule { kind, when: When::At(rng.u64(1..60)) });
        }
        rules
    }

    /// Faults that need no retry.
    fn harmless(&self, rng: &mut Rng) -> Vec<Rule> {
        let mut kinds = vec![Fault::Swap, Fault::EventRepeated, Fault::Arrival, Fault::Late, Fault::EarlyEnd];
        // With events ahead of their time, this machine's wrong clock would shorten the look-back.
        if self.options.dates.future_events.is_none() {
            kinds.extend([Fault::DateMissing, Fault::DateMalformed]);
        }
        if !self.skew.is_zero() {
            kinds.extend([Fault::ClockAhead, Fault::ClockBehind]);
        }
        let chances = [0.02, 0.1, 0.5, 1.0];
        let mut rules = Vec::new();
        for kind in kinds {
            if rng.bool() {
                rules.push(Rule { kind, when: When::Chance(chances[rng.usize(..4)]) });
            }
        }
        rules
    }
}

const MISLEADERS: &[Fault] = &[Fault::CursorExpired, Fault::CursorRepeated, Fault::CursorMissing, Fault::EmptyPage];

/// Returns `true` if a kind of fault fails an attempt.
fn fails(kind: Fault) -> bool {
    let others =
        [Fault::Swap, Fault::EventRepeated, Fault::Arrival, Fault::Late, Fault::ClockAhead, Fault::ClockBehind];
    let headers = [Fault::DateMissing, Fault::DateMalformed, Fault::LimitOne, Fault::EarlyEnd];
    !MISLEADERS.contains(&kind) && !others.contains(&kind) && !headers.contains(&kind) && kind != Fault::Drip
}

/// Draws some of these kinds, which together affect at most this share of the requests.
fn share(rng: &mut Rng, most: f64, kinds: &[Fault]) -> Vec<Rule> {
    let number = rng.usize(..=kinds.len().min(8));
    let total = most * rng.f64();
    let chosen = rng.choose_multiple(kinds.iter().copied(), number);
    let each = total / f64::from(u32::try_from(number.max(1)).unwrap_or(1));
    chosen.into_iter().map(|kind| Rule { kind, when: When::Chance(each) }).collect()
}

/// Draws the order in which the server lists records, and by how many seconds it can differ from their times.
fn order(rng: &mut Rng, events: u64, lookback: u64) -> (Order, i64) {
    let seconds = u32::try_from(lookback / 2).unwrap_or(0);
    let away = (events > 120 && seconds > 0 && rng.u8(..4) == 0).then(|| rng.u32(1..=seconds));
    let displaced = |rng: &mut Rng| away.map(|seconds| Displaced { count: rng.u64(1..30), seconds });
    let ties = if rng.u8(..4) == 0 { Ties::Shuffled } else { Ties::Stable };
    let order = Order { displaced: displaced(rng), duplicates: displaced(rng), ties, ..Order::default() };
    (order, away.map_or(0, |seconds| 2 * i64::from(seconds)))
}

/// Draws the form of the dates, and events dated outside of the history.
fn dates(rng: &mut Rng, events: u64) -> Dates {
    let (created_at_offset, created_at_format) =
        if rng.u8(..6) == 0 { (-4 * 3_600, DateFormat::Offset) } else { (0, DateFormat::Utc) };
    let special = events > 120 && rng.u8(..6) == 0;
    Dates {
        created_at_offset,
        created_at_format,
        epoch_events: if special { rng.u64(..4) } else { 0 },
        future_events: special.then(|| FutureEvents { count: rng.u64(1..30), hours: rng.u32(1..20) }),
        ..Dates::default()
    }
}

/// Draws the load limits of the server.
fn load(rng: &mut Rng) -> Load {
    Load {
        max_span_days: (rng.u8(..8) == 0).then_some(365),
        max_page_size: (rng.u8(..8) == 0).then(|| rng.usize(20..100)),
        ..Load::default()
    }
}

fn retry_after_format(rng: &mut Rng) -> RetryAfterFormat {
    let formats = [
        RetryAfterFormat::Seconds,
        RetryAfterFormat::Seconds,
        RetryAfterFormat::Zero,
        RetryAfterFormat::Date,
        RetryAfterFormat::PastDate,
    ];
    formats[rng.usize(..formats.len())]
}
