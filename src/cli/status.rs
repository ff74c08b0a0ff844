//! `status`: where everything stands, on one screen, and what to do next.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use serde::Serialize;

use super::output::{self, hint, say};
use super::{Done, World, delivery, digest, serve};
use crate::daemon::Standing;
use crate::forms::letters::{AlarmLine, duty_in_words};
use crate::settings::{self, Settings};
use crate::stages::digest::goal_of_year;
use crate::store::{StatusNumbers, StoreError, StoredAlarm, StoredWaiver, WaiverState};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::course::Kind;
use crate::subsidy::goal::{Attainment, Goal};
use crate::subsidy::identifiers::mask_number;
use crate::subsidy::money::Fen;
use crate::subsidy::verdict::{Effect, Outcome};

/// A daemon that has not said anything for so long does not run.
const MAX_SILENCE: TimeDelta = TimeDelta::minutes(3);
/// Most leaving persons that the screen lists.
const MAX_LEAVING: usize = 10;

/// One goal line as JSON.
#[derive(Serialize)]
struct Attained {
    prison: String,
    released: u32,
    certified: u32,
    permille: Option<u32>,
    reached: Option<bool>,
}

/// Prints the status, or draws it as a page. While the database is away, what the daemon says of it.
pub(super) async fn run(config: &Path, json: bool, now: DateTime<Utc>, html: Option<&Path>) -> anyhow::Result<Done> {
    let world = match World::open(config, json, now).await {
        Ok(world) => world,
        Err(error) => {
            let is_away = error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient) && !json;
            if let (true, Ok(settings)) = (is_away, settings::load_settings(config, &settings::environment())) {
                service(&settings, now);
            }
            return Err(error);
        }
    };
    if let Some(path) = html {
        return draw(&world, path).await;
    }
    let numbers = world.store.status().await?;
    let goal = goal_of_year(&world.store, world.today()).await?;
    let alarms = world.store.alarms().await?;
    let counts =
        |stored: &&StoredWaiver| stored.state == WaiverState::Stands && stored.waiver.is_in_force(world.today());
    let waivers = world.store.waivers().await?.iter().filter(counts).count();
    let alarms: Vec<StoredAlarm> = alarms.into_iter().filter(|alarm| alarm.ended_at.is_none()).collect();
    if world.json {
        in_json(&world, &numbers, &goal, &alarms, waivers)?;
    } else {
        in_words(&world, &numbers, &goal, &alarms, waivers);
    }
    Ok(Done::Well)
}

/// The page, into a file or to stdout.
async fn draw(world: &World, path: &Path) -> anyhow::Result<Done> {
    let overview = digest::overview(world).await?;
    if path == Path::new("-") {
        output::raw(digest::page(world, &overview)?.as_bytes());
    } else {
        digest::write_page(world, &overview, path)?;
        hint!("状态页已写入 {}", path.display());
    }
    Ok(Done::Well)
}

