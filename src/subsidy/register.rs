//! The register: everything that is known at one moment, and what of it is settled (RULES section 2).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::assessment::{HistoryRow, ResultRow, RosterEntry};
use super::batch::BalanceKey;
use super::course::Kind;
use super::judge::{Bench, Docket, Grant, Subject};
use super::money::Fen;
use super::verdict::{Payable, Rule, RuleSet};
use super::waiver::Waiver;

/// The newest version of an assessment.
#[derive(Clone, Debug)]
pub struct StoredResult {
    /// Identity of the version.
    pub version_id: i64,
    /// Identity of the assessment.
    pub assessment_id: i64,
    /// When its bytes were first received.
    pub received_at: DateTime<Utc>,
    /// The facts.
    pub row: Arc<ResultRow>,
}

/// On which facts a line or refusal was judged; when today's differ, they were corrected.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RowFacts {
    /// The version of the assessment.
    pub version_id: i64,
    /// The roster row that was read ([`Bench::roster_row_read`]), if there was one.
    pub roster_fingerprint: Option<u128>,
}

/// How an assessment and kind was settled last by a batch that is not void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The assessment.
    pub assessment_id: i64,
    /// The kind.
    pub kind: Kind,
    /// The batch that granted or refused.
    pub batch: Arc<str>,
    /// Number of the line, or of the entry on the refusal list, in that batch.
    pub number: u32,
    /// What was judged; of a reversed grant: the version that was granted, the roster row when the reversal was sealed.
    pub facts: RowFacts,
    /// Claim date of the batch that granted or refused.
    pub claim_on: NaiveDate,
    /// Granted or refused.
    pub what: Settled,
    /// A person reopened it, with a reason.
    pub reopened: bool,
}

impl Settlement {
    /// The grant that it stands for, if it granted.
    pub fn grant(&self) -> Grant {
        Grant { subject: self.assessment_id, kind: self.kind, claimed_on: self.claim_on }
    }
}

/// What a settlement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A granted line.
    Granted {
        /// How the amount came about.
        payable: Payable,
        /// The warnings of the verdict.
        warnings: RuleSet,
        /// Batch and line of its reversal, if a live batch holds one.
        reversed_by: Option<(Arc<str>, u32)>,
        /// A reversal was asked for and waits for the next batch.
        reversal_pending: bool,
    },
    /// An entry of the refusal list that settles.
    Refused {
        /// The failing rules and the warnings.
        rules: RuleSet,
    },
}

impl Settled {
    /// The rules that the verdict named: those that failed, warnings, and whether one was waived.
    pub const fn rules(&self) -> RuleSet {
        match self {
            Settled::Granted { warnings: rules, .. } | Settled::Refused { rules } => *rules,
        }
    }
}

/// State of the store at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Rises with every change of the facts (not with deliveries).
    pub facts_version: i64,
    /// Number of audit entries.
    pub audit_count: i64,
    /// Head of the audit chain in hexadecimal.
    pub audit_head: String,
}

/// Everything that judging looks at.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// The newest version of every assessment, in order of the assessments' identities.
    pub results: Vec<StoredResult>,
    /// All roster rows.
    pub roster: Vec<RosterEntry>,
    /// The opening history.
    pub history: Vec<HistoryRow>,
    /// Waivers, in force or not, by their numbers.
    pub waivers: Vec<Waiver>,
    /// The last settlement per assessment and kind, in that order; never of a void batch.
    pub settlements: Vec<Settlement>,
    /// What earlier batches carried, per prison, institution and kind.
    pub carried: BTreeMap<BalanceKey, Fen>,
    /// The last live batch, if there is one.
    pub previous: Option<String>,
    /// State of the facts, count and head of the audit log.
    pub stamp: Stamp,
}

/// Which grants count while a run judges.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reversals {
    /// Those that wait still count: nothing is sealed yet.
    Wait,
    /// Those that wait no longer count: this run's batch takes them back, and what they used up is free from the day
    /// on which the reversal is sealed (RULES section 5).
    TakeEffect,
}

impl Register {
    /// The docket of a run; takes rosters and history out of the register.
    pub fn docket(&mut self, reversals: Reversals) -> Docket {
        let counts = |settlement: &&Settlement| match settlement.what {
            Settled::Granted { ref reversed_by, reversal_pending, .. } => {
                reversed_by.is_none() && !(reversal_pending && reversals == Reversals::TakeEffect)
            }
            Settled::Refused { .. } => false,
        };
        let subject =
            |known: &StoredResult| Subject { id: known.assessment_id, row: known.row.clone(), open: [false; 2] };
        Docket {
            subjects: self.results.iter().map(subject).collect(),
            grants: self.settlements.iter().filter(counts).map(Settlement::grant).collect(),
            roster: std::mem::take(&mut self.roster),
            opening: std::mem::take(&mut self.history),
            waivers: self.waivers.clone(),
        }
    }

    /// The facts on which a result is judged on a claim date.
    pub fn facts(&self, bench: &Bench<'_>, subject: usize, claim_on: NaiveDate) -> RowFacts {
        self.facts_of(subject, bench.roster_row_read(subject, claim_on))
    }

    /// Today's facts of a result, to be held against those on which a batch judged it under these rules. Where that read a
    /// row whose approval was waived, it is the same row today, whatever became of the waiver.
    pub fn facts_today(&self, bench: &Bench<'_>, subject: usize, (judged, rules): (Option<u128>, RuleSet)) -> RowFacts {
        let waived = judged.is_some() && rules.contains(Rule::Waived);
        let but_for_approval = || bench.roster_row_but_for_approval(subject).filter(|_| waived);
        self.facts_of(subject, bench.roster_row(subject).or_else(but_for_approval))
    }

    fn facts_of(&self, subject: usize, row: Option<&RosterEntry>) -> RowFacts {
        let roster_fingerprint = row.map(|entry| entry.fingerprint);
        RowFacts { version_id: self.results[subject].version_id, roster_fingerprint }
    }

    /// Per result and kind whether it is unsettled.
    pub fn open(&self, bench: &Bench<'_>) -> Vec<[bool; 2]> {
        let settled = self.settled();
        let is_open = |i: usize, known: &StoredResult, kind: Kind| {
            settled.get(&(known.assessment_id, kind)).is_none_or(|settlement| match &settlement.what {
                Settled::Granted { reversed_by: None, .. } => false,
                Settled::Granted { .. } | Settled::Refused { .. } => {
                    let judged = (settlement.facts.roster_fingerprint, settlement.what.rules());
                    settlement.reopened || settlement.facts != self.facts_today(bench, i, judged)
                }
            })
        };
        let open = |(i, known): (usize, &StoredResult)| Kind::ALL.map(|kind| is_open(i, known, kind));
        self.results.iter().enumerate().map(open).collect()
    }

    /// The settlements by assessment and kind.
    pub fn settled(&self) -> HashMap<(i64, Kind), &Settlement> {
        self.settlements.iter().map(|settlement| ((settlement.assessment_id, settlement.kind), settlement)).collect()
    }

    /// Indexes of the results of some assessments.
    pub fn at(&self, assessments: &BTreeSet<i64>) -> Vec<usize> {
        let found = self.results.iter().enumerate().filter(|(_, known)| assessments.contains(&known.assessment_id));
        found.map(|(i, _)| i).collect()
    }
}
