//! Alarm (告警): what is wrong now, against what is on record -> one letter when it begins, one when it is over.
//!
//! Reads: alarms on record; what is wrong is handed in. Writes: alarms and the letters that tell them, in one transaction.
//! Safe to repeat because what is told stands on record: a restart, a second look and a second machine find it told.
//! When it fails: the next look decides the same. Where the store itself is what fails, [`tell_directly`] sends one mail
//! past it, and the caller remembers that it did.
//! Trusts: the caller with what is wrong, in words without personal data.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{error, info};

use super::StageError;
use crate::forms::letters::{AlarmFacts, AlarmLine, Frame, LetterTemplates};
use crate::outbox::Answer;
use crate::outbox::mime::{self, Mail};
use crate::outbox::smtp::{Line, Post, Refusals, Server};
use crate::store::{AlarmChanges, NewAlarm, NewLetter, Store, StoredAlarm, sha256_hex};

/// What lasts is noted so often, so that its end can be told from a silence of the watcher.
const SEEN_EVERY: TimeDelta = TimeDelta::seconds(60);
/// Whatever was seen later than this was seen by a clock that stood wrong.
const MAX_AHEAD: TimeDelta = TimeDelta::hours(1);
/// Who the letters go to, in `delivery list`.
const RECIPIENT: &str = "administrator";

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What: one of [`AlarmLine::title`]'s words, with a name behind a colon where there are several.
    pub what: String,
    /// The same in words. No personal data.
    pub says: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether it was told past the store.
    pub told: bool,
}

/// When something is told.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// It must last for so long before it is told.
    pub after: TimeDelta,
    /// It must be gone for so long before it is over.
    pub calm: TimeDelta,
    /// Least time between two letters of a kind; what comes meanwhile is told in one.
    pub gap: TimeDelta,
}

/// What a look works with.
pub struct Order<'a> {
    /// Who looks: only what it saw itself is ever found to be over.
    pub source: &'static str,
    /// What is wrong now, as far as this source can tell.
    pub current: &'a [Seen],
    /// What cannot be told just now, so that it stays as it is.
    pub unsure: &'a [String],
    /// When something is told.
    pub pace: Pace,
    /// Addresses of the administrator; without any nothing is told, only noted.
    pub to: &'a [String],
    /// What every letter needs.
    pub frame: Frame,
    /// The words.
    pub templates: &'a LetterTemplates,
}

/// Puts a look on record and queues the letter that it asks for. Returns what is wrong by all sources.
pub async fn run(store: &Store, order: &Order<'_>, now: DateTime<Utc>) -> Result<Vec<StoredAlarm>, StageError> {
    let known = store.alarms().await?;
    let decided = decide(order, &known, store.alarms_last_told().await?, now);
    if decided.changes.is_empty() {
        return Ok(open(known));
    }
    let letter = match (decided.begun.is_empty(), decided.ended.is_empty()) {
        (true, true) => None,
        _ => Some(letter(order, decided.begun, decided.ended, false, now)?),
    };
    if store.record_alarms(&decided.changes, letter.as_ref(), now).await? {
        for new in &decided.changes.begun {
            error!(what = new.what, says = new.says, "alarm: begun");
        }
        for id in &decided.changes.ended {
            let what = known.iter().find(|alarm| alarm.id == *id).map(|alarm| &*alarm.what);
            info!(what, "alarm: over");
        }
    }
    Ok(open(store.alarms().await?))
}

fn open(mut alarms: Vec<StoredAlarm>) -> Vec<StoredAlarm> {
    alarms.retain(|alarm| alarm.ended_at.is_none());
    alarms
}

/// What one look comes to.
#[derive(Default)]
struct Decided {
    changes: AlarmChanges,
    begun: Vec<AlarmLine>,
    ended: Vec<AlarmLine>,
}

