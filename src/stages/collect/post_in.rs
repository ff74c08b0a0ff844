//! Mails in: mailbox -> kept mails -> files taken in -> one answer each, in the transaction that ends the mail.
//!
//! Reads: the mailbox, the catalogue. Writes: received mails, what their files bring, answers; moves a mail in the mailbox
//! only after it has ended.
//! Safe to repeat because a mail is known by its place, and a copy of it by Message-ID and parts; what is told of a file
//! is stored with its rows; a mail ends once, with its answer.
//! When it fails: the mail stays in the inbox folder or waits in the store, and the next round goes on from there.
//! Trusts: nothing that arrives. Of a mail from nobody's address the files are hashed and kept, and not read.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fail::fail_point;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::super::{StageError, blocking};
use super::answer;
use super::intake::{Taking, take};
use super::sorting::{Rules, Sorted, sort};
use super::{Desk, FileReport, Manner, Sender};
use crate::forms::letters::{Frame, LetterTemplates};
use crate::inbox::mail::{self, Action, Enclosure, Mail};
use crate::inbox::mailbox::{Mailbox, Server, Trouble, Waiting};
use crate::settings::Settings;
use crate::settings::mailbox::{Unit, unit_of};
use crate::store::{
    Bounce, BounceOf, MailAct, MailEnding, MailFate, MailHeader, MailPlace, NewLetter, NewMail, NewPart, PartOf,
    Reasoned, ReceivedMail, Store, sha256_hex,
};

/// Answers are counted over so long.
const DAY: TimeDelta = TimeDelta::days(1);
/// So long the server is trusted to tell of news by itself.
const MAX_WAIT: Duration = Duration::from_mins(4);
/// Most Message-IDs of a thread that are kept.
const MAX_THREAD: usize = 20;
/// Most files of a mail that are opened.
const MAX_ENCLOSURES: usize = 100;
/// What is unpacked of a mail altogether is at most so many times its largest file.
const UNPACKED_FACTOR: u64 = 4;

/// The ZIP password of a unit, by its id.
pub type Password = Arc<dyn Fn(&str) -> Option<Zeroizing<String>> + Send + Sync>;
/// What is due next for a unit, in sentences.
pub type Next = Pin<Box<dyn Future<Output = Vec<String>> + Send>>;

/// What a round works with.
pub struct Post {
    /// The server; or what is missing to speak to it, as the administrator reads it.
    pub server: Result<Server, String>,
    /// `[mailbox]`, `[mail]`.
    pub settings: Settings,
    /// Who may send.
    pub units: Vec<Unit>,
    /// The words.
    pub templates: LetterTemplates,
    /// What every letter needs.
    pub frame: Frame,
    /// The ZIP password of a unit, by its id.
    pub password: Password,
    /// What is due next, by the unit's name.
    pub next: Arc<dyn Fn(String) -> Next + Send + Sync>,
}

/// What became of a mail.
#[derive(Debug)]
pub struct MailLine {
    /// Number of its receipt.
    pub number: String,
    /// The unit that sent it.
    pub unit: Option<String>,
    /// What became of it.
    pub fate: MailFate,
    /// What became of its files.
    pub files: Vec<FileReport>,
}

/// What a round did.
#[derive(Debug, Default)]
pub struct MailReport {
    /// Mails that ended now, in order.
    pub mails: Vec<MailLine>,
}

/// Works on what a dead run left, then on what waits in the mailbox.
pub async fn run_post(store: &Store, desk: &Desk, post: &Post, now: DateTime<Utc>) -> Result<MailReport, StageError> {
    let mut report = MailReport::default();
    for mail in store.waiting_mails().await? {
        report.mails.extend(work(store, desk, post, mail, now).await?.0);
    }
    let server = match &post.server {
        Ok(server) => server,
        Err(why) => return Err(Trouble(why.clone()).into()),
    };
    let account = format!("{}@{}/{}", server.user, server.host, server.folder);
    let mut mailbox = Mailbox::open(server).await?;
    for waiting in mailbox.look().await? {
        let place = MailPlace { account: account.clone(), validity: waiting.key.validity, uid: waiting.key.uid };
        let known = match store.mail_at(&place).await? {
            Some(known) => Some(known),
            None => keep(store, post, &mut mailbox, (waiting, &place), now).await?,
        };
        // Another process was quicker: the mail is moved already.
        let Some(mail) = known else { continue };
        let (line, fate) = work(store, desk, post, mail, now).await?;
        report.mails.extend(line);
        fail_point!("collect.mail-ended");
        mailbox.put_away(waiting.key, fate.is_for_a_person()).await?;
    }
    mailbox.close().await;
    Ok(report)
}

