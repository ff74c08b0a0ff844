//! A mail server that plays a script: what it says where, when it falls silent, when it hangs up. It knows nobody of
//! whom the address begins with `nobody`, whatever the script says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to one mail; without one it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// Accepted.
    Accept,
    /// The reply to MAIL FROM.
    Mail(&'static str),
    /// The reply to RCPT TO.
    Rcpt(&'static str),
    /// The reply to the end of the letter.
    Data(&'static str),
    /// Hangs up after the whole letter, without a reply.
    DropAfterData,
    /// Accepts, then hangs up.
    DropAfterAccept,
    /// Says nothing after the whole letter.
    Silence,
}

/// How a connection begins.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Hello {
    /// Offers nothing.
    Bare,
    /// Offers STARTTLS and refuses it.
    RefusesTls,
    /// Offers STARTTLS, agrees, and speaks no TLS.
    SpeaksNoTls,
    /// Asks for a login and refuses it.
    RefusesLogin,
    /// Is closed for today.
    Closed,
    /// Does not greet.
    Mute,
}

/// A mail as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Addresses of RCPT TO.
    pub to: Vec<String>,
    /// Headers and bodies, dots unstuffed.
    pub raw: String,
}

#[derive(Default)]
struct Seen {
    plays: VecDeque<Play>,
    arrived: Vec<Arrived>,
    /// What was done with each of them.
    played: Vec<Play>,
    commands: Vec<String>,
    connections: usize,
}

/// The server; it stops with the test's process.
pub struct Peer {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Peer {
    /// Begins to listen.
    pub fn new(hello: Hello, plays: &[Play]) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen { plays: plays.iter().cloned().collect(), ..Seen::default() }));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || {
                    seen.lock().unwrap().connections += 1;
                    // A client that hangs up ends the conversation, not the test.
                    let _ = talk(stream.unwrap(), hello, &seen);
                });
            }
        });
        Peer { port, seen }
    }

    /// What is to happen to the next mails.
    pub fn then(&self, plays: &[Play]) {
        self.seen.lock().unwrap().plays = plays.iter().cloned().collect();
    }

    /// Every mail whose whole content came in, accepted or not.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.seen.lock().unwrap().arrived.clone()
    }

    /// The same, each with what was done with it; they and the commands are forgotten.
    pub fn take(&self) -> Vec<(Arrived, Play)> {
        let mut seen = self.seen.lock().unwrap();
        seen.commands.clear();
        let played = std::mem::take(&mut seen.played);
        std::mem::take(&mut seen.arrived).into_iter().zip(played).collect()
    }

    /// Every command, without the letters.
    pub fn commands(&self) -> Vec<String> {
        self.seen.lock().unwrap().commands.clone()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

fn talk(stream: TcpStream, hello: Hello, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    let mut say = |line: &str| out.write_all(format!("{line}\r\n").as_bytes());
    match hello {
        Hello::Mute => {
            std::thread::sleep(Duration::from_secs(30));
            return Ok(());
        }
        Hello::Closed => return say("554 closed for today"),
        _ => say("220 peer ESMTP")?,
    }
    let mut play = Play::Accept;
    let mut to = Vec::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        seen.lock().unwrap().commands.push(line.clone());
        match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => match hello {
                Hello::RefusesTls | Hello::SpeaksNoTls => say("250-peer\r\n250 STARTTLS")?,
                Hello::RefusesLogin => say("250-peer\r\n250 AUTH PLAIN LOGIN")?,
                _ => say("250 peer")?,
            },
            "STARTTLS" if hello == Hello::SpeaksNoTls => {
                say("220 go ahead")?;
                say("this is not TLS at all, whatever the client may hope for")?;
                std::thread::sleep(Duration::from_secs(1));
                return Ok(());
            }
            "STARTTLS" => say("454 TLS not available")?,
            "AUTH" => say("535 5.7.8 wrong password")?,
            "MAIL" => {
                play = seen.lock().unwrap().plays.pop_front().unwrap_or(Play::Accept);
                to.clear();
                match &play {
                    Play::Mail(reply) => say(reply)?,
                    _ => say("250 ok")?,
                }
            }
            "RCPT" => {
                if line.starts_with("RCPT TO:<nobody") {
                    say("550 5.1.1 no such user")?;
                } else if let Play::Rcpt(reply) = &play {
                    say(reply)?;
                } else {
                    to.push(line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned());
                    say("250 ok")?;
                }
            }
            "DATA" => {
                say("354 go on")?;
                let raw = letter(&mut input)?;
                let mut known = seen.lock().unwrap();
                known.arrived.push(Arrived { to: to.clone(), raw });
                known.played.push(play.clone());
                drop(known);
                match &play {
                    Play::Data(reply) => say(reply)?,
                    Play::DropAfterData => return Ok(()),
                    Play::Silence => std::thread::sleep(Duration::from_secs(30)),
                    Play::DropAfterAccept => return say("250 accepted, good night"),
                    _ => say("250 2.0.0 accepted as peer-1")?,
                }
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 ok")?,
        }
    }
}

fn letter(input: &mut impl BufRead) -> std::io::Result<String> {
    let mut raw = String::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(raw);
        }
        raw.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
