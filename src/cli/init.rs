//! `init`: a new working folder.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::Done;
use super::output::{self, hint, say};
use crate::settings::init;

macro_rules! copies {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../config/", $folder, "/", $name)))),*]
    };
}

/// Columns of the forms, as built in: to be edited once the official form is there, and named in `forms_dir`.
const FORMS: &[(&str, &str)] = copies!("forms": "results.toml", "roster.toml", "history.toml", "survey.toml", "annex2.toml", "annex8.toml", "annex10.toml");
/// Templates of the papers, as built in: to be edited and named in `templates_dir`.
const TEMPLATES: &[(&str, &str)] = copies!("templates": "annex1.typ", "annex4.typ", "annex7.typ", "annex9.typ", "cover.typ", "detail.typ", "look.typ", "plan-cover.typ", "publicity.typ");

/// Templates of the letters, as built in: likewise, in the folder `mail` of `templates_dir`.
const LETTERS: &[(&str, &str)] = copies!(
    "templates/mail":
    "batch.html", "batch.subject.txt", "batch.txt", "look.html", "look.txt", "parts.html", "remind.html",
    "remind.subject.txt", "remind.txt", "replan.html", "replan.subject.txt", "replan.txt", "test.html",
    "test.subject.txt", "test.txt",
);

/// Writes config, catalogue, folders and the vault key; overwrites nothing.
pub(super) fn run(dir: &Path, json: bool) -> anyhow::Result<Done> {
    let key = init::new_vault_key();
    let mut written = init::write(dir, &key)?;
    for (folder, files) in [("forms", FORMS), ("templates", TEMPLATES), ("templates/mail", LETTERS)] {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder)?;
        for (name, text) in files {
            fs::write(folder.join(name), text)?;
        }
        written.push(folder);
    }
    if json {
        output::json(&json!({"folder": dir, "written": written}))?;
    } else {
        for path in &written {
            say!("{}", path.display());
        }
    }
    hint!("工作文件夹已建立：{}", dir.display());
    hint!("接下来：");
    hint!("  1. 按说明修改 {}", dir.join("shenling.toml").display());
    hint!("  2. 填写 catalogue/ 中的机构、协议、工种、补贴标准");
    hint!("  3. 运行 shenling --config {} check，直到没有错误", dir.join("shenling.toml").display());
    hint!("  4. 备份 data/credentials/vault-key：丢失后已存的数据无法读取");
    Ok(Done::Well)
}
