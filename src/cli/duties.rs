//! What the duties of the config mean in this store: who owes what, and the stage that tells them.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::output::{hint, say};
use super::world::letter_templates;
use super::{Done, World};
use crate::settings::{Mistake, Settings, Severity};
use crate::stages::remind::{self, Alarm, Order, Report};
use crate::store::Store;
use crate::subsidy::calendar::{Period, civil_date};
use crate::subsidy::duty::agenda::Scene;
use crate::subsidy::duty::{CourseEnd, Kind, Occurrence, Owing};
use crate::subsidy::holidays::Calendar;

/// The annexes of the yearly plan.
const ANNEXES: [&str; 4] =
    ["附件1 年度监狱培训项目及人员信息表", "附件2 年度计划表", "附件3 培训人员信息表", "附件4 培训办班申报表"];

/// Everybody who owes something of the deadlines that concern a day.
pub(super) async fn owing(
    store: &Store,
    settings: &Settings,
    calendar: &Calendar,
    today: NaiveDate,
) -> anyhow::Result<Vec<Owing>> {
    let courses = courses();
    let mut owing = Vec::new();
    for duty in &settings.duties {
        for occurrence in duty.live(calendar, &courses, today) {
            let concerned = settings.prisons.iter().map(|prison| &prison.name);
            for prison in concerned.filter(|prison| occurrence.prison.as_ref().is_none_or(|only| only == *prison)) {
                let missing = missing(store, duty.kind, &occurrence, prison).await?;
                if !missing.is_empty() {
                    owing.push(Owing { occurrence: occurrence.clone(), prison: prison.clone(), missing });
                }
            }
        }
    }
    Ok(owing)
}

/// What a prison has not handed in.
async fn missing(store: &Store, kind: Kind, occurrence: &Occurrence, prison: &str) -> anyhow::Result<Vec<String>> {
    Ok(match kind {
        Kind::Plan => ANNEXES.map(str::to_owned).to_vec(),
        Kind::Results => vec!["考核结果表".to_owned()],
        Kind::Claim => {
            let Some(period) = Period::parse(&occurrence.term) else { return Ok(Vec::new()) };
            let quarter = period.first_day()..=period.last_day();
            let register = store.load_register().await?;
            let mut of_prison = register.results.iter().filter(|known| &*known.row.prison == prison);
            if of_prison.any(|known| quarter.contains(&known.row.assessed_on)) {
                return Ok(Vec::new());
            }
            vec![format!("{}的考核结果表", period.in_words())]
        }
    })
}

/// The ends of the courses that are known.
pub(super) fn courses() -> Vec<CourseEnd> {
    Vec::new()
}

/// What a rehearsal is made from.
pub(super) fn scene(settings: &Settings, calendar: &Calendar) -> Scene {
    Scene {
        duties: settings.duties.clone(),
        office: settings.office,
        calendar: calendar.clone(),
        courses: courses(),
        prisons: settings.prisons.iter().map(|prison| prison.name.clone()).collect(),
        lead: settings.prisons.iter().find(|prison| prison.lead).map(|prison| prison.name.clone()).unwrap_or_default(),
        agencies: settings.agencies.iter().map(|agency| (agency.id.clone(), agency.name.clone())).collect(),
        recipients: settings.claim.recipients.clone(),
    }
}

/// Owing prisons that cannot be reached: a mistake of the config.
pub(super) async fn unreachable(
    store: &Store,
    settings: &Settings,
    calendar: &Calendar,
    today: NaiveDate,
) -> anyhow::Result<Vec<Mistake>> {
    let owing = owing(store, settings, calendar, today).await?;
    let owes: BTreeSet<&str> = owing.iter().map(|owing| owing.prison.as_str()).collect();
    let silent = settings.prisons.iter().filter(|prison| prison.email.is_empty() && owes.contains(&*prison.name));
    let mistake = |prison: &str| {
        let of = owing.iter().find(|owing| owing.prison == prison);
        let duty = of.and_then(|of| settings.duties.iter().find(|duty| duty.id == of.occurrence.duty));
        let what = of.zip(duty).map(|(of, duty)| format!("{}{}", of.occurrence.words, duty.name)).unwrap_or_default();
        let message = format!("“{prison}”还没有报{what}，又没有电子邮箱，催报发不出去");
        let advice = "请在其 [[prison]] 的 email 中填经办人的邮箱；填好之前的催报会合并为一封补发";
        Mistake::of(Severity::Error, settings.shown(&settings.file), message, advice)
    };
    Ok(silent.map(|prison| mistake(&prison.name)).collect())
}

/// Queues what is due and prints it.
pub(super) async fn remind(world: &World) -> anyhow::Result<(Done, Value)> {
    let World { settings, calendar, store, now, .. } = world;
    let owing = owing(store, settings, calendar, civil_date(*now)).await?;
    let templates = letter_templates(settings)?;
    let order = Order { settings, calendar, templates: &templates, owing: &owing };
    let report = remind::run(store, &order, |_| Vec::new(), *now).await?;
    if !world.json {
        tell(&report);
    }
    for alarm in &report.alarms {
        hint!("{}", in_words(alarm));
    }
    let reminded = report.reminded.iter().map(|one| {
        json!({
            "prison": one.prison, "subject": one.subject, "steps": one.steps, "late": one.late,
            "next_on": one.next_on, "copies": one.copies,
        })
    });
    let said = json!({
        "reminded": reminded.collect::<Vec<_>>(),
        "replanned": report.replanned,
        "waiting_until": report.waiting_until.map(|at| at.to_rfc3339()),
        "alarms": report.alarms.iter().map(in_words).collect::<Vec<_>>(),
    });
    Ok((Done::with_findings(!report.alarms.is_empty()), said))
}

fn tell(report: &Report) {
    for one in &report.reminded {
        let late = if one.late { "（补发，合并为一封）" } else { "" };
        let copies =
            if one.copies.is_empty() { String::new() } else { format!("，抄送 {}", one.copies.join("、")) };
        let next = one.next_on.map_or_else(|| "不再催".to_owned(), |day| format!("下次 {day}"));
        say!("催报：{}{late}{copies}；{next}", one.subject);
    }
    for prison in &report.replanned {
        say!("催报：已通知{prison}下次催报的日期有变动");
    }
    match report.waiting_until {
        Some(at) => say!("催报：现在不是办公时间，到期的催报顺延到 {} 发出", local(at)),
        None if report.reminded.is_empty() => say!("催报：现在没有要催的"),
        None => {}
    }
}

/// An instant as people in Changzhou read it.
pub(super) fn local(at: chrono::DateTime<chrono::Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Shanghai).format("%Y-%m-%d %H:%M").to_string()
}

/// An alarm, and what to do.
fn in_words(alarm: &Alarm) -> String {
    match alarm {
        Alarm::NoRecipient { prison } => {
            format!("告警：{prison}仍有未报送的材料，但没有电子邮箱，催报发不出去；请在其 [[prison]] 的 email 中填写")
        }
        Alarm::NoCopy { name } => format!("告警：催报应抄送{name}，但没有它的电子邮箱；请在配置中填写其 email"),
        Alarm::NoTable { year } => format!(
            "告警：还没有 {year} 年的节假日表，{year} 年的日期暂按周末推算；公布后请运行 shenling calendar import {year}.toml"
        ),
    }
}
