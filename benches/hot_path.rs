//! The hot path without the network: bytes of pages in, RECORD lines out, for several shapes of records.
//!
//! `cargo bench --locked --bench hot_path`; a name after `--`, such as `typical`, selects one. Times depend on the machine;
//! `--bench cost` counts the instructions of a change. It must not use a shape that the API cannot send.

use std::fmt::Write as _;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use jiff::Timestamp;
use source_zendesk_audit_logs::airbyte::RecordLines;
use source_zendesk_audit_logs::second::Second;
use source_zendesk_audit_logs::stream::AUDIT_LOGS;
use source_zendesk_audit_logs::sync::{Ledger, SyncState};
use source_zendesk_audit_logs::zendesk::Page;
use zendesk_sandbox::{Options, Sandbox};

const PAGES: usize = 10;
const PAGE: usize = 100;
/// 2024-01-01T00:00:00Z
const YEAR: i64 = 1_704_067_200;

fn main() {
    divan::main();
}

/// Bodies of the API, in ascending order of time.
type Bodies = Vec<Vec<u8>>;

/// Records as the sandbox serves them: short and long strings, escapes, missing fields, in one second and in
/// many.
#[divan::bench]
fn typical(bencher: Bencher) {
    let events = (PAGES * PAGE) as u64;
    let sandbox = Sandbox::start(Options { events, ..Options::default() }).expect("the sandbox starts");
    records_of(bencher, &bodies(&sandbox.records()));
}

/// Records with a change description of some hundreds of lines.
#[divan::bench]
fn long_texts(bencher: Bencher) {
    let text = r"Status changed from open to solved; assignee changed from not set to Ada Example\n".repeat(200);
    records_of(bencher, &made_of(|at| record(at, at, &text)));
}

/// Records with fields that the API may add, with nested objects and arrays.
#[divan::bench]
fn unknown_fields(bencher: Bencher) {
    records_of(
        bencher,
        &made_of(|at| {
            let more =
                r#""before":{"roles":["admin","agent"],"limits":{"day":1.50,"hour":2e3}},"after":null,"tags":[]"#;
            record(at, at, "Changed").replacen('{', &format!("{{{more},"), 1)
        }),
    );
}

/// Strings with escapes and with letters outside of ASCII.
#[divan::bench]
fn escapes(bencher: Bencher) {
    let text =
        r#"\u201cZ\u00fcrich\u201d \"quoted\" C:\\Users\\smith\r\n\t<b>\/<\/b> \ud83d\udea8 株式会社 "#.repeat(4);
    records_of(bencher, &made_of(|at| record(at, at, &text)));
}

/// Records with neither an id nor a date: they are identified by a digest.
#[divan::bench]
fn undated(bencher: Bencher) {
    records_of(bencher, &made_of(|at| format!(r#"{{"action":"update","change_description":"Change number {at}"}}"#)));
}

/// Records with line breaks and spaces between the tokens.
#[divan::bench]
fn pretty_printed(bencher: Bencher) {
    records_of(
        bencher,
        &made_of(|at| record(at, at, "Changed").replace(",\"", ",\r\n      \"").replace("\":", "\" : ")),
    );
}

/// Records in the same second.
#[divan::bench]
fn one_second(bencher: Bencher) {
    records_of(bencher, &made_of(|at| record(at, 0, "Changed")));
}

fn record(at: usize, second: usize, text: &str) -> String {
    let second = i64::try_from(second).expect("a small number");
    let created_at = Second::from_unix(YEAR).plus(60 * second);
    format!(
        r#"{{"url":"https://sandbox.zendesk.com/api/v2/audit_logs/{at}.json","id":{at},"action_label":"Updated","actor_id":1900000000001,"source_id":{at},"source_type":"user","source_label":"Ada Example","action":"update","change_description":"{text}","ip_address":"192.0.2.1","created_at":"{created_at}","actor_name":"Ben Example"}}"#
    )
}

fn made_of(record: impl Fn(usize) -> String) -> Bodies {
    bodies(&(0..PAGES * PAGE).map(record).collect::<Vec<_>>())
}

fn bodies(records: &[String]) -> Bodies {
    let body = |records: &[String]| {
        let mut body = format!(r#"{{"audit_logs":[{}],"#, records.join(","));
        let _ = write!(body, r#""meta":{{"has_more":true,"after_cursor":"eyJvIjoiLWlkIn0="}},"links":{{}}}}"#);
        body.into_bytes()
    };
    records.chunks(PAGE).map(body).collect()
}

fn records_of(bencher: Bencher, bodies: &Bodies) {
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let lines = hot_path(bodies.clone()).iter().map(|lines| memchr::memchr_iter(b'\n', lines).count()).sum::<usize>();
    assert_eq!(lines, PAGES * PAGE, "each record is a line");
    bencher
        .counter(ItemsCount::new(PAGES * PAGE))
        .counter(BytesCount::new(bytes))
        .with_inputs(|| bodies.clone())
        .bench_values(|bodies| black_box(hot_path(bodies)));
}

/// The steps of a sync between the network and stdout.
fn hot_path(bodies: Bodies) -> Vec<Vec<u8>> {
    let now = Second::from_unix(YEAR).plus(2 * 366 * 86_400);
    let mut ledger = Ledger::open(SyncState::default(), None, 600);
    let mut lines_of = |mut body: Vec<u8>| {
        let page = Page::parse(&mut body, &AUDIT_LOGS).expect("a page");
        let mut lines = RecordLines::new(&AUDIT_LOGS, Timestamp::UNIX_EPOCH, page.size() + page.records.len() * 100);
        for record in &page.records {
            if ledger.enter(&record.identity, record.created_at, record.created_at.unwrap_or(now)) {
                lines.push(page.text(record));
            }
        }
        if let Some(newest) = page.records.iter().filter_map(|record| record.created_at).max() {
            ledger.settle(newest, now);
        }
        lines.into_bytes()
    };
    bodies.into_iter().map(&mut lines_of).collect()
}
