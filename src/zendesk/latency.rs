//! The latency of page requests, and the number of requests in flight for a rate: pure.
//!
//! It must not read a clock or send anything.

use std::time::Duration;

/// The weight of a request that took longer than the mean: the mean follows an increase within a few
/// requests.
const RISE: f64 = 0.5;
/// The weight of a request that took less: a single fast response changes little.
const FALL: f64 = 0.125;

/// The latency of each endpoint, by its path.
#[derive(Debug, Default)]
pub struct PageLatency(Vec<(String, Latency)>);

impl PageLatency {
    /// Records the latency of a page of this endpoint.
    pub fn observe(&mut self, path: &str, took: Duration) {
        let index = self.0.iter().position(|(known, _)| known == path).unwrap_or_else(|| {
            self.0.push((path.to_owned(), Latency::default()));
            self.0.len() - 1
        });
        self.0[index].1.observe(took);
    }

    /// Returns the latency of an endpoint.
    #[must_use]
    pub fn latency(&self, path: &str) -> Latency {
        self.0.iter().find(|(known, _)| known == path).map_or_else(Latency::default, |(_, latency)| *latency)
    }
}

/// The smoothed mean of the time from sending a request to the last byte of its response.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// In seconds; `None` before the first response.
    mean: Option<f64>,
}

impl Latency {
    /// Records a request with this latency.
    pub fn observe(&mut self, took: Duration) {
        let took = took.as_secs_f64();
        let mean = self.mean.unwrap_or(took);
        let weight = if took > mean { RISE } else { FALL };
        self.mean = Some(mean + weight * (took - mean));
    }

    /// Returns the number of requests to keep in flight for this number of requests per second (Little's
    /// law), plus one, so that one request always waits. Before the first response it is one. Always between
    /// one and `most`.
    #[must_use]
    pub fn concurrency(self, per_second: f64, most: usize) -> usize {
        let Some(mean) = self.mean else {
            return 1;
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is cut below")]
        let in_flight = (per_second * mean).ceil().max(1.0) as usize;
        in_flight.saturating_add(1).min(most).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(requests: &[u64]) -> Latency {
        let mut latency = Latency::default();
        for took in requests {
            latency.observe(Duration::from_millis(*took));
        }
        latency
    }

    #[test]
    fn requests_in_flight_are_the_rate_times_the_latency_and_one_that_waits() {
        for (latency, per_minute, most, requests) in [
            (&[][..], 700.0, 16, 1),
            (&[300], 350.0, 16, 3),
            (&[300], 700.0, 16, 5),
            (&[300], 1_250.0, 16, 8),
            (&[300], 2_500.0, 16, 14),
            (&[1_000], 2_500.0, 16, 16),
            (&[1_000], 2_500.0, 4, 4),
            (&[0], 700.0, 16, 2),
            (&[300], 700.0, 1, 1),
            (&[300], 700.0, 0, 1),
            (&[3_600_000], f64::MAX, usize::MAX, usize::MAX),
        ] {
            assert_eq!(after(latency).concurrency(per_minute / 60.0, most), requests, "{latency:?} {per_minute}");
        }
    }

    #[test]
    fn the_mean_follows_an_increase_within_a_few_requests_and_a_decrease_slowly() {
        let seconds = |latency: Latency| latency.mean.expect("something was observed");
        assert!(seconds(after(&[100, 1_000, 1_000, 1_000])) > 0.85);
        let fallen = after(&[1_000, 100, 100, 100]);
        assert!(seconds(fallen) > 0.65);
        assert!(seconds(after(&[[1_000].as_slice(), &[100; 30]].concat())) < 0.12);
    }
}
