//! Who may file what: a prison what is its own, the lead prison that of all prisons, an institution the results of its own
//! courses and assessments. What another unit sends is set aside for a person, lest one unit's mail undoes another's. Pure.

use std::sync::Arc;

use crate::forms::reading::{Content, FileKind, FileReading, Placed, of_no_form};
use crate::settings::Settings;
use crate::subsidy::assessment::ResultRow;
use crate::subsidy::catalogue::Catalogue;
use crate::subsidy::finding::{Code, Finding, Severity};

/// What a unit is in the programme.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Role {
    LeadPrison,
    Prison,
    Institution,
    Agency,
}

/// The unit that a file is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: String,
    role: Role,
}

impl Sender {
    /// The unit of this full name.
    pub fn of(name: &str, settings: &Settings, catalogue: &Catalogue) -> Sender {
        let prison = settings.prisons.iter().find(|prison| prison.name == name);
        let role = match prison {
            Some(prison) if prison.lead => Role::LeadPrison,
            Some(_) => Role::Prison,
            None if catalogue.institution(name).is_some_and(|full| **full == *name) => Role::Institution,
            None => Role::Agency,
        };
        Sender { name: name.to_owned(), role }
    }

    /// Sets the whole file aside where it is not this unit's to file: of half of it nobody would know which half.
    pub(super) fn screen(&self, reading: FileReading) -> FileReading {
        let Some((seen, advice)) = self.refusal(&reading.content) else { return reading };
        let finding = Finding {
            sheet: String::new(),
            cell: String::new(),
            code: Code::NotEntitled,
            severity: Severity::Error,
            seen,
            advice,
        };
        FileReading { rows: reading.rows, set_aside: reading.rows, sheets: reading.sheets, ..of_no_form(finding) }
    }

    /// What was seen, and what to do.
    fn refusal(&self, content: &Content) -> Option<(String, String)> {
        let (kind, stranger) = match content {
            Content::History(_) => {
                let advice = "历史申领只由管理员用 shenling import 导入，没有收取；请把文件交给管理员";
                return Some(("历史申领".to_owned(), advice.to_owned()));
            }
            Content::Results(rows) => (FileKind::Results, self.alien_result(rows)),
            Content::Roster(rows) => {
                (FileKind::Roster, self.alien(rows.iter().map(|placed| (placed, &*placed.row.prison))))
            }
            Content::Survey(rows) => {
                (FileKind::Survey, self.alien(rows.iter().map(|placed| (placed, &*placed.row.prison))))
            }
            Content::Plan(plan) => {
                let alien = (self.role == Role::Prison && *plan.prison != *self.name).then(|| plan.prison.to_string());
                (FileKind::Plan, alien)
            }
            Content::OldForm(_) | Content::Nothing => return None,
        };
        let what = kind.name();
        let ask = "确需由贵单位报送的，请与管理员联系";
        match self.role {
            Role::LeadPrison => None,
            Role::Agency => Some((what.to_owned(), format!("{what}由监狱或者培训、鉴定机构报送，没有收取；{ask}"))),
            Role::Institution if kind != FileKind::Results => {
                Some((what.to_owned(), format!("{what}由监狱报送，没有收取；请转告监狱，由监狱报送。{ask}")))
            }
            Role::Institution => stranger.map(|first| {
                let advice = format!(
                    "有的行既不是贵单位培训的，也不是贵单位鉴定的，整个文件没有收取。请只报与贵单位有关的行；\
                     机构名称写错的，请更正“培训机构”“鉴定机构”后重新报送。{ask}。第一处：{first}"
                );
                (first, advice)
            }),
            Role::Prison => stranger.map(|first| {
                let advice = format!("有其他监狱的内容，整个文件没有收取。请只报本监狱的内容，其他的由该监狱或牵头监狱报送。{ask}。第一处：{first}");
                (first, advice)
            }),
        }
    }

    /// The first result that is not this unit's.
    fn alien_result(&self, rows: &[Placed<Arc<ResultRow>>]) -> Option<String> {
        let is_own = |row: &ResultRow| match self.role {
            Role::Institution => *row.training_institution == *self.name || *row.assessment_institution == *self.name,
            _ => *row.prison == *self.name,
        };
        let first = rows.iter().find(|placed| !is_own(&placed.row))?;
        let row = &first.row;
        Some(format!(
            "{}：{}，培训机构 {}，鉴定机构 {}",
            place(first),
            row.prison,
            row.training_institution,
            row.assessment_institution
        ))
    }

