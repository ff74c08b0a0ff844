//! Fonts: parsed once from bytes, shared by all papers; which family plays which part on a paper.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};
use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

use super::PaperError;

/// A part that fonts play on a paper, and the families that can play it, the customer's own before the free ones.
struct Part {
    /// What it is for, in Chinese.
    name: &'static str,
    families: &'static [&'static str],
}

const TITLE: Part = Part {
    name: "标题（方正小标宋）",
    families: &[
        "方正小标宋简体",
        "方正小标宋_GBK",
        "FZXiaoBiaoSong-B05S",
        "FZXiaoBiaoSong-B05",
        "FZXBSJW--GB1-0",
        "FandolSong",
    ],
};
const BODY: Part = Part {
    name: "正文（仿宋）",
    families: &["仿宋_GB2312", "FangSong_GB2312", "仿宋", "FangSong", "STFangsong", "FandolFang R", "FandolFang"],
};
const LABEL: Part = Part { name: "附件标注（黑体）", families: &["黑体", "SimHei", "STHeiti", "FandolHei"] };
const NOTE: Part = Part {
    name: "说明（楷体）",
    families: &["楷体_GB2312", "KaiTi_GB2312", "楷体", "KaiTi", "STKaiti", "FandolKai"],
};
const TABLE: Part =
    Part { name: "明细表（宋体）", families: &["宋体", "SimSun", "NSimSun", "STSong", "FandolSong"] };
/// Letters and digits between 仿宋 and 楷体, whose own are rough.
const LATIN: Part = Part { name: "数字和字母", families: &["Times New Roman", "Liberation Serif", "FandolSong"] };
const RARE: Part = Part {
    name: "生僻字",
    families: &["Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "Noto Sans CJK SC"],
};
/// What [`RARE`] has a twentieth of: all the characters that a registered name may have.
const RAREST: Part = Part {
    name: "生僻字（CJK扩展B区及以后）",
    families: &["SimSun-ExtB", "HanaMinB", "Plangothic P1", "BabelStone Han", "Jigmo2"],
};

/// Families for each part, in order of preference, all of them loaded. Goes to the templates as data.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Families {
    title: Vec<String>,
    body: Vec<String>,
    label: Vec<String>,
    note: Vec<String>,
    table: Vec<String>,
    latin: Vec<String>,
}

/// A part for which no suitable family is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingFont {
    /// The part, in Chinese.
    pub part: &'static str,
    /// The families that would do, the preferred one first.
    pub families: &'static [&'static str],
}

/// The loaded fonts. Cloning is cheap.
#[derive(Clone)]
pub struct Fonts(Arc<Loaded>);

struct Loaded {
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    families: Families,
    names: Vec<String>,
    /// Every character that some font has, sorted.
    covered: Vec<u32>,
    sha256: String,
}

impl Fonts {
    /// Parses font files (.otf, .ttf, .ttc). Where two files hold the same family, the earlier one wins.
    pub fn load(files: Vec<Vec<u8>>) -> Result<Fonts, PaperError> {
        let mut hash = Sha256::new();
        let mut fonts = Vec::new();
        for (number, file) in (1..).zip(files) {
            hash.update(Sha256::digest(&file));
            let before = fonts.len();
            fonts.extend(Font::iter(Bytes::new(file)));
            if fonts.len() == before {
                return Err(PaperError::UnreadableFont { number });
            }
        }
        let book = FontBook::from_fonts(&fonts);
        let mut names = Vec::new();
        let mut covered: Vec<u32> = Vec::new();
        for font in &fonts {
            if !names.contains(&font.info().family.as_str().to_owned()) {
                names.push(font.info().family.as_str().to_owned());
            }
            covered.extend(font.info().coverage.iter());
        }
        covered.sort_unstable();
        covered.dedup();
        let families = Families {
            title: chain(&book, &TITLE, &names),
            body: chain(&book, &BODY, &names),
            label: chain(&book, &LABEL, &names),
            note: chain(&book, &NOTE, &names),
            table: chain(&book, &TABLE, &names),
            latin: loaded(&book, &LATIN).take(1).collect(),
        };
        let sha256 = hex::encode(hash.finalize());
        Ok(Fonts(Arc::new(Loaded { book: LazyHash::new(book), fonts, families, names, covered, sha256 })))
    }

    /// SHA-256 over the SHA-256 of each file, in the order given, in hex.
    pub fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// The family names that the files hold, in their order.
    pub fn family_names(&self) -> &[String] {
        &self.0.names
    }

    /// The parts for which no suitable family is loaded. Papers still print, in a family that was not meant for it.
    pub fn missing_families(&self) -> Vec<MissingFont> {
        [TITLE, BODY, LABEL, NOTE, TABLE, RARE, RAREST]
            .into_iter()
            .filter(|part| loaded(&self.0.book, part).next().is_none())
            .map(|part| MissingFont { part: part.name, families: part.families })
            .collect()
    }

    /// The first character of a text that no font has. Places where a text may break need no glyph.
    pub fn first_missing(&self, text: &str) -> Option<char> {
        let has = |c: char| self.0.covered.binary_search(&u32::from(c)).is_ok();
        text.chars().find(|c| !c.is_control() && *c != '\u{200b}' && !has(*c))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.fonts.is_empty()
    }

    pub(super) fn families(&self) -> &Families {
        &self.0.families
    }

    pub(super) fn book(&self) -> &LazyHash<FontBook> {
        &self.0.book
    }

    pub(super) fn get(&self, index: usize) -> Option<Font> {
        self.0.fonts.get(index).cloned()
    }
}

/// The loaded families of a part, then those for rare characters. Only loaded ones: the compiler warns of others,
/// and a warning stops a paper. With neither, the first family that is there.
fn chain(book: &FontBook, part: &Part, names: &[String]) -> Vec<String> {
    let mut families: Vec<String> = [part, &RARE, &RAREST].into_iter().flat_map(|part| loaded(book, part)).collect();
    if families.is_empty() {
        families.extend(names.first().cloned());
    }
    families
}

/// The loaded families of a part.
fn loaded<'a>(book: &'a FontBook, part: &'a Part) -> impl Iterator<Item = String> + 'a {
    part.families
        .iter()
        .filter(|family| book.contains_family(&family.to_lowercase()))
        .map(|family| (*family).to_owned())
}
