//! What is asked for goes to stdout (UTF-8, no BOM, LF); everything else goes to stderr.

use std::io::Write;

use comfy_table::{Table, presets};
use serde::Serialize;

/// Writes a line to stdout. A reader that went away is no error of ours.
macro_rules! say {
    ($($arg:tt)*) => { $crate::cli::output::line(&format!($($arg)*)) };
}
pub(crate) use say;

/// Writes a line to stderr: progress and advice beside what was asked for.
macro_rules! hint {
    ($($arg:tt)*) => { eprintln!($($arg)*) };
}
pub(crate) use hint;

/// Writes a line to stdout.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Writes bytes to stdout as they are.
pub(crate) fn raw(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Writes a value as pretty JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Writes a table with a header row.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    line(&table.to_string());
}
