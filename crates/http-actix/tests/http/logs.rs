//! What the log says of requests.

use std::{
    io,
    sync::{Arc, Mutex},
};

use ports::{HashError, StoreError};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Service, registration};
use crate::world::{ACCESS_TOKEN, World};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of the request with this id.
    fn lines(&self, request_id: &str) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let is_of = |part: &Value| part["request.id"] == request_id;
        lines.filter(|line| is_of(&line["fields"]) || is_of(&line["span"])).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn lg_01_one_line_says_what_was_asked_and_never_what_was_in_it() {
    let log = Log::default();
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).init();
    let mut world = World::with_session();
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| panic!("the whisper of a panic"));
    let outage = || StoreError::Unavailable("no route to host".into());
    world.accounts.expect_find_sign_in().returning(move |_, _, _| Err(outage()));
    world.hasher.expect_hash().returning(|_, _| Err(HashError::Abandoned));
    let service = Service::start(world);

    service.ask("GET", "/problems/whisper?q=whisper", &["X-Request-Id: one"]);
    service.ask("GET", "/whisper", &["X-Request-Id: two"]);
    service.me(&["X-Request-Id: three", &format!("Authorization: Bearer {ACCESS_TOKEN}")]);
    let body = r#"{"email":"whisper","password":"whisper-whisper","phone_number":"whisper"}"#;
    service.post_as("/api/v1/auth/register", &["X-Request-Id: four", "Content-Type: application/json"], body);
    let body = r#"{"email":"whisper@example.com","password":"whisper"}"#;
    service.post_as("/api/v1/auth/login", &["X-Request-Id: five", "Content-Type: application/json"], body);

    let headers = ["X-Request-Id: six", "Content-Type: application/json"];
    service.post_as("/api/v1/auth/register", &headers, registration());

    let [one] = &log.lines("one")[..] else { panic!("one line") };
    assert_eq!(one["fields"]["event"], "request");
    assert_eq!(one["fields"]["http.status"], 404);
    assert!(one["fields"]["duration_ms"].is_u64());
    assert_eq!(one["fields"]["http.method"], "GET");
    assert_eq!(one["fields"]["client.address"], "127.0.0.1");
    assert_eq!(one["fields"]["http.route"], "/problems/{code}");
    assert_eq!(one["fields"]["trace_id"].as_str().unwrap().len(), 32);
    assert_eq!(log.lines("two")[0]["fields"]["http.route"], "unmatched");

    let events: Vec<Value> = log.lines("three").iter().map(|line| line["fields"]["event"].clone()).collect();
    assert_eq!(events, ["panic", "request"]);
    assert_eq!(log.lines("four")[0]["fields"]["fields"], "/email /phone_number");
    let faults: Vec<Value> =
        log.lines("five").into_iter().filter(|line| line["fields"]["event"] == "fault").collect();
    assert_eq!((faults.len(), &faults[0]["level"]), (1, &Value::from("ERROR")), "told once");
    assert!(faults[0]["fields"]["error"].as_str().unwrap().ends_with(": no route to host"), "with its cause");
    let left = log.lines("six");
    assert!(left.iter().any(|line| line["fields"]["event"] == "abandoned"), "{left:?}");
    assert!(left.iter().all(|line| line["level"] != "ERROR"), "nobody is woken for a client that left");
    assert!(!log.text().contains("whisper") && !log.text().contains(ACCESS_TOKEN));
}
