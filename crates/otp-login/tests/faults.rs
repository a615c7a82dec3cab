//! What users see while the provider, the database or other clients misbehave.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use std::thread;
use std::time::{Duration, Instant};

use harness::{
    Operation, Person, ProviderProxy, Reply, Rule, Setup, SimulatorProcess, SqliteLock, Store, Tokens, World,
    binary, eventually, free_port,
};
use testkit::server::Launch;

const ANN: Person = Person::ANN;
const BOB: Person = Person::BOB;

/// A machine that does other things, too, is not slower than this at answering
/// from memory.
const AT_ONCE: Duration = Duration::from_millis(400);

on_both_databases!(
    asvs_16_5_2_a_provider_fault_lets_nobody_in_and_gives_the_attempt_back_five_times,
    asvs_16_5_2_an_answer_lost_after_the_provider_accepted_lets_nobody_in,
);

/// A 503 that says which part is away and when to come back.
fn is_unavailable(reply: &Reply, code: &str) {
    assert_eq!(reply.outcome(), format!("503 {code}"), "{reply:?}");
    let wait: u64 = reply.header("retry-after").unwrap_or_default().parse().unwrap();
    assert!((1..=60).contains(&wait), "{reply:?}");
    assert_eq!(reply.at("/retry_after"), wait.to_string());
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
}

/// One of twelve people whom no test has registered before.
fn person(number: usize) -> Person {
    const PEOPLE: [(&str, &str); 12] = [
        ("p00@example.com", "+46701740610"),
        ("p01@example.com", "+46701740611"),
        ("p02@example.com", "+46701740612"),
        ("p03@example.com", "+46701740613"),
        ("p04@example.com", "+46701740614"),
        ("p05@example.com", "+46701740615"),
        ("p06@example.com", "+46701740616"),
        ("p07@example.com", "+46701740617"),
        ("p08@example.com", "+46701740618"),
        ("p09@example.com", "+46701740619"),
        ("p10@example.com", "+46701740620"),
        ("p11@example.com", "+46701740621"),
    ];
    let (email, phone) = *PEOPLE.get(number).unwrap();
    Person { email, phone, password: "four unrelated words" }
}

