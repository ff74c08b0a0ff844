//! A small typed reader over a .toml document that keeps its places and goes on after a mistake.
//!
//! The `config` crate turns 1.5 into 2 and "3" into 3 and knows no lines (config-rs issue 160), so every file is read
//! here first: unknown keys and wrong types are refused with line and column, all of them at once.

use std::ops::Range;

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::dates;
use super::mistake::{Fault, Mistakes, Place};

/// What a key may hold.
#[derive(Copy, Clone, Debug)]
pub(super) enum Kind {
    /// Text, possibly empty.
    Text,
    /// Text that is not empty.
    Filled,
    /// A whole number between two bounds.
    Whole(i64, i64),
    /// true or false.
    Truth,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A date.
    Date,
    /// A whole number from 1 up to a bound, or the word "none".
    WholeOrNone(i64),
    /// A date or the word "none".
    DateOrNone,
}

/// What a key holds, in exactly the type that its [`Kind`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// true or false.
    Truth(bool),
    /// A list of texts, each with its place.
    Texts(Vec<(String, Place)>),
    /// A date.
    Date(NaiveDate),
    /// The word "none".
    Absent,
}

impl Kind {
    /// What to write.
    pub fn advice(self) -> String {
        match self {
            Kind::Text => "请写成带引号的文字，如 \"文字\"".to_owned(),
            Kind::Filled => "请写成带引号的文字，不能为空".to_owned(),
            Kind::Whole(least, most) => format!("请写 {least} 到 {most} 之间的整数，不加引号、不带小数"),
            Kind::Truth => "请写 true（是）或 false（否），不加引号".to_owned(),
            Kind::Choice(words) => format!("请写下列之一：{}", quoted(words)),
            Kind::Texts => "请写成列表，如 [\"甲\", \"乙\"]".to_owned(),
            Kind::Date => "请写成日期，如 2022-01-01".to_owned(),
            Kind::WholeOrNone(most) => format!("请写 1 到 {most} 之间的整数（不加引号），不限则写 \"none\""),
            Kind::DateOrNone => "请写成日期，如 2025-12-31；没有截止日则删去此行".to_owned(),
        }
    }

    /// Reads a value of a document; nothing is converted.
    fn read(self, value: &DeValue<'_>, lines: Lines<'_>) -> Result<Value, Fault> {
        let wrong = |what: String| Fault::new(what, self.advice());
        let mistyped = || wrong(format!("{} 不是{}", shown(value), self.word()));
        match (self, value) {
            (Kind::Texts, DeValue::Array(list)) => list
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Ok((text.to_string(), lines.place(item.span()))),
                    other => Err(wrong(format!("列表中的 {} 不是文字", shown(other)))),
                })
                .collect::<Result<_, _>>()
                .map(Value::Texts),
            (Kind::Text | Kind::Filled | Kind::Choice(_), DeValue::String(text)) => self.read_text(text),
            (Kind::Date | Kind::DateOrNone | Kind::WholeOrNone(_), DeValue::String(text)) => {
                if matches!(self, Kind::Date) || (&**text != "none") {
                    if matches!(self, Kind::WholeOrNone(_)) {
                        return Err(mistyped());
                    }
                    return dates::parse(text).map(Value::Date);
                }
                Ok(Value::Absent)
            }
            (Kind::Date | Kind::DateOrNone, DeValue::Datetime(at)) => {
                let date = at.date.filter(|_| at.time.is_none()).ok_or_else(mistyped)?;
                dates::parse(&date.to_string()).map(Value::Date)
            }
            (Kind::Truth, DeValue::Boolean(truth)) => Ok(Value::Truth(*truth)),
            (Kind::Whole(..) | Kind::WholeOrNone(_), DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                self.bounded(number).ok_or_else(|| wrong(format!("{} 超出范围", shown(value))))
            }
            _ => Err(mistyped()),
        }
    }

    /// Reads an environment variable by the same rules; a list is separated by commas.
    pub fn read_text(self, text: &str) -> Result<Value, Fault> {
        let wrong = || Fault::new(format!("“{text}”不是{}", self.word()), self.advice());
        match self {
            Kind::Filled if text.trim().is_empty() => Err(Fault::new("不能为空", self.advice())),
            Kind::Text | Kind::Filled => Ok(Value::Text(text.to_owned())),
            Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Truth => text.parse().map(Value::Truth).map_err(|_| wrong()),
            Kind::Whole(..) => {
                let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                self.bounded(plain.then(|| text.parse().ok()).flatten()).ok_or_else(wrong)
            }
            Kind::Texts => {
                Ok(Value::Texts(text.split(',').map(|item| (item.trim().to_owned(), Place::default())).collect()))
            }
            Kind::Date => dates::parse(text).map(Value::Date),
            Kind::Choice(_) | Kind::WholeOrNone(_) | Kind::DateOrNone => Err(wrong()),
        }
    }

    fn bounded(self, number: Option<i64>) -> Option<Value> {
        let bounds = match self {
            Kind::Whole(least, most) => least..=most,
            Kind::WholeOrNone(most) => 1..=most,
            _ => return None,
        };
        number.filter(|n| bounds.contains(n)).map(Value::Whole)
    }

    const fn word(self) -> &'static str {
        match self {
            Kind::Text | Kind::Filled => "文字",
            Kind::Whole(..) | Kind::WholeOrNone(_) => "允许范围内的整数",
            Kind::Truth => " true 或 false",
            Kind::Choice(_) => "允许的选项",
            Kind::Texts => "文字列表",
            Kind::Date | Kind::DateOrNone => "日期",
        }
    }
}

