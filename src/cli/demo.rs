//! `demo`: a whole season of three prisons with invented people, from their spreadsheets to a sealed batch.

pub mod season;

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};

use self::season::{Arrival, Contents, Season};
use super::output::say;
use super::{Done, World, import, once};
use crate::settings::{credentials, init};
use crate::stages::collect::{self, Manner};
use crate::store::ApprovalNote;
use crate::subsidy::calendar::Period;

/// Password of the demo's packets; printed, because nothing in them is real.
const PASSWORD: &str = "Demo-2026-only";
/// Where the arriving files lie for a look, beside the inbox that empties itself.
const SAMPLES: &str = "samples";

/// Builds the demo folder, runs all stages in it and says where to look.
pub(super) async fn run(dir: &Path, now: Option<DateTime<Utc>>) -> anyhow::Result<Done> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} 不是空文件夹；请换一个文件夹，或先删除它", dir.display());
    }
    let season = season::season(season::SEED)?;
    build(dir, &season)?;
    say!("演示文件夹：{}（全部人员、证件号码和机构均为虚构）", dir.display());
    say!("");
    let config = dir.join("shenling.toml");
    for arrival in &season.arrivals {
        receive(&config, dir, arrival).await?;
    }
    say!("");
    let now = now.map_or_else(|| instant(season::NOW), Ok)?;
    let world = World::open(&config, false, now).await?;
    let period = Period::parse(season::PERIOD).context("the season's period")?;
    once::calculate(&world).await?;
    once::claim(&world, period).await?;
    let (delivered, _) = once::deliver(&world).await?;
    ensure!(delivered == Done::Well, "演示材料未能投递");
    where_to_look(dir, taken_certificate(&world, &season).await?);
    Ok(Done::Well)
}

/// A certificate whose row was taken: a planted error came back and cannot be explained.
async fn taken_certificate<'s>(world: &World, season: &'s Season) -> anyhow::Result<Option<&'s str>> {
    for located in season.located.iter().filter(|located| !located.certificate.is_empty()) {
        if !world.store.find_by_certificate(&located.certificate).await?.is_empty() {
            return Ok(Some(&located.certificate));
        }
    }
    Ok(None)
}

/// Config, catalogue, keys and samples.
fn build(dir: &Path, season: &Season) -> anyhow::Result<()> {
    init::write(dir, &init::new_vault_key())?;
    for (name, text) in season.catalogue {
        fs::write(dir.join("catalogue").join(name), text)?;
    }
    let config = dir.join("shenling.toml");
    let mut text = fs::read_to_string(&config)?;
    for (prison, number) in
        [("常州监狱", "1105020000000001"), ("溧阳监狱", "1105020000000002"), ("新康监狱", "1105020000000003")]
    {
        let empty = r#"account = { name = "", bank = "", number = "" }"#;
        let filled =
            format!(r#"account = {{ name = "{prison}（演示专户）", bank = "演示银行常州分行", number = "{number}" }}"#);
        text = text.replacen(empty, &filled, 1);
    }
    text = text.replace("stable_seconds = 2", "stable_seconds = 0");
    text = text.replace("contact = \"\"", "contact = \"演示受理科，电话 0519-00000000\"");
    fs::write(&config, text)?;
    let password = credentials::file(&dir.join("data"), &credentials::zip_password("bureau"));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(password)?;
    std::io::Write::write_all(&mut file, PASSWORD.as_bytes())?;
    fs::create_dir(dir.join(SAMPLES))?;
    for arrival in &season.arrivals {
        fs::write(dir.join(SAMPLES).join(arrival.path), &arrival.bytes)?;
    }
    Ok(())
}

/// Lets one file arrive at its time: rosters and the opening history by hand, results through the inbox.
async fn receive(config: &Path, dir: &Path, arrival: &Arrival) -> anyhow::Result<()> {
    let world = World::open(config, false, instant(arrival.at)?).await?;
    let approval = match arrival.contents {
        Contents::Results => {
            fs::write(dir.join("inbox").join(arrival.path), &arrival.bytes)?;
            once::collect(&world).await?;
            return Ok(());
        }
        Contents::History => None,
        Contents::Roster { approved_on, approved_by } => {
            Some(ApprovalNote { on: approved_on.parse()?, by: approved_by.to_owned(), plan_year: None })
        }
    };
    let manner = Manner { approval, ..Manner::default() };
    let bytes = arrival.bytes.clone();
    let taken = collect::take_file(&world.store, &world.desk()?, arrival.path, bytes, &manner, world.now).await?;
    import::print(&taken, manner.approval.is_some());
    Ok(())
}

fn instant(text: &str) -> anyhow::Result<DateTime<Utc>> {
    Ok(DateTime::parse_from_rfc3339(text)?.to_utc())
}

fn where_to_look(dir: &Path, certificate: Option<&str>) {
    let config = dir.join("shenling.toml");
    let shenling = format!("shenling --config {}", config.display());
    say!("");
    say!("接下来可以看：");
    say!("  来件样例      {}", dir.join(SAMPLES).display());
    say!(
        "  发给省局的材料 {}（压缩包口令：{PASSWORD}，用 7-Zip、WinRAR 或 WPS 打开）",
        dir.join("outbox/bureau").display()
    );
    say!("  总体情况      {shenling} --now {} status", season::NOW);
    say!("  退回的行      {shenling} set-aside list");
    say!("  批次          {shenling} batch list");
    if let Some(certificate) = certificate {
        say!("  逐步说明      {shenling} --now {} explain {certificate}", season::NOW);
    }
}
