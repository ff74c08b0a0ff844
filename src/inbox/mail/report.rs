//! Reports on deliveries: those that machines read (RFC 3464), and those that Chinese providers write in words.

use mail_parser::{Message, MessagePart, PartType};

/// Most failures that are read of one report.
const MAX_FAILURES: usize = 200;
/// Most characters of what a server said.
const MAX_SAID_CHARS: usize = 300;

/// What became of a mail to one recipient.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It will not arrive.
    Failed,
    /// It has not arrived yet.
    Delayed,
    /// It has arrived, or gone on.
    Delivered,
}

/// One recipient of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The address.
    pub recipient: String,
    /// What became of it.
    pub action: Action,
    /// `5.1.1`; may be empty.
    pub status: String,
    /// What the server said; may be empty.
    pub said: String,
}

/// A report on a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Message-IDs of the mail that it is about, without angle brackets; of a report in words those that it mentions.
    pub message_ids: Vec<String>,
    /// Recipients; of a report in words the addresses that it mentions.
    pub fates: Vec<Fate>,
    /// Whether machines wrote it for machines.
    pub is_structured: bool,
}

/// Subjects of reports in words.
const SUBJECTS: [&str; 14] = [
    "退信",
    "退回",
    "未送达",
    "未能送达",
    "投递失败",
    "发送失败",
    "无法投递",
    "undeliver",
    "delivery status",
    "delivery failure",
    "failure notice",
    "returned mail",
    "delivery failed",
    "returned to sender",
];
const SENDERS: [&str; 4] = ["mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon"];

/// The report that a mail is, if it is one.
pub(super) fn report(
    message: &Message<'_>,
    from: Option<&str>,
    no_return: bool,
    subject: &str,
    text: &str,
) -> Option<Report> {
    let mut report = Report::default();
    for part in &message.parts {
        let kind = kind_of(part);
        if kind.as_deref() == Some("message/delivery-status") {
            report.is_structured = true;
            fates(&String::from_utf8_lossy(part.contents()), &mut report);
        }
    }
    if !report.is_structured {
        let sender = from.and_then(|from| from.split('@').next()).unwrap_or_default().to_lowercase();
        let subject = subject.to_lowercase();
        let is_one = (no_return || SENDERS.contains(&&*sender)) && SUBJECTS.iter().any(|words| subject.contains(words));
        if !is_one {
            return None;
        }
        in_words(text, from, &mut report);
    }
    for part in &message.parts {
        let id = match (&part.body, kind_of(part).as_deref()) {
            (PartType::Message(returned), _) => returned.message_id().map(str::to_owned),
            (_, Some("text/rfc822-headers" | "message/rfc822-headers")) => {
                ids(&String::from_utf8_lossy(part.contents())).into_iter().next()
            }
            _ => None,
        };
        push(&mut report.message_ids, id);
    }
    Some(report)
}

/// `message/delivery-status`, in lower case.
pub(super) fn kind_of(part: &MessagePart<'_>) -> Option<String> {
    let header = part.headers.iter().rfind(|header| header.name.as_str().eq_ignore_ascii_case("content-type"))?;
    let stated = header.value.as_content_type()?;
    Some(format!("{}/{}", stated.ctype(), stated.subtype().unwrap_or_default()).to_ascii_lowercase())
}

fn push(ids: &mut Vec<String>, id: Option<String>) {
    if let Some(id) = id.filter(|id| !id.is_empty() && !ids.contains(id)) {
        ids.push(id);
    }
}

/// The groups of a delivery status: the first is about the mail, each other about a recipient.
fn fates(status: &str, report: &mut Report) {
    let unfolded = status.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    for group in unfolded.split("\n\n") {
        let field = |name: &str| {
            let mut lines = group.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        // Without its kind: `rfc822; a@example.cn`.
        let value = |text: &str| text.split_once(';').map_or(text, |(_, value)| value).trim().to_owned();
        let recipient = field("Original-Recipient").or_else(|| field("Final-Recipient"));
        let Some(recipient) = recipient.filter(|_| report.fates.len() < MAX_FAILURES) else { continue };
        let action = match field("Action").unwrap_or_default().to_ascii_lowercase().as_str() {
            "delayed" => Action::Delayed,
            "delivered" | "relayed" | "expanded" => Action::Delivered,
            _ => Action::Failed,
        };
        report.fates.push(Fate {
            recipient: value(recipient).trim_matches(['<', '>']).to_lowercase(),
            action,
            status: field("Status")
                .and_then(|status| status.split_ascii_whitespace().next())
                .unwrap_or_default()
                .to_owned(),
            said: field("Diagnostic-Code").map(value).unwrap_or_default().chars().take(MAX_SAID_CHARS).collect(),
        });
    }
}

/// What can be taken from a report in words: addresses other than the sender's, and Message-IDs.
fn in_words(text: &str, from: Option<&str>, report: &mut Report) {
    for id in ids(text) {
        push(&mut report.message_ids, Some(id));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@');
    for word in text.split(|c: char| !is_part(c)) {
        let word = word.trim_matches('.').to_lowercase();
        let Some((local, domain)) = word.split_once('@') else { continue };
        let is_address = !local.is_empty() && domain.contains('.') && !domain.contains('@');
        let is_daemon = SENDERS.contains(&local) || from.is_some_and(|from| from.eq_ignore_ascii_case(&word));
        let is_id = report.message_ids.iter().any(|id| id.eq_ignore_ascii_case(&word));
        let is_known = report.fates.iter().any(|fate| fate.recipient == word);
        if is_address && !is_daemon && !is_id && !is_known && report.fates.len() < MAX_FAILURES {
            let (status, said) = (String::new(), String::new());
            report.fates.push(Fate { recipient: word, action: Action::Failed, status, said });
        }
    }
}

/// Message-IDs that headers in a text name.
fn ids(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let lower = text.to_ascii_lowercase();
    for (at, name) in lower.match_indices("message-id") {
        let rest = text[at + name.len()..].trim_start_matches([':', '：', ' ', '\t', '\r', '\n']);
        if let Some((id, _)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            push(&mut ids, Some(id.trim().to_owned()));
        }
    }
    ids
}
