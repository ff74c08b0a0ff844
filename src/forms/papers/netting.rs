//! What each form may claim once reversals and carried amounts are netted per prison x institution x kind.
//!
//! The balance says what is payable for all groups of a prison, institution and kind together. Its forms must add up
//! to that, so reversals and what is carried in are taken from its groups in the order of their numbers.

use std::collections::BTreeMap;

use super::PaperError;
use super::wording::lines_of;
use crate::subsidy::batch::{Balance, BalanceKey, Batch, Group};
use crate::subsidy::money::Fen;

/// What one form says about money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Sum of the group's positive lines.
    pub granted: Fen,
    /// Sum of the group's reversal lines (zero or negative).
    pub reversed: Fen,
    /// What is taken from (or added to) this form for reversals and carried amounts of other groups and batches.
    pub offset: Fen,
    /// What the form claims: granted + reversed + offset, never negative.
    pub payable: Fen,
    /// The balance that the group belongs to.
    pub balance: Balance,
}

impl Claim {
    /// Whether netting touches this form, so that it must explain itself.
    pub fn is_netted(&self) -> bool {
        self.balance.reversed != Fen::ZERO || self.balance.carried_in != Fen::ZERO
    }
}

/// The claims of a batch by group number. Fails where groups, lines and balances do not belong together.
pub(super) fn claims(batch: &Batch) -> Result<BTreeMap<u32, Claim>, PaperError> {
    let mut claims = BTreeMap::new();
    for balance in &batch.balances {
        let groups: Vec<&Group> = batch.groups.iter().filter(|group| belongs(group, balance)).collect();
        share_out(batch, balance, &groups, &mut claims)?;
    }
    match batch.groups.iter().find(|group| !claims.contains_key(&group.number)) {
        Some(group) => Err(PaperError::Broken(format!("第{}组没有对应的结算行", group.number))),
        None if claims.len() < batch.groups.len() => Err(PaperError::Broken("组号重复".to_owned())),
        None => Ok(claims),
    }
}

fn share_out(
    batch: &Batch,
    balance: &Balance,
    groups: &[&Group],
    claims: &mut BTreeMap<u32, Claim>,
) -> Result<(), PaperError> {
    let sums: Vec<(Fen, Fen)> = groups.iter().map(|group| sums(batch, group)).collect();
    let nets = || sums.iter().map(|(granted, reversed)| granted.0 + reversed.0);
    // What is still to be taken (negative) or handed out (positive).
    let mut pool = balance.carried_in.0 + nets().filter(|net| *net < 0).sum::<i64>();
    let any_positive = nets().any(|net| net > 0);
    let mut total = Fen::ZERO;
    for (group, (granted, reversed)) in groups.iter().zip(&sums) {
        let net = granted.0 + reversed.0;
        let mut payable = 0;
        if net > 0 || (!any_positive && pool > 0) {
            payable = (net.max(0) + pool).max(0);
            pool = (net.max(0) + pool).min(0);
        }
        total = Fen(total.0 + payable);
        let claim = Claim {
            granted: *granted,
            reversed: *reversed,
            offset: Fen(payable - net),
            payable: Fen(payable),
            balance: balance.clone(),
        };
        claims.insert(group.number, claim);
    }
    if !groups.is_empty() && total != balance.payable {
        let (prison, institution) = (&balance.prison, &balance.institution);
        let (kind, due) = (balance.kind.name(), balance.payable);
        return Err(PaperError::Broken(format!(
            "{prison}、{institution}的{kind}：各申领表合计{total}元，结算行应付{due}元"
        )));
    }
    Ok(())
}

fn sums(batch: &Batch, group: &Group) -> (Fen, Fen) {
    let lines = lines_of(&batch.lines, group);
    let sum = |reversals: bool| {
        lines.iter().filter(|line| line.reverses.is_some() == reversals).map(|line| line.amount).sum()
    };
    (sum(false), sum(true))
}

/// Whether a group is netted in this balance.
pub(super) fn belongs(group: &Group, balance: &Balance) -> bool {
    let key: BalanceKey = (group.key.prison.clone(), group.key.institution.clone(), group.key.kind);
    key.0 == balance.prison && key.1 == balance.institution && key.2 == balance.kind
}
