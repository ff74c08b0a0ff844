//! One row of the opening history: a subsidy that was granted before this program ran.
//!
//! Findings beyond those of single cells: `required-empty` where a row names nobody, `date-order` after the arrival.

use super::results::{check_arrival, doubt_identity};
use super::row::Reader;
use super::spec::Key;
use crate::subsidy::assessment::HistoryRow;
use crate::subsidy::course::{Category, CertificateType};
use crate::subsidy::finding::Code;

/// Reads a row; `None` sets it aside.
pub(super) fn read(r: &mut Reader<'_>) -> Option<HistoryRow> {
    // A row needs someone: a resident ID, or a prison with a number. What is there but unreadable has its own finding.
    let named_by_number = r.raw(Key::Prison).is_some() && r.raw(Key::Number).is_some();
    if r.raw(Key::ResidentId).is_none() && !named_by_number {
        let at = [Key::ResidentId, Key::Number, Key::Prison].into_iter().find(|key| r.has_column(*key));
        r.required_empty(at.unwrap_or(Key::ResidentId));
    }
    let prison = r.prison();
    let number = r.identifier(Key::Number);
    let resident_id = r.resident_id();
    let kind = r.kind();
    let occupation = r.occupation();
    let certificate_type = r.certificate_type();
    let entrepreneurship = occupation.as_ref().is_some_and(|(_, category)| *category == Category::Entrepreneurship);
    let level = r.level(entrepreneurship || certificate_type == Some(CertificateType::SpecialAbility));
    let certificate_number = r.identifier(Key::CertificateNumber);
    let issued_on = r.date(Key::IssuedOn);
    let claimed_on = r.date(Key::ClaimedOn);
    let amount = r.amount(Key::Amount, Code::BadNumber);
    check_arrival(r, Key::IssuedOn, issued_on);
    check_arrival(r, Key::ClaimedOn, claimed_on);
    doubt_identity(r, resident_id.as_deref(), "");
    if r.is_faulty() {
        return None;
    }
    Some(HistoryRow {
        prison,
        number,
        resident_id,
        kind: kind?,
        occupation: occupation?.0,
        level: level?,
        certificate_type,
        certificate_number,
        issued_on,
        claimed_on: claimed_on?,
        amount: amount?,
    })
}
