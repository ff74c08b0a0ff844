//! Renders the papers of one batch, one at a time; several threads may share a printer.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::Serialize;

use super::fonts::Families;
use super::netting::{Claim, claims};
use super::press::{Job, print};
use super::table::{Align, Cell, Table, breakable};
use super::workbook::{Formats, Origin, write};
use super::{Paper, PaperContext, PaperError, PaperKind, cover, detail, form, names, publicity, refusal};
use crate::subsidy::batch::{Batch, Group};
use crate::subsidy::course::Kind;
use crate::subsidy::money::Fen;

/// Looks of a form, of which the first that fills one page is taken: as many as the template with the most has.
const MAX_LOOKS: usize = 12;
/// Templates of the forms that belong on one page.
const FORMS: [&str; 2] = ["annex7.typ", "annex9.typ"];
/// A detail of this many rows or more is split into several pdfs, none longer: memory grows with the pages.
const MAX_PDF_ROWS: usize = 2000;

/// Renders the papers of a batch.
pub struct Printer<'a> {
    batch: &'a Batch,
    ctx: PaperContext<'a>,
    claims: BTreeMap<u32, Claim>,
    formats: Formats,
    footer: String,
}

/// By what a paper is known: batch or compiled plan, hash prefix, number of its group, instant.
pub(super) struct Mark<'a> {
    /// `批次` or `计划`.
    pub word: &'static str,
    /// Number of the batch or plan.
    pub number: &'a str,
    /// First characters of the hash over its lines.
    pub hash: &'a str,
    /// Number of the group.
    pub group: Option<String>,
    /// Prison of the group.
    pub prison: Option<&'a str>,
    /// When it was sealed.
    pub sealed_at: DateTime<Utc>,
}

/// What every pdf says of itself; the templates' `look.typ` reads it.
#[derive(Serialize)]
struct Imprint<'a> {
    families: &'a Families,
    title: &'a str,
    word: &'a str,
    batch: &'a str,
    hash: &'a str,
    group: Option<String>,
    prison: Option<&'a str>,
    /// Year, month, day, hour, minute, second in UTC: the zone that the document's properties state.
    sealed: [i64; 6],
    /// Which of its looks a form takes, from 0.
    attempt: usize,
    /// Nothing is made of the paper unless it fills one page.
    one_page: bool,
}

/// A table as templates read it: texts only.
#[derive(Serialize)]
pub(super) struct PrintedTable<'a> {
    label: &'a str,
    title: &'a str,
    subtitle: &'a str,
    headers: Vec<&'a str>,
    widths: Vec<u16>,
    aligns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    totals: Vec<PrintedTotal>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct PrintedTotal {
    label: String,
    column: usize,
    sum: String,
    note: String,
}

