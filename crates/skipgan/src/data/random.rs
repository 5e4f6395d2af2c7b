//! SplitMix64: the random source of the order of windows and of the generated scene. Integers only, one word of state, so a seed gives
//! the same bits on every machine. Not for secrets.

/// The generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> SplitMix64 {
        SplitMix64 { state: seed }
    }

    /// A generator for part `index` of what `seed` makes: neighbouring seeds and indices give unrelated streams.
    #[must_use]
    pub fn part(seed: u64, index: u64) -> SplitMix64 {
        let mut outer = SplitMix64::new(seed);
        let key = outer.next_u64();
        let mut inner = SplitMix64::new(key ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03));
        SplitMix64::new(inner.next_u64())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count` (0 where `count` is 0): the high half of the 128-bit product.
    pub fn below(&mut self, count: u64) -> u64 {
        u64::try_from((u128::from(self.next_u64()) * u128::from(count)) >> 64).unwrap_or(0)
    }

    /// A number in [0, 1) with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Puts `items` in random order (Fisher–Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1));
            items.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_output_of_seed_zero() {
        assert_eq!(SplitMix64::new(0).next_u64(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_parts_differ() {
        let mut items: Vec<u32> = (0..100).collect();
        SplitMix64::new(1).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
        assert_ne!(SplitMix64::part(1, 0).next_u64(), SplitMix64::part(1, 1).next_u64());
        assert_ne!(SplitMix64::part(1, 1).next_u64(), SplitMix64::part(2, 1).next_u64());
    }
}
