//! `explain`: why an assessment is granted, refused or held, step by step.

use std::collections::BTreeSet;

use serde::Serialize;

use super::answers::{Answer, answers};
use super::output::{self, hint, say};
use super::{Done, World};
use crate::subsidy::identifiers::mask_number;
use crate::subsidy::register::{Settled, Settlement};
use crate::subsidy::verdict::{Outcome, Payable, Rule, Step};
use crate::subsidy::waiver::Waiver;

/// One verdict with its steps, as JSON.
#[derive(Serialize)]
struct Explained {
    assessment: i64,
    prison: String,
    occupation: String,
    level: &'static str,
    class: String,
    assessed: String,
    kind: &'static str,
    outcome: &'static str,
    codes: String,
    amount_fen: Option<i64>,
    reversed: bool,
    batch: Option<String>,
    line: Option<u32>,
    steps: Vec<Step>,
    missing: Vec<String>,
}

/// Explains every verdict of a certificate or a prisoner.
pub(super) async fn run(world: &World, key: &str) -> anyhow::Result<Done> {
    let found = find(world, key).await?;
    if found.is_empty() {
        if world.json {
            output::json(&Vec::<Explained>::new())?;
        }
        hint!("没有找到“{key}”。请写证书编号，或 监狱/罪犯编号（如 常州监狱/3204001234）");
        return Ok(Done::with_findings(true));
    }
    let answers = answers(&world.store, &world.catalogue, Some(&found), world.today()).await?;
    let mut explained = Vec::new();
    for answer in &answers.list {
        explained.push(explain(world, answer).await?);
    }
    if world.json {
        output::json(&explained)?;
    } else {
        explained.iter().for_each(print);
    }
    for day in &answers.days_without_policy {
        hint!("{day} 没有有效的政策（policies.toml），相应结果无法核定");
    }
    Ok(Done::with_findings(!answers.days_without_policy.is_empty()))
}

/// The assessments that a key names: an id, `prison/number`, or a certificate number.
pub(super) async fn find(world: &World, key: &str) -> anyhow::Result<BTreeSet<i64>> {
    // The slash that Chinese input methods write.
    let key = key.replace('／', "/");
    let key = key.as_str();
    if let Some((prison, number)) = key.split_once('/')
        && let Some(prison) = world.catalogue.prison(prison)
    {
        return Ok(world.store.find_by_prisoner(prison, number.trim()).await?.into_iter().collect());
    }
    let found: BTreeSet<i64> = world.store.find_by_certificate(key).await?.into_iter().collect();
    let id = key.strip_prefix('#').and_then(|id| id.parse::<i64>().ok());
    Ok(if found.is_empty() { id.into_iter().collect() } else { found })
}

