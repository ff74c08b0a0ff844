//! `set-aside accept|reject`: what a person decides about a file of which something came back, and about a mail that was
//! set aside; the sender is told.

use anyhow::{bail, ensure};
use chrono::{DateTime, Utc};

use super::args::{Because, ImportKind};
use super::delivery::frame;
use super::output::{self, hint};
use super::undo::kind_in_words;
use super::world::letter_templates;
use super::{Done, World, import, report};
use crate::forms::fix_list::FixList;
use crate::forms::letters::{Decided, DecisionFacts, Sent, instant_in_words};
use crate::settings::mailbox::{Unit, units};
use crate::stages::collect::{self, Decision, FileReport, Manner};
use crate::store::{FileKind, MailAct, MailFate, NewLetter, Origin, Original, Reasoned, ReceivedMail, Report, TrayAct};
use crate::subsidy::calendar::civil_date;

/// Characters of a hash in the number of a file that no mail brought, as on its receipt.
const NUMBER_HASH_CHARS: usize = 8;

/// `set-aside accept`.
pub(super) async fn accept(
    world: &World,
    key: &str,
    kind: Option<ImportKind>,
    unit: Option<&str>,
    because: &Because,
) -> anyhow::Result<Done> {
    match named(key)? {
        Named::File(id) => {
            ensure!(unit.is_none(), "--unit 只用于邮件（编号写作 m12）");
            match kind {
                Some(kind) => take_as(world, id, kind, because).await,
                None => close(world, id, TrayAct::Settled, because).await,
            }
        }
        Named::Mail(id) => {
            ensure!(kind.is_none(), "--as 只用于文件；邮件受理后，其中的文件按表头识别");
            accept_mail(world, id, unit, because).await
        }
    }
}

/// `set-aside reject`.
pub(super) async fn reject(world: &World, key: &str, because: &Because) -> anyhow::Result<Done> {
    match named(key)? {
        Named::File(id) => close(world, id, TrayAct::Refused, because).await,
        Named::Mail(id) => {
            let mail = for_a_person(world, id).await?;
            settle_mail(world, mail, MailAct::Refused, because).await
        }
    }
}

/// What a key names.
pub(super) enum Named {
    File(i64),
    Mail(i64),
}

pub(super) fn named(key: &str) -> anyhow::Result<Named> {
    let key = key.trim();
    let (mail, number) = match key.strip_prefix(['m', 'M']) {
        Some(number) => (true, number),
        None => (false, key),
    };
    let Ok(id) = number.parse() else {
        bail!("“{key}”不是编号；文件写数字（如 12），邮件写 m 加数字（如 m12），见 shenling set-aside list");
    };
    Ok(if mail { Named::Mail(id) } else { Named::File(id) })
}

fn reasoned<'a>(world: &World, because: &'a Because) -> Reasoned<'a> {
    Reasoned { reason: &because.reason, by: &because.by, at: world.now }
}

/// Closes what came back of a file.
async fn close(world: &World, id: i64, act: TrayAct, because: &Because) -> anyhow::Result<Done> {
    world.store.check_tray(id, act).await?;
    let decided = if act == TrayAct::Settled { Decided::Settled } else { Decided::Refused };
    let answer = answer(world, id, &decided, because, &FixList::default()).await?;
    world.store.close_file(id, act, reasoned(world, because), answer.as_ref()).await?;
    tell(world, id, act.code(), answer.as_ref())?;
    let what = if act == TrayAct::Settled { "已记为另行办妥" } else { "已记为不予受理" };
    hint!("文件 {id} 中退回的内容{what}，不再列为待处理；文件和问题仍留存，shenling set-aside show {id} 可查");
    Ok(Done::Well)
}

