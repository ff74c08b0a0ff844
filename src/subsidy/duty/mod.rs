//! Duties (催报事项): what a prison hands in by when, and the ladder of reminders that leads there.
//!
//! Read in this order: [`step`] (the rungs of a ladder and on which days they fall), [`occurrence`] (which deadlines
//! there are, and when), [`mod@decide`] (who is written to now, and when the next letter comes), [`agenda`] (a whole year in
//! order of date, and what an outage or an edit does to it).
//!
//! Everything is decided anew from four things: the config, the calendar, what is owed, and the steps that are on
//! record. So a restart, a second machine, a clock set back and an outage are one case: a step on record never comes
//! again, and what was missed comes at once and in one letter.

pub mod agenda;
pub mod decide;
pub mod occurrence;
pub mod step;
#[cfg(test)]
mod tests;

pub use decide::{Action, Decision, Item, Office, Owing, Record, actions, decide};
pub use occurrence::{CourseEnd, Due, Occurrence};
pub use step::{Ladder, Planned, Step};

/// What has to be in so that a duty is done.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The yearly plan (annexes 1 to 4).
    Plan,
    /// The result sheet of a course.
    Results,
    /// What a quarter's claim needs.
    Claim,
}

impl Kind {
    /// The word in config and JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Kind::Plan => "plan",
            Kind::Results => "results",
            Kind::Claim => "claim",
        }
    }

    /// Reads the word of the config.
    pub fn parse(code: &str) -> Option<Kind> {
        [Kind::Plan, Kind::Results, Kind::Claim].into_iter().find(|kind| kind.code() == code)
    }
}

/// Who else is told from which step on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// First step of which the lead prison gets a copy.
    pub lead_from: Option<Step>,
    /// First step of which the supervising agency gets a copy.
    pub agency_from: Option<Step>,
    /// The id of that agency.
    pub agency: String,
}

impl Escalation {
    /// Whether a letter about this step goes to the lead prison too.
    pub fn tells_lead(&self, step: Step) -> bool {
        self.lead_from.is_some_and(|from| step >= from)
    }

    /// The agency that gets a copy of a letter about this step.
    pub fn tells_agency(&self, step: Step) -> Option<&str> {
        self.agency_from.is_some_and(|from| step >= from).then_some(self.agency.as_str())
    }
}

/// One duty of the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Its id, part of the keys that make every reminder unique.
    pub id: String,
    /// Its name in letters.
    pub name: String,
    /// What has to be in.
    pub kind: Kind,
    /// When it has to be in.
    pub due: Due,
    /// When who owes it is reminded.
    pub ladder: Ladder,
    /// Who else is told.
    pub escalation: Escalation,
    /// Days after a deadline for which reminders that were missed are still made up for.
    pub chase_days: u32,
}
