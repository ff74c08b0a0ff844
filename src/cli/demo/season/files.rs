//! The files of the season: which clerk sends which classes, when, in which shape.

use std::collections::BTreeMap;

use rust_xlsxwriter::XlsxError;

use super::results::{Dates, Field, Habits, OFFICIAL, SHUFFLED, field_of, sheet, upper_header};
use super::rows::{Seat, history};
use super::sheet::{Above, Cell, Encoding, Sheet, csv, xlsx};
use super::{Arrival, Contents, Located, classes, planted};

type Seats = BTreeMap<&'static str, Vec<Seat>>;

/// A sheet of a result file.
struct Page {
    name: &'static str,
    classes: &'static [&'static str],
    habits: Habits,
    /// Titles above the header.
    titles: &'static [&'static str],
    /// A second header row above the first.
    upper: bool,
    /// Columns with the same text in all rows, merged.
    merged: &'static [Field],
    /// A totals row and a signature row below.
    signed: bool,
}

/// A result file.
struct Delivery {
    path: &'static str,
    at: &'static str,
    encoding: Option<Encoding>,
    pages: &'static [Page],
    /// A sheet that is no form stands first.
    with_note: bool,
}

const TIDY: Habits = Habits { columns: OFFICIAL, synonyms: false, short: false, dates: Dates::Cells, numeric: false };
const PLAIN: Page =
    Page { name: "考核结果", classes: &[], habits: TIDY, titles: &[], upper: false, merged: &[], signed: false };

const DELIVERIES: &[Delivery] = &[
    Delivery {
        path: "常州监狱2026年考核结果.xlsx",
        at: "2026-11-03T09:12:00+08:00",
        encoding: None,
        pages: &[
            Page {
                name: "焊工",
                classes: &["C1"],
                titles: &["常州监狱职业技能考核结果表", "焊工班"],
                signed: true,
                ..PLAIN
            },
            Page {
                name: "车工", classes: &["C2"], titles: &["常州监狱职业技能考核结果表"], signed: true, ..PLAIN
            },
        ],
        with_note: false,
    },
    Delivery {
        path: "烹饪学校-中式烹调师成绩.xlsx",
        at: "2026-11-05T15:40:00+08:00",
        encoding: None,
        pages: &[Page {
            name: "Sheet1",
            classes: &["C3"],
            habits: Habits { synonyms: true, short: true, dates: Dates::Dotted, ..TIDY },
            titles: &["成绩汇总"],
            merged: &[Field::Assessor, Field::Class],
            ..PLAIN
        }],
        with_note: false,
    },
    Delivery {
        path: "创业中心SYB结业名单.csv",
        at: "2026-11-12T10:05:00+08:00",
        encoding: Some(Encoding::Gb18030),
        pages: &[Page {
            name: "",
            classes: &["C4", "X3"],
            habits: Habits { short: true, dates: Dates::Slashed, ..TIDY },
            ..PLAIN
        }],
        with_note: false,
    },
    Delivery {
        path: "溧阳监狱考核结果.xlsx",
        at: "2026-11-10T08:30:00+08:00",
        encoding: None,
        pages: &[
            Page {
                name: "缝纫工",
                classes: &["L1"],
                habits: Habits { dates: Dates::Serials, numeric: true, ..TIDY },
                signed: true,
                ..PLAIN
            },
            Page {
                name: "焊工",
                classes: &["L2"],
                habits: Habits { dates: Dates::Words, numeric: true, ..TIDY },
                ..PLAIN
            },
        ],
        with_note: false,
    },
    Delivery {
        path: "溧阳监狱叉车面点.csv",
        at: "2026-11-11T16:20:00+08:00",
        encoding: Some(Encoding::Utf8Bom),
        pages: &[Page {
            name: "",
            classes: &["L3", "L4"],
            habits: Habits { columns: SHUFFLED, dates: Dates::Compact, ..TIDY },
            ..PLAIN
        }],
        with_note: false,
    },
    Delivery {
        path: "新康监狱第四季度.xlsx",
        at: "2026-11-09T11:00:00+08:00",
        encoding: None,
        pages: &[
            Page { name: "缝纫工", classes: &["X1"], titles: &["新康监狱考核结果"], upper: true, ..PLAIN },
            Page {
                name: "烹调和家政", classes: &["X2", "X4"], titles: &["新康监狱考核结果"], signed: true, ..PLAIN
            },
        ],
        with_note: true,
    },
];

