//! What a reply says of the files that a mail brought: the receipt, and what must be mended.
//!
//! Cells are named, what stands in them is not: a reply travels in the clear. Contents are in the annotated copies, in the
//! encrypted attachment.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Attached, Frame, Unopened};
use crate::forms::fix_list::{FixList, Mended, Problem};
use crate::forms::reading::FileKind;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::course::Level;
use crate::subsidy::finding::Code;
use crate::subsidy::identifiers::mask_numbers_in;

/// Characters of a hash that tell a person which file is meant.
const HASH_CHARS: usize = 12;
/// Longest list of cells in a letter that comes with an annotated copy; there the list is whole.
const MAX_CELLS_CHARS: usize = 400;

/// The reply to a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplyFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// The unit that sent it.
    pub recipient: String,
    /// Number of the receipt.
    pub number: String,
    /// When it was received, in words.
    pub received_at: String,
    /// Nothing was stored (试检).
    pub rehearsal: bool,
    /// What the subject begins with: `回执`, `需更正`, `试检`.
    pub headline: String,
    /// Each file.
    pub files: Vec<FileFacts>,
    /// Totals over all files: what and how much.
    pub totals: Vec<(String, String)>,
    /// Rows taken, and rows that come back, of all files.
    pub rows: (u32, u32),
    /// What to do, step by step; empty where nothing is to be done.
    pub todo: Vec<String>,
    /// What is due next.
    pub next: Vec<String>,
    /// Where the contents are, or why they are nowhere.
    pub contents: String,
    /// What could not be opened: its name, and why and what to do.
    pub unopened: Vec<(String, String)>,
    /// The attachments.
    pub attachments: Vec<Attached>,
}

/// What a reply says of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Its name, as sent.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Begin of its SHA-256, in hex.
    pub sha256: String,
    /// Its sheets.
    pub sheets: Vec<String>,
    /// What became of its rows, in words.
    pub outcome: String,
    /// Rows taken by course: which, and how many.
    pub courses: Vec<(String, String)>,
    /// What must be mended.
    pub errors: Vec<ProblemFacts>,
    /// What should be looked at.
    pub doubts: Vec<ProblemFacts>,
    /// What was repaired.
    pub mended: Vec<MendedFacts>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemFacts {
    /// What is wrong and what to type.
    pub advice: String,
    /// Where; empty for the whole file.
    pub cells: String,
    /// In how many places.
    pub places: usize,
    /// The code.
    pub code: &'static str,
}

/// One kind of repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MendedFacts {
    /// What was done.
    pub what: String,
    /// Where.
    pub cells: String,
    /// In how many places.
    pub places: usize,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// Its name, as sent.
    pub name: &'a str,
    /// SHA-256 of its bytes, in hex.
    pub sha256: &'a str,
    /// Which form it is, if it is one.
    pub kind: Option<FileKind>,
    /// Its sheets.
    pub sheets: &'a [String],
    /// Rows stored now (or, at 试检, that would be).
    pub taken: u32,
    /// Rows among them that took the place of an older version.
    pub superseded: u32,
    /// Rows that were known already.
    pub duplicates: u32,
    /// Rows that come back.
    pub set_aside: u32,
    /// What must be mended.
    pub fixes: &'a FixList,
    /// Rows taken by course.
    pub courses: Vec<(String, u32)>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

/// Where the contents of faulty cells are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// In annotated copies in this encrypted attachment.
    Sealed(Attached),
    /// Nowhere: the unit has no password.
    Withheld,
    /// There is nothing that a copy could show.
    None,
}

