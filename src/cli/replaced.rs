//! What `check` says of fonts, and of the columns, templates and letters that the administrator replaced: every file,
//! with its line.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::told;
use super::world::{load_fonts, read_if_there, stationery};
use crate::forms::letters::{LetterError, LetterTemplates};
use crate::forms::papers::{DetailSpecs, PaperError, Templates, proofs};
use crate::forms::reading::{FileKind, FormSpecs};
use crate::settings::{Environment, Mistake, Settings, Severity};
use crate::subsidy::catalogue::Catalogue;

const COLUMNS_ADVICE: &str = "请对照 shenling init 写出的 forms/ 中的同名文件改正；删去此文件即用内置的栏目";
const TEMPLATE_ADVICE: &str = "请对照 shenling init 写出的 templates/ 中的同名文件改正；删去此文件即用内置的模板";

/// Fonts, columns, templates and letters.
pub(super) fn papers(settings: &Settings, environment: &Environment, catalogue: &Catalogue) -> Vec<Mistake> {
    let mut mistakes = columns(settings);
    mistakes.extend(letters(settings));
    let templates = templates(settings);
    // A proof of every template needs all of them: a slip in an edited one must not wait for the next claim.
    let whole = mistakes.is_empty() && templates.is_empty();
    mistakes.extend(templates);
    match stationery(settings, environment) {
        Ok(stationery) => {
            mistakes.extend(stationery.fonts.missing_families().into_iter().map(|missing| {
                let message = format!("{}缺少字体（{} 之一）", missing.part, missing.families.join("、"));
                Mistake::of(Severity::Warning, "字体", message, "请把相应字体文件放入配置 fonts_dir 所指的文件夹")
            }));
            let failed = proofs(stationery.context(catalogue)).err();
            mistakes.extend(failed.filter(|_| whole).map(|failed| template(settings, failed)));
        }
        Err(_) => mistakes.extend(load_fonts(settings, environment).err().map(|error| told(settings, &error))),
    }
    mistakes
}

/// The columns of the forms that come in and of the details that go out.
fn columns(settings: &Settings) -> Vec<Mistake> {
    let Some(dir) = &settings.paths.forms_dir else { return Vec::new() };
    let mut mistakes = Vec::new();
    let incoming = FileKind::ALL.into_iter().map(|kind| (kind.columns_file(), Some(kind)));
    let details = DetailSpecs::FILES.iter().map(|(name, _)| (*name, None));
    for (name, kind) in incoming.chain(details) {
        let path = dir.join(name);
        let Some(text) = edited(settings, &path, &mut mistakes) else { continue };
        let wrong = match kind {
            Some(kind) => FormSpecs::parse(kind, &text).err().map(|error| (Some(error.line), error.message)),
            None => detail(name, &text),
        };
        mistakes.extend(wrong.map(|(line, says)| at(settings, &path, line, says, COLUMNS_ADVICE)));
    }
    mistakes
}

/// A replaced file, where there is one; that it cannot be read is a mistake.
fn edited(settings: &Settings, path: &Path, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let read = read_if_there(path);
    mistakes.extend(read.as_ref().err().map(|unreadable| told(settings, unreadable)));
    read.ok().flatten()
}

/// What is wrong with one of annexes 8 and 10, held beside the built-in other one.
fn detail(name: &str, text: &str) -> Option<(Option<usize>, String)> {
    let [annex8, annex10] = DetailSpecs::FILES.map(|(file, built_in)| if file == name { text } else { built_in });
    match DetailSpecs::parse(annex8, annex10).err()? {
        PaperError::Columns { line, message, .. } => Some((line, message)),
        other => Some((None, other.to_string())),
    }
}

/// The templates of the papers, each held beside the built-in others.
fn templates(settings: &Settings) -> Vec<Mistake> {
    let Some(dir) = &settings.paths.templates_dir else { return Vec::new() };
    let mut mistakes = Vec::new();
    for name in Templates::names() {
        let Some(text) = edited(settings, &dir.join(name), &mut mistakes) else { continue };
        let failed = Templates::with_overrides(&BTreeMap::from([(name.to_owned(), text)])).err();
        mistakes.extend(failed.map(|failed| template(settings, failed)));
    }
    mistakes
}

/// The letters, each held beside the built-in others.
fn letters(settings: &Settings) -> Vec<Mistake> {
    let Some(dir) = settings.paths.templates_dir.as_ref().map(|dir| dir.join("mail")) else { return Vec::new() };
    let mut mistakes = Vec::new();
    for name in LetterTemplates::names() {
        let path = dir.join(name);
        let Some(text) = edited(settings, &path, &mut mistakes) else { continue };
        let written = LetterTemplates::with_overrides(BTreeMap::from([(name.to_owned(), text)]))
            .and_then(|templates| templates.proofs());
        mistakes.extend(written.err().map(|failed| match failed {
            LetterError::Template { line, says, .. } => {
                at(settings, &path, line, format!("邮件模板写不出来（{says}）"), TEMPLATE_ADVICE)
            }
            unknown @ LetterError::Unknown { .. } => at(settings, &path, None, unknown.to_string(), TEMPLATE_ADVICE),
        }));
    }
    mistakes
}

/// What a template of the papers was refused for.
fn template(settings: &Settings, failed: PaperError) -> Mistake {
    let dir = settings.paths.templates_dir.as_deref();
    match (failed, dir) {
        (PaperError::Template { at: Some((name, line)), message, .. }, Some(dir)) => {
            at(settings, &dir.join(name), Some(line), format!("模板排不出来（{message}）"), TEMPLATE_ADVICE)
        }
        (failed, _) => told(settings, &failed.into()),
    }
}

fn at(settings: &Settings, path: &Path, line: Option<usize>, message: String, advice: &str) -> Mistake {
    let mistake = Mistake::of(Severity::Error, settings.shown(path), message, advice);
    Mistake { line: line.and_then(|line| u32::try_from(line).ok()), ..mistake }
}
