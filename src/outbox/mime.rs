//! Writes a mail: headers, text and HTML, attachments. The same letter always gives the same bytes.
//!
//! Headers follow RFC 3834 (automatic mail): `Auto-Submitted` says what it is and `X-Auto-Response-Suppress` asks
//! Exchange for no answers by machine. No `Precedence: bulk`: filters put such mail with advertising, and these letters
//! carry a deadline. The one thing that may differ between two sendings is the mark 重发.

use std::collections::BTreeSet;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, message::Mailboxes};

/// Stands before the subject of a mail that may have arrived before.
pub const RESEND_MARK: &str = "【重发】";

/// Longest Message-ID that is named: beyond it a line of a header is too long.
const MAX_ID: usize = 200;
/// Bytes that headers, MIME parts and borders take beside bodies and attachments.
const FRAME_BYTES: usize = 4096;
/// Bytes of an attachment in one line of base64, and of that line with its end.
const LINE: (usize, usize) = (57, 78);
/// Bytes that a byte of a body takes at most (quoted-printable), with line ends.
const BODY_FACTOR: usize = 4;

/// A mail to be written.
#[derive(Debug)]
pub struct Mail<'a> {
    /// Name of the sender.
    pub from_name: &'a str,
    /// Address of the sender.
    pub from: &'a str,
    /// Addresses, at least one.
    pub to: &'a [String],
    /// Addresses that get a copy.
    pub cc: &'a [String],
    /// Subject.
    pub subject: &'a str,
    /// Date.
    pub dated_at: DateTime<Utc>,
    /// Message-ID, without angle brackets.
    pub message_id: &'a str,
    /// The plain body.
    pub text: &'a str,
    /// The same as HTML.
    pub html: &'a str,
    /// Attachments: ASCII name and bytes.
    pub attachments: &'a [(&'a str, &'a [u8])],
    /// It may have arrived before.
    pub resend: bool,
    /// Message-IDs of the mails before it, oldest first: it answers the last one.
    pub thread: &'a [String],
}

/// A mail as it goes over the wire.
#[derive(Debug)]
pub struct Written {
    /// From whom.
    pub(super) from: Address,
    /// To whom, copies too: as the mail was given the address, and as the server is told it.
    pub(super) to: Vec<(String, Address)>,
    /// Headers and bodies.
    pub(super) bytes: Vec<u8>,
}

impl Written {
    /// The mail, byte by byte.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes a mail. The error is a sentence for the administrator; writing it again would end the same way.
pub fn write(mail: &Mail<'_>) -> Result<Written, String> {
    let mut headers = Message::builder()
        .from(Mailbox::new(Some(mail.from_name.to_owned()).filter(|name| !name.is_empty()), address(mail.from)?))
        .date(SystemTime::from(mail.dated_at))
        .message_id(Some(format!("<{}>", mail.message_id)))
        .raw_header(raw("Auto-Submitted", if mail.thread.is_empty() { "auto-generated" } else { "auto-replied" })?)
        .raw_header(raw("X-Auto-Response-Suppress", "All")?);
    let mailboxes = |addresses: &[String]| -> Result<Mailboxes, String> {
        addresses.iter().map(|one| Ok(Mailbox::new(None, address(one)?))).collect()
    };
    headers = headers.mailbox(lettre::message::header::To::from(mailboxes(mail.to)?));
    // Whatever stands in a header of theirs is not put into one of ours.
    let thread: Vec<String> = mail.thread.iter().filter(|id| is_id(id)).map(|id| format!("<{id}>")).collect();
    if let Some(last) = thread.last() {
        headers = headers.in_reply_to(last.clone()).references(thread.join(" "));
    }
    if !mail.cc.is_empty() {
        headers = headers.mailbox(lettre::message::header::Cc::from(mailboxes(mail.cc)?));
    }
    headers = if mail.resend {
        headers.subject(format!("{RESEND_MARK}{}", mail.subject)).raw_header(raw("X-Shenling-Resend", "yes")?)
    } else {
        headers.subject(mail.subject)
    };
    let bodies = MultiPart::alternative()
        .boundary(border(mail.message_id, "bodies"))
        .singlepart(SinglePart::plain(mail.text.to_owned()))
        .singlepart(SinglePart::html(mail.html.to_owned()));
    let mut whole = MultiPart::mixed().boundary(border(mail.message_id, "parts")).multipart(bodies);
    for (name, bytes) in mail.attachments {
        if !name.is_ascii() {
            return Err(format!("附件名“{name}”不是英文字母和数字，部分邮箱会显示成乱码"));
        }
        whole = whole.singlepart(Attachment::new((*name).to_owned()).body(bytes.to_vec(), content_type(name)?));
    }
    let message = headers.multipart(whole).map_err(|error| format!("邮件写不成（{error}）"))?;
    let to =
        mail.to.iter().chain(mail.cc).map(|one| Ok((one.clone(), address(one)?))).collect::<Result<_, String>>()?;
    Ok(Written { from: address(mail.from)?, to, bytes: message.formatted() })
}

/// Bytes of a mail with these bodies before any attachment, at most.
pub fn bytes_without_attachments(text: &str, html: &str) -> usize {
    FRAME_BYTES + BODY_FACTOR * (text.len() + html.len())
}

/// Bytes that an attachment of this length takes in a mail, at most.
pub fn bytes_of_attachment(length: usize) -> usize {
    length.div_ceil(LINE.0) * LINE.1 + FRAME_BYTES / 8
}

/// The domains that these addresses belong to, each once.
pub fn domains<'a>(addresses: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    addresses.into_iter().filter_map(|one| one.rsplit_once('@')).map(|(_, domain)| domain.to_lowercase()).collect()
}

