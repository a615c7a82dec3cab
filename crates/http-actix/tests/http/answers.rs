//! What use-cases say, as clients see it.

use domain::{PasswordFailures, PasswordHash, Purpose};
use jiff::SignedDuration;
use ports::{
    Attempt, CodeCheck, HashError, NotSent, Opened, ProviderFault, Redeemed, Rotation, SendDecision,
    SigningFailed, StartError, StoreError, Taken,
};
use serde_json::{Value, json};

use crate::support::{Answer, Service};
use crate::world::{
    ACCESS_TOKEN, REFRESH_TOKEN, RIGHT, World, attempt, now, opened, session, sign_in, state, user,
};

const LOGIN: &str = r#"{"email":"ann@example.com","password":"any"}"#;
const REQUEST: &str = r#"{"challenge_id":"challenge-1"}"#;
const VERIFY: &str = r#"{"challenge_id":"challenge-1","code":"123456","method":"sms"}"#;

pub(crate) fn expected_challenge() -> Value {
    json!({
        "id": "challenge-1",
        "purpose": "registration",
        "channel": "sms",
        "destination": "+46•••••••67",
        "sent": true,
        "methods": ["sms"],
        "attempts_left": 5,
        "expires_at": "2026-01-02T03:14:05.678901Z",
        "resend_available_at": "2026-01-02T03:06:05.678901Z",
    })
}

pub(crate) fn expected_tokens() -> Value {
    json!({
        "access_token": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": REFRESH_TOKEN,
        "refresh_expires_in": 2_592_000,
        "user": expected_user(),
    })
}

pub(crate) fn expected_user() -> Value {
    json!({
        "id": "00000000-0000-0000-0000-000000000003",
        "email": "Ann@Example.com",
        "phone_number": "+46701234567",
        "phone_verified_at": "2026-01-02T03:04:05.678901Z",
        "locale": null,
        "factors": ["sms"],
        "recovery_codes_left": 0,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
    })
}

pub(crate) fn outage() -> StoreError {
    StoreError::Unavailable("connection to postgres://secret@db refused".into())
}

#[track_caller]
pub(crate) fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{answer:?}");
    assert!(!answer.text().contains("secret"), "the cause stays inside");
}

#[test]
fn a_registration_is_answered_with_its_challenge() {
    let answer = Service::start(World::that_sends()).register();
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json(), json!({"challenge": expected_challenge()}));
}

#[test]
fn a_right_password_is_answered_with_a_challenge() {
    let mut world = World::that_sends();
    world.accounts.expect_find_sign_in().returning(|_, _, _| Ok(sign_in(PasswordFailures::default())));
    world.hasher.expect_find_match().returning(|_, _, _| Ok(RIGHT));
    let answer = Service::start(world).post("/api/v1/auth/login", LOGIN);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"status": "otp_required", "challenge": expected_challenge()}));
}

#[test]
fn a_wrong_password_is_told_without_saying_more() {
    let mut world = World::default();
    world.accounts.expect_find_sign_in().returning(|_, _, _| Ok(sign_in(PasswordFailures::default())));
    world.accounts.expect_record_password_failure().returning(|_, _| Ok(()));
    world.hasher.expect_find_match().returning(|_, _, _| Ok(None));
    is(&Service::start(world).post("/api/v1/auth/login", LOGIN), 401, "invalid-credentials");
}

#[test]
fn en_06_a_slowed_down_sign_in_says_how_long_to_wait() {
    let mut world = World::default();
    let failures = PasswordFailures { count: 7, last_at: Some(now() - SignedDuration::from_millis(500)) };
    world.accounts.expect_find_sign_in().returning(move |_, _, _| Ok(sign_in(failures)));
    let answer = Service::start(world).post("/api/v1/auth/login", LOGIN);
    is(&answer, 429, "rate-limited");
    assert_eq!(answer.header("retry-after"), Some("2"), "1.5 seconds, rounded up");
}

#[test]
fn sm_03_a_premium_number_is_no_destination() {
    let body =
        r#"{"email":"ann@example.com","password":"violet-anchor-piano","phone_number":"+44 909 879 0000"}"#;
    let answer = Service::start(World::default()).post("/api/v1/auth/register", body);
    is(&answer, 422, "destination-not-allowed");
}

