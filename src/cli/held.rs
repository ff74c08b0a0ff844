//! `held`: what is held for lack of what, by who can supply it.

use super::output::{self, hint, say};
use super::{Done, World};
use crate::settings::mailbox::addresses;
use crate::stages::held;

/// Lists what each unit, or one of them, can supply.
pub(super) async fn run(world: &World, unit: Option<&str>) -> anyhow::Result<Done> {
    let wanted = unit.map(|unit| {
        let prison = world.catalogue.prison(unit).map(ToString::to_string);
        prison.unwrap_or_else(|| unit.to_owned())
    });
    let mut units = held::gather(&world.store, &world.catalogue).await?;
    units.retain(|name, _| wanted.as_ref().is_none_or(|wanted| **name == **wanted));
    if world.json {
        let units: Vec<_> = units
            .iter()
            .map(|(name, lacking)| {
                let lacking: Vec<_> = lacking
                    .iter()
                    .map(|(course, assessments)| {
                        serde_json::json!({
                            "rule": course.rule.code(), "awaits_approval": course.awaits_approval, "prison": &*course.prison, "occupation": &*course.occupation,
                            "level": course.level.name(), "class": course.class, "assessments": assessments,
                        })
                    })
                    .collect();
                serde_json::json!({"unit": &**name, "lacking": lacking})
            })
            .collect();
        output::json(&units)?;
        return Ok(Done::Well);
    }
    if units.is_empty() {
        say!("没有待补正的结果（按最近一次核定）");
    }
    for (name, lacking) in &units {
        let reached = if addresses(&world.settings, &world.catalogue, name).is_empty() {
            "（没有邮箱，请另行告知）"
        } else {
            ""
        };
        say!("{name}{reached}");
        for line in held::lines(lacking, &world.catalogue) {
            say!("  {}：{} 条（{}）", line.course, line.count, line.numbers);
            say!("    {} → {}", line.lacks, line.mend);
        }
    }
    if !units.is_empty() {
        hint!("每条的依据：shenling explain '#编号'");
    }
    Ok(Done::Well)
}
