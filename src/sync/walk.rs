//! A walk through the pages of one span of time: which page to ask for next, and what of an
//! answer belongs to the span.
//!
//! It must not fetch anything, and must not end before the API says that there is no more, or
//! shows, in ascending order, a record past the end.

use crate::second::Second;
use crate::stream::AUDIT_LOGS;
use crate::zendesk::{Between, Page, PageOutcome, Query, Record};
use crate::zendesk::{Failure, Result};

/// A half-open span of time: `start` belongs to it, `end` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first second.
    pub start: Second,
    /// The first second after it.
    pub end: Second,
}

impl Window {
    /// What to ask for, so that nothing is missed whether the API takes the ends as inclusive or
    /// not: a second more at either end. (`end` itself is the second after the last.)
    fn asked(self) -> Between {
        Between { start: self.start.minus(1), end: self.end.max(self.start) }
    }
}

/// Times that the same page is asked for again because it leads nowhere, at most. A passing fault is
/// over then, and within a second that fills many pages, what comes after a restart is the same again.
const SAME_PAGE_AGAIN: u32 = 2;
/// Restarts from the last record seen that bring no later one, at most.
const FRUITLESS_RESTARTS: u32 = 10;
/// Pages that bring no later record, at most: a million events of one second, or a server that makes
/// up cursors for ever.
const FRUITLESS_PAGES: u32 = 10_000;

/// The walk.
#[derive(Debug)]
pub struct Walk {
    window: Window,
    /// The same for all pages of a walk, as the API demands, also when the window is cut.
    asked: Between,
    after: Option<String>,
    /// Whether a request has been made with that.
    begun: bool,
    /// The newest `created_at` so far.
    reached: Option<Second>,
    /// The first second that the request without a cursor was for; before it, a second more is asked.
    from: Second,
    /// Where the next page begins, or later: where the one before it ended.
    resumes: Option<Second>,
    /// How far behind that a page may begin, in seconds.
    tolerance: i64,
    /// Whether every page began where the one before ended, or later.
    ordered: bool,
    cycle: Cycle,
    same_page_again: u32,
    fruitless_restarts: u32,
    fruitless_pages: u32,
    done: bool,
}

/// Where a page leads.
enum Next {
    Done,
    Page(String),
    Stuck(&'static str),
}

/// The part of a page that belongs to a window, in ascending order.
#[derive(Debug)]
pub struct Portion {
    page: Page,
    picks: Vec<Pick>,
}

#[derive(Clone, Copy, Debug)]
struct Pick {
    record: usize,
    /// For the order: the record's own time or that of the one before it.
    position: Second,
    /// The latest time that the record can have.
    until: Second,
}

impl Portion {
    /// The records, with the latest time that each can have.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (&Record, Second)> {
        self.picks.iter().map(|pick| (&self.page.records[pick.record], pick.until))
    }

    /// The time of the first record that has one.
    #[must_use]
    pub fn first(&self) -> Option<Second> {
        self.records().find_map(|(record, _)| record.created_at)
    }

    /// The record's JSON.
    #[must_use]
    pub fn text(&self, record: &Record) -> &[u8] {
        self.page.text(record)
    }

    /// The memory that it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.page.size() + self.picks.capacity() * size_of::<Pick>()
    }
}

impl Walk {
    /// A walk through a window. Pages may lie up to `tolerance` seconds behind the ones before: as
    /// far as the next sync reads again, disorder can lose nothing.
    #[must_use]
    pub fn new(window: Window, tolerance: i64) -> Self {
        Self {
            window,
            asked: window.asked(),
            after: None,
            begun: false,
            reached: None,
            from: window.start,
            resumes: None,
            tolerance,
            ordered: true,
            cycle: Cycle::default(),
            same_page_again: 0,
            fruitless_restarts: 0,
            fruitless_pages: 0,
            done: window.start >= window.end,
        }
    }

    /// What it walks through.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// The newest `created_at` so far, but not before the window.
    #[must_use]
    pub fn position(&self) -> Second {
        self.reached.map_or(self.window.start, |reached| reached.max(self.window.start))
    }

    /// Whether everything has arrived.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Gives up what lies at `end` or later; somebody else reads that. Must be after
    /// [`Walk::position`].
    pub fn cut(&mut self, end: Second) {
        self.window.end = self.window.end.min(end);
        if !self.begun {
            self.asked = self.window.asked();
        }
    }

    /// The request for the next page.
    pub fn query(&mut self) -> Query {
        self.begun = true;
        Query {
            stream: &AUDIT_LOGS,
            between: Some(self.asked),
            filters: None,
            after: self.after.clone(),
            size: AUDIT_LOGS.page_size,
        }
    }

