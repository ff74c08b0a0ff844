//! A letter as mails: which attachment goes into which, and how each reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::MailDoor;
use crate::forms::letters::size_in_words;
use crate::outbox::mime::{self, Mail, Written};
use crate::store::{Delivery, Lease, Letter, MailPlan, PacketFile, PlannedMail};

/// Which attachments go into which mail: in order, as many as fit; what fits into none stays in the folder.
pub(super) fn plan(door: &MailDoor, letter: &Letter, files: &[PacketFile]) -> Vec<MailPlan> {
    let domain = door.from.1.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let room = door.max_message_bytes;
    let bare = mime::bytes_without_attachments(&letter.words.text, &letter.words.html);
    let mut mails = vec![(bare, Vec::new())];
    let mut left_out = Vec::new();
    for (position, file) in (0_u32..).zip(files) {
        let bytes = mime::bytes_of_attachment(file.bytes.len());
        if bare + bytes > room {
            left_out.push(position);
            continue;
        }
        if let Some((filled, carried)) = mails.last_mut().filter(|(filled, _)| filled + bytes <= room) {
            *filled += bytes;
            carried.push(position);
        } else {
            mails.push((bare + bytes, vec![position]));
        }
    }
    let plan = |(number, (_, files)): (u32, (usize, Vec<u32>))| MailPlan {
        from: door.from.clone(),
        message_id: format!("{}.{number}@{domain}", letter.message_id),
        files,
        left_out: if number == 1 { left_out.clone() } else { Vec::new() },
    };
    (1..).zip(mails).map(plan).collect()
}

/// The domains that a letter goes to.
pub(super) fn addressed(letter: &Letter) -> BTreeSet<String> {
    mime::domains(letter.words.to.iter().chain(&letter.words.cc))
}

/// Where attachments lie that are too large for mail: folder of the recipient, and of the letter in it.
pub(super) fn place(lease: &Lease, letter: &Letter) -> (String, String) {
    let Delivery { recipient, batch, .. } = &lease.delivery;
    let letter = letter.message_id.chars().take(12).collect::<String>();
    (recipient.replace(['/', '\\'], "_"), batch.clone().unwrap_or_else(|| format!("letter-{letter}")))
}

/// The files at these positions.
pub(super) fn chosen<'a>(files: &'a [PacketFile], positions: &'a [u32]) -> impl Iterator<Item = &'a PacketFile> {
    positions.iter().filter_map(|position| files.get(usize::try_from(*position).ok()?))
}

/// One mail of a letter, with what there is to say about the other ones.
pub(super) fn write(
    letter: &Letter,
    files: &[PacketFile],
    mails: &[PlannedMail],
    mail: &PlannedMail,
    place: &(String, String),
) -> Result<Written, String> {
    let words = &letter.words;
    let (number, count) = (mail.number, mails.len());
    let carried: Vec<&PacketFile> = chosen(files, &mail.plan.files).collect();
    let mut notes = Vec::new();
    let mut subject = words.subject.clone();
    if count > 1 {
        let names: Vec<&str> = carried.iter().map(|file| file.name.as_str()).collect();
        let names = if names.is_empty() { "没有附件".to_owned() } else { format!("附件 {}", names.join("、")) };
        subject = format!("{subject}（第{number}封/共{count}封）");
        notes.push(format!("附件较大，分 {count} 封发送。这是第 {number} 封，{names}；请收齐 {count} 封后再办理。"));
    }
    for file in mails.iter().flat_map(|mail| chosen(files, &mail.plan.left_out)) {
        let size = size_in_words(file.bytes.len());
        notes.push(format!(
            "附件 {}（{size}）超过邮件大小上限，没有随邮件发送，已放入发件单位的发件文件夹 {}/{}，请与发件单位联系领取。",
            file.name, place.0, place.1
        ));
    }
    let attachments: Vec<(&str, &[u8])> =
        carried.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
    let (text, html) = noted(&words.text, &words.html, &notes);
    mime::write(&Mail {
        from_name: &mail.plan.from.0,
        from: &mail.plan.from.1,
        to: &words.to,
        cc: &words.cc,
        subject: &subject,
        dated_at: letter.dated_at,
        message_id: &mail.plan.message_id,
        text: &text,
        html: &html,
        attachments: &attachments,
        resend: mail.again,
        thread: &letter.thread,
    })
}

/// The bodies with notes at the top; the templates know nothing of them.
fn noted(text: &str, html: &str, notes: &[String]) -> (String, String) {
    if notes.is_empty() {
        return (text.to_owned(), html.to_owned());
    }
    let (mut plain, mut boxed) = (String::new(), String::new());
    for note in notes {
        // Writing to a String cannot fail.
        let _ = writeln!(plain, "【{note}】");
        let _ = write!(boxed, "<p style=\"margin:0 0 4px;\">{note}</p>");
    }
    let boxed = format!(
        "<div style=\"box-sizing:border-box;max-width:640px;margin:16px auto 0;padding:12px 24px;background:#fff4d6;border:1px solid #e0b84c;\
         font-family:'Microsoft YaHei','PingFang SC','Noto Sans CJK SC','Noto Serif CJK SC',sans-serif;font-size:15px;line-height:1.6;color:#4a3a0a;\">{boxed}</div>"
    );
    let body = html.find("<body").and_then(|at| html[at..].find('>').map(|end| at + end + 1)).unwrap_or(0);
    (format!("{plain}\n{text}"), format!("{}{boxed}{}", &html[..body], &html[body..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stand_at_the_top_of_both_bodies() {
        let (text, html) = noted("正文", "<html><body class=\"x\"><p>正文</p>", &["甲".to_owned()]);
        assert_eq!(text, "【甲】\n\n正文");
        assert!(html.starts_with("<html><body class=\"x\"><div style="), "{html}");
        assert_eq!(noted("正文", "<p>", &[]), ("正文".to_owned(), "<p>".to_owned()));
    }
}
