//! What several tests share: a small working folder, the real binary, invented people.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Password of the bureau's packets in tests.
pub const PASSWORD: &str = "test-2026-password";
/// Where it belongs.
pub const PASSWORD_FILE: &str = "data/credentials/zip-password-bureau";

/// A working folder with a small catalogue.
pub struct Folder {
    dir: tempfile::TempDir,
}

/// What a daemon in it logged is part of the report of a test that fails.
impl Drop for Folder {
    fn drop(&mut self) {
        let log = fs::read_to_string(self.work().join("serve.log")).unwrap_or_default();
        if std::thread::panicking() && !log.is_empty() {
            eprintln!("serve.log of {}:\n{log}", self.work().display());
        }
    }
}

impl Folder {
    /// `shenling init`, then a catalogue of two occupations, two institutions and both kinds of rates.
    pub fn new() -> Folder {
        let folder = Folder { dir: tempfile::tempdir().unwrap() };
        let init = shenling().arg("init").arg(folder.path().join("w")).output().unwrap();
        assert!(init.status.success(), "{}", text(&init));
        let config = fs::read_to_string(folder.config()).unwrap();
        fs::write(folder.config(), config.replace("stable_seconds = 2", "stable_seconds = 0")).unwrap();
        for (name, content) in CATALOGUE {
            fs::write(folder.work().join("catalogue").join(name), content).unwrap();
        }
        folder
    }

    /// A copy, for a run that is to be disturbed.
    pub fn copy(&self) -> Folder {
        let copy = Folder { dir: tempfile::tempdir().unwrap() };
        let copied = Command::new("cp").arg("-a").arg(self.work()).arg(copy.path()).status().unwrap();
        assert!(copied.success());
        copy
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The folder that `init` made.
    pub fn work(&self) -> PathBuf {
        self.path().join("w")
    }

    /// Its config file.
    pub fn config(&self) -> PathBuf {
        self.work().join("shenling.toml")
    }

    /// Puts a file into the working folder.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The binary on this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = shenling();
        command.arg("--config").arg(self.config()).args(arguments).current_dir(self.work());
        command
    }

    /// Runs the binary and returns exit code, stdout and stderr.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// Runs the binary and expects an exit code; returns stdout.
    pub fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let (found, out, err) = self.run(arguments);
        assert_eq!(found, code, "{arguments:?}\n{out}\n{err}");
        out
    }

    /// Runs the binary with `--json` and expects an exit code.
    pub fn json(&self, code: i32, arguments: &[&str]) -> serde_json::Value {
        let mut with_json = vec!["--json"];
        with_json.extend(arguments);
        serde_json::from_str(&self.expect(code, &with_json)).unwrap()
    }
}

/// The binary under test, with the fetched fonts.
pub fn shenling() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shenling"));
    command.env_remove("SHENLING_CONFIG").env_remove("CREDENTIALS_DIRECTORY").env("SHENLING_LOG", "info");
    if std::env::var_os("SHENLING_FONTS").is_none() {
        command.env("SHENLING_FONTS", Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fonts"));
    }
    command
}

/// Both outputs, for messages.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether fonts are there; says so where not. In CI they must be.
pub fn fonts_are_there() -> bool {
    let dir = std::env::var_os("SHENLING_FONTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fonts"), PathBuf::from);
    let there = dir.is_dir();
    if !there {
        assert!(std::env::var_os("SHENLING_REQUIRE_ALL").is_none(), "fonts are missing: run `make fonts`");
        eprintln!("skipped: no fonts in {} (run `make fonts`)", dir.display());
    }
    there
}

/// The PostgreSQL server for tests; says so where there is none. In CI there must be one.
pub fn postgres() -> Option<String> {
    let base = std::env::var_os("SHENLING_TEST_PG").and_then(|base| base.into_string().ok());
    if base.is_none() {
        assert!(std::env::var_os("SHENLING_REQUIRE_ALL").is_none(), "SHENLING_TEST_PG is missing");
        eprintln!("skipped: SHENLING_TEST_PG names no PostgreSQL server");
    }
    base
}

