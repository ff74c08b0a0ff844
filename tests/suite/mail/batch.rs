//! A batch by mail: the folder gets it, the agency gets it encrypted, and nothing personal stands outside the ZIP.

use shenling::forms::papers::unpack;

use super::opened::open;
use super::peer::{Hello, Peer, Play};
use super::{folder, set};
use crate::support::{self, Folder, PASSWORD, PASSWORD_FILE, resident_id, results_csv, roster_csv};

const NOW: &str = "2026-10-01T09:00:00+08:00";
const LATER: &str = "2026-10-01T09:30:00+08:00";
const BATCH: &str = "CZ-2026-Q2-001";
const NAME: &str = "欧阳试名";

/// A claimed season whose bureau takes batches by mail.
fn claimed(peer: &Peer, recipients: &str) -> Folder {
    let folder = folder(peer);
    set(&folder, "rosters_by_email = false", "rosters_by_email = true");
    set(&folder, "recipients = [\"bureau\"]", recipients);
    for id in ["bureau", "finance"] {
        let config = std::fs::read_to_string(folder.config()).unwrap();
        let (before, after) = config.split_once(&format!("id = \"{id}\"")).unwrap();
        let after = after.replacen("email = []", &format!("email = [\"{id}@example.cn\"]"), 1);
        std::fs::write(folder.config(), format!("{before}id = \"{id}\"{after}")).unwrap();
    }
    let id = resident_id("19900101", 1);
    folder.put(
        "r.csv",
        results_csv(&[format!(
            "常州监狱,32041234,{NAME},{id},演示学校,演示鉴定,焊工,五级,第1期,2026-03-02,2026-04-01,120,48,72,2026-04-10,\
             80,81,合格,职业技能等级证书,S000032000001265000001,2026-04-20,"
        )]),
    );
    folder.put("ro.csv", roster_csv(&[format!("常州监狱,32041234,{NAME},男,{id},2027-01-01,焊工,五级,第1期")]));
    folder.expect(0, &["import", "r.csv", "--now", NOW]);
    let approved = ["--approved-on", "2026-01-10", "--approved-by", "某局"];
    folder.expect(0, &[&["--now", NOW, "import", "ro.csv"], &approved[..]].concat());
    folder.expect(0, &["once", "claim", "--period", "2026-Q2", "--now", NOW]);
    folder
}

#[test]
fn a_batch_goes_to_the_folder_and_encrypted_by_mail() {
    if !support::fonts_are_there() {
        return;
    }
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = claimed(&peer, "recipients = [\"bureau\"]");
    let (code, _, err) = folder.run(&["--now", NOW, "once", "deliver"]);
    assert!(code == 1 && err.contains("没有加密口令"), "{err}");
    assert!(peer.arrived().is_empty());
    folder.put(PASSWORD_FILE, PASSWORD);
    folder.expect(0, &["--now", LATER, "once", "deliver"]);
    let in_folder = std::fs::read(folder.work().join(format!("outbox/bureau/{BATCH}/{BATCH}.zip"))).unwrap();
    let arrived = peer.arrived();
    assert_eq!((arrived.len(), arrived[0].to.as_slice()), (1, &["bureau@example.cn".to_owned()][..]));
    let mail = open(&arrived[0].raw);
    assert_eq!(mail.headers["subject"], format!("申领批次 {BATCH}：2026年第二季度补贴申领材料，请审核盖章"));
    assert_eq!(mail.files.keys().collect::<Vec<_>>(), [&format!("{BATCH}-cover.pdf"), &format!("{BATCH}.zip")]);
    assert_eq!(mail.files[&format!("{BATCH}.zip")], in_folder);
    let members = unpack(&in_folder, PASSWORD).unwrap();
    assert!(members.iter().any(|(name, _)| name.contains("附件7")), "Chinese names inside");
    let id = resident_id("19900101", 1);
    for personal in [NAME, &id, &id[6..14], "32041234", "S000032000001265000001"] {
        for place in [&mail.text, &mail.html, &arrived[0].raw] {
            assert!(!place.contains(personal), "{personal}");
        }
    }
    let batch = folder.json(0, &["batch", "show", BATCH])["batch"].clone();
    for control in [batch["lines_sha256"].as_str().unwrap(), "1 人", "1,200.00 元", "7-Zip、WinRAR、Bandizip 或 WPS"]
    {
        assert!(mail.text.contains(control) && mail.html.contains(control), "{control}\n{}", mail.text);
    }
    folder.expect(0, &["--now", LATER, "once", "deliver"]);
    assert_eq!(peer.arrived().len(), 1);
}

#[test]
fn an_agency_that_gets_no_personal_data_gets_its_mail_encrypted_all_the_same() {
    if !support::fonts_are_there() {
        return;
    }
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = claimed(&peer, "recipients = [\"finance\"]");
    folder.put("data/credentials/zip-password-finance", PASSWORD);
    folder.expect(0, &["--now", LATER, "once", "deliver"]);
    let mail = open(&peer.arrived()[0].raw);
    let members = unpack(&mail.files[&format!("{BATCH}.zip")], PASSWORD).unwrap();
    assert!(members.iter().any(|(name, _)| name.contains("附件7")));
    assert!(!members.iter().any(|(name, _)| name.contains("附件8")));
    assert!(mail.headers["subject"].ends_with("请拨付"));
}

#[test]
fn a_void_batch_leaves_by_no_door() {
    if !support::fonts_are_there() {
        return;
    }
    let peer = Peer::new(Hello::Bare, &[Play::Data("451 not now")]);
    let folder = claimed(&peer, "recipients = [\"bureau\"]");
    folder.put(PASSWORD_FILE, PASSWORD);
    folder.expect(1, &["--now", LATER, "once", "deliver"]);
    let because = ["--reason", "金额有误", "--by", "某经办"];
    folder.expect(0, &[&["--now", LATER, "batch", "void", BATCH], &because[..]].concat());
    folder.expect(0, &["--now", "2026-10-02T09:00:00+08:00", "once", "deliver"]);
    assert_eq!(peer.arrived().len(), 1, "the one that was not accepted");
    let listed = folder.json(0, &["delivery", "list", "--all"]);
    assert_eq!((listed[0]["state"].as_str(), listed[1]["state"].as_str()), (Some("done"), Some("withdrawn")));
}
