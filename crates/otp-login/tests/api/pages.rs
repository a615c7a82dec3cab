//! Pages for people: the API browser and what each problem means.

use std::collections::BTreeSet;

use crate::client::{Answer, Database, Service};

/// The codes that the contract names for what is built so far.
const CODES: [&str; 20] = [
    "malformed-request",
    "not-found",
    "method-not-allowed",
    "request-timeout",
    "payload-too-large",
    "unsupported-media-type",
    "validation-failed",
    "rate-limited",
    "internal",
    "overloaded",
    "database-unavailable",
    "provider-unavailable",
    "send-limit-reached",
    "resend-too-soon",
    "challenge-closed",
    "channel-not-available",
    "destination-not-allowed",
    "invalid-code",
    "invalid-credentials",
    "invalid-token",
];

/// Asserts that a page is HTML that runs nothing of others and asks for nothing elsewhere.
fn assert_safe_page(answer: &Answer) {
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap();
    for directive in ["object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
    let is_foreign = |reference: &&String| !reference.starts_with('/') && !reference.starts_with("data:");
    for foreign in references(answer.text()).iter().filter(is_foreign) {
        assert!(foreign.starts_with("http://127.0.0.1:"), "{foreign} is elsewhere");
    }
}

/// What the page links to or loads.
fn references(html: &str) -> BTreeSet<String> {
    let after = |attribute: &str| {
        html.split(attribute)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    after("href=\"").into_iter().chain(after("src=\"")).collect()
}

#[test]
fn every_problem_has_its_page() {
    let service = Service::start(Database::Sqlite);
    for code in CODES.iter().chain(&["account-exists"]) {
        let page = service.get(&format!("/problems/{code}"));
        assert_safe_page(&page);
        assert!(page.text().contains(code));
    }
    let index = service.get("/problems");
    assert_safe_page(&index);
    for code in CODES {
        assert!(references(index.text()).contains(&format!("/problems/{code}")), "{code}");
    }
    service.get("/problems/of-mine").refusal(404, "not-found");
}

#[test]
fn asvs_3_5_7_the_api_browser_needs_nothing_from_the_internet() {
    let service = Service::start(Database::Sqlite);
    let page = service.get("/docs");
    assert_safe_page(&page);
    let references = references(page.text());
    assert!(references.iter().any(|reference| reference.contains(".js")), "{references:?}");
    for reference in references.iter().filter(|reference| reference.starts_with('/')) {
        let file = service.get(reference);
        file.assert_status(200);
        assert!(!file.body.is_empty());
        let content_type = file.header("content-type").unwrap();
        let expected = match reference.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => content_type,
        };
        assert_eq!(content_type, expected, "{reference}");
    }
}

#[test]
fn asvs_13_4_2_the_api_browser_can_be_switched_off() {
    let service = Service::with(Database::Sqlite, &[("OTP_LOGIN__SERVER__DOCS", "false")]);
    for path in ["/docs", "/docs/", "/docs/swagger-ui-bundle.js"] {
        service.get(path).refusal(404, "not-found");
    }
    service.get("/openapi.json").assert_status(200);
}

#[test]
fn every_link_of_the_start_page_leads_somewhere() {
    let service = Service::start(Database::Sqlite);
    let page = service.get("/");
    assert_safe_page(&page);
    for reference in references(page.text()).iter().filter(|reference| reference.starts_with('/')) {
        service.get(reference).assert_status(200);
    }
}
