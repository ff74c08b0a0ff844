//! Identifiers: resident ID (GB 11643), 统一社会信用代码 (GB 32100), 组织机构代码 (GB 11714),
//! certificate numbers, and the one normalisation by which texts are compared.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use unicode_normalization::UnicodeNormalization;

use super::course::{CertificateType, Level};

/// Weights of GB 11643-1999.
const ID_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Weights of GB 11714-1997.
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Normalised text (RULES section 0): NFKC, upper case, without spaces and without hyphens and middle dots.
pub fn normalise(text: &str) -> String {
    let counts = |c: &char| !c.is_whitespace() && !matches!(c, '-' | '‐' | '–' | '—' | '－' | '·');
    // Most numbers are ASCII, which NFKC leaves alone.
    if text.is_ascii() {
        return text.chars().filter(counts).map(|c| c.to_ascii_uppercase()).collect();
    }
    text.nfkc().flat_map(char::to_uppercase).filter(counts).collect()
}

/// A resident ID (公民身份号码) whose length, characters and check digit are right.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResidentId(String);

impl ResidentId {
    /// Accepts 17 digits and the check character (`X` in upper case) of GB 11643-1999.
    pub fn parse(text: &str) -> Option<ResidentId> {
        ResidentId::is_valid(text).then(|| ResidentId(text.to_owned()))
    }

    /// Whether a text is a valid ID: 18 characters, check digit right.
    pub fn is_valid(text: &str) -> bool {
        let Some((body, [check])) = text.as_bytes().split_at_checked(17) else { return false };
        if !body.iter().all(u8::is_ascii_digit) {
            return false;
        }
        let sum: u32 = body.iter().zip(ID_WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
        *check == b"10X98765432"[(sum % 11) as usize]
    }

    /// The 18 characters. Personal data: never for logs, names of files or subjects.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The birth date that the ID states, if it is a date.
    pub fn born_on(&self) -> Option<NaiveDate> {
        born_on(&self.0)
    }

    /// The sex that the ID states (odd sequence = male).
    pub fn sex(&self) -> Sex {
        if self.0.as_bytes()[16] % 2 == 1 { Sex::Male } else { Sex::Female }
    }
}

/// Masked: first six and last four characters, as the field does it.
impl fmt::Display for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_id(&self.0))
    }
}

impl fmt::Debug for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResidentId({self})")
    }
}

/// Sex, from a roster or from a resident ID.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

impl Sex {
    /// 男 or 女.
    pub const fn name(self) -> &'static str {
        match self {
            Sex::Male => "男",
            Sex::Female => "女",
        }
    }

    /// Reads 男, 女, 男性, 女性.
    pub fn parse(text: &str) -> Option<Sex> {
        match normalise(text).as_str() {
            "男" | "男性" => Some(Sex::Male),
            "女" | "女性" => Some(Sex::Female),
            _ => None,
        }
    }
}

/// The birth date in characters 7 to 14, if they are a date.
pub fn born_on(id: &str) -> Option<NaiveDate> {
    let part = |range: std::ops::Range<usize>| id.get(range).and_then(|t| t.parse::<u32>().ok());
    let year = i32::try_from(part(6..10)?).ok()?;
    NaiveDate::from_ymd_opt(year, part(10..12)?, part(12..14)?)
}

/// `320404********1234`; shorter texts keep at most their first and last character.
pub fn mask_id(id: &str) -> String {
    mask(id, 6, 4)
}

/// Prisoner and certificate numbers: the last three characters stay.
pub fn mask_number(number: &str) -> String {
    mask(number, 0, 3)
}

/// An e-mail address: its first two characters and its domain stay.
pub fn mask_address(address: &str) -> String {
    address
        .rsplit_once('@')
        .map_or_else(|| mask(address, 0, 0), |(local, domain)| format!("{}@{domain}", mask(local, 2, 0)))
}

/// A text such as a file name, with every number hidden that may be somebody's: runs of nine and more digits (an X may
/// end them). Dates stay.
pub fn mask_numbers_in(text: &str) -> String {
    const MIN_DIGITS: usize = 9;
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, run) = rest.split_at(at);
        let digits = run.len() - run.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let end = digits + usize::from(run[digits..].starts_with(['X', 'x']));
        shown.push_str(before);
        shown.push_str(&if digits < MIN_DIGITS { run[..end].to_owned() } else { mask_number(&run[..end]) });
        rest = &run[end..];
    }
    shown.push_str(rest);
    shown
}

/// Whether a text holds a number that has the shape of a resident ID: 18 characters, or the 15 digits of the old ones.
pub fn holds_resident_id(text: &str) -> bool {
    let text: String = text.nfkc().collect();
    let runs = text.split(|c: char| !c.is_ascii_digit() && !matches!(c, 'X' | 'x'));
    let is_shaped = |run: &str| {
        let digits = run.bytes().take_while(u8::is_ascii_digit).count();
        matches!((digits, run.len()), (15 | 18, _) | (17, 18..))
    };
    runs.into_iter().any(is_shaped)
}

