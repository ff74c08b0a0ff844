//! Annexes 7 and 9 (资金申领表): what stands in their cells. The grid itself is in the templates.

use serde::Serialize;

use super::PaperContext;
use super::names::occupation_name;
use super::netting::Claim;
use super::table::breakable;
use super::wording::{day, days, first_and_last, in_words, lines_of, standard, yuan};
use crate::subsidy::assessment::Name;
use crate::subsidy::batch::{Batch, Group, Line};
use crate::subsidy::catalogue::Institution;
use crate::subsidy::course::{Kind, Level};
use crate::subsidy::identifiers::organisation_code_of;
use crate::subsidy::money::Fen;

/// Digits that fit in the cells of the templates' grid: the third column, it with the second, the last one.
const NARROW: u16 = 16;
const WIDE: u16 = 27;
const LAST: u16 = 22;

/// The cells of annex 7 or 9, as texts.
#[derive(Debug, Serialize)]
pub(super) struct Form {
    prison: String,
    institution: String,
    filled_on: String,
    organisation_code: String,
    legal_representative: String,
    bank: String,
    account: String,
    contact: String,
    phone: String,
    occupation: String,
    level: String,
    class: String,
    time: String,
    persons: String,
    /// Pieces that do not break: `1000元×12人、` and `950.50元×3人`.
    standard: Vec<String>,
    /// The lines of the amount's cell: netting, where there is any, the figure, the words.
    amount: Vec<String>,
    hrss: String,
    /// Why the amount is not the sum of the list, where it is not.
    note: String,
}

/// Fills a form.
pub(super) fn fill(batch: &Batch, group: &Group, claim: &Claim, ctx: &PaperContext<'_>) -> Form {
    let key = &group.key;
    let lines = lines_of(&batch.lines, group);
    let period = institution(ctx, batch, &key.institution);
    let of = |field: fn(&Institution) -> &Option<String>| period.and_then(|p| field(p).clone()).unwrap_or_default();
    let occupation = occupation_name(ctx.catalogue, &key.occupation);
    let room = match key.kind {
        Kind::Training => NARROW,
        Kind::Assessment => LAST,
    };
    Form {
        prison: key.prison.to_string(),
        institution: key.institution.to_string(),
        filled_on: day(batch.claim_on),
        organisation_code: period.and_then(|p| p.code.as_deref()).map(organisation_code_of).unwrap_or_default(),
        legal_representative: breakable(&of(|p| &p.legal_representative), LAST),
        bank: breakable(&of(|p| &p.bank), WIDE),
        account: breakable(&of(|p| &p.account), LAST),
        contact: breakable(&of(|p| &p.contact), WIDE),
        phone: breakable(&of(|p| &p.phone), LAST),
        // Annex 9 has no cell for the level, but is filed per level: a line of its own in the cell of the occupation.
        level: match (key.kind, key.level) {
            (Kind::Assessment, Level::None) => String::new(),
            (_, level) => level.name().to_owned(),
        },
        occupation: breakable(&occupation, room),
        class: breakable(&key.class, room),
        time: time(key.kind, &lines),
        persons: persons(&lines),
        standard: standard(key, &lines).split_inclusive(['、', '；']).map(str::to_owned).collect(),
        amount: amount(claim),
        hrss: ctx.hrss.to_owned(),
        note: if claim.is_netted() { note(claim) } else { String::new() },
    }
}

/// The designation period whose data are printed: the one in force on the claim date, else the latest.
fn institution<'a>(ctx: &PaperContext<'a>, batch: &Batch, name: &Name) -> Option<&'a Institution> {
    let periods: Vec<&Institution> = ctx.catalogue.periods(name).collect();
    let in_force = periods.iter().find(|period| period.designated.covers(batch.claim_on));
    in_force.or_else(|| periods.iter().max_by_key(|period| period.designated.from)).copied()
}

/// 培训时间 with its hours, or 鉴定时间.
fn time(kind: Kind, lines: &[&Line]) -> String {
    match kind {
        Kind::Training => {
            let span = first_and_last(lines, |line| line.row.started_on, |line| line.row.ended_on);
            let hours = lines.first().and_then(|line| line.row.hours);
            let hours = hours.filter(|hours| lines.iter().all(|line| line.row.hours == Some(*hours)));
            let hours = hours.map(|hours| format!("（{hours}课时）")).unwrap_or_default();
            span.map(|(from, to)| format!("{}{hours}", days(from, to))).unwrap_or_default()
        }
        Kind::Assessment => first_and_last(lines, |line| line.row.assessed_on, |line| line.row.assessed_on)
            .map(|(from, to)| days(from, to))
            .unwrap_or_default(),
    }
}

fn persons(lines: &[&Line]) -> String {
    let reversals = lines.iter().filter(|line| line.reverses.is_some()).count();
    let granted = lines.len() - reversals;
    if reversals == 0 { format!("{granted}人") } else { format!("{granted}人（另更正{reversals}行）") }
}

/// What stands in the amount's cell. A form that netting touches shows how it comes to its figure.
fn amount(claim: &Claim) -> Vec<String> {
    let mut lines = Vec::new();
    if claim.is_netted() {
        lines.push(format!("核定 {}", yuan(claim.granted)));
        if claim.reversed != Fen::ZERO {
            lines.push(format!("更正 {}", yuan(claim.reversed)));
        }
        if claim.offset != Fen::ZERO {
            lines.push(format!("{} {}", offset_name(claim), yuan(claim.offset)));
        }
        lines.push(format!("应付 {}", yuan(claim.payable)));
    } else {
        lines.push(yuan(claim.payable));
    }
    lines.push(in_words(claim.payable));
    lines
}

/// The netting of the whole balance, in one sentence.
fn note(claim: &Claim) -> String {
    let balance = &claim.balance;
    let mut text = format!(
        "说明：{}与{}的{}按批轧差：核定{}，更正{}，上批结转{}，应付{}，结转下批{}。",
        balance.prison,
        balance.institution,
        balance.kind.name(),
        yuan(balance.granted),
        yuan(balance.reversed),
        yuan(balance.carried_in),
        yuan(balance.payable),
        yuan(balance.carried_out),
    );
    if claim.offset != Fen::ZERO {
        text.push_str("“扣减”由本表分担，“转出”由其他申领表或下批分担；各申领表应付金额之和即应付。");
    }
    text
}

/// What the offset of a form is: a share of what others took back, its own reversal left to others, or a late payment.
fn offset_name(claim: &Claim) -> &'static str {
    if claim.offset < Fen::ZERO {
        "扣减"
    } else if claim.granted.0 + claim.reversed.0 < 0 {
        "转出"
    } else {
        "补付"
    }
}
