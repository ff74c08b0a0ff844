//! How everything stands, as one set of facts: the daily digest and the status page are drawn from it.
//!
//! No personal data: prisons, figures, dates and numbers of batches only. Texts are ready to print; charts get whole
//! tenths of a percent.

use chrono::{DateTime, NaiveDate};
use serde::Serialize;

use super::{AlarmLine, Frame, date_in_words};
use crate::subsidy::goal::{Attainment, GOAL_PERCENT, Goal};
use crate::subsidy::plan::{Annex, Plan};

/// What the digest tells of one act of the audit log, in this order; other acts are not told.
const DEEDS: [(&str, &str); 20] = [
    ("mail.kept", "收到邮件"),
    ("original.read", "读入文件"),
    ("plan.filed", "收到计划"),
    ("roster.approved", "核准名册"),
    ("plan.compiled", "汇总全市计划"),
    ("batch.sealed", "封存批次"),
    ("batch.voided", "作废批次"),
    ("line.reversal-requested", "登记更正"),
    ("notice.given", "催报"),
    ("letter.withdrawn", "撤回催报"),
    ("delivery.accepted", "材料放入发件文件夹"),
    ("letter.accepted", "邮件已交服务器"),
    ("delivery.set-aside", "投递被拒"),
    ("delivery.bounced", "退信"),
    ("alarm.begun", "出现异常"),
    ("alarm.ended", "异常恢复"),
    ("original.withdrawn", "撤回文件"),
    ("original.decided", "处理退回的内容"),
    ("waiver.added", "登记豁免"),
    ("waiver.ended", "终止豁免"),
];

/// How everything stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// What every letter needs.
    pub frame: Frame,
    /// Number of the digest.
    pub number: String,
    /// When it was written, on the clock of Asia/Shanghai.
    pub written_at: String,
    /// Since when what was done is told.
    pub since: String,
    /// How many things somebody must look at.
    pub open: usize,
    /// What is wrong now.
    pub alarms: Vec<AlarmLine>,
    /// What is overdue.
    pub late: Vec<DueLine>,
    /// Deliveries that do not get through.
    pub stuck: Vec<String>,
    /// What waits for a person.
    pub aside: Vec<String>,
    /// What is due within 30 days.
    pub due: Vec<DueLine>,
    /// What was done.
    pub done: Vec<(String, u64)>,
    /// Runs that were late, failed or skipped.
    pub runs: Vec<String>,
    /// The plans.
    pub plans: PlanChart,
    /// The batches, newest first.
    pub batches: Vec<BatchBar>,
    /// Certificates of the year against the goal.
    pub goal: GoalChart,
    /// Entries of the audit log, and its head.
    pub audit: (i64, String),
    /// Years that are reckoned without an official holiday table.
    pub provisional: Vec<i32>,
    /// Name and version of this program.
    pub program: String,
}

/// Something that is or was due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueLine {
    /// `2026年11月30日（星期一）`.
    pub on: String,
    /// `还有 4 天`, `已逾期 3 天`.
    pub left: String,
    /// What.
    pub what: String,
    /// Whom it concerns, or who still owes it.
    pub who: String,
    /// The day may still move.
    pub provisional: bool,
}

impl DueLine {
    /// What is due on a day, seen from another.
    pub fn new(on: NaiveDate, today: NaiveDate, what: String, who: String) -> DueLine {
        let left = match (on - today).num_days() {
            0 => "今天".to_owned(),
            days if days > 0 => format!("还有 {days} 天"),
            days => format!("已逾期 {} 天", -days),
        };
        DueLine { on: date_in_words(on), left, what, who, provisional: false }
    }
}

/// Who filed which annex of a year's plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanChart {
    /// The year that is planned.
    pub year: i32,
    /// Numbers of the compiled plans.
    pub compiled: String,
    /// The prisons, in the order of the config.
    pub prisons: Vec<PlanBar>,
}

/// One prison's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanBar {
    /// Its name.
    pub prison: String,
    /// Per annex `filed`, `faulty` or `missing`, and the same in words.
    pub annexes: Vec<(&'static str, &'static str, &'static str)>,
    /// How many annexes are filed.
    pub filed: usize,
    /// What is to be said beside it.
    pub note: String,
}

