//! The files that clerks send: planning workbooks, rosters, result sheets, each with the faults that they make.

use chrono::{Days, NaiveDate};
use shenling::cli::demo::season::people::Person;
use shenling::cli::demo::season::sheet::{Above, Cell, Sheet, xlsx};

use super::scene::{INSTITUTIONS, PROJECTS};
use crate::support::{results_csv, roster_csv};

/// A class: what is trained, where, by whom it is attended.
#[derive(Clone)]
pub struct Class {
    /// Index of the project.
    pub project: usize,
    /// 班期 as every file has it.
    pub name: String,
    /// First day.
    pub starts_on: NaiveDate,
    /// The persons.
    pub seats: Vec<Person>,
    /// Whether its results come soon.
    pub is_prompt: bool,
}

impl Class {
    /// 结业日期.
    pub fn ends_on(&self) -> NaiveDate {
        self.starts_on + Days::new(20)
    }

    /// 鉴定日期.
    pub fn assessed_on(&self) -> NaiveDate {
        self.starts_on + Days::new(25)
    }

    /// 发证日期.
    pub fn issued_on(&self) -> NaiveDate {
        self.starts_on + Days::new(35)
    }
}

/// What is wrong with a row of results.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// No certificate yet: held.
    NoCertificate,
    /// No resident ID: held.
    NoId,
    /// A wrong check digit: held.
    WrongCheck,
    /// Not passed: denied.
    Failed,
    /// An occupation that nobody knows: the row comes back.
    Unknown,
    /// The certificate of the seat before: both are held.
    Shared,
    /// Another fee than before: a correction.
    OtherFee,
}

/// A result row; `serial` makes its certificate.
pub fn result_row(class: &Class, seat: usize, serial: u32, flaw: Flaw) -> String {
    let person = &class.seats[seat];
    let (name, _, level) = PROJECTS[class.project];
    let id = match flaw {
        Flaw::NoId => String::new(),
        Flaw::WrongCheck => shenling::cli::demo::season::people::with_wrong_check(&person.id),
        _ => person.id.clone(),
    };
    let occupation = if flaw == Flaw::Unknown { "炼丹师" } else { name };
    let serial = if flaw == Flaw::Shared { serial.saturating_sub(1) } else { serial };
    let year = class.issued_on().format("%y");
    let digit = if level.starts_with('四') { 4 } else { 5 };
    let certificate = format!("S999932999901{year}{digit}{serial:06}");
    let outcome = match flaw {
        Flaw::Failed => "不合格,,,".to_owned(),
        Flaw::NoCertificate => "合格,技能等级证书,,".to_owned(),
        _ => format!("合格,技能等级证书,{certificate},{}", class.issued_on()),
    };
    let fee = if flaw == Flaw::OtherFee { 150 } else { 180 };
    format!(
        "{},{},{},{id},{},{},{occupation},{level},{},{},{},80,32,48,{},80,75,{outcome},{fee}",
        person.prison,
        person.number,
        person.name,
        INSTITUTIONS[0],
        INSTITUTIONS[1],
        class.name,
        class.starts_on,
        class.ends_on(),
        class.assessed_on(),
    )
}

/// A result sheet.
pub fn results(rows: &[String]) -> Vec<u8> {
    results_csv(rows).into_bytes()
}

/// A roster of classes.
pub fn roster(classes: &[Class]) -> (Vec<u8>, u32) {
    let rows: Vec<String> = classes.iter().flat_map(|class| class.seats.iter().map(|p| roster_row(class, p))).collect();
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    (roster_csv(&rows).into_bytes(), count)
}

fn roster_row(class: &Class, person: &Person) -> String {
    let (name, _, level) = PROJECTS[class.project];
    let Person { prison, number, name: who, id, sex, .. } = person;
    format!("{prison},{number},{who},{sex},{id},{},{name},{level},{}", released_on(class), class.name)
}

/// Everybody may be trained: less than two years are left.
fn released_on(class: &Class) -> NaiveDate {
    class.starts_on + Days::new(500)
}

