//! RC-06: the service dies at every point between reserving a message, calling
//! the provider and writing down what came of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use std::thread::{self, JoinHandle};

use harness::{Operation, Person, Reply, Request, Rule, Setup, Store, Tokens, World, eventually};

const ANN: Person = Person::ANN;

on_both_databases!(
    rc_06_a_crash_before_the_message_left_leaves_the_user_to_ask_again,
    rc_06_a_message_whose_answer_never_came_is_not_sent_twice_and_its_code_works_once,
    rc_06_a_message_that_was_never_settled_is_not_sent_twice_and_its_code_works_once,
    rc_06_a_crash_before_a_code_reached_the_provider_costs_one_guess_and_not_the_code,
    rc_06_a_crash_after_the_provider_accepted_lets_nobody_in_and_a_new_code_does,
    rc_06_a_crash_before_the_account_was_written_leaves_no_half_of_it,
    rc_06_a_code_that_was_redeemed_is_dead_when_its_answer_was_lost,
    rc_06_a_sign_in_survives_a_crash_in_every_step,
    rc_06_a_message_asked_for_again_is_not_sent_twice_by_a_crash,
);

/// Sends a request whose answer nobody will get.
fn in_background(request: Request) -> JoinHandle<Option<Reply>> {
    thread::spawn(move || request.send().ok())
}

/// Registers Ann and dies while `rule` holds the provider.
fn registration_dies(world: &mut World, rule: Rule) {
    world.provider.rule(Operation::Start, rule);
    let lost = in_background(world.api().registration(ANN));
    world.provider.wait_until_held();
    world.crash();
    assert!(lost.join().unwrap().is_none(), "the service answered before the provider did");
    world.service.restart();
}

/// Sends Ann's code and dies while `rule` holds the provider.
fn verification_dies(world: &mut World, challenge: &str, code: &str, rule: Rule) {
    world.provider.rule(Operation::Report, rule);
    let lost = in_background(world.api().verification(challenge, code));
    world.provider.wait_until_held();
    world.crash();
    assert!(lost.join().unwrap().is_none(), "the service answered before the provider did");
    world.service.restart();
}

/// The code signs in, and then neither it nor its challenge does again.
fn code_works_once(world: &World, challenge: &str, code: &str) -> Tokens {
    let api = world.api();
    let tokens = Tokens::of(&api.verify(challenge, code));
    assert_eq!(api.me(&tokens.access).at("/email"), ANN.email);
    assert_eq!(api.verify(challenge, code).outcome(), "410 challenge-closed");
    tokens
}

/// There is one account, whole: it signs in, and nobody gets a second one.
fn account_is_whole(world: &World) {
    let api = world.api();
    let login = api.log_in(ANN);
    assert_eq!((login.status, login.at("/status").as_str()), (200, "otp_required"), "{login:?}");
    let challenge = login.at("/challenge/id");
    if login.at("/challenge/sent") == "false" {
        assert_eq!(world.resend(&challenge).status, 200);
    }
    let tokens = Tokens::of(&api.verify(&challenge, &world.code(ANN)));
    let user = api.me(&tokens.access);
    assert_eq!((user.at("/email").as_str(), user.at("/phone_number").as_str()), (ANN.email, ANN.phone));

    let rival = api.register(Person { password: "quite another password", ..ANN });
    let challenge = rival.at("/challenge/id");
    if rival.at("/challenge/sent") == "false" {
        assert_eq!(world.resend(&challenge).status, 200);
    }
    assert_eq!(api.verify(&challenge, &world.code(ANN)).outcome(), "409 account-exists");
}

fn rc_06_a_crash_before_the_message_left_leaves_the_user_to_ask_again(store: Store) {
    let mut world = Setup::on(store).with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "3").start();
    registration_dies(&mut world, Rule::HoldRequest);
    assert_eq!(world.simulator.count(ANN.phone, "messages"), 0);

    let again = world.api().register(ANN);
    assert_eq!((again.status, again.at("/challenge/sent").as_str()), (201, "false"), "{again:?}");
    let challenge = again.at("/challenge/id");
    assert_eq!(world.resend(&challenge).status, 200);
    assert_eq!(world.simulator.count(ANN.phone, "messages"), 1);
    code_works_once(&world, &challenge, &world.code(ANN));
    account_is_whole(&world);
}

fn rc_06_a_message_whose_answer_never_came_is_not_sent_twice_and_its_code_works_once(store: Store) {
    let mut world = Setup::on(store).with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "120").start();
    registration_dies(&mut world, Rule::HoldAnswer);
    found_by_reference(&world);
}

fn rc_06_a_message_that_was_never_settled_is_not_sent_twice_and_its_code_works_once(store: Store) {
    let mut world = Setup::on(store).with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "120").start();
    world.provider.rule(Operation::Start, Rule::HoldAnswer);
    let lost = in_background(world.api().registration(ANN));
    world.provider.wait_until_held();
    world.crash_before_the_answer_is_written_down();
    assert!(lost.join().unwrap().is_none(), "the service answered before it had settled");
    world.service.restart();
    found_by_reference(&world);
}

/// The message is out and nothing is known of it but its reference.
fn found_by_reference(world: &World) {
    let again = world.api().register(ANN);
    assert_eq!((again.status, again.at("/challenge/sent").as_str()), (201, "false"), "{again:?}");
    let challenge = again.at("/challenge/id");
    assert_eq!(world.api().request_otp(&challenge).outcome(), "429 resend-too-soon");

    let wrong = world.api().verify(&challenge, "000000");
    assert_eq!((wrong.outcome().as_str(), wrong.at("/attempts_left").as_str()), ("401 invalid-code", "4"));
    code_works_once(world, &challenge, &world.code(ANN));
    assert_eq!(world.simulator.count(ANN.phone, "messages"), 1);
    assert_eq!(world.simulator.count(ANN.phone, "starts"), 1);
}

