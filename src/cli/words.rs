//! Errors as an administrator reads them: what happened, and what to do next. Developers' texts stay in English where
//! they arise; here the ones that can reach a person are put into Chinese.

use std::error::Error;
use std::io::{self, ErrorKind};

use crate::stages::StageError;
use crate::store::{
    AuditFault, DecisionRefused, Obstacle, ReopenRefused, ReversalRefused, StoreError, TrayRefused, UndoRefused,
    VaultError, VoidRefused, WaiverRefused,
};

/// An error with what caused it, in one line.
pub(super) fn in_words(error: &anyhow::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    for cause in error.chain() {
        let said = cause.to_string();
        let translated = of(cause);
        if let Some(chinese) = &translated {
            // Layers above may quote the English text.
            for word in &mut words {
                *word = word.replace(&said, chinese);
            }
        }
        let said = translated.unwrap_or(said);
        // Transparent layers say the same thing twice.
        if words.last().is_none_or(|last| !last.contains(&said)) {
            words.push(said);
        }
    }
    words.join("：")
}

/// The Chinese sentence for an error of the store, if it is one.
fn of(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        return Some(store(error));
    }
    if let Some(error) = cause.downcast_ref::<VaultError>() {
        return Some(vault(*error));
    }
    if let Some(refused) = cause.downcast_ref::<VoidRefused>() {
        return Some(void(refused));
    }
    if let Some(refused) = cause.downcast_ref::<ReversalRefused>() {
        return Some(reversal(refused));
    }
    if let Some(refused) = cause.downcast_ref::<ReopenRefused>() {
        return Some(reopen(refused));
    }
    if let Some(refused) = cause.downcast_ref::<TrayRefused>() {
        return Some(tray(refused));
    }
    if let Some(refused) = cause.downcast_ref::<WaiverRefused>() {
        return Some(waiver(refused));
    }
    if let Some(refused) = cause.downcast_ref::<UndoRefused>() {
        return Some(undo(refused));
    }
    if let Some(refused) = cause.downcast_ref::<DecisionRefused>() {
        return Some(decision(refused));
    }
    if let Some(StageError::Folder { what, error }) = cause.downcast_ref::<StageError>() {
        return Some(format!("{what}：{}", io(error)));
    }
    cause.downcast_ref::<io::Error>().map(io)
}

/// What the system says of a file or folder, with its own words kept behind.
pub(super) fn io(error: &io::Error) -> String {
    let said = match error.kind() {
        ErrorKind::NotFound => "文件或文件夹不存在",
        ErrorKind::PermissionDenied => "没有权限；请检查属主和权限，不要用别的用户运行",
        ErrorKind::NotADirectory => "不是文件夹",
        ErrorKind::IsADirectory => "是文件夹，不是文件",
        ErrorKind::AlreadyExists => "已经存在",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "磁盘已满；请腾出空间后重新运行同一命令",
        ErrorKind::ReadOnlyFilesystem => "所在磁盘只读，不能写入；请检查挂载方式和权限",
        _ => return error.to_string(),
    };
    format!("{said}（{error}）")
}

