//! What a clerk is told to type, in Chinese. The same for every row, so that a reply says it once: figures, dates and places of
//! the single row stand in what was seen.

use super::spec::Key;

/// For a file without any header; the first cell of a csv shows how it was separated.
pub(super) fn no_header(sheet: &str, first: &str) -> String {
    let is_separated_otherwise = sheet.is_empty() && first.matches([';', '；', '\t', '|', '，']).count() > 2;
    if is_separated_otherwise {
        return "各列之间须用英文逗号分隔；请用 Excel 或 WPS 打开原表，“另存为”.xlsx 文件（推荐）或“CSV UTF-8（逗号分隔）”文件".to_owned();
    }
    "没有找到表头行，请使用下发的模板，并保留表头（如 监狱、罪犯编号、姓名……）".to_owned()
}

/// For a required column that is not there.
pub(super) fn column_missing(form: &str, header: &str) -> String {
    format!("按“{form}”读取，表头中缺少“{header}”列；请补上此列后重新发送，本表各行均未收取")
}

/// For an empty cell that must be filled.
pub(super) fn required_empty(key: Key, header: &str) -> String {
    let example = match key {
        Key::StartedOn | Key::EndedOn | Key::AssessedOn | Key::ReleaseOn | Key::ClaimedOn => "，如 2026-03-05",
        Key::Level => "，如 五级/初级工；创业培训和专项职业能力证书可留空",
        Key::Result => "：合格 或 不合格",
        Key::Sex => "：男 或 女",
        Key::Kind => "：培训 或 鉴定",
        _ => "",
    };
    format!("请填写“{header}”{example}")
}

/// For an error value or an unevaluated formula.
pub(super) fn error_cell(header: &str) -> String {
    format!("“{header}”是错误值或未计算的公式，请直接填写内容")
}

/// For an identifier that was typed as a number.
pub(super) fn digits_lost(header: &str) -> String {
    format!("“{header}”按数字录入，末位已丢失；请先把单元格设为文本格式，再重新填写完整号码")
}

/// For a date that cannot be read.
pub(super) fn bad_date(header: &str) -> String {
    format!("“{header}”无法识别，请填写年月日齐全的一个日期，如 2026-03-05")
}

/// For hours, persons and classes.
pub(super) fn bad_whole(key: Key, header: &str) -> String {
    let whole = match key {
        Key::Heads => "大于 0 的整数，如 40",
        Key::Total => "不小于 0 的整数，如 120",
        Key::Classes => "不小于 0 的整数，如 2",
        _ => "不小于 0 的整数，如 80",
    };
    format!("“{header}”请填写{whole}")
}

/// For hours that do not add up.
pub(super) fn hours_sum() -> String {
    "总课时不等于理论课时与实操课时之和，请核对这三项".to_owned()
}

/// For a score.
pub(super) fn bad_score(header: &str) -> String {
    format!("“{header}”请填写 0 到 100 之间的分数，最多一位小数，如 85.5")
}

/// For an amount that is no number.
pub(super) fn bad_amount(header: &str) -> String {
    format!("“{header}”请填写金额，如 150 或 150.50")
}

/// For an amount with more than two decimals.
pub(super) fn decimals(header: &str) -> String {
    format!("“{header}”最多两位小数，如 150.50")
}

/// For an amount of 0.
pub(super) fn zero_amount(header: &str, may_be_empty: bool) -> String {
    format!("“{header}”不能为 0，请{}填写实际金额", if may_be_empty { "留空或" } else { "" })
}

/// For a two-way answer.
pub(super) fn answer(header: &str, yes: &str, no: &str) -> String {
    format!("“{header}”请填写：{yes} 或 {no}")
}

/// For a date before the one that must come first.
pub(super) fn before(header: &str, earlier_header: &str) -> String {
    format!("“{header}”早于“{earlier_header}”，请核对这两个日期")
}

/// For a date after the day of arrival.
pub(super) fn after_arrival(header: &str, arrived_on: chrono::NaiveDate) -> String {
    format!("“{header}”晚于收到文件的日期（{arrived_on}），请核对后填写实际日期")
}
