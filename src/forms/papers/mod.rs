//! Batch -> papers (FORMS section 2): forms 7 and 9, details 8 and 10, cover, refusal list, publicity, manifest, packet.
//!
//! Pure: fonts, templates and columns arrive as bytes, every date comes from the batch, and the same batch gives
//! the same bytes. A paper is described once (as a table or as the data of a template); xlsx and pdf draw it.
//! [`Printer`] renders one paper at a time; the functions here render many of them in parallel.
//!
//! Fails, and says so in Chinese: a character that no font has, a template or column file that an administrator broke,
//! two papers with one name. None of them is mended by trying again.

mod columns;
mod cover;
mod detail;
mod fonts;
mod form;
mod manifest;
mod names;
mod netting;
mod packet;
mod plan;
mod press;
mod printer;
mod proof;
mod publicity;
mod refusal;
mod table;
mod templates;
#[cfg(test)]
mod tests;
mod wording;
mod workbook;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use thiserror::Error;

use crate::subsidy::assessment::Name;
use crate::subsidy::batch::{Batch, Group};
use crate::subsidy::catalogue::Catalogue;

pub use columns::DetailSpecs;
pub use fonts::{Fonts, MissingFont};
pub use manifest::{Manifest, ManifestAudit, ManifestFile, ManifestTotals};
pub use names::check_names;
pub use packet::{MIN_PASSWORD_CHARS, check_password, pack, unpack};
pub use plan::print_plan;
pub use printer::Printer;
pub use proof::proofs;
pub use templates::Templates;

/// What a paper is; a packet is chosen by it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaperKind {
    /// 附件7 培训补贴资金申领表.
    Annex7,
    /// 附件8 培训补贴申领明细, xlsx.
    Annex8Xlsx,
    /// 附件8 培训补贴申领明细, pdf.
    Annex8Pdf,
    /// 附件9 鉴定补贴资金申领表.
    Annex9,
    /// 附件10 鉴定补贴申领明细, xlsx.
    Annex10Xlsx,
    /// 附件10 鉴定补贴申领明细, pdf.
    Annex10Pdf,
    /// 汇总封面.
    Cover,
    /// 不予核定清单.
    RefusalList,
    /// 公示表, pdf.
    PublicityPdf,
    /// 公示表, xlsx.
    PublicityXlsx,
    /// 附件1 年度监狱培训项目及人员信息表, over all prisons.
    Annex1,
    /// 附件2 年度计划表, xlsx.
    Annex2Xlsx,
    /// 附件2 年度计划表, pdf.
    Annex2Pdf,
    /// 附件3 培训人员信息表, xlsx.
    Annex3Xlsx,
    /// 附件3 培训人员信息表, pdf.
    Annex3Pdf,
    /// 附件4 办班申报表.
    Annex4,
}

impl PaperKind {
    /// Every kind, in the order in which a packet lists them.
    pub const ALL: [PaperKind; 16] = [
        PaperKind::Cover,
        PaperKind::Annex7,
        PaperKind::Annex8Xlsx,
        PaperKind::Annex8Pdf,
        PaperKind::Annex9,
        PaperKind::Annex10Xlsx,
        PaperKind::Annex10Pdf,
        PaperKind::RefusalList,
        PaperKind::PublicityPdf,
        PaperKind::PublicityXlsx,
        PaperKind::Annex1,
        PaperKind::Annex2Xlsx,
        PaperKind::Annex2Pdf,
        PaperKind::Annex3Xlsx,
        PaperKind::Annex3Pdf,
        PaperKind::Annex4,
    ];

