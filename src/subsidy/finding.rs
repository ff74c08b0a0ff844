//! Wrong input is data: findings (what a clerk must change) and repairs (what was changed for them).
//!
//! Codes are fixed by FORMS section 1; scripts read them, clerks read the advice.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The row, sheet or file comes back.
    Error,
    /// A doubt that someone should look at; nothing is set aside.
    Warning,
}

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$meta])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $code)] $variant,)* }

        impl $name {
            /// Every code, in the order of FORMS.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The code as scripts see it.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $code,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

codes! {
    /// What is wrong with a cell, a sheet or a file.
    Code {
        /// A required cell is empty.
        RequiredEmpty = "required-empty",
        /// Not a date that can be read without guessing.
        BadDate = "bad-date",
        /// Not a number, or out of range.
        BadNumber = "bad-number",
        /// An ID or account typed as a number: its last digits are gone.
        DigitsLost = "digits-lost",
        /// `#REF!` and the like, or a formula that was never evaluated.
        ErrorCell = "error-cell",
        /// No configured prison has this name.
        UnknownPrison = "unknown-prison",
        /// No institution of the catalogue has this name.
        UnknownInstitution = "unknown-institution",
        /// No occupation of the catalogue has this name or code.
        UnknownOccupation = "unknown-occupation",
        /// Not a level.
        UnknownLevel = "unknown-level",
        /// Not a certificate type, or not a training category.
        UnknownType = "unknown-type",
        /// Not 合格 or 不合格 (or another two-way answer).
        UnknownResult = "unknown-result",
        /// A date lies before the one that must come first, or after the day of arrival.
        DateOrder = "date-order",
        /// 理论课时 + 实操课时 is not 总课时.
        HoursSum = "hours-sum",
        /// An amount with more than two decimals.
        TooManyDecimals = "too-many-decimals",
        /// A fee of 0: leave it empty or type the real one.
        ZeroFee = "zero-fee",
        /// One assessment stands twice in a file, and the rows differ.
        TwoVersions = "two-versions",
        /// The assessment is already claimed; it is corrected by reversal.
        AlreadyClaimed = "already-claimed",
        /// A required column is missing.
        ColumnMissing = "column-missing",
        /// No sheet of the file is a form that is known.
        NoHeader = "no-header",
        /// Another format, by name or by content.
        WrongFormat = "wrong-format",
        /// Broken, empty, or of no known encoding.
        UnreadableFile = "unreadable-file",
        /// Protected by a password.
        PasswordProtected = "password-protected",
        /// Larger than the limit, packed or unpacked.
        TooLarge = "too-large",
        /// More rows than the limit.
        TooManyRows = "too-many-rows",
        /// A planning workbook of an older version of the form.
        OldForm = "old-form",
        /// A form that the unit that sent it does not file.
        NotEntitled = "not-entitled",
        /// Figures of the annexes of a plan do not agree.
        PlanSum = "plan-sum",
        /// A project stands in one annex of a plan and not in the other.
        PlanProject = "plan-project",
        /// A class of annex 4 does not stand in annex 2.
        PlanClass = "plan-class",
        /// A date outside the year that is planned.
        PlanYear = "plan-year",
        /// A row of another prison in a prison's plan, or no prison at all.
        PlanPrison = "plan-prison",
        /// R5 at planning: the remaining term is two years or more.
        SentenceTooLong = "sentence-too-long",
        /// R5b at planning.
        AlreadySkilled = "already-skilled",
        /// R5c at planning.
        UnableToStudy = "unable-to-study",
        /// R6 at planning: no rate for the planned start.
        NotInCatalogue = "not-in-catalogue",
        /// R10 at planning.
        InstitutionNotDesignated = "institution-not-designated",
        /// R10b at planning.
        InstitutionPenalised = "institution-penalised",
        /// Warning: an annex is not in the plan yet.
        AnnexMissing = "annex-missing",
        /// Warning: under 18 on the planned start (W2).
        Minor = "minor",
        /// Warning: no agreement prison x institution for the planned start (R10c will hold the claims).
        NoAgreement = "no-agreement",
        /// Warning: theory and practice far from 40 to 60 (W1).
        HoursShare = "hours-share",
        /// Warning: 补贴标准 or 预算金额 differ from the catalogue.
        RateDoubt = "rate-doubt",
        /// Warning: the classes of annex 4 do not add up to annex 2.
        ClassDoubt = "class-doubt",
        /// Warning: a person stands twice for the same project (R7).
        RepeatDoubt = "repeat-doubt",
        /// Warning: a person stands for more projects than the cap allows (R8).
        CapDoubt = "cap-doubt",
        /// Warning: the sex contradicts the resident ID.
        SexDoubt = "sex-doubt",
        /// Warning: the birth date contradicts the resident ID, or the ID states no date.
        BirthDoubt = "birth-doubt",
        /// Warning: the resident ID is missing or its check digit is wrong (R12 holds the row), or it contradicts another row
        /// (R12b).
        IdentityDoubt = "identity-doubt",
        /// Warning: a pass without a complete certificate (R2 holds the row), or a certificate of two persons, occupations or
        /// levels (R3a).
        CertificateDoubt = "certificate-doubt",
        /// Warning: not the known pattern of its certificate type (W3).
        PatternDoubt = "pattern-doubt",
        /// Warning: 合格 with a score below 60.
        ScoreDoubt = "score-doubt",
        /// Warning: one person in two courses at the same time.
        OverlapDoubt = "overlap-doubt",
        /// Warning: a row repeats another one of the file; it is taken once.
        RepeatedRow = "repeated-row",
    }
}

codes! {
    /// What was repaired for the clerk, and said so.
    RepairCode {
        /// Full-width characters became half-width.
        FullWidth = "full-width",
        /// Spaces, zero-width and direction marks were removed.
        Spaces = "spaces",
        /// A date written as text was read.
        DateText = "date-text",
        /// A serial number was read as a date.
        DateSerial = "date-serial",
        /// A small x in a resident ID became X.
        LowerX = "lower-x",
        /// A synonym became the name of the catalogue.
        Synonym = "synonym",
    }
}

/// One thing that a person must change, named so that they can find it and know what to type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the sheet; empty for csv and for findings on the file.
    pub sheet: String,
    /// A1 address; empty for findings on the file.
    pub cell: String,
    /// The code.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What was seen, shortened if long. May hold personal data.
    pub seen: String,
    /// What to type, as a Chinese sentence.
    pub advice: String,
}

/// One safe repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Name of the sheet; empty for csv.
    pub sheet: String,
    /// A1 address.
    pub cell: String,
    /// The code.
    pub code: RepairCode,
    /// What was seen.
    pub seen: String,
    /// What was taken instead.
    pub taken: String,
}
