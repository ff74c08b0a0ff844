//! `check`: every mistake at once, what will be missed later, and what the owner should confirm.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::output::{self, say};
use super::world::{find_credential, open_store};
use super::{Done, duties, replaced, serve, words};
use crate::forms::papers::check_password;
use crate::settings::{
    self, Database, Environment, Looked, Mistake, Paths, Settings, Severity, credentials, doubts, mailbox,
};
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
    let mut mistakes = Box::pin(everything(&environment, settings::look(config, &environment), now)).await;
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

/// The mistakes of the files, and what they do not show: fonts, forms, passwords, folders, database, waiting refusals.
/// What hangs on a setting that is itself wrong is left out, lest one mistake be told twice.
async fn everything(environment: &Environment, looked: Looked, now: DateTime<Utc>) -> Vec<Mistake> {
    let mut mistakes = looked.mistakes.clone();
    let Some(settings) = &looked.settings else { return mistakes };
    let sound = looked.is_sound();
    if sound {
        mistakes.extend(doubts::all(settings, &looked.catalogue, &looked.calendar, civil_date(now)));
    }
    mistakes.extend(replaced::papers(settings, environment, &looked.catalogue));
    let file = settings.shown(&settings.file);
    mistakes.extend(
        serve::schedules(settings, now)
            .into_iter()
            .filter_map(|(_, schedule)| schedule.err())
            .map(|says| Mistake::of(Severity::Error, file.clone(), says, "请改正 [schedule]；留空表示不自动运行")),
    );
    let Paths { inbox, outbox, data, .. } = &settings.paths;
    for (key, folder, what) in [
        ("paths.inbox", inbox, "收件文件夹"),
        ("paths.outbox", outbox, "发件文件夹"),
        ("paths.data", data, "数据文件夹"),
    ] {
        if !looked.is_doubtful(&[key]) {
            mistakes.extend(unfit(folder, what, &file));
        }
    }
    if looked.is_doubtful(&["paths.data"]) {
        return mistakes;
    }
    mistakes.extend(passwords(settings, environment));
    mistakes.extend(mail_password(settings, environment));
    mistakes.extend(mailbox_passwords(settings, environment, &looked.catalogue));
    if looked.is_doubtful(&["database.url"]) {
        return mistakes;
    }
    match database(settings, environment).await {
        Err(found) => mistakes.extend(found),
        Ok(store) if sound => {
            let tables = (&looked.catalogue, &looked.calendar);
            let unreachable = duties::unreachable(&store, settings, tables, civil_date(now)).await;
            for found in [now_granted(&store, &looked.catalogue, now).await, unreachable] {
                match found {
                    Ok(found) => mistakes.extend(found),
                    Err(failed) => mistakes.push(told(settings, &failed)),
                }
            }
        }
        Ok(_) => {}
    }
    mistakes
}

/// An error that concerns the settings as a whole.
pub(super) fn told(settings: &Settings, error: &anyhow::Error) -> Mistake {
    Mistake::of(Severity::Error, settings.shown(&settings.file), words::in_words(error), "")
}

/// A folder that is missing or cannot be written.
fn unfit(folder: &Path, what: &str, file: &str) -> Option<Mistake> {
    let shown = folder.display();
    if !folder.is_dir() {
        let message = format!("{what} {shown} 不存在");
        return Some(Mistake::of(Severity::Error, file, message, "请建立该文件夹，或改正 [paths]"));
    }
    let probe = folder.join(".shenling-check");
    let failed = fs::File::create(&probe).and_then(|_| fs::remove_file(&probe)).err()?;
    let message = format!("{what} {shown} 不能写入：{}", words::io(&failed));
    Some(Mistake::of(Severity::Error, file, message, "请检查属主、权限和挂载方式"))
}

/// The open database; or what keeps it shut, and without a key whether it could be reached at all.
async fn database(settings: &Settings, environment: &Environment) -> Result<Store, Vec<Mistake>> {
    let key = find_credential(settings, environment, credentials::VAULT_KEY);
    let without_key = !matches!(key, Ok(Some(_)));
    let mut mistakes = match (key, open_store(settings, environment)) {
        (Err(mistake), _) => vec![mistake],
        (Ok(_), open) => match open.await {
            Ok(store) => return Ok(store),
            Err(failed) => vec![told(settings, &failed)],
        },
    };
    if let (true, Database::Postgres(url)) = (without_key, &settings.database) {
        mistakes.extend(Store::reach(url).await.err().map(|failed| told(settings, &failed.into())));
    }
    Err(mistakes)
}

