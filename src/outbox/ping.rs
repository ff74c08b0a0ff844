//! The sign of life to an outside watch: a plain GET that carries nothing.
//!
//! Reads, writes: nothing of ours.
//! Safe to repeat because it says nothing but that we live.
//! When it fails: the error is for the log; the other side misses us by itself. It never holds the address, which may
//! be a secret.
//! Trusts: the system's proxy settings, and the roots that the program brings.

use std::time::Duration;

use ureq::{Agent, Error};

/// Most redirections that are followed.
const MAX_REDIRECTS: u32 = 3;

/// Asks for an address and forgets the answer.
pub async fn get(url: &str, limit: Duration) -> Result<(), String> {
    let url = url.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let config = Agent::config_builder().timeout_global(Some(limit)).max_redirects(MAX_REDIRECTS);
        let agent = Agent::new_with_config(config.user_agent("shenling").build());
        agent.get(&url).call().map(drop)
    });
    match asked.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(in_words(&error)),
        Err(_) => Err("内部错误".to_owned()),
    }
}

/// Kinds only: the text of some errors quotes the address.
fn in_words(error: &Error) -> String {
    match error {
        Error::StatusCode(code) => format!("对方回答 {code}"),
        Error::Timeout(_) => "对方没有按时回答".to_owned(),
        Error::HostNotFound => "找不到主机".to_owned(),
        Error::Io(error) => format!("连接不上（{:?}）", error.kind()),
        _ => "请求没有成功".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with a line; returns its address and, at the end, what was asked.
    fn peer(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/secret-name", listener.local_addr().unwrap());
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let n = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..n]).into_owned()
        });
        (url, heard)
    }

    #[tokio::test]
    async fn it_asks_and_carries_nothing() {
        let (url, heard) = peer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        get(&url, Duration::from_secs(5)).await.unwrap();
        let asked = heard.join().unwrap();
        assert!(asked.starts_with("GET /secret-name HTTP/1.1\r\n") && asked.ends_with("\r\n\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_without_the_address() {
        let (url, _) = peer("HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(get(&url, Duration::from_secs(5)).await.unwrap_err(), "对方回答 503");
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let said = get(&format!("http://{closed}/secret"), Duration::from_secs(5)).await.unwrap_err();
        assert!(said.starts_with("连接不上") && !said.contains("secret"), "{said}");
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/secret", mute.local_addr().unwrap());
        assert_eq!(get(&url, Duration::from_millis(300)).await.unwrap_err(), "对方没有按时回答");
        let said = get("http://no-such-host.invalid/secret", Duration::from_secs(5)).await.unwrap_err();
        assert!(!said.contains("secret"), "{said}");
    }
}
