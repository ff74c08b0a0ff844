//! A mail, taken apart: who sent it, what it answers, whether a person wrote it, and the files in it.
//!
//! Reads: bytes. Writes: nothing. Pure: no network, no clock.
//! Structure is what `mail-parser` finds. File names, subject and text are decoded here from the bytes of the headers,
//! since it loses what Chinese mail programs write ([`names`], [`words`]).
//! Trusts: nothing. A mail that breaks the parser is [`Unreadable`]; whatever is in it, memory and depth are limited.

mod names;
mod report;
mod trust;
mod unpack;
mod words;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use mail_parser::{Address, HeaderValue, Message, MessageParser, MessagePart, PartType};

pub use report::{Action, Fate, Report};
pub use trust::{Authentication, Automatic, Proof};

use report::kind_of;
use unpack::Unpacking;
use words::{decode, decode_field, guess, unbase64, unfolded, unquoted};

/// Mails within mails that are looked into.
const MAX_DEPTH: usize = 5;
/// Mails within mails that may be claimed; more is an attack on the parser.
const MAX_CLAIMED_DEPTH: usize = 200;
/// Most parts of a mail.
const MAX_PARTS: usize = 2_000;
/// Most characters of the text that are kept.
const MAX_TEXT_CHARS: usize = 20_000;
/// Most characters of a subject or an id.
const MAX_FIELD_CHARS: usize = 998;
/// Most mails that a mail may say it answers.
const MAX_REFERENCES: usize = 100;
/// Ends of names of what mail programs add of themselves.
const ADDED: [&str; 5] = [".p7s", ".p7m", ".asc", ".ics", ".vcf"];

/// Limits against mails that are too large to be honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_enclosure_bytes: u64,
    /// Largest sum of what is unpacked, in bytes.
    pub max_unpacked_bytes: u64,
    /// Most files.
    pub max_enclosures: usize,
}

/// A mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// Message-ID without angle brackets; may be empty.
    pub message_id: String,
    /// Message-IDs that it answers: In-Reply-To first, then References from the last to the first.
    pub answers: Vec<String>,
    /// Address of the sender, in lower case; `None` where it has none or several.
    pub from: Option<String>,
    /// Address to which answers go, in lower case, where it is another one.
    pub reply_to: Option<String>,
    /// Addresses of the recipients, in lower case.
    pub to: Vec<String>,
    /// Subject.
    pub subject: String,
    /// When it was sent, as it says.
    pub sent_at: Option<DateTime<Utc>>,
    /// The text, as far as it is of use.
    pub text: String,
    /// Whether no person wrote it.
    pub automatic: Option<Automatic>,
    /// The report on a delivery that it is.
    pub report: Option<Report>,
    /// What servers say of it, the last one first.
    pub authentication: Vec<Authentication>,
    /// The files in it. Of a report none: they are our own.
    pub enclosures: Vec<Enclosure>,
    /// What could not be opened.
    pub unopened: Vec<Unopened>,
}

/// A file in a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// Its name, without folders.
    pub name: String,
    /// What it stands in: names of archives, subjects of forwarded mails, outermost first.
    pub within: Vec<String>,
    /// SHA-256 of the archives among them, in hex.
    pub archives: Vec<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Enclosure {
    /// Without the bytes: they are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enclosure").field("name", &self.name).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Something that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: Why,
}

/// Why something could not be opened.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// `winmail.dat` of Outlook.
    Tnef,
    /// An archive of a kind that is not read.
    Archive,
    /// None of the passwords opens it.
    Password,
    /// It is damaged.
    Damaged,
    /// It is larger, deeper or more than what is taken.
    TooLarge,
}

/// Bytes that are no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("无法解析的邮件")]
pub struct Unreadable;

/// Takes a mail apart. `passwords` are tried on encrypted archives.
pub fn read(raw: &[u8], passwords: &[&str], limits: &Limits) -> Result<Mail, Unreadable> {
    if claimed_depth(raw) > MAX_CLAIMED_DEPTH {
        return Err(Unreadable);
    }
    // It promises not to panic, and counts backwards in places.
    catch_unwind(AssertUnwindSafe(|| {
        let message = MessageParser::default().parse(raw).ok_or(Unreadable)?;
        Ok(of(&message, passwords, limits))
    }))
    .unwrap_or(Err(Unreadable))
}