/// The second delivery: rows that came back or were held, corrected, and one that was right before.
const CORRECTION: Delivery = Delivery {
    path: "溧阳监狱更正.xlsx",
    at: "2026-11-18T09:00:00+08:00",
    encoding: None,
    pages: &[Page { name: "更正", classes: &["L1"], habits: TIDY, ..PLAIN }],
    with_note: false,
};

/// All result files, and where the planted faults stand in them.
pub fn results(all: &Seats) -> Result<(Vec<Arrival>, Vec<Located>), XlsxError> {
    let (mut arrivals, mut located) = (Vec::new(), Vec::new());
    for delivery in DELIVERIES {
        arrivals.push(delivery.write(all, &mut located)?);
    }
    let mut right = Seats::new();
    for (class, seats) in all {
        let corrected = |seat: &&Seat| seat.fault.is_some_and(|(index, _)| planted::PLANTED[index].corrected);
        right.insert(class, seats.iter().filter(corrected).map(Seat::corrected).collect());
    }
    arrivals.push(CORRECTION.write(&right, &mut located)?);
    Ok((arrivals, located))
}

impl Delivery {
    fn write(&self, all: &Seats, located: &mut Vec<Located>) -> Result<Arrival, XlsxError> {
        let mut sheets = Vec::new();
        if self.with_note {
            let rows = vec![vec![Cell::text("请按月报送，联系人：演示员。")]];
            sheets.push(Sheet {
                name: "说明".to_owned(),
                headers: vec!["填表说明".to_owned()],
                rows,
                ..Sheet::default()
            });
        }
        for page in self.pages {
            sheets.push(page.draw(self.path, all, located));
        }
        let bytes = match (self.encoding, sheets.first()) {
            (Some(encoding), Some(sheet)) => csv(sheet, encoding),
            _ => xlsx(&sheets)?,
        };
        Ok(Arrival { path: self.path, at: self.at, contents: Contents::Results, bytes })
    }
}

impl Page {
    fn draw(&self, path: &'static str, all: &Seats, located: &mut Vec<Located>) -> Sheet {
        let seats: Vec<Seat> = self.classes.iter().filter_map(|class| all.get(class)).flatten().cloned().collect();
        let (mut sheet, seat_of_row) = sheet(self.name, &seats, self.habits);
        let last = u16::try_from(self.habits.columns.len() - 1).unwrap_or(0);
        sheet.above =
            self.titles.iter().map(|title| vec![Above { columns: (0, last), text: (*title).to_owned() }]).collect();
        if self.upper {
            sheet.above.push(upper_header());
        }
        let column_of = |field: Field| self.habits.columns.iter().position(|column| *column == field).unwrap_or(0);
        sheet.merged = self.merged.iter().map(|field| u16::try_from(column_of(*field)).unwrap_or(0)).collect();
        if self.signed {
            sheet.below = signatures(seats.len());
        }
        for (row, at) in seat_of_row.iter().enumerate() {
            let seat = &seats[*at];
            if let Some((index, fault)) = seat.fault {
                located.push(Located {
                    planted: &planted::PLANTED[index],
                    prison: seat.person.prison,
                    number: seat.person.number.clone(),
                    certificate: seat.certificate.clone(),
                    file: path,
                    sheet: self.name,
                    cell: sheet.address(row, column_of(field_of(fault))),
                });
            }
        }
        sheet
    }
}

/// What stands below the data in a sheet made for print.
fn signatures(count: usize) -> Vec<Vec<Cell>> {
    vec![
        vec![Cell::text("合计"), Cell::Empty, Cell::Text(format!("{count}人"))],
        vec![Cell::text("填表人：演示员"), Cell::Empty, Cell::Empty, Cell::Empty, Cell::text("负责人：演示长")],
    ]
}

const ROSTER_HEADERS: &[&str] = &[
    "序号",
    "监狱",
    "监区",
    "罪犯编号",
    "姓名",
    "性别",
    "出生日期",
    "民族",
    "公民身份号码",
    "文化程度",
    "户籍所在地",
    "刑满日期",
    "有无一技之长",
    "能否坚持学习",
    "培训类别",
    "拟培训职业(工种)",
    "职业编码",
    "等级",
    "班期",
    "培训机构",
    "备注",
];

