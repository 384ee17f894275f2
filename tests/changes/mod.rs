//! Chains of syncs with changes of the account, the clocks, the start date, the look-back, the filters and
//! the state between them, drawn from a seed. An oracle computes what each sync must emit.
//!
//! `tests/changed_syncs.rs` runs some chains, `examples/changes.rs` any number.

#![allow(dead_code, reason = "the test and the example each use a part of it")]

#[path = "../chain/interrupted.rs"]
mod interrupted;
mod judge;
mod oracle;
mod received;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use source_zendesk_audit_logs::clock::ManualClock;
use source_zendesk_audit_logs::zendesk::Timeouts;
use zendesk_sandbox::{
    DateFormat, Dates, Displaced, Fault, Faults, FutureEvents, Options, Order, Rule, Sandbox, ServerClock, Shape, Ties,
    When,
};

use crate::harness::{Connection, sandbox};
use interrupted::{Ended, Kill};
use judge::Judged;
use oracle::{Known, Reader, Setting, expect};
use received::Received;

/// The server's time when a chain begins.
const PRESENT: Timestamp = Timestamp::constant(1_717_243_200, 0);
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Long enough for a machine under load.
const PATIENT: Timeouts =
    Timeouts { connect: Duration::from_secs(20), read: Duration::from_secs(20), total: Duration::from_secs(40) };

/// The figures of one or more chains.
#[derive(Debug, Default)]
pub struct Report {
    pub chains: u64,
    pub syncs: u64,
    pub killed: u64,
    pub requests: u64,
    pub faults: u64,
    pub emitted: u64,
    /// Records that were due although they had been emitted before, because of a change of the state.
    pub again: u64,
    /// The number of each kind of change, and of each warning.
    pub changes: BTreeMap<&'static str, u64>,
    pub warnings: u64,
    /// The size of the largest state, in bytes.
    pub largest_state: usize,
    /// The violations, with the chain's seed.
    pub violations: Vec<String>,
}

impl Report {
    pub fn add(&mut self, other: Self) {
        self.chains += other.chains;
        self.syncs += other.syncs;
        self.killed += other.killed;
        self.requests += other.requests;
        self.faults += other.faults;
        self.emitted += other.emitted;
        self.again += other.again;
        for (change, number) in other.changes {
            *self.changes.entry(change).or_default() += number;
        }
        self.warnings += other.warnings;
        self.largest_state = self.largest_state.max(other.largest_state);
        self.violations.extend(other.violations);
    }
}

