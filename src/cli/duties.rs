//! What the duties of the config mean in this store: who owes what, and the stage that tells them.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::output::{hint, say};
use super::world::letter_templates;
use super::{Done, World};
use crate::forms::letters::date_in_words;
use crate::forms::planning;
use crate::settings::{Mistake, Settings, Severity};
use crate::stages::collect::Desk;
use crate::stages::held;
use crate::stages::remind::{self, Alarm, Order, Report, Reviewed};
use crate::store::{FiledPlan, PacketFile, Store};
use crate::subsidy::calendar::Period;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::duty::agenda::Scene;
use crate::subsidy::duty::{CourseEnd, Kind, Occurrence, Owing};
use crate::subsidy::holidays::Calendar;
use crate::subsidy::plan::check::project_name;
use crate::subsidy::plan::{ClassForm, Missing, missing};
use crate::subsidy::register::Register;

/// What is in, as far as duties ask for it.
pub struct Filed {
    plans: Vec<FiledPlan>,
    /// Years whose plan the lead prison closed before all was in: nobody owes them any more.
    closed: BTreeSet<i32>,
    register: Option<Register>,
}

impl Filed {
    /// Reads what the duties that are on ask for.
    pub async fn load(store: &Store, settings: &Settings) -> anyhow::Result<Filed> {
        let cities = store.city_plans().await?;
        let closed = cities.iter().filter(|city| city.scope == "year" && city.closing.is_some());
        let asks = settings.duties.iter().any(|duty| duty.kind != Kind::Plan);
        Ok(Filed {
            plans: store.plans(None).await?,
            closed: closed.map(|city| city.year).collect(),
            register: if asks { Some(store.load_register().await?) } else { None },
        })
    }

    /// The ends of the classes that the plans announce (annex 4).
    pub(super) fn courses(&self, catalogue: &Catalogue) -> Vec<CourseEnd> {
        let of = |filed: &FiledPlan| {
            let (prison, year) = (filed.plan.prison.to_string(), filed.plan.year);
            let end = |class: &ClassForm| {
                let known = catalogue.occupations.iter().find(|known| known.id == class.occupation);
                let occupation = known.map_or(&*class.occupation, |known| &*known.name);
                let level = class.level.map_or("", |level| level.name());
                CourseEnd {
                    prison: prison.clone(),
                    key: format!("{year}/{}/{level}/{}", class.occupation, class.number),
                    words: format!("{}第{}期", project_name(occupation, class.level), class.number),
                    ended_on: class.ends_on,
                }
            };
            filed.plan.classes.iter().map(|entry| end(&entry.value)).collect::<Vec<_>>()
        };
        let mut courses: Vec<CourseEnd> = self.plans.iter().flat_map(of).collect();
        courses.sort();
        courses.dedup_by(|a, b| (&a.prison, &a.key) == (&b.prison, &b.key));
        courses
    }

    /// Everybody who owes something of the deadlines that concern a day.
    pub fn owing(
        &self,
        settings: &Settings,
        catalogue: &Catalogue,
        calendar: &Calendar,
        today: NaiveDate,
    ) -> Vec<Owing> {
        let courses = self.courses(catalogue);
        let mut owing = Vec::new();
        for duty in &settings.duties {
            for occurrence in duty.live(calendar, &courses, today) {
                let concerned = settings.prisons.iter().map(|prison| &prison.name);
                for prison in concerned.filter(|prison| occurrence.prison.as_ref().is_none_or(|only| only == *prison)) {
                    let missing = self.missing(duty.kind, &occurrence, prison);
                    if !missing.is_empty() {
                        owing.push(Owing { occurrence: occurrence.clone(), prison: prison.clone(), missing });
                    }
                }
            }
        }
        owing
    }

