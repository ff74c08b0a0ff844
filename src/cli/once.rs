//! `once`: one stage, or all of them, one time.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use chrono::TimeDelta;
use chrono_tz::Asia::Shanghai;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::args::Stage;
use super::output::{self, hint, say};
use super::{Done, World, delivery, duties, import, mailbox, plan, words};
use crate::forms::papers::Wanted;
use crate::settings::{self, Database};
use crate::stages::claim::Order;
use crate::stages::{calculate, claim, collect, deliver};
use crate::subsidy::calendar::Period;
use crate::subsidy::course::Kind;
use crate::subsidy::verdict::Outcome;

/// Runs a stage, or all in the order in which work flows.
pub(super) async fn run(world: &World, stage: Stage, period: Option<&str>) -> anyhow::Result<Done> {
    let period = match period {
        Some(text) => Period::parse(text).ok_or_else(|| anyhow!("期间应写成 2026-Q4 这样的季度，看到“{text}”"))?,
        None => Period::of(world.today()),
    };
    if period.first_day() > world.today() {
        bail!("期间 {period} 还没有开始（今天 {}）；请写已经开始的季度", world.today());
    }
    let stages: &[Stage] = match stage {
        Stage::All => &[Stage::Collect, Stage::Calculate, Stage::Compile, Stage::Claim, Stage::Deliver],
        _ => &[stage],
    };
    let mut said = serde_json::Map::new();
    let done = each(world, stages, period, &mut said).await;
    // What was done before a stage failed is told all the same.
    if world.json {
        output::json(&said)?;
    }
    done
}

async fn each(
    world: &World,
    stages: &[Stage],
    period: Period,
    said: &mut serde_json::Map<String, Value>,
) -> anyhow::Result<Done> {
    let mut done = Done::Well;
    for stage in stages {
        let (name, (ended, what)) = match stage {
            Stage::Collect => ("collect", collect(world).await?),
            Stage::Calculate => ("calculate", calculate(world).await?),
            Stage::Compile => ("compile", plan::compile(world, None).await?),
            Stage::Claim => ("claim", claim(world, period).await?),
            Stage::Remind => ("remind", duties::remind(world).await?),
            Stage::Deliver | Stage::All => ("deliver", deliver(world).await?),
        };
        said.insert(name.to_owned(), what);
        done = done.and(ended);
    }
    Ok(done)
}

