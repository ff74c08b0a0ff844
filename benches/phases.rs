//! The steps of a season, each measured in a process of its own, through the same doors as the command line.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use chrono::{DateTime, Utc};

use shenling::forms::grid::Limits;
use shenling::forms::papers::{self, DetailSpecs, Fonts, PaperContext, Templates, Wanted};
use shenling::forms::reading::FormSpecs;
use shenling::settings::{self, Loaded, fonts, init};
use shenling::stages::claim::{Order, Stationery};
use shenling::stages::collect::{Desk, Manner};
use shenling::stages::{calculate, claim, collect};
use shenling::store::{ApprovalNote, Store, Vault};
use shenling::subsidy::batch::{Batch, Line, groups};
use shenling::subsidy::calendar::{Period, civil_date};
use shenling::subsidy::verdict::Outcome;

use crate::SEED;
use crate::generator::{APPROVED_ON, Load, NOW, catalogue};

/// Key of the databases that are measured.
const KEY: [u8; 32] = [7; 32];
/// A season's file is larger than anything that one mail brings.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Lines that are turned before what held them is given back.
const SHRUNK_AT_ONCE: usize = 16_384;

/// The unit of /proc, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A step.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Writes the files; not measured.
    Input,
    /// Roster and results, from csv to the store.
    Collect,
    /// Every verdict.
    Calculate,
    /// A sealed batch with its detail workbooks.
    Claim,
    /// Annexes 7 and 9 of that batch as PDF.
    Forms,
}

/// What a step took.
#[derive(Copy, Clone, Debug)]
pub struct Figures {
    /// Rows of files, assessments, lines, or forms.
    pub rows: u64,
    /// Wall clock.
    pub seconds: f64,
    /// Processor time of all threads: what others run on the machine hardly touches it.
    pub cpu_seconds: f64,
    /// Largest resident memory of the whole process.
    pub peak_kib: u64,
}

impl Phase {
    /// The steps that the table shows, in the order in which they run.
    pub const MEASURED: [Phase; 4] = [Phase::Collect, Phase::Calculate, Phase::Claim, Phase::Forms];

    /// The word in the table and between the processes.
    pub const fn code(self) -> &'static str {
        match self {
            Phase::Input => "input",
            Phase::Collect => "collect",
            Phase::Calculate => "calculate",
            Phase::Claim => "claim",
            Phase::Forms => "forms",
        }
    }
}

impl Figures {
    /// Reads what [`run`] wrote.
    pub fn parse(text: &str) -> Option<Figures> {
        let mut words = text.split_whitespace();
        let (rows, seconds) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (cpu_seconds, peak_kib) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Figures { rows, seconds, cpu_seconds, peak_kib })
    }
}

/// A count as a real number.
pub fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A figure in KiB from one of the system's lists.
pub fn kib_of(list: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(list)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("{list}: no {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Both clocks, running.
struct Clock {
    started: Instant,
    cpu_ticks: u64,
}

/// Seconds by the wall and by the processors.
type Elapsed = (f64, f64);

impl Clock {
    fn start() -> anyhow::Result<Clock> {
        Ok(Clock { cpu_ticks: cpu_ticks()?, started: Instant::now() })
    }

    fn stop(&self) -> anyhow::Result<Elapsed> {
        Ok((self.started.elapsed().as_secs_f64(), real(cpu_ticks()? - self.cpu_ticks) / TICKS_PER_SECOND))
    }
}

/// Processor time of this process so far: fields 14 and 15 of its line; the name in brackets may hold spaces.
fn cpu_ticks() -> anyhow::Result<u64> {
    let line = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = line.rsplit_once(')').context("/proc/self/stat has a name in brackets")?;
    let ticks: Vec<u64> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum())
}

/// Runs one step and says what it took. Words: step, persons, folder, database.
pub fn run(words: &[String]) -> anyhow::Result<()> {
    let [step, persons, folder, url] = words else { return Err(anyhow!("a step has four words")) };
    let load = Load::new(persons.parse()?, SEED);
    let folder = PathBuf::from(folder);
    let (rows, (seconds, cpu_seconds)) = match step.as_str() {
        "input" => (write_input(load, &folder)?, (0.0, 0.0)),
        step => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(async {
                let world = World::open(&folder, url).await?;
                match step {
                    "collect" => world.collect(load).await,
                    "calculate" => world.calculate(load).await,
                    "claim" => world.claim().await,
                    "forms" => world.forms().await,
                    other => Err(anyhow!("{other} is no step")),
                }
            })?
        }
    };
    let peak_kib = kib_of("/proc/self/status", "VmHWM:")?;
    writeln!(std::io::stdout(), "{rows} {seconds} {cpu_seconds} {peak_kib}")?;
    Ok(())
}