fn in_words(world: &World, numbers: &StatusNumbers, goal: &Goal, alarms: &[StoredAlarm], waivers: usize) {
    say!("{}  {}", world.settings.programme.name, world.today());
    say!("");
    say!(
        "收集  已读文件 {}{}，待读 {}；考核结果 {} 条，历史申领 {} 条，摸排 {} 人",
        numbers.originals_read,
        if numbers.originals_withdrawn > 0 {
            format!("（另有已撤回 {}）", numbers.originals_withdrawn)
        } else {
            String::new()
        },
        numbers.originals_waiting,
        numbers.assessments,
        numbers.history_rows,
        numbers.survey_rows
    );
    if numbers.originals_with_errors > 0 {
        say!(
            "      有退回内容的文件 {} 个、{} 行 → shenling set-aside list",
            numbers.originals_with_errors,
            numbers.rows_set_aside
        );
    }
    if numbers.tray > 0 {
        let since = numbers.tray_since.map(|at| civil_date(at).to_string()).unwrap_or_default();
        say!("      待人工的邮件 {} 封（最早 {since}）→ shenling set-aside list", numbers.tray);
    }
    say!(
        "名册  {} 份，其中未核准 {} 份{}",
        numbers.rosters,
        numbers.rosters_unapproved,
        if numbers.rosters_unapproved > 0 { " → shenling roster list" } else { "" }
    );
    verdicts(numbers);
    let waiting = if numbers.reversals_pending > 0 {
        format!("；待列入下一批次的更正 {} 行", numbers.reversals_pending)
    } else {
        String::new()
    };
    if waivers > 0 {
        say!("豁免  有效 {waivers} 条 → shenling waiver list");
    }
    say!("批次  已封存 {}，已作废 {}{waiting} → shenling batch list", numbers.batches_sealed, numbers.batches_void);
    let deliveries: Vec<String> = numbers
        .deliveries
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(state, n)| format!("{} {n}", delivery::state(state)))
        .collect();
    say!("投递  {}", if deliveries.is_empty() { "没有".to_owned() } else { deliveries.join("，") });
    if let Some(why) = mail_trouble(world) {
        say!("      邮件发不出去：{why}");
    }
    say!("记录  {} 条 → shenling audit verify", numbers.audit_count);
    service(&world.settings, world.now);
    for alarm in alarms {
        let line = AlarmLine::new(&alarm.what, &alarm.says, alarm.begun_at);
        say!("告警  {}（{} 起）：{} → {}", line.title, line.since, line.says, line.advice);
    }
    say!("");
    attained(goal);
}

/// What keeps every letter waiting, if mail is sent at all.
fn mail_trouble(world: &World) -> Option<String> {
    if world.settings.mail.is_on() { delivery::mail_server(&world.settings, &world.environment).err() } else { None }
}

fn verdicts(numbers: &StatusNumbers) {
    let Some(summary) = &numbers.verdicts else {
        say!("核定  尚未核定 → shenling once calculate");
        return;
    };
    for kind in Kind::ALL {
        let of = |outcome| summary.by_outcome.get(&(kind, outcome)).copied().unwrap_or((0, Fen::ZERO));
        let (granted, sum) = of(Outcome::Granted);
        say!(
            "核定  {}（{}）：可核定 {granted} 条 {sum} 元，不予核定 {} 条，待补正 {} 条",
            kind.name(),
            summary.run.claim_on,
            of(Outcome::Denied).0,
            of(Outcome::Held).0
        );
    }
    if summary.run.facts_version != numbers.facts_version {
        say!("      以上为当时的数字，此后有新的来件、申领或更正 → shenling once calculate");
    }
    for (rule, n) in summary.by_rule.iter().filter(|(rule, _)| rule.effect() == Effect::Holds) {
        say!("      待补正 {n} 条：{} → {}", rule.says(), rule.mend());
    }
    if Kind::ALL.iter().any(|kind| summary.by_outcome.contains_key(&(*kind, Outcome::Held))) {
        say!("      由哪个单位补、缺哪几条 → shenling held");
    }
}

