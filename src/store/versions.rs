//! Versions: which of several differing rows about the same thing counts (RULES section 2).
//!
//! Versions are ordered by the instant at which their bytes were first received, then by their file. A version spans
//! from the file that first said it to the last file that said it again with no other version between, so that the
//! same rows lead to the same newest version in whatever order the files are taken in.

/// A place in the order of versions: instant of first arrival (epoch ms), identity of the original.
pub(super) type Place = (i64, i64);

/// A version as it is known.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// Identity.
    pub(super) id: i64,
    /// Where it was first said.
    pub(super) first: Place,
    /// Where it was last said.
    pub(super) last: Place,
    /// Keyed hash of its content.
    pub(super) content: [u8; 16],
}

/// What a row is to the versions that are known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It says what this version (index) says; `later`: and says it last.
    Repeat {
        /// Index of the version.
        version: usize,
        /// Whether the version now reaches further.
        later: bool,
    },
    /// It says something new. `live`: nothing later is known; `replaces`: what was newest until now.
    New {
        /// Whether it is the newest.
        live: bool,
        /// Identity of the version that it replaces.
        replaces: Option<i64>,
    },
}

/// Decides what a row at `place` is.
pub(super) fn rule(versions: &[Version], place: Place, content: [u8; 16]) -> Ruling {
    let points = || versions.iter().enumerate().flat_map(|(i, v)| [(v.first, v.id, i), (v.last, v.id, i)]);
    let before = points().filter(|(at, ..)| *at <= place).max();
    let after = points().filter(|(at, ..)| *at > place).min();
    for (_, _, version) in before.iter().chain(&after) {
        if versions[*version].content == content {
            return Ruling::Repeat { version: *version, later: versions[*version].last < place };
        }
    }
    let newest = points().max();
    let live = after.is_none();
    Ruling::New { live, replaces: newest.filter(|_| live).map(|(_, id, _)| id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes rows in, in the given order; returns content and place of the newest version.
    fn newest(rows: &[(Place, u8)]) -> (u8, usize) {
        let mut versions: Vec<Version> = Vec::new();
        let mut live = None;
        for (place, content) in rows {
            match rule(&versions, *place, [*content; 16]) {
                Ruling::Repeat { version, later } => {
                    if later {
                        versions[version].last = *place;
                    }
                }
                Ruling::New { live: is_live, .. } => {
                    if is_live {
                        live = Some(versions.len());
                    }
                    let id = i64::try_from(versions.len()).unwrap();
                    versions.push(Version { id, first: *place, last: *place, content: [*content; 16] });
                }
            }
        }
        (versions[live.unwrap()].content[0], versions.len())
    }

    #[test]
    fn the_newest_version_does_not_depend_on_the_order_of_taking_in() {
        let contents: [&[u8]; 6] = [b"AB", b"ABA", b"ABAB", b"AABB", b"ABCA", b"ABBA"];
        for said in contents {
            let rows: Vec<(Place, u8)> =
                said.iter().enumerate().map(|(i, c)| ((i64::try_from(i).unwrap(), 1), *c)).collect();
            for order in permutations(rows.len()) {
                let shuffled: Vec<(Place, u8)> = order.iter().map(|i| rows[*i]).collect();
                assert_eq!(newest(&shuffled).0, said[said.len() - 1], "{said:?} in order {order:?}");
            }
        }
    }

    #[test]
    fn a_repeated_row_is_no_version() {
        assert_eq!(newest(&[((1, 1), b'A'), ((2, 2), b'A'), ((2, 2), b'A')]).1, 1);
        assert_eq!(newest(&[((2, 1), b'A'), ((1, 2), b'A')]).1, 1);
        assert_eq!(newest(&[((1, 1), b'A'), ((2, 2), b'B'), ((3, 3), b'A')]).1, 3);
    }

    fn permutations(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for shorter in permutations(n - 1) {
            for at in 0..n {
                let mut longer = shorter.clone();
                longer.insert(at, n - 1);
                all.push(longer);
            }
        }
        all
    }
}
