//! Letters through the mail door: several connections take from one list; each mail is recorded by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use fail::fail_point;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::super::StageError;
use super::{Answer, Delivered, Door, MailDoor, Report, Watch, delivered, put};
use crate::forms::letters::size_in_words;
use crate::outbox::mime::{self, Mail, Written};
use crate::outbox::smtp::{Line, Post};
use crate::store::{Delivery, Lease, Letter, MailPlan, PacketFile, PlannedMail, Store};

/// Pause after the first failure; doubles with each, up to the last (Postfix's 300 to 4000 s).
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(5);
const LAST_PAUSE: TimeDelta = TimeDelta::minutes(67);
/// The minute of the limit per domain.
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// After how long a letter is due again that failed so often before.
pub(super) fn pause_after(failures: u32) -> TimeDelta {
    FIRST_PAUSE.checked_mul(1 << failures.min(8)).map_or(LAST_PAUSE, |pause| pause.min(LAST_PAUSE))
}

/// What the connections share.
struct Counter {
    store: Store,
    door: Door,
    mail: MailDoor,
    post: Arc<Post>,
    watch: Watch,
    waiting: Mutex<VecDeque<Delivery>>,
    pace: Mutex<BTreeMap<String, u32>>,
    shut: AtomicBool,
}

/// Sends letters over several connections until none is left, the door is shut, or the run has taken long enough.
pub(super) async fn send(
    store: &Store,
    door: &Door,
    mail: &MailDoor,
    letters: Vec<Delivery>,
    watch: Watch,
    report: &mut Report,
) -> Result<(), StageError> {
    if letters.is_empty() {
        return Ok(());
    }
    let post = match Post::new(mail.server.clone()) {
        Ok(post) => Arc::new(post),
        Err(why) => {
            warn!(why, "mail cannot be sent");
            report.waiting = letters.len();
            report.trouble = Some(why);
            return Ok(());
        }
    };
    let mut pace = BTreeMap::new();
    for domains in store.domains_since(watch.now - MINUTE).await? {
        for domain in domains.split(' ') {
            *pace.entry(domain.to_owned()).or_default() += 1;
        }
    }
    let connections = mail.connections.min(u32::try_from(letters.len()).unwrap_or(u32::MAX));
    let counter = Arc::new(Counter {
        store: store.clone(),
        door: door.clone(),
        mail: mail.clone(),
        post,
        watch,
        waiting: Mutex::new(letters.into()),
        pace: Mutex::new(pace),
        shut: AtomicBool::new(false),
    });
    let mut lines = JoinSet::new();
    for _ in 0..connections {
        lines.spawn(Arc::clone(&counter).serve());
    }
    while let Some(served) = lines.join_next().await {
        let (delivered, waiting) = served.map_err(|error| StageError::Broken(error.to_string()))??;
        report.delivered.extend(delivered);
        report.waiting += waiting;
    }
    report.waiting += counter.waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
    Ok(())
}

impl Counter {
    /// One connection: takes letters until it must stop. Second: letters that must wait for the minute to pass.
    async fn serve(self: Arc<Self>) -> Result<(Vec<Delivered>, usize), StageError> {
        let mut line = Line::new(Arc::clone(&self.post));
        let (mut done, mut waiting) = (Vec::new(), 0);
        while let Some(due) = self.next() {
            let Some(letter) = self.store.letter(due.id).await? else { continue };
            if !self.admits(&addressed(&letter)) {
                waiting += 1;
                continue;
            }
            let files = self.store.packet(due.id).await?.unwrap_or_default();
            let plan = self.plan(&letter, &files);
            let now = self.watch.at();
            let leased = self.store.lease_letter(due.id, &plan, now + self.door.lease, now).await?;
            let Some((lease, mails)) = leased else { continue };
            let answer = self.letter(&mut line, &lease, &letter, &files, &mails).await?;
            done.push(delivered(&lease.delivery, answer));
        }
        line.hang_up().await;
        Ok((done, waiting))
    }

