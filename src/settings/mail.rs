//! `[mail]`: the server that letters go through, and how fast.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Settings;
use super::document::Value;
use super::mistake::{Mistakes, Place};

/// `[mail]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Name or address of the server; empty = no mail is sent.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Address of the sender.
    pub from: String,
    /// Name of the sender.
    pub from_name: String,
    /// Who logs in; empty = nobody. The password is the credential `smtp-password`.
    pub user: String,
    /// The CA to trust instead of the system's roots (PEM); empty = the system's.
    pub ca_file: PathBuf,
    /// Connections at once.
    pub connections: u32,
    /// How long opening a connection may take, and how long one letter.
    pub timeout_seconds: u32,
    /// Most mails to one domain in a minute.
    pub per_domain_per_minute: u32,
    /// Largest mail; larger letters are split.
    pub max_message_bytes: u32,
    /// Whether rosters may travel by e-mail (a question for the owner; DOMAIN section 7).
    pub rosters_by_email: bool,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: this machine only.
    None,
}

impl Mail {
    /// The choices of `security`.
    pub(super) const SECURITY: &'static [&'static str] = &["starttls", "tls", "none"];

    /// Whether mail is sent at all.
    pub fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    /// With the path counted from the config's folder.
    pub(super) fn under(mut self, home: &Path) -> Mail {
        self.host = self.host.trim().to_owned();
        if !self.ca_file.as_os_str().is_empty() {
            self.ca_file = home.join(self.ca_file);
        }
        self
    }
}

/// E-mail addresses: what a mail server would take, without display names.
pub(super) fn examine_addresses(value: Option<(Value, Place)>, mistakes: &mut Mistakes) {
    let Some((Value::Texts(addresses), _)) = value else { return };
    for (address, place) in addresses {
        if !is_address(&address) {
            mistakes.error(place, format!("“{address}”不是电子邮箱地址"), "请只写地址，如 \"pxk@example.cn\"");
        }
    }
}

/// Whether a mail server would take it.
pub(super) fn is_address(address: &str) -> bool {
    address.split_once('@').is_some_and(|(local, domain)| {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'@');
        word(local) && word(domain) && domain.contains('.') && !address.contains(['<', '>', ',', ';', '"'])
    })
}

/// What the keys of `[mail]` must be to each other.
pub(super) fn cross_check(settings: &Settings, place: impl Fn(&str, &str) -> Place, mistakes: &mut Mistakes) {
    let mail = &settings.mail;
    if !mail.is_on() {
        return;
    }
    if !is_address(&mail.from) {
        let message = format!("mail.from（“{}”）不是电子邮箱地址", mail.from);
        mistakes.error(place("mail", "from"), message, "写了 mail.host 就须写发件地址，如 \"shenling@example.cn\"");
    }
    if mail.security == MailSecurity::None && !is_loopback(&mail.host) {
        let advice = "请写 \"starttls\" 或 \"tls\"；\"none\" 只允许用于本机（localhost、127.0.0.1、::1）";
        mistakes.error(place("mail", "security"), "邮件服务器不是本机，不允许不加密的连接", advice);
    }
    if !mail.ca_file.as_os_str().is_empty() && !mail.ca_file.is_file() {
        let message = format!("mail.ca_file 指的文件 {} 不存在", mail.ca_file.display());
        mistakes.error(place("mail", "ca_file"), message, "请改正路径；不用则留空");
    }
    if u64::from(settings.delivery.lease_seconds) < 2 * u64::from(mail.timeout_seconds) {
        let message = "delivery.lease_seconds 小于 mail.timeout_seconds 的两倍：邮件还在发送就会被当成中断而重发";
        mistakes.error(place("delivery", "lease_seconds"), message, "请加大前者或减小后者");
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
