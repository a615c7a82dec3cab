//! What operators do with accounts at a terminal, beside the running service.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on ends")]

mod harness;

use std::fs;

use harness::{Person, Ran, Reply, Secret, Setup, Store, Tokens, World, leaks, run};
use serde_json::Value;
use tempfile::tempdir;

on_both_databases!(
    pw_03_a_verified_person_of_another_system_signs_in_and_the_hash_is_upgraded,
    an_unverified_person_proves_the_phone_at_the_first_sign_in,
    importing_again_skips_whoever_is_there_and_refused_rows_are_told,
    a_dry_run_changes_nothing,
    a_thousand_rows_are_imported_in_both_forms,
    an_export_is_an_import,
    asvs_1_2_4_accounts_are_found_by_what_is_written_literally,
    an_account_is_shown_without_its_hash,
    asvs_7_4_2_a_locked_account_is_over_at_once_and_an_unlocked_one_is_not,
    asvs_6_4_6_a_reset_is_started_at_a_terminal,
    a_deleted_account_is_gone,
);

/// Passwords and hashes of the test vectors of jBCrypt.
const MOVED: Person = Person { email: "moved@example.com", password: "abc", phone: "+46701740610" };
const MOVED_HASH: &str = "$2y$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
const PENDING: Person = Person { email: "pending@example.com", password: "a", phone: "+46701740611" };
const PENDING_HASH: &str = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";

const HEADER: &str = "email,phone_number,password_hash,verified";

fn start(store: Store) -> World {
    Setup::on(store).with("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0").start()
}

/// Runs `otp-login users` beside the service, on its database.
fn users(world: &World, store: Store, arguments: &[&str]) -> Ran {
    let simulator = world.simulator.port().to_string();
    let mut variables = vec![
        ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4"),
        ("OTP_LOGIN__SIMULATOR__PORT", simulator.as_str()),
        ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"),
    ];
    if store == Store::Postgres {
        variables.push(("DATABASE_URL", world.database().url()));
    }
    run(world.service.folder(), &variables, &[&["users"], arguments].concat())
}

fn import(world: &World, store: Store, file: &str, text: &str, more: &[&str]) -> Ran {
    fs::write(world.service.folder().join(file), text).unwrap();
    users(world, store, &[&["import", file], more].concat())
}

fn row(person: Person, hash: &str, verified: bool) -> String {
    format!("{},{},{hash},{verified}\n", person.email, person.phone)
}

/// The counts of a summary: imported, already there, refused.
fn counts(summary: &str) -> Vec<u64> {
    let lines = summary.lines().take(3).map(|line| line.split_whitespace().last().unwrap().parse());
    lines.collect::<Result<_, _>>().unwrap_or_else(|_| panic!("no counts: {summary}"))
}

/// Proves the phone of a challenge with the newest code.
fn proven(world: &World, answer: &Reply, person: Person) -> Tokens {
    assert_eq!(answer.status, 200, "{answer:?}");
    Tokens::of(&world.api().verify(&answer.at("/challenge/id"), &world.code(person)))
}

fn pw_03_a_verified_person_of_another_system_signs_in_and_the_hash_is_upgraded(store: Store) {
    let world = start(store);
    let text = format!(
        "{HEADER},created_at,locale\n{},{},{MOVED_HASH},true,2020-01-02T03:04:05Z,sv\n",
        MOVED.email, MOVED.phone
    );
    let ran = import(&world, store, "people.csv", &text, &[]);
    assert_eq!((ran.code, counts(&ran.stdout)), (Some(0), vec![1, 0, 0]), "{ran:?}");

    assert_eq!(world.api().log_in_with(MOVED, "abd").outcome(), "401 invalid-credentials");
    let tokens = proven(&world, &world.api().log_in(MOVED), MOVED);
    let me = world.api().me(&tokens.access);
    assert_eq!(
        (me.at("/created_at"), me.at("/phone_verified_at")),
        ("2020-01-02T03:04:05Z".into(), "2020-01-02T03:04:05Z".into())
    );
    let exported = users(&world, store, &["export", "--with-password-hashes"]).stdout;
    assert!(exported.contains("\"password_hash\":\"$otp1$"), "{exported}");
    proven(&world, &world.api().log_in(MOVED), MOVED);
}

