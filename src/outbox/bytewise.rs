//! A connection that is read one byte at a time, so that nothing said before TLS is taken for said within it.
//!
//! lettre reads lines through a buffer that outlives STARTTLS: whatever somebody on the way puts behind the server's `220`
//! would be answered to later commands as if it had come encrypted (a mail would seem accepted that was not). Read
//! byte by byte, such words stay in the socket, meet the TLS handshake, and end it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The connection. A mail client reads little: a few hundred bytes a letter.
#[derive(Debug)]
pub(super) struct Bytewise(pub(super) TcpStream);

impl AsyncRead for Bytewise {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut one))?;
        buf.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bytewise {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Bytewise {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn a_reader_with_a_large_buffer_gets_no_byte_more_than_it_needs() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        listener.accept().unwrap().0.write_all(b"220 go ahead\r\n250 injected\r\n").unwrap();
        let (mut stream, mut line) = (Bytewise(stream), Vec::new());
        while line.last() != Some(&b'\n') {
            let mut space = [0; 64];
            let mut buf = ReadBuf::new(&mut space);
            std::future::poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buf)).await.unwrap();
            line.extend_from_slice(buf.filled());
        }
        assert_eq!(line, b"220 go ahead\r\n");
    }
}
