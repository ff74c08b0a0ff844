//! Every key of `shenling.toml`: its section, its name, what it may hold. Defaults stand in `config/shenling.toml`.

use super::document::Kind;
use super::duties;
use super::mail::Mail;

/// One key of a section.
#[derive(Debug)]
pub(super) struct Key {
    /// `[section]`.
    pub section: &'static str,
    /// The key in it.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
}

const fn key(section: &'static str, name: &'static str, kind: Kind) -> Key {
    Key { section, name, kind }
}

/// 4 GiB: no honest input file is larger, whatever the administrator writes.
const MAX_BYTES: i64 = 4 << 30;
/// What a sheet can hold.
const MAX_ROWS: i64 = 1_048_576;
/// A day and a year, in seconds and days: beyond these a setting is a slip of the pen.
const DAY_SECONDS: i64 = 86_400;
const MAX_KEEP_DAYS: i64 = 3_650;
/// A terabyte, in megabytes.
const MAX_FREE_MB: i64 = 1_000_000;

/// Mail: more connections or longer waits are a slip of the pen, and below the least size no letter fits.
const MAX_CONNECTIONS: i64 = 16;
const MAX_TIMEOUT_SECONDS: i64 = 600;
const MAX_PER_MINUTE: i64 = 100_000;
const MIN_MESSAGE_BYTES: i64 = 100_000;
const MAX_MESSAGE_BYTES: i64 = 200_000_000;
/// More answers to one sender in a day are two machines that talk to each other.
const MAX_ANSWERS: i64 = 10_000;

/// The agencies of RULES section 0, by id.
pub(super) const AGENCY_IDS: &[&str] = &["bureau", "hrss", "justice", "finance"];

/// All keys but those of `[[prison]]`, `[[agency]]` and `[[duty]]`.
pub(super) const KEYS: &[Key] = &[
    key("programme", "name", Kind::Filled),
    key("administrator", "email", Kind::Texts),
    key("office", "opens", Kind::Filled),
    key("office", "closes", Kind::Filled),
    key("office", "held_on", Kind::Choice(duties::HELD_ON)),
    key("paths", "catalogue", Kind::Filled),
    key("paths", "inbox", Kind::Filled),
    key("paths", "outbox", Kind::Filled),
    key("paths", "data", Kind::Filled),
    key("paths", "fonts_dir", Kind::Text),
    key("paths", "templates_dir", Kind::Text),
    key("paths", "forms_dir", Kind::Text),
    key("paths", "holidays_dir", Kind::Text),
    key("database", "url", Kind::Text),
    key("limits", "max_file_bytes", Kind::Whole(1, MAX_BYTES)),
    key("limits", "max_unzipped_bytes", Kind::Whole(1, MAX_BYTES)),
    key("limits", "max_sheets", Kind::Whole(1, 10_000)),
    key("limits", "max_rows", Kind::Whole(1, MAX_ROWS)),
    key("inbox", "stable_seconds", Kind::Whole(0, DAY_SECONDS)),
    key("inbox", "keep_source_days", Kind::Whole(0, MAX_KEEP_DAYS)),
    key("claim", "recipients", Kind::Texts),
    key("delivery", "lease_seconds", Kind::Whole(1, DAY_SECONDS)),
    key("delivery", "retry_seconds", Kind::Whole(1, DAY_SECONDS)),
    key("schedule", "collect", Kind::Text),
    key("schedule", "mailbox", Kind::Text),
    key("schedule", "calculate", Kind::Text),
    key("schedule", "remind", Kind::Text),
    key("schedule", "compile", Kind::Text),
    key("schedule", "claim", Kind::Text),
    key("schedule", "deliver", Kind::Text),
    key("schedule", "digest", Kind::Text),
    key("daemon", "stop_seconds", Kind::Whole(1, 3_600)),
    key("daemon", "alarm_after_seconds", Kind::Whole(0, DAY_SECONDS)),
    key("daemon", "alarm_calm_seconds", Kind::Whole(0, DAY_SECONDS)),
    key("daemon", "min_free_mb", Kind::Whole(0, MAX_FREE_MB)),
    key("daemon", "ping_url", Kind::Text),
    key("daemon", "ping_minutes", Kind::Whole(1, 1_440)),
    key("publicity", "contact", Kind::Text),
    key("payee", "first", Kind::Choice(&["prison", "institution"])),
    key("mail", "host", Kind::Text),
    key("mail", "port", Kind::Whole(1, 65_535)),
    key("mail", "security", Kind::Choice(Mail::SECURITY)),
    key("mail", "from", Kind::Text),
    key("mail", "from_name", Kind::Text),
    key("mail", "user", Kind::Text),
    key("mail", "ca_file", Kind::Text),
    key("mail", "connections", Kind::Whole(1, MAX_CONNECTIONS)),
    key("mail", "timeout_seconds", Kind::Whole(1, MAX_TIMEOUT_SECONDS)),
    key("mail", "per_domain_per_minute", Kind::Whole(1, MAX_PER_MINUTE)),
    key("mail", "max_message_bytes", Kind::Whole(MIN_MESSAGE_BYTES, MAX_MESSAGE_BYTES)),
    key("mail", "rosters_by_email", Kind::Truth),
    key("mailbox", "host", Kind::Text),
    key("mailbox", "port", Kind::Whole(1, 65_535)),
    key("mailbox", "user", Kind::Text),
    key("mailbox", "folder", Kind::Filled),
    key("mailbox", "ca_file", Kind::Text),
    key("mailbox", "timeout_seconds", Kind::Whole(1, MAX_TIMEOUT_SECONDS)),
    key("mailbox", "authenticated", Kind::Text),
    key("mailbox", "max_mail_bytes", Kind::Whole(MIN_MESSAGE_BYTES, MAX_MESSAGE_BYTES)),
    key("mailbox", "answers_per_day", Kind::Whole(1, MAX_ANSWERS)),
];

/// Keys of a `[[prison]]`, beside its `account`.
pub(super) const PRISON: &[Key] = &[
    key("prison", "name", Kind::Filled),
    key("prison", "id", Kind::Text),
    key("prison", "lead", Kind::Truth),
    key("prison", "email", Kind::Texts),
    key("prison", "senders", Kind::Texts),
];

/// Keys of a prison's `account`.
pub(super) const ACCOUNT: &[Key] =
    &[key("account", "name", Kind::Text), key("account", "bank", Kind::Text), key("account", "number", Kind::Text)];

/// Keys of an `[[agency]]`.
pub(super) const AGENCY: &[Key] = &[
    key("agency", "id", Kind::Choice(AGENCY_IDS)),
    key("agency", "name", Kind::Filled),
    key("agency", "email", Kind::Texts),
    key("agency", "senders", Kind::Texts),
];

/// Keys of a `[[duty]]`.
pub(super) const DUTY: &[Key] = &[
    key("duty", "id", Kind::Filled),
    key("duty", "name", Kind::Filled),
    key("duty", "kind", duties::KIND),
    key("duty", "on", Kind::Truth),
    key("duty", "due", Kind::Filled),
    key("duty", "steps", Kind::Texts),
    key("duty", "overdue_days", Kind::Whole(0, 60)),
    key("duty", "copy_lead_from", Kind::Filled),
    key("duty", "copy_agency_from", Kind::Filled),
    key("duty", "agency", Kind::Choice(AGENCY_IDS)),
    key("duty", "chase_days", Kind::Whole(1, 366)),
];

/// The keys of a section.
pub(super) fn of(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == section)
}

/// The sections, in the order of the file.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&'static str> = KEYS.iter().map(|key| key.section).collect();
    sections.dedup();
    sections
}
