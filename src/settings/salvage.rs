//! What a flawed `shenling.toml` still says, so that a mistake in it hides none elsewhere.

use std::collections::BTreeSet;

use super::Settings;
use super::layers::PREFIX;
use super::mistake::Mistake;

/// The settings as far as they can be read, and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Salvaged {
    /// Defaults stand in for what is wrong; `None` where too much is.
    pub settings: Option<Settings>,
    /// Every mistake.
    pub mistakes: Vec<Mistake>,
    /// Keys (`paths.inbox`) and sections (`prison`) whose values must not be relied on.
    pub doubtful: BTreeSet<String>,
}

/// The text without the lines in which mistakes stand, and without sections that have no meaning.
pub(super) fn sound_lines(text: &str, mistakes: &[Mistake]) -> String {
    let mut sound = String::with_capacity(text.len());
    let mut skips_section = false;
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = mistakes.iter().any(|mistake| mistake.line == Some(number));
        let repeats = line.trim_start().starts_with("[[");
        if is_header(line) {
            skips_section = wrong && !repeats;
        }
        if !skips_section && (!wrong || repeats) {
            sound.push_str(line);
        }
        sound.push('\n');
    }
    sound
}

/// The keys and sections in which mistakes stand.
pub(super) fn doubtful(text: &str, mistakes: &[Mistake]) -> BTreeSet<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut keys = BTreeSet::new();
    for mistake in mistakes {
        if let Some((_, variable)) = mistake.file.split_once(PREFIX) {
            keys.insert(variable.to_lowercase().replace("__", "."));
        }
        let Some(at) = mistake.line.and_then(|line| usize::try_from(line).ok()) else { continue };
        let above = lines.get(..at).unwrap_or_default();
        let header = above.iter().rev().find(|line| is_header(line)).copied().unwrap_or_default();
        let section = header.split(['[', ']']).find(|part| !part.trim().is_empty()).unwrap_or_default().trim();
        match above.last().and_then(|line| line.split_once('=')) {
            Some((key, _)) if !matches!(section, "prison" | "agency") => {
                keys.insert(format!("{section}.{}", key.trim()));
            }
            _ => {
                keys.insert(section.to_owned());
            }
        }
    }
    keys
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}
