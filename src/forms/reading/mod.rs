//! Cells -> rows, findings and repairs (FORMS section 1).
//!
//! A planning workbook is read by [`plan`]: annexes 1 to 3 as tables, annex 4 as forms, then held against itself.
//!
//! [`read_file`] recognises which form a file is by its headers ([`header`]), tells data rows from the rest
//! ([`sheet`]), reads each cell ([`row`], with [`clean`], [`dates`], [`numbers`], [`names`]) into typed rows ([`results`],
//! [`roster`], [`history`]) and compares the rows of the whole file ([`versions`], [`contradictions`]). The columns are data
//! ([`spec`]). Findings end in the order in which a reader of the file meets them.
//!
//! Findings: on the file whatever the grid reports; on a sheet `no-header`, `column-missing`; on cells the rest of FORMS
//! section 1, except `already-claimed`, which needs the store. A finding of severity error sets its row aside; a
//! warning never does. Nothing here panics on any cell.
//!
//! Settled here, where FORMS leaves room:
//! - A file is of one form: the one that its best fitting sheet is. A whole result sheet or roster beside it (all required
//!   headers, and rows) is set aside with an error (`no-header`) that asks for a file of its own, so that nobody is lost
//!   unseen; any other sheet of another form is silent.
//! - A score with two decimals is `bad-number`: it cannot be kept without rounding it.
//! - An empty level is 无等级 also where the catalogue says that the occupation is 创业培训; an empty 培训类别 is 就业技能培训.
//! - A certificate called `/` under a pass is no certificate (R2 holds it); type and date called so are findings.
//! - An error in 职业编码 is a warning, since that column never sets a row aside.
//! - Level spellings are all official: no `synonym` repair. 2026-03-05 as text is no repair; every other spelling is.
//! - Doubts and repairs are listed for every row that was read, also of one that comes back: whatever is wrong with a file is
//!   told in one go. A fault is held against nothing, so that it does not make a second finding that is untrue.
//! - Repeats of a row are dropped in every form, and said so; versions are compared in the result sheet only.

mod advice;
mod cell;
mod clean;
mod contradictions;
mod dates;
mod header;
mod history;
mod names;
mod numbers;
mod plan;
mod results;
mod roster;
mod row;
mod sheet;
mod spec;
mod versions;

#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;

pub use crate::forms::planning::FormMark;
pub use spec::{ColumnSpec, FormSpec, FormSpecs, Key, SpecError};

use crate::forms::annotate::is_list;
use crate::forms::grid::{self, FileFault, Limits, Sheet, Workbook, place_of};
use crate::forms::planning::is_offer;
use crate::subsidy::assessment::{HistoryRow, ResultRow, RosterRow, SurveyRow};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::finding::{Code, Finding, Repair, Severity};
use crate::subsidy::plan::Plan;
use cell::{is_filled, written};
use contradictions::Beside;
use header::{Layout, recognise};
use row::{Output, Reader};
use sheet::{SheetReading, count_rows, read_sheet};
use versions::{Compared, compare_results, compare_roster, drop_repeats};

/// Which form a file is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// 考核结果表
    Results,
    /// 培训人员信息表 (annex 3)
    Roster,
    /// The opening history.
    History,
    /// The yearly survey (摸排).
    Survey,
    /// A planning workbook (annexes 1-4).
    Plan,
}

impl FileKind {
    /// Every form, in the order in which equals are preferred.
    pub const ALL: [FileKind; 5] =
        [FileKind::Results, FileKind::Roster, FileKind::History, FileKind::Survey, FileKind::Plan];

    /// The word on the command line.
    pub const fn code(self) -> &'static str {
        match self {
            FileKind::Results => "results",
            FileKind::Roster => "roster",
            FileKind::History => "history",
            FileKind::Survey => "survey",
            FileKind::Plan => "plan",
        }
    }

    /// What clerks call it.
    pub const fn name(self) -> &'static str {
        match self {
            FileKind::Results => "考核结果表",
            FileKind::Roster => "培训人员信息表",
            FileKind::History => "历史申领",
            FileKind::Survey => "年度摸排表",
            FileKind::Plan => "年度计划工作簿",
        }
    }

    /// The file in `config/forms/` that holds its columns.
    pub const fn columns_file(self) -> &'static str {
        match self {
            FileKind::Results => "results.toml",
            FileKind::Roster => "roster.toml",
            FileKind::History => "history.toml",
            FileKind::Survey => "survey.toml",
            FileKind::Plan => "annex2.toml",
        }
    }
}

/// What a file is read against.
#[derive(Clone, Copy)]
pub struct ReadingContext<'a> {
    /// Names of prisons, institutions and occupations.
    pub catalogue: &'a Catalogue,
    /// The columns of the forms.
    pub specs: &'a FormSpecs,
    /// Limits against hostile files.
    pub limits: Limits,
    /// The day the file arrived: no assessment lies after it.
    pub arrived_on: NaiveDate,
    /// A plan is an addition (临时备案), whatever it says of itself.
    pub addition: bool,
}

