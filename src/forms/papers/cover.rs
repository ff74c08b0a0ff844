//! 汇总封面: what the batch claims, from whom for whom, what changed since the last one, what to do next.

use std::collections::BTreeMap;

use serde::Serialize;

use super::netting::belongs;
use super::wording::{day, in_words, instant, persons, yuan};
use super::{PaperContext, Payee};
use crate::subsidy::assessment::Name;
use crate::subsidy::batch::{Balance, Batch, Line, LineWaiver};
use crate::subsidy::course::Kind;
use crate::subsidy::identifiers::mask_numbers_in;
use crate::subsidy::money::Fen;

/// The cover, as texts.
#[derive(Debug, Serialize)]
pub(super) struct Cover {
    number: String,
    period: String,
    claimed_on: String,
    sealed_at: String,
    lead_prison: String,
    bureau: String,
    hrss: String,
    prisons: Vec<PrisonPart>,
    sums: Figures,
    payable_words: String,
    persons: String,
    lines: String,
    sum: String,
    lines_sha256: String,
    changes: Changes,
    refused: String,
    waivers: Vec<Waived>,
    audit_count: i64,
    audit_head: String,
    forms: FormCounts,
}

/// What one prison claims.
#[derive(Debug, Serialize)]
struct PrisonPart {
    name: String,
    rows: Vec<Row>,
    sums: Figures,
    payee_name: String,
    payee_bank: String,
    payee_account: String,
}

#[derive(Debug, Serialize)]
struct Row {
    institution: String,
    kind: &'static str,
    #[serde(flatten)]
    figures: Figures,
}

/// The figures of one row or one sum.
#[derive(Debug, Serialize)]
struct Figures {
    persons: u32,
    granted: String,
    reversed: String,
    carried_in: String,
    payable: String,
    carried_out: String,
}

