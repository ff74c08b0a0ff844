//! What a clerk reads of every finding: Chinese, and what to do.

use std::collections::BTreeSet;

use super::corpus::{catalogue, corpus};
use crate::subsidy::finding::{Code, RepairCode};

/// Words of other letters that a clerk meets on the screen.
const KNOWN: [&str; 8] = ["Excel", "WPS", "xlsx", "csv", "CSV", "UTF", "SYB", "MB"];

/// Runs of Latin letters and digits, each with what is written before it.
fn latin(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.contains(|c: char| c.is_ascii_alphabetic()))
}

/// `E5`, `AA17`.
fn is_address(word: &str) -> bool {
    let letters = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
    (1..=3).contains(&letters) && letters < word.len() && word[letters..].bytes().all(|b| b.is_ascii_digit())
}

#[test]
fn every_advice_is_chinese_and_says_what_to_do() {
    let catalogue = catalogue();
    let mut advices = BTreeSet::new();
    for planted in corpus() {
        let reading = planted.read(&planted.entry.file, &planted.bytes, &catalogue);
        for finding in &reading.findings {
            let advice = &finding.advice;
            let mut plain = advice.clone();
            reading.sheets.iter().for_each(|sheet| plain = plain.replace(sheet.as_str(), ""));
            for word in latin(&plain) {
                assert!(KNOWN.contains(&word) || is_address(word), "{word} in: {advice}");
            }
            for code in
                Code::ALL.iter().map(|code| code.as_str()).chain(RepairCode::ALL.iter().map(|code| code.as_str()))
            {
                assert!(!advice.contains(code), "{code} in: {advice}");
            }
            let asks = ["请", "不能为 0", "最多两位小数"].iter().any(|word| advice.contains(word));
            assert!(asks, "says nothing to do: {advice}");
            assert!(!advice.contains(['{', '}', '\n', '"']) && advice.trim() == advice, "{advice}");
            advices.insert(advice.clone());
        }
    }
    assert!(advices.len() >= 100, "{}", advices.len());
}
