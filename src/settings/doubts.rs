//! What `check` says beyond mistakes: stand-ins, choices that the owner should confirm, things that will be missed.

use chrono::{Datelike, NaiveDate};

use super::mailbox::units;
use super::mistake::{Mistake, Severity};
use super::{FirstPayee, Settings};
use crate::subsidy::calendar::add_months;
use crate::subsidy::catalogue::{Catalogue, Institution};
use crate::subsidy::duty::agenda::TABLE_AWAITED;
use crate::subsidy::holidays::Calendar;
use crate::subsidy::policy::{Policy, RepeatWindow};

/// How long before its end a policy or agreement is spoken of.
const ENDING_SOON_MONTHS: u32 = 2;

/// All doubts, in the order of the functions below.
pub fn all(settings: &Settings, catalogue: &Catalogue, calendar: &Calendar, today: NaiveDate) -> Vec<Mistake> {
    let mut doubts = choices(settings, catalogue, today);
    doubts.extend(gaps(settings, catalogue, today));
    doubts.extend(holidays(calendar, today));
    doubts.extend(stand_ins());
    doubts
}

/// Forms whose official columns are not known (FORMS): data, to be replaced when the official form arrives.
pub fn stand_ins() -> Vec<Mistake> {
    const FORMS: [(&str, &str); 5] = [
        ("附件2", "年度计划表"),
        ("附件3", "培训人员信息表"),
        ("附件8", "培训补贴申领明细"),
        ("附件10", "鉴定补贴申领明细"),
        ("考核结果表", "来件"),
    ];
    FORMS
        .iter()
        .map(|(form, what)| {
            let message = format!("{form}（{what}）的栏目是代拟的，通知没有附表样");
            let advice = "请向主办单位索取正式表样；得到后改 forms_dir 中的栏目文件，不用改程序";
            Mistake::of(Severity::Confirm, "forms", message, advice)
        })
        .collect()
}

/// Choices that the notice leaves open and that decide who is paid.
pub fn choices(settings: &Settings, catalogue: &Catalogue, today: NaiveDate) -> Vec<Mistake> {
    let file = settings.shown(&settings.file);
    let confirm = |message: String, advice: &str| Mistake::of(Severity::Confirm, &*file, message, advice);
    let payee = match settings.payee.first {
        FirstPayee::Prison => "payee.first = \"prison\"：财政资金先拨到监狱专户，再由监狱付给机构（通知原文）",
        FirstPayee::Institution => "payee.first = \"institution\"：财政资金直接付给机构，与通知“拨付至监狱专户”不同",
    };
    let mut doubts = vec![confirm(payee.to_owned(), "请主办单位和财政部门书面确认")];
    doubts.push(if settings.mail.rosters_by_email {
        let message = "mail.rosters_by_email = true：含个人信息的名单将可用电子邮件发送".to_owned();
        confirm(message, "名单表明被列者是服刑人员；须经主办单位和保密部门书面同意，否则改为 false")
    } else {
        let message = "mail.rosters_by_email = false：含个人信息的名单只走文件夹，不发邮件".to_owned();
        confirm(message, "请主办单位确认；如可发邮件须书面同意")
    });
    if let Some(policy) = catalogue.policy_on(today) {
        doubts.push(repeat_window(settings, policy));
    }
    doubts
}

fn repeat_window(settings: &Settings, policy: &Policy) -> Mistake {
    let meaning = match policy.repeat_window {
        RepeatWindow::CalendarYear => "同一自然年内不重复",
        RepeatWindow::Rolling12Months => "前后不满 12 个月不重复",
        RepeatWindow::Ever => "终身不重复",
    };
    let choice = policy.repeat_window.as_str();
    let file = format!("{}/policies.toml", settings.shown(&settings.paths.catalogue));
    let message =
        format!("政策“{}”的 repeat_window = \"{choice}\"（{meaning}）；通知只写“一年内不可重复享受”", policy.id);
    Mistake::of(Severity::Confirm, file, message, "请主办单位确认是哪一种")
}

