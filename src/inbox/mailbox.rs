//! The mailbox: IMAP over TLS, one inbox folder, and two to which mails move: 已处理 and 待人工.
//!
//! Reads: the mails of the inbox folder, without marking them as read. Writes: moves a mail that was taken; makes the two folders.
//! Safe to repeat because a mail stays in the inbox folder until it is moved, and its number there ([`Key`]) stays the same.
//! When it fails: the connection is given up, and the next look begins anew. Every exchange has a time limit.
//! Trusts: the certificate of the server, against the system's roots or the given CA; the server's word on sizes.
//!
//! The servers of 163 and 126 let nobody read who has not said with `ID` which program it is. IDLE, MOVE and UIDPLUS are used
//! where the server has them, and not needed.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use async_imap::types::{Capabilities, Fetch};
use async_imap::{Client, Session};
use futures_util::TryStreamExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use zeroize::Zeroizing;

/// Most mails of one look; the rest waits for the next look.
const MAX_MAILS: usize = 1_000;
/// Longest wait for news over one IDLE; some servers and firewalls forget a silent connection soon after.
const MAX_IDLE: Duration = Duration::from_secs(280);
/// Bytes that are read of a mail that is too large.
const MAX_BEGINNING: usize = 65_536;
/// Most characters of a server's words that are kept.
const MAX_WORDS: usize = 300;
/// Where mails go that were taken, and where those that a person must see.
pub const DONE: &str = "已处理";
/// See [`DONE`].
pub const TRAY: &str = "待人工";

/// A mail server, and how it is spoken to.
#[derive(Clone)]
pub struct Server {
    /// Its name, by which its certificate is checked.
    pub host: String,
    /// Its port; 993 by custom.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password.
    pub password: Zeroizing<String>,
    /// The CA to trust instead of the system's roots (PEM).
    pub ca: Option<Vec<u8>>,
    /// The folder that is looked at: `INBOX`.
    pub folder: String,
    /// How long one exchange may take.
    pub patience: Duration,
}

/// What a mail is known by: its number holds as long as the validity of the folder.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// UIDVALIDITY of the folder.
    pub validity: u32,
    /// UID of the mail.
    pub uid: u32,
}

/// A mail that waits in the inbox folder.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What it is known by.
    pub key: Key,
    /// Its size, as the server says.
    pub bytes: u64,
}

/// Why the mailbox cannot be used now; a sentence for the administrator. Worth another try later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("收件邮箱：{0}")]
pub struct Trouble(pub String);

/// An open mailbox.
pub struct Mailbox {
    session: Session<TlsStream<TcpStream>>,
    capabilities: Capabilities,
    validity: u32,
    patience: Duration,
    /// Names of the two folders as the server has them.
    done: String,
    tray: String,
}

