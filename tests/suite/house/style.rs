//! How a file is written: header, length, names, nothing unfinished, fail points that can be told apart.

use std::collections::BTreeMap;

use super::source::{Token, blank, tokens};
use super::{Offence, SourceFile};

/// One that outgrows this becomes a folder of the same name.
pub const MAX_FILE_LINES: usize = 400;
/// Signature and closing brace included.
pub const MAX_FUNCTION_LINES: usize = 70;

const HEADER: &str = "every file opens with `//!`: one line that says what it is for";
const FILE_LENGTH: &str = "a file has at most 400 lines; one that outgrows becomes a folder of the same name";
const FUNCTION_LENGTH: &str = "a function has at most 70 lines; name its parts";
const NAMES: &str = "no utils, common, helpers, misc, manager, handler, service: a name says what is inside";
const UNFINISHED: &str = "no todo!, unimplemented! or #[ignore]: what is not done stands in the issue, not in the code";
const FAIL_POINTS: &str = "a fail point has a literal name of its own: the crash test stops at each once";

/// Singular and plural; compared with file, folder and module names and with the last word of type names.
const EMPTY_NAMES: &[&str] = &["util", "common", "helper", "misc", "manager", "handler", "service"];

/// Rules that hold for everything written in Rust: src, tests, benches.
pub fn check_any(file: &SourceFile) -> Vec<Offence> {
    let mut offences = Vec::new();
    let first = file.text.lines().next().unwrap_or_default();
    if !first.starts_with("//! ") || first.len() < 10 {
        offences.push(file.offence(1, HEADER, first));
    }
    let code = blank(&file.text, true);
    for (number, line) in code.lines().enumerate() {
        if ["todo!", "unimplemented!", "#[ignore"].iter().any(|word| line.contains(word)) {
            offences.push(file.offence(number + 1, UNFINISHED, line.trim()));
        }
    }
    offences
}

/// Rules that hold for the program itself: src.
pub fn check_src(file: &SourceFile) -> Vec<Offence> {
    let mut offences = Vec::new();
    let lines = file.text.lines().count();
    if lines > MAX_FILE_LINES {
        offences.push(file.offence(lines, FILE_LENGTH, &format!("{lines} lines")));
    }
    let code = blank(&file.text, true);
    for (line, name, length) in functions(&code) {
        if length > MAX_FUNCTION_LINES {
            offences.push(file.offence(line, FUNCTION_LENGTH, &format!("fn {name}: {length} lines")));
        }
    }
    for part in &file.module {
        if is_empty_name(part) {
            offences.push(file.offence(1, NAMES, part));
        }
    }
    for pair in tokens(&code).windows(2) {
        if let [(_, Token::Word(keyword)), (line, Token::Word(name))] = pair
            && ["mod", "struct", "enum", "trait", "type"].contains(&keyword.as_str())
            && is_empty_name(last_word(name))
        {
            offences.push(file.offence(*line, NAMES, &format!("{keyword} {name}")));
        }
    }
    offences
}

/// Whether a name says nothing.
fn is_empty_name(name: &str) -> bool {
    let name = name.to_lowercase();
    EMPTY_NAMES.contains(&name.strip_suffix('s').unwrap_or(&name)) || EMPTY_NAMES.contains(&name.as_str())
}

/// `Manager` of `PrisonManager`, `helpers` of `date_helpers`.
fn last_word(name: &str) -> &str {
    let after_snake = name.rsplit('_').next().unwrap_or(name);
    after_snake.rfind(char::is_uppercase).map_or(after_snake, |at| &after_snake[at..])
}

/// Line, name and length in lines of every function with a body.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let tokens = tokens(code);
    let mut out = Vec::new();
    for (i, pair) in tokens.windows(2).enumerate() {
        let [(line, Token::Word(keyword)), (_, Token::Word(name))] = pair else { continue };
        if keyword == "fn"
            && let Some(end) = body_end(&tokens[i..])
        {
            out.push((*line, name.clone(), end - line + 1));
        }
    }
    out
}

