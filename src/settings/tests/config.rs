//! `shenling.toml` and the environment.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::{Database, FirstPayee, keys, layers, load, load_settings};
use super::{Folder, environment, heads, shipped, told};
use crate::subsidy::duty::{Ladder, Step};

fn said(text: &str) -> Vec<String> {
    let folder = Folder::new();
    folder.put("shenling.toml", text);
    match load_settings(&folder.path("shenling.toml"), &environment(&[])) {
        Ok(settings) => panic!("accepted: {settings:?}"),
        Err(mistakes) => told(&mistakes),
    }
}

#[test]
fn what_init_writes_is_read_and_holds_the_defaults() {
    let folder = Folder::new();
    let settings = folder.loaded().settings;
    let names: Vec<&str> = settings.prisons.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["常州监狱", "溧阳监狱", "新康监狱"]);
    assert_eq!(settings.prisons.iter().map(|p| p.lead).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(settings.agency("hrss").unwrap().name, "常州市人力资源和社会保障局");
    assert_eq!(settings.limits.max_rows, 1_048_576);
    assert!(settings.limits.max_unzipped_bytes < 1 << 30);
    assert_eq!(settings.limits.max_file_bytes, 50 << 20);
    assert_eq!(settings.paths.inbox, folder.path("inbox"));
    assert_eq!(settings.paths.fonts_dir, None);
    assert_eq!(settings.database, Database::Lite(folder.path("data/shenling.db")));
    assert_eq!((settings.payee.first, settings.mail.rosters_by_email), (FirstPayee::Prison, false));
}

#[test]
fn an_empty_file_means_the_defaults() {
    let folder = Folder::new();
    let full = folder.loaded().settings;
    folder.put("shenling.toml", "\u{FEFF}# nothing\n");
    assert_eq!(format!("{:?}", folder.loaded().settings), format!("{full:?}"));
}

#[test]
fn every_key_of_the_file_is_known_and_every_known_key_is_in_the_file() {
    let text = std::fs::read_to_string(shipped("shenling.toml")).unwrap();
    let root: toml::Table = text.parse().unwrap();
    let mut written = BTreeSet::new();
    for (section, value) in &root {
        let tables = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for (key, value) in tables.iter().flat_map(|table| table.as_table().unwrap().clone()) {
            match value.as_table() {
                Some(inner) => written.extend(inner.keys().map(|inner| format!("{key}.{inner}"))),
                None => drop(written.insert(format!("{section}.{key}"))),
            }
        }
    }
    let known: BTreeSet<String> = [keys::KEYS, keys::PRISON, keys::ACCOUNT, keys::AGENCY, keys::DUTY]
        .into_iter()
        .flatten()
        .map(|key| format!("{}.{}", key.section, key.name))
        .collect();
    assert_eq!(written, known);
    // Documented: a comment stands above each key, or above the group of a list.
    for key in keys::KEYS {
        let at = text.find(&format!("\n{} = ", key.name)).unwrap();
        let above = text[..at].rsplit('\n').next().unwrap();
        assert!(above.starts_with('#'), "{} has no comment above it", key.name);
    }
}

#[test]
fn several_mistakes_are_told_at_once_with_their_places() {
    let text = "[limits]\nmax_rows = 1.5\n  max_sheets = \"3\"\nmax_row = 3\nmax_file_bytes = 0\n\n[inboxes]\n\
                [mail]\nrosters_by_email = \"是\"\n[payee]\nfirst = \"监狱\"\n[claim]\nrecipients = [\"bureau\", 3]\n\
                [programme]\nname = \"\"\n";
    assert_eq!(
        heads(&said(text)),
        [
            "shenling.toml:2:12 错误：max_rows：小数 1.5 不是允许范围内的整数",
            "shenling.toml:3:16 错误：max_sheets：文字 \"3\" 不是允许范围内的整数",
            "shenling.toml:4:1 错误：不认识的键 max_row",
            "shenling.toml:5:18 错误：max_file_bytes：0 超出范围",
            "shenling.toml:7:2 错误：不认识的键 inboxes",
            "shenling.toml:9:20 错误：rosters_by_email：文字 \"是\" 不是 true 或 false",
            "shenling.toml:11:9 错误：first：“监狱”不是允许的选项",
            "shenling.toml:13:25 错误：recipients：列表中的 3 不是文字",
            "shenling.toml:15:8 错误：name：不能为空",
        ]
    );
    assert!(said(text)[5].ends_with("；请写 true（是）或 false（否），不加引号"), "{:?}", said(text)[5]);
}

