//! 公示表: persons and amounts by institution, occupation and level. No names: being on such a list tells that one is
//! an inmate.

use std::collections::{BTreeMap, BTreeSet};

use super::PaperContext;
use super::names::occupation_name;
use super::table::{Align, Cell, Column, Table, Total};
use super::wording::{in_words, persons, yuan};
use crate::subsidy::assessment::Name;
use crate::subsidy::batch::Batch;
use crate::subsidy::course::{Kind, Level};
use crate::subsidy::money::Fen;

const COLUMNS: [(&str, u16, Align); 8] = [
    ("序号", 5, Align::Centre),
    ("补贴种类", 10, Align::Centre),
    ("机构", 32, Align::Left),
    ("职业（工种）", 17, Align::Centre),
    ("等级", 14, Align::Centre),
    ("人数", 7, Align::Centre),
    ("补贴金额（元）", 16, Align::Right),
    ("备注", 22, Align::Left),
];
/// Where the amount stands.
const AMOUNT_AT: usize = 6;

#[derive(Default)]
struct Sum<'a> {
    persons: BTreeSet<&'a str>,
    amount: Fen,
    reversed: Fen,
}

/// The columns of the table.
pub(super) fn columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|(header, width, align)| Column { header: (*header).into(), width: *width, align: *align })
        .collect()
}

/// The aggregates of a batch. Amounts are sums over persons, never persons times rate.
pub(super) fn table<'a>(batch: &Batch, ctx: &PaperContext<'_>, columns: &'a [Column]) -> Table<'a> {
    let mut sums: BTreeMap<(Kind, &Name, &Name, Level), Sum<'_>> = BTreeMap::new();
    for line in &batch.lines {
        let key = (line.kind, line.row.institution(line.kind), &line.row.occupation, line.row.level);
        let sum = sums.entry(key).or_default();
        sum.amount = Fen(sum.amount.0 + line.amount.0);
        if line.reverses.is_some() {
            sum.reversed = Fen(sum.reversed.0 + line.amount.0);
        } else {
            sum.persons.insert(&line.person_key);
        }
    }
    let mut rows = Vec::new();
    for (serial, ((kind, institution, occupation, level), sum)) in (1..).zip(sums) {
        rows.push(vec![
            Cell::Count(serial),
            Cell::text(kind.name()),
            Cell::text(&**institution),
            Cell::text(occupation_name(ctx.catalogue, occupation)),
            Cell::text(level.name()),
            Cell::Count(u32::try_from(sum.persons.len()).unwrap_or(u32::MAX)),
            Cell::Yuan(sum.amount),
            Cell::text(if sum.reversed == Fen::ZERO {
                String::new()
            } else {
                format!("含更正{}", yuan(sum.reversed))
            }),
        ]);
    }
    let total = batch.totals.sum;
    let words = in_words(total);
    Table {
        label: format!("批次：{}", batch.number),
        title: "职业技能培训及鉴定补贴公示表".to_owned(),
        subtitle: format!("{}　申领期：{}　单位：元", ctx.hrss, batch.period.in_words()),
        sheet: "公示表".to_owned(),
        columns,
        rows,
        total: Some(Total {
            label: format!("合计（{}人，{}）", persons(batch.lines.iter()), counted(batch)),
            column: AMOUNT_AT,
            sum: total,
            note: if words.is_empty() { yuan(total) } else { words },
        }),
        notes: notes(batch, ctx),
    }
}

/// `9行`, with reversals `核定5行，更正4行`.
fn counted(batch: &Batch) -> String {
    let reversals = batch.lines.iter().filter(|line| line.reverses.is_some()).count();
    match reversals {
        0 => format!("{}行", batch.lines.len()),
        _ => format!("核定{}行，更正{reversals}行", batch.lines.len() - reversals),
    }
}

fn notes(batch: &Batch, ctx: &PaperContext<'_>) -> Vec<String> {
    let mut notes = vec![
        "公示期：　　　　年　　月　　日至　　　　年　　月　　日（5个工作日）。".to_owned(),
        "同一人员可同时享受培训补贴和鉴定补贴，合计人数不重复计算；按规定不公示人员姓名。".to_owned(),
    ];
    let payable: Fen = batch.balances.iter().map(|balance| balance.payable).sum();
    if payable != batch.totals.sum {
        notes.push(format!("本批应付{}（已计入上批结转和结转下批的金额），与上表合计不同。", yuan(payable)));
    }
    let objections = if ctx.objections.is_empty() { "　　　　　　　　　　" } else { ctx.objections };
    notes.push(format!("对公示内容有异议的，请在公示期内向以下部门反映：{objections}"));
    notes
}
