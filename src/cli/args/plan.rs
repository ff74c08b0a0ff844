//! `form` and `plan` as clap sees them.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Subcommand;

use super::{Because, YEARS, words};

/// `form`.
#[derive(Debug, Subcommand)]
pub enum FormCommand {
    /// 年度计划工作簿（附件1-4）：有上次计划的，填入其项目和现行标准
    Planning {
        /// 监狱（全称或简称）
        #[arg(long, value_name = "监狱")]
        prison: String,
        /// 计划年度
        #[arg(long, value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
        year: i32,
        /// 写到此文件
        #[arg(short, long, value_name = "文件")]
        output: PathBuf,
        /// 用于临时备案
        #[arg(long)]
        addition: bool,
        /// 空白表，不填入上次计划的项目
        #[arg(long)]
        blank: bool,
    },
}

/// `plan`.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// 谁在何时报了什么，还缺什么；汇总计划
    List {
        /// 计划年度；不写则列出全部年度
        #[arg(long, value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
        year: Option<i32>,
    },
    /// 显示一个监狱的计划，或（不写监狱）汇总计划
    Show {
        /// 计划年度
        #[arg(long, value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
        year: i32,
        /// 监狱（全称或简称）
        #[arg(long, value_name = "监狱")]
        prison: Option<String>,
        /// 临时备案的序号；不写则为年度计划
        #[arg(long, value_name = "序号", requires = "prison")]
        addition: Option<u32>,
        /// 把汇总计划的表格取出到此文件夹（含个人信息，请妥善保管；记入操作记录）
        #[arg(long, value_name = "文件夹", conflicts_with = "prison")]
        papers: Option<PathBuf>,
    },
    /// 登记核准：附件3所列人员由此可以参训（与 roster approve 相同）
    Approve {
        /// 计划年度
        #[arg(long, value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
        year: i32,
        /// 只核准此监狱的计划
        #[arg(long, value_name = "监狱")]
        prison: Option<String>,
        /// 核准日期
        #[arg(long, value_name = "日期")]
        on: NaiveDate,
        /// 核准人或核准文号
        #[arg(long, value_name = "核准人", value_parser = words)]
        by: String,
    },
    /// 截止：不等未报的监狱，汇总已报的计划并上报（牵头监狱）
    Close {
        /// 计划年度
        #[arg(long, value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
        year: i32,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
}
