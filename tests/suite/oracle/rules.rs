//! The rules of RULES section 3, one method each, and the amount of section 4.

use chrono::{Datelike, NaiveDate};
use shenling::subsidy::assessment::RosterEntry;
use shenling::subsidy::catalogue::{Agreement, Rate};
use shenling::subsidy::course::{Category, Kind};
use shenling::subsidy::policy::{CapAppliesTo, CapWindow, RateBy, RepeatWindow, TermMeasuredAt, WindowBy};
use shenling::subsidy::verdict::Outcome;

use super::words::{doubtful, height, in_force, less_than_a_year_apart, months_after, normal, valid};
use super::{Answer, Case, Certificate, HOLDS, Paid, certificate, person_of_entry, person_of_row};

impl Case<'_> {
    pub fn answer(&self) -> Option<Answer> {
        let (waived, failing): (Vec<_>, Vec<_>) = self.failing().into_iter().partition(|code| self.waives(code));
        let outcome = if failing.iter().any(|code| !HOLDS.contains(code)) {
            Outcome::Denied
        } else if failing.is_empty() {
            Outcome::Granted
        } else {
            Outcome::Held
        };
        let granted = outcome == Outcome::Granted;
        let amount = if granted { self.amount() } else { None };
        if granted && amount.is_none_or(|fen| fen <= 0) {
            return None;
        }
        let mut warnings = self.warnings(granted);
        warnings.extend((!waived.is_empty()).then_some("waived"));
        Some(Answer { outcome, failing, warnings, amount })
    }

    fn waives(&self, code: &'static str) -> bool {
        HOLDS.contains(&code) && code != "certificate-missing" && self.waived.contains(&code)
    }

    fn failing(&self) -> Vec<&'static str> {
        let row = self.row;
        let roster = self.roster_or_row();
        let checks = [
            ("not-passed", !row.passed),
            ("not-completed", !row.completed),
            ("certificate-missing", row.passed && self.certificate_incomplete()),
            ("certificate-reused", self.certificate_reused()),
            ("certificate-conflict", self.certificate_conflict()),
            ("already-claimed", self.already_claimed()),
            ("not-on-roster", self.roster().is_none()),
            ("assessment-not-filed", self.claim_policy.require_assessment_filing),
            ("sentence-too-long", roster.is_some_and(|entry| self.too_long(entry.row.release_on))),
            ("already-skilled", roster.is_some_and(|entry| entry.row.skilled)),
            ("unable-to-study", roster.is_some_and(|entry| !entry.row.able)),
            ("not-in-catalogue", self.not_in_catalogue()),
            ("repeat", self.repeats()),
            ("cap", self.capped()),
            ("lower-level", self.claim_policy.bar_lower_level && self.higher_level_paid()),
            ("institution-not-designated", !self.designated()),
            ("institution-penalised", self.designated() && self.penalised()),
            ("no-agreement", self.kind == Kind::Training && self.agreement().is_none()),
            ("too-late", self.too_late()),
            ("unverified-identity", self.claim_policy.require_verified_id && self.own_id().is_none()),
            ("identity-conflict", self.identity_conflict()),
        ];
        checks.into_iter().filter(|(_, fails)| *fails).map(|(code, _)| code).collect()
    }

    fn warnings(&self, granted: bool) -> Vec<&'static str> {
        let released_before = self.roster_or_row().is_some_and(|entry| entry.row.release_on < self.row.assessed_on);
        let checks = [
            ("hours-share", self.hours_share_off()),
            ("minor", self.minor()),
            ("certificate-pattern", self.certificate_doubtful()),
            ("last-claim", granted && self.last_claim()),
            ("released-before-assessment", released_before),
        ];
        checks.into_iter().filter(|(_, warns)| *warns).map(|(code, _)| code).collect()
    }

    fn certificate(&self) -> Option<Certificate> {
        certificate(self.row.certificate_type, self.row.certificate_number.as_deref())
    }

    fn own_id(&self) -> Option<String> {
        valid(self.row.resident_id.as_deref())
    }

    fn own(&self, paid: &Paid) -> bool {
        paid.person.as_deref() == Some(&self.person)
    }

    fn same_occupation_and_level(&self, paid: &Paid) -> bool {
        paid.occupation == self.row.occupation && paid.level == self.row.level
    }

    /// R2
    fn certificate_incomplete(&self) -> bool {
        self.row.certificate_type.is_none() || self.certificate().is_none() || self.row.issued_on.is_none()
    }

    /// R3
    fn certificate_reused(&self) -> bool {
        self.certificate().is_some_and(|mine| {
            self.history.iter().any(|paid| {
                paid.certificate.as_ref() == Some(&mine) && !(self.own(paid) && self.same_occupation_and_level(paid))
            })
        })
    }

    /// R3a
    fn certificate_conflict(&self) -> bool {
        let Some(mine) = self.certificate() else { return false };
        self.docket.subjects.iter().any(|other| {
            let row = &other.row;
            other.open[usize::from(self.kind == Kind::Assessment)]
                && certificate(row.certificate_type, row.certificate_number.as_deref()) == Some(mine.clone())
                && (person_of_row(self.docket, row) != self.person
                    || row.occupation != self.row.occupation
                    || row.level != self.row.level)
        })
    }

    /// R3b
    fn already_claimed(&self) -> bool {
        self.certificate().is_some_and(|mine| {
            self.history.iter().any(|paid| {
                paid.certificate.as_ref() == Some(&mine)
                    && paid.kind == self.kind
                    && self.own(paid)
                    && self.same_occupation_and_level(paid)
            })
        })
    }

    /// R4: the row that covers the course.
    fn roster(&self) -> Option<&RosterEntry> {
        let mut found: Option<&RosterEntry> = None;
        for entry in &self.docket.roster {
            let Some(approval) = &entry.approval else { continue };
            let row = &entry.row;
            let covers = row.prison == self.row.prison
                && person_of_entry(self.docket, entry) == self.person
                && row.occupation == self.row.occupation
                && row.level == self.row.level
                && row.class == self.row.class
                && row.institution.as_ref().is_none_or(|name| *name == self.row.training_institution)
                && self.row.started_on >= approval.on
                && self.row.started_on.year() == approval.plan_year;
            let rank = |entry: &RosterEntry| {
                let (on, row) = (entry.approval.as_ref().map(|a| a.on), entry.row.clone());
                (on, entry.received_at, row.release_on, row.skilled, !row.able, row)
            };
            if covers && found.is_none_or(|best| rank(entry) > rank(best)) {
                found = Some(entry);
            }
        }
        found
    }

    /// The same, or where R4 is waived the row that lacks its approval.
    fn roster_or_row(&self) -> Option<&RosterEntry> {
        if let Some(covered) = self.roster() {
            return Some(covered);
        }
        if !self.waives("not-on-roster") {
            return None;
        }
        let of_course = self.docket.roster.iter().filter(|entry| {
            entry.row.prison == self.row.prison
                && entry.row.class == self.row.class
                && entry.row.level == self.row.level
                && entry.row.occupation == self.row.occupation
                && person_of_entry(self.docket, entry) == self.person
        });
        of_course.max_by_key(|entry| {
            let row = entry.row.clone();
            (entry.received_at, row.release_on, row.skilled, !row.able, row)
        })
    }

    /// R5
    fn too_long(&self, release_on: NaiveDate) -> bool {
        let measured = match self.rate_policy.term_measured_at {
            TermMeasuredAt::CourseStart => self.row.started_on,
            TermMeasuredAt::Planning => {
                NaiveDate::from_ymd_opt(self.row.started_on.year() - 1, 11, 30).expect("30 November")
            }
        };
        release_on >= months_after(measured, 24)
    }

    /// R6
    fn not_in_catalogue(&self) -> bool {
        let judged = self.row.passed && self.row.certificate_type.is_some() && self.deciding_date().is_some();
        judged && self.base().is_none()
    }

    fn deciding_date(&self) -> Option<NaiveDate> {
        match self.rate_policy.rate_by {
            RateBy::CourseStart => Some(self.row.started_on),
            RateBy::Certificate => self.row.issued_on,
            RateBy::Claim => Some(self.claim_on),
        }
    }

    /// The rate row: chosen first, its kind is read later.
    fn rate(&self) -> Option<&Rate> {
        let (day, kind) = (self.deciding_date()?, self.row.certificate_type?);
        let of_group = |group: Option<&str>| {
            self.catalogue.rates.iter().find(|rate| {
                rate.occupation == self.row.occupation
                    && rate.level == self.row.level
                    && rate.certificate_types.contains(&kind)
                    && rate.group.as_deref() == group
                    && in_force(rate.span, day)
            })
        };
        of_group(Some(&self.rate_policy.trainee_group)).or_else(|| of_group(None))
    }

    fn base(&self) -> Option<i64> {
        let rate = self.rate()?;
        let fen = match self.kind {
            Kind::Training => rate.training,
            Kind::Assessment => rate.assessment,
        };
        fen.map(|fen| fen.0)
    }

    /// R7 and R8: the dates that are compared; `None` where the rule is not judged.
    fn dates(&self, paid: &Paid) -> Option<(NaiveDate, NaiveDate)> {
        match self.claim_policy.window_by {
            WindowBy::Claim => Some((self.claim_on, paid.claimed_on)),
            WindowBy::Certificate => Some((self.row.issued_on?, paid.issued_on.unwrap_or(paid.claimed_on))),
        }
    }

    /// R7
    fn repeats(&self) -> bool {
        self.history.iter().any(|paid| {
            let within = self.dates(paid).is_some_and(|(mine, theirs)| match self.claim_policy.repeat_window {
                RepeatWindow::CalendarYear => mine.year() == theirs.year(),
                RepeatWindow::Rolling12Months => less_than_a_year_apart(mine, theirs),
                RepeatWindow::Ever => true,
            });
            self.own(paid) && paid.kind == self.kind && self.same_occupation_and_level(paid) && within
        })
    }

    fn cap_is_judged(&self) -> bool {
        let applies = self.claim_policy.cap_applies_to == CapAppliesTo::EachKind || self.kind == Kind::Training;
        applies && (self.claim_policy.window_by == WindowBy::Claim || self.row.issued_on.is_some())
    }

    fn granted_in_window(&self) -> usize {
        let within = |paid: &Paid| {
            self.dates(paid).is_some_and(|(mine, theirs)| match self.claim_policy.cap_window {
                CapWindow::CalendarYear => mine.year() == theirs.year(),
                CapWindow::Rolling12Months => less_than_a_year_apart(mine, theirs),
                CapWindow::Lifetime => true,
            })
        };
        self.history.iter().filter(|paid| self.own(paid) && paid.kind == self.kind && within(paid)).count()
    }

    /// R8
    fn capped(&self) -> bool {
        self.cap_is_judged() && self.granted_in_window() >= self.claim_policy.cap_count as usize
    }

    /// R9
    fn higher_level_paid(&self) -> bool {
        self.history.iter().any(|paid| {
            self.own(paid)
                && paid.kind == self.kind
                && paid.occupation == self.row.occupation
                && height(paid.level) > height(self.row.level)
        })
    }

    /// R10, R10b: the institution and the day that count for this kind.
    fn institution_and_day(&self) -> (&str, NaiveDate) {
        match self.kind {
            Kind::Training => (&self.row.training_institution, self.row.started_on),
            Kind::Assessment => (&self.row.assessment_institution, self.row.assessed_on),
        }
    }

    fn designated(&self) -> bool {
        let (name, day) = self.institution_and_day();
        self.catalogue.institutions.iter().any(|period| {
            let this_work = if self.kind == Kind::Training { period.trains } else { period.assesses };
            *period.name == *name && this_work && in_force(period.designated, day)
        })
    }

    fn penalised(&self) -> bool {
        let (name, day) = self.institution_and_day();
        self.catalogue.penalties.iter().any(|penalty| {
            let lifted = penalty.redesignated_on.is_some_and(|on| on >= penalty.span.from && on <= day);
            *penalty.institution == *name && in_force(penalty.span, day) && !lifted
        })
    }

    /// R10c and section 4: the agreement in force on the course start.
    fn agreement(&self) -> Option<&Agreement> {
        self.catalogue
            .agreements
            .iter()
            .filter(|agreement| agreement.prison == self.row.prison)
            .filter(|agreement| agreement.institution == self.row.training_institution)
            .filter(|agreement| in_force(agreement.span, self.row.started_on))
            .max_by_key(|agreement| (agreement.span.from, agreement.number.clone()))
    }

    /// R11
    fn too_late(&self) -> bool {
        match (self.claim_policy.claim_within_months, self.row.issued_on) {
            (Some(months), Some(issued_on)) => months_after(issued_on, months) < self.claim_on,
            _ => false,
        }
    }

    /// R12b
    fn identity_conflict(&self) -> bool {
        let results = self.docket.subjects.iter().map(|subject| {
            let row = &subject.row;
            (&row.prison, &row.number, &row.name, valid(row.resident_id.as_deref()))
        });
        let rosters = self.docket.roster.iter().map(|entry| {
            let row = &entry.row;
            (&row.prison, &row.number, &row.name, valid(row.resident_id.as_deref()))
        });
        let (mut names, mut ids) = (Vec::new(), Vec::new());
        for (prison, number, name, id) in results.chain(rosters) {
            if id.is_some() && id == self.own_id() && !names.contains(&normal(name)) {
                names.push(normal(name));
            }
            if *prison == self.row.prison && *number == self.row.number && id.is_some() && !ids.contains(&id) {
                ids.push(id);
            }
        }
        names.len() > 1 || ids.len() > 1
    }

    /// W1
    fn hours_share_off(&self) -> bool {
        let Some(theory) = self.row.hours_theory else { return false };
        let Some(all) = self.row.hours.or_else(|| self.row.hours_practice.map(|practice| practice + theory)) else {
            return false;
        };
        let (theory, all) = (i64::from(theory), i64::from(all));
        let tolerance = i64::from(self.claim_policy.hours_tolerance_points);
        self.row.category == Category::Employment && all > 0 && (theory * 100 - all * 40).abs() > tolerance * all
    }

    /// W2
    fn minor(&self) -> bool {
        let of_id = self.own_id().and_then(|id| NaiveDate::parse_from_str(&id[6..14], "%Y%m%d").ok());
        let born_on = of_id.or_else(|| self.roster_or_row().and_then(|entry| entry.row.born_on));
        // The day before the 18th birthday is the last one as a minor; 29 February comes of age on 1 March.
        born_on.is_some_and(|born| {
            let (year, day) = (self.row.started_on.year(), self.row.started_on);
            (year - born.year(), (day.month(), day.day())) < (18, (born.month(), born.day()))
        })
    }

    /// W3
    fn certificate_doubtful(&self) -> bool {
        match (self.row.certificate_type, self.row.certificate_number.as_deref()) {
            (Some(kind), Some(number)) => doubtful(kind, number, self.row.level, self.row.issued_on),
            _ => false,
        }
    }

    /// W4
    fn last_claim(&self) -> bool {
        self.cap_is_judged() && self.granted_in_window() + 1 == self.claim_policy.cap_count as usize
    }

    /// Section 4.
    fn amount(&self) -> Option<i64> {
        let base = self.base()?;
        let share = i64::from(self.rate()?.share_permille);
        let fee = match self.kind {
            _ if !self.rate_policy.cap_by_fee => None,
            Kind::Training => self.agreement().and_then(|agreement| agreement.fee),
            Kind::Assessment => self.row.fee,
        };
        let amount = fee.map_or(base, |fee| base.min(fee.0)) * share;
        let (whole, rest) = (amount / 1000, amount % 1000);
        Some(if rest >= 500 { whole + 1 } else { whole })
    }
}
