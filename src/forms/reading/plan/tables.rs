//! Annexes 1 to 3: rows as in every other table, each with the places of the cells that cross-checks point at.

use super::super::contradictions::Beside;
use super::super::header::Layout;
use super::super::names;
use super::super::results::{check_hours, check_order};
use super::super::roster;
use super::super::row::Reader;
use super::super::sheet::{SheetReading, read_sheet};
use super::super::spec::Key;
use super::super::versions::compare_roster;
use super::super::{FileKind, Placed, ReadingContext};
use super::Draft;
use crate::forms::grid::Sheet;
use crate::subsidy::course::{Category, Level};
use crate::subsidy::finding::Code;
use crate::subsidy::fragment::Fragment;
use crate::subsidy::plan::{Annex, Entry, Field, Place, Project, Summary};

/// Which annex a sheet is.
pub(super) fn annex_of(layout: &Layout<'_>) -> Option<Annex> {
    match layout.kind() {
        FileKind::Plan if layout.form.column(Key::Project).is_some() => Some(Annex::One),
        FileKind::Plan => Some(Annex::Two),
        FileKind::Roster => Some(Annex::Three),
        _ => None,
    }
}

/// Reads a sheet that has all its columns.
pub(super) fn read(annex: Annex, sheet: &Sheet, layout: &Layout<'_>, ctx: &ReadingContext<'_>, draft: &mut Draft) {
    match annex {
        Annex::One => {
            let mut part = read_sheet(sheet, layout, ctx, summary);
            let rows = note(annex, &mut part, layout, draft);
            draft.plan.summaries.extend(rows.map(|row| placed(row, layout, ONE)));
        }
        Annex::Two => {
            let mut part = read_sheet(sheet, layout, ctx, project);
            let rows = note(annex, &mut part, layout, draft);
            draft.plan.projects.extend(rows.map(|row| placed(row, layout, TWO)));
        }
        Annex::Three | Annex::Four => {
            let mut part = read_sheet(sheet, layout, ctx, roster::read);
            let beside = Beside { fragments: &part.output.fragments, layouts: &[layout] };
            let mut compared = compare_roster(std::mem::take(&mut part.taken), &beside);
            part.output.findings.append(&mut compared.findings);
            part.taken = compared.kept;
            draft.duplicates += compared.duplicates;
            let rows = note(annex, &mut part, layout, draft);
            draft.plan.persons.extend(rows.map(|row| placed(row, layout, THREE)));
        }
    }
}

/// Takes over what a sheet gave, but for the rows that were taken.
fn note<T>(
    annex: Annex,
    part: &mut SheetReading<T>,
    layout: &Layout<'_>,
    draft: &mut Draft,
) -> impl Iterator<Item = Placed<T>> + use<T> {
    let fields = match annex {
        Annex::One => ONE,
        Annex::Two => TWO,
        Annex::Three | Annex::Four => THREE,
    };
    let rest = std::mem::take(&mut part.output.fragments).into_iter();
    draft.rest.extend(rest.map(|row| (annex, placed(row, layout, fields))));
    draft.count(annex, part.rows, part.set_aside);
    draft.take(annex, &mut part.output);
    std::mem::take(&mut part.taken).into_iter()
}

const ONE: &[(Field, Key)] = &[
    (Field::Project, Key::Project),
    (Field::Heads, Key::Heads),
    (Field::Total, Key::Total),
    (Field::Prison, Key::Prison),
];
const TWO: &[(Field, Key)] = &[
    (Field::Project, Key::Occupation),
    (Field::Prison, Key::Prison),
    (Field::Level, Key::Level),
    (Field::CertificateType, Key::CertificateType),
    (Field::Classes, Key::Classes),
    (Field::Heads, Key::Heads),
    (Field::Hours, Key::Hours),
    (Field::Start, Key::StartedOn),
    (Field::End, Key::EndedOn),
    (Field::Training, Key::TrainingInstitution),
    (Field::Assessment, Key::AssessmentInstitution),
    (Field::Rate, Key::Rate),
    (Field::Budget, Key::Budget),
];
const THREE: &[(Field, Key)] = &[
    (Field::Number, Key::Number),
    (Field::Prison, Key::Prison),
    (Field::Project, Key::Occupation),
    (Field::Level, Key::Level),
    (Field::Release, Key::ReleaseOn),
    (Field::Skilled, Key::Skilled),
    (Field::Able, Key::Able),
    (Field::Born, Key::BornOn),
];

fn placed<T>(row: Placed<T>, layout: &Layout<'_>, fields: &[(Field, Key)]) -> Entry<T> {
    let cells = fields
        .iter()
        .filter_map(|(field, key)| layout.column(*key).map(|at| (*field, layout.address(row.row_number, at))))
        .collect();
    Entry { place: Place { sheet: row.sheet.to_string(), cells }, value: row.row }
}

