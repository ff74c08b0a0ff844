//! Mails in, by the real binary: out of a real Dovecot, answered to a scripted peer or through a real Postfix.

mod answers;
mod bounces;
mod folders;
mod killed;
mod order;
mod round;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use shenling::inbox::mailbox::Server;
use shenling::store::{Store, Vault};

use crate::mail::opened::{Opened, open};
use crate::mail::peer::{Hello, Peer};
use crate::support::{Folder, resident_id, results_csv};
use crate::{mail, mailbox};

/// The clerk of the prison that sends; its ZIP password stands under this id.
pub const CLERK: &str = "clerk@shenling.test";
pub const ID: &str = "liyang";
pub const PASSWORD: &str = "liyang-2026-password";
pub const PRISON: &str = "溧阳监狱";
/// What our letters come from.
pub const OWN: &str = "shenling@example.cn";

static LETTERBOXES: AtomicU32 = AtomicU32::new(0);

/// An inbox folder of its own in the test server's mailbox.
pub struct Letterbox {
    pub server: Server,
    root: PathBuf,
    name: String,
}

impl Letterbox {
    /// One in each of the servers: one that can do everything, and one that can do little.
    pub fn all() -> Vec<Letterbox> {
        mailbox::servers().into_iter().map(|(server, root)| Letterbox::of(server, root)).collect()
    }

    /// One in the first server.
    pub fn one() -> Option<Letterbox> {
        mailbox::servers().into_iter().next().map(|(server, root)| Letterbox::of(server, root))
    }

    fn of(mut server: Server, root: PathBuf) -> Letterbox {
        let name = format!("in{}x{}", std::process::id(), LETTERBOXES.fetch_add(1, Ordering::Relaxed));
        let owner = fs::metadata(&root).unwrap();
        for part in ["", "new", "cur", "tmp"] {
            let folder = root.join(format!(".{name}")).join(part);
            fs::create_dir(&folder).unwrap();
            chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        server.folder.clone_from(&name);
        Letterbox { server, root, name }
    }

    fn maildir(&self) -> PathBuf {
        self.root.join(format!(".{}", self.name))
    }

    /// Puts a mail into it, as a mail server does.
    pub fn put(&self, raw: &[u8]) {
        let file = format!("{}.{}.localhost", LETTERBOXES.fetch_add(1, Ordering::Relaxed), std::process::id());
        let path = self.maildir().join("tmp").join(&file);
        fs::write(&path, raw).unwrap();
        fs::rename(path, self.maildir().join("new").join(&file)).unwrap();
    }

    /// How many mails wait in it.
    pub fn waiting(&self) -> usize {
        mailbox::files(&self.maildir()).iter().filter(|name| !is_marked_deleted(name)).count()
    }

    /// Where mails lie that were moved: how often the one with this Message-ID lies in 已处理 and in 待人工, unread.
    pub fn moved(&self, message_id: &str) -> (usize, usize) {
        let count = |folder: &str| {
            let folder = self.root.join(folder);
            let mails =
                ["new", "cur"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).into_iter().flatten());
            let has_id = |path: &Path| {
                let raw = fs::read(path).unwrap_or_default();
                String::from_utf8_lossy(&raw).contains(&format!("Message-ID: <{}>", tagged(message_id)))
            };
            mails.filter(|entry| has_id(&entry.as_ref().unwrap().path())).count()
        };
        (count(".&XfJZBHQG-"), count(".&X4VOul3l-"))
    }
}

impl Drop for Letterbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.maildir());
    }
}

fn is_marked_deleted(name: &str) -> bool {
    name.rsplit_once(',').is_some_and(|(_, flags)| flags.contains('T'))
}

/// A folder that looks into the letterbox; letters go to a peer on this machine.
pub fn folder(letterbox: &Letterbox, port: u16) -> Folder {
    connected(mail::with_mail(Folder::new(), port, "none"), letterbox)
}

/// The same folder looking into this letterbox.
pub fn connected(folder: Folder, letterbox: &Letterbox) -> Folder {
    let Server { host, port, user, password, ca, folder: name, .. } = &letterbox.server;
    folder.put("imap-ca.pem", ca.as_deref().unwrap_or_default());
    folder.put("data/credentials/imap-password", password.as_bytes());
    folder.put(&format!("data/credentials/zip-password-{ID}"), PASSWORD);
    let config = fs::read_to_string(folder.config()).unwrap();
    let (before, _) = config.split_once("\n[mailbox]\n").unwrap();
    let prison = format!("name = \"{PRISON}\"\nid = \"\"\nlead = false\nemail = []");
    let prison_now = format!("name = \"{PRISON}\"\nid = \"{ID}\"\nlead = false\nemail = [\"{CLERK}\"]");
    let before = before.replace(&prison, &prison_now);
    assert!(before.contains(&prison_now));
    let own = format!(
        "\n[mailbox]\nhost = \"{host}\"\nport = {port}\nuser = \"{user}\"\nfolder = \"{name}\"\nca_file = \"imap-ca.pem\"\n\
         timeout_seconds = 20\nmax_mail_bytes = 2_000_000\nanswers_per_day = 6\n"
    );
    fs::write(folder.config(), format!("{before}{own}")).unwrap();
    folder
}

