//! Points in time as the audit log knows them: whole seconds in UTC.
//!
//! This file must not read a clock; see `clock.rs`.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, civil, tz::TimeZone};

/// Whole seconds since 1970-01-01T00:00:00Z, between the years 1 and 9999, so that its text always
/// is `YYYY-MM-DDTHH:MM:SSZ`: the form of the API's `created_at`, of its filter and of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Second(i64);

impl Second {
    /// 0001-01-01T00:00:00Z
    const FIRST: i64 = -62_135_596_800;
    /// 9999-12-30T22:00:00Z, the last second that the library counts.
    const LAST: i64 = 253_402_207_200;

    /// Before every event: no Zendesk account is older than the company, which was founded in 2007.
    pub const BEFORE_ZENDESK: Self = Self(946_684_800);

    /// The point in time this many seconds after 1970, brought into the range of years 1 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(Self::FIRST, Self::LAST))
    }

    /// The second in which a point in time lies.
    #[must_use]
    pub fn containing(time: Timestamp) -> Self {
        Self::from_unix(time.as_millisecond().div_euclid(1000))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn as_unix(self) -> i64 {
        self.0
    }

    /// This many seconds later.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// This many seconds earlier.
    #[must_use]
    pub fn minus(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_sub(seconds))
    }

    /// How many seconds this lies after another; negative if before.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time:.0}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

/// The text is no date that this connector understands.
#[derive(Debug, PartialEq, Eq)]
pub struct NotADate;

impl FromStr for Second {
    type Err = NotADate;

    /// Understands `2024-01-01`, `2024-01-01T00:00:00Z`, with offsets and fractions, with a blank
    /// for the `T`, and without an offset (UTC). Fractions are cut off, towards the past.
    fn from_str(text: &str) -> Result<Self, NotADate> {
        let text = text.trim();
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(NotADate);
        }
        let time = text
            .parse::<Timestamp>()
            .or_else(|_| {
                // Without an offset, or in the last hours of the year 9999, which the library does not count.
                let civil = text.trim_end_matches('Z').parse::<civil::DateTime>()?;
                Ok::<_, jiff::Error>(TimeZone::UTC.to_timestamp(civil).unwrap_or(Timestamp::MAX))
            })
            .map_err(|_| NotADate)?;
        let second = time.as_millisecond().div_euclid(1000);
        if (Self::FIRST..=Self::LAST).contains(&second) { Ok(Self(second)) } else { Err(NotADate) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_people_write_them() {
        for (text, read) in [
            ("2024-01-01", "2024-01-01T00:00:00Z"),
            ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
            (" 2024-01-01T12:30:15Z ", "2024-01-01T12:30:15Z"),
            ("2024-01-01T00:00:00.999Z", "2024-01-01T00:00:00Z"),
            ("2024-01-01T00:00:00+02:00", "2023-12-31T22:00:00Z"),
            ("2024-01-01T00:00:00", "2024-01-01T00:00:00Z"),
            ("2024-01-01 00:00:00", "2024-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-30T22:00:00Z"),
        ] {
            assert_eq!(text.parse::<Second>().map(|second| second.to_string()), Ok(read.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-13-01",
            "2024-02-30",
            "20240101T",
            "01/02/2024",
            "12:00",
            "1704067200",
            "2024-01-01T25:00:00Z",
            "-000001-01-01T00:00:00Z",
            "+010000-01-01",
            "0000-01-01",
            "2024-01-01T00:00:00Zzz",
        ] {
            assert_eq!(text.parse::<Second>(), Err(NotADate), "{text}");
        }
    }

    #[test]
    fn a_text_keeps_its_length_at_both_ends_of_time() {
        for unix in [i64::MIN, -1, 0, i64::MAX] {
            let text = Second::from_unix(unix).to_string();
            assert_eq!(text.len(), "YYYY-MM-DDTHH:MM:SSZ".len(), "{text}");
            assert_eq!(text.parse::<Second>(), Ok(Second::from_unix(unix)));
        }
        assert_eq!(Second::from_unix(5).minus(i64::MAX).plus(0).to_string(), "0001-01-01T00:00:00Z");
    }
}
