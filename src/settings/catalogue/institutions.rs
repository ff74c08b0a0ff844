//! institutions, penalties and agreements: who may train and assess, and on which paper.

use std::collections::{HashMap, HashSet};

use super::Reader;
use super::sheet::{Column, Row, Sheet, may, need};
use crate::settings::mailbox::{split_addresses, wrong_sender};
use crate::settings::mistake::{Fault, Mistakes, Severity};
use crate::subsidy::assessment::Name;
use crate::subsidy::catalogue::{Agreement, Institution, Penalty};
use crate::subsidy::identifiers::{is_credit_code, is_organisation_code, normalise};

/// A row with its number in the file.
type Numbered<T> = (T, u32);

pub(super) const COLUMNS: &[Column] = &[
    need("机构名称", &["name", "institution", "机构"]),
    may("简称", &["short_names", "short_name", "short"]),
    need("类型", &["type", "机构类型"]),
    may("组织机构代码", &["code", "统一社会信用代码", "organisation_code", "organization_code", "uscc"]),
    may("法定代表人", &["legal_representative", "法人代表", "法人"]),
    may("开户银行", &["bank", "开户行"]),
    may("户名", &["account_name", "账户名称", "开户名"]),
    may("银行账号", &["account", "account_number", "账号", "帐号", "银行帐号"]),
    may("联系人", &["contact"]),
    may("联系电话", &["phone", "电话"]),
    may("邮箱", &["email", "电子邮箱"]),
    need("认定起始日", &["designated_from", "valid_from", "from", "认定起始日期"]),
    may("认定截止日", &["designated_to", "valid_to", "to", "认定截止日期"]),
    may("认定文号", &["citation", "文号"]),
];

pub(super) const PENALTY_COLUMNS: &[Column] = &[
    need("机构名称", &["name", "institution", "机构"]),
    need("处罚起始日", &["penalised_from", "penalized_from", "valid_from", "from", "处罚起始日期"]),
    may("处罚截止日", &["penalised_to", "penalized_to", "valid_to", "to", "处罚截止日期"]),
    may("重新认定日", &["redesignated_on", "重新认定日期"]),
];

pub(super) const AGREEMENT_COLUMNS: &[Column] = &[
    need("监狱", &["prison", "监狱名称"]),
    need("培训机构", &["institution", "机构名称"]),
    need("协议编号", &["number", "agreement_number", "编号"]),
    need("起始日", &["valid_from", "from", "起始日期"]),
    need("截止日", &["valid_to", "to", "截止日期"]),
    may("人均培训费", &["fee", "fee_yuan", "training_fee"]),
];

/// Reads `institutions`.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<Numbered<Institution>> {
    let (sheet, mut mistakes) = reader.table("institutions", COLUMNS, Severity::Error);
    let mut rows = Vec::new();
    // The first spelling of a name is the one that counts: rows of one institution must share it.
    let mut spellings: HashMap<String, (Name, u32)> = HashMap::new();
    for row in sheet.iter().flat_map(Sheet::rows) {
        let institution = institution(row, reader, &mut spellings, &mut mistakes);
        rows.extend(institution.map(|institution| (institution, row.number())));
    }
    if let Some(sheet) = &sheet {
        for row in sheet.rows() {
            short_names_conflict(row, &rows, &mut mistakes);
        }
    }
    reader.close(mistakes);
    rows
}

