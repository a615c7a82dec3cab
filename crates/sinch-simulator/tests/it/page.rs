use sinch_simulator::{Settings, Simulator};

use crate::support::Bench;

#[tokio::test]
async fn the_page_is_self_contained_and_runs_under_a_strict_policy() {
    let bench = Bench::new();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/app.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = bench.client.get(bench.url(path)).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], content_type);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["x-frame-options"], "DENY");
        let text = answer.text().await.unwrap();
        let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{path}");
        assert!(
            !text.contains("innerHTML") && !text.contains(" style=") && !text.contains(" onclick"),
            "{path}"
        );
    }
    bench.stop().await;
}

#[tokio::test]
async fn the_page_knows_where_the_service_is() {
    let bench = Bench::with(Settings { service_url: "http://127.0.0.1:8080".into(), ..Settings::default() });
    assert_eq!(bench.get("/about").await.body["service_url"], "http://127.0.0.1:8080");
    bench.stop().await;
}

#[test]
fn settings_that_cannot_work_are_refused_with_a_reason() {
    for (settings, reason) in [
        (Settings { application_secret: "not Base64!".into(), ..Settings::default() }, "Base64"),
        (Settings { application_key: String::new(), ..Settings::default() }, "application key"),
        (Settings { code_length: 11, ..Settings::default() }, "4 to 10"),
        (Settings { wrong_codes_allowed: 0, ..Settings::default() }, "wrong code"),
        (Settings { capacity: 0, ..Settings::default() }, "capacity"),
        (Settings { callback_url: Some("nowhere".into()), ..Settings::default() }, "callback URL"),
    ] {
        let refused = Simulator::bind(settings, "127.0.0.1:0").err().unwrap();
        assert!(refused.to_string().contains(reason), "{refused}");
    }
}

#[test]
fn settings_never_print_the_secret() {
    let settings = Settings { application_secret: "c2VjcmV0".into(), ..Settings::default() };
    assert!(!format!("{settings:?}").contains("c2VjcmV0"));
}

#[tokio::test]
async fn a_simulator_that_was_stopped_gives_its_port_back() {
    let stopped = Simulator::bind(Settings::default(), "127.0.0.1:0").unwrap();
    let address = stopped.address();
    stopped.spawn().stop().await.unwrap();
    assert!(std::net::TcpListener::bind(address).is_ok());
}
