//! What a reply says of the files that a mail brought: the receipt, and what must be mended.
//!
//! Cells are named, what stands in them is not: a reply travels in the clear. Contents are in the annotated copies, in the
//! encrypted attachment.

use std::collections::BTreeMap;

use serde::Serialize;

use self::words::Needs;
pub use self::words::OWN_COPY;
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
    /// The files lay in the inbox folder; no mail brought them.
    pub folder: bool,
    /// What the subject begins with: `回执`, `待补正`, `需更正`, `试检`.
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
    /// What was not read and need not come again: its name, and why.
    pub beside: Vec<(String, String)>,
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
    /// For what a row is taken but held until it is mended.
    pub holds: Vec<ProblemFacts>,
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
    /// Rows that were known already, or stand twice in the file.
    pub duplicates: u32,
    /// Those among them that stand twice in the file.
    pub repeated: u32,
    /// Rows that come back.
    pub set_aside: u32,
    /// What must be mended.
    pub fixes: &'a FixList,
    /// Rows taken by course.
    pub courses: Vec<(String, u32)>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

/// How files came, and whether they stay.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// They lay in the inbox folder; no mail brought them.
    pub folder: bool,
    /// Nothing is stored (试检).
    pub rehearsal: bool,
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
    /// The reply to files. `received` is number and instant (in words) of the receipt; `next` says what is due next.
    pub fn new(
        frame: Frame,
        recipient: String,
        (number, received_at): (String, String),
        arrival: Arrival,
        outcomes: &[Outcome<'_>],
        next: Vec<String>,
        contents: Contents,
    ) -> ReplyFacts {
        let rehearsal = arrival.rehearsal;
        let has_copies = matches!(contents, Contents::Sealed(_));
        let sum = |of: fn(&Outcome<'_>) -> u32| outcomes.iter().map(of).fold(0, u32::saturating_add);
        let rows = (sum(|outcome| outcome.taken), sum(|outcome| outcome.set_aside));
        let mut totals = vec![("收到文件".to_owned(), format!("{} 个", outcomes.len()))];
        totals.push((if rehearsal { "可以收下" } else { "收下" }.to_owned(), format!("{} 行", rows.0)));
        let repeated = sum(|outcome| outcome.repeated);
        let known = sum(|outcome| outcome.duplicates).saturating_sub(repeated);
        for (what, count) in [(words::KNOWN, known), (words::REPEATED, repeated), ("退回待改", rows.1)] {
            if count > 0 {
                totals.push((what.to_owned(), format!("{count} 行")));
            }
        }
        let needs = Needs::of(outcomes);
        let headline = match (rehearsal, needs) {
            (true, _) => "试检",
            (false, Needs { cells: true, .. } | Needs { whole: true, .. }) => "需更正",
            (false, Needs { held: true, .. }) => "待补正",
            (false, _) => "回执",
        };
        ReplyFacts {
            recipient,
            number,
            received_at,
            rehearsal,
            folder: arrival.folder,
            headline: headline.to_owned(),
            files: outcomes.iter().map(|outcome| FileFacts::new(outcome, rehearsal, has_copies)).collect(),
            totals,
            rows,
            todo: needs.steps(arrival, has_copies),
            next,
            contents: match &contents {
                Contents::Sealed(zip) => format!(
                    "格中的内容只写在加密附件 {} 里。请用 7-Zip、WinRAR、Bandizip 或 WPS 打开（Windows 自带的“压缩文件夹”打不开），\
                     口令是{}登记给贵单位的那个，不会写在邮件中。",
                    zip.name, frame.office
                ),
                Contents::Withheld => format!(
                    "还没有登记加密口令，所以这里只写单元格位置，不写格中的内容，也不附标注好的副本。\
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
            beside: Vec::new(),
            frame,
        }
    }

    /// Adds what was not read and need not come again: its name, and why.
    pub fn not_read(&mut self, items: Vec<(String, String)>) {
        if self.files.is_empty() && !items.is_empty() {
            self.todo.push(words::ONLY_COPIES.to_owned());
        }
        self.beside = items;
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
            holds: vec![problem(
                "评定结果为合格，但缺少证书编号，请补填；补齐前暂不核定",
                "“焊工”U8",
                1,
                Code::CertificateDoubt,
            )],
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
            duplicates: 2,
            repeated: 1,
            set_aside: 4,
            fixes: &fixes,
            courses: Vec::new(),
            notes: Vec::new(),
        };
        let received = ("20261120-0007".to_owned(), "2026年11月20日 09:30".to_owned());
        let next = vec!["2027年度培训计划（附件1至4）：2026年11月30日（星期一）前报齐，还缺附件3".to_owned()];
        let (frame, arrival) = (Frame::sample(), Arrival::default());
        let whole =
            ReplyFacts::new(frame, "溧阳监狱".to_owned(), received, arrival, &[outcome], next, Contents::Sealed(zip));
        let unopened = vec![("winmail.dat".to_owned(), Unopened::Tnef.in_words().to_owned())];
        let headline = "需更正".to_owned();
        let needs = Needs { cells: true, whole: true, held: true, doubts: true, rows_taken: true, results_only: true };
        let beside = vec![("reply-20261101-0003.zip".to_owned(), OWN_COPY.to_owned())];
        ReplyFacts { files: vec![file], headline, todo: needs.steps(arrival, true), unopened, beside, ..whole }
    }
}

impl ProblemFacts {
    /// A problem with all its cells.
    pub(super) fn of(problem: &Problem) -> ProblemFacts {
        ProblemFacts {
            // Names of files and sheets may hold numbers of persons.
            advice: mask_numbers_in(&problem.advice),
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
            kind: outcome.kind.map_or("没有收取", FileKind::name).to_owned(),
            sha256: outcome.sha256.chars().take(HASH_CHARS).collect(),
            sheets: outcome.sheets.iter().map(|sheet| mask_numbers_in(sheet)).collect(),
            outcome: words::outcome(outcome, rehearsal),
            courses: outcome.courses.iter().map(|(course, rows)| (course.clone(), format!("{rows} 行"))).collect(),
            errors: outcome.fixes.errors().map(problem).collect(),
            holds: outcome.fixes.doubts().filter(|one| outcome.holds(one)).map(problem).collect(),
            doubts: outcome.fixes.doubts().filter(|one| !outcome.holds(one)).map(problem).collect(),
            mended: outcome.fixes.mended.iter().map(mended).collect(),
            notes: outcome.notes.iter().map(|note| mask_numbers_in(note)).collect(),
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

/// Rows by course: which course, in words, and how many rows. A row is its prison, occupation, level and class.
pub fn courses<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str, Level, &'a str)>,
    catalogue: &Catalogue,
) -> Vec<(String, u32)> {
    let mut counts: BTreeMap<(&str, &str, Level, &str), u32> = BTreeMap::new();
    let mut rows = rows.peekable();
    while let Some(course) = rows.next() {
        // Mostly a course stands in one piece.
        let mut count = 1;
        while rows.next_if_eq(&course).is_some() {
            count += 1;
        }
        *counts.entry(course).or_default() += count;
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
mod words;
