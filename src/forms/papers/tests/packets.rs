//! Packets.

use std::process::Command;

use super::super::{PaperError, pack, unpack};

const PASSWORD: &str = "Shenling-2026";

fn members() -> Vec<(&'static str, &'static [u8])> {
    vec![("CZ-2026-Q4-001_封面.pdf", b"%PDF-1.7"), ("manifest.json", b"{}")]
}

fn at() -> chrono::DateTime<chrono::Utc> {
    "2026-12-01T01:30:05Z".parse().expect("an instant")
}

#[test]
fn what_was_packed_is_unpacked() {
    let packet = pack(&members(), PASSWORD, at()).expect("a packet");
    let opened = unpack(&packet, PASSWORD).expect("members");
    let opened: Vec<(&str, &[u8])> = opened.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    assert_eq!(opened, members());
    assert_eq!(unpack(&packet, "Shenling-2027"), Err(PaperError::Packet("口令不对".into())));
    assert!(unpack(b"PK nonsense", PASSWORD).is_err());
}

#[test]
fn passwords_are_plain_and_long_enough() {
    for bad in ["short", "密码密码密码密码", "has a space", ""] {
        assert!(matches!(pack(&members(), bad, at()), Err(PaperError::Password(_))), "{bad}");
    }
}

#[test]
fn other_programs_open_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("packet.zip");
    std::fs::write(&file, pack(&members(), PASSWORD, at()).expect("a packet")).expect("a file");
    let run = |args: &[&str]| Command::new("7z").args(args).arg(&file).env("LC_ALL", "C.UTF-8").output();
    let Ok(tested) = run(&["t", &format!("-p{PASSWORD}")]) else {
        eprintln!("skipped other_programs_open_it: 7z is not installed");
        return;
    };
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    assert!(!run(&["t", "-pwrong-one"]).expect("7z").status.success());
    let listed = run(&["l", "-slt"]).expect("7z").stdout;
    let listed = String::from_utf8_lossy(&listed);
    assert!(listed.contains("AES-256") && listed.contains("CZ-2026-Q4-001_封面.pdf"), "{listed}");
    assert!(listed.contains("2026-12-01 09:30:0"), "{listed}");
}