/// Accepts a mail that was set aside: it is let in, as one of its unit or of the one that is named; where nothing in it can
/// be taken in, what it is about was settled by hand.
async fn accept_mail(world: &World, id: i64, unit: Option<&str>, because: &Because) -> anyhow::Result<Done> {
    let mail = for_a_person(world, id).await?;
    if !mail.fate.is_some_and(MailFate::can_be_let_in) {
        ensure!(unit.is_none(), "邮件 m{id} 中没有可以收取的文件，不用写 --unit；不写它再运行一次，记为另行办妥");
        return settle_mail(world, mail, MailAct::Settled, because).await;
    }
    let units = units(&world.settings, &world.catalogue);
    let Some(unit) = unit.map(str::to_owned).or(mail.unit) else {
        bail!("邮件 m{id} 的发件人没有登记，请用 --unit 写明它算作哪个单位发来的（全称）");
    };
    ensure!(units.iter().any(|known| known.name == unit), "没有“{unit}”这个单位；请写监狱、部门或机构的全称");
    let act = MailAct::LetIn { unit: unit.clone() };
    let decided = world.store.decide_mail(id, &act, reasoned(world, because), None).await?;
    ensure!(decided, "邮件 m{id} 以前已经处理，没有改动");
    if world.json {
        output::json(&serde_json::json!({"mail": id, "decision": act.code(), "unit": unit}))?;
    }
    hint!("邮件 m{id} 视同{unit}发来，下一轮收集时收取并答复（或现在运行 shenling once collect）");
    Ok(Done::Well)
}

/// A mail that waits for a person.
async fn for_a_person(world: &World, id: i64) -> anyhow::Result<ReceivedMail> {
    let mail = world.store.received_mail(id).await?;
    ensure!(
        mail.fate.is_some_and(MailFate::is_for_a_person),
        "邮件 m{id} 没有待人工处理，没有改动；见 shenling set-aside list"
    );
    Ok(mail)
}

/// Closes a mail that was set aside. A unit that wrote it is told; strangers and machines are not written to once more.
async fn settle_mail(world: &World, mail: ReceivedMail, act: MailAct, because: &Because) -> anyhow::Result<Done> {
    let id = mail.id;
    let (decided, what) = match act {
        MailAct::Refused => (Decided::MailRefused, "不予受理"),
        MailAct::Settled | MailAct::LetIn { .. } => (Decided::MailSettled, "另行办妥"),
    };
    let by_a_person = matches!(mail.fate, Some(MailFate::TooLarge | MailFate::Unreadable | MailFate::Words));
    let mut answer = None;
    if let Some(unit) = mail.unit.clone().filter(|_| by_a_person && world.settings.mail.is_on()) {
        let origin = Origin::from(mail);
        let (number, received_at) = (origin.number(), instant_in_words(origin.received_at));
        let sent = Sent { number: &number, received_at: &received_at, kind: "邮件", sha256: "" };
        let words = (because.reason.as_str(), because.by.as_str());
        let facts = DecisionFacts::new(frame(world), unit, &sent, &decided, words, &FixList::default());
        let letter = letter_templates(&world.settings)?.write("decision", &facts)?;
        let words = (letter.subject, letter.text, letter.html);
        answer = Some(origin.letter(format!("decision:mail:{id}"), words, Vec::new()));
    }
    let settled = world.store.decide_mail(id, &act, reasoned(world, because), answer.as_ref()).await?;
    ensure!(settled, "邮件 m{id} 以前已经处理，没有改动");
    if world.json {
        output::json(&serde_json::json!({"mail": id, "decision": act.code(), "answered": answer.is_some()}))?;
    } else {
        told(answer.as_ref());
    }
    hint!("邮件 m{id} 已记为{what}，不再列为待处理；邮件仍留存，shenling set-aside show m{id} 可查");
    Ok(Done::Well)
}

/// Takes a file of which the kind was not recognised as this kind.
async fn take_as(world: &World, id: i64, kind: ImportKind, because: &Because) -> anyhow::Result<Done> {
    let kind = import::kind(kind);
    let stored = collect::stored_kind(kind);
    world.store.check_tray(id, TrayAct::Taken(stored)).await?;
    let Some((original, _)) = world.store.report(id).await? else { bail!("编号 {id} 的文件尚未读取") };
    let bytes = world.store.original_bytes(id).await?;
    let desk = world.desk()?;
    let manner = Manner { kind: Some(kind), dry_run: true, ..Manner::default() };
    let tried = collect::take_file(&world.store, &desk, &original.name, bytes.clone(), &manner, world.now).await?;
    if tried.kind != stored {
        if !world.json {
            report::print(&tried);
        }
        bail!(
            "未处理：文件 {id} 按{}仍然读不出来。表头写法不同的，请先在 forms_dir 的列定义中补上同义的表头，再运行一次",
            kind_in_words(stored)
        );
    }
    let decided =
        Decided::Taken { kind: kind_in_words(stored).to_owned(), taken: tried.taken, set_aside: tried.set_aside };
    let fixes = FixList::of(&tried.findings, &tried.repairs);
    let answer = answer(world, id, &decided, because, &fixes).await?;
    let (reason, by) = (because.reason.clone(), because.by.clone());
    let decision = Decision { original: original.kept.clone(), reason, by, answer: answer.clone() };
    let manner = Manner { dry_run: false, decision: Some(decision), ..manner };
    let file = collect::take_file(&world.store, &desk, &original.name, bytes, &manner, world.now).await?;
    if world.json {
        output::json(&serde_json::json!({"id": id, "decision": "taken", "answered": answer.is_some(), "file": file}))?;
    } else {
        import::print(&file, false);
        told(answer.as_ref());
    }
    Ok(Done::with_findings(file.errors() > 0))
}

