//! Deliver (投递): what is due -> packed once -> through a door out -> recorded.
//!
//! Packets of batches go to the folder door; where the recipient takes batches by mail, the packet's letter is queued in
//! the transaction that records its arrival there. Letters, whoever queued them, go to the mail door.
//!
//! Reads: due deliveries, batches, papers. Writes: the packet (once), attempts and answers; the outbox folder; mail.
//! Safe to repeat because a one-row update decides who sends, what leaves is stored before it leaves and is sent again
//! as stored, the folder door leaves alone what is there already, and a letter keeps its Message-ID: it arrives once, and
//! a second time at most after a crash or a silence between the last byte and the server's 250, marked 重发.
//! When it fails: the delivery stays listed with the reason and is due again later, by mail after 5 to 67 minutes;
//! after 4 hours an alarm is raised, after 5 days another; a refusal waits for a person.
//! Trusts: that the password of a recipient reaches it by another way than the packet.

mod batch_letter;
mod clerk;
mod letters;
mod mails;
mod packet;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fail::fail_point;
use tokio::time::Instant;
use tracing::{error, info, warn};
use zeroize::Zeroizing;

use super::{StageError, blocking};
use crate::forms::letters::LetterTemplates;
pub use crate::outbox::Answer;
pub use crate::outbox::smtp::{Security, Server};
use crate::outbox::{Parcel, folder};
use crate::store::{Delivery, Lease, PacketFile, Raised, Store};

/// Name of the last file of every packet.
pub const MANIFEST: &str = "manifest.json";
/// For how long a delivery may be stuck before an alarm is raised, and before it is raised again.
const ALARM_AFTER: TimeDelta = TimeDelta::hours(4);
const ESCALATE_AFTER: TimeDelta = TimeDelta::days(5);

/// How deliveries are made.
#[derive(Clone)]
pub struct Door {
    /// Folder that packets go to.
    pub outbox: PathBuf,
    /// How long one machine may take over one delivery before another may send it again.
    pub lease: TimeDelta,
    /// After how long a packet that failed at the folder is due again.
    pub retry: TimeDelta,
    /// The mail door, if there is one; without it letters wait.
    pub mail: Option<MailDoor>,
    /// Raised from outside: the run ends after what is in hand, the rest is due at the next one.
    pub stopping: Arc<AtomicBool>,
}

/// How letters are sent.
#[derive(Clone)]
pub struct MailDoor {
    /// The server; or what is missing to speak to it, as the administrator reads it. Letters wait then.
    pub server: Result<Server, String>,
    /// Name and address of the sender.
    pub from: (String, String),
    /// Connections at once.
    pub connections: u32,
    /// Most mails to one domain in a minute.
    pub per_domain_per_minute: u32,
    /// Largest mail in bytes.
    pub max_message_bytes: usize,
    /// The templates.
    pub templates: Arc<LetterTemplates>,
    /// Name of the programme.
    pub programme: String,
    /// Whom to ask: the lead prison.
    pub office: String,
    /// Who gets batches by mail, by id of the agency: official name and addresses.
    pub batches_to: BTreeMap<String, (String, Vec<String>)>,
}

/// What became of one delivery.
#[derive(Debug)]
pub struct Delivered {
    /// Its key.
    pub key: String,
    /// The batch, if it carries one.
    pub batch: Option<String>,
    /// The recipient's name in the settings.
    pub recipient: String,
    /// It went by mail.
    pub letter: bool,
    /// Where it went, or why it did not.
    pub answer: Answer,
    /// Whether an earlier attempt was in doubt (重发).
    pub resend: bool,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Report {
    /// Every delivery that was attempted.
    pub delivered: Vec<Delivered>,
    /// Letters that are due and were left for the next run: no server, its door shut, or too many at once.
    pub waiting: usize,
    /// Why no letter could be sent at all, whatever the server says.
    pub trouble: Option<String>,
    /// What has been stuck for too long, and was not known to be.
    pub raised: Vec<Raised>,
}

/// The time of a run, which goes on while it sends.
#[derive(Copy, Clone)]
struct Watch {
    now: DateTime<Utc>,
    begun: Instant,
}

impl Watch {
    /// The time by now, in whole seconds since the run began.
    fn at(self) -> DateTime<Utc> {
        self.now + Duration::from_secs(self.elapsed().as_secs())
    }

