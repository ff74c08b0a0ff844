//! Files of the inbox folder that say whom they are from (a subfolder named after the unit) or that they are a trial (a
//! subfolder 试检): answered like mails, to the unit's addresses; a trial that nobody can be written to gets its reply as
//! files in the outbox.
//!
//! Safe to repeat because an answer is queued under a key of the day and the file's hash.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::super::StageError;
use super::answer::{Came, Receipt, compose};
use super::post_in::Post;
use super::sorting::TRIAL;
use super::{Desk, FileReport};
use crate::forms::letters::Arrival;
use crate::settings::mailbox::Unit;
use crate::store::{NewLetter, NewPacket, PacketFile, Store, sha256_hex};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::catalogue::Catalogue;

/// What the place of a file in the inbox folder says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Nothing is to be kept.
    pub trial: bool,
    /// Whose it is.
    pub unit: Option<Unit>,
}

/// Reads it off the folders below the inbox; prisons and institutions may go by their short names.
pub(super) fn told(label: &str, units: &[Unit], catalogue: &Catalogue) -> Told {
    let mut folders: Vec<&str> = label.split('/').collect();
    folders.pop();
    let named = |folder: &&str| {
        let full = catalogue.prison(folder).or_else(|| catalogue.institution(folder)).map_or(*folder, |name| &**name);
        units.iter().find(|unit| unit.name == full).cloned()
    };
    Told { trial: folders.contains(&TRIAL), unit: folders.iter().find_map(named) }
}

/// Answers a file whose place says that it wants an answer.
pub(super) async fn answer(
    store: &Store,
    desk: &Desk,
    post: &Post,
    told: Told,
    (report, bytes): (&FileReport, Arc<Vec<u8>>),
    now: DateTime<Utc>,
) -> Result<(), StageError> {
    let writable = post.settings.mail.is_on() && told.unit.as_ref().is_some_and(|unit| !unit.email.is_empty());
    if !writable && !told.trial {
        return Ok(());
    }
    let trial = told.trial;
    // What a dead run took in today is told as it found it.
    let earlier = if trial { None } else { taken_today(store, report, now).await? };
    let report = earlier.as_ref().unwrap_or(report);
    let unit = told.unit.unwrap_or_else(|| Unit { name: TRIAL.to_owned(), ..Unit::default() });
    let hash: String = report.sha256.chars().take(8).collect();
    let number = format!("{}-{hash}", civil_date(now).format("%Y%m%d"));
    let kind = if trial { "trial" } else { "reply" };
    // The same file may come again and be taken otherwise, after a mend in the catalogue: that is told too.
    let said = serde_json::to_vec(report).map_err(|error| StageError::Broken(error.to_string()))?;
    let said: String = sha256_hex(&said).chars().take(8).collect();
    let key = format!("{kind}:file:{}:{number}:{said}", unit.name);
    let arrival = Arrival { folder: true, rehearsal: trial };
    let receipt = Receipt { unit: &unit, number, received_at: now, arrival };
    let files = [(report.clone(), bytes)];
    let came = Came { taken: &files, unopened: Vec::new(), beside: Vec::new() };
    let (words, attachments) = compose(store, desk, post, &receipt, came, now).await?;
    if writable {
        let letter = NewLetter {
            key,
            recipient: unit.name.clone(),
            to: unit.email.clone(),
            cc: Vec::new(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            attachments,
            thread: Vec::new(),
        };
        store.queue_letter(&letter, now).await?;
        return Ok(());
    }
    // With a mark by which every editor of Windows knows the encoding.
    let text = format!("\u{FEFF}{}\n\n{}", words.subject, words.text).replace('\n', "\r\n");
    let mut files = vec![PacketFile { name: "回执.txt".to_owned(), bytes: text.into_bytes() }];
    files.extend(attachments);
    store.queue_files(&NewPacket { key, recipient: unit.name.clone(), files }, now).await?;
    Ok(())
}

/// The first report on a file that came for the first time today.
async fn taken_today(store: &Store, report: &FileReport, now: DateTime<Utc>) -> Result<Option<FileReport>, StageError> {
    let Some(kept) = store.find_original(&report.sha256).await? else { return Ok(None) };
    if civil_date(kept.received_at) != civil_date(now) {
        return Ok(None);
    }
    let Some((_, stored)) = store.report(kept.id).await? else { return Ok(None) };
    serde_json::from_slice(&stored.json).map(Some).map_err(|error| StageError::Broken(error.to_string()))
}
