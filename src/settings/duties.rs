//! `[[duty]]` and `[office]`: what is asked for by when, who else is told, and when letters leave.

use chrono::{NaiveTime, Weekday};
use serde::Deserialize;

use super::document::{Kind as Form, Section, Value};
use super::keys;
use super::mistake::{Mistakes, Place};
use crate::subsidy::duty::step::MAX_DAYS_BEFORE;
use crate::subsidy::duty::{Due, Duty, Escalation, Kind, Ladder, Office, Step};

/// Longest id: it is part of keys and subjects.
const MAX_ID_CHARS: usize = 20;
/// A copy that is never sent.
const NEVER: &str = "none";

/// A `[[duty]]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MergedDuty {
    id: String,
    name: String,
    kind: String,
    due: String,
    #[serde(default = "yes")]
    on: bool,
    #[serde(default = "steps")]
    steps: Vec<String>,
    #[serde(default = "overdue_days")]
    overdue_days: u32,
    #[serde(default = "copy_lead_from")]
    copy_lead_from: String,
    #[serde(default = "copy_agency_from")]
    copy_agency_from: String,
    #[serde(default = "agency")]
    agency: String,
    #[serde(default = "chase_days")]
    chase_days: u32,
}

fn yes() -> bool {
    true
}

fn steps() -> Vec<String> {
    ["D-60", "D-30", "D-14", "D-7", "D-3", "D-1", "D"].map(str::to_owned).to_vec()
}

fn overdue_days() -> u32 {
    20
}

fn copy_lead_from() -> String {
    "D+1".to_owned()
}

fn copy_agency_from() -> String {
    "D+5".to_owned()
}

fn agency() -> String {
    "bureau".to_owned()
}

fn chase_days() -> u32 {
    180
}

/// `[office]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MergedOffice {
    opens: String,
    closes: String,
    held_on: String,
}

/// Days on which units are told what is held.
pub(super) const HELD_ON: &[&str] = &["mon", "tue", "wed", "thu", "fri", NEVER];

/// The day on which units are told what is held; `None` = never.
pub(super) fn held_on(merged: &MergedOffice) -> Option<Weekday> {
    merged.held_on.parse().ok()
}

/// The duties that are on. Everything was examined before: what cannot be read here cannot be there.
pub(super) fn resolve(merged: Vec<MergedDuty>) -> Vec<Duty> {
    merged.into_iter().filter(|duty| duty.on).filter_map(duty).collect()
}

fn duty(merged: MergedDuty) -> Option<Duty> {
    Some(Duty {
        id: merged.id,
        name: merged.name.trim().to_owned(),
        kind: Kind::parse(&merged.kind)?,
        due: Due::parse(&merged.due)?,
        ladder: Ladder::new(merged.steps.iter().filter_map(|step| Step::parse(step)), merged.overdue_days),
        escalation: Escalation {
            lead_from: Step::parse(&merged.copy_lead_from),
            agency_from: Step::parse(&merged.copy_agency_from),
            agency: merged.agency,
        },
        chase_days: merged.chase_days,
    })
}

/// Office hours; what cannot be read was told by `cross_check`.
pub(super) fn office(merged: &MergedOffice) -> Office {
    let usual = Office::default();
    Office { opens: clock(&merged.opens).unwrap_or(usual.opens), closes: clock(&merged.closes).unwrap_or(usual.closes) }
}

/// `09:00`, and nothing else.
fn clock(text: &str) -> Option<NaiveTime> {
    let plain =
        text.len() == 5 && text.bytes().enumerate().all(|(i, b)| if i == 2 { b == b':' } else { b.is_ascii_digit() });
    plain.then(|| NaiveTime::parse_from_str(text, "%H:%M").ok())?
}

/// Holds every `[[duty]]` against its keys.
pub(super) fn examine(duties: Vec<Section<'_, '_>>, mistakes: &mut Mistakes) {
    let mut ids: Vec<String> = Vec::new();
    for section in duties {
        examine_duty(section, &mut ids, mistakes);
    }
}

