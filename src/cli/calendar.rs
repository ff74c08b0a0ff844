//! `calendar`: the working days of a year, and a new year's table.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use chrono::{Datelike, NaiveDate, Weekday};
use serde_json::json;

use super::duties::{Filed, scene};
use super::output::{self, hint, say};
use super::rehearse::told;
use super::world::{letter_templates, refuse};
use super::{Done, World};
use crate::forms::letters::{Moved, ReplanFacts};
use crate::settings::{self, Severity, holidays};
use crate::stages::remind::frame;
use crate::store::{NewLetter, sha256_hex};
use crate::subsidy::duty::agenda::{Change, Event, Scene, changes};
use crate::subsidy::holidays::{Calendar, Year};

/// Largest table: the known ones have 1 KB.
const MAX_TABLE_BYTES: u64 = 1 << 20;

/// Prints a year; needs no database.
pub(super) fn show(config: &Path, json: bool, year: i32) -> anyhow::Result<Done> {
    let loaded = settings::load(config, &settings::environment()).map_err(|mistakes| refuse(&mistakes))?;
    let calendar = loaded.calendar;
    let table = calendar.table(year);
    let deadline = NaiveDate::from_ymd_opt(year, 11, 30).context("year")?;
    let last = calendar.last_working_day_on_or_before(deadline).on;
    let days: Vec<NaiveDate> = days_of(year).collect();
    let working = days.iter().filter(|day| calendar.is_working_day(**day)).count();
    if json {
        output::json(&json!({
            "year": year, "provisional": table.is_none(), "citation": table.map(|table| &table.citation),
            "off": table.map(|table| &table.off), "worked": table.map(|table| &table.worked),
            "working_days": working, "last_working_day_by_11_30": last,
        }))?;
        return Ok(Done::Well);
    }
    match table {
        Some(table) => say!("{year}年工作日安排（依据：{}）", table.citation),
        None => say!(
            "{year}年工作日安排：暂定（还没有这一年的节假日表，只按周末推算；公布后运行 shenling calendar import）"
        ),
    }
    for month in 1..=12 {
        say!("{}", grid(&calendar, year, month));
    }
    say!("休 = 放假，班 = 周末调休上班");
    if let Some(table) = table {
        say!("放假：{}", stretches(&table.off));
        say!("调休上班：{}", stretches(&table.worked));
    }
    say!("全年工作日 {working} 天；11月30日（含）以前最后一个工作日：{last}");
    Ok(Done::Well)
}

fn days_of(year: i32) -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    first.iter_days().take_while(move |day| day.year() == year)
}