fn mask(text: &str, head: usize, tail: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (head, tail) = if chars.len() > head + tail { (head, tail) } else { (0, chars.len().min(1)) };
    let hidden = chars.len() - head - tail;
    let (first, last) = (&chars[..head], &chars[chars.len() - tail..]);
    first.iter().copied().chain(std::iter::repeat_n('*', hidden)).chain(last.iter().copied()).collect()
}

/// Whether a 统一社会信用代码 (18 characters, GB 32100-2015) has the right check character.
pub fn is_credit_code(code: &str) -> bool {
    const SET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let values: Option<Vec<usize>> = code.bytes().map(|b| SET.iter().position(|s| *s == b)).collect();
    let Some(values) = values else { return false };
    if values.len() != 18 {
        return false;
    }
    let mut weight = 1;
    let mut sum = 0;
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    values[17] == (31 - sum % 31) % 31
}

/// Whether a 组织机构代码 (8 characters, optional hyphen, check character; GB 11714-1997) is right.
pub fn is_organisation_code(code: &str) -> bool {
    let code: Vec<u8> = code.bytes().filter(|b| *b != b'-').collect();
    if code.len() != 9 || !code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return false;
    }
    let value = |b: u8| if b.is_ascii_digit() { u32::from(b - b'0') } else { u32::from(b - b'A') + 10 };
    let sum: u32 = code[..8].iter().zip(ORGANISATION_WEIGHTS).map(|(b, w)| value(*b) * w).sum();
    let check = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        d => b'0' + u8::try_from(d).unwrap_or(0),
    };
    code[8] == check
}

/// The code as annexes 7 and 9 print it: nine characters with a hyphen, taken from a 统一社会信用代码
/// (positions 9 to 17) where that is what is known.
pub fn organisation_code_of(code: &str) -> String {
    let nine = if is_credit_code(code) { code[8..17].to_owned() } else { code.replace('-', "") };
    match (nine.get(..8), nine.get(8..)) {
        (Some(body), Some(check)) if nine.len() == 9 && nine.is_ascii() => format!("{body}-{check}"),
        _ => code.to_owned(),
    }
}

/// What a certificate number says against its row (W3 `certificate-pattern`).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum PatternDoubt {
    /// The number has not the known pattern of its type.
    Pattern,
    /// The year in the number is not the year of issue.
    Year,
    /// The level in the number is not the level of the row.
    Level,
}

