//! What is promised outside the code: paths named in the README and the map exist, banned crates stay away.

use super::Offence;

const PATHS: &str = "a path named in the prose exists";
const BANNED: &str = "deny.toml bans this crate, with a reason";
const SOURCES: &str = "everything comes from the registry with a checksum";

/// A word in backticks that starts with one of these names a place in this repository.
const FOLDERS: &[&str] = &["src/", "tests/", "benches/", "config/", "migrations/", "fuzz/", ".ci/", "systemd/"];

/// Paths in backticks that do not exist. `{a,b}` and `*` are left alone.
pub fn check_paths(file: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let quoted = line.split('`').skip(1).step_by(2);
        for path in quoted.flat_map(str::split_whitespace) {
            let named = FOLDERS.iter().any(|folder| path.starts_with(folder)) && !path.contains(['*', '{', '<']);
            if named && !exists(path.trim_end_matches(['/', '.', ',', ':'])) {
                offences.push(Offence { file: file.to_owned(), line: number + 1, rule: PATHS, seen: path.to_owned() });
            }
        }
    }
    offences
}

/// Crates of a Cargo.lock that deny.toml bans, or that come from elsewhere than the registry.
pub fn check_lock(lock: &str, rules: &str) -> Vec<Offence> {
    let banned: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next()).collect();
    let mut offences = Vec::new();
    for (number, line) in lock.lines().enumerate() {
        let rule = match line.split_once(" = ") {
            Some(("name", name)) if banned.contains(&name.trim_matches('"')) => BANNED,
            Some(("source", source)) if !source.starts_with("\"registry+https://github.com/rust-lang/") => SOURCES,
            _ => continue,
        };
        offences.push(Offence { file: "Cargo.lock".to_owned(), line: number + 1, rule, seen: line.to_owned() });
    }
    offences
}

#[cfg(test)]
mod planted {
    use super::*;

    #[test]
    fn a_path_that_is_gone_is_caught() {
        let exists = |path: &str| path == "src/stages";
        let text = "See `src/stages/` and\n`src/gone.rs`; `inbox/` is yours, `src/{a,b}` is two, src/word is prose.\n";
        let seen: Vec<_> = check_paths("README.md", text, &exists).iter().map(ToString::to_string).collect();
        assert_eq!(seen, ["README.md:2: a path named in the prose exists: src/gone.rs"]);
    }

    #[test]
    fn banned_and_foreign_crates_are_caught() {
        let rules = "deny = [\n    { crate = \"openssl\", reason = \"x\" },\n]";
        let lock = "name = \"openssl\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nname = \"openssl-probe\"\nsource = \"git+https://example.org/x\"\n";
        let lines: Vec<_> = check_lock(lock, rules).iter().map(|o| (o.line, o.rule)).collect();
        assert_eq!(lines, [(1, BANNED), (4, SOURCES)]);
    }
}
