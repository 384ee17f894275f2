//! Counts how often each kind of event has happened, over many runs. An event that never happens is not
//! tested.

use std::collections::BTreeMap;

use crate::oracle::Ended;
use crate::scenario::Fault;

/// All kinds of events that a full run must reach.
pub const KINDS: &[&str] = &[
    "a cursor is refused",
    "a full refresh starts over",
    "a request is too heavy",
    "a smaller page is requested",
    "a token is issued",
    "a window continues without its cursor",
    "a window is requested again",
    "a window is cut",
    "an access token has expired",
    "an older STATE is restored",
    "ended: complete",
    "ended: failed",
    "ended: killed",
    "ended: output closed",
    "ended: stopped",
    "events are counted",
    "fault: bad gateway",
    "fault: body too large",
    "fault: conflict",
    "fault: connection breaks",
    "fault: cursor is missing",
    "fault: cursor is refused",
    "fault: cursor repeats",
    "fault: empty body",
    "fault: empty page",
    "fault: false end",
    "fault: gateway timeout",
    "fault: half a body",
    "fault: HTML",
    "fault: internal error",
    "fault: no connection",
    "fault: no response",
    "fault: other JSON",
    "fault: record twice",
    "fault: permanent refusal",
    "fault: records swapped",
    "fault: slow response",
    "fault: token revoked",
    "fault: too many requests",
    "fault: unavailable",
    "the customer authorizes again",
    "the look-back becomes longer",
    "the look-back becomes shorter",
    "the page size changes",
    "the rate limit is used up",
    "the start date changes",
    "there is another window",
];

/// The counts.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    /// Counts an event of a kind.
    pub fn hit(&mut self, kind: &'static str) {
        debug_assert!(KINDS.contains(&kind), "{kind} is not in the list");
        *self.0.entry(kind).or_default() += 1;
    }

    /// Counts a fault.
    pub fn fault(&mut self, fault: Fault) {
        self.hit(match fault {
            Fault::Status(500, _) => "fault: internal error",
            Fault::Status(502, _) => "fault: bad gateway",
            Fault::Status(503, _) => "fault: unavailable",
            Fault::Status(504, _) => "fault: gateway timeout",
            Fault::Status(..) => "fault: conflict",
            Fault::Refused(_) => "fault: too many requests",
            Fault::NoConnection => "fault: no connection",
            Fault::Dropped => "fault: connection breaks",
            Fault::Stalled => "fault: no response",
            Fault::HalfBody => "fault: half a body",
            Fault::Html => "fault: HTML",
            Fault::Empty => "fault: empty body",
            Fault::OtherJson => "fault: other JSON",
            Fault::TooLarge => "fault: body too large",
            Fault::CursorRefused => "fault: cursor is refused",
            Fault::CursorMissing => "fault: cursor is missing",
            Fault::CursorRepeated => "fault: cursor repeats",
            Fault::EmptyPage => "fault: empty page",
            Fault::FalseEnd => "fault: false end",
            Fault::RecordTwice => "fault: record twice",
            Fault::Swapped => "fault: records swapped",
            Fault::Omitted => return,
            Fault::TokenRevoked => "fault: token revoked",
            Fault::Slow(_) => "fault: slow response",
            Fault::Refusing(_) => "fault: permanent refusal",
        });
    }

    /// Counts the end of a sync.
    pub fn ended(&mut self, ended: Ended) {
        self.hit(match ended {
            Ended::Complete => "ended: complete",
            Ended::Failed => "ended: failed",
            Ended::Stopped => "ended: stopped",
            Ended::OutputClosed => "ended: output closed",
            Ended::Killed => "ended: killed",
            // Violations, which need not be reached.
            Ended::Silent | Ended::Hung => return,
        });
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.0 {
            *self.0.entry(kind).or_default() += count;
        }
    }

    /// Returns each kind with its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().map(|kind| (*kind, self.0.get(kind).copied().unwrap_or(0)))
    }

    /// Returns the kinds that were never reached.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        self.counts().filter(|(_, count)| *count == 0).map(|(kind, _)| kind)
    }
}
