//! Reference tables as .xlsx.

use std::io::{Cursor, Read, Write};

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use super::{Folder, heads};
use crate::subsidy::money::Fen;

const OCCUPATIONS: &str = "工种标识,名称\nhan,焊工\n";
const HEADER: [&str; 10] = [
    "职业(工种)*",
    "等级",
    "证书类型",
    "人员类别",
    "培训补贴（元）",
    "鉴定补贴(元)",
    "补贴比例(‰)",
    "起始日",
    "截止日",
    "依据",
];

/// A workbook with a title, the header in row 3 and what the caller writes below it.
fn rates(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Folder {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("说明").unwrap().write(0, 0, "请填写下一张表").unwrap();
    let sheet = book.add_worksheet().set_name("标准").unwrap();
    sheet.write(0, 0, "补贴标准").unwrap();
    for (i, header) in (0_u16..).zip(HEADER) {
        sheet.write(2, i, header).unwrap();
    }
    fill(sheet);
    let folder = Folder::new();
    folder.put("catalogue/occupations.csv", OCCUPATIONS).remove("catalogue/rates.csv");
    folder.put("catalogue/rates.xlsx", unevaluated(&book.save_to_buffer().unwrap()));
    folder
}

/// Empties the cached value 7654321, as programs do that write formulas without evaluating them.
fn unevaluated(bytes: &[u8]) -> Vec<u8> {
    let mut book = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for i in 0..book.len() {
        let mut part = book.by_index(i).unwrap();
        let mut text = String::new();
        part.read_to_string(&mut text).unwrap();
        out.start_file(part.name().unwrap().into_owned(), zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(text.replace("<v>7654321</v>", "<v></v>").as_bytes()).unwrap();
    }
    out.finish().unwrap().into_inner()
}

fn row(sheet: &mut rust_xlsxwriter::Worksheet, row: u32, amount: f64) {
    let date = Format::new().set_num_format("yyyy/m/d");
    sheet.write(row, 0, "焊工").unwrap().write(row, 1, 5).unwrap().write(row, 2, "职业技能等级证书").unwrap();
    sheet.write(row, 4, amount).unwrap().write(row, 9, "依据").unwrap();
    sheet.write_with_format(row, 7, ExcelDateTime::from_ymd(2024, 1, 1).unwrap(), &date).unwrap();
}

#[test]
fn numbers_and_dates_are_read_as_people_see_them() {
    let folder = rates(|sheet| row(sheet, 3, 150.1 + 0.2));
    let loaded = folder.loaded();
    let rate = &loaded.catalogue.rates[0];
    assert_eq!((rate.training, rate.span.from.to_string().as_str()), (Some(Fen(15_030)), "2024-01-01"));
    assert_eq!(loaded.warnings, []);
}

#[test]
fn cells_that_hold_no_value_are_refused_at_their_place() {
    let folder = rates(|sheet| {
        row(sheet, 3, 0.0);
        sheet.write(3, 4, Formula::new("=A1+1").set_result("7654321")).unwrap();
        sheet.write(3, 5, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        row(sheet, 5, 100.125);
        sheet.write(5, 7, 45_736).unwrap();
        sheet.write(5, 12, "随手一记").unwrap();
        row(sheet, 6, -3.0);
        sheet.merge_range(7, 4, 8, 4, "1000", &Format::new()).unwrap();
    });
    let said = folder.said();
    assert_eq!(
        heads(&said),
        [
            "catalogue/rates.xlsx[标准]:4:5 错误：“培训补贴”是 没有算出值的公式",
            "catalogue/rates.xlsx[标准]:4:6 错误：“鉴定补贴”是 #DIV/0!",
            "catalogue/rates.xlsx[标准]:6:5 错误：“培训补贴”“100.125”的小数超过两位",
            "catalogue/rates.xlsx[标准]:6:8 错误：“起始日”：“45736”不是日期",
            "catalogue/rates.xlsx[标准]:6:13 警告：此列没有表头，没有读取",
            "catalogue/rates.xlsx[标准]:7:5 错误：“培训补贴”“-3”不是正的金额",
            "catalogue/rates.xlsx[标准]:7:8 错误：与第 4 行时间重叠（同一工种、等级、人员类别和职业技能等级证书）",
            "catalogue/rates.xlsx[标准]:8:1 错误：“职业(工种)”没有填写",
            "catalogue/rates.xlsx[标准]:8:3 错误：“证书类型”没有填写",
            "catalogue/rates.xlsx[标准]:8:5 错误：有合并单元格",
            "catalogue/rates.xlsx[标准]:8:8 错误：“起始日”没有填写",
            "catalogue/rates.xlsx[标准]:8:10 错误：“依据”没有填写",
        ]
    );
}

#[test]
fn digits_lost_and_texts_turned_into_dates() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (i, header) in (0_u16..).zip(["机构名称", "类型", "认定起始日", "银行账号", "认定文号"]) {
        sheet.write(0, i, header).unwrap();
    }
    let date = Format::new().set_num_format("yyyy-mm-dd");
    sheet.write(1, 0, "甲").unwrap().write(1, 1, "培训").unwrap().write(1, 2, "2024-01-01").unwrap();
    sheet.write(1, 3, 1_105_021_009_000_123_456_i64).unwrap();
    sheet.write_with_format(1, 4, ExcelDateTime::from_ymd(2022, 1, 5).unwrap(), &date).unwrap();
    let folder = Folder::new();
    folder.remove("catalogue/institutions.csv");
    folder.put("catalogue/institutions.xlsx", book.save_to_buffer().unwrap());
    assert_eq!(
        heads(&folder.said()),
        [
            "catalogue/institutions.xlsx[Sheet1]:2:4 错误：“银行账号”是数字格式，超过 15 位，末位已丢失",
            "catalogue/institutions.xlsx[Sheet1]:2:5 错误：“认定文号”被表格软件变成了日期 2022-01-05",
        ]
    );
}

#[test]
fn a_stray_cell_far_away_does_not_fill_the_memory() {
    let folder = rates(|sheet| {
        row(sheet, 3, 1.0);
        sheet.write(1_048_575, 16_383, "x").unwrap();
    });
    let said = folder.said();
    assert!(said[0].starts_with("catalogue/rates.xlsx 错误：打不开工作簿") && said[0].contains("范围太大"), "{said:?}");
}

#[test]
fn one_table_in_one_place() {
    let folder = rates(|sheet| row(sheet, 3, 1000.0));
    folder.put("catalogue/rates.csv", "");
    assert_eq!(heads(&folder.said())[0], "catalogue/rates.csv 错误：rates.csv 和 rates.xlsx 同时存在");
    folder.remove("catalogue/rates.csv").put("catalogue/rates.xlsx", "occupation,level\n");
    assert!(folder.said()[0].starts_with("catalogue/rates.xlsx 错误：打不开工作簿"), "{:?}", folder.said());
    let mut book = Workbook::new();
    for name in ["2024", "2025"] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        for (i, header) in (0_u16..).zip(HEADER) {
            sheet.write(0, i, header).unwrap();
        }
    }
    folder.put("catalogue/rates.xlsx", book.save_to_buffer().unwrap());
    assert_eq!(heads(&folder.said())[0], "catalogue/rates.xlsx 错误：工作表“2024”和“2025”都有表头");
}
