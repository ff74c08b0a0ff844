//! `set-aside list|show`: what came back, and what to type.

use anyhow::bail;

use super::args::SetAsideCommand;
use super::output::{self, say};
use super::{Done, World, report, tray, undo};
use crate::stages::collect::FileReport;
use crate::store::TrayAct;
use crate::subsidy::calendar::civil_date;

/// Runs a `set-aside` command.
pub(super) async fn run(world: &World, command: SetAsideCommand) -> anyhow::Result<Done> {
    match command {
        SetAsideCommand::List => list(world).await,
        SetAsideCommand::Show { id } => show(world, id).await,
        SetAsideCommand::Accept { key, kind, unit, because } => {
            tray::accept(world, &key, kind, unit.as_deref(), &because).await
        }
        SetAsideCommand::Reject { key, because } => tray::reject(world, &key, &because).await,
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
                civil_date(original.kept.received_at).to_string(),
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
        say!("{}（{} 收到）", original.name, civil_date(original.kept.received_at));
        report::print(&file);
        for decided in world.store.tray_decisions(id).await? {
            let what = match decided.act {
                TrayAct::Taken(kind) => format!("受理，按{}收取", undo::kind_in_words(kind)),
                TrayAct::Settled => "受理，记为另行办妥".to_owned(),
                TrayAct::Refused => "不予受理".to_owned(),
            };
            say!("  {} {what}（{}：{}）", civil_date(decided.at), decided.by, decided.reason);
        }
        if let Some((reason, by, at)) = world.store.withdrawal(id).await? {
            say!("  {} 已撤回（{by}：{reason}）", civil_date(at));
        }
    }
    Ok(Done::Well)
}
