//! What a cell is before it is read: filled or not, an error or not, and the text that was typed.

use std::borrow::Cow;

use super::clean::is_blank;
use crate::forms::grid::Cell;

/// Whether a cell holds anything that can be seen.
pub(super) fn is_filled(cell: &Cell) -> bool {
    match cell {
        Cell::Empty => false,
        Cell::Text(text) => !is_blank(text),
        _ => true,
    }
}

/// The text of a cell as it was typed.
pub(super) fn written(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Empty => Cow::Borrowed(""),
        Cell::Text(text) | Cell::Number { text, .. } | Cell::Error(text) => Cow::Borrowed(text),
        Cell::Date { on, .. } => Cow::Owned(on.to_string()),
        Cell::Bool(true) => Cow::Borrowed("TRUE"),
        Cell::Bool(false) => Cow::Borrowed("FALSE"),
    }
}

/// The text of a cell where a number or a name is wanted: of a date the number that is stored, for the format says how a
/// cell looks and not what was typed.
pub(super) fn stored(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Date { stored: Some(text), .. } => Cow::Borrowed(text),
        other => written(other),
    }
}

/// Error values as csv and pasted text carry them.
const ERROR_TEXTS: [&str; 8] = ["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!"];

/// Whether a cell is an error value, as such or as text.
pub(super) fn is_error(cell: &Cell) -> bool {
    match cell {
        Cell::Error(_) => true,
        Cell::Text(text) => text.contains('#') && ERROR_TEXTS.contains(&text.trim()),
        _ => false,
    }
}
