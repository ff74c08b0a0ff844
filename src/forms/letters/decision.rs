//! What a sender is told of a decision about something that was sent: accepted after all, refused, withdrawn.
//!
//! Cells are named, what stands in them is not, nor is the file: its name may name a person.

use serde::Serialize;

use super::{Frame, ProblemFacts};
use crate::forms::fix_list::FixList;
use crate::subsidy::identifiers::mask_numbers_in;

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Taken as another kind than nothing: rows taken now, rows that come back.
    Taken {
        /// What it was taken as, in words.
        kind: String,
        /// Rows taken now.
        taken: u32,
        /// Rows that come back.
        set_aside: u32,
    },
    /// What came back is settled in another way.
    Settled,
    /// What came back is refused for good.
    Refused,
    /// What a mail is about is settled in another way.
    MailSettled,
    /// A mail is refused: nothing of it was taken.
    MailRefused,
    /// All that it brought is withdrawn: results, roster rows and others that count no more.
    Withdrawn {
        /// How many.
        rows: u32,
    },
}

/// The letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// The unit that sent it.
    pub recipient: String,
    /// Number of what was sent.
    pub number: String,
    /// When it was received, in words.
    pub received_at: String,
    /// What it is, and how its hash begins.
    pub file: String,
    /// What was decided, in few words.
    pub headline: String,
    /// The same as a sentence.
    pub said: String,
    /// Why, in the words of the person who decided.
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// What must be mended.
    pub errors: Vec<ProblemFacts>,
    /// What to do; empty where nothing is to be done.
    pub todo: Vec<String>,
}

/// What was sent: number, instant (in words), what it is, SHA-256 in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// Its number.
    pub number: &'a str,
    /// When it was received, in words.
    pub received_at: &'a str,
    /// What it is, in words.
    pub kind: &'a str,
    /// SHA-256 of its bytes, in hex; empty for a mail.
    pub sha256: &'a str,
}

/// Characters of a hash that tell a person which file is meant.
const HASH_CHARS: usize = 12;

impl DecisionFacts {
    /// The letter on a decision: why and who; `fixes` is what must be mended still.
    pub fn new(
        frame: Frame,
        recipient: String,
        sent: &Sent<'_>,
        decided: &Decided,
        (reason, by): (&str, &str),
        fixes: &FixList,
    ) -> DecisionFacts {
        let hash: String = sent.sha256.chars().take(HASH_CHARS).collect();
        let (headline, said) = in_words(decided);
        let errors: Vec<ProblemFacts> = match decided {
            Decided::Taken { .. } => fixes.errors().map(ProblemFacts::of).collect(),
            Decided::Settled
            | Decided::Refused
            | Decided::MailSettled
            | Decided::MailRefused
            | Decided::Withdrawn { .. } => Vec::new(),
        };
        let office = &frame.office;
        let todo = match decided {
            Decided::Taken { .. } if !errors.is_empty() => {
                vec![
                    "按上面列出的位置在原表中改正后，重新发送整个文件。没有错误的行已经收下，不会重复收取。".to_owned(),
                ]
            }
            Decided::Taken { .. } | Decided::Settled | Decided::MailSettled => Vec::new(),
            Decided::Refused | Decided::MailRefused => {
                vec![format!("对处理意见有疑问的，请与{office}联系；情况有变化的，可以改正后重新报送。")]
            }
            Decided::Withdrawn { .. } => {
                vec![format!("确需报送的，请改正后重新发送；发送同一个文件也会重新收取。有疑问的，请与{office}联系。")]
            }
        };
        DecisionFacts {
            recipient,
            number: sent.number.to_owned(),
            received_at: sent.received_at.to_owned(),
            file: if hash.is_empty() {
                sent.kind.to_owned()
            } else {
                format!("{}（文件校验值 {hash}）", sent.kind)
            },
            headline: headline.to_owned(),
            said,
            // Who typed them was told not to write numbers of persons; a letter must not carry one all the same.
            reason: mask_numbers_in(reason),
            by: mask_numbers_in(by),
            errors,
            todo,
            frame,
        }
    }