/// A letterbox, a peer and a folder between them.
pub fn office() -> Option<(Letterbox, Peer, Folder)> {
    let letterbox = Letterbox::one()?;
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&letterbox, peer.port);
    Some((letterbox, peer, folder))
}

/// An instant of 20 November 2026 in Shanghai.
pub fn at(time: &str) -> String {
    mail::at(time)
}

/// `once collect`; what became of the mails.
pub fn collect(folder: &Folder, code: i32, time: &str) -> Value {
    folder.json(code, &["--now", &at(time), "once", "collect"])["collect"]["mails"].clone()
}

/// Sends what is due; the letters that arrived at the peer, opened.
pub fn answers(folder: &Folder, peer: &Peer, time: &str) -> Vec<Opened> {
    folder.run(&["--now", &at(time), "once", "deliver"]);
    peer.take().into_iter().map(|(arrived, _)| open(&arrived.raw)).collect()
}

/// A Message-ID that no other run of the tests uses: the servers keep what was moved.
pub fn tagged(id: &str) -> String {
    format!("{id}.{}", std::process::id())
}

/// A mail with attachments.
pub fn mail(from: &str, id: &str, subject: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    mail_with(from, id, subject, "", files)
}

/// The same with more headers, each ended by CRLF.
pub fn mail_with(from: &str, id: &str, subject: &str, headers: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let id = if id.is_empty() { String::new() } else { format!("Message-ID: <{}>\r\n", tagged(id)) };
    let mut raw = format!(
        "{headers}From: =?utf-8?B?{}?= <{from}>\r\nTo: {OWN}\r\nSubject: =?utf-8?B?{}?=\r\n{id}Date: Fri, 20 Nov 2026 09:00:00 +0800\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_m\"\r\n\r\n--=_m\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         请查收。\r\n",
        base64("经办".as_bytes()),
        base64(subject.as_bytes())
    );
    for (name, bytes) in files {
        let (name, bytes) = (base64(name.as_bytes()), lines(&base64(bytes)));
        raw.push_str("--=_m\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n");
        raw.push_str("Content-Disposition: attachment; filename=\"=?utf-8?B?");
        raw.push_str(&name);
        raw.push_str("?=\"\r\n\r\n");
        raw.push_str(&bytes);
        raw.push_str("\r\n");
    }
    raw.push_str("--=_m--\r\n");
    raw.into_bytes()
}

/// Base64 by hand: the tests bring no mail library.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            out.push(if digit <= chunk.len() { char::from(DIGITS[index]) } else { '=' });
        }
    }
    out
}

fn lines(text: &str) -> String {
    text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\r\n")
}

/// A result row of the n-th person of the sending prison; `assessed` may be spoiled.
pub fn row(n: u32, assessed: &str) -> String {
    let id = resident_id("19880102", n);
    format!(
        "{PRISON},{n:06},某某,{id},演示学校,演示鉴定,焊工,五级,1班,2026-03-01,2026-03-20,80,32,48,{assessed},80,75,合格,技能等级证书,Y0000320000012650000{n:02},2026-04-20,180"
    )
}

/// A csv of good rows, and of one with a date that nobody can read.
pub fn results(good: std::ops::Range<u32>, bad: Option<u32>) -> Vec<u8> {
    let mut rows: Vec<String> = good.map(|n| row(n, "2026-04-10")).collect();
    rows.extend(bad.map(|n| row(n, "10/4/26")));
    results_csv(&rows).into_bytes()
}

/// Opens the store of a folder.
pub fn with_store<T>(folder: &Folder, act: impl AsyncFnOnce(&Store) -> T) -> T {
    let key = fs::read_to_string(folder.work().join("data/credentials/vault-key")).unwrap();
    let url = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&url, Vault::from_key(key.trim().as_bytes()).unwrap()).await.unwrap();
        let done = act(&store).await;
        store.close().await;
        done
    })
}

/// Everything that must be equal after a crash.
pub fn dump(folder: &Folder) -> String {
    with_store(folder, async |store| store.dump().await.unwrap())
}
