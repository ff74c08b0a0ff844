//! The zip container of a workbook: which parts it has, how large they really are, and what they make together.
//!
//! Findings: `wrong-format` (a zip of something else), `unreadable-file`, `password-protected`, `too-large`, and those
//! of the worksheets.

use super::meter::{Budget, Metered};
use super::parts::{self, Contents, Relation};
use super::table::{Table, Texts};
use super::worksheet::{self, Surroundings};
use super::xml::{Malformed, Xml};
use super::{Body, FileFault, Limits, Sheet, Workbook, fault};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::Arc;
use zip::ZipArchive;
use zip::read::ZipFile;

/// Most parts in a package. Excel writes some dozens.
const MAX_PARTS: usize = 10_000;
/// How far a part that is not read otherwise is searched for a DOCTYPE, which can only stand before its first element.
const PROLOG_BYTES: u64 = 4_096;

/// What a stranger's names in an archive say it is, where it is no .xlsx.
const FOREIGN: &[(&str, &str)] = &[
    ("xl/vbaproject.bin", "启用宏的工作簿（.xlsm）"),
    ("xl/workbook.bin", "二进制工作簿（.xlsb）"),
    ("content.xml", "OpenDocument 文件（.ods 等）"),
    ("index/document.iwa", "Numbers 表格"),
];
/// The same, for what is no spreadsheet.
const FOREIGN_DOCUMENTS: &[(&str, &str)] = &[
    ("word/document.xml", "Word 文档（.docx）"),
    ("ppt/presentation.xml", "演示文稿（.pptx）"),
    ("ofd.xml", "OFD 文件"),
];

/// What the main part says it is, in lower case, where it is no .xlsx: these formats differ in little else.
const FOREIGN_TYPES: &[(&str, &str)] = &[
    ("application/vnd.ms-excel.sheet.macroenabled.main+xml", "启用宏的工作簿（.xlsm）"),
    ("application/vnd.ms-excel.template.macroenabled.main+xml", "启用宏的模板（.xltm）"),
    ("application/vnd.ms-excel.addin.macroenabled.main+xml", "加载宏（.xlam）"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml", "模板（.xltx）"),
];

impl From<Malformed> for FileFault {
    fn from(malformed: Malformed) -> FileFault {
        fault::broken_workbook(malformed.0)
    }
}

/// Reads a workbook.
pub(super) fn read(file_name: &str, bytes: &[u8], limits: &Limits) -> Result<Workbook, FileFault> {
    let mut package = Package::open(file_name, bytes, limits)?;
    package.refuse_doctypes()?;

    let Outline { top, main, contents, relations, .. } = package.outline(limits.max_sheets)?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);

    let around = package.surroundings(folder, &relations, &contents, limits)?;
    let mut sheets = Vec::new();
    let mut text_bytes = 0_u64;
    for (name, relation_id) in contents.sheets {
        let relation = relations.iter().find(|relation| relation.id == relation_id);
        let relation = relation.ok_or_else(|| fault::broken_workbook(format!("找不到工作表“{name}”")))?;
        // Chart, macro and dialog sheets hold no cells.
        if relation.kind != "worksheet" {
            continue;
        }
        let part = resolve(folder, &relation.target);
        let table: Table = package.required(&part, |xml| worksheet::read(xml, &name, &around))?;
        text_bytes = text_bytes.saturating_add(table.measure()?);
        if text_bytes > limits.max_unzipped_bytes {
            return Err(fault::too_large(format!("单元格文字超过 {}", fault::megabytes(limits.max_unzipped_bytes))));
        }
        sheets.push(Sheet { name, body: Body::Table(table) });
    }
    let mut marks = contents.marks;
    if let Some(relation) = top.iter().find(|relation| relation.kind == "custom-properties") {
        marks.extend(package.optional(&resolve("", &relation.target), parts::custom_properties)?.unwrap_or_default());
    }
    Ok(Workbook { sheets, marks })
}

/// What holds a workbook together.
pub(in crate::forms) struct Outline {
    /// Relations of the package.
    top: Vec<Relation>,
    /// Name of the main part.
    pub main: String,
    /// What the main part says.
    pub contents: Contents,
    /// Name of the part with the relations of the main part.
    pub relations_part: String,
    /// Those relations.
    pub relations: Vec<Relation>,
}

/// An open archive: parts by their lower-case name with `/` (some writers use `\`, or other capitals than they refer to).
pub(in crate::forms) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    parts: HashMap<String, usize>,
    budget: Budget,
    max_unzipped_bytes: u64,
}

