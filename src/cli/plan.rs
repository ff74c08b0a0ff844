//! `plan list|show|approve|close`: who filed what when, what is missing, and the plan of the city.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};

use super::args::PlanCommand;
use super::output::{self, hint, say};
use super::{Done, World};
use crate::stages::compile::{self, Closing, Compiled};
use crate::store::{ApprovalNote, FiledPlan, StoredCityPlan};
use crate::subsidy::calendar::civil_date;
use crate::subsidy::identifiers::mask_number;
use crate::subsidy::plan::check::project_name;
use crate::subsidy::plan::{Annex, Missing, Plan, missing};

/// Runs a `plan` command.
pub(super) async fn run(world: &World, command: PlanCommand) -> anyhow::Result<Done> {
    match command {
        PlanCommand::List { year } => list(world, year).await,
        PlanCommand::Show { year, prison: Some(prison), addition, .. } => show(world, year, &prison, addition).await,
        PlanCommand::Show { year, papers, .. } => show_city(world, year, papers.as_deref()).await,
        PlanCommand::Approve { year, prison, on, by } => {
            let prison = prison.map(|name| known(world, &name)).transpose()?;
            let note = ApprovalNote { on, by, plan_year: Some(year) };
            let rosters = world.store.approve_plans(year, prison.as_deref(), &note, world.now).await?;
            if world.json {
                output::json(&json!({"year": year, "approved_on": on.to_string(), "rosters": rosters}))?;
            } else {
                hint!("{year} 年度计划已登记核准（{on}）：人员信息表 {} 份，覆盖 {on} 及以后开班的培训", rosters.len());
            }
            Ok(Done::Well)
        }
        PlanCommand::Close { year, because } => {
            let closing = Closing { year, reason: because.reason, by: because.by };
            let (done, compiled) = compile(world, Some(closing)).await?;
            if world.json {
                output::json(&compiled)?;
            } else if compiled.as_array().is_none_or(Vec::is_empty) {
                bail!(
                    "{year} 年度没有可汇总的计划，或所报计划与上次汇总相同；请用 shenling plan list --year {year} 查看"
                );
            }
            Ok(done)
        }
    }
}

fn known(world: &World, prison: &str) -> anyhow::Result<String> {
    world.catalogue.prison(prison).map(ToString::to_string).ok_or_else(|| anyhow!("没有配置监狱“{prison}”"))
}

/// Compiles what is due (or closed).
pub(super) async fn compile_now(world: &World, closing: Option<Closing>) -> anyhow::Result<Vec<Compiled>> {
    // Fonts are read only where there is something to print.
    if compile::due(&world.store, &world.catalogue, closing.as_ref()).await?.is_empty() {
        return Ok(Vec::new());
    }
    let order = compile::Order {
        recipients: world.settings.claim.recipients.clone(),
        stationery: Arc::new(world.stationery()?),
        specs: world.desk()?.specs,
        closing,
    };
    Ok(compile::run(&world.store, &world.catalogue, &order, world.now).await?)
}

/// Compiles what is due (or closed) and says so.
pub(super) async fn compile(world: &World, closing: Option<Closing>) -> anyhow::Result<(Done, Value)> {
    let compiled = compile_now(world, closing).await?;
    for one in compiled.iter().filter(|_| !world.json) {
        say_compiled(one);
    }
    let said: Vec<Value> = compiled
        .iter()
        .map(|one| {
            let totals = &one.totals;
            json!({
                "number": one.number, "year": one.year, "persons": totals.persons, "projects": totals.projects,
                "heads": totals.heads, "classes": totals.classes, "budget_fen": totals.budget.0,
                "lines_sha256": totals.lines_sha256, "missing": one.missing, "papers": one.papers,
            })
        })
        .collect();
    Ok((Done::Well, json!(said)))
}

fn say_compiled(one: &Compiled) {
    let totals = &one.totals;
    say!(
        "汇总：{} 已封存，{} 个项目、{} 人、{} 个班、预算 {} 元；表格 {} 份",
        one.number,
        totals.projects,
        totals.persons,
        totals.classes,
        totals.budget,
        one.papers
    );
    for missing in &one.missing {
        say!("  尚缺 {missing}");
    }
}

fn in_json(filed: &FiledPlan) -> Value {
    let plan = &filed.plan;
    let annexes = Annex::ALL.map(|annex| {
        let state = plan.state(annex);
        json!({
            "annex": annex.number(), "rows": state.rows, "set_aside": state.unread, "errors": state.errors,
            "filed": state.is_filed(),
        })
    });
    json!({
        "prison": plan.prison, "year": plan.year, "addition": plan.addition,
        "received_at": filed.received_at.to_rfc3339(), "versions": filed.versions, "roster": filed.roster_id,
        "approved_on": filed.approval.as_ref().map(|note| note.on.to_string()),
        "projects": plan.projects.len(), "heads": plan.heads(), "persons": plan.persons.len(),
        "classes": plan.classes.len(), "budget_fen": plan.budget().0, "annexes": annexes,
    })
}

