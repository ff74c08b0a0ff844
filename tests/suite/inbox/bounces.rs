//! Letters that come back: reports for machines, reports in words.

use super::{CLERK, answers, collect, office, tagged, with_store};
use crate::mail::{letter, queue, shown};

fn report(id: &str, recipient: &str, original: &str) -> Vec<u8> {
    let id = tagged(id);
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mail.example.cn\r\nTo: shenling@example.cn\r\nMessage-ID: <{id}>\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"d\"\r\n\r\n--d\r\nContent-Type: text/plain\r\n\r\nsorry\r\n\
         --d\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example.cn\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n\
         Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 <{recipient}>: User unknown\r\n\r\n--d\r\n\
         Content-Type: text/rfc822-headers\r\n\r\nFrom: shenling@example.cn\r\nMessage-ID: {original}\r\n\r\n--d--\r\n"
    )
    .into_bytes()
}

fn in_words(id: &str, recipient: &str) -> Vec<u8> {
    let id = tagged(id);
    format!(
        "From: PostMaster@qq.com\r\nTo: shenling@example.cn\r\nMessage-ID: <{id}>\r\nSubject: =?utf-8?B?{}?=\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n很抱歉，您发给 {recipient} 的邮件未能送达。\r\n",
        super::base64("系统退信".as_bytes())
    )
    .into_bytes()
}

#[test]
fn a_report_sets_its_letter_aside_with_the_servers_words() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let mut new = letter("remind:1", &[]);
    new.to = vec![CLERK.to_owned()];
    new.cc = vec![];
    queue(&folder, &[new], &super::at("09:00"));
    let sent = answers(&folder, &peer, "09:00").pop().unwrap();
    letterbox.put(&report("dsn@mail", CLERK, &sent.headers["message-id"]));
    assert_eq!(collect(&folder, 0, "09:10")[0]["fate"], "bounced");
    let delivery = shown(&folder, "remind:1");
    assert_eq!(delivery["state"], "aside", "{delivery}");
    let said = folder.expect(0, &["delivery", "show", "remind:1"]);
    assert!(said.contains("被退回") && said.contains("550 5.1.1"), "{said}");
    assert_eq!(with_store(&folder, async |store| store.bounced_letters().await.unwrap().len()), 1);
    assert_eq!(letterbox.moved("dsn@mail"), (1, 0));
    // A person gives another address: it leaves as if for the first time.
    let retry = ["delivery", "retry", "remind:1", "--to", "new@shenling.test", "--reason", "改地址", "--by", "某经办"];
    folder.expect(0, &[&["--now", &super::at("10:00")][..], &retry].concat());
    let again = answers(&folder, &peer, "10:01").pop().unwrap();
    assert_eq!(
        (&*again.headers["to"], &again.headers["message-id"]),
        ("new@shenling.test", &sent.headers["message-id"])
    );
    assert!(!again.headers.contains_key("x-shenling-resend"), "nobody has it yet");
    // In words, by the address; about somebody whom we never wrote to.
    letterbox.put(&in_words("words1@qq", "new@shenling.test"));
    letterbox.put(&in_words("words2@qq", "never@shenling.test"));
    let mails = collect(&folder, 1, "10:10");
    assert_eq!((&mails[0]["fate"], &mails[1]["fate"]), (&"bounced".into(), &"unmatched".into()), "{mails}");
    assert_eq!((letterbox.moved("words1@qq"), letterbox.moved("words2@qq")), ((1, 0), (0, 1)));
    assert_eq!(shown(&folder, "remind:1")["state"], "aside");
    assert!(answers(&folder, &peer, "10:20").is_empty(), "no report is answered");
    folder.expect(0, &["audit", "verify"]);
}
