//! What becomes of a mail.

use super::super::{Result, StoreError};

/// What became of a mail.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailFate {
    /// Its files were taken in, and it was answered.
    Taken,
    /// A trial (试检): answered, nothing kept of its rows.
    Rehearsed,
    /// It brought files of which none could be opened; it was answered with what to do.
    Unopened,
    /// It brought no file; it was answered with what to do.
    Fileless,
    /// No person wrote it: nothing answers it.
    Automatic,
    /// A report on a letter of ours.
    Bounced,
    /// Its sender is nobody's.
    Stranger,
    /// The receiving server does not vouch for its sender.
    Unproven,
    /// It is too large.
    TooLarge,
    /// It cannot be taken apart.
    Unreadable,
    /// A report on a letter that is not known.
    Unmatched,
    /// A machine sent files.
    MachineFiles,
    /// Words for a person, without a file.
    Words,
    /// Its sender was answered often enough for a day.
    Excess,
}

impl MailFate {
    /// Every fate.
    pub const ALL: [MailFate; 14] = [
        MailFate::Taken,
        MailFate::Rehearsed,
        MailFate::Unopened,
        MailFate::Fileless,
        MailFate::Automatic,
        MailFate::Bounced,
        MailFate::Stranger,
        MailFate::Unproven,
        MailFate::TooLarge,
        MailFate::Unreadable,
        MailFate::Unmatched,
        MailFate::MachineFiles,
        MailFate::Words,
        MailFate::Excess,
    ];

    /// The word in the database and in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            MailFate::Taken => "taken",
            MailFate::Rehearsed => "rehearsed",
            MailFate::Unopened => "unopened",
            MailFate::Fileless => "fileless",
            MailFate::Automatic => "automatic",
            MailFate::Bounced => "bounced",
            MailFate::Stranger => "stranger",
            MailFate::Unproven => "unproven",
            MailFate::TooLarge => "too-large",
            MailFate::Unreadable => "unreadable",
            MailFate::Unmatched => "unmatched",
            MailFate::MachineFiles => "machine-files",
            MailFate::Words => "words",
            MailFate::Excess => "excess",
        }
    }

    /// Reads what [`MailFate::code`] wrote.
    pub fn from_code(code: &str) -> Option<MailFate> {
        MailFate::ALL.into_iter().find(|fate| fate.code() == code)
    }

    /// Whether there is something in it that can be taken in once a person answers for it: nothing is in words, in what is no
    /// mail, or in a report; of what was too large only the beginning is kept.
    pub const fn can_be_let_in(self) -> bool {
        matches!(self, MailFate::Stranger | MailFate::Unproven | MailFate::MachineFiles | MailFate::Excess)
    }

    /// Whether a person must look at it (待人工).
    pub const fn is_for_a_person(self) -> bool {
        !matches!(
            self,
            MailFate::Taken
                | MailFate::Rehearsed
                | MailFate::Unopened
                | MailFate::Fileless
                | MailFate::Automatic
                | MailFate::Bounced
        )
    }
}

/// Reads a fate as it is stored.
pub(super) fn stored(code: &str) -> Result<MailFate> {
    MailFate::from_code(code).ok_or_else(|| StoreError::Damaged(format!("fate {code} of a mail")))
}