#[test]
fn prisons_and_agencies_are_held_against_each_other() {
    let text = "[[prison]]\nname = \"常州监狱\"\nlead = true\n[[prison]]\nname = \"常州\"\nlead = true\n\
                account = { name = \"户\", bank = \"\", number = \"12-3\", iban = \"\" }\n[[prison]]\nlead = \"x\"\n\
                [[agency]]\nid = \"bureau\"\nname = \"局\"\n[[agency]]\nid = \"bureau\"\nname = \"\"\n[[agency]]\nid = \"police\"\n";
    assert_eq!(
        heads(&said(text)),
        [
            "shenling.toml:4:1 错误：牵头监狱多于一个",
            "shenling.toml:5:8 错误：监狱“常州”写了两次",
            "shenling.toml:7:1 错误：专户资料不全",
            "shenling.toml:7:45 错误：账号只能是数字",
            "shenling.toml:7:53 错误：不认识的键 iban",
            "shenling.toml:8:1 错误：缺少 name",
            "shenling.toml:9:8 错误：lead：文字 \"x\" 不是 true 或 false",
            "shenling.toml:10:1 错误：缺少部门 hrss",
            "shenling.toml:10:1 错误：缺少部门 justice",
            "shenling.toml:10:1 错误：缺少部门 finance",
            "shenling.toml:14:6 错误：部门 bureau 写了两次",
            "shenling.toml:15:8 错误：name：不能为空",
            "shenling.toml:16:1 错误：缺少 name",
            "shenling.toml:17:6 错误：id：“police”不是允许的选项",
        ]
    );
    assert_eq!(heads(&said("[[prison]]\nname = \"甲监狱\"\n")), ["shenling.toml:1:1 错误：1 个监狱中没有牵头监狱"]);
    assert_eq!(heads(&said("[prison]\nname = \"甲监狱\"\n"))[0], "shenling.toml:1:2 错误：prison 应是若干节");
    assert_eq!(heads(&said("limits = 3\n")), ["shenling.toml:1:1 错误：limits 应是一节"]);
}

#[test]
fn what_only_the_whole_can_tell() {
    let text = "[paths]\ninbox = \"a\"\noutbox = \"a\"\nfonts_dir = \"字体\"\n[claim]\nrecipients = [\"police\", \"finance\", \"finance\"]\n\
                [database]\nurl = \"mysql://x\"\n";
    let said_here = said(text);
    assert!(said_here[3].starts_with("shenling.toml:4:13 错误：paths.fonts_dir 指的文件夹 "), "{said_here:?}");
    let others: Vec<String> = said_here.into_iter().filter(|line| !line.contains("fonts_dir")).collect();
    assert_eq!(
        heads(&others),
        [
            "shenling.toml:8:7 错误：database.url 不是数据库地址",
            "shenling.toml:6:14 错误：claim.recipients 中的 \"police\" 不是部门",
            "shenling.toml:6:14 错误：claim.recipients 中 \"finance\" 写了两次",
            "shenling.toml:3:10 错误：paths.outbox 和 paths.inbox 是同一个文件夹",
        ]
    );
    assert_eq!(heads(&said("[claim]\nrecipients = []\n")), ["shenling.toml:2:14 错误：claim.recipients 是空的"]);
}

