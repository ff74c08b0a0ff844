//! The command line as clap sees it. A contract: others script against it.

mod calendar;
mod decision;
mod delivery;
mod plan;

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, NaiveDate};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::subsidy::identifiers::holds_resident_id;

pub use calendar::{CalendarCommand, RehearseArguments};
pub use decision::{ImportCommand, SetAsideCommand, WaiverCommand};
pub use delivery::DeliveryCommand;
pub use plan::{FormCommand, PlanCommand};

/// shenling 申领：监狱职业技能培训补贴的收集、核定、申领与投递
#[derive(Debug, Parser)]
#[command(name = "shenling", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Arguments {
    /// 配置文件；不写则为当前文件夹的 shenling.toml，没有时为 /etc/shenling/shenling.toml
    #[arg(long, global = true, env = "SHENLING_CONFIG", value_name = "文件")]
    pub config: Option<PathBuf>,
    /// 以 JSON 输出
    #[arg(long, global = true)]
    pub json: bool,
    /// 以此时刻为“现在”（RFC 3339，如 2026-12-31T09:00:00+08:00）
    #[arg(long, global = true, value_name = "时刻")]
    pub now: Option<DateTime<FixedOffset>>,
    /// 要做的事
    #[command(subcommand)]
    pub command: Command,
}

/// Years that a plan may be for.
const YEARS: std::ops::RangeInclusive<i64> = 2000..=2100;

/// What is wrong with typed words, as a person reads it. What was typed is not repeated.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsMistake {
    /// Who or why must not be blank.
    #[error("后面要写值")]
    Blank,
    /// Reasons are printed on covers and told in letters.
    #[error("里有像身份证号的数字。原因和经办人会写进答复和申领材料，不能写证件号码；请改用结果编号（如 #12）指明")]
    ResidentId,
}

/// Words that say something.
fn words(text: &str) -> Result<String, WordsMistake> {
    let text = text.trim();
    if text.is_empty() {
        return Err(WordsMistake::Blank);
    }
    if holds_resident_id(text) { Err(WordsMistake::ResidentId) } else { Ok(text.to_owned()) }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// 用虚构数据演示一整季：收集、核定、申领、投递
    Demo {
        /// 演示文件夹（须为空或不存在）
        #[arg(default_value = "shenling-demo", value_name = "文件夹")]
        dir: PathBuf,
    },
    /// 建立一个新的工作文件夹：配置、目录、收件和发件文件夹
    Init {
        /// 工作文件夹
        #[arg(value_name = "文件夹")]
        dir: PathBuf,
    },
    /// 检查配置、目录、节假日表、字体、数据库，一次报告全部问题
    Check,
    /// 手工收取文件（与收件文件夹走同一条路）；列出、撤回收过的文件
    Import(ImportArguments),
    /// 取得要填写的表格
    #[command(subcommand)]
    Form(FormCommand),
    /// 年度计划和临时备案：谁报了、缺什么、核准、汇总
    #[command(subcommand)]
    Plan(PlanCommand),
    /// 登记和核准培训人员信息表
    #[command(subcommand)]
    Roster(RosterCommand),
    /// 节假日表：查看、导入
    #[command(subcommand)]
    Calendar(CalendarCommand),
    /// 演练一年：按日期列出全部催报、期限、移交，发给谁、为什么（假定都未报送）
    Rehearse(RehearseArguments),
    /// 把一个环节（或全部环节）做一遍
    Once(OnceArguments),
    /// 常驻运行：按配置 schedule 一节的时间自动运行各环节（由 systemd 启动）
    Serve,
    /// 准许本机发送：数据迁到本机，或另一台机器加入（PostgreSQL）
    Adopt {
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
    /// 看现在的情况：待办、已收、已核、已报
    Status {
        /// 写成网页（自带图表，可打印，手机可读）；写 - 输出到标准输出
        #[arg(long, value_name = "文件")]
        html: Option<PathBuf>,
    },
    /// 看退回的文件和行，决定受理或不予受理
    #[command(name = "set-aside", subcommand)]
    SetAside(SetAsideCommand),
    /// 待补正：哪些结果缺什么、由哪个单位补（按最近一次核定）
    Held {
        /// 只看此单位（监狱或机构的全称；监狱可写简称）
        #[arg(long, value_name = "单位")]
        unit: Option<String>,
    },
    /// 说明一次考核评价为何核定或不予核定，逐步列出依据
    Explain {
        /// 证书编号，或 监狱/罪犯编号
        #[arg(value_name = "证书编号|监狱/罪犯编号")]
        key: String,
    },
    /// 导出
    #[command(subcommand)]
    Export(ExportCommand),
    /// 申领批次
    #[command(subcommand)]
    Batch(BatchCommand),
    /// 投递：放入文件夹的材料和邮件
    #[command(subcommand)]
    Delivery(DeliveryCommand),
    /// 考核评价结果
    #[command(subcommand)]
    Assessment(AssessmentCommand),
    /// 豁免：某条结果不因一条“待补正”的规则而搁置（逐条登记，列在申领材料上）
    #[command(subcommand)]
    Waiver(WaiverCommand),
    /// 操作记录
    #[command(subcommand)]
    Audit(AuditCommand),
    /// 输出手册页（roff 格式，供 man 显示）
    Manual,
    /// 输出命令补全脚本
    Completions {
        /// 命令行外壳
        #[arg(value_name = "外壳")]
        shell: clap_complete::Shell,
    },
}

/// `import`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ImportArguments {
    /// 另有：列出、撤回
    #[command(subcommand)]
    pub command: Option<ImportCommand>,
    /// 要收取的文件
    #[arg(required = true, value_name = "文件")]
    pub files: Vec<PathBuf>,
    /// 文件种类；不写则按表头识别
    #[arg(long = "as", value_name = "种类")]
    pub kind: Option<ImportKind>,
    /// 人员信息表的核准日期
    #[arg(long, value_name = "日期", requires = "approved_by")]
    pub approved_on: Option<NaiveDate>,
    /// 核准人或核准文号
    #[arg(long, value_name = "核准人", requires = "approved_on", value_parser = words)]
    pub approved_by: Option<String>,
    /// 计划年度；不写则按核准月份推定（11、12月核准的为次年）
    #[arg(long, value_name = "年", requires = "approved_on", value_parser = clap::value_parser!(i32).range(YEARS))]
    pub plan_year: Option<i32>,
    /// 计划工作簿是临时备案（不代替年度计划）
    #[arg(long)]
    pub addition: bool,
    /// 只检查，不保存
    #[arg(long)]
    pub dry_run: bool,
}

