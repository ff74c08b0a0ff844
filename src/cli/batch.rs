//! `batch` and `assessment reopen`: what was claimed, held against its hashes, and corrected.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;

use super::args::{BatchCommand, Because};
use super::explain::find;
use super::output::{self, hint, say};
use super::{Done, World, words};
use crate::stages::claim;
use crate::store::{BatchHeader, BatchState, StoredBatch};
use crate::subsidy::identifiers::{mask_id, mask_number};
use crate::subsidy::verdict::Outcome;

/// One batch of `batch list --json`; the names are a contract.
#[derive(Serialize)]
struct Listed {
    number: String,
    period: String,
    state: &'static str,
    sealed_at: String,
    persons: u32,
    lines: u32,
    sum_fen: i64,
    lines_sha256: String,
}

/// Runs a `batch` command.
pub(super) async fn run(world: &World, command: BatchCommand) -> anyhow::Result<Done> {
    match command {
        BatchCommand::List => list(world).await,
        BatchCommand::Show { batch, papers } => show(world, &batch, papers.as_deref()).await,
        BatchCommand::Verify { batch } => verify(world, &batch).await,
        BatchCommand::Void { batch, because } => {
            world.store.void_batch(&batch, &because.reason, &because.by, world.now).await?;
            if world.json {
                output::json(&serde_json::json!({"batch": batch, "state": "void"}))?;
            }
            hint!("批次 {batch} 已作废；其中各行重新待核，批次号不再使用");
            Ok(Done::Well)
        }
        BatchCommand::Reverse { batch, line, because } => {
            world.store.request_reversal(&batch, line, &because.reason, &because.by, world.now).await?;
            if world.json {
                output::json(&serde_json::json!({"batch": batch, "line": line, "state": "reversal-pending"}))?;
            }
            hint!("批次 {batch} 第 {line} 行的更正已登记，将作为负数行列入下一批次");
            Ok(Done::Well)
        }
    }
}

async fn list(world: &World) -> anyhow::Result<Done> {
    let batches: Vec<Listed> = world.store.batches().await?.into_iter().map(listed).collect();
    if world.json {
        output::json(&batches)?;
    } else if batches.is_empty() {
        say!("还没有批次");
    } else {
        let header = ["批次号", "期间", "状态", "封存时间", "人数", "行数", "金额(元)", "行哈希"];
        let row = |b: Listed| {
            let amount = crate::subsidy::money::Fen(b.sum_fen).to_string();
            let state = if b.state == "void" { "已作废" } else { "已封存" };
            let (persons, lines) = (b.persons.to_string(), b.lines.to_string());
            vec![b.number, b.period, state.into(), b.sealed_at, persons, lines, amount, b.lines_sha256[..12].to_owned()]
        };
        output::table(&header, batches.into_iter().map(row));
    }
    Ok(Done::Well)
}

fn listed(header: BatchHeader) -> Listed {
    Listed {
        number: header.number,
        period: header.period.to_string(),
        state: match header.state {
            BatchState::Sealed => "sealed",
            BatchState::Void => "void",
        },
        sealed_at: world_time(header.sealed_at),
        persons: header.totals.persons,
        lines: header.totals.lines,
        sum_fen: header.totals.sum.0,
        lines_sha256: header.totals.lines_sha256,
    }
}

/// An instant as RFC 3339 in Asia/Shanghai.
fn world_time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Shanghai).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

async fn show(world: &World, number: &str, papers: Option<&Path>) -> anyhow::Result<Done> {
    let batch = world.store.batch(number).await?;
    if let Some(dir) = papers {
        take_out(world, &batch, dir).await?;
    }
    if world.json {
        output::json(&in_json(&batch))?;
        return Ok(Done::Well);
    }
    let totals = &batch.header.totals;
    say!("批次 {number}（{}），封存于 {}", batch.header.period.in_words(), world_time(batch.header.sealed_at));
    if let Some((reason, by, at)) = &batch.void {
        say!("已作废：{reason}（{by}，{}）", world_time(*at));
    }
    say!("{} 人，{} 行，合计 {} 元；行哈希 {}", totals.persons, totals.lines, totals.sum, totals.lines_sha256);
    let header = ["行", "种类", "监狱", "机构", "工种", "等级", "班期", "人员", "金额(元)", "更正"];
    let lines = batch.lines.iter().map(|line| {
        let parts: Vec<&str> = line.canonical.split('|').collect();
        let part = |i: usize| parts.get(i).copied().unwrap_or_default().to_owned();
        let reverses = line.reverses.as_ref().map(|r| format!("{} 第{}行", r.batch, r.line)).unwrap_or_default();
        vec![
            line.number.to_string(),
            line.kind.name().to_owned(),
            part(1),
            part(2),
            world.catalogue.occupation(&part(3)).map_or_else(|| part(3), |occupation| occupation.name.clone()),
            part(4),
            part(5),
            masked(&line.person_key),
            line.amount.to_string(),
            reverses,
        ]
    });
    output::table(&header, lines);
    let tables = batch.papers.iter().filter(|paper| paper.kind != claim::MANIFEST_KIND).count();
    say!("不予核定清单 {} 条；表格 {tables} 份", batch.refusals.len());
    Ok(Done::Well)
}

