//! How far a sync is and what it came to, in words for people: figures in, sentences out.
//!
//! This file must not read a clock, ask for anything or write anything. What cannot be known is left
//! out, never guessed beyond "about".

use std::time::Duration;

use crate::humanize::{age_of_the_newest, counted, grouped, measured, rough, size};
use crate::second::Second;
use crate::zendesk::Waits;

/// Less of the span than this says nothing about the rest.
const SAYS_SOMETHING: f64 = 0.01;
/// Time left beyond this is no guess worth telling.
const LONGEST_LEFT: Duration = Duration::from_hours(24 * 60);

/// The figures of a sync at a moment.
#[derive(Clone, Copy, Debug)]
pub struct ProgressFigures {
    /// Since it began.
    pub elapsed: Duration,
    /// Events put out so far.
    pub events: u64,
    /// How many there will be, about.
    pub expected: Option<u64>,
    /// The newest `created_at` that has gone out.
    pub reached: Option<Second>,
    /// The time up to which there are events.
    pub present: Second,
    /// Requests sent.
    pub requests: u64,
    /// Requests a minute of the whole account, if known.
    pub limit: Option<u32>,
}

/// What the lines of progress have to remember.
#[derive(Debug)]
pub struct Progress {
    /// From where the sync reads.
    begin: Second,
    /// The time of the first event that came.
    first: Option<Second>,
    /// Elapsed time, events and requests when the last line was made.
    before: (Duration, u64, u64),
}

impl Progress {
    /// Of a sync that reads from this time on.
    #[must_use]
    pub fn new(begin: Second) -> Self {
        Self { begin, first: None, before: (Duration::ZERO, 0, 0) }
    }

    /// Tells the time of an event; the first one counts.
    pub fn came(&mut self, event: Option<Second>) {
        self.first = self.first.or(event);
    }

    /// How far the sync is; rates are those since the line before.
    pub fn line(&mut self, now: ProgressFigures) -> String {
        let sentences = [Some(now.volume()), now.pace(self.before), self.left(now).map(left)];
        self.before = (now.elapsed, now.events, now.requests);
        sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// By the number of events, or else by the place in time, at the pace of the whole sync so far.
    fn left(&self, now: ProgressFigures) -> Option<Duration> {
        let done = if let Some(expected) = now.expected() {
            number(now.events) / number(expected)
        } else {
            let begin = self.begin.max(self.first?);
            let span = now.present.since(begin);
            if span <= 0 {
                return None;
            }
            seconds(now.reached?.since(begin)) / seconds(span)
        };
        if !(SAYS_SOMETHING..=1.0).contains(&done) {
            return None;
        }
        Duration::try_from_secs_f64(now.elapsed.as_secs_f64() * (1.0 - done) / done)
            .ok()
            .filter(|left| *left <= LONGEST_LEFT)
    }
}

fn left(left: Duration) -> String {
    if left < Duration::from_mins(1) {
        "Less than a minute left.".to_owned()
    } else {
        format!("About {} left.", rough(left))
    }
}

impl ProgressFigures {
    /// A number that has been reached says nothing of what is to come.
    fn expected(&self) -> Option<u64> {
        self.expected.filter(|expected| *expected > self.events)
    }

    fn volume(&self) -> String {
        // A day is near enough for a sync that takes minutes.
        let day = |reached: Second| reached.to_string().split('T').next().map(|day| format!(", up to {day}"));
        let reached = self.reached.and_then(day).unwrap_or_default();
        match self.expected() {
            Some(expected) => {
                let share = percent(number(self.events) / number(expected));
                let events = counted(expected, "event");
                format!("{} of about {events} so far ({share}){reached}.", grouped(self.events))
            }
            None => format!("{} so far{reached}.", counted(self.events, "event")),
        }
    }

    /// Since a moment with these figures; none if no time has passed.
    fn pace(&self, (elapsed, events, requests): (Duration, u64, u64)) -> Option<String> {
        let minutes = self.elapsed.checked_sub(elapsed).filter(|since| !since.is_zero())?.as_secs_f64() / 60.0;
        let a_minute = |after: u64, before: u64| number(after.saturating_sub(before)) / minutes;
        let asked = a_minute(self.requests, requests);
        let share = self.limit.map(|limit| {
            let share = percent(asked / f64::from(limit));
            format!(", {share} of the account's {}", grouped(limit.into()))
        });
        let events = rate(a_minute(self.events, events), "event");
        Some(format!("Lately {events} and {} a minute{}.", rate(asked, "request"), share.unwrap_or_default()))
    }
}

/// What a sync came to.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Events put out.
    pub events: u64,
    /// Events that were skipped because their ids had been emitted, by this sync or one before.
    pub skipped: u64,
    /// Requests sent.
    pub requests: u64,
    /// Those of them that were sent again after a failure.
    pub retries: u64,
    /// How long nothing went because of the rate limit.
    pub waits: Waits,
    /// How long was waited before requests that were sent again.
    pub backoff: Duration,
    /// Bytes received.
    pub bytes: u64,
    /// From the beginning to the end.
    pub took: Duration,
    /// The newest `created_at` that has gone out, in this sync or one before.
    pub newest: Option<Second>,
    /// The time of the end.
    pub now: Second,
}

