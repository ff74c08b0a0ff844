//! The planted faults, as data: who, what is wrong, and what the program must make of it in the end.
//!
//! The generator reads this table to make the files; the season test reads it to check the outcome.
//! Everyone who is not listed is granted what [`Class::worth_fen`](super::classes::Class::worth_fen) says, except
//! that a kind without a rate is refused with `not-in-catalogue` (assessment of 叉车 and of 创业培训), and that
//! class X4's training is refused with `institution-penalised`.

use crate::subsidy::finding::{Code, RepairCode};
use crate::subsidy::verdict::Rule;

/// What is wrong (or merely strange) with a person's rows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The resident ID was typed as a number.
    DigitsLost,
    /// The assessment date is `#REF!`.
    ErrorCell,
    /// The training institution is not in the catalogue.
    UnknownInstitution,
    /// The course ends before it starts.
    DateOrder,
    /// The row stands twice, with two scores.
    TwoVersions,
    /// The certificate number of the person in the seat before.
    CertificateShared,
    /// The other one of that pair: nothing is wrong with the row itself.
    CertificateLent,
    /// Passed, but without a certificate number.
    CertificateMissing,
    /// Missing on the roster.
    NotOnRoster,
    /// More than two years of the sentence left when the course started.
    SentenceTooLong,
    /// The roster says 有一技之长.
    AlreadySkilled,
    /// So many training claims this year in the opening history.
    ClaimedBefore(u32),
    /// The same occupation and level claimed this year.
    Repeat,
    /// The check digit of the resident ID is wrong in the results.
    WrongCheckDigit,
    /// The resident ID of the person in the seat before, in roster and results.
    IdentityBorrowed,
    /// The other one of that pair.
    IdentityLent,
    /// Did not pass.
    NotPassed,
    /// A name with a character that most fonts lack.
    RareName(&'static str),
    /// Full-width digits in the resident ID.
    FullWidth,
    /// A small x in the resident ID.
    SmallX,
    /// A zero-width space in the certificate number.
    ZeroWidth,
    /// The occupation by one of its aliases.
    Alias(&'static str),
    /// Nothing wrong; the second delivery repeats the row unchanged.
    SentAgain,
}

/// How a kind ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Granted.
    Granted,
    /// Denied; all failing rules, in the order of RULES.
    Denied(&'static [Rule]),
    /// Held; all failing rules, in the order of RULES.
    Held(&'static [Rule]),
    /// The row came back and was never corrected: there is nothing to judge.
    NotTaken,
}

/// One planted fault.
#[derive(Copy, Clone, Debug)]
pub struct Planted {
    /// Class (see `classes`).
    pub class: &'static str,
    /// Seat in the class, from 0.
    pub seat: usize,
    /// What is wrong.
    pub fault: Fault,
    /// The finding that names its cell in the first delivery.
    pub finding: Option<Code>,
    /// The repair that names its cell in the first delivery.
    pub repair: Option<RepairCode>,
    /// Whether the second delivery (更正) brings the row again, and right.
    pub corrected: bool,
    /// How training and assessment end, after both deliveries.
    pub ends: [Ends; 2],
}

const GRANTED: [Ends; 2] = [Ends::Granted, Ends::Granted];
const NOT_TAKEN: [Ends; 2] = [Ends::NotTaken, Ends::NotTaken];
/// 创业培训: no rate for the assessment.
const TRAINING_ONLY: [Ends; 2] = [Ends::Granted, Ends::Denied(&[Rule::NotInCatalogue])];

const fn denied(rules: &'static [Rule]) -> [Ends; 2] {
    [Ends::Denied(rules), Ends::Denied(rules)]
}

const fn held(rules: &'static [Rule]) -> [Ends; 2] {
    [Ends::Held(rules), Ends::Held(rules)]
}

const fn plant(class: &'static str, seat: usize, fault: Fault, ends: [Ends; 2]) -> Planted {
    Planted { class, seat, fault, finding: None, repair: None, corrected: false, ends }
}

const fn finding(class: &'static str, seat: usize, fault: Fault, code: Code) -> Planted {
    Planted { finding: Some(code), ..plant(class, seat, fault, NOT_TAKEN) }
}

const fn repair(class: &'static str, seat: usize, fault: Fault, code: RepairCode, ends: [Ends; 2]) -> Planted {
    Planted { repair: Some(code), ..plant(class, seat, fault, ends) }
}

const fn corrected(planted: Planted) -> Planted {
    Planted { corrected: true, ends: GRANTED, ..planted }
}

/// Every planted fault.
pub const PLANTED: &[Planted] = &[
    // 常州监狱, workbook of two sheets with titles, totals and signatures; dates are dates.
    finding("C1", 3, Fault::DigitsLost, Code::DigitsLost),
    finding("C1", 5, Fault::ErrorCell, Code::ErrorCell),
    repair("C1", 7, Fault::Alias("电焊工"), RepairCode::Synonym, GRANTED),
    plant("C1", 9, Fault::RareName("王㛃兰"), GRANTED),
    plant("C2", 2, Fault::ClaimedBefore(3), [Ends::Denied(&[Rule::Cap]), Ends::Granted]),
    plant("C2", 4, Fault::CertificateLent, held(&[Rule::CertificateConflict])),
    plant("C2", 5, Fault::CertificateShared, held(&[Rule::CertificateConflict])),
    // Granted, with the warning `last-claim`.
    plant("C2", 8, Fault::ClaimedBefore(2), GRANTED),
    plant("C2", 10, Fault::WrongCheckDigit, held(&[Rule::UnverifiedIdentity])),
    // 烹饪学校, headers by their synonyms, dates like 2026.7.13, merged cells.
    repair("C3", 1, Fault::FullWidth, RepairCode::FullWidth, GRANTED),
    plant("C3", 4, Fault::Repeat, [Ends::Denied(&[Rule::Repeat]), Ends::Granted]),
    finding("C3", 6, Fault::UnknownInstitution, Code::UnknownInstitution),
    plant("C3", 8, Fault::RareName("陈䶮生"), GRANTED),
    finding("C3", 11, Fault::TwoVersions, Code::TwoVersions),
    // 创业中心, one GB18030 csv for two prisons, dates like 2026/9/7.
    repair("C4", 10, Fault::SmallX, RepairCode::LowerX, TRAINING_ONLY),
    plant("C4", 13, Fault::RareName("赵𠮷祥"), TRAINING_ONLY),
    // 溧阳监狱, workbook with serial dates and prisoner numbers as numbers.
    finding("L1", 2, Fault::DateOrder, Code::DateOrder),
    corrected(plant("L1", 6, Fault::CertificateMissing, GRANTED)),
    plant("L1", 9, Fault::CertificateMissing, held(&[Rule::CertificateMissing])),
    corrected(finding("L1", 12, Fault::DigitsLost, Code::DigitsLost)),
    corrected(plant("L1", 15, Fault::SentAgain, GRANTED)),
    plant("L2", 3, Fault::NotOnRoster, held(&[Rule::NotOnRoster])),
    plant("L2", 7, Fault::SentenceTooLong, denied(&[Rule::SentenceTooLong])),
    plant("L2", 10, Fault::NotPassed, denied(&[Rule::NotPassed])),
    // 溧阳监狱, UTF-8 csv in another column order, dates like 20260831.
    repair("L4", 6, Fault::ZeroWidth, RepairCode::Spaces, GRANTED),
    // 新康监狱, a header of two rows and a sheet that is no form.
    plant("X1", 3, Fault::IdentityLent, held(&[Rule::IdentityConflict])),
    plant("X1", 4, Fault::IdentityBorrowed, held(&[Rule::IdentityConflict])),
    plant("X1", 7, Fault::AlreadySkilled, denied(&[Rule::AlreadySkilled])),
];

/// The fault planted on a seat, with its index in [`PLANTED`].
pub fn planted_at(class: &str, seat: usize) -> Option<(usize, &'static Planted)> {
    PLANTED.iter().enumerate().find(|(_, planted)| planted.class == class && planted.seat == seat)
}