/// A row of annex 1.
fn summary(r: &mut Reader<'_>) -> Option<Summary> {
    let prison = r.prison();
    let total = r.hours(Key::Total);
    let project = r.project();
    let heads = heads(r);
    if r.is_faulty() {
        let (occupation, level) = project.unzip();
        r.keep(Fragment { prison, total, occupation, level: level.flatten(), heads, ..Fragment::default() });
        return None;
    }
    let (occupation, level) = project?;
    Some(Summary { prison: prison?, total, occupation, level, heads: heads? })
}

/// A number of persons: a project for nobody is to be left out.
fn heads(r: &mut Reader<'_>) -> Option<u32> {
    let heads = r.hours(Key::Heads)?;
    if heads == 0 {
        let advice = format!("“{}”为 0：不办的项目请删除整行", r.header(Key::Heads));
        r.fault(Key::Heads, Code::BadNumber, advice);
        return None;
    }
    Some(heads)
}

/// A row of annex 2.
fn project(r: &mut Reader<'_>) -> Option<Project> {
    let prison = r.prison();
    let category = r.category();
    let occupation = r.occupation();
    let occupation_code = r.text(Key::OccupationCode);
    let by_catalogue = occupation.as_ref().map(|(_, category)| *category);
    let category = category.or(by_catalogue).unwrap_or_default();
    let level = r.level(category == Category::Entrepreneurship || by_catalogue == Some(Category::Entrepreneurship));
    let certificate_type = r.certificate_type();
    let classes = r.hours(Key::Classes);
    let heads = heads(r);
    let hours = [Key::Hours, Key::HoursTheory, Key::HoursPractice].map(|key| r.hours(key));
    check_hours(r, hours);
    let starts_on = r.date(Key::StartedOn);
    let ends_on = r.date(Key::EndedOn);
    if let (Some(from), Some(to)) = (starts_on, ends_on) {
        check_order(r, (Key::StartedOn, from), (Key::EndedOn, to));
    }
    let training = r.institution(Key::TrainingInstitution);
    let assessment_institution = r.institution(Key::AssessmentInstitution);
    let rate = r.amount(Key::Rate, Code::BadNumber);
    let budget = r.amount(Key::Budget, Code::BadNumber);
    let remark = r.remark();
    if r.is_faulty() {
        let is_right = |key| !r.is_faulty_at(key);
        let fragment = Fragment {
            prison,
            category: is_right(Key::Category).then_some(category),
            occupation: occupation.map(|(id, _)| id),
            level,
            certificate_type,
            training,
            // It is held against the last day; without one against the first.
            assessment: assessment_institution.filter(|_| is_right(Key::EndedOn)),
            heads,
            classes: classes.filter(|_| is_right(Key::Classes)),
            hours: hours[1].zip(hours[2]).filter(|_| is_right(Key::Hours)),
            starts_on,
            ends_on,
            rate,
            budget,
            ..Fragment::default()
        };
        r.keep(fragment);
        return None;
    }
    Some(Project {
        prison: prison?,
        category,
        occupation: occupation?.0,
        occupation_code,
        level: level?,
        certificate_type,
        classes,
        heads: heads?,
        hours: hours[0],
        hours_theory: hours[1],
        hours_practice: hours[2],
        starts_on: starts_on?,
        ends_on,
        training_institution: training?,
        assessment_institution,
        rate,
        budget,
        remark,
    })
}

impl Reader<'_> {
    /// 培训项目 of annex 1: an occupation, perhaps with its level (`焊工（五级/初级工）`, `焊工 五级`).
    fn project(&mut self) -> Option<(crate::subsidy::assessment::Name, Option<Level>)> {
        let text = self.words(Key::Project)?;
        let (occupation, level) = split_project(&text, |name| self.catalogue().occupation(name).is_some());
        match names::occupation(self.catalogue(), &occupation, true) {
            Ok(found) => Some((found.value().0.clone(), level)),
            Err(advice) => {
                self.fault(Key::Project, Code::UnknownOccupation, advice);
                None
            }
        }
    }
}

/// Splits a project's name into occupation and level; a name that the catalogue knows as a whole stays whole.
pub(super) fn split_project(text: &str, is_known: impl Fn(&str) -> bool) -> (String, Option<Level>) {
    let text = text.trim();
    if is_known(text) {
        return (text.to_owned(), None);
    }
    let marks = |c: char| c == '（' || c == '(' || c == '、' || c == '，' || c == ',' || c == '-' || c.is_whitespace();
    for (at, _) in text.char_indices().skip(1) {
        let (name, rest) = text.split_at(at);
        let rest = rest.trim_matches(|c: char| marks(c) || c == '）' || c == ')');
        let name = name.trim_end_matches(marks);
        if let Some(level) = Level::parse(rest)
            && is_known(name)
        {
            return (name.to_owned(), Some(level));
        }
    }
    let name = text.split(['（', '(']).next().unwrap_or(text).trim();
    (name.to_owned(), None)
}
