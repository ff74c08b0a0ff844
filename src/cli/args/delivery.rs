//! `delivery` as clap sees it.

use clap::Subcommand;

use super::Because;

/// `delivery`.
#[derive(Debug, Subcommand)]
pub enum DeliveryCommand {
    /// 列出未完成的投递
    List {
        /// 连同已完成和已撤回的
        #[arg(long)]
        all: bool,
    },
    /// 显示一次投递：去向、答复、文件、邮件内容、人工处理记录
    Show {
        /// 编号（见 delivery list）或内容一栏的全文
        #[arg(value_name = "投递")]
        delivery: String,
    },
    /// 重新投递（已退回的、等待中的、已暂停的；已完成的会标“重发”）
    Retry {
        /// 编号（见 delivery list）或内容一栏的全文
        #[arg(value_name = "投递")]
        delivery: String,
        /// 改发到此地址（可写多个）；不写则仍发到原地址
        #[arg(long, value_name = "邮箱")]
        to: Vec<String>,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
    /// 暂停，放行前不发送
    Hold {
        /// 编号（见 delivery list）或内容一栏的全文
        #[arg(value_name = "投递")]
        delivery: String,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
    /// 放行已暂停的
    Release {
        /// 编号（见 delivery list）或内容一栏的全文
        #[arg(value_name = "投递")]
        delivery: String,
        /// 原因和经办人
        #[command(flatten)]
        because: Because,
    },
    /// 试发一封邮件，核对发信设置
    Test {
        /// 收件地址（可写多个）；不写则发给管理员
        #[arg(long, value_name = "邮箱")]
        to: Vec<String>,
    },
}
