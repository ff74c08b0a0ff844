//! What waits for a person (待人工), and what a person decides; which mail brought an original, and how it is answered.
//!
//! - Writes: `received_mail` (settled, or let in after all), audit.
//! - Safe to repeat because: what is settled, or let in, is so once.
//! - Trusts: reasons are typed by people and may name persons: they are sealed, and the audit log holds their keyed hash.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::deliver::PacketFile;
use super::super::letter::NewLetter;
use super::super::values::{Row, args};
use super::super::{Result, Store, from_ms, to_ms};
use super::{MailFate, MailHeader, ReceivedMail};

/// A mail that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayMail {
    /// The mail.
    pub mail: ReceivedMail,
    /// Whether its sender was answered.
    pub answered: bool,
}

/// The mail that brought a file: whom an answer goes to, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The mail.
    pub mail: i64,
    /// When it was first seen.
    pub received_at: DateTime<Utc>,
    /// The unit that sent it.
    pub unit: Option<String>,
    /// What it says of itself.
    pub header: MailHeader,
}

/// The recipient of an answer to somebody who is nobody's, in `delivery list`.
const STRANGER: &str = "未登记的发件人";

impl Origin {
    /// A letter that answers this mail. Key, subject and bodies without personal data; attachments encrypted where they
    /// are personal.
    pub fn letter(
        &self,
        key: String,
        (subject, text, html): (String, String, String),
        attachments: Vec<PacketFile>,
    ) -> NewLetter {
        let mut thread = self.header.thread.clone();
        thread.extend(Some(self.header.message_id.clone()).filter(|id| !id.is_empty()));
        NewLetter {
            key,
            recipient: self.unit.clone().unwrap_or_else(|| STRANGER.to_owned()),
            to: vec![self.header.sender.clone()],
            cc: Vec::new(),
            subject,
            text,
            html,
            attachments,
            thread,
        }
    }
}

impl From<ReceivedMail> for Origin {
    fn from(mail: ReceivedMail) -> Origin {
        let ReceivedMail { id, received_at, header, unit, .. } = mail;
        Origin { mail: id, received_at, unit, header }
    }
}

impl Store {
    /// Mails that wait for a person, oldest first.
    pub async fn tray(&self) -> Result<Vec<TrayMail>> {
        let sql = "SELECT id, received_at, bytes, header, unit, fate, let_in, answer_id FROM received_mail \
                   WHERE fate IS NOT NULL AND settled_at IS NULL ORDER BY id";
        let mail = |row: &Row| Ok(TrayMail { mail: self.read_mail(row)?, answered: row.int_or_null(7)?.is_some() });
        let mails: Vec<TrayMail> = self.db.rows(sql, []).await?.iter().map(mail).collect::<Result<_>>()?;
        Ok(mails.into_iter().filter(|one| one.mail.fate.is_some_and(MailFate::is_for_a_person)).collect())
    }

    /// How many mails wait for a person, and since when the oldest does.
    pub async fn tray_numbers(&self) -> Result<(u64, Option<DateTime<Utc>>)> {
        let sql = "SELECT fate, COUNT(*), MIN(received_at) FROM received_mail \
                   WHERE fate IS NOT NULL AND settled_at IS NULL GROUP BY fate";
        let (mut count, mut oldest) = (0, None);
        for row in self.db.rows(sql, []).await? {
            if super::fate::stored(&row.text(0)?)?.is_for_a_person() {
                let since = from_ms(row.int(2)?)?;
                count += row.count(1)?;
                oldest = Some(oldest.map_or(since, |oldest: DateTime<Utc>| oldest.min(since)));
            }
        }
        Ok((count, oldest))
    }

    /// Notes that a person is done with a mail that was set aside. `false`: it was not, or somebody is done already.
    pub async fn settle_mail(&self, id: i64, reason: &str, by: &str, at: DateTime<Utc>) -> Result<bool> {
        let mut change = self.change().await?;
        let seal = |column, text: &str| self.vault.seal(column, text.as_bytes());
        let (why, who) = (seal("received_mail.settled_why", reason), seal("received_mail.settled_by", by));
        let sql = "UPDATE received_mail SET settled_at = $2, settled_why = $3, settled_by = $4 \
                   WHERE id = $1 AND fate IS NOT NULL AND settled_at IS NULL";
        if change.tx.run(sql, args![id, to_ms(at), why, who]).await? != 1 {
            change.roll_back().await?;
            return Ok(false);
        }
        change.audit("mail.settled", &id.to_string(), &json!({"typed": self.typed(reason, by)}), at);
        change.commit("settle-mail").await?;
        Ok(true)
    }

    /// Lets a mail in after all that was set aside, as one of this unit: it waits, and is taken in at the next round.
    /// `false`: it is not set aside, or somebody is done with it.
    pub async fn let_mail_in(
        &self,
        id: i64,
        unit: &str,
        (reason, by): (&str, &str),
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let mut change = self.change().await?;
        let sql = "SELECT fate FROM received_mail WHERE id = $1 AND fate IS NOT NULL AND settled_at IS NULL";
        let fate = change.tx.row(sql, args![id]).await?.map(|row| row.text(0)).transpose()?;
        let fate = fate.as_deref().map(super::fate::stored).transpose()?;
        // Of one that was too large only the beginning is kept.
        let may = fate.is_some_and(|fate| fate.is_for_a_person() && fate != MailFate::TooLarge);
        if !may {
            change.roll_back().await?;
            return Ok(false);
        }
        let sql = "UPDATE received_mail SET fate = NULL, ended_at = NULL, unit = $2, let_in = 1 WHERE id = $1";
        change.tx.run(sql, args![id, unit.to_owned()]).await?;
        let detail = json!({"unit": unit, "typed": self.typed(reason, by)});
        change.audit("mail.let-in", &id.to_string(), &detail, at);
        change.commit("let-mail-in").await?;
        Ok(true)
    }

    /// The mail that brought an original: of several the last that was no trial (试检). `None` where it came otherwise.
    pub async fn mail_of_original(&self, original: i64) -> Result<Option<Origin>> {
        let sql = "SELECT m.id, m.received_at, m.bytes, m.header, m.unit, m.fate, m.let_in FROM received_mail m \
                   JOIN received_part p ON p.mail_id = m.id JOIN original o ON o.sha256 = p.sha256 \
                   WHERE o.id = $1 AND (m.fate IS NULL OR m.fate = 'taken') ORDER BY m.id DESC LIMIT 1";
        let row = self.db.row(sql, args![original]).await?;
        row.map(|row| self.read_mail(&row).map(Origin::from)).transpose()
    }
}
