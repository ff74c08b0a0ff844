//! The sheet 问题清单: numbered groups, in each one line for a cell, with a link to it.

use std::fmt::Write as _;

use super::markup::{cell_text, escaped};
use super::styles::{Look, Styles};
use super::{Colour, LIST_TITLE, MAIN_NS, MAX_MARKS, Unfit};
use crate::forms::fix_list::{FixList, Place};

/// Most cells that get a line of their own: a sheet can have 65,530 links.
const MAX_LINES: usize = 60_000;
/// Most characters of a cell that lists places.
const MAX_CELL_CHARS: usize = 4_000;
/// Widths of the columns: number, place, what stands there.
pub(super) const WIDTHS: [u32; 3] = [8, 26, 96];
/// Height of a line of text, in points.
pub(super) const LINE_POINTS: u32 = 15;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What its three cells say.
    pub cells: [String; 3],
    /// How the three look.
    pub looks: [Look; 3],
    /// Sheet and cell that its second cell leads to.
    pub link: Option<(String, String)>,
    /// Lines of text in its highest cell.
    pub height: u32,
}

impl Line {
    fn new(cells: [&str; 3], look: Look) -> Line {
        let needed = cells.iter().zip(WIDTHS).map(|(text, width)| lines_needed(text, width)).max().unwrap_or(1);
        // The title stands over all columns.
        let height = if look == Look::Title { 1 } else { needed };
        Line { cells: cells.map(str::to_owned), looks: [look; 3], link: None, height }
    }

    /// A line with one text over all columns stands in the last one, so that the row grows with it.
    fn heading(number: &str, text: &str, colour: Option<Colour>) -> Line {
        Line::new([number, "", text], Look::Heading(colour))
    }

    fn place(number: &str, place: &Place) -> Line {
        let sheet = if place.sheet.is_empty() { String::new() } else { format!("“{}”", place.sheet) };
        let words = if place.cell.is_empty() { "整个文件".to_owned() } else { format!("{sheet}{}", place.cell) };
        let seen = if place.seen.is_empty() { "（空）".to_owned() } else { format!("现为：{}", place.seen) };
        let mut line = Line::new([number, &words, &seen], Look::Plain);
        if !place.cell.is_empty() {
            line.looks[1] = Look::Link;
            line.link = Some((place.sheet.clone(), place.cell.clone()));
        }
        line
    }
}

/// Lines that a text takes in a column; a Chinese character is two wide.
fn lines_needed(text: &str, width: u32) -> u32 {
    let wide = text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<u32>();
    wide.div_ceil(width).max(1)
}

/// All lines.
pub(super) fn lines(fixes: &FixList) -> Vec<Line> {
    let mut lines = vec![Line::new([LIST_TITLE, "", ""], Look::Title)];
    let mut note = |text: &str| lines.push(Line::new(["", "", text], Look::Plain));
    note("请在原来的工作表中改正：点蓝色的位置就到那一格，红色的格必须改，黄色的格请核对，格上的批注说明怎么改。");
    let rest = if fixes.rows_taken { "没有错误的行已经收下，只有有错的行需要再收。" } else { "" };
    note(&format!("改好后把本文件整个发回即可；本页和批注不必删除。{rest}"));
    let places: usize = fixes.problems.iter().map(|problem| problem.places.len()).sum();
    if places > MAX_MARKS {
        note(&format!("问题共 {places} 处，只有前 {MAX_MARKS} 格着色并加了批注，其余请看本清单。"));
    }
    let mut left = MAX_LINES;
    for (index, problem) in fixes.problems.iter().enumerate() {
        let (number, count) = (index + 1, problem.places.len());
        let heading = format!("{}（{count} 处）〔{}〕", problem.advice, problem.code);
        lines.push(Line::heading(&number.to_string(), &heading, Some(problem.severity.into())));
        for (at, place) in problem.places.iter().take(left).enumerate() {
            lines.push(Line::place(&format!("{number}.{}", at + 1), place));
        }
        if count > left {
            let cells = cut(&problem.cells());
            lines.push(Line::new(["", "其余", &format!("另有 {} 处：{cells}", count - left)], Look::Plain));
        }
        left = left.saturating_sub(count);
    }
    if !fixes.mended.is_empty() {
        lines.push(Line::heading("", "已代为更正，不必处理：", None));
    }
    for mended in &fixes.mended {
        let (count, cells) = (mended.places.len(), cut(&mended.cells()));
        let text = format!("{}（{count} 处）：{cells}", mended.what());
        lines.push(Line::new(["", "已代为更正", &text], Look::Plain));
    }
    lines
}

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(MAX_CELL_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// Where a link leads, as spreadsheets write it.
pub(super) fn location(sheet: &str, cell: &str) -> String {
    format!("'{}'!{cell}", sheet.replace('\'', "''"))
}

/// The list as a worksheet part.
pub(super) fn write(lines: &[Line], styles: &mut Styles<'_>) -> Result<String, Unfit> {
    let mut rows = String::new();
    let mut hyperlinks = String::new();
    for (row, line) in (1..).zip(lines) {
        let height = line.height.min(24) * LINE_POINTS + if row == 1 { 12 } else { 3 };
        let _ = write!(rows, "<row r=\"{row}\" ht=\"{height}\" customHeight=\"1\">");
        for ((column, text), look) in ["A", "B", "C"].iter().zip(&line.cells).zip(line.looks) {
            let style = styles.look(look)?;
            let _ = if text.is_empty() {
                write!(rows, "<c r=\"{column}{row}\" s=\"{style}\"/>")
            } else {
                let text = cell_text(text);
                write!(
                    rows,
                    "<c r=\"{column}{row}\" s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>"
                )
            };
        }
        rows.push_str("</row>");
        if let Some((sheet, cell)) = &line.link {
            let location = escaped(&location(sheet, cell));
            let _ = write!(
                hyperlinks,
                "<hyperlink ref=\"B{row}\" location=\"{location}\" display=\"{}\"/>",
                escaped(&line.cells[1])
            );
        }
    }
    let widths: Vec<String> = (1..)
        .zip(WIDTHS)
        .map(|(column, width)| format!("<col min=\"{column}\" max=\"{column}\" width=\"{width}\" customWidth=\"1\"/>"))
        .collect();
    let hyperlinks = if hyperlinks.is_empty() { hyperlinks } else { format!("<hyperlinks>{hyperlinks}</hyperlinks>") };
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet xmlns=\"{MAIN_NS}\">\
         <sheetPr><tabColor rgb=\"FFC00000\"/><pageSetUpPr fitToPage=\"1\"/></sheetPr>\
         <sheetViews><sheetView showGridLines=\"0\" tabSelected=\"1\" workbookViewId=\"0\"/></sheetViews>\
         <sheetFormatPr defaultRowHeight=\"{LINE_POINTS}\"/><cols>{}</cols><sheetData>{rows}</sheetData>\
         <mergeCells count=\"1\"><mergeCell ref=\"A1:C1\"/></mergeCells>{hyperlinks}\
         <pageMargins left=\"0.5\" right=\"0.5\" top=\"0.6\" bottom=\"0.6\" header=\"0.3\" footer=\"0.3\"/>\
         <pageSetup paperSize=\"9\" orientation=\"landscape\" fitToHeight=\"0\"/></worksheet>",
        widths.concat()
    ))
}
