//! Kill -9 at every point that a mail passes, and two at once: each mail is taken once and answered once.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::Signal;
use sqlx::{Connection, PgConnection};

use super::{CLERK, Letterbox, PASSWORD, answers, at, connected, dump, folder, mail, results};
use crate::daemon::{Running, command, log, set, until};
use crate::mail::opened::open;
use crate::mail::peer::{Hello, Peer};
use crate::mail::{letter, queue};
use crate::support::{self, Folder};

const POINTS: &[&str] = &[
    "store.keep-mail.before-commit",
    "store.keep-mail.after-commit",
    "store.complete-parts.before-commit",
    "store.complete-parts.after-commit",
    "store.keep-original.before-commit",
    "store.keep-original.after-commit",
    "collect.kept",
    "store.take-in.before-commit",
    "store.take-in.after-commit",
    "store.end-mail.before-commit",
    "store.end-mail.after-commit",
    "store.end-unmatched.before-commit",
    "store.end-unmatched.after-commit",
    "collect.mail-ended",
];

fn collect(folder: &Folder, kill_at: Option<&str>) -> Option<i32> {
    let mut command = folder.command(&["--now", &at("09:00"), "once", "collect"]);
    if let Some(point) = kill_at {
        command.env("SHENLING_KILL_AT", point);
    }
    command.output().unwrap().status.code()
}

/// A locked archive; its salt is another one whenever it is made.
static LOCKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    shenling::forms::papers::pack(&[("c.csv", &results(8..9, None))], PASSWORD, chrono::DateTime::UNIX_EPOCH).unwrap()
});

fn mails() -> Vec<Vec<u8>> {
    let (one, two) = (results(1..4, Some(4)), results(5..8, None));
    vec![
        mail(CLERK, "killed@jail", "考核结果", &[("a.csv", &one), ("c.zip", &LOCKED), ("b.csv", &two)]),
        mail("who@elsewhere.test", "killed@else", "考核结果", &[("a.csv", &results(1..4, None))]),
        b"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.test\r\nMessage-ID: <killed@dsn>\r\nSubject: failure notice\r\n\r\nno@x.test\r\n".to_vec(),
    ]
}

fn put_all(letterbox: &Letterbox) {
    for raw in mails() {
        letterbox.put(&raw);
    }
}

#[test]
fn a_kill_at_any_point_takes_a_mail_once_and_answers_it_once() {
    let Some(first) = Letterbox::one() else { return };
    let peer = Peer::new(Hello::Bare, &[]);
    let seed = folder(&first, peer.port);
    let undisturbed = seed.copy();
    put_all(&first);
    assert_eq!(collect(&undisturbed, None), Some(1));
    let wanted = dump(&undisturbed);
    assert_eq!(wanted.matches("\nletter ").count() + usize::from(wanted.starts_with("letter ")), 2, "{wanted}");
    for point in POINTS {
        for pass in 1..=2 {
            let letterbox = Letterbox::one().unwrap();
            let folder = connected(seed.copy(), &letterbox);
            put_all(&letterbox);
            let killed = collect(&folder, Some(&format!("{point}@{pass}")));
            if pass == 1 {
                assert_eq!(killed, None, "{point} was not passed");
            }
            collect(&folder, None);
            assert_eq!(dump(&folder), wanted, "{point}@{pass}");
            assert_eq!(letterbox.waiting(), 0, "{point}@{pass}");
            folder.expect(0, &["audit", "verify"]);
        }
    }
    assert_eq!(answers(&undisturbed, &peer, "09:01").len(), 2);
}

/// The report on a letter of ours: killed while it is entered.
#[test]
fn a_kill_while_a_bounce_is_entered_changes_nothing() {
    let Some(letterbox) = Letterbox::one() else { return };
    let peer = Peer::new(Hello::Bare, &[]);
    let seed = folder(&letterbox, peer.port);
    let mut new = letter("remind:1", &[]);
    new.cc = vec![];
    queue(&seed, &[new], &at("08:00"));
    assert_eq!(answers(&seed, &peer, "08:00").len(), 1);
    let raw =
        b"From: postmaster@example.cn\r\nMessage-ID: <w@dsn>\r\nSubject: failure notice\r\n\r\nto clerk@example.cn\r\n";
    letterbox.put(raw);
    let undisturbed = seed.copy();
    assert_eq!(collect(&undisturbed, None), Some(0));
    for point in ["store.end-bounce.before-commit", "store.end-bounce.after-commit"] {
        let letterbox = Letterbox::one().unwrap();
        let folder = connected(seed.copy(), &letterbox);
        letterbox.put(raw);
        assert_eq!(collect(&folder, Some(point)), None);
        collect(&folder, None);
        assert_eq!(dump(&folder), dump(&undisturbed), "{point}");
    }
}

#[test]
fn two_at_once_take_each_mail_once() {
    let Some(letterbox) = Letterbox::one() else { return };
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&letterbox, peer.port);
    for n in 0..5 {
        letterbox.put(&mail(CLERK, &format!("both{n}@jail"), "考核结果", &[("r.csv", &results(n..n + 1, None))]));
    }
    let both: Vec<_> =
        (0..2).map(|_| folder.command(&["--now", &at("09:00"), "once", "collect"]).spawn().unwrap()).collect();
    for mut one in both {
        one.wait().unwrap();
    }
    collect(&folder, None);
    assert_eq!(letterbox.waiting(), 0);
    assert_eq!(folder.json(0, &["status"])["assessments"], 5);
    let replies = answers(&folder, &peer, "09:01");
    assert_eq!(replies.len(), 5);
    assert!(replies.iter().all(|reply| reply.headers["subject"].contains("收下 1 行")), "{replies:?}");
    folder.expect(0, &["audit", "verify"]);
}

/// Two daemons share the database and the mailbox: each mail is taken once, answered once and moved once.
#[test]
fn two_daemons_on_one_mailbox_answer_each_mail_once() {
    let (Some(base), Some(letterbox)) = (support::postgres(), Letterbox::one()) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let administer = |sql: String| {
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&base).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    };
    let database = format!("inbox_{}", std::process::id());
    administer(format!("CREATE DATABASE {database}"));
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&letterbox, peer.port);
    set(&folder, &[("url", &format!("{}/{database}", base.rsplit_once('/').unwrap().0))]);
    set(&folder, &[("collect", "0 3 * * *"), ("calculate", ""), ("claim", ""), ("remind", ""), ("compile", "")]);
    set(&folder, &[("digest", ""), ("mailbox", "* * * * * *"), ("deliver", "* * * * * *")]);
    let mut daemons = [(); 2].map(|()| Running(command(&folder).spawn().unwrap()));
    for n in 0..5 {
        letterbox.put(&mail(CLERK, &format!("shared{n}@jail"), "考核结果", &[("r.csv", &results(n..n + 1, None))]));
        std::thread::sleep(Duration::from_millis(400));
    }
    let messages = || -> BTreeSet<String> {
        peer.arrived().iter().map(|arrived| open(&arrived.raw).headers["message-id"].clone()).collect()
    };
    until("the answers", || (messages().len() == 5 && letterbox.waiting() == 0).then_some(()));
    for daemon in &mut daemons {
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end(), Some(0), "{}", log(&folder));
    }
    assert_eq!((peer.arrived().len(), folder.json(0, &["status"])["assessments"].as_u64()), (5, Some(5)));
    assert!((0..5).all(|n| letterbox.moved(&format!("shared{n}@jail")) == (1, 0)));
    folder.expect(0, &["audit", "verify"]);
    administer(format!("DROP DATABASE {database}"));
}