/// A planning workbook without some annexes; with `spoilt` a cell of annex 2 cannot be read. Second: its data rows.
pub fn plan(prison: &str, year: i32, classes: &[Class], without: &[u32], spoilt: bool) -> (Vec<u8>, u32) {
    let title = |text: &str| vec![vec![Above { columns: (0, 4), text: format!("{year}年度{text}") }]];
    let text = |text: &str| Cell::text(text);
    let number = |n: usize| Cell::Number(f64::from(u32::try_from(n).unwrap_or(u32::MAX)));
    let total: usize = classes.iter().map(|class| class.seats.len()).sum();
    let (mut one, mut two, mut three, mut four) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, class) in classes.iter().enumerate() {
        let (name, _, level) = PROJECTS[class.project];
        let heads = class.seats.len();
        one.push(vec![number(at + 1), text(prison), number(total), text(&format!("{name}（{level}）")), number(heads)]);
        let start = if spoilt && at == 0 { text("下半年") } else { Cell::Date(class.starts_on) };
        two.push(vec![
            number(at + 1),
            text(prison),
            text(name),
            text(level),
            text("职业技能等级证书"),
            number(1),
            number(heads),
            number(80),
            number(32),
            number(48),
            start,
            Cell::Date(class.ends_on()),
            text(INSTITUTIONS[0]),
            text(INSTITUTIONS[1]),
        ]);
        for person in &class.seats {
            let row = roster_row(class, person);
            three.push(std::iter::once(number(at + 1)).chain(row.split(',').map(&text)).collect());
        }
        four.extend(class_form(class));
    }
    let headers = |texts: &str| texts.split(',').map(str::to_owned).collect::<Vec<_>>();
    let sheets = [
        (1, "附件1", "监狱培训项目及人员信息表", "序号,监狱,参加人数,培训项目,具体项目人数", one),
        (
            2,
            "附件2",
            "计划表",
            "序号,监狱,职业(工种),等级,证书类型,计划班数,计划人数,总课时,理论课时,实操课时,计划开班时间,计划结业时间,培训机构,鉴定机构",
            two,
        ),
        (
            3,
            "附件3",
            "培训人员信息表",
            "序号,监狱,罪犯编号,姓名,性别,公民身份号码,刑满日期,拟培训职业(工种),等级,班期",
            three,
        ),
        (4, "附件4", "办班申报表", "办班申报表,", four),
    ];
    let sent = || sheets.iter().filter(|(annex, ..)| !without.contains(annex));
    let rows = sent().map(|(annex, .., rows)| if *annex == 4 { classes.len() } else { rows.len() }).sum::<usize>();
    let drawn: Vec<Sheet> = sent()
        .map(|(_, name, what, columns, rows)| Sheet {
            name: (*name).to_owned(),
            above: title(what),
            headers: headers(columns),
            rows: rows.clone(),
            ..Sheet::default()
        })
        .collect();
    (xlsx(&drawn).unwrap(), u32::try_from(rows).unwrap_or(u32::MAX))
}

/// A form of annex 4.
fn class_form(class: &Class) -> Vec<Vec<Cell>> {
    let (name, _, level) = PROJECTS[class.project];
    let time = format!("从 {} 至 {} 共 20 天 80 课时", class.starts_on, class.ends_on());
    let lines = [
        ("培训机构名称", INSTITUTIONS[0].to_owned()),
        ("培训工种类别、名称", format!("就业技能培训 {name} {level}")),
        ("培训人数", class.seats.len().to_string()),
        ("培训班期", "第 1 期 共 1 班".to_owned()),
        ("培训时间", time),
        ("授课教师", "演示教师".to_owned()),
        ("使用教材", "演示教材".to_owned()),
        ("教学场地", "演示车间".to_owned()),
    ];
    lines.into_iter().map(|(caption, value)| vec![Cell::text(caption), Cell::text(&value)]).collect()
}
