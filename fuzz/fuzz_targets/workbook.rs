//! Whatever bytes come under the name of a .xlsx file: read or refused, within the limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shenling_fuzz::forms::grid::{Limits, read};

const LIMITS: Limits = Limits { max_file_bytes: 1 << 16, max_unzipped_bytes: 1 << 20, max_sheets: 4, max_rows: 1_000 };

fuzz_target!(|bytes: &[u8]| {
    if let Ok(book) = read("fuzz.xlsx", bytes, &LIMITS) {
        for sheet in &book.sheets {
            let mut last = 0;
            for (row, cells) in sheet.rows() {
                assert!(row > last && !cells.is_empty(), "rows are in order and hold something");
                last = row;
            }
        }
    }
});
