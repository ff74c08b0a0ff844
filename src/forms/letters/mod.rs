//! Letters: data -> subject, text and HTML, by editable templates (minijinja, strict: what is not there is an error).
//!
//! Findings: a template that does not parse, or that asks for something that a letter does not have, is an error that
//! names the template and the line; [`Templates::with_overrides`] proves every replaced template on a sample.

mod remind;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

pub use remind::{Moved, Reminder, Replan};

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/templates/mail/", $name)))),*]
    };
}

/// Name and text of each template.
const EMBEDDED: &[(&str, &str)] = embedded![
    "remind.subject.j2",
    "remind.txt.j2",
    "remind.html.j2",
    "replan.subject.j2",
    "replan.txt.j2",
    "replan.html.j2",
];

/// Longest subject: longer ones are cut off by what shows them.
const MAX_SUBJECT_CHARS: usize = 120;

/// Why a letter could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// Never, until the template is mended.
    #[error("邮件模板 {name}{}：{message}", line.map(|line| format!(" 第 {line} 行")).unwrap_or_default())]
    Template {
        /// The template.
        name: String,
        /// The line, where it is known.
        line: Option<usize>,
        /// What is wrong with it.
        message: String,
    },
    /// A template of that name is not used.
    #[error("没有名为 {0} 的邮件模板")]
    Unknown(String),
}

/// A letter in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Subject, one line.
    pub subject: String,
    /// Plain body.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// The templates, parsed once.
pub struct Templates {
    jinja: Environment<'static>,
}

impl Templates {
    /// The templates as this program brings them.
    pub fn embedded() -> Result<Templates, LetterError> {
        Templates::with_overrides(&BTreeMap::new())
    }

    /// The names that can be replaced.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The embedded templates, with some replaced by texts of the same name; each is proved on a sample.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Templates, LetterError> {
        if let Some(stranger) = overrides.keys().find(|name| !Templates::names().any(|known| known == *name)) {
            return Err(LetterError::Unknown(stranger.clone()));
        }
        let mut jinja = Environment::new();
        jinja.set_undefined_behavior(UndefinedBehavior::Strict);
        jinja.set_auto_escape_callback(
            |name| {
                if name.ends_with(".html.j2") { AutoEscape::Html } else { AutoEscape::None }
            },
        );
        for (name, text) in EMBEDDED {
            let text = overrides.get(*name).map_or(*text, String::as_str).to_owned();
            jinja.add_template_owned(*name, text).map_err(|error| fault(name, &error))?;
        }
        let templates = Templates { jinja };
        for reminder in remind::samples() {
            templates.reminder(&reminder)?;
        }
        templates.replan(&remind::replan_sample())?;
        Ok(templates)
    }

    /// A reminder.
    pub fn reminder(&self, reminder: &Reminder) -> Result<Words, LetterError> {
        self.words(["remind.subject.j2", "remind.txt.j2", "remind.html.j2"], &reminder.context())
    }

    /// Dates that moved.
    pub fn replan(&self, replan: &Replan) -> Result<Words, LetterError> {
        self.words(["replan.subject.j2", "replan.txt.j2", "replan.html.j2"], &replan.context())
    }

    fn words(&self, names: [&str; 3], context: &Value) -> Result<Words, LetterError> {
        let render = |name: &str| {
            let rendered = self.jinja.get_template(name).and_then(|template| template.render(context));
            rendered.map_err(|error| fault(name, &error))
        };
        let subject = render(names[0])?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Words {
            subject: subject.chars().take(MAX_SUBJECT_CHARS).collect(),
            text: render(names[1])?,
            html: render(names[2])?,
        })
    }
}

fn fault(name: &str, error: &minijinja::Error) -> LetterError {
    let name = error.name().unwrap_or(name).to_owned();
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    LetterError::Template { name, line: error.line(), message }
}