    /// Takes the answer to [`Walk::query`].
    ///
    /// # Errors
    /// If the pages lead nowhere, or are not in ascending order.
    pub fn arrived(&mut self, fetched: PageOutcome) -> Result<Option<Portion>> {
        let mut page = match fetched {
            PageOutcome::CursorRefused if self.comes_again() => return Ok(None),
            PageOutcome::CursorRefused => return self.restart("its cursor is refused").map(|()| None),
            PageOutcome::TooMuch(too_much) => return Err(too_much.error),
            PageOutcome::Page(page) => page,
        };
        let ordered = self.continues(&page)? && self.ordered;
        let newest = page.records.iter().filter_map(|record| record.created_at).max();
        let past_the_end = ordered && newest.is_some_and(|newest| newest >= self.window.end);
        let next = match page.after_cursor.take() {
            _ if !page.has_more || past_the_end => Next::Done,
            None => Next::Stuck("more is announced without a cursor"),
            Some(next) if Some(&next) == self.after.as_ref() || self.cycle.repeats(&next) => {
                Next::Stuck("the same cursor comes again")
            }
            Some(next) => Next::Page(next),
        };
        if matches!(next, Next::Stuck(_)) && self.comes_again() {
            return Ok(None);
        }
        self.ordered = ordered;
        self.same_page_again = 0;
        let portion = self.portion(page);
        if newest > self.reached {
            self.reached = newest;
            self.fruitless_restarts = 0;
            self.fruitless_pages = 0;
        }
        self.fruitless_pages += 1;
        if self.fruitless_pages > FRUITLESS_PAGES {
            return Err(Failure::Pagination { what: "its pages bring nothing new" }.into());
        }
        self.resumes = self.reached;
        match next {
            Next::Done => self.done = true,
            Next::Page(next) => self.after = Some(next),
            Next::Stuck(what) => self.restart(what)?,
        }
        Ok(Some(portion))
    }

    /// Whether a page is in ascending order and begins where the one before ended, or later.
    fn continues(&self, page: &Page) -> Result<bool> {
        let times = || page.records.iter().filter_map(|record| record.created_at);
        match (times().min(), self.resumes) {
            (Some(oldest), Some(resumes)) if resumes.since(oldest) > self.tolerance => {
                Err(Failure::Pagination { what: "its pages are not in ascending order" }.into())
            }
            (Some(oldest), Some(resumes)) if oldest < resumes => Ok(false),
            _ => Ok(times().is_sorted()),
        }
    }

    /// Whether a page that leads nowhere is to be asked for again, before it is taken as it is.
    fn comes_again(&mut self) -> bool {
        let again = self.same_page_again < SAME_PAGE_AGAIN;
        self.same_page_again = if again { self.same_page_again + 1 } else { 0 };
        again
    }

    /// Goes on from the last record seen, without a cursor.
    fn restart(&mut self, what: &'static str) -> Result<()> {
        if self.fruitless_restarts >= FRUITLESS_RESTARTS {
            return Err(Failure::Pagination { what }.into());
        }
        self.fruitless_restarts += 1;
        self.from = self.position();
        self.asked = Window { start: self.from, end: self.window.end }.asked();
        self.after = None;
        self.resumes = Some(self.asked.start);
        self.cycle = Cycle::default();
        Ok(())
    }

    /// What of a page belongs to the window.
    fn portion(&self, page: Page) -> Portion {
        let belongs = |at: Second| {
            (self.window.start..self.window.end).contains(&at) && !(self.asked.start..self.from).contains(&at)
        };
        let mut position = self.resumes.unwrap_or(self.window.start).max(self.window.start);
        // A record without a date may have changed places with any other of its page.
        let times = || page.records.iter().filter_map(|record| record.created_at);
        let newest = times().max().filter(|_| times().is_sorted());
        let mut picks: Vec<Pick> = Vec::with_capacity(page.records.len());
        for (index, record) in page.records.iter().enumerate() {
            if let Some(at) = record.created_at {
                position = at;
                if belongs(at) {
                    picks.push(Pick { record: index, position, until: at });
                }
            } else {
                let followed = page.records[index..].iter().any(|record| record.created_at.is_some());
                let until = newest.filter(|_| followed).unwrap_or(self.asked.end).max(position);
                picks.push(Pick { record: index, position, until });
            }
        }
        // Stable, and cheap if nothing is out of place.
        picks.sort_by_key(|pick| pick.position);
        Portion { page, picks }
    }
}

/// Notices that cursors repeat, in a cycle of any length, by remembering one at a time (Brent).
#[derive(Debug, Default)]
struct Cycle {
    remembered: Option<String>,
    steps: u64,
    renew_at: u64,
}

