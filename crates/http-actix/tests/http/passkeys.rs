//! The routes of passkeys with stand-ins behind them.

use domain::PasskeyId;
use ports::{Added, Answerable, CeremonyState, CredentialRefused, StoreError};
use serde_json::json;
use uuid::Uuid;

use crate::answers::is;
use crate::support::Service;
use crate::world::{World, passkey, session, started, user};

const OPTIONS: &str = "/api/v1/auth/passkey/options";
const VERIFY: &str = "/api/v1/auth/passkey/verify";
const OWN: &str = "/api/v1/me/passkeys";

fn outage() -> StoreError {
    StoreError::Unavailable("connection refused".into())
}

#[test]
fn options_carry_the_ceremony_and_what_the_browser_is_given() {
    let service = Service::start(World::that_obeys());
    let answer = service.own("POST", "/api/v1/me/passkeys/options");
    let expected = json!({"ceremony_id": "ceremony-1", "public_key": {"challenge": "AAAA"}});
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[test]
fn a_sign_in_begins_without_a_name() {
    let mut world = World::default();
    world.ceremonies.expect_start_authentication().returning(|_, _| Ok(started()));
    world.passkeys.expect_begin_ceremony().returning(|_| Ok(()));
    let answer = Service::start(world).post(OPTIONS, "{}");
    assert_eq!((answer.status, answer.json()["ceremony_id"].clone()), (200, json!("ceremony-1")));
}

#[test]
fn a_challenge_that_no_passkey_can_answer_says_why() {
    let mut world = World::default();
    world.passkeys.expect_find_answerable().returning(|id, _| match id.as_str() {
        "alive" => Ok(Some(Answerable { user_id: user().id, credentials: Vec::new() })),
        _ => Ok(None),
    });
    let service = Service::start(world);
    is(&service.post(OPTIONS, r#"{"challenge_id":"over"}"#), 410, "challenge-closed");
    let fields = service.post(OPTIONS, r#"{"challenge_id":"alive"}"#).field_errors();
    assert_eq!(fields, ["/challenge_id no-passkey"]);
}

#[test]
fn asvs_2_2_1_every_field_has_its_errors() {
    let service = Service::start(World::that_obeys());
    for (body, errors) in [
        (json!({}), vec!["/ceremony_id required", "/credential required"]),
        (json!({"ceremony_id": "a b", "credential": {}}), vec!["/ceremony_id invalid-ceremony-id"]),
        (
            json!({"ceremony_id": 7, "credential": []}),
            vec!["/ceremony_id wrong-type", "/credential wrong-type"],
        ),
        (json!({"ceremony_id": "a", "credential": "{}"}), vec!["/credential wrong-type"]),
        (
            json!({"ceremony_id": "a", "credential": {}, "challenge_id": "ä"}),
            vec!["/challenge_id invalid-challenge-id"],
        ),
    ] {
        assert_eq!(service.post(VERIFY, body.to_string()).field_errors(), errors, "{body}");
    }
    for name in [json!(""), json!("a\nb"), json!("a".repeat(65))] {
        let body = json!({"ceremony_id": "a", "credential": {}, "name": name});
        assert_eq!(service.own_json("POST", OWN, body.to_string()).field_errors(), ["/name invalid-name"]);
    }
}

#[test]
fn a_passkey_that_is_not_added_is_no_reason_to_throw_tokens_away() {
    let body = r#"{"ceremony_id":"ceremony-1","credential":{}}"#;
    let mut over = World::signed_in(session());
    over.passkeys.expect_take_registration().returning(|_, _, _| Ok(None));
    is(&Service::start(over).own_json("POST", OWN, body), 422, "passkey-not-accepted");

    for (added, status, code) in
        [(Added::Full, 409, "passkey-limit-reached"), (Added::Gone, 401, "invalid-token")]
    {
        let mut world = World::signed_in(session());
        world.passkeys.expect_take_registration().returning(|_, _, _| Ok(Some(CeremonyState(Vec::new()))));
        world.passkeys.expect_add_passkey().returning(move |_, _| Ok(added.clone()));
        world.ceremonies.expect_finish_registration().returning(|_, _, _| Ok(crate::world::new_credential()));
        is(&Service::start(world).own_json("POST", OWN, body), status, code);
    }
}

#[test]
fn a_refused_passkey_asks_for_no_bearer_token() {
    let mut world = World::default();
    world.ceremonies.expect_presented_id().returning(|_| Err(CredentialRefused("unreadable")));
    let answer = Service::start(world).post(VERIFY, r#"{"ceremony_id":"a","credential":{}}"#);
    is(&answer, 401, "invalid-passkey");
    assert_eq!(answer.header("www-authenticate"), None);
}

#[test]
fn asvs_16_5_2_an_outage_is_a_503() {
    let mut world = World::signed_in(session());
    world.passkeys.expect_list_passkeys().returning(|_| Err(outage()));
    world.passkeys.expect_remove_passkey().returning(|_, _| Err(outage()));
    world.passkeys.expect_find_credentials().returning(|_| Err(outage()));
    let service = Service::start(world);
    is(&service.own("GET", OWN), 503, "database-unavailable");
    let PasskeyId(id) = passkey().id;
    assert_ne!(id, Uuid::nil());
    is(&service.own("DELETE", &format!("{OWN}/{id}")), 503, "database-unavailable");
    is(&service.own("POST", "/api/v1/me/passkeys/options"), 503, "database-unavailable");
}

#[test]
fn where_passkeys_are_not_served_their_routes_do_not_exist() {
    let service = Service::start(World { without_passkeys: true, ..World::that_obeys() });
    for (method, path) in
        [("POST", OPTIONS), ("POST", VERIFY), ("GET", OWN), ("POST", "/api/v1/me/passkeys/options")]
    {
        is(&service.own(method, path), 404, "not-found");
    }
    let paths = service.get("/openapi.json").json()["paths"].clone();
    assert_eq!(paths.as_object().unwrap().len(), 28);
}
