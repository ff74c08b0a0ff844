//! Every kind of mail: what it is answered, and where it then lies.

use shenling::forms::papers::unpack;

use super::{CLERK, OWN, PASSWORD, PRISON, answers, at, base64, collect, mail, mail_with, office, results, tagged};
use crate::mail::set;

#[test]
fn a_workbook_with_a_fault_is_answered_with_a_receipt_and_an_annotated_copy() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let headers = "References: <a@x> <b@x>\r\nIn-Reply-To: <b@x>\r\n";
    let file = results(1..4, Some(4));
    letterbox.put(&mail_with(CLERK, "one@jail", "考核结果", headers, &[("320404199001011234_结果.csv", &file)]));
    let mails = collect(&folder, 1, "09:00");
    assert_eq!((&mails[0]["fate"], &mails[0]["unit"]), (&"taken".into(), &PRISON.into()), "{mails}");
    assert_eq!((&mails[0]["files"][0]["taken"], &mails[0]["files"][0]["set_aside"]), (&3.into(), &1.into()));
    let replies = answers(&folder, &peer, "09:01");
    let [reply] = replies.as_slice() else { panic!("{replies:?}") };
    assert_eq!(reply.headers["subject"], "【需更正】溧阳监狱：收下 3 行，退回 1 行〔20261120-0001〕");
    let one = format!("<{}>", tagged("one@jail"));
    assert_eq!((&reply.headers["in-reply-to"], &reply.headers["references"]), (&one, &format!("<a@x> <b@x> {one}")));
    assert_eq!((&*reply.headers["to"], &*reply.headers["auto-submitted"]), (CLERK, "auto-replied"));
    for told in
        ["2026-11-20 09:00", "溧阳监狱，焊工（五级/初级工），1班", "P5", "2027年度培训计划（附件1至4）", "11月30日"]
    {
        assert!(
            reply.text.contains(told) && reply.html.replace("&#x2f;", "/").contains(told),
            "{told}\n{}",
            reply.text
        );
    }
    for secret in ["10/4/26", "329999", "某某", "320404199001011234"] {
        assert!(!reply.text.contains(secret) && !reply.html.contains(secret), "{secret}\n{}", reply.text);
    }
    let packed = unpack(&reply.files["reply-20261120-0001.zip"], PASSWORD).unwrap();
    let names: Vec<&str> = packed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["1_问题标注.xlsx"]);
    assert_eq!(letterbox.moved("one@jail"), (1, 0));
    assert_eq!(collect(&folder, 0, "09:02").as_array().unwrap().len(), 0);
    // The same file in another mail: known, and said so.
    letterbox.put(&mail(CLERK, "two@jail", "再发一次", &[("结果.csv", &file)]));
    collect(&folder, 1, "09:03");
    let replies = answers(&folder, &peer, "09:04");
    assert!(replies[0].text.contains("以前已收、内容未变 3 行"), "{}", replies[0].text);
    // The same mail under another number: moved, and not answered again.
    letterbox.put(&mail(CLERK, "two@jail", "再发一次", &[("结果.csv", &file)]));
    assert_eq!(collect(&folder, 0, "09:05").as_array().unwrap().len(), 0);
    assert!(answers(&folder, &peer, "09:06").is_empty());
    assert_eq!((letterbox.moved("two@jail"), letterbox.waiting()), ((2, 0), 0));
    folder.expect(0, &["audit", "verify"]);
}