impl ReplyFacts {
    /// The reply to a mail that brought files. `received` is number and instant (in words) of the receipt; `next` says what is
    /// due next.
    pub fn new(
        frame: Frame,
        recipient: String,
        (number, received_at): (String, String),
        rehearsal: bool,
        outcomes: &[Outcome<'_>],
        next: Vec<String>,
        contents: Contents,
    ) -> ReplyFacts {
        let has_errors = outcomes.iter().any(|outcome| outcome.fixes.errors().next().is_some());
        let has_copies = matches!(contents, Contents::Sealed(_));
        let sum = |of: fn(&Outcome<'_>) -> u32| outcomes.iter().map(of).fold(0, u32::saturating_add);
        let rows = (sum(|outcome| outcome.taken), sum(|outcome| outcome.set_aside));
        let mut totals = vec![("收到文件".to_owned(), format!("{} 个", outcomes.len()))];
        totals.push((if rehearsal { "可以收下" } else { "收下" }.to_owned(), format!("{} 行", rows.0)));
        for (what, count) in [("以前已收、内容未变", sum(|outcome| outcome.duplicates)), ("退回待改", rows.1)]
        {
            if count > 0 {
                totals.push((what.to_owned(), format!("{count} 行")));
            }
        }
        let headline = match (rehearsal, has_errors) {
            (true, _) => "试检",
            (false, true) => "需更正",
            (false, false) => "回执",
        };
        ReplyFacts {
            recipient,
            number,
            received_at,
            rehearsal,
            headline: headline.to_owned(),
            files: outcomes.iter().map(|outcome| FileFacts::new(outcome, rehearsal, has_copies)).collect(),
            totals,
            rows,
            todo: todo(rehearsal, has_errors, has_copies),
            next,
            contents: match &contents {
                Contents::Sealed(zip) => format!(
                    "格中的内容只写在加密附件 {} 里。请用 7-Zip、WinRAR、Bandizip 或 WPS 打开（Windows 自带的“压缩文件夹”打不开），\
                     口令是{}登记给贵单位的那个，不会写在邮件中。",
                    zip.name, frame.office
                ),
                Contents::Withheld => format!(
                    "贵单位还没有登记加密口令，所以本邮件只写单元格位置，不写格中的内容，也不附标注好的副本。\
                     需要副本的，请与{}约定口令。",
                    frame.office
                ),
                Contents::None => String::new(),
            },
            attachments: match contents {
                Contents::Sealed(zip) => vec![zip],
                Contents::Withheld | Contents::None => Vec::new(),
            },
            unopened: Vec::new(),
            frame,
        }
    }

    /// Adds what else was in the mail and could not be opened: its name, and why and what to do.
    pub fn not_opened(&mut self, items: Vec<(String, String)>) {
        if items.is_empty() {
            return;
        }
        if !self.rehearsal {
            "需更正".clone_into(&mut self.headline);
        }
        self.todo.push("“没能打开的”各项请按所写的办法重发。".to_owned());
        self.unopened = items;
    }

    /// Invented facts that take every branch of a template.
    pub(super) fn sample() -> ReplyFacts {
        let problem = |advice: &str, cells: &str, places, code: Code| ProblemFacts {
            advice: advice.to_owned(),
            cells: cells.to_owned(),
            places,
            code: code.as_str(),
        };
        let file = FileFacts {
            name: "2026年第四季度考核结果.xlsx".to_owned(),
            kind: "考核结果表".to_owned(),
            sha256: "0123456789ab".to_owned(),
            sheets: vec!["电工".to_owned(), "焊工".to_owned()],
            outcome: "收下 58 行（其中 2 行替换了以前的内容），以前已收 1 行，退回 4 行".to_owned(),
            courses: vec![("溧阳监狱，电工（五级/初级工），2026年第3期".to_owned(), "58 行".to_owned())],
            errors: vec![
                problem(
                    "“公民身份号码”按数字录入，末位已丢失；请先把单元格设为文本格式，再重新填写完整号码",
                    "“电工”E5、E9、E17",
                    3,
                    Code::DigitsLost,
                ),
                problem("请另存为单独的文件发送", "", 1, Code::NoHeader),
            ],
            doubts: vec![problem("评定结果为合格，但“理论成绩”低于 60 分，请核对", "“焊工”S8", 1, Code::ScoreDoubt)],
            mended: vec![MendedFacts {
                what: "按文字或其他写法填写的日期已识别".to_owned(),
                cells: "“电工”M4 至 M60".to_owned(),
                places: 57,
            }],
            notes: vec!["附件4尚缺".to_owned()],
        };
        let zip = Attached {
            name: "reply-20261120-0007.zip".to_owned(),
            what: "标注好的副本，AES-256 加密压缩包".to_owned(),
            size: "38 KB".to_owned(),
            sha256: "0".repeat(64),
        };
        let fixes = FixList::default();
        let outcome = Outcome {
            name: "",
            sha256: "",
            kind: None,
            sheets: &[],
            taken: 58,
            superseded: 2,
            duplicates: 1,
            set_aside: 4,
            fixes: &fixes,
            courses: Vec::new(),
            notes: Vec::new(),
        };
        let received = ("20261120-0007".to_owned(), "2026年11月20日 09:30".to_owned());
        let next = vec!["2027年度培训计划（附件1至4）：2026年11月30日（星期一）前报齐，还缺附件3".to_owned()];
        let frame = Frame::sample();
        let whole =
            ReplyFacts::new(frame, "溧阳监狱".to_owned(), received, false, &[outcome], next, Contents::Sealed(zip));
        let unopened = vec![("winmail.dat".to_owned(), Unopened::Tnef.in_words().to_owned())];
        let headline = "需更正".to_owned();
        ReplyFacts { files: vec![file], headline, todo: todo(false, true, true), unopened, ..whole }
    }
}

impl ProblemFacts {
    /// A problem with all its cells.
    pub(super) fn of(problem: &Problem) -> ProblemFacts {
        ProblemFacts {
            advice: problem.advice.clone(),
            // Names of files and sheets may hold numbers of persons.
            cells: mask_numbers_in(&problem.cells()),
            places: problem.places.len(),
            code: problem.code.as_str(),
        }
    }
}

impl FileFacts {
    fn new(outcome: &Outcome<'_>, rehearsal: bool, has_copies: bool) -> FileFacts {
        let problem = |problem: &Problem| {
            let whole = ProblemFacts::of(problem);
            ProblemFacts { cells: cut(whole.cells, has_copies), ..whole }
        };
        let mended = |mended: &Mended| MendedFacts {
            what: mended.what().to_owned(),
            cells: cut(mask_numbers_in(&mended.cells()), has_copies),
            places: mended.places.len(),
        };
        FileFacts {
            name: mask_numbers_in(outcome.name),
            kind: kind_in_words(outcome.kind).to_owned(),
            sha256: outcome.sha256.chars().take(HASH_CHARS).collect(),
            sheets: outcome.sheets.iter().map(|sheet| mask_numbers_in(sheet)).collect(),
            outcome: outcome_in_words(outcome, rehearsal),
            courses: outcome.courses.iter().map(|(course, rows)| (course.clone(), format!("{rows} 行"))).collect(),
            errors: outcome.fixes.errors().map(problem).collect(),
            doubts: outcome.fixes.doubts().map(problem).collect(),
            mended: outcome.fixes.mended.iter().map(mended).collect(),
            notes: outcome.notes.clone(),
        }
    }
}

/// The mail is shortened, the list never: only where a copy is attached that holds all of it.
fn cut(cells: String, has_copies: bool) -> String {
    if !has_copies || cells.chars().count() <= MAX_CELLS_CHARS {
        return cells;
    }
    let short: String = cells.chars().take(MAX_CELLS_CHARS).collect();
    let whole = short.rsplit_once(['、', '；']).map_or(&*short, |(whole, _)| whole);
    format!("{whole} 等（其余见附件中的问题清单）")
}

fn kind_in_words(kind: Option<FileKind>) -> &'static str {
    match kind {
        Some(FileKind::Results) => "考核结果表",
        Some(FileKind::Roster) => "培训人员信息表",
        Some(FileKind::History) => "历史申领",
        Some(FileKind::Survey) => "年度摸排表",
        Some(FileKind::Plan) => "年度计划工作簿",
        None => "没有认出是哪种表",
    }
}

fn outcome_in_words(outcome: &Outcome<'_>, rehearsal: bool) -> String {
    let Outcome { taken, superseded, duplicates, set_aside, .. } = outcome;
    if taken + duplicates + set_aside == 0 {
        return "没有收到任何一行".to_owned();
    }
    let replaced = match (*superseded, rehearsal) {
        (0, _) => String::new(),
        (rows, false) => format!("（其中 {rows} 行替换了以前的内容）"),
        (rows, true) => format!("（其中 {rows} 行替换以前的内容）"),
    };
    let mut words = vec![format!("{} {taken} 行{replaced}", if rehearsal { "可以收下" } else { "收下" })];
    if *duplicates > 0 {
        words.push(format!("以前已收、内容未变 {duplicates} 行"));
    }
    if *set_aside > 0 {
        words.push(format!("退回 {set_aside} 行"));
    }
    words.join("，")
}

fn todo(rehearsal: bool, has_errors: bool, has_copies: bool) -> Vec<String> {
    let mut todo = Vec::new();
    if has_errors {
        todo.push(if has_copies {
            "打开附件中标注好的副本：第一张表“问题清单”列出每一处，点位置就到那一格；红色的格必须改，黄色的格请核对。"
                .to_owned()
        } else {
            "按下面列出的位置在原表中改正；标“请核对”的看一看，确实无误的不用改。".to_owned()
        });
    }
    match (rehearsal, has_errors) {
        (true, true) => todo.push("改好后再试，或把主题中的“试检”去掉正式报送。".to_owned()),
        (true, false) => todo.push("没有需要改的。请把主题中的“试检”去掉，正式报送同一个文件。".to_owned()),
        (false, true) => {
            todo.push("改好后直接回复本邮件，附上改好的整个文件。没有错误的行已经收下，不会重复收取。".to_owned());
        }
        (false, false) => {}
    }
    todo
}

/// Rows by course: which course, in words, and how many rows. A row is its prison, occupation, level and class.
pub fn courses<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str, Level, &'a str)>,
    catalogue: &Catalogue,
) -> Vec<(String, u32)> {
    let mut counts: BTreeMap<(&str, &str, Level, &str), u32> = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_default() += 1;
    }
    let in_words = |((prison, occupation, level, class), count): ((&str, &str, Level, &str), u32)| {
        let known = catalogue.occupations.iter().find(|known| &*known.id == occupation);
        let occupation = known.map_or(occupation, |known| &known.name);
        (format!("{prison}，{occupation}（{}），{class}", level.name()), count)
    };
    counts.into_iter().map(in_words).collect()
}

#[cfg(test)]
mod tests;
