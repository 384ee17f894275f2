//! The facts of event n, derived from (seed, n): what filters compare. Must not decide when
//! an event happened, write JSON, or store anything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    rng::{Rng, mix},
    scenario,
    vocabulary::{KINDS, Kind, PEOPLE},
};

const WHAT: u64 = 11;
/// Events before this one have an id, a date and no unusual white space, so small histories
/// are regular.
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

/// Fields that can be null or omitted in any event.
const OPTIONAL: [Field; 10] =
    [Url, ActionLabel, ActorId, ActorName, SourceId, SourceType, SourceLabel, Action, ChangeDescription, IpAddress];

/// How a field is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    Null,
    Omitted,
}

/// The facts of an event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) index: u64,
    pub(crate) id: u64,
    pub(crate) kind: &'static Kind,
    /// Index in [`PEOPLE`]; `None` is the system.
    pub(crate) person: Option<usize>,
    pub(crate) source_id: Option<i64>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) absent: Option<(Field, Absence)>,
}

impl Event {
    /// Derives event number `index` from the seed.
    pub(crate) fn draw(seed: u64, index: u64) -> Self {
        if let Some(event) = scenario::event(index, |number| id_of(seed, number, false)) {
            return event;
        }
        let mut rng = Rng::new(seed, index, WHAT);
        let mut kind = &KINDS[rng.below(KINDS.len() as u64) as usize];
        if kind.change_description == "{long}" && !rng.one_in(10) {
            kind = &KINDS[0];
        }
        let system = kind.system || rng.one_in(50);
        let person = (!system).then(|| rng.below(PEOPLE.len() as u64) as usize);
        let source_id = match rng.below(60) {
            0 => Some(0),
            1 => Some(-1),
            2 => None,
            _ => Some(360_000_000_000 + rng.below(4_000) as i64 * 7_919),
        };
        let bits = rng.next();
        let ip = person.map(|_| match bits % 5 {
            0 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, (bits >> 8) as u16 & 7, 0, 0, 0, 1)),
            1 | 2 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, (bits >> 8) as u8)),
            _ => IpAddr::V4(Ipv4Addr::new(203, 0, 113, (bits >> 8) as u8)),
        });
        let null_or_missing = if rng.one_in(2) { Absence::Null } else { Absence::Omitted };
        let absent = match rng.below(1_000) {
            _ if index < FIRST_ODD => None,
            0 | 1 => Some((CreatedAt, null_or_missing)),
            2 | 3 => Some((Id, Absence::Omitted)),
            4..30 => Some((rng.pick(&OPTIONAL), null_or_missing)),
            _ => None,
        };
        let id = id_of(seed, index, rng.one_in(40));
        Self { index, id, kind, person, source_id, ip, absent }
    }

    /// Returns `action`, unless it is null or omitted.
    pub(crate) fn action(&self) -> Option<&'static str> {
        self.has(Action).then_some(self.kind.action)
    }

    /// Returns `actor_id`; -1 is the system.
    pub(crate) fn actor_id(&self) -> Option<i64> {
        let id = self.person.map_or(-1, |p| 370_000_000_000 + p as i64 * 104_729);
        self.has(ActorId).then_some(id)
    }

    /// Returns `ip_address`, unless it is null or omitted.
    pub(crate) fn ip_address(&self) -> Option<IpAddr> {
        self.ip.filter(|_| self.has(IpAddress))
    }

    /// Returns `source_type`, unless it is null or omitted.
    pub(crate) fn source_type(&self) -> Option<&'static str> {
        self.has(SourceType).then_some(self.kind.source_type)
    }

    /// Returns `source_id`, unless it is null or omitted.
    pub(crate) fn source_id(&self) -> Option<i64> {
        self.source_id.filter(|_| self.has(SourceId))
    }

    fn has(&self, field: Field) -> bool {
        self.absent.is_none_or(|(absent, _)| absent != field)
    }
}

/// Maps indexes below 2^46 one-to-one to ids: 13 or 14 digits, as observed, or, if `big`,
/// odd numbers above 2^53, which a 64-bit float cannot hold.
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
    fn ids_of_both_kinds_are_unique() {
        let ids: HashSet<u64> = (0..50_000).flat_map(|n| [id_of(3, n, false), id_of(3, n, true)]).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|&id| i64::try_from(id).is_ok()));
    }

    #[test]
    fn null_and_omitted_fields_are_not_facts() {
        let absent = (20..20_000).map(|n| Event::draw(1, n)).filter(|e| e.absent.is_some());
        let mut hidden = HashSet::new();
        for event in absent {
            let Some((field, _)) = event.absent else {
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