/// What another unit files is set aside as a whole, told to it, and taken only when a person says so.
#[test]
fn a_unit_files_its_own_and_nothing_of_others() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let history = "监狱,罪犯编号,补贴种类,职业(工种),等级,证书编号,申领日期,金额\n\
                   溧阳监狱,000001,职业培训补贴,焊工,五级,Y000032000001265000099,2026-02-01,1000\n";
    let of_another = String::from_utf8(results(1..3, None)).unwrap().replace(PRISON, "常州监狱");
    let files: [(&str, &[u8]); 2] = [("历史.csv", history.as_bytes()), ("结果.csv", of_another.as_bytes())];
    letterbox.put(&mail(CLERK, "others@jail", "报送", &files));
    collect(&folder, 1, "09:00");
    let reply = answers(&folder, &peer, "09:01").pop().unwrap();
    for told in ["只由管理员用 shenling import 导入", "有其他监狱的内容", "第一处：C2：常州监狱", "not-entitled"]
    {
        assert!(reply.text.contains(told), "{told}\n{}", reply.text);
    }
    assert!(reply.headers["subject"].starts_with("【需更正】溧阳监狱：收下 0 行"), "{}", reply.headers["subject"]);
    assert_eq!(folder.json(0, &["status"])["assessments"], 0);
    let waiting = folder.json(0, &["set-aside", "list"]);
    assert_eq!(waiting.to_string().matches("unknown").count(), 2, "{waiting}");
    let accept = ["set-aside", "accept", "2", "--as", "results", "--reason", "牵头监狱已核实", "--by", "管理员"];
    let taken = folder.json(0, &[&["--now", &at("09:10")], &accept[..]].concat());
    assert_eq!(taken["file"]["taken"], 2, "{taken}");
    assert_eq!(folder.json(0, &["status"])["assessments"], 2);
}

#[test]
fn without_a_password_cells_are_named_and_nothing_is_attached() {
    let Some((letterbox, peer, folder)) = office() else { return };
    std::fs::remove_file(folder.work().join("data/credentials/zip-password-liyang")).unwrap();
    letterbox.put(&mail(CLERK, "np@jail", "考核结果", &[("r.csv", &results(1..3, Some(3)))]));
    collect(&folder, 1, "09:00");
    let reply = answers(&folder, &peer, "09:01").pop().unwrap();
    assert!(reply.text.contains("只写单元格位置，不写格中的内容") && reply.text.contains("P4"), "{}", reply.text);
    assert!(reply.files.is_empty() && !reply.text.contains("10/4/26"));
}

#[test]
fn a_trial_gets_the_whole_reply_and_leaves_nothing() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let file = results(1..4, Some(4));
    letterbox.put(&mail(CLERK, "trial@jail", "试检：考核结果", &[("r.csv", &file)]));
    assert_eq!(collect(&folder, 1, "09:00")[0]["fate"], "rehearsed");
    let reply = answers(&folder, &peer, "09:01").pop().unwrap();
    assert_eq!(reply.headers["subject"], "【试检】溧阳监狱：可以收下 3 行，退回 1 行〔20261120-0001〕");
    assert!(reply.files.contains_key("reply-20261120-0001.zip"), "{:?}", reply.files.keys());
    let status = folder.json(0, &["status"]);
    assert_eq!((&status["assessments"], &status["originals"]["read"]), (&0.into(), &0.into()));
    // In earnest it is new.
    letterbox.put(&mail(CLERK, "earnest@jail", "考核结果", &[("r.csv", &file)]));
    collect(&folder, 1, "09:02");
    assert!(answers(&folder, &peer, "09:03")[0].headers["subject"].contains("收下 3 行"));
    assert_eq!((letterbox.moved("trial@jail"), letterbox.moved("earnest@jail")), ((1, 0), (1, 0)));
}

