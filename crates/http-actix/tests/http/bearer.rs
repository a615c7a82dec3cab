//! How a token may be presented.

use ports::StoreError;

use crate::support::{Answer, Service};
use crate::world::{ACCESS_TOKEN, World};

#[track_caller]
fn is_refused(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid-token"), "{why}");
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"api\", error=\"invalid_token\""),
        "{why}"
    );
}

#[test]
fn tk_05_a_token_comes_once_and_in_the_header_only() {
    let service = Service::start(World::with_session());
    let good = format!("Authorization: Bearer {ACCESS_TOKEN}");
    assert_eq!(service.me(&[&good]).status, 200);
    assert_eq!(service.me(&[&format!("authorization: bEARER {ACCESS_TOKEN}")]).status, 200);
    is_refused(&service.me(&[]), "none");
    is_refused(&service.me(&[&good, &good]), "two headers");
    is_refused(&service.me(&["Authorization: Bearer unknown.token.here"]), "unknown");
    is_refused(&service.me(&["Authorization: Basic dXNlcjpwYXNz"]), "another scheme");
    is_refused(&service.me(&["Authorization: Bearer"]), "no token");
    is_refused(&service.me(&["Authorization: Bearer a b"]), "two tokens");
    is_refused(&service.me(&[&format!("Authorization: {ACCESS_TOKEN}")]), "no scheme");
    let query = format!("/api/v1/me?access_token={ACCESS_TOKEN}");
    is_refused(&service.ask("GET", &query, &[]), "query");
    is_refused(&service.ask("GET", &query, &[&good]), "query and header");
    let form = format!("access_token={ACCESS_TOKEN}");
    let headers = ["Content-Type: application/x-www-form-urlencoded"];
    is_refused(&service.post_as("/api/v1/auth/logout", &headers, form), "form");
}

#[test]
fn asvs_7_4_1_a_token_of_an_ended_session_is_refused() {
    let mut world = World::with_session();
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| Ok(None));
    world.sessions.expect_end().returning(|_, _, _, _| Ok(false));
    let service = Service::start(world);
    let header = format!("Authorization: Bearer {ACCESS_TOKEN}");
    is_refused(&service.me(&[&header]), "me");
    is_refused(&service.ask("POST", "/api/v1/auth/logout", &[&header]), "logout");
}

#[test]
fn asvs_16_5_3_a_database_that_is_away_lets_nobody_in() {
    let mut world = World::with_session();
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| Err(StoreError::Unavailable("away".into())));
    let answer = Service::start(world).me(&[&format!("Authorization: Bearer {ACCESS_TOKEN}")]);
    assert_eq!((answer.status, answer.problem().as_str()), (503, "database-unavailable"));
}