fn examine_duty(mut section: Section<'_, '_>, ids: &mut Vec<String>, mistakes: &mut Mistakes) {
    let (mut kind, mut due, mut overdue, mut chase) = (None, None, overdue_days(), (chase_days(), section.place));
    for key in keys::DUTY {
        let needed = matches!(key.name, "id" | "name" | "kind" | "due");
        let value =
            if needed { section.need(key.name, key.kind, mistakes) } else { section.get(key.name, key.kind, mistakes) };
        match (key.name, value) {
            ("id", Some((Value::Text(id), place))) => examine_id(id, place, ids, mistakes),
            ("kind", Some((Value::Text(word), _))) => kind = Kind::parse(&word),
            ("due", Some((Value::Text(text), place))) => {
                due = Due::parse(&text).map(|due| (due, place));
                if due.is_none() {
                    let advice = "请写 \"11-30\"（每年此日）、\"course-end+30\"（结业后 30 天）或 \"quarter-end+10\"（季度结束后第 10 个工作日）";
                    mistakes.error(place, format!("“{text}”不是期限"), advice);
                }
            }
            ("steps", Some((Value::Texts(steps), place))) => examine_steps(&steps, place, mistakes),
            ("copy_lead_from" | "copy_agency_from", Some((Value::Text(text), place)))
                if text != NEVER && Step::parse(&text).is_none() =>
            {
                let advice = format!("请写催报步骤，如 \"D-7\"、\"D\"、\"D+5\"；不抄送写 \"{NEVER}\"");
                mistakes.error(place, format!("{}：“{text}”不是催报步骤", key.name), advice);
            }
            ("overdue_days", Some((Value::Whole(days), _))) => overdue = u32::try_from(days).unwrap_or(overdue),
            ("chase_days", Some((Value::Whole(days), place))) => chase = (u32::try_from(days).unwrap_or(0), place),
            _ => {}
        }
    }
    if let (Some(kind), Some((due, place))) = (kind, due)
        && !fits(kind, due)
    {
        let advice = "plan 用 \"月-日\"，results 用 \"course-end+天数\"，claim 用 \"quarter-end+工作日数\"";
        mistakes.error(place, format!("kind = \"{}\" 与 due = \"{due}\" 不相配", kind.code()), advice);
    }
    if chase.0 < overdue * 2 {
        let message = format!("chase_days = {} 不足以发完 {overdue} 个工作日的逾期催报", chase.0);
        mistakes.error(chase.1, message, format!("请至少写 {}", overdue * 2));
    }
    section.finish(mistakes);
}

fn examine_id(id: String, place: Place, ids: &mut Vec<String>, mistakes: &mut Mistakes) {
    let plain = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain || id.len() > MAX_ID_CHARS {
        let advice = format!("只用小写英文字母、数字和连字符，不超过 {MAX_ID_CHARS} 个");
        mistakes.error(place, format!("“{id}”不能作 id"), advice);
    } else if ids.contains(&id) {
        mistakes.error(place, format!("催报事项 {id} 写了两次"), "每件事只写一节 [[duty]]，id 各不相同");
    }
    ids.push(id);
}

fn examine_steps(steps: &[(String, Place)], place: Place, mistakes: &mut Mistakes) {
    if steps.is_empty() {
        mistakes.error(place, "steps 是空的", "至少写一步，如 [\"D\"]");
    }
    for (i, (text, place)) in steps.iter().enumerate() {
        match Step::parse(text) {
            Some(step) if step.is_overdue() => {
                mistakes.error(
                    *place,
                    format!("“{text}”在截止之后"),
                    "逾期后的催报由 overdue_days 决定，steps 只写到 \"D\"",
                );
            }
            Some(_) if steps[..i].iter().any(|(other, _)| other == text) => {
                mistakes.error(*place, format!("“{text}”写了两次"), "请删去一个");
            }
            Some(_) => {}
            None => {
                let advice = format!("请写 \"D-天数\"（1 到 {MAX_DAYS_BEFORE}）或 \"D\"（截止当天）");
                mistakes.error(*place, format!("“{text}”不是催报步骤"), advice);
            }
        }
    }
}

const fn fits(kind: Kind, due: Due) -> bool {
    matches!(
        (kind, due),
        (Kind::Plan, Due::Yearly { .. })
            | (Kind::Results, Due::AfterCourse { .. })
            | (Kind::Claim, Due::AfterQuarter { .. })
    )
}

/// What is wrong with office hours, wherever they were written; the key, what is wrong, what to write.
pub(super) fn wrong_hours(merged: &MergedOffice) -> Option<(&'static str, String, &'static str)> {
    const ADVICE: &str = "请写成 24 小时制的 \"09:00\"";
    for (key, text) in [("opens", &merged.opens), ("closes", &merged.closes)] {
        if clock(text).is_none() {
            return Some((key, format!("office.{key}：“{text}”不是时刻"), ADVICE));
        }
    }
    let Office { opens, closes } = office(merged);
    (opens >= closes).then(|| ("closes", "office.closes 不晚于 office.opens".to_owned(), "下班时刻须晚于上班时刻"))
}

/// The form of the keys of `[[duty]]`.
pub(super) const KIND: Form = Form::Choice(&["plan", "results", "claim"]);
