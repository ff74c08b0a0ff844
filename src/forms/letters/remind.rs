//! What a reminder says: what is missing, by when, why it comes, when the next one comes, what to do.

use chrono::{Datelike, NaiveDate};
use minijinja::{Value, context};

use crate::subsidy::duty::{Action, Due, Duty, Escalation, Item, Kind, Ladder, Occurrence, Owing, Planned, Step};

/// Days that a merged letter names one by one; of more it names the first and the last.
const MAX_DAYS_NAMED: usize = 6;

/// A reminder to be put into words.
#[derive(Clone, Debug)]
pub struct Reminder {
    /// To whom, and about what.
    pub action: Action,
    /// Today.
    pub today: NaiveDate,
    /// Name of the programme.
    pub programme: String,
    /// Office hours in words.
    pub office: String,
    /// Number of the letter, without personal data.
    pub number: String,
    /// Names of those who get a copy.
    pub copies: Vec<String>,
    /// Names of the attachments.
    pub attachments: Vec<String>,
}

impl Reminder {
    pub(super) fn context(&self) -> Value {
        let items: Vec<Value> = self.action.items.iter().map(|item| about(item, self.today)).collect();
        let mut todo: Vec<String> = Vec::new();
        for item in &self.action.items {
            let what = to_do(item.duty.kind, !self.attachments.is_empty()).to_owned();
            if !todo.contains(&what) {
                todo.push(what);
            }
        }
        todo.push(
            "如果已经报送，请看收到的回执：其中列出了哪些行被退回、要改什么；没有回执的请与牵头监狱联系".to_owned(),
        );
        context! {
            prison => self.action.prison.clone(),
            today => date(self.today),
            programme => self.programme.clone(),
            office => self.office.clone(),
            number => self.number.clone(),
            copies => self.copies.clone(),
            attachments => self.attachments.clone(),
            why => why(&self.action.items),
            items => items,
            todo => todo,
        }
    }
}

fn about(item: &Item, today: NaiveDate) -> Value {
    let Item { duty, owing, steps, late, next, .. } = item;
    let occurrence = &owing.occurrence;
    let mut years: Vec<i32> = occurrence.provisional.iter().copied().collect();
    years.extend(next.iter().chain(steps).flat_map(|planned| planned.provisional.iter().copied()));
    years.sort_unstable();
    years.dedup();
    let years: Vec<String> = years.iter().map(|year| format!("{year}年")).collect();
    context! {
        what => format!("{}{}", occurrence.words, duty.name),
        due_on => date(occurrence.due_on),
        target_on => date(occurrence.target_on),
        moved => occurrence.due_on != occurrence.target_on,
        left => left(occurrence.due_on, item.step(), today),
        overdue => today > occurrence.due_on,
        missing => owing.missing.clone(),
        next_on => next.as_ref().map_or(Value::from(()), |planned| Value::from(date(planned.on))),
        late => *late,
        missed => missed(steps, today),
        provisional => years.join("、"),
    }
}

/// How long there is still, or was.
fn left(due_on: NaiveDate, step: Step, today: NaiveDate) -> String {
    let days = (due_on - today).num_days();
    match days {
        0 => "今天截止".to_owned(),
        1.. => format!("还有 {days} 天"),
        _ if step.is_overdue() => format!("已逾期 {} 天（{}）", -days, step.in_words()),
        _ => format!("已逾期 {} 天", -days),
    }
}

/// The days on which a letter should have left and did not.
fn missed(steps: &[Planned], today: NaiveDate) -> Vec<String> {
    let mut days: Vec<NaiveDate> = steps.iter().map(|planned| planned.on).filter(|on| *on < today).collect();
    days.dedup();
    if days.len() > MAX_DAYS_NAMED {
        let (first, last) = (days[0], days[days.len() - 1]);
        return vec![format!("{} 至 {}（{} 封）", date(first), date(last), days.len())];
    }
    days.into_iter().map(date).collect()
}

fn to_do(kind: Kind, attached: bool) -> &'static str {
    match (kind, attached) {
        (Kind::Plan, true) => {
            "打开附件的计划表，在预填的基础上核对、补全附件1至4，保存后用回复邮件发回，或放入收件文件夹；四个附件可分几次报"
        }
        (Kind::Plan, false) => "填好年度计划表（附件1至4），用回复邮件发回，或放入收件文件夹；四个附件可分几次报",
        (Kind::Results, _) => "填好考核结果表，用回复邮件发回，或放入收件文件夹；尚无证书的行可先报，取得后再报一次",
        (Kind::Claim, _) => "报齐本季度的考核结果表，用回复邮件发回，或放入收件文件夹；本季度没有的，请回复说明“无”",
    }
}