/// What changed since the last batch.
#[derive(Debug, Serialize)]
struct Changes {
    previous: String,
    late: String,
    reversals: String,
    /// Batch, line and reason of each reversed line; no names.
    reversed: Vec<Reversed>,
    carried: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Reversed {
    line: u32,
    cites: String,
    amount: String,
    reason: String,
}

/// A waiver on which lines rest.
#[derive(Debug, Serialize)]
struct Waived {
    lines: String,
    rule: String,
    by: String,
    reason: String,
    until: String,
}

/// How many forms the batch has.
#[derive(Debug, Serialize)]
struct FormCounts {
    training: usize,
    assessment: usize,
}

/// Fills the cover.
pub(super) fn fill(batch: &Batch, ctx: &PaperContext<'_>) -> Cover {
    let mut prisons: BTreeMap<&Name, Vec<&Balance>> = BTreeMap::new();
    for balance in &batch.balances {
        prisons.entry(&balance.prison).or_default().push(balance);
    }
    // The lead prison and the others stand as they are configured.
    let place = |name: &Name| ctx.catalogue.prisons.iter().position(|prison| prison.name == *name);
    let mut prisons: Vec<(&Name, Vec<&Balance>)> = prisons.into_iter().collect();
    prisons.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    let everything: Vec<&Balance> = batch.balances.iter().collect();
    let payable: Fen = batch.balances.iter().map(|balance| balance.payable).sum();
    let groups = |kind| batch.groups.iter().filter(|group| group.key.kind == kind).count();
    let with_reversals = if batch.lines.iter().any(|line| line.reverses.is_some()) { "（含更正）" } else { "" };
    Cover {
        number: batch.number.clone(),
        period: batch.period.in_words(),
        claimed_on: day(batch.claim_on),
        sealed_at: instant(batch.sealed_at),
        lead_prison: ctx.catalogue.lead_prison().map(ToString::to_string).unwrap_or_default(),
        bureau: ctx.bureau.to_owned(),
        hrss: ctx.hrss.to_owned(),
        prisons: prisons.iter().map(|(name, balances)| prison(name, balances, batch, ctx.payees)).collect(),
        sums: figures(&everything, persons(batch.lines.iter())),
        payable_words: in_words(payable),
        persons: format!("{}人{with_reversals}", batch.totals.persons),
        lines: format!("{}行{with_reversals}", batch.totals.lines),
        sum: yuan(batch.totals.sum),
        lines_sha256: batch.totals.lines_sha256.clone(),
        changes: changes(batch),
        refused: refused(batch),
        waivers: waivers(batch),
        audit_count: batch.audit_count,
        audit_head: batch.audit_head.clone(),
        forms: FormCounts { training: groups(Kind::Training), assessment: groups(Kind::Assessment) },
    }
}

fn prison(name: &Name, balances: &[&Balance], batch: &Batch, payees: &BTreeMap<Name, Payee>) -> PrisonPart {
    let payee = payees.get(name);
    PrisonPart {
        name: name.to_string(),
        rows: balances
            .iter()
            .map(|balance| Row {
                institution: balance.institution.to_string(),
                kind: balance.kind.name(),
                figures: figures(&[balance], balance.persons),
            })
            .collect(),
        sums: figures(balances, persons(batch.lines.iter().filter(|line| line.row.prison == *name))),
        payee_name: payee.map(|payee| payee.name.clone()).unwrap_or_default(),
        payee_bank: payee.map(|payee| payee.bank.clone()).unwrap_or_default(),
        payee_account: payee.map(|payee| payee.account.clone()).unwrap_or_default(),
    }
}

fn figures(balances: &[&Balance], persons: u32) -> Figures {
    let sum = |of: fn(&Balance) -> Fen| balances.iter().map(|balance| of(balance)).sum::<Fen>().to_string();
    Figures {
        persons,
        granted: sum(|balance| balance.granted),
        reversed: sum(|balance| balance.reversed),
        carried_in: sum(|balance| balance.carried_in),
        payable: sum(|balance| balance.payable),
        carried_out: sum(|balance| balance.carried_out),
    }
}

fn changes(batch: &Batch) -> Changes {
    let sum = |lines: &[&Line]| lines.iter().map(|line| line.amount).sum::<Fen>();
    let late: Vec<&Line> = batch.lines.iter().filter(|line| line.late && line.reverses.is_none()).collect();
    let reversals: Vec<&Line> = batch.lines.iter().filter(|line| line.reverses.is_some()).collect();
    Changes {
        previous: batch.previous.clone().unwrap_or_else(|| "无（首批）".to_owned()),
        late: format!("{}行，{}", late.len(), yuan(sum(&late))),
        reversals: format!("{}行，{}", reversals.len(), yuan(sum(&reversals))),
        reversed: reversals
            .iter()
            .filter_map(|line| {
                let reverses = line.reverses.as_ref()?;
                Some(Reversed {
                    line: line.number,
                    cites: format!("{} 第{}行", reverses.batch, reverses.line),
                    amount: line.amount.to_string(),
                    reason: mask_numbers_in(&reverses.reason),
                })
            })
            .collect(),
        carried: batch
            .balances
            .iter()
            .filter(|balance| balance.carried_out != Fen::ZERO)
            .map(|balance| carried(balance, batch))
            .collect(),
    }
}

/// Why a form shows nothing to pay, or why there is no form.
fn carried(balance: &Balance, batch: &Batch) -> String {
    let has_form = batch.groups.iter().any(|group| belongs(group, balance));
    format!(
        "{}与{}的{}轧差后为负，{}，{}结转下批。",
        balance.prison,
        balance.institution,
        balance.kind.name(),
        if has_form { "申领表应付为0.00元" } else { "本批无申领表" },
        yuan(balance.carried_out)
    )
}

/// Each waiver once, with the lines that rest on it.
fn waivers(batch: &Batch) -> Vec<Waived> {
    let mut by_waiver: BTreeMap<i64, Vec<&LineWaiver>> = BTreeMap::new();
    for used in &batch.waivers {
        by_waiver.entry(used.waiver.id).or_default().push(used);
    }
    let waived = |uses: Vec<&LineWaiver>| {
        let waiver = &uses.first()?.waiver;
        let lines: Vec<String> = uses.iter().map(|used| used.line.to_string()).collect();
        Some(Waived {
            lines: lines.join("、"),
            rule: format!("{}　{}", waiver.rule.number(), waiver.rule.says()),
            by: mask_numbers_in(&waiver.by),
            reason: mask_numbers_in(&waiver.reason),
            until: day(waiver.until),
        })
    };
    by_waiver.into_values().filter_map(waived).collect()
}

fn refused(batch: &Batch) -> String {
    use crate::subsidy::verdict::Outcome;
    let count = |outcome| batch.refusals.iter().filter(|refusal| refusal.verdict.outcome == outcome).count();
    format!("不予核定{}行，待补正{}行", count(Outcome::Denied), count(Outcome::Held))
}
