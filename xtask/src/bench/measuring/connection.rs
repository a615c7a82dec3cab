//! An HTTP/1.1 client that costs next to nothing: requests are bytes made before,
//! and an answer is read no further than its length needs.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than the answers that are measured, so that it never grows.
const BUFFER_BYTES: usize = 16 * 1024;

/// A connection to 127.0.0.1 that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.context("no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// Sends a whole request and reads its whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < head.bytes + head.body_bytes {
            self.read_more().await?;
        }
        let body = self.buffer.get(head.bytes..).unwrap_or_default();
        Ok(Answer { status: head.status, body })
    }

    async fn read_more(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the connection was closed instead of answered");
        Ok(())
    }
}

impl Answer<'_> {
    /// The body, if the status is the one expected.
    pub(crate) fn json(&self, expected: u16) -> Result<Value> {
        let text = String::from_utf8_lossy(self.body);
        ensure!(self.status == expected, "{} instead of {expected}: {text}", self.status);
        serde_json::from_slice(self.body).with_context(|| format!("no JSON: {text}"))
    }
}

/// What is read of an answer's head.
struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
}

impl Head {
    /// None while the head is incomplete.
    fn parse(answer: &[u8]) -> Result<Option<Self>> {
        const END: &[u8] = b"\r\n\r\n";
        let Some(end) = answer.windows(END.len()).position(|window| window == END) else { return Ok(None) };
        let head =
            std::str::from_utf8(answer.get(..end).unwrap_or_default()).context("the head is no text")?;
        let status = head.split(' ').nth(1).context("no status")?;
        let status = status.get(..3).and_then(|digits| digits.parse().ok()).context("no status")?;
        let fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
        let length = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let body_bytes = match length {
            Some((_, digits)) => digits.trim().parse().context("content-length")?,
            None if status == 204 => 0,
            None => bail!("a {status} without content-length"),
        };
        Ok(Some(Self { status, bytes: end + END.len(), body_bytes }))
    }
}

pub(crate) fn get(path: &str, access_token: Option<&str>) -> Vec<u8> {
    let authorization = access_token.map(|token| format!("authorization: Bearer {token}\r\n"));
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{}\r\n", authorization.unwrap_or_default())
        .into_bytes()
}

pub(crate) fn post(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_much_follows() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        let head = Head::parse(answer).unwrap().unwrap();
        assert_eq!((head.status, head.bytes, head.body_bytes), (200, answer.len() - 2, 2));
        assert!(Head::parse(&answer[..30]).unwrap().is_none());
    }

    #[test]
    fn only_an_empty_answer_may_keep_its_length_to_itself() {
        let none = Head::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((none.status, none.body_bytes), (204, 0));
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
