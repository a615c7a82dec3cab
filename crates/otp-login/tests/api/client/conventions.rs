//! What the contract says of every answer.

use super::{Answer, Request, tokens_in};

const ALWAYS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Asserts what no answer may lack.
pub(super) fn check(request: &Request, answer: &Answer) {
    let request_id = answer.header("x-request-id").expect("no x-request-id");
    assert!((1..=128).contains(&request_id.len()), "{request_id}");
    for (name, value) in ALWAYS {
        assert_eq!(answer.header(name), Some(value), "{request:?}");
    }
    assert!(answer.header("permissions-policy").is_some(), "{answer:?}");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    if request.path().starts_with("/api/") || answer.status >= 400 {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{request:?}");
    }
    let typed = answer.header("content-type").is_some();
    assert!(typed || answer.body.is_empty(), "a body without its type: {answer:?}");
    assert_eq!(answer.header("server"), None);
    check_tokens(request, answer);
}

/// The only routes that open or go on with a session.
const TOKEN_ROUTES: [&str; 4] = [
    "/api/v1/auth/login",
    "/api/v1/auth/otp/verify",
    "/api/v1/auth/passkey/verify",
    "/api/v1/auth/token/refresh",
];

/// The same for everybody: examples of tokens, and keys that are as long as tokens.
const PUBLIC_DOCUMENTS: [&str; 2] = ["/openapi.json", "/.well-known/jwks.json"];

/// Asserts that no other answer holds a token (ASVS 6.1.3).
fn check_tokens(request: &Request, answer: &Answer) {
    if !TOKEN_ROUTES.contains(&request.path()) && !PUBLIC_DOCUMENTS.contains(&request.path()) {
        let found = tokens_in(answer);
        assert!(found.is_empty(), "{request:?} was answered with {found:?}");
    }
}

/// Asserts the shape of RFC 9457 and of the contract's own members.
pub(super) fn check_problem(request: &Request, answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    if request.method == "HEAD" {
        return;
    }
    let problem = answer.json();
    let code = problem["code"].as_str().expect("no code");
    assert_eq!(problem["type"], format!("/problems/{code}"));
    assert_eq!(problem["status"], answer.status);
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
    for member in ["title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    }
    assert_eq!(problem["errors"].is_array(), code == "validation-failed", "{problem}");
    // A passkey may answer a challenge, or none.
    let answers_a_challenge = code == "invalid-code" && answer.status == 401;
    let counts = problem["attempts_left"].is_u64();
    assert!(counts == answers_a_challenge || code == "invalid-passkey", "{problem}");
    let waiting_helps = problem["retry_after"].is_u64();
    assert_eq!(waiting_helps, answer.header("retry-after").is_some(), "{problem}");
    if answer.status == 503 || code == "rate-limited" || code == "resend-too-soon" {
        assert!(waiting_helps && answer.retry_after() > 0, "{problem}");
    }
    let known =
        ["type", "title", "status", "detail", "code", "request_id", "errors", "attempts_left", "retry_after"];
    for member in problem.as_object().unwrap().keys() {
        assert!(known.contains(&member.as_str()), "{member} is not in the contract");
    }
    if answer.status == 401 && code == "invalid-token" {
        let challenge = answer.header("www-authenticate").expect("no WWW-Authenticate");
        assert!(
            challenge.starts_with("Bearer") && challenge.contains("error=\"invalid_token\""),
            "{challenge}"
        );
    }
}