/// A row with the place it was read from, so that later findings can name its cell.
#[derive(Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// Name of the sheet; empty for csv.
    pub sheet: Arc<str>,
    /// Number of the row in its sheet, from 1.
    pub row_number: u32,
    /// A1 address of its 罪犯编号.
    pub number_cell: String,
    /// The row.
    pub row: T,
}

/// The rows of a file that were taken.
pub enum Content {
    /// Of a result sheet.
    Results(Vec<Placed<Arc<ResultRow>>>),
    /// Of a roster.
    Roster(Vec<Placed<RosterRow>>),
    /// Of an opening history.
    History(Vec<Placed<HistoryRow>>),
    /// Of a survey.
    Survey(Vec<Placed<SurveyRow>>),
    /// A plan; its persons are those that may be trained.
    Plan(Box<Plan>),
    /// A planning workbook of an older version: nothing was read of it.
    OldForm(FormMark),
    /// The file is none of the forms.
    Nothing,
}

impl Content {
    /// How many rows were taken.
    pub fn len(&self) -> usize {
        match self {
            Content::Results(rows) => rows.len(),
            Content::Roster(rows) => rows.len(),
            Content::History(rows) => rows.len(),
            Content::Survey(rows) => rows.len(),
            Content::Plan(plan) => plan.rows(),
            Content::OldForm(_) | Content::Nothing => 0,
        }
    }

