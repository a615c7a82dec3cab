//! The signed-in user's sessions.

use domain::SessionId;
use serde_json::json;
use uuid::Uuid;

use crate::answers::{is, outage};
use crate::support::Service;
use crate::world::{World, session, user};

const SESSIONS: &str = "/api/v1/me/sessions";

#[test]
fn asvs_7_5_2_sessions_are_answered_field_by_field_and_the_one_that_asks_is_marked() {
    let answer = Service::start(World::that_obeys()).own("GET", SESSIONS);
    let time = "2026-01-02T03:04:05.678901Z";
    let expected = json!({"sessions": [
        {
            "id": "00000000-0000-0000-0000-000000000004",
            "created_at": time,
            "last_used_at": time,
            "ip": "203.0.113.7",
            "user_agent": "curl/8.14",
            "current": true,
        },
        {
            "id": "00000000-0000-0000-0000-000000000005",
            "created_at": time,
            "last_used_at": time,
            "ip": "2001:db8::7",
            "user_agent": null,
            "current": false,
        },
    ]});
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[test]
fn asvs_7_4_1_a_session_that_was_named_ends() {
    let mut world = World::signed_in(session());
    world
        .sessions
        .expect_end()
        .withf(|id, owner, _, _| (*id, *owner) == (SessionId(Uuid::from_u128(5)), user().id))
        .once()
        .returning(|_, _, _, _| Ok(true));
    let service = Service::start(world);
    let answer = service.own("DELETE", "/api/v1/me/sessions/00000000-0000-0000-0000-000000000005");
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[test]
fn a_user_may_end_the_session_that_asks() {
    let mut world = World::signed_in(session());
    world
        .sessions
        .expect_end()
        .withf(|id, _, _, _| *id == session().id)
        .once()
        .returning(|_, _, _, _| Ok(true));
    let service = Service::start(world);
    let answer = service.own("DELETE", "/api/v1/me/sessions/00000000-0000-0000-0000-000000000004");
    assert_eq!(answer.status, 204);
}

#[test]
fn asvs_8_2_1_a_session_of_another_is_as_unknown_as_what_is_no_id() {
    let mut world = World::signed_in(session());
    world.sessions.expect_end().returning(|_, _, _, _| Ok(false));
    let service = Service::start(world);
    let unknown = service.own("DELETE", "/api/v1/me/sessions/00000000-0000-0000-0000-000000000009");
    is(&unknown, 404, "not-found");
    for id in [
        "nonsense",
        "5",
        "00000000-0000-0000-0000-00000000000g",
        "00000000-0000-0000-0000-0000000000055",
        "%00",
        "%ff",
        "%2500000000-0000-0000-0000-000000000005",
        "..",
        "%2e%2e",
        "a%2fb",
        "*",
        "{id}",
        "current",
        &"a".repeat(5_000),
    ] {
        let answer = service.own("DELETE", &format!("{SESSIONS}/{id}"));
        is(&answer, 404, "not-found");
        assert_eq!(answer.json()["detail"], unknown.json()["detail"], "{id}");
    }
}

#[test]
fn asvs_7_5_2_all_other_sessions_end() {
    let mut world = World::signed_in(session());
    world
        .sessions
        .expect_end_others()
        .withf(|kept, owner, _, _| (*kept, *owner) == (session().id, user().id))
        .times(2)
        .returning(|_, _, _, _| Ok(0));
    let service = Service::start(world);
    for _ in 0..2 {
        let answer = service.own("DELETE", SESSIONS);
        assert_eq!((answer.status, answer.body.len()), (204, 0), "also when there are none");
    }
}

#[test]
fn asvs_16_5_2_an_outage_is_no_unknown_session() {
    let mut world = World::signed_in(session());
    world.sessions.expect_list_sessions().returning(|_, _| Err(outage()));
    world.sessions.expect_end().returning(|_, _, _, _| Err(outage()));
    world.sessions.expect_end_others().returning(|_, _, _, _| Err(outage()));
    let service = Service::start(world);
    let one = "/api/v1/me/sessions/00000000-0000-0000-0000-000000000005";
    for (method, path) in [("GET", SESSIONS), ("DELETE", SESSIONS), ("DELETE", one)] {
        let answer = service.own(method, path);
        is(&answer, 503, "database-unavailable");
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
}
