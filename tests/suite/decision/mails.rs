//! Decisions about mails, and what whoever sent a file or a mail is told.

use shenling::store::{MailEnding, MailFate, MailHeader, MailPlace, NewMail, NewPart, Store, Vault};

use super::{BECAUSE, NOW, folder, result, with_mail};
use crate::support::{Folder, resident_id, results_csv};

/// A mail of a unit, or of nobody, that brought a file.
fn mail(folder: &Folder, uid: u32, file: &[u8], fate: MailFate) -> i64 {
    let key = std::fs::read_to_string(folder.work().join("data/credentials/vault-key")).unwrap();
    let url = format!("sqlite:{}", folder.work().join("data/shenling.db").display());
    let at = chrono::DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
    let place = MailPlace { account: "a".to_owned(), validity: 1, uid };
    let header = MailHeader {
        sender: "clerk@example.cn".to_owned(),
        subject: "报送".to_owned(),
        message_id: format!("{uid}@example.cn"),
        thread: Vec::new(),
    };
    let parts = [NewPart { name: "表.csv".to_owned(), sha256: shenling::store::sha256_hex(file) }];
    let unit = (fate != MailFate::Stranger).then_some("常州监狱");
    let mail = NewMail { place: &place, header: &header, raw: b"raw", bytes: 3, parts: &parts, unit };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&url, Vault::from_key(key.trim().as_bytes()).unwrap()).await.unwrap();
        let kept = store.keep_mail(&mail, at).await.unwrap();
        store.end_mail(kept.id, &MailEnding { fate, answer: None, once_since: None }, at).await.unwrap();
        store.close().await;
        kept.id
    })
}

#[test]
fn the_sender_of_a_mail_is_told_in_answer_to_it() {
    let folder = folder();
    with_mail(&folder);
    let bad = results_csv(&[result(1, 80), result(2, 80).replace("2026-04-10", "4月10日")]);
    folder.put("bad.csv", &bad);
    folder.expect(1, &["--now", NOW, "import", "bad.csv"]);
    mail(&folder, 1, bad.as_bytes(), MailFate::Taken);
    let decide = |what: &[&str]| folder.run(&[&["--now", NOW, "set-aside"], what, &BECAUSE[..]].concat());
    let (code, _, err) = decide(&["reject", "3"]);
    assert!(code == 0 && err.contains("答复已排入待发邮件（常州监狱）"), "{err}");
    let undo = [&["--now", NOW, "import", "undo", "3", "--yes"], &BECAUSE[..]].concat();
    folder.expect(0, &undo);
    let list = folder.json(0, &["--now", NOW, "delivery", "list"]);
    let keys: Vec<&str> = list.as_array().unwrap().iter().map(|line| line["key"].as_str().unwrap()).collect();
    assert!(keys.len() == 2 && keys.iter().all(|key| key.starts_with("decision:3:")), "{list}");
    let letters: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|line| folder.expect(0, &["delivery", "show", &line["id"].to_string()]))
        .collect();
    assert!(letters[0].contains("clerk@example.cn") && letters[0].contains("不予受理"), "{}", letters[0]);
    assert!(letters[1].contains("已撤回") && letters[1].contains("报错了表"), "{}", letters[1]);
    // Under the number that the receipt had: of the mail, not of the file.
    assert!(letters.iter().all(|letter| letter.contains("来件 20261001-0001：")), "{letters:?}");
    assert!(letters.iter().all(|letter| !letter.contains("bad.csv") && !letter.contains("某甲")), "{letters:?}");
}