fn write_input(load: Load, folder: &Path) -> anyhow::Result<u64> {
    init::write(folder, &KEY)?;
    for (name, text) in catalogue() {
        fs::write(folder.join("catalogue").join(name), text)?;
    }
    let mut results = BufWriter::new(File::create(folder.join("results.csv"))?);
    let mut roster = BufWriter::new(File::create(folder.join("roster.csv"))?);
    let rows = load.write_results(None, &mut results)? + load.write_roster(None, &mut roster)?;
    results.flush()?;
    roster.flush()?;
    Ok(rows)
}

/// A season under way.
struct World {
    folder: PathBuf,
    loaded: Loaded,
    store: Store,
    now: DateTime<Utc>,
}

impl World {
    async fn open(folder: &Path, url: &str) -> anyhow::Result<World> {
        let loaded = settings::load(&folder.join("shenling.toml"), &settings::Environment::new());
        let loaded = loaded.map_err(|mistakes| anyhow!("{mistakes:?}"))?;
        let store = Store::open(url, Vault::from_key(&KEY)?).await?;
        Ok(World { folder: folder.to_owned(), loaded, store, now: NOW.parse()? })
    }

    async fn collect(self, load: Load) -> anyhow::Result<(u64, Elapsed)> {
        let limits = &self.loaded.settings.limits;
        let desk = Desk {
            catalogue: Arc::new(self.loaded.catalogue.clone()),
            specs: Arc::new(FormSpecs::embedded().clone()),
            limits: Limits {
                max_file_bytes: MAX_FILE_BYTES,
                max_unzipped_bytes: limits.max_unzipped_bytes,
                max_sheets: limits.max_sheets,
                max_rows: limits.max_rows,
            },
        };
        let approval = ApprovalNote { on: APPROVED_ON.parse()?, by: "常州市司法局".to_owned(), plan_year: None };
        let approved = Manner { approval: Some(approval), ..Manner::default() };
        let clock = Clock::start()?;
        let mut rows = 0;
        for (name, manner) in [("roster.csv", approved), ("results.csv", Manner::default())] {
            let bytes = collect::read_file(&desk, &self.folder.join(name))?;
            let report = collect::take_file(&self.store, &desk, name, bytes, &manner, self.now).await?;
            let expected = if name == "results.csv" { load.result_rows() } else { u64::from(report.rows) };
            ensure!(report.taken == report.rows && u64::from(report.taken) == expected, "{name}: {report:?}");
            rows += u64::from(report.taken);
        }
        self.store.close().await;
        let elapsed = clock.stop()?;
        ensure!(rows > load.result_rows() * 19 / 10, "{rows} rows are too few");
        Ok((rows, elapsed))
    }

    async fn calculate(self, load: Load) -> anyhow::Result<(u64, Elapsed)> {
        let catalogue = Arc::new(self.loaded.catalogue);
        let clock = Clock::start()?;
        let report = calculate::run(&self.store, &catalogue, self.now).await?;
        self.store.close().await;
        let elapsed = clock.stop()?;
        let of = |granted: bool| -> u64 {
            let some = report.verdicts.iter().filter(|((_, outcome), _)| (*outcome == Outcome::Granted) == granted);
            some.map(|(_, (verdicts, _))| verdicts).sum()
        };
        ensure!(of(true) + of(false) == load.result_rows() * 2, "two verdicts each: {:?}", report.verdicts);
        ensure!(of(true) > of(false) * 9 && of(false) > 0, "most are granted: {:?}", report.verdicts);
        Ok((load.result_rows(), elapsed))
    }

