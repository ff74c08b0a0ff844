//! A season of any size as csv: N invented people, about 1.75 results each, classes of 40. Seeded, fast, flat memory.
//!
//! Every row is computed from the seed and the person's number alone, so nothing is kept and any part can be written
//! on its own. Everyone attends a class in spring, three of four another one, of another occupation, in autumn.
//! Of a hundred rows two did not pass, one lacks its certificate number, and about three are missing on the roster;
//! everything else is granted. IDs carry the region 329999, which was never given out.

use std::fmt::Write as _;
use std::io::{self, Write};

use chrono::{Datelike, Days, NaiveDate};

/// People per class.
pub const CLASS_SIZE: u32 = 40;
/// The prisons, the lead prison first.
pub const PRISONS: [&str; 3] = ["常州监狱", "溧阳监狱", "新康监狱"];
/// When all of it has been assessed and certified; the period is 2026-Q4.
pub const NOW: &str = "2026-11-20T09:00:00+08:00";
/// When the rosters were approved, for the plan year 2026.
pub const APPROVED_ON: &str = "2025-12-15";
/// More people than this would get IDs that are not unique.
pub const MAX_PERSONS: u32 = BIRTH_DAYS * 499;

const BIRTH_DAYS: u32 = 14_600;
const OCCUPATIONS: [&str; 8] = ["焊工", "车工", "缝纫工", "中式烹调师", "电工", "钳工", "美发师", "砌筑工"];
const TRAINERS: u32 = 12;
const ASSESSORS: u32 = 4;
const SURNAMES: [&str; 16] =
    ["赵", "钱", "孙", "李", "周", "吴", "郑", "冯", "陈", "蒋", "沈", "韩", "杨", "朱", "秦", "许"];
const GIVEN: [&str; 16] =
    ["建", "国", "志", "海", "伟", "永", "春", "家", "子", "宏", "俊", "少", "立", "玉", "晓", "德"];

const RESULT_HEADER: &str = "序号,监狱,罪犯编号,姓名,公民身份号码,培训机构,鉴定机构,培训类别,职业(工种),等级,班期,\
    开班日期,结业日期,总课时,理论课时,实操课时,鉴定日期,理论成绩,实操成绩,评定结果,证书类型,证书编号,发证日期,鉴定费(元),备注";
const ROSTER_HEADER: &str = "序号,监狱,监区,罪犯编号,姓名,性别,出生日期,公民身份号码,刑满日期,有无一技之长,能否坚持学习,\
    培训类别,拟培训职业(工种),等级,班期,培训机构";

/// How much to make.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    persons: u32,
    seed: u64,
}

/// A person in a class.
struct Row {
    person: u32,
    /// Spring or autumn.
    autumn: bool,
    /// Number of the group of [`CLASS_SIZE`] people that the person belongs to.
    group: u32,
    /// What chance says about this row.
    chance: u64,
}

impl Load {
    /// So many people of that seed.
    pub fn new(persons: u32, seed: u64) -> Load {
        assert!(persons <= MAX_PERSONS, "at most {MAX_PERSONS} people have IDs of their own");
        Load { persons, seed }
    }

    /// Rows that [`Load::write_results`] writes for all prisons.
    pub fn result_rows(self) -> u64 {
        u64::from(self.persons) + u64::from(self.autumn_persons())
    }

    fn autumn_persons(self) -> u32 {
        self.persons / 4 * 3
    }

    /// All rows, class by class.
    fn rows(self, prison: Option<usize>) -> impl Iterator<Item = Row> {
        let spring = (0..self.persons).map(|person| (person, false));
        let autumn = (0..self.autumn_persons()).map(|person| (person, true));
        spring.chain(autumn).filter_map(move |(person, autumn)| {
            let group = person / CLASS_SIZE;
            let here = prison.is_none_or(|prison| prison == prison_of(group));
            let chance = mix(self.seed ^ (u64::from(person) << 1) ^ u64::from(autumn));
            here.then_some(Row { person, autumn, group, chance })
        })
    }

    /// Result sheets of one prison or of all, as csv; gives the number of rows.
    pub fn write_results(self, prison: Option<usize>, out: &mut impl Write) -> io::Result<u64> {
        writeln!(out, "{RESULT_HEADER}")?;
        let mut rows = 0;
        for row in self.rows(prison) {
            rows += 1;
            row.write_result(rows, out)?;
        }
        Ok(rows)
    }

    /// Rosters of one prison or of all, as csv; gives the number of rows.
    pub fn write_roster(self, prison: Option<usize>, out: &mut impl Write) -> io::Result<u64> {
        writeln!(out, "{ROSTER_HEADER}")?;
        let mut rows = 0;
        for row in self.rows(prison).filter(|row| !row.is_missing_on_roster()) {
            rows += 1;
            row.write_roster(rows, out)?;
        }
        Ok(rows)
    }
}

impl Row {
    fn is_missing_on_roster(&self) -> bool {
        self.chance.is_multiple_of(35)
    }

