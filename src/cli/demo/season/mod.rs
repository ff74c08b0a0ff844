//! The demo season: some 240 invented people in three prisons, 2026-Q4, with planted faults. No clock: all dates are fixed.
//!
//! Rosters were approved in December 2025; the classes run from April to October 2026; results arrive in November in the
//! shapes that clerks give them (two workbooks with titles and signatures, synonyms and merged cells, GB18030 and UTF-8
//! csv, every accepted way to write a date); a second delivery corrects some rows. [`PLANTED`] lists every fault and how
//! it must end; [`Season::located`] says in which cell it stands. Nobody is real: see [`people`].
//!
//! Read in this order: [`classes`], [`planted`], [`rows`], [`results`], [`files`].

pub mod catalogue;
pub mod classes;
pub mod dice;
pub mod files;
pub mod people;
pub mod planted;
pub mod results;
pub mod rows;
pub mod sheet;

use rust_xlsxwriter::XlsxError;

pub use planted::{Ends, Fault, PLANTED, Planted};

/// The seed of the demo that `make demo` shows.
pub const SEED: u64 = 2026;
/// When the claim of the season is made.
pub const NOW: &str = "2026-11-20T09:00:00+08:00";
/// The period that is claimed.
pub const PERIOD: &str = "2026-Q4";

/// What an arriving file holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Results, for the inbox.
    Results,
    /// A roster, to be imported as approved (`--approved-on`, `--approved-by`); its plan year is the next one.
    Roster {
        /// ISO date.
        approved_on: &'static str,
        /// By whom.
        approved_by: &'static str,
    },
    /// The opening history.
    History,
}

/// A file and when it arrives.
pub struct Arrival {
    /// Name of the file.
    pub path: &'static str,
    /// The instant of arrival, RFC 3339.
    pub at: &'static str,
    /// What it holds.
    pub contents: Contents,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Where a planted fault stands in the first delivery. A fault in two rows stands here twice.
#[derive(Clone, Debug)]
pub struct Located {
    /// The fault.
    pub planted: &'static Planted,
    /// Full name of the prison.
    pub prison: &'static str,
    /// 罪犯编号.
    pub number: String,
    /// 证书编号, without what is wrong with it.
    pub certificate: String,
    /// Name of the file.
    pub file: &'static str,
    /// Name of the sheet; empty for a csv.
    pub sheet: &'static str,
    /// A1 address of the cell.
    pub cell: String,
}

/// A whole season.
pub struct Season {
    /// File name and text of each csv of the catalogue folder.
    pub catalogue: &'static [(&'static str, &'static str)],
    /// Every file, in the order of arrival.
    pub arrivals: Vec<Arrival>,
    /// Where the faults are.
    pub located: Vec<Located>,
    /// Everyone, once: what no log, file name or database may show in the clear.
    pub people: Vec<people::Person>,
}

/// Makes the season of a seed. The same seed gives the same bytes.
pub fn season(seed: u64) -> Result<Season, XlsxError> {
    let seats = rows::seats(seed);
    let (results, located) = files::results(&seats)?;
    let mut arrivals = files::rosters(&seats)?;
    arrivals.push(files::opening(&seats));
    arrivals.extend(results);
    arrivals.sort_by_key(|arrival| arrival.at);
    let mut people: Vec<people::Person> = Vec::new();
    for seat in seats.values().flatten() {
        if !people.iter().any(|person| person.number == seat.person.number) {
            people.push(seat.person.clone());
        }
    }
    Ok(Season { catalogue: catalogue::FILES, arrivals, located, people })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::subsidy::course::{CertificateType, Level};
    use crate::subsidy::identifiers::{ResidentId, certificate_doubt, is_credit_code, is_organisation_code};

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let (one, two, other) = (season(SEED).unwrap(), season(SEED).unwrap(), season(7).unwrap());
        assert!(one.arrivals.iter().zip(&two.arrivals).all(|(a, b)| a.path == b.path && a.bytes == b.bytes));
        assert!(one.arrivals.iter().zip(&other.arrivals).any(|(a, b)| a.bytes != b.bytes));
        assert!(one.arrivals.is_sorted_by_key(|arrival| arrival.at));
    }

    #[test]
    fn everyone_is_invented_and_well_formed() {
        for seed in [SEED, 1, 2] {
            let people = season(seed).unwrap().people;
            assert!((235..=255).contains(&people.len()), "{}", people.len());
            for person in &people {
                let id = ResidentId::parse(&person.id).expect("right check digit");
                assert!(id.as_str().starts_with(people::REGION) && id.born_on() == Some(person.born_on));
                assert_eq!(id.sex().name(), person.sex);
                assert!(person.name.chars().count() == 3 && person.number.len() == 10);
            }
            // One ID is planted on two people; names and numbers are never shared.
            let ids: BTreeSet<_> = people.iter().map(|p| &p.id).collect();
            let names: BTreeSet<_> = people.iter().map(|p| &p.name).collect();
            assert_eq!((ids.len(), names.len()), (people.len() - 1, people.len()));
        }
    }

