//! The papers of a compiled plan: cover, annex 1 over all prisons, annexes 2 and 3 as workbook and pages, annex 4 one form
//! per class with its two seal areas.

mod rows;

use serde::Serialize;

use super::names::{class_name, occupation_name, safe, short_name};
use super::printer::{Mark, hash_prefix, parts, printed, set};
use super::table::{Column, Table, Total};
use super::wording::{day, days, in_words, instant, yuan};
use super::workbook::{Formats, Origin, write};
use super::{Paper, PaperContext, PaperError, PaperKind};
use crate::forms::reading::{FormSpec, FormSpecs, Key};
use crate::subsidy::plan::check::project_name;
use crate::subsidy::plan::city::{CityPlan, Scope};
use crate::subsidy::plan::{Annex, ClassForm, Plan};

/// Renders every paper of a compiled plan and hands each over. The manifest is not among them; it lists them.
pub fn print_plan(
    city: &CityPlan,
    specs: &FormSpecs,
    ctx: &PaperContext<'_>,
    mut hand_over: impl FnMut(Paper),
) -> Result<(), PaperError> {
    let press =
        Press {
            city, ctx, footer: format!("计划 {}　校验 {}", city.number, hash_prefix(&city.totals.lines_sha256))
        };
    hand_over(press.pdf(PaperKind::Cover, press.name("封面", ".pdf"), "plan-cover.typ", None, &cover(city, ctx))?);
    let (annex1, name) = (annex1(city, ctx), press.name("附件1", ".pdf"));
    hand_over(press.pdf(PaperKind::Annex1, name, "annex1.typ", None, &annex1)?);
    let formats = Formats::new();
    for (annex, form, kinds) in [
        (Annex::Two, &specs.annex2, (PaperKind::Annex2Xlsx, PaperKind::Annex2Pdf)),
        (Annex::Three, &specs.roster, (PaperKind::Annex3Xlsx, PaperKind::Annex3Pdf)),
    ] {
        let columns = rows::columns(form);
        let table = table(city, ctx, annex, form, &columns);
        hand_over(press.xlsx(kinds.0, press.name(annex.label(), ".xlsx"), &table, &formats)?);
        let chunks = parts(&table.rows);
        for (part, rows) in (1..).zip(&chunks) {
            let suffix = if chunks.len() == 1 { ".pdf".to_owned() } else { format!("_第{part}部分.pdf") };
            let printed = printed(&table, rows, (part, chunks.len()));
            hand_over(press.pdf(kinds.1, press.name(annex.label(), &suffix), "detail.typ", None, &printed)?);
        }
    }
    let classes = city.plans.iter().flat_map(|plan| plan.classes.iter().map(move |class| (plan, &class.value)));
    for (number, (plan, class)) in (1..).zip(classes) {
        let form = class_form(plan, class, city, ctx);
        let institution = short_name(ctx.catalogue, &class.institution);
        let words = [&*plan.prison, &institution, form.project.as_str(), &format!("第{}期", class.number)];
        let name = class_name(&city.number, number, words);
        hand_over(press.pdf(PaperKind::Annex4, name, "annex4.typ", Some(number), &form)?);
    }
    Ok(())
}

/// One plan at the press.
struct Press<'a> {
    city: &'a CityPlan,
    ctx: &'a PaperContext<'a>,
    footer: String,
}

