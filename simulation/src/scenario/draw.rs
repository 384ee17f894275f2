//! Draws a scenario from a seed. Each peculiarity is absent from most scenarios, so that many scenarios have
//! none and some have several.
//!
//! It must not depend on the product: the scenario depends only on the seed.

use fastrand::Rng;

use super::{
    Bound, Consumer, Credentials, Cursors, Ending, Event, Fault, Filtering, Form, HandBack, Limits, Lost, MachineClock,
    Mode, Others, PRESENT, Scenario, Server, Sync, Ties, Trigger,
};

/// The minimum lifetime of a cursor, in intervals between two requests: for its request, a token and another
/// window.
const TURNS_OF_A_CURSOR: i64 = 4;
/// The minimum lifetime of a token, in intervals between two requests: more than can be in flight.
const TURNS_OF_A_TOKEN: i64 = 20;
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// The disorder of a scenario in seconds; in total within the look-back.
#[derive(Clone, Copy)]
struct Disorder {
    displacement: i64,
    lateness: i64,
    date_ahead: i64,
}

impl Scenario {
    /// Draws the scenario of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let lookback = pick(rng, &[0, 1, 1, 5, 10, 10, 10, 60]);
        let disorder = draw_disorder(rng, i64::from(lookback) * MINUTE);
        let page = pick(rng, &[5, 7, 10, 10, 20]);
        let mut server = draw_server(rng, disorder, page);
        let mut syncs = draw_syncs(rng, lookback);
        let events = draw_events(rng, disorder, page, &syncs);
        // The events of a few seconds must be reachable with one cursor, or they cannot be read. Pages become
        // smaller if spans are too heavy, and one cursor then reaches fewer records. Empty pages have the same effect.
        server.heavy_depth = server
            .heavy_depth
            .filter(|_| server.heavy_days.is_none() && server.empty_pages == 0)
            .map(|depth| depth + 3 + densest(&events, &server) / page);
        server.outlast_the_quota(&syncs);
        let start_date = chance(rng, 100).then(|| {
            let first = events.iter().map(|event| event.shown).min().unwrap_or(PRESENT);
            rng.i64(first..=PRESENT.max(first))
        });
        for sync in &mut syncs {
            sync.start_date = start_date;
        }
        let credentials = pick(
            rng,
            &[Credentials::Pasted, Credentials::Pasted, Credentials::ClientCredentials, Credentials::Rotating],
        );
        let mut scenario = Self { seed, events, server, mode: Mode::Incremental, payload: 0, credentials, syncs };
        scenario.change();
        scenario
    }
}

/// Returns the largest number of events in three seconds, by the time that the filter uses.
fn densest(events: &[Event], server: &Server) -> u32 {
    let mut times: Vec<i64> = events
        .iter()
        .map(|event| if server.filtering == Filtering::Shown { event.shown } else { event.listed })
        .collect();
    times.sort_unstable();
    let within = |(first, time): (usize, &i64)| times[first..].partition_point(|later| *later <= time + 2);
    u32::try_from(times.iter().enumerate().map(within).max().unwrap_or(0)).unwrap_or(u32::MAX)
}

fn draw_disorder(rng: &mut Rng, lookback: i64) -> Disorder {
    // Two seconds for rounding: times of the API are whole seconds.
    let mut left = (lookback - 2).max(0);
    let mut part = |per_mille, rng: &mut Rng| {
        let part = if chance(rng, per_mille) { rng.i64(0..=left) } else { 0 };
        left -= part;
        part
    };
    let date_ahead = part(100, rng);
    let displacement = part(400, rng);
    let lateness = part(400, rng);
    Disorder { displacement, lateness, date_ahead }
}

fn draw_server(rng: &mut Rng, disorder: Disorder, page: u32) -> Server {
    let account = pick(rng, &[700, 700, 700, 700, 2_500, 200, 60, 20]);
    let others = match rng.u8(..10) {
        0 => Others::Steady(rng.u32(1..account)),
        1 => Others::Bursts(rng.u32(1..=account), rng.i64(2..5)),
        _ => Others::Idle,
    };
    Server {
        start: pick(rng, &[Bound::Inclusive, Bound::Exclusive]),
        end: pick(rng, &[Bound::Inclusive, Bound::Exclusive]),
        filtering: if rng.bool() { Filtering::Shown } else { Filtering::Listed },
        ties: if chance(rng, 300) { Ties::Unstable } else { Ties::Stable },
        cursors: if chance(rng, 300) { Cursors::Offset } else { Cursors::Record },
        cursor_life: chance(rng, 50).then(|| rng.i64(90..900)),
        last_cursor: rng.bool(),
        most_records: page,
        empty_pages: if chance(rng, 100) { rng.u32(1..300) } else { 0 },
        heavy_days: chance(rng, 20).then(|| rng.i64(90..400)),
        heavy_depth: chance(rng, 50).then(|| rng.u32(1..20)),
        date_ahead: match rng.u8(..20) {
            0 => None,
            1 => Some(-rng.i64(0..300)),
            _ => Some(disorder.date_ahead),
        },
        counts: chance(rng, 700),
        limits: Limits {
            account,
            endpoint: chance(rng, 100).then(|| rng.u32(5..60)),
            changes: chance(rng, 50).then(|| (rng.u32(1..30), pick(rng, &[5, 60, 700, 2_500]))),
            reported: chance(rng, 900),
            retry_after: chance(rng, 800),
            others,
        },
        token_life: pick(rng, &[172_800, 3_600, 1_800, 300, 300]),
    }
}

