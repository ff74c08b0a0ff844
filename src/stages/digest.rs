//! Digest (摘要): how everything stands -> one letter a day to the administrator, and a page.
//!
//! Reads: everything that stands in figures; what is owed and the agenda are handed in. Writes: the letter of the day.
//! Safe to repeat because the letter's key is the day: the second of a day changes nothing.
//! When it fails: there is no digest, and its absence is the alarm; it is tried again.
//! Trusts: the caller with what is owed today.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use super::StageError;
use crate::forms::letters::{
    AlarmLine, BatchBar, DueLine, Frame, GoalChart, LetterTemplates, Overview, PlanBar, PlanChart, deeds,
    duty_in_words, instant_in_words,
};
use crate::settings::Settings;
use crate::store::{Alarm, BatchHeader, BatchState, DeliveryLine, FiledPlan, NewLetter, Store};
use crate::subsidy::calendar::{Span, civil_date};
use crate::subsidy::duty::agenda::{Event, EventKind};
use crate::subsidy::duty::{Kind, Owing};
use crate::subsidy::goal::{Goal, goal};
use crate::subsidy::holidays::Calendar;

/// How far ahead it looks.
const AHEAD: TimeDelta = TimeDelta::days(30);
/// Batches are shown for so long.
const BATCHES_FOR: TimeDelta = TimeDelta::days(366);
/// What was done is told since the last digest, or for so long.
const SINCE: TimeDelta = TimeDelta::days(1);
/// One screen: of longer lists the rest is counted.
const MAX_LINES: usize = 8;
/// A reason is cut behind so many characters.
const MAX_REASON: usize = 80;

/// What it is made from beside the store.
pub struct Order<'a> {
    /// Prisons, agencies, duties, addresses.
    pub settings: &'a Settings,
    /// Working days.
    pub calendar: &'a Calendar,
    /// The words.
    pub templates: &'a LetterTemplates,
    /// What every letter needs.
    pub frame: Frame,
    /// Who owes what, of the deadlines that concern today.
    pub owing: &'a [Owing],
    /// What happens this year and the next.
    pub agenda: &'a [Event],
}

