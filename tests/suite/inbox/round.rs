//! The whole round, through a real Dovecot and a real Postfix: a prison sends, the daemon (killed in between) answers, the
//! annotated copy is mended and sent back, and everything is in; and a mailbox that is away for a while.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::{CLERK, Letterbox, PASSWORD, connected, mail_with, row, tagged};
use crate::daemon::{Running, command, log, set, until};
use crate::mail::opened::{Opened, open};
use crate::mail::server::{Server, server};
use crate::mail::{self, with_mail};
use crate::support::{self, Folder, results_csv};

/// A folder between both servers, whose duties run every second.
fn hasty(letterbox: &Letterbox, server: &Server) -> Folder {
    let folder = with_mail(Folder::new(), server.port, "starttls");
    for (from, to) in [
        ("host = \"127.0.0.1\"", "host = \"localhost\"".to_owned()),
        ("user = \"\"", format!("user = \"{}\"", server.user)),
        ("ca_file = \"\"", format!("ca_file = \"{}\"", server.folder.join("ca.pem").display())),
        ("timeout_seconds = 2", "timeout_seconds = 20".to_owned()),
    ] {
        mail::set(&folder, from, &to);
    }
    folder.put("data/credentials/smtp-password", &server.password);
    set(&folder, &[("collect", "0 3 * * *"), ("calculate", ""), ("claim", ""), ("remind", ""), ("compile", "")]);
    set(&folder, &[("digest", ""), ("mailbox", "* * * * * *"), ("deliver", "* * * * * *")]);
    connected(folder, letterbox)
}

/// The answers to a mail that lie in the clerk's Maildir.
fn replies(server: &Server, id: &str) -> Vec<Opened> {
    let folder = server.folder.join("mail").join(CLERK).join("new");
    let raw = |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.unwrap().path()).unwrap();
    let mails = fs::read_dir(folder).into_iter().flatten().map(raw).map(|raw| raw.replace('\n', "\r\n"));
    let answers = |raw: &String| raw.contains(&format!("In-Reply-To: <{}>", tagged(id)));
    mails.filter(answers).map(|raw| open(&raw)).collect()
}

/// How many letters these are: one that was under way when the daemon was killed may lie there twice, marked.
fn once(replies: &[Opened]) -> usize {
    let ids: BTreeSet<&str> = replies.iter().map(|reply| reply.headers["message-id"].as_str()).collect();
    let marked = replies.iter().filter(|reply| reply.headers.contains_key("x-shenling-resend")).count();
    assert!(replies.len() - ids.len() <= marked, "twice, and not marked");
    ids.len()
}

/// A workbook without its faulty text, as if a clerk had typed over it.
fn mended(workbook: &[u8], fault: &str, right: &str) -> Vec<u8> {
    let mut from = ZipArchive::new(Cursor::new(workbook)).unwrap();
    let mut to = ZipWriter::new(Cursor::new(Vec::new()));
    let mut found = 0;
    for at in 0..from.len() {
        let mut part = from.by_index(at).unwrap();
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).unwrap();
        let name = part.name().unwrap().into_owned();
        if let Ok(text) = String::from_utf8(bytes.clone()) {
            let text_cell = format!(">{fault}<");
            found += text.matches(&text_cell).count();
            bytes = text.replace(&text_cell, &format!(">{right}<")).into_bytes();
        }
        to.start_file(name, SimpleFileOptions::default()).unwrap();
        to.write_all(&bytes).unwrap();
    }
    assert!(found > 0, "{fault} stands nowhere");
    to.finish().unwrap().into_inner()
}

/// The annotated copy out of the packet, as 7-Zip opens it.
fn unpacked(folder: &Folder, reply: &Opened) -> Vec<u8> {
    let (name, zip) = reply.files.iter().next().unwrap();
    let (file, out) = (folder.work().join(name), folder.work().join("copies"));
    fs::write(&file, zip).unwrap();
    let opened = Command::new("7z")
        .arg("x")
        .arg("-y")
        .arg(format!("-p{PASSWORD}"))
        .arg(format!("-o{}", out.display()))
        .arg(&file)
        .output();
    assert!(opened.as_ref().unwrap().status.success(), "{}", support::text(&opened.unwrap()));
    let copy = fs::read(out.join("1_问题标注.xlsx")).unwrap();
    keep_to_look_at(reply, &copy);
    copy
}

/// Where `SHENLING_KEEP` names a folder, what a clerk sees is left there.
fn keep_to_look_at(reply: &Opened, copy: &[u8]) {
    let Some(keep) = std::env::var_os("SHENLING_KEEP") else { return };
    let keep = Path::new(&keep);
    fs::write(keep.join("reply.html"), &reply.html).unwrap();
    fs::write(keep.join("reply.txt"), &reply.text).unwrap();
    fs::write(keep.join("copy.xlsx"), copy).unwrap();
}

