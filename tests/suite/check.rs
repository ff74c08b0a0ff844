//! `check`: every mistake in one run, none hidden by another and none told twice.

use std::fs;

use crate::support::{Folder, PASSWORD_FILE};

/// Replaces texts of `shenling.toml`.
fn configure(folder: &Folder, changes: &[(&str, &str)]) {
    let mut config = fs::read_to_string(folder.config()).unwrap();
    for (from, to) in changes {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    fs::write(folder.config(), config).unwrap();
}

/// The errors of `check`.
fn errors(folder: &Folder) -> Vec<String> {
    let (_, out, _) = folder.run(&["check"]);
    out.lines().filter(|line| line.contains(" 错误：")).map(str::to_owned).collect()
}

/// From the autumn on, who owes a plan and has no address is a mistake of its own.
fn errors_but_for_addresses(folder: &Folder) -> Vec<String> {
    errors(folder).into_iter().filter(|line| !line.contains("没有电子邮箱")).collect()
}

/// Every one is there, and nothing else.
fn assert_errors(folder: &Folder, expected: &[&str]) {
    let errors = errors(folder);
    for says in expected {
        assert!(errors.iter().any(|line| line.contains(says)), "{says} is missing in {errors:#?}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
}

#[test]
fn a_mistake_in_the_settings_hides_no_other() {
    let folder = Folder::new();
    configure(
        &folder,
        &[
            ("max_sheets = 100", "max_sheets = 1.5"),
            ("recipients = [\"bureau\"]", "recipients = [\"police\"]"),
            ("inbox = \"inbox\"", "inbox = \"nowhere\""),
            ("outbox = \"outbox\"", "outbox = \"/proc\""),
            ("\nurl = \"\"", "\nurl = \"postgres://nobody@127.0.0.1:1/x\""),
            ("forms_dir = \"\"", "forms_dir = \"none\""),
        ],
    );
    let catalogue = folder.work().join("catalogue/agreements.csv");
    let agreements = fs::read_to_string(&catalogue).unwrap().replace("溧阳监狱", "无名监狱");
    fs::write(catalogue, agreements).unwrap();
    fs::remove_file(folder.work().join("data/credentials/vault-key")).unwrap();
    assert_errors(
        &folder,
        &[
            "max_sheets",
            "\"police\" 不是部门",
            "nowhere 不存在",
            "发件文件夹 /proc 不能写入",
            "paths.forms_dir",
            "“无名监狱”没有配置",
            "没有数据密钥",
            "数据库连接不上",
        ],
    );
}

#[test]
fn what_hangs_on_a_mistake_is_not_told_as_another() {
    let folder = Folder::new();
    configure(&folder, &[("data = \"data\"", "data = 3"), ("\nurl = \"\"", "\nurl = 3")]);
    assert_errors(&folder, &["data：", "url："]);
    assert!(!folder.work().join("data/shenling.db").exists());
    configure(&folder, &[("data = 3", "data = \"data\""), ("\nurl = 3", "\nurl = \"\"")]);
    let file = folder.work().join("catalogue/institutions.csv");
    let institutions = fs::read_to_string(&file).unwrap();
    fs::write(&file, institutions.replace("演示学校,培训,", "演示学校,学校,")).unwrap();
    folder.put("catalogue/penalties.csv", "机构名称,处罚起始日,处罚截止日,重新认定日\n无名,2026-05-01,,2026-04-01\n");
    let file = folder.work().join("catalogue/occupations.csv");
    let occupations = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        occupations.replace("cook,中式烹调师,4-03-02-01,2025,,就业技能培训", "cook,中式烹调师,,,电焊工,某类"),
    )
    .unwrap();
    assert_errors(
        &folder,
        &[
            "“学校”不认识",
            "“无名”不在机构表中",
            "“重新认定日”2026-04-01 早于",
            "“某类”不认识",
            "别名“电焊工”也是第 2 行的别名",
        ],
    );
}

#[test]
fn a_password_that_cannot_be_used_is_an_error_with_its_file() {
    let folder = Folder::new();
    for (password, says) in [("short", "至少8位"), ("口令口令口令口令", "不能有中文"), (" ", "凭据文件是空的")]
    {
        folder.put(PASSWORD_FILE, password);
        let errors = errors_but_for_addresses(&folder);
        let [line] = &errors[..] else { panic!("{errors:#?}") };
        assert!(line.contains(PASSWORD_FILE) && line.contains(says), "{line}");
        assert_eq!(line.matches("错误：").count(), 1, "{line}");
    }
}

/// Puts a text in the place of one line of a file.
fn break_line(folder: &Folder, file: &str, line: usize, text: &str) {
    let path = folder.work().join(file);
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    text.clone_into(&mut lines[line - 1]);
    fs::write(path, lines.join("\n")).unwrap();
}

#[test]
fn every_replaced_file_is_held_against_its_use_and_named_with_its_line() {
    let folder = Folder::new();
    configure(
        &folder,
        &[("forms_dir = \"\"", "forms_dir = \"forms\""), ("templates_dir = \"\"", "templates_dir = \"templates\"")],
    );
    assert_eq!(errors_but_for_addresses(&folder), Vec::<String>::new());
    break_line(&folder, "forms/results.toml", 3, "=");
    break_line(&folder, "forms/annex8.toml", 16, "title = 3");
    break_line(&folder, "templates/annex7.typ", 2, "#let (");
    break_line(&folder, "templates/mail/batch.txt", 2, "{{ nobody }}");
    let errors = errors_but_for_addresses(&folder);
    for file in ["forms/results.toml:3", "forms/annex8.toml:16", "templates/annex7.typ:", "templates/mail/batch.txt:2"]
    {
        assert!(errors.iter().any(|line| line.starts_with(file) && line.contains("请对照")), "{file}: {errors:#?}");
    }
    assert_eq!(errors.len(), 4, "{errors:#?}");
}

/// What only setting the paper shows.
#[test]
fn a_template_that_parses_and_cannot_be_set_is_named_with_its_line() {
    if !crate::support::fonts_are_there() {
        return;
    }
    let folder = Folder::new();
    configure(&folder, &[("templates_dir = \"\"", "templates_dir = \"templates\"")]);
    break_line(&folder, "templates/annex7.typ", 2, "#nobody");
    let errors = errors_but_for_addresses(&folder);
    let [line] = &errors[..] else { panic!("{errors:#?}") };
    assert!(line.starts_with("templates/annex7.typ:2 "), "{line}");
}

#[test]
fn a_database_that_cannot_be_used_is_named_with_what_to_do() {
    let folder = Folder::new();
    folder.put("data/shenling.db", "not a database, but long enough to be looked at as one: ".repeat(20));
    let errors = errors(&folder);
    assert!(errors.len() == 1 && errors[0].contains("文件不是数据库，或已损坏"), "{errors:#?}");
    let Some(server) = crate::support::postgres() else { return };
    let (server, _) = server.rsplit_once('/').unwrap();
    let missing = format!("\nurl = \"{server}/shenling_was_never_made\"");
    configure(&folder, &[("\nurl = \"\"", &missing)]);
    let errors = self::errors(&folder);
    assert!(errors.len() == 1 && errors[0].contains("没有配置 database.url 所写的库"), "{errors:#?}");
}
