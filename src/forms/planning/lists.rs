//! What the drop-downs offer: on a hidden sheet, because a list in the cell itself may hold 255 characters only.

use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, ExcelDateTime, Formula, Worksheet, XlsxError,
};

use super::Order;
use crate::subsidy::course::{Category, CertificateType, Kind, Level};

/// Name of the hidden sheet.
pub(super) const SHEET: &str = "选项";

/// One column of the hidden sheet: what it offers, and its entries.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    Prisons,
    Occupations,
    Levels,
    Categories,
    CertificateTypes,
    Training,
    Assessment,
    PlanTypes,
    Sexes,
    Skilled,
    Able,
}

/// All lists.
pub(super) struct Lists(Vec<(List, &'static str, Vec<String>)>);

/// 计划类型 of a yearly plan.
pub(super) const YEARLY: &str = "年度计划";
/// 计划类型 of an addition.
pub(super) const ADDITION: &str = "临时备案";

impl Lists {
    /// The lists as of the order's day.
    pub fn of(order: &Order<'_>) -> Lists {
        let catalogue = order.catalogue;
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let institutions = |kind: Kind| {
            let mut names: Vec<String> = Vec::new();
            for institution in &catalogue.institutions {
                let name = &institution.name;
                let fits = catalogue.is_designated(name, kind, order.today)
                    && catalogue.penalty_on(name, order.today).is_none();
                if fits && !names.iter().any(|known| **known == **name) {
                    names.push(name.to_string());
                }
            }
            names
        };
        Lists(vec![
            (List::Prisons, "监狱", catalogue.prisons.iter().map(|prison| prison.name.to_string()).collect()),
            (List::Occupations, "职业(工种)", catalogue.occupations.iter().map(|known| known.name.clone()).collect()),
            (List::Levels, "等级", words(&Level::ALL.map(Level::name))),
            (
                List::Categories,
                "培训类别",
                words(&[Category::Employment, Category::Entrepreneurship].map(Category::name)),
            ),
            (List::CertificateTypes, "证书类型", words(&CertificateType::ALL.map(CertificateType::name))),
            (List::Training, "培训机构", institutions(Kind::Training)),
            (List::Assessment, "鉴定机构", institutions(Kind::Assessment)),
            (List::PlanTypes, "计划类型", words(&[YEARLY, ADDITION])),
            (List::Sexes, "性别", words(&["男", "女"])),
            (List::Skilled, "有无一技之长", words(&["无", "有"])),
            (List::Able, "能否坚持学习", words(&["能", "否"])),
        ])
    }

    /// Writes the hidden sheet.
    pub fn draw(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
        sheet.set_name(SHEET)?.set_very_hidden(true);
        for (at, (_, title, entries)) in (0_u16..).zip(&self.0) {
            // No header by itself: the sheet must not look like a form.
            sheet.write_string(0, at, format!("可选：{title}"))?;
            for (row, entry) in (1_u32..).zip(entries) {
                sheet.write_string(row, at, entry)?;
            }
        }
        Ok(())
    }

    /// Whether a list holds a name.
    pub fn holds(&self, list: List, name: &str) -> bool {
        self.0.iter().any(|(known, _, entries)| *known == list && entries.iter().any(|entry| entry == name))
    }

    /// A drop-down for a range of cells; nothing where the list is empty.
    pub fn offer(&self, sheet: &mut Worksheet, list: List, range: (u32, u16, u32, u16)) -> Result<(), XlsxError> {
        let Some(at) = self.0.iter().position(|(known, ..)| *known == list) else { return Ok(()) };
        let (_, title, entries) = &self.0[at];
        if entries.is_empty() {
            return Ok(());
        }
        let letter = char::from(b'A' + u8::try_from(at).unwrap_or(0));
        let formula = format!("='{SHEET}'!${letter}$2:${letter}${}", entries.len() + 1);
        let style = match list {
            // Aliases and short names are read too.
            List::Prisons
            | List::Occupations
            | List::Training
            | List::Assessment
            | List::CertificateTypes
            | List::Levels => DataValidationErrorStyle::Warning,
            _ => DataValidationErrorStyle::Stop,
        };
        let validation = DataValidation::new()
            .allow_list_formula(Formula::new(formula))
            .set_error_title(*title)?
            .set_error_message(format!("请从下拉列表中选择{title}"))?
            .set_error_style(style);
        let (first_row, first_column, last_row, last_column) = range;
        sheet.add_data_validation(first_row, first_column, last_row, last_column, &validation)?;
        Ok(())
    }
}

/// Warns of dates outside a span, or of what is no date.
pub(super) fn dates(
    sheet: &mut Worksheet,
    (from, to): (ExcelDateTime, ExcelDateTime),
    what: &str,
    range: (u32, u16, u32, u16),
) -> Result<(), XlsxError> {
    let validation = DataValidation::new()
        .allow_date(DataValidationRule::Between(from, to))
        .set_error_title(what)?
        .set_error_message(format!("{what}请填写年月日齐全的日期，如 2027-03-05；请核对年份"))?
        .set_error_style(DataValidationErrorStyle::Warning);
    sheet.add_data_validation(range.0, range.1, range.2, range.3, &validation)?;
    Ok(())
}

/// Warns of what is no whole number from 1.
pub(super) fn counts(sheet: &mut Worksheet, what: &str, range: (u32, u16, u32, u16)) -> Result<(), XlsxError> {
    let validation = DataValidation::new()
        .allow_whole_number(DataValidationRule::Between(1, 100_000))
        .set_error_title(what)?
        .set_error_message(format!("{what}请填写大于 0 的整数"))?
        .set_error_style(DataValidationErrorStyle::Warning);
    sheet.add_data_validation(range.0, range.1, range.2, range.3, &validation)?;
    Ok(())
}

/// Warns of a resident ID that has not 18 characters.
pub(super) fn resident_ids(sheet: &mut Worksheet, range: (u32, u16, u32, u16)) -> Result<(), XlsxError> {
    let validation = DataValidation::new()
        .allow_text_length(DataValidationRule::EqualTo(18))
        .set_error_title("公民身份号码")?
        .set_error_message("公民身份号码应为 18 位；请先确认单元格为文本格式")?
        .set_error_style(DataValidationErrorStyle::Warning);
    sheet.add_data_validation(range.0, range.1, range.2, range.3, &validation)?;
    Ok(())
}
