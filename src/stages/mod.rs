//! The recipes, one file a verb. Each reads and writes the store and may run twice, late, or elsewhere.
//!
//! [`remind`]: who still owes what -> one letter each. [`collect`]: inbox -> kept originals -> rows, or findings.
//! [`calculate`]: assessments x catalogue x history -> verdicts. [`compile`]: filed plans -> the plan of the city.
//! [`claim`]: unsettled assessments -> a sealed batch with its papers. [`deliver`]: packets -> the next agency.
//! [`digest`]: how everything stands -> one letter a day, and a page. [`alarm`]: what is wrong -> one letter when it
//! begins, one when it is over. [`held`]: what is held for lack of what -> one letter a week to who can supply it.

pub mod alarm;
pub mod calculate;
pub mod claim;
pub mod collect;
pub mod compile;
pub mod deliver;
pub mod digest;
pub mod held;
pub mod remind;

use std::collections::BTreeMap;

use crate::forms::letters::LetterError;
use crate::forms::papers::{DetailSpecs, Fonts, PaperContext, PaperError, Payee, Templates};
use crate::store::{StoreError, TrayRefused};
use crate::subsidy::assessment::Name;
use crate::subsidy::catalogue::Catalogue;

/// What papers are made with, beside the batch and the catalogue.
#[derive(Clone)]
pub struct Stationery {
    /// Fonts, parsed once.
    pub fonts: Fonts,
    /// Templates of the PDF papers.
    pub templates: Templates,
    /// Columns of annexes 8 and 10.
    pub columns: DetailSpecs,
    /// Full name of 省监狱管理局.
    pub bureau: String,
    /// Full name of 市人力资源和社会保障局.
    pub hrss: String,
    /// Special account per prison.
    pub payees: BTreeMap<Name, Payee>,
    /// Where an objection goes during publicity.
    pub objections: String,
    /// Name and version of this program.
    pub program: String,
}

impl Stationery {
    /// With the catalogue: everything that a paper needs beside the batch.
    pub fn context<'a>(&'a self, catalogue: &'a Catalogue) -> PaperContext<'a> {
        PaperContext {
            fonts: &self.fonts,
            templates: &self.templates,
            columns: &self.columns,
            catalogue,
            bureau: &self.bureau,
            hrss: &self.hrss,
            payees: &self.payees,
            objections: &self.objections,
            program: &self.program,
        }
    }
}

/// Why a stage as a whole could not run.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The store failed; [`StoreError::is_transient`] says whether to come back later.
    #[error("数据库：{0}")]
    Store(#[from] StoreError),
    /// Somebody decided about the file meanwhile. Never.
    #[error("{0}")]
    Tray(#[source] TrayRefused),
    /// A paper could not be made. Never, until what it names is mended.
    #[error("表格：{0}")]
    Paper(#[from] PaperError),
    /// A letter could not be written. Never, until the template that it names is mended.
    #[error("{0}")]
    Letter(#[from] LetterError),
    /// The mailbox cannot be used. Later.
    #[error("{0}")]
    Mailbox(#[from] crate::inbox::mailbox::Trouble),
    /// A folder could not be read. Later.
    #[error("{what}：{error}")]
    Folder {
        /// The folder.
        what: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others kept changing the facts while the batch was drafted. Later.
    #[error("起草批次期间数据不断变化，请稍后再试")]
    Unsettled,
    /// The catalogue on disk changed while the batch was drafted. Later.
    #[error("起草批次期间目录文件被修改，请重新运行")]
    CatalogueChanged,
    /// A broken invariant.
    #[error("内部错误：{0}")]
    Broken(String),
}

impl From<TrayRefused> for StageError {
    fn from(refused: TrayRefused) -> StageError {
        match refused {
            TrayRefused::Store(error) => StageError::Store(error),
            refused => StageError::Tray(refused),
        }
    }
}

/// Takes something large apart on another thread: a season's rows are millions of small pieces, and nobody need wait for
/// that.
fn let_go<T: Send + 'static>(value: T) {
    rayon::spawn(move || drop(value));
}

/// Runs heavy work off the async threads; a panic in it comes back as an error that stops this work only.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StageError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StageError::Broken(error.to_string()))
}