/// Queues the digest of today, if there is somebody to read it and it is not queued yet. Returns what it says.
pub async fn run(store: &Store, order: &Order<'_>, now: DateTime<Utc>) -> Result<Overview, StageError> {
    let overview = gather(store, order, now).await?;
    let to = &order.settings.administrator.email;
    if !to.is_empty() {
        let words = order.templates.write("digest", &overview)?;
        let letter = NewLetter {
            key: key(now),
            recipient: "administrator".to_owned(),
            to: to.clone(),
            cc: Vec::new(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            attachments: Vec::new(),
            thread: Vec::new(),
        };
        store.queue_letter(&letter, now).await?;
    }
    Ok(overview)
}

fn key(now: DateTime<Utc>) -> String {
    format!("digest:{}", civil_date(now))
}

/// How everything stands.
pub async fn gather(store: &Store, order: &Order<'_>, now: DateTime<Utc>) -> Result<Overview, StageError> {
    let Order { settings, calendar, owing, .. } = order;
    let today = civil_date(now);
    let since = store.last_letter("digest:", &key(now)).await?.unwrap_or(now - SINCE);
    let numbers = store.status().await?;
    let stamp = store.stamp().await?;
    let deliveries = store.deliveries().await?;
    let mut alarms = store.alarms().await?;
    alarms.retain(|alarm| alarm.ended_at.is_none());
    let late = late(settings, owing, today);
    let mut stuck: Vec<String> =
        deliveries.iter().filter(|line| line.alarm > Alarm::None).map(|line| stuck_in_words(settings, line)).collect();
    let mut aside: Vec<String> = deliveries
        .iter()
        .filter(|line| matches!(line.state.as_str(), "aside" | "held"))
        .map(|line| aside_in_words(settings, line))
        .collect();
    if numbers.originals_with_errors > 0 {
        let (files, rows) = (numbers.originals_with_errors, numbers.rows_set_aside);
        aside.push(format!("退回内容的文件 {files} 个、{rows} 行 → shenling set-aside list"));
    }
    if numbers.tray > 0 {
        aside.push(format!("待人工的邮件 {} 封 → shenling set-aside list", numbers.tray));
    }
    if numbers.rosters_unapproved > 0 {
        aside.push(format!("未核准的名册 {} 份 → shenling roster list", numbers.rosters_unapproved));
    }
    let open = alarms.len() + late.len() + stuck.len() + aside.len();
    shorten(&mut stuck);
    shorten(&mut aside);
    let plans = store.plans(None).await?;
    Ok(Overview {
        frame: order.frame.clone(),
        number: today.to_string(),
        written_at: instant_in_words(now),
        since: instant_in_words(since),
        open,
        alarms: alarms.iter().map(|alarm| AlarmLine::new(&alarm.what, &alarm.says, alarm.begun_at)).collect(),
        late,
        stuck,
        aside,
        due: due(order, today),
        done: deeds(&store.acts_since(since).await?),
        runs: runs(store, since).await?,
        plans: plan_chart(store, order, &plans, today).await?,
        batches: batches(&store.batches().await?, &deliveries, now),
        goal: GoalChart::new(today.year(), &goal_of_year(store, today).await?),
        audit: (stamp.audit_count, stamp.audit_head),
        provisional: provisional(calendar, today),
        program: format!("shenling {}", env!("CARGO_PKG_VERSION")),
    })
}

/// Certificates among those released this year, so far.
pub async fn goal_of_year(store: &Store, today: NaiveDate) -> Result<Goal, StageError> {
    let year = Span { from: NaiveDate::from_ymd_opt(today.year(), 1, 1).unwrap_or(today), to: Some(today) };
    let survey = store.survey().await?;
    let register = store.load_register().await?;
    Ok(goal(&survey, &register.roster, register.results.iter().map(|known| &*known.row), year, today))
}

/// A long list ends with how many more there are.
fn shorten(lines: &mut Vec<String>) {
    let more = lines.len().saturating_sub(MAX_LINES);
    if more > 0 {
        lines.truncate(MAX_LINES);
        lines.push(format!("……另有 {more} 项"));
    }
}

/// What is overdue, and who owes it.
fn late(settings: &Settings, owing: &[Owing], today: NaiveDate) -> Vec<DueLine> {
    let mut late: BTreeMap<(NaiveDate, String), Vec<&str>> = BTreeMap::new();
    for one in owing.iter().filter(|one| one.occurrence.due_on < today) {
        let duty = settings.duties.iter().find(|duty| duty.id == one.occurrence.duty);
        let what = format!("{}{}", one.occurrence.words, duty.map_or("", |duty| &*duty.name));
        late.entry((one.occurrence.due_on, what)).or_default().push(&one.prison);
    }
    late.into_iter().map(|((on, what), who)| DueLine::new(on, today, what, who.join("、"))).collect()
}

/// What comes within 30 days. Of reminders the next one of each deadline, to those who still owe.
fn due(order: &Order<'_>, today: NaiveDate) -> Vec<DueLine> {
    let mut lines = Vec::new();
    let mut announced: BTreeSet<&str> = BTreeSet::new();
    for event in order.agenda.iter().filter(|event| (today..=today + AHEAD).contains(&event.on)) {
        let (deadline, _) = event.key.rsplit_once(':').unwrap_or((&event.key, ""));
        let mut owes = order.owing.iter().filter(|one| one.occurrence.key() == deadline).map(|one| &*one.prison);
        let (what, who) = match event.kind {
            EventKind::Reminder => {
                let owes: Vec<&str> = owes.collect();
                if owes.is_empty() || !announced.insert(deadline) {
                    continue;
                }
                (format!("催报：{}", event.what), owes.join("、"))
            }
            EventKind::Deadline => {
                let owes: Vec<&str> = owes.by_ref().collect();
                let who = if owes.is_empty() { String::new() } else { format!("还缺 {}", owes.join("、")) };
                (event.what.clone(), who)
            }
            EventKind::Awaited => (format!("应已公布或即将公布：{}", event.what), event.to.join("、")),
            EventKind::HandOff => (event.what.clone(), event.to.join("、")),
        };
        let provisional = !event.provisional.is_empty();
        lines.push(DueLine { provisional, ..DueLine::new(event.on, today, what, who) });
    }
    lines.truncate(MAX_LINES);
    lines
}

fn recipient<'a>(settings: &'a Settings, id: &'a str) -> &'a str {
    match id {
        "administrator" => "管理员",
        id => settings.agency(id).map_or(id, |agency| &agency.name),
    }
}

fn stuck_in_words(settings: &Settings, line: &DeliveryLine) -> String {
    let long = if line.alarm == Alarm::Days { "5 天" } else { "4 小时" };
    let to = recipient(settings, &line.delivery.recipient);
    let why = cut(line.answer.as_deref().unwrap_or("还没有试过"));
    format!(
        "#{} 交{to}，已超过 {long}没有投递成功：{why} → shenling delivery show {}",
        line.delivery.id, line.delivery.id
    )
}

fn aside_in_words(settings: &Settings, line: &DeliveryLine) -> String {
    let to = recipient(settings, &line.delivery.recipient);
    let what = if line.state == "held" { "被人工暂停" } else { "被对方拒收" };
    format!("投递 #{} 交{to}，{what} → shenling delivery show {}", line.delivery.id, line.delivery.id)
}

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(MAX_REASON).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

async fn runs(store: &Store, since: DateTime<Utc>) -> Result<Vec<String>, StageError> {
    let in_words = |(duty, state, n, reason): (String, String, u64, String)| {
        let what = match state.as_str() {
            "late" => "补做",
            "failed" => "没有做成",
            _ => "跳过",
        };
        format!("{}：{what} {n} 次（{}）", duty_in_words(&duty), cut(&reason))
    };
    let mut runs: Vec<String> = store.notable_runs(since).await?.into_iter().map(in_words).collect();
    shorten(&mut runs);
    Ok(runs)
}

/// The plan that is being made: the latest year that anybody filed for or is reminded of.
async fn plan_chart(
    store: &Store,
    order: &Order<'_>,
    plans: &[FiledPlan],
    today: NaiveDate,
) -> Result<PlanChart, StageError> {
    let settings = order.settings;
    let asked = settings.duties.iter().filter(|duty| duty.kind == Kind::Plan).flat_map(|duty| {
        let live = duty.live(order.calendar, &[], today);
        let begun =
            move |ladder: &[_]| ladder.first().is_some_and(|first: &crate::subsidy::duty::Planned| first.on <= today);
        live.into_iter().filter(move |one| begun(&one.planned(&duty.ladder, order.calendar)))
    });
    let asked = asked.filter_map(|one| one.term.parse().ok());
    let of_year = |filed: &&FiledPlan| filed.plan.addition.is_none();
    let filed = plans.iter().filter(of_year).map(|filed| filed.plan.year);
    let year = asked.chain(filed).max().unwrap_or(today.year());
    let bar = |prison: &str| {
        let plan = plans.iter().filter(of_year).find(|one| one.plan.year == year && *one.plan.prison == *prison);
        let note = plan.map_or_else(String::new, |plan| {
            let approved = if plan.approval.is_some() { "，已核准" } else { "" };
            format!("{} 报{approved}", civil_date(plan.received_at).format("%m-%d"))
        });
        PlanBar::new(prison, plan.map(|filed| &filed.plan), note)
    };
    let mut compiled = store.city_plans().await?;
    compiled.retain(|city| city.year == year);
    Ok(PlanChart {
        year,
        compiled: compiled.last().map(|city| city.number.clone()).unwrap_or_default(),
        prisons: settings.prisons.iter().map(|prison| bar(&prison.name)).collect(),
    })
}

fn batches(headers: &[BatchHeader], deliveries: &[DeliveryLine], now: DateTime<Utc>) -> Vec<BatchBar> {
    let recent: Vec<&BatchHeader> = headers.iter().filter(|header| now - header.sealed_at < BATCHES_FOR).collect();
    let most = recent.iter().map(|header| header.totals.sum.0).max().unwrap_or_default().max(1);
    let bar = |header: &&BatchHeader| {
        let mut states = deliveries
            .iter()
            .filter(|line| line.delivery.batch.as_deref() == Some(&header.number))
            .map(|line| line.state.as_str());
        let (state, says) = match header.state {
            BatchState::Void => ("void", "已作废"),
            BatchState::Sealed => match states.clone().next() {
                None => ("sealed", "已封存"),
                Some(_) if states.clone().any(|state| matches!(state, "aside" | "held")) => ("aside", "需人工处理"),
                Some(_) if states.all(|state| state == "done") => ("done", "已投递"),
                Some(_) => ("sending", "待投递"),
            },
        };
        BatchBar {
            number: header.number.clone(),
            period: header.period.in_words(),
            state,
            says,
            persons: header.totals.persons,
            lines: header.totals.lines,
            sum: header.totals.sum.to_string(),
            permille: (header.totals.sum.0.max(0).saturating_mul(1000)) / most,
        }
    };
    recent.iter().rev().map(bar).collect()
}

/// This year and, once its table is awaited, the next.
fn provisional(calendar: &Calendar, today: NaiveDate) -> Vec<i32> {
    let awaited = (today.month(), today.day()) >= crate::subsidy::duty::agenda::TABLE_AWAITED;
    let years = today.year()..=today.year() + i32::from(awaited);
    years.filter(|year| calendar.table(*year).is_none()).collect()
}
