//! What a life is held against: facts gathered from store, folders and mail server, handed to the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Timelike, Utc, Weekday};
use serde_json::Value;
use shenling::stages::collect::{FileReport, PlanOutcome};
use shenling::store::{DeliveryLine, PlannedMail, StoreError, StoredBatch, StoredRefusal, sha256_hex};
use shenling::subsidy::assessment::ResultRow;
use shenling::subsidy::batch::Totals;
use shenling::subsidy::calendar::civil_date;
use shenling::subsidy::duty::Step;
use shenling::subsidy::verdict::Rule;

use super::life::Life;
use super::post::{Came, count};
use super::rules::{self, Grant, Moment, Verdict};
use super::scene::{PRISONS, PROJECTS};
use super::script::day;
use crate::mail::peer::Play;

/// 每人每年 3 次: the catalogue's policy.
const CAP: usize = 3;
/// For so many days after a deadline missed reminders are made up for.
const CHASE_DAYS: i64 = 180;
/// A ladder begins so many days before its deadline at the earliest.
const LEAD_DAYS: i64 = 60;

/// What was so when reminders were asked for.
#[derive(Clone)]
pub struct Asked {
    now: DateTime<Utc>,
    is_open: bool,
    owes: BTreeSet<(String, String)>,
    addressed: BTreeSet<String>,
}

