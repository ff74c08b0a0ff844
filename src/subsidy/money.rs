//! Money: whole fen (分), its reading, its writing in digits and in capitals (人民币大写).
//!
//! Amounts never pass through a float. Capital amounts follow the annex of 支付结算办法.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in fen (1 yuan = 100 fen). Negative only on reversal lines.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fen(pub i64);

/// Largest amount that is read from a cell: 9,999,999,999.99 yuan.
pub const MAX_FEN: i64 = 999_999_999_999;

/// Why a text is no amount.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number, negative, or beyond [`MAX_FEN`].
    #[error("不是金额")]
    NotAnAmount,
    /// More than two decimals.
    #[error("小数超过两位")]
    TooManyDecimals,
}

/// Why an amount cannot be written in capitals.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("金额 {0} 分不能写成大写（须为正数且不超过 {MAX_FEN} 分）")]
pub struct NoCapitals(pub i64);

impl Fen {
    /// Nothing.
    pub const ZERO: Fen = Fen(0);

    /// Reads yuan with at most two decimals (`1000`, `1,000.50`, `¥950.5`, `1000元`).
    pub fn parse_yuan(text: &str) -> Result<Fen, AmountError> {
        let text = text.trim();
        let text = text.strip_prefix(['¥', '￥']).unwrap_or(text);
        let text = text.strip_suffix('元').unwrap_or(text).trim();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let whole = ungrouped(whole).ok_or(AmountError::NotAnAmount)?;
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 12 || !digits(&whole) || !digits(decimals) {
            return Err(AmountError::NotAnAmount);
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 2 {
            return Err(AmountError::TooManyDecimals);
        }
        let yuan: i64 = whole.parse().map_err(|_| AmountError::NotAnAmount)?;
        let cents: i64 = format!("{decimals:0<2}").parse().map_err(|_| AmountError::NotAnAmount)?;
        let fen = yuan * 100 + cents;
        if fen > MAX_FEN { Err(AmountError::NotAnAmount) } else { Ok(Fen(fen)) }
    }

    /// `amount x permille / 1000`, rounded half-up to whole fen (RULES section 4, step 3).
    #[must_use]
    pub fn share(self, permille: u32) -> Fen {
        let product = i128::from(self.0) * i128::from(permille);
        let rounded = (product + 500).div_euclid(1000);
        Fen(i64::try_from(rounded).unwrap_or(i64::MAX))
    }

    /// The sum, or `None` beyond the range of i64.
    pub fn checked_add(self, other: Fen) -> Option<Fen> {
        self.0.checked_add(other.0).map(Fen)
    }

    /// Yuan without grouping and without needless decimals: `1000`, `950.50`.
    pub fn yuan_short(self) -> String {
        if self.0 % 100 == 0 { format!("{}", self.0 / 100) } else { self.yuan_plain() }
    }

    /// Yuan with two decimals and without grouping: `1000.00`.
    pub fn yuan_plain(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", abs / 100, abs % 100)
    }

    /// The amount in capitals with the prefix 人民币, e.g. `人民币壹仟肆佰零玖元伍角`.
    ///
    /// # Errors
    /// Zero and negative amounts are refused: a form claims something or has no amount in words.
    pub fn in_capitals(self) -> Result<String, NoCapitals> {
        if self.0 <= 0 || self.0 > MAX_FEN {
            return Err(NoCapitals(self.0));
        }
        let (yuan, jiao, fen) = (self.0 / 100, self.0 / 10 % 10, self.0 % 10);
        let mut out = String::from("人民币");
        if yuan > 0 {
            out.push_str(&whole_in_capitals(yuan));
            out.push('元');
        }
        match (jiao, fen) {
            (0, 0) => out.push('整'),
            (0, f) => {
                if yuan > 0 {
                    out.push('零');
                }
                out.push(digit(f));
                out.push('分');
            }
            (j, f) => {
                if yuan > 0 && yuan % 10 == 0 {
                    out.push('零');
                }
                out.push(digit(j));
                out.push('角');
                if f > 0 {
                    out.push(digit(f));
                    out.push('分');
                }
            }
        }
        Ok(out)
    }
}

impl std::iter::Sum for Fen {
    fn sum<I: Iterator<Item = Fen>>(amounts: I) -> Fen {
        amounts.fold(Fen::ZERO, |a, b| Fen(a.0.saturating_add(b.0)))
    }
}

/// Yuan with two decimals and grouped thousands, as printed on forms: `1,000.00`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Fen(self.0).yuan_plain();
        let (sign, plain) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
        let (whole, decimals) = plain.split_once('.').unwrap_or((plain, "00"));
        let mut grouped = String::new();
        for (i, c) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(c);
        }
        write!(f, "{sign}{grouped}.{decimals}")
    }
}

