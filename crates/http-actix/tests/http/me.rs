//! The signed-in user's account: its language, its record, its end.

use domain::{EventId, Locale, User};
use ports::LiveSession;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answers::{expected_user, is, outage};
use crate::support::{Answer, Service, bearer};
use crate::world::{World, session, stale_session, user};

const ME: &str = "/api/v1/me";
const EVENTS: &str = "/api/v1/me/events";

fn expected_session() -> Value {
    json!({
        "id": "00000000-0000-0000-0000-000000000004",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "last_used_at": "2026-01-02T03:04:05.678901Z",
        "ip": "203.0.113.7",
        "user_agent": "curl/8.14",
        "current": true,
    })
}

pub(crate) fn expected_device() -> Value {
    json!({
        "id": "00000000-0000-0000-0000-000000000008",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "last_used_at": "2026-01-02T03:04:05.678901Z",
        "expires_at": "2026-02-01T03:04:05.678901Z",
        "ip": "203.0.113.7",
        "user_agent": "curl/8.14",
    })
}

fn expected_event() -> Value {
    json!({
        "id": "00000000-0000-0000-0000-000000000006",
        "name": "authn_login_success",
        "occurred_at": "2026-01-02T03:04:05.678901Z",
        "session_id": "00000000-0000-0000-0000-000000000004",
        "ip": "203.0.113.7",
        "user_agent": "curl/8.14",
    })
}

/// The user with a language.
fn speaking(tag: &str) -> User {
    User { locale: Some(Locale::parse(tag).unwrap()), ..user() }
}

/// A world in which exactly this language takes the place of another, once.
fn world_that_sets(wished: Option<&str>) -> World {
    let mut world = World::signed_in(LiveSession { user: speaking("de"), ..session() });
    let wished = wished.map(|tag| Locale::parse(tag).unwrap());
    world
        .accounts
        .expect_set_locale()
        .withf(move |id, locale, _, _| (*id, locale) == (user().id, &wished))
        .once()
        .returning(|_, locale, _, _| Ok(Some(User { locale, ..user() })));
    world
}

fn patch(world: World, body: &Value) -> Answer {
    Service::start(world).own_json("PATCH", ME, body.to_string())
}

// The language.

