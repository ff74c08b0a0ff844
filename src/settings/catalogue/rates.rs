//! rates: what is paid for which occupation, level and certificate, from when to when.

use std::collections::{HashMap, HashSet};

use super::Reader;
use super::sheet::{Column, Row, Sheet, may, need};
use crate::settings::mistake::{Fault, Mistakes, Place, Severity};
use crate::subsidy::catalogue::{Agreement, Occupation, Rate};
use crate::subsidy::course::{Category, CertificateType, Kind, Level};
use crate::subsidy::identifiers::normalise;
use crate::subsidy::money::Fen;
use crate::subsidy::policy::Policy;

pub(super) const COLUMNS: &[Column] = &[
    need("职业(工种)", &["occupation", "工种", "职业工种", "职业工种名称", "培训工种", "工种标识"]),
    need("等级", &["level", "技能等级"]),
    need("证书类型", &["certificate_types", "certificate_type", "证书名称"]),
    may("人员类别", &["trainee_group", "group"]),
    may("培训补贴", &["training", "training_subsidy", "training_yuan", "training_subsidy_yuan"]),
    may("鉴定补贴", &["assessment", "assessment_subsidy", "assessment_yuan", "assessment_subsidy_yuan"]),
    may("补贴比例", &["share", "share_permille"]),
    need("起始日", &["valid_from", "from", "起始日期"]),
    may("截止日", &["valid_to", "to", "截止日期"]),
    need("依据", &["citation", "文号"]),
];

/// The whole amount, in ‰.
const WHOLE: u32 = 1000;

/// Reads `rates` and holds agreements, occupations and policies against them.
pub(super) fn read(
    reader: &mut Reader<'_>,
    occupations: &[(Occupation, u32)],
    policies: &[Policy],
    agreements: &[(Agreement, u32)],
) -> Vec<Rate> {
    let (sheet, mut mistakes) = reader.table("rates", COLUMNS, Severity::Error);
    let names = names_of(occupations);
    let mut rates: Vec<(Rate, u32)> = Vec::new();
    let mut same: HashMap<(String, Level, String), Vec<usize>> = HashMap::new();
    for row in sheet.iter().flat_map(Sheet::rows) {
        let Some(rate) = rate(row, &names, &reader.half_read, &mut mistakes) else { continue };
        let group = rate.group.as_deref().map(normalise).unwrap_or_default();
        let alike = same.entry((rate.occupation.to_string(), rate.level, group)).or_default();
        overlaps(row, &rate, alike.iter().map(|i| &rates[*i]), &mut mistakes);
        alike.push(rates.len());
        rates.push((rate, row.number()));
    }
    if let Some(sheet) = &sheet {
        for row in sheet.rows() {
            unknown_group(row, policies, &rates, &mut mistakes);
        }
    }
    reader.close(mistakes);
    without_rate(reader, occupations, &rates);
    fees_too_small(reader, agreements, &rates);
    rates.into_iter().map(|(rate, _)| rate).collect()
}

/// Occupations by everything that they may be called.
fn names_of(occupations: &[(Occupation, u32)]) -> HashMap<String, &Occupation> {
    let mut names = HashMap::new();
    for (occupation, _) in occupations {
        let all = [&*occupation.id, &occupation.name].into_iter().chain(occupation.code.as_deref());
        for name in all.chain(occupation.aliases.iter().map(String::as_str)) {
            names.entry(normalise(name)).or_insert(occupation);
        }
    }
    names
}

