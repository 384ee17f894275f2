//! Tests the connector's own code in the simulated world of `simulation/`: some thousand chains of syncs, the
//! planted defects, and the seeds that have found defects. The full run is `examples/simulate.rs`.

use zendesk_simulation::chain;
use zendesk_simulation::plants::Plant;
use zendesk_simulation::runner::{self, Stop, Task};
use zendesk_simulation::scenario::{Consumer, Credentials, Ending, Event, Fault, Filtering, Scenario, Trigger};
use zendesk_simulation::timeline::Timeline;

/// The number of seeds that must have no violation. `SIMULATED_SEEDS` sets another number, for the mutation tester; the
/// first violation then ends the run.
const SEEDS: u64 = 2_000;
/// The number of seeds within which every planted defect must be found.
const FINDS: u64 = 400;
/// The first seed for defects that need more: `--plants` searches from the beginning.
const RARE: &[(Plant, u64)] = &[
    (Plant::WindowEndsEarly, 1_950),
    (Plant::RefusalRetried, 500),
    (Plant::RecordsKept, 8_150),
    (Plant::DatedOutsideDropped, 500),
    (Plant::RequestedTwice, 300),
];
fn task(seeds: u64) -> Task {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Task { seeds, first: 1, threads, plant: None, stop: Stop::Never }
}

#[test]
fn chains_of_syncs_keep_the_guarantees_in_a_simulated_world() {
    let few = std::env::var("SIMULATED_SEEDS").ok().map(|seeds| seeds.parse().expect("a number of seeds"));
    let stop = if few.is_some() { Stop::AtFirst } else { Stop::Never };
    let total = runner::run(Task { stop, ..task(few.unwrap_or(SEEDS)) }, |_| {});
    let found: Vec<_> = total.found.iter().map(|(seed, violation)| format!("seed {seed}: {violation}")).collect();
    assert!(found.is_empty(), "cargo run --example simulate -- --seeds 1 --seed N\n{}", found.join("\n"));
    if few.is_some() {
        return;
    }
    assert_eq!(total.seeds, SEEDS);
    let reached = total.coverage.counts().filter(|(_, count)| *count > 0).count();
    assert!(reached > 35, "only {reached} kinds of things were reached");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 1..40 {
        let scenario = Scenario::draw(seed);
        let [first, second] = [0; 2].map(|_| chain::run(&scenario, None, Timeline::new(true)));
        assert_eq!(first.timeline.lines(), second.timeline.lines(), "seed {seed}");
        let third = chain::run(&scenario, None, Timeline::new(false));
        assert_eq!(third.timeline.fingerprint(), first.timeline.fingerprint(), "seed {seed}");
        assert!(first.timeline.lines().len() > 5, "seed {seed}");
    }
}

#[test]
fn every_planted_defect_is_found() {
    for plant in Plant::ALL {
        let first = RARE.iter().find(|(rare, _)| *rare == plant).map_or(1, |(_, first)| *first);
        let total = runner::run(Task { first, plant: Some(plant), stop: Stop::AtFirst, ..task(FINDS) }, |_| {});
        assert!(!total.found.is_empty(), "{} is not found in {FINDS} seeds", plant.name());
    }
}

/// Asserts that a scenario that has found a defect of the connector has no violation now.
#[track_caller]
fn assert_keeps_the_guarantees(scenario: &Scenario) {
    let report = chain::run(scenario, None, Timeline::new(true));
    assert!(report.violations.is_empty(), "{:?}\n{}", report.violations, report.timeline.lines().join("\n"));
}

fn events(number: i64, seconds: impl Fn(i64) -> i64) -> Vec<Event> {
    (0..number).map(|id| Event::before_the_first_sync(id, seconds(id))).collect()
}

#[test]
fn a_slow_clock_does_not_end_the_sync_after_a_failed_first_response() {
    let mut scenario = Scenario::calm(events(30, |id| 60 + id), 1);
    scenario.syncs[0].clock.ahead = -20 * 86_400;
    scenario.syncs[0].faults = vec![(0, Fault::Status(504, None))];
    assert_keeps_the_guarantees(&scenario);
}

#[test]
fn a_server_that_filters_by_a_later_time_than_it_shows_repeats_nothing() {
    let mut scenario = Scenario::calm(events(2, |id| 3_600 - 600 * id), 2);
    scenario.server.filtering = Filtering::Listed;
    scenario.events[0].listed += 500;
    assert_keeps_the_guarantees(&scenario);
}

#[test]
fn a_longer_look_back_does_not_repeat_the_second_before_the_cursor() {
    let mut scenario = Scenario::calm(events(8, |id| 1 + id % 2), 2);
    scenario.server.most_records = 7;
    scenario.syncs[0].lookback = 0;
    scenario.syncs[0].faults = vec![(1, Fault::TooLarge)];
    scenario.syncs[1].lookback = 30;
    assert_keeps_the_guarantees(&scenario);
}

