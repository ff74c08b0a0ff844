//! Doors out: where packets and letters leave. [`folder`] writes files, [`smtp`] hands mail to a server; [`mime`]
//! writes the mail; [`ping`] tells an outside watch that we live.

mod bytewise;
pub mod folder;
pub mod mime;
pub mod ping;
pub mod smtp;

/// What is handed to a door: the files of one packet, the manifest last.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// Id of the recipient, e.g. `bureau`.
    pub recipient: &'a str,
    /// What the packet is about, e.g. a batch number; unique per recipient.
    pub reference: &'a str,
    /// Name and bytes of each file, in the order in which they are to appear.
    pub files: &'a [(String, Vec<u8>)],
}

/// What the door says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The packet has arrived where it was to go, durably.
    Accepted(String),
    /// Not now; the same packet may be tried again.
    TryLater(String),
    /// No answer to the whole of it: it may have arrived. To be tried again, marked as a resend.
    Unclear(String),
    /// The door is shut: nothing was offered, and nothing else can leave through it now.
    Shut(String),
    /// Never; a person must look.
    Refused(String),
}
