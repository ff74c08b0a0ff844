//! `delivery`: what leaves and what came of it; trying again, stopping, letting go; a letter to try the server out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::args::{Because, DeliveryCommand};
use super::output::{self, hint, say};
use super::world::{find_credential, letter_templates};
use super::{Done, World, words};
use crate::forms::letters::{Frame, TestFacts};
use crate::forms::papers::pack;
use crate::settings::{Environment, MailSecurity, Settings, credentials};
use crate::stages::deliver::{Answer, Delivered, Door, MailDoor, Report, Security, Server};
use crate::store::{Alarm, Decision, DeliveryLine, NewLetter, PacketFile};
use crate::subsidy::catalogue::Prison;

/// Password of the ZIP in a trial letter, as its text says.
const TRIAL_PASSWORD: &str = "test2026";

/// For so long after it was queued a letter that was taken back is still listed.
const LIST_TAKEN_BACK: TimeDelta = TimeDelta::days(30);

/// Runs a `delivery` command.
pub(super) async fn run(world: &World, command: DeliveryCommand) -> anyhow::Result<Done> {
    match command {
        DeliveryCommand::List { all } => list(world, all).await,
        DeliveryCommand::Show { delivery } => show(world, &delivery).await,
        DeliveryCommand::Retry { delivery, to, because } => {
            decide(world, &delivery, &Decision::Retry { to }, &because, "将在下一次投递时发送").await
        }
        DeliveryCommand::Hold { delivery, because } => {
            decide(world, &delivery, &Decision::Hold, &because, "已暂停，放行前不会发送").await
        }
        DeliveryCommand::Release { delivery, because } => {
            decide(world, &delivery, &Decision::Release, &because, "已放行，将在下一次投递时发送").await
        }
        DeliveryCommand::Test { to } => test(world, to).await,
    }
}

/// The doors as the settings have them.
pub(crate) fn door(world: &World) -> anyhow::Result<Door> {
    let settings = &world.settings;
    Ok(Door {
        outbox: settings.paths.outbox.clone(),
        lease: TimeDelta::seconds(settings.delivery.lease_seconds.into()),
        retry: TimeDelta::seconds(settings.delivery.retry_seconds.into()),
        mail: if settings.mail.is_on() { Some(mail_door(settings, &world.environment)?) } else { None },
        stopping: Arc::default(),
    })
}

/// The mail server as the settings have it.
pub(super) fn mail_door(settings: &Settings, environment: &Environment) -> anyhow::Result<MailDoor> {
    let mail = &settings.mail;
    Ok(MailDoor {
        // What is missing here keeps the letters waiting, and nothing else.
        server: mail_server(settings, environment),
        from: (mail.from_name.clone(), mail.from.clone()),
        connections: mail.connections,
        per_domain_per_minute: mail.per_domain_per_minute,
        max_message_bytes: usize::try_from(mail.max_message_bytes).unwrap_or(usize::MAX),
        templates: Arc::new(letter_templates(settings)?),
        programme: settings.programme.name.clone(),
        office: lead_prison(settings),
        batches_to: if mail.rosters_by_email { addressees(settings) } else { BTreeMap::new() },
    })
}

/// The mail server as the settings have it; or what is missing and what to do, in words.
pub(super) fn mail_server(settings: &Settings, environment: &Environment) -> Result<Server, String> {
    let mail = &settings.mail;
    let login = if mail.user.is_empty() {
        None
    } else {
        let password = find_credential(settings, environment, credentials::SMTP_PASSWORD);
        let place = credentials::file(&settings.paths.data, credentials::SMTP_PASSWORD);
        let missing = || format!("没有邮件口令：mail.user 已写，请把口令写入 {}（权限 0600）", place.display());
        Some((mail.user.clone(), password.map_err(|mistake| mistake.to_string())?.ok_or_else(missing)?))
    };
    let ca = if mail.ca_file.as_os_str().is_empty() {
        None
    } else {
        let unreadable = |error| format!("无法读取 mail.ca_file {}：{}", mail.ca_file.display(), words::io(&error));
        Some(std::fs::read(&mail.ca_file).map_err(unreadable)?)
    };
    Ok(Server {
        host: mail.host.clone(),
        port: mail.port,
        security: match mail.security {
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Tls => Security::Tls,
            MailSecurity::None => Security::Plain,
        },
        login,
        ca,
        patience: Duration::from_secs(mail.timeout_seconds.into()),
    })
}