fn rate(
    row: Row<'_>,
    names: &HashMap<String, &Occupation>,
    half_read: &HashSet<String>,
    mistakes: &mut Mistakes,
) -> Option<Rate> {
    let column = "职业(工种)";
    let told = |text: &String| names.is_empty() || half_read.contains(&normalise(text));
    let occupation = row.need_text(column, mistakes).filter(|text| !told(text)).and_then(|text| {
        let known = names.get(&normalise(&text)).ok_or_else(|| {
            Fault::new(format!("“{column}”“{text}”不在工种表中"), "请先在 occupations 中登记，或改正名称")
        });
        mistakes.take(row.place(column), known)
    });
    let certificate_types = certificate_types(row, mistakes);
    let level = level(row, occupation.copied(), certificate_types.as_deref(), mistakes);
    let group = row.text("人员类别", mistakes);
    let training = row.amount("培训补贴", mistakes);
    let assessment = row.amount("鉴定补贴", mistakes);
    let share = share(row, mistakes);
    let span = row.span("起始日", "截止日", false, mistakes);
    let citation = row.need_text("依据", mistakes);
    if row.is_empty("培训补贴") && row.is_empty("鉴定补贴") {
        mistakes.warn(
            row.place("培训补贴"),
            "培训补贴和鉴定补贴都是空的",
            "这一行表示两种都不付；如不是此意请填写金额",
        );
    }
    for (name, amount) in [("培训补贴", training), ("鉴定补贴", assessment)] {
        if let (Some(amount), Some(share)) = (amount, share)
            && amount.share(share) == Fen::ZERO
        {
            let message = format!("“{name}”{} 元按比例 {share}‰ 计算后为 0", amount.yuan_short());
            mistakes.error(row.place(name), message, "请核对金额和补贴比例；不付此项请留空");
        }
    }
    Some(Rate {
        occupation: occupation?.id.clone(),
        level: level?,
        certificate_types: certificate_types?,
        group,
        training,
        assessment,
        share_permille: share?,
        span: span?,
        citation: citation?.into(),
    })
}

fn certificate_types(row: Row<'_>, mistakes: &mut Mistakes) -> Option<Vec<CertificateType>> {
    row.need_text("证书类型", mistakes)?;
    let mut types = Vec::new();
    let mut wrong = false;
    for text in row.texts("证书类型", mistakes) {
        match CertificateType::parse(&text) {
            Some(kind) if types.contains(&kind) => {}
            Some(kind) => types.push(kind),
            None => {
                wrong = true;
                let known = CertificateType::ALL.map(CertificateType::name).join("、");
                let advice = format!("请写下列之一，几种之间用英文分号隔开：{known}");
                mistakes.error(row.place("证书类型"), format!("“证书类型”“{text}”不认识"), advice);
            }
        }
    }
    (!wrong && !types.is_empty()).then_some(types)
}

/// An empty level means 无等级 for entrepreneurship training and 专项职业能力证书 (RULES section 3), and only there.
fn level(
    row: Row<'_>,
    occupation: Option<&Occupation>,
    types: Option<&[CertificateType]>,
    mistakes: &mut Mistakes,
) -> Option<Level> {
    let unlevelled = occupation.is_some_and(|o| o.category == Category::Entrepreneurship)
        || types.is_some_and(|types| types.iter().all(|kind| *kind == CertificateType::SpecialAbility));
    let Some(text) = row.text("等级", mistakes) else {
        // Where the occupation is unknown the cell cannot be judged; a faulty cell was told already.
        if occupation.is_some() && !unlevelled {
            row.need_text("等级", mistakes);
        }
        return unlevelled.then_some(Level::None);
    };
    let known = Level::ALL.map(Level::name).join("、");
    let result = Level::parse(&text)
        .ok_or_else(|| Fault::new(format!("“等级”“{text}”不认识"), format!("请写下列之一：{known}")));
    let level = mistakes.take(row.place("等级"), result)?;
    if unlevelled && level != Level::None {
        let message = format!("创业培训和专项职业能力证书没有等级，写的是“{text}”");
        mistakes.warn(row.place("等级"), message, "请写 无等级，否则没有人能按这一行享受补贴");
    }
    Some(level)
}