#[test]
fn a_further_message_may_be_refused_in_three_ways() {
    let decided = |sends: u32, send: SendDecision| {
        let mut world = World { channels: vec![domain::Channel::Sms], ..World::default() };
        let mut challenge = state();
        challenge.sends = sends;
        let answer = Opened { challenge, send };
        world.challenges.expect_reserve_resend().returning(move |_, _| Ok(Some(answer.clone())));
        Service::start(world).post("/api/v1/auth/otp/request", REQUEST)
    };
    let too_soon = decided(1, SendDecision::Held);
    is(&too_soon, 429, "resend-too-soon");
    assert_eq!(too_soon.header("retry-after"), Some("120"));
    let over = decided(3, SendDecision::Held);
    is(&over, 429, "send-limit-reached");
    assert_eq!(over.header("retry-after"), None, "waiting does not help");
    let quota = SendDecision::OverQuota { retry_at: now() + SignedDuration::from_secs(90) };
    let limited = decided(1, quota);
    is(&limited, 429, "rate-limited");
    assert_eq!(limited.header("retry-after"), Some("90"));
}

#[test]
fn a_further_message_is_answered_with_the_challenge() {
    let answer = Service::start(World::that_sends()).post("/api/v1/auth/otp/request", REQUEST);
    assert_eq!((answer.status, answer.json()), (200, json!({"challenge": expected_challenge()})));
}

#[test]
fn a_channel_that_is_off_is_not_available() {
    let body = r#"{"challenge_id":"challenge-1","channel":"voice"}"#;
    let answer = Service::start(World::that_sends()).post("/api/v1/auth/otp/request", body);
    is(&answer, 422, "channel-not-available");
}

#[test]
fn a_closed_challenge_has_one_answer_everywhere() {
    let mut world = World::that_sends();
    world.challenges.checkpoint();
    world.challenges.expect_reserve_resend().returning(|_, _| Ok(None));
    world.challenges.expect_take_attempt().returning(|_, _| Ok(Taken::Closed));
    let service = Service::start(world);
    let request = service.post("/api/v1/auth/otp/request", REQUEST);
    let verify = service.post("/api/v1/auth/otp/verify", VERIFY);
    is(&request, 410, "challenge-closed");
    is(&verify, 410, "challenge-closed");
    assert_eq!(request.json()["detail"], verify.json()["detail"]);
}

fn verify(check: Result<CodeCheck, ProviderFault>, redeemed: Redeemed) -> Answer {
    verify_for(Purpose::Registration, check, redeemed)
}

fn verify_for(purpose: Purpose, check: Result<CodeCheck, ProviderFault>, redeemed: Redeemed) -> Answer {
    let mut world = World::with_session();
    let attempt = Attempt { purpose, ..attempt() };
    world.challenges.expect_take_attempt().returning(move |_, _| Ok(Taken::Attempt(attempt.clone())));
    let stepped_up = redeemed.clone();
    world.challenges.expect_redeem_step_up().returning(move |_, _, _| Ok(stepped_up.clone()));
    world.challenges.expect_redeem_registration().returning(move |_, _, _, _| Ok(redeemed.clone()));
    world.challenges.expect_give_back().returning(|_, _| Ok(()));
    world.provider.expect_check().returning(move |_, _| check.clone());
    Service::start(world).post("/api/v1/auth/otp/verify", VERIFY)
}