/// Waits until a mail lies in the mailbox: at once where one does, else as soon as the server says so.
pub async fn wait_for_mail(server: &Server) -> Result<(), StageError> {
    let mut mailbox = Mailbox::open(server).await?;
    while mailbox.look().await?.is_empty() {
        mailbox = mailbox.wait(MAX_WAIT).await?;
    }
    mailbox.close().await;
    Ok(())
}

/// Fetches and keeps a mail; of one that is too large its beginning. `None`: it is gone.
async fn keep(
    store: &Store,
    post: &Post,
    mailbox: &mut Mailbox,
    (waiting, place): (Waiting, &MailPlace),
    now: DateTime<Utc>,
) -> Result<Option<ReceivedMail>, StageError> {
    let fetched = if waiting.bytes > post.settings.mailbox.max_mail_bytes {
        mailbox.read_beginning(waiting.key).await?
    } else {
        mailbox.read(waiting.key).await?
    };
    let Some(raw) = fetched else { return Ok(None) };
    let raw = Arc::new(raw);
    // Without a password: what a mail is known by must not change with passwords that come and go.
    let mut opened = apart(post, &raw, None).await?;
    set_ours_apart(store, opened.as_mut()).await?;
    let header = header(opened.as_ref());
    let parts: Vec<NewPart> = opened.iter().flat_map(|opened| &opened.enclosures).map(part).collect();
    let unit = unit_of(&post.units, &header.sender).map(|unit| &*unit.name);
    let mail = NewMail { place, header: &header, raw: &raw, bytes: waiting.bytes, parts: &parts, unit };
    let kept = store.keep_mail(&mail, now).await?;
    // A person moved it back after its sender was registered.
    let because = Reasoned { reason: "发件地址已登记，邮件被移回收件夹", by: "收件邮箱", at: now };
    if let (Some(MailFate::Stranger), Some(unit)) = (kept.fate, unit)
        && store.decide_mail(kept.id, &MailAct::LetIn { unit: unit.to_owned() }, because, None).await?
    {
        return Ok(Some(store.received_mail(kept.id).await?));
    }
    info!(mail = kept.id, bytes = waiting.bytes, parts = parts.len(), unit, "mail kept");
    Ok(Some(kept))
}

fn part(enclosure: &Enclosure) -> NewPart {
    NewPart { name: enclosure.name.clone(), sha256: sha256_hex(&enclosure.bytes) }
}

/// Takes a mail apart under the password of its unit, where something in it is locked.
async fn open(post: &Post, raw: Vec<u8>, unit: Option<&Unit>) -> Result<Option<Mail>, StageError> {
    let raw = Arc::new(raw);
    let opened = apart(post, &raw, None).await?;
    let is_locked = opened.iter().flat_map(|opened| &opened.unopened).any(|one| one.why == mail::Why::Password);
    let password = unit.filter(|_| is_locked).and_then(|unit| (post.password)(&unit.id));
    if password.is_some() { apart(post, &raw, password).await } else { Ok(opened) }
}

/// Takes out of a mail what we sent ourselves and what comes back unchanged, alone or in its archive: a reply that is
/// forwarded beside its mended copy would undo it. Returns their names.
async fn set_ours_apart(store: &Store, opened: Option<&mut Mail>) -> Result<Vec<String>, StageError> {
    let Some(opened) = opened else { return Ok(Vec::new()) };
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for enclosure in std::mem::take(&mut opened.enclosures) {
        let own = sha256_hex(&enclosure.bytes);
        if store.was_sent(enclosure.archives.iter().chain([&own])).await? {
            ours.push(enclosure.name);
        } else {
            others.push(enclosure);
        }
    }
    opened.enclosures = others;
    Ok(ours)
}