    pub(super) fn sample() -> DecisionFacts {
        let sent = Sent {
            number: "20261120-0009",
            received_at: "2026年11月20日 09:30",
            kind: "没有认出种类的表",
            sha256: "0123456789abcdef",
        };
        let decided = Decided::Taken { kind: "考核结果表".to_owned(), taken: 58, set_aside: 4 };
        let words = ("表头写法不同，已人工确认", "市人社局某科");
        let facts =
            DecisionFacts::new(Frame::sample(), "溧阳监狱".to_owned(), &sent, &decided, words, &FixList::default());
        let error = ProblemFacts {
            advice: "请填写“鉴定日期”，如 2026-03-05".to_owned(),
            cells: "“电工”O7、O9".to_owned(),
            places: 2,
            code: "required-empty",
        };
        DecisionFacts { errors: vec![error], todo: vec!["改正后重新发送整个文件。".to_owned()], ..facts }
    }
}

fn in_words(decided: &Decided) -> (&'static str, String) {
    match decided {
        Decided::Taken { kind, taken, set_aside: 0 } => {
            ("已受理", format!("已按{kind}收取，收下 {taken} 行，没有退回的行。"))
        }
        Decided::Taken { kind, taken, set_aside } => {
            ("已受理，部分行需更正", format!("已按{kind}收取，收下 {taken} 行，退回 {set_aside} 行。"))
        }
        Decided::Settled => ("退回的内容已另行办妥", "其中退回的内容已另行办妥，不必再报。".to_owned()),
        Decided::Refused => ("不予受理", "其中退回的内容不予受理，到此为止；已经收下的内容不受影响。".to_owned()),
        Decided::MailSettled => ("已另行办妥", "这封邮件所说的事已另行办妥，不必再发。".to_owned()),
        Decided::MailRefused => ("不予受理", "这封邮件不予受理，其中的内容没有收取。".to_owned()),
        Decided::Withdrawn { rows } => {
            ("已撤回", format!("这个文件带来的内容已全部撤回（{rows} 条现行有效的内容受影响），不再作为核定的依据。"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::letters::LetterTemplates;
    use crate::subsidy::finding::{Code, Finding, Severity};

    fn written(decided: &Decided, fixes: &FixList) -> String {
        let sent =
            Sent {
                number: "20261120-0009", received_at: "昨天", kind: "考核结果表", sha256: "0123456789abcdef"
            };
        let words = ("内容有误", "某科");
        let facts = DecisionFacts::new(Frame::sample(), "溧阳监狱".to_owned(), &sent, decided, words, fixes);
        let letter = LetterTemplates::embedded().unwrap().write("decision", &facts).unwrap();
        for told in ["溧阳监狱", "20261120-0009", "0123456789ab", "内容有误", "某科"] {
            assert!(letter.text.contains(told) && letter.html.contains(told), "{told}\n{}", letter.text);
        }
        assert!(letter.subject.starts_with("来件 20261120-0009："), "{}", letter.subject);
        letter.text
    }

    #[test]
    fn a_number_in_the_reason_is_masked() {
        let sent = Sent { number: "1", received_at: "昨天", kind: "邮件", sha256: "" };
        let words = ("身份证320404199001010012不符", "工号123456789012345");
        let frame = Frame::sample();
        let facts =
            DecisionFacts::new(frame, "某单位".to_owned(), &sent, &Decided::Refused, words, &FixList::default());
        assert_eq!(facts.reason, format!("身份证{}不符", mask_numbers_in("320404199001010012")));
        assert!(!facts.reason.contains("19900101") && !facts.by.contains("123456789"), "{facts:?}");
    }

    #[test]
    fn each_decision_is_told_with_reason_and_what_to_do() {
        let none = FixList::default();
        assert!(written(&Decided::Refused, &none).contains("不予受理"));
        assert!(written(&Decided::MailRefused, &none).contains("没有收取"));
        assert!(written(&Decided::MailSettled, &none).contains("不必再发"));
        assert!(written(&Decided::Settled, &none).contains("不必再报"));
        assert!(written(&Decided::Withdrawn { rows: 3 }, &none).contains("3 条现行有效的内容受影响"));
        let finding = Finding {
            sheet: "结果".to_owned(),
            cell: "D7".to_owned(),
            code: Code::RequiredEmpty,
            severity: Severity::Error,
            seen: "张三".to_owned(),
            advice: "请填写姓名".to_owned(),
        };
        let taken = Decided::Taken { kind: "考核结果表".to_owned(), taken: 5, set_aside: 1 };
        let text = written(&taken, &FixList::of(&[finding], &[]));
        assert!(text.contains("“结果”D7") || text.contains("D7"), "{text}");
        assert!(text.contains("收下 5 行，退回 1 行") && !text.contains("张三"), "{text}");
    }
}
