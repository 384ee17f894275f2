//! Formats the progress and the summary of a sync for users.
//!
//! This file must not read a clock, request or write anything. Unknown values are omitted, and estimates are
//! marked with "about".

use std::time::Duration;

use crate::humanize::{age_of_the_newest, counted, grouped, measured, rough, size};
use crate::second::Second;
use crate::zendesk::Waits;

/// The smallest fraction of the span from which the rest is estimated.
const SAYS_SOMETHING: f64 = 0.01;
/// The longest remaining time that is shown.
const LONGEST_LEFT: Duration = Duration::from_hours(24 * 60);

/// The figures of a sync at one point in time.
#[derive(Clone, Copy, Debug)]
pub struct ProgressFigures {
    /// The time since the start.
    pub elapsed: Duration,
    /// The number of emitted events so far.
    pub events: u64,
    /// The estimated total number.
    pub expected: Option<u64>,
    /// The newest emitted `created_at`.
    pub reached: Option<Second>,
    /// The time up to which there are events.
    pub present: Second,
    /// The number of sent requests.
    pub requests: u64,
    /// The requests per minute of the whole account, if known.
    pub limit: Option<u32>,
}

/// The data of the previous progress messages.
#[derive(Debug)]
pub struct Progress {
    /// The start of the sync.
    begin: Second,
    /// The time of the first event.
    first: Option<Second>,
    /// The elapsed time, events and requests at the last message.
    before: (Duration, u64, u64),
}

impl Progress {
    /// Creates the progress of a sync that reads from this time on.
    #[must_use]
    pub fn new(begin: Second) -> Self {
        Self { begin, first: None, before: (Duration::ZERO, 0, 0) }
    }

    /// Records the time of an event; only the first one counts.
    pub fn record_first_event(&mut self, event: Option<Second>) {
        self.first = self.first.or(event);
    }

