//! Finds the header of a sheet, and by it which form the sheet is.

use std::cmp::Ordering;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::FileKind;
use super::cell::is_filled;
use super::clean::is_unseen;
use super::spec::{ColumnSpec, FormSpec, Key};
use crate::forms::grid::{Cell, Sheet, a1};

/// Rows of a sheet in which its header is looked for; titles above are few.
const MAX_HEADER_SEARCH_ROWS: usize = 100;
/// Columns of a sheet that are looked at.
const MAX_COLUMNS: usize = 1_000;

/// How much of a cell is looked at as a header; hints in brackets may be long.
const MAX_HEADER_CHARS: usize = 1_000;

/// Marks around a header that are no part of its name, after NFKC.
const MARKS: [char; 4] = ['*', '★', '※', ':'];

/// A header as it is compared: NFKC, lower case, without spaces, `*`, marks at its ends and whatever stands in brackets.
pub(super) fn header_text(raw: &str) -> String {
    let mut depth = 0_u32;
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars().take(MAX_HEADER_CHARS).nfkc().flat_map(char::to_lowercase) {
        match c {
            '(' | '[' | '{' | '【' | '〔' | '〈' | '《' => depth += 1,
            ')' | ']' | '}' | '】' | '〕' | '〉' | '》' => depth = depth.saturating_sub(1),
            '*' => {}
            c if depth == 0 && !is_unseen(c) => text.push(c),
            _ => {}
        }
    }
    text.truncate(text.trim_end_matches(MARKS).len());
    text.drain(..text.len() - text.trim_start_matches(MARKS).len());
    text
}

/// Whether a character before a header is no part of its name.
pub(super) fn is_mark(c: char) -> bool {
    let is_plain = c.is_ascii_alphanumeric() || matches!(c, '\u{4E00}'..='\u{9FFF}');
    !is_plain && (is_unseen(c) || c.nfkc().all(|c| MARKS.contains(&c)))
}

/// A sheet whose header was found: where each column stands.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    /// Name of the sheet.
    pub sheet: Arc<str>,
    /// The sheet itself, which knows where merged values stand.
    pub source: &'a Sheet,
    /// Its form.
    pub form: &'a FormSpec,
    /// Column of each key, by `Key as usize`.
    pub columns: [Option<usize>; Key::COUNT],
    /// Row of the header's last line.
    pub last_row: u32,
    /// A1 of the leftmost filled header cell.
    pub first_cell: String,
    /// Compared header of each known column, from the left.
    pub names: Vec<(usize, String)>,
    /// Columns whose cells must be filled.
    pub required_cells: Vec<usize>,
    /// Required columns that are not there.
    pub missing: Vec<&'a ColumnSpec>,
    /// How many of its required columns are there that no other form has.
    own_found: usize,
    score: Score,
}

/// How well a header fits a form: known headers minus missing ones, then the share of required headers found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Score {
    balance: i64,
    required_found: i64,
    required: i64,
    /// A header of one row is preferred to one of two: the upper one may be a title.
    one_row: bool,
}

impl Score {
    fn beats(self, other: Score) -> bool {
        // Cross-multiplied: a/b > c/d.
        let (mine, theirs) = (self.required_found * other.required, other.required_found * self.required);
        (self.balance, mine, self.one_row) > (other.balance, theirs, other.one_row)
    }
}

impl Layout<'_> {
    /// The column of a key.
    pub fn column(&self, key: Key) -> Option<usize> {
        self.columns[key as usize]
    }

    /// A1 of the cell to change: of a merged region the one that holds its value.
    pub fn address(&self, row: u32, column: usize) -> String {
        let (row, column) = self.source.origin(row, column);
        a1(row, column)
    }

    /// Which form this is.
    pub fn kind(&self) -> FileKind {
        self.form.kind
    }

    /// Whether the sheet, standing beside another form, must not be passed over: it has every required column of a form that
    /// prisons send, and is no list that happens to share some headers.
    pub fn is_worth_a_file(&self) -> bool {
        self.missing.is_empty() && matches!(self.kind(), FileKind::Results | FileKind::Roster)
    }

    /// Whether the sheet is this form beyond doubt, and not a list that happens to share some headers.
    pub fn is_clear(&self) -> bool {
        self.score.required_found * 4 > self.score.required * 3
    }

    /// Whether this sheet fits its form better than another one fits its own.
    pub fn fits_better_than(&self, other: &Layout<'_>) -> bool {
        self.score.beats(other.score)
    }
}

/// What might be a header: one row, or two rows read as one.
struct Candidate {
    headers: Vec<String>,
    /// Row and column of its leftmost filled cell.
    first: (u32, usize),
    last_row: u32,
    one_row: bool,
}

