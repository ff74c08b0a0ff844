//! Remind (催报): duties, calendar, what is owed, what was told -> one letter to each prison that still owes.
//!
//! Reads: notices on record; what is owed is handed in. Writes: notices and their letters, one transaction per letter;
//! letters about dates that moved; letters that are taken back or written anew before they leave ([`waiting`]).
//! Safe to repeat because a step on record is never told again, whoever looks, how often, and by whichever clock: two
//! that decide the same at once find each other's notices in the transaction.
//! When it fails: letters already queued stay queued; the rest is due at the next look, merged with what came to be due
//! meanwhile. A prison without an address is an alarm, and its steps stay due until it has one.
//! Trusts: `now`, which decides what is due; a clock that is ahead tells early, and tells no step twice.

mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use fail::fail_point;
use tracing::info;

pub use self::waiting::{Reviewed, any_waits, review};
use super::StageError;
use crate::forms::letters::{Frame, LetterTemplates, Moved, ReminderFacts, ReplanFacts};
use crate::settings::Settings;
use crate::store::{GivenNotice, NewLetter, Notice, PacketFile, Store, notice};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::duty::agenda::TABLE_AWAITED;
use crate::subsidy::duty::{Action, Item, Owing, Planned, actions, decide};
use crate::subsidy::holidays::Calendar;

/// What a run works with.
pub struct Order<'a> {
    /// Duties, office hours, addresses.
    pub settings: &'a Settings,
    /// Working days.
    pub calendar: &'a Calendar,
    /// The words.
    pub templates: &'a LetterTemplates,
    /// Who owes what, of the deadlines that concern today.
    pub owing: &'a [Owing],
}

/// A letter that was queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminded {
    /// The prison.
    pub prison: String,
    /// Subject of the letter.
    pub subject: String,
    /// The steps that it tells, as `plan:2027:D-7`.
    pub steps: Vec<String>,
    /// Whether it makes up for letters that were missed.
    pub late: bool,
    /// The next letter about any of it.
    pub next_on: Option<NaiveDate>,
    /// Who gets a copy.
    pub copies: Vec<String>,
}

/// What a person must mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// A prison owes and has no address: its reminders wait.
    NoRecipient {
        /// The prison.
        prison: String,
    },
    /// Somebody should get a copy and has no address.
    NoCopy {
        /// Its name.
        name: String,
    },
    /// Next year's holiday table is awaited.
    NoTable {
        /// That year.
        year: i32,
    },
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Letters that were queued.
    pub reminded: Vec<Reminded>,
    /// Prisons that were told that announced dates moved.
    pub replanned: Vec<String>,
    /// When those leave that wait for the office to open.
    pub waiting_until: Option<DateTime<Utc>>,
    /// What a person must mend.
    pub alarms: BTreeSet<Alarm>,
}

/// Tells everybody what is due. `attach` gives the files for what is owed, such as the prefilled planning workbook.
pub async fn run<Attaching: Future<Output = Vec<PacketFile>>>(
    store: &Store,
    order: &Order<'_>,
    attach: impl Fn(Owing) -> Attaching,
    now: DateTime<Utc>,
) -> Result<Report, StageError> {
    let Order { settings, calendar, owing, .. } = order;
    let given = store.notices().await?;
    let told = notice::record(&given);
    let (letters, waiting_until) = actions(&settings.duties, owing, &told, &settings.office, calendar, now);
    let mut report = Report { waiting_until, alarms: alarms(order, now), ..Report::default() };
    for action in letters {
        // Nobody to write to: its files are not made, round after round.
        if address(settings, &action.prison).is_empty() {
            continue;
        }
        let mut files = Vec::new();
        for item in &action.items {
            files.extend(attach(item.owing.clone()).await);
        }
        let Some((letter, copies)) = letter(order, &action, files, now, &mut report.alarms)? else { continue };
        let notices = notices(&action, now);
        if store.give_notice(&notices, &letter, now).await? {
            info!(prison = %action.prison, key = %letter.key, "reminder queued");
            report.reminded.push(reminded(&action, letter.subject, copies, &notices));
        }
        fail_point!("remind.noticed");
    }
    report.replanned = replan(store, order, &given, now).await?;
    Ok(report)
}