fn an_unverified_person_proves_the_phone_at_the_first_sign_in(store: Store) {
    let world = start(store);
    let ran =
        import(&world, store, "people.csv", &format!("{HEADER}\n{}", row(PENDING, PENDING_HASH, false)), &[]);
    assert_eq!((ran.code, counts(&ran.stdout)), (Some(0), vec![1, 0, 0]), "{ran:?}");
    assert_eq!(users(&world, store, &["find"]).code, Some(1), "it is no account");

    assert_eq!(world.api().log_in_with(PENDING, "b").outcome(), "401 invalid-credentials");
    let answer = world.api().log_in(PENDING);
    assert_eq!((answer.status, answer.at("/challenge/purpose")), (200, "registration".into()), "{answer:?}");
    let again = world.api().log_in(PENDING);
    assert_eq!(again.at("/challenge/id"), answer.at("/challenge/id"), "the same challenge");
    let tokens = proven(&world, &again, PENDING);
    assert_eq!(world.api().me(&tokens.access).at("/email"), PENDING.email);
    let answer = world.api().log_in(PENDING);
    assert_eq!(answer.at("/challenge/purpose"), "login");
    assert!(users(&world, store, &["find", PENDING.phone]).good().contains(PENDING.email));
}

fn importing_again_skips_whoever_is_there_and_refused_rows_are_told(store: Store) {
    let world = start(store);
    let other = Person { phone: "+46701740612", ..MOVED };
    let text = [
        format!("{HEADER}\n"),
        row(MOVED, MOVED_HASH, true),
        row(PENDING, PENDING_HASH, false),
        row(other, MOVED_HASH, true),
        row(Person { email: "no address", ..PENDING }, "hunter2-is-no-hash", true),
        "one,cell,too,many,here\n".to_owned(),
        row(MOVED, MOVED_HASH, true),
    ]
    .concat();
    for (round, expected) in [[2, 1, 3], [0, 3, 3]].into_iter().enumerate() {
        let ran = import(&world, store, "people.csv", &text, &["--report", "refused.ndjson"]);
        assert_eq!((ran.code, counts(&ran.stdout)), (Some(1), expected.to_vec()), "{round}: {ran:?}");
        let report = fs::read_to_string(world.service.folder().join("refused.ndjson")).unwrap();
        let told: Vec<(u64, String)> = report
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|told| (told["line"].as_u64().unwrap(), told["field"].as_str().unwrap().to_owned()))
            .collect();
        let mut told = told;
        told.sort();
        let expected = [(4, "email"), (5, "email"), (6, "")];
        assert_eq!(told, expected.map(|(line, field)| (line, field.to_owned())), "{report}");
        assert!(report.contains("see also line 2"), "{report}");
        let secrets = [
            Secret::new("a hash", MOVED_HASH),
            Secret::new("a hash", PENDING_HASH),
            Secret::new("what stood for a hash", "hunter2-is-no-hash"),
            Secret::new("an e-mail", MOVED.email),
        ];
        assert_eq!(leaks(&format!("{report}{}{}", ran.stdout, ran.stderr), &secrets), Vec::<String>::new());
    }
    let without_report = users(&world, store, &["import", "people.csv"]);
    assert!(without_report.stderr.contains("line 4, email: "), "{without_report:?}");
}

fn a_dry_run_changes_nothing(store: Store) {
    let world = start(store);
    let other = Person { email: "other@example.com", ..MOVED };
    let text = format!(
        "{HEADER}\n{}{}{}",
        row(MOVED, MOVED_HASH, true),
        row(other, MOVED_HASH, true),
        row(PENDING, PENDING_HASH, false)
    );
    let ran = import(&world, store, "people.csv", &text, &["--dry-run"]);
    assert_eq!((ran.code, counts(&ran.stdout)), (Some(1), vec![2, 0, 1]), "{ran:?}");
    assert!(ran.stderr.contains("line 3, phone_number: ") && ran.stderr.contains("line 2"), "{ran:?}");
    assert!(ran.stdout.contains("nothing was changed"), "{ran:?}");
    assert_eq!(users(&world, store, &["find"]).code, Some(1));
    assert_eq!(world.api().log_in(PENDING).outcome(), "401 invalid-credentials");
}

