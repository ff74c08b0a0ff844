//! Ladders, deadlines, decisions; a clock that jumps and a program that is away for months.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;

use super::agenda::{Change, EventKind, Scene, changes};
use super::*;
use crate::subsidy::calendar::civil_date;
use crate::subsidy::holidays::{Calendar, Year};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("{text}:00+08:00")).unwrap().to_utc()
}

/// 2026 as it is: autumn and year's end without a holiday but the National Day week.
fn calendar() -> Calendar {
    let off = day("2026-09-25").iter_days().take(3).chain(day("2026-10-01").iter_days().take(7)).collect();
    let worked = [day("2026-09-20"), day("2026-10-10")].into();
    Calendar::new([Year { year: 2026, citation: "通知".to_owned(), off, worked }])
}

fn plan_duty() -> Duty {
    Duty {
        id: "plan".to_owned(),
        name: "培训计划".to_owned(),
        kind: Kind::Plan,
        due: Due::parse("11-30").unwrap(),
        ladder: Ladder::default(),
        escalation: Escalation {
            lead_from: Some(Step::overdue(1)),
            agency_from: Some(Step::overdue(5)),
            agency: "bureau".to_owned(),
        },
        chase_days: 180,
    }
}

#[test]
fn steps_have_one_name() {
    for text in ["D-60", "D-1", "D", "D+1", "D+20"] {
        assert_eq!(Step::parse(text).unwrap().to_string(), text);
    }
    for bad in ["", "d-1", "D-0", "D+0", "D-01", "D-366", "D+61", "D1", "D-", "D-1x", "-1", "D+", "D−1", "Dé"] {
        assert_eq!(Step::parse(bad), None, "{bad}");
    }
    let words = ["D-60", "D", "D+2"].map(|text| Step::parse(text).unwrap().in_words());
    assert_eq!(words, ["截止前60天", "截止当天", "逾期第2个工作日"]);
    assert_eq!(Step::from_number(-60), Some(Step::before(60)));
    assert_eq!((Step::from_number(-366), Step::from_number(61)), (None, None));
}

#[test]
fn deadlines_are_read_strictly() {
    for text in ["11-30", "02-28", "course-end+20", "quarter-end+10"] {
        assert_eq!(Due::parse(text).unwrap().to_string(), text);
    }
    for bad in
        ["11-31", "2-28", "02-29", "13-01", "course-end", "course-end+0", "course-end+400", "quarter-end+61", "x"]
    {
        assert_eq!(Due::parse(bad), None, "{bad}");
    }
}

#[test]
fn rungs_fall_on_working_days_and_move_forward_to_earlier_ones() {
    let planned = Ladder::default().planned(day("2026-11-30"), &calendar());
    let days: Vec<(String, String)> = planned.iter().take(9).map(|p| (p.step.to_string(), p.on.to_string())).collect();
    let expected = [
        ("D-60", "2026-09-30"), // 1 October is a holiday
        ("D-30", "2026-10-30"), // a Saturday
        ("D-14", "2026-11-16"),
        ("D-7", "2026-11-23"),
        ("D-3", "2026-11-27"),
        ("D-1", "2026-11-27"), // a Sunday: together with D-3
        ("D", "2026-11-30"),
        ("D+1", "2026-12-01"),
        ("D+2", "2026-12-02"),
    ];
    assert_eq!(days, expected.map(|(step, on)| (step.to_owned(), on.to_owned())));
    assert_eq!(planned.len(), 27);
    assert!(planned.iter().take(27).all(|p| p.provisional.is_empty()), "20 working days end on 28 December");
    assert_eq!(planned[26].on, day("2026-12-28"));
}

