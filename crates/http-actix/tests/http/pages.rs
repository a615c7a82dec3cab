//! Pages, documents and operations.

use std::sync::Arc;

use async_trait::async_trait;
use http_actix::HttpSettings;
use ports::{Dependency, MockAccessTokens, MockDependency, Unready};
use serde_json::json;

use crate::support::{Service, settings};
use crate::world::World;

#[test]
fn every_problem_has_a_page_that_says_what_to_do() {
    let service = Service::start(World::default());
    let list = service.get("/problems").text();
    let paths: Vec<&str> =
        list.split("href=\"/problems/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(paths.len(), 31);
    for code in paths {
        let page = service.get(&format!("/problems/{code}"));
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{code}"
        );
        let text = page.text();
        assert!(
            text.contains(code) && text.contains("What it means") && text.contains("What to do"),
            "{code}"
        );
    }
}

#[test]
fn asvs_3_6_1_the_api_browser_needs_nothing_from_elsewhere() {
    let service = Service::start(World::default());
    for path in ["/docs", "/docs/"] {
        let page = service.get(path);
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(!page.text().contains("//"), "no other host");
        for file in page.text().split('"').filter(|part| part.starts_with("/docs/")) {
            let answer = service.get(file);
            assert_eq!(answer.status, 200, "{file}");
            assert!(answer.body.len() > 100, "{file}");
        }
    }
    let csp = service.get("/docs").header("content-security-policy").unwrap().to_owned();
    assert!(csp.contains("script-src 'self'; style-src 'self'; img-src 'self' data:"));
    assert_eq!(service.get("/docs/swagger-ui.css").header("content-type"), Some("text/css; charset=utf-8"));
    assert!(service.get("/docs/swagger-ui-bundle.js").body.len() > 500_000);
}

#[test]
fn asvs_13_4_5_the_api_browser_can_be_switched_off() {
    let service = Service::start_with(HttpSettings { docs: false, ..settings() }, World::default());
    for path in ["/docs", "/docs/", "/docs/docs.js"] {
        assert_eq!(service.get(path).status, 404);
    }
    assert!(!service.get("/").text().contains("/docs"));
}

#[test]
fn the_start_page_leads_on() {
    let told = HttpSettings {
        service_name: "<b>Sign & go</b>".to_owned(),
        inbox_url: Some("http://127.0.0.1:3001/?a=1&b=\"2\"".to_owned()),
        ..settings()
    };
    let page = Service::start_with(told, World::default()).get("/").text();
    for link in ["/docs", "/health", "/problems", "http://127.0.0.1:3001/?a=1&amp;b=&quot;2&quot;"] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}");
    }
    assert!(page.contains("&lt;b&gt;Sign &amp; go&lt;/b&gt;") && !page.contains("<b>"));
    assert!(!Service::start(World::default()).get("/").text().contains("Inbox"));
}

#[test]
fn health_tells_our_version_only() {
    let versioned = HttpSettings { version: "1.2.3".to_owned(), ..settings() };
    let service = Service::start_with(versioned, World::default());
    assert_eq!(service.get("/health").json(), json!({"status": "ok", "version": "1.2.3"}));
    assert_eq!(service.get("/openapi.json").json()["info"]["version"], "1.2.3");
}

fn dependency(name: &'static str, ready: bool) -> Arc<dyn Dependency> {
    let mut dependency = MockDependency::new();
    dependency.expect_name().return_const(name);
    dependency
        .expect_probe()
        .returning(move || if ready { Ok(()) } else { Err(Unready("secret".to_owned())) });
    Arc::new(dependency)
}

#[test]
fn readiness_names_each_dependency_and_no_reason() {
    let dependencies = vec![dependency("database", true), dependency("provider", true)];
    let ready = Service::start(World { dependencies, ..World::default() }).get("/health/ready");
    let both = json!([{"name": "database", "status": "ok"}, {"name": "provider", "status": "ok"}]);
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ready", "dependencies": both})));

    let dependencies = vec![dependency("database", false), dependency("provider", true)];
    let unready = Service::start(World { dependencies, ..World::default() }).get("/health/ready");
    let one = json!([{"name": "database", "status": "unavailable"}, {"name": "provider", "status": "ok"}]);
    assert_eq!((unready.status, unready.json()), (503, json!({"status": "unready", "dependencies": one})));
    assert_eq!(unready.header("content-type"), Some("application/json"));
}

#[test]
fn what_requests_can_do_without_is_named_and_keeps_nobody_unready() {
    let (dependencies, optional) = (vec![dependency("database", true)], vec![dependency("redis", false)]);
    let ready = Service::start(World { dependencies, optional, ..World::default() }).get("/health/ready");
    let both = json!([{"name": "database", "status": "ok"}, {"name": "redis", "status": "unavailable"}]);
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ready", "dependencies": both})));
}

#[test]
fn the_public_keys_are_published_as_they_are() {
    let mut tokens = MockAccessTokens::new();
    tokens.expect_public_keys().returning(|| r#"{"keys":[]}"#.to_owned());
    let answer = Service::start(World { tokens, ..World::default() }).get("/.well-known/jwks.json");
    assert_eq!((answer.status, answer.json()), (200, json!({"keys": []})));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
}

/// Accepts connections and says nothing.
struct Hanging;

#[async_trait]
impl Dependency for Hanging {
    fn name(&self) -> &'static str {
        "provider"
    }

    async fn probe(&self) -> Result<(), Unready> {
        std::future::pending().await
    }
}

#[test]
fn a_dependency_that_hangs_is_unavailable_and_hides_no_other() {
    let dependencies: Vec<Arc<dyn Dependency>> =
        vec![Arc::new(Hanging), Arc::new(Hanging), dependency("database", true)];
    let answer = Service::start(World { dependencies, ..World::default() }).get("/health/ready");
    let states: Vec<String> = answer.json()["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|state| state["status"].to_string())
        .collect();
    assert_eq!((answer.status, states.join(" ")), (503, r#""unavailable" "unavailable" "ok""#.to_owned()));
}