fn institution(
    row: Row<'_>,
    reader: &mut Reader<'_>,
    spellings: &mut HashMap<String, (Name, u32)>,
    mistakes: &mut Mistakes,
) -> Option<Institution> {
    let name = row.need_text("机构名称", mistakes);
    let kind = row.need_text("类型", mistakes).and_then(|text| {
        let known = match normalise(&text).replace(['/', '、', '，', ',', ';', '和', '及'], "").as_str() {
            "培训" | "培训机构" | "TRAINING" => Ok((true, false)),
            "鉴定" | "鉴定机构" | "评价机构" | "ASSESSMENT" => Ok((false, true)),
            "培训鉴定" | "鉴定培训" | "培训机构鉴定机构" | "BOTH" => Ok((true, true)),
            _ => Err(Fault::new(format!("“类型”“{text}”不认识"), "请写 培训、鉴定 或 培训鉴定")),
        };
        mistakes.take(row.place("类型"), known)
    });
    let code = row.text("组织机构代码", mistakes);
    doubt_code(row, code.as_deref(), mistakes);
    let account = row.text("银行账号", mistakes).and_then(|text| account(row, &text, mistakes));
    let account_name = row.text("户名", mistakes);
    let email = row.text("邮箱", mistakes);
    for (message, advice) in split_addresses(email.as_deref().unwrap_or_default()).filter_map(wrong_sender) {
        mistakes.warn(row.place("邮箱"), message, advice);
    }
    if let (Some(name), Some(holder)) = (&name, &account_name)
        && normalise(name) != normalise(holder)
    {
        let message = format!("户名“{holder}”与机构名称“{name}”不同");
        mistakes.warn(row.place("户名"), message, "对公账户的户名通常就是机构全称，请核对");
    }
    let short_names = row.texts("简称", mistakes);
    let legal_representative = row.text("法定代表人", mistakes);
    let bank = row.text("开户银行", mistakes);
    let contact = row.text("联系人", mistakes);
    let phone = row.text("联系电话", mistakes);
    let citation = row.text("认定文号", mistakes);
    let designated = row.span("认定起始日", "认定截止日", false, mistakes);
    let (Some(name), Some((trains, assesses)), Some(designated)) = (name.clone(), kind, designated) else {
        reader.half_read.extend(name.iter().chain(&short_names).map(|name| normalise(name)));
        return None;
    };
    let (first, line) =
        spellings.entry(normalise(&name)).or_insert_with(|| (reader.names.share(&name), row.number())).clone();
    if *first != *name {
        let message = format!("“{name}”与第 {line} 行的“{first}”写法不同，按同一机构“{first}”处理");
        mistakes.warn(row.place("机构名称"), message, "请写成同样的名称");
    }
    Some(Institution {
        name: first,
        short_names,
        trains,
        assesses,
        code,
        legal_representative,
        bank,
        account_name,
        account,
        contact,
        phone,
        email,
        designated,
        citation,
    })
}

/// A wrong check digit is a doubt: the code is printed, nothing is decided by it.
fn doubt_code(row: Row<'_>, code: Option<&str>, mistakes: &mut Mistakes) {
    let Some(code) = code else { return };
    let plain = code.to_uppercase();
    if is_credit_code(&plain) || is_organisation_code(&plain) {
        return;
    }
    let message = match plain.chars().filter(|c| *c != '-').count() {
        18 => format!("统一社会信用代码“{code}”的校验码不对"),
        9 => format!("组织机构代码“{code}”的校验码不对"),
        length => format!("“{code}”有 {length} 位，不是 9 位组织机构代码或 18 位统一社会信用代码"),
    };
    mistakes.warn(row.place("组织机构代码"), message, "请对照证照核对；附件7、9 会印出此代码");
}

/// Account numbers are grouped by spaces on paper; anything else than digits is a slip.
fn account(row: Row<'_>, text: &str, mistakes: &mut Mistakes) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let place = row.place("银行账号");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        let advice = "请把单元格格式改为“文本”，只写数字（若显示为 6.2E+18，须重新输入）";
        mistakes.error(place, "银行账号不全是数字", advice);
        return None;
    }
    if !(6..=32).contains(&digits.len()) {
        mistakes.warn(place, format!("银行账号有 {} 位", digits.len()), "请核对位数");
    }
    Some(digits)
}

/// A short name must mean one institution only.
fn short_names_conflict(row: Row<'_>, rows: &[Numbered<Institution>], mistakes: &mut Mistakes) {
    let Some((own, _)) = rows.iter().find(|(_, line)| *line == row.number()) else { return };
    for short in &own.short_names {
        let key = normalise(short);
        // Of two rows that share a short name the later one is told; a full name of another is always told.
        let other = rows.iter().find(|(other, line)| {
            other.name != own.name
                && (normalise(&other.name) == key
                    || (*line < row.number() && other.short_names.iter().any(|s| normalise(s) == key)))
        });
        if let Some((other, line)) = other {
            let message = format!("简称“{short}”也指第 {line} 行的“{}”", other.name);
            mistakes.error(row.place("简称"), message, "一个名称只能指一个机构，请改用别的简称");
        }
    }
}