/// The mail server that `.ci/mail-server` started; says so where there is none. In CI there must be one.
pub fn mail_server() -> Option<String> {
    let server = std::env::var_os("SHENLING_TEST_SMTP").and_then(|server| server.into_string().ok());
    if server.is_none() {
        assert!(std::env::var_os("SHENLING_REQUIRE_ALL").is_none(), "SHENLING_TEST_SMTP is missing");
        eprintln!("skipped: SHENLING_TEST_SMTP names no mail server");
    }
    server
}

/// The IMAP servers that `.ci/imap-server` started, with a blank between them; says so where there are none. In CI there
/// must be some.
pub fn imap_servers() -> String {
    let servers = std::env::var_os("SHENLING_TEST_IMAP").and_then(|servers| servers.into_string().ok());
    if servers.is_none() {
        assert!(std::env::var_os("SHENLING_REQUIRE_ALL").is_none(), "SHENLING_TEST_IMAP is missing");
        eprintln!("skipped: SHENLING_TEST_IMAP names no IMAP server");
    }
    servers.unwrap_or_default()
}

/// An ID of the unused region 329999 with the right check digit.
pub fn resident_id(birth: &str, sequence: u32) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let body = format!("329999{birth}{sequence:03}");
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    format!("{body}{}", char::from(b"10X98765432"[(sum % 11) as usize]))
}

/// A csv of result rows: header and lines.
pub fn results_csv(rows: &[String]) -> String {
    let header = "序号,监狱,罪犯编号,姓名,公民身份号码,培训机构,鉴定机构,职业(工种),等级,班期,开班日期,结业日期,总课时,\
                  理论课时,实操课时,鉴定日期,理论成绩,实操成绩,评定结果,证书类型,证书编号,发证日期,鉴定费(元)";
    let numbered = rows.iter().zip(1..).map(|(row, n)| format!("{n},{row}\n"));
    format!("{header}\n{}", numbered.collect::<String>())
}

/// A csv of roster rows: header and lines.
pub fn roster_csv(rows: &[String]) -> String {
    let header = "序号,监狱,罪犯编号,姓名,性别,公民身份号码,刑满日期,拟培训职业(工种),等级,班期";
    let numbered = rows.iter().zip(1..).map(|(row, n)| format!("{n},{row}\n"));
    format!("{header}\n{}", numbered.collect::<String>())
}

const CATALOGUE: &[(&str, &str)] = &[
    (
        "institutions.csv",
        "机构名称,简称,类型,组织机构代码,法定代表人,开户银行,户名,银行账号,联系人,联系电话,邮箱,认定起始日,认定截止日,认定文号\n\
         常州市演示职业培训学校,演示学校,培训,,某甲,演示银行,常州市演示职业培训学校,1105020000000011,某乙,0519-00000001,,2022-01-01,,演示1号\n\
         常州市演示技能鉴定中心,演示鉴定,鉴定,,某丙,演示银行,常州市演示技能鉴定中心,1105020000000012,某丁,0519-00000002,,2022-01-01,,演示2号\n",
    ),
    ("penalties.csv", "机构名称,处罚起始日,处罚截止日,重新认定日\n"),
    (
        "agreements.csv",
        "监狱,培训机构,协议编号,起始日,截止日,人均培训费(元)\n\
         常州监狱,演示学校,XY-1,2026-01-01,2026-12-31,\n溧阳监狱,演示学校,XY-2,2026-01-01,2026-12-31,950.50\n",
    ),
    (
        "occupations.csv",
        "工种标识,名称,职业编码,编码版本,别名,类别\nwelder,焊工,6-18-02-04,2018,电焊工,就业技能培训\n\
         cook,中式烹调师,4-03-02-01,2025,,就业技能培训\n",
    ),
    (
        "rates.csv",
        "职业(工种),等级,证书类型,人员类别,培训补贴(元),鉴定补贴(元),补贴比例(‰),起始日,截止日,依据\n\
         焊工,五级/初级工,职业技能等级证书,,1000,200,,2022-01-01,,演示标准\n\
         中式烹调师,五级/初级工,职业技能等级证书,,900,,,2022-01-01,,演示标准\n",
    ),
];
