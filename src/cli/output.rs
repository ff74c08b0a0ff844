//! What is asked for goes to stdout (UTF-8, no BOM, LF); everything else goes to stderr.

use std::io::{self, ErrorKind, Write};
use std::sync::Mutex;

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

/// The first write to stdout that failed: what was asked for is not there, and the exit code must say so.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes a line to stdout.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    note(out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")));
}

/// Writes bytes to stdout as they are.
pub(crate) fn raw(bytes: &[u8]) {
    note(io::stdout().lock().write_all(bytes));
}

/// Flushes stdout; the error, where anything of it was not written.
pub(crate) fn finish() -> io::Result<()> {
    note(io::stdout().lock().flush());
    FAILED.lock().ok().and_then(|mut failed| failed.take()).map_or(Ok(()), Err)
}

fn note(written: io::Result<()>) {
    if let (Err(error), Ok(mut failed)) = (written, FAILED.lock())
        && error.kind() != ErrorKind::BrokenPipe
    {
        failed.get_or_insert(error);
    }
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
