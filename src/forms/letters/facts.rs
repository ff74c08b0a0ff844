//! What letters say: one type of facts per letter, ready to print, with a sample for the proofs.
//!
//! No personal data: letters travel in the clear, names and numbers stand in the encrypted attachment only.

use serde::Serialize;

/// What every letter needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// Name of the programme.
    pub programme: String,
    /// Whom to ask: the lead prison.
    pub office: String,
    /// The day on which it was written, e.g. `2026年11月20日`.
    pub dated_on: String,
}

/// An attachment as a letter names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// Its ASCII name.
    pub name: String,
    /// What it is.
    pub what: String,
    /// Its size in words.
    pub size: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// What the recipient is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// In the subject: `审核盖章`.
    pub short: String,
    /// As the last step.
    pub long: String,
}

impl Task {
    /// The task of an agency on the route (notice, sections 5 and 6).
    pub fn of(agency: &str) -> Task {
        let (short, long) = match agency {
            "bureau" => ("审核盖章", "审核附件7、附件9并盖章，连同明细转报市人力资源和社会保障局。"),
            "hrss" => ("审核公示", "审核、公示，无异议后向市财政局申请拨付资金。"),
            "justice" => ("审核", "同步审核；有意见请告知市人力资源和社会保障局。"),
            "finance" => ("拨付", "按市人力资源和社会保障局的拨付申请，将补贴资金拨付至各监狱专户。"),
            _ => ("查收", "核对后留存；有意见请告知发件单位。"),
        };
        Task { short: short.to_owned(), long: long.to_owned() }
    }
}

/// A batch of claims to an agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// Official name of the agency.
    pub recipient: String,
    /// Number of the batch.
    pub number: String,
    /// `2026年第四季度`.
    pub period: String,
    /// Persons.
    pub persons: u32,
    /// Lines.
    pub lines: u32,
    /// Sum in yuan.
    pub sum: String,
    /// What the agency is to do.
    pub task: Task,
    /// All steps, in order.
    pub steps: Vec<String>,
    /// Control totals: what and how much.
    pub totals: Vec<(String, String)>,
    /// The attachments.
    pub files: Vec<Attached>,
    /// What else to mind.
    pub notes: Vec<String>,
}

/// Figures of a batch from which its letter is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFigures {
    /// Number of the batch.
    pub number: String,
    /// `2026年第四季度`.
    pub period: String,
    /// Claim date, e.g. `2026年11月20日`.
    pub claim_on: String,
    /// Persons.
    pub persons: u32,
    /// Lines.
    pub lines: u32,
    /// Entries on the refusal list.
    pub refusals: u32,
    /// Sum in yuan.
    pub sum: String,
    /// SHA-256 over the lines.
    pub lines_sha256: String,
    /// Audit entries and head, as printed on the cover.
    pub audit: (i64, String),
}

impl BatchFacts {
    /// The letter for an agency: `recipient` is its id and its official name.
    pub fn new(frame: Frame, recipient: (&str, &str), figures: BatchFigures, files: Vec<Attached>) -> BatchFacts {
        let task = Task::of(recipient.0);
        let office = &frame.office;
        let zip = files.iter().find(|file| file.what == Attached::ENCRYPTED).map_or("", |file| file.name.as_str());
        let steps = vec![
            format!(
                "保存附件 {zip}，用 7-Zip、WinRAR、Bandizip 或 WPS 打开（Windows 自带的“压缩文件夹”打不开加密的压缩包）。"
            ),
            format!("输入解压口令。口令由{office}另行告知（电话或当面），不会写在邮件中；没有收到请与{office}联系。"),
            format!("把封面和各表与下面的控制总数核对；有一项不符就不要办理，并告知{office}。"),
            task.long.clone(),
        ];
        let BatchFigures { number, period, claim_on, persons, lines, refusals, sum, lines_sha256, audit } = figures;
        let row = |what: &str, how_much: String| (what.to_owned(), how_much);
        let totals = vec![
            row("批次号", number.clone()),
            row("申领期间", period.clone()),
            row("申领日期", claim_on),
            row("人数", format!("{persons} 人")),
            row("行数", format!("{lines} 行")),
            row("合计金额", format!("{sum} 元")),
            row("不予核定", format!("{refusals} 条")),
            row("行哈希", lines_sha256),
            row("操作记录", format!("{} 条，{}", audit.0, audit.1)),
        ];
        let notes = vec![
            "附件含个人信息，请只交经办人员，用后妥善保管，不要转发到外部邮箱。".to_owned(),
            "如收到两封批次号相同的邮件，主题标有“重发”的一封内容完全相同，只办理一次。".to_owned(),
        ];
        let recipient = recipient.1.to_owned();
        BatchFacts { frame, recipient, number, period, persons, lines, sum, task, steps, totals, files, notes }
    }

    pub(super) fn sample() -> BatchFacts {
        let figures = BatchFigures {
            number: "CZ-2026-Q4-001".to_owned(),
            period: "2026年第四季度".to_owned(),
            claim_on: "2026年11月20日".to_owned(),
            persons: 164,
            lines: 298,
            refusals: 12,
            sum: "184500.00".to_owned(),
            lines_sha256: "0".repeat(64),
            audit: (1234, "0".repeat(64)),
        };
        let file = |name: &str, what: &str| Attached {
            name: name.to_owned(),
            what: what.to_owned(),
            size: size_in_words(1_234_567),
            sha256: "0".repeat(64),
        };
        let files = vec![
            file("CZ-2026-Q4-001.zip", Attached::ENCRYPTED),
            file("CZ-2026-Q4-001-cover.pdf", "汇总封面，不含个人信息"),
        ];
        BatchFacts::new(Frame::sample(), ("bureau", "江苏省监狱管理局"), figures, files)
    }
}

impl Attached {
    /// What the encrypted packet is called.
    pub const ENCRYPTED: &'static str = "全部材料，AES-256 加密压缩包";
}

/// A letter that tries out the mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// Tells one trial from the next.
    pub number: String,
    /// Host and port.
    pub server: String,
    /// Address of the sender.
    pub sender: String,
    /// Password of its attachment, which holds nothing.
    pub password: String,
}

impl TestFacts {
    pub(super) fn sample() -> TestFacts {
        let (number, server) = ("20261120-093000".to_owned(), "smtp.example.cn:587".to_owned());
        TestFacts {
            frame: Frame::sample(),
            number,
            server,
            sender: "shenling@example.cn".to_owned(),
            password: "test2026".to_owned(),
        }
    }
}

impl Frame {
    /// For the samples.
    pub(super) fn sample() -> Frame {
        Frame {
            programme: "常州市监狱服刑人员职业技能培训补贴".to_owned(),
            office: "常州监狱".to_owned(),
            dated_on: "2026年11月20日".to_owned(),
        }
    }
}

/// `1.2 MB`, `38 KB`.
pub fn size_in_words(bytes: usize) -> String {
    const KILO: usize = 1000;
    const MEGA: usize = KILO * KILO;
    if bytes >= MEGA {
        let tenths = (bytes + MEGA / 20) / (MEGA / 10);
        return format!("{}.{} MB", tenths / 10, tenths % 10);
    }
    format!("{} KB", bytes.div_ceil(KILO))
}