    async fn claim(self) -> anyhow::Result<(u64, Elapsed)> {
        let order = Order {
            period: Period::of(civil_date(self.now)),
            recipients: self.loaded.settings.claim.recipients.clone(),
            stationery: Arc::new(stationery(&self.loaded)?),
            wanted: Wanted::Workbooks,
        };
        let catalogue = Arc::new(self.loaded.catalogue);
        let clock = Clock::start()?;
        let report = claim::run(&self.store, &catalogue, &order, || true, self.now).await?;
        self.store.close().await;
        let elapsed = clock.stop()?;
        let (_, totals) = report.sealed.context("a batch is sealed")?;
        ensure!(totals.lines > 0 && report.papers > 1, "{totals:?}, {} papers", report.papers);
        Ok((u64::from(totals.lines), elapsed))
    }

    /// Only the rendering is timed; peak memory is that of reading the batch, too.
    async fn forms(self) -> anyhow::Result<(u64, Elapsed)> {
        let stationery = stationery(&self.loaded)?;
        let batch = sealed_batch(&self.store).await?;
        self.store.close().await;
        let (forms, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let context = PaperContext {
            fonts: &stationery.fonts,
            templates: &stationery.templates,
            columns: &stationery.columns,
            catalogue: &self.loaded.catalogue,
            bureau: &stationery.bureau,
            hrss: &stationery.hrss,
            payees: &stationery.payees,
            objections: &stationery.objections,
            program: &stationery.program,
        };
        let clock = Clock::start()?;
        papers::print(&batch, context, Wanted::Forms, |paper| {
            forms.fetch_add(1, Ordering::Relaxed);
            bytes.fetch_add(paper.bytes.len() as u64, Ordering::Relaxed);
        })?;
        let elapsed = clock.stop()?;
        let (forms, bytes) = (forms.into_inner(), bytes.into_inner());
        ensure!(forms == batch.groups.len() as u64 && bytes > forms * 10_000, "{forms} forms of {bytes} bytes");
        Ok((forms, elapsed))
    }
}

fn stationery(loaded: &Loaded) -> anyhow::Result<Stationery> {
    let settings = &loaded.settings;
    let files = fonts::files(&fonts::directories(settings, &settings::environment()));
    let files: Vec<Vec<u8>> = files.iter().map(fs::read).collect::<Result<_, _>>()?;
    let agency = |id: &str| settings.agency(id).map(|agency| agency.name.clone()).unwrap_or_default();
    Ok(Stationery {
        fonts: Fonts::load(files)?,
        templates: Templates::embedded(),
        columns: DetailSpecs::embedded(),
        bureau: agency("bureau"),
        hrss: agency("hrss"),
        payees: std::collections::BTreeMap::new(),
        objections: String::new(),
        program: "shenling bench".to_owned(),
    })
}

/// The sealed batch as it was when its papers were made; its refusal list stands on no form.
async fn sealed_batch(store: &Store) -> anyhow::Result<Batch> {
    let header = store.batches().await?.pop().context("a batch is sealed")?;
    // The rest of the register is dropped before the lines are read: no claim ever holds both.
    let results = store.load_register().await?.results;
    let mut stored = store.batch(&header.number).await?;
    let row = |assessment: i64| {
        let at = results.binary_search_by_key(&assessment, |known| known.assessment_id);
        at.map(|at| results[at].row.clone()).map_err(|_| anyhow!("assessment {assessment} is not known"))
    };
    let line = |line: shenling::store::StoredLine| -> anyhow::Result<Line> {
        Ok(Line {
            number: line.number,
            kind: line.kind,
            assessment_id: line.assessment_id,
            row: row(line.assessment_id)?,
            person_key: line.person_key,
            sex: line.sex,
            amount: line.amount,
            payable: line.payable,
            warnings: line.warnings,
            late: line.late,
            reverses: line.reverses,
        })
    };
    // One list shrinks while the other grows: they never stand there whole, side by side.
    let mut lines = Vec::new();
    stored.lines.reverse();
    while let Some(next) = stored.lines.pop() {
        lines.push(line(next)?);
        if lines.len().is_multiple_of(SHRUNK_AT_ONCE) {
            stored.lines.shrink_to_fit();
        }
    }
    Ok(Batch {
        number: header.number,
        period: header.period,
        sealed_at: header.sealed_at,
        claim_on: header.claim_on,
        groups: groups(&lines),
        balances: stored.balances,
        waivers: Vec::new(),
        totals: header.totals,
        lines,
        refusals: Vec::new(),
        previous: header.previous,
        audit_count: header.audit_count,
        audit_head: header.audit_head,
    })
}