impl PlanBar {
    /// What a prison filed; `note` says when, and whether it is approved.
    pub fn new(prison: &str, plan: Option<&Plan>, note: String) -> PlanBar {
        let annexes: Vec<_> = Annex::ALL
            .into_iter()
            .map(|annex| {
                let state = plan.map(|plan| plan.state(annex)).unwrap_or_default();
                match state {
                    state if state.is_filed() => (annex.label(), "filed", "已报"),
                    state if state.rows + state.unread + state.errors > 0 => (annex.label(), "faulty", "待改正"),
                    _ => (annex.label(), "missing", "未报"),
                }
            })
            .collect();
        let filed = annexes.iter().filter(|annex| annex.1 == "filed").count();
        PlanBar { prison: prison.to_owned(), annexes, filed, note }
    }
}

/// One batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchBar {
    /// Its number.
    pub number: String,
    /// `2026年第四季度`.
    pub period: String,
    /// `sealed`, `sending`, `done`, `aside` or `void`.
    pub state: &'static str,
    /// The same in words.
    pub says: &'static str,
    /// Persons.
    pub persons: u32,
    /// Lines.
    pub lines: u32,
    /// Sum in yuan.
    pub sum: String,
    /// Its sum against the largest, in tenths of a percent.
    pub permille: i64,
}

/// Certificates among those released this year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GoalChart {
    /// The year.
    pub year: i32,
    /// Whether a survey stands behind the figures, so that they may be held against the goal.
    pub surveyed: bool,
    /// The goal in percent.
    pub goal: u32,
    /// Per prison, and all of them last.
    pub bars: Vec<GoalBar>,
    /// Those who leave within six months without a certificate.
    pub leaving: usize,
}

/// Certificates of one prison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GoalBar {
    /// Its name.
    pub name: String,
    /// Released.
    pub released: u32,
    /// With a certificate.
    pub certified: u32,
    /// `91.7%`, or `—` where nobody was released.
    pub rate: String,
    /// The same in tenths of a percent.
    pub permille: u32,
    /// `reached`, `below`, or empty where it is not held against the goal.
    pub state: &'static str,
}

impl GoalChart {
    /// Invented figures.
    fn sample() -> GoalChart {
        let attained = |released, certified| Attainment { released, certified };
        let goal = Goal {
            prisons: [("常州监狱".into(), attained(60, 56)), ("溧阳监狱".into(), attained(40, 31))].into(),
            total: attained(100, 87),
            surveyed: true,
            leaving: Vec::new(),
        };
        GoalChart::new(2026, &goal)
    }

    /// From the figures of a year.
    pub fn new(year: i32, goal: &Goal) -> GoalChart {
        let bar = |name: &str, attained: Attainment| {
            let permille = attained.permille();
            GoalBar {
                name: name.to_owned(),
                released: attained.released,
                certified: attained.certified,
                rate: permille.map_or_else(|| "—".to_owned(), |p| format!("{}.{}%", p / 10, p % 10)),
                permille: permille.unwrap_or_default(),
                state: match attained.reached().filter(|_| goal.surveyed) {
                    Some(true) => "reached",
                    Some(false) => "below",
                    None => "",
                },
            }
        };
        let mut bars: Vec<GoalBar> = goal.prisons.iter().map(|(prison, attained)| bar(prison, *attained)).collect();
        bars.push(bar("合计", goal.total));
        GoalChart { year, surveyed: goal.surveyed, goal: GOAL_PERCENT, bars, leaving: goal.leaving.len() }
    }
}

/// What was done, from how often each act stands in the audit log.
pub fn deeds(acts: &std::collections::BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let told = |(act, words): &(&str, &str)| acts.get(*act).map(|n| ((*words).to_owned(), *n));
    DEEDS.iter().filter_map(told).collect()
}