#[test]
fn deadlines_on_weekends_count_from_the_friday_before() {
    let duty = plan_duty();
    for (year, target) in [(2024, "2024-11-29"), (2025, "2025-11-28"), (2026, "2026-11-30")] {
        let found = duty.occurrences(&calendar(), &[], day(&format!("{year}-01-01")), day(&format!("{year}-12-31")));
        let seen: Vec<_> = found.iter().map(|o| (o.term.clone(), o.target_on)).collect();
        assert_eq!(seen, [((year + 1).to_string(), day(target))]);
        assert_eq!(found[0].provisional.is_empty(), year == 2026);
    }
}

#[test]
fn quarters_and_courses_have_deadlines_of_their_own() {
    let claim = Duty { id: "claim".to_owned(), due: Due::parse("quarter-end+5").unwrap(), ..plan_duty() };
    let found = claim.occurrences(&calendar(), &[], day("2026-10-01"), day("2026-12-31"));
    let only: Vec<_> = found.iter().map(|o| (o.term.as_str(), o.due_on, o.begins_on)).collect();
    // 8, 9, 10 (worked), 12, 13 October
    assert_eq!(only, [("2026-Q3", day("2026-10-13"), Some(day("2026-10-01")))]);
    let first = found[0].planned(&claim.ladder, &calendar());
    let days: Vec<String> = first.iter().take(3).map(|p| format!("{} {}", p.step, p.on)).collect();
    assert_eq!(days, ["D-3 2026-10-10", "D-1 2026-10-12", "D 2026-10-13"], "nothing before the quarter's end");
    let results = Duty { id: "results".to_owned(), due: Due::parse("course-end+20").unwrap(), ..plan_duty() };
    let course = CourseEnd {
        prison: "溧阳监狱".to_owned(),
        key: "2026/welder/5/1".to_owned(),
        words: "焊工 五级 第1期".to_owned(),
        ended_on: day("2026-11-01"),
    };
    let found = results.live(&calendar(), &[course], day("2026-11-02"));
    assert_eq!((found[0].due_on, found[0].target_on), (day("2026-11-21"), day("2026-11-20")));
    assert_eq!(
        (found[0].prison.as_deref(), found[0].words.as_str()),
        (Some("溧阳监狱"), "焊工 五级 第1期（2026-11-01 结业）")
    );
}

#[test]
fn offices_open_on_working_days_in_shanghai() {
    let (office, calendar) = (Office::default(), calendar());
    let opens = |now: &str| office.next_open(&calendar, at(now));
    assert_eq!(opens("2026-11-27T08:59"), at("2026-11-27T09:00"));
    assert_eq!(opens("2026-11-27T16:59"), at("2026-11-27T16:59"));
    assert_eq!(opens("2026-11-27T17:00"), at("2026-11-30T09:00"));
    assert_eq!(opens("2026-09-30T20:00"), at("2026-10-08T09:00"));
    assert_eq!(opens("2026-10-10T10:00"), at("2026-10-10T10:00"), "a Saturday worked");
    assert!(!office.is_open(&calendar, at("2026-11-28T10:00")));
}

fn owing(term: &str, prison: &str, now: DateTime<Utc>) -> Vec<Owing> {
    let live = plan_duty().live(&calendar(), &[], civil_date(now));
    let live = live.into_iter().filter(|occurrence| occurrence.term == term);
    live.map(|occurrence| Owing { occurrence, prison: prison.to_owned(), missing: vec!["附件3".to_owned()] }).collect()
}

fn told(actions: &[Action]) -> Vec<String> {
    let steps = |item: &Item| item.steps.iter().map(|p| p.step.to_string()).collect::<Vec<_>>().join(",");
    actions.iter().flat_map(|a| a.items.iter().map(move |i| format!("{} {}", a.prison, steps(i)))).collect()
}

fn run(owing: &[Owing], record: &Record, now: DateTime<Utc>) -> (Vec<Action>, Option<DateTime<Utc>>) {
    actions(&[plan_duty()], owing, record, &Office::default(), &calendar(), now)
}

