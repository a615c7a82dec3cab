//! The reader of bodies.

use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

use http_actix::HttpSettings;

use crate::support::{Answer, Service, registration, settings};
use crate::world::World;

const REGISTER: &str = "/api/v1/auth/register";

#[test]
fn asvs_15_3_7_what_is_not_one_json_object_is_malformed() {
    let service = Service::start(World::default());
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"\"text\"",
        b"{",
        b"{}{}",
        b"{} trailing",
        b"email=ann",
        b"{\"email\":1,\"email\":2}",
        b"{\"ignored\":{\"a\":1,\"\\u0061\":2}}",
        b"{\"email\":\"\\ud800\"}",
        b"{\"email\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
    ];
    for body in bodies {
        let answer = service.post(REGISTER, body);
        let shown = String::from_utf8_lossy(body);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "malformed-request"), "{shown}");
        assert!(!answer.text().contains("line "), "the parser's words stay inside: {shown}");
    }
}

#[test]
fn hx_01_nesting_over_32_levels_is_malformed_even_in_unknown_fields() {
    let service = Service::start(World::default());
    let nested = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert_eq!(service.post(REGISTER, nested(32)).status, 422);
    assert_eq!(service.post(REGISTER, nested(33)).status, 400);
    assert_eq!(service.post(REGISTER, nested(7000)).status, 400);
}

#[test]
fn asvs_3_5_2_only_json_bodies_are_read() {
    let service = Service::start(World::that_sends());
    for accepted in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
    ] {
        let header = format!("Content-Type: {accepted}");
        assert_eq!(service.post_as(REGISTER, &[&header], registration()).status, 201, "{accepted}");
    }
    for refused in [
        "Content-Type: text/plain",
        "Content-Type: text/json",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: application/problem+json",
        "Content-Type: application/vnd.api+json",
        "Content-Type: application/json; charset=latin-1",
        "Content-Type: application/json, text/plain",
        "Content-Type: application/jsonp",
        "Content-Type:",
        "X-Other: header",
        "Content-Type: application/json\r\nContent-Type: text/plain",
        "Content-Type: application/json\r\nContent-Encoding: gzip",
        "Content-Type: application/json\r\nContent-Encoding: identity\r\nContent-Encoding: br",
    ] {
        let answer = service.post_as(REGISTER, &[refused], registration());
        assert_eq!((answer.status, answer.problem().as_str()), (415, "unsupported-media-type"), "{refused}");
    }
    let identity = ["Content-Type: application/json", "Content-Encoding: identity"];
    assert_eq!(service.post_as(REGISTER, &identity, registration()).status, 201);
}

#[test]
fn hx_01_a_declared_body_over_16_kib_is_refused_unread() {
    let service = Service::start(World::default());
    let mut stream = service.connect();
    let head = format!(
        "POST {REGISTER} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let answer = Answer::read(&mut stream);
    assert_eq!((answer.status, answer.problem().as_str()), (413, "payload-too-large"));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn hx_01_a_streamed_body_over_16_kib_is_refused_while_it_comes() {
    let service = Service::start(World::default());
    let mut stream = service.connect();
    let head = format!(
        "POST {REGISTER} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..5 {
        stream.write_all(chunk.as_bytes()).unwrap();
    }
    // The last chunk never comes: only a reader that stops early answers, and
    // only one that does not wait for the rest closes.
    let answer = Answer::read(&mut stream);
    assert_eq!((answer.status, answer.problem().as_str()), (413, "payload-too-large"));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn hx_01_an_endless_body_is_not_read_where_none_is_wanted() {
    let service = Service::start(World::default());
    for head in [
        "POST /nothing",
        "GET /health",
        "POST /api/v1/auth/logout",
        "PUT /api/v1/auth/login",
        "POST /api/v1/auth/step-up",
        "PATCH /api/v1/me",
        "DELETE /api/v1/me",
    ] {
        let mut stream = service.connect();
        let head = format!("{head} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let started = Instant::now();
        let answer = Answer::read(&mut stream);
        assert_eq!(answer.header("connection"), Some("close"), "{head}");
        assert!(started.elapsed() < Duration::from_secs(10), "{head}: the connection stayed open");
    }
}

#[test]
fn a_body_of_exactly_16_kib_is_read() {
    let service = Service::start(World::that_sends());
    let body = format!("{:<16384}", registration());
    assert_eq!(service.post(REGISTER, &body).status, 201);
    assert_eq!(service.post(REGISTER, format!("{body} ")).status, 413);
}

#[test]
fn hx_02_a_slow_body_ends_at_its_deadline() {
    let impatient = HttpSettings { body_deadline: Duration::from_millis(200), ..settings() };
    let service = Service::start_with(impatient, World::default());
    let mut stream = service.connect();
    let head = format!(
        "POST {REGISTER} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut trickle = stream.try_clone().unwrap();
    thread::spawn(move || {
        while trickle.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let answer = Answer::read(&mut stream);
    assert_eq!((answer.status, answer.problem().as_str()), (408, "request-timeout"));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn hx_02_slow_headers_end_at_their_deadline() {
    let impatient = HttpSettings { header_deadline: Duration::from_millis(200), ..settings() };
    let service = Service::start_with(impatient, World::default());
    let mut stream = service.connect();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost:").unwrap();
    assert_eq!(Answer::read(&mut stream).status, 408);
}

#[test]
fn hx_01_headers_over_16_kib_are_refused() {
    let service = Service::start(World::default());
    let long = format!("X-Long: {}", "a".repeat(17_000));
    let answer = service.ask("GET", "/health", &[&long]);
    assert_eq!((answer.status, answer.problem().as_str()), (431, "headers-too-large"));
}

#[test]
fn asvs_4_2_1_ambiguous_lengths_are_refused() {
    let service = Service::start(World::that_sends());
    let body = registration();
    let length = body.len();
    for headers in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Content-Length: {length}\r\nContent-Length: 1"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: -{length}"),
        "Transfer-Encoding: gzip".to_owned(),
    ] {
        let answer = service.raw(format!(
            "POST {REGISTER} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{headers}\r\n\r\n{body}"
        ));
        assert_eq!(answer.status, 400, "{headers}");
    }
}