    /// The first row of another prison.
    fn alien<'r, T: 'r>(&self, mut rows: impl Iterator<Item = (&'r Placed<T>, &'r str)>) -> Option<String> {
        let (first, prison) = rows.find(|(_, prison)| **prison != *self.name)?;
        Some(format!("{}：{prison}", place(first)))
    }
}

fn place<T>(placed: &Placed<T>) -> String {
    if placed.sheet.is_empty() {
        placed.number_cell.clone()
    } else {
        format!("“{}”{}", placed.sheet, placed.number_cell)
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::subsidy::course::{Category, Level};

    const LEAD: &str = "常州监狱";
    const PRISON: &str = "溧阳监狱";
    const TRAINER: &str = "常州市演示职业培训学校";

    fn sender(name: &str, role: Role) -> Sender {
        Sender { name: name.to_owned(), role }
    }

    fn result(prison: &str, trainer: &str) -> ResultRow {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        ResultRow {
            prison: prison.into(),
            number: "000001".to_owned(),
            name: "某某".to_owned(),
            resident_id: None,
            training_institution: trainer.into(),
            assessment_institution: "常州市演示技能鉴定中心".into(),
            category: Category::Employment,
            occupation: "welder".into(),
            occupation_code: None,
            level: Level::Five,
            class: "1班".to_owned(),
            started_on: day(3, 1),
            ended_on: day(3, 20),
            hours: None,
            hours_theory: None,
            hours_practice: None,
            assessed_on: day(4, 10),
            score_theory: None,
            score_practice: None,
            passed: false,
            certificate_type: None,
            certificate_number: None,
            issued_on: None,
            fee: None,
            completed: true,
            remark: None,
        }
    }

    fn results(rows: &[(&str, &str)]) -> Content {
        let placed = rows.iter().zip(4..).map(|((prison, trainer), row_number)| Placed {
            sheet: "结果".into(),
            row_number,
            number_cell: format!("C{row_number}"),
            row: Arc::new(result(prison, trainer)),
        });
        Content::Results(placed.collect())
    }

    #[test]
    fn results_are_filed_by_their_prison_their_institutions_and_the_lead_prison() {
        let own = results(&[(PRISON, TRAINER)]);
        let mixed = results(&[(PRISON, TRAINER), (LEAD, "别的学校")]);
        let allowed = |sender: &Sender, content: &Content| sender.refusal(content).is_none();
        for (who, all) in [
            (sender(LEAD, Role::LeadPrison), true),
            (sender(PRISON, Role::Prison), false),
            (sender(TRAINER, Role::Institution), false),
        ] {
            assert!(allowed(&who, &own), "{who:?}");
            assert_eq!(allowed(&who, &mixed), all, "{who:?}");
        }
        assert!(!allowed(&sender("别的学校", Role::Institution), &own));
        assert!(!allowed(&sender("江苏省监狱管理局", Role::Agency), &own));
        let (seen, advice) = sender(PRISON, Role::Prison).refusal(&mixed).unwrap();
        assert!(seen.starts_with("“结果”C5：常州监狱") && advice.contains("“结果”C5"), "{seen} {advice}");
    }

    #[test]
    fn rosters_are_filed_by_prisons_and_a_history_by_nobody_but_the_administrator() {
        let roster = Content::Roster(Vec::new());
        assert!(sender(TRAINER, Role::Institution).refusal(&roster).is_some());
        assert!(sender(PRISON, Role::Prison).refusal(&roster).is_none());
        for role in [Role::LeadPrison, Role::Prison, Role::Institution, Role::Agency] {
            assert!(sender(LEAD, role).refusal(&Content::History(Vec::new())).is_some(), "{role:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_senders_is_set_aside_as_a_whole() {
        let reading = |content: Content| FileReading {
            rows: 2,
            sheets: vec!["结果".to_owned()],
            kind: Some(FileKind::Results),
            content,
            ..of_no_form(Finding {
                sheet: String::new(),
                cell: String::new(),
                code: Code::NoHeader,
                severity: Severity::Error,
                seen: String::new(),
                advice: String::new(),
            })
        };
        let mixed = results(&[(PRISON, TRAINER), (LEAD, "别的学校")]);
        let screened = sender(PRISON, Role::Prison).screen(reading(mixed));
        assert!(matches!(screened.content, Content::Nothing));
        assert_eq!((screened.rows, screened.set_aside, screened.kind), (2, 2, None));
        assert_eq!(screened.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::NotEntitled]);
        let own = sender(PRISON, Role::Prison).screen(reading(results(&[(PRISON, TRAINER)])));
        assert_eq!(own.kind, Some(FileKind::Results));
    }
}
