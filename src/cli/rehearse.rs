//! `rehearse`: a year in order of date; what an outage or an edit does to it; the same as a calendar file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context;
use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use super::args::RehearseArguments;
use super::duties::{Filed, local, scene};
use super::output::{self, say};
use super::world::refuse;
use super::{Done, World, serve};
use crate::daemon::{Schedule, YearOfSlots};
use crate::forms::ics::{self, Entry, When};
use crate::forms::letters::duty_in_words;
use crate::settings::{self, Settings};
use crate::subsidy::duty::agenda::{Change, Delay, Event, EventKind, Scene, changes};

/// Rehearses a year.
pub(super) async fn run(world: &World, what: RehearseArguments) -> anyhow::Result<Done> {
    let year = what.year.unwrap_or_else(|| what.down.map_or(world.today(), |(from, _)| from).year());
    let courses = Filed::load(&world.store, &world.settings).await?.courses(&world.catalogue);
    let scene = scene(&world.settings, &world.calendar, &courses);
    if let Some((from, to)) = what.down {
        return down(world, &scene.down(year, from, to), (from, to));
    }
    if let Some(edited) = &what.diff {
        return diff(world, &scene, edited, year);
    }
    let events = scene.agenda(year);
    if let Some(path) = &what.ics {
        let bytes = ics::write(&format!("{} {year}年", world.settings.programme.name), &entries(&events), world.now);
        fs::write(path, bytes).with_context(|| path.display().to_string())?;
        if !world.json {
            say!("{year}年的 {} 件事已写入 {}", events.len(), path.display());
            return Ok(Done::Well);
        }
    }
    let provisional = world.calendar.table(year).is_none();
    if world.json {
        let events: Vec<Value> = events.iter().map(as_json).collect();
        let runs: Vec<Value> = runs(world, year).into_iter().map(|(_, said)| said).collect();
        output::json(&json!({"year": year, "provisional": provisional, "events": events, "runs": runs}))?;
        return Ok(Done::Well);
    }
    say!("{year}年演练：假定各监狱都未报送，共 {} 件事；时刻均为北京时间", events.len());
    if provisional {
        say!("注意：还没有 {year} 年的节假日表，日期按周末推算，均为暂定");
    }
    for event in &events {
        say!("{}", line(event));
    }
    say!("");
    say!("常驻服务在 {year} 年的定时运行（[schedule]）：");
    for (line, _) in runs(world, year) {
        say!("{line}");
    }
    Ok(Done::Well)
}

/// When each duty of the daemon runs in a year: a line for people, and the same as JSON.
fn runs(world: &World, year: i32) -> Vec<(String, Value)> {
    let of = |(name, schedule): (&str, Result<Schedule, String>)| {
        let schedule = match schedule {
            Ok(schedule) => schedule,
            Err(says) => return (says.clone(), json!({"duty": name, "wrong": says})),
        };
        let YearOfSlots { days, a_day, between, named } = schedule.year(year);
        let when = match between {
            None => "全年都不运行".to_owned(),
            Some(_) if !named.is_empty() => named.iter().map(|at| local(*at)).collect::<Vec<_>>().join("、"),
            Some((first, last)) if first == last => format!("全年 {days} 天，{}", &local(first)[11..]),
            Some((first, last)) => {
                format!("全年 {days} 天，每天 {a_day} 次，{} 至 {}", &local(first)[11..], &local(last)[11..])
            }
        };
        let slots: Vec<String> = named.iter().map(chrono::DateTime::to_rfc3339).collect();
        let said = json!({"duty": name, "schedule": schedule.text(), "days": days, "a_day": a_day, "slots": slots});
        (format!("{}  {}：{when}", duty_in_words(name), schedule.text()), said)
    };
    serve::schedules(&world.settings, world.now).into_iter().map(of).collect()
}

/// One event in one line.
fn line(event: &Event) -> String {
    let time = event.at.map_or_else(|| "全天 ".to_owned(), |at| local(at)[11..].to_owned());
    let copies =
        if event.copies.is_empty() { String::new() } else { format!("，抄送 {}", event.copies.join("、")) };
    let (kind, what, why) = (event.kind.name(), &event.what, &event.why);
    let unsure = if event.provisional.is_empty() { "" } else { "（暂定）" };
    format!("{} {time} {kind}  {what}{unsure} → {}{copies}；{why}", day(event.on), event.to.join("、"))
}

/// `2026-11-30（一）`.
fn day(day: NaiveDate) -> String {
    let weekday = ["一", "二", "三", "四", "五", "六", "日"][day.weekday().num_days_from_monday() as usize];
    format!("{day}（{weekday}）")
}

fn as_json(event: &Event) -> Value {
    json!({
        "on": event.on, "at": event.at.map(|at| at.to_rfc3339()), "kind": event.kind.code(), "key": event.key,
        "what": event.what, "to": event.to, "copies": event.copies, "why": event.why,
        "provisional": event.provisional,
    })
}

