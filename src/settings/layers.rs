//! `shenling.toml`: first read strictly with places (`document`), then laid over the defaults and under the
//! environment by the `config` crate.

use std::path::{Path, PathBuf};

use config::{Config, ConfigError, File, FileFormat, Value as Layered};
use serde::Deserialize;

use super::daemon;
use super::document::{self, Lines, Value};
use super::duties::{self, MergedDuty, MergedOffice};
use super::examine::examine;
use super::keys;
use super::mail;
use super::mailbox;
use super::mistake::{Mistakes, Place};
use super::salvage::{self, Salvaged};
use super::{
    Account, Administrator, Agency, Claim, Daemon, Database, Delivery, Environment, Inbox, Limits, Mail, Mailbox,
    Paths, Payee, PrisonEntry, Programme, Publicity, Schedule, Settings,
};

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
    mailbox: Mailbox,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergedPrison {
    name: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    lead: bool,
    #[serde(default)]
    email: Vec<String>,
    #[serde(default)]
    senders: Vec<String>,
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
        held_on: duties::held_on(&merged.office),
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
        mailbox: merged.mailbox.under(&home),
    }
}

fn prison(merged: MergedPrison) -> PrisonEntry {
    let MergedAccount { name, bank, number } = merged.account;
    let account = (!number.is_empty()).then_some(Account { name, bank, number });
    let MergedPrison { name, id, lead, email, senders, .. } = merged;
    PrisonEntry { name: name.trim().to_owned(), id, lead, email, senders, account }
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
    let entry = |array: &str, index: usize, key: &str| place_in(text, array, index, key);
    mailbox::cross_check(settings, |section, key| place_of(text, section, key), entry, mistakes);
    daemon::cross_check(&settings.daemon, |section, key| place_of(text, section, key), mistakes);
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

/// Where a key of the n-th `[[array]]` stands in the file, if it does; else where that begins.
fn place_in(text: &str, array: &str, index: usize, key: &str) -> Place {
    let Some(root) = document::parse(text, &mut Mistakes::default()) else { return Place::default() };
    let item = root.get_ref().get(array).and_then(|items| items.get_ref().as_array()?.get(index));
    let Some(item) = item else { return Place::default() };
    let value = item.get_ref().as_table().and_then(|table| table.get(key));
    Lines(text).place(value.map_or_else(|| item.span(), toml::Spanned::span))
}