/// The provider fails for everyone; then it is not asked any more; then it is back.
fn a_provider_outage_is_bounded_quick_and_over_by_itself(world: &World, session: &Tokens, bound: Duration) {
    let api = world.api();
    let begun = Instant::now();
    for number in 0..6 {
        let reply = api.register(person(number));
        is_unavailable(&reply, "provider-unavailable");
        assert!(reply.took < bound, "{:?}", reply.took);
        assert_eq!(api.me(&session.access).status, 200, "other routes live on");
        if !api.is_ready("provider") {
            break;
        }
    }
    assert!(!api.is_ready("provider"), "the breaker never opened");
    assert_eq!(api.get("/health/ready").status, 503);
    assert!(api.is_ready("database"));
    assert_eq!(api.get("/health").status, 200);
    let quick = (6..9).map(|number| api.register(person(number))).map(|reply| {
        is_unavailable(&reply, "provider-unavailable");
        reply.took
    });
    assert!(quick.min().unwrap() < AT_ONCE, "the breaker does not answer at once");
    assert_eq!(api.log_in_with(BOB, "a wrong password").status, 401, "a password needs no provider");
    assert_eq!(world.simulator.codes(person(0).phone).len(), 0);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

fn the_provider_is_back(world: &World) {
    let api = world.api();
    eventually("the service is ready", || api.get("/health/ready").status == 200);
    eventually("a registration gets its message", || {
        let reply = api.register(person(9));
        reply.status == 201 && reply.at("/challenge/sent") == "true"
            || world.simulator.count(person(9).phone, "messages") == 1
    });
    let challenge = api.register(person(9)).at("/challenge/id");
    assert_eq!(api.verify(&challenge, &world.code(person(9))).status, 200);
}

fn world_with_a_session() -> (World, Tokens) {
    let world = Setup::on(Store::Sqlite).with("OTP_LOGIN__SINCH__TIMEOUT_MS", "1000").start();
    let session = world.sign_up(BOB);
    (world, session)
}

#[test]
fn pv_04_a_provider_that_hangs_is_not_waited_for_twice_and_heals() {
    let (world, session) = world_with_a_session();
    world.provider.rule_all(Rule::HoldRequest);
    a_provider_outage_is_bounded_quick_and_over_by_itself(&world, &session, Duration::from_secs(3));
    world.provider.abandon();
    the_provider_is_back(&world);
}

#[test]
fn pv_04_a_provider_that_answers_500_is_left_alone_and_heals() {
    let (world, session) = world_with_a_session();
    world.provider.rule_all(Rule::Answer(500));
    a_provider_outage_is_bounded_quick_and_over_by_itself(&world, &session, Duration::from_secs(3));
    world.provider.abandon();
    the_provider_is_back(&world);
}

#[test]
fn pv_04_a_provider_that_refuses_connections_costs_no_cooldown_and_heals() {
    let port = free_port();
    let simulator = SimulatorProcess::start();
    let server = Launch::of(binary())
        .env("OTP_LOGIN__SIMULATOR__ENABLED", "false")
        .env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4")
        .env("OTP_LOGIN__SINCH__BASE_URL", format!("http://127.0.0.1:{port}"))
        .start();
    let api = harness::Api::at(server.url());
    for number in 0..8 {
        let reply = api.register(person(number));
        is_unavailable(&reply, "provider-unavailable");
        assert!(reply.took < Duration::from_secs(2), "{:?}", reply.took);
    }
    assert!(!api.is_ready("provider"));
    let _provider = ProviderProxy::on(port, simulator.port());
    eventually("the service is ready", || api.get("/health/ready").status == 200);
    // Certainly nothing was sent, so the cooldown of 120 s does not run.
    let reply = api.register(person(0));
    assert_eq!((reply.status, reply.at("/challenge/sent").as_str()), (201, "true"), "{reply:?}");
    assert_eq!(simulator.codes(person(0).phone).len(), 1);
}

#[test]
fn pv_04_a_hanging_provider_leaves_other_routes_quick() {
    let (world, session) = world_with_a_session();
    let api = world.api();
    let usual = (0..10).map(|_| api.me(&session.access).took).max().unwrap();
    world.provider.rule_all(Rule::HoldRequest);
    let hanging: Vec<_> = (0..9)
        .map(|number| {
            let api = world.api();
            thread::spawn(move || api.register(person(number)))
        })
        .collect();
    world.provider.wait_until_held();
    let now = (0..10).map(|_| api.me(&session.access).took).min().unwrap();
    assert!(now < usual.max(Duration::from_millis(20)) * 3, "{now:?} instead of {usual:?}");
    for reply in hanging.into_iter().map(|thread| thread.join().unwrap()) {
        is_unavailable(&reply, "provider-unavailable");
        assert!(reply.took < Duration::from_secs(3), "{:?}", reply.took);
    }
}

fn asvs_16_5_2_a_provider_fault_lets_nobody_in_and_gives_the_attempt_back_five_times(store: Store) {
    let world = World::on(store);
    let api = world.api();
    let challenge = world.challenge(ANN);
    let code = world.code(ANN);

    world.provider.rule(Operation::Report, Rule::Answer(500));
    for _ in 0..2 {
        is_unavailable(&api.verify(&challenge, &code), "provider-unavailable");
    }
    world.provider.rule(Operation::Report, Rule::Forward);
    let wrong = api.verify(&challenge, "000000");
    assert_eq!((wrong.outcome().as_str(), wrong.at("/attempts_left").as_str()), ("401 invalid-code", "4"));

    world.provider.rule(Operation::Report, Rule::Answer(500));
    // Three more are given back; then the four that are left are spent.
    for _ in 0..7 {
        is_unavailable(&api.verify(&challenge, &code), "provider-unavailable");
    }
    assert_eq!(api.verify(&challenge, &code).outcome(), "410 challenge-closed");
    world.provider.abandon();
    assert_eq!(api.verify(&challenge, &code).outcome(), "410 challenge-closed");
}

fn asvs_16_5_2_an_answer_lost_after_the_provider_accepted_lets_nobody_in(store: Store) {
    let world = Setup::on(store).with("OTP_LOGIN__SINCH__TIMEOUT_MS", "2000").start();
    let api = world.api();
    let challenge = world.challenge(ANN);
    let code = world.code(ANN);
    world.provider.rule(Operation::Report, Rule::LoseAnswer);
    is_unavailable(&api.verify(&challenge, &code), "provider-unavailable");
    world.provider.rule(Operation::Report, Rule::Forward);
    // The provider's word that the code was right once is no proof now.
    let again = api.verify(&challenge, &code);
    assert!([401, 503].contains(&again.status), "{again:?}");
    assert_eq!(world.resend(&challenge).status, 200);
    assert_eq!(api.verify(&challenge, &world.code(ANN)).status, 200);
}

/// Number, answer to the registration, messages that left, answer to the right
/// code (or `123456` where none arrived), answer to a wrong one.
const MAGIC: &[(&str, &str, usize, &str)] = &[
    ("+46701740670", "503 provider-unavailable", 0, ""),
    ("+46701740671", "422 destination-not-allowed", 0, ""),
    ("+46701740672", "201", 0, "503 provider-unavailable"),
    ("+46701740673", "201", 0, "503 provider-unavailable"),
    ("+46701740674", "201", 0, "503 provider-unavailable"),
    ("+46701740675", "201", 0, "503 provider-unavailable"),
    ("+46701740676", "422 destination-not-allowed", 0, ""),
    ("+46701740677", "429 rate-limited", 0, ""),
    ("+46701740678", "503 provider-unavailable", 0, ""),
    ("+46701740679", "503 provider-unavailable", 0, ""),
    ("+46701740680", "503 provider-unavailable", 0, ""),
    ("+46701740681", "503 provider-unavailable", 0, ""),
    ("+46701740682", "503 provider-unavailable", 0, ""),
    ("+46701740683", "201", 1, "200"),
    ("+46701740684", "503 provider-unavailable", 0, ""),
    ("+46701740685", "201", 1, "200"),
    ("+46701740686", "201", 1, "200"),
    ("+46701740687", "201", 1, "200"),
    ("+46701740688", "201", 1, "401 invalid-code"),
    ("+46701740689", "201", 1, "503 provider-unavailable"),
    ("+46701740690", "201", 1, "200"),
    ("+46701740691", "201", 1, "503 provider-unavailable"),
    ("+46701740692", "201", 1, "503 provider-unavailable"),
    ("+46701740693", "201", 1, "503 provider-unavailable"),
    ("+46701740694", "201", 1, "503 provider-unavailable"),
    ("+46701740695", "201", 1, "503 provider-unavailable"),
    ("+46701740696", "201", 1, "503 provider-unavailable"),
    ("+46701740697", "201", 1, "503 provider-unavailable"),
];

#[test]
fn asvs_16_5_2_every_documented_fault_of_the_provider_has_its_answer() {
    let world = Setup::on(Store::Sqlite).with("OTP_LOGIN__SINCH__TIMEOUT_MS", "1500").start();
    let api = world.api();
    let mut unlike = Vec::new();
    for (phone, registered, messages, verified) in MAGIC {
        let email: &'static str = format!("{phone}@example.com").leak();
        let person = Person { email, phone, ..ANN };
        let reply = api.register(person);
        let sent = world.simulator.count(phone, "messages");
        let mut told = (reply.outcome(), String::new());
        if reply.status == 201 {
            let code = world.simulator.codes(phone).first().cloned().unwrap_or("123456".to_owned());
            told.1 = api.verify(&reply.at("/challenge/id"), &code).outcome();
        }
        assert!(!reply.text.contains("Sinch") && !reply.text.contains("errorCode"), "{reply:?}");
        let expected = ((*registered).to_owned(), (*verified).to_owned());
        if told != expected || sent != *messages as u64 {
            unlike.push(format!(
                "{phone}: {told:?} and {sent} messages instead of {expected:?} and {messages}"
            ));
        }
        // An answer between two faults keeps the breaker closed.
        assert!([201, 429].contains(&api.register(BOB).status));
        world.resend(&api.register(BOB).at("/challenge/id"));
    }
    assert!(unlike.is_empty(), "{unlike:#?}");
}

fn asks_everything(world: &World, session: &Tokens, challenge: &str) -> Vec<Reply> {
    let api = world.api();
    vec![
        api.register(person(0)),
        api.log_in(ANN),
        api.verify(challenge, "123456"),
        api.request_otp(challenge),
        api.refresh(&session.refresh),
        api.me(&session.access),
    ]
}

#[test]
fn asvs_16_5_2_a_database_that_is_away_is_a_503_and_heals() {
    let world = World::on(Store::Postgres);
    let session = world.sign_up(ANN);
    let challenge = world.challenge(BOB);
    let code = world.code(BOB);
    let api = world.api();
    for round in 0..2 {
        world.database().cut();
        for reply in asks_everything(&world, &session, &challenge) {
            is_unavailable(&reply, "database-unavailable");
            assert!(reply.took < Duration::from_secs(4), "{:?}", reply.took);
        }
        assert!(!api.is_ready("database") && api.is_ready("provider"));
        assert_eq!(api.get("/health").status, 200);
        assert_eq!(world.simulator.count(person(0).phone, "starts"), 0);
        world.database().open();
        eventually("the database is back", || api.is_ready("database"));
        assert_eq!(api.me(&session.access).status, 200);
        // No attempt was burnt: each round costs only its own guess.
        let wrong = api.verify(&challenge, "000000");
        assert_eq!(wrong.at("/attempts_left"), (4 - round).to_string(), "{wrong:?}");
    }
    assert_eq!(api.verify(&challenge, &code).status, 200);
    assert_eq!(api.refresh(&session.refresh).status, 200, "a refresh that was refused spent nothing");
}

#[test]
fn asvs_16_5_2_a_restarted_database_is_noticed_at_once() {
    let world = World::on(Store::Postgres);
    let session = world.sign_up(ANN);
    let api = world.api();
    for _ in 0..3 {
        // Connections end, new ones are taken, as after `pg_ctl restart`.
        world.database().open_anew();
        let first = api.me(&session.access);
        assert!(first.status == 200 || first.outcome() == "503 database-unavailable", "{first:?}");
        eventually("the pool has recovered", || api.me(&session.access).status == 200);
        let statuses: Vec<u16> = (0..20).map(|_| api.me(&session.access).status).collect();
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }
}

#[test]
fn asvs_16_5_2_a_database_that_hangs_is_a_503_within_bounds_for_everyone_and_heals() {
    let world = World::on(Store::Postgres);
    let session = world.sign_up(ANN);
    let challenge = world.challenge(BOB);
    let api = world.api();
    world.database().silence();
    let waiting: Vec<_> = (0..40)
        .map(|_| {
            let (api, session) = (world.api(), session.clone());
            thread::spawn(move || api.me(&session.access))
        })
        .collect();
    let ready = api.get("/health/ready");
    assert!(ready.status == 503 && ready.took < Duration::from_secs(4), "{ready:?}");
    assert!(api.get("/health").took < AT_ONCE);
    for reply in waiting.into_iter().map(|thread| thread.join().unwrap()) {
        is_unavailable(&reply, "database-unavailable");
        assert!(reply.took < Duration::from_secs(10), "{:?}", reply.took);
    }
    let verified = api.verify(&challenge, "123456");
    is_unavailable(&verified, "database-unavailable");
    assert!(verified.took < Duration::from_secs(10), "{:?}", verified.took);

    world.database().open_anew();
    eventually("the database is back", || api.is_ready("database"));
    assert_eq!(api.me(&session.access).status, 200);
    assert_eq!(api.verify(&challenge, "000000").at("/attempts_left"), "4");
    assert_eq!(api.verify(&challenge, &world.code(BOB)).status, 200);
}

#[test]
fn asvs_16_5_3_a_database_that_goes_while_the_provider_is_asked_lets_nobody_in() {
    let world = World::on(Store::Postgres);
    let api = world.api();
    let challenge = world.challenge(ANN);
    let used = world.code(ANN);
    world.provider.rule(Operation::Report, Rule::HoldAnswer);
    let (asked, guess) = (world.api(), (challenge.clone(), used.clone()));
    let verifying = thread::spawn(move || asked.verify(&guess.0, &guess.1));
    world.provider.wait_until_held();
    world.database().cut();
    world.provider.release();
    is_unavailable(&verifying.join().unwrap(), "database-unavailable");
    world.database().open();
    eventually("the database is back", || api.is_ready("database"));

    assert_ne!(api.verify(&challenge, &used).status, 200, "the code was used up");
    assert_eq!(world.resend(&challenge).status, 200);
    assert_eq!(api.verify(&challenge, &world.code(ANN)).status, 200);
}

#[test]
fn asvs_16_5_2_a_database_that_goes_while_a_message_is_sent_costs_no_second_message() {
    let world = Setup::on(Store::Postgres).with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "120").start();
    let api = world.api();
    world.provider.rule(Operation::Start, Rule::HoldAnswer);
    let registering = { thread::spawn(move || api.register(ANN)) };
    world.provider.wait_until_held();
    world.database().cut();
    world.provider.release();
    let reply = registering.join().unwrap();
    world.database().open();
    let api = world.api();
    eventually("the database is back", || api.is_ready("database"));
    let challenge = match reply.status {
        201 => reply.at("/challenge/id"),
        _ => api.register(ANN).at("/challenge/id"),
    };
    assert_eq!(api.verify(&challenge, &world.code(ANN)).status, 200);
    assert_eq!(world.simulator.count(ANN.phone, "messages"), 1);
}

