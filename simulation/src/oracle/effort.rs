//! The number of requests and the duration of a sync, and their upper bounds for its history and its
//! simulated world.
//!
//! It must not judge the output of the sync.

use super::{Kind, Violation, Watch};
use crate::scenario::{Fault, Limits, Others, Scenario, Sync};

/// The number of requests without events that a sync may need: for empty time windows, a count and tokens.
const SEARCH: usize = 60;
/// The largest number of requests in flight: each of them is refused if the token is revoked.
const MOST_IN_FLIGHT: usize = 16;
/// The number of requests for each page of events: the last page of a window is half empty on average, and a
/// split reads pages again.
const REQUESTS_A_PAGE: usize = 2;
/// The number of days from the assumed start of the history to the end of the simulated one.
const WHOLE_SPAN: usize = 20_000;
/// A span that is too heavy is divided by 8.
const SPAN_DIVISOR: usize = 8;
/// The longest wait of a request for a rate limit, in milliseconds: a minute, rounded up, plus jitter.
const REFUSAL: i64 = 62_000;
/// Additional time that is allowed, in milliseconds.
const SLACK: i64 = 10_000;

/// The cost of a sync, with its upper bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effort {
    /// The number of requests.
    pub requests: usize,
    /// The largest allowed number of requests.
    pub most_requests: usize,
    /// The duration in milliseconds, without the time in which the consumer did not read.
    pub time: i64,
    /// The largest allowed duration, in milliseconds.
    pub most_time: i64,
}

impl Effort {
    /// Creates the cost of a sync with this duration, of which it waited `blocked` for its consumer, in
    /// milliseconds.
    #[must_use]
    pub fn of(scenario: &Scenario, sync: &Sync, watch: &Watch, took: i64, blocked: i64) -> Self {
        Self {
            requests: watch.attempts.len(),
            most_requests: most_requests(scenario, sync, watch),
            time: took - blocked,
            most_time: most_time(&scenario.server.limits, sync, watch),
        }
    }

    /// Returns the used share of the allowed requests and of the allowed duration; 1.0 is all of it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn shares(self) -> [f64; 2] {
        let time = self.time as f64 / self.most_time.max(1) as f64;
        [self.requests as f64 / self.most_requests.max(1) as f64, time]
    }

    /// Returns a violation for each bound that is exceeded.
    pub fn violations(self) -> impl Iterator<Item = Violation> {
        let Self { requests, most_requests, time, most_time } = self;
        let requests = (requests > most_requests).then(|| {
            Violation::new(
                Kind::TooManyRequests,
                format!("{requests} requests, and at most {most_requests} are allowed"),
            )
        });
        let time = (time > most_time).then(|| {
            let message = format!("{} s, and at most {} s are allowed", time / 1_000, most_time / 1_000);
            Violation::new(Kind::TooSlow, message)
        });
        requests.into_iter().chain(time)
    }
}

/// Returns the upper bound of the requests. After each setback, the connector may read everything again.
fn most_requests(scenario: &Scenario, sync: &Sync, watch: &Watch) -> usize {
    let server = &scenario.server;
    let page_size = usize::try_from(scenario.page_size(sync)).unwrap_or(1);
    let pages = watch.returned().div_ceil(page_size) + 1;
    let once = pages * REQUESTS_A_PAGE + SEARCH;
    let with_empty_pages = if server.empty_pages > 0 { once * 2 } else { once };
    let windows = server.heavy_days.and_then(|days| usize::try_from(days).ok());
    let windows = windows.map_or(0, |days| SPAN_DIVISOR * WHOLE_SPAN / days);
    let revoked = watch.faults.iter().filter(|fault| **fault == Fault::TokenRevoked).count();
    with_empty_pages * (1 + watch.setbacks()) + windows + revoked * MOST_IN_FLIGHT
}

/// Returns the upper bound of the duration: the latency of all requests, and the waits between them for the
/// quota, for backoff and for a limit.
fn most_time(limits: &Limits, sync: &Sync, watch: &Watch) -> i64 {
    let requests = i64::try_from(watch.attempts.len()).unwrap_or(i64::MAX / REFUSAL);
    let lowest = watch.limits.iter().map(|(_, limit)| *limit).min().unwrap_or(limits.account);
    let lowest = limits.endpoint.map_or(lowest, |endpoint| endpoint.min(lowest));
    // The connector does not know a limit that no response reports: it assumes at most 700, that of the Enterprise plan.
    let lowest = if limits.reported { lowest } else { lowest.min(700) };
    let quota = (u64::from(lowest) * u64::from(sync.percentage) / 100).max(1);
    let burst = (quota / 100).clamp(1, 20);
    let pace = 60_000 / i64::try_from((quota - burst).max(1)).unwrap_or(1) + 1;
    // If other clients use the limit, the connector leaves them the rest of it. It then waits for the next
    // reset, at worst after each response.
    let pace = if limits.others == Others::Idle { pace } else { pace.max(REFUSAL) };
    let backoffs: i64 =
        (0..watch.failures + watch.turned_down).map(|failure| (500 << failure.min(7)).min(60_000)).sum();
    let asked: u32 = watch.faults.iter().map(|fault| fault.retry_after()).sum();
    let refusals = i64::from(watch.refused) * REFUSAL;
    watch.on_the_way + (requests + 1) * pace + backoffs + i64::from(asked) * 1_000 + refusals + REFUSAL + SLACK
}