/// What the store says.
pub(super) fn store(error: &StoreError) -> String {
    if let Some(obstacle) = error.obstacle() {
        return in_the_way(obstacle).to_owned();
    }
    match error {
        StoreError::Busy(_) => "数据库正被另一个进程占用，没有做任何改动；请等它结束后再运行一次".into(),
        StoreError::Unreachable(_) => {
            "数据库连接不上或写不进去，没有做任何改动；请检查配置 database.url、磁盘空间和文件夹权限".into()
        }
        StoreError::Moving => "读取期间数据不断变化；请等其他进程结束后再运行一次".into(),
        StoreError::Refused(_) => {
            "数据库拒绝了这一操作，没有做任何改动；请确认数据库是本程序建立的且未被改动，并把下面的详情告知维护人员"
                .into()
        }
        StoreError::Migrate(_) => "数据库的表结构无法升级；请确认程序版本不低于建库的版本，必要时从备份恢复".into(),
        StoreError::BadUrl => "数据库地址写错了；请留空（用 SQLite）或写 postgres://用户@主机/库名".into(),
        StoreError::WrongKey => {
            "数据密钥与数据库不相配（数据库是用另一把密钥建立的）；请从备份恢复 data/credentials/vault-key，或改正配置 \
             paths.data，不要新建密钥"
                .into()
        }
        StoreError::Damaged(what) => {
            format!("数据库中的内容与封存时不符；请停止操作，保留现场，并从备份恢复（供维护人员：{what}）")
        }
        StoreError::Vault(error) => vault(*error),
        StoreError::Unknown { what, key } => unknown(what, key),
        StoreError::Contradiction(what) => {
            format!("内部错误（{what}），没有做任何改动；请把这句话告知维护人员")
        }
    }
}

fn in_the_way(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::DiskFull => "磁盘已满，没有做任何改动；请腾出数据库所在磁盘的空间后重新运行同一命令",
        Obstacle::ReadOnly => "数据库文件打不开或不能写入，没有做任何改动；请检查数据文件夹的属主、权限和挂载方式",
        Obstacle::NotADatabase => "文件不是数据库，或已损坏，没有做任何改动；请保留现场，并从备份恢复该文件",
        Obstacle::NoDatabase => {
            "数据库服务器上没有配置 database.url 所写的库；请先由数据库管理员建库（createdb），或改正库名"
        }
        Obstacle::WrongLogin => "数据库服务器不接受该用户或口令；请改正配置 database.url 中的用户和口令",
    }
}

fn unknown(what: &str, key: &str) -> String {
    match what {
        "batch" => format!("没有批次 {key}；请用 shenling batch list 查看批次号"),
        "plan" => format!("{key} 年度没有列有人员的计划；请用 shenling plan list 查看"),
        "roster" => format!("没有编号为 {key} 的培训人员信息表；请用 shenling roster list 查看编号"),
        "original" => format!("没有编号为 {key} 的文件；请用 shenling import list 查看编号"),
        "mail" => format!("没有编号为 m{key} 的邮件；请用 shenling set-aside list 查看编号"),
        "waiver" => format!("没有编号为 {key} 的豁免；请用 shenling waiver list --all 查看编号"),
        "delivery" => format!("没有投递 {key}；请用 shenling delivery list --all 查看编号"),
        "paper" => format!("没有表格 {key}；请用 shenling batch verify 核对该批次"),
        _ => format!("数据库中找不到 {what} {key}；请运行 shenling audit verify，并从备份恢复"),
    }
}

fn vault(error: VaultError) -> String {
    match error {
        VaultError::BadKey => "数据密钥应为64位十六进制字符；请从备份恢复 data/credentials/vault-key".into(),
        VaultError::DoesNotOpen(what) => {
            format!(
                "加密内容 {what} 解不开：已损坏，或数据密钥不相配；请核对 data/credentials/vault-key，必要时从备份恢复"
            )
        }
    }
}

fn void(refused: &VoidRefused) -> String {
    match refused {
        VoidRefused::AlreadyVoid => "该批次已经作废，无需再作废".into(),
        VoidRefused::Reversed(batch) => {
            format!("未作废：批次 {batch} 追回了该批次中的行；请先作废批次 {batch}，再作废该批次")
        }
        VoidRefused::GrantedAnew(batch) => {
            format!("未作废：该批次追回的结果或人员已由批次 {batch} 重新核定；请先作废批次 {batch}，再作废该批次")
        }
        VoidRefused::Accepted(who) => {
            format!("未作废：{who} 已受理该批次；请改用 shenling batch reverse 逐行更正")
        }
        VoidRefused::Store(error) => store(error),
    }
}

