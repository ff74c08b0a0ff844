//! occupations: everything that an occupation may be called leads to one id.

use std::collections::HashMap;

use super::Reader;
use super::sheet::{Column, Row, Sheet, may, need};
use crate::settings::mistake::{Fault, Mistakes, Severity};
use crate::subsidy::catalogue::Occupation;
use crate::subsidy::course::Category;
use crate::subsidy::identifiers::normalise;

pub(super) const COLUMNS: &[Column] = &[
    need("工种标识", &["id", "occupation_id", "标识"]),
    need("名称", &["name", "occupation", "职业(工种)名称", "工种", "工种名称"]),
    may("职业编码", &["code", "occupation_code", "工种代码"]),
    may("编码版本", &["code_edition", "edition"]),
    may("别名", &["aliases", "alias"]),
    may("类别", &["category", "培训类别"]),
];

/// What a name means: the occupation's row and the column in which the name stands.
type Meaning = (usize, u32, &'static str);

/// Reads `occupations`.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<(Occupation, u32)> {
    let (sheet, mut mistakes) = reader.table("occupations", COLUMNS, Severity::Error);
    let mut rows = Vec::new();
    let mut meanings = HashMap::new();
    for row in sheet.iter().flat_map(Sheet::rows) {
        let Some(occupation) = occupation(row, reader, &mut mistakes) else { continue };
        conflicts(row, &occupation, rows.len(), &mut meanings, &mut mistakes);
        rows.push((occupation, row.number()));
    }
    reader.close(mistakes);
    rows
}

fn occupation(row: Row<'_>, reader: &mut Reader<'_>, mistakes: &mut Mistakes) -> Option<Occupation> {
    let id = row.need_text("工种标识", mistakes);
    let name = row.need_text("名称", mistakes);
    let code = row.text("职业编码", mistakes);
    if let Some(code) = code.as_deref().filter(|code| !is_occupation_code(code)) {
        mistakes.warn(
            row.place("职业编码"),
            format!("职业编码“{code}”不是 d-dd-dd-dd 的样式"),
            "如 6-18-02-04；请核对",
        );
    }
    let code_edition = row.text("编码版本", mistakes);
    let aliases = row.texts("别名", mistakes);
    let category = match row.text("类别", mistakes) {
        None => Category::default(),
        Some(text) => {
            let result = Category::parse(&text).ok_or_else(|| {
                Fault::new(format!("“类别”“{text}”不认识"), "请写 就业技能培训 或 创业培训，空白即就业技能培训")
            });
            mistakes.take(row.place("类别"), result).unwrap_or_default()
        }
    };
    let (Some(id), Some(name)) = (id.clone(), name.clone()) else {
        let names = id.iter().chain(&name).chain(&code).chain(&aliases);
        reader.half_read.extend(names.map(|name| normalise(name)));
        return None;
    };
    Some(Occupation { id: reader.names.share(&id), name, code, code_edition, aliases, category })
}

/// `6-18-02-04`, as both editions write it.
fn is_occupation_code(code: &str) -> bool {
    let parts: Vec<&str> = code.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [1, 2, 2, 2] && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()))
}

fn conflicts(
    row: Row<'_>,
    occupation: &Occupation,
    index: usize,
    meanings: &mut HashMap<String, Meaning>,
    mistakes: &mut Mistakes,
) {
    let names = [("工种标识", &*occupation.id), ("名称", occupation.name.as_str())]
        .into_iter()
        .chain(occupation.code.as_deref().map(|code| ("职业编码", code)))
        .chain(occupation.aliases.iter().map(|alias| ("别名", alias.as_str())));
    for (column, name) in names {
        let key = normalise(name);
        match meanings.get(&key) {
            Some((other, line, elsewhere)) if *other != index => {
                let message = format!("{column}“{name}”也是第 {line} 行的{elsewhere}");
                let advice = "一个名称、别名、编码或标识只能指一个工种，请删去或改正其中一处";
                mistakes.error(row.place(column), message, advice);
            }
            Some(_) => {}
            None => {
                meanings.insert(key, (index, row.number(), column));
            }
        }
    }
}
