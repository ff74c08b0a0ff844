//! `manual`: the manual page, made of the same help texts as `--help`; what they do not say stands in `manual.roff`.

use clap::Command;
use clap_mangen::Man;

use super::usage;

/// Files, environment, exit codes: what is not of the command line.
const REST: &str = include_str!("manual.roff");

/// groff asks the first line which encoding the page is in.
const FIRST: &str = "'\\\" -*- coding: UTF-8 -*-\n";

/// Chinese has no spaces to stretch.
const LEFT: &str = ".ad l\n.nh\n";

/// The section of the help that every command shares: it stands once, at the top.
const SHARED: &str = ".SH 通用选项\n";

/// The headings that clap writes in English.
const HEADINGS: [(&str, &str); 3] =
    [(".SH NAME\n", ".SH 名称\n"), (".SH SYNOPSIS\n", ".SH 概要\n"), (".SH DESCRIPTION\n", ".SH 说明\n")];

/// The whole page. Fails as writing into memory fails: never.
pub(super) fn page() -> std::io::Result<String> {
    let root = usage::command();
    let (man, mut top) = (Man::new(root.clone()), Vec::new());
    man.render_name_section(&mut top)?;
    man.render_synopsis_section(&mut top)?;
    man.render_options_section(&mut top)?;
    let mut page = format!("{FIRST}.TH SHENLING 1 \"\" \"shenling {}\" 申领用户手册\n", env!("CARGO_PKG_VERSION"));
    page.push_str(LEFT);
    page.push_str(&String::from_utf8_lossy(&top));
    // The help of the whole begins with the name, as this section does.
    page = page.replacen("shenling \\- shenling ", "shenling \\- ", 1);
    for (english, chinese) in HEADINGS {
        page = page.replace(english, chinese);
    }
    page.push_str(".SH 命令\n");
    commands(&root, "shenling", &mut page)?;
    page.push_str(REST);
    Ok(page)
}

/// Every command that can be run, one after the other.
fn commands(command: &Command, path: &str, page: &mut String) -> std::io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            commands(sub, &path, page)?;
            continue;
        }
        let (man, mut said) = (Man::new(sub.clone()), Vec::new());
        man.render_description_section(&mut said)?;
        man.render_options_section(&mut said)?;
        page.extend([".SS \"", &path, "\"\n"]);
        let said = String::from_utf8_lossy(&said);
        let of_its_own = said.split(SHARED).next().unwrap_or_default();
        page.extend(of_its_own.lines().filter(|line| !line.starts_with(".SH ")).flat_map(|line| [line, "\n"]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_in_the_manual() {
        fn all(command: &Command, path: &str, page: &str) {
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                if sub.has_subcommands() {
                    all(sub, &path, page);
                    continue;
                }
                let (_, said) = page.split_once(&format!(".SS \"{path}\"\n")).unwrap_or_else(|| panic!("{path}"));
                let said = said.split(".SS ").next().unwrap();
                for arg in sub.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help") {
                    let name =
                        arg.get_long().map_or_else(|| arg.get_value_names().unwrap()[0].to_string(), str::to_owned);
                    assert!(said.contains(&name.replace('-', "\\-")), "{path} {name} in:\n{said}");
                }
            }
        }
        let page = page().unwrap();
        all(&usage::command(), "shenling", &page);
        for english in [".SH NAME", "SYNOPSIS", "OPTIONS", "SUBCOMMANDS", "ossible values", "[default"] {
            assert!(!page.contains(english), "{english}");
        }
        assert_eq!(page.matches(SHARED).count(), 1);
    }
}
