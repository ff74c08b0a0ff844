//! Result sheets (考核结果表) as different clerks make them: headers, dates and names in all the ways that are accepted.

use chrono::{Datelike, NaiveDate};

use super::classes::Class;
use super::planted::Fault;
use super::rows::Seat;
use super::sheet::{Above, Cell, Sheet};

/// A column of the result sheet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// 序号
    Ordinal,
    /// 监狱
    Prison,
    /// 罪犯编号
    Number,
    /// 姓名
    Name,
    /// 公民身份号码
    Id,
    /// 培训机构
    Trainer,
    /// 鉴定机构
    Assessor,
    /// 培训类别
    Category,
    /// 职业(工种)
    Occupation,
    /// 职业编码
    Code,
    /// 等级
    Level,
    /// 班期
    Class,
    /// 开班日期
    Start,
    /// 结业日期
    End,
    /// 总课时
    Hours,
    /// 理论课时
    HoursTheory,
    /// 实操课时
    HoursPractice,
    /// 鉴定日期
    Assessed,
    /// 理论成绩
    ScoreTheory,
    /// 实操成绩
    ScorePractice,
    /// 评定结果
    Outcome,
    /// 证书类型
    CertificateType,
    /// 证书编号
    Certificate,
    /// 发证日期
    Issued,
    /// 鉴定费(元)
    Fee,
    /// 备注
    Remark,
    /// A column that the program does not know and must ignore.
    Instructor,
}

use Field as F;

/// The columns in the order of FORMS.
pub const OFFICIAL: &[Field] = &[
    F::Ordinal,
    F::Prison,
    F::Number,
    F::Name,
    F::Id,
    F::Trainer,
    F::Assessor,
    F::Category,
    F::Occupation,
    F::Code,
    F::Level,
    F::Class,
    F::Start,
    F::End,
    F::Hours,
    F::HoursTheory,
    F::HoursPractice,
    F::Assessed,
    F::ScoreTheory,
    F::ScorePractice,
    F::Outcome,
    F::CertificateType,
    F::Certificate,
    F::Issued,
    F::Fee,
    F::Remark,
];

/// Another order, fewer columns, and one that nobody asked for.
pub const SHUFFLED: &[Field] = &[
    F::Name,
    F::Id,
    F::Number,
    F::Prison,
    F::Occupation,
    F::Level,
    F::Class,
    F::Instructor,
    F::Trainer,
    F::Start,
    F::End,
    F::Hours,
    F::HoursTheory,
    F::HoursPractice,
    F::Assessor,
    F::Assessed,
    F::ScorePractice,
    F::ScoreTheory,
    F::Outcome,
    F::Certificate,
    F::CertificateType,
    F::Issued,
];

impl Field {
    /// The official header and a sloppy one.
    const fn headers(self) -> [&'static str; 2] {
        match self {
            F::Ordinal => ["序号", "序 号"],
            F::Prison => ["监狱", "单位"],
            F::Number => ["罪犯编号", "编号"],
            F::Name => ["姓名", "姓　名"],
            F::Id => ["公民身份号码", "身份证号"],
            F::Trainer => ["培训机构", "培训单位"],
            F::Assessor => ["鉴定机构", "考核机构"],
            F::Category => ["培训类别", "类别"],
            F::Occupation => ["职业(工种)", "职业（工种）"],
            F::Code => ["职业编码", "工种代码"],
            F::Level => ["等级", "技能等级"],
            F::Class => ["班期", "培训班期"],
            F::Start => ["开班日期", "培训开始时间"],
            F::End => ["结业日期", "培训结束时间"],
            F::Hours => ["总课时", "课时"],
            F::HoursTheory => ["理论课时", "理论课时"],
            F::HoursPractice => ["实操课时", "实操课时"],
            F::Assessed => ["鉴定日期", "考核日期*"],
            F::ScoreTheory => ["理论成绩", "理论成绩"],
            F::ScorePractice => ["实操成绩", "实操成绩"],
            F::Outcome => ["评定结果", "是否合格"],
            F::CertificateType => ["证书类型", "证书名称"],
            F::Certificate => ["证书编号", "证号"],
            F::Issued => ["发证日期", "获证日期"],
            F::Fee => ["鉴定费(元)", "鉴定费用"],
            F::Remark => ["备注", "备注"],
            F::Instructor => ["授课教师", "授课教师"],
        }
    }
}

