//! One row under the reader's eyes: its cells and texts, findings and repairs for whoever typed them.
//!
//! A method that yields `None` has either found an empty cell that may be empty, or recorded a finding that sets the
//! row aside ([`Reader::is_faulty`]). Findings: `required-empty`, `error-cell`; those of typed values are in [`values`].

mod values;

use std::borrow::Cow;

use chrono::NaiveDate;

use super::advice;
use super::cell::{is_error, is_filled, written};
use super::clean::{Clean, clean, person_name, shown, shown_with_marks, without_marks};
use super::header::Layout;
use super::names::Known;
use super::sheet::placed;
use super::spec::Key;
use super::{Placed, ReadingContext};
use crate::forms::grid::Cell;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::finding::{Code, Finding, Repair, RepairCode, Severity};
use crate::subsidy::fragment::Fragment;

/// What was found and repaired so far.
#[derive(Default)]
pub(super) struct Output {
    pub findings: Vec<Finding>,
    pub repairs: Vec<Repair>,
    /// What could be read of rows that come back.
    pub fragments: Vec<Placed<Fragment>>,
}

impl Output {
    /// Takes over what another part found.
    pub fn append(&mut self, other: &mut Output) {
        self.findings.append(&mut other.findings);
        self.repairs.append(&mut other.repairs);
        self.fragments.append(&mut other.fragments);
    }
}

/// A two-way answer: its words, and others that mean the same.
pub(super) struct Answers {
    /// The word for true.
    pub yes: &'static str,
    /// The word for false.
    pub no: &'static str,
    /// Others, with what they mean.
    pub also: &'static [(&'static str, bool)],
}

/// Reads the cells of one row.
pub(super) struct Reader<'a> {
    ctx: &'a ReadingContext<'a>,
    layout: &'a Layout<'a>,
    row: u32,
    cells: &'a [Cell],
    out: &'a mut Output,
    known: &'a mut Known,
    faulty: Vec<Key>,
}

