//! `make bench`: a table of seconds, rows/s and peak memory for seasons of 10,000 and 100,000 persons.
//!
//! `cargo bench --bench season -- [--quick] [--runs N] [--date YYYY-MM-DD]`. SQLite; PostgreSQL too where
//! `SHENLING_TEST_PG` names a server. Each step runs in a process of its own, so that its peak is its own; the input
//! is written to a folder by another one before. Of several runs the table shows the best time and the worst peak.

mod generator;
mod phases;

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, bail, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use generator::Load;
use phases::{Figures, Phase};

const SIZES: [u32; 2] = [10_000, 100_000];
/// Seed of every invented season.
const SEED: u64 = 2026;
/// First argument of a process that runs one step.
const STEP: &str = "--step";

/// What is asked for.
struct Plan {
    sizes: Vec<u32>,
    runs: u32,
    date: Option<String>,
}

/// Where a season is kept.
#[derive(Clone)]
enum Engine {
    Lite,
    /// Address of the server's database.
    Pg(String),
}

fn main() -> anyhow::Result<()> {
    // Cargo itself adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some((STEP, step)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return phases::run(step);
    }
    let plan = Plan::read(&words)?;
    check_generator()?;
    let environment = shenling::settings::environment();
    let pg = environment.get("SHENLING_TEST_PG").filter(|url| !url.is_empty());
    let engines: Vec<Engine> = [Engine::Lite].into_iter().chain(pg.cloned().map(Engine::Pg)).collect();
    let mut out = io::stdout().lock();
    plan.head(&mut out)?;
    let mut ratios = Vec::new();
    for engine in &engines {
        let mut sizes: Vec<Vec<Figures>> = Vec::new();
        for persons in &plan.sizes {
            let figures = best(&plan, engine, *persons)?;
            for (phase, figures) in Phase::MEASURED.into_iter().zip(&figures) {
                row(&mut out, engine, *persons, phase, figures)?;
            }
            sizes.push(figures);
        }
        if let [small, large] = sizes.as_slice() {
            ratios.push(format!("{}: ten times the persons cost {}.", engine.name(), growth(small, large)));
        }
    }
    ratios.iter().try_for_each(|line| writeln!(out, "\n{line}"))?;
    if pg.is_none() {
        writeln!(out, "\nPostgreSQL: skipped (SHENLING_TEST_PG is not set)")?;
    }
    Ok(())
}

/// By how much time and processor time grow, per step.
fn growth(small: &[Figures], large: &[Figures]) -> String {
    let pairs = Phase::MEASURED.into_iter().zip(small.iter().zip(large));
    let times = |(phase, (small, large)): (Phase, (&Figures, &Figures))| {
        let (seconds, cpu) = (large.seconds / small.seconds, large.cpu_seconds / small.cpu_seconds);
        format!("{} {seconds:.1} times the time ({cpu:.1} times the cpu)", phase.code())
    };
    pairs.map(times).collect::<Vec<_>>().join(", ")
}

impl Plan {
    fn read(words: &[String]) -> anyhow::Result<Plan> {
        let mut plan = Plan { sizes: SIZES.to_vec(), runs: 1, date: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => plan.sizes.truncate(1),
                "--runs" => plan.runs = words.next().context("--runs needs a number")?.parse()?,
                "--date" => plan.date = Some(words.next().context("--date needs a day")?.clone()),
                other => bail!("{other} is not known: --quick, --runs N, --date DAY"),
            }
        }
        Ok(plan)
    }

    fn head(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let date = self.date.as_ref().map(|date| format!("{date}, ")).unwrap_or_default();
        let cores = available_parallelism()?;
        let memory = phases::kib_of("/proc/meminfo", "MemTotal:")? / (1 << 20);
        let runs = if self.runs == 1 { "one run".to_owned() } else { format!("best of {} runs", self.runs) };
        writeln!(out, "{date}{cores} cores, {memory} GiB, seed {SEED}, {runs}\n")?;
        writeln!(out, "| engine | persons | step | rows | seconds | cpu s | rows/s | peak MB | |")?;
        writeln!(out, "|---|---:|---|---:|---:|---:|---:|---:|---|")?;
        Ok(())
    }
}

impl Engine {
    fn name(&self) -> &'static str {
        match self {
            Engine::Lite => "SQLite",
            Engine::Pg(_) => "PostgreSQL",
        }
    }
}

