//! Formats counts, sizes and durations for users.
//!
//! This file must not read a clock or know the counted things.

use std::time::Duration;

use crate::second::Second;

/// Formats a number with a comma between groups of three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count: `1 event`, `1,200 events`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Formats a duration with about two digits: `45 seconds`, `90 minutes`, `3 days`.
#[must_use]
pub fn rough(span: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const MONTH: u64 = YEAR / 12;
    const YEAR: u64 = 31_556_952;
    // A unit is used only for two or more of it, so that the rounding error stays small.
    let seconds = span.as_secs();
    let (unit, thing) = match seconds {
        0..MINUTE => (1, "second"),
        MINUTE..7_170 => (MINUTE, "minute"),
        7_170..171_000 => (HOUR, "hour"),
        171_000..5_140_800 => (DAY, "day"),
        5_140_800..63_113_904 => (MONTH, "month"),
        _ => (YEAR, "year"),
    };
    counted((seconds + unit / 2) / unit, thing)
}

/// Formats a measured duration: `3.2 s`, `4 min 10 s`, `2 h 5 min`.
#[must_use]
pub fn measured(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", (span.as_secs_f64() * 10.0).floor() / 10.0),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(seconds / 3_600), seconds % 3_600 / 60),
    }
}

/// Formats a number of bytes in decimal units: `512 kB`, `88.1 MB`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Returns a sentence about the age of the newest event.
#[must_use]
pub fn age_of_the_newest(newest: Second, now: Second) -> String {
    match u64::try_from(now.since(newest)) {
        Ok(age) => format!("The newest event is {} old.", rough(Duration::from_secs(age))),
        Err(_) => format!("The newest event, of {newest}, is ahead of this machine's clock."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!([0, 1, 1_000].map(|n| counted(n, "event")), ["0 events", "1 event", "1,000 events"]);
    }

    #[test]
    fn a_rough_duration_has_a_suitable_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (89, "1 minute"),
            (90, "2 minutes"),
            (1_740, "29 minutes"),
            (5_400, "90 minutes"),
            (7_169, "119 minutes"),
            (7_170, "2 hours"),
            (86_400, "24 hours"),
            (170_999, "47 hours"),
            (171_000, "2 days"),
            (172_800, "2 days"),
            (5_140_799, "59 days"),
            (31_556_952, "12 months"),
            (63_113_904, "2 years"),
            (315_569_520, "10 years"),
        ] {
            assert_eq!(rough(Duration::from_secs(seconds)), text, "{seconds}");
        }
    }

    #[test]
    fn a_measured_duration_keeps_its_precision() {
        for (milliseconds, text) in [
            (0, "0.0 s"),
            (3_240, "3.2 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 0 s"),
            (250_000, "4 min 10 s"),
            (3_600_000, "1 h 0 min"),
            (7_530_000, "2 h 5 min"),
        ] {
            assert_eq!(measured(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn a_size_has_a_suitable_unit() {
        for (bytes, text) in
            [(0, "0 kB"), (1, "1 kB"), (512_000, "512 kB"), (88_149_999, "88.1 MB"), (2_500_000_000, "2.5 GB")]
        {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn an_event_ahead_of_the_clock_is_reported() {
        let now = Second::from_unix(1_000_000);
        assert_eq!(age_of_the_newest(now.minus(180), now), "The newest event is 3 minutes old.");
        assert_eq!(age_of_the_newest(now, now), "The newest event is 0 seconds old.");
        let ahead = "The newest event, of 1970-01-12T13:47:40Z, is ahead of this machine's clock.";
        assert_eq!(age_of_the_newest(now.plus(60), now), ahead);
    }
}
