//! The rules: assessment, facts, history, policies, rates, claim date -> verdict (RULES sections 2 to 4).
//!
//! [`Bench`] is set up once per run over everything that is known (identities and rosters are resolved over all
//! rows); [`Bench::judge`] then goes through the open assessments in the fixed order, each grant joining the
//! history of the next. The order in which rows, files or assessments arrived plays no part.

mod amount;
mod certificates;
mod history;
mod identity;
mod notes;
mod rosters;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use rayon::prelude::*;

use self::certificates::Certificates;
use self::history::History;
use self::identity::{Contradiction, Identities};
use self::rosters::Rosters;
use super::assessment::{HistoryRow, ResultRow, RosterEntry};
use super::catalogue::Catalogue;
use super::course::{CertificateType, Kind, Level};
use super::identifiers::{ResidentId, normalise};
use super::verdict::{Rule, Step, Verdict};
use super::waiver::Waiver;

/// One live assessment (its newest version).
#[derive(Clone, Debug)]
pub struct Subject {
    /// Identity of the assessment in the store.
    pub id: i64,
    /// The newest version's facts.
    pub row: Arc<ResultRow>,
    /// Per kind ([`Kind::index`]): unsettled and entering this run.
    pub open: [bool; 2],
}

/// A granted line of a sealed batch that is neither void nor reversed.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The assessment; it stands among the subjects.
    pub subject: i64,
    /// The kind.
    pub kind: Kind,
    /// The claim date of its batch.
    pub claimed_on: NaiveDate,
}

/// Everything that a run looks at.
#[derive(Clone, Debug, Default)]
pub struct Docket {
    /// All live assessments, settled or not, entering or not: identities are resolved over all of them.
    pub subjects: Vec<Subject>,
    /// All roster rows, approved or not.
    pub roster: Vec<RosterEntry>,
    /// The opening history.
    pub opening: Vec<HistoryRow>,
    /// What is granted.
    pub grants: Vec<Grant>,
    /// Waivers, in force or not.
    pub waivers: Vec<Waiver>,
}

/// How much a run writes down beside its verdicts.
#[derive(Clone, Debug, Default)]
pub enum Trace {
    /// Verdicts only.
    #[default]
    Nothing,
    /// Per refused or held verdict, what was found (for the refusal list).
    Failures,
    /// Every step of these assessments (for `explain`).
    Everything(BTreeSet<i64>),
}

/// The outcome of a run.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Per subject (same order) and kind: the verdict; `None` where the kind is not open or cannot be judged.
    pub verdicts: Vec<[Option<Verdict>; 2]>,
    /// Per subject index and kind index: the steps that the trace asked for.
    pub steps: BTreeMap<(usize, usize), Vec<Step>>,
    /// Per subject index and kind index of what is granted: the waivers on which that rests.
    pub waived: BTreeMap<(usize, usize), Vec<i64>>,
    /// Days on which no policy is in force though one was needed.
    pub days_without_policy: BTreeSet<NaiveDate>,
    /// Assessments whose rate and share would pay nothing: a configuration error (RULES section 4, step 4).
    pub zero_amounts: BTreeSet<i64>,
}

/// Judges every open assessment and kind, in the order of RULES section 2.
pub fn judge_all(docket: &Docket, catalogue: &Catalogue, claim_on: NaiveDate) -> Judgement {
    let open: Vec<[bool; 2]> = docket.subjects.iter().map(|subject| subject.open).collect();
    Bench::new(docket, catalogue).judge(&open, None, claim_on, &Trace::Nothing)
}

/// A run's view of everything that is known.
pub struct Bench<'a> {
    docket: &'a Docket,
    catalogue: &'a Catalogue,
    identities: Identities<'a>,
    certificates: Certificates,
    rosters: Rosters<'a>,
}

