//! `calendar` and `rehearse` as clap sees them.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::YEARS;

/// `calendar`.
#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// 导入一年的节假日表（toml），列出因此变动的日期
    Import {
        /// 节假日表，格式见 calendar show 和程序自带的表
        #[arg(value_name = "文件")]
        file: PathBuf,
    },
    /// 显示一年的工作日安排
    Show {
        /// 年
        #[arg(value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
        year: i32,
    },
}

/// `rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArguments {
    /// 哪一年；不写则为今年（有 --down 时为停机开始的那年）
    #[arg(long, value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
    pub year: Option<i32>,
    /// 假设程序在此期间停机（含首尾两天），看什么会晚、改到何时
    #[arg(long, value_name = "起..止", value_parser = days, conflicts_with_all = ["diff", "ics"])]
    pub down: Option<(NaiveDate, NaiveDate)>,
    /// 与改过的配置文件比较，看这次修改改变什么
    #[arg(long, value_name = "新配置", conflicts_with = "ics")]
    pub diff: Option<PathBuf>,
    /// 写成日历文件（iCalendar），可导入手机和办公软件
    #[arg(long, value_name = "文件")]
    pub ics: Option<PathBuf>,
}

/// `2026-11-20..2026-12-02`, at most a year.
fn days(text: &str) -> Result<(NaiveDate, NaiveDate), String> {
    let (from, to) = text.split_once("..").ok_or("请写成 2026-11-20..2026-12-02")?;
    let day = |text: &str| text.parse::<NaiveDate>().map_err(|_| format!("“{text}”不是日期"));
    let (from, to) = (day(from)?, day(to)?);
    let length = (to - from).num_days();
    if (0..=366).contains(&length) { Ok((from, to)) } else { Err("止日不能早于起日，最长一年".to_owned()) }
}
