//! What people do: approve, close, edit, claim by hand, void, take back, reopen, decide on deliveries.

use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use shenling::stages::{StageError, claim, compile};
use shenling::store::{
    ApprovalNote, Decision, DecisionRefused, ReopenRefused, ReversalRefused, Store, StoreError, VoidRefused,
};
use shenling::subsidy::calendar::{Period, Span, civil_date};
use shenling::subsidy::duty::{Ladder, Step};
use shenling::subsidy::money::Fen;

use super::life::{Life, Stop};
use super::script::{Event, day};

/// Steps of the default ladder, in days before the deadline.
pub const STEPS: [u32; 7] = [60, 30, 14, 7, 3, 1, 0];
/// Who acts, and why.
const BY: &str = "演示";

impl Life<'_> {
    /// One act. One that is refused changes nothing.
    pub fn act(&mut self, real: DateTime<Utc>, now: DateTime<Utc>, event: &Event) -> Result<(), Stop> {
        let store = self.next_store();
        let note = |plan_year| ApprovalNote { on: civil_date(now), by: BY.to_owned(), plan_year };
        let never = |_: &StageError| false;
        match event {
            Event::Look | Event::File(_) | Event::Table(_) => {}
            Event::ApprovePlans(year) => {
                let work = async {
                    match store.approve_plans(*year, None, &note(None), now).await {
                        Ok(_) | Err(StoreError::Unknown { .. }) => Ok(()),
                        Err(error) => Err(error.into()),
                    }
                };
                self.stage(real, "approve plans", never, work)?;
            }
            Event::ApproveRosters => {
                let year = real.format("%Y").to_string().parse().ok();
                let work = async {
                    for roster in store.rosters().await?.into_iter().filter(|roster| roster.approval.is_none()) {
                        let on = civil_date(now).checked_sub_days(Days::new(400)).unwrap_or_default();
                        store.approve_roster(roster.id, &ApprovalNote { on, ..note(year) }, now).await?;
                    }
                    Ok(())
                };
                self.stage(real, "approve rosters", never, work)?;
            }
            Event::Close(year) => {
                let closing = compile::Closing { year: *year, reason: BY.to_owned(), by: BY.to_owned() };
                self.compile(real, now, Some(closing))?;
            }
            Event::Ladder { without, overdue } => self.edit_ladder(*without, *overdue),
            Event::Address { prison, there } => {
                let mut settings = (*self.settings).clone();
                settings.prisons[*prison].email =
                    if *there { self.scene.settings.prisons[*prison].email.clone() } else { Vec::new() };
                self.settings = Arc::new(settings);
            }
            Event::Rate { at, from } => self.edit_rate(*at, *from),
            Event::Claim => {
                let (catalogue, order) = (self.catalogue.clone(), self.claim_order(Period::of(civil_date(now))));
                let work = claim::run(&store, &catalogue, &order, || true, now);
                let report = self.stage(real, "claim by hand", never, work)?;
                self.sealed(report.and_then(|report| report.sealed))?;
            }
            Event::Void(throw) => {
                self.stage(real, "void", never, void(&store, *throw, now))?;
            }
            Event::Reverse(throw) => {
                self.stage(real, "reverse", never, reverse(&store, *throw, now))?;
            }
            Event::Reopen(throw) => {
                self.stage(real, "reopen", never, reopen(&store, *throw, now))?;
            }
            Event::Decide(throw) => {
                self.stage(real, "decide", never, decide(&store, *throw, now))?;
            }
        }
        Ok(())
    }

    fn edit_ladder(&mut self, without: usize, overdue: u32) {
        let mut settings = (*self.settings).clone();
        let steps = STEPS.iter().enumerate().filter(|(at, _)| *at != without).map(|(_, days)| *days);
        self.steps = steps.clone().collect();
        self.overdue = overdue;
        settings.duties[0].ladder = Ladder::new(steps.map(Step::before), overdue);
        self.settings = Arc::new(settings);
    }

    /// The rate that is open-ended ends with a year; the next is higher.
    fn edit_rate(&mut self, at: usize, from: i32) {
        let mut catalogue = (*self.catalogue).clone();
        let rates = &mut catalogue.rates;
        let Some(old) = rates.iter_mut().filter(|rate| rate.span.to.is_none()).nth(at) else { return };
        let first = day(from, 1, 1);
        if old.span.from >= first {
            return;
        }
        let mut new = old.clone();
        old.span.to = first.pred_opt();
        new.span = Span { from: first, to: None };
        new.training = new.training.map(|Fen(fen)| Fen(fen + 5_000));
        rates.push(new);
        let number = rates.len();
        catalogue.sha256 = format!("edit-{number}");
        self.catalogue = Arc::new(catalogue.indexed());
    }
}

/// Voids the newest batch, or another.
async fn void(store: &Store, throw: u64, now: DateTime<Utc>) -> Result<(), StageError> {
    let batches = store.batches().await?;
    let Some(batch) = pick(&batches, if throw.is_multiple_of(3) { throw / 3 } else { u64::MAX }) else { return Ok(()) };
    match store.void_batch(&batch.number, BY, BY, now).await {
        Err(VoidRefused::Store(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

async fn reverse(store: &Store, throw: u64, now: DateTime<Utc>) -> Result<(), StageError> {
    let batches = store.batches().await?;
    let Some(batch) = pick(&batches, throw) else { return Ok(()) };
    let line = u32::try_from(throw / 7 % u64::from(batch.totals.lines.max(1))).unwrap_or(0) + 1;
    match store.request_reversal(&batch.number, line, BY, BY, now).await {
        Err(ReversalRefused::Store(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

async fn reopen(store: &Store, throw: u64, now: DateTime<Utc>) -> Result<(), StageError> {
    let register = store.load_register().await?;
    let Some(result) = pick(&register.results, throw) else { return Ok(()) };
    match store.reopen(result.assessment_id, BY, BY, now).await {
        Err(ReopenRefused::Store(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

async fn decide(store: &Store, throw: u64, now: DateTime<Utc>) -> Result<(), StageError> {
    let deliveries = store.deliveries().await?;
    let open: Vec<_> = deliveries.iter().filter(|line| line.state != "done").collect();
    let Some(line) = pick(&open, throw) else { return Ok(()) };
    let decision = match throw % 5 {
        0 => Decision::Hold,
        1 => Decision::Release,
        _ => Decision::Retry { to: Vec::new() },
    };
    match store.decide(line.delivery.id, &decision, BY, BY, now).await {
        Err(DecisionRefused::Store(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

/// One of a list; the last for the greatest throw.
fn pick<T>(list: &[T], throw: u64) -> Option<&T> {
    let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
    let at = if throw == u64::MAX { length.checked_sub(1)? } else { throw.checked_rem(length)? };
    list.get(usize::try_from(at).ok()?)
}