    /// The word in stores and scripts.
    pub const fn code(self) -> &'static str {
        match self {
            PaperKind::Annex7 => "annex7",
            PaperKind::Annex8Xlsx => "annex8-xlsx",
            PaperKind::Annex8Pdf => "annex8-pdf",
            PaperKind::Annex9 => "annex9",
            PaperKind::Annex10Xlsx => "annex10-xlsx",
            PaperKind::Annex10Pdf => "annex10-pdf",
            PaperKind::Cover => "cover",
            PaperKind::RefusalList => "refusal-list",
            PaperKind::PublicityPdf => "publicity-pdf",
            PaperKind::PublicityXlsx => "publicity-xlsx",
            PaperKind::Annex1 => "annex1",
            PaperKind::Annex2Xlsx => "annex2-xlsx",
            PaperKind::Annex2Pdf => "annex2-pdf",
            PaperKind::Annex3Xlsx => "annex3-xlsx",
            PaperKind::Annex3Pdf => "annex3-pdf",
            PaperKind::Annex4 => "annex4",
        }
    }

    /// Reads what [`PaperKind::code`] wrote.
    pub fn from_code(code: &str) -> Option<PaperKind> {
        PaperKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether papers of this kind show trainees' personal data, so that they travel encrypted only.
    pub const fn is_personal(self) -> bool {
        match self {
            PaperKind::Annex8Xlsx
            | PaperKind::Annex8Pdf
            | PaperKind::Annex10Xlsx
            | PaperKind::Annex10Pdf
            | PaperKind::Annex3Xlsx
            | PaperKind::Annex3Pdf
            | PaperKind::RefusalList => true,
            PaperKind::Annex7
            | PaperKind::Annex9
            | PaperKind::Cover
            | PaperKind::PublicityPdf
            | PaperKind::PublicityXlsx
            | PaperKind::Annex1
            | PaperKind::Annex2Xlsx
            | PaperKind::Annex2Pdf
            | PaperKind::Annex4 => false,
        }
    }
}

/// A rendered paper.
#[derive(Clone, PartialEq, Eq)]
pub struct Paper {
    /// File name, without personal data.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// What it is.
    pub kind: PaperKind,
    /// Number of the group that it belongs to; `None` for papers of the whole batch.
    pub group: Option<u32>,
    /// Whether it shows trainees' personal data.
    pub personal: bool,
}

impl std::fmt::Debug for Paper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paper").field("name", &self.name).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Where a prison's money goes: its special account (专项账户), printed on the cover.
#[derive(Clone, PartialEq, Eq)]
pub struct Payee {
    /// 户名.
    pub name: String,
    /// 开户银行.
    pub bank: String,
    /// 银行账号.
    pub account: String,
}

/// What papers need besides the batch.
#[derive(Clone, Copy)]
pub struct PaperContext<'a> {
    /// Fonts, parsed once.
    pub fonts: &'a Fonts,
    /// Templates of the pdf papers.
    pub templates: &'a Templates,
    /// Columns of annexes 8 and 10.
    pub columns: &'a DetailSpecs,
    /// Names of occupations, data of institutions, the lead prison.
    pub catalogue: &'a Catalogue,
    /// Full name of the bureau, e.g. 江苏省监狱管理局.
    pub bureau: &'a str,
    /// Full name of the HRSS, e.g. 常州市人力资源和社会保障局.
    pub hrss: &'a str,
    /// Special account per prison, by full name; a prison without one shows a blank.
    pub payees: &'a BTreeMap<Name, Payee>,
    /// Where an objection goes during publicity (受理部门、电话); may be empty.
    pub objections: &'a str,
    /// Name and version of this program.
    pub program: &'a str,
}

