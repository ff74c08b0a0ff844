//! Which number formats show a date, and which day a serial number is.

use chrono::{Days, NaiveDate};

/// The last serial that a spreadsheet shows: 9999-12-31.
const MAX_SERIAL: u64 = 2_958_465;

/// Whether a built-in number format shows a date or a time. 27-36 and 50-58 are the formats of Chinese, Japanese and
/// Korean systems; 46 is a duration and no date.
pub(super) fn is_builtin_date(format_id: u32) -> bool {
    matches!(format_id, 14..=22 | 27..=36 | 45 | 47 | 50..=58)
}

/// Whether a custom format code shows a date or a time: it holds y, m, d, h, s or e (year of an era) outside quotes,
/// brackets and escapes. A duration such as `[h]:mm` is no date.
pub(super) fn is_date_format(code: &str) -> bool {
    let mut date = false;
    let mut rest = code.chars().peekable();
    while let Some(symbol) = rest.next() {
        match symbol.to_ascii_lowercase() {
            '"' => {
                rest.by_ref().find(|c| *c == '"');
            }
            '\\' | '_' | '*' => {
                rest.next();
            }
            '[' => {
                let inner: String = rest.by_ref().take_while(|c| *c != ']').collect();
                if !inner.is_empty() && inner.chars().all(|c| matches!(c, 'h' | 'H' | 'm' | 'M' | 's' | 'S')) {
                    return false;
                }
            }
            // The general format, in one of its sections.
            'g' => {
                let ahead: String = rest.clone().take(6).collect();
                if ahead.eq_ignore_ascii_case("eneral") {
                    rest.nth(5);
                }
            }
            'e' => date |= !matches!(rest.peek(), Some('+' | '-')),
            'y' | 'm' | 'd' | 'h' | 's' => date = true,
            _ => {}
        }
    }
    date
}

/// The day of a serial number given as decimal text; its time of day is dropped. `None` for a bare time and for what no
/// calendar shows, the 29 February 1900 of the 1900 system among it.
pub(super) fn day_of_serial(decimal: &str, date_1904: bool) -> Option<NaiveDate> {
    let days: u64 = decimal.split('.').next()?.parse().ok()?;
    let day_zero = match (date_1904, days) {
        (_, days) if days > MAX_SERIAL => return None,
        (true, _) => NaiveDate::from_ymd_opt(1904, 1, 1),
        (false, 0 | 60) => return None,
        // The 1900 system counts a 29 February 1900 that never was; before it the days are one apart.
        (false, 1..60) => NaiveDate::from_ymd_opt(1899, 12, 31),
        (false, _) => NaiveDate::from_ymd_opt(1899, 12, 30),
    };
    day_zero?.checked_add_days(Days::new(days))
}
