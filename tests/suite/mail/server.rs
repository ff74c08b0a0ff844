//! Through a real Postfix on this machine: STARTTLS, login, and what then lies in the Maildir, opened with 7z.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::opened::{Opened, open};
use super::{set, with_mail};
use crate::support::{self, Folder};

/// How long the server may take to put a mail into the Maildir.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// What `.ci/mail-server` started: `user:password@port,folder`.
pub struct Server {
    pub user: String,
    pub password: String,
    pub port: u16,
    pub folder: PathBuf,
}

pub fn server() -> Option<Server> {
    let said = support::mail_server()?;
    let (login, rest) = said.rsplit_once('@').unwrap();
    let ((user, password), (port, folder)) = (login.split_once(':').unwrap(), rest.split_once(',').unwrap());
    let (user, password) = (user.to_owned(), password.to_owned());
    Some(Server { user, password, port: port.parse().unwrap(), folder: folder.into() })
}

fn folder(server: &Server, password: &str) -> Folder {
    let folder = with_mail(Folder::new(), server.port, "starttls");
    set(&folder, "host = \"127.0.0.1\"", "host = \"localhost\"");
    set(&folder, "user = \"\"", &format!("user = \"{}\"", server.user));
    set(&folder, "timeout_seconds = 2", "timeout_seconds = 20");
    folder.put("data/credentials/smtp-password", password);
    folder
}

/// The mail with this subject, once it has arrived.
fn wait_for(maildir: &Path, subject: &str) -> Opened {
    let until = Instant::now() + MAX_WAIT;
    while Instant::now() < until {
        for entry in fs::read_dir(maildir.join("new")).into_iter().flatten() {
            let raw = fs::read_to_string(entry.unwrap().path()).unwrap().replace('\n', "\r\n");
            let mail = open(&raw);
            if mail.headers["subject"] == subject {
                return mail;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{subject} did not arrive in {}", maildir.display());
}

#[test]
fn a_letter_goes_through_starttls_and_login_into_the_maildir() {
    let Some(server) = server() else { return };
    let folder = folder(&server, &server.password);
    let now = "2026-11-20T09:00:00+08:00";
    let (code, _, err) = folder.run(&["--now", now, "delivery", "test", "--to", "clerk@shenling.test"]);
    assert!(code == 1 && err.contains("没有成功，不发送任何内容"), "its CA is not the system's: {err}");
    set(&folder, "ca_file = \"\"", &format!("ca_file = \"{}\"", server.folder.join("ca.pem").display()));
    // The clock of the run tells this test's letter from those of earlier runs.
    let serial = std::process::id() % 60;
    let now = format!("2026-11-20T10:00:{serial:02}+08:00");
    folder.expect(0, &["--now", &now, "delivery", "test", "--to", "clerk@shenling.test"]);
    let number = format!("20261120-1000{serial:02}");
    let subject = format!("试发邮件：常州市监狱服刑人员职业技能培训补贴申领系统（{number}）");
    let mail = wait_for(&server.folder.join("mail/clerk@shenling.test"), &subject);
    let header = |name: &str| mail.headers[name].as_str();
    assert_eq!(header("return-path"), "<shenling@example.cn>");
    assert_eq!(header("auto-submitted"), "auto-generated");
    assert_eq!(header("date"), format!("Fri, 20 Nov 2026 02:00:{serial:02} +0000"));
    let listed = folder.json(0, &["delivery", "show", &format!("test:{number}")]);
    let id = listed["letter"]["mails"][0]["message_id"].as_str().unwrap();
    assert_eq!(header("message-id"), format!("<{id}>"), "the server kept ours");
    let received = header("received");
    assert!(received.contains("TLSv1.3") && received.contains("Authenticated sender"), "{received}");
    let zip = folder.work().join("test.zip");
    fs::write(&zip, &mail.files["test.zip"]).unwrap();
    let opened = Command::new("7z").args(["x", "-ptest2026", "-so"]).arg(&zip).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&opened.stdout), "附件打开了。\n", "{}", support::text(&opened));
    let listing = Command::new("7z").arg("l").arg(&zip).env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(support::text(&listing).contains("试发附件.txt"), "{}", support::text(&listing));
}

#[test]
fn a_wrong_password_is_refused_by_the_server_and_the_letter_waits() {
    let Some(server) = server() else { return };
    let folder = folder(&server, "not-the-password");
    set(&folder, "ca_file = \"\"", &format!("ca_file = \"{}\"", server.folder.join("ca.pem").display()));
    let (code, out, err) = folder.run(&["--json", "delivery", "test", "--to", "clerk@shenling.test"]);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("535 5.7.8"), "{out}");
    assert!(!err.contains("not-the-password"));
}

#[test]
fn an_unknown_recipient_is_set_aside_with_the_servers_words() {
    let Some(server) = server() else { return };
    let folder = folder(&server, &server.password);
    set(&folder, "ca_file = \"\"", &format!("ca_file = \"{}\"", server.folder.join("ca.pem").display()));
    let (code, out, err) = folder.run(&["--json", "delivery", "test", "--to", "nobody@shenling.test"]);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("550 5.1.1") && out.contains("aside"), "{out}");
}
