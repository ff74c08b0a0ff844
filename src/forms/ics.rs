//! An iCalendar file (RFC 5545): events -> bytes with CRLF, folded lines and the zone Asia/Shanghai.

use chrono::{DateTime, Duration, NaiveDate, Utc};

/// Octets of a line without its end (RFC 5545, 3.1).
const MAX_LINE_OCTETS: usize = 75;
/// Asia/Shanghai is UTC+8 without summer time.
const ZONE_HOURS: i64 = 8;
/// How long a timed event is shown.
const SHOWN_MINUTES: i64 = 30;

/// When an event takes place.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// A whole day.
    Day(NaiveDate),
    /// An instant.
    At(DateTime<Utc>),
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unique for ever: the same event of a later file replaces this one.
    pub uid: String,
    /// When.
    pub when: When,
    /// One line.
    pub summary: String,
    /// More lines.
    pub description: String,
    /// One word.
    pub category: String,
    /// Whether the date may still move.
    pub tentative: bool,
}

/// Writes a calendar; `stamp` is when it was made.
pub fn write(name: &str, entries: &[Entry], stamp: DateTime<Utc>) -> Vec<u8> {
    let mut out = Lines::default();
    for line in
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//shenling//rehearse//ZH", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    {
        out.line(line);
    }
    out.line(&format!("X-WR-CALNAME:{}", escaped(name)));
    for line in [
        "BEGIN:VTIMEZONE",
        "TZID:Asia/Shanghai",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0800",
        "TZOFFSETTO:+0800",
        "TZNAME:CST",
        "END:STANDARD",
        "END:VTIMEZONE",
    ] {
        out.line(line);
    }
    for entry in entries {
        out.entry(entry, stamp);
    }
    out.line("END:VCALENDAR");
    out.bytes
}

#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
}

impl Lines {
    fn entry(&mut self, entry: &Entry, stamp: DateTime<Utc>) {
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{}", escaped(&entry.uid)));
        self.line(&format!("DTSTAMP:{}", stamp.format("%Y%m%dT%H%M%SZ")));
        match entry.when {
            When::Day(day) => {
                self.line(&format!("DTSTART;VALUE=DATE:{}", day.format("%Y%m%d")));
                let end = day.succ_opt().unwrap_or(day);
                self.line(&format!("DTEND;VALUE=DATE:{}", end.format("%Y%m%d")));
            }
            When::At(at) => {
                let local = at.naive_utc() + Duration::hours(ZONE_HOURS);
                let end = local + Duration::minutes(SHOWN_MINUTES);
                self.line(&format!("DTSTART;TZID=Asia/Shanghai:{}", local.format("%Y%m%dT%H%M%S")));
                self.line(&format!("DTEND;TZID=Asia/Shanghai:{}", end.format("%Y%m%dT%H%M%S")));
            }
        }
        self.line(&format!("SUMMARY:{}", escaped(&entry.summary)));
        self.line(&format!("DESCRIPTION:{}", escaped(&entry.description)));
        self.line(&format!("CATEGORIES:{}", escaped(&entry.category)));
        self.line(if entry.tentative { "STATUS:TENTATIVE" } else { "STATUS:CONFIRMED" });
        self.line("TRANSP:TRANSPARENT");
        self.line("END:VEVENT");
    }

    /// Writes one line, folded between characters: a fold within one would garble it where octets are not joined first.
    fn line(&mut self, text: &str) {
        let mut octets = 0;
        for c in text.chars() {
            if octets + c.len_utf8() > MAX_LINE_OCTETS {
                self.bytes.extend_from_slice(b"\r\n ");
                octets = 1;
            }
            self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            octets += c.len_utf8();
        }
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// TEXT of RFC 5545, 3.3.11: no control characters but the line break, which is written out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_between_characters_and_texts_escaped() {
        let at = DateTime::from_timestamp(1_796_000_000, 0).unwrap();
        let entry = Entry {
            uid: "plan:2027:D-7@shenling".to_owned(),
            when: When::At(at),
            summary: "催报，甲;乙,丙\\丁".to_owned(),
            description: format!("{}\n第二行\u{7}", "长".repeat(60)),
            category: "催报".to_owned(),
            tentative: true,
        };
        let day = Entry { when: When::Day(NaiveDate::from_ymd_opt(2026, 12, 31).unwrap()), ..entry.clone() };
        let text = String::from_utf8(write("日程", &[entry, day], at)).unwrap();
        assert!(text.ends_with("END:VCALENDAR\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.split("\r\n").all(|line| line.len() <= MAX_LINE_OCTETS));
        let unfolded = text.replace("\r\n ", "");
        for line in [
            "SUMMARY:催报，甲\\;乙\\,丙\\\\丁",
            "DTSTART;TZID=Asia/Shanghai:20261130T",
            "DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101",
            "长\\n第二行 \r\n",
            "STATUS:TENTATIVE",
        ] {
            assert!(unfolded.contains(line), "{line} in\n{unfolded}");
        }
    }
}
