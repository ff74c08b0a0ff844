//! Letters through the mail door: several connections take from one list; each mail is on record before the next one of
//! its connection is offered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use fail::fail_point;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::super::StageError;
use super::clerk::Clerk;
use super::mails::{addressed, chosen, place, plan, write};
use super::{Answer, Delivered, Door, MailDoor, Report, Watch, delivered, put};
use crate::outbox::smtp::{Line, Post, Refusals};
use crate::store::{Delivery, Entry, Lease, Letter, MailPlan, PacketFile, PlannedMail, Refusal, Store, Taken, Wanted};

/// Pause after the first failure; doubles with each, up to the last (Postfix's 300 to 4000 s).
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(5);
const LAST_PAUSE: TimeDelta = TimeDelta::minutes(67);
/// What becomes of a letter that another process took over meanwhile.
const LEASE_LOST: &str = "已由另一个进程接手";
/// The minute of the limit per domain.
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// After how long a letter is due again that failed so often before.
pub(super) fn pause_after(failures: u32) -> TimeDelta {
    FIRST_PAUSE.checked_mul(1 << failures.min(8)).map_or(LAST_PAUSE, |pause| pause.min(LAST_PAUSE))
}

/// What the connections share.
struct Counter {
    store: Store,
    clerk: Clerk,
    door: Door,
    mail: MailDoor,
    post: Arc<Post>,
    watch: Watch,
    waiting: Mutex<VecDeque<Delivery>>,
    pace: Mutex<BTreeMap<String, u32>>,
    shut: AtomicBool,
}

/// A letter that is to be sent next: read, planned, not yet leased.
struct Chosen {
    due: Delivery,
    letter: Letter,
    files: Vec<PacketFile>,
    plan: Vec<MailPlan>,
}

/// What one connection did.
#[derive(Default)]
struct Served {
    delivered: Vec<Delivered>,
    /// Letters that must wait for the minute to pass.
    waiting: usize,
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
    let post = match mail.server.clone().and_then(Post::new) {
        Ok(post) => Arc::new(post),
        Err(why) => {
            warn!(why, "mail cannot be sent");
            report.waiting = letters.len();
            report.trouble = Some(why);
            return Ok(());
        }
    };
    if letters.is_empty() {
        return Ok(());
    }
    let mut pace = BTreeMap::new();
    for domains in store.domains_since(watch.now - MINUTE).await? {
        for domain in domains.split(' ') {
            *pace.entry(domain.to_owned()).or_default() += 1;
        }
    }
    let connections = mail.connections.min(u32::try_from(letters.len()).unwrap_or(u32::MAX));
    let counter = Arc::new(Counter {
        store: store.clone(),
        clerk: Clerk::new(store.clone()),
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
        let served = served.map_err(|error| StageError::Broken(error.to_string()))??;
        report.delivered.extend(served.delivered);
        report.waiting += served.waiting;
    }
    report.waiting += counter.waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
    Ok(())
}

impl Counter {
    /// One connection: takes letters until it must stop. What the server took and what comes next go on record together,
    /// and only then the next one is offered; it was read before, so that nothing is done between the 250 and the record.
    async fn serve(self: Arc<Self>) -> Result<Served, StageError> {
        let (mut line, mut served, mut taken) = (Line::new(Arc::clone(&self.post)), Served::default(), None);
        let mut next = self.choose(&mut served).await;
        loop {
            if !self.goes_on() {
                next = next.map(|chosen| self.give_back(chosen));
            }
            let at = self.watch.at();
            let wanted = next.as_ref().ok().and_then(Option::as_ref).map(|chosen| Wanted {
                id: chosen.due.id,
                plan: chosen.plan.clone(),
                until: at + self.door.lease,
            });
            if taken.is_none() && wanted.is_none() {
                break;
            }
            let leased = self.clerk.enter(Entry { taken: taken.take(), wanted, at }).await?;
            let chosen = next?;
            next = self.choose(&mut served).await;
            if let (Some(mut chosen), Some((lease, mails))) = (chosen, leased) {
                // A person may have given it other addresses since it was read; from the lease on nobody can.
                chosen.letter = self.store.letter(chosen.due.id).await?.unwrap_or(chosen.letter);
                let (answer, last) = self.letter(&mut line, &lease, &mut chosen, &mails, &mut served).await?;
                served.delivered.push(delivered(&lease.delivery, answer));
                taken = last;
            }
        }
        line.hang_up().await;
        next.map(|_| served)
    }

    /// Whether more letters may be begun. A run ends while the leases that it took still hold; what is left is due at the
    /// next one.
    fn goes_on(&self) -> bool {
        let long_enough = self.watch.elapsed() > self.door.lease.to_std().unwrap_or_default();
        let stops = self.door.stopping.load(Ordering::Relaxed);
        !self.shut.load(Ordering::SeqCst) && !long_enough && !stops
    }

