//! A file's report as a clerk reads it: errors, then doubts, then repairs. Findings that ask for the same thing are one
//! line with all their cells; repairs are counted. `--json` lists every one of them.

use std::collections::HashMap;
use std::hash::Hash;

use super::output::say;
use crate::stages::collect::FileReport;
use crate::subsidy::finding::{Code, Finding, Repair, RepairCode, Severity};

/// Most cells or ranges that the line of a finding lists.
const MAX_PLACES: usize = 20;
/// Most cells that the line of a repair lists.
const MAX_REPAIRED: usize = 3;
/// Stands where more cells are not listed.
const CUT: &str = " …";
/// Most different contents that a line shows.
const MAX_EXAMPLES: usize = 3;

/// Prints a report.
pub(super) fn print(report: &FileReport) {
    say!(
        "  数据行 {}，收下 {}（其中更新 {}），重复 {}，退回 {}",
        report.rows,
        report.taken,
        report.superseded,
        report.duplicates,
        report.set_aside
    );
    let (found, repaired) = (found(&report.findings), repaired(&report.repairs));
    for line in found.iter().chain(&repaired) {
        say!("  {line}");
    }
    if found.iter().any(|line| line.contains(CUT)) {
        say!("  （位置多的只列出前 {MAX_PLACES} 处，加 --json 可列出全部）");
    }
}

/// Entries that share a line.
#[derive(Default)]
struct Group<'a> {
    sheet: &'a str,
    cells: Vec<&'a str>,
    examples: Vec<String>,
    has_more_examples: bool,
}

impl<'a> Group<'a> {
    fn add(&mut self, sheet: &'a str, cell: &'a str, example: String) {
        self.sheet = sheet;
        self.cells.push(cell);
        if example.is_empty() || self.examples.contains(&example) {
            return;
        }
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(example);
        } else {
            self.has_more_examples = true;
        }
    }

    /// `第一季度!M2:M9、N3`, shortened if long.
    fn places(&self, ranges: &[String], most: usize) -> String {
        let sheet = if self.sheet.is_empty() { String::new() } else { format!("{}!", self.sheet) };
        let rest = if ranges.len() > most { CUT } else { "" };
        format!("{sheet}{}{rest}", ranges[..ranges.len().min(most)].join("、"))
    }

    fn examples(&self) -> String {
        let rest = if self.has_more_examples { " 等" } else { "" };
        format!("{}{rest}", self.examples.join("、"))
    }
}

/// Groups in the order in which each of them begins.
fn grouped<'a, K: Copy + Eq + Hash, T>(entries: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<(K, Vec<&'a T>)> {
    let mut at: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<&'a T>)> = Vec::new();
    for entry in entries {
        let key = key(entry);
        let index = *at.entry(key).or_insert(groups.len());
        match groups.get_mut(index) {
            Some((_, group)) => group.push(entry),
            None => groups.push((key, vec![entry])),
        }
    }
    groups
}

/// One line for all findings of one code that say the same of one sheet: what to do, where, what was seen, the code.
fn found(findings: &[Finding]) -> Vec<String> {
    let mut groups = grouped(findings, |f| (f.severity, f.sheet.as_str(), f.code, f.advice.as_str()));
    groups.sort_by_key(|((severity, ..), _)| *severity);
    groups
        .into_iter()
        .map(|((severity, sheet, code, advice), findings)| {
            let mut group = Group::default();
            for finding in findings {
                let seen = if finding.seen.is_empty() { String::new() } else { format!("“{}”", finding.seen) };
                group.add(sheet, &finding.cell, seen);
            }
            finding_line(severity, code, advice, &group)
        })
        .collect()
}

fn finding_line(severity: Severity, code: Code, advice: &str, group: &Group<'_>) -> String {
    let mark = if severity == Severity::Error { '✗' } else { '!' };
    let is_of_file = group.cells.iter().all(|cell| cell.is_empty());
    let places = match group.cells.len() {
        _ if is_of_file => "。".to_owned(),
        1 => format!("【{}】", group.places(&ranges(&group.cells), MAX_PLACES)),
        count => format!("【{}】{count} 处", group.places(&ranges(&group.cells), MAX_PLACES)),
    };
    let seen = match group.examples.is_empty() {
        true => String::new(),
        false if group.cells.len() > 1 => format!("，看到{}", group.examples()),
        false => format!("看到{}", group.examples()),
    };
    format!("{mark} {}{places}{seen}（{code}）", advice.trim_end_matches('。'))
}

