//! The rules one by one, in the order of RULES section 3.

use chrono::{Datelike, NaiveDate};

use super::history::{History, Past};
use super::identity::Contradiction;
use super::notes::Notes;
use super::{Bench, Judgement, Trace, rosters};
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::calendar::{add_months, age_on};
use crate::subsidy::catalogue::{Agreement, Rate};
use crate::subsidy::course::Kind;
use crate::subsidy::identifiers::{ResidentId, born_on};
use crate::subsidy::money::Fen;
use crate::subsidy::policy::{CapAppliesTo, FULL_AGE, Policy, RateBy, TERM_MONTHS, WindowBy};
use crate::subsidy::verdict::{Outcome, Rule, RuleSet, Verdict};

/// Most results that a text names.
const MAX_NAMED: usize = 5;

/// Where else something stands: `（另见结果 #3、#8）`; empty where it is known of no other result.
fn places(others: &[i64]) -> String {
    if others.is_empty() {
        return "（另一处在人员信息表中）".to_owned();
    }
    let named: Vec<String> = others.iter().take(MAX_NAMED).map(|id| format!("#{id}")).collect();
    let more = if others.len() > MAX_NAMED { "等" } else { "" };
    format!("（另见结果 {}{more}）", named.join("、"))
}

/// One assessment and kind before the bench.
pub(super) struct Case<'b, 'a> {
    pub(super) bench: &'b Bench<'a>,
    pub(super) subject: usize,
    pub(super) kind: Kind,
    pub(super) claim_on: NaiveDate,
    pub(super) claim_policy: &'b Policy,
    /// R3a, decided beforehand over all open assessments.
    pub(super) conflict: bool,
}

