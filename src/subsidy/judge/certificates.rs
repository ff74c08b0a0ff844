//! Every certificate as a small number, so that rules compare numbers and not texts.

use rayon::prelude::*;

use super::Docket;
use crate::subsidy::alike::firsts;
use crate::subsidy::assessment::{Certificate, HistoryRow};

/// The certificates of every row; equal certificates have equal numbers.
pub(super) struct Certificates {
    /// Per subject; `None` where the row states no certificate number.
    pub(super) subjects: Vec<Option<usize>>,
    /// Per opening history row.
    pub(super) opening: Vec<Option<usize>>,
    texts: Vec<String>,
}

impl Certificates {
    /// Numbers the certificates of the docket.
    pub(super) fn resolve(docket: &Docket) -> Certificates {
        let subjects = docket.subjects.par_iter().map(|subject| subject.row.certificate());
        let of = |row: &HistoryRow| Certificate::new(row.certificate_type, row.certificate_number.as_deref());
        let all: Vec<Option<Certificate>> = subjects.chain(docket.opening.par_iter().map(of)).collect();
        let firsts = firsts(all.len(), |at| all[at].as_ref());
        let (mut numbers, mut texts): (Vec<Option<usize>>, Vec<String>) = (Vec::with_capacity(all.len()), Vec::new());
        for (at, certificate) in all.into_iter().enumerate() {
            numbers.push(if firsts[at] == at {
                certificate.map(|certificate| {
                    texts.push(certificate.number);
                    texts.len() - 1
                })
            } else {
                numbers[firsts[at]]
            });
        }
        let opening = numbers.split_off(docket.subjects.len());
        Certificates { subjects: numbers, opening, texts }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The normalised number of a subject's certificate; empty where there is none.
    pub(super) fn text(&self, subject: usize) -> &str {
        self.subjects[subject].map_or("", |certificate| self.texts[certificate].as_str())
    }
}
