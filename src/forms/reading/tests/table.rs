//! `tests/findings/results.txt`: every case as a row of one workbook, and those of text alone as a row of one csv.

use super::{RESULTS, csv, findings, letters, read, repairs, results_header, xlsx};

struct Case {
    title: String,
    /// Notation of each cell, by column.
    cells: Vec<String>,
    findings: Vec<(usize, String)>,
    repairs: Vec<(usize, String)>,
}

fn column(header: &str) -> usize {
    RESULTS.iter().position(|(known, _)| *known == header).unwrap_or_else(|| panic!("no column {header}"))
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').expect("a closing brace");
        whole.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a character"));
        whole.push_str(rest);
    }
    whole
}

fn expected(list: &str) -> Vec<(usize, String)> {
    let entry = |entry: &str| {
        let (header, code) = entry.trim().rsplit_once(' ').expect("a header and a code");
        (column(header), code.to_owned())
    };
    list.split(',').filter(|entry| !entry.trim().is_empty()).map(entry).collect()
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../../../../tests/findings/results.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.enumerate().map(|(i, line)| case(i, line)).collect()
}

/// A resident ID with the right check character (GB 11643).
fn resident_id(sequence: usize) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let body = format!("11010519491231{sequence:03}");
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(c, weight)| c.to_digit(10).expect("a digit") * weight).sum();
    format!("{body}{}", ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'][sum as usize % 11])
}

fn case(i: usize, line: &str) -> Case {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let [title, changes, findings, repairs] = fields[..] else { panic!("four fields in: {line}") };
    let mut cells: Vec<String> = RESULTS.iter().map(|(_, value)| (*value).to_owned()).collect();
    // Each row is a person with a certificate of their own.
    cells[2] = format!("3204{i:06}");
    cells[4] = resident_id(i);
    cells[22] = format!("Y000032000001265{i:06}");
    for change in changes.split('；').filter(|change| !change.is_empty()) {
        let (header, value) = change.split_once('=').expect("header=value");
        cells[column(header)] = if value == "空" { String::new() } else { unescaped(value) };
    }
    Case { title: title.to_owned(), cells, findings: expected(findings), repairs: expected(repairs) }
}

/// Holds the cases against what was read of the file in which case `i` stands in row `i + 2`.
fn compare(cases: &[&Case], name: &str, bytes: &[u8], sheet: &str) {
    let reading = read(name, bytes);
    let (mut found, mut repaired) = (findings(&reading), repairs(&reading));
    let (mut must_find, mut must_repair) = (Vec::new(), Vec::new());
    let mut set_aside = 0;
    for (i, case) in cases.iter().enumerate() {
        let cell = |(column, code): &(usize, String)| format!("{}{} {code}", letters(*column), i + 2);
        must_find.extend(case.findings.iter().map(|f| (format!("{sheet}{}", cell(f)), &case.title)));
        must_repair.extend(case.repairs.iter().map(|r| (cell(r), &case.title)));
        set_aside += u32::from(case.findings.iter().any(|(_, code)| !code.ends_with('?')));
    }
    let mut missed = Vec::new();
    for (list, must) in [(&mut found, must_find), (&mut repaired, must_repair)] {
        for (wanted, title) in must {
            match list.iter().position(|seen| *seen == wanted) {
                Some(at) => drop(list.remove(at)),
                None => missed.push(format!("{wanted} ({title})")),
            }
        }
    }
    let title = |line: &String| {
        let row: String = line.split(' ').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        let title = row.parse::<usize>().ok().and_then(|row| cases.get(row.checked_sub(2)?)).map(|case| &case.title);
        format!("{line} ({})", title.map_or("", String::as_str))
    };
    let extra: Vec<String> = found.iter().chain(&repaired).map(title).collect();
    assert!(missed.is_empty() && extra.is_empty(), "{name}: missed {missed:#?}, found besides {extra:#?}");
    assert_eq!(reading.rows, u32::try_from(cases.len()).expect("few cases"));
    assert_eq!(reading.set_aside, set_aside);
    assert_eq!(reading.duplicates, 0);
    assert_eq!(reading.content.len(), cases.len() - set_aside as usize);
}

#[test]
fn every_case_in_a_workbook() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut rows = vec![results_header()];
    rows.extend(cases.iter().map(|case| case.cells.iter().map(String::as_str).collect::<Vec<_>>()));
    compare(&cases.iter().collect::<Vec<_>>(), "考核结果.xlsx", &xlsx(&[("结果", rows)]), "结果!");
}

#[test]
fn every_case_of_text_in_csv() {
    let cases = cases();
    let special = |cell: &String| ["数:", "日:", "日数:", "错:"].iter().any(|prefix| cell.starts_with(prefix));
    let cases: Vec<&Case> = cases.iter().filter(|case| !case.cells.iter().any(special)).collect();
    let mut rows = vec![results_header()];
    rows.extend(cases.iter().map(|case| case.cells.iter().map(String::as_str).collect::<Vec<_>>()));
    compare(&cases, "考核结果.csv", &csv(&rows), "");
}