/// The line of the brace that closes the first body; `None` for a declaration without one.
fn body_end(tokens: &[(usize, Token)]) -> Option<usize> {
    let (mut round, mut curly) = (0, 0);
    for (line, token) in tokens {
        match token {
            Token::Mark('(' | '[') => round += 1,
            Token::Mark(')' | ']') => round -= 1,
            Token::Mark(';') if round == 0 && curly == 0 => return None,
            Token::Mark('{') => curly += 1,
            Token::Mark('}') => {
                curly -= 1;
                if curly == 0 {
                    return Some(*line);
                }
            }
            _ => {}
        }
    }
    None
}

/// A fail point: where it gets its name, and the name.
#[derive(Debug, PartialEq, Eq)]
pub struct FailPoint {
    place: (String, usize),
    /// As the crash test sets it.
    pub name: String,
}

/// Every fail point of the program. `fail_point!(&format!("store.{act}.x"))` stands for one point per act, an act being
/// what `commit("..")` is called with. Second: fail points and acts whose name cannot be read.
pub fn fail_points(files: &[SourceFile]) -> (Vec<FailPoint>, Vec<Offence>) {
    let (mut points, mut nameless) = (Vec::new(), Vec::new());
    let program = || files.iter().filter(|file| !file.module.iter().any(|name| name == "tests"));
    let mut acts = Vec::new();
    for file in program() {
        for (line, argument) in arguments(file, ".commit(") {
            match literal(&argument) {
                Some(act) => acts.push((file, line, act)),
                // The database's own commit, and one that hands on the act it was given.
                None if argument.starts_with(')') || argument.starts_with("act)") => {}
                None => nameless.push(file.offence(line, FAIL_POINTS, "commit of an act that is not a literal")),
            }
        }
    }
    for file in program() {
        for (line, argument) in arguments(file, "fail_point!(") {
            match literal(argument.strip_prefix("&format!(").unwrap_or(&argument)) {
                Some(template) if template.contains("{act}") => {
                    points.extend(acts.iter().map(|(file, line, act)| FailPoint {
                        place: (file.path.clone(), *line),
                        name: template.replace("{act}", act),
                    }));
                }
                Some(name) => points.push(FailPoint { place: (file.path.clone(), line), name }),
                None => nameless.push(file.offence(line, FAIL_POINTS, "name is not a literal")),
            }
        }
    }
    (points, nameless)
}

/// What follows each call in a file, with its line.
fn arguments(file: &SourceFile, call: &str) -> Vec<(usize, String)> {
    let text = blank(&file.text, false);
    let after = |at: usize| text[at + call.len()..].trim_start().chars().take(200).collect();
    text.match_indices(call).map(|(at, _)| (1 + text[..at].matches('\n').count(), after(at))).collect()
}

/// The string literal that a text starts with.
fn literal(text: &str) -> Option<String> {
    Some(text.strip_prefix('"')?.split_once('"')?.0.to_owned())
}

/// Fail points that share a name or have none.
pub fn check_fail_points(files: &[SourceFile]) -> Vec<Offence> {
    let (points, mut offences) = fail_points(files);
    let mut seen: BTreeMap<&str, &FailPoint> = BTreeMap::new();
    for point in &points {
        if let Some(first) = seen.insert(&point.name, point) {
            let seen = format!("{}, also at {}:{}", point.name, first.place.0, first.place.1);
            let (file, line) = point.place.clone();
            offences.push(Offence { file, line, rule: FAIL_POINTS, seen });
        }
    }
    offences
}

#[cfg(test)]
mod planted {
    use super::*;

    fn rules(offences: &[Offence]) -> Vec<(usize, &'static str)> {
        offences.iter().map(|o| (o.line, o.rule)).collect()
    }

    #[test]
    fn a_missing_header_is_caught() {
        assert_eq!(rules(&check_any(&SourceFile::new("src/a.rs", "use b;\n"))), [(1, HEADER)]);
        assert_eq!(rules(&check_any(&SourceFile::new("src/a.rs", "//! Says what.\nuse b;\n"))), []);
    }

