//! Replies, read as a clerk reads them.

use super::super::{LetterTemplates, LetterText};
use super::*;
use crate::forms::fix_list::FixList;
use crate::subsidy::finding::{Finding, Repair, RepairCode, Severity};

fn finding(cell: &str, code: Code, severity: Severity, seen: &str, advice: &str) -> Finding {
    Finding {
        sheet: "结果".to_owned(),
        cell: cell.to_owned(),
        code,
        severity,
        seen: seen.to_owned(),
        advice: advice.to_owned(),
    }
}

fn write(findings: &[Finding], rehearsal: bool, contents: Contents) -> LetterText {
    write_of(findings, Arrival { folder: false, rehearsal }, contents)
}

fn write_of(findings: &[Finding], arrival: Arrival, contents: Contents) -> LetterText {
    let repair = Repair {
        sheet: "结果".to_owned(),
        cell: "M4".to_owned(),
        code: RepairCode::DateText,
        seen: "2026.3.5".to_owned(),
        taken: "2026-03-05".to_owned(),
    };
    let fixes = FixList::of(findings, &[repair]);
    let sheets = ["结果".to_owned()];
    let outcome = Outcome {
        name: "考核结果<第一期>.xlsx",
        sha256: "0123456789abcdef0123",
        kind: Some(FileKind::Results),
        sheets: &sheets,
        taken: 28,
        superseded: 0,
        duplicates: 0,
        repeated: 0,
        set_aside: u32::try_from(fixes.errors().map(|problem| problem.places.len()).sum::<usize>()).unwrap(),
        fixes: &fixes,
        courses: vec![("溧阳监狱，电工（五级/初级工），2026年第1期".to_owned(), 28)],
        notes: Vec::new(),
    };
    let received = ("20261120-0007".to_owned(), "2026年11月20日 09:30".to_owned());
    let next = vec!["2026年第四季度申领材料：2027年1月10日（星期日）前".to_owned()];
    let facts = ReplyFacts::new(Frame::sample(), "溧阳监狱".to_owned(), received, arrival, &[outcome], next, contents);
    LetterTemplates::embedded().unwrap().write("reply", &facts).unwrap()
}

fn faults() -> Vec<Finding> {
    let lost = "“公民身份号码”按数字录入，末位已丢失；请先把单元格设为文本格式，再重新填写完整号码";
    let digits = |cell| finding(cell, Code::DigitsLost, Severity::Error, "320404199001011000", lost);
    vec![
        digits("D5"),
        digits("D9"),
        digits("D17"),
        finding("S8", Code::ScoreDoubt, Severity::Warning, "52", "评定结果为合格，但“理论成绩”低于 60 分，请核对"),
    ]
}

fn zip() -> Attached {
    Attached {
        name: "reply-20261120-0007.zip".to_owned(),
        what: "标注好的副本，AES-256 加密压缩包".to_owned(),
        size: "38 KB".to_owned(),
        sha256: "0".repeat(64),
    }
}

#[test]
fn one_line_says_what_to_type_in_which_cells_and_nothing_says_what_stands_there() {
    for contents in [Contents::Withheld, Contents::Sealed(zip())] {
        let letter = write(&faults(), false, contents);
        assert_eq!(letter.subject, "【需更正】溧阳监狱：收下 28 行，退回 3 行〔20261120-0007〕");
        for told in [
            "“公民身份号码”按数字录入，末位已丢失；请先把单元格设为文本格式，再重新填写完整号码",
            "“结果”D5、D9、D17",
            "3 处",
            "“结果”S8",
            "已代为更正",
            "“结果”M4",
            "0123456789ab",
            "溧阳监狱，电工（五级/初级工），2026年第1期",
            "2027年1月10日（星期日）前",
            "不会重复收取",
        ] {
            let in_html = letter.html.replace("&#x2f;", "/");
            assert!(letter.text.contains(told), "{told}\n{}", letter.text);
            assert!(in_html.contains(told), "{told}\n{in_html}");
        }
        for secret in ["320404199001011000", "2026.3.5"] {
            assert!(!letter.text.contains(secret) && !letter.html.contains(secret), "{}", letter.text);
        }
        assert!(letter.html.contains("&lt;第一期&gt;"), "{}", letter.html);
        assert!(!letter.text.contains("\n\n\n"), "{}", letter.text);
    }
}

#[test]
fn numbers_of_persons_in_the_names_of_files_and_sheets_are_hidden() {
    let number = "320404199001011234";
    let named = |sheet: &str| Finding { sheet: sheet.to_owned(), ..faults().remove(0) };
    let letter = write(&[named(&format!("电工{number}"))], false, Contents::Withheld);
    assert!(letter.text.contains("“电工***************234”D5"), "{}", letter.text);
    assert!(!letter.text.contains(number) && !letter.html.contains(number));
}

#[test]
fn where_the_contents_are_is_said() {
    let sealed = write(&faults(), false, Contents::Sealed(zip())).text;
    assert!(sealed.contains("reply-20261120-0007.zip") && sealed.contains("问题清单"), "{sealed}");
    let withheld = write(&faults(), false, Contents::Withheld).text;
    assert!(withheld.contains("只写单元格位置，不写格中的内容") && !withheld.contains(".zip"), "{withheld}");
}

