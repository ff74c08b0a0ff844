//! The catalogue folder: reference tables and policies -> [`Catalogue`], or every mistake in them.

mod institutions;
mod occupations;
mod policies;
mod rates;
mod sheet;
mod table;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::mistake::{Mistake, Mistakes, Place, Severity};
use super::{Limits, Settings};
use crate::subsidy::catalogue::{Catalogue, Names, Prison};
use sheet::{Column, Sheet};

/// The reference tables; each is a .csv or an .xlsx.
const TABLES: [&str; 5] = ["institutions", "penalties", "agreements", "occupations", "rates"];

/// The policies.
const POLICIES: &str = "policies.toml";

/// What the columns mean, for people.
const EXPLANATION: &str = "README.md";

/// Files that people put here although they are taken in otherwise.
const IMPORTED: [(&str, &str); 2] = [("survey", "survey"), ("history", "history")];

/// The files of the folder that count, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// What the readers of all tables need.
struct Reader<'a> {
    files: Files,
    /// The folder's name in messages.
    folder: String,
    names: Names,
    /// `None` where `shenling.toml` is itself broken: then no prison can be held against it.
    prisons: Option<&'a [Prison]>,
    mistakes: Vec<Mistake>,
    /// Names in rows that have mistakes of their own: elsewhere they are not unknown.
    half_read: HashSet<String>,
}

/// Reads the folder. The hash is over the same bytes that were read.
pub(super) fn read(settings: &Settings, prisons: Option<Vec<Prison>>) -> (Catalogue, Vec<Mistake>) {
    let dir = &settings.paths.catalogue;
    let mut mistakes = Vec::new();
    let folder = settings.shown(dir);
    let files = match gather(dir, Some((&settings.limits, &folder, &mut mistakes))) {
        Ok(files) => files,
        Err(error) => {
            let advice = "请核对 shenling.toml 的 paths.catalogue，或运行 shenling init 文件夹 取得一套模板";
            mistakes.push(Mistake::of(Severity::Error, folder, format!("读不到目录文件夹（{error}）"), advice));
            return (Catalogue::default(), mistakes);
        }
    };
    mistakes.extend(strangers(dir, &folder));
    let sha256 = digest(&files);
    let mut reader = Reader {
        files,
        folder,
        names: Names::default(),
        prisons: prisons.as_deref(),
        mistakes,
        half_read: HashSet::new(),
    };
    let policies = policies::read(&mut reader);
    let institutions = institutions::read(&mut reader);
    let penalties = institutions::read_penalties(&mut reader, &institutions);
    let agreements = institutions::read_agreements(&mut reader, &institutions);
    let occupations = occupations::read(&mut reader);
    let rates = rates::read(&mut reader, &occupations, &policies, &agreements);
    let mistakes = std::mem::take(&mut reader.mistakes);
    let mut catalogue = Catalogue::default();
    catalogue.prisons = prisons.unwrap_or_default();
    catalogue.institutions = institutions.into_iter().map(|(row, _)| row).collect();
    catalogue.penalties = penalties;
    catalogue.agreements = agreements.into_iter().map(|(row, _)| row).collect();
    catalogue.occupations = occupations.into_iter().map(|(row, _)| row).collect();
    catalogue.rates = rates;
    catalogue.policies = policies;
    catalogue.sha256 = sha256;
    (catalogue.indexed(), mistakes)
}

/// SHA-256 over the catalogue's files as they stand now: a claim compares it before it seals.
pub fn fingerprint(dir: &Path) -> std::io::Result<String> {
    gather(dir, None).map(|files| digest(&files))
}