/// `--as`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportKind {
    /// 考核结果表
    Results,
    /// 培训人员信息表
    Roster,
    /// 历史申领（期初）
    History,
    /// 年度摸排表
    Survey,
    /// 年度计划工作簿（附件1-4）
    Plan,
}

/// `roster`.
#[derive(Debug, Subcommand)]
pub enum RosterCommand {
    /// 列出全部人员信息表
    List,
    /// 登记核准；未核准的人员信息表不覆盖任何人
    Approve {
        /// 编号（见 roster list）
        #[arg(value_name = "编号")]
        id: i64,
        /// 核准日期
        #[arg(long, value_name = "日期")]
        on: NaiveDate,
        /// 核准人或核准文号
        #[arg(long, value_name = "核准人", value_parser = words)]
        by: String,
        /// 计划年度；不写则按核准月份推定
        #[arg(long, value_name = "年", value_parser = clap::value_parser!(i32).range(YEARS))]
        plan_year: Option<i32>,
    },
}

/// `once`.
#[derive(Debug, Args)]
pub struct OnceArguments {
    /// 环节
    #[arg(value_name = "环节")]
    pub stage: Stage,
    /// 申领期间，如 2026-Q4；不写则为当前季度
    #[arg(long, value_name = "期间")]
    pub period: Option<String>,
}

/// A stage.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// 收集：读取收件文件夹
    Collect,
    /// 核定：逐条核定补贴
    Calculate,
    /// 汇总：各监狱计划报齐后汇总上报
    Compile,
    /// 申领：生成封存的申领批次和表格
    Claim,
    /// 投递：把材料放入发件文件夹
    Deliver,
    /// 催报：给仍未报送的监狱排好催报邮件
    Remind,
    /// 收集、核定、申领、投递，依次进行
    All,
}

/// `export`.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// 每条考核评价结果和补贴种类一行的核定结果
    Verdicts {
        /// 格式；不写则为 csv，有 --json 时为 json
        #[arg(long, value_enum, value_name = "格式")]
        format: Option<ExportFormat>,
        /// 显示完整的编号和证书编号（记入操作记录）
        #[arg(long)]
        personal: bool,
    },
}

/// `--format`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// 逗号分隔
    Csv,
    /// JSON
    Json,
}

/// Who and why, for acts that a person answers for.
#[derive(Debug, Args)]
pub struct Because {
    /// 原因（请勿写姓名和证件号码）
    #[arg(long, value_name = "原因", value_parser = words)]
    pub reason: String,
    /// 经办人
    #[arg(long, value_name = "经办人", value_parser = words)]
    pub by: String,
}

/// `batch`.
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    /// 列出全部批次
    List,
    /// 显示一个批次
    Show {
        /// 批次号
        #[arg(value_name = "批次号")]
        batch: String,
        /// 把批次的表格取出到此文件夹（含个人信息，请妥善保管；记入操作记录）
        #[arg(long, value_name = "文件夹")]
        papers: Option<PathBuf>,
    },
    /// 核对一个批次：控制总数、哈希、留存的表格
    Verify {
        /// 批次号
        #[arg(value_name = "批次号")]
        batch: String,
    },
    /// 作废一个批次（下游尚未受理时）；其中各行重新待核
    Void {
        /// 批次号
        #[arg(value_name = "批次号")]
        batch: String,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
    /// 登记更正（追回）一行，列入下一批次
    Reverse {
        /// 批次号
        #[arg(value_name = "批次号")]
        batch: String,
        /// 行号
        #[arg(value_name = "行号")]
        line: u32,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
}

/// `assessment`.
#[derive(Debug, Subcommand)]
pub enum AssessmentCommand {
    /// 重新打开一条已了结的不予核定或已追回的结果
    Reopen {
        /// 结果编号（见 explain）、证书编号，或 监狱/罪犯编号
        #[arg(value_name = "结果")]
        key: String,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
}

/// `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// 核对操作记录是否被改动、删除、调换或截断
    Verify {
        /// 封面或清单上印的记录哈希
        #[arg(long, value_name = "哈希", requires = "count")]
        head: Option<String>,
        /// 封面或清单上印的记录条数
        #[arg(long, value_name = "条数", requires = "head")]
        count: Option<i64>,
    },
}
