//! What letters say; templates that are edited well and badly.

use std::collections::BTreeMap;

use super::*;

fn sample(i: usize) -> Words {
    Templates::embedded().unwrap().reminder(&remind::samples()[i]).unwrap()
}

#[test]
fn a_reminder_says_what_is_missing_why_it_comes_when_the_next_one_comes_and_what_to_do() {
    let words = sample(1);
    assert_eq!(words.subject, "【催报】某监狱：2026年度培训计划，还有 9 天〔plan/2026/D-7〕");
    for said in [
        "期限：2025年11月30日（星期日），还有 9 天",
        "不顺延；最后一个工作日是 2025年11月28日（星期五）",
        "· 附件3",
        "下次催报：2025年11月28日（星期五）（报齐后不再催）",
        "2025年的节假日安排尚未公布，以上日期按周末推算，是暂定的",
        "今天是截止前7天的催报",
        "1）填好年度计划表",
        "编号 plan/2026/D-7",
    ] {
        assert!(words.text.contains(said), "{said} in\n{}", words.text);
    }
    for unsaid in ["补发", "抄送：", "附件：", "none", "undefined", "\n\n\n"] {
        assert!(!words.text.contains(unsaid), "{unsaid} in\n{}", words.text);
    }
}

#[test]
fn a_merged_late_letter_says_so_and_names_the_days() {
    let words = sample(0);
    assert_eq!(
        words.subject,
        "【催报】某监狱：2026年度培训计划，已逾期 2 天（共2项）〔plan/2026/D-7〕".replace("【催报】", "【逾期催报】")
    );
    for said in [
        "已逾期 2 天（逾期第1个工作日）",
        "原定 2025年12月1日（星期一） 的催报当时没有发出",
        "没有了，这是最后一次",
        "附件：甲（已预填",
        "同时抄送：甲",
        "打开附件的计划表",
    ] {
        assert!(words.text.contains(said), "{said} in\n{}", words.text);
        assert!(
            words.html.contains(said) || said.contains("附件") || said.contains("下次"),
            "{said} in\n{}",
            words.html
        );
    }
}

#[test]
fn html_is_escaped_and_self_contained() {
    let mut reminder = remind::samples().remove(1);
    reminder.action.prison = "<b>甲</b>&监狱".to_owned();
    let words = Templates::embedded().unwrap().reminder(&reminder).unwrap();
    assert!(
        words.html.contains("&lt;b&gt;甲&lt;&#x2f;b&gt;&amp;监狱") && !words.html.contains("<b>甲"),
        "{}",
        words.html
    );
    assert!(words.text.contains("<b>甲</b>&监狱经办同志"));
    for outside in ["http://", "https://", "<script", "<img", "src="] {
        assert!(!words.html.contains(outside), "{outside}");
    }
}

#[test]
fn an_edited_template_is_proved_before_it_is_used() {
    let edited =
        |name: &str, text: &str| Templates::with_overrides(&BTreeMap::from([(name.to_owned(), text.to_owned())]));
    let templates = edited("remind.subject.j2", "请报：{{ prison }}\n第二行").unwrap();
    assert_eq!(templates.reminder(&remind::samples()[1]).unwrap().subject, "请报：某监狱 第二行");
    for (name, text, says) in [
        ("remind.txt.j2", "甲\n{{ prisn }}", "邮件模板 remind.txt.j2 第 2 行"),
        ("remind.html.j2", "{% for item in items %}", "邮件模板 remind.html.j2 第 1 行"),
        ("replan.txt.j2", "{{ changes[0].when }}", "邮件模板 replan.txt.j2 第 1 行"),
        ("other.txt.j2", "", "没有名为 other.txt.j2 的邮件模板"),
    ] {
        let error = edited(name, text).err().unwrap().to_string();
        assert!(error.starts_with(says), "{error}");
    }
}
