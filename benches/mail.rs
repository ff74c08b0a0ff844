//! `make bench`: mails a second, processor time and peak memory, 1,000 mails with an attachment of 200 KB to a sink on this
//! machine over 4 connections: through the mail door alone, and through the whole stage with its queue on SQLite. A second
//! run of the stage with a quarter of the mails shows that memory does not grow with their number.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use shenling::forms::letters::LetterTemplates;
use shenling::outbox::Answer;
use shenling::outbox::mime::{self, Mail};
use shenling::outbox::smtp::{Line, Post};
use shenling::stages::deliver::{self, Door, MailDoor, Security, Server};
use shenling::store::{NewLetter, PacketFile, Store, Vault};
use tokio::task::JoinSet;

const MAILS: usize = 1_000;
const ATTACHMENT_BYTES: usize = 200_000;
const CONNECTIONS: usize = 4;
/// Of /proc, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;
/// What is to be reached.
const TARGET_PER_SECOND: usize = 400;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sink = Sink::new()?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{MAILS} mails of {ATTACHMENT_BYTES} bytes, {CONNECTIONS} connections; target {TARGET_PER_SECOND}/s"
    )?;
    writeln!(out, "| what | mails | seconds | cpu s | mails/s | peak MB |\n|---|---:|---:|---:|---:|---:|")?;
    for (what, mails) in [("door", MAILS), ("stage", MAILS / 4), ("stage", MAILS)] {
        let (took, cpu_seconds, peak_mb) = match what {
            "door" => measured(door(&sink)).await?,
            _ => stage(&sink, mails).await?,
        };
        let (seconds, count) = (took.as_secs_f64(), f64::from(u32::try_from(mails)?));
        let rate = count / seconds;
        writeln!(out, "| {what} | {mails} | {seconds:.2} | {cpu_seconds:.2} | {rate:.0} | {peak_mb} |")?;
    }
    Ok(())
}

/// Runs something; how long it took, processor time of all threads (the sink's too), peak memory meanwhile.
async fn measured(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<(Duration, f64, u64)> {
    // The kernel begins the peak anew; where it does not let us, the peak of all so far is no less.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (begun, cpu) = (Instant::now(), cpu_seconds()?);
    work.await?;
    Ok((begun.elapsed(), cpu_seconds()? - cpu, peak_mb()?))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_520_000, 0).unwrap_or_default()
}

fn server(sink: &Sink) -> Server {
    Server {
        host: "127.0.0.1".to_owned(),
        port: sink.port,
        security: Security::Plain,
        login: None,
        ca: None,
        patience: Duration::from_secs(30),
    }
}

/// Bytes that do not repeat, as a ZIP's do not.
fn attachment(seed: usize) -> Vec<u8> {
    let mut state = seed as u64 | 1;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(ATTACHMENT_BYTES)
    .collect()
}

/// Writes and hands over every mail, each line its share.
async fn door(sink: &Sink) -> anyhow::Result<()> {
    let post = Arc::new(Post::new(server(sink)).map_err(anyhow::Error::msg)?);
    let zip = Arc::new(attachment(1));
    let mut lines = JoinSet::new();
    for share in 0..CONNECTIONS {
        let (post, zip) = (Arc::clone(&post), Arc::clone(&zip));
        lines.spawn(async move {
            let mut line = Line::new(post);
            for n in (share..MAILS).step_by(CONNECTIONS) {
                let (to, id) = (["clerk@example.cn".to_owned()], format!("{n:032x}.1@example.cn"));
                let written = mime::write(&Mail {
                    from_name: "申领系统",
                    from: "shenling@example.cn",
                    to: &to,
                    cc: &[],
                    subject: "请报送计划",
                    dated_at: now(),
                    message_id: &id,
                    text: "请报送计划。",
                    html: "<p>请报送计划。</p>",
                    attachments: &[("plan.zip", zip.as_slice())],
                    resend: false,
                    thread: &[],
                })
                .map_err(anyhow::Error::msg)?;
                let answer = line.send(&written).await;
                ensure!(matches!(answer, Ok(Answer::Accepted(_))), "{answer:?}");
            }
            line.hang_up().await;
            Ok(())
        });
    }
    while let Some(line) = lines.join_next().await {
        line??;
    }
    ensure!(sink.taken.swap(0, Ordering::SeqCst) == MAILS, "the sink did not get every mail");
    Ok(())
}

