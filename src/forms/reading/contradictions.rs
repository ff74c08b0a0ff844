//! Rows of one file that contradict each other: one certificate for two persons, occupations or levels (R3a), one resident ID
//! under two names, two of them under one prisoner number (R12b). All of these are held, so it is told before they are judged.
//!
//! Each is a doubt at the cell of the later row and names that of the first one, so that a number that stands for many (待发)
//! is one line of the reply. Rows that come back for another reason take part
//! with whatever could be read of them; what could not be read contradicts nothing.

use std::hash::Hash;
use std::sync::Arc;

use rayon::prelude::*;

use super::Placed;
use super::clean::shown;
use super::header::Layout;
use super::spec::Key;
use crate::subsidy::alike::firsts;
use crate::subsidy::assessment::{ResultRow, RosterRow};
use crate::subsidy::course::{CertificateType, Level};
use crate::subsidy::finding::{Code, Finding, Severity};
use crate::subsidy::fragment::Fragment;
use crate::subsidy::identifiers::{ResidentId, normalise};

/// What stands beside the rows that are taken.
pub(super) struct Beside<'a> {
    /// Rows that came back.
    pub fragments: &'a [Placed<Fragment>],
    /// The sheets that they all stand on.
    pub layouts: &'a [&'a Layout<'a>],
}

/// What a row says of its person and certificate.
#[derive(Copy, Clone)]
pub(super) struct Sighting<'a> {
    /// Prison and prisoner number.
    place: Option<(&'a str, &'a str)>,
    name: Option<&'a str>,
    /// A valid resident ID.
    id: Option<&'a str>,
    /// Occupation and level.
    skill: Option<(&'a str, Level)>,
    certificate: Option<(CertificateType, &'a str)>,
}

/// A row that can be held against others.
pub(super) trait Sighted {
    /// What it says.
    fn sighting(&self) -> Sighting<'_>;
}

impl Sighted for ResultRow {
    fn sighting(&self) -> Sighting<'_> {
        Sighting {
            place: Some((&self.prison, &self.number)),
            name: Some(&self.name),
            id: valid(self.resident_id.as_deref()),
            skill: Some((&self.occupation, self.level)),
            certificate: self.certificate_type.zip(self.certificate_number.as_deref()),
        }
    }
}

impl<T: Sighted> Sighted for Arc<T> {
    fn sighting(&self) -> Sighting<'_> {
        (**self).sighting()
    }
}

impl Sighted for RosterRow {
    fn sighting(&self) -> Sighting<'_> {
        Sighting {
            place: Some((&self.prison, &self.number)),
            name: Some(&self.name),
            id: valid(self.resident_id.as_deref()),
            skill: None,
            certificate: None,
        }
    }
}

impl Sighted for Fragment {
    fn sighting(&self) -> Sighting<'_> {
        Sighting {
            place: self.prison.as_deref().zip(self.number.as_deref()),
            name: self.name.as_deref(),
            id: valid(self.resident_id.as_deref()),
            skill: self.occupation.as_deref().zip(self.level),
            certificate: self.certificate_type.zip(self.certificate_number.as_deref()),
        }
    }
}

fn valid(id: Option<&str>) -> Option<&str> {
    id.filter(|id| ResidentId::is_valid(id))
}

/// All contradictions of a file.
pub(super) fn contradictions<T: Sighted + Sync>(rows: &[Placed<T>], beside: &Beside<'_>) -> Vec<Finding> {
    let desk = Desk::new(rows, beside);
    let (mut findings, (mut names, mut ids)) = rayon::join(
        || desk.compare(|row| row.certificate.as_ref(), Key::CertificateNumber, other_holder),
        || {
            rayon::join(
                || desk.compare(|row| row.says.id, Key::ResidentId, other_name),
                || desk.compare(|row| row.says.id.and(row.says.place), Key::ResidentId, other_id),
            )
        },
    );
    findings.append(&mut names);
    findings.append(&mut ids);
    findings
}

