//! What is held for lack of what, by who can supply it (待补正).

use std::collections::{BTreeMap, BTreeSet};

use super::assessment::{Name, ResultRow};
use super::course::Level;
use super::verdict::{Effect, Rule, RuleSet};

/// Who can supply what a rule that holds lacks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Supplier {
    /// The prison of the row.
    Prison,
    /// The assessment institution of the row.
    Assessor,
}

impl Supplier {
    /// Who it is for a rule; `None` for rules that do not hold.
    pub fn of(rule: Rule) -> Option<Supplier> {
        match rule {
            Rule::CertificateMissing | Rule::CertificateConflict => Some(Supplier::Assessor),
            rule if rule.effect() == Effect::Holds => Some(Supplier::Prison),
            _ => None,
        }
    }

    /// The unit, by its full name.
    pub fn unit(self, row: &ResultRow) -> &Name {
        match self {
            Supplier::Prison => &row.prison,
            Supplier::Assessor => &row.assessment_institution,
        }
    }
}

/// A course of which something is held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Course {
    /// Why.
    pub rule: Rule,
    /// 监狱.
    pub prison: Name,
    /// Occupation id.
    pub occupation: Name,
    /// 等级.
    pub level: Level,
    /// 班期.
    pub class: String,
}

/// What a unit can supply: by rule and course the assessments that lack it.
pub type Lacking = BTreeMap<Course, BTreeSet<i64>>;

/// Sorts held assessments by who can supply what they lack. An assessment that lacks several things stands with each.
pub fn by_unit<'a>(held: impl Iterator<Item = (i64, &'a ResultRow, RuleSet)>) -> BTreeMap<Name, Lacking> {
    let mut units: BTreeMap<Name, Lacking> = BTreeMap::new();
    for (assessment, row, rules) in held {
        for rule in rules.iter() {
            let Some(supplier) = Supplier::of(rule) else { continue };
            let course = Course {
                rule,
                prison: row.prison.clone(),
                occupation: row.occupation.clone(),
                level: row.level,
                class: row.class.clone(),
            };
            let lacking = units.entry(supplier.unit(row).clone()).or_default();
            lacking.entry(course).or_default().insert(assessment);
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_holds_has_somebody_who_can_mend_it() {
        for rule in Rule::ALL {
            assert_eq!(Supplier::of(*rule).is_some(), rule.effect() == Effect::Holds, "{}", rule.code());
            // The words that clerks read name the same.
            match Supplier::of(*rule) {
                Some(Supplier::Prison) => assert!(rule.mend().starts_with("请监狱"), "{}", rule.code()),
                Some(Supplier::Assessor) => assert!(rule.mend().starts_with("请鉴定机构"), "{}", rule.code()),
                None => {}
            }
        }
    }
}
