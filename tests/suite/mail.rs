//! Mail out, by the real binary, against a scripted peer and against a real server: nothing is lost, nothing leaves
//! unprotected, a duplicate is marked as one.

mod batch;
pub mod opened;
pub mod peer;
pub mod queue;
pub mod server;
mod wire;

use serde_json::Value;
use shenling::store::{NewLetter, PacketFile, Store, Vault};

use self::peer::Peer;
use crate::support::Folder;

/// A folder whose mail goes to a peer, unprotected, on this machine.
pub fn folder(peer: &Peer) -> Folder {
    with_mail(Folder::new(), peer.port, "none")
}

/// The same with another protection; `extra` are more lines of `[mail]`.
pub fn with_mail(folder: Folder, port: u16, security: &str) -> Folder {
    let config = std::fs::read_to_string(folder.config()).unwrap();
    let config = config
        .replacen("\nhost = \"\"", "\nhost = \"127.0.0.1\"", 1)
        .replace("\nport = 587", &format!("\nport = {port}"))
        .replace("\nsecurity = \"starttls\"", &format!("\nsecurity = \"{security}\""))
        .replace("\nfrom = \"\"", "\nfrom = \"shenling@example.cn\"")
        .replace("\ntimeout_seconds = 120", "\ntimeout_seconds = 2");
    std::fs::write(folder.config(), config).unwrap();
    folder
}

/// Changes a line of the config.
pub fn set(folder: &Folder, from: &str, to: &str) {
    let config = std::fs::read_to_string(folder.config()).unwrap();
    assert!(config.contains(from), "{from}");
    std::fs::write(folder.config(), config.replacen(from, to, 1)).unwrap();
}

/// Queues letters as a stage would.
pub fn queue(folder: &Folder, letters: &[NewLetter], now: &str) {
    let key = std::fs::read_to_string(folder.work().join("data/credentials/vault-key")).unwrap();
    let url = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&url, Vault::from_key(key.trim().as_bytes()).unwrap()).await.unwrap();
        for letter in letters {
            assert!(store.queue_letter(letter, now.parse().unwrap()).await.unwrap());
        }
        store.close().await;
    });
}

/// A letter with attachments of these sizes.
pub fn letter(key: &str, sizes: &[usize]) -> NewLetter {
    let file = |(n, size): (usize, &usize)| PacketFile { name: format!("part-{n}.zip"), bytes: vec![7; *size] };
    NewLetter {
        key: key.to_owned(),
        recipient: "溧阳监狱".to_owned(),
        to: vec!["clerk@example.cn".to_owned()],
        cc: vec!["chief@example.org".to_owned()],
        subject: format!("请报送计划 {key}"),
        text: "请报送计划。\n.\n点开头的一行不能丢。\n".to_owned(),
        html: "<!DOCTYPE html><html><body><p>请报送计划。</p></body></html>".to_owned(),
        attachments: (1..).zip(sizes).map(file).collect(),
        thread: Vec::new(),
    }
}

/// `once deliver` at a time of day of 20 November 2026.
pub fn deliver(folder: &Folder, code: i32, time: &str) -> Value {
    let now = at(time);
    folder.json(code, &["--now", &now, "once", "deliver"])["deliver"].clone()
}

/// An instant of 20 November 2026 in Shanghai.
pub fn at(time: &str) -> String {
    format!("2026-11-20T{time}:00+08:00")
}

/// `delivery show --json`.
pub fn shown(folder: &Folder, key: &str) -> Value {
    folder.json(0, &["delivery", "show", key])
}