impl Life<'_> {
    /// Reads what became of files since the last look: whose plan is whole, and whether every row was told.
    pub fn learn(&mut self) -> Verdict {
        let store = self.process().store(0);
        loop {
            let id = self.known.next_report;
            let (original, report) = match self.process().calm(store.report(id)) {
                Ok(Some(found)) => found,
                Ok(None) | Err(StoreError::Unknown { .. }) => return Ok(()),
                Err(error) => return rules::failed(format!("report {id}: {error:?}")),
            };
            let sha256 = &original.kept.sha256;
            let Some(dropped) = self.known.files.get(sha256).cloned() else {
                return rules::failed(format!("{} was never dropped", original.name));
            };
            rules::every_row_is_taken_or_told(&dropped.name, &report.counts, dropped.rows)?;
            let said: FileReport = serde_json::from_slice(&report.json).unwrap();
            if let (Some((prison, year, whole)), Some(plan)) = (dropped.plan, said.plan)
                && matches!(plan.outcome, PlanOutcome::Filed | PlanOutcome::Superseding)
            {
                self.known.whole.insert((prison, year), whole);
            }
            self.known.next_report += 1;
        }
    }

    /// Who owes a plan, as the life knows it.
    pub fn ask(&mut self, now: DateTime<Utc>) -> Asked {
        let store = self.process().store(0);
        let cities = self.process().calm(store.city_plans()).unwrap();
        let closed =
            |year: i32| cities.iter().any(|city| city.year == year && city.scope == "year" && city.closing.is_some());
        let mut owes = BTreeSet::new();
        for year in civil_date(now).year()..=civil_date(now).year() + 2 {
            for (at, prison) in PRISONS.iter().enumerate() {
                let whole = self.known.whole.get(&(at, year)).copied().unwrap_or(false);
                if !whole && !closed(year) {
                    owes.insert(((*prison).to_owned(), year.to_string()));
                }
            }
        }
        if self.settings.duties.len() > 1 {
            owes.extend(self.results_owed(now));
        }
        let addressed = self.settings.prisons.iter().filter(|prison| !prison.email.is_empty());
        let addressed = addressed.map(|prison| prison.name.clone()).collect();
        Asked { now, is_open: self.is_open(now), owes, addressed }
    }

    /// Which quarters and courses have no result yet, by prison and term.
    fn results_owed(&mut self, now: DateTime<Utc>) -> Vec<(String, String)> {
        let store = self.process().store(0);
        let register = self.process().calm(store.load_register()).unwrap();
        let rows: Vec<_> = register.results.iter().map(|known| &known.row).collect();
        let mut owed = Vec::new();
        let year = civil_date(now).year();
        for prison in PRISONS {
            for (year, quarter) in (year - 2..=year + 1).flat_map(|year| (1..=4_u32).map(move |n| (year, n))) {
                let is_in = |day: NaiveDate| day.year() == year && day.month0() / 3 + 1 == quarter;
                if !rows.iter().any(|row| *row.prison == *prison && is_in(row.assessed_on)) {
                    owed.push((prison.to_owned(), format!("{year}-Q{quarter}")));
                }
            }
            for (year, (_, occupation, level)) in
                (year - 2..=year + 1).flat_map(|year| PROJECTS.map(|project| (year, project)))
            {
                let is_it = |row: &ResultRow| {
                    (&*row.prison, &*row.occupation, row.level.name()) == (prison, occupation, level)
                        && row.started_on.year() == year
                };
                if !rows.iter().any(|row| is_it(row)) {
                    owed.push((prison.to_owned(), format!("{year}/{occupation}/{level}/1")));
                }
            }
        }
        owed
    }

    /// Holds the notices that were given since the last look against what was so then.
    pub fn heed_notices(&mut self) -> Verdict {
        let Some(asked) = self.asked.take() else { return Ok(()) };
        let store = self.process().store(0);
        let all = self.process().calm(store.notices()).unwrap();
        rules::every_step_is_told_once(&all)?;
        let new: Vec<_> = all.iter().filter(|notice| !self.known.notices.contains(notice)).cloned().collect();
        for given in &new {
            let notice = &given.notice;
            let moment = Moment {
                owes: asked.owes.contains(&(notice.prison.clone(), notice.term.clone())),
                has_address: asked.addressed.contains(&notice.prison),
                is_open: asked.is_open && given.at == asked.now,
                today: civil_date(asked.now),
            };
            rules::a_notice_goes_to_who_owes_in_office_hours(given, moment)?;
        }
        rules::a_prison_gets_one_letter_a_round(&new)?;
        self.tally.notices += new.len() as u64;
        self.known.notices = all;
        Ok(())
    }

    /// After a round of reminders nothing that is due remains untold.
    pub fn nobody_is_forgotten(&mut self, now: DateTime<Utc>) -> Verdict {
        if !self.is_open(now) {
            return Ok(());
        }
        let (today, asked) = (civil_date(now), self.ask(now));
        for (prison, term) in asked.owes.iter().filter(|(prison, _)| asked.addressed.contains(prison)) {
            let Ok(year) = term.parse::<i32>() else { continue };
            let due_on = day(year - 1, 11, 30);
            if !(-LEAD_DAYS..=CHASE_DAYS).contains(&(today - due_on).num_days()) {
                continue;
            }
            let due = self.rungs(year).into_iter().filter(|(_, on)| *on <= today).map(|(step, _)| step).max();
            let of =
                |notice: &&shenling::store::GivenNotice| notice.notice.prison == *prison && notice.notice.term == *term;
            let told = self.known.notices.iter().filter(of).map(|notice| notice.notice.step).max();
            rules::nobody_who_owes_is_forgotten(prison, year, due, told)?;
        }
        Ok(())
    }

    /// The rungs of the plan for a year, reckoned anew: days before the last working day up to 30 November, moved to
    /// the working day before; then the working days after it.
    pub fn rungs(&self, year: i32) -> Vec<(Step, NaiveDate)> {
        let works = |day: NaiveDate| self.is_working_day(day);
        let back = |day: NaiveDate| {
            let mut day = day;
            while !works(day) {
                day = day.pred_opt().unwrap();
            }
            day
        };
        let target = back(day(year - 1, 11, 30));
        let before = self.steps.iter().map(|days| (Step::before(*days), back(target - Days::new(u64::from(*days)))));
        let after = target.iter_days().skip(1).filter(|day| works(*day));
        let after = (1..=self.overdue).map(Step::overdue).zip(after);
        before.chain(after).collect()
    }

    fn is_working_day(&self, day: NaiveDate) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        match self.calendar.table(day.year()) {
            None => !weekend,
            Some(table) => (!weekend && !table.off.contains(&day)) || (weekend && table.worked.contains(&day)),
        }
    }

    fn is_open(&self, now: DateTime<Utc>) -> bool {
        let local = now.naive_utc() + TimeDelta::hours(8);
        (9..17).contains(&local.hour()) && self.is_working_day(local.date())
    }

    /// Counts what the mail server got.
    pub fn mails_came(&mut self, came: &[Came]) -> Verdict {
        for mail in came {
            if mail.play == Play::DropAfterData {
                *self.known.doubts.entry(mail.message_id.clone()).or_default() += 1;
            }
            count(&mut self.known.copies, mail);
            let doubts = self.known.doubts.get(&mail.message_id).copied().unwrap_or_default();
            if let Some(copies) = self.known.copies.get(&mail.message_id) {
                rules::a_mail_leaves_once_and_again_only_in_doubt(&mail.message_id, copies, doubts)?;
            }
        }
        self.tally.mails += came.len() as u64;
        Ok(())
    }

    /// A batch was sealed.
    pub fn sealed(&mut self, sealed: Option<(String, Totals)>) -> Verdict {
        let Some((number, _)) = sealed else { return Ok(()) };
        self.tally.batches += 1;
        let store = self.process().store(0);
        let batch = self.process().calm(store.batch(&number)).unwrap();
        totals_hold(&batch)
    }

    /// Everything that holds at any time, over the whole history.
    pub fn verify_all(&mut self) -> Verdict {
        let store = self.process().store(0);
        let (batches, audit) = self.process().calm(async {
            let mut batches = Vec::new();
            for header in store.batches().await.unwrap() {
                batches.push(store.batch(&header.number).await.unwrap());
            }
            let last = batches.last().map(|batch| (batch.header.audit_head.clone(), batch.header.audit_count));
            let (head, count) = last.unzip();
            (batches, store.audit_verify(head.as_deref(), count).await.unwrap())
        });
        if !audit.faults.is_empty() {
            return rules::failed(format!("audit verify: {:?}", audit.faults));
        }
        let numbers: Vec<String> = batches.iter().map(|batch| batch.header.number.clone()).collect();
        rules::batch_numbers_run_without_gap(&numbers)?;
        batches.iter().try_for_each(totals_hold)?;
        let grants = self.grants(&batches);
        rules::no_line_is_granted_twice(&grants)?;
        rules::nobody_is_paid_more_often_than_the_cap(&grants, CAP)?;
        rules::the_same_is_not_paid_again_within_a_year(&grants)?;
        let for_the_cap = |refusal: &&StoredRefusal| refusal.rules.failing().iter().eq([Rule::Cap]);
        self.tally.capped = batches.iter().flat_map(|batch| &batch.refusals).filter(for_the_cap).count() as u64;
        let seals: BTreeMap<String, String> = batches.iter().map(|b| (b.header.number.clone(), seal(b))).collect();
        rules::what_is_sealed_stays(&self.known.seals, &seals)?;
        self.known.seals = seals;
        Ok(())
    }

    /// The granted lines of live batches.
    fn grants(&self, batches: &[StoredBatch]) -> Vec<Grant> {
        let live = || batches.iter().enumerate().filter(|(_, batch)| batch.void.is_none());
        let mut reversed: BTreeMap<(&str, u32), usize> = BTreeMap::new();
        for (at, batch) in live() {
            for cited in batch.lines.iter().filter_map(|line| line.reverses.as_ref()) {
                reversed.insert((&cited.batch, cited.line), at);
            }
        }
        let mut grants = Vec::new();
        for (at, batch) in live() {
            for line in batch.lines.iter().filter(|line| line.reverses.is_none()) {
                let parts: Vec<&str> = line.canonical.split('|').collect();
                grants.push(Grant {
                    batch: at,
                    claim_on: batch.header.claim_on,
                    person: self.person(&line.person_key),
                    kind: line.kind,
                    occupation: parts[3].to_owned(),
                    level: parts[4].to_owned(),
                    assessment: line.assessment_id,
                    reversed_in: reversed.get(&(batch.header.number.as_str(), line.number)).copied(),
                });
            }
        }
        grants
    }

    /// Whom a key means: a resident ID, or prison and number.
    fn person(&self, key: &str) -> usize {
        let is = |person: &shenling::cli::demo::season::people::Person| {
            person.id == key || format!("{}/{}", person.prison, person.number) == key
        };
        self.script.persons.iter().position(is).unwrap()
    }

    /// At the end: each delivery ended, and is done only where it arrived.
    pub fn verify_deliveries(&mut self) -> Verdict {
        let store = self.process().store(0);
        let all: Vec<(DeliveryLine, Vec<PlannedMail>)> = self.process().calm(async {
            let mut all = Vec::new();
            for line in store.deliveries().await.unwrap() {
                let mails = store.mails(line.delivery.id).await.unwrap();
                all.push((line, mails));
            }
            all
        });
        for (line, mails) in all {
            let accepted = |mail: &PlannedMail| {
                self.known.copies.get(&mail.plan.message_id).is_some_and(|copies| copies.accepted > 0)
            };
            let arrived = if line.delivery.letter {
                !mails.is_empty() && mails.iter().all(accepted)
            } else {
                line.state != "done" || is_whole(Path::new(line.answer.as_deref().unwrap_or_default()))
            };
            rules::a_delivery_ends_and_is_done_only_where_it_arrived(&line.delivery.key, &line.state, arrived)?;
        }
        Ok(())
    }

    /// At the end: everything that was dropped is kept, and nothing waits in the inbox.
    pub fn verify_files(&mut self) -> Verdict {
        let store = self.process().store(0);
        let names = fs::read_dir(self.folder("inbox")).unwrap();
        let inbox: Vec<String> = names.map(|entry| entry.unwrap().file_name().display().to_string()).collect();
        let dropped: BTreeSet<String> = self.known.files.keys().cloned().collect();
        let process = self.process();
        let kept = dropped.iter().filter(|hash| process.calm(store.find_original(hash)).unwrap().is_some());
        let kept: BTreeSet<String> = kept.cloned().collect();
        rules::every_file_is_kept(&dropped, &kept, &inbox)
    }
}

