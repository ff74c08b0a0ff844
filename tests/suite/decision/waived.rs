//! What a waived approval leaves: the roster row that is read all the same.

use super::{BECAUSE, NOW, result, roster};
use crate::support::{Folder, roster_csv};

const LATER: &str = "2026-10-02T09:00:00+08:00";

/// Two certified persons on a roster that nobody approved, the first for longer than two years, both with R4 waived.
fn waived() -> Folder {
    let folder = super::folder();
    let long = roster(3).replace("2027-01-01", "2029-01-01");
    folder.put("long.csv", roster_csv(&[long]));
    folder.put("short.csv", roster_csv(&[roster(4)]));
    folder.put("r.csv", crate::support::results_csv(&[result(3, 80), result(4, 80)]));
    for file in ["long.csv", "short.csv", "r.csv"] {
        folder.expect(0, &["--now", NOW, "import", file]);
    }
    for n in [3, 4] {
        let key = format!("常州监狱/3204{n:04}");
        let add = ["--now", NOW, "waiver", "add", &key, "--rule", "R4", "--until", "2026-12-31"];
        folder.expect(0, &[&add[..], &BECAUSE[..]].concat());
    }
    folder.expect(0, &["--now", NOW, "once", "claim", "--period", "2026-Q2"]);
    folder
}

#[test]
fn a_corrected_row_reopens_what_was_denied_by_it_and_a_row_that_carries_a_grant_stays() {
    if !crate::support::fonts_are_there() {
        return;
    }
    let folder = waived();
    let explained = folder.expect(0, &["--now", LATER, "explain", "常州监狱/32040003"]);
    assert!(explained.contains("不予核定清单") && explained.contains("R5"), "{explained}");
    // Files: approved roster 1, result 2, then these in their order.
    let undo = |file: &str| folder.run(&[&["--now", LATER, "import", "undo", file, "--yes"], &BECAUSE[..]].concat());
    let (code, _, err) = undo("4");
    assert!(code == 2 && err.contains("CZ-2026-Q2-001"), "the row that R5 was read from carries a grant: {err}");
    // An end of the waiver changes no facts.
    folder.expect(0, &[&["--now", LATER, "waiver", "end", "1"], &BECAUSE[..]].concat());
    let explained = folder.expect(0, &["--now", LATER, "explain", "常州监狱/32040003"]);
    assert!(explained.contains("不予核定清单"), "{explained}");
    folder.put("corrected.csv", roster_csv(&[roster(3)]));
    folder.expect(0, &["--now", LATER, "import", "corrected.csv"]);
    let explained = folder.expect(0, &["--now", LATER, "explain", "常州监狱/32040003"]);
    assert!(!explained.contains("不予核定清单") && explained.contains("待补正"), "judged anew: {explained}");
    let key = "常州监狱/32040003";
    let add = ["--now", LATER, "waiver", "add", key, "--rule", "R4", "--until", "2026-12-31"];
    folder.expect(0, &[&add[..], &BECAUSE[..]].concat());
    let claimed = folder.json(0, &["--now", LATER, "once", "claim", "--period", "2026-Q2"]);
    assert!(claimed.to_string().contains("CZ-2026-Q2-002"), "{claimed}");
    assert!(folder.expect(0, &["--now", LATER, "explain", key]).contains("CZ-2026-Q2-002 第 1 行核定"));
    folder.expect(0, &["audit", "verify"]);
}