impl Mailbox {
    /// Connects, logs in, says who we are, and selects the folder.
    pub async fn open(server: &Server) -> Result<Mailbox, Trouble> {
        let patience = server.patience;
        let stream = within(patience, "连接", TcpStream::connect((server.host.clone(), server.port))).await?;
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| Trouble(format!("服务器名 {} 写错了", server.host)))?;
        let tls = TlsConnector::from(Arc::new(tls(server.ca.as_deref())?));
        let stream = within(patience, "建立 TLS", tls.connect(name, stream)).await?;
        let mut client = Client::new(stream);
        let greeting = within(patience, "问候", client.read_response()).await?;
        if greeting.is_none() {
            return Err(Trouble("服务器没有问候就断开了".to_owned()));
        }
        let (user, password) = (server.user.clone(), server.password.clone());
        let login = async move { client.login(user, password.as_str()).await.map_err(|(error, _)| error) };
        let mut session = within(patience, "登录", login).await?;
        let capabilities = within(patience, "询问功能", session.capabilities()).await?;
        if capabilities.has_str("ID") {
            let own = [
                ("name", Some("shenling")),
                ("version", Some(env!("CARGO_PKG_VERSION"))),
                ("vendor", Some("shenling")),
            ];
            within(patience, "ID", session.id(own)).await?;
        }
        let done = folder(&mut session, DONE, patience).await?;
        let tray = folder(&mut session, TRAY, patience).await?;
        let selected = within(patience, "打开收件夹", session.select(utf7(&server.folder))).await?;
        let validity =
            selected.uid_validity.ok_or_else(|| Trouble("服务器不给邮件编号（UIDVALIDITY），不能使用".to_owned()))?;
        Ok(Mailbox { session, capabilities, validity, patience, done, tray })
    }

    /// The mails that wait, the oldest first.
    pub async fn look(&mut self) -> Result<Vec<Waiting>, Trouble> {
        within(self.patience, "NOOP", self.session.noop()).await?;
        let found = within(self.patience, "查找邮件", self.session.uid_search("UNDELETED")).await?;
        let mut uids: Vec<u32> = found.into_iter().collect();
        uids.sort_unstable();
        uids.truncate(MAX_MAILS);
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let set: Vec<String> = uids.iter().map(u32::to_string).collect();
        let fetched = self.fetch(&set.join(","), "(UID RFC822.SIZE)").await?;
        let mut waiting: Vec<Waiting> = fetched
            .iter()
            .filter_map(|mail| Some((mail.uid?, mail.size?)))
            .map(|(uid, bytes)| Waiting { key: Key { validity: self.validity, uid }, bytes: bytes.into() })
            .collect();
        waiting.sort_unstable_by_key(|mail| mail.key);
        waiting.dedup_by_key(|mail| mail.key);
        Ok(waiting)
    }

    /// The bytes of a mail; `None` if it is gone. Leaves it unread.
    pub async fn read(&mut self, key: Key) -> Result<Option<Vec<u8>>, Trouble> {
        if key.validity != self.validity {
            return Ok(None);
        }
        let fetched = self.fetch(&key.uid.to_string(), "(UID BODY.PEEK[])").await?;
        Ok(fetched.iter().find(|mail| mail.uid == Some(key.uid)).and_then(Fetch::body).map(<[u8]>::to_vec))
    }

    /// The first bytes of a mail that is too large to be fetched: its headers, and more. Leaves it unread.
    pub async fn read_beginning(&mut self, key: Key) -> Result<Option<Vec<u8>>, Trouble> {
        if key.validity != self.validity {
            return Ok(None);
        }
        let fetched = self.fetch(&key.uid.to_string(), &format!("(UID BODY.PEEK[]<0.{MAX_BEGINNING}>)")).await?;
        Ok(fetched.iter().find(|mail| mail.uid == Some(key.uid)).and_then(Fetch::body).map(<[u8]>::to_vec))
    }

    /// Moves a mail to 已处理, or to 待人工. One that is gone already is no trouble.
    pub async fn put_away(&mut self, key: Key, to_tray: bool) -> Result<(), Trouble> {
        if key.validity != self.validity {
            return Ok(());
        }
        let (uid, folder) = (key.uid.to_string(), if to_tray { self.tray.clone() } else { self.done.clone() });
        if self.capabilities.has_str("MOVE") {
            let moved = within(self.patience, "移动邮件", self.session.uid_mv(&uid, &folder)).await;
            // Servers disagree on whether it is an error that another process was quicker.
            return if moved.is_err() && self.is_gone(&uid).await? { Ok(()) } else { moved };
        }
        // What is marked was copied before.
        if self.is_gone(&uid).await? {
            return Ok(());
        }
        within(self.patience, "复制邮件", self.session.uid_copy(&uid, &folder)).await?;
        let marked = async {
            let store = self.session.uid_store(&uid, "+FLAGS.SILENT (\\Deleted)").await?;
            store.try_collect::<Vec<Fetch>>().await
        };
        within(self.patience, "标记邮件", marked).await?;
        // Without UIDPLUS, to expunge would remove what others have marked too: the mark alone keeps the mail out of our sight.
        if self.capabilities.has_str("UIDPLUS") {
            let expunged = async { self.session.uid_expunge(&uid).await?.try_collect::<Vec<u32>>().await };
            within(self.patience, "清除邮件", expunged).await?;
        }
        Ok(())
    }

    /// Whether a mail is gone from the folder, or marked as such.
    async fn is_gone(&mut self, uid: &str) -> Result<bool, Trouble> {
        let there = within(self.patience, "查找邮件", self.session.uid_search(format!("UID {uid} UNDELETED"))).await?;
        Ok(there.is_empty())
    }

    /// Waits until the server has news, or for this long, whichever comes first.
    pub async fn wait(self, at_most: Duration) -> Result<Mailbox, Trouble> {
        let Mailbox { session, capabilities, validity, patience, done, tray } = self;
        let at_most = at_most.min(MAX_IDLE);
        let session = if capabilities.has_str("IDLE") {
            let mut idle = session.idle();
            within(patience, "IDLE", idle.init()).await?;
            let (news, _stop) = idle.wait_with_timeout(at_most);
            // A server that keeps saying that it is still there must not keep us.
            let heard = timeout(at_most, news).await;
            if let Ok(Err(error)) = heard {
                return Err(trouble("IDLE", &error));
            }
            within(patience, "IDLE", idle.done()).await?
        } else {
            tokio::time::sleep(at_most).await;
            session
        };
        Ok(Mailbox { session, capabilities, validity, patience, done, tray })
    }

    /// Logs out.
    pub async fn close(mut self) {
        // Whether the server says good-bye changes nothing.
        let _ = timeout(self.patience, self.session.logout()).await;
    }

    async fn fetch(&mut self, uids: &str, what: &str) -> Result<Vec<Fetch>, Trouble> {
        let fetched = async { self.session.uid_fetch(uids, what).await?.try_collect().await };
        within(self.patience, "取邮件", fetched).await
    }
}

