//! The plan against a fake API: how many rounds of requests, how much memory, and that nothing is
//! lost, for histories of every shape.

use proptest::prelude::*;

use super::fake_api::FakeApi;
use super::plan::Plan;
use super::walk::{Portion, Window};
use crate::second::Second;
use crate::zendesk::Identity;

fn at(second: i64) -> Second {
    Second::from_unix(1_700_000_000).plus(second)
}

const YEAR: i64 = 365 * 86_400;

struct Outcome {
    ids: Vec<i64>,
    requests: usize,
    /// A round is the time that a request takes; this many follow each other.
    rounds: usize,
    /// Pages that lay ready at once.
    held: usize,
}

/// Reads everything; `order` decides which of the requests under way is answered next (none: all
/// of a round together).
fn read(api: &FakeApi, window: Window, workers: usize, mut order: impl FnMut(usize) -> Option<usize>) -> Outcome {
    let mut plan = Plan::new(window, workers, 0);
    plan.set_present(at(YEAR));
    let mut outcome = Outcome { ids: Vec::new(), requests: 0, rounds: 0, held: 0 };
    let mut under_way = Vec::new();
    loop {
        while let Some(portion) = plan.take() {
            outcome.ids.extend(ids(&portion));
        }
        if plan.is_finished() {
            return outcome;
        }
        while under_way.len() < workers {
            let Some(request) = plan.next() else { break };
            outcome.requests += 1;
            under_way.push(request);
        }
        assert!(!under_way.is_empty(), "the plan neither ends nor goes on");
        outcome.held = outcome.held.max(plan.held());
        outcome.rounds += 1;
        let answered = match order(under_way.len()) {
            Some(index) => vec![under_way.swap_remove(index)],
            None => std::mem::take(&mut under_way),
        };
        for (id, query) in answered {
            plan.arrived(id, api.answer(&query)).expect("the API keeps its order");
        }
        assert!(outcome.rounds < 100_000, "the plan does not come to an end");
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
    FakeApi { times: times.into_iter().map(at).collect(), start_inclusive: true, end_inclusive: true }
}

/// All of it, and what a sync asks for: from before the first event to a day after the present.
fn all() -> Window {
    Window { start: Second::BEFORE_ZENDESK, end: at(YEAR + 86_400) }
}

fn round_by_round(times: Vec<i64>, workers: usize) -> Outcome {
    let api = api(times);
    let outcome = read(&api, all(), workers, |_| None);
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
        assert_eq!(round_by_round(shape(name), 1).requests, shape(name).len().div_ceil(100), "{name}");
    }
}

#[test]
fn eight_workers_are_seven_times_as_fast_as_one() {
    let even = round_by_round(shape("even"), 8);
    assert!(even.rounds * 7 <= 400, "{} rounds, {} requests", even.rounds, even.requests);
}

#[test]
fn histories_of_any_shape_take_little_longer_than_an_even_one() {
    for workers in [2, 4, 8, 16] {
        let even = round_by_round(shape("even"), workers).rounds;
        for name in ["skewed", "tied", "years of nothing", "growing"] {
            let outcome = round_by_round(shape(name), workers);
            assert!(
                outcome.rounds * 10 <= even * 13,
                "{name}, {workers} workers: {} rounds against {even}",
                outcome.rounds
            );
        }
    }
}

#[test]
fn what_fits_one_page_takes_one_request() {
    for events in [0, 1, 99, 100] {
        for workers in [1, 8] {
            let outcome = round_by_round((0..events).map(|event| event * 1000).collect(), workers);
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
        let outcome = round_by_round(times, workers);
        assert!(outcome.held <= 4 * 10 * workers, "{} pages held by {workers} workers", outcome.held);
        assert!(outcome.requests <= 450, "{} requests by {workers} workers", outcome.requests);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_in_any_history_in_any_order_of_answers(
        clusters in prop::collection::vec((0..YEAR, 1_usize..700, prop::sample::select(vec![1_i64, 2, 60, 86_400, YEAR / 2])), 0..8),
        workers in 1_usize..=16,
        start_inclusive: bool,
        end_inclusive: bool,
        seed: u64,
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut times = Vec::new();
        for (start, count, width) in clusters {
            times.extend((0..count).map(|_| (start + random.i64(0..width)).min(YEAR - 1)));
        }
        let api = FakeApi { start_inclusive, end_inclusive, ..api(times) };
        let outcome = read(&api, all(), workers, |under_way| Some(random.usize(0..under_way)));
        let mut ids = outcome.ids;
        let sorted = ids.iter().map(|id| api.times[usize::try_from(*id).expect("an index")]).is_sorted();
        prop_assert!(sorted, "out of order");
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..).take(api.times.len()).collect::<Vec<i64>>());
    }
}