#[test]
fn what_cannot_be_opened_is_answered_with_what_to_do() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let zip = |name: &str, password: &str| {
        shenling::forms::papers::pack(&[(name, &results(1..3, None))], password, chrono::DateTime::UNIX_EPOCH).unwrap()
    };
    let (ours, other) = (zip("a.csv", PASSWORD), zip("b.csv", "another-password"));
    let tnef = b"\x78\x9F\x3E\x22rest";
    for (id, files, subject, told) in [
        ("zip@jail", vec![("材料.zip", &ours[..])], "【回执】溧阳监狱：收下 2 行", "a.csv"),
        (
            "lock@jail",
            vec![("材料.zip", &other[..])],
            "【请重发】溧阳监狱：邮件中有 1 项没能打开",
            "口令与给贵单位登记的不一致",
        ),
        ("tnef@jail", vec![("winmail.dat", &tnef[..])], "【请重发】溧阳监狱：邮件中有 1 项没能打开", "winmail.dat"),
        (
            "both@jail",
            vec![("材料.zip", &ours[..]), ("winmail.dat", &tnef[..])],
            "【需更正】溧阳监狱：收下 0 行",
            "没能打开的",
        ),
        ("none@jail", vec![], "【请重发】溧阳监狱：邮件中有 1 项没能打开", "邮件里没有附件"),
    ] {
        letterbox.put(&mail(CLERK, id, "材料", &files));
        folder.run(&["--now", &at("09:00"), "once", "collect"]);
        let replies = answers(&folder, &peer, "09:01");
        assert_eq!(replies.len(), 1, "{id}");
        assert!(replies[0].headers["subject"].starts_with(subject), "{id}: {}", replies[0].headers["subject"]);
        assert!(replies[0].text.contains(told) && replies[0].html.contains(told), "{id}: {}", replies[0].text);
        assert_eq!(letterbox.moved(id), (1, 0), "{id}");
    }
    let large = vec![b' '; 2_000_000];
    letterbox.put(&mail(CLERK, "large@jail", "材料", &[("r.csv", &large)]));
    assert_eq!(collect(&folder, 1, "09:10")[0]["fate"], "too-large");
    assert!(answers(&folder, &peer, "09:11")[0].text.contains("文件太大"));
    assert_eq!(letterbox.moved("large@jail"), (0, 1));
}

#[test]
fn strangers_are_answered_once_a_day_and_let_in_when_they_are_registered() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let stranger = "who@elsewhere.test";
    let file = results(1..3, None);
    let raw = mail(stranger, "s1@else", "考核结果", &[("r.csv", &file)]);
    letterbox.put(&raw);
    letterbox.put(&mail(stranger, "s2@else", "考核结果", &[("r.csv", &file)]));
    let mails = collect(&folder, 1, "09:00");
    assert_eq!((&mails[0]["fate"], &mails[1]["fate"]), (&"stranger".into(), &"stranger".into()));
    let replies = answers(&folder, &peer, "09:01");
    assert_eq!(replies.len(), 1, "once a day");
    assert_eq!(&*replies[0].headers["to"], stranger);
    assert!(replies[0].text.contains("没有登记") && replies[0].files.is_empty());
    assert_eq!((letterbox.moved("s1@else"), letterbox.moved("s2@else")), ((0, 1), (0, 1)));
    let status = folder.json(0, &["status"]);
    assert_eq!((&status["mails_for_a_person"], &status["assessments"]), (&2.into(), &0.into()));
    let listed = folder.expect(0, &["set-aside", "list"]);
    assert!(
        listed.contains("wh*@elsewhere.test") && listed.contains("没有登记") && !listed.contains(stranger),
        "{listed}"
    );
    assert!(folder.expect(0, &["status"]).contains("待人工的邮件 2 封（最早 2026-11-20）"));
    // Registered, and moved back by a person: taken in.
    set(&folder, "senders = []", "senders = [\"elsewhere.test\"]");
    letterbox.put(&raw);
    let mails = collect(&folder, 0, "10:00");
    assert_eq!((&mails[0]["fate"], &mails[0]["unit"]), (&"taken".into(), &"常州监狱".into()), "{mails}");
    assert_eq!(answers(&folder, &peer, "10:01")[0].headers["subject"], "【回执】常州监狱：收下 2 行〔20261120-0001〕");
    assert_eq!(letterbox.moved("s1@else"), (1, 1));
    folder.expect(0, &["audit", "verify"]);
}

