//! The network between the connector and the API: latency, faults, timeouts. It replaces HTTP.
//!
//! It must not decide the API's response (`server.rs`), only if and when it arrives.

use std::pin::Pin;
use std::time::Duration;

use source_zendesk_audit_logs::zendesk::{FailedAttempt, Failure, Fetched, Outgoing, Timeouts, Transport};
use tokio::time::sleep;

use super::World;
use crate::scenario::{Fault, mix};

/// The network of a world.
pub struct Network {
    world: World,
    timeouts: Timeouts,
}

impl Network {
    /// Creates the network of a world, with the timeouts of `read`.
    #[must_use]
    pub fn of(world: World) -> Self {
        Self { world, timeouts: Timeouts::READ }
    }

    async fn attempt(&self, request: &Outgoing) -> Fetched {
        let number = self.world.lock().sent(request);
        let fetched = self.attempt_number(number, request).await;
        let mut world = self.world.lock();
        let at = world.elapsed();
        world.watch.ended(number, at);
        fetched
    }

    async fn attempt_number(&self, number: u32, request: &Outgoing) -> Fetched {
        let (latency, fault) = {
            let mut world = self.world.lock();
            (world.latency(number), world.strike(number))
        };
        let (up, down) = (latency * 2 / 5, latency * 3 / 5);
        if fault == Some(Fault::NoConnection) {
            sleep(self.timeouts.connect.min(up)).await;
            let failure = Failure::NoConnection { why: "the connection was refused" };
            return self.failed(number, failure, "connection refused");
        }
        if let Some(Fault::Slow(seconds)) = fault {
            sleep(up).await;
            let wait = Duration::from_secs(seconds.into());
            if wait > self.timeouts.read {
                sleep(self.timeouts.read).await;
                self.world.lock().watch.failed();
                return self.failed(number, Failure::Timeout, "read timeout");
            }
            sleep(wait).await;
        } else if latency > self.timeouts.read {
            sleep(self.timeouts.read).await;
            let mut world = self.world.lock();
            world.watch.failed();
            world.serve(request, number, fault);
            drop(world);
            return self.failed(number, Failure::Timeout, "read timeout");
        } else {
            sleep(up).await;
        }
        let served = self.world.lock().serve(request, number, fault);
        match fault {
            Some(Fault::Dropped) => {
                sleep(down).await;
                return self.failed(number, Failure::ConnectionLost, "connection reset");
            }
            Some(Fault::Stalled) => {
                sleep(self.timeouts.read).await;
                return self.failed(number, Failure::Timeout, "read timeout");
            }
            Some(Fault::TooLarge) if served.response.status == 200 => {
                sleep(down).await;
                let what = "a body of more than 16 MiB".to_owned();
                return self.failed(number, Failure::TooLarge { what }, "too large");
            }
            _ => {}
        }
        // A server that is too busy for a request fails late.
        sleep(if served.response.status == 504 { down + Duration::from_secs(5) } else { down }).await;
        self.world.lock().received(number, &served);
        Ok(served.response)
    }

    fn failed(&self, number: u32, failure: Failure, text: &str) -> Fetched {
        self.world.lock().note("failure", u64::from(number), || format!("#{number} {text}"));
        Err((FailedAttempt::transient(failure), text.to_owned()))
    }
}

impl Transport for Network {
    fn fetch<'t>(&'t self, request: &'t Outgoing) -> Pin<Box<dyn Future<Output = Fetched> + Send + 't>> {
        Box::pin(self.attempt(request))
    }
}

/// Returns the duration of an attempt, drawn from a seed: usually about `median` milliseconds, `tail` per
/// thousand much longer.
#[must_use]
pub fn latency(seed: u64, median: u32, tail: u32) -> Duration {
    let median = u64::from(median);
    let mixed = mix(seed, 1);
    let spread = median / 2 + mixed % median.max(1);
    let factor = if mix(seed, 2) % 1_000 < u64::from(tail) { 10 + mix(seed, 3) % 90 } else { 1 };
    Duration::from_millis((spread * factor).max(1))
}
