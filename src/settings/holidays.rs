//! Holiday tables: the built-in ones of 2022 to 2026, and those of the administrator, which win; taking in a new one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDate, Weekday};

use super::Settings;
use super::dates;
use super::document::{self, Kind, Lines, Section, Value};
use super::mistake::{Fault, Mistake, Mistakes, Place, Severity};
use crate::subsidy::holidays::{Calendar, Year};

/// The tables of the notices known so far; a test holds them against DOMAIN section 5.
const BUILT_IN: [(&str, &str); 5] = [
    ("2022.toml", include_str!("../../config/holidays/2022.toml")),
    ("2023.toml", include_str!("../../config/holidays/2023.toml")),
    ("2024.toml", include_str!("../../config/holidays/2024.toml")),
    ("2025.toml", include_str!("../../config/holidays/2025.toml")),
    ("2026.toml", include_str!("../../config/holidays/2026.toml")),
];

/// The folder that `init` makes.
const USUAL_FOLDER: &str = "holidays";

/// Days off that every notice so far has: New Year, Labour Day, National Day.
const ALWAYS_OFF: [(u32, u32); 4] = [(1, 1), (5, 1), (10, 1), (10, 2)];
/// Fewest and most days off of a year, weekends inside a holiday included: the notices so far have 28 to 33.
const DAYS_OFF: std::ops::RangeInclusive<usize> = 20..=60;

/// A table never closes the offices for longer at a stretch.
const MAX_STRETCH_DAYS: usize = 31;

/// Reads all tables.
pub(super) fn read(settings: &Settings) -> (Calendar, Vec<Mistake>) {
    let (mut years, mut mistakes) = (Vec::new(), Vec::new());
    for (name, text) in BUILT_IN {
        years.extend(table(&format!("（内置）holidays/{name}"), name, text.as_bytes(), &mut mistakes));
    }
    if let Some(dir) = &settings.paths.holidays_dir {
        let folder = settings.shown(dir);
        match files(dir) {
            Ok(files) => {
                for (name, bytes) in files {
                    years.extend(table(&format!("{folder}/{name}"), &name, &bytes, &mut mistakes));
                }
            }
            // The folder of the defaults comes with the first table; any other that is named and missing is a slip.
            Err(error) if error.kind() == ErrorKind::NotFound && *dir == settings.beside(USUAL_FOLDER) => {}
            Err(error) => mistakes.push(Mistake::of(
                Severity::Error,
                folder,
                format!("读不到节假日文件夹（{error}）"),
                "请核对 shenling.toml 的 paths.holidays_dir，或留空",
            )),
        }
    }
    (Calendar::new(years), mistakes)
}

/// The built-in tables alone, for callers without settings.
#[cfg(test)]
pub(super) fn built_in() -> (Calendar, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let years: Vec<Year> =
        BUILT_IN.iter().filter_map(|(name, text)| table(name, name, text.as_bytes(), &mut mistakes)).collect();
    (Calendar::new(years), mistakes)
}

/// Reads a new table more strictly than one in use: a slip in it would move deadlines of a whole year.
pub fn read_new(name: &str, bytes: &[u8]) -> Result<Year, Vec<Mistake>> {
    let mut mistakes = Mistakes::of(name);
    let year = document::utf8(bytes, &mut mistakes).and_then(|text| read_text(None, text, &mut mistakes));
    if let Some(year) = year.as_ref().filter(|_| mistakes.list.is_empty()) {
        doubt_new(year, &mut mistakes);
    }
    mistakes.sort();
    year.filter(|_| mistakes.list.is_empty()).ok_or(mistakes.list)
}

fn doubt_new(table: &Year, mistakes: &mut Mistakes) {
    const ADVICE: &str = "请对照国务院办公厅的通知；off 要写全部放假日，包括其中的周末";
    for (month, day) in ALWAYS_OFF {
        let always = NaiveDate::from_ymd_opt(table.year, month, day);
        if let Some(day) = always.filter(|day| !table.off.contains(day)) {
            mistakes.error(Place::default(), format!("{day} 没有放假，历年通知都放假"), ADVICE);
        }
    }
    if !DAYS_OFF.contains(&table.off.len()) {
        mistakes.error(Place::default(), format!("全年只写了 {} 天放假，与历年相差太远", table.off.len()), ADVICE);
    }
    if table.worked.is_empty() {
        mistakes.warn(Place::default(), "worked 是空的：没有一个调休上班的周末", ADVICE);
    }
}