/// `"a"、"b"`.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join("、")
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("文字 \"{text}\""),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => format!("小数 {number}"),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(at) => at.to_string(),
        DeValue::Array(_) => "列表".to_owned(),
        DeValue::Table(_) => "一节表格".to_owned(),
    }
}

/// Turns byte offsets into lines and characters.
#[derive(Copy, Clone, Debug)]
pub(super) struct Lines<'t>(pub &'t str);

impl Lines<'_> {
    /// The place at which a span begins.
    pub fn place(self, span: Range<usize>) -> Place {
        let before = self.0.get(..span.start).unwrap_or(self.0);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place::at(number(line), number(column))
    }
}

/// Bytes of a .toml file as text without a byte order mark; another encoding is a mistake with its line.
pub(super) fn utf8<'b>(bytes: &'b [u8], mistakes: &mut Mistakes) -> Option<&'b str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let readable = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let place = Lines(readable).place(readable.len()..readable.len());
            mistakes.error(place, "文件不是 UTF-8 编码", "请在编辑器中用“另存为”选择 UTF-8 编码后保存");
            None
        }
    }
}

/// Parses a document and notes every syntax mistake. What stands on the other lines is still read, so that its mistakes
/// are told in the same run; only behind a broken `[header]` nobody knows what belongs where.
pub(super) fn parse<'t>(text: &'t str, mistakes: &mut Mistakes) -> Option<Spanned<DeTable<'t>>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let place = |error: &toml::de::Error| error.span().map(|span| Lines(text).place(span)).unwrap_or_default();
    let mut errors: Vec<(Place, String)> =
        errors.iter().map(|error| (place(error), error.message().trim().to_owned())).collect();
    errors.sort_by_key(|(place, _)| (place.line, place.column));
    // The parser stumbles on through the rest of a broken line; its first complaint is the one to mend.
    errors.dedup_by_key(|(place, _)| place.line);
    let mut headers_sound = true;
    for (place, message) in &errors {
        let line = place.line.and_then(|line| text.lines().nth(usize::try_from(line).ok()? - 1)).unwrap_or("[");
        headers_sound &= !line.trim_start().starts_with('[');
        let message = format!("不符合 TOML 语法：{}", in_chinese(message));
        mistakes.error(*place, message, "请检查引号、方括号是否成对，是否用了中文标点");
    }
    mistakes.broken_lines.extend(errors.iter().filter_map(|(place, _)| place.line));
    headers_sound.then_some(root)
}

