//! Letters that have not left yet: taken back where nothing is owed any more, written anew where something else is owed.
//!
//! Reads: waiting letters, notices on record; what is owed is handed in. Writes: letters taken back, letters in their place.
//! Safe to repeat because a letter that says what is owed stays as it is, and the steps on record stay told.
//! When it fails: the letter waits as it is, for the next look.
//! Trusts: what is owed, as it is handed in.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tracing::info;

use super::{Order, letter, notices};
use crate::stages::StageError;
use crate::store::{GivenNotice, NewLetter, Notice, PacketFile, Store, WaitingLetter, notice};
use crate::subsidy::duty::{Owing, actions};

/// Letters about what is owed begin so.
const REMINDER: &str = "remind:";
/// Letters about days that moved begin so.
const REPLAN: &str = "replan:";
/// Stands between the key of a letter and the count of its versions, from the second on.
const VERSION: char = '~';
/// What is written beside a letter that was taken back.
const NOT_OWED: &str = "发出之前已报齐（或不再需要报送），这封催报没有发出";
/// What is written beside a letter in whose place another leaves.
const WRITTEN_ANEW: &str = "发出之前所缺的材料有了变化，已改发新的一封";

/// What became of letters that waited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// Keys of those that were taken back.
    pub withdrawn: Vec<String>,
    /// Keys of those in whose place another leaves.
    pub renewed: Vec<String>,
}

/// Whether any letter of this stage waits.
pub async fn any_waits(store: &Store) -> Result<bool, StageError> {
    Ok(!waiting(store, REMINDER).await?.is_empty() || !waiting(store, REPLAN).await?.is_empty())
}

/// Looks through the letters that wait.
pub async fn review<Attaching: Future<Output = Vec<PacketFile>>>(
    store: &Store,
    order: &Order<'_>,
    attach: impl Fn(Owing) -> Attaching,
    now: DateTime<Utc>,
) -> Result<Reviewed, StageError> {
    let mut reviewed = Reviewed::default();
    let reminders = waiting(store, REMINDER).await?;
    let given = if reminders.is_empty() { Vec::new() } else { store.notices().await? };
    for waiting in reminders {
        let (told, told_else) = told_by(&given, first_key(&waiting.key));
        if told.is_empty() {
            continue;
        }
        let owing: Vec<Owing> = order.owing.iter().filter(|owing| told.iter().any(|n| of(n, owing))).cloned().collect();
        if owing.is_empty() {
            if store.withdraw_letter(&waiting.key, NOT_OWED, now).await? {
                info!(key = %waiting.key, "reminder taken back: nothing is owed any more");
                reviewed.withdrawn.push(waiting.key);
            }
            continue;
        }
        let Some(fresh) = written_today(order, &waiting, &told, &told_else, &owing, &attach).await? else { continue };
        let said = store.letter(waiting.id).await?;
        if said.is_some_and(|said| said.words.text != fresh.text)
            && store.renew_letter(&waiting.key, &fresh, WRITTEN_ANEW, now).await?
        {
            info!(key = %fresh.key, "reminder written anew: what is owed has changed");
            reviewed.renewed.push(waiting.key);
        }
    }
    for waiting in waiting(store, REPLAN).await? {
        let about = |owing: &Owing| {
            let matter = format!("{REPLAN}{}:{}:", owing.occurrence.duty, owing.occurrence.term);
            owing.prison == waiting.recipient && waiting.key.starts_with(&matter)
        };
        if !order.owing.iter().any(about) && store.withdraw_letter(&waiting.key, NOT_OWED, now).await? {
            info!(key = %waiting.key, "letter about moved days taken back: nothing is owed any more");
            reviewed.withdrawn.push(waiting.key);
        }
    }
    Ok(reviewed)
}

async fn waiting(store: &Store, prefix: &'static str) -> Result<Vec<WaitingLetter>, StageError> {
    Ok(store.waiting_letters(prefix).await?)
}

/// The key of the first version of a letter: the one that its notices name.
fn first_key(key: &str) -> &str {
    key.split_once(VERSION).map_or(key, |(first, _)| first)
}

fn next_key(key: &str) -> String {
    let version = key.split_once(VERSION).and_then(|(_, version)| version.parse::<u32>().ok()).unwrap_or(1);
    format!("{}{VERSION}{}", first_key(key), version + 1)
}

/// What a letter tells, and everything that others told.
fn told_by(given: &[GivenNotice], letter: &str) -> (Vec<Notice>, Vec<GivenNotice>) {
    let (told, others): (Vec<&GivenNotice>, Vec<&GivenNotice>) = given.iter().partition(|given| given.letter == letter);
    (told.into_iter().map(|given| given.notice.clone()).collect(), others.into_iter().cloned().collect())
}

fn of(notice: &Notice, owing: &Owing) -> bool {
    let occurrence = &owing.occurrence;
    (&notice.duty, &notice.term, &notice.prison) == (&occurrence.duty, &occurrence.term, &owing.prison)
}

/// The letter as it would be written if it were queued now, in the hour in which it was: the same steps of whatever is
/// still owed. `None` where it does not simply wait, or where the settings do not give these steps any more.
async fn written_today<Attaching: Future<Output = Vec<PacketFile>>>(
    order: &Order<'_>,
    waiting: &WaitingLetter,
    told: &[Notice],
    others: &[GivenNotice],
    owing: &[Owing],
    attach: impl Fn(Owing) -> Attaching,
) -> Result<Option<NewLetter>, StageError> {
    if !waiting.only_waits {
        return Ok(None);
    }
    let (settings, at) = (order.settings, waiting.queued_at);
    let recorded = notice::record(others);
    let (letters, _) = actions(&settings.duties, owing, &recorded, &settings.office, order.calendar, at);
    let Some(action) = letters.into_iter().find(|action| action.prison == waiting.recipient) else { return Ok(None) };
    let steps = |notices: &[Notice]| -> BTreeSet<_> {
        notices.iter().map(|n| (n.duty.clone(), n.term.clone(), n.step)).collect()
    };
    let still_owed: Vec<Notice> = told.iter().filter(|n| owing.iter().any(|owing| of(n, owing))).cloned().collect();
    if steps(&notices(&action, at)) != steps(&still_owed) {
        return Ok(None);
    }
    let mut files = Vec::new();
    for item in &action.items {
        files.extend(attach(item.owing.clone()).await);
    }
    let written = letter(order, &action, files, at, &mut BTreeSet::new())?;
    Ok(written.map(|(letter, _)| NewLetter { key: next_key(&waiting.key), ..letter }))
}

#[cfg(test)]
mod tests {
    use super::{first_key, next_key};

    #[test]
    fn versions_are_counted_from_the_second() {
        let key = "remind:plan:2027:溧阳监狱:D-7";
        let second = next_key(key);
        assert_eq!(second, "remind:plan:2027:溧阳监狱:D-7~2");
        assert_eq!(next_key(&second), "remind:plan:2027:溧阳监狱:D-7~3");
        assert_eq!((first_key(&second), first_key(key)), (key, key));
    }
}