/// How a clerk writes dates.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Dates {
    /// Date cells (in a csv: 2026-03-05).
    Cells,
    /// Serial numbers that lost their format.
    Serials,
    /// 2026.3.5
    Dotted,
    /// 2026年3月5日
    Words,
    /// 2026/3/5
    Slashed,
    /// 20260305
    Compact,
}

/// A clerk's habits.
#[derive(Copy, Clone, Debug)]
pub struct Habits {
    /// Columns, in order.
    pub columns: &'static [Field],
    /// Sloppy headers.
    pub synonyms: bool,
    /// Short names of prisons and institutions, levels as 初级工.
    pub short: bool,
    /// Dates.
    pub dates: Dates,
    /// Prisoner numbers as numbers.
    pub numeric: bool,
}

/// Which column a fault sits in.
pub const fn field_of(fault: Fault) -> Field {
    match fault {
        Fault::DigitsLost
        | Fault::WrongCheckDigit
        | Fault::IdentityBorrowed
        | Fault::IdentityLent
        | Fault::FullWidth
        | Fault::SmallX => F::Id,
        Fault::ErrorCell => F::Assessed,
        Fault::UnknownInstitution => F::Trainer,
        Fault::DateOrder => F::End,
        Fault::CertificateShared | Fault::CertificateLent | Fault::CertificateMissing | Fault::ZeroWidth => {
            F::Certificate
        }
        Fault::NotPassed => F::Outcome,
        Fault::RareName(_) => F::Name,
        Fault::Alias(_) => F::Occupation,
        Fault::TwoVersions
        | Fault::NotOnRoster
        | Fault::SentenceTooLong
        | Fault::AlreadySkilled
        | Fault::ClaimedBefore(_)
        | Fault::Repeat
        | Fault::SentAgain => F::Number,
    }
}

/// A sheet of these seats; with the row of each seat (a seat with two versions has two).
pub fn sheet(name: &str, seats: &[Seat], habits: Habits) -> (Sheet, Vec<usize>) {
    let mut rows = Vec::new();
    let mut seat_of_row = Vec::new();
    for (at, seat) in seats.iter().enumerate() {
        let mut versions = vec![seat.clone()];
        if seat.has(Fault::TwoVersions) {
            let mut second = seat.clone();
            second.scores[0] += 15;
            versions.push(second);
        }
        for version in versions {
            let ordinal = rows.len() + 1;
            rows.push(habits.columns.iter().map(|field| habits.cell(*field, &version, ordinal)).collect());
            seat_of_row.push(at);
        }
    }
    let headers = habits.columns.iter().map(|field| field.headers()[usize::from(habits.synonyms)].to_owned()).collect();
    (Sheet { name: name.to_owned(), headers, rows, ..Sheet::default() }, seat_of_row)
}

/// The upper row of a header of two rows.
pub fn upper_header() -> Vec<Above> {
    let over = |first, last, text: &str| Above { columns: (first, last), text: text.to_owned() };
    vec![over(1, 4, "基本信息"), over(5, 16, "培训情况"), over(17, 20, "考核情况"), over(21, 23, "证书")]
}

