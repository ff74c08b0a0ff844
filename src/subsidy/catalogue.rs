//! The catalogue: prisons, institutions, penalties, agreements, occupations, rates and policies, all dated data.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::assessment::Name;
use super::calendar::Span;
use super::course::{Category, CertificateType, Kind, Level};
use super::identifiers::normalise;
use super::money::Fen;
use super::policy::Policy;

/// A configured prison (监狱).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prison {
    /// Full name, e.g. 常州监狱.
    pub name: Name,
    /// Whether it leads (牵头监狱); exactly one does.
    pub lead: bool,
}

/// One designation period of an institution, with the data that its forms print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Institution {
    /// 机构名称.
    pub name: Name,
    /// 简称.
    pub short_names: Vec<String>,
    /// Designated for training (类型 培训 or 培训鉴定).
    pub trains: bool,
    /// Designated for assessment (类型 鉴定 or 培训鉴定).
    pub assesses: bool,
    /// 组织机构代码 or 统一社会信用代码.
    pub code: Option<String>,
    /// 法定代表人.
    pub legal_representative: Option<String>,
    /// 开户银行.
    pub bank: Option<String>,
    /// 户名.
    pub account_name: Option<String>,
    /// 银行账号.
    pub account: Option<String>,
    /// 联系人.
    pub contact: Option<String>,
    /// 联系电话.
    pub phone: Option<String>,
    /// 邮箱.
    pub email: Option<String>,
    /// 认定起始日, 认定截止日.
    pub designated: Span,
    /// 认定文号.
    pub citation: Option<String>,
}

/// A penalty of an institution (行政处罚等失信记录).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Penalty {
    /// 机构名称.
    pub institution: Name,
    /// 处罚起始日, 处罚截止日.
    pub span: Span,
    /// 重新认定日.
    pub redesignated_on: Option<NaiveDate>,
}

/// An agreement prison x institution (合作协议, annex 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// 监狱.
    pub prison: Name,
    /// 培训机构.
    pub institution: Name,
    /// 协议编号.
    pub number: String,
    /// 起始日, 截止日.
    pub span: Span,
    /// 人均培训费.
    pub fee: Option<Fen>,
}

/// An occupation (职业/工种) with everything it may be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupation {
    /// 工种标识: everything is judged on it.
    pub id: Name,
    /// 名称, as papers print it.
    pub name: String,
    /// 职业编码.
    pub code: Option<String>,
    /// 编码版本.
    pub code_edition: Option<String>,
    /// 别名.
    pub aliases: Vec<String>,
    /// 类别.
    pub category: Category,
}

/// A rate (补贴标准): yuan per person for occupation x level x certificate types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Occupation id.
    pub occupation: Name,
    /// 等级.
    pub level: Level,
    /// 证书类型.
    pub certificate_types: Vec<CertificateType>,
    /// 人员类别; a row with the policy's group wins over one without.
    pub group: Option<String>,
    /// 培训补贴; `None` = this kind is not paid.
    pub training: Option<Fen>,
    /// 鉴定补贴; `None` = this kind is not paid.
    pub assessment: Option<Fen>,
    /// 补贴比例 in ‰.
    pub share_permille: u32,
    /// 起始日, 截止日.
    pub span: Span,
    /// 依据.
    pub citation: Arc<str>,
}

impl Rate {
    /// The amount of a kind, if that kind is paid.
    pub fn amount(&self, kind: Kind) -> Option<Fen> {
        match kind {
            Kind::Training => self.training,
            Kind::Assessment => self.assessment,
        }
    }
}

/// Everything the rules look up. Built once by `settings`, read-only afterwards.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Configured prisons.
    pub prisons: Vec<Prison>,
    /// Designation periods, in file order.
    pub institutions: Vec<Institution>,
    /// Penalties.
    pub penalties: Vec<Penalty>,
    /// Agreements.
    pub agreements: Vec<Agreement>,
    /// Occupations.
    pub occupations: Vec<Occupation>,
    /// Rates.
    pub rates: Vec<Rate>,
    /// Policies.
    pub policies: Vec<Policy>,
    /// SHA-256 over the files that this catalogue was read from, in hex.
    pub sha256: String,
    index: Index,
}

/// Look-ups by normalised name.
#[derive(Clone, Debug, Default)]
struct Index {
    prisons: HashMap<String, Name>,
    institutions: HashMap<String, Name>,
    occupations: HashMap<String, usize>,
    periods: HashMap<Name, Vec<usize>>,
    penalties: HashMap<Name, Vec<usize>>,
    agreements: HashMap<(Name, Name), Vec<usize>>,
    rates: HashMap<(Name, Level), Vec<usize>>,
}