fn city_in_json(city: &StoredCityPlan) -> Value {
    let totals = &city.totals;
    json!({
        "number": city.number, "year": city.year, "scope": city.scope, "version": city.version,
        "sealed_at": city.sealed_at.to_rfc3339(), "persons": totals.persons, "projects": totals.projects,
        "heads": totals.heads, "classes": totals.classes, "budget_fen": totals.budget.0,
        "lines_sha256": totals.lines_sha256, "missing": city.missing, "papers": city.papers.len(),
        "closed_because": city.closing.as_ref().map(|(reason, _)| reason),
        "closed_by": city.closing.as_ref().map(|(_, by)| by),
    })
}

/// What each prison owes, per year that is known (or asked for).
fn owed(world: &World, plans: &[FiledPlan], year: Option<i32>) -> Vec<(i32, Vec<Missing>)> {
    let mut years: Vec<i32> = plans.iter().map(|filed| filed.plan.year).chain(year).collect();
    years.sort_unstable();
    years.dedup();
    let of = |year: i32| {
        let of_year = plans.iter().map(|filed| &filed.plan).filter(move |plan| plan.year == year);
        missing(world.catalogue.prisons.iter().map(|prison| &prison.name), of_year)
    };
    years.into_iter().map(|year| (year, of(year))).collect()
}

async fn list(world: &World, year: Option<i32>) -> anyhow::Result<Done> {
    let plans = world.store.plans(year).await?;
    let mut cities = world.store.city_plans().await?;
    cities.retain(|city| year.is_none_or(|year| city.year == year));
    let owed = owed(world, &plans, year);
    if world.json {
        let missing: Vec<Value> = owed
            .iter()
            .flat_map(|(year, prisons)| {
                prisons.iter().map(move |missing| {
                    let annexes: Vec<u32> = missing.annexes.iter().map(|annex| annex.number()).collect();
                    let faulty: Vec<u32> = missing.faulty.iter().map(|annex| annex.number()).collect();
                    json!({"year": year, "prison": missing.prison, "annexes": annexes, "faulty": faulty})
                })
            })
            .collect();
        let (plans, cities): (Vec<_>, Vec<_>) =
            (plans.iter().map(in_json).collect(), cities.iter().map(city_in_json).collect());
        output::json(&json!({"plans": plans, "missing": missing, "compiled": cities}))?;
        return Ok(Done::Well);
    }
    if plans.is_empty() {
        say!("还没有收到年度计划");
    } else {
        let header = ["年度", "监狱", "种类", "报送日期", "版本", "项目", "计划人数", "人员", "办班", "核准"];
        output::table(&header, plans.iter().map(listed));
    }
    for (year, prisons) in owed {
        for missing in prisons.iter().filter(|missing| !missing.annexes.is_empty()) {
            say!("{year} 年度 {} 尚缺：{}", missing.prison, missing.in_words().join("、"));
        }
    }
    for city in cities {
        say!(
            "汇总 {}（{}）：{} 个项目、{} 人、{} 个班、预算 {} 元",
            city.number,
            civil_date(city.sealed_at),
            city.totals.projects,
            city.totals.persons,
            city.totals.classes,
            city.totals.budget
        );
    }
    Ok(Done::Well)
}

fn listed(filed: &FiledPlan) -> Vec<String> {
    let plan = &filed.plan;
    vec![
        plan.year.to_string(),
        plan.prison.to_string(),
        plan.addition.map_or_else(|| "年度计划".to_owned(), |n| format!("临时备案 {n}")),
        civil_date(filed.received_at).to_string(),
        filed.versions.to_string(),
        plan.projects.len().to_string(),
        plan.heads().to_string(),
        plan.persons.len().to_string(),
        plan.classes.len().to_string(),
        filed.approval.as_ref().map_or_else(|| "未核准".to_owned(), |note| note.on.to_string()),
    ]
}

