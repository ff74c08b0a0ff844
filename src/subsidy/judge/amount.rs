//! The amount (RULES section 4) and the warnings that need nothing but the row.

use super::notes::Notes;
use super::rules::Case;
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::catalogue::Rate;
use crate::subsidy::course::{Category, Kind};
use crate::subsidy::identifiers::{PatternDoubt, certificate_doubt};
use crate::subsidy::money::Fen;
use crate::subsidy::policy::Policy;
use crate::subsidy::verdict::{Payable, Rule};

/// Theory share of the hours in percent (第五条（三）).
const THEORY_PERCENT: u32 = 40;

impl Case<'_, '_> {
    /// W1 and W3; W2 and W5 are judged with the roster, W4 with the grant.
    pub(super) fn warnings(&self, notes: &mut Notes<'_>) {
        let row = self.row();
        if let Some((theory, total)) = hours(row)
            && row.category == Category::Employment
            && off_share(theory, total, self.claim_policy.hours_tolerance_points)
        {
            notes.fail(Rule::HoursShare, || format!("理论{theory}课时，共{total}课时"));
        }
        if let (Some(certificate_type), Some(number)) = (row.certificate_type, &row.certificate_number)
            && let Some(doubt) = certificate_doubt(certificate_type, number, row.level, row.issued_on)
        {
            notes.fail(Rule::CertificatePattern, || {
                match doubt {
                    PatternDoubt::Pattern => "证书编号与该类证书的编号规则不符",
                    PatternDoubt::Year => "证书编号中的年份与发证日期不一致",
                    PatternDoubt::Level => "证书编号中的等级与本行等级不一致",
                }
                .into()
            });
        }
    }

    /// RULES section 4.
    pub(super) fn amount(&self, rate: &Rate, base: Fen, policy: &Policy, nth: u32, notes: &mut Notes<'_>) -> Payable {
        let row = self.row();
        let (fee, from) = match self.kind {
            Kind::Training => (self.agreement().and_then(|agreement| agreement.fee), "协议人均培训费"),
            Kind::Assessment => (row.fee, "鉴定费"),
        };
        let fee = fee.filter(|_| policy.cap_by_fee);
        let capped = fee.map_or(base, |fee| base.min(fee));
        let amount = capped.share(rate.share_permille);
        notes.amount("金额1", || format!("补贴标准（{}）", rate.citation), base);
        match fee {
            Some(fee) => notes.amount("金额2", || format!("与{from}{fee}元比较，取较低者"), capped),
            None => notes.amount("金额2", || format!("没有可比较的{from}，按标准"), capped),
        }
        notes.amount("金额3", || format!("补贴比例{}‰，四舍五入到分", rate.share_permille), amount);
        Payable { base, fee, share_permille: rate.share_permille, amount, citation: rate.citation.clone(), nth }
    }
}

/// Theory hours and the total, where both are known.
fn hours(row: &ResultRow) -> Option<(u32, u32)> {
    let theory = row.hours_theory.or_else(|| row.hours?.checked_sub(row.hours_practice?))?;
    let total = row.hours.or_else(|| theory.checked_add(row.hours_practice?))?;
    (total > 0).then_some((theory, total))
}

/// W1: the theory share lies outside 40 % +/- tolerance.
fn off_share(theory: u32, total: u32, tolerance_points: u32) -> bool {
    let (theory, total) = (u64::from(theory) * 100, u64::from(total));
    let low = u64::from(THEORY_PERCENT.saturating_sub(tolerance_points)) * total;
    let high = u64::from(THEORY_PERCENT + tolerance_points) * total;
    theory < low || theory > high
}
