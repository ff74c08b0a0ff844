//! Letters: subject, plain text and HTML from templates, built in and replaceable one by one.
//!
//! A letter named `x` is three templates: `x.subject.txt`, `x.txt` and `x.html`; `look.html`, `look.txt` and
//! `parts.html` hold what all share. Strict: a name that the facts do not have is an error, never an empty place. To add a letter: write the
//! three templates, a type of facts beside [`BatchFacts`] with a sample, and a line each in `EMBEDDED` and [`LETTERS`].

mod alarm;
mod answers;
mod decision;
mod facts;
mod held;
mod overview;
mod remind;
mod reply;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

pub use alarm::{AlarmFacts, AlarmLine, duty_in_words, instant_in_words};
pub use answers::{OldFormFacts, StrangerFacts, Unopened, UnopenedFacts};
pub use decision::{Decided, DecisionFacts, Sent};
pub use facts::{Attached, BatchFacts, BatchFigures, Frame, Task, TestFacts, size_in_words};
pub use held::{HeldFacts, HeldLine};
pub use overview::{BatchBar, DueLine, GoalChart, Overview, PlanBar, PlanChart, deeds};
pub use remind::{Moved, ReminderFacts, ReplanFacts, date_in_words};
pub use reply::{Arrival, Contents, FileFacts, MendedFacts, OWN_COPY, Outcome, ProblemFacts, ReplyFacts, courses};

/// Longest subject in characters: beyond it mail programs cut.
const MAX_SUBJECT: usize = 120;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/templates/mail/", $name)))),*]
    };
}

/// Name and text of each template.
const EMBEDDED: &[(&str, &str)] = embedded![
    "alarm.html",
    "alarm.subject.txt",
    "alarm.txt",
    "batch.html",
    "batch.subject.txt",
    "batch.txt",
    "decision.html",
    "decision.subject.txt",
    "decision.txt",
    "digest.html",
    "digest.subject.txt",
    "digest.txt",
    "held.html",
    "held.subject.txt",
    "held.txt",
    "look.html",
    "look.txt",
    "oldform.html",
    "oldform.subject.txt",
    "oldform.txt",
    "parts.html",
    "remind.html",
    "remind.subject.txt",
    "remind.txt",
    "replan.html",
    "replan.subject.txt",
    "replan.txt",
    "reply.html",
    "reply.subject.txt",
    "reply.txt",
    "status.html",
    "stranger.html",
    "stranger.subject.txt",
    "stranger.txt",
    "test.html",
    "test.subject.txt",
    "test.txt",
    "unopened.html",
    "unopened.subject.txt",
    "unopened.txt",
];

/// A letter and its sample facts.
type Sample = (&'static str, fn() -> Value);

/// Every letter, for the proofs.
pub const LETTERS: &[Sample] = &[
    ("alarm", || Value::from(Serde(AlarmFacts::sample()))),
    ("batch", || Value::from(Serde(BatchFacts::sample()))),
    ("decision", || Value::from(Serde(DecisionFacts::sample()))),
    ("digest", || Value::from(Serde(Overview::sample()))),
    ("held", || Value::from(Serde(HeldFacts::sample()))),
    ("remind", || Value::from(Serde(ReminderFacts::sample()))),
    ("replan", || Value::from(Serde(ReplanFacts::sample()))),
    ("oldform", || Value::from(Serde(OldFormFacts::sample()))),
    ("reply", || Value::from(Serde(ReplyFacts::sample()))),
    ("stranger", || Value::from(Serde(StrangerFacts::sample()))),
    ("unopened", || Value::from(Serde(UnopenedFacts::sample()))),
    ("test", || Value::from(Serde(TestFacts::sample()))),
];

/// Why a letter could not be written. Never, until the template is mended.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// A file that is no template.
    #[error("没有名为 {name} 的邮件模板；可以替换的是：{known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that can be replaced.
        known: String,
    },
    /// A template does not parse, or asks for something that the letter does not know.
    #[error("邮件模板 {name}{}有误：{says}", line.map(|line| format!(" 第 {line} 行")).unwrap_or_default())]
    Template {
        /// The template.
        name: String,
        /// Its line, from 1, where one is to blame.
        line: Option<usize>,
        /// What is wrong.
        says: String,
    },
}

/// A letter, written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterText {
    /// One line.
    pub subject: String,
    /// The plain body.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// The templates, parsed once.
#[derive(Clone, Debug)]
pub struct LetterTemplates {
    environment: Environment<'static>,
}

/// The embedded templates, compiled once: the daemon asks for them every minute.
static BUILT_IN: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line that holds a tag alone leaves no empty line behind.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the delimiters are the usual ones"));
    for (name, text) in EMBEDDED {
        environment.add_template(name, text).expect("a test compiles every embedded template");
    }
    environment
});

impl LetterTemplates {
    /// The templates as this program brings them.
    pub fn embedded() -> Result<LetterTemplates, LetterError> {
        LetterTemplates::with_overrides(BTreeMap::new())
    }

