//! Numbers that look random and follow from a seed.

use std::env;

/// A row of numbers; the same seed gives the same row.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The row that follows from this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed that `SOAK_SEED` names, or else a random one.
    pub fn seed() -> u64 {
        let named = env::var("SOAK_SEED").ok();
        let named = named.map(|seed| seed.parse().expect("SOAK_SEED is a number"));
        named.unwrap_or_else(|| u64::from(std::process::id()) << 20)
    }

    /// The next number (splitmix64).
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 32).expect("32 bits fit") % bound
    }

    /// True once in that many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