    fn next(&self) -> Option<Delivery> {
        // A run ends while the leases that it took still hold; what is left is due at the next one.
        let long_enough = self.watch.elapsed() > self.door.lease.to_std().unwrap_or_default();
        let stops = self.door.stopping.load(Ordering::Relaxed);
        if self.shut.load(Ordering::SeqCst) || long_enough || stops {
            return None;
        }
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Whether these domains may get one more mail within the minute; counts it if so.
    fn admits(&self, domains: &BTreeSet<String>) -> bool {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |domain| pace.get(domain).copied().unwrap_or_default() >= self.mail.per_domain_per_minute;
        if domains.iter().any(full) {
            return false;
        }
        for domain in domains {
            *pace.entry(domain.clone()).or_default() += 1;
        }
        true
    }

    /// Which attachments go into which mail: in order, as many as fit; what fits into none stays in the folder.
    fn plan(&self, letter: &Letter, files: &[PacketFile]) -> Vec<MailPlan> {
        let domain = self.mail.from.1.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let room = self.mail.max_message_bytes;
        let bare = mime::bytes_without_attachments(&letter.words.text, &letter.words.html);
        let mut mails = vec![(bare, Vec::new())];
        let mut left_out = Vec::new();
        for (position, file) in (0_u32..).zip(files) {
            let bytes = mime::bytes_of_attachment(file.bytes.len());
            if bare + bytes > room {
                left_out.push(position);
                continue;
            }
            if let Some((filled, carried)) = mails.last_mut().filter(|(filled, _)| filled + bytes <= room) {
                *filled += bytes;
                carried.push(position);
            } else {
                mails.push((bare + bytes, vec![position]));
            }
        }
        let plan = |(number, (_, files)): (u32, (usize, Vec<u32>))| MailPlan {
            from: self.mail.from.clone(),
            message_id: format!("{}.{number}@{domain}", letter.message_id),
            files,
            left_out: if number == 1 { left_out.clone() } else { Vec::new() },
        };
        (1..).zip(mails).map(plan).collect()
    }

    /// Every mail of a letter that the server does not have yet.
    async fn letter(
        &self,
        line: &mut Line,
        lease: &Lease,
        letter: &Letter,
        files: &[PacketFile],
        mails: &[PlannedMail],
    ) -> Result<Answer, StageError> {
        let until = self.watch.at() + self.door.lease;
        let domains = addressed(letter);
        let place = place(lease, letter);
        if let Err(answer) = self.leave_out(lease, &place, files, mails).await? {
            return self.record(lease, 0, answer).await;
        }
        let open: Vec<&PlannedMail> = mails.iter().filter(|mail| mail.accepted_at.is_none()).collect();
        if open.is_empty() {
            // The last one was accepted after its lease had run out.
            let words = "服务器已全部收下";
            self.store.finish_delivery(lease, words, None, self.watch.at()).await?;
            return Ok(Answer::Accepted(words.to_owned()));
        }
        let mut last = Answer::Accepted(String::new());
        for (nth, mail) in open.into_iter().enumerate() {
            let time_left = self.watch.at() + mail_time(&self.mail) <= until;
            if nth > 0 && !(time_left && self.admits(&domains)) {
                let again = self.watch.at() + MINUTE;
                self.store.pause_delivery(lease, "其余的稍后继续发送", again, self.watch.at()).await?;
                return Ok(Answer::TryLater("这封信分几封发，其余的稍后继续发送".to_owned()));
            }
            let answer = match write(letter, files, mails, mail, &place) {
                Ok(written) => line.send(&written).await,
                Err(why) => Answer::Refused(why),
            };
            let Answer::Accepted(words) = &answer else { return self.record(lease, mail.number, answer).await };
            fail_point!("deliver.mail-sent");
            let spaced = domains.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            self.store.accept_mail(lease, mail.number, &spaced, words, self.watch.at()).await?;
            let (key, recipient) = (&lease.delivery.key, &lease.delivery.recipient);
            info!(key, recipient, number = mail.number, of = mails.len(), resend = mail.again, "mail accepted");
            last = answer;
        }
        Ok(last)
    }

    /// Puts attachments that no mail can carry into the folder; the letter says where.
    async fn leave_out(
        &self,
        lease: &Lease,
        place: &(String, String),
        files: &[PacketFile],
        mails: &[PlannedMail],
    ) -> Result<Result<(), Answer>, StageError> {
        let large: Vec<PacketFile> =
            mails.iter().flat_map(|mail| chosen(files, &mail.plan.left_out)).cloned().collect();
        if large.is_empty() {
            return Ok(Ok(()));
        }
        let answer = put(&self.door.outbox, &place.0, &place.1, large).await?;
        info!(key = lease.delivery.key, "attachments too large for mail are in the folder");
        Ok(if matches!(answer, Answer::Accepted(_)) { Ok(()) } else { Err(answer) })
    }

    /// Records an attempt that did not end well.
    async fn record(&self, lease: &Lease, mail: u32, answer: Answer) -> Result<Answer, StageError> {
        let at = self.watch.at();
        let (key, recipient) = (&lease.delivery.key, &lease.delivery.recipient);
        let unclear = matches!(answer, Answer::Unclear(_)).then_some(mail);
        match &answer {
            Answer::Refused(why) => {
                self.store.set_delivery_aside(lease, why, at).await?;
                warn!(key, recipient, why, "letter refused, a person must look");
            }
            Answer::TryLater(why) | Answer::Unclear(why) | Answer::Shut(why) | Answer::Accepted(why) => {
                let again = at + pause_after(lease.delivery.failures);
                self.store.postpone_delivery(lease, why, unclear, again, at).await?;
                if matches!(answer, Answer::Shut(_)) {
                    self.shut.store(true, Ordering::SeqCst);
                }
                warn!(key, recipient, why, again = %again.to_rfc3339(), "letter not sent, tried again later");
            }
        }
        Ok(answer)
    }
}

/// How long one mail can take: to open the connection, twice where it was stale, and to hand it over.
fn mail_time(mail: &MailDoor) -> TimeDelta {
    TimeDelta::from_std(mail.server.patience * 2).unwrap_or(TimeDelta::MAX)
}

fn addressed(letter: &Letter) -> BTreeSet<String> {
    mime::domains(letter.words.to.iter().chain(&letter.words.cc))
}

/// Where attachments lie that are too large for mail: folder of the recipient, and of the letter in it.
fn place(lease: &Lease, letter: &Letter) -> (String, String) {
    let Delivery { recipient, batch, .. } = &lease.delivery;
    let letter = letter.message_id.chars().take(12).collect::<String>();
    (recipient.replace(['/', '\\'], "_"), batch.clone().unwrap_or_else(|| format!("letter-{letter}")))
}

fn chosen<'a>(files: &'a [PacketFile], positions: &'a [u32]) -> impl Iterator<Item = &'a PacketFile> {
    positions.iter().filter_map(|position| files.get(usize::try_from(*position).ok()?))
}

/// One mail of a letter, with what there is to say about the other ones.
fn write(
    letter: &Letter,
    files: &[PacketFile],
    mails: &[PlannedMail],
    mail: &PlannedMail,
    place: &(String, String),
) -> Result<Written, String> {
    let words = &letter.words;
    let (number, count) = (mail.number, mails.len());
    let carried: Vec<&PacketFile> = chosen(files, &mail.plan.files).collect();
    let mut notes = Vec::new();
    let mut subject = words.subject.clone();
    if count > 1 {
        let names: Vec<&str> = carried.iter().map(|file| file.name.as_str()).collect();
        let names = if names.is_empty() { "没有附件".to_owned() } else { format!("附件 {}", names.join("、")) };
        subject = format!("{subject}（第{number}封/共{count}封）");
        notes.push(format!("附件较大，分 {count} 封发送。这是第 {number} 封，{names}；请收齐 {count} 封后再办理。"));
    }
    for file in mails.iter().flat_map(|mail| chosen(files, &mail.plan.left_out)) {
        let size = size_in_words(file.bytes.len());
        notes.push(format!(
            "附件 {}（{size}）超过邮件大小上限，没有随邮件发送，已放入发件单位的发件文件夹 {}/{}，请与发件单位联系领取。",
            file.name, place.0, place.1
        ));
    }
    let attachments: Vec<(&str, &[u8])> =
        carried.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
    let (text, html) = noted(&words.text, &words.html, &notes);
    mime::write(&Mail {
        from_name: &mail.plan.from.0,
        from: &mail.plan.from.1,
        to: &words.to,
        cc: &words.cc,
        subject: &subject,
        dated_at: letter.dated_at,
        message_id: &mail.plan.message_id,
        text: &text,
        html: &html,
        attachments: &attachments,
        resend: mail.again,
    })
}

/// The bodies with notes at the top; the templates know nothing of them.
fn noted(text: &str, html: &str, notes: &[String]) -> (String, String) {
    if notes.is_empty() {
        return (text.to_owned(), html.to_owned());
    }
    let (mut plain, mut boxed) = (String::new(), String::new());
    for note in notes {
        // Writing to a String cannot fail.
        let _ = writeln!(plain, "【{note}】");
        let _ = write!(boxed, "<p style=\"margin:0 0 4px;\">{note}</p>");
    }
    let boxed = format!(
        "<div style=\"box-sizing:border-box;max-width:640px;margin:16px auto 0;padding:12px 24px;background:#fff4d6;border:1px solid #e0b84c;\
         font-family:'Microsoft YaHei','PingFang SC','Noto Sans CJK SC','Noto Serif CJK SC',sans-serif;font-size:15px;line-height:1.6;color:#4a3a0a;\">{boxed}</div>"
    );
    let body = html.find("<body").and_then(|at| html[at..].find('>').map(|end| at + end + 1)).unwrap_or(0);
    (format!("{plain}\n{text}"), format!("{}{boxed}{}", &html[..body], &html[body..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_five_to_sixty_seven_minutes() {
        let minutes: Vec<i64> = (0..7).map(|failures| pause_after(failures).num_minutes()).collect();
        assert_eq!(minutes, [5, 10, 20, 40, 67, 67, 67]);
        assert_eq!(pause_after(u32::MAX), LAST_PAUSE);
    }

    #[test]
    fn notes_stand_at_the_top_of_both_bodies() {
        let (text, html) = noted("正文", "<html><body class=\"x\"><p>正文</p>", &["甲".to_owned()]);
        assert_eq!(text, "【甲】\n\n正文");
        assert!(html.starts_with("<html><body class=\"x\"><div style="), "{html}");
        assert_eq!(noted("正文", "<p>", &[]), ("正文".to_owned(), "<p>".to_owned()));
    }
}
