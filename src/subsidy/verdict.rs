//! Verdicts (核定结果): the answer for one assessment and one kind, with the rules that failed and the amount's steps.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::course::Kind;
use super::money::Fen;

/// What a failing rule does to a verdict.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// Not payable.
    Denies,
    /// Not payable until what is missing arrives.
    Holds,
    /// Payable; someone should look.
    Warns,
}

macro_rules! rules {
    ($($variant:ident, $number:literal, $code:literal, $effect:ident, $clause:literal, $says:literal, $mend:literal;)*) => {
        /// The rules of RULES section 3, in its order.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule { $(
            #[doc = concat!($number, " `", $code, "`: ", $says)]
            #[serde(rename = $code)]
            $variant,
        )* }

        impl Rule {
            /// All rules, in the order of RULES.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)*];

            /// The name in verdicts, exports and scripts.
            pub const fn code(self) -> &'static str {
                match self { $(Rule::$variant => $code,)* }
            }

            /// The number in RULES, e.g. `R3a`.
            pub const fn number(self) -> &'static str {
                match self { $(Rule::$variant => $number,)* }
            }

            /// What failing does.
            pub const fn effect(self) -> Effect {
                match self { $(Rule::$variant => Effect::$effect,)* }
            }

            /// The words of the notice (常司发〔2022〕42号) or the other source that the rule rests on.
            pub const fn clause(self) -> &'static str {
                match self { $(Rule::$variant => $clause,)* }
            }

            /// The failing, as a plain Chinese sentence.
            pub const fn says(self) -> &'static str {
                match self { $(Rule::$variant => $says,)* }
            }

            /// What would mend it and who can supply that.
            pub const fn mend(self) -> &'static str {
                match self { $(Rule::$variant => $mend,)* }
            }
        }
    };
}

