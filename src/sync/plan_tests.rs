//! The plan against a fake API: how long it takes, in how much memory, and that nothing is
//! lost, for histories of every shape.

use proptest::prelude::*;

use super::fake_api::FakeApi;
use super::ledger::Ledger;
use super::plan::{Plan, WindowId};
use super::state::SyncState;
use super::walk::{Portion, Window};
use crate::second::Second;
use crate::zendesk::{Identity, Query};

fn at(second: i64) -> Second {
    Second::from_unix(1_700_000_000).plus(second)
}

const YEAR: i64 = 365 * 86_400;

struct Outcome {
    ids: Vec<i64>,
    requests: usize,
    /// In the time that a request takes.
    took: f64,
    /// Pages that lay ready at once.
    held: usize,
}

/// Reads everything, in simulated time; `latency` is how long the next request takes.
fn read(api: &FakeApi, window: Window, workers: usize, mut latency: impl FnMut() -> f64) -> Outcome {
    let mut plan = Plan::new(window, workers, 0);
    plan.set_present(at(YEAR));
    let mut outcome = Outcome { ids: Vec::new(), requests: 0, took: 0.0, held: 0 };
    let mut under_way: Vec<(f64, WindowId, Query)> = Vec::new();
    loop {
        while let Some(portion) = plan.take() {
            outcome.ids.extend(ids(&portion));
        }
        if plan.is_finished() {
            return outcome;
        }
        while under_way.len() < workers {
            let Some((id, query)) = plan.next() else { break };
            outcome.requests += 1;
            under_way.push((outcome.took + latency(), id, query));
        }
        outcome.held = outcome.held.max(plan.held());
        assert!(outcome.requests < 100_000, "the plan does not come to an end");
        let next = (0..under_way.len()).min_by(|a, b| under_way[*a].0.total_cmp(&under_way[*b].0));
        let (answered, id, query) = under_way.remove(next.expect("the plan neither ends nor goes on"));
        outcome.took = answered;
        plan.arrived(id, api.answer(&query)).expect("the API keeps its order");
    }
}

fn ids(portion: &Portion) -> Vec<i64> {
    portion
        .records()
        .map(|(record, _)| match record.identity {
            Identity::Id(id) => id,
            Identity::Other(_) => panic!("the fake API gives every record an id"),
        })
        .collect()
}

fn api(mut times: Vec<i64>) -> FakeApi {
    times.sort_unstable();
    FakeApi {
        times: times.into_iter().map(at).collect(),
        start_inclusive: true,
        end_inclusive: true,
        tie_seed: 0,
        undated: 0,
    }
}

/// All of it, and what a sync asks for: from before the first event to a day after the present.
fn all() -> Window {
    Window { start: Second::BEFORE_ZENDESK, end: at(YEAR + 86_400) }
}

fn simulated(times: Vec<i64>, workers: usize) -> Outcome {
    let api = api(times);
    let mut random = fastrand::Rng::with_seed(1);
    let outcome = read(&api, all(), workers, || 0.95 + 0.1 * random.f64());
    let complete: Vec<i64> = (0..).take(api.times.len()).collect();
    assert_eq!(outcome.ids, complete, "everything, once, in order");
    outcome
}

/// 40,000 events in one of the shapes, over a year.
fn shape(name: &str) -> Vec<i64> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut times = |count: usize, from: i64, to: i64| (0..count).map(|_| random.i64(from..to)).collect::<Vec<_>>();
    match name {
        "even" => times(40_000, 0, YEAR),
        "skewed" => {
            let mut all = times(2_000, 0, YEAR);
            all.extend(times(38_000, YEAR / 3, YEAR / 3 + YEAR / 100));
            all
        }
        "tied" => times(133, 0, YEAR).into_iter().flat_map(|time| vec![time; 300]).take(40_000).collect(),
        "years of nothing" => {
            let mut all = times(20_000, 0, YEAR / 50);
            all.extend(times(20_000, YEAR - YEAR / 50, YEAR));
            all
        }
        "growing" => {
            let uniform = times(40_000, 0, 1_000_000);
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a test's shape")]
            uniform.into_iter().map(|x| ((x as f64 / 1e6).cbrt() * YEAR as f64) as i64).collect()
        }
        _ => unreachable!("no such shape"),
    }
}

#[test]
fn one_worker_makes_no_more_requests_than_there_are_pages() {
    for name in ["even", "skewed", "tied", "years of nothing", "growing"] {
        assert_eq!(simulated(shape(name), 1).requests, shape(name).len().div_ceil(100), "{name}");
    }
}

#[test]
fn eight_workers_are_seven_times_as_fast_as_one() {
    let even = simulated(shape("even"), 8);
    let one = simulated(shape("even"), 1);
    assert!(even.took * 7.0 <= one.took, "{:.1} against {:.1}, {} requests", even.took, one.took, even.requests);
}

