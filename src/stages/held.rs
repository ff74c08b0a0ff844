//! Held (待补正): what is held for lack of what -> one letter a week to each unit that can supply it.
//!
//! Reads: the verdicts of the last calculation, the register. Writes: letters.
//! Safe to repeat because a letter is keyed by unit and week, and a key is queued once for ever.
//! When it fails: letters already queued stay queued; the others are queued at the next look in the same week.
//! Trusts: the last calculation; what was supplied since is told no longer after the next one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Datelike, Utc, Weekday};
use tracing::info;

use super::StageError;
use crate::forms::letters::{Frame, HeldFacts, HeldLine, LetterTemplates};
use crate::settings::Settings;
use crate::settings::mailbox::addresses;
use crate::store::{NewLetter, Store};
use crate::subsidy::assessment::Name;
use crate::subsidy::calendar::civil_date;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::held::{Course, Lacking, by_unit};
use crate::subsidy::holidays::Calendar;
use crate::subsidy::verdict::{Outcome, RuleSet};

/// What a run works with.
pub struct Order<'a> {
    /// Addresses, office hours, the day of the week.
    pub settings: &'a Settings,
    /// Names of occupations, addresses of institutions.
    pub catalogue: &'a Catalogue,
    /// Working days.
    pub calendar: &'a Calendar,
    /// The words.
    pub templates: &'a LetterTemplates,
    /// What every letter needs.
    pub frame: Frame,
}

/// Tells each unit that has an address what it can supply, once a week from the set day on; returns who was told now.
pub async fn run(store: &Store, order: &Order<'_>, now: DateTime<Utc>) -> Result<Vec<String>, StageError> {
    let Order { settings, calendar, .. } = order;
    let today = civil_date(now);
    let is_due = |day: Weekday| today.weekday().num_days_from_monday() >= day.num_days_from_monday();
    if !(settings.mail.is_on() && settings.held_on.is_some_and(is_due) && settings.office.is_open(calendar, now)) {
        return Ok(Vec::new());
    }
    let week = today.iso_week();
    let week = format!("{}-W{:02}", week.year(), week.week());
    let mut told = Vec::new();
    for (unit, lacking) in gather(store, order.catalogue).await? {
        let to = addresses(settings, order.catalogue, &unit);
        if to.is_empty() {
            continue;
        }
        let count = lacking.values().flatten().collect::<BTreeSet<_>>().len();
        let lines = lines(&lacking, order.catalogue);
        let facts = HeldFacts::new(order.frame.clone(), unit.to_string(), week.clone(), count, lines);
        let words = order.templates.write("held", &facts)?;
        let letter = NewLetter {
            key: format!("held:{unit}:{week}"),
            recipient: unit.to_string(),
            to,
            cc: Vec::new(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            attachments: Vec::new(),
            thread: Vec::new(),
        };
        if store.queue_letter(&letter, now).await? {
            info!(key = letter.key, "unit told what is held");
            told.push(letter.recipient);
        }
    }
    Ok(told)
}

/// What each unit can supply, by the last calculation.
pub async fn gather(store: &Store, catalogue: &Catalogue) -> Result<BTreeMap<Name, Lacking>, StageError> {
    let mut held: HashMap<i64, RuleSet> = HashMap::new();
    for verdict in store.verdicts().await?.into_iter().filter(|verdict| verdict.outcome == Outcome::Held) {
        held.entry(verdict.assessment_id).or_default().0 |= verdict.rules.0;
    }
    if held.is_empty() {
        return Ok(BTreeMap::new());
    }
    let register = store.load_register().await?;
    let rows = register.results.iter().filter_map(|known| {
        let rules = held.get(&known.assessment_id)?;
        Some((known.assessment_id, &*known.row, *rules))
    });
    Ok(by_unit(rows, &register.roster, catalogue.lead_prison()))
}

/// The same in words, a line for each rule and course.
pub fn lines(lacking: &Lacking, catalogue: &Catalogue) -> Vec<HeldLine> {
    let line = |(course, assessments): (&Course, &BTreeSet<i64>)| {
        let occupation = catalogue.occupation(&course.occupation).map_or(&*course.occupation, |o| o.name.as_str());
        let what = format!("{}，{occupation}（{}），班期 {}", course.prison, course.level, course.class);
        HeldLine::new(course.lacks(), course.mend(), what, assessments)
    };
    lacking.iter().map(line).collect()
}
