//! What goes over the wire, and what does not where it is not protected.

use super::opened::open;
use super::peer::{Hello, Peer, Play};
use super::{at, deliver, folder, letter, queue, set, shown, with_mail};
use crate::support::Folder;

#[test]
fn a_letter_arrives_with_its_headers_bodies_and_attachments() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&peer);
    queue(&folder, &[letter("remind:1", &[1000, 50])], &at("09:00"));
    let said = deliver(&folder, 0, "09:01");
    assert_eq!((said[0]["state"].as_str(), said[0]["mail"].as_bool()), (Some("done"), Some(true)));
    let arrived = peer.arrived();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].to, ["clerk@example.cn", "chief@example.org"]);
    let mail = open(&arrived[0].raw);
    let header = |name: &str| mail.headers[name].as_str();
    assert_eq!(header("from"), "职业技能培训补贴申领系统 <shenling@example.cn>");
    assert_eq!((header("to"), header("cc")), ("clerk@example.cn", "chief@example.org"));
    assert_eq!(header("subject"), "请报送计划 remind:1");
    assert_eq!(header("date"), "Fri, 20 Nov 2026 01:00:00 +0000", "fixed when it was queued");
    assert_eq!((header("auto-submitted"), header("x-auto-response-suppress")), ("auto-generated", "All"));
    assert_eq!(mail.text.replace("\r\n", "\n"), letter("x", &[]).text);
    assert!(mail.html.contains("<p>请报送计划。</p>"));
    assert_eq!(mail.files.keys().collect::<Vec<_>>(), ["part-1.zip", "part-2.zip"]);
    assert_eq!(mail.files["part-1.zip"], vec![7; 1000]);
    let shown = shown(&folder, "remind:1");
    let id = shown["letter"]["mails"][0]["message_id"].as_str().unwrap();
    assert_eq!(header("message-id"), format!("<{id}>"));
    assert!(id.ends_with("@example.cn"), "{id}");
    assert_eq!(shown["says"], "250 2.0.0 accepted as peer-1");
    assert_eq!(deliver(&folder, 0, "09:02"), serde_json::json!([]), "once");
    assert_eq!(peer.arrived().len(), 1);
}

/// Only these may be said where TLS is asked for and does not come about.
fn nothing_was_told(peer: &Peer) {
    let told: Vec<String> = peer.commands();
    let harmless = |line: &String| ["EHLO", "STARTTLS", "QUIT"].iter().any(|word| line.starts_with(word));
    // After STARTTLS was agreed to, the client's hello in TLS is no text.
    let text = |line: &&String| line.is_ascii() && line.len() > 3;
    assert!(told.iter().filter(text).all(harmless), "{told:?}");
    assert!(peer.arrived().is_empty());
}

#[test]
fn without_starttls_nothing_is_sent() {
    for (hello, says) in
        [(Hello::Bare, "没有提供 STARTTLS"), (Hello::RefusesTls, "454"), (Hello::SpeaksNoTls, "STARTTLS 没有成功")]
    {
        let peer = Peer::new(hello, &[]);
        let folder = with_mail(Folder::new(), peer.port, "starttls");
        set(&folder, "user = \"\"", "user = \"clerk\"");
        folder.put("data/credentials/smtp-password", "secret-of-the-test\n");
        queue(&folder, &[letter("remind:1", &[])], &at("09:00"));
        let said = deliver(&folder, 1, "09:01");
        assert_eq!(said[0]["state"], "due", "{hello:?}");
        assert!(said[0]["says"].as_str().unwrap().contains(says), "{hello:?}: {}", said[0]["says"]);
        nothing_was_told(&peer);
    }
}

#[test]
fn a_plain_server_is_refused_for_implicit_tls_too() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = with_mail(Folder::new(), peer.port, "tls");
    queue(&folder, &[letter("remind:1", &[])], &at("09:00"));
    assert_eq!(deliver(&folder, 1, "09:01")[0]["state"], "due");
    nothing_was_told(&peer);
}