/// Compares a certificate number with the known pattern of its type (DOMAIN section 4).
/// Types without a national pattern are never doubted; without level or date the number is not held against it.
pub fn certificate_doubt(
    kind: CertificateType,
    number: &str,
    level: impl Into<Option<Level>>,
    issued_on: Option<NaiveDate>,
) -> Option<PatternDoubt> {
    let number = normalise(number);
    let bytes = number.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let (year_at, level_at) = match kind {
        // [YS] + 4 filing + 2 province + 6 site + 2 year + 1 level + 6 serial
        CertificateType::SkillLevel => {
            if bytes.len() != 22 || !matches!(bytes[0], b'Y' | b'S') || !digits(1..22) {
                return Some(PatternDoubt::Pattern);
            }
            (13, 15)
        }
        // 2 year + 2 province + 2 city + 1 body type + 3 body + 1 level + 5 serial
        CertificateType::Qualification => {
            if bytes.len() != 16 || !digits(0..16) || !matches!(bytes[6], b'0'..=b'4') {
                return Some(PatternDoubt::Pattern);
            }
            (0, 10)
        }
        _ => return None,
    };
    if !matches!(bytes[level_at], b'1'..=b'5') {
        return Some(PatternDoubt::Pattern);
    }
    let year = i32::from(bytes[year_at] - b'0') * 10 + i32::from(bytes[year_at + 1] - b'0');
    if issued_on.is_some_and(|on| on.year() % 100 != year) {
        return Some(PatternDoubt::Year);
    }
    let is_other = |level: Level| level.digit() != Some(bytes[level_at] - b'0');
    level.into().is_some_and(is_other).then_some(PatternDoubt::Level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_shape_of_a_resident_id_is_found_in_words() {
        for with in [
            "320404199001010012",
            "核对32040419900101002X无误",
            "核对３２０４０４１９９００１０１００２ｘ无误",
            "旧证320404900101001",
        ] {
            assert!(holds_resident_id(with), "{with}");
        }
        for without in ["", "2026-10-01", "见 #12、CZ-2026-Q4-001", "S000032000001265000001", "电话13900000000", "X"]
        {
            assert!(!holds_resident_id(without), "{without}");
        }
    }

    #[test]
    fn resident_ids() {
        for good in ["11010519491231002X", "440524188001010014", "34052419800101001X"] {
            assert_eq!(ResidentId::parse(good).unwrap().as_str(), good);
        }
        let wrong = ["110105194912310021", "11010519491231002x", "11010519491231002", "", "1101051949123100２X"];
        for bad in wrong.into_iter().chain(["110105491231002", "A1010519491231002X", "11010519491231002X "]) {
            assert_eq!(ResidentId::parse(bad), None, "{bad}");
        }
        let id = ResidentId::parse("11010519491231002X").unwrap();
        assert_eq!((id.born_on(), id.sex()), (NaiveDate::from_ymd_opt(1949, 12, 31), Sex::Female));
        assert_eq!(ResidentId::parse("440524188001010014").unwrap().sex(), Sex::Male);
        assert_eq!(born_on("340524198002300012"), None);
    }

    #[test]
    fn numbers_of_persons_are_hidden_in_a_text_and_dates_stay() {
        for (text, shown) in [
            ("2026年第四季度20261120.xlsx", "2026年第四季度20261120.xlsx"),
            ("王_32040419900101123X_成绩.xlsx", "王_***************23X_成绩.xlsx"),
            ("3204000123", "*******123"),
            ("20261120-3204000123x", "20261120-********23x"),
            ("", ""),
        ] {
            assert_eq!(mask_numbers_in(text), shown);
        }
        assert_eq!(mask_address("clerk@jail.cn"), "cl***@jail.cn");
        assert_eq!(mask_address("ab@jail.cn"), "*b@jail.cn");
    }

    #[test]
    fn every_single_wrong_digit_and_swap_is_seen() {
        let good = "34052419800101001X".to_owned();
        for at in 0..17 {
            for digit in '0'..='9' {
                let mut other: Vec<char> = good.chars().collect();
                if other[at] != digit {
                    other[at] = digit;
                    assert_eq!(ResidentId::parse(&other.into_iter().collect::<String>()), None);
                }
            }
        }
    }

    #[test]
    fn masks_show_no_more_than_the_field_does() {
        let id = ResidentId::parse("11010519491231002X").unwrap();
        assert_eq!(format!("{id} {id:?}"), "110105********002X ResidentId(110105********002X)");
        assert_eq!(mask_id("3204041234"), "*********4");
        assert_eq!(
            (mask_number("2026018"), mask_number("018"), mask_number("")),
            ("****018".into(), "**8".into(), String::new())
        );
    }

    #[test]
    fn codes_of_organisations() {
        assert!(is_credit_code("91350100M000100Y43"));
        for bad in ["91350100M000100Y4Z", "91350100M000100Y4", "91350100I000100Y43", "", "91350100m000100y43"] {
            assert!(!is_credit_code(bad), "{bad}");
        }
        assert!(is_organisation_code("D2143569-X") && is_organisation_code("D2143569X"));
        for bad in ["D2143569-1", "D2143569", "d2143569-X", "D214356９-X", ""] {
            assert!(!is_organisation_code(bad), "{bad}");
        }
        assert_eq!(organisation_code_of("91350100M000100Y43"), "M000100Y-4");
        assert_eq!(organisation_code_of("D2143569X"), "D2143569-X");
        assert_eq!(organisation_code_of("常州123"), "常州123");
    }

    #[test]
    fn certificate_patterns() {
        let on = NaiveDate::from_ymd_opt(2026, 5, 6);
        let doubt = |kind, number: &str, level| certificate_doubt(kind, number, level, on);
        let skill = CertificateType::SkillLevel;
        assert_eq!(doubt(skill, "Y000032000001265000123", Level::Five), None);
        assert_eq!(doubt(skill, "ｓ0000 3200-0001 2650 00123", Level::Five), None, "compared when normalised");
        assert_eq!(doubt(skill, "Y000032000001255000123", Level::Five), Some(PatternDoubt::Year));
        assert_eq!(doubt(skill, "Y000032000001264000123", Level::Five), Some(PatternDoubt::Level));
        assert_eq!(doubt(skill, "Y000032000001266000123", Level::Five), Some(PatternDoubt::Pattern));
        assert_eq!(doubt(skill, "Z000032000001265000123", Level::Five), Some(PatternDoubt::Pattern));
        assert_eq!(doubt(skill, "Y00003200000126500012", Level::Five), Some(PatternDoubt::Pattern));
        let qualification = CertificateType::Qualification;
        assert_eq!(doubt(qualification, "2610003007400123", Level::Four), None);
        assert_eq!(doubt(qualification, "2510003007400123", Level::Four), Some(PatternDoubt::Year));
        assert_eq!(doubt(qualification, "2610005007400123", Level::Four), Some(PatternDoubt::Pattern));
        assert_eq!(certificate_doubt(qualification, "2510003007400123", Level::Four, None), None);
        assert_eq!(doubt(CertificateType::SpecialOperation, "苏D012026000123", Level::None), None);
    }

    #[test]
    fn normalised_texts() {
        assert_eq!(normalise(" 常 州—ａｂｃ（１）·－–‐x\u{3000}"), "常州ABC(1)X");
        assert_eq!(normalise("a-b"), normalise("Ａ－Ｂ"));
    }
}
