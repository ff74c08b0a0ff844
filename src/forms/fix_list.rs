//! The fix list: findings in groups, so that a clerk mends one kind of fault in one go; repairs, declared.
//!
//! Pure sorting of what [`super::reading`] found: nothing is added, and nothing is left out. What was seen may be personal
//! data, cells never are: [`Problem::cells`] is for letters in the clear, [`Place::seen`] for what is encrypted.

use std::collections::HashMap;

use super::grid::{a1, place_of};
use crate::subsidy::finding::{Code, Finding, Repair, RepairCode, Severity};

/// From so many neighbouring cells of a column on they are named by the first and the last.
const MIN_RUN: usize = 3;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the sheet; empty for csv and for what concerns the file.
    pub sheet: String,
    /// A1 address; empty for what concerns the file.
    pub cell: String,
    /// What was seen. May hold personal data.
    pub seen: String,
}

/// One thing to mend, wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong and what to type.
    pub advice: String,
    /// Every place, by sheet, row and column.
    pub places: Vec<Place>,
}

/// One kind of repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The code.
    pub code: RepairCode,
    /// Every place; `seen` shows before and after.
    pub places: Vec<Place>,
}

/// All that a file needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixList {
    /// What must be mended first, then what should be looked at.
    pub problems: Vec<Problem>,
    /// What was repaired.
    pub mended: Vec<Mended>,
    /// Whether rows of the file were stored: the others need not come again.
    pub rows_taken: bool,
}

impl FixList {
    /// Groups by what is to be done. Groups stand in the order in which a reader of the file meets them.
    pub fn of(findings: &[Finding], repairs: &[Repair]) -> FixList {
        let sheets = Order::of(findings.iter().map(|f| &*f.sheet).chain(repairs.iter().map(|r| &*r.sheet)));
        let mut problems: Vec<Problem> = Vec::new();
        let mut known: HashMap<(Severity, Code, &str), usize> = HashMap::new();
        for finding in findings {
            let at = *known.entry((finding.severity, finding.code, &finding.advice)).or_insert_with(|| {
                problems.push(Problem {
                    code: finding.code,
                    severity: finding.severity,
                    advice: finding.advice.clone(),
                    places: Vec::new(),
                });
                problems.len() - 1
            });
            problems[at].places.push(Place {
                sheet: finding.sheet.clone(),
                cell: finding.cell.clone(),
                seen: finding.seen.clone(),
            });
        }
        for problem in &mut problems {
            problem.places.sort_by_cached_key(|place| sheets.key(place));
        }
        problems
            .sort_by_cached_key(|problem| (problem.severity, problem.places.first().map(|place| sheets.key(place))));
        let mut mended: Vec<Mended> = Vec::new();
        for repair in repairs {
            let place = Place {
                sheet: repair.sheet.clone(),
                cell: repair.cell.clone(),
                seen: format!("{} → {}", repair.seen, repair.taken),
            };
            match mended.iter_mut().find(|group| group.code == repair.code) {
                Some(group) => group.places.push(place),
                None => mended.push(Mended { code: repair.code, places: vec![place] }),
            }
        }
        for group in &mut mended {
            group.places.sort_by_cached_key(|place| sheets.key(place));
        }
        FixList { problems, mended, rows_taken: false }
    }

    /// What must be mended.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// What should be looked at; nothing comes back for it.
    pub fn doubts(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Warning)
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty() && self.mended.is_empty()
    }
}

impl Problem {
    /// The cells in words, without what stands in them: `D5、D9、D17`, `“结果”C4 至 C60；“第二期”C4`. Empty for the file.
    pub fn cells(&self) -> String {
        cells(&self.places)
    }
}

impl Mended {
    /// What was done, in words.
    pub const fn what(&self) -> &'static str {
        match self.code {
            RepairCode::FullWidth => "全角字符已改为半角",
            RepairCode::Spaces => "多余的空格、换行和看不见的字符已去掉",
            RepairCode::DateText => "按文字或其他写法填写的日期已识别",
            RepairCode::DateSerial => "显示为数字的日期已识别",
            RepairCode::LowerX => "身份证号末位的小写 x 已改为大写 X",
            RepairCode::Synonym => "简称、别名已换成名录中的名称",
        }
    }

    /// The cells in words.
    pub fn cells(&self) -> String {
        cells(&self.places)
    }
}

/// Sheets in order of their first mention; findings come in the order of the file.
struct Order<'a>(HashMap<&'a str, usize>);

