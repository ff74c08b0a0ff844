//! What `init` leaves, credentials, fonts, holiday tables, and what `check` doubts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::{Severity, credentials, doubts, fonts, holidays, init};
use super::{Folder, environment, heads, told};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn init_leaves_a_folder_that_loads_and_never_overwrites() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("new/place");
    let key = init::new_vault_key();
    assert_ne!(*key, *init::new_vault_key());
    let written = init::write(&dir, &key).unwrap();
    assert_eq!(written.len(), 9);
    assert_eq!((mode(&dir.join("data")), mode(&dir.join("data/credentials"))), (0o700, 0o700));
    assert_eq!(mode(&dir.join("data/credentials/vault-key")), 0o600);
    let kept = credentials::read(credentials::VAULT_KEY, &dir.join("data"), None).unwrap().unwrap();
    assert_eq!(*kept, hex::encode(*key));
    std::fs::remove_file(dir.join("catalogue/rates.csv")).unwrap();
    std::fs::write(dir.join("catalogue/rates.xlsx"), "mine").unwrap();
    let refused = init::write(&dir, &key).unwrap_err().to_string();
    assert!(refused.starts_with("已经存在，不会覆盖：") && refused.contains("shenling.toml"), "{refused}");
    assert!(refused.contains("rates.xlsx") && !refused.contains("rates.csv"), "{refused}");
    assert!(!dir.join("catalogue/rates.csv").exists());
}

#[test]
fn what_init_writes_is_doubted_but_sound() {
    let folder = Folder::new();
    let loaded = folder.loaded();
    assert_eq!(told(&loaded.warnings), Vec::<String>::new());
    assert!(loaded.catalogue.occupations.len() >= 40);
    for (name, id) in [("SYB", "syb"), ("创业能力培训（IYB）", "iyb"), ("gyb", "gyb"), ("6-18-02-04", "hangong")]
    {
        assert_eq!(loaded.catalogue.occupation(name).map(|o| &*o.id), Some(id), "{name}");
    }
    let said = doubts::all(&loaded.settings, &loaded.catalogue, &loaded.calendar, "2026-12-05".parse().unwrap());
    assert_eq!(
        heads(&told(&said))[..10],
        [
            "shenling.toml 待确认：payee.first = \"prison\"：财政资金先拨到监狱专户，再由监狱付给机构（通知原文）",
            "shenling.toml 待确认：mail.rosters_by_email = false：含个人信息的名单只走文件夹，不发邮件",
            "catalogue/policies.toml 待确认：政策“changzhou-2022”的 repeat_window = \"rolling-12-months\"（前后不满 12 个月不重复）",
            "catalogue/rates 警告：还没有任何补贴标准，全部申领都会因“不在目录”不予核定",
            "catalogue/institutions 警告：还没有任何机构",
            "shenling.toml 警告：“常州监狱”还没有填补贴专户",
            "shenling.toml 警告：“溧阳监狱”还没有填补贴专户",
            "shenling.toml 警告：“新康监狱”还没有填补贴专户",
            "shenling.toml 警告：publicity.contact 还没有填",
            "holidays 警告：没有 2027 年的节假日表，工作日暂按周末推算",
        ]
    );
    assert_eq!(said[10..].iter().filter(|m| m.severity == Severity::Confirm).count(), 5);
}

#[test]
fn what_ends_soon_is_said_in_time() {
    let folder = Folder::new();
    folder
        .put("catalogue/occupations.csv", "工种标识,名称\nhan,焊工\n")
        .put("catalogue/institutions.csv", "机构名称,类型,认定起始日\n甲校,培训,2024-01-01\n")
        .put(
            "catalogue/rates.csv",
            "工种,等级,证书类型,培训补贴,起始日,截止日,依据\n焊工,5,技能等级证书,1,2024-01-01,2026-12-31,a\n\
             焊工,5,技能等级证书,1,2027-01-01,,a\n焊工,4,技能等级证书,1,2024-01-01,2026-12-31,a\n",
        )
        .put(
            "catalogue/policies.toml",
            "[[policy]]\nid = \"a\"\ncitation = \"b\"\nvalid_from = 2022-01-01\nvalid_to = 2026-12-31\n",
        );
    let loaded = folder.loaded();
    let said = |day: &str| doubts::gaps(&loaded.settings, &loaded.catalogue, day.parse().unwrap());
    assert_eq!(
        heads(&told(&said("2026-11-23")))[..3],
        [
            "catalogue/policies.toml 警告：政策“a”即将到期，2027-01-01 起没有政策",
            "catalogue/rates 警告：1 条补贴标准将在 2027-01-23 前到期，没有接续",
            "catalogue/institutions 警告：“甲校”缺少附件7、9 要印的：组织机构代码、法定代表人、开户银行、户名、银行账号、联系人、联系电话",
        ]
    );
    assert!(heads(&told(&said("2026-06-01")))[0].starts_with("catalogue/institutions"));
    assert_eq!(
        heads(&told(&said("2027-01-01")))[0],
        "catalogue/policies.toml 警告：2027-01-01 没有有效的政策，任何补贴都不能核定"
    );
    assert_eq!(heads(&told(&said("2021-01-01")))[1], "catalogue/rates 警告：2021-01-01 没有一条有效的补贴标准");
}

