//! What the operator decides, as clap sees it: `import undo`, `set-aside`, `waiver`.

use chrono::NaiveDate;
use clap::Subcommand;

use super::{Because, ImportKind, words};

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
    /// 列出有退回内容、尚未处理的文件
    List,
    /// 逐条列出一个文件的问题和处理经过，或一封邮件的情况和处理经过
    Show {
        /// 编号（见 set-aside list）：文件写数字，邮件写 m 加数字（如 m12）
        #[arg(value_name = "编号")]
        key: String,
    },
    /// 受理：文件按指明的种类收取，或（不写种类）记为另行办妥；邮件视同本单位发来，重新收取，没有可收的文件时记为另行办妥
    Accept {
        /// 编号（见 set-aside list）：文件写数字，邮件写 m 加数字（如 m12）
        #[arg(value_name = "编号")]
        key: String,
        /// 没有认出种类的文件按此种类收取
        #[arg(long = "as", value_name = "种类")]
        kind: Option<ImportKind>,
        /// 邮件算作这个单位发来的（全称）；发件人已登记的不用写
        #[arg(long, value_name = "单位", value_parser = words)]
        unit: Option<String>,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
    /// 不予受理：文件中退回的内容、或这封邮件，到此为止
    Reject {
        /// 编号（见 set-aside list）：文件写数字，邮件写 m 加数字（如 m12）
        #[arg(value_name = "编号")]
        key: String,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
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
