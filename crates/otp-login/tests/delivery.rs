//! What operators see of messages at a terminal, beside the running service.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use harness::{Person, Ran, Setup, Store, World, run};

on_both_databases!(an_operator_sees_what_became_of_a_message, figures_are_a_table,);

fn command(world: &World, store: Store, arguments: &[&str]) -> Ran {
    let mut variables = Vec::new();
    if store == Store::Postgres {
        variables.push(("DATABASE_URL", world.database().url()));
    }
    run(world.service.folder(), &variables, arguments)
}

fn an_operator_sees_what_became_of_a_message(store: Store) {
    let world = Setup::on(store).start();
    world.sign_up(Person::ANN);
    let by_number = command(&world, store, &["delivery", "trace", Person::ANN.phone]).good();
    assert!(by_number.contains("sms for registration by sinch: entered"), "{by_number}");
    assert!(by_number.contains("settled    sent, after "), "{by_number}");
    assert!(by_number.contains("entered    the right code, after "), "{by_number}");
    assert!(!by_number.contains(Person::ANN.phone), "{by_number}");
    assert_eq!(command(&world, store, &["delivery", "trace", Person::ANN.email]).good(), by_number);

    assert_eq!(world.api().register(Person::BOB).status, 201);
    let unfinished = command(&world, store, &["delivery", "trace", Person::BOB.phone]).good();
    assert!(unfinished.contains("sms for registration by sinch: sent"), "{unfinished}");
    let nobody = command(&world, store, &["delivery", "trace", Person::BOB.email]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.stderr.contains("there is no such account"), "{nobody:?}");
    let nothing = command(&world, store, &["delivery", "trace", "+46701740699"]).good();
    assert_eq!(nothing, "Nothing was sent lately.\n");
}

fn figures_are_a_table(store: Store) {
    let world = Setup::on(store).start();
    assert!(command(&world, store, &["stats"]).good().starts_with("Nothing was sent since "));
    world.sign_up(Person::ANN);
    let table = command(&world, store, &["stats", "--by", "country,channel", "--hours", "2"]).good();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.first().unwrap().get(..4).unwrap(), ["COUNTRY", "CHANNEL", "SENT", "DELIVERED"]);
    assert_eq!(lines.get(1).unwrap().get(..6).unwrap(), ["SE", "sms", "1", "1", "0", "1"], "{table}");
    let wrong = command(&world, store, &["stats", "--by", "number"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("country, prefix, channel and provider"), "{wrong:?}");
}