    /// What a prison has not handed in, in words.
    fn missing(&self, kind: Kind, occurrence: &Occurrence, prison: &str) -> Vec<String> {
        match kind {
            Kind::Plan => {
                let year = occurrence.term.parse().unwrap_or_default();
                if self.closed.contains(&year) {
                    return Vec::new();
                }
                let plans = self.plans.iter().map(|filed| &filed.plan).filter(|plan| plan.year == year);
                let plans: Vec<_> = plans.collect();
                missing(&[prison.into()], plans).iter().flat_map(Missing::in_words).collect()
            }
            Kind::Results if self.has_results(&occurrence.term, prison) => Vec::new(),
            Kind::Results => vec![format!("{}的考核结果表", occurrence.words)],
            Kind::Claim => {
                let Some(period) = Period::parse(&occurrence.term) else { return Vec::new() };
                let quarter = period.first_day()..=period.last_day();
                let mut results = self.register.iter().flat_map(|register| &register.results);
                let is_in =
                    results.any(|known| *known.row.prison == *prison && quarter.contains(&known.row.assessed_on));
                if is_in { Vec::new() } else { vec![format!("{}的考核结果表", period.in_words())] }
            }
        }
    }

    /// Whether a result of a planned class is in: same occupation, level and number of the class, begun in that year.
    fn has_results(&self, key: &str, prison: &str) -> bool {
        // A level's name has a slash of its own.
        let parts = || {
            let (year, rest) = key.split_once('/')?;
            let (occupation, rest) = rest.split_once('/')?;
            let (level, number) = rest.rsplit_once('/')?;
            Some((year, occupation, level, number))
        };
        let Some((year, occupation, level, number)) = parts() else { return false };
        let mut results = self.register.iter().flat_map(|register| &register.results);
        results.any(|known| {
            let row = &known.row;
            let begun = chrono::Datelike::year(&row.started_on).to_string();
            *row.prison == *prison
                && *row.occupation == *occupation
                && (level.is_empty() || row.level.name() == level)
                && begun == year
                && last_number(&row.class) == Some(number)
        })
    }
}

/// `3` of `2026年第3期`, `2026-3` and `3班`.
fn last_number(class: &str) -> Option<&str> {
    let number = class.split(|c: char| !c.is_ascii_digit()).rfind(|part| !part.is_empty())?;
    Some(number.trim_start_matches('0'))
}

/// What a rehearsal is made from.
pub(super) fn scene(settings: &Settings, calendar: &Calendar, courses: &[CourseEnd]) -> Scene {
    Scene {
        duties: settings.duties.clone(),
        office: settings.office,
        calendar: calendar.clone(),
        courses: courses.to_vec(),
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
    (catalogue, calendar): (&Catalogue, &Calendar),
    today: NaiveDate,
) -> anyhow::Result<Vec<Mistake>> {
    let owing = Filed::load(store, settings).await?.owing(settings, catalogue, calendar, today);
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

/// Everybody who owes something today.
pub(super) async fn owing_today(world: &World) -> anyhow::Result<Vec<Owing>> {
    let World { settings, catalogue, calendar, store, .. } = world;
    Ok(Filed::load(store, settings).await?.owing(settings, catalogue, calendar, world.today()))
}

/// What a prison owes next, in sentences; of other units nothing is known.
pub(super) async fn next_due(world: &World, unit: &str) -> anyhow::Result<Vec<String>> {
    let in_words = |owing: &Owing| {
        let duty = world.settings.duties.iter().find(|duty| duty.id == owing.occurrence.duty);
        let (what, due) = (duty.map_or("", |duty| &*duty.name), date_in_words(owing.occurrence.due_on));
        format!("{}{what}：{due}前报齐，还缺{}", owing.occurrence.words, owing.missing.join("、"))
    };
    Ok(owing_today(world).await?.iter().filter(|owing| owing.prison == unit).map(in_words).collect())
}

/// Takes back reminders that have not left and that nobody owes any more; writes those anew that do not say what is owed.
pub(super) async fn review(world: &World) -> anyhow::Result<Reviewed> {
    if !remind::any_waits(&world.store).await? {
        return Ok(Reviewed::default());
    }
    let owing = owing_today(world).await?;
    let (templates, desk) = (letter_templates(&world.settings)?, world.desk()?);
    let order = Order { settings: &world.settings, calendar: &world.calendar, templates: &templates, owing: &owing };
    Ok(remind::review(&world.store, &order, |owing| workbook(world, &desk, owing), world.now).await?)
}

/// Takes back what is not owed any more, and queues what is due.
pub(super) async fn remind_now(world: &World) -> anyhow::Result<Report> {
    let World { settings, calendar, store, now, .. } = world;
    let owing = owing_today(world).await?;
    let (templates, desk) = (letter_templates(settings)?, world.desk()?);
    let order = Order { settings, calendar, templates: &templates, owing: &owing };
    let attach = |owing| workbook(world, &desk, owing);
    remind::review(store, &order, attach, *now).await?;
    Ok(remind::run(store, &order, attach, *now).await?)
}

/// Tells units what is held for lack of what they can supply, where the week's letter is due.
pub(super) async fn tell_held(world: &World) -> anyhow::Result<Vec<String>> {
    let World { settings, catalogue, calendar, store, now, .. } = world;
    let templates = letter_templates(settings)?;
    let frame = remind::frame(settings, world.today());
    let order = held::Order { settings, catalogue, calendar, templates: &templates, frame };
    Ok(held::run(store, &order, *now).await?)
}

/// Queues what is due and prints it.
pub(super) async fn remind(world: &World) -> anyhow::Result<(Done, Value)> {
    let report = remind_now(world).await?;
    let told = tell_held(world).await?;
    if !world.json && !told.is_empty() {
        say!("已告知待补正：{}", told.join("、"));
    }
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
        "told_held": told,
        "waiting_until": report.waiting_until.map(|at| at.to_rfc3339()),
        "alarms": report.alarms.iter().map(in_words).collect::<Vec<_>>(),
    });
    // A table that is not published yet is nobody's omission.
    let omitted = report.alarms.iter().any(|alarm| !matches!(alarm, Alarm::NoTable { .. }));
    Ok((Done::with_findings(omitted), said))
}

