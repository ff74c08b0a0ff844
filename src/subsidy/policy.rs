//! Policies (政策): the dated set of caps and windows. Parameter names and defaults are those of RULES.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::calendar::Span;

/// Remaining term at which R5 fails (第三条：剩余刑期不足2年).
pub const TERM_MONTHS: u32 = 24;
/// Full age (W2).
pub const FULL_AGE: u32 = 18;

/// One policy of `policies.toml`.
#[expect(clippy::struct_excessive_bools, reason = "the parameters and their types are those of RULES")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Id, e.g. `changzhou-2022`.
    pub id: String,
    /// The paper that it rests on.
    pub citation: String,
    /// In force from - to.
    pub valid: Span,
    /// Which date chooses the rate row (RULES section 1).
    pub rate_by: RateBy,
    /// Whether the amount is capped by the fee (RULES section 4).
    pub cap_by_fee: bool,
    /// When the remaining term is measured (R5).
    pub term_measured_at: TermMeasuredAt,
    /// The trainee group (人员类别) whose rate rows count.
    pub trainee_group: String,
    /// R7: window in which the same occupation and level is not paid twice.
    pub repeat_window: RepeatWindow,
    /// Which dates R7 and R8 compare.
    pub window_by: WindowBy,
    /// R8: window of the cap.
    pub cap_window: CapWindow,
    /// R8: grants per person and window.
    pub cap_count: u32,
    /// R8: kinds that the cap applies to.
    pub cap_applies_to: CapAppliesTo,
    /// R9: no lower level after a higher one.
    pub bar_lower_level: bool,
    /// R11: months from certificate to claim, if limited.
    pub claim_within_months: Option<u32>,
    /// R12: whether a verified resident ID is required.
    pub require_verified_id: bool,
    /// W1: tolerance in percentage points.
    pub hours_tolerance_points: u32,
    /// R4b: whether annex 6 must have been filed.
    pub require_assessment_filing: bool,
}

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every choice.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The choice as `policies.toml` spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

choice! {
    /// The date that decides the rate row.
    RateBy {
        /// 开班日期
        CourseStart = "course-start",
        /// 发证日期
        Certificate = "certificate",
        /// 申领日期
        Claim = "claim",
    }
}
choice! {
    /// When the remaining term is measured.
    TermMeasuredAt {
        /// On the course start.
        CourseStart = "course-start",
        /// On 30 November of the year before the course.
        Planning = "planning",
    }
}
choice! {
    /// R7.
    RepeatWindow {
        /// The same calendar year.
        CalendarYear = "calendar-year",
        /// Less than 12 months apart.
        Rolling12Months = "rolling-12-months",
        /// At any time.
        Ever = "ever",
    }
}
choice! {
    /// R7, R8.
    WindowBy {
        /// Claim dates.
        Claim = "claim",
        /// Certificate dates.
        Certificate = "certificate",
    }
}
choice! {
    /// R8.
    CapWindow {
        /// The same calendar year.
        CalendarYear = "calendar-year",
        /// Less than 12 months apart, on both sides.
        Rolling12Months = "rolling-12-months",
        /// At any time.
        Lifetime = "lifetime",
    }
}
choice! {
    /// R8.
    CapAppliesTo {
        /// Each kind has its own count.
        EachKind = "each-kind",
        /// Only 培训补贴 is capped.
        TrainingOnly = "training-only",
    }
}

impl TermMeasuredAt {
    /// The day on which the remaining term is measured: the course start, or 30 November of the year before it.
    pub fn day(self, started_on: NaiveDate) -> NaiveDate {
        match self {
            TermMeasuredAt::CourseStart => started_on,
            TermMeasuredAt::Planning => NaiveDate::from_ymd_opt(started_on.year() - 1, 11, 30).unwrap_or(started_on),
        }
    }
}

impl RepeatWindow {
    /// The window as clerks read it.
    pub const fn in_words(self) -> &'static str {
        match self {
            RepeatWindow::CalendarYear => "同一自然年",
            RepeatWindow::Rolling12Months => "12个月内",
            RepeatWindow::Ever => "不限期",
        }
    }
}

impl CapWindow {
    /// The window as clerks read it.
    pub const fn in_words(self) -> &'static str {
        match self {
            CapWindow::CalendarYear => "同一自然年",
            CapWindow::Rolling12Months => "前后12个月内",
            CapWindow::Lifetime => "累计",
        }
    }
}

impl Policy {
    /// The defaults of RULES under an id, a citation and a span.
    pub fn with_defaults(id: String, citation: String, valid: Span) -> Policy {
        Policy {
            id,
            citation,
            valid,
            rate_by: RateBy::CourseStart,
            cap_by_fee: true,
            term_measured_at: TermMeasuredAt::CourseStart,
            trainee_group: "服刑人员".to_owned(),
            repeat_window: RepeatWindow::Rolling12Months,
            window_by: WindowBy::Claim,
            cap_window: CapWindow::CalendarYear,
            cap_count: 3,
            cap_applies_to: CapAppliesTo::EachKind,
            bar_lower_level: false,
            claim_within_months: None,
            require_verified_id: true,
            hours_tolerance_points: 10,
            require_assessment_filing: false,
        }
    }
}
