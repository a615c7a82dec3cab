//! What leaves the service about events: notices to owners and webhooks to the product.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on ends")]

mod harness;
mod receiver;

use std::time::{Duration, Instant};

use adapters_crypto::SystemClock;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use harness::{
    Api, Person, Request, Secret, Setup, SimulatorProcess, Store, Tokens, World, binary, eventually,
    eventually_within, leaks, run,
};
use ports::Clock;
use receiver::{Answer, Received, Receiver};
use serde_json::{Value, json};
use tempfile::tempdir;
use testkit::server::Launch;

const ANN: Person = Person::ANN;
const PLAN: &str = "11111111222233334444555555555555";
const TOKEN: &str = "development0sms0token0not0secret";
const SECRET: &str = "whsec_b3VyIHNoYXJlZCBzZWNyZXQgb2YgdGVzdHMgb25seSE=";
const PREVIOUS: &str = "whsec_dGhlIHNoYXJlZCBzZWNyZXQgb2YgeWVzdGVyZGF5Lg==";
/// Whoever dies between an attempt and writing down what came of it holds what was under way
/// for a minute.
const OVER_A_LEASE: Duration = Duration::from_secs(90);
const NEW_PASSWORD: &str = "copper lantern river";

on_both_databases!(
    asvs_6_3_7_a_changed_password_and_a_deleted_account_are_told_to_the_phone,
    rc_06_notices_wait_for_a_service_that_died_and_a_provider_that_is_away,
    events_reach_the_endpoints_that_want_them_signed,
    rc_06_events_reach_an_endpoint_that_was_down_while_the_service_died,
    a_delivery_that_was_given_up_is_listed_retried_and_arrives,
    pv_04_a_hanging_endpoint_delays_neither_others_nor_sign_ins,
    a_stop_waits_for_the_delivery_under_way,
    lg_01_nothing_of_notices_and_webhooks_is_logged,
);

fn setup(store: Store) -> Setup {
    Setup::on(store).with("OTP_LOGIN__EVENTS__POLL_MS", "50").with("OTP_LOGIN__SERVER__PRODUCT_NAME", "Acme")
}

/// With an endpoint called `name`.
fn endpoint(setup: Setup, name: &str, receiver: &Receiver) -> Setup {
    let variable = |setting: &str| format!("OTP_LOGIN__WEBHOOKS__{}__{setting}", name.to_uppercase());
    setup.with(&variable("URL"), &receiver.url()).with(&variable("SECRET"), SECRET)
}

/// Notices go to `url`, a simulator.
fn notices(setup: Setup, url: &str) -> Setup {
    setup
        .with("OTP_LOGIN__SINCH__SMS__BASE_URL", url)
        .with("OTP_LOGIN__SINCH__SMS__SERVICE_PLAN_ID", PLAN)
        .with("OTP_LOGIN__SINCH__SMS__API_TOKEN", TOKEN)
}

fn change_password(world: &World, tokens: &Tokens) {
    let body = json!({ "current_password": ANN.password, "new_password": NEW_PASSWORD });
    let request = Request::post(world.api().url("/api/v1/me/password"), &body).bearer(&tokens.access);
    assert_eq!(request.send().unwrap().status, 204);
}

fn delete_account(world: &World, tokens: &Tokens) {
    let request = Request::delete(world.api().url("/api/v1/me")).bearer(&tokens.access);
    assert_eq!(request.send().unwrap().status, 204);
}