/// A machine that answers whatever comes, marked or not: one round, then silence.
#[test]
fn two_machines_that_answer_each_other_stop_after_one_round() {
    let Some((letterbox, peer, folder)) = office() else { return };
    letterbox.put(&mail(CLERK, "round0@jail", "考核结果", &[("r.csv", &results(1..3, None))]));
    collect(&folder, 0, "09:00");
    let mut answered = answers(&folder, &peer, "09:01");
    for (n, headers) in (1..).zip([
        "Auto-Submitted: auto-replied\r\n",
        "X-Autoreply: yes\r\n",
        "Precedence: bulk\r\n",
        "X-Plain: x\r\n",
        "",
    ]) {
        let ours = answered.pop().unwrap();
        let thread = if headers.is_empty() {
            // It does not even say what it answers.
            String::new()
        } else {
            format!("In-Reply-To: {}\r\n", ours.headers["message-id"])
        };
        let mut echoes = 0;
        let mut again = vec![ours];
        while let Some(letter) = again.pop() {
            echoes += 1;
            assert!(echoes < 4, "{headers}");
            let id = format!("echo{n}.{echoes}@jail");
            let subject = format!("收到：{}", letter.headers["subject"]);
            letterbox.put(&mail_with(CLERK, &id, &subject, &format!("{headers}{thread}"), &[]));
            folder.run(&["--now", &at("09:10"), "once", "collect"]);
            again.extend(answers(&folder, &peer, "09:11"));
        }
        assert_eq!(echoes, if headers.is_empty() { 2 } else { 1 }, "{headers}");
        // The next machine answers the next receipt.
        letterbox.put(&mail(CLERK, &format!("round{n}@jail"), "考核结果", &[("r.csv", &results(n + 2..n + 3, None))]));
        folder.run(&["--now", &at("09:20"), "once", "collect"]);
        answered.extend(answers(&folder, &peer, "09:21"));
    }
    // Our own letter that comes back to us.
    letterbox.put(&mail(OWN, "own@x", "回执", &[("r.csv", &results(1..3, None))]));
    assert_eq!(collect(&folder, 0, "09:30")[0]["fate"], "automatic");
    assert!(answers(&folder, &peer, "09:31").is_empty());
}

#[test]
fn nobody_is_answered_more_often_in_a_day_than_the_settings_say() {
    let Some((letterbox, peer, folder)) = office() else { return };
    for n in 0..8 {
        letterbox.put(&mail(CLERK, &format!("many{n}@jail"), "考核结果", &[("r.csv", &results(n..n + 1, None))]));
    }
    let mails = collect(&folder, 1, "09:00");
    let fates: Vec<&str> = mails.as_array().unwrap().iter().map(|mail| mail["fate"].as_str().unwrap()).collect();
    assert_eq!(fates.iter().filter(|fate| **fate == "taken").count(), 6, "{fates:?}");
    assert_eq!(fates.iter().filter(|fate| **fate == "excess").count(), 2, "{fates:?}");
    assert_eq!(answers(&folder, &peer, "09:01").len(), 6);
    assert_eq!(folder.json(0, &["status"])["assessments"], 6);
}

#[test]
fn where_the_server_must_vouch_for_senders_others_are_not_opened() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let config = std::fs::read_to_string(folder.config()).unwrap();
    std::fs::write(folder.config(), format!("{config}authenticated = \"mx.shenling.test\"\n")).unwrap();
    let vouched = "Authentication-Results: mx.shenling.test; dkim=pass header.d=shenling.test\r\n";
    let forged = "Authentication-Results: mx.shenling.test; dkim=fail header.d=shenling.test\r\n";
    let file = results(1..3, None);
    letterbox.put(&mail_with(CLERK, "good@jail", "考核结果", vouched, &[("r.csv", &file)]));
    letterbox.put(&mail_with(CLERK, "bad@jail", "考核结果", forged, &[("r.csv", &file)]));
    let mails = collect(&folder, 1, "09:00");
    let fates: Vec<&str> = mails.as_array().unwrap().iter().map(|mail| mail["fate"].as_str().unwrap()).collect();
    assert!(fates.contains(&"taken") && fates.contains(&"unproven"), "{fates:?}");
    let replies = answers(&folder, &peer, "09:01");
    let unproven = replies.iter().find(|reply| reply.text.contains("冒用")).unwrap();
    assert!(unproven.headers["subject"].contains("没有通过验证"), "{}", unproven.headers["subject"]);
    assert_eq!((letterbox.moved("good@jail"), letterbox.moved("bad@jail")), ((1, 0), (0, 1)));
}

