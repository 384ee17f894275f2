//! Admits requests one after the other, when the rate limiter allows them.
//!
//! Requests to the same endpoint are admitted in the order of their arrival. Only the first one sleeps, and
//! it checks again when a limit rises or a pause ends. This file must not know what a limit is.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::rate_limit_headers::RateLimitHeaders;
use super::rate_limiter::RateLimiter;
use crate::clock::Clock;

/// The rate limiter, and the requests that wait for it.
pub struct Gate {
    limiter: Mutex<RateLimiter>,
    queues: Mutex<Vec<(String, Arc<Queue>)>>,
    /// Wakes the sleeping requests when their wait may have become shorter.
    sooner: Notify,
}

/// The waiting requests to one endpoint.
#[derive(Default)]
struct Queue {
    /// A fair lock: requests get it in the order of their arrival.
    first: tokio::sync::Mutex<()>,
    waiting: AtomicU32,
}

/// Leaves the queue when it is dropped, also when the request is cancelled.
struct Place<'q>(&'q Queue);

impl<'q> Place<'q> {
    fn take(queue: &'q Queue) -> Self {
        queue.waiting.fetch_add(1, Ordering::Relaxed);
        Self(queue)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    /// Creates a gate for this rate limiter.
    #[must_use]
    pub fn new(limiter: RateLimiter) -> Self {
        Self { limiter: Mutex::new(limiter), queues: Mutex::default(), sooner: Notify::new() }
    }

    /// Returns the rate limiter. The lock must not be held over an `await`.
    pub fn limiter(&self) -> MutexGuard<'_, RateLimiter> {
        locked(&self.limiter)
    }

    fn queue(&self, path: &str) -> Arc<Queue> {
        let mut queues = locked(&self.queues);
        if let Some((_, queue)) = queues.iter().find(|(known, _)| known == path) {
            return Arc::clone(queue);
        }
        let queue = Arc::<Queue>::default();
        queues.push((path.to_owned(), Arc::clone(&queue)));
        queue
    }

    /// Waits until the next request to this endpoint may be sent.
    pub async fn pass(&self, path: &str, clock: &Clock) {
        let queue = self.queue(path);
        let _place = Place::take(&queue);
        let _first = queue.first.lock().await;
        loop {
            let sooner = self.sooner.notified();
            let now = clock.instant();
            let taken = self.limiter().take(path, now);
            let Err(wait) = taken else {
                return;
            };
            tokio::select! {
                biased;
                () = clock.sleep_until(now + wait) => {}
                () = sooner => {}
            }
        }
    }

    /// Returns the approximate wait of a request that arrives now.
    pub fn expected_wait(&self, path: &str, now: Instant) -> Duration {
        let waiting = self.queue(path).waiting.load(Ordering::Relaxed);
        let limiter = self.limiter();
        let queue = f64::from(waiting) / limiter.per_second(path, now);
        limiter.wait(path, now).saturating_add(Duration::try_from_secs_f64(queue).unwrap_or(Duration::MAX))
    }

    /// See [`RateLimiter::learn`].
    pub fn learn(&self, path: &str, headers: &RateLimitHeaders, in_flight: u32, now: Instant) {
        let sooner = self.limiter().learn(path, headers, in_flight, now);
        if sooner {
            self.sooner.notify_waiters();
        }
    }
}

/// A poisoned lock still guards valid numbers.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RuntimeClock;
    use crate::zendesk::rate_limit_headers::LimitStatus;

    const PATH: &str = "/api/v2/audit_logs";

    /// Creates a gate and a clock with the runtime's time, which advances when all tasks wait.
    fn gate(percentage: u32) -> (Arc<Gate>, Clock) {
        let clock = Clock::Runtime(RuntimeClock::new(Arc::new(|_| jiff::Timestamp::UNIX_EPOCH)));
        (Arc::new(Gate::new(RateLimiter::new(percentage, clock.instant()))), clock)
    }

    fn limit(total: u32) -> RateLimitHeaders {
        RateLimitHeaders { account: LimitStatus { total: Some(total), ..LimitStatus::default() }, endpoint: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_admitted_in_the_order_of_arrival() {
        let (gate, clock) = gate(1);
        let began = clock.instant();
        let (went, order) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..5 {
            let (gate, clock, went) = (Arc::clone(&gate), clock.clone(), went.clone());
            tokio::spawn(async move {
                gate.pass(PATH, &clock).await;
                let _ = went.send((number, clock.instant().duration_since(began).as_secs()));
            });
        }
        drop(went);
        let went: Vec<_> = all_of(order).await;
        assert_eq!(went, [(0, 0), (1, 10), (2, 20), (3, 30), (4, 40)]);
    }

    async fn all_of<T>(mut receiver: tokio::sync::mpsc::UnboundedReceiver<T>) -> Vec<T> {
        let mut all = Vec::new();
        while let Some(one) = receiver.recv().await {
            all.push(one);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_requests_are_admitted_at_once_when_the_limit_rises() {
        let (gate, clock) = gate(50);
        for _ in 0..2 {
            gate.learn(PATH, &limit(1), 0, clock.instant());
        }
        gate.pass(PATH, &clock).await;
        let waiting: Vec<_> = (0..16)
            .map(|_| {
                let (gate, clock) = (Arc::clone(&gate), clock.clone());
                tokio::spawn(async move { gate.pass(PATH, &clock).await })
            })
            .collect();
        let began = clock.instant();
        clock.sleep(Duration::from_secs(1)).await;
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()), "the limit is one request a minute");
        gate.learn(PATH, &limit(700), 0, clock.instant());
        for waiting in waiting {
            waiting.await.expect("it passes");
        }
        let took = clock.instant().duration_since(began);
        assert!(took < Duration::from_secs(5), "16 requests took {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_request_leaves_the_queue() {
        let (gate, clock) = gate(1);
        gate.pass(PATH, &clock).await;
        let given_up = tokio::time::timeout(Duration::from_secs(1), gate.pass(PATH, &clock)).await;
        assert!(given_up.is_err());
        assert_eq!(gate.expected_wait(PATH, clock.instant()), Duration::from_secs(9));
        let (waiting, waiting_clock) = (Arc::clone(&gate), clock.clone());
        let task = tokio::spawn(async move { waiting.pass(PATH, &waiting_clock).await });
        tokio::task::yield_now().await;
        assert_eq!(gate.expected_wait(PATH, clock.instant()), Duration::from_secs(19), "one request is before it");
        task.await.expect("it passes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_endpoint_delays_no_other_endpoint() {
        let (gate, clock) = gate(50);
        gate.limiter().limit_endpoint("/slow", 1, clock.instant());
        gate.pass("/slow", &clock).await;
        let (waiting, waiting_clock) = (Arc::clone(&gate), clock.clone());
        let slow = tokio::spawn(async move { waiting.pass("/slow", &waiting_clock).await });
        let began = clock.instant();
        for _ in 0..6 {
            gate.pass(PATH, &clock).await;
        }
        assert!(clock.instant().duration_since(began) < Duration::from_secs(2));
        slow.await.expect("it passes");
        assert_eq!(clock.instant().duration_since(began).as_secs(), 60);
    }
}