    fn occupation(&self) -> &'static str {
        let shift = if self.autumn { 3 } else { 0 };
        OCCUPATIONS[(self.group + shift) as usize % OCCUPATIONS.len()]
    }

    /// 开班, 结业, 鉴定, 发证.
    fn days(&self) -> [NaiveDate; 4] {
        let (first, spread, length) = if self.autumn { (day(2026, 8, 1), 20, 50) } else { (day(2026, 2, 2), 60, 60) };
        let start = first + Days::new(u64::from(self.group % spread));
        [start, start + Days::new(length), start + Days::new(length + 10), start + Days::new(length + 20)]
    }

    fn class(&self) -> String {
        format!("2026年{}{:06}期", if self.autumn { "秋" } else { "春" }, self.group)
    }

    fn number(&self) -> String {
        format!("32{:08}", self.person)
    }

    fn name(&self) -> String {
        let bytes = mix(u64::from(self.person)).to_le_bytes();
        let at = |byte: usize| usize::from(bytes[byte] % 16);
        [SURNAMES[at(0)], GIVEN[at(1)], GIVEN[at(2)]].concat()
    }

    fn born_on(&self) -> NaiveDate {
        // 7919 has no divisor in common with BIRTH_DAYS: every day comes once before any comes again.
        day(1966, 1, 1) + Days::new(u64::from(self.person) * 7919 % u64::from(BIRTH_DAYS))
    }

    fn resident_id(&self) -> String {
        const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let born = self.born_on();
        let sequence = self.person / BIRTH_DAYS * 2 + 1;
        let mut id = format!("329999{:04}{:02}{:02}{sequence:03}", born.year(), born.month(), born.day());
        let sum: u32 = id.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        id.push(char::from(b"10X98765432"[(sum % 11) as usize]));
        id
    }

    fn trainer(&self) -> String {
        format!("演示培训学校{:02}", self.group % TRAINERS + 1)
    }

    fn write_result(&self, ordinal: u64, out: &mut impl Write) -> io::Result<()> {
        let passed = self.chance % 100 > 1;
        let [start, end, assessed, issued] = self.days();
        let serial = u64::from(self.person) * 2 + u64::from(self.autumn);
        // 6 digits of serial and 6 of site make room for every row.
        let certificate = if passed && self.chance % 100 != 2 {
            format!("S999932{:06}265{:06}", 900_000 + serial / 1_000_000, serial % 1_000_000)
        } else {
            String::new()
        };
        let [score, other] = [self.chance >> 8, self.chance >> 16].map(|bits| 60 + bits % 39);
        write!(out, "{ordinal},{},{},{},", PRISONS[prison_of(self.group)], self.number(), self.name())?;
        write!(out, "{},{},演示鉴定中心{},", self.resident_id(), self.trainer(), self.group % ASSESSORS + 1)?;
        write!(out, "就业技能培训,{},五级/初级工,{},{start},{end},", self.occupation(), self.class())?;
        write!(out, "120,48,72,{assessed},{},{other}.5,", if passed { score } else { 45 })?;
        if passed {
            writeln!(out, "合格,职业技能等级证书,{certificate},{issued},,")
        } else {
            writeln!(out, "不合格,,,,,")
        }
    }

    fn write_roster(&self, ordinal: u64, out: &mut impl Write) -> io::Result<()> {
        let released = day(2026, 12, 1) + Days::new(mix(u64::from(self.person) ^ 1) % 400);
        write!(out, "{ordinal},{},{}监区,{},", PRISONS[prison_of(self.group)], self.group % 9 + 1, self.number())?;
        write!(out, "{},男,{},{},{released},", self.name(), self.born_on(), self.resident_id())?;
        writeln!(out, "无,能,就业技能培训,{},五级/初级工,{},{}", self.occupation(), self.class(), self.trainer())
    }
}

/// File name and text of each csv of the catalogue folder.
pub fn catalogue() -> [(&'static str, String); 5] {
    let mut institutions = "机构名称,简称,类型,组织机构代码,开户银行,户名,银行账号,认定起始日,认定截止日\n".to_owned();
    let mut agreements = "监狱,培训机构,协议编号,起始日,截止日,人均培训费(元)\n".to_owned();
    for n in 1..=TRAINERS {
        let name = format!("演示培训学校{n:02}");
        let _ = writeln!(institutions, "{name},,培训,,演示银行,{name},99990000000{n:08},2024-01-01,");
        for (at, prison) in PRISONS.iter().enumerate() {
            // One school charges less than the rate.
            let fee = if n == 5 { "950.50" } else { "" };
            let _ = writeln!(agreements, "{prison},{name},演示-{n:02}-{at},2026-01-01,2026-12-31,{fee}");
        }
    }
    for n in 1..=ASSESSORS {
        let name = format!("演示鉴定中心{n}");
        let _ = writeln!(institutions, "{name},,鉴定,,演示银行,{name},99991000000{n:08},2024-01-01,");
    }
    let mut occupations = "工种标识,名称,职业编码,编码版本,别名,类别\n".to_owned();
    let mut rates = "职业(工种),等级,证书类型,培训补贴(元),鉴定补贴(元),补贴比例(‰),起始日,截止日,依据\n".to_owned();
    for (n, name) in OCCUPATIONS.iter().enumerate() {
        let _ = writeln!(occupations, "occupation-{n},{name},,,,就业技能培训");
        let _ = writeln!(rates, "{name},五级/初级工,职业技能等级证书,1000,200,,2022-01-01,,演示数据（虚构标准）");
    }
    [
        ("institutions.csv", institutions),
        ("penalties.csv", "机构名称,处罚起始日,处罚截止日,重新认定日\n".to_owned()),
        ("agreements.csv", agreements),
        ("occupations.csv", occupations),
        ("rates.csv", rates),
    ]
}

fn prison_of(group: u32) -> usize {
    group as usize % PRISONS.len()
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("the generator's own dates exist")
}

/// `SplitMix64`'s last step: neighbours get numbers that have nothing in common.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
