//! The house rules as tests: who imports whom, how files are written, what the prose promises, what is depended on.
//!
//! Every rule is a pure function over text with a test beside it that plants an offender. What it finds is printed
//! as `file:line: the rule: what was seen`. To change a rule, change its sentence here and say why in the commit.

mod imports;
mod prose;
mod source;
mod style;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file: its path from the root of the repository, its module path, its text.
pub struct SourceFile {
    path: String,
    module: Vec<String>,
    text: String,
}

impl SourceFile {
    fn new(path: &str, text: &str) -> SourceFile {
        let inner = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
        let inner = inner.strip_suffix("/mod").unwrap_or(inner);
        let module = if inner == "lib" { Vec::new() } else { inner.split('/').map(str::to_owned).collect() };
        SourceFile { path: path.to_owned(), module, text: text.to_owned() }
    }

    fn offence(&self, line: usize, rule: &'static str, seen: &str) -> Offence {
        Offence { file: self.path.clone(), line, rule, seen: seen.to_owned() }
    }
}

/// A broken rule and where.
#[derive(Debug)]
pub struct Offence {
    file: String,
    line: usize,
    rule: &'static str,
    seen: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.rule, self.seen)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under a folder, in order of path.
fn rust_files(folder: &str) -> Vec<SourceFile> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                out.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let inside = path.strip_prefix(root()).unwrap_or(path).to_string_lossy();
        SourceFile::new(&inside, &fs::read_to_string(path).expect("a source file is readable UTF-8"))
    };
    paths.iter().map(read).collect()
}

fn assert_none(offences: &[Offence]) {
    let list: Vec<String> = offences.iter().map(Offence::to_string).collect();
    assert!(list.is_empty(), "the house rules are broken in {} places:\n{}", list.len(), list.join("\n"));
}

#[test]
fn nobody_imports_what_the_table_does_not_allow() {
    let files = rust_files("src");
    assert!(files.len() > 10, "the source was not found");
    let mut stages: Vec<String> = files
        .iter()
        .filter(|file| file.module.len() > 1 && file.module[0] == "stages")
        .map(|f| f.module[1].clone())
        .collect();
    stages.dedup();
    assert_none(&files.iter().flat_map(|file| imports::check(file, &stages)).collect::<Vec<_>>());
}

#[test]
fn files_functions_and_names_keep_the_style() {
    let mut offences: Vec<Offence> = rust_files("src").iter().flat_map(style::check_src).collect();
    for folder in ["src", "tests", "benches", "fuzz/fuzz_targets"] {
        offences.extend(rust_files(folder).iter().flat_map(style::check_any));
    }
    assert_none(&offences);
}

#[test]
fn fail_points_can_be_told_apart() {
    assert_none(&style::check_fail_points(&rust_files("src")));
}

#[test]
fn the_prose_names_only_what_exists() {
    let exists = |path: &str| root().join(path).exists();
    let mut offences = Vec::new();
    for file in ["README.md", "README.zh-CN.md", "src/lib.rs"] {
        if let Ok(text) = fs::read_to_string(root().join(file)) {
            offences.extend(prose::check_paths(file, &text, &exists));
        }
    }
    assert_none(&offences);
}

#[test]
fn nothing_banned_is_depended_on() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let rules = fs::read_to_string(root().join("deny.toml")).unwrap();
    assert_none(&prose::check_lock(&lock, &rules));
}