fn totals_hold(batch: &StoredBatch) -> Verdict {
    let lines: Vec<(String, i64)> = batch.lines.iter().map(|line| (line.canonical.clone(), line.amount.0)).collect();
    rules::the_control_totals_are_those_of_the_lines(&batch.header.number, &batch.header.totals, &lines)
}

/// What must never change of a batch; whether it is void is no part of it.
fn seal(batch: &StoredBatch) -> String {
    let header = &batch.header;
    let what = format!(
        "{} {} {:?} {:?} {} {} {:?} {:?} {:?} {:?}",
        header.sealed_at,
        header.claim_on,
        header.totals,
        header.previous,
        header.audit_count,
        header.audit_head,
        batch.lines,
        batch.refusals,
        batch.balances,
        batch.papers
    );
    sha256_hex(what.as_bytes())
}

/// Whether every file that the manifest of a folder lists is there as it says.
fn is_whole(folder: &Path) -> bool {
    let Ok(bytes) = fs::read(folder.join("manifest.json")) else { return false };
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    let is_there = |file: &Value| {
        let name = file["name"].as_str().unwrap_or_default();
        fs::read(folder.join(name)).is_ok_and(|bytes| Some(sha256_hex(&bytes).as_str()) == file["sha256"].as_str())
    };
    manifest["files"].as_array().is_some_and(|files| files.iter().all(is_there))
}