#[test]
fn an_outage_across_the_deadline_ends_in_one_merged_late_letter() {
    let now = at("2026-12-04T09:00");
    let key = ("plan".to_owned(), "2027".to_owned(), "溧阳监狱".to_owned());
    let record = Record::from([(key, BTreeSet::from([Step::before(60), Step::before(30)]))]);
    let (letters, waits) = run(&owing("2027", "溧阳监狱", now), &record, now);
    assert_eq!(told(&letters), ["溧阳监狱 D-14,D-7,D-3,D-1,D,D+1,D+2,D+3,D+4"]);
    let item = &letters[0].items[0];
    assert!(item.late && letters[0].copy_lead && letters[0].copy_agencies.is_empty() && waits.is_none());
    assert_eq!(item.next.as_ref().unwrap().on, day("2026-12-07"));
    let (letters, waits) = run(&owing("2027", "溧阳监狱", now), &record, at("2026-12-05T09:00"));
    assert_eq!((letters.len(), waits), (0, Some(at("2026-12-07T09:00"))), "deferred to Monday, not dropped");
}

#[test]
fn a_step_that_an_edit_slips_in_before_the_last_is_past() {
    let now = at("2026-11-23T10:00");
    let key = ("plan".to_owned(), "2027".to_owned(), "溧阳监狱".to_owned());
    let record = Record::from([(key, BTreeSet::from([Step::before(7)]))]);
    assert_eq!(told(&run(&owing("2027", "溧阳监狱", now), &record, now).0), Vec::<String>::new());
}

#[test]
fn several_duties_of_one_prison_are_one_letter() {
    let now = at("2026-11-30T10:00");
    let survey = Duty { id: "survey".to_owned(), due: Due::parse("11-20").unwrap(), ..plan_duty() };
    let mut owed = owing("2027", "溧阳监狱", now);
    let early = survey.live(&calendar(), &[], day("2026-11-30")).remove(0);
    owed.push(Owing { occurrence: early, prison: "溧阳监狱".to_owned(), missing: vec!["摸排表".to_owned()] });
    let duties = [plan_duty(), survey];
    let (letters, _) = actions(&duties, &owed, &Record::new(), &Office::default(), &calendar(), now);
    assert_eq!(letters.len(), 1);
    let order: Vec<&str> = letters[0].items.iter().map(|item| item.duty.id.as_str()).collect();
    assert_eq!(order, ["survey", "plan"], "the one due first comes first");
    assert_eq!(letters[0].copy_agencies, BTreeSet::from(["bureau".to_owned()]));
}

fn scene() -> Scene {
    Scene {
        duties: vec![plan_duty()],
        office: Office::default(),
        calendar: calendar(),
        courses: Vec::new(),
        prisons: ["常州监狱", "溧阳监狱"].map(str::to_owned).to_vec(),
        lead: "常州监狱".to_owned(),
        agencies: BTreeMap::from([("bureau".to_owned(), "省局".to_owned())]),
        recipients: vec!["bureau".to_owned()],
    }
}

#[test]
fn a_year_is_told_in_order() {
    let agenda = scene().agenda(2026);
    assert!(agenda.is_sorted_by_key(|event| event.on));
    let line = |e: &agenda::Event| format!("{} {} {}", e.on, e.kind.name(), e.what);
    let lines: Vec<String> = agenda.iter().map(line).collect();
    for expected in [
        "2026-09-30 催报 2027年度培训计划 D-60",
        "2026-10-25 等候 2027年节假日表",
        "2026-11-27 催报 2027年度培训计划 D-3、D-1",
        "2026-11-30 截止 2027年度培训计划报送截止",
        "2026-12-01 移交 2027年度培训计划由常州监狱汇总后上报",
        "2026-10-08 移交 2026年第三季度期满，申领批次可以封存上报",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} in\n{}", lines.join("\n"));
    }
    let overdue = agenda.iter().find(|e| e.what.ends_with("D+5")).unwrap();
    assert_eq!((overdue.copies.clone(), overdue.to.len()), (vec!["常州监狱".to_owned(), "省局".to_owned()], 2));
    let keys: BTreeSet<&str> = agenda.iter().map(|event| event.key.as_str()).collect();
    assert_eq!(keys.len(), agenda.len(), "keys are unique");
}