    /// Whether no row was taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a file gave. `rows` = rows taken + `set_aside` + `duplicates`.
pub struct FileReading {
    /// Which form it is, if it is one.
    pub kind: Option<FileKind>,
    /// Names of the sheets of the file; a csv has none.
    pub sheets: Vec<String>,
    /// Data rows seen.
    pub rows: u32,
    /// Rows that come back to the sender.
    pub set_aside: u32,
    /// Rows that repeat another one of this file unchanged.
    pub duplicates: u32,
    /// What must be changed, and what is doubted.
    pub findings: Vec<Finding>,
    /// What was repaired.
    pub repairs: Vec<Repair>,
    /// The rows that were taken.
    pub content: Content,
}

/// Counts only: the rest is personal data.
impl fmt::Debug for FileReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReading")
            .field("kind", &self.kind)
            .field("rows", &self.rows)
            .field("set_aside", &self.set_aside)
            .field("duplicates", &self.duplicates)
            .field("findings", &self.findings.len())
            .field("repairs", &self.repairs.len())
            .field("taken", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// Reads a file: as the given form, or as whichever its headers say.
pub fn read_file(name: &str, bytes: &[u8], as_kind: Option<FileKind>, ctx: &ReadingContext<'_>) -> FileReading {
    match grid::read(name, bytes, &ctx.limits) {
        Ok(mut workbook) => {
            // In an annotated copy that comes back corrected, the list is ours and no form.
            workbook.sheets.retain(|sheet| !is_list(sheet));
            let mut reading = read_workbook(&workbook, as_kind, ctx);
            in_order_of_reading(&mut reading.findings, &workbook);
            let names = workbook.sheets.iter().filter(|sheet| !is_offer(&workbook, sheet)).map(|sheet| &sheet.name);
            reading.sheets = names.filter(|name| !name.is_empty()).cloned().collect();
            reading
        }
        Err(fault) => of_no_form(of_file(fault)),
    }
}

/// By sheet, row and column; what concerns the whole file comes first.
fn in_order_of_reading(findings: &mut [Finding], workbook: &Workbook) {
    let sheet_at = |name: &str| workbook.sheets.iter().position(|sheet| sheet.name == name);
    findings.sort_by_cached_key(|finding| (sheet_at(&finding.sheet), place_of(&finding.cell)));
}

/// Reads a workbook whose cells are there.
fn read_workbook(workbook: &Workbook, as_kind: Option<FileKind>, ctx: &ReadingContext<'_>) -> FileReading {
    let kinds = match as_kind {
        None => FileKind::ALL.to_vec(),
        // Annex 3 is a roster.
        Some(FileKind::Plan) => vec![FileKind::Plan, FileKind::Roster],
        Some(kind) => vec![kind],
    };
    let forms: Vec<&FormSpec> = kinds.iter().flat_map(|kind| ctx.specs.tables_of(*kind)).collect();
    let sheets: Vec<(&Sheet, Layout<'_>)> =
        workbook.sheets.iter().filter_map(|sheet| recognise(sheet, &forms).map(|layout| (sheet, layout))).collect();
    if kinds.contains(&FileKind::Plan)
        && let Some(reading) = plan::read(workbook, &sheets, as_kind.is_some(), ctx)
    {
        return reading;
    }
    let mut best: Option<&Layout<'_>> = None;
    for (_, layout) in &sheets {
        if best.is_none_or(|best| layout.fits_better_than(best)) {
            best = Some(layout);
        }
    }
    let Some(kind) = best.map(Layout::kind) else { return of_no_form(no_header(workbook)) };
    match kind {
        FileKind::Results => {
            let read = |reader: &mut Reader<'_>| results::read(reader).map(Arc::new);
            read_form(kind, &sheets, ctx, read, compare_results, Content::Results)
        }
        FileKind::Roster => read_form(kind, &sheets, ctx, roster::read, compare_roster, Content::Roster),
        FileKind::History => read_form(kind, &sheets, ctx, history::read, drop_repeats, Content::History),
        FileKind::Survey => read_form(kind, &sheets, ctx, roster::read_survey, drop_repeats, Content::Survey),
        // Looks a little like annex 1 or 2, and no more than that.
        FileKind::Plan => of_no_form(no_header(workbook)),
    }
}

/// Reads all sheets of one form and compares their rows.
fn read_form<T: Send>(
    kind: FileKind,
    sheets: &[(&Sheet, Layout<'_>)],
    ctx: &ReadingContext<'_>,
    read: fn(&mut Reader<'_>) -> Option<T>,
    compare: fn(Vec<Placed<T>>, &Beside<'_>) -> Compared<T>,
    content: fn(Vec<Placed<T>>) -> Content,
) -> FileReading {
    let mut output = Output::default();
    let mut taken = Vec::new();
    let (mut rows, mut set_aside) = (0, 0);
    for (sheet, layout) in sheets {
        let refusals: Vec<Finding> = if layout.kind() == kind {
            columns_missing(layout).collect()
        } else if layout.is_worth_a_file() {
            vec![other_form(layout, ctx.specs.of(kind))]
        } else {
            continue;
        };
        if !refusals.is_empty() {
            let unread = count_rows(sheet, layout);
            rows += unread;
            set_aside += unread;
            // A header without rows is no finding.
            output.findings.extend(refusals.into_iter().filter(|_| unread > 0));
            continue;
        }
        let mut part: SheetReading<T> = read_sheet(sheet, layout, ctx, read);
        rows += part.rows;
        set_aside += part.set_aside;
        taken.append(&mut part.taken);
        output.append(&mut part.output);
    }
    let layouts: Vec<&Layout<'_>> = sheets.iter().map(|(_, layout)| layout).collect();
    let mut compared = compare(taken, &Beside { fragments: &output.fragments, layouts: &layouts });
    output.findings.append(&mut compared.findings);
    FileReading {
        kind: Some(kind),
        sheets: Vec::new(),
        rows,
        set_aside: set_aside + compared.set_aside,
        duplicates: compared.duplicates,
        findings: output.findings,
        repairs: output.repairs,
        content: content(compared.kept),
    }
}

/// The reading of a file that is none of the forms, and why.
pub fn of_no_form(finding: Finding) -> FileReading {
    FileReading {
        kind: None,
        sheets: Vec::new(),
        rows: 0,
        set_aside: 0,
        duplicates: 0,
        findings: vec![finding],
        repairs: Vec::new(),
        content: Content::Nothing,
    }
}

fn of_file(FileFault { code, seen, advice }: FileFault) -> Finding {
    Finding { sheet: String::new(), cell: String::new(), code, severity: Severity::Error, seen, advice }
}

/// `no-header` at A1 of the first sheet that holds anything; a workbook without any cell is as good as no file.
fn no_header(workbook: &Workbook) -> Finding {
    let holds_anything = |sheet: &&Sheet| sheet.rows().any(|(_, cells)| cells.iter().any(is_filled));
    let Some(sheet) = workbook.sheets.iter().find(holds_anything) else {
        let advice = "文件中没有内容，请填写后重新发送".to_owned();
        return of_file(FileFault { code: Code::UnreadableFile, seen: String::new(), advice });
    };
    let first = sheet.rows().find_map(|(_, cells)| cells.into_iter().find(is_filled));
    let first = first.as_ref().map(written).unwrap_or_default();
    Finding {
        sheet: sheet.name.clone(),
        cell: "A1".to_owned(),
        code: Code::NoHeader,
        severity: Severity::Error,
        seen: clean::shown(&first),
        advice: advice::no_header(&sheet.name, &first),
    }
}

fn columns_missing(layout: &Layout<'_>) -> impl Iterator<Item = Finding> {
    layout.missing.iter().map(|column| Finding {
        sheet: layout.sheet.to_string(),
        cell: layout.first_cell.clone(),
        code: Code::ColumnMissing,
        severity: Severity::Error,
        seen: clean::shown(&layout.names.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join("、")),
        advice: advice::column_missing(&layout.form.title, &column.header),
    })
}

/// A whole sheet of another form beside the one that the file is read as.
fn other_form(layout: &Layout<'_>, read_as: &FormSpec) -> Finding {
    Finding {
        sheet: layout.sheet.to_string(),
        cell: layout.first_cell.clone(),
        code: Code::NoHeader,
        severity: Severity::Error,
        seen: layout.form.title.clone(),
        advice: format!("本文件按“{}”读取，此工作表各行均未收取；请另存为单独的文件发送", read_as.title),
    }
}
