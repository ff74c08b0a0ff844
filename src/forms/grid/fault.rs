//! The whole-file faults and what a clerk is told to do about each.
//!
//! Findings: `wrong-format`, `unreadable-file`, `password-protected`, `too-large`, `too-many-rows`.

use super::FileFault;
use crate::subsidy::finding::Code;

fn fault(code: Code, seen: impl Into<String>, advice: impl Into<String>) -> FileFault {
    FileFault { code, seen: seen.into(), advice: advice.into() }
}

/// Another spreadsheet format: the sender's own program can save it as ours.
pub(super) fn other_spreadsheet(seen: impl Into<String>) -> FileFault {
    let advice =
        "请用 Excel 或 WPS 打开该文件，在“文件”菜单中选择“另存为”，文件类型选“Excel 工作簿（*.xlsx）”，然后重新报送。";
    fault(Code::WrongFormat, seen, advice)
}

/// Something that is no spreadsheet at all: a picture, a document, an archive.
pub(super) fn not_a_spreadsheet(seen: impl Into<String>) -> FileFault {
    let advice = "请报送填好的 Excel 工作簿（.xlsx）或逗号分隔的 .csv 文件本身，不要报送图片、扫描件、文档或压缩包。";
    fault(Code::WrongFormat, seen, advice)
}

/// A workbook that calls itself csv.
pub(super) fn workbook_called_csv() -> FileFault {
    let advice = "该文件的内容是 Excel 工作簿，请把文件名的后缀改为 .xlsx，然后重新报送。";
    fault(Code::WrongFormat, "名为 .csv 的压缩格式文件", advice)
}

/// A workbook that cannot be read, or not to its end.
pub(super) fn broken_workbook(seen: impl Into<String>) -> FileFault {
    let advice = "文件已损坏或不完整。请用 Excel 或 WPS 打开原文件，“另存为”新的 .xlsx 文件后重新报送；\
                  如果单位电脑对文件自动加密，请先解密再报送。";
    fault(Code::UnreadableFile, seen, advice)
}

/// A csv that cannot be read.
pub(super) fn broken_csv(seen: impl Into<String>) -> FileFault {
    let advice = "请用 Excel 或 WPS 打开原表，“另存为”.xlsx 文件（推荐）或“CSV UTF-8（逗号分隔）”文件后重新报送。";
    fault(Code::UnreadableFile, seen, advice)
}

/// Nothing in it.
pub(super) fn empty() -> FileFault {
    fault(Code::UnreadableFile, "空文件（0 字节）", "文件是空的。请检查原文件，确认能打开后重新报送。")
}

/// Encrypted with a password.
pub(super) fn password_protected() -> FileFault {
    let advice = "请用 Excel 或 WPS 打开该文件，在“文件”→“信息”→“保护工作簿”（WPS 为“文档加密”）中清除打开密码，\
                  保存为 .xlsx 后重新报送。";
    fault(Code::PasswordProtected, "设有打开密码的文件", advice)
}

/// A limit in bytes as people read it; the 1 GiB that must not be reached reads 1024 MB.
pub(super) fn megabytes(bytes: u64) -> String {
    const MEGABYTE: u64 = 1 << 20;
    if bytes < MEGABYTE { format!("{bytes} 字节") } else { format!("{} MB", bytes.div_ceil(MEGABYTE)) }
}

/// More than the limits allow.
pub(super) fn too_large(seen: impl Into<String>) -> FileFault {
    let advice =
        "文件过大。请删除表格以外的图片、附件和多余的工作表、空白格式，或分成几个文件，另存为 .xlsx 后重新报送。";
    fault(Code::TooLarge, seen, advice)
}

/// More rows than the limits allow.
pub(super) fn too_many_rows(sheet: &str, limit: u32) -> FileFault {
    let seen = if sheet.is_empty() {
        format!("超过 {limit} 行")
    } else {
        format!("工作表“{sheet}”超过 {limit} 行")
    };
    fault(Code::TooManyRows, seen, format!("每张表最多 {limit} 行。请把数据分成几个文件后重新报送。"))
}