/// What the daemon last said of itself.
fn standing(settings: &Settings) -> Option<Standing> {
    let bytes = std::fs::read(serve::standing_file(settings)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn service(settings: &Settings, now: DateTime<Utc>) {
    let local = |at: DateTime<Utc>| at.with_timezone(&Shanghai).format("%m-%d %H:%M").to_string();
    let Some(standing) = standing(settings) else {
        say!("服务  没有在本机运行过 → systemctl start shenling，或人工运行 shenling once all");
        return;
    };
    if now - standing.written_at > MAX_SILENCE {
        say!("服务  没有在运行（最后一次 {}）→ systemctl status shenling", local(standing.written_at));
        return;
    }
    let mode = if standing.dry { "试运行，不发送 → shenling adopt" } else { "正在运行" };
    let next: Vec<String> = standing
        .next
        .iter()
        .filter_map(|(duty, next)| next.map(|next| format!("{} {}", duty_in_words(duty), local(next))))
        .collect();
    say!("服务  {mode}（{} 起）；下次：{}", local(standing.started_at), next.join("，"));
    for (what, trouble) in &standing.troubles {
        say!("      异常（{} 起）{}：{}", local(trouble.since), AlarmLine::title(what), trouble.says);
    }
}

fn attained(goal: &Goal) {
    let basis = if goal.surveyed { "" } else { "（仅名册内，未导入摸排表，不与90%比较）" };
    say!("获证率（今年以来释放人员）{basis}");
    let line = |name: &str, attained: &Attainment| {
        let rate = attained.permille().map_or("—".to_owned(), |p| format!("{}.{}%", p / 10, p % 10));
        let verdict = match attained.reached().filter(|_| goal.surveyed) {
            Some(true) => "，达到90%",
            Some(false) => "，未达90%",
            None => "",
        };
        say!("  {name}：{}/{} 人，{rate}{verdict}", attained.certified, attained.released);
    };
    for (prison, attained) in &goal.prisons {
        line(prison, attained);
    }
    line("合计", &goal.total);
    if !goal.leaving.is_empty() {
        say!("  今后6个月内释放、尚无证书：{} 人", goal.leaving.len());
        for person in goal.leaving.iter().take(MAX_LEAVING) {
            say!("    {} {}  {}", person.release_on, person.prison, mask_number(&person.number));
        }
        if goal.leaving.len() > MAX_LEAVING {
            say!("    ……其余 {} 人见 shenling --json status", goal.leaving.len() - MAX_LEAVING);
        }
    }
}

fn in_json(
    world: &World,
    numbers: &StatusNumbers,
    goal: &Goal,
    alarms: &[StoredAlarm],
    waivers: usize,
) -> anyhow::Result<()> {
    let attained = |prison: &str, a: &Attainment| Attained {
        prison: prison.to_owned(),
        released: a.released,
        certified: a.certified,
        permille: a.permille(),
        reached: a.reached().filter(|_| goal.surveyed),
    };
    let prisons: Vec<Attained> = goal.prisons.iter().map(|(prison, a)| attained(prison, a)).collect();
    let verdicts = numbers.verdicts.as_ref().map(|summary| {
        let rows: Vec<_> = summary
            .by_outcome
            .iter()
            .map(|((kind, outcome), (n, sum))| {
                serde_json::json!({"kind": kind.code(), "outcome": outcome.code(), "count": n, "sum_fen": sum.0})
            })
            .collect();
        serde_json::json!({"claim_on": summary.run.claim_on.to_string(),
            "current": summary.run.facts_version == numbers.facts_version, "verdicts": rows})
    });
    let leaving: Vec<_> = goal
        .leaving
        .iter()
        .map(|person| {
            serde_json::json!({"prison": &*person.prison, "release_on": person.release_on.to_string(),
                "number": mask_number(&person.number)})
        })
        .collect();
    output::json(&serde_json::json!({
        "originals": {"read": numbers.originals_read, "waiting": numbers.originals_waiting,
            "withdrawn": numbers.originals_withdrawn,
            "with_errors": numbers.originals_with_errors, "rows_set_aside": numbers.rows_set_aside},
        "assessments": numbers.assessments,
        "rosters": {"all": numbers.rosters, "unapproved": numbers.rosters_unapproved},
        "history": numbers.history_rows,
        "survey": numbers.survey_rows,
        "calculation": verdicts,
        "batches": {"sealed": numbers.batches_sealed, "void": numbers.batches_void,
            "reversals_pending": numbers.reversals_pending},
        "deliveries": numbers.deliveries,
        "mail_trouble": mail_trouble(world),
        "waivers": waivers,
        "mails_for_a_person": numbers.tray,
        "audit_count": numbers.audit_count,
        "service": standing(&world.settings),
        "alarms": alarms.iter().map(|alarm| serde_json::json!({
            "what": alarm.what, "says": alarm.says, "since": alarm.begun_at.to_rfc3339(),
            "told": alarm.told_at.is_some(),
        })).collect::<Vec<_>>(),
        "goal": {"surveyed": goal.surveyed, "prisons": prisons,
            "total": attained("", &goal.total), "leaving": leaving},
    }))
}
