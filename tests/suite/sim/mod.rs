//! The simulator: whole programme years of the real stages, lived through in seconds, seed by seed.
//!
//! A life is drawn from its seed ([`script`], [`weather`]): prisons file plans early, late, twice, in part or never; results
//! come with flaws and corrections; people approve, close, edit, void and take back; meanwhile the mail server refuses or
//! falls silent, folders are away, nothing runs for weeks, the clock is wrong, and the process is killed at fail points
//! ([`trap`]). The stages are the real ones on a real store ([`rounds`], [`process`]); the time is given. What must hold
//! stands in [`rules`], and that each rule can fail in [`planted`].
//!
//! `SHENLING_SEED=17 cargo test ... sim` lives one life again, `SHENLING_SOAK=10000x5` that many lives of so many years.

mod acts;
mod clerk;
mod life;
mod planted;
mod post;
mod process;
mod rounds;
mod rules;
mod scene;
mod script;
mod tally;
mod trap;
mod weather;
mod witness;

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use self::life::{Lived, live};
use self::post::Post;
use self::rules::Violation;
use self::scene::Scene;
use self::tally::Tally;
use crate::support;

/// Lives and years of the usual test run.
const USUAL: (u64, u32) = (200, 1);
/// Every so many seeds a life is lived twice.
const TWICE_EVERY: u64 = 40;
/// Lives that are lived on PostgreSQL too.
const ON_POSTGRESQL: [u64; 2] = [1, 3];
/// Lives at a time.
const LIVES_PER_CORE: usize = 2;
/// A soak tells how far it is so many times.
const PROGRESS_LINES: u64 = 50;

/// What many lives came to.
#[derive(Default)]
struct Sum {
    tally: Tally,
    lives: u64,
    violations: BTreeMap<u64, Violation>,
}

#[test]
fn what_must_hold_holds_in_every_life() {
    if !support::fonts_are_there() {
        return;
    }
    trap::lay(crate::crash::points_of_the_source());
    let scene = Scene::new();
    let (seeds, years) = wanted();
    let sum = lives(&scene, &seeds, years);
    eprintln!("{}", table(&sum, years));
    let first = sum.violations.iter().next().map(|(seed, violation)| told(*seed, years, violation));
    assert!(
        first.is_none(),
        "something does not hold in {} lives; {}",
        sum.violations.len(),
        first.unwrap_or_default()
    );
    assert!(sum.lives < USUAL.0 || sum.tally.capped > 0, "nobody came to the cap: the rule was not tried");
}

/// A violation, and how to see it again.
fn told(seed: u64, years: u32, violation: &Violation) -> String {
    let again = "cargo test --locked --features failpoints --test suite sim::what";
    format!("seed {seed}: {}\n  {}\n  SHENLING_SEED={seed}x{years} {again}", violation.rule, violation.what)
}

/// One life on either engine ends alike.
#[test]
fn a_life_on_postgresql_is_the_same() {
    let Some(base) = support::postgres() else { return };
    if !support::fonts_are_there() {
        return;
    }
    trap::lay(crate::crash::points_of_the_source());
    let (scene, post) = (Scene::new(), Post::new());
    for seed in ON_POSTGRESQL {
        let schema = format!("sim{}_{seed}", std::process::id());
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut admin = PgConnection::connect(&base).await.unwrap();
            sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut admin).await.unwrap();
        });
        let mark = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{mark}options=-c%20search_path%3D{schema}");
        let on_postgresql = live(&scene, &post, (seed, 1), true, Some(url)).unwrap().1;
        let on_sqlite = live(&scene, &post, (seed, 1), true, None).unwrap().1;
        assert_eq!(rules::the_same_seed_gives_the_same_life(&on_sqlite, &on_postgresql), Ok(()), "seed {seed}");
    }
}

/// Seeds and years: one seed again, a soak, or the usual.
fn wanted() -> (Vec<u64>, u32) {
    let given = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let parts = |text: &str| {
        let (number, years) = text.split_once('x').unwrap_or((text, ""));
        (number.parse::<u64>().unwrap(), years.parse::<u32>().unwrap_or(USUAL.1))
    };
    if let Some(seed) = given("SHENLING_SEED") {
        let (seed, years) = parts(&seed);
        return (vec![seed], years);
    }
    let (count, years) = given("SHENLING_SOAK").map_or(USUAL, |soak| parts(&soak));
    ((1..=count).collect(), years)
}

/// Lives side by side.
fn lives(scene: &Scene, seeds: &[u64], years: u32) -> Sum {
    let (sum, next, begun) = (Mutex::new(Sum::default()), AtomicU64::new(0), Instant::now());
    let total = seeds.len() as u64;
    let every = (total / PROGRESS_LINES).max(1);
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        // A life waits for its mail server more often than it thinks.
        for _ in 0..cores * LIVES_PER_CORE {
            scope.spawn(|| {
                let post = Post::new();
                while let Some(seed) = seeds.get(usize::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap()) {
                    let lived = one(scene, &post, *seed, years);
                    let mut sum = sum.lock().unwrap();
                    sum.lives += 1;
                    match lived {
                        Ok((tally, _)) => sum.tally.add(&tally),
                        Err(violation) => {
                            eprintln!("{}", told(*seed, years, &violation));
                            sum.violations.insert(*seed, violation);
                        }
                    }
                    if (total, years) != USUAL && sum.lives.is_multiple_of(every) {
                        let (seconds, bad) = (begun.elapsed().as_secs(), sum.violations.len());
                        eprintln!("{:6} of {total} lives, {seconds:5} s, {bad} violations", sum.lives);
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

/// One life; now and then it is lived again and must be the same.
fn one(scene: &Scene, post: &Post, seed: u64, years: u32) -> Result<Lived, Violation> {
    let is_twice = seed % TWICE_EVERY == 1;
    let lived = caught(|| live(scene, post, (seed, years), is_twice, None))?;
    if is_twice {
        let again = live(scene, post, (seed, years), is_twice, None)?;
        rules::the_same_seed_gives_the_same_life(&lived.1, &again.1)?;
    }
    Ok(lived)
}

/// A panic is a violation like any other: it must not keep the other lives from being lived.
fn caught<T>(work: impl FnOnce() -> Result<T, Violation>) -> Result<T, Violation> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        rules::failed(text.unwrap_or_else(|| "a panic".to_owned()))
    })
}

/// What a soak is judged by.
fn table(sum: &Sum, years: u32) -> String {
    let mut lines = vec![
        ("lives", sum.lives),
        ("years", sum.lives * u64::from(years)),
        ("violations", sum.violations.len() as u64),
    ];
    lines.extend(sum.tally.parts());
    lines.iter().map(|(name, number)| format!("{name:12}{number:>14}")).collect::<Vec<_>>().join("\n")
}
