//! One file taken in: kept, read, its good rows stored, and the report that says what became of each.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use fail::fail_point;
use tracing::info;

use super::super::{StageError, blocking, let_go};
use super::{Decision, Desk, FileReport, Manner, plan};
use crate::forms::letters;
use crate::forms::reading::{self, Content, FileKind, FileReading, FormMark, ReadingContext};
use crate::store::{
    self, Arrival, Counts, Fate, Fates, Intake, Kept, NewPacket, PartOf, Reasoned, Rows, Store, TakenAs, TakenIn,
};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::finding::{Code, Finding, Severity};

/// A file that is taken in.
pub(super) struct Taking<'a> {
    /// Its name or path as given.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Its original, if it is kept already.
    pub kept: Option<Kept>,
    /// The part of a mail that it is.
    pub part: Option<PartOf>,
}

impl<'a> Taking<'a> {
    /// A file that came now, by folder or by hand.
    pub fn new(name: &'a str, bytes: Vec<u8>, now: DateTime<Utc>) -> Taking<'a> {
        Taking { name, bytes: Arc::new(bytes), received_at: now, kept: None, part: None }
    }

    /// Its original. A trial keeps none.
    async fn keep(&self, store: &Store, manner: &Manner) -> Result<Kept, StageError> {
        Ok(match &self.kept {
            Some(kept) => kept.clone(),
            None if manner.dry_run => {
                // What was withdrawn would be taken anew.
                let known = store.find_original(&store::sha256_hex(&self.bytes)).await?;
                let stands = known.filter(|known| known.state != Arrival::Withdrawn);
                stands.unwrap_or_else(|| Kept::not_kept(&self.bytes, self.received_at))
            }
            None => store.keep_original(self.name, &self.bytes, self.received_at).await?,
        })
    }
}

/// Keeps a file, reads it, and takes its rows in.
pub(super) async fn take(
    store: &Store,
    desk: &Desk,
    taking: Taking<'_>,
    manner: &Manner,
    now: DateTime<Utc>,
) -> Result<FileReport, StageError> {
    let kept = taking.keep(store, manner).await?;
    fail_point!("collect.kept");
    let Taking { name, bytes, received_at, part, .. } = taking;
    let mut reading = {
        let (desk, name, manner) = (desk.clone(), name.to_owned(), manner.clone());
        let read = blocking(move || read(&desk, &name, &bytes, &manner, civil_date(received_at))).await;
        // A file on which the program breaks must not keep the others waiting.
        read.unwrap_or_else(|_| broken_on())
    };
    if let Some(sender) = manner.sender.as_ref().filter(|_| manner.decision.is_none()) {
        reading = sender.screen(reading);
    }
    let mut report = report_of(name, &kept, &mut reading);
    let answer = match &reading.content {
        // A mail is answered with it, once.
        Content::OldForm(mark) if part.is_none() => new_form(store, desk, mark, &kept, now).await?,
        _ => None,
    };
    let (rows, numbers) = rows_of(reading.content);
    let intake = Intake {
        original: &kept,
        rows: &rows,
        approval: manner.approval.as_ref(),
        at: now,
        dry_run: manner.dry_run,
        answer: answer.as_ref(),
        part,
        decision: taken_as(manner, now),
    };
    let told = |fates: &Fates| finish(&mut report, fates, &numbers, &rows, &desk.catalogue);
    let TakenIn { fates, .. } = store.take_in(intake, told).await?;
    let_go((rows, numbers));
    report.roster = fates.roster_id;
    info!(
        kind = ?report.kind,
        rows = report.rows,
        taken = report.taken,
        duplicates = report.duplicates,
        set_aside = report.set_aside,
        errors = report.errors(),
        dry_run = manner.dry_run,
        "file taken in"
    );
    Ok(report)
}

/// A person's decision as the store enters it.
fn taken_as(manner: &Manner, now: DateTime<Utc>) -> Option<TakenAs<'_>> {
    let (Decision { reason, by, answer, .. }, kind) = manner.decision.as_ref().zip(manner.kind)?;
    Some(TakenAs { kind: stored_kind(kind), because: Reasoned { reason, by, at: now }, answer: answer.as_ref() })
}

/// The report before anybody knows what becomes of the rows.
fn report_of(name: &str, kept: &Kept, reading: &mut FileReading) -> FileReport {
    FileReport {
        file: name.to_owned(),
        sha256: kept.sha256.clone(),
        kind: reading.kind.map_or(store::FileKind::Unknown, stored_kind),
        rows: reading.rows,
        taken: 0,
        duplicates: reading.duplicates,
        repeated: reading.duplicates,
        outdated: 0,
        superseded: 0,
        set_aside: reading.set_aside,
        findings: std::mem::take(&mut reading.findings),
        repairs: std::mem::take(&mut reading.repairs),
        roster: None,
        plan: if let Content::Plan(plan) = &reading.content { Some(plan::draft(plan)) } else { None },
        sheets: std::mem::take(&mut reading.sheets),
        courses: Vec::new(),
        old_form: if let Content::OldForm(mark) = &reading.content { Some(mark.clone()) } else { None },
    }
}

/// The new form for an old one, to be put into the folder of its prison.
async fn new_form(
    store: &Store,
    desk: &Desk,
    mark: &FormMark,
    kept: &Kept,
    now: DateTime<Utc>,
) -> Result<Option<NewPacket>, StageError> {
    let last = store.last_plan(&mark.prison, mark.year).await?;
    Ok(plan::new_form(mark, last.as_ref(), desk, &kept.sha256, civil_date(now))?)
}

