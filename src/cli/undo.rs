//! `import list|undo`: what was taken in, and taking it back.

use std::io::{self, BufRead, IsTerminal};

use anyhow::bail;

use super::args::{Because, ImportCommand};
use super::output::{self, hint, say};
use super::{Done, World, tray};
use crate::forms::fix_list::FixList;
use crate::forms::letters::Decided;
use crate::store::{Arrival, Fallback, FileKind, Original, Reasoned, Report, Undone};
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::calendar::civil_date;
use crate::subsidy::identifiers::mask_number;

/// Most results that are shown one by one.
const MAX_SHOWN: usize = 30;
/// Characters of a hash that tell a person which file is meant.
const HASH_CHARS: usize = 12;

/// Runs an `import` command beside taking files in.
pub(super) async fn run(world: &World, command: ImportCommand) -> anyhow::Result<Done> {
    match command {
        ImportCommand::List { last } => list(world, last).await,
        ImportCommand::Undo { file, dry_run, yes, reason, by } => {
            let (reason, by) = (reason.unwrap_or_default(), by.unwrap_or_default());
            let because = Reasoned { reason: &reason, by: &by, at: world.now };
            undo(world, &file, because, dry_run, yes).await
        }
    }
}

async fn list(world: &World, last: usize) -> anyhow::Result<Done> {
    let files = world.store.originals().await?;
    let shown = files.iter().take(last);
    if world.json {
        output::json(&shown.map(as_json).collect::<Vec<_>>())?;
    } else if files.is_empty() {
        say!("还没有收过文件");
    } else {
        let header = ["编号", "文件", "哈希", "收到日期", "种类", "收下行", "退回行", ""];
        let row = |(original, report): &(Original, Report)| {
            vec![
                original.kept.id.to_string(),
                original.name.clone(),
                original.kept.sha256.chars().take(HASH_CHARS).collect(),
                civil_date(original.kept.received_at).to_string(),
                kind_in_words(report.kind).to_owned(),
                report.counts.taken.to_string(),
                report.counts.set_aside.to_string(),
                if original.kept.state == Arrival::Withdrawn { "已撤回" } else { "" }.to_owned(),
            ]
        };
        output::table(&header, shown.map(row));
        say!("撤回：shenling import undo 编号 --reason 原因 --by 经办人（先加 --dry-run 看变化）");
    }
    Ok(Done::Well)
}

fn as_json((original, report): &(Original, Report)) -> serde_json::Value {
    serde_json::json!({
        "id": original.kept.id,
        "file": original.name,
        "sha256": original.kept.sha256,
        "received_at": original.kept.received_at.to_rfc3339(),
        "kind": report.kind,
        "taken": report.counts.taken,
        "set_aside": report.counts.set_aside,
        "withdrawn": original.kept.state == Arrival::Withdrawn,
    })
}

async fn undo(world: &World, file: &str, because: Reasoned<'_>, dry_run: bool, yes: bool) -> anyhow::Result<Done> {
    let Some(id) = world.store.name_original(file).await? else {
        bail!("没有“{file}”这个文件（或哈希前几位不止对应一个）；请用 shenling import list 查看编号");
    };
    let shown = world.store.withdraw_import(id, because, None, true).await?;
    if !world.json {
        print(world, &shown);
    }
    let goes_on = !dry_run && (yes || confirmed(id)?);
    if world.json {
        output::json(&difference(&shown, goes_on))?;
    }
    if !goes_on {
        hint!(
            "{}",
            if dry_run {
                "以上仅为查看，没有撤回"
            } else {
                "没有撤回；确认后请加 --yes 再运行一次"
            }
        );
        return Ok(Done::with_findings(!dry_run));
    }
    let rows = shown.results.len() + (shown.roster_rows + shown.history + shown.survey.0 + shown.survey.1) as usize;
    let decided = Decided::Withdrawn { rows: u32::try_from(rows + shown.plans.len()).unwrap_or(u32::MAX) };
    let words = Because { reason: because.reason.to_owned(), by: because.by.to_owned() };
    let answer = tray::answer(world, id, &decided, &words, &FixList::default()).await?;
    world.store.withdraw_import(id, because, answer.as_ref(), false).await?;
    tray::told(answer.as_ref());
    hint!("文件 {id} 已撤回，下次核定时生效。再次收到同一文件时，按新收到的文件重新收取");
    Ok(Done::Well)
}

/// Asks on a terminal; elsewhere nobody has confirmed.
fn confirmed(id: i64) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    hint!("确认撤回，请输入文件编号 {id}，然后回车：");
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    Ok(typed.trim() == id.to_string())
}

