//! Authenticator apps and recovery codes.

use domain::{AuthenticationMethod, Purpose, SecondFactors, User, UserId};
use ports::{Attempt, Proof, Redeemed, Taken, TotpBegin};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answers::{expected_user, is, outage};
use crate::support::{Answer, Service};
use crate::world::{TOTP_CODE, World, attempt, enrolled_app, session, user, waiting_app};

const TOTP: &str = "/api/v1/me/totp";
const CONFIRM: &str = "/api/v1/me/totp/confirm";
const RECOVERY_CODES: &str = "/api/v1/me/recovery-codes";
const VERIFY: &str = "/api/v1/auth/otp/verify";
const SHOWN_CODE: &str = "HHHH-HHHH-HHHH-HHHH-HHHH-HHHH-HHHH";

fn signed_in() -> World {
    World::signed_in(session())
}

#[test]
fn an_enrolment_begins_with_secret_link_and_picture() {
    let answer = Service::start(World::that_obeys()).own("POST", TOTP);
    let body = answer.json();
    assert_eq!((answer.status, body.as_object().unwrap().len()), (201, 3));
    assert_eq!(body["secret"], "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(
        body["otpauth_uri"],
        "otpauth://totp/otp-login:Ann%40Example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=otp-login\
         &algorithm=SHA1&digits=6&period=30"
    );
    assert!(body["qr_svg"].as_str().unwrap().contains("<svg"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn an_enrolled_app_is_not_replaced() {
    let mut world = signed_in();
    world.sealer.expect_seal().returning(|_, _| ports::SealedValue("sealed".to_owned()));
    world.factors.expect_begin_totp().returning(|_, _, _| Ok(TotpBegin::Enrolled));
    let service = Service::start(world.with_app(enrolled_app()));
    is(&service.own("POST", TOTP), 409, "totp-enabled");
    is(&confirm(&service, TOTP_CODE), 409, "totp-enabled");
}

fn confirm(service: &Service, code: &str) -> Answer {
    service.own_json("POST", CONFIRM, json!({"code": code}).to_string())
}

#[test]
fn a_confirmed_app_comes_with_ten_recovery_codes() {
    let service = Service::start(World::that_obeys());
    let (confirmed, renewed) = (confirm(&service, " 287 082 "), service.own("POST", RECOVERY_CODES));
    for (answer, status) in [(confirmed, 200), (renewed, 201)] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.json(), json!({"recovery_codes": vec![SHOWN_CODE; 10]}));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_wrong_code_of_an_app_that_waits_is_unprocessable() {
    let service = Service::start(signed_in().with_app(waiting_app()));
    let answer = confirm(&service, "123456");
    is(&answer, 422, "invalid-code");
    assert_eq!(answer.json().get("attempts_left"), None, "there is no challenge");
    let mut world = signed_in();
    world.factors.expect_find_totp().returning(|_| Ok(None));
    is(&confirm(&Service::start(world), "123456"), 409, "totp-not-begun");
}

#[test]
fn a_confirmation_has_its_errors() {
    let service = Service::start(signed_in());
    for (body, error) in [
        (json!({}), "/code required"),
        (json!({"code": null}), "/code required"),
        (json!({"code": 287_082}), "/code wrong-type"),
        (json!({"code": "12"}), "/code invalid-format"),
    ] {
        assert_eq!(service.own_json("POST", CONFIRM, body.to_string()).field_errors(), [error]);
    }
}

#[test]
fn there_is_nothing_to_remove_where_nothing_is() {
    let mut world = signed_in();
    world.factors.expect_remove_totp().returning(|_, _, _, _| Ok(false));
    is(&Service::start(world).own("DELETE", TOTP), 404, "not-found");
}

#[test]
fn asvs_16_5_2_an_outage_is_told_and_nothing_of_its_cause() {
    let mut world = signed_in();
    world.sealer.expect_seal().returning(|_, _| ports::SealedValue("sealed".to_owned()));
    world.factors.expect_begin_totp().returning(|_, _, _| Err(outage()));
    world.factors.expect_find_totp().returning(|_| Err(outage()));
    world.factors.expect_remove_totp().returning(|_, _, _, _| Err(outage()));
    world.factors.expect_replace_recovery_codes().returning(|_, _| Err(outage()));
    let service = Service::start(world);
    for (method, path) in [("POST", TOTP), ("DELETE", TOTP), ("POST", RECOVERY_CODES)] {
        is(&service.own(method, path), 503, "database-unavailable");
    }
    is(&confirm(&service, TOTP_CODE), 503, "database-unavailable");
}

#[test]
fn a_user_shows_the_factors_and_how_many_recovery_codes_are_left() {
    let second_factors =
        SecondFactors { totp: true, recovery_codes_left: 9, passkey: false, text_barred: true };
    let live = ports::LiveSession { user: User { second_factors, ..user() }, ..session() };
    let answer = Service::start(World::signed_in(live)).own("GET", "/api/v1/me");
    let mut expected = expected_user();
    expected["factors"] = json!(["sms", "totp"]);
    expected["recovery_codes_left"] = json!(9);
    assert_eq!((answer.status, answer.json()), (200, expected), "and nothing of a bar");
}

/// A sign-in whose answer is right if it is one of these.
fn sign_in_world() -> World {
    let mut world = World::default().with_app(enrolled_app());
    let of_login =
        Attempt { purpose: Purpose::Login, user_id: Some(UserId(Uuid::from_u128(3))), ..attempt() };
    world.challenges.expect_take_attempt().returning(move |_, _| Ok(Taken::Attempt(of_login.clone())));
    world.challenges.expect_record_wrong_answer().returning(|_, _, _| Ok(()));
    world.provider.expect_check().returning(|_, _| Ok(ports::CodeCheck::Wrong));
    world.challenges.expect_redeem_login().returning(|_, proof, session| match proof {
        Proof::Totp(_) => {
            assert!(session.methods.contains(&AuthenticationMethod::OneTimePassword));
            Ok(Redeemed::Done(user()))
        }
        Proof::RecoveryCode { .. } => Ok(Redeemed::Done(user())),
        Proof::SentCode => Ok(Redeemed::Refused),
    });
    world.tokens.expect_issue().returning(|_| Ok(domain::AccessToken::new("signed".to_owned())));
    world
}

#[test]
fn a_method_says_what_the_code_is() {
    let service = Service::start(sign_in_world());
    let ask = |method: Value, code: &str| {
        let body = json!({"challenge_id": "challenge-1", "code": code, "method": method});
        service.post(VERIFY, body.to_string())
    };
    assert_eq!(ask(json!("totp"), TOTP_CODE).status, 200);
    assert_eq!(ask(json!("recovery_code"), SHOWN_CODE).status, 200);
    is(&ask(json!("totp"), "123456"), 401, "invalid-code");
    for sent in [json!(null), json!("sms"), json!("voice"), json!("whatsapp"), json!("flashcall")] {
        is(&ask(sent, TOTP_CODE), 401, "invalid-code");
    }
}

#[test]
fn asvs_2_2_1_a_code_is_read_by_the_rules_of_its_method() {
    let service = Service::start(sign_in_world());
    for (method, code) in
        [("totp", "12"), ("totp", SHOWN_CODE), ("recovery_code", "ü"), ("recovery_code", "")]
    {
        let body = json!({"challenge_id": "challenge-1", "code": code, "method": method});
        let answer = service.post(VERIFY, body.to_string());
        assert_eq!(answer.field_errors(), ["/code invalid-format"], "{method} {code}");
    }
}
