//! Annexes 8 and 10 (申领明细): one row per line of a group.

use super::columns::Key;
use super::names::occupation_name;
use super::table::{Cell, Table, Total, score};
use super::wording::{full_amount, in_words, lines_of, numbers, remark, with_level, yuan};
use super::{DetailSpecs, PaperContext, PaperError};
use crate::subsidy::batch::{Batch, Group, Line};
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Kind;
use crate::subsidy::identifiers::mask_number;
use crate::subsidy::money::Fen;

/// What the rows of a group have in common.
struct Shared {
    occupation: String,
    code: Option<String>,
}

/// The detail of a group as a table.
pub(super) fn table<'a>(
    batch: &Batch,
    group: &Group,
    specs: &'a DetailSpecs,
    catalogue: &Catalogue,
) -> Result<Table<'a>, PaperError> {
    let key = &group.key;
    let spec = specs.of(key.kind);
    let lines = lines_of(&batch.lines, group);
    if lines.len() != group.lines.len() {
        return Err(PaperError::Broken(format!("第{}组引用了不存在的明细行", group.number)));
    }
    let shared = Shared {
        occupation: occupation_name(catalogue, &key.occupation),
        code: catalogue.occupation(&key.occupation).and_then(|occupation| occupation.code.clone()),
    };
    let rows = (1..)
        .zip(&lines)
        .map(|(serial, line)| spec.keys.iter().map(|key| cell(*key, serial, line, &shared)).collect())
        .collect();
    let sum: Fen = lines.iter().map(|line| line.amount).sum();
    let (institution, occupation) = match key.kind {
        Kind::Training => ("培训机构", "培训工种"),
        Kind::Assessment => ("鉴定机构", "鉴定工种"),
    };
    let subtitle = format!(
        "批次：{}　组号：{:03}　批内行号：{}　监狱：{}　{institution}：{}　{occupation}：{}　班期：{}　单位：元",
        batch.number,
        group.number,
        numbers(&lines),
        key.prison,
        key.institution,
        with_level(&shared.occupation, key.level),
        key.class,
    );
    Ok(Table {
        label: spec.label.clone(),
        title: spec.title.clone(),
        subtitle,
        sheet: spec.label.clone(),
        columns: &spec.columns,
        rows,
        total: Some(Total { label: heads(&lines), column: spec.amount_at, sum, note: checked_sum(sum) }),
        notes: Vec::new(),
    })
}

/// Where a group, and in its detail the first row with the sought character, can be looked up; without the name.
pub(super) fn place(batch: &Batch, group: &Group, ctx: &PaperContext<'_>, sought: Option<char>) -> String {
    let rows = table(batch, group, ctx.columns, ctx.catalogue).map(|table| table.rows).unwrap_or_default();
    let row = (1..)
        .zip(lines_of(&batch.lines, group))
        .zip(&rows)
        .find(|(_, cells)| sought.is_some_and(|c| cells.iter().any(|cell| cell.printed().contains(c))))
        .map(|((serial, line), _): ((u32, &Line), _)| {
            format!("明细序号{serial}，罪犯编号{}", mask_number(&line.row.number))
        });
    let row = row.map(|row| format!("，{row}")).unwrap_or_default();
    format!("（{}，第{:03}组{row}）", group.key.prison, group.number)
}

/// `合计（15人）`, with the number of reversals where there are any.
pub(super) fn heads(lines: &[&Line]) -> String {
    let reversals = lines.iter().filter(|line| line.reverses.is_some()).count();
    let granted = lines.len() - reversals;
    if reversals == 0 {
        format!("合计（{granted}人）")
    } else {
        format!("合计（{granted}人，更正{reversals}行）")
    }
}

/// Our own value of the sum, beside the formula: whoever edits the sheet sees both part.
fn checked_sum(sum: Fen) -> String {
    let words = in_words(sum);
    if words.is_empty() {
        // Negative: more is taken back than granted.
        format!("更正合计 {}", yuan(sum))
    } else {
        format!("核定合计 {}，{words}", yuan(sum))
    }
}

fn cell(key: Key, serial: u32, line: &Line, shared: &Shared) -> Cell {
    let row = &line.row;
    let score_of = |tenths: Option<u16>| tenths.map_or(Cell::Empty, Cell::Score);
    match key {
        Key::Serial => Cell::Count(serial),
        Key::Line => Cell::Count(line.number),
        Key::Name => Cell::text(&*row.name),
        Key::Sex => line.sex.map_or(Cell::Empty, |sex| Cell::text(sex.name())),
        Key::ResidentId => Cell::text(row.resident_id.as_deref().unwrap_or_default()),
        Key::Number => Cell::text(&*row.number),
        Key::Prison => Cell::text(&*row.prison),
        Key::Institution => Cell::text(&**row.institution(line.kind)),
        Key::Occupation => Cell::text(&*shared.occupation),
        Key::OccupationCode => {
            Cell::text(row.occupation_code.as_deref().or(shared.code.as_deref()).unwrap_or_default())
        }
        Key::Level => Cell::text(row.level.name()),
        Key::Class => Cell::text(&*row.class),
        Key::CourseDates => Cell::text(format!("{}至\n{}", row.started_on, row.ended_on)),
        Key::Hours => row.hours.map_or(Cell::Empty, Cell::Count),
        Key::Scores => Cell::text(scores(row.score_theory, row.score_practice)),
        Key::ScoreTheory => score_of(row.score_theory),
        Key::ScorePractice => score_of(row.score_practice),
        Key::Result => Cell::text(if row.passed { "合格" } else { "不合格" }),
        Key::AssessedOn => Cell::Date(row.assessed_on),
        Key::CertificateType => row.certificate_type.map_or(Cell::Empty, |kind| Cell::text(kind.name())),
        Key::CertificateNumber => Cell::text(row.certificate_number.as_deref().unwrap_or_default()),
        Key::IssuedOn => row.issued_on.map_or(Cell::Empty, Cell::Date),
        Key::Standard => Cell::Yuan(full_amount(&line.payable)),
        Key::Amount => Cell::Yuan(line.amount),
        Key::Nth => Cell::Count(line.payable.nth),
        Key::Remark => Cell::text(remark(line)),
        Key::AdmissionTicket | Key::Blank => Cell::Empty,
    }
}

/// `85.0/90.5`; a dash for the one that is not stated.
fn scores(theory: Option<u16>, practice: Option<u16>) -> String {
    if theory.is_none() && practice.is_none() {
        return String::new();
    }
    let one = |tenths: Option<u16>| tenths.map_or_else(|| "—".to_owned(), score);
    format!("{}/{}", one(theory), one(practice))
}