fn draw_syncs(rng: &mut Rng, lookback: u32) -> Vec<Sync> {
    let disturbed = rng.usize(..4);
    let mut syncs: Vec<Sync> = (0..disturbed).map(|_| draw_sync(rng, lookback)).collect();
    let last = calm_sync(rng, lookback);
    syncs.push(last);
    syncs
}

fn calm_sync(rng: &mut Rng, lookback: u32) -> Sync {
    Sync {
        workers: chance(rng, 700).then(|| rng.u32(1..=16)),
        lookback: lookback + pick(rng, &[0, 0, 0, 1, 30]),
        percentage: pick(rng, &[100, 50, 50, 50, 10]),
        latency: pick(rng, &[1, 50, 300, 2_000]),
        ..Sync::calm()
    }
}

fn draw_sync(rng: &mut Rng, lookback: u32) -> Sync {
    let calm = calm_sync(rng, lookback);
    Sync {
        faults: draw_faults(rng),
        tail: if chance(rng, 300) { rng.u32(1..200) } else { 0 },
        clock: draw_clock(rng),
        consumer: match rng.u8(..6) {
            0 => Consumer::Slow(pick(rng, &[40, 200, 4_096]), pick(rng, &[1, 20, 200])),
            1 => Consumer::Stops(rng.usize(..20_000), pick(rng, &[1, 40, 200, 4_000])),
            _ => Consumer::Quick,
        },
        pipe: pick(rng, &[1, 64, 512, 4_096, 65_536]),
        ending: draw_ending(rng),
        hand_back: if chance(rng, 150) { HandBack::Older(rng.usize(1..4)) } else { HandBack::Last },
        gap: match rng.u8(..4) {
            0 => 0,
            1 => rng.i64(0..MINUTE),
            2 => rng.i64(0..HOUR),
            _ => rng.i64(0..3 * DAY),
        },
        ..calm
    }
}

fn draw_clock(rng: &mut Rng) -> MachineClock {
    let ahead = match rng.u8(..10) {
        0 => rng.i64(-30 * DAY..30 * DAY),
        1 | 2 => rng.i64(-15 * MINUTE..15 * MINUTE),
        _ => 0,
    };
    MachineClock {
        ahead,
        drift: if chance(rng, 100) { rng.i64(-500..500) } else { 0 },
        jump: chance(rng, 100).then(|| (rng.u64(..60_000), rng.i64(-2 * HOUR..2 * HOUR))),
    }
}

fn draw_ending(rng: &mut Rng) -> Option<(Trigger, Ending)> {
    let ending = match rng.u8(..10) {
        0..3 => Ending::Kill(pick(rng, &[Lost::Nothing, Lost::Half, Lost::Everything])),
        3 | 4 => Ending::Term,
        5 => Ending::Close,
        _ => return None,
    };
    let trigger = match rng.u8(..3) {
        0 => Trigger::Time(rng.u64(..30_000)),
        1 => Trigger::Request(rng.u32(1..40)),
        _ => Trigger::Byte(rng.usize(..30_000)),
    };
    Some((trigger, ending))
}

fn draw_faults(rng: &mut Rng) -> Vec<(u32, Fault)> {
    // A few random faults, many near the beginning, or one permanent kind.
    match rng.u8(..20) {
        0..6 => Vec::new(),
        6 => {
            let fault = draw_fault(rng);
            let from = rng.u32(..20);
            (from..from + rng.u32(2..60)).map(|attempt| (attempt, fault)).collect()
        }
        7 => vec![(rng.u32(..20), Fault::Refusing(pick(rng, &[401, 403, 404, 422, 301])))],
        _ => {
            let number = rng.usize(1..8);
            let within = pick(rng, &[8, 30, 100]);
            let mut faults: Vec<_> = (0..number).map(|_| (rng.u32(..within), draw_fault(rng))).collect();
            faults.sort_by_key(|(attempt, _)| *attempt);
            faults.dedup_by_key(|(attempt, _)| *attempt);
            faults
        }
    }
}

fn draw_fault(rng: &mut Rng) -> Fault {
    let seconds = |rng: &mut Rng| pick(rng, &[0, 1, 5, 60, 600]);
    let maybe = |rng: &mut Rng| if rng.bool() { Some(seconds(rng)) } else { None };
    match rng.u8(..24) {
        0 => Fault::Status(500, None),
        1 => Fault::Status(502, None),
        2 => Fault::Status(503, maybe(rng)),
        3 => Fault::Status(504, None),
        4 => Fault::Status(409, None),
        5 => Fault::Refused(maybe(rng)),
        6 => Fault::NoConnection,
        7 => Fault::Dropped,
        8 => Fault::Stalled,
        9 => Fault::HalfBody,
        10 => Fault::Html,
        11 => Fault::Empty,
        12 => Fault::OtherJson,
        13 => Fault::TooLarge,
        14 | 15 => Fault::CursorRefused,
        16 => Fault::CursorMissing,
        17 => Fault::CursorRepeated,
        18 => Fault::EmptyPage,
        19 => Fault::FalseEnd,
        20 => Fault::RecordTwice,
        21 => Fault::Swapped,
        22 => Fault::TokenRevoked,
        _ => Fault::Slow(pick(rng, &[5, 25, 100])),
    }
}