/// Bounds an exchange, and puts its error into words.
async fn within<T, E: fmt::Display>(
    patience: Duration,
    what: &str,
    exchange: impl Future<Output = Result<T, E>>,
) -> Result<T, Trouble> {
    match timeout(patience, exchange).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(trouble(what, &error)),
        Err(_) => Err(Trouble(format!("{what}：{} 秒之内没有回应", patience.as_secs()))),
    }
}

fn trouble(what: &str, error: &impl fmt::Display) -> Trouble {
    let words: String = error.to_string().chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
    Trouble(format!("{what}：{words}"))
}

/// The name of a folder on the server; it is made if it is not there, below `INBOX` where the server wants that.
async fn folder(
    session: &mut Session<TlsStream<TcpStream>>,
    name: &str,
    patience: Duration,
) -> Result<String, Trouble> {
    let name = utf7(name);
    let pattern = format!("*{name}");
    let listed = async { session.list(Some(""), Some(&pattern)).await?.try_collect::<Vec<_>>().await };
    let listed = within(patience, "列出文件夹", listed).await?;
    let is_it = |known: &str| {
        known == name || known.strip_suffix(&name).is_some_and(|before| before.ends_with(['.', '/', '\\']))
    };
    if let Some(known) = listed.iter().map(async_imap::types::Name::name).find(|known| is_it(known)) {
        return Ok(known.to_owned());
    }
    if within(patience, "新建文件夹", session.create(&name)).await.is_ok() {
        return Ok(name);
    }
    let root = async { session.list(Some(""), Some("INBOX")).await?.try_collect::<Vec<_>>().await };
    let root = within(patience, "列出文件夹", root).await?;
    let delimiter = root.first().and_then(async_imap::types::Name::delimiter).unwrap_or(".").to_owned();
    let below = format!("INBOX{delimiter}{name}");
    within(patience, "新建文件夹", session.create(&below)).await?;
    Ok(below)
}

/// The name of a folder as IMAP writes it (RFC 3501 section 5.1.3: UTF-7, modified).
fn utf7(name: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    let mut written = String::new();
    let mut units: Vec<u16> = Vec::new();
    let flush = |units: &mut Vec<u16>, written: &mut String| {
        if units.is_empty() {
            return;
        }
        written.push('&');
        let (mut bits, mut count) = (0_u32, 0_u32);
        for unit in units.drain(..) {
            bits = bits << 16 | u32::from(unit);
            count += 16;
            while count >= 6 {
                count -= 6;
                written.push(char::from(ALPHABET[(bits >> count & 63) as usize]));
            }
            bits &= (1 << count) - 1;
        }
        if count > 0 {
            written.push(char::from(ALPHABET[(bits << (6 - count) & 63) as usize]));
        }
        written.push('-');
    };
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut units, &mut written);
            let _ = if c == '&' { written.write_str("&-") } else { written.write_char(c) };
        } else {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut units, &mut written);
    written
}

/// TLS against the given CA, or against the roots of the system and, where it has none, those that come with the program.
fn tls(ca: Option<&[u8]>) -> Result<ClientConfig, Trouble> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = ca {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| Trouble(format!("ca_file 中的证书读不懂（{error}）")))?;
            roots.add(certificate).map_err(|error| Trouble(format!("ca_file 中的证书不能用（{error}）")))?;
        }
        if roots.is_empty() {
            return Err(Trouble("ca_file 中没有证书（应为 PEM 格式，含 BEGIN CERTIFICATE）".to_owned()));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|error| Trouble(format!("TLS 无法准备（{error}）")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_written_as_imap_wants_them() {
        for (name, written) in [
            ("INBOX", "INBOX"),
            ("已处理", "&XfJZBHQG-"),
            ("待人工", "&X4VOul3l-"),
            ("A&B", "A&-B"),
            ("申领/收件", "&dTOYhg-/&ZTZO9g-"),
        ] {
            assert_eq!(utf7(name), written);
        }
    }
}