impl<'a> Order<'a> {
    fn of(sheets: impl Iterator<Item = &'a str>) -> Order<'a> {
        let mut order = HashMap::new();
        for sheet in sheets {
            let next = order.len();
            order.entry(sheet).or_insert(next);
        }
        Order(order)
    }

    fn key(&self, place: &Place) -> (usize, (u32, usize)) {
        (self.0.get(&*place.sheet).copied().unwrap_or_default(), place_of(&place.cell).unwrap_or_default())
    }
}

fn cells(places: &[Place]) -> String {
    let mut sheets: Vec<(&str, Vec<&str>)> = Vec::new();
    for place in places.iter().filter(|place| !place.cell.is_empty()) {
        match sheets.iter_mut().find(|(sheet, _)| *sheet == place.sheet) {
            Some((_, cells)) => cells.push(&place.cell),
            None => sheets.push((&place.sheet, vec![&place.cell])),
        }
    }
    let named = sheets.into_iter().map(|(sheet, cells)| {
        let sheet = if sheet.is_empty() { String::new() } else { format!("“{sheet}”") };
        sheet + &runs(&cells)
    });
    named.collect::<Vec<_>>().join("；")
}

/// Neighbours below one another become `D5 至 D9`. Column by column, since faults come in columns.
fn runs(cells: &[&str]) -> String {
    let mut places: Vec<(usize, u32)> =
        cells.iter().filter_map(|cell| place_of(cell)).map(|(row, column)| (column, row)).collect();
    places.sort_unstable();
    places.dedup();
    let mut words = Vec::new();
    let mut rest = places.as_slice();
    while let Some(&(column, row)) = rest.first() {
        let length = (row..).zip(rest).take_while(|(row, place)| **place == (column, *row)).count();
        let (run, after) = rest.split_at(length);
        rest = after;
        match run {
            [(_, first), .., (_, last)] if length >= MIN_RUN => {
                words.push(format!("{} 至 {}", a1(*first, column), a1(*last, column)));
            }
            _ => words.extend(run.iter().map(|(column, row)| a1(*row, *column))),
        }
    }
    words.join("、")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(sheet: &str, cell: &str, code: Code, severity: Severity, advice: &str) -> Finding {
        Finding {
            sheet: sheet.to_owned(),
            cell: cell.to_owned(),
            code,
            severity,
            seen: format!("见{cell}"),
            advice: advice.to_owned(),
        }
    }

    #[test]
    fn one_line_for_one_thing_to_do_and_nothing_is_lost() {
        let (lost, date) = ("“公民身份号码”按数字录入", "“开班日期”无法识别");
        let findings = [
            finding("结果", "M4", Code::BadDate, Severity::Error, date),
            finding("结果", "E17", Code::DigitsLost, Severity::Error, lost),
            finding("结果", "E5", Code::DigitsLost, Severity::Error, lost),
            finding("结果", "C4", Code::OverlapDoubt, Severity::Warning, "此人同时参加另一个班"),
            finding("第二期", "E4", Code::DigitsLost, Severity::Error, lost),
            finding("结果", "E9", Code::DigitsLost, Severity::Error, lost),
        ];
        let fixes = FixList::of(&findings, &[]);
        let said: Vec<_> = fixes.problems.iter().map(|p| (p.code.as_str(), p.cells())).collect();
        assert_eq!(
            said,
            [
                ("bad-date", "“结果”M4".to_owned()),
                ("digits-lost", "“结果”E5、E9、E17；“第二期”E4".to_owned()),
                ("overlap-doubt", "“结果”C4".to_owned()),
            ]
        );
        assert_eq!((fixes.errors().count(), fixes.doubts().count()), (2, 1));
        assert_eq!(fixes.problems.iter().map(|p| p.places.len()).sum::<usize>(), findings.len());
        assert_eq!(fixes.problems[1].places[0].seen, "见E5");
    }

    #[test]
    fn neighbours_are_named_by_the_first_and_the_last() {
        let at = |cells: &[&str]| runs(cells);
        assert_eq!(at(&["D5", "D6", "D7", "D9", "AA1", "D10", "E5", "E6"]), "D5 至 D7、D9、D10、E5、E6、AA1");
        assert_eq!(at(&["D5", "D5"]), "D5");
        assert_eq!(at(&["", "kein"]), "");
    }

    #[test]
    fn repairs_are_declared_by_kind() {
        let repair = |cell: &str, code| Repair {
            sheet: String::new(),
            cell: cell.to_owned(),
            code,
            seen: "2026.3.5".to_owned(),
            taken: "2026-03-05".to_owned(),
        };
        let repairs =
            [repair("M5", RepairCode::DateText), repair("C5", RepairCode::Spaces), repair("M4", RepairCode::DateText)];
        let list = FixList::of(&[], &repairs);
        assert_eq!(list.mended[0].cells(), "M4、M5");
        assert_eq!(list.mended[0].places[0].seen, "2026.3.5 → 2026-03-05");
        assert_eq!((list.mended.len(), list.problems.len(), list.is_empty()), (2, 0, false));
    }

    #[test]
    fn what_concerns_the_file_has_no_cell() {
        let list = FixList::of(&[finding("", "", Code::WrongFormat, Severity::Error, "请另存为 .xlsx")], &[]);
        assert_eq!((list.problems[0].cells(), list.problems.len()), (String::new(), 1));
    }
}
