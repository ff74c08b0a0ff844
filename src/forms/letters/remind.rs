//! What a reminder says: what is missing, by when, why it comes, when the next one comes, what to do.

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use super::Frame;
use crate::subsidy::duty::{Action, Item, Kind, Planned, Step};

/// Days that a merged letter names one by one; of more it names the first and the last.
const MAX_DAYS_NAMED: usize = 6;

/// A reminder to a prison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReminderFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// The prison.
    pub prison: String,
    /// Number of the letter, without personal data.
    pub number: String,
    /// Whether something is overdue.
    pub overdue: bool,
    /// What is owed, the most urgent first.
    pub items: Vec<OwedFacts>,
    /// What to do, step by step.
    pub todo: Vec<String>,
    /// Why it comes.
    pub why: String,
    /// Office hours in words.
    pub hours: String,
    /// Names of those who get a copy.
    pub copies: Vec<String>,
    /// Names of the attachments.
    pub attachments: Vec<String>,
}

/// One deadline in a reminder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwedFacts {
    /// `2027年度培训计划`.
    pub what: String,
    /// The deadline.
    pub due_on: String,
    /// The last working day on or before it, where that is another day; else empty.
    pub target_on: String,
    /// How long there is still, or was.
    pub left: String,
    /// Whether it is past.
    pub overdue: bool,
    /// What is missing.
    pub missing: Vec<String>,
    /// When the next letter comes; empty = this is the last.
    pub next_on: String,
    /// Days on which a letter should have left and did not.
    pub missed: Vec<String>,
    /// Years of which no holiday table is known, in words; empty = certain.
    pub provisional: String,
}

impl ReminderFacts {
    /// The facts of an action. `copies` and `attachments` are names.
    pub fn new(
        frame: Frame,
        action: &Action,
        (number, hours): (String, String),
        (copies, attachments): (Vec<String>, Vec<String>),
        today: NaiveDate,
    ) -> ReminderFacts {
        let mut todo: Vec<String> = Vec::new();
        for item in &action.items {
            let what = to_do(item.duty.kind, !attachments.is_empty()).to_owned();
            if !todo.contains(&what) {
                todo.push(what);
            }
        }
        todo.push(format!(
            "如果已经报送，请看收到的回执：其中列出了哪些行被退回、要改什么；没有收到回执的，请联系{}。",
            frame.office
        ));
        let items: Vec<OwedFacts> = action.items.iter().map(|item| owed(item, today)).collect();
        ReminderFacts {
            prison: action.prison.clone(),
            number,
            overdue: items.iter().any(|item| item.overdue),
            items,
            todo,
            why: why(&action.items),
            hours,
            copies,
            attachments,
            frame,
        }
    }

    /// Invented facts that take every branch of a template.
    pub(super) fn sample() -> ReminderFacts {
        let texts = |text: &str| vec![text.to_owned()];
        let early = OwedFacts {
            what: "2026年度培训计划（附件1至4）".to_owned(),
            due_on: "2025年11月30日（星期日）".to_owned(),
            target_on: "2025年11月28日（星期五）".to_owned(),
            left: "还有 9 天".to_owned(),
            overdue: false,
            missing: vec![
                "附件3《江苏省特殊人群职业技能培训人员信息表》".to_owned(),
                "附件4《江苏省特殊人群职业技能培训办班申报表》（有错误待改正）".to_owned(),
            ],
            next_on: "2025年11月25日（星期二）".to_owned(),
            missed: Vec::new(),
            provisional: "2025年".to_owned(),
        };
        let late = OwedFacts {
            what: "2025年第三季度申领材料".to_owned(),
            due_on: "2025年10月20日（星期一）".to_owned(),
            target_on: String::new(),
            left: "已逾期 32 天（逾期第20个工作日）".to_owned(),
            overdue: true,
            missing: texts("2025年第三季度的考核结果表"),
            next_on: String::new(),
            missed: texts("2025年11月20日（星期四）"),
            provisional: String::new(),
        };
        ReminderFacts {
            frame: Frame::sample(),
            prison: "溧阳监狱".to_owned(),
            number: "plan/2026/D-7".to_owned(),
            overdue: true,
            items: vec![late, early],
            todo: vec![to_do(Kind::Plan, true).to_owned(), to_do(Kind::Claim, true).to_owned()],
            why: "通知五（一）规定每年11月底前报下一年计划；今天是截止前7天的催报".to_owned(),
            hours: "09:00—17:00".to_owned(),
            copies: vec!["常州监狱".to_owned(), "江苏省监狱管理局".to_owned()],
            attachments: texts("plan-2026.xlsx"),
        }
    }
}

