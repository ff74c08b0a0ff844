//! The classes of the season: who trains what, where, when, and what a person is worth there.

use chrono::NaiveDate;

/// A course (培训班) with its one assessment.
pub struct Class {
    /// Id within the demo.
    pub id: &'static str,
    /// Full name of the prison.
    pub prison: &'static str,
    /// 职业(工种), by its name in the catalogue.
    pub occupation: &'static str,
    /// 职业编码, or empty.
    pub code: &'static str,
    /// 等级 as RULES spells it.
    pub level: &'static str,
    /// 证书类型.
    pub certificate: &'static str,
    /// 培训机构.
    pub trainer: &'static str,
    /// 鉴定机构.
    pub assessor: &'static str,
    /// 班期.
    pub name: &'static str,
    /// 开班日期, 结业日期, 鉴定日期, 发证日期.
    pub days: [NaiveDate; 4],
    /// 总课时, 理论课时, 实操课时; zero = not given.
    pub hours: [u32; 3],
    /// 鉴定费 in fen, if the sheet states it.
    pub fee_fen: Option<i64>,
    /// How many people.
    pub seats: usize,
    /// The first so many seats are people of another class: (class, its first seat, how many).
    pub shared: Option<(&'static str, usize, usize)>,
    /// What a grant is worth, in fen: training, assessment. `None` = the catalogue pays nothing for that kind.
    pub worth_fen: [Option<i64>; 2],
}

impl Class {
    /// Entrepreneurship training (创业培训).
    pub fn is_business(&self) -> bool {
        self.occupation.starts_with("SYB")
    }
}

/// The lead prison (牵头监狱).
pub const CHANGZHOU: &str = "常州监狱";
/// The second prison.
pub const LIYANG: &str = "溧阳监狱";
/// The third prison.
pub const XINKANG: &str = "新康监狱";

const SCHOOL: &str = "常州市演示技工学校";
const KITCHEN: &str = "常州市演示烹饪职业培训学校";
const SEWING: &str = "溧阳市演示缝纫职业培训学校";
const STARTUP: &str = "常州市演示创业指导中心";
const FORKLIFT: &str = "常州市演示特种设备培训站";
/// Penalised from March 2026 (penalties.csv).
pub const PENALISED: &str = "常州市演示家政职业培训学校";
const CENTRE: &str = "常州市演示职业技能鉴定中心";
const NORTH: &str = "常州市新北区演示技能评价中心";

const SKILL: &str = "职业技能等级证书";
const FIVE: &str = "五级/初级工";

const fn day(month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(2026, month, day) {
        Some(day) => day,
        None => panic!("a day of 2026"),
    }
}

const fn days(start: (u32, u32), end: (u32, u32), assessed: (u32, u32), issued: (u32, u32)) -> [NaiveDate; 4] {
    [day(start.0, start.1), day(end.0, end.1), day(assessed.0, assessed.1), day(issued.0, issued.1)]
}

/// Fills in what most classes share.
const fn class(id: &'static str, prison: &'static str, occupation: &'static str, name: &'static str) -> Class {
    Class {
        id,
        prison,
        occupation,
        code: "",
        level: FIVE,
        certificate: SKILL,
        trainer: SCHOOL,
        assessor: CENTRE,
        name,
        days: days((1, 1), (1, 1), (1, 1), (1, 1)),
        hours: [120, 48, 72],
        fee_fen: None,
        seats: 20,
        shared: None,
        worth_fen: [None, None],
    }
}

/// All classes. C = 常州, L = 溧阳, X = 新康. Those assessed before October come as 补报.
pub const CLASSES: &[Class] = &[
    Class {
        code: "6-18-02-04",
        days: days((4, 13), (6, 26), (7, 8), (7, 20)),
        seats: 28,
        worth_fen: [Some(100_000), Some(20_000)],
        ..class("C1", CHANGZHOU, "焊工", "2026年焊工第1期")
    },
    Class {
        code: "6-18-01-01",
        days: days((7, 6), (9, 18), (10, 12), (10, 26)),
        // The fee lies below the rate of 200 yuan: the lower of the two is paid.
        fee_fen: Some(18_000),
        seats: 24,
        worth_fen: [Some(100_000), Some(18_000)],
        ..class("C2", CHANGZHOU, "车工", "2026年车工第1期")
    },
    Class {
        code: "4-03-02-01",
        trainer: KITCHEN,
        days: days((7, 13), (9, 25), (10, 15), (10, 28)),
        seats: 26,
        // The agreement's fee of 850.50 yuan lies below the rate of 900.
        worth_fen: [Some(85_050), Some(18_000)],
        ..class("C3", CHANGZHOU, "中式烹调师", "2026年中式烹调师第1期")
    },
    Class {
        level: "无等级",
        certificate: "培训合格证书",
        trainer: STARTUP,
        assessor: STARTUP,
        days: days((9, 7), (9, 18), (10, 9), (10, 16)),
        hours: [80, 0, 0],
        shared: Some(("C1", 12, 8)),
        worth_fen: [Some(100_000), None],
        ..class("C4", CHANGZHOU, "SYB创业培训", "2026年SYB第1期")
    },
    Class {
        trainer: SEWING,
        days: days((5, 11), (7, 24), (8, 6), (8, 19)),
        seats: 28,
        worth_fen: [Some(80_000), Some(18_000)],
        ..class("L1", LIYANG, "缝纫工", "2026年缝纫工第1期")
    },
    Class {
        code: "6-18-02-04",
        days: days((7, 20), (9, 30), (10, 20), (11, 2)),
        seats: 24,
        worth_fen: [Some(100_000), Some(20_000)],
        ..class("L2", LIYANG, "焊工", "2026年焊工第2期")
    },
    Class {
        level: "无等级",
        certificate: "特种设备作业人员证书",
        trainer: FORKLIFT,
        assessor: FORKLIFT,
        days: days((8, 10), (9, 11), (10, 10), (10, 23)),
        hours: [90, 36, 54],
        seats: 22,
        // 700 for 服刑人员, 800 for everyone else: the row with the group wins.
        worth_fen: [Some(70_000), None],
        ..class("L3", LIYANG, "叉车司机", "2026年叉车第1期")
    },
    Class {
        level: "无等级",
        certificate: "专项职业能力证书",
        trainer: KITCHEN,
        days: days((8, 31), (10, 16), (10, 28), (11, 9)),
        hours: [80, 32, 48],
        worth_fen: [Some(60_000), Some(15_000)],
        ..class("L4", LIYANG, "中式面点制作", "2026年面点第1期")
    },
    Class {
        trainer: SEWING,
        assessor: NORTH,
        days: days((7, 13), (9, 25), (10, 14), (10, 27)),
        seats: 24,
        worth_fen: [Some(80_000), Some(18_000)],
        ..class("X1", XINKANG, "缝纫工", "2026年缝纫工第2期")
    },
    Class {
        code: "4-03-02-01",
        level: "四级/中级工",
        trainer: KITCHEN,
        assessor: NORTH,
        days: days((6, 1), (9, 4), (10, 22), (11, 4)),
        // 60 % theory: a warning, no more.
        hours: [100, 60, 40],
        worth_fen: [Some(120_000), Some(20_000)],
        ..class("X2", XINKANG, "中式烹调师", "2026年中式烹调师第2期")
    },
    Class {
        level: "无等级",
        certificate: "培训合格证书",
        trainer: STARTUP,
        assessor: STARTUP,
        days: days((10, 12), (10, 23), (11, 4), (11, 10)),
        hours: [80, 0, 0],
        seats: 14,
        worth_fen: [Some(100_000), None],
        ..class("X3", XINKANG, "SYB创业培训", "2026年SYB第2期")
    },
    Class {
        trainer: PENALISED,
        assessor: NORTH,
        days: days((6, 8), (8, 14), (10, 13), (10, 26)),
        seats: 6,
        worth_fen: [Some(80_000), Some(18_000)],
        ..class("X4", XINKANG, "家政服务员", "2026年家政第1期")
    },
];