#[test]
fn a_mail_for_a_person_is_let_in_as_one_of_a_unit_or_closed() {
    let folder = folder();
    let (stranger, words) = (mail(&folder, 1, b"x", MailFate::Stranger), mail(&folder, 2, b"y", MailFate::Words));
    assert_eq!((stranger, words), (1, 2));
    let listed = folder.expect(0, &["set-aside", "list"]);
    assert!(listed.contains("m1") && listed.contains("m2"), "{listed}");
    let decide = |what: &[&str]| folder.run(&[&["--now", NOW, "set-aside"], what, &BECAUSE[..]].concat());
    for (what, says) in [
        (&["accept", "m1"][..], "--unit"),
        (&["accept", "m1", "--unit", "某单位"], "没有“某单位”这个单位"),
        (&["accept", "m1", "--as", "results"], "--as 只用于文件"),
        (&["reject", "m9"], "没有编号为 m9 的邮件"),
    ] {
        let (code, _, err) = decide(what);
        assert!(code == 2 && err.contains(says), "{what:?}: {err}");
    }
    let (code, _, err) = decide(&["accept", "m1", "--unit", "溧阳监狱"]);
    assert!(code == 0 && err.contains("视同溧阳监狱发来"), "{err}");
    let (code, _, err) = decide(&["reject", "m2"]);
    assert!(code == 0 && err.contains("不予受理"), "{err}");
    let (code, _, err) = decide(&["reject", "m2"]);
    assert!(code == 2 && err.contains("以前已经处理"), "{err}");
    assert!(!folder.expect(0, &["set-aside", "list"]).contains("m2"));
    let shown = folder.expect(0, &["set-aside", "show", "m1"]);
    for told in ["单位 溧阳监狱", "cl***@example.cn", "等待收取", "受理，视同溧阳监狱发来（某经办：报错了表）"]
    {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let shown = folder.json(0, &["set-aside", "show", "m2"]);
    assert_eq!((&shown["fate"], &shown["decisions"][0]["decision"]), (&"words".into(), &"refused".into()), "{shown}");
    assert_eq!(
        (&shown["decisions"][0]["reason"], &shown["decisions"][0]["by"]),
        (&"报错了表".into(), &"某经办".into())
    );
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn a_mail_in_which_nothing_can_be_taken_is_accepted_as_settled() {
    let folder = folder();
    with_mail(&folder);
    let kept = [MailFate::Words, MailFate::Unreadable, MailFate::TooLarge, MailFate::Unmatched];
    let kept: Vec<i64> = (1..).zip(kept).map(|(uid, fate)| mail(&folder, uid, &uid.to_le_bytes(), fate)).collect();
    let accept = |mail: &str, more: &[&str]| {
        folder.run(&[&["--now", NOW, "set-aside", "accept", mail], more, &BECAUSE[..]].concat())
    };
    let (code, _, err) = accept("m1", &["--unit", "常州监狱"]);
    assert!(code == 2 && err.contains("不用写 --unit"), "{err}");
    for id in &kept {
        let (code, _, err) = accept(&format!("m{id}"), &[]);
        assert!(code == 0 && err.contains("另行办妥"), "m{id}: {err}");
        assert!(folder.expect(0, &["set-aside", "show", &format!("m{id}")]).contains("受理，记为另行办妥"));
    }
    assert!(!folder.expect(0, &["set-aside", "list"]).contains("待人工”"), "none is left");
    // Whoever wrote words is told; a machine is not.
    let list = folder.json(0, &["--now", NOW, "delivery", "list"]);
    let keys: Vec<&str> = list.as_array().unwrap().iter().map(|line| line["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["decision:mail:1", "decision:mail:2", "decision:mail:3"], "{list}");
    let told = folder.expect(0, &["delivery", "show", "decision:mail:1"]);
    assert!(told.contains("来件 20261001-0001：已另行办妥") && told.contains("不必再发"), "{told}");
    folder.expect(0, &["audit", "verify"]);
}

#[test]
fn a_file_in_the_folder_of_a_unit_is_decided_to_that_unit() {
    let folder = folder();
    with_mail(&folder);
    let bad = results_csv(&[result(1, 80), result(2, 80).replace("2026-04-10", "4月10日")]);
    folder.put("inbox/溧阳监狱/bad.csv", &bad);
    folder.expect(1, &["--now", NOW, "once", "collect"]);
    let (code, _, err) = folder.run(&[&["--now", NOW, "set-aside", "reject", "3"], &BECAUSE[..]].concat());
    assert!(code == 0 && err.contains("答复已排入待发邮件（溧阳监狱）"), "{err}");
    let list = folder.json(0, &["--now", NOW, "delivery", "list"]);
    let shown: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|line| folder.expect(0, &["delivery", "show", &line["id"].to_string()]))
        .collect();
    // Receipt and decision name the file alike.
    let number = format!("20261001-{}", &shenling::store::sha256_hex(bad.as_bytes())[..8]);
    assert_eq!(shown.iter().filter(|letter| letter.contains(&number)).count(), 2, "{shown:?}");
    assert!(
        shown.iter().any(|letter| letter.contains("不予受理") && letter.contains("office@example.cn")),
        "{shown:?}"
    );
}

#[test]
fn nobody_types_the_number_of_a_person_into_a_reason() {
    let folder = folder();
    folder.put("bad.csv", results_csv(&[result(2, 80).replace("2026-04-10", "4月10日")]));
    folder.expect(1, &["--now", NOW, "import", "bad.csv"]);
    let id = resident_id("19900101", 2);
    let reason = format!("{id} 资料不实");
    for words in [["--reason", &reason, "--by", "李四"], ["--reason", "资料不实", "--by", &id]] {
        let (code, out, err) = folder.run(&[&["--now", NOW, "set-aside", "reject", "3"], &words[..]].concat());
        assert!(code == 2 && out.is_empty() && err.contains("像身份证号的数字"), "{err}");
        assert!(!err.contains(&id) && err.contains("结果编号"), "{err}");
    }
    let blank = folder.run(&["set-aside", "reject", "3", "--reason", " ", "--by", "李四"]);
    assert!(blank.0 == 2 && blank.2.contains("后面要写值"), "{}", blank.2);
    assert!(folder.expect(0, &["set-aside", "list"]).contains("bad.csv"), "nothing was decided");
}
