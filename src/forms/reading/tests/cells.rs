//! Single readings that the table cannot reach: serial systems, limits, cleaning, headers.

use crate::forms::reading::clean::{clean, is_dash, person_name, shown, shown_with_marks};
use crate::forms::reading::header::header_text;
use crate::forms::reading::{dates, numbers};

use super::day;

#[test]
fn serials_count_from_either_system() {
    let on = |text, date_1904| dates::parse_number(text, date_1904).map(|read| read.on);
    assert_eq!(on("46083", false), Some(day("2026-03-02")));
    assert_eq!(on("44621", true), Some(day("2026-03-02")));
    assert_eq!(on("46083.999", false), Some(day("2026-03-02")));
    for text in ["0", "1", "2026", "99999999", "999999999999", "", "-1", "1e5", "202613"] {
        assert_eq!(on(text, false), None, "{text}");
    }
}

#[test]
fn dates_are_read_without_guessing() {
    let on = |text| dates::parse_text(text).map(|read| read.on);
    for text in [
        "2026-03-02",
        "2026-3-2",
        "2026/03/02",
        "2026.3.2",
        "2026年3月2日",
        "2026年3月2",
        "2026 年 3 月 2 日",
        "20260302",
        "2026 03 02",
        "2026-03-02T10:00:00",
        "2026-03-02 10:00:00.000",
        "2026年3月2日 10时30分",
        "2026/3/2 上午 9:30",
        "2026/3/2 下午3:30:00",
        "2026/3/2 9:30:00 PM",
        "46083",
        "46083.5",
        "2026 . 3 . 2",
    ] {
        assert_eq!(on(text), Some(day("2026-03-02")), "{text}");
    }
    for text in [
        "",
        "-",
        "2026",
        "2026-03",
        "26-03-02",
        "02-03-2026",
        "2/3/2026",
        "2026-3-2-1",
        "2026-03-02~2026-03-20",
        "2026-03-020",
        "2026-00-02",
        "2025-02-29",
        "1026-03-02",
        "2026-03-02 30",
        "2026-03-02 上午",
        "2026-03-02T10:00:00Z",
        "2026-03-02T10:00:00+08:00",
        "二〇二六年三月二日",
        "2026年3月",
        "3月2日",
        "2026月3日2",
        "２０２６",
        "2026-03-02 10:61",
        "46083.5.1",
        "2026  3 2",
        "2026-03-02x",
        "年月日",
        "2026年年",
        "9999999",
        "99999999999999999999",
    ] {
        assert_eq!(on(text), None, "{text}");
    }
}

#[test]
fn numbers_stay_in_their_range() {
    assert_eq!(numbers::whole("80"), Some(80));
    assert_eq!(numbers::whole("80.00"), Some(80));
    for text in ["-1", "80.5", "", ".", "8 0", "1e3", "99999999999", "+8"] {
        assert_eq!(numbers::whole(text), None, "{text}");
    }
    assert_eq!(numbers::tenths("100"), Some(1000));
    assert_eq!(numbers::tenths("0"), Some(0));
    assert_eq!(numbers::tenths("59.90"), Some(599));
    for text in ["100.1", "101", "-0.1", "85.55", "A", "65536", "99999999999999999999"] {
        assert_eq!(numbers::tenths(text), None, "{text}");
    }
    assert!(numbers::number_lost_digits("1234567890123456"));
    assert!(!numbers::number_lost_digits("123456789012345"));
    assert!(numbers::text_lost_digits("3.20E+12"));
    for text in ["E+5", "3.2E12", "3.2E+", "A3E+1", "3.2.1E+5"] {
        assert!(!numbers::text_lost_digits(text), "{text}");
    }
}

#[test]
fn cleaning_says_what_it_did() {
    let did = |raw: &str| {
        let clean = clean(raw);
        (clean.text.into_owned(), clean.spaces, clean.full_width)
    };
    assert_eq!(did("第1期"), ("第1期".to_owned(), false, false));
    assert_eq!(did(" 第1期\n"), ("第1期".to_owned(), true, false));
    assert_eq!(did("第１期"), ("第1期".to_owned(), false, true));
    assert_eq!(did("\u{FEFF}第１期"), ("第1期".to_owned(), true, true));
    assert_eq!(did("2026年\n第1期"), ("2026年 第1期".to_owned(), true, false));
    assert_eq!(did("2026年\u{A0}第1期"), ("2026年 第1期".to_owned(), true, false));
    assert_eq!(did("2026年\u{3000}第1期"), ("2026年 第1期".to_owned(), false, true));
    assert_eq!(did(""), (String::new(), false, false));
    assert_eq!(did("㍿演示"), ("株式会社演示".to_owned(), false, true));
    assert_eq!(
        did(&"\u{FDFA}".repeat(9)),
        ("\u{FDFA}".repeat(9), false, false),
        "a sign that becomes a sentence stays"
    );
    assert_eq!(person_name("张 三"), "张三");
    assert_eq!(person_name("JOHN  SMITH"), "JOHN SMITH");
    assert_eq!(person_name("买买提 · 阿里"), "买买提·阿里");
    assert!(["/", "—", "-", "无", "——", " / ", "／"].iter().all(|text| is_dash(text)));
    assert!(!["", "无证", "A-1", "1/2"].iter().any(|text| is_dash(text)));
    assert_eq!(shown(&"长".repeat(61)), "长".repeat(60) + "…");
    assert_eq!(shown("a\nb"), "a b");
    assert_eq!(shown_with_marks("a\r\nb\rc\nd\te\u{A0}f\u{200B} g"), "a⏎b⏎c⏎d⇥e␣f␣ g");
    assert_eq!(shown_with_marks(&"长".repeat(61)), "长".repeat(60) + "…");
}

#[test]
fn headers_are_compared_without_what_is_around_them() {
    for raw in ["职业(工种)", "职业（工种）*", "＊职 业\n(工种)", "职业【必填】", "  职业[工种](必填)", "职业(工种"]
    {
        assert_eq!(header_text(raw), "职业", "{raw}");
    }
    for raw in ["★职业", "※ 职业", "职业：", "*★职业(工种)：", "：职业※"] {
        assert_eq!(header_text(raw), "职业", "{raw}");
    }
    assert_eq!(header_text("职业:工种★级"), "职业:工种★级", "inside a name they are part of it");
    assert_eq!(header_text("★※：*"), "");
    assert_eq!(header_text("（元）"), "");
    assert_eq!(header_text("Ｐrison "), "prison");
}
