//! Codes by other channels than text messages.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on ends")]

mod harness;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use harness::{Person, Reply, Request, Rule, Setup, Store, Tokens, World, eventually};
use serde_json::{Value, json};

const ANN: Person = Person::ANN;
const BOB: Person = Person::BOB;
/// Of Stockholm.
const ON_FIXED_LINE: Person = Person { phone: "+468123456", ..Person::ANN };

fn with_calls() -> Setup {
    Setup::on(Store::Sqlite)
        .with("OTP_LOGIN__CHANNELS__ENABLED", "sms,voice")
        .with("OTP_LOGIN__OTP__MAX_SENDS", "10")
}

fn post(world: &World, path: &str, body: &Value) -> Reply {
    Request::post(world.api().url(&format!("/api/v1/auth/{path}")), body).send().unwrap()
}

fn ask(world: &World, challenge: &str, channel: &str) -> Reply {
    post(world, "otp/request", &json!({ "challenge_id": challenge, "channel": channel }))
}

/// Asks for a further code as soon as the cooldown is over.
fn sent_by(world: &World, challenge: &str, channel: &str) -> Reply {
    let mut last = None;
    eventually("the cooldown ends", || {
        let reply = ask(world, challenge, channel);
        let is_over = reply.outcome() != "429 resend-too-soon";
        last = Some(reply);
        is_over
    });
    last.unwrap()
}

fn methods(reply: &Reply) -> Value {
    reply.json()["challenge"]["methods"].clone()
}

/// How the session of `tokens` says that it was authenticated.
fn amr(tokens: &Tokens) -> Value {
    let payload = tokens.access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["amr"].clone()
}

#[test]
fn sm_08_a_call_is_made_when_it_is_asked_for_and_its_code_signs_in() {
    let world = with_calls().start();
    let reply = world.api().register(ANN);
    assert_eq!(
        (methods(&reply), reply.at("/challenge/channel")),
        (json!(["sms", "voice"]), "sms".to_owned())
    );
    let challenge = reply.at("/challenge/id");

    let called = sent_by(&world, &challenge, "voice");

    assert_eq!((called.status, called.at("/challenge/channel")), (200, "voice".to_owned()), "{called:?}");
    let tokens = Tokens::of(&world.api().verify(&challenge, &world.code(ANN)));
    assert_eq!(amr(&tokens), json!(["pwd", "tel", "mfa"]));
}

#[test]
fn sm_08_a_number_is_called_twice_an_hour_and_texts_go_on() {
    let world = with_calls().start();
    let challenge = world.challenge(ANN);
    for _ in 0..2 {
        assert_eq!(sent_by(&world, &challenge, "voice").status, 200);
    }
    assert_eq!(sent_by(&world, &challenge, "voice").outcome(), "429 rate-limited");
    assert_eq!(sent_by(&world, &challenge, "sms").status, 200);
    Tokens::of(&world.api().verify(&challenge, &world.code(ANN)));
}

#[test]
fn who_cannot_be_texted_is_offered_a_call() {
    let world = with_calls().with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0").start();
    world.sign_up(ANN);
    world.provider.rule_all(Rule::Answer(401));
    let sign_in = world.api().log_in(ANN);
    assert_eq!((sign_in.status, sign_in.at("/challenge/sent")), (200, "false".to_owned()), "{sign_in:?}");
    assert_eq!(methods(&sign_in), json!(["sms", "voice"]));
    let registration = world.api().register(BOB);
    assert_eq!((registration.status, methods(&registration)), (201, json!(["sms", "voice"])));
    world.provider.release();

    let challenge = sign_in.at("/challenge/id");
    assert_eq!(ask(&world, &challenge, "voice").status, 200);
    Tokens::of(&world.api().verify(&challenge, &world.code(ANN)));
}

#[test]
fn sm_02_a_fixed_line_is_called_once_somebody_asks_for_it() {
    let world = with_calls().with("OTP_LOGIN__COUNTRIES__FIXED_LINES", "true").start();
    let reply = world.api().register(ON_FIXED_LINE);
    assert_eq!((reply.status, reply.at("/challenge/sent")), (201, "false".to_owned()), "{reply:?}");
    assert_eq!(methods(&reply), json!(["voice"]));
    assert!(world.simulator.codes(ON_FIXED_LINE.phone).is_empty(), "nobody is called unasked");
    let challenge = reply.at("/challenge/id");

    assert_eq!(ask(&world, &challenge, "sms").outcome(), "422 channel-not-available");
    // What was refused costs no cooldown.
    assert_eq!(ask(&world, &challenge, "voice").status, 200);
    Tokens::of(&world.api().verify(&challenge, &world.code(ON_FIXED_LINE)));
}

#[test]
fn tn_07_a_flash_call_proves_a_new_number_and_opens_no_account() {
    let world = with_calls().with("OTP_LOGIN__CHANNELS__ENABLED", "sms,flashcall").start();
    let reply = world.api().register(ANN);
    assert_eq!(methods(&reply), json!(["sms", "flashcall"]));
    let challenge = reply.at("/challenge/id");
    assert_eq!(sent_by(&world, &challenge, "flashcall").status, 200);
    let caller = format!("+{}", world.code(ANN).trim_start_matches('+'));
    Tokens::of(&world.api().verify(&challenge, &caller));

    let sign_in = world.api().log_in(ANN);
    assert_eq!(methods(&sign_in), json!(["sms"]));
    let refused = sent_by(&world, &sign_in.at("/challenge/id"), "flashcall");
    assert_eq!(refused.outcome(), "422 channel-not-available");
}

#[test]
fn a_country_may_have_fewer_channels() {
    let world = with_calls().with("OTP_LOGIN__CHANNELS__COUNTRIES__SE", "sms").start();
    let swede = world.api().register(ANN);
    assert_eq!(methods(&swede), json!(["sms"]));
    let refused = sent_by(&world, &swede.at("/challenge/id"), "voice");
    assert_eq!(refused.outcome(), "422 channel-not-available");
    let dane = world.api().register(Person { phone: "+4520123456", ..BOB });
    assert_eq!(methods(&dane), json!(["sms", "voice"]));
}

#[test]
fn en_05_a_reset_offers_the_same_channels_to_everybody() {
    let world = with_calls()
        .with("OTP_LOGIN__CHANNELS__COUNTRIES__SE", "sms")
        .with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")
        .start();
    world.sign_up(ANN);
    let shown = |email: &str| {
        let started = post(&world, "password/forgot", &json!({ "email": email }));
        let called = ask(&world, &started.at("/challenge/id"), "voice");
        [started, called].map(|reply| {
            let fields = ["methods", "channel", "sent", "attempts_left", "destination"];
            let challenge = reply.json()["challenge"].clone();
            (reply.status, fields.map(|field| challenge[field].clone()))
        })
    };
    let of_ann = shown(ANN.email);
    assert_eq!(of_ann, shown("nobody@example.com"));
    assert_eq!(of_ann[0].1[0], json!(["sms", "voice"]), "though her country has no calls");
}
