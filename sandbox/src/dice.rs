//! Seeded chance as a pure function: the same seed, number and salt always give
//! the same throws. Never reads a clock or the system's randomness.

/// Mixes all bits of `x` into all bits of the result (the finaliser of splitmix64);
/// different inputs give different outputs.
pub(crate) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A row of throws (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of thing number `index` under `seed`; `salt` tells apart what is
    /// thrown for the same thing.
    pub(crate) const fn new(seed: u64, index: u64, salt: u64) -> Self {
        Self(mix(mix(seed ^ mix(salt)).wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..n`; 0 for `n == 0`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// True once in `n` throws.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of the items, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_repeat_for_the_same_thing_and_differ_for_another() {
        let row = |seed, index, salt| {
            let mut dice = Dice::new(seed, index, salt);
            [dice.next(), dice.next()]
        };
        assert_eq!(row(1, 2, 3), row(1, 2, 3));
        for other in [row(2, 2, 3), row(1, 3, 3), row(1, 2, 4)] {
            assert_ne!(row(1, 2, 3), other);
        }
    }

    #[test]
    fn below_reaches_every_number_and_no_other() {
        let mut dice = Dice::new(7, 0, 0);
        let mut met = [0_u32; 6];
        for _ in 0..6_000 {
            met[dice.below(6) as usize] += 1;
        }
        assert!(met.iter().all(|&n| (800..1_200).contains(&n)), "{met:?}");
        assert_eq!(dice.below(0), 0);
    }
}
