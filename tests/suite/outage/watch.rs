//! The sign of life to an outside watch: while all is well, and only then.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Gate, is_up, now, serve, stop, watched, wrong};
use crate::daemon::{log, set, until};
use crate::mail;
use crate::mail::peer::{Hello, Peer};

/// A sign of life goes out while all is well, and not while the mail server is away.
#[test]
fn the_outside_watch_hears_from_us_while_all_is_well() {
    let watch = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alive", watch.local_addr().unwrap());
    let peer = Peer::new(Hello::Bare, &[]);
    let folder = watched(peer.port);
    set(&folder, &[("ping_url", &url)]);
    let daemon = serve(&folder);
    let (mut heard, _) = watch.accept().unwrap();
    let mut asked = [0; 1024];
    let n = heard.read(&mut asked).unwrap();
    heard.write_all(b"HTTP/1.1 204 ok\r\n\r\n").unwrap();
    assert!(asked[..n].starts_with(b"GET /alive HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&asked[..n]));
    assert!(!log(&folder).contains("/alive"), "the address is not logged");
    stop(daemon, &folder);
    let wrong = folder.copy();
    set(&wrong, &[("ping_url", "ftp://example.cn/x")]);
    assert!(wrong.expect(1, &["check"]).contains("daemon.ping_url 不是网址"));
}

/// While no mail leaves, whoever watches from outside hears nothing: nobody else would learn of it.
#[test]
fn the_outside_watch_hears_nothing_while_mail_is_away() {
    let watch = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alive", watch.local_addr().unwrap());
    let heard = Arc::new(AtomicBool::new(false));
    let notes = Arc::clone(&heard);
    std::thread::spawn(move || {
        for asked in watch.incoming() {
            let Ok(mut asked) = asked else { return };
            let _ = (asked.read(&mut [0; 1024]), asked.write_all(b"HTTP/1.1 204 ok\r\n\r\n"));
            notes.store(true, Ordering::SeqCst);
        }
    });
    let peer = Peer::new(Hello::Bare, &[]);
    let gate = Gate::new(peer.port);
    gate.set(false);
    let folder = watched(gate.port);
    mail::queue(&folder, &[mail::letter("test:one", &[10])], &now());
    let daemon = serve(&folder);
    until("the alarm", || (wrong(&folder) == ["smtp"]).then_some(()));
    stop(daemon, &folder);
    set(&folder, &[("ping_url", &url)]);
    let daemon = serve(&folder);
    is_up(&folder);
    std::thread::sleep(Duration::from_secs(5));
    assert!(!heard.load(Ordering::SeqCst), "it says that all is well");
    gate.set(true);
    folder.expect(0, &["delivery", "retry", "test:one", "--reason", "已恢复", "--by", "某管理员"]);
    until("the sign of life", || heard.load(Ordering::SeqCst).then_some(()));
    stop(daemon, &folder);
}
