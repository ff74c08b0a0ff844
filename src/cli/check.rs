//! `check`: every mistake at once, what will be missed later, and what the owner should confirm.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::output::{self, say};
use super::world::{credential, detail_columns, form_specs, load_fonts, open_store, stationery, templates};
use super::{Done, words};
use crate::forms::papers::proofs;
use crate::settings::{self, Environment, Loaded, Mistake, Settings, Severity, credentials, doubts};
use crate::stages::deliver;
use crate::store::Store;
use crate::subsidy::calendar::civil_date;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Kind;
use crate::subsidy::identifiers::mask_number;
use crate::subsidy::judge::{Bench, Trace};
use crate::subsidy::register::{Reversals, Settled};
use crate::subsidy::verdict::{Outcome, Rule, RuleSet};

/// `check --json`.
#[derive(Serialize)]
struct Checked {
    mistakes: Vec<Mistake>,
}

/// Checks everything that the other commands will rely on.
pub(super) async fn run(config: &Path, json: bool, now: DateTime<Utc>) -> anyhow::Result<Done> {
    let environment = settings::environment();
    let mut mistakes = match settings::load(config, &environment) {
        Err(mistakes) => mistakes,
        Ok(loaded) => beyond_files(&environment, loaded, now).await,
    };
    mistakes.sort_by_key(|mistake| mistake.severity);
    let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
    if json {
        output::json(&Checked { mistakes })?;
    } else {
        for mistake in &mistakes {
            say!("{mistake}");
        }
        say!("检查完毕：错误 {errors} 处，提醒 {} 处", mistakes.len() - errors);
    }
    Ok(Done::with_findings(errors > 0))
}

/// What only shows with the files in order: fonts, forms, passwords, database, waiting refusals.
async fn beyond_files(environment: &Environment, loaded: Loaded, now: DateTime<Utc>) -> Vec<Mistake> {
    let Loaded { settings, catalogue, calendar, warnings } = loaded;
    let mut mistakes = warnings;
    mistakes.extend(doubts::all(&settings, &catalogue, &calendar, civil_date(now)));
    let file = settings.shown(&settings.file);
    let error = |error: anyhow::Error| Mistake::of(Severity::Error, file.clone(), words::in_words(&error), "");
    if let Ok(stationery) = stationery(&settings, environment) {
        mistakes.extend(stationery.fonts.missing_families().into_iter().map(|missing| {
            let message = format!("{}缺少字体（{} 之一）", missing.part, missing.families.join("、"));
            Mistake::of(Severity::Warning, "字体", message, "请把相应字体文件放入配置 fonts_dir 所指的文件夹")
        }));
        // A proof of every template: a slip in an edited one must not wait for the next claim.
        mistakes.extend(proofs(stationery.context(&catalogue)).err().map(|failed| error(failed.into())));
    } else {
        mistakes.extend(load_fonts(&settings, environment).err().map(&error));
        mistakes.extend(templates(&settings).err().map(&error));
        mistakes.extend(detail_columns(&settings).err().map(&error));
    }
    mistakes.extend(form_specs(&settings).err().map(&error));
    mistakes.extend(passwords(&settings, environment));
    for (folder, what) in [(&settings.paths.inbox, "收件文件夹"), (&settings.paths.outbox, "发件文件夹")] {
        if !folder.is_dir() {
            let shown = folder.display();
            mistakes.push(Mistake::of(
                Severity::Error,
                file.clone(),
                format!("{what} {shown} 不存在"),
                "请建立该文件夹，或改正 [paths]",
            ));
        }
    }
    match open_store(&settings, environment).await {
        Err(failed) => mistakes.push(error(failed)),
        Ok(store) => match now_granted(&store, &catalogue, now).await {
            Ok(found) => mistakes.extend(found),
            Err(failed) => mistakes.push(error(failed)),
        },
    }
    mistakes
}

/// Recipients whose packets cannot be encrypted.
fn passwords(settings: &Settings, environment: &Environment) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for recipient in settings.claim.recipients.iter().filter(|recipient| deliver::is_encrypted(recipient)) {
        let name = credentials::zip_password(recipient);
        match credential(settings, environment, &name) {
            Err(failed) => mistakes.push(Mistake::of(Severity::Error, name, format!("{failed:#}"), "")),
            Ok(Some(_)) => {}
            Ok(None) => mistakes.push(Mistake::of(
                Severity::Warning,
                settings.shown(&credentials::file(&settings.paths.data, &name)),
                format!("没有 {recipient} 的加密口令，含个人信息的材料无法投递"),
                "请把口令（英文字母和数字，至少8位）写入该文件并设权限 0600，再以电话等其他方式告知收件单位",
            )),
        }
    }
    mistakes
}

/// Refused lines that today's catalogue would grant: the unsettled ones come by themselves with the next batch, the
/// settled ones wait for a person.
async fn now_granted(store: &Store, catalogue: &Catalogue, now: DateTime<Utc>) -> anyhow::Result<Vec<Mistake>> {
    let refused: std::collections::HashMap<(i64, Kind), RuleSet> = store
        .verdicts()
        .await?
        .into_iter()
        .filter(|verdict| verdict.outcome != Outcome::Granted)
        .map(|verdict| ((verdict.assessment_id, verdict.kind), verdict.rules))
        .collect();
    let mut register = store.load_register().await?;
    let docket = register.docket(Reversals::Wait);
    let bench = Bench::new(&docket, catalogue);
    let unsettled = register.open(&bench);
    let settled = register.settled();
    let is_refused = |id, kind| matches!(settled.get(&(id, kind)).map(|s| &s.what), Some(Settled::Refused { .. }));
    let mut open = unsettled.clone();
    for (known, open) in register.results.iter().zip(&mut open) {
        for kind in Kind::ALL {
            open[kind.index()] |= is_refused(known.assessment_id, kind);
        }
    }
    let judgement = bench.judge(&open, None, civil_date(now), &Trace::Nothing);
    let mut mistakes = Vec::new();
    for (i, known) in register.results.iter().enumerate() {
        for verdict in judgement.verdicts[i].iter().flatten().filter(|verdict| verdict.outcome == Outcome::Granted) {
            let key = (known.assessment_id, verdict.kind);
            let (rules, settled_in) = match settled.get(&key) {
                Some(settlement) if !unsettled[i][verdict.kind.index()] => match &settlement.what {
                    Settled::Refused { rules } => (*rules, Some(settlement.batch.clone())),
                    Settled::Granted { .. } => continue,
                },
                _ => (refused.get(&key).copied().unwrap_or_default(), None),
            };
            if !rules.iter().any(is_of_catalogue) {
                continue;
            }
            let row = &known.row;
            let advice = match settled_in {
                None => "下一次申领将自动核定，无需操作".to_owned(),
                Some(batch) => format!(
                    "已在批次 {batch} 了结；如应补发，请运行 shenling assessment reopen '#{}' --reason 原因 --by 经办人",
                    known.assessment_id
                ),
            };
            let what = format!(
                "{}/{} {} {} 的{}原因目录不予核定（{}），按现行目录可以核定",
                row.prison,
                mask_number(&row.number),
                row.occupation,
                row.level,
                verdict.kind.name(),
                rules.codes()
            );
            mistakes.push(Mistake::of(Severity::Confirm, format!("结果 #{}", known.assessment_id), what, advice));
        }
    }
    Ok(mistakes)
}

/// Rules that the catalogue's files decide.
fn is_of_catalogue(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::NotInCatalogue | Rule::InstitutionNotDesignated | Rule::InstitutionPenalised | Rule::NoAgreement
    )
}
