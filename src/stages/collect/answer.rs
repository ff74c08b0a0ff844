//! What answers a mail: the receipt with the fix list and the annotated copies, or what to do where nothing could be
//! taken. Contents of cells leave in the encrypted attachment or not at all.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::super::{StageError, blocking};
use super::post_in::Post;
use super::sorting::Sorted;
use super::{Desk, FileReport, plan};
use crate::forms::annotate::annotate;
use crate::forms::fix_list::FixList;
use crate::forms::letters::{
    Attached, Contents, LetterText, OldFormFacts, Outcome, ReplyFacts, StrangerFacts, Unopened, UnopenedFacts,
    instant_in_words, size_in_words,
};
use crate::forms::papers::{self, check_password};
use crate::forms::planning::FORM_VERSION;
use crate::forms::reading::FileKind;
use crate::inbox::mail::{Mail, Why};
use crate::settings::mailbox::Unit;
use crate::store::{self, MailFate, NewLetter, Origin, PacketFile, ReceivedMail, Store, sha256_hex};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::identifiers::mask_numbers_in;

/// Files of a mail with what became of each.
type Taken = [(FileReport, Arc<Vec<u8>>)];

/// Number of a receipt: the day, and the number of the mail.
pub(super) fn number(mail: &ReceivedMail) -> String {
    format!("{}-{:04}", civil_date(mail.received_at).format("%Y%m%d"), mail.id)
}

/// The letter that answers a mail; a mail that is let in after all is answered again.
fn letter(mail: &ReceivedMail, fate: MailFate, words: LetterText, attachments: Vec<PacketFile>) -> NewLetter {
    let LetterText { subject, text, html } = words;
    let key = format!("reply:{}:{}", number(mail), fate.code());
    Origin::from(mail.clone()).letter(key, (subject, text, html), attachments)
}

/// The answer to a mail that was not opened.
pub(super) fn refusal(post: &Post, mail: &ReceivedMail, fate: MailFate) -> Result<NewLetter, StageError> {
    let facts = StrangerFacts {
        frame: post.frame.clone(),
        received_at: instant_in_words(mail.received_at),
        number: number(mail),
        unproven: fate == MailFate::Unproven,
    };
    Ok(letter(mail, fate, post.templates.write("stranger", &facts)?, Vec::new()))
}

/// The answer to a mail of which nothing could be opened.
pub(super) fn unopened(
    post: &Post,
    unit: &Unit,
    mail: &ReceivedMail,
    sorted: Sorted,
    opened: &Mail,
) -> Result<NewLetter, StageError> {
    let whole = |why: Unopened| vec![("整封邮件".to_owned(), why.in_words().to_owned())];
    let (fate, items) = match sorted {
        Sorted::TooLarge => (MailFate::TooLarge, whole(Unopened::TooLarge)),
        Sorted::Nothing => (MailFate::Fileless, whole(Unopened::Nothing)),
        _ => (MailFate::Unopened, items(opened)),
    };
    let facts = UnopenedFacts {
        frame: post.frame.clone(),
        recipient: unit.name.clone(),
        number: number(mail),
        received_at: instant_in_words(mail.received_at),
        items,
    };
    Ok(letter(mail, fate, post.templates.write("unopened", &facts)?, Vec::new()))
}

/// What of a mail could not be opened, and what to do.
fn items(opened: &Mail) -> Vec<(String, String)> {
    let why = |why| match why {
        Why::Tnef => Unopened::Tnef,
        Why::Archive => Unopened::Archive,
        Why::Password => Unopened::Password,
        Why::Damaged => Unopened::Damaged,
        Why::TooLarge => Unopened::TooLarge,
    };
    opened.unopened.iter().map(|one| (mask_numbers_in(&one.name), why(one.why).in_words().to_owned())).collect()
}

