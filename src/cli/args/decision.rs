//! What the operator decides, as clap sees it: `import undo`, `set-aside`, `waiver`.

use chrono::NaiveDate;
use clap::Subcommand;

use super::{Because, words};

/// `import` beside taking files in.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// 列出收过的文件：编号、收到日期、种类、收下行数、是否已撤回
    List {
        /// 只列最近的这么多个
        #[arg(long, value_name = "条数", default_value_t = 50)]
        last: usize,
    },
    /// 撤回一个文件带来的全部内容（已申领的不能撤回）；先列出撤回后的变化
    Undo {
        /// 编号（见 import list）或文件哈希（SHA-256，至少前 8 位）
        #[arg(value_name = "编号|哈希")]
        file: String,
        /// 只列出变化，不撤回
        #[arg(long)]
        dry_run: bool,
        /// 确认撤回（不写时在终端上询问；不在终端上则只列出变化）
        #[arg(long, conflicts_with = "dry_run")]
        yes: bool,
        /// 原因（请勿写姓名和证件号码）
        #[arg(long, value_name = "原因", value_parser = words, required_unless_present = "dry_run")]
        reason: Option<String>,
        /// 经办人
        #[arg(long, value_name = "经办人", value_parser = words, required_unless_present = "dry_run")]
        by: Option<String>,
    },
}

/// `set-aside`.
#[derive(Debug, Subcommand)]
pub enum SetAsideCommand {
    /// 列出有退回内容的文件
    List,
    /// 逐条列出一个文件的问题
    Show {
        /// 编号（见 set-aside list）
        #[arg(value_name = "编号")]
        id: i64,
    },
}

/// `waiver`.
#[derive(Debug, Subcommand)]
pub enum WaiverCommand {
    /// 登记豁免：某条结果在期限内不因某一“待补正”的规则而搁置
    Add {
        /// 结果编号（见 explain，写作 '#编号'）、证书编号，或 监狱/罪犯编号
        #[arg(value_name = "结果")]
        key: String,
        /// 规则代码（见 explain，如 unverified-identity 或 R12）
        #[arg(long, value_name = "规则")]
        rule: String,
        /// 有效期至（含当日）的申领日期
        #[arg(long, value_name = "日期")]
        until: NaiveDate,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
    /// 列出豁免：谁、为何、哪条规则、到何时，用在哪一批次
    List {
        /// 连同已到期和已终止的
        #[arg(long)]
        all: bool,
    },
    /// 提前终止一条豁免（已封存的批次不变）
    End {
        /// 编号（见 waiver list）
        #[arg(value_name = "编号")]
        id: i64,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
}
