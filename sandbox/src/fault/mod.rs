//! Seeded faults as data: the kinds, the requests that each applies to, and the
//! command-line form. The `injector` acts on them.

mod injector;
mod page;

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;

pub(crate) use injector::{Injection, Injector, OddDate};

/// The faults of a sandbox. They apply to requests under `/api/` that
/// [`ResponseHook`](crate::ResponseHook) does not replace. The same seed, rules and sequence of
/// requests give the same faults.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Seed of the random decisions. Default 1.
    pub seed: u64,
    /// If several rules apply to a request, the first one that replaces the response wins.
    /// Faults of clocks, headers and arrivals are added to it. Default none.
    pub rules: Vec<Rule>,
    /// Maximum `Retry-After` in seconds; the minimum is 1. Default 5.
    pub retry_after: u64,
    /// Maximum clock skew. Default 5 minutes.
    pub skew: Duration,
    /// Maximum age of a late event. Default 5 minutes.
    pub late: Duration,
    /// Time before each of the 64 pieces of a slow body. Default 1 s.
    pub drip: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        let minutes = Duration::from_mins(5);
        let drip = Duration::from_secs(1);
        Self { seed: 1, rules: Vec::new(), retry_after: 5, skew: minutes, late: minutes, drip }
    }
}

/// A kind of fault and the requests that it applies to. Written `503=0.05` (5 % of the
/// requests), `html@7` (request 7) or `504@7..` (request 7 and later).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The kind of fault.
    pub kind: Fault,
    /// The requests that it applies to.
    pub when: When,
}

/// The requests that a fault applies to, counted from 1 since the faults were set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Each request, with this probability from 0 to 1.
    Chance(f64),
    /// This request.
    At(u64),
    /// This request and all later ones.
    From(u64),
}

/// A kind of fault.
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
    /// Close the connection before the response
    Drop,
    /// Close the connection in the body
    DropInBody,
    /// Half of the JSON, with a matching `Content-Length`
    HalfBody,
    /// Truncated gzip, or gzip with a wrong bit
    Gzip,
    /// The body in 64 pieces, with a pause before each
    Drip,
    /// No response
    Stall,
    /// 200 with HTML
    Html,
    /// 200 with an empty body
    Empty,
    /// 200 with invalid JSON
    BrokenJson,
    /// 200 with JSON of another form
    OtherJson,
    /// 400, the cursor has expired; applies to requests with a cursor
    CursorExpired,
    /// The page returns the cursor of its own request; applies to requests with a cursor
    CursorRepeated,
    /// `has_more` is true without a cursor
    CursorMissing,
    /// No records, and a cursor that leads to the missing ones
    EmptyPage,
    /// The last record of a page is repeated, also on the next page
    EventRepeated,
    /// Two records of a page are swapped
    Swap,
    /// Events arrive before the response, dated now
    Arrival,
    /// Events arrive before the response, dated earlier
    Late,
    /// The response's `Date` is ahead
    ClockAhead,
    /// The response's `Date` is behind
    ClockBehind,
    /// The response has no `Date`
    DateMissing,
    /// The response's `Date` is not a date
    DateMalformed,
    /// The account's limit is 1 in this response's headers
    LimitOne,
    /// `has_more` is false with a `links.next`; applies to pages that are not the last
    EarlyEnd,
}

impl Fault {
    /// Returns all kinds.
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
    fn rules_are_parsed_and_invalid_ones_rejected() {
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
    fn the_name_of_every_kind_is_parsed() {
        for kind in Fault::all() {
            assert_eq!(format!("{kind}@1").parse::<Rule>().map(|rule| rule.kind), Ok(*kind));
        }
    }
}