impl<'a> Reader<'a> {
    /// A reader for one row.
    pub fn new(
        ctx: &'a ReadingContext<'a>,
        layout: &'a Layout<'a>,
        row: u32,
        cells: &'a [Cell],
        out: &'a mut Output,
        known: &'a mut Known,
    ) -> Reader<'a> {
        Reader { ctx, layout, row, cells, out, known, faulty: Vec::new() }
    }

    /// Whether something was found that sets the row aside.
    pub fn is_faulty(&self) -> bool {
        !self.faulty.is_empty()
    }

    /// Keeps what could be read of a row that comes back, to hold it against the others.
    pub fn keep(&mut self, fragment: Fragment) {
        let placed = placed(self.layout, self.row, fragment);
        self.out.fragments.push(placed);
    }

    /// Whether such a finding stands at the cell of a column: what was read there must not be held against others.
    pub fn is_faulty_at(&self, key: Key) -> bool {
        self.faulty.contains(&key)
    }

    /// The day the file arrived.
    pub fn arrived_on(&self) -> NaiveDate {
        self.ctx.arrived_on
    }

    /// Whether a result without a valid resident ID is held (R12) by the policy of the day on which the file arrived.
    pub fn needs_identity(&self) -> bool {
        self.ctx.catalogue.policy_on(self.ctx.arrived_on).is_none_or(|policy| policy.require_verified_id)
    }

    /// What names are looked up in.
    pub fn catalogue(&self) -> &'a Catalogue {
        self.ctx.catalogue
    }

    /// Whether the sheet has this column.
    pub fn has_column(&self, key: Key) -> bool {
        self.layout.column(key).is_some()
    }

    /// Whether the cells of a column must be filled.
    pub fn is_needed(&self, key: Key) -> bool {
        self.layout.form.column(key).is_some_and(|column| column.required && !column.cells_may_be_empty)
    }

    /// The filled cell of a column, whatever it holds.
    fn filled(&self, key: Key) -> Option<&'a Cell> {
        self.layout.column(key).and_then(|at| self.cells.get(at)).filter(|cell| is_filled(cell))
    }

    /// The text of a filled cell, before any reading.
    pub fn raw(&self, key: Key) -> Option<Cow<'a, str>> {
        self.filled(key).map(written)
    }

    /// The header of a column as the form has it.
    pub fn header(&self, key: Key) -> &'a str {
        self.layout.form.column(key).map_or(key.as_str(), |column| column.header.as_str())
    }

    /// Records what sets the row aside, at the cell of a column.
    pub fn fault(&mut self, key: Key, code: Code, advice: String) {
        self.faulty.push(key);
        self.find(key, code, Severity::Error, advice);
    }

    /// The same, of a cell that disagrees with others: what they say stands beside what was seen.
    pub fn fault_beside(&mut self, key: Key, code: Code, others: &str, advice: String) {
        self.fault(key, code, advice);
        if let Some(finding) = self.out.findings.last_mut() {
            finding.seen = format!("{}（{others}）", finding.seen);
        }
    }

    /// Records a doubt.
    pub fn doubt(&mut self, key: Key, code: Code, advice: String) {
        self.find(key, code, Severity::Warning, advice);
    }

    fn find(&mut self, key: Key, code: Code, severity: Severity, advice: String) {
        let cell = self.address(key);
        let seen = self.raw(key).map(|raw| shown(&raw)).unwrap_or_default();
        let finding = Finding { sheet: self.layout.sheet.to_string(), cell, code, severity, seen, advice };
        self.out.findings.push(finding);
    }

    fn repair(&mut self, key: Key, code: RepairCode, seen: &str, taken: &str) {
        let (cell, seen, taken) = (self.address(key), shown_with_marks(seen), shown(taken));
        self.out.repairs.push(Repair { sheet: self.layout.sheet.to_string(), cell, code, seen, taken });
    }

    fn address(&self, key: Key) -> String {
        self.layout.address(self.row, self.layout.column(key).unwrap_or(0))
    }

    /// The cell of a column, if it is filled and no error; an empty required cell and an error are findings.
    fn cell(&mut self, key: Key) -> Option<&'a Cell> {
        let Some(cell) = self.filled(key) else {
            if self.has_column(key) && self.is_needed(key) {
                self.required_empty(key);
            }
            return None;
        };
        if !is_error(cell) {
            return Some(cell);
        }
        let advice = advice::error_cell(self.header(key));
        if key == Key::OccupationCode {
            // FORMS: 职业编码 never sets a row aside.
            self.doubt(key, Code::ErrorCell, advice);
        } else {
            self.fault(key, Code::ErrorCell, advice);
        }
        None
    }

    /// Records that a cell must be filled.
    pub fn required_empty(&mut self, key: Key) {
        let advice = advice::required_empty(key, self.header(key));
        self.fault(key, Code::RequiredEmpty, advice);
    }

    /// Lists what cleaning did to a text that became `taken`.
    fn cleaned(&mut self, key: Key, raw: &str, spaces: bool, full_width: bool, taken: &str) {
        if spaces {
            self.repair(key, RepairCode::Spaces, raw, taken);
        }
        if full_width {
            self.repair(key, RepairCode::FullWidth, raw, taken);
        }
    }

    /// A text.
    pub fn text(&mut self, key: Key) -> Option<String> {
        let raw = written(self.cell(key)?);
        Some(self.cleaned_text(key, &raw))
    }

    /// 备注: as typed, but for outer spaces and marks that nobody sees. Full-width signs are right in a sentence.
    pub fn remark(&mut self) -> Option<String> {
        let raw = written(self.cell(Key::Remark)?);
        let text = without_marks(&raw).into_owned();
        self.cleaned(Key::Remark, &raw, text != raw, false, &text);
        Some(text)
    }

    /// A text that is taken apart: what cleaning it changed is not worth listing.
    pub fn words(&mut self, key: Key) -> Option<String> {
        let before = self.out.repairs.len();
        let text = self.text(key);
        self.out.repairs.truncate(before);
        text
    }

    fn cleaned_text(&mut self, key: Key, raw: &str) -> String {
        let Clean { text, spaces, full_width } = clean(raw);
        let text = text.into_owned();
        self.cleaned(key, raw, spaces, full_width, &text);
        text
    }

    /// 姓名: a text without the spaces that align two-character names.
    pub fn name(&mut self, key: Key) -> Option<String> {
        let raw = written(self.cell(key)?);
        let packed = person_name(&raw);
        let Clean { text: name, spaces, full_width } = clean(&packed);
        self.cleaned(key, &raw, spaces || packed != raw, full_width, &name);
        Some(name.into_owned())
    }
}