/// Alarms that no letter raises: who owes and cannot be reached, and a table that is awaited.
fn alarms(order: &Order<'_>, now: DateTime<Utc>) -> BTreeSet<Alarm> {
    let owes = |name: &str| order.owing.iter().any(|owing| owing.prison == name);
    let unreachable = order.settings.prisons.iter().filter(|prison| prison.email.is_empty() && owes(&prison.name));
    let mut alarms: BTreeSet<Alarm> =
        unreachable.map(|prison| Alarm::NoRecipient { prison: prison.name.clone() }).collect();
    let today = civil_date(now);
    let next = today.year() + 1;
    if (today.month(), today.day()) >= TABLE_AWAITED && order.calendar.table(next).is_none() {
        alarms.insert(Alarm::NoTable { year: next });
    }
    alarms
}

/// Where mail for a prison goes; empty where it has no address.
fn address<'s>(settings: &'s Settings, prison: &str) -> &'s [String] {
    settings.prisons.iter().find(|entry| entry.name == prison).map_or(&[], |entry| &entry.email)
}

/// The letter of an action and the names of those who get a copy; `None` if the prison has no address.
fn letter(
    order: &Order<'_>,
    action: &Action,
    attachments: Vec<PacketFile>,
    now: DateTime<Utc>,
    alarms: &mut BTreeSet<Alarm>,
) -> Result<Option<(NewLetter, Vec<String>)>, StageError> {
    let settings = order.settings;
    let to = address(settings, &action.prison).to_vec();
    let Some(first) = action.items.first().filter(|_| !to.is_empty()) else { return Ok(None) };
    let (mut cc, mut copies) = (Vec::new(), Vec::new());
    for (name, email) in copied(settings, action) {
        if email.is_empty() {
            alarms.insert(Alarm::NoCopy { name });
            continue;
        }
        copies.push(name);
        cc.extend(email.iter().filter(|address| !to.contains(address)).cloned());
    }
    cc.sort();
    cc.dedup();
    let (duty, term, step) = (&first.duty.id, &first.owing.occurrence.term, first.step());
    let names = attachments.iter().map(|file| file.name.clone()).collect();
    let number = (format!("{duty}/{term}/{step}"), settings.office.in_words());
    let today = civil_date(now);
    let facts = ReminderFacts::new(frame(settings, today), action, number, (copies.clone(), names), today);
    let words = order.templates.write("remind", &facts)?;
    let letter = NewLetter {
        key: format!("remind:{duty}:{term}:{}:{step}", action.prison),
        recipient: action.prison.clone(),
        to,
        cc,
        subject: words.subject,
        text: words.text,
        html: words.html,
        attachments,
        thread: Vec::new(),
    };
    Ok(Some((letter, copies)))
}

/// What every letter says of the programme.
pub fn frame(settings: &Settings, today: NaiveDate) -> Frame {
    let lead = settings.prisons.iter().find(|prison| prison.lead);
    Frame {
        programme: settings.programme.name.clone(),
        office: lead.map(|prison| prison.name.clone()).unwrap_or_default(),
        dated_on: format!("{}年{}月{}日", today.year(), today.month(), today.day()),
    }
}

/// Names and addresses of those who get a copy.
fn copied(settings: &Settings, action: &Action) -> Vec<(String, Vec<String>)> {
    let lead = settings.prisons.iter().find(|prison| prison.lead && action.copy_lead && prison.name != action.prison);
    let agencies = action.copy_agencies.iter().filter_map(|id| settings.agency(id));
    let lead = lead.map(|prison| (prison.name.clone(), prison.email.clone()));
    lead.into_iter().chain(agencies.map(|agency| (agency.name.clone(), agency.email.clone()))).collect()
}

