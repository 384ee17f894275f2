//! Tests faults in every request: the sync ends in bounded time with the right failure, acknowledges the
//! emitted records, and is never COMPLETE. Faults that need no retry change nothing at any frequency.

mod harness;

use std::time::Duration;

use harness::{Connection, Run, sandbox, sorted};
use serde_json::json;
use source_zendesk_audit_logs::zendesk::Timeouts;
use zendesk_sandbox::{Fault, Faults, Options, Rule, Sandbox, ServerClock, Shape, When};

/// Records that are emitted before the faults begin.
const EMITTED: usize = 300;

fn faults(kind: Fault, when: When) -> Faults {
    Faults { rules: vec![Rule { kind, when }], drip: Duration::from_millis(30), ..Faults::default() }
}

fn sandbox_with(faults: Faults, shape: Shape) -> Sandbox {
    let clock = ServerClock::Requests(1);
    sandbox(Options { events: 1_000, shape, clock, faults, ..Options::default() })
}

/// One worker, so that requests are sequential.
fn connect(sandbox: &Sandbox, kind: Fault) -> Connection {
    let mut connection = Connection::to(sandbox).set("num_workers", json!(1));
    // These faults take real time. With the others, a busy machine must not cause a timeout.
    if matches!(kind, Fault::Drip | Fault::Stall) {
        connection.timeouts = Some(Timeouts {
            connect: Duration::from_secs(20),
            read: Duration::from_millis(500),
            total: Duration::from_millis(800),
        });
    }
    connection
}

/// Asserts that the sync failed with a transient error within an hour of its clock, and that the last STATE
/// covers every emitted record.
#[track_caller]
fn failed(connection: &Connection, run: &Run, kind: Fault) {
    assert_eq!(run.code, 1, "{kind}: {}", run.stdout);
    assert_eq!(run.error()["failure_type"], "transient_error", "{kind}");
    assert_eq!(run.error()["stream_descriptor"]["name"], "audit_logs", "{kind}");
    assert_eq!(run.statuses().last().map(String::as_str), Some("INCOMPLETE"), "{kind}");
    assert!(!run.statuses().contains(&"COMPLETE".to_owned()), "{kind}");
    let hours = connection.clock.elapsed().as_secs() / 3_600;
    assert_eq!(hours, 0, "{kind}: {:?}", connection.clock.elapsed());
    let claimed: f64 = run.states().iter().filter_map(|state| state["sourceStats"]["recordCount"].as_f64()).sum();
    assert_eq!(Some(claimed), u32::try_from(run.records().len()).ok().map(f64::from), "{kind}");
    let last = run.stdout.rfind("{\"type\":\"STATE\"");
    let records = run.stdout.rfind("{\"type\":\"RECORD\"");
    assert!(last > records, "{kind}: records after the last STATE");
}

/// Asserts that the next sync, without faults, reads exactly the missing records.
#[track_caller]
fn assert_next_sync_completes(sandbox: &Sandbox, connection: &Connection, run: &Run, kind: Fault) {
    sandbox.set_faults(Faults::default());
    let next = connection.read(Some(&run.state())).succeeded();
    let both = run.records().into_iter().chain(next.records()).collect();
    assert_eq!(sorted(both), sorted(sandbox.records()), "{kind}");
}

#[test]
fn faults_in_every_request_end_the_sync_with_a_transient_failure() {
    for kind in [
        Fault::Limited,
        Fault::LimitedAfter,
        Fault::LimitedJson,
        Fault::LimitedJsonAfter,
        Fault::Internal,
        Fault::BadGateway,
        Fault::Unavailable,
        Fault::UnavailableAfter,
        Fault::GatewayTimeout,
        Fault::Conflict,
        Fault::Drop,
        Fault::DropInBody,
        Fault::HalfBody,
        Fault::Gzip,
        Fault::Drip,
        Fault::Stall,
        Fault::Html,
        Fault::Empty,
        Fault::BrokenJson,
        Fault::OtherJson,
        Fault::EmptyPage,
    ] {
        let sandbox = sandbox_with(faults(kind, When::From(4)), Shape::Even);
        let connection = connect(&sandbox, kind);
        let run = connection.read(None);
        failed(&connection, &run, kind);
        assert_eq!(run.records().len(), EMITTED, "{kind}");
        assert!(sandbox.faults_injected()[&kind] > 1, "{kind}: no retry");
        assert_next_sync_completes(&sandbox, &connection, &run, kind);
    }
}

#[test]
fn faults_from_the_first_request_on_leave_a_state_without_records() {
    // Without the drip and the stall, which take real time and have the same effect here.
    for kind in [Fault::Limited, Fault::Internal, Fault::Drop, Fault::Gzip, Fault::Html, Fault::Empty, Fault::EmptyPage]
    {
        let sandbox = sandbox_with(faults(kind, When::From(1)), Shape::Even);
        let connection = connect(&sandbox, kind);
        let run = connection.read(None);
        failed(&connection, &run, kind);
        assert_eq!(run.state()["stream"]["stream_state"], json!({}), "{kind}");
        assert_next_sync_completes(&sandbox, &connection, &run, kind);
    }
}

/// A cursor that does not advance is not a failure if each page has new records: the walk continues from its
/// last record. This is impossible within a second of many pages.
#[test]
fn cursors_that_never_advance_fail_only_within_a_second_of_many_pages() {
    for kind in [Fault::CursorExpired, Fault::CursorRepeated, Fault::CursorMissing] {
        let sandbox = sandbox_with(faults(kind, When::From(1)), Shape::Even);
        let run = connect(&sandbox, kind).read(None).succeeded();
        assert_eq!(sorted(run.records()), sorted(sandbox.records()), "{kind}");
        assert_eq!(run.statuses(), ["STARTED", "RUNNING", "COMPLETE"], "{kind}");

        let sandbox = sandbox_with(faults(kind, When::From(1)), Shape::OneSecond);
        let connection = connect(&sandbox, kind);
        let run = connection.read(None);
        failed(&connection, &run, kind);
        assert!((100..=200).contains(&run.records().len()), "{kind}: {} were emitted", run.records().len());
        assert_next_sync_completes(&sandbox, &connection, &run, kind);
    }
}

#[test]
fn faults_without_a_retry_never_lose_or_duplicate_a_record() {
    for kind in [
        Fault::Swap,
        Fault::EventRepeated,
        Fault::Arrival,
        Fault::Late,
        Fault::ClockAhead,
        Fault::ClockBehind,
        Fault::DateMissing,
        Fault::DateMalformed,
        Fault::LimitOne,
        Fault::EarlyEnd,
    ] {
        for workers in [1, 8] {
            let sandbox = sandbox_with(faults(kind, When::From(1)), Shape::Mixed);
            let connection = connect(&sandbox, kind).set("num_workers", json!(workers));
            let before = sandbox.records();
            let run = connection.read(None).succeeded();
            assert_eq!(run.statuses(), ["STARTED", "RUNNING", "COMPLETE"], "{kind}");
            let read = sorted(run.records());
            let lost = before.iter().filter(|text| read.binary_search(text).is_err()).count();
            assert_eq!(lost, 0, "{kind}");
            assert!(sandbox.faults_injected()[&kind] > 5, "{kind}");
            assert_next_sync_completes(&sandbox, &connection, &run, kind);
        }
    }
}

#[test]
fn every_kind_of_fault_is_in_one_of_the_tables() {
    // 21 that end a sync, 3 of cursors, and 10 that need no retry.
    assert_eq!(Fault::all().len(), 21 + 3 + 10);
}
