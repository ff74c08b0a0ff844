//! Rows that came back: what could be read of them hides no other fault, and what could not is no reason for a second finding.

use super::*;
use crate::subsidy::fragment::Fragment;

/// A plan, and what could be read of rows that came back.
struct Sent {
    plan: Plan,
    rest: Vec<(Annex, Entry<Fragment>)>,
}

impl Sent {
    /// The row of an annex (0: the first) comes back; `fault` takes away what could not be read of it.
    fn comes_back(&mut self, annex: Annex, index: usize, fault: impl FnOnce(&mut Fragment)) {
        fn taken<T>(rows: &mut Vec<Entry<T>>, index: usize) -> Entry<Fragment>
        where
            for<'a> Fragment: From<&'a T>,
        {
            let Entry { place, value } = rows.remove(index);
            Entry { place, value: Fragment::from(&value) }
        }
        let plan = &mut self.plan;
        let mut row = match annex {
            Annex::One => taken(&mut plan.summaries, index),
            Annex::Two => taken(&mut plan.projects, index),
            Annex::Three => taken(&mut plan.persons, index),
            Annex::Four => taken(&mut plan.classes, index),
        };
        fault(&mut row.value);
        plan.state_mut(annex).unread += 1;
        self.rest.push((annex, row));
    }
}

/// What is found beside the faults themselves.
fn found(change: impl FnOnce(&mut Sent)) -> Vec<String> {
    let mut sent = Sent { plan: plan(), rest: Vec::new() };
    change(&mut sent);
    lines(&check(&sent.plan, &sent.rest, &catalogue(TermMeasuredAt::CourseStart)))
}

fn without_dates(row: &mut Fragment) {
    (row.starts_on, row.ends_on) = (None, None);
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_fault_alone_brings_no_second_finding() {
    for annex in Annex::ALL {
        for index in 0..2 {
            assert_eq!(found(|sent| sent.comes_back(annex, index, |_| {})), NOTHING, "{annex:?} {index}");
            let unread = |sent: &mut Sent| sent.comes_back(annex, index, |row| *row = Fragment::default());
            assert_eq!(found(unread), NOTHING, "{annex:?} {index}");
            assert_eq!(found(|sent| sent.comes_back(annex, index, without_dates)), NOTHING, "{annex:?} {index}");
        }
    }
}

#[test]
fn a_class_without_dates_is_held_against_annex_2() {
    let level = |sent: &mut Sent| {
        sent.plan.classes[0].value.level = Some(Level::Four);
        sent.comes_back(Annex::Four, 0, without_dates);
    };
    assert_eq!(found(level), ["附件4!B5 plan-class"]);
    // Its institution is wrong, its project is known: that of the other project is missing.
    let school = |sent: &mut Sent| {
        sent.plan.classes.pop();
        sent.plan.state_mut(Annex::Four).rows = 1;
        sent.plan.classes[0].value.institution = OTHER.into();
        sent.comes_back(Annex::Four, 0, without_dates);
    };
    assert_eq!(found(school), ["附件4!B5 plan-class", "附件2!H6 class-doubt?"]);
    // Whose class it is could not be read: perhaps the one that seems to be missing.
    let unknown = |sent: &mut Sent| {
        sent.plan.classes.pop();
        sent.plan.state_mut(Annex::Four).rows = 1;
        sent.comes_back(Annex::Four, 0, |row| row.occupation = None);
    };
    assert_eq!(found(unknown), NOTHING);
    let heads = |sent: &mut Sent| {
        sent.plan.classes[0].value.heads = 9;
        sent.comes_back(Annex::Four, 0, without_dates);
    };
    assert_eq!(found(heads), ["附件4!H5 class-doubt?"]);
}

#[test]
fn a_project_without_dates_is_held_against_the_other_annexes() {
    let heads = |sent: &mut Sent| {
        sent.plan.projects[0].value.heads = 4;
        sent.comes_back(Annex::Two, 0, without_dates);
    };
    assert_eq!(found(heads), ["附件1!E5 plan-sum", "附件2!I5 plan-sum", "附件4!H5 class-doubt?"]);
    let school = |sent: &mut Sent| {
        sent.plan.classes[0].value.institution = OTHER.into();
        sent.comes_back(Annex::Two, 0, without_dates);
    };
    assert_eq!(found(school), ["附件4!B5 plan-class"]);
    // Where the planned institution could not be read, the class may well be right.
    let unknown = |sent: &mut Sent| {
        sent.plan.classes[0].value.institution = OTHER.into();
        sent.comes_back(Annex::Two, 0, |row| row.training = None);
    };
    assert_eq!(found(unknown), NOTHING);
    let year = |sent: &mut Sent| {
        sent.plan.projects[1].value.starts_on = day("2026-12-31");
        sent.plan.projects[1].value.assessment_institution = Some(SCHOOL.into());
        sent.comes_back(Annex::Two, 1, |row| row.heads = None);
    };
    assert_eq!(found(year), ["附件2!M6 plan-year", "附件2!P6 institution-not-designated"]);
}

#[test]
fn a_term_is_too_long_for_sure_where_the_start_is_not_known() {
    // 2027-12-31 + 24 months = 2029-12-31.
    let release = |on: &'static str| {
        move |sent: &mut Sent| {
            sent.plan.persons[0].value.release_on = day(on);
            sent.comes_back(Annex::Two, 0, without_dates);
        }
    };
    assert_eq!(found(release("2029-12-30")), NOTHING);
    assert_eq!(found(release("2029-12-31")), ["附件3!L5 sentence-too-long"]);
}