    /// The embedded templates, with some replaced by texts of the same name (`batch.html`).
    pub fn with_overrides(overrides: BTreeMap<String, String>) -> Result<LetterTemplates, LetterError> {
        let mut environment = BUILT_IN.clone();
        for (name, text) in overrides {
            if !LetterTemplates::names().any(|known| known == name) {
                let known = LetterTemplates::names().collect::<Vec<_>>().join("、");
                return Err(LetterError::Unknown { name, known });
            }
            environment.add_template_owned(name.clone(), text).map_err(|error| broken(&name, &error))?;
        }
        Ok(LetterTemplates { environment })
    }

    /// The names that can be replaced.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// Writes a letter from its facts.
    pub fn write(&self, letter: &str, facts: &impl Serialize) -> Result<LetterText, LetterError> {
        let facts = Value::from(Serde(facts));
        let rendered = |end: &str| self.render(&format!("{letter}.{end}"), &facts);
        let subject = rendered("subject.txt")?;
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_SUBJECT).collect();
        Ok(LetterText { subject, text: rendered("txt")?, html: rendered("html")? })
    }

    /// Draws the status page.
    pub fn page(&self, overview: &Overview) -> Result<String, LetterError> {
        self.render("status.html", &Value::from(Serde(overview)))
    }

    fn render(&self, name: &str, facts: &Value) -> Result<String, LetterError> {
        let template = self.environment.get_template(name).map_err(|error| broken(name, &error))?;
        template.render(facts).map_err(|error| broken(name, &error))
    }

    /// Writes every letter once with invented facts, so that a slip in an edited template shows at `check`.
    pub fn proofs(&self) -> Result<Vec<(&'static str, LetterText)>, LetterError> {
        self.page(&Overview::sample())?;
        LETTERS.iter().map(|(name, sample)| Ok((*name, self.write(name, &sample())?))).collect()
    }
}

/// The innermost cause, which names the template and the line.
fn broken(name: &str, error: &minijinja::Error) -> LetterError {
    let mut inner: &minijinja::Error = error;
    while let Some(cause) = std::error::Error::source(inner).and_then(|cause| cause.downcast_ref()) {
        inner = cause;
    }
    let name = inner.name().unwrap_or(name).to_owned();
    LetterError::Template { name, line: inner.line(), says: inner.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_written_from_its_sample() {
        let proofs = LetterTemplates::embedded().unwrap().proofs().unwrap();
        let (_, batch) = proofs.iter().find(|(name, _)| *name == "batch").unwrap();
        assert_eq!(batch.subject, "申领批次 CZ-2026-Q4-001：2026年第四季度补贴申领材料，请审核盖章");
        for told in ["CZ-2026-Q4-001", "7-Zip、WinRAR、Bandizip 或 WPS", "另行告知", "江苏省监狱管理局：", "184500.00"]
        {
            assert!(batch.text.contains(told), "{told}\n{}", batch.text);
            assert!(batch.html.contains(told), "{told}\n{}", batch.html);
        }
        for (name, letter) in &proofs {
            assert!(letter.html.trim_start().starts_with("<!DOCTYPE html>"), "{name}: {}", letter.html);
            assert!(!letter.text.contains("{{") && !letter.text.contains('<'), "{name}: {}", letter.text);
        }
    }

    #[test]
    fn what_the_facts_do_not_have_is_an_error_with_its_line() {
        let edited = "第一行\n{{ nummer }}\n".to_owned();
        let templates = LetterTemplates::with_overrides(BTreeMap::from([("batch.txt".to_owned(), edited)])).unwrap();
        let said = templates.proofs().unwrap_err().to_string();
        assert!(said.starts_with("邮件模板 batch.txt 第 2 行有误："), "{said}");
    }

    #[test]
    fn a_template_that_does_not_parse_or_is_not_known_is_refused() {
        let one = |name: &str, text: &str| {
            LetterTemplates::with_overrides(BTreeMap::from([(name.to_owned(), text.to_owned())]))
                .unwrap_err()
                .to_string()
        };
        assert!(
            one("batch.html", "{% if %}").starts_with("邮件模板 batch.html 第 1 行有误："),
            "{}",
            one("batch.html", "{% if %}")
        );
        assert!(one("other.txt", "").starts_with("没有名为 other.txt 的邮件模板"));
    }

    #[test]
    fn html_is_escaped_and_a_subject_is_one_line() {
        let mut facts = BatchFacts::sample();
        facts.recipient = "<b>某局</b>".to_owned();
        let subject = ("batch.subject.txt".to_owned(), "一\r\nBcc: x@y\n".to_owned());
        let letter =
            LetterTemplates::with_overrides(BTreeMap::from([subject])).unwrap().write("batch", &facts).unwrap();
        assert!(letter.html.contains("&lt;b&gt;某局") && !letter.html.contains("<b>某局"));
        assert_eq!(letter.subject, "一 Bcc: x@y");
    }
}
