//! What an attachment really is: a file, an archive of files, a mail, or something that nobody can open.
//!
//! Archives come from strangers: sizes, numbers and depth are limited whatever they claim of themselves.

use std::io::{Cursor, Read};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::names::tidy;
use super::words::{decode, guess};
use super::{Enclosure, Limits, Unopened, Why};

/// Archives within archives.
const MAX_DEPTH: usize = 2;
/// Most members of an archive.
const MAX_MEMBERS: usize = 2_000;

const TNEF: &[u8] = b"\x78\x9F\x3E\x22";
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// Archives of other kinds: first bytes.
const ARCHIVES: [&[u8]; 5] = [b"Rar!\x1A\x07", b"7z\xBC\xAF\x27\x1C", b"\x1F\x8B", b"BZh", b"\xFD7zXZ"];
/// Members by which a zip is a document.
const OFFICE: [&str; 4] = ["[content_types].xml", "mimetype", "ofd.xml", "index/document.iwa"];

/// What is left of the limits of a mail, and what was found.
pub(super) struct Unpacking<'a> {
    limits: &'a Limits,
    passwords: &'a [&'a str],
    bytes_left: u64,
    /// Files.
    pub enclosures: Vec<Enclosure>,
    /// What could not be opened.
    pub unopened: Vec<Unopened>,
}

impl<'a> Unpacking<'a> {
    /// Nothing yet.
    pub fn new(limits: &'a Limits, passwords: &'a [&'a str]) -> Unpacking<'a> {
        let bytes_left = limits.max_unpacked_bytes;
        Unpacking { limits, passwords, bytes_left, enclosures: Vec::new(), unopened: Vec::new() }
    }

    /// Records what could not be opened.
    pub fn refuse(&mut self, name: &str, why: Why) {
        if self.unopened.len() < self.limits.max_enclosures {
            self.unopened.push(Unopened { name: name.to_owned(), why });
        }
    }

    /// Takes an attachment in. `within` names what it stands in, outermost first.
    pub fn take(&mut self, name: String, bytes: Vec<u8>, within: &[String]) {
        self.take_at(name, bytes, within, &[]);
    }

    fn take_at(&mut self, name: String, bytes: Vec<u8>, within: &[String], archives: &[String]) {
        let lower = name.to_lowercase();
        if bytes.starts_with(TNEF) || lower == "winmail.dat" {
            return self.refuse(&name, Why::Tnef);
        }
        if ARCHIVES.iter().any(|magic| bytes.starts_with(magic)) {
            return self.refuse(&name, Why::Archive);
        }
        let is_zip = ZIP.iter().any(|magic| bytes.starts_with(magic));
        if is_zip && let Some(archive) = archive(&bytes) {
            let hash = hex::encode(Sha256::digest(&bytes));
            return self.open(&name, archive, within, &[archives, &[hash]].concat());
        }
        let is_called_zip = lower.rsplit_once('.').is_some_and(|(_, end)| end == "zip");
        if is_called_zip && !is_document(&bytes) {
            return self.refuse(&name, Why::Damaged);
        }
        if bytes.len() as u64 > self.limits.max_enclosure_bytes || self.enclosures.len() >= self.limits.max_enclosures {
            return self.refuse(&name, Why::TooLarge);
        }
        let (within, archives) = (within.to_vec(), archives.to_vec());
        self.enclosures.push(Enclosure { name, within, archives, bytes });
    }

    fn open(&mut self, name: &str, mut archive: ZipArchive<Cursor<&[u8]>>, within: &[String], archives: &[String]) {
        if archives.len() > MAX_DEPTH || archive.len() > MAX_MEMBERS {
            return self.refuse(name, Why::TooLarge);
        }
        let mut path = within.to_vec();
        path.push(name.to_owned());
        for index in 0..archive.len() {
            let Some(member) = label(&mut archive, index) else { continue };
            match self.member(&mut archive, index) {
                Ok(bytes) => self.take_at(member, bytes, &path, archives),
                Err(why) => self.refuse(&format!("{name}：{member}"), why),
            }
        }
    }

    /// The bytes of a member, under whichever password opens it.
    fn member(&mut self, archive: &mut ZipArchive<Cursor<&[u8]>>, index: usize) -> Result<Vec<u8>, Why> {
        let raw = archive.by_index_raw(index).map_err(|_| Why::Damaged)?;
        let (claimed, is_encrypted) = (raw.size(), raw.encrypted());
        drop(raw);
        let most = self.limits.max_enclosure_bytes.min(self.bytes_left);
        if claimed > most {
            return Err(Why::TooLarge);
        }
        let mut read = |source: &mut dyn Read| -> Result<Vec<u8>, Why> {
            let mut bytes = Vec::new();
            let read = source.take(most.saturating_add(1)).read_to_end(&mut bytes);
            self.bytes_left = self.bytes_left.saturating_sub(bytes.len() as u64);
            match read {
                _ if bytes.len() as u64 > most => Err(Why::TooLarge),
                Ok(_) => Ok(bytes),
                Err(_) => Err(Why::Damaged),
            }
        };
        if !is_encrypted {
            return match archive.by_index(index) {
                Ok(mut source) => read(&mut source),
                Err(ZipError::UnsupportedArchive(_)) => Err(Why::Archive),
                Err(_) => Err(Why::Damaged),
            };
        }
        for password in self.passwords {
            match archive.by_index_decrypt(index, password.as_bytes()) {
                Ok(mut source) => match read(&mut source) {
                    // The old kind of encryption lets one wrong password in 256 through, and shows it at the end.
                    Err(Why::Damaged) => {}
                    done => return done,
                },
                Err(ZipError::UnsupportedArchive(_)) => return Err(Why::Archive),
                Err(_) => {}
            }
        }
        Err(Why::Password)
    }
}

/// The archive that bytes are, unless they are a document of an office program.
fn archive(bytes: &[u8]) -> Option<ZipArchive<Cursor<&[u8]>>> {
    let archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let is_office = archive.file_names().flatten().any(|name| {
        let name = name.replace('\\', "/").to_lowercase();
        OFFICE.contains(&&*name) || name.starts_with("xl/")
    });
    (!is_office).then_some(archive)
}

fn is_document(bytes: &[u8]) -> bool {
    ZipArchive::new(Cursor::new(bytes)).is_ok()
}

/// The name of a member that is a file and not what systems leave behind. Windows writes names in its own code page.
fn label(archive: &mut ZipArchive<Cursor<&[u8]>>, index: usize) -> Option<String> {
    let member = archive.by_index_raw(index).ok()?;
    let raw = member.name_raw();
    let path = if member.is_dir() { return None } else { decoded(raw) };
    let name = tidy(&path);
    let is_left_behind =
        path.starts_with("__MACOSX") || name.starts_with("~$") || name.starts_with('.') || name == "Thumbs.db";
    (!is_left_behind && !name.is_empty()).then_some(name)
}

fn decoded(raw: &[u8]) -> String {
    let text = guess(raw);
    if text.contains('\u{FFFD}') { decode(raw, "gb18030") } else { text }
}