fn row(out: &mut impl Write, engine: &Engine, persons: u32, phase: Phase, figures: &Figures) -> io::Result<()> {
    let Figures { rows, seconds, cpu_seconds, peak_kib } = *figures;
    let (engine, step, rate) = (engine.name(), phase.code(), phases::real(rows) / seconds);
    let note = if phase == Phase::Forms {
        let cores = phases::real(available_parallelism()?.get() as u64);
        let a_form = |seconds: f64| seconds * 1000.0 / phases::real(rows);
        format!("{:.1} ms a form and core, {:.1} ms cpu", a_form(seconds * cores), a_form(cpu_seconds))
    } else {
        String::new()
    };
    let peak = peak_kib * 1024 / 1_000_000;
    write!(out, "| {engine} | {persons} | {step} | {rows} | {seconds:.2} | {cpu_seconds:.2} | {rate:.0} ")?;
    writeln!(out, "| {peak} | {note} |")?;
    out.flush()
}

/// The figures of every measured step: best time, worst peak.
fn best(plan: &Plan, engine: &Engine, persons: u32) -> anyhow::Result<Vec<Figures>> {
    let mut best: Vec<Figures> = Vec::new();
    for _ in 0..plan.runs.max(1) {
        let season = season(engine, persons)?;
        if best.is_empty() {
            best = season;
            continue;
        }
        for (best, now) in best.iter_mut().zip(season) {
            ensure!(best.rows == now.rows, "the same seed gives the same rows");
            best.seconds = best.seconds.min(now.seconds);
            best.cpu_seconds = best.cpu_seconds.min(now.cpu_seconds);
            best.peak_kib = best.peak_kib.max(now.peak_kib);
        }
    }
    Ok(best)
}

/// One season from its files to its papers, in a folder and a database of its own.
fn season(engine: &Engine, persons: u32) -> anyhow::Result<Vec<Figures>> {
    let folder = tempfile::tempdir()?;
    step(Phase::Input, persons, folder.path(), "")?;
    let run = |url: &str| -> anyhow::Result<Vec<Figures>> {
        Phase::MEASURED.into_iter().map(|phase| step(phase, persons, folder.path(), url)).collect()
    };
    match engine {
        Engine::Lite => run(&format!("sqlite:{}", folder.path().join("season.db").display())),
        Engine::Pg(base) => {
            let schema = format!("bench{}", std::process::id());
            admin(base, &format!("CREATE SCHEMA {schema}"))?;
            let mark = if base.contains('?') { '&' } else { '?' };
            let figures = run(&format!("{base}{mark}options=-c%20search_path%3D{schema}"));
            admin(base, &format!("DROP SCHEMA {schema} CASCADE"))?;
            figures
        }
    }
}

fn admin(url: &str, sql: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        Ok(())
    })
}

/// Runs one step in a process of its own.
fn step(phase: Phase, persons: u32, folder: &Path, url: &str) -> anyhow::Result<Figures> {
    let me = std::env::current_exe()?;
    let persons = persons.to_string();
    let step = Command::new(me).args([STEP, phase.code(), &persons]).arg(folder).arg(url).output()?;
    let said = String::from_utf8_lossy(&step.stderr);
    ensure!(step.status.success(), "{} of {persons} persons failed: {said}", phase.code());
    Figures::parse(&String::from_utf8_lossy(&step.stdout)).with_context(|| format!("{} says nothing", phase.code()))
}

/// The generator keeps its word: same seed, same bytes; prisons add up; IDs are valid and each person's own.
fn check_generator() -> io::Result<()> {
    let load = Load::new(4_000, SEED);
    let (mut all, mut again) = (Vec::new(), Vec::new());
    let rows = load.write_results(None, &mut all)?;
    load.write_results(None, &mut again)?;
    assert!(all == again && rows == load.result_rows(), "the same seed gives the same rows");
    let (mut by_prison, mut on_roster) = (0, 0);
    for prison in 0..generator::PRISONS.len() {
        by_prison += load.write_results(Some(prison), &mut io::sink())?;
        on_roster += load.write_roster(Some(prison), &mut io::sink())?;
    }
    assert_eq!(by_prison, rows, "the prisons' rows add up");
    assert!(on_roster < rows && on_roster > rows * 9 / 10, "{on_roster} of {rows} rows stand on a roster");
    let text = String::from_utf8_lossy(&all);
    let column = |at: usize| text.lines().skip(1).filter_map(move |line| line.split(',').nth(at));
    let ids: std::collections::BTreeSet<&str> = column(4).collect();
    assert_eq!(ids.len(), 4_000, "one ID per person");
    assert!(ids.iter().all(|id| shenling::subsidy::identifiers::ResidentId::parse(id).is_some()), "check digits");
    let width = text.lines().next().map_or(0, |line| line.split(',').count());
    assert!(text.lines().all(|line| line.split(',').count() == width), "every row has {width} cells");
    Ok(())
}