#[test]
fn deep_cursors_that_fail_within_a_look_back_do_not_stop_the_sync() {
    let mut scenario = Scenario::calm(events(60, |id| 3_600 + 3 * id), 1);
    scenario.server.most_records = 5;
    scenario.server.heavy_depth = Some(5);
    assert_keeps_the_guarantees(&scenario);
}

#[test]
fn randomly_slow_responses_do_not_shrink_requests_until_the_sync_never_ends() {
    let mut scenario = Scenario::calm(events(40, |id| 3_600 * id), 1);
    scenario.server.heavy_days = Some(350);
    scenario.syncs[0].latency = 2_000;
    scenario.syncs[0].tail = 190;
    assert_keeps_the_guarantees(&scenario);
}

#[test]
fn a_limit_of_the_endpoint_holds_after_a_consumer_has_not_read_for_a_while() {
    let mut scenario = Scenario::calm(events(80, |id| 1 + id % 30), 1);
    scenario.server.limits.endpoint = Some(8);
    scenario.syncs[0].percentage = 50;
    scenario.syncs[0].consumer = Consumer::Stops(5_000, 4_000);
    scenario.syncs[0].pipe = 64;
    assert_keeps_the_guarantees(&scenario);
}

#[test]
fn an_outage_does_not_leave_spans_of_seconds_for_the_rest_of_the_day() {
    let mut scenario = Scenario::calm(events(30, |id| 600 * id), 1);
    scenario.server.limits.account = 20;
    scenario.syncs[0].percentage = 10;
    scenario.syncs[0].faults = (0..22).map(|attempt| (attempt, Fault::Status(504, None))).collect();
    assert_keeps_the_guarantees(&scenario);
    assert_keeps_the_guarantees(&Scenario::draw(69_492));
}

#[test]
fn a_record_that_is_listed_late_is_not_repeated_after_a_shorter_look_back() {
    let mut scenario = Scenario::calm(events(15, |id| 7 + id), 2);
    scenario.events.push(Event::before_the_first_sync(100, -524));
    scenario.events[4].listed += 760;
    scenario.server.filtering = Filtering::Listed;
    scenario.server.most_records = 7;
    scenario.syncs[0].lookback = 31;
    scenario.syncs[0].gap = 1_590;
    scenario.syncs[1].lookback = 1;
    scenario.syncs[1].workers = None;
    scenario.syncs[1].latency = 2_000;
    assert_keeps_the_guarantees(&scenario);
    assert_keeps_the_guarantees(&Scenario::draw(14_620));
}

#[test]
fn a_token_that_expired_while_the_date_was_set_back_is_renewed() {
    let mut scenario = Scenario::calm(events(3, |id| 60 + id), 1);
    scenario.credentials = Credentials::ClientCredentials;
    scenario.server.token_life = 300;
    scenario.syncs[0].faults = vec![(1, Fault::Status(503, Some(600)))];
    scenario.syncs[0].clock.jump = Some((20_000, -3_600));
    assert_keeps_the_guarantees(&scenario);
    assert_keeps_the_guarantees(&Scenario::draw(41_827));
}

#[test]
fn years_without_records_are_not_read_in_windows_of_seconds() {
    for seed in [912, 1_207, 1_445, 2_350, 2_974] {
        assert_keeps_the_guarantees(&Scenario::draw(seed));
    }
}

#[test]
fn events_that_occur_during_a_long_sync_do_not_shorten_the_look_back() {
    assert_keeps_the_guarantees(&Scenario::draw(780_089));
}

#[test]
fn responses_that_overtake_each_other_do_not_shorten_the_window_of_a_limit() {
    for seed in [4_253, 47_914] {
        assert_keeps_the_guarantees(&Scenario::draw(seed));
    }
}

#[test]
fn the_refusal_of_a_token_that_is_renewed_takes_no_attempt() {
    let mut scenario = Scenario::calm(events(3, |id| 60 + id), 1);
    scenario.credentials = Credentials::ClientCredentials;
    scenario.syncs[0].faults = (0..9).map(|number| (4 + number, Fault::NoConnection)).collect();
    scenario.syncs[0].faults.insert(0, (2, Fault::TokenRevoked));
    scenario.server.most_records = 1;
    scenario.events.extend((3..6).map(|id| Event::before_the_first_sync(id, id)));
    assert_keeps_the_guarantees(&scenario);
    assert_keeps_the_guarantees(&Scenario::draw(15_760));
}