fn lead_prison(settings: &Settings) -> String {
    let lead = |prison: &Prison| prison.lead;
    settings.catalogue_prisons().into_iter().find(lead).map(|prison| prison.name.to_string()).unwrap_or_default()
}

fn addressees(settings: &Settings) -> BTreeMap<String, (String, Vec<String>)> {
    let with_address = settings.agencies.iter().filter(|agency| !agency.email.is_empty());
    with_address.map(|agency| (agency.id.clone(), (agency.name.clone(), agency.email.clone()))).collect()
}

/// Says what a run of the stage did.
pub(super) fn told(world: &World, report: &Report, interrupted: bool) -> (Done, Value) {
    if report.delivered.is_empty() && report.waiting == 0 && !interrupted && !world.json {
        say!("投递：没有待投递的材料");
    }
    let said: Vec<Value> = report.delivered.iter().map(|one| told_one(world, one)).collect();
    if let Some(why) = &report.trouble {
        hint!("邮件发不出去：{why}");
    }
    if report.waiting > 0 {
        let why = match &report.trouble {
            Some(_) => "排除上述问题后，下次投递时发送",
            None if world.settings.mail.is_on() => "下次投递时发送",
            None => "没有写 mail.host，邮件发不出去",
        };
        hint!("还有 {} 封信待发：{why}", report.waiting);
    }
    for stuck in &report.raised {
        let long = if stuck.alarm == Alarm::Days { "5 天" } else { "4 小时" };
        hint!("告警：{} 已超过 {long}没有投递成功 → shenling delivery show {}", stuck.key, stuck.key);
    }
    let well = report.delivered.iter().all(|one| matches!(one.answer, Answer::Accepted(_)));
    (Done::with_findings(!well || report.trouble.is_some() || !report.raised.is_empty()), json!(said))
}

fn told_one(world: &World, one: &Delivered) -> Value {
    let agency = world.settings.agency(&one.recipient);
    let to = agency.map_or(one.recipient.as_str(), |agency| agency.name.as_str());
    let again = if one.resend { "（重发）" } else { "" };
    let (state, text) = match &one.answer {
        Answer::Accepted(place) => ("done", place),
        Answer::TryLater(why) | Answer::Unclear(why) | Answer::Shut(why) => ("due", why),
        Answer::Refused(why) => ("aside", why),
    };
    let what = one.batch.as_ref().map_or_else(|| one.key.clone(), |batch| format!("批次 {batch}"));
    if state != "done" {
        hint!("{what} 未能投递给 {to}：{text}");
    } else if !world.json && one.letter {
        say!("投递：{what} 已发邮件给 {to}{again}");
    } else if !world.json {
        say!("投递：{what} 已放入 {text}，交 {to}{again}");
    }
    json!({
        "batch": one.batch.clone().unwrap_or_default(), "key": one.key, "recipient": one.recipient, "mail": one.letter,
        "state": state, "says": text, "resend": one.resend,
    })
}

async fn list(world: &World, all: bool) -> anyhow::Result<Done> {
    let mut lines = world.store.deliveries().await?;
    // A letter that was taken back is listed with its reason for a while.
    lines.retain(|line| all || taken_back(line, world.now) || !matches!(line.state.as_str(), "done" | "withdrawn"));
    if world.json {
        output::json(&lines.iter().map(|line| in_json(line, world.now)).collect::<Vec<_>>())?;
    } else if lines.is_empty() {
        say!("没有{}", if all { "投递" } else { "未完成的投递；全部见 shenling delivery list --all" });
    } else {
        let header = ["编号", "内容", "收件", "方式", "状态", "次数", "下次", "最近答复"];
        let row = |line: &DeliveryLine| {
            let delivery = &line.delivery;
            let next = if line.state == "due" { time(line.due_at) } else { String::new() };
            vec![
                format!("#{}", delivery.id),
                delivery.key.clone(),
                delivery.recipient.clone(),
                if delivery.letter { "邮件" } else { "文件夹" }.to_owned(),
                format!("{}{}", state(&line.state), stuck(line)),
                delivery.attempts.to_string(),
                next,
                line.answer.clone().unwrap_or_default(),
            ]
        };
        output::table(&header, lines.iter().map(row));
    }
    let stands = |line: &DeliveryLine| line.state == "aside" || line.alarm > Alarm::None;
    Ok(Done::with_findings(lines.iter().any(stands)))
}