fn read(desk: &Desk, name: &str, bytes: &[u8], manner: &Manner, arrived_on: NaiveDate) -> FileReading {
    let (catalogue, specs, limits) = (&desk.catalogue, &desk.specs, desk.limits);
    let context = ReadingContext { catalogue, specs, limits, arrived_on, addition: manner.addition };
    reading::read_file(name, bytes, manner.kind, &context)
}

/// The reading of a file on which the program broke: it is kept, set aside and answered like any other.
fn broken_on() -> FileReading {
    let finding = Finding {
        sheet: String::new(),
        cell: String::new(),
        code: Code::UnreadableFile,
        severity: Severity::Error,
        seen: "程序读取此文件时出错".to_owned(),
        advice: "文件已存档。请用 Excel 或 WPS 打开后另存为新的 .xlsx 再发送；仍不行时，请把文件交程序的维护人员"
            .to_owned(),
    };
    reading::of_no_form(finding)
}

/// Where a row names its person: sheet and A1 address of 罪犯编号.
type NumberCell = (Arc<str>, String);

/// What to do about a row that differs from what is claimed. The cell that it stands at is right: it only names the row.
const CLAIMED: &str = "现在报来的内容与申领时不同，没有收取；罪犯编号不必改。不需要更正的，请把本行恢复原样或删去；\
                       确需更正的，请告知管理员登记更正（冲回），更正列入下一批次之后再报送本行";

/// The good rows as the store takes them, and per result row where findings on it point.
fn rows_of(content: Content) -> (Rows, Vec<NumberCell>) {
    let mut rows = Rows::default();
    let mut numbers = Vec::new();
    match content {
        Content::Results(placed) => {
            for (index, place) in placed.into_iter().enumerate() {
                rows.results.push(store::Placed {
                    sheet: 0,
                    row: u32::try_from(index + 1).unwrap_or(u32::MAX),
                    value: place.row,
                });
                numbers.push((place.sheet, place.number_cell));
            }
        }
        Content::Roster(placed) => rows.roster = placed.into_iter().map(|place| place.row).collect(),
        Content::History(placed) => rows.history = placed.into_iter().map(|place| place.row).collect(),
        Content::Survey(placed) => rows.survey = placed.into_iter().map(|place| place.row).collect(),
        Content::Plan(plan) => rows.plan = Some(plan),
        Content::OldForm(_) | Content::Nothing => {}
    }
    (rows, numbers)
}

/// Completes the report with what became of each row; called inside the store's transaction.
fn finish(
    report: &mut FileReport,
    fates: &Fates,
    numbers: &[NumberCell],
    rows: &Rows,
    catalogue: &Catalogue,
) -> store::Report {
    let counts = fates.count();
    report.courses = courses(fates, rows, catalogue);
    report.taken = counts.taken;
    report.superseded = counts.superseded;
    report.outdated = fates.outdated;
    report.duplicates += counts.duplicates;
    if report.kind == store::FileKind::Roster {
        // A roster is stored once per file: what was not stored now is known from the same bytes.
        report.duplicates = report.rows.saturating_sub(report.set_aside + report.taken);
    }
    if let Some((plan, fate)) = rows.plan.as_deref().zip(fates.plan.as_ref()) {
        plan::finish(report, plan, fate);
    }
    for (fate, (sheet, cell)) in fates.results.iter().zip(numbers) {
        if let Fate::AlreadyClaimed { batch, lines, columns } = fate {
            let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
            let (lines, columns) = (lines.join("、"), columns.join("、"));
            report.set_aside += 1;
            report.findings.push(Finding {
                sheet: sheet.to_string(),
                cell: cell.clone(),
                code: Code::AlreadyClaimed,
                severity: Severity::Error,
                seen: format!("与批次 {batch} 第 {lines} 行已申领的内容不同：{columns}"),
                advice: format!("本行已在批次 {batch} 申领，{CLAIMED}"),
            });
        }
    }
    let errors = u32::try_from(report.errors()).unwrap_or(u32::MAX);
    let warnings = u32::try_from(report.findings.len()).unwrap_or(u32::MAX) - errors;
    store::Report {
        kind: report.kind,
        counts: Counts {
            rows: report.rows,
            taken: report.taken,
            duplicates: report.duplicates,
            superseded: report.superseded,
            set_aside: report.set_aside,
            errors,
            warnings,
        },
        json: serde_json::to_vec(report).unwrap_or_default(),
    }
}

/// The rows that were stored now, by course.
fn courses(fates: &Fates, rows: &Rows, catalogue: &Catalogue) -> Vec<(String, u32)> {
    let taken = rows.results.iter().zip(&fates.results).filter(|(_, fate)| matches!(fate, Fate::Taken { .. }));
    let results = taken.map(|(placed, _)| {
        let row = &placed.value;
        (&*row.prison, &*row.occupation, row.level, &*row.class)
    });
    let roster = rows.roster.iter().filter(|_| fates.roster_taken > 0);
    let roster = roster.map(|row| (&*row.prison, &*row.occupation, row.level, &*row.class));
    letters::courses(results.chain(roster), catalogue)
}

/// What the store calls a kind of file.
pub fn stored_kind(kind: FileKind) -> store::FileKind {
    match kind {
        FileKind::Results => store::FileKind::Results,
        FileKind::Roster => store::FileKind::Roster,
        FileKind::History => store::FileKind::History,
        FileKind::Survey => store::FileKind::Survey,
        FileKind::Plan => store::FileKind::Plan,
    }
}