#[test]
fn a_mail_without_message_id_and_one_with_an_odd_one_are_known_again() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let file = results(1..3, None);
    for id in ["", "odd id<>@@"] {
        let raw = mail(CLERK, id, "考核结果", &[("r.csv", &file)]);
        for _ in 0..2 {
            letterbox.put(&raw);
            folder.run(&["--now", &at("09:00"), "once", "collect"]);
        }
        assert_eq!(answers(&folder, &peer, "09:01").len(), 1, "{id}");
        assert_eq!(letterbox.waiting(), 0);
    }
    // What is no mail at all lies where a person sees it.
    letterbox.put(base64(&[0xff; 600]).as_bytes());
    let mails = collect(&folder, 1, "09:10");
    assert_eq!(mails[0]["fate"], "stranger", "{mails}");
    assert!(answers(&folder, &peer, "09:11").is_empty() && letterbox.waiting() == 0);
}

/// What is locked stays closed until somebody answers for the sender; then the password of that unit opens it.
#[test]
fn a_locked_archive_of_a_stranger_is_taken_once_it_is_let_in() {
    let Some((letterbox, peer, folder)) = office() else { return };
    let zip = |rows| {
        let members = [("locked.csv", &results(rows, None)[..])];
        shenling::forms::papers::pack(&members, PASSWORD, chrono::DateTime::UNIX_EPOCH).unwrap()
    };
    let (alone, beside, plain) = (zip(1..4), zip(4..6), results(6..7, None));
    letterbox.put(&mail("who@elsewhere.test", "alone@else", "考核结果", &[("r.zip", &alone)]));
    letterbox.put(&mail("who@elsewhere.test", "beside@else", "考核结果", &[("p.csv", &plain), ("r.zip", &beside)]));
    collect(&folder, 1, "09:00");
    answers(&folder, &peer, "09:01");
    for mail in ["m1", "m2"] {
        let accept = ["set-aside", "accept", mail, "--unit", PRISON, "--reason", "新地址，已核实", "--by", "某经办"];
        folder.expect(0, &[&["--now", &at("09:02")], &accept[..]].concat());
    }
    // The address stays unregistered: the unit is the one that was named.
    let mails = collect(&folder, 0, "09:03");
    let taken = |mail: usize| -> Vec<(u64, String)> {
        let files = mails[mail]["files"].as_array().unwrap();
        files.iter().map(|f| (f["taken"].as_u64().unwrap(), f["file"].as_str().unwrap().to_owned())).collect()
    };
    assert_eq!(taken(0), [(3, "locked.csv".to_owned())], "{mails}");
    assert_eq!(taken(1), [(1, "p.csv".to_owned()), (2, "locked.csv".to_owned())], "{mails}");
    let replies = answers(&folder, &peer, "09:04");
    assert!(replies[0].headers["subject"].contains("收下 3 行") && replies[1].headers["subject"].contains("收下 3 行"));
    assert_eq!(folder.json(0, &["status"])["assessments"], 6);
    // A copy of it elsewhere in the mailbox is the same mail.
    letterbox.put(&mail("who@elsewhere.test", "alone@else", "考核结果", &[("r.zip", &alone)]));
    assert_eq!(collect(&folder, 0, "09:05").as_array().unwrap().len(), 0);
    folder.expect(0, &["audit", "verify"]);
}