async fn explain(world: &World, answer: &Answer) -> anyhow::Result<Explained> {
    let row = &answer.known.row;
    let mut steps = answer.steps.clone();
    let retraced = !steps.is_empty();
    if let Some(settlement) = &answer.settlement {
        let said = match &settlement.what {
            Settled::Granted { reversed_by: Some((batch, line)), .. } => {
                format!(
                    "已由批次 {} 第 {} 行核定，并由批次 {batch} 第 {line} 行追回",
                    settlement.batch, settlement.number
                )
            }
            Settled::Granted { reversal_pending: true, .. } => {
                format!("已由批次 {} 第 {} 行核定；已登记更正，列入下一批次", settlement.batch, settlement.number)
            }
            Settled::Granted { .. } => format!("已由批次 {} 第 {} 行核定", settlement.batch, settlement.number),
            Settled::Refused { .. } => {
                format!("已列入批次 {} 不予核定清单第 {} 条", settlement.batch, settlement.number)
            }
        };
        let note = |text| Step { rule: "批次".into(), kept: None, text, figure: None };
        steps.push(note(format!("{said}（申领日期 {}）", settlement.claim_on)));
        if !retraced {
            steps.push(note("目录或数据此后有改动，以下只列封存的内容".to_owned()));
        }
        if !retraced && answer.outcome != Outcome::Granted {
            let batch = world.store.batch(&settlement.batch).await?;
            let entry = batch.refusals.iter().find(|refusal| refusal.number == settlement.number);
            for (rule, text) in entry.map(|entry| entry.details.clone()).unwrap_or_default() {
                steps.push(Step { rule: rule.number().into(), kept: Some(false), text, figure: None });
            }
        }
        if !retraced && answer.rules.contains(Rule::Waived) {
            for used in world.store.waivers_of_line(&settlement.batch, settlement.number).await? {
                let Waiver { id, rule, by, reason, until, .. } = used.waiver;
                let text = format!("{}；豁免{id}（{by}，至{until}）：{reason}", rule.says());
                steps.push(Step { rule: rule.number().into(), kept: None, text, figure: None });
            }
        }
        steps.extend(answer.payable.as_ref().filter(|_| !retraced).map(steps_of).unwrap_or_default());
    }
    let missing =
        answer.rules.failing().iter().map(|rule| format!("{} {}：{}", rule.number(), rule.says(), rule.mend()));
    Ok(Explained {
        assessment: answer.known.assessment_id,
        prison: format!("{}/{}", row.prison, mask_number(&row.number)),
        occupation: world
            .catalogue
            .occupation(&row.occupation)
            .map_or_else(|| row.occupation.to_string(), |o| o.name.clone()),
        level: row.level.name(),
        class: row.class.clone(),
        assessed: row.assessed_on.to_string(),
        kind: answer.kind.code(),
        outcome: answer.outcome.code(),
        codes: answer.rules.codes(),
        amount_fen: answer.payable.as_ref().map(|payable| payable.amount.0),
        reversed: answer.settlement.as_ref().is_some_and(is_reversed),
        batch: answer.settlement.as_ref().map(|settlement| settlement.batch.to_string()),
        line: answer.settlement.as_ref().map(|settlement| settlement.number),
        steps,
        missing: missing.collect(),
    })
}

fn is_reversed(settlement: &Settlement) -> bool {
    matches!(settlement.what, Settled::Granted { reversed_by: Some(_), .. })
}

/// The steps of a sealed amount.
fn steps_of(payable: &Payable) -> Vec<Step> {
    let step = |rule: &str, text: String, figure| Step {
        rule: rule.into(),
        kept: None,
        text,
        figure: Some(format!("{figure}元")),
    };
    let capped = payable.fee.map_or(payable.base, |fee| payable.base.min(fee));
    let fee =
        payable.fee.map_or("没有可比较的费用，按标准".into(), |fee| format!("与费用{fee}元比较，取较低者"));
    vec![
        step("金额1", format!("补贴标准（{}）", payable.citation), payable.base),
        step("金额2", fee, capped),
        step(
            "金额3",
            format!("补贴比例{}‰，四舍五入到分；期限内第{}次", payable.share_permille, payable.nth),
            payable.amount,
        ),
    ]
}

fn print(explained: &Explained) {
    let kind = if explained.kind == "training" { "培训补贴" } else { "鉴定补贴" };
    let outcome = match explained.outcome {
        "granted" if explained.reversed => "曾核定，已追回",
        "granted" => "核定",
        "denied" => "不予核定",
        _ => "待补正",
    };
    say!(
        "#{}  {}  {}  {}  班期 {}  鉴定日期 {}",
        explained.assessment,
        explained.prison,
        explained.occupation,
        explained.level,
        explained.class,
        explained.assessed
    );
    let amount = explained.amount_fen.map(|fen| format!("  {}元", crate::subsidy::money::Fen(fen))).unwrap_or_default();
    say!("  {kind}：{outcome}{amount}");
    for step in &explained.steps {
        let mark = match step.kept {
            Some(true) => "✓",
            Some(false) if is_warning(&step.rule) => "!",
            Some(false) => "✗",
            None => "·",
        };
        let figure = step.figure.as_deref().map(|figure| format!("  = {figure}")).unwrap_or_default();
        say!("    {mark} {:<4} {}{figure}", step.rule, step.text);
    }
    for missing in &explained.missing {
        say!("    → {missing}");
    }
    say!("");
}

fn is_warning(number: &str) -> bool {
    let rule = Rule::ALL.iter().find(|rule| rule.number() == number);
    rule.is_some_and(|rule| rule.effect() == crate::subsidy::verdict::Effect::Warns)
}
