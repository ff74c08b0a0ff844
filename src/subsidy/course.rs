//! Levels (等级), training categories (培训类别), kinds of subsidy (补贴种类), certificate types (证书类型).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::identifiers::normalise;

/// Skill level, ordered from low to high (RULES section 3).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// 无等级
    None,
    /// 五级/初级工
    Five,
    /// 四级/中级工
    Four,
    /// 三级/高级工
    Three,
    /// 二级/技师
    Two,
    /// 一级/高级技师
    One,
}

impl Level {
    /// All levels, low to high.
    pub const ALL: [Level; 6] = [Level::None, Level::Five, Level::Four, Level::Three, Level::Two, Level::One];

    /// The name as RULES spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Level::None => "无等级",
            Level::Five => "五级/初级工",
            Level::Four => "四级/中级工",
            Level::Three => "三级/高级工",
            Level::Two => "二级/技师",
            Level::One => "一级/高级技师",
        }
    }

    /// Reads any of the usual spellings (`初级工`, `五级`, `5`, `五级/初级工`, `5级`, `初级` ...).
    pub fn parse(text: &str) -> Option<Level> {
        let text = normalise(text).replace(['(', ')', '/', '、'], "");
        let level = match text.as_str() {
            "无等级" | "无" => Level::None,
            "五级初级工" | "五级初级" | "初级五级" | "初级工五级" | "五级" | "初级工" | "初级" | "5" | "5级"
            | "5级初级工" | "初级工5级" => Level::Five,
            "四级中级工" | "四级中级" | "中级四级" | "中级工四级" | "四级" | "中级工" | "中级" | "4" | "4级"
            | "4级中级工" | "中级工4级" => Level::Four,
            "三级高级工" | "三级高级" | "高级三级" | "高级工三级" | "三级" | "高级工" | "高级" | "3" | "3级"
            | "3级高级工" | "高级工3级" => Level::Three,
            "二级技师" | "技师二级" | "二级" | "技师" | "2" | "2级" | "2级技师" | "技师2级" => {
                Level::Two
            }
            "一级高级技师" | "高级技师一级" | "一级" | "高级技师" | "1" | "1级" | "1级高级技师" | "高级技师1级" => {
                Level::One
            }
            _ => return None,
        };
        Some(level)
    }

    /// The digit that national certificate numbers carry (5 = 五级), if the level has one.
    pub const fn digit(self) -> Option<u8> {
        match self {
            Level::None => None,
            Level::Five => Some(5),
            Level::Four => Some(4),
            Level::Three => Some(3),
            Level::Two => Some(2),
            Level::One => Some(1),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Training category (notice, section 四).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// 就业技能培训
    #[default]
    Employment,
    /// 创业培训
    Entrepreneurship,
}

impl Category {
    /// The name in the notice.
    pub const fn name(self) -> &'static str {
        match self {
            Category::Employment => "就业技能培训",
            Category::Entrepreneurship => "创业培训",
        }
    }

    /// Reads `就业技能培训`, `就业技能`, `就业培训`, `创业培训`, `创业`.
    pub fn parse(text: &str) -> Option<Category> {
        match normalise(text).as_str() {
            "就业技能培训" | "就业技能" | "就业培训" => Some(Category::Employment),
            "创业培训" | "创业" => Some(Category::Entrepreneurship),
            _ => None,
        }
    }
}

/// Kind of subsidy: judged, settled and claimed separately.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 培训补贴
    Training,
    /// 鉴定补贴
    Assessment,
}

impl Kind {
    /// Both kinds, in the order in which they are judged and printed.
    pub const ALL: [Kind; 2] = [Kind::Training, Kind::Assessment];