/// A table that lies beside its place, whole and on disk.
#[derive(Debug)]
pub struct Staged {
    beside: PathBuf,
    path: PathBuf,
}

/// Writes a table beside its place in the administrator's folder: what can fail for want of room or rights has
/// happened before anybody is told of the table.
pub fn stage(dir: &Path, year: i32, bytes: &[u8]) -> std::io::Result<Staged> {
    std::fs::create_dir_all(dir)?;
    let (path, beside) = (dir.join(format!("{year}.toml")), dir.join(format!(".{year}.toml.new")));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(Staged { beside, path })
}

impl Staged {
    /// Puts it in its place.
    pub fn install(self) -> std::io::Result<PathBuf> {
        std::fs::rename(&self.beside, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(self.path)
    }
}

fn files(dir: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|kind| kind == "toml") && !name.starts_with('.') {
            files.push((name, std::fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}

fn table(shown: &str, name: &str, bytes: &[u8], all: &mut Vec<Mistake>) -> Option<Year> {
    let mut mistakes = Mistakes::of(shown);
    let year = document::utf8(bytes, &mut mistakes).and_then(|text| read_text(Some(name), text, &mut mistakes));
    mistakes.sort();
    let sound = mistakes.list.is_empty();
    all.extend(mistakes.list);
    year.filter(|_| sound)
}

fn read_text(name: Option<&str>, text: &str, mistakes: &mut Mistakes) -> Option<Year> {
    let root = document::parse(text, mistakes)?;
    let mut root = Section::new(root.get_ref(), Lines(text), Place::at(1, 1));
    let year = root.need("year", Kind::Whole(2000, 2199), mistakes);
    let citation = root.need_text("citation", mistakes);
    root.get("link", Kind::Text, mistakes);
    let off = root.need("off", Kind::Texts, mistakes);
    let worked = root.need("worked", Kind::Texts, mistakes);
    root.finish(mistakes);
    let (Some((Value::Whole(year), at)), Some(citation)) = (year, citation) else { return None };
    let year = i32::try_from(year).ok()?;
    if name.is_some_and(|name| name.strip_suffix(".toml") != Some(&year.to_string())) {
        mistakes.error(at, format!("文件名与 year = {year} 不符"), format!("请改名为 {year}.toml 或改正 year"));
    }
    let (off, worked) = (days(off, year, mistakes), days(worked, year, mistakes));
    for list in [&off, &worked] {
        let mut seen = BTreeSet::new();
        for (day, place) in list.iter().filter(|(day, _)| !seen.insert(*day)) {
            mistakes.error(*place, format!("{day} 写了两次"), "请删去一处");
        }
    }
    let off: BTreeSet<NaiveDate> = off.into_iter().map(|(day, _)| day).collect();
    for (day, place) in &worked {
        if off.contains(day) {
            mistakes.error(*place, format!("{day} 既放假又上班"), "请删去一处");
        } else if !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            mistakes.error(*place, format!("{day} 不是周末"), "worked 只写调休上班的周六、周日");
        }
    }
    Some(Year { year, citation, off, worked: worked.into_iter().map(|(day, _)| day).collect() })
}

/// Days and stretches `first..last`, each with its place.
fn days(list: Option<(Value, Place)>, year: i32, mistakes: &mut Mistakes) -> Vec<(NaiveDate, Place)> {
    let Some((Value::Texts(texts), _)) = list else { return Vec::new() };
    let mut days = Vec::new();
    for (text, place) in texts {
        let stretch = stretch(&text).and_then(|(first, last)| {
            if first.year() != year || last.year() != year {
                return Err(Fault::new(format!("“{text}”不在 {year} 年"), "每年一个文件，只写当年的日期"));
            }
            let stretch: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= last).collect();
            if stretch.is_empty() || stretch.len() > MAX_STRETCH_DAYS {
                return Err(Fault::new(format!("“{text}”的起止不对"), "请写成 首日..末日，末日不早于首日"));
            }
            Ok(stretch)
        });
        days.extend(mistakes.take(place, stretch).into_iter().flatten().map(|day| (day, place)));
    }
    days
}

fn stretch(text: &str) -> Result<(NaiveDate, NaiveDate), Fault> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    Ok((dates::parse(first.trim())?, dates::parse(last.trim())?))
}
