//! What a file is, by its name and by its first bytes.
//!
//! Findings: `wrong-format` for what is plainly something else, `password-protected` for an encrypted workbook,
//! `unreadable-file` for an empty file or one called .xlsx that is none.

use super::{FileFault, fault};

/// The two formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Xlsx,
    Csv,
}

/// Extensions of spreadsheets that Excel or WPS can save as .xlsx.
const SPREADSHEETS: &[&str] =
    &["xls", "et", "ett", "xlt", "xltx", "xltm", "xlsm", "xlsb", "xlam", "ods", "ots", "fods", "numbers", "dif", "slk"];
/// Extensions of files that hold no table we could read.
const OTHERS: &[&str] = &[
    "doc", "docx", "docm", "wps", "rtf", "odt", "pdf", "ofd", "ppt", "pptx", "dps", "zip", "rar", "7z", "gz", "tar",
    "png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "heic", "heif", "svg", "htm", "html", "mht", "mhtml",
    "xml", "exe", "eml", "msg",
];

/// What the first bytes of other formats look like, and what that format is called.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF", "PDF 文件"),
    (b"\x89PNG", "PNG 图片"),
    (b"\xFF\xD8\xFF", "JPEG 图片"),
    (b"GIF87a", "GIF 图片"),
    (b"GIF89a", "GIF 图片"),
    (b"II*\0", "TIFF 图片"),
    (b"MM\0*", "TIFF 图片"),
    (b"Rar!", "RAR 压缩包"),
    (b"7z\xBC\xAF\x27\x1C", "7z 压缩包"),
    (b"\x1F\x8B", "gzip 压缩包"),
    (b"{\\rtf", "RTF 文档"),
    (b"MIME-Version:", "网页或邮件文件"),
];

const ZIP: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];
const OLE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// How far to look for the first tag of a web page.
const MARKUP_HEAD_BYTES: usize = 1_024;

fn extension(file_name: &str) -> String {
    file_name.trim().rsplit_once('.').map(|(_, extension)| extension.trim().to_lowercase()).unwrap_or_default()
}

/// Refuses what is another format by name.
pub(super) fn check_name(file_name: &str) -> Result<(), FileFault> {
    let extension = extension(file_name);
    if SPREADSHEETS.contains(&extension.as_str()) {
        return Err(fault::other_spreadsheet(format!(".{extension} 文件")));
    }
    if OTHERS.contains(&extension.as_str()) {
        return Err(fault::not_a_spreadsheet(format!(".{extension} 文件")));
    }
    Ok(())
}

/// Which of ours it is; else why not. A file of no or an odd extension is judged by its content.
pub(super) fn recognise(file_name: &str, bytes: &[u8]) -> Result<Known, FileFault> {
    let extension = extension(file_name);
    if bytes.is_empty() {
        return Err(fault::empty());
    }
    if bytes.starts_with(OLE) {
        return Err(ole(bytes));
    }
    if let Some((_, format)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(fault::not_a_spreadsheet(*format));
    }
    if is_bitmap(bytes) || bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Err(fault::not_a_spreadsheet("图片"));
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Err(fault::not_a_spreadsheet("HEIC 图片或视频"));
    }
    if let Some(format) = markup(bytes) {
        return Err(fault::other_spreadsheet(format));
    }
    match (extension.as_str(), ZIP.iter().any(|magic| bytes.starts_with(magic))) {
        ("csv", true) => Err(fault::workbook_called_csv()),
        (_, true) => Ok(Known::Xlsx),
        ("xlsx", false) => Err(fault::broken_workbook("内容不是 xlsx 的 .xlsx 文件")),
        (_, false) => Ok(Known::Csv),
    }
}

/// An OLE container: an encrypted workbook, or the format of Office 97-2003.
fn ole(bytes: &[u8]) -> FileFault {
    let holds = |stream: &str| {
        let name: Vec<u8> = stream.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(name.len()).any(|window| window == name)
    };
    if holds("EncryptedPackage") {
        fault::password_protected()
    } else if holds("WordDocument") {
        fault::not_a_spreadsheet("Word 97-2003 文档")
    } else {
        fault::other_spreadsheet("Excel 97-2003 工作簿（.xls）或 .et 文件")
    }
}

/// `BM`, then a reserved field of zeros: text could begin with the two letters, but not hold the zeros.
fn is_bitmap(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4])
}

/// Web pages and XML that some systems export under the name of a workbook.
fn markup(bytes: &[u8]) -> Option<&'static str> {
    let head = &bytes[..bytes.len().min(MARKUP_HEAD_BYTES)];
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start().to_ascii_lowercase();
    if head.starts_with(b"<?xml") {
        return Some("XML 文件");
    }
    let tags: [&[u8]; 8] = [b"<!doctype", b"<html", b"<head", b"<meta", b"<table", b"<body", b"<style", b"<!--"];
    tags.iter().any(|tag| head.starts_with(tag)).then_some("网页文件（HTML）")
}
