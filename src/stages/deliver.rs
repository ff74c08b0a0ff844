//! Deliver (投递): what is due -> packed once -> through the one door out -> recorded.
//!
//! Reads: due deliveries, batches, papers. Writes: the packet (once), attempts and answers; the outbox folder.
//! Safe to repeat because a one-row update decides who sends, the packet is stored before it leaves and is sent
//! again as stored, and the folder door leaves alone what is there already.
//! When it fails: the delivery stays listed with the reason and is due again later; a refusal waits for a person.
//! Trusts: that the password of a recipient reaches it by another way than the packet.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use fail::fail_point;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{StageError, blocking};
use crate::forms::papers::{self, Manifest, ManifestFile, PaperKind};
pub use crate::outbox::Answer;
use crate::outbox::{Parcel, folder};
use crate::store::{Delivery, Lease, PacketFile, Paper, Store, StoredBatch};

/// Name of the last file of every packet.
pub const MANIFEST: &str = "manifest.json";

/// Kind of the batch's manifest among its stored papers; the claim stage names it so.
const MANIFEST_KIND: &str = "manifest";

/// How deliveries are made.
#[derive(Clone, Debug)]
pub struct Door {
    /// Folder that packets go to.
    pub outbox: PathBuf,
    /// How long one machine may take over one delivery before another may send it again.
    pub lease: TimeDelta,
    /// After how long a failed delivery is due again.
    pub retry: TimeDelta,
}

/// What became of one delivery.
#[derive(Debug)]
pub struct Delivered {
    /// The batch.
    pub batch: String,
    /// Id of the recipient.
    pub recipient: String,
    /// Where it went, or why it did not.
    pub answer: Answer,
    /// Whether an earlier attempt was in doubt (重发).
    pub resend: bool,
}

/// Sends everything that is due. `password` knows the ZIP password of a recipient.
pub async fn run(
    store: &Store,
    door: &Door,
    password: impl Fn(&str) -> Option<Zeroizing<String>>,
    now: DateTime<Utc>,
) -> Result<Vec<Delivered>, StageError> {
    let mut delivered = Vec::new();
    for due in store.due_deliveries(now).await? {
        let Some(lease) = store.lease_delivery(due.id, now + door.lease, now).await? else { continue };
        let Delivery { batch, recipient, resend, .. } = lease.delivery.clone();
        let batch = batch.unwrap_or_default();
        let answer = match packet(store, &lease, &batch, password(&recipient), now).await? {
            Ok(files) => send(&door.outbox, &recipient, &batch, files).await?,
            Err(why) => Answer::TryLater(why),
        };
        fail_point!("deliver.sent");
        match &answer {
            Answer::Accepted(place) => {
                store.finish_delivery(&lease, place, now).await?;
                info!(%batch, %recipient, resend, "packet delivered");
            }
            Answer::TryLater(why) => {
                store.postpone_delivery(&lease, why, now + door.retry, now).await?;
                warn!(%batch, %recipient, why, "packet not delivered, tried again later");
            }
            Answer::Refused(why) => {
                store.set_delivery_aside(&lease, why, now).await?;
                warn!(%batch, %recipient, why, "packet refused, a person must look");
            }
        }
        delivered.push(Delivered { batch, recipient, answer, resend });
    }
    Ok(delivered)
}

async fn send(outbox: &Path, recipient: &str, batch: &str, files: Vec<PacketFile>) -> Result<Answer, StageError> {
    let (outbox, recipient, reference) = (outbox.to_owned(), recipient.to_owned(), batch.to_owned());
    blocking(move || {
        let files: Vec<(String, Vec<u8>)> = files.into_iter().map(|file| (file.name, file.bytes)).collect();
        folder::deliver(&outbox, &Parcel { recipient: &recipient, reference: &reference, files: &files })
    })
    .await
}

