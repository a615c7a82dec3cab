//! Time tells nobody whether an e-mail has an account.
//!
//! A machine under test is noisy, so these are rough: they find a hash that is
//! missing or one too many, not a query more.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::admin::{ADMIN_KEY, USERS};
use crate::client::{BINARY, Database, Person, Request, Service};

on_both_databases!(
    en_02_a_wrong_password_takes_as_long_for_unknown_e_mails,
    en_02_locked_and_imported_accounts_take_as_long_as_unknown_e_mails,
    en_07_many_pending_registrations_of_an_e_mail_cost_one_hash,
);

/// A hash takes long enough to stand out from the rest of a request.
const SLOW_HASH: [(&str, &str); 3] = [
    ("OTP_LOGIN__PASSWORD__BCRYPT_COST", "8"),
    ("OTP_LOGIN__OTP__RESEND_COOLDOWN_SECONDS", "0"),
    ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_HOUR", "100"),
];

/// Failures of one name that cost no wait.
const FREE_FAILURES: usize = 5;

fn time_to_refuse(service: &Service, email: &str) -> Duration {
    let begun = Instant::now();
    let answer = service.log_in(email, "not the password");
    let time = begun.elapsed();
    answer.refusal(401, "invalid-credentials");
    time
}

/// The chance that one of `left` is longer than one of `right` (the area under
/// the ROC curve): a half when nobody can tell them apart.
fn chance_to_be_longer(left: &[Duration], right: &[Duration]) -> f64 {
    let pairs = left.iter().flat_map(|left| right.iter().map(move |right| left.cmp(right)));
    let points: u32 = pairs.map(|order| order as i32 + 1).map(i32::unsigned_abs).sum();
    f64::from(points) / 2.0 / f64::from(u32::try_from(left.len() * right.len()).unwrap())
}

fn en_02_a_wrong_password_takes_as_long_for_unknown_e_mails(database: Database) {
    let service = Service::with(database, &SLOW_HASH);
    let known: Vec<String> = (0..20).map(|_| service.signed_up().0.email).collect();
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    for _ in 0..FREE_FAILURES {
        for (place, email) in known.iter().enumerate() {
            of_known.push(time_to_refuse(&service, email));
            of_unknown.push(time_to_refuse(&service, &format!("nobody{place}@example.com")));
        }
    }
    let chance = chance_to_be_longer(&of_known, &of_unknown);
    assert!((0.35..=0.65).contains(&chance), "known e-mails take longer with chance {chance}");
}

/// A hash of the test vectors of jBCrypt, of a lower cost than ours.
const IMPORTED_HASH: &str = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";

/// Imports accounts beside the running service.
fn import(service: &Service, database_url: &str, people: &[Person]) {
    let row = |person: &Person| format!("{},{},{IMPORTED_HASH},true\n", person.email, person.phone);
    let rows: String = people.iter().map(row).collect();
    let file = service.server.folder().join("people.csv");
    fs::write(file, format!("email,phone_number,password_hash,verified\n{rows}")).unwrap();
    let imported = Command::new(BINARY)
        .args(["users", "import", "people.csv"])
        .current_dir(service.server.folder())
        .env("DATABASE_URL", database_url)
        .output()
        .unwrap();
    assert!(imported.status.success(), "{imported:?}");
}

fn lock(service: &Service, access_token: &str) {
    let id = service.me(access_token).json()["id"].as_str().unwrap().to_owned();
    let request = Request::post(&format!("{USERS}/{id}/lock")).bearer(ADMIN_KEY);
    service.send(&request.json(&json!({"reason": "phone stolen"}))).assert_status(204);
}

fn en_02_locked_and_imported_accounts_take_as_long_as_unknown_e_mails(database: Database) {
    let url = database.url();
    let settings = [&SLOW_HASH[..], &[("OTP_LOGIN__ADMIN__API_KEY", ADMIN_KEY)]].concat();
    let service = Service::at(&url, &settings);
    let locked: Vec<Person> = (0..20)
        .map(|_| {
            let (person, tokens) = service.signed_up();
            lock(&service, &tokens.access_token);
            person
        })
        .collect();
    let imported: Vec<Person> = (0..20).map(|_| service.person()).collect();
    import(&service, &url, &imported);

    let refusal = |email: &str, password: &str| {
        let begun = Instant::now();
        service.log_in(email, password).refusal(401, "invalid-credentials");
        begun.elapsed()
    };
    let (mut of_locked, mut of_imported, mut of_unknown) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..FREE_FAILURES {
        for (place, (locked, imported)) in locked.iter().zip(&imported).enumerate() {
            // Also the right password of a locked account is a wrong one.
            let password = if round % 2 == 0 { &locked.password } else { "not the password" };
            of_locked.push(refusal(&locked.email, password));
            of_unknown.push(refusal(&format!("nobody{place}@example.com"), "not the password"));
            of_imported.push(refusal(&imported.email, "not the password"));
        }
    }
    for (what, times) in [("locked accounts", &of_locked), ("imported accounts", &of_imported)] {
        let chance = chance_to_be_longer(times, &of_unknown);
        assert!((0.35..=0.65).contains(&chance), "{what} take longer with chance {chance}");
    }
}

fn en_07_many_pending_registrations_of_an_e_mail_cost_one_hash(database: Database) {
    let service = Service::with(database, &SLOW_HASH);
    let crowded = service.person();
    for place in 0..20 {
        let phone = service.person().phone;
        service.registered(&Person {
            phone,
            password: format!("a password numbered {place}"),
            ..crowded.clone()
        });
    }
    let least = |email: &str| (0..FREE_FAILURES).map(|_| time_to_refuse(&service, email)).min().unwrap();
    let (many, none) = (least(&crowded.email), least("nobody@example.com"));
    assert!(many < none * 4, "{many:?} with 20 registrations, {none:?} without");
}