fn decide(
    order: &Order<'_>,
    known: &[StoredAlarm],
    (last_told, last_ended): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    now: DateTime<Utc>,
) -> Decided {
    let Pace { after, calm, gap } = order.pace;
    let mut decided = Decided::default();
    let may_tell =
        |last: Option<DateTime<Utc>>| !order.to.is_empty() && last.is_none_or(|at| now - at >= gap || at > now);
    let (may_begin, may_end) = (may_tell(last_told), may_tell(last_ended));
    for seen in order.current {
        let due = may_begin && now - seen.since >= after;
        let line = || AlarmLine::new(&seen.what, &seen.says, seen.since);
        let Some(open) = known.iter().find(|alarm| alarm.what == seen.what && alarm.ended_at.is_none()) else {
            let told = seen.told || due;
            if due && !seen.told {
                decided.begun.push(line());
            }
            let (what, says, begun_at) = (seen.what.clone(), seen.says.clone(), seen.since.min(now));
            decided.changes.begun.push(NewAlarm { source: order.source, what, says, begun_at, told });
            continue;
        };
        if open.told_at.is_none() && seen.told {
            decided.changes.told.push(open.id);
        } else if open.told_at.is_none() && may_begin && now - open.begun_at >= after {
            decided.changes.told.push(open.id);
            decided.begun.push(AlarmLine::new(&seen.what, &seen.says, open.begun_at));
        }
        if now - open.seen_at >= SEEN_EVERY || open.seen_at > now || open.says != seen.says {
            decided.changes.seen.push((open.id, seen.says.clone()));
        }
    }
    for alarm in known.iter().filter(|alarm| alarm.source == order.source) {
        let is_current = order.current.iter().any(|seen| seen.what == alarm.what);
        let is_over = alarm.ended_at.is_some();
        if !is_over && (is_current || order.unsure.contains(&alarm.what)) {
            continue;
        }
        let calm_for = now - alarm.seen_at;
        let gone = alarm.told_at.is_none() || calm_for >= calm || calm_for < -MAX_AHEAD;
        if !is_over && !gone {
            continue;
        }
        if !is_over {
            decided.changes.ended.push(alarm.id);
        }
        if alarm.told_at.is_none() {
            decided.changes.end_told.push(alarm.id);
        } else if may_end {
            decided.changes.end_told.push(alarm.id);
            decided.ended.push(AlarmLine::new(&alarm.what, &alarm.says, alarm.begun_at).until(alarm.seen_at));
        }
    }
    decided
}

fn letter(
    order: &Order<'_>,
    begun: Vec<AlarmLine>,
    ended: Vec<AlarmLine>,
    direct: bool,
    now: DateTime<Utc>,
) -> Result<NewLetter, StageError> {
    let number = now.format("%Y%m%d-%H%M%S").to_string();
    let key = format!("alarm:{}:{number}", order.source);
    let facts = AlarmFacts { frame: order.frame.clone(), number, begun, ended, direct };
    let words = order.templates.write("alarm", &facts)?;
    Ok(NewLetter {
        key,
        recipient: RECIPIENT.to_owned(),
        to: order.to.to_vec(),
        cc: Vec::new(),
        subject: words.subject,
        text: words.text,
        html: words.html,
        attachments: Vec::new(),
        thread: Vec::new(),
    })
}

