//! Which version counts once a file says nothing any more.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::Result;
use super::super::ledger::Change;
use super::super::values::{Arg, args};
use super::super::versions::Place;

/// A table whose rows have versions.
pub(super) struct Versioned {
    /// Keys of which the file says something.
    affected: &'static str,
    /// Their versions: id, identity of the whole, first place (2), last place (2), live, key.
    versions: &'static str,
    /// Which files say them too.
    said: &'static str,
    /// Sets live: off, on.
    live: [&'static str; 2],
    /// Sets the last place.
    seen: &'static str,
}

pub(super) const RESULTS: Versioned = Versioned {
    affected: "SELECT key_hash FROM assessment_version WHERE original_id = $1 AND received_at = $2 \
               UNION SELECT v.key_hash FROM said_again s JOIN assessment_version v ON v.id = s.row_id \
               WHERE s.part = 'result' AND s.original_id = $1 AND s.received_at = $2",
    versions: "SELECT id, assessment_id, received_at, original_id, seen_at, seen_in, live, key_hash \
               FROM assessment_version WHERE key_hash IN ",
    said: "SELECT row_id, received_at, original_id FROM said_again WHERE part = 'result' AND row_id IN ",
    live: [
        "UPDATE assessment_version SET live = 0 WHERE id IN ",
        "UPDATE assessment_version SET live = 1 WHERE id IN ",
    ],
    seen: "UPDATE assessment_version SET seen_at = $1, seen_in = $2 WHERE id IN ",
};

pub(super) const SURVEY: Versioned = Versioned {
    affected: "SELECT key_hash FROM survey_row WHERE original_id = $1 AND received_at = $2 \
               UNION SELECT v.key_hash FROM said_again s JOIN survey_row v ON v.id = s.row_id \
               WHERE s.part = 'survey' AND s.original_id = $1 AND s.received_at = $2",
    versions: "SELECT id, id, received_at, original_id, seen_at, seen_in, live, key_hash \
               FROM survey_row WHERE key_hash IN ",
    said: "SELECT row_id, received_at, original_id FROM said_again WHERE part = 'survey' AND row_id IN ",
    live: ["UPDATE survey_row SET live = 0 WHERE id IN ", "UPDATE survey_row SET live = 1 WHERE id IN "],
    seen: "UPDATE survey_row SET seen_at = $1, seen_in = $2 WHERE id IN ",
};

/// A key of which another version counts.
#[derive(Copy, Clone, Debug)]
pub(super) struct Moved {
    /// Identity of the assessment.
    pub(super) assessment_id: i64,
    /// The version that counted.
    pub(super) from: Option<i64>,
    /// The version that counts.
    pub(super) to: Option<i64>,
}

/// What became of the keys of a table.
#[derive(Debug, Default)]
pub(super) struct Recounted {
    /// Those of which another version counts, or none.
    pub(super) moved: Vec<Moved>,
    /// How many stay as they are.
    pub(super) stay: u32,
}

impl Recounted {
    /// Keys of which another version counts.
    pub(super) fn restored(&self) -> u32 {
        u32::try_from(self.moved.iter().filter(|moved| moved.to.is_some()).count()).unwrap_or(u32::MAX)
    }

    /// Keys of which none counts.
    pub(super) fn gone(&self) -> u32 {
        u32::try_from(self.moved.iter().filter(|moved| moved.to.is_none()).count()).unwrap_or(u32::MAX)
    }
}

/// One version as it stood.
struct Known {
    id: i64,
    assessment_id: i64,
    last: Place,
    live: bool,
    /// Where it is last said from here on; `None`: nobody says it any more.
    stands: Option<Place>,
}

impl Versioned {
    /// Finds anew which version of each key counts of which the file at this place said something. The withdrawal is on
    /// record already.
    pub(super) async fn recount(&self, change: &mut Change, (at, original): Place) -> Result<Recounted> {
        let affected = change.tx.rows(self.affected, args![original, at]).await?;
        let keys: Vec<Arg> = affected.iter().map(|row| Ok(Arg::from(row.bytes(0)?))).collect::<Result<_>>()?;
        let mut recounted = Recounted::default();
        let (mut off, mut on) = (Vec::new(), Vec::new());
        let mut seen: BTreeMap<Place, Vec<Arg>> = BTreeMap::new();
        for versions in self.known(change, &keys).await?.into_values() {
            let newest = versions.iter().filter(|v| v.stands.is_some()).max_by_key(|v| (v.stands, v.id));
            let live = versions.iter().find(|v| v.live);
            let (from, to) = (live.map(|v| v.id), newest.map(|v| v.id));
            for version in &versions {
                if let Some(stands) = version.stands.filter(|stands| *stands != version.last) {
                    seen.entry(stands).or_default().push(Arg::from(version.id));
                }
            }
            // What was withdrawn and came again is another assessment under the same key.
            let Some(assessment_id) = live.or(newest).map(|v| v.assessment_id) else { continue };
            if from == to {
                recounted.stay += 1;
            } else {
                off.extend(from.map(Arg::from));
                on.extend(to.map(Arg::from));
                recounted.moved.push(Moved { assessment_id, from, to });
            }
        }
        recounted.moved.sort_unstable_by_key(|moved| moved.assessment_id);
        change.tx.run_in(self.live[0], &[], &off).await?;
        change.tx.run_in(self.live[1], &[], &on).await?;
        for ((at, original), versions) in seen {
            change.tx.run_in(self.seen, &args![at, original], &versions).await?;
        }
        Ok(recounted)
    }

    /// The versions of some keys, each with the last place at which a file still says it.
    async fn known(&self, change: &mut Change, keys: &[Arg]) -> Result<HashMap<[u8; 16], Vec<Known>>> {
        let withdrawn = change.tx.rows("SELECT received_at, original_id FROM withdrawal", []).await?;
        let withdrawn: HashSet<Place> =
            withdrawn.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect::<Result<_>>()?;
        let rows = change.tx.rows_in(self.versions, keys).await?;
        let ids: Vec<Arg> = rows.iter().map(|row| Ok(Arg::from(row.int(0)?))).collect::<Result<_>>()?;
        let mut said: HashMap<i64, Place> = HashMap::new();
        for row in change.tx.rows_in(self.said, &ids).await? {
            let place = (row.int(1)?, row.int(2)?);
            if !withdrawn.contains(&place) {
                let last = said.entry(row.int(0)?).or_insert(place);
                *last = place.max(*last);
            }
        }
        let mut known: HashMap<[u8; 16], Vec<Known>> = HashMap::new();
        for row in &rows {
            let id = row.int(0)?;
            let first: Place = (row.int(2)?, row.int(3)?);
            known.entry(row.hash(7)?).or_default().push(Known {
                id,
                assessment_id: row.int(1)?,
                last: (row.int(4)?, row.int(5)?),
                live: row.int(6)? != 0,
                stands: said.get(&id).copied().max(Some(first).filter(|first| !withdrawn.contains(first))),
            });
        }
        Ok(known)
    }
}