impl Habits {
    fn cell(self, field: Field, seat: &Seat, ordinal: usize) -> Cell {
        let Seat { class, person, .. } = seat;
        let number = |value: u32| if value == 0 { Cell::Empty } else { Cell::Number(f64::from(value)) };
        let certified = |text: &str| if seat.passed() { Cell::text(text) } else { Cell::text("/") };
        match field {
            F::Ordinal => number(u32::try_from(ordinal).unwrap_or(0)),
            F::Prison => Cell::text(if self.short { class.prison.trim_end_matches("监狱") } else { class.prison }),
            F::Number if self.numeric => Cell::Number(person.number.parse().unwrap_or(0.0)),
            F::Number => Cell::text(&person.number),
            F::Name => Cell::text(&person.name),
            F::Id if seat.has(Fault::DigitsLost) => {
                Cell::Number(person.id[..15].parse::<f64>().unwrap_or(0.0) * 1000.0)
            }
            F::Id => Cell::text(&seat.id_in_results()),
            F::Trainer if seat.has(Fault::UnknownInstitution) => Cell::text("常州市某某职业培训学校"),
            F::Trainer => Cell::text(self.institution(class.trainer)),
            F::Assessor => Cell::text(self.institution(class.assessor)),
            F::Category => Cell::text(if class.is_business() { "创业培训" } else { "就业技能培训" }),
            F::Occupation => match seat.fault {
                Some((_, Fault::Alias(alias))) => Cell::text(alias),
                _ => Cell::text(class.occupation),
            },
            F::Code => Cell::text(class.code),
            F::Level => Cell::text(self.level(class)),
            F::Class => Cell::text(class.name),
            F::Start => self.date(class.days[0]),
            F::End if seat.has(Fault::DateOrder) => self.date(class.days[0] - chrono::Days::new(10)),
            F::End => self.date(class.days[1]),
            F::Hours => number(class.hours[0]),
            F::HoursTheory => number(class.hours[1]),
            F::HoursPractice => number(class.hours[2]),
            F::Assessed if seat.has(Fault::ErrorCell) => Cell::BrokenReference,
            F::Assessed => self.date(class.days[2]),
            F::ScoreTheory if !seat.passed() => Cell::Number(47.5),
            F::ScoreTheory => Cell::Number(f64::from(seat.scores[0]) / 10.0),
            F::ScorePractice => Cell::Number(f64::from(seat.scores[1]) / 10.0),
            F::Outcome => Cell::text(if seat.passed() { "合格" } else { "不合格" }),
            F::CertificateType => certified(class.certificate),
            F::Certificate => match seat.fault {
                Some((_, Fault::CertificateMissing)) => Cell::Empty,
                Some((_, Fault::ZeroWidth)) => Cell::text(&seat.certificate.replace('-', "\u{200B}-")),
                _ => certified(&seat.certificate),
            },
            F::Issued if !seat.passed() => Cell::text("/"),
            F::Issued => self.date(class.days[3]),
            F::Fee => class.fee_fen.map_or(Cell::Empty, |fen| number(u32::try_from(fen / 100).unwrap_or(0))),
            F::Remark => Cell::Empty,
            F::Instructor => Cell::text("演示教师"),
        }
    }

    fn level(self, class: &Class) -> &'static str {
        match class.level {
            "五级/初级工" if self.short => "初级工",
            // 创业培训 and 专项职业能力证书 may leave it empty.
            "无等级" if class.is_business() || class.certificate == "专项职业能力证书" => "",
            level => level,
        }
    }

    fn institution(self, name: &'static str) -> &'static str {
        match name {
            "常州市演示烹饪职业培训学校" if self.short => "烹饪学校",
            "常州市演示职业技能鉴定中心" if self.short => "市鉴定中心",
            name => name,
        }
    }

    fn date(self, date: NaiveDate) -> Cell {
        let (year, month, day) = (date.year(), date.month(), date.day());
        // Day 0 of the 1900 system, its phantom 29 February included.
        let serial = NaiveDate::from_ymd_opt(1899, 12, 30).map_or(0, |zero| (date - zero).num_days());
        match self.dates {
            Dates::Cells => Cell::Date(date),
            Dates::Serials => Cell::Number(f64::from(i32::try_from(serial).unwrap_or(0))),
            Dates::Dotted => Cell::Text(format!("{year}.{month}.{day}")),
            Dates::Words => Cell::Text(format!("{year}年{month}月{day}日")),
            Dates::Slashed => Cell::Text(format!("{year}/{month}/{day}")),
            Dates::Compact => Cell::Text(format!("{year}{month:02}{day:02}")),
        }
    }
}