fn owed(item: &Item, today: NaiveDate) -> OwedFacts {
    let Item { duty, owing, steps, next, .. } = item;
    let occurrence = &owing.occurrence;
    let mut years: Vec<i32> = occurrence.provisional.iter().copied().collect();
    years.extend(next.iter().chain(steps).flat_map(|planned| planned.provisional.iter().copied()));
    years.sort_unstable();
    years.dedup();
    let years: Vec<String> = years.iter().map(|year| format!("{year}年")).collect();
    let moved = occurrence.due_on != occurrence.target_on;
    OwedFacts {
        what: format!("{}{}", occurrence.words, duty.name),
        due_on: date_in_words(occurrence.due_on),
        target_on: if moved { date_in_words(occurrence.target_on) } else { String::new() },
        left: left(occurrence.due_on, item.step(), today),
        overdue: today > occurrence.due_on,
        missing: owing.missing.clone(),
        next_on: next.as_ref().map(|planned| date_in_words(planned.on)).unwrap_or_default(),
        missed: missed(steps, today),
        provisional: years.join("、"),
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
        return vec![format!("{} 至 {}（{} 封）", date_in_words(first), date_in_words(last), days.len())];
    }
    days.into_iter().map(date_in_words).collect()
}

fn to_do(kind: Kind, attached: bool) -> &'static str {
    match (kind, attached) {
        (Kind::Plan, true) => {
            "打开附件的计划表，核对、补全附件1至4，保存后放入收件文件夹或交牵头监狱；一时填不全的可先报，补全后整张表再报一次，以最后一次为准。"
        }
        (Kind::Plan, false) => {
            "填好年度计划表（附件1至4），放入收件文件夹或交牵头监狱；一时填不全的可先报，补全后整张表再报一次。"
        }
        (Kind::Results, _) => "填好考核结果表，放入收件文件夹或交牵头监狱；尚无证书的行可先报，取得后再报一次。",
        (Kind::Claim, _) => "报齐本季度的考核结果表，放入收件文件夹或交牵头监狱；本季度没有的，请告知牵头监狱。",
    }
}

fn why(items: &[Item]) -> String {
    let mut whys: Vec<String> = Vec::new();
    for item in items {
        let step = item.step().in_words();
        let why = match item.duty.kind {
            Kind::Plan => format!("通知（常司发〔2022〕42号）五（一）规定每年11月底前报下一年计划；今天是{step}的催报"),
            Kind::Results | Kind::Claim => format!("主办单位设定了报送期限；今天是{step}的催报"),
        };
        if !whys.contains(&why) {
            whys.push(why);
        }
    }
    whys.join("；")
}

/// `2026年11月30日（星期一）`.
pub fn date_in_words(day: NaiveDate) -> String {
    let weekday = ["一", "二", "三", "四", "五", "六", "日"][day.weekday().num_days_from_monday() as usize];
    format!("{}年{}月{}日（星期{weekday}）", day.year(), day.month(), day.day())
}

/// Dates that moved, told to whom they concern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplanFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// To whom.
    pub recipient: String,
    /// Number of the letter.
    pub number: String,
    /// What moved them.
    pub cause: String,
    /// What moved, from when to when.
    pub moved: Vec<Moved>,
    /// What else to say.
    pub note: String,
}

/// One date that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Of what.
    pub what: String,
    /// The day before.
    pub before: String,
    /// The day after.
    pub after: String,
}

