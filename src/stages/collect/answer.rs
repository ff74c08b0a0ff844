//! What answers a mail: the receipt with the fix list and the annotated copies, or what to do where nothing could be
//! taken. Contents of cells leave in the encrypted attachment or not at all.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::super::{StageError, blocking};
use super::post_in::Post;
use super::sorting::{Sorted, TRIAL};
use super::{Desk, FileReport, plan};
use crate::forms::annotate::annotate;
use crate::forms::fix_list::FixList;
use crate::forms::letters::{
    Arrival, Attached, Contents, LetterText, OWN_COPY, OldFormFacts, Outcome, ReplyFacts, StrangerFacts, Unopened,
    UnopenedFacts, instant_in_words, size_in_words,
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
    Origin::from(mail.clone()).number()
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
    (taken, opened, ours): (&Taken, &Mail, Vec<String>),
    now: DateTime<Utc>,
) -> Result<NewLetter, StageError> {
    let fate = if trial { MailFate::Rehearsed } else { MailFate::Taken };
    let arrival = Arrival { folder: false, rehearsal: trial };
    let receipt = Receipt { unit, number: number(mail), received_at: mail.received_at, arrival };
    let ours = ours.iter().map(|name| (mask_numbers_in(name), OWN_COPY.to_owned())).collect();
    let came = Came { taken, unopened: items(opened), beside: ours };
    let (words, attachments) = compose(store, desk, post, &receipt, came, now).await?;
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
    /// By which way, and whether anything was kept.
    pub arrival: Arrival,
}

/// All that came.
pub(super) struct Came<'a> {
    /// Files, with what became of each.
    pub taken: &'a Taken,
    /// What could not be opened: its name, and why and what to do.
    pub unopened: Vec<(String, String)>,
    /// What was not read and need not come again: its name, and why.
    pub beside: Vec<(String, String)>,
}

/// Writes a receipt.
pub(super) async fn compose(
    store: &Store,
    desk: &Desk,
    post: &Post,
    about: &Receipt<'_>,
    Came { taken, unopened, mut beside }: Came<'_>,
    now: DateTime<Utc>,
) -> Result<(LetterText, Vec<PacketFile>), StageError> {
    let Receipt { unit, arrival, .. } = *about;
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
    let scans = |(file, _): &&(FileReport, Arc<Vec<u8>>)| is_scan_beside(file, taken);
    beside.extend(taken.iter().filter(scans).map(|(file, _)| (mask_numbers_in(&file.file), SCAN.to_owned())));
    let taken: Vec<&(FileReport, Arc<Vec<u8>>)> = taken.iter().filter(|file| !scans(file)).collect();
    let fixes: Vec<FixList> = taken.iter().map(|(file, _)| fixes_of(file, arrival)).collect();
    let outcomes: Vec<Outcome<'_>> = taken.iter().zip(&fixes).map(|((file, _), fixes)| outcome(file, fixes)).collect();
    let password = (post.password)(&unit.id).filter(|password| check_password(password).is_ok());
    let copies = copies(desk, &taken, &fixes, password, &number, now).await?;
    let contents = match &copies {
        Copies::Packed(zip) => Contents::Sealed(attached(zip, "标注好的副本，AES-256 加密压缩包")),
        Copies::Withheld => Contents::Withheld,
        Copies::None => Contents::None,
    };
    let next = (post.next)(unit.name.clone()).await;
    let received = (number, received_at);
    let frame = post.frame.clone();
    let name = if unit.name == TRIAL { "经办人".to_owned() } else { unit.name.clone() };
    let mut facts = ReplyFacts::new(frame, name, received, arrival, &outcomes, next, contents);
    facts.not_read(beside);
    facts.not_opened(unopened);
    facts.attachments.extend(forms.iter().map(|form| attached(form, NEW_FORM)));
    let mut attachments: Vec<PacketFile> = if let Copies::Packed(zip) = copies { vec![zip] } else { Vec::new() };
    attachments.extend(forms);
    Ok((post.templates.write("reply", &facts)?, attachments))
}

/// What papers beside a table are: scans of it, usually with its seal.
const SCAN: &str = "不读取此类文件；其中的内容已由同时报送的表格收取的，不必再报。";
const SCANS: [&str; 10] = ["pdf", "ofd", "jpg", "jpeg", "png", "bmp", "gif", "tif", "tiff", "heic"];

/// Whether a file is a picture of paper that came with a table that was read.
fn is_scan_beside(file: &FileReport, came: &Taken) -> bool {
    let end = file.file.rsplit_once('.').map(|(_, end)| end.to_lowercase());
    let is_scan = file.kind == store::FileKind::Unknown && end.is_some_and(|end| SCANS.contains(&&*end));
    is_scan && came.iter().any(|(other, _)| other.kind != store::FileKind::Unknown)
}

fn fixes_of(file: &FileReport, arrival: Arrival) -> FixList {
    let rows_taken = file.taken > 0 && !arrival.rehearsal;
    FixList { rows_taken, ..FixList::of(&file.findings, &file.repairs) }
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
    if file.outdated > 0 {
        notes.push(format!(
            "其中 {} 行此后收到过更新的内容，以更新的为准。要改回本文件的内容，请把它另存为新文件后再报。",
            file.outdated
        ));
    }
    Outcome {
        name: &file.file,
        sha256: &file.sha256,
        kind: kind(file.kind),
        sheets: &file.sheets,
        taken: file.taken,
        superseded: file.superseded,
        duplicates: file.duplicates,
        repeated: file.repeated,
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
    taken: &[&(FileReport, Arc<Vec<u8>>)],
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
