//! The bounds and defaults of the configuration's numbers. The parser and spec.json both use them.
//!
//! This file must not contain anything else about a field.

use std::ops::RangeInclusive;

/// The bounds and the default of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest value.
    pub min: u32,
    /// The largest value.
    pub max: u32,
    /// The value if the field is absent.
    pub default: u32,
}

impl Bounds {
    /// The bounds of `lookback_window_minutes`.
    pub const LOOKBACK_WINDOW_MINUTES: Self = Self { min: 0, max: 1440, default: 10 };
    /// The bounds of `num_workers`.
    pub const NUM_WORKERS: Self = Self { min: 1, max: 16, default: 16 };
    /// The bounds of `rate_limit_percentage`.
    pub const RATE_LIMIT_PERCENTAGE: Self = Self { min: 1, max: 100, default: 50 };

    /// Returns the valid values.
    #[must_use]
    pub fn range(self) -> RangeInclusive<u32> {
        self.min..=self.max
    }
}