/// What the catalogue lacks or will lack.
pub fn gaps(settings: &Settings, catalogue: &Catalogue, today: NaiveDate) -> Vec<Mistake> {
    let folder = settings.shown(&settings.paths.catalogue);
    let warn = |name: &str, message: String, advice: &str| {
        Mistake::of(Severity::Warning, format!("{folder}/{name}"), message, advice)
    };
    let soon = add_months(today, ENDING_SOON_MONTHS);
    let mut doubts = Vec::new();
    match catalogue.policy_on(today) {
        None => doubts.push(warn(
            "policies.toml",
            format!("{today} 没有有效的政策，任何补贴都不能核定"),
            "请加一节 [[policy]] 或改正有效期",
        )),
        Some(policy) => {
            let next = policy.valid.to.and_then(|to| to.succ_opt()).filter(|next| *next <= soon);
            if let Some(next) = next.filter(|next| catalogue.policy_on(*next).is_none()) {
                let message = format!("政策“{}”即将到期，{next} 起没有政策", policy.id);
                doubts.push(warn("policies.toml", message, "请加一节新的 [[policy]]"));
            }
        }
    }
    doubts
        .extend(rate_gaps(catalogue, today, soon).into_iter().map(|(message, advice)| warn("rates", message, advice)));
    if catalogue.institutions.is_empty() {
        let message = "还没有任何机构".to_owned();
        doubts.push(warn("institutions", message, "请按表头逐行登记已认定的培训机构和鉴定机构"));
    }
    let mut told = Vec::new();
    for institution in &catalogue.institutions {
        let missing = missing_on_forms(institution);
        if !missing.is_empty() && institution.designated.covers(today) && !told.contains(&&*institution.name) {
            told.push(&*institution.name);
            let message = format!("“{}”缺少附件7、9 要印的：{}", institution.name, missing.join("、"));
            doubts.push(warn("institutions", message, "请补填，否则申领表上这些栏是空的"));
        }
    }
    doubts.extend(missing_in_settings(settings));
    doubts.extend(missing_for_mailbox(settings, catalogue));
    doubts
}

/// What mails in lack: units that cannot send, and a mailbox that answers do not come back to.
fn missing_for_mailbox(settings: &Settings, catalogue: &Catalogue) -> Vec<Mistake> {
    let (mailbox, mut doubts) = (&settings.mailbox, Vec::new());
    if !mailbox.is_on() {
        return doubts;
    }
    let file = settings.shown(&settings.file);
    let institutions = format!("{}/institutions", settings.shown(&settings.paths.catalogue));
    let is_institution = |name: &str| catalogue.institutions.iter().any(|one| &*one.name == name);
    for unit in units(settings, catalogue).iter().filter(|unit| unit.senders.is_empty()) {
        let (file, advice) = if is_institution(&unit.name) {
            (&institutions, "请在其“邮箱”一栏填写；没有填写的单位发来的邮件转“待人工”")
        } else {
            (&file, "请填写其 email 或 senders；没有填写的单位发来的邮件转“待人工”")
        };
        let message = format!("“{}”没有登记发件邮箱，它发来的邮件不会收取", unit.name);
        doubts.push(Mistake::of(Severity::Warning, file.as_str(), message, advice));
    }
    if mailbox.user.contains('@') && !mailbox.user.eq_ignore_ascii_case(&settings.mail.from) {
        let message = format!("mail.from（{}）与 mailbox.user（{}）不是同一个邮箱", settings.mail.from, mailbox.user);
        let advice = "经办人直接回复回执时，邮件到的是 mail.from；请改成同一个，或让前者自动转发到后者";
        doubts.push(Mistake::of(Severity::Warning, file, message, advice));
    }
    doubts
}