impl Overview {
    /// Invented facts.
    pub(super) fn sample() -> Overview {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap_or_default();
        let at = DateTime::from_timestamp(1_795_600_000, 0).unwrap_or_default();
        let state = |state| match state {
            "filed" => "已报",
            "faulty" => "待改正",
            _ => "未报",
        };
        let bar = |prison: &str, states: [&'static str; 4], note: &str| PlanBar {
            prison: prison.to_owned(),
            annexes: Annex::ALL.iter().zip(states).map(|(annex, is)| (annex.label(), is, state(is))).collect(),
            filed: states.iter().filter(|state| **state == "filed").count(),
            note: note.to_owned(),
        };
        let batch = |number: &str, period: &str, (state, says), permille: i64| BatchBar {
            number: number.to_owned(),
            period: period.to_owned(),
            state,
            says,
            persons: 164,
            lines: 298,
            sum: "184500.00".to_owned(),
            permille,
        };
        Overview {
            frame: Frame::sample(),
            number: "2026-12-02".to_owned(),
            written_at: "2026-12-02 08:00".to_owned(),
            since: "2026-12-01 08:00".to_owned(),
            open: 4,
            alarms: vec![AlarmLine::new("smtp", "连接不上邮件服务器 smtp.example.cn:587（拒绝连接）", at)],
            late: vec![DueLine::new(
                day(11, 30),
                day(12, 2),
                "2027年度培训计划（附件1至4）".to_owned(),
                "溧阳监狱、新康监狱".to_owned(),
            )],
            stuck: vec!["#12 催报交溧阳监狱：已超过 4 小时，连接不上".to_owned()],
            aside: vec!["退回内容的文件 1 个、3 行 → shenling set-aside list".to_owned()],
            due: vec![DueLine {
                provisional: true,
                ..DueLine::new(day(12, 25), day(12, 2), "2027年节假日表".to_owned(), "管理员".to_owned())
            }],
            done: vec![("读入文件".to_owned(), 3), ("催报".to_owned(), 2)],
            runs: vec!["收集：补做 1 次（错过 2026-12-01 09:00，已补做）".to_owned()],
            plans: PlanChart {
                year: 2027,
                compiled: String::new(),
                prisons: vec![
                    bar("常州监狱", ["filed", "filed", "filed", "filed"], "11-20 报，已核准"),
                    bar("溧阳监狱", ["filed", "faulty", "missing", "missing"], "11-28 报"),
                    bar("新康监狱", ["missing", "missing", "missing", "missing"], ""),
                ],
            },
            batches: vec![
                batch("CZ-2026-Q3-001", "2026年第三季度", ("done", "已投递"), 1000),
                batch("CZ-2026-Q2-001", "2026年第二季度", ("void", "已作废"), 640),
            ],
            goal: GoalChart::sample(),
            audit: (1234, "0123456789abcdef".repeat(4)),
            provisional: vec![2027],
            program: "shenling 0.1.0".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LetterTemplates;
    use super::*;

    #[test]
    fn the_digest_fits_a_screen_and_says_what_its_absence_means() {
        let letter = LetterTemplates::embedded().unwrap().write("digest", &Overview::sample()).unwrap();
        assert_eq!(letter.subject, "【每日摘要】2026-12-02：4 项需要处理");
        for told in [
            "没有收到",
            "2027年度培训计划（附件1至4）",
            "溧阳监狱、新康监狱",
            "已逾期 2 天",
            "1234",
            "0123456789abcdef",
            "2027",
            "暂定",
            "shenling set-aside list",
            "87.0%",
        ] {
            assert!(letter.text.contains(told), "{told}\n{}", letter.text);
            assert!(letter.html.contains(told), "{told}\n{}", letter.html);
        }
        assert!(letter.text.lines().count() <= 50, "one screen: {}", letter.text.lines().count());
        assert!(!letter.text.contains("\n\n\n"), "{}", letter.text);
    }

    #[test]
    fn a_quiet_day_is_short() {
        let quiet = Overview {
            open: 0,
            alarms: Vec::new(),
            late: Vec::new(),
            stuck: Vec::new(),
            aside: Vec::new(),
            due: Vec::new(),
            done: Vec::new(),
            runs: Vec::new(),
            batches: Vec::new(),
            provisional: Vec::new(),
            ..Overview::sample()
        };
        let letter = LetterTemplates::embedded().unwrap().write("digest", &quiet).unwrap();
        assert_eq!(letter.subject, "【每日摘要】2026-12-02：一切正常");
        assert!(letter.text.lines().count() < 30 && !letter.text.contains("\n\n\n"), "{}", letter.text);
        assert!(!letter.text.contains("暂定"), "{}", letter.text);
    }

    #[test]
    fn the_page_stands_alone_and_draws_its_charts() {
        let page = LetterTemplates::embedded().unwrap().page(&Overview::sample()).unwrap();
        for outside in ["http://", "https://", "<script", "<img", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        for drawn in
            ["<svg", "@media print", "viewport", "77.5%", "93.3%", "90%", "待改正", "已作废", "0123456789abcdef"]
        {
            assert!(page.contains(drawn), "{drawn}");
        }
        let odd = Overview { program: "<b>x</b>".to_owned(), ..Overview::sample() };
        assert!(!LetterTemplates::embedded().unwrap().page(&odd).unwrap().contains("<b>x</b>"));
    }
}