/// The packet as stored; made and stored first where this is the first attempt. The inner error is a sentence for
/// the administrator.
async fn packet(
    store: &Store,
    lease: &Lease,
    batch: &str,
    password: Option<Zeroizing<String>>,
    now: DateTime<Utc>,
) -> Result<Result<Vec<PacketFile>, String>, StageError> {
    if let Some(files) = store.packet(lease.delivery.id).await? {
        return Ok(Ok(files));
    }
    let stored = store.batch(batch).await?;
    let recipient = &lease.delivery.recipient;
    let mut papers = Vec::new();
    for paper in &stored.papers {
        if concerns(recipient, &paper.kind) {
            papers.push((paper.clone(), store.paper_bytes(batch, &paper.name).await?));
        }
    }
    let sealed_at = stored.header.sealed_at;
    let made =
        blocking(move || pack(&stored, papers, password.as_ref().map(|password| password.as_str()), sealed_at)).await?;
    let files = match made {
        Ok(files) => files,
        Err(why) => return Ok(Err(why)),
    };
    Ok(Ok(store.store_packet(lease.delivery.id, files, now).await?))
}

/// A recipient gets the papers that it needs and no more (notice, 六; 个人信息保护法第六条).
fn concerns(recipient: &str, kind: &str) -> bool {
    match recipient {
        // Pays per prison and institution: needs no names and no ID numbers.
        "finance" => {
            let needed = [PaperKind::Cover, PaperKind::Annex7, PaperKind::Annex9].map(PaperKind::code);
            kind == MANIFEST_KIND || needed.contains(&kind)
        }
        _ => true,
    }
}

/// Whether a recipient's packets are encrypted: where no paper that it gets shows personal data, none is.
pub fn is_encrypted(recipient: &str) -> bool {
    PaperKind::ALL.iter().any(|kind| kind.is_personal() && concerns(recipient, kind.code()))
}

/// Papers with personal data go into an AES-256 ZIP together with the rest; the cover also lies open beside it.
fn pack(
    stored: &StoredBatch,
    papers: Vec<(Paper, Vec<u8>)>,
    password: Option<&str>,
    sealed_at: DateTime<Utc>,
) -> Result<Vec<PacketFile>, String> {
    let in_words = |error: papers::PaperError| error.to_string();
    let (manifests, papers): (Vec<_>, Vec<_>) = papers.into_iter().partition(|(paper, _)| paper.kind == MANIFEST_KIND);
    let (_, made) = manifests.first().ok_or("批次没有清单，无法打包")?;
    let mut manifest = Manifest::parse(made).map_err(in_words)?;
    let listed = |files: &[(String, Vec<u8>)]| {
        let mut files: Vec<_> = files.iter().map(|(name, bytes)| ManifestFile::of(name, bytes)).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    };
    let personal = papers.iter().any(|(paper, _)| paper.personal);
    let cover = papers.iter().find(|(paper, _)| paper.kind == PaperKind::Cover.code()).cloned();
    let mut files: Vec<(String, Vec<u8>)> = papers.into_iter().map(|(paper, bytes)| (paper.name, bytes)).collect();
    if personal {
        let password = password.ok_or(
            "没有加密口令：请把口令写入凭据 zip-password-<收件单位>（见 README.zh-CN.md），再运行 shenling once deliver",
        )?;
        manifest.files = listed(&files);
        files.push((MANIFEST.to_owned(), manifest.to_bytes().map_err(in_words)?));
        let members: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let zip = papers::pack(&members, password, sealed_at).map_err(in_words)?;
        files = cover.map(|(paper, bytes)| (paper.name, bytes)).into_iter().collect();
        files.push((format!("{}.zip", stored.header.number), zip));
    }
    manifest.files = listed(&files);
    files.push((MANIFEST.to_owned(), manifest.to_bytes().map_err(in_words)?));
    Ok(files.into_iter().map(|(name, bytes)| PacketFile { name, bytes }).collect())
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
