//! `[mailbox]`: where mails come in, and who may send them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Settings;
use super::document::Value;
use super::mail::is_address;
use super::mistake::{Mistakes, Place};
use crate::subsidy::catalogue::Catalogue;

/// `[mailbox]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// Name of the IMAP server; empty = no mailbox is looked at.
    pub host: String,
    /// Its port; TLS from the first byte.
    pub port: u16,
    /// Who logs in. The password is the credential `imap-password`.
    pub user: String,
    /// The folder that is looked at.
    pub folder: String,
    /// The CA to trust instead of the system's roots (PEM); empty = the system's.
    pub ca_file: PathBuf,
    /// How long one exchange may take.
    pub timeout_seconds: u32,
    /// Name under which the receiving server vouches for senders (Authentication-Results); empty = not looked at.
    pub authenticated: String,
    /// Largest mail that is fetched.
    pub max_mail_bytes: u64,
    /// Most answers to one sender in a day.
    pub answers_per_day: u32,
}

impl Mailbox {
    /// Whether a mailbox is looked at.
    pub fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    /// With the path counted from the config's folder.
    pub(super) fn under(mut self, home: &Path) -> Mailbox {
        self.host = self.host.trim().to_owned();
        if !self.ca_file.as_os_str().is_empty() {
            self.ca_file = home.join(self.ca_file);
        }
        self
    }
}

/// A unit that may send mails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its full name.
    pub name: String,
    /// Its id, as in the name of the credential that holds its ZIP password; empty = it can have none.
    pub id: String,
    /// Addresses that letters to it go to.
    pub email: Vec<String>,
    /// Addresses (`a@b.cn`) and domains (`b.cn`) that it sends from, in lower case.
    pub senders: Vec<String>,
}

/// Every unit that may send: prisons, agencies, institutions of the catalogue; each may send from the addresses that
/// letters to it go to.
pub fn units(settings: &Settings, catalogue: &Catalogue) -> Vec<Unit> {
    let lower = |entries: &mut dyn Iterator<Item = &String>| -> Vec<String> {
        entries.map(|entry| entry.trim().to_lowercase()).collect()
    };
    let mut units: Vec<Unit> = Vec::new();
    for prison in &settings.prisons {
        let senders = lower(&mut prison.email.iter().chain(&prison.senders));
        let (name, id, email) = (prison.name.clone(), prison.id.clone(), prison.email.clone());
        units.push(Unit { name, id, email, senders });
    }
    for agency in &settings.agencies {
        let senders = lower(&mut agency.email.iter().chain(&agency.senders));
        let (name, id, email) = (agency.name.clone(), agency.id.clone(), agency.email.clone());
        units.push(Unit { name, id, email, senders });
    }
    for institution in &catalogue.institutions {
        let senders: Vec<String> =
            split_addresses(institution.email.as_deref().unwrap_or_default()).map(str::to_lowercase).collect();
        let id = institution.code.clone().unwrap_or_default();
        // Several rows of one institution are several periods.
        if let Some(unit) = units.iter_mut().find(|unit| *unit.name == *institution.name) {
            unit.senders.extend(senders);
            unit.id = if unit.id.is_empty() { id } else { std::mem::take(&mut unit.id) };
        } else {
            let email = senders.iter().filter(|sender| sender.contains('@')).cloned().collect();
            units.push(Unit { name: institution.name.to_string(), id, email, senders });
        }
    }
    units
}

/// The unit that sends from an address: by the whole address, else by its domain.
pub fn unit_of<'u>(units: &'u [Unit], address: &str) -> Option<&'u Unit> {
    let address = address.to_lowercase();
    let (_, domain) = address.rsplit_once('@')?;
    let sends_as = |known: &str| units.iter().find(|unit| unit.senders.iter().any(|sender| sender == known));
    sends_as(&address).or_else(|| sends_as(domain))
}

/// The addresses that letters to a prison, an agency or an institution go to; empty where none is known.
pub fn addresses(settings: &Settings, catalogue: &Catalogue, unit: &str) -> Vec<String> {
    let prison = settings.prisons.iter().find(|prison| prison.name == unit).map(|prison| prison.email.clone());
    let agency = || settings.agencies.iter().find(|agency| agency.name == unit).map(|agency| agency.email.clone());
    if let Some(email) = prison.or_else(agency) {
        return email;
    }
    // Several rows of one institution are several periods; domains only tell who may send.
    let of_unit = catalogue.institutions.iter().filter(|institution| *institution.name == *unit);
    let cells = of_unit.filter_map(|institution| institution.email.as_deref());
    let mut found: Vec<String> =
        cells.flat_map(split_addresses).filter(|address| address.contains('@')).map(str::to_owned).collect();
    found.sort();
    found.dedup();
    found
}

/// The parts of a cell that holds several addresses.
pub(super) fn split_addresses(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '；', '、', ',', '，']).map(str::trim).filter(|part| !part.is_empty())
}

