//! Which web pages may read answers.

use crate::client::{Database, LOG_IN, ME, Request, Service};

const OURS: &str = "https://app.example.com";

fn preflight(origin: &str) -> Request {
    Request::new("OPTIONS", LOG_IN)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
}

#[test]
fn asvs_3_4_2_no_origin_is_allowed_unless_configured() {
    let service = Service::start(Database::Sqlite);
    let answer = service.send(&preflight(OURS));
    answer.refusal(405, "method-not-allowed");
    for answer in [answer, service.send(&Request::get("/health").header("origin", OURS))] {
        assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("access-control-")), "{answer:?}");
    }
}

#[test]
fn asvs_3_4_2_exactly_the_configured_origins_are_echoed() {
    let settings = [("OTP_LOGIN__SERVER__CORS_ORIGINS", "https://app.example.com,http://localhost:5173")];
    let service = Service::with(Database::Sqlite, &settings);
    for origin in [OURS, "http://localhost:5173"] {
        let answer = preflight(origin).send(service.address());
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some(origin)));
        assert!(
            answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST"))
        );
        let allowed = answer.header("access-control-allow-headers").unwrap().to_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
        let refused = service.send(&Request::get(ME).header("origin", origin));
        refused.refusal(401, "invalid-token");
        assert_eq!(refused.header("access-control-allow-origin"), Some(origin));
        assert_eq!(refused.header("access-control-allow-credentials"), None);
        assert!(refused.header("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")));
    }
    let others = [
        "null",
        "*",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "https://app.example.com, https://evil.example",
    ];
    for origin in others {
        for request in [preflight(origin), Request::get(ME).header("origin", origin)] {
            let answer = request.send(service.address());
            assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
            assert!(answer.header("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")));
        }
    }
}
