//! The mail door: one connection to a mail server, opened when the first letter comes and kept for the next ones.
//!
//! Reads: nothing. Writes: to the server.
//! Safe to repeat because a letter keeps its Message-ID; whoever gets it twice can see that it is one.
//! When it fails: each answer says where it stopped. Before the letter was offered (no connection, no TLS, login
//! refused): `Shut`. 4xx, or silence before the end of the letter: `TryLater`. Silence after it: `Unclear`. 5xx:
//! `Refused`, with the server's words. 5xx for some of the addresses: nothing is sent, and [`Refusals`] names them, so
//! that it is on record who will not get the letter before anybody gets it.
//! Trusts: the certificate of the server, against the system's roots or the given CA and nothing else. Where TLS is asked
//! for and not offered, nothing is sent, neither letter nor password.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::Answer;
use super::bytewise::Bytewise;
use super::mime::Written;

/// Letters over one connection; some servers dislike more.
const MAX_LETTERS: u32 = 100;
/// Replies of a server that mean: log in first, or the login was wrong. They say nothing about the letter.
const LOGIN_REPLIES: [u16; 4] = [530, 534, 535, 538];
/// Reply of a server that closes the connection.
const CLOSING: u16 = 421;
/// What is said where the time is up.
const NO_ANSWER: &str = "在 mail.timeout_seconds 之内没有回应";
/// Most characters of a server's words that are kept.
const MAX_WORDS: usize = 300;

/// How the connection is protected.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Begins plain and changes to TLS before anything is said; a server that does not offer it gets nothing.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: to this machine itself only.
    Plain,
}

/// A mail server, and how it is spoken to.
#[derive(Clone)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password, if it asks for them.
    pub login: Option<(String, Zeroizing<String>)>,
    /// The CA to trust instead of the system's roots (PEM).
    pub ca: Option<Vec<u8>>,
    /// How long opening a connection may take, and how long one letter.
    pub patience: Duration,
}

/// A server and the parameters made for it once.
pub struct Post {
    server: Server,
    tls: Option<TlsParameters>,
}

impl Post {
    /// Makes the TLS parameters. The error is a sentence for the administrator.
    pub fn new(server: Server) -> Result<Post, String> {
        if server.security == Security::Plain {
            if !is_loopback(&server.host) {
                return Err(format!("邮件服务器 {} 不是本机，不允许不加密的连接", server.host));
            }
            return Ok(Post { server, tls: None });
        }
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(pem) = &server.ca {
            tls = tls.certificate_store(CertificateStore::None);
            for one in certificates(pem)? {
                tls = tls.add_root_certificate(one);
            }
        }
        let tls = tls.build_rustls().map_err(|error| format!("TLS 无法准备（{error}）"))?;
        Ok(Post { server, tls: Some(tls) })
    }

    /// How long opening a connection may take, and how long one letter.
    pub fn patience(&self) -> Duration {
        self.server.patience
    }
}

/// Whether a host is this machine itself.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Every certificate of a PEM file.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, String> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    let one = |part: &str| {
        let part = format!("{part}{END}\n");
        Certificate::from_pem(part.as_bytes()).map_err(|error| format!("ca_file 中的证书读不懂（{error}）"))
    };
    let parts: Vec<&str> = text.split(END).filter(|part| part.contains("-----BEGIN CERTIFICATE-----")).collect();
    if parts.is_empty() {
        return Err("ca_file 中没有证书（应为 PEM 格式，含 BEGIN CERTIFICATE）".to_owned());
    }
    parts.into_iter().map(one).collect()
}

/// One connection, open or not.
pub struct Line {
    post: Arc<Post>,
    open: Option<AsyncSmtpConnection>,
    letters: u32,
}

/// The addresses that the server refuses for good while it would take others, each with its words. Nothing was sent.
#[derive(Debug)]
pub struct Refusals(pub Vec<(String, String)>);

/// Why a letter did not go through.
enum Stop {
    /// The server answered.
    Said(Error),
    /// It did not, in time or at all.
    Silent(String),
    /// The connection was gone before anything was offered.
    Gone(String),
    /// Some addresses are refused for good, not all.
    Partly(Refusals),
}