/// More than two batches, and more than a page of an export.
fn a_thousand_rows_are_imported_in_both_forms(store: Store) {
    let world = start(store);
    let people = |from: u32| {
        (from..from + 1100).map(|number| (format!("p{number}@example.com"), format!("+4670{number:07}")))
    };
    let csv: Vec<String> =
        people(1_740_000).map(|(email, phone)| format!("{email},{phone},{MOVED_HASH},true\r\n")).collect();
    let ran = import(&world, store, "people.csv", &format!("{HEADER}\r\n{}", csv.concat()), &[]);
    assert_eq!((ran.code, counts(&ran.stdout)), (Some(0), vec![1100, 0, 0]), "{}", ran.stderr);
    let ndjson: Vec<String> = people(1_740_500)
        .map(|(email, phone)| {
            format!("{{\"email\":\"{email}\",\"phone_number\":\"{phone}\",\"password_hash\":\"{MOVED_HASH}\",\"verified\":true}}\n")
        })
        .collect();
    let ran = import(&world, store, "people.ndjson", &ndjson.concat(), &[]);
    assert_eq!((ran.code, counts(&ran.stdout)), (Some(0), vec![500, 600, 0]), "{}", ran.stderr);
    let exported = users(&world, store, &["export"]).stdout;
    assert_eq!(exported.lines().count(), 1600);
    assert!(!exported.contains("$2y$") && !exported.contains("password_hash"));
}

fn an_export_is_an_import(store: Store) {
    let world = start(store);
    world.sign_up(Person::ANN);
    let odd = "'=quoted@example.com";
    let text = format!(
        "{HEADER},locale\n{},{},{MOVED_HASH},true,sv-SE\n'{odd},{},{PENDING_HASH},true,\n",
        MOVED.email, MOVED.phone, PENDING.phone
    );
    assert_eq!(import(&world, store, "people.csv", &text, &[]).code, Some(0));
    users(&world, store, &["lock", MOVED.email, "--reason", "=fraud, \"perhaps\"", "--yes"]).good();

    let target = start(store);
    for format in ["csv", "ndjson"] {
        let export = ["export", "--format", format, "--with-password-hashes"];
        let exported = users(&world, store, &export).good();
        if format == "csv" {
            let cells = exported.lines().flat_map(|line| line.split(','));
            assert!(cells.clone().any(|cell| cell == format!("'{}", MOVED.phone)), "{exported}");
            assert!(
                cells.clone().all(|cell| !cell.trim_start_matches('"').starts_with(['=', '+', '-', '@'])),
                "asvs_1_2_10: {exported}"
            );
        }
        let ran = import(&target, store, &format!("accounts.{format}"), &exported, &[]);
        let expected = if format == "csv" { vec![3, 0, 0] } else { vec![0, 3, 0] };
        assert_eq!((ran.code, counts(&ran.stdout)), (Some(0), expected), "{ran:?}");
        assert_eq!(users(&target, store, &export).good(), exported);
    }
    proven(&target, &target.api().log_in(Person::ANN), Person::ANN);
    assert_eq!(target.api().log_in(MOVED).outcome(), "401 invalid-credentials", "the lock came along");
    users(&target, store, &["find", odd]).good();
}