impl<'a> Package<'a> {
    /// Opens an archive and refuses what is no .xlsx.
    pub fn open(file_name: &str, bytes: &'a [u8], limits: &Limits) -> Result<Package<'a>, FileFault> {
        let archive =
            ZipArchive::new(Cursor::new(bytes)).map_err(|_| fault::broken_workbook("不完整的压缩格式文件"))?;
        if archive.len() > MAX_PARTS {
            return Err(fault::too_large(format!("含有 {} 个部件的文件", archive.len())));
        }
        let mut package = Package {
            archive,
            parts: HashMap::new(),
            budget: Budget::new(limits.max_unzipped_bytes),
            max_unzipped_bytes: limits.max_unzipped_bytes,
        };
        let mut claimed_bytes = 0_u64;
        for index in 0..package.archive.len() {
            let part = package.archive.by_index_raw(index).map_err(|_| fault::broken_workbook("损坏的压缩格式文件"))?;
            claimed_bytes = claimed_bytes.saturating_add(part.size());
            if part.encrypted() {
                return Err(fault::password_protected());
            }
            let name = part.name().map_err(|_| fault::broken_workbook("损坏的压缩格式文件"))?;
            let name = name.replace('\\', "/").to_lowercase();
            package.parts.insert(name.trim_start_matches('/').to_owned(), index);
        }
        package.refuse_foreign(file_name)?;
        if claimed_bytes > limits.max_unzipped_bytes {
            return Err(package.too_large());
        }
        Ok(package)
    }

    /// Finds what holds the workbook together.
    pub fn outline(&mut self, max_sheets: u32) -> Result<Outline, FileFault> {
        let top = self.optional("_rels/.rels", parts::relations)?.unwrap_or_default();
        let main = top.iter().find(|relation| relation.kind == "officeDocument");
        let main = main.map_or_else(|| "xl/workbook.xml".to_owned(), |relation| resolve("", &relation.target));
        self.refuse_foreign_type(&main)?;
        let contents = self.required(&main, |xml| parts::contents(xml, max_sheets))?;
        let relations_part = relations_of(&main);
        let relations = self.optional(&relations_part, parts::relations)?.unwrap_or_default();
        Ok(Outline { top, main, contents, relations_part, relations })
    }

    /// Every part: its index, and its name with `/`. A name that stands twice is given once, for the part that counts.
    pub fn names(&mut self) -> Result<Vec<(usize, String)>, FileFault> {
        let mut names = Vec::new();
        for index in 0..self.archive.len() {
            let part = self.archive.by_index_raw(index).map_err(|_| fault::broken_workbook("损坏的压缩格式文件"))?;
            let name = part.name().map_err(|_| fault::broken_workbook("损坏的压缩格式文件"))?.replace('\\', "/");
            let name = name.trim_start_matches('/').to_owned();
            if !part.is_dir() && self.parts.get(&name.to_lowercase()) == Some(&index) {
                names.push((index, name));
            }
        }
        Ok(names)
    }

    /// Whether there is such a part.
    pub fn has(&self, part: &str) -> bool {
        self.parts.contains_key(&part.to_lowercase())
    }

    /// The text of a part, if it is there. A part in another encoding than UTF-8 is a fault.
    pub fn text(&mut self, part: &str) -> Result<Option<String>, FileFault> {
        let mut text = String::new();
        let read = self.stream(part, |source| source.read_to_string(&mut text).is_ok())?;
        match read {
            None => Ok(None),
            Some(false) => Err(fault::broken_workbook(format!("损坏的部件 {part}"))),
            Some(true) if text.starts_with('\u{FEFF}') => Ok(Some(text.split_off('\u{FEFF}'.len_utf8()))),
            Some(true) => Ok(Some(text)),
        }
    }

    /// Hands a part to a reader, if it is there.
    pub fn stream<T>(&mut self, part: &str, read: impl FnOnce(&mut dyn Read) -> T) -> Result<Option<T>, FileFault> {
        let Some(index) = self.parts.get(&part.to_lowercase()) else { return Ok(None) };
        let broken = || fault::broken_workbook(format!("损坏的部件 {part}"));
        let source = self.archive.by_index(*index).map_err(|_| broken())?;
        let result = read(&mut Metered::new(source, &self.budget));
        if self.budget.is_exceeded() { Err(self.too_large()) } else { Ok(Some(result)) }
    }

    /// A part as it is packed, to be copied.
    pub fn packed(&mut self, index: usize) -> Option<ZipFile<'_, Cursor<&'a [u8]>>> {
        self.archive.by_index_raw(index).ok()
    }

    /// Refuses archives that are another format, or none that is known.
    fn refuse_foreign(&self, file_name: &str) -> Result<(), FileFault> {
        let find = |known: &'static [(&str, &'static str)]| {
            known.iter().find(|(part, _)| self.parts.contains_key(*part)).map(|(_, format)| *format)
        };
        if let Some(format) = find(FOREIGN) {
            return Err(fault::other_spreadsheet(format));
        }
        if let Some(format) = find(FOREIGN_DOCUMENTS) {
            return Err(fault::not_a_spreadsheet(format));
        }
        let looks_like_office = self.parts.keys().any(|name| name == "[content_types].xml" || name.starts_with("xl/"));
        if looks_like_office {
            return Ok(());
        }
        let called_xlsx = file_name.trim().to_lowercase().ends_with(".xlsx");
        Err(fault::not_a_spreadsheet(if called_xlsx { "名为 .xlsx 的压缩包" } else { "压缩包" }))
    }

    /// Refuses a workbook that by its content type is another format.
    fn refuse_foreign_type(&mut self, main: &str) -> Result<(), FileFault> {
        let stated = self.optional("[Content_Types].xml", |xml| parts::content_type(xml, main))?.unwrap_or_default();
        match FOREIGN_TYPES.iter().find(|(foreign, _)| *foreign == stated) {
            Some((_, format)) => Err(fault::other_spreadsheet(*format)),
            None => Ok(()),
        }
    }

    /// A DOCTYPE can make a small part huge or reach for other files; no spreadsheet program writes one.
    fn refuse_doctypes(&mut self) -> Result<(), FileFault> {
        let mut head = Vec::new();
        for (name, index) in &self.parts {
            let is_xml = [".xml", ".rels"].iter().any(|extension| name.ends_with(extension));
            if !is_xml {
                continue;
            }
            head.clear();
            let part = self.archive.by_index(*index).map_err(|_| fault::broken_workbook("损坏的压缩格式文件"))?;
            part.take(PROLOG_BYTES).read_to_end(&mut head).map_err(|_| fault::broken_workbook("损坏的压缩格式文件"))?;
            if head.windows(9).any(|window| window == b"<!DOCTYPE") {
                return Err(fault::broken_workbook("XML 含有 DOCTYPE"));
            }
        }
        Ok(())
    }

    fn surroundings(
        &mut self,
        folder: &str,
        relations: &[Relation],
        contents: &Contents,
        limits: &Limits,
    ) -> Result<Surroundings, FileFault> {
        let find = |kind: &str| {
            let relation = relations.iter().find(|relation| relation.kind == kind);
            relation.map(|relation| resolve(folder, &relation.target))
        };
        let shared = match find("sharedStrings") {
            Some(part) => self.optional(&part, parts::shared_texts)?.unwrap_or_default(),
            None => Texts::default(),
        };
        let date_styles = match find("styles") {
            Some(part) => self.optional(&part, parts::date_styles)?.unwrap_or_default(),
            None => Vec::new(),
        };
        Ok(Surroundings {
            shared: Arc::new(shared),
            date_styles,
            date_1904: contents.date_1904,
            never_calculated: contents.never_calculated,
            max_rows: limits.max_rows,
        })
    }

    /// Reads a part if it is there.
    pub(in crate::forms) fn optional<T>(
        &mut self,
        part: &str,
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, FileFault>,
    ) -> Result<Option<T>, FileFault> {
        let Some(index) = self.parts.get(&part.to_lowercase()) else { return Ok(None) };
        let broken = || fault::broken_workbook(format!("损坏的部件 {part}"));
        let source = self.archive.by_index(*index).map_err(|_| broken())?;
        let mut xml = Xml::new(Metered::new(source, &self.budget));
        let result = read(&mut xml);
        drop(xml);
        if self.budget.is_exceeded() {
            return Err(self.too_large());
        }
        result.map(Some)
    }

    /// Reads a part that must be there.
    fn required<T>(
        &mut self,
        part: &str,
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, FileFault>,
    ) -> Result<T, FileFault> {
        self.optional(part, read)?.ok_or_else(|| fault::broken_workbook(format!("缺少部件 {part}")))
    }

    fn too_large(&self) -> FileFault {
        fault::too_large(format!("解压后超过 {}，或含有异常长的内容", fault::megabytes(self.max_unzipped_bytes)))
    }
}

/// The name of the part that holds the relations of a part.
pub(in crate::forms) fn relations_of(part: &str) -> String {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    format!("{folder}/_rels/{file}.rels").trim_start_matches('/').to_owned()
}

/// The name of the part that a relation of a part in `folder` points to.
pub(in crate::forms) fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut path: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            _ => path.push(step),
        }
    }
    path.retain(|step| !step.is_empty());
    path.join("/")
}