#[test]
fn an_unprotected_connection_leaves_this_machine_never() {
    let folder = with_mail(Folder::new(), 25, "none");
    set(&folder, "host = \"127.0.0.1\"", "host = \"mail.example.cn\"");
    let (code, _, err) = folder.run(&["once", "deliver"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("不是本机，不允许不加密的连接"), "{err}");
}

#[test]
fn a_wrong_password_is_no_fault_of_the_letter() {
    let peer = Peer::new(Hello::RefusesLogin, &[]);
    let folder = folder(&peer);
    set(&folder, "user = \"\"", "user = \"clerk\"");
    folder.put("data/credentials/smtp-password", "wrong\n");
    queue(&folder, &[letter("remind:1", &[]), letter("remind:2", &[])], &at("09:00"));
    let said = deliver(&folder, 1, "09:01");
    let says = said[0]["says"].as_str().unwrap();
    assert!(says.contains("535 5.7.8 wrong password") && says.contains("smtp-password"), "{says}");
    assert_eq!(shown(&folder, "remind:1")["state"], "due", "not set aside");
    let (_, _, err) = folder.run(&["--now", &at("09:30"), "once", "deliver"]);
    assert!(!err.contains("wrong\n") && !err.contains("secret"), "{err}");
}

#[test]
fn without_the_password_letters_wait_and_nothing_else_does() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&peer);
    set(&folder, "user = \"\"", "user = \"clerk\"");
    let run = |time: &str| folder.run(&["--now", &at(time), "once", "deliver"]);
    let (code, _, err) = run("09:00");
    assert!(code == 1 && err.contains("没有邮件口令"), "told before a letter is there: {code} {err}");
    queue(&folder, &[letter("remind:1", &[])], &at("09:00"));
    let (code, _, err) = run("09:01");
    assert!(code == 1 && err.contains("data/credentials/smtp-password"), "{code} {err}");
    assert!(err.contains("还有 1 封信待发：排除上述问题后"), "{err}");
    let shown = shown(&folder, "remind:1");
    assert_eq!((shown["state"].as_str(), shown["attempts"].as_u64()), (Some("due"), Some(0)), "not even tried");
    assert!(run("13:30").2.contains("超过 4 小时"), "it is an alarm like any other");
    assert!(folder.expect(0, &["status"]).contains("邮件发不出去：没有邮件口令"));
    assert!(folder.json(0, &["status"])["mail_trouble"].as_str().unwrap().contains("smtp-password"));
    let (code, out, _) = folder.run(&["check"]);
    assert!(code == 1 && out.contains("没有 clerk 的邮件口令"), "{code} {out}");
    folder.put("data/credentials/smtp-password", "right\n");
    assert!(folder.json(0, &["status"])["mail_trouble"].is_null());
}

#[test]
fn a_server_that_is_away_costs_one_letter_its_turn_and_no_more() {
    for hello in [Hello::Closed, Hello::Mute] {
        let peer = Peer::new(hello, &[]);
        let folder = folder(&peer);
        set(&folder, "connections = 2", "connections = 1");
        let letters: Vec<_> = (1..=5).map(|n| letter(&format!("remind:{n}"), &[])).collect();
        queue(&folder, &letters, &at("09:00"));
        let begun = std::time::Instant::now();
        let said = deliver(&folder, 1, "09:01");
        assert_eq!(said.as_array().unwrap().len(), 1, "{hello:?}: the others were not tried");
        assert!(begun.elapsed().as_secs() < 20, "{hello:?}: patience is 2 s");
        assert_eq!(peer.connections(), 1);
        assert_eq!(shown(&folder, "remind:1")["due_at"].as_str().unwrap()[..16], at("09:06")[..16]);
    }
}

#[test]
fn a_connection_serves_many_letters_and_is_opened_anew_when_it_is_gone() {
    let peer = Peer::new(Hello::Bare, &[Play::Accept, Play::DropAfterAccept, Play::Accept, Play::Mail("421 too many")]);
    let folder = folder(&peer);
    set(&folder, "connections = 2", "connections = 1");
    let letters: Vec<_> = (1..=6).map(|n| letter(&format!("remind:{n}"), &[])).collect();
    queue(&folder, &letters, &at("09:00"));
    let said = deliver(&folder, 0, "09:01");
    assert_eq!(said.as_array().unwrap().len(), 6);
    assert_eq!((peer.arrived().len(), peer.connections()), (6, 3));
}

#[test]
fn a_template_of_the_customer_is_used_and_a_slip_in_it_is_found_by_check() {
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = folder(&peer);
    set(&folder, "templates_dir = \"\"", "templates_dir = \"templates\"");
    folder.put("templates/mail/test.txt", "本单位自己的话：{{ sender }}\n");
    folder.expect(0, &["--now", &at("09:00"), "delivery", "test", "--to", "clerk@example.cn"]);
    assert_eq!(open(&peer.arrived()[0].raw).text.trim(), "本单位自己的话：shenling@example.cn");
    folder.put("templates/mail/batch.html", "{{ nummer }}");
    let checked = folder.json(1, &["--now", &at("09:00"), "check"]);
    let mistakes = checked["mistakes"].as_array().unwrap();
    let told = |one: &serde_json::Value| {
        (one["file"].as_str(), one["line"].as_u64()) == (Some("templates/mail/batch.html"), Some(1))
    };
    assert!(mistakes.iter().any(told), "{checked}");
}
