//! Options for the order in which audit log records are listed. Plain data: nothing
//! here acts.

use std::str::FromStr;

use clap::{Args, ValueEnum};

/// The order in which records are listed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Order of records")]
pub struct Order {
    /// List COUNT records up to SECONDS before or after their place in the order
    ///
    /// The records keep their `created_at`, and filters use it.
    #[arg(long, value_name = "COUNT:SECONDS")]
    pub displaced: Option<Displaced>,
    /// List COUNT records a second time, up to SECONDS before or after their place
    #[arg(long, value_name = "COUNT:SECONDS")]
    pub duplicates: Option<Displaced>,
    /// Order of the records that share a second
    #[arg(long, value_enum, default_value_t)]
    pub ties: Ties,
    /// What a cursor holds
    #[arg(long = "cursor", value_enum, default_value_t)]
    pub cursor: CursorKind,
}

/// Records that are listed away from their place: how many, and by how many seconds at
/// most. Written `COUNT:SECONDS`. Both numbers are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Displaced {
    /// Number of records.
    pub count: u64,
    /// Greatest distance from the record's own time. The direction is random.
    pub seconds: u32,
}

impl FromStr for Displaced {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (count, seconds) = text.split_once(':')?;
            Some(Self { count: count.parse().ok()?, seconds: seconds.parse().ok()? })
        };
        parse().filter(|it| it.count > 0 && it.seconds > 0).ok_or("expected COUNT:SECONDS, such as 12:540")
    }
}

/// Order of the records that share a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Ties {
    /// The same in every response
    #[default]
    Stable,
    /// Each response shuffles the records of its page; pages hold the same records as with `stable`
    Shuffled,
    /// Each request orders the second anew: a record can be skipped or repeated where a second spans pages
    Unstable,
}

/// What a cursor holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CursorKind {
    /// The exact place of the last record
    #[default]
    Exact,
    /// Only the last record's second: the next page skips the rest of that second
    SecondOnly,
}
