//! What this crate's own tests start in place of the service.

use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut names: Vec<String> = env::vars().map(|(name, _)| name).collect();
    names.sort_unstable();
    println!("variables: {}", names.join(" "));
    if let Ok(complaint) = env::var("COMPLAINT") {
        eprintln!("{complaint}");
        return Ok(ExitCode::from(2));
    }
    let port: u16 = env::var("OTP_LOGIN__SERVER__PORT")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let _request = stream.read(&mut [0; 1024])?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    }
    Ok(ExitCode::SUCCESS)
}
