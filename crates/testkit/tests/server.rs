//! Starting, watching and ending a process.

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;

use testkit::server::Launch;

fn stand_in() -> Launch {
    Launch::of(env!("CARGO_BIN_EXE_stand-in"))
}

fn is_reachable(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("http://")).is_ok()
}

#[test]
fn a_started_service_is_reachable_and_sees_only_the_variables_it_was_given() {
    let mut server = stand_in().env("OTP_LOGIN_ENV", "development").start();
    assert!(is_reachable(&server.url()));
    server.kill();
    let seen = server.output();
    assert!(seen.contains("OTP_LOGIN_ENV") && seen.contains("OTP_LOGIN__SIMULATOR__PORT"), "{seen}");
    assert!(!seen.contains("CARGO"), "{seen}");
}

#[test]
fn a_service_that_ends_at_once_is_a_refusal_with_its_output() {
    let Err(refusal) = stand_in().env("COMPLAINT", "PORT: not a number").try_start() else {
        panic!("it started");
    };
    assert_eq!(refusal.status.code(), Some(2));
    assert!(refusal.output.contains("PORT: not a number"));
}

#[test]
fn stopping_sends_sigterm_and_killing_sends_sigkill() {
    let mut server = stand_in().start();
    assert_eq!(server.stop().signal(), Some(15));
    let mut server = stand_in().start();
    server.kill();
    assert_eq!(server.wait().signal(), Some(9));
}

#[test]
fn a_restarted_service_keeps_its_address_and_folder() {
    let mut server = stand_in().start();
    let (url, folder) = (server.url(), server.folder().to_owned());
    server.restart();
    assert_eq!((server.url().as_str(), server.folder()), (url.as_str(), folder.as_path()));
    assert!(is_reachable(&url));
    server.kill();
    assert_eq!(server.output().matches("variables:").count(), 2);
}

#[test]
fn nothing_is_left_of_a_service_that_went_out_of_scope() {
    let server = stand_in().start();
    let (url, folder) = (server.url(), server.folder().to_owned());
    drop(server);
    assert!(!is_reachable(&url));
    assert!(!folder.exists());
}