rules! {
    NotPassed, "R1", "not-passed", Denies, "第六条：经考核评价后取得相应证书", "考核评价结果不是“合格”", "如录入有误，请鉴定机构更正考核结果表后重新报送";
    NotCompleted, "R1b", "not-completed", Denies, "第六条：按要求完成培训", "结果表注明未完成培训", "如录入有误，请监狱或鉴定机构更正“是否完成培训”后重新报送";
    CertificateMissing, "R2", "certificate-missing", Holds, "第六条：取得相应证书", "已合格，但证书类型、证书编号或发证日期缺失", "请鉴定机构补填证书类型、证书编号、发证日期后重新报送";
    CertificateReused, "R3", "certificate-reused", Denies, "第七条（三）：真实性", "该证书已由他人申领，或已用于本人其他职业（等级）", "请鉴定机构核对证书编号；如录入有误，更正后重新报送";
    CertificateConflict, "R3a", "certificate-conflict", Holds, "第七条（三）：真实性", "同一证书出现在两个人、两个职业或两个等级的结果中", "请鉴定机构核对相关各行的证书编号，更正有误的一行后重新报送";
    AlreadyClaimedCertificate, "R3b", "already-claimed", Denies, "第六条：不可重复享受", "本人同一职业、等级、证书的此项补贴已经核定", "无需补正；如确系两次鉴定，请更正证书编号";
    NotOnRoster, "R4", "not-on-roster", Holds, "第五条（一）：附件3，经核准后组织实施", "没有已核准的培训人员信息表（附件3）包含此人的这一培训", "请监狱补报培训人员信息表（附件3），核准后由管理员登记核准";
    AssessmentNotFiled, "R4b", "assessment-not-filed", Holds, "第五条（四）：附件6，审核备案后组织实施鉴定", "没有备案的职业技能鉴定申报表（附件6）包含这次鉴定", "请监狱补报附件6并取得备案";
    SentenceTooLong, "R5", "sentence-too-long", Denies, "第三条：剩余刑期不足2年", "培训时剩余刑期满2年或以上", "如刑满日期有误（如减刑），请监狱更正培训人员信息表并重新核准";
    AlreadySkilled, "R5b", "already-skilled", Denies, "第三条：没有一技之长", "人员信息表注明已有一技之长", "如填写有误，请监狱更正培训人员信息表并重新核准";
    UnableToStudy, "R5c", "unable-to-study", Denies, "第三条：能够正常坚持学习", "人员信息表注明不能坚持学习", "如填写有误，请监狱更正培训人员信息表并重新核准";
    NotInCatalogue, "R6", "not-in-catalogue", Denies, "第四条（一）：政府补贴培训职业（工种）目录", "目录中没有此职业、等级、证书类型的此项补贴标准", "如目录确有此项，请管理员补充补贴目录；补充后自动重新核定";
    Repeat, "R7", "repeat", Denies, "第六条：同一职业同一等级一年内不可重复享受", "本人同一职业同一等级在规定期限内已享受此项补贴", "无需补正；期限内不可重复享受";
    Cap, "R8", "cap", Denies, "第六条：每人每年可享受不超过3次", "本人此项补贴在规定期限内已达上限次数", "无需补正；已达次数上限";
    LowerLevel, "R9", "lower-level", Denies, "政策参数 bar_lower_level", "本人同一职业更高等级的此项补贴已经核定", "无需补正；现行政策不补贴较低等级";
    InstitutionNotDesignated, "R10", "institution-not-designated", Denies, "第五条（二）：确定培训机构", "机构在当日不在定点认定期内（或认定类型不符）", "如已认定，请管理员在机构名录中补充认定类型和起止日；补充后自动重新核定";
    InstitutionPenalised, "R10b", "institution-penalised", Denies, "第五条（二）：无被行政处罚等失信记录", "机构当日处于行政处罚等失信期内", "如处罚已撤销或已重新认定，请管理员更正处罚记录；更正后自动重新核定";
    NoAgreement, "R10c", "no-agreement", Holds, "第五条（二）：附件5，签订合作协议", "开班日没有该监狱与培训机构的有效合作协议（附件5）", "请监狱提供合作协议，由管理员登记到协议目录";
    TooLate, "R11", "too-late", Denies, "政策参数 claim_within_months", "申领日超过取得证书后的申领期限", "无需补正；已超过申领期限";
    UnverifiedIdentity, "R12", "unverified-identity", Holds, "第七条（三）：真实性", "公民身份号码缺失或校验码不符", "请监狱核对公民身份号码，更正后重新报送";
    IdentityConflict, "R12b", "identity-conflict", Holds, "第七条（三）：真实性", "同一公民身份号码对应两个姓名，或同一罪犯编号对应两个公民身份号码", "请监狱核对相关各行的姓名、罪犯编号和公民身份号码，更正后重新报送";
    HoursShare, "W1", "hours-share", Warns, "第五条（三）：理论约占40%、实操约占60%", "理论课时占比偏离40%较多", "请监狱核对课时";
    Minor, "W2", "minor", Warns, "《个人信息保护法》第三十一条", "开班时未满18周岁", "请监狱核对出生日期，并按未成年人信息保护要求处理";
    CertificatePattern, "W3", "certificate-pattern", Warns, "第七条（三）：真实性", "证书编号与该类证书的编号规则不符，或其中年份、等级与本行不一致", "请鉴定机构核对证书编号";
    LastClaim, "W4", "last-claim", Warns, "第六条：每人每年可享受不超过3次", "本次为本人在规定期限内的最后一次", "提示监狱：期限内再次培训将不予补贴";
    ReleasedBeforeAssessment, "W5", "released-before-assessment", Warns, "第五条（四）：考核鉴定", "刑满日期早于鉴定日期", "请监狱核对刑满日期和鉴定日期";
    Waived, "W6", "waived", Warns, "豁免登记", "本身待补正的规则已经豁免", "豁免人、原因、期限见豁免登记；期满前请补正";
}

/// A set of rules.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleSet(pub u32);