/// One roster per prison, approved in December for the next year.
pub fn rosters(all: &Seats) -> Result<Vec<Arrival>, XlsxError> {
    let mut arrivals = Vec::new();
    for (prison, path, encoding) in [
        (classes::CHANGZHOU, "常州监狱2026年培训人员信息表.xlsx", None),
        (classes::LIYANG, "溧阳监狱2026年培训人员信息表.csv", Some(Encoding::Utf8)),
        (classes::XINKANG, "新康监狱2026年培训人员信息表.xlsx", None),
    ] {
        let on_roster = |seat: &&Seat| seat.person.prison == prison && !seat.has(planted::Fault::NotOnRoster);
        let in_order = classes::CLASSES.iter().filter_map(|class| all.get(class.id)).flatten();
        let rows = in_order.filter(on_roster).enumerate().map(|(at, seat)| roster_row(at, seat)).collect();
        let headers: Vec<String> = ROSTER_HEADERS.iter().map(|header| (*header).to_owned()).collect();
        let sheet = Sheet { name: "附件3".to_owned(), headers, rows, ..Sheet::default() };
        let bytes = if let Some(encoding) = encoding {
            csv(&sheet, encoding)
        } else {
            let title = format!("江苏省特殊人群职业技能培训人员信息表（{prison}）");
            let last = u16::try_from(ROSTER_HEADERS.len() - 1).unwrap_or(0);
            xlsx(&[Sheet { above: vec![vec![Above { columns: (0, last), text: title }]], ..sheet }])?
        };
        let contents =
            Contents::Roster { approved_on: "2025-12-15", approved_by: "演示：市人力资源和社会保障局" };
        arrivals.push(Arrival { path, at: "2025-12-16T09:00:00+08:00", contents, bytes });
    }
    Ok(arrivals)
}

fn roster_row(at: usize, seat: &Seat) -> Vec<Cell> {
    let Seat { class, person, .. } = seat;
    let skilled = seat.has(planted::Fault::AlreadySkilled);
    let category = if class.is_business() { "创业培训" } else { "就业技能培训" };
    let trainer = if class.prison == classes::LIYANG { "" } else { class.trainer };
    let texts = [
        class.prison,
        &person.ward,
        &person.number,
        &person.name,
        person.sex,
        &person.born_on.to_string(),
        "汉族",
        &person.id,
        person.schooling,
        person.home,
        &person.released_on.to_string(),
        if skilled { "有" } else { "无" },
        "能",
        category,
        class.occupation,
        class.code,
        class.level,
        class.name,
        trainer,
        "",
    ];
    let ordinal = Cell::Number(f64::from(u32::try_from(at + 1).unwrap_or(0)));
    std::iter::once(ordinal).chain(texts.into_iter().map(Cell::text)).collect()
}

/// The opening history.
pub fn opening(all: &Seats) -> Arrival {
    let headers = [
        "监狱",
        "罪犯编号",
        "公民身份号码",
        "补贴种类",
        "职业(工种)",
        "等级",
        "证书类型",
        "证书编号",
        "发证日期",
        "申领日期",
        "金额(元)",
    ];
    let line = |(at, (seat, occupation, level, certificate, claimed_on, yuan)): (usize, super::rows::Claimed)| {
        let issued_on = claimed_on - chrono::Days::new(40);
        let texts = [
            seat.person.prison,
            &seat.person.number,
            &seat.person.id,
            "培训",
            occupation,
            level,
            certificate,
            &format!("329999-LS-{at:04}"),
            &issued_on.to_string(),
            &claimed_on.to_string(),
            &yuan.to_string(),
        ];
        texts.into_iter().map(Cell::text).collect()
    };
    let rows = history(all).into_iter().enumerate().map(line).collect();
    let headers = headers.map(str::to_owned).to_vec();
    let bytes = csv(&Sheet { headers, rows, ..Sheet::default() }, Encoding::Utf8Bom);
    Arrival { path: "history.csv", at: "2026-10-08T09:00:00+08:00", contents: Contents::History, bytes }
}
