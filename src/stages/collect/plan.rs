//! What is said of a planning workbook: what was filed, what is missing, what a resubmission changed; and the new form
//! that answers an old one.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Desk, FileReport};
use crate::forms::papers::PaperError;
use crate::forms::planning::{self, FORM_VERSION, FormMark};
use crate::store::{NewPacket, PacketFile, PlanFate};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::plan::compare::{Difference, difference};
use crate::subsidy::plan::{Annex, Missing, Plan, missing};

/// What became of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanReport {
    /// 监狱, full name.
    pub prison: String,
    /// The year that is planned.
    pub year: i32,
    /// Number of the addition (临时备案), if it is one.
    pub addition: Option<u32>,
    /// The four annexes.
    pub annexes: Vec<AnnexReport>,
    /// What is still owed, in words.
    pub missing: Vec<String>,
    /// What became of it.
    pub outcome: PlanOutcome,
    /// The day on which the plan that says the same, or the one that counts, was received.
    pub known_since: Option<NaiveDate>,
    /// What it changes in the plan whose place it takes.
    pub difference: Option<Difference>,
}

/// One annex of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnnexReport {
    /// 1 to 4.
    pub annex: u32,
    /// Rows (of annex 4: forms) in it.
    pub rows: u32,
    /// Rows that came back.
    pub set_aside: u32,
    /// It says something, and nothing of it must be changed.
    pub filed: bool,
}

/// What became of a plan.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanOutcome {
    /// The first of its prison, year and kind.
    Filed,
    /// It takes the place of the one before.
    Superseding,
    /// It says what the one that counts says.
    Duplicate,
    /// A plan that was received later counts.
    Older,
    /// It was received before, and one that was received later counts.
    Outdated,
}

/// The report on a plan before the store has decided on it.
pub(super) fn draft(plan: &Plan) -> PlanReport {
    let annexes = Annex::ALL.map(|annex| {
        let state = plan.state(annex);
        AnnexReport { annex: annex.number(), rows: state.rows, set_aside: state.unread, filed: state.is_filed() }
    });
    let whole = Plan { addition: None, ..plan.clone() };
    let owed = missing([&plan.prison], [&whole]);
    PlanReport {
        prison: plan.prison.to_string(),
        year: plan.year,
        addition: plan.addition,
        annexes: annexes.to_vec(),
        missing: owed.iter().flat_map(Missing::in_words).collect(),
        outcome: PlanOutcome::Filed,
        known_since: None,
        difference: None,
    }
}

/// What is said of a plan: what became of it, what it changed, what is still owed.
pub fn in_words(plan: &PlanReport) -> Vec<String> {
    let what = plan.addition.map_or_else(|| "年度计划".to_owned(), |number| format!("临时备案第 {number} 次"));
    let since = plan.known_since.map(|day| day.to_string()).unwrap_or_default();
    let outcome = match plan.outcome {
        PlanOutcome::Filed => "已收取".to_owned(),
        PlanOutcome::Superseding => "已收取，代替上次所报".to_owned(),
        PlanOutcome::Duplicate => format!("与 {since} 收到的内容相同，无需重复报送，谢谢"),
        PlanOutcome::Older => "已留存；此后收到的另一份为准".to_owned(),
        PlanOutcome::Outdated => {
            format!("{since} 收到过同一份，此后收到的另一份为准；要改回这一份，请把它另存为新文件后再报")
        }
    };
    let mut words = vec![format!("{} {} 年{what}：{outcome}", plan.prison, plan.year)];
    let changed = plan.difference.iter().flat_map(Difference::in_words);
    words.extend(changed.map(|line| format!("与上次相比，{line}")));
    // What an outdated plan lacks, the later one may hold.
    let counts = !matches!(plan.outcome, PlanOutcome::Older | PlanOutcome::Outdated);
    words.extend(plan.missing.iter().filter(|_| counts).map(|what| format!("尚缺 {what}")));
    words
}

/// Completes report and counts with what the store decided.
pub(super) fn finish(report: &mut FileReport, plan: &Plan, fate: &PlanFate) {
    let good = report.rows.saturating_sub(report.set_aside + report.duplicates);
    let Some(said) = &mut report.plan else { return };
    match fate {
        PlanFate::Duplicate { received_at, counts } => {
            said.outcome = if *counts { PlanOutcome::Duplicate } else { PlanOutcome::Outdated };
            said.known_since = Some(civil_date(*received_at));
            report.duplicates += good;
        }
        PlanFate::Taken { supersedes, counts } => {
            report.taken = good;
            if let Some(old) = supersedes {
                said.outcome = PlanOutcome::Superseding;
                said.difference = Some(difference(old, plan));
                report.superseded = good;
            } else if !counts {
                said.outcome = PlanOutcome::Older;
            }
        }
    }
}

/// The new form for a prison that sent an old one; nothing where the catalogue does not know the prison.
pub(super) fn new_form(
    mark: &FormMark,
    last: Option<&Plan>,
    desk: &Desk,
    sha256: &str,
    today: NaiveDate,
) -> Result<Option<NewPacket>, PaperError> {
    let Some(prison) = desk.catalogue.prison(&mark.prison) else { return Ok(None) };
    let order = planning::Order {
        prison,
        year: mark.year,
        addition: mark.addition,
        last,
        today,
        specs: &desk.specs,
        catalogue: &desk.catalogue,
    };
    let file =
        PacketFile { name: planning::file_name(prison, mark.year, mark.addition), bytes: planning::write(&order)? };
    let hash = sha256.get(..12).unwrap_or(sha256);
    let key = format!("form:planning:{}:{prison}:v{FORM_VERSION}:{hash}", mark.year);
    Ok(Some(NewPacket { key, recipient: prison.to_string(), files: vec![file] }))
}
