//! `waiver add|list|end`: a rule that only holds need not be kept for one assessment, until a day.

use anyhow::bail;
use chrono::NaiveDate;

use super::args::{Because, WaiverCommand};
use super::explain::find;
use super::output::{self, hint, say};
use super::{Done, World};
use crate::store::{Reasoned, StoredWaiver, WaiverState};
use crate::subsidy::verdict::Rule;
use crate::subsidy::waiver::Waiver;

/// Runs a `waiver` command.
pub(super) async fn run(world: &World, command: WaiverCommand) -> anyhow::Result<Done> {
    match command {
        WaiverCommand::Add { key, rule, until, because } => add(world, &key, &rule, until, &because).await,
        WaiverCommand::List { all } => list(world, all).await,
        WaiverCommand::End { id, because } => {
            world.store.end_waiver(id, reasoned(world, &because)).await?;
            if world.json {
                output::json(&serde_json::json!({"id": id, "ended_on": world.today().to_string()}))?;
            }
            hint!("豁免 {id} 已终止，自今日（{}）的申领起不再有效；已封存的批次不变", world.today());
            Ok(Done::Well)
        }
    }
}

fn reasoned<'a>(world: &World, because: &'a Because) -> Reasoned<'a> {
    Reasoned { reason: &because.reason, by: &because.by, at: world.now }
}

async fn add(world: &World, key: &str, rule: &str, until: NaiveDate, because: &Because) -> anyhow::Result<Done> {
    let Some(rule) = named(rule) else {
        let rules: Vec<String> =
            Waiver::RULES.iter().map(|rule| format!("{} {}", rule.number(), rule.code())).collect();
        bail!("没有“{rule}”这条规则；可以豁免的有：{}", rules.join("、"));
    };
    let found: Vec<i64> = find(world, key).await?.into_iter().collect();
    let [assessment] = found[..] else {
        let ids: Vec<String> = found.iter().map(|id| format!("'#{id}'")).collect();
        bail!(
            "未登记：“{key}”对应 {} 条结果，需要恰好一条；请用 shenling explain 查出结果编号，写作 '#编号'{}",
            found.len(),
            if ids.is_empty() { String::new() } else { format!("（{}）", ids.join("、")) }
        );
    };
    let id = world.store.add_waiver(assessment, rule, until, reasoned(world, because)).await?;
    if world.json {
        output::json(&serde_json::json!({"id": id, "assessment": assessment, "rule": rule.code()}))?;
    }
    hint!(
        "豁免 {id} 已登记：结果 #{assessment} 在 {} 至 {until} 的申领中不因 {}（{}）搁置；用到它的批次会在封面、明细备注和清单中注明",
        world.today(),
        rule.number(),
        rule.says()
    );
    Ok(Done::Well)
}

/// A rule by its code or its number.
fn named(rule: &str) -> Option<Rule> {
    let rule = rule.trim();
    let is = |known: &&Rule| known.code().eq_ignore_ascii_case(rule) || known.number().eq_ignore_ascii_case(rule);
    Rule::ALL.iter().find(is).copied()
}

async fn list(world: &World, all: bool) -> anyhow::Result<Done> {
    let mut waivers = world.store.waivers().await?;
    let counts = |stored: &StoredWaiver| stored.waiver.ended_on.is_none() && stored.waiver.until >= world.today();
    waivers.retain(|stored| all || counts(stored));
    if world.json {
        output::json(&waivers.iter().map(as_json).collect::<Vec<_>>())?;
    } else if waivers.is_empty() {
        say!("没有{}豁免", if all { "" } else { "有效的" });
    } else {
        let header = ["编号", "结果", "规则", "豁免人", "原因", "有效期", "用于"];
        let row = |stored: &StoredWaiver| {
            let waiver = &stored.waiver;
            let mut span = format!("{} 至 {}", waiver.from, waiver.until);
            if let Some((reason, by, _)) = &stored.end {
                let on = waiver.ended_on.map(|on| on.to_string()).unwrap_or_default();
                span = format!("{span}；{on} 起终止（{by}：{reason}）");
            }
            let state = match stored.state {
                WaiverState::Stands => "",
                WaiverState::Withdrawn => "；所指结果已撤回，不再起作用",
                WaiverState::Corrected => "；结果已更正，须重新登记",
            };
            vec![
                waiver.id.to_string(),
                format!("#{}", waiver.assessment_id),
                format!("{} {}", waiver.rule.number(), waiver.rule.says()),
                waiver.by.clone(),
                waiver.reason.clone(),
                span + state,
                stored.used.iter().map(|(batch, line)| format!("{batch} 第{line}行")).collect::<Vec<_>>().join("、"),
            ]
        };
        output::table(&header, waivers.iter().map(row));
    }
    Ok(Done::Well)
}

fn as_json(stored: &StoredWaiver) -> serde_json::Value {
    let waiver = &stored.waiver;
    let used: Vec<_> =
        stored.used.iter().map(|(batch, line)| serde_json::json!({"batch": batch, "line": line})).collect();
    serde_json::json!({
        "id": waiver.id,
        "assessment": waiver.assessment_id,
        "rule": waiver.rule.code(),
        "by": waiver.by,
        "reason": waiver.reason,
        "from": waiver.from.to_string(),
        "until": waiver.until.to_string(),
        "ended_on": waiver.ended_on.map(|on| on.to_string()),
        "state": stored.state.code(),
        "used": used,
    })
}
