//! Slow and departed clients, the end of a process, and processes beside each other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Operation, Person, Request, Rule, Setup, Store, World, binary, eventually, raw_exchange, run};
use serde_json::{Value, json};
use tempfile::tempdir;
use testkit::postgres;
use testkit::server::{Launch, Server};

const ANN: Person = Person::ANN;

fn host_of(server: &Server) -> String {
    server.url().strip_prefix("http://").unwrap().to_owned()
}

fn quick() -> Launch {
    Launch::of(binary()).env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4")
}

#[test]
fn hx_02_idle_and_trickling_connections_leave_the_service_usable() {
    let world = World::on(Store::Sqlite);
    let host = host_of(&world.service);
    let mut slow: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&host).unwrap()).collect();
    for (number, stream) in slow.iter_mut().enumerate() {
        match number % 3 {
            0 => {}
            1 => stream.write_all(b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap(),
            _ => stream
                .write_all(b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{")
                .unwrap(),
        }
    }
    let begun = Instant::now();
    let tokens = world.sign_up(ANN);
    assert_eq!(world.api().me(&tokens.access).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for stream in slow.iter_mut().skip(1).step_by(3) {
        // One byte more keeps nothing alive.
        let _ = stream.write_all(b"a");
    }
    let mut ended = 0;
    for mut stream in slow.into_iter().filter(|stream| stream.peer_addr().is_ok()).skip(1).step_by(3).take(20)
    {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        ended += u32::from(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"));
    }
    assert_eq!(ended, 20);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn hx_02_a_body_that_trickles_is_a_408_after_ten_seconds() {
    let server = quick().start();
    let host = host_of(&server);
    let mut stream = TcpStream::connect(&host).unwrap();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    let mut trickle = stream.try_clone().unwrap();
    thread::spawn(move || {
        while trickle.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("application/problem+json"), "{answer}");
    assert!((8..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

/// One thread that hashes one password at a time, for a sixteenth of a second each.
fn hashing_slowly() -> World {
    Setup::on(Store::Sqlite)
        .with("OTP_LOGIN__PASSWORD__WORKERS", "1")
        .with("OTP_LOGIN__PASSWORD__LANES", "1")
        .with("OTP_LOGIN__PASSWORD__BCRYPT_COST", "10")
        .with("OTP_LOGIN__PASSWORD__MAX_WAIT_MS", "600000")
        .with("OTP_LOGIN__LOG__FORMAT", "json")
        .start()
}

/// How each sign-in ended, by the log.
fn sign_ins(server: &Server) -> Vec<u64> {
    server.output().lines().filter_map(status_of_sign_in).collect()
}

fn status_of_sign_in(line: &str) -> Option<u64> {
    let line: Value = serde_json::from_str(line).ok()?;
    let is_sign_in = line.get("event")? == "request" && line.get("http.route")? == "/api/v1/auth/login";
    line.get("http.status")?.as_u64().filter(|_| is_sign_in)
}

#[test]
fn asvs_15_1_3_passwords_of_clients_that_went_away_are_not_hashed() {
    /// More than the 64 that may wait, so that a place not given back is missed.
    const DEPARTED: usize = 80;
    let world = hashing_slowly();
    let api = world.api();
    world.sign_up(ANN);
    for number in 0..DEPARTED {
        let body = json!({ "email": format!("p{number}@example.com"), "password": "a wrong password" });
        drop(Request::post(api.url("/api/v1/auth/login"), &body).send_only().unwrap());
    }
    eventually("every departed client was noticed", || sign_ins(&world.service).len() == DEPARTED);
    // A hash takes much longer than closing, so that a few at most were done before.
    let hashed = sign_ins(&world.service).into_iter().filter(|status| *status == 401).count();
    assert!(hashed < DEPARTED / 2, "{hashed} passwords were hashed for nobody");
    let reply = api.log_in(ANN);
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn a_client_that_sends_its_next_request_ahead_is_still_there() {
    let world = hashing_slowly();
    let host = host_of(&world.service);
    world.sign_up(ANN);
    let body = json!({ "email": ANN.email, "password": ANN.password }).to_string();
    let sign_in = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let last = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answers = raw_exchange(&host, format!("{sign_in}{sign_in}{last}").as_bytes()).unwrap();
    let answers = String::from_utf8_lossy(&answers);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
}

#[test]
fn a_stop_signal_finishes_what_is_in_flight_and_exits_0() {
    let mut world = World::on(Store::Sqlite);
    world.provider.rule(Operation::Start, Rule::HoldAnswer);
    let registration = world.api().registration(ANN);
    let in_flight = thread::spawn(move || registration.send());
    world.provider.wait_until_held();
    world.service.request_stop();
    eventually("no more connections are taken", || {
        let health = Request::get(format!("{}/health", world.service.url()));
        health.send().is_err()
    });
    assert!(!in_flight.is_finished(), "the request in flight was dropped");
    world.provider.release();
    let reply = in_flight.join().unwrap().unwrap();
    assert_eq!((reply.status, reply.at("/challenge/sent").as_str()), (201, "true"), "{reply:?}");
    let status = world.service.wait();
    assert_eq!(status.code(), Some(0), "{}", world.service.output());
    assert!(world.service.output().contains("sys_shutdown"));
}

#[test]
fn an_idle_service_stops_at_once_and_exits_0() {
    for store in [Store::Sqlite, Store::Postgres] {
        let mut world = World::on(store);
        let idle = TcpStream::connect(host_of(&world.service)).unwrap();
        let begun = Instant::now();
        let status = world.service.stop();
        assert_eq!(status.code(), Some(0), "{}", world.service.output());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        drop(idle);
    }
}

#[test]
fn a_second_service_on_the_same_port_says_so_in_one_line_and_changes_nothing() {
    let first = quick().start();
    let port = first.url().rsplit(':').next().unwrap().to_owned();
    let folder = tempdir().unwrap();
    let ran = run(
        folder.path(),
        &[
            ("PORT", &port),
            ("OTP_LOGIN__SIMULATOR__ENABLED", "false"),
            ("OTP_LOGIN__SINCH__BASE_URL", "http://127.0.0.1:9"),
        ],
        &["serve"],
    );
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{ran:?}");
    assert!(ran.stderr.contains(&port) && ran.stderr.contains("OTP_LOGIN__SERVER__PORT"), "{ran:?}");
    assert!(!folder.path().join("data").exists(), "it touched a database");
    assert_eq!(Request::get(format!("{}/health", first.url())).send().unwrap().status, 200);
}

#[test]
fn services_that_start_at_once_on_one_database_migrate_it_once() {
    let folder = tempdir().unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("shared.sqlite3").display());
    for url in [sqlite, postgres::database()] {
        let starting: Vec<_> = (0..4)
            .map(|_| {
                let launch = quick().env("DATABASE_URL", &url).env("OTP_LOGIN__LOG__FORMAT", "json");
                thread::spawn(move || launch.start())
            })
            .collect();
        let mut servers: Vec<Server> = starting.into_iter().map(|thread| thread.join().unwrap()).collect();
        let status = run(folder.path(), &[("DATABASE_URL", &url)], &["migrate", "status"]).good();
        assert!(status.lines().all(|line| line.starts_with("applied")), "{status}");
        let replies: Vec<u16> = servers
            .iter()
            .map(|server| Request::get(format!("{}/health/ready", server.url())).send().unwrap().status)
            .collect();
        assert_eq!(replies, [200; 4]);
        for server in &mut servers {
            server.kill();
        }
        let applied: usize =
            servers.iter().map(|server| server.output().matches("applied a migration").count()).sum();
        assert_eq!(applied, status.lines().count(), "a migration ran twice");
    }
}

#[test]
fn what_one_service_opens_another_on_the_same_database_finishes() {
    let url = postgres::database();
    let simulator = harness::SimulatorProcess::start();
    let launch = quick()
        .env("DATABASE_URL", &url)
        .env("OTP_LOGIN__SIMULATOR__ENABLED", "false")
        .env("OTP_LOGIN__SINCH__BASE_URL", simulator.url(""));
    let (here, there) = (launch.start(), launch.start());
    let (here, there) = (harness::Api::at(here.url()), (harness::Api::at(there.url()), here, there));
    let challenge = here.register(ANN).at("/challenge/id");
    assert_eq!(there.0.register(ANN).at("/challenge/id"), challenge);
    let code = simulator.codes(ANN.phone)[0].clone();
    let tokens = harness::Tokens::of(&there.0.verify(&challenge, &code));
    assert_eq!(here.verify(&challenge, &code).outcome(), "410 challenge-closed");
    assert_eq!(here.me(&tokens.access).status, 200);
    assert_eq!(here.log_out(&tokens.access).status, 204);
    assert_eq!(there.0.me(&tokens.access).status, 401);
}