async fn apart(
    post: &Post,
    raw: &Arc<Vec<u8>>,
    password: Option<Zeroizing<String>>,
) -> Result<Option<Mail>, StageError> {
    let limits = mail::Limits {
        max_enclosure_bytes: post.settings.limits.max_file_bytes,
        max_unpacked_bytes: post.settings.limits.max_file_bytes.saturating_mul(UNPACKED_FACTOR),
        max_enclosures: MAX_ENCLOSURES,
    };
    let raw = Arc::clone(raw);
    blocking(move || {
        let passwords: Vec<&str> = password.iter().map(|password| password.as_str()).collect();
        mail::read(&raw, &passwords, &limits).ok()
    })
    .await
}

fn header(opened: Option<&Mail>) -> MailHeader {
    let Some(opened) = opened else { return MailHeader::default() };
    let mut thread: Vec<String> = opened.answers.iter().take(MAX_THREAD).cloned().collect();
    thread.reverse();
    MailHeader {
        sender: opened.from.clone().unwrap_or_default(),
        subject: opened.subject.clone(),
        message_id: opened.message_id.clone(),
        thread,
    }
}

/// Does what a mail asks for, and ends it. A mail that has ended is left alone.
async fn work(
    store: &Store,
    desk: &Desk,
    post: &Post,
    mail: ReceivedMail,
    now: DateTime<Utc>,
) -> Result<(Option<MailLine>, MailFate), StageError> {
    if let Some(fate) = mail.fate {
        return Ok((None, fate));
    }
    let unit = mail.unit.as_deref().map(|name| named(post, name));
    let mut opened = open(post, store.mail_bytes(mail.id).await?, unit.as_ref()).await?;
    let ours = set_ours_apart(store, opened.as_mut()).await?;
    let settings = &post.settings;
    let rules = Rules {
        own: &settings.mail.from,
        authenticated: &settings.mailbox.authenticated,
        max_mail_bytes: settings.mailbox.max_mail_bytes,
    };
    let sorted = match sort(&mail, opened.as_ref(), &rules) {
        Sorted::Nothing if !ours.is_empty() => Sorted::Files { trial: false },
        sorted => sorted,
    };
    let opened = opened.unwrap_or_default();
    let sorted = within_bounds(store, post, &mail, sorted, now).await?;
    let mut files = Vec::new();
    let ended = match (sorted, &unit) {
        (Sorted::Report, _) => bounce(store, &mail, &opened, now).await?,
        (Sorted::Refused(fate), _) => {
            let letter = answer::refusal(post, &mail, fate)?;
            let once_since = Some((now - DAY, fate));
            let ending = MailEnding { fate, answer: Some(&letter), once_since };
            store.end_mail(mail.id, &ending, now).await?.fate
        }
        (Sorted::TooLarge | Sorted::Unopened | Sorted::Nothing, Some(unit)) => {
            let letter = answer::unopened(post, unit, &mail, sorted, &opened)?;
            // Words without a file are answered once a day; then a person reads them.
            let once_since = (sorted == Sorted::Nothing).then_some((now - DAY, MailFate::Words));
            let fate = match sorted {
                Sorted::TooLarge => MailFate::TooLarge,
                Sorted::Unopened => MailFate::Unopened,
                _ => MailFate::Fileless,
            };
            store.end_mail(mail.id, &MailEnding { fate, answer: Some(&letter), once_since }, now).await?.fate
        }
        (Sorted::Files { trial }, Some(unit)) => {
            let taken = take_files(store, desk, post, (&mail, &opened, trial), now).await?;
            let came = (taken.as_slice(), &opened, ours);
            let letter = answer::receipt(store, desk, post, (unit, &mail, trial), came, now).await?;
            files = taken.into_iter().map(|(report, _)| report).collect();
            let fate = if trial { MailFate::Rehearsed } else { MailFate::Taken };
            end(store, &mail, fate, Some(&letter), now).await?
        }
        (Sorted::Ends(fate), _) => end(store, &mail, fate, None, now).await?,
        (_, None) => end(store, &mail, MailFate::Stranger, None, now).await?,
    };
    if ended.is_for_a_person() {
        warn!(mail = mail.id, fate = ended.code(), "mail set aside, a person must look");
    } else {
        info!(mail = mail.id, fate = ended.code(), unit = mail.unit, "mail ended");
    }
    let number = answer::number(&mail);
    Ok((Some(MailLine { number, unit: mail.unit, fate: ended, files }), ended))
}