/// Recipients whose packets cannot be encrypted.
fn passwords(settings: &Settings, environment: &Environment) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for recipient in settings.claim.recipients.iter().filter(|recipient| deliver::is_encrypted(recipient)) {
        let name = credentials::zip_password(recipient);
        let file = settings.shown(&credentials::file(&settings.paths.data, &name));
        match find_credential(settings, environment, &name) {
            Err(mistake) => mistakes.push(mistake),
            Ok(Some(password)) => mistakes.extend(
                check_password(&password)
                    .err()
                    .map(|failed| Mistake::of(Severity::Error, file, failed.to_string(), "请另定口令，并告知收件单位")),
            ),
            Ok(None) => mistakes.push(Mistake::of(
                Severity::Warning,
                file,
                format!("没有 {recipient} 的加密口令，含个人信息的材料无法投递"),
                "请把口令（英文字母和数字，至少8位）写入该文件并设权限 0600，再以电话等其他方式告知收件单位",
            )),
        }
    }
    mistakes
}

/// The password of the mail account, where one is needed.
fn mail_password(settings: &Settings, environment: &Environment) -> Option<Mistake> {
    if !settings.mail.is_on() || settings.mail.user.is_empty() {
        return None;
    }
    let name = credentials::SMTP_PASSWORD;
    let file = settings.shown(&credentials::file(&settings.paths.data, name));
    match find_credential(settings, environment, name) {
        Ok(Some(_)) => None,
        Ok(None) => Some(Mistake::of(
            Severity::Error,
            file,
            format!("没有 {} 的邮件口令，邮件发不出去", settings.mail.user),
            "请把口令写入该文件并设权限 0600，或在 systemd 中以 LoadCredential=smtp-password 提供",
        )),
        Err(mistake) => Some(mistake),
    }
}

/// The password of the mailbox, and units to whom nothing personal can be answered.
fn mailbox_passwords(settings: &Settings, environment: &Environment, catalogue: &Catalogue) -> Vec<Mistake> {
    if !settings.mailbox.is_on() {
        return Vec::new();
    }
    let place = |name: &str| settings.shown(&credentials::file(&settings.paths.data, name));
    let mut mistakes = match find_credential(settings, environment, credentials::IMAP_PASSWORD) {
        Ok(Some(_)) => Vec::new(),
        // Whose password it would be is told first.
        Ok(_) if settings.mailbox.user.trim().is_empty() => Vec::new(),
        Ok(None) => vec![Mistake::of(
            Severity::Error,
            place(credentials::IMAP_PASSWORD),
            format!("没有收件邮箱 {} 的口令，收不了邮件", settings.mailbox.user),
            "请把口令（网易、腾讯等邮箱须在网页设置中开启 IMAP 并生成“授权码”）写入该文件并设权限 0600",
        )],
        Err(mistake) => vec![mistake],
    };
    for unit in mailbox::units(settings, catalogue).iter().filter(|unit| !unit.senders.is_empty()) {
        let name = credentials::zip_password(&unit.id);
        let found =
            if credentials::is_name(&unit.id) { find_credential(settings, environment, &name) } else { Ok(None) };
        mistakes.extend(match found {
            Err(mistake) => Some(mistake),
            Ok(Some(password)) => check_password(&password).err().map(|failed| {
                Mistake::of(Severity::Error, place(&name), failed.to_string(), "请另定口令，并告知该单位")
            }),
            Ok(None) => {
                let advice = if credentials::is_name(&unit.id) {
                    format!("需要时请把口令写入 {}（权限 0600）并告知该单位", place(&name))
                } else {
                    "需要时请填其 id（机构为组织机构代码），再把口令写入凭据 zip-password-代号".to_owned()
                };
                let message = format!("“{}”没有加密口令：给它的答复只写单元格位置，不附标注副本", unit.name);
                Some(Mistake::of(Severity::Warning, settings.shown(&settings.file), message, advice))
            }
        });
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
                "{}/{} {} {}：{}原先不予核定（{}），按现行目录可以核定",
                row.prison,
                mask_number(&row.number),
                catalogue.occupation(&row.occupation).map_or(&*row.occupation, |occupation| &occupation.name),
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