fn rc_06_a_crash_before_a_code_reached_the_provider_costs_one_guess_and_not_the_code(store: Store) {
    let mut world = World::on(store);
    let challenge = world.challenge(ANN);
    let code = world.code(ANN);
    verification_dies(&mut world, &challenge, &code, Rule::HoldRequest);
    assert_eq!(world.simulator.count(ANN.phone, "reports"), 0);

    let wrong = world.api().verify(&challenge, "000000");
    assert_eq!((wrong.outcome().as_str(), wrong.at("/attempts_left").as_str()), ("401 invalid-code", "3"));
    code_works_once(&world, &challenge, &code);
    account_is_whole(&world);
}

fn rc_06_a_crash_after_the_provider_accepted_lets_nobody_in_and_a_new_code_does(store: Store) {
    let mut world = World::on(store);
    let challenge = world.challenge(ANN);
    let used = world.code(ANN);
    verification_dies(&mut world, &challenge, &used, Rule::HoldAnswer);
    the_code_is_lost(&world, &challenge, &used);
}

fn rc_06_a_crash_before_the_account_was_written_leaves_no_half_of_it(store: Store) {
    let mut world = World::on(store);
    let challenge = world.challenge(ANN);
    let used = world.code(ANN);
    world.provider.rule(Operation::Report, Rule::HoldAnswer);
    let lost = in_background(world.api().verification(&challenge, &used));
    world.provider.wait_until_held();
    world.crash_before_the_answer_is_written_down();
    assert!(lost.join().unwrap().is_none(), "the service answered before there was an account");
    world.service.restart();
    the_code_is_lost(&world, &challenge, &used);
}

/// The provider has used the code up and no account came of it.
fn the_code_is_lost(world: &World, challenge: &str, used: &str) {
    let api = world.api();
    let again = api.verify(challenge, used);
    assert!(again.status == 401 || again.status == 503, "a code that was used up: {again:?}");
    assert_eq!(api.log_in(ANN).at("/challenge/purpose"), "registration", "there is no account yet");

    assert_eq!(world.resend(challenge).status, 200);
    let new = world.code(ANN);
    if new != used {
        assert_eq!(api.verify(challenge, used).outcome(), "401 invalid-code");
    }
    code_works_once(world, challenge, &new);
    account_is_whole(world);
}

fn rc_06_a_code_that_was_redeemed_is_dead_when_its_answer_was_lost(store: Store) {
    let mut world = World::on(store);
    let challenge = world.challenge(ANN);
    let code = world.code(ANN);
    let unread = world.api().verification(&challenge, &code).send_only().unwrap();
    eventually("the code is redeemed", || world.service.output().contains("user_created"));
    world.crash();
    drop(unread);
    world.service.restart();

    assert_eq!(world.api().verify(&challenge, &code).outcome(), "410 challenge-closed");
    account_is_whole(&world);
}

fn rc_06_a_sign_in_survives_a_crash_in_every_step(store: Store) {
    let mut world = World::on(store);
    let old = world.sign_up(ANN);
    let sends = world.simulator.count(ANN.phone, "messages");
    world.service.restart();

    let mut login = world.api().log_in(ANN);
    eventually("the number may get a message", || {
        if login.at("/challenge/sent") == "false" && sends == world.simulator.count(ANN.phone, "messages") {
            login = world.api().log_in(ANN);
            return false;
        }
        true
    });
    let challenge = login.at("/challenge/id");
    world.service.restart();
    assert_eq!(world.api().log_in(ANN).at("/challenge/id"), challenge);

    let code = world.code(ANN);
    verification_dies(&mut world, &challenge, &code, Rule::HoldRequest);
    let new = code_works_once(&world, &challenge, &code);

    world.service.restart();
    for tokens in [&old, &new] {
        assert_eq!(world.api().me(&tokens.access).status, 200, "a session ended with the process");
        assert_eq!(world.api().refresh(&tokens.refresh).status, 200);
    }
    assert_eq!(world.api().verify(&challenge, &code).outcome(), "410 challenge-closed");
}

fn rc_06_a_message_asked_for_again_is_not_sent_twice_by_a_crash(store: Store) {
    let mut world = Setup::on(store).with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "5").start();
    let challenge = world.challenge(ANN);
    let first = world.code(ANN);
    eventually("the cooldown ends and the second message is asked for", || {
        world.provider.rule(Operation::Start, Rule::HoldAnswer);
        let starts = world.provider.seen(Operation::Start);
        let api = world.api();
        let asked = challenge.clone();
        let resend = thread::spawn(move || api.request_otp(&asked));
        eventually("the request is answered or held", || {
            resend.is_finished() || world.provider.seen(Operation::Start) > starts
        });
        world.provider.seen(Operation::Start) > starts
    });
    world.provider.wait_until_held();
    world.crash();
    world.service.restart();

    assert_eq!(world.api().request_otp(&challenge).outcome(), "429 resend-too-soon");
    assert_eq!(world.simulator.count(ANN.phone, "messages"), 2);
    let second = world.code(ANN);
    if first != second {
        assert_eq!(world.api().verify(&challenge, &first).outcome(), "401 invalid-code");
    }
    code_works_once(&world, &challenge, &second);
    assert_eq!(world.simulator.count(ANN.phone, "messages"), 2);
}
