//! What is held for lack of what, by who can supply it (待补正).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::assessment::{Name, ResultRow, RosterEntry, RosterRow};
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
    /// The roster that R4 misses is there and waits for its approval only.
    pub awaits_approval: bool,
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

impl Course {
    /// What is lacking, in words.
    pub const fn lacks(&self) -> &'static str {
        if self.awaits_approval {
            "培训人员信息表（附件3）已经收到，尚未核准"
        } else {
            self.rule.says()
        }
    }

    /// What to do, in words.
    pub const fn mend(&self) -> &'static str {
        if self.awaits_approval {
            "请牵头监狱办理核准，核准后告知管理员登记；监狱不必再报"
        } else {
            self.rule.mend()
        }
    }
}

/// Sorts held assessments by who can supply what they lack. An assessment that lacks several things stands with each. What
/// waits for an approval only is the lead prison's: the prison has sent its roster.
pub fn by_unit<'a>(
    held: impl Iterator<Item = (i64, &'a ResultRow, RuleSet)>,
    roster: &[RosterEntry],
    lead: Option<&Name>,
) -> BTreeMap<Name, Lacking> {
    let unapproved: HashSet<_> =
        roster.iter().filter(|entry| entry.approval.is_none()).map(|entry| of_roster(&entry.row)).collect();
    let mut units: BTreeMap<Name, Lacking> = BTreeMap::new();
    for (assessment, row, rules) in held {
        for rule in rules.iter() {
            let Some(supplier) = Supplier::of(rule) else { continue };
            let awaits_approval = rule == Rule::NotOnRoster && unapproved.contains(&of_result(row));
            let unit = lead.filter(|_| awaits_approval).unwrap_or_else(|| supplier.unit(row));
            let course = Course {
                rule,
                awaits_approval,
                prison: row.prison.clone(),
                occupation: row.occupation.clone(),
                level: row.level,
                class: row.class.clone(),
            };
            let lacking = units.entry(unit.clone()).or_default();
            lacking.entry(course).or_default().insert(assessment);
        }
    }
    units
}

/// Who attends what: prison, number, occupation, level and class.
type Attendance<'a> = (&'a Name, &'a str, &'a Name, Level, &'a str);

fn of_roster(row: &RosterRow) -> Attendance<'_> {
    (&row.prison, &row.number, &row.occupation, row.level, &row.class)
}

fn of_result(row: &ResultRow) -> Attendance<'_> {
    (&row.prison, &row.number, &row.occupation, row.level, &row.class)
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