#[test]
fn a_record_recovered_by_a_comparison_is_not_repeated() {
    assert_keeps_the_guarantees(&Scenario::draw(147_690));
}

#[test]
fn tokens_that_occasionally_expire_unused_do_not_end_a_sync() {
    for seed in [114_784, 160_550] {
        assert_keeps_the_guarantees(&Scenario::draw(seed));
    }
}

#[test]
fn a_token_request_that_is_refused_after_the_end_of_a_stream_adds_no_status() {
    let mut scenario = Scenario::calm(Vec::new(), 1);
    scenario.credentials = Credentials::Rotating;
    scenario.syncs[0].latency = 2_000;
    scenario.syncs[0].faults = vec![(0, Fault::Refused(Some(60)))];
    scenario.syncs[0].ending = Some((Trigger::Time(138), Ending::Term));
    assert_keeps_the_guarantees(&scenario);
    assert_keeps_the_guarantees(&Scenario::draw(181_865));
}

#[test]
fn a_limit_in_a_slow_response_does_not_shorten_the_window_of_the_limit() {
    assert_keeps_the_guarantees(&Scenario::draw(143_660));
}

#[test]
fn a_second_with_many_events_is_read_after_a_page_was_too_large_once() {
    let mut scenario = Scenario::calm(events(61, |_| 600), 1);
    scenario.server.heavy_depth = Some(12);
    scenario.syncs[0].faults = vec![(1, Fault::TooLarge)];
    assert_keeps_the_guarantees(&scenario);
    assert_keeps_the_guarantees(&Scenario::draw(189_101));
}

#[test]
fn waiting_for_a_consumer_that_reads_a_few_bytes_per_second_is_not_a_hang() {
    assert_keeps_the_guarantees(&Scenario::draw(142_781));
}

#[test]
fn the_wait_for_a_consumer_of_rotated_tokens_does_not_shorten_the_retries() {
    let mut scenario = Scenario::calm(Vec::new(), 1);
    scenario.credentials = Credentials::Rotating;
    scenario.syncs[0].faults = vec![(1, Fault::Status(409, None))];
    scenario.syncs[0].consumer = Consumer::Stops(236, 4_000);
    scenario.syncs[0].pipe = 64;
    assert_keeps_the_guarantees(&scenario);
    for seed in [521_744, 528_744] {
        assert_keeps_the_guarantees(&Scenario::draw(seed));
    }
}

#[test]
fn pages_dated_before_their_window_do_not_split_it_after_each_page() {
    for seed in [225_515, 239_963, 274_643] {
        assert_keeps_the_guarantees(&Scenario::draw(seed));
    }
}

/// The records after the first STATE are covered by another one.
#[test]
fn a_sync_that_is_stopped_long_after_a_state_covers_everything_that_it_has_emitted() {
    let mut scenario = Scenario::calm(events(12_000, |id| 60 * id), 2);
    scenario.syncs[0].ending = Some((Trigger::Byte(1_000_000), Ending::Term));
    assert_keeps_the_guarantees(&scenario);
}

/// The sync is long enough to be compared with the count of the server.
#[test]
fn events_that_the_server_omits_once_are_read_again_and_emitted() {
    let mut scenario = Scenario::calm(events(3_000, |id| 60 * id), 2);
    scenario.syncs[0].faults = vec![(5, Fault::Omitted), (15, Fault::Omitted), (16, Fault::Omitted)];
    assert_keeps_the_guarantees(&scenario);
}

#[test]
fn a_response_that_never_arrives_before_the_output_closes_counts_as_time_of_its_request() {
    assert_keeps_the_guarantees(&Scenario::draw(281_212));
}

#[test]
fn the_time_of_a_sync_with_an_unreported_limit_is_that_of_the_assumed_limit() {
    assert_keeps_the_guarantees(&Scenario::draw(361_704));
}

/// The sync reads hundreds of known events again, which the count of the server does not contain.
#[test]
fn a_window_of_known_events_is_not_split_because_its_pace_predicts_many_pages() {
    assert_keeps_the_guarantees(&Scenario::draw(109_188));
}

/// About one response in eight takes longer than the timeout.
#[test]
fn requests_do_not_stay_small_because_responses_are_late_at_random() {
    assert_keeps_the_guarantees(&Scenario::draw(162_180));
}

/// The first window, with many events in a second, ends after the sparse ones behind it.
#[test]
fn a_dense_window_says_nothing_about_the_time_after_sparse_ones() {
    assert_keeps_the_guarantees(&Scenario::draw(256_146));
}

/// All events are in a few seconds: the windows that are split off are empty.
#[test]
fn splits_that_find_only_empty_windows_end() {
    assert_keeps_the_guarantees(&Scenario::draw(699_604));
}
