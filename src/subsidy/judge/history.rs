//! What each person was granted, and which certificates are used up.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};

use super::Bench;
use crate::subsidy::calendar::within_months;
use crate::subsidy::course::{Kind, Level};
use crate::subsidy::policy::{CapWindow, RepeatWindow, WindowBy};

/// One grant of a person.
#[derive(Clone)]
pub(super) struct Past<'a> {
    pub(super) kind: Kind,
    pub(super) occupation: &'a str,
    pub(super) level: Level,
    pub(super) claimed_on: NaiveDate,
    pub(super) issued_on: Option<NaiveDate>,
    /// The assessment; `None` of the opening history.
    pub(super) assessment: Option<i64>,
}

impl Past<'_> {
    /// Where it stands: `（结果 #12）`, `（期初历史）`.
    pub(super) fn place(&self) -> String {
        place(self.assessment)
    }

    /// The date that windows compare; a line without certificate date counts by its claim date.
    pub(super) fn date(&self, by: WindowBy) -> NaiveDate {
        match by {
            WindowBy::Claim => self.claimed_on,
            WindowBy::Certificate => self.issued_on.unwrap_or(self.claimed_on),
        }
    }
}

/// One use of a certificate.
pub(super) struct Use<'a> {
    pub(super) person: u32,
    pub(super) occupation: &'a str,
    pub(super) level: Level,
    pub(super) kind: Kind,
    /// The assessment; `None` of the opening history.
    pub(super) assessment: Option<i64>,
}

impl Use<'_> {
    /// Where it stands: `（结果 #12）`, `（期初历史）`.
    pub(super) fn place(&self) -> String {
        place(self.assessment)
    }
}

fn place(assessment: Option<i64>) -> String {
    assessment.map_or_else(|| "（期初历史）".to_owned(), |id| format!("（结果 #{id}）"))
}

/// Granted lines of sealed batches, the opening history, and what this run has granted so far.
pub(super) struct History<'a> {
    persons: Vec<Vec<Past<'a>>>,
    /// By the certificate's number.
    certificates: Vec<Vec<Use<'a>>>,
}

impl<'a> History<'a> {
    /// The history before the run.
    pub(super) fn new(bench: &Bench<'a>) -> History<'a> {
        let docket = bench.docket;
        let certificates = (0..bench.certificates.len()).map(|_| Vec::new()).collect();
        let mut history = History { persons: vec![Vec::new(); bench.identities.len()], certificates };
        for (i, row) in docket.opening.iter().enumerate() {
            let Some(person) = bench.identities.opening[i] else { continue };
            let past = Past {
                kind: row.kind,
                occupation: &row.occupation,
                level: row.level,
                claimed_on: row.claimed_on,
                issued_on: row.issued_on,
                assessment: None,
            };
            history.join(person, past, bench.certificates.opening[i]);
        }
        let at: HashMap<i64, usize> = if docket.grants.is_empty() {
            HashMap::new()
        } else {
            docket.subjects.iter().enumerate().map(|(i, subject)| (subject.id, i)).collect()
        };
        for grant in &docket.grants {
            if let Some(subject) = at.get(&grant.subject) {
                history.grant(bench, *subject, grant.kind, grant.claimed_on);
            }
        }
        history
    }

    /// Joins a grant of a subject to the history.
    pub(super) fn grant(&mut self, bench: &Bench<'a>, subject: usize, kind: Kind, claimed_on: NaiveDate) {
        let of = &bench.docket.subjects[subject];
        let row = &of.row;
        let past = Past {
            kind,
            occupation: &row.occupation,
            level: row.level,
            claimed_on,
            issued_on: row.issued_on,
            assessment: Some(of.id),
        };
        self.join(bench.identities.subjects[subject], past, bench.certificates.subjects[subject]);
    }

    fn join(&mut self, person: u32, past: Past<'a>, certificate: Option<usize>) {
        if let Some(certificate) = certificate {
            let Past { occupation, level, kind, assessment, .. } = past;
            let used = Use { person, occupation, level, kind, assessment };
            self.certificates[certificate].push(used);
        }
        if let Some(of_person) = usize::try_from(person).ok().and_then(|i| self.persons.get_mut(i)) {
            of_person.push(past);
        }
    }

    /// The grants of a person for a kind.
    pub(super) fn of(&self, person: u32, kind: Kind) -> impl Iterator<Item = &Past<'a>> {
        let all = usize::try_from(person).ok().and_then(|i| self.persons.get(i)).map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |past| past.kind == kind)
    }

    /// Who and what a certificate was granted for.
    pub(super) fn uses(&self, certificate: usize) -> &[Use<'a>] {
        &self.certificates[certificate]
    }
}

impl RepeatWindow {
    /// Whether two dates fall into one window (R7).
    pub(super) fn holds(self, a: NaiveDate, b: NaiveDate) -> bool {
        match self {
            RepeatWindow::CalendarYear => a.year() == b.year(),
            RepeatWindow::Rolling12Months => within_months(a, b, 12),
            RepeatWindow::Ever => true,
        }
    }
}

impl CapWindow {
    /// Whether two dates fall into one window (R8).
    pub(super) fn holds(self, a: NaiveDate, b: NaiveDate) -> bool {
        match self {
            CapWindow::CalendarYear => a.year() == b.year(),
            CapWindow::Rolling12Months => within_months(a, b, 12),
            CapWindow::Lifetime => true,
        }
    }
}
