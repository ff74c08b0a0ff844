//! Waivers (豁免): somebody answers for one assessment that a rule which only holds need not be kept, until a day.
//!
//! A waiver never lifts a denial, a cap or an amount: what denies is judged as ever. R2 cannot be waived: rate, windows and
//! the search for a second use of a certificate all rest on the certificate. A waiver is given for one result as it stands.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::verdict::Rule;

/// One waiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Its number.
    pub id: i64,
    /// The assessment, for either kind.
    pub assessment_id: i64,
    /// The rule.
    pub rule: Rule,
    /// First claim date for which it counts.
    pub from: NaiveDate,
    /// Last claim date for which it counts.
    pub until: NaiveDate,
    /// First claim date for which it counts no more, where somebody ended it.
    pub ended_on: Option<NaiveDate>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub by: String,
}

impl Waiver {
    /// The rules that can be waived.
    pub const RULES: [Rule; 6] = [
        Rule::CertificateConflict,
        Rule::NotOnRoster,
        Rule::AssessmentNotFiled,
        Rule::NoAgreement,
        Rule::UnverifiedIdentity,
        Rule::IdentityConflict,
    ];

    /// Those of them that are waived for what is known of the person and the certificate: where that is corrected, somebody
    /// must answer for it anew.
    pub const OF_IDENTITY: [Rule; 3] = [Rule::CertificateConflict, Rule::UnverifiedIdentity, Rule::IdentityConflict];

    /// Whether it counts on a claim date.
    pub fn is_in_force(&self, claim_on: NaiveDate) -> bool {
        self.from <= claim_on && claim_on <= self.until && self.ended_on.is_none_or(|ended_on| claim_on < ended_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subsidy::verdict::Effect;

    #[test]
    fn only_rules_that_hold_can_be_waived() {
        assert!(Waiver::RULES.iter().all(|rule| rule.effect() == Effect::Holds));
        assert!(Waiver::OF_IDENTITY.iter().all(|rule| Waiver::RULES.contains(rule)));
    }

    #[test]
    fn a_waiver_counts_from_its_first_to_its_last_day_unless_it_is_ended() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let mut waiver = Waiver {
            id: 1,
            assessment_id: 1,
            rule: Rule::NotOnRoster,
            from: day("2026-10-01"),
            until: day("2026-12-31"),
            ended_on: None,
            reason: "原件已核".to_owned(),
            by: "某经办".to_owned(),
        };
        let counted = |waiver: &Waiver| {
            ["2026-09-30", "2026-10-01", "2026-11-15", "2026-12-31", "2027-01-01"].map(|on| waiver.is_in_force(day(on)))
        };
        assert_eq!(counted(&waiver), [false, true, true, true, false]);
        waiver.ended_on = Some(day("2026-11-15"));
        assert_eq!(counted(&waiver), [false, true, false, false, false]);
    }
}