/// The best fitting header of a sheet among the given forms, if any fits by half.
pub(super) fn recognise<'a>(sheet: &'a Sheet, forms: &[&'a FormSpec]) -> Option<Layout<'a>> {
    let name: Arc<str> = Arc::from(sheet.name.as_str());
    let mut best: Option<Layout<'a>> = None;
    let mut offer = |candidate: &Candidate| {
        let fits = forms.iter().filter_map(|form| fit(candidate, form, forms, sheet, &name)).collect();
        if let Some(layout) = likeliest(fits)
            && best.as_ref().is_none_or(|best| layout.fits_better_than(best))
        {
            best = Some(layout);
        }
    };
    let mut above: Option<Candidate> = None;
    for (row, cells) in sheet.rows().take(MAX_HEADER_SEARCH_ROWS) {
        let headers: Vec<String> = cells.iter().take(MAX_COLUMNS).map(cell_header).collect();
        let Some(leftmost) = cells.iter().position(is_filled) else { continue };
        let candidate = Candidate { headers, first: (row, leftmost), last_row: row, one_row: true };
        if let Some(above) = above.filter(|above| above.last_row + 1 == row) {
            offer(&joined(above, &candidate));
        }
        offer(&candidate);
        above = Some(candidate);
    }
    best
}

/// A header of two rows is read by its lower names; where there is none, the upper one spans both.
fn joined(upper: Candidate, lower: &Candidate) -> Candidate {
    let mut headers = upper.headers;
    headers.resize(headers.len().max(lower.headers.len()), String::new());
    for (name, below) in headers.iter_mut().zip(&lower.headers) {
        if !below.is_empty() {
            name.clone_from(below);
        }
    }
    let first = if lower.first.1 < upper.first.1 { lower.first } else { upper.first };
    Candidate { headers, first, last_row: lower.last_row, one_row: false }
}

fn cell_header(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => header_text(text),
        _ => String::new(),
    }
}

/// The form that a header is meant for. Of one that lacks columns nothing is taken, and what is missing must be said of the
/// form that was meant: the one of which most columns are there that no other form has.
fn likeliest(fits: Vec<Layout<'_>>) -> Option<Layout<'_>> {
    fits.into_iter().reduce(|best, next| {
        let both_lack = !best.missing.is_empty() && !next.missing.is_empty();
        let next_is_better = match next.own_found.cmp(&best.own_found) {
            Ordering::Greater if both_lack => true,
            Ordering::Less if both_lack => false,
            _ => next.fits_better_than(&best),
        };
        if next_is_better { next } else { best }
    })
}

fn fit<'a>(
    candidate: &Candidate,
    form: &'a FormSpec,
    forms: &[&'a FormSpec],
    sheet: &'a Sheet,
    name: &Arc<str>,
) -> Option<Layout<'a>> {
    let headers = &candidate.headers;
    let columns = match_columns(headers, form);
    let column_of = |spec: &ColumnSpec| columns[spec.key as usize];
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let required = form.columns.iter().filter(|spec| spec.required).count();
    let missing: Vec<&ColumnSpec> =
        form.columns.iter().filter(|spec| spec.required && column_of(spec).is_none()).collect();
    let required_found = required - missing.len();
    let found = columns.iter().flatten().count();
    if required_found == 0 || required_found * 2 < required {
        return None;
    }
    let mut names: Vec<(usize, String)> = form
        .columns
        .iter()
        .filter_map(|spec| column_of(spec).and_then(|at| Some((at, headers.get(at)?.clone()))))
        .collect();
    names.sort_unstable_by_key(|(at, _)| *at);
    let required_cells =
        form.columns.iter().filter(|spec| spec.required && !spec.cells_may_be_empty).filter_map(column_of).collect();
    let others: Vec<&&FormSpec> =
        forms.iter().filter(|other| other.kind != FileKind::Plan && !std::ptr::eq(**other, form)).collect();
    let is_own = |spec: &&ColumnSpec| others.iter().all(|other| other.column(spec.key).is_none());
    let own_found =
        form.columns.iter().filter(|spec| spec.required && column_of(spec).is_some()).filter(is_own).count();
    let score = Score {
        balance: count(found) - count(missing.len()),
        required_found: count(required_found),
        required: count(required),
        one_row: candidate.one_row,
    };
    let (first_row, first_column) = sheet.origin(candidate.first.0, candidate.first.1);
    Some(Layout {
        sheet: name.clone(),
        source: sheet,
        form,
        columns,
        last_row: candidate.last_row,
        first_cell: a1(first_row, first_column),
        names,
        required_cells,
        missing,
        own_found,
        score,
    })
}

/// Full header names first, for all columns; then synonyms among the headers that are left.
fn match_columns(headers: &[String], form: &FormSpec) -> [Option<usize>; Key::COUNT] {
    let mut columns = [None; Key::COUNT];
    for spec in &form.columns {
        columns[spec.key as usize] = headers.iter().position(|header| *header == spec.compared);
    }
    let full_names: Vec<usize> = columns.iter().flatten().copied().collect();
    let is_full_name = |at: &usize| {
        full_names.contains(at) || headers.get(*at).is_some_and(|name| form.columns.iter().any(|s| s.compared == *name))
    };
    for spec in form.columns.iter().filter(|spec| columns[spec.key as usize].is_none()).collect::<Vec<_>>() {
        let found = spec
            .compared_synonyms
            .iter()
            .find_map(|synonym| headers.iter().position(|header| header == synonym).filter(|at| !is_full_name(at)));
        columns[spec.key as usize] = found;
    }
    columns
}
