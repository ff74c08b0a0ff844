//! What a unit is told of what is held for lack of something that it can supply: courses, counts and numbers, no names.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Frame;

/// Most numbers of a line; more are counted.
const MAX_NUMBERS: usize = 20;

/// The letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// The unit.
    pub recipient: String,
    /// The week: `2026-W48`.
    pub number: String,
    /// How many results there are in all.
    pub count: usize,
    /// What is lacking.
    pub lines: Vec<HeldLine>,
}

/// A course, and what is lacking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldLine {
    /// What is lacking.
    pub lacks: String,
    /// What to do.
    pub mend: String,
    /// Which course.
    pub course: String,
    /// How many results.
    pub count: usize,
    /// Their numbers in the program, which the administrator can look up.
    pub numbers: String,
}

impl HeldLine {
    /// A course with the assessments that lack something.
    pub fn new(lacks: &str, mend: &str, course: String, assessments: &BTreeSet<i64>) -> HeldLine {
        let shown: Vec<String> = assessments.iter().take(MAX_NUMBERS).map(|id| format!("#{id}")).collect();
        let more = assessments.len().saturating_sub(MAX_NUMBERS);
        let more = if more > 0 { format!(" 等（另有 {more} 条）") } else { String::new() };
        HeldLine {
            lacks: lacks.to_owned(),
            mend: mend.to_owned(),
            course,
            count: assessments.len(),
            numbers: format!("{}{more}", shown.join("、")),
        }
    }
}

impl HeldFacts {
    /// The letter of a week about so many results; a result may stand on several lines, one for each reason.
    pub fn new(frame: Frame, recipient: String, number: String, count: usize, lines: Vec<HeldLine>) -> HeldFacts {
        HeldFacts { frame, recipient, number, count, lines }
    }

    pub(super) fn sample() -> HeldFacts {
        let line = |lacks: &str, mend: &str, ids: std::ops::Range<i64>| {
            HeldLine::new(lacks, mend, "溧阳监狱，电工（五级/初级工），班期 2026年第3期".to_owned(), &ids.collect())
        };
        let lines = vec![
            line(
                "没有已核准的培训人员信息表（附件3）包含此人的这一培训",
                "请监狱补报培训人员信息表（附件3），核准后由管理员登记核准",
                3..28,
            ),
            line("公民身份号码缺失或校验码不符", "请监狱核对公民身份号码，更正后重新报送", 31..33),
        ];
        HeldFacts::new(Frame::sample(), "溧阳监狱".to_owned(), "2026-W47".to_owned(), 27, lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_numbers_is_counted() {
        let facts = HeldFacts::sample();
        assert_eq!((facts.count, facts.lines[0].count), (27, 25));
        assert!(facts.lines[0].numbers.ends_with("#22 等（另有 5 条）"), "{}", facts.lines[0].numbers);
        assert_eq!(facts.lines[1].numbers, "#31、#32");
    }
}