impl<'a> Printer<'a> {
    /// Checks that groups, lines and balances belong together.
    pub fn new(batch: &'a Batch, ctx: PaperContext<'a>) -> Result<Printer<'a>, PaperError> {
        let footer = format!("批次 {}　校验 {}", batch.number, hash_prefix(&batch.totals.lines_sha256));
        Ok(Printer { batch, ctx, claims: claims(batch)?, formats: Formats::new(), footer })
    }

    /// Annex 7 or 9 of a group.
    pub fn form(&self, group: &Group) -> Result<Paper, PaperError> {
        let (annex, template, kind) = match group.key.kind {
            Kind::Training => ("附件7", "annex7.typ", PaperKind::Annex7),
            Kind::Assessment => ("附件9", "annex9.typ", PaperKind::Annex9),
        };
        let name = names::group_name(self.batch, self.ctx.catalogue, group, annex, ".pdf");
        let claim = self
            .claims
            .get(&group.number)
            .ok_or_else(|| PaperError::Broken(format!("第{}组没有对应的结算行", group.number)))?;
        let form = form::fill(self.batch, group, claim, &self.ctx);
        self.pdf(kind, name, template, Some(group), &form)
    }

    /// Annex 8 or 10 of a group as a workbook.
    pub fn workbook(&self, group: &Group) -> Result<Paper, PaperError> {
        let (annex, kind) = match group.key.kind {
            Kind::Training => ("附件8", PaperKind::Annex8Xlsx),
            Kind::Assessment => ("附件10", PaperKind::Annex10Xlsx),
        };
        let name = names::group_name(self.batch, self.ctx.catalogue, group, annex, ".xlsx");
        let table = detail::table(self.batch, group, self.ctx.columns, self.ctx.catalogue)?;
        self.xlsx(kind, name, Some(group), &[table])
    }

    /// Annex 8 or 10 of a group as one pdf, or as several where the table is long.
    pub fn detail_pdfs(&self, group: &Group) -> Result<Vec<Paper>, PaperError> {
        let (annex, kind) = match group.key.kind {
            Kind::Training => ("附件8", PaperKind::Annex8Pdf),
            Kind::Assessment => ("附件10", PaperKind::Annex10Pdf),
        };
        let table = detail::table(self.batch, group, self.ctx.columns, self.ctx.catalogue)?;
        let chunks = parts(&table.rows);
        let mut papers = Vec::new();
        for (part, rows) in (1..).zip(&chunks) {
            let suffix = if chunks.len() == 1 { ".pdf".to_owned() } else { format!("_第{part}部分.pdf") };
            let name = names::group_name(self.batch, self.ctx.catalogue, group, annex, &suffix);
            let printed = printed(&table, rows, (part, chunks.len()));
            papers.push(self.pdf(kind, name, "detail.typ", Some(group), &printed)?);
        }
        Ok(papers)
    }

    /// 汇总封面.
    pub fn cover(&self) -> Result<Paper, PaperError> {
        let name = names::batch_name(self.batch, "封面", ".pdf");
        self.pdf(PaperKind::Cover, name, "cover.typ", None, &cover::fill(self.batch, &self.ctx))
    }

    /// 不予核定清单.
    pub fn refusal_list(&self) -> Result<Paper, PaperError> {
        let name = names::batch_name(self.batch, "不予核定清单", ".xlsx");
        let columns = refusal::columns();
        let tables = refusal::tables(self.batch, self.ctx.catalogue, &columns);
        self.xlsx(PaperKind::RefusalList, name, None, &tables)
    }

    /// 公示表, to print.
    pub fn publicity_pdf(&self) -> Result<Paper, PaperError> {
        let name = names::batch_name(self.batch, "公示表", ".pdf");
        let columns = publicity::columns();
        let table = publicity::table(self.batch, &self.ctx, &columns);
        self.pdf(PaperKind::PublicityPdf, name, "publicity.typ", None, &printed(&table, &table.rows, (1, 1)))
    }

    /// 公示表, to put on a site.
    pub fn publicity_workbook(&self) -> Result<Paper, PaperError> {
        let name = names::batch_name(self.batch, "公示表", ".xlsx");
        let columns = publicity::columns();
        let table = publicity::table(self.batch, &self.ctx, &columns);
        self.xlsx(PaperKind::PublicityXlsx, name, None, &[table])
    }

    fn pdf(
        &self,
        kind: PaperKind,
        name: String,
        template: &str,
        group: Option<&Group>,
        data: &impl Serialize,
    ) -> Result<Paper, PaperError> {
        let mark = Mark {
            word: "批次",
            number: &self.batch.number,
            hash: hash_prefix(&self.batch.totals.lines_sha256),
            group: group.map(|group| format!("{:03}", group.number)),
            prison: group.map(|group| &*group.key.prison),
            sealed_at: self.batch.sealed_at,
        };
        let bytes = set(&self.ctx, &mark, &name, template, data).map_err(|error| self.placed(error, kind, group))?;
        Ok(paper(kind, name, bytes, group))
    }

    /// Tells where the row of a missing character can be looked up.
    fn placed(&self, error: PaperError, kind: PaperKind, group: Option<&Group>) -> PaperError {
        match (error, group) {
            (PaperError::MissingGlyph { paper, character, codepoint, .. }, Some(group)) => {
                let sought = kind.is_personal().then_some(character);
                let place = detail::place(self.batch, group, &self.ctx, sought);
                PaperError::MissingGlyph { paper, place, character, codepoint }
            }
            (error, _) => error,
        }
    }

    fn xlsx(
        &self,
        kind: PaperKind,
        name: String,
        group: Option<&Group>,
        tables: &[Table<'_>],
    ) -> Result<Paper, PaperError> {
        let origin = Origin {
            paper: &name,
            title: name.strip_suffix(".xlsx").unwrap_or(&name),
            footer: &self.footer,
            sealed_at: self.batch.sealed_at,
        };
        let bytes = write(tables, &origin, &self.formats)?;
        Ok(paper(kind, name, bytes, group))
    }
}