/// The parser's usual complaints in the administrator's language; a rare one stays as it is.
fn in_chinese(message: &str) -> &str {
    const SAID: [(&str, &str); 8] = [
        ("extra `=`", "此处多了一个等号"),
        ("duplicate key", "同一个键写了两次"),
        ("must be quoted", "文字没有加英文引号"),
        ("unclosed", "引号或括号没有成对"),
        ("no value", "键后面没有“= 值”"),
        ("missing value", "等号后面没有值"),
        ("unquoted", "文字没有加英文引号"),
        ("invalid", "有不允许的字符或写法"),
    ];
    SAID.iter().find(|(said, _)| message.contains(said)).map_or(message, |(_, chinese)| chinese)
}

/// A table of a document that is read key by key; what was never asked for is unknown.
#[derive(Debug)]
pub(super) struct Section<'d, 't> {
    table: &'d DeTable<'t>,
    lines: Lines<'t>,
    /// Where the table begins.
    pub place: Place,
    known: Vec<&'static str>,
}

impl<'d, 't> Section<'d, 't> {
    /// The whole document or one of its tables.
    pub fn new(table: &'d DeTable<'t>, lines: Lines<'t>, place: Place) -> Section<'d, 't> {
        Section { table, lines, place, known: Vec::new() }
    }

    /// A key's value and place, if it is there and right.
    pub fn get(&mut self, key: &'static str, kind: Kind, mistakes: &mut Mistakes) -> Option<(Value, Place)> {
        self.known.push(key);
        let value = self.table.get(key)?;
        let stranger = value.get_ref().as_array().and_then(|list| list.iter().find(|item| !item.get_ref().is_str()));
        let place = self.lines.place(stranger.filter(|_| matches!(kind, Kind::Texts)).unwrap_or(value).span());
        let result = kind
            .read(value.get_ref(), self.lines)
            .map_err(|fault| Fault { message: format!("{key}：{}", fault.message), ..fault });
        mistakes.take(place, result).map(|value| (value, place))
    }

    /// A key that must be there.
    pub fn need(&mut self, key: &'static str, kind: Kind, mistakes: &mut Mistakes) -> Option<(Value, Place)> {
        // It may well stand on a line that could not be parsed.
        if !self.table.contains_key(key) && mistakes.broken_lines.is_empty() {
            mistakes.error(self.place, format!("缺少 {key}"), format!("{key} = …；{}", kind.advice()));
        }
        self.get(key, kind, mistakes)
    }

    /// A text that must be there.
    pub fn need_text(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<String> {
        match self.need(key, Kind::Filled, mistakes)? {
            (Value::Text(text), _) => Some(text.trim().to_owned()),
            _ => None,
        }
    }

    /// A table inside this one.
    pub fn table(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Section<'d, 't>> {
        self.known.push(key);
        let (name, value) = self.table.get_key_value(key)?;
        let place = self.lines.place(name.span());
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(table, self.lines, place));
        }
        mistakes.error(place, format!("{key} 应是一节"), format!("请写成单独一行 [{key}]，其下每行一个键"));
        None
    }

    /// The tables of an array `[[key]]`; `None` where the key is absent.
    pub fn tables(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Vec<Section<'d, 't>>> {
        self.known.push(key);
        let (name, value) = self.table.get_key_value(key)?;
        let items = value.get_ref().as_array().filter(|items| items.iter().all(|item| item.get_ref().is_table()));
        let Some(items) = items else {
            let place = self.lines.place(name.span());
            mistakes.error(place, format!("{key} 应是若干节"), format!("请写成 [[{key}]]，两层方括号"));
            return None;
        };
        let section = |item: &'d Spanned<DeValue<'t>>| {
            let table = item.get_ref().as_table()?;
            Some(Section::new(table, self.lines, self.lines.place(item.span())))
        };
        Some(items.iter().filter_map(section).collect())
    }

    /// Refuses every key that was never asked for.
    pub fn finish(self, mistakes: &mut Mistakes) {
        for name in self.table.keys().filter(|name| !self.known.iter().any(|known| *known == name.get_ref())) {
            let place = self.lines.place(name.span());
            let advice = format!("请删去或改名；此处可用的键：{}", self.known.join("、"));
            mistakes.error(place, format!("不认识的键 {}", name.get_ref()), advice);
        }
    }
}
