//! Asking a running service whether it is healthy, for container engines.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{
    commands::stdout::print,
    settings::{Settings, reachable},
};

const TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let address = reachable(settings.address);
    let not_there = || format!("nothing answers on {address}; is the service started?");
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).with_context(not_there)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).with_context(not_there)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "the service on {address} is not healthy");
    print("healthy")
}
