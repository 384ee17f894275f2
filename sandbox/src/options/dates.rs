//! Options for the dates of audit log records. Plain data: nothing here acts.

use std::str::FromStr;

use clap::{Args, ValueEnum};

/// The dates of records: what `created_at` shows, and events outside the history.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Dates of records")]
pub struct Dates {
    /// Show `created_at` this many seconds off; filters and order use the true time
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    pub created_at_offset: i32,
    /// How `created_at` is written
    #[arg(long, value_enum, default_value_t)]
    pub created_at_format: DateFormat,
    /// Show the `created_at` of one record this many days off; filters and order use the true time
    #[arg(long, value_name = "DAYS", allow_negative_numbers = true)]
    pub misdated: Option<i32>,
    /// Date COUNT of the events 1970-01-01T00:00:00Z
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub epoch_events: u64,
    /// Date COUNT of the events HOURS after the end of the history (`--to`)
    #[arg(long, value_name = "COUNT:HOURS")]
    pub future_events: Option<FutureEvents>,
}

/// Events that are dated ahead of their time. Written `COUNT:HOURS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutureEvents {
    /// Number of events, at least 1.
    pub count: u64,
    /// Hours after the end of the history.
    pub hours: u32,
}

impl FromStr for FutureEvents {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (count, hours) = text.split_once(':')?;
            Some(Self { count: count.parse().ok()?, hours: hours.parse().ok()? })
        };
        parse().filter(|it| it.count > 0).ok_or("expected COUNT:HOURS, such as 1:20")
    }
}

/// How `created_at` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DateFormat {
    /// `2024-05-01T12:00:00Z`, also when it is off
    #[default]
    Utc,
    /// Local time without an offset: `2024-05-01T17:00:00`
    Local,
    /// Local time with its offset: `2024-05-01T17:00:00+05:00`
    Offset,
}
