//! What users see when one of two providers is away.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use harness::{Person, Rule, Setup, Store, Tokens, World, eventually};
use testkit::vonage::{self, VonageServer};

const ANN: Person = Person::ANN;
const BOB: Person = Person::BOB;
const CLEO: Person =
    Person { email: "cleo@example.com", phone: "+46701740612", password: "four unrelated words" };

/// Sinch is asked first, behind a way that obeys the test; Vonage stands in.
fn sinch_and_vonage(vonage: &VonageServer) -> Setup {
    Setup::on(Store::Sqlite)
        .with("OTP_LOGIN__PROVIDER__ORDER", "sinch,vonage")
        .with("OTP_LOGIN__PROVIDER__ATTEMPT_TIMEOUT_MS", "700")
        .with("OTP_LOGIN__PROVIDER__BREAKER_FAULTS", "2")
        .with("OTP_LOGIN__PROVIDER__BREAKER_PAUSE_MS", "600000")
        .with("OTP_LOGIN__VONAGE__API_KEY", vonage::KEY)
        .with("OTP_LOGIN__VONAGE__API_SECRET", vonage::SECRET)
        .with("OTP_LOGIN__VONAGE__BASE_URL", vonage.origin())
}

fn signs_up_by_vonage(world: &World, vonage: &VonageServer, person: Person) {
    let reply = world.api().register(person);
    assert_eq!((reply.status, reply.at("/challenge/sent")), (201, "true".to_owned()), "{reply:?}");
    Tokens::of(&world.api().verify(&reply.at("/challenge/id"), &vonage.code(person.phone).unwrap()));
    assert_eq!(vonage.texts(person.phone).len(), 1);
    assert!(world.simulator.codes(person.phone).is_empty());
}

#[test]
fn a_provider_that_dies_in_mid_run_costs_nobody_a_sign_in() {
    let vonage = VonageServer::start();
    let world = sinch_and_vonage(&vonage).start();
    let api = world.api();
    world.sign_up(ANN);
    let of_bob = world.challenge(BOB);
    let code_of_bob = world.code(BOB);

    // Sinch refuses everything from now on.
    world.provider.rule_all(Rule::Answer(401));

    for _ in 0..2 {
        let reply = api.verify(&of_bob, &code_of_bob);
        assert_eq!(reply.outcome(), "503 provider-unavailable", "only Sinch knows that code");
    }
    assert_eq!(world.resend(&of_bob).status, 200);
    Tokens::of(&api.verify(&of_bob, &vonage.code(BOB.phone).unwrap()));
    signs_up_by_vonage(&world, &vonage, CLEO);
    assert!(api.is_ready("provider"), "somebody sends");
}

#[test]
fn a_code_of_a_provider_that_is_back_counts() {
    let vonage = VonageServer::start();
    let world = sinch_and_vonage(&vonage).start();
    let of_bob = world.challenge(BOB);
    world.provider.rule_all(Rule::Answer(401));
    signs_up_by_vonage(&world, &vonage, CLEO);
    world.provider.release();
    Tokens::of(&world.api().verify(&of_bob, &world.code(BOB)));
}

#[test]
fn a_provider_that_hangs_gives_way_within_the_request() {
    let vonage = VonageServer::start();
    let world = sinch_and_vonage(&vonage).start();
    world.provider.rule_all(Rule::HoldAnswer);
    for person in [ANN, BOB, CLEO] {
        let reply = world.api().register(person);
        assert_eq!((reply.status, reply.at("/challenge/sent")), (201, "true".to_owned()), "{reply:?}");
        Tokens::of(&world.api().verify(&reply.at("/challenge/id"), &vonage.code(person.phone).unwrap()));
    }
    assert!(world.simulator.codes(CLEO.phone).is_empty(), "after two faults it is not asked");
}

#[test]
fn pv_04_a_provider_that_hangs_is_soon_passed_over_and_sends_nothing_twice_where_that_is_wanted() {
    let vonage = VonageServer::start();
    let world = sinch_and_vonage(&vonage)
        .with("OTP_LOGIN__PROVIDER__AFTER_LOST_ANSWER", "stop")
        .with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "600")
        .start();
    world.provider.rule_all(Rule::HoldAnswer);
    for person in [ANN, BOB] {
        let reply = world.api().register(person);
        assert_eq!(reply.outcome(), "503 provider-unavailable", "a message may be on its way");
        assert_eq!(world.simulator.codes(person.phone).len(), 1);
        assert!(vonage.texts(person.phone).is_empty());
    }
    signs_up_by_vonage(&world, &vonage, CLEO);
    // The message that was on its way counts, now that its provider answers.
    world.provider.release();
    let again = world.api().register(ANN);
    Tokens::of(&world.api().verify(&again.at("/challenge/id"), &world.code(ANN)));
}

#[test]
fn when_both_are_away_nobody_sends_and_readiness_says_so() {
    let vonage = VonageServer::start();
    let world =
        sinch_and_vonage(&vonage).with("OTP_LOGIN__VONAGE__API_SECRET", "wrongSecretOfVonage1").start();
    world.provider.rule_all(Rule::Answer(401));
    for person in [ANN, BOB] {
        assert_eq!(world.api().register(person).outcome(), "503 provider-unavailable");
    }
    assert!(!world.api().is_ready("provider"));
}

#[test]
fn one_whose_codes_nobody_enters_is_asked_after_the_others() {
    let vonage = VonageServer::start();
    let mut world = sinch_and_vonage(&vonage)
        .with("OTP_LOGIN__PROVIDER__CONVERSION__LEAST_SENDS", "2")
        .with("OTP_LOGIN__PROVIDER__CONVERSION__GRACE_SECONDS", "0")
        .with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")
        .start();
    for person in [ANN, BOB] {
        world.sign_up(person);
        assert_eq!(world.api().log_in(person).at("/challenge/sent"), "true");
    }
    world.crash();
    world.service.restart();
    eventually("it is looked whose codes are entered", || {
        world.service.output().contains("provider_conversion_collapsed")
    });
    signs_up_by_vonage(&world, &vonage, CLEO);
    // Elsewhere nothing was concluded.
    world.sign_up(Person { email: "dane@example.com", phone: "+4520123456", ..ANN });
}

#[test]
fn a_country_has_an_order_of_its_own() {
    let vonage = VonageServer::start();
    let world = sinch_and_vonage(&vonage).with("OTP_LOGIN__PROVIDER__ROUTES__SE", "vonage").start();
    signs_up_by_vonage(&world, &vonage, CLEO);
    world.sign_up(Person { phone: "+4520123456", ..ANN });
    assert!(vonage.texts("+4520123456").is_empty());
}