/// Runs the daemon, killed at this point or after what is waited for was seen.
fn serve_until<T>(folder: &Folder, kill_at: Option<&str>, what: &str, seen: impl FnMut() -> Option<T>) -> T {
    if let Some(point) = kill_at {
        let mut killed = Running(command(folder).env("SHENLING_KILL_AT", point).spawn().unwrap());
        assert_eq!(killed.end(), None, "{point} was not passed: {}", log(folder));
        // The lease of the dead runs out by itself; the test does not wait for it.
        crate::daemon::postpone(folder, "UPDATE duty_lease SET lease_until = 0");
        crate::daemon::postpone(folder, "UPDATE delivery SET lease_until = 0 WHERE lease_until IS NOT NULL");
    }
    let mut daemon = Running(command(folder).spawn().unwrap());
    let seen = until(what, seen);
    daemon.signal(Signal::KILL);
    daemon.end();
    crate::daemon::postpone(folder, "UPDATE duty_lease SET lease_until = 0");
    seen
}

#[test]
fn a_prison_sends_twice_and_everything_is_in_though_the_daemon_is_killed() {
    let Some(server) = server() else { return };
    for (which, letterbox) in Letterbox::all().into_iter().enumerate() {
        let folder = hasty(&letterbox, &server);
        for (time, points) in [
            (1, ["store.keep-mail.after-commit", "store.take-in.after-commit"]),
            (2, ["store.end-mail.after-commit", "collect.mail-ended"]),
        ] {
            let first = 10 * time;
            let rows = [row(first, "2026-04-10"), row(first + 1, "10/4/26"), row(first + 2, "2026-04-10")];
            let sent = format!("sent{time}x{which}@jail");
            letterbox.put(&mail_with(CLERK, &sent, "考核结果", "", &[("结果.csv", results_csv(&rows).as_bytes())]));
            let reply = serve_until(&folder, Some(points[0]), "the reply", || replies(&server, &sent).pop());
            assert!(reply.headers["subject"].contains("收下 2 行，退回 1 行"), "{}", reply.headers["subject"]);
            let copy = mended(&unpacked(&folder, &reply), "10/4/26", "2026-04-10");
            let back = format!("back{time}x{which}@jail");
            let thread = format!("In-Reply-To: {}\r\n", reply.headers["message-id"]);
            // Our own reply lies beside it, as when a clerk forwards it: what it holds is known and must not count again.
            let (own, zip) = reply.files.iter().next().unwrap();
            let files: [(&str, &[u8]); 2] = [("1_问题标注.xlsx", &copy), (own, zip)];
            letterbox.put(&mail_with(CLERK, &back, "回复：需更正", &thread, &files));
            let receipt = serve_until(&folder, Some(points[1]), "the receipt", || replies(&server, &back).pop());
            assert!(
                receipt.headers["subject"].starts_with("【回执】溧阳监狱：收下 1 行"),
                "{}\n{}",
                receipt.headers["subject"],
                receipt.text
            );
            assert!(receipt.text.contains("以前已收、内容未变 2 行"), "{}", receipt.text);
            assert!(receipt.text.contains("收到文件：1 个"), "{}", receipt.text);
            assert!(receipt.text.contains("这是本系统发出的文件，没有改动"), "{}", receipt.text);
            assert_eq!(folder.json(0, &["status"])["assessments"], 3 * time);
            // Nothing comes twice, however long it goes on.
            serve_until(&folder, None, "moved", || {
                (letterbox.moved(&sent).0 == 1 && letterbox.moved(&back).0 == 1).then_some(())
            });
            assert_eq!(
                (once(&replies(&server, &sent)), once(&replies(&server, &back)), letterbox.waiting()),
                (1, 1, 0)
            );
        }
        folder.expect(0, &["audit", "verify"]);
    }
}

/// The mailbox is away: one trouble, which `status` shows; what came meanwhile is taken when it is back.
#[test]
fn a_mailbox_that_is_away_is_told_and_what_came_meanwhile_is_taken() {
    let Some((letterbox, _peer, folder)) = super::office() else { return };
    set(&folder, &[("collect", "0 3 * * *"), ("calculate", ""), ("claim", ""), ("remind", ""), ("compile", "")]);
    set(&folder, &[("digest", ""), ("mailbox", "* * * * * *"), ("deliver", "0 3 * * *")]);
    let good = fs::read_to_string(folder.config()).unwrap();
    let away = good.replace(&format!("\nport = {}", letterbox.server.port), "\nport = 1");
    assert_ne!(good, away);
    fs::write(folder.config(), away).unwrap();
    letterbox.put(&super::mail(CLERK, "away@jail", "考核结果", &[("r.csv", &super::results(1..3, None))]));
    let mut daemon = Running(command(&folder).spawn().unwrap());
    let status = |told: &str| folder.expect(0, &["status"]).contains(told).then_some(());
    until("the trouble", || status("收信：收件邮箱：连接"));
    fs::write(folder.config(), good).unwrap();
    daemon.signal(Signal::HUP);
    until("the mail", || (folder.json(0, &["status"])["assessments"] == 2).then_some(()));
    until("the end of the trouble", || status("收信：收件邮箱").is_none().then_some(()));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0), "{}", log(&folder));
    assert_eq!(letterbox.moved("away@jail"), (1, 0));
}
