//! ULIDs: 48 bits of milliseconds since 1970 and 80 more, as 26 characters of Crockford's
//! base 32. The 80 bits look random and contain the number of the record.

use crate::rng::{Rng, mix};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;
const SALT: u64 = 71;
const INDEX_BITS: u32 = 40;
const MASK: u64 = (1 << INDEX_BITS) - 1;

/// The id of a record. Ids sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ulid(pub(super) u128);

impl Ulid {
    /// Creates the id of record `index`, which is below 2^40, at this millisecond since
    /// 1970.
    pub(super) fn new(seed: u64, millisecond: i64, index: u64) -> Self {
        let random = Rng::new(seed, index, SALT).next() & MASK;
        let hidden = (index ^ mix(seed ^ random)) & MASK;
        let low = u128::from(random) << INDEX_BITS | u128::from(hidden);
        Self((millisecond.max(0) as u128) << 80 | low)
    }

    /// Returns the number of the record.
    pub(super) fn index(self, seed: u64) -> u64 {
        let random = (self.0 >> INDEX_BITS) as u64 & MASK;
        (self.0 as u64 ^ mix(seed ^ random)) & MASK
    }

    /// Returns this id at another time: a position in the list, not the id of a record.
    pub(super) fn moved(self, milliseconds: i64) -> Self {
        let time = ((self.0 >> 80) as i64).saturating_add(milliseconds).max(0);
        Self((time as u128) << 80 | (self.0 & ((1 << 80) - 1)))
    }

    /// Returns the first position in a second since 1970.
    pub(super) const fn first_in(second: i64) -> Self {
        let second = if second < 0 { 0 } else { second as u128 };
        Self((second * 1_000) << 80)
    }

    /// Returns the second since 1970.
    pub(super) const fn second(self) -> i64 {
        ((self.0 >> 80) / 1_000) as i64
    }

    /// Returns the 26 characters.
    pub(super) fn text(self) -> String {
        let digit = |n: usize| ALPHABET[(self.0 >> (5 * (LENGTH - 1 - n))) as usize & 31];
        (0..LENGTH).map(|n| char::from(digit(n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_starts_with_its_milliseconds_and_sorts_like_its_text() {
        // The example of the ULID specification: 1469918176385 is 01ARYZ6S41.
        let ulid = Ulid::new(1, 1_469_918_176_385, 7);
        assert!(ulid.text().starts_with("01ARYZ6S41"), "{}", ulid.text());
        assert_eq!((ulid.text().len(), ulid.second()), (26, 1_469_918_176));
        let mut ids: Vec<Ulid> = (0..500).map(|n| Ulid::new(3, 1_469_918_176_385 + n as i64 % 7, n)).collect();
        ids.sort_unstable();
        assert!(ids.iter().map(|id| id.text()).is_sorted());
    }

    #[test]
    fn a_ulid_contains_the_number_of_its_record() {
        for index in [0, 1, 999_999, MASK] {
            let ulid = Ulid::new(9, 1_700_000_000_000, index);
            assert_eq!((ulid.index(9), ulid.moved(-5_000).index(9)), (index, index));
        }
    }
}