fn asvs_1_2_4_accounts_are_found_by_what_is_written_literally(store: Store) {
    let world = start(store);
    let emails = ["50%off@example.com", "under_line@example.com", "o'neil@example.com"];
    let rows: Vec<String> = emails
        .iter()
        .zip(10..)
        .map(|(email, number)| format!("{email},+467017406{number},{MOVED_HASH},true\n"))
        .collect();
    assert_eq!(
        import(&world, store, "people.csv", &format!("{HEADER}\n{}", rows.concat()), &[]).code,
        Some(0)
    );

    for (part, found) in
        [("%", &emails[..1]), ("_", &emails[1..2]), ("'", &emails[2..]), ("@EXAMPLE", &emails[..])]
    {
        let listed = users(&world, store, &["find", part]).good();
        assert_eq!(listed.lines().count(), found.len(), "{part}: {listed}");
        assert!(found.iter().all(|email| listed.contains(email)), "{part}: {listed}");
    }
    let listed = users(&world, store, &["find", "+46701740611"]).good();
    let id = listed.split(' ').next().unwrap();
    assert_eq!(users(&world, store, &["find", id]).good(), listed);
    let all = users(&world, store, &["find"]).good();
    let second = all.lines().nth(1).and_then(|line| line.split(' ').next()).unwrap();
    let rest = users(&world, store, &["find", "--after", second]).good();
    assert_eq!(rest.lines().collect::<Vec<_>>(), all.lines().skip(2).collect::<Vec<_>>());
    for nothing in ["\\", "r%l", "nobody@example.com"] {
        let ran = users(&world, store, &["find", nothing]);
        assert!(ran.code == Some(1) && ran.stderr.contains("no account is found"), "{nothing}: {ran:?}");
    }
    assert_eq!(users(&world, store, &["find", "two\nlines"]).code, Some(2));
}

