//! The letter that carries a batch to an agency: what it is, what to do next, the control totals, the encrypted packet.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use zeroize::Zeroizing;

use super::super::{StageError, blocking};
use super::MailDoor;
use super::packet::NO_PASSWORD;
use crate::forms::letters::{Attached, BatchFacts, BatchFigures, Frame, size_in_words};
use crate::forms::papers::{self, PaperKind};
use crate::store::{BatchHeader, Lease, NewLetter, PacketFile, Store, sha256_hex};
use crate::subsidy::calendar::civil_date;

/// The letter for a packet, if its recipient takes batches by mail. The inner error is a sentence for the administrator.
pub(super) async fn compose(
    store: &Store,
    mail: Option<&MailDoor>,
    lease: &Lease,
    files: &[PacketFile],
    password: Option<Zeroizing<String>>,
    now: DateTime<Utc>,
) -> Result<Result<Option<NewLetter>, String>, StageError> {
    let recipient = &lease.delivery.recipient;
    let Some(batch) = lease.delivery.batch.clone() else { return Ok(Ok(None)) };
    let addressee = mail.and_then(|mail| Some((mail, mail.batches_to.get(recipient)?)));
    let Some((mail, (name, to))) = addressee else { return Ok(Ok(None)) };
    let stored = store.batch(&batch).await?;
    let cover = stored.papers.iter().find(|paper| paper.kind == PaperKind::Cover.code()).map(|paper| &paper.name);
    let cover = cover.and_then(|cover| files.iter().find(|file| file.name == *cover)).map(|file| file.bytes.clone());
    let Some(zip) = encrypted(files, &stored.header, password).await? else { return Ok(Err(NO_PASSWORD.to_owned())) };
    let mut attachments = vec![PacketFile { name: zip_name(&batch), bytes: zip }];
    attachments.extend(cover.map(|bytes| PacketFile { name: format!("{batch}-cover.pdf"), bytes }));
    let frame = Frame {
        programme: mail.programme.clone(),
        office: mail.office.clone(),
        dated_on: day_in_words(civil_date(now)),
    };
    let facts = BatchFacts::new(frame, (recipient, name), figures(&stored.header), attached(&batch, &attachments));
    let letter = match mail.templates.write("batch", &facts) {
        Ok(letter) => letter,
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(Ok(Some(NewLetter {
        key: format!("{}:mail", lease.delivery.key),
        recipient: recipient.clone(),
        to: to.clone(),
        cc: Vec::new(),
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
        attachments,
        thread: Vec::new(),
    })))
}

/// The encrypted packet; a packet without personal data has none yet, and by mail it is encrypted all the same: its
/// papers hold bank accounts and Chinese names.
async fn encrypted(
    files: &[PacketFile],
    header: &BatchHeader,
    password: Option<Zeroizing<String>>,
) -> Result<Option<Vec<u8>>, StageError> {
    let name = zip_name(&header.number);
    if let Some(zip) = files.iter().find(|file| file.name == name) {
        return Ok(Some(zip.bytes.clone()));
    }
    let Some(password) = password else { return Ok(None) };
    let (files, sealed_at) = (files.to_vec(), header.sealed_at);
    let zip = blocking(move || {
        let members: Vec<(&str, &[u8])> =
            files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
        papers::pack(&members, &password, sealed_at)
    });
    Ok(Some(zip.await??))
}

fn attached(batch: &str, files: &[PacketFile]) -> Vec<Attached> {
    let zip = zip_name(batch);
    let what = |name: &str| if name == zip { Attached::ENCRYPTED } else { "汇总封面，不含个人信息" };
    let one = |file: &PacketFile| Attached {
        name: file.name.clone(),
        what: what(&file.name).to_owned(),
        size: size_in_words(file.bytes.len()),
        sha256: sha256_hex(&file.bytes),
    };
    files.iter().map(one).collect()
}

/// The encrypted packet's name, in the folder and as attachment.
fn zip_name(batch: &str) -> String {
    format!("{batch}.zip")
}

fn figures(header: &BatchHeader) -> BatchFigures {
    BatchFigures {
        number: header.number.clone(),
        period: header.period.in_words(),
        claim_on: day_in_words(header.claim_on),
        persons: header.totals.persons,
        lines: header.totals.lines,
        refusals: header.refusals,
        sum: header.totals.sum.to_string(),
        lines_sha256: header.totals.lines_sha256.clone(),
        audit: (header.audit_count, header.audit_head.clone()),
    }
}

fn day_in_words(day: NaiveDate) -> String {
    format!("{}年{}月{}日", day.year(), day.month(), day.day())
}
