//! A table as it is described once: xlsx ([`super::workbook`]) and pdf (`detail.typ`, `publicity.typ`) draw it.

use chrono::NaiveDate;

use crate::subsidy::money::Fen;

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nothing to say.
    Empty,
    /// Text, never read as a number or formula.
    Text(String),
    /// A whole number.
    Count(u32),
    /// An amount.
    Yuan(Fen),
    /// A date.
    Date(NaiveDate),
    /// A score in tenths of a point.
    Score(u16),
}

impl Cell {
    /// Text, or nothing where it is empty.
    pub fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        if text.is_empty() { Cell::Empty } else { Cell::Text(text) }
    }

    /// The cell as print shows it.
    pub fn printed(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Yuan(amount) => amount.to_string(),
            Cell::Date(date) => date.to_string(),
            Cell::Score(tenths) => score(*tenths),
        }
    }
}

/// `85.5`.
pub(super) fn score(tenths: u16) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// How a column's cells stand.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Align {
    /// Centred.
    #[default]
    Centre,
    /// Texts that may be long.
    Left,
    /// Amounts.
    Right,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Header.
    pub header: String,
    /// Width in characters of Latin text, as spreadsheets count it.
    pub width: u16,
    /// Alignment.
    pub align: Align,
}

/// The total row.
#[derive(Clone, Debug)]
pub(super) struct Total {
    /// `合计（15人）`.
    pub label: String,
    /// Column that is summed.
    pub column: usize,
    /// Our own value of the sum.
    pub sum: Fen,
    /// What stands to the right of the sum, beside the workbook's live formula.
    pub note: String,
}

/// A table on paper: one sheet, or some pages.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    /// `附件8`; empty for none.
    pub label: String,
    /// Title.
    pub title: String,
    /// What the table is of, under its title.
    pub subtitle: String,
    /// Name of the sheet.
    pub sheet: String,
    /// The columns.
    pub columns: &'a [Column],
    /// The rows, each as long as the columns.
    pub rows: Vec<Vec<Cell>>,
    /// The total row.
    pub total: Option<Total>,
    /// Lines under the table.
    pub notes: Vec<String>,
}

/// A text with places where it may break: print has no room for a run of letters and digits longer than its column.
/// Runs that fit stay whole, so that a number copied from the page is the number.
pub(super) fn breakable(text: &str, width: u16) -> String {
    let limit = usize::from(width.max(2)) * DIGIT;
    let mut out = String::with_capacity(text.len());
    let mut run = 0;
    for c in text.chars() {
        let taken = if c.is_ascii_graphic() { breadth(c) } else { 0 };
        run = if taken == 0 { 0 } else { run + taken };
        if run > limit {
            out.push('\u{200b}');
            run = taken;
        }
        out.push(c);
    }
    out
}

/// How broad a digit is, in tenths: the unit that columns are measured in.
const DIGIT: usize = 10;

/// How broad a letter or sign is in the faces that tables are set in, never less than a digit; the broadest are W and M.
fn breadth(c: char) -> usize {
    match c {
        'W' | 'M' => 20,
        'F' | 'I' | 'J' | 'L' | 'P' | 'S' | 'Z' | '^' => 13,
        'A'..='Z' | '@' | '%' | '&' | '#' | '+' | '<' | '=' | '>' | '_' | 'm' => 16,
        'w' => 15,
        'b' | 'd' | 'h' | 'k' | 'n' | 'p' | 'q' | 'u' | 'v' | 'x' | 'y' | '~' => 12,
        _ => DIGIT,
    }
}
