//! The mailbox through a real Dovecot on this machine, with IDLE and MOVE and without; and servers that say nothing.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use shenling::inbox::mailbox::{Key, Mailbox, Server};
use tokio::sync::Mutex;

use crate::support;

/// How long a wait for news may last where the server tells of none.
const WAIT: Duration = Duration::from_secs(3);
/// How long a server may take to tell of a mail.
const MAX_NEWS: Duration = Duration::from_mins(1);

/// All of them look into one mailbox.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// What `.ci/imap-server` started: `user:password@port,folder`.
pub fn servers() -> Vec<(Server, PathBuf)> {
    let said = support::imap_servers();
    let one = |said: &str| {
        let (login, rest) = said.rsplit_once('@').unwrap();
        let ((user, password), (port, folder)) = (login.split_once(':').unwrap(), rest.split_once(',').unwrap());
        let ca = fs::read(Path::new(folder).join("ca.pem")).unwrap();
        (server(user, password, port.parse().unwrap(), Some(ca)), PathBuf::from(folder).join("mail"))
    };
    said.split_ascii_whitespace().map(one).collect()
}

fn server(user: &str, password: &str, port: u16, ca: Option<Vec<u8>>) -> Server {
    Server {
        host: "localhost".to_owned(),
        port,
        user: user.to_owned(),
        password: password.to_owned().into(),
        ca,
        folder: "INBOX".to_owned(),
        patience: Duration::from_secs(20),
    }
}

/// Puts a mail into a Maildir, as a mail server does: under a name that no other has.
fn deliver(maildir: &Path, name: &str) -> Vec<u8> {
    let raw = format!("From: clerk@prison.example.cn\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n{name}\r\n");
    let file = format!("{name}.{}.localhost", std::process::id());
    fs::write(maildir.join("tmp").join(&file), &raw).unwrap();
    fs::rename(maildir.join("tmp").join(&file), maildir.join("new").join(&file)).unwrap();
    raw.into_bytes()
}

pub fn files(folder: &Path) -> Vec<String> {
    let names = |part: &str| fs::read_dir(folder.join(part)).into_iter().flatten().map(|e| e.unwrap().file_name());
    names("new").chain(names("cur")).map(|name| name.into_string().unwrap()).collect()
}

/// Puts away what an earlier run left.
async fn empty(mailbox: &mut Mailbox) {
    for left in mailbox.look().await.unwrap() {
        mailbox.put_away(left.key, false).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_seen_read_unmarked_and_moved_once() {
    let _alone = ONE_AT_A_TIME.lock().await;
    for (server, maildir) in servers() {
        let mut mailbox = Mailbox::open(&server).await.unwrap();
        empty(&mut mailbox).await;
        let before = [files(&maildir.join(".&XfJZBHQG-")).len(), files(&maildir.join(".&X4VOul3l-")).len()];
        let sent: Vec<Vec<u8>> = ["a", "b", "c"].iter().map(|name| deliver(&maildir, name)).collect();
        let waiting = mailbox.look().await.unwrap();
        assert_eq!(waiting.len(), 3);
        for mail in &waiting {
            let raw = mailbox.read(mail.key).await.unwrap().unwrap();
            assert_eq!(raw.len() as u64, mail.bytes);
            assert!(sent.contains(&raw), "{}", String::from_utf8_lossy(&raw));
        }
        let marked = files(&maildir)
            .iter()
            .filter(|name| name.rsplit_once(',').is_some_and(|(_, flags)| flags.contains('S')))
            .count();
        assert_eq!(marked, 0, "reading marks nothing as read");
        let [first, second, third] = [waiting[0].key, waiting[1].key, waiting[2].key];
        mailbox.put_away(first, false).await.unwrap();
        mailbox.put_away(second, true).await.unwrap();
        mailbox.put_away(first, false).await.unwrap();
        mailbox.close().await;
        let after = [files(&maildir.join(".&XfJZBHQG-")).len(), files(&maildir.join(".&X4VOul3l-")).len()];
        assert_eq!(after, [before[0] + 1, before[1] + 1], "each is moved once");
        // The number of a mail outlasts the connection.
        let mut mailbox = Mailbox::open(&server).await.unwrap();
        let waiting = mailbox.look().await.unwrap();
        assert_eq!(waiting.iter().map(|mail| mail.key).collect::<Vec<_>>(), [third]);
        let never = Key { uid: u32::MAX - 1, ..third };
        assert_eq!(mailbox.read(never).await.unwrap(), None);
        let other = Key { validity: third.validity.wrapping_add(1), ..third };
        assert_eq!(mailbox.read(other).await.unwrap(), None);
        mailbox.put_away(other, true).await.unwrap();
        assert_eq!(mailbox.look().await.unwrap().len(), 1);
        mailbox.put_away(third, false).await.unwrap();
        mailbox.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_news_or_with_its_time() {
    let _alone = ONE_AT_A_TIME.lock().await;
    for (server, maildir) in servers() {
        let plain = server.port;
        let mut mailbox = Mailbox::open(&server).await.unwrap();
        empty(&mut mailbox).await;
        let started = Instant::now();
        let mut mailbox = mailbox.wait(WAIT).await.unwrap();
        assert!(started.elapsed() >= WAIT, "{plain}: nothing happened");
        let delivering = {
            let maildir = maildir.clone();
            tokio::task::spawn_blocking(move || {
                std::thread::sleep(Duration::from_millis(300));
                deliver(&maildir, "news");
            })
        };
        let until = Instant::now() + MAX_NEWS;
        let mut found = Vec::new();
        while found.is_empty() && Instant::now() < until {
            mailbox = mailbox.wait(WAIT).await.unwrap();
            found = mailbox.look().await.unwrap();
        }
        delivering.await.unwrap();
        assert_eq!(found.len(), 1, "{plain}");
        mailbox.put_away(found[0].key, false).await.unwrap();
        mailbox.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_wrong_passwords_are_told_apart() {
    for (server, _) in servers() {
        let error = |server: Server| async move {
            Mailbox::open(&server).await.err().map(|trouble| trouble.to_string()).unwrap()
        };
        let unknown_ca = error(Server { ca: None, ..server.clone() }).await;
        assert!(unknown_ca.contains("建立 TLS"), "{unknown_ca}");
        let wrong_password = error(Server { password: "wrong".to_owned().into(), ..server.clone() }).await;
        assert!(wrong_password.contains("登录") && !wrong_password.contains("wrong"), "{wrong_password}");
        let no_certificate = error(Server { ca: Some(b"nothing".to_vec()), ..server.clone() }).await;
        assert!(no_certificate.contains("没有证书"), "{no_certificate}");
        let no_folder = error(Server { folder: "收件".to_owned(), ..server }).await;
        assert!(no_folder.contains("打开收件夹"), "{no_folder}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_does_not_keep_us() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut silent = server("a", "b", listener.local_addr().unwrap().port(), None);
    silent.patience = Duration::from_millis(300);
    let started = Instant::now();
    let trouble = Mailbox::open(&silent).await.err().unwrap().to_string();
    assert!(trouble.contains("没有回应") && started.elapsed() < Duration::from_secs(20), "{trouble}");
    drop(listener);
    let trouble = Mailbox::open(&silent).await.err().unwrap().to_string();
    assert!(trouble.contains("连接"), "{trouble}");
}
