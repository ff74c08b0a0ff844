//! A mistake in a file that an administrator writes: where it is, what is wrong, what to write. All in Chinese.

use std::fmt;

use serde::Serialize;

/// How grave a mistake is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing runs before it is mended.
    Error,
    /// The program runs; somebody should look.
    Warning,
    /// A choice that the owner of the programme should confirm.
    Confirm,
}

impl Severity {
    /// The word in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "错误",
            Severity::Warning => "警告",
            Severity::Confirm => "待确认",
        }
    }
}

/// One mistake. `column` is the character in a .toml file, the number of the column in a .csv or .xlsx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file as the administrator knows it (`catalogue/rates.csv`, an .xlsx with its sheet, or `环境变量 ...`).
    pub file: String,
    /// Line or row, from 1.
    pub line: Option<u32>,
    /// Character or column, from 1.
    pub column: Option<u32>,
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to write or do.
    pub advice: String,
}

/// `catalogue/rates.csv:12:3 错误：...；...`
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.line.and(self.column)].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, " {}：{}", self.severity.name(), self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "；{}", self.advice) }
    }
}

impl Mistake {
    /// A mistake that concerns a file or a setting as a whole.
    pub fn of(
        severity: Severity,
        file: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Mistake {
        let (message, advice) = (message.into(), advice.into());
        Mistake { file: file.into(), line: None, column: None, severity, message, advice }
    }
}

/// A place in a file; nothing known = the file as a whole.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Line or row.
    pub line: Option<u32>,
    /// Character or column.
    pub column: Option<u32>,
}

impl Place {
    /// A line and a column.
    pub fn at(line: u32, column: u32) -> Place {
        Place { line: Some(line), column: Some(column) }
    }

    /// A line as a whole.
    pub fn line(line: u32) -> Place {
        Place { line: Some(line), column: None }
    }
}

/// What is wrong with a value and what to write instead, before its place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub advice: String,
}

impl Fault {
    /// A fault from its two sentences.
    pub fn new(message: impl Into<String>, advice: impl Into<String>) -> Fault {
        Fault { message: message.into(), advice: advice.into() }
    }
}

/// Collects the mistakes of one file, so that all are told at once.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    /// The file's name in messages.
    pub file: String,
    /// What was found so far.
    pub list: Vec<Mistake>,
    /// Lines that could not be parsed: whatever else seems wrong with them is an echo.
    pub broken_lines: Vec<u32>,
}

impl Mistakes {
    /// A collector for a file.
    pub fn of(file: impl Into<String>) -> Mistakes {
        Mistakes { file: file.into(), ..Mistakes::default() }
    }

    /// Notes an error.
    pub fn error(&mut self, place: Place, message: impl Into<String>, advice: impl Into<String>) {
        self.note(Severity::Error, place, Fault::new(message, advice));
    }

    /// Notes a warning.
    pub fn warn(&mut self, place: Place, message: impl Into<String>, advice: impl Into<String>) {
        self.note(Severity::Warning, place, Fault::new(message, advice));
    }

    /// Notes a fault at a place.
    pub fn note(&mut self, severity: Severity, place: Place, fault: Fault) {
        if place.line.is_some_and(|line| self.broken_lines.contains(&line)) {
            return;
        }
        let Fault { message, advice } = fault;
        let file = self.file.clone();
        self.list.push(Mistake { file, line: place.line, column: place.column, severity, message, advice });
    }

    /// Puts what was found in the order of the file.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|mistake| (mistake.line, mistake.column));
    }

    /// The value, or `None` after noting the fault.
    pub fn take<T>(&mut self, place: Place, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.note(Severity::Error, place, fault)).ok()
    }
}