fn notices(action: &Action, now: DateTime<Utc>) -> Vec<Notice> {
    let today = civil_date(now);
    let of = |item: &Item| {
        let (duty, next_on) = (item.duty.id.clone(), item.next.as_ref().map(|planned| planned.on));
        let (term, prison) = (item.owing.occurrence.term.clone(), action.prison.clone());
        let notice = move |planned: &Planned| Notice {
            duty: duty.clone(),
            term: term.clone(),
            prison: prison.clone(),
            step: planned.step,
            planned_on: planned.on,
            late: planned.on < today,
            next_on,
        };
        item.steps.iter().map(notice).collect::<Vec<_>>()
    };
    action.items.iter().flat_map(of).collect()
}

fn reminded(action: &Action, subject: String, copies: Vec<String>, notices: &[Notice]) -> Reminded {
    Reminded {
        prison: action.prison.clone(),
        subject,
        steps: notices.iter().map(|n| format!("{}:{}:{}", n.duty, n.term, n.step)).collect(),
        late: action.items.iter().any(|item| item.late),
        next_on: action.items.iter().filter_map(|item| item.next.as_ref().map(|planned| planned.on)).min(),
        copies,
    }
}

/// Tells who still owes when the day that the last letter announced has moved: a table arrived, or the config was
/// edited. Only in office hours, once per new day, and not where a letter is due anyway.
async fn replan(
    store: &Store,
    order: &Order<'_>,
    given: &[GivenNotice],
    now: DateTime<Utc>,
) -> Result<Vec<String>, StageError> {
    let Order { settings, calendar, templates, owing } = order;
    if !settings.office.is_open(calendar, now) {
        return Ok(Vec::new());
    }
    let mut moved: BTreeMap<&str, Vec<(String, Moved)>> = BTreeMap::new();
    for owing in *owing {
        if let Some(found) = moved_next(order, given, owing, now) {
            moved.entry(&owing.prison).or_default().push(found);
        }
    }
    let mut replanned = Vec::new();
    for (prison, found) in moved {
        let to = address(settings, prison).to_vec();
        let Some((number, _)) = found.first().filter(|_| !to.is_empty()).cloned() else { continue };
        let facts = ReplanFacts {
            frame: frame(settings, civil_date(now)),
            recipient: prison.to_owned(),
            number: number.clone(),
            cause: "节假日表或催报设置更新".to_owned(),
            moved: found.into_iter().map(|(_, moved)| moved).collect(),
            note: "报齐后不再催。".to_owned(),
        };
        let words = templates.write("replan", &facts)?;
        let letter = NewLetter {
            key: format!("replan:{}:{prison}", number.replace('/', ":")),
            recipient: prison.to_owned(),
            to,
            cc: Vec::new(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            attachments: Vec::new(),
            thread: Vec::new(),
        };
        if store.queue_letter(&letter, now).await? {
            replanned.push(prison.to_owned());
        }
    }
    Ok(replanned)
}

/// The announced day of a prison's next letter, where it is another now; first its number.
fn moved_next(order: &Order<'_>, given: &[GivenNotice], owing: &Owing, now: DateTime<Utc>) -> Option<(String, Moved)> {
    let Order { settings, calendar, .. } = order;
    let occurrence = &owing.occurrence;
    let duty = settings.duties.iter().find(|duty| duty.id == occurrence.duty)?;
    let same = |n: &Notice| n.duty == occurrence.duty && n.term == occurrence.term && n.prison == owing.prison;
    let told: Vec<&Notice> = given.iter().map(|given| &given.notice).filter(|notice| same(notice)).collect();
    let last = told.iter().max_by_key(|notice| notice.step)?;
    let steps = told.iter().map(|notice| notice.step).collect();
    let planned = occurrence.planned(&duty.ladder, calendar);
    let decision = decide(&planned, &steps, &settings.office, calendar, now);
    let next = decision.next.map(|planned| planned.on);
    if !decision.now.is_empty() || !decision.deferred.is_empty() || next == last.next_on {
        return None;
    }
    let day = next.map_or_else(|| "none".to_owned(), |day| day.to_string());
    let what = format!("{}{}的下次催报", occurrence.words, duty.name);
    Some((format!("{}/{}/{day}", duty.id, occurrence.term), Moved::new(what, last.next_on, next)))
}
