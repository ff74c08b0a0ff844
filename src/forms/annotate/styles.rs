//! The styles of a workbook: every marked cell gets its own style with another fill, and the list gets five.

use std::collections::HashMap;

use super::markup::{Draft, Element, elements};
use super::{Colour, Paint, Unfit};

/// Most styles that a workbook may have; Excel refuses more than 65,490.
const MAX_STYLES: usize = 60_000;

/// What a workbook without styles is taken to have.
pub(super) const PLAIN: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">"#,
    r#"<fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>"#,
    r#"<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>"#,
    r#"<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>"#,
    r#"<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>"#,
    r#"<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>"#,
    r#"<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"#
);

/// How a cell of the list looks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The title.
    Title,
    /// Text.
    Plain,
    /// A place that leads to its cell.
    Link,
    /// The heading of a group; `None` for repairs.
    Heading(Option<Colour>),
}

/// `styles.xml`, with the styles that were asked for.
pub(super) struct Styles<'a> {
    text: &'a str,
    fonts: Element<'a>,
    fills: Element<'a>,
    formats: Element<'a>,
    /// Elements of the three.
    counts: [usize; 3],
    /// Open tag of each cell style, whether it closes itself, and what follows to its end.
    known: Vec<(Element<'a>, &'a str)>,
    /// Fills that an earlier copy of ours brought, by colour.
    old_fills: Vec<(String, Colour)>,
    added: Vec<String>,
    marked: HashMap<(usize, Option<Paint>), usize>,
    looks: Vec<(Look, usize)>,
}

impl<'a> Styles<'a> {
    /// Reads the part.
    pub fn read(text: &'a str) -> Result<Styles<'a>, Unfit> {
        let all = elements(text)?;
        let section = |name: &str| all.iter().find(|e| e.depth == 1 && e.name == name).cloned().ok_or(Unfit);
        let (fonts, fills, formats) = (section("fonts")?, section("fills")?, section("cellXfs")?);
        let within = |parent: &Element<'_>| {
            let range = parent.whole();
            all.iter().filter(move |e| e.depth == 2 && range.contains(&e.open.start))
        };
        let known: Vec<(Element<'a>, &'a str)> =
            within(&formats).map(|e| (e.clone(), text.get(e.open.end..e.close.end).unwrap_or_default())).collect();
        let mut old_fills = Vec::new();
        for (index, fill) in within(&fills).enumerate() {
            let body = text.get(fill.whole()).unwrap_or_default();
            old_fills
                .extend(Colour::ALL.into_iter().filter(|c| body.contains(c.rgb())).map(|c| (index.to_string(), c)));
        }
        if known.is_empty() || known.len() > MAX_STYLES {
            return Err(Unfit);
        }
        Ok(Styles {
            text,
            counts: [within(&fonts).count(), within(&fills).count(), known.len()],
            fonts,
            fills,
            formats,
            known,
            old_fills,
            added: Vec::new(),
            marked: HashMap::new(),
            looks: Vec::new(),
        })
    }

    /// Whether a cell of this style was marked by an earlier copy of ours.
    pub fn is_marked(&self, style: usize) -> bool {
        let fill = self.known.get(style).and_then(|(element, _)| element.attribute("fillId"));
        fill.is_some_and(|fill| self.old_fills.iter().any(|(old, _)| *old == fill))
    }

    /// The style that is this one with our fill, or, without a paint, with none.
    pub fn painted(&mut self, style: usize, paint: Option<Paint>) -> Result<usize, Unfit> {
        let style = if style < self.known.len() { style } else { 0 };
        if let Some(known) = self.marked.get(&(style, paint)) {
            return Ok(*known);
        }
        let fill = paint.map_or(0, |paint| self.fill(paint.colour)).to_string();
        let (element, rest) = self.known.get(style).ok_or(Unfit)?;
        let mut changes = vec![("fillId", Some(&*fill)), ("applyFill", Some("1"))];
        if paint.is_some_and(|paint| paint.as_text) {
            changes.extend([("numFmtId", Some("49")), ("applyNumberFormat", Some("1"))]);
        }
        let tag = element.tag_with(&changes);
        let made = self.add(format!("{tag}{rest}"))?;
        self.marked.insert((style, paint), made);
        Ok(made)
    }

    /// The style of a cell of the list.
    pub fn look(&mut self, look: Look) -> Result<usize, Unfit> {
        if let Some((_, known)) = self.looks.iter().find(|(known, _)| *known == look) {
            return Ok(*known);
        }
        let font = match look {
            Look::Title => self.counts[0],
            Look::Heading(_) => self.counts[0] + 1,
            Look::Link => self.counts[0] + 2,
            Look::Plain => self.counts[0] + 3,
        };
        let fill = if let Look::Heading(Some(colour)) = look { self.fill(colour) } else { 0 };
        let prefix = self.formats.prefix();
        // `@`: what a clerk types beside it stays text.
        let made = self.add(format!(
            "<{prefix}xf numFmtId=\"49\" fontId=\"{font}\" fillId=\"{fill}\" borderId=\"0\" xfId=\"0\" \
             applyNumberFormat=\"1\" applyFont=\"1\" applyFill=\"1\" applyAlignment=\"1\">\
             <{prefix}alignment vertical=\"top\" wrapText=\"1\"/></{prefix}xf>"
        ))?;
        self.looks.push((look, made));
        Ok(made)
    }

    fn fill(&self, colour: Colour) -> usize {
        self.counts[1] + colour as usize
    }

    fn add(&mut self, format: String) -> Result<usize, Unfit> {
        let index = self.known.len() + self.added.len();
        if index > MAX_STYLES {
            return Err(Unfit);
        }
        self.added.push(format);
        Ok(index)
    }

    /// The part with what was added.
    pub fn finish(self) -> Result<String, Unfit> {
        let mut draft = Draft::of(self.text);
        let p = self.fonts.prefix();
        let font = |inner: &str| format!("<{p}font>{inner}<{p}name val=\"宋体\"/></{p}font>");
        let fonts = [
            font(&format!("<{p}b/><{p}sz val=\"16\"/>")),
            font(&format!("<{p}b/><{p}sz val=\"11\"/>")),
            font(&format!("<{p}u/><{p}sz val=\"11\"/><{p}color rgb=\"FF0563C1\"/>")),
            font(&format!("<{p}sz val=\"11\"/>")),
        ];
        let fills = Colour::ALL.map(|colour| {
            format!(
                "<{p}fill><{p}patternFill patternType=\"solid\"><{p}fgColor rgb=\"{}\"/><{p}bgColor indexed=\"64\"/>\
                 </{p}patternFill></{p}fill>",
                colour.rgb()
            )
        });
        let sections =
            [(&self.fonts, fonts.as_slice()), (&self.fills, fills.as_slice()), (&self.formats, self.added.as_slice())];
        for ((section, added), count) in sections.into_iter().zip(self.counts) {
            if section.closes_itself() {
                return Err(Unfit);
            }
            let count = (count + added.len()).to_string();
            draft.replace(section.open.clone(), section.tag_with(&[("count", Some(&count))]));
            draft.append(section, &added.concat());
        }
        draft.finish()
    }
}
