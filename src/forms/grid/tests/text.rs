//! csv: encodings, quotes, records.

use super::{LIMITS, fault_of, parts_of, read, show};
use crate::forms::grid::Limits;
use proptest::prelude::*;

fn rows(bytes: &[u8]) -> Vec<String> {
    let book = read("表.csv", bytes, &LIMITS).expect("a csv that can be read");
    assert_eq!(book.sheets.len(), 1);
    assert_eq!(book.sheets[0].name, "");
    show(&book.sheets[0])
}

#[test]
fn encodings() {
    let text = "姓名,备注\r\n张三,镕\r\n";
    let expected = ["1: 姓名|备注", "2: 张三|镕"];
    assert_eq!(rows(text.as_bytes()), expected);
    assert_eq!(rows(format!("\u{FEFF}{text}").as_bytes()), expected);
    let (gbk, _, _) = encoding_rs::GBK.encode(text);
    assert_eq!(rows(&gbk), expected);
}

#[test]
fn utf_16_is_none_of_the_encodings() {
    let units: Vec<u16> = "\u{FEFF}姓名,备注\r\n张三,镕\r\n".encode_utf16().collect();
    let little: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units.iter().copied().flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        let fault = fault_of("表.csv", &bytes);
        assert_eq!((fault.code.as_str(), fault.seen.as_str()), ("unreadable-file", "UTF-16 编码的文件"));
        assert!(fault.advice.contains("CSV UTF-8"), "{}", fault.advice);
    }
}

#[test]
fn names_outside_gbk_have_four_bytes() {
    let text = "姓名\n㛃𠮷\n";
    let (bytes, _, lost) = encoding_rs::GB18030.encode(text);
    assert!(!lost && std::str::from_utf8(&bytes).is_err());
    assert_eq!(rows(&bytes), ["1: 姓名", "2: 㛃𠮷"]);
}

#[test]
fn blank_lines_count_and_a_record_has_an_end() {
    assert_eq!(rows(b"\n\r\n\ra\n\r\n\n,\nb\n\n"), ["4: a", "8: b"]);
    let record = |bytes| format!("a\n\n\"{}\",b\n", "x".repeat(bytes));
    assert_eq!(rows(record(4_000_000).as_bytes()).len(), 2);
    let fault = fault_of("a.csv", record(5_000_000).as_bytes());
    assert_eq!((fault.code.as_str(), fault.seen.as_str()), ("too-large", "第 3 行内容过多"));
}

#[test]
fn fields_and_records() {
    let table: [(&str, &[&str]); 13] = [
        ("a,b\n", &["1: a|b"]),
        ("a,b", &["1: a|b"]),
        ("a,,\n,,c,,\n", &["1: a", "2: ||c"]),
        ("a\n\n \n,,\nb", &["1: a", "3:  ", "5: b"]),
        ("a\rb\r\nc\n", &["1: a", "2: b", "3: c"]),
        ("\"a,b\",\"c\"\"d\"\"\"\n", &["1: a,b|c\"d\""]),
        ("\"two\r\nlines\",x\ny\n", &["1: two\r\nlines|x", "2: y"]),
        ("\"two\nlines\" ,x\n", &["1: two\nlines |x"]),
        ("\"\",\"\"\"\"\n", &["1: |\""]),
        ("5\" nail,x\n", &["1: 5\" nail|x"]),
        ("\"a\"b,c\n", &["1: ab|c"]),
        ("=1+1, 001 ,3.2E+12\n", &["1: =1+1| 001 |3.2E+12"]),
        ("a,\n,", &["1: a"]),
    ];
    for (text, expected) in table {
        assert_eq!(rows(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn quotes_without_a_partner_swallow_nothing() {
    for text in ["a,b\n\"张三,1\n李四,2\n", "a,b\n\"张三,1\n李四,\"2\"\n", "\"", "a,\"\"\"", "x\n\"a\nb\"c\"\n"]
    {
        let fault = fault_of("表.csv", text.as_bytes());
        assert_eq!(fault.code.as_str(), "unreadable-file", "{text:?}");
        assert!(fault.seen.contains("双引号"), "{}", fault.seen);
    }
}

#[test]
fn limits() {
    let limits = Limits { max_rows: 2, ..LIMITS };
    assert!(read("a.csv", b"a\n,,\n\n\nb\n", &limits).is_ok());
    assert_eq!(read("a.csv", b"a\nb\nc", &limits).expect_err("three rows").code.as_str(), "too-many-rows");
    assert_eq!(fault_of("a.csv", ",".repeat(20_000).as_bytes()).code.as_str(), "too-large");
}

#[test]
fn rows_can_be_asked_for_again() {
    let book = read("a.csv", b"a\nb\n", &LIMITS).expect("a csv");
    assert!(!book.sheets[0].is_empty());
    assert_eq!(book.sheets[0].rows().count(), 2);
    assert_eq!(book.sheets[0].rows().count(), 2);
    assert_eq!(book.sheets[0].origin(2, 0), (2, 0));
}

#[test]
fn parts_follow_each_other() {
    // Records begin anywhere: behind blank lines, behind records that hold nothing, behind a line break within a field.
    let records = ["a,b\n", "\n\n", "\"two\nlines\",x\n", ",,\n", "c\r\n", "\r\n\"\"\n", "d,\"e\"\"\"\r"];
    for turn in 0..records.len() {
        let text: String = records.iter().cycle().skip(turn).take(9_000).copied().collect();
        let sheet = &read("a.csv", text.as_bytes(), &LIMITS).expect("a csv").sheets[0];
        assert_eq!(parts_of(sheet), 4, "turn {turn}");
    }
    for (rows, parts) in [(1, 1), (2_047, 1), (2_048, 1), (2_049, 2)] {
        let text = vec!["a"; rows].join("\n");
        assert_eq!(parts_of(&read("a.csv", text.as_bytes(), &LIMITS).expect("a csv").sheets[0]), parts, "{rows} rows");
    }
}

proptest! {
    /// What a csv writer writes comes back.
    #[test]
    fn written_records_come_back(records in prop::collection::vec(prop::collection::vec("[a中,\"\r\n \\t]{0,6}", 1..5), 1..6)) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for record in &records {
            writer.write_record(record).expect("a record");
        }
        let bytes = writer.into_inner().expect("bytes");
        prop_assume!(!String::from_utf8_lossy(&bytes).trim().is_empty());
        let book = read("a.csv", &bytes, &LIMITS).expect("a csv");
        let ours: Vec<Vec<String>> = book.sheets[0].rows().map(|(_, cells)| cells.iter().map(|cell| match cell {
            crate::forms::grid::Cell::Text(text) => text.clone(),
            _ => String::new(),
        }).collect()).collect();
        let theirs: Vec<Vec<String>> = records.iter().map(|record| {
            let filled = record.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1);
            record[..filled].to_vec()
        }).filter(|record| !record.is_empty()).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(book) = read("a.csv", &bytes, &LIMITS) {
            prop_assert!(book.sheets[0].rows().count() < 300);
        }
    }

    #[test]
    fn any_text_ends_well(text in "[a\",\n\r]{0,40}") {
        if let Ok(book) = read("a.csv", text.as_bytes(), &LIMITS) {
            prop_assert!(book.sheets[0].rows().count() <= 41);
        }
    }
}
