//! The mail server of a life: what it is to say to the next mails, what it got, and whether it is there at all.

use std::collections::BTreeMap;

use shenling::store::sha256_hex;

use crate::mail::peer::{Hello, Peer, Play};
use crate::mail::queue::unmarked;

/// A port that nobody listens on.
const NOBODY: u16 = 1;

/// The server of one thread, used by one life after the other.
pub struct Post {
    peer: Peer,
}

/// What the server knows of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// Copies that left for good: answered with 250, or not answered at all.
    pub left: u32,
    /// Of these the ones that were answered with 250.
    pub accepted: u32,
    /// Copies after the first that do not say so.
    pub unmarked: u32,
    /// Hash of the mail without what marks a copy.
    pub content: String,
    /// Copies that differ in more than the mark.
    pub differing: u32,
    /// Addresses that it went to.
    pub to: Vec<String>,
}

/// A mail that came in whole.
pub struct Came {
    /// Its Message-ID, as the store knows it.
    pub message_id: String,
    /// What was done with it.
    pub play: Play,
    /// Whom it went to.
    pub to: Vec<String>,
    raw: String,
}

impl Post {
    /// Begins to listen.
    pub fn new() -> Post {
        Post { peer: Peer::new(Hello::Bare, &[]) }
    }

    /// The port to send to.
    pub fn port(&self, is_away: bool) -> u16 {
        if is_away { NOBODY } else { self.peer.port }
    }

    /// What is to happen to the next mails; after them all are accepted.
    pub fn then(&self, plays: &[Play]) {
        self.peer.then(plays);
    }

    /// What came since it was last asked.
    pub fn came(&self) -> Vec<Came> {
        let came = |(arrived, play): (crate::mail::peer::Arrived, Play)| {
            let id = header(&arrived.raw, "Message-ID:");
            let message_id = id.trim_matches(['<', '>', ' ']).to_owned();
            Came { message_id, play, to: arrived.to, raw: arrived.raw }
        };
        self.peer.take().into_iter().map(came).collect()
    }
}

/// Adds what came to what is known.
pub fn count(copies: &mut BTreeMap<String, Copies>, came: &Came) {
    let accepted = matches!(came.play, Play::Accept | Play::DropAfterAccept);
    if !accepted && came.play != Play::DropAfterData {
        return;
    }
    let known = copies.entry(came.message_id.clone()).or_default();
    let (marked, content) = (came.raw.contains("X-Shenling-Resend:"), sha256_hex(unmarked(&came.raw).as_bytes()));
    if known.left == 0 {
        known.content.clone_from(&content);
        known.to.clone_from(&came.to);
    }
    known.unmarked += u32::from(known.left > 0 && !marked);
    known.differing += u32::from(known.content != content);
    known.left += 1;
    known.accepted += u32::from(accepted);
}

fn header<'a>(raw: &'a str, name: &str) -> &'a str {
    raw.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default()
}