fn print(world: &World, undone: &Undone) {
    let original = &undone.original;
    let received = civil_date(original.kept.received_at);
    say!("{}（{}，{received} 收到）撤回后：", original.name, kind_in_words(undone.kind));
    let mut lines = Vec::new();
    let (restored, gone): (Vec<&Fallback>, Vec<&Fallback>) = undone.results.iter().partition(|f| f.to.is_some());
    for (count, what) in [
        (gone.len(), "条考核结果不再存在"),
        (restored.len(), "条考核结果恢复为以前的内容"),
        (undone.stay as usize, "条不变（另有文件报了相同的内容，或已被以后的文件更正）"),
        (undone.roster_rows as usize, "人的人员信息表不再覆盖任何人"),
        (undone.approved as usize, "份人员信息表的核准随之失效"),
        (undone.history as usize, "条历史申领不再计入"),
        (undone.survey.1 as usize, "人的摸排记录不再存在"),
        (undone.survey.0 as usize, "人的摸排记录恢复为以前的内容"),
    ] {
        lines.extend((count > 0).then(|| format!("  {count} {what}")));
    }
    for plan in &undone.plans {
        let what = plan.addition.map_or_else(|| "年度计划".to_owned(), |n| format!("临时备案第 {n} 次"));
        let then = plan
            .to
            .map_or_else(|| "撤回后没有，视为未报".to_owned(), |at| format!("恢复为 {} 收到的一份", civil_date(at)));
        lines.push(format!("  {} {} 年{what}：{then}", plan.prison, plan.year));
    }
    if !undone.waivers.is_empty() {
        let numbers: Vec<String> = undone.waivers.iter().map(i64::to_string).collect();
        lines.push(format!("  豁免 {} 随之不再起作用；仍需要的，请在重新收取后重新登记", numbers.join("、")));
    }
    if lines.is_empty() {
        lines.push("  没有变化：这个文件没有带来现行有效的内容".to_owned());
    }
    for line in &lines {
        say!("{line}");
    }
    for fallback in undone.results.iter().take(MAX_SHOWN) {
        let then = match &fallback.to {
            None => "不再存在".to_owned(),
            Some((row, at)) => {
                let changed = fallback.from.differing(row);
                format!("恢复为 {} 收到的内容（{}）", civil_date(*at), changed.join("、"))
            }
        };
        say!("    #{} {}：{then}", fallback.assessment_id, course(world, &fallback.from));
    }
    if undone.results.len() > MAX_SHOWN {
        say!("    ……其余 {} 条见 shenling --json import undo", undone.results.len() - MAX_SHOWN);
    }
}

fn course(world: &World, row: &ResultRow) -> String {
    let occupation = world.catalogue.occupation(&row.occupation).map_or(&*row.occupation, |o| o.name.as_str());
    let number = mask_number(&row.number);
    format!("{}/{number} {occupation} {} 班期 {} 鉴定日期 {}", row.prison, row.level, row.class, row.assessed_on)
}

fn difference(undone: &Undone, withdrawn: bool) -> serde_json::Value {
    let results: Vec<_> = undone
        .results
        .iter()
        .map(|fallback| {
            let to = fallback.to.as_ref();
            serde_json::json!({
                "assessment": fallback.assessment_id,
                "restored_from": to.map(|(_, at)| at.to_rfc3339()),
                "changed": to.map(|(row, _)| fallback.from.differing(row)),
            })
        })
        .collect();
    let plans: Vec<_> = undone
        .plans
        .iter()
        .map(|plan| {
            serde_json::json!({"prison": &*plan.prison, "year": plan.year, "addition": plan.addition,
                "restored_from": plan.to.map(|at| at.to_rfc3339())})
        })
        .collect();
    serde_json::json!({
        "id": undone.original.kept.id,
        "sha256": undone.original.kept.sha256,
        "withdrawn": withdrawn,
        "results": results,
        "stay": undone.stay,
        "roster_rows": undone.roster_rows,
        "rosters_approved": undone.approved,
        "history": undone.history,
        "survey": {"restored": undone.survey.0, "gone": undone.survey.1},
        "plans": plans,
        "waivers": undone.waivers,
    })
}

/// What a file is, in words.
pub(super) fn kind_in_words(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Results => "考核结果表",
        FileKind::Roster => "培训人员信息表",
        FileKind::History => "历史申领",
        FileKind::Survey => "年度摸排表",
        FileKind::Plan => "年度计划工作簿",
        FileKind::Unknown => "未识别",
    }
}
