//! Templates of the pdf papers: embedded, and replaceable one by one by files of the same name.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use typst::syntax::{DiagSpanKind, FileId, RootedPath, Source, VirtualPath, VirtualRoot};

use super::PaperError;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/templates/", $name)))),*]
    };
}

/// Name and text of each template. `look.typ` holds what the others share.
const EMBEDDED: &[(&str, &str)] = embedded![
    "annex1.typ",
    "annex4.typ",
    "annex7.typ",
    "annex9.typ",
    "cover.typ",
    "detail.typ",
    "look.typ",
    "plan-cover.typ",
    "publicity.typ",
];

/// The templates, parsed once.
#[derive(Clone)]
pub struct Templates {
    sources: BTreeMap<String, Source>,
    sha256: String,
}

impl Templates {
    /// The templates as this program brings them.
    pub fn embedded() -> Templates {
        Templates::from_texts(EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    /// The embedded templates, with some replaced by texts of the same name (`annex7.typ`).
    /// A name that is not used or a text that does not parse is an error.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Templates, PaperError> {
        let mut texts: BTreeMap<String, String> =
            EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        for (name, text) in overrides {
            let Some(place) = texts.get_mut(name) else {
                return Err(PaperError::UnknownTemplate { name: name.clone(), known: known() });
            };
            place.clone_from(text);
        }
        let templates = Templates::from_texts(texts);
        for (name, source) in &templates.sources {
            if let Some(error) = source.root().errors_and_warnings().0.first() {
                let range = match error.span.get() {
                    DiagSpanKind::Number { num, sub_range, .. } => source.range(num, sub_range),
                    DiagSpanKind::Range { range, .. } => Some(range),
                    DiagSpanKind::Detached => None,
                };
                let line = range.and_then(|range| source.lines().byte_to_line(range.start));
                let at = line.map(|line| (name.clone(), line + 1));
                return Err(PaperError::Template { paper: name.clone(), at, message: error.message.to_string() });
            }
        }
        Ok(templates)
    }

    /// SHA-256 over names and texts, in hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The names that can be replaced.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    pub(super) fn source(&self, name: &str) -> Option<&Source> {
        self.sources.get(name)
    }

    fn from_texts(texts: BTreeMap<String, String>) -> Templates {
        let mut hash = Sha256::new();
        let mut sources = BTreeMap::new();
        for (name, text) in texts {
            hash.update(format!("{name}\n{}\n", text.len()));
            hash.update(&text);
            let source = Source::new(file_id(&name), text);
            sources.insert(name, source);
        }
        Templates { sources, sha256: hex::encode(hash.finalize()) }
    }
}

/// The id of a virtual file at the root.
pub(super) fn file_id(name: &str) -> FileId {
    let path = VirtualPath::new(name).expect("names of virtual files are constants without separators");
    RootedPath::new(VirtualRoot::Project, path).intern()
}

fn known() -> String {
    Templates::names().collect::<Vec<_>>().join("、")
}
