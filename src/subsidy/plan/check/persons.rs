//! Annex 3: may each person be trained (notice, 三)?
//!
//! Findings: `sentence-too-long`, `already-skilled`, `unable-to-study`; the row comes back. Warnings: `minor`,
//! `repeat-doubt`, `cap-doubt`.
//!
//! The planned start of a person is that of the project in annex 2 (of the same institution where the roster states
//! one). Where a project starts on several days, a term that is short enough for the last of them is no finding; without
//! any, the first of January counts. Where the start could not be read, a term counts that is too long on any day of the year.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Checked, Desk, Line};
use crate::subsidy::calendar::{add_months, age_on};
use crate::subsidy::finding::Code;
use crate::subsidy::identifiers::{ResidentId, born_on};
use crate::subsidy::plan::{Annex, Field, ProjectKey};
use crate::subsidy::policy::{FULL_AGE, TERM_MONTHS};

/// Who may not be trained is left out, and the figures of the other annexes must still agree.
const GO_WITHOUT: &str = "请删去此行，并相应改附件1、附件2的人数（或换人补足）";

/// Checks every person.
pub(super) fn check(desk: &Desk<'_>, checked: &mut Checked) {
    for (index, line) in desk.lines(Annex::Three).iter().enumerate() {
        let starts = starts(desk, line);
        let before = checked.findings.len();
        term(desk, line, &starts, checked);
        let at = |field| (line.place, field);
        if line.row.skilled == Some(true) {
            let advice = format!("有一技之长的不属于培训对象（通知第三条），请核对，确属如此的{GO_WITHOUT}");
            checked.error(Annex::Three, Code::AlreadySkilled, at(Field::Skilled), "有", advice);
        }
        if line.row.able == Some(false) {
            let advice = format!("不能正常坚持学习的不属于培训对象（通知第三条），请核对，确属如此的{GO_WITHOUT}");
            checked.error(Annex::Three, Code::UnableToStudy, at(Field::Able), "否", advice);
        }
        if checked.findings.len() > before && index < desk.plan.persons.len() {
            checked.ineligible.insert(index);
        }
        minor(line, starts.first().copied(), checked);
    }
    repeats(desk, checked);
}

/// The planned starts of a person's project, in order.
fn starts(desk: &Desk<'_>, person: &Line<'_>) -> Vec<NaiveDate> {
    let day = |month, day| NaiveDate::from_ymd_opt(desk.plan.year, month, day).into_iter().collect::<Vec<_>>();
    let any_day = || day(12, 31);
    let (Some(key), own) = (person.key(), &person.row.training) else { return any_day() };
    let of = |same_institution: bool| -> Vec<Option<NaiveDate>> {
        let fits = |project: &&Line<'_>| {
            let training = &project.row.training;
            let institution = !same_institution || own.is_some() && (training.is_none() || training == own);
            project.key().as_ref() == Some(&key) && institution
        };
        desk.lines(Annex::Two).iter().filter(fits).map(|project| project.row.starts_on).collect()
    };
    let mut starts = of(true);
    if starts.is_empty() {
        starts = of(false);
    }
    if starts.is_empty() {
        let is_known = desk.has_all_projects(Annex::Two) || !desk.was_sent(Annex::Two);
        return if is_known { day(1, 1) } else { any_day() };
    }
    let Some(mut starts) = starts.into_iter().collect::<Option<Vec<_>>>() else { return any_day() };
    starts.sort_unstable();
    starts
}

/// R5.
fn term(desk: &Desk<'_>, line: &Line<'_>, starts: &[NaiveDate], checked: &mut Checked) {
    let (Some(release_on), Some(start)) = (line.row.release_on, starts.last()) else { return };
    let Some(policy) = desk.catalogue.policy_on(*start) else { return };
    let measured_on = policy.term_measured_at.day(*start);
    let limit = add_months(measured_on, TERM_MONTHS);
    if release_on >= limit {
        let advice = format!(
            "剩余刑期须不足2年（通知第三条）：自 {measured_on} 起满24个月为 {limit}；请核对刑满日期，确属如此的{GO_WITHOUT}"
        );
        checked.error(Annex::Three, Code::SentenceTooLong, (line.place, Field::Release), release_on, advice);
    }
}

/// W2.
fn minor(line: &Line<'_>, start: Option<NaiveDate>, checked: &mut Checked) {
    let row = &line.row;
    let by_id = row.resident_id.as_deref().filter(|id| ResidentId::is_valid(id)).and_then(born_on);
    let age = by_id.or(row.born_on).zip(start).map(|(born, start)| age_on(born, start));
    if let Some(age) = age.filter(|age| *age < FULL_AGE) {
        let advice = "开班时未满18周岁，请核对，并按未成年人个人信息保护的要求办理".to_owned();
        checked.warning(Annex::Three, Code::Minor, (line.place, Field::Born), format!("{age}周岁"), advice);
    }
}

/// R7 and R8 as far as a plan can tell: twice the same project, or more projects than the cap of the year.
fn repeats(desk: &Desk<'_>, checked: &mut Checked) {
    let mut of_person: BTreeMap<&str, Vec<(&Line<'_>, ProjectKey)>> = BTreeMap::new();
    for line in desk.lines(Annex::Three) {
        if let Some((number, key)) = line.row.number.as_deref().zip(line.key()) {
            of_person.entry(number).or_default().push((line, key));
        }
    }
    let policy = NaiveDate::from_ymd_opt(desk.plan.year, 1, 1).and_then(|day| desk.catalogue.policy_on(day));
    let cap = policy.map(|policy| policy.cap_count as usize);
    for rows in of_person.values().filter(|rows| rows.len() > 1) {
        for (at, (later, key)) in rows.iter().enumerate() {
            if let Some((earlier, _)) = rows[..at].iter().find(|(_, known)| known == key) {
                let advice = "此人另有一行报同一职业同一等级，一年内不可重复享受补贴，请核对".to_owned();
                let seen = format!("{}（另见 {}）", desk.name(&key.occupation), earlier.place.at(Field::Number));
                checked.warning(Annex::Three, Code::RepeatDoubt, (later.place, Field::Number), seen, advice);
            }
        }
        if let Some(((extra, _), cap)) = cap.and_then(|cap| rows.get(cap).map(|extra| (extra, cap))) {
            let advice = format!("此人所报项目超过每人每年 {cap} 次补贴，请核对");
            let seen = format!("{}个项目", rows.len());
            checked.warning(Annex::Three, Code::CapDoubt, (extra.place, Field::Number), seen, advice);
        }
    }
}