/// How often a mail says that a mail is in it: `/rfc822`, `/global`, `/digest`. Each level costs the parser stack.
fn claimed_depth(raw: &[u8]) -> usize {
    let kinds: [&[u8]; 3] = [b"rfc822", b"global", b"digest"];
    let slashes = raw.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes
        .filter(|(at, _)| {
            let rest = raw[at + 1..].trim_ascii_start();
            kinds.iter().any(|kind| rest.get(..kind.len()).is_some_and(|word| word.eq_ignore_ascii_case(kind)))
        })
        .count()
}

fn of(message: &Message<'_>, passwords: &[&str], limits: &Limits) -> Mail {
    let headers: Vec<(String, String)> = message
        .headers()
        .iter()
        .map(|header| (header.name().to_ascii_lowercase(), decode_field(&unfolded(value(message, header)))))
        .collect();
    let all = |name: &'static str| headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value);
    let subject: String = all("subject").next().map(|text| shorter(text)).unwrap_or_default();
    let from = addresses(message.from()).into_iter().next().filter(|_| all("from").count() == 1);
    let text = text_of(message);
    let no_return = all("return-path").next().is_some_and(|path| path.trim() == "<>");
    let report = report::report(message, from.as_deref(), no_return, &subject, &text);
    let automatic = trust::automatic(&headers, &subject);
    let is_report = report.is_some() || kind_of(message.root_part()).as_deref() == Some("multipart/report");
    let mut unpacking = Unpacking::new(limits, passwords);
    if report.is_none() {
        enclose(message, &[], 0, &mut unpacking);
    }
    let mut answers = ids(message.in_reply_to());
    answers.extend(ids(message.references()).into_iter().rev());
    let mut known = std::collections::HashSet::new();
    answers.retain(|id| known.insert(id.clone()));
    answers.truncate(MAX_REFERENCES);
    Mail {
        message_id: shorter(message.message_id().unwrap_or_default()),
        answers,
        reply_to: addresses(message.reply_to()).into_iter().next().filter(|address| Some(address) != from.as_ref()),
        from,
        to: addresses(message.to()).into_iter().chain(addresses(message.cc())).collect(),
        subject,
        sent_at: message.date().and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0)),
        text: text.chars().take(MAX_TEXT_CHARS).collect(),
        automatic: if is_report { Some(Automatic::Report) } else { automatic },
        report,
        authentication: all("authentication-results").filter_map(|value| trust::authentication(value)).collect(),
        enclosures: unpacking.enclosures,
        unopened: unpacking.unopened,
    }
}

fn shorter(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_FIELD_CHARS).collect::<String>().trim().to_owned()
}

/// The bytes of a header's value.
fn value<'m>(message: &'m Message<'_>, header: &mail_parser::Header<'_>) -> &'m [u8] {
    message.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default()
}

/// The bytes of a part's header, the last one of its name, which is the one that the parser goes by.
fn raw_header<'m>(message: &'m Message<'_>, part: &MessagePart<'_>, name: &str) -> Option<&'m [u8]> {
    let header = part.headers.iter().rfind(|header| header.name().eq_ignore_ascii_case(name))?;
    Some(value(message, header))
}

fn addresses(header: Option<&Address<'_>>) -> Vec<String> {
    let Some(header) = header else { return Vec::new() };
    let known = header.iter().filter_map(|one| one.address()).map(|address| address.trim().to_lowercase());
    known.filter(|address| address.contains('@')).collect()
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    match header {
        HeaderValue::Text(id) => vec![shorter(id)],
        HeaderValue::TextList(ids) => ids.iter().map(|id| shorter(id)).collect(),
        _ => Vec::new(),
    }
}

/// The text that a person wrote, by the bytes of the first part that holds one.
fn text_of(message: &Message<'_>) -> String {
    let Some(part) = message.text_bodies().next() else { return String::new() };
    match &part.body {
        PartType::Html(_) => message.body_text(0).map(std::borrow::Cow::into_owned).unwrap_or_default(),
        PartType::Text(_) => {
            let charset = part.headers.iter().find_map(|h| h.value.as_content_type()?.attribute("charset"));
            let bytes = contents(message, part);
            charset.map_or_else(|| guess(&bytes), |charset| decode(&bytes, charset))
        }
        _ => String::new(),
    }
}