/// The receipt for a mail that brought files.
pub(super) async fn receipt(
    store: &Store,
    desk: &Desk,
    post: &Post,
    (unit, mail, trial): (&Unit, &ReceivedMail, bool),
    (taken, opened): (&Taken, &Mail),
    now: DateTime<Utc>,
) -> Result<NewLetter, StageError> {
    let fate = if trial { MailFate::Rehearsed } else { MailFate::Taken };
    let receipt = Receipt { unit, number: number(mail), received_at: mail.received_at, trial };
    let (words, attachments) = compose(store, desk, post, &receipt, taken, items(opened), now).await?;
    Ok(letter(mail, fate, words, attachments))
}

/// What a receipt is about, beside the files.
pub(super) struct Receipt<'a> {
    /// Who sent them.
    pub unit: &'a Unit,
    /// Its number.
    pub number: String,
    /// When they came.
    pub received_at: DateTime<Utc>,
    /// Nothing was kept (试检).
    pub trial: bool,
}

/// Writes a receipt; `unopened` is what else came and could not be opened.
pub(super) async fn compose(
    store: &Store,
    desk: &Desk,
    post: &Post,
    about: &Receipt<'_>,
    taken: &Taken,
    unopened: Vec<(String, String)>,
    now: DateTime<Utc>,
) -> Result<(LetterText, Vec<PacketFile>), StageError> {
    let Receipt { unit, trial, .. } = *about;
    let (number, received_at) = (about.number.clone(), instant_in_words(about.received_at));
    let forms = new_forms(store, desk, taken, now).await?;
    if let ([(file, _)], [form], [], Some(mark)) =
        (taken, forms.as_slice(), unopened.as_slice(), taken.first().and_then(|(file, _)| file.old_form.as_ref()))
    {
        let facts = OldFormFacts {
            frame: post.frame.clone(),
            recipient: unit.name.clone(),
            number,
            received_at,
            file: mask_numbers_in(&file.file),
            year: mark.year,
            versions: (mark.version, FORM_VERSION),
            attachments: vec![attached(form, NEW_FORM)],
        };
        return Ok((post.templates.write("oldform", &facts)?, forms));
    }
    let fixes: Vec<FixList> = taken.iter().map(|(file, _)| FixList::of(&file.findings, &file.repairs)).collect();
    let outcomes: Vec<Outcome<'_>> = taken.iter().zip(&fixes).map(|((file, _), fixes)| outcome(file, fixes)).collect();
    let password = (post.password)(&unit.id).filter(|password| check_password(password).is_ok());
    let copies = copies(desk, taken, &fixes, password, &number, now).await?;
    let contents = match &copies {
        Copies::Packed(zip) => Contents::Sealed(attached(zip, "标注好的副本，AES-256 加密压缩包")),
        Copies::Withheld => Contents::Withheld,
        Copies::None => Contents::None,
    };
    let next = (post.next)(unit.name.clone()).await;
    let received = (number, received_at);
    let frame = post.frame.clone();
    let mut facts = ReplyFacts::new(frame, unit.name.clone(), received, trial, &outcomes, next, contents);
    facts.not_opened(unopened);
    facts.attachments.extend(forms.iter().map(|form| attached(form, NEW_FORM)));
    let mut attachments: Vec<PacketFile> = if let Copies::Packed(zip) = copies { vec![zip] } else { Vec::new() };
    attachments.extend(forms);
    Ok((post.templates.write("reply", &facts)?, attachments))
}

const NEW_FORM: &str = "新的计划表（上次报过的项目已带入）";

fn attached(file: &PacketFile, what: &str) -> Attached {
    Attached {
        name: file.name.clone(),
        what: what.to_owned(),
        size: size_in_words(file.bytes.len()),
        sha256: sha256_hex(&file.bytes),
    }
}