/// The full name of an institution by full or short name.
fn resolve(
    row: Row<'_>,
    column: &str,
    institutions: &[Numbered<Institution>],
    half_read: &HashSet<String>,
    mistakes: &mut Mistakes,
) -> Option<Name> {
    let text = row.need_text(column, mistakes)?;
    let key = normalise(&text);
    // Without a single institution the table itself is broken; that was told, and so was a row that is broken.
    if institutions.is_empty() || half_read.contains(&key) {
        return None;
    }
    let full = institutions.iter().find(|(i, _)| normalise(&i.name) == key);
    let found =
        full.or_else(|| institutions.iter().find(|(i, _)| i.short_names.iter().any(|short| normalise(short) == key)));
    let result = found
        .map(|(i, _)| i.name.clone())
        .ok_or_else(|| Fault::new(format!("“{column}”“{text}”不在机构表中"), "请先在 institutions 中登记，或改正名称"));
    mistakes.take(row.place(column), result)
}

/// Reads `penalties`.
pub(super) fn read_penalties(reader: &mut Reader<'_>, institutions: &[Numbered<Institution>]) -> Vec<Penalty> {
    let (sheet, mut mistakes) = reader.table("penalties", PENALTY_COLUMNS, Severity::Warning);
    let mut penalties = Vec::new();
    for row in sheet.iter().flat_map(Sheet::rows) {
        let institution = resolve(row, "机构名称", institutions, &reader.half_read, &mut mistakes);
        let span = row.span("处罚起始日", "处罚截止日", false, &mut mistakes);
        let redesignated_on = row.date("重新认定日", &mut mistakes);
        let Some(span) = span else { continue };
        if let Some(on) = redesignated_on.filter(|on| *on < span.from) {
            let message = format!("“重新认定日”{on} 早于“处罚起始日”{}", span.from);
            mistakes.error(row.place("重新认定日"), message, "重新认定在处罚之后，请核对两个日期");
        }
        penalties.extend(institution.map(|institution| Penalty { institution, span, redesignated_on }));
    }
    reader.close(mistakes);
    penalties
}

/// Reads `agreements`.
pub(super) fn read_agreements(
    reader: &mut Reader<'_>,
    institutions: &[Numbered<Institution>],
) -> Vec<Numbered<Agreement>> {
    let (sheet, mut mistakes) = reader.table("agreements", AGREEMENT_COLUMNS, Severity::Warning);
    let mut agreements: Vec<Numbered<Agreement>> = Vec::new();
    for row in sheet.iter().flat_map(Sheet::rows) {
        let prison = row.need_text("监狱", &mut mistakes).and_then(|text| {
            reader.prisons?;
            let result = reader.prison(&text).map(|prison| prison.name).ok_or_else(|| {
                Fault::new(format!("“监狱”“{text}”没有配置"), "请写 shenling.toml 中 [[prison]] 的名称或简称")
            });
            mistakes.take(row.place("监狱"), result)
        });
        let institution = resolve(row, "培训机构", institutions, &reader.half_read, &mut mistakes);
        let number = row.need_text("协议编号", &mut mistakes);
        let span = row.span("起始日", "截止日", true, &mut mistakes);
        let fee = row.amount("人均培训费", &mut mistakes);
        let (Some(prison), Some(institution), Some(number), Some(span)) = (prison, institution, number, span) else {
            continue;
        };
        if !institutions.iter().any(|(i, _)| i.name == institution && i.trains) {
            let message = format!("“{institution}”没有被认定为培训机构");
            mistakes.warn(row.place("培训机构"), message, "请核对 institutions 的“类型”");
        }
        let agreement = Agreement { prison, institution, number, span, fee };
        doubt_number(row, &agreement, &agreements, &mut mistakes);
        agreements.push((agreement, row.number()));
    }
    reader.close(mistakes);
    agreements
}

/// Of several agreements the latest start counts, then the greatest number: two with both alike cannot be told apart.
fn doubt_number(row: Row<'_>, new: &Agreement, before: &[Numbered<Agreement>], mistakes: &mut Mistakes) {
    let same = |old: &Agreement| normalise(&old.number) == normalise(&new.number);
    let Some((old, line)) = before.iter().find(|(old, _)| same(old)) else { return };
    let message = format!("协议编号“{}”与第 {line} 行相同", new.number);
    let place = row.place("协议编号");
    let pair = |a: &Agreement| (a.prison.clone(), a.institution.clone());
    if pair(old) == pair(new) && old.span.overlaps(&new.span) {
        mistakes.error(place, message, "同一监狱、同一机构、时间重叠的两份协议无法区分，请改编号或删去一行");
    } else {
        mistakes.warn(place, message, "请核对编号");
    }
}
