//! Typed values out of the cells of a row: identifiers, dates, numbers, amounts, answers, names of the catalogue.
//!
//! Findings: `digits-lost`, `bad-date`, `bad-number`, `too-many-decimals`, `zero-fee`, `unknown-*`.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::{Answers, Reader};
use crate::forms::grid::{self, Cell};
use crate::forms::reading::cell::{stored, written};
use crate::forms::reading::clean::{Clean, clean, without_spaces};
use crate::forms::reading::names::{self, Cache, Known, LookUp};
use crate::forms::reading::spec::Key;
use crate::forms::reading::{advice, dates, numbers};
use crate::subsidy::assessment::Name;
use crate::subsidy::course::{Category, CertificateType, Kind, Level};
use crate::subsidy::finding::{Code, RepairCode};
use crate::subsidy::money::{AmountError, Fen};

impl<'a> Reader<'a> {
    /// A number that is a name: kept as text; typed as a long number it has lost its last digits.
    pub fn identifier(&mut self, key: Key) -> Option<String> {
        let cell = self.cell(key)?;
        let lost = match cell {
            Cell::Number { text, .. } => numbers::number_lost_digits(text),
            Cell::Text(text) => text.contains('+') && numbers::text_lost_digits(&clean(text).text),
            _ => false,
        };
        if lost {
            let advice = advice::digits_lost(self.header(key));
            self.fault(key, Code::DigitsLost, advice);
            return None;
        }
        Some(self.cleaned_text(key, &stored(cell)))
    }

    /// 公民身份号码: no spaces inside, upper case; perhaps wrong all the same.
    pub fn resident_id(&mut self) -> Option<String> {
        let key = Key::ResidentId;
        let repairs_before = self.out.repairs.len();
        let text = self.identifier(key)?;
        let is_upper = text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if is_upper && self.out.repairs.len() == repairs_before {
            return Some(text);
        }
        // What identifier() listed showed its own outcome, not the final one.
        self.out.repairs.truncate(repairs_before);
        let raw = self.raw(key).unwrap_or_default();
        let packed = without_spaces(&raw);
        let Clean { text, spaces, full_width } = clean(&packed);
        let id = text.to_uppercase();
        self.cleaned(key, &raw, spaces || packed != raw, full_width, &id);
        if id != text {
            self.repair(key, RepairCode::LowerX, &raw, &id);
        }
        Some(id)
    }

    /// A date.
    pub fn date(&mut self, key: Key) -> Option<NaiveDate> {
        let cell = self.cell(key)?;
        let read = match cell {
            Cell::Date { on, .. } if dates::is_plausible(*on) => return Some(*on),
            Cell::Number { text, date_1904 } => dates::parse_number(text, *date_1904).map(|read| (read, false, false)),
            Cell::Text(text) => {
                let clean = clean(text);
                dates::parse_text(&clean.text).map(|read| (read, clean.spaces, clean.full_width))
            }
            _ => None,
        };
        let Some((read, spaces, full_width)) = read else {
            let advice = advice::bad_date(self.header(key));
            self.fault(key, Code::BadDate, advice);
            return None;
        };
        if read.rewritten || read.spaced || read.serial || spaces || full_width {
            let (raw, taken) = (written(cell), read.on.to_string());
            self.cleaned(key, &raw, spaces || read.spaced, full_width, &taken);
            if read.rewritten {
                self.repair(key, RepairCode::DateText, &raw, &taken);
            }
            if read.serial {
                self.repair(key, RepairCode::DateSerial, &raw, &taken);
            }
        }
        Some(read.on)
    }

