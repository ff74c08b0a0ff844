//! Claim batches (申领批次): lines, groups, control totals, balances (RULES section 5).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::assessment::{Name, ResultRow};
use super::calendar::Period;
use super::course::{Kind, Level};
use super::identifiers::{Sex, normalise};
use super::money::Fen;
use super::verdict::{Payable, RuleSet, Verdict};
use super::waiver::Waiver;

/// What a reversal line (更正/追回) cites.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reverses {
    /// Number of the batch that granted.
    pub batch: String,
    /// Line in that batch, from 1.
    pub line: u32,
    /// Why, in the words of the person who asked for it.
    pub reason: String,
}

/// One line of a batch: a granted verdict, or the reversal of an earlier line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Number in the batch, from 1.
    pub number: u32,
    /// Kind of subsidy.
    pub kind: Kind,
    /// The assessment in the store.
    pub assessment_id: i64,
    /// The facts, as judged.
    pub row: Arc<ResultRow>,
    /// Who is paid for: resident ID, or `prison/number`.
    pub person_key: Arc<str>,
    /// Sex from the resident ID or the roster.
    pub sex: Option<Sex>,
    /// The amount; negative for a reversal.
    pub amount: Fen,
    /// How it came about; of a reversal: how the reversed amount came about.
    pub payable: Payable,
    /// Warnings of the verdict.
    pub warnings: RuleSet,
    /// 补报: assessed before the first day of the period.
    pub late: bool,
    /// The line that this one takes back, if it does; boxed, because few of very many do.
    pub reverses: Option<Box<Reverses>>,
}

/// One entry of the refusal list (不予核定清单): a denied or held verdict.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The assessment in the store.
    pub assessment_id: i64,
    /// The facts, as judged.
    pub row: Arc<ResultRow>,
    /// The verdict.
    pub verdict: Verdict,
    /// Per failing rule what was found, in Chinese, with masked identifiers.
    pub details: Vec<(super::verdict::Rule, String)>,
    /// 补报: assessed before the first day of the period.
    pub late: bool,
}

/// What one form 7 (training) or form 9 (assessment) stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Kind of subsidy.
    pub kind: Kind,
    /// 监狱.
    pub prison: Name,
    /// 培训机构 or 鉴定机构.
    pub institution: Name,
    /// Occupation id.
    pub occupation: Name,
    /// 等级.
    pub level: Level,
    /// 班期.
    pub class: String,
    /// 补贴标准.
    pub base: Fen,
    /// Share in ‰.
    pub share_permille: u32,
}

/// A [`GroupKey`], borrowed, for comparing: occupation, level and class stand together.
pub type GroupOrder<'a> = (Kind, &'a str, &'a str, (&'a str, Level, &'a str), Fen, u32);

/// One group and its lines.
#[derive(Clone, Debug)]
pub struct Group {
    /// Number in the batch, from 1; printed with three digits in file names.
    pub number: u32,
    /// What it stands for.
    pub key: GroupKey,
    /// Indexes into the batch's lines, in printing order.
    pub lines: Vec<usize>,
}

/// A waiver on which a line rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineWaiver {
    /// The line.
    pub line: u32,
    /// The waiver, as it stood when the batch was sealed.
    pub waiver: Waiver,
}

/// Netting per prison x institution x kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// 监狱.
    pub prison: Name,
    /// Institution.
    pub institution: Name,
    /// Kind of subsidy.
    pub kind: Kind,
    /// Distinct persons on positive lines.
    pub persons: u32,
    /// Sum of the positive lines.
    pub granted: Fen,
    /// Sum of the reversal lines (zero or negative).
    pub reversed: Fen,
    /// Carried in from earlier batches (usually zero or negative).
    pub carried_in: Fen,
    /// What is to be paid now: never negative.
    pub payable: Fen,
    /// What is carried to the next batch (zero or negative, unless no form could pay it).
    pub carried_out: Fen,
}

/// Control totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Distinct persons over both kinds.
    pub persons: u32,
    /// Number of lines.
    pub lines: u32,
    /// Sum of all amounts.
    pub sum: Fen,
    /// SHA-256 over the canonical lines, in hex.
    pub lines_sha256: String,
}

/// A batch as it is rendered and sealed.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `CZ-2026-Q4-001`.
    pub number: String,
    /// The period.
    pub period: Period,
    /// When it was sealed; every date on plain papers comes from here.
    pub sealed_at: DateTime<Utc>,
    /// The claim date (civil date of `sealed_at` in Asia/Shanghai).
    pub claim_on: NaiveDate,
    /// The lines, numbered from 1.
    pub lines: Vec<Line>,
    /// The refusal list.
    pub refusals: Vec<Refusal>,
    /// The groups: one form 7 or 9 with its form 8 or 10 each.
    pub groups: Vec<Group>,
    /// Netting per prison x institution x kind.
    pub balances: Vec<Balance>,
    /// The waivers on which lines rest, by line.
    pub waivers: Vec<LineWaiver>,
    /// Control totals.
    pub totals: Totals,
    /// Number of the last sealed, not void batch before this one, if any.
    pub previous: Option<String>,
    /// Audit entries at the time of the draft.
    pub audit_count: i64,
    /// Head of the audit chain at the time of the draft, in hex.
    pub audit_head: String,
}

