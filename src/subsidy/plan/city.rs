//! The compiled plan of the city (汇总): the yearly plans of all prisons, or one addition, under one number.

use std::collections::BTreeSet;

use super::{Missing, Plan, budget_of};
use crate::subsidy::batch::lines_sha256;
use crate::subsidy::money::Fen;
use chrono::{DateTime, Utc};

/// What is compiled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The yearly plans of all prisons.
    Year,
    /// One addition (临时备案) of one prison.
    Addition {
        /// 监狱, full name.
        prison: String,
        /// Its number.
        number: u32,
    },
}

impl Scope {
    /// What a plan belongs to.
    pub fn of(plan: &Plan) -> Scope {
        plan.addition.map_or(Scope::Year, |number| Scope::Addition { prison: plan.prison.to_string(), number })
    }

    /// The word in the database: `year`, or `溧阳监狱/1`.
    pub fn code(&self) -> String {
        match self {
            Scope::Year => "year".to_owned(),
            Scope::Addition { prison, number } => format!("{prison}/{number}"),
        }
    }
}

/// The number of a compiled plan: `JH-2027-01` for its first version, `LB-2027-溧阳监狱-1-01` for an addition.
pub fn plan_number(year: i32, scope: &Scope, version: u32) -> String {
    match scope {
        Scope::Year => format!("JH-{year}-{version:02}"),
        Scope::Addition { prison, number } => format!("LB-{year}-{prison}-{number}-{version:02}"),
    }
}

/// The plan of the city.
#[derive(Clone, Debug)]
pub struct CityPlan {
    /// Its number.
    pub number: String,
    /// The year that is planned.
    pub year: i32,
    /// What is compiled.
    pub scope: Scope,
    /// 1, 2 ... per year and scope.
    pub version: u32,
    /// When it was compiled.
    pub sealed_at: DateTime<Utc>,
    /// The plans, in the order of the prisons.
    pub plans: Vec<Plan>,
    /// What was missing when the lead prison closed it; empty where all was in.
    pub missing: Vec<Missing>,
    /// Why and by whom it was closed before all was in.
    pub closing: Option<(String, String)>,
    /// Control totals.
    pub totals: PlanTotals,
    /// Audit entries so far, as printed.
    pub audit_count: i64,
    /// Audit head, in hex, as printed.
    pub audit_head: String,
}

/// Control totals of a compiled plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanTotals {
    /// Distinct persons of annex 3: prison and prisoner number.
    pub persons: u32,
    /// Rows of annex 2.
    pub projects: u32,
    /// Heads of annex 2.
    pub heads: u32,
    /// Forms of annex 4.
    pub classes: u32,
    /// Budget.
    pub budget: Fen,
    /// SHA-256 over the canonical lines of annexes 2 and 3, sorted, in hex.
    pub lines_sha256: String,
}

/// Adds the plans up.
pub fn totals(plans: &[Plan]) -> PlanTotals {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let persons: BTreeSet<(&str, &str)> = plans
        .iter()
        .flat_map(|plan| plan.persons.iter().map(|person| (&*person.value.prison, person.value.number.as_str())))
        .collect();
    PlanTotals {
        persons: count(persons.len()),
        projects: count(plans.iter().map(|plan| plan.projects.len()).sum()),
        heads: plans.iter().map(Plan::heads).sum(),
        classes: count(plans.iter().map(|plan| plan.classes.len()).sum()),
        budget: plans.iter().map(Plan::budget).sum(),
        lines_sha256: lines_sha256(plans.iter().flat_map(canonical)),
    }
}

/// `project|prison|occupation|level|institution|start|heads|budget`, `person|prison|number|occupation|level|class|release`.
fn canonical(plan: &Plan) -> Vec<String> {
    let projects = plan.projects.iter().map(|entry| {
        let p = &entry.value;
        let budget = budget_of(p).unwrap_or(Fen::ZERO).0;
        let (occupation, level) = (&p.occupation, p.level);
        format!(
            "project|{}|{occupation}|{level}|{}|{}|{}|{budget}",
            p.prison, p.training_institution, p.starts_on, p.heads
        )
    });
    let persons = plan.persons.iter().map(|entry| {
        let p = &entry.value;
        format!("person|{}|{}|{}|{}|{}|{}", p.prison, p.number, p.occupation, p.level, p.class, p.release_on)
    });
    projects.chain(persons).collect()
}