impl Catalogue {
    /// Builds the look-ups; to be called after the lists are filled.
    #[must_use]
    pub fn indexed(mut self) -> Catalogue {
        let mut index = Index::default();
        for prison in &self.prisons {
            let short = prison.name.strip_suffix("监狱").unwrap_or(&prison.name);
            for name in [&*prison.name, short] {
                index.prisons.entry(normalise(name)).or_insert_with(|| prison.name.clone());
            }
        }
        for (i, institution) in self.institutions.iter().enumerate() {
            index.institutions.insert(normalise(&institution.name), institution.name.clone());
            index.periods.entry(institution.name.clone()).or_default().push(i);
        }
        for institution in &self.institutions {
            for short in &institution.short_names {
                index.institutions.entry(normalise(short)).or_insert_with(|| institution.name.clone());
            }
        }
        for (i, occupation) in self.occupations.iter().enumerate() {
            index.occupations.insert(normalise(&occupation.name), i);
        }
        for (i, occupation) in self.occupations.iter().enumerate() {
            let others = occupation
                .aliases
                .iter()
                .map(String::as_str)
                .chain([&*occupation.id])
                .chain(occupation.code.as_deref());
            for name in others {
                index.occupations.entry(normalise(name)).or_insert(i);
            }
        }
        for (i, penalty) in self.penalties.iter().enumerate() {
            index.penalties.entry(penalty.institution.clone()).or_default().push(i);
        }
        for (i, agreement) in self.agreements.iter().enumerate() {
            index.agreements.entry((agreement.prison.clone(), agreement.institution.clone())).or_default().push(i);
        }
        for (i, rate) in self.rates.iter().enumerate() {
            index.rates.entry((rate.occupation.clone(), rate.level)).or_default().push(i);
        }
        self.index = index;
        self
    }

    /// The full name of a prison, by full or short name.
    pub fn prison(&self, text: &str) -> Option<&Name> {
        self.index.prisons.get(&normalise(text))
    }

    /// The full name of an institution, by full or short name.
    pub fn institution(&self, text: &str) -> Option<&Name> {
        self.index.institutions.get(&normalise(text))
    }

    /// An occupation by name, alias, id or code.
    pub fn occupation(&self, text: &str) -> Option<&Occupation> {
        self.index.occupations.get(&normalise(text)).and_then(|i| self.occupations.get(*i))
    }

    /// The designation periods of an institution, in file order.
    pub fn periods(&self, institution: &Name) -> impl Iterator<Item = &Institution> {
        listed(&self.institutions, self.index.periods.get(institution))
    }

    /// The penalties of an institution.
    pub fn penalties_of(&self, institution: &Name) -> impl Iterator<Item = &Penalty> {
        listed(&self.penalties, self.index.penalties.get(institution))
    }

    /// The agreements of a prison with an institution.
    pub fn agreements_of(&self, prison: &Name, institution: &Name) -> impl Iterator<Item = &Agreement> {
        listed(&self.agreements, self.index.agreements.get(&(prison.clone(), institution.clone())))
    }

    /// The rates of an occupation and level, of all groups and times.
    pub fn rates_of(&self, occupation: &Name, level: Level) -> impl Iterator<Item = &Rate> {
        listed(&self.rates, self.index.rates.get(&(occupation.clone(), level)))
    }

    /// The rate row in force on a day (R6). A row for the trainee group wins over one without; its kind is read only then.
    pub fn rate_on(
        &self,
        occupation: &Name,
        level: Level,
        certificate_type: CertificateType,
        group: &str,
        day: NaiveDate,
    ) -> Option<&Rate> {
        let in_force = |rate: &&Rate| {
            rate.certificate_types.contains(&certificate_type)
                && rate.span.covers(day)
                && rate.group.as_ref().is_none_or(|of| of == group)
        };
        self.rates_of(occupation, level).filter(in_force).max_by_key(|rate| rate.group.is_some())
    }

    /// Whether an institution is designated for a kind of work on a day (R10).
    pub fn is_designated(&self, institution: &Name, kind: Kind, day: NaiveDate) -> bool {
        let for_kind = |period: &&Institution| match kind {
            Kind::Training => period.trains,
            Kind::Assessment => period.assesses,
        };
        self.periods(institution).filter(for_kind).any(|period| period.designated.covers(day))
    }

    /// A penalty that bars an institution on a day (R10b): in force, and its own re-designation does not lie on or before.
    pub fn penalty_on(&self, institution: &Name, day: NaiveDate) -> Option<&Penalty> {
        self.penalties_of(institution).find(|penalty| {
            let lifted = penalty.redesignated_on.is_some_and(|on| penalty.span.from <= on && on <= day);
            penalty.span.covers(day) && !lifted
        })
    }

    /// The policy in force on a day.
    pub fn policy_on(&self, day: NaiveDate) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.valid.covers(day))
    }

    /// The lead prison's full name.
    pub fn lead_prison(&self) -> Option<&Name> {
        self.prisons.iter().find(|prison| prison.lead).map(|prison| &prison.name)
    }
}

/// The items at some places of a list.
fn listed<'a, T>(all: &'a [T], at: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a T> {
    at.map(Vec::as_slice).unwrap_or_default().iter().filter_map(|i| all.get(*i))
}

/// Shares one copy of each text among many rows.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, Name>);

impl Names {
    /// The shared copy of a text.
    pub fn share(&mut self, text: &str) -> Name {
        if let Some(name) = self.0.get(text) {
            return name.clone();
        }
        let name: Name = Arc::from(text);
        self.0.insert(text.to_owned(), name.clone());
        name
    }
}
