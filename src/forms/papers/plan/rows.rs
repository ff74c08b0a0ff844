//! Rows of annexes 2 and 3, in the columns that the administrator gave them.

use super::super::names::occupation_name;
use super::super::table::{Align, Cell, Column};
use crate::forms::reading::{FormSpec, Key};
use crate::subsidy::assessment::RosterRow;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::plan::city::CityPlan;
use crate::subsidy::plan::{Project, budget_of};

/// The columns of a form.
pub(super) fn columns(form: &FormSpec) -> Vec<Column> {
    let align = |key| match key {
        Key::Rate | Key::Budget => Align::Right,
        Key::Remark | Key::Household | Key::TrainingInstitution | Key::AssessmentInstitution => Align::Left,
        _ => Align::Centre,
    };
    form.columns
        .iter()
        .map(|column| Column { header: column.header.clone(), width: column.width, align: align(column.key) })
        .collect()
}

/// Annex 2: every project of every prison.
pub(super) fn projects(city: &CityPlan, form: &FormSpec, catalogue: &Catalogue) -> Vec<Vec<Cell>> {
    let projects = city.plans.iter().flat_map(|plan| &plan.projects);
    (1..)
        .zip(projects)
        .map(|(serial, entry)| {
            form.columns.iter().map(|column| project(column.key, serial, &entry.value, catalogue)).collect()
        })
        .collect()
}

/// Annex 3: every person of every prison.
pub(super) fn persons(city: &CityPlan, form: &FormSpec, catalogue: &Catalogue) -> Vec<Vec<Cell>> {
    let persons = city.plans.iter().flat_map(|plan| &plan.persons);
    (1..)
        .zip(persons)
        .map(|(serial, entry)| {
            form.columns.iter().map(|column| person(column.key, serial, &entry.value, catalogue)).collect()
        })
        .collect()
}

fn project(key: Key, serial: u32, row: &Project, catalogue: &Catalogue) -> Cell {
    let count = |value: Option<u32>| value.map_or(Cell::Empty, Cell::Count);
    let code = || catalogue.occupation(&row.occupation).and_then(|known| known.code.clone());
    match key {
        Key::Serial => Cell::Count(serial),
        Key::Prison => Cell::text(&*row.prison),
        Key::Category => Cell::text(row.category.name()),
        Key::Occupation => Cell::text(occupation_name(catalogue, &row.occupation)),
        Key::OccupationCode => Cell::text(row.occupation_code.clone().or_else(code).unwrap_or_default()),
        Key::Level => Cell::text(row.level.name()),
        Key::CertificateType => row.certificate_type.map_or(Cell::Empty, |kind| Cell::text(kind.name())),
        Key::Classes => count(row.classes),
        Key::Heads => Cell::Count(row.heads),
        Key::Hours => count(row.hours),
        Key::HoursTheory => count(row.hours_theory),
        Key::HoursPractice => count(row.hours_practice),
        Key::StartedOn => Cell::Date(row.starts_on),
        Key::EndedOn => row.ends_on.map_or(Cell::Empty, Cell::Date),
        Key::TrainingInstitution => Cell::text(&*row.training_institution),
        Key::AssessmentInstitution => Cell::text(row.assessment_institution.as_deref().unwrap_or_default()),
        Key::Rate => row.rate.map_or(Cell::Empty, Cell::Yuan),
        Key::Budget => budget_of(row).map_or(Cell::Empty, Cell::Yuan),
        Key::Remark => Cell::text(row.remark.clone().unwrap_or_default()),
        _ => Cell::Empty,
    }
}

fn person(key: Key, serial: u32, row: &RosterRow, catalogue: &Catalogue) -> Cell {
    let text = |value: &Option<String>| Cell::text(value.clone().unwrap_or_default());
    match key {
        Key::Serial => Cell::Count(serial),
        Key::Prison => Cell::text(&*row.prison),
        Key::Ward => text(&row.ward),
        Key::Number => Cell::text(row.number.clone()),
        Key::Name => Cell::text(row.name.clone()),
        Key::Sex => row.sex.map_or(Cell::Empty, |sex| Cell::text(sex.name())),
        Key::BornOn => row.born_on.map_or(Cell::Empty, Cell::Date),
        Key::Ethnicity => text(&row.ethnicity),
        Key::ResidentId => text(&row.resident_id),
        Key::Education => text(&row.education),
        Key::Household => text(&row.household),
        Key::ReleaseOn => Cell::Date(row.release_on),
        Key::Skilled => Cell::text(if row.skilled { "有" } else { "无" }),
        Key::Able => Cell::text(if row.able { "能" } else { "否" }),
        Key::Category => Cell::text(row.category.name()),
        Key::Occupation => Cell::text(occupation_name(catalogue, &row.occupation)),
        Key::OccupationCode => text(&row.occupation_code),
        Key::Level => Cell::text(row.level.name()),
        Key::Class => Cell::text(row.class.clone()),
        Key::TrainingInstitution => Cell::text(row.institution.as_deref().unwrap_or_default()),
        Key::Remark => text(&row.remark),
        _ => Cell::Empty,
    }
}