fn masked(person_key: &str) -> String {
    match person_key.split_once('/') {
        Some((prison, number)) => format!("{prison}/{}", mask_number(number)),
        None => mask_id(person_key),
    }
}

fn in_json(batch: &StoredBatch) -> serde_json::Value {
    let lines = batch.lines.iter().map(|line| {
        serde_json::json!({
            "line": line.number,
            "kind": line.kind.code(),
            "assessment": line.assessment_id,
            "person": masked(&line.person_key),
            "amount_fen": line.amount.0,
            "late": line.late,
            "reverses": line.reverses.as_ref().map(|r| serde_json::json!({"batch": r.batch, "line": r.line})),
        })
    });
    let refusals = batch.refusals.iter().map(|refusal| {
        serde_json::json!({
            "kind": refusal.kind.code(),
            "assessment": refusal.assessment_id,
            "outcome": refusal.outcome.code(),
            "codes": refusal.rules.codes(),
            "settled": refusal.outcome == Outcome::Denied && refusal.settles,
        })
    });
    let papers = batch.papers.iter().map(|paper| {
        serde_json::json!({"name": paper.name, "kind": paper.kind, "bytes": paper.bytes, "sha256": paper.sha256})
    });
    serde_json::json!({
        "batch": listed(batch.header.clone()),
        "lines": lines.collect::<Vec<_>>(),
        "refusals": refusals.collect::<Vec<_>>(),
        "papers": papers.collect::<Vec<_>>(),
    })
}

/// Writes the batch's papers into a private folder; the audit log says so.
async fn take_out(world: &World, batch: &StoredBatch, dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

    let number = &batch.header.number;
    let papers = serde_json::json!({"papers": batch.papers.len()});
    world.store.note("batch.papers-taken-out", number, &papers, world.now).await?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for paper in &batch.papers {
        let bytes = world.store.paper_bytes(number, &paper.name).await?;
        let path = dir.join(&paper.name);
        let mut file = std::fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.with_context(|| format!("无法写入 {}（不覆盖已有文件）", path.display()))?;
        std::io::Write::write_all(&mut file, &bytes)?;
    }
    hint!("{} 个文件已取出到 {}（含个人信息，用后请删除）", batch.papers.len(), dir.display());
    Ok(())
}

async fn verify(world: &World, number: &str) -> anyhow::Result<Done> {
    let mut faults = Vec::new();
    let mut papers = 0;
    match world.store.batch(number).await {
        Err(error @ crate::store::StoreError::Unknown { .. }) => return Err(error.into()),
        Err(error) => faults.push(words::store(&error)),
        Ok(batch) => {
            for paper in &batch.papers {
                match world.store.paper_bytes(number, &paper.name).await {
                    Ok(_) => papers += 1,
                    Err(error) => faults.push(format!("{}：{}", paper.name, words::store(&error))),
                }
            }
        }
    }
    if world.json {
        output::json(&serde_json::json!({"batch": number, "papers": papers, "faults": faults}))?;
    } else if faults.is_empty() {
        say!("批次 {number}：控制总数、行哈希和 {papers} 个文件全部相符");
    } else {
        for fault in &faults {
            say!("批次 {number}：{fault}");
        }
    }
    Ok(Done::with_findings(!faults.is_empty()))
}

/// `assessment reopen`.
pub(super) async fn reopen(world: &World, key: &str, because: &Because) -> anyhow::Result<Done> {
    let found: Vec<i64> = find(world, key).await?.into_iter().collect();
    let [assessment] = found[..] else {
        bail!(
            "未重新打开：“{key}”对应 {} 条结果，需要恰好一条；请用 shenling explain 查出结果编号，写作 '#编号'",
            found.len()
        );
    };
    let kinds = world.store.reopen(assessment, &because.reason, &because.by, world.now).await?;
    if world.json {
        let codes: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
        output::json(&serde_json::json!({"assessment": assessment, "kinds": codes}))?;
    }
    let kinds: Vec<&str> = kinds.into_iter().map(crate::subsidy::course::Kind::name).collect();
    hint!("结果 #{assessment} 已重新打开（{}），下次核定时重新核定", kinds.join("、"));
    Ok(Done::Well)
}
