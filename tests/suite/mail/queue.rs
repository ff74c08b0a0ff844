//! The queue: what is tried again and when, what waits for a person, what is marked 重发, what is raised as an alarm.

use serde_json::Value;

use super::opened::{Opened, open};
use super::peer::{Hello, Peer, Play};
use super::{at, deliver, folder, letter, queue, set, shown};
use crate::support::Folder;

const BECAUSE: [&str; 4] = ["--reason", "对方说没有收到", "--by", "某经办"];

fn opened(peer: &Peer) -> Vec<Opened> {
    peer.arrived().iter().map(|mail| open(&mail.raw)).collect()
}

/// The raw mail without what the mark changes.
pub fn unmarked(raw: &str) -> String {
    let (mut out, mut in_subject) = (String::new(), false);
    for line in raw.split_inclusive("\r\n") {
        in_subject = line.starts_with("Subject:") || (in_subject && line.starts_with(' '));
        if !in_subject && !line.starts_with("X-Shenling-Resend:") {
            out.push_str(line);
        }
    }
    out
}

/// The second mail is the first one, marked.
fn is_the_same_marked(peer: &Peer) {
    let (raw, mails) = (peer.arrived(), opened(peer));
    assert_eq!(raw.len(), 2);
    assert_eq!(unmarked(&raw[0].raw), unmarked(&raw[1].raw), "byte by byte");
    assert_eq!(mails[1].headers["subject"], format!("【重发】{}", mails[0].headers["subject"]));
    assert!(!mails[0].headers.contains_key("x-shenling-resend"));
}

fn decide(folder: &Folder, code: i32, arguments: &[&str]) -> String {
    let now = at("12:00");
    let (found, _, err) = folder.run(&[&["--now", &now, "delivery"], arguments, &BECAUSE[..]].concat());
    assert_eq!(found, code, "{arguments:?}\n{err}");
    err
}

#[test]
fn a_temporary_refusal_is_tried_again_after_5_10_20_40_and_67_minutes() {
    let peer = Peer::new(Hello::Bare, &[Play::Rcpt("451 try later"), Play::Data("452 full"), Play::Mail("450 no")]);
    let folder = folder(&peer);
    queue(&folder, &[letter("remind:1", &[])], &at("09:00"));
    let due = |folder: &Folder| shown(folder, "remind:1")["due_at"].as_str().unwrap()[11..16].to_owned();
    let said = deliver(&folder, 1, "09:00");
    assert_eq!((said[0]["state"].as_str(), said[0]["says"].as_str()), (Some("due"), Some("451 try later")));
    assert_eq!(due(&folder), "09:05");
    assert_eq!(deliver(&folder, 0, "09:04"), serde_json::json!([]), "not before its time, though a person asks");
    deliver(&folder, 1, "09:06");
    assert_eq!(due(&folder), "09:16");
    deliver(&folder, 1, "09:17");
    assert_eq!(due(&folder), "09:37");
    deliver(&folder, 0, "09:38");
    let last = opened(&peer).pop().unwrap();
    assert_eq!(last.headers["subject"], "请报送计划 remind:1", "every answer was clear: not marked");
    assert_eq!(shown(&folder, "remind:1")["failures"], 0);
}

#[test]
fn a_refusal_for_good_waits_for_a_person_with_the_servers_words() {
    let peer = Peer::new(Hello::Bare, &[Play::Rcpt("550 5.1.1 user unknown in this domain")]);
    let folder = folder(&peer);
    queue(&folder, &[letter("remind:1", &[]), letter("remind:2", &[])], &at("09:00"));
    let said = deliver(&folder, 1, "09:01");
    let states: Vec<&str> = said.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"aside") && states.contains(&"done"), "{said}");
    let listed = folder.json(1, &["delivery", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["says"], "550 5.1.1 user unknown in this domain");
    assert_eq!(deliver(&folder, 0, "10:00"), serde_json::json!([]), "not without a person");
    let id = listed[0]["id"].to_string();
    decide(&folder, 0, &["retry", &id, "--to", "right@example.cn"]);
    deliver(&folder, 0, "12:01");
    let mails = peer.arrived();
    assert_eq!(mails.last().unwrap().to, ["right@example.cn", "chief@example.org"]);
    assert!(!open(&mails.last().unwrap().raw).headers["subject"].contains("重发"), "it never arrived");
    let decisions = shown(&folder, &id)["decisions"].clone();
    assert_eq!((decisions[0]["act"].as_str(), decisions[0]["by"].as_str()), (Some("retry"), Some("某经办")));
    assert_eq!(folder.json(0, &["audit", "verify"])["faults"], serde_json::json!([]));
}

