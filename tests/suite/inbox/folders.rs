//! Files of the inbox folder that ask for an answer by where they lie.

use std::fs;

use super::{CLERK, PRISON, answers, at, results};
use crate::mail;
use crate::mail::peer::{Hello, Peer};
use crate::support::Folder;

fn collect(folder: &Folder, kill_at: Option<&str>, time: &str) -> Option<i32> {
    let mut command = folder.command(&["--now", &at(time), "once", "collect"]);
    if let Some(point) = kill_at {
        command.env("SHENLING_KILL_AT", point);
    }
    command.output().unwrap().status.code()
}

fn addressed(folder: Folder) -> Folder {
    let prison = format!("name = \"{PRISON}\"\nid = \"\"\nlead = false\nemail = []");
    mail::set(&folder, &prison, &prison.replace("email = []", &format!("email = [\"{CLERK}\"]")));
    folder
}

#[test]
fn a_trial_in_the_folder_leaves_its_reply_in_the_outbox_and_nothing_else() {
    let folder = Folder::new();
    folder.put("inbox/试检/r.csv", results(1..3, Some(3)));
    assert_eq!(collect(&folder, None, "09:00"), Some(1));
    assert!(!folder.work().join("inbox/试检/r.csv").exists());
    let status = folder.json(0, &["status"]);
    assert_eq!((&status["assessments"], &status["originals"]["read"]), (&0.into(), &0.into()));
    folder.run(&["--now", &at("09:01"), "once", "deliver"]);
    let place = fs::read_dir(folder.work().join("outbox/试检")).unwrap().next().unwrap().unwrap().path();
    let reply = fs::read_to_string(place.join("回执.txt")).unwrap();
    for told in ["【试检】经办人：可以收下 2 行，退回 1 行", "没有保存任何内容", "再放进“试检”文件夹", "P4", "鉴定日期"]
    {
        assert!(reply.contains(told), "{told}\n{reply}");
    }
    assert!(!reply.contains("10/4/26"));
}

#[test]
fn a_file_in_the_folder_of_a_unit_is_answered_to_it_once_though_killed() {
    let peer = Peer::new(Hello::Bare, &[]);
    let seed = addressed(mail::folder(&peer));
    for point in [
        "store.keep-original.after-commit",
        "store.take-in.after-commit",
        "store.queue-letter.before-commit",
        "store.queue-letter.after-commit",
        "inbox.remove.before",
    ] {
        let folder = seed.copy();
        // By its short name.
        folder.put("inbox/溧阳/r.csv", results(1..3, Some(3)));
        assert_eq!(collect(&folder, Some(point), "09:00"), None, "{point}");
        collect(&folder, None, "09:01");
        collect(&folder, None, "09:02");
        let replies = answers(&folder, &peer, "09:03");
        let subjects: Vec<&str> = replies.iter().map(|reply| reply.headers["subject"].as_str()).collect();
        assert_eq!(subjects.len(), 1, "{point}: {subjects:?}");
        assert!(subjects[0].starts_with("【需更正】溧阳监狱：收下 2 行，退回 1 行"), "{point}: {subjects:?}");
        assert_eq!(&*replies[0].headers["to"], CLERK);
    }
    // The same file again says the same; after a mend in the catalogue it is taken otherwise, and that is told too.
    let folder = seed.copy();
    let unknown = String::from_utf8(results(1..3, None)).unwrap().replace("演示鉴定", "新来的鉴定");
    let mut subjects = Vec::new();
    for time in ["09:00", "09:10", "09:20"] {
        if time == "09:20" {
            let institutions = fs::read_to_string(folder.work().join("catalogue/institutions.csv")).unwrap();
            let assessor = institutions.lines().find(|line| line.contains("演示鉴定")).unwrap();
            let (_, rest) = assessor.split_once(",演示鉴定,").unwrap();
            folder.put("catalogue/institutions.csv", format!("{institutions}常州市新来的鉴定中心,新来的鉴定,{rest}\n"));
        }
        folder.put("inbox/溧阳/r.csv", unknown.as_bytes());
        collect(&folder, None, time);
        subjects.extend(answers(&folder, &peer, time).into_iter().map(|reply| reply.headers["subject"].clone()));
    }
    let told: Vec<&str> = subjects.iter().map(|subject| subject.split_once('〔').unwrap().0).collect();
    assert_eq!(told, ["【需更正】溧阳监狱：收下 0 行，退回 2 行", "【回执】溧阳监狱：收下 2 行"]);
    // Elsewhere in the folder nobody is answered.
    seed.put("inbox/r.csv", results(1..3, None));
    collect(&seed, None, "10:00");
    assert!(answers(&seed, &peer, "10:01").is_empty());
}
