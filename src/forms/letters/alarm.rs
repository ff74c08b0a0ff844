//! The alarm letter: what has begun to be wrong, what is over, and what to do.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Frame;

/// Asia/Shanghai is ahead of UTC by so many hours, without summer time.
const ZONE_HOURS: i64 = 8;

/// One thing that is or was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmLine {
    /// What, in a word or two.
    pub title: String,
    /// What is seen.
    pub says: String,
    /// Since when.
    pub since: String,
    /// Until when; empty = it lasts.
    pub until: String,
    /// What to do.
    pub advice: String,
}

/// The letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmFacts {
    /// What every letter needs.
    pub frame: Frame,
    /// Number of the letter.
    pub number: String,
    /// What has begun.
    pub begun: Vec<AlarmLine>,
    /// What is over.
    pub ended: Vec<AlarmLine>,
    /// Whether it is sent past the queue, because the database is what is wrong.
    pub direct: bool,
}

impl AlarmLine {
    /// From what is wrong (`database`, `recipient:NAME` ...), what is seen of it, and since when.
    pub fn new(what: &str, says: &str, since: DateTime<Utc>) -> AlarmLine {
        AlarmLine {
            title: AlarmLine::title(what),
            says: says.to_owned(),
            since: instant_in_words(since),
            until: String::new(),
            advice: advice(what),
        }
    }

    /// It is over since then.
    #[must_use]
    pub fn until(mut self, at: DateTime<Utc>) -> AlarmLine {
        self.until = instant_in_words(at);
        self
    }

    /// What is wrong, in a word or two.
    pub fn title(what: &str) -> String {
        let (kind, name) = what.split_once(':').unwrap_or((what, ""));
        match kind {
            "database" => "数据库".to_owned(),
            "disk" => "磁盘".to_owned(),
            "standing" => "数据文件夹".to_owned(),
            "smtp" => "邮件".to_owned(),
            "recipient" => format!("{name}没有电子邮箱"),
            "copy" => format!("抄送对象{name}没有电子邮箱"),
            "table" => format!("还没有{name}年节假日表"),
            "bounce" => format!("退信：{name}"),
            "delivery" => format!("投递受阻 4 小时：{name}"),
            "delivery-days" => format!("投递受阻 5 天：{name}"),
            duty => duty_in_words(duty).to_owned(),
        }
    }
}

/// A duty of the daemon as the administrator calls it.
pub fn duty_in_words(duty: &str) -> &str {
    match duty {
        "collect" => "收集",
        "mailbox" => "收信",
        "calculate" => "核定",
        "remind" => "催报",
        "compile" => "汇总",
        "claim" => "申领",
        "deliver" => "投递",
        "digest" => "摘要",
        other => other,
    }
}

fn advice(what: &str) -> String {
    let (kind, name) = what.split_once(':').unwrap_or((what, ""));
    let text = match kind {
        "database" => "请检查数据库服务、网络和磁盘。恢复后程序自动接着做，不必重新启动。",
        "disk" => "请腾出空间（如清理备份、旧日志）。有空间后程序自动接着做，不要删除数据文件夹中的文件。",
        "standing" => "请检查数据文件夹的权限和磁盘。",
        "smtp" => {
            "待发的邮件都在队列中，恢复后自动发出。请检查邮件服务器和 [mail] 设置，可用 shenling delivery test 试发。"
        }
        "mailbox" => {
            "来信都在收件邮箱里，恢复后自动接着收。请检查收信服务器、网络和 [mailbox] 设置；网易、腾讯邮箱的授权码过期或重设后，须更新凭据 imap-password。"
        }
        "bounce" => {
            return format!(
                "请运行 shenling delivery show {name} 看退信的原因；改正地址后用 shenling delivery retry 重发。"
            );
        }
        "recipient" => "请在它的 [[prison]] 的 email 中填经办人的邮箱；填好之前的催报会合并为一封补发。",
        "copy" => "请在配置中填写它的 email，或把抄送改为 none。",
        "table" => {
            return format!(
                "国务院办公厅公布后，请运行 shenling calendar import {name}.toml；此前 {name} 年的日期都是暂定的。"
            );
        }
        "delivery" | "delivery-days" => {
            return format!("请运行 shenling delivery show {name} 看对方的答复；可用 retry、hold 处理。");
        }
        _ => "程序会自动再试。请看 shenling status 和日志（journalctl -u shenling）；反复出现请告知维护人员。",
    };
    text.to_owned()
}

/// `2026-11-26 08:00`, on the clock of Asia/Shanghai.
pub fn instant_in_words(at: DateTime<Utc>) -> String {
    (at.naive_utc() + TimeDelta::hours(ZONE_HOURS)).format("%Y-%m-%d %H:%M").to_string()
}

impl AlarmFacts {
    /// Invented facts.
    pub(super) fn sample() -> AlarmFacts {
        let at = |hour: i64| DateTime::from_timestamp(1_795_600_000 + hour * 3_600, 0).unwrap_or_default();
        AlarmFacts {
            frame: Frame::sample(),
            number: "20261126-080000".to_owned(),
            begun: vec![
                AlarmLine::new("smtp", "连接不上邮件服务器 smtp.example.cn:587（拒绝连接）", at(3)),
                AlarmLine::new("recipient:溧阳监狱", "溧阳监狱还有未报送的材料，又没有电子邮箱，催报发不出去", at(1)),
            ],
            ended: vec![AlarmLine::new("disk", "数据文件夹所在磁盘只剩 12 MB", at(0)).until(at(2))],
            direct: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LetterTemplates;
    use super::*;

    #[test]
    fn an_alarm_says_what_is_wrong_since_when_and_what_to_do() {
        let letter = LetterTemplates::embedded().unwrap().write("alarm", &AlarmFacts::sample()).unwrap();
        assert_eq!(letter.subject, "【告警】邮件 等2项；1项已恢复〔20261126-080000〕");
        for told in ["拒绝连接", "溧阳监狱没有电子邮箱", "shenling delivery test", "只剩 12 MB", "2026-11-25"]
        {
            assert!(letter.text.contains(told) && letter.html.contains(told), "{told}\n{}", letter.text);
        }
        let over = AlarmFacts { begun: Vec::new(), ..AlarmFacts::sample() };
        let letter = LetterTemplates::embedded().unwrap().write("alarm", &over).unwrap();
        assert_eq!(letter.subject, "【恢复】磁盘〔20261126-080000〕");
        assert!(!letter.text.contains("告警") && !letter.text.contains("\n\n\n"), "{}", letter.text);
    }
}
