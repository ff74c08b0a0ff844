//! A planning workbook as clerks send it: one fault does not hide another.

use super::{findings, read, xlsx};
use crate::subsidy::finding::Code;

const SCHOOL: &str = "常州市工业职业培训学校";

/// Findings of the annexes against one another; the rates and the policies of the catalogue are for others to test.
fn against(sheets: &[(&str, Vec<Vec<&str>>)]) -> Vec<String> {
    let told = findings(&read("计划.xlsx", &xlsx(sheets)));
    let is_other = |line: &String| line.contains("not-in-catalogue") || line.contains("no-agreement");
    told.into_iter().filter(|line| !is_other(line)).collect()
}

fn annex_1(heads: [&str; 2]) -> (&'static str, Vec<Vec<&str>>) {
    let rows = vec![
        vec!["序号", "监狱", "参加人数", "培训项目", "具体项目人数"],
        vec!["1", "溧阳监狱", "2", "电工（五级）", heads[0]],
        vec!["2", "溧阳监狱", "2", "焊工（五级）", heads[1]],
    ];
    ("附件1", rows)
}

fn annex_2<'a>(start: &'a str, training: &'a str) -> (&'static str, Vec<Vec<&'a str>>) {
    let header = "监狱 培训类别 职业(工种) 等级 计划人数 计划开班时间 培训机构";
    let rows = vec![
        header.split(' ').collect(),
        vec!["溧阳监狱", "就业技能培训", "电工", "五级", "1", start, SCHOOL],
        vec!["溧阳监狱", "就业技能培训", "焊工", "五级", "1", "2027-05-10", training],
    ];
    ("附件2", rows)
}

fn annex_3() -> (&'static str, Vec<Vec<&'static str>>) {
    let header = "监狱 罪犯编号 姓名 性别 公民身份号码 刑满日期 拟培训职业(工种) 等级 班期";
    let rows = vec![
        header.split(' ').collect(),
        vec!["溧阳监狱", "1", "某甲", "男", "", "2028-06-01", "电工", "五级", "一"],
        vec!["溧阳监狱", "2", "某乙", "男", "", "2028-06-01", "焊工", "五级", "一"],
    ];
    ("附件3", rows)
}

/// One form, with the institution in B1 and the time of the class in B5.
fn annex_4<'a>(institution: &'a str, project: &'a str, time: &'a str) -> (&'static str, Vec<Vec<&'a str>>) {
    let rows = vec![
        vec!["培训机构名称", institution],
        vec!["培训工种类别、名称", project],
        vec!["培训人数", "1"],
        vec!["培训班期", "第1期 共1班"],
        vec!["培训时间", time],
        vec!["授课教师", "某教师"],
        vec!["使用教材", "演示教材"],
        vec!["教学场地", "一号车间"],
    ];
    ("附件4", rows)
}

#[test]
fn a_bad_date_of_a_class_hides_neither_its_institution_nor_the_class_that_is_missing() {
    let class = annex_4("鉴定中心", "就业技能培训 电工 五级", "从2027-03-01至三月下旬");
    let told = against(&[annex_1(["1", "1"]), annex_2("2027-03-01", SCHOOL), annex_3(), class]);
    // Annex 2 does not say how many classes there are: the first known cell of the row.
    assert_eq!(told, ["附件2!C3 class-doubt?", "附件4!B1 plan-class", "附件4!B5 bad-date"]);
}

#[test]
fn a_bad_date_of_a_project_hides_no_figure_and_no_institution() {
    let class = annex_4("鉴定中心", "就业技能培训 焊工 五级", "2027-05-10 至 2027-06-04");
    let told = against(&[annex_1(["1", "2"]), annex_2("三月", "某校"), annex_3(), class]);
    assert_eq!(
        told,
        [
            "附件1!C2 plan-sum",
            "附件1!C3 plan-sum",
            "附件1!E3 plan-sum",
            "附件2!C2 class-doubt?",
            "附件2!F2 bad-date",
            "附件2!G3 unknown-institution",
        ]
    );
}

#[test]
fn a_plan_of_which_every_row_comes_back_is_held_against_itself_too() {
    let (name, mut rows) = annex_2("三月", SCHOOL);
    rows.truncate(2);
    let class = annex_4("某校", "就业技能培训 焊工 五级", "2027-05-10 至 2027-06-04");
    let reading = read("计划.xlsx", &xlsx(&[(name, rows), class]));
    let told = findings(&reading);
    assert!(told.contains(&"附件4!B2 plan-class".to_owned()), "{told:?}");
    assert_eq!((reading.rows, reading.set_aside, reading.content.len()), (2, 2, 0));
}

#[test]
fn a_person_who_stands_twice_in_annex_3_is_named() {
    let (name, mut rows) = annex_3();
    rows.push(rows[1].clone());
    let reading = read("计划.xlsx", &xlsx(&[annex_2("2027-03-01", SCHOOL), (name, rows)]));
    let told = reading.findings.iter().find(|finding| finding.code == Code::RepeatedRow).expect("a finding");
    assert_eq!((&*told.sheet, &*told.cell, &*told.seen), ("附件3", "B4", "与第 2 行（B2）完全相同"));
    assert_eq!(reading.duplicates, 1);
}
