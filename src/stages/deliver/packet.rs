//! Packets: the papers that a recipient needs, packed once and stored.

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::super::{StageError, blocking};
use super::MANIFEST;
use crate::forms::papers::{self, Manifest, ManifestFile, PaperKind};
use crate::store::{Delivery, Lease, PacketFile, Paper, Store, StoredCityPlan};

/// Kind of the batch's manifest among its stored papers; the claim stage names it so.
const MANIFEST_KIND: &str = "manifest";

/// What a delivery carries.
pub(super) enum Carried {
    /// A sealed batch.
    Batch(String),
    /// A compiled plan.
    Plan(Box<StoredCityPlan>),
    /// Files that were queued with it.
    Files,
}

impl Carried {
    /// What a delivery carries.
    pub(super) async fn of(store: &Store, delivery: &Delivery) -> Result<Carried, StageError> {
        Ok(match &delivery.batch {
            Some(batch) => Carried::Batch(batch.clone()),
            None => {
                store.plan_of_delivery(delivery.id).await?.map_or(Carried::Files, |plan| Carried::Plan(Box::new(plan)))
            }
        })
    }

    /// The folder that it goes to.
    pub(super) fn reference(&self, key: &str) -> String {
        match self {
            Carried::Batch(batch) => batch.clone(),
            Carried::Plan(plan) => plan.number.clone(),
            Carried::Files => key.replace(':', "-"),
        }
    }
}

/// The packet as stored; made and stored first where this is the first attempt. The inner error is a sentence for
/// the administrator.
pub(super) async fn packet(
    store: &Store,
    lease: &Lease,
    carried: &Carried,
    password: Option<Zeroizing<String>>,
    now: DateTime<Utc>,
) -> Result<Result<Vec<PacketFile>, String>, StageError> {
    if let Some(files) = store.packet(lease.delivery.id).await? {
        return Ok(Ok(files));
    }
    let (number, sealed_at, listed) = match carried {
        Carried::Batch(batch) => {
            let stored = store.batch(batch).await?;
            (batch.clone(), stored.header.sealed_at, stored.papers)
        }
        Carried::Plan(plan) => (plan.number.clone(), plan.sealed_at, plan.papers.clone()),
        Carried::Files => return Ok(Err("没有要投递的文件".to_owned())),
    };
    let recipient = &lease.delivery.recipient;
    let mut papers = Vec::new();
    for paper in listed.into_iter().filter(|paper| concerns(recipient, &paper.kind)) {
        let bytes = store.blob(&paper.sha256).await?;
        papers.push((paper, bytes));
    }
    let made =
        blocking(move || pack(&number, papers, password.as_ref().map(|password| password.as_str()), sealed_at)).await?;
    let files = match made {
        Ok(files) => files,
        Err(why) => return Ok(Err(why)),
    };
    Ok(Ok(store.store_packet(lease.delivery.id, files, now).await?))
}

/// What is said where a recipient has no password.
pub(super) const NO_PASSWORD: &str =
    "没有加密口令：请把口令写入凭据 zip-password-<收件单位>（见 README.zh-CN.md），再运行 shenling once deliver";

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
pub(super) fn is_encrypted(recipient: &str) -> bool {
    PaperKind::ALL.iter().any(|kind| kind.is_personal() && concerns(recipient, kind.code()))
}

/// Papers with personal data go into an AES-256 ZIP together with the rest; the cover also lies open beside it.
fn pack(
    number: &str,
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
        let password = password.ok_or(NO_PASSWORD)?;
        manifest.files = listed(&files);
        files.push((MANIFEST.to_owned(), manifest.to_bytes().map_err(in_words)?));
        let members: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let zip = papers::pack(&members, password, sealed_at).map_err(in_words)?;
        files = cover.map(|(paper, bytes)| (paper.name, bytes)).into_iter().collect();
        files.push((format!("{number}.zip"), zip));
    }
    manifest.files = listed(&files);
    files.push((MANIFEST.to_owned(), manifest.to_bytes().map_err(in_words)?));
    Ok(files.into_iter().map(|(name, bytes)| PacketFile { name, bytes }).collect())
}
