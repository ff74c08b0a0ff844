//! `set-aside list|show`: what came back, and what to type; mails that a person must look at.

use anyhow::bail;

use super::args::SetAsideCommand;
use super::output::{self, say};
use super::tray::Named;
use super::{Done, World, mailbox, report, tray, undo};
use crate::stages::collect::FileReport;
use crate::store::{MailAct, MailDecision, MailFate, TrayAct, TrayMail};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::identifiers::{mask_address, mask_numbers_in};

/// Runs a `set-aside` command.
pub(super) async fn run(world: &World, command: SetAsideCommand) -> anyhow::Result<Done> {
    match command {
        SetAsideCommand::List => list(world).await,
        SetAsideCommand::Show { key } => match tray::named(&key)? {
            Named::File(id) => show(world, id).await,
            Named::Mail(id) => show_mail(world, id).await,
        },
        SetAsideCommand::Accept { key, kind, unit, because } => {
            tray::accept(world, &key, kind, unit.as_deref(), &because).await
        }
        SetAsideCommand::Reject { key, because } => tray::reject(world, &key, &because).await,
    }
}

async fn list(world: &World) -> anyhow::Result<Done> {
    let files = world.store.set_aside().await?;
    let mails = world.store.tray().await?;
    if world.json {
        let mut files: Vec<_> = files
            .iter()
            .map(|(original, report)| {
                serde_json::json!({
                    "id": original.kept.id,
                    "file": original.name,
                    "received_at": original.kept.received_at.to_rfc3339(),
                    "kind": report.kind,
                    "rows": report.counts.rows,
                    "set_aside": report.counts.set_aside,
                    "errors": report.counts.errors,
                })
            })
            .collect();
        files.extend(mails.iter().map(mail_in_json));
        output::json(&files)?;
        return Ok(Done::Well);
    }
    if files.is_empty() && mails.is_empty() {
        say!("没有退回的文件，也没有待人工的邮件");
    }
    if !files.is_empty() {
        let header = ["编号", "文件", "收到日期", "数据行", "退回行", "问题"];
        let row = |(original, report): (crate::store::Original, crate::store::Report)| {
            vec![
                original.kept.id.to_string(),
                original.name,
                civil_date(original.kept.received_at).to_string(),
                report.counts.rows.to_string(),
                report.counts.set_aside.to_string(),
                report.counts.errors.to_string(),
            ]
        };
        output::table(&header, files.into_iter().map(row));
        say!(
            "逐条查看：shenling set-aside show 编号；处理：shenling set-aside accept|reject 编号 --reason 原因 --by 经办人"
        );
    }
    if !mails.is_empty() {
        print_mails(&mails);
    }
    Ok(Done::Well)
}

fn mail_in_json(one: &TrayMail) -> serde_json::Value {
    let mail = &one.mail;
    serde_json::json!({
        "mail": mail.id,
        "received_at": mail.received_at.to_rfc3339(),
        "sender": mask_address(&mail.header.sender),
        "unit": mail.unit,
        "subject": mask_numbers_in(&mail.header.subject),
        "fate": mail.fate.map(MailFate::code),
        "answered": one.answered,
    })
}

fn print_mails(mails: &[TrayMail]) {
    let header = ["邮件", "收到日期", "发件人", "单位", "主题", "原因", "已答复"];
    let row = |one: &TrayMail| {
        let mail = &one.mail;
        vec![
            format!("m{}", mail.id),
            civil_date(mail.received_at).to_string(),
            mask_address(&mail.header.sender),
            mail.unit.clone().unwrap_or_default(),
            mask_numbers_in(&mail.header.subject),
            mail.fate.map(mailbox::in_words).unwrap_or_default().to_owned(),
            if one.answered { "是" } else { "否" }.to_owned(),
        ]
    };
    output::table(&header, mails.iter().map(row));
    say!(
        "这些邮件在收件邮箱的“待人工”文件夹中。逐封查看：shenling set-aside show m编号；受理：shenling set-aside accept m编号 --unit 单位；不予受理：shenling set-aside reject m编号（都要写 --reason 原因 --by 经办人）"
    );
}

async fn show(world: &World, id: i64) -> anyhow::Result<Done> {
    let Some((original, stored)) = world.store.report(id).await? else {
        bail!("编号 {id} 的文件尚未读取");
    };
    let file: FileReport = serde_json::from_slice(&stored.json)?;
    if world.json {
        output::json(&file)?;
    } else {
        say!("{}（{} 收到）", original.name, civil_date(original.kept.received_at));
        report::print(&file);
        for decided in world.store.tray_decisions(id).await? {
            let what = match decided.act {
                TrayAct::Taken(kind) => format!("受理，按{}收取", undo::kind_in_words(kind)),
                TrayAct::Settled => "受理，记为另行办妥".to_owned(),
                TrayAct::Refused => "不予受理".to_owned(),
            };
            say!("  {} {what}（{}：{}）", civil_date(decided.at), decided.by, decided.reason);
        }
        if let Some((reason, by, at)) = world.store.withdrawal(id).await? {
            say!("  {} 已撤回（{by}：{reason}）", civil_date(at));
        }
    }
    Ok(Done::Well)
}

async fn show_mail(world: &World, id: i64) -> anyhow::Result<Done> {
    let (one, decisions) = world.store.tray_mail(id).await?;
    if world.json {
        let mut shown = mail_in_json(&one);
        shown["decisions"] = decisions.iter().map(decision_in_json).collect();
        output::json(&shown)?;
        return Ok(Done::Well);
    }
    let mail = &one.mail;
    say!("邮件 m{id}（{} 收到）", civil_date(mail.received_at));
    say!("  发件人 {}", mask_address(&mail.header.sender));
    say!("  单位 {}", mail.unit.as_deref().unwrap_or("没有登记"));
    say!("  主题 {}", mask_numbers_in(&mail.header.subject));
    say!("  情况 {}", mail.fate.map_or("等待收取", mailbox::in_words));
    say!("  {}", if one.answered { "已答复" } else { "没有答复" });
    for decided in &decisions {
        let what = match &decided.act {
            MailAct::LetIn { unit } => format!("受理，视同{unit}发来"),
            MailAct::Settled => "受理，记为另行办妥".to_owned(),
            MailAct::Refused => "不予受理".to_owned(),
        };
        say!("  {} {what}（{}：{}）", civil_date(decided.at), decided.by, decided.reason);
    }
    Ok(Done::Well)
}

fn decision_in_json(decided: &MailDecision) -> serde_json::Value {
    serde_json::json!({
        "decision": decided.act.code(),
        "by": decided.by,
        "reason": decided.reason,
        "at": decided.at.to_rfc3339(),
    })
}