/// A spinner on a terminal; elsewhere the log lines tell.
fn working(on: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(on);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Collects the inbox and the mailbox, and prints what became of each file.
pub(super) async fn collect(world: &World) -> anyhow::Result<(Done, Value)> {
    let (folder, mut said) = collect_folder(world).await?;
    if !world.settings.mailbox.is_on() {
        return Ok((folder, said));
    }
    let bar = working("正在收信");
    let report = mailbox::collect_mails(world).await?;
    bar.finish_and_clear();
    if !world.json {
        mailbox::print(&report);
    }
    let mails = report
        .mails
        .iter()
        .map(|mail| json!({"number": mail.number, "unit": mail.unit, "fate": mail.fate.code(), "files": mail.files}));
    said["mails"] = mails.collect();
    let stuck = report.mails.iter().any(|mail| mail.fate.is_for_a_person());
    let faulty = report.mails.iter().flat_map(|mail| &mail.files).any(|file| file.errors() > 0);
    Ok((folder.and(Done::with_findings(stuck || faulty)), said))
}

/// Collects the inbox and prints what became of each file.
async fn collect_folder(world: &World) -> anyhow::Result<(Done, Value)> {
    let bar = working("正在收集");
    let settings = &world.settings;
    let keep = kept_sources(world)?;
    let settle = Duration::from_secs(settings.inbox.stable_seconds.into());
    let desk = world.desk()?;
    let (folder, keep, post) = (&*settings.paths.inbox, keep.as_deref(), mailbox::post(world)?);
    let inbox = collect::Inbox { folder, keep, settle };
    let report = Box::pin(collect::run(&world.store, &desk, Some(&post), inbox, world.now)).await?;
    bar.finish_and_clear();
    if !world.json {
        if report.files.is_empty() {
            say!("收集：没有新文件");
        }
        report.files.iter().for_each(|file| import::print(file, false));
    }
    for name in &report.moving {
        hint!("{name} 仍在写入，或暂时无法读取，下次再收");
    }
    for name in &report.passed_over {
        hint!("{name} 是链接、特殊文件或层次太深的文件夹，没有读取；请把文件本身复制到收件文件夹，再删去它");
    }
    for (name, error) in &report.left {
        hint!("{}", left_in_words(name, error));
    }
    for name in &report.withdrawn {
        hint!("{}", withdrawn_in_words(name));
    }
    let stuck = !report.left.is_empty() || !report.passed_over.is_empty() || !report.withdrawn.is_empty();
    let done = Done::with_findings(stuck || report.files.iter().any(|file| file.errors() > 0));
    Ok((done, json!({"files": report.files, "waiting": report.moving})))
}

/// A file that was taken and still stands in the inbox.
pub(super) fn left_in_words(name: &str, error: &std::io::Error) -> String {
    format!("{name} 已收入，但不能从收件文件夹移走：{}", words::io(error))
}

/// A file that was withdrawn and still stands in the inbox.
pub(super) fn withdrawn_in_words(name: &str) -> String {
    format!("{name} 已撤回，撤回前就在收件文件夹里，没有重新收取；请从收件文件夹删去它。确需重新收取的，请重新放入一份")
}

/// The private folder where sources are kept for a while, if they are; older ones are removed.
pub(super) fn kept_sources(world: &World) -> anyhow::Result<Option<PathBuf>> {
    let days = world.settings.inbox.keep_source_days;
    let folder = world.settings.paths.data.join("taken");
    let before = world.now - TimeDelta::days(days.into());
    collect::purge(&folder, before)?;
    if days == 0 {
        return Ok(None);
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.with_context(|| format!("无法建立 {}", folder.display()))?;
    Ok(Some(folder))
}

/// Judges and prints the figures.
pub(super) async fn calculate(world: &World) -> anyhow::Result<(Done, Value)> {
    let bar = working("正在核定");
    let report = calculate::run(&world.store, &world.catalogue, world.now).await?;
    bar.finish_and_clear();
    let of = |kind, outcome| report.verdicts.get(&(kind, outcome)).copied().unwrap_or_default();
    for kind in Kind::ALL {
        if world.json {
            continue;
        }
        let (granted, sum) = of(kind, Outcome::Granted);
        say!(
            "核定：{} 核定 {granted} 条 {sum} 元，不予核定 {} 条，待补正 {} 条",
            kind.name(),
            of(kind, Outcome::Denied).0,
            of(kind, Outcome::Held).0
        );
    }
    let figures = Kind::ALL.map(|kind| {
        let (granted, sum) = of(kind, Outcome::Granted);
        let (denied, held) = (of(kind, Outcome::Denied).0, of(kind, Outcome::Held).0);
        json!({"kind": kind.code(), "granted": granted, "sum_fen": sum.0, "denied": denied, "held": held})
    });
    Ok((unjudged(&report.days_without_policy, report.zero_amounts.len()), json!(figures)))
}

/// Says what could not be judged, and why.
fn unjudged(days: &std::collections::BTreeSet<chrono::NaiveDate>, zero_amounts: usize) -> Done {
    for day in days {
        hint!("{day} 没有有效的政策：请在 catalogue/policies.toml 补充，相应结果暂不核定");
    }
    if zero_amounts > 0 {
        hint!("{zero_amounts} 条结果按目录计算为零元：请检查 rates.csv 的标准、比例和 agreements.csv 的人均培训费");
    }
    Done::with_findings(!days.is_empty() || zero_amounts > 0)
}

/// Seals a batch of what the settings say.
pub(super) async fn claim_now(world: &World, period: Period) -> anyhow::Result<claim::Report> {
    let order = Order {
        period,
        recipients: world.settings.claim.recipients.clone(),
        stationery: Arc::new(world.stationery()?),
        wanted: Wanted::Everything,
    };
    let unchanged = || {
        settings::fingerprint(&world.settings.paths.catalogue)
            .is_ok_and(|fingerprint| fingerprint == world.catalogue.sha256)
    };
    Ok(claim::run(&world.store, &world.catalogue, &order, unchanged, world.now).await?)
}

/// Seals a batch and prints its totals.
pub(super) async fn claim(world: &World, period: Period) -> anyhow::Result<(Done, Value)> {
    let bar = working("正在起草批次、生成表格");
    let report = claim_now(world, period).await?;
    bar.finish_and_clear();
    match &report.sealed {
        _ if world.json => {}
        Some((number, totals)) => say!(
            "申领：批次 {number} 已封存，{} 人、{} 行、{} 元；不予核定清单 {} 条；表格 {} 份",
            totals.persons,
            totals.lines,
            totals.sum,
            report.refusals,
            report.papers
        ),
        None => say!("申领：{} 没有可申领的行（不予核定或待补正 {} 条）", period.in_words(), report.refusals),
    }
    let batch = report.sealed.as_ref().map(|(number, totals)| {
        let (persons, lines, sum) = (totals.persons, totals.lines, totals.sum.0);
        json!({
            "number": number, "persons": persons, "lines": lines, "sum_fen": sum, "lines_sha256": totals.lines_sha256,
        })
    });
    let said = json!({
        "period": period.to_string(), "batch": batch, "refusals": report.refusals, "papers": report.papers,
    });
    Ok((unjudged(&report.days_without_policy, report.zero_amounts.len()), said))
}

/// Says which packets must wait, because another process sends them or died over them.
async fn interrupted(world: &World) -> anyhow::Result<bool> {
    let Some((n, until)) = world.store.open_leases(world.now).await? else { return Ok(false) };
    let until = (until + TimeDelta::minutes(1)).with_timezone(&Shanghai).format("%H:%M");
    hint!("有 {n} 份材料上次投递中断，或正由另一进程投递；请在 {until} 后再运行 shenling once deliver");
    Ok(true)
}

/// Delivers what is due and prints where it went.
pub(super) async fn deliver(world: &World) -> anyhow::Result<(Done, Value)> {
    let bar = working("正在投递");
    let settings = &world.settings;
    // On SQLite one machine delivers: whoever holds this lock knows that open leases are those of the dead.
    let lock = fs::File::create(settings.paths.data.join("deliver.lock"))?;
    let alone = matches!(settings.database, Database::Lite(_));
    if alone && lock.try_lock().is_err() {
        bar.finish_and_clear();
        hint!("另一个 shenling 进程正在投递；本次没有投递，等它结束后再运行 shenling once deliver");
        return Ok((Done::WithFindings, json!([])));
    }
    let door = delivery::door(world)?;
    let reviewed = duties::review(world).await?;
    for letter in reviewed.withdrawn {
        hint!("催报 {letter} 没有发出：该单位已报齐");
    }
    for letter in reviewed.renewed {
        hint!("催报 {letter} 没有发出：所缺的材料有了变化，改发新的一封");
    }
    world.store.hurry_deliveries(alone, world.now).await?;
    let report = deliver::run(&world.store, &door, |recipient| world.zip_password(recipient), world.now).await?;
    bar.finish_and_clear();
    let interrupted = interrupted(world).await?;
    let (done, said) = delivery::told(world, &report, interrupted);
    Ok((done.and(Done::with_findings(interrupted)), said))
}