#[test]
fn syntax_and_encoding() {
    let broken = said("[paths]\ninbox = “收件”\n[limits\nmax_rows = 3\nmax_rows = 4\n");
    assert_eq!(
        heads(&broken),
        [
            "shenling.toml:2:9 错误：不符合 TOML 语法：文字没有加英文引号",
            "shenling.toml:3:8 错误：不符合 TOML 语法：引号或括号没有成对",
        ]
    );
    let beside = "[paths]\ninbox = “收件”\n[[prison]]\nname = \"甲监狱\nlead = true\n[limits]\nmax_rows = 3\nmax_rows = 4\nmax_sheets = 0\nmax_row = 1\n";
    assert_eq!(
        heads(&said(beside)),
        [
            "shenling.toml:2:9 错误：不符合 TOML 语法：文字没有加英文引号",
            "shenling.toml:4:12 错误：不符合 TOML 语法：有不允许的字符或写法",
            "shenling.toml:8:1 错误：不符合 TOML 语法：同一个键写了两次",
            "shenling.toml:9:14 错误：max_sheets：0 超出范围",
            "shenling.toml:10:1 错误：不认识的键 max_row",
        ]
    );
    assert_eq!(heads(&said("[mail]\nx\n"))[0], "shenling.toml:2:2 错误：不符合 TOML 语法：键后面没有“= 值”");
    let folder = Folder::new();
    folder.put("shenling.toml", b"[paths]\n# \xCA\xD5\n");
    assert_eq!(heads(&folder.said()), ["shenling.toml:2:3 错误：文件不是 UTF-8 编码"]);
    let missing = load(Path::new("/nowhere/x.toml"), &environment(&[])).map(|_| ()).unwrap_err();
    assert!(told(&missing)[0].starts_with("/nowhere/x.toml 错误：没有这个配置文件"), "{missing:?}");
}

#[test]
fn the_environment_wins_and_is_held_to_the_same_rules() {
    let folder = Folder::new();
    folder.put("shenling.toml", "[limits]\nmax_rows = 10\nmax_sheets = 2\n");
    let file = folder.path("shenling.toml");
    let variables = environment(&[
        ("SHENLING__LIMITS__MAX_ROWS", "7"),
        ("SHENLING__CLAIM__RECIPIENTS", "bureau, finance"),
        ("SHENLING__DATABASE__URL", "postgres://u:secret@h/d"),
        ("SHENLING__MAIL__ROSTERS_BY_EMAIL", "true"),
        ("SHENLING__PROGRAMME__NAME", "2026"),
        ("SHENLING_FONTS", "/f"),
    ]);
    let settings = load_settings(&file, &variables).unwrap();
    assert_eq!(
        (settings.limits.max_rows, settings.limits.max_sheets, settings.limits.max_file_bytes),
        (7, 2, 50 << 20)
    );
    assert_eq!(settings.claim.recipients, ["bureau", "finance"]);
    assert_eq!((settings.programme.name.as_str(), settings.mail.rosters_by_email), ("2026", true));
    assert!(!format!("{settings:?}").contains("secret"));
    let wrong = environment(&[
        ("SHENLING__INBOX__STABLE_SECONDS", "1.5"),
        ("SHENLING__LIMITS__MAX_ROWS", "+7"),
        ("SHENLING__LIMITS__ROWS", "7"),
        ("SHENLING__MAIL__ROSTERS_BY_EMAIL", "yes"),
    ]);
    assert_eq!(
        heads(&told(&load_settings(&file, &wrong).unwrap_err())),
        [
            "环境变量 SHENLING__INBOX__STABLE_SECONDS 错误：“1.5”不是允许范围内的整数",
            "环境变量 SHENLING__LIMITS__MAX_ROWS 错误：“+7”不是允许范围内的整数",
            "环境变量 SHENLING__LIMITS__ROWS 错误：没有这个设置",
            "环境变量 SHENLING__MAIL__ROSTERS_BY_EMAIL 错误：“yes”不是 true 或 false",
        ]
    );
}

