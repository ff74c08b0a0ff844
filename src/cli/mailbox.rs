//! The mailbox as the settings have it, one round over it, and what that did.

use std::sync::Arc;
use std::time::Duration;

use super::output::{hint, say};
use super::world::{find_credential, letter_templates};
use super::{World, delivery, duties, import, words};
use crate::settings::mailbox::units;
use crate::settings::{Environment, Settings, credentials};
use crate::stages::collect::{self, MailReport, Next, Post, Server};
use crate::store::MailFate;

/// The mail server that mails come from; or what is missing and what to do, in words.
pub(super) fn server(settings: &Settings, environment: &Environment) -> Result<Server, String> {
    let mailbox = &settings.mailbox;
    let password = find_credential(settings, environment, credentials::IMAP_PASSWORD);
    let place = credentials::file(&settings.paths.data, credentials::IMAP_PASSWORD);
    let missing = || format!("没有口令，请把它写入 {}（权限 0600）", place.display());
    let ca = if mailbox.ca_file.as_os_str().is_empty() {
        None
    } else {
        let unreadable =
            |error| format!("无法读取 mailbox.ca_file {}：{}", mailbox.ca_file.display(), words::io(&error));
        Some(std::fs::read(&mailbox.ca_file).map_err(unreadable)?)
    };
    Ok(Server {
        host: mailbox.host.clone(),
        port: mailbox.port,
        user: mailbox.user.clone(),
        password: password.map_err(|mistake| mistake.to_string())?.ok_or_else(missing)?,
        ca,
        folder: mailbox.folder.clone(),
        patience: Duration::from_secs(mailbox.timeout_seconds.into()),
    })
}

/// One round over the mailbox.
pub(super) async fn collect_mails(world: &World) -> anyhow::Result<MailReport> {
    let (desk, post) = (world.desk()?, post(world)?);
    Ok(Box::pin(collect::run_post(&world.store, &desk, &post, world.now)).await?)
}

/// What answering needs.
pub(super) fn post(world: &World) -> anyhow::Result<Post> {
    let shared = Arc::new(world.clone());
    let also = shared.clone();
    let password = move |id: &str| shared.zip_password(id);
    let next = move |unit: String| -> Next {
        let world = also.clone();
        Box::pin(async move { next_due(&world, unit).await })
    };
    Ok(Post {
        server: server(&world.settings, &world.environment),
        settings: world.settings.clone(),
        units: units(&world.settings, &world.catalogue),
        templates: letter_templates(&world.settings)?,
        frame: delivery::frame(world),
        password: Arc::new(password),
        next: Arc::new(next),
    })
}

/// A receipt leaves without what is due next rather than not at all.
async fn next_due(world: &World, unit: String) -> Vec<String> {
    duties::next_due(world, &unit).await.unwrap_or_else(|error| {
        hint!("{unit}接下来要报什么没能列出：{error:#}");
        Vec::new()
    })
}

/// Prints what became of each mail.
pub(super) fn print(report: &MailReport) {
    for mail in &report.mails {
        let unit = mail.unit.as_deref().unwrap_or("未登记的发件人");
        say!("邮件 {}（{unit}）：{}", mail.number, in_words(mail.fate));
        mail.files.iter().for_each(|file| import::print(file, false));
    }
}

/// What became of a mail.
pub(super) const fn in_words(fate: MailFate) -> &'static str {
    match fate {
        MailFate::Taken => "已收取并答复",
        MailFate::Rehearsed => "试检，已答复，没有保存",
        MailFate::Unopened => "附件没能打开，已答复",
        MailFate::Fileless => "没有附件，已答复",
        MailFate::Automatic => "自动发出的邮件，不答复",
        MailFate::Bounced => "退信，已记入相应的投递",
        MailFate::Stranger => "发件地址没有登记，附件没有打开",
        MailFate::Unproven => "发件人没有通过验证，附件没有打开",
        MailFate::TooLarge => "邮件太大，没有收取",
        MailFate::Unreadable => "无法解析的邮件",
        MailFate::Unmatched => "退信，但找不到是哪一封",
        MailFate::MachineFiles => "自动发出的邮件带有附件，没有收取",
        MailFate::Words => "没有附件，须由人阅读",
        MailFate::Excess => "一天内答复已达上限，没有收取",
    }
}