/// The unit of a kept mail; its name alone where the settings do not have it any more.
fn named(post: &Post, name: &str) -> Unit {
    let known = post.units.iter().find(|unit| unit.name == name).cloned();
    known.unwrap_or_else(|| Unit { name: name.to_owned(), ..Unit::default() })
}

/// What must not be answered any more goes to a person: too many answers in a day, and words that answer a letter of ours,
/// lest two machines talk to each other.
async fn within_bounds(
    store: &Store,
    post: &Post,
    mail: &ReceivedMail,
    sorted: Sorted,
    now: DateTime<Utc>,
) -> Result<Sorted, StageError> {
    if mail.let_in || matches!(sorted, Sorted::Ends(_) | Sorted::Refused(_) | Sorted::Report) {
        return Ok(sorted);
    }
    let most = u64::from(post.settings.mailbox.answers_per_day);
    if store.answered_since(&mail.header.sender, now - DAY).await? >= most {
        return Ok(Sorted::Ends(MailFate::Excess));
    }
    if sorted == Sorted::Nothing && store.letter_with_id(&mail.header.thread).await?.is_some() {
        return Ok(Sorted::Ends(MailFate::Words));
    }
    Ok(sorted)
}

async fn end(
    store: &Store,
    mail: &ReceivedMail,
    fate: MailFate,
    answer: Option<&NewLetter>,
    now: DateTime<Utc>,
) -> Result<MailFate, StageError> {
    Ok(store.end_mail(mail.id, &MailEnding { fate, answer, once_since: None }, now).await?.fate)
}

/// A report on a letter of ours.
async fn bounce(store: &Store, mail: &ReceivedMail, opened: &Mail, now: DateTime<Utc>) -> Result<MailFate, StageError> {
    let report = opened.report.clone().unwrap_or_default();
    let bounces: Vec<Bounce> = report.fates.iter().filter(|fate| fate.action != Action::Delivered).map(said).collect();
    let of = BounceOf { message_ids: &report.message_ids, bounces: &bounces };
    if let Some(key) = store.end_bounce(mail.id, &of, now).await? {
        warn!(key, "a letter came back");
    }
    Ok(store.received_mail(mail.id).await?.fate.unwrap_or(MailFate::Unmatched))
}

fn said(fate: &mail::Fate) -> Bounce {
    let words = [&*fate.status, &*fate.said].iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>();
    let words = if words.is_empty() { "退信没有写明原因".to_owned() } else { words.join(" ") };
    Bounce { address: fate.recipient.clone(), failed: fate.action == Action::Failed, words }
}

/// Takes the files of a mail in, in order; what an earlier run took is told as it told it.
async fn take_files(
    store: &Store,
    desk: &Desk,
    post: &Post,
    (mail, opened, trial): (&ReceivedMail, &Mail, bool),
    now: DateTime<Utc>,
) -> Result<Vec<(FileReport, Arc<Vec<u8>>)>, StageError> {
    let sender = mail.unit.as_deref().map(|unit| Sender::of(unit, &post.settings, &desk.catalogue));
    let manner = Manner { dry_run: trial, sender, ..Manner::default() };
    let mut taken = Vec::new();
    // What was locked when the mail was kept is seen only now.
    let parts: Vec<NewPart> = opened.enclosures.iter().map(part).collect();
    for part in store.complete_parts(mail.id, &parts, now).await? {
        let Some(file) = opened.enclosures.iter().find(|file| sha256_hex(&file.bytes) == part.sha256) else { continue };
        let bytes = Arc::new(file.bytes.clone());
        if part.report.is_none() {
            let part = Some(PartOf { mail: mail.id, position: part.position });
            let (name, bytes) = (&*file.name, Arc::clone(&bytes));
            let taking = Taking { name, bytes, received_at: mail.received_at, kept: None, part };
            let report = take(store, desk, taking, &manner, now).await?;
            if trial {
                taken.push((report, Arc::new(file.bytes.clone())));
                continue;
            }
        }
        // Whoever was first to take it says what became of it.
        let told = store.mail_parts(mail.id).await?.into_iter().find(|told| told.position == part.position);
        let told = told.and_then(|told| told.report).unwrap_or_default();
        let report = serde_json::from_slice(&told).map_err(|error| StageError::Broken(error.to_string()))?;
        taken.push((report, bytes));
    }
    Ok(taken)
}
