//! Chance that repeats itself: a seeded generator (`SplitMix64`), so that a seed means the same season forever.

/// Seeded chance.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same throws, on every machine and in every version.
    pub const fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// 64 bits.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `0` to `limit - 1`. The bias towards small values is of no concern below 2^32.
    pub fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.throw() % u64::from(limit.max(1))).unwrap_or(0)
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
        list[self.below(length) as usize]
    }
}