impl<'a> Case<'_, 'a> {
    /// Judges the case and, if it is granted, joins it to the history.
    pub(super) fn decide(&self, history: &mut History<'a>, trace: &Trace, judgement: &mut Judgement) {
        let Some(rate_policy) = self.bench.catalogue.policy_on(self.row().started_on) else {
            judgement.days_without_policy.insert(self.row().started_on);
            return;
        };
        let id = self.bench.docket.subjects[self.subject].id;
        let keep_all = matches!(trace, Trace::Everything(ids) if ids.contains(&id));
        let keep_failures = keep_all || matches!(trace, Trace::Failures);
        let waivers = self.bench.waivers_of(id, self.claim_on);
        let (rules, steps, waived) = (RuleSet::EMPTY, Vec::new(), Vec::new());
        let mut notes = Notes { rules, steps, waivers, waived, keep_failures, keep_all };

        self.result(&mut notes);
        self.certificate(history, &mut notes);
        self.roster(rate_policy, &mut notes);
        let rate = self.rate(rate_policy, &mut notes);
        let count = self.windows(history, &mut notes);
        self.institution(&mut notes);
        self.deadline(&mut notes);
        self.identity(&mut notes);
        self.warnings(&mut notes);

        let outcome = Outcome::of(notes.rules);
        let mut payable = None;
        if outcome == Outcome::Granted {
            let (rate, base) = rate.expect("R2 and R6 keep ungranted what has no rate");
            let amount = self.amount(rate, base, rate_policy, count + 1, &mut notes);
            if amount.amount.0 <= 0 {
                judgement.zero_amounts.insert(id);
                return;
            }
            if self.capped() && count + 1 == self.claim_policy.cap_count {
                notes.fail(Rule::LastClaim, || format!("本次为第{}次，已达上限{}次", count + 1, count + 1));
            }
            history.grant(self.bench, self.subject, self.kind, self.claim_on);
            payable = Some(amount);
        }
        if !notes.steps.is_empty() {
            if !keep_all {
                notes.steps.retain(|step| outcome != Outcome::Granted && step.kept == Some(false));
            }
            judgement.steps.insert((self.subject, self.kind.index()), notes.steps);
        }
        if outcome == Outcome::Granted && !notes.waived.is_empty() {
            judgement.waived.insert((self.subject, self.kind.index()), notes.waived);
        }
        let verdict = Verdict { kind: self.kind, outcome, rules: notes.rules, payable };
        judgement.verdicts[self.subject][self.kind.index()] = Some(verdict);
    }

    pub(super) fn row(&self) -> &'a ResultRow {
        &self.bench.docket.subjects[self.subject].row
    }

    fn person(&self) -> u32 {
        self.bench.identities.subjects[self.subject]
    }

    /// R1, R1b, R2.
    fn result(&self, notes: &mut Notes<'_>) {
        let row = self.row();
        notes.rule(Rule::NotPassed, row.passed, || format!("评定结果：{}", if row.passed { "合格" } else { "不合格" }));
        notes.rule(Rule::NotCompleted, row.completed, || {
            format!("是否完成培训：{}", if row.completed { "是" } else { "否" })
        });
        if row.passed {
            let missing: Vec<&str> = [
                (row.certificate_type.is_none(), "证书类型"),
                (self.bench.certificates.subjects[self.subject].is_none(), "证书编号"),
                (row.issued_on.is_none(), "发证日期"),
            ]
            .into_iter()
            .filter_map(|(missing, name)| missing.then_some(name))
            .collect();
            notes.rule(Rule::CertificateMissing, missing.is_empty(), || {
                if missing.is_empty() {
                    "证书三项齐全".into()
                } else {
                    format!("缺少：{}", missing.join("、"))
                }
            });
        }
    }

    /// R3, R3a, R3b.
    fn certificate(&self, history: &History<'a>, notes: &mut Notes<'_>) {
        let Some(certificate) = self.bench.certificates.subjects[self.subject] else { return };
        let (person, occupation, level) = self.bench.stands_for(self.subject);
        let granted = history.uses(certificate);
        let other =
            granted.iter().find(|used| (used.person, used.occupation, used.level) != (person, occupation, level));
        notes.rule(Rule::CertificateReused, other.is_none(), || match other {
            Some(used) if used.person != person => format!("该证书已由另一人申领{}", used.place()),
            Some(used) => {
                format!("该证书已用于本人{}{}{}", self.occupation_name(used.occupation), used.level, used.place())
            }
            None => "该证书未被他人、其他职业或等级使用".into(),
        });
        notes.rule(Rule::CertificateConflict, !self.conflict, || {
            if self.conflict {
                let others = places(&self.bench.same_certificate(self.subject));
                format!("同一证书编号出现在不同人员、职业或等级的待核定结果中{others}")
            } else {
                "待核定结果中没有相同证书".into()
            }
        });
        let claimed = granted.iter().find(|used| {
            used.kind == self.kind && (used.person, used.occupation, used.level) == (person, occupation, level)
        });
        notes.rule(Rule::AlreadyClaimedCertificate, claimed.is_none(), || match claimed {
            Some(used) => format!("该证书的{}已核定{}", self.kind.name(), used.place()),
            None => "该证书此项补贴未曾核定".into(),
        });
    }

    /// R4, R4b, R5, R5b, R5c, and W2 and W5 which need the roster row too.
    fn roster(&self, rate_policy: &Policy, notes: &mut Notes<'_>) {
        let row = self.row();
        let entry = self.bench.roster_row(self.subject);
        notes.rule(Rule::NotOnRoster, entry.is_some(), || match entry.and_then(|e| e.approval.as_ref()) {
            Some(approval) => {
                let place = entry.map(rosters::place).unwrap_or_default();
                format!("{}核准的{}年度人员信息表{place}", approval.on, approval.plan_year)
            }
            None => format!(
                "未找到已核准且覆盖{}年度、{}、{}、班期{}的人员信息表记录{}",
                row.started_on.year(),
                self.occupation_name(&row.occupation),
                row.level,
                row.class,
                self.nearest_roster_row()
            ),
        });
        if self.claim_policy.require_assessment_filing {
            notes.fail(Rule::AssessmentNotFiled, || "政策要求附件6备案，但尚未登记任何备案".into());
        }
        let born = row.resident_id.as_deref().filter(|id| ResidentId::is_valid(id)).and_then(born_on);
        let entry = self.bench.roster_row_read(self.subject, self.claim_on);
        if let Some(entry) = entry {
            let (release_on, place) = (entry.row.release_on, || rosters::place(entry));
            let measured_on = rate_policy.term_measured_at.day(row.started_on);
            let limit = add_months(measured_on, TERM_MONTHS);
            notes.rule(Rule::SentenceTooLong, release_on < limit, || {
                format!("刑满日期{release_on}{}，自{measured_on}起满24个月为{limit}", place())
            });
            notes.rule(Rule::AlreadySkilled, !entry.row.skilled, || {
                format!("有无一技之长：{}{}", if entry.row.skilled { "有" } else { "无" }, place())
            });
            notes.rule(Rule::UnableToStudy, entry.row.able, || {
                format!("能否坚持学习：{}{}", if entry.row.able { "能" } else { "否" }, place())
            });
            if release_on < row.assessed_on {
                notes.fail(Rule::ReleasedBeforeAssessment, || {
                    format!("刑满日期{release_on}{}早于鉴定日期{}", place(), row.assessed_on)
                });
            }
        }
        let age = born.or_else(|| entry.and_then(|e| e.row.born_on)).map(|born| age_on(born, row.started_on));
        if let Some(age) = age.filter(|age| *age < FULL_AGE) {
            notes.fail(Rule::Minor, || format!("开班时{age}周岁"));
        }
    }

    /// What the nearest roster row of a person says otherwise, where none covers; empty where the person has none.
    fn nearest_roster_row(&self) -> String {
        let row = self.row();
        let Some(entry) = self.bench.rosters.nearest(self.person(), row) else { return String::new() };
        let differs = rosters::differences(entry, row, self.occupation_name(&entry.row.occupation));
        format!("；最接近的一条{}：{}", rosters::place(entry), differs.join("，"))
    }

    /// R6: the rate row in force on the deciding date, and its amount for the kind.
    fn rate(&self, policy: &Policy, notes: &mut Notes<'_>) -> Option<(&'a Rate, Fen)> {
        let row = self.row();
        let date = match policy.rate_by {
            RateBy::CourseStart => Some(row.started_on),
            RateBy::Certificate => row.issued_on,
            RateBy::Claim => Some(self.claim_on),
        };
        let (true, Some(date), Some(certificate_type)) = (row.passed, date, row.certificate_type) else { return None };
        let group = &policy.trainee_group;
        let rate = self.bench.catalogue.rate_on(&row.occupation, row.level, certificate_type, group, date);
        let found = rate.and_then(|rate| rate.amount(self.kind).map(|base| (rate, base)));
        notes.rule(Rule::NotInCatalogue, found.is_some(), || {
            let what = format!("{}、{}、{certificate_type}，{date}", self.occupation_name(&row.occupation), row.level);
            match (found, rate) {
                (Some((rate, base)), _) => format!("{what}：标准{base}元，依据{}", rate.citation),
                (None, Some(rate)) => {
                    format!("{what}：目录不设{}（依据{}）", self.kind.name(), rate.citation)
                }
                (None, None) => format!("{what}：目录中没有补贴标准"),
            }
        });
        found
    }

    /// R7, R8, R9. Returns how many grants of the kind the person has within the cap window.
    fn windows(&self, history: &History<'a>, notes: &mut Notes<'_>) -> u32 {
        let (row, policy) = (self.row(), self.claim_policy);
        let past = || history.of(self.person(), self.kind);
        let mut count = 0;
        let date = match policy.window_by {
            WindowBy::Claim => Some(self.claim_on),
            WindowBy::Certificate => row.issued_on,
        };
        if let Some(date) = date {
            let same = |p: &&Past<'_>| p.occupation == &*row.occupation && p.level == row.level;
            let repeated = past().filter(same).find(|p| policy.repeat_window.holds(p.date(policy.window_by), date));
            notes.rule(Rule::Repeat, repeated.is_none(), || match repeated {
                Some(past) => format!(
                    "同一职业同一等级已于{}享受{}，本次按{date}计（{}）",
                    past.date(policy.window_by),
                    past.place(),
                    policy.repeat_window.in_words()
                ),
                None => format!("期限内未享受同一职业同一等级（{}）", policy.repeat_window.in_words()),
            });
            let within = || past().filter(|p| policy.cap_window.holds(p.date(policy.window_by), date));
            count = u32::try_from(within().count()).unwrap_or(u32::MAX - 1);
            if self.capped() {
                notes.rule(Rule::Cap, count < policy.cap_count, || {
                    let places: String = within().map(Past::place).collect();
                    let (cap, window) = (policy.cap_count, policy.cap_window.in_words());
                    format!("期限内已享受{count}次{places}，上限{cap}次（{window}）")
                });
            }
        }
        if policy.bar_lower_level {
            let higher = past().find(|p| p.occupation == &*row.occupation && p.level > row.level);
            notes.rule(Rule::LowerLevel, higher.is_none(), || match higher {
                Some(higher) => format!("已享受更高等级：{}{}", higher.level, higher.place()),
                None => "未享受同一职业更高等级".into(),
            });
        }
        count
    }

    /// Whether R8 applies to the kind.
    fn capped(&self) -> bool {
        match self.claim_policy.cap_applies_to {
            CapAppliesTo::EachKind => true,
            CapAppliesTo::TrainingOnly => self.kind == Kind::Training,
        }
    }

    /// R10, R10b, R10c.
    fn institution(&self, notes: &mut Notes<'_>) {
        let row = self.row();
        let name = row.institution(self.kind);
        let day = match self.kind {
            Kind::Training => row.started_on,
            Kind::Assessment => row.assessed_on,
        };
        let catalogue = self.bench.catalogue;
        let designated = catalogue.is_designated(name, self.kind, day);
        notes.rule(Rule::InstitutionNotDesignated, designated, || {
            format!("{name}，{day}：{}", if designated { "在认定期内" } else { "不在相应类型的认定期内" })
        });
        if designated {
            let penalty = catalogue.penalty_on(name, day);
            notes.rule(Rule::InstitutionPenalised, penalty.is_none(), || match penalty {
                Some(penalty) => format!("{name}自{}起受处罚，{day}尚未重新认定", penalty.span.from),
                None => format!("{name}，{day}：无失信记录"),
            });
        }
        if self.kind == Kind::Training {
            let agreement = self.agreement();
            notes.rule(Rule::NoAgreement, agreement.is_some(), || match agreement {
                Some(agreement) => format!("合作协议{}", agreement.number),
                None => format!("{}与{name}在{day}没有有效的合作协议", row.prison),
            });
        }
    }

    /// The agreement in force on the course start; of several the latest, then the greatest number.
    pub(super) fn agreement(&self) -> Option<&'a Agreement> {
        let row = self.row();
        self.bench
            .catalogue
            .agreements_of(&row.prison, &row.training_institution)
            .filter(|agreement| agreement.span.covers(row.started_on))
            .max_by_key(|agreement| (agreement.span.from, &agreement.number))
    }

    /// R11.
    fn deadline(&self, notes: &mut Notes<'_>) {
        let (Some(months), Some(issued_on)) = (self.claim_policy.claim_within_months, self.row().issued_on) else {
            return;
        };
        let last = add_months(issued_on, months);
        notes.rule(Rule::TooLate, last >= self.claim_on, || {
            format!("发证日期{issued_on}，{months}个月内申领，期限{last}，本次申领{}", self.claim_on)
        });
    }

    /// R12, R12b.
    fn identity(&self, notes: &mut Notes<'_>) {
        let row = self.row();
        if self.claim_policy.require_verified_id {
            let verified = row.resident_id.as_deref().is_some_and(ResidentId::is_valid);
            notes.rule(Rule::UnverifiedIdentity, verified, || match &row.resident_id {
                Some(_) if verified => "公民身份号码校验相符".into(),
                Some(_) => "公民身份号码校验码不符或不是18位".into(),
                None => "公民身份号码缺失".into(),
            });
        }
        let contradiction = self.bench.identities.contradiction(row);
        notes.rule(Rule::IdentityConflict, contradiction.is_none(), || match contradiction {
            Some(what) => {
                let others = places(&self.bench.contradicted_by(self.subject, what));
                match what {
                    Contradiction::TwoIds => format!("同一罪犯编号下出现两个公民身份号码{others}"),
                    Contradiction::TwoNames => format!("同一公民身份号码下出现两个姓名{others}"),
                }
            }
            None => "身份信息前后一致".into(),
        });
    }

    fn occupation_name(&self, id: &'a str) -> &'a str {
        self.bench.catalogue.occupation(id).map_or(id, |occupation| occupation.name.as_str())
    }
}