fn digest(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        for part in [name.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hex::encode(hash.finalize())
}

/// The names of all files that count.
fn known_names() -> impl Iterator<Item = String> {
    TABLES.iter().flat_map(|table| [format!("{table}.csv"), format!("{table}.xlsx")]).chain([POLICIES.to_owned()])
}

fn gather(dir: &Path, mut checks: Option<(&Limits, &str, &mut Vec<Mistake>)>) -> std::io::Result<Files> {
    std::fs::read_dir(dir)?;
    let mut files = Files::new();
    for name in known_names() {
        let path = dir.join(&name);
        let size = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if let Some((limits, folder, mistakes)) = &mut checks
            && size > limits.max_file_bytes
        {
            let message = format!("文件有 {size} 字节，超过 limits.max_file_bytes");
            let advice = "请核对是不是放错了文件";
            mistakes.push(Mistake::of(Severity::Error, format!("{folder}/{name}"), message, advice));
            // Present, though unread: otherwise it would be reported as missing too.
            files.insert(name, Vec::new());
            continue;
        }
        files.insert(name, std::fs::read(&path)?);
    }
    Ok(files)
}

/// Files that lie in the folder and are not read: said, so that nobody believes that they count.
fn strangers(dir: &Path, folder: &str) -> Vec<Mistake> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let known: Vec<String> = known_names().collect();
    let temporary = |name: &str| {
        let kind = Path::new(name).extension();
        name.starts_with(['.', '~']) || kind.is_some_and(|kind| kind == "tmp" || kind == "part")
    };
    let mut mistakes = Vec::new();
    for name in names.into_iter().filter(|name| !known.contains(name) && name != EXPLANATION && !temporary(name)) {
        let stem = name.split('.').next().unwrap_or_default().to_lowercase();
        let (message, advice) = match IMPORTED.iter().find(|(known, _)| *known == stem) {
            Some((_, kind)) => (
                "这个文件含个人信息，不从目录文件夹读取".to_owned(),
                format!("请运行 shenling import {name} --as {kind} 收入（加密存放），然后从此处删除"),
            ),
            None => (
                "不认识的文件，没有读取".to_owned(),
                format!(
                    "如是写错的文件名请改正；可用的文件：{} 和 {POLICIES}",
                    TABLES.map(|t| format!("{t}.csv")).join("、")
                ),
            ),
        };
        mistakes.push(Mistake::of(Severity::Warning, format!("{folder}/{name}"), message, advice));
    }
    mistakes
}

impl Reader<'_> {
    /// A table with its header understood, and the collector for its rows; the collector goes back by
    /// [`Reader::close`].
    fn table(&mut self, table: &str, columns: &'static [Column], missing: Severity) -> (Option<Sheet>, Mistakes) {
        let [csv, xlsx] = ["csv", "xlsx"].map(|kind| format!("{table}.{kind}"));
        let both = self.files.contains_key(&csv) && self.files.contains_key(&xlsx);
        let Some(name) = [csv, xlsx].into_iter().find(|name| self.files.contains_key(name)) else {
            let mut mistakes = Mistakes::of(format!("{}/{table}.csv", self.folder));
            let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
            let advice = format!("请放一个（没有内容也要有表头）：{}", names.join(","));
            let message = match missing {
                Severity::Error => "没有这个文件（.csv 或 .xlsx）",
                _ => "没有这个文件（.csv 或 .xlsx），当作没有记录",
            };
            mistakes.list.push(Mistake::of(missing, mistakes.file.clone(), message, advice));
            return (None, mistakes);
        };
        let mut mistakes = Mistakes::of(format!("{}/{name}", self.folder));
        if both {
            mistakes.error(Place::default(), format!("{table}.csv 和 {table}.xlsx 同时存在"), "只留一个");
            return (None, mistakes);
        }
        let bytes = self.files.get(&name).filter(|bytes| !bytes.is_empty());
        let told = self.mistakes.iter().any(|mistake| mistake.file == mistakes.file);
        let sheet = match bytes {
            Some(bytes) => sheet::read(&name, bytes, columns, &mut mistakes),
            None if told => None,
            None => {
                mistakes.error(Place::line(1), "文件是空的", "第一行请写列名");
                None
            }
        };
        (sheet, mistakes)
    }

    /// Takes a table's mistakes in.
    fn close(&mut self, mut mistakes: Mistakes) {
        mistakes.sort();
        self.mistakes.extend(mistakes.list);
    }

    /// A configured prison by full or short name; `Ok(None)` where the prisons themselves are unknown.
    fn prison(&self, text: &str) -> Option<Prison> {
        let prisons = self.prisons?;
        let key = |name: &str| crate::subsidy::identifiers::normalise(name.strip_suffix("监狱").unwrap_or(name));
        prisons.iter().find(|prison| key(&prison.name) == key(text)).cloned()
    }
}

/// A column as its test sees it: name, synonyms, whether it is required.
#[cfg(test)]
type Described = (&'static str, &'static [&'static str], bool);

/// The columns of every table.
#[cfg(test)]
pub(super) fn columns() -> Vec<(&'static str, Vec<Described>)> {
    let tables: [(&'static str, &'static [Column]); 5] = [
        ("institutions", institutions::COLUMNS),
        ("penalties", institutions::PENALTY_COLUMNS),
        ("agreements", institutions::AGREEMENT_COLUMNS),
        ("occupations", occupations::COLUMNS),
        ("rates", rates::COLUMNS),
    ];
    let described = |columns: &'static [Column]| columns.iter().map(|c| (c.name, c.synonyms, c.required)).collect();
    tables.into_iter().map(|(table, columns)| (table, described(columns))).collect()
}
