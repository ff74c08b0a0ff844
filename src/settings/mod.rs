//! Config files and environment -> checked, plain data; every mistake at once, with file and line.
//!
//! [`load`] reads `shenling.toml`, the catalogue folder and the holiday tables. What only `check` asks about (choices
//! to confirm, things that will be missed later) stands in [`doubts`]; what `init` writes in [`init`].

mod catalogue;
pub mod credentials;
mod daemon;
mod dates;
mod document;
pub mod doubts;
mod duties;
mod examine;
pub mod fonts;
pub mod holidays;
pub mod init;
mod keys;
mod layers;
mod mail;
pub mod mailbox;
mod mistake;
mod salvage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use catalogue::fingerprint;
pub use daemon::{Daemon, Schedule};
pub use mail::{Mail, MailSecurity};
pub use mailbox::Mailbox;
pub use mistake::{Mistake, Severity};
use salvage::Salvaged;

use crate::subsidy::catalogue::{Catalogue, Prison};
use crate::subsidy::duty::{Duty, Office};
use crate::subsidy::holidays::Calendar;

/// The environment as a plain map: read once, at the edge, by [`environment`].
pub type Environment = BTreeMap<String, String>;

/// The variables of this process. A value that is not UTF-8 keeps its readable part and is then refused where it counts.
pub fn environment() -> Environment {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

/// Everything that `shenling.toml` and the environment say, checked; paths are resolved against the file's folder.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that was read.
    pub file: PathBuf,
    /// `[programme]`.
    pub programme: Programme,
    /// `[administrator]`.
    pub administrator: Administrator,
    /// `[[prison]]`, in file order; exactly one leads.
    pub prisons: Vec<PrisonEntry>,
    /// `[[agency]]`: bureau, hrss, justice and finance, in file order.
    pub agencies: Vec<Agency>,
    /// `[[duty]]`, those that are on, in file order.
    pub duties: Vec<Duty>,
    /// `[office]`.
    pub office: Office,
    /// The day of the week from which on units are told what is held; `None` = they are not.
    pub held_on: Option<chrono::Weekday>,
    /// `[paths]`.
    pub paths: Paths,
    /// `[database]`.
    pub database: Database,
    /// `[limits]`.
    pub limits: Limits,
    /// `[inbox]`.
    pub inbox: Inbox,
    /// `[claim]`.
    pub claim: Claim,
    /// `[delivery]`.
    pub delivery: Delivery,
    /// `[schedule]`.
    pub schedule: Schedule,
    /// `[daemon]`.
    pub daemon: Daemon,
    /// `[publicity]`.
    pub publicity: Publicity,
    /// `[payee]`.
    pub payee: Payee,
    /// `[mail]`.
    pub mail: Mail,
    /// `[mailbox]`.
    pub mailbox: Mailbox,
}

/// `[programme]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// Title on covers and publicity tables.
    pub name: String,
}

/// `[administrator]`: who looks after the program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Administrator {
    /// Where digests and alarms go; empty = nowhere.
    pub email: Vec<String>,
}

/// `[[prison]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrisonEntry {
    /// Full name.
    pub name: String,
    /// Id for its credentials; empty = none.
    pub id: String,
    /// Whether it leads (牵头监狱).
    pub lead: bool,
    /// Where its mail goes; empty = no mail.
    pub email: Vec<String>,
    /// From where else it sends: addresses and domains.
    pub senders: Vec<String>,
    /// Its special account (监狱专户), if it is known.
    pub account: Option<Account>,
}

/// A bank account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// 户名.
    pub name: String,
    /// 开户银行.
    pub bank: String,
    /// 账号, digits only.
    pub number: String,
}

/// Accounts stay out of logs.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}, ***)", self.name)
    }
}

/// `[[agency]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// `bureau`, `hrss`, `justice` or `finance`.
    pub id: String,
    /// Official name.
    pub name: String,
    /// Where its mail goes; empty = no mail.
    #[serde(default)]
    pub email: Vec<String>,
    /// From where else it sends: addresses and domains.
    #[serde(default)]
    pub senders: Vec<String>,
}

/// `[paths]`, absolute or relative to the working folder like the path given to [`load`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Folder of the reference data.
    pub catalogue: PathBuf,
    /// Folder that is watched.
    pub inbox: PathBuf,
    /// Folder that packets go to.
    pub outbox: PathBuf,
    /// Folder of database, keys and kept originals.
    pub data: PathBuf,
    /// The customer's fonts.
    pub fonts_dir: Option<PathBuf>,
    /// Templates that replace the built-in ones.
    pub templates_dir: Option<PathBuf>,
    /// Form layouts that replace the built-in ones.
    pub forms_dir: Option<PathBuf>,
    /// Holiday tables that replace the built-in ones.
    pub holidays_dir: Option<PathBuf>,
}

/// `[database]`.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file (the default: `shenling.db` in the data folder).
    Lite(PathBuf),
    /// A `postgres://` address.
    Postgres(String),
}

/// The address may hold a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Lite(path) => write!(f, "Lite({})", path.display()),
            Database::Postgres(_) => f.write_str("Postgres(***)"),
        }
    }
}