async fn show(world: &World, year: i32, prison: &str, addition: Option<u32>) -> anyhow::Result<Done> {
    let prison = known(world, prison)?;
    let plans = world.store.plans(Some(year)).await?;
    let found = plans.into_iter().find(|filed| *filed.plan.prison == *prison && filed.plan.addition == addition);
    let Some(filed) = found else {
        bail!("{prison} 还没有报送此计划；请用 shenling plan list --year {year} 查看");
    };
    let name = |occupation: &str| {
        let known = world.catalogue.occupation(occupation);
        known.map_or_else(|| occupation.to_owned(), |known| known.name.clone())
    };
    let plan = &filed.plan;
    if world.json {
        let mut said = in_json(&filed);
        said["project_list"] = plan.projects.iter().map(|entry| project_in_json(&entry.value, &name)).collect();
        said["person_list"] = persons_in_json(plan);
        said["class_list"] = classes_in_json(plan, &name);
        output::json(&said)?;
        return Ok(Done::Well);
    }
    say!("{prison} {year} 年度计划，{} 收到，第 {} 版", civil_date(filed.received_at), filed.versions);
    let header = ["职业（等级）", "人数", "班数", "开班", "培训机构", "预算(元)"];
    let row = |entry: &crate::subsidy::plan::Entry<crate::subsidy::plan::Project>| {
        let p = &entry.value;
        vec![
            project_name(&name(&p.occupation), Some(p.level)),
            p.heads.to_string(),
            p.classes.map(|n| n.to_string()).unwrap_or_default(),
            p.starts_on.to_string(),
            p.training_institution.to_string(),
            crate::subsidy::plan::budget_of(p).map(|fen| fen.to_string()).unwrap_or_default(),
        ]
    };
    output::table(&header, plan.projects.iter().map(row));
    say!("人员 {} 人，办班 {} 个", plan.persons.len(), plan.classes.len());
    for missing in missing([&plan.prison], [&Plan { addition: None, ..plan.clone() }]) {
        for what in missing.in_words() {
            say!("尚缺 {what}");
        }
    }
    Ok(Done::Well)
}

fn project_in_json(p: &crate::subsidy::plan::Project, name: &impl Fn(&str) -> String) -> Value {
    json!({
        "occupation": name(&p.occupation), "level": p.level.name(), "heads": p.heads, "classes": p.classes,
        "starts_on": p.starts_on.to_string(), "training_institution": p.training_institution,
        "assessment_institution": p.assessment_institution, "rate_fen": p.rate.map(|fen| fen.0),
    })
}

/// Masked: whoever needs names looks into the roster's papers.
fn persons_in_json(plan: &Plan) -> Value {
    let persons = plan.persons.iter().map(|entry| {
        let p = &entry.value;
        json!({"number": mask_number(&p.number), "occupation": p.occupation, "level": p.level.name(), "class": p.class})
    });
    persons.collect()
}

fn classes_in_json(plan: &Plan, name: &impl Fn(&str) -> String) -> Value {
    let classes = plan.classes.iter().map(|entry| {
        let c = &entry.value;
        json!({
            "occupation": name(&c.occupation), "number": c.number, "of": c.of, "heads": c.heads,
            "starts_on": c.starts_on.to_string(), "ends_on": c.ends_on.to_string(), "institution": c.institution,
        })
    });
    classes.collect()
}

async fn show_city(world: &World, year: i32, papers: Option<&Path>) -> anyhow::Result<Done> {
    let mut cities = world.store.city_plans().await?;
    cities.retain(|city| city.year == year);
    let Some(last) = cities.last() else {
        bail!("{year} 年度计划尚未汇总；请用 shenling plan list --year {year} 查看还缺什么");
    };
    if let Some(dir) = papers {
        take_out(world, last, dir).await?;
    }
    if world.json {
        let listed = |city: &StoredCityPlan| {
            let mut said = city_in_json(city);
            let paper =
                |p: &crate::store::Paper| json!({"name": p.name, "kind": p.kind, "bytes": p.bytes, "sha256": p.sha256});
            said["papers"] = city.papers.iter().map(paper).collect();
            said
        };
        output::json(&cities.iter().map(listed).collect::<Vec<_>>())?;
        return Ok(Done::Well);
    }
    for city in &cities {
        say!("{}，{} 封存，表格 {} 份", city.number, civil_date(city.sealed_at), city.papers.len());
        for missing in &city.missing {
            say!("  汇总时尚缺 {missing}");
        }
        for paper in &city.papers {
            say!("  {}", paper.name);
        }
    }
    Ok(Done::Well)
}

/// Writes the papers into a private folder; the audit log says so.
async fn take_out(world: &World, city: &StoredCityPlan, dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

    let papers = json!({"papers": city.papers.len()});
    world.store.note("plan.papers-taken-out", &city.number, &papers, world.now).await?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for paper in &city.papers {
        let bytes = world.store.blob(&paper.sha256).await?;
        let path = dir.join(&paper.name);
        let mut file = std::fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.with_context(|| format!("无法写入 {}（不覆盖已有文件）", path.display()))?;
        std::io::Write::write_all(&mut file, &bytes)?;
    }
    hint!("{} 份表格已取出到 {}（含个人信息，用后请删除）", city.papers.len(), dir.display());
    Ok(())
}
