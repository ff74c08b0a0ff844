//! What goes wrong outside the program, and when: outages, a wrong clock, a mail server and folders that are away.

use std::ops::Range;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use shenling::cli::demo::season::dice::Dice;

use super::script::{chance, day, instant};
use crate::mail::peer::Play;

/// A time with something wrong.
type Spell = Range<DateTime<Utc>>;

/// The weather of a life.
#[derive(Clone, Default)]
pub struct Weather {
    /// Nothing runs.
    down: Vec<Spell>,
    /// The mail server cannot be reached.
    away: Vec<Spell>,
    /// The outbox cannot be written to.
    blocked: Vec<Spell>,
    /// The inbox is not there.
    gone: Vec<Spell>,
    /// The clock is wrong by so much.
    wrong: Vec<(Spell, TimeDelta)>,
    /// From then on nothing goes wrong any more.
    fair_from: DateTime<Utc>,
    /// How many mails in a hundred meet trouble.
    pub mail_trouble: u32,
    /// How many rounds in a hundred are cut off by a kill.
    pub kills: u32,
    /// How many stages in a hundred find the database away.
    pub database_away: u32,
}

impl Weather {
    /// Whether nothing runs.
    pub fn is_down(&self, at: DateTime<Utc>) -> bool {
        holds(&self.down, at)
    }

    /// Whether the mail server cannot be reached.
    pub fn is_away(&self, at: DateTime<Utc>) -> bool {
        holds(&self.away, at)
    }

    /// Whether the outbox cannot be written to.
    pub fn is_blocked(&self, at: DateTime<Utc>) -> bool {
        holds(&self.blocked, at)
    }

    /// Whether the inbox is not there.
    pub fn is_gone(&self, at: DateTime<Utc>) -> bool {
        holds(&self.gone, at)
    }

    /// Whether the bad times are over.
    pub fn is_fair(&self, at: DateTime<Utc>) -> bool {
        at >= self.fair_from
    }

    /// What the clock shows.
    pub fn clock(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.wrong.iter().find(|(spell, _)| spell.contains(&at)).map_or(at, |(_, by)| at + *by)
    }

    /// The ends of all spells: the program looks when something changes.
    pub fn turns(&self) -> Vec<DateTime<Utc>> {
        let plain = [&self.down, &self.away, &self.blocked, &self.gone].into_iter().flatten();
        let wrong = self.wrong.iter().map(|(spell, _)| spell);
        plain.chain(wrong).flat_map(|spell| [spell.start, spell.end]).collect()
    }
}

fn holds(spells: &[Spell], at: DateTime<Utc>) -> bool {
    spells.iter().any(|spell| spell.contains(&at))
}

/// Draws the weather between two instants.
pub fn weather(dice: &mut Dice, span: &Spell) -> Weather {
    let mut weather = Weather {
        mail_trouble: dice.below(30),
        kills: dice.below(12),
        database_away: dice.below(3),
        ..Weather::default()
    };
    let years = span.end.year() - span.start.year();
    for year in span.start.year()..span.start.year() + years {
        weather.down.extend(spells(dice, 35, span, 24 * 20));
        weather.away.extend(spells(dice, 50, span, 24 * 7));
        weather.blocked.extend(spells(dice, 30, span, 24 * 4));
        weather.gone.extend(spells(dice, 25, span, 24 * 4));
        if let Some(spell) = spells(dice, 45, span, 24 * 9) {
            let hours = [1, -1, 24, -24, 24 * 30, -24 * 30, 24 * 400, 24 * 365 * 40][dice.below(8) as usize];
            if chance(dice, 30) {
                // Whoever has lost the time has often lost the network too.
                weather.away.push(spell.start..spell.end + TimeDelta::hours(i64::from(dice.below(48))));
            }
            weather.wrong.push((spell, TimeDelta::hours(hours)));
        }
        if chance(dice, 25) {
            // Two months without power across the deadline.
            let from = instant(day(year, 10, 1), 0) + TimeDelta::hours(i64::from(dice.below(24 * 55)));
            weather.down.push(from..from + TimeDelta::hours(i64::from(24 * 10 + dice.below(24 * 55))));
        }
    }
    // The last months are fair: what is stuck then is stuck for good.
    let fair = span.end - TimeDelta::days(40);
    for spells in [&mut weather.down, &mut weather.away, &mut weather.blocked, &mut weather.gone] {
        spells.retain(|spell| spell.end < fair);
    }
    weather.wrong.retain(|(spell, _)| spell.end < fair);
    weather.fair_from = fair;
    weather
}

/// Perhaps one spell of up to so many hours.
fn spells(dice: &mut Dice, percent: u32, span: &Spell, hours: u32) -> Option<Spell> {
    let whole = u32::try_from((span.end - span.start).num_hours()).unwrap_or(1);
    let (there, from, long) = (chance(dice, percent), dice.below(whole), dice.below(hours) + 1);
    let from = span.start + TimeDelta::hours(i64::from(from));
    there.then(|| from..from + TimeDelta::hours(i64::from(long)))
}

/// What the mail server does with the next mails.
pub fn plays(dice: &mut Dice, trouble: u32, mails: usize) -> Vec<Play> {
    let troubles = [
        Play::Mail("450 4.7.1 try again later"),
        Play::Rcpt("451 4.3.0 try again later"),
        Play::Rcpt("550 5.1.1 user unknown"),
        Play::Data("452 4.2.2 mailbox full"),
        Play::Data("554 5.7.1 refused"),
        Play::DropAfterData,
        Play::DropAfterAccept,
    ];
    let mut play = || {
        let (is_trouble, which) = (chance(dice, trouble), dice.below(7) as usize);
        if is_trouble { troubles[which].clone() } else { Play::Accept }
    };
    (0..mails).map(|_| play()).collect()
}
