//! Event number n as facts, thrown from (seed, n): what filters look at. Does not
//! decide when it happened, writes no text, and keeps nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    dice::{Dice, mix},
    scenario,
    vocabulary::{KINDS, Kind, PEOPLE},
};

const WHAT: u64 = 11;
/// Events before this one carry every field that the rest of the sandbox stands
/// on, so that a small sandbox has no odd ones.
pub(crate) const FIRST_ODD: u64 = 20;

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Url,
    Id,
    ActionLabel,
    ActorId,
    ActorName,
    SourceId,
    SourceType,
    SourceLabel,
    Action,
    ChangeDescription,
    IpAddress,
    CreatedAt,
}
use Field::{
    Action, ActionLabel, ActorId, ActorName, ChangeDescription, CreatedAt, Id, IpAddress, SourceId, SourceLabel,
    SourceType, Url,
};

/// Fields that can be null or missing in any event.
const MAY_LACK: [Field; 10] =
    [Url, ActionLabel, ActorId, ActorName, SourceId, SourceType, SourceLabel, Action, ChangeDescription, IpAddress];

/// How a field lacks a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    Null,
    Missing,
}

/// The facts of an event that filters look at, and a little more.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) index: u64,
    pub(crate) id: u64,
    pub(crate) kind: &'static Kind,
    /// Position in [`PEOPLE`]; `None` is the system.
    pub(crate) person: Option<usize>,
    pub(crate) source_id: Option<i64>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) lack: Option<(Field, Lack)>,
}

impl Event {
    /// Event number `index` of the sandbox with this seed.
    pub(crate) fn draw(seed: u64, index: u64) -> Self {
        if let Some(event) = scenario::event(index, |number| id_of(seed, number, false)) {
            return event;
        }
        let mut dice = Dice::new(seed, index, WHAT);
        let mut kind = &KINDS[dice.below(KINDS.len() as u64) as usize];
        if kind.change_description == "{long}" && !dice.one_in(10) {
            kind = &KINDS[0];
        }
        let system = kind.system || dice.one_in(50);
        let person = (!system).then(|| dice.below(PEOPLE.len() as u64) as usize);
        let source_id = match dice.below(60) {
            0 => Some(0),
            1 => Some(-1),
            2 => None,
            _ => Some(360_000_000_000 + dice.below(4_000) as i64 * 7_919),
        };
        let bits = dice.next();
        let ip = person.map(|_| match bits % 5 {
            0 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, (bits >> 8) as u16 & 7, 0, 0, 0, 1)),
            1 | 2 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, (bits >> 8) as u8)),
            _ => IpAddr::V4(Ipv4Addr::new(203, 0, 113, (bits >> 8) as u8)),
        });
        let null_or_missing = if dice.one_in(2) { Lack::Null } else { Lack::Missing };
        let lack = match dice.below(1_000) {
            _ if index < FIRST_ODD => None,
            0 | 1 => Some((CreatedAt, null_or_missing)),
            2 | 3 => Some((Id, Lack::Missing)),
            4..30 => Some((dice.pick(&MAY_LACK), null_or_missing)),
            _ => None,
        };
        let id = id_of(seed, index, dice.one_in(40));
        Self { index, id, kind, person, source_id, ip, lack }
    }

    /// `action`, unless it is null or missing.
    pub(crate) fn action(&self) -> Option<&'static str> {
        self.has(Action).then_some(self.kind.action)
    }

    /// `actor_id`; -1 is the system.
    pub(crate) fn actor_id(&self) -> Option<i64> {
        let id = self.person.map_or(-1, |p| 370_000_000_000 + p as i64 * 104_729);
        self.has(ActorId).then_some(id)
    }

    /// `ip_address`.
    pub(crate) fn ip_address(&self) -> Option<IpAddr> {
        self.ip.filter(|_| self.has(IpAddress))
    }

    /// `source_type`.
    pub(crate) fn source_type(&self) -> Option<&'static str> {
        self.has(SourceType).then_some(self.kind.source_type)
    }

    /// `source_id`.
    pub(crate) fn source_id(&self) -> Option<i64> {
        self.source_id.filter(|_| self.has(SourceId))
    }

    fn has(&self, field: Field) -> bool {
        self.lack.is_none_or(|(lacking, _)| lacking != field)
    }
}

/// A one-to-one map of indexes below 2^46 to ids: 13 or 14 digits ("in practice"),
/// or, when `big`, odd numbers beyond 2^53, which no 64-bit float can hold.
fn id_of(seed: u64, index: u64, big: bool) -> u64 {
    const MASK: u64 = (1 << 46) - 1;
    let mut x = index.wrapping_add(mix(seed)) & MASK;
    for odd in [0x9e37_79b9_7f4a_7c15_u64, 0xbf58_476d_1ce4_e5b9] {
        x = x.wrapping_mul(odd) & MASK;
        x ^= x >> 23;
    }
    if big { (1 << 53) + 1 + 2 * x } else { 1_000_000_000_000 + x }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_never_meet_not_even_the_two_kinds() {
        let ids: HashSet<u64> = (0..50_000).flat_map(|n| [id_of(3, n, false), id_of(3, n, true)]).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|&id| i64::try_from(id).is_ok()));
    }

    #[test]
    fn a_field_that_is_null_or_missing_is_no_fact() {
        let lacking = (20..20_000).map(|n| Event::draw(1, n)).filter(|e| e.lack.is_some());
        let mut hidden = HashSet::new();
        for event in lacking {
            let Some((field, _)) = event.lack else {
                continue;
            };
            let facts = [
                (Action, event.action().is_some()),
                (ActorId, event.actor_id().is_some()),
                (SourceType, event.source_type().is_some()),
                (SourceId, event.source_id().is_some()),
                (IpAddress, event.ip_address().is_some()),
            ];
            for (name, known) in facts {
                if name == field {
                    assert!(!known, "{field:?}");
                    hidden.insert(format!("{field:?}"));
                }
            }
        }
        assert_eq!(hidden.len(), 5, "{hidden:?}");
    }
}