impl<'a> Bench<'a> {
    /// Resolves persons, certificates and rosters over everything that is known.
    pub fn new(docket: &'a Docket, catalogue: &'a Catalogue) -> Bench<'a> {
        let (identities, certificates) = rayon::join(|| Identities::resolve(docket), || Certificates::resolve(docket));
        let rosters = Rosters::resolve(docket, &identities);
        Bench { docket, catalogue, identities, certificates, rosters }
    }

    /// The person key of a subject: resident ID, or `prison/number`.
    pub fn person_key(&self, subject: usize) -> &Arc<str> {
        self.identities.key(self.identities.subjects[subject])
    }

    /// The facts of a subject.
    pub fn row(&self, subject: usize) -> &'a Arc<ResultRow> {
        &self.docket.subjects[subject].row
    }

    /// The roster row that R4 finds for a subject.
    pub fn roster_row(&self, subject: usize) -> Option<&'a RosterEntry> {
        self.rosters.covering(subject)
    }

    /// The roster row that is read on a claim date: the one that R4 finds or, where R4 is waived, the one that would cover the
    /// subject but for its approval or institution. A waived approval lifts nothing of what the row itself says.
    pub fn roster_row_read(&self, subject: usize, claim_on: NaiveDate) -> Option<&'a RosterEntry> {
        let id = self.docket.subjects[subject].id;
        let waived = || self.waivers_of(id, claim_on).iter().any(|waiver| waiver.rule == Rule::NotOnRoster);
        self.roster_row(subject).or_else(|| self.roster_row_but_for_approval(subject).filter(|_| waived()))
    }

    /// The roster row that would cover a subject but for its approval or institution.
    pub fn roster_row_but_for_approval(&self, subject: usize) -> Option<&'a RosterEntry> {
        self.rosters.without_approval(self.identities.subjects[subject], self.row(subject))
    }

    /// Other assessments on which the certificate of a subject stands for another person, occupation or level.
    fn same_certificate(&self, subject: usize) -> Vec<i64> {
        let certificate = self.certificates.subjects[subject];
        let others = self.docket.subjects.iter().enumerate().filter(|(i, _)| {
            self.certificates.subjects[*i] == certificate && self.stands_for(*i) != self.stands_for(subject)
        });
        others.map(|(_, other)| other.id).collect()
    }

    /// Other assessments that contradict the identity of a subject; none where only rosters do.
    fn contradicted_by(&self, subject: usize, what: Contradiction) -> Vec<i64> {
        let row = &self.docket.subjects[subject].row;
        let contradicts = |other: &&Subject| {
            let (of, id) = (&other.row, other.row.resident_id.as_deref().filter(|id| ResidentId::is_valid(id)));
            match what {
                Contradiction::TwoIds => {
                    (&of.prison, &of.number) == (&row.prison, &row.number)
                        && id.is_some()
                        && id != row.resident_id.as_deref()
                }
                Contradiction::TwoNames => {
                    id.is_some() && id == row.resident_id.as_deref() && normalise(&of.name) != normalise(&row.name)
                }
            }
        };
        self.docket.subjects.iter().filter(contradicts).map(|other| other.id).collect()
    }

    /// The waivers of an assessment that are in force on a claim date.
    fn waivers_of(&self, assessment_id: i64, claim_on: NaiveDate) -> Vec<&'a Waiver> {
        let waivers = self.docket.waivers.iter().filter(|waiver| waiver.assessment_id == assessment_id);
        waivers.filter(|waiver| waiver.is_in_force(claim_on) && Waiver::RULES.contains(&waiver.rule)).collect()
    }

    /// Judges on a claim date the open kinds of the subjects assessed on or before `until`, where it is given. `open`
    /// runs parallel to the subjects and names all that are unsettled: what does not enter yet may still show that a
    /// certificate stands for two (R3a), lest the one who was assessed first be paid on it.
    pub fn judge(&self, open: &[[bool; 2]], until: Option<NaiveDate>, claim_on: NaiveDate, trace: &Trace) -> Judgement {
        let order = self.order(open, until);
        let mut judgement =
            Judgement { verdicts: vec![[None, None]; self.docket.subjects.len()], ..Judgement::default() };
        let Some(claim_policy) = self.catalogue.policy_on(claim_on) else {
            if !order.is_empty() {
                judgement.days_without_policy.insert(claim_on);
            }
            return judgement;
        };
        let conflicts = || Kind::ALL.map(|kind| self.certificate_conflicts(open, kind));
        let (mut history, conflicts) = rayon::join(|| History::new(self), conflicts);
        for subject in order {
            for kind in Kind::ALL {
                if !open[subject][kind.index()] {
                    continue;
                }
                let conflict = self.certificates.subjects[subject].is_some_and(|at| conflicts[kind.index()][at]);
                let case = rules::Case { bench: self, subject, kind, claim_on, claim_policy, conflict };
                case.decide(&mut history, trace, &mut judgement);
            }
        }
        judgement
    }

    /// The order of RULES section 2, ended by prison and number so that no tie is left to arrival.
    fn order(&self, open: &[[bool; 2]], until: Option<NaiveDate>) -> Vec<usize> {
        let enters = |i: usize| until.is_none_or(|until| self.docket.subjects[i].row.assessed_on <= until);
        let mut order: Vec<usize> =
            (0..self.docket.subjects.len()).filter(|i| open[*i] != [false, false] && enters(*i)).collect();
        order.par_sort_by_cached_key(|i| {
            let row = &*self.docket.subjects[*i].row;
            (
                (row.issued_on.is_none(), row.issued_on),
                self.certificates.text(*i),
                &**self.person_key(*i),
                (&*row.occupation, row.level, row.class.as_str(), row.assessed_on),
                row.certificate_type.map_or("", CertificateType::name),
                (&*row.prison, row.number.as_str()),
            )
        });
        order
    }

    /// R3a: per certificate whether it stands for two persons, occupations or levels among what is open for a kind.
    fn certificate_conflicts(&self, open: &[[bool; 2]], kind: Kind) -> Vec<bool> {
        let mut first = vec![None; self.certificates.len()];
        let mut conflicts = vec![false; self.certificates.len()];
        for (i, certificate) in self.certificates.subjects.iter().enumerate() {
            let (Some(at), true) = (*certificate, open[i][kind.index()]) else { continue };
            let stands_for = self.stands_for(i);
            conflicts[at] |= *first[at].get_or_insert(stands_for) != stands_for;
        }
        conflicts
    }

    /// Whom and what a subject's certificate is for.
    fn stands_for(&self, subject: usize) -> (u32, &'a str, Level) {
        let row = &self.docket.subjects[subject].row;
        (self.identities.subjects[subject], &row.occupation, row.level)
    }
}