#[test]
fn an_address_that_is_refused_for_good_keeps_the_letter_from_nobody_else() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&peer);
    let mut new = letter("remind:1", &[3000]);
    new.to = vec!["nobody@example.cn".to_owned(), "clerk@example.cn".to_owned()];
    queue(&folder, &[new], &at("09:00"));
    let said = deliver(&folder, 1, "09:01");
    let of = |n: usize, what: &str| said[n][what].as_str().unwrap().to_owned();
    assert_eq!((of(0, "state"), of(1, "state")), ("aside".to_owned(), "done".to_owned()), "{said}");
    assert_eq!(of(0, "says"), "nobody@example.cn：550 5.1.1 no such user");
    let arrived = peer.arrived();
    assert_eq!(arrived.len(), 1, "once");
    assert_eq!(arrived[0].to, ["clerk@example.cn", "chief@example.org"]);
    assert_eq!(open(&arrived[0].raw).headers["to"], "clerk@example.cn");
    let listed = folder.json(1, &["delivery", "list"]);
    assert_eq!((listed.as_array().unwrap().len(), listed[0]["state"].as_str()), (1, Some("aside")));
    let refused = shown(&folder, "remind:1")["decisions"][0].clone();
    assert_eq!((refused["act"].as_str(), refused["by"].as_str()), (Some("refused"), Some("邮件服务器")));
    assert_eq!(deliver(&folder, 0, "10:00"), serde_json::json!([]), "not without a person");
    decide(&folder, 0, &["retry", &listed[0]["id"].to_string(), "--to", "right@example.cn"]);
    deliver(&folder, 0, "12:01");
    let last = peer.arrived().pop().unwrap();
    assert_eq!(
        (peer.arrived().len(), last.to.as_slice()),
        (2, &["right@example.cn".to_owned()][..]),
        "the others have it"
    );
    assert_eq!(open(&last.raw).files["part-1.zip"], vec![7; 3000]);
    assert_eq!(folder.json(0, &["audit", "verify"])["faults"], serde_json::json!([]));
}

#[test]
fn of_those_that_are_not_refused_for_good_each_gets_the_letter_or_none() {
    let peer = Peer::new(Hello::Bare, &[Play::Rcpt("451 try later"), Play::Rcpt("451 try later")]);
    let folder = folder(&peer);
    let mut new = letter("remind:1", &[]);
    new.to = vec!["nobody@example.cn".to_owned()];
    queue(&folder, &[new], &at("09:00"));
    let said = deliver(&folder, 1, "09:01");
    assert_eq!((said[0]["state"].as_str(), said[1]["state"].as_str()), (Some("aside"), Some("due")), "{said}");
    assert!(peer.arrived().is_empty());
    deliver(&folder, 0, "09:07");
    assert_eq!(peer.arrived()[0].to, ["chief@example.org"], "the copy becomes the letter");
    assert!(!open(&peer.arrived()[0].raw).headers["subject"].contains("重发"));
}

#[test]
fn silence_after_the_whole_letter_is_doubt_and_the_same_letter_goes_again_marked() {
    for play in [Play::DropAfterData, Play::Silence] {
        let peer = Peer::new(Hello::Bare, std::slice::from_ref(&play));
        let folder = folder(&peer);
        queue(&folder, &[letter("remind:1", &[3000])], &at("09:00"));
        let said = deliver(&folder, 1, "09:01");
        assert!(said[0]["says"].as_str().unwrap().contains("没有收到答复"), "{play:?}: {said}");
        deliver(&folder, 0, "09:07");
        is_the_same_marked(&peer);
    }
}

#[test]
fn a_kill_between_the_servers_250_and_the_record_costs_one_marked_duplicate() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&peer);
    queue(&folder, &[letter("remind:1", &[3000])], &at("09:00"));
    let now = at("09:01");
    let mut command = folder.command(&["--now", &now, "once", "deliver"]);
    let output = command.env("SHENLING_KILL_AT", "deliver.mail-sent@1").output().unwrap();
    assert_eq!(output.status.code(), None, "killed");
    assert_eq!(shown(&folder, "remind:1")["state"], "sending");
    let said = deliver(&folder, 0, "09:02");
    assert_eq!(said[0]["resend"], true);
    is_the_same_marked(&peer);
    deliver(&folder, 0, "09:03");
    assert_eq!(peer.arrived().len(), 2);
}

#[test]
fn an_alarm_is_raised_after_four_hours_and_again_after_five_days() {
    let plays = vec![Play::Data("451 not now"); 20];
    let peer = Peer::new(Hello::Bare, &plays);
    let folder = folder(&peer);
    queue(&folder, &[letter("remind:1", &[])], &at("09:00"));
    let run = |now: &str| {
        let (code, _, err) = folder.run(&["--now", now, "once", "deliver"]);
        (code, err.contains("超过 4 小时"), err.contains("超过 5 天"))
    };
    assert_eq!(run(&at("09:00")), (1, false, false));
    assert_eq!(run(&at("12:30")), (1, false, false));
    assert_eq!(run(&at("13:01")), (1, true, false));
    assert_eq!(run(&at("15:00")), (1, false, false), "said once");
    assert_eq!(shown(&folder, "remind:1")["alarm"], "hours");
    assert_eq!(run("2026-11-25T09:01:00+08:00"), (1, false, true));
    let listed = folder.json(1, &["delivery", "list"]);
    assert_eq!((listed[0]["alarm"].as_str(), listed[0]["state"].as_str()), (Some("days"), Some("due")), "stays listed");
    peer.then(&[]);
    assert_eq!(run("2026-11-25T12:00:00+08:00"), (0, false, false), "never dropped, and recovers alone");
    assert_eq!(shown(&folder, "remind:1")["alarm"], "none");
}