/// Providers at which anybody gets an address: to let in the domain is to let in everybody.
const PUBLIC_DOMAINS: [&str; 27] = [
    "163.com",
    "126.com",
    "yeah.net",
    "vip.163.com",
    "188.com",
    "qq.com",
    "vip.qq.com",
    "foxmail.com",
    "sina.com",
    "sina.cn",
    "vip.sina.com",
    "sohu.com",
    "139.com",
    "189.cn",
    "wo.cn",
    "21cn.com",
    "tom.com",
    "aliyun.com",
    "263.net",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "live.cn",
    "msn.com",
    "gmail.com",
    "icloud.com",
    "yahoo.com",
];

/// What is wrong with an entry of `senders`, and what to write.
pub(super) fn wrong_sender(entry: &str) -> Option<(String, &'static str)> {
    const ADVICE: &str = "请写完整地址，如 \"pxk@example.cn\"；或单位自有邮箱的域名，如 \"example.cn\"（不带 @）";
    let lower = entry.to_lowercase();
    if PUBLIC_DOMAINS.contains(&&*lower) {
        let message = format!("“{entry}”是公共邮箱的域名，任何人都能用它发信");
        return Some((message, "请写经办人的完整地址"));
    }
    let is_domain = lower.contains('.')
        && lower.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    (!is_domain && !is_address(entry)).then(|| (format!("“{entry}”不是邮箱地址，也不是域名"), ADVICE))
}

/// Entries of `senders`.
pub(super) fn examine_senders(value: Option<(Value, Place)>, mistakes: &mut Mistakes) {
    let Some((Value::Texts(entries), _)) = value else { return };
    for (entry, place) in entries {
        if let Some((message, advice)) = wrong_sender(&entry) {
            mistakes.error(place, message, advice);
        }
    }
}

/// What the keys of `[mailbox]` must be to each other; `entry` finds the n-th table of an array and a key in it.
pub(super) fn cross_check(
    settings: &Settings,
    place: impl Fn(&str, &str) -> Place,
    entry: impl Fn(&str, usize, &str) -> Place,
    mistakes: &mut Mistakes,
) {
    let mailbox = &settings.mailbox;
    if !mailbox.is_on() {
        return;
    }
    if mailbox.user.trim().is_empty() {
        mistakes.error(
            place("mailbox", "user"),
            "写了 mailbox.host 就须写 mailbox.user",
            "请写收件邮箱的登录名（多为完整的邮箱地址）",
        );
    }
    if !settings.mail.is_on() {
        let message = "收件邮箱已开，但没有写 mail.host：来信无法答复";
        mistakes.error(
            place("mailbox", "host"),
            message,
            "请填 [mail] 的 host、from 等；不用收件邮箱则把 mailbox.host 留空",
        );
    }
    if !mailbox.ca_file.as_os_str().is_empty() && !mailbox.ca_file.is_file() {
        let message = format!("mailbox.ca_file 指的文件 {} 不存在", mailbox.ca_file.display());
        mistakes.error(place("mailbox", "ca_file"), message, "请改正路径；不用则留空");
    }
    let mut known: Vec<(String, &str)> = Vec::new();
    let prisons =
        settings.prisons.iter().enumerate().map(|(i, prison)| {
            (("prison", i), &*prison.name, [("email", &prison.email), ("senders", &prison.senders)])
        });
    let agencies =
        settings.agencies.iter().enumerate().map(|(i, agency)| {
            (("agency", i), &*agency.name, [("email", &agency.email), ("senders", &agency.senders)])
        });
    for ((array, index), unit, keys) in prisons.chain(agencies) {
        for (key, entries) in keys {
            for sender in entries.iter().map(|sender| sender.trim().to_lowercase()) {
                match known.iter().find(|(other, _)| *other == sender) {
                    Some((_, other)) if *other != unit => {
                        let message = format!("“{sender}”同时是“{other}”和“{unit}”的发件地址，来信分不清是谁的");
                        mistakes.error(entry(array, index, key), message, "每个地址只归一个单位，请改正其中一处");
                    }
                    Some(_) => {}
                    None => known.push((sender, unit)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_unit_that_names_it_and_else_to_its_domain() {
        let unit = |name: &str, senders: &[&str]| Unit {
            name: name.to_owned(),
            senders: senders.iter().map(|&sender| sender.to_owned()).collect(),
            ..Unit::default()
        };
        let units = [unit("甲", &["jail.example.cn"]), unit("乙", &["chief@jail.example.cn", "b@163.com"])];
        for (address, name) in [
            ("a@jail.example.cn", Some("甲")),
            ("A@Jail.Example.CN", Some("甲")),
            ("chief@jail.example.cn", Some("乙")),
            ("B@163.com", Some("乙")),
            ("c@163.com", None),
            ("a@mail.jail.example.cn", None),
            ("a@evil-jail.example.cn", None),
            ("jail.example.cn", None),
        ] {
            assert_eq!(unit_of(&units, address).map(|unit| &*unit.name), name, "{address}");
        }
    }

    #[test]
    fn domains_of_everybody_are_refused() {
        for good in ["pxk@163.com", "jail.example.cn", "a.b@c-d.cn"] {
            assert_eq!(wrong_sender(good), None);
        }
        for bad in ["163.com", "QQ.com", "@jail.cn", "jail", "a b@c.cn", "", "某狱@", "a@b"] {
            assert!(wrong_sender(bad).is_some(), "{bad}");
        }
    }
}