/// The bytes of a part. Of a text they are decoded anew, since the parser has made characters of them; so is what it took for
/// a text because its end is missing.
fn contents(message: &Message<'_>, part: &MessagePart<'_>) -> Vec<u8> {
    if !matches!(part.body, PartType::Text(_) | PartType::Html(_)) {
        return part.contents().to_vec();
    }
    let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
    let stated = raw_header(message, part, "content-transfer-encoding").unwrap_or_default().trim_ascii();
    if stated.eq_ignore_ascii_case(b"base64") {
        unbase64(raw)
    } else if stated.eq_ignore_ascii_case(b"quoted-printable") {
        unquoted(raw, false)
    } else {
        raw.to_vec()
    }
}

/// Collects the files of a mail and of the mails in it.
fn enclose(message: &Message<'_>, within: &[String], depth: usize, into: &mut Unpacking<'_>) {
    for (index, part) in message.parts.iter().enumerate().take(MAX_PARTS) {
        match &part.body {
            PartType::Multipart(_) => {}
            PartType::Message(forwarded) => forward(forwarded, within, depth, into),
            _ => {
                let Some(name) = name_of(message, part, index) else { continue };
                let bytes = contents(message, part);
                let is_mail = name.to_lowercase().ends_with(".eml");
                if is_mail && claimed_depth(&bytes) <= MAX_CLAIMED_DEPTH {
                    match MessageParser::default().parse(&bytes) {
                        Some(forwarded) => forward(&forwarded, within, depth, into),
                        None => into.refuse(&name, Why::Damaged),
                    }
                } else if !bytes.is_empty() || !matches!(part.body, PartType::Text(_) | PartType::Html(_)) {
                    into.take(name, bytes, within);
                }
            }
        }
    }
}

fn forward(forwarded: &Message<'_>, within: &[String], depth: usize, into: &mut Unpacking<'_>) {
    let subject = forwarded.headers().iter().find(|header| header.name().eq_ignore_ascii_case("subject"));
    let subject = subject.map(|header| shorter(&decode_field(&unfolded(value(forwarded, header))))).unwrap_or_default();
    if depth >= MAX_DEPTH {
        return into.refuse(&subject, Why::TooLarge);
    }
    let mut path = within.to_vec();
    path.push(subject);
    enclose(forwarded, &path, depth + 1, into);
}

/// The name of a part that is a file, and not text of the mail or a picture in it.
fn name_of(message: &Message<'_>, part: &MessagePart<'_>, index: usize) -> Option<String> {
    let (disposition, stated) =
        (raw_header(message, part, "content-disposition"), raw_header(message, part, "content-type"));
    let name = names::file_name(disposition, stated);
    let kind = kind_of(part).unwrap_or_else(|| "text/plain".to_owned());
    let is_attachment = disposition
        .is_some_and(|value| value.trim_ascii_start().get(..10).is_some_and(|w| w.eq_ignore_ascii_case(b"attachment")));
    let is_text = matches!(part.body, PartType::Text(_) | PartType::Html(_));
    let is_shown = is_text && matches!(kind.as_str(), "text/plain" | "text/html" | "text/enriched" | "text/rtf");
    // Parts of reports. Mails in mails are handled elsewhere.
    let is_about_mail = kind.starts_with("message/") && kind != "message/rfc822";
    let is_picture = kind.starts_with("image/")
        && !is_attachment
        && part.headers.iter().any(|h| h.name().eq_ignore_ascii_case("content-id"));
    if is_picture || (name.is_none() && !is_attachment && (is_shown || is_about_mail || kind == "text/calendar")) {
        return None;
    }
    let name = name.unwrap_or_else(|| format!("附件{}{}", index + 1, end_of(&kind)));
    let lower = name.to_lowercase();
    (!ADDED.iter().any(|end| lower.ends_with(end))).then_some(name)
}

/// The end of a name for a file that came without one.
fn end_of(kind: &str) -> &'static str {
    match kind {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => ".xlsx",
        "application/vnd.ms-excel" => ".xls",
        "text/csv" | "application/csv" => ".csv",
        "application/zip" | "application/x-zip-compressed" => ".zip",
        "application/pdf" => ".pdf",
        "application/ms-tnef" | "application/vnd.ms-tnef" => ".tnef",
        _ => "",
    }
}
