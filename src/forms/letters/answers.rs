//! Short answers: to strangers, to old forms, and to what could not be opened.

use serde::Serialize;

use super::{Attached, Frame};

/// The answer to a sender whom nobody has registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StrangerFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// When the mail came, in words.
    pub received_at: String,
    /// Number under which it was set aside.
    pub number: String,
    /// Its sender is registered, but the receiving server does not vouch for it.
    pub unproven: bool,
}

/// The answer to a planning workbook of an older version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OldFormFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// The unit that sent it.
    pub recipient: String,
    /// Number of the receipt.
    pub number: String,
    /// When it was received, in words.
    pub received_at: String,
    /// The file, as sent.
    pub file: String,
    /// The year that is planned.
    pub year: i32,
    /// Its version, and the one that counts.
    pub versions: (u32, u32),
    /// The new form, prefilled.
    pub attachments: Vec<Attached>,
}

/// The answer to a mail of which something could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnopenedFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// The unit that sent it.
    pub recipient: String,
    /// Number of the receipt.
    pub number: String,
    /// When it was received, in words.
    pub received_at: String,
    /// Each of them: its name, and why it could not be opened and what to do.
    pub items: Vec<(String, String)>,
}

/// Why something in a mail could not be opened.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unopened {
    /// `winmail.dat`: only Outlook can open it.
    Tnef,
    /// An archive of a kind that is not read (.rar, .7z).
    Archive,
    /// A zip under another password than the one of the unit, or the unit has none.
    Password,
    /// Damaged, or packed so that it grows beyond all limits.
    Damaged,
    /// Larger than what is taken.
    TooLarge,
    /// The mail has no attachment.
    Nothing,
}

impl Unopened {
    /// What happened and what to do.
    pub const fn in_words(self) -> &'static str {
        match self {
            Unopened::Tnef => {
                "Outlook 把附件打包成了 winmail.dat，其他程序打不开。请在 Outlook 新邮件的“设置文本格式”中选“HTML”\
                 （不要选“RTF 格式”），重新附上原来的文件再发；也可以改用网页邮箱发送"
            }
            Unopened::Archive => "这种压缩包不能打开。请直接附上工作簿（.xlsx），或压缩成 .zip 再发",
            Unopened::Password => {
                "压缩包的口令与给贵单位登记的不一致（或还没有登记口令），没有打开。请核对口令后重发，或直接附上工作簿（.xlsx）"
            }
            Unopened::Damaged => "文件已损坏或不完整，打不开。请确认在本单位电脑上能打开后重发",
            Unopened::TooLarge => "文件太大，没有收取。请删去表格以外的图片和多余的工作表，或分成几封邮件发送",
            Unopened::Nothing => "邮件里没有附件。如需报送，请附上填好的工作簿（.xlsx）后重发",
        }
    }
}

const NUMBER: &str = "20261120-0008";
const RECEIVED: &str = "2026年11月20日 09:30";

impl StrangerFacts {
    pub(super) fn sample() -> StrangerFacts {
        let (received_at, number) = (RECEIVED.to_owned(), NUMBER.to_owned());
        StrangerFacts { frame: Frame::sample(), received_at, number, unproven: false }
    }
}

impl OldFormFacts {
    pub(super) fn sample() -> OldFormFacts {
        OldFormFacts {
            frame: Frame::sample(),
            recipient: "溧阳监狱".to_owned(),
            number: NUMBER.to_owned(),
            received_at: RECEIVED.to_owned(),
            file: "溧阳监狱_2027年度计划表.xlsx".to_owned(),
            year: 2027,
            versions: (1, 2),
            attachments: vec![Attached {
                name: "plan-2027.xlsx".to_owned(),
                what: "新的计划表（上次报过的项目已带入）".to_owned(),
                size: "24 KB".to_owned(),
                sha256: "0".repeat(64),
            }],
        }
    }
}

impl UnopenedFacts {
    pub(super) fn sample() -> UnopenedFacts {
        let item = |name: &str, why: Unopened| (name.to_owned(), why.in_words().to_owned());
        UnopenedFacts {
            frame: Frame::sample(),
            recipient: "溧阳监狱".to_owned(),
            number: NUMBER.to_owned(),
            received_at: RECEIVED.to_owned(),
            items: vec![item("winmail.dat", Unopened::Tnef), item("考核结果.rar", Unopened::Archive)],
        }
    }
}
