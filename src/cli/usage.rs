//! Help and usage errors in Chinese: clap's own headings and messages, put into the words of its users.

use std::process::ExitCode;

use clap::builder::{PossibleValue, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, Error, FromArgMatches};

use super::args::{Arguments, WordsMistake};
use super::output::{hint, raw};

const TEMPLATE: &str = "{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}";

/// The command line with Chinese headings.
pub(super) fn command() -> Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    let root = Arguments::command().disable_version_flag(true).arg(version.help("显示版本"));
    let mut root = in_chinese(root);
    root.build();
    root
}

/// Parses the arguments of this process; help goes to stdout, a usage error to stderr.
pub(super) fn parse() -> Result<Arguments, ExitCode> {
    let parsed = command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            raw(translated(&error.render()).as_bytes());
            ExitCode::SUCCESS
        }
        _ => {
            hint!("{}", in_words(&error));
            ExitCode::from(2)
        }
    })
}

fn in_chinese(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    let mut command = command
        .help_template(TEMPLATE)
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令")
        .disable_help_flag(true)
        .mut_args(told)
        .arg(help.help("显示说明").help_heading("通用选项"));
    for name in names {
        command = command.mut_subcommand(name, in_chinese);
    }
    command
}

/// What clap would add in English stands in the help text itself: values that may be given, environment, default.
fn told(arg: Arg) -> Arg {
    let heading = match (arg.is_positional(), arg.is_global_set()) {
        (true, _) => "参数",
        (false, true) => "通用选项",
        (false, false) => "选项",
    };
    if !arg.get_action().takes_values() {
        return arg.help_heading(heading);
    }
    let value = |value: &PossibleValue| match value.get_help() {
        Some(says) => format!("{} {says}", value.get_name()),
        None => value.get_name().to_owned(),
    };
    let mut help: Vec<String> = arg.get_help().map(ToString::to_string).into_iter().collect();
    let values: Vec<String> = arg.get_possible_values().iter().map(value).collect();
    if !values.is_empty() {
        help.push(format!("可取：{}", values.join("、")));
    }
    help.extend(arg.get_env().map(|variable| format!("也可用环境变量 {}", variable.display())));
    help.extend(arg.get_default_values().first().map(|default| format!("默认 {}", default.display())));
    let help = help.join("；");
    let arg = arg.help_heading(heading).help(help).hide_possible_values(true);
    arg.hide_default_value(true).hide_env(true)
}

/// The few words of clap that no setting reaches.
fn translated(text: &StyledStr) -> String {
    text.to_string().replace("[OPTIONS]", "[选项]").replace("Usage: ", "用法：")
}

/// A usage error: what is wrong, and how it is written.
fn in_words(error: &Error) -> String {
    let get = |kind| error.get(kind).map(shown).unwrap_or_default();
    let (arg, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
    let mistake = std::error::Error::source(error).and_then(|source| source.downcast_ref::<WordsMistake>());
    let what = match error.kind() {
        ErrorKind::ValueValidation if mistake.is_some() => {
            mistake.map(|said| format!("“{arg}”{said}")).unwrap_or_default()
        }
        ErrorKind::InvalidSubcommand => format!("没有“{}”这个命令", get(ContextKind::InvalidSubcommand)),
        ErrorKind::UnknownArgument => format!("不认识的参数“{arg}”"),
        ErrorKind::MissingRequiredArgument => format!("缺少必需的参数：{arg}"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if value.trim().is_empty() => format!("“{arg}”后面要写值"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("“{arg}”的值“{value}”不对{}", form(&arg)),
        ErrorKind::ArgumentConflict => match get(ContextKind::PriorArg) {
            prior if prior == arg || prior.is_empty() => format!("“{arg}”只能写一次"),
            prior => format!("“{arg}”不能与“{prior}”同时使用"),
        },
        ErrorKind::InvalidUtf8 => "参数不是有效的 UTF-8 文字".to_owned(),
        // The help of a command that needs a subcommand.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return translated(&error.render()).trim_end().to_owned();
        }
        _ => translated(&error.render()),
    };
    let mut lines = vec![what];
    let valid = get(ContextKind::ValidValue);
    if !valid.is_empty() {
        lines.push(format!("可取：{valid}"));
    }
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue].map(get);
    if let Some(near) = near.iter().find(|near| !near.is_empty()) {
        lines.push(format!("是不是想写“{near}”？"));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        lines.push(translated(usage));
    }
    lines.push("加 --help 可看说明".to_owned());
    lines.join("\n")
}

/// How the value of an argument is written, told by what it is called.
fn form(arg: &str) -> &'static str {
    match arg {
        arg if arg.contains("时刻") => "：请写 RFC 3339 时刻，如 2026-12-31T09:00:00+08:00",
        arg if arg.contains("起..止") => "：请写两个日期，如 2026-11-20..2026-12-02，止日不早于起日，最长一年",
        arg if arg.contains("日期") => "：请写日期，如 2026-03-05",
        arg if arg.contains("年>") => "：请写四位年份，如 2026",
        arg if ["编号", "行号", "条数"].iter().any(|word| arg.contains(word)) => "：请写整数",
        _ => "",
    }
}

fn shown(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(texts) => texts.join("、"),
        ContextValue::StyledStrs(texts) => texts.iter().map(ToString::to_string).collect::<Vec<_>>().join("、"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let arguments = ["shenling"].iter().chain(arguments);
        in_words(&command().try_get_matches_from(arguments).unwrap_err())
    }

    #[test]
    fn usage_errors_are_told_in_chinese() {
        assert!(refused(&["xyzzy"]).starts_with("没有“xyzzy”这个命令\n用法：shenling [选项] <命令>"));
        assert!(refused(&["status", "--frob"]).starts_with("不认识的参数“--frob”"));
        assert!(refused(&["init"]).starts_with("缺少必需的参数：<文件夹>"));
        assert!(refused(&["--now", "gestern", "status"]).contains("的值“gestern”不对：请写 RFC 3339 时刻"));
        assert!(refused(&["completions", "frob"]).contains("可取：bash、"));
        assert!(refused(&["--json", "--json", "status"]).contains("只能写一次"));
        assert!(refused(&["status", "--jso"]).contains("是不是想写“--json”？"));
        let year = ["roster", "approve", "1", "--on", "2026-01-01", "--by", "某局", "--plan-year", "26"];
        assert!(refused(&year).contains("的值“26”不对：请写四位年份，如 2026"));
        assert!(refused(&["roster", "approve", "x"]).contains("的值“x”不对：请写整数"));
    }

    #[test]
    fn no_heading_is_english() {
        fn all(command: &mut Command) {
            let help = translated(&command.render_long_help());
            for english in [
                "Usage",
                "Commands:",
                "Options:",
                "Arguments:",
                "OPTIONS",
                "COMMAND>",
                "Print",
                "[default",
                "[env",
                "ossible values",
            ] {
                assert!(!help.contains(english), "{english} in:\n{help}");
            }
            command.get_subcommands_mut().for_each(all);
        }
        all(&mut command());
    }
}