#[test]
fn a_domain_gets_so_many_mails_a_minute_and_no_more() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&peer);
    set(&folder, "per_domain_per_minute = 20", "per_domain_per_minute = 3");
    let letters: Vec<_> = (1..=5).map(|n| letter(&format!("remind:{n}"), &[])).collect();
    queue(&folder, &letters, &at("09:00"));
    let mut other = letter("remind:6", &[]);
    (other.to, other.cc) = (vec!["x@elsewhere.cn".to_owned()], vec![]);
    queue(&folder, &[other], &at("09:00"));
    assert_eq!(deliver(&folder, 0, "09:01").as_array().unwrap().len(), 4, "three, and the one for elsewhere");
    assert_eq!(deliver(&folder, 0, "09:01").as_array().unwrap().len(), 0, "another process knows of it");
    assert_eq!(deliver(&folder, 0, "09:03").as_array().unwrap().len(), 2);
    assert_eq!(peer.arrived().len(), 6);
}

#[test]
fn a_letter_that_is_too_large_becomes_several_and_each_is_accepted_by_itself() {
    let peer = Peer::new(Hello::Bare, &[Play::Accept, Play::Data("452 full")]);
    let folder = folder(&peer);
    set(&folder, "max_message_bytes = 10_240_000", "max_message_bytes = 200_000");
    queue(&folder, &[letter("remind:1", &[90_000, 30_000, 90_000, 500_000, 30_000])], &at("09:00"));
    assert_eq!(deliver(&folder, 1, "09:01")[0]["state"], "due");
    assert_eq!(shown(&folder, "remind:1")["letter"]["mails"][0]["resend"], false);
    deliver(&folder, 0, "09:10");
    let mails = opened(&peer);
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.headers["subject"].as_str()).collect();
    let of = |n: u32| format!("请报送计划 remind:1（第{n}封/共2封）");
    assert_eq!(subjects, [of(1), of(2), of(2)], "the first one was not sent again, the second one was clear");
    let names = |mail: &Opened| mail.files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&mails[0]), ["part-1.zip", "part-2.zip"]);
    assert_eq!(names(&mails[2]), ["part-3.zip", "part-5.zip"]);
    assert!(peer.arrived().iter().all(|mail| mail.raw.len() <= 200_000));
    let place = folder.work().join("outbox/溧阳监狱");
    let letter = std::fs::read_dir(&place).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read(letter.join("part-4.zip")).unwrap(), vec![7; 500_000]);
    for body in [&mails[0].text, &mails[0].html, &mails[2].text] {
        assert!(body.contains("附件 part-4.zip（500 KB）超过邮件大小上限"), "{body}");
        assert!(body.contains("溧阳监狱/letter-"), "{body}");
    }
    assert!(mails[2].text.starts_with("【附件较大，分 2 封发送。这是第 2 封，附件 part-3.zip、part-5.zip；"));
    let ids: Vec<&str> = mails.iter().map(|mail| mail.headers["message-id"].as_str()).collect();
    assert!(ids[0] != ids[1] && ids[1] == ids[2]);
}

#[test]
fn a_person_stops_lets_go_and_sends_again() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&peer);
    queue(&folder, &[letter("remind:1", &[3000])], &at("09:00"));
    decide(&folder, 2, &["release", "remind:1"]);
    decide(&folder, 0, &["hold", "remind:1"]);
    deliver(&folder, 0, "12:01");
    assert!(peer.arrived().is_empty());
    assert!(decide(&folder, 2, &["hold", "remind:1"]).contains("已暂停"));
    decide(&folder, 0, &["release", "remind:1"]);
    deliver(&folder, 0, "12:02");
    decide(&folder, 0, &["retry", "remind:1"]);
    deliver(&folder, 0, "12:03");
    is_the_same_marked(&peer);
    assert!(decide(&folder, 2, &["retry", "#99"]).contains("没有投递 #99"));
    let acts =
        |shown: &Value| shown["decisions"].as_array().unwrap().iter().map(|d| d["act"].clone()).collect::<Vec<_>>();
    assert_eq!(acts(&shown(&folder, "#1")), ["hold", "release", "retry"]);
    let status = folder.json(0, &["status"]);
    assert_eq!(status["deliveries"]["done"], 1);
}