fn reversal(refused: &ReversalRefused) -> String {
    match refused {
        ReversalRefused::Void => "未登记：该批次已作废，其中各行已重新待核，无需更正".into(),
        ReversalRefused::NoSuchLine(line) => {
            format!("未登记：该批次没有第 {line} 行；请用 shenling batch show 查看行号")
        }
        ReversalRefused::IsReversal => {
            "未登记：该行本身就是更正（负数行），不能再更正；如系误登，请作废它所在的批次".into()
        }
        ReversalRefused::AskedBefore => "未登记：该行的更正以前已登记，不会重复追回".into(),
        ReversalRefused::Store(error) => store(error),
    }
}

fn reopen(refused: &ReopenRefused) -> String {
    match refused {
        ReopenRefused::NothingSettled => {
            "未重新打开：该结果没有已了结的不予核定或追回，每次核定都会重新核定它；请用 shenling explain 查看".into()
        }
        ReopenRefused::Granted { batch, line } => format!(
            "未重新打开：该结果已由批次 {batch} 第 {line} 行核定；如有错误，请运行 shenling batch reverse {batch} {line} \
             --reason 原因 --by 经办人"
        ),
        ReopenRefused::Store(error) => store(error),
    }
}

fn tray(refused: &TrayRefused) -> String {
    match refused {
        TrayRefused::NotRead => "未处理：该文件还没有读取；请先运行 shenling once collect".into(),
        TrayRefused::NothingBack => "未处理：该文件没有退回的内容，无需受理或不予受理".into(),
        TrayRefused::Withdrawn => "未处理：该文件已经撤回".into(),
        TrayRefused::Decided => "未处理：该文件退回的内容以前已经处理；请用 shenling set-aside show 查看".into(),
        TrayRefused::Recognised(kind) => format!(
            "未处理：该文件已认出是{}，不能按别的种类收取；请报送单位更正后重新报送，或不写 --as 记为另行办妥",
            super::undo::kind_in_words(*kind)
        ),
        TrayRefused::Store(error) => store(error),
    }
}

fn waiver(refused: &WaiverRefused) -> String {
    match refused {
        WaiverRefused::NotWaivable(number) => format!(
            "未登记：{number} 不能豁免。不予核定的规则、次数上限、重复享受和金额都不能豁免；证书缺失（R2）也不能，\
             补贴标准、期限和查重都要用到证书"
        ),
        WaiverRefused::Past(until) => format!("未登记：有效期至 {until}，已经过去；请核对日期"),
        WaiverRefused::NoSuchAssessment(id) => {
            format!("未登记：没有编号为 #{id} 的结果；请用 shenling explain 查看结果编号")
        }
        WaiverRefused::InForce(id) => {
            format!("未登记：该结果的这条规则已有豁免 {id}。要改期限，请先 shenling waiver end {id}，再重新登记")
        }
        WaiverRefused::EndedBefore => "未改动：该豁免以前已经终止".into(),
        WaiverRefused::Store(error) => store(error),
    }
}

fn undo(refused: &UndoRefused) -> String {
    match refused {
        UndoRefused::NotRead => "未撤回：该文件还没有读取；请先运行 shenling once collect".into(),
        UndoRefused::AlreadyWithdrawn => "未撤回：该文件以前已经撤回".into(),
        UndoRefused::Claimed { granted, refused } => claimed(granted, refused),
        UndoRefused::Compiled(number) => {
            format!("未撤回：该计划已列入汇总计划 {number}；请由监狱重新报送更正后的计划工作簿，代替原来的一份")
        }
        UndoRefused::Store(error) => store(error),
    }
}

/// What of a file rests in batches, and what to do instead of taking it back.
fn claimed(granted: &[String], refused: &[String]) -> String {
    let mut said = Vec::new();
    if !granted.is_empty() {
        said.push(format!(
            "其中有内容已由批次 {} 申领。下游尚未受理的，可先作废该批次（shenling batch void）再撤回；否则不要撤回，请逐行更正\
             （shenling batch reverse），更正列入下一批次后再报送正确的内容",
            granted.join("、")
        ));
    }
    if !refused.is_empty() {
        said.push(format!(
            "其中有内容已列入批次 {} 的不予核定清单。下游尚未受理的，可先作废该批次（shenling batch void）再撤回；否则不要撤回，\
             请报送更正后的结果，更正后会重新核定",
            refused.join("、")
        ));
    }
    format!("未撤回：{}", said.join("；"))
}

