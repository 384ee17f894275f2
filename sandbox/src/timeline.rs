//! The time of event n: a pure function of the options. Must not depend on the content of
//! an event.

use crate::{options::Shape, rng::Rng};

const WHEN: u64 = 1;
const BURST: u64 = 2;
const BUSY_DAY: u64 = 3;
const DAY: u64 = 86_400;
/// Mean number of events that share a second in [`Shape::Tied`] and in the bursts
/// of [`Shape::Mixed`]. "Several hundred events can share one second" (observed).
const CLUSTER: u64 = 300;

/// The span of a history, and the distribution of events in it.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) seed: u64,
    /// First second, since 1970.
    pub(crate) from: i64,
    /// Seconds in the span, at least 1.
    pub(crate) span: u64,
    /// Number of events in the span.
    pub(crate) events: u64,
    pub(crate) shape: Shape,
}

impl Timeline {
    /// Returns the second, since 1970, of event `index`.
    pub(crate) fn second(&self, index: u64) -> i64 {
        let mut rng = Rng::new(self.seed, index, WHEN);
        let offset = match self.shape {
            Shape::Even => {
                let share = u128::from(index) * u128::from(self.span);
                (share / u128::from(self.events.max(1))) as u64
            }
            Shape::Mixed => self.mixed(&mut rng),
            Shape::Skewed if rng.below(100) < 95 => {
                // The dense part starts at six tenths of the span.
                self.span / 10 * 6 + rng.below((self.span / 100).max(1))
            }
            Shape::Skewed => rng.below(self.span),
            Shape::Tied => self.burst(rng.below(self.events.div_ceil(CLUSTER))),
            Shape::OneSecond => self.span / 2,
        };
        self.from + offset.min(self.span - 1) as i64
    }

    /// Puts a quarter of the events into bursts of one second, two fifths on busy days, and
    /// the rest outside the quiet third of the span.
    fn mixed(&self, rng: &mut Rng) -> u64 {
        match rng.below(100) {
            0..25 => self.burst(rng.below((self.events / 4 / CLUSTER).max(1))),
            25..65 => {
                let length = (self.span / 60).clamp(1, DAY);
                let day = rng.below((self.span / (20 * DAY)).clamp(3, 400));
                let start = Rng::new(self.seed, day, BUSY_DAY).below(self.span - length + 1);
                start + rng.below(length)
            }
            _ => {
                let block = self.span / 24;
                if block == 0 {
                    return rng.below(self.span);
                }
                // The middle one of every three blocks is quiet.
                let busy = rng.below(16);
                (busy / 2 * 3 + busy % 2 * 2) * block + rng.below(block)
            }
        }
    }

    /// Returns the second of cluster `n`, relative to the start of the span.
    fn burst(&self, n: u64) -> u64 {
        Rng::new(self.seed, n, BURST).below(self.span)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn seconds(shape: Shape, span: u64, events: u64) -> Vec<i64> {
        let timeline = Timeline { seed: 5, from: 1_000, span, events, shape };
        (0..events).map(|n| timeline.second(n)).collect()
    }

    fn most_in_one_second(seconds: &[i64]) -> usize {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        for &second in seconds {
            *counts.entry(second).or_default() += 1;
        }
        counts.into_values().max().unwrap_or(0)
    }

    #[test]
    fn every_shape_stays_in_its_span() {
        for shape in [Shape::Even, Shape::Mixed, Shape::Skewed, Shape::Tied, Shape::OneSecond] {
            for span in [1, 2, 30, 100, 86_400, 31_622_400] {
                for second in seconds(shape, span, 700) {
                    let offset = second - 1_000;
                    assert!((0..span as i64).contains(&offset), "{shape:?} {span}: {offset}");
                }
            }
        }
    }

    #[test]
    fn shape_even_has_equal_intervals() {
        let seconds = seconds(Shape::Even, 1_000, 100);
        assert!(seconds.windows(2).all(|pair| pair[1] - pair[0] == 10));
    }

    #[test]
    fn shape_mixed_has_quiet_blocks_busy_days_and_dense_seconds() {
        let year = 31_622_400;
        let seconds = seconds(Shape::Mixed, year, 10_000);
        assert!((150..800).contains(&most_in_one_second(&seconds)));
        let mut days = vec![0_u32; 366];
        for second in seconds {
            days[(second - 1_000) as usize / 86_400] += 1;
        }
        days.sort_unstable();
        assert!(days[40] < 5, "quiet: {days:?}");
        assert!(days[365] > 150, "busy: {days:?}");
    }

    #[test]
    fn shape_mixed_has_a_dense_second_even_with_few_events() {
        assert!(most_in_one_second(&seconds(Shape::Mixed, 31_622_400, 1_000)) > 200);
    }

    #[test]
    fn shape_skewed_puts_95_percent_into_one_percent_of_the_span() {
        let seconds = seconds(Shape::Skewed, 1_000_000, 10_000);
        let crowd = seconds.iter().filter(|s| (601_000..611_000).contains(*s)).count();
        assert!((9_300..9_700).contains(&crowd), "{crowd}");
    }

    #[test]
    fn shape_tied_has_several_hundred_events_a_second() {
        let seconds = seconds(Shape::Tied, 31_622_400, 3_000);
        let distinct: std::collections::HashSet<_> = seconds.iter().collect();
        assert_eq!(distinct.len(), 10);
        assert!((200..500).contains(&most_in_one_second(&seconds)));
    }

    #[test]
    fn shape_one_second_uses_the_middle_of_the_span() {
        assert_eq!(seconds(Shape::OneSecond, 1_000, 3), [1_500; 3]);
    }
}