/// The texts of the notices to Ann, the newest first.
fn told(simulator: &SimulatorProcess) -> Vec<String> {
    let url = simulator.url(&format!("/notices?number={}", ANN.phone.replace('+', "%2B")));
    let body = Request::get(url).send().unwrap().json();
    body["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| notice["text"].as_str().unwrap().to_owned())
        .collect()
}

fn asvs_6_3_7_a_changed_password_and_a_deleted_account_are_told_to_the_phone(store: Store) {
    let sms = SimulatorProcess::start();
    let world = notices(setup(store), &sms.url("")).start();
    let tokens = world.sign_up(ANN);
    change_password(&world, &tokens);
    eventually("the change is told", || told(&sms).len() == 1);
    delete_account(&world, &tokens);
    eventually("the deletion is told", || told(&sms).len() == 2);
    let expected = [
        "Acme: your account was deleted. If this was not you, contact us at once.",
        "Acme: the password of your account was changed. If this was not you, reset your password at once.",
    ];
    assert_eq!(told(&sms), expected);
    assert_eq!(world.simulator.codes(ANN.phone).len(), 1, "codes are apart");
}

fn rc_06_notices_wait_for_a_service_that_died_and_a_provider_that_is_away(store: Store) {
    let sms = SimulatorProcess::start();
    let away = Receiver::that(Answer::Status(503));
    let mut world = notices(setup(store), &away.origin()).start();
    let tokens = world.sign_up(ANN);
    change_password(&world, &tokens);
    eventually("a first attempt", || world.service.output().contains("a notice did not go"));
    world.service.kill();
    let requests = away.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), format!("Bearer {TOKEN}"));
    away.forward_to(&sms.url(""));
    world.service.restart();
    eventually_within(OVER_A_LEASE, "the change is told", || told(&sms).len() == 1);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(told(&sms).len(), 1, "and told once");
}

/// What an endpoint reads, checked as the specification asks it to.
#[track_caller]
fn read(received: &Received) -> Value {
    let signatures = received.header("webhook-signature");
    assert!(signatures.split(' ').any(|signature| received.is_signed(signature, SECRET)), "{received:?}");
    let sent_at: i64 = received.header("webhook-timestamp").parse().unwrap();
    let age = SystemClock.now().as_second() - sent_at;
    assert!((-5..60).contains(&age), "{age}");
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(body["data"]["event_id"], received.header("webhook-id"));
    body
}

fn types(receiver: &Receiver) -> Vec<String> {
    let mut types: Vec<String> = receiver
        .requests()
        .iter()
        .map(|request| read(request)["type"].as_str().unwrap().to_owned())
        .collect();
    types.sort();
    types
}

fn events_reach_the_endpoints_that_want_them_signed(store: Store) {
    let (all, some) = (Receiver::that(Answer::Status(204)), Receiver::that(Answer::Status(200)));
    let world = endpoint(endpoint(setup(store), "all", &all), "some", &some)
        .with("OTP_LOGIN__WEBHOOKS__ALL__PREVIOUS_SECRET", PREVIOUS)
        .with("OTP_LOGIN__WEBHOOKS__SOME__EVENTS", "user_deleted, authn_token_reuse")
        .start();
    let tokens = world.sign_up(ANN);
    change_password(&world, &tokens);
    delete_account(&world, &tokens);
    eventually("all events arrive", || all.requests().len() >= 3 && !some.requests().is_empty());
    assert_eq!(types(&all), ["authn_password_change", "user_created", "user_deleted"]);
    assert_eq!(types(&some), ["user_deleted"]);
    for request in all.requests() {
        let (new, old) = request
            .header("webhook-signature")
            .split_once(' ')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        assert!(request.is_signed(&new, SECRET) && request.is_signed(&old, PREVIOUS));
        assert_eq!(request.header("content-type"), "application/json");
        let body = read(&request);
        let keys: Vec<&String> = body["data"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["event_id", "session_id", "user_id"], "nothing personal");
    }
}

