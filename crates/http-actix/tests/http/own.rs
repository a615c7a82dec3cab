//! What holds for every route of a signed-in user.

use std::sync::{Arc, Mutex};

use domain::{Client, EventName, UserAgent};
use ports::{NewEvent, Rotation};
use serde_json::{Value, json};

use crate::answers::is;
use crate::support::{Answer, Service, bearer};
use crate::world::{REFRESH_TOKEN, World, session, stale_session, user};

const OTHER_SESSION: &str = "/api/v1/me/sessions/00000000-0000-0000-0000-000000000005";
const TOTP: &str = "/api/v1/me/totp";
const CONFIRM: &str = "/api/v1/me/totp/confirm";
const RECOVERY_CODES: &str = "/api/v1/me/recovery-codes";
const CODE: &str = r#"{"code":"287082"}"#;
const PASSWORDS: &str = r#"{"current_password":"any","new_password":"copper-lantern-river"}"#;

const PASSKEY: &str = r#"{"ceremony_id":"ceremony-1","credential":{}}"#;
const PASSKEY_PATH: &str = "/api/v1/me/passkeys/00000000-0000-0000-0000-000000000005";

/// Every route of a signed-in user: what it takes, and the status of what it does.
const OWN: [(&str, &str, Option<&str>, u16); 25] = [
    ("POST", "/api/v1/auth/logout", None, 204),
    ("POST", "/api/v1/auth/step-up", Some(r#"{"password":"any"}"#), 200),
    ("GET", "/api/v1/me", None, 200),
    ("PATCH", "/api/v1/me", Some(r#"{"locale":"fi"}"#), 200),
    ("DELETE", "/api/v1/me", None, 204),
    ("GET", "/api/v1/me/export", None, 200),
    ("GET", "/api/v1/me/events", None, 200),
    ("POST", "/api/v1/me/password", Some(PASSWORDS), 204),
    ("POST", "/api/v1/me/phone", Some(r#"{"phone_number":"+46709999999"}"#), 202),
    ("POST", "/api/v1/me/phone/verify", Some(r#"{"challenge_id":"any","code":"123456"}"#), 200),
    ("GET", "/api/v1/me/sessions", None, 200),
    ("HEAD", "/api/v1/me/sessions", None, 200),
    ("DELETE", "/api/v1/me/sessions", None, 204),
    ("DELETE", OTHER_SESSION, None, 204),
    ("GET", "/api/v1/me/devices", None, 200),
    ("DELETE", "/api/v1/me/devices", None, 204),
    ("DELETE", "/api/v1/me/devices/00000000-0000-0000-0000-000000000005", None, 204),
    ("POST", TOTP, None, 201),
    ("POST", CONFIRM, Some(CODE), 200),
    ("DELETE", TOTP, None, 204),
    ("POST", RECOVERY_CODES, None, 201),
    ("POST", "/api/v1/me/passkeys/options", None, 200),
    ("POST", "/api/v1/me/passkeys", Some(PASSKEY), 201),
    ("GET", "/api/v1/me/passkeys", None, 200),
    ("DELETE", PASSKEY_PATH, None, 204),
];

/// Those that change what guards the account, or show all of it.
const GUARDED: [(&str, &str); 10] = [
    ("DELETE", "/api/v1/me"),
    ("GET", "/api/v1/me/export"),
    ("POST", "/api/v1/me/password"),
    ("POST", "/api/v1/me/phone"),
    ("POST", TOTP),
    ("POST", CONFIRM),
    ("DELETE", TOTP),
    ("POST", RECOVERY_CODES),
    ("POST", "/api/v1/me/passkeys/options"),
    ("DELETE", PASSKEY_PATH),
];

fn ask(service: &Service, method: &str, path: &str, body: Option<&str>) -> Answer {
    match body {
        Some(body) => service.own_json(method, path, body),
        None => service.own(method, path),
    }
}

#[track_caller]
fn is_refused(answer: &Answer, case: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid-token"), "{case}");
    let challenge = Some("Bearer realm=\"api\", error=\"invalid_token\"");
    assert_eq!(answer.header("www-authenticate"), challenge, "{case}");
}

#[test]
fn the_routes_below_are_all_that_the_description_gives_to_bearers() {
    let document = Service::start(World::default()).get("/openapi.json").json();
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] == json!([{"bearer": []}]) {
                described.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    let template = |path: &str| path.replace("00000000-0000-0000-0000-000000000005", "{id}");
    let served = OWN.iter().filter(|(method, ..)| *method != "HEAD");
    let mut served: Vec<_> =
        served.map(|(method, path, ..)| ((*method).to_owned(), template(path))).collect();
    described.sort();
    served.sort();
    assert_eq!(described, served);
}

#[test]
fn what_is_asked_for_is_done_and_nothing_of_it_is_stored_on_the_way() {
    let service = Service::start(World::that_obeys());
    for (method, path, body, status) in OWN {
        let answer = ask(&service, method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "asvs_14_3_2: {method} {path}");
        assert_eq!(answer.body.is_empty(), status == 204 || method == "HEAD", "{method} {path}");
        let is_json = answer.header("content-type") == Some("application/json");
        assert_eq!(is_json, status != 204, "{method} {path}");
    }
}

/// Strangers learn neither what a route takes nor which ids there are.
#[test]
fn asvs_8_2_1_a_stranger_is_refused_before_anything_else_is_looked_at() {
    let service = Service::start(World::signed_in(session()));
    let json = "Content-Type: application/json";
    let unknown = "Authorization: Bearer unknown.token.here";
    for (method, path, body, _) in OWN {
        if method == "HEAD" {
            let answer = service.ask(method, path, &[]);
            assert_eq!(answer.status, 401, "{path}");
            continue;
        }
        for headers in [&[json][..], &[json, unknown], &["Content-Type: text/plain"], &[]] {
            for body in [body.unwrap_or_default(), "{", "", r#"{"a":1,"a":2}"#, "{}"] {
                let case = format!("{method} {path} {headers:?} {body}");
                is_refused(&service.send(method, path, headers, body), &case);
            }
        }
        let too_long = " ".repeat(20_000);
        is_refused(&service.send(method, path, &[json], &too_long), "a body that is too long");
    }
    for path in
        ["/api/v1/me/sessions/nonsense", "/api/v1/me/sessions/%00", "/api/v1/me/events?before=nonsense"]
    {
        let method = if path.contains("events") { "GET" } else { "DELETE" };
        is_refused(&service.ask(method, path, &[]), path);
        is_refused(&service.ask(method, path, &[unknown]), path);
    }
}

#[test]
fn asvs_7_4_1_a_session_that_has_ended_does_nothing_more() {
    let mut world = World::signed_in(session());
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| Ok(None));
    world.sessions.expect_end().returning(|_, _, _, _| Ok(false));
    let service = Service::start(world);
    for (method, path, body, _) in OWN {
        let answer = ask(&service, method, path, body);
        assert_eq!(answer.status, 401, "{method} {path}");
        if method != "HEAD" {
            is_refused(&answer, path);
        }
    }
}

#[test]
fn d_14_what_guards_the_account_needs_a_fresh_sign_in_and_nothing_else_does() {
    let mut world = World::that_obeys();
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| Ok(Some(stale_session())));
    world.sessions.expect_list_sessions().returning(|_, _| Ok(Vec::new()));
    world.sessions.expect_end().returning(|_, _, _, _| Ok(true));
    world.sessions.expect_end_others().returning(|_, _, _, _| Ok(0));
    let service = Service::start(world);
    for (method, path, body, status) in OWN {
        let answer = ask(&service, method, path, body);
        if GUARDED.contains(&(method, path)) {
            is(&answer, 403, "step-up-required");
            assert_eq!(answer.header("www-authenticate"), None, "the token is fine: {method} {path}");
        } else {
            assert_eq!(answer.status, status, "{method} {path}");
        }
    }
}

#[test]
fn asvs_7_5_1_a_session_of_less_than_all_factors_is_never_fresh() {
    let mut remembered = session();
    remembered.methods = vec![domain::AuthenticationMethod::Password];
    let service = Service::start(World::signed_in(remembered));
    for (method, path, body, _) in OWN.iter().filter(|(method, path, ..)| GUARDED.contains(&(method, path))) {
        is(&ask(&service, method, path, *body), 403, "step-up-required");
    }
}

/// Whatever a client does is recorded with the address and name that it came with.
#[test]
fn asvs_6_3_5_acts_are_recorded_under_their_names_with_whoever_did_them() {
    let seen: Arc<Mutex<Vec<NewEvent>>> = Arc::default();
    let mut world = World::that_obeys();
    world.accounts.checkpoint();
    world.sessions.checkpoint();
    world.sessions.expect_find_live().returning(|_, _, _| Ok(Some(session())));
    let log = seen.clone();
    world.sessions.expect_end().returning(move |_, _, event, _| {
        log.lock().unwrap().push(event.clone());
        Ok(true)
    });
    let log = seen.clone();
    world.sessions.expect_end_others().returning(move |_, _, event, _| {
        log.lock().unwrap().push(event.clone());
        Ok(1)
    });
    let log = seen.clone();
    world.sessions.expect_rotate().returning(move |_, _, _, event, _| {
        log.lock().unwrap().push(event.clone());
        Ok(Rotation::Refused)
    });
    let log = seen.clone();
    world.accounts.expect_set_locale().returning(move |_, _, event, _| {
        log.lock().unwrap().push(event.clone());
        Ok(Some(user()))
    });
    let log = seen.clone();
    world.accounts.expect_delete_account().returning(move |_, event, _| {
        log.lock().unwrap().push(event.clone());
        Ok(true)
    });
    let service = Service::start(world);
    let (user_agent, json) = ("User-Agent: test/1", "Content-Type: application/json");
    let ask = |method: &str, path: &str, body: &Value| {
        service.send(method, path, &[&bearer(), user_agent, json], body.to_string());
    };
    let nothing = json!({});
    ask("POST", "/api/v1/auth/token/refresh", &json!({"refresh_token": REFRESH_TOKEN}));
    ask("PATCH", "/api/v1/me", &json!({"locale": "fi"}));
    ask("DELETE", OTHER_SESSION, &nothing);
    ask("DELETE", "/api/v1/me/sessions", &nothing);
    ask("POST", "/api/v1/auth/logout", &nothing);
    ask("DELETE", "/api/v1/me", &nothing);

    let seen = seen.lock().unwrap();
    let names: Vec<EventName> = seen.iter().map(|event| event.name).collect();
    let expected = [
        EventName::TokenReuse,
        EventName::UserUpdated,
        EventName::TokenRevoked,
        EventName::TokenRevoked,
        EventName::TokenRevoked,
        EventName::UserDeleted,
    ];
    assert_eq!(names, expected);
    let client = Client { address: "127.0.0.1".parse().ok(), user_agent: UserAgent::cut("test/1") };
    assert!(seen.iter().all(|event| event.client == client), "{seen:?}");
}