/// Removes thousands separators, which must stand in groups of three where they stand at all.
fn ungrouped(whole: &str) -> Option<String> {
    let whole = whole.replace('，', ",");
    if !whole.contains(',') {
        return Some(whole);
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let well_formed = (1..=3).contains(&first.len()) && groups.all(|g| g.len() == 3);
    well_formed.then(|| whole.replace(',', ""))
}

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

fn digit(n: i64) -> char {
    usize::try_from(n).ok().and_then(|n| DIGITS.get(n)).copied().unwrap_or('零')
}

/// A positive whole number in capitals, in sections of four digits (个, 万, 亿).
fn whole_in_capitals(number: i64) -> String {
    let sections = [(number / 100_000_000, "亿"), (number / 10_000 % 10_000, "万"), (number % 10_000, "")];
    let mut out = String::new();
    let mut zero_due = false;
    for (section, unit) in sections {
        if section == 0 {
            zero_due = zero_due || !out.is_empty();
            continue;
        }
        if !out.is_empty() && (zero_due || section < 1000) {
            out.push('零');
        }
        out.push_str(&section_in_capitals(section));
        out.push_str(unit);
        zero_due = false;
    }
    out
}

/// 1..=9999 in capitals; inner zeros become one 零, trailing ones nothing.
fn section_in_capitals(section: i64) -> String {
    let mut out = String::new();
    let mut zero_due = false;
    for (weight, unit) in [(1000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
        let d = section / weight % 10;
        if d == 0 {
            zero_due = !out.is_empty();
            continue;
        }
        if zero_due {
            out.push('零');
        }
        out.push(digit(d));
        out.push_str(unit);
        zero_due = false;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capitals(text: &str) -> String {
        Fen::parse_yuan(text).unwrap().in_capitals().unwrap()
    }

    #[test]
    fn capital_amounts() {
        for (yuan, words) in [
            ("1409.50", "壹仟肆佰零玖元伍角"),
            ("6007.14", "陆仟零柒元壹角肆分"),
            ("1680.32", "壹仟陆佰捌拾元零叁角贰分"),
            ("107000.53", "壹拾万柒仟元零伍角叁分"),
            ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
            ("325.04", "叁佰贰拾伍元零肆分"),
            ("10", "壹拾元整"),
            ("1000", "壹仟元整"),
            ("0.05", "伍分"),
            ("0.50", "伍角"),
            ("0.55", "伍角伍分"),
            ("10001", "壹万零壹元整"),
            ("100000005", "壹亿零伍元整"),
            ("100050000", "壹亿零伍万元整"),
            ("1010000", "壹佰零壹万元整"),
            ("9999999999.99", "玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
        ] {
            assert_eq!(capitals(yuan), format!("人民币{words}"), "{yuan}");
        }
        for fen in [0, -1, MAX_FEN + 1] {
            assert_eq!(Fen(fen).in_capitals(), Err(NoCapitals(fen)));
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (text, fen) in [
            ("1000", 100_000),
            (" 1,000.50 ", 100_050),
            ("¥950.5", 95_050),
            ("1000元", 100_000),
            ("￥1，234，567.89", 123_456_789),
            ("0", 0),
            ("0.01", 1),
            ("12.500", 1250),
            ("9999999999.99", MAX_FEN),
        ] {
            assert_eq!(Fen::parse_yuan(text), Ok(Fen(fen)), "{text}");
        }
        assert_eq!(Fen::parse_yuan("1.005"), Err(AmountError::TooManyDecimals));
        for text in
            ["", "-1", "+1", "1.2.3", "1e3", "1,00", "1,,000", ",100", "一千", "10000000000", "1 000", "0x10", ".5"]
        {
            assert_eq!(Fen::parse_yuan(text), Err(AmountError::NotAnAmount), "{text}");
        }
    }

    #[test]
    fn shares_are_rounded_half_up_once() {
        assert_eq!(Fen(100_001).share(1000), Fen(100_001));
        assert_eq!((Fen(1).share(500), Fen(1).share(499), Fen(3).share(500)), (Fen(1), Fen(0), Fen(2)));
        assert_eq!(Fen(MAX_FEN).share(1000), Fen(MAX_FEN));
    }

    #[test]
    fn amounts_are_written() {
        assert_eq!(Fen(123_456_789).to_string(), "1,234,567.89");
        assert_eq!((Fen(-5).to_string(), Fen(100_000).to_string()), ("-0.05".into(), "1,000.00".into()));
        assert_eq!((Fen(100_000).yuan_short(), Fen(95_050).yuan_short()), ("1000".into(), "950.50".into()));
        assert_eq!([Fen(1), Fen(2)].into_iter().sum::<Fen>(), Fen(3));
        assert_eq!(Fen(i64::MAX).checked_add(Fen(1)), None);
    }
}
