//! `roster list|approve`: an unapproved roster covers nobody.

use anyhow::ensure;
use chrono::NaiveDate;

use super::args::RosterCommand;
use super::output::{self, hint, say};
use super::{Done, World};
use crate::store::ApprovalNote;
use crate::subsidy::assessment::Approval;

/// Runs a `roster` command.
pub(super) async fn run(world: &World, command: RosterCommand) -> anyhow::Result<Done> {
    match command {
        RosterCommand::List => list(world).await,
        RosterCommand::Approve { id, on, by, plan_year } => {
            not_in_future(on, world)?;
            world.store.approve_roster(id, &ApprovalNote { on, by, plan_year }, world.now).await?;
            let year = plan_year.unwrap_or_else(|| Approval::usual_plan_year(on));
            if world.json {
                let approved_on = on.to_string();
                output::json(&serde_json::json!({"id": id, "approved_on": approved_on, "plan_year": year}))?;
            }
            hint!("人员信息表 {id} 已登记核准（{on}），覆盖 {year} 年度中 {on} 及以后开班的培训");
            Ok(Done::Well)
        }
    }
}

/// What is approved tomorrow is not approved.
pub(super) fn not_in_future(on: NaiveDate, world: &World) -> anyhow::Result<()> {
    ensure!(on <= world.today(), "核准日期 {on} 在今天（{}）之后；请核对日期", world.today());
    Ok(())
}

async fn list(world: &World) -> anyhow::Result<Done> {
    let rosters = world.store.rosters().await?;
    if world.json {
        let rosters: Vec<_> = rosters
            .iter()
            .map(|roster| {
                let approval = roster.approval.as_ref();
                serde_json::json!({
                    "id": roster.id,
                    "file": roster.name,
                    "received_at": roster.received_at.to_rfc3339(),
                    "rows": roster.rows,
                    "approved_on": approval.map(|a| a.on.to_string()),
                    "approved_by": approval.map(|a| a.by.clone()),
                    "plan_year": approval.and_then(|a| a.plan_year),
                })
            })
            .collect();
        output::json(&rosters)?;
    } else if rosters.is_empty() {
        say!("还没有收到培训人员信息表");
    } else {
        let header = ["编号", "文件", "收到日期", "人数", "核准日期", "核准人", "计划年度"];
        let row = |roster: &crate::store::RosterHeader| {
            let approval = roster.approval.as_ref();
            vec![
                roster.id.to_string(),
                roster.name.clone(),
                crate::subsidy::calendar::civil_date(roster.received_at).to_string(),
                roster.rows.to_string(),
                approval.map_or_else(|| "未核准".into(), |a| a.on.to_string()),
                approval.map(|a| a.by.clone()).unwrap_or_default(),
                approval.and_then(|a| a.plan_year).map(|year| year.to_string()).unwrap_or_default(),
            ]
        };
        output::table(&header, rosters.iter().map(row));
        if rosters.iter().any(|roster| roster.approval.is_none()) {
            hint!("未核准的人员信息表不覆盖任何人。核准后请登记：shenling roster approve 编号 --on 日期 --by 核准人");
        }
    }
    Ok(Done::Well)
}