/// Why a paper cannot be made. Always *never*: the same batch and context fail again.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PaperError {
    /// A character that no loaded font has.
    #[error(
        "《{paper}》{place}中的字符“{character}”（{codepoint}）在所有已装字体中都没有，\
         请在字体目录补充含该字的字体后重新生成"
    )]
    MissingGlyph {
        /// File name of the paper.
        paper: String,
        /// Prison, group and row that somebody can look up, never the name; empty for papers of the whole batch.
        place: String,
        /// The character.
        character: char,
        /// `U+20BB7`.
        codepoint: String,
    },
    /// A template does not compile, or warns.
    #[error("模板有误，不能生成《{paper}》：{message}")]
    Template {
        /// File name of the paper, or of the template.
        paper: String,
        /// Template and line, from 1, of the first problem, where the compiler knows them.
        at: Option<(String, usize)>,
        /// What the compiler says, with file and line.
        message: String,
    },
    /// A template of this name is not used.
    #[error("没有名为 {name} 的模板；可替换的模板：{known}")]
    UnknownTemplate {
        /// What was given.
        name: String,
        /// What exists.
        known: String,
    },
    /// A font file cannot be read.
    #[error("第 {number} 个字体文件不能识别（应为 .otf、.ttf、.ttc）")]
    UnreadableFont {
        /// Position among the given files, from 1.
        number: usize,
    },
    /// No fonts at all.
    #[error("没有装入任何字体，不能生成 PDF")]
    NoFonts,
    /// A column file (config/forms) is wrong.
    #[error("{file}{}有误：{message}", line.map(|line| format!(" 第 {line} 行")).unwrap_or_default())]
    Columns {
        /// The file.
        file: &'static str,
        /// Line, from 1, where one is to blame.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// Writing a workbook failed.
    #[error("不能生成《{paper}》：{message}")]
    Workbook {
        /// File name of the paper.
        paper: String,
        /// What the writer says.
        message: String,
    },
    /// The password of a packet is unfit.
    #[error("{0}")]
    Password(&'static str),
    /// Writing or reading a packet failed.
    #[error("加密压缩包有误：{0}")]
    Packet(String),
    /// The batch contradicts itself.
    #[error("批次数据不一致，停止生成：{0}")]
    Broken(String),
}

/// Which papers are wanted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that a batch leaves with.
    Everything,
    /// The details as workbooks.
    Workbooks,
    /// Annexes 7 and 9.
    Forms,
}

/// Renders the wanted papers on all cores and hands each over as soon as it is made, in no order: a large batch is
/// never held as a whole. The manifest is not among them; it lists them.
pub fn print(
    batch: &Batch,
    ctx: PaperContext<'_>,
    wanted: Wanted,
    hand_over: impl Fn(Paper) + Sync,
) -> Result<(), PaperError> {
    let printer = Printer::new(batch, ctx)?;
    if wanted == Wanted::Everything {
        for paper in
            [printer.cover()?, printer.refusal_list()?, printer.publicity_pdf()?, printer.publicity_workbook()?]
        {
            hand_over(paper);
        }
    }
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None::<(usize, PaperError)>));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(group) = batch.groups.get(at) else { break };
            if let Err(error) = print_group(&printer, group, wanted, &hand_over) {
                // The others stop after what they have in hand. Whatever comes before the first group that fails has
                // been begun, so the group that is told of is always the same.
                next.store(batch.groups.len(), Ordering::Relaxed);
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, _)| at < *first) {
                    *failed = Some((at, error));
                }
            }
        }
    };
    // One rayon pool per core, each of one thread: the compiler behind the pdfs hands its work to the pool that it runs
    // in, and in a shared one a thread that waits takes up another paper meanwhile, and another within that, until its
    // stack overflows.
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let pool = |_| rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pools = (0..cores).map(pool).collect::<Result<Vec<_>, _>>();
    let pools = pools.map_err(|error| PaperError::Broken(error.to_string()))?;
    thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| pool.install(work));
        }
    });
    press::forget_all();
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), |(_, error)| Err(error))
}

fn print_group(
    printer: &Printer<'_>,
    group: &Group,
    wanted: Wanted,
    hand_over: &impl Fn(Paper),
) -> Result<(), PaperError> {
    if wanted != Wanted::Workbooks {
        hand_over(printer.form(group)?);
    }
    if wanted != Wanted::Forms {
        hand_over(printer.workbook(group)?);
    }
    if wanted == Wanted::Everything {
        printer.detail_pdfs(group)?.into_iter().for_each(hand_over);
    }
    Ok(())
}