    fn elapsed(self) -> Duration {
        self.begun.elapsed()
    }
}

/// Sends everything that is due. `password` knows the ZIP password of a recipient.
pub async fn run(
    store: &Store,
    door: &Door,
    password: impl Fn(&str) -> Option<Zeroizing<String>>,
    now: DateTime<Utc>,
) -> Result<Report, StageError> {
    let watch = Watch { now, begun: Instant::now() };
    let mut report = Report::default();
    for due in store.due_deliveries(now).await?.into_iter().filter(|due| !due.letter) {
        if door.stopping.load(Ordering::Relaxed) {
            break;
        }
        let Some(lease) = store.lease_delivery(due.id, now + door.lease, now).await? else { continue };
        let answer = deliver(store, door, &lease, password(&lease.delivery.recipient), now).await?;
        report.delivered.push(delivered(&lease.delivery, answer));
    }
    // Those that were queued just now are among them.
    let letters: Vec<Delivery> = store.due_deliveries(now).await?.into_iter().filter(|due| due.letter).collect();
    match &door.mail {
        Some(mail) => letters::send(store, door, mail, letters, watch, &mut report).await?,
        None => report.waiting = letters.len(),
    }
    report.raised = store.raise_alarms(ALARM_AFTER, ESCALATE_AFTER, watch.at()).await?;
    for stuck in &report.raised {
        error!(key = stuck.key, recipient = stuck.recipient, alarm = ?stuck.alarm, "delivery stuck, a person must look");
    }
    Ok(report)
}

fn delivered(delivery: &Delivery, answer: Answer) -> Delivered {
    let Delivery { key, batch, recipient, letter, resend, .. } = delivery.clone();
    Delivered { key, batch, recipient, letter, answer, resend }
}

/// One packet: made where it is not yet, put into the folder, recorded together with the letter that follows it.
async fn deliver(
    store: &Store,
    door: &Door,
    lease: &Lease,
    password: Option<Zeroizing<String>>,
    now: DateTime<Utc>,
) -> Result<Answer, StageError> {
    let Delivery { recipient, resend, .. } = lease.delivery.clone();
    let carried = packet::Carried::of(store, &lease.delivery).await?;
    let batch = carried.reference(&lease.delivery.key);
    let mut letter = None;
    let mut answer = match packet::packet(store, lease, &carried, password.clone(), now).await? {
        Ok(files) => {
            match batch_letter::compose(store, door.mail.as_ref(), lease, &files, password, now).await? {
                Ok(composed) => letter = composed,
                Err(why) => return postponed(store, door, lease, why, now).await,
            }
            put(&door.outbox, &recipient, &batch, files).await?
        }
        Err(why) => Answer::TryLater(why),
    };
    fail_point!("deliver.sent");
    match &answer {
        Answer::Accepted(place) => {
            store.finish_delivery(lease, place, letter.as_ref(), now).await?;
            info!(%batch, %recipient, resend, "packet delivered");
        }
        Answer::Refused(why) => {
            store.set_delivery_aside(lease, why, now).await?;
            warn!(%batch, %recipient, why, "packet refused, a person must look");
        }
        Answer::TryLater(why) | Answer::Unclear(why) | Answer::Shut(why) => {
            answer = postponed(store, door, lease, why.clone(), now).await?;
        }
    }
    Ok(answer)
}

async fn postponed(
    store: &Store,
    door: &Door,
    lease: &Lease,
    why: String,
    now: DateTime<Utc>,
) -> Result<Answer, StageError> {
    store.postpone_delivery(lease, &why, None, now + door.retry, now).await?;
    warn!(
        key = lease.delivery.key,
        recipient = lease.delivery.recipient,
        why,
        "packet not delivered, tried again later"
    );
    Ok(Answer::TryLater(why))
}

/// Whether a recipient's packets are encrypted, so that it needs a password.
pub fn is_encrypted(recipient: &str) -> bool {
    packet::is_encrypted(recipient)
}

/// Puts files into `outbox/<recipient>/<reference>/`.
async fn put(outbox: &Path, recipient: &str, reference: &str, files: Vec<PacketFile>) -> Result<Answer, StageError> {
    let (outbox, recipient, reference) = (outbox.to_owned(), recipient.to_owned(), reference.to_owned());
    blocking(move || {
        let files: Vec<(String, Vec<u8>)> = files.into_iter().map(|file| (file.name, file.bytes)).collect();
        folder::deliver(&outbox, &Parcel { recipient: &recipient, reference: &reference, files: &files })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::is_encrypted;

    #[test]
    fn only_packets_with_personal_data_need_a_password() {
        assert!(is_encrypted("bureau") && is_encrypted("hrss"));
        assert!(!is_encrypted("finance"));
    }
}