impl Press<'_> {
    fn name(&self, title: &str, suffix: &str) -> String {
        format!("{}_{}{suffix}", safe(&self.city.number), safe(title))
    }

    fn pdf(
        &self,
        kind: PaperKind,
        name: String,
        template: &str,
        group: Option<u32>,
        data: &impl Serialize,
    ) -> Result<Paper, PaperError> {
        let mark = Mark {
            word: "计划",
            number: &self.city.number,
            hash: hash_prefix(&self.city.totals.lines_sha256),
            group: group.map(|number| format!("{number:03}")),
            sealed_at: self.city.sealed_at,
        };
        let bytes = set(self.ctx, &mark, &name, template, data)?;
        Ok(Paper { name, bytes, kind, group, personal: kind.is_personal() })
    }

    fn xlsx(&self, kind: PaperKind, name: String, table: &Table<'_>, formats: &Formats) -> Result<Paper, PaperError> {
        let origin = Origin {
            paper: &name,
            title: name.strip_suffix(".xlsx").unwrap_or(&name),
            footer: &self.footer,
            sealed_at: self.city.sealed_at,
        };
        let bytes = write(std::slice::from_ref(table), &origin, formats)?;
        Ok(Paper { name, bytes, kind, group: None, personal: kind.is_personal() })
    }
}

/// `2027年度`, or `2027年度临时备案（溧阳监狱第1次）`.
fn what(city: &CityPlan) -> String {
    match &city.scope {
        Scope::Year => format!("{}年度", city.year),
        Scope::Addition { prison, number } => format!("{}年度临时备案（{prison}第{number}次）", city.year),
    }
}

/// Annex 2 or 3 over all prisons.
fn table<'a>(
    city: &CityPlan,
    ctx: &PaperContext<'_>,
    annex: Annex,
    form: &FormSpec,
    columns: &'a [Column],
) -> Table<'a> {
    let rows = match annex {
        Annex::Three => rows::persons(city, form, ctx.catalogue),
        _ => rows::projects(city, form, ctx.catalogue),
    };
    let budget_at = form.columns.iter().position(|column| column.key == Key::Budget);
    let total = budget_at.filter(|_| annex == Annex::Two).map(|column| Total {
        label: format!("合计（{}项，{}人）", city.totals.projects, city.totals.heads),
        column,
        sum: city.totals.budget,
        note: String::new(),
    });
    Table {
        label: annex.label().to_owned(),
        title: annex.title().to_owned(),
        subtitle: format!("计划号：{}　{}　共 {} 行", city.number, what(city), rows.len()),
        sheet: annex.label().to_owned(),
        columns,
        rows,
        total,
        notes: Vec::new(),
    }
}

/// Annex 1 as texts.
#[derive(Serialize)]
struct Annex1 {
    subtitle: String,
    prisons: Vec<Annex1Part>,
    total: u32,
    projects: String,
}

#[derive(Serialize)]
struct Annex1Part {
    name: String,
    total: u32,
    rows: Vec<Annex1Row>,
}

#[derive(Serialize)]
struct Annex1Row {
    serial: u32,
    project: String,
    heads: u32,
}

/// What annex 1 says where it was sent; else what annex 2 adds up to.
fn annex1(city: &CityPlan, ctx: &PaperContext<'_>) -> Annex1 {
    let mut serial = 0;
    let mut prisons: Vec<Annex1Part> = Vec::new();
    for plan in &city.plans {
        let name = |occupation, level| project_name(&occupation_name(ctx.catalogue, occupation), level);
        let mut rows: Vec<(String, u32)> =
            plan.summaries.iter().map(|s| (name(&s.value.occupation, s.value.level), s.value.heads)).collect();
        if rows.is_empty() {
            rows =
                plan.projects.iter().map(|p| (name(&p.value.occupation, Some(p.value.level)), p.value.heads)).collect();
        }
        if rows.is_empty() {
            continue;
        }
        let total = rows.iter().map(|(_, heads)| heads).sum();
        let rows = rows.into_iter().map(|(project, heads)| {
            serial += 1;
            Annex1Row { serial, project, heads }
        });
        prisons.push(Annex1Part { name: plan.prison.to_string(), total, rows: rows.collect() });
    }
    let total = prisons.iter().map(|part| part.total).sum();
    Annex1 { subtitle: what(city), prisons, total, projects: format!("{serial}项") }
}

/// One form of annex 4 as texts.
#[derive(Serialize)]
struct ClassPaper {
    prison: String,
    filled_on: String,
    institution: String,
    category: &'static str,
    project: String,
    heads: String,
    class: String,
    time: String,
    teachers: String,
    materials: String,
    site: String,
    hrss: String,
}