/// What would be late.
fn down(world: &World, delays: &[Delay], (from, to): (NaiveDate, NaiveDate)) -> anyhow::Result<Done> {
    if world.json {
        let delays = delays.iter().map(|delay| {
            let events: Vec<Value> = delay.events.iter().map(as_json).collect();
            json!({"events": events, "instead": delay.instead.map(|at| at.to_rfc3339()), "what": delay.what})
        });
        output::json(&json!({"from": from, "to": to, "delays": delays.collect::<Vec<_>>()}))?;
        return Ok(Done::Well);
    }
    say!("假设 {from} 至 {to} 停机（含首尾），次日恢复；假定各监狱都未报送：");
    for delay in delays {
        let Some(first) = delay.events.first() else { continue };
        let days: Vec<String> = delay.events.iter().map(|event| day(event.on)).collect();
        match (first.kind, delay.instead) {
            (EventKind::Reminder, Some(at)) => say!(
                "催报  原定 {} 共 {} 封 → 合并为一封，{} 补发给 {}：{}",
                days.join("、"),
                days.len(),
                local(at),
                first.to.join("、"),
                delay.what
            ),
            (kind, Some(at)) => {
                let (name, days) = (kind.name(), days.join("、"));
                say!("{name}  原定 {days} → {} 恢复后即办：{}", local(at), delay.what);
            }
            (kind, None) => say!("{}  {} 在停机期间，日期不变：{}", kind.name(), days.join("、"), delay.what),
        }
    }
    if delays.is_empty() {
        say!("没有受影响的事");
    }
    Ok(Done::Well)
}

/// What a config edit changes.
fn diff(world: &World, scene_now: &Scene, edited: &Path, year: i32) -> anyhow::Result<Done> {
    let loaded = settings::load_edit(edited, &world.settings.file, &world.environment);
    let settings = loaded.map_err(|mistakes| refuse(&mistakes))?;
    let after = scene(&settings, &world.calendar, &scene_now.courses);
    let found = changes(&scene_now.agenda(year), &after.agenda(year));
    let lines: Vec<String> = found.iter().map(told).collect();
    let addresses = addresses(&world.settings, &settings);
    if world.json {
        output::json(&json!({"year": year, "changes": lines, "addresses": addresses}))?;
        return Ok(Done::Well);
    }
    if lines.is_empty() && addresses.is_empty() {
        say!("这次修改不改变 {year} 年的任何一件事");
        return Ok(Done::Well);
    }
    say!("这次修改改变 {year} 年的 {} 件事、{} 个收件人（+ 增加，- 取消，~ 变动）：", lines.len(), addresses.len());
    for line in lines.iter().chain(&addresses) {
        say!("{line}");
    }
    Ok(Done::Well)
}

/// Whose mail goes elsewhere.
fn addresses(before: &Settings, after: &Settings) -> Vec<String> {
    let of = |settings: &Settings| -> BTreeMap<String, Vec<String>> {
        let prisons = settings.prisons.iter().map(|prison| (prison.name.clone(), prison.email.clone()));
        let agencies = settings.agencies.iter().map(|agency| (agency.name.clone(), agency.email.clone()));
        let administrator = ("管理员".to_owned(), settings.administrator.email.clone());
        prisons.chain(agencies).chain([administrator]).collect()
    };
    let words = |email: Option<&Vec<String>>| {
        email.filter(|email| !email.is_empty()).map_or_else(|| "（无）".to_owned(), |email| email.join("、"))
    };
    let (before, after) = (of(before), of(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| format!("~ {name} 的邮箱：{} → {}", words(before.get(name)), words(after.get(name)))).collect()
}

/// A change in one line.
pub(super) fn told(change: &Change) -> String {
    match change {
        Change::Added(event) => format!("+ {}", line(event)),
        Change::Removed(event) => format!("- {}", line(event)),
        Change::Altered(before, after) if before.on != after.on => {
            format!("~ {} → {}（原为 {}）", after.what, line(after), day(before.on))
        }
        Change::Altered(before, after) => format!("~ {}（原为：{}）", line(after), line(before)),
    }
}

fn entries(events: &[Event]) -> Vec<Entry> {
    let entry = |event: &Event| {
        let copies =
            if event.copies.is_empty() { String::new() } else { format!("\n抄送：{}", event.copies.join("、")) };
        let unsure = if event.provisional.is_empty() { "" } else { "（暂定）" };
        Entry {
            uid: format!("{}@shenling", event.key),
            when: event.at.map_or(When::Day(event.on), When::At),
            summary: format!("{}：{}{unsure}", event.kind.name(), event.what),
            description: format!("发给：{}{copies}\n{}", event.to.join("、"), event.why),
            category: event.kind.name().to_owned(),
            tentative: !event.provisional.is_empty(),
        }
    };
    events.iter().map(entry).collect()
}