/// What contradicts the first row: told before and behind the place where that one stands.
type Told = [&'static str; 2];

/// One certificate: of another person, or for something else.
fn other_holder(first: &Sighting<'_>, later: &Sighting<'_>) -> Option<Told> {
    let is_same_person =
        first.place.is_some() && first.place == later.place || first.id.is_some() && first.id == later.id;
    if first.place.is_some() && later.place.is_some() && !is_same_person {
        return Some(["此证书编号在 ", " 属于另一人，请核对；查清前这些行暂不核定"]);
    }
    let is_other = first.skill.zip(later.skill).is_some_and(|(first, later)| first != later);
    is_other.then_some(["此证书编号在 ", " 属于另一职业(工种)或等级，请核对；查清前这些行暂不核定"])
}

/// One resident ID: under another name.
fn other_name(first: &Sighting<'_>, later: &Sighting<'_>) -> Option<Told> {
    let is_other = first.name.zip(later.name).is_some_and(|(a, b)| a != b && normalise(a) != normalise(b));
    is_other.then_some(["此公民身份号码在 ", " 属于另一姓名，请核对姓名和号码；查清前有关的考核结果暂不核定"])
}

/// One prisoner number: with another resident ID.
fn other_id(first: &Sighting<'_>, later: &Sighting<'_>) -> Option<Told> {
    let told = ["同一罪犯编号在 ", " 填的是另一个公民身份号码，请核对；查清前有关的考核结果暂不核定"];
    (first.id != later.id).then_some(told)
}

/// A row on the desk, and where it stands. Looked at once: whether an ID is valid has to be worked out.
struct Stood<'a> {
    sheet: &'a str,
    row: u32,
    says: Sighting<'a>,
    /// Its certificate as it is compared.
    certificate: Option<(CertificateType, String)>,
}

impl<'a> Stood<'a> {
    fn of<T: Sighted>(placed: &'a Placed<T>) -> Stood<'a> {
        let says = placed.row.sighting();
        let certificate = says.certificate.map(|(kind, number)| (kind, normalise(number)));
        Stood { sheet: &placed.sheet, row: placed.row_number, says, certificate }
    }
}

/// Rows on the desk: first those that are taken, then the others.
struct Desk<'a> {
    rows: Vec<Stood<'a>>,
    layouts: &'a [&'a Layout<'a>],
}

impl<'a> Desk<'a> {
    fn new<T: Sighted + Sync>(taken: &'a [Placed<T>], beside: &Beside<'a>) -> Desk<'a> {
        let rows = taken.par_iter().map(Stood::of).chain(beside.fragments.par_iter().map(Stood::of));
        Desk { rows: rows.collect(), layouts: beside.layouts }
    }

    /// Holds every row against the first one with which it has something in common; doubts stand in the column of `key`.
    fn compare<'d, K: Eq + Hash>(
        &'d self,
        common: impl Fn(&'d Stood<'a>) -> Option<K> + Sync,
        key: Key,
        differs: fn(&Sighting<'_>, &Sighting<'_>) -> Option<Told>,
    ) -> Vec<Finding> {
        let firsts = firsts(self.rows.len(), |at| common(&self.rows[at]));
        let told = |(later, first): (usize, usize)| {
            let told = differs(&self.rows[first].says, &self.rows[later].says)?;
            self.doubt(key, first, later, told)
        };
        firsts.into_iter().enumerate().filter(|(later, first)| later != first).filter_map(told).collect()
    }

    fn doubt(&self, key: Key, first: usize, later: usize, [before, behind]: Told) -> Option<Finding> {
        let ((first_sheet, first_cell), (sheet, cell)) = (self.cell(first, key)?, self.cell(later, key)?);
        let first_sheet = if first_sheet == sheet { String::new() } else { format!("“{first_sheet}”") };
        let sighting = &self.rows[later].says;
        let (code, seen) = match key {
            Key::CertificateNumber => (Code::CertificateDoubt, sighting.certificate.map(|(_, number)| number)),
            _ => (Code::IdentityDoubt, sighting.id),
        };
        Some(Finding {
            sheet: sheet.to_owned(),
            cell,
            code,
            severity: Severity::Warning,
            seen: shown(seen.unwrap_or_default()),
            advice: format!("{before}{first_sheet}{first_cell}{behind}"),
        })
    }

    /// Sheet and cell of a column in a row.
    fn cell(&self, at: usize, key: Key) -> Option<(&'a str, String)> {
        let Stood { sheet, row, .. } = self.rows[at];
        let layout = self.layouts.iter().find(|layout| *layout.sheet == *sheet)?;
        Some((sheet, layout.address(row, layout.column(key)?)))
    }
}
