//! `audit verify`: whether the log of acts is whole.

use super::output::{self, say};
use super::{Done, World, words};

/// Holds the log against the ledger, and against what a paper printed.
pub(super) async fn verify(world: &World, head: Option<&str>, count: Option<i64>) -> anyhow::Result<Done> {
    let report = world.store.audit_verify(head, count).await?;
    // The same may be found at several places of the log.
    let mut faults: Vec<String> = report.faults.iter().map(words::fault).collect();
    faults.dedup();
    if world.json {
        output::json(&serde_json::json!({"count": report.entries, "head": report.head, "faults": faults}))?;
    } else {
        say!("操作记录 {} 条，末条哈希 {}", report.entries, report.head);
        for fault in &faults {
            say!("异常：{fault}");
        }
        if report.faults.is_empty() {
            say!("未发现改动、删除、调换或截断");
        }
    }
    Ok(Done::with_findings(!report.faults.is_empty()))
}
