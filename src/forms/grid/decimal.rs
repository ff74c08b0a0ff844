//! Stored numbers as decimal text at 15 significant digits. No float is ever made: the text in the file is rounded as text.

/// Spreadsheets show and compare 15 digits; what follows is noise of binary arithmetic (150.1+0.2 = 150.29999999999998).
pub(super) const SIGNIFICANT_DIGITS: usize = 15;
/// Beyond any number that a spreadsheet can store.
const MAX_EXPONENT: i64 = 400;

/// Reads `[+-]digits[.digits][E[+-]digits]`; `None` if it is anything else. The result has no exponent and no needless zero.
pub(super) fn decimal(stored: &str) -> Option<String> {
    let stored = stored.trim();
    let (negative, unsigned) = match stored.as_bytes().first()? {
        b'-' => (true, &stored[1..]),
        b'+' => (false, &stored[1..]),
        _ => (false, stored),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }

    let zeros = whole.bytes().chain(fraction.bytes()).take_while(|b| *b == b'0').count();
    let mut digits: Vec<u8> =
        whole.bytes().chain(fraction.bytes()).skip(zeros).take(SIGNIFICANT_DIGITS + 1).map(|b| b - b'0').collect();
    // How many digits stand before the decimal point; negative: zeros after it.
    let mut point = i64::try_from(whole.len()).ok()? - i64::try_from(zeros).ok()? + exponent.clamp(-1 << 40, 1 << 40);
    if digits.len() > SIGNIFICANT_DIGITS && round_last(&mut digits) {
        point += 1;
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    if point.abs() > MAX_EXPONENT {
        return None;
    }
    Some(write(negative, &digits, point))
}

/// Rounds the last digit away, half up. True if that made one digit more before the point (9.99 -> 10).
fn round_last(digits: &mut Vec<u8>) -> bool {
    if digits.pop().is_none_or(|last| last < 5) {
        return false;
    }
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return false;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
    true
}

fn write(negative: bool, digits: &[u8], point: i64) -> String {
    let mut text = String::with_capacity(digits.len() + 3);
    if negative {
        text.push('-');
    }
    if point <= 0 {
        text.push_str("0.");
        text.extend((point..0).map(|_| '0'));
    }
    for (at, digit) in (0_i64..).zip(digits) {
        if at == point && at > 0 {
            text.push('.');
        }
        text.push(char::from(b'0' + digit));
    }
    text.extend((i64::try_from(digits.len()).unwrap_or(0)..point).map(|_| '0'));
    text
}
