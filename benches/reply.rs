//! `make bench`: from a faulty workbook in the inbox to the queued reply with its annotated copy, through the program itself:
//! 2,000 rows, 200 of them with a planted fault.

#[expect(dead_code, reason = "the season's generator; a reply needs some of it")]
mod generator;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context, ensure};
use rust_xlsxwriter::Workbook;
use serde_json::Value;

use generator::{Load, NOW, PRISONS};

const SEED: u64 = 2026;
/// So many have more than [`ROWS`] results in one of three prisons.
const PERSONS: u32 = 4_000;
const ROWS: usize = 2_000;
/// One row of so many is faulty.
const FAULT_EVERY: usize = 10;
const RUNS: u32 = 3;
/// What is to be reached.
const TARGET_SECONDS: u32 = 10;

/// Column by its header, and what is typed there instead.
const FAULTS: [(&str, &str); 5] = [
    ("结业日期", "昨天"),
    ("发证日期", "2026-13-40"),
    ("职业(工种)", "不存在的职业"),
    ("罪犯编号", ""),
    ("等级", "九级"),
];

fn main() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "A workbook of {ROWS} rows, {} of them faulty; target {TARGET_SECONDS} s", ROWS / FAULT_EVERY)?;
    writeln!(out, "| run | faults named | seconds to the queued reply |\n|---:|---:|---:|")?;
    for run in 1..=RUNS {
        let folder = tempfile::tempdir()?;
        prepare(folder.path())?;
        let begun = Instant::now();
        let collected = shenling(folder.path(), &["once", "collect"])?;
        let seconds = begun.elapsed().as_secs_f64();
        // As one text: what is counted stands at any depth.
        let faults = String::from_utf8(collected.stdout)?.replace(' ', "").matches(r#""severity":"error""#).count();
        ensure!(faults == ROWS / FAULT_EVERY, "{faults} faults");
        let queued: Value = serde_json::from_slice(&shenling(folder.path(), &["delivery", "list"])?.stdout)?;
        let key = queued.pointer("/0/key").and_then(Value::as_str).context("a reply is queued")?;
        ensure!(key.starts_with("reply:"), "{key}");
        writeln!(out, "| {run} | {faults} | {seconds:.2} |")?;
    }
    Ok(())
}

/// A folder with catalogue, addresses, and the workbook in the inbox of its prison.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    let made = shenling(folder, &["init", "."])?;
    ensure!(made.status.success(), "init: {}", String::from_utf8_lossy(&made.stderr));
    for (name, text) in generator::catalogue() {
        fs::write(folder.join("catalogue").join(name), text)?;
    }
    let config = folder.join("shenling.toml");
    let text = fs::read_to_string(&config)?;
    let text = text.replacen("lead = true\nemail = []", "lead = true\nemail = [\"clerk@example.cn\"]", 1);
    fs::write(&config, text)?;
    let inbox = folder.join("inbox").join(PRISONS[0]);
    fs::create_dir_all(&inbox)?;
    write_workbook(&inbox.join("results.xlsx"))
}

fn write_workbook(path: &Path) -> anyhow::Result<()> {
    let mut csv = Vec::new();
    Load::new(PERSONS, SEED).write_results(Some(0), &mut csv)?;
    let csv = String::from_utf8(csv)?;
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let header: Vec<&str> = csv.lines().next().context("a header")?.split(',').collect();
    let mut planted = 0;
    for (row, line) in (0_u32..).zip(csv.lines().take(ROWS + 1)) {
        let fault =
            (row > 0 && row.is_multiple_of(u32::try_from(FAULT_EVERY)?)).then(|| FAULTS[planted % FAULTS.len()]);
        planted += usize::from(fault.is_some());
        for (column, (name, cell)) in (0_u16..).zip(header.iter().zip(line.split(','))) {
            let cell = fault.filter(|(faulty, _)| faulty == name).map_or(cell, |(_, typed)| typed);
            sheet.write_string(row, column, cell)?;
        }
    }
    workbook.save(path)?;
    Ok(())
}

/// Runs the program in a folder; its office has a mail server that nothing is sent to here.
fn shenling(folder: &Path, words: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shenling"));
    command.current_dir(folder).arg("--json").args(["--now", NOW]).args(words);
    command.env("SHENLING__MAIL__HOST", "mail.example.cn").env("SHENLING__MAIL__FROM", "shenling@example.cn");
    Ok(command.output()?)
}
