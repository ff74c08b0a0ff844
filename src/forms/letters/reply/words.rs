//! The words of a reply: what became of a file, and what its sender does next.

use super::{Arrival, Outcome};
use crate::forms::fix_list::Problem;
use crate::forms::reading::FileKind;
use crate::subsidy::finding::Code;

/// Rows whose content is known already.
pub(super) const KNOWN: &str = "以前已收、内容未变";
/// Rows that stand twice in a file.
pub(super) const REPEATED: &str = "文件中重复";
/// A copy of ours that came back as it was sent.
pub const OWN_COPY: &str = "这是本系统发出的文件，没有改动，没有再收取。";
/// What to do where nothing else came.
pub(super) const ONLY_COPIES: &str =
    "没有收到改好的文件：请打开标注好的副本，改好后保存，把改好的文件作为附件直接回复本邮件。";

impl Outcome<'_> {
    /// Whether the row of a doubt is taken but held until it is mended (R2, R12).
    pub(super) fn holds(&self, doubt: &Problem) -> bool {
        self.kind == Some(FileKind::Results) && matches!(doubt.code, Code::CertificateDoubt | Code::IdentityDoubt)
    }
}

/// What the files of a reply need.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them goes with any other")]
pub(super) struct Needs {
    /// Cells must be mended.
    pub cells: bool,
    /// A whole file must come again.
    pub whole: bool,
    /// Something is held until cells are mended.
    pub held: bool,
    /// Something should be looked at.
    pub doubts: bool,
    /// Rows were taken.
    pub rows_taken: bool,
    /// All files are result sheets: of a roster or a plan the whole counts, not the row.
    pub results_only: bool,
}

impl Needs {
    /// What these files need.
    pub(super) fn of(outcomes: &[Outcome<'_>]) -> Needs {
        let errors = || outcomes.iter().flat_map(|outcome| outcome.fixes.errors());
        let doubts = || outcomes.iter().flat_map(|o| o.fixes.doubts().map(|doubt| o.holds(doubt)));
        let has_cell = |problem: &Problem| problem.places.iter().any(|place| !place.cell.is_empty());
        Needs {
            cells: errors().any(has_cell),
            whole: errors().any(|problem| !has_cell(problem)),
            held: doubts().any(|held| held),
            doubts: doubts().any(|held| !held),
            rows_taken: outcomes.iter().any(|outcome| outcome.taken > 0),
            results_only: outcomes.iter().all(|outcome| outcome.kind == Some(FileKind::Results)),
        }
    }

    /// What to do, step by step; nothing where nothing is to be done.
    pub(super) fn steps(self, arrival: Arrival, has_copies: bool) -> Vec<String> {
        let Needs { cells, whole, held, doubts, .. } = self;
        let mut steps = Vec::new();
        let mut step = |text: &str| steps.push(text.to_owned());
        match (cells || held, has_copies) {
            (true, true) => step(
                "打开附件中标注好的副本：第一张表“问题清单”列出每一处，点位置就到那一格；红色的格必须改，黄色的格请补填或核对。",
            ),
            (true, false) => step("按下面列出的位置在原表中改正、补填；“请核对”的看一看，确实无误的不用改。"),
            (false, _) if doubts => step("没有必须改的。下面“请核对”的看一看：确实无误的不用改，也不用再报。"),
            (false, _) => {}
        }
        if whole {
            step("写明“整个文件”的，请按那里所写的办法重新报送。");
        }
        let must = cells || whole || held;
        let closing = match (arrival.rehearsal, must, arrival.folder) {
            (true, true, true) => "改好后再放进“试检”文件夹试一次，或放进本单位的收件文件夹正式报送。",
            (true, true, false) => "改好后再试，或把主题中的“试检”去掉正式报送。",
            (true, false, true) => "请把同一个文件放进本单位的收件文件夹，正式报送。",
            (true, false, false) => "请把主题中的“试检”去掉，正式报送同一个文件。",
            (false, true, true) => "改好后把整个文件再放进原来的收件文件夹。",
            (false, true, false) => "改好后直接回复本邮件，附上改好的整个文件。",
            (false, false, _) => return steps,
        };
        let mut closing = closing.to_owned();
        if !arrival.rehearsal && self.rows_taken {
            closing.push_str(if self.results_only {
                "没有错误的行已经收下，不会重复收取。"
            } else {
                "没有错误的内容已经收下。"
            });
        }
        steps.push(closing);
        steps
    }
}

/// What became of the rows of a file.
pub(super) fn outcome(outcome: &Outcome<'_>, rehearsal: bool) -> String {
    let Outcome { taken, superseded, duplicates, repeated, set_aside, .. } = outcome;
    if taken + duplicates + set_aside == 0 {
        return "没有收到任何一行".to_owned();
    }
    let replaced = match (*superseded, rehearsal) {
        (0, _) => String::new(),
        (rows, false) => format!("（其中 {rows} 行替换了以前的内容）"),
        (rows, true) => format!("（其中 {rows} 行替换以前的内容）"),
    };
    let mut words = vec![format!("{} {taken} 行{replaced}", if rehearsal { "可以收下" } else { "收下" })];
    for (what, count) in [(KNOWN, duplicates.saturating_sub(*repeated)), (REPEATED, *repeated), ("退回", *set_aside)]
    {
        if count > 0 {
            words.push(format!("{what} {count} 行"));
        }
    }
    words.join("，")
}