/// Whether a letter was withdrawn lately, with a reason.
fn taken_back(line: &DeliveryLine, now: DateTime<Utc>) -> bool {
    let is_letter = line.delivery.letter && line.state == "withdrawn" && line.answer.is_some();
    is_letter && now - line.delivery.created_at < LIST_TAKEN_BACK
}

async fn show(world: &World, key: &str) -> anyhow::Result<Done> {
    let line = world.store.delivery(key).await?;
    let id = line.delivery.id;
    let (letter, mails) = (world.store.letter(id).await?, world.store.mails(id).await?);
    let files = world.store.packet(id).await?.unwrap_or_default();
    let decisions = world.store.decisions(id).await?;
    if world.json {
        let mut said = in_json(&line, world.now);
        let mail = |mail: &crate::store::PlannedMail| {
            json!({"number": mail.number, "message_id": mail.plan.message_id, "resend": mail.again,
                "accepted_at": mail.accepted_at.map(time)})
        };
        said["letter"] = json!(letter.as_ref().map(|letter| json!({
            "to": letter.words.to, "cc": letter.words.cc, "subject": letter.words.subject, "dated_at": time(letter.dated_at),
            "text": letter.words.text, "mails": mails.iter().map(mail).collect::<Vec<_>>(),
        })));
        said["files"] = files.iter().map(|file| json!({"name": file.name, "bytes": file.bytes.len()})).collect();
        said["decisions"] = decisions
            .iter()
            .map(|one| json!({"act": one.act, "reason": one.reason, "by": one.by, "at": time(one.at)}))
            .collect();
        output::json(&said)?;
        return Ok(Done::Well);
    }
    let delivery = &line.delivery;
    say!("投递 #{id}：{}，交 {}，{}{}", delivery.key, delivery.recipient, state(&line.state), stuck(&line));
    say!("登记于 {}，已试 {} 次{}", time(delivery.created_at), delivery.attempts, next(&line));
    if let Some(answer) = &line.answer {
        say!("最近答复：{answer}");
    }
    for file in &files {
        say!("文件：{}（{} 字节）", file.name, file.bytes.len());
    }
    for mail in &mails {
        let taken = mail.accepted_at.map_or("未发出".to_owned(), |at| format!("服务器于 {} 收下", time(at)));
        let again = if mail.again { "，标“重发”" } else { "" };
        say!("第 {} 封：Message-ID <{}>，{taken}{again}", mail.number, mail.plan.message_id);
    }
    for one in &decisions {
        say!("{} {}：{}（{}）", time(one.at), act(&one.act), one.reason, one.by);
    }
    if let Some(letter) = &letter {
        say!("收件地址：{}{}", letter.words.to.join("、"), copies(&letter.words.cc));
        say!("主题：{}", letter.words.subject);
        say!("");
        say!("{}", letter.words.text);
    }
    Ok(Done::Well)
}

async fn decide(world: &World, key: &str, decision: &Decision, because: &Because, then: &str) -> anyhow::Result<Done> {
    let line = world.store.delivery(key).await?;
    world.store.decide(line.delivery.id, decision, &because.reason, &because.by, world.now).await?;
    hint!("投递 #{} {then}", line.delivery.id);
    Ok(Done::Well)
}

