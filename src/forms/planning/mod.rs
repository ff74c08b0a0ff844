//! The planning workbook (FORMS section 1): annexes 1-4 for one prison and year, blank or with what is known filled in.
//!
//! The same order gives the same bytes. Drop-downs offer what the catalogue holds on the day; cells of numbers that are
//! names, of dates and of amounts are typed as such. A mark (form, version, year, prison) stands hidden in it twice, as
//! defined name and as custom property, so that a reply is recognised by content. No formulas: a copy that another
//! program wrote without calculating would come back as errors. No personal data: annex 3 is never filled in.

mod classes;
mod guide;
mod lists;
mod sheets;
#[cfg(test)]
mod tests;

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, XlsxError};
use serde::{Deserialize, Serialize};

use crate::forms::grid::{self, Sheet};
use crate::forms::papers::PaperError;
use crate::forms::reading::FormSpecs;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::plan::Plan;

/// Version of the form: raised when its cells change so that an older copy can no longer be read.
pub const FORM_VERSION: u32 = 1;
/// Name of the mark, as defined name and as custom property.
pub const MARK_NAME: &str = "shenling_form";
/// First word of the mark.
const FORM: &str = "planning";

/// What a workbook of ours says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormMark {
    /// Version of the form.
    pub version: u32,
    /// The year that is planned.
    pub year: i32,
    /// The prison that it was made for, full name.
    pub prison: String,
    /// It was handed out for an addition (临时备案).
    pub addition: bool,
}

impl FormMark {
    /// `planning/1/2027/溧阳监狱/year`.
    pub fn text(&self) -> String {
        let what = if self.addition { "addition" } else { "year" };
        format!("{FORM}/{}/{}/{}/{what}", self.version, self.year, self.prison)
    }

    /// Reads what [`FormMark::text`] wrote.
    pub fn parse(text: &str) -> Option<FormMark> {
        let parts: Vec<&str> = text.trim().split('/').collect();
        let [FORM, version, year, prison, what] = parts[..] else { return None };
        let (version, year) = (version.parse().ok()?, year.parse().ok()?);
        Some(FormMark { version, year, prison: prison.to_owned(), addition: what == "addition" })
    }

    /// Whether the form has been replaced by a newer one.
    pub const fn is_old(&self) -> bool {
        self.version < FORM_VERSION
    }
}

/// Whether a sheet of a workbook of ours is the hidden one that drop-downs take their entries from.
pub fn is_offer(workbook: &grid::Workbook, sheet: &Sheet) -> bool {
    sheet.name == lists::SHEET && workbook.marks.iter().any(|(name, _)| name == MARK_NAME)
}

/// What is to be written.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// 监狱, full name.
    pub prison: &'a str,
    /// The year that is planned.
    pub year: i32,
    /// For an addition (临时备案).
    pub addition: bool,
    /// The last plan that the prison filed: its projects are filled in.
    pub last: Option<&'a Plan>,
    /// The day on which the catalogue is looked at: institutions and rates valid then are offered.
    pub today: NaiveDate,
    /// Columns of annexes 1 to 3.
    pub specs: &'a FormSpecs,
    /// Names, institutions, rates.
    pub catalogue: &'a Catalogue,
}

impl Order<'_> {
    fn mark(&self) -> FormMark {
        FormMark { version: FORM_VERSION, year: self.year, prison: self.prison.to_owned(), addition: self.addition }
    }

    /// `2027年度`, with 临时备案 where it is one.
    fn what(&self) -> String {
        format!("{}　{}年度{}", self.prison, self.year, if self.addition { "（临时备案）" } else { "" })
    }
}

/// The file name under which it is handed out: `溧阳监狱_2027年度计划表.xlsx`.
pub fn file_name(prison: &str, year: i32, addition: bool) -> String {
    format!("{prison}_{year}{}.xlsx", if addition { "临时备案表" } else { "年度计划表" })
}

/// Writes the workbook.
pub fn write(order: &Order<'_>) -> Result<Vec<u8>, PaperError> {
    draw(order).map_err(|error| PaperError::Workbook {
        paper: file_name(order.prison, order.year, order.addition),
        message: error.to_string(),
    })
}

fn draw(order: &Order<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let mark = order.mark().text();
    let made_on = excel_day(order.today).and_then(|day| day.and_hms(0, 0, 0))?;
    let properties = DocProperties::new()
        .set_title(format!("{}计划表（附件1-4）", order.what()))
        .set_author("shenling")
        .set_creation_datetime(&made_on)
        .set_custom_property(MARK_NAME, mark.as_str());
    workbook.set_properties(&properties);
    workbook.define_name(MARK_NAME, &format!("=\"{mark}\""))?;
    let (lists, formats) = (lists::Lists::of(order), Formats::new());
    let projects = order.last.map(|plan| plan.projects.as_slice()).unwrap_or_default();
    guide::draw(workbook.add_worksheet(), order, &formats)?;
    sheets::annex1(workbook.add_worksheet(), order, projects, &lists, &formats)?;
    sheets::annex2(workbook.add_worksheet(), order, projects, &lists, &formats)?;
    sheets::annex3(workbook.add_worksheet(), order, &lists, &formats)?;
    classes::draw(workbook.add_worksheet(), order, projects, &lists, &formats)?;
    lists.draw(workbook.add_worksheet())?;
    workbook.save_to_buffer()
}

/// Formats, built once.
struct Formats {
    label: Format,
    title: Format,
    subtitle: Format,
    header: Format,
    needed: Format,
    caption: Format,
    text: Format,
    left: Format,
    date: Format,
    count: Format,
    yuan: Format,
    opinion: Format,
    plain: Format,
    heading: Format,
}

/// `@` in the numbering of spreadsheets: what is typed stays text.
const TEXT_FORMAT: u8 = 49;

impl Formats {
    fn new() -> Formats {
        let plain = || Format::new().set_font_name("宋体").set_font_size(11).set_align(FormatAlign::VerticalCenter);
        let boxed = || plain().set_border(FormatBorder::Thin).set_text_wrap();
        let centred = || boxed().set_align(FormatAlign::Center);
        let as_text = |format: Format| format.set_num_format_index(TEXT_FORMAT);
        Formats {
            label: as_text(plain().set_font_name("黑体").set_font_size(14)),
            title: as_text(plain().set_font_size(18).set_bold().set_align(FormatAlign::Center)),
            subtitle: as_text(plain()),
            header: as_text(centred().set_bold().set_background_color("EDEDED")),
            needed: as_text(centred().set_bold().set_background_color("FFF2CC")),
            caption: as_text(centred().set_background_color("EDEDED")),
            text: as_text(centred()),
            left: as_text(boxed().set_align(FormatAlign::Left)),
            date: centred().set_num_format("yyyy-mm-dd"),
            count: centred().set_num_format("0"),
            yuan: boxed().set_align(FormatAlign::Right).set_num_format("#,##0.00"),
            opinion: as_text(boxed().set_align(FormatAlign::Left).set_align(FormatAlign::Top)),
            plain: as_text(plain().set_text_wrap()),
            heading: as_text(plain().set_bold().set_font_size(13)),
        }
    }
}

/// A date that spreadsheets can count; they begin in 1900.
fn excel_day(date: NaiveDate) -> Result<ExcelDateTime, XlsxError> {
    let small = |n: u32| u8::try_from(n).unwrap_or(1);
    let year = u16::try_from(date.year()).map_err(|_| XlsxError::DateTimeRangeError(date.to_string()))?;
    ExcelDateTime::from_ymd(year, small(date.month()), small(date.day()))
}