/// Queues so many letters, then runs the stage once.
async fn stage(sink: &Sink, mails: usize) -> anyhow::Result<(Duration, f64, u64)> {
    let folder = tempfile::tempdir()?;
    let vault = Vault::from_key(&[7; 32])?;
    let store = Store::open(&format!("sqlite:{}", folder.path().join("mail.db").display()), vault).await?;
    for n in 0..mails {
        let letter = NewLetter {
            key: format!("bench:{n}"),
            recipient: "bench".to_owned(),
            to: vec!["clerk@example.cn".to_owned()],
            cc: Vec::new(),
            subject: "请报送计划".to_owned(),
            text: "请报送计划。".to_owned(),
            html: "<p>请报送计划。</p>".to_owned(),
            attachments: vec![PacketFile { name: "plan.zip".to_owned(), bytes: attachment(n) }],
            thread: Vec::new(),
        };
        store.queue_letter(&letter, now()).await?;
    }
    let door = Door {
        outbox: folder.path().join("outbox"),
        lease: TimeDelta::minutes(5),
        retry: TimeDelta::minutes(10),
        mail: Some(MailDoor {
            server: Ok(server(sink)),
            from: ("申领系统".to_owned(), "shenling@example.cn".to_owned()),
            connections: u32::try_from(CONNECTIONS)?,
            per_domain_per_minute: 100_000,
            max_message_bytes: 10_240_000,
            templates: Arc::new(LetterTemplates::embedded()?),
            programme: String::new(),
            office: String::new(),
            batches_to: BTreeMap::new(),
        }),
        stopping: Arc::default(),
    };
    let figures = measured(async {
        let report = deliver::run(&store, &door, |_| None, now()).await?;
        let accepted = report.delivered.iter().filter(|one| matches!(one.answer, Answer::Accepted(_))).count();
        let taken = sink.taken.swap(0, Ordering::SeqCst);
        ensure!(accepted == mails && taken == mails, "{accepted} of {mails} were accepted, {taken} taken");
        Ok(())
    })
    .await?;
    store.close().await;
    Ok(figures)
}

/// A mail server that takes everything and keeps nothing.
struct Sink {
    port: u16,
    taken: Arc<AtomicUsize>,
}

impl Sink {
    fn new() -> anyhow::Result<Sink> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || {
                    // A client that hangs up without QUIT is no fault of the sink.
                    let _ = swallow(stream, &counter);
                });
            }
        });
        Ok(Sink { port, taken })
    }
}

fn swallow(stream: TcpStream, taken: &AtomicUsize) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut input = BufReader::with_capacity(1 << 16, stream);
    out.write_all(b"220 sink\r\n")?;
    let mut line = Vec::new();
    let mut in_letter = false;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if in_letter {
            if line == b".\r\n" {
                in_letter = false;
                taken.fetch_add(1, Ordering::SeqCst);
                out.write_all(b"250 taken\r\n")?;
            }
            continue;
        }
        if line.starts_with(b"DATA") {
            in_letter = true;
            out.write_all(b"354 go on\r\n")?;
        } else if line.starts_with(b"QUIT") {
            return out.write_all(b"221 bye\r\n");
        } else {
            out.write_all(b"250 ok\r\n")?;
        }
    }
}

/// The most memory that this process has taken since it was last asked to forget.
fn peak_mb() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes / 1024)
}

/// Processor time of this process so far, in seconds.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').context("no name")?;
    let ticks = |field: usize| {
        after_name.split_whitespace().nth(field).context("no ticks")?.parse().map_err(anyhow::Error::from)
    };
    let (user, system): (u32, u32) = (ticks(11)?, ticks(12)?);
    Ok(f64::from(user + system) / TICKS_PER_SECOND)
}