/// The planning workbook of a prison that owes a plan, with what it filed last. A reminder leaves without it rather than
/// not at all.
async fn workbook(world: &World, desk: &Desk, owing: Owing) -> Vec<PacketFile> {
    let settings = &world.settings;
    let planned = settings.duties.iter().any(|duty| duty.id == owing.occurrence.duty && duty.kind == Kind::Plan);
    let Some(year) = owing.occurrence.term.parse::<i32>().ok().filter(|_| planned) else { return Vec::new() };
    let made = async {
        let last = world.store.last_plan(&owing.prison, year).await?;
        let order = planning::Order {
            prison: &owing.prison,
            year,
            addition: false,
            last: last.as_ref(),
            today: world.today(),
            specs: &desk.specs,
            catalogue: &world.catalogue,
        };
        anyhow::Ok(planning::write(&order)?)
    };
    match made.await {
        Ok(bytes) => vec![PacketFile { name: format!("plan-{year}.xlsx"), bytes }],
        Err(error) => {
            hint!("{}的计划表没能附上：{error:#}", owing.prison);
            Vec::new()
        }
    }
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
pub(super) fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Shanghai).format("%Y-%m-%d %H:%M").to_string()
}

/// An alarm, and what to do.
fn in_words(alarm: &Alarm) -> String {
    let advice = match alarm {
        Alarm::NoRecipient { .. } => "请在其 [[prison]] 的 email 中填写".to_owned(),
        Alarm::NoCopy { .. } => "请在配置中填写其 email".to_owned(),
        Alarm::NoTable { year } => format!("公布后请运行 shenling calendar import {year}.toml"),
    };
    format!("告警：{}；{advice}", alarm_in_words(alarm))
}

/// What is wrong.
pub(super) fn alarm_in_words(alarm: &Alarm) -> String {
    match alarm {
        Alarm::NoRecipient { prison } => format!("{prison}仍有未报送的材料，但没有电子邮箱，催报发不出去"),
        Alarm::NoCopy { name } => format!("催报应抄送{name}，但没有它的电子邮箱"),
        Alarm::NoTable { year } => format!("还没有 {year} 年的节假日表，{year} 年的日期暂按周末推算"),
    }
}