/// `CZ-<period>-<serial>`, the serial with at least three digits.
pub fn batch_number(period: Period, serial: u32) -> String {
    format!("CZ-{period}-{serial:03}")
}

impl Line {
    /// The canonical text of the line for `lines_sha256` (RULES section 5), without the closing LF.
    pub fn canonical(&self) -> String {
        let row = &self.row;
        let certificate = row.certificate_number.as_deref().map(normalise).unwrap_or_default();
        // Joined, not formatted: a season has a third of a million of them in memory, none with room to spare.
        [
            self.kind.code(),
            &row.prison,
            row.institution(self.kind),
            &row.occupation,
            row.level.name(),
            &row.class,
            &self.person_key,
            row.certificate_type.map_or("", super::course::CertificateType::name),
            &certificate,
            &row.assessed_on.to_string(),
            &self.amount.0.to_string(),
        ]
        .join("|")
    }

    /// The fields of [`Line::group_key`] in its order, borrowed.
    pub fn group_order(&self) -> GroupOrder<'_> {
        let (row, payable) = (&*self.row, &self.payable);
        let course = (&*row.occupation, row.level, row.class.as_str());
        (self.kind, &row.prison, row.institution(self.kind), course, payable.base, payable.share_permille)
    }

    /// The group that the line belongs to.
    pub fn group_key(&self) -> GroupKey {
        GroupKey {
            kind: self.kind,
            prison: self.row.prison.clone(),
            institution: self.row.institution(self.kind).clone(),
            occupation: self.row.occupation.clone(),
            level: self.row.level,
            class: self.row.class.clone(),
            base: self.payable.base,
            share_permille: self.payable.share_permille,
        }
    }
}

/// SHA-256 over canonical lines: sorted bytewise, each ended by LF, in hex.
pub fn lines_sha256(canonical: impl IntoIterator<Item = impl AsRef<str> + Ord + Send>) -> String {
    let mut lines: Vec<_> = canonical.into_iter().collect();
    lines.par_sort_unstable();
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_ref().as_bytes());
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}

/// Control totals of some lines.
pub fn totals(lines: &[Line]) -> Totals {
    let persons: HashSet<&str> = lines.iter().map(|line| &*line.person_key).collect();
    Totals {
        persons: count(persons.len()),
        lines: count(lines.len()),
        sum: lines.iter().map(|line| line.amount).sum(),
        lines_sha256: lines_sha256(lines.par_iter().map(Line::canonical).collect::<Vec<String>>()),
    }
}

/// Puts the lines into groups, in the order of the group keys; within a group in the order of the lines.
pub fn groups(lines: &[Line]) -> Vec<Group> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    // Stable and fast on what is sorted already: a draft's lines are.
    order.sort_by(|a, b| lines[*a].group_order().cmp(&lines[*b].group_order()));
    let one_group = |a: &usize, b: &usize| lines[*a].group_order() == lines[*b].group_order();
    let group = |(lines_of, number): (&[usize], u32)| Group {
        number,
        key: lines[lines_of[0]].group_key(),
        lines: lines_of.to_vec(),
    };
    order.chunk_by(one_group).zip(1..).map(group).collect()
}

/// Prison, institution and kind: what is netted together.
pub type BalanceKey = (Name, Name, Kind);

/// Nets the lines per prison x institution x kind against what earlier batches carried.
///
/// `carried` is, over all sealed batches that are not void, the sum of lines minus what was payable.
pub fn balances(lines: &[Line], carried: &BTreeMap<BalanceKey, Fen>) -> Vec<Balance> {
    let mut by_key: BTreeMap<BalanceKey, Vec<&Line>> = BTreeMap::new();
    for (key, fen) in carried {
        if *fen != Fen::ZERO {
            by_key.entry(key.clone()).or_default();
        }
    }
    for line in lines {
        let key = (line.row.prison.clone(), line.row.institution(line.kind).clone(), line.kind);
        by_key.entry(key).or_default().push(line);
    }
    let mut balances = Vec::new();
    for (key, lines) in by_key {
        let granted: Fen = lines.iter().filter(|l| l.reverses.is_none()).map(|l| l.amount).sum();
        let reversed: Fen = lines.iter().filter(|l| l.reverses.is_some()).map(|l| l.amount).sum();
        let persons: HashSet<&str> = lines.iter().filter(|l| l.reverses.is_none()).map(|l| &*l.person_key).collect();
        let carried_in = carried.get(&key).copied().unwrap_or_default();
        let net = granted.0 + reversed.0 + carried_in.0;
        // Without a line there is no form to pay on: what is carried stays carried.
        let payable = if lines.is_empty() { 0 } else { net.max(0) };
        let (prison, institution, kind) = key;
        balances.push(Balance {
            prison,
            institution,
            kind,
            persons: count(persons.len()),
            granted,
            reversed,
            carried_in,
            payable: Fen(payable),
            carried_out: Fen(net - payable),
        });
    }
    balances
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