    /// Formats the progress; rates are those since the previous message.
    pub fn line(&mut self, now: ProgressFigures) -> String {
        let sentences = [Some(now.volume()), now.pace(self.before), self.left(now).map(left)];
        self.before = (now.elapsed, now.events, now.requests);
        sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Estimates the remaining time from the number of events, or else from the position in time, at the
    /// average pace of the sync.
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
    /// A number that has been exceeded is no estimate.
    fn expected(&self) -> Option<u64> {
        self.expected.filter(|expected| *expected > self.events)
    }

    fn volume(&self) -> String {
        // The day is precise enough for a sync that takes minutes.
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

    /// Formats the rates since the given figures; `None` if no time has passed.
    fn pace(&self, (elapsed, events, requests): (Duration, u64, u64)) -> Option<String> {
        let minutes = self.elapsed.checked_sub(elapsed).filter(|since| !since.is_zero())?.as_secs_f64() / 60.0;
        let a_minute = |after: u64, before: u64| number(after.saturating_sub(before)) / minutes;
        let requested = a_minute(self.requests, requests);
        let share = self.limit.map(|limit| {
            let share = percent(requested / f64::from(limit));
            format!(", {share} of the account's {}", grouped(limit.into()))
        });
        let events = rate(a_minute(self.events, events), "event");
        Some(format!("Recent rate: {events} and {} a minute{}.", rate(requested, "request"), share.unwrap_or_default()))
    }
}

/// The figures of a finished sync.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// The number of emitted events.
    pub events: u64,
    /// The number of events that were skipped because their ids had been emitted, by this sync or an earlier
    /// one.
    pub skipped: u64,
    /// The number of events that were skipped because they are of users that the filters do not name.
    pub of_other_users: u64,
    /// The number of sent requests.
    pub requests: u64,
    /// The number of requests that were sent again after a failure.
    pub retries: u64,
    /// The time without requests because of the rate limit.
    pub waits: Waits,
    /// The total backoff before repeated requests.
    pub backoff: Duration,
    /// The number of received bytes.
    pub bytes: u64,
    /// The duration of the sync.
    pub duration: Duration,
    /// The newest emitted `created_at`, of this sync or an earlier one.
    pub newest: Option<Second>,
    /// The time of the end.
    pub now: Second,
}

impl Summary {
    /// Formats the summary, which is the same for a complete and an incomplete sync.
    #[must_use]
    pub fn line(&self) -> String {
        let retries = match self.retries {
            0 => String::new(),
            retries => format!(" ({} repeated)", grouped(retries)),
        };
        let work = format!(
            "{} in {}, with {}{retries} and {} received.",
            counted(self.events, "event"),
            measured(self.duration),
            counted(self.requests, "request"),
            size(self.bytes)
        );
        let skipped =
            (self.skipped > 0).then(|| format!("{} skipped: emitted before.", counted(self.skipped, "event")));
        let filtered = (self.of_other_users > 0)
            .then(|| format!("{} skipped: not of the users in the filters.", counted(self.of_other_users, "event")));
        let waits: Vec<String> = [
            (self.waits.refused, "because the account's rate limit was used up (429)"),
            (self.waits.refused_by_endpoint, "because the endpoint's own rate limit was used up (429)"),
            (self.waits.yielding, "to leave the rest of the rate limit to others"),
            (self.backoff, "before repeated requests"),
        ]
        .into_iter()
        .filter(|(wait, _)| !wait.is_zero())
        .map(|(wait, why)| format!("{} {why}", measured(wait)))
        .collect();
        let waits = (!waits.is_empty()).then(|| format!("Waited {}.", waits.join(", ")));
        let freshness = self.newest.map(|newest| age_of_the_newest(newest, self.now));
        [Some(work), skipped, filtered, waits, freshness].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Formats a rate, with a decimal only for small numbers.
fn rate(rate: f64, thing: &str) -> String {
    if rate < 9.95 && (rate - rate.round()).abs() >= 0.05 {
        return format!("{rate:.1} {thing}s");
    }
    counted(whole(rate.round()), thing)
}

/// Formats a fraction as a percentage; never rounded up, so that 100 % means everything.
fn percent(part: f64) -> String {
    match whole(part * 100.0) {
        0 if part > 0.0 => "less than 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number, for display")]
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

    /// Returns the second progress message of a sync of the whole history, a minute after a message with half
    /// the figures.
    fn line(now: ProgressFigures) -> String {
        let mut progress = Progress::new(Second::EPOCH);
        progress.record_first_event(None);
        progress.record_first_event(Some(at("2024-01-01T00:00:00Z")));
        progress.record_first_event(Some(at("2024-06-01T00:00:00Z")));
        let (elapsed, events, requests) = (now.elapsed / 2, now.events / 2, now.requests / 2);
        progress.line(ProgressFigures { elapsed, events, requests, ..now });
        progress.line(now)
    }

    #[test]
    fn a_message_contains_only_known_values() {
        let known = figures();
        for (now, text) in [
            (
                known,
                "12,400 of about 120,000 events so far (10 %), up to 2024-03-05. Recent rate: 6,200 events and 62 requests a minute, 8 % of the account's 700. About 17 minutes left.",
            ),
            (
                ProgressFigures { expected: None, limit: None, ..known },
                "12,400 events so far, up to 2024-03-05. Recent rate: 6,200 events and 62 requests a minute. About 31 minutes left.",
            ),
            (
                ProgressFigures { expected: None, reached: Some(at("2024-01-03T00:00:00Z")), ..known },
                "12,400 events so far, up to 2024-01-03. Recent rate: 6,200 events and 62 requests a minute, 8 % of the account's 700.",
            ),
            (
                ProgressFigures { expected: Some(12_400), reached: Some(at("2026-11-23T11:00:00Z")), ..known },
                "12,400 events so far, up to 2026-11-23. Recent rate: 6,200 events and 62 requests a minute, 8 % of the account's 700. Less than a minute left.",
            ),
            (
                ProgressFigures { expected: Some(12_401), ..known },
                "12,400 of about 12,401 events so far (99 %), up to 2024-03-05. Recent rate: 6,200 events and 62 requests a minute, 8 % of the account's 700. Less than a minute left.",
            ),
            (
                ProgressFigures { expected: Some(10_000_000), events: 200, requests: 3, ..known },
                "200 of about 10,000,000 events so far (less than 1 %), up to 2024-03-05. Recent rate: 100 events and 2 requests a minute, less than 1 % of the account's 700.",
            ),
            (
                ProgressFigures { events: 0, requests: 1, expected: None, reached: None, ..known },
                "0 events so far. Recent rate: 0 events and 1 request a minute, less than 1 % of the account's 700.",
            ),
            (
                ProgressFigures { reached: Some(at("2027-01-01T00:00:00Z")), expected: None, ..known },
                "12,400 events so far, up to 2027-01-01. Recent rate: 6,200 events and 62 requests a minute, 8 % of the account's 700.",
            ),
            (
                ProgressFigures { elapsed: Duration::from_hours(2), ..known },
                "12,400 of about 120,000 events so far (10 %), up to 2024-03-05. Recent rate: 103 events and 1 request a minute, less than 1 % of the account's 700. About 17 hours left.",
            ),
            (
                ProgressFigures { elapsed: Duration::from_hours(24 * 30), ..known },
                "12,400 of about 120,000 events so far (10 %), up to 2024-03-05. Recent rate: 0.3 events and 0 requests a minute, less than 1 % of the account's 700.",
            ),
        ] {
            assert_eq!(line(now), text);
        }
    }

    #[test]
    fn the_rates_are_those_since_the_previous_message_also_after_a_long_pause() {
        let mut progress = Progress::new(Second::EPOCH);
        let figures = ProgressFigures { expected: None, reached: None, ..figures() };
        let mut rates = |minutes, events, requests| {
            let elapsed = Duration::from_mins(minutes);
            let line = progress.line(ProgressFigures { elapsed, events, requests, ..figures });
            line.split_once(". ").map(|(_, rates)| rates.to_owned()).unwrap_or_default()
        };
        assert_eq!(
            rates(1, 7_000, 70),
            "Recent rate: 7,000 events and 70 requests a minute, 10 % of the account's 700."
        );
        assert_eq!(
            rates(2, 7_000, 71),
            "Recent rate: 0 events and 1 request a minute, less than 1 % of the account's 700."
        );
        assert_eq!(
            rates(32, 7_300, 74),
            "Recent rate: 10 events and 0.1 requests a minute, less than 1 % of the account's 700."
        );
        assert_eq!(rates(32, 7_300, 74), "", "no time has passed: there is no rate");
    }

    #[test]
    fn a_resumed_sync_estimates_from_its_start() {
        let mut progress = Progress::new(at("2026-11-20T12:00:00Z"));
        progress.record_first_event(Some(at("2026-11-20T12:30:00Z")));
        let reached = Some(at("2026-11-22T00:15:00Z"));
        let line = progress.line(ProgressFigures { expected: None, reached, ..figures() });
        assert!(line.ends_with("About 2 minutes left."), "half of three days in two minutes: {line}");
    }

    #[test]
    fn a_summary_contains_each_wait_and_omits_zero_values() {
        let quiet = Summary {
            events: 120_000,
            skipped: 0,
            of_other_users: 0,
            requests: 1_203,
            retries: 0,
            waits: Waits::default(),
            backoff: Duration::ZERO,
            bytes: 88_100_000,
            duration: Duration::from_secs(250),
            newest: Some(at("2026-11-23T11:57:00Z")),
            now: at("2026-11-23T12:00:00Z"),
        };
        let waits = Waits {
            refused: Duration::from_secs(130),
            refused_by_endpoint: Duration::ZERO,
            yielding: Duration::from_secs(15),
        };
        for (summary, text) in [
            (
                quiet,
                "120,000 events in 4 min 10 s, with 1,203 requests and 88.1 MB received. The newest event is 3 minutes old.",
            ),
            (
                Summary { skipped: 12, retries: 3, waits, backoff: Duration::from_millis(4_300), ..quiet },
                "120,000 events in 4 min 10 s, with 1,203 requests (3 repeated) and 88.1 MB received. 12 events skipped: emitted before. Waited 2 min 10 s because the account's rate limit was used up (429), 15.0 s to leave the rest of the rate limit to others, 4.3 s before repeated requests. The newest event is 3 minutes old.",
            ),
            (
                Summary {
                    of_other_users: 7,
                    waits: Waits { refused_by_endpoint: Duration::from_secs(61), ..Waits::default() },
                    ..quiet
                },
                "120,000 events in 4 min 10 s, with 1,203 requests and 88.1 MB received. 7 events skipped: not of the users in the filters. Waited 1 min 1 s because the endpoint's own rate limit was used up (429). The newest event is 3 minutes old.",
            ),
            (
                Summary {
                    events: 0,
                    requests: 1,
                    bytes: 300,
                    duration: Duration::from_millis(200),
                    newest: None,
                    ..quiet
                },
                "0 events in 0.2 s, with 1 request and 1 kB received.",
            ),
        ] {
            assert_eq!(summary.line(), text);
        }
    }
}
