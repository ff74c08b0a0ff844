//! `shenling.toml`: first read strictly with places (`document`), then laid over the defaults and under the
//! environment by the `config` crate.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, File, FileFormat, Value as Layered};
use serde::Deserialize;

use super::document::{self, Lines, Section, Value};
use super::duties::{self, MergedDuty, MergedOffice};
use super::keys;
use super::mail;
use super::mistake::{Mistakes, Place};
use super::salvage::{self, Salvaged};
use super::{
    Account, Administrator, Agency, Claim, Daemon, Database, Delivery, Environment, Inbox, Limits, Mail, Paths, Payee,
    PrisonEntry, Programme, Publicity, Schedule, Settings,
};
use crate::subsidy::identifiers::normalise;

/// The file that `init` writes is also the layer of defaults: each value stands once.
pub(super) const DEFAULTS: &str = include_str!("../../config/shenling.toml");

/// `SHENLING__SECTION__KEY`.
pub(super) const PREFIX: &str = "SHENLING__";

/// The database's name in the data folder.
const DATABASE: &str = "shenling.db";

/// The merged layers, before paths are resolved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merged {
    programme: Programme,
    administrator: Administrator,
    prison: Vec<MergedPrison>,
    agency: Vec<Agency>,
    duty: Vec<MergedDuty>,
    office: MergedOffice,
    paths: MergedPaths,
    database: MergedDatabase,
    limits: Limits,
    inbox: Inbox,
    claim: Claim,
    delivery: Delivery,
    schedule: Schedule,
    daemon: Daemon,
    publicity: Publicity,
    payee: Payee,
    mail: Mail,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergedPrison {
    name: String,
    #[serde(default)]
    lead: bool,
    #[serde(default)]
    email: Vec<String>,
    #[serde(default)]
    account: MergedAccount,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct MergedAccount {
    name: String,
    bank: String,
    number: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergedPaths {
    catalogue: String,
    inbox: String,
    outbox: String,
    data: String,
    fonts_dir: String,
    templates_dir: String,
    forms_dir: String,
    holidays_dir: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergedDatabase {
    url: String,
}

/// Reads the file and the environment; all mistakes at once, and what can be read in spite of them. Paths are resolved as
/// if it stood at `home`.
pub(super) fn read(path: &Path, home: &Path, environment: &Environment) -> Salvaged {
    let mut mistakes = Mistakes::of(path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
    let text = match std::fs::read(path) {
        Ok(bytes) => document::utf8(&bytes, &mut mistakes).map(str::to_owned),
        Err(error) => {
            mistakes.file = path.display().to_string();
            let message = match error.kind() {
                std::io::ErrorKind::NotFound => "没有这个配置文件".to_owned(),
                _ => format!("读不到配置文件（{error}）"),
            };
            let advice = "用 --config 或环境变量 SHENLING_CONFIG 指明文件，或运行 shenling init 文件夹 新建一套";
            mistakes.error(Place::default(), message, advice);
            None
        }
    };
    if let Some(text) = &text {
        examine(text, &mut mistakes);
        mistakes.sort();
    }
    let overrides = from_environment(environment, &mut mistakes);
    let Some(text) = text else { return Salvaged { mistakes: mistakes.list, ..Salvaged::default() } };
    let sound = salvage::sound_lines(&text, &mistakes.list);
    let merged = merge(&sound, overrides).inspect(|merged| {
        if let Some((key, message, advice)) = duties::wrong_hours(&merged.office) {
            mistakes.error(place_of(&text, "office", key), message, advice);
        }
    });
    let settings = match merged.map(|merged| resolve(home, merged)) {
        Ok(settings) => {
            cross_check(&settings, &text, &mut mistakes);
            Some(settings)
        }
        Err(error) if mistakes.list.is_empty() => {
            let message = format!("无法合并配置（{error}）");
            mistakes.error(Place::default(), message, "请对照程序自带的 shenling.toml");
            None
        }
        Err(_) => None,
    };
    let doubtful = salvage::doubtful(&text, &mistakes.list);
    Salvaged { settings, mistakes: mistakes.list, doubtful }
}

/// The defaults alone, resolved as if they stood in that file.
pub(super) fn defaults(path: &Path) -> Option<Settings> {
    merge("", Vec::new()).ok().map(|merged| resolve(path, merged))
}

/// Holds the file against the known keys.
fn examine(text: &str, mistakes: &mut Mistakes) {
    let Some(root) = document::parse(text, mistakes) else { return };
    let lines = Lines(text);
    let mut root = Section::new(root.get_ref(), lines, Place::at(1, 1));
    for name in keys::sections() {
        let Some(mut section) = root.table(name, mistakes) else { continue };
        for key in keys::of(name) {
            let value = section.get(key.name, key.kind, mistakes);
            if key.name == "email" {
                mail::examine_addresses(value, mistakes);
            }
        }
        section.finish(mistakes);
    }
    if let Some(prisons) = root.tables("prison", mistakes) {
        examine_prisons(prisons, mistakes);
    }
    if let Some(agencies) = root.tables("agency", mistakes) {
        examine_agencies(agencies, mistakes);
    }
    if let Some(sections) = root.tables("duty", mistakes) {
        duties::examine(sections, mistakes);
    }
    root.finish(mistakes);
}

fn examine_prisons(prisons: Vec<Section<'_, '_>>, mistakes: &mut Mistakes) {
    let (mut names, mut leads) = (HashSet::new(), Vec::new());
    let all_read = prisons.len();
    let first = prisons.first().map(|section| section.place).unwrap_or_default();
    for mut section in prisons {
        let place = section.place;
        for key in keys::PRISON {
            match if key.name == "name" {
                section.need(key.name, key.kind, mistakes)
            } else {
                section.get(key.name, key.kind, mistakes)
            } {
                Some((Value::Text(name), place)) => {
                    let short = normalise(name.strip_suffix("监狱").unwrap_or(&name));
                    if !names.insert(short) {
                        mistakes.error(place, format!("监狱“{name}”写了两次"), "每个监狱只写一节 [[prison]]");
                    }
                }
                Some((Value::Truth(true), _)) => leads.push(place),
                addresses @ Some((Value::Texts(_), _)) => mail::examine_addresses(addresses, mistakes),
                _ => {}
            }
        }
        if let Some(account) = section.table("account", mistakes) {
            examine_account(account, mistakes);
        }
        section.finish(mistakes);
    }
    let advice = "在汇总上报的那一个监狱写 lead = true，其余写 false";
    match leads.as_slice() {
        [] if !mistakes.broken_lines.is_empty() => {}
        [] => mistakes.error(first, format!("{all_read} 个监狱中没有牵头监狱"), advice),
        [_] => {}
        [_, others @ ..] => {
            for place in others {
                mistakes.error(*place, "牵头监狱多于一个", advice);
            }
        }
    }
}

fn examine_account(mut account: Section<'_, '_>, mistakes: &mut Mistakes) {
    let place = account.place;
    let mut filled = 0;
    for key in keys::ACCOUNT {
        let Some((Value::Text(text), at)) = account.get(key.name, key.kind, mistakes) else { continue };
        filled += usize::from(!text.trim().is_empty());
        if key.name == "number" && !text.bytes().all(|b| b.is_ascii_digit()) {
            mistakes.error(at, "账号只能是数字", "请写成不带空格和横线的数字，并加引号");
        }
    }
    if filled > 0 && filled < keys::ACCOUNT.len() {
        mistakes.error(place, "专户资料不全", "户名 name、开户银行 bank、账号 number 三项都填，或三项都留空");
    }
    account.finish(mistakes);
}

fn examine_agencies(agencies: Vec<Section<'_, '_>>, mistakes: &mut Mistakes) {
    let mut ids = Vec::new();
    let first = agencies.first().map(|section| section.place).unwrap_or_default();
    for mut section in agencies {
        for key in keys::AGENCY {
            if key.name == "email" {
                mail::examine_addresses(section.get(key.name, key.kind, mistakes), mistakes);
                continue;
            }
            let value = section.need(key.name, key.kind, mistakes);
            if let (Some((Value::Text(id), place)), "id") = (value, key.name) {
                if ids.contains(&id) {
                    mistakes.error(place, format!("部门 {id} 写了两次"), "每个部门只写一节 [[agency]]");
                }
                ids.push(id);
            }
        }
        section.finish(mistakes);
    }
    if !mistakes.broken_lines.is_empty() {
        return;
    }
    for missing in keys::AGENCY_IDS.iter().filter(|id| !ids.iter().any(|known| known == *id)) {
        let advice =
            format!("请补一节 [[agency]]，id = \"{missing}\"，name = 正式名称；或删去全部 [[agency]] 用默认的四个");
        mistakes.error(first, format!("缺少部门 {missing}"), advice);
    }
}

/// Reads `SHENLING__SECTION__KEY` by the same strict rules as the file.
fn from_environment(environment: &Environment, mistakes: &mut Mistakes) -> Vec<(String, Layered)> {
    let file = std::mem::take(&mut mistakes.file);
    let mut overrides = Vec::new();
    for (name, text) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        mistakes.file = format!("环境变量 {name}");
        let path = name[PREFIX.len()..].to_ascii_lowercase();
        let found = path.split_once("__").and_then(|(section, key)| keys::of(section).find(|k| k.name == key));
        let Some(key) = found else {
            let advice = "请写成 SHENLING__节__键，节和键须是 shenling.toml 中有的；监狱和部门只能写在文件里";
            mistakes.error(Place::default(), "没有这个设置", advice);
            continue;
        };
        if let Some(value) = mistakes.take(Place::default(), key.kind.read_text(text)) {
            overrides.push((format!("{}.{}", key.section, key.name), layered(value)));
        }
    }
    mistakes.file = file;
    overrides
}

fn layered(value: Value) -> Layered {
    match value {
        Value::Text(text) => text.into(),
        Value::Whole(number) => number.into(),
        Value::Truth(truth) => truth.into(),
        Value::Texts(texts) => texts.into_iter().map(|(text, _)| text).collect::<Vec<_>>().into(),
        Value::Date(date) => date.to_string().into(),
        Value::Absent => String::new().into(),
    }
}

/// Defaults, then the file, then the environment.
fn merge(text: &str, overrides: Vec<(String, Layered)>) -> Result<Merged, ConfigError> {
    let mut layers = Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .add_source(File::from_str(text, FileFormat::Toml));
    for (key, value) in overrides {
        layers = layers.set_override(key, value)?;
    }
    layers.build()?.try_deserialize()
}

fn resolve(path: &Path, merged: Merged) -> Settings {
    let home = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let under = |folder: &str| home.join(folder);
    let optional = |folder: &str| (!folder.trim().is_empty()).then(|| under(folder));
    let paths = Paths {
        catalogue: under(&merged.paths.catalogue),
        inbox: under(&merged.paths.inbox),
        outbox: under(&merged.paths.outbox),
        data: under(&merged.paths.data),
        fonts_dir: optional(&merged.paths.fonts_dir),
        templates_dir: optional(&merged.paths.templates_dir),
        forms_dir: optional(&merged.paths.forms_dir),
        holidays_dir: optional(&merged.paths.holidays_dir),
    };
    let url = merged.database.url.trim();
    let database = if let Some(file) = url.strip_prefix("sqlite:") {
        Database::Lite(under(file.strip_prefix("//").unwrap_or(file)))
    } else if url.is_empty() {
        Database::Lite(paths.data.join(DATABASE))
    } else {
        Database::Postgres(url.to_owned())
    };
    Settings {
        file: path.to_path_buf(),
        programme: merged.programme,
        administrator: merged.administrator,
        prisons: merged.prison.into_iter().map(prison).collect(),
        agencies: merged.agency,
        duties: duties::resolve(merged.duty),
        office: duties::office(&merged.office),
        paths,
        database,
        limits: merged.limits,
        inbox: merged.inbox,
        claim: merged.claim,
        delivery: merged.delivery,
        schedule: merged.schedule,
        daemon: merged.daemon,
        publicity: merged.publicity,
        payee: merged.payee,
        mail: merged.mail.under(&home),
    }
}

fn prison(merged: MergedPrison) -> PrisonEntry {
    let MergedAccount { name, bank, number } = merged.account;
    let account = (!number.is_empty()).then_some(Account { name, bank, number });
    PrisonEntry { name: merged.name.trim().to_owned(), lead: merged.lead, email: merged.email, account }
}

/// What can only be held against the merged whole, because the environment may have changed one side of it.
fn cross_check(settings: &Settings, text: &str, mistakes: &mut Mistakes) {
    if let Database::Postgres(url) = &settings.database
        && !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
    {
        let advice = "留空用 SQLite，或写 \"sqlite:文件\"、\"postgres://用户@主机/库名\"";
        mistakes.error(place_of(text, "database", "url"), "database.url 不是数据库地址", advice);
    }
    let recipients = &settings.claim.recipients;
    let at = place_of(text, "claim", "recipients");
    if recipients.is_empty() {
        mistakes.error(at, "claim.recipients 是空的", "至少写一个部门，如 [\"bureau\"]");
    }
    for (i, id) in recipients.iter().enumerate() {
        if settings.agency(id).is_none() {
            let advice = format!("请写下列之一：{}", document::quoted(keys::AGENCY_IDS));
            mistakes.error(at, format!("claim.recipients 中的 \"{id}\" 不是部门"), advice);
        } else if recipients[..i].contains(id) {
            mistakes.error(at, format!("claim.recipients 中 \"{id}\" 写了两次"), "删去一个");
        }
    }
    replacements_exist(&settings.paths, text, mistakes);
    mail::cross_check(settings, |section, key| place_of(text, section, key), mistakes);
    let Paths { catalogue, inbox, outbox, data, .. } = &settings.paths;
    let folders: [(&str, &PathBuf); 4] =
        [("catalogue", catalogue), ("inbox", inbox), ("outbox", outbox), ("data", data)];
    for (i, (name, folder)) in folders.iter().enumerate() {
        if let Some((other, _)) = folders[..i].iter().find(|(_, other)| other == folder) {
            let message = format!("paths.{name} 和 paths.{other} 是同一个文件夹");
            mistakes.error(place_of(text, "paths", name), message, "四个文件夹须各不相同");
        }
    }
}

/// A folder that is named and missing would otherwise silently become the built-in one.
fn replacements_exist(paths: &Paths, text: &str, mistakes: &mut Mistakes) {
    let Paths { fonts_dir, templates_dir, forms_dir, .. } = paths;
    for (name, folder) in [("fonts_dir", fonts_dir), ("templates_dir", templates_dir), ("forms_dir", forms_dir)] {
        if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
            let message = format!("paths.{name} 指的文件夹 {} 不存在", folder.display());
            mistakes.error(place_of(text, "paths", name), message, "请建立该文件夹或改正路径；不用则留空");
        }
    }
}

/// Where a key stands in the file, if it does.
fn place_of(text: &str, section: &str, key: &str) -> Place {
    let Some(root) = document::parse(text, &mut Mistakes::default()) else { return Place::default() };
    let value = root.get_ref().get(section).and_then(|section| section.get_ref().get(key));
    value.map(|value| Lines(text).place(value.span())).unwrap_or_default()
}