    /// Reads the next letter that may leave within this minute.
    async fn choose(&self, served: &mut Served) -> Result<Option<Chosen>, StageError> {
        while self.goes_on() {
            let Some(due) = self.take() else { break };
            let Some(letter) = self.store.letter(due.id).await? else { continue };
            if !self.admits(&addressed(&letter)) {
                served.waiting += 1;
                continue;
            }
            let files = self.store.packet(due.id).await?.unwrap_or_default();
            let plan = plan(&self.mail, &letter, &files);
            return Ok(Some(Chosen { due, letter, files, plan }));
        }
        Ok(None)
    }

    fn take(&self) -> Option<Delivery> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn give_back(&self, chosen: Option<Chosen>) -> Option<Chosen> {
        let due = chosen.map(|chosen| chosen.due);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(due);
        None
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

    /// Every mail of a letter that the server does not have yet. The last one that it takes is left to be entered.
    async fn letter(
        &self,
        line: &mut Line,
        lease: &Lease,
        chosen: &mut Chosen,
        mails: &[PlannedMail],
        served: &mut Served,
    ) -> Result<(Answer, Option<Taken>), StageError> {
        let until = self.watch.at() + self.door.lease;
        let Chosen { letter, files, .. } = chosen;
        let place = place(lease, letter);
        if let Err(answer) = self.leave_out(lease, &place, files, mails).await? {
            return Ok((self.record(lease, 0, answer).await?, None));
        }
        let open: Vec<&PlannedMail> = mails.iter().filter(|mail| mail.accepted_at.is_none()).collect();
        let mut last: Option<Taken> = None;
        for mail in open {
            if let Some(taken) = last.take() {
                let at = self.watch.at();
                self.clerk.enter(Entry { taken: Some(taken), wanted: None, at }).await?;
                let time_left = at + mail_time(&self.post) <= until;
                if !(time_left && self.admits(&addressed(letter))) {
                    self.store.pause_delivery(lease, "其余的稍后继续发送", at + MINUTE, at).await?;
                    return Ok((Answer::TryLater("这封信分几封发，其余的稍后继续发送".to_owned()), None));
                }
            }
            let answer = loop {
                let sent = match write(letter, files, mails, mail, &place) {
                    Ok(written) => line.send(&written).await,
                    Err(why) => Ok(Answer::Refused(why)),
                };
                match sent {
                    Ok(answer) => break answer,
                    Err(refusals) => match self.part(lease, letter, refusals).await? {
                        Some(parted) => served.delivered.push(parted),
                        None => break Answer::TryLater(LEASE_LOST.to_owned()),
                    },
                }
            };
            let Answer::Accepted(words) = answer else {
                return Ok((self.record(lease, mail.number, answer).await?, None));
            };
            fail_point!("deliver.mail-sent");
            let (key, recipient) = (&lease.delivery.key, &lease.delivery.recipient);
            info!(key, recipient, number = mail.number, of = mails.len(), resend = mail.again, "mail accepted");
            let domains = addressed(letter).into_iter().collect::<Vec<_>>().join(" ");
            last = Some(Taken { lease: lease.clone(), number: mail.number, domains, answer: words });
        }
        let Some(taken) = last else {
            // The last one was accepted after its lease had run out.
            let words = "服务器已全部收下";
            self.store.finish_delivery(lease, words, None, self.watch.at()).await?;
            return Ok((Answer::Accepted(words.to_owned()), None));
        };
        Ok((Answer::Accepted(taken.answer.clone()), Some(taken)))
    }

    /// Parts a letter of which nothing has left: who was refused gets a letter that waits for a person, the others get
    /// this one. `None`: another process has the letter.
    async fn part(
        &self,
        lease: &Lease,
        letter: &mut Letter,
        refusals: Refusals,
    ) -> Result<Option<Delivered>, StageError> {
        let refused: Vec<Refusal> = refusals.0.into_iter().map(|(address, words)| Refusal { address, words }).collect();
        let parted = self.store.part_letter(lease, &letter.words, &refused, self.watch.at()).await?;
        let Some((words, key)) = parted else { return Ok(None) };
        letter.words = words;
        let said: Vec<String> = refused.iter().map(|one| format!("{}：{}", one.address, one.words)).collect();
        let (of, why) = (&lease.delivery.key, said.join("；"));
        warn!(of, key, why, "addresses refused, a person must look; the letter goes to the others");
        Ok(Some(Delivered { key, resend: false, ..delivered(&lease.delivery, Answer::Refused(why)) }))
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
fn mail_time(post: &Post) -> TimeDelta {
    TimeDelta::from_std(post.patience() * 2).unwrap_or(TimeDelta::MAX)
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
}
