//! Pages as batches: the order of their records, and which times their dates settle. Times are seconds of one hour.

use super::*;
use crate::stream::AUDIT_LOGS;

const HOUR: i64 = 3_600;
const TOLERANCE: i64 = 600;

fn at(second: i64) -> Second {
    Second::from_unix(1_700_000_000).plus(second)
}

/// Returns a page whose records have these times, and their index as id.
fn page(times: &[Option<i64>]) -> Page {
    let record = |(id, time): (usize, &Option<i64>)| match time {
        Some(time) => format!(r#"{{"id":{id},"created_at":"{}"}}"#, at(*time)),
        None => format!(r#"{{"id":{id}}}"#),
    };
    let records: Vec<String> = times.iter().enumerate().map(record).collect();
    let body = format!(r#"{{"audit_logs":[{}],"meta":{{"has_more":false}}}}"#, records.join(","));
    Page::parse(&mut body.into_bytes(), &AUDIT_LOGS).expect("a page")
}

fn batch(times: &[Option<i64>], listing: Listing) -> Result<(Batch, Listing)> {
    let window = Window { start: at(0), end: at(HOUR) };
    Batch::new(page(times), Place { window, tolerance: TOLERANCE, trust: Trust::Confirmed, listing })
}

/// Returns the JSON of the records in the order in which they are emitted.
fn emitted(times: &[Option<i64>]) -> Vec<String> {
    let (batch, _) = batch(times, Listing::default()).expect("a batch");
    batch.records().map(|(record, _)| String::from_utf8_lossy(batch.json(record)).into_owned()).collect()
}

fn datings(times: &[Option<i64>]) -> Vec<Dating> {
    let (batch, _) = batch(times, Listing::default()).expect("a batch");
    batch.records().map(|(_, entry)| entry.dating).collect()
}

/// Returns the latest settled time after pages with these times.
fn settled(pages: &[&[i64]]) -> Option<i64> {
    let mut listing = Listing::default();
    for times in pages {
        let times: Vec<_> = times.iter().copied().map(Some).collect();
        (_, listing) = batch(&times, listing).expect("a batch");
    }
    listing.settled.map(|settled| settled.since(at(0)))
}

#[test]
fn records_are_emitted_in_ascending_order_and_a_record_without_a_date_follows_its_predecessor() {
    let ids = |times: &[Option<i64>]| -> Vec<char> {
        emitted(times).iter().map(|json| json.chars().nth(6).expect("an id")).collect()
    };
    assert_eq!(ids(&[Some(30), Some(20), Some(20), Some(10)]), ['3', '1', '2', '0']);
    assert_eq!(ids(&[Some(30), None, Some(10), None]), ['2', '3', '0', '1']);
}

#[test]
fn only_a_date_within_the_window_advances_the_cursor() {
    use Dating::{AtEdge, Contradicting, InWindow, Missing};
    assert_eq!(datings(&[Some(0), Some(HOUR - 1), None]), [InWindow, InWindow, Missing]);
    assert_eq!(datings(&[Some(-1)]), [AtEdge]);
    assert_eq!(datings(&[Some(HOUR)]), [AtEdge]);
    assert_eq!(datings(&[Some(-2)]), [Contradicting]);
    assert_eq!(datings(&[Some(HOUR + 1)]), [Contradicting]);
}

#[test]
fn dates_are_not_trusted_if_one_contradicts_the_filter_by_more_than_the_look_back() {
    let breaks = |time| batch(&[Some(time)], Listing::default()).expect("a batch").0.breaks_trust;
    assert!(!breaks(HOUR + TOLERANCE) && !breaks(-1 - TOLERANCE));
    assert!(breaks(HOUR + TOLERANCE + 1) && breaks(-2 - TOLERANCE));
}

#[test]
fn a_page_with_most_records_days_outside_the_window_is_an_ignored_filter() {
    const DAY: i64 = 86_400;
    let refused = |far: usize, off: i64, near: usize| {
        let times: Vec<_> = std::iter::repeat_n(Some(off), far).chain(std::iter::repeat_n(Some(10), near)).collect();
        batch(&times, Listing::default()).is_err()
    };
    assert!(refused(5, HOUR + DAY + 1, 5) && refused(5, -2 - DAY, 5));
    assert!(!refused(5, HOUR + DAY, 0), "a time zone can be that far off");
    assert!(!refused(5, HOUR + DAY + 1, 6), "most records are where they should be");
    assert!(!refused(4, HOUR + DAY + 1, 0), "a few records with odd dates");
}

#[test]
fn a_record_settles_times_before_its_look_back_if_the_next_record_confirms_it() {
    assert_eq!(settled(&[&[1_000]]), None, "the next record may be much earlier");
    assert_eq!(settled(&[&[1_000, 1_001]]), Some(400));
    assert_eq!(settled(&[&[1_000], &[1_001]]), Some(400), "the next record is in the next page");
    assert_eq!(settled(&[&[1_000, 400]]), Some(400), "earlier by no more than the look-back");
    assert_eq!(settled(&[&[1_000, 399]]), None, "earlier by more");
    assert_eq!(settled(&[&[1_000, 1_001, 900, 901]]), Some(401), "what is settled stays so");
}

#[test]
fn the_end_of_the_listing_settles_the_newest_record() {
    let times = [Some(1_000), Some(3_000), Some(1_001)];
    let (_, mut listing) = batch(&times, Listing::default()).expect("a batch");
    listing.end();
    assert_eq!(listing.settled, Some(at(3_000)));
}

/// An id is kept until the server can no longer return its record.
#[test]
fn an_id_is_kept_until_the_server_can_no_longer_list_its_record() {
    let until = |times: &[Option<i64>]| -> Vec<i64> {
        let (batch, _) = batch(times, Listing::default()).expect("a batch");
        let mut by_record: Vec<_> =
            batch.records().map(|(_, entry)| (entry.record, entry.until.since(at(0)))).collect();
        by_record.sort_unstable();
        by_record.into_iter().map(|(_, until)| until).collect()
    };
    assert_eq!(until(&[Some(1_000), Some(500)]), [1_000, 500], "by its date");
    assert_eq!(until(&[Some(1_000), Some(399)]), [1_000, 1_600], "listed behind a record that is much later");
    assert_eq!(until(&[Some(HOUR + 10)]), [HOUR], "listed by a time that is not known");
    assert_eq!(until(&[None, Some(100)]), [700, 100], "the records behind it show where it is listed");
    assert_eq!(until(&[Some(100), None]), [100, HOUR], "nothing behind it shows where it is listed");
    assert_eq!(until(&[Some(10), Some(2 * HOUR)]), [HOUR, HOUR], "the dates are not those that the server goes by");
}

#[test]
fn the_memory_of_a_batch_includes_its_page_and_the_order_of_its_records() {
    let times = [Some(10); 50];
    let (batch, _) = batch(&times, Listing::default()).expect("a batch");
    let least = page(&times).size() + 50 * size_of::<Entry>();
    assert!((least..2 * least).contains(&batch.size()), "{} of at least {least}", batch.size());
    assert_eq!((batch.len(), batch.is_empty()), (50, false));
}

#[test]
fn the_first_time_of_a_batch_is_that_of_its_first_record_with_a_date() {
    let first = |times: &[Option<i64>]| batch(times, Listing::default()).expect("a batch").0.first();
    assert_eq!(first(&[None, Some(20), Some(10)]), Some(at(10)));
    assert_eq!(first(&[None]), None);
}