#[test]
fn a_right_code_is_answered_with_tokens() {
    let answer = verify(Ok(CodeCheck::Accepted), Redeemed::Done(user()));
    assert_eq!((answer.status, answer.json()), (200, expected_tokens()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn asvs_7_2_4_the_right_code_of_a_step_up_is_answered_with_new_tokens() {
    let answer = verify_for(Purpose::StepUp, Ok(CodeCheck::Accepted), Redeemed::Done(user()));
    assert_eq!((answer.status, answer.json()), (200, expected_tokens()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    is(&verify_for(Purpose::StepUp, Ok(CodeCheck::Accepted), Redeemed::Closed), 410, "challenge-closed");
}

#[test]
fn a_wrong_code_says_how_many_guesses_are_left() {
    let answer = verify(Ok(CodeCheck::Wrong), Redeemed::Closed);
    is(&answer, 401, "invalid-code");
    assert_eq!(answer.json()["attempts_left"], 4);
}

#[test]
fn a_right_code_may_come_too_late_or_for_an_account_that_exists() {
    is(&verify(Ok(CodeCheck::Accepted), Redeemed::Closed), 410, "challenge-closed");
    is(&verify(Ok(CodeCheck::Accepted), Redeemed::AccountExists), 409, "account-exists");
}

#[test]
fn asvs_16_5_2_an_outage_is_a_503_that_says_when_to_come_back() {
    let mut world = World::default();
    world.accounts.expect_find_sign_in().returning(|_, _, _| Err(outage()));
    let database = Service::start(world).post("/api/v1/auth/login", LOGIN);
    is(&database, 503, "database-unavailable");
    assert_eq!(database.header("retry-after"), Some("5"));

    let provider = verify(Err(ProviderFault("secret trouble".to_owned())), Redeemed::Closed);
    is(&provider, 503, "provider-unavailable");
    assert_eq!(provider.header("retry-after"), Some("5"));

    let mut world = World::default();
    let busy = SignedDuration::from_millis(1200);
    world.hasher.expect_hash().returning(move |_, _| Err(HashError::Overloaded { retry_after: busy }));
    let overloaded = Service::start(world).register();
    is(&overloaded, 503, "overloaded");
    assert_eq!(overloaded.header("retry-after"), Some("2"));

    let mut world = World::default();
    world.hasher.expect_hash().returning(|_, _| Err(HashError::Abandoned));
    is(&Service::start(world).register(), 503, "overloaded");
}

#[test]
fn what_the_provider_refuses_is_told_by_its_kind() {
    let started = |error: StartError| {
        let mut world = World::default();
        world.hasher.expect_hash().returning(|_, _| Ok(PasswordHash::new("hash".to_owned())));
        world.challenges.expect_open().returning(|_, _| Ok(Some(opened())));
        world.challenges.expect_settle_not_sent().returning(|_| Ok(()));
        world.provider.expect_start().returning(move |_| Err(error.clone()));
        Service::start(world).register()
    };
    let refused = NotSent::DestinationRefused("secret reason".to_owned());
    is(&started(StartError::NotSent(refused)), 422, "destination-not-allowed");
    is(&started(StartError::NotSent(NotSent::TooSoon)), 429, "rate-limited");
    is(&started(StartError::Unknown(ProviderFault("secret".to_owned()))), 503, "provider-unavailable");
}

#[test]
fn asvs_16_5_1_a_defect_is_told_without_its_cause() {
    let mut world = World::with_session();
    world.tokens.checkpoint();
    world.tokens.expect_issue().returning(|_| Err(SigningFailed("secret key broken".to_owned())));
    world.sessions.expect_rotate().returning(|_, _, _, _, _| Ok(Rotation::Rotated(session())));
    let body = json!({"refresh_token": REFRESH_TOKEN}).to_string();
    is(&Service::start(world).post("/api/v1/auth/token/refresh", body), 500, "internal");
}

#[test]
fn a_refresh_token_is_traded_for_new_tokens_once() {
    let rotated = |rotation: Rotation| {
        let mut world = World::with_session();
        world.sessions.expect_rotate().returning(move |_, _, _, _, _| Ok(rotation.clone()));
        let body = json!({"refresh_token": REFRESH_TOKEN}).to_string();
        Service::start(world).post("/api/v1/auth/token/refresh", body)
    };
    let fresh = rotated(Rotation::Rotated(session()));
    assert_eq!((fresh.status, fresh.json()), (200, expected_tokens()));
    is(&rotated(Rotation::Refused), 401, "invalid-token");
    let reused = Rotation::Reused { session_id: session().id, user_id: user().id };
    is(&rotated(reused), 401, "invalid-token");
}

#[test]
fn the_signed_in_user_is_answered_field_by_field() {
    let service = Service::start(World::with_session());
    let answer = service.me(&[&format!("Authorization: Bearer {ACCESS_TOKEN}")]);
    assert_eq!((answer.status, answer.json()), (200, expected_user()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn signing_out_answers_nothing() {
    let service = Service::start(World::with_session());
    let header = format!("Authorization: Bearer {ACCESS_TOKEN}");
    let answer = service.ask("POST", "/api/v1/auth/logout", &[&header, "Content-Length: 0"]);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}
