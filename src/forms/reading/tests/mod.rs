//! Findings, repairs and rows of the forms that come in, held against FORMS section 1.
//!
//! Expectations are written from FORMS by hand; the single cells of the result sheet stand as a table in
//! `tests/findings/results.txt`. Sheets are made as real files, so that what the grid makes of them is tested too.

mod across;
mod cells;
mod files;
mod forms;
mod plans;
mod table;

use chrono::NaiveDate;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};

use super::{Content, FileReading, FormSpecs, ReadingContext, read_file};
use crate::forms::grid::Limits;
use crate::subsidy::assessment::{Name, ResultRow};
use crate::subsidy::calendar::Span;
use crate::subsidy::catalogue::{Catalogue, Institution, Occupation, Prison};
use crate::subsidy::course::Category;
use crate::subsidy::finding::Severity;

/// Header and a value without fault for every column of the result sheet, in the order of FORMS.
pub(super) const RESULTS: [(&str, &str); 27] = [
    ("序号", "1"),
    ("监狱", "常州监狱"),
    ("罪犯编号", "3204000000"),
    ("姓名", "张三"),
    ("公民身份号码", "11010519491231002X"),
    ("培训机构", "常州市工业职业培训学校"),
    ("鉴定机构", "常州市职业技能鉴定中心（本部）"),
    ("培训类别", "就业技能培训"),
    ("职业(工种)", "电工"),
    ("职业编码", "6-31-01-03"),
    ("等级", "五级"),
    ("班期", "2026年第1期"),
    ("开班日期", "2026-03-02"),
    ("结业日期", "2026-03-20"),
    ("总课时", "80"),
    ("理论课时", "32"),
    ("实操课时", "48"),
    ("鉴定日期", "2026-03-20"),
    ("理论成绩", "85"),
    ("实操成绩", "90.5"),
    ("评定结果", "合格"),
    ("证书类型", "职业技能等级证书"),
    ("证书编号", "Y000032000001265000001"),
    ("发证日期", "2026-03-31"),
    ("鉴定费(元)", "150"),
    ("是否完成培训", "是"),
    ("备注", "首批"),
];

/// Column letters, for A1 addresses that are written without the code under test.
pub(super) fn letters(column: usize) -> String {
    let letter = |n: usize| char::from(b'A' + u8::try_from(n).expect("below 26"));
    if column < 26 { letter(column).to_string() } else { format!("A{}", letter(column - 26)) }
}

pub(in crate::forms) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub(super) fn catalogue() -> Catalogue {
    let institution = |name: &str, short: &[&str]| Institution {
        name: Name::from(name),
        short_names: short.iter().map(ToString::to_string).collect(),
        trains: true,
        assesses: false,
        code: None,
        legal_representative: None,
        bank: None,
        account_name: None,
        account: None,
        contact: None,
        phone: None,
        email: None,
        designated: Span { from: day("2020-01-01"), to: None },
        citation: None,
    };
    let occupation = |id: &str, name: &str, code: Option<&str>, alias: &str, category| Occupation {
        id: Name::from(id),
        name: name.to_owned(),
        code: code.map(str::to_owned),
        code_edition: None,
        aliases: vec![alias.to_owned()],
        category,
    };
    let prison = |name: &str, lead| Prison { name: Name::from(name), lead };
    let mut catalogue = Catalogue::default();
    catalogue.prisons = vec![prison("常州监狱", true), prison("溧阳监狱", false), prison("新康监狱", false)];
    catalogue.institutions = vec![
        institution("常州市工业职业培训学校", &["工业学校"]),
        institution("常州市职业技能鉴定中心（本部）", &["鉴定中心"]),
    ];
    catalogue.occupations = vec![
        occupation("electrician", "电工", Some("6-31-01-03"), "维修电工", Category::Employment),
        occupation("welder", "焊工", Some("6-18-02-04"), "电焊工", Category::Employment),
        occupation("syb", "SYB创业培训", None, "创办你的企业", Category::Entrepreneurship),
    ];
    catalogue.indexed()
}