/// Whether a Message-ID can be named as it is.
fn is_id(id: &str) -> bool {
    let plain = id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
    plain && !id.is_empty() && id.len() <= MAX_ID
}

fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|error| format!("“{text}”不是电子邮箱地址（{error}）"))
}

fn raw(name: &'static str, value: &str) -> Result<HeaderValue, String> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

/// By chance a boundary would differ each time. Base64 and quoted-printable hold no line that starts like this one.
fn border(message_id: &str, part: &str) -> String {
    let local: String = message_id.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("=_{local}_{part}")
}

fn content_type(name: &str) -> Result<ContentType, String> {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let kind = match end.to_ascii_lowercase().as_str() {
        "zip" => "application/zip",
        "pdf" => "application/pdf",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "ics" => "text/calendar",
        _ => "application/octet-stream",
    };
    ContentType::parse(kind).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail<'a>(to: &'a [String], attachments: &'a [(&'a str, &'a [u8])]) -> Mail<'a> {
        Mail {
            from_name: "申领系统",
            from: "shenling@example.cn",
            to,
            cc: &[],
            subject: "申领批次 CZ-2026-Q4-001",
            dated_at: DateTime::from_timestamp(1_793_520_000, 0).unwrap(),
            message_id: "0123456789abcdef.1@example.cn",
            text: "请审核。\n",
            html: "<p>请审核。</p>",
            attachments,
            resend: false,
            thread: &[],
        }
    }

    #[test]
    fn an_answer_names_what_it_answers() {
        let to = ["one@example.cn".to_owned()];
        let mut thread: Vec<String> = (0..20).map(|n| format!("{n}.{}@mail.example.cn", "x".repeat(60))).collect();
        thread.push("bad\r\nBcc: x@y".to_owned());
        let text = String::from_utf8(write(&Mail { thread: &thread, ..mail(&to, &[]) }).unwrap().bytes).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let last = format!("<19.{}@mail.example.cn>", "x".repeat(60));
        assert!(unfolded.contains(&format!("In-Reply-To: {last}")), "{head}");
        let references = unfolded.lines().find_map(|line| line.strip_prefix("References: ")).unwrap();
        assert_eq!(references.split_whitespace().count(), 20, "{references}");
        assert!(references.ends_with(&last) && !head.contains("Bcc"), "{head}");
        assert!(head.contains("Auto-Submitted: auto-replied") && head.lines().all(|line| line.len() < 998), "{head}");
    }

    #[test]
    fn the_same_letter_gives_the_same_bytes() {
        let to = ["one@example.cn".to_owned(), "two@example.org".to_owned()];
        let zip = vec![7_u8; 1000];
        let attached = [("CZ-2026-Q4-001.zip", zip.as_slice())];
        let first = write(&mail(&to, &attached)).unwrap();
        let again = write(&mail(&to, &attached)).unwrap();
        assert_eq!(first.bytes, again.bytes);
        let text = String::from_utf8(first.bytes.clone()).unwrap();
        assert!(text.is_ascii(), "nothing needs 8BITMIME");
        for header in [
            "Message-ID: <0123456789abcdef.1@example.cn>\r\n",
            "Date: Sun, 01 Nov 2026 08:00:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "X-Auto-Response-Suppress: All\r\n",
            "To: one@example.cn, two@example.org\r\n",
            "Content-Disposition: attachment; filename=\"CZ-2026-Q4-001.zip\"\r\n",
        ] {
            assert!(text.contains(header), "{header}\n{text}");
        }
        assert!(text.len() <= bytes_without_attachments("请审核。\n", "<p>请审核。</p>") + bytes_of_attachment(1000));
    }

    #[test]
    fn a_resend_differs_by_its_mark_only() {
        let to = ["one@example.cn".to_owned()];
        let first = write(&mail(&to, &[])).unwrap().bytes;
        let again = write(&Mail { resend: true, ..mail(&to, &[]) }).unwrap().bytes;
        let kept = |bytes: &[u8]| -> Vec<String> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let unmarked = |line: &&str| !line.starts_with("Subject:") && !line.starts_with("X-Shenling-Resend:");
            text.split("\r\n").filter(unmarked).map(str::to_owned).collect()
        };
        assert_ne!(first, again);
        assert_eq!(kept(&first), kept(&again));
    }

    #[test]
    fn what_mail_cannot_carry_is_said() {
        let to = ["one@example.cn".to_owned()];
        assert!(write(&mail(&to, &[("申领.zip", &[1])])).unwrap_err().contains("申领.zip"));
        assert!(write(&mail(&["no address".to_owned()], &[])).unwrap_err().contains("no address"));
        assert_eq!(domains(&["a@B.cn".to_owned(), "c@b.cn".to_owned()]), BTreeSet::from(["b.cn".to_owned()]));
    }
}