    /// The digits of a number cell or of a number typed as text.
    fn digits(&mut self, key: Key) -> Option<Cow<'a, str>> {
        match self.cell(key)? {
            Cell::Number { text, .. } => Some(Cow::Borrowed(text)),
            Cell::Text(raw) => {
                let Clean { text, spaces, full_width } = clean(raw);
                self.cleaned(key, raw, spaces, full_width, &text);
                // A program that writes csv writes the noise of binary arithmetic too.
                Some(grid::without_noise(&text).map_or(text, Cow::Owned))
            }
            // TRUE is filled, but no digits: what follows refuses it.
            other => Some(stored(other)),
        }
    }

    /// Whole hours.
    pub fn hours(&mut self, key: Key) -> Option<u32> {
        let digits = self.digits(key)?;
        let hours = numbers::whole(&digits);
        if hours.is_none() {
            let advice = advice::bad_whole(key, self.header(key));
            self.fault(key, Code::BadNumber, advice);
        }
        hours
    }

    /// A score in tenths of a point.
    pub fn score(&mut self, key: Key) -> Option<u16> {
        let digits = self.digits(key)?;
        let score = numbers::tenths(&digits);
        if score.is_none() {
            let advice = advice::bad_score(self.header(key));
            self.fault(key, Code::BadNumber, advice);
        }
        score
    }

    /// An amount above zero; a zero is a finding of the given code.
    pub fn amount(&mut self, key: Key, zero: Code) -> Option<Fen> {
        let repairs_before = self.out.repairs.len();
        let digits = self.digits(key)?;
        let header = self.header(key);
        match Fen::parse_yuan(&digits) {
            Ok(Fen::ZERO) => self.fault(key, zero, advice::zero_amount(header, !self.is_needed(key))),
            Ok(fen) => {
                // What digits() listed shows the text; the amount is taken without sign, unit and grouping.
                self.out.repairs.iter_mut().skip(repairs_before).for_each(|repair| repair.taken = fen.yuan_short());
                return Some(fen);
            }
            Err(AmountError::TooManyDecimals) => self.fault(key, Code::TooManyDecimals, advice::decimals(header)),
            Err(AmountError::NotAnAmount) => self.fault(key, Code::BadNumber, advice::bad_amount(header)),
        }
        None
    }

    /// A two-way answer.
    pub fn answer(&mut self, key: Key, answers: &Answers) -> Option<bool> {
        let raw = written(self.cell(key)?);
        let packed = without_spaces(&raw);
        let Clean { text, spaces, full_width } = clean(&packed);
        let synonym = answers.also.iter().find(|(word, _)| *word == text).map(|(_, answer)| *answer);
        let plain = (text == answers.yes).then_some(true).or((text == answers.no).then_some(false));
        let Some(answer) = plain.or(synonym) else {
            let advice = advice::answer(self.header(key), answers.yes, answers.no);
            self.fault(key, Code::UnknownResult, advice);
            return None;
        };
        let taken = if answer { answers.yes } else { answers.no };
        self.cleaned(key, &raw, spaces || packed != raw, full_width, taken);
        if plain.is_none() {
            self.repair(key, RepairCode::Synonym, &raw, taken);
        }
        Some(answer)
    }

    fn known<T: Clone>(
        &mut self,
        key: Key,
        code: Code,
        cache: fn(&mut Known) -> &mut Cache<T>,
        look_up: LookUp<T>,
    ) -> Option<T> {
        let raw = stored(self.cell(key)?);
        let resolved = names::resolve(cache(self.known), self.ctx.catalogue, &raw, look_up);
        match &resolved.value {
            Ok(value) => {
                for code in &resolved.repairs {
                    self.repair(key, *code, &raw, &resolved.taken);
                }
                Some(value.clone())
            }
            Err(advice) => {
                self.fault(key, code, advice.clone());
                None
            }
        }
    }

    /// 监狱.
    pub fn prison(&mut self) -> Option<Name> {
        self.known(Key::Prison, Code::UnknownPrison, |known| &mut known.prisons, names::prison)
    }

    /// 培训机构 or 鉴定机构.
    pub fn institution(&mut self, key: Key) -> Option<Name> {
        self.known(key, Code::UnknownInstitution, |known| &mut known.institutions, names::institution)
    }

    /// 职业(工种): id and category in the catalogue.
    pub fn occupation(&mut self) -> Option<names::KnownOccupation> {
        self.known(Key::Occupation, Code::UnknownOccupation, |known| &mut known.occupations, names::occupation)
    }

    /// 培训类别.
    pub fn category(&mut self) -> Option<Category> {
        self.known(Key::Category, Code::UnknownType, |known| &mut known.categories, names::category)
    }

    /// 证书类型.
    pub fn certificate_type(&mut self) -> Option<CertificateType> {
        let key = Key::CertificateType;
        self.known(key, Code::UnknownType, |known| &mut known.certificate_types, names::certificate_type)
    }

    /// 补贴种类.
    pub fn kind(&mut self) -> Option<Kind> {
        self.known(Key::Kind, Code::UnknownType, |known| &mut known.kinds, names::kind)
    }

    /// 等级; where levels do not apply, an empty cell means 无等级.
    pub fn level(&mut self, without_levels: bool) -> Option<Level> {
        if without_levels && self.filled(Key::Level).is_none() {
            return Some(Level::None);
        }
        self.known(Key::Level, Code::UnknownLevel, |known| &mut known.levels, names::level)
    }
}