#[test]
fn a_broken_config_does_not_hide_the_catalogue() {
    let folder = Folder::new();
    folder.put("shenling.toml", "[limit]\n").put("catalogue/penalties.csv", "机构名称\n");
    let said = folder.said();
    assert_eq!(heads(&said)[0], "shenling.toml:1:2 错误：不认识的键 limit");
    assert_eq!(heads(&said)[1], "catalogue/penalties.csv:1 错误：没有表头行");
}

#[test]
fn the_shipped_file_is_the_layer_of_defaults() {
    assert_eq!(std::fs::read_to_string(shipped("shenling.toml")).unwrap(), layers::DEFAULTS);
}

#[test]
fn duties_and_office_hours_are_read_strictly() {
    let text = "[[duty]]\nid = \"Plan\"\nname = \"计划\"\nkind = \"plan\"\ndue = \"11-31\"\n\
                steps = [\"D-60\", \"D-60\", \"D+1\", \"7\"]\ncopy_lead_from = \"never\"\n[[duty]]\nid = \"q\"\nname = \"季度\"\n\
                kind = \"claim\"\ndue = \"11-30\"\nsteps = []\noverdue_days = 40\nchase_days = 60\nagency = \"police\"\nyear = 1\n\
                [[duty]]\nid = \"q\"\n";
    assert_eq!(
        heads(&said(text)),
        [
            "shenling.toml:2:6 错误：“Plan”不能作 id",
            "shenling.toml:5:7 错误：“11-31”不是期限",
            "shenling.toml:6:18 错误：“D-60”写了两次",
            "shenling.toml:6:26 错误：“D+1”在截止之后",
            "shenling.toml:6:33 错误：“7”不是催报步骤",
            "shenling.toml:7:18 错误：copy_lead_from：“never”不是催报步骤",
            "shenling.toml:12:7 错误：kind = \"claim\" 与 due = \"11-30\" 不相配",
            "shenling.toml:13:9 错误：steps 是空的",
            "shenling.toml:15:14 错误：chase_days = 60 不足以发完 40 个工作日的逾期催报",
            "shenling.toml:16:10 错误：agency：“police”不是允许的选项",
            "shenling.toml:17:1 错误：不认识的键 year",
            "shenling.toml:18:1 错误：缺少 name",
            "shenling.toml:18:1 错误：缺少 kind",
            "shenling.toml:18:1 错误：缺少 due",
            "shenling.toml:19:6 错误：催报事项 q 写了两次",
        ]
    );
    for (hours, says) in [
        ("opens = \"9:00\"", "shenling.toml:2:9 错误：office.opens：“9:00”不是时刻"),
        ("closes = \"24:00\"", "shenling.toml:2:10 错误：office.closes：“24:00”不是时刻"),
        ("closes = \"09:00\"", "shenling.toml:2:10 错误：office.closes 不晚于 office.opens"),
    ] {
        assert_eq!(heads(&said(&format!("[office]\n{hours}\n"))), [says]);
    }
}

#[test]
fn the_duties_of_the_file_replace_those_of_the_program() {
    let folder = Folder::new();
    let on = |folder: &Folder| folder.loaded().settings.duties.iter().map(|duty| duty.id.clone()).collect::<Vec<_>>();
    assert_eq!(on(&folder), ["plan"], "the notice gives no other deadline");
    folder.put("shenling.toml", "[[duty]]\nid = \"q\"\nname = \"季度\"\nkind = \"claim\"\ndue = \"quarter-end+10\"\n[office]\nopens = \"08:30\"\n");
    let settings = folder.loaded().settings;
    let duty = &settings.duties[0];
    assert_eq!((on(&folder), duty.chase_days, duty.ladder.clone()), (vec!["q".to_owned()], 180, Ladder::default()));
    assert_eq!((duty.escalation.lead_from, duty.escalation.agency_from), (Step::parse("D+1"), Step::parse("D+5")));
    assert_eq!(settings.office.in_words(), "08:30—17:00");
}