impl Line {
    /// A connection that is opened with the first letter.
    pub fn new(post: Arc<Post>) -> Line {
        Line { post, open: None, letters: 0 }
    }

    /// Hands over one letter, to all its addresses or to none.
    pub async fn send(&mut self, mail: &Written) -> Result<Answer, Refusals> {
        if self.letters >= MAX_LETTERS {
            self.hang_up().await;
        }
        if let Some(mut connection) = self.open.take() {
            match self.offer(&mut connection, mail).await {
                Ok(()) => return self.hand_over(connection, mail).await,
                // The server has closed the connection that was kept from the letter before; this one was not offered.
                Err(Stop::Gone(_)) => {}
                Err(stop) => return self.turned_away(connection, stop).await,
            }
        }
        match self.connect().await {
            Err(why) => Ok(Answer::Shut(format!("{}：{why}", self.name()))),
            Ok(mut connection) => match self.offer(&mut connection, mail).await {
                Ok(()) => self.hand_over(connection, mail).await,
                Err(stop) => self.turned_away(connection, stop).await,
            },
        }
    }

    /// Says goodbye, if the server still listens.
    pub async fn hang_up(&mut self) {
        self.letters = 0;
        if let Some(mut connection) = self.open.take() {
            let _ = timeout_at(Instant::now() + self.post.server.patience, connection.quit()).await;
        }
    }

    /// From whom, to whom, and that the letter follows.
    async fn offer(&self, connection: &mut AsyncSmtpConnection, mail: &Written) -> Result<(), Stop> {
        let until = Instant::now() + self.post.server.patience;
        let from = Some(mail.from.clone());
        in_time(until, connection.command(Mail::new(from, Vec::new()))).await.map_err(Stop::at_first_command)?;
        let (mut refused, mut not_now) = (Vec::new(), None);
        for (address, to) in &mail.to {
            match in_time(until, connection.command(Rcpt::new(to.clone(), Vec::new()))).await {
                Ok(_) => {}
                Err(Stop::Said(error)) if error.is_permanent() && !is_login(&error) => refused.push((address, error)),
                Err(Stop::Said(error)) if error.is_transient() && !is_closing(&error) => not_now = Some(error),
                Err(stop) => return Err(stop),
            }
        }
        if refused.len() == mail.to.len()
            && let Some((_, error)) = refused.pop()
        {
            return Err(Stop::Said(error));
        }
        if !refused.is_empty() {
            let refused = refused.into_iter().map(|(address, error)| (address.clone(), words(&error)));
            return Err(Stop::Partly(Refusals(refused.collect())));
        }
        if let Some(error) = not_now {
            return Err(Stop::Said(error));
        }
        in_time(until, connection.command(Data)).await?;
        Ok(())
    }

    /// The letter itself. Only a connection that is still good stays open.
    async fn hand_over(&mut self, mut connection: AsyncSmtpConnection, mail: &Written) -> Result<Answer, Refusals> {
        let until = Instant::now() + self.post.server.patience;
        match in_time(until, connection.message(&mail.bytes)).await {
            Ok(response) => {
                self.letters += 1;
                self.open = Some(connection);
                let words = response.message().collect::<Vec<_>>().join(" ");
                Ok(Answer::Accepted(shortened(&format!("{} {words}", response.code()))))
            }
            Err(Stop::Silent(why) | Stop::Gone(why)) => Ok(Answer::Unclear(format!("邮件已发出但没有收到答复：{why}"))),
            Err(stop) => self.turned_away(connection, stop).await,
        }
    }

    /// The letter was not taken; a server that said so is told goodbye.
    async fn turned_away(&mut self, connection: AsyncSmtpConnection, stop: Stop) -> Result<Answer, Refusals> {
        if matches!(stop, Stop::Said(_) | Stop::Partly(_)) {
            self.open = Some(connection);
            self.hang_up().await;
        }
        stop.answer()
    }

