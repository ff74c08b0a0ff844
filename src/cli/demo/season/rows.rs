//! The facts of every seat, with its planted fault applied: what will stand in the rows of results, roster, history.

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate};

use super::classes::{CLASSES, Class};
use super::dice::Dice;
use super::people::{Crowd, Person, resident_id_with_x, with_wrong_check};
use super::planted::{Fault, planted_at};

/// Where the season must have ended before anyone is released.
const SEASON_END: NaiveDate = match NaiveDate::from_ymd_opt(2026, 12, 1) {
    Some(day) => day,
    None => panic!("a day of 2026"),
};

/// A person in a class.
#[derive(Clone)]
pub struct Seat {
    /// Which class.
    pub class: &'static Class,
    /// Who.
    pub person: Person,
    /// The fault planted here.
    pub fault: Option<(usize, Fault)>,
    /// 证书编号.
    pub certificate: String,
    /// 理论成绩, 实操成绩 in tenths of a point.
    pub scores: [u16; 2],
}

/// Everyone in every class, in the order of `CLASSES`.
pub fn seats(seed: u64) -> BTreeMap<&'static str, Vec<Seat>> {
    let mut dice = Dice::new(seed);
    let mut crowd = Crowd::new(Dice::new(dice.throw()));
    let mut all: BTreeMap<&'static str, Vec<Seat>> = BTreeMap::new();
    let mut serial = 0;
    for class in CLASSES {
        let mut seats: Vec<Seat> = Vec::new();
        for number in 0..class.seats {
            let known = class.shared.filter(|(.., count)| number < *count);
            let known = known.and_then(|(from, first, _)| all.get(from)?.get(first + number));
            let mut person = match known {
                Some(seat) => seat.person.clone(),
                None => crowd.next(class.prison, prefix(class.prison), SEASON_END, latest_release(class)),
            };
            serial += 1;
            let mut certificate = certificate_number(class, serial);
            let fault = planted_at(class.id, number).map(|(index, planted)| (index, planted.fault));
            let before = seats.last();
            match (fault.map(|(_, fault)| fault), before) {
                (Some(Fault::RareName(name)), _) => name.clone_into(&mut person.name),
                (Some(Fault::SmallX), _) => person.id = resident_id_with_x(person.born_on),
                (Some(Fault::SentenceTooLong), _) => person.released_on = class.days[0] + Months::new(30),
                (Some(Fault::IdentityBorrowed), Some(before)) => {
                    person.id.clone_from(&before.person.id);
                    person.born_on = before.person.born_on;
                }
                (Some(Fault::CertificateShared), Some(before)) => certificate.clone_from(&before.certificate),
                _ => {}
            }
            let mut score = || 600 + u16::try_from(dice.below(78)).unwrap_or(0) * 5;
            seats.push(Seat { class, person, fault, certificate, scores: [score(), score()] });
        }
        all.insert(class.id, seats);
    }
    all
}

/// The first four digits of a prison's numbers.
fn prefix(prison: &str) -> &'static str {
    match prison {
        super::classes::CHANGZHOU => "3201",
        super::classes::LIYANG => "3202",
        _ => "3203",
    }
}

/// Less than two years are left when the course starts.
fn latest_release(class: &Class) -> NaiveDate {
    class.days[0] + Months::new(23)
}

/// Numbers of the known patterns (DOMAIN section 4), with the unused region 329999.
fn certificate_number(class: &Class, serial: u32) -> String {
    let year = class.days[3].year() % 100;
    match class.certificate {
        "职业技能等级证书" => {
            let level = if class.level.starts_with('四') { 4 } else { 5 };
            format!("S999932999901{year:02}{level}{serial:06}")
        }
        "专项职业能力证书" => format!("329999-ZX-{year}-{serial:05}"),
        "特种设备作业人员证书" => format!("TS6YS329999{serial:05}"),
        _ => format!("SYB-329999-{year}-{serial:05}"),
    }
}

impl Seat {
    /// The fault, if one is planted here.
    pub fn has(&self, fault: Fault) -> bool {
        self.fault.is_some_and(|(_, planted)| planted == fault)
    }

    /// Whether the person passed.
    pub fn passed(&self) -> bool {
        !self.has(Fault::NotPassed)
    }

    /// 公民身份号码 as the result sheet has it.
    pub fn id_in_results(&self) -> String {
        let id = &self.person.id;
        match self.fault {
            Some((_, Fault::WrongCheckDigit)) => with_wrong_check(id),
            Some((_, Fault::SmallX)) => id.to_lowercase(),
            Some((_, Fault::FullWidth)) => id.chars().map(full_width).collect(),
            _ => id.clone(),
        }
    }

    /// The same seat as the second delivery has it: right.
    #[must_use]
    pub fn corrected(&self) -> Seat {
        Seat { fault: None, ..self.clone() }
    }
}

fn full_width(c: char) -> char {
    char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).filter(|_| c.is_ascii_digit()).unwrap_or(c)
}

/// One line of the opening history: seat, occupation, level, certificate type, claimed on, yuan.
pub type Claimed = (Seat, &'static str, &'static str, &'static str, NaiveDate, u32);

/// What was paid before the program came: all training.
pub fn history(all: &BTreeMap<&'static str, Vec<Seat>>) -> Vec<Claimed> {
    const EARLIER: [(&str, &str, &str, u32, u32); 3] = [
        ("焊工", "五级/初级工", "职业技能等级证书", 3, 1000),
        ("缝纫工", "五级/初级工", "职业技能等级证书", 5, 800),
        ("中式面点制作", "无等级", "专项职业能力证书", 8, 600),
    ];
    let on = |month: u32| NaiveDate::from_ymd_opt(2026, month, 20).unwrap_or(SEASON_END);
    let mut lines = Vec::new();
    for seat in all.values().flatten() {
        match seat.fault {
            Some((_, Fault::ClaimedBefore(times))) => {
                for (occupation, level, certificate, month, yuan) in &EARLIER[..times as usize] {
                    lines.push((seat.clone(), *occupation, *level, *certificate, on(*month), *yuan));
                }
            }
            Some((_, Fault::Repeat)) => {
                let class = seat.class;
                lines.push((seat.clone(), class.occupation, class.level, class.certificate, on(5), 900));
            }
            _ => {}
        }
    }
    lines
}
