//! `export verdicts`: one row per live assessment and kind, for a second calculation to be held against.

use serde::Serialize;

use super::answers::{Answer, Answers, answers};
use super::args::ExportFormat;
use super::output::{self, hint};
use super::{Done, World};
use crate::subsidy::identifiers::mask_number;

/// One exported row; the header is a contract.
#[derive(Serialize)]
struct Row {
    prison: String,
    number: String,
    occupation: String,
    level: &'static str,
    class: String,
    assessed: String,
    certificate: String,
    kind: &'static str,
    outcome: &'static str,
    codes: String,
    amount_fen: Option<i64>,
}

/// Exports the verdicts as of now.
pub(super) async fn verdicts(world: &World, format: Option<ExportFormat>, personal: bool) -> anyhow::Result<Done> {
    let Answers { list, days_without_policy, zero_amounts } =
        answers(&world.store, &world.catalogue, None, world.today()).await?;
    if personal {
        world.store.note("export.personal", "verdicts", &serde_json::json!({"rows": list.len()}), world.now).await?;
    }
    let rows: Vec<Row> = list.iter().map(|answer| row(answer, personal)).collect();
    match format.unwrap_or(if world.json { ExportFormat::Json } else { ExportFormat::Csv }) {
        ExportFormat::Json => output::json(&rows)?,
        ExportFormat::Csv => {
            let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
            let header = "prison,number,occupation,level,class,assessed,certificate,kind,outcome,codes,amount_fen";
            writer.write_record(header.split(','))?;
            for row in &rows {
                writer.serialize(row)?;
            }
            output::raw(&writer.into_inner()?);
        }
    }
    for day in &days_without_policy {
        hint!("{day} 没有有效的政策（policies.toml），相应结果无法核定，未导出");
    }
    if !zero_amounts.is_empty() {
        hint!(
            "{} 条结果按补贴标准计算为零元，属目录错误，未导出：请检查 rates.csv 与 agreements.csv",
            zero_amounts.len()
        );
    }
    Ok(Done::with_findings(!days_without_policy.is_empty() || !zero_amounts.is_empty()))
}

fn row(answer: &Answer, personal: bool) -> Row {
    let facts = &answer.known.row;
    let shown = |text: &str| if personal { text.to_owned() } else { mask_number(text) };
    Row {
        prison: facts.prison.to_string(),
        number: shown(&facts.number),
        occupation: facts.occupation.to_string(),
        level: facts.level.name(),
        class: facts.class.clone(),
        assessed: facts.assessed_on.to_string(),
        certificate: facts.certificate_number.as_deref().map(shown).unwrap_or_default(),
        kind: answer.kind.code(),
        outcome: answer.outcome.code(),
        codes: answer.rules.codes(),
        amount_fen: answer.payable.as_ref().map(|payable| payable.amount.0),
    }
}
