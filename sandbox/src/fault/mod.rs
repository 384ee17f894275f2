//! Seeded faults, as data: which kinds there are, when each strikes, and how that is
//! written on a command line. What a fault does is `strike`; nothing here acts.

mod page;
mod strike;

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;

pub(crate) use strike::{Injector, OddDate, Strike};

/// The faults of a sandbox. They strike requests under `/api/` only, after
/// [`Interfere`](crate::Interfere), which goes first. For the same seed, rules and
/// sequence of requests they are always the same.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Decides what strikes when, and how hard. Default 1.
    pub seed: u64,
    /// Of those that strike the same request the first that gives an answer of its
    /// own does; events arrive and the clock is wrong besides. Default none.
    pub rules: Vec<Rule>,
    /// The longest `Retry-After`, in seconds; at least 1 is asked for. Default 5.
    pub retry_after: u64,
    /// How wrong the server's clock may be. Default 5 minutes.
    pub skew: Duration,
    /// How far behind the server's time a late event may lie. Default 5 minutes.
    pub late: Duration,
    /// Time between two pieces of a dripping body, of which there are 64. Default 1 s.
    pub drip: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        let minutes = Duration::from_mins(5);
        let drip = Duration::from_secs(1);
        Self { seed: 1, rules: Vec::new(), retry_after: 5, skew: minutes, late: minutes, drip }
    }
}

/// A kind of fault and when it strikes. Written `503=0.05` (five requests in a
/// hundred), `html@7` (the seventh request) or `504@7..` (from the seventh on).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// What happens.
    pub kind: Fault,
    /// To which requests.
    pub when: When,
}

/// Which requests a fault strikes. They are counted from 1 since the faults were set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Each with this probability, 0 to 1.
    Chance(f64),
    /// This one.
    At(u64),
    /// This one and all that follow.
    From(u64),
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Fault {
    /// 429 in plain text, without `Retry-After`
    #[value(name = "429")]
    Limited,
    /// 429 in plain text, with `Retry-After`
    #[value(name = "429-after")]
    LimitedAfter,
    /// 429 in JSON, without `Retry-After`
    #[value(name = "429-json")]
    LimitedJson,
    /// 429 in JSON, with `Retry-After`
    #[value(name = "429-json-after")]
    LimitedJsonAfter,
    /// 500 in JSON
    #[value(name = "500")]
    Internal,
    /// 502 in HTML
    #[value(name = "502")]
    BadGateway,
    /// 503 in HTML, without `Retry-After`
    #[value(name = "503")]
    Unavailable,
    /// 503 in JSON, with `Retry-After`
    #[value(name = "503-after")]
    UnavailableAfter,
    /// 504 in HTML
    #[value(name = "504")]
    GatewayTimeout,
    /// 409 in JSON
    #[value(name = "409")]
    Conflict,
    /// The connection is closed before the answer
    Drop,
    /// The connection is closed inside the body
    DropInBody,
    /// Half of the JSON, with the length of that
    HalfBody,
    /// gzip that breaks off, or has a wrong bit
    Gzip,
    /// The body in 64 pieces with pauses between
    Drip,
    /// Accepted and never answered
    Stall,
    /// 200 with HTML
    Html,
    /// 200 with nothing
    Empty,
    /// 200 with JSON that is none
    BrokenJson,
    /// 200 with JSON of another shape
    OtherJson,
    /// 400, the cursor is no longer known; strikes requests with one
    CursorExpired,
    /// The page leads to the cursor that it was asked for with; strikes those with one
    CursorRepeated,
    /// More is announced without a cursor
    CursorMissing,
    /// No records, and a cursor that leads to those that should have been there
    EmptyPage,
    /// The last record of a page comes twice, and again on the next page
    EventRepeated,
    /// Two records of a page change places
    Swap,
    /// Events arrive before the request is answered, with the server's time
    Arrival,
    /// Events arrive before the request is answered, with an earlier time
    Late,
    /// The server's clock is ahead, in this answer's `Date`
    ClockAhead,
    /// The server's clock is behind, in this answer's `Date`
    ClockBehind,
    /// The answer has no `Date`
    DateMissing,
    /// The answer's `Date` is not a date
    DateMalformed,
    /// The account's limit is 1 in this answer's headers
    LimitOne,
    /// `has_more` is false although `links.next` leads on; applies to pages that are not the last
    EarlyEnd,
}

impl Fault {
    /// All kinds.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().ok_or(fmt::Error)?;
        f.write_str(value.get_name())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = || "write KIND=PROBABILITY, KIND@NUMBER or KIND@NUMBER..".to_owned();
        let place = text.find(['=', '@']).ok_or_else(usage)?;
        let (name, when) = text.split_at(place);
        let kind = Fault::from_str(name, false)?;
        let number = |text: &str| text.parse().ok().filter(|number| *number > 0).ok_or_else(usage);
        let when = if let Some(chance) = when.strip_prefix('=') {
            let chance = chance.parse().ok().filter(|chance| (0.0..=1.0).contains(chance));
            When::Chance(chance.ok_or("the probability is a number from 0 to 1")?)
        } else if let Some(first) = when[1..].strip_suffix("..") {
            When::From(number(first)?)
        } else {
            When::At(number(&when[1..])?)
        };
        Ok(Self { kind, when })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for (text, kind, when) in [
            ("503=0.05", Fault::Unavailable, When::Chance(0.05)),
            ("503-after=1", Fault::UnavailableAfter, When::Chance(1.0)),
            ("html@7", Fault::Html, When::At(7)),
            ("cursor-expired@3..", Fault::CursorExpired, When::From(3)),
        ] {
            assert_eq!(text.parse(), Ok(Rule { kind, when }), "{text}");
        }
        for text in ["", "503", "=1", "html@", "html@0", "html@..", "html=2", "html=x", "html=NaN", "rain=1"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_kind_has_a_name_that_is_read_back() {
        for kind in Fault::all() {
            assert_eq!(format!("{kind}@1").parse::<Rule>().map(|rule| rule.kind), Ok(*kind));
        }
    }
}