/// The new forms for old ones, each prison and year once.
async fn new_forms(
    store: &Store,
    desk: &Desk,
    taken: &Taken,
    now: DateTime<Utc>,
) -> Result<Vec<PacketFile>, StageError> {
    let mut forms: Vec<PacketFile> = Vec::new();
    for (file, _) in taken {
        let Some(mark) = &file.old_form else { continue };
        let last = store.last_plan(&mark.prison, mark.year).await?;
        let Some(packet) = plan::new_form(mark, last.as_ref(), desk, &file.sha256, civil_date(now))? else { continue };
        for form in packet.files {
            let known = forms.iter().any(|known| known.bytes == form.bytes);
            let name = match forms.len() {
                0 => format!("plan-{}.xlsx", mark.year),
                more => format!("plan-{}-{}.xlsx", mark.year, more + 1),
            };
            forms.extend((!known).then_some(PacketFile { name, bytes: form.bytes }));
        }
    }
    Ok(forms)
}

fn outcome<'a>(file: &'a FileReport, fixes: &'a FixList) -> Outcome<'a> {
    let mut notes: Vec<String> = file.plan.iter().flat_map(plan::in_words).collect();
    if file.kind == store::FileKind::Roster && file.taken > 0 {
        notes.push("名册已收，还须经主管部门核准；核准之后才作为补贴的依据。".to_owned());
    }
    Outcome {
        name: &file.file,
        sha256: &file.sha256,
        kind: kind(file.kind),
        sheets: &file.sheets,
        taken: file.taken,
        superseded: file.superseded,
        duplicates: file.duplicates,
        set_aside: file.set_aside,
        fixes,
        courses: file.courses.clone(),
        notes,
    }
}

const fn kind(kind: store::FileKind) -> Option<FileKind> {
    match kind {
        store::FileKind::Results => Some(FileKind::Results),
        store::FileKind::Roster => Some(FileKind::Roster),
        store::FileKind::History => Some(FileKind::History),
        store::FileKind::Survey => Some(FileKind::Survey),
        store::FileKind::Plan => Some(FileKind::Plan),
        store::FileKind::Unknown => None,
    }
}

/// The annotated copies of a mail.
enum Copies {
    /// In an encrypted packet.
    Packed(PacketFile),
    /// There would be some, but the unit has no password.
    Withheld,
    /// There is nothing that a copy could show.
    None,
}

/// Makes the annotated copies. Their names in the packet are not encrypted and say only which file of the letter is meant.
async fn copies(
    desk: &Desk,
    taken: &Taken,
    fixes: &[FixList],
    password: Option<Zeroizing<String>>,
    number: &str,
    now: DateTime<Utc>,
) -> Result<Copies, StageError> {
    let faulty =
        |fixes: &FixList| fixes.problems.iter().flat_map(|problem| &problem.places).any(|place| !place.cell.is_empty());
    if !fixes.iter().any(faulty) {
        return Ok(Copies::None);
    }
    let Some(password) = password else { return Ok(Copies::Withheld) };
    let work: Vec<(String, String, Arc<Vec<u8>>, FixList)> = (1..)
        .zip(taken.iter().zip(fixes))
        .filter(|(_, (_, fixes))| faulty(fixes))
        .map(|(n, ((file, bytes), fixes))| {
            (format!("{n}_问题标注.xlsx"), file.file.clone(), Arc::clone(bytes), fixes.clone())
        })
        .collect();
    let limits = desk.limits;
    let packed = blocking(move || {
        let copies: Vec<(String, Vec<u8>)> = work
            .into_iter()
            .filter_map(|(name, file, bytes, fixes)| {
                annotate(&file, &bytes, &fixes, &limits).ok().map(|copy| (name, copy.bytes))
            })
            .collect();
        let members: Vec<(&str, &[u8])> = copies.iter().map(|(name, bytes)| (&**name, bytes.as_slice())).collect();
        if members.is_empty() { Ok(None) } else { papers::pack(&members, &password, now).map(Some) }
    });
    let zip = packed.await??;
    Ok(zip.map_or(Copies::None, |bytes| Copies::Packed(PacketFile { name: format!("reply-{number}.zip"), bytes })))
}
