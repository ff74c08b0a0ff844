//! Mails of many programs, taken apart: what each must become stands in `tests/fixtures/mail/table.txt`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { max_enclosure_bytes: 200_000, max_unpacked_bytes: 1_000_000, max_enclosures: 50 };
const PASSWORD: &str = "test-2026-zip";
/// The csv and the workbook that are in most of the mails.
const CSV: &[u8] = b"\xBC\xE0\xD3\xFC,\xD0\xD5\xC3\xFB\r\n\xE4\xE0\xD1\xF4\xBC\xE0\xD3\xFC,\xD5\xC5\xC8\xFD\r\n";
const WORKBOOK_BYTES: usize = 250;
const WORKBOOK_PARTS: [&str; 2] = ["[Content_Types].xml", "xl/workbook.xml"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mail")
}

fn mails() -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    names.sort_by_key(stem);
    names.iter().map(|path| (stem(path), fs::read(path).unwrap())).collect()
}

/// What a file is: the workbook or the csv, byte by byte, or something else.
fn kind(bytes: &[u8]) -> &'static str {
    let is_workbook = || {
        let archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).ok()?;
        let names: Vec<String> = archive.file_names().flatten().map(|name| name.to_string()).collect();
        Some(names == WORKBOOK_PARTS && bytes.len() == WORKBOOK_BYTES)
    };
    if bytes == CSV || bytes == CSV.iter().copied().filter(|b| *b != b'\r').collect::<Vec<u8>>() {
        "csv"
    } else if is_workbook() == Some(true) {
        "workbook"
    } else {
        "other"
    }
}

/// One mail in one line of the table.
fn line(name: &str, mail: &Mail) -> String {
    let mut files: Vec<String> = Vec::new();
    for file in &mail.enclosures {
        let path: String = file.within.iter().fold(String::new(), |path, step| path + step + " > ");
        files.push(format!("{path}{} ({})", file.name, kind(&file.bytes)));
    }
    files.extend(mail.unopened.iter().map(|one| format!("!{:?} {}", one.why, one.name)));
    let mut line = format!("{name} | {} | {}", mail.subject, files.join(", "));
    let mut more = Vec::new();
    if mail.from.as_deref() != Some("clerk@prison.example.cn") {
        more.push(format!("from {}", mail.from.as_deref().unwrap_or("nobody")));
    }
    more.extend(mail.automatic.map(|what| format!("{what:?}")));
    if let Some(report) = &mail.report {
        more.push(format!("about {}", report.message_ids.join("+")));
        more.extend(
            report
                .fates
                .iter()
                .map(|fate| format!("{} {:?} {}", fate.recipient, fate.action, fate.status).trim().to_owned()),
        );
    }
    if !mail.answers.is_empty() {
        more.push(format!("answers {}", mail.answers.join("+")));
    }
    let text = mail.text.lines().next().unwrap_or_default();
    if text != "附件请查收。" {
        more.push(format!("text {text}"));
    }
    let _ = write!(line, " | {}", more.join(", "));
    line.trim_end().to_owned()
}

#[test]
fn every_mail_becomes_what_the_table_says() {
    let table = fs::read_to_string(folder().join("table.txt")).unwrap();
    let expected: Vec<&str> = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let read = |raw: &[u8]| read(raw, &["wrong-password", PASSWORD], &LIMITS).unwrap();
    let found: Vec<String> = mails().iter().map(|(name, raw)| line(name, &read(raw))).collect();
    assert!(found.len() >= 75, "{}", found.len());
    assert_eq!(found.join("\n"), expected.join("\n"));
}

#[test]
fn the_receiving_server_is_believed_and_nobody_else() {
    let (_, raw) = mails().into_iter().find(|(name, _)| name == "auth-results").unwrap();
    let mail = read(&raw, &[], &LIMITS).unwrap();
    assert_eq!(mail.is_authentic("mx.example.cn"), Some(true));
    assert_eq!(mail.is_authentic("mx.evil.example"), None);
}

#[test]
fn mails_within_mails_do_not_exhaust_the_stack() {
    let mut raw = b"From: a@b.cn\r\n".to_vec();
    for _ in 0..50_000 {
        raw.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
    }
    assert_eq!(read(&raw, &[], &LIMITS), Err(Unreadable));
    let digest = "Content-Type: multipart / Digest; boundary=x\r\n\r\n--x\r\n\r\n".repeat(20_000);
    assert_eq!(read(digest.as_bytes(), &[], &LIMITS), Err(Unreadable));
}

#[test]
fn files_are_counted() {
    let part = "--b\r\nContent-Type: text/csv; name=a.csv\r\n\r\nx\r\n";
    let raw = format!("From: a@b.cn\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--", part.repeat(60));
    let mail = read(raw.as_bytes(), &[], &LIMITS).unwrap();
    assert_eq!((mail.enclosures.len(), mail.unopened.len()), (50, 10));
    assert_eq!(mail.unopened[0].why, Why::TooLarge);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is damaged in a mail, it is read or refused.
    #[test]
    fn damage_never_breaks_us(which in 0_usize..1_000, at in 0_usize..100_000, cut in 0_usize..40, with in prop::collection::vec(any::<u8>(), 0..12)) {
        let mails = mails();
        let mut raw = mails[which % mails.len()].1.clone();
        let at = at % raw.len();
        raw.splice(at..(at + cut).min(raw.len()), with);
        if let Ok(mail) = read(&raw, &[PASSWORD], &LIMITS) {
            let most = usize::try_from(LIMITS.max_enclosure_bytes).unwrap();
            prop_assert!(mail.enclosures.iter().all(|file| file.bytes.len() <= most));
        }
    }
}
