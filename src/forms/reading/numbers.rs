//! Numbers as people type them: whole hours, scores in tenths, and the sign that digits are gone.

/// Digits that a spreadsheet number can hold.
const MAX_NUMBER_DIGITS: usize = 15;

/// Whole, not negative: `80`, `80.0`.
pub(super) fn whole(text: &str) -> Option<u32> {
    let (whole, decimals) = parts(text)?;
    decimals.is_empty().then(|| whole.parse().ok()).flatten()
}

/// 0 to 100 with one decimal, in tenths: `85.5` is 855.
pub(super) fn tenths(text: &str) -> Option<u16> {
    let (whole, decimals) = parts(text)?;
    let whole: u16 = whole.parse().ok().filter(|points| *points <= 100)?;
    let tenth: u16 = match decimals.len() {
        0 => 0,
        1 => decimals.parse().ok()?,
        _ => return None,
    };
    Some(whole * 10 + tenth).filter(|tenths| *tenths <= 1000)
}

/// The digits before the point, and those after it without trailing zeros.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    (!whole.is_empty() && digits(whole) && digits(decimals)).then(|| (whole, decimals.trim_end_matches('0')))
}

/// Whether a number cell had more digits than a number holds.
pub(super) fn number_lost_digits(text: &str) -> bool {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.bytes().filter(u8::is_ascii_digit).count() > MAX_NUMBER_DIGITS
}

/// Whether a text is what a spreadsheet makes of a long number in csv: `3.2E+12`.
pub(super) fn text_lost_digits(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.strip_prefix('+').is_some_and(digits);
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    exponent && digits(whole) && digits(decimals)
}
