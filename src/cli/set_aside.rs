//! `set-aside list|show`: what came back, and what to type.

use anyhow::bail;

use super::args::SetAsideCommand;
use super::output::{self, say};
use super::{Done, World, report};
use crate::stages::collect::FileReport;

/// Runs a `set-aside` command.
pub(super) async fn run(world: &World, command: SetAsideCommand) -> anyhow::Result<Done> {
    match command {
        SetAsideCommand::List => list(world).await,
        SetAsideCommand::Show { id } => show(world, id).await,
    }
}

async fn list(world: &World) -> anyhow::Result<Done> {
    let files = world.store.set_aside().await?;
    if world.json {
        let files: Vec<_> = files
            .iter()
            .map(|(original, report)| {
                serde_json::json!({
                    "id": original.kept.id,
                    "file": original.name,
                    "received_at": original.kept.received_at.to_rfc3339(),
                    "kind": report.kind,
                    "rows": report.counts.rows,
                    "set_aside": report.counts.set_aside,
                    "errors": report.counts.errors,
                })
            })
            .collect();
        output::json(&files)?;
    } else if files.is_empty() {
        say!("没有退回的文件");
    } else {
        let header = ["编号", "文件", "收到日期", "数据行", "退回行", "问题"];
        let row = |(original, report): (crate::store::Original, crate::store::Report)| {
            vec![
                original.kept.id.to_string(),
                original.name,
                crate::subsidy::calendar::civil_date(original.kept.received_at).to_string(),
                report.counts.rows.to_string(),
                report.counts.set_aside.to_string(),
                report.counts.errors.to_string(),
            ]
        };
        output::table(&header, files.into_iter().map(row));
        say!("逐条查看：shenling set-aside show 编号");
    }
    Ok(Done::Well)
}

async fn show(world: &World, id: i64) -> anyhow::Result<Done> {
    let Some((original, stored)) = world.store.report(id).await? else {
        bail!("编号 {id} 的文件尚未读取");
    };
    let file: FileReport = serde_json::from_slice(&stored.json)?;
    if world.json {
        output::json(&file)?;
    } else {
        say!("{}（{} 收到）", original.name, crate::subsidy::calendar::civil_date(original.kept.received_at));
        report::print(&file);
    }
    Ok(Done::Well)
}
