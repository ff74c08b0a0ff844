//! `make bench`: mails a second and peak memory, 1,000 mails with an attachment of 200 KB to a sink on this machine over
//! 4 connections: through the mail door alone, and through the whole stage with its queue on SQLite.

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
    for (what, seconds) in [("door", door(&sink).await?), ("stage", stage(&sink).await?)] {
        let rate = f64::from(u32::try_from(MAILS)?) / seconds.as_secs_f64();
        writeln!(out, "{what:<6} {:>7.2} s {rate:>8.0} mails/s  peak {:>5} MB", seconds.as_secs_f64(), peak_mb()?)?;
    }
    Ok(())
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
async fn door(sink: &Sink) -> anyhow::Result<Duration> {
    let post = Arc::new(Post::new(server(sink)).map_err(anyhow::Error::msg)?);
    let zip = Arc::new(attachment(1));
    let begun = Instant::now();
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
    let took = begun.elapsed();
    ensure!(sink.taken.swap(0, Ordering::SeqCst) == MAILS, "the sink did not get every mail");
    Ok(took)
}

/// Queues every letter, then runs the stage once.
async fn stage(sink: &Sink) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let vault = Vault::from_key(&[7; 32])?;
    let store = Store::open(&format!("sqlite:{}", folder.path().join("mail.db").display()), vault).await?;
    for n in 0..MAILS {
        let letter = NewLetter {
            key: format!("bench:{n}"),
            recipient: "bench".to_owned(),
            to: vec!["clerk@example.cn".to_owned()],
            cc: Vec::new(),
            subject: "请报送计划".to_owned(),
            text: "请报送计划。".to_owned(),
            html: "<p>请报送计划。</p>".to_owned(),
            attachments: vec![PacketFile { name: "plan.zip".to_owned(), bytes: attachment(n) }],
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
    let begun = Instant::now();
    let report = deliver::run(&store, &door, |_| None, now()).await?;
    let took = begun.elapsed();
    let accepted = report.delivered.iter().filter(|one| matches!(one.answer, Answer::Accepted(_))).count();
    ensure!(accepted == MAILS && sink.taken.swap(0, Ordering::SeqCst) == MAILS, "{accepted} of {MAILS} were accepted");
    store.close().await;
    Ok(took)
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

/// The most memory that this process has taken.
fn peak_mb() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes / 1024)
}