impl RuleSet {
    /// No rule.
    pub const EMPTY: RuleSet = RuleSet(0);

    /// Adds a rule.
    pub fn insert(&mut self, rule: Rule) {
        self.0 |= 1 << rule as u32;
    }

    /// Whether a rule is in the set.
    pub const fn contains(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u32) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rules, in the order of RULES.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| self.contains(*rule))
    }

    /// The rules that deny or hold (without warnings).
    #[must_use]
    pub fn failing(self) -> RuleSet {
        self.iter().filter(|rule| rule.effect() != Effect::Warns).collect()
    }

    /// The codes of the failing rules in alphabetical order, joined by `;`, without warnings.
    pub fn codes(self) -> String {
        let mut codes: Vec<&str> = self.failing().iter().map(Rule::code).collect();
        codes.sort_unstable();
        codes.join(";")
    }
}

impl FromIterator<Rule> for RuleSet {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> RuleSet {
        let mut set = RuleSet::EMPTY;
        for rule in rules {
            set.insert(rule);
        }
        set
    }
}

/// The answer in one word.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// 核定
    Granted,
    /// 不予核定
    Denied,
    /// 待补正
    Held,
}

impl Outcome {
    /// The outcome that a set of rules leads to (RULES section 2).
    pub fn of(rules: RuleSet) -> Outcome {
        let has = |effect| rules.iter().any(|rule| rule.effect() == effect);
        if has(Effect::Denies) {
            Outcome::Denied
        } else if has(Effect::Holds) {
            Outcome::Held
        } else {
            Outcome::Granted
        }
    }

    /// The word in exports and scripts.
    pub const fn code(self) -> &'static str {
        match self {
            Outcome::Granted => "granted",
            Outcome::Denied => "denied",
            Outcome::Held => "held",
        }
    }

    /// The word that clerks read.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Granted => "核定",
            Outcome::Denied => "不予核定",
            Outcome::Held => "待补正",
        }
    }
}

/// How an amount came about (RULES section 4): everything that a clerk needs to re-add it by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payable {
    /// Step 1: the rate row's amount for the kind.
    pub base: Fen,
    /// Step 2: the fee that was compared, where the policy caps by fee and a fee is stated.
    pub fee: Option<Fen>,
    /// Step 3: the share of the rate row in ‰.
    pub share_permille: u32,
    /// The amount: min(base, fee) x share / 1000, half-up.
    pub amount: Fen,
    /// 依据 of the rate row, shared: a season repeats few of them many times.
    pub citation: Arc<str>,
    /// Which grant of the person and kind this is within the cap window (本年第几次).
    pub nth: u32,
}

/// One step of a verdict, for a person to follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A rule number (`R7`), or the step of the amount (`金额1`).
    pub rule: String,
    /// Whether the rule is kept; `None` for steps that are no rule.
    pub kept: Option<bool>,
    /// What was looked at and what was found, in Chinese. May hold masked identifiers only.
    pub text: String,
    /// The figure of the step, if it has one.
    pub figure: Option<String>,
}

/// The answer for one assessment and one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The kind.
    pub kind: Kind,
    /// The answer.
    pub outcome: Outcome,
    /// Every rule that fails, and the warnings.
    pub rules: RuleSet,
    /// The amount and its steps, if granted.
    pub payable: Option<Payable>,
}

impl Verdict {
    /// Whether a refusal list settles this verdict: a denial for more than what catalogue data can mend
    /// (RULES section 2; a denial only by R6, R10 or R10b stays unsettled).
    pub fn settles_as_refusal(&self) -> bool {
        const MENDABLE: [Rule; 3] = [Rule::NotInCatalogue, Rule::InstitutionNotDesignated, Rule::InstitutionPenalised];
        self.outcome == Outcome::Denied
            && self.rules.iter().any(|rule| rule.effect() == Effect::Denies && !MENDABLE.contains(&rule))
    }
}