fn rc_06_events_reach_an_endpoint_that_was_down_while_the_service_died(store: Store) {
    let receiver = Receiver::that(Answer::Reset);
    let mut world = endpoint(setup(store), "crm", &receiver).start();
    let tokens = world.sign_up(ANN);
    eventually("a first attempt", || world.service.output().contains("a webhook did not arrive"));
    world.service.restart();
    change_password(&world, &tokens);
    // At once: most likely before the event was even looked at.
    world.service.kill();
    receiver.now(Answer::Status(200));
    let tried = receiver.requests().len();
    world.service.restart();
    eventually_within(OVER_A_LEASE, "both events arrive", || receiver.requests().len() >= tried + 2);
    let arrived = receiver.requests().split_off(tried);
    let mut types: Vec<String> =
        arrived.iter().map(|one| read(one)["type"].as_str().unwrap().to_owned()).collect();
    types.sort();
    assert_eq!(types, ["authn_password_change", "user_created"]);
    let first = receiver.requests().remove(0);
    let again = arrived.iter().find(|one| read(one)["type"] == "user_created").unwrap();
    assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
}

fn a_delivery_that_was_given_up_is_listed_retried_and_arrives(store: Store) {
    let receiver = Receiver::that(Answer::Status(410));
    let world = endpoint(setup(store), "crm", &receiver).start();
    world.sign_up(ANN);
    let command = |arguments: &[&str]| {
        let variables = [
            ("DATABASE_URL", world.database_url()),
            ("OTP_LOGIN__WEBHOOKS__CRM__URL", receiver.url()),
            ("OTP_LOGIN__WEBHOOKS__CRM__SECRET", SECRET.to_owned()),
        ];
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        run(world.service.folder(), &variables, &[&["webhooks"], arguments].concat())
    };
    eventually("it is given up", || !command(&["list"]).good().starts_with("No delivery"));
    let listed = command(&["list", "--endpoint", "crm"]).good();
    let id = receiver.requests()[0].header("webhook-id");
    for word in ["crm", id.as_str(), "user_created", "1 attempts, the last: status 410, gone"] {
        assert!(listed.contains(word), "{word}: {listed}");
    }
    assert_eq!(command(&["list", "--endpoint", "other"]).good(), "No delivery was given up.\n");
    assert_eq!(command(&["retry"]).code, Some(1));
    let refused = command(&["test", "crm"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("status 410, gone"), "{refused:?}");

    receiver.now(Answer::Status(200));
    let tried = receiver.requests().len();
    assert!(command(&["retry", "--event", &id]).good().starts_with("1 delivery is due again"));
    eventually("it arrives", || receiver.requests().len() > tried);
    assert_eq!(read(&receiver.requests()[tried])["type"], "user_created");
    assert_eq!(command(&["list"]).good(), "No delivery was given up.\n");
    assert!(command(&["test", "crm"]).good().starts_with("crm took the test event"));
    assert_eq!(read(&receiver.requests()[tried + 1])["type"], "webhook_test");
    let unknown = command(&["test", "erp"]);
    assert!(
        unknown.stderr.contains("OTP_LOGIN__WEBHOOKS__ERP__URL") && unknown.stderr.contains("crm"),
        "{unknown:?}"
    );
}

fn pv_04_a_hanging_endpoint_delays_neither_others_nor_sign_ins(store: Store) {
    let (hanging, quick) = (Receiver::that(Answer::Hang), Receiver::that(Answer::Status(200)));
    let world = endpoint(endpoint(setup(store), "hanging", &hanging), "quick", &quick).start();
    let tokens = world.sign_up(ANN);
    eventually("it hangs", || !hanging.requests().is_empty());
    let begun = Instant::now();
    change_password(&world, &tokens);
    eventually("the other endpoint hears of it", || quick.requests().len() == 2);
    assert_eq!(world.api().log_in_with(ANN, NEW_PASSWORD).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

fn a_stop_waits_for_the_delivery_under_way(store: Store) {
    let receiver = Receiver::that(Answer::Late(Duration::from_secs(2)));
    let mut world = endpoint(setup(store), "crm", &receiver).start();
    world.sign_up(ANN);
    eventually("a delivery is under way", || !receiver.requests().is_empty());
    assert!(world.service.stop().success());
    assert_eq!(receiver.answered(), 1);
    world.service.restart();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(receiver.requests().len(), 1, "it is not made again");
}

fn lg_01_nothing_of_notices_and_webhooks_is_logged(store: Store) {
    let (sms, crm) = (Receiver::that(Answer::Status(500)), Receiver::that(Answer::Status(500)));
    let mut world = endpoint(notices(setup(store), &sms.origin()), "crm", &crm)
        .with("OTP_LOGIN__LOG__FORMAT", "json")
        .with("OTP_LOGIN__LOG__FILTER", "trace")
        .start();
    let tokens = world.sign_up(ANN);
    change_password(&world, &tokens);
    eventually("both fail", || !sms.requests().is_empty() && !crm.requests().is_empty());
    eventually("both are logged", || {
        let log = world.service.output();
        log.contains("a notice did not go") && log.contains("a webhook did not arrive")
    });
    assert!(world.service.stop().success());
    let mut secrets = Secret::phone(ANN.phone);
    secrets.extend([
        Secret::new("e-mail", ANN.email),
        Secret::new("webhook secret", SECRET.trim_start_matches("whsec_")),
        Secret::new("API token", TOKEN),
        Secret::new("text of a notice", "the password of your account was changed"),
        Secret::new("signature", crm.requests()[0].header("webhook-signature").trim_start_matches("v1,")),
        Secret::new("path of a webhook", receiver::PATH),
    ]);
    let found = leaks(&world.service.output(), &secrets);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn rc_06_an_event_under_way_when_the_service_died_arrives_under_the_same_id() {
    let receiver = Receiver::that(Answer::Hang);
    let mut world = endpoint(setup(Store::Sqlite), "crm", &receiver).start();
    world.sign_up(ANN);
    eventually("a delivery is under way", || !receiver.requests().is_empty());
    world.service.kill();
    receiver.now(Answer::Status(200));
    // As if a minute had passed.
    let path = world.service.folder().join("data/otp-login.sqlite3");
    let mut database = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    database.batch_execute("UPDATE webhook_deliveries SET due_at = 0").unwrap();
    drop(database);
    world.service.restart();
    eventually("it arrives", || receiver.requests().len() == 2);
    let [first, second] = <[Received; 2]>::try_from(receiver.requests()).unwrap();
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
}

#[test]
fn in_development_notices_reach_the_simulator_out_of_the_box() {
    let launch = Launch::of(binary()).env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4");
    let server = launch.env("OTP_LOGIN__EVENTS__POLL_MS", "50").start();
    let api = Api::at(server.url());
    let of_ann = |list: &str| {
        let number = ANN.phone.replace('+', "%2B");
        let url = format!("{}/{list}?number={number}", server.simulator_url());
        Request::get(url).send().unwrap().json()
    };
    let challenge = api.register(ANN).at("/challenge/id");
    let inbox = of_ann("inbox");
    let tokens = Tokens::of(&api.verify(&challenge, inbox["messages"][0]["code"].as_str().unwrap()));
    let deletion = Request::delete(api.url("/api/v1/me")).bearer(&tokens.access);
    assert_eq!(deletion.send().unwrap().status, 204);
    eventually("the deletion is told", || {
        let notices = of_ann("notices");
        notices["notices"][0]["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("otp-login: your account was deleted"))
    });
    assert_eq!(of_ann("inbox"), inbox, "who reads codes reads codes only");
}

#[test]
fn webhooks_need_no_service_to_be_tested() {
    let folder = tempdir().unwrap();
    let receiver = Receiver::that(Answer::Status(202));
    let url = receiver.url();
    let variables =
        [("OTP_LOGIN__WEBHOOKS__CRM__URL", url.as_str()), ("OTP_LOGIN__WEBHOOKS__CRM__SECRET", SECRET)];
    assert!(run(folder.path(), &variables, &["webhooks", "test", "crm"]).good().starts_with("crm took"));
    assert_eq!(read(&receiver.requests()[0])["data"]["user_id"], Value::Null);
}