    #[test]
    fn unfinished_code_is_caught_and_words_about_it_are_not() {
        let planted = "//! Says what.\nfn a() { todo!() }\n#[ignore = \"later\"]\nfn b() { unimplemented!(\"x\") }\n";
        let lines: Vec<usize> = check_any(&SourceFile::new("tests/a.rs", planted)).iter().map(|o| o.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        let quoted = "//! Says what.\n// todo!\nconst A: &str = \"#[ignore]\";\n";
        assert_eq!(rules(&check_any(&SourceFile::new("tests/a.rs", quoted))), []);
    }

    #[test]
    fn long_files_and_functions_are_caught() {
        let body = |lines: usize| format!("fn f(a: [u8; 2]) -> u8 {{\n{}}}\n", "    g('}');\n".repeat(lines));
        assert_eq!(rules(&check_src(&SourceFile::new("src/a.rs", &body(68)))), []);
        let long = format!("trait T {{ fn declared(); }}\n{}", body(69));
        assert_eq!(rules(&check_src(&SourceFile::new("src/a.rs", &long))), [(2, FUNCTION_LENGTH)]);
        let file = "//! x\n".repeat(MAX_FILE_LINES);
        assert_eq!(rules(&check_src(&SourceFile::new("src/a.rs", &file))), []);
        assert_eq!(rules(&check_src(&SourceFile::new("src/a.rs", &format!("{file}\n")))), [(401, FILE_LENGTH)]);
    }

    #[test]
    fn empty_names_are_caught() {
        for path in ["src/utils.rs", "src/forms/common.rs", "src/helpers/mod.rs"] {
            assert_eq!(rules(&check_src(&SourceFile::new(path, "//! x"))), [(1, NAMES)], "{path}");
        }
        for code in
            ["mod misc;", "struct PrisonManager;", "enum Handlers {}", "trait MailService {}", "mod date_helpers {}"]
        {
            assert_eq!(rules(&check_src(&SourceFile::new("src/a.rs", code))), [(1, NAMES)], "{code}");
        }
        assert_eq!(
            rules(&check_src(&SourceFile::new("src/a.rs", "struct Managed; let misc = 1; mod commons_day {}"))),
            []
        );
    }

    #[test]
    fn fail_points_that_share_a_name_are_caught() {
        let one = SourceFile::new(
            "src/a.rs",
            "fail_point!(\"a\");\nfail::fail_point!(\n    \"b\", |_| x);\n// fail_point!(\"a\")",
        );
        let two = SourceFile::new("src/b.rs", "fail_point!(\"a\");\nfail_point!(NAME);");
        let offences = check_fail_points(&[one, two]);
        assert_eq!(rules(&offences), [(2, FAIL_POINTS), (1, FAIL_POINTS)]);
        assert!(offences[1].seen.contains("src/a.rs:1"));
    }

    #[test]
    fn fail_points_named_by_act_are_counted_per_act() {
        let engine = SourceFile::new(
            "src/store/engine.rs",
            "tx.commit().await;\nfail_point!(&format!(\"store.{act}.before\"));\nfail_point!(\"door\");",
        );
        let acts = SourceFile::new("src/store/batch.rs", "tx.commit(\"seal\");\ntx.commit(\n  \"void\");");
        let again = SourceFile::new("src/store/roster.rs", "tx.commit(\"seal\");\ntx.commit(act);\ntx.commit(ACT);");
        let tests = SourceFile::new("src/store/tests/mod.rs", "tx.commit(\"seal\");");
        let files = [engine, acts, tests];
        let names: Vec<String> = fail_points(&files).0.into_iter().map(|point| point.name).collect();
        assert_eq!(names, ["store.seal.before", "store.void.before", "door"]);
        assert_eq!(rules(&check_fail_points(&files)), []);
        let [engine, acts, _] = files;
        let offences = check_fail_points(&[engine, acts, again]);
        assert_eq!(rules(&offences), [(3, FAIL_POINTS), (1, FAIL_POINTS)]);
        assert!(offences[1].seen.contains("src/store/batch.rs:1"));
    }
}