#[test]
fn a_language_is_set_and_the_user_told() {
    let answer = patch(world_that_sets(Some("sv-SE")), &json!({"locale": "sv-SE"}));
    let mut expected = expected_user();
    expected["locale"] = json!("sv-SE");
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[test]
fn null_forgets_the_language_and_nothing_leaves_it() {
    let answer = patch(world_that_sets(None), &json!({"locale": null}));
    assert_eq!((answer.status, &answer.json()["locale"]), (200, &json!(null)));

    // Nothing is expected of the store: any call would be a 500.
    let live = LiveSession { user: speaking("fi"), ..session() };
    let answer = patch(World::signed_in(live), &json!({}));
    assert_eq!((answer.status, &answer.json()["locale"]), (200, &json!("fi")));
}

#[test]
fn asvs_8_2_1_nothing_but_the_language_can_be_changed() {
    let others = json!({
        "id": "00000000-0000-0000-0000-000000000009",
        "email": "eve@example.com",
        "phone_number": "+46709999999",
        "phone_verified_at": "2000-01-01T00:00:00Z",
        "factors": ["totp"],
        "password": "copper-lantern-river",
        "created_at": null,
        "user": {"locale": "de"},
        "Locale": "de",
    });
    let answer = patch(World::signed_in(session()), &others);
    assert_eq!((answer.status, answer.json()), (200, expected_user()));

    let mut with_language = others;
    with_language["locale"] = json!("fi");
    let answer = patch(world_that_sets(Some("fi")), &with_language);
    let mut expected = expected_user();
    expected["locale"] = json!("fi");
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[test]
fn asvs_2_2_1_a_language_has_its_errors() {
    let service = Service::start(World::signed_in(session()));
    let too_long = ["en"; 20].join("-");
    for (value, error) in [
        (json!(7), "/locale wrong-type"),
        (json!(false), "/locale wrong-type"),
        (json!(["fi"]), "/locale wrong-type"),
        (json!({}), "/locale wrong-type"),
        (json!(""), "/locale invalid-locale"),
        (json!("suomi"), "/locale invalid-locale"),
        (json!("en\u{1b}"), "/locale invalid-locale"),
        (json!("en\0\0"), "/locale invalid-locale"),
        (json!("{{CODE}}"), "/locale invalid-locale"),
        (json!(too_long), "/locale invalid-locale"),
    ] {
        let answer = service.own_json("PATCH", ME, json!({"locale": value}).to_string());
        assert_eq!(answer.field_errors(), [error], "{value}");
    }
}

#[test]
fn a_change_is_one_json_object() {
    let service = Service::start(World::signed_in(session()));
    for body in ["", "[]", "null", "{", r#"{"locale":"fi","locale":"sv"}"#] {
        is(&service.own_json("PATCH", ME, body), 400, "malformed-request");
    }
    let merge_patch = "Content-Type: application/merge-patch+json";
    is(&service.send("PATCH", ME, &[&bearer(), merge_patch], "{}"), 415, "unsupported-media-type");
    is(&service.own_json("PATCH", ME, " ".repeat(20_000)), 413, "payload-too-large");
}

#[test]
fn an_account_that_went_meanwhile_leaves_a_token_that_is_not_valid() {
    let mut world = World::signed_in(session());
    world.accounts.expect_set_locale().returning(|_, _, _, _| Ok(None));
    world.accounts.expect_delete_account().returning(|_, _, _| Ok(false));
    let service = Service::start(world);
    is(&service.own_json("PATCH", ME, r#"{"locale":"fi"}"#), 401, "invalid-token");
    is(&service.own("DELETE", ME), 401, "invalid-token");
}

// The end.

#[test]
fn asvs_7_4_2_a_deleted_account_is_answered_with_nothing() {
    let mut world = World::signed_in(session());
    let is_ours = |id: &domain::UserId| *id == user().id;
    world
        .accounts
        .expect_delete_account()
        .withf(move |id, _, _| is_ours(id))
        .once()
        .returning(|_, _, _| Ok(true));
    let answer = Service::start(world).own("DELETE", ME);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[test]
fn d_14_a_stale_session_neither_deletes_nor_exports() {
    let service = Service::start(World::signed_in(stale_session()));
    for (method, path) in [("DELETE", ME), ("GET", "/api/v1/me/export")] {
        let answer = service.own(method, path);
        is(&answer, 403, "step-up-required");
        assert!(answer.json()["detail"].as_str().unwrap().contains("/api/v1/auth/step-up"), "{answer:?}");
    }
}

// What is held.

#[test]
fn asvs_6_3_5_events_are_answered_field_by_field() {
    let answer = Service::start(World::that_obeys()).own("GET", EVENTS);
    assert_eq!((answer.status, answer.json()), (200, json!({"events": [expected_event()]})));
}

#[test]
fn what_is_not_known_of_an_event_is_null() {
    let mut world = World::signed_in(session());
    world.events.expect_list_events().returning(|_, _, _| {
        let nobody = domain::Client::default();
        Ok(vec![domain::SecurityEvent { session_id: None, client: nobody, ..crate::world::security_event() }])
    });
    let mut expected = expected_event();
    for unknown in ["session_id", "ip", "user_agent"] {
        expected[unknown] = json!(null);
    }
    assert_eq!(Service::start(world).own("GET", EVENTS).json(), json!({"events": [expected]}));
}

#[test]
fn events_go_on_before_the_one_that_was_named() {
    let mut world = World::signed_in(session());
    world
        .events
        .expect_list_events()
        .withf(|id, before, most| {
            (*id, *before, *most) == (user().id, Some(EventId(Uuid::from_u128(6))), 100)
        })
        .once()
        .returning(|_, _, _| Ok(Vec::new()));
    world
        .events
        .expect_list_events()
        .withf(|id, before, most| (*id, *before, *most) == (user().id, None, 100))
        .times(2)
        .returning(|_, _, _| Ok(Vec::new()));
    let service = Service::start(world);
    for query in ["?before=00000000-0000-0000-0000-000000000006", "", "?other=1&before_that=2"] {
        let answer = service.own("GET", &format!("{EVENTS}{query}"));
        assert_eq!((answer.status, answer.json()), (200, json!({"events": []})), "{query}");
    }
}

#[test]
fn asvs_15_3_7_a_query_that_names_no_single_event_is_refused() {
    let service = Service::start(World::signed_in(session()));
    let id = "00000000-0000-0000-0000-000000000006";
    for query in [
        "before=",
        "before",
        "before=nonsense",
        "before=6",
        "before=%00",
        "before=%ff",
        "before=%3000000000-0000-0000-0000-00000000000g",
        &format!("before={id}&before={id}"),
        &format!("before={id}%00"),
    ] {
        let answer = service.own("GET", &format!("{EVENTS}?{query}"));
        assert_eq!(answer.field_errors(), ["/before invalid-id"], "{query}");
    }
}

#[test]
fn an_export_is_all_that_is_held() {
    let answer = Service::start(World::that_obeys()).own("GET", "/api/v1/me/export");
    let mut other = expected_session();
    other["id"] = json!("00000000-0000-0000-0000-000000000005");
    other["ip"] = json!("2001:db8::7");
    other["user_agent"] = json!(null);
    other["current"] = json!(false);
    let expected = json!({
        "user": expected_user(),
        "totp": {"begun_at": "2026-01-02T03:04:05.678901Z", "confirmed_at": null},
        "sessions": [expected_session(), other],
        "devices": [expected_device()],
        "events": [expected_event()],
        "passkeys": [{
            "id": "00000000-0000-0000-0000-000000000009",
            "name": "the blue key",
            "created_at": "2026-01-02T03:04:05.678901Z",
            "last_used_at": null,
            "backed_up": true,
        }],
        "messages": [{
            "sent_at": "2026-01-02T03:04:05.678901Z",
            "purpose": "login",
            "channel": "sms",
            "provider": "sinch",
            "outcome": "sent",
            "entered_at": null,
        }],
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[test]
fn asvs_16_5_2_an_outage_is_a_503_on_every_route_of_the_account() {
    let mut world = World::signed_in(session());
    world.accounts.expect_set_locale().returning(|_, _, _, _| Err(outage()));
    world.accounts.expect_delete_account().returning(|_, _, _| Err(outage()));
    world.events.expect_list_events().returning(|_, _, _| Err(outage()));
    world.factors.expect_find_totp().returning(|_| Ok(None));
    world.sessions.expect_list_sessions().returning(|_, _| Ok(Vec::new()));
    world.devices.expect_list_devices().returning(|_, _| Ok(Vec::new()));
    let service = Service::start(world);
    is(&service.own_json("PATCH", ME, r#"{"locale":"fi"}"#), 503, "database-unavailable");
    for (method, path) in [("DELETE", ME), ("GET", EVENTS), ("GET", "/api/v1/me/export")] {
        is(&service.own(method, path), 503, "database-unavailable");
    }
}