/// Sends one mail past the store, because the store is what is wrong. `false`: there is nobody to tell. The error is what
/// the mail server said; the caller tries again.
pub async fn tell_directly(
    order: &Order<'_>,
    server: Server,
    from: &(String, String),
    now: DateTime<Utc>,
) -> Result<bool, StageError> {
    if order.to.is_empty() || order.current.is_empty() {
        return Ok(false);
    }
    let begun = order.current.iter().map(|seen| AlarmLine::new(&seen.what, &seen.says, seen.since)).collect();
    let letter = letter(order, begun, Vec::new(), true, now)?;
    let domain = from.1.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let message_id = format!("{}@{domain}", &sha256_hex(letter.key.as_bytes())[..32]);
    let write = |to: &[String]| {
        let written = mime::write(&Mail {
            from_name: &from.0,
            from: &from.1,
            to,
            cc: &[],
            subject: &letter.subject,
            dated_at: now,
            message_id: &message_id,
            text: &letter.text,
            html: &letter.html,
            attachments: &[],
            resend: false,
            thread: &[],
        });
        written.map_err(StageError::Broken)
    };
    let mut line = Line::new(Post::new(server).map_err(StageError::Broken)?.into());
    let mut answer = line.send(&write(&letter.to)?).await;
    if let Err(Refusals(refused)) = &answer {
        // Whoever is left is told all the same.
        let takes = |to: &&String| !refused.iter().any(|(address, _)| address == *to);
        let left: Vec<String> = letter.to.iter().filter(takes).cloned().collect();
        answer = line.send(&write(&left)?).await;
    }
    line.hang_up().await;
    match answer {
        // One that may have arrived counts: told twice is worse than an alarm that `status` shows anyway.
        Ok(Answer::Accepted(_) | Answer::Unclear(_)) => Ok(true),
        Ok(Answer::TryLater(why) | Answer::Shut(why) | Answer::Refused(why)) => Err(StageError::Broken(why)),
        Err(Refusals(refused)) => {
            let why = refused.into_iter().map(|(_, why)| why).next().unwrap_or_default();
            Err(StageError::Broken(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_793_520_000 + seconds, 0).unwrap()
    }

    fn seen(what: &str, since: i64) -> Seen {
        Seen { what: what.to_owned(), says: "坏了".to_owned(), since: at(since), told: false }
    }

    /// What a day of looks tells: `+what` and `-what`, with the second at which a letter left. `wrong` says what is wrong
    /// at a second.
    fn told(pace: Pace, looks: i64, wrong: impl Fn(i64) -> Vec<Seen>) -> Vec<String> {
        let templates = LetterTemplates::embedded().unwrap();
        let to = ["admin@example.cn".to_owned()];
        let mut known: Vec<StoredAlarm> = Vec::new();
        let (mut last, mut log) = ((None, None), Vec::new());
        for second in (0..looks).step_by(30) {
            let current = wrong(second);
            let frame = Frame { programme: String::new(), office: String::new(), dated_on: String::new() };
            let order =
                Order { source: "house", current: &current, unsure: &[], pace, to: &to, frame, templates: &templates };
            let Decided { changes, begun, ended } = decide(&order, &known, last, at(second));
            for new in &changes.begun {
                known.push(StoredAlarm {
                    id: i64::try_from(known.len()).unwrap(),
                    source: "house".to_owned(),
                    what: new.what.clone(),
                    says: new.says.clone(),
                    begun_at: new.begun_at,
                    seen_at: at(second),
                    told_at: new.told.then(|| at(second)),
                    ended_at: None,
                });
            }
            for alarm in &mut known {
                if changes.seen.iter().any(|(id, _)| *id == alarm.id) {
                    alarm.seen_at = at(second);
                }
                if changes.told.contains(&alarm.id) {
                    alarm.told_at = Some(at(second));
                }
                if changes.ended.contains(&alarm.id) {
                    alarm.ended_at = Some(at(second));
                }
            }
            known.retain(|alarm| !changes.end_told.contains(&alarm.id));
            last.0 = if begun.is_empty() { last.0 } else { Some(at(second)) };
            last.1 = if ended.is_empty() { last.1 } else { Some(at(second)) };
            log.extend(begun.iter().map(|line| format!("{second}+{}", line.title)));
            log.extend(ended.iter().map(|line| format!("{second}-{}", line.title)));
        }
        log
    }

    fn pace() -> Pace {
        let seconds = TimeDelta::seconds;
        Pace { after: seconds(120), calm: seconds(600), gap: seconds(600) }
    }

    #[test]
    fn what_lasts_is_told_once_when_it_begins_and_once_when_it_is_over() {
        let wrong = |second: i64| if (300..3_000).contains(&second) { vec![seen("database", 300)] } else { Vec::new() };
        assert_eq!(told(pace(), 7_200, wrong), ["420+数据库", "3540-数据库"]);
    }

    #[test]
    fn what_flashes_by_is_not_told_and_what_flickers_is_one_alarm() {
        let flash = |second: i64| if second % 600 < 60 { vec![seen("smtp", second / 600 * 600)] } else { Vec::new() };
        assert_eq!(told(pace(), 7_200, flash), Vec::<String>::new());
        // Ten minutes bad, five minutes good, for two hours.
        let flicker = |second: i64| {
            if second < 7_200 && second % 900 < 600 { vec![seen("smtp", second / 900 * 900)] } else { Vec::new() }
        };
        assert_eq!(told(pace(), 14_400, flicker), ["120+邮件", "7440-邮件"]);
    }

    #[test]
    fn what_comes_shortly_after_a_letter_waits_for_the_next() {
        let wrong = |second: i64| {
            let mut wrong = vec![seen("database", 0)];
            wrong.extend((second >= 200).then(|| seen("disk", 200)));
            wrong.extend((second >= 500).then(|| seen("collect", 500)));
            wrong
        };
        let tell = |second: i64| wrong(second).into_iter().take(3).collect::<Vec<_>>();
        let log = told(Pace { after: TimeDelta::seconds(60), ..pace() }, 600, tell);
        assert_eq!(log, ["60+数据库"]);
        let log = told(Pace { after: TimeDelta::seconds(60), gap: TimeDelta::seconds(510), ..pace() }, 601, |second| {
            wrong(second).into_iter().take(2).collect()
        });
        assert_eq!(log, ["60+数据库", "570+磁盘"]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_an_alarm_open() {
        let templates = LetterTemplates::embedded().unwrap();
        let alarm = StoredAlarm {
            id: 1,
            source: "house".to_owned(),
            what: "disk".to_owned(),
            says: String::new(),
            begun_at: at(86_400),
            seen_at: at(86_400),
            told_at: Some(at(86_400)),
            ended_at: None,
        };
        let frame = Frame { programme: String::new(), office: String::new(), dated_on: String::new() };
        let to = ["admin@example.cn".to_owned()];
        let order =
            Order { source: "house", current: &[], unsure: &[], pace: pace(), to: &to, frame, templates: &templates };
        let decided = decide(&order, std::slice::from_ref(&alarm), (Some(at(86_400)), None), at(0));
        assert_eq!((decided.changes.ended, decided.ended.len()), (vec![1], 1));
        let other = Order { source: "remind", ..order };
        assert!(decide(&other, &[alarm], (None, None), at(0)).changes.is_empty(), "each source ends its own only");
    }
}
