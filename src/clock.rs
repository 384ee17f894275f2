//! Time and sleep: the machine's clock, the simulated time of a runtime, and a manual clock for tests.
//!
//! No other module reads a clock or sleeps. The HTTP client has its own timeouts for a single request, which are
//! always in real time, because a real socket does not wait for a manual clock.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// The source of time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// The time of a tokio runtime with simulated time.
    Runtime(RuntimeClock),
    /// A clock that only a sleep advances.
    Manual(ManualClock),
}

/// The time of the tokio runtime, and a time of day that is derived from it.
#[derive(Clone)]
pub struct RuntimeClock {
    start: tokio::time::Instant,
    time_of_day: Arc<dyn Fn(Duration) -> Timestamp + Send + Sync>,
}

impl RuntimeClock {
    /// Creates a clock that starts now. `time_of_day` maps the elapsed time to the time of day, which may be
    /// wrong, jump or go back as clocks of machines do.
    #[must_use]
    pub fn new(time_of_day: Arc<dyn Fn(Duration) -> Timestamp + Send + Sync>) -> Self {
        Self { start: tokio::time::Instant::now(), time_of_day }
    }
}

impl fmt::Debug for RuntimeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeClock").field("start", &self.start).finish_non_exhaustive()
    }
}

/// A clock for tests: a sleep advances it at once, so an hour of backoff takes no time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: Instant,
    epoch: Timestamp,
    elapsed: Arc<Mutex<Duration>>,
    moved: Arc<Notify>,
}

impl ManualClock {
    /// Creates a clock that shows this time until a sleep advances it.
    #[must_use]
    pub fn new(epoch: Timestamp) -> Self {
        Self { start: Instant::now(), epoch, elapsed: Arc::default(), moved: Arc::default() }
    }

    /// Returns the time by which the clock has been advanced.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn move_to(&self, target: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed = (*elapsed).max(target);
        drop(elapsed);
        self.moved.notify_waiters();
    }
}

impl Clock {
    /// Returns the time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Runtime(clock) => (clock.time_of_day)(clock.start.elapsed()),
            Self::Manual(manual) => {
                let elapsed = SignedDuration::try_from(manual.elapsed()).unwrap_or_default();
                manual.epoch.saturating_add(elapsed).unwrap_or(manual.epoch)
            }
        }
    }

    /// Returns the monotonic time.
    #[must_use]
    pub fn instant(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
            Self::Runtime(_) => tokio::time::Instant::now().into_std(),
            Self::Manual(manual) => manual.start + manual.elapsed(),
        }
    }

    /// Sleeps until this time. A manual clock is advanced to it.
    pub async fn sleep_until(&self, at: Instant) {
        match self {
            Self::System | Self::Runtime(_) => tokio::time::sleep_until(at.into()).await,
            Self::Manual(manual) => {
                manual.move_to(at.saturating_duration_since(manual.start));
                tokio::task::yield_now().await;
            }
        }
    }

    /// Sleeps for this duration; see [`Clock::sleep_until`].
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.instant() + duration).await;
    }

    /// Waits until this time without advancing a manual clock.
    pub async fn reached(&self, at: Instant) {
        match self {
            Self::System | Self::Runtime(_) => tokio::time::sleep_until(at.into()).await,
            Self::Manual(manual) => loop {
                let moved = manual.moved.notified();
                if self.instant() >= at {
                    return;
                }
                moved.await;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_advances_the_manual_clock_and_wakes_waiting_tasks() {
        let manual = ManualClock::new(Timestamp::UNIX_EPOCH);
        let clock = Clock::Manual(manual.clone());
        let alarm = clock.instant() + Duration::from_mins(1);
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.reached(alarm).await;
                clock.now()
            }
        });
        clock.sleep(Duration::from_secs(59)).await;
        assert!(!waiting.is_finished());
        clock.sleep(Duration::from_secs(2)).await;
        let woken_at = waiting.await.expect("the waiting task ends");
        assert_eq!(woken_at.to_string(), "1970-01-01T00:01:01Z");
        assert_eq!(manual.elapsed(), Duration::from_secs(61));
    }

    #[test]
    fn a_manual_clock_never_goes_back() {
        let manual = ManualClock::new(Timestamp::UNIX_EPOCH);
        manual.move_to(Duration::from_secs(5));
        manual.move_to(Duration::from_secs(3));
        assert_eq!(manual.elapsed(), Duration::from_secs(5));
    }
}