/// What a row is about.
fn deed(what: &str, subject: &str) -> String {
    match what {
        "batch" => format!("批次 {subject} 的封存内容"),
        "void" => format!("批次 {subject} 的作废登记"),
        "reversal" => format!("批次 {subject} 的更正登记"),
        "reopening" => format!("结果 #{subject} 的重新打开登记"),
        "approval" => format!("人员信息表 {subject} 的核准登记"),
        "withdrawal" => format!("来件 {subject} 的撤回登记"),
        "readmission" => format!("来件 {subject} 撤回后重新收到的登记"),
        "decision" => format!("来件 {subject} 的处理决定"),
        "mail decision" => format!("邮件 m{subject} 的处理决定"),
        "waiver" => format!("豁免 {subject} 的登记"),
        "end of waiver" => format!("豁免 {subject} 的终止登记"),
        _ => format!("来件 {subject}"),
    }
}

fn decision(refused: &DecisionRefused) -> String {
    match refused {
        DecisionRefused::Stands(state) => {
            format!(
                "未改动：这次投递的状态是“{}”，不适用；请用 shenling delivery show 查看",
                super::delivery::state(state)
            )
        }
        DecisionRefused::NoLetter => "未改动：放入文件夹的材料没有收件地址，不能用 --to".into(),
        DecisionRefused::Store(error) => store(error),
    }
}

/// A fault of the audit log.
pub(super) fn fault(fault: &AuditFault) -> String {
    match fault {
        AuditFault::Gap { expected, found } => format!("第 {expected} 条缺失（此处是第 {found} 条）"),
        AuditFault::Changed(seq) => format!("第 {seq} 条被改动：签名与内容不符"),
        AuditFault::Unchained(seq) => format!("第 {seq} 条与前一条不衔接"),
        AuditFault::LedgerChanged => "总账行被改动".into(),
        AuditFault::CutOff { expected, found } => {
            format!("记录止于第 {found} 条，总账记为第 {expected} 条：被截断或添加")
        }
        AuditFault::RowMissing { what, subject } => {
            format!("{}与操作记录不符：被删除或改动；请从备份恢复", deed(what, subject))
        }
        AuditFault::RowUnknown { what, subject } => {
            format!("{}在操作记录中没有：被添加或改动；请从备份恢复", deed(what, subject))
        }
        AuditFault::RowsOfFile { original } => {
            format!("文件 {original} 带来的行被删除或添加；请从备份恢复（文件见 shenling set-aside show {original}）")
        }
        AuditFault::Versions { assessments } => {
            format!("{assessments} 条考核结果的有效版本被改动；请从备份恢复")
        }
        AuditFault::NotAsPrinted { count } => format!("记录中没有与所印哈希相符的第 {count} 条：被改动，或抄写有误"),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn what_the_store_refuses_is_said_in_chinese_with_a_next_step() {
        let unknown = || StoreError::Unknown { what: "batch", key: "CZ-2026-Q4-009".into() };
        let said = in_words(&unknown().into());
        assert_eq!(said, "没有批次 CZ-2026-Q4-009；请用 shenling batch list 查看批次号");
        assert_eq!(in_words(&VoidRefused::Store(unknown()).into()), said);
        assert_eq!(in_words(&StageError::Store(unknown()).into()), format!("数据库：{said}"));
        let wrapped = in_words(&Err::<(), _>(StoreError::WrongKey).context("无法打开数据库").unwrap_err());
        assert!(wrapped.starts_with("无法打开数据库：数据密钥与数据库不相配"), "{wrapped}");
        assert!(!wrapped.contains("master key"), "{wrapped}");
    }
}