#[test]
fn histories_of_any_shape_take_little_longer_than_an_even_one() {
    for workers in [2, 4, 8, 16] {
        let even = simulated(shape("even"), workers).took;
        for name in ["skewed", "tied", "years of nothing", "growing"] {
            let outcome = simulated(shape(name), workers);
            assert!(outcome.took <= 1.3 * even, "{name}, {workers} workers: {:.1} against {even:.1}", outcome.took);
        }
    }
}

#[test]
fn what_fits_one_page_takes_one_request() {
    for events in [0, 1, 99, 100] {
        for workers in [1, 8] {
            let outcome = simulated((0..events).map(|event| event * 1000).collect(), workers);
            assert_eq!(outcome.requests, 1, "{events} events, {workers} workers");
        }
    }
}

#[test]
fn ten_thousand_events_in_one_second_are_read_and_memory_stays_bounded() {
    for workers in [1, 4, 16] {
        let mut times = shape("even");
        times.truncate(20_000);
        times.extend(vec![YEAR / 2; 10_000]);
        let outcome = simulated(times, workers);
        assert!(outcome.held <= 4 * 12 * workers, "{} pages held by {workers} workers", outcome.held);
        assert!(outcome.requests <= 450, "{} requests by {workers} workers", outcome.requests);
    }
}

/// A sync that is killed after so many pages, as the engine does it: the ids that went out before
/// the last STATE, and that STATE.
fn sync(
    api: &FakeApi,
    state: SyncState,
    lookback: i64,
    workers: usize,
    pages: usize,
    random: &mut fastrand::Rng,
) -> (Vec<i64>, SyncState) {
    let mut ledger = Ledger::open(state, None, lookback);
    let window = Window { start: ledger.begin(), end: at(YEAR + 86_400) };
    let mut plan = Plan::new(window, workers, lookback);
    plan.set_present(at(YEAR));
    let (mut ids, mut under_way, mut gone) = (Vec::new(), Vec::new(), 0);
    loop {
        while let Some(portion) = plan.take() {
            for (record, until) in portion.records() {
                if ledger.enter(&record.identity, record.created_at, until, at(YEAR)) {
                    let Identity::Id(id) = record.identity else { panic!("the fake API gives every record an id") };
                    ids.push(id);
                }
            }
            gone += 1;
            if gone == pages {
                return (ids, ledger.snapshot().state);
            }
        }
        if plan.is_finished() {
            return (ids, ledger.snapshot().state);
        }
        while under_way.len() < workers {
            let Some(request) = plan.next() else { break };
            under_way.push(request);
        }
        let (id, query) = under_way.swap_remove(random.usize(0..under_way.len()));
        plan.arrived(id, api.answer(&query)).expect("the API keeps its order");
    }
}

fn history(clusters: Vec<(i64, usize, i64)>, random: &mut fastrand::Rng) -> Vec<i64> {
    let mut times = Vec::new();
    for (start, count, width) in clusters {
        times.extend((0..count).map(|_| (start + random.i64(0..width)).min(YEAR - 1)));
    }
    times
}

/// Some bursts: where they begin, how many events, over how many seconds.
fn clusters() -> impl Strategy<Value = Vec<(i64, usize, i64)>> {
    let width = prop::sample::select(vec![1_i64, 2, 60, 86_400, YEAR / 2]);
    prop::collection::vec((0..YEAR, 1_usize..700, width), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_in_any_history_in_any_order_of_answers(
        clusters in clusters(),
        workers in 1_usize..=16,
        start_inclusive: bool,
        end_inclusive: bool,
        tie_seed: u64,
        seed: u64,
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let api = FakeApi { start_inclusive, end_inclusive, tie_seed, ..api(history(clusters, &mut random)) };
        let outcome = read(&api, all(), workers, || random.f64());
        let mut ids = outcome.ids;
        let sorted = ids.iter().map(|id| api.times[usize::try_from(*id).expect("an index")]).is_sorted();
        prop_assert!(sorted, "out of order");
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..).take(api.times.len()).collect::<Vec<i64>>());
    }

    #[test]
    fn a_chain_of_kills_at_any_page_loses_nothing_and_repeats_nothing(
        clusters in clusters(),
        kills in prop::collection::vec((1_usize..12, 1_usize..=16, any::<u64>()), 0..6),
        lookback in prop::sample::select(vec![0_i64, 1, 600, 86_400]),
        start_inclusive: bool,
        end_inclusive: bool,
        undated in prop::sample::select(vec![0_usize, 3, 50]),
        seed: u64,
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut api = FakeApi { start_inclusive, end_inclusive, undated, ..api(history(clusters, &mut random)) };
        let mut state = SyncState::default();
        let mut ids = Vec::new();
        // The last sync is not killed. Each time the server orders the ties anew.
        for (pages, workers, tie_seed) in kills.into_iter().chain([(usize::MAX, 4, 0)]) {
            api.tie_seed = tie_seed;
            let (new, next) = sync(&api, state, lookback, workers, pages, &mut random);
            ids.extend(new);
            state = SyncState::parse(&next.to_value()).expect("a state of ours");
        }
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..).take(api.times.len()).collect::<Vec<i64>>());
    }
}