#[test]
fn asvs_16_5_2_a_locked_sqlite_file_is_waited_for_or_a_503_and_heals() {
    let world = World::on(Store::Sqlite);
    let session = world.sign_up(ANN);
    let challenge = world.challenge(BOB);
    let api = world.api();

    let lock = SqliteLock::of(world.service.folder());
    let waiting = {
        let (api, challenge) = (world.api(), challenge.clone());
        thread::spawn(move || api.verify(&challenge, "000000"))
    };
    assert_eq!(api.me(&session.access).status, 200, "reading goes on");
    thread::sleep(Duration::from_secs(1));
    drop(lock);
    let waited = waiting.join().unwrap();
    assert_eq!((waited.outcome().as_str(), waited.at("/attempts_left").as_str()), ("401 invalid-code", "4"));

    let lock = SqliteLock::of(world.service.folder());
    let refused: Vec<_> = (0..4)
        .map(|_| {
            let (api, challenge) = (world.api(), challenge.clone());
            thread::spawn(move || api.verify(&challenge, "000000"))
        })
        .collect();
    for reply in refused.into_iter().map(|thread| thread.join().unwrap()) {
        is_unavailable(&reply, "database-unavailable");
        assert!(reply.took < Duration::from_secs(15), "{:?}", reply.took);
    }
    drop(lock);
    let healed = api.verify(&challenge, "000000");
    assert_eq!((healed.outcome().as_str(), healed.at("/attempts_left").as_str()), ("401 invalid-code", "3"));
    assert_eq!(api.verify(&challenge, &world.code(BOB)).status, 200);
}