fn an_account_is_shown_without_its_hash(store: Store) {
    let world = start(store);
    world.sign_up(Person::ANN);
    world.api().log_in_with(Person::ANN, "not the password");
    for name in [Person::ANN.email, Person::ANN.phone, "ANN.ANDERSSON@example.com"] {
        let shown = users(&world, store, &["show", name]).good();
        for text in [
            Person::ANN.email,
            Person::ANN.phone,
            "1 by e-mail",
            "0 by number",
            "authn_login_fail",
            "user_created",
            "Locked           no",
        ] {
            assert!(shown.contains(text), "{text}: {shown}");
        }
        assert!(shown.contains("Sessions         1") && shown.contains("127.0.0.1"), "{shown}");
        assert!(!shown.contains("$otp1$") && !shown.contains("$2b$"), "{shown}");
    }
    let ran = users(&world, store, &["show", "nobody@example.com"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("users find"), "{ran:?}");
    assert_eq!(users(&world, store, &["show", "ann"]).code, Some(2), "a part names no account");
}

fn asvs_7_4_2_a_locked_account_is_over_at_once_and_an_unlocked_one_is_not(store: Store) {
    let world = start(store);
    let tokens = world.sign_up(Person::ANN);
    let bob = world.sign_up(Person::BOB);
    let open = world.api().log_in(Person::ANN);
    let lock = ["lock", Person::ANN.email, "--reason", "phone stolen"];

    let unconfirmed = users(&world, store, &lock);
    assert!(unconfirmed.code == Some(2) && unconfirmed.stderr.contains("--yes"), "{unconfirmed:?}");
    assert_eq!(world.api().me(&tokens.access).status, 200);
    let told = users(&world, store, &[&lock[..], &["--yes"]].concat()).good();
    assert!(told.contains("locked") && told.contains("users unlock"), "{told}");

    assert_eq!(world.api().me(&tokens.access).outcome(), "401 invalid-token");
    assert_eq!(world.api().refresh(&tokens.refresh).outcome(), "401 invalid-token");
    let code = world.code(Person::ANN);
    assert_eq!(world.api().verify(&open.at("/challenge/id"), &code).outcome(), "410 challenge-closed");
    assert_eq!(world.api().log_in(Person::ANN).outcome(), "401 invalid-credentials");
    assert_eq!(world.api().me(&bob.access).status, 200);
    assert!(users(&world, store, &[&lock[..], &["--yes"]].concat()).good().contains("Nothing to do"));
    let shown = users(&world, store, &["show", Person::ANN.phone]).good();
    assert!(shown.contains("phone stolen") && shown.contains("authn_login_lock"), "{shown}");
    assert!(users(&world, store, &["find", "ann."]).good().trim_end().ends_with("locked"));

    users(&world, store, &["unlock", Person::ANN.email, "--yes"]).good();
    assert_eq!(world.api().me(&tokens.access).outcome(), "401 invalid-token");
    proven(&world, &world.api().log_in(Person::ANN), Person::ANN);
    assert!(users(&world, store, &["unlock", Person::ANN.email, "--yes"]).good().contains("Nothing to do"));
}

fn asvs_6_4_6_a_reset_is_started_at_a_terminal(store: Store) {
    let world = start(store);
    world.sign_up(Person::ANN);
    let reset = ["reset", Person::ANN.email];
    assert_eq!(users(&world, store, &reset).code, Some(2), "it asks first");

    let told = users(&world, store, &[&reset[..], &["--yes"]].concat()).good();

    assert!(told.contains("The reset is started") && !told.contains(&world.code(Person::ANN)), "{told}");
    assert_eq!(world.simulator.codes(Person::ANN.phone).len(), 2, "the code of the reset has gone");
    let shown = users(&world, store, &["show", Person::ANN.email]).good();
    assert!(shown.contains("authn_password_reset_start"), "{shown}");
    let nobody = users(&world, store, &["reset", "nobody@example.com", "--yes"]);
    assert!(nobody.code == Some(1) && nobody.stderr.contains("no such account"), "{nobody:?}");
    users(&world, store, &["lock", Person::ANN.email, "--reason", "gone", "--yes"]).good();
    let locked = users(&world, store, &[&reset[..], &["--yes"]].concat());
    assert!(locked.code == Some(1) && locked.stderr.contains("users unlock"), "{locked:?}");
}

fn a_deleted_account_is_gone(store: Store) {
    let world = start(store);
    let tokens = world.sign_up(Person::ANN);
    assert_eq!(users(&world, store, &["delete", Person::ANN.email]).code, Some(2));
    users(&world, store, &["delete", Person::ANN.email, "--yes"]).good();
    assert_eq!(world.api().me(&tokens.access).outcome(), "401 invalid-token");
    assert_eq!(users(&world, store, &["delete", Person::ANN.email, "--yes"]).code, Some(1));
    world.sign_up(Person::ANN);
}

#[test]
fn what_cannot_be_read_is_refused_before_anything_is_done() {
    let folder = tempdir().unwrap();
    let variables = [("DATABASE_URL", "sqlite://here.sqlite3")];
    run(folder.path(), &variables, &["migrate", "up"]).good();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("people.txt", HEADER);
    write("people.csv", "email,phone\n");
    write("good.csv", HEADER);
    fs::create_dir(folder.path().join("folder.csv")).unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["people.txt"], "--format"),
        (&["-"], "--format"),
        (&["nowhere.csv"], "nowhere.csv"),
        (&["folder.csv"], "folder"),
        (&["people.csv"], "\"phone\" is no column"),
        (&["good.csv", "--report", "good.csv"], "overwrite"),
        (&["good.csv", "--format", "xml"], "xml"),
        (&[], "FILE"),
    ];
    for (arguments, told) in cases {
        let ran = run(folder.path(), &variables, &[&["users", "import"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{arguments:?}: {ran:?}");
    }
    let empty = run(folder.path(), &variables, &["users", "import", "good.csv"]);
    assert_eq!((empty.code, counts(&empty.stdout)), (Some(0), vec![0, 0, 0]), "{empty:?}");
}

#[test]
fn a_database_of_another_schema_is_not_touched() {
    let folder = tempdir().unwrap();
    for url in ["sqlite://here.sqlite3".to_owned(), testkit::postgres::database()] {
        let ran = run(folder.path(), &[("DATABASE_URL", url.as_str())], &["users", "find"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("pending") && ran.stderr.contains("otp-login migrate up"), "{ran:?}");
    }
}

#[test]
fn a_database_that_goes_away_stops_an_import_that_can_be_repeated() {
    let world = start(Store::Postgres);
    let text = format!("{HEADER}\n{}", row(MOVED, MOVED_HASH, true));
    assert_eq!(import(&world, Store::Postgres, "people.csv", &text, &[]).code, Some(0));
    world.database().cut();
    let ran = import(&world, Store::Postgres, "people.csv", &text, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    world.database().open();
    let ran = import(&world, Store::Postgres, "people.csv", &text, &[]);
    assert_eq!((ran.code, counts(&ran.stdout)), (Some(0), vec![0, 1, 0]), "{ran:?}");
}