/// A month, Monday first; every cell is five columns wide.
fn grid(calendar: &Calendar, year: i32, month: u32) -> String {
    let mut out = format!("\n{month}月\n 一   二   三   四   五   六   日");
    let mut days = days_of(year).filter(|day| day.month() == month).peekable();
    let lead = days.peek().map_or(0, |day| day.weekday().num_days_from_monday());
    let _ = write!(out, "\n{}", "     ".repeat(lead as usize));
    while let Some(day) = days.next() {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let listed = calendar.table(year).is_some_and(|table| table.off.contains(&day));
        let mark = match calendar.is_working_day(day) {
            true if weekend => "班",
            false if listed => "休",
            _ => "  ",
        };
        let _ = write!(out, "{:>2}{mark} ", day.day());
        if day.weekday() == Weekday::Sun && days.peek().is_some() {
            out.push('\n');
        }
    }
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `01-01..01-03、02-15..02-23`.
fn stretches(days: &BTreeSet<NaiveDate>) -> String {
    let mut stretches: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for day in days {
        match stretches.last_mut() {
            Some((_, last)) if last.succ_opt() == Some(*day) => *last = *day,
            _ => stretches.push((*day, *day)),
        }
    }
    let short = |day: NaiveDate| day.format("%m-%d").to_string();
    let words = |(first, last): (NaiveDate, NaiveDate)| {
        if first == last { short(first) } else { format!("{}..{}", short(first), short(last)) }
    };
    if stretches.is_empty() {
        "无".to_owned()
    } else {
        stretches.into_iter().map(words).collect::<Vec<_>>().join("、")
    }
}

/// Takes in a table, says which planned dates move, and tells the administrator.
pub(super) async fn import(world: &World, file: &Path) -> anyhow::Result<Done> {
    let settings = &world.settings;
    let Some(dir) = &settings.paths.holidays_dir else {
        bail!("配置 paths.holidays_dir 是空的，没有地方放节假日表；请写 \"holidays\" 后再导入");
    };
    let shown = file.display().to_string();
    let size = fs::metadata(file).with_context(|| shown.clone())?.len();
    if size > MAX_TABLE_BYTES {
        bail!("{shown} 有 {size} 字节，不是节假日表");
    }
    let bytes = fs::read(file).with_context(|| shown.clone())?;
    let table = match holidays::read_new(&shown, &bytes) {
        Ok(table) => table,
        Err(mistakes) => return refused(world, &mistakes),
    };
    let before = world.calendar.table(table.year).cloned();
    let courses = Filed::load(&world.store, settings).await?.courses(&world.catalogue);
    let moved = moves(&scene(settings, &world.calendar, &courses), &table, world.today());
    // The table takes effect last: whoever is stopped before finds the same changes again and tells nobody twice.
    let staged = holidays::stage(dir, table.year, &bytes).with_context(|| dir.display().to_string())?;
    let sha256 = sha256_hex(&bytes);
    let detail = json!({"sha256": sha256, "off": table.off.len(), "worked": table.worked.len(), "moved": moved.len(),
        "replaced": before.is_some()});
    announce(world, &table, &moved, &sha256).await?;
    world.store.note("calendar.imported", &table.year.to_string(), &detail, world.now).await?;
    let path = staged.install().with_context(|| dir.display().to_string())?;
    if world.json {
        let lines: Vec<_> = moved.iter().map(told).collect();
        output::json(&json!({
            "year": table.year, "citation": table.citation, "file": path, "sha256": sha256,
            "replaced": before.is_some(), "same": before.as_ref() == Some(&table), "changes": lines,
        }))?;
        return Ok(Done::Well);
    }
    say!(
        "已导入 {} 年节假日表（{}）：放假 {} 天，调休上班 {} 天；存为 {}",
        table.year,
        table.citation,
        table.off.len(),
        table.worked.len(),
        settings.shown(&path)
    );
    match before {
        Some(before) if before == table => say!("与原有的表相同，没有日期变动"),
        _ if moved.is_empty() => say!("已排定的日期都没有变动，{} 年的日期不再是暂定", table.year),
        _ => say!("以下 {} 个已排定的日期有变动：", moved.len()),
    }
    for change in &moved {
        say!("  {}", told(change));
    }
    Ok(Done::Well)
}

fn refused(world: &World, mistakes: &[settings::Mistake]) -> anyhow::Result<Done> {
    if world.json {
        output::json(&json!({"mistakes": mistakes}))?;
        return Ok(Done::WithFindings);
    }
    for mistake in mistakes {
        say!("{mistake}");
    }
    let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
    hint!("节假日表有 {errors} 处错误，没有导入");
    Ok(Done::WithFindings)
}

/// What moves from today on.
fn moves(before: &Scene, table: &Year, today: NaiveDate) -> Vec<Change> {
    let mut after = before.clone();
    let years: Vec<Year> = before.calendar.years().filter_map(|year| before.calendar.table(year)).cloned().collect();
    after.calendar = Calendar::new(years.into_iter().chain([table.clone()]));
    let both = [table.year - 1, table.year, table.year + 1];
    let of = |scene: &Scene| -> Vec<Event> {
        both.iter().flat_map(|year| scene.agenda(*year)).filter(|event| !event.key.starts_with("table:")).collect()
    };
    let mut changes = changes(&of(before), &of(&after));
    changes.retain(|change| match change {
        Change::Added(event) | Change::Removed(event) => event.on >= today,
        Change::Altered(before, after) => before.on >= today || after.on >= today,
    });
    changes
}

/// The administrator hears of it; a prison hears when the day that its last letter announced has moved.
async fn announce(world: &World, table: &Year, moved: &[Change], sha256: &str) -> anyhow::Result<()> {
    let settings = &world.settings;
    if moved.is_empty() || settings.administrator.email.is_empty() {
        return Ok(());
    }
    let number = format!("calendar/{}/{}", table.year, sha256.get(..8).unwrap_or_default());
    let dates = moved.iter().map(|change| match change {
        Change::Added(event) => Moved::new(&event.what, None, Some(event.on)),
        Change::Removed(event) => Moved::new(&event.what, Some(event.on), None),
        Change::Altered(before, after) => Moved::new(&after.what, Some(before.on), Some(after.on)),
    });
    let facts = ReplanFacts {
        frame: frame(settings, world.today()),
        recipient: "管理员".to_owned(),
        number: number.clone(),
        cause: format!("导入{}年节假日表", table.year),
        moved: dates.collect(),
        note: "仍未报送的监狱，如其上次催报所说的日期有变动，由下一次催报另行通知。".to_owned(),
    };
    let words = letter_templates(settings)?.write("replan", &facts)?;
    let letter = NewLetter {
        key: number.replace('/', ":"),
        recipient: "administrator".to_owned(),
        to: settings.administrator.email.clone(),
        cc: Vec::new(),
        subject: words.subject,
        text: words.text,
        html: words.html,
        attachments: Vec::new(),
        thread: Vec::new(),
    };
    world.store.queue_letter(&letter, world.now).await.map_err(|error| anyhow!(error))?;
    Ok(())
}