fn class_form(plan: &Plan, class: &ClassForm, city: &CityPlan, ctx: &PaperContext<'_>) -> ClassPaper {
    let of_class = |project: &&crate::subsidy::plan::Project| {
        project.occupation == class.occupation && class.level.is_none_or(|level| level == project.level)
    };
    let project = plan.projects.iter().map(|entry| &entry.value).find(of_class);
    let category = class.category.or(project.map(|project| project.category)).unwrap_or_default();
    let level = class.level.or(project.map(|project| project.level));
    let number = |value: Option<u32>| value.map_or("　".to_owned(), |value| value.to_string());
    ClassPaper {
        prison: plan.prison.to_string(),
        filled_on: day(crate::subsidy::calendar::civil_date(city.sealed_at)),
        institution: class.institution.to_string(),
        category: category.name(),
        project: project_name(&occupation_name(ctx.catalogue, &class.occupation), level),
        heads: format!("{}人", class.heads),
        class: format!("第 {} 期 共 {} 班", class.number, number(class.of)),
        time: format!(
            "从{}，共 {} 天 {} 课时",
            days(class.starts_on, class.ends_on),
            number(class.days),
            number(class.hours)
        ),
        teachers: class.teachers.clone(),
        materials: class.materials.clone(),
        site: class.site.clone(),
        hrss: ctx.hrss.to_owned(),
    }
}

/// The cover as texts.
#[derive(Serialize)]
struct Cover {
    title: String,
    number: String,
    year: String,
    year_number: String,
    lead_prison: String,
    sealed_at: String,
    bureau: String,
    hrss: String,
    prisons: Vec<Figures>,
    sums: Figures,
    budget_words: String,
    missing: Vec<String>,
    closed_by: String,
    closed_because: String,
    lines_sha256: String,
    audit_count: i64,
    audit_head: String,
}

#[derive(Serialize)]
struct Figures {
    name: String,
    projects: String,
    classes: String,
    heads: String,
    persons: String,
    budget: String,
}

fn cover(city: &CityPlan, ctx: &PaperContext<'_>) -> Cover {
    let figures = |name: &str, totals: &crate::subsidy::plan::city::PlanTotals| Figures {
        name: name.to_owned(),
        projects: totals.projects.to_string(),
        classes: totals.classes.to_string(),
        heads: totals.heads.to_string(),
        persons: totals.persons.to_string(),
        budget: totals.budget.to_string(),
    };
    let one = |plan: &Plan| figures(&plan.prison, &crate::subsidy::plan::city::totals(std::slice::from_ref(plan)));
    let missing = city
        .missing
        .iter()
        .filter(|missing| !missing.annexes.is_empty())
        .map(|missing| format!("{}：{}", missing.prison, missing.in_words().join("、")));
    let (because, by) = city.closing.clone().unwrap_or_default();
    Cover {
        title: format!(
            "特殊人群职业技能培训{}汇总封面",
            if city.scope == Scope::Year { "年度计划" } else { "临时备案" }
        ),
        number: city.number.clone(),
        year: what(city),
        year_number: city.year.to_string(),
        lead_prison: ctx.catalogue.lead_prison().map(ToString::to_string).unwrap_or_default(),
        sealed_at: instant(city.sealed_at),
        bureau: ctx.bureau.to_owned(),
        hrss: ctx.hrss.to_owned(),
        prisons: city.plans.iter().map(one).collect(),
        sums: figures("合计", &city.totals),
        budget_words: format!("{}（{}）", in_words(city.totals.budget), yuan(city.totals.budget)),
        missing: missing.collect(),
        closed_by: by,
        closed_because: because,
        lines_sha256: city.totals.lines_sha256.clone(),
        audit_count: city.audit_count,
        audit_head: city.audit_head.clone(),
    }
}