#[test]
fn a_person_who_comes_back_is_listed_all_the_same() {
    let skilled = |sent: &mut Sent| {
        sent.plan.persons[1].value.skilled = true;
        sent.plan.persons[1].value.prison = "新康监狱".into();
        sent.comes_back(Annex::Three, 1, |row| row.name = None);
    };
    assert_eq!(found(skilled), ["附件3!B6 plan-prison", "附件3!M6 already-skilled"]);
    let extra = |sent: &mut Sent| {
        sent.plan.persons.push(person(10, "welder", Level::Five));
        sent.plan.state_mut(Annex::Three).rows += 1;
        sent.comes_back(Annex::Three, 5, |row| row.release_on = None);
    };
    assert_eq!(found(extra), ["附件2!I5 plan-sum"]);
    let elsewhere = |sent: &mut Sent| {
        sent.plan.persons[0].value.level = Level::Four;
        sent.comes_back(Annex::Three, 0, |row| row.release_on = None);
    };
    assert_eq!(found(elsewhere), ["附件2!I5 plan-sum", "附件3!P5 plan-project"]);
}

#[test]
fn a_total_is_compared_where_only_a_project_could_not_be_read() {
    let project = |sent: &mut Sent| {
        sent.plan.summaries[0].value.total = Some(6);
        sent.comes_back(Annex::One, 1, |row| row.occupation = None);
    };
    assert_eq!(found(project), ["附件1!C5 plan-sum"]);
    let heads = |sent: &mut Sent| {
        sent.plan.summaries[0].value.total = Some(6);
        sent.comes_back(Annex::One, 1, |row| row.heads = None);
    };
    assert_eq!(found(heads), NOTHING);
}

#[test]
fn who_may_not_be_trained_goes_with_the_figures() {
    let mut plan = plan();
    plan.persons[0].value.skilled = true;
    plan.persons[1].value.able = false;
    plan.persons[2].value.release_on = day("2041-01-01");
    let checked = check(&plan, &[], &catalogue(TermMeasuredAt::CourseStart));
    let asks = |advice: &str| advice.ends_with("请删去此行，并相应改附件1、附件2的人数（或换人补足）");
    let told: Vec<bool> = checked.findings.iter().map(|(_, finding)| asks(&finding.advice)).collect();
    assert_eq!(told, [true; 3]);
}

#[test]
fn what_many_rows_have_in_common_is_one_advice() {
    let mut plan = plan();
    for (later, earlier) in [(1, 0), (2, 0), (4, 3)] {
        plan.persons[later].value.number = plan.persons[earlier].value.number.clone();
    }
    let checked = check(&plan, &[], &catalogue(TermMeasuredAt::CourseStart));
    let seen: Vec<&str> = checked.findings.iter().map(|(_, finding)| finding.seen.as_str()).collect();
    assert_eq!(seen, ["焊工（另见 附件3!D5）", "焊工（另见 附件3!D5）", "SYB（另见 附件3!D8）"]);
    let advices: std::collections::BTreeSet<&str> =
        checked.findings.iter().map(|(_, finding)| finding.advice.as_str()).collect();
    assert_eq!(advices.len(), 1, "{advices:?}");
}