fn tell(world: &World, id: i64, decision: &str, answer: Option<&NewLetter>) -> anyhow::Result<()> {
    if world.json {
        return output::json(&serde_json::json!({"id": id, "decision": decision, "answered": answer.is_some()}));
    }
    told(answer);
    Ok(())
}

/// Whether the sender is told.
pub(super) fn told(answer: Option<&NewLetter>) {
    match answer {
        Some(letter) => hint!("答复已排入待发邮件（{}）", letter.recipient),
        None => hint!("报送单位没有可用的邮箱（或文件不是邮件报来的），没有发出答复；请另行告知"),
    }
}

/// The letter to whoever sent a file: in answer to the mail that brought it, else to the unit in whose folder it lay, else
/// to the prison whose plan it is.
pub(super) async fn answer(
    world: &World,
    id: i64,
    decided: &Decided,
    because: &Because,
    fixes: &FixList,
) -> anyhow::Result<Option<NewLetter>> {
    let Some((original, report)) = world.store.report(id).await? else { return Ok(None) };
    if !world.settings.mail.is_on() {
        return Ok(None);
    }
    // Two decisions about one file may fall on one instant.
    let act = match decided {
        Decided::Taken { .. } => "taken",
        Decided::Settled | Decided::MailSettled => "settled",
        Decided::Refused | Decided::MailRefused => "refused",
        Decided::Withdrawn { .. } => "withdrawn",
    };
    let key = format!("decision:{id}:{act}:{}", world.now.timestamp_millis());
    let write = |recipient: &str, number: &str, received_at: DateTime<Utc>| {
        let received_at = instant_in_words(received_at);
        let kind = match report.kind {
            FileKind::Unknown => "没有认出种类的文件",
            kind => kind_in_words(kind),
        };
        let sent = Sent { number, received_at: &received_at, kind, sha256: &original.kept.sha256 };
        let words = (because.reason.as_str(), because.by.as_str());
        let facts = DecisionFacts::new(frame(world), recipient.to_owned(), &sent, decided, words, fixes);
        let letter = letter_templates(&world.settings)?.write("decision", &facts)?;
        anyhow::Ok((letter.subject, letter.text, letter.html))
    };
    let origin = world.store.mail_of_original(id).await?.filter(|origin| !origin.header.sender.is_empty());
    if let Some(origin) = origin {
        let unit = origin.unit.clone().unwrap_or_else(|| "报送单位".to_owned());
        let words = write(&unit, &origin.number(), origin.received_at)?;
        return Ok(Some(origin.letter(key, words, Vec::new())));
    }
    let Some(unit) = unit_of_file(world, &original, &report) else { return Ok(None) };
    let hash: String = original.kept.sha256.chars().take(NUMBER_HASH_CHARS).collect();
    let number = format!("{}-{hash}", civil_date(original.kept.received_at).format("%Y%m%d"));
    let (subject, text, html) = write(&unit.name, &number, original.kept.received_at)?;
    let Unit { name: recipient, email: to, .. } = unit;
    let (cc, attachments, thread) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Some(NewLetter { key, recipient, to, cc, subject, text, html, attachments, thread }))
}

/// The unit that a file which no mail brought is from, where it can be written to.
fn unit_of_file(world: &World, original: &Original, report: &Report) -> Option<Unit> {
    let units = units(&world.settings, &world.catalogue);
    let of_folder = collect::unit_of_folder(&original.name, &units, &world.catalogue);
    let of_plan = || {
        let plan = serde_json::from_slice::<FileReport>(&report.json).ok()?.plan?;
        units.iter().find(|unit| unit.name == plan.prison).cloned()
    };
    of_folder.or_else(of_plan).filter(|unit| !unit.email.is_empty())
}
