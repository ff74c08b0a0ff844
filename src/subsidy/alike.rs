//! Rows that say the same of something: the same person, certificate, assessment.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};

use rayon::prelude::*;

/// Per index below `count` the first one that has its key: its own where it is the first, or has no key.
pub fn firsts<K: Eq + Hash>(count: usize, key: impl Fn(usize) -> Option<K> + Sync) -> Vec<usize> {
    let random = RandomState::new();
    let hash_of = |at: usize| key(at).map(|key| random.hash_one(key));
    let hashes: Vec<Option<u64>> = (0..count).into_par_iter().map(hash_of).collect();
    // By hash and not by key: the keys of a season fit into no cache.
    let mut known: HashMap<u64, usize> = HashMap::with_capacity(count);
    let first_of = |(at, hash): (usize, Option<u64>)| {
        let Some(mut hash) = hash else { return at };
        loop {
            match known.entry(hash) {
                Entry::Vacant(free) => return *free.insert(at),
                Entry::Occupied(first) if key(*first.get()) == key(at) => return *first.get(),
                // Another key that happens to have this hash.
                Entry::Occupied(_) => hash = hash.wrapping_add(1),
            }
        }
    };
    hashes.into_iter().enumerate().map(first_of).collect()
}

#[cfg(test)]
mod tests {
    use std::hash::{Hash, Hasher};

    use proptest::prelude::*;

    use super::firsts;

    /// A key whose hash says little: different keys share one.
    #[derive(PartialEq, Eq)]
    struct Coarse(u8);

    impl Hash for Coarse {
        fn hash<H: Hasher>(&self, state: &mut H) {
            (self.0 / 4).hash(state);
        }
    }

    proptest! {
        #[test]
        fn each_index_is_told_the_first_of_its_key(keys in prop::collection::vec(prop::option::of(0_u8..12), 0..40)) {
            let first = |at: usize| keys[at].map_or(at, |_| keys.iter().position(|key| *key == keys[at]).unwrap());
            let expected: Vec<usize> = (0..keys.len()).map(first).collect();
            prop_assert_eq!(firsts(keys.len(), |at| keys[at]), expected.clone());
            prop_assert_eq!(firsts(keys.len(), |at| keys[at].map(Coarse)), expected);
        }
    }
}
