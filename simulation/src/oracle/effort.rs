//! What a sync costs, and what it may cost: requests and time, by the work that the history and its world make.
//!
//! It must not decide if what came of the sync is right.

use super::{Kind, Violation, Watch};
use crate::scenario::{Limits, Others, Scenario, Sync};

/// Requests beyond the pages that a sync may need to find out where the events lie: time windows that turn out to be
/// empty, a count, tokens. Of 31,583 syncs without a setback, none needed more than 44.
const SEARCH: usize = 40;
/// A window ends with a page that is half empty on average, and what is cut is read again.
const REQUESTS_A_PAGE: usize = 2;
/// Seconds from the beginning of the history that the connector assumes to the end of the simulated one.
const WHOLE_SPAN: usize = 20_000;
/// A span that is too heavy is divided by 8.
const SPAN_DIVISOR: usize = 8;
/// The longest a rate limit makes a request wait: a minute, rounded up, and what jitter adds. In milliseconds.
const REFUSAL: i64 = 62_000;
/// Time that nothing explains, in milliseconds.
const SLACK: i64 = 10_000;

/// The cost of a sync beside what it may be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effort {
    /// Requests.
    pub requests: usize,
    /// Requests that the work may take.
    pub most_requests: usize,
    /// Milliseconds, without those in which the consumer did not read.
    pub time: i64,
    /// Milliseconds that its requests may take.
    pub most_time: i64,
}

impl Effort {
    /// Adds up a sync that took so many milliseconds and waited so many of them for its consumer.
    #[must_use]
    pub fn of(scenario: &Scenario, sync: &Sync, watch: &Watch, took: i64, blocked: i64) -> Self {
        Self {
            requests: watch.attempts.len(),
            most_requests: most_requests(scenario, sync, watch),
            time: took - blocked,
            most_time: most_time(&scenario.server.limits, sync, watch),
        }
    }

    /// Returns which part of the requests, and of the time, that the work may take it took: 1.0 is all of it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn shares(self) -> [f64; 2] {
        let time = self.time as f64 / self.most_time.max(1) as f64;
        [self.requests as f64 / self.most_requests.max(1) as f64, time]
    }

    /// Returns what is too much.
    pub fn violations(self) -> impl Iterator<Item = Violation> {
        let Self { requests, most_requests, time, most_time } = self;
        let requests = (requests > most_requests).then(|| {
            Violation::new(Kind::TooManyRequests, format!("{requests} requests where {most_requests} are enough"))
        });
        let time = (time > most_time).then(|| {
            let words = format!("{} s where its requests take {} s at most", time / 1_000, most_time / 1_000);
            Violation::new(Kind::TooSlow, words)
        });
        requests.into_iter().chain(time)
    }
}

/// Each setback can make the connector read a window again that is as long as everything so far.
fn most_requests(scenario: &Scenario, sync: &Sync, watch: &Watch) -> usize {
    let server = &scenario.server;
    let page_size = usize::try_from(scenario.page_size(sync)).unwrap_or(1);
    let pages = watch.returned().div_ceil(page_size) + 1;
    let once = pages * REQUESTS_A_PAGE + SEARCH;
    let with_empty_pages = if server.empty_pages > 0 { once * 2 } else { once };
    let windows = server.heavy_days.and_then(|days| usize::try_from(days).ok());
    let windows = windows.map_or(0, |days| SPAN_DIVISOR * WHOLE_SPAN / days);
    with_empty_pages * (1 + watch.setbacks()) + windows
}

/// What is on the way takes its time, and between two requests lie the pace of the quota, backoffs and waits for a
/// limit.
fn most_time(limits: &Limits, sync: &Sync, watch: &Watch) -> i64 {
    let requests = i64::try_from(watch.attempts.len()).unwrap_or(i64::MAX / REFUSAL);
    let lowest = watch.limits.iter().map(|(_, limit)| *limit).min().unwrap_or(limits.account);
    let lowest = limits.endpoint.map_or(lowest, |endpoint| endpoint.min(lowest));
    let quota = (u64::from(lowest) * u64::from(sync.percentage) / 100).max(1);
    let burst = (quota / 100).clamp(1, 20);
    let pace = 60_000 / i64::try_from((quota - burst).max(1)).unwrap_or(1) + 1;
    // Whoever leaves to others what is left of a limit waits until it is whole again, at worst after each response.
    let pace = if limits.others == Others::Idle { pace } else { pace.max(REFUSAL) };
    let backoffs: i64 = (0..watch.failures).map(|failure| (500 << failure.min(7)).min(60_000)).sum();
    let asked: u32 = watch.faults.iter().map(|fault| fault.retry_after()).sum();
    let refusals = i64::from(watch.refused) * REFUSAL;
    watch.on_the_way + (requests + 1) * pace + backoffs + i64::from(asked) * 1_000 + refusals + REFUSAL + SLACK
}
