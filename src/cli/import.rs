//! `import`: files taken in by hand, the same way as from the inbox.

use serde::Serialize;

use super::args::{ImportArguments, ImportKind};
use super::output::{self, hint, say};
use super::{Done, World, report, roster, undo};
use crate::forms::reading::FileKind;
use crate::stages::collect::{self, FileReport, Manner};
use crate::store::{self, ApprovalNote};

/// `import --json`; the names are a contract.
#[derive(Serialize)]
struct Imported {
    files: Vec<FileReport>,
}

/// Takes the files in, one after the other.
pub(super) async fn run(world: &World, what: ImportArguments) -> anyhow::Result<Done> {
    if let Some(command) = what.command {
        return undo::run(world, command).await;
    }
    let desk = world.desk()?;
    what.approved_on.map_or(Ok(()), |on| roster::not_in_future(on, world))?;
    let approval =
        what.approved_on.zip(what.approved_by).map(|(on, by)| ApprovalNote { on, by, plan_year: what.plan_year });
    let manner = Manner {
        kind: what.kind.map(kind),
        approval,
        addition: what.addition,
        dry_run: what.dry_run,
        ..Manner::default()
    };
    // All are read before the first is taken: a mistyped path leaves nothing half done.
    for path in &what.files {
        let shown = path.display();
        anyhow::ensure!(path.exists(), "找不到文件 {shown}；请核对路径");
        anyhow::ensure!(path.is_file(), "{shown} 是文件夹，请写其中的文件");
    }
    let mut files = Vec::new();
    for path in &what.files {
        let bytes = collect::read_file(&desk, path)?;
        let name = path.display().to_string();
        files.push(collect::take_file(&world.store, &desk, &name, bytes, &manner, world.now).await?);
    }
    let approved = manner.approval.is_some();
    let has_roster = |file: &&FileReport| matches!(file.kind, store::FileKind::Roster | store::FileKind::Plan);
    for file in files.iter().filter(|file| approved && !has_roster(file)) {
        hint!("{} 不是培训人员信息表，没有登记核准", file.file);
    }
    let done = Done::with_findings(files.iter().any(|file| file.errors() > 0));
    if world.json {
        output::json(&Imported { files })?;
    } else {
        for file in &files {
            print(file, approved);
        }
        if what.dry_run {
            hint!("以上仅为检查，没有保存任何内容");
        }
    }
    Ok(done)
}

/// Prints what became of a file; `approved`: its roster came with an approval.
pub(super) fn print(file: &FileReport, approved: bool) {
    say!("{}（{}）", file.file, undo::kind_in_words(file.kind));
    report::print(file);
    for line in file.plan.iter().flat_map(collect::plan_in_words) {
        say!("  {line}");
    }
    if let Some(roster) = file.roster
        && approved
    {
        say!("  人员信息表编号 {roster}（已核准）");
    } else if let Some(roster) = file.roster {
        say!("  人员信息表编号 {roster}（核准登记：shenling roster approve {roster} --on 日期 --by 核准人）");
    }
}

/// The kind that `--as` names.
pub(super) fn kind(kind: ImportKind) -> FileKind {
    match kind {
        ImportKind::Results => FileKind::Results,
        ImportKind::Roster => FileKind::Roster,
        ImportKind::History => FileKind::History,
        ImportKind::Survey => FileKind::Survey,
        ImportKind::Plan => FileKind::Plan,
    }
}
