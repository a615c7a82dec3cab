//! Each provider of codes behind the real binary, against a local server of its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on ends")]

mod harness;

use harness::{Api, Person, Reply, Request, Secret, Tokens, binary, eventually, leaks};
use testkit::gateway::{self, GatewayReceiver};
use testkit::server::{Launch, Server};
use testkit::troubled::{Trouble, TroubledWay};
use testkit::twilio::{self, TwilioServer};
use testkit::vonage::{self, VonageServer};

const ANN: Person = Person::ANN;
const BOB: Person = Person::BOB;

fn launch(name: &str) -> Launch {
    Launch::of(binary())
        .env("OTP_LOGIN__PROVIDER__NAME", name)
        .env("OTP_LOGIN__SIMULATOR__ENABLED", "false")
        .env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4")
        .env("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "1")
        .env("OTP_LOGIN__LOG__FORMAT", "json")
        .env("OTP_LOGIN__LOG__FILTER", "trace")
}

fn self_issued(gateway: &str) -> Launch {
    launch("self_issued")
        .env("OTP_LOGIN__SELF_ISSUED__GATEWAY", "webhook")
        .env("OTP_LOGIN__SELF_ISSUED__SITE_HOST", "login.example.com")
        .env("OTP_LOGIN__GATEWAY__URL", format!("{gateway}/texts"))
        .env("OTP_LOGIN__GATEWAY__SECRET", gateway::SECRET)
        .env("OTP_LOGIN__GATEWAY__TIMEOUT_MS", "1500")
}

fn twilio_launch(name: &str, origin: &str) -> Launch {
    launch(name)
        .env("OTP_LOGIN__TWILIO__ACCOUNT_SID", twilio::ACCOUNT)
        .env("OTP_LOGIN__TWILIO__API_KEY_SID", twilio::KEY)
        .env("OTP_LOGIN__TWILIO__SECRET", twilio::SECRET)
        .env("OTP_LOGIN__TWILIO__VERIFY_SERVICE_SID", twilio::SERVICE)
        .env("OTP_LOGIN__TWILIO__FROM", twilio::SENDER)
        .env("OTP_LOGIN__TWILIO__VERIFY_BASE_URL", origin)
        .env("OTP_LOGIN__TWILIO__MESSAGES_BASE_URL", origin)
}

/// Somebody registers, mistypes once, signs in, and signs in again after the cooldown; the code
/// works once. The codes that were sent.
fn signs_up_and_in(service: &Server, code: impl Fn() -> String) -> Vec<String> {
    let api = Api::at(service.url());
    let challenge = api.register(ANN).at("/challenge/id");
    let first = code();
    assert_eq!(api.verify(&challenge, &other_than(&first)).outcome(), "401 invalid-code");
    let tokens = Tokens::of(&api.verify(&challenge, &first));
    assert_eq!(api.me(&tokens.access).status, 200);
    assert_ne!(api.verify(&challenge, &first).status, 200, "a code works once");

    let mut challenge = String::new();
    eventually("the cooldown ends and a code is sent", || {
        let reply = api.log_in(ANN);
        assert_eq!(reply.status, 200, "{reply:?}");
        challenge = reply.at("/challenge/id");
        reply.at("/challenge/sent") == "true" || api.request_otp(&challenge).status == 200
    });
    let second = code();
    Tokens::of(&api.verify(&challenge, &second));
    vec![first, second]
}

fn other_than(code: &str) -> String {
    let (head, last) = code.split_at(code.len() - 1);
    format!("{head}{}", (last.parse::<u8>().unwrap() + 1) % 10)
}

/// Nothing of codes, numbers and keys is in the log, at any level.
fn assert_discreet(service: &mut Server, codes: &[String], keys: &[&str]) {
    assert!(service.stop().success());
    let mut secrets = Secret::phone(ANN.phone);
    secrets.extend(codes.iter().map(|code| Secret::new("code", code)));
    secrets.extend(keys.iter().map(|key| Secret::new("key", *key)));
    let found = leaks(&service.output(), &secrets);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn codes_of_our_own_sign_in_over_a_webhook_gateway() {
    let receiver = GatewayReceiver::start();
    let mut service = self_issued(receiver.origin()).start();
    let codes = signs_up_and_in(&service, || receiver.code(ANN.phone).unwrap());
    let texts = receiver.texts(ANN.phone);
    assert_eq!(texts.len(), 2);
    let (text, code) = (&texts[1].text, &codes[1]);
    assert_eq!(
        *text,
        format!("otp-login: your code is {code}. Never give it to anybody.\n\n@login.example.com #{code}")
    );
    assert_discreet(&mut service, &codes, &[gateway::SECRET.trim_start_matches("whsec_"), "/texts"]);
}

#[test]
fn asvs_6_6_2_a_code_of_our_own_opens_only_the_purpose_it_was_sent_for() {
    let receiver = GatewayReceiver::start();
    let service = self_issued(receiver.origin()).start();
    let api = Api::at(service.url());
    let (ann, bob) = (api.register(ANN).at("/challenge/id"), api.register(BOB).at("/challenge/id"));
    let (of_ann, of_bob) = (receiver.code(ANN.phone).unwrap(), receiver.code(BOB.phone).unwrap());
    assert_eq!(api.verify(&bob, &of_ann).outcome(), "401 invalid-code");
    assert_eq!(api.verify(&ann, &of_bob).outcome(), "401 invalid-code");
    Tokens::of(&api.verify(&ann, &of_ann));
    Tokens::of(&api.verify(&bob, &of_bob));
}

#[test]
fn rc_06_a_code_of_our_own_whose_answer_was_lost_counts_and_is_sent_once() {
    let receiver = GatewayReceiver::start();
    let way = TroubledWay::to(receiver.origin());
    let service = self_issued(way.origin()).env("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "600").start();
    let api = Api::at(service.url());
    for trouble in [Trouble::LoseAnswer, Trouble::Hang] {
        way.trouble(trouble, 1);
        let person = if trouble == Trouble::Hang { BOB } else { ANN };
        assert_eq!(api.register(person).outcome(), "503 provider-unavailable", "{trouble:?}");
    }
    // The same registration finds its challenge, and sends nothing more.
    let again = api.register(ANN);
    assert_eq!((again.status, again.at("/challenge/sent")), (201, "false".to_owned()));
    Tokens::of(&api.verify(&again.at("/challenge/id"), &receiver.code(ANN.phone).unwrap()));
    assert_eq!((receiver.texts(ANN.phone).len(), receiver.texts(BOB.phone).len()), (1, 0));
}

#[test]
fn pv_01_a_number_that_the_gateway_refuses_is_told() {
    let receiver = GatewayReceiver::start();
    let service = self_issued(receiver.origin()).start();
    let refused = Person { phone: gateway::REFUSED, ..ANN };
    let reply = Api::at(service.url()).register(refused);
    assert_eq!(reply.outcome(), "422 destination-not-allowed", "{reply:?}");
}

#[test]
fn twilio_signs_in() {
    let twilio = TwilioServer::start();
    let mut service = twilio_launch("twilio", twilio.origin()).start();
    let codes = signs_up_and_in(&service, || twilio.code(ANN.phone).unwrap());
    assert_discreet(&mut service, &codes, &[twilio::SECRET]);
}

#[test]
fn vonage_signs_in() {
    let vonage = VonageServer::start();
    let mut service = launch("vonage")
        .env("OTP_LOGIN__VONAGE__API_KEY", vonage::KEY)
        .env("OTP_LOGIN__VONAGE__API_SECRET", vonage::SECRET)
        .env("OTP_LOGIN__VONAGE__BASE_URL", vonage.origin())
        .start();
    let codes = signs_up_and_in(&service, || vonage.code(ANN.phone).unwrap());
    assert_discreet(&mut service, &codes, &[vonage::SECRET]);
}

#[test]
fn codes_of_our_own_sign_in_over_twilio_messages() {
    let twilio = TwilioServer::start();
    let service = twilio_launch("self_issued", twilio.origin())
        .env("OTP_LOGIN__SELF_ISSUED__GATEWAY", "twilio")
        .start();
    signs_up_and_in(&service, || twilio.code(ANN.phone).unwrap());
    let text = twilio.texts(ANN.phone).remove(0);
    assert!(text.starts_with("otp-login: your code is ") && !text.contains('@'), "{text}");
}

#[test]
fn codes_of_our_own_sign_in_over_sinch_sms() {
    // The simulator takes batches, too; it is on by itself in development.
    let service = launch("self_issued")
        .env("OTP_LOGIN__SIMULATOR__ENABLED", "auto")
        .env("OTP_LOGIN__SELF_ISSUED__GATEWAY", "sinch_sms")
        .start();
    let newest = || {
        let url = format!("{}/notices?number={}", service.simulator_url(), ANN.phone.replace('+', "%2B"));
        let notices: Reply = Request::get(url).send().unwrap();
        notices.at("/notices/0/text")
    };
    signs_up_and_in(&service, || {
        let text = newest();
        text.split(|sign: char| !sign.is_ascii_digit()).find(|digits| digits.len() == 6).unwrap().to_owned()
    });
}