/// `[limits]` against files that are too large to be honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Largest sum of unzipped parts, in bytes.
    pub max_unzipped_bytes: u64,
    /// Most sheets in a workbook.
    pub max_sheets: u32,
    /// Most rows in a sheet.
    pub max_rows: u32,
}

/// `[inbox]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbox {
    /// Seconds for which size and mtime must stand still.
    pub stable_seconds: u32,
    /// Days for which the plain source is kept after its sealed original is committed; 0 = deleted at once.
    pub keep_source_days: u32,
}

/// `[claim]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Ids of the agencies that a batch goes to.
    pub recipients: Vec<String>,
}

/// `[delivery]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Seconds after which a lease has run out.
    pub lease_seconds: u32,
    /// Seconds after which a failed delivery is due again.
    pub retry_seconds: u32,
}

/// `[publicity]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publicity {
    /// Who receives objections, as the publicity table prints it; empty = not given yet.
    pub contact: String,
}

/// `[payee]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payee {
    /// Who is paid first.
    pub first: FirstPayee,
}

/// Who is paid first by the finance bureau.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstPayee {
    /// The prison's special account, as the notice has it.
    Prison,
    /// The institution itself.
    Institution,
}

impl Settings {
    /// The prisons as the rules know them.
    pub fn catalogue_prisons(&self) -> Vec<Prison> {
        self.prisons.iter().map(|p| Prison { name: p.name.as_str().into(), lead: p.lead }).collect()
    }

    /// An agency by id.
    pub fn agency(&self, id: &str) -> Option<&Agency> {
        self.agencies.iter().find(|agency| agency.id == id)
    }

    /// A path beside `shenling.toml`.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(name)
    }

    /// A file's name in messages: relative to the folder of `shenling.toml` where it lies in it.
    pub fn shown(&self, path: &Path) -> String {
        let home = self.file.parent().unwrap_or(Path::new(""));
        path.strip_prefix(home).unwrap_or(path).display().to_string()
    }
}

/// What [`load`] gives.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The catalogue, indexed.
    pub catalogue: Catalogue,
    /// Working days.
    pub calendar: Calendar,
    /// Doubts about the files that do not keep the program from running.
    pub warnings: Vec<Mistake>,
}

/// What [`look`] finds; with mistakes in the files, what could be read in spite of them.
#[derive(Debug)]
pub struct Looked {
    /// The settings, with defaults for what is wrong; `None` where too much is.
    pub settings: Option<Settings>,
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Working days.
    pub calendar: Calendar,
    /// Every mistake and doubt.
    pub mistakes: Vec<Mistake>,
    doubtful: BTreeSet<String>,
}

impl Looked {
    /// Whether a mistake stands in one of these keys (`paths.inbox`), so that its value must not be relied on.
    pub fn is_doubtful(&self, keys: &[&str]) -> bool {
        let section = |key: &str| key.split('.').next().is_some_and(|section| self.doubtful.contains(section));
        keys.iter().any(|key| self.doubtful.contains(*key) || section(key))
    }

    /// Whether everything can be relied on.
    pub fn is_sound(&self) -> bool {
        self.settings.is_some() && !self.mistakes.iter().any(|mistake| mistake.severity == Severity::Error)
    }
}

/// Reads everything that can be read: a broken file must not hide what is wrong in another.
pub fn look(path: &Path, environment: &Environment) -> Looked {
    let Salvaged { settings, mut mistakes, doubtful } = layers::read(path, path, environment);
    let (mut catalogue, mut calendar) = (Catalogue::default(), Calendar::default());
    let defaults = || layers::defaults(path).filter(|settings| settings.paths.catalogue.is_dir());
    if let Some(read) = settings.clone().or_else(defaults) {
        // Only against the prisons that were really read can a prison's name be held.
        let prisons = settings.as_ref().filter(|_| !doubtful.contains("prison")).map(Settings::catalogue_prisons);
        let found;
        (catalogue, found) = catalogue::read(&read, prisons);
        mistakes.extend(found);
        let found;
        (calendar, found) = holidays::read(&read);
        mistakes.extend(found);
    }
    Looked { settings, catalogue, calendar, mistakes, doubtful }
}

/// Reads everything, or tells every mistake (warnings among them, where there is an error).
pub fn load(path: &Path, environment: &Environment) -> Result<Loaded, Vec<Mistake>> {
    let looked = look(path, environment);
    let sound = looked.is_sound();
    let Looked { settings, catalogue, calendar, mistakes, .. } = looked;
    match settings {
        Some(settings) if sound => Ok(Loaded { settings, catalogue, calendar, warnings: mistakes }),
        _ => Err(mistakes),
    }
}

/// Reads `shenling.toml` and the environment alone.
pub fn load_settings(path: &Path, environment: &Environment) -> Result<Settings, Vec<Mistake>> {
    sound(layers::read(path, path, environment))
}

/// Reads an edited `shenling.toml` as if it stood in the place of the one in use.
pub fn load_edit(edited: &Path, in_use: &Path, environment: &Environment) -> Result<Settings, Vec<Mistake>> {
    sound(layers::read(edited, in_use, environment))
}

/// The settings, if there is no mistake in them.
fn sound(Salvaged { settings, mistakes, .. }: Salvaged) -> Result<Settings, Vec<Mistake>> {
    settings.filter(|_| mistakes.is_empty()).ok_or(mistakes)
}
