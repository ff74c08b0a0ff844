//! The annotated copy: the sender's own workbook with its layout, faulty cells coloured, a note in each, and a first
//! sheet 问题清单 with links to the cells. Mended and sent back it is read as the form that it was. What was hidden and holds
//! a marked cell is shown.
//!
//! Of an .xlsx the parts are edited ([`edit`]), so that whatever we do not know stays as it was; the copy is read again and
//! must hold what the original holds. A csv has no colours, and an .xlsx that is written in a way that we do not edit is
//! not worth a risk: both are drawn anew from their cells ([`redraw`]). What cannot be read at all is answered in words.
//!
//! The copy holds personal data, as the original does: it travels in an encrypted packet or not at all. An earlier copy that
//! comes back loses its old colours and notes; colours that a cell had before it was marked are not known any more.

mod book;
mod edit;
mod list;
mod markup;
mod notes;
mod redraw;
mod sheet;
mod styles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::fix_list::{FixList, Problem};
use super::grid::{self, FileFault, Limits, Sheet, Workbook, place_of};
use crate::subsidy::finding::{Code, Severity};

/// Name of the sheet that lists the problems.
pub const LIST_SHEET: &str = "问题清单";
/// What its first cell says; by name and this the list is known when it comes back.
pub const LIST_TITLE: &str = "问题清单（由申领系统生成）";

/// Most cells that are coloured and given a note; the list names the others too.
const MAX_MARKS: usize = 5_000;
/// Author of our notes.
const AUTHOR: &str = "申领系统";
/// Each line of ours in a note begins so.
const SAYS: &str = "【申领系统】";

const MAIN_NS: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS_NS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
/// Begin of the names of the strict variant, in which other names mean the same.
const STRICT_NS: &str = "http://purl.oclc.org/";

/// What a coloured cell asks for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Colour {
    /// Must be mended.
    Error,
    /// Should be looked at.
    Warning,
}

impl Colour {
    const ALL: [Colour; 2] = [Colour::Error, Colour::Warning];

    /// Odd on purpose: when a copy comes back, our colours are told from the sender's.
    const fn rgb(self) -> &'static str {
        match self {
            Colour::Error => "FFFFB3B5",
            Colour::Warning => "FFFFE89B",
        }
    }
}

impl From<Severity> for Colour {
    fn from(severity: Severity) -> Colour {
        match severity {
            Severity::Error => Colour::Error,
            Severity::Warning => Colour::Warning,
        }
    }
}

/// The workbook is written in a way that is not edited.
#[derive(Debug)]
struct Unfit;

/// How a marked cell looks.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
struct Paint {
    colour: Colour,
    /// What is typed there stays text: a number of many digits would lose its last ones again.
    as_text: bool,
}

/// What is hung on a cell.
#[derive(Clone, Debug)]
struct Mark {
    paint: Paint,
    says: String,
}

/// How a copy came about.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// The sender's own workbook with its layout.
    Edited,
    /// A new workbook with the same cells.
    Redrawn,
}

/// An annotated copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotated {
    /// An .xlsx.
    pub bytes: Vec<u8>,
    /// How it came about.
    pub manner: Manner,
}

/// Makes the annotated copy of a file. The fault is that of a file that cannot be read: it is answered in words only.
pub fn annotate(file_name: &str, bytes: &[u8], fixes: &FixList, limits: &Limits) -> Result<Annotated, FileFault> {
    let workbook = grid::read(file_name, bytes, limits)?;
    let marks = marks_of(fixes);
    if !workbook.is_csv() {
        // Whatever strangers put into a package, their answer is a copy.
        let edited = catch_unwind(AssertUnwindSafe(|| edit::edit(file_name, bytes, &workbook, fixes, &marks, limits)));
        if let Ok(Ok(bytes)) = edited
            && holds_the_same(&workbook, file_name, &bytes, limits)
        {
            return Ok(Annotated { bytes, manner: Manner::Edited });
        }
    }
    let drawn = catch_unwind(AssertUnwindSafe(|| redraw::draw(&workbook, fixes, &marks)));
    match drawn {
        Ok(Ok(bytes)) => Ok(Annotated { bytes, manner: Manner::Redrawn }),
        _ => Err(grid::broken_workbook("无法生成标注副本的工作簿")),
    }
}

/// Whether a sheet is a list of ours that came back.
pub fn is_list(sheet: &Sheet) -> bool {
    sheet.name == LIST_SHEET
        && sheet.rows().next().is_some_and(|(_, cells)| {
            matches!(cells.iter().find(|cell| !cell.is_empty()), Some(grid::Cell::Text(text)) if text.trim() == LIST_TITLE)
        })
}

/// Whether a copy holds what its original holds, beside the list.
fn holds_the_same(original: &Workbook, file_name: &str, copy: &[u8], limits: &Limits) -> bool {
    let room = Limits {
        max_file_bytes: u64::MAX,
        max_unzipped_bytes: limits.max_unzipped_bytes.saturating_mul(2),
        max_sheets: limits.max_sheets.saturating_add(1),
        max_rows: u32::MAX,
    };
    let Ok(copy) = grid::read(file_name, copy, &room) else { return false };
    let sheets = |workbook: &Workbook| -> Vec<usize> {
        (0..workbook.sheets.len()).filter(|at| !is_list(&workbook.sheets[*at])).collect()
    };
    let (before, after) = (sheets(original), sheets(&copy));
    before.len() == after.len()
        && original.marks == copy.marks
        && before.into_iter().zip(after).all(|(before, after)| {
            let (before, after) = (&original.sheets[before], &copy.sheets[after]);
            before.name == after.name && before.rows().eq(after.rows())
        })
}

/// Cells of a sheet, and what is wrong with each.
type Cells<'a> = BTreeMap<(u32, usize), Vec<&'a Problem>>;

/// What each cell of each sheet is marked with.
fn marks_of(fixes: &FixList) -> HashMap<String, notes::Marks> {
    let mut cells: HashMap<&str, Cells<'_>> = HashMap::new();
    let mut count = 0;
    for problem in &fixes.problems {
        for place in &problem.places {
            let Some(at) = place_of(&place.cell) else { continue };
            let marked = cells.entry(&place.sheet).or_default();
            if count == MAX_MARKS && !marked.contains_key(&at) {
                continue;
            }
            let problems = marked.entry(at).or_insert_with(|| {
                count += 1;
                Vec::new()
            });
            problems.push(problem);
        }
    }
    let mark = |problems: Vec<&Problem>| Mark {
        paint: Paint {
            colour: if problems.iter().any(|p| p.severity == Severity::Error) {
                Colour::Error
            } else {
                Colour::Warning
            },
            as_text: problems.iter().any(|p| p.code == Code::DigitsLost),
        },
        says: notes::says(&problems),
    };
    cells
        .into_iter()
        .map(|(sheet, marks)| {
            (sheet.to_owned(), marks.into_iter().map(|(at, problems)| (at, mark(problems))).collect())
        })
        .collect()
}