/// One line for all repairs of one code in one sheet: how many, the first cells, what became of what.
fn repaired(repairs: &[Repair]) -> Vec<String> {
    grouped(repairs, |repair| (repair.sheet.as_str(), repair.code))
        .into_iter()
        .map(|((sheet, code), repairs)| {
            let mut group = Group::default();
            for repair in repairs {
                group.add(sheet, &repair.cell, format!("“{}”→“{}”", repair.seen, repair.taken));
            }
            let cells: Vec<String> = group.cells.iter().map(|cell| (*cell).to_owned()).collect();
            let first = if cells.len() > MAX_REPAIRED { "（前几处）" } else { "" };
            let places = group.places(&cells, MAX_REPAIRED);
            format!("✓ 已代为更正 {} {} 处【{places}】{first}{}（{code}）", what(code), cells.len(), group.examples())
        })
        .collect()
}

/// What a repair changed.
fn what(code: RepairCode) -> &'static str {
    match code {
        RepairCode::FullWidth => "全角字符",
        RepairCode::Spaces => "空格和不可见字符",
        RepairCode::DateText => "日期写法",
        RepairCode::DateSerial => "日期序号",
        RepairCode::LowerX => "小写 x",
        RepairCode::Synonym => "简称和别名",
    }
}

/// Cells one below the other as a range: M2, M3, M4 and N7 become `M2:M4` and `N7`.
fn ranges(cells: &[&str]) -> Vec<String> {
    let mut ranges: Vec<(&str, u32, u32)> = Vec::new();
    for cell in cells.iter().filter(|cell| !cell.is_empty()) {
        let (column, row) = cell.split_at(cell.find(|c: char| c.is_ascii_digit()).unwrap_or(cell.len()));
        let row = row.parse().unwrap_or(0);
        match ranges.last_mut() {
            Some((above, _, last)) if *above == column && *last + 1 == row => *last = row,
            // Several findings on one cell, such as one per missing column, name it once.
            Some((same, first, last)) if *same == column && *first == row && *last == row => {}
            _ => ranges.push((column, row, row)),
        }
    }
    let written = |(column, first, last): (&str, u32, u32)| {
        if first == last { format!("{column}{first}") } else { format!("{column}{first}:{column}{last}") }
    };
    ranges.into_iter().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(cell: &str, seen: &str, severity: Severity) -> Finding {
        Finding {
            sheet: "一".to_owned(),
            cell: cell.to_owned(),
            code: Code::BadDate,
            severity,
            seen: seen.to_owned(),
            advice: "请填写日期".to_owned(),
        }
    }

    #[test]
    fn findings_that_ask_for_the_same_are_one_line() {
        let error = |cell, seen| finding(cell, seen, Severity::Error);
        let mut findings = vec![finding("B2", "", Severity::Warning), error("M2", "x"), error("M3", "x")];
        findings.push(error("N4", "y"));
        assert_eq!(
            found(&findings),
            ["✗ 请填写日期【一!M2:M3、N4】3 处，看到“x”、“y”（bad-date）", "! 请填写日期【一!B2】（bad-date）"]
        );
        let of_file = Finding { sheet: String::new(), advice: "另存。".to_owned(), ..error("", "空文件") };
        assert_eq!(found(&[of_file]), ["✗ 另存。看到“空文件”（bad-date）"]);
        let many: Vec<String> = (1..=30).map(|n| format!("A{}", n * 2)).collect();
        let many: Vec<Finding> = many.iter().map(|cell| error(cell, cell)).collect();
        let line = found(&many).concat();
        assert!(line.contains("A40 …】30 处，看到“A2”、“A4”、“A6” 等（"), "{line}");
    }

    #[test]
    fn repairs_of_a_kind_are_counted() {
        let repair = |cell: &str, seen: &str, code| Repair {
            sheet: String::new(),
            cell: cell.to_owned(),
            code,
            seen: seen.to_owned(),
            taken: "2026-03-02".to_owned(),
        };
        let dates = ["M2", "N2", "R2", "M3"].map(|cell| repair(cell, "2026.3.2", RepairCode::DateText));
        let mut repairs = dates.to_vec();
        repairs.push(repair("M4", "46083", RepairCode::DateSerial));
        assert_eq!(
            repaired(&repairs),
            [
                "✓ 已代为更正 日期写法 4 处【M2、N2、R2 …】（前几处）“2026.3.2”→“2026-03-02”（date-text）",
                "✓ 已代为更正 日期序号 1 处【M4】“46083”→“2026-03-02”（date-serial）",
            ]
        );
    }

    #[test]
    fn cells_below_each_other_are_ranges() {
        assert_eq!(ranges(&["A1", "A1", "A2", "A4", "B5", "AA6", "AA7", ""]), ["A1:A2", "A4", "B5", "AA6:AA7"]);
    }
}
