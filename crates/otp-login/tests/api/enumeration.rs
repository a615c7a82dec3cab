//! Time tells nobody whether an e-mail has an account.
//!
//! A machine under test is noisy, so these are rough: they find a hash that is
//! missing or one too many, not a query more.

use std::time::{Duration, Instant};

use crate::client::{Database, Person, Service};

on_both_databases!(
    en_02_a_wrong_password_takes_as_long_for_unknown_e_mails,
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