/// An account, and the behavior of its server.
struct Account {
    sandbox: Sandbox,
    /// The account's name, and its name after a rename.
    names: [&'static str; 2],
    inclusive: (bool, bool),
    /// The offset of its `Date` from its events, in seconds.
    offset: i64,
    reader: Reader,
}

/// The settings and the state of a chain, which changes modify.
struct Chain {
    accounts: [Account; 2],
    connection: Connection,
    account: usize,
    name: usize,
    start: Option<i64>,
    /// In minutes.
    lookback: i64,
    filters: Value,
    /// The offset of this machine's clock from the server's, in seconds.
    skew: i64,
    /// The state for the next sync, and its meaning.
    state: Option<(Value, Known)>,
    /// All emitted records so far.
    emitted: HashSet<String>,
    /// All states so far.
    states: Vec<(Value, Known)>,
    lookbacks: &'static [i64],
    report: Report,
}

/// Runs a chain.
pub fn run(seed: u64) -> Report {
    let mut rng = Rng::with_seed(seed);
    // The disorder of the servers is within every look-back of the chain.
    let (lookbacks, displaced): (&[i64], _) = match rng.u8(..3) {
        0 => (&[0, 1, 10, 60], None),
        1 => (&[5, 10, 30], Some(300)),
        _ => (&[10, 60, 120], Some(600)),
    };
    let many = rng.u8(..30) == 0;
    let accounts =
        [account(&mut rng, ["one", "uno"], displaced, many), account(&mut rng, ["other", "another"], displaced, false)];
    let mut chain = Chain {
        connection: Connection::to(&accounts[0].sandbox),
        accounts,
        account: 0,
        name: 0,
        start: None,
        lookback: if many { *lookbacks.last().expect("some") } else { lookbacks[0] },
        filters: Value::Null,
        skew: rng.i64(-100..100),
        state: None,
        emitted: HashSet::new(),
        states: Vec::new(),
        lookbacks,
        report: Report { chains: 1, ..Report::default() },
    };
    for _ in 0..rng.u8(3..9) {
        chain.change(&mut rng);
        chain.sync(&mut rng, seed);
    }
    // Finally, a sync without disturbances, and another one without new events.
    for _ in 0..2 {
        chain.undisturbed(seed);
    }
    chain.report
}

fn account(rng: &mut Rng, names: [&'static str; 2], displaced: Option<u32>, many: bool) -> Account {
    let shapes = [Shape::Even, Shape::Mixed, Shape::Skewed, Shape::Tied, Shape::OneSecond];
    let events = if many { rng.u64(10_500..12_000) } else { [rng.u64(60..200), rng.u64(..2_500)][rng.usize(..2)] };
    let span = if many {
        rng.i64(600..1_800)
    } else {
        [rng.i64(60..HOUR), rng.i64(HOUR..30 * DAY), rng.i64(DAY..900 * DAY)][rng.usize(..3)]
    };
    let displaced = displaced.filter(|_| events > 60 && rng.bool());
    let away = |rng: &mut Rng| displaced.map(|seconds| Displaced { count: rng.u64(1..20), seconds });
    let special = events > 60;
    // The same time with and without an offset.
    let (created_at_offset, created_at_format) =
        if rng.u8(..5) == 0 { (5 * 3_600, DateFormat::Offset) } else { (0, DateFormat::Utc) };
    let offset = [0, 0, 0, 0, 0, -HOUR, 2 * HOUR, -20 * DAY][rng.usize(..8)];
    let (start_inclusive, end_inclusive) = (rng.bool(), rng.bool());
    let sandbox = sandbox(Options {
        events,
        seed: rng.u64(..),
        from: PRESENT - SignedDuration::from_secs(span),
        to: PRESENT,
        shape: shapes[rng.usize(..if many { 2 } else { 5 })],
        start_inclusive,
        end_inclusive,
        gzip: rng.bool(),
        clock: ServerClock::Requests(0),
        clock_offset: SignedDuration::from_secs(offset),
        order: Order {
            displaced: away(rng),
            duplicates: away(rng),
            ties: if rng.bool() { Ties::Stable } else { Ties::Shuffled },
            ..Order::default()
        },
        dates: Dates {
            created_at_offset,
            created_at_format,
            epoch_events: if special { rng.u64(..3) } else { 0 },
            future_events: (special && rng.u8(..3) == 0)
                .then(|| FutureEvents { count: rng.u64(1..40), hours: rng.u32(1..20) }),
            ..Dates::default()
        },
        ..Options::default()
    });
    Account { sandbox, names, inclusive: (start_inclusive, end_inclusive), offset, reader: Reader::default() }
}

impl Chain {
    /// Changes something between two syncs; usually, time passes and events arrive.
    fn change(&mut self, rng: &mut Rng) {
        for account in &self.accounts {
            account.sandbox.advance_clock(SignedDuration::from_secs(rng.i64(0..3 * HOUR)));
            let now = account.sandbox.now();
            let late = [0, self.lookback * 60, 3 * HOUR][rng.usize(..3)];
            let ahead = if rng.u8(..8) == 0 { rng.i64(1..20 * HOUR) } else { 1 };
            let count = if rng.bool() { rng.u64(..80) } else { 0 };
            account.sandbox.add_events(
                count,
                now - SignedDuration::from_secs(late),
                now + SignedDuration::from_secs(ahead),
            );
        }
        if rng.u8(..6) == 0 {
            self.noted("another account");
            self.account = 1 - self.account;
        }
        if rng.u8(..8) == 0 {
            self.noted("a renamed account");
            self.name = 1 - self.name;
        }
        if rng.u8(..4) == 0 {
            self.noted("another start date");
            let present = PRESENT.as_second();
            let dates =
                [present - 1_000 * DAY, present - DAY, present - rng.i64(0..HOUR), present + rng.i64(0..4 * HOUR)];
            let dates =
                [None, None, Some(dates[0]), Some(dates[1]), Some(dates[2]), Some(dates[3]), Some(present + 30 * DAY)];
            self.start = dates[rng.usize(..dates.len())];
        }
        if rng.u8(..3) == 0 {
            self.noted("another look-back");
            self.lookback = self.lookbacks[rng.usize(..self.lookbacks.len())];
        }
        if rng.u8(..5) == 0 {
            self.noted("other filters");
            self.filters = [
                Value::Null,
                Value::Null,
                json!({ "actions": ["login"] }),
                json!({ "actions": ["create", "update"] }),
                json!({ "source_types": ["user"] }),
                json!({ "actor_ids": [-1] }),
                json!({ "actions": ["update"], "source_types": ["account_setting", "user"] }),
            ][rng.usize(..7)]
            .clone();
        }
        if rng.u8(..5) == 0 {
            self.noted("another clock");
            self.skew =
                [rng.i64(-100..100), rng.i64(600..DAY), -rng.i64(600..DAY), 30 * DAY, -30 * DAY][rng.usize(..5)];
        }
        self.change_state(rng);
    }

    fn change_state(&mut self, rng: &mut Rng) {
        match rng.u8(..24) {
            0 | 1 => {
                self.noted("no state");
                self.state = None;
            }
            2..5 if !self.states.is_empty() => {
                self.noted("an earlier state");
                self.state = Some(self.states[rng.usize(..self.states.len())].clone());
            }
            5 | 6 => {
                self.noted("a state by hand");
                let at = PRESENT - SignedDuration::from_secs(rng.i64(0..2 * DAY));
                self.state = Some(by_hand(at));
            }
            7 if rng.bool() => {
                self.noted("a cursor in the future");
                self.state = Some(by_hand(Timestamp::constant(4_070_908_800, 0)));
            }
            8 | 9 => {
                let name = self.name();
                if let Some((state, known)) = &mut self.state
                    && known.account.as_deref() == Some(name)
                    && let Some(state) = state["stream"]["stream_state"].as_object_mut()
                {
                    state.remove("account");
                    known.account = None;
                    self.noted("a state without an account");
                }
            }
            _ => {}
        }
    }

    fn name(&self) -> &'static str {
        self.accounts[self.account].names[self.name]
    }

    fn noted(&mut self, change: &'static str) {
        *self.report.changes.entry(change).or_default() += 1;
    }

    fn sync(&mut self, rng: &mut Rng, seed: u64) {
        let kill = match rng.u8(..8) {
            0 => Some(Kill::Stop),
            1 | 2 => Some(Kill::ClosedStdout),
            _ => None,
        };
        let bytes = [2_000, 20_000, 400_000][rng.usize(..3)];
        let kill = kill.map(|kill| (kill, rng.usize(..bytes)));
        let faults = if rng.u8(..3) == 0 { self.faults(rng) } else { Faults::default() };
        self.run(faults, kill, seed);
    }

    fn undisturbed(&mut self, seed: u64) {
        self.run(Faults::default(), None, seed);
    }

    fn faults(&self, rng: &mut Rng) -> Faults {
        let mut rules = Vec::new();
        for kind in [Fault::Swap, Fault::EventRepeated, Fault::Arrival, Fault::Late, Fault::EarlyEnd, Fault::LimitOne] {
            if rng.u8(..4) == 0 {
                rules.push(Rule { kind, when: When::Chance(0.1) });
            }
        }
        for kind in [
            Fault::CursorExpired,
            Fault::CursorMissing,
            Fault::EmptyPage,
            Fault::Internal,
            Fault::GatewayTimeout,
            Fault::Drop,
            Fault::Html,
        ] {
            if rng.u8(..4) == 0 {
                rules.push(Rule { kind, when: When::At(rng.u64(1..20)) });
            }
        }
        let late = Duration::from_secs(self.lookback.unsigned_abs() * 60);
        Faults { seed: rng.u64(..), rules, late, ..Faults::default() }
    }

    fn run(&mut self, faults: Faults, kill: Option<(Kill, usize)>, seed: u64) {
        let name = self.name();
        let account = &mut self.accounts[self.account];
        let sandbox = &account.sandbox;
        let now = sandbox.now().as_second();
        let setting = Setting {
            account: name.to_owned(),
            start: self.start,
            lookback: self.lookback * 60,
            filters: self.filters.clone(),
            machine: now + self.skew,
            server: now + account.offset,
            inclusive: account.inclusive,
            disordered: faults.rules.iter().any(|rule| rule.kind == Fault::Swap) || self.lookbacks[0] > 0,
            delayed: !faults.rules.is_empty(),
        };
        let events = account.reader.read(sandbox.records(), now);
        let expectation = expect(self.state.as_ref().map(|(_, known)| known), &setting, &events);
        let injected = || sandbox.faults_injected().values().sum::<u64>();
        let faults_before = injected();
        sandbox.set_faults(faults);
        sandbox.reset_traffic();
        let connection = &mut self.connection;
        connection.base_url = Some(sandbox.base_url());
        connection.timeouts = Some(PATIENT);
        connection.clock = ManualClock::new(Timestamp::from_second(setting.machine).expect("a time"));
        for (field, value) in [
            ("subdomain", json!(name)),
            (
                "start_date",
                self.start.map_or(Value::Null, |at| json!(Timestamp::from_second(at).expect("a time").to_string())),
            ),
            ("lookback_window_minutes", json!(self.lookback)),
            ("filters", self.filters.clone()),
            ("rate_limit_percentage", json!(100)),
        ] {
            connection.config[field] = value;
        }
        let arguments = connection.arguments(self.state.as_ref().map(|(state, _)| state));
        let (stdout, ended) = interrupted::run(connection, &arguments, kill);
        let received = Received::read(&stdout);
        let after = account.reader.read(sandbox.records(), now);
        let judged =
            Judged { setting: &setting, expectation: &expectation, received: &received, ended, events: &after };
        let (meanings, mut wrong) = judged.judge();
        let pages = sandbox.traffic().pages;
        let struck = injected() - faults_before;
        let listed = after.iter().filter(|event| oracle::is_listed(event, &setting, expectation.span)).count() as u64;
        let most = (listed.div_ceil(100) * 3 / 2 + 10) * (1 + struck.min(4));
        if pages > most {
            wrong.push(format!("{pages} requests for {listed} events, with {struck} faults"));
        }
        let report = &mut self.report;
        report.syncs += 1;
        report.killed += u64::from(ended != Ended::Orderly(0));
        report.requests += pages;
        report.faults += struck;
        report.emitted += received.records.len() as u64;
        for text in &received.records {
            report.again += u64::from(!self.emitted.insert(text.clone()));
        }
        report.warnings += received.warnings.len() as u64;
        let number = report.syncs;
        report.violations.extend(wrong.into_iter().map(|what| format!("--seed {seed}, sync {number}: {what}")));
        for ((state, _), known) in received.states.into_iter().zip(meanings) {
            report.largest_state = report.largest_state.max(state.to_string().len());
            self.states.push((state.clone(), known.clone()));
            self.state = Some((state, known));
        }
    }
}

/// Returns a state as users write it, and as Airbyte's own Zendesk connector leaves it.
fn by_hand(at: Timestamp) -> (Value, Known) {
    let state = json!({
        "type": "STREAM",
        "stream": {
            "stream_descriptor": { "name": "audit_logs" }, "stream_state": { "created_at": at.to_string() }
        }
    });
    (state, Known { cursor: Some(at.as_second()), ..Known::default() })
}