pub(in crate::forms) const LIMITS: Limits =
    Limits { max_file_bytes: 1 << 30, max_unzipped_bytes: 1 << 30, max_sheets: 100, max_rows: 1_048_575 };

/// Reads a file that arrived on 2026-06-30.
pub(in crate::forms) fn read(name: &str, bytes: &[u8]) -> FileReading {
    read_with(&catalogue(), name, bytes)
}

/// The same, against another catalogue.
pub(super) fn read_with(catalogue: &Catalogue, name: &str, bytes: &[u8]) -> FileReading {
    let ctx = ReadingContext {
        catalogue,
        specs: FormSpecs::embedded(),
        limits: LIMITS,
        arrived_on: day("2026-06-30"),
        addition: false,
    };
    read_file(name, bytes, None, &ctx)
}

/// The result rows that were taken.
pub(in crate::forms) fn results(reading: &FileReading) -> Vec<&ResultRow> {
    match &reading.content {
        Content::Results(rows) => rows.iter().map(|placed| &*placed.row).collect(),
        _ => Vec::new(),
    }
}

/// `sheet!cell code`, with `?` behind a warning, in the order in which they were found.
pub(in crate::forms) fn findings(reading: &FileReading) -> Vec<String> {
    let line = |f: &crate::subsidy::finding::Finding| {
        let sheet = if f.sheet.is_empty() { String::new() } else { format!("{}!", f.sheet) };
        format!("{sheet}{} {}{}", f.cell, f.code, if f.severity == Severity::Warning { "?" } else { "" })
    };
    reading.findings.iter().map(line).collect()
}

/// `cell code`, in order.
pub(super) fn repairs(reading: &FileReading) -> Vec<String> {
    reading.repairs.iter().map(|repair| format!("{} {}", repair.cell, repair.code)).collect()
}

/// Comma-separated values in UTF-8.
pub(in crate::forms) fn csv(rows: &[Vec<&str>]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("memory takes every record");
    }
    writer.into_inner().expect("memory takes every record")
}

/// A clean row with some cells changed.
pub(in crate::forms) fn results_row<'a>(changes: &[(&str, &'a str)]) -> Vec<&'a str> {
    RESULTS
        .iter()
        .map(|(header, value)| changes.iter().find(|(changed, _)| changed == header).map_or(*value, |(_, new)| new))
        .collect()
}

/// The headers of the result sheet.
pub(in crate::forms) fn results_header() -> Vec<&'static str> {
    RESULTS.iter().map(|(header, _)| *header).collect()
}

/// Writes a cell as its notation says: 数:1.5, 日:2026-03-05, 日数:1.5, 错:#REF!, empty, or text.
pub(super) fn write_cell(sheet: &mut Worksheet, row: u32, column: u16, value: &str) {
    let as_date = Format::new().set_num_format("yyyy-mm-dd");
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let written = if value.is_empty() {
        return;
    } else if let Some(text) = value.strip_prefix("数:") {
        sheet.write_number(row, column, number(text))
    } else if let Some(text) = value.strip_prefix("日数:") {
        sheet.write_number_with_format(row, column, number(text), &as_date)
    } else if let Some(date) = value.strip_prefix("日:") {
        sheet.write_datetime_with_format(row, column, ExcelDateTime::parse_from_str(date).expect("a date"), &as_date)
    } else if let Some(error) = value.strip_prefix("错:") {
        sheet.write_formula(row, column, Formula::new("=1/0").set_result(error))
    } else {
        sheet.write_string(row, column, value)
    };
    written.expect("the cell lies in the sheet");
}

/// A workbook of named sheets.
pub(in crate::forms) fn xlsx(sheets: &[(&str, Vec<Vec<&str>>)]) -> Vec<u8> {
    let mut book = Workbook::new();
    for (name, rows) in sheets {
        let sheet = book.add_worksheet();
        sheet.set_name(*name).expect("a name that a sheet may have");
        for (row, cells) in (0..).zip(rows) {
            for (column, value) in (0..).zip(cells) {
                write_cell(sheet, row, column, value);
            }
        }
    }
    book.save_to_buffer().expect("a workbook in memory")
}
