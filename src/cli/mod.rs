//! The command line, one file per command. Reads the clock once, unless `--now` gives the time.

mod answers;
mod args;
mod audit;
mod batch;
mod calendar;
mod check;
mod delivery;
pub mod demo;
mod digest;
pub mod duties;
mod explain;
mod export;
mod form;
mod held;
mod import;
mod init;
mod mailbox;
mod manual;
mod once;
mod output;
mod plan;
mod rehearse;
mod replaced;
mod report;
mod roster;
mod serve;
mod set_aside;
mod status;
mod tray;
mod undo;
mod usage;
mod waiver;
mod words;
mod world;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use tracing_subscriber::EnvFilter;

use self::args::{Arguments, AssessmentCommand, AuditCommand, CalendarCommand, Command, ExportCommand};
use self::output::hint;
pub(crate) use self::world::World;

/// How a command ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Exit code 0.
    Well,
    /// Exit code 1: findings, or work was set aside.
    WithFindings,
}

impl Done {
    /// `WithFindings` where there are some.
    fn with_findings(some: bool) -> Done {
        if some { Done::WithFindings } else { Done::Well }
    }

    /// The worse of two.
    fn and(self, other: Done) -> Done {
        Done::with_findings(self == Done::WithFindings || other == Done::WithFindings)
    }
}

/// Parses the arguments, runs the command, and says how it ended: 0 done, 1 findings, 2 cannot run.
pub fn main() -> ExitCode {
    let code = run_arguments();
    match output::finish() {
        Ok(()) => code,
        Err(error) => {
            hint!("输出没有写完整：{}", words::io(&error));
            ExitCode::from(2)
        }
    }
}

fn run_arguments() -> ExitCode {
    let arguments = match usage::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    start_logging();
    #[cfg(feature = "failpoints")]
    kill_where_asked();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            hint!("无法启动：{error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::WithFindings) => ExitCode::from(1),
        Err(error) => {
            hint!("{}", words::in_words(&error));
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Done> {
    let now = arguments.now.map_or_else(clock, |now| now.to_utc());
    let (config, json) = (arguments.config.unwrap_or_else(usual_config), arguments.json);
    let open = || World::open(&config, json, now);
    match arguments.command {
        Command::Demo { dir } => demo::run(&dir, arguments.now.map(|now| now.to_utc())).await,
        Command::Init { dir } => init::run(&dir, json),
        Command::Check => check::run(&config, json, now).await,
        Command::Import(what) => import::run(&open().await?, what).await,
        Command::Form(what) => form::run(&open().await?, what).await,
        Command::Plan(what) => plan::run(&open().await?, what).await,
        Command::Roster(what) => roster::run(&open().await?, what).await,
        Command::Calendar(CalendarCommand::Show { year }) => calendar::show(&config, json, year),
        Command::Calendar(CalendarCommand::Import { file }) => calendar::import(&open().await?, &file).await,
        Command::Rehearse(what) => rehearse::run(&open().await?, what).await,
        Command::Once(what) => once::run(&open().await?, what.stage, what.period.as_deref()).await,
        Command::Serve => serve::run(&config, arguments.now.is_some()).await,
        Command::Adopt { because } => serve::adopt(&open().await?, &because).await,
        Command::Status { html } => status::run(&config, json, now, html.as_deref()).await,
        Command::SetAside(what) => set_aside::run(&open().await?, what).await,
        Command::Held { unit } => held::run(&open().await?, unit.as_deref()).await,
        Command::Explain { key } => explain::run(&open().await?, &key).await,
        Command::Export(ExportCommand::Verdicts { format, personal }) => {
            export::verdicts(&open().await?, format, personal).await
        }
        Command::Batch(what) => batch::run(&open().await?, what).await,
        Command::Delivery(what) => delivery::run(&open().await?, what).await,
        Command::Assessment(AssessmentCommand::Reopen { key, because }) => {
            batch::reopen(&open().await?, &key, &because).await
        }
        Command::Waiver(what) => waiver::run(&open().await?, what).await,
        Command::Audit(AuditCommand::Verify { head, count }) => {
            audit::verify(&open().await?, head.as_deref(), count).await
        }
        Command::Manual => {
            output::raw(manual::page()?.as_bytes());
            Ok(Done::Well)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut usage::command(), "shenling", &mut script);
            output::raw(&script);
            Ok(Done::Well)
        }
    }
}

/// The config that is meant where none is named: of the folder at hand, else of the Debian package.
fn usual_config() -> PathBuf {
    let here = PathBuf::from("shenling.toml");
    let packaged = PathBuf::from("/etc/shenling/shenling.toml");
    if !here.exists() && packaged.exists() { packaged } else { here }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a command reads the clock")]
fn clock() -> DateTime<Utc> {
    Utc::now()
}

fn start_logging() {
    let filter = EnvFilter::try_from_env("SHENLING_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tokio_cron_scheduler=warn"));
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let logger = logger.with_ansi(std::io::stderr().is_terminal());
    // A second call only happens in tests, where the first logger stays.
    let _ = logger.try_init();
}

/// For the crash test. `SHENLING_KILL_AT=point@n` kills the process at the n-th pass of a fail point;
/// `SHENLING_TRACE=file` and `SHENLING_POINTS=a,b,...` append the name of every one of these points that is passed.
#[cfg(feature = "failpoints")]
fn kill_where_asked() {
    use std::io::Write;
    use std::sync::atomic::{AtomicU32, Ordering};

    let environment = crate::settings::environment();
    // Kept for the life of the process: dropping the scenario would clear the points.
    std::mem::forget(fail::FailScenario::setup());
    let arm = |point: &str, act: Box<dyn Fn() + Send + Sync>| {
        fail::cfg_callback(point, act).unwrap_or_else(|error| hint!("fail point {point}: {error}"));
    };
    if let (Some(file), Some(points)) = (environment.get("SHENLING_TRACE"), environment.get("SHENLING_POINTS")) {
        for point in points.split(',') {
            let (file, name) = (file.clone(), point.to_owned());
            let append = move || {
                let trace = std::fs::OpenOptions::new().create(true).append(true).open(&file);
                let _ = trace.and_then(|mut trace| writeln!(trace, "{name}"));
            };
            arm(point, Box::new(append));
        }
    }
    if let Some(at) = environment.get("SHENLING_KILL_AT") {
        let (point, nth) = at.split_once('@').unwrap_or((at, "1"));
        let nth: u32 = nth.parse().unwrap_or(1);
        let passes = AtomicU32::new(0);
        let kill = move || {
            if passes.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                std::thread::park();
            }
        };
        arm(point, Box::new(kill));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        usage::command().debug_assert();
    }
}