    fn name(&self) -> String {
        format!("邮件服务器 {}:{}", self.post.server.host, self.post.server.port)
    }

    /// Opens a connection, protects it, logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, String> {
        let Post { server, tls } = &*self.post;
        let until = Instant::now() + server.patience;
        let hello = ClientId::default();
        let address = (server.host.as_str(), server.port);
        let mut connection = if server.security == Security::Tls {
            let patience = Some(server.patience);
            in_time(until, AsyncSmtpConnection::connect_tokio1(address, patience, &hello, tls.clone(), None)).await
        } else {
            let stream = timeout_at(until, TcpStream::connect(address)).await;
            let stream = stream.map_err(|_| NO_ANSWER.to_owned()).and_then(|stream| stream.map_err(|e| e.to_string()));
            let stream = stream.map_err(|why| format!("连接不上：{why}"))?;
            // The end of a letter is a write of its own. By default it waits for the acknowledgement of what went before,
            // which the other side delays: 40 ms a letter.
            stream.set_nodelay(true).map_err(|error| format!("连接不上：{error}"))?;
            in_time(until, AsyncSmtpConnection::connect_with_transport(Box::new(Bytewise(stream)), &hello)).await
        }
        .map_err(|stop| stop.in_words("连接不上"))?;
        if let (Security::StartTls, Some(tls)) = (server.security, tls) {
            if !connection.can_starttls() {
                return Err("服务器没有提供 STARTTLS，不发送任何内容（不会改用不加密的连接）".to_owned());
            }
            in_time(until, connection.starttls(tls.clone(), &hello))
                .await
                .map_err(|stop| stop.in_words("STARTTLS 没有成功，不发送任何内容"))?;
        }
        if let Some((user, password)) = &server.login {
            let credentials = Credentials::new(user.clone(), password.to_string());
            in_time(until, connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials))
                .await
                .map_err(|stop| stop.in_words("登录没有成功，请核对 mail.user 和凭据 smtp-password"))?;
        }
        Ok(connection)
    }
}

async fn in_time<T>(until: Instant, work: impl Future<Output = Result<T, Error>>) -> Result<T, Stop> {
    match timeout_at(until, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.status().is_some() => Err(Stop::Said(error)),
        Ok(Err(error)) => Err(Stop::Silent(words(&error))),
        Err(_) => Err(Stop::Silent(NO_ANSWER.to_owned())),
    }
}

impl Stop {
    /// The first command after a pause tells whether the connection still stands.
    fn at_first_command(self) -> Stop {
        match self {
            Stop::Silent(why) => Stop::Gone(why),
            Stop::Said(error) if is_closing(&error) => Stop::Gone(words(&error)),
            stop => stop,
        }
    }

    fn answer(self) -> Result<Answer, Refusals> {
        Ok(match self {
            Stop::Said(error) if is_login(&error) => Answer::Shut(words(&error)),
            Stop::Said(error) if error.is_permanent() => Answer::Refused(words(&error)),
            Stop::Said(error) => Answer::TryLater(words(&error)),
            Stop::Silent(why) | Stop::Gone(why) => Answer::TryLater(why),
            Stop::Partly(refusals) => return Err(refusals),
        })
    }

    fn in_words(&self, what: &str) -> String {
        match self {
            Stop::Said(error) => format!("{what}：{}", words(error)),
            Stop::Silent(why) | Stop::Gone(why) => format!("{what}：{why}"),
            Stop::Partly(_) => what.to_owned(),
        }
    }
}

fn is_login(error: &Error) -> bool {
    error.status().is_some_and(|code| LOGIN_REPLIES.contains(&u16::from(code)))
}

fn is_closing(error: &Error) -> bool {
    error.status().is_some_and(|code| u16::from(code) == CLOSING)
}

/// The server's words as it said them, or the system's.
fn words(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) => shortened(&format!("{code} {source}")),
        None if source.is_empty() => error.to_string(),
        None => shortened(&source),
    }
}

fn shortened(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(MAX_WORDS).collect()
}