/// Queues a letter that tries the server out, to the administrator unless other addresses are given.
async fn test(world: &World, to: Vec<String>) -> anyhow::Result<Done> {
    let settings = &world.settings;
    if !settings.mail.is_on() {
        bail!("没有写 mail.host，邮件发不出去；请先填 [mail]");
    }
    let to = if to.is_empty() { settings.administrator.email.clone() } else { to };
    if to.is_empty() {
        bail!("没有收件地址：请填 [administrator] email，或用 --to 指明");
    }
    let number = world.now.with_timezone(&chrono_tz::Asia::Shanghai).format("%Y%m%d-%H%M%S").to_string();
    let facts = TestFacts {
        frame: frame(world),
        number: number.clone(),
        server: format!("{}:{}", settings.mail.host, settings.mail.port),
        sender: settings.mail.from.clone(),
        password: TRIAL_PASSWORD.to_owned(),
    };
    let letter = letter_templates(settings)?.write("test", &facts)?;
    let zip = pack(&[("试发附件.txt", "附件打开了。\n".as_bytes())], TRIAL_PASSWORD, world.now)?;
    let letter = NewLetter {
        key: format!("test:{number}"),
        recipient: "administrator".to_owned(),
        to,
        cc: Vec::new(),
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
        attachments: vec![PacketFile { name: "test.zip".to_owned(), bytes: zip }],
        thread: Vec::new(),
    };
    world.store.queue_letter(&letter, world.now).await?;
    hint!("试发邮件已登记，正在投递");
    let (done, said) = super::once::deliver(world).await?;
    if world.json {
        output::json(&said)?;
    }
    Ok(done)
}

/// What every letter needs.
pub(crate) fn frame(world: &World) -> Frame {
    let today = world.today();
    let day = |day: chrono::NaiveDate| {
        use chrono::Datelike;
        format!("{}年{}月{}日", day.year(), day.month(), day.day())
    };
    Frame {
        programme: world.settings.programme.name.clone(),
        office: lead_prison(&world.settings),
        dated_on: day(today),
    }
}

fn in_json(line: &DeliveryLine, now: DateTime<Utc>) -> Value {
    let delivery = &line.delivery;
    json!({
        "id": delivery.id, "key": delivery.key, "recipient": delivery.recipient, "batch": delivery.batch,
        "mail": delivery.letter, "state": line.state, "attempts": delivery.attempts, "failures": delivery.failures,
        "resend": delivery.resend, "queued_at": time(delivery.created_at), "due_at": time(line.due_at),
        "due": line.state == "due" && line.due_at <= now, "failing_since": line.failing_since.map(time),
        "alarm": match line.alarm { Alarm::None => "none", Alarm::Hours => "hours", Alarm::Days => "days" },
        "done_at": line.done_at.map(time), "says": line.answer,
    })
}

/// An instant in Asia/Shanghai.
fn time(at: DateTime<Utc>) -> String {
    at.with_timezone(&chrono_tz::Asia::Shanghai).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

fn next(line: &DeliveryLine) -> String {
    match line.state.as_str() {
        "due" => format!("，下次不早于 {}", time(line.due_at)),
        "done" => line.done_at.map(|at| format!("，完成于 {}", time(at))).unwrap_or_default(),
        _ => String::new(),
    }
}

fn copies(cc: &[String]) -> String {
    if cc.is_empty() { String::new() } else { format!("；抄送：{}", cc.join("、")) }
}

fn stuck(line: &DeliveryLine) -> &'static str {
    match line.alarm {
        Alarm::None => "",
        Alarm::Hours => "（已超过 4 小时）",
        Alarm::Days => "（已超过 5 天）",
    }
}

fn act(act: &str) -> &str {
    match act {
        "retry" => "重新投递",
        "refused" => "部分地址被拒收",
        "bounced" => "被退回",
        "delayed" => "对方暂时没有收下",
        "hold" => "暂停",
        "release" => "放行",
        other => other,
    }
}

/// The state of a delivery in words.
pub(super) fn state(state: &str) -> &str {
    match state {
        "due" => "待投递",
        "sending" => "投递中",
        "done" => "已投递",
        "aside" => "需人工处理",
        "withdrawn" => "已撤回",
        "held" => "已暂停",
        other => other,
    }
}
