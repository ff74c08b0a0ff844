//! Annex 3: may each person be trained (notice, 三)?
//!
//! Findings: `sentence-too-long`, `already-skilled`, `unable-to-study`; the row comes back. Warnings: `minor`,
//! `repeat-doubt`, `cap-doubt`.
//!
//! The planned start of a person is that of the project in annex 2 (of the same institution where the roster states
//! one). Where a project starts on several days, a term that is short enough for the last of them is no finding; without
//! any, the first of January counts.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Checked, Desk};
use crate::subsidy::assessment::RosterRow;
use crate::subsidy::calendar::{add_months, age_on};
use crate::subsidy::finding::Code;
use crate::subsidy::identifiers::{ResidentId, born_on};
use crate::subsidy::plan::{Annex, Entry, Field};
use crate::subsidy::policy::{FULL_AGE, TERM_MONTHS};

/// Who may not be trained is left out, and the figures of the other annexes must still agree.
const GO_WITHOUT: &str = "请删去此行，并相应改附件1、附件2的人数（或换人补足）";

/// Checks every person.
pub(super) fn check(desk: &Desk<'_>, checked: &mut Checked) {
    for (index, entry) in desk.plan.persons.iter().enumerate() {
        let starts = starts(desk, &entry.value);
        let before = checked.findings.len();
        term(desk, entry, &starts, checked);
        let at = |field| (&entry.place, field);
        if entry.value.skilled {
            let advice = format!("有一技之长的不属于培训对象（通知第三条），请核对，确属如此的{GO_WITHOUT}");
            checked.error(Annex::Three, Code::AlreadySkilled, at(Field::Skilled), "有", advice);
        }
        if !entry.value.able {
            let advice = format!("不能正常坚持学习的不属于培训对象（通知第三条），请核对，确属如此的{GO_WITHOUT}");
            checked.error(Annex::Three, Code::UnableToStudy, at(Field::Able), "否", advice);
        }
        if checked.findings.len() > before {
            checked.ineligible.insert(index);
        }
        minor(entry, starts.first().copied(), checked);
    }
    repeats(desk, checked);
}

/// The planned starts of a person's project, in order.
fn starts(desk: &Desk<'_>, row: &RosterRow) -> Vec<NaiveDate> {
    let of = |same_institution: bool| {
        let fits = |project: &&Entry<crate::subsidy::plan::Project>| {
            let project = &project.value;
            let institution = !same_institution || row.institution.as_ref() == Some(&project.training_institution);
            project.occupation == row.occupation && project.level == row.level && institution
        };
        let mut starts: Vec<NaiveDate> =
            desk.plan.projects.iter().filter(fits).map(|project| project.value.starts_on).collect();
        starts.sort_unstable();
        starts
    };
    let mut starts = of(true);
    if starts.is_empty() {
        starts = of(false);
    }
    if starts.is_empty() {
        starts.extend(NaiveDate::from_ymd_opt(desk.plan.year, 1, 1));
    }
    starts
}

/// R5.
fn term(desk: &Desk<'_>, entry: &Entry<RosterRow>, starts: &[NaiveDate], checked: &mut Checked) {
    let release_on = entry.value.release_on;
    let Some(start) = starts.last() else { return };
    let Some(policy) = desk.catalogue.policy_on(*start) else { return };
    let measured_on = policy.term_measured_at.day(*start);
    let limit = add_months(measured_on, TERM_MONTHS);
    if release_on >= limit {
        let advice = format!(
            "剩余刑期须不足2年（通知第三条）：自 {measured_on} 起满24个月为 {limit}；请核对刑满日期，确属如此的{GO_WITHOUT}"
        );
        checked.error(Annex::Three, Code::SentenceTooLong, (&entry.place, Field::Release), release_on, advice);
    }
}

/// W2.
fn minor(entry: &Entry<RosterRow>, start: Option<NaiveDate>, checked: &mut Checked) {
    let row = &entry.value;
    let by_id = row.resident_id.as_deref().filter(|id| ResidentId::is_valid(id)).and_then(born_on);
    let age = by_id.or(row.born_on).zip(start).map(|(born, start)| age_on(born, start));
    if let Some(age) = age.filter(|age| *age < FULL_AGE) {
        let advice = "开班时未满18周岁，请核对，并按未成年人个人信息保护的要求办理".to_owned();
        checked.warning(Annex::Three, Code::Minor, (&entry.place, Field::Born), format!("{age}周岁"), advice);
    }
}

/// R7 and R8 as far as a plan can tell: twice the same project, or more projects than the cap of the year.
fn repeats(desk: &Desk<'_>, checked: &mut Checked) {
    let mut of_person: BTreeMap<&str, Vec<&Entry<RosterRow>>> = BTreeMap::new();
    for entry in &desk.plan.persons {
        of_person.entry(entry.value.number.as_str()).or_default().push(entry);
    }
    let policy = NaiveDate::from_ymd_opt(desk.plan.year, 1, 1).and_then(|day| desk.catalogue.policy_on(day));
    let cap = policy.map(|policy| policy.cap_count as usize);
    for rows in of_person.values().filter(|rows| rows.len() > 1) {
        for (at, later) in rows.iter().enumerate() {
            let same = |earlier: &&&Entry<RosterRow>| {
                (&earlier.value.occupation, earlier.value.level) == (&later.value.occupation, later.value.level)
            };
            if let Some(earlier) = rows[..at].iter().find(same) {
                let advice = "此人另有一行报同一职业同一等级，一年内不可重复享受补贴，请核对".to_owned();
                let seen =
                    format!("{}（另见 {}）", desk.name(&later.value.occupation), earlier.place.at(Field::Number));
                checked.warning(Annex::Three, Code::RepeatDoubt, (&later.place, Field::Number), seen, advice);
            }
        }
        if let Some((extra, cap)) = cap.and_then(|cap| rows.get(cap).map(|extra| (extra, cap))) {
            let advice = format!("此人所报项目超过每人每年 {cap} 次补贴，请核对");
            let seen = format!("{}个项目", rows.len());
            checked.warning(Annex::Three, Code::CapDoubt, (&extra.place, Field::Number), seen, advice);
        }
    }
}