    /// The word in exports, scripts and line hashes.
    pub const fn code(self) -> &'static str {
        match self {
            Kind::Training => "training",
            Kind::Assessment => "assessment",
        }
    }

    /// The word on papers.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Training => "培训补贴",
            Kind::Assessment => "鉴定补贴",
        }
    }

    /// Reads what [`Kind::code`] wrote.
    pub fn from_code(code: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// 0 for training, 1 for assessment: index into a pair.
    pub const fn index(self) -> usize {
        match self {
            Kind::Training => 0,
            Kind::Assessment => 1,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The six certificate types of the notice (section 二).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CertificateType {
    /// 职业资格证书
    Qualification,
    /// 职业技能等级证书
    SkillLevel,
    /// 专项职业能力证书
    SpecialAbility,
    /// 特种作业操作证书
    SpecialOperation,
    /// 特种设备作业人员证书
    SpecialEquipment,
    /// 培训合格证书
    Completion,
}

impl CertificateType {
    /// All types, in the order of the notice.
    pub const ALL: [CertificateType; 6] = [
        CertificateType::Qualification,
        CertificateType::SkillLevel,
        CertificateType::SpecialAbility,
        CertificateType::SpecialOperation,
        CertificateType::SpecialEquipment,
        CertificateType::Completion,
    ];

    /// The name in the notice.
    pub const fn name(self) -> &'static str {
        match self {
            CertificateType::Qualification => "职业资格证书",
            CertificateType::SkillLevel => "职业技能等级证书",
            CertificateType::SpecialAbility => "专项职业能力证书",
            CertificateType::SpecialOperation => "特种作业操作证书",
            CertificateType::SpecialEquipment => "特种设备作业人员证书",
            CertificateType::Completion => "培训合格证书",
        }
    }

    /// Reads a type by its name or a synonym (FORMS section 1, *Names*).
    pub fn parse(text: &str) -> Option<CertificateType> {
        let kind = match normalise(text).as_str() {
            "职业资格证书" | "职业资格证" | "国家职业资格证书" => CertificateType::Qualification,
            "职业技能等级证书" | "技能等级证书" | "职业技能等级证" => CertificateType::SkillLevel,
            "专项职业能力证书" | "专项能力证书" | "专项职业能力证" => {
                CertificateType::SpecialAbility
            }
            "特种作业操作证书" | "特种作业操作证" => CertificateType::SpecialOperation,
            "特种设备作业人员证书" | "特种设备作业人员证" => CertificateType::SpecialEquipment,
            "培训合格证书" | "职业技能培训合格证书" | "培训合格证" | "职业培训合格证书" => {
                CertificateType::Completion
            }
            _ => return None,
        };
        Some(kind)
    }
}

impl fmt::Display for CertificateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_in_every_usual_spelling() {
        for (level, spellings) in [
            (Level::Five, ["初级工", "五级", "5", "五级/初级工", "５级", "初级（五级）", "五级（初级工）", "初级"]),
            (Level::Four, ["中级工", "四级", "4", "四级/中级工", "4级", "中级(四级)", "四级、中级工", "中级"]),
            (Level::Three, ["高级工", "三级", "3", "三级／高级工", "3 级", "高级(三级)", "高级工(三级)", "高级"]),
            (Level::Two, ["技师", "二级", "2", "二级/技师", "2级", "技师（二级）", "技师2级", " 技 师 "]),
            (
                Level::One,
                ["高级技师", "一级", "1", "一级/高级技师", "1级", "高级技师（一级）", "1级高级技师", "高级 技师"],
            ),
        ] {
            for text in spellings {
                assert_eq!(Level::parse(text), Some(level), "{text}");
            }
            assert_eq!(Level::parse(level.name()), Some(level));
        }
        assert_eq!(Level::parse("无等级"), Some(Level::None));
        for text in ["", "六级", "0", "特级技师", "学徒工", "五级/中级工", "55"] {
            assert_eq!(Level::parse(text), None, "{text}");
        }
        assert!(Level::ALL.is_sorted());
    }

    #[test]
    fn certificate_types_categories_and_kinds() {
        for kind in CertificateType::ALL {
            assert_eq!(CertificateType::parse(kind.name()), Some(kind));
        }
        assert_eq!(CertificateType::parse("技能等级证书"), Some(CertificateType::SkillLevel));
        assert_eq!(CertificateType::parse("职业技能培训合格证书"), Some(CertificateType::Completion));
        assert_eq!(CertificateType::parse("毕业证书"), None);
        assert_eq!(Category::parse(" 创业培训 "), Some(Category::Entrepreneurship));
        assert_eq!(Category::parse("就业技能培训"), Some(Category::Employment));
        assert_eq!(Category::parse("岗前培训"), None);
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(Kind::from_code("Training"), None);
    }
}