#[test]
fn an_outage_is_rehearsed_by_the_rules_of_the_real_run() {
    let delays = scene().down(2026, day("2026-11-20"), day("2026-12-02"));
    let letter = delays.iter().find(|d| d.events[0].kind == EventKind::Reminder).unwrap();
    assert_eq!(
        letter.events.iter().map(|e| e.on.to_string()).collect::<Vec<_>>(),
        ["2026-11-23", "2026-11-27", "2026-11-30", "2026-12-01", "2026-12-02"]
    );
    assert_eq!(letter.instead, Some(at("2026-12-03T09:00")));
    assert!(letter.what.ends_with("D-7、D-3、D-1、D、D+1、D+2、D+3"), "{}", letter.what);
    let deadline = delays.iter().find(|d| d.events[0].kind == EventKind::Deadline).unwrap();
    assert_eq!(deadline.instead, None);
}

#[test]
fn an_edit_shows_what_moves() {
    let (before, mut edited) = (scene(), scene());
    edited.duties[0].ladder = Ladder::new([Step::before(60), Step::before(10), Step::DAY], 0);
    let found = changes(&before.agenda(2026), &edited.agenda(2026));
    let added: Vec<_> = found.iter().filter(|c| matches!(c, Change::Added(_))).collect();
    assert!(matches!(added[..], [Change::Added(event)] if event.on == day("2026-11-20")));
    assert_eq!(found.iter().filter(|c| matches!(c, Change::Removed(_))).count(), 4 + 20);
    // A table that makes 1 December 2026 no working day moves rungs.
    let mut moved = scene();
    let table = moved.calendar.table(2026).unwrap().clone();
    moved.calendar =
        Calendar::new([Year { off: table.off.iter().copied().chain([day("2026-12-01")]).collect(), ..table }]);
    let found = changes(&before.agenda(2026), &moved.agenda(2026));
    assert!(
        found
            .iter()
            .any(|c| matches!(c, Change::Altered(a, b) if a.on == day("2026-12-01") && b.on == day("2026-12-02")))
    );
}

/// What happens to the program: it looks at its clock, whichever way that moved, or a prison files.
#[derive(Clone, Debug)]
enum Turn {
    Look { minutes: i64 },
    File { prison: usize },
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let look = prop_oneof![
        6 => (1..1_500i64).prop_map(|minutes| Turn::Look { minutes }),
        2 => (1_500..100_000i64).prop_map(|minutes| Turn::Look { minutes }),
        1 => (-60_000..0i64).prop_map(|minutes| Turn::Look { minutes }),
        1 => (0..3usize).prop_map(|prison| Turn::File { prison }),
    ];
    prop::collection::vec(look, 1..120)
}