impl Moved {
    /// From a day to a day; none = no such day.
    pub fn new(what: impl Into<String>, before: Option<NaiveDate>, after: Option<NaiveDate>) -> Moved {
        let day = |day: Option<NaiveDate>| day.map_or_else(|| "无".to_owned(), date_in_words);
        Moved { what: what.into(), before: day(before), after: day(after) }
    }
}

impl ReplanFacts {
    /// Invented facts.
    pub(super) fn sample() -> ReplanFacts {
        ReplanFacts {
            frame: Frame::sample(),
            recipient: "溧阳监狱".to_owned(),
            number: "plan/2027/2026-12-02".to_owned(),
            cause: "导入2026年节假日表".to_owned(),
            moved: vec![Moved::new("2027年度培训计划的下次催报", NaiveDate::from_ymd_opt(2026, 12, 1), None)],
            note: "报齐后不再催。".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::LetterTemplates;
    use super::*;

    #[test]
    fn a_reminder_says_what_is_missing_why_it_comes_when_the_next_one_comes_and_what_to_do() {
        let facts = ReminderFacts::sample();
        let letter = LetterTemplates::embedded().unwrap().write("remind", &facts).unwrap();
        assert_eq!(
            letter.subject,
            "【逾期催报】溧阳监狱：2025年第三季度申领材料，已逾期 32 天（逾期第20个工作日）（共2项）〔plan/2026/D-7〕"
        );
        for told in [
            "2025年11月30日（星期日）",
            "还有 9 天",
            "最后一个工作日是 2025年11月28日（星期五）",
            "附件4《江苏省特殊人群职业技能培训办班申报表》（有错误待改正）",
            "2025年11月25日（星期二）（报齐后不再催）",
            "没有了，这是最后一次",
            "原定 2025年11月20日（星期四） 的催报当时没有发出",
            "2025年的节假日安排尚未公布",
            "今天是截止前7天的催报",
            "打开附件的计划表",
            "plan-2026.xlsx",
            "常州监狱、江苏省监狱管理局",
            "plan/2026/D-7",
        ] {
            assert!(letter.text.contains(told), "{told}\n{}", letter.text);
            assert!(
                letter.html.contains(&told.replace('/', "&#x2f;")) || letter.html.contains(told),
                "{told}\n{}",
                letter.html
            );
        }
        for outside in ["http://", "https://", "<script", "<img", "src="] {
            assert!(!letter.html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn what_does_not_apply_is_not_said() {
        let mut facts = ReminderFacts::sample();
        facts.items.remove(0);
        facts.items[0] = OwedFacts { target_on: String::new(), provisional: String::new(), ..facts.items[0].clone() };
        (facts.overdue, facts.copies, facts.attachments) = (false, Vec::new(), Vec::new());
        let letter = LetterTemplates::embedded().unwrap().write("remind", &facts).unwrap();
        assert_eq!(letter.subject, "【催报】溧阳监狱：2026年度培训计划（附件1至4），还有 9 天〔plan/2026/D-7〕");
        for untold in ["合并", "抄送", "最后一个工作日", "暂定", "带入", "共1项", "\n\n\n"] {
            assert!(!letter.text.contains(untold), "{untold}\n{}", letter.text);
        }
    }

    #[test]
    fn names_are_escaped_and_edited_templates_proved() {
        let facts = ReminderFacts { prison: "<b>甲</b>&监狱".to_owned(), ..ReminderFacts::sample() };
        let letter = LetterTemplates::embedded().unwrap().write("remind", &facts).unwrap();
        assert!(letter.html.contains("&lt;b&gt;甲") && !letter.html.contains("<b>甲"), "{}", letter.html);
        for (name, text) in [("remind.txt", "甲\n{{ prisn }}"), ("replan.txt", "{{ moved[0].when }}")] {
            let edited = BTreeMap::from([(name.to_owned(), text.to_owned())]);
            let error = LetterTemplates::with_overrides(edited).unwrap().proofs().unwrap_err().to_string();
            assert!(error.starts_with(&format!("邮件模板 {name}")), "{error}");
        }
    }
}
