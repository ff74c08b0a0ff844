//! Typst as a library: a template and its data become the bytes of a PDF/A-2b, or an error that says why not.
//!
//! Data reach a template as a virtual `data.json`, never as template text, so that nothing in them can be read as markup.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, Source};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World, WorldExt};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use super::templates::file_id;
use super::{Fonts, PaperError, Templates};

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(<Library as LibraryExt>::default()));
static DATA: LazyLock<FileId> = LazyLock::new(|| file_id("data.json"));
/// Short papers printed so far.
static PRINTED: AtomicUsize = AtomicUsize::new(0);

/// After so many short papers the compiler forgets what none of them used.
const FORGET_EVERY: usize = 4;
/// Bytes of data from which a paper is long.
const LONG_DATA: usize = 64 * 1024;

/// One paper to be set.
pub(super) struct Job<'a> {
    /// Which template.
    pub template: &'a str,
    /// File name of the paper: stands in errors and decides the document's id.
    pub paper: &'a str,
    /// Name and version of this program.
    pub program: &'a str,
    /// More pages than this are of no use; nothing is made of them.
    pub max_pages: Option<usize>,
}

/// What the compiler may look at: the templates, the data, the fonts. No files, no packages, no clock.
struct Desk<'a> {
    fonts: &'a Fonts,
    templates: &'a Templates,
    main: FileId,
    data: Bytes,
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let name = id.vpath().get_without_slash();
        self.templates.source(name).cloned().ok_or_else(|| FileError::NotFound(PathBuf::from(name)))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == *DATA {
            return Ok(self.data.clone());
        }
        self.source(id).map(Bytes::from_string)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// Sets a paper; `None` where it has too many pages.
pub(super) fn print(
    job: &Job<'_>,
    data: &impl Serialize,
    fonts: &Fonts,
    templates: &Templates,
) -> Result<Option<Vec<u8>>, PaperError> {
    if fonts.is_empty() {
        return Err(PaperError::NoFonts);
    }
    let json = serde_json::to_vec(data).map_err(|error| broken(job, &error.to_string()))?;
    let desk = Desk { fonts, templates, main: file_id(job.template), data: Bytes::new(json) };
    let outcome = compile(&desk, job);
    forget(desk.data.len());
    outcome.map_err(|problems| explain(&desk, job, &problems))
}

/// The compiler remembers results. Forms of a batch are alike and gain from what it remembers of the last few (the fonts
/// of title and label, cells that say the same), but it must not remember all, nor what a long paper leaves behind.
fn forget(data_bytes: usize) {
    if data_bytes > LONG_DATA {
        forget_all();
    } else if PRINTED.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
        comemo::evict(1);
    }
}

/// Frees everything that the compiler remembers.
pub(super) fn forget_all() {
    comemo::evict(0);
}

fn compile(desk: &Desk<'_>, job: &Job<'_>) -> Result<Option<Vec<u8>>, Vec<SourceDiagnostic>> {
    let compiled = typst::compile::<PagedDocument>(desk);
    let document = compiled.output.map_err(|errors| errors.to_vec())?;
    if !compiled.warnings.is_empty() {
        return Err(compiled.warnings.to_vec());
    }
    if job.max_pages.is_some_and(|most| document.pages().len() > most) {
        return Ok(None);
    }
    let standards = PdfStandards::new(&[PdfStandard::A_2b]).expect("PDF/A-2b alone is a valid choice");
    let options = PdfOptions {
        ident: Smart::Custom(job.paper.to_owned()),
        creator: Smart::Custom(Some(job.program.to_owned())),
        standards,
        tagged: false,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map(Some).map_err(|errors| errors.to_vec())
}

/// Names the missing character where that is the reason, else what the compiler says with template and line.
fn explain(desk: &Desk<'_>, job: &Job<'_>, problems: &[SourceDiagnostic]) -> PaperError {
    let data = std::str::from_utf8(desk.data.as_slice()).unwrap_or_default();
    // JSON escapes control characters only, so its text shows every other character of the data as it is.
    if let Some(character) = desk.fonts.first_missing(data) {
        let codepoint = format!("U+{:04X}", u32::from(character));
        let (paper, place) = (job.paper.to_owned(), String::new());
        return PaperError::MissingGlyph { paper, place, character, codepoint };
    }
    let place = |problem: &SourceDiagnostic| {
        let id = problem.span.id()?;
        let line = desk.source(id).ok()?.lines().byte_to_line(desk.range(problem.span)?.start)? + 1;
        Some((id.vpath().get_without_slash().to_owned(), line))
    };
    let said = |problem: &SourceDiagnostic| {
        let at = place(problem).map(|(template, line)| format!("{template} 第 {line} 行：")).unwrap_or_default();
        format!("{at}{}", problem.message)
    };
    PaperError::Template {
        paper: job.paper.to_owned(),
        at: problems.iter().find_map(place),
        message: problems.iter().map(said).collect::<Vec<_>>().join("；"),
    }
}

fn broken(job: &Job<'_>, message: &str) -> PaperError {
    PaperError::Template { paper: job.paper.to_owned(), at: None, message: message.to_owned() }
}
