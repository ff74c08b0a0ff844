//! What a resubmitted plan changes: projects and persons added, removed, changed, and where they stand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Entry, Field, Plan};

/// Most places that a difference names per list.
const MAX_PLACES: usize = 200;

/// How the entries of one kind differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// How many are new.
    pub added: u32,
    /// How many are gone.
    pub removed: u32,
    /// How many say something else.
    pub changed: u32,
    /// Cells of what is new or changed, in the new workbook. No personal data.
    pub cells: Vec<String>,
}

impl Changed {
    /// Whether nothing differs.
    pub fn is_nothing(&self) -> bool {
        self.added + self.removed + self.changed == 0
    }
}

/// How two plans differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Annex 1.
    pub summaries: Changed,
    /// Annex 2.
    pub projects: Changed,
    /// Annex 3.
    pub persons: Changed,
    /// Annex 4.
    pub classes: Changed,
}

impl Difference {
    /// `培训人员：新增 2 人、减少 1 人、改动 3 人（附件3!D7、附件3!D9）`, one sentence per kind that differs.
    pub fn in_words(&self) -> Vec<String> {
        let kinds = [
            ("附件1 汇总行", "行", &self.summaries),
            ("附件2 培训项目", "项", &self.projects),
            ("附件3 培训人员", "人", &self.persons),
            ("附件4 办班", "班", &self.classes),
        ];
        kinds
            .iter()
            .filter(|(.., changed)| !changed.is_nothing())
            .map(|(what, unit, c)| sentence(what, unit, c))
            .collect()
    }
}

fn sentence(what: &str, unit: &str, changed: &Changed) -> String {
    let parts = [("新增", changed.added), ("减少", changed.removed), ("改动", changed.changed)];
    let parts: Vec<String> =
        parts.iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{word} {n} {unit}")).collect();
    let places = if changed.cells.is_empty() { String::new() } else { format!("（{}）", changed.cells.join("、")) };
    format!("{what}：{}{places}", parts.join("、"))
}

/// Tells what `new` changes in `old`.
pub fn difference(old: &Plan, new: &Plan) -> Difference {
    Difference {
        summaries: changed(&old.summaries, &new.summaries, Field::Heads, |row| (row.occupation.clone(), row.level)),
        projects: changed(&old.projects, &new.projects, Field::Project, |row| {
            (row.key(), row.training_institution.clone())
        }),
        persons: changed(&old.persons, &new.persons, Field::Number, |row| {
            (row.number.clone(), row.occupation.clone(), row.level, row.class.clone())
        }),
        classes: changed(&old.classes, &new.classes, Field::Project, |row| {
            (row.occupation.clone(), row.level, row.institution.clone(), row.number)
        }),
    }
}

/// Entries of one key are compared in their order.
fn changed<T: PartialEq, K: Ord>(old: &[Entry<T>], new: &[Entry<T>], field: Field, key: impl Fn(&T) -> K) -> Changed {
    let mut known: BTreeMap<K, Vec<&T>> = BTreeMap::new();
    for entry in old.iter().rev() {
        known.entry(key(&entry.value)).or_default().push(&entry.value);
    }
    let mut outcome = Changed::default();
    for entry in new {
        match known.get_mut(&key(&entry.value)).and_then(Vec::pop) {
            Some(before) if *before == entry.value => continue,
            Some(_) => outcome.changed += 1,
            None => outcome.added += 1,
        }
        if outcome.cells.len() < MAX_PLACES {
            outcome.cells.push(entry.place.at(field));
        }
    }
    let gone: usize = known.values().map(Vec::len).sum();
    outcome.removed = u32::try_from(gone).unwrap_or(u32::MAX);
    outcome
}