/// Sets one pdf.
pub(super) fn set(
    ctx: &PaperContext<'_>,
    mark: &Mark<'_>,
    name: &str,
    template: &str,
    data: &impl Serialize,
) -> Result<Vec<u8>, PaperError> {
    #[derive(Serialize)]
    struct Data<'d, T> {
        imprint: &'d Imprint<'d>,
        paper: &'d T,
    }
    let at = mark.sealed_at;
    let is_form = FORMS.contains(&template);
    let mut imprint = Imprint {
        families: ctx.fonts.families(),
        title: name.strip_suffix(".pdf").unwrap_or(name),
        word: mark.word,
        batch: mark.number,
        hash: mark.hash,
        group: mark.group.clone(),
        prison: mark.prison,
        sealed: [
            i64::from(at.year()),
            i64::from(at.month()),
            i64::from(at.day()),
            i64::from(at.hour()),
            i64::from(at.minute()),
            i64::from(at.second()),
        ],
        attempt: 0,
        one_page: is_form,
    };
    let mut job = Job { template, paper: name, program: ctx.program, max_pages: is_form.then_some(1) };
    loop {
        let printed = print(&job, &Data { imprint: &imprint, paper: data }, ctx.fonts, ctx.templates)?;
        if let Some(bytes) = printed {
            return Ok(bytes);
        }
        // After the last look it may have as many pages as it takes.
        let looks_left = imprint.attempt + 1 < MAX_LOOKS;
        imprint.attempt += usize::from(looks_left);
        (imprint.one_page, job.max_pages) = (looks_left, looks_left.then_some(1));
    }
}

/// The rows of each pdf: all in one, or parts of about the same length; at least one part, perhaps empty.
pub(super) fn parts<T>(rows: &[T]) -> Vec<&[T]> {
    let parts = rows.len() / MAX_PDF_ROWS + 1;
    let chunks: Vec<&[T]> = rows.chunks(rows.len().div_ceil(parts).max(1)).collect();
    if chunks.is_empty() { vec![rows] } else { chunks }
}

/// The first twelve characters of a hash, as footers show it.
pub(super) fn hash_prefix(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

fn paper(kind: PaperKind, name: String, bytes: Vec<u8>, group: Option<&Group>) -> Paper {
    Paper { name, bytes, kind, group: group.map(|group| group.number), personal: kind.is_personal() }
}

/// A table, or one part of it, as texts. A part ends with its own sum, the last one also with the whole.
pub(super) fn printed<'t>(table: &'t Table<'_>, rows: &[Vec<Cell>], (part, parts): (usize, usize)) -> PrintedTable<'t> {
    let mut totals = Vec::new();
    if let Some(total) = &table.total {
        let one = |label: String, sum: Fen, note: String| PrintedTotal {
            label,
            column: total.column,
            sum: sum.to_string(),
            note,
        };
        if parts > 1 {
            let sum = rows.iter().filter_map(|cells| cells.get(total.column)).map(yuan_of).sum();
            totals.push(one(format!("第{part}部分小计（共{parts}部分）"), sum, String::new()));
        }
        if part == parts {
            totals.push(one(total.label.clone(), total.sum, total.note.clone()));
        }
    }
    PrintedTable {
        label: &table.label,
        title: &table.title,
        subtitle: &table.subtitle,
        headers: table.columns.iter().map(|column| column.header.as_str()).collect(),
        widths: table.columns.iter().map(|column| column.width).collect(),
        aligns: table.columns.iter().map(|column| align(column.align)).collect(),
        rows: rows
            .iter()
            .map(|cells| cells.iter().zip(table.columns).map(|(cell, c)| breakable(&cell.printed(), c.width)).collect())
            .collect(),
        totals,
        notes: &table.notes,
    }
}

fn yuan_of(cell: &Cell) -> Fen {
    if let Cell::Yuan(amount) = cell { *amount } else { Fen::ZERO }
}

fn align(align: Align) -> &'static str {
    match align {
        Align::Centre => "center",
        Align::Left => "left",
        Align::Right => "right",
    }
}
