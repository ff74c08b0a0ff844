//! Every certificate as a small number, so that rules compare numbers and not texts.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Docket;
use crate::subsidy::assessment::Certificate;

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
        let mut numbers: HashMap<Certificate, usize> = HashMap::with_capacity(docket.subjects.len());
        let mut number = |certificate: Certificate| {
            let next = numbers.len();
            *numbers.entry(certificate).or_insert(next)
        };
        let certificates: Vec<Option<Certificate>> =
            docket.subjects.par_iter().map(|subject| subject.row.certificate()).collect();
        let subjects = certificates.into_iter().map(|certificate| certificate.map(&mut number)).collect();
        let of = |kind, number: &Option<String>| Certificate::new(kind, number.as_deref());
        let opening = docket.opening.iter();
        let opening = opening.map(|row| of(row.certificate_type, &row.certificate_number).map(&mut number)).collect();
        let mut texts = vec![String::new(); numbers.len()];
        for (certificate, number) in numbers {
            texts[number] = certificate.number;
        }
        Certificates { subjects, opening, texts }
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