#[test]
fn credentials_come_from_systemd_first_and_files_must_be_closed() {
    let root = tempfile::tempdir().unwrap();
    let (data, systemd) = (root.path().join("data"), root.path().join("systemd"));
    for folder in [data.join("credentials"), systemd.clone()] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let name = credentials::zip_password("bureau");
    let read = || credentials::read(&name, &data, Some(&systemd)).map(|secret| secret.map(|s| s.to_string()));
    assert_eq!(read().unwrap(), None);
    let file = credentials::file(&data, &name);
    std::fs::write(&file, "abc def\r\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let open = read().unwrap_err();
    assert!(open.message.contains("权限 640") && open.advice.contains("chmod 600"), "{open}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read().unwrap().as_deref(), Some("abc def"));
    std::fs::write(systemd.join(&name), "better").unwrap();
    assert_eq!(read().unwrap().as_deref(), Some("better"));
    std::fs::write(systemd.join(&name), "\n").unwrap();
    assert_eq!(read().unwrap_err().message, "凭据文件是空的");
    assert!(credentials::read("../x", &data, None).is_err());
}

#[test]
fn fonts_of_the_customer_come_first() {
    let folder = Folder::new();
    for name in ["own/b.ttf", "own/a.OTF", "own/readme.txt", "more/deep/c.ttc"] {
        let path = folder.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    folder.put("shenling.toml", "[paths]\nfonts_dir = \"own\"\n");
    let settings = folder.loaded().settings;
    let more = folder.path("more").display().to_string();
    let directories = fonts::directories(&settings, &environment(&[("SHENLING_FONTS", &more)]));
    assert_eq!(directories, [folder.path("own"), folder.path("more"), Path::new(fonts::PACKAGED).to_path_buf()]);
    let files = fonts::files(&directories[..2]);
    assert_eq!(files, ["own/a.OTF", "own/b.ttf", "more/deep/c.ttc"].map(|name| folder.path(name)));
}

#[test]
fn shipped_holiday_tables_are_sound() {
    let (calendar, mistakes) = holidays::built_in();
    assert_eq!(told(&mistakes), Vec::<String>::new());
    assert_eq!(calendar.years().collect::<Vec<_>>(), [2022, 2023, 2024, 2025, 2026]);
    for (year, working_days) in [(2022, 249), (2023, 249), (2024, 251), (2025, 248), (2026, 248)] {
        let first = chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let days = first.iter_days().take_while(|day| chrono::Datelike::year(day) == year);
        assert_eq!(days.filter(|day| calendar.is_working_day(*day)).count(), working_days, "{year}");
    }
}

#[test]
fn working_days_are_counted_as_the_tables_say() {
    let (calendar, _) = holidays::built_in();
    let date = |text: &str| text.parse().unwrap();
    for (from, counted, not_counted) in [
        ("2022-09-29", "2022-10-10", "2022-10-11"),
        ("2024-02-07", "2024-02-19", "2024-02-20"),
        ("2025-09-26", "2025-10-09", "2025-10-10"),
        ("2026-02-12", "2026-02-25", "2026-02-26"),
        ("2026-04-30", "2026-05-09", "2026-05-11"),
        ("2024-03-06", "2024-03-12", "2024-03-13"),
    ] {
        for (count_first_day, expected) in [(true, counted), (false, not_counted)] {
            let due = calendar.add_working_days(date(from), 5, count_first_day);
            assert_eq!((due.on, due.is_provisional()), (date(expected), false), "{from} {count_first_day}");
        }
    }
    for (year, day) in [(2022, 30), (2023, 30), (2024, 29), (2025, 28), (2026, 30), (2027, 30)] {
        let due = calendar.last_working_day_on_or_before(date(&format!("{year}-11-30")));
        assert_eq!((due.on, due.is_provisional()), (date(&format!("{year}-11-{day}")), year == 2027));
    }
    let due = calendar.add_working_days(date("2026-12-30"), 5, false);
    assert_eq!(due.on, date("2027-01-06"));
    assert_eq!(due.provisional.into_iter().collect::<Vec<_>>(), [2027]);
    assert_eq!(calendar.add_working_days(date("2026-12-30"), 0, true).on, date("2026-12-30"));
}

#[test]
fn an_administrators_holiday_table_wins_and_is_checked() {
    let folder = Folder::new();
    folder.put("shenling.toml", "[paths]\nholidays_dir = \"h\"\n");
    assert!(folder.said()[0].starts_with("h 错误：读不到节假日文件夹"));
    std::fs::create_dir(folder.path("h")).unwrap();
    let table = "year = 2027\ncitation = \"通知\"\noff = [\"2027-01-01..2027-01-03\"]\nworked = [\"2027-01-09\"]\n";
    folder.put("h/2027.toml", table);
    let calendar = folder.loaded().calendar;
    let date = |text: &str| text.parse().unwrap();
    assert!(!calendar.is_working_day(date("2027-01-01")) && calendar.is_working_day(date("2027-01-09")));
    assert!(!calendar.last_working_day_on_or_before(date("2027-11-30")).is_provisional());
    let broken = "year = 2027\nyears = 1\noff = [\"2027-01-01..2027-13-03\", \"2026-12-31\", \"2027-10-07..2027-10-01\",\n\
                  \"2027-10-09\"]\nworked = [\"2027-10-09\", \"2027-10-11\", 3]\ncitation = \"x\"\n";
    folder.put("h/2028.toml", broken.replace(", 3]", "]"));
    assert_eq!(
        heads(&folder.said()),
        [
            "h/2028.toml:1:8 错误：文件名与 year = 2027 不符",
            "h/2028.toml:2:1 错误：不认识的键 years",
            "h/2028.toml:3:8 错误：“2027-13-03”不是日期",
            "h/2028.toml:3:34 错误：“2026-12-31”不在 2027 年",
            "h/2028.toml:3:48 错误：“2027-10-07..2027-10-01”的起止不对",
            "h/2028.toml:5:11 错误：2027-10-09 既放假又上班",
            "h/2028.toml:5:25 错误：2027-10-11 不是周末",
        ]
    );
}

#[test]
fn a_new_holiday_table_is_read_more_strictly_and_put_in_whole() {
    let folder = Folder::new();
    let off = "\"2027-01-01..2027-01-03\", \"2027-02-05..2027-02-11\", \"2027-04-03..2027-04-05\", \"2027-05-01..2027-05-05\", \"2027-10-01..2027-10-07\"";
    let table =
        |off: &str, worked: &str| format!("year = 2027\ncitation = \"通知\"\noff = [{off}]\nworked = [{worked}]\n");
    let read = |text: &str| holidays::read_new("新表.toml", text.as_bytes());
    let good = table(off, "\"2027-02-13\"");
    assert_eq!(read(&good).unwrap().off.len(), 25);
    let said = |text: &str| told(&read(text).unwrap_err());
    assert_eq!(
        heads(&said(&table("\"2027-10-01..2027-10-07\", \"2027-10-07\"", "\"2027-02-13\", \"2027-02-13\""))),
        ["新表.toml:3:34 错误：2027-10-07 写了两次", "新表.toml:4:25 错误：2027-02-13 写了两次"]
    );
    assert_eq!(
        heads(&said(&table("\"2027-10-01..2027-10-07\"", ""))),
        [
            "新表.toml 错误：2027-01-01 没有放假，历年通知都放假",
            "新表.toml 错误：2027-05-01 没有放假，历年通知都放假",
            "新表.toml 错误：全年只写了 7 天放假，与历年相差太远",
            "新表.toml 警告：worked 是空的：没有一个调休上班的周末",
        ]
    );
    let dir = folder.path("holidays");
    assert!(dir.is_dir(), "init makes it");
    let path = holidays::stage(&dir, 2027, good.as_bytes()).unwrap().install().unwrap();
    assert_eq!(path, dir.join("2027.toml"));
    assert!(folder.loaded().calendar.table(2027).is_some());
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing beside it");
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(folder.loaded().calendar.table(2027).is_none(), "without the usual folder there are the built-in tables");
}

#[test]
fn next_years_table_is_missed_from_25_october_on() {
    let loaded = Folder::new().loaded();
    let said = |day: &str| told(&doubts::holidays(&loaded.calendar, day.parse().unwrap()));
    assert_eq!(said("2026-10-24"), Vec::<String>::new());
    assert!(
        said("2026-10-25")[0].contains("2027") && said("2026-10-25")[0].contains("shenling calendar import 2027.toml")
    );
}
