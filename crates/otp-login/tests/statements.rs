//! How often each request goes to `PostgreSQL` and back, counted on the wire.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use harness::{Person, Setup, Store, Tokens, World};

/// The one connection of the one thread that answers prepares each statement
/// once; before that the count is higher.
fn world() -> World {
    Setup::on(Store::Postgres)
        .with("OTP_LOGIN__DATABASE__MAX_CONNECTIONS", "1")
        .with("OTP_LOGIN__SERVER__WORKERS", "1")
        .with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0")
        .with("OTP_LOGIN__OTP__MAX_SENDS", "1000")
        // What looks for notices would be counted, too.
        .with("OTP_LOGIN__EVENTS__POLL_MS", "3600000")
        .start()
}

/// The result of `act` and the round trips it took.
fn counted<T>(world: &World, act: impl FnOnce() -> T) -> (T, u64) {
    let before = world.database().round_trips();
    let result = act();
    (result, world.database().round_trips() - before)
}

/// One sign-in; round trips of login, verify, me, refresh and logout.
fn sign_in(world: &World) -> [u64; 5] {
    let api = world.api();
    let (login, of_login) = counted(world, || api.log_in(Person::ANN));
    assert_eq!((login.status, login.at("/challenge/sent").as_str()), (200, "true"), "{login:?}");
    let code = world.code(Person::ANN);
    let challenge = login.at("/challenge/id");
    let (verified, of_verify) = counted(world, || api.verify(&challenge, &code));
    let tokens = Tokens::of(&verified);
    let (me, of_me) = counted(world, || api.me(&tokens.access));
    assert_eq!(me.status, 200);
    let (refreshed, of_refresh) = counted(world, || api.refresh(&tokens.refresh));
    let tokens = Tokens::of(&refreshed);
    let (logout, of_logout) = counted(world, || api.log_out(&tokens.access));
    assert_eq!(logout.status, 204);
    [of_login, of_verify, of_me, of_refresh, of_logout]
}

#[test]
fn a_sign_in_is_seven_round_trips_four_of_them_the_shields_and_the_traces_a_verification_four_and_me_one() {
    let world = world();
    world.sign_up(Person::ANN);
    let cold = sign_in(&world);
    let prepared = world.database().statements().len();
    for _ in 0..3 {
        let [login, verify, me, refresh, logout] = sign_in(&world);
        assert!(login <= 7, "login took {login} round trips (cold: {cold:?})");
        assert!(verify <= 4, "otp/verify took {verify} round trips (cold: {cold:?})");
        assert_eq!(me, 1, "me took {me} round trips");
        assert!(refresh <= 2, "token/refresh took {refresh} round trips");
        assert!(logout <= 2, "logout took {logout} round trips");
    }
    let texts = world.database().statements();
    assert_eq!(texts.len(), prepared, "statements were prepared anew: {:#?}", &texts[prepared..]);
}

#[test]
fn a_wrong_code_and_a_registration_cost_few_round_trips() {
    let world = world();
    world.sign_up(Person::ANN);
    let api = world.api();
    for round in 0..2 {
        let (registered, of_register) = counted(&world, || api.register(Person::BOB));
        let challenge = registered.at("/challenge/id");
        let (wrong, of_verify) = counted(&world, || api.verify(&challenge, "000000"));
        assert_eq!(wrong.status, 401);
        let (refused, of_login) = counted(&world, || api.log_in_with(Person::ANN, "a wrong password"));
        assert_eq!(refused.status, 401);
        if round > 0 {
            assert!(of_register <= 7, "{of_register}");
            assert_eq!(of_verify, 1);
            assert!(of_login <= 2, "{of_login}");
        }
    }
}