fn share(row: Row<'_>, mistakes: &mut Mistakes) -> Option<u32> {
    let before = mistakes.list.len();
    let Some(text) = row.text("补贴比例", mistakes) else {
        return (mistakes.list.len() == before).then_some(WHOLE);
    };
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let share = text.parse().ok().filter(|share| plain && (1..=WHOLE).contains(share));
    let fault = || Fault::new(format!("“补贴比例”“{text}”不对"), "请写 1 到 1000 的整数（千分之几，全额 1000 或留空）");
    mistakes.take(row.place("补贴比例"), share.ok_or_else(fault))
}

/// Two rows of equal specificity that share a day: the program could not choose.
fn overlaps<'r>(row: Row<'_>, rate: &Rate, alike: impl Iterator<Item = &'r (Rate, u32)>, mistakes: &mut Mistakes) {
    for (other, line) in alike {
        let shared = rate.certificate_types.iter().find(|kind| other.certificate_types.contains(kind));
        if let Some(kind) = shared.filter(|_| rate.span.overlaps(&other.span)) {
            let message = format!("与第 {line} 行时间重叠（同一工种、等级、人员类别和{kind}）");
            let advice = format!(
                "请给较早的一行写“截止日”（早于另一行的“起始日”），或删去一行；第 {line} 行自 {} 起",
                other.span.from
            );
            mistakes.error(row.place("起始日"), message, advice);
            return;
        }
    }
}

/// Rows of a group that no policy names pay nobody: perhaps meant so, perhaps a slip of the pen.
fn unknown_group(row: Row<'_>, policies: &[Policy], rates: &[(Rate, u32)], mistakes: &mut Mistakes) {
    let group_of = |line: u32| rates.iter().find(|(_, l)| *l == line).and_then(|(rate, _)| rate.group.clone());
    let Some(group) = group_of(row.number()) else { return };
    let known = policies.iter().any(|policy| normalise(&policy.trainee_group) == normalise(&group));
    let told = mistakes.list.iter().any(|m| m.message.contains(&format!("人员类别“{group}”")));
    if !known && !told {
        let message = format!("人员类别“{group}”不是任何政策的 trainee_group，这样的行不会用到");
        mistakes.warn(row.place("人员类别"), message, "服刑人员请写 服刑人员 或留空；其他人群的行可以保留");
    }
}

fn without_rate(reader: &mut Reader<'_>, occupations: &[(Occupation, u32)], rates: &[(Rate, u32)]) {
    if rates.is_empty() {
        return;
    }
    let file = ["csv", "xlsx"].map(|kind| format!("occupations.{kind}"));
    let name = file.iter().find(|name| reader.files.contains_key(*name)).cloned().unwrap_or_default();
    let mut mistakes = Mistakes::of(format!("{}/{name}", reader.folder));
    for (occupation, line) in occupations {
        if !rates.iter().any(|(rate, _)| rate.occupation == occupation.id) {
            let message = format!("工种“{}”没有补贴标准", occupation.name);
            mistakes.warn(Place::line(*line), message, "如应享受补贴，请在 rates 中加一行");
        }
    }
    reader.close(mistakes);
}

/// min(base, fee) x share that rounds to nothing is a configuration error, not a paid line (RULES section 4).
fn fees_too_small(reader: &mut Reader<'_>, agreements: &[(Agreement, u32)], rates: &[(Rate, u32)]) {
    let paid = rates.iter().filter(|(rate, _)| rate.amount(Kind::Training).is_some());
    let Some(least) = paid.map(|(rate, _)| rate.share_permille).min() else { return };
    let file = ["csv", "xlsx"].map(|kind| format!("agreements.{kind}"));
    let name = file.iter().find(|name| reader.files.contains_key(*name)).cloned().unwrap_or_default();
    let mut mistakes = Mistakes::of(format!("{}/{name}", reader.folder));
    for (agreement, line) in agreements {
        if let Some(fee) = agreement.fee.filter(|fee| fee.share(least) == Fen::ZERO) {
            let message = format!("人均培训费 {} 元按最低补贴比例 {least}‰ 计算后为 0", fee.yuan_short());
            mistakes.error(Place::line(*line), message, "请核对人均培训费；没有约定请留空");
        }
    }
    reader.close(mistakes);
}
