//! Invented people. Nobody exists behind them: their resident IDs carry the region 329999, which was never given out,
//! with a right check digit; names are drawn from lists of characters.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate};

use super::dice::Dice;

/// The region of every invented resident ID: 32 is Jiangsu, 9999 was never given to a county.
pub const REGION: &str = "329999";

const SURNAMES: &[char] = &[
    '赵', '钱', '孙', '李', '周', '吴', '郑', '冯', '陈', '褚', '蒋', '沈', '韩', '杨', '朱', '秦', '许', '何', '吕',
    '施', '孔', '曹', '严', '魏', '陶', '姜', '戚', '谢', '邹', '潘', '葛', '范', '彭', '鲁', '韦', '马', '苗', '袁',
    '柳', '鲍',
];
const GIVEN_FIRST: &[char] = &[
    '建', '国', '志', '海', '伟', '永', '春', '家', '子', '宏', '俊', '少', '立', '玉', '晓', '德', '金', '长', '世',
    '广',
];
/// 喆 堃 昇 珺 are common in names and missing from GB2312 fonts.
const GIVEN_SECOND: &[char] = &[
    '华', '军', '强', '林', '峰', '辉', '斌', '涛', '龙', '杰', '鹏', '刚', '亮', '生', '喆', '堃', '昇', '珺', '荣',
    '祥',
];
const HOMES: &[&str] =
    &["江苏常州", "江苏溧阳", "江苏盐城", "安徽阜阳", "河南周口", "四川达州", "贵州毕节", "江西上饶"];
const SCHOOLING: &[&str] = &["小学", "初中", "初中", "初中", "高中", "中专"];

/// One invented person.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Full name of the prison.
    pub prison: &'static str,
    /// 罪犯编号: ten digits.
    pub number: String,
    /// 姓名.
    pub name: String,
    /// 公民身份号码 with a right check digit.
    pub id: String,
    /// 男 or 女, as the ID says.
    pub sex: &'static str,
    /// 出生日期, as the ID says.
    pub born_on: NaiveDate,
    /// 监区.
    pub ward: String,
    /// 户籍所在地.
    pub home: &'static str,
    /// 文化程度.
    pub schooling: &'static str,
    /// 刑满日期.
    pub released_on: NaiveDate,
}

/// Invents people, no two alike.
pub struct Crowd {
    dice: Dice,
    names: BTreeSet<String>,
    count: u32,
}

impl Crowd {
    /// An empty crowd.
    pub fn new(dice: Dice) -> Crowd {
        Crowd { dice, names: BTreeSet::new(), count: 0 }
    }

    /// The next person of a prison whose numbers start with `prefix`; released after `earliest` and before `latest`.
    pub fn next(&mut self, prison: &'static str, prefix: &str, earliest: NaiveDate, latest: NaiveDate) -> Person {
        self.count += 1;
        let born_on = NaiveDate::from_ymd_opt(1968, 1, 1)
            .and_then(|day| day.checked_add_days(Days::new(u64::from(self.dice.below(38 * 365)))))
            .unwrap_or(NaiveDate::MIN);
        let span = u32::try_from((latest - earliest).num_days()).unwrap_or(1);
        let released_on = earliest + Days::new(u64::from(self.dice.below(span)));
        Person {
            prison,
            number: format!("{prefix}{:06}", self.count * 7 + self.dice.below(7)),
            name: self.name(),
            id: resident_id(born_on, self.count * 2 - 1),
            sex: "男",
            born_on,
            ward: format!("{}监区", self.dice.pick(&["一", "二", "三", "四", "五"])),
            home: self.dice.pick(HOMES),
            schooling: self.dice.pick(SCHOOLING),
            released_on,
        }
    }

    /// Three characters, so that no name turns up in a log by accident.
    fn name(&mut self) -> String {
        loop {
            let dice = &mut self.dice;
            let name = String::from_iter([dice.pick(SURNAMES), dice.pick(GIVEN_FIRST), dice.pick(GIVEN_SECOND)]);
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// A resident ID of the unused region, with the check digit of GB 11643. Odd sequences are men.
pub fn resident_id(born_on: NaiveDate, sequence: u32) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let body = format!("{REGION}{:04}{:02}{:02}{sequence:03}", born_on.year(), born_on.month(), born_on.day());
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(c, weight)| c.to_digit(10).unwrap_or(0) * weight).sum();
    body + &CHECKS[(sum % 11) as usize].to_string()
}

/// The first ID of that birth date that ends in X, from sequences that [`Crowd`] does not use.
pub fn resident_id_with_x(born_on: NaiveDate) -> String {
    (801..999)
        .step_by(2)
        .map(|sequence| resident_id(born_on, sequence))
        .find(|id| id.ends_with('X'))
        .unwrap_or_default()
}

/// The same ID with a wrong check digit.
pub fn with_wrong_check(id: &str) -> String {
    let (body, check) = id.split_at(17);
    format!("{body}{}", if check == "1" { '2' } else { '1' })
}
