//! A seeded random number generator (splitmix64). The same seed, index and salt always give
//! the same sequence. Must not read a clock or the system's randomness.

/// Mixes all bits of `x` into all bits of the result (the finalizer of splitmix64).
/// Different inputs give different outputs.
pub(crate) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The generator.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// Creates the generator of item `index` under `seed`. Each `salt` gives an independent
    /// sequence for the same item.
    pub(crate) const fn new(seed: u64, index: u64, salt: u64) -> Self {
        Self(mix(mix(seed ^ mix(salt)).wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }

    /// Returns the next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Returns a number in `0..n`, or 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Returns `true` with probability 1/n.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Returns one of the items. Panics if there are none.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_depends_on_seed_index_and_salt_only() {
        let row = |seed, index, salt| {
            let mut rng = Rng::new(seed, index, salt);
            [rng.next(), rng.next()]
        };
        assert_eq!(row(1, 2, 3), row(1, 2, 3));
        for other in [row(2, 2, 3), row(1, 3, 3), row(1, 2, 4)] {
            assert_ne!(row(1, 2, 3), other);
        }
    }

    #[test]
    fn below_returns_every_number_below_n_evenly() {
        let mut rng = Rng::new(7, 0, 0);
        let mut met = [0_u32; 6];
        for _ in 0..6_000 {
            met[rng.below(6) as usize] += 1;
        }
        assert!(met.iter().all(|&n| (800..1_200).contains(&n)), "{met:?}");
        assert_eq!(rng.below(0), 0);
    }
}
