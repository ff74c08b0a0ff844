//! `form planning`: the planning workbook, with what is known filled in.

use std::fs;

use anyhow::{Context, anyhow};
use serde_json::json;

use super::args::FormCommand;
use super::output::{self, hint};
use super::{Done, World};
use crate::forms::planning;

/// Runs a `form` command.
pub(super) async fn run(world: &World, command: FormCommand) -> anyhow::Result<Done> {
    let FormCommand::Planning { prison, year, output, addition, blank } = command;
    let name = world.catalogue.prison(&prison).ok_or_else(|| {
        let known: Vec<&str> = world.catalogue.prisons.iter().map(|prison| &*prison.name).collect();
        anyhow!("没有配置监狱“{prison}”；可选：{}", known.join("、"))
    })?;
    let last = if blank { None } else { world.store.last_plan(name, year).await? };
    let desk = world.desk()?;
    let order = planning::Order {
        prison: name,
        year,
        addition,
        last: last.as_ref(),
        today: world.today(),
        specs: &desk.specs,
        catalogue: &world.catalogue,
    };
    let bytes = planning::write(&order)?;
    fs::write(&output, &bytes).with_context(|| format!("无法写入 {}", output.display()))?;
    let (projects, from) = last.as_ref().map_or((0, None), |plan| (plan.projects.len(), Some(plan.year)));
    if world.json {
        let file = output.display().to_string();
        let version = planning::FORM_VERSION;
        let said = json!({
            "file": file, "prison": name, "year": year, "addition": addition, "version": version,
            "projects": projects, "from_year": from,
        });
        output::json(&said)?;
    } else if let Some(from) = from {
        hint!("{}：已填入 {from} 年度计划中的 {projects} 个项目，人数和日期待填", output.display());
    } else {
        hint!("{}：空白表", output.display());
    }
    Ok(Done::Well)
}
