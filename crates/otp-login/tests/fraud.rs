//! What operators see of the fraud shield at a terminal, beside the running service.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use harness::{Person, Ran, Setup, Store, World, run};

on_both_databases!(
    sm_07_operators_see_why_a_number_is_refused_and_take_it_back,
    sm_07_what_was_refused_is_in_the_log_without_a_number,
);

const PEOPLE: [Person; 4] = [
    Person { email: "a@example.com", password: "four unrelated words a", phone: "+46701740610" },
    Person { email: "b@example.com", password: "four unrelated words b", phone: "+46701740631" },
    Person { email: "c@example.com", password: "four unrelated words c", phone: "+46701740652" },
    Person { email: "d@example.com", password: "four unrelated words d", phone: "+46701740669" },
];

const BLOCKING: (&str, &str) = ("OTP_LOGIN__SHIELD__UNANSWERED__MODE", "block");

fn start(store: Store) -> World {
    Setup::on(store).with(BLOCKING.0, BLOCKING.1).start()
}

fn fraud(world: &World, store: Store, arguments: &[&str]) -> Ran {
    let mut variables = vec![BLOCKING];
    if store == Store::Postgres {
        variables.push(("DATABASE_URL", world.database().url()));
    }
    run(world.service.folder(), &variables, &[&["fraud"], arguments].concat())
}

fn sm_07_operators_see_why_a_number_is_refused_and_take_it_back(store: Store) {
    let world = start(store);
    let explain = |number| fraud(&world, store, &["explain", number]).good();
    let fresh = explain(PEOPLE[3].phone);
    assert!(fresh.starts_with("Prefix +4670174, SE.\n"), "{fresh}");
    assert!(fresh.contains("(strangers): would be sent."), "{fresh}");
    assert!(!fresh.contains(PEOPLE[3].phone), "{fresh}");

    for person in &PEOPLE[..3] {
        assert_eq!(world.api().register(*person).status, 201);
    }
    assert_eq!(world.api().register(PEOPLE[3]).status, 429);
    let held = explain(PEOPLE[3].phone);
    assert!(held.contains("(strangers): would be refused by unanswered of +4670174 until 20"), "{held}");
    assert!(held.contains("right password: would be sent."), "{held}");
    assert!(held.contains("3 of 3 codes to the prefix are unanswered"), "{held}");
    assert_eq!(explain(PEOPLE[3].phone), held, "asking changes nothing");

    // Nothing is blocked while the codes may still be entered.
    assert_eq!(fraud(&world, store, &["blocks"]).good(), "Nothing is blocked.\n");
    let freed = fraud(&world, store, &["unblock", "+4670174"]).good();
    assert_eq!(freed, "Nothing is held against +4670174 any more.\n");
    assert_eq!(world.api().register(PEOPLE[3]).status, 201);

    let nothing = fraud(&world, store, &["unblock", "DE"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.stderr.contains("`otp-login fraud blocks` lists"), "{nothing:?}");
    let premium = explain("+469001234567");
    assert!(premium.contains("Refused whoever asks: premium-rate numbers"), "{premium}");
    for wrong in [["explain", "0701740610"], ["unblock", "Sweden"]] {
        assert_eq!(fraud(&world, store, &wrong).code, Some(2), "{wrong:?}");
    }
}

fn sm_07_what_was_refused_is_in_the_log_without_a_number(store: Store) {
    let world = start(store);
    for person in PEOPLE {
        world.api().register(person);
    }
    let log = world.service.output();
    let refused = log.lines().find(|line| line.contains("shield_block")).unwrap();
    assert!(refused.contains("unanswered") && refused.contains("+4670174"), "{refused}");
    assert!(PEOPLE.iter().all(|person| !log.contains(person.phone)), "{log}");
}
