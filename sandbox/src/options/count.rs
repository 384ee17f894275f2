//! The option for the `count` of offset pagination. Plain data: nothing here acts.

use std::str::FromStr;

/// The `count` in responses of offset pagination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// The number of matching events. Written `right`.
    #[default]
    Right,
    /// No `count`. Written `absent`.
    Absent,
    /// 400: offset pagination is refused. Written `refused`.
    Refused,
    /// The number of matching events plus this, at least 0. Written `+3` or `-3`.
    Off(i64),
}

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "right" => Ok(Self::Right),
            "absent" => Ok(Self::Absent),
            "refused" => Ok(Self::Refused),
            text if text.starts_with(['+', '-']) => text.parse().map(Self::Off).map_err(|_| "expected a number"),
            _ => Err("expected right, absent, refused, or a signed number such as -3"),
        }
    }
}