const PRISONS: [&str; 3] = ["常州监狱", "溧阳监狱", "新康监狱"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_the_clock_does_each_step_is_told_once_and_in_office_hours(start in 0..150i64, turns in turns()) {
        let (calendar, office, duty) = (calendar(), Office::default(), plan_duty());
        let mut now = at("2026-09-01T07:30") + TimeDelta::days(start);
        let mut record = Record::new();
        let mut filed = BTreeSet::new();
        for turn in turns {
            match turn {
                Turn::File { prison } => { filed.insert(PRISONS[prison]); }
                Turn::Look { minutes } => now += TimeDelta::minutes(minutes),
            }
            let live = duty.live(&calendar, &[], civil_date(now));
            let owed: Vec<Owing> = live.iter().flat_map(|occurrence| {
                let owes = PRISONS.into_iter().filter(|prison| occurrence.term != "2027" || !filed.contains(prison));
                owes.map(|prison| Owing { occurrence: occurrence.clone(), prison: prison.to_owned(), missing: Vec::new() })
            }).collect();
            let (letters, waits) = actions(std::slice::from_ref(&duty), &owed, &record, &office, &calendar, now);
            prop_assert!(letters.is_empty() || office.is_open(&calendar, now), "outside office hours: {now}");
            prop_assert!(waits.is_none_or(|waits| waits > now && office.is_open(&calendar, waits)));
            let prisons: BTreeSet<&str> = letters.iter().map(|letter| letter.prison.as_str()).collect();
            prop_assert_eq!(prisons.len(), letters.len(), "one letter per prison");
            for letter in &letters {
                for item in &letter.items {
                    let term = &item.owing.occurrence.term;
                    prop_assert!(term != "2027" || !filed.contains(letter.prison.as_str()), "who filed is left alone");
                    let key = (duty.id.clone(), term.clone(), letter.prison.clone());
                    for planned in &item.steps {
                        prop_assert!(planned.on <= civil_date(now), "nothing comes early");
                        prop_assert!(record.entry(key.clone()).or_default().insert(planned.step), "told twice");
                    }
                }
            }
            let (again, _) = actions(std::slice::from_ref(&duty), &owed, &record, &office, &calendar, now);
            prop_assert!(again.is_empty(), "a second look finds nothing");
        }
    }

    #[test]
    fn an_outage_of_months_is_made_up_for_by_one_letter_each(
        down in 0..75u64, length in 1..90u64, minute in 0..1_440i64, filed in prop::collection::btree_set(0..3usize, 0..3)
    ) {
        let (calendar, office, duty) = (calendar(), Office::default(), plan_duty());
        let down = day("2026-09-20") + Days::new(down);
        let mut back = office.opening_on(down) + TimeDelta::days(length.cast_signed()) + TimeDelta::minutes(minute);
        let occurrence = duty.live(&calendar, &[], day("2026-11-01")).into_iter().find(|o| o.term == "2027").unwrap();
        let planned = occurrence.planned(&duty.ladder, &calendar);
        let before: BTreeSet<Step> = planned.iter().filter(|p| p.on < down).map(|p| p.step).collect();
        let key = |prison: &str| ("plan".to_owned(), "2027".to_owned(), prison.to_owned());
        let mut record: Record = PRISONS.iter().map(|prison| (key(prison), before.clone())).collect();
        let owed: Vec<Owing> = (0..3).filter(|i| !filed.contains(i)).map(|i| Owing {
            occurrence: occurrence.clone(), prison: PRISONS[i].to_owned(), missing: Vec::new(),
        }).collect();
        let mut letters = Vec::new();
        back = office.next_open(&calendar, back);
        for _ in 0..3 {
            for letter in actions(std::slice::from_ref(&duty), &owed, &record, &office, &calendar, back).0 {
                record.get_mut(&key(&letter.prison)).unwrap().extend(letter.items[0].steps.iter().map(|p| p.step));
                letters.push(letter);
            }
            back += TimeDelta::minutes(1);
        }
        let today = civil_date(back);
        let missed: Vec<Step> = planned.iter().filter(|p| p.on >= down && p.on <= today).map(|p| p.step).collect();
        let expected: Vec<String> = (0..3).filter(|i| !missed.is_empty() && !filed.contains(i)).map(|i| PRISONS[i].to_owned()).collect();
        let mut got: Vec<String> = letters.iter().map(|letter| letter.prison.clone()).collect();
        got.sort_by_key(|prison| PRISONS.iter().position(|p| p == prison));
        prop_assert_eq!(got, expected);
        for letter in &letters {
            let steps: Vec<Step> = letter.items[0].steps.iter().map(|p| p.step).collect();
            prop_assert_eq!(&steps, &missed);
        }
    }
}