fn draw_events(rng: &mut Rng, disorder: Disorder, page: u32, syncs: &[Sync]) -> Vec<Event> {
    let page = i64::from(page);
    let number = match rng.u8(..50) {
        0 | 1 => rng.i64(0..3),
        2..40 => rng.i64(0..10 * page),
        40..49 => rng.i64(0..25 * page),
        _ => rng.i64(0..60 * page),
    };
    let span = match rng.u8(..5) {
        0 => rng.i64(1..MINUTE),
        1 => rng.i64(MINUTE..HOUR),
        2 => rng.i64(HOUR..DAY),
        3 => rng.i64(DAY..30 * DAY),
        _ => rng.i64(30 * DAY..3_000 * DAY),
    };
    let mut times = draw_times(rng, number, span);
    // Events that happen while the chain runs.
    let whole: i64 = syncs.iter().map(|sync| sync.gap + 30).sum();
    let live = if rng.bool() { rng.i64(0..3 * page) } else { 0 };
    times.extend((0..live).map(|_| PRESENT + rng.i64(-MINUTE..whole)));
    let displaced = pick(rng, &[20, 100, 500, 1_000]);
    let odd_forms = if chance(rng, 200) { rng.u32(1..300) } else { 0 };
    let beyond = chance(rng, 50);
    let direction = rng.u8(..3);
    let mut ids: Vec<i64> = (0..).take(times.len()).map(|number| 35_436_000_000_000 + number * 7).collect();
    if rng.bool() {
        rng.shuffle(&mut ids);
    }
    let draw = |(time, id): (i64, i64)| {
        let displacement = if chance(rng, displaced) { disorder.displacement } else { 0 };
        let factor = if beyond && chance(rng, 50) { 20 } else { 1 };
        // Two records that are displaced in opposite directions are out of order by the sum.
        let listed = match direction {
            0 => time + rng.i64(0..=displacement) * factor,
            1 => time - rng.i64(0..=displacement) * factor,
            _ => time + rng.i64(-displacement / 2..=displacement / 2) * factor,
        };
        let late = if chance(rng, 300) { disorder.lateness * factor } else { 0 };
        let form = if chance(rng, odd_forms) {
            pick(rng, &[Form::Undated, Form::Anonymous, Form::OddId, Form::Spaced])
        } else {
            Form::Plain
        };
        Event { id, shown: time, listed, visible: time + rng.i64(0..=late), form }
    };
    times.into_iter().zip(ids).map(draw).collect()
}

fn draw_times(rng: &mut Rng, number: i64, span: i64) -> Vec<i64> {
    let first = PRESENT - span;
    match rng.u8(..5) {
        // Even.
        0 | 1 => (0..number).map(|_| rng.i64(first..PRESENT)).collect(),
        // A burst.
        2 => {
            let burst = rng.i64(first..PRESENT);
            let width = (span / 100).max(1);
            let time = |number: i64| {
                if number % 10 == 0 { rng.i64(first..PRESENT) } else { (burst + rng.i64(0..width)).min(PRESENT - 1) }
            };
            (0..number).map(time).collect()
        }
        // Ties.
        3 => {
            let mut times = Vec::new();
            while times.len() < usize::try_from(number).unwrap_or(0) {
                let time = rng.i64(first..PRESENT);
                times.extend(vec![time; rng.usize(1..40)]);
            }
            times
        }
        // All at once.
        _ => vec![rng.i64(first..PRESENT); usize::try_from(number).unwrap_or(0)],
    }
}

pub(super) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

pub(super) fn chance(rng: &mut Rng, per_mille: u32) -> bool {
    rng.u32(..1_000) < per_mille
}

impl Server {
    /// Makes cursors and tokens live long enough for requests that wait for the quota: if a cursor or token
    /// expires before the waiting requests can be sent, no client can read the log.
    fn outlast_the_quota(&mut self, syncs: &[Sync]) {
        let Limits { account, endpoint, changes, .. } = self.limits;
        let limits = [Some(account), endpoint, changes.map(|(_, limit)| limit)];
        let limit = limits.into_iter().flatten().min().unwrap_or(account);
        let percentage = syncs.iter().map(|sync| sync.percentage).min().unwrap_or(100);
        let turn = 60 / i64::from((limit * percentage / 100).saturating_sub(1).max(1));
        self.cursor_life = self.cursor_life.map(|life| life.max(TURNS_OF_A_CURSOR * turn));
        self.token_life = self.token_life.max(TURNS_OF_A_TOKEN * turn);
    }
}