fn rate_gaps(catalogue: &Catalogue, today: NaiveDate, soon: NaiveDate) -> Vec<(String, &'static str)> {
    const FILL: &str =
        "请按市人社局发布的补贴目录逐行填写（工种、等级、证书类型、金额、起始日、依据）；没有依据的标准不能付款";
    if catalogue.rates.is_empty() {
        return vec![("还没有任何补贴标准，全部申领都会因“不在目录”不予核定".to_owned(), FILL)];
    }
    if !catalogue.rates.iter().any(|rate| rate.span.covers(today)) {
        return vec![(format!("{today} 没有一条有效的补贴标准"), FILL)];
    }
    let ending = catalogue.rates.iter().filter(|rate| {
        let end = rate.span.to.filter(|to| *to >= today && *to < soon);
        let renewed = |next: NaiveDate| {
            catalogue.rates_of(&rate.occupation, rate.level).any(|other| {
                other.span.covers(next) && other.certificate_types.iter().any(|k| rate.certificate_types.contains(k))
            })
        };
        end.and_then(|to| to.succ_opt()).is_some_and(|next| !renewed(next))
    });
    match ending.count() {
        0 => Vec::new(),
        count => vec![(format!("{count} 条补贴标准将在 {soon} 前到期，没有接续"), "请加上新的标准，或核对截止日")],
    }
}

/// What annexes 7 and 9 print of an institution and this row lacks.
fn missing_on_forms(institution: &Institution) -> Vec<&'static str> {
    let fields = [
        ("组织机构代码", &institution.code),
        ("法定代表人", &institution.legal_representative),
        ("开户银行", &institution.bank),
        ("户名", &institution.account_name),
        ("银行账号", &institution.account),
        ("联系人", &institution.contact),
        ("联系电话", &institution.phone),
    ];
    fields.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect()
}

fn missing_in_settings(settings: &Settings) -> Vec<Mistake> {
    let file = settings.shown(&settings.file);
    let warn = |message: String, advice: &str| Mistake::of(Severity::Warning, &*file, message, advice);
    let mut doubts = Vec::new();
    for prison in settings.prisons.iter().filter(|prison| prison.account.is_none()) {
        let message = format!("“{}”还没有填补贴专户", prison.name);
        doubts.push(warn(message, "请在其 [[prison]] 的 account 中填户名、开户银行、账号"));
    }
    if settings.publicity.contact.trim().is_empty() {
        let advice = "请填受理异议的单位、电话、邮箱，公示表上要印";
        doubts.push(warn("publicity.contact 还没有填".to_owned(), advice));
    }
    doubts.extend(missing_for_mail(settings).into_iter().map(|(message, advice)| warn(message, advice)));
    doubts
}

/// What batches by mail lack.
fn missing_for_mail(settings: &Settings) -> Vec<(String, &'static str)> {
    if !settings.mail.rosters_by_email {
        return Vec::new();
    }
    if !settings.mail.is_on() {
        let message = "mail.rosters_by_email = true，但没有写 mail.host，邮件发不出去".to_owned();
        return vec![(message, "请填 [mail] 的 host、from 等，或把 rosters_by_email 改为 false")];
    }
    let without = |id: &&String| settings.agency(id).is_some_and(|agency| agency.email.is_empty());
    let names: Vec<_> = settings.claim.recipients.iter().filter(without).filter_map(|id| settings.agency(id)).collect();
    let message = |name: &str| (format!("“{name}”没有电子邮箱，申领批次只放入文件夹"), "请在其 [[agency]] 填 email");
    names.into_iter().map(|agency| message(&agency.name)).collect()
}

/// Years whose working days are only guessed.
pub fn holidays(calendar: &Calendar, today: NaiveDate) -> Vec<Mistake> {
    let next = ((today.month(), today.day()) >= TABLE_AWAITED).then_some(today.year() + 1);
    [Some(today.year()), next]
        .into_iter()
        .flatten()
        .filter(|year| calendar.table(*year).is_none())
        .map(|year| {
            let message = format!("没有 {year} 年的节假日表，工作日暂按周末推算");
            let advice = format!(
                "请把国务院办公厅的放假通知照自带的表写成 {year}.toml，运行 shenling calendar import {year}.toml"
            );
            Mistake::of(Severity::Warning, "holidays", message, advice)
        })
        .collect()
}
