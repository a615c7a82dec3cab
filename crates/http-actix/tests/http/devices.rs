//! Remembered devices: what is asked for, and what is answered.

use domain::{AccessToken, DeviceId, PasswordFailures, ProviderId};
use ports::DeviceUse;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answers::{expected_tokens, is, outage};
use crate::me::expected_device;
use crate::support::{Answer, Service};
use crate::world::{DEVICE_TOKEN, RIGHT, World, device_entry, now, opened, session, sign_in, user};

const DEVICES: &str = "/api/v1/me/devices";
const ONE: &str = "/api/v1/me/devices/00000000-0000-0000-0000-000000000008";

/// The password is right, and this becomes of a device token.
fn log_in_with(device_token: &Value, answer: DeviceUse) -> Answer {
    let mut world = World::default();
    world.accounts.expect_find_sign_in().returning(|_, _, _| Ok(sign_in(PasswordFailures::default())));
    world.hasher.expect_find_match().returning(|_, _, _| Ok(RIGHT));
    world.devices.expect_sign_in().returning(move |_, _| Ok(answer.clone()));
    world.challenges.expect_open().returning(|_, _| Ok(Some(opened())));
    world.challenges.expect_settle_sent().returning(|_, _| Ok(()));
    world.provider.expect_start().returning(|_| Ok(ProviderId("1".to_owned())));
    world.tokens.expect_issue().returning(|_| Ok(AccessToken::new("header.payload.signature".to_owned())));
    let body = json!({"email": "ann@example.com", "password": "any", "device_token": device_token});
    Service::start(world).post("/api/v1/auth/login", body.to_string())
}

fn signed_in() -> DeviceUse {
    DeviceUse::SignedIn { user: user(), authenticated_at: now() }
}

#[test]
fn tn_04_a_sign_in_by_a_remembered_device_is_answered_field_by_field() {
    let answer = log_in_with(&json!(DEVICE_TOKEN), signed_in());
    let mut expected = expected_tokens();
    expected["status"] = json!("authenticated");
    expected["device_token"] = json!(DEVICE_TOKEN);
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn asvs_6_3_3_a_token_of_another_form_is_no_device_and_one_of_another_type_is_refused() {
    for none in [json!(""), json!("x"), json!(null), json!(format!("{DEVICE_TOKEN}=")), json!("ä".repeat(43))]
    {
        let answer = log_in_with(&none, signed_in());
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("otp_required")), "{none}");
    }
    for wrong in [json!(1), json!(false), json!([DEVICE_TOKEN])] {
        let answer = log_in_with(&wrong, signed_in());
        assert_eq!(answer.field_errors(), ["/device_token wrong-type"], "{wrong}");
    }
}

#[test]
fn tn_04_a_copied_token_looks_like_any_other_that_is_not_remembered() {
    let copied = log_in_with(&json!(DEVICE_TOKEN), DeviceUse::Reused { device_id: device_entry().id });
    let unknown = log_in_with(&json!(DEVICE_TOKEN), DeviceUse::NotRemembered);
    assert_eq!((copied.status, copied.json()), (unknown.status, unknown.json()));
    assert_eq!(copied.json()["status"], "otp_required");
}

#[test]
fn devices_are_answered_field_by_field() {
    let answer = Service::start(World::that_obeys()).own("GET", DEVICES);
    assert_eq!((answer.status, answer.json()), (200, json!({"devices": [expected_device()]})));
}

#[test]
fn asvs_6_5_6_a_device_that_was_named_is_forgotten() {
    let mut world = World::signed_in(session());
    world
        .devices
        .expect_forget_device()
        .withf(|id, owner, _, _| (*id, *owner) == (DeviceId(Uuid::from_u128(8)), user().id))
        .once()
        .returning(|_, _, _, _| Ok(true));
    let answer = Service::start(world).own("DELETE", ONE);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[test]
fn asvs_8_2_1_what_is_no_device_of_the_user_is_not_found() {
    let mut world = World::signed_in(session());
    world.devices.expect_forget_device().returning(|_, _, _, _| Ok(false));
    let service = Service::start(world);
    for path in [ONE, "/api/v1/me/devices/8", "/api/v1/me/devices/%00", "/api/v1/me/devices/..%2fsessions"] {
        is(&service.own("DELETE", path), 404, "not-found");
    }
}

#[test]
fn asvs_16_5_2_an_outage_is_a_503_on_every_route_of_devices() {
    let mut world = World::signed_in(session());
    world.devices.expect_list_devices().returning(|_, _| Err(outage()));
    world.devices.expect_forget_device().returning(|_, _, _, _| Err(outage()));
    world.devices.expect_forget_devices().returning(|_, _, _| Err(outage()));
    let service = Service::start(world);
    for (method, path) in [("GET", DEVICES), ("DELETE", ONE), ("DELETE", DEVICES)] {
        is(&service.own(method, path), 503, "database-unavailable");
    }
}
