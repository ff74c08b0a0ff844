//! Words and figures as papers say them: dates, standards, amounts in words, remarks.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Asia::Shanghai;

use crate::subsidy::batch::{Group, GroupKey, Line};
use crate::subsidy::course::Level;
use crate::subsidy::money::Fen;
use crate::subsidy::verdict::{Payable, Rule};

/// `2026年3月5日`.
pub(super) fn day(date: NaiveDate) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

/// `2026年3月5日` or `2026年3月5日至2026年4月1日`.
pub(super) fn days(from: NaiveDate, to: NaiveDate) -> String {
    if from == to { day(from) } else { format!("{}至{}", day(from), day(to)) }
}

/// An instant as Shanghai's clocks show it: `2026年12月1日 09:30`.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&Shanghai);
    format!("{} {:02}:{:02}", day(local.date_naive()), local.hour(), local.minute())
}

/// The amount in capitals; nothing payable reads 人民币零元整, a negative amount has no words.
pub(super) fn in_words(amount: Fen) -> String {
    if amount == Fen::ZERO { "人民币零元整".to_owned() } else { amount.in_capitals().unwrap_or_default() }
}

/// `1,000.00元`.
pub(super) fn yuan(amount: Fen) -> String {
    format!("{amount}元")
}

/// 职业(工种) with its level: `焊工（四级/中级工）`; without a level only the name.
pub(super) fn with_level(occupation: &str, level: Level) -> String {
    if level == Level::None { occupation.to_owned() } else { format!("{occupation}（{level}）") }
}

/// The standard of a group as its form prints it: `1000元/人`, with a share `1000元/人×50%＝500元/人`, and where a fee
/// lowers some amounts `1000元×12人、950.50元×3人` (RULES section 5), with a share `950.50元×50%＝475.25元×3人`.
/// Reversals do not count.
pub(super) fn standard(group: &GroupKey, lines: &[&Line]) -> String {
    let full = group.base.share(group.share_permille);
    let share = (group.share_permille != 1000).then(|| format!("{}元/人×{}", group.base.yuan_short(), percent(group)));
    let mut heads: BTreeMap<(Fen, Fen), u32> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.reverses.is_none()) {
        let payable = &line.payable;
        let cost = payable.fee.map_or(payable.base, |fee| fee.min(payable.base));
        *heads.entry((line.amount, cost)).or_default() += 1;
    }
    if heads.keys().all(|(amount, _)| *amount == full) {
        let per_head = format!("{}元/人", full.yuan_short());
        return share.map_or(per_head.clone(), |share| format!("{share}＝{per_head}"));
    }
    let part = |((amount, cost), heads): (&(Fen, Fen), &u32)| {
        let per_head = format!("{}元×{heads}人", amount.yuan_short());
        if share.is_some() { format!("{}元×{}＝{per_head}", cost.yuan_short(), percent(group)) } else { per_head }
    };
    heads.iter().rev().map(part).collect::<Vec<String>>().join("、")
}

/// ‰ as per cent: 500 -> `50%`, 125 -> `12.5%`.
fn percent(group: &GroupKey) -> String {
    let permille = group.share_permille;
    if permille.is_multiple_of(10) {
        format!("{}%", permille / 10)
    } else {
        format!("{}.{}%", permille / 10, permille % 10)
    }
}

/// The amount per head that the rate gives, before a fee lowers it.
pub(super) fn full_amount(payable: &Payable) -> Fen {
    payable.base.share(payable.share_permille)
}

/// 备注 of a line: 更正, 补报, a lowering fee, warnings, and the row's own remark.
pub(super) fn remark(line: &Line) -> String {
    let mut parts = Vec::new();
    if let Some(reverses) = &line.reverses {
        parts.push(format!("更正：冲回{}第{}行（{}）", reverses.batch, reverses.line, reverses.reason));
    }
    if line.late {
        parts.push("补报".to_owned());
    }
    if let Some(fee) = line.payable.fee
        && fee < line.payable.base
    {
        parts.push(format!("按实际费用{}元", fee.yuan_short()));
    }
    // What a line takes back was told where it was granted.
    let told = |rule: &Rule| *rule != Rule::Waived || line.reverses.is_none();
    parts.extend(line.warnings.iter().filter(told).filter_map(warning).map(str::to_owned));
    parts.extend(line.row.remark.iter().filter(|remark| !remark.is_empty()).cloned());
    parts.join("；")
}

/// A warning in the few words that a narrow column has room for.
fn warning(rule: Rule) -> Option<&'static str> {
    match rule {
        Rule::HoursShare => Some("提示：课时比例偏离"),
        Rule::Minor => Some("提示：开班时未满18周岁"),
        Rule::CertificatePattern => Some("提示：请核对证书编号"),
        Rule::LastClaim => Some("提示：期限内最后一次"),
        Rule::ReleasedBeforeAssessment => Some("提示：刑满早于鉴定"),
        Rule::Waived => Some("经豁免（见封面）"),
        _ => None,
    }
}

/// First and last day of what a group's lines tell, where it has lines.
pub(super) fn first_and_last<'a>(
    lines: &[&'a Line],
    first: impl Fn(&'a Line) -> NaiveDate,
    last: impl Fn(&'a Line) -> NaiveDate,
) -> Option<(NaiveDate, NaiveDate)> {
    let from = lines.iter().map(|line| first(line)).min()?;
    let to = lines.iter().map(|line| last(line)).max()?;
    Some((from, to))
}

/// How many persons are granted something: whose line is only taken back is not counted.
pub(super) fn persons<'a>(lines: impl Iterator<Item = &'a Line>) -> u32 {
    let keys = lines.filter(|line| line.reverses.is_none()).map(|line| &*line.person_key);
    u32::try_from(keys.collect::<HashSet<_>>().len()).unwrap_or(u32::MAX)
}

/// `71—86、90`: the numbers that lines have in their batch.
pub(super) fn numbers(lines: &[&Line]) -> String {
    let mut numbers: Vec<u32> = lines.iter().map(|line| line.number).collect();
    numbers.sort_unstable();
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).filter_map(|run| run.first().zip(run.last()));
    let texts = runs.map(|(first, last)| if first == last { first.to_string() } else { format!("{first}—{last}") });
    texts.collect::<Vec<String>>().join("、")
}

/// The lines of a group, in printing order.
pub(super) fn lines_of<'a>(all: &'a [Line], group: &Group) -> Vec<&'a Line> {
    group.lines.iter().filter_map(|index| all.get(*index)).collect()
}