#[test]
fn a_file_without_faults_gets_a_receipt_and_a_rehearsal_says_that_nothing_was_kept() {
    let receipt = write(&[], false, Contents::None);
    assert_eq!(receipt.subject, "【回执】溧阳监狱：收下 28 行〔20261120-0007〕");
    assert!(receipt.text.contains("不需要做什么") && !receipt.text.contains("退回"), "{}", receipt.text);
    let rehearsal = write(&faults(), true, Contents::Withheld);
    assert_eq!(rehearsal.subject, "【试检】溧阳监狱：可以收下 28 行，退回 3 行〔20261120-0007〕");
    for letter in [&rehearsal, &write(&[], true, Contents::None)] {
        assert!(letter.text.contains("没有保存") && letter.text.contains("把主题中的“试检”去掉"), "{}", letter.text);
    }
}

#[test]
fn what_is_held_until_it_is_mended_is_told_as_such() {
    let lacks = "评定结果为合格，但缺少证书编号，请补填；补齐前暂不核定";
    let doubts = [
        finding("U4", Code::CertificateDoubt, Severity::Warning, "", lacks),
        finding("S8", Code::ScoreDoubt, Severity::Warning, "52", "“理论成绩”低于 60 分，请核对"),
    ];
    let letter = write(&doubts, false, Contents::Withheld);
    assert_eq!(letter.subject, "【待补正】溧阳监狱：收下 28 行〔20261120-0007〕");
    let (before, after) = letter.text.split_once("请核对（确实无误的不用改）").unwrap();
    assert!(
        before.contains("补齐之前暂不核定") && before.contains(lacks) && after.contains("低于 60 分"),
        "{}",
        letter.text
    );
    assert!(letter.text.contains("附上改好的整个文件") && !letter.text.contains("不需要做什么"), "{}", letter.text);
    let trial = write(&doubts, true, Contents::Withheld).text;
    assert!(trial.contains("改好后再试") && !trial.contains("没有需要改的"), "{trial}");
    // Of what only looks odd nothing must be done.
    let odd = write(&doubts[1..], false, Contents::Withheld);
    assert!(odd.subject.starts_with("【回执】") && odd.text.contains("没有必须改的"), "{}", odd.text);
    assert!(!odd.text.contains("附上改好的整个文件"), "{}", odd.text);
}

#[test]
fn numbers_of_persons_in_an_advice_are_hidden() {
    let number = "320404199001011234";
    let advice = format!("同一条结果在文件中有两种内容，另见工作表“{number}某甲”第 4 行");
    let letter = write(&[finding("C5", Code::TwoVersions, Severity::Error, "", &advice)], false, Contents::Withheld);
    assert!(!letter.text.contains(number) && !letter.html.contains(number), "{}", letter.text);
    assert!(letter.text.contains("第 4 行"), "{}", letter.text);
}

#[test]
fn a_folder_is_not_told_to_answer_a_mail() {
    for rehearsal in [false, true] {
        let arrival = Arrival { folder: true, rehearsal };
        for findings in [faults(), Vec::new()] {
            let letter = write_of(&findings, arrival, Contents::Withheld).text;
            for of_mail in ["您的邮件", "回复本邮件", "主题"] {
                assert!(!letter.contains(of_mail), "{of_mail}\n{letter}");
            }
        }
    }
}

#[test]
fn a_whole_file_is_sent_again_and_no_cell_is_looked_for() {
    let advice = "请另存为 .xlsx 后发送";
    let whole = Finding {
        sheet: String::new(),
        cell: String::new(),
        ..finding("", Code::WrongFormat, Severity::Error, "", advice)
    };
    let letter = write(&[whole], false, Contents::None).text;
    assert!(
        letter.contains("写明“整个文件”的") && !letter.contains("红色") && !letter.contains("在原表中"),
        "{letter}"
    );
}

#[test]
fn a_long_list_is_cut_only_where_a_copy_holds_all_of_it() {
    let many: Vec<Finding> = (0..2_000)
        .map(|at| finding(&format!("D{}", 3 + 2 * at), Code::DigitsLost, Severity::Error, "1", "末位已丢失"))
        .collect();
    let cut = write(&many, false, Contents::Sealed(zip())).text;
    assert!(cut.contains("等（其余见附件中的问题清单）") && cut.contains("2000 处") && !cut.contains("D4001"), "{cut}");
    let whole = write(&many, false, Contents::Withheld).text;
    assert!(whole.contains("D4001") && !whole.contains("其余"), "{}", whole.len());
}

#[test]
fn the_short_answers_say_what_to_do() {
    let templates = LetterTemplates::embedded().unwrap();
    let proofs = templates.proofs().unwrap();
    let text = |name: &str| proofs.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    for (name, told) in [
        ("stranger", vec!["没有登记", "没有打开", "20261120-0008", "常州监狱"]),
        ("oldform", vec!["旧版", "plan-2027.xlsx", "已带入", "2027"]),
        ("unopened", vec!["winmail.dat", "选“HTML”", "考核结果.rar", ".zip"]),
    ] {
        for told in told {
            assert!(text(name).text.contains(told), "{name}: {told}\n{}", text(name).text);
            assert!(text(name).html.contains(told), "{name}: {told}\n{}", text(name).html);
        }
    }
}