impl Cycle {
    fn repeats(&mut self, cursor: &str) -> bool {
        if self.remembered.as_deref() == Some(cursor) {
            return true;
        }
        if self.steps == self.renew_at {
            self.remembered = Some(cursor.to_owned());
            self.renew_at = (self.renew_at * 2).max(1);
            self.steps = 0;
        }
        self.steps += 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Second {
        Second::BEFORE_ZENDESK.plus(second)
    }

    fn walk(start: i64, end: i64) -> Walk {
        Walk::new(Window { start: at(start), end: at(end) }, 600)
    }

    /// A page of records with these times; a negative one has none.
    fn page(times: &[i64], next: Option<&str>, has_more: bool) -> PageOutcome {
        let records: Vec<String> = times
            .iter()
            .enumerate()
            .map(|(id, time)| match time {
                0.. => format!(r#"{{"id":{id},"created_at":"{}"}}"#, at(*time)),
                _ => format!(r#"{{"id":{id}}}"#),
            })
            .collect();
        let cursor = next.map_or("null".to_owned(), |next| format!("\"{next}\""));
        let body = format!(
            r#"{{"audit_logs":[{}],"meta":{{"has_more":{has_more},"after_cursor":{cursor}}}}}"#,
            records.join(",")
        );
        PageOutcome::Page(Page::parse(&mut body.into_bytes(), &AUDIT_LOGS).expect("a page"))
    }

    fn times(portion: Option<Portion>) -> Vec<i64> {
        let portion = portion.expect("a portion");
        portion.records().map(|(record, _)| record.created_at.map_or(-1, |time| time.since(at(0)))).collect()
    }

    fn asked(walk: &mut Walk) -> (i64, i64, Option<String>) {
        let query = walk.query();
        let between = query.between.expect("a span");
        (between.start.since(at(0)), between.end.since(at(0)), query.after)
    }

    #[test]
    fn a_second_more_is_asked_for_at_either_end_and_dropped() {
        let mut walk = walk(10, 20);
        assert_eq!(asked(&mut walk), (9, 20, None));
        let portion = walk.arrived(page(&[9, 10, 19, 20], Some("c"), false)).expect("fine");
        assert_eq!(times(portion), [10, 19]);
        assert!(walk.is_done());
    }

    #[test]
    fn the_end_is_when_the_api_says_so() {
        let mut walk = walk(10, 20);
        assert_eq!(times(walk.arrived(page(&[], Some("a"), true)).expect("fine")), [] as [i64; 0]);
        assert!(!walk.is_done(), "an empty page with more to come is legal");
        assert_eq!(asked(&mut walk), (9, 20, Some("a".to_owned())));
        assert_eq!(times(walk.arrived(page(&[12], Some("b"), true)).expect("fine")), [12]);
        assert!(!walk.is_done());
        walk.arrived(page(&[], None, false)).expect("fine");
        assert!(walk.is_done());
    }

    #[test]
    fn a_window_that_was_cut_ends_at_the_first_record_past_the_cut() {
        let mut walk = walk(10, 1000);
        walk.query();
        walk.arrived(page(&[12], Some("a"), true)).expect("fine");
        walk.cut(at(20));
        assert_eq!(asked(&mut walk), (9, 1000, Some("a".to_owned())), "the filter stays the same for a cursor");
        assert_eq!(times(walk.arrived(page(&[19, 20, 21], Some("b"), true)).expect("fine")), [19]);
        assert!(walk.is_done());
        let mut under_way = self::walk(10, 1000);
        under_way.query();
        under_way.cut(at(20));
        assert_eq!(asked(&mut under_way), (9, 1000, None), "nor does it change while a request is under way");
        let mut disordered = self::walk(10, 1000);
        disordered.cut(at(20));
        assert_eq!(asked(&mut disordered), (9, 20, None), "without a cursor, the filter follows the cut");
        disordered.arrived(page(&[20, 19], Some("b"), true)).expect("fine");
        assert!(!disordered.is_done(), "out of order, a record past the end proves nothing");
    }

    #[test]
    fn a_page_out_of_order_is_put_in_order_and_undated_records_stay_in_their_place() {
        let mut walk = walk(0, 100);
        let portion = walk.arrived(page(&[-1, 10, -1, 30, 20, -1], None, false)).expect("fine").expect("some");
        let got: Vec<(i64, i64)> = portion
            .records()
            .map(|(record, until)| (record.created_at.map_or(-1, |time| time.since(at(0))), until.since(at(0))))
            .collect();
        assert_eq!(got, [(-1, 100), (10, 10), (-1, 100), (20, 20), (-1, 100), (30, 30)]);
    }

    #[test]
    fn an_undated_record_that_changed_places_does_not_come_twice_because_it_was_forgotten() {
        let until = |times: &[i64]| -> Vec<i64> {
            let portion = walk(0, 100).arrived(page(times, None, false)).expect("fine").expect("some");
            let undated = portion.records().filter(|(record, _)| record.created_at.is_none());
            undated.map(|(_, until)| until.since(at(0))).collect()
        };
        assert_eq!(until(&[-1, 10, 90, 91]), [91], "it may belong between 90 and 91");
        assert_eq!(until(&[-1, 90, 10, 20]), [100], "it may belong behind all of them");
    }

    #[test]
    fn pages_in_descending_order_are_an_error_and_a_little_disorder_is_not() {
        let mut descending = walk(0, 10_000);
        descending.arrived(page(&[9000, 8000], Some("a"), true)).expect("fine");
        let error = descending.arrived(page(&[7000], Some("b"), true)).expect_err("refused");
        assert_eq!(error.failure, Failure::Pagination { what: "its pages are not in ascending order" });
        let mut swapped = walk(0, 10_000);
        swapped.arrived(page(&[9000], Some("a"), true)).expect("fine");
        assert_eq!(times(swapped.arrived(page(&[8990, 9001], Some("b"), true)).expect("fine")), [8990, 9001]);
    }

    #[test]
    fn a_cursor_that_leads_nowhere_is_left_for_the_last_record_seen() {
        let broken: [fn() -> PageOutcome; 3] =
            [|| PageOutcome::CursorRefused, || page(&[], None, true), || page(&[], Some("a"), true)];
        for broken in broken {
            let mut walk = walk(0, 1000);
            walk.arrived(page(&[10, 500], Some("a"), true)).expect("fine");
            for _ in 0..2 {
                walk.arrived(broken()).expect("fine");
                assert_eq!(asked(&mut walk), (-1, 1000, Some("a".to_owned())), "it may have been a passing fault");
            }
            walk.arrived(broken()).expect("fine");
            assert_eq!(asked(&mut walk), (499, 1000, None));
            assert!(!walk.is_done());
        }
    }

    #[test]
    fn a_second_of_many_pages_ends_though_every_fifth_page_lacks_its_cursor() {
        let mut walk = walk(0, 1000);
        let mut answers = 0;
        while !walk.is_done() {
            answers += 1;
            let (.., after) = asked(&mut walk);
            let number = after.map_or(0, |cursor| cursor.parse::<u32>().expect("a cursor of this test"));
            let next = (number + 1).to_string();
            let answer = page(&[10], (answers % 5 != 3).then_some(&next), number < 100);
            walk.arrived(answer).expect("it goes on");
        }
        assert_eq!(answers, 101 + answers / 5, "nothing is read again but the pages that lacked a cursor");
    }

    #[test]
    fn a_page_that_comes_again_and_a_restart_are_no_disorder() {
        let mut walk = Walk::new(Window { start: at(0), end: at(1000) }, 0);
        for _ in 0..2 {
            assert!(walk.arrived(page(&[10, 500], None, true)).expect("in order").is_none(), "it is not taken");
        }
        assert_eq!(times(walk.arrived(page(&[10, 500], None, true)).expect("in order")), [10, 500]);
        assert_eq!(asked(&mut walk), (499, 1000, None));
        let portion = walk.arrived(page(&[499, 500, 501], Some("a"), true)).expect("in order");
        assert_eq!(times(portion), [500, 501], "the second more has gone out already");
        assert!(walk.ordered);
    }

    #[test]
    fn cursors_that_are_made_up_for_ever_come_to_an_end() {
        for times in [&[][..], &[10]] {
            let mut walk = walk(0, 1000);
            let error = (0..).find_map(|number: u32| walk.arrived(page(times, Some(&number.to_string()), true)).err());
            let kind = error.map(|error| error.failure);
            assert_eq!(kind, Some(Failure::Pagination { what: "its pages bring nothing new" }));
        }
    }

    #[test]
    fn restarts_that_bring_nothing_new_come_to_an_end() {
        let mut walk = walk(0, 1000);
        let mut restarts = 0;
        let error = loop {
            match walk.arrived(page(&[10], None, true)) {
                Ok(_) => restarts += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(restarts, 2 + 10 * 3, "each with its page asked for thrice");
        assert_eq!(error.failure, Failure::Pagination { what: "more is announced without a cursor" });
    }

    #[test]
    fn a_cycle_of_cursors_of_any_length_is_noticed_and_none_is_seen_where_there_is_none() {
        for length in 1..40 {
            let mut cycle = Cycle::default();
            let noticed = (0..1000).position(|step| cycle.repeats(&format!("{}", step % length)));
            assert!(noticed.is_some_and(|step| step <= 4 * length + 2), "{length}: {noticed:?}");
        }
        let mut cycle = Cycle::default();
        assert!((0..10_000).all(|step| !cycle.repeats(&step.to_string())));
    }
}