impl Summary {
    /// In words: the same for a sync that is complete and one that is not.
    #[must_use]
    pub fn line(&self) -> String {
        let retries = match self.retries {
            0 => String::new(),
            retries => format!(" ({} repeated)", grouped(retries)),
        };
        let work = format!(
            "{} in {}, with {}{retries} and {} received.",
            counted(self.events, "event"),
            measured(self.took),
            counted(self.requests, "request"),
            size(self.bytes)
        );
        let skipped =
            (self.skipped > 0).then(|| format!("{} skipped: emitted before.", counted(self.skipped, "event")));
        let waits: Vec<String> = [
            (self.waits.refused, "because the account's rate limit was used up (429)"),
            (self.waits.yielding, "to leave the rest of the rate limit to others"),
            (self.backoff, "before repeated requests"),
        ]
        .into_iter()
        .filter(|(wait, _)| !wait.is_zero())
        .map(|(wait, why)| format!("{} {why}", measured(wait)))
        .collect();
        let waits = (!waits.is_empty()).then(|| format!("Waited {}.", waits.join(", ")));
        let freshness = self.newest.map(|newest| age_of_the_newest(newest, self.now));
        [Some(work), skipped, waits, freshness].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// So many things, with a decimal only where it tells something.
fn rate(rate: f64, thing: &str) -> String {
    if rate < 9.95 && (rate - rate.round()).abs() >= 0.05 {
        return format!("{rate:.1} {thing}s");
    }
    counted(whole(rate.round()), thing)
}

/// A part of a whole; never rounded up, so that 100 % is everything.
fn percent(part: f64) -> String {
    match whole(part * 100.0) {
        0 if part > 0.0 => "less than 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number, for people")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a span of time is far below 2^52 seconds")]
fn seconds(seconds: i64) -> f64 {
    seconds as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Second {
        text.parse().expect("a date")
    }

    fn figures() -> ProgressFigures {
        ProgressFigures {
            elapsed: Duration::from_mins(2),
            events: 12_400,
            expected: Some(120_000),
            reached: Some(at("2024-03-05T10:00:00Z")),
            present: at("2026-11-23T12:00:00Z"),
            requests: 124,
            limit: Some(700),
        }
    }

    /// The second line of a sync of the whole history, a minute after one with half the figures.
    fn line(now: ProgressFigures) -> String {
        let mut progress = Progress::new(Second::EPOCH);
        progress.came(None);
        progress.came(Some(at("2024-01-01T00:00:00Z")));
        progress.came(Some(at("2024-06-01T00:00:00Z")));
        let (elapsed, events, requests) = (now.elapsed / 2, now.events / 2, now.requests / 2);
        progress.line(ProgressFigures { elapsed, events, requests, ..now });
        progress.line(now)
    }

    #[test]
    fn a_line_tells_what_is_known_and_nothing_else() {
        let known = figures();
        for (now, words) in [
            (
                known,
                "12,400 of about 120,000 events so far (10 %), up to 2024-03-05. Lately 6,200 events and 62 requests a minute, 8 % of the account's 700. About 17 minutes left.",
            ),
            (
                ProgressFigures { expected: None, limit: None, ..known },
                "12,400 events so far, up to 2024-03-05. Lately 6,200 events and 62 requests a minute. About 31 minutes left.",
            ),
            (
                ProgressFigures { expected: None, reached: Some(at("2024-01-03T00:00:00Z")), ..known },
                "12,400 events so far, up to 2024-01-03. Lately 6,200 events and 62 requests a minute, 8 % of the account's 700.",
            ),
            (
                ProgressFigures { expected: Some(12_400), reached: Some(at("2026-11-23T11:00:00Z")), ..known },
                "12,400 events so far, up to 2026-11-23. Lately 6,200 events and 62 requests a minute, 8 % of the account's 700. Less than a minute left.",
            ),
            (
                ProgressFigures { expected: Some(12_401), ..known },
                "12,400 of about 12,401 events so far (99 %), up to 2024-03-05. Lately 6,200 events and 62 requests a minute, 8 % of the account's 700. Less than a minute left.",
            ),
            (
                ProgressFigures { expected: Some(10_000_000), events: 200, requests: 3, ..known },
                "200 of about 10,000,000 events so far (less than 1 %), up to 2024-03-05. Lately 100 events and 2 requests a minute, less than 1 % of the account's 700.",
            ),
            (
                ProgressFigures { events: 0, requests: 1, expected: None, reached: None, ..known },
                "0 events so far. Lately 0 events and 1 request a minute, less than 1 % of the account's 700.",
            ),
            (
                ProgressFigures { reached: Some(at("2027-01-01T00:00:00Z")), expected: None, ..known },
                "12,400 events so far, up to 2027-01-01. Lately 6,200 events and 62 requests a minute, 8 % of the account's 700.",
            ),
            (
                ProgressFigures { elapsed: Duration::from_hours(2), ..known },
                "12,400 of about 120,000 events so far (10 %), up to 2024-03-05. Lately 103 events and 1 request a minute, less than 1 % of the account's 700. About 17 hours left.",
            ),
            (
                ProgressFigures { elapsed: Duration::from_hours(24 * 30), ..known },
                "12,400 of about 120,000 events so far (10 %), up to 2024-03-05. Lately 0.3 events and 0 requests a minute, less than 1 % of the account's 700.",
            ),
        ] {
            assert_eq!(line(now), words);
        }
    }

    #[test]
    fn the_rates_are_those_since_the_line_before_also_after_a_long_pause() {
        let mut progress = Progress::new(Second::EPOCH);
        let figures = ProgressFigures { expected: None, reached: None, ..figures() };
        let mut rates = |minutes, events, requests| {
            let elapsed = Duration::from_mins(minutes);
            let line = progress.line(ProgressFigures { elapsed, events, requests, ..figures });
            line.split_once(". ").map(|(_, rates)| rates.to_owned()).unwrap_or_default()
        };
        assert_eq!(rates(1, 7_000, 70), "Lately 7,000 events and 70 requests a minute, 10 % of the account's 700.");
        assert_eq!(rates(2, 7_000, 71), "Lately 0 events and 1 request a minute, less than 1 % of the account's 700.");
        assert_eq!(
            rates(32, 7_300, 74),
            "Lately 10 events and 0.1 requests a minute, less than 1 % of the account's 700."
        );
        assert_eq!(rates(32, 7_300, 74), "", "no time has passed: there is no rate");
    }

    #[test]
    fn a_resumed_sync_counts_the_time_from_where_it_went_on() {
        let mut progress = Progress::new(at("2026-11-20T12:00:00Z"));
        progress.came(Some(at("2026-11-20T12:30:00Z")));
        let reached = Some(at("2026-11-22T00:15:00Z"));
        let line = progress.line(ProgressFigures { expected: None, reached, ..figures() });
        assert!(line.ends_with("About 2 minutes left."), "half of three days in two minutes: {line}");
    }

    #[test]
    fn a_summary_names_each_wait_and_leaves_out_what_did_not_happen() {
        let quiet = Summary {
            events: 120_000,
            skipped: 0,
            requests: 1_203,
            retries: 0,
            waits: Waits::default(),
            backoff: Duration::ZERO,
            bytes: 88_100_000,
            took: Duration::from_secs(250),
            newest: Some(at("2026-11-23T11:57:00Z")),
            now: at("2026-11-23T12:00:00Z"),
        };
        let waits = Waits { refused: Duration::from_secs(130), yielding: Duration::from_secs(15) };
        for (summary, words) in [
            (
                quiet,
                "120,000 events in 4 min 10 s, with 1,203 requests and 88.1 MB received. The newest event is 3 minutes old.",
            ),
            (
                Summary { skipped: 12, retries: 3, waits, backoff: Duration::from_millis(4_300), ..quiet },
                "120,000 events in 4 min 10 s, with 1,203 requests (3 repeated) and 88.1 MB received. 12 events skipped: emitted before. Waited 2 min 10 s because the account's rate limit was used up (429), 15.0 s to leave the rest of the rate limit to others, 4.3 s before repeated requests. The newest event is 3 minutes old.",
            ),
            (
                Summary { events: 0, requests: 1, bytes: 300, took: Duration::from_millis(200), newest: None, ..quiet },
                "0 events in 0.2 s, with 1 request and 1 kB received.",
            ),
        ] {
            assert_eq!(summary.line(), words);
        }
    }
}