fn why(items: &[Item]) -> String {
    let mut whys: Vec<String> = Vec::new();
    for item in items {
        let step = item.step().in_words();
        let why = match item.duty.kind {
            Kind::Plan => format!("通知（常司发〔2022〕42号）五（一）规定每年11月底前报下一年计划；今天是{step}的催报"),
            Kind::Results | Kind::Claim => format!("主办单位设定的报送期限；今天是{step}的催报"),
        };
        if !whys.contains(&why) {
            whys.push(why);
        }
    }
    whys.join("；")
}

/// `2026年11月30日（星期一）`.
fn date(day: NaiveDate) -> String {
    let weekday = ["一", "二", "三", "四", "五", "六", "日"][day.weekday().num_days_from_monday() as usize];
    format!("{}年{}月{}日（星期{weekday}）", day.year(), day.month(), day.day())
}

/// Dates that moved, to be told to whom they concern.
#[derive(Clone, Debug)]
pub struct Replan {
    /// To whom.
    pub recipient: String,
    /// What moved them.
    pub cause: String,
    /// What moved, from when to when; none = no such day.
    pub moved: Vec<Moved>,
    /// What else to say.
    pub note: String,
    /// Name of the programme.
    pub programme: String,
    /// Number of the letter.
    pub number: String,
}

/// One date that moved.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Of what.
    pub what: String,
    /// The day before.
    pub before: Option<NaiveDate>,
    /// The day after.
    pub after: Option<NaiveDate>,
}

impl Replan {
    pub(super) fn context(&self) -> Value {
        let day = |day: Option<NaiveDate>| day.map_or_else(|| "无".to_owned(), date);
        let changes = self.moved.iter().map(|moved| {
            context! { what => moved.what.clone(), before => day(moved.before), after => day(moved.after) }
        });
        context! {
            recipient => self.recipient.clone(),
            cause => self.cause.clone(),
            changes => changes.collect::<Vec<Value>>(),
            note => self.note.clone(),
            programme => self.programme.clone(),
            number => self.number.clone(),
        }
    }
}

/// Reminders that take every branch of a template.
pub(super) fn samples() -> Vec<Reminder> {
    let day = |month, day| NaiveDate::from_ymd_opt(2025, month, day).unwrap_or_default();
    let duty = Duty {
        id: "plan".to_owned(),
        name: "培训计划".to_owned(),
        kind: Kind::Plan,
        due: Due::Yearly { month: 11, day: 30 },
        ladder: Ladder::default(),
        escalation: Escalation { lead_from: None, agency_from: None, agency: String::new() },
        chase_days: 1,
    };
    let planned = |step, on| Planned { step, on, provisional: [2025].into() };
    let item = |step, on, late, next| Item {
        duty: duty.clone(),
        owing: Owing {
            occurrence: Occurrence {
                duty: "plan".to_owned(),
                term: "2026".to_owned(),
                words: "2026年度".to_owned(),
                prison: None,
                begins_on: None,
                due_on: day(11, 30),
                target_on: day(11, 28),
                provisional: [2025].into(),
            },
            prison: "某监狱".to_owned(),
            missing: vec!["附件3".to_owned()],
        },
        steps: vec![planned(step, on)],
        late,
        next,
    };
    let early = item(Step::before(7), day(11, 21), false, Some(planned(Step::DAY, day(11, 28))));
    let overdue = item(Step::overdue(1), day(12, 1), true, None);
    let action = |items| Action {
        prison: "某监狱".to_owned(),
        items,
        copy_lead: false,
        copy_agencies: std::collections::BTreeSet::new(),
    };
    let reminder = |items, today, names: Vec<String>| Reminder {
        action: action(items),
        today,
        programme: "项目".to_owned(),
        office: "09:00—17:00".to_owned(),
        number: "plan/2026/D-7".to_owned(),
        copies: names.clone(),
        attachments: names,
    };
    let several = reminder(vec![early.clone(), overdue], day(12, 2), vec!["甲".to_owned()]);
    vec![several, reminder(vec![early], day(11, 21), Vec::new())]
}

/// A change of dates that takes every branch of a template.
pub(super) fn replan_sample() -> Replan {
    let day = NaiveDate::from_ymd_opt(2026, 12, 1);
    Replan {
        recipient: "某监狱".to_owned(),
        cause: "节假日表更新".to_owned(),
        moved: vec![Moved { what: "催报".to_owned(), before: day, after: None }],
        note: String::new(),
        programme: "项目".to_owned(),
        number: "1".to_owned(),
    }
}