    #[test]
    fn every_fault_is_planted_where_it_says() {
        let season = season(SEED).unwrap();
        for (at, planted) in PLANTED.iter().enumerate() {
            let here = |place: &&Located| (place.planted.class, place.planted.seat) == (planted.class, planted.seat);
            let expected = if planted.fault == Fault::TwoVersions { 2 } else { 1 };
            assert_eq!(season.located.iter().filter(here).count(), expected, "{planted:?}");
            let twice = PLANTED[..at].iter().any(|p| (p.class, p.seat) == (planted.class, planted.seat));
            assert!(!twice, "two faults on one seat: {planted:?}");
        }
        // The seats that C4 borrows from C1 stay clean, or a fault would show twice.
        assert!(!PLANTED.iter().any(|p| p.class == "C1" && (12..20).contains(&p.seat)));
        assert!(!PLANTED.iter().any(|p| p.class == "C4" && p.seat < 8));
    }

    #[test]
    fn the_workbooks_show_the_faults_to_another_reader() {
        use calamine::{Data, Reader, Xlsx};
        let season = season(SEED).unwrap();
        let mut seen = BTreeMap::new();
        for place in season.located.iter().filter(|place| !place.sheet.is_empty()) {
            let file = season.arrivals.iter().find(|arrival| arrival.path == place.file).unwrap();
            let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(file.bytes.as_slice())).unwrap();
            let range = book.worksheet_range(place.sheet).unwrap();
            let digits = place.cell.find(|c: char| c.is_ascii_digit()).unwrap();
            let row = place.cell[digits..].parse::<u32>().unwrap() - 1;
            let column = place.cell[..digits].bytes().fold(0, |n, b| n * 26 + u32::from(b - b'A') + 1) - 1;
            let cell = range.get_value((row, column)).cloned().unwrap_or(Data::Empty);
            seen.insert((place.planted.class, place.planted.seat), cell);
        }
        assert!(matches!(seen[&("C1", 3)], Data::Float(id) if id > 3.2e17));
        assert!(matches!(seen[&("C1", 5)], Data::Error(_)));
        assert_eq!(seen[&("C1", 7)], Data::String("电焊工".to_owned()));
        assert_eq!(seen[&("C1", 9)], Data::String("王㛃兰".to_owned()));
        assert_eq!(seen[&("C3", 6)], Data::String("常州市某某职业培训学校".to_owned()));
        assert_eq!(seen[&("L1", 9)], Data::Empty);
        assert_eq!(seen[&("L2", 10)], Data::String("不合格".to_owned()));
    }

    #[test]
    fn the_gb18030_csv_keeps_the_rare_character() {
        let season = season(SEED).unwrap();
        let file = season.arrivals.iter().find(|arrival| arrival.path.contains("SYB")).unwrap();
        assert!(std::str::from_utf8(&file.bytes).is_err());
        let (text, _, broken) = encoding_rs::GB18030.decode(&file.bytes);
        assert!(!broken && text.contains("赵𠮷祥") && text.lines().count() == 35);
    }

    #[test]
    fn the_catalogue_covers_every_class_and_its_codes_are_right() {
        for line in catalogue::FILES[0].1.lines().skip(1) {
            let code = line.split(',').nth(3).unwrap();
            assert!(is_credit_code(code) || is_organisation_code(code), "{code}");
        }
        for class in classes::CLASSES {
            for (file, text) in [(0, class.trainer), (0, class.assessor), (3, class.occupation)] {
                assert!(
                    catalogue::FILES[file].1.lines().any(|line| line.split(',').any(|cell| cell == text)),
                    "{text}"
                );
            }
            let paid = format!("{},{},{}", class.occupation, class.level, class.certificate);
            assert!(catalogue::FILES[4].1.contains(&paid), "{paid}");
            let agreed = format!("{},{}", class.prison, class.trainer);
            assert!(catalogue::FILES[2].1.contains(&agreed), "{agreed}");
            assert!(class.days.is_sorted() && class.hours[1] + class.hours[2] <= class.hours[0]);
        }
    }

    #[test]
    fn certificates_follow_the_pattern_of_their_type() {
        for seat in rows::seats(SEED).values().flatten() {
            let class = seat.class;
            let (kind, level) =
                (CertificateType::parse(class.certificate).unwrap(), Level::parse(class.level).unwrap());
            assert_eq!(certificate_doubt(kind, &seat.certificate, level, Some(class.days[3])), None);
        }
    }
}
